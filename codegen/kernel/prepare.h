// What is rewritten in a graph before it is fused: for kernels only, the interpreter does not see
// it.
//
// - A long reduction to few elements is split in two, so that there is work for several threads:
//   first within chunks of one axis, then over the chunks. Sizes alone decide, so the order of
//   summation does not depend on the machine.
// - The operands of a DOT that cannot be walked with one stride for rows, columns and the sum are
//   transposed.
// - A contraction with an empty operand is the constant 0.
// - Sums and random numbers of bf16 are those of f32, rounded: kernels sum in f32 and wider.
#ifndef DN_CODEGEN_KERNEL_PREPARE_H
#define DN_CODEGEN_KERNEL_PREPARE_H

#include "ir/graph.h"

dn_graph *dn_kernels_prepare(const dn_graph *graph);

#endif
