// Shape rules of movement: what changes places of elements, not values.
#include "ir/infer.h"

// The result's dtype, asked for, is the operand's.
static dn_status check_keeps_dtype(dn_call *call, const dn_type *x) {
    if (x->dtype == call->type->dtype) return DN_SUCCESS;
    return dn_fail(DN_INVALID, "%s keeps the dtype: %s to %s", call->name, dn_call_type(call, x),
                   dn_call_type(call, call->type));
}

static dn_status cannot_broadcast(dn_call *call) {
    return dn_fail(DN_INVALID, "cannot broadcast %s to %s", dn_call_type(call, dn_call_in(call, 0)),
                   dn_call_type(call, call->type));
}

dn_status dn_infer_BROADCAST(dn_call *call, dn_type *out) {
    const dn_type *x = dn_call_in(call, 0), *to = call->type;
    int count;
    const dn_dim *axes = dn_call_dims(call, DN_ATTR_AXES, &count);
    DN_TRY(check_keeps_dtype(call, x));
    DN_TRY(dn_check_entries(call, DN_ATTR_AXES, x->rank, 0));
    DN_TRY(dn_check_increasing(call, to, count, axes));
    for (int i = 0; i < count; i++) {
        if (x->dims[i] == to->dims[axes[i]] || x->dims[i] == 1) continue;
        return dn_with_note(
            cannot_broadcast(call),
            "axis %d of size %s would be axis %d of size %s: only size 1 is repeated", i,
            dn_call_dim(call, x->dims[i]), (int)axes[i], dn_call_dim(call, to->dims[axes[i]]));
    }
    *out = *to;
    return DN_SUCCESS;
}

dn_status dn_infer_RESHAPE(dn_call *call, dn_type *out) {
    const dn_type *x = dn_call_in(call, 0), *to = call->type;
    DN_TRY(check_keeps_dtype(call, x));
    dn_dim have = dn_type_elements(call->dims, x), want = dn_type_elements(call->dims, to);
    if (have != want)
        return dn_fail(DN_INVALID, "cannot reshape %s (%s elements) to %s (%s elements)",
                       dn_call_type(call, x), dn_call_dim(call, have), dn_call_type(call, to),
                       dn_call_dim(call, want));
    *out = *to;
    return DN_SUCCESS;
}

dn_status dn_infer_TRANSPOSE(dn_call *call, dn_type *out) {
    const dn_type *x = dn_call_in(call, 0);
    int count;
    const dn_dim *axes = dn_call_dims(call, DN_ATTR_AXES, &count);
    DN_TRY(dn_check_entries(call, DN_ATTR_AXES, x->rank, 0));
    DN_TRY(dn_check_axes(call, x, count, axes));
    *out = *x;
    for (int i = 0; i < count; i++) out->dims[i] = x->dims[axes[i]];
    return DN_SUCCESS;
}

// ---- slice and pad --------------------------------------------------------------------------

static dn_status check_slice(dn_call *call, int axis, dn_dim start, dn_dim limit) {
    dn_dim size = dn_call_in(call, 0)->dims[axis];
    bool fits = !dn_dim_below(dn_dim_sub(call->dims, limit, start), 0) &&
                !dn_dim_below(dn_dim_sub(call->dims, size, limit), 0);
    if (fits) return DN_SUCCESS;
    dn_status status =
        dn_fail(DN_INVALID, "slice: %s:%s is not within axis %d of %s", dn_call_dim(call, start),
                dn_call_dim(call, limit), axis, dn_call_type(call, dn_call_in(call, 0)));
    return dn_with_note(status, "needs 0 <= start <= limit <= %s", dn_call_dim(call, size));
}

dn_status dn_infer_SLICE(dn_call *call, dn_type *out) {
    const dn_type *x = dn_call_in(call, 0);
    const dn_dim *start = dn_call_dims(call, DN_ATTR_START, NULL);
    const dn_dim *limit = dn_call_dims(call, DN_ATTR_LIMIT, NULL);
    const dn_dim *stride = dn_call_dims(call, DN_ATTR_STRIDE, NULL);
    DN_TRY(dn_check_entries(call, DN_ATTR_START, x->rank, 0));
    DN_TRY(dn_check_entries(call, DN_ATTR_LIMIT, x->rank, 0));
    DN_TRY(dn_check_entries(call, DN_ATTR_STRIDE, x->rank, 1));
    *out = *x;
    for (int i = 0; i < x->rank; i++) {
        DN_TRY(check_slice(call, i, start[i], limit[i]));
        // ceil((limit - start) / stride)
        dn_dim span = dn_dim_sub(call->dims, limit[i], start[i]);
        span = dn_dim_add(call->dims, span, dn_dim_sub(call->dims, stride[i], 1));
        out->dims[i] = dn_dim_div(call->dims, span, stride[i]);
    }
    return DN_SUCCESS;
}

dn_status dn_infer_PAD(dn_call *call, dn_type *out) {
    const dn_type *x = dn_call_in(call, 0);
    const dn_dim *lo = dn_call_dims(call, DN_ATTR_LO, NULL);
    const dn_dim *hi = dn_call_dims(call, DN_ATTR_HI, NULL);
    const dn_dim *interior = dn_call_dims(call, DN_ATTR_INTERIOR, NULL);
    DN_TRY(dn_check_entries(call, DN_ATTR_LO, x->rank, 0));
    DN_TRY(dn_check_entries(call, DN_ATTR_HI, x->rank, 0));
    DN_TRY(dn_check_entries(call, DN_ATTR_INTERIOR, x->rank, 0));
    DN_TRY(dn_check_value(call, x->dtype, dn_call_number(call, DN_ATTR_VALUE)));
    *out = *x;
    for (int i = 0; i < x->rank; i++) {
        dn_dim gaps = x->dims[i] == 0 ? 0 : dn_dim_sub(call->dims, x->dims[i], 1);
        dn_dim size = dn_dim_add(call->dims, x->dims[i], dn_dim_mul(call->dims, interior[i], gaps));
        out->dims[i] = dn_dim_add(call->dims, size, dn_dim_add(call->dims, lo[i], hi[i]));
    }
    return DN_SUCCESS;
}

// ---- concat, reverse ------------------------------------------------------------------------

static dn_status check_concat(dn_call *call, int64_t axis, const dn_type *a, const dn_type *b) {
    DN_TRY(dn_check_same_dtype(call, a, b));
    bool alike = a->rank == b->rank;
    int differs = 0;
    for (int i = 0; alike && i < a->rank; i++) {
        alike = i == axis || a->dims[i] == b->dims[i];
        differs = i;
    }
    if (alike) return DN_SUCCESS;
    dn_status status =
        dn_fail(DN_INVALID, "concat along axis %d needs shapes that agree on all others: %s and %s",
                (int)axis, dn_call_type(call, a), dn_call_type(call, b));
    if (a->rank != b->rank) return dn_with_note(status, "ranks %d and %d", a->rank, b->rank);
    return dn_with_note(status, "axis %d: %s against %s", differs,
                        dn_call_dim(call, a->dims[differs]), dn_call_dim(call, b->dims[differs]));
}

dn_status dn_infer_CONCAT(dn_call *call, dn_type *out) {
    int64_t axis = dn_call_int(call, DN_ATTR_AXIS);
    *out = *dn_call_in(call, 0);
    DN_TRY(dn_check_axis(call, out, axis));
    for (int i = 1; i < call->n_in; i++) {
        const dn_type *next = dn_call_in(call, i);
        DN_TRY(check_concat(call, axis, dn_call_in(call, 0), next));
        out->dims[axis] = dn_dim_add(call->dims, out->dims[axis], next->dims[axis]);
    }
    return DN_SUCCESS;
}

dn_status dn_infer_REVERSE(dn_call *call, dn_type *out) {
    int count;
    const dn_dim *axes = dn_call_dims(call, DN_ATTR_AXES, &count);
    DN_TRY(dn_check_increasing(call, dn_call_in(call, 0), count, axes));
    *out = *dn_call_in(call, 0);
    return DN_SUCCESS;
}

// ---- gather and scatter ---------------------------------------------------------------------

static dn_status check_indices(dn_call *call, const dn_type *i) {
    if (i->dtype == DN_I32 || i->dtype == DN_I64) return DN_SUCCESS;
    return dn_with_hint(dn_fail(DN_INVALID, "%s needs i32 or i64 indices, not %s", call->name,
                                dn_call_type(call, i)),
                        "cast them to i32");
}

static dn_status check_has_rows(dn_call *call, const dn_type *x) {
    if (x->rank > 0) return DN_SUCCESS;
    return dn_fail(DN_INVALID, "%s needs rows along axis 0, and %s is a scalar", call->name,
                   dn_call_type(call, x));
}

// [I..., D...] of rows x [V, D...] and indices i [I...]
static dn_status gathered(dn_call *call, const dn_type *x, const dn_type *i, dn_type *out) {
    DN_TRY(check_indices(call, i));
    DN_TRY(check_has_rows(call, x));
    DN_TRY(dn_check_rank(call, i->rank + x->rank - 1));
    *out = dn_type_of(x->dtype, i->rank, i->dims);
    for (int k = 1; k < x->rank; k++) out->dims[out->rank++] = x->dims[k];
    return DN_SUCCESS;
}

dn_status dn_infer_GATHER(dn_call *call, dn_type *out) {
    return gathered(call, dn_call_in(call, 0), dn_call_in(call, 1), out);
}

dn_status dn_infer_SCATTER_ADD(dn_call *call, dn_type *out) {
    const dn_type *u = dn_call_in(call, 1);
    dn_type rows;
    DN_TRY(dn_check_domain(call, DN_DOMAIN_NUMERIC, u->dtype));
    DN_TRY(gathered(call, call->type, dn_call_in(call, 0), &rows));
    if (!dn_type_equal(&rows, u)) {
        dn_status status = dn_fail(DN_INVALID, "scatter_add to %s needs rows %s, not %s",
                                   dn_call_type(call, call->type), dn_call_type(call, &rows),
                                   dn_call_type(call, u));
        return dn_with_note(status, "the indices are %s", dn_call_type(call, dn_call_in(call, 0)));
    }
    *out = *call->type;
    return DN_SUCCESS;
}
