// Running whole graphs: lifetimes, memory that is used again, variables, failures, random numbers.
#include <math.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "codegen/interp/kernel.h"
#include "runtime/base/interrupt.h"
#include "runtime/rng.h"
#include "tests/check.h"

// An allocation that is too large is to fail, not to stop the test.
const char *__asan_default_options(void);
const char *__asan_default_options(void) { return "allocator_may_return_null=1"; }

enum { MOST = 8 };

static dn_pool *pool;

typedef struct fixture {
    dn_dims *dims;
    dn_graph *graph;
    dn_interp *interp;
    dn_tensor *in[MOST], *vars[MOST], *out[MOST];
    dn_interp_args args;
} fixture;

static void set_up(fixture *f, const char *text) {
    *f = (fixture){.dims = dn_dims_new()};
    CHECK_OK(dn_graph_parse(f->dims, text, &f->graph));
    CHECK_OK(dn_interp_new(f->graph, &f->interp));
    dn_interp_poison(f->interp);
    f->args = (dn_interp_args){.inputs = f->in, .vars = f->vars, .outputs = f->out};
}

static void drop_outputs(fixture *f) {
    for (int i = 0; i < MOST; i++) {
        dn_tensor_release(f->out[i]);
        f->out[i] = NULL;
    }
}

static void tear_down(fixture *f) {
    drop_outputs(f);
    for (int i = 0; i < MOST; i++) {
        dn_tensor_release(f->in[i]);
        dn_tensor_release(f->vars[i]);
    }
    dn_interp_free(f->interp);
    dn_graph_free(f->graph);
    dn_dims_free(f->dims);
}

static dn_tensor *numbers(dn_dtype dtype, int64_t n, const double *values) {
    dn_shape shape = dn_shape_of(1, &n);
    dn_tensor *tensor = NULL;
    CHECK_OK(dn_tensor_new(dtype, &shape, &tensor));
    for (int64_t i = 0; i < n; i++) dn_tensor_set(tensor, i, values[i]);
    return tensor;
}

static void check_numbers(const dn_tensor *tensor, int64_t n, const double *values) {
    CHECK(dn_shape_elements(&tensor->shape) == n);
    for (int64_t i = 0; i < n; i++)
        CHECK(dn_tensor_get(tensor, i) == values[i], "element %d", (int)i);
}

static void run(fixture *f) { CHECK_OK(dn_interp_run(f->interp, pool, &f->args, NULL)); }

// ---- Memory that is used again ----

// Every result is written over something, unless somebody still needs it.
static void test_in_place(void) {
    fixture f;
    set_up(&f,
           "graph @g { %0 = input {index=0, name=\"x\"} : f32[3]"
           " %1 = neg %0 : f32[3]"         // not over the input
           " %2 = mul %1, %1 : f32[3]"     // over its only operand, used twice; %1 is needed later
           " %3 = add %2, %1 : f32[3]"     // over both
           " %4 = sub %0, %3 : f32[3]"     // over the second operand
           " %5 = reshape %4 : f32[1, 3]"  // shares with %4
           " %6 = exp %5 : f32[1, 3]"      // not over %4
           " %7 = abs %4 : f32[3]"
           " %8 = cast %7 : i32[3]"  // over the float
           " return a=%6, b=%8, c=%4, d=%5 }");
    f.in[0] = numbers(DN_F32, 3, (double[]){1, 2, -3});
    for (int i = 0; i < 3; i++) {
        run(&f);
        check_numbers(f.in[0], 3, (double[]){1, 2, -3});
        check_numbers(f.out[2], 3, (double[]){1, 0, -15});  // x - (x^2 - x)
        check_numbers(f.out[3], 3, (double[]){1, 0, -15});
        check_numbers(f.out[1], 3, (double[]){1, 0, 15});
        CHECK_NEAR(dn_tensor_get(f.out[0], 0), 2.718281828, 1e-6);
        CHECK(f.out[3]->shape.rank == 2 && f.out[2]->shape.rank == 1);
        CHECK(f.out[1]->dtype == DN_I32);
        CHECK(f.in[0]->references == 1);
        drop_outputs(&f);
    }
    tear_down(&f);
}

// Results that are inputs, constants, broadcasts, the same node twice, two shapes of one buffer.
static void test_results(void) {
    fixture f;
    set_up(&f,
           "graph @g { %0 = input {index=0, name=\"x\"} : f32[2]"
           " %1 = const {value=3} : f32[2, 2]"
           " %2 = broadcast %0 {axes=[1]} : f32[2, 2]"
           " %3 = add %1, %2 : f32[2, 2]"
           " %4 = reshape %2 : f32[4]"
           " %5 = reshape %0 : f32[2, 1]"
           " return a=%0, b=%1, c=%2, d=%3, e=%3, f=%4, g=%5 }");
    f.in[0] = numbers(DN_F32, 2, (double[]){1, 2});
    run(&f);
    CHECK(f.out[0] == f.in[0] && f.in[0]->references == 2);
    check_numbers(f.out[1], 4, (double[]){3, 3, 3, 3});
    check_numbers(f.out[2], 4, (double[]){1, 2, 1, 2});
    check_numbers(f.out[3], 4, (double[]){4, 5, 4, 5});
    CHECK(f.out[3] == f.out[4]);
    check_numbers(f.out[5], 4, (double[]){1, 2, 1, 2});
    check_numbers(f.out[6], 2, (double[]){1, 2});
    CHECK(f.out[6]->shape.rank == 2 && f.out[0]->shape.rank == 1 && f.out[5]->shape.rank == 1);
    tear_down(&f);
}

// Operands that repeat, of periods that do and do not divide each other or a block.
static void test_periods(void) {
    fixture f;
    set_up(&f,
           "graph @g { %0 = input {index=0, name=\"a\"} : f64[3]"
           " %1 = input {index=1, name=\"b\"} : f64[5, 3]"
           " %2 = input {index=2, name=\"c\"} : f64[700, 5, 3]"
           " %3 = broadcast %0 {axes=[2]} : f64[700, 5, 3]"
           " %4 = broadcast %1 {axes=[1, 2]} : f64[700, 5, 3]"
           " %5 = const {value=2} : f64[700, 5, 3]"
           " %6 = mul %3, %4 : f64[700, 5, 3]"
           " %7 = mul %6, %5 : f64[700, 5, 3]"
           " %8 = add %7, %2 : f64[700, 5, 3]"
           " %9 = add %8, %3 : f64[700, 5, 3]"
           " %10 = transpose %7 {axes=[2, 0, 1]} : f64[3, 700, 5]"
           " return a=%9, b=%10 }");
    double values[10500];
    for (int i = 0; i < 10500; i++) values[i] = i % 1000;
    int64_t b_dims[] = {5, 3}, c_dims[] = {700, 5, 3};
    f.in[0] = numbers(DN_F64, 3, values + 1);
    f.in[1] = numbers(DN_F64, 15, values + 5);
    f.in[2] = numbers(DN_F64, 10500, values + 0);
    f.in[1]->shape = dn_shape_of(2, b_dims);
    f.in[2]->shape = dn_shape_of(3, c_dims);
    run(&f);
    int wrong = 0;
    for (int i = 0; i < 10500; i++) {
        double product = (1 + i % 3) * (5 + i % 15) * 2;
        wrong += dn_tensor_get(f.out[0], i) != product + i % 1000 + 1 + i % 3;
        wrong += dn_tensor_get(f.out[1], (i % 3 * 700 + i / 15) * 5 + i / 3 % 5) != product;
    }
    CHECK(wrong == 0, "%d wrong", wrong);
    tear_down(&f);
}

// Values that repeat put together or repeated again.
static void test_repeated_periods(void) {
    fixture f;
    set_up(&f,
           "graph @g { %0 = input {index=0, name=\"a\"} : f32[3]"
           " %1 = input {index=1, name=\"b\"} : f32[2]"
           " %2 = broadcast %0 {axes=[1]} : f32[2, 3]"
           " %3 = reshape %2 : f32[6]"
           " %4 = broadcast %1 {axes=[1]} : f32[3, 2]"
           " %5 = reshape %4 : f32[6]"
           " %6 = add %3, %5 : f32[6]"  // periods 3 and 2
           " %7 = broadcast %2 {axes=[1, 2]} : f32[2, 2, 3]"
           " %8 = neg %7 : f32[2, 2, 3]"
           " %9 = const {value=4} : f32[3]"
           " %10 = broadcast %9 {axes=[0]} : f32[3, 2]"
           " %11 = sub %10, %4 : f32[3, 2]"
           " return a=%6, b=%8, c=%11 }");
    f.in[0] = numbers(DN_F32, 3, (double[]){1, 2, 3});
    f.in[1] = numbers(DN_F32, 2, (double[]){10, 20});
    run(&f);
    check_numbers(f.out[0], 6, (double[]){11, 22, 13, 21, 12, 23});
    check_numbers(f.out[1], 12, (double[]){-1, -2, -3, -1, -2, -3, -1, -2, -3, -1, -2, -3});
    check_numbers(f.out[2], 6, (double[]){-6, -16, -6, -16, -6, -16});
    tear_down(&f);
}

// A period just above a block's length: blocks begin at every place of it.
static void test_long_period(void) {
    enum { ROWS = 350, PERIOD = 1027 };
    fixture f;
    set_up(&f,
           "graph @g { %0 = input {index=0, name=\"a\"} : f32[1027]"
           " %1 = iota {axis=0} : f32[350, 1027]"
           " %2 = broadcast %0 {axes=[1]} : f32[350, 1027]"
           " %3 = add %1, %2 : f32[350, 1027]"
           " return a=%3 }");
    double values[PERIOD];
    for (int i = 0; i < PERIOD; i++) values[i] = 1000 * i;
    f.in[0] = numbers(DN_F32, PERIOD, values);
    run(&f);
    int wrong = 0;
    for (int i = 0; i < ROWS * PERIOD; i++)
        wrong += dn_tensor_get(f.out[0], i) != i / PERIOD + 1000 * (i % PERIOD);
    CHECK(wrong == 0, "%d wrong", wrong);
    tear_down(&f);
}

// ---- Variables ----

static void test_variables(void) {
    fixture f;
    set_up(&f,
           "graph @g { %0 = var {index=0, name=\"a\"} : f32[2]"
           " %1 = var {index=1, name=\"b\"} : f32[2]"
           " %2 = add %0, %1 : f32[2]"
           " %3 = input {index=0, name=\"x\"} : f32[2]"
           " return sum=%2 update a=%1 update b=%2 }");
    f.in[0] = numbers(DN_F32, 2, (double[]){0, 0});
    f.vars[0] = numbers(DN_F32, 2, (double[]){1, 10});
    f.vars[1] = numbers(DN_F32, 2, (double[]){1, 20});
    dn_tensor *before = dn_tensor_retain(f.vars[1]);
    run(&f);  // Fibonacci: both read the old values
    check_numbers(f.vars[0], 2, (double[]){1, 20});
    check_numbers(f.vars[1], 2, (double[]){2, 30});
    CHECK(f.vars[0] == before);  // moved, not copied
    drop_outputs(&f);
    for (int i = 0; i < 5; i++) {
        run(&f);
        drop_outputs(&f);
    }
    check_numbers(f.vars[1], 2, (double[]){21, 340});
    check_numbers(before, 2, (double[]){1, 20});
    dn_tensor_release(before);
    tear_down(&f);
}

static void test_failure_changes_nothing(void) {
    fixture f;
    set_up(&f,
           "graph @g { %0 = var {index=0, name=\"w\"} : f32[10, 2]"
           " %1 = input {index=0, name=\"i\"} : i32[3]"
           " %2 = add %0, %0 : f32[10, 2]"
           " %3 = gather %2, %1 : f32[3, 2]"
           " return y=%3 update w=%2 }");
    double values[20];
    for (int i = 0; i < 20; i++) values[i] = i;
    int64_t dims[] = {10, 2};
    f.vars[0] = numbers(DN_F32, 20, values);
    f.vars[0]->shape = dn_shape_of(2, dims);
    dn_tensor *before = f.vars[0];
    const dn_node *culprit = NULL;
    f.in[0] = numbers(DN_I32, 3, (double[]){0, 12, 3});
    CHECK_FAILS(dn_interp_run(f.interp, pool, &f.args, &culprit),
                "index 12 is outside 0..9 (rows of f32[10, 2])");
    CHECK(culprit && culprit->op == DN_OP_GATHER);
    CHECK(f.vars[0] == before && before->references == 1 && !f.out[0]);
    check_numbers(before, 20, values);
    dn_tensor_set(f.in[0], 1, -1);
    CHECK_FAILS(dn_interp_run(f.interp, pool, &f.args, &culprit), "index -1 is outside 0..9");
    dn_tensor_set(f.in[0], 1, 9);
    CHECK_OK(dn_interp_run(f.interp, pool, &f.args, &culprit));
    CHECK(!culprit);
    check_numbers(f.out[0], 6, (double[]){0, 2, 36, 38, 12, 14});
    tear_down(&f);
}

static void test_interrupt(void) {
    fixture f;
    set_up(&f,
           "graph @g { %0 = var {index=0, name=\"a\"} : f32[2]"
           " %1 = add %0, %0 : f32[2]"
           " return y=%1 update a=%1 }");
    f.vars[0] = numbers(DN_F32, 2, (double[]){1, 10});
    dn_interrupt_install_patient();
    raise(SIGINT);
    CHECK_FAILS(dn_interp_run(f.interp, pool, &f.args, NULL), "interrupted");
    check_numbers(f.vars[0], 2, (double[]){1, 10});
    CHECK(!f.out[0]);
    dn_interrupt_clear();
    run(&f);
    check_numbers(f.vars[0], 2, (double[]){2, 20});
    tear_down(&f);
}

static void test_scatter_failure(void) {
    fixture f;
    set_up(&f,
           "graph @g { %0 = input {index=0, name=\"i\"} : i64[2]"
           " %1 = input {index=1, name=\"u\"} : f32[2]"
           " %2 = scatter_add %0, %1 : f32[4]"
           " return y=%2 }");
    f.in[0] = numbers(DN_I64, 2, (double[]){0, 4});
    f.in[1] = numbers(DN_F32, 2, (double[]){1, 2});
    CHECK_FAILS(dn_interp_run(f.interp, pool, &f.args, NULL),
                "index 4 is outside 0..3 (rows of f32[4])");
    tear_down(&f);
}

static void test_arguments(void) {
    fixture f;
    set_up(&f,
           "graph @g { %0 = input {index=0, name=\"x\"} : f32[2] %1 = var {index=0, name=\"w\"} : "
           "f32[2]"
           " %2 = add %0, %1 : f32[2] return y=%2 }");
    f.in[0] = numbers(DN_F32, 3, (double[]){1, 2, 3});
    f.vars[0] = numbers(DN_F64, 2, (double[]){1, 2});
    CHECK_FAILS(dn_interp_run(f.interp, pool, &f.args, NULL),
                "input x is f32[3] and has to be f32[2]");
    dn_tensor_release(f.in[0]);
    f.in[0] = numbers(DN_F32, 2, (double[]){1, 2});
    CHECK_FAILS(dn_interp_run(f.interp, pool, &f.args, NULL),
                "variable w is f64[2] and has to be f32[2]");
    dn_tensor_release(f.vars[0]);
    f.vars[0] = NULL;
    CHECK_FAILS(dn_interp_run(f.interp, pool, &f.args, NULL), "variable w is missing");
    f.vars[0] = numbers(DN_F32, 2, (double[]){1, 2});
    run(&f);
    check_numbers(f.out[0], 2, (double[]){2, 4});
    tear_down(&f);
}

// What no result needs is not evaluated: the index is out of range.
static void test_dead_nodes(void) {
    fixture f;
    set_up(&f,
           "graph @g { %0 = input {index=0, name=\"x\"} : f32[2] %1 = const {value=5} : i32[1]"
           " %2 = gather %0, %1 : f32[1] %3 = neg %0 : f32[2] return y=%3 }");
    f.in[0] = numbers(DN_F32, 2, (double[]){1, 2});
    run(&f);
    check_numbers(f.out[0], 2, (double[]){-1, -2});
    tear_down(&f);
}

static void test_no_memory(void) {
    fixture f;
    set_up(&f,
           "graph @g { %0 = var {index=0, name=\"w\"} : f32[1] %1 = add %0, %0 : f32[1]"
           " %2 = iota {axis=0} : f32[1000000000000000] %3 = reduce_sum %2 {axes=[0]} : f32"
           " return y=%3 update w=%1 }");
    const dn_node *culprit = NULL;
    f.vars[0] = numbers(DN_F32, 1, (double[]){1});
    dn_status status = dn_interp_run(f.interp, pool, &f.args, &culprit);
    CHECK(status && dn_status_code(status) == DN_MEMORY);
    CHECK(status && strstr(dn_status_message(status), "a tensor f32[1000000000000000]"));
    CHECK(culprit && culprit->op == DN_OP_IOTA);
    check_numbers(f.vars[0], 1, (double[]){1});
    dn_status_free(status);
    tear_down(&f);
}

// ---- Random numbers ----

static void test_random(void) {
    enum { N = 50001 };
    fixture f;
    set_up(&f,
           "graph @g { %0 = uniform {site=3} : f32[50001] %1 = normal {site=4} : f32[50001]"
           " %2 = uniform {site=5, seed=77} : f64[50001] %3 = normal {site=6, seed=78} : f64[50001]"
           " return a=%0, b=%1, c=%2, d=%3 }");
    f.args.seed = 12345678901;
    f.args.step = 42;
    run(&f);
    double *want = dn_xmalloc(N * sizeof *want);
    dn_rng_stream stream = {.seed = 12345678901, .step = 42, .site = 3};
    dn_rng_uniform_f32(&stream, 0, N, (float *)want);
    CHECK(memcmp(f.out[0]->data, want, N * sizeof(float)) == 0);
    stream.site = 4;
    dn_rng_normal_f32(&stream, 0, N, (float *)want);
    CHECK(memcmp(f.out[1]->data, want, N * sizeof(float)) == 0);
    stream = (dn_rng_stream){.seed = 77, .site = 5};
    dn_rng_uniform_f64(&stream, 0, N, want);
    CHECK(memcmp(f.out[2]->data, want, N * sizeof(double)) == 0);
    stream = (dn_rng_stream){.seed = 78, .site = 6};
    dn_rng_normal_f64(&stream, 0, N, want);
    CHECK(memcmp(f.out[3]->data, want, N * sizeof(double)) == 0);
    free(want);
    tear_down(&f);
}

static void test_node_failure(void) {
    fixture f;
    set_up(&f,
           "graph @g { %0 = input {index=0, name=\"x\"} : f32[2] %1 = input {index=1, name=\"i\"} "
           ": i32[1]"
           " %2 = gather %0, %1 : f32[1] return y=%2 }");
    dn_tensor *out = NULL;
    f.in[0] = numbers(DN_F32, 2, (double[]){1, 2});
    f.in[1] = numbers(DN_I32, 1, (double[]){2});
    CHECK_FAILS(dn_interp_node(pool, f.graph->outputs[0].node, f.in, 0, 0, &out), "index 2");
    CHECK(!out);
    tear_down(&f);
}

int main(void) {
    CHECK_OK(dn_pool_new(2, &pool));
    test_in_place();
    test_results();
    test_periods();
    test_repeated_periods();
    test_long_period();
    test_variables();
    test_failure_changes_nothing();
    test_interrupt();
    test_scatter_failure();
    test_arguments();
    test_dead_nodes();
    test_no_memory();
    test_random();
    test_node_failure();
    dn_pool_free(pool);
    return CHECK_RESULT();
}
