// Every gradient rule against central finite differences in f64, three orders deep.
//
// A case is an op on inputs. Order 1 differentiates loss1 = sum(y * r) for random weights r; order
// k + 1 differentiates loss(k+1) = sum over inputs of sum(d loss(k) / d x * q) for random q, which
// makes each order's gradients the next one's values, so that an error shows where it is made.
#include "passes/autodiff.h"
#include "tests/passes/run_graph.h"

enum { MAX_INPUTS = 24, ORDERS = 3 };

typedef struct gradient_case {
    dn_op op;
    const char *inputs[4];
    const char *body;
    double lo, hi;  // of float inputs; both 0: -1 and 1
    int limit;      // integer inputs are below it
} gradient_case;

#define CASE(ENUM, body, ...) \
    { DN_OP_##ENUM, {__VA_ARGS__}, body, 0, 0, 4 }
#define CASE_IN(ENUM, lo, hi, body, ...) \
    { DN_OP_##ENUM, {__VA_ARGS__}, body, lo, hi, 4 }

static const gradient_case cases[] = {
    // elementwise ops of one value twice, and what the tables below do not fit
    CASE(MUL, "mul %0, %0 : f64[5]", "f64[5]"),
    CASE_IN(DIV, 0.5, 2, "div %0, %0 : f64[3]", "f64[3]"),
    CASE_IN(POW, 0.5, 2, "pow %0, %0 : f64[4]", "f64[4]"),
    CASE(SUB, "sub %0, %0 : f64", "f64"),
    CASE(CAST, "cast %0 : f64[3, 2]", "f64[3, 2]"),
    CASE(SELECT, "select %0, %1, %2 : f64[3, 3]", "bool[3, 3]", "f64[3, 3]", "f64[3, 3]"),
    CASE(SELECT, "select %0, %1, %1 : f64[2]", "bool[2]", "f64[2]"),
    // movement
    CASE(BROADCAST, "broadcast %0 {axes=[]} : f64[2, 3]", "f64"),
    CASE(BROADCAST, "broadcast %0 {axes=[1]} : f64[4, 3, 2]", "f64[3]"),
    CASE(BROADCAST, "broadcast %0 {axes=[0, 2]} : f64[3, 2, 4]", "f64[3, 1]"),
    CASE(BROADCAST, "broadcast %0 {axes=[0, 1, 2]} : f64[3, 5, 2]", "f64[1, 5, 1]"),
    CASE(BROADCAST, "broadcast %0 {axes=[0, 2]} : f64[1, 3, 1]", "f64[1, 1]"),
    CASE(RESHAPE, "reshape %0 : f64[3, 4]", "f64[2, 6]"),
    CASE(RESHAPE, "reshape %0 : f64", "f64[1, 1]"),
    CASE(TRANSPOSE, "transpose %0 {axes=[2, 0, 1]} : f64[4, 2, 3]", "f64[2, 3, 4]"),
    CASE(TRANSPOSE, "transpose %0 {axes=[3, 1, 0, 2]} : f64[2, 1, 3, 2]", "f64[3, 1, 2, 2]"),
    CASE(SLICE, "slice %0 {start=[1], limit=[6], stride=[2]} : f64[3]", "f64[7]"),
    CASE(SLICE, "slice %0 {start=[0, 2], limit=[4, 5], stride=[3, 1]} : f64[2, 3]", "f64[4, 5]"),
    CASE(SLICE, "slice %0 {start=[0, 1], limit=[3, 6], stride=[1, 3]} : f64[3, 2]", "f64[3, 7]"),
    CASE(SLICE, "slice %0 {start=[2], limit=[2], stride=[2]} : f64[0]", "f64[3]"),
    CASE(PAD, "pad %0 {lo=[1], hi=[2], interior=[0], value=3} : f64[6]", "f64[3]"),
    CASE(PAD, "pad %0 {lo=[0, 2], hi=[1, 0], interior=[2, 1], value=0} : f64[8, 5]", "f64[3, 2]"),
    CASE(PAD, "pad %0 {lo=[1, 0], hi=[0, 0], interior=[3, 1], value=-1} : f64[2, 1]", "f64[1, 1]"),
    CASE(PAD, "pad %0 {lo=[1], hi=[2], interior=[3], value=1} : f64[3]", "f64[0]"),
    CASE(CONCAT, "concat %0, %1, %2 {axis=1} : f64[2, 6]", "f64[2, 1]", "f64[2, 3]", "f64[2, 2]"),
    CASE(CONCAT, "concat %0, %1, %0 {axis=0} : f64[5, 2]", "f64[2, 2]", "f64[1, 2]"),
    CASE(CONCAT, "concat %0 {axis=0} : f64[3]", "f64[3]"),
    CASE(REVERSE, "reverse %0 {axes=[0, 2]} : f64[2, 3, 4]", "f64[2, 3, 4]"),
    CASE(REVERSE, "reverse %0 {axes=[]} : f64[3]", "f64[3]"),
    CASE(WINDOW, "window %0 {kernel=[3], stride=[1], dilation=[1]} : f64[1, 3, 3, 2]",
         "f64[1, 5, 2]"),
    CASE(WINDOW, "window %0 {kernel=[2], stride=[3], dilation=[2]} : f64[2, 2, 2, 1]",
         "f64[2, 8, 1]"),
    CASE(WINDOW,
         "window %0 {kernel=[3, 2], stride=[2, 1], dilation=[1, 2]} : f64[1, 2, 2, 3, 2, 2]",
         "f64[1, 6, 4, 2]"),
    CASE(WINDOW_SUM, "window_sum %0 {kernel=[3], stride=[1], dilation=[1]} : f64[1, 5, 2]",
         "f64[1, 3, 3, 2]"),
    CASE(WINDOW_SUM,
         "window_sum %0 {kernel=[3, 2], stride=[2, 1], dilation=[1, 2]} : f64[1, 6, 4, 2]",
         "f64[1, 2, 2, 3, 2, 2]"),
    CASE(GATHER, "gather %0, %1 : f64[2, 3, 3]", "f64[4, 3]", "i32[2, 3]"),
    CASE(GATHER, "gather %0, %1 : f64[3]", "f64[4, 3]", "i64"),
    CASE(GATHER, "gather %0, %1 : f64[7]", "f64[4]", "i32[7]"),
    CASE(SCATTER_ADD, "scatter_add %0, %1 : f64[4, 2]", "i32[7]", "f64[7, 2]"),
    CASE(SCATTER_ADD, "scatter_add %0, %1 : f64[5]", "i64[2, 2]", "f64[2, 2]"),
    // reduction
    CASE(REDUCE_SUM, "reduce_sum %0 {axes=[0]} : f64[3, 2]", "f64[4, 3, 2]"),
    CASE(REDUCE_SUM, "reduce_sum %0 {axes=[0, 2]} : f64[3]", "f64[4, 3, 2]"),
    CASE(REDUCE_SUM, "reduce_sum %0 {axes=[0, 1]} : f64", "f64[3, 1]"),
    CASE(REDUCE_SUM, "reduce_sum %0 {axes=[]} : f64[2]", "f64[2]"),
    CASE(REDUCE_MAX, "reduce_max %0 {axes=[1]} : f64[4, 2]", "f64[4, 3, 2]"),
    CASE(REDUCE_MAX, "reduce_max %0 {axes=[0, 2]} : f64[3]", "f64[4, 3, 2]"),
    CASE(REDUCE_MAX, "reduce_max %0 {axes=[0, 1, 2]} : f64", "f64[2, 1, 3]"),
    CASE(REDUCE_MAX, "reduce_max %0 {axes=[]} : f64[3]", "f64[3]"),
    CASE(REDUCE_MIN, "reduce_min %0 {axes=[0]} : f64[3, 2]", "f64[4, 3, 2]"),
    CASE(REDUCE_MIN, "reduce_min %0 {axes=[0, 1]} : f64[2]", "f64[4, 3, 2]"),
    CASE(REDUCE_MIN, "reduce_min %0 {axes=[1, 3]} : f64[2, 3]", "f64[2, 2, 3, 2]"),
    CASE_IN(REDUCE_PROD, 0.5, 1.5, "reduce_prod %0 {axes=[1]} : f64[3]", "f64[3, 4]"),
    CASE_IN(REDUCE_PROD, -2, -0.5, "reduce_prod %0 {axes=[0, 2]} : f64[2]", "f64[3, 2, 2]"),
    // contraction: plain, both transposed, batched, many axes in odd orders, none, all
    CASE(DOT,
         "dot %0, %1 {lhs_batch=[], rhs_batch=[], lhs_contract=[1], rhs_contract=[0]} : f64[2, 4]",
         "f64[2, 3]", "f64[3, 4]"),
    CASE(DOT,
         "dot %0, %1 {lhs_batch=[], rhs_batch=[], lhs_contract=[0], rhs_contract=[1]} : f64[2, 4]",
         "f64[3, 2]", "f64[4, 3]"),
    CASE(DOT,
         "dot %0, %1 {lhs_batch=[0], rhs_batch=[0], lhs_contract=[2], rhs_contract=[1]} : f64[2, "
         "3, 2]",
         "f64[2, 3, 4]", "f64[2, 4, 2]"),
    CASE(DOT,
         "dot %0, %1 {lhs_batch=[0], rhs_batch=[2], lhs_contract=[1, 3], rhs_contract=[1, 0]} : "
         "f64[2, 4, 3]",
         "f64[2, 3, 4, 2]", "f64[2, 3, 2, 3]"),
    CASE(DOT,
         "dot %0, %1 {lhs_batch=[2, 0], rhs_batch=[0, 1], lhs_contract=[3], rhs_contract=[2]} : "
         "f64[3, 2, 2]",
         "f64[2, 2, 3, 2]", "f64[3, 2, 2]"),
    CASE(DOT,
         "dot %0, %1 {lhs_batch=[], rhs_batch=[], lhs_contract=[2, 0], rhs_contract=[0, 2]} : "
         "f64[3, 2]",
         "f64[2, 3, 4]", "f64[4, 2, 2]"),
    CASE(DOT,
         "dot %0, %1 {lhs_batch=[], rhs_batch=[], lhs_contract=[], rhs_contract=[]} : f64[2, 3]",
         "f64[2]", "f64[3]"),
    CASE(DOT,
         "dot %0, %1 {lhs_batch=[], rhs_batch=[], lhs_contract=[0, 1], rhs_contract=[1, 0]} : f64",
         "f64[2, 3]", "f64[3, 2]"),
    CASE(DOT,
         "dot %0, %0 {lhs_batch=[], rhs_batch=[], lhs_contract=[1], rhs_contract=[0]} : f64[3, 3]",
         "f64[3, 3]"),
    // convolution: plain 1-d; stride with columns left over; asymmetric padding, dilation, groups;
    // depthwise; 1 by 1; 3-d
    CASE(CONV, "conv %0, %1 {stride=[1], lo=[1], hi=[1], dilation=[1], groups=1} : f64[2, 5, 3]",
         "f64[2, 5, 2]", "f64[3, 2, 3]"),
    CASE(CONV,
         "conv %0, %1 {stride=[3, 2], lo=[0, 0], hi=[0, 0], dilation=[1, 1], groups=1} : f64[1, 2, "
         "2, 2]",
         "f64[1, 7, 6, 1]", "f64[2, 3, 1, 2]"),
    CASE(CONV,
         "conv %0, %1 {stride=[2, 1], lo=[1, 0], hi=[0, 2], dilation=[1, 2], groups=2} : f64[1, 3, "
         "4, 4]",
         "f64[1, 6, 4, 2]", "f64[2, 2, 1, 4]"),
    CASE(CONV,
         "conv %0, %1 {stride=[2, 2], lo=[1, 1], hi=[1, 1], dilation=[2, 1], groups=3} : f64[1, 2, "
         "3, 3]",
         "f64[1, 5, 5, 3]", "f64[3, 3, 1, 3]"),
    CASE(CONV,
         "conv %0, %1 {stride=[2, 3], lo=[0, 0], hi=[0, 0], dilation=[1, 1], groups=1} : f64[2, 2, "
         "1, 3]",
         "f64[2, 3, 3, 2]", "f64[1, 1, 2, 3]"),
    CASE(CONV,
         "conv %0, %1 {stride=[1, 2, 1], lo=[0, 1, 1], hi=[0, 0, 0], dilation=[1, 1, 2], groups=1} "
         ": "
         "f64[1, 2, 2, 2, 2]",
         "f64[1, 3, 3, 3, 1]", "f64[2, 2, 2, 1, 2]"),
    CASE(CONV_INPUT,
         "conv_input %0, %1 {stride=[2], lo=[1], hi=[0], dilation=[1], groups=1} : f64[2, 6, 2]",
         "f64[2, 3, 3]", "f64[3, 2, 3]"),
    CASE(CONV_INPUT,
         "conv_input %0, %1 {stride=[2, 2], lo=[1, 1], hi=[1, 1], dilation=[2, 1], groups=2} : "
         "f64[1, 5, 6, 2]",
         "f64[1, 2, 3, 4]", "f64[3, 3, 1, 4]"),
    CASE(CONV_INPUT,
         "conv_input %0, %1 {stride=[3, 2], lo=[0, 0], hi=[0, 0], dilation=[1, 1], groups=1} : "
         "f64[1, 7, 6, 1]",
         "f64[1, 2, 2, 2]", "f64[2, 3, 1, 2]"),
    CASE(CONV_WEIGHT,
         "conv_weight %0, %1 {stride=[2], lo=[1], hi=[0], dilation=[1], groups=1} : f64[3, 2, 3]",
         "f64[2, 6, 2]", "f64[2, 3, 3]"),
    CASE(CONV_WEIGHT,
         "conv_weight %0, %1 {stride=[2, 2], lo=[1, 1], hi=[1, 1], dilation=[2, 1], groups=2} : "
         "f64[3, 3, 1, 4]",
         "f64[1, 5, 6, 2]", "f64[1, 2, 3, 4]"),
};
enum { N_CASES = sizeof cases / sizeof *cases };

// Elementwise ops, each tried on all of these shapes, with operands in [lo, hi) away from kinks.
static const char *const shapes[] = {"f64", "f64[5]", "f64[2, 1, 3]"};
static const struct {
    dn_op op;
    double lo, hi;
} elementwise[] = {
    {DN_OP_NEG, -1, 1},  {DN_OP_ABS, -1, 1},     {DN_OP_EXP, -2, 2},   {DN_OP_EXPM1, -2, 2},
    {DN_OP_LOG, 0.5, 3}, {DN_OP_LOG1P, -0.5, 2}, {DN_OP_SQRT, 0.5, 3}, {DN_OP_RSQRT, 0.5, 3},
    {DN_OP_SIN, -4, 4},  {DN_OP_COS, -4, 4},     {DN_OP_TANH, -2, 2},  {DN_OP_SIGMOID, -4, 4},
    {DN_OP_ERF, -2, 2},  {DN_OP_ADD, -1, 1},     {DN_OP_SUB, -1, 1},   {DN_OP_MUL, -1, 1},
    {DN_OP_DIV, 0.5, 2}, {DN_OP_DIV, -2, -0.5},  {DN_OP_REM, 0.5, 2},  {DN_OP_REM, -5, -1},
    {DN_OP_POW, 0.5, 2}, {DN_OP_MAX, -1, 1},     {DN_OP_MIN, -1, 1},
};

// ---- one case -------------------------------------------------------------------------------

// A graph under test, its inputs' values, and which of them are differentiated.
typedef struct trial {
    const char *label;
    dn_graph *graph;
    dn_tensor *values[MAX_INPUTS];
    dn_node *wrt[MAX_INPUTS];
    int at[MAX_INPUTS];  // wrt[i] is input number at[i]
    int n_wrt;
    dice dice;
    double lo, hi;
    int limit;
} trial;

// Gives values to inputs that have none.
static void fill_inputs(trial *t, double lo, double hi) {
    for (int i = 0; i < t->graph->n_inputs; i++)
        if (!t->values[i])
            t->values[i] =
                random_tensor(&t->dice, &t->graph->inputs[i].node->type, lo, hi, t->limit);
}

static void differentiate_inputs(trial *t) {
    t->n_wrt = 0;
    for (int i = 0; i < t->graph->n_inputs; i++) {
        if (!dn_dtype_is_float(t->graph->inputs[i].node->type.dtype)) continue;
        t->at[t->n_wrt] = i;
        t->wrt[t->n_wrt++] = t->graph->inputs[i].node;
    }
}

// sum(x * w) with w a new input
static dn_node *weigh(trial *t, dn_node *x) {
    char name[32];
    snprintf(name, sizeof name, "w%d", t->graph->n_inputs);
    DN_ASSERT(t->graph->n_inputs < MAX_INPUTS, "too many inputs");
    dn_node *w = dn_graph_input(t->graph, name, x->type);
    return sum_all(t->graph, dn_build_binary(t->graph, DN_OP_MUL, x, w));
}

static double evaluate(dn_interp *interp, trial *t, dn_tensor **outputs) {
    dn_interp_args args = {.inputs = t->values, .outputs = outputs};
    dn_status status = dn_interp_run(interp, NULL, &args, NULL);
    DN_ASSERT(!status, "%s: %s", t->label, dn_status_message(status));
    return dn_tensor_get(outputs[0], 0);
}

// (loss(x + h) - loss(x - h)) / 2h in element e of one input
static double difference(dn_interp *interp, trial *t, dn_tensor *x, int64_t e) {
    dn_tensor *outputs[MAX_INPUTS + 1];
    double at = dn_tensor_get(x, e), h = 1e-5, loss[2];
    for (int side = 0; side < 2; side++) {
        dn_tensor_set(x, e, at + (side ? h : -h));
        loss[side] = evaluate(interp, t, outputs);
        release_all(outputs, 1 + t->n_wrt);
    }
    dn_tensor_set(x, e, at);
    return (loss[1] - loss[0]) / (2 * h);
}

static void check_against_differences(trial *t, int order, dn_node *loss, dn_node *const *grads) {
    dn_node *nodes[MAX_INPUTS + 1] = {loss};
    dn_tensor *outputs[MAX_INPUTS + 1];
    dn_interp *interp = NULL;
    for (int i = 0; i < t->n_wrt; i++) nodes[1 + i] = grads[i];
    set_outputs(t->graph, nodes, 1 + t->n_wrt);
    CHECK_OK(dn_graph_verify(t->graph, true));
    dn_status status = dn_interp_new(t->graph, &interp);
    DN_ASSERT(!status, "%s", dn_status_message(status));
    evaluate(interp, t, outputs);
    for (int i = 0; i < t->n_wrt; i++) {
        dn_tensor *x = t->values[t->at[i]];
        for (int64_t e = 0; e < dn_shape_elements(&x->shape); e++) {
            double want = difference(interp, t, x, e), got = dn_tensor_get(outputs[1 + i], e);
            CHECK(fabs(got - want) <= 1e-6 * fmax(1, fabs(want)),
                  "%s, order %d: input %d, element %d: %.12g, and by differences %.12g", t->label,
                  order, t->at[i], (int)e, got, want);
        }
    }
    release_all(outputs, 1 + t->n_wrt);
    dn_interp_free(interp);
}

static void check_orders(trial *t, dn_node *y) {
    dn_node *grads[MAX_INPUTS];
    fill_inputs(t, t->lo, t->hi);
    dn_node *loss = weigh(t, y);
    differentiate_inputs(t);
    for (int order = 1; order <= ORDERS; order++) {
        fill_inputs(t, -1, 1);
        dn_status status = dn_autodiff(t->graph, loss, t->wrt, t->n_wrt, grads, NULL, NULL);
        CHECK(!status, "%s, order %d: %s", t->label, order,
              status ? dn_status_message(status) : "");
        dn_status_free(status);
        if (status) return;
        check_against_differences(t, order, loss, grads);
        dn_node *next = weigh(t, grads[0]);
        for (int i = 1; i < t->n_wrt; i++)
            next = dn_build_binary(t->graph, DN_OP_ADD, next, weigh(t, grads[i]));
        loss = next;
    }
}

static void run_case(const gradient_case *c, uint64_t seed) {
    dn_dims *dims = dn_dims_new();
    int n_in = 0;
    while (n_in < 4 && c->inputs[n_in]) n_in++;
    trial t = {.label = c->body,
               .graph = graph_of(dims, n_in, c->inputs, c->body),
               .dice = {.stream = {.seed = seed}},
               .lo = c->lo == c->hi ? -1 : c->lo,
               .hi = c->lo == c->hi ? 1 : c->hi,
               .limit = c->limit};
    dn_node *y = t.graph->outputs[0].node;
    CHECK(y->op == c->op, "%s is a case of %s", c->body, dn_op_get(c->op)->name);
    check_orders(&t, y);
    release_all(t.values, t.graph->n_inputs);
    dn_graph_free(t.graph);
    dn_dims_free(dims);
}

static void run_elementwise(int i) {
    const char *name = dn_op_get(elementwise[i].op)->name;
    bool two = dn_op_get(elementwise[i].op)->arity == 2;
    for (int k = 0; k < 3; k++) {
        gradient_case c = {
            .op = elementwise[i].op, .lo = elementwise[i].lo, .hi = elementwise[i].hi};
        c.inputs[0] = shapes[k];
        if (two) c.inputs[1] = shapes[k];
        char *body = dn_printf(two ? "%s %%0, %%1 : %s" : "%s %%0 : %s", name, shapes[k]);
        c.body = body;
        run_case(&c, (uint64_t)(100 + 10 * i + k));
        free(body);
    }
}

// ---- all ------------------------------------------------------------------------------------

// An op that has a rule and no case fails here.
static void check_coverage(void) {
    bool covered[DN_OP_COUNT] = {false};
    for (int i = 0; i < N_CASES; i++) covered[cases[i].op] = true;
    for (size_t i = 0; i < sizeof elementwise / sizeof *elementwise; i++)
        covered[elementwise[i].op] = true;
    for (int op = 0; op < DN_OP_COUNT; op++)
        CHECK(covered[op] || dn_op_get((dn_op)op)->grad != DN_GRAD_RULE,
              "%s has a gradient and no case here", dn_op_get((dn_op)op)->name);
}

int main(void) {
    check_coverage();
    for (int i = 0; i < N_CASES; i++) run_case(&cases[i], (uint64_t)i);
    for (int i = 0; i < (int)(sizeof elementwise / sizeof *elementwise); i++) run_elementwise(i);
    return CHECK_RESULT();
}
