#include "codegen/kernel/prepare.h"

#include <stdlib.h>

#include "codegen/kernel/expand.h"
#include "passes/rebuild.h"

// ---- long reductions ----

enum { LONG = 1 << 16, CHUNK = 1 << 13, MOST_CHUNKS = 64, ENOUGH_RESULTS = 4096 };

// The largest number of chunks of equal size that leaves enough work in each.
static int64_t chunks_of(int64_t size, int64_t elements) {
    for (int64_t n = MOST_CHUNKS; n > 1; n--)
        if (size % n == 0 && elements / n >= CHUNK) return n;
    return 1;
}

static dn_node *split_reduction(dn_graph *to, const dn_node *node, dn_node *x) {
    int n;
    const dn_dim *axes = dn_node_dims(node, DN_ATTR_AXES, &n);
    int64_t elements = dn_elements(x), chunks = 1;
    int which = 0;
    if (elements < LONG || dn_elements(node) >= ENOUGH_RESULTS || x->type.rank == DN_MAX_RANK)
        return NULL;
    for (which = 0; which < n; which++) {
        chunks = chunks_of(x->type.dims[axes[which]], elements);
        if (chunks > 1) break;
    }
    if (chunks == 1) return NULL;
    int axis = (int)axes[which], rank = 0;
    dn_dim dims[DN_MAX_RANK], inner[DN_MAX_RANK], outer = axis - which;
    for (int i = 0; i < x->type.rank; i++) {
        if (i == axis) dims[rank++] = chunks;
        dims[rank++] = i == axis ? x->type.dims[i] / chunks : x->type.dims[i];
    }
    for (int i = 0; i < n; i++) inner[i] = axes[i] + (axes[i] >= axis);
    dn_node *split = dn_build_reshape(to, x, rank, dims);
    return dn_build_reduce(to, node->op, dn_build_reduce(to, node->op, split, n, inner), 1, &outer);
}

// ---- products ----

static bool has(const dn_dim *list, int n, int axis) {
    for (int i = 0; i < n; i++)
        if (list[i] == axis) return true;
    return false;
}

// The permutation that brings batch axes first, then the contracted axes and the free ones in the
// given order.
static dn_node *arrange(dn_graph *to, dn_node *x, const dn_node *node, dn_attr batch,
                        dn_attr contract, bool free_first) {
    int n_batch, n_contract, n = 0;
    const dn_dim *b = dn_node_dims(node, batch, &n_batch);
    const dn_dim *c = dn_node_dims(node, contract, &n_contract);
    dn_dim axes[DN_MAX_RANK];
    for (int i = 0; i < n_batch; i++) axes[n++] = b[i];
    for (int i = 0; i < n_contract && !free_first; i++) axes[n++] = c[i];
    for (int i = 0; i < x->type.rank; i++)
        if (!has(b, n_batch, i) && !has(c, n_contract, i)) axes[n++] = i;
    for (int i = 0; i < n_contract && free_first; i++) axes[n++] = c[i];
    if (!dn_is_widening(x)) return dn_build_transpose(to, x, axes);
    return dn_build_cast(to, dn_build_transpose(to, x->in[0], axes), x->type.dtype);
}

static dn_node *arrange_dot(dn_graph *to, const dn_node *node, dn_node *const *in) {
    int batches, contracted;
    dn_node_dims(node, DN_ATTR_LHS_BATCH, &batches);
    dn_node_dims(node, DN_ATTR_LHS_CONTRACT, &contracted);
    dn_node *a = arrange(to, in[0], node, DN_ATTR_LHS_BATCH, DN_ATTR_LHS_CONTRACT, true);
    dn_node *b = arrange(to, in[1], node, DN_ATTR_RHS_BATCH, DN_ATTR_RHS_CONTRACT, false);
    dn_dim batch[DN_MAX_RANK], of_a[DN_MAX_RANK], of_b[DN_MAX_RANK];
    for (int i = 0; i < batches; i++) batch[i] = i;
    for (int i = 0; i < contracted; i++) {
        of_a[i] = a->type.rank - contracted + i;
        of_b[i] = batches + i;
    }
    dn_attr_value attrs[] = {dn_attr_dims(DN_ATTR_LHS_BATCH, batches, batch),
                             dn_attr_dims(DN_ATTR_RHS_BATCH, batches, batch),
                             dn_attr_dims(DN_ATTR_LHS_CONTRACT, contracted, of_a),
                             dn_attr_dims(DN_ATTR_RHS_CONTRACT, contracted, of_b)};
    return dn_rebuild_op(to, DN_OP_DOT, (dn_node *[]){a, b}, 2, attrs, 4, NULL);
}

// A contraction over nothing is 0 everywhere.
static dn_node *sum_nothing(dn_graph *to, const dn_node *node, dn_node *const *in) {
    if (dn_elements(in[0]) && dn_elements(in[1])) return NULL;
    return dn_build_const(to, &node->type, 0);
}

// ---- the rewriting ----

static dn_node *prepare_wide(dn_graph *to, const dn_node *node, dn_node *const *in) {
    dn_contract contract;
    dn_node *better = NULL;
    switch (node->op) {
        case DN_OP_REDUCE_SUM:
        case DN_OP_REDUCE_MAX:
        case DN_OP_REDUCE_MIN:
        case DN_OP_REDUCE_PROD: better = split_reduction(to, node, in[0]); break;
        case DN_OP_DOT:
            better = sum_nothing(to, node, in);
            if (!better && !dn_contract_of(node, &contract)) better = arrange_dot(to, node, in);
            break;
        case DN_OP_CONV:
        case DN_OP_CONV_INPUT:
        case DN_OP_CONV_WEIGHT: better = sum_nothing(to, node, in); break;
        default: break;
    }
    return better ? better : dn_rebuild_same(to, node, in);
}

// ---- bf16 ----

// What sums, and random numbers, of which there are those of f32.
static bool computes_wide(dn_op op) {
    switch (op) {
        case DN_OP_UNIFORM:
        case DN_OP_NORMAL:
        case DN_OP_WINDOW_SUM:
        case DN_OP_SCATTER_ADD:
        case DN_OP_REDUCE_SUM:
        case DN_OP_REDUCE_PROD:
        case DN_OP_DOT:
        case DN_OP_CONV:
        case DN_OP_CONV_INPUT:
        case DN_OP_CONV_WEIGHT: return true;
        default: return false;
    }
}

// Multiples of 1/256, so that none is rounded to 1.
static dn_node *cut(dn_graph *to, dn_node *uniform) {
    dn_node *whole = dn_build_binary(to, DN_OP_MUL, uniform, dn_build_splat(to, uniform, 256));
    whole = dn_build_unary(to, DN_OP_FLOOR, whole);
    return dn_build_binary(to, DN_OP_MUL, whole, dn_build_splat(to, whole, 1.0 / 256));
}

static dn_node *prepare_bf16(dn_graph *to, const dn_node *node, dn_node *const *in) {
    enum { MOST = 2 };  // operands
    dn_node wide = *node, *operands[MOST];
    wide.type.dtype = DN_F32;
    for (int i = 0; i < node->n_in; i++)
        operands[i] = in[i]->type.dtype == DN_BF16 ? dn_build_cast(to, in[i], DN_F32) : in[i];
    dn_node *result = prepare_wide(to, &wide, operands);
    if (node->op == DN_OP_UNIFORM) result = cut(to, result);
    return dn_build_cast(to, result, DN_BF16);
}

static dn_node *prepare(dn_graph *to, const dn_node *node, dn_node *const *in,
                        const void *context) {
    (void)context;
    bool narrow = node->type.dtype == DN_BF16 && computes_wide(node->op);
    return narrow ? prepare_bf16(to, node, in) : prepare_wide(to, node, in);
}

dn_graph *dn_kernels_prepare(const dn_graph *graph) { return dn_rebuild(graph, prepare, NULL); }
