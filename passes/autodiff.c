// The reverse sweep (Speelpenning 1980; Griewank and Walther, "Evaluating Derivatives", ch. 3,
// source transformation form): nodes are in an order with operands first, so one walk from the loss
// backwards sees every node after all its users, when its cotangent is complete.
#include "passes/autodiff.h"

#include <stdlib.h>

#include "passes/gradient_rules.h"

typedef struct sweep {
    const dn_gradient_entry *table;
    dn_graph *graph;
    int n;                // nodes that existed before: ids below this
    bool *leaf;           // is one of wrt
    bool *needed;         // lies on a path from wrt: its cotangent is of use
    dn_node **cotangent;  // d loss / d node, as far as it is known
    // For the rule at work; as long as the most operands of a node.
    bool *wanted;
    dn_node **to;
} sweep;

static bool passes_gradient(const sweep *s, const dn_node *node) {
    dn_grad_kind kind = s->table[node->op].kind;
    return kind == DN_GRAD_RULE || kind == DN_GRAD_MISSING;
}

static bool any_operand_needed(const sweep *s, const dn_node *node) {
    for (int i = 0; i < node->n_in; i++)
        if (s->needed[node->in[i]->id]) return true;
    return false;
}

// Integers and booleans are piecewise constant: nothing flows through them.
static void mark_needed(sweep *s) {
    for (int id = 0; id < s->n; id++) {
        const dn_node *node = s->graph->nodes[id];
        if (!dn_dtype_is_float(node->type.dtype)) continue;
        s->needed[id] = s->leaf[id] || (passes_gradient(s, node) && any_operand_needed(s, node));
    }
}

static void sweep_init(sweep *s, dn_node *const *wrt, int n_wrt) {
    int most = 1;
    s->n = s->graph->n_nodes;
    for (int id = 0; id < s->n; id++)
        if (s->graph->nodes[id]->n_in > most) most = s->graph->nodes[id]->n_in;
    s->leaf = dn_xcalloc((size_t)s->n, sizeof *s->leaf);
    s->needed = dn_xcalloc((size_t)s->n, sizeof *s->needed);
    s->cotangent = dn_xcalloc((size_t)s->n, sizeof *s->cotangent);
    s->wanted = dn_xcalloc((size_t)most, sizeof *s->wanted);
    s->to = dn_xcalloc((size_t)most, sizeof *s->to);
    for (int i = 0; i < n_wrt; i++) s->leaf[wrt[i]->id] = true;
    mark_needed(s);
}

static void sweep_free(sweep *s) {
    free(s->leaf);
    free(s->needed);
    free(s->cotangent);
    free(s->wanted);
    free(s->to);
}

static void accumulate(sweep *s, const dn_node *node, dn_node *part) {
    DN_ASSERT(dn_type_equal(&part->type, &node->type), "a gradient of %s has another type than it",
              dn_op_get(node->op)->name);
    dn_node **sum = &s->cotangent[node->id];
    *sum = *sum ? dn_build_binary(s->graph, DN_OP_ADD, *sum, part) : part;
}

static dn_status propagate(sweep *s, dn_node *y, const dn_node **culprit) {
    const dn_gradient_entry *entry = &s->table[y->op];
    if (entry->kind == DN_GRAD_MISSING) {
        if (culprit) *culprit = y;
        return dn_fail(DN_UNSUPPORTED, "%s has no gradient", dn_op_get(y->op)->name);
    }
    for (int i = 0; i < y->n_in; i++) {
        s->wanted[i] = s->needed[y->in[i]->id];
        s->to[i] = NULL;
    }
    s->graph->span = y->span;
    entry->rule(&(dn_gradient){s->graph, y, s->cotangent[y->id], s->wanted, s->to});
    for (int i = 0; i < y->n_in; i++)
        if (s->wanted[i] && s->to[i]) accumulate(s, y->in[i], s->to[i]);
    return DN_SUCCESS;
}

static dn_status run(sweep *s, dn_node *loss, const dn_node **culprit) {
    if (!s->needed[loss->id]) return DN_SUCCESS;
    s->cotangent[loss->id] = dn_build_splat(s->graph, loss, 1);
    for (int id = loss->id; id >= 0; id--)
        if (s->cotangent[id] && !s->leaf[id]) DN_TRY(propagate(s, s->graph->nodes[id], culprit));
    return DN_SUCCESS;
}

dn_status dn_autodiff_with(const dn_gradient_entry *table, dn_graph *graph, dn_node *loss,
                           dn_node *const *wrt, int n_wrt, dn_node **grads, bool *depends,
                           const dn_node **culprit) {
    if (!dn_dtype_is_float(loss->type.dtype) || loss->type.rank != 0) {
        dn_str type = {0};
        dn_type_print(graph->dims, &loss->type, &type);
        dn_status status =
            dn_fail(DN_INVALID, "a loss must be a float scalar, and this is %s", type.text);
        free(type.text);
        return status;
    }
    sweep s = {.table = table, .graph = graph};
    sweep_init(&s, wrt, n_wrt);
    dn_span span = graph->span;
    graph->span = loss->span;
    dn_status status = run(&s, loss, culprit);
    for (int i = 0; i < n_wrt && !status; i++) {
        dn_node *grad = s.cotangent[wrt[i]->id];
        graph->span = wrt[i]->span;
        grads[i] = grad ? grad : dn_build_splat(graph, wrt[i], 0);
        if (depends) depends[i] = grad != NULL;
    }
    graph->span = span;
    sweep_free(&s);
    return status;
}

dn_status dn_autodiff(dn_graph *graph, dn_node *loss, dn_node *const *wrt, int n_wrt,
                      dn_node **grads, bool *depends, const dn_node **culprit) {
    return dn_autodiff_with(dn_gradient_table, graph, loss, wrt, n_wrt, grads, depends, culprit);
}
