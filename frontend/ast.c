// The tree's text form (--emit=ast): S-expressions, a line for each declaration and statement.
#include "frontend/ast.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

const char *dn_operator_text(dn_operator oper) {
    static const char *const texts[] = {
        [DN_OPER_NEG] = "-",   [DN_OPER_NOT] = "not",  [DN_OPER_ADD] = "+",    [DN_OPER_SUB] = "-",
        [DN_OPER_MUL] = "*",   [DN_OPER_DIV] = "/",    [DN_OPER_IDIV] = "div", [DN_OPER_REM] = "%",
        [DN_OPER_POW] = "**",  [DN_OPER_MATMUL] = "@", [DN_OPER_EQ] = "==",    [DN_OPER_NE] = "!=",
        [DN_OPER_LT] = "<",    [DN_OPER_LE] = "<=",    [DN_OPER_GT] = ">",     [DN_OPER_GE] = ">=",
        [DN_OPER_AND] = "and", [DN_OPER_OR] = "or",
    };
    return texts[oper];
}

typedef struct dn_printer {
    dn_str *out;
    int indent;
} dn_printer;

static void print_expr(dn_printer *p, const dn_expr *e);
static void print_block(dn_printer *p, const dn_block *block);

static void put(dn_printer *p, const char *text) { dn_str_puts(p->out, text); }

static void newline(dn_printer *p) { dn_str_printf(p->out, "\n%*s", 2 * p->indent, ""); }

// ---- Literals -------------------------------------------------------------------------------

static void print_escaped(dn_printer *p, const char *text) {
    put(p, "\"");
    for (; *text; text++) {
        const char *special = strchr("\nn\tt\rr\"\"\\\\", *text);
        // The string pairs each character with the letter of its escape.
        bool escaped =
            *text == '\n' || *text == '\t' || *text == '\r' || *text == '"' || *text == '\\';
        if (escaped && special)
            dn_str_printf(p->out, "\\%c", special[1]);
        else
            dn_str_append(p->out, text, 1);
    }
    put(p, "\"");
}

// The shortest digits that read back the same, and always a sign that it is a float.
static void print_float(dn_printer *p, double value) {
    char text[40];
    for (int digits = 15; digits <= 17; digits++) {
        snprintf(text, sizeof text, "%.*g", digits, value);
        double back;
        if (sscanf(text, "%lf", &back) == 1 && back == value) break;
    }
    put(p, text);
    if (!strpbrk(text, ".en")) put(p, ".0");
}

static void print_string(dn_printer *p, const dn_expr *e) {
    const dn_string_part *parts = e->string.parts;
    if (e->string.count == 1 && parts[0].text) {
        print_escaped(p, parts[0].text);
        return;
    }
    put(p, "(string");
    for (int i = 0; i < e->string.count; i++) {
        put(p, " ");
        if (parts[i].text) {
            print_escaped(p, parts[i].text);
        } else if (parts[i].format) {
            put(p, "(format ");
            print_expr(p, parts[i].value);
            put(p, " ");
            print_escaped(p, parts[i].format);
            put(p, ")");
        } else {
            print_expr(p, parts[i].value);
        }
    }
    put(p, ")");
}

// ---- Expressions ----------------------------------------------------------------------------

static void print_args(dn_printer *p, const dn_arg *args, int count) {
    for (int i = 0; i < count; i++) {
        put(p, " ");
        if (args[i].name.text) dn_str_printf(p->out, "%s: ", args[i].name.text);
        print_expr(p, args[i].value);
    }
}

static void print_names(dn_printer *p, const dn_name *names, int count, bool record) {
    if (record) put(p, "{");
    for (int i = 0; i < count; i++) {
        if (i) put(p, " ");
        put(p, names[i].text);
    }
    if (record) put(p, "}");
}

static void print_optional(dn_printer *p, const dn_expr *e) {
    put(p, " ");
    if (e)
        print_expr(p, e);
    else
        put(p, "_");
}

static void print_subscript(dn_printer *p, const dn_subscript *s) {
    if (s->is_ellipsis) {
        put(p, " ...");
    } else if (s->is_slice) {
        put(p, " (slice");
        print_optional(p, s->start);
        print_optional(p, s->limit);
        print_optional(p, s->stride);
        put(p, ")");
    } else {
        print_optional(p, s->index);
    }
}

static void print_operation(dn_printer *p, const dn_expr *e) {
    dn_str_printf(p->out, "(%s ", dn_operator_text(e->operation.oper));
    print_expr(p, e->operation.left);
    if (e->operation.right) print_optional(p, e->operation.right);
    put(p, ")");
}

static void print_call(dn_printer *p, const dn_expr *e) {
    put(p, e->call.piped ? "(|> " : "(call ");
    print_expr(p, e->call.callee);
    print_args(p, e->call.args, e->call.count);
    put(p, ")");
}

static void print_each(dn_printer *p, const dn_expr *e) {
    put(p, "(each ");
    print_names(p, e->each.names, e->each.n_names, e->each.record);
    print_optional(p, e->each.source);
    print_optional(p, e->each.value);
    put(p, ")");
}

static void print_if(dn_printer *p, const dn_expr *e) {
    put(p, "(if ");
    print_expr(p, e->branch.condition);
    p->indent++;
    print_block(p, e->branch.then);
    if (e->branch.otherwise) print_block(p, e->branch.otherwise);
    p->indent--;
    put(p, ")");
}

static void print_index(dn_printer *p, const dn_expr *e) {
    put(p, "(index ");
    print_expr(p, e->index.base);
    for (int i = 0; i < e->index.count; i++) print_subscript(p, &e->index.items[i]);
    put(p, ")");
}

static void print_list(dn_printer *p, const dn_expr *e) {
    put(p, "(list");
    for (int i = 0; i < e->list.count; i++) print_optional(p, e->list.items[i]);
    put(p, ")");
}

static void print_pair(dn_printer *p, const char *head, const dn_expr *a, const dn_expr *b) {
    dn_str_printf(p->out, "(%s ", head);
    print_expr(p, a);
    print_optional(p, b);
    put(p, ")");
}

static void print_record(dn_printer *p, const dn_expr *e) {
    put(p, "(record");
    print_args(p, e->record.fields, e->record.count);
    put(p, ")");
}

static void print_field(dn_printer *p, const dn_expr *e) {
    put(p, "(field ");
    print_expr(p, e->field.base);
    dn_str_printf(p->out, " %s)", e->field.name.text);
}

static void print_expr(dn_printer *p, const dn_expr *e) {
    switch (e->kind) {
        case DN_EXPR_ERROR: put(p, "<error>"); break;
        case DN_EXPR_INT: dn_str_printf(p->out, "%lld", (long long)e->integer); break;
        case DN_EXPR_FLOAT: print_float(p, e->number); break;
        case DN_EXPR_BOOL: put(p, e->boolean ? "true" : "false"); break;
        case DN_EXPR_STRING: print_string(p, e); break;
        case DN_EXPR_NAME: put(p, e->name); break;
        case DN_EXPR_UNARY:
        case DN_EXPR_BINARY: print_operation(p, e); break;
        case DN_EXPR_RANGE:
            print_pair(p, e->range.exclusive ? "..<" : "..", e->range.first, e->range.last);
            break;
        case DN_EXPR_CALL: print_call(p, e); break;
        case DN_EXPR_INDEX: print_index(p, e); break;
        case DN_EXPR_FIELD: print_field(p, e); break;
        case DN_EXPR_LIST: print_list(p, e); break;
        case DN_EXPR_EACH: print_each(p, e); break;
        case DN_EXPR_RECORD: print_record(p, e); break;
        case DN_EXPR_IF: print_if(p, e); break;
    }
}

// ---- Types ----------------------------------------------------------------------------------

static void print_dim(dn_printer *p, const dn_dim_expr *dim) {
    put(p, " ");
    if (!dim->ellipsis)
        print_expr(p, dim->size);
    else
        dn_str_printf(p->out, "...%s", dim->name.text ? dim->name.text : "");
}

static void print_type(dn_printer *p, const dn_type_expr *t) {
    static const char *const heads[] = {[DN_TYPE_TENSOR] = "tensor",
                                        [DN_TYPE_LIST] = "list",
                                        [DN_TYPE_SYMBOL] = "symbol",
                                        [DN_TYPE_UNION] = "union",
                                        [DN_TYPE_RECORD] = "record"};
    if (t->kind == DN_TYPE_NAME) {
        put(p, t->name.text);
        return;
    }
    dn_str_printf(p->out, "(%s", heads[t->kind]);
    if (t->kind == DN_TYPE_TENSOR) dn_str_printf(p->out, " %s", t->name.text);
    for (int i = 0; i < t->count; i++) {
        switch (t->kind) {
            case DN_TYPE_TENSOR: print_dim(p, &t->dims[i]); break;
            case DN_TYPE_SYMBOL: dn_str_printf(p->out, " %s", t->symbols[i].text); break;
            case DN_TYPE_RECORD:
                dn_str_printf(p->out, " %s: ", t->fields[i].name.text);
                print_type(p, t->fields[i].type);
                break;
            default: put(p, " "), print_type(p, t->items[i]); break;
        }
    }
    put(p, ")");
}

static void print_opt_type(dn_printer *p, const dn_type_expr *t) {
    if (!t) return;
    put(p, " : ");
    print_type(p, t);
}

// ---- Statements -----------------------------------------------------------------------------

static void print_bind(dn_printer *p, const dn_stmt *s) {
    put(p, s->kind == DN_STMT_LET ? "(let " : "(assign ");
    if (s->bind.compound) dn_str_printf(p->out, "%s= ", dn_operator_text(s->bind.oper));
    print_names(p, s->bind.pattern.names, s->bind.pattern.count, s->bind.pattern.record);
    print_opt_type(p, s->bind.type);
    print_optional(p, s->bind.value);
}

static void print_minimize(dn_printer *p, const dn_stmt *s) {
    put(p, "(minimize");
    print_optional(p, s->minimize.loss);
    put(p, " over:");
    for (int i = 0; i < s->minimize.n_over; i++) print_optional(p, s->minimize.over[i]);
    put(p, " with:");
    print_optional(p, s->minimize.with);
}

static void print_variable(dn_printer *p, const dn_stmt *s) {
    dn_str_printf(p->out, "(%s %s", s->kind == DN_STMT_PARAM ? "param" : "state",
                  s->variable.name.text);
    print_opt_type(p, s->variable.type);
    print_optional(p, s->variable.init);
}

static void print_loop(dn_printer *p, const dn_stmt *s) {
    put(p, "(for ");
    print_names(p, s->loop.pattern.names, s->loop.pattern.count, s->loop.pattern.record);
    print_optional(p, s->loop.source);
    print_block(p, s->loop.body);
}

static void print_open_stmt(dn_printer *p, const dn_stmt *s) {
    switch (s->kind) {
        case DN_STMT_ERROR: put(p, "(error"); break;
        case DN_STMT_EXPR: put(p, "(expr"), print_optional(p, s->expr); break;
        case DN_STMT_LET:
        case DN_STMT_ASSIGN: print_bind(p, s); break;
        case DN_STMT_RETURN:
            put(p, "(return");
            if (s->expr) print_optional(p, s->expr);
            break;
        case DN_STMT_FOR: print_loop(p, s); break;
        case DN_STMT_WHILE:
            put(p, "(while"), print_optional(p, s->repeat.condition);
            print_block(p, s->repeat.body);
            break;
        case DN_STMT_BREAK: put(p, "(break"); break;
        case DN_STMT_CONTINUE: put(p, "(continue"); break;
        case DN_STMT_MINIMIZE: print_minimize(p, s); break;
        case DN_STMT_LOG: put(p, "(log"), print_optional(p, s->expr); break;
        case DN_STMT_PARAM:
        case DN_STMT_STATE: print_variable(p, s); break;
        case DN_STMT_MODEL:
            dn_str_printf(p->out, "(model %s", s->model.name.text);
            print_optional(p, s->model.value);
            break;
    }
}

static void print_stmt(dn_printer *p, const dn_stmt *s) {
    p->indent++;
    print_open_stmt(p, s);
    put(p, ")");
    p->indent--;
}

static void print_block(dn_printer *p, const dn_block *block) {
    newline(p);
    put(p, "(block");
    p->indent++;
    for (int i = 0; i < block->count; i++) newline(p), print_stmt(p, block->stmts[i]);
    p->indent--;
    put(p, ")");
}

// ---- Declarations ---------------------------------------------------------------------------

static void print_doc(dn_printer *p, const char *doc) {
    if (!*doc) return;
    put(p, " doc: ");
    print_escaped(p, doc);
}

static void print_param(dn_printer *p, const dn_param *param) {
    newline(p);
    dn_str_printf(p->out, "(arg %s", param->name.text);
    print_opt_type(p, param->type);
    if (param->init) put(p, " ="), print_optional(p, param->init);
    print_doc(p, param->doc);
    put(p, ")");
}

static const char *decl_word(dn_decl_kind kind) {
    static const char *const words[] = {
        [DN_DECL_ERROR] = "error",     [DN_DECL_IMPORT] = "import",
        [DN_DECL_CONST] = "const",     [DN_DECL_MODEL] = "model",
        [DN_DECL_FN] = "fn",           [DN_DECL_NET] = "net",
        [DN_DECL_STEP] = "step",       [DN_DECL_OPTIMIZER] = "optimizer",
        [DN_DECL_COMMAND] = "command", [DN_DECL_STMT] = "stmt",
    };
    return words[kind];
}

static void print_decl(dn_printer *p, const dn_decl *d) {
    if (d->kind == DN_DECL_STMT) {
        print_stmt(p, d->stmt);
        return;
    }
    const char *how = d->is_extern ? "extern " : d->is_export ? "export " : "";
    dn_str_printf(p->out, "(%s%s", how, decl_word(d->kind));
    if (d->path) put(p, " "), print_escaped(p, d->path);
    if (d->name.text) dn_str_printf(p->out, " %s", d->name.text);
    print_opt_type(p, d->type);
    if (d->value) print_optional(p, d->value);
    print_doc(p, d->doc);
    p->indent++;
    for (int i = 0; i < d->n_params; i++) print_param(p, &d->params[i]);
    if (d->result) newline(p), put(p, "(result "), print_type(p, d->result), put(p, ")");
    if (d->body) print_block(p, d->body);
    p->indent--;
    put(p, ")");
}

void dn_ast_print(const dn_file *file, dn_str *out) {
    dn_printer p = {.out = out};
    for (int i = 0; i < file->count; i++) {
        print_decl(&p, file->decls[i]);
        put(&p, "\n");
    }
}
