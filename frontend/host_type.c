#include "frontend/host_type.h"

#include <string.h>

const dn_host_type *dn_host_simple(dn_host_kind kind) {
    static const dn_host_type simple[] = {
        [DN_HOST_ERROR] = {.kind = DN_HOST_ERROR},   [DN_HOST_ANY] = {.kind = DN_HOST_ANY},
        [DN_HOST_NONE] = {.kind = DN_HOST_NONE},     [DN_HOST_BOOL] = {.kind = DN_HOST_BOOL},
        [DN_HOST_INT] = {.kind = DN_HOST_INT},       [DN_HOST_FLOAT] = {.kind = DN_HOST_FLOAT},
        [DN_HOST_STRING] = {.kind = DN_HOST_STRING}, [DN_HOST_RANGE] = {.kind = DN_HOST_RANGE},
    };
    return &simple[kind];
}

dn_host_type *dn_host_tensor(dn_arena *arena, const dn_type *type) {
    dn_host_type *t = DN_NEW(arena, dn_host_type);
    t->kind = DN_HOST_TENSOR;
    t->tensor = *type;
    return t;
}

const dn_host_type *dn_host_open_tensor(void) {
    static const dn_host_type open = {.kind = DN_HOST_TENSOR, .open = true};
    return &open;
}

dn_host_type *dn_host_container(dn_arena *arena, dn_host_kind kind, const dn_host_type *element) {
    dn_host_type *t = DN_NEW(arena, dn_host_type);
    t->kind = kind;
    t->element = element;
    return t;
}

dn_host_type *dn_host_record(dn_arena *arena, int count, const char *const *names,
                             const dn_host_type *const *fields) {
    dn_host_type *t = DN_NEW(arena, dn_host_type);
    t->kind = DN_HOST_RECORD;
    t->count = count;
    t->names = dn_arena_copy(arena, names, (size_t)count * sizeof *names);
    t->fields = dn_arena_copy(arena, fields, (size_t)count * sizeof *fields);
    return t;
}

const dn_host_type *dn_host_field(const dn_host_type *record, const char *name) {
    for (int i = 0; i < record->count; i++)
        if (strcmp(record->names[i], name) == 0) return record->fields[i];
    return NULL;
}

bool dn_host_is_number(const dn_host_type *t) {
    return t->kind == DN_HOST_INT || t->kind == DN_HOST_FLOAT ||
           (t->kind == DN_HOST_TENSOR && !t->open && t->tensor.rank == 0);
}

static bool same_fields(const dn_host_type *a, const dn_host_type *b) {
    if (a->count != b->count) return false;
    for (int i = 0; i < a->count; i++)
        if (strcmp(a->names[i], b->names[i]) != 0) return false;
    return true;
}

const dn_host_type *dn_host_join(const dn_host_type *a, const dn_host_type *b) {
    if (a == b || b->kind == DN_HOST_ERROR) return a;
    if (a->kind == DN_HOST_ERROR) return b;
    if (dn_host_is_number(a) && dn_host_is_number(b) &&
        (a->kind != DN_HOST_TENSOR || b->kind != DN_HOST_TENSOR))
        return dn_host_simple(a->kind == DN_HOST_INT && b->kind == DN_HOST_INT ? DN_HOST_INT
                                                                               : DN_HOST_FLOAT);
    if (a->kind != b->kind) return dn_host_simple(DN_HOST_ANY);
    if (a->kind == DN_HOST_TENSOR)
        return !a->open && !b->open && dn_type_equal(&a->tensor, &b->tensor)
                   ? a
                   : dn_host_open_tensor();
    if (a->kind == DN_HOST_RECORD) return same_fields(a, b) ? a : dn_host_simple(DN_HOST_ANY);
    return a;
}

void dn_host_type_print(const dn_host_type *type, dn_str *out) {
    static const char *const names[] = {
        [DN_HOST_ERROR] = "error",   [DN_HOST_ANY] = "any",     [DN_HOST_NONE] = "none",
        [DN_HOST_BOOL] = "bool",     [DN_HOST_INT] = "int",     [DN_HOST_FLOAT] = "float",
        [DN_HOST_STRING] = "string", [DN_HOST_RANGE] = "range",
    };
    switch (type->kind) {
        case DN_HOST_TENSOR:
            if (type->open) {
                dn_str_puts(out, "tensor");
            } else {
                dn_type_print(NULL, &type->tensor, out);
            }
            break;
        case DN_HOST_LIST:
            dn_str_puts(out, "[");
            dn_host_type_print(type->element, out);
            dn_str_puts(out, "]");
            break;
        case DN_HOST_RECORD:
            dn_str_puts(out, "{");
            for (int i = 0; i < type->count; i++) {
                dn_str_printf(out, "%s%s: ", i ? ", " : "", type->names[i]);
                dn_host_type_print(type->fields[i], out);
            }
            dn_str_puts(out, "}");
            break;
        case DN_HOST_DATASET:
        case DN_HOST_PROGRESS:
            dn_str_puts(out, "dataset of ");
            dn_host_type_print(type->element, out);
            break;
        default: dn_str_puts(out, names[type->kind]);
    }
}
