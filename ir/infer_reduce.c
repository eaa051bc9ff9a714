// Shape rules of leaves, reductions and contractions.
#include "ir/graph_internal.h"
#include "ir/infer.h"

// ---- leaves ---------------------------------------------------------------------------------

static dn_status infer_indexed(dn_call *call, dn_type *out) {
    int64_t index = dn_call_int(call, DN_ATTR_INDEX);
    if (index < 0 || index >= DN_MAX_LEAF_INDEX)
        return dn_fail(DN_INVALID, "%s: index %lld is not in 0 .. %d", call->name, (long long)index,
                       DN_MAX_LEAF_INDEX - 1);
    *out = *call->type;
    return DN_SUCCESS;
}

dn_status dn_infer_INPUT(dn_call *call, dn_type *out) { return infer_indexed(call, out); }

dn_status dn_infer_VAR(dn_call *call, dn_type *out) { return infer_indexed(call, out); }

dn_status dn_infer_CONST(dn_call *call, dn_type *out) {
    DN_TRY(dn_check_value(call, call->type->dtype, dn_call_number(call, DN_ATTR_VALUE)));
    *out = *call->type;
    return DN_SUCCESS;
}

dn_status dn_infer_IOTA(dn_call *call, dn_type *out) {
    DN_TRY(dn_check_domain(call, DN_DOMAIN_NUMERIC, call->type->dtype));
    DN_TRY(dn_check_axis(call, call->type, dn_call_int(call, DN_ATTR_AXIS)));
    *out = *call->type;
    return DN_SUCCESS;
}

static dn_status infer_random(dn_call *call, dn_type *out) {
    DN_TRY(dn_check_domain(call, DN_DOMAIN_FLOAT, call->type->dtype));
    *out = *call->type;
    return DN_SUCCESS;
}

dn_status dn_infer_UNIFORM(dn_call *call, dn_type *out) { return infer_random(call, out); }

dn_status dn_infer_NORMAL(dn_call *call, dn_type *out) { return infer_random(call, out); }

// ---- reductions -----------------------------------------------------------------------------

static void drop_axes(const dn_type *x, int count, const dn_dim *axes, dn_type *out) {
    bool dropped[DN_MAX_RANK] = {false};
    for (int i = 0; i < count; i++) dropped[axes[i]] = true;
    *out = dn_type_scalar(x->dtype);
    for (int i = 0; i < x->rank; i++)
        if (!dropped[i]) out->dims[out->rank++] = x->dims[i];
}

static dn_status infer_reduce(dn_call *call, dn_type *out) {
    int count;
    const dn_dim *axes = dn_call_dims(call, DN_ATTR_AXES, &count);
    const dn_type *x = dn_call_in(call, 0);
    DN_TRY(dn_check_domain(call, DN_DOMAIN_NUMERIC, x->dtype));
    DN_TRY(dn_check_increasing(call, x, count, axes));
    drop_axes(x, count, axes, out);
    return DN_SUCCESS;
}

dn_status dn_infer_REDUCE_SUM(dn_call *call, dn_type *out) { return infer_reduce(call, out); }

dn_status dn_infer_REDUCE_MAX(dn_call *call, dn_type *out) { return infer_reduce(call, out); }

dn_status dn_infer_REDUCE_MIN(dn_call *call, dn_type *out) { return infer_reduce(call, out); }

dn_status dn_infer_REDUCE_PROD(dn_call *call, dn_type *out) { return infer_reduce(call, out); }

static dn_status infer_arg(dn_call *call, dn_type *out) {
    const dn_type *x = dn_call_in(call, 0);
    dn_dim axis = dn_call_int(call, DN_ATTR_AXIS);
    DN_TRY(dn_check_domain(call, DN_DOMAIN_NUMERIC, x->dtype));
    DN_TRY(dn_check_axis(call, x, axis));
    if (dn_dim_below(x->dims[axis], 1))
        return dn_fail(DN_INVALID, "%s: axis %d of %s is empty", call->name, (int)axis,
                       dn_call_type(call, x));
    drop_axes(x, 1, &axis, out);
    out->dtype = DN_I32;
    return DN_SUCCESS;
}

dn_status dn_infer_ARGMAX(dn_call *call, dn_type *out) { return infer_arg(call, out); }

dn_status dn_infer_ARGMIN(dn_call *call, dn_type *out) { return infer_arg(call, out); }

// ---- contraction ----------------------------------------------------------------------------

// One operand of dot, with the axes that are not free.
typedef struct dot_side {
    const dn_type *type;
    int n_batch, n_contract;
    const dn_dim *batch, *contract;
} dot_side;

static dn_status dot_check_side(dn_call *call, const dot_side *side) {
    dn_dim axes[2 * DN_MAX_RANK];
    int n = 0;
    for (int i = 0; i < side->n_batch; i++) axes[n++] = side->batch[i];
    for (int i = 0; i < side->n_contract; i++) axes[n++] = side->contract[i];
    return dn_check_axes(call, side->type, n, axes);  // a batch axis is not contracted as well
}

// Axes `l` of a and `r` of b go together, so their sizes are one.
static dn_status dot_check_pairs(dn_call *call, const char *what, int n_l, const dn_dim *l, int n_r,
                                 const dn_dim *r) {
    const dn_type *a = dn_call_in(call, 0), *b = dn_call_in(call, 1);
    if (n_l != n_r)
        return dn_fail(DN_INVALID, "dot: as many %s axes on both sides, not %d and %d", what, n_l,
                       n_r);
    for (int i = 0; i < n_l; i++) {
        if (a->dims[l[i]] == b->dims[r[i]]) continue;
        dn_status status = dn_fail(DN_INVALID, "dot: %s sizes differ: %s and %s", what,
                                   dn_call_type(call, a), dn_call_type(call, b));
        return dn_with_note(status, "axis %d of the first is %s, axis %d of the second is %s",
                            (int)l[i], dn_call_dim(call, a->dims[l[i]]), (int)r[i],
                            dn_call_dim(call, b->dims[r[i]]));
    }
    return DN_SUCCESS;
}

static int dot_free_axes(const dot_side *side, dn_dim *dims) {
    bool used[DN_MAX_RANK] = {false};
    int n = 0;
    for (int i = 0; i < side->n_batch; i++) used[side->batch[i]] = true;
    for (int i = 0; i < side->n_contract; i++) used[side->contract[i]] = true;
    for (int i = 0; i < side->type->rank; i++)
        if (!used[i]) dims[n++] = side->type->dims[i];
    return n;
}

dn_status dn_infer_DOT(dn_call *call, dn_type *out) {
    dot_side a = {.type = dn_call_in(call, 0)}, b = {.type = dn_call_in(call, 1)};
    a.batch = dn_call_dims(call, DN_ATTR_LHS_BATCH, &a.n_batch);
    b.batch = dn_call_dims(call, DN_ATTR_RHS_BATCH, &b.n_batch);
    a.contract = dn_call_dims(call, DN_ATTR_LHS_CONTRACT, &a.n_contract);
    b.contract = dn_call_dims(call, DN_ATTR_RHS_CONTRACT, &b.n_contract);
    DN_TRY(dn_check_domain(call, DN_DOMAIN_NUMERIC, a.type->dtype));
    DN_TRY(dn_check_same_dtype(call, a.type, b.type));
    DN_TRY(dot_check_side(call, &a));
    DN_TRY(dot_check_side(call, &b));
    DN_TRY(dot_check_pairs(call, "batch", a.n_batch, a.batch, b.n_batch, b.batch));
    DN_TRY(dot_check_pairs(call, "contracted", a.n_contract, a.contract, b.n_contract, b.contract));
    dn_dim dims[3 * DN_MAX_RANK];
    int rank = 0;
    for (int i = 0; i < a.n_batch; i++) dims[rank++] = a.type->dims[a.batch[i]];
    rank += dot_free_axes(&a, dims + rank);
    rank += dot_free_axes(&b, dims + rank);
    DN_TRY(dn_check_rank(call, rank));
    *out = dn_type_of(a.type->dtype, rank, dims);
    return DN_SUCCESS;
}
