// Training: gradients, `minimize`, and the rules between training statements.
#include <stdlib.h>
#include <string.h>

#include "frontend/build.h"
#include "passes/autodiff.h"

// ---- parameters of models
// ---------------------------------------------------------------------------

// Every version of every parameter of some models: what a loss may have been computed from.
typedef struct leaves {
    dn_node **nodes;
    int *chains;  // the chain each node belongs to
    dn_node **grads;
    bool *depends;
    int count;
} leaves;

static bool owned(const dn_var *var, const dn_model *const *over, int n_over) {
    for (int i = 0; i < n_over; i++)
        if (var->owner == over[i]) return true;
    return false;
}

static leaves collect_leaves(dn_build *b, const dn_model *const *over, int n_over) {
    leaves l = {0};
    int total = 0;
    for (int i = 0; i < b->n_chains; i++) total += b->chains[i].count;
    dn_arena *arena = &b->c->arena;
    l.nodes = DN_NEW_ARRAY(arena, dn_node *, total);
    l.chains = DN_NEW_ARRAY(arena, int, total);
    l.grads = DN_NEW_ARRAY(arena, dn_node *, total);
    l.depends = DN_NEW_ARRAY(arena, bool, total);
    for (int i = 0; i < b->n_chains; i++) {
        const dn_version_chain *chain = &b->chains[i];
        if (chain->var->kind != DN_VARIABLE_PARAM || !owned(chain->var, over, n_over)) continue;
        for (int k = 0; k < chain->count; k++) {
            l.nodes[l.count] = chain->versions[k];
            l.chains[l.count++] = i;
        }
    }
    return l;
}

static bool differentiate(dn_build *b, dn_node *loss, leaves *l, dn_span span) {
    const dn_node *culprit = NULL;
    dn_status status =
        dn_autodiff(b->graph, loss, l->nodes, l->count, l->grads, l->depends, &culprit);
    if (!status) return true;
    dn_build_status(b, culprit && culprit->span.file ? culprit->span : span, status);
    return false;
}

// The gradient of one parameter: the sum over the versions that the loss was computed from.
static dn_node *chain_gradient(dn_build *b, const leaves *l, int chain) {
    dn_node *sum = NULL;
    for (int i = 0; i < l->count; i++) {
        if (l->chains[i] != chain || !l->depends[i]) continue;
        sum = sum ? dn_build_binary(b->graph, DN_OP_ADD, sum, l->grads[i]) : l->grads[i];
    }
    return sum;
}

static bool is_scalar_loss(dn_build *b, dn_term *loss, dn_span span) {
    if (dn_term_is_error(*loss)) return false;
    if (loss->kind != DN_TERM_TENSOR) {
        dn_build_error(b, span, "a loss is a tensor computed from parameters, and this is %s",
                       dn_describe(b, loss));
        return false;
    }
    const dn_type *type = &loss->node->type;
    if (type->rank == 0 && dn_dtype_is_float(type->dtype)) return true;
    dn_diag *diag =
        dn_build_error(b, span, "a loss is one number, and this is %s", dn_describe(b, loss));
    dn_diag_hint(&b->c->diags, diag, "take the mean: mean(x)");
    return false;
}

// ---- grad
// ---------------------------------------------------------------------------------------------

// The record of that field of a record, added where it is new; `room` fields fit.
static dn_term *record_slot(dn_arena *arena, dn_term *record, const char *name, int room) {
    const dn_term *found = dn_term_field(record, name);
    if (found) return (dn_term *)found;
    if (!record->record.names) {
        record->record.names = DN_NEW_ARRAY(arena, const char *, room);
        record->record.values = DN_NEW_ARRAY(arena, dn_term, room);
    }
    record->record.names[record->record.count] = name;
    dn_term *slot = &record->record.values[record->record.count++];
    *slot = dn_term_of(DN_TERM_RECORD);
    return slot;
}

// Gradients by their parameters' names under the model: the one of M.dense.kernel is
// g.dense.kernel.
static dn_term gradient_record(dn_build *b, const leaves *l, const dn_model *model) {
    dn_arena *arena = &b->c->arena;
    dn_term root = dn_term_of(DN_TERM_RECORD);
    for (int i = 0; i < b->n_chains; i++) {
        dn_node *g = chain_gradient(b, l, i);
        if (!g) continue;
        char *path = dn_arena_strdup(arena, b->chains[i].var->name + strlen(model->name) + 1);
        dn_term *slot = &root;
        for (char *dot; (dot = strchr(path, '.')); path = dot + 1) {
            *dot = 0;
            slot = record_slot(arena, slot, path, l->count);
        }
        *record_slot(arena, slot, path, l->count) = dn_term_tensor(g);
    }
    return root;
}

dn_term dn_eval_grad(dn_build *b, dn_term loss, dn_term over, dn_span span) {
    if (!is_scalar_loss(b, &loss, span) || dn_term_is_error(over)) return dn_term_of(DN_TERM_ERROR);
    leaves l = {0};
    if (over.kind == DN_TERM_MODEL) {
        const dn_model *model = over.model;
        l = collect_leaves(b, &model, 1);
        return differentiate(b, loss.node, &l, span) ? gradient_record(b, &l, model)
                                                     : dn_term_of(DN_TERM_ERROR);
    }
    if (over.kind == DN_TERM_HOST) {
        dn_node *node = dn_host_capture(b, over, NULL, span);
        if (!node) return dn_term_of(DN_TERM_ERROR);
        over = dn_term_tensor(node);
    }
    if (over.kind != DN_TERM_TENSOR)
        return dn_build_fail(b, span, "a gradient is taken over a tensor or a model, not %s",
                             dn_describe(b, &over));
    dn_node *grad;
    bool depends;
    l = (leaves){.nodes = &over.node, .grads = &grad, .depends = &depends, .count = 1};
    if (!differentiate(b, loss.node, &l, span)) return dn_term_of(DN_TERM_ERROR);
    if (!depends)
        return dn_build_fail(b, span,
                             "the loss does not depend on what its gradient is taken over");
    return dn_term_tensor(grad);
}

// ---- minimize
// ------------------------------------------------------------------------------------------

enum { MAX_OVER = 16 };

static bool models_of(dn_build *b, const dn_stmt *stmt, const dn_model **over) {
    if (stmt->minimize.n_over > MAX_OVER) {
        dn_build_error(b, stmt->span, "at most %d models at once", MAX_OVER);
        return false;
    }
    bool ok = true;
    for (int i = 0; i < stmt->minimize.n_over; i++) {
        const dn_expr *expr = stmt->minimize.over[i];
        dn_term term = dn_eval(b, expr);
        if (dn_term_is_error(term)) {
            ok = false;
        } else if (term.kind != DN_TERM_MODEL) {
            dn_build_error(b, expr->span, "`minimize` trains models, and this is %s",
                           dn_describe(b, &term));
            ok = false;
        } else {
            over[i] = term.model;
        }
    }
    return ok;
}

static const dn_function *optimizer_of(dn_build *b, const dn_expr *expr) {
    dn_term term = dn_eval_partial(b, expr);
    if (dn_term_is_error(term)) return NULL;
    bool fits = term.kind == DN_TERM_FUNCTION && term.function->decl &&
                term.function->decl->kind == DN_DECL_OPTIMIZER;
    if (fits && term.function->left_out == 3) return term.function;
    dn_build_error(b, expr->span,
                   fits ? "an optimizer starts with three tensors: the parameter, its gradient and "
                          "the number of the update"
                        : "`with` takes an optimizer such as adam(lr: 1e-4), not %s",
                   dn_describe(b, &term));
    return NULL;
}

// The number of this update, from 1: a counter that all parameters of the statement share.
static dn_node *count_update(dn_build *b, const dn_stmt *stmt, const dn_model *const *over,
                             const dn_function *optimizer) {
    dn_str name = {0};
    for (int i = 0; i < stmt->minimize.n_over; i++)
        dn_str_printf(&name, "%s%s", i ? "+" : "", over[i]->name);
    dn_str_printf(&name, "/%s.t", optimizer->name);
    dn_type type = dn_type_scalar(DN_I64);
    dn_term zero = dn_term_int(0);
    dn_var *var;
    dn_node *t = dn_variable_node(b, name.text, &type, DN_VARIABLE_SLOT, &zero, stmt->span, &var);
    free(name.text);
    if (!t) return NULL;
    t = dn_build_binary(b->graph, DN_OP_ADD, t, dn_build_const(b->graph, &type, 1));
    dn_chain_push(dn_chain_of(b, var), t);
    return t;
}

static dn_term run_optimizer(dn_build *b, const dn_function *f, const dn_var *var, dn_node *p,
                             dn_node *g, dn_node *t, dn_span span) {
    dn_call call = {.name = f->name, .decl = f->decl, .span = span, .training = -1};
    dn_arena *arena = &b->c->arena;
    int n = f->decl->n_params;
    call.args = dn_arena_copy(arena, f->bound, (size_t)n * sizeof *f->bound);
    call.spans = dn_arena_copy(arena, f->bound_spans, (size_t)n * sizeof *f->bound_spans);
    call.given = dn_arena_copy(arena, f->is_bound, (size_t)n * sizeof *f->is_bound);
    dn_node *leading[] = {p, g, dn_build_cast(b->graph, t, p->type.dtype)};
    for (int i = 0; i < 3; i++) {
        call.args[i] = dn_term_tensor(leading[i]);
        call.spans[i] = span;
        call.given[i] = true;
    }
    dn_frame like = {.path = var->name,
                     .slot = dn_arena_printf(arena, "/%s", f->name),
                     .owner = var->owner,
                     .training = true};
    return dn_run_body(b, &call, &like);
}

static void warn_updated_twice(dn_build *b, const dn_version_chain *chain, dn_span span) {
    if (chain->updated.file == 0) return;
    dn_diag *diag = dn_diag_warning(&b->c->diags, DN_W_UPDATED_TWICE, dn_build_user_span(b, span),
                                    "`%s` is updated a second time in this step", chain->var->name);
    dn_diag_note(&b->c->diags, diag, chain->updated, "the first update is here");
}

static void update_parameters(dn_build *b, const dn_stmt *stmt, const leaves *l, dn_node *t,
                              const dn_function *optimizer) {
    bool warned = false;
    int n_chains = b->n_chains;  // the optimizer's own state comes behind
    for (int i = 0; i < n_chains; i++) {
        dn_node *g = chain_gradient(b, l, i);
        if (!g) continue;
        dn_var *var = b->chains[i].var;
        if (!warned) warn_updated_twice(b, &b->chains[i], stmt->span);
        warned = true;
        dn_node *p = b->chains[i].versions[b->chains[i].count - 1];
        dn_term next = run_optimizer(b, optimizer, var, p, g, t, stmt->span);
        if (dn_term_is_error(next)) return;
        if (next.kind != DN_TERM_TENSOR || !dn_type_equal(&next.node->type, &p->type)) {
            dn_build_error(b, stmt->minimize.with->span,
                           "`%s` should return the parameter's new value; it returns %s",
                           optimizer->name, dn_describe(b, &next));
            return;
        }
        // A later loss sees the new value, not how it was computed.
        dn_chain_push(&b->chains[i], dn_build_unary(b->graph, DN_OP_STOP_GRADIENT, next.node));
        b->chains[i].updated = stmt->span;
    }
}

static bool any_depends(const leaves *l) {
    for (int i = 0; i < l->count; i++)
        if (l->depends[i]) return true;
    return false;
}

void dn_eval_minimize(dn_build *b, const dn_stmt *stmt) {
    const dn_model *over[MAX_OVER];
    dn_term loss = dn_eval(b, stmt->minimize.loss);
    bool ok = models_of(b, stmt, over);
    const dn_function *optimizer = optimizer_of(b, stmt->minimize.with);
    if (ok && dn_term_is_error(loss)) dn_check_objective(b, stmt, NULL, over[0]);
    if (!ok || !optimizer || !is_scalar_loss(b, &loss, stmt->minimize.loss->span)) return;
    leaves l = collect_leaves(b, over, stmt->minimize.n_over);
    if (!differentiate(b, loss.node, &l, stmt->span)) return;
    if (!any_depends(&l)) {
        dn_diag *diag = dn_build_error(b, stmt->minimize.loss->span,
                                       "this loss does not depend on `%s`", over[0]->name);
        dn_diag_hint(&b->c->diags, diag,
                     "is the model's output used, and not behind stop_gradient?");
        return;
    }
    dn_check_objective(b, stmt, loss.node, over[0]);
    dn_node *t = count_update(b, stmt, over, optimizer);
    if (t) update_parameters(b, stmt, &l, t, optimizer);
}
