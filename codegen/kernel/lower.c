// From a graph to its kernels and buffers.
#include <stdlib.h>
#include <string.h>

#include "codegen/kernel/expand.h"
#include "codegen/kernel/order.h"
#include "codegen/kernel/prepare.h"
#include "codegen/kernel/winograd.h"

// A packed copy of the second operand of contractions.
typedef struct packed {
    dn_contract contract;
    bool pairs;
    const dn_node *source;  // a variable's old and new value share a buffer, so the node counts
    int buffer;
} packed;

// Transformed weights, likewise.
typedef struct transformed {
    dn_winograd plan;
    const dn_node *source;
    int buffer;
} transformed;

typedef struct lowering {
    dn_kernels *out;
    const dn_target *target;
    dn_fusion fusion;
    dn_order order;
    dn_kernel **kernel_of;  // by group
    int *buffer_of;         // by storage node, -1: none yet
    packed *packs;
    int n_packs, cap_packs;
    transformed *weights;
    int n_weights, cap_weights;
    bool *forced;
} lowering;

// ---- groups to kernels, again until every one can be expanded ----

static void ignore(void *context, dn_kernel *kernel) { (void)context, (void)kernel; }

// Nothing of the group has an element.
static bool is_empty(const dn_group *group) {
    for (int i = 0; i < group->n_members; i++)
        if (dn_elements(group->members[i].node) > 0) return false;
    return true;
}

// NULL if it worked, else a node to make a root; kernels of ALONE groups are made later.
static const dn_node *expand_group(lowering *l, int g, bool *failed) {
    const dn_group *group = &l->fusion.groups[g];
    const dn_node *obstacle = NULL;
    *failed = false;
    if (is_empty(group)) return NULL;
    if (group->kind == DN_GROUP_ALONE) {
        obstacle = dn_expand_alone(&l->fusion, group, &l->out->arena, ignore, NULL);
        *failed = obstacle != NULL;
        return obstacle;
    }
    l->kernel_of[g] = dn_expand(&l->fusion, group, &l->out->arena, &obstacle);
    *failed = l->kernel_of[g] == NULL;
    return obstacle;
}

static dn_status expand_all(lowering *l, bool *again) {
    *again = false;
    l->kernel_of = dn_xcalloc((size_t)l->fusion.n_groups + 1, sizeof *l->kernel_of);
    for (int g = 0; g < l->fusion.n_groups; g++) {
        bool failed;
        if (l->fusion.into[g] != g || !l->fusion.groups[g].n_members) continue;
        const dn_node *obstacle = expand_group(l, g, &failed);
        if (!failed) continue;
        if (obstacle) obstacle = dn_storage(obstacle);
        // Several groups may meet the same one; but what had a buffer cannot stand in the way
        // again.
        if (!obstacle || dn_is_source(obstacle) || l->fusion.root[obstacle->id])
            return dn_fail(DN_INTERNAL, "%s cannot be made into a kernel",
                           dn_op_get(l->fusion.groups[g].members[0].node->op)->name);
        *again = l->forced[obstacle->id] = true;
    }
    return DN_SUCCESS;
}

static dn_status fuse(lowering *l) {
    bool again;
    l->forced = dn_xcalloc((size_t)l->out->graph->n_nodes + 1, sizeof *l->forced);
    for (;;) {
        dn_fuse(l->out->graph, l->forced, &l->fusion);
        DN_TRY(expand_all(l, &again));
        if (!again) return DN_SUCCESS;
        free(l->kernel_of);
        l->kernel_of = NULL;
        dn_fusion_free(&l->fusion);
        l->fusion = (dn_fusion){0};
    }
}

// ---- buffers ----

static int new_buffer(lowering *l, dn_buffer_kind kind, int index, dn_dtype dtype, int64_t count,
                      const dn_node *node) {
    dn_buffer *b = &DN_PUSH(l->out->buffers, l->out->n_buffers, l->out->cap_buffers);
    *b = (dn_buffer){.kind = kind,
                     .index = index,
                     .dtype = dtype,
                     .count = count,
                     .first = -1,
                     .last = -1,
                     .node = node};
    return l->out->n_buffers - 1;
}

// A variable has one buffer, under its old and its new value.
static int var_buffer(lowering *l, int var, const dn_node *node) {
    for (int i = 0; i < l->out->n_buffers; i++)
        if (l->out->buffers[i].kind == DN_BUFFER_VAR && l->out->buffers[i].index == var) return i;
    return new_buffer(l, DN_BUFFER_VAR, var, node->type.dtype, dn_elements(node), node);
}

// The result that a root is written to, or -1.
static int output_of(const dn_graph *graph, const dn_node *root) {
    for (int i = 0; i < graph->n_outputs; i++)
        if (dn_storage(graph->outputs[i].node) == root) return i;
    return -1;
}

static int buffer_of(lowering *l, const dn_node *node) {
    const dn_graph *graph = l->out->graph;
    int *known = &l->buffer_of[node->id];
    if (*known >= 0) return *known;
    dn_buffer_kind kind = DN_BUFFER_TEMP;
    int index = -1;
    if (dn_is_source(node)) {
        kind = node->op == DN_OP_INPUT ? DN_BUFFER_INPUT : DN_BUFFER_VAR;
        index = (int)dn_node_int(node, DN_ATTR_INDEX);
    } else {
        for (int v = 0; v < graph->n_vars && index < 0; v++)
            if (l->order.in_place[v] == node) kind = DN_BUFFER_VAR, index = v;
        if (index < 0 && (index = output_of(graph, node)) >= 0) kind = DN_BUFFER_OUTPUT;
    }
    if (kind == DN_BUFFER_VAR) return *known = var_buffer(l, index, node);
    return *known = new_buffer(l, kind, index, node->type.dtype, dn_elements(node), node);
}

// ---- the list of kernels ----

static void push_kernel(lowering *l, dn_kernel *k) {
    DN_PUSH(l->out->list, l->out->n, l->out->cap) = k;
}

// Arguments are storage nodes' ids until here.
static void push_with_nodes(void *context, dn_kernel *k) {
    lowering *l = context;
    for (int i = 0; i < k->n_args; i++) k->args[i] = buffer_of(l, l->out->graph->nodes[k->args[i]]);
    push_kernel(l, k);
}

static void push_raw(void *context, dn_kernel *k) { push_kernel(context, k); }

// The epilogue may use an operand as well: then it gets an argument of its own.
static void part_from_epilogue(lowering *l, dn_kernel *k, int operand) {
    bool used = false;
    for (int i = 0; i < k->n_values; i++)
        used |= k->values[i].kind == DN_KV_LOAD && k->values[i].arg == operand;
    for (int i = 0; i < k->n_stores; i++) used |= k->stores[i].arg == operand;
    if (!used) return;
    int *args = DN_NEW_ARRAY(&l->out->arena, int, k->n_args + 1);
    memcpy(args, k->args, (size_t)k->n_args * sizeof *args);
    args[k->n_args] = args[operand];
    k->args = args;
    for (int i = 0; i < k->n_values; i++)
        if (k->values[i].kind == DN_KV_LOAD && k->values[i].arg == operand)
            k->values[i].arg = k->n_args;
    for (int i = 0; i < k->n_stores; i++)
        if (k->stores[i].arg == operand) k->stores[i].arg = k->n_args;
    k->n_args++;
}

// Its first operand becomes a copy whose steps are side by side.
static void copy_rows(lowering *l, dn_kernel *k) {
    dn_contract *c = &k->contract;
    dn_buffer from = l->out->buffers[k->args[0]];
    int64_t count = c->m * c->k;
    for (int i = 0; i < c->batches; i++) count *= c->batch[i];
    part_from_epilogue(l, k, 0);
    int to = new_buffer(l, DN_BUFFER_TEMP, -1, from.dtype, count, from.node);
    push_kernel(l, dn_expand_rows(c, from.dtype, k->args[0], to, k->span, &l->out->arena));
    k->args[0] = to;
}

// Its second operand becomes a packed copy, where the target wants one.
static void pack_operand(lowering *l, dn_kernel *k, const dn_node *source) {
    dn_contract *c = &k->contract;
    dn_pack pack = l->target->pack(c);
    int buffer = -1;
    if (!pack.needed) return;
    for (int i = 0; i < l->n_packs; i++)
        if (l->packs[i].source == source && l->packs[i].pairs == pack.pairs &&
            dn_same_pack(&l->packs[i].contract, c))
            buffer = l->packs[i].buffer;
    if (buffer < 0) {
        dn_dtype dtype = pack.pairs ? DN_BF16 : c->dtype;
        int64_t count = dn_packed_elements(c, pack);
        buffer = new_buffer(l, DN_BUFFER_TEMP, -1, dtype, count, source);
        DN_PUSH(l->packs, l->n_packs, l->cap_packs) = (packed){*c, pack.pairs, source, buffer};
        dn_expand_pack(c, l->out->buffers[k->args[1]].dtype, k->args[1], buffer, pack, k->span,
                       &l->out->arena, push_raw, l);
    }
    if (pack.rows) copy_rows(l, k);
    part_from_epilogue(l, k, 1);
    c->packed = pack.width;
    c->pairs = c->narrow[1] = pack.pairs;
    k->args[1] = buffer;
}

static bool must_widen(const lowering *l, const dn_contract *c, int operand) {
    if (!c->narrow[operand]) return false;
    return !l->target->reads_narrow || !l->target->reads_narrow(c, operand);
}

// Operands of bf16 that the target cannot read are copied to f32. A copy is for one contraction:
// kept for others, it would take more memory than bf16 saves.
static void widen_operands(lowering *l, dn_kernel *k) {
    dn_contract *c = &k->contract;
    const bool widen[2] = {must_widen(l, c, 0), must_widen(l, c, 1)};
    const int from[2] = {k->args[0], k->args[1]};
    for (int i = 0; i < 2; i++) {
        if (!widen[i]) continue;
        dn_buffer narrow = l->out->buffers[from[i]];
        part_from_epilogue(l, k, i);
        c->narrow[i] = false;
        if (i == 1 && widen[0] && from[1] == from[0]) {
            k->args[1] = k->args[0];
            continue;
        }
        k->args[i] = new_buffer(l, DN_BUFFER_TEMP, -1, c->dtype, narrow.count, narrow.node);
        push_kernel(l, dn_expand_copy(&l->out->arena, narrow.node, c->dtype, from[i], k->args[i]));
    }
}

// A contraction, in parts where the target wants that.
static void push_contract(lowering *l, dn_kernel *k, const dn_node *node) {
    int parts = l->target->parts ? l->target->parts(&k->contract) : 1;
    if (parts <= 1 || k->n_axes == DN_MAX_AXES) {
        push_kernel(l, k);
        return;
    }
    int buffer =
        new_buffer(l, DN_BUFFER_TEMP, -1, k->contract.dtype, dn_split_elements(k, parts), node);
    dn_split_contract(k, parts, buffer, &l->out->arena, push_raw, l);
}

// The transformed weights of `k`, which contractions with the same ones share.
static int transformed_weights(lowering *l, const dn_kernel *k, const dn_winograd *plan,
                               const dn_node *source, int width) {
    for (int i = 0; i < l->n_weights; i++)
        if (l->weights[i].source == source && dn_winograd_same_weights(&l->weights[i].plan, plan))
            return l->weights[i].buffer;
    int buffer = dn_winograd_weights(l->out, plan, k, width);
    DN_PUSH(l->weights, l->n_weights, l->cap_weights) = (transformed){*plan, source, buffer};
    return buffer;
}

// Winograd's algorithm for a contraction, where the target wants that.
static bool use_winograd(lowering *l, dn_kernel *k, const dn_node *node, const dn_node *source) {
    dn_winograd_choice choice;
    dn_winograd plan;
    if (k->contract.op == DN_OP_DOT || !l->target->winograd) return false;
    if (!l->target->winograd(&k->contract, &choice)) return false;
    if (!dn_winograd_plan(&k->contract, &choice, &plan)) return false;
    int width = l->target->pack(&k->contract).width;
    if (dn_winograd_has_weights(&plan)) {
        int buffer = transformed_weights(l, k, &plan, source, width);
        part_from_epilogue(l, k, 1);
        k->contract.narrow[1] = false;
        k->args[1] = buffer;
    }
    dn_winograd_kernels(l->out, &plan, k, node, width);
    return true;
}

static void push_group(lowering *l, int g) {
    const dn_node *obstacle;
    dn_kernel *k = l->kernel_of[g];
    if (is_empty(&l->fusion.groups[g])) return;
    if (!k) {
        obstacle =
            dn_expand_alone(&l->fusion, &l->fusion.groups[g], &l->out->arena, push_with_nodes, l);
        DN_ASSERT(!obstacle, "a kernel that could be made before");
        return;
    }
    const dn_node *second = k->n_args > 1 ? l->out->graph->nodes[k->args[1]] : NULL;
    for (int i = 0; i < k->n_args; i++) k->args[i] = buffer_of(l, l->out->graph->nodes[k->args[i]]);
    if (k->kind == DN_KERNEL_CONTRACT) {
        if (use_winograd(l, k, l->fusion.groups[g].lead, second)) {
            push_kernel(l, k);
            return;
        }
        pack_operand(l, k, second);
        widen_operands(l, k);
        push_contract(l, k, l->fusion.groups[g].lead);
    } else {
        push_kernel(l, k);
    }
}

// ---- results and updates that no kernel writes itself ----

static void push_copy(lowering *l, const dn_node *node, int from, int to) {
    if (dn_elements(node))
        push_kernel(l, dn_expand_copy(&l->out->arena, node, node->type.dtype, from, to));
}

// Variables and arguments that are results, and variables that become the value of others: they are
// read before anything is written.
static void copy_sources(lowering *l, int *held) {
    const dn_graph *graph = l->out->graph;
    for (int i = 0; i < graph->n_outputs; i++) {
        const dn_node *node = dn_storage(graph->outputs[i].node);
        if (!dn_is_source(node)) continue;
        int to = new_buffer(l, DN_BUFFER_OUTPUT, i, node->type.dtype, dn_elements(node), node);
        push_copy(l, node, buffer_of(l, node), to);
    }
    for (int i = 0; i < graph->n_updates; i++) {
        const dn_node *node = dn_storage(graph->updates[i].node);
        held[i] = -1;
        if (node->op != DN_OP_VAR || dn_elements(node) == 0) continue;
        held[i] = new_buffer(l, DN_BUFFER_TEMP, -1, node->type.dtype, dn_elements(node), node);
        push_copy(l, node, buffer_of(l, node), held[i]);
    }
}

static void copy_results(lowering *l, const int *held) {
    const dn_graph *graph = l->out->graph;
    for (int i = 0; i < graph->n_outputs; i++) {
        const dn_node *node = dn_storage(graph->outputs[i].node);
        if (dn_is_source(node)) continue;
        int from = buffer_of(l, node);
        const dn_buffer *b = &l->out->buffers[from];
        if (b->kind == DN_BUFFER_OUTPUT && b->index == i) continue;
        int to = new_buffer(l, DN_BUFFER_OUTPUT, i, node->type.dtype, dn_elements(node), node);
        push_copy(l, node, from, to);
    }
    for (int i = 0; i < graph->n_updates; i++) {
        int var = graph->updates[i].var;
        const dn_node *node = dn_storage(graph->updates[i].node);
        if (l->order.in_place[var] == node) continue;
        int from = held[i] >= 0 ? held[i] : buffer_of(l, node);
        push_copy(l, node, from, var_buffer(l, var, node));
    }
}

static void push_all(lowering *l) {
    const dn_graph *graph = l->out->graph;
    l->buffer_of = dn_xmalloc(((size_t)graph->n_nodes + 1) * sizeof *l->buffer_of);
    for (int i = 0; i < graph->n_nodes; i++) l->buffer_of[i] = -1;
    int *held = dn_xcalloc((size_t)graph->n_updates + 1, sizeof *held);
    dn_order_groups(&l->fusion, l->kernel_of, &l->order);
    copy_sources(l, held);
    for (int i = 0; i < l->order.n; i++) push_group(l, l->order.groups[i]);
    copy_results(l, held);
    free(held);
}

// ---- the whole ----

static void free_lowering(lowering *l) {
    dn_fusion_free(&l->fusion);
    if (l->order.groups) dn_order_free(&l->order);
    free(l->kernel_of);
    free(l->buffer_of);
    free(l->packs);
    free(l->weights);
    free(l->forced);
}

dn_status dn_kernels_lower(const dn_graph *graph, const dn_target *target, dn_kernels **out) {
    DN_TRY(dn_graph_verify(graph, true));
    lowering l = {.target = target, .out = dn_xcalloc(1, sizeof *l.out)};
    l.out->target = target;
    l.out->graph = dn_kernels_prepare(graph);
    dn_status status = fuse(&l);
    if (!status) push_all(&l);
    free_lowering(&l);
    if (status) {
        dn_kernels_free(l.out);
        return status;
    }
    dn_kernels_count(l.out);
    *out = l.out;
    return DN_SUCCESS;
}
