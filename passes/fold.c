#include "passes/fold.h"

#include <math.h>

#include "ir/meaning.h"

// The expressions of ops.def are expanded once for each way to compute.

#define OP(ENUM, name, arity, attrs, grad, doc)
#define UNARY(ENUM, name, domain, expr, grad, doc) \
    case DN_OP_##ENUM:                             \
        *out = (double)(expr);                     \
        return true;
#define BINARY(ENUM, name, domain, result, expr, grad, doc) \
    case DN_OP_##ENUM: *out = (double)(expr); return true;

// ---- floats ----

#define KIND FLOAT
#define T float
#define MATH(name) name##f
static bool fold_f32(dn_op op, T x, T y, double *out) {
    switch (op) {
#include "ir/ops.def"
        default: return false;
    }
}
#undef T
#undef MATH

#define T double
#define MATH(name) name
static bool fold_f64(dn_op op, T x, T y, double *out) {
    switch (op) {
#include "ir/ops.def"
        default: return false;
    }
}
#undef T
#undef MATH
#undef KIND

// ---- integers and booleans ----
// Computed in 64 bits; *lost is set when that is not enough.

static int64_t int_neg(bool *lost, int64_t a) {
    *lost = *lost || a == INT64_MIN;
    return *lost ? 0 : -a;
}

static int64_t int_abs(bool *lost, int64_t a) { return a < 0 ? int_neg(lost, a) : a; }

#define OVERFLOWING(name)                                         \
    static int64_t int_##name(bool *lost, int64_t a, int64_t b) { \
        int64_t r = 0;                                            \
        if (__builtin_##name##_overflow(a, b, &r)) *lost = true;  \
        return r;                                                 \
    }
OVERFLOWING(add)
OVERFLOWING(sub)
OVERFLOWING(mul)

static int64_t int_div(bool *lost, int64_t a, int64_t b) {
    if (b == -1) return int_neg(lost, a);
    return b == 0 ? 0 : a / b;
}

static int64_t int_rem(int64_t a, int64_t b) { return b == 0 || b == -1 ? 0 : a % b; }

// The same calls as for floats, with `lost` slipped in.
#define KIND CHECKED
#define CHECKED_NEG(a) int_neg(&lost, a)
#define CHECKED_ABS(a) int_abs(&lost, a)
#define CHECKED_ADD(a, b) int_add(&lost, a, b)
#define CHECKED_SUB(a, b) int_sub(&lost, a, b)
#define CHECKED_MUL(a, b) int_mul(&lost, a, b)
#define CHECKED_DIV(a, b) int_div(&lost, a, b)
#define CHECKED_REM(a, b) int_rem(a, b)
#define T int64_t
#undef UNARY
#undef BINARY
#define UNARY(ENUM, name, domain, expr, grad, doc) INT_##domain(ENUM, expr)
#define BINARY(ENUM, name, domain, result, expr, grad, doc) INT_##domain(ENUM, expr)
#define INT_FLOAT(...)
#define INT_NUMERIC(ENUM, ...) \
    case DN_OP_##ENUM:         \
        r = (__VA_ARGS__);     \
        break;
#define INT_BOOLEAN INT_NUMERIC
#define INT_ANY INT_NUMERIC
static bool fold_int(dn_op op, T x, T y, double *out) {
    bool lost = false;
    int64_t r = 0;
    switch (op) {
#include "ir/ops.def"
        default: return false;
    }
    *out = (double)r;
    return !lost;
}
#undef T
#undef KIND
#undef OP
#undef UNARY
#undef BINARY

// ---- what the rest sees ----

static const double exact_integers = 9007199254740992.0;  // 2^53: beyond it doubles skip integers

static bool holds_integer(dn_dtype dtype, double x) {
    switch (dtype) {
        case DN_BOOL: return x == 0 || x == 1;
        case DN_U8: return x >= 0 && x <= UINT8_MAX;
        case DN_I32: return x >= INT32_MIN && x <= INT32_MAX;
        default: return fabs(x) <= exact_integers;
    }
}

double dn_fold_round(dn_dtype dtype, double x) {
    if (dtype == DN_BF16) return (double)dn_bf16_to_f32(dn_bf16_from_f32((float)x));
    return dtype == DN_F32 ? (double)(float)x : x;
}

bool dn_fold_elementwise(dn_op op, dn_dtype dtype, double x, double y, double *out) {
    bool to_bool = dn_op_get(op)->to_bool;
    if (dtype == DN_F32) return fold_f32(op, (float)x, (float)y, out);
    if (dtype == DN_F64) return fold_f64(op, x, y, out);
    if (dtype == DN_BF16) {
        if (!fold_f32(op, (float)x, (float)y, out)) return false;
        *out = dn_fold_round(DN_BF16, *out);
        return true;
    }
    if (!holds_integer(dtype, x) || !holds_integer(dtype, y)) return false;
    return fold_int(op, (int64_t)x, (int64_t)y, out) &&
           holds_integer(to_bool ? DN_BOOL : dtype, *out);
}

bool dn_fold_cast(dn_dtype from, dn_dtype to, double x, double *out) {
    x = dn_fold_round(from, x);
    *out = x;
    if (dn_dtype_is_float(to))
        *out = dn_fold_round(to, x);
    else if (to == DN_BOOL)
        *out = x != 0;
    else if (dn_dtype_is_float(from))
        *out = x != x ? 0 : trunc(x);
    else
        return holds_integer(to, x);
    if (to == DN_BOOL || dn_dtype_is_float(to)) return true;
    double lowest = to == DN_U8 ? 0 : INT32_MIN, highest = to == DN_U8 ? UINT8_MAX : INT32_MAX;
    if (to != DN_I64) *out = fmin(fmax(*out, lowest), highest);
    return holds_integer(to, *out);
}

// Partial sums are k x for k up to count: exact when the odd part of x times count fits in the
// mantissa, and nothing under- or overflows. bf16 is summed in f32.
bool dn_fold_sum(dn_dtype dtype, double x, int64_t count, double *out) {
    if (count < 0 || (double)count > exact_integers || !isfinite(x)) return false;
    *out = x * (double)count;
    if (!dn_dtype_is_float(dtype)) return holds_integer(dtype, *out);
    int bits = dtype == DN_F64 ? 53 : 24, exponent;
    double mantissa = ldexp(frexp(x, &exponent), bits);
    while (mantissa != 0 && fmod(mantissa, 2) == 0) mantissa /= 2;
    bool small = fabs(mantissa) * (double)count <= ldexp(1, bits);
    *out = dn_fold_round(dtype, *out);
    return small && isfinite(*out);
}
