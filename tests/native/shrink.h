// Makes a failing case small while it fails in the same way.
#ifndef DN_TESTS_NATIVE_SHRINK_H
#define DN_TESTS_NATIVE_SHRINK_H

#include <ctype.h>

#include "tests/native/rebuild.h"
#include "tests/native/trial.h"

enum { ENDING = 24 };

typedef struct shrinker {
    const trial *trial;
    verdict like;         // how it fails
    char ending[ENDING];  // of what is said when it is refused
    complaint *said;      // in memory shared with children
    run_case c;
    int left;  // tries
} shrinker;

// The last letters of what is said; numbers change as a case shrinks.
static inline void read_ending(const complaint *said, char ending[ENDING]) {
    int n = 0;
    memset(ending, 0, ENDING);
    for (size_t i = strlen(said->text); i > 0 && n < ENDING - 1; i--)
        if (isalpha((unsigned char)said->text[i - 1])) ending[n++] = said->text[i - 1];
}

static inline bool fails_alike(shrinker *s, const run_case *c) {
    if (try_apart(s->trial, c, s->said) != s->like) return false;
    char ending[ENDING];
    read_ending(s->said, ending);
    return s->like != REFUSED || strcmp(ending, s->ending) == 0;
}

// Keeps the edited case if it still fails.
static inline bool try_edit(shrinker *s, const edit *e) {
    run_case next;
    if (s->left == 0 || !rebuild(&s->c, e, &next)) return false;
    s->left--;
    if (!fails_alike(s, &next)) {
        free_case(&next);
        return false;
    }
    free_case(&s->c);
    s->c = next;
    return true;
}

static inline bool one_result(shrinker *s) {
    int n = s->c.graph->n_outputs + s->c.graph->n_updates;
    for (int i = 0; n > 1 && i < n; i++) {
        edit e = no_edit;
        e.result = i;
        if (try_edit(s, &e)) return true;
    }
    return false;
}

static inline bool fewer_results(shrinker *s) {
    int n = s->c.graph->n_outputs + s->c.graph->n_updates;
    for (int i = 0; n > 1 && i < n; i++) {
        edit e = no_edit;
        e.drop = i;
        if (try_edit(s, &e)) return true;
    }
    return false;
}

// The first node that is wrong by itself.
static inline bool earlier_output(shrinker *s) {
    const dn_graph *g = s->c.graph;
    bool single = g->n_outputs == 1 && g->n_updates == 0;
    for (int i = 0; i < g->n_nodes; i++) {
        edit e = no_edit;
        if (g->nodes[i]->n_in == 0 || (single && g->nodes[i] == g->outputs[0].node)) continue;
        e.output = i;
        if (try_edit(s, &e)) return true;
    }
    return false;
}

// Marks one computed node that no result is, or (only < 0) all of them. False if there is none.
static inline bool mark_cut(const dn_graph *g, int only, bool *cut) {
    bool found = false;
    for (int i = 0; i < g->n_nodes; i++) {
        cut[i] = g->nodes[i]->op != DN_OP_INPUT && g->nodes[i]->op != DN_OP_VAR &&
                 (only < 0 || i == only);
        for (int k = 0; k < g->n_outputs + g->n_vars; k++)
            if (result_node(g, k) == g->nodes[i]) cut[i] = false;
        found |= cut[i];
    }
    return found;
}

// Replaces nodes by inputs that hold their values: all at once, then one by one.
static inline bool cut_nodes(shrinker *s) {
    int n = s->c.graph->n_nodes;
    dn_tensor **values = node_values(&s->c, 0, 0);
    if (!values) return false;
    bool *cut = dn_xcalloc((size_t)n, 1), done = false;
    for (int only = -1; !done && only < n; only++) {
        edit e = no_edit;
        e.cut = cut;
        e.values = values;
        done = mark_cut(s->c.graph, only, cut) && try_edit(s, &e);
    }
    for (int i = 0; i < n; i++) dn_tensor_release(values[i]);
    free(values);
    free(cut);
    return done;
}

static inline bool smaller_sizes(shrinker *s) {
    const dn_graph *g = s->c.graph;
    for (int i = 0; i < g->n_nodes; i++) {
        for (int k = 0; k < g->nodes[i]->type.rank; k++) {
            dn_dim size = g->nodes[i]->type.dims[k];
            dn_dim smaller[] = {1, 2, size / 2, size - 1};
            for (int j = 0; j < 4; j++) {
                edit e = no_edit;
                e.old_size = size;
                e.size = smaller[j];
                if (e.size >= 1 && e.size < size && try_edit(s, &e)) return true;
            }
        }
    }
    return false;
}

static inline bool entries_are(const dn_attr_value *attr, int64_t entry) {
    if (dn_attr_kind_of(attr->attr) == DN_ATTR_INT) return attr->i == entry;
    for (int i = 0; i < attr->count; i++)
        if (attr->dims[i] != entry) return false;
    return true;
}

// Strides of 1, no padding, one group and so on.
static inline bool plainer_attrs(shrinker *s) {
    static const struct {
        dn_attr attr;
        int64_t plain;
    } plain[] = {{DN_ATTR_STRIDE, 1}, {DN_ATTR_DILATION, 1}, {DN_ATTR_GROUPS, 1},
                 {DN_ATTR_LO, 0},     {DN_ATTR_HI, 0},       {DN_ATTR_INTERIOR, 0}};
    const dn_graph *g = s->c.graph;
    for (int i = 0; i < 6 * g->n_nodes; i++) {
        const dn_node *node = g->nodes[i / 6];
        for (int k = 0; k < node->n_attrs; k++) {
            edit e = no_edit;
            if (node->attrs[k].attr != plain[i % 6].attr) continue;
            e.node = i / 6;
            e.attr = k;
            e.entry = plain[i % 6].plain;
            if (!entries_are(&node->attrs[k], e.entry) && try_edit(s, &e)) return true;
        }
    }
    return false;
}

// Takes the case and gives a smaller one. `said` is in memory shared with children.
static inline run_case shrink(const trial *t, run_case c, int tries, complaint *said) {
    static bool (*const steps[])(shrinker * s) = {one_result, earlier_output, fewer_results,
                                                  cut_nodes,  smaller_sizes,  plainer_attrs};
    shrinker s = {.trial = t, .c = c, .left = tries, .said = said};
    s.like = try_apart(t, &c, said);
    read_ending(said, s.ending);
    for (int i = 0; i < 6 && s.left > 0 && s.like != RIGHT; i++)
        if (steps[i](&s)) i = -1;
    return s.c;
}

#endif
