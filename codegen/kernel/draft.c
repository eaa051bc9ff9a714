// Drafts: who uses a buffer, and how much is alive at each kernel.
#include "codegen/kernel/draft.h"

#include <stdlib.h>
#include <string.h>

#include "codegen/kernel/access.h"

enum { ALIGNMENT = 64 };  // of the memory plan

static void *copy_of(const void *data, size_t bytes) {
    void *copy = dn_xmalloc(bytes + 1);
    if (bytes) memcpy(copy, data, bytes);
    return copy;
}

dn_draft *dn_draft_new(const dn_kernels *kernels) {
    dn_draft *d = dn_xcalloc(1, sizeof *d);
    d->kernels = *kernels;
    d->kernels.arena = (dn_arena){0};
    d->kernels.arena_bytes = 0;
    d->kernels.cap = kernels->n;
    d->kernels.cap_buffers = kernels->n_buffers;
    d->kernels.list = copy_of(kernels->list, (size_t)kernels->n * sizeof *kernels->list);
    d->kernels.buffers =
        copy_of(kernels->buffers, (size_t)kernels->n_buffers * sizeof *kernels->buffers);
    d->group = dn_xcalloc((size_t)kernels->n + 1, sizeof *d->group);
    d->origin = dn_xcalloc((size_t)kernels->n_buffers + 1, sizeof *d->origin);
    for (int k = 0; k < kernels->n; k++) d->group[k] = k;
    for (int b = 0; b < kernels->n_buffers; b++) d->origin[b] = b;
    return d;
}

void dn_draft_free(dn_draft *d) {
    if (!d) return;
    free(d->kernels.list);
    free(d->kernels.buffers);
    free(d->group);
    free(d->origin);
    free(d->uses);
    free(d->first_use);
    free(d->written);
    free(d->alive);
    free(d);
}

// ---- uses -----------------------------------------------------------------------------------

static bool is_first_arg_of(const dn_kernel *kernel, int arg) {
    for (int i = 0; i < arg; i++)
        if (kernel->args[i] == kernel->args[arg]) return false;
    return true;
}

dn_use dn_kernel_use(const dn_kernel *kernel, int at, int buffer) {
    dn_use use = {.at = at};
    for (int i = 0; i < kernel->n_args; i++) {
        if (kernel->args[i] != buffer) continue;
        use.reads |= dn_kernel_reads(kernel, i);
        use.writes |= dn_kernel_writes(kernel, i);
    }
    return use;
}

// Counts the uses of each buffer, two places further on in first_use.
static int count_uses(dn_draft *d) {
    int total = 0;
    for (int k = 0; k < d->kernels.n; k++) {
        const dn_kernel *kernel = d->kernels.list[k];
        for (int i = 0; i < kernel->n_args; i++) {
            if (!is_first_arg_of(kernel, i)) continue;
            d->first_use[kernel->args[i] + 2]++;
            total++;
        }
    }
    return total;
}

void dn_draft_index(dn_draft *d) {
    int n = d->kernels.n_buffers;
    d->first_use = dn_xcalloc((size_t)n + 2, sizeof *d->first_use);
    d->written = dn_xcalloc((size_t)n + 1, sizeof *d->written);
    d->uses = dn_xcalloc((size_t)count_uses(d) + 1, sizeof *d->uses);
    for (int b = 0; b < n; b++) {
        d->first_use[b + 2] += d->first_use[b + 1];
        d->written[b] = -1;
    }
    for (int k = 0; k < d->kernels.n; k++) {
        const dn_kernel *kernel = d->kernels.list[k];
        for (int i = 0; i < kernel->n_args; i++) {
            int buffer = kernel->args[i];
            if (!is_first_arg_of(kernel, i)) continue;
            dn_use use = dn_kernel_use(kernel, k, buffer);
            d->uses[d->first_use[buffer + 1]++] = use;
            if (use.writes) d->written[buffer] = k;
        }
    }
}

// ---- bytes ----------------------------------------------------------------------------------

static void find_lifetimes(dn_kernels *kernels) {
    for (int b = 0; b < kernels->n_buffers; b++)
        kernels->buffers[b].first = kernels->buffers[b].last = -1;
    for (int k = 0; k < kernels->n; k++)
        for (int i = 0; i < kernels->list[k]->n_args; i++) {
            dn_buffer *buffer = &kernels->buffers[kernels->list[k]->args[i]];
            if (buffer->kind != DN_BUFFER_TEMP) continue;
            if (buffer->first < 0) buffer->first = k;
            buffer->last = k;
        }
}

static int64_t aligned(const dn_buffer *buffer) {
    return (dn_buffer_bytes(buffer) + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
}

// What the results of kernel k take over from buffers of their size that end there, as the memory
// plan does.
static int64_t taken_over(const dn_kernels *kernels, int k) {
    const dn_kernel *kernel = kernels->list[k];
    uint64_t taken = 0;
    int64_t bytes = 0;
    for (int to = 0; to < kernel->n_args && kernel->kind == DN_KERNEL_LOOP; to++) {
        const dn_buffer *b = &kernels->buffers[kernel->args[to]];
        if (b->kind != DN_BUFFER_TEMP || b->first != k || !is_first_arg_of(kernel, to)) continue;
        for (int from = 0; from < kernel->n_args && from < 64; from++) {
            const dn_buffer *a = &kernels->buffers[kernel->args[from]];
            bool ends = a->kind == DN_BUFFER_TEMP && a->last == k && a->first < k;
            bool fits = ends && !(taken >> from & 1) && aligned(a) == aligned(b) &&
                        dn_dtype_size(a->dtype) == dn_dtype_size(b->dtype);
            if (!fits || !is_first_arg_of(kernel, from)) continue;
            if (!dn_kernel_reads(kernel, from) || !dn_kernel_in_place(kernel, from, to)) continue;
            taken |= (uint64_t)1 << from;
            bytes += aligned(b);
            break;
        }
    }
    return bytes;
}

void dn_draft_measure(dn_draft *d) {
    dn_kernels *kernels = &d->kernels;
    int64_t *change = dn_xcalloc((size_t)kernels->n + 1, sizeof *change), now = 0;
    find_lifetimes(kernels);
    for (int b = 0; b < kernels->n_buffers; b++) {
        const dn_buffer *buffer = &kernels->buffers[b];
        if (buffer->first < 0) continue;
        change[buffer->first] += aligned(buffer);
        change[buffer->last + 1] -= aligned(buffer);
    }
    d->peak = 0;
    for (int k = 0; k < kernels->n; k++) {
        now += change[k];
        change[k] = now - taken_over(kernels, k);
        if (change[k] > d->peak) d->peak = change[k];
    }
    free(d->alive);
    d->alive = change;
}
