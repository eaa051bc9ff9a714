// The schedule of LOOP kernels on a GPU.
//
// A unit is what one thread, or one team of threads, computes: `width` neighbours on the lane axis,
// at each of `height` indices of the tile axis. A block has `across` units with `team` threads for
// each; the threads of a team share the points of the REDUCE axes.
//
// The order of a sum depends on sizes alone. `step` neighbours of the last REDUCE axis are lanes;
// such vectors are numbered, those on the last axis first, and vector v goes to accumulator v /
// team % unroll of member v % team. A member joins accumulator k + half to k, for half = unroll /
// 2, ..., 1; then its lanes in the same way; then members of a team in one warp are joined, by xor
// of 1, 2, ...; then warps, in order.
#ifndef DN_CODEGEN_NVPTX_LOOP_H
#define DN_CODEGEN_NVPTX_LOOP_H

#include "codegen/kernel/simplify.h"
#include "codegen/llvm/accumulate.h"
#include "codegen/nvptx/nvptx.h"

enum { DN_TILE_HEIGHT = 4, DN_MOST_UNROLL = 16 };

typedef struct dn_unit_plan {
    dn_arena arena;
    dn_kernel kernel;  // simplified
    uint32_t *axes;    // of each value: bits of the axes that it depends on
    // The PARALLEL axes: `outer`, outer to inner, then tile, then lane (-1: none).
    int outer[DN_MAX_AXES], n_outer;
    int lane, width;
    // Something is read in the direction of the tile axis, across the lanes: transposed in
    // registers.
    int tile, height;
    int sequential[DN_MAX_AXES], n_sequential;  // loops, outer to inner
    // SEQUENTIAL axes of windows that overlap: no two points of them meet while the others stand
    // still. The threads of a team share them, and wait for each other before the others go on.
    int together[DN_MAX_AXES], n_together;
    // Threads that go through the SEQUENTIAL axes for one unit, each to store to rows of its own:
    // every owners-th. A power of two.
    int owners;
    int reduce[DN_MAX_AXES], n_reduce;  // in the order that they are gone through
    int64_t vectors;                    // of the REDUCE axes; or points of `together`
    int step;
    int unroll;    // accumulators: a power of two
    int team;      // threads of a unit: a power of two
    bool near;     // those of a team are neighbours; else they are `across` apart
    int across;    // units of a block; of a tile: side by side on the lane axis
    int down;      // of a tile: on top of each other on the tile axis
    int64_t grid;  // blocks
} dn_unit_plan;

void dn_unit_plan_make(const dn_kernel *kernel, dn_unit_plan *plan);
void dn_unit_plan_free(dn_unit_plan *plan);

static inline int dn_unit_threads(const dn_unit_plan *plan) {
    return plan->across * (plan->tile < 0 ? plan->team : plan->down);
}
// Whether value i is read in the direction of the tile axis.
bool dn_unit_across(const dn_unit_plan *plan, int i);

// ---- where a thread stands (loop_unit.c) ----
typedef struct dn_unit_thread {
    dn_emit *e;
    dn_unit_plan *plan;
    dn_point at;                // of its unit's first point
    uint32_t known;             // bits of axes with an index
    LLVMValueRef *values;       // those known there
    LLVMValueRef unit, member;  // i32: numbers in the block
    LLVMValueRef owner;         // an index: of rows; NULL: there are none
    LLVMValueRef exists;        // i1: its unit does; NULL: all do
} dn_unit_thread;

void dn_unit_find(dn_unit_thread *t);
void dn_unit_set_axis(dn_unit_thread *t, int axis, LLVMValueRef index, int multiple);
void dn_unit_require(dn_unit_thread *t, LLVMValueRef condition);  // so that its unit exists
LLVMValueRef dn_unit_number(dn_emit *e, int64_t value);           // as an e->index
LLVMValueRef dn_unit_index(dn_emit *e, LLVMValueRef value);
// The next digit of *rest, which has `size` of them, least first.
LLVMValueRef dn_unit_digit(dn_emit *e, LLVMValueRef *rest, int64_t size);

// ---- points (loop.c) ----
// A copy of the entries for a kernel's values; NULL: nothing is known.
LLVMValueRef *dn_unit_values(dn_unit_plan *plan, LLVMValueRef const *values);

// Computes what is known already of the first `n` values.
void dn_unit_hoist(dn_unit_thread *t, int n);
// All that is done at the thread's point of the PARALLEL and SEQUENTIAL axes.
void dn_unit_points(dn_unit_thread *t);

// Runs what is emitted until dn_when_end where `condition` holds (NULL: always). values[n] keep
// what they were before where it does not.
typedef struct dn_when {
    LLVMBasicBlockRef before, after;
    LLVMValueRef *values, *old;
    int n;
} dn_when;
void dn_when_begin(dn_emit *e, dn_arena *arena, dn_when *when, LLVMValueRef condition,
                   LLVMValueRef *values, int n);
void dn_when_end(dn_emit *e, dn_when *when);

// ---- SEQUENTIAL axes (loop_sequence.c) ----
void dn_unit_sequence(dn_unit_thread *t);
// The same for plan->together. All threads of the block call it.
void dn_unit_windows(dn_unit_thread *t);

// ---- reductions (loop_reduce.c) ----
// The member's part of the REDUCE axes at a point of the others: the body, its stores, and what its
// accumulators have in `slots`, joined to one. `values`: those known there.
void dn_unit_reduce(dn_emit *e, dn_unit_plan *plan, const dn_point *at, LLVMValueRef member,
                    LLVMValueRef const *values, LLVMValueRef *slots);
// slots of a thread that has no points.
void dn_unit_slots(dn_emit *e, const dn_unit_plan *plan, LLVMValueRef *slots);

// Joins the slots of a team. All threads of the block call it; `unit` and `member` are numbers in
// the block. Those of member 0 are complete only behind dn_unit_collect, which only they run.
typedef struct dn_unit_shared {
    LLVMValueRef *arrays;  // of each slot: [part][unit]
    int parts, units;
} dn_unit_shared;
void dn_unit_join(dn_emit *e, dn_unit_plan *plan, LLVMValueRef unit, LLVMValueRef member,
                  LLVMValueRef *slots, dn_unit_shared *shared);
void dn_unit_collect(dn_emit *e, const dn_unit_plan *plan, LLVMValueRef unit,
                     const dn_unit_shared *shared, LLVMValueRef *slots);

#endif
