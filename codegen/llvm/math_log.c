// Natural logarithms: log(2^k (1 + f)) = k ln 2 + f + f^2 q(f), q a polynomial.
#include <math.h>

#include "codegen/llvm/math_coefficients.h"
#include "codegen/llvm/math_internal.h"

log_parts dn_math_log_parts(const lanes *l, LLVMValueRef x, bool denormal) {
    double scale = (double)(INT64_C(1) << l->mantissa);
    LLVMValueRef tiny = NULL;
    if (denormal) {
        tiny = less(l, x, number(l, l->precision == F64 ? 0x1p-1022 : 0x1p-126));
        x = pick(l, tiny, times(l, x, number(l, scale)), x);
    }
    int64_t root = l->mantissa == 52 ? 0x3fe6a09e667f3bcd : 0x3f3504f3;  // sqrt(1/2)
    LLVMValueRef above = int_minus(l, bits_of(l, x), whole(l, root));
    LLVMValueRef k = LLVMBuildAShr(l->b, above, whole(l, l->mantissa), "");
    LLVMValueRef shifted = int_minus(l, bits_of(l, x), shift_left(l, k, l->mantissa));
    if (denormal) k = pick(l, tiny, int_minus(l, k, whole(l, l->mantissa)), k);
    return (log_parts){.exponent = k, .fraction = minus(l, from_bits(l, shifted), number(l, 1))};
}

LLVMValueRef dn_math_log_of(const lanes *l, precision row, log_parts parts) {
    LLVMValueRef k = LLVMBuildSIToFP(l->b, parts.exponent, l->floats, ""), f = parts.fraction;
    const double *ln2 = ln2_parts[row];
    LLVMValueRef tail = times(l, k, number(l, ln2[1]));
    tail = times_plus(l, times(l, f, f), polynomial(l, &log_terms[row], f), tail);
    return times_plus(l, k, number(l, ln2[0]), plus(l, f, tail));
}

// `result` where x is positive and finite; else log x.
static LLVMValueRef with_limits(const lanes *l, LLVMValueRef x, LLVMValueRef result) {
    LLVMValueRef zero = number(l, 0), infinity = number(l, INFINITY);
    LLVMValueRef at_zero = pick(l, equal(l, x, zero), number(l, -INFINITY), number(l, NAN));
    result = pick(l, less(l, zero, x), result, at_zero);
    return pick(l, equal(l, x, infinity), infinity, result);
}

LLVMValueRef dn_emit_log(dn_emit *e, LLVMValueRef x) {
    lanes l = lanes_like(e, x);
    log_parts parts = dn_math_log_parts(&l, x, true);
    return with_limits(&l, x, dn_math_log_of(&l, l.precision, parts));
}

// Of u = 1 + x, whose rounding error goes into the fraction.
LLVMValueRef dn_emit_log1p(dn_emit *e, LLVMValueRef x) {
    lanes l = lanes_like(e, x);
    LLVMValueRef u = plus(&l, x, number(&l, 1));
    LLVMValueRef error = minus(&l, x, minus(&l, u, number(&l, 1)));
    log_parts parts = dn_math_log_parts(&l, u, false);
    // Where 2^-k is no normal number, the error is nothing beside u.
    LLVMValueRef k = parts.exponent, most = whole(&l, l.bias - 1);
    k = pick(&l, LLVMBuildICmp(l.b, LLVMIntSLT, k, most, ""), k, most);
    LLVMValueRef scale = power_of_two(&l, int_minus(&l, whole(&l, 0), k));
    parts.fraction = times_plus(&l, error, scale, parts.fraction);
    LLVMValueRef result = with_limits(&l, u, dn_math_log_of(&l, l.precision, parts));
    return pick(&l, equal(&l, x, number(&l, 0)), x, result);  // -0
}
