// Nodes of the graph under construction.
#include "frontend/build.h"

// The float of more bits that operands of bf16 stand beside; DN_BF16 if there is none.
static dn_dtype wider_than_bf16(dn_node *const *in, int n_in) {
    dn_dtype wider = DN_BF16;
    bool narrow = false;
    for (int i = 0; i < n_in; i++) {
        dn_dtype dtype = in[i]->type.dtype;
        if (dn_dtype_is_float(dtype) && dtype != DN_BF16) wider = dtype;
        narrow |= dtype == DN_BF16;
    }
    return narrow ? wider : DN_BF16;
}

// Operands of bf16 beside a float of more bits become it: f32 and f64 have all numbers of bf16.
static dn_node *const *promoted(dn_build *b, dn_dtype wider, dn_node *const *in, int n_in) {
    dn_node **list = DN_NEW_ARRAY(&b->c->arena, dn_node *, n_in);
    for (int i = 0; i < n_in; i++)
        list[i] = in[i]->type.dtype == DN_BF16 ? dn_build_cast(b->graph, in[i], wider) : in[i];
    return list;
}

dn_node *dn_op_node(dn_build *b, dn_op op, dn_node *const *in, int n_in, const dn_attr_value *attrs,
                    int n_attrs, const dn_type *type, dn_span span) {
    dn_node *node = NULL;
    dn_type wide;
    dn_dtype wider = wider_than_bf16(in, n_in);
    if (wider != DN_BF16) {
        in = promoted(b, wider, in, n_in);
        if (type) wide = *type, wide.dtype = wider, type = &wide;
    }
    dn_status status = dn_graph_op(b->graph, op, in, n_in, attrs, n_attrs, type, &node);
    if (!status) return node;
    dn_build_status(b, span, status);
    return NULL;
}

dn_node *dn_const_node(dn_build *b, const dn_type *type, double value, dn_span span) {
    dn_attr_value attr = dn_attr_number(DN_ATTR_VALUE, value);
    return dn_op_node(b, DN_OP_CONST, NULL, 0, &attr, 1, type, span);
}
