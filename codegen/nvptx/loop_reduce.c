// The REDUCE axes of a LOOP kernel: a thread's own part, and joining those of a team. See loop.h
// for the order of sums.
#include <stdlib.h>

#include "codegen/nvptx/loop.h"

enum { WARP = 32 };

static LLVMValueRef number(dn_emit *e, int64_t value) {
    return LLVMConstInt(e->index, (unsigned long long)value, false);
}

// ---- a member's part ----

typedef struct part {
    dn_emit *e;
    dn_unit_plan *plan;
    const dn_point *at;
    LLVMValueRef member;
    LLVMValueRef const *values;
    LLVMValueRef *slots;  // [accumulator][slot]
    int each;             // slots of an accumulator
} part;

static int lanes_of(const dn_unit_plan *p) { return p->near ? p->step : p->width; }

void dn_unit_slots(dn_emit *e, const dn_unit_plan *plan, LLVMValueRef *slots) {
    dn_slots_start(e, plan->near ? 1 : plan->width, slots);
}

// The point of the REDUCE axes that vector `vector` begins with.
static dn_point point_of(const part *p, LLVMValueRef vector) {
    const dn_unit_plan *plan = p->plan;
    LLVMBuilderRef b = p->e->builder;
    dn_point at = *p->at;
    for (int i = plan->n_reduce - 1; i >= 0; i--) {
        int axis = plan->reduce[i], step = i == plan->n_reduce - 1 ? plan->step : 1;
        LLVMValueRef size = number(p->e, plan->kernel.axes[axis].size / step);
        LLVMValueRef index = i ? LLVMBuildURem(b, vector, size, "") : vector;
        if (i) vector = LLVMBuildUDiv(b, vector, size, "");
        if (step > 1) {
            index = LLVMBuildNSWMul(b, index, number(p->e, step), "");
            at.axis = axis;
            at.lanes = at.multiple = step;
        }
        at.index[axis] = index;
    }
    return at;
}

// The body at a vector, into accumulator k.
static void body(const part *p, int k, LLVMValueRef vector) {
    dn_emit *e = p->e;
    dn_point at = point_of(p, vector);
    LLVMValueRef *values = dn_unit_values(p->plan, p->values);
    dn_emit_values(e, &at, 0, e->kernel->n_body, values);
    dn_slots_add(e, &at, values, p->slots + k * p->each);
    dn_emit_stores(e, &at, true, values);
}

// The member's vector behind `first`.
static LLVMValueRef own(const part *p, LLVMValueRef first) {
    return p->plan->team == 1 ? first : LLVMBuildNSWAdd(p->e->builder, first, p->member, "");
}

// A round: a vector for each accumulator and member, from `first` on.
static void round_of(const part *p, LLVMValueRef first) {
    for (int k = 0; k < p->plan->unroll; k++) {
        LLVMValueRef begin = number(p->e, (int64_t)k * p->plan->team);
        body(p, k, own(p, LLVMBuildNSWAdd(p->e->builder, first, begin, "")));
    }
}

// The vectors from `first` on, fewer than a round.
static void rest_of(const part *p, int64_t first) {
    const dn_unit_plan *plan = p->plan;
    for (int k = 0; first < plan->vectors; k++, first += plan->team) {
        LLVMValueRef vector = own(p, number(p->e, first)), exists = NULL;
        if (first + plan->team > plan->vectors)
            exists =
                LLVMBuildICmp(p->e->builder, LLVMIntSLT, vector, number(p->e, plan->vectors), "");
        dn_when when;
        dn_when_begin(p->e, &p->plan->arena, &when, exists, p->slots + k * p->each, p->each);
        body(p, k, vector);
        dn_when_end(p->e, &when);
    }
}

void dn_unit_reduce(dn_emit *e, dn_unit_plan *plan, const dn_point *at, LLVMValueRef member,
                    LLVMValueRef const *values, LLVMValueRef *slots) {
    part p = {.e = e,
              .plan = plan,
              .at = at,
              .member = member,
              .values = values,
              .each = dn_slots(&plan->kernel)};
    int64_t round = (int64_t)plan->team * plan->unroll, whole = plan->vectors / round * round;
    p.slots = DN_NEW_ARRAY(&plan->arena, LLVMValueRef, plan->unroll * p.each + 1);
    for (int k = 0; k < plan->unroll; k++) dn_slots_start(e, lanes_of(plan), p.slots + k * p.each);
    if (whole == round) {
        round_of(&p, number(e, 0));
    } else if (whole) {
        dn_loop loop;
        dn_loop_begin(e, &loop, number(e, 0), number(e, whole), number(e, round), p.slots,
                      plan->unroll * p.each);
        round_of(&p, loop.index);
        dn_loop_end(e, &loop);
    }
    rest_of(&p, whole);
    for (int half = plan->unroll / 2; half; half /= 2)
        for (int k = 0; k < half; k++)
            dn_slots_join(e, p.slots + k * p.each, p.slots + (k + half) * p.each);
    if (plan->near) dn_slots_join_lanes(e, p.slots);
    for (int i = 0; i < p.each; i++) slots[i] = p.slots[i];
}

// ---- a team ----

// Joins those of a team that are in one warp; each has the result.
static void join_warp(dn_emit *e, dn_unit_plan *plan, LLVMValueRef *slots) {
    int n = dn_slots(&plan->kernel), first = plan->near ? 1 : plan->across;
    int end = first * plan->team < WARP ? first * plan->team : WARP;
    LLVMValueRef *others = DN_NEW_ARRAY(&plan->arena, LLVMValueRef, n + 1);
    for (int mask = first; mask < end; mask *= 2) {
        for (int i = 0; i < n; i++) others[i] = dn_nvptx_shuffle_xor(e, slots[i], mask);
        dn_slots_join(e, slots, others);
    }
}

// The address of a part's slot.
static LLVMValueRef address(dn_emit *e, const dn_unit_shared *shared, int slot, LLVMTypeRef type,
                            LLVMValueRef at) {
    return LLVMBuildInBoundsGEP2(e->builder, type, shared->arrays[slot], &at, 1, "");
}

void dn_unit_join(dn_emit *e, dn_unit_plan *plan, LLVMValueRef unit, LLVMValueRef member,
                  LLVMValueRef *slots, dn_unit_shared *shared) {
    LLVMBuilderRef b = e->builder;
    int n = dn_slots(&plan->kernel), apart = plan->near ? 1 : plan->across;
    int in_warp = apart < WARP ? WARP / apart : 1;  // members of a unit
    join_warp(e, plan, slots);
    *shared = (dn_unit_shared){.parts = plan->team / in_warp, .units = plan->across};
    if (shared->parts <= 1 || !n) return;
    shared->arrays = DN_NEW_ARRAY(&plan->arena, LLVMValueRef, n);
    LLVMValueRef every = LLVMConstInt(e->i32, (unsigned)in_warp, false), first = NULL;
    LLVMValueRef part_number = LLVMBuildUDiv(b, member, every, "");
    if (in_warp > 1)
        first = LLVMBuildICmp(b, LLVMIntEQ, LLVMBuildURem(b, member, every, ""),
                              LLVMConstNull(e->i32), "");
    LLVMValueRef at = LLVMConstInt(e->i32, (unsigned)shared->units, false);
    at = LLVMBuildNSWAdd(b, LLVMBuildNSWMul(b, part_number, at, ""), unit, "");
    for (int i = 0; i < n; i++)
        shared->arrays[i] = dn_nvptx_shared(e, LLVMTypeOf(slots[i]),
                                            (int64_t)shared->parts * shared->units, 16, "parts");
    dn_when when;
    dn_when_begin(e, &plan->arena, &when, first, NULL, 0);
    for (int i = 0; i < n; i++)
        LLVMBuildStore(b, slots[i], address(e, shared, i, LLVMTypeOf(slots[i]), at));
    dn_when_end(e, &when);
    dn_nvptx_barrier(e);
}

void dn_unit_collect(dn_emit *e, const dn_unit_plan *plan, LLVMValueRef unit,
                     const dn_unit_shared *shared, LLVMValueRef *slots) {
    int n = dn_slots(&plan->kernel);
    if (!shared->arrays) return;
    LLVMValueRef *more = dn_xcalloc((size_t)n, sizeof *more);
    for (int k = 1; k < shared->parts; k++) {
        LLVMValueRef at = LLVMConstInt(e->i32, (unsigned)(k * shared->units), false);
        at = LLVMBuildNSWAdd(e->builder, unit, at, "");
        for (int i = 0; i < n; i++) {
            LLVMTypeRef type = LLVMTypeOf(slots[i]);
            more[i] = LLVMBuildLoad2(e->builder, type, address(e, shared, i, type, at), "");
        }
        dn_slots_join(e, slots, more);
    }
    free(more);
}
