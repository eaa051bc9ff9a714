// Walks a syntax tree, calling back for every node with its kind and span, and counts the nodes
// whose span does not lie in that of the node around it.
#ifndef DN_TESTS_FRONTEND_WALK_H
#define DN_TESTS_FRONTEND_WALK_H

#include "frontend/ast.h"

typedef struct walk {
    void (*visit)(void *context, const char *kind, dn_span span);  // may be NULL
    void *context;
    int nodes, errors, misplaced;
} walk;

static void walk_expr(walk *w, const dn_expr *e, dn_span around);
static void walk_block(walk *w, const dn_block *block, dn_span around);

static void walk_node(walk *w, const char *kind, dn_span span, dn_span around) {
    w->nodes++;
    if (span.begin > span.end || span.begin < around.begin || span.end > around.end ||
        span.file != around.file)
        w->misplaced++;
    if (w->visit) w->visit(w->context, kind, span);
}

static void walk_optional(walk *w, const dn_expr *e, dn_span around) {
    if (e) walk_expr(w, e, around);
}

static void walk_type(walk *w, const dn_type_expr *t, dn_span around) {
    if (!t) return;
    walk_node(w, "type", t->span, around);
    for (int i = 0; i < t->count; i++) {
        if (t->kind == DN_TYPE_TENSOR) walk_optional(w, t->dims[i].size, t->span);
        if (t->kind == DN_TYPE_LIST || t->kind == DN_TYPE_UNION) walk_type(w, t->items[i], t->span);
        if (t->kind == DN_TYPE_SYMBOL) walk_node(w, "symbol", t->symbols[i].span, t->span);
        if (t->kind == DN_TYPE_RECORD) walk_node(w, "field", t->fields[i].name.span, t->span);
        if (t->kind == DN_TYPE_RECORD) walk_type(w, t->fields[i].type, t->span);
    }
}

static void walk_args(walk *w, const dn_arg *args, int first, int count, dn_span around) {
    for (int i = first; i < count; i++) {
        if (args[i].name.text) walk_node(w, "name", args[i].name.span, around);
        walk_expr(w, args[i].value, around);
    }
}

// The input of a pipe lies before the call that it is an argument of.
static void walk_call(walk *w, const dn_expr *e, dn_span around) {
    if (e->call.piped) walk_expr(w, e->call.args[0].value, around);
    walk_expr(w, e->call.callee, e->span);
    walk_args(w, e->call.args, e->call.piped, e->call.count, e->span);
}

static void walk_index(walk *w, const dn_expr *e) {
    walk_expr(w, e->index.base, e->span);
    for (int i = 0; i < e->index.count; i++) {
        const dn_subscript *s = &e->index.items[i];
        walk_node(w,
                  s->is_slice      ? "slice"
                  : s->is_ellipsis ? "ellipsis"
                                   : "subscript",
                  s->span, e->span);
        walk_optional(w, s->index, s->span);
        walk_optional(w, s->start, s->span);
        walk_optional(w, s->limit, s->span);
        walk_optional(w, s->stride, s->span);
    }
}

static void walk_names(walk *w, const dn_name *names, int count, dn_span around) {
    for (int i = 0; i < count; i++) walk_node(w, "name", names[i].span, around);
}

static void walk_children(walk *w, const dn_expr *e, dn_span around) {
    switch (e->kind) {
        case DN_EXPR_STRING:
            for (int i = 0; i < e->string.count; i++)
                walk_optional(w, e->string.parts[i].value, e->span);
            break;
        case DN_EXPR_UNARY:
        case DN_EXPR_BINARY:
            walk_node(w, "operator", e->operation.oper_span, e->span);
            walk_expr(w, e->operation.left, e->span);
            walk_optional(w, e->operation.right, e->span);
            break;
        case DN_EXPR_RANGE:
            walk_expr(w, e->range.first, e->span);
            walk_expr(w, e->range.last, e->span);
            break;
        case DN_EXPR_CALL: walk_call(w, e, around); break;
        case DN_EXPR_INDEX: walk_index(w, e); break;
        case DN_EXPR_FIELD:
            walk_expr(w, e->field.base, e->span);
            walk_node(w, "name", e->field.name.span, e->span);
            break;
        case DN_EXPR_LIST:
            for (int i = 0; i < e->list.count; i++) walk_expr(w, e->list.items[i], e->span);
            break;
        case DN_EXPR_EACH:
            walk_names(w, e->each.names, e->each.n_names, e->span);
            walk_expr(w, e->each.source, e->span);
            walk_expr(w, e->each.value, e->span);
            break;
        case DN_EXPR_RECORD: walk_args(w, e->record.fields, 0, e->record.count, e->span); break;
        case DN_EXPR_IF:
            walk_expr(w, e->branch.condition, e->span);
            walk_block(w, e->branch.then, e->span);
            if (e->branch.otherwise) walk_block(w, e->branch.otherwise, e->span);
            break;
        default: break;
    }
}

static void walk_expr(walk *w, const dn_expr *e, dn_span around) {
    static const char *const kinds[] = {
        [DN_EXPR_ERROR] = "error", [DN_EXPR_INT] = "int",       [DN_EXPR_FLOAT] = "float",
        [DN_EXPR_BOOL] = "bool",   [DN_EXPR_STRING] = "string", [DN_EXPR_NAME] = "name",
        [DN_EXPR_UNARY] = "unary", [DN_EXPR_BINARY] = "binary", [DN_EXPR_RANGE] = "range",
        [DN_EXPR_CALL] = "call",   [DN_EXPR_INDEX] = "index",   [DN_EXPR_FIELD] = "field",
        [DN_EXPR_LIST] = "list",   [DN_EXPR_EACH] = "each",     [DN_EXPR_RECORD] = "record",
        [DN_EXPR_IF] = "if"};
    w->errors += e->kind == DN_EXPR_ERROR;
    walk_node(w, kinds[e->kind], e->span, around);
    walk_children(w, e, around);
}

static void walk_pattern(walk *w, const dn_pattern *pattern, dn_span around) {
    walk_node(w, "pattern", pattern->span, around);
    walk_names(w, pattern->names, pattern->count, pattern->span);
}

static void walk_minimize(walk *w, const dn_stmt *s) {
    walk_expr(w, s->minimize.loss, s->span);
    for (int i = 0; i < s->minimize.n_over; i++) walk_expr(w, s->minimize.over[i], s->span);
    walk_expr(w, s->minimize.with, s->span);
}

static void walk_stmt(walk *w, const dn_stmt *s, dn_span around) {
    walk_node(w, "stmt", s->span, around);
    switch (s->kind) {
        case DN_STMT_ERROR: w->errors++; break;
        case DN_STMT_EXPR:
        case DN_STMT_RETURN:
        case DN_STMT_LOG: walk_optional(w, s->expr, s->span); break;
        case DN_STMT_LET:
        case DN_STMT_ASSIGN:
            walk_pattern(w, &s->bind.pattern, s->span);
            walk_type(w, s->bind.type, s->span);
            walk_expr(w, s->bind.value, s->span);
            break;
        case DN_STMT_FOR:
            walk_pattern(w, &s->loop.pattern, s->span);
            walk_expr(w, s->loop.source, s->span);
            walk_block(w, s->loop.body, s->span);
            break;
        case DN_STMT_WHILE:
            walk_expr(w, s->repeat.condition, s->span);
            walk_block(w, s->repeat.body, s->span);
            break;
        case DN_STMT_MINIMIZE: walk_minimize(w, s); break;
        case DN_STMT_PARAM:
        case DN_STMT_STATE:
            walk_node(w, "name", s->variable.name.span, s->span);
            walk_type(w, s->variable.type, s->span);
            walk_expr(w, s->variable.init, s->span);
            break;
        case DN_STMT_MODEL:
            walk_node(w, "name", s->model.name.span, s->span);
            walk_expr(w, s->model.value, s->span);
            break;
        default: break;
    }
}

static void walk_block(walk *w, const dn_block *block, dn_span around) {
    walk_node(w, "block", block->span, around);
    for (int i = 0; i < block->count; i++) walk_stmt(w, block->stmts[i], block->span);
}

static void walk_decl(walk *w, const dn_decl *d, dn_span around) {
    if (d->kind == DN_DECL_STMT) {
        walk_stmt(w, d->stmt, around);
        return;
    }
    walk_node(w, "decl", d->span, around);
    if (d->name.text) walk_node(w, "name", d->name.span, d->span);
    walk_type(w, d->type, d->span);
    walk_optional(w, d->value, d->span);
    for (int i = 0; i < d->n_params; i++) {
        walk_node(w, "param", d->params[i].name.span, d->span);
        walk_type(w, d->params[i].type, d->span);
        walk_optional(w, d->params[i].init, d->span);
    }
    walk_type(w, d->result, d->span);
    if (d->body) walk_block(w, d->body, d->span);
}

static void walk_file(walk *w, const dn_file *file, dn_span around) {
    for (int i = 0; i < file->count; i++) walk_decl(w, file->decls[i], around);
}

#endif
