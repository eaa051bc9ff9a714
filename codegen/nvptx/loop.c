// LOOP kernels on a GPU: which points a thread has, and what it does there. See loop.h.
#include "codegen/nvptx/loop.h"

#include <string.h>

// Where a thread stands.
typedef struct thread {
    dn_emit *e;
    dn_unit_plan *plan;
    dn_point at;                // of its unit's first point
    uint32_t known;             // bits of axes with an index
    LLVMValueRef *values;       // those known there
    LLVMValueRef unit, member;  // i32: numbers in the block
    LLVMValueRef exists;        // i1: its unit does; NULL: all do
} thread;

LLVMValueRef *dn_unit_values(dn_unit_plan *plan, LLVMValueRef const *values) {
    size_t size = (size_t)plan->kernel.n_values * sizeof *values;
    LLVMValueRef *copy = dn_arena_alloc(&plan->arena, size + 1);
    if (values) memcpy(copy, values, size);
    return copy;
}

// ---- conditions ----

void dn_when_begin(dn_emit *e, dn_arena *arena, dn_when *when, LLVMValueRef condition,
                   LLVMValueRef *values, int n) {
    *when = (dn_when){.values = values, .n = n};
    if (!condition) return;
    LLVMBasicBlockRef then = LLVMAppendBasicBlockInContext(e->context, e->function, "then");
    when->old = DN_NEW_ARRAY(arena, LLVMValueRef, n + 1);
    for (int i = 0; i < n; i++) when->old[i] = values[i];
    when->before = LLVMGetInsertBlock(e->builder);
    when->after = LLVMAppendBasicBlockInContext(e->context, e->function, "after");
    LLVMBuildCondBr(e->builder, condition, then, when->after);
    LLVMPositionBuilderAtEnd(e->builder, then);
}

void dn_when_end(dn_emit *e, dn_when *when) {
    if (!when->after) return;
    LLVMBasicBlockRef from[] = {when->before, LLVMGetInsertBlock(e->builder)};
    LLVMBuildBr(e->builder, when->after);
    LLVMPositionBuilderAtEnd(e->builder, when->after);
    for (int i = 0; i < when->n; i++) {
        LLVMValueRef values[] = {when->old[i], when->values[i]};
        LLVMValueRef phi = LLVMBuildPhi(e->builder, LLVMTypeOf(values[0]), "");
        LLVMAddIncoming(phi, values, from, 2);
        when->values[i] = phi;
    }
}

// ---- the unit of a thread ----

static LLVMValueRef number(dn_emit *e, int64_t value) {
    return LLVMConstInt(e->index, (unsigned long long)value, false);
}

static LLVMValueRef small(dn_emit *e, int value) {
    return LLVMConstInt(e->i32, (unsigned)value, false);
}

static LLVMValueRef to_index(dn_emit *e, LLVMValueRef value) {
    return LLVMBuildIntCast2(e->builder, value, e->index, false, "");
}

// The next digit of *rest, which has `size` of them, least first.
static LLVMValueRef digit(dn_emit *e, LLVMValueRef *rest, int64_t size) {
    LLVMValueRef own = LLVMBuildURem(e->builder, *rest, number(e, size), "");
    *rest = LLVMBuildUDiv(e->builder, *rest, number(e, size), "");
    return own;
}

static void set_axis(thread *t, int axis, LLVMValueRef index, int multiple) {
    if (multiple > 1) index = LLVMBuildNSWMul(t->e->builder, index, number(t->e, multiple), "");
    t->at.index[axis] = index;
    t->known |= 1u << axis;
}

static void set_lanes(thread *t, LLVMValueRef index) {
    set_axis(t, t->plan->lane, index, t->plan->width);
    t->at.lanes = t->at.multiple = t->plan->width;
    t->at.axis = t->at.lanes > 1 ? t->plan->lane : -1;
}

// The outer axes, of a number that counts all their points.
static void set_outer(thread *t, LLVMValueRef rest) {
    const dn_unit_plan *p = t->plan;
    for (int i = p->n_outer - 1; i >= 0; i--) {
        int axis = p->outer[i];
        set_axis(t, axis, i ? digit(t->e, &rest, p->kernel.axes[axis].size) : rest, 1);
    }
}

static void and_exists(thread *t, LLVMValueRef condition) {
    t->exists = t->exists ? LLVMBuildAnd(t->e->builder, t->exists, condition, "") : condition;
}

static LLVMValueRef below(thread *t, LLVMValueRef value, int64_t limit) {
    return LLVMBuildICmp(t->e->builder, LLVMIntULT, value, number(t->e, limit), "");
}

// Units in a row: the lane axis last.
static void find_unit(thread *t) {
    const dn_unit_plan *p = t->plan;
    dn_emit *e = t->e;
    LLVMValueRef self = dn_nvptx_thread(e), block = to_index(e, dn_nvptx_block(e));
    LLVMValueRef divisor = small(e, p->near ? p->team : p->across);
    LLVMValueRef low = LLVMBuildURem(e->builder, self, divisor, "");
    LLVMValueRef high = LLVMBuildUDiv(e->builder, self, divisor, "");
    t->unit = p->near ? high : low;
    t->member = p->near ? low : high;
    LLVMValueRef rest = LLVMBuildNSWMul(e->builder, block, number(e, p->across), "");
    rest = LLVMBuildNSWAdd(e->builder, rest, to_index(e, t->unit), "");
    int64_t units = 1;
    for (int i = 0; i < p->n_outer; i++) units *= p->kernel.axes[p->outer[i]].size;
    int64_t wide = p->lane < 0 ? 1 : p->kernel.axes[p->lane].size / p->width;
    if (units * wide % p->across) and_exists(t, below(t, rest, units * wide));
    if (p->lane >= 0) set_lanes(t, p->n_outer ? digit(e, &rest, wide) : rest);
    set_outer(t, rest);
}

// A rectangle of units on the tile and lane axes.
static void find_unit_in_tile(thread *t) {
    const dn_unit_plan *p = t->plan;
    dn_emit *e = t->e;
    LLVMBuilderRef b = e->builder;
    LLVMValueRef self = dn_nvptx_thread(e), rest = to_index(e, dn_nvptx_block(e));
    int axes[] = {p->lane, p->tile}, each[] = {p->width, p->height};
    int threads[] = {p->across, p->down};
    LLVMValueRef own[] = {LLVMBuildURem(b, self, small(e, p->across), ""),
                          LLVMBuildUDiv(b, self, small(e, p->across), "")};
    for (int i = 0; i < 2; i++) {
        int64_t units = p->kernel.axes[axes[i]].size / each[i];
        int64_t blocks = (units + threads[i] - 1) / threads[i];
        LLVMValueRef index = digit(e, &rest, blocks);
        index = LLVMBuildNSWMul(b, index, number(e, threads[i]), "");
        index = LLVMBuildNSWAdd(b, index, to_index(e, own[i]), "");
        if (units % threads[i]) and_exists(t, below(t, index, units));
        own[i] = index;
    }
    set_lanes(t, own[0]);
    set_axis(t, p->tile, own[1], p->height);
    t->known &= ~(1u << p->tile);  // each of the unit's points has its own
    set_outer(t, rest);
}

// Computes what is known already of the first `n` values.
static void hoist(thread *t, int n) {
    t->values = dn_unit_values(t->plan, t->values);
    dn_emit_known(t->e, t->plan->axes, &t->at, t->known, 0, n, t->values);
}

// ---- points ----

static void emit_point(thread *t, const dn_point *at, LLVMValueRef *values) {
    dn_emit_values(t->e, at, 0, t->e->kernel->n_values, values);
    dn_emit_stores(t->e, at, true, values);
    dn_emit_stores(t->e, at, false, values);
}

// The values behind the reductions, and their stores.
static void emit_after(thread *t, const LLVMValueRef *slots) {
    const dn_kernel *k = t->e->kernel;
    LLVMValueRef *values = dn_unit_values(t->plan, t->values);
    dn_slots_finish(t->e, slots, values);
    dn_emit_values(t->e, &t->at, k->n_body, k->n_values, values);
    dn_emit_stores(t->e, &t->at, false, values);
}

// Reads value i, at all points of a tile, in the direction of the tile axis.
static void read_across(thread *t, int i, const dn_point *at, LLVMValueRef **values) {
    const dn_unit_plan *p = t->plan;
    const dn_kvalue *v = &p->kernel.values[i];
    LLVMBuilderRef b = t->e->builder;
    LLVMTypeRef type = dn_emit_type(t->e, v->dtype, p->width);
    for (int k = 0; k < p->height; k++) values[k][i] = LLVMGetPoison(type);
    for (int l = 0; l < p->width; l++) {
        dn_point column = at[0];
        column.index[p->lane] = LLVMBuildNSWAdd(b, column.index[p->lane], number(t->e, l), "");
        column.lanes = column.multiple = p->height;
        column.axis = p->height > 1 ? p->tile : -1;
        LLVMValueRef read = dn_emit_load(t->e, v->arg, &v->access, &column);
        for (int k = 0; k < p->height; k++) {
            LLVMValueRef one = read;
            if (p->height > 1) one = LLVMBuildExtractElement(b, read, dn_emit_i64(t->e, k), "");
            values[k][i] = p->width == 1 ? one
                                         : LLVMBuildInsertElement(b, values[k][i], one,
                                                                  dn_emit_i64(t->e, l), "");
        }
    }
}

static void emit_tile(thread *t) {
    const dn_unit_plan *p = t->plan;
    dn_point at[DN_TILE_HEIGHT];
    LLVMValueRef *values[DN_TILE_HEIGHT];
    for (int k = 0; k < p->height; k++) {
        at[k] = t->at;
        at[k].index[p->tile] =
            LLVMBuildNSWAdd(t->e->builder, t->at.index[p->tile], number(t->e, k), "");
        values[k] = dn_unit_values(t->plan, t->values);
    }
    for (int i = 0; i < p->kernel.n_values; i++)
        if (dn_unit_across(p, i)) read_across(t, i, at, values);
    for (int k = 0; k < p->height; k++) emit_point(t, &at[k], values[k]);
}

static void emit_points(thread *t) {
    const dn_kernel *k = t->e->kernel;
    if (t->plan->tile >= 0) {
        emit_tile(t);
    } else if (t->plan->n_reduce || k->n_reductions) {
        LLVMValueRef *slots = DN_NEW_ARRAY(&t->plan->arena, LLVMValueRef, dn_slots(k) + 1);
        dn_unit_reduce(t->e, t->plan, &t->at, NULL, t->values, slots);
        emit_after(t, slots);
    } else {
        emit_point(t, &t->at, t->values);
    }
}

// The SEQUENTIAL axes from the `depth`th on, and the points inside.
static void emit_sequence(thread t, int depth) {
    const dn_unit_plan *p = t.plan;
    hoist(&t, p->kernel.n_values);
    if (depth == p->n_sequential) {
        emit_points(&t);
        return;
    }
    int axis = p->sequential[depth];
    dn_loop loop;
    dn_loop_begin(t.e, &loop, number(t.e, 0), number(t.e, p->kernel.axes[axis].size),
                  number(t.e, 1), NULL, 0);
    set_axis(&t, axis, loop.index, 1);
    emit_sequence(t, depth + 1);
    dn_loop_end(t.e, &loop);
}

// ---- windows that overlap ----

// The points of the axes that a team shares.
static void emit_together(thread t) {
    const dn_unit_plan *p = t.plan;
    dn_emit *e = t.e;
    dn_when when;
    dn_loop loop;
    dn_when_begin(e, &t.plan->arena, &when, t.exists, NULL, 0);
    dn_loop_begin(e, &loop, to_index(e, t.member), number(e, p->vectors), number(e, p->team), NULL,
                  0);
    LLVMValueRef rest = loop.index;
    for (int i = p->n_together - 1; i >= 0; i--) {
        int axis = p->together[i];
        set_axis(&t, axis, i ? digit(e, &rest, p->kernel.axes[axis].size) : rest, 1);
    }
    hoist(&t, p->kernel.n_values);
    emit_points(&t);
    dn_loop_end(e, &loop);
    dn_when_end(e, &when);
}

// The other SEQUENTIAL axes from the `depth`th on. All threads of the block go through them.
static void emit_steps(thread t, int depth) {
    const dn_unit_plan *p = t.plan;
    if (depth == p->n_sequential) {
        emit_together(t);
        dn_nvptx_barrier(t.e);
        return;
    }
    dn_loop loop;
    int axis = p->sequential[depth];
    dn_loop_begin(t.e, &loop, number(t.e, 0), number(t.e, p->kernel.axes[axis].size),
                  number(t.e, 1), NULL, 0);
    set_axis(&t, axis, loop.index, 1);
    emit_steps(t, depth + 1);
    dn_loop_end(t.e, &loop);
}

// What is stored is also read by other threads, which LLVM must not think impossible.
static void emit_windows(thread *t) {
    unsigned noalias = LLVMGetEnumAttributeKindForName("noalias", strlen("noalias"));
    for (int i = 0; i < t->plan->kernel.n_stores; i++)
        LLVMRemoveEnumAttributeAtIndex(t->e->function, (unsigned)t->plan->kernel.stores[i].arg + 1,
                                       noalias);
    emit_steps(*t, 0);
}

// ---- teams ----

// All threads of a block meet between the reduction and what follows it, also those without a unit.
static void emit_team(thread *t) {
    dn_emit *e = t->e;
    dn_unit_plan *p = t->plan;
    dn_when when;
    dn_unit_shared shared;
    int n = dn_slots(&p->kernel);
    LLVMValueRef *slots = DN_NEW_ARRAY(&p->arena, LLVMValueRef, n + 1);
    dn_unit_slots(e, p, slots);
    dn_when_begin(e, &p->arena, &when, t->exists, slots, n);
    thread inner = *t;
    hoist(&inner, p->kernel.n_body);
    dn_unit_reduce(e, p, &t->at, to_index(e, t->member), inner.values, slots);
    dn_when_end(e, &when);
    dn_unit_join(e, p, t->unit, t->member, slots, &shared);
    and_exists(t, LLVMBuildICmp(e->builder, LLVMIntEQ, t->member, small(e, 0), ""));
    dn_when_begin(e, &p->arena, &when, t->exists, NULL, 0);
    dn_unit_collect(e, p, t->unit, &shared, slots);
    emit_after(t, slots);
    dn_when_end(e, &when);
}

// ---- a kernel ----

static void emit_thread(dn_emit *e, dn_unit_plan *plan) {
    thread t = {.e = e, .plan = plan, .at = {.axis = -1, .lanes = 1}};
    if (plan->tile >= 0)
        find_unit_in_tile(&t);
    else
        find_unit(&t);
    if (plan->n_together) {
        emit_windows(&t);
        return;
    }
    if (plan->team > 1) {
        emit_team(&t);
        return;
    }
    dn_when when;
    dn_when_begin(e, &plan->arena, &when, t.exists, NULL, 0);
    emit_sequence(t, 0);
    dn_when_end(e, &when);
}

dn_status dn_nvptx_emit_loop(dn_emit *e, const dn_nvptx *target, dn_cuda_kernel *launch) {
    (void)target;  // the same for all
    dn_unit_plan plan;
    const dn_kernel *kernel = e->kernel;
    dn_unit_plan_make(kernel, &plan);
    e->kernel = &plan.kernel;
    if (plan.grid) emit_thread(e, &plan);
    launch->grid = plan.grid ? plan.grid : 1;
    launch->block = dn_unit_threads(&plan);
    e->kernel = kernel;
    dn_unit_plan_free(&plan);
    return DN_SUCCESS;
}
