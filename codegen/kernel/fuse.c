#include "codegen/kernel/fuse.h"

#include <stdlib.h>
#include <string.h>

// ---- kinds of nodes ----

const dn_node *dn_storage(const dn_node *node) {
    while (node->op == DN_OP_RESHAPE) node = node->in[0];
    return node;
}

bool dn_is_source(const dn_node *node) { return node->op == DN_OP_INPUT || node->op == DN_OP_VAR; }

bool dn_is_contraction(const dn_node *node) {
    return node->op == DN_OP_DOT || node->op == DN_OP_CONV || node->op == DN_OP_CONV_INPUT ||
           node->op == DN_OP_CONV_WEIGHT;
}

bool dn_is_reduction(const dn_node *node) {
    switch (node->op) {
        case DN_OP_REDUCE_SUM:
        case DN_OP_REDUCE_MAX:
        case DN_OP_REDUCE_MIN:
        case DN_OP_REDUCE_PROD:
        case DN_OP_ARGMAX:
        case DN_OP_ARGMIN: return true;
        default: return false;
    }
}

bool dn_is_movement(const dn_node *node) {
    switch (node->op) {
        case DN_OP_BROADCAST:
        case DN_OP_RESHAPE:
        case DN_OP_TRANSPOSE:
        case DN_OP_SLICE:
        case DN_OP_REVERSE:
        case DN_OP_WINDOW: return true;
        default: return false;
    }
}

static bool is_elementwise(const dn_node *node) {
    return dn_op_get(node->op)->class != DN_CLASS_OTHER || node->op == DN_OP_SELECT ||
           node->op == DN_OP_CAST || node->op == DN_OP_IS_FINITE;
}

bool dn_is_inlineable(const dn_node *node) {
    return is_elementwise(node) || dn_is_movement(node) || node->op == DN_OP_CONST ||
           node->op == DN_OP_IOTA || node->op == DN_OP_GATHER;
}

bool dn_is_widening(const dn_node *node) {
    return node->op == DN_OP_CAST && node->type.dtype == DN_F32 &&
           node->in[0]->type.dtype == DN_BF16;
}

const dn_node *dn_contract_operand(const dn_node *node, int i) {
    const dn_node *storage = dn_storage(node->in[i]);
    return dn_is_widening(storage) ? dn_storage(storage->in[0]) : storage;
}

int64_t dn_elements(const dn_node *node) {
    int64_t n = 1;
    for (int i = 0; i < node->type.rank; i++) n *= node->type.dims[i];
    return n;
}

bool dn_has_buffer(const dn_fusion *f, const dn_node *node) {
    return dn_is_source(node) || f->root[node->id];
}

int dn_group_of(const dn_fusion *f, const dn_node *root) {
    int g = f->group_of[root->id];
    while (f->into[g] != g) g = f->into[g];
    return g;
}

bool dn_same_space(const dn_node *a, const dn_node *b) {
    int i = 0, k = 0;
    for (;;) {
        while (i < a->type.rank && a->type.dims[i] == 1) i++;
        while (k < b->type.rank && b->type.dims[k] == 1) k++;
        if (i == a->type.rank || k == b->type.rank) return i == a->type.rank && k == b->type.rank;
        if (a->type.dims[i++] != b->type.dims[k++]) return false;
    }
}

// ---- reads ----

typedef struct reading {
    const dn_fusion *f;
    const dn_group *group;
    bool *seen;
    dn_visit_read *visit;
    void *context;
} reading;

static bool is_member(const dn_group *g, const dn_node *node) {
    for (int i = 0; i < g->n_members; i++)
        if (g->members[i].node == node) return true;
    return false;
}

static void read_node(reading *r, const dn_node *node) {
    if (r->seen[node->id]) return;
    r->seen[node->id] = true;
    if (dn_has_buffer(r->f, node)) {
        if (!is_member(r->group, node)) r->visit(r->context, node);
        return;
    }
    for (int i = 0; i < node->n_in; i++) read_node(r, node->in[i]);
}

void dn_group_reads(const dn_fusion *f, const dn_group *group, dn_visit_read *visit,
                    void *context) {
    reading r = {f, group, dn_xcalloc((size_t)f->graph->n_nodes + 1, 1), visit, context};
    for (int i = 0; i < group->n_members; i++) {
        const dn_node *node = group->members[i].node;
        for (int k = 0; k < node->n_in; k++) read_node(&r, node->in[k]);
    }
    free(r.seen);
}

// ---- needs ----

typedef struct search {
    const dn_fusion *f;
    int from, target;
    unsigned char *seen;  // by node: 1 elsewhere, 2 here
    bool *entered;        // by group
    dn_needs found;
} search;

static void search_node(search *s, const dn_node *node, bool here);

static void search_members(search *s, int g, bool here) {
    const dn_group *group = &s->f->groups[g];
    for (int i = 0; i < group->n_members && s->found != DN_NEEDS_ELSEWHERE; i++) {
        const dn_node *node = group->members[i].node;
        bool point = here && (is_elementwise(node) || dn_is_reduction(node));
        for (int k = 0; k < node->n_in; k++) search_node(s, node->in[k], point);
    }
}

static void search_node(search *s, const dn_node *node, bool here) {
    unsigned char mark = here ? 2 : 1;
    if (s->found == DN_NEEDS_ELSEWHERE || dn_is_source(node) || (s->seen[node->id] & mark)) return;
    s->seen[node->id] |= mark;
    int g = s->f->group_of[node->id] >= 0 ? dn_group_of(s->f, node) : -1;
    if (g >= 0 && g == s->target) {
        s->found = here ? DN_NEEDS_HERE : DN_NEEDS_ELSEWHERE;
    } else if (g >= 0 && g != s->from) {
        if (s->entered[g]) return;
        s->entered[g] = true;
        search_members(s, g, false);
    } else if (g < 0) {
        bool point = here && (is_elementwise(node) || node->op == DN_OP_RESHAPE);
        for (int k = 0; k < node->n_in; k++) search_node(s, node->in[k], point);
    }
}

dn_needs dn_group_needs(const dn_fusion *f, int q, int p) {
    search s = {.f = f, .from = q, .target = p};
    s.seen = dn_xcalloc((size_t)f->graph->n_nodes + 1, 1);
    s.entered = dn_xcalloc((size_t)f->n_groups + 1, sizeof *s.entered);
    search_members(&s, q, true);
    free(s.seen);
    free(s.entered);
    return s.found;
}

// ---- groups ----

static dn_group_kind kind_of(const dn_node *node) {
    if (dn_is_contraction(node)) return DN_GROUP_CONTRACT;
    if (dn_is_reduction(node)) return DN_GROUP_REDUCE;
    return dn_is_inlineable(node) ? DN_GROUP_LOOP : DN_GROUP_ALONE;
}

static void new_group(dn_fusion *f, const dn_node *node) {
    dn_group_kind kind = kind_of(node);
    dn_group *g = &DN_PUSH(f->groups, f->n_groups, f->cap_groups);
    *g = (dn_group){.kind = kind, .lead = kind == DN_GROUP_LOOP ? NULL : node};
    DN_PUSH(g->members, g->n_members, g->cap_members) = (dn_member){.node = node};
    f->group_of[node->id] = f->n_groups - 1;
    f->into[f->n_groups - 1] = f->n_groups - 1;
}

void dn_group_append(dn_group *to, const dn_group *from, bool body) {
    for (int i = 0; i < from->n_members; i++) {
        dn_member member = from->members[i];
        member.body |= body;
        DN_PUSH(to->members, to->n_members, to->cap_members) = member;
    }
}

void dn_group_merge(dn_fusion *f, int into, int from, bool body) {
    dn_group_append(&f->groups[into], &f->groups[from], body);
    free(f->groups[from].members);
    f->groups[from] = (dn_group){0};
    f->into[from] = into;
}

// ---- which nodes must have a buffer ----

static void must_store(dn_fusion *f, const dn_node *node) {
    const dn_node *storage = dn_storage(node);
    if (!dn_is_source(storage)) f->root[storage->id] = true;
}

// What is computed for few elements and used for many is computed once.
static void store_before_broadcast(dn_fusion *f, const dn_node *broadcast) {
    const dn_node *x = broadcast->in[0];
    if (dn_elements(broadcast) < 8 * dn_elements(x)) return;
    while (dn_is_movement(x)) x = x->in[0];
    if (is_elementwise(x) || x->op == DN_OP_GATHER) f->root[x->id] = true;
}

static void find_static_roots(dn_fusion *f, const bool *forced) {
    const dn_graph *graph = f->graph;
    for (int i = 0; i < graph->n_nodes; i++) {
        const dn_node *node = graph->nodes[i];
        if (!f->live[i]) continue;
        if (forced && forced[i]) f->root[i] = true;
        if (!dn_is_inlineable(node) && !dn_is_source(node)) f->root[i] = true;
        if (node->op == DN_OP_BROADCAST) store_before_broadcast(f, node);
        if (node->op == DN_OP_GATHER) must_store(f, node->in[0]);
        if (dn_is_contraction(node)) {
            must_store(f, dn_contract_operand(node, 0));
            must_store(f, dn_contract_operand(node, 1));
        }
    }
    for (int i = 0; i < graph->n_outputs; i++) must_store(f, graph->outputs[i].node);
    for (int i = 0; i < graph->n_updates; i++) must_store(f, graph->updates[i].node);
}

// ---- is it cheaper to compute a node again than to keep it? ----

enum { CHEAP = 8, MOST_LEAVES = 2 };

static int cost_of(const dn_node *node) {
    if (node->op == DN_OP_GATHER) return 4;
    return is_elementwise(node) ? dn_op_cost(node->op) : 0;
}

typedef struct closure {
    const dn_fusion *f;
    int64_t elements;
    int cost, leaves;
    bool bound;  // a leaf would be stored only for this
} closure;

// A contraction's result is in memory anyway if a reduction reads it: else only its epilogue is.
static bool read_by_reduction(const dn_fusion *f, const dn_node *node) {
    for (int i = f->first_user[node->id]; i < f->first_user[node->id + 1]; i++) {
        const dn_node *user = f->graph->nodes[f->users[i]];
        if (dn_is_reduction(user)) return true;
        if (dn_is_inlineable(user) && !f->root[user->id] && read_by_reduction(f, user)) return true;
    }
    return false;
}

static void close_over(closure *c, const dn_node *node) {
    if (c->cost > CHEAP || c->bound) return;
    if (dn_has_buffer(c->f, node)) {
        if (2 * dn_elements(node) >= c->elements) c->leaves++;
        c->bound |= dn_is_contraction(node) && !read_by_reduction(c->f, node);
        return;
    }
    c->cost += cost_of(node);
    for (int i = 0; i < node->n_in; i++) close_over(c, node->in[i]);
}

// The sums of a contraction in bf16: kept so, and not in f32.
static bool stores_narrow(const dn_node *node) {
    return node->op == DN_OP_CAST && node->type.dtype == DN_BF16 &&
           dn_is_contraction(dn_storage(node->in[0]));
}

static bool is_cheap(const dn_fusion *f, const dn_node *node) {
    if (dn_is_movement(node) || node->op == DN_OP_CONST || node->op == DN_OP_IOTA) return true;
    if (dn_is_widening(node)) return true;
    if (stores_narrow(node)) return false;
    closure c = {.f = f, .elements = dn_elements(node)};
    close_over(&c, node);
    return c.cost <= CHEAP && c.leaves <= MOST_LEAVES && !c.bound;
}

// ---- the pass over all nodes, consumers first ----

typedef struct uses {
    int *groups;
    int n, cap;
} uses;

static void add_use(const dn_fusion *f, uses *u, int g) {
    while (f->into[g] != g) g = f->into[g];
    for (int i = 0; i < u->n; i++)
        if (u->groups[i] == g) return;
    DN_PUSH(u->groups, u->n, u->cap) = g;
}

static void collect_uses(const dn_fusion *f, const uses *of, const dn_node *node, uses *out) {
    for (int i = f->first_user[node->id]; i < f->first_user[node->id + 1]; i++) {
        int user = f->users[i];
        if (f->group_of[user] >= 0) {
            add_use(f, out, f->group_of[user]);
            continue;
        }
        for (int k = 0; k < of[user].n; k++) add_use(f, out, of[user].groups[k]);
    }
}

static bool can_join(const dn_fusion *f, int a, int b) {
    const dn_group *x = &f->groups[a], *y = &f->groups[b];
    return x->kind == DN_GROUP_LOOP && y->kind == DN_GROUP_LOOP &&
           dn_same_space(x->members[0].node, y->members[0].node) &&
           dn_group_needs(f, a, b) != DN_NEEDS_ELSEWHERE &&
           dn_group_needs(f, b, a) != DN_NEEDS_ELSEWHERE;
}

// Merges what can be merged among the groups that use a node.
static void join_users(dn_fusion *f, uses *u) {
    for (int i = 0; i < u->n; i++) {
        for (int k = i + 1; k < u->n; k++) {
            if (!can_join(f, u->groups[i], u->groups[k])) continue;
            dn_group_merge(f, u->groups[i], u->groups[k], false);
            u->groups[k--] = u->groups[--u->n];
        }
    }
}

static void place_nodes(dn_fusion *f) {
    const dn_graph *graph = f->graph;
    uses *of = dn_xcalloc((size_t)graph->n_nodes + 1, sizeof *of);
    for (int i = graph->n_nodes - 1; i >= 0; i--) {
        const dn_node *node = graph->nodes[i];
        if (!f->live[i] || dn_is_source(node)) continue;
        if (!f->root[i]) {
            collect_uses(f, of, node, &of[i]);
            if (of[i].n > 1 && is_elementwise(node)) join_users(f, &of[i]);
            f->root[i] = of[i].n > 1 && !is_cheap(f, node);
        }
        if (f->root[i]) new_group(f, node);
    }
    for (int i = 0; i < graph->n_nodes; i++) free(of[i].groups);
    free(of);
}

// ---- the whole ----

static void find_users(dn_fusion *f) {
    const dn_graph *graph = f->graph;
    int n = graph->n_nodes, total = 0;
    f->first_user = dn_xcalloc((size_t)n + 2, sizeof *f->first_user);
    for (int i = 0; i < n; i++)
        for (int k = 0; f->live[i] && k < graph->nodes[i]->n_in; k++, total++)
            f->first_user[graph->nodes[i]->in[k]->id + 2]++;
    for (int i = 1; i < n + 2; i++) f->first_user[i] += f->first_user[i - 1];
    f->users = dn_xcalloc((size_t)total + 1, sizeof *f->users);
    for (int i = 0; i < n; i++)
        for (int k = 0; f->live[i] && k < graph->nodes[i]->n_in; k++)
            f->users[f->first_user[graph->nodes[i]->in[k]->id + 1]++] = i;
}

void dn_fuse(const dn_graph *graph, const bool *forced, dn_fusion *f) {
    size_t n = (size_t)graph->n_nodes + 1;
    *f = (dn_fusion){.graph = graph};
    f->live = dn_xcalloc(n, sizeof *f->live);
    f->root = dn_xcalloc(n, sizeof *f->root);
    f->group_of = dn_xmalloc(n * sizeof *f->group_of);
    f->into = dn_xcalloc(n, sizeof *f->into);
    for (size_t i = 0; i < n; i++) f->group_of[i] = -1;
    dn_graph_live(graph, f->live);
    find_users(f);
    find_static_roots(f, forced);
    place_nodes(f);
    dn_fuse_merge(f);
}

void dn_fusion_free(dn_fusion *f) {
    for (int i = 0; i < f->n_groups; i++) free(f->groups[i].members);
    free(f->groups);
    free(f->live);
    free(f->root);
    free(f->group_of);
    free(f->into);
    free(f->users);
    free(f->first_user);
}
