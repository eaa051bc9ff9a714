// Prints a line "times SECONDS" for each product of two N x N matrices of floats but the first,
// which warms up. Built by bench.py against OpenBLAS with -DSGEMM=<its cblas_sgemm>; no part of
// dnet.
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

void SGEMM(int order, int transpose_a, int transpose_b, int m, int n, int k, float alpha,
           const float *a, int lda, const float *b, int ldb, float beta, float *c, int ldc);

enum { ROW_MAJOR = 101, AS_IS = 111 };

static double now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

int main(int argc, char **argv) {
    int n = argc > 1 ? atoi(argv[1]) : 2048, times = argc > 2 ? atoi(argv[2]) : 10;
    size_t size = (size_t)n * (size_t)n;
    float *a = malloc(size * sizeof *a), *b = malloc(size * sizeof *b),
          *c = malloc(size * sizeof *c);
    if (n < 1 || !a || !b || !c) return 1;
    for (size_t i = 0; i < size; i++) {
        a[i] = (float)rand() / (float)RAND_MAX - 0.5f;
        b[i] = (float)rand() / (float)RAND_MAX - 0.5f;
    }
    for (int i = 0; i <= times; i++) {
        double start = now();
        SGEMM(ROW_MAJOR, AS_IS, AS_IS, n, n, n, 1, a, n, b, n, 0, c, n);
        if (i > 0) printf("times %.9f\n", now() - start);
    }
    free(a);
    free(b);
    free(c);
    return 0;
}
