// What kernels touch: shared by the verifier, the memory plan and the counts.
#ifndef DN_CODEGEN_ACCESS_H
#define DN_CODEGEN_ACCESS_H

#include "codegen/kernel/kernel.h"

int64_t dn_buffer_bytes(const dn_buffer *buffer);

// No point of the axes exists: of all of them (body), or of those that are not REDUCE.
bool dn_kernel_empty(const dn_kernel *kernel, bool body);
// How many points there are.
double dn_kernel_points(const dn_kernel *kernel, bool body);

// The smallest and largest index that an access takes over all points of a kernel that is not
// empty. False if they are too large for 64 bits.
bool dn_access_range(const dn_kernel *kernel, const dn_access *access, int64_t *low, int64_t *high);
// The argument that the kernels which do this one need for themselves; -1: none.
int dn_kernel_scratch(const dn_kernel *kernel);
// The element of its buffer at which an argument begins.
int64_t dn_kernel_begin(const dn_kernel *kernel, int arg);
// The same index at each point.
bool dn_access_same(const dn_kernel *kernel, const dn_access *a, const dn_access *b);

// What a kernel does with argument `arg`; a store that adds does both.
bool dn_kernel_reads(const dn_kernel *kernel, int arg);
bool dn_kernel_writes(const dn_kernel *kernel, int arg);
// It looks up rows by number, which may be outside the table.
bool dn_kernel_can_fail(const dn_kernel *kernel);

// Argument `to` may be in the memory of argument `from` (they may be one): the kernel reads `from`
// where it writes `to`, at the same point, before it, and nowhere else.
bool dn_kernel_in_place(const dn_kernel *kernel, int from, int to);

#endif
