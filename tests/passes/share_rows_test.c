// Contractions of operands that differ by a factor per row: how many there are after the pass, and
// that the results are the same but for rounding.
#include "passes/share_rows.h"

#include <math.h>

#include "tests/passes/run_graph.h"

#define INPUTS                                                  \
    "%0 = input {index=0, name=\"s\"} : f64[4, 1]\n"            \
    "%1 = input {index=1, name=\"t\"} : f64[4, 1]\n"            \
    "%2 = input {index=2, name=\"w\"} : f64[18, 1]\n"           \
    "%3 = input {index=3, name=\"mask\"} : bool[4, 3, 3, 2]\n"  \
    "%4 = input {index=4, name=\"kernel\"} : f64[2, 2, 3, 2]\n" \
    "%5 = input {index=5, name=\"m\"} : f64[4, 4, 4, 3]\n"      \
    "%6 = input {index=6, name=\"first\"} : f64[3, 3, 2, 3]\n"  \
    "%7 = const {value=0} : f64[4, 3, 3, 2]\n"                  \
    "%8 = const {value=0.5} : f64[4, 3, 3, 2]\n"                \
    "%9 = input {index=7, name=\"v\"} : f64[4]\n"               \
    "%10 = input {index=8, name=\"right\"} : f64[18, 5]\n"
#define OUTER " {lhs_batch=[], rhs_batch=[], lhs_contract=[1], rhs_contract=[1]} : f64[4, 18]\n"
#define IMAGES " : f64[4, 3, 3, 2]\n"
#define BACK " {stride=[1, 1], lo=[0, 0], hi=[0, 0], dilation=[1, 1], groups=1} : f64[4, 4, 4, 3]\n"
#define AGAIN \
    " {stride=[1, 1], lo=[0, 0], hi=[0, 0], dilation=[1, 1], groups=1} : f64[4, 6, 6, 2]\n"

// A leaky mask of the outer product of `factor` and w, from %AT on.
#define MASKED(FACTOR, A, B, C, D, E, F)                                                         \
    "%" A " = dot %" FACTOR ", %2" OUTER "%" B " = reshape %" A IMAGES "%" C " = select %3, %" B \
    ", %7" IMAGES "%" D " = select %3, %7, %" B IMAGES "%" E " = mul %" D ", %8" IMAGES "%" F    \
    " = add %" C ", %" E IMAGES

typedef struct share_case {
    const char *name, *lines;
    int before, after;  // convolutions and products, outer ones not counted
} share_case;

static const share_case cases[] = {
    {"two losses, one layer",
     MASKED("0", "11", "12", "13", "14", "15", "16")
         MASKED("1", "17", "18", "19", "20", "21", "22") "%23 = conv_input %16, %4" BACK
                                                         "%24 = conv_input %22, %4" BACK
                                                         "return y=%23, z=%24",
     2, 1},
    {"two layers",
     MASKED("0", "11", "12", "13", "14", "15", "16")
         MASKED("1", "17", "18", "19", "20", "21",
                "22") "%23 = conv_input %16, %4" BACK "%24 = conv_input %22, %4" BACK
                      "%25 = mul %23, %5 : f64[4, 4, 4, 3]\n%26 = mul %24, %5 : f64[4, 4, 4, 3]\n"
                      "%27 = neg %26 : f64[4, 4, 4, 3]\n%28 = neg %25 : f64[4, 4, 4, 3]\n"
                      "%29 = conv_input %28, %6" AGAIN "%30 = conv_input %27, %6" AGAIN
                      "return y=%29, z=%30",
     4, 2},
    {"a factor that was broadcast, a product",
     "%11 = broadcast %9 {axes=[0]} : f64[4, 18]\n%12 = reshape %8 : f64[4, 18]\n"
     "%13 = reshape %5 : f64[4, 48]\n%14 = slice %13 {start=[0, 0], limit=[4, 18], stride=[1, 1]} "
     ": f64[4, 18]\n%15 = mul %14, %11 : f64[4, 18]\n"
     "%16 = reshape %0 : f64[4]\n%17 = broadcast %16 {axes=[0]} : f64[4, 18]\n"
     "%18 = mul %17, %14 : f64[4, 18]\n%19 = div %18, %12 : f64[4, 18]\n"
     "%20 = div %15, %12 : f64[4, 18]\n"
     "%21 = dot %19, %10 {lhs_batch=[], rhs_batch=[], lhs_contract=[1], rhs_contract=[0]} : "
     "f64[4, 5]\n"
     "%22 = dot %20, %10 {lhs_batch=[], rhs_batch=[], lhs_contract=[1], rhs_contract=[0]} : "
     "f64[4, 5]\n"
     "return y=%21, z=%22",
     2, 1},
    {"one alone stays",
     MASKED("0", "11", "12", "13", "14", "15", "16") "%17 = conv_input %16, %4" BACK "return y=%17",
     1, 1},
    {"a sum of two factors is none",
     "%11 = dot %0, %2" OUTER "%12 = dot %1, %2" OUTER "%13 = add %11, %12 : f64[4, 18]\n"
     "%14 = sub %11, %12 : f64[4, 18]\n"
     "%15 = reshape %13" IMAGES "%16 = reshape %14" IMAGES "%17 = conv_input %15, %4" BACK
     "%18 = conv_input %16, %4" BACK "return y=%17, z=%18",
     2, 2},
    {"a product over the rows is another",
     "%11 = dot %0, %2" OUTER "%12 = dot %1, %2" OUTER
     "%13 = dot %11, %0 {lhs_batch=[], rhs_batch=[], lhs_contract=[0], rhs_contract=[0]} : "
     "f64[18, 1]\n"
     "%14 = dot %12, %0 {lhs_batch=[], rhs_batch=[], lhs_contract=[0], rhs_contract=[0]} : "
     "f64[18, 1]\n"
     "return y=%13, z=%14",
     2, 2},
};

static bool is_contraction(const dn_node *x) {
    bool outer = x->op == DN_OP_DOT && x->type.dims[0] == 4 && x->type.dims[1] == 18;
    return x->op == DN_OP_CONV_INPUT || (x->op == DN_OP_DOT && !outer);
}

static int contractions(const dn_graph *graph) {
    int n = 0;
    for (int i = 0; i < graph->n_nodes; i++) n += is_contraction(graph->nodes[i]);
    return n;
}

static double difference(const dn_tensor *a, const dn_tensor *b) {
    double most = 0;
    for (int64_t i = 0; i < dn_shape_elements(&a->shape); i++)
        most = fmax(most, fabs(dn_tensor_get(a, i) - dn_tensor_get(b, i)));
    return most;
}

static void check_results(const char *name, const dn_graph *a, const dn_graph *b) {
    dice d = {.stream = {.seed = 5}};
    dn_tensor *inputs[16], *x[2], *y[2];
    for (int i = 0; i < a->n_inputs; i++)
        inputs[i] = random_tensor(&d, &a->inputs[i].node->type, -2, 2, 0);
    dn_status status = run_once(a, inputs, x);
    DN_ASSERT(!status, "%s", dn_status_message(status));
    status = run_once(b, inputs, y);
    DN_ASSERT(!status, "%s", dn_status_message(status));
    // Sums of at most 54 products of numbers below 32: 54 * 32 * 2^-52.
    for (int i = 0; i < a->n_outputs; i++)
        CHECK(difference(x[i], y[i]) < 4e-13, "%s: %g", name, difference(x[i], y[i]));
    release_all(inputs, a->n_inputs);
    release_all(x, a->n_outputs);
    release_all(y, a->n_outputs);
}

static void test_case(const share_case *c) {
    dn_dims *dims = dn_dims_new();
    char *text = dn_printf("%s%s\n}\n", "graph @case {\n" INPUTS, c->lines);
    dn_graph *before = parse_graph(dims, text), *after = dn_share_rows(before);
    dn_status status = dn_graph_verify(after, true);
    DN_ASSERT(!status, "%s", dn_status_message(status));
    CHECK(contractions(before) == c->before, "%s: %d before", c->name, contractions(before));
    CHECK(contractions(after) == c->after, "%s: %d after", c->name, contractions(after));
    dn_graph *compact = dn_graph_compact(before);
    CHECK(c->before != c->after || dn_graph_equal(compact, after), "%s: changed", c->name);
    check_results(c->name, before, after);
    dn_graph_free(compact), dn_graph_free(before), dn_graph_free(after);
    free(text);
    dn_dims_free(dims);
}

int main(void) {
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) test_case(&cases[i]);
    return CHECK_RESULT();
}
