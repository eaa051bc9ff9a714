// The REDUCE axes of a LOOP kernel, for some pieces at once. See loop.h for the order of sums.
#include <string.h>

#include "codegen/x86/loop.h"

// Pieces of the body: those of the caller, or the accumulators of a lane axis that is reduced.
typedef struct reducer {
    dn_emit *e;
    dn_loop_plan *plan;
    dn_piece pieces[DN_MOST_PIECES];
    int count, each;      // pieces; slots of a piece
    LLVMValueRef *slots;  // [piece][slot]
    uint32_t known;
    bool over_lanes;  // lanes go over the innermost REDUCE axis
} reducer;

static LLVMValueRef *new_slots(reducer *r) {
    LLVMValueRef *slots = DN_NEW_ARRAY(&r->plan->arena, LLVMValueRef, r->count * r->each + 1);
    for (int k = 0; k < r->count; k++)
        dn_slots_start(r->e, r->over_lanes ? r->plan->width : r->pieces[k].at.lanes,
                       slots + k * r->each);
    return slots;
}

static void join_slots(reducer *r, LLVMValueRef *slots, LLVMValueRef const *more) {
    for (int k = 0; k < r->count; k++) dn_slots_join(r->e, slots + k * r->each, more + k * r->each);
}

// The body at one point of all axes.
static void body(reducer *r, const dn_piece *piece, const dn_point *at, LLVMValueRef *slots) {
    const dn_kernel *k = r->e->kernel;
    LLVMValueRef *values = dn_loop_values(r->plan, piece->values);
    dn_emit_values(r->e, at, 0, k->n_body, values);
    dn_slots_add(r->e, at, values, slots);
    dn_emit_stores(r->e, at, true, values);
}

// The body of piece k at `index` of the innermost axis; `lanes` of them if lanes go over it.
static void body_at(reducer *r, int k, int axis, LLVMValueRef index, int lanes) {
    dn_point at = r->pieces[k].at;
    at.index[axis] = index;
    if (r->over_lanes) dn_loop_lanes(&at, axis, index, lanes);
    body(r, &r->pieces[k], &at, r->slots + k * r->each);
}

// Indices [begin, end) of the innermost axis, in whole rounds.
static void rounds(reducer *r, int axis, LLVMValueRef begin, LLVMValueRef end) {
    int width = r->over_lanes ? r->plan->width : 1;
    LLVMValueRef step = dn_emit_i64(r->e, r->over_lanes ? r->count * width : 1);
    dn_loop loop;
    dn_loop_begin(r->e, &loop, begin, end, step, r->slots, r->count * r->each);
    for (int k = 0; k < r->count; k++) {
        LLVMValueRef index = loop.index;
        if (r->over_lanes && k)
            index = LLVMBuildNSWAdd(r->e->builder, index, dn_emit_i64(r->e, k * width), "");
        body_at(r, k, axis, index, width);
    }
    dn_loop_end(r->e, &loop);
}

// The same, block by block, each summed by itself.
static void blocks(reducer *r, int axis, int64_t end, int64_t block) {
    LLVMValueRef *total = r->slots, most = dn_emit_i64(r->e, end);
    dn_loop loop;
    dn_loop_begin(r->e, &loop, dn_emit_i64(r->e, 0), most, dn_emit_i64(r->e, block), total,
                  r->count * r->each);
    LLVMValueRef last[] = {LLVMBuildNSWAdd(r->e->builder, loop.index, dn_emit_i64(r->e, block), ""),
                           most};
    last[0] = dn_emit_intrinsic(r->e, "llvm.smin", r->e->i64, last, 2);
    r->slots = new_slots(r);
    rounds(r, axis, loop.index, last[0]);
    join_slots(r, total, r->slots);
    dn_loop_end(r->e, &loop);
    r->slots = total;
}

static void innermost(reducer *r, int axis) {
    int64_t size = r->e->kernel->axes[axis].size;
    int width = r->over_lanes ? r->plan->width : 1, step = r->over_lanes ? r->count * width : 1;
    int64_t whole = size / step * step;
    if (r->plan->blocks)
        blocks(r, axis, whole, (int64_t)step * DN_SUM_BLOCK);
    else if (whole)
        rounds(r, axis, dn_emit_i64(r->e, 0), dn_emit_i64(r->e, whole));
    for (int k = 0; whole < size; k++, whole += width) {  // what is left of a lane axis
        int lanes = size - whole < width ? (int)(size - whole) : width;
        body_at(r, k, axis, dn_emit_i64(r->e, whole), lanes);
    }
}

static void loops(reducer *r, int depth) {
    int axis = r->plan->reduce[depth];
    if (depth + 1 == r->plan->n_reduce) {
        innermost(r, axis);
        return;
    }
    reducer inner = *r;
    dn_loop loop;
    dn_loop_begin(r->e, &loop, dn_emit_i64(r->e, 0),
                  dn_emit_i64(r->e, r->e->kernel->axes[axis].size), dn_emit_i64(r->e, 1), r->slots,
                  r->count * r->each);
    inner.known |= 1u << axis;
    for (int k = 0; k < r->count; k++) {
        dn_piece *piece = &inner.pieces[k];
        piece->at.index[axis] = loop.index;
        piece->values = dn_loop_values(r->plan, piece->values);
        dn_emit_known(r->e, r->plan->axes, &piece->at, inner.known, 0, r->e->kernel->n_body,
                      piece->values);
    }
    loops(&inner, depth + 1);
    dn_loop_end(r->e, &loop);
}

// Accumulators to one, its lanes to one.
static void join_accumulators(reducer *r) {
    for (int half = r->count / 2; half; half /= 2)
        for (int k = 0; k < half; k++)
            dn_slots_join(r->e, r->slots + k * r->each, r->slots + (k + half) * r->each);
    dn_slots_join_lanes(r->e, r->slots);
}

void dn_loop_reduce(dn_emit *e, dn_loop_plan *plan, dn_piece *pieces, int n, uint32_t known) {
    reducer r = {.e = e,
                 .plan = plan,
                 .count = n,
                 .each = dn_slots(&plan->kernel),
                 .known = known,
                 .over_lanes = dn_loop_lanes_reduce(plan)};
    if (r.over_lanes) {
        r.count = plan->accumulators;
        for (int k = 0; k < r.count; k++) r.pieces[k] = pieces[0];
    } else {
        memcpy(r.pieces, pieces, (size_t)n * sizeof *pieces);
    }
    r.slots = new_slots(&r);
    if (plan->n_reduce)
        loops(&r, 0);
    else
        for (int k = 0; k < n; k++) body(&r, &pieces[k], &pieces[k].at, r.slots + k * r.each);
    if (r.over_lanes) join_accumulators(&r);
    for (int k = 0; k < n; k++) dn_slots_finish(e, r.slots + k * r.each, pieces[k].values);
}
