// Helpers of the kernels: parallel loops, scratch memory, shapes.
#include <stdlib.h>

#include "codegen/interp/kernel.h"

void dn_eval_for(const dn_eval *e, int64_t count, int64_t grain, dn_parallel_body *body,
                 void *arg) {
    if (e->pool) {
        dn_parallel_for(e->pool, count, grain, body, arg);
        return;
    }
    for (int64_t begin = 0; begin < count; begin += grain)
        body(arg, begin / grain, begin, dn_min(begin + grain, count));
}

dn_status dn_scratch_open(const dn_eval *e, size_t bytes, dn_scratch *out) {
    // Distinct pages and cache sets for each thread.
    size_t each = (bytes + 127) / 64 * 64;
    int n = e->pool ? dn_pool_threads(e->pool) : 1;
    *out = (dn_scratch){.each = each, .n = n, .buffers = e->buffers};
    if (each > SIZE_MAX / (size_t)n) return dn_fail(DN_MEMORY, "no memory for scratch");
    out->total = each * (size_t)n;
    void *base;
    DN_TRY(dn_buffers_take(e->buffers, out->total, &base));
    out->base = base;
    out->taken = dn_xcalloc((size_t)n, sizeof *out->taken);
    return DN_SUCCESS;
}

void *dn_scratch_acquire(dn_scratch *scratch) {
    for (int i = 0; i < scratch->n; i++) {
        if (!__atomic_exchange_n(&scratch->taken[i], 1, __ATOMIC_ACQUIRE))
            return scratch->base + (size_t)i * scratch->each;
    }
    dn_panic(__FILE__, __LINE__, "more bodies than threads");
}

void dn_scratch_release(dn_scratch *scratch, void *block) {
    size_t i = (size_t)((char *)block - scratch->base) / scratch->each;
    __atomic_store_n(&scratch->taken[i], 0, __ATOMIC_RELEASE);
}

void dn_scratch_close(dn_scratch *scratch) {
    dn_buffers_give(scratch->buffers, scratch->base, scratch->total);
    free(scratch->taken);
}

int64_t dn_type_count(const dn_type *type) {
    int64_t n = 1;
    for (int i = 0; i < type->rank; i++) n *= type->dims[i];
    return n;
}

void dn_row_major(int rank, const int64_t *dims, int64_t *strides) {
    int64_t stride = 1;
    for (int i = rank - 1; i >= 0; i--) {
        strides[i] = stride;
        stride *= dims[i];
    }
}
