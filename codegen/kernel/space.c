#include "codegen/kernel/space.h"

#include <stdlib.h>

bool dn_space_add(dn_space *s, int64_t size, dn_axis_kind kind, int64_t first, int64_t second) {
    if (s->n == DN_MAX_AXES) return false;
    s->axes[s->n] = (dn_axis){size, kind};
    s->first[s->n] = first;
    s->second[s->n++] = second;
    return true;
}

bool dn_space_split(dn_space *s, dn_split split) {
    if (split.axis < 0 || s->n == DN_MAX_AXES) return false;
    int a = split.axis;
    for (int i = s->n++; i > a; i--) {
        s->axes[i] = s->axes[i - 1];
        s->first[i] = s->first[i - 1];
        s->second[i] = s->second[i - 1];
    }
    s->axes[a + 1].size = split.inner;
    s->axes[a].size /= split.inner;
    s->first[a] *= split.inner;
    s->second[a] *= split.inner;
    return true;
}

dn_access dn_space_linear(const dn_space *s, const int64_t *strides, int64_t offset) {
    dn_access linear = {.offset = offset};
    for (int i = 0; i < s->n; i++) linear.stride[i] = strides[i];
    return linear;
}

void dn_strides_of(const dn_type *type, int64_t *strides) {
    int64_t stride = 1;
    for (int i = type->rank - 1; i >= 0; i--) {
        strides[i] = stride;
        stride *= type->dims[i];
    }
}

void dn_space_of(const dn_type *type, bool all, dn_space *s) {
    int64_t stride[DN_MAX_RANK];
    dn_strides_of(type, stride);
    for (int i = 0; i < type->rank; i++)
        if (all || type->dims[i] != 1)
            dn_space_add(s, type->dims[i], DN_AXIS_PARALLEL, stride[i], stride[i]);
}

// ---- building ----

void dn_building_open(dn_building *j, dn_arena *arena, dn_kernel_kind kind, const char *name,
                      dn_span span) {
    dn_kernel *k = DN_NEW(arena, dn_kernel);
    k->kind = kind;
    k->name = name;
    k->span = span;
    k->n_axes = j->space.n;
    k->axes = dn_arena_copy(arena, j->space.axes, sizeof j->space.axes);
    j->b.arena = arena;
    j->b.kernel = k;
}

void dn_building_store(dn_building *j, int id, int value, const dn_access *at) {
    dn_kernel *k = j->b.kernel;
    DN_PUSH(k->stores, k->n_stores, j->cap_stores) =
        (dn_store){.arg = dn_builder_arg(&j->b, id), .value = value, .access = *at, .row = -1};
}

// The lists grew on the heap.
static void *keep(dn_arena *arena, void *list, size_t bytes) {
    void *kept = bytes ? dn_arena_copy(arena, list, bytes) : NULL;
    free(list);
    return kept;
}

void dn_building_close(dn_building *j) {
    dn_kernel *k = j->b.kernel;
    dn_arena *arena = j->b.arena;
    k->args = keep(arena, k->args, (size_t)k->n_args * sizeof *k->args);
    k->values = keep(arena, k->values, (size_t)k->n_values * sizeof *k->values);
    k->stores = keep(arena, k->stores, (size_t)k->n_stores * sizeof *k->stores);
    k->reductions = keep(arena, k->reductions, (size_t)k->n_reductions * sizeof *k->reductions);
    dn_builder_free(&j->b);
}
