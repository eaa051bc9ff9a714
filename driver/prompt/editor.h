// Lines from a terminal, by libedit: history kept across runs, search, completion, colours.
#ifndef DN_PROMPT_EDITOR_H
#define DN_PROMPT_EDITOR_H

#include "driver/prompt/session.h"

typedef struct dn_editor dn_editor;

typedef enum dn_line {
    DN_LINE_READ,
    DN_LINE_CANCELLED,  // Ctrl-C: what was typed is dropped
    DN_LINE_END         // Ctrl-D on an empty line
} dn_line;

dn_editor *dn_editor_new(dn_session *session);
void dn_editor_free(dn_editor *editor);
// Reads a line; *line is the caller's, with its newline. `before`: the lines of the input that it
// continues, or "".
dn_line dn_editor_read(dn_editor *editor, const char *before, char **line);
// Adds a whole input to the history, and writes it to the file.
void dn_editor_remember(dn_editor *editor, const char *text);

#endif
