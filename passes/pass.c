#include "passes/pass.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "passes/erase_stops.h"
#include "passes/share_rows.h"
#include "passes/simplify.h"

typedef struct pass {
    const char *name;
    dn_graph *(*run)(const dn_graph *graph);  // a new graph; the old one stays as it was
} pass;

// The list, in order. What each requires and breaks is in its header.
static const pass passes[] = {
    {"dead-code", dn_graph_compact},  // gradients that nothing uses go before any work on them
    {"erase-stops", dn_erase_stops},
    {"simplify", dn_simplify},
    {"share-rows", dn_share_rows},
};
enum { N_PASSES = sizeof passes / sizeof *passes };

const char *const dn_kernel_stages[] = {"fuse", "plan", NULL};
enum { N_NAMES = N_PASSES + sizeof dn_kernel_stages / sizeof *dn_kernel_stages - 1 };

static const char *name_of(int i) {
    return i < N_PASSES ? passes[i].name : dn_kernel_stages[i - N_PASSES];
}

static dn_status unknown_name(const char *name) {
    const char *names[N_NAMES];
    dn_str all = {0};
    for (int i = 0; i < N_NAMES; i++) {
        names[i] = name_of(i);
        dn_str_printf(&all, "%s%s", i ? ", " : "", names[i]);
    }
    dn_status status = dn_fail(DN_INVALID, "there is no pass \"%s\"; there are %s", name, all.text);
    free(all.text);
    const char *near = dn_closest_name(name, names, N_NAMES);
    return near ? dn_with_hint(status, "did you mean %s?", near) : status;
}

static dn_status check_name(const char *name) {
    if (!name || strcmp(name, "all") == 0) return DN_SUCCESS;
    for (int i = 0; i < N_NAMES; i++)
        if (strcmp(name, name_of(i)) == 0) return DN_SUCCESS;
    return unknown_name(name);
}

// ---- after a pass ----

// What was printed parses, and gives the same graph again.
static dn_status check_text(const dn_graph *graph) {
    dn_str text = {0};
    dn_graph *parsed = NULL;
    dn_graph_print(graph, &text);
    dn_status status = dn_annotate(dn_graph_parse(graph->dims, text.text, &parsed),
                                   "reading the graph back from its text");
    if (!status && !dn_graph_equal(graph, parsed))
        status = dn_fail(DN_INTERNAL, "the graph is another one after printing and parsing");
    if (parsed) dn_graph_free(parsed);
    free(text.text);
    return status;
}

static dn_status as_bug(dn_status status, const pass *p) {
    if (!status) return status;
    dn_status bug = dn_fail(DN_INTERNAL, "after pass %s: %s", p->name, dn_status_message(status));
    dn_status_free(status);
    return bug;
}

static dn_status check(const pass *p, const dn_graph *graph) {
    dn_status status = dn_graph_verify(graph, false);
    return as_bug(status ? status : check_text(graph), p);
}

// A comment line and the text form; among the dumps of all passes, one that changed nothing is
// short.
static void dump(const dn_pass_options *options, const pass *p, const dn_graph *before,
                 const dn_graph *graph) {
    bool all = options->print_after && strcmp(options->print_after, "all") == 0;
    if (!all && (!options->print_after || strcmp(options->print_after, p->name) != 0)) return;
    bool unchanged = dn_graph_equal(before, graph);
    dn_str text = {0};
    fprintf(options->out, "; after %s%s\n", p->name, unchanged ? ": unchanged" : "");
    if (all && unchanged) return;
    dn_graph_print(graph, &text);
    fputs(text.text, options->out);
    free(text.text);
}

// ---- running ----

double dn_pass_clock(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

static dn_status run_pass(const pass *p, dn_graph **graph, const dn_pass_options *options) {
    const dn_graph *before = *graph;
    double start = dn_pass_clock();
    dn_graph *after = p->run(before);
    double took = dn_pass_clock() - start;
    if (options->time)
        fprintf(options->out, "%-12s %8.3f ms  %6d nodes to %6d\n", p->name, 1e3 * took,
                before->n_nodes, after->n_nodes);
    dump(options, p, before, after);
    dn_graph_free(*graph);
    *graph = after;
    return options->verify ? check(p, after) : DN_SUCCESS;
}

dn_status dn_passes_run(dn_graph **graph, const dn_pass_options *options) {
    DN_TRY(check_name(options->print_after));
    for (int i = 0; i < N_PASSES; i++) DN_TRY(run_pass(&passes[i], graph, options));
    return DN_SUCCESS;
}
