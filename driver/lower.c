#include "driver/lower.h"

#include <stdlib.h>

#include "codegen/x86/x86.h"

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

static dn_status lower_unit(const dn_unit *unit, dn_kernels **out) {
    DN_TRY(dn_kernels_lower(unit->graph, &dn_x86_target, out));
    dn_kernels_plan(*out);
#ifndef NDEBUG
    return dn_kernels_verify(*out);
#else
    return DN_SUCCESS;
#endif
}

dn_status dn_lower_units(dn_compiler *compiler, const int *units, int n,
                         const dn_native_options *options, dn_lowered *out) {
    dn_native_options o = *options;
    o.place = place_of;
    o.place_context = compiler;
    o.main_file = compiler->main_file;
    *out = (dn_lowered){.kernels = dn_xcalloc((size_t)n + 1, sizeof(dn_kernels *))};
    for (; out->n < n; out->n++) {
        const dn_unit *unit = &compiler->units[units[out->n]];
        DN_TRY(dn_annotate(lower_unit(unit, &out->kernels[out->n]), "%s", unit->graph->name));
    }
    return dn_native_code_new((const dn_kernels *const *)out->kernels, n, &o, &out->code);
}

dn_status dn_lower_all(dn_compiler *compiler, const dn_native_options *options, dn_lowered *out) {
    int *units = dn_xcalloc((size_t)compiler->n_units + 1, sizeof *units);
    for (int i = 0; i < compiler->n_units; i++) units[i] = i;
    dn_status status = dn_lower_units(compiler, units, compiler->n_units, options, out);
    free(units);
    return status;
}

void dn_lowered_free(dn_lowered *lowered) {
    dn_native_code_free(lowered->code);
    for (int i = 0; i < lowered->n; i++) dn_kernels_free(lowered->kernels[i]);
    free(lowered->kernels);
}
