// sin and cos: x = q pi/2 + r, |r| <= pi/4 (about); the quadrant q says which of sin r and cos r
// the result is, and its sign.
//
// r is found with pi/2 in three parts as long as q is small. Greater x are rare: where a lane has
// one, a loop goes over the lanes and finds theirs with integers (Payne and Hanek's way).
#include <math.h>

#include "codegen/llvm/math_coefficients.h"
#include "codegen/llvm/math_internal.h"

typedef struct turn {
    LLVMValueRef quadrant;  // int; only the lowest two bits matter
    LLVMValueRef rest;
} turn;

static turn turn_of_small(const lanes *l, LLVMValueRef x) {
    // Adding `shift` rounds to a whole number, whose bits are then the lowest.
    const double *half_pi = half_pi_parts[l->precision];
    double shift = 1.5 * (double)(INT64_C(1) << l->mantissa);
    double inverse = 1 / half_pi_parts[F64][0];
    LLVMValueRef shifted = times_plus(l, x, number(l, inverse), number(l, shift));
    LLVMValueRef q = minus(l, shifted, number(l, shift)), rest = x;
    for (int i = 0; i < 3; i++) rest = times_plus(l, q, number(l, -half_pi[i]), rest);
    return (turn){bits_of(l, shifted), rest};
}

static LLVMValueRef table_of_two_over_pi(dn_emit *e) {
    const char *name = "dn_two_over_pi";
    LLVMValueRef table = LLVMGetNamedGlobal(e->module, name);
    if (table) return table;
    enum { WORDS = sizeof two_over_pi / sizeof *two_over_pi };
    LLVMValueRef words[WORDS];
    for (int i = 0; i < WORDS; i++) words[i] = dn_emit_i64(e, (int64_t)two_over_pi[i]);
    table = LLVMAddGlobal(e->module, LLVMArrayType(e->i64, WORDS), name);
    LLVMSetInitializer(table, LLVMConstArray(e->i64, words, WORDS));
    LLVMSetGlobalConstant(table, true);
    LLVMSetLinkage(table, LLVMInternalLinkage);
    return table;
}

// 192 bits of 2/pi, from bit `start` of the table.
static LLVMValueRef window(dn_emit *e, LLVMValueRef start) {
    LLVMBuilderRef b = e->builder;
    LLVMTypeRef i256 = LLVMIntTypeInContext(e->context, 256);
    LLVMValueRef table = table_of_two_over_pi(e), sum = NULL;
    LLVMValueRef first = LLVMBuildLShr(b, start, dn_emit_i64(e, 6), "");
    for (int i = 0; i < 4; i++) {
        LLVMValueRef at = LLVMBuildAdd(b, first, dn_emit_i64(e, i), "");
        LLVMValueRef address = LLVMBuildInBoundsGEP2(b, e->i64, table, &at, 1, "");
        LLVMValueRef word = LLVMBuildZExt(b, LLVMBuildLoad2(b, e->i64, address, ""), i256, "");
        word = LLVMBuildShl(b, word, LLVMConstInt(i256, 192 - 64 * (unsigned)i, false), "");
        sum = sum ? LLVMBuildOr(b, sum, word, "") : word;
    }
    LLVMValueRef within = LLVMBuildAnd(b, start, dn_emit_i64(e, 63), "");
    LLVMValueRef behind = LLVMBuildSub(b, dn_emit_i64(e, 64), within, "");
    sum = LLVMBuildLShr(b, sum, LLVMBuildZExt(b, behind, i256, ""), "");
    return LLVMBuildTrunc(b, sum, LLVMIntTypeInContext(e->context, 192), "");
}

// |x| 2/pi modulo 4 in units of 2^-190: |x| = mantissa 2^(exponent - 52), and the bits of 2/pi that
// would give multiples of 4 are left out.
static LLVMValueRef quarters(const lanes *l, LLVMValueRef bits) {
    LLVMTypeRef i192 = LLVMIntTypeInContext(l->e->context, 192);
    LLVMValueRef exponent = int_and(l, LLVMBuildLShr(l->b, bits, whole(l, l->mantissa), ""), 0x7ff);
    LLVMValueRef start = int_plus(l, exponent, whole(l, 64 - 54 - l->bias));
    LLVMValueRef mantissa = int_and(l, bits, (INT64_C(1) << 52) - 1);
    mantissa = LLVMBuildOr(l->b, mantissa, whole(l, INT64_C(1) << 52), "");
    mantissa = LLVMBuildZExt(l->b, mantissa, i192, "");
    return LLVMBuildMul(l->b, window(l->e, start), mantissa, "");
}

// Of one f64, 2^17 or greater and finite.
static turn turn_of_great(const lanes *l, LLVMValueRef x) {
    LLVMBuilderRef b = l->b;
    LLVMTypeRef i192 = LLVMIntTypeInContext(l->e->context, 192);
    LLVMValueRef bits = bits_of(l, x), product = quarters(l, bits);
    LLVMValueRef half =
        LLVMBuildShl(b, LLVMConstInt(i192, 1, false), LLVMConstInt(i192, 189, false), "");
    LLVMValueRef up = LLVMBuildAdd(b, product, half, "");
    LLVMValueRef quadrant = LLVMBuildLShr(b, up, LLVMConstInt(i192, 190, false), "");
    quadrant = LLVMBuildTrunc(b, quadrant, l->ints, "");

    // What is left of the product as a signed fraction: its first 128 bits.
    LLVMValueRef left = LLVMBuildShl(b, product, LLVMConstInt(i192, 2, false), "");
    LLVMValueRef high = LLVMBuildLShr(b, left, LLVMConstInt(i192, 128, false), "");
    LLVMValueRef low = LLVMBuildLShr(b, left, LLVMConstInt(i192, 64, false), "");
    high = LLVMBuildSIToFP(b, LLVMBuildTrunc(b, high, l->ints, ""), l->floats, "");
    low = LLVMBuildUIToFP(b, LLVMBuildTrunc(b, low, l->ints, ""), l->floats, "");
    LLVMValueRef rest = times_plus(l, low, number(l, 0x1p-64), high);
    const double *half_pi = half_pi_parts[F64];
    LLVMValueRef less_part = times(l, rest, number(l, half_pi[1] * 0x1p-64));
    rest = times_plus(l, rest, number(l, half_pi[0] * 0x1p-64), less_part);

    LLVMValueRef below = less(l, x, number(l, 0));
    quadrant = pick(l, below, int_minus(l, whole(l, 0), quadrant), quadrant);
    return (turn){quadrant, pick(l, below, negative(l, rest), rest)};
}

// Replaces one lane of `vector`, of any number of lanes.
static LLVMValueRef with_lane(const lanes *l, LLVMValueRef vector, LLVMValueRef value,
                              LLVMValueRef lane) {
    return l->count == 1 ? value : LLVMBuildInsertElement(l->b, vector, value, lane, "");
}

static LLVMValueRef lane_of(const lanes *l, LLVMValueRef vector, LLVMValueRef lane) {
    return l->count == 1 ? vector : LLVMBuildExtractElement(l->b, vector, lane, "");
}

static LLVMValueRef any(const lanes *l, LLVMValueRef conditions) {
    if (l->count == 1) return conditions;
    LLVMTypeRef type = LLVMTypeOf(conditions);
    return dn_emit_intrinsic(l->e, "llvm.vector.reduce.or", type, &conditions, 1);
}

static turn turn_of(const lanes *l, LLVMValueRef x) {
    dn_emit *e = l->e;
    turn small = turn_of_small(l, x);
    LLVMValueRef a = magnitude(l, x);
    LLVMValueRef great = both(l, less(l, number(l, l->precision == F64 ? 0x1p30 : 0x1p17), a),
                              less(l, a, number(l, INFINITY)));

    dn_loop loop;
    LLVMValueRef carried[] = {small.quadrant, small.rest};
    LLVMValueRef zero = dn_emit_i64(e, 0), count = dn_emit_i64(e, l->count);
    LLVMValueRef end = LLVMBuildSelect(l->b, any(l, great), count, zero, "");
    dn_loop_begin(e, &loop, zero, end, dn_emit_i64(e, 1), carried, 2);
    LLVMValueRef is_great = lane_of(l, great, loop.index);
    LLVMValueRef x64 =
        LLVMBuildFPCast(l->b, lane_of(l, x, loop.index), dn_emit_scalar(e, DN_F64), "");
    x64 = pick(l, is_great, x64, LLVMConstReal(LLVMTypeOf(x64), 0x1p30));
    lanes l64 = lanes_like(e, x64);
    turn found = turn_of_great(&l64, x64);
    LLVMValueRef small_quadrant = lane_of(l, carried[0], loop.index);
    LLVMValueRef small_rest = lane_of(l, carried[1], loop.index);
    LLVMValueRef quadrant =
        LLVMBuildIntCast2(l->b, found.quadrant, LLVMTypeOf(small_quadrant), false, "");
    LLVMValueRef rest = LLVMBuildFPCast(l->b, found.rest, LLVMTypeOf(small_rest), "");
    quadrant = pick(l, is_great, quadrant, small_quadrant);
    rest = pick(l, is_great, rest, small_rest);
    carried[0] = with_lane(l, carried[0], quadrant, loop.index);
    carried[1] = with_lane(l, carried[1], rest, loop.index);
    dn_loop_end(e, &loop);
    return (turn){carried[0], carried[1]};
}

// sin(x + quarters pi/2)
static LLVMValueRef sine(const lanes *l, LLVMValueRef x, int quarters_ahead) {
    turn reduced = turn_of(l, x);
    LLVMValueRef r = reduced.rest, z = times(l, r, r);
    LLVMValueRef sin_r =
        times_plus(l, times(l, r, z), polynomial(l, &sin_terms[l->precision], z), r);
    LLVMValueRef cos_r =
        times_plus(l, z, polynomial(l, &cos_terms[l->precision], z), number(l, -0.5));
    cos_r = times_plus(l, z, cos_r, number(l, 1));

    LLVMValueRef quadrant = reduced.quadrant;
    if (quarters_ahead) quadrant = int_plus(l, quadrant, whole(l, quarters_ahead));
    LLVMValueRef odd = LLVMBuildICmp(l->b, LLVMIntNE, int_and(l, quadrant, 1), whole(l, 0), "");
    int sign_place = l->mantissa == 52 ? 63 : 31;
    LLVMValueRef sign = shift_left(l, int_and(l, quadrant, 2), sign_place - 1);
    LLVMValueRef result = bits_of(l, pick(l, odd, cos_r, sin_r));
    return from_bits(l, LLVMBuildXor(l->b, result, sign, ""));
}

LLVMValueRef dn_emit_sin(dn_emit *e, LLVMValueRef x) {
    lanes l = lanes_like(e, x);
    return pick(&l, equal(&l, x, number(&l, 0)), x, sine(&l, x, 0));  // -0
}

LLVMValueRef dn_emit_cos(dn_emit *e, LLVMValueRef x) {
    lanes l = lanes_like(e, x);
    return sine(&l, x, 1);
}
