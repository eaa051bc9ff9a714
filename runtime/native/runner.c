// Runs entries: addresses for the arguments, then launch after launch on the pool.
//
// A variable is written in place when the run's table holds the only reference to it. Otherwise a
// copy is made first, and takes its place once nothing can fail any more.
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "runtime/base/interrupt.h"
#include "runtime/native/limits.h"
#include "runtime/native/native.h"
#include "runtime/native/scratch.h"
#include "runtime/rng.h"

enum { RANDOM_GRAIN = 4096 };  // numbers of a task; whole Philox blocks

// A launch that can be given up looks after so much work whether it shall be: some 50 ms of a core.
static const double FLOPS_OF_SLICE = 4e9, BYTES_OF_SLICE = 2e8;

// A part's fault, on a cache line of its own.
typedef struct part_fault {
    _Alignas(64) dn_native_fault fault;
} part_fault;

struct dn_native_runner {
    dn_pool *pool;
    dn_scratch arena;
    void **args;  // the addresses of an entry's arguments
    int cap_args;
    dn_tensor **copies;  // of variables that others hold; NULL, also between runs: none is needed
    int cap_copies;
    part_fault *faults;         // of each part of a launch
    dn_native_watcher watcher;  // launched = NULL: nobody
    bool poison, prepared;
};

dn_status dn_native_runner_new(dn_pool *pool, dn_native_runner **out) {
    dn_native_runner *runner = dn_xcalloc(1, sizeof *runner);
    size_t bytes = (size_t)dn_pool_threads(pool) * sizeof *runner->faults;
    runner->pool = pool;
    if (posix_memalign((void **)&runner->faults, 64, bytes) != 0) {
        free(runner);
        return dn_fail(DN_MEMORY, "no memory for a runner");
    }
    memset(runner->faults, 0, bytes);
    *out = runner;
    return DN_SUCCESS;
}

void dn_native_runner_free(dn_native_runner *runner) {
    if (!runner) return;
    dn_scratch_free(&runner->arena);
    free(runner->args);
    free(runner->copies);
    free(runner->faults);
    free(runner);
}

void dn_native_runner_poison(dn_native_runner *runner) { runner->poison = true; }

void dn_native_runner_prepared(dn_native_runner *runner, bool prepared) {
    runner->prepared = prepared;
}

int64_t dn_native_runner_arena(const dn_native_runner *runner) {
    return (int64_t)runner->arena.bytes;
}

void dn_native_runner_watch(dn_native_runner *runner, const dn_native_watcher *watcher) {
    runner->watcher = watcher ? *watcher : (dn_native_watcher){0};
}

// ---- before the launches ----

typedef struct run {
    dn_native_runner *runner;
    const dn_native_entry *code;
    dn_native_kernel *const *kernels;
    const dn_native_call *call;
} run;

static dn_status check_input(const dn_field *input, const dn_tensor *tensor) {
    if (tensor->dtype == input->dtype && dn_shape_equal(&tensor->shape, &input->shape))
        return DN_SUCCESS;
    dn_str want = {0}, have = {0};
    dn_shape_print(&want, input->dtype, &input->shape);
    dn_shape_print(&have, tensor->dtype, &tensor->shape);
    dn_status status =
        dn_fail(DN_INVALID, "input %s is %s and has to be %s", input->name, have.text, want.text);
    free(want.text);
    free(have.text);
    return status;
}

dn_status dn_native_check_inputs(const dn_native_call *call) {
    for (int i = 0; i < call->entry->n_inputs; i++)
        DN_TRY(check_input(&call->entry->inputs[i], call->inputs[i]));
    return DN_SUCCESS;
}

// Room for what every run needs; kept from run to run.
static dn_status reserve(run *r) {
    dn_native_runner *runner = r->runner;
    if (r->code->n_args > runner->cap_args) {
        runner->cap_args = r->code->n_args;
        runner->args = dn_xrealloc(runner->args, (size_t)runner->cap_args * sizeof *runner->args);
    }
    if (r->call->entry->n_vars > runner->cap_copies) {
        runner->copies =
            dn_xrealloc(runner->copies, (size_t)r->call->entry->n_vars * sizeof *runner->copies);
        while (runner->cap_copies < r->call->entry->n_vars)
            runner->copies[runner->cap_copies++] = NULL;
    }
    DN_TRY(dn_scratch_reserve(&runner->arena, (size_t)r->code->arena_bytes));
    if (runner->poison && runner->arena.base)
        memset(runner->arena.base, 0xff, (size_t)r->code->arena_bytes);
    return DN_SUCCESS;
}

static dn_status make_outputs(run *r) {
    for (int i = 0; i < r->call->entry->n_outputs; i++) r->call->outputs[i] = NULL;
    for (int i = 0; i < r->call->entry->n_outputs; i++) {
        const dn_field *output = &r->call->entry->outputs[i];
        DN_TRY(dn_tensor_new(output->dtype, &output->shape, &r->call->outputs[i]));
        if (r->runner->poison) memset(r->call->outputs[i]->data, 0xff, r->call->outputs[i]->bytes);
    }
    return DN_SUCCESS;
}

// Which of its variables a launch writes is not said, so one that it only reads may be copied, too.
static dn_status copy_shared(run *r, const dn_native_launch *launch) {
    dn_tensor **copies = r->runner->copies;
    for (int i = 0; i < launch->n_args; i++) {
        const dn_native_arg *arg = &r->code->args[launch->arg + i];
        if (arg->place != DN_PLACE_VAR || copies[arg->index]) continue;
        dn_tensor *var = r->call->vars[arg->index];
        if (__atomic_load_n(&var->references, __ATOMIC_ACQUIRE) > 1)
            DN_TRY(dn_tensor_copy(var, &copies[arg->index]));
    }
    return DN_SUCCESS;
}

static dn_status copy_variables(run *r) {
    for (int i = 0; i < r->code->n_launches; i++)
        if (r->code->launches[i].commits) DN_TRY(copy_shared(r, &r->code->launches[i]));
    return DN_SUCCESS;
}

static void *address_of(const run *r, const dn_native_arg *arg) {
    dn_tensor *tensor = NULL;
    switch ((dn_native_place)arg->place) {
        case DN_PLACE_ARENA: return r->runner->arena.base + arg->offset;
        case DN_PLACE_INPUT: tensor = r->call->inputs[arg->index]; break;
        case DN_PLACE_OUTPUT: tensor = r->call->outputs[arg->index]; break;
        case DN_PLACE_VAR:
            tensor = r->runner->copies[arg->index];
            if (!tensor) tensor = r->call->vars[arg->index];
    }
    return (char *)tensor->data + arg->offset;
}

static dn_status prepare(run *r) {
    DN_TRY(make_outputs(r));
    DN_TRY(reserve(r));
    DN_TRY(copy_variables(r));
    for (int i = 0; i < r->code->n_args; i++) r->runner->args[i] = address_of(r, &r->code->args[i]);
    return DN_SUCCESS;
}

// ---- launches ----

typedef struct job {
    const run *run;
    const dn_native_launch *launch;
    void *const *args;
    dn_native_kernel *kernel;
    dn_rng_stream stream;
    int64_t slice;      // tasks between two looks whether to give up; 0: never
    atomic_bool ended;  // it was given up
} job;

static void kernel_body(void *arg, int64_t part, int64_t begin, int64_t end) {
    job *j = arg;
    dn_native_fault *fault = &j->run->runner->faults[part].fault;
    for (; j->slice && end - begin > j->slice; begin += j->slice) {
        if (dn_interrupt_requested()) atomic_store(&j->ended, true);
        if (atomic_load(&j->ended)) return;
        j->kernel(j->args, begin, begin + j->slice, fault);
    }
    j->kernel(j->args, begin, end, fault);
}

// Only what is long: each slice has to begin anew.
static int64_t slice_of(const dn_native_launch *launch) {
    double slices = launch->flops / FLOPS_OF_SLICE + launch->bytes / BYTES_OF_SLICE;
    if (slices < 2 || launch->can_fail) return 0;
    double tasks = (double)launch->tasks / slices;
    return tasks < 1 ? 1 : (int64_t)tasks;
}

static void random_body(void *arg, int64_t part, int64_t begin, int64_t end) {
    const job *j = arg;
    int64_t count = j->launch->tasks;
    (void)part;
    begin *= RANDOM_GRAIN;
    end = end * RANDOM_GRAIN < count ? end * RANDOM_GRAIN : count;
    if (j->launch->dtype == DN_F32) {
        float *out = (float *)j->args[0] + begin;
        (j->launch->normal ? dn_rng_normal_f32 : dn_rng_uniform_f32)(&j->stream, begin, end, out);
    } else {
        double *out = (double *)j->args[0] + begin;
        (j->launch->normal ? dn_rng_normal_f64 : dn_rng_uniform_f64)(&j->stream, begin, end, out);
    }
}

// False when it was given up, which only one that `may_end` can be.
static bool run_launch(const run *r, const dn_native_launch *launch, bool may_end) {
    job j = {.run = r, .launch = launch, .args = r->runner->args + launch->arg};
    if (launch->kind == DN_LAUNCH_RANDOM) {
        j.stream.site = launch->site;
        j.stream.seed = launch->keyed ? launch->seed : r->call->seed;
        j.stream.step = launch->keyed ? 0 : r->call->step;
        int64_t tasks = launch->tasks / RANDOM_GRAIN + (launch->tasks % RANDOM_GRAIN != 0);
        dn_parallel_parts(r->runner->pool, tasks, random_body, &j);
    } else {
        j.kernel = r->kernels[launch->kernel];
        if (may_end) j.slice = slice_of(launch);
        dn_parallel_parts(r->runner->pool, launch->tasks, kernel_body, &j);
    }
    return !atomic_load(&j.ended);
}

static bool run_watched(const run *r, int i, bool may_end) {
    const dn_native_watcher *watcher = &r->runner->watcher;
    double begin = dn_seconds();
    bool done = run_launch(r, &r->code->launches[i], may_end);
    watcher->launched(watcher->context, i, begin, dn_seconds());
    return done;
}

// ---- faults ----

dn_status dn_native_describe_fault(const dn_native_entry *code, const dn_native_launch *launch,
                                   const dn_native_fault *fault) {
    const char *table = launch->table ? code->names + launch->table : "the table";
    dn_status status =
        fault->rows > 0
            ? dn_fail(DN_INVALID, "index %lld is outside 0..%lld (rows of %s)",
                      (long long)fault->index, (long long)fault->rows - 1, table)
            : dn_fail(DN_INVALID, "index %lld, but %s has no rows", (long long)fault->index, table);
    return launch->place ? dn_annotate(status, "%s", code->names + launch->place) : status;
}

// The fault of the first part that has one: that of the first task, for any number of threads.
static dn_status take_fault(const run *r, const dn_native_launch *launch) {
    dn_status status = DN_SUCCESS;
    for (int part = 0; part < dn_pool_threads(r->runner->pool); part++) {
        dn_native_fault *fault = &r->runner->faults[part].fault;
        if (fault->rows && !status) status = dn_native_describe_fault(r->code, launch, fault);
        *fault = (dn_native_fault){0};
    }
    return status;
}

// Ctrl-C stops a run between launches, and within a long one, as long as no variable is written.
static dn_status run_launches(const run *r, int *failed) {
    bool prepared = r->runner->prepared && !r->runner->poison, writes = false;
    for (int i = prepared ? r->code->n_constant : 0; i < r->code->n_launches; i++) {
        const dn_native_launch *launch = &r->code->launches[i];
        if (!writes && dn_interrupt_requested()) return dn_fail(DN_INTERRUPTED, "interrupted");
        writes |= launch->commits;
        bool done = r->runner->watcher.launched ? run_watched(r, i, !writes)
                                                : run_launch(r, launch, !writes);
        if (!done) return dn_fail(DN_INTERRUPTED, "interrupted");
        if (!launch->can_fail) continue;
        dn_status status = take_fault(r, launch);
        if (status) *failed = i;
        DN_TRY(status);
    }
    return DN_SUCCESS;
}

// ---- the whole ----

// The copies take the place of the variables.
static void commit(run *r) {
    for (int i = 0; i < r->call->entry->n_vars; i++) {
        if (!r->runner->copies[i]) continue;
        dn_tensor_release(r->call->vars[i]);
        r->call->vars[i] = r->runner->copies[i];
        r->runner->copies[i] = NULL;
    }
}

static void discard(run *r) {
    for (int i = 0; i < r->call->entry->n_vars && i < r->runner->cap_copies; i++) {
        dn_tensor_release(r->runner->copies[i]);
        r->runner->copies[i] = NULL;
    }
    for (int i = 0; i < r->call->entry->n_outputs; i++) {
        dn_tensor_release(r->call->outputs[i]);
        r->call->outputs[i] = NULL;
    }
}

dn_status dn_native_run(dn_native_runner *runner, const dn_native_entry *code,
                        dn_native_kernel *const *kernels, const dn_native_call *call, int *launch) {
    int failed = -1;
    run r = {.runner = runner, .code = code, .kernels = kernels, .call = call};
    if (launch) *launch = -1;
    DN_TRY(dn_native_check_inputs(call));
    dn_status status = prepare(&r);
    if (!status) status = run_launches(&r, &failed);
    if (!status)
        commit(&r);
    else
        discard(&r);
    if (launch) *launch = failed;
    return status;
}
