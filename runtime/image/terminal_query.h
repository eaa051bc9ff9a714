// Asking a terminal what it is.
#ifndef DN_RUNTIME_TERMINAL_QUERY_H
#define DN_RUNTIME_TERMINAL_QUERY_H

#include <stdbool.h>
#include <stdio.h>

// Whether the terminal says that it draws sixels (attribute 4 of its answer to CSI c). Asked once;
// a terminal that does not answer within a fifth of a second has none.
bool dn_terminal_has_sixel(FILE *out);

#endif
