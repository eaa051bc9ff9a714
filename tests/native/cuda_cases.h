// Graphs compiled for a GPU together: a program whose entries they are.
#ifndef DN_TESTS_NATIVE_CUDA_CASES_H
#define DN_TESTS_NATIVE_CUDA_CASES_H

#include "codegen/cuda.h"
#include "tests/native/backend.h"

typedef struct cuda_cases {
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
} cuda_cases;

// What a test compiles for.
static dn_nvptx cuda_target = {.sm = 80, .units = DN_MATRIX_F32};

// Also after a failure.
static inline void cuda_cases_free(cuda_cases *o) {
    dn_native_code_free(o->code);
    for (int i = 0; i < o->n; i++) dn_kernels_free(o->lowered[i]);
    for (int i = 0; o->entries && i < o->n; i++) free_entry(&o->entries[i]);
    free(o->lowered);
    free(o->launches);
    free(o->ptx);
    free(o->entries);
    free(o->variables);
}

// A program whose entries are the cases, each with variables of its own.
static inline void cuda_program(cuda_cases *o, const run_case *cases) {
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

static inline dn_status cuda_cases_make(cuda_cases *o, const run_case *cases, int count,
                                        int level) {
    dn_native_options options = {.level = level, .threads = 1};
    size_t size;
    *o = (cuda_cases){0};
    o->lowered = dn_xcalloc((size_t)count, sizeof *o->lowered);
    DN_TRY(lower_cases(cases, count, &dn_nvptx_target, o->lowered, &o->n));
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
    return DN_SUCCESS;
}

#endif
