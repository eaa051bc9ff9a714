// Entries of a program made into kernels and machine code.
#ifndef DN_DRIVER_LOWER_H
#define DN_DRIVER_LOWER_H

#include "codegen/native.h"
#include "driver/fit.h"

typedef struct dn_lowered {
    dn_kernels **kernels;  // of each entry, its memory planned
    dn_fit *fits;          // of each entry: how it was made to fit in compiler->max_memory
    int n;
    dn_native_code *code;
} dn_lowered;

// Places of spans in the compiler's sources, for messages, reports and -g.
dn_places dn_compiler_places(dn_compiler *compiler);
// Lowers `n` entries, given by their indices in compiler->units, for dn_x86_target or
// dn_nvptx_target. Free it also after a failure.
dn_status dn_lower_units(dn_compiler *compiler, const dn_target *target, const int *units, int n,
                         const dn_native_options *options, dn_lowered *out) DN_MUST_USE;
// Every entry: indices are those of the program. Tells on stderr what was done to make one fit.
dn_status dn_lower_all(dn_compiler *compiler, const dn_target *target,
                       const dn_native_options *options, dn_lowered *out) DN_MUST_USE;
void dn_lowered_free(dn_lowered *lowered);

#endif
