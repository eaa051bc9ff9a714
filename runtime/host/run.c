// A run from its making to its end: variables and counters, and commands called from outside.
#include "runtime/host/run.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

static double monotonic_seconds(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

double dn_host_seconds(const dn_run *run) { return monotonic_seconds() - run->started; }

dn_status dn_run_new(const dn_program *program, const dn_executor *executor,
                     const dn_run_options *options, dn_run **out) {
    dn_run *run = dn_xcalloc(1, sizeof *run);
    run->executor = executor;
    run->options = *options;
    run->started = monotonic_seconds();
    dn_run_extend(run, program);
    *out = run;
    return DN_SUCCESS;
}

void dn_run_extend(dn_run *run, const dn_program *program) {
    run->program = program;
    if (program->n_variables > run->n_variables) {
        size_t count = (size_t)program->n_variables;
        run->variables = dn_xrealloc(run->variables, count * sizeof *run->variables);
        while (run->n_variables < program->n_variables) run->variables[run->n_variables++] = NULL;
    }
    if (program->n_entries > run->n_entries) {
        size_t count = (size_t)program->n_entries;
        run->counters = dn_xrealloc(run->counters, count * sizeof *run->counters);
        while (run->n_entries < program->n_entries) run->counters[run->n_entries++] = 0;
    }
}

static void end_checkpoints(dn_run *run) {
    free(run->checkpoint_path);
    run->checkpoint_path = NULL;
    run->checkpoint_every = 0;
    run->save_asked = false;
}

static void end_log(dn_run *run) {
    dn_logfile_close(run->log);
    free(run->log_path);
    run->log = NULL;
    run->log_path = NULL;
}

static void end_args(dn_run *run) {
    for (int i = 0; i < run->n_args; i++) dn_value_release(run->args[i]);
    free(run->args);
    run->args = NULL;
    run->n_args = 0;
}

void dn_host_end_command(dn_run *run) {
    end_checkpoints(run);
    end_args(run);
    if (!run->log_lasts) end_log(run);
}

void dn_run_free(dn_run *run) {
    if (!run) return;
    dn_host_clear_frames(run);
    dn_host_end_command(run);
    end_log(run);
    for (int i = 0; i < run->n_variables; i++) dn_tensor_release(run->variables[i]);
    for (int i = 0; i < run->n_own; i++) free(run->own[i]);
    for (int i = 0; i < run->n_checked; i++) free(run->checked[i].depths);
    for (int i = 0; i < DN_OUTPUT_COUNT; i++) free(run->written[i].last);
    free(run->variables);
    free(run->counters);
    free(run->frames);
    free(run->stack);
    free(run->own);
    free(run->checked);
    free(run);
}

static void keep_args(dn_run *run, const dn_value *args, int count) {
    end_args(run);
    run->args = dn_xcalloc((size_t)count, sizeof *run->args);
    run->n_args = count;
    for (int i = 0; i < count; i++) run->args[i] = dn_value_retain(args[i]);
}

static dn_status run_frames(dn_run *run, int command, dn_value *locals, bool lent,
                            dn_value *result) {
    run->started = monotonic_seconds();
    run->live_lines = 0;
    keep_args(run, locals, run->program->commands[command].n_params);
    dn_status status = dn_host_push_frame(run, command, locals, lent);
    if (!status) status = dn_host_continue(run, result);
    dn_host_end_command(run);
    return status;
}

dn_status dn_run_command(dn_run *run, int command, dn_value *args, dn_value *result) {
    const dn_command *c = &run->program->commands[command];
    dn_value *locals = dn_xcalloc((size_t)c->n_locals, sizeof *locals);
    for (int i = 0; i < c->n_params; i++) locals[i] = args[i];
    return run_frames(run, command, locals, false, result);
}

dn_status dn_run_command_with(dn_run *run, int command, dn_value *locals, dn_value *result) {
    return run_frames(run, command, locals, true, result);
}

dn_status dn_run_resume(dn_run *run, const char *path, int *command, dn_value *result) {
    DN_TRY(dn_host_load(run, path));
    *command = run->frames[0].command;
    return dn_host_go_on(run, result);
}

dn_tensor *dn_run_variable(dn_run *run, const char *name) {
    for (int i = 0; i < run->n_variables; i++) {
        if (strcmp(run->program->variables[i].name, name) != 0) continue;
        dn_tensor *tensor = NULL;
        dn_status status = dn_host_variable(run, i, &tensor);
        if (!status) status = dn_tensor_settle(tensor);
        bool here = !status;
        dn_status_free(status);
        return here ? tensor : NULL;
    }
    return NULL;
}

bool dn_run_drop(dn_run *run, int variable) {
    if (variable >= run->n_variables || !run->variables[variable]) return false;
    dn_tensor_release(run->variables[variable]);
    run->variables[variable] = NULL;
    return true;
}

void dn_run_carry_on(dn_run *run, int from, int to) {
    if (run->counters[to] < run->counters[from]) run->counters[to] = run->counters[from];
}

// ---- trials ------------------------------------------------------------------------------------

struct dn_run_state {
    int n_variables, n_entries;
    dn_tensor **variables;
    uint64_t *counters;
    int64_t steps;
};

static void free_state(dn_run_state *state) {
    for (int i = 0; i < state->n_variables; i++) dn_tensor_release(state->variables[i]);
    free(state->variables);
    free(state->counters);
    free(state);
}

// A copy that is here, also of what is elsewhere.
static dn_status copy_settled(dn_tensor *tensor, dn_tensor **out) {
    DN_TRY(dn_tensor_settle(tensor));
    return dn_tensor_copy(tensor, out);
}

dn_status dn_run_keep(const dn_run *run, dn_run_state **out) {
    dn_run_state *state = dn_xcalloc(1, sizeof *state);
    state->n_variables = run->n_variables;
    state->n_entries = run->n_entries;
    state->steps = run->steps;
    state->variables = dn_xcalloc((size_t)run->n_variables + 1, sizeof *state->variables);
    state->counters = dn_xcalloc((size_t)run->n_entries + 1, sizeof *state->counters);
    for (int i = 0; i < run->n_entries; i++) state->counters[i] = run->counters[i];
    dn_status status = DN_SUCCESS;
    for (int i = 0; i < run->n_variables && !status; i++)
        if (run->variables[i]) status = copy_settled(run->variables[i], &state->variables[i]);
    if (status)
        free_state(state);
    else
        *out = state;
    return status;
}

// What was made since keeps its first value only if it had one before: else it is made again.
void dn_run_put_back(dn_run *run, dn_run_state *state) {
    for (int i = 0; i < run->n_variables; i++) {
        dn_tensor_release(run->variables[i]);
        run->variables[i] = NULL;
        if (i >= state->n_variables) continue;
        run->variables[i] = state->variables[i];
        state->variables[i] = NULL;
    }
    for (int i = 0; i < run->n_entries; i++)
        run->counters[i] = i < state->n_entries ? state->counters[i] : 0;
    run->steps = state->steps;
    free_state(state);
}
