// Pairs the brackets of a text before it is parsed.
//
// A bracket left open would otherwise take the rest of the file with it, as newlines do not count
// inside ( and [. An opener without a partner is closed by the filter where its line, its block or
// its declaration ends; a closer without one is dropped. Each is one message.
//
// Brackets are paired twice when they do not come out even: the second time, a line that begins
// with what can only begin a statement or a declaration ends the brackets before it, so that the
// closers after it do not go to the wrong openers.
#include <stdlib.h>

#include "frontend/parse.h"

typedef struct dn_pairing {
    dn_parser *p;
    int stack[DN_MAX_BRACKETS + 1];  // indices of open brackets
    int depth;
    bool boundaries;  // the second time
    bool broken, too_deep;
} dn_pairing;

bool dn_is_opener(int kind) {
    return kind == '(' || kind == '[' || kind == '{' || kind == TOK_RECORD_OPEN || kind == TOK_HOLE;
}

bool dn_is_closer(int kind) {
    return kind == ')' || kind == ']' || kind == '}' || kind == TOK_HOLE_END;
}

int dn_closer_of(int opener) {
    return opener == '(' ? ')' : opener == '[' ? ']' : opener == TOK_HOLE ? TOK_HOLE_END : '}';
}

static int top_kind(const dn_pairing *s) {
    return s->depth ? s->p->tokens[s->stack[s->depth - 1]].kind : 0;
}

static void pair(dn_pairing *s, int at, int closer) {
    dn_token *tokens = s->p->tokens;
    if (at != s->depth - 1) s->broken = true;
    tokens[s->stack[at]].partner = closer;
    tokens[closer].partner = s->stack[at];
    tokens[closer].wrong_closer = dn_closer_of(tokens[s->stack[at]].kind) != tokens[closer].kind;
    s->depth = at;
}

// The level of the innermost bracket that `kind` closes, or -1. A `)` does not reach out of braces,
// nor anything out of a string's {expr}.
static int find_opener(const dn_pairing *s, int kind) {
    for (int i = s->depth - 1; i >= 0; i--) {
        int opener = s->p->tokens[s->stack[i]].kind;
        if (dn_closer_of(opener) == kind) return i;
        if (opener == TOK_HOLE || (opener == '{' && kind != TOK_HOLE_END)) return -1;
    }
    return -1;
}

static void close_bracket(dn_pairing *s, int index) {
    int kind = s->p->tokens[index].kind;
    int at = find_opener(s, kind);
    if (at >= 0) {
        pair(s, at, index);
        return;
    }
    s->broken = true;
    int top = top_kind(s), next = s->p->tokens[index + 1].kind;
    bool mistyped = (top == '(' || top == '[') && kind != '}' && next != dn_closer_of(top);
    if (mistyped) pair(s, s->depth - 1, index);
}

// Whether a declaration begins here at the left margin: there nothing can be open any more.
static bool begins_declaration(const dn_parser *p, int index) {
    static const char *const words[] = {"fn",      "net",    "optimizer", "step",  "const",
                                        "command", "import", "extern",    "export"};
    const dn_token *t = &p->tokens[index];
    if (t->kind != TOK_NAME || (t->begin && p->source->text[t->begin - 1] != '\n')) return false;
    int next = t[1].kind;
    if (next != TOK_NAME && next != TOK_STRING) return false;
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        if (dn_token_is(p, t, words[i])) return true;
    return false;
}

static bool is_round_opener(const dn_pairing *s, int level) {
    int kind = s->p->tokens[s->stack[level]].kind;
    return kind == '(' || kind == '[';
}

// Whether this bracket opens the parameters of a declaration: `fn name(`.
static bool is_params(const dn_pairing *s, int level) {
    static const char *const words[] = {"fn", "net", "optimizer", "step", "command"};
    int index = s->stack[level];
    if (index < 2 || s->p->tokens[index - 1].kind != TOK_NAME) return false;
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        if (dn_token_is(s->p, &s->p->tokens[index - 2], words[i])) return true;
    return false;
}

// Whether a line begins here with what only a statement begins with.
static bool begins_statement(const dn_parser *p, int index) {
    if (!index || p->tokens[index - 1].kind != TOK_NEWLINE) return false;
    int next = p->tokens[index + 1].kind;
    switch (p->tokens[index].kind) {
        case TOK_LET:
        case TOK_RETURN:
        case TOK_WHILE:
        case TOK_MINIMIZE:
        case TOK_BREAK:
        case TOK_CONTINUE: return next != ':';
        case TOK_NAME:
            return next == '=' || next == TOK_ADD_TO || next == TOK_SUB_FROM ||
                   next == TOK_MUL_BY || next == TOK_DIV_BY;
        default: return false;
    }
}

// Gives up on the brackets that cannot be open at this token.
static void end_brackets(dn_pairing *s, int index) {
    dn_token *t = &s->p->tokens[index];
    if (begins_declaration(s->p, index)) {
        t->boundary = DN_DECLARATION_BOUNDARY;
        s->depth = 0;
    } else if (begins_statement(s->p, index)) {
        // A parameter may stand on a line of its own with its default.
        int level = s->depth;
        while (level && is_round_opener(s, level - 1)) level--;
        if (level == s->depth || is_params(s, level)) return;
        t->boundary = DN_STATEMENT_BOUNDARY;
        s->depth = level;
    }
}

static void push_bracket(dn_pairing *s, int index) {
    s->stack[s->depth++] = index;
    s->too_deep = s->depth > DN_MAX_BRACKETS;
}

static void pair_all(dn_pairing *s) {
    dn_parser *p = s->p;
    for (int i = 0; i + 1 < p->n_tokens && !s->too_deep; i++) {  // the last is the end
        int kind = p->tokens[i].kind;
        if (s->depth && s->boundaries) end_brackets(s, i);
        if (dn_is_opener(kind)) push_bracket(s, i);
        if (dn_is_closer(kind)) close_bracket(s, i);
    }
    if (s->depth || s->too_deep) s->broken = true;
}

static void forget_pairs(dn_parser *p) {
    for (int i = 0; i < p->n_tokens; i++) {
        p->tokens[i].partner = -1;
        p->tokens[i].wrong_closer = false;
    }
}

bool dn_pair_brackets(dn_parser *p) {
    dn_pairing plain = {.p = p};
    pair_all(&plain);
    if (!plain.broken) return true;
    forget_pairs(p);
    dn_pairing careful = {.p = p, .boundaries = true};
    pair_all(&careful);
    if (careful.too_deep)
        dn_parse_error(p, dn_token_span(p, &p->tokens[careful.stack[DN_MAX_BRACKETS]]),
                       "brackets are nested more than %d deep", DN_MAX_BRACKETS);
    return !careful.too_deep;
}
