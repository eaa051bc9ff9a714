// Types of parameters and results: unification of sizes, checks of static values.
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "frontend/build.h"

const char *dn_source_text(dn_build *b, dn_span span) {
    size_t length;
    const char *text = dn_sources_text(&b->c->sources, span, &length);
    return dn_arena_strndup(&b->c->arena, text, length);
}

bool dn_dtype_named(const dn_compiler *c, const char *name, dn_dtype *dtype) {
    if (!dn_dtype_from_name(name, strlen(name), dtype)) return false;
    if (strcmp(name, "bool") == 0) return false;  // the static type; tensors write bool[...]
    if (*dtype == DN_F32) *dtype = c->real;
    return true;
}

static bool tensor_dtype_named(const dn_compiler *c, const char *name, dn_dtype *dtype) {
    if (strcmp(name, "bool") == 0) {
        *dtype = DN_BOOL;
        return true;
    }
    return dn_dtype_named(c, name, dtype);
}

// A name with a capital is a dtype variable: `t: T` is a scalar of it.
bool dn_type_is_tensor(const dn_type_expr *type) {
    dn_dtype dtype;
    if (type->kind == DN_TYPE_TENSOR) return true;
    if (type->kind == DN_TYPE_NAME && isupper((unsigned char)type->name.text[0])) return true;
    return type->kind == DN_TYPE_NAME && strcmp(type->name.text, "bool") != 0 &&
           dn_dtype_from_name(type->name.text, strlen(type->name.text), &dtype);
}

// ---- tensor types
// ---------------------------------------------------------------------------------

// What matching one tensor against one type needs.
typedef struct match {
    dn_build *b;
    const dn_type_expr *type;
    dn_span span;
    const char *what;
} match;

static const char *dim_name(const dn_dim_expr *dim) {
    if (dim->ellipsis) return dim->name.text;
    return dim->size->kind == DN_EXPR_NAME ? dim->size->name : NULL;
}

static void note_bindings(match *m, dn_diag *diag) {
    dn_str text = {0};
    for (int i = 0; i < m->type->count; i++) {
        const char *name = dim_name(&m->type->dims[i]);
        dn_term value;
        dn_bound_name *bound = name ? dn_frame_find(m->b->frame, name) : NULL;
        if (bound) {
            value = bound->value;
        } else {
            dn_def *def = name ? dn_build_find(m->b, name, false) : NULL;
            if (!def || def->decl->kind != DN_DECL_CONST || def->state != DN_DEF_DONE) continue;
            value = def->value;
        }
        const char *shown = dn_describe(m->b, &value);
        bool again = strcmp(shown, name) == 0;  // a size that stands for itself
        for (int k = 0; k < i; k++) {
            const char *before = dim_name(&m->type->dims[k]);
            again |= before && strcmp(before, name) == 0;
        }
        if (!again) dn_str_printf(&text, "%s%s = %s", text.length ? ", " : "", name, shown);
    }
    if (text.length) dn_diag_note(&m->b->c->diags, diag, (dn_span){0}, "where %s", text.text);
    free(text.text);
}

static bool mismatch(match *m, const dn_type *given, const char *detail) {
    dn_str text = {0};
    dn_type_print(m->b->c->dims, given, &text);
    dn_diag *diag = dn_build_error(m->b, m->span, "%s should be %s, not %s", m->what,
                                   dn_source_text(m->b, m->type->span), text.text);
    dn_diag_note(&m->b->c->diags, diag, (dn_span){0}, "%s", detail);
    note_bindings(m, diag);
    free(text.text);
    return false;
}

static bool match_dtype(match *m, const dn_type *given) {
    const char *name = m->type->name.text;
    dn_dtype dtype;
    if (!tensor_dtype_named(m->b->c, name, &dtype)) {
        dn_bound_name *bound = dn_frame_find(m->b->frame, name);
        if (!bound) {
            dn_frame_bind(m->b, name, dn_term_dtype(given->dtype), m->span);
            return true;
        }
        if (bound->value.kind != DN_TERM_DTYPE) {
            dn_build_error(m->b, m->type->name.span, "`%s` is not an element type", name);
            return false;
        }
        dtype = bound->value.dtype;
    }
    if (dtype == given->dtype) return true;
    char *detail =
        dn_printf("its elements are %s, wanted are %s; cast(x, %s) converts",
                  dn_dtype_name(given->dtype), dn_dtype_name(dtype), dn_dtype_name(dtype));
    mismatch(m, given, detail);
    free(detail);
    return false;
}

// A name that stands for a size known before this match: a parameter, a bound size or a const.
static bool known_size(match *m, const dn_expr *size) {
    if (size->kind != DN_EXPR_NAME) return true;
    if (dn_frame_find(m->b->frame, size->name)) return true;
    dn_def *def = dn_build_find(m->b, size->name, false);
    // The library's consts are not meant by a user's size names, nor are functions.
    return def && def->decl->kind == DN_DECL_CONST;
}

static bool match_size(match *m, const dn_expr *size, const dn_type *given, int axis) {
    dn_build *b = m->b;
    dn_dim actual = given->dims[axis];
    if (!known_size(m, size)) {
        dn_frame_bind(b, size->name, dn_term_int(actual), size->span);
        return true;
    }
    dn_dim wanted;
    if (!dn_eval_size(b, size, &wanted)) return false;
    if (wanted == actual) return true;
    dn_str detail = {0};
    dn_str_printf(&detail, "axis %d: ", axis);
    dn_dim_print(b->c->dims, actual, &detail);
    dn_str_puts(&detail, " is given, ");
    dn_dim_print(b->c->dims, wanted, &detail);
    dn_str_puts(&detail, " is wanted");
    mismatch(m, given, detail.text);
    free(detail.text);
    return false;
}

static bool match_rest(match *m, const dn_dim_expr *dim, const dn_type *given, int first,
                       int count) {
    if (!dim->name.text) return true;
    dn_term rest = dn_term_dims(&m->b->c->arena, count, given->dims + first);
    dn_bound_name *bound = dn_frame_find(m->b->frame, dim->name.text);
    if (!bound) {
        dn_frame_bind(m->b, dim->name.text, rest, dim->name.span);
        return true;
    }
    if (dn_term_equal(&bound->value, &rest)) return true;
    char *detail =
        dn_printf("the sizes %s are given for `...%s`, %s are wanted", dn_describe(m->b, &rest),
                  dim->name.text, dn_describe(m->b, &bound->value));
    mismatch(m, given, detail);
    free(detail);
    return false;
}

static bool match_tensor(match *m, const dn_type *given) {
    if (!match_dtype(m, given)) return false;
    int n = m->type->count, ellipsis = -1;
    for (int i = 0; i < n; i++)
        if (m->type->dims[i].ellipsis) ellipsis = i;
    bool fits = ellipsis < 0 ? given->rank == n : given->rank >= n - 1;
    if (!fits) {
        char *detail =
            dn_printf("it has %d ax%s; %s%d %s wanted", given->rank, given->rank == 1 ? "is" : "es",
                      ellipsis < 0 ? "" : "at least ", ellipsis < 0 ? n : n - 1,
                      (ellipsis < 0 ? n : n - 1) == 1 ? "is" : "are");
        mismatch(m, given, detail);
        free(detail);
        return false;
    }
    bool ok = true;
    int rest = given->rank - (n - 1);
    for (int i = 0, axis = 0; i < n && ok; i++) {
        const dn_dim_expr *dim = &m->type->dims[i];
        if (dim->ellipsis) {
            ok = match_rest(m, dim, given, axis, rest);
            axis += rest;
        } else {
            ok = match_size(m, dim->size, given, axis++);
        }
    }
    return ok;
}

bool dn_eval_size(dn_build *b, const dn_expr *size, dn_dim *out) {
    if (!dn_to_int(b, dn_eval(b, size), size->span, "a size", out)) return false;
    if (!dn_dim_known(*out) || *out >= 0) return true;
    dn_build_error(b, size->span, "a size cannot be negative, and this is %lld", (long long)*out);
    return false;
}

static bool too_many_axes(dn_build *b, const dn_type_expr *type) {
    dn_build_error(b, type->span, "a tensor has at most %d axes", DN_MAX_RANK);
    return false;
}

bool dn_check_elements(dn_build *b, const dn_type *type, dn_span span) {
    if (!dn_dim_overflowed(dn_type_elements(b->c->dims, type))) return true;
    dn_str text = {0};
    dn_type_print(b->c->dims, type, &text);
    dn_build_error(b, span, "a tensor %s is too large", text.text);
    free(text.text);
    return false;
}

bool dn_resolve_type(dn_build *b, const dn_type_expr *type, dn_type *out) {
    *out = (dn_type){0};
    if (!dn_type_is_tensor(type)) {
        dn_build_error(b, type->span, "a tensor type such as f32[units] is wanted here");
        return false;
    }
    const char *name = type->name.text;
    dn_bound_name *bound = dn_frame_find(b->frame, name);
    if (bound && bound->value.kind == DN_TERM_DTYPE) {
        out->dtype = bound->value.dtype;
    } else if (!tensor_dtype_named(b->c, name, &out->dtype)) {
        dn_build_error(b, type->name.span, "there is no element type `%s`", name);
        return false;
    }
    for (int i = 0; i < type->count; i++) {
        const dn_dim_expr *dim = &type->dims[i];
        if (dim->ellipsis) {
            dn_term rest = dn_lookup(b, dim->name.text, dim->name.span);
            int count;
            dn_dim sizes[DN_MAX_RANK];
            if (!dn_to_dims(b, rest, dim->name.span, "a list of sizes", &count, sizes))
                return false;
            if (out->rank + count > DN_MAX_RANK) return too_many_axes(b, type);
            for (int k = 0; k < count; k++) out->dims[out->rank++] = sizes[k];
        } else {
            if (out->rank == DN_MAX_RANK) return too_many_axes(b, type);
            if (!dn_eval_size(b, dim->size, &out->dims[out->rank++])) return false;
        }
    }
    return dn_check_elements(b, out, type->span);
}

// ---- numbers and host values as tensors
// -------------------------------------------------------------

// The type's sizes if all of them are known by now.
static bool sizes_bound(dn_build *b, const dn_type_expr *type) {
    match m = {.b = b, .type = type};
    dn_dtype dtype;
    if (!tensor_dtype_named(b->c, type->name.text, &dtype) &&
        !dn_frame_find(b->frame, type->name.text))
        return false;
    for (int i = 0; i < type->count; i++) {
        const dn_dim_expr *dim = &type->dims[i];
        if (dim->ellipsis ? !dim->name.text || !dn_frame_find(b->frame, dim->name.text)
                          : !known_size(&m, dim->size))
            return false;
    }
    return true;
}

static bool number_to_tensor(match *m, dn_term *term) {
    dn_build *b = m->b;
    dn_type type;
    if (!sizes_bound(b, m->type)) {
        if (m->type->count == 0) {  // a scalar whose dtype nothing says
            dn_node *node = dn_to_node(b, *term, NULL, m->span);
            if (node) *term = dn_term_tensor(node);
            return node && match_tensor(m, &node->type);
        }
        dn_diag *diag = dn_build_error(b, m->span, "%s should be a tensor %s, not %s", m->what,
                                       dn_source_text(b, m->type->span), dn_describe(b, term));
        if (term->kind == DN_TERM_HOST) dn_host_hint_loop(b->c, diag, term->host.type);
        return false;
    }
    if (!dn_resolve_type(b, m->type, &type)) return false;
    dn_type scalar = dn_type_scalar(type.dtype);
    dn_node like = {.type = scalar};
    dn_node *node = dn_to_node(b, *term, &like, m->span);
    if (node) node = dn_broadcast_node(b, node, type.rank, type.dims, m->span);
    if (node) *term = dn_term_tensor(node);
    return node != NULL;
}

static bool match_tensor_term(match *m, dn_term *term) {
    dn_build *b = m->b;
    if (term->kind == DN_TERM_HOST && term->host.type->kind == DN_HOST_TENSOR) {
        dn_node *node = dn_host_capture(b, *term, NULL, m->span);
        if (!node) return false;
        *term = dn_term_tensor(node);
    }
    switch (term->kind) {
        case DN_TERM_TENSOR:
            // A scalar may stand for every element, as a number may.
            if (term->node->type.rank == 0 && m->type->count > 0 && sizes_bound(b, m->type))
                return number_to_tensor(m, term);
            return match_tensor(m, &term->node->type);
        case DN_TERM_INT:
        case DN_TERM_FLOAT:
        case DN_TERM_BOOL:
        case DN_TERM_HOST: return number_to_tensor(m, term);
        default:
            dn_build_error(b, m->span, "%s should be a tensor %s, not %s", m->what,
                           dn_source_text(b, m->type->span), dn_describe(b, term));
            return false;
    }
}

// ---- static types
// -----------------------------------------------------------------------------------

static bool accepts(dn_build *b, const dn_type_expr *type, dn_term *term);

static bool accepts_list(dn_build *b, const dn_type_expr *type, dn_term *term) {
    if (term->kind != DN_TERM_LIST) return false;
    for (int i = 0; i < term->list.count; i++)
        if (!accepts(b, type->items[0], &term->list.items[i])) return false;
    return true;
}

static bool accepts_symbol(const dn_type_expr *type, const dn_term *term) {
    if (term->kind != DN_TERM_STRING) return false;
    for (int i = 0; i < type->count; i++)
        if (strcmp(type->symbols[i].text, term->string) == 0) return true;
    return false;
}

// A constant function, for a schedule that is a number.
static void make_schedule(dn_build *b, dn_term *term) {
    dn_function *f = DN_NEW(&b->c->arena, dn_function);
    *f = (dn_function){.name = "constant", .training = -1};
    f->constant = dn_arena_copy(&b->c->arena, term, sizeof *term);
    *term = (dn_term){.kind = DN_TERM_FUNCTION, .function = f};
}

static bool accepts_name(dn_build *b, const char *name, dn_term *term) {
    dn_term_kind kind = term->kind;
    if (strcmp(name, "any") == 0) return true;
    if (strcmp(name, "int") == 0) return kind == DN_TERM_INT;
    if (strcmp(name, "bool") == 0) return kind == DN_TERM_BOOL;
    if (strcmp(name, "string") == 0 || strcmp(name, "path") == 0) return kind == DN_TERM_STRING;
    if (strcmp(name, "dtype") == 0) return kind == DN_TERM_DTYPE;
    if (strcmp(name, "fn") == 0) return kind == DN_TERM_FUNCTION || kind == DN_TERM_MODEL;
    if (strcmp(name, "model") == 0) return kind == DN_TERM_MODEL;
    if (strcmp(name, "float") == 0) {
        if (kind == DN_TERM_INT && dn_dim_known(term->integer))
            *term = dn_term_float((double)term->integer);
        return kind == DN_TERM_FLOAT || kind == DN_TERM_INT;
    }
    if (strcmp(name, "schedule") == 0) {
        if (kind == DN_TERM_FUNCTION) return true;
        if (kind != DN_TERM_INT && kind != DN_TERM_FLOAT && kind != DN_TERM_TENSOR &&
            kind != DN_TERM_HOST)
            return false;
        make_schedule(b, term);
        return true;
    }
    return false;
}

static bool accepts(dn_build *b, const dn_type_expr *type, dn_term *term) {
    switch (type->kind) {
        case DN_TYPE_NAME: return accepts_name(b, type->name.text, term);
        case DN_TYPE_LIST: return accepts_list(b, type, term);
        case DN_TYPE_SYMBOL: return accepts_symbol(type, term);
        case DN_TYPE_UNION:
            for (int i = 0; i < type->count; i++)
                if (accepts(b, type->items[i], term)) return true;
            return false;
        default: return false;
    }
}

static bool match_record(dn_build *b, const dn_type_expr *type, dn_term *term, dn_span span,
                         const char *what) {
    if (term->kind != DN_TERM_RECORD) {
        dn_build_error(b, span, "%s should be a record %s, not %s", what,
                       dn_source_text(b, type->span), dn_describe(b, term));
        return false;
    }
    for (int i = 0; i < type->count; i++) {
        const char *name = type->fields[i].name.text;
        dn_term *field = (dn_term *)dn_term_field(term, name);
        if (!field) {
            dn_build_error(b, span, "%s should have a field `%s`; it is %s", what, name,
                           dn_describe(b, term));
            return false;
        }
        char *inner = dn_printf("`%s` in %s", name, what);
        bool ok = dn_match_type(b, type->fields[i].type, field, span, inner);
        free(inner);
        if (!ok) return false;
    }
    return true;
}

bool dn_match_type(dn_build *b, const dn_type_expr *type, dn_term *term, dn_span span,
                   const char *what) {
    if (dn_type_is_tensor(type)) {
        match m = {.b = b, .type = type, .span = span, .what = what};
        return match_tensor_term(&m, term);
    }
    if (type->kind == DN_TYPE_RECORD) return match_record(b, type, term, span, what);
    if (accepts(b, type, term)) return true;
    if (dn_has_host_value(term)) {
        dn_build_not_static(b, span, what);
    } else {
        dn_build_error(b, span, "%s should be %s, not %s", what, dn_source_text(b, type->span),
                       dn_describe(b, term));
    }
    return false;
}
