// Expressions of commands.
#include <stdlib.h>
#include <string.h>

#include "frontend/host.h"

static const dn_host_type *simple(dn_host_kind kind) { return dn_host_simple(kind); }

static const dn_host_type *fail(dn_host *h, dn_span span, const char *text) {
    dn_diag_error(&h->c->diags, span, "%s", text);
    dn_host_emit(h, DN_VM_NONE, 0, 0);  // one value, whatever happens
    return simple(DN_HOST_ERROR);
}

// ---- what is known at compile time
// --------------------------------------------------------------------------

static bool is_closed(dn_host *h, const dn_expr *e) {
    switch (e->kind) {
        case DN_EXPR_INT:
        case DN_EXPR_FLOAT:
        case DN_EXPR_BOOL: return true;
        case DN_EXPR_STRING:
            for (int i = 0; i < e->string.count; i++)
                if (!e->string.parts[i].text && !is_closed(h, e->string.parts[i].value))
                    return false;
            return true;
        case DN_EXPR_NAME: {
            if (dn_host_find_local(h, e->name) >= 0) return false;
            dn_def *def = dn_compiler_find(h->c, e->name, false, false);
            return (def && def->decl->kind == DN_DECL_CONST) || strcmp(e->name, "none") == 0 ||
                   strcmp(e->name, "pi") == 0 || strcmp(e->name, "inf") == 0;
        }
        case DN_EXPR_UNARY: return is_closed(h, e->operation.left);
        case DN_EXPR_BINARY:
            return is_closed(h, e->operation.left) && is_closed(h, e->operation.right);
        case DN_EXPR_LIST:
            for (int i = 0; i < e->list.count; i++)
                if (!is_closed(h, e->list.items[i])) return false;
            return true;
        case DN_EXPR_INDEX:
            return e->index.count == 1 && !e->index.items[0].is_slice &&
                   !e->index.items[0].is_ellipsis && is_closed(h, e->index.base) &&
                   is_closed(h, e->index.items[0].index);
        default: return false;
    }
}

static bool takes_symbols(const dn_type_expr *type) {
    if (!type) return false;
    if (type->kind == DN_TYPE_SYMBOL) return true;
    for (int i = 0; type->kind == DN_TYPE_UNION && i < type->count; i++)
        if (takes_symbols(type->items[i])) return true;
    return false;
}

bool dn_host_static(dn_host *h, const dn_expr *expr, const dn_type_expr *type, dn_term *out) {
    bool symbol =
        takes_symbols(type) && expr->kind == DN_EXPR_NAME && dn_host_find_local(h, expr->name) < 0;
    if (!symbol && !is_closed(h, expr)) return false;
    dn_build b;
    dn_build_init(&b, h->c, "static", false);
    *out = dn_eval_as(&b, expr, type);
    dn_graph_free(b.graph);
    dn_build_free(&b);
    return true;
}

// ---- which expressions are tensor code
// -------------------------------------------------------------------------

static bool is_tensor_expr(dn_host *h, const dn_expr *e);

static const dn_host_type *path_type(dn_host *h, const dn_expr *e) {
    if (e->kind == DN_EXPR_NAME) {
        int local = dn_host_find_local(h, e->name);
        return local < 0 ? NULL : h->locals[local].type;
    }
    if (e->kind == DN_EXPR_INDEX) {
        const dn_host_type *list = path_type(h, e->index.base);
        return list && list->kind == DN_HOST_LIST ? list->element : NULL;
    }
    if (e->kind != DN_EXPR_FIELD) return NULL;
    const dn_host_type *base = path_type(h, e->field.base);
    return base && base->kind == DN_HOST_RECORD ? dn_host_field(base, e->field.name.text) : NULL;
}

static bool is_tensor_operand(dn_host *h, const dn_expr *e) {
    const dn_host_type *type = path_type(h, e);
    if (type) return type->kind == DN_HOST_TENSOR && !type->open && type->tensor.rank > 0;
    return is_tensor_expr(h, e);
}

// A path that begins with the name of a model: a parameter.
static bool is_parameter(dn_host *h, const dn_expr *e) {
    while (e->kind == DN_EXPR_FIELD) e = e->field.base;
    if (e->kind != DN_EXPR_NAME || dn_host_find_local(h, e->name) >= 0) return false;
    dn_def *def = dn_compiler_find(h->c, e->name, false, false);
    return def && def->decl->kind == DN_DECL_MODEL;
}

static bool is_tensor_expr(dn_host *h, const dn_expr *e) {
    switch (e->kind) {
        case DN_EXPR_CALL: return dn_host_is_tensor_call(h, e);
        case DN_EXPR_UNARY: return is_tensor_operand(h, e->operation.left);
        case DN_EXPR_BINARY:
            return e->operation.oper == DN_OPER_MATMUL || is_tensor_operand(h, e->operation.left) ||
                   is_tensor_operand(h, e->operation.right);
        case DN_EXPR_INDEX: return is_tensor_operand(h, e->index.base);
        case DN_EXPR_FIELD: return is_parameter(h, e) || is_tensor_expr(h, e->field.base);
        default: return false;
    }
}

// ---- expressions
// --------------------------------------------------------------------------------------------------

static const dn_host_type *host_name(dn_host *h, const dn_expr *e) {
    int local = dn_host_find_local(h, e->name);
    if (local >= 0) {
        dn_host_emit(h, DN_VM_LOAD, local, 0);
        return h->locals[local].type;
    }
    dn_def *def = dn_compiler_find(h->c, e->name, false, false);
    if (def) {
        dn_diag *diag = dn_diag_error(&h->c->diags, e->span, "`%s` is a %s, not a value", e->name,
                                      def->decl->kind == DN_DECL_MODEL ? "model" : "function");
        dn_diag_hint(&h->c->diags, diag, "call it: %s(...)", e->name);
    } else {
        dn_diag *diag =
            dn_diag_error(&h->c->diags, e->span, "there is no value called `%s`", e->name);
        const char *names[64];
        int n = 0;
        for (int i = 0; i < h->n_locals && n < 64; i++)
            if (h->locals[i].name && !h->locals[i].out_of_scope) names[n++] = h->locals[i].name;
        dn_compiler_suggest(h->c, diag, e->name, names, n);
    }
    dn_host_emit(h, DN_VM_NONE, 0, 0);
    return simple(DN_HOST_ERROR);
}

static void check_format(dn_host *h, const dn_string_part *part) {
    dn_value number = {.kind = DN_VALUE_INT};
    dn_str text = {0};
    dn_status status = dn_value_format(&number, part->format, &text);
    free(text.text);
    if (status) dn_diag_status(&h->c->diags, part->value->span, status);
}

static const dn_host_type *host_string(dn_host *h, const dn_expr *e) {
    for (int i = 0; i < e->string.count; i++) {
        const dn_string_part *part = &e->string.parts[i];
        if (part->text) {
            dn_host_emit_string(h, part->text);
            continue;
        }
        dn_host_expr(h, part->value);
        if (!part->format) continue;
        h->span = part->value->span;
        check_format(h, part);
        int k = dn_host_constant(h->c, dn_value_string(part->format, strlen(part->format)));
        dn_host_emit(h, DN_VM_FORMAT, k, 0);
    }
    dn_host_emit(h, DN_VM_TEXT, e->string.count, 0);
    return simple(DN_HOST_STRING);
}

static bool is_unknown(const dn_host_type *t) {
    return t->kind == DN_HOST_ANY || t->kind == DN_HOST_ERROR;
}

static const dn_host_type *operation_type(dn_host *h, const dn_expr *e, const dn_host_type *x,
                                          const dn_host_type *y) {
    dn_operator oper = e->operation.oper;
    if (x->kind == DN_HOST_ERROR || y->kind == DN_HOST_ERROR) return simple(DN_HOST_ERROR);
    if (oper == DN_OPER_EQ || oper == DN_OPER_NE) return simple(DN_HOST_BOOL);
    bool numbers = dn_host_is_number(x) && dn_host_is_number(y);
    if (numbers || is_unknown(x) || is_unknown(y)) {
        if (oper >= DN_OPER_LT && oper <= DN_OPER_GE) return simple(DN_HOST_BOOL);
        if (is_unknown(x) || is_unknown(y)) return simple(DN_HOST_ANY);
        bool whole = x->kind == DN_HOST_INT && y->kind == DN_HOST_INT;
        return simple(whole && oper != DN_OPER_DIV ? DN_HOST_INT : DN_HOST_FLOAT);
    }
    bool joins = oper == DN_OPER_ADD && x->kind == y->kind &&
                 (x->kind == DN_HOST_STRING || x->kind == DN_HOST_LIST);
    if (joins) return dn_host_join(x, y);
    dn_diag *diag =
        dn_diag_error(&h->c->diags, e->span, "`%s` does not work on %s and %s",
                      dn_operator_text(oper), dn_host_describe(h, x), dn_host_describe(h, y));
    dn_host_hint_loop(h->c, diag, x->kind == DN_HOST_DATASET ? x : y);
    return simple(DN_HOST_ERROR);
}

static dn_host_operator host_operator(dn_operator oper) {
    static const dn_host_operator table[] = {
        [DN_OPER_NEG] = DN_HOST_NEG,   [DN_OPER_NOT] = DN_HOST_NOT, [DN_OPER_ADD] = DN_HOST_ADD,
        [DN_OPER_SUB] = DN_HOST_SUB,   [DN_OPER_MUL] = DN_HOST_MUL, [DN_OPER_DIV] = DN_HOST_DIV,
        [DN_OPER_IDIV] = DN_HOST_IDIV, [DN_OPER_REM] = DN_HOST_REM, [DN_OPER_POW] = DN_HOST_POW,
        [DN_OPER_EQ] = DN_HOST_EQ,     [DN_OPER_NE] = DN_HOST_NE,   [DN_OPER_LT] = DN_HOST_LT,
        [DN_OPER_LE] = DN_HOST_LE,     [DN_OPER_GT] = DN_HOST_GT,   [DN_OPER_GE] = DN_HOST_GE,
        [DN_OPER_AND] = DN_HOST_AND,   [DN_OPER_OR] = DN_HOST_OR,
    };
    return table[oper];
}

void dn_host_condition_expr(dn_host *h, const dn_expr *e) {
    const dn_host_type *type = dn_host_expr(h, e);
    bool scalar = type->kind == DN_HOST_TENSOR &&
                  (type->open || (type->tensor.dtype == DN_BOOL && type->tensor.rank == 0));
    if (type->kind == DN_HOST_BOOL || scalar || is_unknown(type)) return;
    dn_diag_error(&h->c->diags, e->span, "a condition must be one bool, and this is %s",
                  dn_host_describe(h, type));
}

// The right side of `and` and `or` is evaluated only when it decides.
static const dn_host_type *host_logic(dn_host *h, const dn_expr *e) {
    dn_host_condition_expr(h, e->operation.left);
    dn_host_emit(h, DN_VM_DUP, 0, 0);
    if (e->operation.oper == DN_OPER_OR) dn_host_emit(h, DN_VM_UNARY, DN_HOST_NOT, 0);
    int jump = dn_host_emit(h, DN_VM_JUMP_FALSE, 0, 0);
    dn_host_emit(h, DN_VM_POP, 0, 0);
    dn_host_condition_expr(h, e->operation.right);
    dn_host_patch(h, jump);
    return simple(DN_HOST_BOOL);
}

static const dn_host_type *host_binary(dn_host *h, const dn_expr *e) {
    if (e->operation.oper == DN_OPER_AND || e->operation.oper == DN_OPER_OR)
        return host_logic(h, e);
    const dn_host_type *x = dn_host_expr(h, e->operation.left);
    const dn_host_type *y = dn_host_expr(h, e->operation.right);
    h->span = e->span;
    dn_host_emit(h, DN_VM_BINARY, host_operator(e->operation.oper), 0);
    return operation_type(h, e, x, y);
}

static const dn_host_type *fail_operand(dn_host *h, const dn_expr *e, const dn_host_type *x) {
    dn_diag_error(&h->c->diags, e->span, "`%s` does not work on %s",
                  dn_operator_text(e->operation.oper), dn_host_describe(h, x));
    return simple(DN_HOST_ERROR);
}

static const dn_host_type *host_unary(dn_host *h, const dn_expr *e) {
    if (e->operation.oper == DN_OPER_NOT) {
        dn_host_condition_expr(h, e->operation.left);
        h->span = e->span;
        dn_host_emit(h, DN_VM_UNARY, DN_HOST_NOT, 0);
        return simple(DN_HOST_BOOL);
    }
    const dn_host_type *x = dn_host_expr(h, e->operation.left);
    h->span = e->span;
    dn_host_emit(h, DN_VM_UNARY, host_operator(e->operation.oper), 0);
    if (dn_host_is_number(x)) return x->kind == DN_HOST_TENSOR ? simple(DN_HOST_FLOAT) : x;
    if (is_unknown(x) || x->kind == DN_HOST_TENSOR) return x;
    return fail_operand(h, e, x);
}

static const dn_host_type *host_field(dn_host *h, const dn_expr *e) {
    const dn_name *name = &e->field.name;
    const dn_host_type *base = dn_host_expr(h, e->field.base);
    h->span = name->span;
    dn_host_emit(h, DN_VM_FIELD,
                 dn_host_constant(h->c, dn_value_string(name->text, strlen(name->text))), 0);
    if (is_unknown(base)) return base;
    const dn_host_type *field =
        base->kind == DN_HOST_RECORD ? dn_host_field(base, name->text) : NULL;
    if (field) return field;
    dn_diag *diag = dn_diag_error(&h->c->diags, name->span, "%s has no field `%s`",
                                  dn_host_describe(h, base), name->text);
    if (base->kind == DN_HOST_RECORD)
        dn_diag_did_you_mean(&h->c->diags, diag, name->text, base->names, base->count);
    dn_host_hint_loop(h->c, diag, base);
    return simple(DN_HOST_ERROR);
}

static const dn_host_type *host_index(dn_host *h, const dn_expr *e) {
    const dn_host_type *base = dn_host_expr(h, e->index.base);
    const dn_subscript *item = &e->index.items[0];
    if (e->index.count != 1 || item->is_slice || item->is_ellipsis) {
        dn_diag *diag = dn_diag_error(&h->c->diags, e->span, "a list has one index in a command");
        dn_diag_hint(&h->c->diags, diag, "take(list, n) and skip(list, n) give parts");
        return simple(DN_HOST_ERROR);
    }
    dn_host_expr(h, item->index);
    h->span = e->span;
    dn_host_emit(h, DN_VM_INDEX, 0, 0);
    if (base->kind == DN_HOST_LIST) return base->element;
    if (base->kind == DN_HOST_TENSOR) return dn_host_open_tensor();
    if (is_unknown(base)) return base;
    dn_diag *diag = dn_diag_error(&h->c->diags, e->span, "%s has no elements to index",
                                  dn_host_describe(h, base));
    dn_host_hint_loop(h->c, diag, base);
    return simple(DN_HOST_ERROR);
}

static const dn_host_type *host_list(dn_host *h, const dn_expr *e) {
    const dn_host_type *element = simple(DN_HOST_ANY);
    for (int i = 0; i < e->list.count; i++) {
        const dn_host_type *t = dn_host_expr(h, e->list.items[i]);
        element = i ? dn_host_join(element, t) : t;
    }
    dn_host_emit(h, DN_VM_LIST, e->list.count, 0);
    return dn_host_container(&h->c->arena, DN_HOST_LIST, element);
}

static int record_names(dn_compiler *c, const char *const *names, int count) {
    const char **copy = DN_NEW_ARRAY(&c->arena, const char *, count + 1);
    for (int i = 0; i < count; i++) copy[i] = names[i];
    DN_PUSH(c->record_names, c->n_record_names, c->cap_record_names) = copy;
    return c->n_record_names - 1;
}

static const dn_host_type *host_record(dn_host *h, const dn_expr *e) {
    int count = e->record.count;
    const char **names = DN_NEW_ARRAY(&h->c->arena, const char *, count);
    const dn_host_type **types = DN_NEW_ARRAY(&h->c->arena, const dn_host_type *, count);
    for (int i = 0; i < count; i++) {
        names[i] = e->record.fields[i].name.text;
        types[i] = dn_host_expr(h, e->record.fields[i].value);
    }
    dn_host_emit(h, DN_VM_RECORD, record_names(h->c, names, count), 0);
    return dn_host_record(&h->c->arena, count, names, types);
}

static const dn_host_type *host_range(dn_host *h, const dn_expr *e) {
    dn_host_expr(h, e->range.first);
    dn_host_expr(h, e->range.last);
    h->span = e->span;
    dn_host_emit(h, DN_VM_RANGE, e->range.exclusive, 0);
    return simple(DN_HOST_RANGE);
}

const dn_host_type *dn_host_element(dn_host *h, const dn_host_type *source, dn_span span) {
    switch (source->kind) {
        case DN_HOST_RANGE: return simple(DN_HOST_INT);
        case DN_HOST_LIST: return source->element;
        case DN_HOST_PROGRESS: return dn_host_element(h, source->element, span);
        case DN_HOST_DATASET:
            return source->element->count == 1 ? source->element->fields[0] : source->element;
        case DN_HOST_ANY:
        case DN_HOST_ERROR: return source;
        default:
            dn_diag_error(&h->c->diags, span,
                          "a loop goes through a range, a list or a dataset, not %s",
                          dn_host_describe(h, source));
            return simple(DN_HOST_ERROR);
    }
}

// [for x in xs: e]
static const dn_host_type *host_each(dn_host *h, const dn_expr *e) {
    dn_host_emit(h, DN_VM_LIST, 0, 0);
    const dn_host_type *source = dn_host_expr(h, e->each.source);
    h->span = e->each.source->span;
    int epochs = dn_host_add_local(h, NULL, simple(DN_HOST_ANY), e->span);
    int first = h->n_locals;
    dn_host_emit(h, DN_VM_ITERATE, epochs, 0);
    int next = dn_host_emit(h, DN_VM_NEXT, 0, 0);
    dn_pattern pattern = {.names = e->each.names,
                          .count = e->each.n_names,
                          .record = e->each.record,
                          .span = e->span};
    dn_host_bind(h, &pattern, dn_host_element(h, source, e->each.source->span), true);
    const dn_host_type *element = dn_host_expr(h, e->each.value);
    dn_host_emit(h, DN_VM_APPEND, 2, 0);
    dn_host_emit(h, DN_VM_JUMP, next, 0);
    dn_host_patch(h, next);
    for (int i = first; i < h->n_locals; i++) h->locals[i].out_of_scope = true;
    return dn_host_container(&h->c->arena, DN_HOST_LIST, element);
}

static const dn_host_type *host_if(dn_host *h, const dn_expr *e) {
    dn_host_condition_expr(h, e->branch.condition);
    h->span = e->branch.condition->span;
    int otherwise = dn_host_emit(h, DN_VM_JUMP_FALSE, 0, 0);
    const dn_host_type *x = dn_host_block(h, e->branch.then, true), *y = simple(DN_HOST_NONE);
    int end = dn_host_emit(h, DN_VM_JUMP, 0, 0);
    dn_host_patch(h, otherwise);
    if (e->branch.otherwise) {
        y = dn_host_block(h, e->branch.otherwise, true);
    } else {
        dn_host_emit(h, DN_VM_NONE, 0, 0);
    }
    dn_host_patch(h, end);
    return dn_host_join(x, y);
}

static const dn_host_type *host_kind(dn_host *h, const dn_expr *e) {
    switch (e->kind) {
        case DN_EXPR_ERROR:  // reported by the parser
            dn_host_emit(h, DN_VM_NONE, 0, 0);
            return simple(DN_HOST_ERROR);
        case DN_EXPR_NAME: return host_name(h, e);
        case DN_EXPR_STRING: return host_string(h, e);
        case DN_EXPR_UNARY: return host_unary(h, e);
        case DN_EXPR_BINARY: return host_binary(h, e);
        case DN_EXPR_RANGE: return host_range(h, e);
        case DN_EXPR_CALL: return dn_host_call_expr(h, e);
        case DN_EXPR_INDEX: return host_index(h, e);
        case DN_EXPR_FIELD: return host_field(h, e);
        case DN_EXPR_LIST: return host_list(h, e);
        case DN_EXPR_EACH: return host_each(h, e);
        case DN_EXPR_RECORD: return host_record(h, e);
        case DN_EXPR_IF: return host_if(h, e);
        default: return fail(h, e->span, "this has no value in a command");
    }
}

const dn_host_type *dn_host_expr(dn_host *h, const dn_expr *e) {
    dn_span outer = h->span;
    h->span = e->span;
    const dn_host_type *type;
    dn_term term;
    if (is_closed(h, e) && dn_host_static(h, e, NULL, &term)) {
        if (dn_term_is_error(term)) {
            dn_host_emit(h, DN_VM_NONE, 0, 0);
            type = simple(DN_HOST_ERROR);
        } else if (!dn_host_emit_term(h, &term, &type)) {
            type = fail(h, e->span, "this is not a value that a command can use");
        }
    } else if (is_tensor_expr(h, e)) {
        type = dn_host_thunk(h, e);
    } else {
        type = host_kind(h, e);
    }
    h->span = outer;
    return type;
}

const dn_host_type *dn_host_type_of(dn_host *h, const dn_expr *e) {
    int code = h->n_code;
    const dn_host_type *type = dn_host_expr(h, e);
    h->n_code = code;
    return type;
}
