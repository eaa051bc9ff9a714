// x^y = e^(y log |x|), with a sign.
//
// y log x may be 700, and its absolute error is the relative one of the result: the logarithm must
// have ten bits more than the result. f32 is computed in f64; f64 with a logarithm in two parts.
#include <math.h>

#include "codegen/llvm/math_coefficients.h"
#include "codegen/llvm/math_internal.h"

typedef struct sum {  // high + low; low is at most a rounding error of high
    LLVMValueRef high, low;
} sum;

// a + b of |a| >= |b|, or a = 0.
static sum add(const lanes *l, LLVMValueRef a, LLVMValueRef b) {
    LLVMValueRef high = plus(l, a, b);
    return (sum){high, plus(l, minus(l, a, high), b)};
}

static sum multiply(const lanes *l, LLVMValueRef a, LLVMValueRef b) {
    LLVMValueRef high = times(l, a, b);
    return (sum){high, times_plus(l, a, b, negative(l, high))};
}

// The product but for low * low.
static sum multiply_sums(const lanes *l, sum a, sum b) {
    sum product = multiply(l, a.high, b.high);
    LLVMValueRef cross = times_plus(l, a.high, b.low, times(l, a.low, b.high));
    product.low = plus(l, product.low, cross);
    return product;
}

// s = f / (2 + f): log(1 + f) = 2 atanh s.
static sum atanh_argument(const lanes *l, LLVMValueRef f) {
    LLVMValueRef two = number(l, 2);
    sum below = add(l, two, f);
    LLVMValueRef inverse = over(l, number(l, 1), below.high);
    LLVMValueRef high = times(l, f, inverse);
    LLVMValueRef left = times_plus(l, negative(l, high), below.high, f);
    left = times_plus(l, negative(l, high), below.low, left);
    return (sum){high, times(l, left, inverse)};
}

// log(2^k (1 + f)) with about 2^-64 relative error: atanh s = s (1 + z/3 + z^2 p(z)), z = s^2.
static sum log_sum(const lanes *l, log_parts parts) {
    double third = 1.0 / 3;
    sum s = atanh_argument(l, parts.fraction);
    sum z = multiply_sums(l, s, s);
    sum thirds = {number(l, third), number(l, third * 0x1p-54)};  // third = (1 - 2^-54) / 3
    sum series = multiply_sums(l, z, thirds);
    LLVMValueRef tail = times(l, times(l, z.high, z.high), polynomial(l, &atanh_terms, z.high));
    sum both_terms = add(l, series.high, tail);
    both_terms.low = plus(l, both_terms.low, series.low);
    sum more = multiply_sums(l, s, both_terms);
    sum half = add(l, s.high, more.high);
    half.low = plus(l, half.low, plus(l, s.low, more.low));

    LLVMValueRef k = LLVMBuildSIToFP(l->b, parts.exponent, l->floats, "");
    LLVMValueRef two = number(l, 2);
    sum whole_log = add(l, times(l, k, number(l, ln2_short[0])), times(l, half.high, two));
    LLVMValueRef rest = times_plus(l, k, number(l, ln2_short[1]), times(l, half.low, two));
    whole_log.low = plus(l, whole_log.low, rest);
    return whole_log;
}

// log x of x = 0 and infinity.
static LLVMValueRef at_ends(const lanes *l, LLVMValueRef x, LLVMValueRef log) {
    LLVMValueRef infinity = number(l, INFINITY);
    log = pick(l, equal(l, x, number(l, 0)), number(l, -INFINITY), log);
    return pick(l, less(l, x, infinity), log, plus(l, x, infinity));
}

// |x|^y, but for what with_meaning sets right.
static LLVMValueRef power_f64(const lanes *l, LLVMValueRef a, LLVMValueRef y) {
    sum log = log_sum(l, dn_math_log_parts(l, a, true));
    LLVMValueRef power = times(l, y, at_ends(l, a, log.high));
    LLVMValueRef rest = times_plus(l, y, log.high, negative(l, power));
    rest = times_plus(l, y, log.low, rest);
    LLVMValueRef within = less(l, magnitude(l, power), number(l, 800));
    power = at_most(l, at_least(l, power, -800), 800);
    rest = pick(l, within, rest, number(l, 0));
    return dn_math_exp_of(l, dn_math_exp_parts(l, F64, power, rest));
}

static LLVMValueRef power_f32(const lanes *l, LLVMValueRef a, LLVMValueRef y) {
    LLVMTypeRef wide = dn_emit_type(l->e, DN_F64, l->count);
    LLVMValueRef a64 = LLVMBuildFPExt(l->b, a, wide, "");
    LLVMValueRef y64 = LLVMBuildFPExt(l->b, y, wide, "");
    lanes l64 = lanes_like(l->e, a64);
    LLVMValueRef log = dn_math_log_of(&l64, F32_IN_F64, dn_math_log_parts(&l64, a64, false));
    LLVMValueRef power = times(&l64, y64, at_ends(&l64, a64, log));
    power = at_most(&l64, at_least(&l64, power, -200), 200);
    exp_parts parts = dn_math_exp_parts(&l64, F32_IN_F64, power, NULL);
    return LLVMBuildFPTrunc(l->b, dn_math_exp_of(&l64, parts), l->floats, "");
}

static LLVMValueRef is_whole(const lanes *l, LLVMValueRef y) {
    return equal(l, dn_emit_intrinsic(l->e, "llvm.rint", l->floats, &y, 1), y);
}

// The sign of x^y, given its magnitude, and C's results where there is no limit.
static LLVMValueRef with_meaning(const lanes *l, LLVMValueRef x, LLVMValueRef y,
                                 LLVMValueRef power) {
    LLVMValueRef one = number(l, 1), infinity = number(l, INFINITY);
    LLVMValueRef a = magnitude(l, x);
    LLVMValueRef even = is_whole(l, times(l, y, number(l, 0.5)));
    LLVMValueRef odd = both(l, is_whole(l, y), not_so(l, even));
    power = pick(l, odd, with_sign(l, power, x), power);

    LLVMValueRef below_zero = both(l, less(l, x, number(l, 0)), less(l, a, infinity));
    LLVMValueRef no_root = both(l, below_zero, not_so(l, is_whole(l, y)));
    power = pick(l, no_root, number(l, NAN), power);

    // 1^y and x^0, even for NaN; (-1)^(+-infinity).
    LLVMValueRef endless = both(l, equal(l, a, one), equal(l, magnitude(l, y), infinity));
    LLVMValueRef constant = either(l, equal(l, x, one), equal(l, y, number(l, 0)));
    return pick(l, either(l, constant, endless), one, power);
}

LLVMValueRef dn_emit_pow(dn_emit *e, LLVMValueRef x, LLVMValueRef y) {
    lanes l = lanes_like(e, x);
    LLVMValueRef a = magnitude(&l, x);
    return with_meaning(&l, x, y, l.precision == F64 ? power_f64(&l, a, y) : power_f32(&l, a, y));
}
