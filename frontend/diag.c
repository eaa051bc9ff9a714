// Collecting diagnostics. How they look is in render.c.
#include "frontend/diag.h"

#include <stdlib.h>
#include <string.h>

static const char *const warning_names[] = {
#define WARNING(ENUM, name, doc) name,
#include "frontend/warnings.def"
#undef WARNING
};

void dn_diags_init(dn_diags *diags, dn_sources *sources) {
    *diags = (dn_diags){.sources = sources};
}

void dn_diags_free(dn_diags *diags) {
    dn_diags_clear(diags);
    free(diags->items);
    *diags = (dn_diags){0};
}

void dn_diags_clear(dn_diags *diags) {
    dn_arena_free(&diags->arena);
    diags->count = diags->printed = diags->errors = diags->warnings = 0;
}

bool dn_diags_set_warning(dn_diags *diags, const char *flag) {
    bool off = !strncmp(flag, "no-", 3);
    const char *name = off ? flag + 3 : flag;
    if (!strcmp(name, "error")) {
        diags->warnings_are_errors = !off;
        return true;
    }
    for (int i = 0; i < DN_W_COUNT; i++) {
        if (strcmp(name, warning_names[i])) continue;
        diags->disabled[i] = off;
        return true;
    }
    return false;
}

static char *format(dn_diags *diags, const char *fmt, va_list args) {
    char *text = dn_vprintf(fmt, args);
    char *copy = dn_arena_strdup(&diags->arena, text);
    free(text);
    return copy;
}

static bool is_known(const dn_diags *diags, const dn_diag *diag) {
    for (int i = diags->count - 1; i >= 0; i--) {
        const dn_diag *d = diags->items[i];
        if (d->span.begin == diag->span.begin && d->span.end == diag->span.end &&
            d->span.file == diag->span.file && !strcmp(d->text, diag->text))
            return true;
    }
    return false;
}

// A diagnostic that is switched off or was made before is returned all the same, for its notes.
static dn_diag *add(dn_diags *diags, dn_severity severity, int warning, dn_span span, char *text) {
    dn_diag *diag = DN_NEW(&diags->arena, dn_diag);
    *diag = (dn_diag){.severity = severity, .warning = warning, .span = span, .text = text};
    if ((warning >= 0 && diags->disabled[warning]) || is_known(diags, diag)) return diag;
    DN_PUSH(diags->items, diags->count, diags->capacity) = diag;
    if (severity == DN_ERROR)
        diags->errors++;
    else
        diags->warnings++;
    return diag;
}

dn_diag *dn_diag_error(dn_diags *diags, dn_span span, const char *fmt, ...) {
    va_list args;
    va_start(args, fmt);
    char *text = format(diags, fmt, args);
    va_end(args);
    return add(diags, DN_ERROR, -1, span, text);
}

dn_diag *dn_diag_warning(dn_diags *diags, dn_warning_kind kind, dn_span span, const char *fmt,
                         ...) {
    va_list args;
    va_start(args, fmt);
    char *text = format(diags, fmt, args);
    va_end(args);
    return add(diags, diags->warnings_are_errors ? DN_ERROR : DN_WARNING, (int)kind, span, text);
}

dn_diag *dn_diag_status(dn_diags *diags, dn_span span, dn_status status) {
    dn_diag *diag = dn_diag_error(diags, span, "%s", dn_status_message(status));
    if (dn_status_note(status))
        dn_diag_note(diags, diag, (dn_span){0}, "%s", dn_status_note(status));
    if (dn_status_hint(status)) dn_diag_hint(diags, diag, "%s", dn_status_hint(status));
    dn_status_free(status);
    return diag;
}

// Notes live in the arena, as diagnostics that are not kept have nobody to free them.
static void add_note(dn_diags *diags, dn_diag *diag, dn_note note) {
    if (diag->n_notes == diag->cap_notes) {
        int capacity = diag->cap_notes ? 2 * diag->cap_notes : 4;
        dn_note *notes = DN_NEW_ARRAY(&diags->arena, dn_note, capacity);
        if (diag->n_notes) memcpy(notes, diag->notes, (size_t)diag->n_notes * sizeof *notes);
        diag->notes = notes;
        diag->cap_notes = capacity;
    }
    diag->notes[diag->n_notes++] = note;
}

void dn_diag_note(dn_diags *diags, dn_diag *diag, dn_span span, const char *fmt, ...) {
    va_list args;
    va_start(args, fmt);
    add_note(diags, diag, (dn_note){.span = span, .text = format(diags, fmt, args)});
    va_end(args);
}

void dn_diag_hint(dn_diags *diags, dn_diag *diag, const char *fmt, ...) {
    va_list args;
    va_start(args, fmt);
    add_note(diags, diag, (dn_note){.text = format(diags, fmt, args), .is_hint = true});
    va_end(args);
}

void dn_diag_did_you_mean(dn_diags *diags, dn_diag *diag, const char *name,
                          const char *const *names, int count) {
    const char *closest = dn_closest_name(name, names, count);
    if (closest) dn_diag_hint(diags, diag, "did you mean `%s`?", closest);
}
