// Conversions of every value of the small types and of ties between them, and the special
// functions: within what the PTX ISA documents, and not better everywhere.
#include <float.h>
#include <stdlib.h>

#include "tests/check.h"
#include "tests/cudasim/matrix.h"

static float from_bits(uint32_t bits) {
    float x;
    memcpy(&x, &bits, 4);
    return x;
}

static uint32_t bits_of(float x) {
    uint32_t bits;
    memcpy(&bits, &x, 4);
    return bits;
}

// --- conversions ---

typedef struct small_type {
    const char *name;
    int mantissa, bias;
    uint16_t infinity;
    uint16_t (*round)(float);
    float (*value)(uint16_t);
} small_type;

static const small_type f16 = {"f16", 10, 15, 0x7c00, sim_f16_round, sim_f16_value};
static const small_type bf16 = {"bf16", 7, 127, 0x7f80, sim_bf16_round, sim_bf16_value};

static double value_of(const small_type *t, uint16_t x) {
    int exponent = (x & 0x7fff) >> t->mantissa, mantissa = x & ((1 << t->mantissa) - 1);
    if (exponent > 0) mantissa += 1 << t->mantissa;
    double magnitude = ldexp(mantissa, (exponent > 0 ? exponent : 1) - t->bias - t->mantissa);
    return x & 0x8000 ? -magnitude : magnitude;
}

static void test_all_values(const small_type *t) {
    int wrong = 0, nan = 0;
    for (uint32_t i = 0; i < 65536; i++) {
        uint16_t x = (uint16_t)i;
        float f = t->value(x);
        if ((x & 0x7fff) > t->infinity) {
            wrong += !isnan(f) || t->round(f) != 0x7fff;
            nan++;
        } else if ((x & 0x7fff) == t->infinity) {
            wrong += f != (x & 0x8000 ? -INFINITY : INFINITY) || t->round(f) != x;
        } else {
            wrong += (double)f != value_of(t, x) || t->round(f) != x;
        }
    }
    CHECK(wrong == 0, "%s: %d values", t->name, wrong);
    CHECK(nan == 2 * ((1 << t->mantissa) - 1));
}

// Half way between x and the next one: to the even one, which may be infinity; next to it: to the
// nearer one.
static void test_all_ties(const small_type *t) {
    int wrong = 0;
    for (uint16_t x = 0; x < t->infinity; x++) {
        double low = value_of(t, x), high = value_of(t, (uint16_t)(x + 1));
        float tie = (float)((low + high) / 2);
        uint16_t even = x % 2 ? (uint16_t)(x + 1) : x;
        wrong += t->round(tie) != even;
        wrong += t->round(-tie) != (even | 0x8000);
        wrong += t->round(nextafterf(tie, 0)) != x;
        wrong += t->round(nextafterf(tie, INFINITY)) != x + 1;
    }
    CHECK(wrong == 0, "%s: %d ties", t->name, wrong);
    CHECK(t->round(FLT_MAX) == t->infinity && t->round(-FLT_MAX) == (t->infinity | 0x8000));
    CHECK(t->round(-0.f) == 0x8000 && t->round(FLT_TRUE_MIN) == 0);
}

// 10 bits of mantissa are kept; a tie goes away from zero.
static void test_tf32(void) {
    static const uint32_t cases[][2] = {
        {0x3f800000, 0x3f800000}, {0x3f800fff, 0x3f800000}, {0x3f801000, 0x3f802000},
        {0xbf801000, 0xbf802000}, {0x3f803000, 0x3f804000}, {0x3ffff000, 0x40000000},
        {0x7f7fffff, 0x7f800000}, {0x7f7fefff, 0x7f7fe000}, {0x7f800000, 0x7f800000},
        {0xff800000, 0xff800000}, {0x80000000, 0x80000000}, {0x00000fff, 0x00000000},
        {0x00001000, 0x00002000}, {0x7f800001, 0x7fffffff}, {0xffffffff, 0x7fffffff}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        uint32_t is = bits_of(sim_tf32_round(from_bits(cases[i][0])));
        CHECK(is == cases[i][1], "%08x: %08x, not %08x", cases[i][0], is, cases[i][1]);
    }
}

// --- special functions ---

static double ulp(double x) {
    int exponent;
    frexp(x, &exponent);
    return ldexp(1, (exponent - 1 < -126 ? -126 : exponent - 1) - 23);
}

typedef enum error_kind { ULPS, RELATIVE, ABSOLUTE } error_kind;

typedef struct function {
    const char *name;
    float (*is)(float);
    double (*exact)(double);
    error_kind kind;
    double bound, low, high;
    bool by_bits;  // arguments are spread over all exponents between low and high
} function;

static double reciprocal(double x) { return 1 / x; }
static double rsqrt(double x) { return 1 / sqrt(x); }

enum { SAMPLES = 20000 };

// The PTX ISA's bound holds, is nearly reached, and a good part of the results is not exact.
static void test_function(const function *f) {
    double most = 0;
    int inexact = 0;
    for (int i = 0; i < SAMPLES; i++) {
        double part = (i + 0.5) / SAMPLES;
        uint32_t low = bits_of((float)f->low), high = bits_of((float)f->high);
        float x = f->by_bits ? from_bits(low + (uint32_t)(part * (high - low)))
                             : (float)(f->low + part * (f->high - f->low));
        double exact = f->exact(x), is = f->is(x), error = fabs(is - exact);
        double unit = f->kind == ULPS ? ulp(exact) : f->kind == RELATIVE ? fabs(exact) : 1;
        if (error / unit > most) most = error / unit;
        inexact += (float)is != (float)exact;
        if (bits_of(f->is(x)) != bits_of((float)is)) CHECK(false, "%s varies", f->name);
    }
    CHECK(most <= f->bound, "%s: %g, allowed are %g", f->name, most, f->bound);
    CHECK(most > f->bound * 0.9, "%s: only %g of %g", f->name, most, f->bound);
    CHECK(inexact > SAMPLES / 4, "%s: %d are inexact", f->name, inexact);
}

static void test_functions(void) {
    const double turn = 2 * M_PI;
    const function functions[] = {
        {"ex2", sim_ex2_approx, exp2, ULPS, 2, -148, 127.99, false},
        {"lg2 near 1", sim_lg2_approx, log2, ABSOLUTE, exp2(-22), 0.5001, 1.9999, false},
        {"lg2", sim_lg2_approx, log2, RELATIVE, exp2(-22), 2, FLT_MAX, true},
        {"lg2 of small", sim_lg2_approx, log2, RELATIVE, exp2(-22), FLT_TRUE_MIN, 0.5, true},
        {"rcp", sim_rcp_approx, reciprocal, ULPS, 1, 0x1p-127, FLT_MAX, true},
        {"rsqrt", sim_rsqrt_approx, rsqrt, RELATIVE, exp2(-22.9), FLT_TRUE_MIN, FLT_MAX, true},
        {"sqrt", sim_sqrt_approx, sqrt, RELATIVE, exp2(-23), FLT_TRUE_MIN, FLT_MAX, true},
        {"sin", sim_sin_approx, sin, ABSOLUTE, exp2(-20.5), -turn, turn, false},
        {"sin to 100 pi", sim_sin_approx, sin, ABSOLUTE, exp2(-14.7), turn, 50 * turn, false},
        {"cos", sim_cos_approx, cos, ABSOLUTE, exp2(-20.5), -turn, turn, false},
        {"cos to 100 pi", sim_cos_approx, cos, ABSOLUTE, exp2(-14.7), turn, 50 * turn, false},
        {"tanh", sim_tanh_approx, tanh, RELATIVE, exp2(-11), FLT_MIN, 10, true},
    };
    for (size_t i = 0; i < sizeof functions / sizeof *functions; i++) test_function(&functions[i]);
}

static void test_divisions(void) {
    double most = 0, most_full = 0;
    for (uint32_t i = 0; i < SAMPLES; i++) {
        float a = from_bits(0x20000000 + i * 50000), b = from_bits(0x7e700000 - i * 100000);
        double exact = (double)a / (double)b;
        if (exact > FLT_MAX || exact < FLT_TRUE_MIN) continue;
        most = fmax(most, fabs((double)sim_div_approx(a, b) - exact) / ulp(exact));
        most_full = fmax(most_full, fabs((double)sim_div_full(-a, b) + exact) / ulp(exact));
    }
    CHECK(most <= 2 && most > 1.8, "%g", most);
    CHECK(most_full <= 2 && most_full > 1.8, "%g", most_full);
    CHECK(sim_div_approx(-1, 0x1.8p126f) == 0 && signbit(sim_div_approx(-1, 0x1.8p126f)));
    CHECK(isnan(sim_div_approx(INFINITY, 0x1.8p126f)));
    CHECK(sim_div_full(1, 0x1.8p126f) > 0);
    CHECK(sim_div_approx(1, 0) == INFINITY && sim_div_full(-1, 0) == -INFINITY);
    CHECK(isnan(sim_div_approx(0, 0)) && isnan(sim_div_full(0, 0)));
    CHECK(sim_div_approx(5, INFINITY) == 0 && sim_div_full(5, -INFINITY) == 0);
}

// The tables of the ISA: what is exact.
static void test_corners(void) {
    static const struct {
        float (*is)(float);
        float minus_infinity, minus_zero, zero, infinity;
    } rows[] = {{sim_ex2_approx, 0, 1, 1, INFINITY},
                {sim_lg2_approx, NAN, -INFINITY, -INFINITY, INFINITY},
                {sim_rcp_approx, -0.f, -INFINITY, INFINITY, 0},
                {sim_rsqrt_approx, NAN, -INFINITY, INFINITY, 0},
                {sim_sqrt_approx, NAN, -0.f, 0, INFINITY},
                {sim_sin_approx, NAN, -0.f, 0, NAN},
                {sim_cos_approx, NAN, 1, 1, NAN},
                {sim_tanh_approx, -1, -0.f, 0, 1}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        const float from[] = {-INFINITY, -0.f, 0, INFINITY, NAN};
        const float to[] = {rows[i].minus_infinity, rows[i].minus_zero, rows[i].zero,
                            rows[i].infinity, NAN};
        for (int k = 0; k < 5; k++) {
            float is = rows[i].is(from[k]);
            bool same = isnan(to[k]) ? isnan(is) : bits_of(is) == bits_of(to[k]);
            CHECK(same, "%zu of %g: %g", i, (double)from[k], (double)is);
        }
    }
    CHECK(isnan(sim_lg2_approx(-1)) && isnan(sim_sqrt_approx(-1)) && isnan(sim_rsqrt_approx(-1)));
    CHECK(sim_ex2_approx(200) == INFINITY && sim_ex2_approx(-200) == 0);
    CHECK(sim_tanh_approx(FLT_TRUE_MIN) == FLT_TRUE_MIN);
    for (float x = 1e3f; x < 1e30f; x *= 1.7f) {
        CHECK(fabsf(sim_sin_approx(x)) <= 1 && fabsf(sim_cos_approx(x)) <= 1);
        CHECK(fabsf(sim_tanh_approx(x)) <= 1);
    }
}

int main(void) {
    test_all_values(&f16);
    test_all_values(&bf16);
    test_all_ties(&f16);
    test_all_ties(&bf16);
    test_tf32();
    test_functions();
    test_divisions();
    test_corners();
    return CHECK_RESULT();
}
