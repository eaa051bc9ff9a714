// Kernels as data: what they touch, and where.
#include <stdlib.h>

#include "codegen/kernel/access.h"

void dn_kernels_free(dn_kernels *kernels) {
    if (!kernels) return;
    dn_graph_free(kernels->graph);
    dn_arena_free(&kernels->arena);
    free(kernels->buffers);
    free(kernels->list);
    free(kernels);
}

int64_t dn_buffer_bytes(const dn_buffer *buffer) {
    return buffer->count * (int64_t)dn_dtype_size(buffer->dtype);
}

bool dn_kernel_empty(const dn_kernel *kernel, bool body) {
    for (int a = 0; a < kernel->n_axes; a++)
        if (kernel->axes[a].size == 0 && (body || kernel->axes[a].kind != DN_AXIS_REDUCE))
            return true;
    return false;
}

double dn_kernel_points(const dn_kernel *kernel, bool body) {
    double n = 1;
    for (int a = 0; a < kernel->n_axes; a++)
        if (body || kernel->axes[a].kind != DN_AXIS_REDUCE) n *= (double)kernel->axes[a].size;
    return n;
}

bool dn_access_range(const dn_kernel *kernel, const dn_access *access, int64_t *low,
                     int64_t *high) {
    *low = *high = access->offset;
    for (int a = 0; a < kernel->n_axes; a++) {
        int64_t reach, size = kernel->axes[a].size;
        if (size < 2) continue;
        if (__builtin_mul_overflow(access->stride[a], size - 1, &reach)) return false;
        int64_t *end = reach < 0 ? low : high;
        if (__builtin_add_overflow(*end, reach, end)) return false;
    }
    return true;
}

int dn_kernel_scratch(const dn_kernel *kernel) { return kernel->inner ? kernel->n_args - 1 : -1; }

int64_t dn_kernel_begin(const dn_kernel *kernel, int arg) {
    return kernel->begins ? kernel->begins[arg] : 0;
}

bool dn_access_same(const dn_kernel *kernel, const dn_access *a, const dn_access *b) {
    bool same = a->offset == b->offset;
    for (int i = 0; i < kernel->n_axes; i++)
        same = same && (a->stride[i] == b->stride[i] || kernel->axes[i].size < 2);
    return same;
}

bool dn_kernel_reads(const dn_kernel *kernel, int arg) {
    if (kernel->kind == DN_KERNEL_CONTRACT && arg < 2) return true;
    for (int i = 0; i < kernel->n_values; i++)
        if (kernel->values[i].kind == DN_KV_LOAD && kernel->values[i].arg == arg) return true;
    for (int i = 0; i < kernel->n_stores; i++)
        if (kernel->stores[i].arg == arg && kernel->stores[i].add) return true;
    return false;
}

bool dn_kernel_writes(const dn_kernel *kernel, int arg) {
    if (kernel->kind == DN_KERNEL_RANDOM) return arg == 0;
    for (int i = 0; i < kernel->n_stores; i++)
        if (kernel->stores[i].arg == arg) return true;
    return false;
}

bool dn_kernel_can_fail(const dn_kernel *kernel) {
    for (int i = 0; i < kernel->n_values; i++)
        if (kernel->values[i].kind == DN_KV_LOAD && kernel->values[i].in[0] >= 0) return true;
    for (int i = 0; i < kernel->n_stores; i++)
        if (kernel->stores[i].row >= 0) return true;
    return false;
}

// The one store to `arg`; NULL if there are others, or if where it goes is not affine.
static const dn_store *only_store(const dn_kernel *kernel, int arg) {
    const dn_store *only = NULL;
    for (int i = 0; i < kernel->n_stores; i++) {
        const dn_store *store = &kernel->stores[i];
        if (store->arg != arg) continue;
        if (only || store->add || store->row >= 0) return NULL;
        only = store;
    }
    return only;
}

typedef struct reach {
    int64_t stride, size;
} reach;

static int by_stride(const void *a, const void *b) {
    const reach *x = a, *y = b;
    return (x->stride > y->stride) - (x->stride < y->stride);
}

// No two points go to one place: each stride is larger than what the smaller ones reach together.
static bool one_to_one(const dn_kernel *kernel, const dn_access *access) {
    reach axes[DN_MAX_AXES];
    int64_t sum = 0;
    int n = 0;
    for (int a = 0; a < kernel->n_axes; a++)
        if (kernel->axes[a].size > 1)
            axes[n++] = (reach){llabs(access->stride[a]), kernel->axes[a].size};
    qsort(axes, (size_t)n, sizeof *axes, by_stride);
    for (int i = 0; i < n; i++) {
        if (axes[i].stride <= sum) return false;
        sum += axes[i].stride * (axes[i].size - 1);
    }
    return true;
}

bool dn_kernel_in_place(const dn_kernel *kernel, int from, int to) {
    if (kernel->kind == DN_KERNEL_CONTRACT && from < 2) return false;
    if (from != to && dn_kernel_writes(kernel, from)) return false;
    if (dn_kernel_begin(kernel, from) != dn_kernel_begin(kernel, to)) return false;
    const dn_store *store = only_store(kernel, to);
    if (!store) return false;
    // A later point may read what an earlier one wrote where points run over the same place.
    bool body = store->value < kernel->n_body;
    for (int a = 0; a < kernel->n_axes; a++) {
        const dn_axis *axis = &kernel->axes[a];
        if (axis->size < 2 || axis->kind == DN_AXIS_PARALLEL) continue;
        if (axis->kind == DN_AXIS_SEQUENTIAL) return false;
        if (body && !one_to_one(kernel, &store->access)) return false;
    }
    for (int i = 0; i < kernel->n_values; i++) {
        const dn_kvalue *value = &kernel->values[i];
        if (value->kind != DN_KV_LOAD || value->arg != from) continue;
        bool before = !body || i < kernel->n_body;
        if (!before || value->in[0] >= 0 || !dn_access_same(kernel, &value->access, &store->access))
            return false;
    }
    return true;
}

bool dn_kernel_overlap(const dn_kernels *kernels, const dn_kernel *kernel, int a, int b) {
    if (kernel->args[a] == kernel->args[b]) return true;
    const dn_buffer *x = &kernels->buffers[kernel->args[a]];
    const dn_buffer *y = &kernels->buffers[kernel->args[b]];
    bool placed = kernels->arena_bytes > 0;
    if (!placed || x->kind != DN_BUFFER_TEMP || y->kind != DN_BUFFER_TEMP) return false;
    return x->offset < y->offset + dn_buffer_bytes(y) && y->offset < x->offset + dn_buffer_bytes(x);
}
