// The text, the counts and the reports of kernels.
#include <stdlib.h>

#include "codegen/kernel/report.h"
#include "tests/check.h"
#include "tests/native/handmade.h"

static dn_dims *dims;

static bool place(void *context, dn_span span, const char **path, int *line, int *column) {
    (void)context;
    *path = "gan.dnet";
    *line = (int)span.begin;
    *column = 1;
    return span.file != 0;
}

static const dn_places places = {place, NULL};

static void check_text(dn_str *got, const char *want) {
    CHECK(got->text && strcmp(got->text, want) == 0, "got:\n%s", got->text);
    free(dn_str_take(got));
}

static void test_print(void) {
    dn_kernels *kernels = new_step(dims);
    dn_kernels_plan(kernels);
    dn_str text = {0};
    dn_kernels_print_at(kernels, &places, &text);
    check_text(&text,
               "entry \"step\", arena 128 bytes\n"
               "buffer b0 = f32[12] input 0, input of the graph's %0\n"
               "buffer b1 = f32[6] var 0, var of the graph's %1\n"
               "buffer b2 = f32[8] temp at 0, kernels 0 to 1, normal of the graph's %3\n"
               "buffer b3 = f32[8] temp at 64, kernels 1 to 2, add of the graph's %4\n"
               "buffer b4 = f32[4] output 0, exp of the graph's %6\n"
               "\n"
               "# 0\n"
               "kernel random \"normal\" at gan.dnet:10 {\n"
               "  arg a0 = b2 f32[8] temp\n"
               "  fill a0 normal, site 7\n"
               "}\n"
               "\n"
               "# 1\n"
               "kernel contract \"dot\" at gan.dnet:10 {\n"
               "  axes i 4, j 2\n"
               "  arg a0 = b0 f32[12] input 0\n"
               "  arg a1 = b1 f32[6] var 0\n"
               "  arg a2 = b2 f32[8] temp\n"
               "  arg a3 = b3 f32[8] temp\n"
               "  r0 = dot a0, a1 : f32, m 4 (a 3), n 2 (b 1), k 3 (a 1, b 2)\n"
               "  then\n"
               "    %0 = load a2[i*2 + j] : f32\n"
               "    %1 = result r0 : f32\n"
               "    %2 = add %1, %0 : f32\n"
               "    store a3[i*2 + j], %2\n"
               "}\n"
               "\n"
               "# 2\n"
               "kernel loop \"max\" at gan.dnet:11 {\n"
               "  axes i 4, reduce j 2\n"
               "  arg a0 = b3 f32[8] temp\n"
               "  arg a1 = b4 f32[4] output 0\n"
               "  body\n"
               "    %0 = load a0[i*2 + j] : f32\n"
               "    r0 = reduce_max %0 : f32\n"
               "  then\n"
               "    %1 = result r0 : f32\n"
               "    %2 = exp %1 : f32\n"
               "    store a1[i], %2\n"
               "}\n"
               "\n"
               "# 3\n"
               "kernel loop \"sgd\" at gan.dnet:11 {\n"
               "  axes i 6\n"
               "  arg a0 = b1 f32[6] var 0\n"
               "  then\n"
               "    %0 = load a0[i] : f32\n"
               "    %1 = const 0.5 : f32\n"
               "    %2 = mul %0, %1 : f32\n"
               "    store a0[i], %2\n"
               "}\n");
    dn_kernels_free(kernels);
}

// All that the step above has not.
static void test_print_rare(void) {
    dn_kernels *kernels = new_kernels(dn_graph_new(dims, "rare"));
    add_temp(kernels, 1000);
    dn_kernel *k = add_kernel(kernels, DN_KERNEL_LOOP, "loop");
    add_axis(k, 5, DN_AXIS_PARALLEL);
    add_axis(k, 4, DN_AXIS_SEQUENTIAL);
    int a = add_arg(k, 0), b = add_arg(k, 0);
    int index = add_load(k, a, at(7, -2, 0, 0));
    k->values[index].kind = DN_KV_INDEX;
    k->values[index].dtype = DN_I32;
    int row = add_load(k, a, at(0, 0, -1, 0));
    k->values[row].in[0] = index;
    k->values[row].scale = 10;
    k->values[row].rows = 100;
    add_const(k, -INFINITY);
    add_const(k, 0.1);
    k->n_body = k->n_values;
    dn_store *store = add_store(k, b, at(-3, 1, 0, 0), row);
    *store = (dn_store){b, row, store->access, true, index, 10, 100};
    dn_str text = {0};
    dn_kernel_print(kernels, k, true, &text);
    check_text(&text,
               "kernel loop \"loop\" {\n"
               "  axes i 5, sequential j 4\n"
               "  arg a0 = b0 f32[1000] temp\n"
               "  arg a1 = b0 f32[1000] temp, is a0\n"
               "  body\n"
               "    %0 = index -i*2 + 7 : i32\n"
               "    %1 = load a0[%0*10 of 100 rows, -j] : f32\n"
               "    %2 = const -inf : f32\n"
               "    %3 = const 0.1 : f32\n"
               "    add a1[%0*10 of 100 rows, i - 3], %1\n"
               "}\n");
    dn_kernel_print(kernels, k, false, &text);
    check_text(&text,
               "kernel loop {\n"
               "  axes i 5, sequential j 4\n"
               "  arg a0 = f32\n"
               "  arg a1 = f32, is a0\n"
               "  body\n"
               "    %0 = index -i*2 + 7 : i32\n"
               "    %1 = load a0[%0*10 of 100 rows, -j] : f32\n"
               "    %2 = const -inf : f32\n"
               "    %3 = const 0x1.999999999999ap-4 : f32\n"
               "    add a1[%0*10 of 100 rows, i - 3], %1\n"
               "}\n");
    dn_kernels_free(kernels);
}

static void test_print_contractions(void) {
    dn_kernels *kernels = new_kernels(dn_graph_new(dims, "rare"));
    dn_str text = {0};
    dn_kernel *conv = add_kernel(kernels, DN_KERNEL_CONTRACT, "conv2d");
    conv->contract = (dn_contract){.op = DN_OP_CONV,
                                   .dtype = DN_F32,
                                   .spatial = 2,
                                   .images = 8,
                                   .channels = 6,
                                   .filters = 4,
                                   .groups = 2,
                                   .image = {9, 8},
                                   .out = {5, 4},
                                   .kernel = {3, 3},
                                   .stride = {2, 2},
                                   .dilation = {1, 1},
                                   .lo = {1, 1},
                                   .packed = 32,
                                   .parts = 3};
    dn_kernel_print(kernels, conv, false, &text);
    check_text(&text,
               "kernel contract {\n"
               "  r0 = conv a0, a1 : f32, images 8, channels 6, filters 4, groups 2, image 9x8, "
               "out 5x4, kernel 3x3, stride 2x2, dilation 1x1, lo 1x1, packed 32, parts 3\n"
               "}\n");
    conv->contract.parts = 0;
    conv->contract.pairs = true;
    dn_kernel_print(kernels, conv, false, &text);
    CHECK(strstr(text.text, ", packed 32 by pairs\n"), "%s", text.text);
    free(dn_str_take(&text));
    conv->contract = (dn_contract){.op = DN_OP_DOT,
                                   .dtype = DN_F64,
                                   .batches = 1,
                                   .batch = {7},
                                   .a_batch = {12},
                                   .m = 4,
                                   .n = 2,
                                   .k = 3,
                                   .a_m = 3,
                                   .a_k = 1,
                                   .b_k = 2,
                                   .b_n = 1};
    dn_kernel_print(kernels, conv, false, &text);
    check_text(
        &text,
        "kernel contract {\n"
        "  r0 = dot a0, a1 : f64, batch 7 (a 12, b 0), m 4 (a 3), n 2 (b 1), k 3 (a 1, b 2)\n"
        "}\n");
    conv->contract.limits[0] = (dn_limit){.axis = {0, -1}, .index = {6, 0}, .count = 2};
    conv->contract.limits[1] =
        (dn_limit){.steps = true, .axis = {0, 0}, .index = {1, 1}, .count = 0};
    conv->contract.n_limits = 2;
    dn_kernel_print(kernels, conv, false, &text);
    CHECK(strstr(text.text, "k 3 (a 1, b 2), rows 2 where i 6, steps 0 where i 1, i 1\n"), "%s",
          text.text);
    free(dn_str_take(&text));
    dn_kernels_free(kernels);
}

static char *canonical(const dn_kernels *kernels, int index) {
    dn_str text = {0};
    dn_kernel_print(kernels, kernels->list[index], false, &text);
    return dn_str_take(&text);
}

// The canonical form tells what code differs, and nothing else.
static void test_canonical(void) {
    dn_kernels *a = new_step(dims), *b = new_step(dims);
    dn_kernel *update = b->list[STEP_UPDATE];
    dn_kernels_plan(a);
    update->name = "adam";
    update->span.begin = 99;
    add_temp(b, 6);
    update->args[0] = 5;
    char *x = canonical(a, STEP_UPDATE), *y = canonical(b, STEP_UPDATE);
    CHECK(strcmp(x, y) == 0, "%s%s", x, y);
    free(y);
    update->values[1].number = nextafter(0.5, 1);
    y = canonical(b, STEP_UPDATE);
    CHECK(strcmp(x, y) != 0, "another constant");
    free(x);
    free(y);
    // One buffer as two arguments; two buffers in one place.
    add_arg(update, STEP_NOISE);
    x = canonical(b, STEP_UPDATE);
    update->args[1] = 5;
    y = canonical(b, STEP_UPDATE);
    CHECK(strcmp(x, y) != 0, "aliasing");
    free(y);
    update->args[1] = STEP_NOISE;
    b->arena_bytes = 64;
    y = canonical(b, STEP_UPDATE);
    CHECK(strcmp(x, y) != 0, "overlapping");
    free(x);
    free(y);
    dn_kernels_free(a);
    dn_kernels_free(b);
}

static void test_count(void) {
    dn_kernels *kernels = new_step(dims);
    dn_kernels_count(kernels);
    static const double flops[] = {0, 2 * 4 * 2 * 3 + 8, 8 + 4, 6};
    static const double floats[] = {8, 12 + 6 + 8 + 8, 8 + 4, 6 + 6};
    for (int i = 0; i < kernels->n; i++) {
        CHECK(kernels->list[i]->flops == flops[i], "%d: %g", i, kernels->list[i]->flops);
        CHECK(kernels->list[i]->bytes == 4 * floats[i], "%d: %g", i, kernels->list[i]->bytes);
    }
    // A row vector and the same load again; rows of a table added up.
    dn_kernel *k = kernels->list[STEP_UPDATE];
    k->axes[0].size = 2;
    add_axis(k, 3, DN_AXIS_PARALLEL);
    add_load(k, 0, k->values[0].access);
    k->stores[0].add = true;
    dn_kernels_count(kernels);
    CHECK(k->flops == 6 + 6 && k->bytes == 4 * (2 + 2 + 2), "%g %g", k->flops, k->bytes);
    k->stores[0].row = 0;
    dn_kernels_count(kernels);
    CHECK(k->bytes == 4 * (2 + 6 + 6), "%g", k->bytes);
    k->axes[1].size = 0;
    dn_kernels_count(kernels);
    CHECK(k->flops == 0 && k->bytes == 0, "no points: %g %g", k->flops, k->bytes);
    dn_kernels_free(kernels);
}

// The padding taps are in the count, which is one for the three convolutions.
static void test_count_conv(void) {
    static const dn_op ops[] = {DN_OP_CONV, DN_OP_CONV_INPUT, DN_OP_CONV_WEIGHT};
    for (int i = 0; i < 3; i++) {
        dn_kernels *kernels = new_kernels(dn_graph_new(dims, "conv"));
        add_temp(kernels, 100);
        add_temp(kernels, 10);
        dn_kernel *conv = add_kernel(kernels, DN_KERNEL_CONTRACT, "conv2d");
        conv->contract = (dn_contract){.op = ops[i],
                                       .spatial = 2,
                                       .images = 8,
                                       .channels = 6,
                                       .filters = 4,
                                       .groups = 2,
                                       .image = {9, 8},
                                       .out = {5, 4},
                                       .kernel = {3, 2}};
        add_arg(conv, 0);
        add_arg(conv, 1);
        dn_kernels_count(kernels);
        CHECK(conv->flops == 2.0 * 8 * 5 * 4 * 4 * 3 * 2 * 3 && conv->bytes == 440, "%g %g",
              conv->flops, conv->bytes);
        dn_kernels_free(kernels);
    }
}

static void test_memory_report(void) {
    dn_kernels *kernels = new_step(dims);
    kernels->buffers[STEP_NOISE].count <<= 18;
    kernels->buffers[STEP_SUM].count <<= 17;
    kernels->graph->nodes[4]->span = (dn_span){1, 7, 0};
    add_arg(kernels->list[STEP_DOT], add_temp(kernels, 1 << 17));
    dn_kernels_plan(kernels);
    dn_variable_kind kind = DN_VARIABLE_SLOT;
    dn_kernel_report report = {.kernels = kernels, .places = &places, .kinds = &kind};
    dn_str text = {0};
    dn_report_memory(&report, &text);
    check_text(&text,
               "memory of step\n"
               "  parameters              0.000 MiB               0 bytes\n"
               "  state                   0.000 MiB               0 bytes\n"
               "  optimizer slots         0.000 MiB              24 bytes\n"
               "  inputs                  0.000 MiB              48 bytes\n"
               "  outputs                 0.000 MiB              16 bytes\n"
               "  activations            12.501 MiB        13108160 bytes\n"
               "  total                  12.501 MiB        13108248 bytes\n"
               "\n"
               "activations are most at kernel 1, dot (gan.dnet:10): 12.500 MiB\n"
               "           MiB   share  what              line\n"
               "         8.000   64.0%  normal f32[4, 2]  -\n"
               "         4.000   32.0%  add f32[4, 2]     gan.dnet:7\n"
               "         0.500    4.0%  packed copy       -\n");
    dn_kernels_free(kernels);
}

static void test_cost_report(void) {
    dn_kernels *kernels = new_step(dims);
    dn_kernels_count(kernels);
    for (int i = 0; i < kernels->n; i++) {
        kernels->list[i]->flops *= 1e8;
        kernels->list[i]->bytes *= 1e6;
    }
    const dn_native_time times[] = {{0.03, 3}, {0.14, 2}, {0, 0}, {0.01, 1}};
    dn_kernel_report report = {kernels, &places, NULL, {.flops = 1e11, .bytes = 2e10}, NULL};
    dn_str text = {0};
    dn_report_cost(&report, &text);
    check_text(
        &text,
        "cost of step, at 100.0 GFLOP/s and 20.0 GB/s\n"
        " kernel  name    line             GFLOP          MB    FLOP/B    limit ms   share\n"
        "      0  normal  gan.dnet:10      0.000      32.000      0.00       1.600    2.1%\n"
        "      1  dot     gan.dnet:10      5.600     136.000     41.18      56.000   74.1%\n"
        "      2  max     gan.dnet:11      1.200      48.000     25.00      12.000   15.9%\n"
        "      3  sgd     gan.dnet:11      0.600      48.000     12.50       6.000    7.9%\n"
        "         total                    7.400     264.000     28.03      75.600  100.0%\n"
        "\n"
        "kernels  name   line             GFLOP          MB    FLOP/B    limit ms   share\n"
        "      2  dot    gan.dnet:10      5.600     168.000     33.33      57.600   76.2%\n"
        "      2  max    gan.dnet:11      1.800      96.000     18.75      18.000   23.8%\n"
        "         total                   7.400     264.000     28.03      75.600  100.0%\n");
    report.times = times;
    dn_report_cost(&report, &text);
    check_text(&text,
               "cost of step, at 100.0 GFLOP/s and 20.0 GB/s\n"
               " kernel  name    line             GFLOP          MB    FLOP/B    limit ms     took "
               "ms  of limit   share\n"
               "      0  normal  gan.dnet:10      0.000      32.000      0.00       1.600      "
               "10.000     16.0%   11.1%\n"
               "      1  dot     gan.dnet:10      5.600     136.000     41.18      56.000      "
               "70.000     80.0%   77.8%\n"
               "      2  max     gan.dnet:11      1.200      48.000     25.00      12.000       "
               "0.000      0.0%    0.0%\n"
               "      3  sgd     gan.dnet:11      0.600      48.000     12.50       6.000      "
               "10.000     60.0%   11.1%\n"
               "         total                    7.400     264.000     28.03      75.600      "
               "90.000     84.0%  100.0%\n"
               "\n"
               "kernels  name   line             GFLOP          MB    FLOP/B    limit ms     took "
               "ms  of limit   share\n"
               "      2  dot    gan.dnet:10      5.600     168.000     33.33      57.600      "
               "80.000     72.0%   88.9%\n"
               "      2  sgd    gan.dnet:11      1.800      96.000     18.75      18.000      "
               "10.000    180.0%   11.1%\n"
               "         total                   7.400     264.000     28.03      75.600      "
               "90.000     84.0%  100.0%\n");
    dn_kernels_free(kernels);
}

// Small work is told in smaller units.
static void test_cost_units(void) {
    dn_kernels *kernels = new_step(dims);
    dn_kernels_count(kernels);
    dn_kernel_report report = {kernels, &places, NULL, {.flops = 1e11, .bytes = 2e10}, NULL};
    dn_str text = {0};
    dn_report_cost(&report, &text);
    CHECK(strstr(text.text, "   FLOP           B    FLOP/B    limit ns   share\n"), "%s",
          text.text);
    CHECK(strstr(text.text, "total                  74.000     264.000 "), "%s", text.text);
    free(text.text);
    dn_kernels_free(kernels);
}

int main(void) {
    dims = dn_dims_new();
    test_print();
    test_print_rare();
    test_print_contractions();
    test_canonical();
    test_count();
    test_count_conv();
    test_memory_report();
    test_cost_report();
    test_cost_units();
    dn_dims_free(dims);
    return CHECK_RESULT();
}
