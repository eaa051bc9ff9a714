#include "driver/prompt/style.h"

#include <langinfo.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

enum { NARROWEST = 20, USUAL_WIDTH = 80 };

static int terminal_width(FILE *out) {
    struct winsize size;
    if (ioctl(fileno(out), TIOCGWINSZ, &size) == 0 && size.ws_col >= NARROWEST) return size.ws_col;
    return USUAL_WIDTH;
}

// A terminal that knows escape sequences.
static bool is_capable(FILE *out) {
    const char *term = getenv("TERM");
    return isatty(fileno(out)) && term && *term && strcmp(term, "dumb") != 0;
}

static bool wants_colours(void) {
    const char *no_color = getenv("NO_COLOR");
    return !no_color || !*no_color;
}

dn_style dn_style_new(FILE *out) {
    return (dn_style){.capable = is_capable(out),
                      .colour = is_capable(out) && wants_colours(),
                      .utf8 = strcmp(nl_langinfo(CODESET), "UTF-8") == 0,
                      .terminal = isatty(fileno(out)),
                      .width = terminal_width(out),
                      .precision = 4,
                      .threshold = 1000,
                      .edge = 3};
}

void dn_style_update(dn_style *style, FILE *out) {
    if (!style->fixed_width) style->width = terminal_width(out);
}

const char *dn_style_begin(const dn_style *style, dn_colour colour) {
    static const char *const codes[] = {[DN_COLOUR_NONE] = "",
                                        [DN_COLOUR_TYPE] = "\033[36m",
                                        [DN_COLOUR_NAME] = "\033[1m",
                                        [DN_COLOUR_FAINT] = "\033[2m",
                                        [DN_COLOUR_BAD] = "\033[31m",
                                        [DN_COLOUR_GOOD] = "\033[32m",
                                        [DN_COLOUR_KEYWORD] = "\033[35m",
                                        [DN_COLOUR_NUMBER] = "\033[33m",
                                        [DN_COLOUR_STRING] = "\033[32m",
                                        [DN_COLOUR_FUNCTION] = "\033[36m",
                                        [DN_COLOUR_PARTNER] = "\033[7m"};
    return style->colour ? codes[colour] : "";
}

const char *dn_style_end(const dn_style *style) { return style->colour ? "\033[0m" : ""; }

void dn_style_puts(const dn_style *style, dn_colour colour, const char *text, dn_str *out) {
    dn_str_printf(out, "%s%s%s", dn_style_begin(style, colour), text, dn_style_end(style));
}

int dn_text_columns(const char *text) {
    int columns = 0;
    for (; *text; text++) {
        if (*text == '\033') {
            while (*text && *text != 'm') text++;
            if (!*text) break;
        } else {
            columns += ((unsigned char)*text & 0xC0) != 0x80;
        }
    }
    return columns;
}

// ---- long lines ------------------------------------------------------------------------------

static void spaces(int count, dn_str *out) {
    while (count-- > 0) dn_str_puts(out, " ");
}

static int columns_of(const char *begin, const char *end) {
    char *text = dn_strndup(begin, (size_t)(end - begin));
    int columns = dn_text_columns(text);
    free(text);
    return columns;
}

// Where the rest of a line goes: below what stands behind its last gap, if there is room.
static int hanging_indent(const char *line, const char *end, int width) {
    const char *text = line + strspn(line, " "), *last = text;
    for (const char *at = text; at + 2 < end; at++)
        if (at[0] == ' ' && at[1] == ' ' && at[2] != ' ') last = at + 2;
    int indent = columns_of(line, last);
    if (last == text || indent <= width / 2) return indent;
    return columns_of(line, text) + 4;
}

static void wrap_line(const char *line, const char *end, int width, dn_str *out) {
    int indent = hanging_indent(line, end, width), column = 0;
    bool too_long = columns_of(line, end) > width;
    const char *done = line;
    while (done < end) {
        const char *word = done;
        while (word < end && *word == ' ') word++;
        while (word < end && *word != ' ') word++;
        int columns = columns_of(done, word);
        bool gap = too_long && column > 0 && done[0] == ' ' && done[1] == ' ';
        bool no_room = gap && column + (int)strspn(done, " ") != indent;
        if (no_room || (column > indent && column + columns > width)) {
            dn_str_puts(out, "\n");
            spaces(indent, out);
            column = indent;
            while (done < word && *done == ' ') done++;
            columns = columns_of(done, word);
        }
        dn_str_append(out, done, (size_t)(word - done));
        column += columns;
        done = word;
    }
}

void dn_style_wrap(const dn_style *style, dn_str *text) {
    if (!style->terminal || !text->text) return;
    dn_str out = {0};
    for (const char *line = text->text, *end; *line; line = *end ? end + 1 : end) {
        end = strchrnul(line, '\n');
        wrap_line(line, end, style->width, &out);
        if (*end) dn_str_puts(&out, "\n");
    }
    free(text->text);
    *text = out;
}

// ---- tables ----------------------------------------------------------------------------------

void dn_table_add(dn_table *table, const char *cell) {
    DN_PUSH(table->cells, table->n_cells, table->capacity) = dn_strdup(cell);
}

void dn_table_printf(dn_table *table, const char *fmt, ...) {
    va_list args;
    va_start(args, fmt);
    DN_PUSH(table->cells, table->n_cells, table->capacity) = dn_vprintf(fmt, args);
    va_end(args);
}

static void print_cell(const dn_table *table, int index, int width, dn_str *out) {
    int column = index % table->n_columns;
    bool last = column == table->n_columns - 1;
    int pad = width - dn_text_columns(table->cells[index]);
    bool right = table->right && table->right[column] == 'r';
    if (right) spaces(pad, out);
    dn_str_puts(out, table->cells[index]);
    if (!right && !last) spaces(pad, out);
    dn_str_puts(out, last ? "\n" : "  ");
}

void dn_table_print(dn_table *table, const dn_style *style, bool heading, dn_str *out) {
    int *widths = dn_xcalloc((size_t)table->n_columns, sizeof *widths);
    for (int i = 0; i < table->n_cells; i++) {
        int columns = dn_text_columns(table->cells[i]);
        int *width = &widths[i % table->n_columns];
        if (columns > *width) *width = columns;
    }
    for (int i = 0; i < table->n_cells; i++) {
        bool begins = i % table->n_columns == 0,
             ends = i % table->n_columns == table->n_columns - 1;
        bool is_heading = heading && i < table->n_columns;
        if (begins) dn_str_puts(out, "  ");
        if (begins && is_heading) dn_str_puts(out, dn_style_begin(style, DN_COLOUR_FAINT));
        print_cell(table, i, widths[i % table->n_columns], out);
        if (ends && is_heading) dn_str_puts(out, dn_style_end(style));
        free(table->cells[i]);
    }
    free(widths);
    free(table->cells);
    *table = (dn_table){0};
}

// ---- numbers ---------------------------------------------------------------------------------

static void scaled(double value, double base, const char *const *units, char text[32]) {
    int i = 0;
    while (value >= base && units[i + 1]) {
        value /= base;
        i++;
    }
    const char *space = *units[i] ? " " : "";
    if (i == 0 || value >= 100)
        snprintf(text, 32, "%.0f%s%s", value, space, units[i]);
    else
        snprintf(text, 32, "%.3g%s%s", value, space, units[i]);
}

void dn_count_text(double count, char text[32]) {
    static const char *const units[] = {"", "k", "M", "G", "T", NULL};
    scaled(count, 1000, units, text);
}

void dn_bytes_text(double bytes, char text[32]) {
    static const char *const units[] = {"B", "KiB", "MiB", "GiB", "TiB", NULL};
    scaled(bytes, 1024, units, text);
}
