// A library's entries on the processor. Each function has a runner, because what depends on the
// weights alone stays in its arena.
#include <stdlib.h>

#include "runtime/native/embed_engine.h"
#include "runtime/native/linked.h"

typedef struct function {
    dn_native_runner *runner;  // NULL before the first call
    bool prepared;             // the runner has run it with the variables as they are
} function;

typedef struct processor {
    const dn_program *program;
    dn_native_kernel *const *kernels;
    dn_pool *pool;
    function *functions;  // of each entry
} processor;

static void close_processor(void *engine) {
    processor *p = engine;
    for (int i = 0; p->functions && i < p->program->n_entries; i++)
        dn_native_runner_free(p->functions[i].runner);
    free(p->functions);
    dn_pool_free(p->pool);
    free(p);
}

static dn_status start(processor *p, int threads) {
    DN_TRY(dn_linked_kernels(&p->kernels));
    return dn_pool_new(threads, &p->pool);
}

static dn_status open_processor(const dn_program_image *image, const dn_embed_on *on, bool other,
                                void **out) {
    processor *p = dn_xcalloc(1, sizeof *p);
    (void)other;
    p->program = &image->program;
    p->functions = dn_xcalloc((size_t)image->program.n_entries + 1, sizeof *p->functions);
    dn_status status = start(p, on->threads);
    if (status)
        close_processor(p);
    else
        *out = p;
    return status;
}

static bool writes_variables(const dn_native_entry *code) {
    for (int i = 0; i < code->n_launches; i++)
        if (code->launches[i].commits) return true;
    return false;
}

static dn_status run_function(processor *p, const dn_native_call *call) {
    const dn_native_entry *code = call->entry->code;
    function *f = &p->functions[call->entry - p->program->entries];
    if (!f->runner) DN_TRY(dn_native_runner_new(p->pool, &f->runner));
    dn_native_runner_prepared(f->runner, f->prepared);
    DN_TRY(dn_native_run(f->runner, code, p->kernels, call, NULL));
    f->prepared = true;
    for (int i = 0; i < p->program->n_entries && writes_variables(code); i++)
        p->functions[i].prepared = false;
    return DN_SUCCESS;
}

static bool makes_first_value(const dn_program *program, const dn_entry *entry) {
    for (int i = 0; i < program->n_variables; i++)
        if (&program->entries[program->variables[i].init] == entry) return true;
    return false;
}

// It runs once, so its arena does not stay.
static dn_status run_once(processor *p, const dn_native_call *call) {
    dn_native_runner *runner;
    DN_TRY(dn_native_runner_new(p->pool, &runner));
    dn_status status = dn_native_run(runner, call->entry->code, p->kernels, call, NULL);
    dn_native_runner_free(runner);
    return status;
}

static dn_status run(void *engine, const dn_native_call *call) {
    processor *p = engine;
    return makes_first_value(p->program, call->entry) ? run_once(p, call) : run_function(p, call);
}

const dn_embed_engine dn_embed_x86 = {.open = open_processor, .close = close_processor, .run = run};
