// The inside of a run, shared by the files of this folder.
#ifndef DN_RUNTIME_HOST_RUN_H
#define DN_RUNTIME_HOST_RUN_H

#include "runtime/host/iterate.h"

// What was learnt about a command's code by checking it.
typedef struct dn_checked_code {
    int *depths;    // values on the frame's stack before each instruction; -1: never reached
    int max_depth;  // NULL depths: not checked yet
} dn_checked_code;

// A command under way.
typedef struct dn_frame {
    int command;
    int pc;            // the next instruction
    int base;          // where its values begin on the stack
    dn_value *locals;  // n_locals
    bool lent;         // the locals are the caller's
} dn_frame;

enum { DN_MAX_FRAMES = 1000 };

typedef enum dn_output {
    DN_OUTPUT_CHECKPOINT,
    DN_OUTPUT_WEIGHTS,
    DN_OUTPUT_LOG,
    DN_OUTPUT_IMAGE,
    DN_OUTPUT_ARRAY,
    DN_OUTPUT_COUNT
} dn_output;

// The files of one kind that a command wrote: how many, and the last.
typedef struct dn_written {
    int64_t count;
    char *last;
} dn_written;

// Values that were logged while they were still being computed.
typedef struct dn_log_row {
    dn_value values;
    int64_t steps;
} dn_log_row;

// How far `log` may lag behind, so that the device always has work.
enum { DN_LOG_LAG = 2 };

struct dn_run {
    const dn_program *program;
    const dn_executor *executor;
    dn_run_options options;
    double started;  // when the command was, on the monotonic clock

    // State that checkpoints store.
    int n_variables, n_entries;
    dn_tensor **variables;  // NULL: not made yet
    uint64_t *counters;     // runs of each entry
    int64_t steps;          // of step entries
    dn_value *args;         // what the outermost command was called with
    int n_args;
    dn_frame *frames;
    int n_frames, frames_capacity;
    dn_value *stack;  // room is made for a whole frame when it begins
    int n_stack, stack_capacity;
    char *checkpoint_path;  // NULL before checkpoint() was called
    int64_t checkpoint_every;
    char *log_path;
    int64_t log_offset;  // where a loaded checkpoint's log goes on
    dn_logfile *log;
    bool log_lasts;  // opened at the prompt: for the lines that follow, too
    dn_log_row late[DN_LOG_LAG + 1];
    int n_late;  // none when something else is printed, saved or ended

    // The rest.
    bool resumed;
    int live_lines;   // of the picture that the next live one takes the place of; 0: none
    bool save_asked;  // checkpoint() was called: saved once its call is over
    char **own;       // checkpoints and logs that this run has written
    int n_own, own_capacity;
    int n_checked;
    dn_checked_code *checked;  // of each command
    dn_written written[DN_OUTPUT_COUNT];
};

// run.c: seconds since the command began.
double dn_host_seconds(const dn_run *run);
// Ends what lasts as long as a command does: its checkpoints, its log, its arguments.
void dn_host_end_command(dn_run *run);

// vm.c
void dn_host_clear_frames(dn_run *run);
dn_status dn_host_push_frame(dn_run *run, int command, dn_value *locals, bool lent) DN_MUST_USE;
// Runs the frames until the outermost one returns; on failure they are cleared. *result as in
// dn_run_command.
dn_status dn_host_continue(dn_run *run, dn_value *result) DN_MUST_USE;
// The bar of the innermost loop that has one, or NULL.
dn_progress *dn_host_active_bar(const dn_run *run);
// Clears the bar that is drawn, if any, because something else will be printed.
void dn_host_hide_bar(const dn_run *run);

// place.c
// Whether a message begins with a place, "gan.dnet:12:5: ..."; *length is without the ": ".
bool dn_host_place(const char *message, size_t *length);
// The failure of the instruction before the program counters, with its place; takes the status.
dn_status dn_host_locate(const dn_run *run, dn_status status) DN_MUST_USE;

// verify.c: checks a command's code once, so that running it needs no checks of operands and stack.
dn_status dn_host_check_command(dn_run *run, int command, const dn_checked_code **out) DN_MUST_USE;

// entry.c
dn_status dn_host_variable(dn_run *run, int variable, dn_tensor **out) DN_MUST_USE;  // borrowed
dn_status dn_host_call_entry(dn_run *run, int entry, const dn_value *args,
                             dn_value *result) DN_MUST_USE;

// log.c: shows the values of a record, and writes them to the log file.
dn_status dn_host_log(dn_run *run, const dn_value *values) DN_MUST_USE;
// Waits for the oldest values, until at most `keep` are late. Those that cannot be had are given
// up.
dn_status dn_host_log_late(dn_run *run, int keep) DN_MUST_USE;
dn_status dn_host_log_to(dn_run *run, const char *path) DN_MUST_USE;

// files.c
dn_status dn_host_make_parents(const char *path) DN_MUST_USE;  // mkdir -p of the path's folder
// Whether a file may be written: another run's is not replaced, unless this one goes on from a
// checkpoint or was told to.
bool dn_host_may_replace(const dn_run *run, const char *path);
void dn_host_wrote(dn_run *run, dn_output kind, const char *path);

// checkpoint.c: checkpoint(path, every); the state is saved when dn_host_save is called.
dn_status dn_host_checkpoint(dn_run *run, const char *path, int64_t every) DN_MUST_USE;
dn_status dn_host_save(dn_run *run) DN_MUST_USE;
// Reads a checkpoint into a run that has run nothing yet, and changes no file.
dn_status dn_host_load(dn_run *run, const char *path) DN_MUST_USE;
// Goes on from there: cuts the log to where it was, and runs. *result as in dn_run_command.
dn_status dn_host_go_on(dn_run *run, dn_value *result) DN_MUST_USE;

// weights.c
dn_status dn_host_restore(dn_run *run, const char *path) DN_MUST_USE;
dn_status dn_host_save_weights(dn_run *run, const char *path) DN_MUST_USE;

#endif
