// How far two correct evaluations of a graph may differ: nodes whose rounding is not laid down are
// evaluated again with random errors of a few units in the last place, and the spread of the
// results says what such errors become. Where a comparison, a rounding or an index turns over, the
// spread is all there is, and the element is not compared; where nothing but exact operations lead
// to an element, it must be exact.
#ifndef DN_TESTS_NATIVE_COMPARE_H
#define DN_TESTS_NATIVE_COMPARE_H

#include <float.h>

#include "tests/native/random_make.h"

// The results of a case: outputs, then new values of all variables.
typedef struct results {
    dn_tensor **tensors;
    int n;
} results;

static inline results results_new(const run_case *c) {
    int n = c->graph->n_outputs + c->graph->n_vars;
    return (results){.tensors = dn_xcalloc((size_t)n + 1, sizeof(dn_tensor *)), .n = n};
}

static inline void results_free(results *r) {
    for (int i = 0; i < r->n; i++) dn_tensor_release(r->tensors[i]);
    free(r->tensors);
    *r = (results){0};
}

typedef struct allowance {  // of one result
    double *spread;         // of each element
    bool *loose;            // not compared
    bool inexact;           // depends on a node whose rounding is not laid down
} allowance;

// ---- errors of nodes ------------------------------------------------------------------------

typedef enum node_error {
    EXACT,    // the same elements, or the same function of them
    ROUNDED,  // correctly rounded: the same, if the operands are
    MATH,     // a few units in the last place
    SUM,      // in any order
    PRODUCT
} node_error;

static inline node_error error_of(const dn_node *node) {
    if (!dn_dtype_is_float(node->type.dtype)) return EXACT;
    switch (node->op) {
        case DN_OP_EXP:
        case DN_OP_EXPM1:
        case DN_OP_LOG:
        case DN_OP_LOG1P:
        case DN_OP_SIN:
        case DN_OP_COS:
        case DN_OP_TANH:
        case DN_OP_SIGMOID:
        case DN_OP_ERF:
        case DN_OP_POW: return MATH;
        case DN_OP_REDUCE_SUM:
        case DN_OP_DOT:
        case DN_OP_CONV:
        case DN_OP_CONV_INPUT:
        case DN_OP_CONV_WEIGHT:
        case DN_OP_WINDOW_SUM:
        case DN_OP_SCATTER_ADD: return SUM;
        case DN_OP_REDUCE_PROD: return PRODUCT;
        case DN_OP_ADD:
        case DN_OP_SUB:
        case DN_OP_MUL:
        case DN_OP_DIV:
        case DN_OP_SQRT:
        case DN_OP_RSQRT:
        case DN_OP_CAST: return ROUNDED;
        default: return EXACT;
    }
}

enum { UNITS = 8 };  // in the last place; 1 where it is ROUNDED

// To what operands of f32 contractions are rounded; matrix units of GPUs have fewer bits.
static double contraction_epsilon = FLT_EPSILON;

// Between 1 and the next number.
static inline double epsilon_of_dtype(dn_dtype dtype) {
    return dtype == DN_BF16 ? 0x1p-7 : dtype == DN_F32 ? FLT_EPSILON : DBL_EPSILON;
}

static inline double epsilon_of(const dn_node *node) {
    if (node->type.dtype == DN_F64) return DBL_EPSILON;
    bool contraction = node->op == DN_OP_DOT || node->op == DN_OP_CONV ||
                       node->op == DN_OP_CONV_INPUT || node->op == DN_OP_CONV_WEIGHT;
    return contraction ? contraction_epsilon : FLT_EPSILON;
}

// Terms of a sum or a product, at most.
static inline double terms_of(const dn_node *node) {
    int64_t most = 1;
    for (int i = 0; i < node->n_in; i++) {
        int64_t n = elements_of(&node->in[i]->type);
        if (n > most) most = n;
    }
    return (double)most;
}

// The sums of the terms' magnitudes.
static inline dn_tensor *magnitudes(const run_case *c, const dn_node *node, dn_tensor *const *in) {
    dn_tensor *positive[2] = {0}, *out = NULL;
    for (int i = 0; i < node->n_in; i++) {
        dn_status status = dn_tensor_copy(in[i], &positive[i]);
        DN_ASSERT(!status, "no memory");
        bool numbers = dn_dtype_is_float(in[i]->dtype);
        for (int64_t k = 0; numbers && k < dn_shape_elements(&in[i]->shape); k++)
            dn_tensor_set(positive[i], k, fabs(dn_tensor_get(in[i], k)));
    }
    dn_status status = dn_interp_node(NULL, node, positive, c->seed, c->step, &out);
    DN_ASSERT(!status, "%s", dn_status_message(status));
    for (int i = 0; i < node->n_in; i++) dn_tensor_release(positive[i]);
    return out;
}

// +1 or -1; runs 2k and 2k + 1 have opposite signs.
static inline double sign_of_error(int run, int node, int64_t i) {
    uint64_t key[] = {(uint64_t)run / 2, (uint64_t)node, (uint64_t)i};
    uint64_t bits = dn_hash(key, sizeof key, DN_HASH_SEED);
    bits ^= bits >> 29;
    bits *= UINT64_C(0xbf58476d1ce4e5b9);
    return (((bits >> 40) ^ (uint64_t)run) & 1) ? 1 : -1;
}

static inline void add_errors(const run_case *c, const dn_node *node, dn_tensor *const *in, int run,
                              double units, dn_tensor *out) {
    node_error error = error_of(node);
    if (error == EXACT) return;
    bool f64 = out->dtype == DN_F64;
    double unit = units * epsilon_of(node), least = f64 ? DBL_MIN : FLT_MIN;
    // What is computed a little differently in f32 may be rounded to the next number of bf16.
    double next = out->dtype == DN_BF16 ? epsilon_of_dtype(DN_BF16) : 0;
    unit *= 1 - 0.13 * (run / 2 % 5);  // lest every second run give the same
    if (error == ROUNDED) unit /= UNITS;
    if (error >= SUM) unit *= 1 + sqrt(terms_of(node)) / 16;
    dn_tensor *sizes = error == SUM ? magnitudes(c, node, in) : dn_tensor_retain(out);
    for (int64_t i = 0; i < dn_shape_elements(&out->shape); i++) {
        double v = dn_tensor_get(out, i), size = fabs(dn_tensor_get(sizes, i));
        // May be flushed to 0, and a function may be 0 where it is not: sigmoid(-102) as 1 / (1 +
        // inf).
        bool tiny = (size > 0 || error == MATH) && size < least / unit;
        double by = unit * size + next * fabs(v) + (tiny ? least : 0);
        if (by > 0 && isfinite(by)) dn_tensor_set(out, i, v + sign_of_error(run, node->id, i) * by);
    }
    dn_tensor_release(sizes);
}

// ---- evaluation with errors -----------------------------------------------------------------

// Which nodes depend on one whose rounding is not laid down.
static inline bool *marked_inexact(const dn_graph *g) {
    bool *inexact = dn_xcalloc((size_t)g->n_nodes + 1, 1);
    for (int i = 0; i < g->n_nodes; i++) {
        inexact[i] = error_of(g->nodes[i]) > ROUNDED;
        for (int k = 0; k < g->nodes[i]->n_in; k++) inexact[i] |= inexact[g->nodes[i]->in[k]->id];
    }
    return inexact;
}

static inline dn_tensor *leaf_value(const run_case *c, const dn_node *node) {
    int64_t index = dn_node_int(node, DN_ATTR_INDEX);
    return dn_tensor_retain(node->op == DN_OP_INPUT ? c->inputs[index] : c->vars[index]);
}

static inline void free_values(const run_case *c, dn_tensor **values) {
    for (int i = 0; i < c->graph->n_nodes; i++) dn_tensor_release(values[i]);
    free(values);
}

// The values of all nodes, with errors unless `units` is 0; NULL if one fails.
static inline dn_tensor **node_values(const run_case *c, int run, double units) {
    const dn_graph *g = c->graph;
    dn_tensor **values = dn_xcalloc((size_t)g->n_nodes, sizeof *values), *in[8];
    bool *inexact = marked_inexact(g);
    dn_status status = DN_SUCCESS;
    for (int i = 0; i < g->n_nodes && !status; i++) {
        const dn_node *node = g->nodes[i];
        if (node->op == DN_OP_INPUT || node->op == DN_OP_VAR) {
            values[i] = leaf_value(c, node);
            continue;
        }
        for (int k = 0; k < node->n_in; k++) in[k] = values[node->in[k]->id];
        status = dn_interp_node(NULL, node, in, c->seed, c->step, &values[i]);
        if (!status && units > 0 && inexact[i]) add_errors(c, node, in, run, units, values[i]);
    }
    free(inexact);
    if (!status) return values;
    free_values(c, values);
    dn_status_free(status);
    return NULL;
}

// ---- allowances -----------------------------------------------------------------------------

static inline bool same_number(double a, double b) { return a == b || (isnan(a) && isnan(b)); }

static inline bool same_element(const dn_tensor *a, const dn_tensor *b, int64_t i) {
    size_t size = dn_dtype_size(a->dtype), at = (size_t)i * size;
    if (!dn_dtype_is_float(a->dtype))
        return memcmp((char *)a->data + at, (char *)b->data + at, size) == 0;
    return same_number(dn_tensor_get(a, i), dn_tensor_get(b, i));
}

static inline void widen(allowance *a, const dn_tensor *want, const dn_tensor *other) {
    for (int64_t i = 0; i < dn_shape_elements(&want->shape); i++) {
        if (same_element(want, other, i)) continue;
        double by = fabs(dn_tensor_get(want, i) - dn_tensor_get(other, i));
        if (!dn_dtype_is_float(want->dtype) || !isfinite(by))
            a->loose[i] = true;
        else if (by > a->spread[i])
            a->spread[i] = by;
    }
}

// The node behind result i; NULL for a variable that is not updated.
static inline const dn_node *result_node(const dn_graph *g, int i) {
    if (i < g->n_outputs) return g->outputs[i].node;
    for (int k = 0; k < g->n_updates; k++)
        if (g->updates[k].var == i - g->n_outputs) return g->updates[k].node;
    return NULL;
}

static inline void allowances_widen(const run_case *c, const results *want, int first, int last,
                                    allowance *a) {
    for (int run = first; run < last; run++) {
        dn_tensor **values = node_values(c, run, UNITS);
        for (int i = 0; i < want->n; i++) {
            const dn_node *node = result_node(c->graph, i);
            if (node && a[i].inexact && values) widen(&a[i], want->tensors[i], values[node->id]);
            for (int64_t k = 0; !values && k < dn_shape_elements(&want->tensors[i]->shape); k++)
                a[i].loose[k] = true;  // an index left its table
        }
        if (values) free_values(c, values);
    }
}

static inline allowance *allowances_new(const run_case *c, const results *want) {
    allowance *a = dn_xcalloc((size_t)want->n + 1, sizeof *a);
    bool *inexact = marked_inexact(c->graph);
    for (int i = 0; i < want->n; i++) {
        size_t count = (size_t)dn_shape_elements(&want->tensors[i]->shape) + 1;
        const dn_node *node = result_node(c->graph, i);
        a[i].spread = dn_xcalloc(count, sizeof *a[i].spread);
        a[i].loose = dn_xcalloc(count, 1);
        a[i].inexact = node && inexact[node->id];
    }
    free(inexact);
    return a;
}

static inline void allowances_free(allowance *a, int n) {
    for (int i = 0; i < n; i++) {
        free(a[i].spread);
        free(a[i].loose);
    }
    free(a);
}

// What element i of `want` may be away; errors that several runs of node_values have not shown are
// allowed for by a factor.
static inline double allowed(const allowance *a, const dn_tensor *want, int64_t i) {
    if (!a->inexact) return 0;
    double epsilon = epsilon_of_dtype(want->dtype);
    return 4 * a->spread[i] + 2 * epsilon * fabs(dn_tensor_get(want, i));
}

static inline double largest_of(const dn_tensor *t) {
    double most = 0;
    for (int64_t i = 0; i < dn_shape_elements(&t->shape); i++) {
        double v = fabs(dn_tensor_get(t, i));
        if (v > most && v < INFINITY) most = v;
    }
    return most;
}

// Where errors grow to this size (the cosine of a large sum), values say nothing.
static inline double chaos_of(const dn_tensor *want) {
    return (want->dtype == DN_BF16 ? 0.2 : 0.01) * largest_of(want);
}

// How far element i may be away; infinite where it is not compared.
static inline double margin(const allowance *a, const dn_tensor *want, int64_t i, double chaos) {
    if (a->loose[i]) return INFINITY;
    if (!dn_dtype_is_float(want->dtype)) return 0;
    return a->spread[i] > chaos ? INFINITY : allowed(a, want, i);
}

// The first element that differs, -1 if none does; how many do.
static inline int64_t first_difference(const allowance *a, const dn_tensor *want,
                                       const dn_tensor *have, int64_t *count) {
    int64_t first = -1;
    double chaos = chaos_of(want);
    *count = 0;
    for (int64_t i = 0; i < dn_shape_elements(&want->shape); i++) {
        double most = margin(a, want, i, chaos);
        if (most == INFINITY || same_element(want, have, i)) continue;
        double by = fabs(dn_tensor_get(want, i) - dn_tensor_get(have, i));
        if (dn_dtype_is_float(want->dtype) && by <= most) continue;
        if (first < 0) first = i;
        ++*count;
    }
    return first;
}

#endif
