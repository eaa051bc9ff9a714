// The types that host functions give. Datasets carry the type of their elements, so their sizes
// must be known at compile time.
#include <stdlib.h>
#include <string.h>

#include "frontend/host.h"

// One call of a host function.
typedef struct builtin_call {
    dn_host *h;
    const char *name;
    const dn_expr *expr;
    const dn_term *terms;
    const dn_host_type *const *types;
} builtin_call;

static const dn_host_type *error_type(void) { return dn_host_simple(DN_HOST_ERROR); }

static const dn_host_type *not_static(const builtin_call *c, const char *what) {
    dn_diag *diag =
        dn_diag_error(&c->h->c->diags, c->expr->span,
                      "`%s` of `%s` must be known when the program is compiled", what, c->name);
    dn_diag_hint(&c->h->c->diags, diag,
                 "shapes are fixed at compile time: use a `const`, which -D can set");
    return error_type();
}

static bool static_int(const builtin_call *c, int i, int64_t *out) {
    *out = c->terms[i].kind == DN_TERM_INT ? c->terms[i].integer : 0;
    return c->terms[i].kind == DN_TERM_INT;
}

static bool static_sizes(const builtin_call *c, int i, int *count, dn_dim *out) {
    const dn_term *list = &c->terms[i];
    if (list->kind != DN_TERM_LIST || list->list.count > DN_MAX_RANK - 1) return false;
    *count = list->list.count;
    for (int k = 0; k < *count; k++) {
        if (list->list.items[k].kind != DN_TERM_INT) return false;
        out[k] = list->list.items[k].integer;
    }
    return true;
}

static bool positive(const builtin_call *c, int count, const dn_dim *sizes, const char *what) {
    for (int i = 0; i < count; i++) {
        if (sizes[i] >= 1) continue;
        dn_diag_error(&c->h->c->diags, c->expr->span, "`%s` of `%s` must be positive, not %lld",
                      what, c->name, (long long)sizes[i]);
        return false;
    }
    return true;
}

static const dn_host_type *tensor_of(const builtin_call *c, const dn_type *type) {
    if (!dn_dim_overflowed(dn_type_elements(c->h->c->dims, type)))
        return dn_host_tensor(&c->h->c->arena, type);
    dn_str text = {0};
    dn_type_print(NULL, type, &text);
    dn_diag_error(&c->h->c->diags, c->expr->span, "a tensor %s is too large", text.text);
    free(text.text);
    return error_type();
}

static const dn_host_type *tensor(const builtin_call *c, dn_dtype dtype, int rank,
                                  const dn_dim *dims) {
    dn_type type = dn_type_of(dtype, rank, dims);
    return tensor_of(c, &type);
}

static const dn_host_type *dataset(const builtin_call *c, int count, const char *const *names,
                                   const dn_host_type *const *fields) {
    dn_arena *arena = &c->h->c->arena;
    return dn_host_container(arena, DN_HOST_DATASET, dn_host_record(arena, count, names, fields));
}

// ---- sources
// ---------------------------------------------------------------------------------------------------

static const dn_host_type *image_source(const builtin_call *c, const char *second,
                                        const dn_host_type *second_type) {
    int n;
    dn_dim dims[3];
    if (!static_sizes(c, 1, &n, dims) || n != 2) return not_static(c, "size");
    if (!static_int(c, 2, &dims[2])) return not_static(c, "channels");
    if (!positive(c, 2, dims, "size")) return error_type();
    if (dims[2] != 1 && dims[2] != 3 && dims[2] != 4) {
        dn_diag_error(&c->h->c->diags, c->expr->span,
                      "`channels` of `%s` is 1 (grey), 3 (RGB) or 4 (RGBA), not %lld", c->name,
                      (long long)dims[2]);
        return error_type();
    }
    const char *names[] = {"image", second};
    const dn_host_type *fields[] = {tensor(c, DN_F32, 3, dims), second_type};
    return dataset(c, second ? 2 : 1, names, fields);
}

static const dn_host_type *type_image_folder(const builtin_call *c) {
    if (c->terms[4].kind != DN_TERM_BOOL) return not_static(c, "labels");
    return c->terms[4].boolean ? image_source(c, "label", tensor(c, DN_I32, 0, NULL))
                               : image_source(c, NULL, NULL);
}

static const dn_host_type *type_celeba(const builtin_call *c) {
    dn_dim attributes = 40;
    return image_source(c, "attributes", tensor(c, DN_U8, 1, &attributes));
}

static const dn_host_type *type_idx(const builtin_call *c) {
    int n;
    dn_dim dims[DN_MAX_RANK];
    if (!static_sizes(c, 2, &n, dims)) return not_static(c, "shape");
    if (!positive(c, n, dims, "shape")) return error_type();
    const char *names[] = {"image", "label"};
    const dn_host_type *fields[] = {tensor(c, DN_F32, n, dims), tensor(c, DN_I32, 0, NULL)};
    return dataset(c, c->types[1]->kind == DN_HOST_NONE ? 1 : 2, names, fields);
}

static const dn_host_type *type_csv(const builtin_call *c) {
    if (c->terms[1].kind != DN_TERM_LIST) return not_static(c, "columns");
    dn_dim count = c->terms[1].list.count;
    if (!positive(c, 1, &count, "columns")) return error_type();
    const char *names[] = {"features", "label"};
    const dn_host_type *fields[] = {tensor(c, DN_F32, 1, &count), tensor(c, DN_F32, 0, NULL)};
    return dataset(c, c->types[2]->kind == DN_HOST_NONE ? 1 : 2, names, fields);
}

static const dn_host_type *type_npy(const builtin_call *c) {
    int n;
    dn_dim dims[DN_MAX_RANK];
    if (!static_sizes(c, 1, &n, dims)) return not_static(c, "shape");
    if (c->terms[2].kind != DN_TERM_BOOL) return not_static(c, "integers");
    const char *name = "value";
    const dn_host_type *field = tensor(c, c->terms[2].boolean ? DN_I32 : DN_F32, n, dims);
    return dataset(c, 1, &name, &field);
}

// ---- pipeline
// ----------------------------------------------------------------------------------------------------

static const dn_host_type *type_same(const builtin_call *c) { return c->types[0]; }

static const dn_host_type *type_part(const builtin_call *c) {
    const dn_host_type *t = c->types[0];
    return t->kind == DN_HOST_TENSOR ? dn_host_open_tensor() : t;
}

static const dn_host_type *type_resize(const builtin_call *c) {
    int n;
    dn_dim dims[DN_MAX_RANK];
    if (c->types[0]->kind != DN_HOST_DATASET) return c->types[0];
    if (!static_sizes(c, 1, &n, dims) || n != 2) return not_static(c, "size");
    const dn_host_type *element = c->types[0]->element;
    const dn_host_type *fields[DN_MAX_FIELDS];
    for (int i = 0; i < element->count; i++) {
        fields[i] = element->fields[i];
        if (strcmp(element->names[i], "image") != 0) continue;
        dims[2] = element->fields[i]->tensor.dims[2];
        fields[i] = tensor(c, DN_F32, 3, dims);
    }
    return dataset(c, element->count, element->names, fields);
}

static const dn_host_type *type_batch(const builtin_call *c) {
    dn_dim size;
    if (c->types[0]->kind != DN_HOST_DATASET) return c->types[0];
    if (!static_int(c, 1, &size)) return not_static(c, "size");
    if (c->terms[2].kind != DN_TERM_BOOL) return not_static(c, "pad");
    if (!positive(c, 1, &size, "size")) return error_type();
    const dn_host_type *element = c->types[0]->element;
    const char *names[DN_MAX_FIELDS + 1];
    const dn_host_type *fields[DN_MAX_FIELDS + 1];
    int count = element->count;
    for (int i = 0; i < count; i++) {
        if (element->fields[i]->kind != DN_HOST_TENSOR) return error_type();
        dn_type type = element->fields[i]->tensor;
        if (type.rank == DN_MAX_RANK) {
            dn_diag_error(
                &c->h->c->diags, c->expr->span,
                "`batch` adds an axis, and the elements have %d axes, as many as possible",
                DN_MAX_RANK);
            return error_type();
        }
        memmove(type.dims + 1, type.dims, (size_t)type.rank * sizeof *type.dims);
        type.dims[0] = size;
        type.rank++;
        names[i] = element->names[i];
        fields[i] = tensor_of(c, &type);
    }
    if (c->terms[2].boolean) {
        names[count] = "weight";
        fields[count++] = tensor(c, DN_F32, 1, &size);
    }
    return dataset(c, count, names, fields);
}

static const dn_host_type *type_progress(const builtin_call *c) {
    return dn_host_container(&c->h->c->arena, DN_HOST_PROGRESS, c->types[0]);
}

static const dn_host_type *type_floats(const builtin_call *c) {
    return dn_host_container(&c->h->c->arena, DN_HOST_LIST, dn_host_simple(DN_HOST_FLOAT));
}

static const dn_host_type *type_tensor(const builtin_call *c) {
    (void)c;
    return dn_host_open_tensor();
}

static const dn_host_type *type_int(const builtin_call *c) {
    (void)c;
    return dn_host_simple(DN_HOST_INT);
}

static const dn_host_type *type_float(const builtin_call *c) {
    (void)c;
    return dn_host_simple(DN_HOST_FLOAT);
}

static const struct {
    const char *name;
    const dn_host_type *(*rule)(const builtin_call *call);
} rules[] = {
    {"image_folder", type_image_folder},
    {"celeba", type_celeba},
    {"idx", type_idx},
    {"csv", type_csv},
    {"npy", type_npy},
    {"rescale", type_same},
    {"normalize", type_same},
    {"resize", type_resize},
    {"augment", type_same},
    {"shuffle", type_same},
    {"take", type_part},
    {"skip", type_part},
    {"batch", type_batch},
    {"prefetch", type_same},
    {"progress", type_progress},
    {"grid", type_tensor},
    {"count", type_int},
    {"concat", type_tensor},
    {"number", type_float},
    {"numbers", type_floats},
    {"to_int", type_int},
    {"seconds", type_float},
};

const dn_host_type *dn_host_builtin_type(dn_host *h, const char *name, const dn_expr *call,
                                         const dn_term *terms, const dn_host_type *const *types) {
    builtin_call c = {.h = h, .name = name, .expr = call, .terms = terms, .types = types};
    for (size_t i = 0; i < sizeof rules / sizeof *rules; i++)
        if (strcmp(rules[i].name, name) == 0) return rules[i].rule(&c);
    return dn_host_simple(DN_HOST_NONE);
}
