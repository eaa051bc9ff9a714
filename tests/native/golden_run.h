// A golden case as the backends of graphs want it.
#ifndef DN_TESTS_NATIVE_GOLDEN_RUN_H
#define DN_TESTS_NATIVE_GOLDEN_RUN_H

#include "tests/interp/golden_case.h"
#include "tests/native/random_make.h"

static inline run_case golden_run(dn_dims *dims, const golden_case *g) {
    run_case c = {0};
    CHECK_OK(dn_graph_parse(dims, g->graph, &c.graph));
    c.inputs = dn_xcalloc((size_t)g->n_in + 1, sizeof *c.inputs);
    c.vars = dn_xcalloc(1, sizeof *c.vars);
    for (int i = 0; i < g->n_in; i++) c.inputs[i] = dn_tensor_retain(g->in[i]);
    return c;
}

#endif
