#include "codegen/kernel/expand.h"

#include "codegen/kernel/space.h"

// ---- axes ----

static bool is_reduced(const dn_node *reduction, int axis) {
    if (reduction->op == DN_OP_ARGMAX || reduction->op == DN_OP_ARGMIN)
        return dn_node_int(reduction, DN_ATTR_AXIS) == axis;
    int n;
    const dn_dim *axes = dn_node_dims(reduction, DN_ATTR_AXES, &n);
    for (int i = 0; i < n; i++)
        if (axes[i] == axis) return true;
    return false;
}

static void reduce_space(const dn_node *reduction, dn_space *s) {
    const dn_type *x = &reduction->in[0]->type;
    int64_t body = 1, result = 1, of_body[DN_MAX_RANK], of_result[DN_MAX_RANK];
    for (int i = x->rank - 1; i >= 0; i--) {
        of_body[i] = body;
        of_result[i] = is_reduced(reduction, i) ? 0 : result;
        body *= x->dims[i];
        if (!is_reduced(reduction, i)) result *= x->dims[i];
    }
    for (int reduced = 0; reduced < 2; reduced++)
        for (int i = 0; i < x->rank; i++)
            if (is_reduced(reduction, i) == reduced && x->dims[i] != 1)
                dn_space_add(s, x->dims[i], reduced ? DN_AXIS_REDUCE : DN_AXIS_PARALLEL, of_body[i],
                             of_result[i]);
}

// The axes that a contraction's kernel must have: see dn_kernel.
static void contract_space(const dn_node *node, const dn_contract *c, dn_space *s) {
    if (node->op != DN_OP_DOT) {
        dn_space_of(&node->type, true, s);
        return;
    }
    int64_t stride = c->m * c->n;
    for (int i = 0; i < c->batches; i++) stride *= c->batch[i];
    for (int i = 0; i < c->batches; i++) {
        stride = c->batch[i] ? stride / c->batch[i] : 0;
        dn_space_add(s, c->batch[i], DN_AXIS_PARALLEL, stride, stride);
    }
    dn_space_add(s, c->m, DN_AXIS_PARALLEL, c->n, c->n);
    dn_space_add(s, c->n, DN_AXIS_PARALLEL, 1, 1);
}

// ---- building ----

static int add_result(dn_building *j, const dn_node *node, int number) {
    dn_kvalue value = {
        .kind = DN_KV_RESULT, .dtype = node->type.dtype, .in = {-1, -1, -1}, .arg = number};
    int id = dn_builder_push(&j->b, &value);
    dn_builder_know(&j->b, node, &j->b.linear, id);
    return id;
}

// Computes and stores the members of the current level.
static void members(dn_building *j, bool body) {
    const dn_group *g = j->b.group;
    for (int i = 0; i < g->n_members; i++) {
        const dn_node *node = g->members[i].node;
        if (g->members[i].body != body) continue;
        int value = dn_builder_here(&j->b, node);
        if (value < 0) return;
        if (dn_is_contraction(node) && !j->b.fusion->root[node->id]) continue;
        dn_building_store(j, node->id, value, &j->b.linear);
    }
}

// ---- the three kinds ----

static void build_loop(dn_building *j) {
    const dn_node *first = j->b.group->members[0].node;
    dn_building_open(j, j->b.arena, DN_KERNEL_LOOP, dn_op_get(first->op)->name, first->span);
    j->b.linear = dn_space_linear(&j->space, j->space.first, 0);
    members(j, false);
    if (!j->b.failed) j->b.kernel->n_body = j->b.kernel->n_values;
}

static bool reduces(dn_building *j, const dn_node *node) {
    dn_kernel *k = j->b.kernel;
    dn_index index;
    if (!dn_builder_index(&j->b, node->in[0], &index)) return false;
    int value = dn_builder_value(&j->b, node->in[0], &index);
    if (value < 0) return false;
    DN_PUSH(k->reductions, k->n_reductions, j->cap_reductions) =
        (dn_reduction){node->op, value, node->type.dtype};
    return true;
}

static void build_reduce(dn_building *j) {
    const dn_group *g = j->b.group;
    dn_building_open(j, j->b.arena, DN_KERNEL_LOOP, dn_op_get(g->lead->op)->name, g->lead->span);
    j->b.linear = dn_space_linear(&j->space, j->space.first, 0);
    members(j, true);
    for (int i = 0; i < g->n_members && !j->b.failed; i++)
        if (dn_is_reduction(g->members[i].node)) reduces(j, g->members[i].node);
    j->b.kernel->n_body = j->b.kernel->n_values;
    dn_builder_forget(&j->b);
    j->b.after = true;
    j->b.linear = dn_space_linear(&j->space, j->space.second, 0);
    for (int i = 0, number = 0; i < g->n_members; i++)
        if (dn_is_reduction(g->members[i].node)) add_result(j, g->members[i].node, number++);
    members(j, false);
}

static void build_contract(dn_building *j, const dn_contract *contract) {
    const dn_node *lead = j->b.group->lead;
    dn_building_open(j, j->b.arena, DN_KERNEL_CONTRACT, dn_op_get(lead->op)->name, lead->span);
    j->b.kernel->contract = *contract;
    j->b.fixed = true;
    for (int i = 0; i < 2; i++) {  // args 0 and 1, even if they are the same buffer
        int id = dn_contract_operand(lead, i)->id;
        DN_PUSH(j->b.kernel->args, j->b.kernel->n_args, j->b.cap_args) = id;
    }
    j->b.linear = dn_space_linear(&j->space, j->space.first, 0);
    add_result(j, lead, 0);
    members(j, false);
}

static void set_space(const dn_group *g, const dn_contract *contract, dn_space *s) {
    *s = (dn_space){0};
    switch (g->kind) {
        case DN_GROUP_REDUCE: reduce_space(g->lead, s); break;
        case DN_GROUP_CONTRACT: contract_space(g->lead, contract, s); break;
        default: dn_space_of(&g->members[0].node->type, false, s);
    }
}

static void build(dn_building *j, const dn_group *group, const dn_contract *contract) {
    switch (group->kind) {
        case DN_GROUP_REDUCE: build_reduce(j); break;
        case DN_GROUP_CONTRACT: build_contract(j, contract); break;
        default: build_loop(j);
    }
    dn_building_close(j);
}

dn_kernel *dn_expand(const dn_fusion *fusion, const dn_group *group, dn_arena *arena,
                     const dn_node **obstacle) {
    dn_contract contract = {0};
    dn_building j = {0};
    if (group->kind == DN_GROUP_CONTRACT) dn_contract_of(group->lead, &contract);
    set_space(group, &contract, &j.space);
    for (;;) {
        j.b = (dn_builder){.arena = arena, .fusion = fusion, .group = group, .split = {.axis = -1}};
        j.cap_stores = j.cap_reductions = 0;
        build(&j, group, &contract);
        if (!j.b.failed) return j.b.kernel;
        dn_split split = j.b.split;
        if (split.axis < 0 || !dn_space_split(&j.space, split)) break;
    }
    *obstacle = j.b.obstacle;
    return NULL;
}
