// Merges of groups. Each is tried: the merged group must need nothing of itself from elsewhere, and
// it must expand to a kernel.
#include <stdlib.h>
#include <string.h>

#include "codegen/kernel/expand.h"

// ---- trying ----

static bool expands(const dn_fusion *f, const dn_group *group) {
    dn_arena arena = {0};
    const dn_node *obstacle = NULL;
    bool fine = dn_expand(f, group, &arena, &obstacle) != NULL;
    dn_arena_free(&arena);
    return fine;
}

// Whether `from`'s members could be computed in `into`'s kernel.
static bool fits(dn_fusion *f, int into, int from, bool body) {
    const dn_group *a = &f->groups[into], *b = &f->groups[from];
    dn_group both = {.kind = a->kind, .lead = a->lead};
    if (dn_group_needs(f, into, from) == DN_NEEDS_ELSEWHERE ||
        dn_group_needs(f, from, into) == DN_NEEDS_ELSEWHERE)
        return false;
    dn_group_append(&both, a, false);
    dn_group_append(&both, b, body);
    bool fine = expands(f, &both);
    free(both.members);
    return fine;
}

static bool try_merge(dn_fusion *f, int into, int from, bool body) {
    if (!fits(f, into, from, body)) return false;
    dn_group_merge(f, into, from, body);
    return true;
}

// ---- who reads what ----

// For each group the nodes that it reads.
typedef struct read_list {
    const dn_node **nodes;
    int n, cap;
} read_list;

static void add_read(void *context, const dn_node *storage) {
    read_list *list = context;
    DN_PUSH(list->nodes, list->n, list->cap) = storage;
}

static read_list reads_of(const dn_fusion *f, int g) {
    read_list list = {0};
    dn_group_reads(f, &f->groups[g], add_read, &list);
    return list;
}

// They read a buffer in common that is as large as what they compute, or one what the other makes.
static bool related(const dn_fusion *f, int a, int b, int64_t elements) {
    read_list x = reads_of(f, a), y = reads_of(f, b);
    bool found = false;
    for (int i = 0; i < x.n && !found; i++) {
        if (!dn_is_source(x.nodes[i]) && dn_group_of(f, x.nodes[i]) == b) found = true;
        for (int k = 0; k < y.n && !found; k++)
            found = x.nodes[i] == y.nodes[k] && 2 * dn_elements(x.nodes[i]) >= elements;
    }
    for (int k = 0; k < y.n && !found; k++)
        found = !dn_is_source(y.nodes[k]) && dn_group_of(f, y.nodes[k]) == a;
    free(x.nodes);
    free(y.nodes);
    return found;
}

static bool is_live(const dn_fusion *f, int g, dn_group_kind kind) {
    return f->into[g] == g && f->groups[g].kind == kind;
}

// ---- loops with loops ----

static void merge_loops(dn_fusion *f) {
    for (int a = f->n_groups - 1; a >= 0; a--) {
        if (!is_live(f, a, DN_GROUP_LOOP)) continue;
        const dn_node *x = f->groups[a].members[0].node;
        for (int b = a - 1; b >= 0; b--) {
            if (!is_live(f, b, DN_GROUP_LOOP)) continue;
            if (!dn_same_space(x, f->groups[b].members[0].node)) continue;
            if (related(f, a, b, dn_elements(x)) || dn_elements(x) == 1) try_merge(f, a, b, false);
        }
    }
}

// ---- contractions with what follows ----

static void find_reader(void *context, const dn_node *storage) {
    const dn_node **wanted = context;
    if (*wanted == storage) *wanted = NULL;
}

static bool reads(const dn_fusion *f, int g, const dn_node *node) {
    const dn_node *wanted = node;
    dn_group_reads(f, &f->groups[g], find_reader, &wanted);
    return wanted == NULL;
}

static bool is_result(const dn_graph *graph, const dn_node *node) {
    for (int i = 0; i < graph->n_outputs; i++)
        if (dn_storage(graph->outputs[i].node) == node) return true;
    for (int i = 0; i < graph->n_updates; i++)
        if (dn_storage(graph->updates[i].node) == node) return true;
    return false;
}

// After its epilogue took it, a contraction that nobody else reads needs no buffer.
static void drop_buffer(dn_fusion *f, int g) {
    const dn_node *lead = f->groups[g].lead;
    if (f->groups[g].n_members == 1 || is_result(f->graph, lead)) return;
    for (int k = 0; k < f->n_groups; k++)
        if (f->into[k] == k && k != g && reads(f, k, lead)) return;
    f->root[lead->id] = false;
}

// Groups are numbered from the last node to the first, so a higher number is computed earlier.
static void merge_epilogues(dn_fusion *f) {
    for (int c = 0; c < f->n_groups; c++) {
        if (!is_live(f, c, DN_GROUP_CONTRACT)) continue;
        const dn_node *lead = f->groups[c].lead;
        for (int g = f->n_groups - 1; g >= 0; g--) {
            if (!is_live(f, g, DN_GROUP_LOOP) || !reads(f, g, lead)) continue;
            if (dn_elements(f->groups[g].members[0].node) != dn_elements(lead)) continue;
            if (try_merge(f, c, g, false)) break;
        }
        drop_buffer(f, c);
    }
}

// ---- reductions with what is alike, feeds them, and follows them ----

static bool same_reduction(const dn_node *a, const dn_node *b) {
    bool counts = a->op == DN_OP_ARGMAX || a->op == DN_OP_ARGMIN || b->op == DN_OP_ARGMAX ||
                  b->op == DN_OP_ARGMIN;
    if (counts || !dn_type_same_dims(&a->in[0]->type, &b->in[0]->type)) return false;
    int n, m;
    const dn_dim *x = dn_node_dims(a, DN_ATTR_AXES, &n), *y = dn_node_dims(b, DN_ATTR_AXES, &m);
    return n == m && memcmp(x, y, (size_t)n * sizeof *x) == 0;
}

static void merge_reductions(dn_fusion *f) {
    for (int a = f->n_groups - 1; a >= 0; a--) {
        if (!is_live(f, a, DN_GROUP_REDUCE)) continue;
        for (int b = a - 1; b >= 0; b--) {
            if (!is_live(f, b, DN_GROUP_REDUCE)) continue;
            const dn_node *x = f->groups[a].lead, *y = f->groups[b].lead;
            if (same_reduction(x, y) && related(f, a, b, dn_elements(x->in[0])))
                try_merge(f, a, b, false);
        }
    }
}

static void merge_around_reductions(dn_fusion *f) {
    for (int r = f->n_groups - 1; r >= 0; r--) {
        if (!is_live(f, r, DN_GROUP_REDUCE)) continue;
        int64_t operand = dn_elements(f->groups[r].lead->in[0]);
        int64_t result = dn_elements(f->groups[r].lead);
        for (int g = f->n_groups - 1; g >= 0; g--) {
            if (!is_live(f, g, DN_GROUP_LOOP)) continue;
            int64_t n = dn_elements(f->groups[g].members[0].node);
            if (n != operand && n != result) continue;
            if (n == operand && dn_group_needs(f, r, g) == DN_NEEDS_HERE)
                try_merge(f, r, g, true);
            else if (n == result && dn_group_needs(f, g, r) == DN_NEEDS_HERE)
                try_merge(f, r, g, false);
        }
    }
}

void dn_fuse_merge(dn_fusion *f) {
    merge_loops(f);
    merge_epilogues(f);
    merge_reductions(f);
    merge_around_reductions(f);
}
