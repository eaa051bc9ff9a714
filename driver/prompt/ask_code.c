// Questions about what the compiler makes of an expression: graph, kernels, code, cost, memory.
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "codegen/cuda.h"
#include "codegen/kernel/report.h"
#include "codegen/x86/x86.h"
#include "driver/lower.h"
#include "driver/prompt/dot.h"
#include "driver/prompt/questions.h"
#include "frontend/layers.h"
#include "passes/pass.h"

// ---- graphs ----------------------------------------------------------------------------------

typedef struct graphs {
    const dn_graph **items;
    int n;
    dn_graph *own;  // a net's, which no entry has
} graphs;

static void free_graphs(graphs *g) {
    free(g->items);
    if (g->own) dn_graph_free(g->own);
}

// A net, model or fn by its name alone, with symbols for sizes.
static dn_status graph_of_bare(dn_session *s, dn_def *def, graphs *g) {
    g->own = dn_network_graph(s->compiler, def);
    dn_diags_clear(&s->compiler->diags);
    if (!g->own)
        return dn_with_hint(
            dn_fail(DN_INVALID, "what `%s` does depends on the sizes it is called with", def->name),
            "ask about a call: %s(...)", def->name);
    dn_pass_options options = s->compiler->pass_options;
    DN_TRY(dn_passes_run(&g->own, &options));
    g->items = dn_xcalloc(1, sizeof *g->items);
    g->items[g->n++] = g->own;
    return DN_SUCCESS;
}

static dn_status graphs_of(dn_session *s, const char *text, graphs *g) {
    *g = (graphs){0};
    dn_def *bare = dn_bare_function(s, text);
    if (bare) return graph_of_bare(s, bare, g);
    int *units;
    DN_TRY(dn_entries_of(s, text, &units, &g->n));
    g->items = dn_xcalloc((size_t)g->n + 1, sizeof *g->items);
    for (int i = 0; i < g->n; i++) g->items[i] = s->compiler->units[units[i]].graph;
    free(units);
    return DN_SUCCESS;
}

typedef void print_graph(const dn_graph *graph, dn_str *out);

static dn_status print_graphs(dn_session *s, const char *argument, print_graph *print) {
    graphs g;
    dn_str text = {0};
    dn_status status = graphs_of(s, argument, &g);
    for (int i = 0; i < g.n && !status; i++) print(g.items[i], &text);
    free_graphs(&g);
    dn_session_print(&text);
    return status;
}

// "FILE e"
static dn_status draw(dn_session *s, const char *argument) {
    size_t length = strcspn(argument, " \t");
    const char *expression = argument + length + strspn(argument + length, " \t");
    if (!*expression)
        return dn_with_hint(dn_fail(DN_INVALID, ":graph --svg takes a file and an expression"),
                            ":graph --svg loss.svg mse(M(x), y)");
    graphs g;
    char *path = dn_strndup(argument, length);
    dn_status status = graphs_of(s, expression, &g);
    if (g.n && !status) status = dn_graph_svg(g.items[0], path);
    if (g.n && !status) printf("wrote %s\n", path);
    free(path);
    free_graphs(&g);
    return status;
}

dn_status dn_ask_graph(dn_session *s, const char *argument) {
    if (strncmp(argument, "--dot ", 6) == 0) return print_graphs(s, argument + 6, dn_graph_dot);
    if (strncmp(argument, "--svg ", 6) == 0) return draw(s, argument + 6);
    return print_graphs(s, argument, dn_graph_print);
}

// ---- kernels and code ------------------------------------------------------------------------

typedef dn_status print_lowered(dn_session *s, const int *units, dn_lowered *lowered,
                                const dn_native_options *options, dn_str *out);

static dn_status with_lowered(dn_session *s, const char *argument, const dn_target *target,
                              print_lowered *print) {
    int *units, n;
    DN_TRY(dn_entries_of(s, argument, &units, &n));
    dn_native_options options = {.level = s->backend.level};
    options.isa[dn_isa_here()] = true;
    dn_lowered lowered = {0};
    dn_str text = {0};
    dn_status status = DN_SUCCESS;
    if (n) status = dn_lower_units(s->compiler, target, units, n, &options, &lowered);
    if (n && !status) status = print(s, units, &lowered, &options, &text);
    if (n) dn_lowered_free(&lowered);
    free(units);
    dn_session_print(&text);
    return status;
}

static dn_status print_kernels(dn_session *s, const int *units, dn_lowered *lowered,
                               const dn_native_options *options, dn_str *out) {
    (void)units;
    (void)options;
    dn_places places = dn_compiler_places(s->compiler);
    for (int i = 0; i < lowered->n; i++) dn_kernels_print_at(lowered->kernels[i], &places, out);
    return DN_SUCCESS;
}

dn_status dn_ask_kernel(dn_session *s, const char *argument) {
    return with_lowered(s, argument, &dn_x86_target, print_kernels);
}

static dn_status print_assembly(dn_session *s, const int *units, dn_lowered *lowered,
                                const dn_native_options *options, dn_str *out) {
    (void)s;
    (void)units;
    char *text;
    size_t size;
    DN_TRY(dn_native_emit(lowered->code, options, dn_isa_here(), DN_FORM_ASSEMBLY, &text, &size));
    dn_str_append(out, text, size);
    free(text);
    return DN_SUCCESS;
}

dn_status dn_ask_asm(dn_session *s, const char *argument) {
    return with_lowered(s, argument, &dn_x86_target, print_assembly);
}

// The GPU's where one is used, else what `dnetc -target cuda` makes code for.
static dn_status ptx_target(const dn_backend *backend, dn_nvptx *out) {
    if (backend->gpu) {
        *out = *dn_gpu_target(backend->gpu);
        return DN_SUCCESS;
    }
    DN_TRY(dn_nvptx_parse("cuda", out));
    out->units = backend->units;
    return DN_SUCCESS;
}

static dn_status print_ptx(dn_session *s, const int *units, dn_lowered *lowered,
                           const dn_native_options *options, dn_str *out) {
    (void)units;
    dn_nvptx target;
    char *text;
    size_t size;
    DN_TRY(ptx_target(&s->backend, &target));
    DN_TRY(dn_cuda_emit(lowered->code, options, &target, DN_FORM_ASSEMBLY, NULL, &text, &size));
    dn_str_puts(out, text);
    free(text);
    return DN_SUCCESS;
}

dn_status dn_ask_ptx(dn_session *s, const char *argument) {
    return with_lowered(s, argument, &dn_nvptx_target, print_ptx);
}

// ---- reports ---------------------------------------------------------------------------------

static void print_report(dn_session *s, int unit, dn_kernel_report *report, bool memory,
                         dn_str *out) {
    const dn_compiler *c = s->compiler;
    const dn_entry *entry = &c->units[unit].entry;
    dn_variable_kind *kinds = dn_xcalloc((size_t)entry->n_vars + 1, sizeof *kinds);
    for (int i = 0; i < entry->n_vars; i++) kinds[i] = c->vars[entry->vars[i]]->kind;
    report->kinds = kinds;
    if (memory)
        dn_report_memory(report, out);
    else
        dn_report_cost(report, out);
    free(kinds);
}

static dn_status print_reports(dn_session *s, const int *units, const dn_lowered *lowered,
                               bool memory, dn_str *out) {
    dn_places places = dn_compiler_places(s->compiler);
    dn_machine machine = {0};
    if (!memory) {
        if (!s->backend.pool) DN_TRY(dn_pool_new(s->backend.threads, &s->backend.pool));
        DN_TRY(dn_machine_measure(s->backend.pool, &machine));
    }
    for (int i = 0; i < lowered->n; i++) {
        dn_kernel_report report = {
            .kernels = lowered->kernels[i], .places = &places, .machine = machine};
        print_report(s, units[i], &report, memory, out);
    }
    return DN_SUCCESS;
}

static dn_status print_cost(dn_session *s, const int *units, dn_lowered *lowered,
                            const dn_native_options *options, dn_str *out) {
    (void)options;
    return print_reports(s, units, lowered, false, out);
}

static dn_status print_memory(dn_session *s, const int *units, dn_lowered *lowered,
                              const dn_native_options *options, dn_str *out) {
    (void)options;
    return print_reports(s, units, lowered, true, out);
}

dn_status dn_ask_cost(dn_session *s, const char *argument) {
    return with_lowered(s, argument, &dn_x86_target, print_cost);
}

dn_status dn_ask_memory(dn_session *s, const char *argument) {
    return with_lowered(s, argument, &dn_x86_target, print_memory);
}
