// The functions of stdlib/core.dnet. Arguments arrive matched to their declared parameters.
#include <stdlib.h>
#include <string.h>

#include "frontend/build.h"

static dn_term node_term(dn_node *node) {
    return node ? dn_term_tensor(node) : dn_term_of(DN_TERM_ERROR);
}

static dn_term failed(void) { return dn_term_of(DN_TERM_ERROR); }

// Argument i as a tensor.
static dn_node *tensor_arg(dn_build *b, const dn_call *call, int i) {
    return dn_to_node(b, call->args[i], NULL, call->spans[i]);
}

static bool dims_arg(dn_build *b, const dn_call *call, int i, int *count, dn_dim *out) {
    char *what = dn_printf("`%s` of `%s`", call->decl->params[i].name.text, call->name);
    bool ok = dn_to_dims(b, call->args[i], call->spans[i], what, count, out);
    free(what);
    return ok;
}

// A list with a number for each of `want` axes; none gives `otherwise` for each.
static bool axes_list(dn_build *b, const dn_call *call, int i, int want, dn_dim otherwise,
                      dn_dim *out) {
    int count;
    if (call->args[i].kind == DN_TERM_NONE) {
        for (int k = 0; k < want; k++) out[k] = otherwise;
        return true;
    }
    if (!dims_arg(b, call, i, &count, out)) return false;
    if (count == want) return true;
    dn_build_error(b, call->spans[i], "`%s` of `%s` should have %d numbers, not %d",
                   call->decl->params[i].name.text, call->name, want, count);
    return false;
}

static bool axis_in_range(dn_build *b, dn_dim *axis, int rank, dn_span span) {
    dn_dim given = *axis;
    if (dn_dim_known(given) && given < 0) *axis += rank;
    if (dn_dim_known(given) && *axis >= 0 && *axis < rank) return true;
    dn_build_error(b, span, "axis %lld is not one of the %d axes", (long long)given, rank);
    return false;
}

static bool axis_arg(dn_build *b, const dn_call *call, int i, int rank, dn_dim *axis) {
    return dn_to_int(b, call->args[i], call->spans[i], "an axis", axis) &&
           axis_in_range(b, axis, rank, call->spans[i]);
}

// ---- elementwise
// -------------------------------------------------------------------------------------

static dn_term bi_maximum(dn_build *b, const dn_call *c) {
    return dn_elementwise(b, DN_OP_MAX, c->args, 2, c->span);
}

static dn_term bi_minimum(dn_build *b, const dn_call *c) {
    return dn_elementwise(b, DN_OP_MIN, c->args, 2, c->span);
}

static dn_term bi_where(dn_build *b, const dn_call *c) {
    if (c->args[0].kind == DN_TERM_BOOL) return c->args[0].boolean ? c->args[1] : c->args[2];
    bool numbers = c->args[1].kind != DN_TERM_TENSOR && c->args[2].kind != DN_TERM_TENSOR &&
                   c->args[1].kind != DN_TERM_HOST && c->args[2].kind != DN_TERM_HOST;
    if (!numbers) return dn_elementwise(b, DN_OP_SELECT, c->args, 3, c->span);
    // Two numbers: floats.
    dn_node like = {.type = dn_type_scalar(b->c->real)};
    dn_node *first = dn_to_node(b, c->args[1], &like, c->spans[1]);
    if (!first) return failed();
    dn_term args[3] = {c->args[0], dn_term_tensor(first), c->args[2]};
    return dn_elementwise(b, DN_OP_SELECT, args, 3, c->span);
}

static dn_term bi_cast(dn_build *b, const dn_call *c) {
    if (c->args[1].kind != DN_TERM_DTYPE)
        return dn_build_fail(b, c->spans[1], "cast needs an element type such as f32, not %s",
                             dn_describe(b, &c->args[1]));
    dn_node *x = tensor_arg(b, c, 0);
    if (!x) return failed();
    if (x->type.dtype == c->args[1].dtype) return dn_term_tensor(x);
    dn_type type = x->type;
    type.dtype = c->args[1].dtype;
    return node_term(dn_op_node(b, DN_OP_CAST, &x, 1, NULL, 0, &type, c->span));
}

// ---- sizes
// ---------------------------------------------------------------------------------------------

static dn_term bi_dims(dn_build *b, const dn_call *c) {
    dn_node *x = tensor_arg(b, c, 0);
    return x ? dn_term_dims(&b->c->arena, x->type.rank, x->type.dims) : failed();
}

static dn_term bi_rank(dn_build *b, const dn_call *c) {
    dn_node *x = tensor_arg(b, c, 0);
    return x ? dn_term_int(x->type.rank) : failed();
}

static bool all_ints(const dn_term *list) {
    for (int i = 0; i < list->list.count; i++)
        if (list->list.items[i].kind != DN_TERM_INT) return false;
    return true;
}

static dn_term bi_size(dn_build *b, const dn_call *c) {
    const dn_term *x = &c->args[0];
    if (x->kind == DN_TERM_LIST) {
        if (!all_ints(x)) return dn_term_int(x->list.count);
        dn_dim product = 1;
        for (int i = 0; i < x->list.count; i++)
            product = dn_dim_mul(b->c->dims, product, x->list.items[i].integer);
        return dn_term_int(product);
    }
    dn_node *node = tensor_arg(b, c, 0);
    return node ? dn_term_int(dn_type_elements(b->c->dims, &node->type)) : failed();
}

static dn_term bi_len(dn_build *b, const dn_call *c) {
    if (c->args[0].kind == DN_TERM_LIST) return dn_term_int(c->args[0].list.count);
    return dn_build_fail(b, c->spans[0], "len needs a list, not %s", dn_describe(b, &c->args[0]));
}

static dn_term bi_dtype(dn_build *b, const dn_call *c) {
    dn_node *x = tensor_arg(b, c, 0);
    return x ? dn_term_dtype(x->type.dtype) : failed();
}

// ---- movement
// --------------------------------------------------------------------------------------------

// The sizes of reshape(x, [a, b]) and reshape(x, a, b).
static bool reshape_dims(dn_build *b, const dn_call *c, int *count, dn_dim *dims) {
    if (c->n_rest == 0 || c->args[1].kind == DN_TERM_LIST) return dims_arg(b, c, 1, count, dims);
    if (c->n_rest + 1 > DN_MAX_RANK) {
        dn_build_error(b, c->span, "reshape: a tensor has at most %d axes", DN_MAX_RANK);
        return false;
    }
    *count = 1 + c->n_rest;
    if (!dn_to_int(b, c->args[1], c->spans[1], "a size", &dims[0])) return false;
    for (int i = 0; i < c->n_rest; i++)
        if (!dn_to_int(b, c->rest[i], c->span, "a size", &dims[i + 1])) return false;
    return true;
}

static bool fill_in_size(dn_build *b, const dn_call *c, const dn_node *x, int count, dn_dim *dims) {
    int open = -1;
    dn_dim product = 1;
    for (int i = 0; i < count; i++) {
        if (dims[i] != -1) {
            product = dn_dim_mul(b->c->dims, product, dims[i]);
        } else if (open < 0) {
            open = i;
        } else {
            dn_build_error(b, c->span, "reshape: only one size can be -1");
            return false;
        }
    }
    if (open < 0) return true;
    if (product == 0) {
        dn_build_error(b, c->span, "reshape: one of the sizes is 0, so -1 could be any size");
        return false;
    }
    dims[open] = dn_dim_div(b->c->dims, dn_type_elements(b->c->dims, &x->type), product);
    return true;
}

static dn_term bi_reshape(dn_build *b, const dn_call *c) {
    dn_node *x = tensor_arg(b, c, 0);
    int count;
    dn_dim dims[DN_MAX_RANK];
    if (!x || !reshape_dims(b, c, &count, dims) || !fill_in_size(b, c, x, count, dims))
        return failed();
    dn_type type = dn_type_of(x->type.dtype, count, dims);
    return node_term(dn_op_node(b, DN_OP_RESHAPE, &x, 1, NULL, 0, &type, c->span));
}

static dn_term bi_transpose(dn_build *b, const dn_call *c) {
    dn_node *x = tensor_arg(b, c, 0);
    dn_dim axes[DN_MAX_RANK];
    if (!x) return failed();
    int rank = x->type.rank;
    for (int i = 0; i < rank; i++) axes[i] = rank - 1 - i;
    if (c->args[1].kind != DN_TERM_NONE && !axes_list(b, c, 1, rank, 0, axes)) return failed();
    for (int i = 0; i < rank; i++)
        if (!axis_in_range(b, &axes[i], rank, c->spans[1])) return failed();
    dn_attr_value attr = dn_attr_dims(DN_ATTR_AXES, rank, axes);
    return node_term(dn_op_node(b, DN_OP_TRANSPOSE, &x, 1, &attr, 1, NULL, c->span));
}

static dn_term bi_broadcast(dn_build *b, const dn_call *c) {
    dn_node *x = tensor_arg(b, c, 0);
    int count;
    dn_dim dims[DN_MAX_RANK];
    if (!x || !dims_arg(b, c, 1, &count, dims)) return failed();
    return node_term(dn_broadcast_node(b, x, count, dims, c->span));
}

static dn_term bi_concatenate(dn_build *b, const dn_call *c) {
    const dn_term *list = &c->args[0];
    if (list->kind != DN_TERM_LIST || list->list.count == 0)
        return dn_build_fail(b, c->spans[0], "concatenate needs a list of tensors, not %s",
                             dn_describe(b, list));
    dn_node **nodes = DN_NEW_ARRAY(&b->c->arena, dn_node *, list->list.count);
    for (int i = 0; i < list->list.count; i++)
        if (!(nodes[i] = dn_to_node(b, list->list.items[i], NULL, c->spans[0]))) return failed();
    dn_dim axis;
    if (!axis_arg(b, c, 1, nodes[0]->type.rank, &axis)) return failed();
    dn_attr_value attr = dn_attr_int(DN_ATTR_AXIS, axis);
    return node_term(dn_op_node(b, DN_OP_CONCAT, nodes, list->list.count, &attr, 1, NULL, c->span));
}

static dn_term bi_pad(dn_build *b, const dn_call *c) {
    dn_node *x = tensor_arg(b, c, 0);
    dn_dim lo[DN_MAX_RANK], hi[DN_MAX_RANK], interior[DN_MAX_RANK];
    double value = 0;
    if (!x || !axes_list(b, c, 1, x->type.rank, 0, lo) ||
        !axes_list(b, c, 2, x->type.rank, 0, hi) || !axes_list(b, c, 4, x->type.rank, 0, interior))
        return failed();
    if (!dn_term_number(&c->args[3], &value))
        return dn_build_fail(b, c->spans[3], "pad's value is a number known at compile time");
    int rank = x->type.rank;
    dn_attr_value attrs[] = {dn_attr_dims(DN_ATTR_LO, rank, lo), dn_attr_dims(DN_ATTR_HI, rank, hi),
                             dn_attr_dims(DN_ATTR_INTERIOR, rank, interior),
                             dn_attr_number(DN_ATTR_VALUE, value)};
    return node_term(dn_op_node(b, DN_OP_PAD, &x, 1, attrs, 4, NULL, c->span));
}

static int compare_dims(const void *x, const void *y) {
    dn_dim a = *(const dn_dim *)x, b = *(const dn_dim *)y;
    return (a > b) - (a < b);
}

// Axes of a list or number, counted from the end when negative, sorted; none: all.
static bool sorted_axes(dn_build *b, const dn_call *c, int i, int rank, int *count, dn_dim *axes) {
    if (c->args[i].kind == DN_TERM_NONE) {
        *count = rank;
        for (int k = 0; k < rank; k++) axes[k] = k;
        return true;
    }
    if (!dims_arg(b, c, i, count, axes)) return false;
    for (int k = 0; k < *count; k++)
        if (!axis_in_range(b, &axes[k], rank, c->spans[i])) return false;
    qsort(axes, (size_t)*count, sizeof *axes, compare_dims);
    for (int k = 1; k < *count; k++) {
        if (axes[k] != axes[k - 1]) continue;
        dn_build_error(b, c->spans[i], "axis %lld is named twice", (long long)axes[k]);
        return false;
    }
    return true;
}

static dn_term bi_reverse(dn_build *b, const dn_call *c) {
    dn_node *x = tensor_arg(b, c, 0);
    int count;
    dn_dim axes[DN_MAX_RANK];
    if (!x || !sorted_axes(b, c, 1, x->type.rank, &count, axes)) return failed();
    dn_attr_value attr = dn_attr_dims(DN_ATTR_AXES, count, axes);
    return node_term(dn_op_node(b, DN_OP_REVERSE, &x, 1, &attr, 1, NULL, c->span));
}

static dn_term bi_gather(dn_build *b, const dn_call *c) {
    dn_node *in[2] = {tensor_arg(b, c, 0), tensor_arg(b, c, 1)};
    if (!in[0] || !in[1]) return failed();
    return node_term(dn_op_node(b, DN_OP_GATHER, in, 2, NULL, 0, NULL, c->span));
}

static dn_term bi_scatter_add(dn_build *b, const dn_call *c) {
    dn_node *in[2] = {tensor_arg(b, c, 0), tensor_arg(b, c, 1)};
    dn_dim rows;
    if (!in[0] || !in[1] || !dn_to_int(b, c->args[2], c->spans[2], "`rows`", &rows))
        return failed();
    int index_rank = in[0]->type.rank, rank = in[1]->type.rank;
    if (index_rank > rank)
        return dn_build_fail(b, c->span, "scatter_add: the indices have more axes than the rows");
    dn_type type = dn_type_scalar(in[1]->type.dtype);
    type.dims[type.rank++] = rows;
    for (int i = index_rank; i < rank; i++) type.dims[type.rank++] = in[1]->type.dims[i];
    return node_term(dn_op_node(b, DN_OP_SCATTER_ADD, in, 2, NULL, 0, &type, c->span));
}

static dn_term bi_window(dn_build *b, const dn_call *c) {
    dn_node *x = tensor_arg(b, c, 0);
    int n;
    dn_dim kernel[DN_MAX_RANK], stride[DN_MAX_RANK], dilation[DN_MAX_RANK];
    if (!x || !dims_arg(b, c, 1, &n, kernel) || !axes_list(b, c, 2, n, 1, stride) ||
        !axes_list(b, c, 3, n, 1, dilation))
        return failed();
    dn_attr_value attrs[] = {dn_attr_dims(DN_ATTR_KERNEL, n, kernel),
                             dn_attr_dims(DN_ATTR_STRIDE, n, stride),
                             dn_attr_dims(DN_ATTR_DILATION, n, dilation)};
    return node_term(dn_op_node(b, DN_OP_WINDOW, &x, 1, attrs, 3, NULL, c->span));
}

// ---- reductions
// --------------------------------------------------------------------------------------------

static dn_node *keep_axes(dn_build *b, const dn_call *c, const dn_node *x, dn_node *y, int count,
                          const dn_dim *axes) {
    dn_type type = x->type;
    type.dtype = y->type.dtype;
    for (int i = 0; i < count; i++) type.dims[axes[i]] = 1;
    return dn_op_node(b, DN_OP_RESHAPE, &y, 1, NULL, 0, &type, c->span);
}

static dn_node *reduce(dn_build *b, const dn_call *c, dn_op op, dn_dim *reduced) {
    dn_node *x = tensor_arg(b, c, 0);
    int count;
    dn_dim axes[DN_MAX_RANK];
    if (!x || !sorted_axes(b, c, 1, x->type.rank, &count, axes)) return NULL;
    *reduced = 1;
    for (int i = 0; i < count; i++)
        *reduced = dn_dim_mul(b->c->dims, *reduced, x->type.dims[axes[i]]);
    dn_attr_value attr = dn_attr_dims(DN_ATTR_AXES, count, axes);
    dn_node *y = dn_op_node(b, op, &x, 1, &attr, 1, NULL, c->span);
    bool keep = c->args[2].kind == DN_TERM_BOOL && c->args[2].boolean;
    return y && keep ? keep_axes(b, c, x, y, count, axes) : y;
}

// sum, max, min, prod and mean of a list of numbers known at compile time.
static bool fold_list(dn_build *b, const dn_call *c, dn_term *out) {
    const dn_term *list = &c->args[0];
    if (list->kind != DN_TERM_LIST || list->list.count == 0) return false;
    dn_operator oper = strcmp(c->name, "prod") == 0 ? DN_OPER_MUL : DN_OPER_ADD;
    bool extreme = strcmp(c->name, "max") == 0 || strcmp(c->name, "min") == 0;
    *out = list->list.items[0];
    for (int i = 1; i < list->list.count; i++) {
        dn_term pair[2] = {*out, list->list.items[i]};
        *out = extreme ? dn_elementwise(b, strcmp(c->name, "max") == 0 ? DN_OP_MAX : DN_OP_MIN,
                                        pair, 2, c->span)
                       : dn_arith(b, oper, pair[0], pair[1], c->span);
    }
    if (strcmp(c->name, "mean") == 0)
        *out = dn_arith(b, DN_OPER_DIV, *out, dn_term_int(list->list.count), c->span);
    return true;
}

static dn_term reduction(dn_build *b, const dn_call *c, dn_op op) {
    dn_term folded;
    dn_dim reduced;
    if (fold_list(b, c, &folded)) return folded;
    return node_term(reduce(b, c, op, &reduced));
}

static dn_term bi_sum(dn_build *b, const dn_call *c) { return reduction(b, c, DN_OP_REDUCE_SUM); }
static dn_term bi_max(dn_build *b, const dn_call *c) { return reduction(b, c, DN_OP_REDUCE_MAX); }
static dn_term bi_min(dn_build *b, const dn_call *c) { return reduction(b, c, DN_OP_REDUCE_MIN); }
static dn_term bi_prod(dn_build *b, const dn_call *c) { return reduction(b, c, DN_OP_REDUCE_PROD); }

static dn_term bi_mean(dn_build *b, const dn_call *c) {
    dn_term folded;
    if (fold_list(b, c, &folded)) return folded;
    dn_dim reduced;
    dn_term x = c->args[0];
    bool narrow = x.kind == DN_TERM_TENSOR && x.node->type.dtype == DN_BF16;
    if (narrow) c->args[0] = dn_term_tensor(dn_build_cast(b->graph, x.node, DN_F32));
    dn_node *sum = reduce(b, c, DN_OP_REDUCE_SUM, &reduced);
    c->args[0] = x;
    if (!sum) return failed();
    if (!dn_dtype_is_float(sum->type.dtype))
        return dn_build_fail(b, c->span, "mean needs floats, not %s; cast(x, f32) converts",
                             dn_dtype_name(sum->type.dtype));
    double count = dn_dim_known(reduced) ? (double)reduced : 1;
    dn_term mean = dn_arith(b, DN_OPER_DIV, dn_term_tensor(sum), dn_term_float(count), c->span);
    if (!narrow || dn_term_is_error(mean)) return mean;
    return dn_term_tensor(dn_build_cast(b->graph, mean.node, DN_BF16));  // rounded once
}

static dn_term arg_extreme(dn_build *b, const dn_call *c, dn_op op) {
    dn_node *x = tensor_arg(b, c, 0);
    dn_dim axis;
    if (!x || !axis_arg(b, c, 1, x->type.rank, &axis)) return failed();
    dn_attr_value attr = dn_attr_int(DN_ATTR_AXIS, axis);
    return node_term(dn_op_node(b, op, &x, 1, &attr, 1, NULL, c->span));
}

static dn_term bi_argmax(dn_build *b, const dn_call *c) { return arg_extreme(b, c, DN_OP_ARGMAX); }
static dn_term bi_argmin(dn_build *b, const dn_call *c) { return arg_extreme(b, c, DN_OP_ARGMIN); }

// ---- convolution
// -----------------------------------------------------------------------------------------------

// stride, lo, hi, dilation, groups from argument `first` on, for n spatial axes.
static bool conv_attrs(dn_build *b, const dn_call *c, int first, int n,
                       dn_dim lists[4][DN_MAX_RANK], dn_attr_value *attrs) {
    static const dn_attr names[] = {DN_ATTR_STRIDE, DN_ATTR_LO, DN_ATTR_HI, DN_ATTR_DILATION};
    for (int i = 0; i < 4; i++) {
        if (!axes_list(b, c, first + i, n, names[i] == DN_ATTR_LO || names[i] == DN_ATTR_HI ? 0 : 1,
                       lists[i]))
            return false;
        attrs[i] = dn_attr_dims(names[i], n, lists[i]);
    }
    dn_dim groups;
    if (!dn_to_int(b, c->args[first + 4], c->spans[first + 4], "`groups`", &groups)) return false;
    attrs[4] = dn_attr_int(DN_ATTR_GROUPS, groups);
    return true;
}

static bool conv_operands(dn_build *b, const dn_call *c, dn_node *in[2], int *spatial) {
    in[0] = tensor_arg(b, c, 0);
    in[1] = tensor_arg(b, c, 1);
    if (!in[0] || !in[1]) return false;
    *spatial = in[0]->type.rank - 2;
    if (*spatial >= 1 && in[1]->type.rank == in[0]->type.rank) return true;
    dn_build_error(b, c->span,
                   "%s takes an input [N, S..., C] and a kernel [K..., C/groups, F] with as "
                   "many axes, not %s and %s",
                   c->name, dn_describe(b, &c->args[0]), dn_describe(b, &c->args[1]));
    return false;
}

static dn_term bi_conv(dn_build *b, const dn_call *c) {
    dn_node *in[2];
    int n;
    dn_dim lists[4][DN_MAX_RANK];
    dn_attr_value attrs[5];
    if (!conv_operands(b, c, in, &n) || !conv_attrs(b, c, 2, n, lists, attrs)) return failed();
    return node_term(dn_op_node(b, DN_OP_CONV, in, 2, attrs, 5, NULL, c->span));
}

static dn_term bi_conv_input(dn_build *b, const dn_call *c) {
    dn_node *in[2];
    int n;
    dn_dim lists[4][DN_MAX_RANK], dims[DN_MAX_RANK], groups;
    dn_attr_value attrs[5];
    if (!conv_operands(b, c, in, &n) || !axes_list(b, c, 2, n, 1, dims) ||
        !conv_attrs(b, c, 3, n, lists, attrs))
        return failed();
    groups = attrs[4].i;
    dn_type type = dn_type_of(in[0]->type.dtype, 1, in[0]->type.dims);
    for (int i = 0; i < n; i++) type.dims[type.rank++] = dims[i];
    type.dims[type.rank++] = dn_dim_mul(b->c->dims, in[1]->type.dims[n], groups);
    return node_term(dn_op_node(b, DN_OP_CONV_INPUT, in, 2, attrs, 5, &type, c->span));
}

// ---- making tensors
// ----------------------------------------------------------------------------------------------

static bool type_arg(dn_build *b, const dn_call *c, int dims_at, int dtype_at, dn_type *type) {
    int count;
    dn_dim dims[DN_MAX_RANK];
    if (!dims_arg(b, c, dims_at, &count, dims)) return false;
    if (c->args[dtype_at].kind != DN_TERM_DTYPE) {
        dn_build_error(b, c->spans[dtype_at],
                       "`type` of `%s` should be an element type such as f32, not %s", c->name,
                       dn_describe(b, &c->args[dtype_at]));
        return false;
    }
    *type = dn_type_of(c->args[dtype_at].dtype, count, dims);
    return true;
}

static dn_term bi_full(dn_build *b, const dn_call *c) {
    dn_type type;
    if (!type_arg(b, c, 0, 2, &type)) return failed();
    if (c->args[1].kind == DN_TERM_TENSOR) {
        dn_node *x = c->args[1].node;
        if (c->given[2] && x->type.dtype != type.dtype) {
            dn_type scalar = x->type;
            scalar.dtype = type.dtype;
            x = dn_op_node(b, DN_OP_CAST, &x, 1, NULL, 0, &scalar, c->span);
        }
        return x ? node_term(dn_broadcast_node(b, x, type.rank, type.dims, c->span)) : failed();
    }
    dn_node like = {.type = type};
    return node_term(dn_to_node(b, c->args[1], &like, c->spans[1]));
}

static dn_term bi_iota(dn_build *b, const dn_call *c) {
    dn_type type;
    dn_dim axis;
    if (!type_arg(b, c, 0, 2, &type) || !axis_arg(b, c, 1, type.rank, &axis)) return failed();
    dn_attr_value attr = dn_attr_int(DN_ATTR_AXIS, axis);
    return node_term(dn_op_node(b, DN_OP_IOTA, NULL, 0, &attr, 1, &type, c->span));
}

// A site is unique in its entry and differs between entries.
static int64_t next_site(dn_build *b) {
    uint64_t hash = dn_hash(b->name, strlen(b->name), DN_HASH_SEED);
    int ordinal = b->sites++;
    hash = dn_hash(&ordinal, sizeof ordinal, hash);
    return (int64_t)((hash ^ hash >> 32) & 0x7fffffff);
}

static dn_term random_tensor(dn_build *b, const dn_call *c, dn_op op) {
    dn_type type;
    if (!type_arg(b, c, 0, 4, &type)) return failed();
    dn_attr_value attrs[2] = {dn_attr_int(DN_ATTR_SITE, 0)};
    int n = 1;
    if (c->args[3].kind == DN_TERM_INT && dn_dim_known(c->args[3].integer)) {
        attrs[n++] = dn_attr_int(DN_ATTR_SEED, c->args[3].integer);
    } else if (c->args[3].kind == DN_TERM_NONE) {
        attrs[0].i = next_site(b);
    } else {
        return dn_build_fail(b, c->spans[3], "a seed is an integer known at compile time");
    }
    return node_term(dn_op_node(b, op, NULL, 0, attrs, n, &type, c->span));
}

static bool is_number(const dn_term *term, double value) {
    double x;
    return dn_term_number(term, &x) && x == value;
}

// x * scale + offset, without the parts that do nothing.
static dn_term scaled(dn_build *b, dn_term x, dn_term scale, dn_term offset, dn_span span) {
    if (!is_number(&scale, 1)) x = dn_arith(b, DN_OPER_MUL, x, scale, span);
    if (!is_number(&offset, 0)) x = dn_arith(b, DN_OPER_ADD, x, offset, span);
    return x;
}

static dn_term bi_uniform(dn_build *b, const dn_call *c) {
    dn_term u = random_tensor(b, c, DN_OP_UNIFORM);
    if (dn_term_is_error(u)) return u;
    dn_term width = dn_arith(b, DN_OPER_SUB, c->args[2], c->args[1], c->span);
    return scaled(b, u, width, c->args[1], c->span);
}

static dn_term bi_normal(dn_build *b, const dn_call *c) {
    dn_term z = random_tensor(b, c, DN_OP_NORMAL);
    return dn_term_is_error(z) ? z : scaled(b, z, c->args[2], c->args[1], c->span);
}

static dn_term bi_grad(dn_build *b, const dn_call *c) {
    return dn_eval_grad(b, c->args[0], c->args[1], c->span);
}

static bool in_library(const dn_build *b, const dn_frame *f) {
    return f->decl && b->c->sources.files[f->decl->span.file].is_library;
}

// Ends the function that calls it, and of the library's all those around: what they would go on to
// say is a consequence.
static dn_term bi_error(dn_build *b, const dn_call *c) {
    for (dn_frame *f = b->frame; f && (f == b->frame || in_library(b, f)); f = f->caller) {
        f->returned = true;
        f->result = failed();
        if (!in_library(b, f)) break;
    }
    return dn_build_fail(b, c->span, "%s",
                         c->args[0].kind == DN_TERM_STRING ? c->args[0].string : "error");
}

// ---- the table
// -----------------------------------------------------------------------------------------------------

dn_term dn_builtin_einsum(dn_build *b, const dn_call *c);

static const struct {
    const char *name;
    dn_term (*run)(dn_build *b, const dn_call *call);
} builtins[] = {
    {"maximum", bi_maximum},
    {"minimum", bi_minimum},
    {"where", bi_where},
    {"cast", bi_cast},
    {"dims", bi_dims},
    {"rank", bi_rank},
    {"size", bi_size},
    {"len", bi_len},
    {"dtype", bi_dtype},
    {"reshape", bi_reshape},
    {"transpose", bi_transpose},
    {"broadcast", bi_broadcast},
    {"concatenate", bi_concatenate},
    {"pad", bi_pad},
    {"reverse", bi_reverse},
    {"gather", bi_gather},
    {"scatter_add", bi_scatter_add},
    {"window", bi_window},
    {"sum", bi_sum},
    {"max", bi_max},
    {"min", bi_min},
    {"prod", bi_prod},
    {"mean", bi_mean},
    {"argmax", bi_argmax},
    {"argmin", bi_argmin},
    {"einsum", dn_builtin_einsum},
    {"conv", bi_conv},
    {"conv_input", bi_conv_input},
    {"full", bi_full},
    {"iota", bi_iota},
    {"uniform", bi_uniform},
    {"normal", bi_normal},
    {"grad", bi_grad},
    {"error", bi_error},
};

bool dn_builtin_is_variadic(const dn_decl *decl) {
    return decl->is_extern && strcmp(decl->name.text, "reshape") == 0;
}

// Defaults are evaluated where nothing of the caller is visible.
static bool fill_defaults(dn_build *b, const dn_call *call) {
    dn_frame frame = {.caller = b->frame, .name = call->name, .call = call->span};
    bool ok = true;
    b->frame = &frame;
    for (int i = 0; i < call->decl->n_params; i++) {
        if (call->given[i]) continue;
        call->args[i] = dn_eval_as(b, call->decl->params[i].init, call->decl->params[i].type);
        call->spans[i] = call->span;
        ok &= !dn_term_is_error(call->args[i]);
    }
    b->frame = frame.caller;
    free(frame.names);
    return ok;
}

dn_term dn_call_builtin(dn_build *b, const dn_call *call) {
    if (!fill_defaults(b, call)) return failed();
    for (size_t i = 0; i < sizeof builtins / sizeof *builtins; i++)
        if (strcmp(builtins[i].name, call->decl->name.text) == 0) return builtins[i].run(b, call);
    return dn_build_fail(b, call->span, "`%s` is not a function of this compiler", call->name);
}
