// Graphs on a GPU: the one that the driver shows, or the simulated one (tests/cudasim), which the
// environment variable DNET_CUDA_DRIVER names.
#ifndef DN_TESTS_NATIVE_CUDA_BACKEND_H
#define DN_TESTS_NATIVE_CUDA_BACKEND_H

#include "codegen/cuda.h"
#include "tests/native/backend.h"

typedef struct on_cuda {
    dn_kernels **lowered;
    int n;
    dn_native_code *code;
    dn_cuda_kernel *launches;
    char *ptx;
    dn_cuda_module module;
    const dn_cuda_kernel *table[1];
    dn_cuda_code cuda;
    dn_entry *entries;
    dn_variable *variables;
    dn_program program;
    dn_cuda *device;
} on_cuda;

// What a test compiles for.
static dn_nvptx cuda_target = {.sm = 80, .units = DN_MATRIX_F32};

static inline void cuda_free(void *compiled) {
    on_cuda *o = compiled;
    dn_cuda_close(o->device);
    dn_native_code_free(o->code);
    for (int i = 0; i < o->n; i++) dn_kernels_free(o->lowered[i]);
    for (int i = 0; o->entries && i < o->n; i++) free_entry(&o->entries[i]);
    free(o->lowered);
    free(o->launches);
    free(o->ptx);
    free(o->entries);
    free(o->variables);
    free(o);
}

static inline dn_status cuda_lower(on_cuda *o, const run_case *cases, int count) {
    o->lowered = dn_xcalloc((size_t)count, sizeof *o->lowered);
    for (; o->n < count; o->n++) {
        dn_kernels **kernels = &o->lowered[o->n];
        DN_TRY(dn_kernels_lower(cases[o->n].graph, &dn_nvptx_target, kernels));
        dn_kernels_plan(*kernels);
        dn_status status = dn_kernels_verify(*kernels);
        if (!status) continue;
        dn_kernels_free(*kernels);
        return status;
    }
    return DN_SUCCESS;
}

// A program whose entries are the cases, each with variables of its own.
static inline void cuda_program(on_cuda *o, const run_case *cases) {
    int n_vars = 0;
    for (int i = 0; i < o->n; i++) n_vars += cases[i].graph->n_vars;
    o->entries = dn_xcalloc((size_t)o->n, sizeof *o->entries);
    o->variables = dn_xcalloc((size_t)n_vars + 1, sizeof *o->variables);
    o->program = (dn_program){.name = "cases",
                              .source = "cases.dnet",
                              .entries = o->entries,
                              .n_entries = o->n,
                              .variables = o->variables};
    for (int i = 0; i < o->n; i++) {
        const dn_graph *g = cases[i].graph;
        o->entries[i] = entry_of(g, o->program.n_variables);
        for (int k = 0; k < g->n_vars; k++)
            o->variables[o->program.n_variables++] =
                (dn_variable){.name = g->vars[k].name,
                              .dtype = g->vars[k].type.dtype,
                              .shape = dn_type_shape(&g->vars[k].type)};
    }
}

static inline dn_status cuda_make(on_cuda *o, const run_case *cases, int count, int level) {
    dn_native_options options = {.level = level, .threads = 1};
    size_t size;
    DN_TRY(cuda_lower(o, cases, count));
    DN_TRY(dn_native_code_new((const dn_kernels *const *)o->lowered, count, &options, &o->code));
    o->launches = dn_xcalloc((size_t)(o->code->n_kernels + DN_CUDA_RANDOMS), sizeof *o->launches);
    DN_TRY(dn_cuda_emit(o->code, &options, &cuda_target, DN_FORM_ASSEMBLY, o->launches, &o->ptx,
                        &size));
    cuda_program(o, cases);
    o->module = (dn_cuda_module){
        .sm = cuda_target.sm, .specific = cuda_target.specific, .ptx = o->ptx, .ptx_bytes = size};
    o->table[0] = o->launches;
    o->cuda = (dn_cuda_code){.entries = o->code->entries,
                             .n_entries = count,
                             .modules = &o->module,
                             .n_modules = 1,
                             .kernels = o->table,
                             .n_kernels = o->code->n_kernels};
    return dn_cuda_open(&o->program, &o->cuda, 0, &o->device);
}

static inline dn_status cuda_compile(const run_case *cases, int count, dn_isa isa, int level,
                                     void **out) {
    on_cuda *o = dn_xcalloc(1, sizeof *o);
    (void)isa;
    dn_status status = cuda_make(o, cases, count, level);
    if (status)
        cuda_free(o);
    else
        *out = o;
    return status;
}

static inline dn_status cuda_settle(const dn_entry *entry, dn_tensor **vars, dn_tensor **outputs) {
    for (int i = 0; i < entry->n_outputs; i++) DN_TRY(dn_tensor_settle(outputs[i]));
    for (int i = 0; i < entry->n_vars; i++) DN_TRY(dn_tensor_settle(vars[i]));
    return DN_SUCCESS;
}

static inline dn_status cuda_run(void *compiled, int index, const run_case *c, int threads,
                                 dn_tensor *const *inputs, dn_tensor **vars, dn_tensor **outputs) {
    on_cuda *o = compiled;
    const dn_entry *entry = &o->entries[index];
    dn_native_call call = {entry, inputs, vars, outputs, c->seed, c->step};
    (void)threads;
    DN_TRY(dn_cuda_run(o->device, &call));
    dn_status status = cuda_settle(entry, vars, outputs);
    for (int i = 0; status && i < entry->n_outputs; i++) {
        dn_tensor_release(outputs[i]);
        outputs[i] = NULL;
    }
    return status;
}

static const backend cuda_backend = {"cuda", cuda_compile, cuda_run, cuda_free};

#endif
