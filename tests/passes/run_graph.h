// Helpers of the tests of passes: graphs from text, random tensors, runs of the interpreter.
#ifndef DN_TESTS_PASSES_RUN_GRAPH_H
#define DN_TESTS_PASSES_RUN_GRAPH_H

#include <stdlib.h>

#include "codegen/interp/interp.h"
#include "ir/graph.h"
#include "runtime/rng.h"
#include "tests/check.h"

// Random numbers for operands: a stream and how much of it is used.
typedef struct dice {
    dn_rng_stream stream;
    uint64_t at;
} dice;

static inline double roll(dice *d, double lo, double hi) {
    return lo + (hi - lo) * dn_rng_double(&d->stream, d->at++);
}

static inline int pick(dice *d, int count) {
    return (int)dn_rng_below(&d->stream, d->at++, (uint64_t)count);
}

// Any integer that a dtype has, small ones and the least more often.
static inline double random_integer(dice *d, dn_dtype dtype) {
    if (dtype == DN_U8) return pick(d, 256);
    return pick(d, 8) ? pick(d, 7) - 3 : dtype == DN_I32 ? INT32_MIN : 1e12;
}

// Floats in [lo, hi), integers in [0, limit) or any if limit is 0, booleans either.
static inline dn_tensor *random_tensor(dice *d, const dn_type *type, double lo, double hi,
                                       int limit) {
    dn_shape shape = dn_type_shape(type);
    dn_tensor *t = NULL;
    dn_status status = dn_tensor_new(type->dtype, &shape, &t);
    DN_ASSERT(!status, "%s", dn_status_message(status));
    for (int64_t i = 0; i < dn_shape_elements(&shape); i++) {
        double value;
        if (type->dtype == DN_BOOL)
            value = pick(d, 2);
        else if (dn_dtype_is_float(type->dtype))
            value = roll(d, lo, hi);
        else
            value = limit ? pick(d, limit) : random_integer(d, type->dtype);
        dn_tensor_set(t, i, value);
    }
    return t;
}

static inline void release_all(dn_tensor **tensors, int count) {
    for (int i = 0; i < count; i++) dn_tensor_release(tensors[i]);
}

// The text must be right.
static inline dn_graph *parse_graph(dn_dims *dims, const char *text) {
    dn_graph *graph = NULL;
    dn_status status = dn_graph_parse(dims, text, &graph);
    DN_ASSERT(!status, "%s in\n%s", dn_status_message(status), text);
    return graph;
}

// graph @name { inputs; lines; return y=last }: lines are numbered on from the inputs.
static inline dn_graph *graph_of(dn_dims *dims, int n_in, const char *const *inputs,
                                 const char *body) {
    dn_str text = {0};
    dn_str_puts(&text, "graph @case {\n");
    for (int i = 0; i < n_in; i++)
        dn_str_printf(&text, "  %%%d = input {index=%d, name=\"x%d\"} : %s\n", i, i, i, inputs[i]);
    dn_str_printf(&text, "  %%%d = %s\n  return y=%%%d\n}\n", n_in, body, n_in);
    dn_graph *graph = parse_graph(dims, text.text);
    free(text.text);
    return graph;
}

// Runs a graph that has no variables; the caller owns outputs[].
static inline dn_status run_once(const dn_graph *graph, dn_tensor *const *inputs,
                                 dn_tensor **outputs) {
    dn_interp *interp = NULL;
    DN_TRY(dn_interp_new(graph, &interp));
    dn_interp_args args = {.inputs = inputs, .outputs = outputs, .seed = 7};
    dn_status status = dn_interp_run(interp, NULL, &args, NULL);
    dn_interp_free(interp);
    return status;
}

// Replaces a graph's outputs.
static inline void set_outputs(dn_graph *graph, dn_node *const *nodes, int count) {
    char name[16];
    graph->n_outputs = 0;
    for (int i = 0; i < count; i++) {
        snprintf(name, sizeof name, "o%d", i);
        dn_graph_output(graph, name, nodes[i]);
    }
}

static inline dn_node *sum_all(dn_graph *graph, dn_node *x) {
    dn_dim axes[DN_MAX_RANK];
    for (int i = 0; i < x->type.rank; i++) axes[i] = i;
    return x->type.rank ? dn_build_reduce(graph, DN_OP_REDUCE_SUM, x, x->type.rank, axes) : x;
}

#endif
