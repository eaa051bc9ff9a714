// Indexing of lists and tensors: x[i], x[a:b], x[::2], x[..., 0].
#include "frontend/build.h"

typedef struct bounds {
    dn_dim start[DN_MAX_RANK], limit[DN_MAX_RANK], stride[DN_MAX_RANK];
    bool drop[DN_MAX_RANK];
} bounds;

// A position counted from the end when negative.
static dn_dim from_end(dn_build *b, dn_dim i, dn_dim size) {
    return dn_dim_known(i) && i < 0 ? dn_dim_add(b->c->dims, size, i) : i;
}

static bool bound(dn_build *b, const dn_expr *expr, dn_dim otherwise, dn_dim size, dn_dim *out) {
    *out = otherwise;
    if (!expr) return true;
    if (!dn_to_int(b, dn_eval(b, expr), expr->span, "an index", out)) return false;
    *out = from_end(b, *out, size);
    return true;
}

static bool clamp(dn_dim *i, dn_dim size) {
    if (dn_dim_known(*i) && dn_dim_known(size) && *i > size) *i = size;
    if (dn_dim_known(*i) && *i < 0) *i = 0;
    return true;
}

static void report_outside(dn_build *b, const dn_subscript *item, dn_dim i, dn_dim size) {
    dn_build_error(b, item->span, "the index %lld is outside a size of %lld",
                   (long long)(i < 0 ? i - size : i), (long long)size);
}

static bool one_subscript(dn_build *b, const dn_subscript *item, dn_dim size, int axis,
                          bounds *out) {
    out->drop[axis] = !item->is_slice;
    if (item->is_slice) {
        out->stride[axis] = 1;
        if (item->stride && !dn_to_int(b, dn_eval(b, item->stride), item->stride->span, "a stride",
                                       &out->stride[axis]))
            return false;
        return bound(b, item->start, 0, size, &out->start[axis]) &&
               bound(b, item->limit, size, size, &out->limit[axis]) &&
               clamp(&out->start[axis], size) && clamp(&out->limit[axis], size);
    }
    if (!bound(b, item->index, 0, size, &out->start[axis])) return false;
    dn_dim i = out->start[axis];
    if (dn_dim_known(i) && dn_dim_known(size) && (i < 0 || i >= size)) {
        report_outside(b, item, i, size);
        return false;
    }
    out->limit[axis] = dn_dim_add(b->c->dims, i, 1);
    out->stride[axis] = 1;
    return true;
}

static bool collect(dn_build *b, const dn_expr *expr, const dn_type *type, bounds *out) {
    int given = 0;
    for (int i = 0; i < expr->index.count; i++) given += !expr->index.items[i].is_ellipsis;
    if (given > type->rank) {
        dn_build_error(b, expr->span, "%d indices for a tensor with %d axes", given, type->rank);
        return false;
    }
    int axis = 0, whole = type->rank - given;
    for (int i = 0; i < expr->index.count; i++) {
        const dn_subscript *item = &expr->index.items[i];
        if (item->is_ellipsis) {
            for (; whole > 0; whole--, axis++) {
                out->limit[axis] = type->dims[axis];
                out->stride[axis] = 1;
            }
            continue;
        }
        if (!one_subscript(b, item, type->dims[axis], axis, out)) return false;
        axis++;
    }
    for (; axis < type->rank; axis++) {
        out->limit[axis] = type->dims[axis];
        out->stride[axis] = 1;
    }
    return true;
}

static dn_term index_tensor(dn_build *b, const dn_expr *expr, dn_node *x) {
    bounds at = {0};
    if (!collect(b, expr, &x->type, &at)) return dn_term_of(DN_TERM_ERROR);
    int rank = x->type.rank;
    dn_attr_value attrs[] = {dn_attr_dims(DN_ATTR_START, rank, at.start),
                             dn_attr_dims(DN_ATTR_LIMIT, rank, at.limit),
                             dn_attr_dims(DN_ATTR_STRIDE, rank, at.stride)};
    dn_node *node = dn_op_node(b, DN_OP_SLICE, &x, 1, attrs, 3, NULL, expr->span);
    if (!node) return dn_term_of(DN_TERM_ERROR);
    dn_type type = dn_type_scalar(x->type.dtype);
    for (int i = 0; i < rank; i++)
        if (!at.drop[i]) type.dims[type.rank++] = node->type.dims[i];
    if (type.rank != rank)
        node = dn_op_node(b, DN_OP_RESHAPE, &node, 1, NULL, 0, &type, expr->span);
    return node ? dn_term_tensor(node) : dn_term_of(DN_TERM_ERROR);
}

static dn_term index_list(dn_build *b, const dn_expr *expr, dn_term list) {
    if (expr->index.count != 1 || expr->index.items[0].is_ellipsis)
        return dn_build_fail(b, expr->span, "a list has one index");
    bounds at = {0};
    if (!one_subscript(b, &expr->index.items[0], list.list.count, 0, &at))
        return dn_term_of(DN_TERM_ERROR);
    if (!dn_dim_known(at.start[0]) || !dn_dim_known(at.limit[0])) return dn_build_give_up(b);
    if (at.drop[0]) return list.list.items[at.start[0]];
    if (at.stride[0] != 1) return dn_build_fail(b, expr->span, "a list is cut without a stride");
    dn_term part = {.kind = DN_TERM_LIST};
    part.list.items = list.list.items + at.start[0];
    part.list.count = at.limit[0] > at.start[0] ? (int)(at.limit[0] - at.start[0]) : 0;
    return part;
}

dn_term dn_index(dn_build *b, const dn_expr *expr) {
    dn_term base = dn_eval(b, expr->index.base);
    if (dn_term_is_error(base)) return base;
    if (base.kind == DN_TERM_LIST) return index_list(b, expr, base);
    bool in_thunk = b->host && b->frame && !b->frame->decl;
    if (in_thunk && base.kind == DN_TERM_HOST && base.host.type->kind == DN_HOST_LIST)
        return dn_host_value(b, expr);  // the command takes the element
    if (base.kind == DN_TERM_TENSOR || base.kind == DN_TERM_HOST) {
        dn_node *x = dn_to_node(b, base, NULL, expr->index.base->span);
        return x ? index_tensor(b, expr, x) : dn_term_of(DN_TERM_ERROR);
    }
    return dn_build_fail(b, expr->span, "%s has no elements to index", dn_describe(b, &base));
}
