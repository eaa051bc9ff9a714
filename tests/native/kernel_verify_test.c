// The verifier finds every way in which kernels can be wrong.
#include <stdlib.h>

#include "tests/native/handmade.h"

static dn_dims *dims;

static dn_kernels *step;
static dn_kernel *dot, *reduce, *update;

static void begin(void) {
    step = new_step(dims);
    dot = step->list[STEP_DOT];
    reduce = step->list[STEP_REDUCE];
    update = step->list[STEP_UPDATE];
}

static void end(void) { dn_kernels_free(step); }

// `change` makes a valid step wrong; the message contains `text`.
#define WRONG(change, text)                         \
    do {                                            \
        begin();                                    \
        change;                                     \
        CHECK_FAILS(dn_kernels_verify(step), text); \
        end();                                      \
    } while (0)

#define RIGHT(change)                      \
    do {                                   \
        begin();                           \
        change;                            \
        CHECK_OK(dn_kernels_verify(step)); \
        end();                             \
    } while (0)

static void test_valid(void) {
    RIGHT();
    RIGHT(dn_kernels_plan(step));
    // The text comes with the message.
    begin();
    dot->axes[0].size = 5;
    dn_status status = dn_kernels_verify(step);
    CHECK(status && dn_status_code(status) == DN_INTERNAL, "internal");
    CHECK(status && dn_status_note(status) && strstr(dn_status_note(status), "r0 = dot a0, a1"),
          "the kernel's text");
    dn_status_free(status);
    end();
}

static void test_shape(void) {
    WRONG(update->n_axes = 17, "17 axes");
    WRONG(update->axes[0].size = -1, "axis 0 is no axis");
    WRONG(reduce->axes[0].kind = DN_AXIS_REDUCE;
          reduce->axes[1].kind = DN_AXIS_PARALLEL, "axis 1: order");
    WRONG(dot->axes[1].kind = DN_AXIS_SEQUENTIAL, "not parallel");
    WRONG(update->args[0] = 5, "argument 0 is no buffer");
    WRONG(update->values[0].arg = 1, "%0 loads from no argument");
    WRONG(update->stores[0].arg = -1, "store 0 is to no argument");
    WRONG(update->n_body = 4, "4 of 3 values");
    WRONG(dot->n_body = 1, "reductions and a body are a loop's");
    WRONG(dot->contract.spatial = DN_MAX_SPATIAL + 1, "no contraction");
    WRONG(add_axis(step->list[STEP_RANDOM], 8, DN_AXIS_PARALLEL), "fill one buffer");
}

static void test_values(void) {
    WRONG(update->values[2].in[0] = 2, "%2: %2 is not known");
    WRONG(update->values[2].in[0] = 7, "%2: %7 is not known");
    WRONG(update->values[2].in[1] = -1, "takes 2 operands");
    WRONG(reduce->values[2].in[1] = 1, "takes 1 operands");
    WRONG(update->values[1].in[0] = 0, "operands that it cannot have");
    WRONG(update->values[2].dtype = DN_F64, "mul of such types");
    WRONG(update->values[2].op = DN_OP_LT, "lt of such types");
    WRONG(update->values[2].op = DN_OP_AND, "and of such types");
    WRONG(update->values[2].op = DN_OP_CONCAT, "takes -1 operands");
    WRONG(update->values[0].dtype = DN_I32, "a0 has another dtype");
    WRONG(reduce->values[1].arg = 1, "no result r1");
    WRONG(reduce->values[1].dtype = DN_F64, "r0 has another dtype");
    WRONG(reduce->values[2].in[0] = 0, "%0 is not known");
    WRONG(reduce->n_body = 2, "a result inside the body");
    WRONG(dot->values[1].arg = 1, "no result r1");
    WRONG(update->values[1].kind = DN_KV_INDEX;
          update->values[1].dtype = DN_BOOL, "an index is a number");
    WRONG(reduce->values[2].kind = DN_KV_INDEX; reduce->values[2].in[0] = -1;
          reduce->values[2].access = at(0, 0, 1, 0), "depends on a reduce axis");
}

static void test_accesses(void) {
    WRONG(update->values[0].access.offset = 1, "elements 1 to 6 of a0, which has 6");
    WRONG(update->values[0].access = at(4, -1, 0, 0), "elements -1 to 4");
    WRONG(update->stores[0].access.stride[0] = 2, "elements 0 to 10");
    WRONG(update->values[0].access.stride[0] = INT64_MAX / 2, "overflow");
    WRONG(reduce->stores[0].access.stride[1] = 1, "depends on a reduce axis");
    RIGHT(update->values[0].access.offset = 1; update->axes[0].size = 0);
    // Rows.
    WRONG(update->values[0].in[0] = 0, "%0 is not known");
    WRONG(update->stores[0].row = 0, "its row %0 is no integer");
}

static void test_stores(void) {
    WRONG(dot->stores[0].arg = 0, "an input is not written");
    WRONG(dot->stores[0].value = 3, "%3 is not known");
    WRONG(reduce->stores[0].value = 0; reduce->stores[0].row = 1, "is no integer there");
    WRONG(dot->stores[0].access = at(0, 1, 1, 0), "two points of the parallel axes");
    WRONG(dot->stores[0].access = at(0, 2, 0, 0), "two points of the parallel axes");
    WRONG(update->values[0].access = at(5, -1, 0, 0), "%0 reads what other points write");
    WRONG(step->buffers[STEP_X].kind = DN_BUFFER_TEMP;
          dot->args[3] = STEP_X, "writes the operand a0");
    // Behind the axes that are not parallel, and apart.
    RIGHT(update->axes[0].kind = DN_AXIS_SEQUENTIAL; update->stores[0].access.stride[0] = 0;
          update->values[0].access = at(1, 0, 0, 0));
}

static void test_reductions(void) {
    WRONG(reduce->reductions[0].value = 1, "r0: reduces no value of the body");
    WRONG(reduce->reductions[0].op = DN_OP_ADD, "r0: add is no reduction");
    WRONG(reduce->reductions[0].dtype = DN_F64; reduce->values[1].dtype = DN_F64, "of such types");
    WRONG(reduce->reductions[0].op = DN_OP_ARGMAX, "r0: has a wrong dtype");
}

static void test_contractions(void) {
    WRONG(dot->contract.op = DN_OP_ADD, "add is no contraction");
    WRONG(dot->contract.m = 5, "the axes are not those of the result");
    WRONG(dot->contract.k = 4, "elements 0 to 12 of operand a0");
    WRONG(dot->contract.b_n = 3, "elements 0 to 7 of operand a1");
    WRONG(dot->contract.b_n = -1, "elements -1 to 4 of operand a1");
    WRONG(dot->contract.n_limits = DN_MOST_LIMITS + 1, "5 limits");
    WRONG(dot->contract.n_limits = 1, "limit 0 is outside of the product");
    WRONG(dot->contract.n_limits = 1; dot->contract.parts = 2, "limits of what is no product");
    WRONG(dot->contract.packed = 8, "operand a1 has 6 elements, not 24");
    WRONG(dot->contract.dtype = DN_F64; dot->values[1].dtype = DN_F64;
          dot->values[2].dtype = DN_F64, "such types");
    RIGHT(dot->contract.packed = 2);
    WRONG(dot->contract.parts = 1, "1 parts");
    WRONG(dot->contract.parts = 2, "the axes are not those of the result");
}

// x [2, 5, 6] with w [3, 2, 8] in 3 groups of channels: y [2, 3, 8 * 3].
static dn_kernels *new_conv(dn_op op, int width) {
    dn_kernels *kernels = new_kernels(dn_graph_new(dims, "conv"));
    bool input = op == DN_OP_CONV_INPUT, weight = op == DN_OP_CONV_WEIGHT;
    const int64_t x = 2 * 5 * 6, w = 3 * 2 * 24, y = 2 * 3 * 24;
    int64_t packed = 3 * (input ? 1 * 3 * 8 : 2 * 3 * 2) * width;  // columns: 2, or 8
    const int64_t counts[] = {input ? y : x,
                              weight  ? y
                              : width ? packed
                                      : w,
                              input    ? x
                              : weight ? w
                                       : y};
    int64_t axes[] = {weight ? 3 : 2, weight ? 2 : input ? 5 : 3, input ? 6 : 24};
    for (int i = 0; i < 3; i++) add_temp(kernels, counts[i]);
    for (int i = 0; i < 2; i++) {
        dn_kernel *fill = add_kernel(kernels, DN_KERNEL_RANDOM, "uniform");
        add_arg(fill, i);
    }
    dn_kernel *conv = add_kernel(kernels, DN_KERNEL_CONTRACT, "conv1d");
    for (int i = 0; i < 3; i++) {
        add_arg(conv, i);
        add_axis(conv, axes[i], DN_AXIS_PARALLEL);
    }
    conv->contract = (dn_contract){.op = op,
                                   .dtype = DN_F32,
                                   .spatial = 1,
                                   .images = 2,
                                   .channels = 6,
                                   .filters = 24,
                                   .groups = 3,
                                   .image = {5},
                                   .out = {3},
                                   .kernel = {3},
                                   .stride = {2},
                                   .dilation = {1},
                                   .lo = {1},
                                   .packed = width};
    add_store(conv, 2, at(0, axes[1] * axes[2], axes[2], 1), add_result(conv, 0));
    return kernels;
}

// Operands of bf16: of sums of f32 alone, and only where the kernel says so; pairs of steps.
static void check_narrow(dn_kernels *kernels) {
    dn_kernel *conv = kernels->list[2];
    for (int i = 0; i < 2; i++) {
        const char *text = i ? "operand a1 has another dtype" : "operand a0 has another dtype";
        conv->contract.narrow[i] = true;
        CHECK_FAILS(dn_kernels_verify(kernels), text);
        kernels->buffers[i].dtype = DN_BF16;
        CHECK_OK(dn_kernels_verify(kernels));
        conv->contract.narrow[i] = false;
        CHECK_FAILS(dn_kernels_verify(kernels), text);
        kernels->buffers[i].dtype = DN_F32;
    }
    conv->contract.pairs = true;
    CHECK_FAILS(dn_kernels_verify(kernels), "by pairs");
    conv->contract.narrow[0] = conv->contract.narrow[1] = true;
    kernels->buffers[0].dtype = kernels->buffers[1].dtype = DN_BF16;
    bool packed = conv->contract.packed;  // of 2 channels, 8 filters
    if (packed)
        CHECK_OK(dn_kernels_verify(kernels));
    else
        CHECK_FAILS(dn_kernels_verify(kernels), "by pairs");
    conv->contract.channels = conv->contract.filters = 9;
    CHECK_FAILS(dn_kernels_verify(kernels), "by pairs");
    conv->contract.channels = 6, conv->contract.filters = 24;
    conv->contract.narrow[1] = conv->contract.pairs = false;
    kernels->buffers[0].dtype = kernels->buffers[1].dtype = DN_F32;
    conv->contract.narrow[0] = true;
    conv->contract.dtype = conv->values[0].dtype = kernels->buffers[2].dtype = DN_F64;
    CHECK_FAILS(dn_kernels_verify(kernels), "bf16 operands of a sum of f64");
    conv->contract.narrow[0] = false;
    conv->contract.dtype = conv->values[0].dtype = kernels->buffers[2].dtype = DN_F32;
}

static void test_convolutions(void) {
    static const dn_op ops[] = {DN_OP_CONV, DN_OP_CONV_INPUT, DN_OP_CONV_WEIGHT};
    for (int i = 0; i < 6; i++) {
        dn_kernels *kernels = new_conv(ops[i / 2], i % 2 ? 4 : 0);
        dn_contract *c = &kernels->list[2]->contract;
        if (i == 5) {
            CHECK_FAILS(dn_kernels_verify(kernels), "not packed");
            dn_kernels_free(kernels);
            continue;
        }
        CHECK_OK(dn_kernels_verify(kernels));
        check_narrow(kernels);
        c->stride[0] = 0;
        CHECK_FAILS(dn_kernels_verify(kernels), "stride or dilation");
        c->stride[0] = 2;
        c->groups = 5;
        CHECK_FAILS(dn_kernels_verify(kernels), "5 groups");
        c->groups = 3;
        c->images = 1;
        CHECK_FAILS(dn_kernels_verify(kernels), i == 4 ? "operand a0" : "the axes");
        c->images = 2;
        kernels->buffers[1].count++;
        CHECK_FAILS(dn_kernels_verify(kernels), "operand a1");
        kernels->buffers[1].count = 0;
        CHECK_FAILS(dn_kernels_verify(kernels), "operand a1 is empty");
        dn_kernels_free(kernels);
    }
}

static void test_buffers(void) {
    WRONG(step->buffers[STEP_X].index = 1, "buffer 0: the entry has no such");
    WRONG(step->buffers[STEP_Y].count = 5, "buffer 4: not of its type");
    WRONG(step->buffers[STEP_W].dtype = DN_F64, "buffer 1: not of its type");
    WRONG(step->buffers[STEP_SUM].count = -1, "buffer 3: no buffer");
    WRONG(add_buffer(step, step->buffers[STEP_Y]), "buffer 5: the same as buffer 4");
}

static void swap(int a, int b) {
    dn_kernel *kernel = step->list[a];
    step->list[a] = step->list[b];
    step->list[b] = kernel;
}

static void test_order(void) {
    WRONG(swap(STEP_RANDOM, STEP_DOT), "kernel 0 (dot): reads b2");
    WRONG(reduce->args[1] = STEP_SUM, "reads what other points write");
    WRONG(reduce->args[1] = STEP_NOISE, "result 0 is not written");
    WRONG(step->n = 2, "result 0 is not written");
    WRONG(dot->stores[0].add = true, "reads b3, which is not written yet");
    // Behind the update, and in it.
    const dn_kvalue zero = {.kind = DN_KV_INDEX, .dtype = DN_I32, .in = {-1, -1, -1}};
    WRONG(update->values[0] = zero; update->values[2].in[0] = 1;
          update->stores[0].row = 0, "may fail when a variable has been written");
}

static void test_plan(void) {
    WRONG(step->buffers[STEP_NOISE].count = 32; dn_kernels_plan(step);
          step->buffers[STEP_SUM].offset = step->buffers[STEP_NOISE].offset + 64,
          "buffers 2 and 3 are in the same place");
    WRONG(dn_kernels_plan(step); step->buffers[STEP_SUM].offset += 128, "buffer 3 is not in");
    WRONG(dn_kernels_plan(step); step->buffers[STEP_SUM].offset = 8, "buffer 3 is not in");
}

// ---- independence ---------------------------------------------------------------------------

// A store over axes i, j, k (kinds: p, s) of sizes and strides; whether the verifier lets it pass.
static bool passes(const char *kinds, const int64_t *sizes, const int64_t *strides, bool row) {
    dn_kernels *kernels = new_kernels(dn_graph_new(dims, "independent"));
    int table = add_temp(kernels, 1 << 20);
    dn_kernel *fill = add_kernel(kernels, DN_KERNEL_RANDOM, "uniform");
    add_arg(fill, table);
    dn_kernel *kernel = add_kernel(kernels, DN_KERNEL_LOOP, "store");
    for (int i = 0; kinds[i]; i++)
        add_axis(kernel, sizes[i], kinds[i] == 'p' ? DN_AXIS_PARALLEL : DN_AXIS_SEQUENTIAL);
    int index = add_const(kernel, 0);
    kernel->values[index].dtype = DN_I32;
    dn_store *store = add_store(kernel, add_arg(kernel, table),
                                at(0, strides[0], strides[1], strides[2]), add_const(kernel, 1));
    store->add = true;
    if (row) {
        store->row = index;
        store->rows = 10;
        store->scale = 8;
    }
    dn_status status = dn_kernels_verify(kernels);
    bool passed = !status;
    dn_status_free(status);
    dn_kernels_free(kernels);
    return passed;
}

#define INT(...) ((const int64_t[]){__VA_ARGS__})

static void test_independence(void) {
    CHECK(passes("ppp", INT(4, 5, 6), INT(30, 6, 1), false), "row-major");
    CHECK(passes("ppp", INT(4, 5, 6), INT(1, 4, 20), false), "column-major");
    CHECK(passes("pp", INT(2, 3, 0), INT(3, 2, 0), false), "not in order, but different");
    CHECK(!passes("pp", INT(3, 4, 0), INT(3, 2, 0), false), "6 twice");
    CHECK(!passes("ppp", INT(4, 5, 6), INT(30, 5, 1), false), "overlapping rows");
    CHECK(!passes("pp", INT(300, 300, 0), INT(0, 1, 0), false), "broadcast");
    // windows: o * 2 + k, of two channels
    CHECK(passes("pss", INT(2, 7, 5), INT(1, 4, 2), false), "sequential windows");
    CHECK(!passes("pps", INT(2, 7, 5), INT(1, 4, 2), false), "parallel windows");
    CHECK(passes("pps", INT(2, 7, 5), INT(1, 10, 2), false), "windows apart");
    // rows of 8
    CHECK(passes("ps", INT(8, 100, 0), INT(1, 0, 0), true), "a column for each point");
    CHECK(!passes("ps", INT(9, 100, 0), INT(1, 0, 0), true), "columns of the next row");
    CHECK(!passes("pp", INT(8, 100, 0), INT(1, 0, 0), true), "rows in parallel");
}

int main(void) {
    dims = dn_dims_new();
    test_valid();
    test_shape();
    test_values();
    test_accesses();
    test_stores();
    test_reductions();
    test_contractions();
    test_convolutions();
    test_buffers();
    test_order();
    test_plan();
    test_independence();
    dn_dims_free(dims);
    return CHECK_RESULT();
}
