/* The grammar of dnet. Actions build the tree through make.c and do nothing else.

   What makes it free of conflicts is done before it, by the token filter (layout.c): NEWLINE comes
   only where a statement ends, `{` of a block and `{` of a record are two tokens, and brackets
   always pair. So every bracket and every statement has an `error` rule of its own; after an error
   the filter skips to the end of that bracket or statement, and parsing goes on as if nothing were.

   There are no %destructors: every semantic value is in the arena or is a number, so that what the
   parser drops in recovery is not lost. */
%require "3.8"
%define api.pure full
%define api.prefix {dn_syntax_}
%define api.token.prefix {TOK_}
%define api.location.type {dn_span}
%define parse.error custom
%define parse.lac full
%locations
%expect 0
%parse-param {dn_parser *p}
%lex-param {dn_parser *p}

%code requires {
#include "frontend/ast.h"
typedef struct dn_parser dn_parser;
struct dn_list;
}

%code {
#include "frontend/parse.h"

// Deeper than any text that the limits on brackets and trees let through to the tree.
#define YYMAXDEPTH 20000

#define YYLLOC_DEFAULT(out, rhs, n)                                            \
    do {                                                                       \
        if (n)                                                                 \
            (out) = dn_span_join(YYRHSLOC(rhs, 1), YYRHSLOC(rhs, n));          \
        else                                                                   \
            (out) = (dn_span){p->file, YYRHSLOC(rhs, 0).end, YYRHSLOC(rhs, 0).end}; \
    } while (0)

// Only called when the stack is full.
static void dn_syntax_error(dn_span *span, dn_parser *p, const char *text) {
    (void)text;
    dn_syntax_too_deep(p, *span);
}
}

%initial-action { @$ = (dn_span){p->file, 0, 0}; }

%union {
    int64_t integer;
    double number;
    const char *text;
    dn_operator oper;
    dn_decl_kind decl_kind;
    dn_expr *expr;
    dn_stmt *stmt;
    dn_block *block;
    dn_decl *decl;
    dn_type_expr *type;
    dn_param *param;
    dn_pattern *pattern;
    dn_arg *arg;
    dn_subscript *subscript;
    dn_string_part *part;
    dn_dim_expr *dim;
    dn_type_field *type_field;
    struct dn_list *list;
}

/* An alias with a space in it is a description; the others are shown in backquotes. */
%token END 0 "the end of the file"
%token NEWLINE "the end of the line"
%token <text> NAME "a name"
%token <integer> INT "a number"
%token <number> FLOAT "a float"
%token <text> STRING "a string"
%token STRING_OPEN "a string with a value"
%token <text> TEXT "text of a string"
%token HOLE "{ in a string"
%token HOLE_END "} in a string"
%token <text> FORMAT "a format"
%token STRING_CLOSE "the end of the string"
%token RECORD_OPEN "{ of a record"
%token BAD "a character without meaning"
%token IMPORT "import" CONST "const" FN "fn" NET "net" OPTIMIZER "optimizer" MODEL "model"
%token STEP "step" COMMAND "command" EXTERN "extern" LET "let" RETURN "return" FOR "for" IN "in"
%token WHILE "while" BREAK "break" CONTINUE "continue" IF "if" ELSE "else" MINIMIZE "minimize"
%token OVER "over" WITH "with" LOG "log" PARAM "param" STATE "state" EXPORT "export"
%token AND "and" OR "or" NOT "not" DIV "div" TRUE "true" FALSE "false"
%token PIPE "|>" ARROW "->" ELLIPSIS "..." RANGE ".." RANGE_BELOW "..<" POW "**"
%token <oper> EQ "==" NE "!=" LE "<=" GE ">=" '<' '>'
%token <oper> ADD_TO "+=" SUB_FROM "-=" MUL_BY "*=" DIV_BY "/="
%token ';'

%type <expr> expr pipe or and not comparison range sum product unary power postfix primary if
%type <expr> opt_expr opt_default each
%type <oper> comparator update_operator
%type <list> args arg_list exprs fields field_list subscripts string_parts names
%type <list> params param_list dims dim_list type_fields lines last_line
%type <arg> arg field
%type <part> string_part
%type <subscript> subscript
%type <pattern> pattern
%type <stmt> stmt line_stmt
%type <block> block
%type <type> type type_atom opt_type opt_result
%type <dim> dim
%type <type_field> type_field
%type <param> param
%type <decl> decl header
%type <decl_kind> callable

%start file

%%

/* ---- Declarations ---------------------------------------------------------------------------- */

file: decls last_decl END;

decls: %empty
    | decls decl NEWLINE                { dn_parse_add_decl(p, $2); }
    | decls NEWLINE
    | decls error NEWLINE               { yyerrok; }
    ;

last_decl: %empty
    | decl                              { dn_parse_add_decl(p, $1); }
    | error
    ;

decl: IMPORT STRING                     { $$ = dn_make_import(p, @$, $2); }
    | CONST NAME opt_type '=' expr      { $$ = dn_make_decl(p, DN_DECL_CONST, @$,
                                                            dn_make_name($2, @2), $5);
                                          $$->type = $3; }
    | MODEL NAME '=' expr               { $$ = dn_make_decl(p, DN_DECL_MODEL, @$,
                                                            dn_make_name($2, @2), $4); }
    | header block                      { $$ = $1; $$->body = $2; $$->span = @$; }
    | EXTERN header                     { $$ = $2; $$->is_extern = true; $$->span = @$; }
    | EXPORT header block               { $$ = $2; $$->is_export = true; $$->body = $3;
                                          $$->span = @$; }
    | stmt                              { $$ = dn_make_decl_stmt(p, $1); }
    ;

header: callable NAME '(' params ')' opt_result {
        $$ = dn_make_decl(p, $1, @$, dn_make_name($2, @2), NULL);
        dn_decl_set_params(p, $$, $4);
        $$->result = $6;
        yyerrok;
    }
    ;

callable: FN                            { $$ = DN_DECL_FN; }
    | NET                               { $$ = DN_DECL_NET; }
    | OPTIMIZER                         { $$ = DN_DECL_OPTIMIZER; }
    | STEP                              { $$ = DN_DECL_STEP; }
    | COMMAND                           { $$ = DN_DECL_COMMAND; }
    ;

params: %empty                          { $$ = NULL; }
    | param_list
    | param_list ','
    | error                             { $$ = NULL; }
    ;

param_list: param                       { $$ = dn_list_new(p, $1); }
    | param_list ',' param              { $$ = dn_list_add(p, $1, $3); }
    ;

param: NAME opt_type opt_default        { $$ = dn_make_param(p, dn_make_name($1, @1), $2, $3); };

opt_default: %empty                     { $$ = NULL; }
    | '=' expr                          { $$ = $2; }
    ;

opt_result: %empty                      { $$ = NULL; }
    | "->" type                         { $$ = $2; }
    ;

/* ---- Types ----------------------------------------------------------------------------------- */

opt_type: %empty                        { $$ = NULL; }
    | ':' type                          { $$ = $2; }
    ;

type: type_atom
    | type '|' type_atom                { $$ = dn_make_union(p, @$, $1, $3); }
    ;

type_atom: NAME                         { $$ = dn_make_named_type(p, DN_TYPE_NAME, @$,
                                                                  dn_make_name($1, @1), NULL); }
    | NAME '[' dims ']'                 { yyerrok;
                                          $$ = dn_make_named_type(p, DN_TYPE_TENSOR, @$,
                                                                  dn_make_name($1, @1), $3); }
    | NAME '(' names ')'                { $$ = dn_make_symbols(p, @$, dn_make_name($1, @1), $3); }
    | NAME '(' error ')'                { yyerrok; $$ = dn_make_error_type(p, @$); }
    | '[' type ']'                      { $$ = dn_make_type(p, DN_TYPE_LIST, @$,
                                                            dn_list_new(p, $2)); }
    | '[' error ']'                     { yyerrok; $$ = dn_make_error_type(p, @$); }
    | RECORD_OPEN type_fields opt_comma '}' { $$ = dn_make_type(p, DN_TYPE_RECORD, @$, $2); }
    | RECORD_OPEN error '}'             { yyerrok; $$ = dn_make_error_type(p, @$); }
    ;

dims: %empty                            { $$ = NULL; }
    | dim_list opt_comma
    | error                             { $$ = NULL; }
    ;

dim_list: dim                           { $$ = dn_list_new(p, $1); }
    | dim_list ',' dim                  { $$ = dn_list_add(p, $1, $3); }
    ;

dim: expr                               { $$ = dn_make_dim(p, $1, (dn_name){0}); }
    | "..."                             { $$ = dn_make_dim(p, NULL, (dn_name){0}); }
    | "..." NAME                        { $$ = dn_make_dim(p, NULL, dn_make_name($2, @2)); }
    ;

type_fields: type_field                 { $$ = dn_list_new(p, $1); }
    | type_fields ',' type_field        { $$ = dn_list_add(p, $1, $3); }
    ;

type_field: NAME ':' type               { $$ = dn_make_type_field(p, dn_make_name($1, @1), $3); };

names: NAME                             { $$ = dn_list_new(p, dn_make_name_item(p, $1, @1)); }
    | names ',' NAME                    { $$ = dn_list_add(p, $1, dn_make_name_item(p, $3, @3)); }
    ;

opt_comma: %empty | ',';

/* ---- Statements ------------------------------------------------------------------------------ */

block: '{' lines last_line '}'          { yyerrok; $$ = dn_make_block(p, @$, $3); };

lines: %empty                           { $$ = NULL; }
    | lines line_stmt NEWLINE           { $$ = dn_list_add(p, $1, $2); }
    | lines NEWLINE
    | lines error NEWLINE               { yyerrok; $$ = $1; }
    ;

last_line: %empty                       { $$ = $<list>0; }
    | line_stmt                         { $$ = dn_list_add(p, $<list>0, $1); }
    | error                             { $$ = $<list>0; }
    ;

line_stmt: stmt
    | MODEL NAME '=' expr               { $$ = dn_make_local_model(p, @$, dn_make_name($2, @2), $4); }
    ;

stmt: expr                              { $$ = dn_make_stmt(p, DN_STMT_EXPR, @$, $1); }
    | LET pattern '=' expr              { $$ = dn_make_let(p, @$, $2, NULL, $4); }
    | LET NAME ':' type '=' expr        {
        dn_list *name = dn_list_new(p, dn_make_name_item(p, $2, @2));
        $$ = dn_make_let(p, @$, dn_make_pattern(p, @2, name, false), $4, $6);
    }
    | expr '=' expr                     { $$ = dn_make_assign(p, @$, $1, @1, $3); }
    | expr update_operator expr         { $$ = dn_make_update(p, @$, $1, @1, $2, $3); }
    | RETURN                            { $$ = dn_make_stmt(p, DN_STMT_RETURN, @$, NULL); }
    | RETURN expr                       { $$ = dn_make_stmt(p, DN_STMT_RETURN, @$, $2); }
    | FOR pattern IN expr block         { $$ = dn_make_for(p, @$, $2, $4, $5); }
    | WHILE expr block                  { $$ = dn_make_while(p, @$, $2, $3); }
    | BREAK                             { $$ = dn_make_stmt(p, DN_STMT_BREAK, @$, NULL); }
    | CONTINUE                          { $$ = dn_make_stmt(p, DN_STMT_CONTINUE, @$, NULL); }
    | MINIMIZE expr OVER exprs WITH expr { $$ = dn_make_minimize(p, @$, $2, $4, $6); }
    | LOG expr                          { $$ = dn_make_stmt(p, DN_STMT_LOG, @$, $2); }
    | PARAM NAME ':' type '=' expr      { $$ = dn_make_variable(p, DN_STMT_PARAM, @$,
                                                                dn_make_name($2, @2), $4, $6); }
    | STATE NAME ':' type '=' expr      { $$ = dn_make_variable(p, DN_STMT_STATE, @$,
                                                                dn_make_name($2, @2), $4, $6); }
    ;

update_operator: "+=" | "-=" | "*=" | "/=";

pattern: NAME                           { $$ = dn_make_pattern(p, @$, dn_list_new(p,
                                                 dn_make_name_item(p, $1, @1)), false); }
    | RECORD_OPEN names opt_comma '}'   { $$ = dn_make_pattern(p, @$, $2, true); }
    | RECORD_OPEN error '}'             { yyerrok; $$ = dn_make_pattern(p, @$, NULL, true); }
    ;

/* ---- Expressions, loosest first -------------------------------------------------------------- */

expr: pipe;

pipe: or
    | pipe "|>" or                      { $$ = dn_make_pipe(p, @$, $1, $3, @3); }
    ;

or: and
    | or OR and                         { $$ = dn_make_binary(p, @$, DN_OPER_OR, @2, $1, $3); }
    ;

and: not
    | and AND not                       { $$ = dn_make_binary(p, @$, DN_OPER_AND, @2, $1, $3); }
    ;

not: comparison
    | NOT not                           { $$ = dn_make_unary(p, @$, DN_OPER_NOT, @1, $2); }
    ;

/* A chain a < b < c is read, so that its message can say what to write. */
comparison: range
    | comparison comparator range       { $$ = dn_make_comparison(p, @$, $2, @2, $1, @1, $3); }
    ;

comparator: "==" | "!=" | '<' | "<=" | '>' | ">=";

range: sum
    | sum ".." sum                      { $$ = dn_make_range(p, @$, $1, $3, false); }
    | sum "..<" sum                     { $$ = dn_make_range(p, @$, $1, $3, true); }
    ;

sum: product
    | sum '+' product                   { $$ = dn_make_binary(p, @$, DN_OPER_ADD, @2, $1, $3); }
    | sum '-' product                   { $$ = dn_make_binary(p, @$, DN_OPER_SUB, @2, $1, $3); }
    ;

product: unary
    | product '*' unary                 { $$ = dn_make_binary(p, @$, DN_OPER_MUL, @2, $1, $3); }
    | product '/' unary                 { $$ = dn_make_binary(p, @$, DN_OPER_DIV, @2, $1, $3); }
    | product '%' unary                 { $$ = dn_make_binary(p, @$, DN_OPER_REM, @2, $1, $3); }
    | product DIV unary                 { $$ = dn_make_binary(p, @$, DN_OPER_IDIV, @2, $1, $3); }
    | product '@' unary                 { $$ = dn_make_binary(p, @$, DN_OPER_MATMUL, @2, $1, $3); }
    ;

unary: power
    | '-' unary                         { $$ = dn_make_unary(p, @$, DN_OPER_NEG, @1, $2); }
    ;

power: postfix
    | postfix "**" unary                { $$ = dn_make_binary(p, @$, DN_OPER_POW, @2, $1, $3); }
    ;

postfix: primary
    | postfix '(' args ')'              { $$ = dn_make_call(p, @$, $1, $3); }
    | postfix '(' error ')'             { yyerrok; $$ = dn_make_error(p, @$); }
    | postfix '[' subscripts opt_comma ']' { $$ = dn_make_index(p, @$, $1, $3); }
    | postfix '[' error ']'             { yyerrok; $$ = dn_make_error(p, @$); }
    | postfix '.' NAME                  { $$ = dn_make_field(p, @$, $1, dn_make_name($3, @3)); }
    ;

primary: INT                            { $$ = dn_make_int(p, @$, $1); }
    | FLOAT                             { $$ = dn_make_float(p, @$, $1); }
    | TRUE                              { $$ = dn_make_bool(p, @$, true); }
    | FALSE                             { $$ = dn_make_bool(p, @$, false); }
    | STRING                            { $$ = dn_make_string(p, @$, dn_list_new(p,
                                                 dn_make_part(p, $1, NULL, NULL))); }
    | STRING_OPEN string_parts STRING_CLOSE { $$ = dn_make_string(p, @$, $2); }
    | NAME                              { $$ = dn_make_name_expr(p, @$, $1); }
    | '(' expr ')'                      { $$ = $2; }
    | '(' error ')'                     { yyerrok; $$ = dn_make_error(p, @$); }
    | '[' ']'                           { $$ = dn_make_list(p, @$, NULL); }
    | '[' exprs opt_comma ']'           { $$ = dn_make_list(p, @$, $2); }
    | '[' each ']'                      { $$ = $2; $$->span = @$; }
    | '[' error ']'                     { yyerrok; $$ = dn_make_error(p, @$); }
    | RECORD_OPEN fields '}'            { $$ = dn_make_record(p, @$, $2); }
    | RECORD_OPEN error '}'             { yyerrok; $$ = dn_make_error(p, @$); }
    | if
    ;

each: FOR pattern IN expr ':' expr      { $$ = dn_make_each(p, @$, $2, $4, $6); };

if: IF expr block                       { $$ = dn_make_if(p, @$, $2, $3, NULL); }
    | IF expr block ELSE block          { $$ = dn_make_if(p, @$, $2, $3, $5); }
    | IF expr block ELSE if             { $$ = dn_make_if(p, @$, $2, $3, dn_make_else_if(p, $5)); }
    ;

args: %empty                            { $$ = NULL; }
    | arg_list opt_comma
    ;

arg_list: arg                           { $$ = dn_list_new(p, $1); }
    | arg_list ',' arg                  { $$ = dn_list_add(p, $1, $3); }
    ;

arg: expr                               { $$ = dn_make_arg(p, NULL, @1, $1); }
    | NAME ':' expr                     { $$ = dn_make_arg(p, $1, @1, $3); }
    ;

exprs: expr                             { $$ = dn_list_new(p, $1); }
    | exprs ',' expr                    { $$ = dn_list_add(p, $1, $3); }
    ;

fields: %empty                          { $$ = NULL; }
    | field_list opt_comma
    ;

field_list: field                       { $$ = dn_list_new(p, $1); }
    | field_list ',' field              { $$ = dn_list_add(p, $1, $3); }
    ;

field: NAME ':' expr                    { $$ = dn_make_arg(p, $1, @1, $3); }
    | NAME                              { $$ = dn_make_arg(p, $1, @1,
                                                           dn_make_name_expr(p, @1, $1)); }
    ;

subscripts: subscript                   { $$ = dn_list_new(p, $1); }
    | subscripts ',' subscript          { $$ = dn_list_add(p, $1, $3); }
    ;

subscript: expr                         { $$ = dn_make_subscript(p, @$, $1); }
    | "..."                             { $$ = dn_make_subscript(p, @$, NULL); }
    | opt_expr ':' opt_expr { $$ = dn_make_slice(p, $1 ? @$ : dn_span_join(@2, @$), $1, $3, NULL); }
    | opt_expr ':' opt_expr ':' opt_expr {
        $$ = dn_make_slice(p, $1 ? @$ : dn_span_join(@2, @$), $1, $3, $5);
    }
    ;

opt_expr: %empty                        { $$ = NULL; }
    | expr
    ;

string_parts: string_part               { $$ = dn_list_new(p, $1); }
    | string_parts string_part          { $$ = dn_list_add(p, $1, $2); }
    ;

string_part: TEXT                       { $$ = dn_make_part(p, $1, NULL, NULL); }
    | HOLE expr HOLE_END                { $$ = dn_make_part(p, NULL, $2, NULL); }
    | HOLE expr FORMAT HOLE_END         { $$ = dn_make_part(p, NULL, $2, $3); }
    | HOLE error HOLE_END               { yyerrok;
                                          $$ = dn_make_part(p, NULL, dn_make_error(p, @2), NULL); }
    ;

%%

static int yyreport_syntax_error(const yypcontext_t *context, dn_parser *p) {
    yysymbol_kind_t kinds[YYNTOKENS];
    const char *names[YYNTOKENS];
    int count = yypcontext_expected_tokens(context, kinds, YYNTOKENS);
    for (int i = 0; i < count; i++) names[i] = yysymbol_name(kinds[i]);
    dn_syntax_unexpected(p, *yypcontext_location(context), names, count);
    return 0;
}
