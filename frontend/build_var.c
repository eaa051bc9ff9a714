// Variables: parameters and running state of nets, slots of optimizers, and their versions in a
// graph.
#include <stdlib.h>
#include <string.h>

#include "frontend/build.h"
#include "frontend/prompt.h"

static const dn_type_expr function_type = {.kind = DN_TYPE_NAME, .name = {.text = "fn"}};

static dn_var *find_var(const dn_compiler *c, const char *name) {
    for (int i = 0; i < c->n_vars; i++)
        if (strcmp(c->vars[i]->name, name) == 0) return c->vars[i];
    return NULL;
}

// ---- first values
// ---------------------------------------------------------------------------------

// Arguments of an initializer are settings: tensors of this graph do not exist in the other.
static bool check_init(dn_build *b, const dn_term *init, dn_span span) {
    if (init->kind != DN_TERM_FUNCTION || !init->function->decl) return true;
    const dn_function *f = init->function;
    for (int i = 0; i < f->decl->n_params; i++) {
        if (!f->is_bound[i]) continue;
        if (f->bound[i].kind != DN_TERM_TENSOR && f->bound[i].kind != DN_TERM_HOST) continue;
        dn_build_error(b, span, "a first value cannot depend on a tensor: `%s` of `%s` is one",
                       f->decl->params[i].name.text, f->name);
        return false;
    }
    return true;
}

static dn_node *cast_node(dn_build *b, dn_node *x, dn_dtype dtype, dn_span span) {
    dn_type type = x->type;
    type.dtype = dtype;
    return dn_op_node(b, DN_OP_CAST, &x, 1, NULL, 0, &type, span);
}

static dn_node *init_node(dn_build *b, const dn_var *var, const dn_term *init) {
    if (init->kind != DN_TERM_FUNCTION) {
        dn_node like = {.type = var->type};
        return dn_to_node(b, *init, &like, var->span);
    }
    dn_term dims = dn_term_dims(&b->c->arena, var->type.rank, var->type.dims);
    dn_term value = dn_apply(b, init, &dims, 1, var->span);
    if (dn_term_is_error(value)) return NULL;
    dn_node like = {.type = dn_type_scalar(var->type.dtype)};
    dn_node *node = dn_to_node(b, value, &like, var->span);
    if (node && node->type.dtype != var->type.dtype)
        node = cast_node(b, node, var->type.dtype, var->span);
    if (node && node->type.rank == 0)
        node = dn_broadcast_node(b, node, var->type.rank, var->type.dims, var->span);
    if (node && !dn_type_equal(&node->type, &var->type)) {
        dn_term given = dn_term_tensor(node), wanted = {.kind = DN_TERM_TENSOR};
        dn_node like_var = {.type = var->type};
        wanted.node = &like_var;
        dn_build_error(b, var->span, "the first value of `%s` should be %s, not %s", var->name,
                       dn_describe(b, &wanted), dn_describe(b, &given));
        return NULL;
    }
    return node;
}

// The entry that makes a variable's first value; -1 after reporting.
static int build_init(dn_compiler *c, const dn_var *var, const dn_term *init) {
    dn_build b;
    dn_build_init(&b, c, dn_arena_printf(&c->arena, "init %s", var->name), false);
    dn_frame frame = {.name = "init"};
    b.frame = &frame;
    b.graph->span = var->span;
    dn_node *node = init_node(&b, var, init);
    int entry = -1;
    if (node) {
        entry = dn_finish_entry(&b, dn_term_tensor(node), var->span, false, true);
    } else {
        dn_graph_free(b.graph);
    }
    free(frame.names);
    dn_build_free(&b);
    return entry;
}

// ---- variables and versions
// -------------------------------------------------------------------------

dn_version_chain *dn_chain_of(dn_build *b, const dn_var *var) {
    for (int i = 0; i < b->n_chains; i++)
        if (b->chains[i].var == var) return &b->chains[i];
    return NULL;
}

void dn_chain_push(dn_version_chain *chain, dn_node *node) {
    DN_PUSH(chain->versions, chain->count, chain->capacity) = node;
}

static dn_var *new_var(dn_build *b, const char *name, const dn_type *type, dn_variable_kind kind,
                       dn_span span) {
    dn_var *var = DN_NEW(&b->c->arena, dn_var);
    *var = (dn_var){.name = dn_arena_strdup(&b->c->arena, name),
                    .type = *type,
                    .kind = kind,
                    .span = dn_build_user_span(b, span),
                    .init = -1};
    var->owner = b->frame ? b->frame->owner : NULL;
    return var;
}

static bool same_type(dn_build *b, const dn_var *var, const dn_type *type, dn_span span) {
    if (dn_type_equal(&var->type, type)) return true;
    dn_node now = {.type = *type}, before = {.type = var->type};
    dn_term t_now = dn_term_tensor(&now), t_before = dn_term_tensor(&before);
    dn_diag *diag = dn_build_error(b, span, "the parameter `%s` would be %s here, but it is %s",
                                   var->name, dn_describe(b, &t_now), dn_describe(b, &t_before));
    dn_diag_note(&b->c->diags, diag, var->span, "its shape was found here");
    return false;
}

// A loose variable as it is used now. Of the same type it keeps its value.
static bool settle(dn_build *b, dn_var *var, const dn_type *type, const dn_term *init,
                   dn_span span) {
    if (!check_init(b, init, span)) return false;
    if (!dn_type_equal(&var->type, type)) {
        if (!var->renewed) var->before = var->type;
        var->renewed = true;
        var->type = *type;
    }
    var->span = dn_build_user_span(b, span);
    var->owner = b->frame ? b->frame->owner : NULL;
    var->init = build_init(b->c, var, init);
    var->loose = false;
    var->settled = dn_prompt_input(b->c);
    return var->init >= 0;
}

static dn_node *current_version(dn_build *b, dn_var *var) {
    dn_version_chain *chain = dn_chain_of(b, var);
    if (chain) return chain->versions[chain->count - 1];
    dn_node *node = dn_graph_variable(b->graph, var->name, var->type);
    DN_PUSH(b->chains, b->n_chains, b->cap_chains) = (dn_version_chain){.var = var};
    chain = &b->chains[b->n_chains - 1];
    chain->index = (int)dn_node_int(node, DN_ATTR_INDEX);
    dn_chain_push(chain, node);
    return node;
}

dn_node *dn_variable_node(dn_build *b, const char *name, const dn_type *type, dn_variable_kind kind,
                          const dn_term *init, dn_span span, dn_var **out) {
    dn_var *var = b->abstract ? NULL : find_var(b->c, name);
    if (var && var->loose) {
        if (!settle(b, var, type, init, span)) return NULL;
    } else if (var && !same_type(b, var, type, span)) {
        return NULL;
    }
    if (!var) {
        var = new_var(b, name, type, kind, span);
        if (!b->abstract) {
            if (!check_init(b, init, span)) return NULL;
            var->init = build_init(b->c, var, init);
            if (var->init < 0) return NULL;
            DN_PUSH(b->c->vars, b->c->n_vars, b->c->cap_vars) = var;
        }
    }
    *out = var;
    return current_version(b, var);
}

static dn_term eval_init(dn_build *b, const dn_stmt *stmt) {
    dn_term init = dn_eval_as(b, stmt->variable.init, &function_type);
    bool fits = init.kind == DN_TERM_FUNCTION || init.kind == DN_TERM_INT ||
                init.kind == DN_TERM_FLOAT || init.kind == DN_TERM_BOOL || dn_term_is_error(init);
    if (fits) return init;
    return dn_build_fail(b, stmt->variable.init->span,
                         "a first value is a number or a function of the sizes, such as "
                         "glorot_uniform; this is %s",
                         dn_describe(b, &init));
}

static bool may_have_variables(dn_build *b, const dn_stmt *stmt) {
    const dn_frame *frame = b->frame;
    const char *kind = stmt->kind == DN_STMT_PARAM ? "param" : "state";
    if (frame->slot && stmt->kind == DN_STMT_PARAM) {
        dn_build_error(b, stmt->span, "an optimizer has `state`, not `param`");
        return false;
    }
    if (frame->path) return true;
    bool net = frame->decl && frame->decl->kind == DN_DECL_NET;
    dn_diag *diag = dn_build_error(b, stmt->span,
                                   net ? "`%s` has parameters, so it must be part of a model"
                                       : "only nets and optimizers have `%s`",
                                   net ? frame->name : kind);
    if (net && !frame->caller && frame->decl->is_export)
        dn_diag_hint(&b->c->diags, diag, "write `model m = %s(...)`, and export a `fn` with m(x)",
                     frame->name);
    else if (net)
        dn_diag_hint(&b->c->diags, diag, "write `model m = %s(...)` outside, and call m(x) here",
                     frame->name);
    return false;
}

dn_term dn_eval_variable(dn_build *b, const dn_stmt *stmt) {
    const char *name = stmt->variable.name.text;
    dn_term error = dn_term_of(DN_TERM_ERROR);
    dn_frame_bind(b, name, error, stmt->variable.name.span);
    dn_type type;
    if (!may_have_variables(b, stmt) || !dn_resolve_type(b, stmt->variable.type, &type))
        return error;
    dn_term init = eval_init(b, stmt);
    if (dn_term_is_error(init)) return error;
    bool slot = b->frame->slot != NULL;
    dn_variable_kind kind = slot                          ? DN_VARIABLE_SLOT
                            : stmt->kind == DN_STMT_PARAM ? DN_VARIABLE_PARAM
                                                          : DN_VARIABLE_STATE;
    const char *full =
        dn_arena_printf(&b->c->arena, "%s%s.%s", b->frame->path, slot ? b->frame->slot : "", name);
    dn_var *var;
    dn_node *node = dn_variable_node(b, full, &type, kind, &init, stmt->span, &var);
    if (!node) return error;
    dn_bound_name *bound = dn_frame_bind(b, name, dn_term_tensor(node), stmt->variable.name.span);
    if (stmt->kind == DN_STMT_STATE) bound->state = var;
    return bound->value;
}

void dn_assign_state(dn_build *b, dn_bound_name *name, dn_term value, dn_span span) {
    dn_var *var = name->state;
    if (dn_term_is_error(value)) return;
    dn_node like = {.type = var->type};
    dn_node *node = dn_to_node(b, value, &like, span);
    if (node && node->type.rank == 0)
        node = dn_broadcast_node(b, node, var->type.rank, var->type.dims, span);
    if (!node) return;
    if (!dn_type_equal(&node->type, &var->type)) {
        dn_term given = dn_term_tensor(node), wanted = dn_term_tensor(&like);
        dn_build_error(b, span, "the state `%s` is %s, and cannot become %s", name->name,
                       dn_describe(b, &wanted), dn_describe(b, &given));
        return;
    }
    dn_chain_push(dn_chain_of(b, var), node);
    name->value = dn_term_tensor(node);
}

// ---- by name ------------------------------------------------------------------------------------

static bool is_named(const dn_var *var, const char *name) {
    return var->kind != DN_VARIABLE_SLOT && !var->loose && strcmp(var->name, name) == 0;
}

static bool is_part_of(const dn_var *var, const char *path) {
    size_t n = strlen(path);
    return var->kind != DN_VARIABLE_SLOT && !var->loose && strncmp(var->name, path, n) == 0 &&
           var->name[n] == '.';
}

// Names that begin with the path, for a hint; "" if there are none.
static const char *list_parameters(dn_build *b, const char *path) {
    enum { LISTED = 6 };
    dn_str text = {0};
    int n = 0;
    for (int i = 0; i < b->c->n_vars; i++) {
        if (!is_part_of(b->c->vars[i], path)) continue;
        if (n++ < LISTED) dn_str_printf(&text, "%s%s", n > 1 ? ", " : "", b->c->vars[i]->name);
    }
    if (n > LISTED) dn_str_printf(&text, " and %d more", n - LISTED);
    const char *copy = dn_arena_strdup(&b->c->arena, text.text ? text.text : "");
    free(text.text);
    return copy;
}

static dn_term unknown_parameter(dn_build *b, const char *model, const char *path, dn_span span) {
    if (b->abstract) return dn_build_give_up(b);
    dn_diag *diag = dn_build_error(b, span, "the model `%s` has no parameter `%s`", model,
                                   path + strlen(model) + 1);
    const char *below = list_parameters(b, path), *all = list_parameters(b, model);
    if (*below)
        dn_diag_hint(&b->c->diags, diag, "it has %s", below);
    else if (*all && strchr(path + strlen(model) + 1, '.'))
        dn_diag_hint(&b->c->diags, diag, "it has %s", all);
    else if (*all)
        dn_diag_hint(&b->c->diags, diag,
                     "it has %s; it is trained by `minimize loss over %s with adam(lr: 1e-4)`, and "
                     "losses are functions such as bce_with_logits",
                     all, model);
    else
        dn_diag_hint(&b->c->diags, diag,
                     "a call, `%s(x)`, makes its parameters; it is trained by `minimize "
                     "loss over %s with adam(lr: 1e-4)`; losses are functions such as "
                     "bce_with_logits",
                     model, model);
    return dn_term_of(DN_TERM_ERROR);
}

dn_term dn_eval_parameter(dn_build *b, const char *model, const char *path, dn_span span) {
    for (int i = 0; i < b->c->n_vars && !b->abstract; i++)
        if (is_named(b->c->vars[i], path)) return dn_term_tensor(current_version(b, b->c->vars[i]));
    return unknown_parameter(b, model, path, span);
}
