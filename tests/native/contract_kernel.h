// For tests and benchmarks of contractions: a kernel of one.
#ifndef DN_TESTS_CONTRACT_KERNEL_H
#define DN_TESTS_CONTRACT_KERNEL_H

#include "codegen/kernel/kernel.h"

// A kernel of one contraction that stores its sums: arguments A, B and the result.
typedef struct contraction {
    dn_kernel kernel;
    dn_axis axes[DN_MAX_AXES];
    dn_kvalue value;
    dn_store store;
    int64_t a_count, b_count, b_plain, out_count;  // elements; b_plain: of B before packing
} contraction;

static inline int64_t product_of(const int64_t *sizes, int n) {
    int64_t count = 1;
    for (int i = 0; i < n; i++) count *= sizes[i];
    return count;
}

// Axes and sizes of the operands, from k->kernel.contract.
static inline void contraction_shape(contraction *k) {
    const dn_contract *c = &k->kernel.contract;
    int64_t x = c->images * product_of(c->image, c->spatial) * c->channels;
    int64_t y = c->images * product_of(c->out, c->spatial) * c->filters;
    int64_t taps = product_of(c->kernel, c->spatial);
    int64_t groups = c->op == DN_OP_DOT ? 1 : c->groups;
    int64_t w = taps * (c->channels / groups) * c->filters, sizes[DN_MAX_AXES];
    int64_t columns = c->n, steps = c->k;
    int n = 0;
    if (c->parts) sizes[n++] = c->parts;
    if (c->op == DN_OP_DOT) {
        for (int i = 0; i < c->batches; i++) sizes[n++] = c->batch[i];
        groups = product_of(c->batch, c->batches);
        sizes[n++] = c->m, sizes[n++] = c->n;
        k->a_count = groups * c->m * c->k, k->b_plain = groups * c->k * c->n;
    } else if (c->op == DN_OP_CONV_WEIGHT) {
        for (int s = 0; s < c->spatial; s++) sizes[n++] = c->kernel[s];
        sizes[n++] = c->channels / c->groups, sizes[n++] = c->filters;
        k->a_count = x, k->b_plain = y;
    } else {
        bool conv = c->op == DN_OP_CONV;
        sizes[n++] = c->images;
        for (int s = 0; s < c->spatial; s++) sizes[n++] = conv ? c->out[s] : c->image[s];
        sizes[n++] = conv ? c->filters : c->channels;
        k->a_count = conv ? x : y, k->b_plain = w;
        columns = (conv ? c->filters : c->channels) / groups;
        steps = taps * (conv ? c->channels : c->filters) / groups;
    }
    k->b_count = k->b_plain;
    if (c->packed)
        k->b_count = groups * ((columns + c->packed - 1) / c->packed) * steps * c->packed;
    k->out_count = product_of(sizes, n);
    k->kernel.n_axes = n;
    int64_t stride = 1;
    for (int i = n - 1; i >= 0; i--) {
        k->axes[i] = (dn_axis){sizes[i], DN_AXIS_PARALLEL};
        k->store.access.stride[i] = stride;
        stride *= sizes[i];
    }
}

static inline void contraction_kernel(contraction *k, const dn_contract *contract) {
    *k =
        (contraction){.value = {.kind = DN_KV_RESULT, .dtype = contract->dtype, .in = {-1, -1, -1}},
                      .store = {.arg = 2, .row = -1}};
    k->kernel = (dn_kernel){.kind = DN_KERNEL_CONTRACT,
                            .name = "contract",
                            .axes = k->axes,
                            .n_args = 3,
                            .values = &k->value,
                            .n_values = 1,
                            .stores = &k->store,
                            .n_stores = 1,
                            .contract = *contract};
    contraction_shape(k);
}

#endif
