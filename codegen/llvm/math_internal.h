// What the files of vector math share: a notation for arithmetic on all lanes, so that a formula
// reads as one.
//
// Every function is made of fma, plus, times, over, comparisons, selects and integer operations on
// the bits, each rounded as IEEE 754 says and none left to the target; so the bits of a result do
// not depend on the target, nor on the number of lanes. Which NaN it is may.
#ifndef DN_CODEGEN_LLVM_MATH_INTERNAL_H
#define DN_CODEGEN_LLVM_MATH_INTERNAL_H

#include "codegen/llvm/emit.h"

// How exact a result must be, and in which type it is computed; picks a row of a table.
typedef enum precision { F32, F64, F32_IN_F64 } precision;

typedef struct terms {  // of a polynomial, lowest first
    int n;
    double c[21];
} terms;

// The types of x's lanes.
typedef struct lanes {
    dn_emit *e;
    LLVMBuilderRef b;
    int count;
    precision precision;
    LLVMTypeRef floats, ints;  // ints: as wide as the floats
    int mantissa;              // bits of it that are stored
    int64_t bias;              // of the exponent
} lanes;

static inline lanes lanes_like(dn_emit *e, LLVMValueRef x) {
    int count = dn_emit_lanes(x);
    LLVMTypeRef floats = LLVMTypeOf(x);
    bool wide = floats == dn_emit_type(e, DN_F64, count);
    return (lanes){.e = e,
                   .b = e->builder,
                   .count = count,
                   .precision = wide ? F64 : F32,
                   .floats = floats,
                   .ints = dn_emit_over(e, wide ? e->i64 : e->i32, count),
                   .mantissa = wide ? 52 : 23,
                   .bias = wide ? 1023 : 127};
}

// ---- numbers ----

static inline LLVMValueRef number(const lanes *l, double value) {
    return dn_emit_number(l->e, l->floats, value);
}

static inline LLVMValueRef whole(const lanes *l, int64_t value) {
    LLVMTypeRef type = l->mantissa == 52 ? l->e->i64 : l->e->i32;
    return dn_emit_splat(l->e, LLVMConstInt(type, (unsigned long long)value, true), l->count);
}

static inline LLVMValueRef plus(const lanes *l, LLVMValueRef a, LLVMValueRef b) {
    return LLVMBuildFAdd(l->b, a, b, "");
}

static inline LLVMValueRef minus(const lanes *l, LLVMValueRef a, LLVMValueRef b) {
    return LLVMBuildFSub(l->b, a, b, "");
}

static inline LLVMValueRef times(const lanes *l, LLVMValueRef a, LLVMValueRef b) {
    return LLVMBuildFMul(l->b, a, b, "");
}

static inline LLVMValueRef over(const lanes *l, LLVMValueRef a, LLVMValueRef b) {
    return LLVMBuildFDiv(l->b, a, b, "");
}

static inline LLVMValueRef negative(const lanes *l, LLVMValueRef a) {
    return LLVMBuildFNeg(l->b, a, "");
}

// a b + c, rounded once.
static inline LLVMValueRef times_plus(const lanes *l, LLVMValueRef a, LLVMValueRef b,
                                      LLVMValueRef c) {
    return dn_emit_fma(l->e, a, b, c);
}

static inline LLVMValueRef polynomial(const lanes *l, const terms *t, LLVMValueRef x) {
    LLVMValueRef sum = number(l, t->c[t->n - 1]);
    for (int k = t->n - 2; k >= 0; k--) sum = times_plus(l, sum, x, number(l, t->c[k]));
    return sum;
}

// ---- choices; a comparison with NaN is false ----

static inline LLVMValueRef less(const lanes *l, LLVMValueRef a, LLVMValueRef b) {
    return LLVMBuildFCmp(l->b, LLVMRealOLT, a, b, "");
}

static inline LLVMValueRef equal(const lanes *l, LLVMValueRef a, LLVMValueRef b) {
    return LLVMBuildFCmp(l->b, LLVMRealOEQ, a, b, "");
}

static inline LLVMValueRef both(const lanes *l, LLVMValueRef a, LLVMValueRef b) {
    return LLVMBuildAnd(l->b, a, b, "");
}

static inline LLVMValueRef either(const lanes *l, LLVMValueRef a, LLVMValueRef b) {
    return LLVMBuildOr(l->b, a, b, "");
}

static inline LLVMValueRef not_so(const lanes *l, LLVMValueRef a) {
    return LLVMBuildNot(l->b, a, "");
}

static inline LLVMValueRef pick(const lanes *l, LLVMValueRef condition, LLVMValueRef yes,
                                LLVMValueRef no) {
    return LLVMBuildSelect(l->b, condition, yes, no, "");
}

// x, or the limit where x is beyond it; NaN stays.
static inline LLVMValueRef at_least(const lanes *l, LLVMValueRef x, double limit) {
    return pick(l, less(l, x, number(l, limit)), number(l, limit), x);
}

static inline LLVMValueRef at_most(const lanes *l, LLVMValueRef x, double limit) {
    return pick(l, less(l, number(l, limit), x), number(l, limit), x);
}

// ---- bits ----

static inline LLVMValueRef bits_of(const lanes *l, LLVMValueRef x) {
    return LLVMBuildBitCast(l->b, x, l->ints, "");
}

static inline LLVMValueRef from_bits(const lanes *l, LLVMValueRef bits) {
    return LLVMBuildBitCast(l->b, bits, l->floats, "");
}

static inline LLVMValueRef shift_left(const lanes *l, LLVMValueRef a, int count) {
    return LLVMBuildShl(l->b, a, whole(l, count), "");
}

static inline LLVMValueRef int_plus(const lanes *l, LLVMValueRef a, LLVMValueRef b) {
    return LLVMBuildAdd(l->b, a, b, "");
}

static inline LLVMValueRef int_minus(const lanes *l, LLVMValueRef a, LLVMValueRef b) {
    return LLVMBuildSub(l->b, a, b, "");
}

static inline LLVMValueRef int_and(const lanes *l, LLVMValueRef a, int64_t mask) {
    return LLVMBuildAnd(l->b, a, whole(l, mask), "");
}

// 2^exponent of a normal number.
static inline LLVMValueRef power_of_two(const lanes *l, LLVMValueRef exponent) {
    return from_bits(l, shift_left(l, int_plus(l, exponent, whole(l, l->bias)), l->mantissa));
}

static inline int64_t sign_bit(const lanes *l) { return l->mantissa == 52 ? INT64_MIN : INT32_MIN; }

static inline LLVMValueRef magnitude(const lanes *l, LLVMValueRef x) {
    return from_bits(l, int_and(l, bits_of(l, x), ~sign_bit(l)));
}

// The magnitude of `x` with the sign of `sign`.
static inline LLVMValueRef with_sign(const lanes *l, LLVMValueRef x, LLVMValueRef sign) {
    LLVMValueRef bits = int_and(l, bits_of(l, x), ~sign_bit(l));
    LLVMValueRef bit = int_and(l, bits_of(l, sign), sign_bit(l));
    return from_bits(l, LLVMBuildOr(l->b, bits, bit, ""));
}

// ---- shared parts ----

// e^x = (1 + less_one) root^2, where root is a power of two and |less_one| <= 1.
typedef struct exp_parts {
    LLVMValueRef less_one, root;
} exp_parts;

// Of x + rest, for |x| up to 1400 (f32: 170); rest: far less than x, or NULL.
exp_parts dn_math_exp_parts(const lanes *l, precision row, LLVMValueRef x, LLVMValueRef rest);
LLVMValueRef dn_math_exp_of(const lanes *l, exp_parts parts);

// x = 2^exponent (1 + fraction), where the fraction is between sqrt(1/2) - 1 and sqrt(2) - 1.
typedef struct log_parts {
    LLVMValueRef exponent;  // int
    LLVMValueRef fraction;
} log_parts;

// Of a normal number, or of any with `denormal`.
log_parts dn_math_log_parts(const lanes *l, LLVMValueRef x, bool denormal);
LLVMValueRef dn_math_log_of(const lanes *l, precision row, log_parts parts);

#endif
