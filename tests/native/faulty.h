// Two backends to test the test. One has faults, which it should find and make small: it takes
// reduce_max for reduce_min, and crashes where there is an argmin. The other rounds differently
// from the interpreter, which is nothing to complain about.
#ifndef DN_TESTS_NATIVE_FAULTY_H
#define DN_TESTS_NATIVE_FAULTY_H

#include <signal.h>

#include "tests/native/backend.h"
#include "tests/native/rebuild.h"

static inline dn_status nothing_compile(const run_case *cases, int n, dn_isa isa, int level,
                                        void **out) {
    (void)cases, (void)n, (void)isa, (void)level;
    *out = NULL;
    return DN_SUCCESS;
}

static inline void nothing_free(void *compiled) { (void)compiled; }

static inline dn_status faulty_run(void *compiled, int index, const run_case *c, int threads,
                                   dn_tensor *const *inputs, dn_tensor **vars,
                                   dn_tensor **outputs) {
    run_case other;
    edit e = no_edit;
    e.from = DN_OP_REDUCE_MAX;
    e.to = DN_OP_REDUCE_MIN;
    (void)compiled, (void)index, (void)threads, (void)inputs;
    for (int i = 0; i < c->graph->n_nodes; i++)
        if (c->graph->nodes[i]->op == DN_OP_ARGMIN) raise(SIGKILL);
    DN_ASSERT(rebuild(c, &e, &other), "both have the same types");
    dn_status status = interpret(&other, other.inputs, other.vars, outputs);
    for (int i = 0; i < other.graph->n_vars && !status; i++) {
        for (int k = 0; k < c->graph->n_vars; k++)
            if (strcmp(c->graph->vars[k].name, other.graph->vars[i].name) == 0)
                vars[k] = dn_tensor_retain(other.vars[i]);
    }
    free_case(&other);
    return status;
}

static const backend faulty_backend = {"faulty", nothing_compile, faulty_run, nothing_free};

static inline dn_status shaken_run(void *compiled, int index, const run_case *c, int threads,
                                   dn_tensor *const *inputs, dn_tensor **vars,
                                   dn_tensor **outputs) {
    enum { OTHER_RUN = 12345 };
    dn_tensor **values = node_values(c, OTHER_RUN, 2);
    (void)compiled, (void)index, (void)threads, (void)inputs;
    if (!values) return dn_fail(DN_INVALID, "an index left its table");
    for (int i = 0; i < c->graph->n_outputs + c->graph->n_vars; i++) {
        const dn_node *node = result_node(c->graph, i);
        if (i < c->graph->n_outputs)
            outputs[i] = dn_tensor_retain(values[node->id]);
        else if (node)
            vars[i - c->graph->n_outputs] = dn_tensor_retain(values[node->id]);
    }
    free_values(c, values);
    return DN_SUCCESS;
}

static const backend shaken_backend = {"shaken", nothing_compile, shaken_run, nothing_free};

#endif
