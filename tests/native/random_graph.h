// Random graphs: a case from a seed. The same seed gives the same graph and values.
#ifndef DN_TESTS_NATIVE_RANDOM_GRAPH_H
#define DN_TESTS_NATIVE_RANDOM_GRAPH_H

#include "passes/pass.h"
#include "tests/native/random_ops.h"

// Listed as often as wanted.
static void (*const makers[])(maker *m) = {
    make_unary,     make_unary,     make_unary,   make_binary, make_binary, make_binary,
    make_chain,     make_chain,     make_select,  make_cast,   make_cast,   make_leaf,
    make_leaf,      make_broadcast, make_reshape, make_slice,  make_pad,    make_reshape,
    make_transpose, make_concat,    make_reverse, make_gather, make_reduce, make_reduce,
    make_scatter,   make_argmax,    make_reduce,  make_dot,    make_dot,    make_conv,
    make_conv,      make_conv,      make_window,  make_dot,
};

static inline void choose_sizes(maker *m, bool large) {
    static const dn_dim small[] = {2, 3, 4, 5, 7, 8, 9, 13, 15, 16, 17, 31, 33, 64, 65};
    static const dn_dim big[] = {16, 31, 48, 64, 100, 129, 257, 1000};
    for (int i = 0; i < SIZES; i++) m->sizes[i] = small[pick(&m->d, 15)];
    if (large) m->sizes[0] = big[pick(&m->d, 8)];
    if (large) m->sizes[1] = big[pick(&m->d, 8)];
    if (chance(m, 30)) m->sizes[SIZES - 1] = 0;
}

// A variable becomes some node of its type: its old self, another variable, a result, or a sum.
static inline void choose_updates(maker *m) {
    for (int i = 0; i < m->graph->n_vars; i++) {
        dn_node *var = dn_graph_variable(m->graph, m->graph->vars[i].name, m->graph->vars[i].type);
        dn_node *next = chance(m, 3) ? NULL : node_of(m, &var->type);
        if (chance(m, 5)) continue;
        if (!next)
            next =
                try_op(m, DN_OP_ADD, (dn_node *[]){var, node_of(m, &var->type)}, 2, NULL, 0, NULL);
        if (next) dn_graph_update_var(m->graph, i, next);
    }
}

// How many nodes that compute something a node needs.
static inline int work_of(const dn_node *node, bool *seen) {
    if (seen[node->id]) return 0;
    seen[node->id] = true;
    int work = node->n_in > 0;
    for (int i = 0; i < node->n_in; i++) work += work_of(node->in[i], seen);
    return work;
}

// What adds most to the work, so that little of what was made is lost; sometimes any.
static inline void choose_outputs(maker *m) {
    char name[16];
    bool *needed = dn_xcalloc((size_t)m->graph->n_nodes, 1);
    bool *seen = dn_xmalloc((size_t)m->graph->n_nodes);
    int count = 1 + pick(&m->d, 4);
    for (int i = 0; i < count; i++) {
        dn_node *best = any(m);
        for (int k = 0, most = 0; k < m->n && !chance(m, 60); k++) {
            memcpy(seen, needed, (size_t)m->graph->n_nodes);
            int work = work_of(m->pool[k], seen);
            if (work <= most) continue;
            most = work;
            best = m->pool[k];
        }
        work_of(best, needed);
        snprintf(name, sizeof name, "y%d", i);
        dn_graph_output(m->graph, name, best);
    }
    free(needed);
    free(seen);
}

static inline dn_tensor *taken(maker *m, const dn_node *node) {
    return dn_tensor_retain(*value_of(m, node));
}

static inline run_case finish(maker *m) {
    run_case c = {.seed = m->seed, .step = m->step};
    c.inputs = dn_xcalloc((size_t)m->graph->n_inputs + 1, sizeof *c.inputs);
    c.vars = dn_xcalloc((size_t)m->graph->n_vars + 1, sizeof *c.vars);
    for (int i = 0; i < m->graph->n_nodes; i++) {
        const dn_node *node = m->graph->nodes[i];
        if (node->op == DN_OP_INPUT) c.inputs[dn_node_int(node, DN_ATTR_INDEX)] = taken(m, node);
        if (node->op == DN_OP_VAR) c.vars[dn_node_int(node, DN_ATTR_INDEX)] = taken(m, node);
    }
    for (int i = 0; i < m->n_values; i++) dn_tensor_release(m->values[i]);
    free(m->values);
    c.graph = dn_graph_compact(m->graph);
    dn_graph_free(m->graph);
    return c;
}

// As it was made, or after the passes that every graph goes through.
static inline run_case random_case(dn_dims *dims, uint64_t seed) {
    maker m = {.graph = dn_graph_new(dims, "random"),
               .d = {.stream = {.seed = seed, .site = 0x6e61}},
               .seed = seed * 77,
               .step = seed % 5};
    bool large = chance(&m, 10), passes = chance(&m, 2);
    m.most = large ? 40000 : 1500;
    m.wild = chance(&m, 10);
    choose_sizes(&m, large);
    for (int i = 0; i < 3; i++) {
        dn_type type = some_type(&m);
        if (i == 0 || chance(&m, 2))
            new_input(&m, &type, 0);
        else
            new_variable(&m, &type);
    }
    int wanted = 2 + pick(&m.d, 24);
    bool contractions = chance(&m, 4);  // many of them
    for (int i = 0; i < 200 && m.n < MOST_NODES && m.computed < wanted; i++) {
        if (contractions && chance(&m, 3))
            (chance(&m, 2) ? make_dot : make_conv)(&m);
        else
            makers[pick(&m.d, sizeof makers / sizeof *makers)](&m);
    }
    choose_updates(&m);
    choose_outputs(&m);
    run_case c = finish(&m);
    if (passes) {
        dn_status status = dn_passes_run(&c.graph, &(dn_pass_options){.out = stderr});
        DN_ASSERT(!status, "seed %llu: %s", (unsigned long long)seed, dn_status_message(status));
    }
    return c;
}

#endif
