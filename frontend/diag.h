// Diagnostics: what dnet says about a program.
//
//   gan.dnet:12:5: error: conv2d: the input has 3 channels, the kernel wants 1
//      12 |     x |> conv2d(64, kernel: 5)
//         |          ^~~~~~~~~~~~~~~~~~~~~
//     note: ...
//     hint: ...
//
// Diagnostics are collected and printed when flushed, in the order of their making, each once (the
// same message at the same place is dropped). With JSON, one object a line.
#ifndef DN_FRONTEND_DIAG_H
#define DN_FRONTEND_DIAG_H

#include <stdio.h>

#include "frontend/source.h"

typedef enum dn_severity { DN_ERROR, DN_WARNING } dn_severity;

// WARNING(ENUM, name, doc): the warnings that -W[no-]name switches.
typedef enum dn_warning_kind {
#define WARNING(ENUM, name, doc) DN_W_##ENUM,
#include "frontend/warnings.def"
#undef WARNING
    DN_W_COUNT
} dn_warning_kind;

typedef struct dn_note {
    dn_span span;  // file 0: a note without a place
    const char *text;
    bool is_hint;
} dn_note;

typedef struct dn_diag {
    dn_severity severity;
    int warning;  // a dn_warning_kind, or -1
    dn_span span;
    const char *text;
    dn_note *notes;
    int n_notes, cap_notes;
} dn_diag;

typedef struct dn_diags {
    dn_arena arena;
    dn_sources *sources;
    dn_diag **items;
    int count, capacity;
    int printed;  // items already flushed
    int errors;   // in all, promoted warnings included
    int warnings;
    bool json, colour, warnings_are_errors;
    bool disabled[DN_W_COUNT];
} dn_diags;

void dn_diags_init(dn_diags *diags, dn_sources *sources);
void dn_diags_free(dn_diags *diags);
// "name" or "no-name"; false if there is no such warning. "error" makes warnings errors.
bool dn_diags_set_warning(dn_diags *diags, const char *flag);

// Each returns the diagnostic, so that notes and hints can be added. A disabled warning returns a
// diagnostic that is never printed.
dn_diag *dn_diag_error(dn_diags *diags, dn_span span, const char *fmt, ...) DN_PRINTF(3, 4);
dn_diag *dn_diag_warning(dn_diags *diags, dn_warning_kind kind, dn_span span, const char *fmt, ...)
    DN_PRINTF(4, 5);
// An error from a failed status: its message, note and hint; frees it.
dn_diag *dn_diag_status(dn_diags *diags, dn_span span, dn_status status);
void dn_diag_note(dn_diags *diags, dn_diag *diag, dn_span span, const char *fmt, ...)
    DN_PRINTF(4, 5);
void dn_diag_hint(dn_diags *diags, dn_diag *diag, const char *fmt, ...) DN_PRINTF(3, 4);
// Adds the hint "did you mean `x`?" if a name is near.
void dn_diag_did_you_mean(dn_diags *diags, dn_diag *diag, const char *name,
                          const char *const *names, int count);
void dn_diags_flush(dn_diags *diags, FILE *out);
// Forgets everything (the prompt does so between inputs).
void dn_diags_clear(dn_diags *diags);

#endif
