// Short loops that do nothing but what is measured; the best of several tries counts, because
// everything that disturbs one makes it slower.
#include "runtime/native/limits.h"

#include <immintrin.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "runtime/native/native.h"
#include "runtime/native/scratch.h"

enum { CHAINS = 12, ROUNDS = 300000, TRIES = 40 };  // enough to hide a latency of 4 to 6 cycles
enum { COPY_GRAIN = 1 << 20, COPIES = 6 };

double dn_seconds(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

// ---- arithmetic ----

typedef struct arithmetic {
    bool wide;
    volatile float factor, addend, sink;  // unknown to the compiler, which leaves the loop as it is
} arithmetic;

// Chains of multiply-adds, each waiting for itself only.
#define MULTIPLY_ADD(name, isa, vec, broadcast, multiply_add, add, first)                      \
    __attribute__((target(isa))) static void name(arithmetic *a, int64_t begin, int64_t end) { \
        vec factor = broadcast(a->factor), addend = broadcast(a->addend), sum[CHAINS];         \
        for (int i = 0; i < CHAINS; i++) sum[i] = broadcast((float)i);                         \
        for (int64_t round = begin * ROUNDS; round < end * ROUNDS; round++) {                  \
            _Pragma("GCC unroll 16") for (int i = 0; i < CHAINS; i++) sum[i] =                 \
                multiply_add(sum[i], factor, addend);                                          \
        }                                                                                      \
        for (int i = 1; i < CHAINS; i++) sum[0] = add(sum[0], sum[i]);                         \
        a->sink = first(sum[0]);                                                               \
    }
MULTIPLY_ADD(multiply_add_8, "avx2,fma", __m256, _mm256_set1_ps, _mm256_fmadd_ps, _mm256_add_ps,
             _mm256_cvtss_f32)
MULTIPLY_ADD(multiply_add_16, "avx512f", __m512, _mm512_set1_ps, _mm512_fmadd_ps, _mm512_add_ps,
             _mm512_cvtss_f32)

static void arithmetic_body(void *arg, int64_t part, int64_t begin, int64_t end) {
    arithmetic a = *(arithmetic *)arg;
    (void)part;
    (a.wide ? multiply_add_16 : multiply_add_8)(&a, begin, end);
}

static double measure_arithmetic(dn_pool *pool) {
    arithmetic a = {
        .wide = dn_isa_here() >= DN_ISA_AVX512, .factor = 0.999f, .addend = 0.001f, .sink = 0};
    int threads = dn_pool_threads(pool), width = a.wide ? 16 : 8;
    double best = 0;
    for (int i = 0; i < TRIES; i++) {
        double begin = dn_seconds();
        dn_parallel_parts(pool, threads, arithmetic_body, &a);
        double rate = 2.0 * width * CHAINS * ROUNDS * threads / (dn_seconds() - begin);
        if (rate > best) best = rate;
    }
    return best;
}

// ---- memory ----

typedef struct copy {
    char *from, *to;
} copy;

static void copy_body(void *arg, int64_t part, int64_t begin, int64_t end) {
    const copy *c = arg;
    (void)part;
    memcpy(c->to + begin * COPY_GRAIN, c->from + begin * COPY_GRAIN,
           (size_t)(end - begin) * COPY_GRAIN);
}

// Bytes to copy: twice the largest cache, within reason.
static size_t copy_bytes(void) {
    long cache = sysconf(_SC_LEVEL3_CACHE_SIZE);
    long grains = cache > 0 ? 2 * cache / COPY_GRAIN : 0;
    if (grains < 32) grains = 32;
    if (grains > 64) grains = 64;
    return (size_t)grains * COPY_GRAIN;
}

static dn_status measure_memory(dn_pool *pool, double *rate) {
    size_t bytes = copy_bytes();
    dn_scratch scratch = {0};
    DN_TRY(dn_scratch_reserve(&scratch, 2 * bytes));
    copy c = {.from = scratch.base, .to = scratch.base + bytes};
    memset(scratch.base, 1, bytes);  // otherwise all of it would be one page of zeros
    *rate = 0;
    for (int i = 0; i < COPIES; i++) {
        double begin = dn_seconds();
        dn_parallel_parts(pool, (int64_t)(bytes / COPY_GRAIN), copy_body, &c);
        double here = 2.0 * (double)bytes / (dn_seconds() - begin);
        if (here > *rate) *rate = here;
    }
    dn_scratch_free(&scratch);
    return DN_SUCCESS;
}

dn_status dn_machine_measure(dn_pool *pool, dn_machine *out) {
    *out = (dn_machine){.flops = measure_arithmetic(pool), .threads = dn_pool_threads(pool)};
    return measure_memory(pool, &out->bytes);
}
