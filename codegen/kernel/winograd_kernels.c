// The kernels of a convolution by Winograd's algorithm: see winograd.h.
#include <stdlib.h>

#include "codegen/kernel/winograd_parts.h"

enum { LINE = 16 };  // elements of a cache line, at least

int dn_wino_buffer(const dn_wino_part *m, int64_t count) {
    dn_kernels *out = m->out;
    dn_buffer *b = &DN_PUSH(out->buffers, out->n_buffers, out->cap_buffers);
    *b = (dn_buffer){.kind = DN_BUFFER_TEMP,
                     .index = -1,
                     .dtype = m->plan->contract.dtype,
                     .count = count,
                     .first = -1,
                     .last = -1};
    return out->n_buffers - 1;
}

int64_t dn_wino_apart(int64_t count) { return count + LINE; }

bool dn_wino_panels(const dn_wino_part *m) { return m->n % m->width == 0; }

void dn_wino_tile_axes(const dn_wino_part *m, dn_wino_loop *l) {
    dn_wino_axis_add(l, m->images);
    dn_wino_axis_add(l, m->y->tiles);
    dn_wino_axis_add(l, m->x->tiles);
}

// All images and columns.
static dn_wino_part whole(dn_kernels *out, dn_arena *arena, const dn_winograd *p,
                          const dn_kernel *kernel, int width) {
    return (dn_wino_part){.out = out,
                          .arena = arena,
                          .plan = p,
                          .y = &p->axis[0],
                          .x = &p->axis[1],
                          .kernel = kernel,
                          .width = width,
                          .images = p->images,
                          .n = p->n};
}

int dn_winograd_weights(dn_kernels *out, const dn_winograd *p, const dn_kernel *kernel, int width) {
    dn_wino_part m = whole(out, &out->arena, p, kernel, width);
    int to = dn_wino_weights(&m);
    out->buffers[to].node = out->buffers[kernel->args[1]].node;
    return to;
}

static void push_slices(dn_wino_part *m) {
    int patches = dn_wino_patches(m);
    m->n = m->plan->slice;
    for (m->column = 0; m->column < m->plan->n; m->column += m->n) {
        int u = dn_winograd_has_weights(m->plan) ? m->kernel->args[1] : dn_wino_weights(m);
        dn_wino_results(m, dn_wino_products(m, patches, u));
    }
}

static void push_images(dn_wino_part m) {
    const dn_winograd *p = m.plan;
    for (m.first = 0; m.first < p->images; m.first += p->chunk) {
        dn_wino_part some = m;
        some.images = p->images - m.first < p->chunk ? p->images - m.first : p->chunk;
        push_slices(&some);
    }
}

// The columns of a slice: summed over all images.
static void push_gradient_slice(dn_wino_part *m, int patches, int taps) {
    const dn_winograd *p = m->plan;
    int sums = dn_wino_buffer(m, p->points * p->in_phases * p->k * m->n);
    for (m->first = 0; m->first < p->images; m->first += p->chunk) {
        m->images = p->images - m->first < p->chunk ? p->images - m->first : p->chunk;
        int v = patches >= 0 ? patches : dn_wino_patches(m);
        dn_wino_add_products(m, v, dn_wino_tiles(m), sums);
    }
    dn_wino_taps(m, sums, taps);
}

static void push_gradient(const dn_wino_part *all) {
    const dn_winograd *p = all->plan;
    const dn_contract *c = &p->contract;
    int patches = p->chunk < p->images ? -1 : dn_wino_patches(all);
    int64_t matrix = p->k * p->n, row = c->kernel[1] * matrix;
    int taps = dn_wino_buffer(all, c->kernel[0] * row);
    for (int64_t column = 0; column < p->n; column += p->slice) {
        dn_wino_part m = *all;
        m.column = column;
        m.n = p->slice;
        push_gradient_slice(&m, patches, taps);
    }
    dn_wino_part result = *all;
    result.images = c->kernel[0];  // the outermost axis
    dn_wino_epilogue(&result, taps, &(dn_access){0, {row, matrix, p->n, 1}});
}

// Buffers for the arguments of `kernel`. What is a TEMP for it is not theirs to place.
static void add_arguments(dn_kernels *inner, const dn_kernels *entry, dn_kernel *kernel,
                          dn_arena *arena) {
    int *args = DN_NEW_ARRAY(arena, int, kernel->n_args + 1);
    for (int i = 0; i < kernel->n_args; i++) {
        dn_buffer *b = &DN_PUSH(inner->buffers, inner->n_buffers, inner->cap_buffers);
        *b = entry->buffers[kernel->args[i]];
        if (b->kind == DN_BUFFER_TEMP)
            *b = (dn_buffer){DN_BUFFER_OUTPUT, i, b->dtype, b->count, .node = b->node};
        args[i] = i;
    }
    kernel->args = args;
}

// The lists grew on the heap.
static void keep(dn_kernels *inner, dn_arena *arena) {
    dn_kernel **list = inner->list;
    dn_buffer *buffers = inner->buffers;
    inner->list = dn_arena_copy(arena, list, (size_t)inner->n * sizeof(dn_kernel *));
    inner->buffers = dn_arena_copy(arena, buffers, (size_t)inner->n_buffers * sizeof *buffers);
    free(list);
    free(buffers);
}

void dn_winograd_kernels(dn_kernels *entry, const dn_winograd *p, dn_kernel *kernel,
                         const dn_node *node, int width) {
    dn_arena *arena = &entry->arena;
    dn_kernel own = *kernel;
    dn_kernels *inner = DN_NEW(arena, dn_kernels);
    inner->target = entry->target;
    inner->graph = entry->graph;
    add_arguments(inner, entry, &own, arena);
    dn_wino_part m = whole(inner, arena, p, &own, width);
    if (p->contract.op == DN_OP_CONV_WEIGHT)
        push_gradient(&m);
    else
        push_images(m);
    dn_kernels_plan(inner);
    keep(inner, arena);
    int *args = DN_NEW_ARRAY(arena, int, kernel->n_args + 1);
    for (int i = 0; i < kernel->n_args; i++) args[i] = kernel->args[i];
    args[kernel->n_args++] = entry->n_buffers;
    kernel->args = args;
    kernel->inner = inner;
    DN_PUSH(entry->buffers, entry->n_buffers, entry->cap_buffers) =
        (dn_buffer){.kind = DN_BUFFER_TEMP,
                    .index = -1,
                    .dtype = DN_U8,
                    .count = inner->arena_bytes,
                    .first = -1,
                    .last = -1,
                    .node = node};
}
