// Winograd's algorithm: points to results, and what becomes of them.
#include <stdlib.h>

#include "codegen/kernel/winograd_parts.h"

enum { MOST_EPILOGUE = 400 };  // values, over all results of a tile

// Where a result goes: its kernel's own epilogue, at the axes of `l`.
typedef struct epilogue {
    const dn_kernel *kernel;
    int64_t first, column;  // index of the outermost and of the innermost axis
    // For each axis of the kernel: its offset here, and what an axis of the loop adds to it.
    int64_t offset[DN_MAX_AXES];
    int64_t step[DN_MAX_AXES][DN_MAX_AXES];
} epilogue;

// An access of the kernel as one of the loop. Returns the element of its buffer at which the
// argument begins, apart from which the loops of all images and columns are one; of a reversed axis
// that would be in front of the buffer.
static int64_t translate(const dn_wino_loop *l, const epilogue *e, dn_access *at) {
    dn_access to = {.offset = at->offset};
    for (int a = 0; a < e->kernel->n_axes; a++) {
        to.offset += at->stride[a] * e->offset[a];
        for (int b = 0; b < l->j.space.n; b++) to.stride[b] += at->stride[a] * e->step[a][b];
    }
    int64_t begin = at->stride[0] * e->first + at->stride[e->kernel->n_axes - 1] * e->column;
    if (begin < 0) {
        to.offset += begin;
        begin = 0;
    }
    *at = to;
    return begin;
}

// Computes and stores the kernel's values, where `result` is its sum.
static void finish(dn_wino_loop *l, const epilogue *e, int result) {
    const dn_kernel *k = e->kernel;
    int *at = dn_xcalloc((size_t)k->n_values + 1, sizeof *at);
    for (int i = 0; i < k->n_values; i++) {
        dn_kvalue value = k->values[i];
        at[i] = result;
        if (value.kind == DN_KV_RESULT) continue;
        for (int j = 0; j < 3; j++)
            if (value.in[j] >= 0) value.in[j] = at[value.in[j]];
        int64_t begin = 0;
        if (value.kind == DN_KV_LOAD || value.kind == DN_KV_INDEX)
            begin = translate(l, e, &value.access);
        if (value.kind == DN_KV_INDEX) value.access.offset += begin;
        if (value.kind == DN_KV_LOAD) value.arg = dn_wino_arg(l, k->args[value.arg], begin);
        at[i] = dn_builder_push(&l->j.b, &value);
    }
    for (int i = 0; i < k->n_stores; i++) {
        dn_store store = k->stores[i];
        int64_t begin = translate(l, e, &store.access);
        store.arg = dn_wino_arg(l, k->args[store.arg], begin);
        store.value = at[store.value];
        if (store.row >= 0) store.row = at[store.row];
        dn_kernel *to = l->j.b.kernel;
        DN_PUSH(to->stores, to->n_stores, l->j.cap_stores) = store;
    }
    free(at);
}

void dn_wino_epilogue(const dn_wino_part *m, int buffer, const dn_access *from) {
    dn_wino_loop l = {0};
    epilogue e = {.kernel = m->kernel, .first = m->first, .column = m->column};
    for (int a = 0; a < m->kernel->n_axes; a++) {
        bool last = a == m->kernel->n_axes - 1;
        dn_wino_axis_add(&l, a == 0 ? m->images : last ? m->n : m->kernel->axes[a].size);
        e.step[a][a] = 1;
    }
    dn_wino_open(&l, m->out, m->arena, m->kernel->name, m->kernel->span);
    finish(&l, &e, dn_wino_load(&l, dn_wino_arg(&l, buffer, 0), from));
    dn_wino_close(&l);
}

// Something is read and written: by one point only if there is one result in each.
static bool in_place(const dn_kernel *k) {
    for (int i = 0; i < k->n_values; i++)
        for (int s = 0; s < k->n_stores; s++)
            if (k->values[i].kind == DN_KV_LOAD &&
                k->args[k->values[i].arg] == k->args[k->stores[s].arg])
                return true;
    return false;
}

// Tiles cover the result exactly, and the epilogue can be computed for all results of one.
static bool fits(const dn_wino_part *m) {
    const dn_wino_axis *y = m->y, *x = m->x;
    return y->tiles * y->tile * y->out_phases == y->out &&
           x->tiles * x->tile * x->out_phases == x->out && !in_place(m->kernel) &&
           m->kernel->n_values * y->tile * x->tile <= MOST_EPILOGUE;
}

// The axes (image, tile y, tile x, phase y, phase x, n), and M's strides but those of tiles.
static void result_axes(const dn_wino_part *m, dn_wino_loop *l, dn_access *from) {
    const dn_winograd *p = m->plan;
    int64_t square = p->points * dn_wino_apart(m->images * p->tiles * m->n);
    dn_wino_tile_axes(m, l);
    from->stride[dn_wino_axis_add(l, m->y->out_phases)] = m->x->out_phases * square;
    from->stride[dn_wino_axis_add(l, m->x->out_phases)] = square;
    from->stride[dn_wino_axis_add(l, m->n)] = 1;
}

static dn_wino_square results_of(const dn_wino_part *m, dn_wino_loop *l, int products,
                                 dn_access at) {
    const dn_winograd *p = m->plan;
    dn_wino_square points = {m->y->points, m->x->points, {0}}, results;
    int from = dn_wino_arg(l, products, 0);
    int64_t point = dn_wino_apart(m->images * p->tiles * m->n);
    for (int i = 0; i < p->points; i++, at.offset += point) {
        dn_wino_tile_strides(m, i, m->n, &at);
        points.value[i] = dn_wino_load(l, from, &at);
    }
    dn_wino_transform(l, m->y->a[0], m->y->tile, m->x->a[0], m->x->tile, false, &points, &results);
    return results;
}

// With the epilogue at each result of a tile.
static void push_results(const dn_wino_part *m, int products) {
    const dn_wino_axis *y = m->y, *x = m->x;
    dn_wino_loop l = {0};
    dn_access from = {0};
    epilogue e = {.kernel = m->kernel, .first = m->first, .column = m->column};
    result_axes(m, &l, &from);
    dn_wino_open(&l, m->out, m->arena, m->kernel->name, m->kernel->span);
    dn_wino_square results = results_of(m, &l, products, from);
    e.step[0][0] = e.step[1][3] = e.step[2][4] = e.step[3][5] = 1;
    e.step[1][1] = y->tile * y->out_phases;
    e.step[2][2] = x->tile * x->out_phases;
    for (int i = 0; i < y->tile * x->tile; i++) {
        e.offset[1] = i / x->tile * y->out_phases;
        e.offset[2] = i % x->tile * x->out_phases;
        finish(&l, &e, results.value[i]);
    }
    dn_wino_close(&l);
}

// Through whole tiles in memory.
static void push_whole_tiles(const dn_wino_part *m, int products) {
    const dn_wino_axis *y = m->y, *x = m->x;
    int64_t n = m->n, row = x->tiles * x->tile * x->out_phases * n;
    int64_t rows = y->tiles * y->tile * y->out_phases;
    dn_wino_loop l = {0};
    dn_access from = {0};
    result_axes(m, &l, &from);
    dn_wino_open(&l, m->out, m->arena, "winograd results", m->kernel->span);
    dn_wino_square results = results_of(m, &l, products, from);
    int to = dn_wino_buffer(m, m->images * rows * row), arg = dn_wino_arg(&l, to, 0);
    dn_access at = {
        0, {rows * row, y->tile * y->out_phases * row, x->tile * x->out_phases * n, row, n, 1}};
    for (int i = 0; i < y->tile * x->tile; i++) {
        at.offset = i / x->tile * y->out_phases * row + i % x->tile * x->out_phases * n;
        dn_wino_store(&l, arg, results.value[i], &at);
    }
    dn_wino_close(&l);
    dn_wino_epilogue(m, to, &(dn_access){0, {rows * row, row, n, 1}});
}

void dn_wino_results(const dn_wino_part *m, int products) {
    if (fits(m))
        push_results(m, products);
    else
        push_whole_tiles(m, products);
}
