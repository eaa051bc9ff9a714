// How diagnostics look: text with the source line and a caret, or JSON, one object a line.
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "frontend/diag.h"

enum {
    TAB = 4,
    WIDTH = 110,
    MARGIN = 30
};  // in columns; MARGIN: kept before the caret of a long line

static const char *const warning_names[] = {
#define WARNING(ENUM, name, doc) name,
#include "frontend/warnings.def"
#undef WARNING
};

// ---- Columns --------------------------------------------------------------------------------

static uint32_t decode(const unsigned char *s, size_t *length) {
    *length = s[0] < 0x80 ? 1 : s[0] < 0xE0 ? 2 : s[0] < 0xF0 ? 3 : 4;
    static const unsigned char mask[] = {0, 0x7F, 0x1F, 0x0F, 0x07};
    uint32_t c = s[0] & mask[*length];
    for (size_t i = 1; i < *length; i++) c = c << 6 | (s[i] & 0x3F);
    return c;
}

// The columns that a character takes in a terminal: the ranges that matter, not all of Unicode.
static int char_width(uint32_t c) {
    bool combining = (c >= 0x300 && c <= 0x36F) || (c >= 0x200B && c <= 0x200F) || c == 0xFEFF ||
                     (c >= 0xFE00 && c <= 0xFE0F) || (c >= 0x20D0 && c <= 0x20FF);
    bool wide = (c >= 0x1100 && c <= 0x115F) || (c >= 0x2E80 && c <= 0xA4CF) ||
                (c >= 0xAC00 && c <= 0xD7A3) || (c >= 0xF900 && c <= 0xFAFF) ||
                (c >= 0xFE30 && c <= 0xFE6F) || (c >= 0xFF00 && c <= 0xFF60) ||
                (c >= 0x1F300 && c <= 0x1FAFF) || (c >= 0x20000 && c <= 0x3FFFD);
    return combining ? 0 : wide ? 2 : 1;
}

// A line as it is shown: tabs expanded, control characters blank, cut around the caret.
typedef struct dn_line {
    dn_str text;
    int from, to;  // columns of the caret line
} dn_line;

typedef struct dn_window {
    int begin, end;  // columns shown
    int width;       // columns in all
} dn_window;

// Calls for every character of the line: its column, width and place. Measures when out is NULL.
static int walk_line(const char *line, size_t length, uint32_t from, uint32_t to, dn_line *marks,
                     const dn_window *window, dn_str *out) {
    int column = 0;
    marks->from = marks->to = -1;
    for (size_t i = 0, size; i < length; i += size) {
        uint32_t c = decode((const unsigned char *)line + i, &size);
        int width = c == '\t' ? TAB - column % TAB : char_width(c);
        if (i == from) marks->from = column;
        if (i == to) marks->to = column;
        bool shown = out && column >= window->begin && column + width <= window->end;
        if (shown && (c < ' ' || c == 127))  // tabs are among them
            dn_str_printf(out, "%*s", width, "");
        else if (shown)
            dn_str_append(out, line + i, size);
        column += width;
    }
    if (marks->from < 0) marks->from = column;
    if (marks->to < 0) marks->to = column;
    return column;
}

static dn_window choose_window(int width, int from) {
    dn_window w = {0, width, width};
    if (width <= WIDTH) return w;
    w.begin = from > WIDTH - MARGIN ? from - MARGIN : 0;
    w.end = w.begin + WIDTH;
    if (w.end > width) w.begin = width - WIDTH, w.end = width;
    return w;
}

// The line with [from, to) (bytes in it) marked.
static dn_line show_line(const char *line, size_t length, uint32_t from, uint32_t to) {
    dn_line shown = {0};
    int width = walk_line(line, length, from, to, &shown, NULL, NULL);
    dn_window window = choose_window(width, shown.from);
    dn_str text = {0};
    if (window.begin) dn_str_puts(&text, "...");
    walk_line(line, length, from, to, &shown, &window, &text);
    if (window.end < width) dn_str_puts(&text, "...");
    shown.text = text;
    int shift = window.begin ? 3 - window.begin : 0;
    if (shown.to > window.end) shown.to = window.end;
    shown.from += shift, shown.to += shift;
    return shown;
}

// ---- Text -----------------------------------------------------------------------------------

typedef struct dn_look {
    const char *error, *warning, *note, *caret, *bold, *off;
} dn_look;

static const dn_look plain = {"", "", "", "", "", ""};
static const dn_look coloured = {"\033[1;31m", "\033[1;35m", "\033[1;36m",
                                 "\033[1;32m", "\033[1m",    "\033[0m"};

static const dn_look *look_of(const dn_diags *diags) { return diags->colour ? &coloured : &plain; }

static void print_snippet(const dn_diags *diags, dn_span span, FILE *out) {
    const dn_source *source = &diags->sources->files[span.file];
    dn_place place = dn_sources_place(diags->sources, span);
    uint32_t begin = source->lines[place.line - 1], end = begin;
    while (end < source->length && source->text[end] != '\n') end++;
    if (end > begin && source->text[end - 1] == '\r') end--;
    uint32_t from = span.begin < end ? span.begin : end, to = span.end < end ? span.end : end;
    dn_line line = show_line(source->text + begin, end - begin, from - begin, to - begin);
    const dn_look *look = look_of(diags);
    fprintf(out, "%5d | %s\n", place.line, line.text.text ? line.text.text : "");
    fprintf(out, "      | %*s%s^", line.from, "", look->caret);
    for (int i = line.from + 1; i < line.to; i++) fputc('~', out);
    fprintf(out, "%s\n", look->off);
    free(line.text.text);
}

static bool has_place(const dn_diags *diags, dn_span span) {
    return span.file > 0 && span.file < (uint32_t)diags->sources->count;
}

static void print_place(const dn_diags *diags, dn_span span, FILE *out) {
    if (!has_place(diags, span)) return;
    dn_place place = dn_sources_place(diags->sources, span);
    const dn_look *look = look_of(diags);
    fprintf(out, "%s%s:%d:%d:%s ", look->bold, place.path, place.line, place.column, look->off);
}

// Further lines of a text are set in under its first.
static void print_lines(const char *text, const char *indent, FILE *out) {
    for (;;) {
        size_t length = strcspn(text, "\n");
        fprintf(out, "%.*s\n", (int)length, text);
        if (!text[length]) return;
        text += length + 1;
        fputs(indent, out);
    }
}

static void print_note(const dn_diags *diags, const dn_note *note, FILE *out) {
    const dn_look *look = look_of(diags);
    fputs("  ", out);
    print_place(diags, note->span, out);
    fprintf(out, "%s%s:%s ", look->note, note->is_hint ? "hint" : "note", look->off);
    print_lines(note->text, "        ", out);
    if (has_place(diags, note->span)) print_snippet(diags, note->span, out);
}

static void print_diag(const dn_diags *diags, const dn_diag *d, FILE *out) {
    const dn_look *look = look_of(diags);
    bool error = d->severity == DN_ERROR;
    print_place(diags, d->span, out);
    fprintf(out, "%s%s:%s ", error ? look->error : look->warning, error ? "error" : "warning",
            look->off);
    dn_str text = {0};
    dn_str_puts(&text, d->text);
    if (d->warning >= 0)
        dn_str_printf(&text, " [-W%s%s]", error ? "error=" : "", warning_names[d->warning]);
    print_lines(text.text, "    ", out);
    free(text.text);
    if (has_place(diags, d->span)) print_snippet(diags, d->span, out);
    for (int i = 0; i < d->n_notes; i++) print_note(diags, &d->notes[i], out);
}

// ---- JSON -----------------------------------------------------------------------------------

// Paths need not be UTF-8.
static json_t *text_json(const char *text) {
    json_t *value = json_string(text);
    return value ? value : json_string("(not UTF-8)");
}

static void set_place(const dn_diags *diags, json_t *object, dn_span span) {
    if (!has_place(diags, span)) return;
    dn_place begin = dn_sources_place(diags->sources, span);
    dn_place end = dn_sources_place(diags->sources, (dn_span){span.file, span.end, span.end});
    json_object_set_new(object, "path", text_json(begin.path));
    json_object_set_new(object, "line", json_integer(begin.line));
    json_object_set_new(object, "column", json_integer(begin.column));
    json_object_set_new(object, "end_line", json_integer(end.line));
    json_object_set_new(object, "end_column", json_integer(end.column));
}

static json_t *note_json(const dn_diags *diags, const dn_note *note) {
    json_t *object = json_object();
    set_place(diags, object, note->span);
    json_object_set_new(object, "message", text_json(note->text));
    return object;
}

static void print_json(const dn_diags *diags, const dn_diag *d, FILE *out) {
    json_t *object = json_object(), *notes = json_array(), *hints = json_array();
    set_place(diags, object, d->span);
    json_object_set_new(object, "severity",
                        json_string(d->severity == DN_ERROR ? "error" : "warning"));
    if (d->warning >= 0)
        json_object_set_new(object, "name", json_string(warning_names[d->warning]));
    json_object_set_new(object, "message", text_json(d->text));
    for (int i = 0; i < d->n_notes; i++) {
        const dn_note *note = &d->notes[i];
        if (note->is_hint)
            json_array_append_new(hints, text_json(note->text));
        else
            json_array_append_new(notes, note_json(diags, note));
    }
    json_object_set_new(object, "notes", notes);
    json_object_set_new(object, "hints", hints);
    char *text = json_dumps(object, JSON_COMPACT);
    if (text) fprintf(out, "%s\n", text);
    free(text);
    json_decref(object);
}

void dn_diags_flush(dn_diags *diags, FILE *out) {
    for (; diags->printed < diags->count; diags->printed++) {
        const dn_diag *d = diags->items[diags->printed];
        if (diags->json)
            print_json(diags, d, out);
        else
            print_diag(diags, d, out);
    }
    fflush(out);
}
