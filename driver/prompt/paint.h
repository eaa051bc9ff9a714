// Colours for the line that is edited. libedit knows none, so its line is printed once more over
// itself: the same characters in the same cells, which leaves libedit's idea of the screen true.
// That is done without colours, too, since it mends what libedit gets wrong where lines wrap and
// around wide characters.
#ifndef DN_PROMPT_PAINT_H
#define DN_PROMPT_PAINT_H

#include "driver/prompt/session.h"

// A line as libedit shows it.
typedef struct dn_painted_line {
    const char *before;  // earlier lines of the same input
    const char *text;    // may have newlines, when it is from the history
    size_t cursor;       // in text, in bytes
    const char *prompt;  // what stands before it in its first row, with its colours
    int first_column;    // where the line begins, behind the prompt
    int columns, rows;   // of the terminal
    bool mark_brackets;  // the one at the cursor and its partner
} dn_painted_line;

// Appends what a terminal has to be sent, whose cursor is at the line's cursor, and stays there.
// Nothing for a line whose cells are not certain: with tabs, control characters or characters
// without a width, or with more rows than the terminal.
void dn_paint_line(dn_session *session, const dn_painted_line *line, dn_str *out);

#endif
