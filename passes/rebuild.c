#include "passes/rebuild.h"

#include <stdlib.h>

dn_node *dn_rebuild_op(dn_graph *to, dn_op op, dn_node *const *in, int n_in,
                       const dn_attr_value *attrs, int n_attrs, const dn_type *type) {
    dn_node *out = NULL;
    dn_status status =
        dn_graph_op(to, op, in, n_in, attrs, n_attrs, dn_op_takes_type(op) ? type : NULL, &out);
    DN_ASSERT(!status, "rewriting made a bad %s: %s", dn_op_get(op)->name,
              dn_status_message(status));
    return out;
}

dn_node *dn_rebuild_same(dn_graph *to, const dn_node *node, dn_node *const *in) {
    return dn_rebuild_op(to, node->op, in, node->n_in, node->attrs, node->n_attrs, &node->type);
}

// map[id] stands for graph->nodes[id]; VAR nodes are found again through the new graph's table.
static void copy_leaves(const dn_graph *graph, dn_graph *to, dn_node **map) {
    for (int i = 0; i < graph->n_inputs; i++) {
        const dn_graph_value *input = &graph->inputs[i];
        to->span = input->node->span;
        map[input->node->id] = dn_graph_input(to, input->name, input->node->type);
    }
    for (int i = 0; i < graph->n_vars; i++)
        dn_graph_variable(to, graph->vars[i].name, graph->vars[i].type);
}

static void copy_results(const dn_graph *graph, dn_graph *to, dn_node *const *map) {
    for (int i = 0; i < graph->n_outputs; i++)
        dn_graph_output(to, graph->outputs[i].name, map[graph->outputs[i].node->id]);
    for (int i = 0; i < graph->n_updates; i++)
        dn_graph_update_var(to, graph->updates[i].var, map[graph->updates[i].node->id]);
}

static void copy_nodes(const dn_graph *graph, dn_graph *to, dn_node **map, dn_rebuild_rule *rule,
                       const void *context) {
    bool *live = dn_xcalloc((size_t)graph->n_nodes, sizeof *live);
    dn_node **in = NULL;
    int most = 0;
    dn_graph_live(graph, live);
    for (int id = 0; id < graph->n_nodes; id++) {
        const dn_node *node = graph->nodes[id];
        if (!live[id] || map[id]) continue;
        if (node->n_in > most)
            in = dn_xrealloc(in, (size_t)(most = node->n_in) * sizeof(dn_node *));
        for (int i = 0; i < node->n_in; i++) in[i] = map[node->in[i]->id];
        to->span = node->span;
        map[id] = rule(to, node, in, context);
        DN_ASSERT(dn_type_equal(&map[id]->type, &node->type), "rewriting %s changed its type",
                  dn_op_get(node->op)->name);
    }
    free(in);
    free(live);
}

dn_graph *dn_rebuild(const dn_graph *graph, dn_rebuild_rule *rule, const void *context) {
    dn_graph *draft = dn_graph_new(graph->dims, graph->name);
    dn_node **map = dn_xcalloc((size_t)graph->n_nodes + 1, sizeof(dn_node *));
    copy_leaves(graph, draft, map);
    copy_nodes(graph, draft, map, rule, context);
    copy_results(graph, draft, map);
    free(map);
    draft->span = graph->span;
    dn_graph *out = dn_graph_compact(draft);
    dn_graph_free(draft);
    return out;
}
