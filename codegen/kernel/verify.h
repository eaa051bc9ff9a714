// Parts of the verifier.
#ifndef DN_CODEGEN_VERIFY_H
#define DN_CODEGEN_VERIFY_H

#include "codegen/kernel/kernel.h"

// Two different points of the parallel axes never store to the same place. True where it is not
// known: large kernels whose strides do not show it.
bool dn_store_independent(const dn_kernel *kernel, const dn_store *store);
// The same, but true only where strides show it.
bool dn_store_apart(const dn_kernel *kernel, const dn_store *store);
// The geometry of a contraction, its axes and the sizes of its operands.
dn_status dn_contract_verify(const dn_kernels *kernels, const dn_kernel *kernel) DN_MUST_USE;

#endif
