// What the grammar's actions do: nodes of the tree, and the checks that a node's parts fit.
//
// Every maker sets the depth of its node. A tree too deep for the stages that walk it by recursion
// is cut off where it passes the limit, with an error.
#include <string.h>

#include "frontend/parse.h"

// ---- Lists ----------------------------------------------------------------------------------

dn_list *dn_list_add(dn_parser *p, dn_list *list, void *item) {
    if (!list) list = DN_NEW(p->arena, dn_list);
    if (list->count == list->capacity) {
        int capacity = list->capacity ? 2 * list->capacity : 4;
        void **items = DN_NEW_ARRAY(p->arena, void *, capacity);
        if (list->count) memcpy(items, list->items, (size_t)list->count * sizeof *items);
        list->items = items;
        list->capacity = capacity;
    }
    list->items[list->count++] = item;
    return list;
}

dn_list *dn_list_new(dn_parser *p, void *first) { return dn_list_add(p, NULL, first); }

void *dn_list_flat(dn_parser *p, const dn_list *list, size_t size) {
    if (!list || !list->count) return NULL;
    char *flat = dn_arena_alloc(p->arena, (size_t)list->count * size);
    for (int i = 0; i < list->count; i++) memcpy(flat + (size_t)i * size, list->items[i], size);
    return flat;
}

static int list_count(const dn_list *list) { return list ? list->count : 0; }
static void *list_pointers(const dn_list *list) { return list ? (void *)list->items : NULL; }

// ---- Depth ----------------------------------------------------------------------------------

static int deeper(int depth, const dn_expr *child) {
    return child && child->depth > depth ? child->depth : depth;
}

static int deeper_block(int depth, const dn_block *block) {
    return block && block->depth > depth ? block->depth : depth;
}

// `depth`: of the deepest child.
static dn_expr *finish(dn_parser *p, dn_expr *e, int depth) {
    e->depth = depth + 1;
    if (e->depth < DN_MAX_DEPTH) return e;
    dn_syntax_too_deep(p, e->span);
    return dn_make_error(p, e->span);
}

static dn_expr *new_expr(dn_parser *p, dn_expr_kind kind, dn_span span) {
    dn_expr *e = DN_NEW(p->arena, dn_expr);
    e->kind = kind;
    e->span = span;
    e->depth = 1;
    return e;
}

// ---- Parts ----------------------------------------------------------------------------------

dn_name dn_make_name(const char *text, dn_span span) { return (dn_name){text, span}; }

dn_name *dn_make_name_item(dn_parser *p, const char *text, dn_span span) {
    dn_name *name = DN_NEW(p->arena, dn_name);
    *name = (dn_name){text, span};
    return name;
}

dn_arg *dn_make_arg(dn_parser *p, const char *name, dn_span span, dn_expr *value) {
    dn_arg *arg = DN_NEW(p->arena, dn_arg);
    *arg = (dn_arg){.name = {name, span}, .value = value};
    return arg;
}

dn_string_part *dn_make_part(dn_parser *p, const char *text, dn_expr *value, const char *format) {
    dn_string_part *part = DN_NEW(p->arena, dn_string_part);
    *part = (dn_string_part){text, value, format};
    return part;
}

dn_subscript *dn_make_slice(dn_parser *p, dn_span span, dn_expr *start, dn_expr *limit,
                            dn_expr *stride) {
    dn_subscript *s = DN_NEW(p->arena, dn_subscript);
    *s = (dn_subscript){
        .is_slice = true, .start = start, .limit = limit, .stride = stride, .span = span};
    return s;
}

dn_subscript *dn_make_subscript(dn_parser *p, dn_span span, dn_expr *index) {
    dn_subscript *s = DN_NEW(p->arena, dn_subscript);
    *s = (dn_subscript){.is_ellipsis = !index, .index = index, .span = span};
    return s;
}

// ---- Expressions ----------------------------------------------------------------------------

dn_expr *dn_make_error(dn_parser *p, dn_span span) { return new_expr(p, DN_EXPR_ERROR, span); }

dn_expr *dn_make_int(dn_parser *p, dn_span span, int64_t value) {
    dn_expr *e = new_expr(p, DN_EXPR_INT, span);
    e->integer = value;
    return e;
}

dn_expr *dn_make_float(dn_parser *p, dn_span span, double value) {
    dn_expr *e = new_expr(p, DN_EXPR_FLOAT, span);
    e->number = value;
    return e;
}

dn_expr *dn_make_bool(dn_parser *p, dn_span span, bool value) {
    dn_expr *e = new_expr(p, DN_EXPR_BOOL, span);
    e->boolean = value;
    return e;
}

dn_expr *dn_make_string(dn_parser *p, dn_span span, const dn_list *parts) {
    dn_expr *e = new_expr(p, DN_EXPR_STRING, span);
    e->string.parts = dn_list_flat(p, parts, sizeof(dn_string_part));
    e->string.count = list_count(parts);
    int depth = 0;
    for (int i = 0; i < e->string.count; i++) depth = deeper(depth, e->string.parts[i].value);
    return finish(p, e, depth);
}

dn_expr *dn_make_name_expr(dn_parser *p, dn_span span, const char *name) {
    dn_expr *e = new_expr(p, DN_EXPR_NAME, span);
    e->name = name;
    return e;
}

dn_expr *dn_make_unary(dn_parser *p, dn_span span, dn_operator oper, dn_span at, dn_expr *value) {
    return dn_make_binary(p, span, oper, at, value, NULL);
}

dn_expr *dn_make_binary(dn_parser *p, dn_span span, dn_operator oper, dn_span at, dn_expr *left,
                        dn_expr *right) {
    dn_expr *e = new_expr(p, right ? DN_EXPR_BINARY : DN_EXPR_UNARY, span);
    e->operation.oper = oper;
    e->operation.oper_span = at;
    e->operation.left = left;
    e->operation.right = right;
    return finish(p, e, deeper(left->depth, right));
}

static bool is_comparison(const dn_expr *e) {
    return e->kind == DN_EXPR_BINARY && e->operation.oper >= DN_OPER_EQ &&
           e->operation.oper <= DN_OPER_GE;
}

static const char *source_text(const dn_parser *p, const dn_expr *e, int *length) {
    size_t n;
    const char *text = dn_sources_text(p->diags->sources, e->span, &n);
    *length = n > 1000 ? 1000 : (int)n;
    return text;
}

// The left operand of a chain is a comparison without parentheses: its node spans all of its text.
dn_expr *dn_make_comparison(dn_parser *p, dn_span span, dn_operator oper, dn_span at, dn_expr *left,
                            dn_span left_span, dn_expr *right) {
    bool bare = left->span.begin == left_span.begin && left->span.end == left_span.end;
    if (bare && left->kind == DN_EXPR_ERROR) return left;
    if (!bare || !is_comparison(left)) return dn_make_binary(p, span, oper, at, left, right);
    dn_diag *d = dn_parse_error(p, at, "comparisons do not chain");
    int n_left, n_middle, n_right;
    const char *first = source_text(p, left, &n_left);
    const char *middle = source_text(p, left->operation.right, &n_middle);
    const char *last = source_text(p, right, &n_right);
    if (n_left + n_middle + n_right < 60)
        dn_diag_hint(p->diags, d, "write `%.*s and %.*s %s %.*s`", n_left, first, n_middle, middle,
                     dn_operator_text(oper), n_right, last);
    else
        dn_diag_hint(p->diags, d, "join two of them with `and`");
    return dn_make_error(p, span);
}

dn_expr *dn_make_range(dn_parser *p, dn_span span, dn_expr *first, dn_expr *last, bool exclusive) {
    dn_expr *e = new_expr(p, DN_EXPR_RANGE, span);
    e->range.first = first;
    e->range.last = last;
    e->range.exclusive = exclusive;
    return finish(p, e, deeper(first->depth, last));
}

static int args_depth(const dn_arg *args, int count) {
    int depth = 0;
    for (int i = 0; i < count; i++) depth = deeper(depth, args[i].value);
    return depth;
}

// An argument without a name keeps no name's span.
static void forget_places(dn_arg *args, int count) {
    for (int i = 0; i < count; i++)
        if (!args[i].name.text) args[i].name = (dn_name){0};
}

dn_expr *dn_make_call(dn_parser *p, dn_span span, dn_expr *callee, const dn_list *args) {
    dn_expr *e = new_expr(p, DN_EXPR_CALL, span);
    e->call.callee = callee;
    e->call.args = dn_list_flat(p, args, sizeof(dn_arg));
    e->call.count = list_count(args);
    forget_places(e->call.args, e->call.count);
    return finish(p, e, deeper(args_depth(e->call.args, e->call.count), callee));
}

// x |> f(a) is f(x, a), with the span of f(a): a caret then shows the layer, not all before it.
static dn_expr *pipe_call(dn_parser *p, dn_expr *input, const dn_expr *call) {
    dn_expr *e = new_expr(p, DN_EXPR_CALL, call->span);
    int count = call->call.count + 1;
    dn_arg *args = DN_NEW_ARRAY(p->arena, dn_arg, count);
    args[0].value = input;
    if (count > 1) memcpy(args + 1, call->call.args, (size_t)(count - 1) * sizeof *args);
    e->call.callee = call->call.callee;
    e->call.args = args;
    e->call.count = count;
    e->call.piped = true;
    return finish(p, e, deeper(call->depth - 1, input));
}

static void pipe_error(dn_parser *p, const dn_expr *stage) {
    dn_diag *d = dn_parse_error(p, stage->span, "what follows `|>` must be a function or a call");
    bool operation = stage->kind == DN_EXPR_BINARY || stage->kind == DN_EXPR_RANGE;
    if (operation)
        dn_diag_hint(p->diags, d,
                     "`|>` binds loosest of all: to go on computing with its result, "
                     "put parentheses around it: `(x |> f) + 1`");
    else
        dn_diag_hint(p->diags, d, "`x |> f(a)` is the call `f(x, a)`");
}

dn_expr *dn_make_pipe(dn_parser *p, dn_span span, dn_expr *input, dn_expr *stage,
                      dn_span stage_span) {
    switch (stage->kind) {
        case DN_EXPR_CALL:
            if (!stage->call.piped) return pipe_call(p, input, stage);
            break;
        case DN_EXPR_NAME:
        case DN_EXPR_FIELD:
        case DN_EXPR_INDEX: {
            dn_expr call = {.kind = DN_EXPR_CALL, .span = stage_span, .depth = stage->depth + 1};
            call.call.callee = stage;
            return pipe_call(p, input, &call);
        }
        case DN_EXPR_ERROR: return dn_make_error(p, span);
        default: break;
    }
    pipe_error(p, stage);
    return dn_make_error(p, span);
}

dn_expr *dn_make_index(dn_parser *p, dn_span span, dn_expr *base, const dn_list *items) {
    dn_expr *e = new_expr(p, DN_EXPR_INDEX, span);
    e->index.base = base;
    e->index.items = dn_list_flat(p, items, sizeof(dn_subscript));
    e->index.count = list_count(items);
    int depth = base->depth;
    for (int i = 0; i < e->index.count; i++) {
        const dn_subscript *s = &e->index.items[i];
        depth = deeper(deeper(deeper(deeper(depth, s->index), s->start), s->limit), s->stride);
    }
    return finish(p, e, depth);
}

dn_expr *dn_make_field(dn_parser *p, dn_span span, dn_expr *base, dn_name name) {
    dn_expr *e = new_expr(p, DN_EXPR_FIELD, span);
    e->field.base = base;
    e->field.name = name;
    return finish(p, e, base->depth);
}

dn_expr *dn_make_list(dn_parser *p, dn_span span, const dn_list *items) {
    dn_expr *e = new_expr(p, DN_EXPR_LIST, span);
    e->list.items = list_pointers(items);
    e->list.count = list_count(items);
    int depth = 0;
    for (int i = 0; i < e->list.count; i++) depth = deeper(depth, e->list.items[i]);
    return finish(p, e, depth);
}

dn_expr *dn_make_each(dn_parser *p, dn_span span, const dn_pattern *pattern, dn_expr *source,
                      dn_expr *value) {
    dn_expr *e = new_expr(p, DN_EXPR_EACH, span);
    e->each.names = pattern->names;
    e->each.n_names = pattern->count;
    e->each.record = pattern->record;
    e->each.source = source;
    e->each.value = value;
    return finish(p, e, deeper(source->depth, value));
}

dn_expr *dn_make_record(dn_parser *p, dn_span span, const dn_list *fields) {
    dn_expr *e = new_expr(p, DN_EXPR_RECORD, span);
    e->record.fields = dn_list_flat(p, fields, sizeof(dn_arg));
    e->record.count = list_count(fields);
    return finish(p, e, args_depth(e->record.fields, e->record.count));
}

dn_expr *dn_make_if(dn_parser *p, dn_span span, dn_expr *condition, dn_block *then,
                    dn_block *otherwise) {
    dn_expr *e = new_expr(p, DN_EXPR_IF, span);
    e->branch.condition = condition;
    e->branch.then = then;
    e->branch.otherwise = otherwise;
    return finish(p, e, deeper_block(deeper_block(condition->depth, then), otherwise));
}

dn_block *dn_make_else_if(dn_parser *p, dn_expr *branch) {
    dn_stmt *stmt = dn_make_stmt(p, DN_STMT_EXPR, branch->span, branch);
    return dn_make_block(p, branch->span, dn_list_new(p, stmt));
}

// ---- Statements -----------------------------------------------------------------------------

static dn_stmt *new_stmt(dn_parser *p, dn_stmt_kind kind, dn_span span) {
    dn_stmt *s = DN_NEW(p->arena, dn_stmt);
    s->kind = kind;
    s->span = span;
    return s;
}

dn_pattern *dn_make_pattern(dn_parser *p, dn_span span, const dn_list *names, bool record) {
    dn_pattern *pattern = DN_NEW(p->arena, dn_pattern);
    pattern->names = dn_list_flat(p, names, sizeof(dn_name));
    pattern->count = list_count(names);
    pattern->record = record;
    pattern->span = span;
    return pattern;
}

dn_stmt *dn_make_stmt(dn_parser *p, dn_stmt_kind kind, dn_span span, dn_expr *expr) {
    dn_stmt *s = new_stmt(p, kind, span);
    s->expr = expr;
    return s;
}

dn_stmt *dn_make_let(dn_parser *p, dn_span span, const dn_pattern *pattern, dn_type_expr *type,
                     dn_expr *value) {
    dn_stmt *s = new_stmt(p, DN_STMT_LET, span);
    s->bind.pattern = *pattern;
    s->bind.type = type;
    s->bind.value = value;
    return s;
}

static bool is_shorthand(const dn_arg *field) {
    return field->value->kind == DN_EXPR_NAME && field->value->span.begin == field->name.span.begin;
}

// {a, b} = e was read as a record and is now its pattern. NULL (reported) if it has `name: value`.
static dn_pattern *record_pattern(dn_parser *p, const dn_expr *record) {
    dn_list *names = NULL;
    for (int i = 0; i < record->record.count; i++) {
        dn_arg *field = &record->record.fields[i];
        if (!is_shorthand(field)) {
            dn_diag *d = dn_parse_error(p, dn_span_join(field->name.span, field->value->span),
                                        "what is taken from a record is a list of names");
            dn_diag_hint(p->diags, d, "write `{%s} = ...`; each name takes the field of that name",
                         field->name.text);
            return NULL;
        }
        names = dn_list_add(p, names, &field->name);
    }
    return dn_make_pattern(p, record->span, names, true);
}

static void bad_target(dn_parser *p, const dn_expr *target, dn_span span) {
    dn_diag *d;
    switch (target->kind) {
        case DN_EXPR_ERROR: return;
        case DN_EXPR_FIELD:
            d = dn_parse_error(p, span, "a field cannot be assigned to: records are values");
            dn_diag_hint(p->diags, d, "make a new record: `r = {%s: ..., ...}`",
                         target->field.name.text);
            return;
        case DN_EXPR_INDEX:
            d = dn_parse_error(p, span,
                               "an element cannot be assigned to: tensors and lists are values");
            dn_diag_hint(p->diags, d, "make a new value and give it the name");
            return;
        case DN_EXPR_LIST:
            d = dn_parse_error(p, span, "a list cannot stand on the left of `=`");
            dn_diag_hint(p->diags, d, "several values are taken from a record: `{a, b} = ...`");
            return;
        case DN_EXPR_CALL:
            d = dn_parse_error(p, span, "a call cannot stand on the left of `=`");
            dn_diag_hint(p->diags, d,
                         "a function is defined with `fn name(a, b) { ... }`; "
                         "equality is `==`");
            return;
        default:
            d = dn_parse_error(p, span, "the left of `=` must be a name or a pattern `{a, b}`");
            if (target->kind == DN_EXPR_BINARY)
                dn_diag_hint(p->diags, d, "equality is written `==`");
    }
}

// The pattern that an assignment's left side stands for, or NULL (reported).
static dn_pattern *target_pattern(dn_parser *p, dn_expr *target, dn_span span) {
    if (target->kind == DN_EXPR_NAME)
        return dn_make_pattern(
            p, span, dn_list_new(p, dn_make_name_item(p, target->name, target->span)), false);
    if (target->kind == DN_EXPR_RECORD) return record_pattern(p, target);
    bad_target(p, target, span);
    return NULL;
}

dn_stmt *dn_make_assign(dn_parser *p, dn_span span, dn_expr *target, dn_span target_span,
                        dn_expr *value) {
    const dn_pattern *pattern = target_pattern(p, target, target_span);
    if (!pattern) return new_stmt(p, DN_STMT_ERROR, span);
    dn_stmt *s = new_stmt(p, DN_STMT_ASSIGN, span);
    s->bind.pattern = *pattern;
    s->bind.value = value;
    return s;
}

dn_stmt *dn_make_update(dn_parser *p, dn_span span, dn_expr *target, dn_span target_span,
                        dn_operator oper, dn_expr *value) {
    if (target->kind == DN_EXPR_RECORD) {
        dn_parse_error(p, target_span, "`%s=` changes one name", dn_operator_text(oper));
        return new_stmt(p, DN_STMT_ERROR, span);
    }
    dn_stmt *s = dn_make_assign(p, span, target, target_span, value);
    s->bind.compound = s->kind == DN_STMT_ASSIGN;
    s->bind.oper = oper;
    return s;
}

dn_stmt *dn_make_for(dn_parser *p, dn_span span, const dn_pattern *pattern, dn_expr *source,
                     dn_block *body) {
    dn_stmt *s = new_stmt(p, DN_STMT_FOR, span);
    s->loop.pattern = *pattern;
    s->loop.source = source;
    s->loop.body = body;
    return s;
}

dn_stmt *dn_make_while(dn_parser *p, dn_span span, dn_expr *condition, dn_block *body) {
    dn_stmt *s = new_stmt(p, DN_STMT_WHILE, span);
    s->repeat.condition = condition;
    s->repeat.body = body;
    return s;
}

dn_stmt *dn_make_minimize(dn_parser *p, dn_span span, dn_expr *loss, const dn_list *over,
                          dn_expr *with) {
    dn_stmt *s = new_stmt(p, DN_STMT_MINIMIZE, span);
    s->minimize.loss = loss;
    s->minimize.over = list_pointers(over);
    s->minimize.n_over = list_count(over);
    s->minimize.with = with;
    return s;
}

dn_stmt *dn_make_variable(dn_parser *p, dn_stmt_kind kind, dn_span span, dn_name name,
                          dn_type_expr *type, dn_expr *init) {
    dn_stmt *s = new_stmt(p, kind, span);
    s->variable.name = name;
    s->variable.type = type;
    s->variable.init = init;
    return s;
}

dn_stmt *dn_make_local_model(dn_parser *p, dn_span span, dn_name name, dn_expr *value) {
    dn_stmt *s = new_stmt(p, DN_STMT_MODEL, span);
    s->model.name = name;
    s->model.value = value;
    return s;
}

static int stmt_depth(const dn_stmt *s) {
    int depth = 0;
    switch (s->kind) {
        case DN_STMT_EXPR:
        case DN_STMT_RETURN:
        case DN_STMT_LOG: return deeper(0, s->expr);
        case DN_STMT_LET:
        case DN_STMT_ASSIGN: return deeper(0, s->bind.value);
        case DN_STMT_FOR: return deeper_block(s->loop.source->depth, s->loop.body);
        case DN_STMT_WHILE: return deeper_block(s->repeat.condition->depth, s->repeat.body);
        case DN_STMT_MINIMIZE:
            for (int i = 0; i < s->minimize.n_over; i++) depth = deeper(depth, s->minimize.over[i]);
            return deeper(deeper(depth, s->minimize.loss), s->minimize.with);
        case DN_STMT_PARAM:
        case DN_STMT_STATE: return deeper(0, s->variable.init);
        case DN_STMT_MODEL: return deeper(0, s->model.value);
        default: return 0;
    }
}

dn_block *dn_make_block(dn_parser *p, dn_span span, const dn_list *stmts) {
    dn_block *block = DN_NEW(p->arena, dn_block);
    block->stmts = list_pointers(stmts);
    block->count = list_count(stmts);
    block->span = span;
    for (int i = 0; i < block->count; i++) {
        int depth = stmt_depth(block->stmts[i]);
        if (depth > block->depth) block->depth = depth;
    }
    block->depth++;
    return block;
}

// ---- Types ----------------------------------------------------------------------------------

static void set_items(dn_parser *p, dn_type_expr *type, const dn_list *items) {
    type->count = list_count(items);
    switch (type->kind) {
        case DN_TYPE_TENSOR: type->dims = dn_list_flat(p, items, sizeof(dn_dim_expr)); break;
        case DN_TYPE_SYMBOL: type->symbols = dn_list_flat(p, items, sizeof(dn_name)); break;
        case DN_TYPE_RECORD: type->fields = dn_list_flat(p, items, sizeof(dn_type_field)); break;
        default: type->items = list_pointers(items); break;
    }
}

dn_type_expr *dn_make_type(dn_parser *p, dn_type_kind kind, dn_span span, const dn_list *items) {
    dn_type_expr *type = DN_NEW(p->arena, dn_type_expr);
    type->kind = kind;
    type->span = span;
    set_items(p, type, items);
    return type;
}

dn_type_expr *dn_make_named_type(dn_parser *p, dn_type_kind kind, dn_span span, dn_name name,
                                 const dn_list *items) {
    dn_type_expr *type = dn_make_type(p, kind, span, items);
    type->name = name;
    return type;
}

// Stands where a type could not be read.
dn_type_expr *dn_make_error_type(dn_parser *p, dn_span span) {
    return dn_make_named_type(p, DN_TYPE_NAME, span, (dn_name){"any", span}, NULL);
}

dn_type_expr *dn_make_symbols(dn_parser *p, dn_span span, dn_name word, const dn_list *names) {
    if (!strcmp(word.text, "symbol")) return dn_make_type(p, DN_TYPE_SYMBOL, span, names);
    dn_diag *d = dn_parse_error(p, word.span, "`%s(...)` is not a type", word.text);
    dn_diag_hint(p->diags, d,
                 "a choice of words is written `symbol(same, valid)`, "
                 "a tensor's type `f32[N, 3]`");
    return dn_make_error_type(p, span);
}

dn_type_expr *dn_make_union(dn_parser *p, dn_span span, dn_type_expr *left, dn_type_expr *right) {
    dn_list *items = NULL;
    if (left->kind == DN_TYPE_UNION)
        for (int i = 0; i < left->count; i++) items = dn_list_add(p, items, left->items[i]);
    else
        items = dn_list_new(p, left);
    return dn_make_type(p, DN_TYPE_UNION, span, dn_list_add(p, items, right));
}

dn_dim_expr *dn_make_dim(dn_parser *p, dn_expr *size, dn_name name) {
    dn_dim_expr *dim = DN_NEW(p->arena, dn_dim_expr);
    *dim = (dn_dim_expr){.ellipsis = !size, .name = name, .size = size};
    return dim;
}

dn_type_field *dn_make_type_field(dn_parser *p, dn_name name, dn_type_expr *type) {
    dn_type_field *field = DN_NEW(p->arena, dn_type_field);
    *field = (dn_type_field){name, type};
    return field;
}

// ---- Declarations ---------------------------------------------------------------------------

// The doc comment before the token that begins at `place`, or "".
static const char *doc_at(const dn_parser *p, uint32_t place) {
    int low = 0, high = p->n_docs;
    while (low < high) {
        int middle = (low + high) / 2;
        if (p->docs[middle].place < place)
            low = middle + 1;
        else
            high = middle;
    }
    return low < p->n_docs && p->docs[low].place == place ? p->docs[low].text : "";
}

dn_param *dn_make_param(dn_parser *p, dn_name name, dn_type_expr *type, dn_expr *init) {
    dn_param *param = DN_NEW(p->arena, dn_param);
    *param = (dn_param){name, type, init, doc_at(p, name.span.begin)};
    return param;
}

dn_decl *dn_make_decl(dn_parser *p, dn_decl_kind kind, dn_span span, dn_name name, dn_expr *value) {
    dn_decl *decl = DN_NEW(p->arena, dn_decl);
    decl->kind = kind;
    decl->span = span;
    decl->name = name;
    decl->value = value;
    decl->doc = "";
    return decl;
}

dn_decl *dn_make_import(dn_parser *p, dn_span span, const char *path) {
    dn_decl *decl = dn_make_decl(p, DN_DECL_IMPORT, span, (dn_name){0}, NULL);
    decl->path = path;
    return decl;
}

dn_decl *dn_make_decl_stmt(dn_parser *p, dn_stmt *stmt) {
    dn_decl *decl = dn_make_decl(p, DN_DECL_STMT, stmt->span, (dn_name){0}, NULL);
    decl->stmt = stmt;
    return decl;
}

void dn_decl_set_params(dn_parser *p, dn_decl *decl, const dn_list *params) {
    decl->params = dn_list_flat(p, params, sizeof(dn_param));
    decl->n_params = list_count(params);
}

void dn_parse_add_decl(dn_parser *p, dn_decl *decl) {
    decl->doc = doc_at(p, decl->span.begin);
    DN_PUSH(p->decls, p->n_decls, p->cap_decls) = decl;
}
