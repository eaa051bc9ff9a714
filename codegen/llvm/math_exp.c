// e^x and what is made of it: expm1, tanh, sigmoid, erf.
//
// x = 2 m ln 2 + r, |r| <= ln 2, so e^x = e^r (2^m)^2: two multiplications by 2^m, whose exponent
// always fits, give results up to the greatest and down to the denormals with no case of its own.
#include "codegen/llvm/math_coefficients.h"
#include "codegen/llvm/math_internal.h"

exp_parts dn_math_exp_parts(const lanes *l, precision row, LLVMValueRef x, LLVMValueRef rest) {
    // Adding `shift` rounds to a whole number and leaves m + bias in the lowest bits.
    const double *ln2 = ln2_parts[row];
    double shift = 1.5 * (double)(INT64_C(1) << l->mantissa) + (double)l->bias;
    LLVMValueRef shifted = times_plus(l, x, number(l, 0.5 / ln2_parts[F64][0]), number(l, shift));
    LLVMValueRef m = minus(l, shifted, number(l, shift));
    LLVMValueRef r = times_plus(l, m, number(l, -2 * ln2[0]), x);
    r = times_plus(l, m, number(l, -2 * ln2[1]), r);
    if (rest) r = plus(l, r, rest);
    LLVMValueRef tail = polynomial(l, &exp_terms[row], r);
    return (exp_parts){.less_one = times_plus(l, times(l, r, r), tail, r),
                       .root = from_bits(l, shift_left(l, bits_of(l, shifted), l->mantissa))};
}

LLVMValueRef dn_math_exp_of(const lanes *l, exp_parts parts) {
    return times(l, times_plus(l, parts.less_one, parts.root, parts.root), parts.root);
}

// e^x - 1, for e^x that does not overflow.
static LLVMValueRef expm1_of(const lanes *l, exp_parts parts) {
    LLVMValueRef scale = times(l, parts.root, parts.root);
    return times_plus(l, parts.less_one, scale, minus(l, scale, number(l, 1)));
}

// Beyond these e^x is 0 and infinity: within, root is a normal number.
static double lowest(const lanes *l) { return l->precision == F64 ? -746 : -104; }
static double highest(const lanes *l) { return l->precision == F64 ? 710 : 89; }

LLVMValueRef dn_emit_exp(dn_emit *e, LLVMValueRef x) {
    lanes l = lanes_like(e, x);
    x = at_most(&l, at_least(&l, x, lowest(&l)), highest(&l));
    return dn_math_exp_of(&l, dn_math_exp_parts(&l, l.precision, x, NULL));
}

LLVMValueRef dn_emit_expm1(dn_emit *e, LLVMValueRef x) {
    lanes l = lanes_like(e, x);
    double most = 40;  // e^-40 and 1 are lost beside 1 and e^40
    LLVMValueRef near = at_most(&l, at_least(&l, x, -most), highest(&l));
    exp_parts parts = dn_math_exp_parts(&l, l.precision, near, NULL);
    LLVMValueRef great = less(&l, number(&l, most), x);
    LLVMValueRef result = pick(&l, great, dn_math_exp_of(&l, parts), expm1_of(&l, parts));
    return with_sign(&l, result, x);
}

// top / (whole + x), |x| <= whole. The sum's rounding error, which would be half of the result's,
// is made good, to first order with 1 in place of the sum.
static LLVMValueRef over_sum(const lanes *l, LLVMValueRef top, double whole_part, LLVMValueRef x) {
    LLVMValueRef base = number(l, whole_part), sum = plus(l, x, base);
    LLVMValueRef error = minus(l, minus(l, sum, base), x);
    LLVMValueRef quotient = over(l, top, sum);
    return times_plus(l, quotient, error, quotient);
}

// tanh a = -t / (2 + t) of t = e^(-2a) - 1.
LLVMValueRef dn_emit_tanh(dn_emit *e, LLVMValueRef x) {
    lanes l = lanes_like(e, x);
    LLVMValueRef a = at_most(&l, magnitude(&l, x), 20);  // tanh 20 rounds to 1
    exp_parts parts = dn_math_exp_parts(&l, l.precision, times(&l, a, number(&l, -2)), NULL);
    LLVMValueRef t = expm1_of(&l, parts);
    return with_sign(&l, over_sum(&l, t, 2, t), x);
}

// 1 / (1 + e^-x), and e^x / (1 + e^x) for negative x, where e^-x would overflow.
LLVMValueRef dn_emit_sigmoid(dn_emit *e, LLVMValueRef x) {
    lanes l = lanes_like(e, x);
    LLVMValueRef a = at_least(&l, negative(&l, magnitude(&l, x)), lowest(&l));
    LLVMValueRef power = dn_math_exp_of(&l, dn_math_exp_parts(&l, l.precision, a, NULL));
    LLVMValueRef top = pick(&l, less(&l, x, number(&l, 0)), power, number(&l, 1));
    return over_sum(&l, top, 1, power);
}

// To 1 a polynomial; from 1 on 1 - e^p, where p is a polynomial for log(1 - erf a).
LLVMValueRef dn_emit_erf(dn_emit *e, LLVMValueRef x) {
    lanes l = lanes_like(e, x);
    LLVMValueRef a = at_most(&l, magnitude(&l, x), l.precision == F64 ? 5.95 : 3.95);
    LLVMValueRef near =
        times_plus(&l, a, polynomial(&l, &erf_near[l.precision], times(&l, a, a)), a);
    LLVMValueRef p = polynomial(&l, &erf_far[l.precision], a);
    LLVMValueRef far = expm1_of(&l, dn_math_exp_parts(&l, l.precision, p, NULL));
    return with_sign(&l, pick(&l, less(&l, a, number(&l, 1)), near, far), x);
}
