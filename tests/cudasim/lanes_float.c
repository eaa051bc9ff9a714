// Arithmetic of f32 and f64. NaNs of f32 are the one that hardware makes.
#include <fenv.h>

#include "tests/cudasim/lanes.h"

static inline float canonical(float v) {
    uint32_t bits = 0x7fffffff;
    float nan;
    memcpy(&nan, &bits, sizeof nan);
    return v != v ? nan : v;
}

SIM_BINARY(add_f32, float, float, float, canonical(x + y))
SIM_BINARY(sub_f32, float, float, float, canonical(x - y))
SIM_BINARY(mul_f32, float, float, float, canonical(x *y))
SIM_BINARY(div_f32, float, float, float, canonical(x / y))
SIM_TERNARY(fma_f32, float, float, float, float, canonical(fmaf(x, y, z)))
SIM_UNARY(sqrt_f32, float, float, canonical(sqrtf(x)))
SIM_UNARY(rcp_f32, float, float, canonical(1.0f / x))
SIM_BINARY(add_f64, double, double, double, x + y)
SIM_BINARY(sub_f64, double, double, double, x - y)
SIM_BINARY(mul_f64, double, double, double, x *y)
SIM_BINARY(div_f64, double, double, double, x / y)
SIM_TERNARY(fma_f64, double, double, double, double, fma(x, y, z))
SIM_UNARY(sqrt_f64, double, double, sqrt(x))
SIM_UNARY(rcp_f64, double, double, 1.0 / x)

// A number and a NaN: the number; -0 is less than +0.
#define LEAST(T, sign)                      \
    static inline T least_##T(T x, T y) {   \
        if (x != x) return y;               \
        if (y != y) return x;               \
        if (x == y) return sign(x) ? x : y; \
        return x < y ? x : y;               \
    }                                       \
    static inline T most_##T(T x, T y) {    \
        if (x != x) return y;               \
        if (y != y) return x;               \
        if (x == y) return sign(x) ? y : x; \
        return x > y ? x : y;               \
    }
LEAST(float, __builtin_signbitf)
LEAST(double, __builtin_signbit)
SIM_BINARY(min_f32, float, float, float, canonical(least_float(x, y)))
SIM_BINARY(max_f32, float, float, float, canonical(most_float(x, y)))
SIM_BINARY(min_nan_f32, float, float, float, canonical(x != x || y != y ? NAN : least_float(x, y)))
SIM_BINARY(max_nan_f32, float, float, float, canonical(x != x || y != y ? NAN : most_float(x, y)))
SIM_BINARY(min_f64, double, double, double, least_double(x, y))
SIM_BINARY(max_f64, double, double, double, most_double(x, y))

#define SIGN32 0x80000000u
#define SIGN64 0x8000000000000000ull
SIM_UNARY(abs_f32, uint32_t, uint32_t, x & ~SIGN32)
SIM_UNARY(neg_f32, uint32_t, uint32_t, x ^ SIGN32)
SIM_UNARY(abs_f64, uint64_t, uint64_t, x & ~SIGN64)
SIM_UNARY(neg_f64, uint64_t, uint64_t, x ^ SIGN64)
SIM_BINARY(copysign_f32, uint32_t, uint32_t, uint32_t, (x & SIGN32) | (y & ~SIGN32))
SIM_BINARY(copysign_f64, uint64_t, uint64_t, uint64_t, (x & SIGN64) | (y & ~SIGN64))

// ---- with modifiers ----

typedef enum operation { ADD, SUB, MUL, DIV, FMA, SQRT, RCP, MIN, MAX, ABS, NEG } operation;

static inline float flushed(float v, bool ftz) {
    return ftz && fpclassify(v) == FP_SUBNORMAL ? copysignf(0, v) : v;
}

static inline double flushed64(double v, bool ftz) {
    (void)ftz;
    return v;
}

#define APPLY(T, fma_of, sqrt_of)                                      \
    static T apply_##T(int op, volatile T x, volatile T y, T z) {      \
        switch (op) {                                                  \
            case ADD: return x + y;                                    \
            case SUB: return x - y;                                    \
            case MUL: return x * y;                                    \
            case DIV: return x / y;                                    \
            case FMA: return fma_of(x, y, z);                          \
            case SQRT: return sqrt_of(x);                              \
            case RCP: return (T)1 / x;                                 \
            case MIN: return least_##T(x, y);                          \
            case MAX: return most_##T(x, y);                           \
            case ABS: return x < 0 || (x == 0 && signbit(x)) ? -x : x; \
            default: return -x;                                        \
        }                                                              \
    }
APPLY(float, fmaf, sqrtf)
APPLY(double, fma, sqrt)

static int operation_of(const sim_instr *i) { return i->mode; }

#define GENERAL(name, T, flush, finish)                                                       \
    static void name(SIM_LANES_ARGS) {                                                        \
        T *d = dp;                                                                            \
        const T *a = ap, *b = bp, *c = cp;                                                    \
        int op = operation_of(i), before = fegetround();                                      \
        fesetround(sim_c_rounding(i->rounding));                                              \
        for (int l = 0; l < SIM_LANES; l++) {                                                 \
            volatile T value =                                                                \
                apply_##T(op, flush(a[l], i->ftz), flush(b[l], i->ftz), flush(c[l], i->ftz)); \
            T v = flush(value, i->ftz);                                                       \
            if (i->sat) v = v > 0 ? (v > 1 ? 1 : v) : 0;                                      \
            d[l] = finish(v);                                                                 \
        }                                                                                     \
        fesetround(before);                                                                   \
    }
#define AS_IT_IS(v) (v)
GENERAL(general_f32, float, flushed, canonical)
GENERAL(general_f64, double, flushed64, AS_IT_IS)

#define BOTH(op, sources, f32, f64, number)                                               \
    {op, NULL, PTX_F32, sources, .lanes = f32, .general = general_f32, .mode = number}, { \
        op, NULL, PTX_F64, sources, .lanes = f64, .general = general_f64, .mode = number  \
    }
const sim_alu sim_alu_float[] = {
    BOTH("add", 2, add_f32, add_f64, ADD),
    BOTH("sub", 2, sub_f32, sub_f64, SUB),
    BOTH("mul", 2, mul_f32, mul_f64, MUL),
    BOTH("fma", 3, fma_f32, fma_f64, FMA),
    BOTH("mad", 3, fma_f32, fma_f64, FMA),
    {"min", "NaN", PTX_F32, 2, .lanes = min_nan_f32},
    {"max", "NaN", PTX_F32, 2, .lanes = max_nan_f32},
    BOTH("min", 2, min_f32, min_f64, MIN),
    BOTH("max", 2, max_f32, max_f64, MAX),
    BOTH("abs", 1, abs_f32, abs_f64, ABS),
    BOTH("neg", 1, neg_f32, neg_f64, NEG),
    {"copysign", NULL, PTX_F32, 2, .lanes = copysign_f32},
    {"copysign", NULL, PTX_F64, 2, .lanes = copysign_f64},
    {0},
};

// ---- special functions: exact where a rounding is given, else approximate ----

#define APPROXIMATE(name, function)                                             \
    static void name(SIM_LANES_ARGS) {                                          \
        SIM_UNUSED();                                                           \
        float *d = dp;                                                          \
        const float *a = ap;                                                    \
        for (int l = 0; l < SIM_LANES; l++)                                     \
            d[l] = canonical(flushed(function(flushed(a[l], i->ftz)), i->ftz)); \
    }
APPROXIMATE(ex2, sim_ex2_approx)
APPROXIMATE(lg2, sim_lg2_approx)
APPROXIMATE(rcp, sim_rcp_approx)
APPROXIMATE(rsqrt, sim_rsqrt_approx)
APPROXIMATE(sqrt_approx, sim_sqrt_approx)
APPROXIMATE(sin_approx, sim_sin_approx)
APPROXIMATE(cos_approx, sim_cos_approx)
APPROXIMATE(tanh_approx, sim_tanh_approx)

#define APPROXIMATE_DIVISION(name, function)                                              \
    static void name(SIM_LANES_ARGS) {                                                    \
        SIM_UNUSED();                                                                     \
        float *d = dp;                                                                    \
        const float *a = ap, *b = bp;                                                     \
        for (int l = 0; l < SIM_LANES; l++)                                               \
            d[l] = canonical(                                                             \
                flushed(function(flushed(a[l], i->ftz), flushed(b[l], i->ftz)), i->ftz)); \
    }
APPROXIMATE_DIVISION(div_approx, sim_div_approx)
APPROXIMATE_DIVISION(div_full, sim_div_full)

// f64: the upper word of the result alone, as the ISA says.
static double upper(double v) {
    uint64_t bits;
    memcpy(&bits, &v, sizeof bits);
    bits &= 0xffffffff00000000ull;
    memcpy(&v, &bits, sizeof v);
    return v;
}
SIM_UNARY(rcp_approx_f64, double, double, upper(1.0 / x))
SIM_UNARY(rsqrt_approx_f64, double, double, upper(1.0 / sqrt(x)))

#define SPECIAL(op, variant, fn) \
    { op, variant, PTX_F32, 1, .lanes = fn, .general = fn }
const sim_alu sim_alu_special[] = {
    SPECIAL("ex2", "approx", ex2),
    SPECIAL("lg2", "approx", lg2),
    SPECIAL("rcp", "approx", rcp),
    SPECIAL("rsqrt", "approx", rsqrt),
    SPECIAL("sqrt", "approx", sqrt_approx),
    SPECIAL("sin", "approx", sin_approx),
    SPECIAL("cos", "approx", cos_approx),
    SPECIAL("tanh", "approx", tanh_approx),
    {"div", "approx", PTX_F32, 2, .lanes = div_approx, .general = div_approx},
    {"div", "full", PTX_F32, 2, .lanes = div_full, .general = div_full},
    {"rcp", "approx", PTX_F64, 1, .lanes = rcp_approx_f64, .general = rcp_approx_f64},
    {"rsqrt", "approx", PTX_F64, 1, .lanes = rsqrt_approx_f64, .general = rsqrt_approx_f64},
    BOTH("div", 2, div_f32, div_f64, DIV),
    BOTH("sqrt", 1, sqrt_f32, sqrt_f64, SQRT),
    BOTH("rcp", 1, rcp_f32, rcp_f64, RCP),
    {0},
};
