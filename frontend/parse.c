// Parsing a file: the lexer, the pairing of brackets, the parser; and what they share.
#include "frontend/parse.h"

#include <stdlib.h>
#include <string.h>

dn_diag *dn_parse_error(dn_parser *p, dn_span span, const char *fmt, ...) {
    va_list args;
    va_start(args, fmt);
    char *text = dn_vprintf(fmt, args);
    va_end(args);
    dn_diag *diag;
    if (p->errors < DN_MAX_ERRORS) {
        diag = dn_diag_error(p->diags, span, "%s", text);
    } else {
        diag = DN_NEW(p->arena, dn_diag);  // not told
        if (p->errors == DN_MAX_ERRORS)
            dn_diag_error(p->diags, span, "too many syntax errors; the rest are not shown");
    }
    p->errors++;
    free(text);
    return diag;
}

const char *dn_parse_text(dn_parser *p, const char *text, size_t length) {
    return dn_arena_strndup(p->arena, text, length);
}

bool dn_token_is(const dn_parser *p, const dn_token *t, const char *text) {
    size_t length = strlen(text);
    return t->end - t->begin == length && !memcmp(p->source->text + t->begin, text, length);
}

static void run(dn_parser *p) {
    dn_lex(p);
    if (dn_pair_brackets(p)) dn_syntax_parse(p);
}

// Puts them in the order of their places: the lexer's errors were made before the parser's. They
// are at most DN_MAX_ERRORS, and insertion keeps the order of those at one place.
static void sort_diags(dn_diags *diags, int first) {
    for (int i = first + 1; i < diags->count; i++) {
        dn_diag *d = diags->items[i];
        int k = i;
        for (; k > first && diags->items[k - 1]->span.begin > d->span.begin; k--)
            diags->items[k] = diags->items[k - 1];
        diags->items[k] = d;
    }
}

static dn_file *take_file(dn_parser *p) {
    dn_file *result = DN_NEW(p->arena, dn_file);
    result->decls = dn_arena_copy(p->arena, p->decls, (size_t)p->n_decls * sizeof *p->decls);
    result->count = p->n_decls;
    result->incomplete = p->errors && p->errors == p->errors_at_end;
    return result;
}

dn_parser *dn_parser_new(dn_arena *arena, const dn_source *source, uint32_t file, dn_diags *diags) {
    dn_parser *p = dn_xcalloc(1, sizeof *p);
    p->arena = arena;
    p->diags = diags;
    p->source = source;
    p->file = file;
    p->skip_to = p->last_error = -1;
    p->frames[0].opener = -1;
    return p;
}

void dn_parser_free(dn_parser *p) {
    free(p->decls);
    free(p->tokens);
    free(p->docs);
    free(p->text.text);
    free(p->doc.text);
    free(p);
}

dn_file *dn_parse(dn_arena *arena, dn_sources *sources, uint32_t file, dn_diags *diags) {
    dn_source source = sources->files[file];  // a copy: adding files moves them
    dn_parser *p = dn_parser_new(arena, &source, file, diags);
    int first = diags->count;
    run(p);
    sort_diags(diags, first);
    dn_file *result = take_file(p);
    dn_parser_free(p);
    return result;
}
