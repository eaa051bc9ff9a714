#include "tests/cudasim/ptx_lex.h"

#include <ctype.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

_Noreturn void ptx_fail(ptx_lexer *lexer, int line, const char *format, ...) {
    va_list args;
    va_start(args, format);
    int n = snprintf(lexer->log, lexer->log_bytes, "line %d: ", line);
    if (n >= 0 && (size_t)n < lexer->log_bytes)
        vsnprintf(lexer->log + n, lexer->log_bytes - (size_t)n, format, args);
    va_end(args);
    longjmp(lexer->failed, 1);
}

static void skip_block_comment(ptx_lexer *lexer) {
    const char *end = strstr(lexer->next + 2, "*/");
    if (!end) ptx_fail(lexer, lexer->next_line, "a comment does not end");
    for (const char *p = lexer->next; p < end; p++) lexer->next_line += *p == '\n';
    lexer->next = end + 2;
}

static void skip_space(ptx_lexer *lexer) {
    for (;;) {
        if (*lexer->next == '\n') {
            lexer->next_line++;
            lexer->next++;
        } else if (isspace((unsigned char)*lexer->next)) {
            lexer->next++;
        } else if (lexer->next[0] == '/' && lexer->next[1] == '/') {
            lexer->next += strcspn(lexer->next, "\n");
        } else if (lexer->next[0] == '/' && lexer->next[1] == '*') {
            skip_block_comment(lexer);
        } else {
            return;
        }
    }
}

static bool starts_word(char c) {
    return isalpha((unsigned char)c) || c == '_' || c == '$' || c == '%';
}

static bool in_word(char c) { return starts_word(c) || isdigit((unsigned char)c); }

static void read_word(ptx_lexer *lexer) {
    const char *p = lexer->next + 1;
    for (;;) {
        if (in_word(*p))
            p++;
        else if (*p == '.' && in_word(p[1]))
            p += 2;
        else if (p[0] == ':' && p[1] == ':' && in_word(p[2]))
            p += 3;
        else
            break;
    }
    lexer->token = PTX_WORD;
    lexer->length = (size_t)(p - lexer->next);
    lexer->next = p;
}

static void read_float(ptx_lexer *lexer, const char *text) {
    char *end;
    double value = strtod(text, &end);
    lexer->kind = PTX_FLOAT64;
    memcpy(&lexer->bits, &value, sizeof value);
    lexer->next = end;
}

static void read_number(ptx_lexer *lexer) {
    const char *p = lexer->next;
    char *end;
    lexer->token = PTX_NUMBER;
    lexer->kind = PTX_INTEGER;
    char second = p[0] == '0' ? (char)tolower((unsigned char)p[1]) : 0;
    if (second == 'f' || second == 'd') {
        lexer->kind = second == 'f' ? PTX_FLOAT32 : PTX_FLOAT64;
        lexer->bits = strtoull(p + 2, &end, 16);
    } else if (second == 'b') {
        lexer->bits = strtoull(p + 2, &end, 2);
    } else {
        size_t digits = strspn(p, "0123456789");
        if (second != 'x' && (p[digits] == '.' || tolower((unsigned char)p[digits]) == 'e')) {
            read_float(lexer, p);
            return;
        }
        lexer->bits = strtoull(p, &end, 0);
    }
    if (*end == 'U') end++;
    if (end == p || in_word(*end)) ptx_fail(lexer, lexer->next_line, "not a number: %.12s", p);
    lexer->next = end;
}

void ptx_advance(ptx_lexer *lexer) {
    skip_space(lexer);
    const char *p = lexer->next;
    lexer->line = lexer->next_line;
    lexer->start = p;
    if (!*p) {
        lexer->token = PTX_END;
        lexer->length = 0;
    } else if (starts_word(*p) || (*p == '.' && in_word(p[1]))) {
        read_word(lexer);
    } else if (isdigit((unsigned char)*p)) {
        read_number(lexer);
    } else if (*p == '"') {
        const char *end = strchr(p + 1, '"');
        if (!end) ptx_fail(lexer, lexer->line, "a string does not end");
        lexer->token = PTX_STRING;
        lexer->length = (size_t)(end + 1 - p);
        lexer->next = end + 1;
    } else {
        lexer->token = PTX_MARK;
        lexer->length = 1;
        lexer->next = p + 1;
    }
}

void ptx_skip_line(ptx_lexer *lexer) {
    lexer->next += strcspn(lexer->next, "\n");
    ptx_advance(lexer);
}

void ptx_skip_past(ptx_lexer *lexer, char mark) {
    while (!ptx_take(lexer, mark)) {
        if (lexer->token == PTX_END) ptx_fail(lexer, lexer->line, "there is no '%c'", mark);
        ptx_advance(lexer);
    }
}

bool ptx_is(const ptx_lexer *lexer, char mark) {
    return lexer->token == PTX_MARK && *lexer->start == mark;
}

bool ptx_is_word(const ptx_lexer *lexer, const char *word) {
    return lexer->token == PTX_WORD && strlen(word) == lexer->length &&
           memcmp(lexer->start, word, lexer->length) == 0;
}

bool ptx_take(ptx_lexer *lexer, char mark) {
    if (!ptx_is(lexer, mark)) return false;
    ptx_advance(lexer);
    return true;
}

void ptx_expect(ptx_lexer *lexer, char mark) {
    if (!ptx_take(lexer, mark))
        ptx_fail(lexer, lexer->line, "expected '%c' before '%.*s'", mark, (int)lexer->length,
                 lexer->start);
}
