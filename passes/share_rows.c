#include "passes/share_rows.h"

#include <stdlib.h>

#include "passes/rebuild.h"

enum { MOST_VISITS = 100 };  // of nodes between a factor and its contraction

// ---- what is scaled by row ----

static bool is_zero(const dn_node *x) {
    return x->op == DN_OP_CONST && dn_node_number(x, DN_ATTR_VALUE) == 0;
}

static bool same_rows(const dn_node *a, const dn_node *b) {
    return a->type.rank > 0 && b->type.rank > 0 && a->type.dims[0] == b->type.dims[0];
}

// A DOT of [rows, 1] and [columns, 1] over their last axes.
static bool is_outer_product(const dn_node *x) {
    if (x->op != DN_OP_DOT || x->type.rank != 2) return false;
    for (int i = 0; i < 2; i++)
        if (x->in[i]->type.rank != 2 || x->in[i]->type.dims[1] != 1) return false;
    int left, right;
    const dn_dim *a = dn_node_dims(x, DN_ATTR_LHS_CONTRACT, &left);
    const dn_dim *b = dn_node_dims(x, DN_ATTR_RHS_CONTRACT, &right);
    return left == 1 && right == 1 && a[0] == 1 && b[0] == 1;
}

// BROADCAST of one number for each row, of x's shape.
static bool is_row_factor(const dn_node *x) {
    int count;
    if (x->op != DN_OP_BROADCAST) return false;
    const dn_dim *axes = dn_node_dims(x, DN_ATTR_AXES, &count);
    return count == 1 && axes[0] == 0 && same_rows(x->in[0], x);
}

// The operand of a MUL that is a factor per row, or -1.
static int factor_of(const dn_node *x) {
    if (x->op != DN_OP_MUL) return -1;
    return is_row_factor(x->in[1]) ? 1 : is_row_factor(x->in[0]) ? 0 : -1;
}

typedef struct search {
    dn_node *factor;  // of each row: [rows] or [rows, 1]; NULL: none yet
    int visits;
    bool failed;
} search;

static bool found(search *s, dn_node *factor) {
    if (s->factor && s->factor != factor) s->failed = true;
    s->factor = factor;
    return true;
}

static bool scaled(search *s, const dn_node *x);

static bool all_scaled(search *s, const dn_node *x, int first) {
    for (int i = first; i < x->n_in; i++)
        if (!is_zero(x->in[i]) && !scaled(s, x->in[i])) return false;
    return true;
}

// Whether x is s->factor times something, or that may be any if it is not known yet.
static bool scaled(search *s, const dn_node *x) {
    if (s->failed || ++s->visits > MOST_VISITS || !dn_dtype_is_float(x->type.dtype)) return false;
    int factor = factor_of(x);
    if (factor >= 0) return found(s, x->in[factor]->in[0]);
    if (is_outer_product(x)) return found(s, x->in[0]);
    switch (x->op) {
        case DN_OP_RESHAPE: return same_rows(x, x->in[0]) && scaled(s, x->in[0]);
        case DN_OP_NEG: return scaled(s, x->in[0]);
        case DN_OP_ADD:
        case DN_OP_SUB: return all_scaled(s, x, 0);
        case DN_OP_SELECT: return all_scaled(s, x, 1);
        case DN_OP_MUL: return scaled(s, x->in[0]) || (!s->failed && scaled(s, x->in[1]));
        case DN_OP_DIV: return scaled(s, x->in[0]);
        default: return false;
    }
}

// The factor of x, or NULL. x may be all zeros besides.
static dn_node *row_factor(const dn_node *x) {
    search s = {0};
    return scaled(&s, x) && !s.failed ? s.factor : NULL;
}

// x, which is scaled, without its factor.
static dn_node *without(dn_graph *graph, dn_node *x) {
    if (is_zero(x)) return x;
    int factor = factor_of(x);
    if (factor >= 0) return x->in[1 - factor];
    if (is_outer_product(x)) {
        dn_node *columns = dn_build_reshape(graph, x->in[1], 1, x->in[1]->type.dims);
        return dn_build_broadcast(graph, columns, &x->type, (dn_dim[]){1});
    }
    dn_node *in[3] = {NULL};
    for (int i = 0; i < x->n_in; i++) in[i] = x->in[i];
    bool second = x->op == DN_OP_MUL && !row_factor(x->in[0]);
    bool both = x->op == DN_OP_ADD || x->op == DN_OP_SUB;
    if (x->op == DN_OP_SELECT) {
        for (int i = 1; i < 3; i++) in[i] = without(graph, in[i]);
    } else {
        for (int i = 0; i < (both ? 2 : 1); i++) in[i + second] = without(graph, in[i + second]);
    }
    return dn_rebuild_same(graph, x, in);
}

// ---- contractions ----

// Each row of its result comes from the same row of its first operand.
static bool keeps_rows(const dn_node *x) {
    if (x->op == DN_OP_CONV || x->op == DN_OP_CONV_INPUT) return true;
    if (x->op != DN_OP_DOT || is_outer_product(x)) return false;
    int batches, count;
    dn_node_dims(x, DN_ATTR_LHS_BATCH, &batches);
    const dn_dim *axes = dn_node_dims(x, DN_ATTR_LHS_CONTRACT, &count);
    for (int i = 0; i < count; i++)
        if (axes[i] == 0) return false;
    return batches == 0;
}

static dn_node *without_factor(dn_graph *graph, const dn_node *x) {
    return dn_rebuild_same(graph, x, (dn_node *[]){without(graph, x->in[0]), x->in[1]});
}

// The contraction without its factor, and then the factor.
static dn_node *factor_last(dn_graph *to, const dn_node *node, dn_node *const *in,
                            const void *context) {
    const bool *shared = context;
    if (!shared[node->id]) return dn_rebuild_same(to, node, in);
    dn_node *x = dn_rebuild_same(to, node, in), *factor = row_factor(x->in[0]);
    dn_node *rows = dn_build_reshape(to, factor, 1, factor->type.dims);
    dn_node *all = dn_build_broadcast(to, rows, &x->type, (dn_dim[]){0});
    return dn_build_binary(to, DN_OP_MUL, without_factor(to, x), all);
}

// Marks the contractions that become one with another. `scratch` is a copy of the graph, in which
// equal nodes are one. How many are marked.
static int find_shared(dn_graph *scratch, bool *shared) {
    int count = scratch->n_nodes, n = 0;
    dn_node **common = dn_xcalloc((size_t)count, sizeof(dn_node *));
    for (int i = 0; i < count; i++) {
        dn_node *x = scratch->nodes[i];
        if (keeps_rows(x) && row_factor(x->in[0])) common[i] = without_factor(scratch, x);
    }
    for (int i = 0; i < count; i++)
        for (int j = 0; j < i; j++)
            if (common[i] && common[i] == common[j]) shared[i] = shared[j] = ++n;
    free(common);
    return n;
}

// Each round, for what has a factor now: the next layer's contraction gets it from the last one's.
dn_graph *dn_share_rows(const dn_graph *graph) {
    dn_graph *now = dn_graph_compact(graph);
    for (;;) {
        dn_graph *scratch = dn_graph_compact(now);
        bool *shared = dn_xcalloc((size_t)scratch->n_nodes + 1, sizeof *shared);
        int n = find_shared(scratch, shared);
        dn_graph_free(scratch);
        dn_graph *next = n ? dn_rebuild(now, factor_last, shared) : NULL;
        free(shared);
        if (!next) return now;
        dn_graph_free(now);
        now = next;
    }
}
