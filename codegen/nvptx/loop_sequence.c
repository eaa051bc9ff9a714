// SEQUENTIAL axes: points that must run in order, because they may add to one place.
#include <string.h>

#include "codegen/nvptx/loop.h"

enum { AHEAD = 8 };  // rows that are looked up before the first is added to

// Over an axis in steps; `t` is then at the loop's index.
static void begin_axis(dn_unit_thread *t, dn_loop *loop, int axis, int step) {
    dn_loop_begin(t->e, loop, dn_unit_number(t->e, 0),
                  dn_unit_number(t->e, t->plan->kernel.axes[axis].size), dn_unit_number(t->e, step),
                  NULL, 0);
    dn_unit_set_axis(t, axis, loop->index, 1);
}

// ---- in order, by one thread ----

static void emit_sequence(dn_unit_thread t, int depth) {
    const dn_unit_plan *p = t.plan;
    dn_unit_hoist(&t, p->kernel.n_values);
    if (depth == p->n_sequential) {
        dn_unit_points(&t);
        return;
    }
    dn_loop loop;
    begin_axis(&t, &loop, p->sequential[depth], 1);
    emit_sequence(t, depth + 1);
    dn_loop_end(t.e, &loop);
}

// ---- adding to rows that several threads own ----

// Value i and those that it is computed of.
static void emit_value(dn_unit_thread *t, int i) {
    const dn_kvalue *v = &t->plan->kernel.values[i];
    if (t->values[i]) return;
    for (int k = 0; k < 3; k++)
        if (v->in[k] >= 0) emit_value(t, v->in[k]);
    dn_emit_values(t->e, &t->at, i, i + 1, t->values);
}

// Whether the thread owns the row that is stored to. All rows have an owner, also those that there
// are not, which are reported.
static LLVMValueRef is_own(dn_unit_thread *t) {
    LLVMBuilderRef b = t->e->builder;
    int row = t->plan->kernel.stores[0].row;
    emit_value(t, row);
    LLVMValueRef number = LLVMBuildIntCast2(b, t->values[row], t->e->index, false, "");
    number = LLVMBuildAnd(b, number, dn_unit_number(t->e, t->plan->owners - 1), "");
    return LLVMBuildICmp(b, LLVMIntEQ, number, t->owner, "");
}

// Consecutive points of the last axis: their rows first, so that they are waited for once.
static void emit_own(const dn_unit_thread *t, int axis, int count) {
    dn_unit_thread at[AHEAD];
    LLVMValueRef own[AHEAD];
    for (int i = 0; i < count; i++) {
        LLVMValueRef index = t->at.index[axis], more = dn_unit_number(t->e, i);
        at[i] = *t;
        at[i].values = dn_unit_values(t->plan, t->values);
        dn_unit_set_axis(&at[i], axis, LLVMBuildNSWAdd(t->e->builder, index, more, ""), 1);
        own[i] = is_own(&at[i]);
    }
    for (int i = 0; i < count; i++) {
        dn_when when;
        dn_when_begin(t->e, &t->plan->arena, &when, own[i], NULL, 0);
        dn_unit_points(&at[i]);
        dn_when_end(t->e, &when);
    }
}

static void emit_rows(dn_unit_thread t, int depth) {
    const dn_unit_plan *p = t.plan;
    int axis = p->sequential[depth];
    bool last = depth + 1 == p->n_sequential;
    int ahead = last ? AHEAD : 1;
    while (p->kernel.axes[axis].size % ahead) ahead /= 2;
    dn_loop loop;
    begin_axis(&t, &loop, axis, ahead);
    if (last)
        emit_own(&t, axis, ahead);
    else
        emit_rows(t, depth + 1);
    dn_loop_end(t.e, &loop);
}

void dn_unit_sequence(dn_unit_thread *t) {
    if (t->plan->owners > 1) {
        t->values = dn_unit_values(t->plan, NULL);
        emit_rows(*t, 0);
    } else {
        emit_sequence(*t, 0);
    }
}

// ---- windows that overlap ----

// The points of the axes that a team shares.
static void emit_together(dn_unit_thread t) {
    const dn_unit_plan *p = t.plan;
    dn_emit *e = t.e;
    dn_when when;
    dn_loop loop;
    dn_when_begin(e, &t.plan->arena, &when, t.exists, NULL, 0);
    dn_loop_begin(e, &loop, dn_unit_index(e, t.member), dn_unit_number(e, p->vectors),
                  dn_unit_number(e, p->team), NULL, 0);
    LLVMValueRef rest = loop.index;
    for (int i = p->n_together - 1; i >= 0; i--) {
        int axis = p->together[i];
        LLVMValueRef index = i ? dn_unit_digit(e, &rest, p->kernel.axes[axis].size) : rest;
        dn_unit_set_axis(&t, axis, index, 1);
    }
    dn_unit_hoist(&t, p->kernel.n_values);
    dn_unit_points(&t);
    dn_loop_end(e, &loop);
    dn_when_end(e, &when);
}

// The other SEQUENTIAL axes from the `depth`th on.
static void emit_steps(dn_unit_thread t, int depth) {
    if (depth == t.plan->n_sequential) {
        emit_together(t);
        dn_nvptx_barrier(t.e);
        return;
    }
    dn_loop loop;
    begin_axis(&t, &loop, t.plan->sequential[depth], 1);
    emit_steps(t, depth + 1);
    dn_loop_end(t.e, &loop);
}

void dn_unit_windows(dn_unit_thread *t) {
    // What is stored is read by other threads, too, which LLVM must not think impossible.
    unsigned noalias = LLVMGetEnumAttributeKindForName("noalias", strlen("noalias"));
    for (int i = 0; i < t->plan->kernel.n_stores; i++)
        LLVMRemoveEnumAttributeAtIndex(t->e->function, (unsigned)t->plan->kernel.stores[i].arg + 1,
                                       noalias);
    emit_steps(*t, 0);
}
