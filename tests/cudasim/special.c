// Approximations with the errors that the PTX ISA documents ("Floating Point Instructions": ex2,
// lg2, rcp, rsqrt, sqrt, sin, cos, tanh, div), spread over the allowed interval by a hash of the
// operands. What the ISA's tables give exactly (zeros, infinities, NaN) is exact.
#include <float.h>
#include <math.h>

#include "tests/cudasim/matrix_tile.h"

// A number between -1 and 1, any for each key.
static double spread(uint32_t key) {
    key = (key ^ key >> 16) * 0x7feb352du;
    key = (key ^ key >> 15) * 0x846ca68bu;
    key ^= key >> 16;
    return (double)key / 2147483647.5 - 1;
}

// A number within `bound` of `exact`, or the nearest one where none is.
static float within(double exact, double bound, uint32_t key) {
    float x = (float)(exact + bound * spread(key));
    if (fabs((double)x - exact) <= bound) return x;
    x = nextafterf(x, (float)exact);  // rounding went past the bound
    return fabs((double)x - exact) <= bound ? x : (float)exact;
}

static double ulp_of(double exact) {
    int exponent = exact == 0 ? -126 : ilogb(exact);
    return ldexp(1, (exponent < -126 ? -126 : exponent) - 23);
}

// As within, of exact's sign; exact where it rounds to zero or infinity.
static float within_ulps(double exact, double ulps, uint32_t key) {
    double magnitude = fabs(exact);
    if ((float)magnitude == 0 || !isfinite((float)magnitude)) return (float)exact;
    float x = within(magnitude, ulps * ulp_of(magnitude), key);
    return copysignf(fminf(fmaxf(x, 0), FLT_MAX), (float)exact);
}

float sim_ex2_approx(float x) {
    if (x == 0) return 1;
    return within_ulps(exp2(x), 2, sim_bits_of(x));
}

float sim_lg2_approx(float x) {
    if (!(x > 0) || isinf(x)) return log2f(x);
    double exact = log2(x), bound = 0x1p-22;
    return within(exact, x > 0.5f && x < 2 ? bound : bound * fabs(exact), sim_bits_of(x));
}

float sim_rcp_approx(float x) { return within_ulps(1 / (double)x, 1, sim_bits_of(x)); }

static float within_relative(double exact, double bound, float x) {
    if (exact == 0 || !isfinite(exact)) return (float)exact;
    return within(exact, bound * fabs(exact), sim_bits_of(x));
}

float sim_rsqrt_approx(float x) {
    if (x == 0) return copysignf(INFINITY, x);
    return within_relative(1 / sqrt(x), 0x1p-23, x);
}

float sim_sqrt_approx(float x) { return within_relative(sqrt(x), 0x1p-23, x); }

// Absolute errors. Nothing is promised beyond 100 pi: the error grows with the argument.
static float within_circle(double exact, float x) {
    double turns = fabs(x) / (2 * M_PI);
    double bound = turns <= 1 ? exp2(-20.5) : exp2(-14.7) * fmax(1, turns / 50);
    return fminf(fmaxf(within(exact, bound, sim_bits_of(x)), -1), 1);
}

float sim_sin_approx(float x) {
    if (x == 0 || !isfinite(x)) return sinf(x);
    return within_circle(sin(x), x);
}

float sim_cos_approx(float x) {
    if (x == 0 || !isfinite(x)) return cosf(x);
    return within_circle(cos(x), x);
}

float sim_tanh_approx(float x) {
    if (fabsf(x) < FLT_MIN) return x;
    if (!isfinite(x)) return tanhf(x);
    return fminf(fmaxf(within_relative(tanh(x), 0x1p-11, x), -1), 1);
}

static uint32_t key_of(float a, float b) { return sim_bits_of(a) * 31 + sim_bits_of(b); }

// a * (1 / b), where 1 / b is zero for |b| above 2^126, and infinite for the smallest ones.
float sim_div_approx(float a, float b) {
    float reciprocal = fabsf(b) > 0x1p126f ? copysignf(0, b) : 1 / b;
    if (reciprocal == 0 || !isfinite(reciprocal) || !isfinite(a)) return a * reciprocal;
    return within_ulps((double)a / b, 2, key_of(a, b));
}

float sim_div_full(float a, float b) { return within_ulps((double)a / b, 2, key_of(a, b)); }
