// What is said about syntax errors, and where parsing goes on after them.
#include <stdlib.h>
#include <string.h>

#include "frontend/parse.h"

// ---- Names of things --------------------------------------------------------------------------

static const char *frame_noun(const dn_frame *frame) {
    switch (frame->kind) {
        case DN_FRAME_BLOCK: return "the block";
        case DN_FRAME_RECORD: return "the record";
        case DN_FRAME_CALL: return "the call";
        case DN_FRAME_PARAMS: return "the parameter list";
        case DN_FRAME_LIST: return "the list";
        case DN_FRAME_HOLE: return "the `{` in the string";
        case DN_FRAME_GROUP: return "the `(`";
        case DN_FRAME_INDEX: return "the `[`";
    }
    return "it";
}

static const char *closer_text(int opener) {
    return opener == '(' ? "`)`" : opener == '[' ? "`]`" : "`}`";
}

// A token as messages name it; the text is in the arena.
static const char *describe(dn_parser *p, int index) {
    const dn_token *t = &p->tokens[index];
    switch (t->kind) {
        case TOK_END: return "the end of the file";
        case TOK_NEWLINE: return "the end of the line";
        case TOK_STRING:
        case TOK_STRING_OPEN: return "a string";
        case TOK_TEXT:
        case TOK_STRING_CLOSE: return "the end of the `{...}`";
        case TOK_FORMAT: return "`:`";
        case TOK_HOLE: return "`{`";
        case TOK_HOLE_END: return "`}`";
        default: break;
    }
    int length = (int)(t->end - t->begin);
    return dn_arena_printf(p->arena, "`%.*s`", length > 40 ? 40 : length,
                           p->source->text + t->begin);
}

// ---- What was expected ------------------------------------------------------------------------

typedef struct dn_expectation {
    const char *const *names;  // as the grammar has them
    int count;
} dn_expectation;

static bool expects(const dn_expectation *e, const char *name) {
    for (int i = 0; i < e->count; i++)
        if (!strcmp(e->names[i], name)) return true;
    return false;
}

static bool is_one_of(const char *name, const char *const *list) {
    for (; *list; list++)
        if (!strcmp(name, *list)) return true;
    return false;
}

static const char *const expression_starts[] = {
    "a number", "a float", "a string", "a string with a value", "a name", "true",
    "false",    "'('",     "'['",      "{ of a record",         "if",     "'-'",
    "not",      NULL};
static const char *const operators[] = {
    "'+'", "'-'", "'*'", "'/'", "'%'", "div", "'@'", "**",  "..",  "..<", "==", "!=", "'<'", "<=",
    "'>'", ">=",  "and", "or",  "|>",  "'('", "'['", "'.'", "'|'", "+=",  "-=", "*=", "/=",  NULL};

// The names that are left to tell one by one, when the groups have their common name.
typedef struct dn_wanted {
    const char *items[64];
    int count;
} dn_wanted;

static void want(dn_wanted *w, const char *item) {
    for (int i = 0; i < w->count; i++)
        if (!strcmp(w->items[i], item)) return;
    if (w->count < 64) w->items[w->count++] = item;
}

// 'x' and word become `x` and `word`; descriptions stay.
static const char *quoted(dn_parser *p, const char *name) {
    if (!strcmp(name, "{ of a record") || !strcmp(name, "{ in a string")) return "`{`";
    if (!strcmp(name, "} in a string")) return "`}`";
    if (name[0] == '\'') return dn_arena_printf(p->arena, "`%c`", name[1]);
    return strchr(name, ' ') ? name : dn_arena_printf(p->arena, "`%s`", name);
}

static void want_rest(dn_parser *p, dn_wanted *w, const dn_expectation *e,
                      const char *const *hidden) {
    if (expects(e, "','")) want(w, "`,`");
    for (int i = 0; i < e->count; i++)
        if (!is_one_of(e->names[i], hidden)) want(w, quoted(p, e->names[i]));
}

// Between the items of a bracket: its closer and the comma say enough.
static bool wants_separator(dn_parser *p, dn_wanted *w, const dn_expectation *e,
                            const char *closer) {
    if (!closer || !expects(e, closer)) return false;
    if (expects(e, "','")) want(w, "`,`");
    want(w, quoted(p, closer));
    return true;
}

static dn_wanted summarise(dn_parser *p, const dn_expectation *e, const char *closer) {
    static const char *const type_starts[] = {"a name", "'['", "{ of a record", NULL};
    static const char *const nothing[] = {NULL};
    dn_wanted w = {0};
    if (expects(e, "fn")) {
        want(&w, "a declaration");
    } else if (expects(e, "let")) {
        want(&w, "a statement");
    } else if (expects(e, "a number")) {
        want(&w, "an expression");
        want_rest(p, &w, e, expression_starts);
    } else if (expects(e, "a name") && expects(e, "'['")) {
        want(&w, "a type");
        want_rest(p, &w, e, type_starts);
    } else if (expects(e, "the end of the line")) {
        want(&w, "the end of the line");
    } else if (!wants_separator(p, &w, e, closer)) {
        bool continues = expects(e, "'.'") || expects(e, "'|'");
        want_rest(p, &w, e, continues ? operators : nothing);
    }
    return w;
}

static void join_wanted(const dn_wanted *w, dn_str *out) {
    for (int i = 0; i < w->count; i++) {
        if (i) dn_str_puts(out, i == w->count - 1 ? " or " : ", ");
        dn_str_puts(out, w->items[i]);
    }
}

// ---- Hints ----------------------------------------------------------------------------------

// Words of other languages, as the token before the one in error or as that itself.
static const struct {
    const char *word, *hint;
} foreign[] = {
    {"def",
     "functions of tensors are written `fn name(x) { ... }`, programs `command name() { ... }`"},
    {"function", "functions are written `fn name(x) { ... }`"},
    {"func", "functions are written `fn name(x) { ... }`"},
    {"class", "networks are written `net Name(x) { ... }`; records need no declaration: `{a: 1}`"},
    {"struct", "records need no declaration: `{a: 1, b: 2}`"},
    {"lambda", "dnet has no functions without a name; declare an `fn`"},
    {"fn", "an `fn` has a name and stands at the top of the file: `fn name(x) { ... }`"},
    {"var", "names are introduced with `let`"},
    {"val", "names are introduced with `let`"},
    {"elif", "write `else if`"},
    {"elseif", "write `else if`"},
    {"elsif", "write `else if`"},
    {"from", "other files are imported whole: `import \"path.dnet\"`"},
    {"import", "other files are imported by path: `import \"path.dnet\"`"},
    {"as", "an import has no other name; the file's definitions come under their own"},
    {"print", "calls have parentheses: `print(x)`"},
    {"yield", "dnet has no generators"},
    {"then", "write `if c { ... } else { ... }`"},
    {"do", "write `while c { ... }`"},
    {"repeat", "write `for i in 1..n { ... }`"},
    {"is", "write `==`"},
};

static const char *foreign_hint(const dn_parser *p, int index) {
    if (index < 0) return NULL;
    const dn_token *t = &p->tokens[index];
    for (size_t i = 0; i < sizeof foreign / sizeof *foreign; i++)
        if (dn_token_is(p, t, foreign[i].word)) return foreign[i].hint;
    return NULL;
}

static int kind_at(const dn_parser *p, int index) {
    return index >= 0 && index < p->n_tokens ? p->tokens[index].kind : 0;
}

// Hints from the two tokens before, the one in error and the one after.
static const char *pattern_hint(const dn_parser *p, int at, const dn_expectation *e) {
    int kind = kind_at(p, at), before = kind_at(p, at - 1), after = kind_at(p, at + 1);
    if (before == '.' && kind == TOK_INT) return "a number begins with a digit: `0.5`";
    if (kind == '.' && after == TOK_INT) return "a number begins with a digit: `0.5`";
    if ((kind == TOK_RANGE || kind == TOK_RANGE_BELOW) && before)
        return "a range has two ends: `1..n`";
    if (before == '+' && kind == '+') return "write `x += 1`";
    if (before == '-' && kind == '-') return "write `x -= 1`";
    if ((before == ':' && kind == '=') || (kind == ':' && after == '='))
        return "write `x = value`, or `let x = value` for a new name";
    if (before == '*' && kind == '*') return "powers are written `x ** 2`";
    if (kind == '=' && !expects(e, "'='") && (p->frames[p->depth].kind == DN_FRAME_CALL))
        return "a named argument is written with a colon: `name: value`";
    if (kind == '=' && p->frames[p->depth].wants_block) return "equality is written `==`";
    if (kind == '=' && p->frames[p->depth].kind == DN_FRAME_RECORD)
        return "a field is written with a colon: `name: value`";
    if (kind == ':' && p->frames[p->depth].wants_block)
        return "a block stands in braces: `if c { ... }`";
    if (kind == TOK_HOLE_END && before == TOK_HOLE) return "a brace itself is written `\\{`";
    if (kind == '+' && before == TOK_NEWLINE)
        return "a sum goes on after a `+` at the end of a line, not before one at its beginning";
    if (p->previous == '{')
        return "a block belongs to an `if`, `else`, `for` or `while`, or to a declaration that is "
               "not `extern`";
    return NULL;
}

static void add_hints(dn_parser *p, dn_diag *d, int at, const dn_expectation *e) {
    const char *hint = foreign_hint(p, at - 1);
    if (!hint) hint = foreign_hint(p, at);
    if (!hint && kind_at(p, at - 1) == TOK_NAME) hint = foreign_hint(p, at - 2);
    if (!hint && kind_at(p, at - 1) == ')') hint = foreign_hint(p, p->tokens[at - 1].partner - 1);
    if (!hint) hint = pattern_hint(p, at, e);
    if (hint) dn_diag_hint(p->diags, d, "%s", hint);
}

// ---- Unexpected tokens ------------------------------------------------------------------------

// The bracket in which the token given last stands, or that it closes.
static const dn_frame *frame_of_error(const dn_parser *p) {
    if (dn_is_closer(p->previous)) return &p->closed;
    bool opened = dn_is_opener(p->previous) && p->depth;
    return &p->frames[p->depth - opened];
}

// After an error in a bracket or statement, the next token is the one that ends it.
static void start_recovery(dn_parser *p) {
    p->last_error = p->given;
    int kind = p->previous;
    if (kind == TOK_END || kind == TOK_NEWLINE || dn_is_closer(kind)) return;
    p->skip_to = p->depth - (dn_is_opener(kind) ? 1 : 0);
}

static const char *found_text(dn_parser *p) {
    if (p->previous == TOK_NEWLINE && p->tokens[p->given].kind == ';') return "`;`";
    return describe(p, p->given);
}

// The grammar's name of what closes a bracket, NULL for the file and for blocks (the statements in
// them end with the line).
static const char *closer_name(const dn_parser *p, const dn_frame *frame) {
    if (frame->opener < 0 || frame->kind == DN_FRAME_BLOCK) return NULL;
    switch (p->tokens[frame->opener].kind) {
        case '(': return "')'";
        case '[': return "']'";
        case TOK_HOLE: return "} in a string";
        default: return "'}'";
    }
}

static bool on_one_line(const dn_parser *p, dn_span a, dn_span b) {
    const dn_sources *sources = p->diags->sources;
    return dn_sources_place(sources, a).line == dn_sources_place(sources, b).line;
}

static void note_opener(dn_parser *p, dn_diag *d, const dn_frame *frame, dn_span span) {
    dn_span opener = dn_token_span(p, &p->tokens[frame->opener]);
    if (!on_one_line(p, opener, span)) dn_diag_note(p->diags, d, opener, "opened here");
}

static bool is_declaration_word(int kind) {
    return kind == TOK_FN || kind == TOK_NET || kind == TOK_OPTIMIZER || kind == TOK_STEP ||
           kind == TOK_COMMAND || kind == TOK_EXTERN || kind == TOK_EXPORT || kind == TOK_IMPORT ||
           kind == TOK_CONST;
}

static void nested_declaration(dn_parser *p, const dn_frame *frame, dn_span span) {
    dn_diag *d = dn_parse_error(p, span, "%s cannot stand inside a block", found_text(p));
    if (p->previous == TOK_CONST) {
        dn_diag_hint(p->diags, d, "write `let` for a value inside a block");
    } else {
        note_opener(p, d, frame, span);
        dn_diag_hint(p->diags, d, "it belongs at the top of the file; is a `}` missing before it?");
    }
}

void dn_syntax_unexpected(dn_parser *p, dn_span span, const char *const *expected, int count) {
    dn_expectation e = {expected, count};
    const dn_frame *frame = frame_of_error(p);
    bool told = p->made_up || p->made_up_before || p->previous == TOK_BAD;  // by another message
    if (!told && is_declaration_word(p->previous) && frame->opener >= 0) {
        nested_declaration(p, frame, span);
    } else if (!told) {
        const char *closer = closer_name(p, frame);
        dn_wanted wanted = summarise(p, &e, closer);
        dn_str text = {0};
        join_wanted(&wanted, &text);
        bool closes = closer && expects(&e, closer) && !expects(&e, "a number");
        const char *list = dn_str_take(&text);
        dn_diag *d =
            dn_parse_error(p, span, "expected %s%s%s, found %s", list, closes ? " to close " : "",
                           closes ? frame_noun(frame) : "", found_text(p));
        free((void *)list);
        if (closes) note_opener(p, d, frame, span);
        add_hints(p, d, p->given, &e);
        p->errors_at_end += p->previous == TOK_END;
    }
    start_recovery(p);
}

// Told once: what holds the deep part is likely to be too deep again.
void dn_syntax_too_deep(dn_parser *p, dn_span span) {
    if (p->too_deep) return;
    p->too_deep = true;
    dn_diag *d = dn_parse_error(p, span, "this is nested too deeply");
    dn_diag_hint(p->diags, d, "give its parts names");
}

// ---- Brackets -------------------------------------------------------------------------------

void dn_syntax_unclosed(dn_parser *p, const dn_frame *frame) {
    const dn_token *next = &p->tokens[p->next];
    dn_span span = dn_parser_span(p, p->previous_end, p->previous_end);
    bool line_end = next->kind == TOK_NEWLINE || next->boundary == DN_STATEMENT_BOUNDARY;
    if (!line_end && next->kind != TOK_END) span = dn_token_span(p, next);
    dn_diag *d = dn_parse_error(p, span, "expected %s to close %s, found %s",
                                closer_text(p->tokens[frame->opener].kind), frame_noun(frame),
                                line_end ? "the end of the line" : describe(p, p->next));
    note_opener(p, d, frame, span);
    p->errors_at_end += next->kind == TOK_END;
    p->last_error = p->next;
}

void dn_syntax_wrong_closer(dn_parser *p, const dn_frame *frame, const dn_token *closer) {
    dn_span span = dn_token_span(p, closer);
    dn_diag *d =
        dn_parse_error(p, span, "expected %s to close %s, found `%c`",
                       closer_text(p->tokens[frame->opener].kind), frame_noun(frame), closer->kind);
    note_opener(p, d, frame, span);
}

void dn_syntax_stray_closer(dn_parser *p, const dn_token *closer) {
    dn_parse_error(p, dn_token_span(p, closer), "this `%c` closes nothing", closer->kind);
}
