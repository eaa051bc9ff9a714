// fmod, exactly, as by long division: |x| = a 2^i, |y| = b 2^k, a and b in [1, 2); r = a modulo b,
// then i - k times r = 2 r modulo b, up to a whole mantissa's bits in one step.
#include <math.h>

#include "codegen/llvm/math_internal.h"

typedef struct split {
    LLVMValueRef mantissa, exponent;
} split;

static split split_of(const lanes *l, LLVMValueRef x) {
    int up = l->mantissa + 1;
    LLVMValueRef tiny = less(l, x, number(l, l->precision == F64 ? 0x1p-1022 : 0x1p-126));
    x = pick(l, tiny, times(l, x, number(l, (double)(INT64_C(1) << up))), x);
    LLVMValueRef exponent = LLVMBuildLShr(l->b, bits_of(l, x), whole(l, l->mantissa), "");
    LLVMValueRef bias = pick(l, tiny, whole(l, l->bias + up), whole(l, l->bias));
    LLVMValueRef bits = int_and(l, bits_of(l, x), (INT64_C(1) << l->mantissa) - 1);
    bits = LLVMBuildOr(l->b, bits, whole(l, l->bias << l->mantissa), "");
    return (split){from_bits(l, bits), int_minus(l, exponent, bias)};
}

static LLVMValueRef int_min(const lanes *l, LLVMValueRef a, LLVMValueRef b) {
    return pick(l, LLVMBuildICmp(l->b, LLVMIntSLT, a, b, ""), a, b);
}

// How many steps the lane needs that needs most.
static LLVMValueRef most_steps(const lanes *l, LLVMValueRef bits_left) {
    LLVMValueRef most = bits_left;
    if (l->count > 1) {
        most = dn_emit_intrinsic(l->e, "llvm.vector.reduce.smax", l->ints, &most, 1);
    }
    most = LLVMBuildIntCast2(l->b, most, l->e->i64, true, "");
    most = LLVMBuildAdd(l->b, most, dn_emit_i64(l->e, l->mantissa - 1), "");
    return LLVMBuildSDiv(l->b, most, dn_emit_i64(l->e, l->mantissa), "");
}

// r - b if r >= b.
static LLVMValueRef once_less(const lanes *l, LLVMValueRef r, LLVMValueRef b) {
    return pick(l, less(l, r, b), r, minus(l, r, b));
}

// r 2^bits modulo b. All numbers here are multiples of a's last bit, so nothing is rounded but the
// quotient, which may be 1 too great.
static LLVMValueRef modulo(const lanes *l, LLVMValueRef r, LLVMValueRef b, LLVMValueRef bits) {
    r = times(l, r, power_of_two(l, bits));
    LLVMValueRef quotient = over(l, r, b);
    quotient = dn_emit_intrinsic(l->e, "llvm.trunc", l->floats, &quotient, 1);
    r = times_plus(l, negative(l, quotient), b, r);
    return pick(l, less(l, r, number(l, 0)), plus(l, r, b), r);
}

LLVMValueRef dn_emit_fmod(dn_emit *e, LLVMValueRef x, LLVMValueRef y) {
    lanes l = lanes_like(e, x);
    LLVMValueRef a = magnitude(&l, x), b = magnitude(&l, y);
    LLVMValueRef finite = less(&l, a, number(&l, INFINITY));
    LLVMValueRef positive = less(&l, number(&l, 0), b);
    // Where a < b (or y is NaN) the result is x.
    LLVMValueRef divides =
        both(&l, LLVMBuildFCmp(l.b, LLVMRealOGE, a, b, ""), both(&l, finite, positive));
    split top = split_of(&l, a), below = split_of(&l, b);
    LLVMValueRef bits_left = int_minus(&l, top.exponent, below.exponent);
    bits_left = pick(&l, divides, bits_left, whole(&l, 0));

    dn_loop loop;
    LLVMValueRef carried[] = {once_less(&l, top.mantissa, below.mantissa), bits_left};
    dn_loop_begin(e, &loop, dn_emit_i64(e, 0), most_steps(&l, bits_left), dn_emit_i64(e, 1),
                  carried, 2);
    LLVMValueRef bits = int_min(&l, carried[1], whole(&l, l.mantissa));
    carried[0] = modulo(&l, carried[0], below.mantissa, bits);
    carried[1] = int_minus(&l, carried[1], bits);
    dn_loop_end(e, &loop);

    LLVMValueRef half = LLVMBuildAShr(l.b, below.exponent, whole(&l, 1), "");
    LLVMValueRef rest = int_minus(&l, below.exponent, half);
    LLVMValueRef r = times(&l, carried[0], power_of_two(&l, half));
    r = with_sign(&l, times(&l, r, power_of_two(&l, rest)), x);
    r = pick(&l, divides, r, x);
    return pick(&l, both(&l, finite, positive), r, number(&l, NAN));
}
