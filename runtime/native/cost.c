#include "runtime/native/cost.h"

#include <stdlib.h>
#include <string.h>

typedef struct row {
    int number;  // of the kernel, or how many of a line
    const char *name, *line;
    double flops, bytes, predicted, measured;  // a run
    double longest;                            // of a line's kernels
} row;

// What a column is counted in: GFLOP, MB and ms, or less where that would be mostly zeros.
typedef struct unit {
    const char *name;
    double size;
} unit;

static const unit work_units[] = {{"GFLOP", 1e9}, {"MFLOP", 1e6}, {"kFLOP", 1e3}, {"FLOP", 1}};
static const unit byte_units[] = {{"MB", 1e6}, {"kB", 1e3}, {"B", 1}};
static const unit time_units[] = {{"ms", 1e-3}, {"us", 1e-6}, {"ns", 1e-9}};

// The largest of `n` that is not above what is counted in all; without any work, the largest.
static const unit *unit_for(double total, const unit *units, int n) {
    if (total <= 0) return &units[0];
    int i = 0;
    while (i + 1 < n && units[i].size > total) i++;
    return &units[i];
}

typedef struct table {
    dn_arena arena;
    row *rows, *lines, total;
    const unit *work, *bytes, *time;
    int n, n_lines;
    bool measured;
    int decimals;  // of times
    dn_str *out;
} table;

static double ratio(double a, double b) { return b > 0 ? a / b : 0; }

static row row_of(const dn_machine *machine, const dn_cost *cost, int number) {
    bool matrix = cost->contracts && machine->matrix > 0;
    double arithmetic = ratio(cost->flops, matrix ? machine->matrix : machine->flops);
    double memory = ratio(cost->bytes, machine->bytes);
    return (row){.number = number,
                 .name = cost->name,
                 .line = cost->line,
                 .flops = cost->flops,
                 .bytes = cost->bytes,
                 .predicted = arithmetic > memory ? arithmetic : memory,
                 .measured = ratio(cost->taken.seconds, (double)cost->taken.runs)};
}

static void add_row(row *sum, const row *r) {
    sum->flops += r->flops;
    sum->bytes += r->bytes;
    sum->predicted += r->predicted;
    sum->measured += r->measured;
}

static void print_costs(const table *t, const row *r) {
    dn_str_printf(t->out, "  %9.3f  %10.3f  %8.2f  %10.*f", r->flops / t->work->size,
                  r->bytes / t->bytes->size, ratio(r->flops, r->bytes), t->decimals,
                  r->predicted / t->time->size);
    if (t->measured) {
        dn_str_printf(t->out, "  %10.*f  %7.1f%%  %5.1f%%\n", t->decimals,
                      r->measured / t->time->size, 100 * ratio(r->predicted, r->measured),
                      100 * ratio(r->measured, t->total.measured));
    } else {
        dn_str_printf(t->out, "  %5.1f%%\n", 100 * ratio(r->predicted, t->total.predicted));
    }
}

static void print_rows(const table *t, const char *number, const row *rows, int n) {
    int name = 5, line = 4;
    for (int i = 0; i < n; i++) {
        if ((int)strlen(rows[i].name) > name) name = (int)strlen(rows[i].name);
        if ((int)strlen(rows[i].line) > line) line = (int)strlen(rows[i].line);
    }
    dn_str_printf(t->out, "%7s  %-*s  %-*s  %9s  %10s  %8s    limit %s", number, name, "name", line,
                  "line", t->work->name, t->bytes->name, "FLOP/B", t->time->name);
    if (t->measured) dn_str_printf(t->out, "     took %s  of limit", t->time->name);
    dn_str_puts(t->out, "   share\n");
    for (int i = 0; i < n; i++) {
        dn_str_printf(t->out, "%7d  %-*s  %-*s", rows[i].number, name, rows[i].name, line,
                      rows[i].line);
        print_costs(t, &rows[i]);
    }
    dn_str_printf(t->out, "%7s  %-*s  %-*s", "", name, "total", line, "");
    print_costs(t, &t->total);
}

// Longest first, by what was measured if anything was.
static int by_time(const void *a, const void *b) {
    const row *x = a, *y = b;
    if (x->measured != y->measured) return x->measured < y->measured ? 1 : -1;
    if (x->predicted != y->predicted) return x->predicted < y->predicted ? 1 : -1;
    return strcmp(x->line, y->line);
}

// Sums up the rows of a line under the name of its longest kernel.
static void sum_lines(table *t) {
    for (int i = 0; i < t->n; i++) {
        const row *r = &t->rows[i];
        int at = 0;
        while (at < t->n_lines && strcmp(t->lines[at].line, r->line) != 0) at++;
        if (at == t->n_lines) t->lines[t->n_lines++] = (row){.name = "", .line = r->line};
        double time = t->measured ? r->measured : r->predicted;
        if (time >= t->lines[at].longest) {
            t->lines[at].longest = time;
            t->lines[at].name = r->name;
        }
        t->lines[at].number++;
        add_row(&t->lines[at], r);
    }
    qsort(t->lines, (size_t)t->n_lines, sizeof *t->lines, by_time);
}

static void print_head(const char *head, const dn_machine *machine, dn_str *out) {
    dn_str_printf(out, "%s, at %.1f GFLOP/s", head, machine->flops * 1e-9);
    if (machine->matrix > 0)
        dn_str_printf(out, ", products and convolutions at %.1f GFLOP/s,", machine->matrix * 1e-9);
    dn_str_printf(out, " and %.1f GB/s", machine->bytes * 1e-9);
    if (machine->threads)
        dn_str_printf(out, " with %d thread%s", machine->threads, machine->threads == 1 ? "" : "s");
    if (machine->source) dn_str_printf(out, " (%s)", machine->source);
    dn_str_puts(out, "\n");
}

void dn_cost_print(const char *head, const dn_machine *machine, const dn_cost *costs, int n,
                   bool measured, dn_str *out) {
    // Kernels of a card are short beside the whole step.
    table t = {.n = n, .measured = measured, .decimals = machine->source ? 5 : 3, .out = out};
    t.rows = DN_NEW_ARRAY(&t.arena, row, n);
    t.lines = DN_NEW_ARRAY(&t.arena, row, n);
    for (int i = 0; i < n; i++) {
        t.rows[i] = row_of(machine, &costs[i], i);
        add_row(&t.total, &t.rows[i]);
    }
    double time = measured ? t.total.measured : t.total.predicted;
    t.work = unit_for(t.total.flops, work_units, sizeof work_units / sizeof *work_units);
    t.bytes = unit_for(t.total.bytes, byte_units, sizeof byte_units / sizeof *byte_units);
    t.time = unit_for(time, time_units, sizeof time_units / sizeof *time_units);
    sum_lines(&t);
    print_head(head, machine, out);
    print_rows(&t, "kernel", t.rows, t.n);
    dn_str_puts(out, "\n");
    print_rows(&t, "kernels", t.lines, t.n_lines);
    dn_arena_free(&t.arena);
}
