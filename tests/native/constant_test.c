// What is kept from run to run: which kernels, their order, and their places in the arena.
#include <stdlib.h>
#include <string.h>

#include "codegen/kernel/access.h"
#include "tests/native/handmade.h"

static dn_dims *dims;

enum { COUNT = 10 };

static int add_outside(dn_kernels *kernels, dn_buffer_kind kind, int index) {
    return add_buffer(kernels,
                      (dn_buffer){.kind = kind, .dtype = DN_F32, .count = COUNT, .index = index});
}

// A kernel that adds `y` (-1: a constant) to `x` and writes the sum to `to`.
static void add_sum(dn_kernels *kernels, const char *name, int x, int y, int to) {
    dn_kernel *kernel = add_kernel(kernels, DN_KERNEL_LOOP, name);
    add_axis(kernel, COUNT, DN_AXIS_PARALLEL);
    int target = add_arg(kernel, to);
    int a = add_load(kernel, add_arg(kernel, x), at(0, 1, 0, 0));
    int b = y < 0 ? add_const(kernel, 1) : add_load(kernel, add_arg(kernel, y), at(0, 1, 0, 0));
    add_store(kernel, target, at(0, 1, 0, 0), add_op(kernel, DN_OP_ADD, a, b));
}

static dn_kernels *new_entry(void) { return new_kernels(dn_graph_new(dims, "constants")); }

static void check_order(const dn_kernels *kernels, int n_constant, const char *names) {
    dn_str order = {0};
    for (int i = 0; i < kernels->n; i++) dn_str_puts(&order, kernels->list[i]->name);
    CHECK(kernels->n_constant == n_constant, "%d", kernels->n_constant);
    CHECK(strcmp(order.text, names) == 0, "%s", order.text);
    free(order.text);
}

// a = input + 1, b = w + 1, c = a + b, d = b + w, output = c + d
static void test_order_and_places(void) {
    dn_kernels *kernels = new_entry();
    int x = add_outside(kernels, DN_BUFFER_INPUT, 0), w = add_outside(kernels, DN_BUFFER_VAR, 0);
    int out = add_outside(kernels, DN_BUFFER_OUTPUT, 0);
    int a = add_temp(kernels, COUNT), b = add_temp(kernels, COUNT), c = add_temp(kernels, COUNT),
        d = add_temp(kernels, COUNT);
    add_sum(kernels, "a", x, -1, a);
    add_sum(kernels, "b", w, -1, b);
    add_sum(kernels, "c", a, b, c);
    add_sum(kernels, "d", b, w, d);
    add_sum(kernels, "o", c, d, out);
    dn_kernels_keep_constants(kernels);
    check_order(kernels, 2, "bdaco");
    dn_kernels_plan(kernels);
    const dn_buffer *of = kernels->buffers;
    for (int i = a; i <= d; i++) {
        bool kept = i == b || i == d;
        CHECK((of[i].last == kernels->n - 1) == kept || i == c, "%d", i);
        for (int k = a; k <= d; k++)
            if (kept && k != i) CHECK(of[i].offset != of[k].offset, "%d and %d", i, k);
    }
    dn_kernels_free(kernels);
}

// The last kernel, which makes something that nothing uses, may not take over a kept place.
static void test_last(void) {
    dn_kernels *kernels = new_entry();
    int w = add_outside(kernels, DN_BUFFER_VAR, 0), x = add_outside(kernels, DN_BUFFER_INPUT, 0);
    int b = add_temp(kernels, COUNT), unused = add_temp(kernels, COUNT);
    add_sum(kernels, "b", w, -1, b);
    add_sum(kernels, "u", b, x, unused);
    dn_kernels_keep_constants(kernels);
    check_order(kernels, 1, "bu");
    dn_kernels_plan(kernels);
    CHECK(kernels->buffers[b].offset != kernels->buffers[unused].offset, "taken over");
    dn_kernels_free(kernels);
}

// Nothing that depends on a run, on a variable that is written, or on what is made of these.
static void test_varying(void) {
    dn_kernels *kernels = new_entry();
    int w = add_outside(kernels, DN_BUFFER_VAR, 0), v = add_outside(kernels, DN_BUFFER_VAR, 1);
    int noise = add_temp(kernels, COUNT), a = add_temp(kernels, COUNT);
    int b = add_temp(kernels, COUNT), c = add_temp(kernels, COUNT);
    add_arg(add_kernel(kernels, DN_KERNEL_RANDOM, "r"), noise);
    add_sum(kernels, "a", w, noise, a);
    add_sum(kernels, "b", v, -1, b);
    add_sum(kernels, "c", w, b, c);
    add_sum(kernels, "v", c, a, v);
    dn_kernels_keep_constants(kernels);
    check_order(kernels, 0, "rabcv");
    dn_kernels_free(kernels);
}

// A buffer that two kernels write, one of them in each run.
static void test_two_writers(void) {
    dn_kernels *kernels = new_entry();
    int w = add_outside(kernels, DN_BUFFER_VAR, 0), x = add_outside(kernels, DN_BUFFER_INPUT, 0);
    int sum = add_temp(kernels, COUNT);
    add_sum(kernels, "z", w, -1, sum);
    add_sum(kernels, "a", x, sum, sum);
    dn_kernels_keep_constants(kernels);
    check_order(kernels, 0, "za");
    dn_kernels_free(kernels);
}

int main(void) {
    dims = dn_dims_new();
    test_order_and_places();
    test_last();
    test_varying();
    test_two_writers();
    dn_dims_free(dims);
    return CHECK_RESULT();
}
