#include "driver/fit.h"

#include <ctype.h>
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "codegen/kernel/access.h"
#include "codegen/kernel/report.h"
#include "codegen/nvptx/nvptx.h"
#include "driver/lower.h"
#include "runtime/cuda/layout.h"
#include "runtime/data/dataset.h"
#include "runtime/native/scratch.h"

enum { MOST_LISTED = 6, LEAST_SHARE = 64 };

// ---- sizes as text ----

int64_t dn_read_size(const char *text) {
    char *end;
    errno = 0;
    long long number = isdigit((unsigned char)*text) ? strtoll(text, &end, 10) : 0;
    if (number <= 0 || errno) return 0;
    static const char units[] = "KMG";
    const char *unit = *end ? strchr(units, *end) : NULL;
    int shift = unit ? 10 * (int)(unit - units + 1) : 0;
    if (end[0] && (!unit || end[1])) return 0;
    return number > INT64_MAX >> shift ? 0 : (int64_t)number << shift;
}

static char *limit_text(int64_t bytes) {
    static const char units[] = "KMG";
    for (int i = 2; i >= 0; i--) {
        int64_t unit = (int64_t)1 << 10 * (i + 1);
        if (bytes % unit == 0) return dn_printf("%lld%c", (long long)(bytes / unit), units[i]);
    }
    return dn_printf("%lld", (long long)bytes);
}

// "374.2 MiB", of little "93.4 KiB"; rounded up, so that so much is enough.
typedef struct sized_text {
    char text[32];
} sized_text;

static sized_text sized(int64_t bytes) {
    sized_text out;
    bool small = bytes < 10 << 20;
    double tenths = ceil((double)bytes * 10 / (small ? 1 << 10 : 1 << 20));
    snprintf(out.text, sizeof out.text, "%.1f %s", tenths / 10, small ? "KiB" : "MiB");
    return out;
}

// ---- what there is besides the arena ----

static int64_t fields_bytes(const dn_field *fields, int n) {
    int64_t bytes = 0;
    for (int i = 0; i < n; i++) bytes += dn_elements_bytes(fields[i].dtype, &fields[i].shape);
    return bytes;
}

static int64_t variables_bytes(const dn_compiler *c) {
    int64_t bytes = 0;
    for (int i = 0; i < c->n_vars; i++) {
        dn_shape shape = dn_type_shape(&c->vars[i]->type);
        bytes += dn_elements_bytes(c->vars[i]->type.dtype, &shape);
    }
    return bytes;
}

static int64_t buffers_bytes(const dn_compiler *c) {
    int64_t inputs = 0, outputs = 0;
    for (int i = 0; i < c->n_units; i++) {
        const dn_entry *entry = &c->units[i].entry;
        int64_t takes = fields_bytes(entry->inputs, entry->n_inputs);
        int64_t gives = c->units[i].is_init ? 0 : fields_bytes(entry->outputs, entry->n_outputs);
        if (takes > inputs) inputs = takes;
        if (gives > outputs) outputs = gives;
    }
    return (DN_DATA_AHEAD + 1) * inputs + outputs;
}

// What a program holds besides its arena, and what an arena's bytes are rounded up to.
typedef struct room {
    int64_t variables, buffers, page;
    const char *where;  // behind what is told about it
} room;

// On a GPU: of its memory, as it is allocated.
static room device_room(dn_compiler *c) {
    const dn_program *program = dn_compiler_program(c);
    dn_cuda_code code = {0};
    dn_cuda_memory m;
    dn_cuda_memory_of(program, &code, &m);
    return (room){m.variables, m.device - m.variables, DN_CUDA_ALIGN, " on the GPU"};
}

static room room_of(dn_compiler *c, const dn_kernels *kernels) {
    if (kernels->target == &dn_nvptx_target) return device_room(c);
    return (room){variables_bytes(c), buffers_bytes(c), (int64_t)dn_scratch_size(1), ""};
}

static int64_t arena_in(const room *r, int64_t bytes) {
    return (bytes + r->page - 1) / r->page * r->page;
}

// ---- too large ----

// "gan.dnet:31", or "-".
static const char *line_of(dn_arena *arena, const dn_places *places, dn_span span) {
    const char *path;
    int line, column;
    bool known = places->place(places->context, span, &path, &line, &column);
    return known ? dn_arena_printf(arena, "%s:%d", path, line) : "-";
}

static void print_holders(dn_compiler *c, const dn_kernels *kernels, dn_str *out) {
    dn_arena arena = {0};
    dn_places places = dn_compiler_places(c);
    const dn_buffer **alive = DN_NEW_ARRAY(&arena, const dn_buffer *, kernels->n_buffers + 1);
    int fullest, n = dn_report_fullest(kernels, alive, &fullest);
    if (n)
        dn_str_printf(out, "\nthe rest is most at %s, which needs",
                      line_of(&arena, &places, kernels->list[fullest]->span));
    int listed = 0;
    for (; listed < n && listed < MOST_LISTED; listed++) {
        const dn_buffer *b = alive[listed];
        if (dn_buffer_bytes(b) < dn_buffer_bytes(alive[0]) / LEAST_SHARE) break;
        dn_str_printf(out, "\n  %12s  %s", sized(dn_buffer_bytes(b)).text,
                      dn_report_describe(&arena, kernels, b));
        if (b->node && b->node->span.file)
            dn_str_printf(out, " from %s", line_of(&arena, &places, b->node->span));
    }
    if (listed < n) dn_str_printf(out, "\n  and %d smaller ones", n - listed);
    dn_arena_free(&arena);
}

static dn_status too_large_without(const dn_compiler *c, const room *r) {
    char *limit = limit_text(c->max_memory);
    dn_status status = dn_fail(DN_INVALID,
                               "variables take %s%s, data buffers and results %s: no room for "
                               "anything else in --max-memory=%s",
                               sized(r->variables).text, r->where, sized(r->buffers).text, limit);
    free(limit);
    return status;
}

static dn_status too_large(dn_compiler *c, const dn_unit *unit, const room *r, int64_t needed,
                           const dn_kernels *kernels) {
    char *limit = limit_text(c->max_memory);
    dn_str note = {0};
    dn_str_printf(&note, "variables take %s, data buffers and results %s", sized(r->variables).text,
                  sized(r->buffers).text);
    print_holders(c, kernels, &note);
    dn_status status =
        dn_fail(DN_INVALID, "%s needs %s%s, more than --max-memory=%s, even if it recomputes",
                unit->graph->name, sized(needed).text, r->where, limit);
    status = dn_with_note(status, "%s", note.text);
    free(note.text);
    free(limit);
    return dn_with_hint(status,
                        "smaller batches need less: where the program has a const for "
                        "their size, as -D batch=16");
}

// ---- the whole ----

dn_status dn_fit_unit(dn_compiler *c, const dn_unit *unit, dn_kernels *kernels, dn_fit *out) {
    room r = room_of(c, kernels);
    int64_t fixed = r.variables + r.buffers;
    out->where = r.where;
    out->after = fixed;
    if (fixed > c->max_memory) return too_large_without(c, &r);
    int64_t budget = (c->max_memory - fixed) / r.page * r.page;
    bool fits = dn_kernels_fit(kernels, budget, &out->change);
    out->before = fixed + arena_in(&r, out->change.before);
    out->after = fixed + arena_in(&r, out->change.after);
    return fits ? DN_SUCCESS : too_large(c, unit, &r, out->after, kernels);
}

void dn_fit_print(const char *name, const dn_fit *fit, FILE *to) {
    const dn_recompute *change = &fit->change;
    if (fit->after == fit->before) return;
    fprintf(to, "%s%s: %s fit into %s ", name, fit->where, sized(fit->before).text,
            sized(fit->after).text);
    if (change->kernels <= 0 && change->more <= 0)
        fprintf(to, "in another order of kernels\n");
    else
        fprintf(to, "by recomputing %d kernel%s: %.1f%% more FLOPs\n", change->kernels,
                change->kernels == 1 ? "" : "s",
                change->flops > 0 ? 100 * change->more / change->flops : 0);
}
