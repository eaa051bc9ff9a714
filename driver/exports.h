// The part of a program that a library has: the functions that the file exports and what makes the
// first values of the variables that they use.
#ifndef DN_DRIVER_EXPORTS_H
#define DN_DRIVER_EXPORTS_H

#include "frontend/compiler.h"

typedef struct dn_exports {
    dn_arena arena;
    dn_program program;         // entries: the functions, then the first values; no commands
    const dn_decl **functions;  // of the first n_functions entries
    int n_functions;
    int *units;  // of each entry, in the compiler
} dn_exports;

// Fails if nothing is exported. Free it also after a failure.
dn_status dn_exports_of(dn_compiler *compiler, dn_exports *out) DN_MUST_USE;
void dn_exports_free(dn_exports *exports);

#endif
