// Times oneDNN. Built by bench.py against oneDNN 3; no part of dnet.
//   onednn_bench gemm SIZE TIMES        lines "times SECONDS"; all matrices row by row
//   onednn_bench conv BATCH SIZE INPUTS FILTERS KERNEL STRIDE TIMES
//                                       lines "times FORWARD INPUT KERNEL", in seconds
// A convolution's tensors have the layouts that oneDNN chooses; nothing is reordered inside the
// measured time. The first of TIMES + 1 runs warms up.
#include <oneapi/dnnl/dnnl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static dnnl_engine_t engine;
static dnnl_stream_t stream;

static double now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static void must(dnnl_status_t status, const char *what) {
    if (status == dnnl_success) return;
    fprintf(stderr, "onednn_bench: %s failed: %d\n", what, (int)status);
    exit(1);
}

// A tensor with random numbers in it, whatever their order.
static dnnl_memory_t tensor(const_dnnl_memory_desc_t layout) {
    dnnl_memory_t memory;
    must(dnnl_memory_create(&memory, layout, engine, DNNL_MEMORY_ALLOCATE), "dnnl_memory_create");
    void *data;
    must(dnnl_memory_get_data_handle(memory, &data), "dnnl_memory_get_data_handle");
    size_t n = dnnl_memory_desc_get_size(layout) / sizeof(float);
    for (size_t i = 0; i < n; i++) ((float *)data)[i] = (float)rand() / (float)RAND_MAX - 0.5f;
    return memory;
}

typedef struct {
    dnnl_primitive_t primitive;
    dnnl_exec_arg_t args[3];
} work_t;

// `kinds` are the three tensors' roles, as the primitive's descriptor and its arguments name them.
static work_t prepare(dnnl_primitive_desc_t desc, const dnnl_query_t queries[3],
                      const int args[3]) {
    work_t w;
    must(dnnl_primitive_create(&w.primitive, desc), "dnnl_primitive_create");
    for (int i = 0; i < 3; i++) {
        const_dnnl_memory_desc_t layout = dnnl_primitive_desc_query_md(desc, queries[i], 0);
        w.args[i] = (dnnl_exec_arg_t){args[i], tensor(layout)};
    }
    dnnl_primitive_desc_destroy(desc);
    return w;
}

static double run(const work_t *w) {
    double start = now();
    must(dnnl_primitive_execute(w->primitive, stream, 3, w->args), "dnnl_primitive_execute");
    must(dnnl_stream_wait(stream), "dnnl_stream_wait");
    return now() - start;
}

static dnnl_memory_desc_t layout(int rank, const dnnl_dims_t dims, dnnl_format_tag_t tag) {
    dnnl_memory_desc_t desc;
    must(dnnl_memory_desc_create_with_tag(&desc, rank, dims, dnnl_f32, tag), "a layout");
    return desc;
}

static void gemm(int n, int times) {
    dnnl_dims_t dims = {n, n};
    dnnl_memory_desc_t plain = layout(2, dims, dnnl_ab);
    dnnl_primitive_desc_t desc;
    must(dnnl_matmul_primitive_desc_create(&desc, engine, plain, plain, NULL, plain, NULL),
         "matmul");
    work_t w =
        prepare(desc, (dnnl_query_t[]){dnnl_query_src_md, dnnl_query_weights_md, dnnl_query_dst_md},
                (int[]){DNNL_ARG_SRC, DNNL_ARG_WEIGHTS, DNNL_ARG_DST});
    for (int i = 0; i <= times; i++) {
        double seconds = run(&w);
        if (i > 0) printf("times %.9f\n", seconds);
    }
}

typedef struct {
    int batch, size, inputs, filters, kernel, stride, times;
} shape_t;

static void conv(const shape_t *s) {
    int edge = (s->kernel - 1) / 2, out = (s->size + 2 * edge - s->kernel) / s->stride + 1;
    dnnl_memory_desc_t x =
        layout(4, (dnnl_dims_t){s->batch, s->inputs, s->size, s->size}, dnnl_format_tag_any);
    dnnl_memory_desc_t w =
        layout(4, (dnnl_dims_t){s->filters, s->inputs, s->kernel, s->kernel}, dnnl_format_tag_any);
    dnnl_memory_desc_t y =
        layout(4, (dnnl_dims_t){s->batch, s->filters, out, out}, dnnl_format_tag_any);
    dnnl_dims_t strides = {s->stride, s->stride}, pads = {edge, edge}, dilation = {0, 0};
    dnnl_primitive_desc_t forward, to_input, to_kernel;
    must(dnnl_convolution_forward_primitive_desc_create(&forward, engine, dnnl_forward_training,
                                                        dnnl_convolution_direct, x, w, NULL, y,
                                                        strides, dilation, pads, pads, NULL),
         "convolution");
    must(dnnl_convolution_backward_data_primitive_desc_create(
             &to_input, engine, dnnl_convolution_direct, x, w, y, strides, dilation, pads, pads,
             forward, NULL),
         "convolution's gradient for the input");
    must(dnnl_convolution_backward_weights_primitive_desc_create(
             &to_kernel, engine, dnnl_convolution_direct, x, w, NULL, y, strides, dilation, pads,
             pads, forward, NULL),
         "convolution's gradient for the kernel");
    const int gx = DNNL_ARG_DIFF_SRC, gw = DNNL_ARG_DIFF_WEIGHTS, gy = DNNL_ARG_DIFF_DST;
    work_t works[] = {
        prepare(forward,
                (dnnl_query_t[]){dnnl_query_src_md, dnnl_query_weights_md, dnnl_query_dst_md},
                (int[]){DNNL_ARG_SRC, DNNL_ARG_WEIGHTS, DNNL_ARG_DST}),
        prepare(
            to_input,
            (dnnl_query_t[]){dnnl_query_diff_src_md, dnnl_query_weights_md, dnnl_query_diff_dst_md},
            (int[]){gx, DNNL_ARG_WEIGHTS, gy}),
        prepare(
            to_kernel,
            (dnnl_query_t[]){dnnl_query_src_md, dnnl_query_diff_weights_md, dnnl_query_diff_dst_md},
            (int[]){DNNL_ARG_SRC, gw, gy}),
    };
    for (int i = 0; i <= s->times; i++) {
        double seconds[3];
        for (int k = 0; k < 3; k++) seconds[k] = run(&works[k]);
        if (i > 0) printf("times %.9f %.9f %.9f\n", seconds[0], seconds[1], seconds[2]);
    }
}

int main(int argc, char **argv) {
    int n[7] = {0};
    for (int i = 2; i < argc && i < 9; i++) n[i - 2] = atoi(argv[i]);
    must(dnnl_engine_create(&engine, dnnl_cpu, 0), "dnnl_engine_create");
    must(dnnl_stream_create(&stream, engine, dnnl_stream_default_flags), "dnnl_stream_create");
    if (argc == 4 && strcmp(argv[1], "gemm") == 0) {
        gemm(n[0], n[1]);
    } else if (argc == 9 && strcmp(argv[1], "conv") == 0) {
        conv(&(shape_t){n[0], n[1], n[2], n[3], n[4], n[5], n[6]});
    } else {
        return 2;
    }
    return 0;
}
