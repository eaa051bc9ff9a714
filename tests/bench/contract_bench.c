// Speed of contractions on one thread: GFLOP/s by the direct count (padding taps included) and the
// fraction of the multiply-add peak, measured in turns with the kernels. By hand:
//   cc -O2 ... tests/bench/contract_bench.c; ./contract_bench [--avx2] [--bf16] [NAME]
// --bf16: of operands of bf16, with vdpbf16ps where there is one
#include <string.h>

#include "tests/native/contract_jit.h"

// Seconds for 1 GFLOP of independent multiply-adds on vectors of 64 or 32 bytes.
typedef float wide __attribute__((vector_size(64)));
typedef float narrow __attribute__((vector_size(32)));

enum { CHAINS = 12 };  // enough to hide the latency

#define PEAK(name, type, lanes, isa)                                                    \
    __attribute__((target(isa), noinline)) static double name(void) {                   \
        type a = {0}, sum[CHAINS] = {{0}};                                              \
        double start = contraction_seconds();                                           \
        for (int64_t r = 0; r < 500000000 / (CHAINS * lanes); r++)                      \
            _Pragma("GCC unroll 12") for (int i = 0; i < CHAINS; i++) __asm__ volatile( \
                "vfmadd231ps %1, %1, %0" : "+v"(sum[i]) : "v"(a));                      \
        return contraction_seconds() - start;                                           \
    }
PEAK(peak_wide, wide, 16, "avx512f")
PEAK(peak_narrow, narrow, 8, "avx2,fma")

typedef struct shape {
    const char *name;
    int64_t images, image, channels, filters, kernel, stride, lo, hi;
    bool transposed;  // the layer's forward pass is conv_input
} shape;

static const shape shapes[] = {
    {"D1 3-64", 128, 64, 3, 64, 4, 2, 1, 1, false},
    {"D2 64-128", 128, 32, 64, 128, 4, 2, 1, 1, false},
    {"D3 128-256", 128, 16, 128, 256, 4, 2, 1, 1, false},
    {"D4 256-512", 128, 8, 256, 512, 4, 2, 1, 1, false},
    {"D5 512-1", 128, 4, 512, 1, 4, 1, 0, 0, false},
    {"G1 100-512", 128, 4, 512, 100, 4, 1, 0, 0, true},
    {"G2 512-256", 128, 8, 256, 512, 4, 2, 1, 1, true},
    {"G3 256-128", 128, 16, 128, 256, 4, 2, 1, 1, true},
    {"G4 128-64", 128, 32, 64, 128, 4, 2, 1, 1, true},
    {"G5 64-3", 128, 64, 3, 64, 4, 2, 1, 1, true},
    {"d1 1-64", 64, 28, 1, 64, 5, 2, 1, 2, false},
    {"d2 64-128", 64, 14, 64, 128, 5, 2, 1, 2, false},
    {"g1 128-64", 64, 14, 64, 128, 5, 2, 1, 2, true},
    {"g2 64-1", 64, 28, 1, 64, 5, 2, 1, 2, true},
};

static dn_isa isa = DN_ISA_AVX512;
static bool bf16 = false;
static const char *only = "";

static void measure(const char *name, const char *what, dn_contract *c, double flops) {
    char *full = dn_printf("%-11s %s", name, what);
    if (!strstr(full, only)) {
        free(full);
        return;
    }
    c->narrow[0] = c->narrow[1] = bf16;
    dn_pack pack = dn_x86_pack(c);
    c->packed = pack.needed ? pack.width : 0;
    c->pairs = pack.pairs;
    if (pack.needed) c->narrow[1] = pack.pairs;
    for (int i = 0; i < 2; i++) c->narrow[i] = c->narrow[i] && dn_x86_reads_narrow(c, i);
    contraction k;
    contraction_kernel(&k, c);
    contraction_code code;
    contraction_compile(&k, isa, *only ? "/tmp/contract.o" : NULL, &code);
    int64_t counts[] = {k.a_count, k.b_count, k.out_count};
    void *args[3];
    for (int i = 0; i < 3; i++) {
        float *data = args[i] = aligned_alloc(64, (size_t)(counts[i] * 4 + 64) / 64 * 64);
        for (int64_t j = 0; j < counts[i]; j++) data[j] = (float)(j % 17) / 17;
    }
    int64_t tasks = dn_x86_contract_tasks(&k.kernel);
    double best = 1e9, peak = 1e9, until = contraction_seconds() + 0.6;
    while (contraction_seconds() < until) {
        double seconds = isa != DN_ISA_AVX2 ? peak_wide() : peak_narrow();
        if (seconds < peak) peak = seconds;
        for (int i = 0; i < 3; i++) {
            double start = contraction_seconds();
            code.run(args, 0, tasks, NULL);
            seconds = contraction_seconds() - start;
            if (seconds < best) best = seconds;
        }
    }
    double bytes = 4.0 * (double)(counts[0] + counts[1] + counts[2]);
    printf(
        "%s %7.2f ms %7.1f GFLOP/s %5.1f%% of %5.1f  %6.1f GB/s  %4ld tasks  compiled in %.0f ms\n",
        full, best * 1e3, flops / best / 1e9, 100 * flops / best * peak / 1e9, 1 / peak,
        bytes / best / 1e9, (long)tasks, code.compiled * 1e3);
    fflush(stdout);
    for (int i = 0; i < 3; i++) free(args[i]);
    contraction_free(&code);
    free(full);
}

static void measure_dot(const char *name, int64_t m, int64_t n, int64_t steps) {
    dn_contract c = {.op = DN_OP_DOT, .dtype = DN_F32, .m = m, .n = n, .k = steps};
    c.a_m = steps, c.a_k = 1, c.b_k = n, c.b_n = 1;
    measure(name, "", &c, 2.0 * (double)m * (double)n * (double)steps);
}

static void measure_shape(const shape *s) {
    dn_contract c = {.dtype = DN_F32,
                     .spatial = 2,
                     .images = s->images,
                     .channels = s->channels,
                     .filters = s->filters,
                     .groups = 1};
    for (int i = 0; i < 2; i++) {
        c.image[i] = s->image, c.kernel[i] = s->kernel, c.stride[i] = s->stride;
        c.lo[i] = s->lo, c.dilation[i] = 1;
        c.out[i] = (s->image + s->lo + s->hi - s->kernel) / s->stride + 1;
    }
    double flops = 2.0 * (double)(s->images * c.out[0] * c.out[1] * s->channels * s->filters) *
                   (double)(s->kernel * s->kernel);
    c.op = DN_OP_CONV;
    measure(s->name, s->transposed ? "input gradient " : "forward        ", &c, flops);
    c.op = DN_OP_CONV_INPUT;
    measure(s->name, s->transposed ? "forward        " : "input gradient ", &c, flops);
    c.op = DN_OP_CONV_WEIGHT;
    measure(s->name, "weight gradient", &c, flops);
}

int main(int argc, char **argv) {
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--avx2") == 0)
            isa = DN_ISA_AVX2;
        else if (strcmp(argv[i], "--bf16") == 0)
            bf16 = true;
        else
            only = argv[i];
    }
    if (bf16 && isa != DN_ISA_AVX2) isa = DN_ISA_AVX512_BF16;
    if (dn_isa_here() < isa) isa = dn_isa_here();
    measure_dot("dot 2048", 2048, 2048, 2048);
    measure_dot("dot 1024", 1024, 1024, 1024);
    measure_dot("dot 512", 512, 512, 512);
    for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++) measure_shape(&shapes[i]);
    return 0;
}
