// The pass list: what it prints, what it checks, and that the graph means the same afterwards.
#include "passes/pass.h"

#include "tests/passes/run_graph.h"

static const char *const text =
    "graph @step {\n"
    "  %0 = input {index=0, name=\"x\"} : f32[3]\n"
    "  %1 = var {index=0, name=\"w\"} : f32[3]\n"
    "  %2 = const {value=1} : f32[3]\n"
    "  %3 = mul %0, %2 : f32[3]\n"
    "  %4 = stop_gradient %3 : f32[3]\n"
    "  %5 = exp %3 : f32[3]\n"
    "  %6 = exp %4 : f32[3]\n"
    "  %7 = add %5, %6 : f32[3]\n"
    "  %8 = sin %7 : f32[3]\n"
    "  return y=%7\n"
    "  update \"w\"=%5\n"
    "}\n";

static const char *const result =
    "graph @step {\n"
    "  %0 = input {index=0, name=\"x\"} : f32[3]\n"
    "  %1 = var {index=0, name=\"w\"} : f32[3]\n"
    "  %2 = exp %0 : f32[3]\n"
    "  %3 = add %2, %2 : f32[3]\n"
    "  return y=%3\n"
    "  update \"w\"=%2\n"
    "}\n";

// Runs all passes on `text`; *printed is what they wrote, free() it.
static dn_status run_passes(dn_dims *dims, dn_pass_options options, char **printed,
                            dn_graph **out) {
    size_t size = 0;
    *out = parse_graph(dims, text);
    options.out = open_memstream(printed, &size);
    dn_status status = dn_passes_run(out, &options);
    fclose(options.out);
    return status;
}

static void check_printed(const char *label, dn_pass_options options, const char *const *want) {
    dn_dims *dims = dn_dims_new();
    char *printed = NULL;
    dn_graph *graph = NULL;
    CHECK_OK(run_passes(dims, options, &printed, &graph));
    const char *at = printed;
    for (int i = 0; want[i] && at; i++) {
        at = strstr(at, want[i]);
        CHECK(at, "%s: no \"%s\" in its place in\n%s", label, want[i], printed);
    }
    dn_graph *expected = parse_graph(dims, result);
    CHECK(dn_graph_equal(graph, expected), "%s", label);
    free(printed);
    dn_graph_free(expected);
    dn_graph_free(graph);
    dn_dims_free(dims);
}

static void test_silent(void) {
    dn_dims *dims = dn_dims_new();
    char *printed = NULL;
    dn_graph *graph = NULL;
    CHECK_OK(run_passes(dims, (dn_pass_options){.verify = true}, &printed, &graph));
    CHECK(printed && *printed == 0, "%s", printed);
    free(printed);
    dn_graph_free(graph);
    dn_dims_free(dims);
}

// What is printed reads back.
static void test_dump_parses(void) {
    dn_dims *dims = dn_dims_new();
    char *printed = NULL;
    dn_graph *graph = NULL, *parsed = NULL;
    dn_pass_options options = {.print_after = "simplify"};
    CHECK_OK(run_passes(dims, options, &printed, &graph));
    CHECK(strstr(printed, "; after simplify\n") == printed, "%s", printed);
    CHECK_OK(dn_graph_parse(dims, printed, &parsed));
    CHECK(parsed && dn_graph_equal(parsed, graph));
    if (parsed) dn_graph_free(parsed);
    free(printed);
    dn_graph_free(graph);
    dn_dims_free(dims);
}

static void test_unknown_name(void) {
    dn_dims *dims = dn_dims_new();
    char *printed = NULL;
    dn_graph *graph = NULL;
    dn_pass_options options = {.print_after = "simplfy"};
    dn_status status = run_passes(dims, options, &printed, &graph);
    CHECK(status && dn_status_code(status) == DN_INVALID);
    CHECK(status && strstr(dn_status_message(status), "dead-code, erase-stops, simplify"));
    CHECK(status && dn_status_hint(status) && strstr(dn_status_hint(status), "simplify"));
    CHECK(graph->n_nodes == 9, "nothing has run");
    dn_status_free(status);
    free(printed);
    dn_graph_free(graph);
    dn_dims_free(dims);
}

// A symbolic graph goes through too.
static void test_symbolic(void) {
    dn_dims *dims = dn_dims_new();
    dn_graph *graph = parse_graph(dims,
                                  "graph @g {\n"
                                  "%0 = input {index=0, name=\"x\"} : f32[N, 4]\n"
                                  "%1 = reshape %0 : f32[4*N]\n"
                                  "%2 = reshape %1 : f32[N, 2, 2]\n"
                                  "%3 = exp %2 : f32[N, 2, 2]\n"
                                  "return y=%3\n}");
    CHECK_OK(dn_passes_run(&graph, &(dn_pass_options){.verify = true}));
    CHECK(graph->n_nodes == 3);
    dn_graph_free(graph);
    dn_dims_free(dims);
}

int main(void) {
    test_silent();
    check_printed("all", (dn_pass_options){.print_after = "all", .verify = true},
                  (const char *[]){"; after dead-code\ngraph @step", "; after erase-stops\n",
                                   "; after simplify\n", "exp", NULL});
    check_printed("one", (dn_pass_options){.print_after = "erase-stops"},
                  (const char *[]){"; after erase-stops\ngraph @step", NULL});
    check_printed("time", (dn_pass_options){.time = true},
                  (const char *[]){"dead-code ", " ms ", "9 nodes to", "8", "erase-stops ", " ms ",
                                   "simplify ", " ms ", "4", NULL});
    test_dump_parses();
    test_unknown_name();
    test_symbolic();
    return CHECK_RESULT();
}
