// Prints the multiply-add throughput of THREADS threads in GFLOP/s (two operations each): the limit
// that bench.py compares with. Built by bench.py with -O3 -march=native; no part of dnet.
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#if defined(__AVX512F__)
#define WIDTH 16
#elif defined(__AVX__)
#define WIDTH 8
#else
#define WIDTH 4
#endif

typedef float vec __attribute__((vector_size(WIDTH * sizeof(float))));

enum { CHAINS = 12, ROUNDS = 20000000, PARTS = 10 };  // enough chains to hide a latency of 4 to 6

static pthread_barrier_t barrier;
static volatile float factor = 0.999f, addend = 0.001f;
static volatile float sink;

static double now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static void *work(void *seconds) {
    vec a = {0}, b = {0}, sum[CHAINS];
    a += factor, b += addend;
    for (int i = 0; i < CHAINS; i++) sum[i] = a + (float)i;
    for (int part = 0; part < PARTS; part++) {
        pthread_barrier_wait(&barrier);
        double start = now();
        for (int round = 0; round < ROUNDS; round++) {
#pragma GCC unroll 16
            for (int i = 0; i < CHAINS; i++) sum[i] = sum[i] * a + b;
        }
        pthread_barrier_wait(&barrier);
        ((double *)seconds)[part] = now() - start;
    }
    for (int i = 1; i < CHAINS; i++) sum[0] += sum[i];
    sink = sum[0][0];
    return NULL;
}

int main(int argc, char **argv) {
    int threads = argc > 1 ? atoi(argv[1]) : 1;
    if (threads < 1 || threads > 1024) return 2;
    pthread_t *ids = calloc((size_t)threads, sizeof *ids);
    double(*seconds)[PARTS] = calloc((size_t)threads, sizeof *seconds);
    if (!ids || !seconds) return 1;
    pthread_barrier_init(&barrier, NULL, (unsigned)threads);
    for (int i = 0; i < threads; i++)
        if (pthread_create(&ids[i], NULL, work, seconds[i]) != 0) return 1;
    for (int i = 0; i < threads; i++) pthread_join(ids[i], NULL);
    double best = seconds[0][0];
    for (int part = 1; part < PARTS; part++)
        if (seconds[0][part] < best) best = seconds[0][part];
    printf("%.1f\n", 2.0 * WIDTH * CHAINS * ROUNDS * threads / best / 1e9);
    free(ids);
    free(seconds);
    return 0;
}
