// LOOP kernels as schedules want them.
#ifndef DN_CODEGEN_SIMPLIFY_H
#define DN_CODEGEN_SIMPLIFY_H

#include "codegen/kernel/kernel.h"

// A copy in the arena with fewer axes: those of size 1 are gone, and neighbours that are one axis
// to every access are joined.
void dn_kernel_simplify(dn_arena *arena, const dn_kernel *from, dn_kernel *to);

// The access of value i, or of store i - n_values behind them; NULL: it has none.
const dn_access *dn_kernel_access(const dn_kernel *kernel, int i);

enum { DN_AFTER_REDUCE = 1u << 31 };  // depends on results
// Of each value: bits of the axes that it depends on.
uint32_t *dn_kernel_dependences(dn_arena *arena, const dn_kernel *kernel);

// Of the body's values, reductions and stores (body) or of the others at a point: in operations.
double dn_kernel_cost(const dn_kernel *kernel, bool body);

#endif
