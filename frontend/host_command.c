// Commands as wholes, and steps checked by themselves.
#include <stdlib.h>
#include <string.h>

#include "frontend/host.h"

// ---- parameters
// --------------------------------------------------------------------------------------------

static bool flag_kind(const dn_type_expr *type, dn_flag_kind *kind, dn_host_kind *host) {
    static const struct {
        const char *name;
        dn_flag_kind kind;
        dn_host_kind host;
    } kinds[] = {
        {"bool", DN_FLAG_BOOL, DN_HOST_BOOL},    {"int", DN_FLAG_INT, DN_HOST_INT},
        {"float", DN_FLAG_FLOAT, DN_HOST_FLOAT}, {"string", DN_FLAG_STRING, DN_HOST_STRING},
        {"path", DN_FLAG_PATH, DN_HOST_STRING},
    };
    if (type->kind != DN_TYPE_NAME) return false;
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        if (strcmp(kinds[i].name, type->name.text) != 0) continue;
        *kind = kinds[i].kind;
        *host = kinds[i].host;
        return true;
    }
    return false;
}

static bool value_of(const dn_term *term, dn_flag_kind kind, dn_value *out) {
    double x;
    if (kind == DN_FLAG_FLOAT && dn_term_number(term, &x)) {
        *out = (dn_value){.kind = DN_VALUE_FLOAT, .number = x};
        return true;
    }
    switch (term->kind) {
        case DN_TERM_NONE: *out = (dn_value){.kind = DN_VALUE_NONE}; return true;
        case DN_TERM_BOOL:
            *out = (dn_value){.kind = DN_VALUE_BOOL, .boolean = term->boolean};
            return kind == DN_FLAG_BOOL;
        case DN_TERM_INT:
            *out = (dn_value){.kind = DN_VALUE_INT, .integer = term->integer};
            return kind == DN_FLAG_INT;
        case DN_TERM_STRING:
            if (kind != DN_FLAG_STRING && kind != DN_FLAG_PATH) return false;
            *out = dn_value_string(term->string, strlen(term->string));
            return true;
        default: return false;
    }
}

static bool compile_param(dn_host *h, const dn_param *p, dn_command_param *out) {
    dn_host_kind host = DN_HOST_ANY;
    *out = (dn_command_param){.name = p->name.text, .doc = p->doc, .required = !p->init};
    if (!p->type || !flag_kind(p->type, &out->kind, &host)) {
        dn_diag_error(&h->c->diags, p->type ? p->type->span : p->name.span,
                      "a command's parameter is a flag: bool, int, float, string or path");
        return false;
    }
    if (p->init) {
        dn_term term;
        if (!dn_host_static(h, p->init, p->type, &term) ||
            !value_of(&term, out->kind, &out->init)) {
            dn_diag_error(&h->c->diags, p->init->span,
                          "the default of `%s` should be of type %s, and known at compile time",
                          p->name.text, p->type->name.text);
            return false;
        }
    }
    dn_host_add_local(h, p->name.text, dn_host_simple(host), p->name.span);
    return true;
}

// ---- commands
// ----------------------------------------------------------------------------------------------

static const char **local_names(dn_host *h) {
    const char **names = DN_NEW_ARRAY(&h->c->arena, const char *, h->n_locals);
    for (int i = 0; i < h->n_locals; i++)
        names[i] = h->locals[i].out_of_scope ? NULL : h->locals[i].name;
    return names;
}

void dn_host_free(dn_host *h) {
    free(h->locals);
    free(h->captures);
}

int dn_host_add_command(dn_host *h, const char *doc, dn_command_param *params, int n_params) {
    dn_command command = {
        .name = h->name,
        .doc = doc,
        .params = params,
        .n_params = n_params,
        .n_locals = h->n_locals,
        .local_names = local_names(h),
        .code = h->code,
        .places = h->places,
        .n_code = h->n_code,
        .checkpoints = h->checkpoints,
    };
    DN_PUSH(h->c->commands, h->c->n_commands, h->c->cap_commands) = command;
    return h->c->n_commands - 1;
}

void dn_host_compile_command(dn_compiler *c, dn_def *def) {
    const dn_decl *decl = def->decl;
    if (def->state == DN_DEF_DONE) return;
    if (def->state == DN_DEF_BUSY) {
        dn_diag_error(&c->diags, decl->name.span, "the command `%s` calls itself", def->name);
        return;
    }
    def->state = DN_DEF_BUSY;
    int errors = c->diags.errors;
    dn_host h = {.c = c, .name = def->name, .span = decl->name.span};
    dn_command_param *params = DN_NEW_ARRAY(&c->arena, dn_command_param, decl->n_params);
    bool ok = true;
    for (int i = 0; i < decl->n_params; i++) ok &= compile_param(&h, &decl->params[i], &params[i]);
    const dn_host_type *type = ok ? dn_host_block(&h, decl->body, true) : NULL;
    dn_host_emit(&h, DN_VM_RETURN, 0, 0);
    if (ok) {
        bool falls_through = type->kind != DN_HOST_NONE || !h.result;
        def->result = h.result ? (falls_through ? dn_host_join(h.result, type) : h.result) : type;
        dn_host_check_type(&h, decl->result, def->result, decl->name.span, "what it gives");
    }
    if (ok && c->diags.errors == errors) {
        def->index = dn_host_add_command(&h, decl->doc, params, decl->n_params);
    } else {
        for (int i = 0; i < decl->n_params; i++) dn_value_release(params[i].init);
        free(h.code);
        free(h.places);
    }
    dn_host_free(&h);
    def->state = DN_DEF_DONE;
}

// ---- steps whose argument types are declared in full
// ---------------------------------------------------------

static bool is_constant(dn_compiler *c, const dn_expr *e) {
    switch (e->kind) {
        case DN_EXPR_INT: return true;
        case DN_EXPR_NAME: {
            dn_def *def = dn_compiler_find(c, e->name, false, false);
            return def && def->decl->kind == DN_DECL_CONST;
        }
        case DN_EXPR_UNARY: return is_constant(c, e->operation.left);
        case DN_EXPR_BINARY:
            return is_constant(c, e->operation.left) && is_constant(c, e->operation.right);
        default: return false;
    }
}

static const dn_host_type *declared_type(dn_build *b, const dn_type_expr *type);

static const dn_host_type *declared_record(dn_build *b, const dn_type_expr *type) {
    const char *names[DN_MAX_FIELDS];
    const dn_host_type *fields[DN_MAX_FIELDS];
    if (type->count > DN_MAX_FIELDS) return NULL;
    for (int i = 0; i < type->count; i++) {
        names[i] = type->fields[i].name.text;
        fields[i] = declared_type(b, type->fields[i].type);
        if (!fields[i]) return NULL;
    }
    return dn_host_record(&b->c->arena, type->count, names, fields);
}

static const dn_host_type *declared_type(dn_build *b, const dn_type_expr *type) {
    if (type->kind == DN_TYPE_RECORD) return declared_record(b, type);
    dn_flag_kind flag;
    dn_host_kind host;
    if (!dn_type_is_tensor(type))
        return flag_kind(type, &flag, &host) && host != DN_HOST_STRING ? dn_host_simple(host)
                                                                       : NULL;
    dn_dtype dtype;
    dn_type resolved;
    if (!dn_dtype_named(b->c, type->name.text, &dtype) && strcmp(type->name.text, "bool") != 0)
        return NULL;
    for (int i = 0; i < type->count; i++)
        if (type->dims[i].ellipsis || !is_constant(b->c, type->dims[i].size)) return NULL;
    return dn_resolve_type(b, type, &resolved) ? dn_host_tensor(&b->c->arena, &resolved) : NULL;
}

void dn_host_check_step(dn_compiler *c, dn_def *def) {
    const dn_decl *decl = def->decl;
    const dn_host_type *types[32];
    dn_build b;
    if (decl->n_params > 32) return;
    dn_build_init(&b, c, def->name, false);
    bool known = true;
    for (int i = 0; i < decl->n_params && known; i++) {
        types[i] = decl->params[i].type ? declared_type(&b, decl->params[i].type) : NULL;
        known = types[i] != NULL;
    }
    dn_graph_free(b.graph);
    dn_build_free(&b);
    if (known) dn_host_step_instance(c, def, types, NULL);
}
