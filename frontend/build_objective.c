// The rule between the minimize statements of a step: in adversarial training each network works
// against the other, so a term that two of them minimise is a mistake, such as a generator's loss
// that asks the discriminator for 0.
//
// Terms are compared as graph nodes. Where a loss could not be built because something in it is
// wrong, they are compared as written, so that this mistake is told together with the others.
#include <string.h>

#include "frontend/build.h"

// ---- as nodes
// ----------------------------------------------------------------------------------------

// Nodes that compute the same number apart from stop_gradient and which random site feeds them.
// `budget` bounds the work: what is not decided within it counts as different.
static bool same_node(const dn_node *x, const dn_node *y, int *budget) {
    while (x->op == DN_OP_STOP_GRADIENT) x = x->in[0];
    while (y->op == DN_OP_STOP_GRADIENT) y = y->in[0];
    if (x == y) return true;
    if (--*budget < 0 || x->op != y->op || !dn_type_equal(&x->type, &y->type) || x->n_in != y->n_in)
        return false;
    if (x->op == DN_OP_UNIFORM || x->op == DN_OP_NORMAL) return true;
    if (x->n_in == 0) return false;
    for (int i = 0; i < x->n_in; i++)
        if (!same_node(x->in[i], y->in[i], budget)) return false;
    return true;
}

enum { MAX_TERMS = 16 };

static int node_addends(dn_node *loss, dn_node **out, int n) {
    if (loss->op == DN_OP_ADD && n < MAX_TERMS - 1) {
        n = node_addends(loss->in[0], out, n);
        return node_addends(loss->in[1], out, n);
    }
    if (n < MAX_TERMS) out[n++] = loss;
    return n;
}

static bool nodes_share(dn_node *x, dn_node *y) {
    dn_node *xs[MAX_TERMS], *ys[MAX_TERMS];
    int nx = node_addends(x, xs, 0), ny = node_addends(y, ys, 0);
    for (int i = 0; i < nx; i++) {
        for (int k = 0; k < ny; k++) {
            int budget = 100000;
            if (same_node(xs[i], ys[k], &budget)) return true;
        }
    }
    return false;
}

// ---- as written
// ----------------------------------------------------------------------------------------

// What a name was last bound to in the step's body, or NULL.
static const dn_expr *binding_of(dn_build *b, const char *name) {
    const dn_block *body = b->frame->decl ? b->frame->decl->body : NULL;
    for (int i = body ? body->count - 1 : -1; i >= 0; i--) {
        const dn_stmt *stmt = body->stmts[i];
        if (stmt->kind != DN_STMT_LET && stmt->kind != DN_STMT_ASSIGN) continue;
        const dn_pattern *pattern = &stmt->bind.pattern;
        if (!pattern->record && !stmt->bind.compound && strcmp(pattern->names[0].text, name) == 0)
            return stmt->bind.value;
    }
    return NULL;
}

static const dn_expr *expand(dn_build *b, const dn_expr *e) {
    for (int i = 0; i < 10 && e->kind == DN_EXPR_NAME; i++) {
        const dn_expr *value = binding_of(b, e->name);
        if (!value) break;
        e = value;
    }
    bool stops = e->kind == DN_EXPR_CALL && e->call.count == 1 &&
                 e->call.callee->kind == DN_EXPR_NAME &&
                 strcmp(e->call.callee->name, "stop_gradient") == 0;
    return stops ? expand(b, e->call.args[0].value) : e;
}

static bool same_expr(dn_build *b, const dn_expr *x, const dn_expr *y, int *budget);

static bool same_call(dn_build *b, const dn_expr *x, const dn_expr *y, int *budget) {
    if (x->call.count != y->call.count || !same_expr(b, x->call.callee, y->call.callee, budget))
        return false;
    for (int i = 0; i < x->call.count; i++) {
        const dn_arg *p = &x->call.args[i], *q = &y->call.args[i];
        if (!p->name.text != !q->name.text) return false;
        if (p->name.text && strcmp(p->name.text, q->name.text) != 0) return false;
        if (!same_expr(b, p->value, q->value, budget)) return false;
    }
    return true;
}

static bool same_expr(dn_build *b, const dn_expr *x, const dn_expr *y, int *budget) {
    x = expand(b, x);
    y = expand(b, y);
    if (x == y) return true;
    if (--*budget < 0 || x->kind != y->kind) return false;
    switch (x->kind) {
        case DN_EXPR_INT: return x->integer == y->integer;
        case DN_EXPR_FLOAT: return x->number == y->number;
        case DN_EXPR_NAME: return strcmp(x->name, y->name) == 0;
        case DN_EXPR_CALL: return same_call(b, x, y, budget);
        case DN_EXPR_BINARY:
            return x->operation.oper == y->operation.oper &&
                   same_expr(b, x->operation.left, y->operation.left, budget) &&
                   same_expr(b, x->operation.right, y->operation.right, budget);
        default: return false;
    }
}

static int written_addends(dn_build *b, const dn_expr *e, const dn_expr **out, int n) {
    e = expand(b, e);
    if (e->kind == DN_EXPR_BINARY && e->operation.oper == DN_OPER_ADD && n < MAX_TERMS - 1) {
        n = written_addends(b, e->operation.left, out, n);
        return written_addends(b, e->operation.right, out, n);
    }
    if (n < MAX_TERMS && e->kind == DN_EXPR_CALL) out[n++] = e;
    return n;
}

static bool texts_share(dn_build *b, const dn_expr *x, const dn_expr *y) {
    const dn_expr *xs[MAX_TERMS], *ys[MAX_TERMS];
    int nx = written_addends(b, x, xs, 0), ny = written_addends(b, y, ys, 0);
    for (int i = 0; i < nx; i++) {
        for (int k = 0; k < ny; k++) {
            int budget = 1000;
            if (same_expr(b, xs[i], ys[k], &budget)) return true;
        }
    }
    return false;
}

// ---- the rule
// ---------------------------------------------------------------------------------------------

// The loss with fewer terms is the one to blame: a generator has one, a discriminator one for each
// kind of image.
static void warn(dn_build *b, const dn_objective *x, const dn_objective *y) {
    const dn_expr *terms[MAX_TERMS];
    bool first = written_addends(b, x->expr, terms, 0) < written_addends(b, y->expr, terms, 0);
    const dn_objective *blamed = first ? x : y, *other = first ? y : x;
    dn_diag *diag = dn_diag_warning(
        &b->c->diags, DN_W_SAME_OBJECTIVE, dn_build_user_span(b, expand(b, blamed->expr)->span),
        "`%s` minimises a term that `%s` minimises too, so nothing opposes it", blamed->over->name,
        other->over->name);
    dn_diag_note(&b->c->diags, diag, blamed->span, "`%s` minimises it here", blamed->over->name);
    dn_diag_note(&b->c->diags, diag, other->span, "`%s` minimises it here", other->over->name);
    dn_diag_hint(&b->c->diags, diag,
                 "a generator's loss asks the discriminator for what real data get, 1; "
                 "-Wno-same-objective is for networks that work together");
}

void dn_check_objective(dn_build *b, const dn_stmt *stmt, dn_node *loss, const dn_model *over) {
    dn_objective now = {
        .loss = loss, .expr = stmt->minimize.loss, .over = over, .span = stmt->span};
    for (int i = 0; i < b->n_objectives; i++) {
        const dn_objective *other = &b->objectives[i];
        if (other->over == over) continue;
        bool shared = loss && other->loss ? nodes_share(loss, other->loss)
                                          : texts_share(b, now.expr, other->expr);
        if (shared) warn(b, other, &now);
    }
    DN_PUSH(b->objectives, b->n_objectives, b->cap_objectives) = now;
}
