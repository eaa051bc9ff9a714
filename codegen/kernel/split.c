// A contraction in parts: for targets with more processors than it has results to share among them.
#include "codegen/kernel/expand.h"

int64_t dn_split_elements(const dn_kernel *kernel, int parts) {
    int64_t count = parts;
    for (int a = 0; a < kernel->n_axes; a++) count *= kernel->axes[a].size;
    return count;
}

// Row-major strides of the kernel's axes, written from `to` on.
static void set_strides(const dn_kernel *kernel, int64_t *to) {
    int64_t stride = 1;
    for (int a = kernel->n_axes - 1; a >= 0; a--) {
        to[a] = stride;
        stride *= kernel->axes[a].size;
    }
}

static dn_kernel *parts_of(const dn_kernel *kernel, int parts, int buffer, dn_arena *arena) {
    dn_kernel *k = DN_NEW(arena, dn_kernel);
    *k = *kernel;
    k->contract.parts = parts;
    k->n_axes = kernel->n_axes + 1;
    k->axes = DN_NEW_ARRAY(arena, dn_axis, k->n_axes);
    k->axes[0] = (dn_axis){.size = parts, .kind = DN_AXIS_PARALLEL};
    for (int a = 0; a < kernel->n_axes; a++) k->axes[1 + a] = kernel->axes[a];
    k->n_args = 3;
    k->args = DN_NEW_ARRAY(arena, int, 3);
    k->args[0] = kernel->args[0], k->args[1] = kernel->args[1], k->args[2] = buffer;
    k->n_values = k->n_stores = 1;
    k->values = DN_NEW(arena, dn_kvalue);
    *k->values =
        (dn_kvalue){.kind = DN_KV_RESULT, .dtype = kernel->contract.dtype, .in = {-1, -1, -1}};
    k->stores = DN_NEW(arena, dn_store);
    *k->stores = (dn_store){.arg = 2, .value = 0, .row = -1};
    set_strides(kernel, k->stores->access.stride + 1);
    k->stores->access.stride[0] = dn_split_elements(kernel, 1);
    return k;
}

// ---- the sum of the parts ----

// The number of an argument of `from` among those of k, where it becomes one if it is none.
static int arg_of(dn_kernel *k, const dn_kernel *from, int *known, int arg) {
    if (known[arg] < 0) {
        known[arg] = k->n_args;
        k->args[k->n_args++] = from->args[arg];
    }
    return known[arg];
}

// Values and stores behind the sum; all numbers of values are one more than they were.
static void copy_epilogue(dn_kernel *k, const dn_kernel *from, int *known) {
    for (int i = 0; i < from->n_values; i++) {
        dn_kvalue *value = &k->values[1 + i];
        *value = from->values[i];
        value->access.stride[from->n_axes] = 0;
        for (int j = 0; j < 3; j++)
            if (value->in[j] >= 0) value->in[j]++;
        if (value->kind == DN_KV_LOAD) value->arg = arg_of(k, from, known, value->arg);
    }
    for (int i = 0; i < from->n_stores; i++) {
        dn_store *store = &k->stores[i];
        *store = from->stores[i];
        store->access.stride[from->n_axes] = 0;
        store->value++;
        if (store->row >= 0) store->row++;
        store->arg = arg_of(k, from, known, store->arg);
    }
}

static dn_kernel *sum_of(const dn_kernel *kernel, int parts, int buffer, dn_arena *arena) {
    dn_kernel *k = DN_NEW(arena, dn_kernel);
    dn_dtype dtype = kernel->contract.dtype;
    int *known = DN_NEW_ARRAY(arena, int, kernel->n_args);
    for (int i = 0; i < kernel->n_args; i++) known[i] = -1;
    *k = (dn_kernel){.kind = DN_KERNEL_LOOP, .span = kernel->span, .name = kernel->name};
    k->n_axes = kernel->n_axes + 1;
    k->axes = DN_NEW_ARRAY(arena, dn_axis, k->n_axes);
    for (int a = 0; a < kernel->n_axes; a++) k->axes[a] = kernel->axes[a];
    k->axes[kernel->n_axes] = (dn_axis){.size = parts, .kind = DN_AXIS_REDUCE};
    k->args = DN_NEW_ARRAY(arena, int, 1 + kernel->n_args);
    k->args[k->n_args++] = buffer;
    k->n_body = 1;
    k->n_values = 1 + kernel->n_values;
    k->values = DN_NEW_ARRAY(arena, dn_kvalue, k->n_values);
    k->values[0] = (dn_kvalue){.kind = DN_KV_LOAD, .dtype = dtype, .in = {-1, -1, -1}};
    set_strides(kernel, k->values[0].access.stride);
    k->values[0].access.stride[kernel->n_axes] = dn_split_elements(kernel, 1);
    k->n_reductions = 1;
    k->reductions = DN_NEW(arena, dn_reduction);
    *k->reductions = (dn_reduction){.op = DN_OP_REDUCE_SUM, .value = 0, .dtype = dtype};
    k->n_stores = kernel->n_stores;
    k->stores = DN_NEW_ARRAY(arena, dn_store, k->n_stores);
    copy_epilogue(k, kernel, known);
    return k;
}

void dn_split_contract(const dn_kernel *kernel, int parts, int buffer, dn_arena *arena,
                       dn_kernel_sink *sink, void *context) {
    sink(context, parts_of(kernel, parts, buffer, arena));
    sink(context, sum_of(kernel, parts, buffer, arena));
}
