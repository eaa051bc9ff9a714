// Which nodes are needed, and how much arithmetic they are.
#include <stdlib.h>

#include "ir/graph_internal.h"

void dn_graph_live(const dn_graph *graph, bool *live) {
    for (int i = 0; i < graph->n_nodes; i++) live[i] = false;
    for (int i = 0; i < graph->n_outputs; i++) live[graph->outputs[i].node->id] = true;
    for (int i = 0; i < graph->n_updates; i++) live[graph->updates[i].node->id] = true;
    for (int i = graph->n_nodes - 1; i >= 0; i--) {
        if (!live[i]) continue;
        const dn_node *node = graph->nodes[i];
        for (int k = 0; k < node->n_in; k++) live[node->in[k]->id] = true;
    }
}

// ---- compact --------------------------------------------------------------------------------

static dn_node *copy_node(dn_graph *to, const dn_node *node, dn_node *const *copies) {
    dn_node proto = *node;
    proto.in = dn_xmalloc((size_t)node->n_in * sizeof *proto.in);
    for (int i = 0; i < node->n_in; i++) proto.in[i] = copies[node->in[i]->id];
    dn_node *copy = dn_graph_intern(to, &proto);
    free(proto.in);
    return copy;
}

dn_graph *dn_graph_compact(const dn_graph *graph) {
    dn_graph *to = dn_graph_new(graph->dims, graph->name);
    to->span = graph->span;
    bool *live = dn_xmalloc((size_t)graph->n_nodes * sizeof *live);
    dn_node **copies = dn_xcalloc((size_t)graph->n_nodes, sizeof(dn_node *));
    dn_graph_live(graph, live);
    for (int i = 0; i < graph->n_nodes; i++) {
        const dn_node *node = graph->nodes[i];
        if (live[i] || node->op == DN_OP_INPUT || node->op == DN_OP_VAR)
            copies[i] = copy_node(to, node, copies);
    }
    for (int i = 0; i < graph->n_outputs; i++)
        dn_graph_output(to, graph->outputs[i].name, copies[graph->outputs[i].node->id]);
    for (int i = 0; i < graph->n_updates; i++)
        dn_graph_update_var(to, graph->updates[i].var, copies[graph->updates[i].node->id]);
    free(live);
    free(copies);
    return to;
}

// ---- arithmetic -----------------------------------------------------------------------------

static double elements(const dn_type *type) {
    double n = 1;
    for (int i = 0; i < type->rank; i++) n *= (double)type->dims[i];
    return n;
}

// Each element of the result is a sum over the contracted axes.
static double dot_flops(const dn_node *node) {
    int count;
    const dn_dim *axes = dn_node_dims(node, DN_ATTR_LHS_CONTRACT, &count);
    double n = 2 * elements(&node->type);
    for (int i = 0; i < count; i++) n *= (double)node->in[0]->type.dims[axes[i]];
    return n;
}

// Each element of y is a sum over the taps of w [K..., C / groups, F] for one F. The adjoints do
// the same products.
static double conv_flops(const dn_type *w, const dn_type *y) {
    double n = 2 * elements(y);
    for (int i = 0; i < w->rank - 1; i++) n *= (double)w->dims[i];
    return n;
}

static double known_flops(const dn_node *node) {
    if (dn_op_get(node->op)->class != DN_CLASS_OTHER)
        return node->op == DN_OP_STOP_GRADIENT ? 0 : elements(&node->type);
    switch (node->op) {
        case DN_OP_DOT: return dot_flops(node);
        case DN_OP_CONV: return conv_flops(&node->in[1]->type, &node->type);
        case DN_OP_CONV_INPUT: return conv_flops(&node->in[1]->type, &node->in[0]->type);
        case DN_OP_CONV_WEIGHT: return conv_flops(&node->type, &node->in[1]->type);
        case DN_OP_SELECT:
        case DN_OP_IS_FINITE: return elements(&node->type);
        case DN_OP_SCATTER_ADD: return elements(&node->in[1]->type);
        case DN_OP_WINDOW_SUM:
        case DN_OP_REDUCE_SUM:
        case DN_OP_REDUCE_MAX:
        case DN_OP_REDUCE_MIN:
        case DN_OP_REDUCE_PROD:
        case DN_OP_ARGMAX:
        case DN_OP_ARGMIN: return elements(&node->in[0]->type);
        default: return 0;
    }
}

static bool all_known(const dn_node *node) {
    for (int i = 0; i < node->n_in; i++)
        if (!dn_type_known(&node->in[i]->type)) return false;
    return dn_type_known(&node->type);
}

double dn_node_flops(const dn_node *node) { return all_known(node) ? known_flops(node) : 0; }

double dn_graph_flops(const dn_graph *graph) {
    bool *live = dn_xmalloc((size_t)graph->n_nodes * sizeof *live);
    double n = 0;
    dn_graph_live(graph, live);
    for (int i = 0; i < graph->n_nodes; i++)
        if (live[i]) n += dn_node_flops(graph->nodes[i]);
    free(live);
    return n;
}
