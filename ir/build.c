// Shorthands for passes: nodes whose operands are known to fit. A misfit is a bug, and panics.
#include "ir/graph.h"

static dn_node *must(dn_graph *graph, dn_op op, dn_node *const *in, int n_in,
                     const dn_attr_value *attrs, int n_attrs, const dn_type *type) {
    dn_node *node;
    dn_status status = dn_graph_op(graph, op, in, n_in, attrs, n_attrs, type, &node);
    DN_ASSERT(!status, "building %s: %s (%s)", dn_op_get(op)->name, dn_status_message(status),
              dn_status_note(status) ? dn_status_note(status) : "");
    return node;
}

dn_node *dn_build_unary(dn_graph *graph, dn_op op, dn_node *x) {
    return must(graph, op, &x, 1, NULL, 0, NULL);
}

dn_node *dn_build_binary(dn_graph *graph, dn_op op, dn_node *x, dn_node *y) {
    dn_node *in[] = {x, y};
    return must(graph, op, in, 2, NULL, 0, NULL);
}

dn_node *dn_build_select(dn_graph *graph, dn_node *c, dn_node *a, dn_node *b) {
    dn_node *in[] = {c, a, b};
    return must(graph, DN_OP_SELECT, in, 3, NULL, 0, NULL);
}

dn_node *dn_build_const(dn_graph *graph, const dn_type *type, double value) {
    dn_attr_value attr = dn_attr_number(DN_ATTR_VALUE, value);
    return must(graph, DN_OP_CONST, NULL, 0, &attr, 1, type);
}

dn_node *dn_build_splat(dn_graph *graph, const dn_node *like, double value) {
    return dn_build_const(graph, &like->type, value);
}

dn_node *dn_build_cast(dn_graph *graph, dn_node *x, dn_dtype dtype) {
    if (x->type.dtype == dtype) return x;
    dn_type type = x->type;
    type.dtype = dtype;
    return must(graph, DN_OP_CAST, &x, 1, NULL, 0, &type);
}

dn_node *dn_build_reshape(dn_graph *graph, dn_node *x, int rank, const dn_dim *dims) {
    dn_type type = dn_type_of(x->type.dtype, rank, dims);
    if (dn_type_equal(&type, &x->type)) return x;
    return must(graph, DN_OP_RESHAPE, &x, 1, NULL, 0, &type);
}

dn_node *dn_build_transpose(dn_graph *graph, dn_node *x, const dn_dim *axes) {
    dn_attr_value attr = dn_attr_dims(DN_ATTR_AXES, x->type.rank, axes);
    return must(graph, DN_OP_TRANSPOSE, &x, 1, &attr, 1, NULL);
}

dn_node *dn_build_broadcast(dn_graph *graph, dn_node *x, const dn_type *to, const dn_dim *axes) {
    if (dn_type_equal(&x->type, to)) return x;
    dn_attr_value attr = dn_attr_dims(DN_ATTR_AXES, x->type.rank, axes);
    return must(graph, DN_OP_BROADCAST, &x, 1, &attr, 1, to);
}

dn_node *dn_build_reduce(dn_graph *graph, dn_op op, dn_node *x, int n_axes, const dn_dim *axes) {
    dn_attr_value attr = dn_attr_dims(DN_ATTR_AXES, n_axes, axes);
    return must(graph, op, &x, 1, &attr, 1, NULL);
}
