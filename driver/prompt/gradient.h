// The gradient of a number over everything that went into its graph: computed, and compared with
// finite differences.
#ifndef DN_PROMPT_GRADIENT_H
#define DN_PROMPT_GRADIENT_H

#include "driver/prompt/session.h"

typedef struct dn_gradient {
    const char *name;  // of the variable or input; the graph's
    bool is_input;
    int index;         // in graph->vars or graph->inputs
    dn_tensor *value;  // of its type
    dn_node *node;     // the leaf
} dn_gradient;

typedef struct dn_gradients {
    dn_graph *graph;  // the forward graph with the gradients
    dn_gradient *items;
    int n;
} dn_gradients;

// Of the only output of `graph`, which has to be a single float, for what a recorded call was
// given. The graph is as it was built, with its stop_gradients. With `exact` in f64.
dn_status dn_gradients_new(dn_session *session, const dn_graph *graph, const dn_recorded *call,
                           bool exact, dn_gradients *out) DN_MUST_USE;
void dn_gradients_free(dn_gradients *gradients);

// The largest difference between the gradient in f64 and finite differences, at some elements of
// each leaf, relative to the gradient's size. `where`: "M.dense.kernel[3]".
dn_status dn_gradients_check(dn_session *session, const dn_graph *graph, const dn_recorded *call,
                             double *worst, int *checked, dn_str *where) DN_MUST_USE;

#endif
