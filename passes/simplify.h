// Simplification: constant folding and algebra that does not change a float result in any bit
// except the sign of zero and NaN payloads (x+0, x*1, x/1, --x, select of a constant, reshape of
// reshape, transpose of transpose, broadcast of a constant, casts to the same dtype, reductions
// over no axes, slices and pads of nothing, double stop_gradient). What divides by a zero sees its
// sign. The rules are in simplify_arithmetic.c and simplify_movement.c, one line each.
//
// requires: nothing. breaks: nothing. Rebuilds the graph: dead nodes disappear, hash-consing merges
// what became equal. Inputs and variables keep their indices.
#ifndef DN_PASSES_SIMPLIFY_H
#define DN_PASSES_SIMPLIFY_H

#include "ir/graph.h"

dn_graph *dn_simplify(const dn_graph *graph);

#endif
