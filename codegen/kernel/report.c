// Tables about an entry for people.
#include "codegen/kernel/report.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "codegen/kernel/access.h"
#include "runtime/native/cost.h"

static const double MIB = 1 << 20;

// "gan.dnet:31", or "-".
static const char *place_of(dn_arena *arena, const dn_kernel_report *report, dn_span span) {
    const char *path;
    int line, column;
    const dn_places *places = report->places;
    bool known = places && places->place(places->context, span, &path, &line, &column);
    return known ? dn_arena_printf(arena, "%s:%d", path, line) : "-";
}

// ---- memory: sums ---------------------------------------------------------------------------

static int64_t type_bytes(const dn_type *type) {
    dn_shape shape = dn_type_shape(type);
    return dn_shape_elements(&shape) * (int64_t)dn_dtype_size(type->dtype);
}

static int64_t values_bytes(const dn_graph_value *values, int n) {
    int64_t bytes = 0;
    for (int i = 0; i < n; i++) bytes += type_bytes(&values[i].node->type);
    return bytes;
}

static int64_t variables_bytes(const dn_kernel_report *report, dn_variable_kind kind) {
    int64_t bytes = 0;
    for (int i = 0; i < report->kernels->graph->n_vars; i++)
        if (report->kinds[i] == kind) bytes += type_bytes(&report->kernels->graph->vars[i].type);
    return bytes;
}

static void print_sum(dn_str *out, const char *what, int64_t bytes) {
    dn_str_printf(out, "  %-16s %12.3f MiB  %14lld bytes\n", what, (double)bytes / MIB,
                  (long long)bytes);
}

static void print_sums(const dn_kernel_report *report, dn_str *out) {
    const dn_graph *graph = report->kernels->graph;
    const struct {
        const char *name;
        int64_t bytes;
    } sums[] = {{"parameters", variables_bytes(report, DN_VARIABLE_PARAM)},
                {"state", variables_bytes(report, DN_VARIABLE_STATE)},
                {"optimizer slots", variables_bytes(report, DN_VARIABLE_SLOT)},
                {"inputs", values_bytes(graph->inputs, graph->n_inputs)},
                {"outputs", values_bytes(graph->outputs, graph->n_outputs)},
                {"activations", report->kernels->arena_bytes}};
    int64_t total = 0;
    for (size_t i = 0; i < sizeof sums / sizeof *sums; i++) {
        print_sum(out, sums[i].name, sums[i].bytes);
        total += sums[i].bytes;
    }
    print_sum(out, "total", total);
}

// ---- memory: the fullest moment -------------------------------------------------------------

// The TEMP buffers that hold something at a kernel, largest first. Of two in one place (one takes
// over from the other) only the first counts.
static int alive_at(const dn_kernels *kernels, int at, const dn_buffer **out) {
    int n = 0;
    for (int i = 0; i < kernels->n_buffers; i++) {
        const dn_buffer *buffer = &kernels->buffers[i];
        bool alive = buffer->kind == DN_BUFFER_TEMP && buffer->first >= 0 && buffer->first <= at &&
                     at <= buffer->last && buffer->count > 0;
        if (!alive) continue;
        int place = n;
        while (place > 0 && dn_buffer_bytes(out[place - 1]) < dn_buffer_bytes(buffer)) place--;
        memmove(&out[place + 1], &out[place], (size_t)(n - place) * sizeof *out);
        out[place] = buffer;
        n++;
    }
    int kept = 0;
    for (int i = 0; i < n; i++) {
        bool again = false;
        for (int k = 0; k < kept; k++) again = again || out[k]->offset == out[i]->offset;
        if (!again) out[kept++] = out[i];
    }
    return kept;
}

static int64_t sum_bytes(const dn_buffer *const *buffers, int n) {
    int64_t bytes = 0;
    for (int i = 0; i < n; i++) bytes += dn_buffer_bytes(buffers[i]);
    return bytes;
}

int dn_report_fullest(const dn_kernels *kernels, const dn_buffer **out, int *fullest) {
    int64_t most = 0;
    *fullest = -1;
    for (int k = 0; k < kernels->n; k++) {
        int64_t bytes = sum_bytes(out, alive_at(kernels, k, out));
        if (bytes <= most) continue;
        most = bytes;
        *fullest = k;
    }
    return *fullest < 0 ? 0 : alive_at(kernels, *fullest, out);
}

// It is what the kernels of a contraction keep between them.
static bool is_scratch(const dn_kernels *kernels, const dn_buffer *buffer) {
    for (int i = 0; i < kernels->n; i++) {
        const dn_kernel *kernel = kernels->list[i];
        int scratch = dn_kernel_scratch(kernel);
        if (scratch >= 0 && &kernels->buffers[kernel->args[scratch]] == buffer) return true;
    }
    return false;
}

const char *dn_report_describe(dn_arena *arena, const dn_kernels *kernels,
                               const dn_buffer *buffer) {
    const dn_node *node = buffer->node;
    if (!node) return "packed copy";
    bool copy = node->op == DN_OP_VAR || node->op == DN_OP_INPUT;
    dn_str type = {0};
    dn_type_print(kernels->graph->dims, &node->type, &type);
    const char *text = dn_arena_printf(arena, "%s%s %s",
                                       copy                          ? "copy of "
                                       : is_scratch(kernels, buffer) ? "inside "
                                                                     : "",
                                       dn_op_get(node->op)->name, type.text);
    free(type.text);
    return text;
}

static void print_alive(dn_arena *arena, const dn_kernel_report *report,
                        const dn_buffer *const *alive, int n, dn_str *out) {
    const char **what = DN_NEW_ARRAY(arena, const char *, n);
    int width = 4;
    for (int i = 0; i < n; i++) {
        what[i] = dn_report_describe(arena, report->kernels, alive[i]);
        if ((int)strlen(what[i]) > width) width = (int)strlen(what[i]);
    }
    dn_str_printf(out, "  %12s  %6s  %-*s  %s\n", "MiB", "share", width, "what", "line");
    double total = (double)sum_bytes(alive, n);
    for (int i = 0; i < n; i++) {
        double bytes = (double)dn_buffer_bytes(alive[i]);
        const dn_node *node = alive[i]->node;
        dn_str_printf(out, "  %12.3f  %5.1f%%  %-*s  %s\n", bytes / MIB, 100 * bytes / total, width,
                      what[i], node ? place_of(arena, report, node->span) : "-");
    }
}

void dn_report_memory(const dn_kernel_report *report, dn_str *out) {
    const dn_kernels *kernels = report->kernels;
    dn_arena arena = {0};
    const dn_buffer **alive = DN_NEW_ARRAY(&arena, const dn_buffer *, kernels->n_buffers + 1);
    dn_str_printf(out, "memory of %s\n", kernels->graph->name);
    print_sums(report, out);
    int fullest, n = dn_report_fullest(kernels, alive, &fullest);
    if (fullest >= 0) {
        const dn_kernel *kernel = kernels->list[fullest];
        dn_str_printf(out, "\nactivations are most at kernel %d, %s (%s): %.3f MiB\n", fullest,
                      kernel->name, place_of(&arena, report, kernel->span),
                      (double)sum_bytes(alive, n) / MIB);
        print_alive(&arena, report, alive, n, out);
    }
    dn_arena_free(&arena);
}

// ---- cost -----------------------------------------------------------------------------------

void dn_report_cost(const dn_kernel_report *report, dn_str *out) {
    int n = report->kernels->n;
    dn_arena arena = {0};
    dn_cost *costs = DN_NEW_ARRAY(&arena, dn_cost, n);
    for (int i = 0; i < n; i++) {
        const dn_kernel *kernel = report->kernels->list[i];
        costs[i] = (dn_cost){.name = kernel->name,
                             .line = place_of(&arena, report, kernel->span),
                             .flops = kernel->flops,
                             .bytes = kernel->bytes,
                             .contracts = dn_kernel_contracts_f32(kernel)};
        if (report->times) costs[i].taken = report->times[i];
    }
    const char *head = dn_arena_printf(&arena, "cost of %s", report->kernels->graph->name);
    dn_cost_print(head, &report->machine, costs, n, report->times != NULL, out);
    dn_arena_free(&arena);
}
