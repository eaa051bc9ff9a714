// Statements of commands.
#include <stdlib.h>
#include <string.h>

#include "frontend/host.h"

// ---- names
// ---------------------------------------------------------------------------------------------------

// An assignment keeps the type, so that what was compiled for it stays right; ints may become
// floats.
static void assign(dn_host *h, const dn_name *name, const dn_host_type *type) {
    int local = dn_host_find_local(h, name->text);
    if (local < 0) {
        dn_diag *diag =
            dn_diag_error(&h->c->diags, name->span, "there is no variable called `%s`", name->text);
        dn_diag_hint(&h->c->diags, diag, "`let %s = ...` introduces one", name->text);
        local = dn_host_add_local(h, name->text, type, name->span);
    }
    const dn_host_type *old = h->locals[local].type;
    const dn_host_type *joined = dn_host_join(old, type);
    bool fits =
        joined->kind != DN_HOST_ANY || old->kind == DN_HOST_ANY || type->kind == DN_HOST_ANY;
    if (joined->kind == DN_HOST_TENSOR && joined->open && !old->open) fits = false;
    if (!fits)
        dn_diag_error(&h->c->diags, name->span, "`%s` is %s, and cannot become %s", name->text,
                      dn_host_describe(h, old), dn_host_describe(h, type));
    if (joined->kind == DN_HOST_FLOAT) h->locals[local].type = joined;
    dn_host_emit(h, DN_VM_STORE, local, 0);
}

static void bind_name(dn_host *h, const dn_name *name, const dn_host_type *type, bool declare) {
    h->span = name->span;
    if (declare) {
        int local = dn_host_add_local(h, name->text, type, name->span);
        dn_host_emit(h, DN_VM_STORE, local, 0);
    } else {
        assign(h, name, type);
    }
}

static const dn_host_type *field_of(dn_host *h, const dn_host_type *record, const dn_name *name) {
    if (record->kind == DN_HOST_ANY || record->kind == DN_HOST_ERROR) return record;
    const dn_host_type *field =
        record->kind == DN_HOST_RECORD ? dn_host_field(record, name->text) : NULL;
    if (field) return field;
    dn_diag *diag = dn_diag_error(&h->c->diags, name->span, "%s has no field `%s`",
                                  dn_host_describe(h, record), name->text);
    if (record->kind == DN_HOST_TENSOR)
        dn_diag_hint(&h->c->diags, diag,
                     "these data have no such part: images come alone unless the source has labels "
                     "(image_folder(..., labels: true), idx(images, labels: ...))");
    if (record->kind == DN_HOST_RECORD)
        dn_diag_did_you_mean(&h->c->diags, diag, name->text, record->names, record->count);
    dn_host_hint_loop(h->c, diag, record);
    return dn_host_simple(DN_HOST_ERROR);
}

void dn_host_bind(dn_host *h, const dn_pattern *pattern, const dn_host_type *type, bool declare) {
    if (!pattern->record) {
        bind_name(h, &pattern->names[0], type, declare);
        return;
    }
    int whole = dn_host_add_local(h, NULL, type, pattern->span);
    dn_host_emit(h, DN_VM_STORE, whole, 0);
    for (int i = 0; i < pattern->count; i++) {
        const dn_name *name = &pattern->names[i];
        h->span = name->span;
        dn_host_emit(h, DN_VM_LOAD, whole, 0);
        dn_host_emit(h, DN_VM_FIELD,
                     dn_host_constant(h->c, dn_value_string(name->text, strlen(name->text))), 0);
        bind_name(h, name, field_of(h, type, name), declare);
    }
}

// ---- statements
// -----------------------------------------------------------------------------------------------

void dn_host_check_type(dn_host *h, const dn_type_expr *type, const dn_host_type *given,
                        dn_span span, const char *what) {
    if (!type || dn_host_accepts(type, given)) return;
    size_t length;
    const char *wanted = dn_sources_text(&h->c->sources, type->span, &length);
    dn_diag_error(&h->c->diags, span, "%s should be %.*s, not %s", what, (int)length, wanted,
                  dn_host_describe(h, given));
}

static void bind(dn_host *h, const dn_stmt *stmt) {
    const dn_pattern *pattern = &stmt->bind.pattern;
    const dn_host_type *type;
    if (stmt->bind.compound) {
        dn_expr name = {
            .kind = DN_EXPR_NAME, .span = pattern->names[0].span, .name = pattern->names[0].text};
        dn_expr sum = {.kind = DN_EXPR_BINARY, .span = stmt->span};
        sum.operation.oper = stmt->bind.oper;
        sum.operation.left = &name;
        sum.operation.right = stmt->bind.value;
        type = dn_host_expr(h, &sum);
    } else {
        type = dn_host_expr(h, stmt->bind.value);
    }
    if (type->kind == DN_HOST_NONE)
        dn_diag_error(&h->c->diags, stmt->bind.value->span, "this gives no value");
    if (stmt->bind.type)
        dn_host_check_type(h, stmt->bind.type, type, stmt->bind.value->span,
                           pattern->names[0].text);
    dn_host_bind(h, pattern, type, stmt->kind == DN_STMT_LET);
}

static void leave_scope(dn_host *h, int first) {
    for (int i = first; i < h->n_locals; i++) h->locals[i].out_of_scope = true;
}

static void loop_body(dn_host *h, const dn_block *body, dn_loop *loop) {
    loop->outer = h->loop;
    h->loop = loop;
    dn_host_block(h, body, false);
    h->loop = loop->outer;
    dn_host_emit(h, DN_VM_JUMP, loop->start, 0);
}

static void end_loop(dn_host *h, dn_loop *loop) {
    for (int i = 0; i < loop->n_breaks; i++) dn_host_patch(h, loop->breaks[i]);
    free(loop->breaks);
}

static void for_loop(dn_host *h, const dn_stmt *stmt) {
    const dn_host_type *source = dn_host_expr(h, stmt->loop.source);
    dn_span span = stmt->loop.source->span;
    h->span = span;
    int epochs = dn_host_add_local(h, NULL, dn_host_simple(DN_HOST_ANY), span);
    int first = h->n_locals;
    dn_host_emit(h, DN_VM_ITERATE, epochs, 0);
    dn_loop loop = {.has_iterator = true};
    loop.start = dn_host_emit(h, DN_VM_NEXT, 0, 0);
    dn_host_bind(h, &stmt->loop.pattern, dn_host_element(h, source, span), true);
    loop_body(h, stmt->loop.body, &loop);
    dn_host_patch(h, loop.start);
    end_loop(h, &loop);
    leave_scope(h, first);
}

static void while_loop(dn_host *h, const dn_stmt *stmt) {
    dn_loop loop = {.start = h->n_code};
    dn_host_condition_expr(h, stmt->repeat.condition);
    h->span = stmt->repeat.condition->span;
    int out = dn_host_emit(h, DN_VM_JUMP_FALSE, 0, 0);
    int first = h->n_locals;
    loop_body(h, stmt->repeat.body, &loop);
    dn_host_patch(h, out);
    end_loop(h, &loop);
    leave_scope(h, first);
}

static void leave_loop(dn_host *h, const dn_stmt *stmt) {
    bool is_break = stmt->kind == DN_STMT_BREAK;
    if (!h->loop) {
        dn_diag_error(&h->c->diags, stmt->span, "`%s` outside of a loop",
                      is_break ? "break" : "continue");
        return;
    }
    if (!is_break) {
        dn_host_emit(h, DN_VM_JUMP, h->loop->start, 0);
        return;
    }
    if (h->loop->has_iterator) dn_host_emit(h, DN_VM_END_LOOP, 0, 0);
    DN_PUSH(h->loop->breaks, h->loop->n_breaks, h->loop->cap_breaks) =
        dn_host_emit(h, DN_VM_JUMP, 0, 0);
}

static void log_values(dn_host *h, const dn_stmt *stmt) {
    const dn_host_type *type = dn_host_expr(h, stmt->expr);
    h->span = stmt->span;
    dn_host_emit(h, DN_VM_LOG, 0, 0);
    if (type->kind == DN_HOST_ANY || type->kind == DN_HOST_ERROR) return;
    bool fits = type->kind == DN_HOST_RECORD;
    for (int i = 0; fits && i < type->count; i++) fits = dn_host_is_number(type->fields[i]);
    if (fits) return;
    dn_diag *diag =
        dn_diag_error(&h->c->diags, stmt->expr->span, "`log` takes a record of numbers, not %s",
                      dn_host_describe(h, type));
    dn_diag_hint(&h->c->diags, diag, "log {loss: value}");
}

static void return_value(dn_host *h, const dn_stmt *stmt) {
    const dn_host_type *type = dn_host_simple(DN_HOST_NONE);
    if (stmt->expr) {
        type = dn_host_expr(h, stmt->expr);
    } else {
        dn_host_emit(h, DN_VM_NONE, 0, 0);
    }
    dn_host_emit(h, DN_VM_RETURN, 0, 0);
    h->result = h->result ? dn_host_join(h->result, type) : type;
}

static void belongs_in_tensor_code(dn_host *h, const dn_stmt *stmt, const char *what) {
    dn_diag *diag =
        dn_diag_error(&h->c->diags, stmt->span, "`%s` belongs in a %s, not in a command", what,
                      strcmp(what, "minimize") == 0 ? "step" : "net");
    if (strcmp(what, "minimize") == 0)
        dn_diag_hint(&h->c->diags, diag,
                     "a command calls a step, which is compiled as one graph: step train(x: "
                     "f32[...]) { ... minimize ... }");
}

// Leaves a value on the stack only for an expression; then *type is its type.
static bool statement(dn_host *h, const dn_stmt *stmt, const dn_host_type **type) {
    h->span = stmt->span;
    switch (stmt->kind) {
        case DN_STMT_EXPR: *type = dn_host_expr(h, stmt->expr); return true;
        case DN_STMT_LET:
        case DN_STMT_ASSIGN: bind(h, stmt); return false;
        case DN_STMT_RETURN: return_value(h, stmt); return false;
        case DN_STMT_FOR: for_loop(h, stmt); return false;
        case DN_STMT_WHILE: while_loop(h, stmt); return false;
        case DN_STMT_BREAK:
        case DN_STMT_CONTINUE: leave_loop(h, stmt); return false;
        case DN_STMT_LOG: log_values(h, stmt); return false;
        case DN_STMT_MINIMIZE: belongs_in_tensor_code(h, stmt, "minimize"); return false;
        case DN_STMT_PARAM: belongs_in_tensor_code(h, stmt, "param"); return false;
        case DN_STMT_STATE: belongs_in_tensor_code(h, stmt, "state"); return false;
        case DN_STMT_MODEL: belongs_in_tensor_code(h, stmt, "model"); return false;
        case DN_STMT_ERROR: return false;
    }
    return false;
}

const dn_host_type *dn_host_block(dn_host *h, const dn_block *block, bool want_value) {
    int first = h->n_locals;
    const dn_host_type *type = dn_host_simple(DN_HOST_NONE);
    bool has_value = false;
    for (int i = 0; i < block->count; i++) {
        if (has_value) dn_host_emit(h, DN_VM_POP, 0, 0);
        has_value = statement(h, block->stmts[i], &type);
    }
    if (has_value && !want_value) dn_host_emit(h, DN_VM_POP, 0, 0);
    if (!has_value && want_value) dn_host_emit(h, DN_VM_NONE, 0, 0);
    leave_scope(h, first);
    return has_value ? type : dn_host_simple(DN_HOST_NONE);
}
