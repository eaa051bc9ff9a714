#include "frontend/term.h"

#include <string.h>

#include "frontend/host_type.h"

dn_term dn_term_dims(dn_arena *arena, int count, const dn_dim *dims) {
    dn_term list = {.kind = DN_TERM_LIST};
    list.list.items = DN_NEW_ARRAY(arena, dn_term, count);
    list.list.count = count;
    for (int i = 0; i < count; i++) list.list.items[i] = dn_term_int(dims[i]);
    return list;
}

const dn_term *dn_term_field(const dn_term *record, const char *name) {
    for (int i = 0; i < record->record.count; i++)
        if (strcmp(record->record.names[i], name) == 0) return &record->record.values[i];
    return NULL;
}

bool dn_term_number(const dn_term *term, double *out) {
    if (term->kind == DN_TERM_FLOAT) {
        *out = term->number;
        return true;
    }
    if (term->kind == DN_TERM_INT && dn_dim_known(term->integer)) {
        *out = (double)term->integer;
        return true;
    }
    return false;
}

static bool lists_equal(const dn_term *a, const dn_term *b) {
    if (a->list.count != b->list.count) return false;
    for (int i = 0; i < a->list.count; i++)
        if (!dn_term_equal(&a->list.items[i], &b->list.items[i])) return false;
    return true;
}

bool dn_term_equal(const dn_term *a, const dn_term *b) {
    double x, y;
    if (a->kind == DN_TERM_INT && b->kind == DN_TERM_INT) return a->integer == b->integer;
    if (dn_term_number(a, &x) && dn_term_number(b, &y)) return x == y;
    if (a->kind != b->kind) return false;
    switch (a->kind) {
        case DN_TERM_NONE: return true;
        case DN_TERM_BOOL: return a->boolean == b->boolean;
        case DN_TERM_STRING: return strcmp(a->string, b->string) == 0;
        case DN_TERM_DTYPE: return a->dtype == b->dtype;
        case DN_TERM_LIST: return lists_equal(a, b);
        case DN_TERM_TENSOR: return a->node == b->node;
        case DN_TERM_FUNCTION: return a->function == b->function;
        case DN_TERM_MODEL: return a->model == b->model;
        default: return false;
    }
}

const char *dn_term_kind_text(const dn_term *term) {
    switch (term->kind) {
        case DN_TERM_ERROR: return "an error";
        case DN_TERM_NONE: return "none";
        case DN_TERM_BOOL: return "a bool";
        case DN_TERM_INT: return "an integer";
        case DN_TERM_FLOAT: return "a float";
        case DN_TERM_STRING: return "a string";
        case DN_TERM_DTYPE: return "an element type";
        case DN_TERM_LIST: return "a list";
        case DN_TERM_RECORD: return "a record";
        case DN_TERM_TENSOR: return "a tensor";
        case DN_TERM_FUNCTION: return "a function";
        case DN_TERM_MODEL: return "a model";
        case DN_TERM_HOST: return "a value known only when the command runs";
    }
    return "?";
}

// 2.0, so that it does not look like an integer.
static void describe_float(double number, dn_str *out) {
    char text[32];
    snprintf(text, sizeof text, "%.10g", number);
    dn_str_printf(out, "%s%s", text, text[strspn(text, "-0123456789")] ? "" : ".0");
}

static void describe_list(const dn_dims *dims, const dn_term *term, dn_str *out) {
    dn_str_puts(out, "[");
    for (int i = 0; i < term->list.count; i++) {
        if (i) dn_str_puts(out, ", ");
        dn_term_describe(dims, &term->list.items[i], out);
    }
    dn_str_puts(out, "]");
}

static void describe_record(const dn_dims *dims, const dn_term *term, dn_str *out) {
    dn_str_puts(out, "{");
    for (int i = 0; i < term->record.count; i++) {
        dn_str_printf(out, "%s%s: ", i ? ", " : "", term->record.names[i]);
        dn_term_describe(dims, &term->record.values[i], out);
    }
    dn_str_puts(out, "}");
}

void dn_term_describe(const dn_dims *dims, const dn_term *term, dn_str *out) {
    switch (term->kind) {
        case DN_TERM_BOOL: dn_str_puts(out, term->boolean ? "true" : "false"); break;
        case DN_TERM_INT: dn_dim_print(dims, term->integer, out); break;
        case DN_TERM_FLOAT: describe_float(term->number, out); break;
        case DN_TERM_STRING: dn_str_printf(out, "\"%s\"", term->string); break;
        case DN_TERM_DTYPE: dn_str_puts(out, dn_dtype_name(term->dtype)); break;
        case DN_TERM_LIST: describe_list(dims, term, out); break;
        case DN_TERM_RECORD: describe_record(dims, term, out); break;
        case DN_TERM_TENSOR: dn_type_print(dims, &term->node->type, out); break;
        case DN_TERM_FUNCTION: dn_str_printf(out, "the function `%s`", term->function->name); break;
        case DN_TERM_MODEL: dn_str_printf(out, "the model `%s`", term->model->name); break;
        case DN_TERM_HOST: dn_host_type_print(term->host.type, out); break;
        case DN_TERM_NONE:
        case DN_TERM_ERROR: dn_str_puts(out, dn_term_kind_text(term)); break;
    }
}
