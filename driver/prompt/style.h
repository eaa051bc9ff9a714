// How things are shown: colours, the size of the terminal, how much of a tensor.
#ifndef DN_PROMPT_STYLE_H
#define DN_PROMPT_STYLE_H

#include <stdbool.h>
#include <stdio.h>

#include "runtime/base/memory.h"

typedef struct dn_style {
    bool capable;  // a terminal that knows escape sequences
    bool colour;
    bool utf8;
    bool terminal;
    bool fixed_width;  // set by :set; else the terminal's
    int width;         // columns
    int precision;     // decimals of a tensor's elements
    int threshold;     // elements up to which a tensor is shown whole
    int edge;          // elements shown at both ends of an axis otherwise
} dn_style;

typedef enum dn_colour {
    DN_COLOUR_NONE,
    DN_COLOUR_TYPE,   // of a value
    DN_COLOUR_NAME,   // of a field, layer, question
    DN_COLOUR_FAINT,  // less important
    DN_COLOUR_BAD,    // NaN, infinities, brackets that do not fit
    DN_COLOUR_GOOD,
    // Of text that is typed.
    DN_COLOUR_KEYWORD,
    DN_COLOUR_NUMBER,
    DN_COLOUR_STRING,
    DN_COLOUR_FUNCTION,
    DN_COLOUR_PARTNER  // a bracket at the cursor, and its other half
} dn_colour;

// For what goes to `out`: colours on a terminal unless NO_COLOR is set or it is too plain.
dn_style dn_style_new(FILE *out);
// The terminal may have another size now.
void dn_style_update(dn_style *style, FILE *out);
// Escape sequences, "" without colours.
const char *dn_style_begin(const dn_style *style, dn_colour colour);
const char *dn_style_end(const dn_style *style);
// Appends text in a colour.
void dn_style_puts(const dn_style *style, dn_colour colour, const char *text, dn_str *out);

// On a terminal: breaks lines of prose that are too long between words. What goes on stands below
// the last column of a table, or where its line begins. Elsewhere the text stays as it is.
void dn_style_wrap(const dn_style *style, dn_str *text);

// Columns that text takes: UTF-8 characters, escape sequences not counted.
int dn_text_columns(const char *text);

// A table: `n_columns` texts a row, columns as wide as needed, numbers to the right. Texts are
// copied. The first row is the heading.
typedef struct dn_table {
    int n_columns;
    const char *right;  // 'r' for each column that is set to the right: "lrr"
    char **cells;
    int n_cells, capacity;
} dn_table;

void dn_table_add(dn_table *table, const char *cell);
void dn_table_printf(dn_table *table, const char *fmt, ...) DN_PRINTF(2, 3);
// Appends it, indented by two columns; frees the cells.
void dn_table_print(dn_table *table, const dn_style *style, bool heading, dn_str *out);

// "1.2 M", "812 k", "64": a count, and "12.5 MiB".
void dn_count_text(double count, char text[32]);
void dn_bytes_text(double bytes, char text[32]);

#endif
