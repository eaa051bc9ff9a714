// Tensor expressions inside commands: each becomes an entry whose inputs are the host values that
// it mentions.
#include <stdlib.h>
#include <string.h>

#include "frontend/host.h"

static dn_capture *find_capture(dn_host *h, const dn_expr *expr, int local) {
    for (int i = 0; i < h->n_captures; i++) {
        const dn_capture *c = &h->captures[i];
        if (local >= 0 ? c->local == local : c->expr == expr) return &h->captures[i];
    }
    return NULL;
}

static dn_node *cast_to_real(dn_build *b, dn_node *node) {
    if (node->type.dtype != DN_F32 || b->c->real == DN_F32) return node;
    return dn_build_cast(b->graph, node, b->c->real);
}

static dn_dtype number_dtype(dn_build *b, const dn_host_type *type, const dn_node *like) {
    if (type->kind == DN_HOST_BOOL) return DN_BOOL;
    if (like && (dn_dtype_is_float(like->type.dtype) || type->kind == DN_HOST_INT))
        return like->type.dtype;
    return type->kind == DN_HOST_INT ? DN_I32 : b->c->real;
}

static bool input_type(dn_build *b, const dn_term *term, const dn_node *like, dn_span span,
                       dn_type *out) {
    const dn_host_type *type = term->host.type;
    if (type->kind == DN_HOST_TENSOR && !type->open) {
        *out = type->tensor;
        return true;
    }
    if (type->kind == DN_HOST_INT || type->kind == DN_HOST_FLOAT || type->kind == DN_HOST_BOOL) {
        *out = dn_type_scalar(number_dtype(b, type, like));
        return true;
    }
    if (type->kind == DN_HOST_ERROR) return false;
    dn_diag *diag =
        dn_build_error(b, span, "tensor code cannot take this value of the command, %s",
                       type->kind == DN_HOST_TENSOR ? "a tensor whose shape is known only "
                                                      "when it runs"
                                                    : dn_describe(b, term));
    if (type->kind == DN_HOST_TENSOR)
        dn_diag_hint(&b->c->diags, diag,
                     "networks are compiled for exact shapes: go through the data in batches of a "
                     "constant size");
    dn_host_hint_loop(b->c, diag, type);
    return false;
}

dn_node *dn_host_capture(dn_build *b, dn_term term, const dn_node *like, dn_span span) {
    dn_host *h = b->host;
    const dn_expr *expr = term.host.expr;
    int local = expr->kind == DN_EXPR_NAME ? dn_host_find_local(h, expr->name) : -1;
    dn_capture *found = find_capture(h, expr, local);
    dn_type type;
    if (found) return found->node;
    if (!input_type(b, &term, like, span, &type)) return NULL;
    dn_capture *captures = h->captures;  // the value's own code may build thunks
    int n = h->n_captures, capacity = h->cap_captures;
    h->captures = NULL;
    h->n_captures = h->cap_captures = 0;
    dn_host_expr(h, expr);
    free(h->captures);
    h->captures = captures;
    h->n_captures = n;
    h->cap_captures = capacity;
    const char *name = expr->kind == DN_EXPR_NAME ? expr->name : "value";
    dn_node *node = cast_to_real(b, dn_graph_input(b->graph, name, type));
    DN_PUSH(h->captures, h->n_captures, h->cap_captures) =
        (dn_capture){.expr = expr, .local = local, .node = node};
    return node;
}

bool dn_host_lookup(dn_build *b, const char *name, const dn_expr *expr, dn_term *out) {
    // Only the thunk itself sees the command's names, not the functions it calls.
    if (b->frame && b->frame->decl) return false;
    int local = dn_host_find_local(b->host, name);
    if (local < 0) return false;
    if (!expr) {
        dn_expr *made = DN_NEW(&b->c->arena, dn_expr);
        *made = (dn_expr){.kind = DN_EXPR_NAME, .span = b->graph->span, .name = name};
        expr = made;
    }
    const dn_host_type *type = b->host->locals[local].type;
    *out = type->kind == DN_HOST_ERROR ? dn_term_of(DN_TERM_ERROR)
                                       : (dn_term){.kind = DN_TERM_HOST, .host = {type, expr}};
    return true;
}

dn_term dn_host_value(dn_build *b, const dn_expr *expr) {
    const dn_host_type *type = dn_host_type_of(b->host, expr);
    if (type->kind == DN_HOST_ERROR) return dn_term_of(DN_TERM_ERROR);
    return (dn_term){.kind = DN_TERM_HOST, .host = {type, expr}};
}

dn_term dn_host_call(dn_build *b, const dn_expr *expr) {
    const dn_expr *callee = expr->call.callee;
    // Only the thunk itself is code of the command, not the functions it calls.
    if (b->frame && b->frame->decl)
        return dn_build_belongs_in_command(b, expr->span,
                                           callee->kind == DN_EXPR_NAME ? callee->name : "this");
    return dn_host_value(b, expr);
}

static const dn_host_type *emit_entry(dn_host *h, dn_build *b, dn_term result,
                                      const dn_expr *expr) {
    int inputs = b->graph->n_inputs;
    int entry = dn_finish_entry(b, result, expr->span, false, false);
    if (entry < 0) {
        dn_host_emit(h, DN_VM_NONE, 0, 0);
        return dn_host_simple(DN_HOST_ERROR);
    }
    h->span = expr->span;
    dn_host_emit(h, DN_VM_CALL_ENTRY, entry, inputs);
    return dn_entry_type(h->c, entry);
}

static const dn_host_type *finish_thunk(dn_host *h, dn_build *b, dn_term result,
                                        const dn_expr *expr) {
    const dn_host_type *type;
    if (result.kind == DN_TERM_TENSOR || result.kind == DN_TERM_RECORD)
        return emit_entry(h, b, result, expr);
    dn_graph_free(b->graph);
    if (dn_term_is_error(result)) {
        dn_host_emit(h, DN_VM_NONE, 0, 0);
        return dn_host_simple(DN_HOST_ERROR);
    }
    if (dn_host_emit_term(h, &result, &type)) return type;
    dn_diag_error(&h->c->diags, expr->span, "%s is not a value that a command can use",
                  dn_term_kind_text(&result));
    dn_host_emit(h, DN_VM_NONE, 0, 0);
    return dn_host_simple(DN_HOST_ERROR);
}

const dn_host_type *dn_host_thunk(dn_host *h, const dn_expr *expr) {
    dn_build b;
    const char *name = dn_arena_printf(&h->c->arena, "%s#%d", h->name, ++h->thunks);
    dn_capture *outer = h->captures;
    int n = h->n_captures, capacity = h->cap_captures, code = h->n_code;
    h->captures = NULL;
    h->n_captures = h->cap_captures = 0;
    dn_build_init(&b, h->c, name, false);
    b.host = h;
    dn_frame frame = {.name = h->name};
    b.frame = &frame;
    dn_term result = dn_eval(&b, expr);
    if (result.kind != DN_TERM_TENSOR && result.kind != DN_TERM_RECORD) h->n_code = code;
    const dn_host_type *type = finish_thunk(h, &b, result, expr);
    free(frame.names);
    free(frame.children);
    free(h->captures);
    h->captures = outer;
    h->n_captures = n;
    h->cap_captures = capacity;
    dn_build_free(&b);
    return type;
}
