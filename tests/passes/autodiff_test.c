// What dn_autodiff promises besides right numbers: leaves, independence, stop_gradient, missing
// gradients, symbolic sizes, spans, no work for gradients that nothing asks for; the documented
// choices at kinks and edges; and a gradient penalty.
#include "passes/autodiff.h"

#include "passes/gradient_rules.h"
#include "tests/passes/run_graph.h"

// ---- helpers --------------------------------------------------------------------------------

static dn_node *output(const dn_graph *graph, int i) { return graph->outputs[i].node; }

static int count_ops(const dn_graph *graph, dn_op op) {
    int count = 0;
    for (int i = 0; i < graph->n_nodes; i++) count += graph->nodes[i]->op == op;
    return count;
}

static dn_tensor *tensor_of(dn_dtype dtype, int rank, const int64_t *sizes, const double *values) {
    dn_shape shape = dn_shape_of(rank, sizes);
    dn_tensor *t = NULL;
    dn_status status = dn_tensor_new(dtype, &shape, &t);
    DN_ASSERT(!status, "%s", dn_status_message(status));
    for (int64_t i = 0; i < dn_shape_elements(&shape); i++) dn_tensor_set(t, i, values[i]);
    return t;
}

// The gradient of sum(output 0) in input `at`, for a graph of f64 vectors of n elements.
static void gradient_at(const char *text, int n, int n_in, const double *const *values, int at,
                        double *out) {
    dn_dims *dims = dn_dims_new();
    dn_graph *graph = parse_graph(dims, text);
    dn_node *x = graph->inputs[at].node, *grad = NULL;
    dn_tensor *inputs[4], *result = NULL;
    CHECK_OK(dn_autodiff(graph, sum_all(graph, output(graph, 0)), &x, 1, &grad, NULL, NULL));
    set_outputs(graph, &grad, 1);
    for (int i = 0; i < n_in; i++) inputs[i] = tensor_of(DN_F64, 1, (int64_t[]){n}, values[i]);
    CHECK_OK(run_once(graph, inputs, &result));
    for (int i = 0; i < n; i++) out[i] = dn_tensor_get(result, i);
    release_all(inputs, n_in);
    dn_tensor_release(result);
    dn_graph_free(graph);
    dn_dims_free(dims);
}

#define X3 "%0 = input {index=0, name=\"x\"} : f64[3]\n"
#define XY3 X3 "%1 = input {index=1, name=\"y\"} : f64[3]\n"

// ---- kinks and edges ------------------------------------------------------------------------

static void check_three(const char *label, const char *text, const double *x, const double *y,
                        int at, double a, double b, double c) {
    double got[3], want[] = {a, b, c};
    gradient_at(text, 3, y ? 2 : 1, (const double *const[]){x, y}, at, got);
    for (int i = 0; i < 3; i++) {
        bool same = got[i] == want[i] || (isnan(got[i]) && isnan(want[i])) ||
                    fabs(got[i] - want[i]) <= 1e-14 * fabs(want[i]);
        CHECK(same, "%s: element %d: %.17g, want %.17g", label, i, got[i], want[i]);
    }
}

static void test_edges(void) {
    const double ties[] = {-1, 0, 2}, zeros[] = {0, 0, 0};
    const char *max = "graph @g {\n" XY3 "%2 = max %0, %1 : f64[3]\n return y=%2\n}";
    const char *min = "graph @g {\n" XY3 "%2 = min %0, %1 : f64[3]\n return y=%2\n}";
    check_three("max, x", max, ties, zeros, 0, 0, 0, 1);
    check_three("max, y", max, ties, zeros, 1, 1, 1, 0);
    check_three("min, x", min, ties, zeros, 0, 1, 0, 0);
    check_three("min, y", min, ties, zeros, 1, 0, 1, 1);
    check_three("abs", "graph @g {\n" X3 "%1 = abs %0 : f64[3]\n return y=%1\n}", ties, NULL, 0, -1,
                0, 1);
    const char *pow_ = "graph @g {\n" XY3 "%2 = pow %0, %1 : f64[3]\n return y=%2\n}";
    // d x^p / dx = p x^(p-1) at x = 0, for p = 0, 1, 2; and at x = -3 for whole p
    check_three("pow, x at 0", pow_, zeros, (double[]){0, 1, 2}, 0, 0, 1, 0);
    check_three("pow, x < 0", pow_, (double[]){-3, -3, -3}, (double[]){0, 1, 2}, 0, 0, 1, -6);
    // d x^p / dp = x^p log x: 0 at x = 0, NaN at x < 0
    check_three("pow, p", pow_, (double[]){0, -1, 1}, (double[]){2, 2, 2}, 1, 0, NAN, 0);
    // far from 0, where careless formulas give inf * 0
    const double far[] = {-1000, 0, 1000};
    check_three("sigmoid", "graph @g {\n" X3 "%1 = sigmoid %0 : f64[3]\n return y=%1\n}", far, NULL,
                0, 0, 0.25, 0);
    check_three("tanh", "graph @g {\n" X3 "%1 = tanh %0 : f64[3]\n return y=%1\n}", far, NULL, 0, 0,
                1, 0);
    check_three("erf", "graph @g {\n" X3 "%1 = erf %0 : f64[3]\n return y=%1\n}", far, NULL, 0, 0,
                1.1283791670955126, 0);
    check_three("expm1", "graph @g {\n" X3 "%1 = expm1 %0 : f64[3]\n return y=%1\n}",
                (double[]){-40, 0, -1}, NULL, 0, exp(-40), 1, exp(-1));
    check_three("stop",
                "graph @g {\n" X3
                "%1 = stop_gradient %0 : f64[3]\n%2 = mul %0, %1 : f64[3]\n return y=%2\n}",
                (double[]){3, 4, 5}, NULL, 0, 3, 4, 5);
}

// d (a rem b) / db = -q with the whole number q that a / b has, also where a / b is nearly the
// next.
static void test_rem(void) {
    const char *rem = "graph @g {\n" XY3 "%2 = rem %0, %1 : f64[3]\n return y=%2\n}";
    for (int i = 1; i < 200; i++) {
        double a = 0.1 * i, b[] = {0.1, -0.3, 0.7}, got[3];
        gradient_at(rem, 3, 2, (const double *const[]){(double[]){a, a, -a}, b}, 1, got);
        for (int k = 0; k < 3; k++) {
            double left = fmod(k == 2 ? -a : a, b[k]);
            CHECK(got[k] == round(got[k]) && fabs((k == 2 ? -a : a) + got[k] * b[k] - left) < 1e-9,
                  "%g rem %g: q = %g", a, b[k], -got[k]);
        }
    }
}

static void test_extremum_ties(void) {
    static const char *const text[] = {
        "graph @g {\n%0 = input {index=0, name=\"x\"} : f64[6]\n%1 = reshape %0 : f64[2, 3]\n"
        "%2 = reduce_min %1 {axes=[1]} : f64[2]\n return y=%2\n}",
        "graph @g {\n%0 = input {index=0, name=\"x\"} : f64[6]\n%1 = reshape %0 : f64[2, 3]\n"
        "%2 = reduce_max %1 {axes=[0, 1]} : f64\n return y=%2\n}"};
    const double x[] = {1, 5, 5, 5, 2, 2}, *in[] = {x};
    double got[6];
    const double all[] = {0, 1, 0, 0, 0, 0}, rows[] = {1, 0, 0, 0, 1, 0};
    gradient_at(text[1], 6, 1, in, 0, got);
    CHECK(memcmp(got, all, sizeof all) == 0, "reduce_max: not to the first");
    gradient_at(text[0], 6, 1, in, 0, got);
    CHECK(memcmp(got, rows, sizeof rows) == 0, "reduce_min: not to the first of each row");
}

// ---- structure ------------------------------------------------------------------------------

static void test_leaves(void) {
    dn_dims *dims = dn_dims_new();
    dn_graph *graph = parse_graph(dims,
                                  "graph @g {\n"
                                  "%0 = input {index=0, name=\"x\"} : f32\n"
                                  "%1 = exp %0 : f32\n"
                                  "%2 = mul %1, %0 : f32\n"
                                  "%3 = sin %0 : f32\n"
                                  "return loss=%2, other=%3\n}");
    dn_node *x = graph->nodes[0], *h = graph->nodes[1], *other = graph->nodes[3];
    dn_node *loss = output(graph, 0), *grads[4], *wrt[] = {x, h, other, x};
    bool depends[4];
    CHECK_OK(dn_autodiff(graph, loss, wrt, 4, grads, depends, NULL));
    // h is a leaf: x gets only what does not come through it.
    CHECK(depends[0] && depends[1] && !depends[2] && depends[3]);
    CHECK(grads[0] == grads[3]);
    CHECK(count_ops(graph, DN_OP_EXP) == 1, "something went through the leaf");
    CHECK(grads[2]->op == DN_OP_CONST && dn_node_number(grads[2], DN_ATTR_VALUE) == 0);
    // Without it, all of it.
    CHECK_OK(dn_autodiff(graph, loss, &x, 1, grads + 1, NULL, NULL));
    CHECK(grads[1] != grads[0] && grads[1]->op == DN_OP_ADD);
    // The loss itself.
    CHECK_OK(dn_autodiff(graph, loss, &loss, 1, grads, depends, NULL));
    CHECK(depends[0] && grads[0]->op == DN_OP_CONST &&
          dn_node_number(grads[0], DN_ATTR_VALUE) == 1);
    CHECK_OK(dn_graph_verify(graph, true));
    dn_graph_free(graph);
    dn_dims_free(dims);
}

// Ways to the loss that carry no gradient: stop_gradient, integers, comparisons, indices.
static void test_independent(void) {
    dn_dims *dims = dn_dims_new();
    dn_graph *graph = parse_graph(dims,
                                  "graph @g {\n"
                                  "%0 = input {index=0, name=\"x\"} : f32[4]\n"
                                  "%1 = input {index=1, name=\"i\"} : i32[4]\n"
                                  "%2 = stop_gradient %0 : f32[4]\n"
                                  "%3 = cast %0 : i32[4]\n"
                                  "%4 = add %3, %1 : i32[4]\n"
                                  "%5 = cast %4 : f32[4]\n"
                                  "%6 = floor %0 : f32[4]\n"
                                  "%7 = gt %0, %2 : bool[4]\n"
                                  "%8 = select %7, %5, %6 : f32[4]\n"
                                  "%9 = add %8, %2 : f32[4]\n"
                                  "%10 = reduce_sum %9 {axes=[0]} : f32\n"
                                  "return loss=%10\n}");
    dn_node *grads[2], *wrt[] = {graph->nodes[0], graph->nodes[1]};
    bool depends[2];
    CHECK_OK(dn_autodiff(graph, output(graph, 0), wrt, 2, grads, depends, NULL));
    for (int i = 0; i < 2; i++) {
        CHECK(!depends[i]);
        CHECK(dn_type_equal(&grads[i]->type, &wrt[i]->type));
        CHECK(grads[i]->op == DN_OP_CONST && dn_node_number(grads[i], DN_ATTR_VALUE) == 0);
    }
    dn_graph_free(graph);
    dn_dims_free(dims);
}

static void test_bad_loss(void) {
    dn_dims *dims = dn_dims_new();
    dn_graph *graph = parse_graph(dims,
                                  "graph @g {\n"
                                  "%0 = input {index=0, name=\"x\"} : f32[4]\n"
                                  "%1 = input {index=1, name=\"i\"} : i32\n"
                                  "return x=%0, i=%1\n}");
    dn_node *grad, *x = graph->nodes[0];
    CHECK_FAILS(dn_autodiff(graph, x, &x, 1, &grad, NULL, NULL), "f32[4]");
    CHECK_FAILS(dn_autodiff(graph, graph->nodes[1], &x, 1, &grad, NULL, NULL), "i32");
    dn_graph_free(graph);
    dn_dims_free(dims);
}

// With sin's rule taken away: an error where it is on the way, none where it is not.
static void test_missing(void) {
    dn_gradient_entry table[DN_OP_COUNT];
    memcpy(table, dn_gradient_table, sizeof table);
    table[DN_OP_SIN] = (dn_gradient_entry){DN_GRAD_MISSING, NULL};
    dn_dims *dims = dn_dims_new();
    dn_graph *graph = parse_graph(dims,
                                  "graph @g {\n"
                                  "%0 = input {index=0, name=\"x\"} : f32\n"
                                  "%1 = input {index=1, name=\"y\"} : f32\n"
                                  "%2 = sin %0 : f32\n"
                                  "%3 = mul %2, %1 : f32\n"
                                  "%4 = sin %3 : f32\n"
                                  "return a=%3, b=%4\n}");
    dn_node *x = graph->nodes[0], *y = graph->nodes[1], *grad;
    const dn_node *culprit = NULL;
    CHECK_OK(dn_autodiff_with(table, graph, output(graph, 0), &y, 1, &grad, NULL, &culprit));
    CHECK(!culprit);
    dn_status status =
        dn_autodiff_with(table, graph, output(graph, 0), &x, 1, &grad, NULL, &culprit);
    CHECK(status && dn_status_code(status) == DN_UNSUPPORTED);
    CHECK(culprit == graph->nodes[2]);
    CHECK_FAILS(status, "sin");
    CHECK_FAILS(dn_autodiff_with(table, graph, output(graph, 1), &y, 1, &grad, NULL, &culprit),
                "sin");
    CHECK(culprit == graph->nodes[4]);
    dn_graph_free(graph);
    dn_dims_free(dims);
}

// New nodes have the span of the node whose gradient they are; the graph's own span comes back.
static void test_spans(void) {
    dn_dims *dims = dn_dims_new();
    dn_graph *graph = dn_graph_new(dims, "g");
    dn_span mine = {1, 90, 99};
    graph->span = (dn_span){1, 0, 5};
    dn_node *x = dn_graph_input(graph, "x", dn_type_scalar(DN_F32)), *grad;
    graph->span = (dn_span){1, 10, 15};
    dn_node *y = dn_build_unary(graph, DN_OP_TANH, x);
    graph->span = (dn_span){1, 20, 25};
    dn_node *z = dn_build_unary(graph, DN_OP_SIN, y);
    graph->span = mine;
    int before = graph->n_nodes;
    CHECK_OK(dn_autodiff(graph, z, &x, 1, &grad, NULL, NULL));
    CHECK(memcmp(&graph->span, &mine, sizeof mine) == 0);
    for (int i = before; i < graph->n_nodes; i++) {
        dn_op op = graph->nodes[i]->op;
        uint32_t begin = graph->nodes[i]->span.begin;
        CHECK(begin == 10 || begin == 20, "%s is at %d", dn_op_get(op)->name, (int)begin);
        if (op == DN_OP_COS) CHECK(begin == 20);
        if (op == DN_OP_SUB) CHECK(begin == 10);
    }
    dn_graph_free(graph);
    dn_dims_free(dims);
}

#define SPATIAL "stride=[2, 2], lo=[1, 1], hi=[1, 1], dilation=[1, 1], groups=1"

// A generator's half of a GAN step: gradients through the discriminator, none of its weights.
static void test_unused_gradients(void) {
    dn_dims *dims = dn_dims_new();
    dn_graph *graph = parse_graph(dims,
                                  "graph @g {\n"
                                  "%0 = input {index=0, name=\"z\"} : f32[4, 9]\n"
                                  "%1 = var {index=0, name=\"G.w\"} : f32[9, 64]\n"
                                  "%2 = var {index=1, name=\"D.w\"} : f32[3, 3, 1, 5]\n"
                                  "%3 = dot %0, %1 {lhs_batch=[], rhs_batch=[], lhs_contract=[1], "
                                  "rhs_contract=[0]} : f32[4, 64]\n"
                                  "%4 = reshape %3 : f32[4, 8, 8, 1]\n"
                                  "%5 = conv %4, %2 {" SPATIAL
                                  "} : f32[4, 4, 4, 5]\n"
                                  "%6 = tanh %5 : f32[4, 4, 4, 5]\n"
                                  "%7 = reduce_sum %6 {axes=[0, 1, 2, 3]} : f32\n"
                                  "return loss=%7\n}");
    dn_node *g = graph->nodes[1], *d = graph->nodes[2], *grads[2];
    CHECK_OK(dn_autodiff(graph, output(graph, 0), &g, 1, grads, NULL, NULL));
    CHECK(count_ops(graph, DN_OP_CONV_WEIGHT) == 0, "a gradient that nothing asked for");
    CHECK(count_ops(graph, DN_OP_CONV_INPUT) == 1);
    // Asked for, and then not used: gone after dn_graph_compact.
    CHECK_OK(dn_autodiff(graph, output(graph, 0), (dn_node *[]){g, d}, 2, grads, NULL, NULL));
    CHECK(count_ops(graph, DN_OP_CONV_WEIGHT) == 1);
    dn_graph_output(graph, "grad", grads[0]);
    dn_graph *compact = dn_graph_compact(graph);
    CHECK(count_ops(compact, DN_OP_CONV_WEIGHT) == 0);
    CHECK(count_ops(compact, DN_OP_CONV_INPUT) == 1);
    dn_graph_free(compact);
    dn_graph_free(graph);
    dn_dims_free(dims);
}

// Sizes that are names: all shape arithmetic of the rules has to come out equal, twice.
static void test_symbolic(void) {
    dn_dims *dims = dn_dims_new();
    dn_graph *graph = parse_graph(
        dims,
        "graph @g {\n"
        "%0 = input {index=0, name=\"x\"} : f32[N, H, W, 3]\n"
        "%1 = input {index=1, name=\"w\"} : f32[3, 3, 3, 5]\n"
        "%2 = input {index=2, name=\"b\"} : f32[5]\n"
        "%3 = conv %0, %1 {" SPATIAL
        "} : f32[N, floor((H - 1) / 2) + 1, floor((W - 1) / 2) + 1, 5]\n"
        "%4 = broadcast %2 {axes=[3]} : f32[N, floor((H - 1) / 2) + 1, floor((W - 1) / 2) + 1, 5]\n"
        "%5 = mul %3, %4 : f32[N, floor((H - 1) / 2) + 1, floor((W - 1) / 2) + 1, 5]\n"
        "%6 = conv_input %5, %1 {" SPATIAL
        "} : f32[N, H, W, 3]\n"
        "%7 = tanh %6 : f32[N, H, W, 3]\n"
        "%8 = window %7 {kernel=[2, 2], stride=[2, 2], dilation=[1, 1]} : "
        "f32[N, floor(H / 2), floor(W / 2), 2, 2, 3]\n"
        "%9 = reduce_max %8 {axes=[3, 4]} : f32[N, floor(H / 2), floor(W / 2), 3]\n"
        "%10 = slice %7 {start=[0, 1, 0, 0], limit=[N, H, W, 3], stride=[1, 2, 3, 1]} : "
        "f32[N, floor(H / 2), floor((W + 2) / 3), 3]\n"
        "%11 = pad %10 {lo=[0, 1, 0, 0], hi=[0, 0, 2, 0], interior=[0, 1, 0, 0], value=0} : "
        "f32[N, 2*floor(H / 2), floor((W + 2) / 3) + 2, 3]\n"
        "%12 = concat %7, %7 {axis=0} : f32[2*N, H, W, 3]\n"
        "%13 = mul %12, %12 : f32[2*N, H, W, 3]\n"
        "%14 = transpose %13 {axes=[3, 0, 1, 2]} : f32[3, 2*N, H, W]\n"
        "%15 = reshape %14 : f32[6*N, H*W]\n"
        "%16 = reduce_sum %15 {axes=[0, 1]} : f32\n"
        "%17 = reduce_sum %11 {axes=[0, 1, 2, 3]} : f32\n"
        "%18 = mul %9, %9 : f32[N, floor(H / 2), floor(W / 2), 3]\n"
        "%19 = reduce_sum %18 {axes=[0, 1, 2, 3]} : f32\n"
        "%20 = add %16, %17 : f32\n"
        "%21 = mul %20, %19 : f32\n"
        "return loss=%21\n}");
    dn_node *wrt[] = {graph->nodes[0], graph->nodes[1], graph->nodes[2]}, *grads[3];
    dn_node *loss = output(graph, 0);
    for (int order = 1; order <= 3; order++) {
        CHECK_OK(dn_autodiff(graph, loss, wrt, 3, grads, NULL, NULL));
        CHECK_OK(dn_graph_verify(graph, false));
        loss = NULL;
        for (int i = 0; i < 3; i++) {
            CHECK(dn_type_equal(&grads[i]->type, &wrt[i]->type));
            dn_node *square = dn_build_binary(graph, DN_OP_MUL, grads[i], grads[i]);
            dn_node *sum = sum_all(graph, square);
            loss = loss ? dn_build_binary(graph, DN_OP_ADD, loss, sum) : sum;
        }
    }
    dn_graph_free(graph);
    dn_dims_free(dims);
}

// Mixed precision: the gradient of an f32 value through f64 is f32.
static void test_cast(void) {
    dn_dims *dims = dn_dims_new();
    dn_graph *graph = parse_graph(dims,
                                  "graph @g {\n"
                                  "%0 = input {index=0, name=\"x\"} : f32[2]\n"
                                  "%1 = cast %0 : f64[2]\n"
                                  "%2 = mul %1, %1 : f64[2]\n"
                                  "%3 = reduce_sum %2 {axes=[0]} : f64\n"
                                  "return loss=%3\n}");
    dn_node *x = graph->nodes[0], *grad;
    dn_tensor *in = tensor_of(DN_F32, 1, (int64_t[]){2}, (double[]){3, 0.1f}), *out = NULL;
    CHECK_OK(dn_autodiff(graph, output(graph, 0), &x, 1, &grad, NULL, NULL));
    CHECK(grad->type.dtype == DN_F32);
    set_outputs(graph, &grad, 1);
    CHECK_OK(run_once(graph, &in, &out));
    CHECK(dn_tensor_get(out, 0) == 6 && dn_tensor_get(out, 1) == 0.2f);
    dn_tensor_release(in);
    dn_tensor_release(out);
    dn_graph_free(graph);
    dn_dims_free(dims);
}

// ---- a gradient penalty ---------------------------------------------------------------------
// WGAN-GP (Gulrajani et al. 2017): mean (||dD/dx|| - 1)^2 of a two-layer D, differentiated in D's
// weights, against differences.

static const char *const critic =
    "graph @g {\n"
    "%0 = input {index=0, name=\"x\"} : f64[3, 5, 1]\n"
    "%1 = input {index=1, name=\"w\"} : f64[3, 1, 4]\n"
    "%2 = input {index=2, name=\"v\"} : f64[12, 1]\n"
    "%3 = conv %0, %1 {stride=[2], lo=[1], hi=[1], dilation=[1], groups=1} : f64[3, 3, 4]\n"
    "%4 = tanh %3 : f64[3, 3, 4]\n"
    "%5 = reshape %4 : f64[3, 12]\n"
    "%6 = dot %5, %2 {lhs_batch=[], rhs_batch=[], lhs_contract=[1], rhs_contract=[0]} : f64[3, 1]\n"
    "%7 = reduce_sum %6 {axes=[0, 1]} : f64\n"
    "return sum=%7\n}";

static dn_node *penalty(dn_graph *graph) {
    dn_node *x = graph->nodes[0], *grad;
    dn_status status = dn_autodiff(graph, output(graph, 0), &x, 1, &grad, NULL, NULL);
    DN_ASSERT(!status, "%s", dn_status_message(status));
    dn_node *square = dn_build_binary(graph, DN_OP_MUL, grad, grad);
    dn_node *norm2 = dn_build_reduce(graph, DN_OP_REDUCE_SUM, square, 2, (dn_dim[]){1, 2});
    dn_node *norm = dn_build_unary(graph, DN_OP_SQRT, norm2);
    dn_node *off = dn_build_binary(graph, DN_OP_SUB, norm, dn_build_splat(graph, norm, 1));
    dn_node *sum = sum_all(graph, dn_build_binary(graph, DN_OP_MUL, off, off));
    return dn_build_binary(graph, DN_OP_DIV, sum, dn_build_splat(graph, sum, 3));
}

static double loss_at(const dn_graph *graph, dn_tensor **inputs, dn_tensor *x, int64_t e,
                      double by) {
    dn_tensor *out[3];
    double old = dn_tensor_get(x, e);
    dn_tensor_set(x, e, old + by);
    CHECK_OK(run_once(graph, inputs, out));
    dn_tensor_set(x, e, old);
    double loss = dn_tensor_get(out[0], 0);
    release_all(out, 3);
    return loss;
}

static void test_gradient_penalty(void) {
    dn_dims *dims = dn_dims_new();
    dn_graph *graph = parse_graph(dims, critic);
    dn_node *wrt[] = {graph->nodes[1], graph->nodes[2]}, *nodes[3];
    dn_tensor *inputs[3], *out[3];
    dice d = {.stream = {.seed = 3}};
    bool depends[2];
    nodes[0] = penalty(graph);
    CHECK_OK(dn_autodiff(graph, nodes[0], wrt, 2, nodes + 1, depends, NULL));
    CHECK(depends[0] && depends[1]);
    set_outputs(graph, nodes, 3);
    for (int i = 0; i < 3; i++)
        inputs[i] = random_tensor(&d, &graph->inputs[i].node->type, -1, 1, 0);
    CHECK_OK(run_once(graph, inputs, out));
    for (int i = 0; i < 2; i++)
        for (int64_t e = 0; e < 12; e++) {
            double up = loss_at(graph, inputs, inputs[1 + i], e, 1e-5);
            double down = loss_at(graph, inputs, inputs[1 + i], e, -1e-5);
            double want = (up - down) / 2e-5;
            CHECK_NEAR(dn_tensor_get(out[1 + i], e), want, 1e-7 * fmax(1, fabs(want)));
        }
    release_all(inputs, 3);
    release_all(out, 3);
    dn_graph_free(graph);
    dn_dims_free(dims);
}

int main(void) {
    test_leaves();
    test_independent();
    test_bad_loss();
    test_missing();
    test_spans();
    test_unused_gradients();
    test_symbolic();
    test_edges();
    test_rem();
    test_extremum_ties();
    test_cast();
    test_gradient_penalty();
    return CHECK_RESULT();
}
