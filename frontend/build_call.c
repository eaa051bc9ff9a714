// Calls: matching arguments to parameters, partial application, and running bodies.
#include <stdlib.h>
#include <string.h>

#include "frontend/build.h"

enum { MAX_DEPTH = 100 };

// ---- signatures -------------------------------------------------------------------------------

int dn_leading_tensors(const dn_decl *decl) {
    int n = 0;
    while (n < decl->n_params && decl->params[n].type && dn_type_is_tensor(decl->params[n].type))
        n++;
    return n == 0 && decl->n_params > 0 ? 1 : n;
}

dn_function *dn_function_of(dn_build *b, const dn_decl *decl, int left_out) {
    dn_arena *arena = &b->c->arena;
    dn_function *f = DN_NEW(arena, dn_function);
    *f = (dn_function){.name = decl->name.text, .decl = decl, .left_out = left_out, .training = -1};
    f->bound = DN_NEW_ARRAY(arena, dn_term, decl->n_params);
    f->is_bound = DN_NEW_ARRAY(arena, bool, decl->n_params);
    f->bound_spans = DN_NEW_ARRAY(arena, dn_span, decl->n_params);
    return f;
}

static void note_signature(dn_build *b, dn_diag *diag, const dn_decl *decl) {
    dn_str text = {0};
    for (int i = 0; i < decl->n_params; i++) {
        const dn_param *p = &decl->params[i];
        dn_str_printf(&text, "%s%s", i ? ", " : "", p->name.text);
        if (p->type) dn_str_printf(&text, ": %s", dn_source_text(b, p->type->span));
        if (p->init) dn_str_printf(&text, " = %s", dn_source_text(b, p->init->span));
    }
    dn_diag_note(&b->c->diags, diag, (dn_span){0}, "it is %s(%s)", decl->name.text,
                 text.text ? text.text : "");
    free(text.text);
}

static int find_param(const dn_decl *decl, const char *name) {
    for (int i = 0; i < decl->n_params; i++)
        if (strcmp(decl->params[i].name.text, name) == 0) return i;
    return -1;
}

static void report_unknown_argument(dn_build *b, const dn_decl *decl, const dn_name *name) {
    dn_diag *diag =
        dn_build_error(b, name->span, "`%s` has no parameter `%s`", decl->name.text, name->text);
    const char *names[64];
    int n = 0;
    for (int i = 0; i < decl->n_params && n < 64; i++) names[n++] = decl->params[i].name.text;
    dn_diag_did_you_mean(&b->c->diags, diag, name->text, names, n);
    note_signature(b, diag, decl);
}

// ---- matching -----------------------------------------------------------------------------------

static void start_call(dn_build *b, const dn_function *f, dn_span span, dn_call *call) {
    dn_arena *arena = &b->c->arena;
    int n = f->decl->n_params;
    *call = (dn_call){.name = f->name, .decl = f->decl, .span = span, .training = f->training};
    call->args = DN_NEW_ARRAY(arena, dn_term, n);
    call->spans = DN_NEW_ARRAY(arena, dn_span, n);
    call->given = DN_NEW_ARRAY(arena, bool, n);
    for (int i = 0; i < n; i++) {
        if (!f->is_bound[i]) continue;
        call->args[i] = f->bound[i];
        call->spans[i] = f->bound_spans[i];
        call->given[i] = true;
    }
}

// `training:` and `name:` are understood by every net.
static bool reserved_argument(dn_build *b, const dn_arg *arg, dn_call *call, bool *ok) {
    if (call->decl->kind != DN_DECL_NET || find_param(call->decl, arg->name.text) >= 0)
        return false;
    *ok = true;
    if (strcmp(arg->name.text, "training") == 0) {
        bool value;
        *ok = dn_eval_condition(b, arg->value, &value);
        if (*ok) call->training = value;
        return true;
    }
    if (strcmp(arg->name.text, "name") == 0) {
        dn_term value = dn_eval(b, arg->value);
        *ok = value.kind == DN_TERM_STRING;
        if (*ok) call->scope = value.string;
        if (!*ok && !dn_term_is_error(value))
            dn_build_error(b, arg->value->span, "a layer's name is a string");
        return true;
    }
    return false;
}

static bool set_argument(dn_build *b, const dn_arg *arg, int index, dn_call *call) {
    if (call->given[index]) {
        dn_build_error(b, arg->value->span, "`%s` is given twice",
                       call->decl->params[index].name.text);
        return false;
    }
    call->args[index] = dn_eval_as(b, arg->value, call->decl->params[index].type);
    call->spans[index] = arg->value->span;
    call->given[index] = true;
    return !dn_term_is_error(call->args[index]);
}

static bool add_rest(dn_build *b, const dn_arg *arg, int limit, dn_call *call) {
    if (!call->rest) call->rest = DN_NEW_ARRAY(&b->c->arena, dn_term, limit);
    dn_term term = dn_eval(b, arg->value);
    call->rest[call->n_rest++] = term;
    return !dn_term_is_error(term);
}

static bool match_positional(dn_build *b, const dn_arg *arg, int n_args, int *next, dn_call *call) {
    const dn_decl *decl = call->decl;
    while (*next < decl->n_params && call->given[*next]) (*next)++;
    if (*next < decl->n_params) return set_argument(b, arg, (*next)++, call);
    if (dn_builtin_is_variadic(decl)) return add_rest(b, arg, n_args, call);
    dn_diag *diag = dn_build_error(b, arg->value->span, "`%s` takes %d argument%s", decl->name.text,
                                   decl->n_params, decl->n_params == 1 ? "" : "s");
    note_signature(b, diag, decl);
    return false;
}

static bool match_named(dn_build *b, const dn_arg *arg, dn_call *call) {
    bool ok;
    if (reserved_argument(b, arg, call, &ok)) return ok;
    int index = find_param(call->decl, arg->name.text);
    if (index >= 0) return set_argument(b, arg, index, call);
    report_unknown_argument(b, call->decl, &arg->name);
    return false;
}

// All arguments are evaluated, also after one that is wrong, so that each is reported.
static bool match_arguments(dn_build *b, const dn_expr *expr, int first, dn_call *call) {
    bool ok = true;
    int next = first;
    for (int i = 0; i < expr->call.count; i++) {
        const dn_arg *arg = &expr->call.args[i];
        ok &= arg->name.text ? match_named(b, arg, call)
                             : match_positional(b, arg, expr->call.count, &next, call);
    }
    return ok;
}

static bool check_missing(dn_build *b, int first, const dn_call *call) {
    for (int i = first; i < call->decl->n_params; i++) {
        const dn_param *p = &call->decl->params[i];
        if (call->given[i] || p->init) continue;
        dn_diag *diag =
            dn_build_error(b, call->span, "`%s` needs `%s`", call->decl->name.text, p->name.text);
        note_signature(b, diag, call->decl);
        return false;
    }
    return true;
}

// ---- running a body -----------------------------------------------------------------------------

static const char *child_path(dn_build *b, dn_frame *parent, const char *name, const char *fixed) {
    if (!parent->path) return NULL;
    if (fixed) name = fixed;
    int count = 0;
    for (int i = 0; i < parent->n_children; i++)
        if (strcmp(parent->children[i].name, name) == 0) count = ++parent->children[i].count;
    if (fixed && count > 0)
        dn_build_error(b, b->graph->span, "two layers of `%s` are called \"%s\"", parent->name,
                       fixed);
    if (count == 0) {
        DN_PUSH(parent->children, parent->n_children, parent->cap_children).name = name;
        parent->children[parent->n_children - 1].count = count = 1;
    }
    return count == 1 ? dn_arena_printf(&b->c->arena, "%s.%s", parent->path, name)
                      : dn_arena_printf(&b->c->arena, "%s.%s_%d", parent->path, name, count);
}

static bool is_static_number(const dn_term *term) {
    return term->kind == DN_TERM_INT || term->kind == DN_TERM_FLOAT || term->kind == DN_TERM_BOOL;
}

// Host numbers wait for the sizes too.
static bool is_number(const dn_term *term) {
    return is_static_number(term) ||
           (term->kind == DN_TERM_HOST && dn_host_is_number(term->host.type));
}

static bool bind_param(dn_build *b, const dn_call *call, int i) {
    const dn_param *p = &call->decl->params[i];
    dn_term value = call->args[i];
    dn_span span = call->spans[i];
    if (!call->given[i]) {
        value = dn_eval_as(b, p->init, p->type);
        span = p->init->span;
    }
    if (dn_term_is_error(value)) return false;
    bool optional = p->init && p->init->kind == DN_EXPR_NAME && strcmp(p->init->name, "none") == 0;
    bool left_out = optional && value.kind == DN_TERM_NONE;
    // A step's numbers come from the command when it runs: they are scalar tensors by now.
    bool host_number = call->decl->kind == DN_DECL_STEP && p->type && !dn_type_is_tensor(p->type) &&
                       p->type->kind != DN_TYPE_RECORD;
    if (p->type && !left_out && !host_number) {
        char *what = dn_printf("`%s` of `%s`", p->name.text, call->name);
        bool ok = dn_match_type(b, p->type, &value, span, what);
        free(what);
        if (!ok) return false;
    }
    dn_frame_bind(b, p->name.text, value, span);
    return true;
}

// Numbers given for tensors are bound last: they take their shape from the others.
static bool bind_params(dn_build *b, const dn_call *call) {
    bool ok = true;
    for (int pass = 0; pass < 2; pass++) {
        for (int i = 0; i < call->decl->n_params && ok; i++) {
            const dn_type_expr *type = call->decl->params[i].type;
            bool late =
                call->given[i] && type && dn_type_is_tensor(type) && is_number(&call->args[i]);
            if (late == (pass == 1)) ok &= bind_param(b, call, i);
        }
    }
    return ok;
}

static dn_term finish_body(dn_build *b, const dn_call *call, dn_term value) {
    dn_frame *frame = b->frame;
    if (frame->returned) value = frame->result;
    if (dn_term_is_error(value) || !call->decl->result) return value;
    char *what = dn_printf("the result of `%s`", call->name);
    dn_span span = call->decl->result->span;
    const dn_block *body = call->decl->body;
    if (body->count) span = body->stmts[body->count - 1]->span;
    bool ok = dn_match_type(b, call->decl->result, &value, span, what);
    free(what);
    return ok ? value : dn_term_of(DN_TERM_ERROR);
}

dn_term dn_run_body(dn_build *b, const dn_call *call, const dn_frame *like) {
    if (b->depth >= MAX_DEPTH) {
        dn_build_error(b, call->span, "`%s` calls itself without end: calls are inlined, %d deep",
                       call->name, MAX_DEPTH);
        return dn_build_give_up(b);
    }
    dn_frame frame = *like;
    frame.caller = b->frame;
    frame.decl = call->decl;
    frame.name = call->name;
    frame.call = call->span;
    b->frame = &frame;
    b->depth++;
    dn_term value = dn_term_of(DN_TERM_ERROR);
    if (bind_params(b, call)) value = finish_body(b, call, dn_eval_block(b, call->decl->body));
    b->depth--;
    b->frame = frame.caller;
    free(frame.names);
    free(frame.children);
    return value;
}

static void mark_used(dn_build *b, const dn_decl *decl) {
    if (b->abstract) return;
    for (int i = 0; i < b->c->n_defs; i++)
        if (b->c->defs[i]->decl == decl) b->c->defs[i]->used = true;
}

static dn_term call_matched(dn_build *b, dn_call *call, const dn_model *model) {
    const dn_decl *decl = call->decl;
    if (decl->is_extern) return dn_call_builtin(b, call);
    mark_used(b, decl);
    dn_frame like = {0};
    bool training = b->frame && b->frame->training;
    like.training = call->training < 0 ? training : call->training;
    if (model) {
        like.path = model->name;
        like.owner = model->parent ? model->parent : model;
    } else if (decl->kind == DN_DECL_NET && b->frame) {
        like.path = child_path(b, b->frame, decl->name.text, call->scope);
        like.owner = b->frame->owner;
    }
    return dn_run_body(b, call, &like);
}

// ---- calls --------------------------------------------------------------------------------------

static dn_term call_op(dn_build *b, const dn_function *f, const dn_expr *expr) {
    dn_term args[3];
    int arity = dn_op_get(f->op)->arity;
    if (expr->call.count != arity)
        return dn_build_fail(b, expr->span, "`%s` takes %d argument%s, not %d", f->name, arity,
                             arity == 1 ? "" : "s", expr->call.count);
    for (int i = 0; i < arity; i++) {
        const dn_arg *arg = &expr->call.args[i];
        if (arg->name.text)
            return dn_build_fail(b, arg->name.span, "`%s` has no named parameters", f->name);
        args[i] = dn_eval(b, arg->value);
        if (dn_term_is_error(args[i])) return args[i];
    }
    int first_node = b->graph->n_nodes;
    dn_term value = dn_elementwise(b, f->op, args, arity, expr->span);
    if (b->network) dn_note_layer(b, f->name, NULL, NULL, value, first_node);
    return value;
}

static bool belongs_to_commands(const dn_decl *decl) {
    return decl->kind == DN_DECL_STEP || decl->kind == DN_DECL_COMMAND;
}

static dn_term call_function(dn_build *b, const dn_function *f, const dn_model *model,
                             const dn_expr *expr) {
    if (f->constant) return *f->constant;
    if (!f->decl) return call_op(b, f, expr);
    if (f->decl->kind == DN_DECL_OPTIMIZER)
        return dn_build_fail(
            b, expr->span, "an optimizer is used by `minimize loss over M with %s(...)`", f->name);
    if (belongs_to_commands(f->decl)) return dn_build_belongs_in_command(b, expr->span, f->name);
    dn_call call;
    start_call(b, f, expr->span, &call);
    if (!match_arguments(b, expr, 0, &call) || !check_missing(b, 0, &call))
        return dn_term_of(DN_TERM_ERROR);
    int first_node = b->graph->n_nodes;
    dn_term value = call_matched(b, &call, model);
    if (b->network) dn_note_layer(b, f->name, f->decl, call.scope, value, first_node);
    return value;
}

static dn_term eval_callee(dn_build *b, const dn_expr *callee) {
    return callee->kind == DN_EXPR_NAME ? dn_lookup_callable(b, callee->name, callee->span)
                                        : dn_eval(b, callee);
}

static bool is_host_call(dn_build *b, const dn_term *callee) {
    return b->host && callee->kind == DN_TERM_FUNCTION && callee->function->decl &&
           belongs_to_commands(callee->function->decl);
}

dn_term dn_eval_call(dn_build *b, const dn_expr *expr) {
    dn_term callee = eval_callee(b, expr->call.callee);
    if (dn_term_is_error(callee)) {
        for (int i = 0; i < expr->call.count; i++) dn_eval(b, expr->call.args[i].value);
        return callee;
    }
    if (is_host_call(b, &callee)) return dn_host_call(b, expr);
    if (callee.kind == DN_TERM_FUNCTION) return call_function(b, callee.function, NULL, expr);
    if (callee.kind == DN_TERM_MODEL)
        return call_function(b, callee.model->net, callee.model, expr);
    return dn_build_fail(b, expr->call.callee->span, "%s cannot be called",
                         dn_describe(b, &callee));
}

dn_term dn_eval_partial(dn_build *b, const dn_expr *expr) {
    bool called = expr->kind == DN_EXPR_CALL;
    const dn_expr *name = called ? expr->call.callee : expr;
    if (name->kind != DN_EXPR_NAME) return dn_eval(b, expr);
    dn_term callee = dn_lookup_callable(b, name->name, name->span);
    if (callee.kind != DN_TERM_FUNCTION || !callee.function->decl ||
        belongs_to_commands(callee.function->decl))
        return called && !dn_term_is_error(callee) ? dn_eval(b, expr) : callee;
    const dn_decl *decl = callee.function->decl;
    bool partial_already = callee.function->left_out > 0;
    if (!called && partial_already) return callee;
    int left_out = partial_already ? callee.function->left_out : dn_leading_tensors(decl);
    dn_function *f = dn_function_of(b, decl, left_out);
    f->training = callee.function->training;
    if (called) {
        dn_call call;
        start_call(b, callee.function, expr->span, &call);
        if (!match_arguments(b, expr, f->left_out, &call) || !check_missing(b, f->left_out, &call))
            return dn_term_of(DN_TERM_ERROR);
        f->training = call.training;
        for (int i = 0; i < decl->n_params; i++) {
            f->bound[i] = call.args[i];
            f->bound_spans[i] = call.spans[i];
            f->is_bound[i] = call.given[i];
        }
    }
    return (dn_term){.kind = DN_TERM_FUNCTION, .function = f};
}

dn_term dn_apply(dn_build *b, const dn_term *callee, const dn_term *args, int n_args,
                 dn_span span) {
    const dn_model *model = callee->kind == DN_TERM_MODEL ? callee->model : NULL;
    const dn_function *f = model ? model->net : callee->function;
    if (f->constant) return *f->constant;
    if (!f->decl) return dn_elementwise(b, f->op, args, n_args, span);
    dn_call call;
    start_call(b, f, span, &call);
    int next = 0;
    for (int i = 0; i < n_args; i++) {
        while (next < f->decl->n_params && call.given[next]) next++;
        if (next == f->decl->n_params)
            return dn_build_fail(b, span, "`%s` takes fewer than %d arguments", f->name, n_args);
        call.args[next] = args[i];
        call.spans[next] = span;
        call.given[next] = true;
    }
    if (!check_missing(b, 0, &call)) return dn_term_of(DN_TERM_ERROR);
    return call_matched(b, &call, model);
}
