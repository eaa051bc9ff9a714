// A program, its compiled entries and its source as bytes, and back: what a compiled program has
// inside besides the kernels.
//
// The bytes are those of image_stream.h, of the kind "DNETIMG1".
#ifndef DN_RUNTIME_PROGRAM_IMAGE_H
#define DN_RUNTIME_PROGRAM_IMAGE_H

#include "runtime/native/native.h"

typedef struct dn_program_source {
    const char *path, *text;
} dn_program_source;

typedef struct dn_program_image {
    dn_program program;
    const dn_native_entry *code;  // of each of the program's entries
    int n_kernels;                // in each table of kernels: those that launches may name
    const dn_program_source *sources;
    int n_sources;         // the main file first
    const char *compiler;  // "dnet 0.1.0"
    const char *flags;     // that it was compiled with: "-O2 -D batch=32"
} dn_program_image;

// *bytes: free() it. The entries' own `code` is not looked at. Fails for constants that are not
// plain (tensors, lists), which the front end does not make.
dn_status dn_program_encode(const dn_program_image *image, char **bytes, size_t *size) DN_MUST_USE;
// `bytes` have to outlive what was decoded, `arena` owns the rest. The entries' `code` points to
// the image's. DN_CORRUPT for everything that encoding does not make: an image that was decoded can
// be run without more checks, except that commands are verified as ever (verify.c).
dn_status dn_program_decode(dn_arena *arena, const void *bytes, size_t size,
                            dn_program_image *out) DN_MUST_USE;

// program_check.c: whether all indices are within what they refer to; NULL, or what is wrong.
const char *dn_program_check(const dn_program_image *image);

#endif
