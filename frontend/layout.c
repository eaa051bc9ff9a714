// The token filter: which newlines end statements, which words are keywords, which `{` is a block.
//
// The grammar then has no lookahead problems: it sees a NEWLINE where and only where a statement
// ends, brackets that always pair (missing ones are made up here, with a message), two kinds of
// `{`, and `step`, `log` and their like as keywords only where they can be nothing else.
//
//   newline        dropped inside ( and [, after a token that cannot end a statement, and before
//                  one that cannot begin one; in a record it is a comma
//   {              a block after the end of an expression or `else`, a record elsewhere
//   step model ... keywords where a statement begins and a name follows; `log` where an expression
//                  follows; `over` and `with` in a minimize statement
//   keyword:       a name, as that of an argument or field; and so after `.`
#include <ctype.h>
#include <string.h>

#include "frontend/parse.h"

static dn_frame *top(dn_parser *p) { return &p->frames[p->depth]; }

static bool ends_expression(int kind) {
    switch (kind) {
        case TOK_NAME:
        case TOK_INT:
        case TOK_FLOAT:
        case TOK_STRING:
        case TOK_STRING_CLOSE:
        case TOK_TRUE:
        case TOK_FALSE:
        case TOK_BAD:
        case ')':
        case ']':
        case '}': return true;
        default: return false;
    }
}

static bool ends_statement(int kind) {
    return ends_expression(kind) || kind == TOK_BREAK || kind == TOK_CONTINUE || kind == TOK_RETURN;
}

static bool begins_statement(const dn_parser *p) {
    int before = p->previous;
    return p->frames[p->depth].kind == DN_FRAME_BLOCK &&
           (before == 0 || before == TOK_NEWLINE || before == '{' || before == TOK_EXTERN ||
            before == TOK_EXPORT);
}

// ---- Newlines -------------------------------------------------------------------------------

static const dn_token *after_newlines(const dn_parser *p, int index) {
    while (p->tokens[index].kind == TOK_NEWLINE) index++;
    return &p->tokens[index];
}

static bool is_over_or_with(const dn_parser *p, const dn_token *t) {
    int minimize = p->frames[p->depth].minimize;
    if (t->kind != TOK_NAME || p->previous == TOK_MINIMIZE) return false;
    return (minimize == 1 && dn_token_is(p, t, "over")) ||
           (minimize == 2 && dn_token_is(p, t, "with"));
}

// Tokens that no statement begins with. Not `+`: with `-` it would be the odd one out.
static bool continues_statement(const dn_parser *p, const dn_token *t) {
    switch (t->kind) {
        case TOK_PIPE:
        case TOK_AND:
        case TOK_OR:
        case TOK_DIV:
        case TOK_POW:
        case TOK_EQ:
        case TOK_NE:
        case TOK_LE:
        case TOK_GE:
        case TOK_RANGE:
        case TOK_RANGE_BELOW:
        case TOK_ELSE:
        case TOK_IN:
        case TOK_ARROW:
        case TOK_ADD_TO:
        case TOK_SUB_FROM:
        case TOK_MUL_BY:
        case TOK_DIV_BY:
        case TOK_HOLE_END:
        case '*':
        case '/':
        case '%':
        case '@':
        case '<':
        case '>':
        case '=':
        case '|':
        case ':':
        case ',':
        case ')':
        case ']':
        case '}': return true;
        case '.': return t[1].kind == TOK_NAME;
        case '{': return p->frames[p->depth].wants_block;
        default: return is_over_or_with(p, t);
    }
}

static bool newline_ends_statement(const dn_parser *p, int index) {
    const dn_token *after = after_newlines(p, index);
    // A token in error does not take the next line with it.
    bool complete = ends_statement(p->previous) || (p->skip_to >= 0 && p->last_error == p->given);
    return complete && after->kind != TOK_END && !continues_statement(p, after);
}

// ---- Keywords -------------------------------------------------------------------------------

static const struct {
    const char *text;
    int kind;
} contextual[] = {
    {"import", TOK_IMPORT},
    {"const", TOK_CONST},
    {"fn", TOK_FN},
    {"net", TOK_NET},
    {"model", TOK_MODEL},
    {"step", TOK_STEP},
    {"optimizer", TOK_OPTIMIZER},
    {"command", TOK_COMMAND},
    {"extern", TOK_EXTERN},
    {"export", TOK_EXPORT},
    {"log", TOK_LOG},
    {"param", TOK_PARAM},
    {"state", TOK_STATE},
};

// `next`: the kind of the token after the word. Only a name is right after most of them; the others
// counted here could not follow a name, so that the message is about what the keyword wants.
static bool is_used_as_keyword(int kind, int next) {
    switch (next) {
        case TOK_NAME:
        case TOK_INT:
        case TOK_FLOAT:
        case TOK_STRING:
        case TOK_STRING_OPEN:
        case TOK_TRUE:
        case TOK_FALSE:
        case TOK_IF: return true;
        case TOK_NOT:
        case '-':
        case '[':
        case '{': return kind == TOK_LOG;
        default: return false;
    }
}

static int kind_of_name(dn_parser *p, const dn_token *t) {
    if (is_over_or_with(p, t)) return top(p)->minimize++ == 1 ? TOK_OVER : TOK_WITH;
    if (!begins_statement(p)) return TOK_NAME;
    for (size_t i = 0; i < sizeof contextual / sizeof *contextual; i++) {
        int kind = contextual[i].kind;
        if (dn_token_is(p, t, contextual[i].text) && is_used_as_keyword(kind, t[1].kind))
            return kind;
    }
    return TOK_NAME;
}

// A keyword in the place of a field's or an argument's name.
static bool stands_for_name(const dn_parser *p, const dn_token *t) {
    if (!isalpha((unsigned char)p->source->text[t->begin])) return false;  // `&&`, read as `and`
    if (p->previous == '.') return true;
    dn_frame_kind frame = p->frames[p->depth].kind;
    bool named = frame == DN_FRAME_CALL || frame == DN_FRAME_PARAMS || frame == DN_FRAME_RECORD;
    bool first = p->previous == '(' || p->previous == ',' || p->previous == TOK_RECORD_OPEN;
    return named && first && t[1].kind == ':';
}

static bool is_keyword(int kind) {
    switch (kind) {
        case TOK_LET:
        case TOK_RETURN:
        case TOK_FOR:
        case TOK_IN:
        case TOK_WHILE:
        case TOK_BREAK:
        case TOK_CONTINUE:
        case TOK_IF:
        case TOK_ELSE:
        case TOK_MINIMIZE:
        case TOK_AND:
        case TOK_OR:
        case TOK_NOT:
        case TOK_DIV:
        case TOK_TRUE:
        case TOK_FALSE: return true;
        default: return false;
    }
}

// What the frame has to remember of a keyword.
static void note_keyword(dn_parser *p, int kind) {
    switch (kind) {
        case TOK_IF:
        case TOK_WHILE:
        case TOK_FN:
        case TOK_NET:
        case TOK_OPTIMIZER:
        case TOK_STEP:
        case TOK_COMMAND: top(p)->wants_block = p->previous != TOK_EXTERN; break;
        case TOK_FOR: top(p)->wants_block = top(p)->kind == DN_FRAME_BLOCK; break;
        case TOK_MINIMIZE: top(p)->minimize = 1; break;
        default: break;
    }
}

// ---- Brackets -------------------------------------------------------------------------------

static bool is_header(int before_name) {
    return before_name == TOK_FN || before_name == TOK_NET || before_name == TOK_OPTIMIZER ||
           before_name == TOK_STEP || before_name == TOK_COMMAND;
}

static dn_frame_kind frame_of(const dn_parser *p, int opener) {
    bool after_value = ends_expression(p->previous);
    switch (opener) {
        case '(':
            if (!after_value) return DN_FRAME_GROUP;
            return is_header(p->before_previous) ? DN_FRAME_PARAMS : DN_FRAME_CALL;
        case '[': return after_value ? DN_FRAME_INDEX : DN_FRAME_LIST;
        case '{': return after_value || p->previous == TOK_ELSE ? DN_FRAME_BLOCK : DN_FRAME_RECORD;
        default: return DN_FRAME_HOLE;
    }
}

static int open_frame(dn_parser *p, int index) {
    int kind = p->tokens[index].kind;
    dn_frame frame = {.kind = frame_of(p, kind), .opener = index};
    if (frame.kind == DN_FRAME_BLOCK) top(p)->wants_block = false;
    p->frames[++p->depth] = frame;
    return frame.kind == DN_FRAME_RECORD ? TOK_RECORD_OPEN : kind;
}

static bool is_round(const dn_frame *frame) {
    return frame->kind != DN_FRAME_BLOCK && frame->kind != DN_FRAME_RECORD &&
           frame->kind != DN_FRAME_HOLE;
}

// Whether the innermost bracket, which has no partner, ends before the next token.
static bool must_close(const dn_parser *p) {
    const dn_frame *frame = &p->frames[p->depth];
    const dn_token *t = &p->tokens[p->next];
    if (frame->opener < 0 || p->tokens[frame->opener].partner >= 0) return false;
    if (t->kind == TOK_END || t->boundary == DN_DECLARATION_BOUNDARY) return true;
    if (dn_is_closer(t->kind)) return t->partner >= 0;
    if (!is_round(frame)) return false;
    if (t->boundary == DN_STATEMENT_BOUNDARY) return true;
    if (t->kind == TOK_NEWLINE) return newline_ends_statement(p, p->next);
    return t->kind == '{' && !frame->wants_block && ends_expression(p->previous);
}

// ---- Giving tokens --------------------------------------------------------------------------

static int give(dn_parser *p, int index, int kind, dn_span span, dn_span *out) {
    p->given = index;
    p->before_previous = p->previous;
    p->previous = kind;
    p->previous_end = span.end;
    *out = span;
    return kind;
}

static dn_span here(const dn_parser *p) {
    return dn_parser_span(p, p->previous_end, p->previous_end);
}

static int close_frame(dn_parser *p, int index, dn_span span, dn_span *out) {
    p->closed = p->frames[p->depth--];
    int opener = p->tokens[p->closed.opener].kind;
    return give(p, index, dn_closer_of(opener), span, out);
}

static int make_up_closer(dn_parser *p, dn_span *out) {
    bool again = p->made_up;
    const dn_frame *frame = top(p);
    bool after_error = is_round(frame) && p->last_error > frame->opener;
    if (!again && !after_error) dn_syntax_unclosed(p, frame);
    p->made_up = true;
    return close_frame(p, p->next, here(p), out);
}

static int give_closer(dn_parser *p, int index, dn_span *out) {
    const dn_token *t = &p->tokens[index];
    if (t->wrong_closer) dn_syntax_wrong_closer(p, top(p), t);
    return close_frame(p, index, dn_token_span(p, t), out);
}

static int give_separator(dn_parser *p, int index, dn_span *out) {
    bool record = top(p)->kind == DN_FRAME_RECORD;
    top(p)->wants_block = false;
    top(p)->minimize = 0;
    return give(p, index, record ? ',' : TOK_NEWLINE, here(p), out);
}

static int give_word(dn_parser *p, int index, dn_span *out) {
    const dn_token *t = &p->tokens[index];
    int kind = t->kind == TOK_NAME     ? kind_of_name(p, t)
               : stands_for_name(p, t) ? TOK_NAME
                                       : t->kind;
    note_keyword(p, kind);
    return give(p, index, kind, dn_token_span(p, t), out);
}

// Whether the newlines at p->next separate statements or fields.
static bool newline_counts(const dn_parser *p) {
    return !is_round(&p->frames[p->depth]) && newline_ends_statement(p, p->next);
}

static int give_token(dn_parser *p, dn_span *out) {
    int index = p->next++;
    const dn_token *t = &p->tokens[index];
    if (dn_is_opener(t->kind)) {
        dn_span span = dn_token_span(p, t);
        return give(p, index, open_frame(p, index), span, out);
    }
    if (dn_is_closer(t->kind)) return give_closer(p, index, out);
    if (t->kind == ';' && top(p)->kind == DN_FRAME_BLOCK) return give_separator(p, index, out);
    if (t->kind == TOK_NAME || is_keyword(t->kind)) return give_word(p, index, out);
    if (t->kind == TOK_END) {
        p->next = index;  // asked again, it is still the end
        return give(p, index, TOK_END, here(p), out);
    }
    return give(p, index, t->kind, dn_token_span(p, t), out);
}

// Whether a statement begins at the next token though its newline was dropped: what was before it
// is cut short.
static bool wants_separator(const dn_parser *p) {
    int before = p->previous;
    return p->tokens[p->next].boundary && p->frames[p->depth].kind == DN_FRAME_BLOCK && before &&
           before != TOK_NEWLINE && before != '{';
}

static int make_up_separator(dn_parser *p, dn_span *out) {
    p->made_up = true;
    return give_separator(p, p->next, out);
}

static int next_token(dn_parser *p, dn_span *out) {
    p->made_up_before = p->made_up;
    for (;;) {
        const dn_token *t = &p->tokens[p->next];
        if (must_close(p)) return make_up_closer(p, out);
        if (wants_separator(p)) return make_up_separator(p, out);
        p->made_up = false;
        if (t->kind == TOK_NEWLINE) {
            bool counts = newline_counts(p);
            int index = p->next++;
            if (counts) return give_separator(p, index, out);
        } else if (dn_is_closer(t->kind) && t->partner < 0) {
            dn_syntax_stray_closer(p, t);
            p->next++;
        } else {
            return give_token(p, out);
        }
    }
}

// After an error: whether this token is still part of what is skipped.
static bool is_skipped(dn_parser *p, int kind) {
    if (p->skip_to < 0) return false;
    bool reached =
        kind == TOK_END || p->depth < p->skip_to || (p->depth == p->skip_to && kind == TOK_NEWLINE);
    if (reached) p->skip_to = -1;
    return !reached;
}

int dn_syntax_lex(DN_SYNTAX_STYPE *value, dn_span *span, dn_parser *p) {
    int kind;
    do kind = next_token(p, span);
    while (is_skipped(p, kind));
    *value = p->tokens[p->given].value;
    return kind;
}
