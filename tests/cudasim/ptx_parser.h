// What the parser's files share.
#ifndef CUDASIM_PTX_PARSER_H
#define CUDASIM_PTX_PARSER_H

#include "tests/cudasim/ptx_lex.h"

typedef enum ptx_name_kind {
    PTX_NAME_REGISTER,
    PTX_NAME_FAMILY,  // %r<12>
    PTX_NAME_VARIABLE,
    PTX_NAME_LABEL,
    PTX_NAME_FUNCTION,
} ptx_name_kind;

typedef struct ptx_name {
    const char *text;
    ptx_name_kind kind;
    ptx_register *registers;  // of a family: `count` of them
    int count;
    ptx_variable *variable;
    ptx_label *label;
    ptx_function *function;
    struct ptx_name *next;
} ptx_name;

enum { PTX_BUCKETS = 64 };

typedef struct ptx_scope {
    struct ptx_scope *parent;
    ptx_name *buckets[PTX_BUCKETS];
} ptx_scope;

typedef struct ptx_parser {
    ptx_lexer lexer;
    ptx_module *module;
    ptx_scope *scope;        // the innermost one
    ptx_function *function;  // the one being read
} ptx_parser;

// ---- names (ptx_scope.c) ----
void ptx_scope_open(ptx_parser *parser);
// Labels that it did not define become its parent's.
void ptx_scope_close(ptx_parser *parser);
ptx_name *ptx_scope_add(ptx_parser *parser, const char *text, ptx_name_kind kind);
ptx_name *ptx_scope_find(ptx_parser *parser, const char *text);
// The register of this name, single or of a family; NULL: none.
ptx_register *ptx_scope_register(ptx_parser *parser, const char *text);
ptx_label *ptx_scope_label(ptx_parser *parser, const char *text);  // made where there is none
void ptx_scope_define(ptx_parser *parser, const char *text, int statement);

// ---- declarations (ptx_declare.c) ----
char *ptx_read_name(ptx_parser *parser);  // the word at hand
void ptx_read_registers(ptx_parser *parser);
ptx_variable *ptx_read_variable(ptx_parser *parser, ptx_space space, bool external);
ptx_space ptx_space_named(const char *directive);  // ".shared"; PTX_GENERIC: none
uint64_t ptx_read_integer(ptx_parser *parser);

// ---- statements (ptx_statement.c) ----
void ptx_read_body(ptx_parser *parser);  // { .. }

#endif
