// Tokens of PTX.
#ifndef CUDASIM_PTX_LEX_H
#define CUDASIM_PTX_LEX_H

#include <setjmp.h>

#include "tests/cudasim/ptx.h"

typedef enum ptx_token {
    PTX_END,
    PTX_WORD,    // a name, a directive, an opcode with its modifiers
    PTX_NUMBER,  // .kind: PTX_INTEGER, PTX_FLOAT32, PTX_FLOAT64
    PTX_STRING,
    PTX_MARK,  // one character
} ptx_token;

typedef struct ptx_lexer {
    const char *next;
    int line;  // of the token
    int next_line;
    ptx_token token;
    const char *start;
    size_t length;
    ptx_operand_kind kind;
    uint64_t bits;
    // where failures go
    jmp_buf failed;
    char *log;
    size_t log_bytes;
} ptx_lexer;

void ptx_advance(ptx_lexer *lexer);
void ptx_skip_past(ptx_lexer *lexer, char mark);  // to the first token behind the next `mark`
void ptx_skip_line(ptx_lexer *lexer);             // goes to the first token behind this line
_Noreturn void ptx_fail(ptx_lexer *lexer, int line, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
bool ptx_is(const ptx_lexer *lexer, char mark);
bool ptx_is_word(const ptx_lexer *lexer, const char *word);
bool ptx_take(ptx_lexer *lexer, char mark);
void ptx_expect(ptx_lexer *lexer, char mark);

#endif
