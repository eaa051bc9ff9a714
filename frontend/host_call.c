// Calls in commands: host functions, steps and other commands. Calls of tensor code are thunks.
#include <stdlib.h>
#include <string.h>

#include "frontend/host.h"

static const dn_host_type *nothing(dn_host *h) {
    dn_host_emit(h, DN_VM_NONE, 0, 0);
    return dn_host_simple(DN_HOST_ERROR);
}

static bool belongs_to_commands(const dn_decl *decl) {
    return decl->kind == DN_DECL_STEP || decl->kind == DN_DECL_COMMAND;
}

bool dn_host_is_tensor_call(dn_host *h, const dn_expr *e) {
    const dn_expr *callee = e->call.callee;
    if (callee->kind != DN_EXPR_NAME || dn_host_find_local(h, callee->name) >= 0) return false;
    dn_def *def = dn_compiler_find(h->c, callee->name, true, false);
    if (def) return !belongs_to_commands(def->decl);
    dn_op op;
    return dn_op_from_name(callee->name, strlen(callee->name), &op) &&
           dn_op_get(op)->class == DN_CLASS_UNARY;
}

// ---- matching arguments
// ----------------------------------------------------------------------------------

static int find_param(const dn_decl *decl, const char *name) {
    for (int i = 0; i < decl->n_params; i++)
        if (strcmp(decl->params[i].name.text, name) == 0) return i;
    return -1;
}

static void note_params(dn_host *h, dn_diag *diag, const dn_decl *decl) {
    dn_str text = {0};
    for (int i = 0; i < decl->n_params; i++)
        dn_str_printf(&text, "%s%s%s", i ? ", " : "", decl->params[i].name.text,
                      decl->params[i].init ? "?" : "");
    dn_diag_note(&h->c->diags, diag, (dn_span){0}, "it is %s(%s)", decl->name.text,
                 text.text ? text.text : "");
    free(text.text);
}

static bool unknown_param(dn_host *h, const dn_decl *decl, const dn_arg *arg) {
    dn_diag *diag = dn_diag_error(&h->c->diags, arg->name.span, "`%s` has no parameter `%s`",
                                  decl->name.text, arg->name.text);
    const char *names[64];
    int n = 0;
    for (int i = 0; i < decl->n_params && n < 64; i++) names[n++] = decl->params[i].name.text;
    dn_diag_did_you_mean(&h->c->diags, diag, arg->name.text, names, n);
    note_params(h, diag, decl);
    return false;
}

static bool too_many(dn_host *h, const dn_decl *decl, const dn_arg *arg) {
    dn_diag *diag = dn_diag_error(&h->c->diags, arg->value->span, "`%s` takes %d argument%s",
                                  decl->name.text, decl->n_params, decl->n_params == 1 ? "" : "s");
    note_params(h, diag, decl);
    return false;
}

// given[i]: the argument for parameter i, or NULL.
static bool match(dn_host *h, const dn_decl *decl, const dn_expr *e, const dn_expr **given) {
    bool ok = true;
    int next = 0;
    for (int i = 0; i < e->call.count; i++) {
        const dn_arg *arg = &e->call.args[i];
        int at = arg->name.text ? find_param(decl, arg->name.text) : next;
        if (arg->name.text && at < 0) {
            ok = unknown_param(h, decl, arg);
            continue;
        }
        if (at >= decl->n_params) {
            ok = too_many(h, decl, arg);
            continue;
        }
        if (given[at]) {
            dn_diag_error(&h->c->diags, arg->value->span, "`%s` is given twice",
                          decl->params[at].name.text);
            ok = false;
        }
        given[at] = arg->value;
        while (next < decl->n_params && given[next]) next++;
    }
    for (int i = 0; i < decl->n_params && ok; i++) {
        if (given[i] || decl->params[i].init) continue;
        dn_diag *diag = dn_diag_error(&h->c->diags, e->span, "`%s` needs `%s`", decl->name.text,
                                      decl->params[i].name.text);
        note_params(h, diag, decl);
        ok = false;
    }
    return ok;
}

// ---- checking argument types
// -------------------------------------------------------------------------------

static bool accepts_kind(const char *name, const dn_host_type *t) {
    if (strcmp(name, "any") == 0) return true;
    if (strcmp(name, "int") == 0) return t->kind == DN_HOST_INT;
    if (strcmp(name, "float") == 0) return dn_host_is_number(t);
    if (strcmp(name, "bool") == 0)
        return t->kind == DN_HOST_BOOL || (t->kind == DN_HOST_TENSOR && t->tensor.dtype == DN_BOOL);
    if (strcmp(name, "string") == 0 || strcmp(name, "path") == 0) return t->kind == DN_HOST_STRING;
    if (strcmp(name, "dataset") == 0) return t->kind == DN_HOST_DATASET;
    return false;
}

// Of a tensor type the axes are counted; its sizes are checked where tensor code uses the value.
static bool accepts_tensor(const dn_type_expr *type, const dn_host_type *t) {
    if (type->count == 0) return dn_host_is_number(t);
    if (t->kind != DN_HOST_TENSOR || t->open) return t->kind == DN_HOST_TENSOR;
    for (int i = 0; i < type->count; i++)
        if (type->dims[i].ellipsis) return t->tensor.rank >= type->count - 1;
    return t->tensor.rank == type->count;
}

static bool accepts_record(const dn_type_expr *type, const dn_host_type *t) {
    if (t->kind != DN_HOST_RECORD) return false;
    for (int i = 0; i < type->count; i++) {
        const dn_host_type *field = dn_host_field(t, type->fields[i].name.text);
        if (!field || !dn_host_accepts(type->fields[i].type, field)) return false;
    }
    return true;
}

bool dn_host_accepts(const dn_type_expr *type, const dn_host_type *t) {
    if (t->kind == DN_HOST_ANY || t->kind == DN_HOST_ERROR) return true;
    if (dn_type_is_tensor(type)) return accepts_tensor(type, t);
    switch (type->kind) {
        case DN_TYPE_NAME: return accepts_kind(type->name.text, t);
        case DN_TYPE_LIST:
            return t->kind == DN_HOST_LIST &&
                   (t->element->kind == DN_HOST_ANY || dn_host_accepts(type->items[0], t->element));
        case DN_TYPE_SYMBOL: return t->kind == DN_HOST_STRING;
        case DN_TYPE_UNION:
            for (int i = 0; i < type->count; i++)
                if (dn_host_accepts(type->items[i], t)) return true;
            return false;
        case DN_TYPE_RECORD: return accepts_record(type, t);
        default: return false;
    }
}

static void check_argument(dn_host *h, const dn_decl *decl, int i, const dn_expr *arg,
                           const dn_host_type *t) {
    const dn_param *p = &decl->params[i];
    bool absent = t->kind == DN_HOST_NONE && p->init && p->init->kind == DN_EXPR_NAME &&
                  strcmp(p->init->name, "none") == 0;
    if (!p->type || absent || dn_host_accepts(p->type, t)) return;
    size_t length;
    const char *wanted = dn_sources_text(&h->c->sources, p->type->span, &length);
    dn_diag *diag =
        dn_diag_error(&h->c->diags, arg->span, "`%s` of `%s` should be %.*s, not %s", p->name.text,
                      decl->name.text, (int)length, wanted, dn_host_describe(h, t));
    if (t->kind == DN_HOST_NONE) dn_diag_hint(&h->c->diags, diag, "this gives no value");
}

// ---- the three kinds of calls
// ---------------------------------------------------------------------------------

static const dn_host_type *emit_argument(dn_host *h, const dn_decl *decl, int i, const dn_expr *arg,
                                         dn_term *term) {
    const dn_param *p = &decl->params[i];
    const dn_expr *expr = arg ? arg : p->init;
    const dn_host_type *type;
    *term = dn_term_of(DN_TERM_ERROR);
    if (dn_host_static(h, expr, p->type, term)) {
        if (dn_term_is_error(*term)) return nothing(h);
        if (dn_host_emit_term(h, term, &type)) return type;
    }
    *term = dn_term_of(DN_TERM_ERROR);
    return dn_host_expr(h, expr);
}

static const dn_host_type *call_builtin(dn_host *h, const dn_decl *decl, const dn_expr *e,
                                        const dn_expr *const *given) {
    const char *name = decl->name.text;
    const dn_host_type *types[32];
    dn_term terms[32];
    int errors = h->c->diags.errors;
    for (int i = 0; i < decl->n_params; i++) {
        types[i] = emit_argument(h, decl, i, given[i], &terms[i]);
        if (given[i]) check_argument(h, decl, i, given[i], types[i]);
    }
    int builtin = dn_builtin_find(name);
    DN_ASSERT(builtin >= 0, "%s is declared in host.dnet and not implemented", name);
    h->span = e->span;
    dn_host_emit(h, DN_VM_CALL_HOST, builtin, decl->n_params);
    if (strcmp(name, "checkpoint") == 0) h->checkpoints = true;
    if (h->c->diags.errors > errors) return dn_host_simple(DN_HOST_ERROR);
    return dn_host_builtin_type(h, name, e, terms, types);
}

static const dn_host_type *call_command(dn_host *h, dn_def *def, const dn_expr *e,
                                        const dn_expr *const *given) {
    const dn_decl *decl = def->decl;
    dn_host_compile_command(h->c, def);
    if (def->index < 0) return nothing(h);
    for (int i = 0; i < decl->n_params; i++) {
        dn_term term;
        const dn_host_type *type = emit_argument(h, decl, i, given[i], &term);
        if (given[i]) check_argument(h, decl, i, given[i], type);
    }
    h->span = e->span;
    dn_host_emit(h, DN_VM_CALL_COMMAND, def->index, decl->n_params);
    h->checkpoints |= h->c->commands[def->index].checkpoints;
    return def->result ? def->result : dn_host_simple(DN_HOST_ANY);
}

static bool same_type(const dn_host_type *a, const dn_host_type *b) {
    if (a->kind != b->kind) return false;
    if (a->kind == DN_HOST_TENSOR)
        return !a->open && !b->open && dn_type_equal(&a->tensor, &b->tensor);
    if (a->kind != DN_HOST_RECORD) return true;
    if (a->count != b->count) return false;
    for (int i = 0; i < a->count; i++)
        if (strcmp(a->names[i], b->names[i]) != 0 || !same_type(a->fields[i], b->fields[i]))
            return false;
    return true;
}

// The step's entry for these argument types, built if there is none yet.
int dn_host_step_instance(dn_compiler *c, dn_def *def, const dn_host_type *const *types,
                          const dn_span *spans) {
    int n = def->decl->n_params, others = 0;
    for (int i = 0; i < c->n_instances; i++) {
        if (c->instances[i].def != def) continue;
        bool same = true;
        for (int k = 0; k < n; k++) same &= same_type(c->instances[i].types[k], types[k]);
        if (same) return c->instances[i].entry;
        others++;
    }
    const char *name =
        others == 0 ? def->name : dn_arena_printf(&c->arena, "%s#%d", def->name, others + 1);
    int entry = dn_build_step(c, def, types, spans, name);
    dn_instance instance = {.def = def, .entry = entry};
    instance.types = dn_arena_copy(&c->arena, types, (size_t)n * sizeof *types);
    DN_PUSH(c->instances, c->n_instances, c->cap_instances) = instance;
    return entry;
}

static bool is_step_argument(const dn_host_type *t) {
    if (t->kind == DN_HOST_TENSOR) return !t->open;
    if (t->kind != DN_HOST_RECORD)
        return t->kind == DN_HOST_INT || t->kind == DN_HOST_FLOAT || t->kind == DN_HOST_BOOL;
    for (int i = 0; i < t->count; i++)
        if (!is_step_argument(t->fields[i])) return false;
    return true;
}

// Pushes the leaves of a record one by one: graphs take tensors. Returns how many.
static int emit_leaves(dn_host *h, int local, const dn_host_type *type, const char *const *path,
                       int depth) {
    if (type->kind != DN_HOST_RECORD) {
        dn_host_emit(h, DN_VM_LOAD, local, 0);
        for (int i = 0; i < depth; i++)
            dn_host_emit(h, DN_VM_FIELD,
                         dn_host_constant(h->c, dn_value_string(path[i], strlen(path[i]))), 0);
        return 1;
    }
    const char *longer[16];
    int count = 0;
    for (int i = 0; i < depth; i++) longer[i] = path[i];
    for (int i = 0; i < type->count && depth < 15; i++) {
        longer[depth] = type->names[i];
        count += emit_leaves(h, local, type->fields[i], longer, depth + 1);
    }
    return count;
}

static int emit_step_argument(dn_host *h, const dn_host_type *type) {
    if (type->kind != DN_HOST_RECORD) return 1;
    int local = dn_host_add_local(h, NULL, type, h->span);
    dn_host_emit(h, DN_VM_STORE, local, 0);
    return emit_leaves(h, local, type, NULL, 0);
}

static const dn_host_type *call_step(dn_host *h, dn_def *def, const dn_expr *e,
                                     const dn_expr *const *given) {
    const dn_decl *decl = def->decl;
    const dn_host_type *types[32];
    dn_span spans[32];
    int count = 0;
    bool ok = true;
    for (int i = 0; i < decl->n_params; i++) {
        dn_term term;
        types[i] = emit_argument(h, decl, i, given[i], &term);
        spans[i] = given[i] ? given[i]->span : e->span;
        count += emit_step_argument(h, types[i]);
        if (types[i]->kind == DN_HOST_ERROR) ok = false;
        if (!ok || is_step_argument(types[i])) continue;
        dn_diag *diag =
            dn_diag_error(&h->c->diags, spans[i], "`%s` of the step `%s` cannot be %s",
                          decl->params[i].name.text, def->name, dn_host_describe(h, types[i]));
        dn_diag_hint(
            &h->c->diags, diag,
            "a step is compiled for exact shapes: its arguments are tensors of known shape, "
            "numbers, or records of them");
        ok = false;
    }
    int entry = ok ? dn_host_step_instance(h->c, def, types, spans) : -1;
    h->span = e->span;
    dn_host_emit(h, DN_VM_CALL_ENTRY, entry < 0 ? 0 : entry, count);
    return entry < 0 ? dn_host_simple(DN_HOST_ERROR) : dn_entry_type(h->c, entry);
}

static const dn_host_type *unknown_function(dn_host *h, const dn_expr *callee) {
    if (callee->kind != DN_EXPR_NAME) {
        const dn_host_type *base =
            callee->kind == DN_EXPR_FIELD ? NULL : dn_host_type_of(h, callee);
        if (callee->kind == DN_EXPR_FIELD && callee->field.base->kind == DN_EXPR_NAME) {
            const char *name = callee->field.base->name;
            dn_def *def = dn_compiler_find(h->c, name, false, false);
            dn_diag *diag = dn_diag_error(&h->c->diags, callee->field.name.span,
                                          "`%s` has no field `%s`", name, callee->field.name.text);
            if (def && def->decl->kind == DN_DECL_MODEL)
                dn_diag_hint(&h->c->diags, diag,
                             "a model is called, `%s(x)`, or trained, `minimize loss over %s with "
                             "adam(lr: 1e-4)`; losses are functions such as bce_with_logits",
                             name, name);
        } else {
            dn_diag_error(&h->c->diags, callee->span, "%s cannot be called",
                          base ? dn_host_describe(h, base) : "this");
        }
        return nothing(h);
    }
    int local = dn_host_find_local(h, callee->name);
    if (local >= 0) {
        if (h->locals[local].type->kind != DN_HOST_ERROR)
            dn_diag_error(&h->c->diags, callee->span, "`%s` is %s, and cannot be called",
                          callee->name, dn_host_describe(h, h->locals[local].type));
        return nothing(h);
    }
    dn_diag *diag =
        dn_diag_error(&h->c->diags, callee->span, "there is no function called `%s`", callee->name);
    dn_compiler_suggest(h->c, diag, callee->name, NULL, 0);
    return nothing(h);
}

const dn_host_type *dn_host_call_expr(dn_host *h, const dn_expr *e) {
    const dn_expr *callee = e->call.callee;
    dn_def *def =
        callee->kind == DN_EXPR_NAME ? dn_compiler_find(h->c, callee->name, true, false) : NULL;
    if (!def || !belongs_to_commands(def->decl)) {
        const dn_host_type *type = unknown_function(h, callee);
        for (int i = 0; i < e->call.count; i++) dn_host_type_of(h, e->call.args[i].value);
        return type;
    }
    const dn_expr *given[32] = {0};
    if (def->decl->n_params > 32) return nothing(h);
    if (!match(h, def->decl, e, given)) return nothing(h);
    if (def->decl->kind == DN_DECL_STEP) return call_step(h, def, e, given);
    return def->decl->is_extern ? call_builtin(h, def->decl, e, given)
                                : call_command(h, def, e, given);
}
