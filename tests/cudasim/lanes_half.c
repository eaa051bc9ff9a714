// Arithmetic of f16 and bf16, single and in pairs: in doubles, rounded once.
#include "tests/cudasim/lanes.h"

typedef enum operation {
    ADD,
    SUB,
    MUL,
    FMA,
    MIN,
    MAX,
    MIN_NAN,
    MAX_NAN,
    ABS,
    NEG,
    EX2,
    TANH
} operation;

static double smaller(double x, double y) {
    if (isnan(x) || (x == y && !signbit(x))) return y;
    return isnan(y) || x <= y ? x : y;
}

static double larger(double x, double y) {
    if (isnan(x) || (x == y && signbit(x))) return y;
    return isnan(y) || x >= y ? x : y;
}

static double apply(int op, double x, double y, double z) {
    switch (op) {
        case ADD: return sim_add_odd(x, y);
        case SUB: return sim_add_odd(x, -y);
        case MUL: return x * y;
        case FMA: return sim_add_odd(x * y, z);
        case MIN: return smaller(x, y);
        case MAX: return larger(x, y);
        case MIN_NAN: return isnan(x) || isnan(y) ? NAN : smaller(x, y);
        case MAX_NAN: return isnan(x) || isnan(y) ? NAN : larger(x, y);
        case EX2: return sim_ex2_approx((float)x);
        default: return sim_tanh_approx((float)x);
    }
}

static uint32_t one(const sim_instr *i, ptx_type type, uint32_t x, uint32_t y, uint32_t z) {
    if (i->mode == ABS) return x & 0x7fff;
    if (i->mode == NEG) return x ^ 0x8000;
    double v = apply(i->mode, sim_float_value(type, x), sim_float_value(type, y),
                     sim_float_value(type, z));
    if (i->sat) v = v > 0 ? (v > 1 ? 1 : v) : 0;
    if (i->relu && v < 0) v = 0;
    return (uint32_t)sim_float_bits(type, v, SIM_RN);
}

#define SINGLE(name, type)                                                         \
    static void name(SIM_LANES_ARGS) {                                             \
        uint32_t *d = dp;                                                          \
        const uint32_t *a = ap, *b = bp, *c = cp;                                  \
        for (int l = 0; l < SIM_LANES; l++) d[l] = one(i, type, a[l], b[l], c[l]); \
    }
#define PAIR(name, type)                                                       \
    static void name(SIM_LANES_ARGS) {                                         \
        uint32_t *d = dp;                                                      \
        const uint32_t *a = ap, *b = bp, *c = cp;                              \
        for (int l = 0; l < SIM_LANES; l++)                                    \
            d[l] = one(i, type, a[l] & 0xffff, b[l] & 0xffff, c[l] & 0xffff) | \
                   one(i, type, a[l] >> 16, b[l] >> 16, c[l] >> 16) << 16;     \
    }
SINGLE(f16, PTX_F16)
SINGLE(bf16, PTX_BF16)
PAIR(f16x2, PTX_F16)
PAIR(bf16x2, PTX_BF16)

#define ROW(op, variant, n, type, fn, number) \
    { op, variant, type, n, .lanes = fn, .general = fn, .mode = number }
#define ALL(op, variant, n, number)                                                         \
    ROW(op, variant, n, PTX_F16, f16, number), ROW(op, variant, n, PTX_BF16, bf16, number), \
        ROW(op, variant, n, PTX_F16X2, f16x2, number),                                      \
        ROW(op, variant, n, PTX_BF16X2, bf16x2, number)
const sim_alu sim_alu_half[] = {
    ALL("add", NULL, 2, ADD),
    ALL("sub", NULL, 2, SUB),
    ALL("mul", NULL, 2, MUL),
    ALL("fma", NULL, 3, FMA),
    ALL("min", "NaN", 2, MIN_NAN),
    ALL("max", "NaN", 2, MAX_NAN),
    ALL("min", NULL, 2, MIN),
    ALL("max", NULL, 2, MAX),
    ALL("abs", NULL, 1, ABS),
    ALL("neg", NULL, 1, NEG),
    ALL("ex2", "approx", 1, EX2),
    ALL("tanh", "approx", 1, TANH),
    {0},
};
