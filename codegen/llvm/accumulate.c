// Accumulators of reductions. What they do is what codegen/interp/reduce.c does: maxima are NaN if
// there is one; the index is that of the first best element, NaN counting as best.
#include "codegen/llvm/accumulate.h"

#include <math.h>
#include <stdlib.h>

static bool is_arg(const dn_reduction *r) { return r->op == DN_OP_ARGMAX || r->op == DN_OP_ARGMIN; }

static dn_dtype value_dtype(const dn_kernel *k, const dn_reduction *r) {
    return is_arg(r) ? k->values[r->value].dtype : r->dtype;
}

int dn_slots(const dn_kernel *kernel) {
    int n = 0;
    for (int i = 0; i < kernel->n_reductions; i++) n += 1 + is_arg(&kernel->reductions[i]);
    return n;
}

// ---- starting ----

static LLVMValueRef least(LLVMTypeRef scalar, dn_dtype dtype) {
    if (dn_dtype_is_float(dtype)) return LLVMConstReal(scalar, -HUGE_VAL);
    unsigned bits = LLVMGetIntTypeWidth(scalar);
    bool is_signed = dtype == DN_I32 || dtype == DN_I64;
    return LLVMConstInt(scalar, is_signed ? 1ull << (bits - 1) : 0, false);
}

static LLVMValueRef greatest(LLVMTypeRef scalar, dn_dtype dtype) {
    if (dn_dtype_is_float(dtype)) return LLVMConstReal(scalar, HUGE_VAL);
    return LLVMConstNot(least(scalar, dtype));
}

// What changes no result.
static LLVMValueRef start_of(dn_emit *e, const dn_reduction *r, int lanes) {
    dn_dtype dtype = value_dtype(e->kernel, r);
    LLVMTypeRef scalar = dn_emit_scalar(e, dtype);
    switch (r->op) {
        case DN_OP_REDUCE_SUM: return LLVMConstNull(dn_emit_type(e, dtype, lanes));
        case DN_OP_REDUCE_PROD: return dn_emit_number(e, dn_emit_type(e, dtype, lanes), 1);
        case DN_OP_REDUCE_MAX:
        case DN_OP_ARGMAX: return dn_emit_splat(e, least(scalar, dtype), lanes);
        default: return dn_emit_splat(e, greatest(scalar, dtype), lanes);
    }
}

void dn_slots_start(dn_emit *e, int lanes, LLVMValueRef *slots) {
    for (int i = 0; i < e->kernel->n_reductions; i++) {
        const dn_reduction *r = &e->kernel->reductions[i];
        *slots++ = start_of(e, r, lanes);
        if (is_arg(r)) *slots++ = LLVMConstNull(dn_emit_type(e, r->dtype, lanes));
    }
}

// ---- combining ----

static LLVMValueRef binary(dn_emit *e, dn_op op, dn_dtype dtype, LLVMValueRef a, LLVMValueRef b) {
    LLVMValueRef in[] = {a, b};
    return dn_emit_op(e, op, dtype, dtype, in);
}

static LLVMValueRef compare(dn_emit *e, dn_op op, dn_dtype dtype, LLVMValueRef a, LLVMValueRef b) {
    LLVMValueRef in[] = {a, b};
    return dn_emit_op(e, op, dtype, DN_BOOL, in);
}

static LLVMValueRef combine(dn_emit *e, const dn_reduction *r, LLVMValueRef a, LLVMValueRef b) {
    switch (r->op) {
        case DN_OP_REDUCE_SUM: return binary(e, DN_OP_ADD, r->dtype, a, b);
        case DN_OP_REDUCE_PROD: return binary(e, DN_OP_MUL, r->dtype, a, b);
        case DN_OP_REDUCE_MAX: return binary(e, DN_OP_MAX, r->dtype, a, b);
        default: return binary(e, DN_OP_MIN, r->dtype, a, b);
    }
}

static LLVMValueRef both(dn_emit *e, LLVMValueRef a, LLVMValueRef b) {
    return LLVMBuildAnd(e->builder, a, b, "");
}

// slot = (value, index), or what is in the slot already if that is as good. in_order: what is
// there came first; else the index decides between equals.
static void choose(dn_emit *e, const dn_reduction *r, LLVMValueRef slot[2], LLVMValueRef value,
                   LLVMValueRef index, bool in_order) {
    dn_dtype dtype = value_dtype(e->kernel, r);
    LLVMValueRef nan = compare(e, DN_OP_NE, dtype, value, value);
    LLVMValueRef was_nan = compare(e, DN_OP_NE, dtype, slot[0], slot[0]);
    LLVMValueRef better =
        compare(e, r->op == DN_OP_ARGMAX ? DN_OP_GT : DN_OP_LT, dtype, value, slot[0]);
    LLVMValueRef first_nan = both(e, nan, LLVMBuildNot(e->builder, was_nan, ""));
    better = LLVMBuildOr(e->builder, better, first_nan, "");
    if (!in_order) {
        LLVMValueRef equal = LLVMBuildOr(e->builder, compare(e, DN_OP_EQ, dtype, value, slot[0]),
                                         both(e, nan, was_nan), "");
        equal = both(e, equal, compare(e, DN_OP_LT, r->dtype, index, slot[1]));
        better = LLVMBuildOr(e->builder, better, equal, "");
    }
    slot[0] = LLVMBuildSelect(e->builder, better, value, slot[0], "");
    slot[1] = LLVMBuildSelect(e->builder, better, index, slot[1], "");
}

void dn_slots_join(dn_emit *e, LLVMValueRef *slots, LLVMValueRef const *more) {
    for (int i = 0; i < e->kernel->n_reductions; i++) {
        const dn_reduction *r = &e->kernel->reductions[i];
        if (is_arg(r))
            choose(e, r, slots, more[0], more[1], false);
        else
            *slots = combine(e, r, *slots, *more);
        slots += 1 + is_arg(r);
        more += 1 + is_arg(r);
    }
}

// ---- adding ----

// The first `own` lanes of a value and then those of `fill`, as many as a slot has.
static LLVMValueRef complete(dn_emit *e, LLVMValueRef value, int own, LLVMValueRef fill) {
    int lanes = dn_emit_lanes(fill), given = dn_emit_lanes(value);
    if (given == 1 && lanes > 1) value = dn_emit_splat(e, value, given = lanes);
    if (own == lanes) return value;
    LLVMValueRef order[64], head[64];
    for (int l = 0; l < lanes; l++)
        order[l] = LLVMConstInt(e->i32, (unsigned long long)(l < own ? l : given), false);
    for (int l = 0; l < given; l++) head[l] = LLVMGetAggregateElement(fill, 0);
    return LLVMBuildShuffleVector(e->builder, value, LLVMConstVector(head, (unsigned)given),
                                  LLVMConstVector(order, (unsigned)lanes), "");
}

// Which point of the REDUCE axes each lane of a slot is, counted in row-major order.
static LLVMValueRef index_of(dn_emit *e, const dn_reduction *r, const dn_point *at, int lanes) {
    LLVMTypeRef type = dn_emit_scalar(e, r->dtype);
    LLVMValueRef index = LLVMConstNull(type), steps[64];
    int64_t stride = 1, step = 0;
    for (int a = e->kernel->n_axes - 1; a >= 0; a--) {
        const dn_axis *axis = &e->kernel->axes[a];
        if (axis->kind != DN_AXIS_REDUCE) continue;
        if (at->index[a]) {
            LLVMValueRef own = LLVMBuildIntCast2(e->builder, at->index[a], type, true, "");
            LLVMValueRef number = LLVMConstInt(type, (unsigned long long)stride, true);
            index = LLVMBuildAdd(e->builder, index, LLVMBuildMul(e->builder, own, number, ""), "");
        }
        if (at->axis == a) step = stride;
        stride *= axis->size;
    }
    index = dn_emit_splat(e, index, lanes);
    if (!step || lanes == 1) return index;
    for (int l = 0; l < lanes; l++)
        steps[l] = LLVMConstInt(type, (unsigned long long)(l * step), false);
    return LLVMBuildAdd(e->builder, index, LLVMConstVector(steps, (unsigned)lanes), "");
}

// With one axis to reduce over, points come in the order of their numbers.
static bool in_order(const dn_kernel *kernel) {
    int axes = 0;
    for (int a = 0; a < kernel->n_axes; a++) axes += kernel->axes[a].kind == DN_AXIS_REDUCE;
    return axes <= 1;
}

void dn_slots_add(dn_emit *e, const dn_point *at, LLVMValueRef const *values, LLVMValueRef *slots) {
    for (int i = 0; i < e->kernel->n_reductions; i++) {
        const dn_reduction *r = &e->kernel->reductions[i];
        int lanes = dn_emit_lanes(*slots), own = at->exist ? at->exist : at->lanes;
        LLVMValueRef value = values[r->value];
        if (!is_arg(r)) {
            LLVMValueRef in[] = {value};
            value = dn_emit_op(e, DN_OP_CAST, e->kernel->values[r->value].dtype, r->dtype, in);
        }
        value = complete(e, value, own, start_of(e, r, lanes));
        if (is_arg(r))
            choose(e, r, slots, value, index_of(e, r, at, lanes), in_order(e->kernel));
        else
            *slots = combine(e, r, *slots, value);
        slots += 1 + is_arg(r);
    }
}

// ---- ending ----

static LLVMValueRef half_of(dn_emit *e, LLVMValueRef vector, int first, int count) {
    if (count == 1) return LLVMBuildExtractElement(e->builder, vector, dn_emit_i64(e, first), "");
    LLVMValueRef order[64];
    for (int l = 0; l < count; l++)
        order[l] = LLVMConstInt(e->i32, (unsigned long long)(first + l), false);
    return LLVMBuildShuffleVector(e->builder, vector, LLVMGetPoison(LLVMTypeOf(vector)),
                                  LLVMConstVector(order, (unsigned)count), "");
}

void dn_slots_join_lanes(dn_emit *e, LLVMValueRef *slots) {
    int n = dn_slots(e->kernel);
    if (!n) return;
    LLVMValueRef *upper = dn_xcalloc((size_t)n, sizeof *upper);
    for (int half = dn_emit_lanes(slots[0]) / 2; half; half /= 2) {
        for (int i = 0; i < n; i++) {
            upper[i] = half_of(e, slots[i], half, half);
            slots[i] = half_of(e, slots[i], 0, half);
        }
        dn_slots_join(e, slots, upper);
    }
    free(upper);
}

void dn_slots_finish(dn_emit *e, LLVMValueRef const *slots, LLVMValueRef *values) {
    const dn_kernel *k = e->kernel;
    for (int i = 0; i < k->n_values; i++) {
        const dn_kvalue *v = &k->values[i];
        if (v->kind != DN_KV_RESULT) continue;
        int slot = 0;
        for (int r = 0; r < v->arg; r++) slot += 1 + is_arg(&k->reductions[r]);
        values[i] = slots[slot + is_arg(&k->reductions[v->arg])];
    }
}
