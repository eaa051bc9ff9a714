// Rewrite rules of ops that move elements or reduce them. Each is exact, as in
// simplify_arithmetic.c: moves keep every bit, and a reduction keeps its order of summation.
#include <string.h>

#include "passes/fold.h"
#include "passes/simplify_rules.h"

typedef struct list {
    int count;
    dn_dim at[DN_MAX_RANK];
} list;

static list dims_of(const dn_node *n, dn_attr attr) {
    list l = {0};
    const dn_dim *at = dn_node_dims(n, attr, &l.count);
    for (int i = 0; i < l.count; i++) l.at[i] = at[i];
    return l;
}

static bool has(const list *l, dn_dim value) {
    for (int i = 0; i < l->count; i++)
        if (l->at[i] == value) return true;
    return false;
}

static bool all_are(const list *l, dn_dim value) {
    for (int i = 0; i < l->count; i++)
        if (l->at[i] != value) return false;
    return true;
}

static bool counts_up(const list *l) {
    for (int i = 0; i < l->count; i++)
        if (l->at[i] != i) return false;
    return true;
}

static bool all_known(const list *l) {
    for (int i = 0; i < l->count; i++)
        if (!dn_dim_known(l->at[i])) return false;
    return true;
}

static dn_attr_value attr_of(dn_attr attr, const list *l) {
    return dn_attr_dims(attr, l->count, l->at);
}

static dn_node *with_axes(dn_graph *graph, dn_op op, dn_node *x, const list *axes,
                          const dn_type *type) {
    dn_attr_value attr = attr_of(DN_ATTR_AXES, axes);
    return dn_simplified(graph, op, &x, 1, &attr, 1, type);
}

static bool same_type(const dn_node *a, const dn_node *b) {
    return dn_type_equal(&a->type, &b->type);
}

// ---- any move ----

// Moved elements of a constant are that constant.
static dn_node *move_of_const(dn_graph *graph, dn_node *n) {
    double value;
    return dn_number_of(n->in[0], &value) ? dn_build_const(graph, &n->type, value) : NULL;
}

// A broadcast (whose axes increase), reshape, slice or pad to x's own type is x.
static dn_node *move_to_same(dn_graph *graph, dn_node *n) {
    (void)graph;
    return same_type(n, n->in[0]) ? n->in[0] : NULL;
}

// ---- broadcast ----

// broadcast(broadcast(x)) = broadcast(x)
static dn_node *broadcast_of_broadcast(dn_graph *graph, dn_node *n) {
    const dn_node *inner = n->in[0];
    if (inner->op != DN_OP_BROADCAST) return NULL;
    list axes = dims_of(inner, DN_ATTR_AXES), outer = dims_of(n, DN_ATTR_AXES);
    for (int i = 0; i < axes.count; i++) axes.at[i] = outer.at[axes.at[i]];
    return with_axes(graph, DN_OP_BROADCAST, inner->in[0], &axes, &n->type);
}

// broadcast(x) that only makes axes of size 1 = reshape(x)
static dn_node *broadcast_of_nothing(dn_graph *graph, dn_node *n) {
    list axes = dims_of(n, DN_ATTR_AXES);
    for (int axis = 0, i = 0; axis < n->type.rank; axis++) {
        bool mapped = i < axes.count && axes.at[i] == axis;
        if (n->type.dims[axis] != (mapped ? n->in[0]->type.dims[i] : 1)) return NULL;
        if (mapped) i++;
    }
    return dn_simplified_reshape(graph, n->in[0], &n->type);
}

// `to` is `from` with axes of size 1 put in; at: where from's axes are. False if it is not so.
static bool only_unit_axes_added(const dn_type *from, const dn_type *to, list *at) {
    at->count = 0;
    for (int axis = 0; axis < to->rank; axis++) {
        bool is_next = at->count < from->rank && to->dims[axis] == from->dims[at->count];
        if (is_next)
            at->at[at->count++] = axis;
        else if (to->dims[axis] != 1)
            return false;
    }
    return at->count == from->rank;
}

// broadcast(reshape(x)) = broadcast(x) where the reshape puts in axes of size 1
static dn_node *broadcast_of_unit_axes(dn_graph *graph, dn_node *n) {
    const dn_node *reshape = n->in[0];
    list axes, outer = dims_of(n, DN_ATTR_AXES);
    if (reshape->op != DN_OP_RESHAPE) return NULL;
    dn_node *x = reshape->in[0];
    if (!only_unit_axes_added(&x->type, &reshape->type, &axes)) return NULL;
    for (int i = 0; i < axes.count; i++) axes.at[i] = outer.at[axes.at[i]];
    return with_axes(graph, DN_OP_BROADCAST, x, &axes, &n->type);
}

// ---- reshape, transpose, reverse ----

// reshape(reshape(x)) = reshape(x)
static dn_node *reshape_of_reshape(dn_graph *graph, dn_node *n) {
    const dn_node *inner = n->in[0];
    if (inner->op != DN_OP_RESHAPE) return NULL;
    return dn_simplified_reshape(graph, inner->in[0], &n->type);
}

static dn_node *transpose_of_nothing(dn_graph *graph, dn_node *n) {
    (void)graph;
    list perm = dims_of(n, DN_ATTR_AXES);
    return counts_up(&perm) ? n->in[0] : NULL;
}

// transpose(transpose(x)) = transpose(x)
static dn_node *transpose_of_transpose(dn_graph *graph, dn_node *n) {
    const dn_node *inner = n->in[0];
    if (inner->op != DN_OP_TRANSPOSE) return NULL;
    list perm = dims_of(n, DN_ATTR_AXES), first = dims_of(inner, DN_ATTR_AXES);
    for (int i = 0; i < perm.count; i++) perm.at[i] = first.at[perm.at[i]];
    return with_axes(graph, DN_OP_TRANSPOSE, inner->in[0], &perm, NULL);
}

// transpose(x) that moves only axes of size 1 = reshape(x)
static dn_node *transpose_of_unit_axes(dn_graph *graph, dn_node *n) {
    list perm = dims_of(n, DN_ATTR_AXES);
    dn_dim last = -1;
    for (int i = 0; i < perm.count; i++) {
        if (n->type.dims[i] == 1) continue;
        if (perm.at[i] < last) return NULL;
        last = perm.at[i];
    }
    return dn_simplified_reshape(graph, n->in[0], &n->type);
}

// transpose(broadcast(x)) = broadcast(x) where the axes that x has keep their order
static dn_node *transpose_of_broadcast(dn_graph *graph, dn_node *n) {
    const dn_node *inner = n->in[0];
    if (inner->op != DN_OP_BROADCAST) return NULL;
    list perm = dims_of(n, DN_ATTR_AXES), axes = dims_of(inner, DN_ATTR_AXES), moved = {0};
    for (int i = 0; i < perm.count; i++) {
        if (!has(&axes, perm.at[i])) continue;
        if (axes.at[moved.count] != perm.at[i]) return NULL;
        moved.at[moved.count++] = i;
    }
    return with_axes(graph, DN_OP_BROADCAST, inner->in[0], &moved, &n->type);
}

// Axes of size 1 need no reversing; with no axes left it is x.
static dn_node *reverse_of_unit_axes(dn_graph *graph, dn_node *n) {
    list axes = dims_of(n, DN_ATTR_AXES), left = {0};
    for (int i = 0; i < axes.count; i++)
        if (n->type.dims[axes.at[i]] != 1) left.at[left.count++] = axes.at[i];
    if (left.count == 0) return n->in[0];
    if (left.count == axes.count) return NULL;
    return with_axes(graph, DN_OP_REVERSE, n->in[0], &left, NULL);
}

// reverse(reverse(x)): the axes that are in one of them only
static dn_node *reverse_of_reverse(dn_graph *graph, dn_node *n) {
    const dn_node *inner = n->in[0];
    if (inner->op != DN_OP_REVERSE) return NULL;
    list a = dims_of(n, DN_ATTR_AXES), b = dims_of(inner, DN_ATTR_AXES), axes = {0};
    for (int i = 0; i < n->type.rank; i++)
        if (has(&a, i) != has(&b, i)) axes.at[axes.count++] = i;
    return with_axes(graph, DN_OP_REVERSE, inner->in[0], &axes, NULL);
}

// ---- slice, pad, concat ----

typedef struct range {
    list start, limit, stride;
} range;

static range range_of(const dn_node *slice) {
    return (range){dims_of(slice, DN_ATTR_START), dims_of(slice, DN_ATTR_LIMIT),
                   dims_of(slice, DN_ATTR_STRIDE)};
}

static dn_node *slice(dn_graph *graph, dn_node *x, const range *r) {
    dn_attr_value attrs[] = {attr_of(DN_ATTR_START, &r->start), attr_of(DN_ATTR_LIMIT, &r->limit),
                             attr_of(DN_ATTR_STRIDE, &r->stride)};
    return dn_simplified(graph, DN_OP_SLICE, &x, 1, attrs, 3, NULL);
}

static bool range_known(const range *r) {
    return all_known(&r->start) && all_known(&r->limit) && all_known(&r->stride);
}

// slice(slice(x)) = slice(x), of known sizes: x[a:b:s][c:d:t] starts at a + c s, in steps of s t.
static dn_node *slice_of_slice(dn_graph *graph, dn_node *n) {
    const dn_node *inner = n->in[0];
    if (inner->op != DN_OP_SLICE) return NULL;
    range outer = range_of(n), r = range_of(inner);
    if (!range_known(&outer) || !range_known(&r)) return NULL;
    for (int i = 0; i < n->type.rank; i++) {
        r.start.at[i] += outer.start.at[i] * r.stride.at[i];
        r.stride.at[i] *= outer.stride.at[i];
        if (n->type.dims[i] == 0) return NULL;
        r.limit.at[i] = r.start.at[i] + (n->type.dims[i] - 1) * r.stride.at[i] + 1;
    }
    return slice(graph, inner->in[0], &r);
}

// slice(pad(x)) = x where it takes out exactly what was padded
static dn_node *slice_of_its_pad(dn_graph *graph, dn_node *n) {
    const dn_node *pad = n->in[0];
    if (pad->op != DN_OP_PAD || !same_type(n, pad->in[0])) return NULL;
    range r = range_of(n);
    list lo = dims_of(pad, DN_ATTR_LO), interior = dims_of(pad, DN_ATTR_INTERIOR);
    for (int i = 0; i < lo.count; i++) {
        bool unit = n->type.dims[i] == 1;
        dn_dim step = dn_dim_add(graph->dims, interior.at[i], 1);
        if (r.start.at[i] != lo.at[i] || (!unit && r.stride.at[i] != step)) return NULL;
    }
    return pad->in[0];
}

// slice(pad(x)) = slice(x) where it stays within x, of known sizes and with no padding between
static dn_node *slice_within_pad(dn_graph *graph, dn_node *n) {
    const dn_node *pad = n->in[0];
    if (pad->op != DN_OP_PAD) return NULL;
    const dn_type *x = &pad->in[0]->type;
    range r = range_of(n);
    list lo = dims_of(pad, DN_ATTR_LO), interior = dims_of(pad, DN_ATTR_INTERIOR);
    if (!range_known(&r) || !all_known(&lo) || !all_are(&interior, 0) || !dn_type_known(x))
        return NULL;
    for (int i = 0; i < lo.count; i++) {
        r.start.at[i] -= lo.at[i];
        r.limit.at[i] -= lo.at[i];
        if (r.start.at[i] < 0 || r.limit.at[i] > x->dims[i]) return NULL;
    }
    return slice(graph, pad->in[0], &r);
}

// [a, b) lies in [begin, end): certainly.
static bool lies_within(dn_dim a, dn_dim b, dn_dim begin, dn_dim end) {
    bool above = a == begin || (dn_dim_known(a) && dn_dim_known(begin) && a >= begin);
    return above && (b == end || (dn_dim_known(b) && dn_dim_known(end) && b <= end));
}

// slice(concat(..., x, ...)) = slice(x) where it stays within x
static dn_node *slice_within_concat(dn_graph *graph, dn_node *n) {
    const dn_node *concat = n->in[0];
    if (concat->op != DN_OP_CONCAT) return NULL;
    int axis = (int)dn_node_int(concat, DN_ATTR_AXIS);
    range r = range_of(n);
    dn_dim begin = 0;
    for (int i = 0; i < concat->n_in; i++) {
        dn_dim end = dn_dim_add(graph->dims, begin, concat->in[i]->type.dims[axis]);
        if (lies_within(r.start.at[axis], r.limit.at[axis], begin, end)) {
            r.start.at[axis] = dn_dim_sub(graph->dims, r.start.at[axis], begin);
            r.limit.at[axis] = dn_dim_sub(graph->dims, r.limit.at[axis], begin);
            return slice(graph, concat->in[i], &r);
        }
        begin = end;
    }
    return NULL;
}

// pad(constant) with that constant = the constant
static dn_node *pad_of_const(dn_graph *graph, dn_node *n) {
    double value = dn_fold_round(n->type.dtype, dn_node_number(n, DN_ATTR_VALUE));
    return dn_is_number(n->in[0], value) ? dn_build_const(graph, &n->type, value) : NULL;
}

// pad(pad(x)) = pad(x) with one value, where the outer one puts nothing between
static dn_node *pad_of_pad(dn_graph *graph, dn_node *n) {
    const dn_node *inner = n->in[0];
    list interior = dims_of(n, DN_ATTR_INTERIOR);
    if (inner->op != DN_OP_PAD || !all_are(&interior, 0)) return NULL;
    double value = dn_node_number(n, DN_ATTR_VALUE);
    if (value != dn_node_number(inner, DN_ATTR_VALUE)) return NULL;
    list lo = dims_of(n, DN_ATTR_LO), hi = dims_of(n, DN_ATTR_HI);
    list first_lo = dims_of(inner, DN_ATTR_LO), first_hi = dims_of(inner, DN_ATTR_HI);
    for (int i = 0; i < lo.count; i++) {
        lo.at[i] = dn_dim_add(graph->dims, lo.at[i], first_lo.at[i]);
        hi.at[i] = dn_dim_add(graph->dims, hi.at[i], first_hi.at[i]);
    }
    interior = dims_of(inner, DN_ATTR_INTERIOR);
    dn_attr_value attrs[] = {attr_of(DN_ATTR_LO, &lo), attr_of(DN_ATTR_HI, &hi),
                             attr_of(DN_ATTR_INTERIOR, &interior),
                             dn_attr_number(DN_ATTR_VALUE, value)};
    return dn_simplified(graph, DN_OP_PAD, inner->in, 1, attrs, 4, NULL);
}

// concat(x) = x; concat of one constant several times = the constant
static dn_node *concat_of_alike(dn_graph *graph, dn_node *n) {
    double value;
    if (n->n_in == 1) return n->in[0];
    if (!dn_number_of(n->in[0], &value)) return NULL;
    for (int i = 1; i < n->n_in; i++)
        if (!dn_is_number(n->in[i], value)) return NULL;
    return dn_build_const(graph, &n->type, value);
}

static bool is_concat(const dn_node *n, int64_t axis) {
    return n->op == DN_OP_CONCAT && dn_node_int(n, DN_ATTR_AXIS) == axis;
}

// concat(concat(x, y), z) = concat(x, y, z) along one axis
static dn_node *concat_of_concat(dn_graph *graph, dn_node *n) {
    int64_t axis = dn_node_int(n, DN_ATTR_AXIS);
    int count = 0;
    for (int i = 0; i < n->n_in; i++) count += is_concat(n->in[i], axis) ? n->in[i]->n_in : 1;
    if (count == n->n_in) return NULL;
    dn_arena scratch = {0};
    dn_node **in = DN_NEW_ARRAY(&scratch, dn_node *, count);
    for (int i = 0, at = 0; i < n->n_in; i++) {
        bool nested = is_concat(n->in[i], axis);
        int part = nested ? n->in[i]->n_in : 1;
        memcpy(in + at, nested ? n->in[i]->in : &n->in[i], (size_t)part * sizeof *in);
        at += part;
    }
    dn_node *flat = dn_simplified(graph, DN_OP_CONCAT, in, count, n->attrs, n->n_attrs, NULL);
    dn_arena_free(&scratch);
    return flat;
}

// ---- reduction ----

// Over no axes, or axes of size 1 alone, a reduction is a reshape. (Dropping some of its axes might
// change the order in which a sum is taken.)
static dn_node *reduce_of_unit_axes(dn_graph *graph, dn_node *n) {
    list axes = dims_of(n, DN_ATTR_AXES);
    for (int i = 0; i < axes.count; i++)
        if (n->in[0]->type.dims[axes.at[i]] != 1) return NULL;
    return dn_simplified_reshape(graph, n->in[0], &n->type);
}

// How many elements each result takes; -1 if it is symbolic.
static int64_t reduced_count(const dn_node *n) {
    list axes = dims_of(n, DN_ATTR_AXES);
    int64_t count = 1;
    for (int i = 0; i < axes.count; i++) {
        dn_dim size = n->in[0]->type.dims[axes.at[i]];
        if (!dn_dim_known(size) || __builtin_mul_overflow(count, size, &count)) return -1;
    }
    return count;
}

// The sum of a constant, where every partial sum is exact
static dn_node *sum_of_const(dn_graph *graph, dn_node *n) {
    double x, sum;
    if (!dn_number_of(n->in[0], &x)) return NULL;
    if (x == 0) return dn_build_const(graph, &n->type, 0);
    if (!dn_fold_sum(n->type.dtype, x, reduced_count(n), &sum)) return NULL;
    return dn_build_const(graph, &n->type, sum);
}

// The maximum or minimum of a constant
static dn_node *extremum_of_const(dn_graph *graph, dn_node *n) {
    double x;
    if (!dn_number_of(n->in[0], &x) || reduced_count(n) < 1) return NULL;
    return dn_build_const(graph, &n->type, x);
}

// The product of ones
static dn_node *product_of_ones(dn_graph *graph, dn_node *n) {
    return dn_is_number(n->in[0], 1) ? dn_build_const(graph, &n->type, 1) : NULL;
}

// sum(-x) = -sum(x): rounding is symmetric
static dn_node *sum_of_neg(dn_graph *graph, dn_node *n) {
    if (n->in[0]->op != DN_OP_NEG) return NULL;
    list axes = dims_of(n, DN_ATTR_AXES);
    dn_node *sum = with_axes(graph, DN_OP_REDUCE_SUM, n->in[0]->in[0], &axes, NULL);
    return dn_simplified_unary(graph, DN_OP_NEG, sum);
}

// max(max(x)) = max(x) over the axes of both, and min likewise
static dn_node *extremum_of_extremum(dn_graph *graph, dn_node *n) {
    const dn_node *inner = n->in[0];
    if (inner->op != n->op) return NULL;
    list outer = dims_of(n, DN_ATTR_AXES), first = dims_of(inner, DN_ATTR_AXES), axes = {0};
    for (int axis = 0, left = 0; axis < inner->in[0]->type.rank; axis++)
        if (has(&first, axis) || has(&outer, left++)) axes.at[axes.count++] = axis;
    return with_axes(graph, n->op, inner->in[0], &axes, NULL);
}

// The index along an axis of size 1 is 0: iota, argmax, argmin
static dn_node *index_of_unit_axis(dn_graph *graph, dn_node *n) {
    int64_t axis = dn_node_int(n, DN_ATTR_AXIS);
    const dn_type *type = n->op == DN_OP_IOTA ? &n->type : &n->in[0]->type;
    return type->dims[axis] == 1 ? dn_build_const(graph, &n->type, 0) : NULL;
}

// ---- the table: the first rule that applies ends it ----

dn_simplify_rule *const dn_simplify_movement[DN_OP_COUNT][DN_SIMPLIFY_MOST] = {
    [DN_OP_IOTA] = {index_of_unit_axis},
    [DN_OP_BROADCAST] = {move_to_same, move_of_const, broadcast_of_broadcast,
                         broadcast_of_unit_axes, broadcast_of_nothing},
    [DN_OP_RESHAPE] = {move_to_same, move_of_const, reshape_of_reshape},
    [DN_OP_TRANSPOSE] = {transpose_of_nothing, move_of_const, transpose_of_transpose,
                         transpose_of_broadcast, transpose_of_unit_axes},
    [DN_OP_REVERSE] = {move_of_const, reverse_of_unit_axes, reverse_of_reverse},
    [DN_OP_SLICE] = {move_to_same, move_of_const, slice_of_slice, slice_of_its_pad,
                     slice_within_pad, slice_within_concat},
    [DN_OP_PAD] = {move_to_same, pad_of_const, pad_of_pad},
    [DN_OP_CONCAT] = {concat_of_alike, concat_of_concat},
    [DN_OP_WINDOW] = {move_of_const},
    [DN_OP_REDUCE_SUM] = {reduce_of_unit_axes, sum_of_const, sum_of_neg},
    [DN_OP_REDUCE_MAX] = {reduce_of_unit_axes, extremum_of_const, extremum_of_extremum},
    [DN_OP_REDUCE_MIN] = {reduce_of_unit_axes, extremum_of_const, extremum_of_extremum},
    [DN_OP_REDUCE_PROD] = {reduce_of_unit_axes, product_of_ones},
    [DN_OP_ARGMAX] = {index_of_unit_axis},
    [DN_OP_ARGMIN] = {index_of_unit_axis},
};
