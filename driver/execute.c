#include "driver/execute.h"

#include <stdlib.h>
#include <string.h>

#include "codegen/interp/interp.h"
#include "codegen/x86/x86.h"
#include "driver/lower.h"

// Entries that were compiled together.
typedef struct dn_batch {
    dn_lowered lowered;
    dn_jit *jit;
} dn_batch;

typedef struct dn_ready {
    dn_batch *batch;  // NULL: not compiled yet
    int number;       // within the batch
} dn_ready;

// The prompt adds entries while it runs.
static void grow(dn_backend *backend) {
    int count = backend->compiler->n_units, old = backend->n_entries;
    if (count <= old) return;
    backend->interps = dn_xrealloc(backend->interps, (size_t)count * sizeof *backend->interps);
    backend->ready = dn_xrealloc(backend->ready, (size_t)count * sizeof *backend->ready);
    for (int i = old; i < count; i++) {
        backend->interps[i] = NULL;
        backend->ready[i] = (dn_ready){0};
    }
    backend->n_entries = count;
}

// The line of the operation that failed.
static dn_status with_place(dn_backend *backend, dn_status status, const char *what, dn_span span) {
    if (!status || span.file == 0) return status;
    dn_place place = dn_sources_place(&backend->compiler->sources, span);
    return dn_annotate(status, "`%s` from %s:%d:%d", what, place.path, place.line, place.column);
}

// ---- the interpreter ----

static dn_status interpret(dn_backend *backend, int index, const dn_native_call *c) {
    dn_interp **interp = &backend->interps[index];
    if (!*interp) DN_TRY(dn_interp_new(backend->compiler->units[index].graph, interp));
    dn_interp_args args = {.inputs = c->inputs,
                           .vars = c->vars,
                           .outputs = c->outputs,
                           .seed = c->seed,
                           .step = c->step};
    const dn_node *culprit = NULL;
    dn_status status = dn_interp_run(*interp, backend->pool, &args, &culprit);
    return culprit ? with_place(backend, status, dn_op_get(culprit->op)->name, culprit->span)
                   : status;
}

// ---- machine code ----

// An entry is compiled when it is first run; what makes first values of variables is compiled all
// together, because it is asked for one by one.
static int batch_of(dn_backend *backend, int index, int *units) {
    const dn_compiler *c = backend->compiler;
    int n = 0;
    if (!c->units[index].is_init) units[n++] = index;
    for (int i = 0; i < c->n_units && c->units[index].is_init; i++)
        if (c->units[i].is_init && !backend->ready[i].batch) units[n++] = i;
    return n;
}

static bool same_place(const dn_compiler *c, dn_span a, dn_span b) {
    if (a.file == 0 || b.file == 0) return a.file == b.file;
    dn_place x = dn_sources_place(&c->sources, a), y = dn_sources_place(&c->sources, b);
    return x.line == y.line && x.column == y.column && strcmp(x.path, y.path) == 0;
}

// Whether code for one graph is code for the other, its messages and reports included.
static bool same_code(const dn_compiler *c, const dn_graph *a, const dn_graph *b) {
    dn_graph renamed = *b;  // each input of the prompt has a name of its own
    renamed.name = a->name;
    if (a->n_nodes != b->n_nodes || !dn_graph_equal(a, &renamed)) return false;
    for (int i = 0; i < a->n_nodes; i++)
        if (!same_place(c, a->nodes[i]->span, b->nodes[i]->span)) return false;
    return true;
}

// At the prompt the same expression comes again and again, and each time is an entry of its own:
// only the first is compiled.
static bool find_compiled(dn_backend *backend, int index) {
    const dn_unit *units = backend->compiler->units;
    if (!backend->compiler->prompt || units[index].is_init) return false;
    for (int i = index - 1; i >= 0; i--) {
        if (!backend->ready[i].batch || units[i].is_init ||
            !same_code(backend->compiler, units[i].graph, units[index].graph))
            continue;
        backend->ready[index] = backend->ready[i];
        return true;
    }
    return false;
}

static dn_status compile(dn_backend *backend, int index) {
    if (find_compiled(backend, index)) return DN_SUCCESS;
    int *units = dn_xcalloc((size_t)backend->n_entries + 1, sizeof *units);
    int n = batch_of(backend, index, units);
    dn_batch *batch = dn_xcalloc(1, sizeof *batch);
    DN_PUSH(backend->batches, backend->n_batches, backend->cap_batches) = batch;
    dn_native_options options = {.level = backend->level, .threads = backend->threads};
    options.isa[dn_isa_here()] = true;
    dn_status status =
        dn_lower_units(backend->compiler, &dn_x86_target, units, n, &options, &batch->lowered);
    if (!status) status = dn_jit_new(batch->lowered.code, &options, &batch->jit);
    for (int i = 0; i < n && !status; i++) backend->ready[units[i]] = (dn_ready){batch, i};
    free(units);
    return status;
}

static dn_status compile_timed(dn_backend *backend, int index) {
    if (backend->profile) dn_profile_mark(backend->profile, DN_PROFILE_COMPILE, true);
    dn_status status = compile(backend, index);
    if (backend->profile) dn_profile_mark(backend->profile, DN_PROFILE_COMPILE, false);
    return status;
}

static dn_status run_native(dn_backend *backend, int index, const dn_native_call *c) {
    if (!backend->ready[index].batch) DN_TRY(compile_timed(backend, index));
    if (!backend->runner) DN_TRY(dn_native_runner_new(backend->pool, &backend->runner));
    dn_ready ready = backend->ready[index];
    const dn_lowered *lowered = &ready.batch->lowered;
    const dn_native_entry *code = &lowered->code->entries[ready.number];
    dn_native_kernel *const *kernels = dn_jit_kernels(ready.batch->jit);
    if (!backend->profile) return dn_native_run(backend->runner, code, kernels, c, NULL);
    return dn_profile_run(backend->profile, backend->runner, code, kernels, c, NULL);
}

// ---- the executor ----

static dn_status run_entry(void *context, const dn_entry *entry, dn_tensor *const *inputs,
                           dn_tensor **vars, dn_tensor **outputs, uint64_t seed, uint64_t step) {
    dn_backend *backend = context;
    dn_native_call c = {entry, inputs, vars, outputs, seed, step};
    int index = (int)(entry - backend->compiler->entries);
    if (!backend->pool) DN_TRY(dn_pool_new(backend->threads, &backend->pool));
    grow(backend);
    if (backend->kind == DN_BACKEND_INTERP) return interpret(backend, index, &c);
    return run_native(backend, index, &c);
}

static void waits(void *context, bool begins) {
    dn_profile_mark(((dn_backend *)context)->profile, DN_PROFILE_DATA, begins);
}

dn_executor dn_backend_executor(dn_backend *backend) {
    return (dn_executor){
        .context = backend, .run = run_entry, .waits = backend->profile ? waits : NULL};
}

void dn_backend_threads(void *context, int count) { ((dn_backend *)context)->threads = count; }

void dn_backend_free(dn_backend *backend) {
    dn_native_runner_free(backend->runner);
    for (int i = 0; i < backend->n_batches; i++) {
        dn_jit_free(backend->batches[i]->jit);
        dn_lowered_free(&backend->batches[i]->lowered);
        free(backend->batches[i]);
    }
    for (int i = 0; i < backend->n_entries; i++) dn_interp_free(backend->interps[i]);
    free(backend->batches);
    free(backend->interps);
    free(backend->ready);
    dn_pool_free(backend->pool);
}
