// Tables about an entry for people.
#include "codegen/kernel/report.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "codegen/kernel/access.h"

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

// "conv f32[64, 14, 14, 64]". A copy of a variable or argument is one that was packed.
static const char *describe(dn_arena *arena, const dn_kernel_report *report,
                            const dn_buffer *buffer) {
    const dn_node *node = buffer->node;
    if (!node) return "packed copy";
    bool copy = node->op == DN_OP_VAR || node->op == DN_OP_INPUT;
    dn_str type = {0};
    dn_type_print(report->kernels->graph->dims, &node->type, &type);
    const char *text = dn_arena_printf(arena, "%s%s %s", copy ? "copy of " : "",
                                       dn_op_get(node->op)->name, type.text);
    free(type.text);
    return text;
}

static void print_alive(dn_arena *arena, const dn_kernel_report *report,
                        const dn_buffer *const *alive, int n, dn_str *out) {
    const char **what = DN_NEW_ARRAY(arena, const char *, n);
    int width = 4;
    for (int i = 0; i < n; i++) {
        what[i] = describe(arena, report, alive[i]);
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
    int fullest = -1;
    int64_t most = 0;
    for (int k = 0; k < kernels->n; k++) {
        int64_t bytes = sum_bytes(alive, alive_at(kernels, k, alive));
        if (bytes <= most) continue;
        most = bytes;
        fullest = k;
    }
    if (fullest >= 0) {
        const dn_kernel *kernel = kernels->list[fullest];
        dn_str_printf(out, "\nactivations are most at kernel %d, %s (%s): %.3f MiB\n", fullest,
                      kernel->name, place_of(&arena, report, kernel->span), (double)most / MIB);
        print_alive(&arena, report, alive, alive_at(kernels, fullest, alive), out);
    }
    dn_arena_free(&arena);
}

// ---- cost -----------------------------------------------------------------------------------

typedef struct row {
    int number;  // of the kernel, or how many of a line
    const char *name, *line;
    double flops, bytes, predicted, measured;  // a run
    double longest;                            // of a line's kernels, predicted
} row;

static double ratio(double a, double b) { return b > 0 ? a / b : 0; }

static row row_of(dn_arena *arena, const dn_kernel_report *report, int index) {
    const dn_kernel *kernel = report->kernels->list[index];
    double arithmetic = ratio(kernel->flops, report->machine.flops);
    double memory = ratio(kernel->bytes, report->machine.bytes);
    const dn_native_time *time = report->times ? &report->times[index] : NULL;
    return (row){.number = index,
                 .name = kernel->name,
                 .line = place_of(arena, report, kernel->span),
                 .flops = kernel->flops,
                 .bytes = kernel->bytes,
                 .predicted = arithmetic > memory ? arithmetic : memory,
                 .measured = time && time->runs ? time->seconds / (double)time->runs : 0};
}

static void add_row(row *sum, const row *r) {
    sum->flops += r->flops;
    sum->bytes += r->bytes;
    sum->predicted += r->predicted;
    sum->measured += r->measured;
}

static void print_costs(const dn_kernel_report *report, const row *r, const row *total,
                        dn_str *out) {
    dn_str_printf(out, "  %9.3f  %10.3f  %8.2f  %10.3f", r->flops * 1e-9, r->bytes * 1e-6,
                  ratio(r->flops, r->bytes), r->predicted * 1e3);
    if (report->times) {
        dn_str_printf(out, "  %10.3f  %7.1f%%  %5.1f%%\n", r->measured * 1e3,
                      100 * ratio(r->predicted, r->measured),
                      100 * ratio(r->measured, total->measured));
    } else {
        dn_str_printf(out, "  %5.1f%%\n", 100 * ratio(r->predicted, total->predicted));
    }
}

static void print_rows(const dn_kernel_report *report, const char *number, const row *rows, int n,
                       const row *total, dn_str *out) {
    int name = 5, line = 4;
    for (int i = 0; i < n; i++) {
        if ((int)strlen(rows[i].name) > name) name = (int)strlen(rows[i].name);
        if ((int)strlen(rows[i].line) > line) line = (int)strlen(rows[i].line);
    }
    dn_str_printf(out, "%7s  %-*s  %-*s  %9s  %10s  %8s  %10s%s  %6s\n", number, name, "name", line,
                  "line", "GFLOP", "MB", "FLOP/B", "limit ms",
                  report->times ? "     took ms  of limit" : "", "share");
    for (int i = 0; i < n; i++) {
        dn_str_printf(out, "%7d  %-*s  %-*s", rows[i].number, name, rows[i].name, line,
                      rows[i].line);
        print_costs(report, &rows[i], total, out);
    }
    dn_str_printf(out, "%7s  %-*s  %-*s", "", name, "total", line, "");
    print_costs(report, total, total, out);
}

// Longest first, by what was measured if anything was.
static int by_time(const void *a, const void *b) {
    const row *x = a, *y = b;
    if (x->measured != y->measured) return x->measured < y->measured ? 1 : -1;
    if (x->predicted != y->predicted) return x->predicted < y->predicted ? 1 : -1;
    return strcmp(x->line, y->line);
}

// Sums up the rows of a line under the name of its longest kernel.
static int sum_lines(const row *rows, int n, row *lines) {
    int count = 0;
    for (int i = 0; i < n; i++) {
        int at = 0;
        while (at < count && strcmp(lines[at].line, rows[i].line) != 0) at++;
        if (at == count) lines[count++] = (row){.name = "", .line = rows[i].line};
        if (rows[i].predicted >= lines[at].longest) {
            lines[at].longest = rows[i].predicted;
            lines[at].name = rows[i].name;
        }
        lines[at].number++;
        add_row(&lines[at], &rows[i]);
    }
    qsort(lines, (size_t)count, sizeof *lines, by_time);
    return count;
}

void dn_report_cost(const dn_kernel_report *report, dn_str *out) {
    int n = report->kernels->n;
    dn_arena arena = {0};
    row *rows = DN_NEW_ARRAY(&arena, row, n), *lines = DN_NEW_ARRAY(&arena, row, n), total = {0};
    for (int i = 0; i < n; i++) {
        rows[i] = row_of(&arena, report, i);
        add_row(&total, &rows[i]);
    }
    dn_str_printf(out, "cost of %s, at %.1f GFLOP/s and %.1f GB/s\n", report->kernels->graph->name,
                  report->machine.flops * 1e-9, report->machine.bytes * 1e-9);
    print_rows(report, "kernel", rows, n, &total, out);
    dn_str_puts(out, "\n");
    print_rows(report, "kernels", lines, sum_lines(rows, n, lines), &total, out);
    dn_arena_free(&arena);
}
