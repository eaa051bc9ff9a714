#include "driver/prompt/paint.h"

#include <stdlib.h>
#include <string.h>
#include <wchar.h>

#include "frontend/highlight.h"

// ---- cells -----------------------------------------------------------------------------------

typedef struct cell {
    int row, column;  // from the line's first row
} cell;

// Where each character is; `at` has one for each byte and one for the end. The rules are those of
// libedit: a character that does not fit in a row goes to the next, and so does the cursor behind
// the last column.
static bool lay_out(const dn_painted_line *line, cell *at) {
    cell here = {0, line->first_column};
    size_t length = strlen(line->text), bytes;
    for (size_t i = 0; i < length; i += bytes) {
        wchar_t c;
        mbstate_t state = {0};
        bytes = mbrtowc(&c, line->text + i, length - i, &state);
        if (bytes == 0 || bytes > length) return false;
        int width = c == L'\n' ? 0 : wcwidth(c);
        if (c != L'\n' && width < 1) return false;
        if (here.column + width > line->columns) here = (cell){here.row + 1, 0};
        for (size_t k = 0; k < bytes; k++) at[i + k] = here;
        here.column += width;
        if (here.column >= line->columns) here = (cell){here.row + 1, 0};
        if (c == L'\n') here = (cell){here.row + 1, 0};
    }
    at[length] = here;
    return here.row < line->rows && line->first_column < line->columns;
}

// ---- colours ---------------------------------------------------------------------------------

static bool is_function(dn_session *s, const char *name) {
    int local;
    if (dn_prompt_variable(s->compiler, name, &local)) return false;
    if (dn_compiler_find(s->compiler, name, true, false)) return true;
    dn_op op;
    return dn_op_from_name(name, strlen(name), &op) && dn_op_get(op)->class == DN_CLASS_UNARY;
}

static const int colour_of_class[] = {
    [DN_TEXT_PLAIN] = DN_COLOUR_NONE,      [DN_TEXT_NAME] = DN_COLOUR_NONE,
    [DN_TEXT_KEYWORD] = DN_COLOUR_KEYWORD, [DN_TEXT_NUMBER] = DN_COLOUR_NUMBER,
    [DN_TEXT_STRING] = DN_COLOUR_STRING,   [DN_TEXT_COMMENT] = DN_COLOUR_FAINT,
    [DN_TEXT_BRACKET] = DN_COLOUR_NONE,    [DN_TEXT_STRAY_BRACKET] = DN_COLOUR_BAD};

static size_t end_of_name(const dn_highlight *h, size_t begin) {
    size_t end = begin;
    while (end < h->length && h->classes[end] == DN_TEXT_NAME) end++;
    return end;
}

// The bracket before the cursor or, failing that, at it; -1 if there is none.
static long bracket_at(const dn_highlight *h, size_t cursor) {
    if (cursor > 0 && h->partners[cursor - 1] >= 0) return (long)cursor - 1;
    return cursor < h->length && h->partners[cursor] >= 0 ? (long)cursor : -1;
}

// Names of functions; what stands behind a point is a field.
static void colour_names(dn_session *s, const dn_highlight *h, const char *code, size_t skipped,
                         dn_colour *out) {
    for (size_t i = skipped, end; i<h->length; i = end> i ? end : i + 1) {
        end = end_of_name(h, i);
        if (end == i || (i > 0 && code[i - 1] == '.')) continue;
        char *name = dn_strndup(code + i, end - i);
        bool function = is_function(s, name);
        free(name);
        for (size_t k = i; k < end && function; k++) out[k - skipped] = DN_COLOUR_FUNCTION;
    }
}

// Colours of the bytes of `code`, whose first `skipped` are not shown.
static void colour_code(dn_session *s, const char *code, size_t skipped, long cursor,
                        dn_colour *out) {
    dn_highlight h = dn_highlight_text(code, strlen(code));
    for (size_t i = skipped; i < h.length; i++)
        out[i - skipped] = (dn_colour)colour_of_class[h.classes[i]];
    colour_names(s, &h, code, skipped, out);
    long bracket = cursor < 0 ? -1 : bracket_at(&h, skipped + (size_t)cursor);
    if (bracket >= (long)skipped) out[bracket - (long)skipped] = DN_COLOUR_PARTNER;
    if (bracket >= 0 && h.partners[bracket] >= (int)skipped)
        out[h.partners[bracket] - (int)skipped] = DN_COLOUR_PARTNER;
    dn_highlight_free(&h);
}

// What libedit writes below the line while it searches: "bck: text".
static bool is_search(const char *text) {
    return (strncmp(text, "bck", 3) == 0 || strncmp(text, "fwd", 3) == 0) && text[3] &&
           strchr(":?", text[3]);
}

static void colour_line(dn_session *s, const dn_painted_line *line, dn_colour *out) {
    const char *text = line->text, *last_row = strrchr(text, '\n');
    size_t shown = last_row && is_search(last_row + 1) ? (size_t)(last_row - text) : strlen(text);
    size_t skipped = strlen(line->before), word = 0;
    for (size_t i = 0; text[i]; i++) out[i] = DN_COLOUR_NONE;
    if (skipped == 0 && text[strspn(text, " ")] == ':') {  // a question
        word = strspn(text, " ");
        word += strcspn(text + word, " \n");
        for (size_t i = 0; i < word && i < shown; i++) out[i] = DN_COLOUR_KEYWORD;
    }
    if (word >= shown) return;
    char *code = dn_printf("%s%.*s", line->before, (int)(shown - word), text + word);
    bool mark = line->mark_brackets && line->cursor >= word && line->cursor <= shown;
    colour_code(s, code, skipped, mark ? (long)(line->cursor - word) : -1, out + word);
    free(code);
}

// ---- printing --------------------------------------------------------------------------------

static void move(int count, char direction, dn_str *out) {
    if (count > 0) dn_str_printf(out, "\033[%d%c", count, direction);
}

// Rows are left by a carriage return: behind the last column a terminal's cursor is in two places.
static void go(cell from, cell to, dn_str *out) {
    dn_str_puts(out, "\r");
    move(from.row - to.row, 'A', out);
    move(to.row - from.row, 'B', out);
    move(to.column, 'C', out);
}

// The prompt first, which libedit writes again where that is the shortest way to the right.
static void print_line(const dn_style *style, const dn_painted_line *line, const cell *at,
                       const dn_colour *colours, dn_str *out) {
    const char *text = line->text;
    cell drawn = at[0];
    dn_colour colour = DN_COLOUR_NONE;
    go(at[line->cursor], (cell){0, 0}, out);
    dn_str_puts(out, line->prompt);
    for (size_t i = 0; text[i]; i++) {
        if (text[i] == '\n') continue;
        if (at[i].row != drawn.row) go(drawn, (cell){at[i].row, at[i].column}, out);
        if (colours[i] != colour)
            dn_str_printf(out, "%s%s", colour == DN_COLOUR_NONE ? "" : dn_style_end(style),
                          dn_style_begin(style, colours[i]));
        colour = colours[i];
        drawn = at[i];
        dn_str_append(out, text + i, 1);
    }
    if (colour != DN_COLOUR_NONE) dn_str_puts(out, dn_style_end(style));
    go(drawn, at[line->cursor], out);
}

void dn_paint_line(dn_session *s, const dn_painted_line *line, dn_str *out) {
    size_t length = strlen(line->text);
    cell *at = dn_xcalloc(length + 1, sizeof *at);
    dn_colour *colours = dn_xcalloc(length + 1, sizeof *colours);
    if (lay_out(line, at)) {
        colour_line(s, line, colours);
        print_line(&s->style, line, at, colours, out);
    }
    free(colours);
    free(at);
}
