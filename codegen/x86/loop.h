// The schedule of LOOP kernels. The order of a sum, the same for every instruction set and however
// tasks are cut:
//   lanes over a PARALLEL axis (or none): each result is summed over the REDUCE axes in order;
//   lanes over a REDUCE axis, which becomes the innermost: element k goes to accumulator
//     k / width % accumulators, lane k % width; accumulator k + half is then added to k for half =
//     accumulators / 2, ..., 1; then the same with lanes.
// Where a float's sum is long, rounds of the innermost axis are taken in blocks of DN_SUM_BLOCK;
// what is left of a lane axis comes after them.
#ifndef DN_CODEGEN_X86_LOOP_H
#define DN_CODEGEN_X86_LOOP_H

#include "codegen/kernel/simplify.h"
#include "codegen/llvm/accumulate.h"
#include "codegen/x86/x86.h"

enum { DN_SUM_BLOCK = 256, DN_MOST_PIECES = 8, DN_TILE = 8 };

typedef struct dn_loop_plan {
    dn_arena arena;
    dn_kernel kernel;                   // simplified
    uint32_t *axes;                     // of each value: bits of the axes that it depends on
    int outer[DN_MAX_AXES], n_outer;    // loops, outer to inner, without lanes
    int reduce[DN_MAX_AXES], n_reduce;  // loops, outer to inner; lanes over the last, if any
    int lane;                           // the axis that lanes go over, or -1
    int width;                          // lanes
    // Something is read in the direction of this axis, across the lanes: DN_TILE indices of it are
    // treated at once, so that what is read can be transposed in registers. It is the last outer
    // axis. -1: none.
    int tile;
    int accumulators;    // of a reduction whose lanes go over a REDUCE axis
    bool blocks;         // float sums are long: innermost blocks are summed first
    double body, after;  // cost of the body and of what follows it, in operations
    // Tasks: all indices of outer[0 .. whole), then `chunk` indices of the axis `cut` (-1: one
    // task).
    int whole, cut;
    int64_t chunk, chunks, tasks;
} dn_loop_plan;

void dn_loop_plan_make(const dn_kernel *kernel, dn_loop_plan *plan);
void dn_loop_plan_free(dn_loop_plan *plan);
static inline bool dn_loop_lanes_reduce(const dn_loop_plan *plan) {
    return plan->lane >= 0 && plan->kernel.axes[plan->lane].kind == DN_AXIS_REDUCE;
}

// ---- reductions (loop_reduce.c) ----
// Some consecutive points.
typedef struct dn_piece {
    dn_point at;
    LLVMValueRef *values;
} dn_piece;

// `count` points from `index` on the axis that the lanes go over: fewer than 64.
void dn_loop_lanes(dn_point *at, int axis, LLVMValueRef index, int count);

// ---- transposing (loop_tile.c) ----
// Whether value i is read in the direction of the tile axis.
bool dn_loop_across(const dn_loop_plan *plan, int i);
// Sets the values that are in DN_TILE pieces, at consecutive indices of the tile axis.
void dn_loop_transpose(dn_emit *e, const dn_loop_plan *plan, dn_piece *pieces);

// Runs the REDUCE axes for `n` pieces at once. known: bits of the axes that have an index. Where
// lanes go over a REDUCE axis there is one, scalar, piece. Its RESULT values are set.
void dn_loop_reduce(dn_emit *e, dn_loop_plan *plan, dn_piece *pieces, int n, uint32_t known);

// A copy of the entries for a kernel's values.
LLVMValueRef *dn_loop_values(dn_loop_plan *plan, LLVMValueRef const *values);

#endif
