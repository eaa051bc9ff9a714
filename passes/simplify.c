#include "passes/simplify.h"

#include "passes/fold.h"
#include "passes/rebuild.h"
#include "passes/simplify_rules.h"

bool dn_number_of(const dn_node *n, double *value) {
    if (n->op != DN_OP_CONST) return false;
    *value = dn_fold_round(n->type.dtype, dn_node_number(n, DN_ATTR_VALUE));
    return true;
}

bool dn_is_number(const dn_node *n, double value) {
    double known;
    return dn_number_of(n, &known) && known == value;
}

// op(constants) = a constant.
static dn_node *fold(dn_graph *graph, const dn_node *n) {
    double x = 0, y = 0, value;
    dn_op_class class = dn_op_get(n->op)->class;
    if (class == DN_CLASS_OTHER || !dn_number_of(n->in[0], &x)) return NULL;
    if (class == DN_CLASS_BINARY && !dn_number_of(n->in[1], &y)) return NULL;
    if (!dn_fold_elementwise(n->op, n->in[0]->type.dtype, x, y, &value)) return NULL;
    return dn_build_const(graph, &n->type, value);
}

static dn_node *first_that_applies(dn_graph *graph, dn_node *n, dn_simplify_rule *const *rules) {
    for (int i = 0; i < DN_SIMPLIFY_MOST && rules[i]; i++) {
        dn_node *better = rules[i](graph, n);
        if (better && better != n) return better;
    }
    return NULL;
}

// What a rule returns is simplified, so nothing is left to do after one has applied.
static dn_node *simplify_node(dn_graph *graph, dn_node *n) {
    dn_node *better = fold(graph, n);
    if (!better) better = first_that_applies(graph, n, dn_simplify_arithmetic[n->op]);
    if (!better) better = first_that_applies(graph, n, dn_simplify_movement[n->op]);
    DN_ASSERT(!better || dn_type_equal(&better->type, &n->type), "simplifying %s changed its type",
              dn_op_get(n->op)->name);
    return better ? better : n;
}

dn_node *dn_simplified(dn_graph *graph, dn_op op, dn_node *const *in, int n_in,
                       const dn_attr_value *attrs, int n_attrs, const dn_type *type) {
    return simplify_node(graph, dn_rebuild_op(graph, op, in, n_in, attrs, n_attrs, type));
}

dn_node *dn_simplified_unary(dn_graph *graph, dn_op op, dn_node *x) {
    return dn_simplified(graph, op, &x, 1, NULL, 0, NULL);
}

dn_node *dn_simplified_binary(dn_graph *graph, dn_op op, dn_node *x, dn_node *y) {
    return dn_simplified(graph, op, (dn_node *[]){x, y}, 2, NULL, 0, NULL);
}

dn_node *dn_simplified_reshape(dn_graph *graph, dn_node *x, const dn_type *to) {
    return dn_simplified(graph, DN_OP_RESHAPE, &x, 1, NULL, 0, to);
}

static dn_node *simplify_copy(dn_graph *to, const dn_node *node, dn_node *const *in,
                              const void *context) {
    (void)context;
    return simplify_node(to, dn_rebuild_same(to, node, in));
}

dn_graph *dn_simplify(const dn_graph *graph) { return dn_rebuild(graph, simplify_copy, NULL); }
