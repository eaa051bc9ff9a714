#include "driver/batches.h"

#include <stdlib.h>
#include <string.h>

#include "codegen/nvptx/nvptx.h"

// ---- which entries ----

// The prompt adds entries while it runs.
static void grow(dn_batches *b, int count) {
    if (count <= b->n_ready) return;
    b->ready = dn_xrealloc(b->ready, (size_t)count * sizeof *b->ready);
    while (b->n_ready < count) b->ready[b->n_ready++] = (dn_ready){0};
}

// What makes first values of variables is compiled all together, because it is asked for one by
// one. For a GPU a file is compiled as a whole: its memory there is planned as a whole, too.
static bool belongs(const dn_compiler *c, const dn_target *target, int index, int other) {
    if (index == other || (target == &dn_nvptx_target && !c->prompt)) return true;
    return c->units[index].is_init && c->units[other].is_init;
}

static int units_of(const dn_batches *b, const dn_compiler *c, const dn_target *target, int index,
                    int *units) {
    int n = 0;
    for (int i = 0; i < c->n_units; i++) {
        bool compiled = i < b->n_ready && b->ready[i].batch;
        if (!compiled && belongs(c, target, index, i)) units[n++] = i;
    }
    return n;
}

// ---- code that there is already ----

static bool same_place(const dn_compiler *c, dn_span a, dn_span b) {
    if (a.file == 0 || b.file == 0) return a.file == b.file;
    dn_place x = dn_sources_place(&c->sources, a), y = dn_sources_place(&c->sources, b);
    return x.line == y.line && x.column == y.column && strcmp(x.path, y.path) == 0;
}

// Whether code for one graph is code for the other, its messages and reports included.
static bool same_graph(const dn_compiler *c, const dn_graph *a, const dn_graph *b) {
    dn_graph renamed = *b;  // each input of the prompt has a name of its own
    renamed.name = a->name;
    if (a->n_nodes != b->n_nodes || !dn_graph_equal(a, &renamed)) return false;
    for (int i = 0; i < a->n_nodes; i++)
        if (!same_place(c, a->nodes[i]->span, b->nodes[i]->span)) return false;
    return true;
}

static bool same_variables(const dn_entry *a, const dn_entry *b) {
    return a->n_vars == b->n_vars &&
           (a->n_vars == 0 || memcmp(a->vars, b->vars, (size_t)a->n_vars * sizeof *a->vars) == 0);
}

// At the prompt the same expression comes again and again, and each time is an entry of its own:
// only the first is compiled.
dn_ready dn_batches_find(dn_batches *b, const dn_compiler *c, int index) {
    const dn_unit *units = c->units;
    grow(b, c->n_units);
    if (b->ready[index].batch || !c->prompt || units[index].is_init) return b->ready[index];
    for (int i = index - 1; i >= 0; i--) {
        if (!b->ready[i].batch || units[i].is_init ||
            !same_variables(&units[i].entry, &units[index].entry) ||
            !same_graph(c, units[i].graph, units[index].graph))
            continue;
        return b->ready[index] = b->ready[i];
    }
    return (dn_ready){0};
}

// ---- batches ----

dn_status dn_batches_lower(const dn_batches *b, dn_compiler *c, const dn_target *target,
                           const dn_native_options *options, int index, dn_batch **out) {
    dn_batch *batch = dn_xcalloc(1, sizeof *batch);
    batch->units = dn_xcalloc((size_t)c->n_units + 1, sizeof *batch->units);
    batch->n = units_of(b, c, target, index, batch->units);
    dn_status status = dn_lower_units(c, target, batch->units, batch->n, options, &batch->lowered);
    if (status)
        dn_batch_free(batch);
    else
        *out = batch;
    return status;
}

void dn_batches_add(dn_batches *b, dn_batch *batch) {
    DN_PUSH(b->items, b->n, b->cap) = batch;
    for (int i = 0; i < batch->n; i++) b->ready[batch->units[i]] = (dn_ready){batch, i};
}

void dn_batch_free(dn_batch *batch) {
    dn_lowered_free(&batch->lowered);
    free(batch->units);
    free(batch);
}

void dn_batches_free(dn_batches *b) {
    for (int i = 0; i < b->n; i++) dn_batch_free(b->items[i]);
    free(b->items);
    free(b->ready);
}
