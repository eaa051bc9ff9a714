// Classes come from the lexer's tokens; which words are keywords is told by the filter.
#include "frontend/highlight.h"

#include <stdlib.h>
#include <string.h>

#include "frontend/parse.h"

static dn_text_class class_of(const dn_token *t, char first) {
    switch (t->kind) {
        case TOK_NAME: return DN_TEXT_NAME;
        case TOK_INT:
        case TOK_FLOAT: return DN_TEXT_NUMBER;
        case TOK_STRING:
        case TOK_STRING_OPEN:
        case TOK_TEXT:
        case TOK_HOLE:
        case TOK_HOLE_END:
        case TOK_FORMAT:
        case TOK_STRING_CLOSE: return DN_TEXT_STRING;
        default: break;
    }
    if (dn_is_closer(t->kind) && (t->partner < 0 || t->wrong_closer)) return DN_TEXT_STRAY_BRACKET;
    if (dn_is_opener(t->kind) || dn_is_closer(t->kind)) return DN_TEXT_BRACKET;
    return first >= 'a' && first <= 'z' ? DN_TEXT_KEYWORD : DN_TEXT_PLAIN;
}

static void fill(dn_highlight *h, uint32_t begin, uint32_t end, dn_text_class class) {
    memset(h->classes + begin, (int)class, end - begin);
}

// Between tokens there are spaces and comments.
static void find_comments(dn_highlight *h, const char *text, uint32_t begin, uint32_t end) {
    for (uint32_t i = begin; i + 1 < end; i++) {
        if (text[i] != '/' || text[i + 1] != '/') continue;
        uint32_t from = i;
        while (i < end && text[i] != '\n') i++;
        fill(h, from, i, DN_TEXT_COMMENT);
    }
}

static void classify(const dn_parser *p, dn_highlight *h) {
    const char *text = p->source->text;
    uint32_t done = 0;
    for (int i = 0; i < p->n_tokens; i++) {
        const dn_token *t = &p->tokens[i];
        find_comments(h, text, done, t->begin);
        fill(h, t->begin, t->end, class_of(t, text[t->begin]));
        if (t->partner >= 0 && !t->wrong_closer)
            h->partners[t->begin] = (int)p->tokens[t->partner].begin;
        done = t->end;
    }
}

// The filter gives names that are keywords where they stand, and keywords that are names there.
static void correct_words(dn_parser *p, dn_highlight *h) {
    DN_SYNTAX_STYPE value;
    dn_span span;
    for (int kind; (kind = dn_syntax_lex(&value, &span, p)) != TOK_END;) {
        const dn_token *t = &p->tokens[p->given];
        dn_text_class class = (dn_text_class)h->classes[t->begin];
        bool word = class == DN_TEXT_NAME || class == DN_TEXT_KEYWORD;
        if (!word || p->made_up || span.begin != t->begin) continue;
        fill(h, t->begin, t->end, kind == TOK_NAME ? DN_TEXT_NAME : DN_TEXT_KEYWORD);
    }
}

dn_highlight dn_highlight_text(const char *text, size_t length) {
    dn_highlight h = {.length = length,
                      .classes = dn_xcalloc(length + 1, 1),
                      .partners = dn_xmalloc((length + 1) * sizeof *h.partners)};
    for (size_t i = 0; i <= length; i++) h.partners[i] = -1;
    dn_sources sources;
    dn_diags unseen;
    dn_source source = {.path = "", .text = text, .length = (uint32_t)length};
    dn_sources_init(&sources);
    dn_diags_init(&unseen, &sources);
    dn_parser *p = dn_parser_new(&unseen.arena, &source, 0, &unseen);
    dn_lex(p);
    bool paired = dn_pair_brackets(p);
    classify(p, &h);
    if (paired) correct_words(p, &h);
    dn_parser_free(p);
    dn_diags_free(&unseen);
    dn_sources_free(&sources);
    return h;
}

void dn_highlight_free(dn_highlight *h) {
    free(h->classes);
    free(h->partners);
    *h = (dn_highlight){0};
}
