// Exported functions: entries of the program, which a library has as functions of C.
#include <ctype.h>
#include <string.h>

#include "frontend/build.h"

// Functions that every library has.
static const char *const taken[] = {
    "new", "new_on", "new_from_memory", "new_from_memory_on", "free", "version", "seed"};

bool dn_check_export(dn_compiler *c, const dn_decl *decl) {
    dn_diag *diag;
    if (decl->kind != DN_DECL_FN && decl->kind != DN_DECL_NET) {
        diag = dn_diag_error(&c->diags, decl->name.span, "only a `fn` or `net` can be exported");
        dn_diag_hint(&c->diags, diag, "a library computes; what trains and has flags is a program");
        return false;
    }
    for (size_t i = 0; i < sizeof taken / sizeof *taken; i++) {
        if (strcmp(decl->name.text, taken[i]) != 0) continue;
        dn_diag_error(&c->diags, decl->name.span,
                      "`%s` cannot be exported: every library has a function of that name",
                      taken[i]);
        return false;
    }
    return true;
}

// ---- arguments ----

// What is exported, and where its inputs go.
typedef struct exported {
    dn_build *b;
    const dn_decl *decl;
} exported;

static bool is_known(dn_build *b, const char *name) {
    dn_def *def = dn_build_find(b, name, false);
    return def && def->decl->kind == DN_DECL_CONST;
}

// `what`: "the type of ", or nothing where a size or a type itself is at `span`.
static dn_term unknown(exported *e, const char *what, dn_span span) {
    dn_diag *diag = dn_build_error(e->b, span, "`%s` is exported, and %s`%s` is not known",
                                   e->decl->name.text, what, dn_source_text(e->b, span));
    dn_diag_hint(&e->b->c->diags, diag,
                 "a library is compiled for exact types: write them as numbers or consts, such as "
                 "f32[16, 100]");
    return dn_term_of(DN_TERM_ERROR);
}

static dn_term tensor_input(exported *e, const char *name, const dn_type_expr *declared) {
    dn_type type;
    if (isupper((unsigned char)declared->name.text[0])) return unknown(e, "", declared->name.span);
    for (int i = 0; i < declared->count; i++) {
        const dn_dim_expr *dim = &declared->dims[i];
        if (dim->ellipsis) return unknown(e, "", dim->name.text ? dim->name.span : declared->span);
        if (dim->size->kind == DN_EXPR_NAME && !is_known(e->b, dim->size->name))
            return unknown(e, "", dim->size->span);
    }
    if (!dn_resolve_type(e->b, declared, &type)) return dn_term_of(DN_TERM_ERROR);
    return dn_term_tensor(dn_graph_input(e->b->graph, name, type));
}

static dn_term input_of(exported *e, const char *name, const dn_type_expr *type);

static dn_term record_input(exported *e, const char *name, const dn_type_expr *type) {
    dn_arena *arena = &e->b->c->arena;
    dn_term record = {.kind = DN_TERM_RECORD};
    const char **names = DN_NEW_ARRAY(arena, const char *, type->count);
    record.record.count = type->count;
    record.record.names = names;
    record.record.values = DN_NEW_ARRAY(arena, dn_term, type->count);
    for (int i = 0; i < type->count; i++) {
        names[i] = type->fields[i].name.text;
        record.record.values[i] =
            input_of(e, dn_arena_printf(arena, "%s.%s", name, names[i]), type->fields[i].type);
        if (dn_term_is_error(record.record.values[i])) return record.record.values[i];
    }
    return record;
}

static dn_term input_of(exported *e, const char *name, const dn_type_expr *type) {
    if (dn_type_is_tensor(type)) return tensor_input(e, name, type);
    if (type->kind == DN_TYPE_RECORD) return record_input(e, name, type);
    dn_diag *diag = dn_build_error(e->b, type->span, "`%s` is exported, and `%s` is not a tensor",
                                   e->decl->name.text, name);
    dn_diag_hint(&e->b->c->diags, diag,
                 "its parameters are tensors and records of tensors; give others a default, which "
                 "is then used");
    return dn_term_of(DN_TERM_ERROR);
}

// Settings have their defaults. False after reporting.
static bool argument_of(exported *e, const dn_param *p, dn_term *out, bool *given) {
    *given = p->type && (dn_type_is_tensor(p->type) || p->type->kind == DN_TYPE_RECORD);
    if (!*given && p->init) return true;
    if (!p->type) return !dn_term_is_error(*out = unknown(e, "the type of ", p->name.span));
    *given = true;
    *out = input_of(e, p->name.text, p->type);
    return !dn_term_is_error(*out);
}

static bool arguments_of(exported *e, dn_call *call) {
    dn_arena *arena = &e->b->c->arena;
    call->args = DN_NEW_ARRAY(arena, dn_term, e->decl->n_params);
    call->spans = DN_NEW_ARRAY(arena, dn_span, e->decl->n_params);
    call->given = DN_NEW_ARRAY(arena, bool, e->decl->n_params);
    for (int i = 0; i < e->decl->n_params; i++) {
        call->spans[i] = e->decl->params[i].name.span;
        if (!argument_of(e, &e->decl->params[i], &call->args[i], &call->given[i])) return false;
    }
    return true;
}

// ---- the entry ----

static bool gives_tensors(exported *e, const dn_term *result) {
    if (dn_term_is_error(*result)) return false;
    if (result->kind == DN_TERM_TENSOR || (result->kind == DN_TERM_RECORD && result->record.count))
        return true;
    dn_build_error(e->b, e->decl->name.span,
                   "`%s` is exported, and has to give a tensor or a record of tensors, not %s",
                   e->decl->name.text, dn_describe(e->b, result));
    return false;
}

void dn_build_export(dn_compiler *c, dn_def *def) {
    dn_build b;
    dn_build_init(&b, c, def->decl->name.text, false);
    exported e = {.b = &b, .decl = def->decl};
    dn_call call = {.name = def->decl->name.text, .decl = def->decl, .training = -1};
    dn_frame like = {0};
    dn_term result = dn_term_of(DN_TERM_ERROR);
    def->used = true;
    if (arguments_of(&e, &call)) result = dn_run_body(&b, &call, &like);
    if (!gives_tensors(&e, &result) || c->diags.errors > 0) {
        dn_graph_free(b.graph);
    } else {
        int entry = dn_finish_entry(&b, result, def->decl->name.span, false, false);
        if (entry >= 0) c->units[entry].exported = def->decl;
    }
    dn_build_free(&b);
}
