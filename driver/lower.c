#include "driver/lower.h"

#include <stdlib.h>
#include <string.h>

static bool place_of(void *context, dn_span span, const char **path, int *line, int *column) {
    dn_compiler *compiler = context;
    if (span.file == 0) return false;
    dn_place place = dn_sources_place(&compiler->sources, span);
    *path = place.path;
    *line = place.line;
    *column = place.column;
    return true;
}

dn_places dn_compiler_places(dn_compiler *compiler) {
    return (dn_places){.place = place_of, .context = compiler};
}

// Of the entries that cannot be made to fit, the one that needs most is told about.
static dn_status fit(dn_compiler *compiler, const int *units, dn_lowered *lowered) {
    dn_status failure = DN_SUCCESS;
    int64_t most = -1;
    for (int i = 0; i < lowered->n && compiler->max_memory; i++) {
        const dn_unit *unit = &compiler->units[units[i]];
        dn_status status = dn_fit_unit(compiler, unit, lowered->kernels[i], &lowered->fits[i]);
        bool is_worse = status && lowered->fits[i].after > most;
        dn_status_free(is_worse ? failure : status);
        if (!is_worse) continue;
        failure = status;
        most = lowered->fits[i].after;
    }
    return failure;
}

// Says how long a stage took, and prints the kernels after it, where that was asked for.
static void tell(dn_compiler *compiler, const char *stage, const dn_kernels *kernels,
                 double begun) {
    const dn_pass_options *options = &compiler->pass_options;
    const char *after = options->print_after;
    if (options->time)
        fprintf(options->out, "%-12s %8.3f ms  %6d nodes in %6d kernels\n", stage,
                1e3 * (dn_pass_clock() - begun), kernels->graph->n_nodes, kernels->n);
    if (!after || (strcmp(after, "all") != 0 && strcmp(after, stage) != 0)) return;
    dn_places places = dn_compiler_places(compiler);
    dn_str text = {0};
    dn_kernels_print_at(kernels, &places, &text);
    fprintf(options->out, "; after %s\n%s", stage, text.text);
    free(text.text);
}

static dn_status lower_unit(dn_compiler *compiler, const dn_target *target, const dn_unit *unit,
                            bool keep_constants, dn_kernels **out) {
    const dn_graph *graph = unit->graph;
    double begun = dn_pass_clock();
    DN_TRY(dn_annotate(dn_kernels_lower(graph, target, out), "%s", graph->name));
    tell(compiler, "fuse", *out, begun);
    begun = dn_pass_clock();
    if (unit->exported && keep_constants) dn_kernels_keep_constants(*out);
    dn_kernels_plan(*out);
    tell(compiler, "plan", *out, begun);
    return DN_SUCCESS;
}

static dn_status check(const dn_lowered *lowered) {
    dn_status status = DN_SUCCESS;
#ifndef NDEBUG
    for (int i = 0; i < lowered->n && !status; i++) status = dn_kernels_verify(lowered->kernels[i]);
#else
    (void)lowered;
#endif
    return status;
}

dn_status dn_lower_units(dn_compiler *compiler, const dn_target *target, const int *units, int n,
                         const dn_native_options *options, dn_lowered *out) {
    dn_native_options o = *options;
    o.place = place_of;
    o.place_context = compiler;
    o.main_file = compiler->main_file;
    *out = (dn_lowered){.kernels = dn_xcalloc((size_t)n + 1, sizeof *out->kernels),
                        .fits = dn_xcalloc((size_t)n + 1, sizeof *out->fits)};
    for (; out->n < n; out->n++) {
        const dn_unit *unit = &compiler->units[units[out->n]];
        // What is kept takes memory.
        bool keep = options->keep_constants && !compiler->max_memory;
        DN_TRY(lower_unit(compiler, target, unit, keep, &out->kernels[out->n]));
    }
    DN_TRY(fit(compiler, units, out));
    DN_TRY(check(out));
    return dn_native_code_new((const dn_kernels *const *)out->kernels, n, &o, &out->code);
}

dn_status dn_lower_all(dn_compiler *compiler, const dn_target *target,
                       const dn_native_options *options, dn_lowered *out) {
    int *units = dn_xcalloc((size_t)compiler->n_units + 1, sizeof *units);
    for (int i = 0; i < compiler->n_units; i++) units[i] = i;
    dn_status status = dn_lower_units(compiler, target, units, compiler->n_units, options, out);
    free(units);
    for (int i = 0; i < out->n && !status; i++)
        dn_fit_print(compiler->units[i].graph->name, &out->fits[i], stderr);
    return status;
}

void dn_lowered_free(dn_lowered *lowered) {
    dn_native_code_free(lowered->code);
    for (int i = 0; i < lowered->n; i++) dn_kernels_free(lowered->kernels[i]);
    free(lowered->kernels);
    free(lowered->fits);
}
