// LOOP kernels on a GPU: what a thread does at its points. See loop.h.
#include "codegen/nvptx/loop.h"

#include <string.h>

LLVMValueRef *dn_unit_values(dn_unit_plan *plan, LLVMValueRef const *values) {
    size_t size = (size_t)plan->kernel.n_values * sizeof *values;
    LLVMValueRef *copy = dn_arena_alloc(&plan->arena, size + 1);
    if (values) memcpy(copy, values, size);
    return copy;
}

// Computes what is known already of the first `n` values.
void dn_unit_hoist(dn_unit_thread *t, int n) {
    t->values = dn_unit_values(t->plan, t->values);
    dn_emit_known(t->e, t->plan->axes, &t->at, t->known, 0, n, t->values);
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

// ---- points ----

static void emit_point(dn_unit_thread *t, const dn_point *at, LLVMValueRef *values) {
    dn_emit_values(t->e, at, 0, t->e->kernel->n_values, values);
    dn_emit_stores(t->e, at, true, values);
    dn_emit_stores(t->e, at, false, values);
}

// The values behind the reductions, and their stores.
static void emit_after(dn_unit_thread *t, const LLVMValueRef *slots) {
    const dn_kernel *k = t->e->kernel;
    LLVMValueRef *values = dn_unit_values(t->plan, t->values);
    dn_slots_finish(t->e, slots, values);
    dn_emit_values(t->e, &t->at, k->n_body, k->n_values, values);
    dn_emit_stores(t->e, &t->at, false, values);
}

// Reads value i, at all points of a tile, in the direction of the tile axis.
static void read_across(dn_unit_thread *t, int i, const dn_point *at, LLVMValueRef **values) {
    const dn_unit_plan *p = t->plan;
    const dn_kvalue *v = &p->kernel.values[i];
    LLVMBuilderRef b = t->e->builder;
    LLVMTypeRef type = dn_emit_type(t->e, v->dtype, p->width);
    for (int k = 0; k < p->height; k++) values[k][i] = LLVMGetPoison(type);
    for (int l = 0; l < p->width; l++) {
        dn_point column = at[0];
        column.index[p->lane] =
            LLVMBuildNSWAdd(b, column.index[p->lane], dn_unit_number(t->e, l), "");
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

static void emit_tile(dn_unit_thread *t) {
    const dn_unit_plan *p = t->plan;
    dn_point at[DN_TILE_HEIGHT];
    LLVMValueRef *values[DN_TILE_HEIGHT];
    for (int k = 0; k < p->height; k++) {
        at[k] = t->at;
        at[k].index[p->tile] =
            LLVMBuildNSWAdd(t->e->builder, t->at.index[p->tile], dn_unit_number(t->e, k), "");
        values[k] = dn_unit_values(t->plan, t->values);
    }
    for (int i = 0; i < p->kernel.n_values; i++)
        if (dn_unit_across(p, i)) read_across(t, i, at, values);
    for (int k = 0; k < p->height; k++) emit_point(t, &at[k], values[k]);
}

void dn_unit_points(dn_unit_thread *t) {
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

// ---- teams ----

// All threads of a block meet between the reduction and what follows it, also those without a unit.
static void emit_team(dn_unit_thread *t) {
    dn_emit *e = t->e;
    dn_unit_plan *p = t->plan;
    dn_when when;
    dn_unit_shared shared;
    int n = dn_slots(&p->kernel);
    LLVMValueRef *slots = DN_NEW_ARRAY(&p->arena, LLVMValueRef, n + 1);
    dn_unit_slots(e, p, slots);
    dn_when_begin(e, &p->arena, &when, t->exists, slots, n);
    dn_unit_thread inner = *t;
    dn_unit_hoist(&inner, p->kernel.n_body);
    dn_unit_reduce(e, p, &t->at, dn_unit_index(e, t->member), inner.values, slots);
    dn_when_end(e, &when);
    dn_unit_join(e, p, t->unit, t->member, slots, &shared);
    dn_unit_require(t, LLVMBuildICmp(e->builder, LLVMIntEQ, t->member, LLVMConstNull(e->i32), ""));
    dn_when_begin(e, &p->arena, &when, t->exists, NULL, 0);
    dn_unit_collect(e, p, t->unit, &shared, slots);
    emit_after(t, slots);
    dn_when_end(e, &when);
}

// ---- a kernel ----

static void emit_thread(dn_emit *e, dn_unit_plan *plan) {
    dn_unit_thread t = {.e = e, .plan = plan, .at = {.axis = -1, .lanes = 1}};
    dn_unit_find(&t);
    if (plan->n_together) {
        dn_unit_windows(&t);
        return;
    }
    if (plan->team > 1) {
        emit_team(&t);
        return;
    }
    dn_when when;
    dn_when_begin(e, &plan->arena, &when, t.exists, NULL, 0);
    dn_unit_sequence(&t);
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
