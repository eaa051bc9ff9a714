// Fitting an arena into a budget: what is held for long is made again where it is used next.
//
// Results keep their bits: the same kernels run on the same values, or parts of them whose sums are
// taken in the same order. Method: while the arena is too large, of all values that could be given
// up for a while (dn_remake) the one that brings most for its arithmetic and traffic is; at the end
// what turned out not to be needed is taken back.
#ifndef DN_CODEGEN_KERNEL_RECOMPUTE_H
#define DN_CODEGEN_KERNEL_RECOMPUTE_H

#include "codegen/kernel/kernel.h"

typedef struct dn_recompute {
    int64_t before, after;  // bytes of the arena
    int kernels;            // more than before
    double flops, more;     // of all kernels before, and how many more now
} dn_recompute;

// Changes planned and counted kernels until their arena has at most `budget` bytes, and plans them.
// False if that cannot be reached: they then need as little as was found. Not for kernels of which
// some are constant (dn_kernels_keep_constants).
bool dn_kernels_fit(dn_kernels *kernels, int64_t budget, dn_recompute *out);

#endif
