// Statements of tensor code.
#include <string.h>

#include "frontend/build.h"

static void bind_one(dn_build *b, const dn_name *name, dn_term value) {
    dn_bound_name *found = dn_frame_find(b->frame, name->text);
    if (found && found->state) {
        dn_assign_state(b, found, value, name->span);
        return;
    }
    dn_frame_bind(b, name->text, value, name->span);
}

static void no_field(dn_build *b, const dn_name *name, const dn_term *value) {
    dn_diag *diag =
        dn_build_error(b, name->span, "%s has no field `%s`", dn_describe(b, value), name->text);
    if (value->kind == DN_TERM_RECORD)
        dn_diag_did_you_mean(&b->c->diags, diag, name->text, value->record.names,
                             value->record.count);
}

void dn_bind_pattern(dn_build *b, const dn_pattern *pattern, dn_term value) {
    if (!pattern->record) {
        bind_one(b, &pattern->names[0], value);
        return;
    }
    for (int i = 0; i < pattern->count; i++) {
        const dn_name *name = &pattern->names[i];
        const dn_term *field =
            value.kind == DN_TERM_RECORD ? dn_term_field(&value, name->text) : NULL;
        dn_term error = dn_term_of(DN_TERM_ERROR);
        if (!field && !dn_term_is_error(value)) no_field(b, name, &value);
        bind_one(b, name, field ? *field : error);
    }
}

static void eval_bind(dn_build *b, const dn_stmt *stmt) {
    dn_term value = dn_eval(b, stmt->bind.value);
    const dn_pattern *pattern = &stmt->bind.pattern;
    if (stmt->bind.compound && !dn_term_is_error(value)) {
        dn_term old = dn_lookup(b, pattern->names[0].text, pattern->names[0].span);
        value = dn_term_is_error(old) ? old : dn_arith(b, stmt->bind.oper, old, value, stmt->span);
    }
    if (stmt->bind.type && !dn_term_is_error(value)) {
        const char *what = dn_arena_printf(&b->c->arena, "`%s`", pattern->names[0].text);
        if (!dn_match_type(b, stmt->bind.type, &value, stmt->bind.value->span, what))
            value = dn_term_of(DN_TERM_ERROR);
    }
    dn_bind_pattern(b, pattern, value);
}

static void eval_return(dn_build *b, const dn_stmt *stmt) {
    b->frame->result = stmt->expr ? dn_eval(b, stmt->expr) : dn_term_of(DN_TERM_NONE);
    b->frame->returned = true;
}

static void eval_for(dn_build *b, const dn_stmt *stmt) {
    dn_term source = dn_eval(b, stmt->loop.source);
    if (dn_term_is_error(source)) return;
    if (source.kind != DN_TERM_LIST) {
        dn_build_error(b, stmt->loop.source->span,
                       "a loop in tensor code is unrolled, so it goes through a list or a range "
                       "known at compile time, not %s",
                       dn_describe(b, &source));
        return;
    }
    dn_frame *frame = b->frame;
    for (int i = 0; i < source.list.count && !frame->returned && !b->given_up; i++) {
        dn_bind_pattern(b, &stmt->loop.pattern, source.list.items[i]);
        dn_eval_block(b, stmt->loop.body);
        frame->stopped = false;
        if (frame->broke) break;
    }
    frame->broke = false;
}

static void eval_nested_model(dn_build *b, const dn_stmt *stmt) {
    dn_term net = dn_eval_partial(b, stmt->model.value);
    dn_frame_bind(b, stmt->model.name.text, dn_term_of(DN_TERM_ERROR), stmt->model.name.span);
    if (dn_term_is_error(net)) return;
    if (net.kind != DN_TERM_FUNCTION || !net.function->decl ||
        net.function->decl->kind != DN_DECL_NET) {
        dn_build_error(b, stmt->model.value->span, "a model is made from a net, and this is %s",
                       dn_describe(b, &net));
        return;
    }
    if (!b->frame->path) {
        dn_build_error(b, stmt->span, "only a net can have a model of its own");
        return;
    }
    dn_model *model = DN_NEW(&b->c->arena, dn_model);
    *model = (dn_model){.net = net.function, .parent = b->frame->owner, .span = stmt->span};
    model->name = dn_arena_printf(&b->c->arena, "%s.%s", b->frame->path, stmt->model.name.text);
    dn_frame_bind(b, stmt->model.name.text, (dn_term){.kind = DN_TERM_MODEL, .model = model},
                  stmt->model.name.span);
}

static dn_term eval_stmt(dn_build *b, const dn_stmt *stmt) {
    dn_term none = dn_term_of(DN_TERM_NONE);
    switch (stmt->kind) {
        case DN_STMT_ERROR: return dn_term_of(DN_TERM_ERROR);
        case DN_STMT_EXPR: return dn_eval(b, stmt->expr);
        case DN_STMT_LET:
        case DN_STMT_ASSIGN: eval_bind(b, stmt); return none;
        case DN_STMT_RETURN: eval_return(b, stmt); return none;
        case DN_STMT_FOR: eval_for(b, stmt); return none;
        case DN_STMT_BREAK:
            b->frame->broke = true;
            b->frame->stopped = true;
            return none;
        case DN_STMT_CONTINUE: b->frame->stopped = true; return none;
        case DN_STMT_MINIMIZE: dn_eval_minimize(b, stmt); return none;
        case DN_STMT_PARAM:
        case DN_STMT_STATE: return dn_eval_variable(b, stmt);
        case DN_STMT_MODEL: eval_nested_model(b, stmt); return none;
        case DN_STMT_WHILE: return dn_build_fail(b, stmt->span, "`while` belongs in a command");
        case DN_STMT_LOG: return dn_build_fail(b, stmt->span, "`log` belongs in a command");
    }
    return none;
}

dn_term dn_eval_block(dn_build *b, const dn_block *block) {
    dn_term value = dn_term_of(DN_TERM_NONE);
    for (int i = 0; i < block->count; i++) {
        if (b->frame->returned || b->frame->stopped) break;
        if (!dn_build_spend(b, 1, block->stmts[i]->span)) break;
        b->graph->span = dn_build_user_span(b, block->stmts[i]->span);
        value = eval_stmt(b, block->stmts[i]);
    }
    return value;
}
