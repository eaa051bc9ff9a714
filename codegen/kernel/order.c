#include "codegen/kernel/order.h"

#include <stdlib.h>

#include "codegen/kernel/affine.h"

typedef struct ordering {
    const dn_fusion *f;
    dn_kernel *const *kernels;
    bool *before;  // before[a * n + b]: group a runs before b
    int n;
} ordering;

static bool is_group(const ordering *o, int g) {
    return o->f->into[g] == g && o->f->groups[g].n_members > 0;
}

// ---- what must come before what ----

typedef struct edge_sink {
    ordering *o;
    int to;
} edge_sink;

static void add_edge(void *context, const dn_node *storage) {
    edge_sink *sink = context;
    if (dn_is_source(storage)) return;
    sink->o->before[dn_group_of(sink->o->f, storage) * sink->o->n + sink->to] = true;
}

static bool reaches_from(const ordering *o, int from, int to, bool *seen) {
    if (from == to) return true;
    seen[from] = true;
    for (int g = 0; g < o->n; g++)
        if (o->before[from * o->n + g] && !seen[g] && reaches_from(o, g, to, seen)) return true;
    return false;
}

static bool reaches(const ordering *o, int from, int to) {
    bool *seen = dn_xcalloc((size_t)o->n + 1, sizeof *seen);
    bool found = reaches_from(o, from, to, seen);
    free(seen);
    return found;
}

// ---- updates in place ----

typedef struct wanted {
    const dn_node *node;
    bool found;
} wanted;

static void look_for(void *context, const dn_node *storage) {
    wanted *w = context;
    w->found |= storage == w->node;
}

static bool group_reads(const ordering *o, int g, const dn_node *node) {
    wanted w = {.node = node};
    dn_group_reads(o->f, &o->f->groups[g], look_for, &w);
    return w.found;
}

static bool gathers(const dn_fusion *f, const dn_node *node, bool *seen) {
    if (seen[node->id] || dn_has_buffer(f, node)) return false;
    seen[node->id] = true;
    if (node->op == DN_OP_GATHER) return true;
    for (int i = 0; i < node->n_in; i++)
        if (gathers(f, node->in[i], seen)) return true;
    return false;
}

// It looks up rows, which may be outside of their table.
static bool can_fail(const dn_fusion *f, const dn_group *g) {
    bool *seen = dn_xcalloc((size_t)f->graph->n_nodes + 1, sizeof *seen), found = false;
    for (int i = 0; i < g->n_members && !found; i++) {
        const dn_node *node = g->members[i].node;
        found = node->op == DN_OP_SCATTER_ADD || node->op == DN_OP_GATHER;
        for (int k = 0; k < node->n_in && !found; k++) found = gathers(f, node->in[k], seen);
    }
    free(seen);
    return found;
}

// The writer reads the old value only where it writes the new one.
static bool reads_where_it_writes(const dn_kernel *k, const dn_node *var, const dn_node *root) {
    const dn_access *to = NULL;
    for (int i = 0; i < k->n_stores; i++)
        if (k->args[k->stores[i].arg] == root->id) to = &k->stores[i].access;
    if (!to) return false;
    for (int i = 0; i < 2 && k->kind == DN_KERNEL_CONTRACT; i++)
        if (k->args[i] == var->id) return false;
    for (int i = 0; i < k->n_values; i++) {
        const dn_kvalue *v = &k->values[i];
        if (v->kind == DN_KV_LOAD && k->args[v->arg] == var->id &&
            (v->in[0] >= 0 || !dn_access_equal(&v->access, to)))
            return false;
    }
    return true;
}

static const dn_node *var_node(const dn_graph *graph, int var) {
    for (int i = 0; i < graph->n_nodes; i++)
        if (graph->nodes[i]->op == DN_OP_VAR && dn_node_int(graph->nodes[i], DN_ATTR_INDEX) == var)
            return graph->nodes[i];
    return NULL;
}

// Adds the edges that writing in place needs; false (and none) if they cannot be had.
static bool write_in_place(ordering *o, const dn_node *var, const dn_node *root) {
    int writer = dn_group_of(o->f, root);
    const dn_kernel *k = o->kernels[writer];
    if (!k || (var && !reads_where_it_writes(k, var, root))) return false;
    bool *first = dn_xcalloc((size_t)o->n + 1, sizeof *first), fine = true;
    for (int g = 0; g < o->n && fine; g++) {
        if (!is_group(o, g) || g == writer) continue;
        first[g] = can_fail(o->f, &o->f->groups[g]) || (var && group_reads(o, g, var));
        fine = !first[g] || !reaches(o, writer, g);
    }
    for (int g = 0; g < o->n && fine; g++)
        if (first[g]) o->before[g * o->n + writer] = true;
    free(first);
    return fine && !can_fail(o->f, &o->f->groups[writer]);
}

static bool taken(const dn_graph *graph, const dn_order *order, const dn_node *root) {
    for (int v = 0; v < graph->n_vars; v++)
        if (order->in_place[v] == root) return true;
    return false;
}

static void place_updates(ordering *o, dn_order *order) {
    const dn_graph *graph = o->f->graph;
    order->in_place = dn_xcalloc((size_t)graph->n_vars + 1, sizeof *order->in_place);
    for (int i = 0; i < graph->n_updates; i++) {
        const dn_node *root = dn_storage(graph->updates[i].node);
        int var = graph->updates[i].var;
        if (dn_is_source(root) || taken(graph, order, root) || dn_elements(root) == 0) continue;
        if (write_in_place(o, var_node(graph, var), root)) order->in_place[var] = root;
    }
}

// ---- the order ----

// The node after which a group could stand in the graph's order.
static int last_node(const dn_group *g) {
    int last = 0;
    for (int i = 0; i < g->n_members; i++)
        if (g->members[i].node->id > last) last = g->members[i].node->id;
    return last;
}

static int next_group(const ordering *o, const bool *done) {
    int best = -1;
    for (int g = 0; g < o->n; g++) {
        if (!is_group(o, g) || done[g]) continue;
        bool ready = true;
        for (int a = 0; a < o->n && ready; a++)
            ready = !o->before[a * o->n + g] || done[a] || a == g || !is_group(o, a);
        if (ready && (best < 0 || last_node(&o->f->groups[g]) < last_node(&o->f->groups[best])))
            best = g;
    }
    return best;
}

void dn_order_groups(const dn_fusion *fusion, dn_kernel *const *kernel_of, dn_order *out) {
    ordering o = {.f = fusion, .kernels = kernel_of, .n = fusion->n_groups};
    o.before = dn_xcalloc((size_t)o.n * (size_t)o.n + 1, sizeof *o.before);
    *out = (dn_order){.groups = dn_xcalloc((size_t)o.n + 1, sizeof *out->groups)};
    for (int g = 0; g < o.n; g++)
        if (is_group(&o, g))
            dn_group_reads(fusion, &fusion->groups[g], add_edge, &(edge_sink){&o, g});
    place_updates(&o, out);
    bool *done = dn_xcalloc((size_t)o.n + 1, sizeof *done);
    for (int g; (g = next_group(&o, done)) >= 0;) {
        done[g] = true;
        out->groups[out->n++] = g;
    }
    for (int g = 0; g < o.n; g++)
        DN_ASSERT(!is_group(&o, g) || done[g], "kernels need each other in a circle");
    free(done);
    free(o.before);
}

void dn_order_free(dn_order *order) {
    free(order->groups);
    free(order->in_place);
}
