#include "driver/execute.h"

#include <stdlib.h>
#include <string.h>

#include "codegen/interp/interp.h"
#include "codegen/x86/x86.h"

static const char *const names[] = {
    [DN_BACKEND_X86] = "x86", [DN_BACKEND_INTERP] = "interp", [DN_BACKEND_CUDA] = "cuda"};

const char *dn_backend_name(dn_backend_kind kind) { return names[kind]; }

bool dn_backend_of(const char *name, dn_backend_kind *kind) {
    for (int i = 0; i < DN_BACKEND_KINDS; i++) {
        if (strcmp(names[i], name) != 0) continue;
        *kind = (dn_backend_kind)i;
        return true;
    }
    return false;
}

// ---- the interpreter ----

// The prompt adds entries while it runs.
static void grow(dn_backend *backend) {
    int count = backend->compiler->n_units;
    if (count <= backend->n_interps) return;
    backend->interps = dn_xrealloc(backend->interps, (size_t)count * sizeof *backend->interps);
    while (backend->n_interps < count) backend->interps[backend->n_interps++] = NULL;
}

// The line of the operation that failed.
static dn_status with_place(dn_backend *backend, dn_status status, const char *what, dn_span span) {
    if (!status || span.file == 0) return status;
    dn_place place = dn_sources_place(&backend->compiler->sources, span);
    return dn_annotate(status, "`%s` from %s:%d:%d", what, place.path, place.line, place.column);
}

static dn_status interpret(dn_backend *backend, int index, const dn_native_call *c) {
    grow(backend);
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

static dn_status compile(dn_backend *backend, int index, dn_ready *out) {
    dn_batch *batch;
    dn_jit *jit;
    dn_native_options options = {.level = backend->level, .threads = backend->threads};
    options.isa[dn_isa_here()] = true;
    DN_TRY(dn_batches_lower(&backend->x86, backend->compiler, &dn_x86_target, &options, index,
                            &batch));
    dn_status status = dn_jit_new(batch->lowered.code, &options, &jit);
    if (status) {
        dn_batch_free(batch);
        return status;
    }
    batch->code = jit;
    dn_batches_add(&backend->x86, batch);
    *out = backend->x86.ready[index];
    return DN_SUCCESS;
}

static dn_status find_or_compile(dn_backend *backend, int index, dn_ready *out) {
    *out = dn_batches_find(&backend->x86, backend->compiler, index);
    if (out->batch) return DN_SUCCESS;
    if (backend->profile) dn_profile_mark(backend->profile, DN_PROFILE_COMPILE, true);
    dn_status status = compile(backend, index, out);
    if (backend->profile) dn_profile_mark(backend->profile, DN_PROFILE_COMPILE, false);
    return status;
}

static dn_status run_native(dn_backend *backend, int index, const dn_native_call *c) {
    dn_ready ready;
    DN_TRY(find_or_compile(backend, index, &ready));
    if (!backend->runner) DN_TRY(dn_native_runner_new(backend->pool, &backend->runner));
    const dn_native_entry *code = &ready.batch->lowered.code->entries[ready.number];
    dn_native_kernel *const *kernels = dn_jit_kernels(ready.batch->code);
    if (!backend->profile) return dn_native_run(backend->runner, code, kernels, c, NULL);
    return dn_profile_run(backend->profile, backend->runner, code, kernels, c, NULL);
}

// ---- a GPU ----

dn_status dn_backend_open_gpu(dn_backend *backend, int device) {
    if (backend->gpu) return DN_SUCCESS;
    return dn_gpu_open(backend->compiler, device, backend->units, backend->level, &backend->gpu);
}

static dn_status without_gpu(dn_status status) {
    if (!status || dn_status_hint(status)) return status;
    return dn_with_hint(status, "--backend x86, which is the default, runs on the processor");
}

dn_status dn_backend_use(void *context, const char *device) {
    dn_backend *backend = context;
    int number;
    if (device && strcmp(device, "cpu") == 0) {
        backend->kind = DN_BACKEND_X86;
        return DN_SUCCESS;
    }
    if (dn_cuda_device_number(device, &number))
        return without_gpu(dn_backend_open_gpu(backend, number));
    return dn_with_hint(
        dn_fail(DN_INVALID, "--device is cpu, cuda or the number of a GPU, not %s", device),
        "numbers are those that CUDA gives, from 0");
}

dn_status dn_backend_wait(dn_backend *backend) {
    return backend->gpu ? dn_gpu_wait(backend->gpu) : DN_SUCCESS;
}

// ---- the executor ----

// What a GPU has made comes here for the processor.
static dn_status settle(const dn_native_call *c) {
    for (int i = 0; i < c->entry->n_inputs; i++) DN_TRY(dn_tensor_settle(c->inputs[i]));
    for (int i = 0; i < c->entry->n_vars; i++) DN_TRY(dn_tensor_settle(c->vars[i]));
    return DN_SUCCESS;
}

static dn_status run_here(dn_backend *backend, const dn_native_call *c) {
    int index = (int)(c->entry - backend->compiler->entries);
    if (!backend->pool) DN_TRY(dn_pool_new(backend->threads, &backend->pool));
    DN_TRY(settle(c));
    if (backend->kind == DN_BACKEND_INTERP) return interpret(backend, index, c);
    return run_native(backend, index, c);
}

static dn_status run_entry(void *context, const dn_entry *entry, dn_tensor *const *inputs,
                           dn_tensor **vars, dn_tensor **outputs, uint64_t seed, uint64_t step) {
    dn_backend *backend = context;
    dn_native_call c = {entry, inputs, vars, outputs, seed, step};
    if (backend->kind != DN_BACKEND_CUDA) return run_here(backend, &c);
    DN_TRY(dn_backend_open_gpu(backend, 0));
    return dn_gpu_run(backend->gpu, &c, backend->profile);
}

static void waits(void *context, bool begins) {
    dn_profile_mark(((dn_backend *)context)->profile, DN_PROFILE_DATA, begins);
}

dn_executor dn_backend_executor(dn_backend *backend) {
    return (dn_executor){.context = backend,
                         .defers = true,
                         .run = run_entry,
                         .use = backend->kind == DN_BACKEND_CUDA ? dn_backend_use : NULL,
                         .waits = backend->profile ? waits : NULL};
}

void dn_backend_threads(void *context, int count) { ((dn_backend *)context)->threads = count; }

void dn_backend_free(dn_backend *backend) {
    dn_gpu_close(backend->gpu);
    dn_native_runner_free(backend->runner);
    for (int i = 0; i < backend->x86.n; i++) dn_jit_free(backend->x86.items[i]->code);
    dn_batches_free(&backend->x86);
    for (int i = 0; i < backend->n_interps; i++) dn_interp_free(backend->interps[i]);
    free(backend->interps);
    dn_pool_free(backend->pool);
}
