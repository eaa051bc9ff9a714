// The invariants of a graph. A failure is a bug of whoever made the graph, except in text that was
// written by hand.
#include <stdlib.h>
#include <string.h>

#include "ir/graph_internal.h"
#include "ir/infer.h"

static bool in_graph(const dn_graph *graph, const dn_node *node) {
    return node && node->id >= 0 && node->id < graph->n_nodes && graph->nodes[node->id] == node;
}

// ---- nodes ----------------------------------------------------------------------------------

static dn_status check_operands(const dn_graph *graph, const dn_node *node) {
    for (int i = 0; i < node->n_in; i++) {
        if (!in_graph(graph, node->in[i]))
            return dn_fail(DN_INTERNAL, "operand %d is not in the graph", i);
        if (node->in[i]->id >= node->id)
            return dn_fail(DN_INTERNAL, "operand %d, %%%d, does not come before it", i,
                           node->in[i]->id);
    }
    return DN_SUCCESS;
}

static dn_status check_type(const dn_graph *graph, const dn_node *node) {
    dn_type type;
    const dn_type *asked = dn_op_takes_type(node->op) ? &node->type : NULL;
    DN_TRY(dn_infer(graph->dims, node->op, node->in, node->n_in, node->attrs, node->n_attrs, asked,
                    &type));
    if (dn_type_equal(&type, &node->type)) return DN_SUCCESS;
    dn_str text = {0};
    dn_str_puts(&text, "its type is ");
    dn_type_print(graph->dims, &node->type, &text);
    dn_str_puts(&text, " and should be ");
    dn_type_print(graph->dims, &type, &text);
    char *message = dn_str_take(&text);
    dn_status status = dn_fail(DN_INTERNAL, "%s", message);
    free(message);
    return status;
}

static dn_status check_known(const dn_node *node) {
    if (!dn_type_known(&node->type)) return dn_fail(DN_INVALID, "it has a symbolic size");
    for (int i = 0; i < node->n_attrs; i++) {
        const dn_attr_value *value = &node->attrs[i];
        if (dn_attr_kind_of(value->attr) != DN_ATTR_DIMS) continue;
        for (int k = 0; k < value->count; k++)
            if (!dn_dim_known(value->dims[k]))
                return dn_fail(DN_INVALID, "%s has a symbolic size", dn_attr_name(value->attr));
    }
    return DN_SUCCESS;
}

static dn_status check_node(const dn_graph *graph, const dn_node *node, bool executable) {
    DN_TRY(check_operands(graph, node));
    DN_TRY(check_type(graph, node));
    if (dn_graph_find(graph, node) != node)
        return dn_fail(DN_INTERNAL, "it was changed, or is there twice");
    return executable ? check_known(node) : DN_SUCCESS;
}

static dn_status check_nodes(const dn_graph *graph, bool executable) {
    for (int i = 0; i < graph->n_nodes; i++) {
        const dn_node *node = graph->nodes[i];
        if (!node || node->id != i || (unsigned)node->op >= DN_OP_COUNT)
            return dn_fail(DN_INTERNAL, "%%%d: not a node, or its id is another", i);
        dn_status status = check_node(graph, node, executable);
        if (status) return dn_annotate(status, "%%%d (%s)", i, dn_op_get(node->op)->name);
    }
    return DN_SUCCESS;
}

// ---- inputs and variables -------------------------------------------------------------------

static bool is_leaf(const dn_graph *graph, const dn_node *node, dn_op op, int index,
                    const char *name) {
    return in_graph(graph, node) && node->op == op && name &&
           dn_node_int(node, DN_ATTR_INDEX) == index &&
           strcmp(dn_node_attr(node, DN_ATTR_NAME)->string, name) == 0;
}

static dn_status check_inputs(const dn_graph *graph) {
    for (int i = 0; i < graph->n_inputs; i++)
        if (!is_leaf(graph, graph->inputs[i].node, DN_OP_INPUT, i, graph->inputs[i].name))
            return dn_fail(DN_INVALID, "input %d has no node", i);
    return DN_SUCCESS;
}

static dn_status check_vars(const dn_graph *graph) {
    for (int i = 0; i < graph->n_vars; i++) {
        if (!graph->vars[i].name) return dn_fail(DN_INVALID, "variable %d has no node", i);
        for (int k = 0; k < i; k++)
            if (strcmp(graph->vars[i].name, graph->vars[k].name) == 0)
                return dn_fail(DN_INVALID, "variables %d and %d are both \"%s\"", k, i,
                               graph->vars[i].name);
    }
    return DN_SUCCESS;
}

// The other way round: each leaf is listed under its index.
static dn_status check_leaves(const dn_graph *graph) {
    for (int i = 0; i < graph->n_nodes; i++) {
        const dn_node *node = graph->nodes[i];
        if (node->op != DN_OP_INPUT && node->op != DN_OP_VAR) continue;
        int64_t index = dn_node_int(node, DN_ATTR_INDEX);
        bool listed;
        if (node->op == DN_OP_INPUT) {
            listed = index < graph->n_inputs && graph->inputs[index].node == node;
        } else {
            listed = index < graph->n_vars &&
                     is_leaf(graph, node, DN_OP_VAR, (int)index, graph->vars[index].name) &&
                     dn_type_equal(&graph->vars[index].type, &node->type);
        }
        if (!listed)
            return dn_fail(DN_INTERNAL, "%%%d (%s) is not listed under index %lld", i,
                           dn_op_get(node->op)->name, (long long)index);
    }
    return DN_SUCCESS;
}

// ---- results --------------------------------------------------------------------------------

static dn_status check_outputs(const dn_graph *graph) {
    for (int i = 0; i < graph->n_outputs; i++)
        if (!graph->outputs[i].name || !in_graph(graph, graph->outputs[i].node))
            return dn_fail(DN_INTERNAL, "output %d has no name, or no node of this graph", i);
    return DN_SUCCESS;
}

static dn_status check_update(const dn_graph *graph, int i) {
    const dn_graph_update *update = &graph->updates[i];
    if (update->var < 0 || update->var >= graph->n_vars)
        return dn_fail(DN_INTERNAL, "update %d: there is no variable %d", i, update->var);
    const dn_graph_var *var = &graph->vars[update->var];
    if (!in_graph(graph, update->node))
        return dn_fail(DN_INTERNAL, "update of \"%s\": no node of this graph", var->name);
    for (int k = 0; k < i; k++)
        if (graph->updates[k].var == update->var)
            return dn_fail(DN_INVALID, "\"%s\" is updated twice", var->name);
    if (dn_type_equal(&var->type, &update->node->type)) return DN_SUCCESS;
    dn_str text = {0};
    dn_type_print(graph->dims, &var->type, &text);
    dn_str_puts(&text, " by a value ");
    dn_type_print(graph->dims, &update->node->type, &text);
    char *types = dn_str_take(&text);
    dn_status status = dn_fail(DN_INVALID, "update of \"%s\": %s", var->name, types);
    free(types);
    return status;
}

dn_status dn_graph_verify(const dn_graph *graph, bool executable) {
    DN_TRY(check_nodes(graph, executable));
    DN_TRY(check_inputs(graph));
    DN_TRY(check_vars(graph));
    DN_TRY(check_leaves(graph));
    DN_TRY(check_outputs(graph));
    for (int i = 0; i < graph->n_updates; i++) DN_TRY(check_update(graph, i));
    return DN_SUCCESS;
}
