// Expressions of tensor code.
#include <stdlib.h>
#include <string.h>

#include "frontend/build.h"

// ---- names ----------------------------------------------------------------------------------

static bool predefined(dn_build *b, const char *name, dn_term *out) {
    dn_dtype dtype;
    if (strcmp(name, "none") == 0) {
        *out = dn_term_of(DN_TERM_NONE);
    } else if (strcmp(name, "training") == 0) {
        *out = dn_term_bool(b->frame && b->frame->training);
    } else if (strcmp(name, "pi") == 0) {
        *out = dn_term_float(3.14159265358979323846);
    } else if (strcmp(name, "inf") == 0) {
        *out = dn_term_float(__builtin_inf());
    } else if (strcmp(name, "bool") == 0) {
        *out = dn_term_dtype(DN_BOOL);
    } else if (dn_dtype_named(b->c, name, &dtype)) {
        *out = dn_term_dtype(dtype);
    } else {
        return false;
    }
    return true;
}

static bool elementwise_op(const char *name, dn_op *op) {
    return dn_op_from_name(name, strlen(name), op) &&
           (dn_op_get(*op)->class == DN_CLASS_UNARY || *op == DN_OP_IS_FINITE || *op == DN_OP_POW);
}

static dn_term evaluate_const(dn_build *b, dn_def *def) {
    if (def->state == DN_DEF_DONE) return def->value;
    if (def->state == DN_DEF_BUSY)
        return dn_build_fail(b, def->decl->name.span, "`%s` is defined in terms of itself",
                             def->name);
    def->state = DN_DEF_BUSY;
    dn_frame frame = {.name = def->name, .decl = def->decl};  // a const sees no locals
    dn_frame *outer = b->frame;
    b->frame = &frame;
    def->value = dn_eval(b, def->decl->value);
    const char *what = dn_arena_printf(&b->c->arena, "`%s`", def->name);
    if (!dn_term_is_error(def->value) && def->decl->type &&
        !dn_match_type(b, def->decl->type, &def->value, def->decl->value->span, what))
        def->value = dn_term_of(DN_TERM_ERROR);
    b->frame = outer;
    free(frame.names);
    def->state = DN_DEF_DONE;
    return def->value;
}

static dn_term evaluate_model(dn_build *b, dn_def *def) {
    if (def->state == DN_DEF_DONE) return def->value;
    def->state = DN_DEF_DONE;
    def->value = dn_term_of(DN_TERM_ERROR);
    dn_frame frame = {.name = def->name, .decl = def->decl};
    dn_frame *outer = b->frame;
    b->frame = &frame;
    dn_term net = dn_eval_partial(b, def->decl->value);
    b->frame = outer;
    free(frame.names);
    if (dn_term_is_error(net)) return net;
    dn_span span = def->decl->value->span;
    if (net.kind != DN_TERM_FUNCTION || !net.function->decl ||
        net.function->decl->kind != DN_DECL_NET)
        return dn_build_fail(b, span, "a model is made from a net, and this is %s",
                             dn_describe(b, &net));
    dn_model *model = DN_NEW(&b->c->arena, dn_model);
    *model = (dn_model){.name = def->name, .net = net.function, .span = span};
    def->value = (dn_term){.kind = DN_TERM_MODEL, .model = model};
    return def->value;
}

static dn_term definition_term(dn_build *b, dn_def *def) {
    switch (def->decl->kind) {
        case DN_DECL_CONST: return evaluate_const(b, def);
        case DN_DECL_MODEL: return evaluate_model(b, def);
        default: {
            dn_term term = {.kind = DN_TERM_FUNCTION};
            term.function = dn_function_of(b, def->decl, 0);
            return term;
        }
    }
}

static bool lookup_op(dn_build *b, const char *name, dn_term *out) {
    dn_op op;
    if (!elementwise_op(name, &op)) return false;
    dn_function *f = DN_NEW(&b->c->arena, dn_function);
    *f = (dn_function){.name = dn_op_get(op)->name, .op = op, .training = -1};
    *out = (dn_term){.kind = DN_TERM_FUNCTION, .function = f};
    return true;
}

// Everything that `name` can mean. Calls look for functions before constants, so that a const
// called `batch` and the function `batch` live together.
static bool find_name(dn_build *b, const char *name, bool callable, dn_term *out) {
    dn_bound_name *local = dn_frame_find(b->frame, name);
    bool fits = local && (!callable || local->value.kind == DN_TERM_FUNCTION ||
                          local->value.kind == DN_TERM_MODEL || dn_term_is_error(local->value));
    if (fits) {
        *out = local->value;
        return true;
    }
    if (!callable && b->host && dn_host_lookup(b, name, NULL, out)) return true;
    dn_def *def = dn_build_find(b, name, callable);
    if (def) {
        *out = definition_term(b, def);
        return true;
    }
    if (lookup_op(b, name, out)) return true;
    if (!callable && predefined(b, name, out)) return true;
    if (local) {
        *out = local->value;
        return true;
    }
    return false;
}

static dn_term unknown_name(dn_build *b, const char *name, dn_span span, bool callable) {
    dn_diag *diag = dn_build_error(b, span, "there is no %s called `%s`",
                                   callable ? "function" : "value", name);
    const char *locals[64];
    int n = 0;
    for (int i = 0; b->frame && i < b->frame->n_names && n < 64; i++)
        locals[n++] = b->frame->names[i].name;
    dn_compiler_suggest(b->c, diag, name, locals, n);
    return dn_term_of(DN_TERM_ERROR);
}

dn_term dn_lookup(dn_build *b, const char *name, dn_span span) {
    dn_term term;
    return find_name(b, name, false, &term) ? term : unknown_name(b, name, span, false);
}

dn_term dn_lookup_callable(dn_build *b, const char *name, dn_span span) {
    dn_term term;
    if (find_name(b, name, true, &term)) return term;
    if (find_name(b, name, false, &term)) return term;
    return unknown_name(b, name, span, true);
}

// ---- literals and containers ------------------------------------------------------------------

static void append_term(dn_build *b, dn_term term, dn_str *out) {
    if (term.kind == DN_TERM_STRING) {
        dn_str_puts(out, term.string);
    } else {
        dn_term_describe(b->c->dims, &term, out);
    }
}

// {x:.3} of a number known at compile time.
static bool append_formatted(dn_build *b, const dn_string_part *part, dn_term value, dn_str *out) {
    dn_value host = {.kind = DN_VALUE_NONE};
    double number = 0;
    if (value.kind == DN_TERM_INT && dn_dim_known(value.integer)) {
        host = (dn_value){.kind = DN_VALUE_INT, .integer = value.integer};
    } else if (dn_term_number(&value, &number)) {
        host = (dn_value){.kind = DN_VALUE_FLOAT, .number = number};
    } else {
        append_term(b, value, out);
        return true;
    }
    dn_status status = dn_value_format(&host, part->format, out);
    if (status) dn_build_status(b, part->value->span, status);
    return !status;
}

static dn_term eval_string(dn_build *b, const dn_expr *expr) {
    dn_str text = {0};
    for (int i = 0; i < expr->string.count; i++) {
        const dn_string_part *part = &expr->string.parts[i];
        if (part->text) {
            dn_str_puts(&text, part->text);
            continue;
        }
        dn_term value = dn_eval(b, part->value);
        if (dn_term_is_error(value)) {
            free(text.text);
            return value;
        }
        if (part->format && !append_formatted(b, part, value, &text)) {
            free(text.text);
            return dn_term_of(DN_TERM_ERROR);
        }
        if (!part->format) append_term(b, value, &text);
    }
    dn_term result = dn_term_string(dn_arena_strdup(&b->c->arena, text.text ? text.text : ""));
    free(text.text);
    return result;
}

static dn_term eval_list(dn_build *b, const dn_expr *expr) {
    dn_term list = {.kind = DN_TERM_LIST};
    list.list.count = expr->list.count;
    list.list.items = DN_NEW_ARRAY(&b->c->arena, dn_term, expr->list.count);
    for (int i = 0; i < expr->list.count; i++) {
        list.list.items[i] = dn_eval(b, expr->list.items[i]);
        if (dn_term_is_error(list.list.items[i])) return list.list.items[i];
    }
    return list;
}

static dn_term eval_record(dn_build *b, const dn_expr *expr) {
    int count = expr->record.count;
    dn_term record = {.kind = DN_TERM_RECORD};
    record.record.count = count;
    record.record.names = DN_NEW_ARRAY(&b->c->arena, const char *, count);
    record.record.values = DN_NEW_ARRAY(&b->c->arena, dn_term, count);
    for (int i = 0; i < count; i++) {
        record.record.names[i] = expr->record.fields[i].name.text;
        record.record.values[i] = dn_eval(b, expr->record.fields[i].value);
        if (dn_term_is_error(record.record.values[i])) return record.record.values[i];
    }
    return record;
}

static dn_term eval_range(dn_build *b, const dn_expr *expr) {
    dn_dim first, last;
    if (!dn_to_int(b, dn_eval(b, expr->range.first), expr->range.first->span, "a range's start",
                   &first) ||
        !dn_to_int(b, dn_eval(b, expr->range.last), expr->range.last->span, "a range's end", &last))
        return dn_term_of(DN_TERM_ERROR);
    if (!dn_dim_known(first) || !dn_dim_known(last)) return dn_build_give_up(b);
    enum { LIMIT = 1000000 };
    // Unsigned, as the difference of two integers may be too large for one.
    uint64_t length = last < first ? 0 : (uint64_t)last - (uint64_t)first + !expr->range.exclusive;
    if (length > LIMIT)
        return dn_build_fail(b, expr->span, "this loop would be unrolled %llu times",
                             (unsigned long long)length);
    int count = (int)length;
    if (!dn_build_spend(b, count, expr->span)) return dn_term_of(DN_TERM_ERROR);
    dn_term list = {.kind = DN_TERM_LIST};
    list.list.count = count;
    list.list.items = DN_NEW_ARRAY(&b->c->arena, dn_term, count);
    for (int i = 0; i < count; i++) list.list.items[i] = dn_term_int(first + i);
    return list;
}

static dn_term eval_each(dn_build *b, const dn_expr *expr) {
    dn_term source = dn_eval(b, expr->each.source);
    if (dn_term_is_error(source)) return source;
    if (source.kind != DN_TERM_LIST)
        return dn_build_fail(b, expr->each.source->span, "this goes through a list, not %s",
                             dn_describe(b, &source));
    dn_term list = {.kind = DN_TERM_LIST};
    list.list.count = source.list.count;
    list.list.items = DN_NEW_ARRAY(&b->c->arena, dn_term, source.list.count);
    dn_pattern pattern = {.names = expr->each.names,
                          .count = expr->each.n_names,
                          .record = expr->each.record,
                          .span = expr->span};
    for (int i = 0; i < source.list.count; i++) {
        dn_bind_pattern(b, &pattern, source.list.items[i]);
        list.list.items[i] = dn_eval(b, expr->each.value);
        if (dn_term_is_error(list.list.items[i])) return list.list.items[i];
    }
    return list;
}

static dn_term unknown_field(dn_build *b, const dn_expr *expr, dn_term base) {
    const dn_name *name = &expr->field.name;
    dn_diag *diag = dn_build_error(
        b, name->span, "%s has no field `%s`",
        base.kind == DN_TERM_RECORD ? "this record" : dn_describe(b, &base), name->text);
    if (base.kind == DN_TERM_RECORD)
        dn_diag_did_you_mean(&b->c->diags, diag, name->text, base.record.names, base.record.count);
    return dn_term_of(DN_TERM_ERROR);
}

// `M.dense.kernel`: the model and the whole path, where the expression is one.
static const dn_model *model_path(dn_build *b, const dn_expr *expr, const char **path) {
    dn_term root;
    if (expr->kind == DN_EXPR_NAME) {
        if (!find_name(b, expr->name, false, &root) || root.kind != DN_TERM_MODEL) return NULL;
        *path = root.model->name;
        return root.model->parent ? NULL : root.model;
    }
    if (expr->kind != DN_EXPR_FIELD) return NULL;
    const dn_model *model = model_path(b, expr->field.base, path);
    if (model) *path = dn_arena_printf(&b->c->arena, "%s.%s", *path, expr->field.name.text);
    return model;
}

static dn_term eval_field(dn_build *b, const dn_expr *expr) {
    const char *path;
    const dn_model *model = model_path(b, expr, &path);
    if (model) return dn_eval_parameter(b, model->name, path, expr->field.name.span);
    dn_term base = dn_eval(b, expr->field.base);
    if (dn_term_is_error(base)) return base;
    if (base.kind == DN_TERM_RECORD) {
        const dn_term *field = dn_term_field(&base, expr->field.name.text);
        if (field) return *field;
    }
    if (base.kind == DN_TERM_HOST && base.host.type->kind == DN_HOST_RECORD) {
        const dn_host_type *type = dn_host_field(base.host.type, expr->field.name.text);
        if (type) return (dn_term){.kind = DN_TERM_HOST, .host = {type, expr}};
    }
    return unknown_field(b, expr, base);
}

static dn_term eval_if(dn_build *b, const dn_expr *expr) {
    bool value;
    if (!dn_eval_condition(b, expr->branch.condition, &value)) return dn_term_of(DN_TERM_ERROR);
    if (value) return dn_eval_block(b, expr->branch.then);
    if (expr->branch.otherwise) return dn_eval_block(b, expr->branch.otherwise);
    return dn_term_of(DN_TERM_NONE);
}

bool dn_eval_condition(dn_build *b, const dn_expr *expr, bool *value) {
    dn_term term = dn_eval(b, expr);
    if (dn_term_is_error(term)) return false;
    if (term.kind == DN_TERM_BOOL) {
        *value = term.boolean;
        return true;
    }
    dn_diag *diag = dn_build_error(b, expr->span, "a condition must be a bool, and this is %s",
                                   dn_describe(b, &term));
    if (term.kind == DN_TERM_TENSOR)
        dn_diag_hint(&b->c->diags, diag,
                     "tensors are computed later; to choose element by element use where(c, a, b)");
    return false;
}

// ---- dispatch -----------------------------------------------------------------------------------

static dn_term eval_kind(dn_build *b, const dn_expr *expr) {
    switch (expr->kind) {
        case DN_EXPR_ERROR: return dn_term_of(DN_TERM_ERROR);
        case DN_EXPR_INT: return dn_term_int(expr->integer);
        case DN_EXPR_FLOAT: return dn_term_float(expr->number);
        case DN_EXPR_BOOL: return dn_term_bool(expr->boolean);
        case DN_EXPR_STRING: return eval_string(b, expr);
        case DN_EXPR_NAME: {
            dn_term host;
            if (b->host && !dn_frame_find(b->frame, expr->name) &&
                dn_host_lookup(b, expr->name, expr, &host))
                return host;
            return dn_lookup(b, expr->name, expr->span);
        }
        case DN_EXPR_UNARY: return dn_eval_unary(b, expr);
        case DN_EXPR_BINARY: return dn_eval_binary(b, expr);
        case DN_EXPR_RANGE: return eval_range(b, expr);
        case DN_EXPR_CALL: return dn_eval_call(b, expr);
        case DN_EXPR_INDEX: return dn_index(b, expr);
        case DN_EXPR_FIELD: return eval_field(b, expr);
        case DN_EXPR_LIST: return eval_list(b, expr);
        case DN_EXPR_EACH: return eval_each(b, expr);
        case DN_EXPR_RECORD: return eval_record(b, expr);
        case DN_EXPR_IF: return eval_if(b, expr);
    }
    return dn_term_of(DN_TERM_ERROR);
}

dn_term dn_eval(dn_build *b, const dn_expr *expr) {
    if (!dn_build_spend(b, 1, expr->span)) return dn_term_of(DN_TERM_ERROR);
    dn_span outer = b->graph->span;
    b->graph->span = dn_build_user_span(b, expr->span);
    dn_term term = eval_kind(b, expr);
    b->graph->span = outer;
    return term;
}

static bool type_has(const dn_type_expr *type, dn_type_kind kind) {
    if (!type) return false;
    if (type->kind == kind) return true;
    for (int i = 0; type->kind == DN_TYPE_UNION && i < type->count; i++)
        if (type_has(type->items[i], kind)) return true;
    return false;
}

static bool type_names(const dn_type_expr *type, const char *name) {
    if (!type) return false;
    if (type->kind == DN_TYPE_NAME) return strcmp(type->name.text, name) == 0;
    for (int i = 0; type->kind == DN_TYPE_UNION && i < type->count; i++)
        if (type_names(type->items[i], name)) return true;
    return false;
}

static bool symbol_of(const dn_type_expr *type, const char *name) {
    if (type->kind == DN_TYPE_SYMBOL)
        for (int i = 0; i < type->count; i++)
            if (strcmp(type->symbols[i].text, name) == 0) return true;
    for (int i = 0; type->kind == DN_TYPE_UNION && i < type->count; i++)
        if (symbol_of(type->items[i], name)) return true;
    return false;
}

static void collect_symbols(const dn_type_expr *type, const char **names, int *n) {
    if (type->kind == DN_TYPE_SYMBOL)
        for (int i = 0; i < type->count && *n < 32; i++) names[(*n)++] = type->symbols[i].text;
    for (int i = 0; type->kind == DN_TYPE_UNION && i < type->count; i++)
        collect_symbols(type->items[i], names, n);
}

// A bare name that is neither a symbol of the type nor anything else.
static dn_term unknown_symbol(dn_build *b, const dn_expr *expr, const dn_type_expr *type) {
    const char *names[32];
    int n = 0;
    collect_symbols(type, names, &n);
    dn_str list = {0};
    for (int i = 0; i < n; i++) dn_str_printf(&list, "%s`%s`", i ? ", " : "", names[i]);
    dn_diag *diag = dn_build_error(b, expr->span, "`%s` is not one of %s", expr->name, list.text);
    dn_diag_did_you_mean(&b->c->diags, diag, expr->name, names, n);
    free(list.text);
    return dn_term_of(DN_TERM_ERROR);
}

dn_term dn_eval_as(dn_build *b, const dn_expr *expr, const dn_type_expr *type) {
    if (!type) return dn_eval(b, expr);
    if (type_has(type, DN_TYPE_SYMBOL) && expr->kind == DN_EXPR_NAME) {
        if (symbol_of(type, expr->name)) return dn_term_string(expr->name);
        dn_term term;
        if (!find_name(b, expr->name, false, &term)) return unknown_symbol(b, expr, type);
    }
    if (type_names(type, "fn") || type_names(type, "schedule")) {
        bool applied = expr->kind == DN_EXPR_CALL && !expr->call.piped;
        if (applied || expr->kind == DN_EXPR_NAME) return dn_eval_partial(b, expr);
    }
    return dn_eval(b, expr);
}
