// Fewer axes, what values depend on, what points cost.
#include "codegen/kernel/simplify.h"

const dn_access *dn_kernel_access(const dn_kernel *kernel, int i) {
    if (i >= kernel->n_values) return &kernel->stores[i - kernel->n_values].access;
    const dn_kvalue *v = &kernel->values[i];
    return v->kind == DN_KV_LOAD || v->kind == DN_KV_INDEX ? &v->access : NULL;
}

// ---- fewer axes ----

static void copy_kernel(dn_arena *arena, const dn_kernel *from, dn_kernel *to) {
    *to = *from;
    to->axes = DN_NEW_ARRAY(arena, dn_axis, from->n_axes + 1);
    to->values = DN_NEW_ARRAY(arena, dn_kvalue, from->n_values + 1);
    to->stores = DN_NEW_ARRAY(arena, dn_store, from->n_stores + 1);
    for (int i = 0; i < from->n_axes; i++) to->axes[i] = from->axes[i];
    for (int i = 0; i < from->n_values; i++) to->values[i] = from->values[i];
    for (int i = 0; i < from->n_stores; i++) to->stores[i] = from->stores[i];
}

static void remove_axis(dn_kernel *k, int axis) {
    for (int i = 0; i < k->n_values + k->n_stores; i++) {
        dn_access *access = (dn_access *)dn_kernel_access(k, i);  // of our own copy
        if (!access) continue;
        for (int a = axis; a + 1 < k->n_axes; a++) access->stride[a] = access->stride[a + 1];
        access->stride[k->n_axes - 1] = 0;
    }
    for (int a = axis; a + 1 < k->n_axes; a++) k->axes[a] = k->axes[a + 1];
    k->n_axes--;
}

// Whether an axis and the next one are one to every access.
static bool can_join(const dn_kernel *k, int axis) {
    if (k->axes[axis].kind != k->axes[axis + 1].kind) return false;
    for (int i = 0; i < k->n_values + k->n_stores; i++) {
        const dn_access *access = dn_kernel_access(k, i);
        if (access && access->stride[axis] != access->stride[axis + 1] * k->axes[axis + 1].size)
            return false;
    }
    return true;
}

void dn_kernel_simplify(dn_arena *arena, const dn_kernel *from, dn_kernel *to) {
    copy_kernel(arena, from, to);
    for (int a = to->n_axes - 1; a >= 0; a--)
        if (to->axes[a].size == 1) remove_axis(to, a);
    for (int a = to->n_axes - 2; a >= 0; a--) {
        if (!can_join(to, a)) continue;
        to->axes[a + 1].size *= to->axes[a].size;
        remove_axis(to, a);
    }
}

// ---- what values depend on ----

static uint32_t axes_of_access(const dn_kernel *k, const dn_access *access) {
    uint32_t axes = 0;
    for (int a = 0; a < k->n_axes; a++)
        if (access->stride[a]) axes |= 1u << a;
    return axes;
}

static uint32_t axes_of_results(const dn_kernel *k) {
    uint32_t axes = DN_AFTER_REDUCE;
    for (int a = 0; a < k->n_axes; a++)
        if (k->axes[a].kind != DN_AXIS_REDUCE) axes |= 1u << a;
    return axes;
}

uint32_t *dn_kernel_dependences(dn_arena *arena, const dn_kernel *kernel) {
    uint32_t *axes = DN_NEW_ARRAY(arena, uint32_t, kernel->n_values + 1);
    for (int i = 0; i < kernel->n_values; i++) {
        const dn_kvalue *v = &kernel->values[i];
        const dn_access *access = dn_kernel_access(kernel, i);
        if (access) axes[i] = axes_of_access(kernel, access);
        if (v->kind == DN_KV_RESULT) axes[i] = axes_of_results(kernel);
        for (int j = 0; j < 3; j++)
            if (v->kind != DN_KV_RESULT && v->in[j] >= 0) axes[i] |= axes[v->in[j]];
    }
    return axes;
}

// ---- costs ----

static double cost_of_value(const dn_kvalue *v) {
    if (v->kind == DN_KV_LOAD || v->kind == DN_KV_INDEX) return 1;
    return v->kind == DN_KV_ELEMENTWISE ? dn_op_cost(v->op) : 0;
}

double dn_kernel_cost(const dn_kernel *kernel, bool body) {
    double cost = body ? kernel->n_reductions : 0;
    for (int i = 0; i < kernel->n_values; i++)
        if ((i < kernel->n_body) == body) cost += cost_of_value(&kernel->values[i]);
    for (int i = 0; i < kernel->n_stores; i++)
        if ((kernel->stores[i].value < kernel->n_body) == body) cost += 1 + kernel->stores[i].add;
    return cost;
}
