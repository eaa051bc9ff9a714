// A session: what was defined, and what it computes. Knows nothing of terminals and keys.
#ifndef DN_PROMPT_SESSION_H
#define DN_PROMPT_SESSION_H

#include "driver/execute.h"
#include "driver/nan.h"
#include "driver/options.h"
#include "driver/prompt/show.h"
#include "frontend/prompt.h"

// The last call of an entry and what it was given, kept by dn_session_record.
typedef struct dn_recorded {
    int entry;  // index in compiler->units; -1: none was called
    int n_inputs, n_vars;
    dn_tensor **inputs, **vars;  // copies
    uint64_t seed, step;
    dn_tensor *output;  // the first one; not owned, for comparing
} dn_recorded;

typedef struct dn_session {
    dn_compiler *compiler;
    dn_backend backend;
    dn_executor execute;   // the backend's
    dn_checker checker;    // watches for NaN, if `check_nan`
    dn_executor executor;  // what the run calls: it chooses
    bool check_nan;
    char *replay;         // where it writes what the bad run was given, or NULL
    dn_recorded *record;  // where to keep what is called, or NULL
    dn_run_options options;
    dn_run *run;
    int n_entries;     // of the compiler that the run has
    dn_value *locals;  // the prompt's variables
    int n_locals;
    dn_style style;
    char **inputs;  // those that compiled and ran, for :save
    int n_inputs, cap_inputs;
    char *file;   // loaded last, for :reload
    bool failed;  // the last input
    bool ended;   // it asked to end
} dn_session;

void dn_session_begin(dn_session *session, dn_compiler *compiler, const dn_options *options);
void dn_session_end(dn_session *session);

// Evaluates one input. False when the text is not complete: call it again with more, or with
// `at_end` when there is no more.
bool dn_session_evaluate(dn_session *session, const char *text, bool at_end);

// Reads the definitions of a file. False after saying what is wrong with it.
bool dn_session_load(dn_session *session, const char *path);

// ---- for questions ----
// Prints what the compiler has said, and forgets it.
void dn_session_flush(dn_session *session);
void dn_session_report(dn_session *session, dn_status status);  // frees it
// Takes what was compiled into the run: new variables, entries, commands.
dn_status dn_session_extend(dn_session *session) DN_MUST_USE;
// Runs a compiled input; *result is the caller's.
dn_status dn_session_run(dn_session *session, int command, dn_value *result) DN_MUST_USE;
// As it, and keeps the last call of an entry.
dn_status dn_session_record(dn_session *session, int command, dn_recorded *out,
                            dn_value *result) DN_MUST_USE;
void dn_recorded_free(dn_recorded *recorded);
// After definitions changed: says what that means for others and for models.
void dn_session_tell_changes(dn_session *session, dn_input *input);
void dn_session_keep_input(dn_session *session, const char *text);
// Prints lines that were collected; frees them.
void dn_session_print(dn_str *text);

#endif
