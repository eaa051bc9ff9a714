// What the characters of a text are, for an editor that colours it while it is typed. It need not
// be complete, nor right.
#ifndef DN_FRONTEND_HIGHLIGHT_H
#define DN_FRONTEND_HIGHLIGHT_H

#include <stddef.h>

#include "runtime/base/memory.h"

typedef enum dn_text_class {
    DN_TEXT_PLAIN,  // operators, spaces
    DN_TEXT_NAME,
    DN_TEXT_KEYWORD,  // where it is one: `step` may be a name, too
    DN_TEXT_NUMBER,
    DN_TEXT_STRING,  // without the expressions in it
    DN_TEXT_COMMENT,
    DN_TEXT_BRACKET,
    DN_TEXT_STRAY_BRACKET  // closes nothing, or what it is not the partner of
} dn_text_class;

typedef struct dn_highlight {
    size_t length;
    unsigned char *classes;  // dn_text_class of each byte
    int *partners;           // of each byte that is a bracket: where its other half is; else -1
} dn_highlight;

dn_highlight dn_highlight_text(const char *text, size_t length);
void dn_highlight_free(dn_highlight *highlight);

#endif
