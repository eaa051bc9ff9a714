// Entries of a program made into kernels and machine code.
#ifndef DN_DRIVER_LOWER_H
#define DN_DRIVER_LOWER_H

#include "codegen/native.h"
#include "frontend/compiler.h"

typedef struct dn_lowered {
    dn_kernels **kernels;  // of each entry, its memory planned
    int n;
    dn_native_code *code;
} dn_lowered;

// Places of spans in the compiler's sources, for messages, reports and -g.
dn_places dn_compiler_places(dn_compiler *compiler);
// Lowers `n` entries, given by their indices in compiler->units. Free it also after a failure.
dn_status dn_lower_units(dn_compiler *compiler, const int *units, int n,
                         const dn_native_options *options, dn_lowered *out) DN_MUST_USE;
// Every entry: indices are those of the program.
dn_status dn_lower_all(dn_compiler *compiler, const dn_native_options *options,
                       dn_lowered *out) DN_MUST_USE;
void dn_lowered_free(dn_lowered *lowered);

#endif
