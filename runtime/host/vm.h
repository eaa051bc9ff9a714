// Runs the commands of a program: a stack machine over dn_value.
//
// Its whole state (frames, stack, variables, counters) can be written to a checkpoint between two
// instructions and read back, which is how a killed run goes on to the same bits.
#ifndef DN_RUNTIME_VM_H
#define DN_RUNTIME_VM_H

#include <stdio.h>

#include "runtime/host/program.h"
#include "runtime/log/logfile.h"
#include "runtime/log/progress.h"
#include "runtime/threads.h"

typedef enum dn_host_operator {
    DN_HOST_NEG,
    DN_HOST_NOT,
    DN_HOST_ADD,
    DN_HOST_SUB,
    DN_HOST_MUL,
    DN_HOST_DIV,
    DN_HOST_IDIV,
    DN_HOST_REM,
    DN_HOST_POW,
    DN_HOST_EQ,
    DN_HOST_NE,
    DN_HOST_LT,
    DN_HOST_LE,
    DN_HOST_GT,
    DN_HOST_GE,
    DN_HOST_AND,
    DN_HOST_OR,
} dn_host_operator;
// Arithmetic is on ints (overflow is an error), or on floats when either is one; DIV always gives a
// float; IDIV and REM floor; a tensor with one element counts as its number; ADD also joins strings
// and lists; EQ and NE compare anything of one kind.

typedef struct dn_run_options {
    uint64_t seed;
    int workers;         // for data; 0: as many as the process may use
    const char *resume;  // a checkpoint to go on from, or NULL
    bool overwrite;      // checkpoint() may replace a file that this run did not write
    FILE *out, *err;
} dn_run_options;

typedef struct dn_run dn_run;

// The program, the executor and the options must outlive the run. Variables are made when first
// needed by an entry.
dn_status dn_run_new(const dn_program *program, const dn_executor *executor,
                     const dn_run_options *options, dn_run **out) DN_MUST_USE;
void dn_run_free(dn_run *run);
// The program grew at its ends (the prompt adds variables, entries, commands and constants);
// indices already in use keep their meaning. Takes the new description.
void dn_run_extend(dn_run *run, const dn_program *program);

// Runs a command with values for all of its params (taken). *result: owned by the caller; may be
// NULL. A failure's message begins with the place: "gan.dnet:12:5: ...". DN_INTERRUPTED after
// Ctrl-C.
dn_status dn_run_command(dn_run *run, int command, dn_value *args, dn_value *result) DN_MUST_USE;
// As dn_run_command, with the locals kept in `locals` (command->n_locals values, the caller's), for
// the prompt.
dn_status dn_run_command_with(dn_run *run, int command, dn_value *locals,
                              dn_value *result) DN_MUST_USE;
// Goes on from a checkpoint; *command is the one it was in (its locals hold its flags).
dn_status dn_run_resume(dn_run *run, const char *path, int *command, dn_value *result) DN_MUST_USE;
// The value of a variable now (made if need be), or NULL if there is none of that name.
dn_tensor *dn_run_variable(dn_run *run, const char *name);
// Forgets a variable's value: it is made anew when needed. False if it had none.
bool dn_run_drop(dn_run *run, int variable);
// The runs of one entry count for another, too, which took its place: what it draws goes on.
void dn_run_carry_on(dn_run *run, int from, int to);
// Copies of all variables and counters, so that what a trial changes can be put back.
typedef struct dn_run_state dn_run_state;
dn_status dn_run_keep(const dn_run *run, dn_run_state **out) DN_MUST_USE;
void dn_run_put_back(dn_run *run, dn_run_state *state);  // frees it
// Says which files were written since the last time, if any: "wrote out/gan.ckpt, out/log.csv, 10
// images (last out/epoch-10.png)".
void dn_run_print_written(dn_run *run, FILE *out);

// Host functions by name: -1 if there is none. The signatures are in stdlib/host.dnet.
int dn_builtin_find(const char *name);

// The command line of a program: `PROGRAM [--help]`, `COMMAND [--flag value | --flag=value ...]`.
// argv[0] is how messages call it. Every command also takes --seed, --threads, --device, --workers,
// --resume, --overwrite, --help; main's own flags come first. Returns the exit code: 0, 1 for a
// failure at run time, 2 for usage, 130 when interrupted. `threads` (may be NULL) is told the value
// of --threads before anything runs.
int dn_program_main(const dn_program *program, const dn_executor *executor,
                    void (*threads)(void *context, int count), int argc, char **argv);

#endif
