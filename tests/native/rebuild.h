// A case made anew with one thing changed: to shrink it, or to break it on purpose.
#ifndef DN_TESTS_NATIVE_REBUILD_H
#define DN_TESTS_NATIVE_REBUILD_H

#include "tests/native/random_make.h"

typedef struct edit {
    int result;                // this output (or n_outputs + update) alone; -1: all
    int drop;                  // all but this one; -1: all
    int output;                // this node alone is the output; -1: as it was
    const bool *cut;           // by id: these become inputs; NULL: none
    dn_dim old_size, size;     // every size and limit old_size becomes size; 0: none
    int node, attr;            // attribute number `attr` of this node: every entry becomes
    int64_t entry;             //   `entry`; -1: no node
    dn_op from, to;            // nodes of one op become another; DN_OP_COUNT: none
    dn_tensor *const *values;  // of all nodes, for those that are cut
} edit;

static const edit no_edit = {
    .result = -1, .drop = -1, .output = -1, .node = -1, .from = DN_OP_COUNT, .to = DN_OP_COUNT};

static inline bool keeps_result(const edit *e, int i) {
    return e->result >= 0 ? i == e->result : i != e->drop;
}

static inline bool holds_sizes(dn_attr attr) {
    return attr == DN_ATTR_LIMIT || attr == DN_ATTR_KERNEL;
}

static inline dn_type edited_type(const edit *e, dn_type type) {
    for (int i = 0; e->old_size && i < type.rank; i++)
        if (type.dims[i] == e->old_size) type.dims[i] = e->size;
    return type;
}

static inline void edited_attr(const edit *e, const dn_node *node, int index, dn_attr_value *attr,
                               dn_dim *dims) {
    bool here = node->id == e->node && index == e->attr;
    if (dn_attr_kind_of(attr->attr) == DN_ATTR_INT && here) attr->i = e->entry;
    if (dn_attr_kind_of(attr->attr) != DN_ATTR_DIMS) return;
    for (int i = 0; i < attr->count; i++) {
        dims[i] = here ? e->entry : attr->dims[i];
        if (e->old_size && holds_sizes(attr->attr) && dims[i] == e->old_size) dims[i] = e->size;
    }
    attr->dims = dims;
}

static inline dn_node *edited_node(const edit *e, dn_graph *to, const dn_node *node,
                                   dn_node *const *copies) {
    dn_attr_value attrs[DN_MAX_ATTRS];
    dn_dim dims[DN_MAX_ATTRS][DN_MAX_RANK];
    dn_node *in[8], *out = NULL;
    dn_type type = edited_type(e, node->type);
    for (int i = 0; i < node->n_attrs; i++) {
        attrs[i] = node->attrs[i];
        edited_attr(e, node, i, &attrs[i], dims[i]);
    }
    for (int i = 0; i < node->n_in; i++)
        if (!(in[i] = copies[node->in[i]->id])) return NULL;
    dn_status status =
        dn_graph_op(to, node->op == e->from ? e->to : node->op, in, node->n_in, attrs,
                    node->n_attrs, dn_op_takes_type(node->op) ? &type : NULL, &out);
    dn_status_free(status);
    return status ? NULL : out;
}

// The elements of `from` whose indices exist in a smaller shape too.
static inline dn_tensor *cropped(const dn_tensor *from, const dn_type *type) {
    dn_shape shape = dn_type_shape(type);
    dn_tensor *t = NULL;
    dn_status status = dn_tensor_new(type->dtype, &shape, &t);
    DN_ASSERT(!status, "%s", dn_status_message(status));
    size_t element = dn_dtype_size(type->dtype);
    for (int64_t i = 0; i < dn_shape_elements(&shape); i++) {
        int64_t at = 0, rest = i, step = 1;
        for (int k = shape.rank - 1; k >= 0; k--) {
            at += rest % shape.dims[k] * step;
            rest /= shape.dims[k];
            step *= from->shape.dims[k];
        }
        memcpy((char *)t->data + (size_t)i * element, (char *)from->data + (size_t)at * element,
               element);
    }
    return t;
}

typedef struct rebuilding {
    const edit *e;
    const run_case *from;
    run_case to;
    int cap_inputs, cap_vars;
} rebuilding;

static inline dn_node *leaf_again(rebuilding *r, const dn_node *node) {
    char name[24];
    dn_graph *graph = r->to.graph;
    dn_type type = edited_type(r->e, node->type);
    if (node->op == DN_OP_VAR) {
        const char *old = r->from->graph->vars[dn_node_int(node, DN_ATTR_INDEX)].name;
        dn_node *copy = dn_graph_variable(graph, old, type);
        int n = graph->n_vars;
        r->to.vars = dn_xrealloc(r->to.vars, (size_t)n * sizeof *r->to.vars);
        r->to.vars[n - 1] = cropped(r->from->vars[dn_node_int(node, DN_ATTR_INDEX)], &type);
        return copy;
    }
    bool input = node->op == DN_OP_INPUT;
    const dn_tensor *value =
        input ? r->from->inputs[dn_node_int(node, DN_ATTR_INDEX)] : r->e->values[node->id];
    int n = graph->n_inputs;
    snprintf(name, sizeof name, "x%d", n);
    dn_node *copy = dn_graph_input(graph, name, type);
    r->to.inputs = dn_xrealloc(r->to.inputs, (size_t)(n + 1) * sizeof *r->to.inputs);
    r->to.inputs[n] = cropped(value, &type);
    return copy;
}

static inline bool copy_results(rebuilding *r, dn_node *const *copies) {
    const dn_graph *from = r->from->graph;
    dn_graph *to = r->to.graph;
    if (r->e->output >= 0) {
        if (copies[r->e->output]) dn_graph_output(to, "y", copies[r->e->output]);
        return copies[r->e->output];
    }
    for (int i = 0; i < from->n_outputs + from->n_updates; i++) {
        int update = i - from->n_outputs;
        const dn_node *node = update < 0 ? from->outputs[i].node : from->updates[update].node;
        if (!keeps_result(r->e, i)) continue;
        if (!copies[node->id]) return false;
        if (update < 0) {
            dn_graph_output(to, from->outputs[i].name, copies[node->id]);
            continue;
        }
        const dn_graph_var *var = &from->vars[from->updates[update].var];
        int found = -1;
        for (int k = 0; k < to->n_vars; k++)
            if (strcmp(to->vars[k].name, var->name) == 0) found = k;
        if (found < 0 || !dn_type_equal(&to->vars[found].type, &copies[node->id]->type))
            return false;
        dn_graph_update_var(to, found, copies[node->id]);
    }
    return true;
}

// Nodes that the edited results need: by id of the old graph.
static inline void mark_needed(const run_case *c, const edit *e, bool *needed) {
    const dn_graph *g = c->graph;
    memset(needed, 0, (size_t)g->n_nodes);
    for (int i = 0; i < g->n_outputs + g->n_updates && e->output < 0; i++) {
        if (!keeps_result(e, i)) continue;
        int update = i - g->n_outputs;
        needed[update < 0 ? g->outputs[i].node->id : g->updates[update].node->id] = true;
        for (int k = 0; update >= 0 && k < g->n_nodes; k++)
            if (g->nodes[k]->op == DN_OP_VAR &&
                dn_node_int(g->nodes[k], DN_ATTR_INDEX) == g->updates[update].var)
                needed[k] = true;
    }
    if (e->output >= 0) needed[e->output] = true;
    for (int i = g->n_nodes - 1; i >= 0; i--) {
        if (!needed[i] || (e->cut && e->cut[i])) continue;
        for (int k = 0; k < g->nodes[i]->n_in; k++) needed[g->nodes[i]->in[k]->id] = true;
    }
}

// False if the changed graph is none.
static inline bool rebuild(const run_case *c, const edit *e, run_case *out) {
    rebuilding r = {.e = e, .from = c, .to = {.seed = c->seed, .step = c->step}};
    const dn_graph *g = c->graph;
    dn_node **copies = dn_xcalloc((size_t)g->n_nodes, sizeof(dn_node *));
    bool *needed = dn_xmalloc((size_t)g->n_nodes);
    mark_needed(c, e, needed);
    r.to.graph = dn_graph_new(g->dims, g->name);
    for (int i = 0; i < g->n_nodes; i++) {
        const dn_node *node = g->nodes[i];
        bool leaf = node->op == DN_OP_INPUT || node->op == DN_OP_VAR || (e->cut && e->cut[i]);
        if (needed[i])
            copies[i] = leaf ? leaf_again(&r, node) : edited_node(e, r.to.graph, node, copies);
    }
    bool ok = copy_results(&r, copies);
    free(copies);
    free(needed);
    if (!ok) free_case(&r.to);
    if (ok) *out = r.to;
    return ok;
}

#endif
