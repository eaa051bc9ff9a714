#include <stdlib.h>
#include <string.h>

#include "frontend/host.h"

int dn_host_emit(dn_host *h, dn_opcode op, int a, int b) {
    DN_PUSH(h->code, h->n_code, h->cap_code) =
        (dn_instruction){.op = (uint16_t)op, .b = (uint16_t)b, .a = a};
    if (h->cap_places < h->cap_code) {
        h->cap_places = h->cap_code;
        h->places = dn_xrealloc(h->places, (size_t)h->cap_places * sizeof *h->places);
    }
    h->places[h->n_code - 1] = dn_compiler_location(h->c, h->span);
    return h->n_code - 1;
}

void dn_host_patch(dn_host *h, int jump) { h->code[jump].a = h->n_code; }

int dn_host_add_local(dn_host *h, const char *name, const dn_host_type *type, dn_span span) {
    DN_PUSH(h->locals, h->n_locals, h->cap_locals) =
        (dn_host_local){.name = name, .type = type, .span = span};
    return h->n_locals - 1;
}

int dn_host_find_local(const dn_host *h, const char *name) {
    for (int i = h->n_locals - 1; i >= 0; i--) {
        const dn_host_local *local = &h->locals[i];
        if (local->name && !local->out_of_scope && strcmp(local->name, name) == 0) return i;
    }
    return -1;
}

static bool same_constant(const dn_value *a, const dn_value *b) {
    if (a->kind != b->kind) return false;
    switch (a->kind) {
        case DN_VALUE_BOOL: return a->boolean == b->boolean;
        case DN_VALUE_INT: return a->integer == b->integer;
        case DN_VALUE_FLOAT: return memcmp(&a->number, &b->number, sizeof a->number) == 0;
        case DN_VALUE_STRING:
            return a->string->length == b->string->length &&
                   memcmp(a->string->text, b->string->text, a->string->length) == 0;
        default: return false;
    }
}

int dn_host_constant(dn_compiler *c, dn_value value) {
    for (int i = 0; i < c->n_constants; i++) {
        if (!same_constant(&c->constants[i], &value)) continue;
        dn_value_release(value);
        return i;
    }
    DN_PUSH(c->constants, c->n_constants, c->cap_constants) = value;
    return c->n_constants - 1;
}

void dn_host_emit_string(dn_host *h, const char *text) {
    dn_host_emit(h, DN_VM_CONST, dn_host_constant(h->c, dn_value_string(text, strlen(text))), 0);
}

const char *dn_host_describe(dn_host *h, const dn_host_type *type) {
    dn_str text = {0};
    dn_host_type_print(type, &text);
    const char *copy = dn_arena_strdup(&h->c->arena, text.text);
    free(text.text);
    return copy;
}

void dn_host_hint_loop(dn_compiler *c, dn_diag *diag, const dn_host_type *type) {
    if (type->kind != DN_HOST_DATASET || !type->element || type->element->kind != DN_HOST_RECORD)
        return;
    const dn_host_type *fields = type->element;
    dn_str names = {0};
    for (int i = 0; i < fields->count; i++)
        dn_str_printf(&names, "%s%s", i ? ", " : "", fields->names[i]);
    bool several = fields->count > 1;
    dn_diag_hint(&c->diags, diag,
                 "a loop goes through a dataset: for %s%s%s in data |> take(1) { ... }",
                 several ? "{" : "", names.text, several ? "}" : "");
    free(names.text);
}

static const dn_host_type *emit_constant(dn_host *h, dn_value value, dn_host_kind kind) {
    dn_host_emit(h, DN_VM_CONST, dn_host_constant(h->c, value), 0);
    return dn_host_simple(kind);
}

static bool emit_list(dn_host *h, const dn_term *term, const dn_host_type **type) {
    const dn_host_type *element = dn_host_simple(DN_HOST_ANY);
    for (int i = 0; i < term->list.count; i++) {
        const dn_host_type *t;
        if (!dn_host_emit_term(h, &term->list.items[i], &t)) return false;
        element = i ? dn_host_join(element, t) : t;
    }
    dn_host_emit(h, DN_VM_LIST, term->list.count, 0);
    *type = dn_host_container(&h->c->arena, DN_HOST_LIST, element);
    return true;
}

bool dn_host_emit_term(dn_host *h, const dn_term *term, const dn_host_type **type) {
    int start = h->n_code;
    switch (term->kind) {
        case DN_TERM_NONE:
            dn_host_emit(h, DN_VM_NONE, 0, 0);
            *type = dn_host_simple(DN_HOST_NONE);
            return true;
        case DN_TERM_BOOL:
            *type = emit_constant(h, (dn_value){.kind = DN_VALUE_BOOL, .boolean = term->boolean},
                                  DN_HOST_BOOL);
            return true;
        case DN_TERM_INT:
            *type = emit_constant(h, (dn_value){.kind = DN_VALUE_INT, .integer = term->integer},
                                  DN_HOST_INT);
            return true;
        case DN_TERM_FLOAT:
            *type = emit_constant(h, (dn_value){.kind = DN_VALUE_FLOAT, .number = term->number},
                                  DN_HOST_FLOAT);
            return true;
        case DN_TERM_STRING:
            *type = emit_constant(h, dn_value_string(term->string, strlen(term->string)),
                                  DN_HOST_STRING);
            return true;
        case DN_TERM_LIST:
            if (emit_list(h, term, type)) return true;
            h->n_code = start;
            return false;
        default: return false;
    }
}

void dn_host_free_commands(dn_compiler *c) {
    for (int i = 0; i < c->n_commands; i++) {
        for (int k = 0; k < c->commands[i].n_params; k++)
            dn_value_release(c->commands[i].params[k].init);
        free((void *)c->commands[i].code);
        free((void *)c->commands[i].places);
    }
}
