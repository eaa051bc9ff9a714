// Arithmetic on numbers that are known at compile time, with the bits that it would give at run
// time: floats in their own type, in the order of ops.def's expression; integers only where nothing
// overflows and a CONST node can hold the result exactly.
#ifndef DN_PASSES_FOLD_H
#define DN_PASSES_FOLD_H

#include "ir/graph.h"

// The value of an elementwise op of one or two operands of `dtype`; false if it is not known
// exactly.
bool dn_fold_elementwise(dn_op op, dn_dtype dtype, double x, double y, double *out);
// `x` of dtype `from` converted as by CAST.
bool dn_fold_cast(dn_dtype from, dn_dtype to, double x, double *out);
// The nearest number that `dtype` has, for what a CONST node of it means.
double dn_fold_round(dn_dtype dtype, double x);
// The sum of `count` times x, if a sum in any order and grouping gives exactly it.
bool dn_fold_sum(dn_dtype dtype, double x, int64_t count, double *out);

#endif
