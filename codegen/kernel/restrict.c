// A part of a kernel as a kernel of its own.
#include <stdlib.h>
#include <string.h>

#include "codegen/kernel/access.h"
#include "codegen/kernel/draft.h"
#include "codegen/kernel/verify.h"

typedef struct part {
    const dn_kernel *from;
    const bool *kept;  // by store
    int *value, *arg;  // by number in `from`: needed; later the number in the part, or -1
    bool body, after;  // stores of the body's values, of others
    bool sums;         // in an order that depends on all of the kernel
} part;

static void find_needed(part *p) {
    const dn_kernel *k = p->from;
    for (int i = 0; i < k->n_stores; i++) {
        const dn_store *store = &k->stores[i];
        if (!p->kept[i]) continue;
        p->value[store->value] = p->arg[store->arg] = 1;
        if (store->row >= 0) p->value[store->row] = 1;
        *(store->value < k->n_body ? &p->body : &p->after) = true;
        p->sums |= store->add;
    }
    for (int i = k->n_values - 1; i >= 0; i--) {
        const dn_kvalue *value = &k->values[i];
        if (!p->value[i]) continue;
        if (value->kind == DN_KV_LOAD) p->arg[value->arg] = 1;
        p->sums |= value->kind == DN_KV_RESULT && k->kind == DN_KERNEL_LOOP;
        for (int j = 0; j < 3; j++)
            if (value->in[j] >= 0) p->value[value->in[j]] = 1;
    }
    for (int i = 0; i < 2 && k->kind == DN_KERNEL_CONTRACT; i++) p->arg[i] = 1;
}

static int number(int *needed, int n) {
    int count = 0;
    for (int i = 0; i < n; i++) needed[i] = needed[i] ? count++ : -1;
    return count;
}

// The axes of a loop without reductions; false if there are none that fit all stores.
static bool set_axes(const part *p, dn_kernel *to, dn_arena *arena) {
    to->axes = DN_NEW_ARRAY(arena, dn_axis, to->n_axes + 1);
    int n = 0;
    bool sequential = false, reduce = false;
    for (int a = 0; a < to->n_axes; a++) {
        dn_axis axis = p->from->axes[a];
        sequential |= axis.kind == DN_AXIS_SEQUENTIAL;
        if (axis.kind == DN_AXIS_REDUCE) {
            reduce = true;
            if (!p->body) continue;  // they are the last, and nothing kept depends on them
            if (sequential) return false;
            axis.kind = DN_AXIS_PARALLEL;
        }
        to->axes[n++] = axis;
    }
    to->n_axes = n;
    to->n_body = to->n_reductions = 0;
    return !(p->body && p->after && reduce);
}

static void copy_kept(const part *p, dn_kernel *to, dn_arena *arena) {
    const dn_kernel *from = p->from;
    to->n_values = number(p->value, from->n_values);
    to->n_args = number(p->arg, from->n_args);
    to->values = DN_NEW_ARRAY(arena, dn_kvalue, to->n_values + 1);
    to->args = DN_NEW_ARRAY(arena, int, to->n_args + 1);
    if (from->begins) to->begins = DN_NEW_ARRAY(arena, int64_t, to->n_args + 1);
    to->stores = DN_NEW_ARRAY(arena, dn_store, from->n_stores);
    to->n_stores = 0;
    for (int i = 0; i < from->n_args; i++) {
        if (p->arg[i] < 0) continue;
        to->args[p->arg[i]] = from->args[i];
        if (from->begins) to->begins[p->arg[i]] = from->begins[i];
    }
    for (int i = 0; i < from->n_values; i++) {
        if (p->value[i] < 0) continue;
        dn_kvalue *value = &to->values[p->value[i]];
        *value = from->values[i];
        if (value->kind == DN_KV_LOAD) value->arg = p->arg[value->arg];
        for (int j = 0; j < 3; j++)
            if (value->in[j] >= 0) value->in[j] = p->value[value->in[j]];
    }
    for (int i = 0; i < from->n_stores; i++) {
        if (!p->kept[i]) continue;
        dn_store *store = &to->stores[to->n_stores++];
        *store = from->stores[i];
        store->arg = p->arg[store->arg];
        store->value = p->value[store->value];
        if (store->row >= 0) store->row = p->value[store->row];
    }
}

static dn_kernel *make_part(part *p, dn_arena *arena) {
    find_needed(p);
    if (p->sums) return NULL;
    dn_kernel *to = DN_NEW(arena, dn_kernel);
    *to = *p->from;
    if (to->kind == DN_KERNEL_LOOP && !set_axes(p, to, arena)) return NULL;
    copy_kept(p, to, arena);
    for (int i = 0; i < to->n_stores; i++)
        if (!dn_store_independent(to, &to->stores[i])) return NULL;
    return to;
}

// The same kernel, with arguments of its own.
static dn_kernel *copy(const dn_kernel *kernel, dn_arena *arena) {
    dn_kernel *to = DN_NEW(arena, dn_kernel);
    *to = *kernel;
    to->args = dn_arena_copy(arena, kernel->args, (size_t)kernel->n_args * sizeof *kernel->args);
    return to;
}

dn_kernel *dn_kernel_restrict(const dn_kernels *kernels, const dn_kernel *kernel, int buffer,
                              bool except, dn_arena *arena) {
    if (kernel->kind == DN_KERNEL_RANDOM)
        return (kernel->args[0] == buffer) != except ? copy(kernel, arena) : NULL;
    bool *kept = dn_xcalloc((size_t)kernel->n_stores + 1, sizeof *kept);
    int n = 0;
    for (int i = 0; i < kernel->n_stores; i++)
        n += kept[i] = (kernel->args[kernel->stores[i].arg] == buffer) != except;
    dn_kernel *to = NULL;
    if (n == kernel->n_stores) {
        to = copy(kernel, arena);
    } else if (n && !kernel->inner) {
        part p = {.from = kernel,
                  .kept = kept,
                  .value = dn_xcalloc((size_t)kernel->n_values + 1, sizeof *p.value),
                  .arg = dn_xcalloc((size_t)kernel->n_args + 1, sizeof *p.arg)};
        to = make_part(&p, arena);
        if (to) dn_kernel_count(kernels, to);
        free(p.value);
        free(p.arg);
    }
    free(kept);
    return to;
}
