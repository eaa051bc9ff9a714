// Inside the front end: what the lexer, the token filter, the grammar and its helpers share.
//
//   text -> lexer.l -> tokens -> brackets.c pairs them -> layout.c filters them -> parser.y -> tree
//
// The whole text is lexed before parsing starts, so that the filter can look as far ahead as it
// wants: it knows which brackets are closed and so where newlines count, and after an error it can
// lead the parser to the end of the statement or bracket where the error was.
#ifndef DN_FRONTEND_PARSE_H
#define DN_FRONTEND_PARSE_H

#include "frontend/ast.h"
#include "frontend/parser.tab.h"

enum {
    DN_MAX_BRACKETS = 200,  // nesting of brackets
    DN_MAX_DEPTH = 500,     // depth of the tree: what later stages can walk by recursion
    DN_MAX_STRINGS = 8,     // nesting of strings in strings
    DN_MAX_ERRORS = 100,    // of one file; more are counted, not told
};

// What begins with a token for certain, so that brackets left open end before it.
typedef enum dn_boundary {
    DN_NO_BOUNDARY,
    DN_STATEMENT_BOUNDARY,    // `let`, `name = `, ... at the beginning of a line: ends ( and [
    DN_DECLARATION_BOUNDARY,  // `fn name`, ... at the left margin: ends all
} dn_boundary;

typedef struct dn_token {
    int kind;     // TOK_... or a character
    int partner;  // of a bracket: the index of its other half, or -1
    uint32_t begin, end;
    bool wrong_closer;  // `(a]`: paired with its opener, but of another kind
    dn_boundary boundary;
    DN_SYNTAX_STYPE value;
} dn_token;

typedef struct dn_doc {
    uint32_t place;  // offset of the token that it stands before
    const char *text;
} dn_doc;

// A string literal being lexed.
typedef struct dn_open_string {
    uint32_t begin;  // its opening quote
    int first;       // index of its first token
    bool interpolated;
    uint32_t hole;       // offset of the `{` of the current {expr}
    int braces, others;  // open brackets inside that {expr}
} dn_open_string;

// An open bracket, as the filter sees it. frames[0] is the file.
typedef enum dn_frame_kind {
    DN_FRAME_BLOCK,   // statements: newlines count
    DN_FRAME_RECORD,  // fields: a newline is a comma
    DN_FRAME_CALL,    // ( and [: newlines do not count
    DN_FRAME_PARAMS,
    DN_FRAME_GROUP,
    DN_FRAME_INDEX,
    DN_FRAME_LIST,
    DN_FRAME_HOLE,  // {expr} in a string
} dn_frame_kind;

typedef struct dn_frame {
    dn_frame_kind kind;
    int opener;        // token index, -1 for the file
    bool wants_block;  // an `if`, `for` or `while` waits for its block
    int minimize;      // 1: after `minimize`, 2: after its `over`
} dn_frame;

typedef struct dn_parser {
    dn_arena *arena;
    dn_diags *diags;
    const dn_source *source;
    uint32_t file;
    int errors, errors_at_end;  // of this parse

    dn_token *tokens;  // the lexer's output, ended by TOK_END
    int n_tokens, cap_tokens;
    dn_doc *docs;  // in order of place
    int n_docs, cap_docs;

    dn_decl **decls;  // the result
    int n_decls, cap_decls;

    // Lexer
    uint32_t offset;  // where the next token begins
    uint32_t piece;   // where the current piece of string text began
    dn_open_string strings[DN_MAX_STRINGS];
    int n_strings;
    dn_str text;  // the piece of string literal read so far
    dn_str doc;

    // Filter
    int next;             // index of the next token to look at
    int given;            // index of the token given last, or the next one if it was made up
    int previous;         // kind of the token given last
    int before_previous;  // and of that before it
    uint32_t previous_end;
    bool made_up;         // the token given last is not in the text,
    bool made_up_before;  // nor was that before it
    dn_frame frames[DN_MAX_BRACKETS + 2];
    int depth;        // frames[depth] is the innermost
    dn_frame closed;  // the frame that was closed last
    int skip_to;      // after an error: skip to the end of this depth; -1 when not
    bool too_deep;    // told so
    int last_error;   // token index of the last error, or -1
} dn_parser;

// Growable lists of the grammar's actions: of nodes, in the arena.
typedef struct dn_list {
    void **items;
    int count, capacity;
} dn_list;

static inline dn_span dn_parser_span(const dn_parser *p, uint32_t begin, uint32_t end) {
    return (dn_span){p->file, begin, end};
}

static inline dn_span dn_token_span(const dn_parser *p, const dn_token *t) {
    return dn_parser_span(p, t->begin, t->end);
}

// parse.c: all is ready for dn_lex. The source has to stay.
dn_parser *dn_parser_new(dn_arena *arena, const dn_source *source, uint32_t file, dn_diags *diags);
void dn_parser_free(dn_parser *parser);

// An error of this parse: counted, and after DN_MAX_ERRORS no longer told.
dn_diag *dn_parse_error(dn_parser *p, dn_span span, const char *fmt, ...) DN_PRINTF(3, 4);
// A copy in the arena.
const char *dn_parse_text(dn_parser *p, const char *text, size_t length);
bool dn_token_is(const dn_parser *p, const dn_token *t, const char *text);

// lexer.l: fills p->tokens and p->docs.
void dn_lex(dn_parser *p);

// literals.c: what the lexer's rules do.
void dn_lex_push(dn_parser *p, int kind, uint32_t begin, DN_SYNTAX_STYPE value);
void dn_lex_word(dn_parser *p, const char *text, int length);
void dn_lex_int(dn_parser *p, const char *text);
void dn_lex_float(dn_parser *p, const char *text);
void dn_lex_bad_number(dn_parser *p, const char *text);
void dn_lex_bad_point(dn_parser *p, const char *text);
void dn_lex_bad_text(dn_parser *p, const char *text, int length);
void dn_lex_quoted(dn_parser *p, const char *text, int length);
void dn_lex_doc(dn_parser *p, const char *text, int length);
bool dn_lex_string_begin(dn_parser *p);  // false: nested too deeply
void dn_lex_string_end(dn_parser *p);
void dn_lex_string_broken(dn_parser *p);  // the line ended first
void dn_lex_escape(dn_parser *p, const char *text, int length);
void dn_lex_hole_begin(dn_parser *p);
bool dn_lex_at_format(const dn_parser *p);    // a ':' here begins a format
bool dn_lex_bracket(dn_parser *p, int kind);  // true: this `}` ends the hole

// brackets.c: pairs brackets; false when they nest too deeply (reported).
bool dn_pair_brackets(dn_parser *p);
bool dn_is_opener(int kind);
bool dn_is_closer(int kind);
int dn_closer_of(int opener);

// layout.c: the filter, as the parser calls it.
int dn_syntax_lex(DN_SYNTAX_STYPE *value, dn_span *span, dn_parser *p);

// syntax_error.c: reports that the token given last was none of those expected, by the names the
// grammar gives them, and starts recovery.
void dn_syntax_unexpected(dn_parser *p, dn_span span, const char *const *expected, int count);
void dn_syntax_too_deep(dn_parser *p, dn_span span);
// Brackets that do not pair, at the filter's next token.
void dn_syntax_unclosed(dn_parser *p, const dn_frame *frame);
void dn_syntax_wrong_closer(dn_parser *p, const dn_frame *frame, const dn_token *closer);
void dn_syntax_stray_closer(dn_parser *p, const dn_token *closer);

// make.c: what the grammar's actions do.
dn_list *dn_list_new(dn_parser *p, void *first);
dn_list *dn_list_add(dn_parser *p, dn_list *list, void *item);
void *dn_list_flat(dn_parser *p, const dn_list *list,
                   size_t size);  // the items themselves, in a row

dn_name *dn_make_name_item(dn_parser *p, const char *text, dn_span span);
dn_name dn_make_name(const char *text, dn_span span);
dn_arg *dn_make_arg(dn_parser *p, const char *name, dn_span span, dn_expr *value);
dn_string_part *dn_make_part(dn_parser *p, const char *text, dn_expr *value, const char *format);
dn_subscript *dn_make_slice(dn_parser *p, dn_span span, dn_expr *start, dn_expr *limit,
                            dn_expr *stride);
dn_subscript *dn_make_subscript(dn_parser *p, dn_span span, dn_expr *index);  // NULL: `...`
dn_expr *dn_make_error(dn_parser *p, dn_span span);
dn_expr *dn_make_int(dn_parser *p, dn_span span, int64_t value);
dn_expr *dn_make_float(dn_parser *p, dn_span span, double value);
dn_expr *dn_make_bool(dn_parser *p, dn_span span, bool value);
dn_expr *dn_make_string(dn_parser *p, dn_span span, const dn_list *parts);
dn_expr *dn_make_name_expr(dn_parser *p, dn_span span, const char *name);
dn_expr *dn_make_unary(dn_parser *p, dn_span span, dn_operator oper, dn_span at, dn_expr *value);
dn_expr *dn_make_binary(dn_parser *p, dn_span span, dn_operator oper, dn_span at, dn_expr *left,
                        dn_expr *right);
dn_expr *dn_make_comparison(dn_parser *p, dn_span span, dn_operator oper, dn_span at, dn_expr *left,
                            dn_span left_span, dn_expr *right);
dn_expr *dn_make_range(dn_parser *p, dn_span span, dn_expr *first, dn_expr *last, bool exclusive);
dn_expr *dn_make_call(dn_parser *p, dn_span span, dn_expr *callee, const dn_list *args);
dn_expr *dn_make_pipe(dn_parser *p, dn_span span, dn_expr *input, dn_expr *stage,
                      dn_span stage_span);
dn_expr *dn_make_index(dn_parser *p, dn_span span, dn_expr *base, const dn_list *items);
dn_expr *dn_make_field(dn_parser *p, dn_span span, dn_expr *base, dn_name name);
dn_expr *dn_make_list(dn_parser *p, dn_span span, const dn_list *items);
dn_expr *dn_make_each(dn_parser *p, dn_span span, const dn_pattern *pattern, dn_expr *source,
                      dn_expr *value);
dn_expr *dn_make_record(dn_parser *p, dn_span span, const dn_list *fields);
dn_expr *dn_make_if(dn_parser *p, dn_span span, dn_expr *condition, dn_block *then,
                    dn_block *otherwise);
dn_block *dn_make_else_if(dn_parser *p, dn_expr *branch);

dn_pattern *dn_make_pattern(dn_parser *p, dn_span span, const dn_list *names, bool record);
dn_stmt *dn_make_stmt(dn_parser *p, dn_stmt_kind kind, dn_span span, dn_expr *expr);
dn_stmt *dn_make_let(dn_parser *p, dn_span span, const dn_pattern *pattern, dn_type_expr *type,
                     dn_expr *value);
dn_stmt *dn_make_assign(dn_parser *p, dn_span span, dn_expr *target, dn_span target_span,
                        dn_expr *value);
dn_stmt *dn_make_update(dn_parser *p, dn_span span, dn_expr *target, dn_span target_span,
                        dn_operator oper, dn_expr *value);
dn_stmt *dn_make_for(dn_parser *p, dn_span span, const dn_pattern *pattern, dn_expr *source,
                     dn_block *body);
dn_stmt *dn_make_while(dn_parser *p, dn_span span, dn_expr *condition, dn_block *body);
dn_stmt *dn_make_minimize(dn_parser *p, dn_span span, dn_expr *loss, const dn_list *over,
                          dn_expr *with);
dn_stmt *dn_make_variable(dn_parser *p, dn_stmt_kind kind, dn_span span, dn_name name,
                          dn_type_expr *type, dn_expr *init);
dn_stmt *dn_make_local_model(dn_parser *p, dn_span span, dn_name name, dn_expr *value);
dn_block *dn_make_block(dn_parser *p, dn_span span, const dn_list *stmts);

dn_type_expr *dn_make_type(dn_parser *p, dn_type_kind kind, dn_span span, const dn_list *items);
dn_type_expr *dn_make_named_type(dn_parser *p, dn_type_kind kind, dn_span span, dn_name name,
                                 const dn_list *items);
dn_type_expr *dn_make_symbols(dn_parser *p, dn_span span, dn_name word, const dn_list *names);
dn_type_expr *dn_make_union(dn_parser *p, dn_span span, dn_type_expr *left, dn_type_expr *right);
dn_type_expr *dn_make_error_type(dn_parser *p, dn_span span);
dn_dim_expr *dn_make_dim(dn_parser *p, dn_expr *size, dn_name name);  // size NULL: an ellipsis
dn_type_field *dn_make_type_field(dn_parser *p, dn_name name, dn_type_expr *type);
dn_param *dn_make_param(dn_parser *p, dn_name name, dn_type_expr *type, dn_expr *init);

dn_decl *dn_make_decl(dn_parser *p, dn_decl_kind kind, dn_span span, dn_name name, dn_expr *value);
dn_decl *dn_make_import(dn_parser *p, dn_span span, const char *path);
dn_decl *dn_make_decl_stmt(dn_parser *p, dn_stmt *stmt);
void dn_decl_set_params(dn_parser *p, dn_decl *decl, const dn_list *params);
void dn_parse_add_decl(dn_parser *p, dn_decl *decl);

#endif
