// What the lexer's rules do: words, numbers, strings, and text that means nothing in dnet.
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "frontend/parse.h"

// Doc comments belong to the next token, whatever it is; the grammar's actions ask for those of
// declarations and parameters.
static void attach_doc(dn_parser *p, uint32_t place) {
    const char *text = dn_parse_text(p, p->doc.text, p->doc.length);
    DN_PUSH(p->docs, p->n_docs, p->cap_docs) = (dn_doc){place, text};
    p->doc.length = 0;
}

void dn_lex_push(dn_parser *p, int kind, uint32_t begin, DN_SYNTAX_STYPE value) {
    if (p->doc.length && kind != TOK_NEWLINE) attach_doc(p, begin);
    DN_PUSH(p->tokens, p->n_tokens, p->cap_tokens) =
        (dn_token){.kind = kind, .partner = -1, .begin = begin, .end = p->offset, .value = value};
}

static uint32_t begin_of(const dn_parser *p, int length) { return p->offset - (uint32_t)length; }

static void push_text(dn_parser *p, int kind, uint32_t begin, const char *text, size_t length) {
    dn_lex_push(p, kind, begin, (DN_SYNTAX_STYPE){.text = dn_parse_text(p, text, length)});
}

// ---- Words ----------------------------------------------------------------------------------

// Words that are keywords wherever a name could stand; the others (`step`, `log`, ...) are names
// that the filter makes keywords where a statement begins.
static const struct {
    const char *text;
    int kind;
} reserved[] = {
    {"let", TOK_LET},     {"return", TOK_RETURN},     {"for", TOK_FOR},
    {"in", TOK_IN},       {"while", TOK_WHILE},       {"break", TOK_BREAK},
    {"if", TOK_IF},       {"continue", TOK_CONTINUE}, {"else", TOK_ELSE},
    {"and", TOK_AND},     {"minimize", TOK_MINIMIZE}, {"or", TOK_OR},
    {"not", TOK_NOT},     {"div", TOK_DIV},           {"true", TOK_TRUE},
    {"false", TOK_FALSE},
};

void dn_lex_word(dn_parser *p, const char *text, int length) {
    int kind = TOK_NAME;
    for (size_t i = 0; i < sizeof reserved / sizeof *reserved; i++)
        if (!strcmp(text, reserved[i].text)) kind = reserved[i].kind;
    push_text(p, kind, begin_of(p, length), text, (size_t)length);
}

// ---- Numbers --------------------------------------------------------------------------------

// Copies without the underscores.
static void plain_digits(char *out, size_t room, const char *text) {
    size_t n = 0;
    for (; *text && n + 1 < room; text++)
        if (*text != '_') out[n++] = *text;
    out[n] = 0;
}

void dn_lex_int(dn_parser *p, const char *text) {
    uint32_t begin = begin_of(p, (int)strlen(text));
    char digits[512];  // longer ones overflow all the same
    plain_digits(digits, sizeof digits, text);
    errno = 0;
    long long value = strtoll(digits, NULL, 10);
    if (errno) {
        dn_diag *d = dn_parse_error(p, dn_parser_span(p, begin, p->offset),
                                    "this whole number does not fit in 64 bits");
        dn_diag_hint(p->diags, d,
                     "the largest is 9223372036854775807; a float, as 1e20, goes further");
    }
    dn_lex_push(p, TOK_INT, begin, (DN_SYNTAX_STYPE){.integer = value});
}

void dn_lex_float(dn_parser *p, const char *text) {
    uint32_t begin = begin_of(p, (int)strlen(text));
    dn_str digits = {0};
    for (const char *s = text; *s; s++)
        if (*s != '_') dn_str_append(&digits, s, 1);
    double value = strtod(digits.text, NULL);
    free(digits.text);
    if (value > 1.7976931348623157e308)
        dn_parse_error(p, dn_parser_span(p, begin, p->offset), "this number is too large");
    dn_lex_push(p, TOK_FLOAT, begin, (DN_SYNTAX_STYPE){.number = value});
}

void dn_lex_bad_number(dn_parser *p, const char *text) {
    size_t length = strlen(text);
    uint32_t begin = begin_of(p, (int)length);
    dn_diag *d = dn_parse_error(p, dn_parser_span(p, begin, p->offset),
                                "`%.40s` is neither a number nor a name", text);
    if (text[0] == '0' && strchr("xXbBoO", text[1]))
        dn_diag_hint(p->diags, d, "numbers are written in decimal: `255`, not `0xff`");
    else if (text[length - 1] == '_' || strstr(text, "__"))
        dn_diag_hint(p->diags, d, "`_` goes between digits: `1_000`");
    else
        dn_diag_hint(p->diags, d,
                     "a name cannot begin with a digit; a product needs its `*`: `2*n`");
    dn_lex_push(p, TOK_INT, begin, (DN_SYNTAX_STYPE){0});
}

void dn_lex_bad_point(dn_parser *p, const char *text) {
    uint32_t begin = begin_of(p, (int)strlen(text));
    dn_diag *d = dn_parse_error(p, dn_parser_span(p, begin, p->offset),
                                "a number does not end with a point");
    dn_diag_hint(p->diags, d, "write `%.40s0`", text);
    dn_lex_push(p, TOK_FLOAT, begin, (DN_SYNTAX_STYPE){.number = strtod(text, NULL)});
}

// ---- Text that means nothing ------------------------------------------------------------------

// What people write for something that dnet spells otherwise. `kind`: the token to go on with, so
// that one slip makes one message; TOK_BAD stops the statement.
static const struct {
    const char *text;
    int kind;
    const char *hint;
} foreign[] = {
    {"&&", TOK_AND, "write `and`"},
    {"||", TOK_OR, "write `or`"},
    {"!", TOK_NOT, "write `not`"},
    {"^", TOK_POW, "powers are written `x ** 2`"},
    {"=>", TOK_BAD, "a result's type is written `-> f32[N]`, a named argument `name: value`"},
    {"?", TOK_BAD, "a choice is written `if c { a } else { b }`"},
    {"'", TOK_BAD, "strings are written with double quotes: \"text\""},
    {"\xE2\x80\x98", TOK_BAD, "strings are written with double quotes: \"text\""},
    {"\xE2\x80\x99", TOK_BAD, "strings are written with double quotes: \"text\""},
    {"\xE2\x80\x9C", TOK_BAD, "strings are written with straight quotes: \"text\""},
    {"\xE2\x80\x9D", TOK_BAD, "strings are written with straight quotes: \"text\""},
    {"\xE2\x88\x92", '-', "this is a typographic minus sign; write `-`"},
    {"\xE2\x80\x93", '-', "this is a dash; write `-`"},
    {"\xE2\x80\x94", '-', "this is a dash; write `-`"},
    {"\xC3\x97", '*', "write `*`"},
    {"\xC2\xB7", '*', "write `*`"},
    {"\xE2\x89\xA4", TOK_LE, "write `<=`"},
    {"\xE2\x89\xA5", TOK_GE, "write `>=`"},
    {"\xE2\x89\xA0", TOK_NE, "write `!=`"},
    {"\xE2\x86\x92", TOK_BAD, "write `->`"},
    {"\xE2\x80\xA6", TOK_ELLIPSIS, "write three dots: `...`"},
    {"\xC2\xA0", 0, "this is a no-break space; use an ordinary space"},
    {"\xE2\x80\x8B", 0, "this is an invisible zero-width space; remove it"},
};

static dn_operator comparison_of(int kind) {
    return kind == TOK_LE ? DN_OPER_LE : kind == TOK_GE ? DN_OPER_GE : DN_OPER_NE;
}

static bool bad_foreign(dn_parser *p, const char *text, dn_span span) {
    for (size_t i = 0; i < sizeof foreign / sizeof *foreign; i++) {
        if (strcmp(text, foreign[i].text)) continue;
        bool space = !foreign[i].kind;
        dn_diag *d = dn_parse_error(
            p, span,
            space ? "a character that only looks like nothing" : "`%s` is not part of dnet", text);
        dn_diag_hint(p->diags, d, "%s", foreign[i].hint);
        if (!space)
            dn_lex_push(p, foreign[i].kind, span.begin,
                        (DN_SYNTAX_STYPE){.oper = comparison_of(foreign[i].kind)});
        return true;
    }
    return false;
}

static bool bad_comment(dn_parser *p, const char *text, dn_span span) {
    if (text[0] != '#') return false;
    span.end = span.begin + 1;
    dn_diag *d = dn_parse_error(p, span, "`#` does not begin a comment");
    dn_diag_hint(p->diags, d, "comments begin with `//`");
    return true;
}

// A run of unknown characters is one message.
static bool extend_bad(dn_parser *p, uint32_t begin) {
    dn_token *last = p->n_tokens ? &p->tokens[p->n_tokens - 1] : NULL;
    if (!last || last->kind != TOK_BAD || last->end != begin) return false;
    last->end = p->offset;
    return true;
}

void dn_lex_bad_text(dn_parser *p, const char *text, int length) {
    uint32_t begin = begin_of(p, length);
    dn_span span = dn_parser_span(p, begin, p->offset);
    if (extend_bad(p, begin) || bad_foreign(p, text, span) || bad_comment(p, text, span)) return;
    unsigned char c = (unsigned char)text[0];
    if (c < ' ' || c == 127) {
        dn_parse_error(p, span, "a control character (byte %u) stands in the text", c);
    } else {
        dn_diag *d = dn_parse_error(p, span, "`%s` is not part of dnet", text);
        if (c >= 128)
            dn_diag_hint(p->diags, d,
                         "names are made of the letters a-z and A-Z, digits and `_`; "
                         "other characters go into strings and comments");
    }
    dn_lex_push(p, TOK_BAD, begin, (DN_SYNTAX_STYPE){0});
}

void dn_lex_quoted(dn_parser *p, const char *text, int length) {
    uint32_t begin = begin_of(p, length);
    bool typographic = text[0] != '\'';
    size_t quote = typographic ? 3 : 1;
    dn_diag *d = dn_parse_error(
        p, dn_parser_span(p, begin, p->offset),
        typographic ? "a string in typographic quotes" : "a string in single quotes");
    dn_diag_hint(p->diags, d, "write \"%.*s\"", length - 2 * (int)quote, text + quote);
    push_text(p, TOK_STRING, begin, text + quote, (size_t)length - 2 * quote);
}

void dn_lex_doc(dn_parser *p, const char *text, int length) {
    text += 3, length -= 3;
    if (length && *text == ' ') text++, length--;
    while (length && strchr(" \t\r", text[length - 1])) length--;
    if (p->doc.length) dn_str_puts(&p->doc, "\n");
    dn_str_append(&p->doc, text, (size_t)length);
}

// ---- Strings --------------------------------------------------------------------------------
// "text" is one STRING; "a {x} b" is STRING_OPEN TEXT HOLE ... HOLE_END TEXT STRING_CLOSE.

static dn_open_string *string_top(dn_parser *p) {
    return p->n_strings ? &p->strings[p->n_strings - 1] : NULL;
}

bool dn_lex_string_begin(dn_parser *p) {
    uint32_t begin = p->offset - 1;
    if (p->n_strings == DN_MAX_STRINGS) {
        dn_parse_error(p, dn_parser_span(p, begin, p->offset),
                       "strings within strings are nested too deeply");
        dn_lex_push(p, TOK_BAD, begin, (DN_SYNTAX_STYPE){0});
        return false;
    }
    p->strings[p->n_strings++] = (dn_open_string){.begin = begin, .first = p->n_tokens};
    p->text.length = 0;
    p->piece = p->offset;
    return true;
}

static void push_piece(dn_parser *p, int kind, uint32_t begin) {
    push_text(p, kind, begin, p->text.length ? p->text.text : "", p->text.length);
    p->text.length = 0;
}

void dn_lex_string_end(dn_parser *p) {
    dn_open_string *s = string_top(p);
    if (!s->interpolated) {
        push_piece(p, TOK_STRING, s->begin);
    } else {
        uint32_t end = p->offset--;
        if (p->text.length) push_piece(p, TOK_TEXT, p->piece);
        p->offset = end;
        dn_lex_push(p, TOK_STRING_CLOSE, end - 1, (DN_SYNTAX_STYPE){0});
    }
    p->n_strings--;
}

// The tokens of a broken string are taken back: its expressions are most likely halves.
void dn_lex_string_broken(dn_parser *p) {
    const dn_open_string *outer = &p->strings[0];
    uint32_t at = p->offset;
    if (at > outer->begin && p->source->text[at - 1] == '\n') p->offset--;
    dn_diag *d = dn_parse_error(p, dn_parser_span(p, outer->begin, outer->begin + 1),
                                "this string does not end on its line");
    if (outer->interpolated && outer->hole)
        dn_diag_hint(p->diags, d, "the `{` in it is not closed; a brace itself is written `\\{`");
    else
        dn_diag_hint(p->diags, d, "it wants a closing `\"`; a line break in it is written `\\n`");
    p->n_tokens = outer->first;
    push_text(p, TOK_STRING, outer->begin, "", 0);
    p->offset = at;
    p->n_strings = 0;
    p->text.length = 0;
}

void dn_lex_hole_begin(dn_parser *p) {
    dn_open_string *s = string_top(p);
    uint32_t end = p->offset--;
    if (!s->interpolated) {
        p->offset = s->begin + 1;
        dn_lex_push(p, TOK_STRING_OPEN, s->begin, (DN_SYNTAX_STYPE){0});
        p->offset = end - 1;
    }
    s->interpolated = true;
    if (p->text.length) push_piece(p, TOK_TEXT, p->piece);
    p->offset = end;
    dn_lex_push(p, TOK_HOLE, end - 1, (DN_SYNTAX_STYPE){0});
    s->hole = end - 1;
    s->braces = s->others = 0;
}

bool dn_lex_at_format(const dn_parser *p) {
    const dn_open_string *s = p->n_strings ? &p->strings[p->n_strings - 1] : NULL;
    return s && !s->braces && !s->others;
}

bool dn_lex_bracket(dn_parser *p, int kind) {
    dn_open_string *s = string_top(p);
    if (s && kind == '}' && !s->braces) {
        dn_lex_push(p, TOK_HOLE_END, p->offset - 1, (DN_SYNTAX_STYPE){0});
        s->hole = 0;
        p->piece = p->offset;
        return true;
    }
    if (s && kind == '{') s->braces++;
    if (s && kind == '}') s->braces--;
    if (s && (kind == '(' || kind == '[')) s->others++;
    if (s && (kind == ')' || kind == ']') && s->others) s->others--;
    dn_lex_push(p, kind, p->offset - 1, (DN_SYNTAX_STYPE){0});
    return false;
}

// ---- Escapes --------------------------------------------------------------------------------

static void append_utf8(dn_str *out, unsigned long c) {
    char bytes[4];
    int n = c < 0x80 ? 1 : c < 0x800 ? 2 : c < 0x10000 ? 3 : 4;
    for (int i = n - 1; i > 0; i--, c >>= 6) bytes[i] = (char)(0x80 | (c & 0x3F));
    static const unsigned char lead[] = {0, 0, 0xC0, 0xE0, 0xF0};
    bytes[0] = (char)(lead[n] | c);
    dn_str_append(out, bytes, (size_t)n);
}

static void unicode_escape(dn_parser *p, const char *text, int length, dn_span span) {
    char *end;
    unsigned long c = strtoul(text + 3, &end, 16);
    bool digits = strspn(text + 3, "0123456789abcdefABCDEF") == (size_t)length - 4 && length > 4;
    if (!digits) {
        dn_diag *d = dn_parse_error(p, span, "`%.20s` is not a character", text);
        dn_diag_hint(p->diags, d, "a character's number is written in hexadecimal: `\\u{1F600}`");
    } else if (length > 10 || c > 0x10FFFF || (c >= 0xD800 && c < 0xE000) || !c) {
        dn_parse_error(p, span, "there is no character with the number `%.20s`", text);
    } else {
        append_utf8(&p->text, c);
    }
}

void dn_lex_escape(dn_parser *p, const char *text, int length) {
    static const char from[] = "ntr\"\\{}", to[] = "\n\t\r\"\\{}";
    dn_span span = dn_parser_span(p, begin_of(p, length), p->offset);
    const char *found = length == 2 ? strchr(from, text[1]) : NULL;
    if (found && *found) {
        dn_str_append(&p->text, &to[found - from], 1);
    } else if (length > 2) {
        unicode_escape(p, text, length, span);
    } else {
        dn_diag *d = dn_parse_error(p, span, "`%s` is not an escape", text);
        dn_diag_hint(p->diags, d,
                     "the escapes are \\n \\t \\r \\\" \\\\ \\{ \\} and \\u{1F600}; "
                     "a backslash itself is written \\\\");
    }
}
