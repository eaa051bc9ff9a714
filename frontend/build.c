#include "frontend/build.h"

#include <stdlib.h>
#include <string.h>

void dn_build_init(dn_build *b, dn_compiler *c, const char *name, bool abstract) {
    *b = (dn_build){.c = c, .name = name, .abstract = abstract};
    b->graph = dn_graph_new(c->dims, name);
}

void dn_build_free(dn_build *b) {
    for (int i = 0; i < b->n_chains; i++) free(b->chains[i].versions);
    free(b->chains);
    free(b->objectives);
}

static bool in_library(const dn_build *b, dn_span span) {
    return span.file == 0 || b->c->sources.files[span.file].is_library;
}

dn_span dn_build_user_span(const dn_build *b, dn_span span) {
    for (dn_frame *f = b->frame; f && in_library(b, span); f = f->caller) span = f->call;
    return span;
}

// "conv2d: " when the message comes from inside a library function that the user called.
static const char *library_prefix(const dn_build *b, dn_span span) {
    const char *prefix = NULL;
    for (dn_frame *f = b->frame; f && in_library(b, span); f = f->caller) {
        span = f->call;
        prefix = f->name;
    }
    return prefix;
}

static bool contains(dn_span outer, dn_span inner) {
    return outer.file == inner.file && outer.begin <= inner.begin && inner.end <= outer.end;
}

// Where the calls around the user's place were made; not those that the place itself shows.
static void note_calls(dn_build *b, dn_diag *diag, dn_span span) {
    enum { MAX_NOTES = 3 };
    dn_span noted[MAX_NOTES];
    int notes = 0;
    for (dn_frame *f = b->frame; f && notes < MAX_NOTES; f = f->caller) {
        if (f->call.file == 0) continue;
        bool inside_user_code = f->decl && !in_library(b, f->decl->span);
        bool known = contains(f->call, span);
        for (int i = 0; i < notes; i++) known |= contains(noted[i], f->call);
        if (!inside_user_code || in_library(b, f->call) || known) continue;
        dn_diag_note(&b->c->diags, diag, f->call, "in this use of `%s`", f->name);
        noted[notes++] = f->call;
    }
}

// "conv2d: ..." and "`conv2d` ..." name the function already.
static bool names(const char *text, const char *function) {
    if (*text == '`') text++;
    return strncmp(text, function, strlen(function)) == 0;
}

static dn_diag *report(dn_build *b, dn_span span, const char *text) {
    if (b->given_up) return DN_NEW(&b->c->arena, dn_diag);  // nobody sees it
    dn_span place = dn_build_user_span(b, span);
    const char *prefix = library_prefix(b, span);
    if (prefix && names(text, prefix)) prefix = NULL;
    dn_diag *diag = dn_diag_error(&b->c->diags, place, "%s%s%s", prefix ? prefix : "",
                                  prefix ? ": " : "", text);
    note_calls(b, diag, place);
    return diag;
}

dn_diag *dn_build_error(dn_build *b, dn_span span, const char *fmt, ...) {
    va_list args;
    va_start(args, fmt);
    char *text = dn_vprintf(fmt, args);
    va_end(args);
    dn_diag *diag = report(b, span, text);
    free(text);
    return diag;
}

dn_term dn_build_fail(dn_build *b, dn_span span, const char *fmt, ...) {
    va_list args;
    va_start(args, fmt);
    char *text = dn_vprintf(fmt, args);
    va_end(args);
    report(b, span, text);
    free(text);
    return dn_term_of(DN_TERM_ERROR);
}

dn_term dn_build_belongs_in_command(dn_build *b, dn_span span, const char *name) {
    dn_diag *diag =
        dn_build_error(b, span, "`%s` belongs in a command: tensor code has no effects", name);
    dn_compiler_suggest_for_tensors(b->c, diag, name);
    return dn_term_of(DN_TERM_ERROR);
}

dn_term dn_build_status(dn_build *b, dn_span span, dn_status status) {
    dn_diag *diag = report(b, span, dn_status_message(status));
    if (dn_status_note(status))
        dn_diag_note(&b->c->diags, diag, (dn_span){0}, "%s", dn_status_note(status));
    if (dn_status_hint(status)) dn_diag_hint(&b->c->diags, diag, "%s", dn_status_hint(status));
    dn_status_free(status);
    return dn_term_of(DN_TERM_ERROR);
}

dn_term dn_build_give_up(dn_build *b) {
    b->given_up = true;
    return dn_term_of(DN_TERM_ERROR);
}

bool dn_build_spend(dn_build *b, int64_t amount, dn_span span) {
    if (b->given_up) return false;
    b->work += amount;
    if (b->work <= b->c->work_limit) return true;
    dn_build_error(b, span,
                   "this is too large: with loops unrolled and calls inlined it takes more than "
                   "%lld evaluations",
                   (long long)b->c->work_limit);
    b->given_up = true;
    return false;
}

dn_def *dn_build_find(dn_build *b, const char *name, bool callable) {
    const dn_decl *decl = b->frame ? b->frame->decl : NULL;
    bool library = decl && b->c->sources.files[decl->span.file].is_library;
    return dn_compiler_find(b->c, name, callable, library);
}

dn_bound_name *dn_frame_find(dn_frame *frame, const char *name) {
    for (int i = frame ? frame->n_names - 1 : -1; i >= 0; i--)
        if (strcmp(frame->names[i].name, name) == 0) return &frame->names[i];
    return NULL;
}

dn_bound_name *dn_frame_bind(dn_build *b, const char *name, dn_term value, dn_span span) {
    dn_frame *frame = b->frame;
    dn_bound_name *found = dn_frame_find(frame, name);
    if (!found) {
        DN_PUSH(frame->names, frame->n_names, frame->cap_names) = (dn_bound_name){.name = name};
        found = &frame->names[frame->n_names - 1];
    }
    found->value = value;
    found->state = NULL;
    found->span = span;
    return found;
}

const char *dn_describe(dn_build *b, const dn_term *term) {
    dn_str text = {0};
    dn_term_describe(b->c->dims, term, &text);
    const char *copy = dn_arena_strdup(&b->c->arena, text.text ? text.text : "");
    free(text.text);
    return copy;
}
