// The syntax tree. Built by the parser, never changed afterwards; nodes live in an arena.
#ifndef DN_FRONTEND_AST_H
#define DN_FRONTEND_AST_H

#include "frontend/diag.h"

typedef struct dn_expr dn_expr;
typedef struct dn_stmt dn_stmt;
typedef struct dn_decl dn_decl;
typedef struct dn_type_expr dn_type_expr;

typedef struct dn_name {
    const char *text;  // interned per parse: compare with strcmp
    dn_span span;
} dn_name;

typedef enum dn_expr_kind {
    DN_EXPR_ERROR,  // stands where the parser recovered; already reported
    DN_EXPR_INT,
    DN_EXPR_FLOAT,
    DN_EXPR_BOOL,
    DN_EXPR_STRING,  // literal and interpolated parts
    DN_EXPR_NAME,
    DN_EXPR_UNARY,  // - not
    DN_EXPR_BINARY,
    DN_EXPR_RANGE,   // a..b (b included), a..<b (b excluded)
    DN_EXPR_CALL,    // f(a, name: b); x |> f(a) is the call f(x, a), `piped`
    DN_EXPR_INDEX,   // x[i, a:b, ..., ::2]
    DN_EXPR_FIELD,   // x.name
    DN_EXPR_LIST,    // [a, b]
    DN_EXPR_EACH,    // [for x in xs: e]
    DN_EXPR_RECORD,  // {a: 1, b}
    DN_EXPR_IF,      // if c { ... } else { ... }; without else it has no value
} dn_expr_kind;

typedef enum dn_operator {
    DN_OPER_NEG,
    DN_OPER_NOT,
    DN_OPER_ADD,
    DN_OPER_SUB,
    DN_OPER_MUL,
    DN_OPER_DIV,
    DN_OPER_IDIV /* div */,
    DN_OPER_REM /* % */,
    DN_OPER_POW /* ** */,
    DN_OPER_MATMUL /* @ */,
    DN_OPER_EQ,
    DN_OPER_NE,
    DN_OPER_LT,
    DN_OPER_LE,
    DN_OPER_GT,
    DN_OPER_GE,
    DN_OPER_AND,
    DN_OPER_OR,
} dn_operator;

const char *dn_operator_text(dn_operator oper);  // "+", "not", "div"

typedef struct dn_arg {
    dn_name name;  // text NULL: positional
    dn_expr *value;
} dn_arg;

typedef struct dn_string_part {
    const char *text;    // a literal piece (escapes resolved), or NULL
    dn_expr *value;      // an interpolated expression
    const char *format;  // after ':' in {x:.3}, or NULL
} dn_string_part;

typedef struct dn_subscript {
    bool is_slice;     // start:limit:stride, each may be NULL
    bool is_ellipsis;  // ...
    dn_expr *index;    // when neither
    dn_expr *start, *limit, *stride;
    dn_span span;
} dn_subscript;

typedef struct dn_block {
    dn_stmt **stmts;
    int count;
    dn_span span;  // with its braces
    int depth;     // as an expression's
} dn_block;

struct dn_expr {
    dn_expr_kind kind;
    int depth;  // of the tree below; the parser keeps it within what recursion can walk
    dn_span span;
    union {
        int64_t integer;
        double number;
        bool boolean;
        const char *name;
        struct {
            dn_string_part *parts;
            int count;
        } string;
        struct {
            dn_operator oper;
            dn_span oper_span;
            dn_expr *left, *right;
        } operation;  // right NULL: unary
        struct {
            dn_expr *first, *last;
            bool exclusive;
        } range;
        struct {
            dn_expr *callee;
            dn_arg *args;
            int count;
            bool piped;
        } call;
        struct {
            dn_expr *base;
            dn_subscript *items;
            int count;
        } index;
        struct {
            dn_expr *base;
            dn_name name;
        } field;
        struct {
            dn_expr **items;
            int count;
        } list;
        struct {
            dn_name *names;
            int n_names;
            bool record;
            dn_expr *source, *value;
        } each;
        struct {
            dn_arg *fields;
            int count;
        } record;  // `{a}` is {a: a}
        struct {
            dn_expr *condition;
            dn_block *then;
            dn_block *otherwise;
        } branch;  // `else if`: a block of one if
    };
};

typedef enum dn_stmt_kind {
    DN_STMT_ERROR,
    DN_STMT_EXPR,
    DN_STMT_LET,     // let x = e, let x: T = e, let {a, b} = e
    DN_STMT_ASSIGN,  // x = e, {a, b} = e; x += e has oper ADD
    DN_STMT_RETURN,  // value may be NULL
    DN_STMT_FOR,     // for x in e { }, for {a, b} in e { }
    DN_STMT_WHILE,
    DN_STMT_BREAK,
    DN_STMT_CONTINUE,
    DN_STMT_MINIMIZE,  // minimize loss over D, E with adam(...)
    DN_STMT_LOG,       // log e
    DN_STMT_PARAM,     // param w: T[I, units] = init
    DN_STMT_STATE,     // state mean: T[C] = zeros
    DN_STMT_MODEL,     // model enc = dense(64), inside a net
} dn_stmt_kind;

typedef struct dn_pattern {
    dn_name *names;
    int count;
    bool record;  // {a, b}: fields of a record; else one name
    dn_span span;
} dn_pattern;

struct dn_stmt {
    dn_stmt_kind kind;
    dn_span span;
    union {
        dn_expr *expr;  // EXPR, RETURN, LOG
        struct {
            dn_pattern pattern;
            dn_type_expr *type;
            dn_expr *value;
            bool compound;
            dn_operator oper;
        } bind;  // LET, ASSIGN
        struct {
            dn_pattern pattern;
            dn_expr *source;
            dn_block *body;
        } loop;  // FOR
        struct {
            dn_expr *condition;
            dn_block *body;
        } repeat;  // WHILE
        struct {
            dn_expr *loss;
            dn_expr **over;
            int n_over;
            dn_expr *with;
        } minimize;
        struct {
            dn_name name;
            dn_type_expr *type;
            dn_expr *init;
        } variable;  // PARAM, STATE
        struct {
            dn_name name;
            dn_expr *value;
        } model;
    };
};

typedef enum dn_type_kind {
    DN_TYPE_NAME,  // int, float, bool, string, path, fn, schedule, model, dims, any; f32 (a scalar
                   // tensor)
    DN_TYPE_TENSOR,  // f32[N, ...S, C], T[I, 2*units]
    DN_TYPE_LIST,    // [int]
    DN_TYPE_SYMBOL,  // symbol(same, valid)
    DN_TYPE_UNION,   // int | [int]
    DN_TYPE_RECORD,  // {image: f32[N, H, W, C], label: i32[N]}
} dn_type_kind;

typedef struct dn_dim_expr {
    bool ellipsis;  // ... or ...NAME
    dn_name name;   // of an ellipsis; text may be NULL
    dn_expr *size;  // else
} dn_dim_expr;

typedef struct dn_type_field {
    dn_name name;
    dn_type_expr *type;
} dn_type_field;

struct dn_type_expr {
    dn_type_kind kind;
    dn_span span;
    dn_name name;           // NAME; TENSOR: the dtype or its variable
    dn_dim_expr *dims;      // TENSOR
    dn_type_expr **items;   // LIST (one), UNION
    dn_name *symbols;       // SYMBOL
    dn_type_field *fields;  // RECORD
    int count;              // of the above
};

typedef struct dn_param {
    dn_name name;
    dn_type_expr *type;  // may be NULL
    dn_expr *init;       // default, or NULL
    const char *doc;     // "" if none
} dn_param;

typedef enum dn_decl_kind {
    DN_DECL_ERROR,
    DN_DECL_IMPORT,
    DN_DECL_CONST,
    DN_DECL_MODEL,
    DN_DECL_FN,
    DN_DECL_NET,
    DN_DECL_OPTIMIZER,
    DN_DECL_STEP,
    DN_DECL_COMMAND,
    DN_DECL_STMT,  // a statement at the top level: for the prompt only
} dn_decl_kind;

struct dn_decl {
    dn_decl_kind kind;
    dn_span span;  // of the whole
    dn_name name;
    const char *doc;     // "" if none
    bool is_extern;      // extern fn / extern command: implemented in C
    bool is_export;      // export fn: a function of the library that dnetc makes
    const char *path;    // IMPORT
    dn_type_expr *type;  // CONST: may be NULL
    dn_expr *value;      // CONST, MODEL
    dn_param *params;    // FN, NET, OPTIMIZER, STEP, COMMAND
    int n_params;
    dn_type_expr *result;  // may be NULL
    dn_block *body;        // NULL when extern
    dn_stmt *stmt;         // STMT
};

typedef struct dn_file {
    dn_decl **decls;
    int count;
    bool incomplete;  // the only error was that the text ended too early: the prompt reads on
} dn_file;

// Parses a whole source file. Errors go to diags; what could be read is returned all the same.
dn_file *dn_parse(dn_arena *arena, dn_sources *sources, uint32_t file, dn_diags *diags);
// Appends the tree as indented S-expressions (--emit=ast), with names and literals, without spans.
void dn_ast_print(const dn_file *file, dn_str *out);

#endif
