// Random numbers: Random123's known answers, slices against the whole, accuracy of the normals
// against long double arithmetic, and moments and uniformity.
#include "runtime/rng.h"

#include <stdint.h>
#include <stdlib.h>

#include "runtime/base/memory.h"
#include "tests/check.h"

static const long double TURN = 6.283185307179586476925286766559L;

static void check_block(uint32_t block, uint32_t site, uint64_t step, uint64_t seed,
                        const uint32_t want[4]) {
    dn_rng_stream stream = {.seed = seed, .step = step, .site = site};
    uint32_t got[4];
    dn_philox(&stream, block, got);
    for (int i = 0; i < 4; i++) CHECK(got[i] == want[i], "word %d: %08x", i, got[i]);
}

// kat_vectors of Random123 1.14, philox4x32 10.
static void test_known_answers(void) {
    check_block(0, 0, 0, 0, (uint32_t[]){0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8});
    check_block(UINT32_MAX, UINT32_MAX, UINT64_MAX, UINT64_MAX,
                (uint32_t[]){0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd});
    check_block(0x243f6a88, 0x85a308d3, 0x0370734413198a2e, 0x299f31d0a4093822,
                (uint32_t[]){0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1});
}

static uint32_t word(const dn_rng_stream *stream, int64_t i) {
    uint32_t words[4];
    dn_philox(stream, (uint32_t)(i / 4), words);
    return words[i % 4];
}

static uint64_t word64(const dn_rng_stream *stream, int64_t i) {
    return word(stream, 2 * i) | (uint64_t)word(stream, 2 * i + 1) << 32;
}

// The documented words make the documented elements.
static void test_uniform_words(void) {
    dn_rng_stream stream = {.seed = 7, .step = 1 + (UINT64_C(5) << 32), .site = 3};
    float f[300];
    double d[300];
    dn_rng_uniform_f32(&stream, 0, 300, f);
    dn_rng_uniform_f64(&stream, 0, 300, d);
    for (int i = 0; i < 300; i++) {
        CHECK(f[i] == (float)(word(&stream, i) >> 8) / 16777216.0f, "f32 %d", i);
        CHECK(d[i] == (double)(word64(&stream, i) >> 11) / 9007199254740992.0, "f64 %d", i);
        CHECK(dn_rng_u64(&stream, (uint64_t)i) == word64(&stream, i), "u64 %d", i);
        CHECK(dn_rng_double(&stream, (uint64_t)i) == d[i], "double %d", i);
    }
}

// Any slice equals that part of the whole; also far from the start.
static void test_slices(int64_t base) {
    enum { N = 1000 };
    dn_rng_stream stream = {.seed = 11, .step = 2, .site = 9};
    float f[N], fs[N], n[N], ns[N];
    double d[N], ds[N], m[N], ms[N];
    dn_rng_uniform_f32(&stream, base, base + N, f);
    dn_rng_uniform_f64(&stream, base, base + N, d);
    dn_rng_normal_f32(&stream, base, base + N, n);
    dn_rng_normal_f64(&stream, base, base + N, m);
    for (int trial = 0; trial < 200; trial++) {
        int a = rand() % N, b = a + rand() % (N - a + 1);
        size_t count = (size_t)(b - a);
        dn_rng_uniform_f32(&stream, base + a, base + b, fs);
        dn_rng_uniform_f64(&stream, base + a, base + b, ds);
        dn_rng_normal_f32(&stream, base + a, base + b, ns);
        dn_rng_normal_f64(&stream, base + a, base + b, ms);
        CHECK(memcmp(fs, f + a, count * sizeof *f) == 0, "[%d, %d)", a, b);
        CHECK(memcmp(ds, d + a, count * sizeof *d) == 0, "[%d, %d)", a, b);
        CHECK(memcmp(ns, n + a, count * sizeof *n) == 0, "[%d, %d)", a, b);
        CHECK(memcmp(ms, m + a, count * sizeof *m) == 0, "[%d, %d)", a, b);
    }
}

// The error of `got` in units in the last place of a number of `bits` bits.
static double ulps(long double got, long double want, int bits) {
    int exponent;
    frexpl(want, &exponent);
    return (double)(fabsl(got - want) / ldexpl(1, exponent - bits));
}

// Quarter turns come off exactly first: otherwise the rounding of pi shows near the zeros.
static void exact_normal(long double u, long double turns, long double out[2]) {
    long double r = sqrtl(-2 * logl(u)), quarters = rintl(4 * turns);
    long double x = TURN * (turns - quarters / 4), c = cosl(x), s = sinl(x);
    switch ((int)quarters & 3) {
        case 0: out[0] = r * c, out[1] = r * s; break;
        case 1: out[0] = r * -s, out[1] = r * c; break;
        case 2: out[0] = r * -c, out[1] = r * -s; break;
        default: out[0] = r * s, out[1] = r * -c; break;
    }
}

static void test_normal_f32_accuracy(void) {
    enum { N = 1 << 18 };
    dn_rng_stream stream = {.seed = 5, .site = 1};
    float *x = dn_xmalloc(N * sizeof *x);
    dn_rng_normal_f32(&stream, 0, N, x);
    double worst = 0;
    for (int i = 0; i < N; i += 2) {
        // u1 is rounded to f32 on the way, which is part of its definition.
        float u = ((float)(int32_t)(word(&stream, i) >> 1) + 1.0f) * 0x1p-31f;
        long double want[2];
        exact_normal(u, ldexpl((int32_t)word(&stream, i + 1), -32), want);
        for (int j = 0; j < 2; j++) {
            worst = fmax(worst, want[j] == 0 ? x[i + j] != 0 : ulps(x[i + j], want[j], 24));
        }
    }
    printf("normal f32: worst error %.2f ulp\n", worst);
    CHECK(worst < 4, "%g ulp", worst);
    free(x);
}

static void test_normal_f64_accuracy(void) {
    enum { N = 1 << 17 };
    dn_rng_stream stream = {.seed = 5, .site = 2};
    double *x = dn_xmalloc(N * sizeof *x);
    dn_rng_normal_f64(&stream, 0, N, x);
    double worst = 0;
    for (int i = 0; i < N; i += 2) {
        double u = ((double)(int64_t)(word64(&stream, i) >> 1) + 1.0) * 0x1p-63;
        long double want[2];
        exact_normal(u, ldexpl((int64_t)word64(&stream, i + 1), -64), want);
        for (int j = 0; j < 2; j++) worst = fmax(worst, ulps(x[i + j], want[j], 53));
    }
    printf("normal f64: worst error %.2f ulp\n", worst);
    CHECK(worst < 4, "%g ulp", worst);
    free(x);
}

// Pinned bits: a change of these is a change of every trained model.
static void test_pinned(void) {
    dn_rng_stream stream = {.seed = 42, .step = 1000, .site = 17};
    float f[4];
    double d[4];
    dn_rng_normal_f32(&stream, 0, 4, f);
    dn_rng_normal_f64(&stream, 0, 4, d);
    uint64_t h = dn_hash(f, sizeof f, DN_HASH_SEED);
    h = dn_hash(d, sizeof d, h);
    float many[4096];
    dn_rng_normal_f32(&stream, 0, 4096, many);
    h = dn_hash(many, sizeof many, h);
    CHECK(h == UINT64_C(0x2bf915184aff19e1), "%016llx %a %a", (unsigned long long)h, (double)f[0],
          d[0]);
}

enum { SAMPLES = 1 << 20 };

// Moments of standard normals, each within 5 standard deviations of its estimator.
static void check_normal_moments(const double *x) {
    double m[5] = {0}, below = 0, pairs = 0;
    for (int i = 0; i < SAMPLES; i++) {
        double p = 1;
        for (int k = 1; k <= 4; k++) m[k] += p *= x[i];
        below += x[i] < -1.6448536269514722;
        if (i) pairs += x[i] * x[i - 1];
    }
    double root = sqrt(SAMPLES);
    CHECK_NEAR(m[1] / SAMPLES, 0, 5 / root);
    CHECK_NEAR(m[2] / SAMPLES, 1, 5 * sqrt(2) / root);
    CHECK_NEAR(m[3] / SAMPLES, 0, 5 * sqrt(15) / root);
    CHECK_NEAR(m[4] / SAMPLES, 3, 5 * sqrt(96) / root);
    CHECK_NEAR(below / SAMPLES, 0.05, 5 * sqrt(0.05 * 0.95) / root);
    CHECK_NEAR(pairs / SAMPLES, 0, 5 / root);
}

// Chi-squared over 256 cells (mean 255, standard deviation 22.6), range, and neighbours.
static void check_uniformity(const double *x) {
    static int cells[256];
    memset(cells, 0, sizeof cells);
    double pairs = 0;
    for (int i = 0; i < SAMPLES; i++) {
        CHECK(x[i] >= 0 && x[i] < 1, "%g", x[i]);
        cells[(int)(x[i] * 256)]++;
        if (i) pairs += (x[i] - 0.5) * (x[i - 1] - 0.5);
    }
    double chi = 0, expected = SAMPLES / 256.0;
    for (int i = 0; i < 256; i++) chi += (cells[i] - expected) * (cells[i] - expected) / expected;
    CHECK_NEAR(chi, 255, 5 * 22.6);
    CHECK_NEAR(pairs / SAMPLES, 0, 5.0 / 12 / sqrt(SAMPLES));
}

static void test_distributions(void) {
    float *f = dn_xmalloc(SAMPLES * sizeof *f);
    double *d = dn_xmalloc(SAMPLES * sizeof *d);
    dn_rng_stream stream = {.seed = 123, .step = 77, .site = 4};
    dn_rng_uniform_f64(&stream, 0, SAMPLES, d);
    check_uniformity(d);
    dn_rng_normal_f64(&stream, 0, SAMPLES, d);
    check_normal_moments(d);
    dn_rng_uniform_f32(&stream, 0, SAMPLES, f);
    for (int i = 0; i < SAMPLES; i++) d[i] = f[i];
    check_uniformity(d);
    dn_rng_normal_f32(&stream, 0, SAMPLES, f);
    for (int i = 0; i < SAMPLES; i++) d[i] = f[i];
    check_normal_moments(d);
    // One number from each of many steps is as good as many from one step.
    for (int i = 0; i < SAMPLES; i++) {
        stream.step = (uint64_t)i;
        d[i] = dn_rng_double(&stream, 0);
    }
    check_uniformity(d);
    free(f);
    free(d);
}

static void test_below(void) {
    dn_rng_stream stream = {.seed = 9, .site = 2};
    int counts[7] = {0};
    for (uint64_t i = 0; i < 70000; i++) {
        uint64_t x = dn_rng_below(&stream, i, 7);
        CHECK(x < 7, "%llu", (unsigned long long)x);
        if (x < 7) counts[x]++;
    }
    for (int i = 0; i < 7; i++) CHECK_NEAR(counts[i], 10000, 500);
    // n just above 2^63 rejects every other draw; each half of the range must stay equally likely.
    uint64_t n = (UINT64_C(1) << 63) + 2, low = 0;
    for (uint64_t i = 0; i < 20000; i++) {
        uint64_t x = dn_rng_below(&stream, i, n);
        CHECK(x < n, "%llu", (unsigned long long)x);
        low += x < n / 2;
    }
    CHECK_NEAR((double)low, 10000, 360);
    for (uint64_t i = 0; i < 100; i++) CHECK(dn_rng_below(&stream, i, 1) == 0, "n = 1");
}

int main(void) {
    test_known_answers();
    test_uniform_words();
    test_slices(0);
    test_slices((INT64_C(1) << 33) - 1000);
    test_normal_f32_accuracy();
    test_normal_f64_accuracy();
    test_pinned();
    test_distributions();
    test_below();
    return CHECK_RESULT();
}
