// Ways to evaluate graphs: the interpreter, and native x86 code for AVX2 and AVX-512.
#ifndef DN_TESTS_NATIVE_BACKEND_H
#define DN_TESTS_NATIVE_BACKEND_H

#include "codegen/native.h"
#include "codegen/x86/x86.h"
#include "tests/native/compare.h"

typedef struct backend {
    const char *name;
    // Makes code for several cases at a time.
    dn_status (*compile)(const run_case *cases, int n, dn_isa isa, int level, void **out);
    // vars are replaced by their new values; the caller owns outputs.
    dn_status (*run)(void *compiled, int index, const run_case *c, int threads,
                     dn_tensor *const *inputs, dn_tensor **vars, dn_tensor **outputs);
    void (*free)(void *compiled);
} backend;

enum { MOST_THREADS = 3 };

// What a test changes about kernels before their memory is planned; NULL: nothing.
static void (*native_change)(dn_kernels *kernels);

// Which target kernels are lowered for.
static const dn_target *native_target = &dn_x86_target;

// ---- the interpreter ------------------------------------------------------------------------

static inline dn_status interpret(const run_case *c, dn_tensor *const *inputs, dn_tensor **vars,
                                  dn_tensor **outputs) {
    dn_interp *interp = NULL;
    DN_TRY(dn_interp_new(c->graph, &interp));
    dn_interp_args args = {
        .inputs = inputs, .vars = vars, .outputs = outputs, .seed = c->seed, .step = c->step};
    dn_status status = dn_interp_run(interp, NULL, &args, NULL);
    dn_interp_free(interp);
    return status;
}

// ---- native code ----------------------------------------------------------------------------

typedef struct native {
    dn_kernels **lowered;
    int n;
    dn_native_code *code;
    dn_jit *jit;
    dn_pool *pools[MOST_THREADS + 1];  // by threads
    dn_native_runner *runners[MOST_THREADS + 1];
} native;

static inline void native_free(void *compiled) {
    native *n = compiled;
    for (int t = 1; t <= MOST_THREADS; t++) {
        dn_native_runner_free(n->runners[t]);
        dn_pool_free(n->pools[t]);
    }
    dn_jit_free(n->jit);
    if (n->code) dn_native_code_free(n->code);
    for (int i = 0; i < n->n; i++) dn_kernels_free(n->lowered[i]);
    free(n->lowered);
    free(n);
}

// The kernels of `count` cases: lowered[0] to lowered[*n - 1], also after a failure.
static inline dn_status lower_cases(const run_case *cases, int count, const dn_target *target,
                                    dn_kernels **lowered, int *n) {
    for (*n = 0; *n < count; ++*n) {
        dn_kernels **kernels = &lowered[*n];
        DN_TRY(dn_kernels_lower(cases[*n].graph, target, kernels));
        if (native_change) native_change(*kernels);
        dn_kernels_plan(*kernels);
        dn_status status = dn_kernels_verify(*kernels);
        if (!status) continue;
        dn_kernels_free(*kernels);
        return status;
    }
    return DN_SUCCESS;
}

// For this instruction set, and dn_isa_here() says afterwards what it said before.
static inline dn_status native_jit(native *n, const dn_native_options *options, dn_isa isa) {
    const char *set = getenv("DNET_ISA");
    char *before = set ? dn_strdup(set) : NULL;
    setenv("DNET_ISA", dn_isa_name(isa), 1);
    dn_status status = dn_jit_new(n->code, options, &n->jit);
    if (before)
        setenv("DNET_ISA", before, 1);
    else
        unsetenv("DNET_ISA");
    free(before);
    return status;
}

static inline dn_status native_make(native *n, const run_case *cases, int count, dn_isa isa,
                                    int level) {
    dn_native_options options = {.level = level, .isa = {[DN_ISA_AVX2] = true}, .threads = 1};
    options.isa[isa] = true;
    n->lowered = dn_xcalloc((size_t)count, sizeof *n->lowered);
    DN_TRY(lower_cases(cases, count, native_target, n->lowered, &n->n));
    DN_TRY(dn_native_code_new((const dn_kernels *const *)n->lowered, count, &options, &n->code));
    DN_TRY(native_jit(n, &options, isa));
    for (int t = 1; t <= MOST_THREADS; t++) {
        DN_TRY(dn_pool_new(t, &n->pools[t]));
        DN_TRY(dn_native_runner_new(n->pools[t], &n->runners[t]));
        dn_native_runner_poison(n->runners[t]);
    }
    return DN_SUCCESS;
}

static inline dn_status native_compile(const run_case *cases, int count, dn_isa isa, int level,
                                       void **out) {
    native *n = dn_xcalloc(1, sizeof *n);
    dn_status status = native_make(n, cases, count, isa, level);
    if (status)
        native_free(n);
    else
        *out = n;
    return status;
}

static inline dn_field field_of(const char *name, const dn_type *type) {
    return (dn_field){.name = name, .dtype = type->dtype, .shape = dn_type_shape(type)};
}

// A graph as an entry whose variables are the program's from `first_var` on; free_entry frees it.
static inline dn_entry entry_of(const dn_graph *g, int first_var) {
    dn_field *fields = dn_xcalloc((size_t)(g->n_inputs + g->n_outputs) + 1, sizeof *fields);
    int *places = dn_xcalloc((size_t)g->n_vars + 1, sizeof *places);
    for (int i = 0; i < g->n_inputs; i++)
        fields[i] = field_of(g->inputs[i].name, &g->inputs[i].node->type);
    for (int i = 0; i < g->n_outputs; i++)
        fields[g->n_inputs + i] = field_of(g->outputs[i].name, &g->outputs[i].node->type);
    for (int i = 0; i < g->n_vars; i++) places[i] = first_var + i;
    return (dn_entry){.name = g->name,
                      .n_inputs = g->n_inputs,
                      .n_outputs = g->n_outputs,
                      .n_vars = g->n_vars,
                      .inputs = fields,
                      .outputs = fields + g->n_inputs,
                      .record = true,
                      .vars = places};
}

static inline void free_entry(dn_entry *entry) {
    free((void *)entry->inputs);
    free((void *)entry->vars);
}

static inline dn_status native_run(void *compiled, int index, const run_case *c, int threads,
                                   dn_tensor *const *inputs, dn_tensor **vars,
                                   dn_tensor **outputs) {
    native *n = compiled;
    dn_entry entry = entry_of(c->graph, 0);
    int launch = -1;
    dn_status status =
        dn_native_run(n->runners[threads], &n->code->entries[index], dn_jit_kernels(n->jit),
                      &(dn_native_call){&entry, inputs, vars, outputs, c->seed, c->step}, &launch);
    free_entry(&entry);
    return status;
}

static const backend native_backend = {"native", native_compile, native_run, native_free};

#endif
