// From random words to numbers: the formulas of runtime/rng.c, operation by operation. That file
// says where they come from.
#include <math.h>

#include "codegen/nvptx/random.h"

// In which type the formulas compute, f32 or f64.
typedef struct formula {
    dn_emit *e;
    LLVMTypeRef type;
} formula;

static LLVMValueRef number(const formula *f, double value) { return LLVMConstReal(f->type, value); }

static LLVMValueRef add(const formula *f, LLVMValueRef a, LLVMValueRef b) {
    return LLVMBuildFAdd(f->e->builder, a, b, "");
}

static LLVMValueRef sub(const formula *f, LLVMValueRef a, LLVMValueRef b) {
    return LLVMBuildFSub(f->e->builder, a, b, "");
}

static LLVMValueRef mul(const formula *f, LLVMValueRef a, LLVMValueRef b) {
    return LLVMBuildFMul(f->e->builder, a, b, "");
}

// a * constant.
static LLVMValueRef scale(const formula *f, LLVMValueRef a, double constant) {
    return mul(f, a, number(f, constant));
}

// c[0] + z (c[1] + z (c[2] + ...)).
static LLVMValueRef polynomial(const formula *f, LLVMValueRef z, const double *c, int n) {
    LLVMValueRef sum = number(f, c[n - 1]);
    for (int i = n - 2; i >= 0; i--) sum = add(f, number(f, c[i]), mul(f, z, sum));
    return sum;
}

static LLVMValueRef from_signed(const formula *f, LLVMValueRef word) {
    return LLVMBuildSIToFP(f->e->builder, word, f->type, "");
}

static LLVMValueRef word(const formula *f, uint32_t value) {
    return LLVMConstInt(f->e->i32, value, false);
}

static LLVMValueRef right(const formula *f, LLVMValueRef a, unsigned bits) {
    return LLVMBuildLShr(f->e->builder, a, word(f, bits), "");
}

static LLVMValueRef choose(const formula *f, LLVMValueRef c, LLVMValueRef a, LLVMValueRef b) {
    return LLVMBuildSelect(f->e->builder, c, a, b, "");
}

// ---- uniform ----

static LLVMValueRef uniform_f32(const formula *f, LLVMValueRef w) {
    return scale(f, from_signed(f, right(f, w, 8)), 0x1p-24);
}

static LLVMValueRef double_of_u32(const formula *f, LLVMValueRef w) {
    return LLVMBuildUIToFP(f->e->builder, w, f->type, "");  // exact
}

static LLVMValueRef uniform_f64(const formula *f, LLVMValueRef low, LLVMValueRef high) {
    LLVMValueRef upper = scale(f, double_of_u32(f, high), 0x1p21);
    return scale(f, add(f, upper, from_signed(f, right(f, low, 11))), 0x1p-53);
}

// ---- sqrt(-2 log u) ----

// The coefficients of log.
typedef struct log_constants {
    double odd[4], even[3];
    int n_odd, n_even;
    double log2_high, log2_low;
} log_constants;

static const log_constants log_f32 = {
    .odd = {0xaaaaaap-24f, 0x91e9eep-25f},
    .even = {0xccce13p-25f, 0xf89e26p-26f},
    .n_odd = 2,
    .n_even = 2,
    .log2_high = 6.9313812256e-01f,
    .log2_low = 9.0580006145e-06f,
};

static const log_constants log_f64 = {
    .odd = {6.666666666666735130e-01, 2.857142874366239149e-01, 1.818357216161805012e-01,
            1.479819860511658591e-01},
    .even = {3.999999999940941908e-01, 2.222219843214978396e-01, 1.531383769920937332e-01},
    .n_odd = 4,
    .n_even = 3,
    .log2_high = 6.93147180369123816490e-01,
    .log2_low = 1.90821492927058770002e-10,
};

// u = 2^e (1 + x).
static LLVMValueRef radius(const formula *f, LLVMValueRef x, LLVMValueRef e,
                           const log_constants *c) {
    LLVMValueRef s = LLVMBuildFDiv(f->e->builder, x, add(f, number(f, 2), x), "");
    LLVMValueRef z = mul(f, s, s), w = mul(f, z, z);
    LLVMValueRef odd = mul(f, z, polynomial(f, w, c->odd, c->n_odd));
    LLVMValueRef even = mul(f, w, polynomial(f, w, c->even, c->n_even));
    LLVMValueRef half = mul(f, scale(f, x, 0.5), x);
    LLVMValueRef small =
        add(f, mul(f, s, add(f, half, add(f, odd, even))), scale(f, e, c->log2_low));
    LLVMValueRef log = sub(f, scale(f, e, c->log2_high), sub(f, sub(f, half, small), x));
    log = scale(f, log, -2);
    return dn_emit_intrinsic(f->e, "llvm.sqrt", f->type, &log, 1);
}

static LLVMValueRef radius_f32(const formula *f, LLVMValueRef u) {
    LLVMBuilderRef b = f->e->builder;
    LLVMValueRef bits = LLVMBuildBitCast(b, u, f->e->i32, "");
    LLVMValueRef k = LLVMBuildSub(b, bits, word(f, 0x3F3504F3u), "");
    k = LLVMBuildAShr(b, k, word(f, 23), "");
    LLVMValueRef rest = LLVMBuildSub(b, bits, LLVMBuildShl(b, k, word(f, 23), ""), "");
    LLVMValueRef x = sub(f, LLVMBuildBitCast(b, rest, f->type, ""), number(f, 1));
    return radius(f, x, from_signed(f, k), &log_f32);
}

static LLVMValueRef radius_f64(const formula *f, LLVMValueRef u) {
    LLVMBuilderRef b = f->e->builder;
    LLVMValueRef bits = LLVMBuildBitCast(b, u, f->e->i64, "");
    LLVMValueRef high = LLVMBuildLShr(b, bits, dn_emit_i64(f->e, 32), "");
    LLVMValueRef k = LLVMBuildTrunc(b, high, f->e->i32, "");
    k = LLVMBuildAShr(b, LLVMBuildSub(b, k, word(f, 0x3FE6A09Eu), ""), word(f, 20), "");
    LLVMValueRef power = LLVMBuildZExt(b, k, f->e->i64, "");
    power = LLVMBuildShl(b, power, dn_emit_i64(f->e, 52), "");
    LLVMValueRef rest = LLVMBuildSub(b, bits, power, "");
    LLVMValueRef x = sub(f, LLVMBuildBitCast(b, rest, f->type, ""), number(f, 1));
    return radius(f, x, from_signed(f, k), &log_f64);
}

// ---- sine and cosine of [-pi/4, pi/4] ----

static LLVMValueRef sine_f32(const formula *f, LLVMValueRef x) {
    LLVMValueRef z = mul(f, x, x);
    LLVMValueRef tail = add(f, scale(f, z, -1.9515295891e-4f), number(f, 8.3321608736e-3f));
    tail = sub(f, mul(f, tail, z), number(f, 1.6666654611e-1f));
    return add(f, mul(f, mul(f, tail, z), x), x);
}

static LLVMValueRef cosine_f32(const formula *f, LLVMValueRef x) {
    LLVMValueRef z = mul(f, x, x);
    LLVMValueRef tail =
        sub(f, scale(f, z, 2.443315711809948e-5f), number(f, 1.388731625493765e-3f));
    tail = add(f, mul(f, tail, z), number(f, 4.166664568298827e-2f));
    return add(f, sub(f, mul(f, mul(f, tail, z), z), scale(f, z, 0.5)), number(f, 1));
}

static LLVMValueRef sine_f64(const formula *f, LLVMValueRef x) {
    static const double c[] = {8.33333333332248946124e-03, -1.98412698298579493134e-04,
                               2.75573137070700676789e-06, -2.50507602534068634195e-08,
                               1.58969099521155010221e-10};
    LLVMValueRef z = mul(f, x, x), r = polynomial(f, z, c, 5);
    LLVMValueRef tail = add(f, number(f, -1.66666666666666324348e-01), mul(f, z, r));
    return add(f, x, mul(f, mul(f, z, x), tail));
}

static LLVMValueRef cosine_f64(const formula *f, LLVMValueRef x) {
    static const double c[] = {4.16666666666666019037e-02, -1.38888888888741095749e-03,
                               2.48015872894767294178e-05, -2.75573143513906633035e-07,
                               2.08757232129817482790e-09, -1.13596475577881948265e-11};
    LLVMValueRef z = mul(f, x, x), r = mul(f, z, polynomial(f, z, c, 6));
    LLVMValueRef half = scale(f, z, 0.5), one = number(f, 1), w = sub(f, one, half);
    return add(f, w, add(f, sub(f, sub(f, one, w), half), mul(f, z, r)));
}

// ---- normal ----

static LLVMValueRef bit_is_set(const formula *f, LLVMValueRef a, uint32_t bit) {
    LLVMValueRef own = LLVMBuildAnd(f->e->builder, a, word(f, bit), "");
    return LLVMBuildICmp(f->e->builder, LLVMIntNE, own, word(f, 0), "");
}

// What is left of an angle's highest word when the nearest quarter turn is taken off.
static LLVMValueRef rest_of(const formula *f, LLVMValueRef w) {
    LLVMBuilderRef b = f->e->builder;
    LLVMValueRef rest = LLVMBuildAdd(b, w, word(f, 1u << 29), "");
    rest = LLVMBuildAnd(b, rest, word(f, (1u << 30) - 1), "");
    return LLVMBuildSub(b, rest, word(f, 1u << 29), "");
}

// radius times cosine and sine of an angle, whose highest word is `w`.
static void turn(const formula *f, LLVMValueRef r, LLVMValueRef w, LLVMValueRef sine,
                 LLVMValueRef cosine, LLVMValueRef *out) {
    LLVMBuilderRef b = f->e->builder;
    LLVMValueRef quarter = right(f, LLVMBuildAdd(b, w, word(f, 1u << 29), ""), 30);
    LLVMValueRef next = LLVMBuildAdd(b, quarter, word(f, 1), "");
    LLVMValueRef odd = bit_is_set(f, quarter, 1);
    LLVMValueRef c = choose(f, odd, sine, cosine), s = choose(f, odd, cosine, sine);
    c = choose(f, bit_is_set(f, next, 2), LLVMBuildFNeg(b, c, ""), c);
    s = choose(f, bit_is_set(f, quarter, 2), LLVMBuildFNeg(b, s, ""), s);
    out[0] = mul(f, r, c);
    out[1] = mul(f, r, s);
}

static void normal_f32(const formula *f, LLVMValueRef w0, LLVMValueRef w1, LLVMValueRef *out) {
    LLVMValueRef u = add(f, from_signed(f, right(f, w0, 1)), number(f, 1));
    LLVMValueRef r = radius_f32(f, scale(f, u, 0x1p-31));
    LLVMValueRef x = scale(f, from_signed(f, rest_of(f, w1)), 6.2831853071795864769e0f * 0x1p-32f);
    turn(f, r, w1, sine_f32(f, x), cosine_f32(f, x), out);
}

static void normal_f64(const formula *f, LLVMValueRef const *w, LLVMValueRef *out) {
    LLVMBuilderRef b = f->e->builder;
    LLVMValueRef high = right(f, w[1], 1);
    LLVMValueRef low =
        LLVMBuildOr(b, right(f, w[0], 1), LLVMBuildShl(b, w[1], word(f, 31), ""), "");
    LLVMValueRef u = add(f, scale(f, from_signed(f, high), 0x1p32), double_of_u32(f, low));
    LLVMValueRef r = radius_f64(f, scale(f, add(f, u, number(f, 1)), 0x1p-63));
    LLVMValueRef angle =
        add(f, scale(f, from_signed(f, rest_of(f, w[3])), 0x1p32), double_of_u32(f, w[2]));
    LLVMValueRef x = scale(f, angle, 6.2831853071795864769e0 * 0x1p-64);
    turn(f, r, w[3], sine_f64(f, x), cosine_f64(f, x), out);
}

void dn_nvptx_draw(dn_emit *e, dn_dtype dtype, bool normal, LLVMValueRef const *words,
                   LLVMValueRef *out) {
    formula f = {.e = e, .type = dn_emit_scalar(e, dtype)};
    if (dtype == DN_F64 && normal) {
        normal_f64(&f, words, out);
    } else if (dtype == DN_F64) {
        for (int i = 0; i < 2; i++) out[i] = uniform_f64(&f, words[2 * i], words[2 * i + 1]);
    } else if (normal) {
        for (int i = 0; i < 2; i++) normal_f32(&f, words[2 * i], words[2 * i + 1], out + 2 * i);
    } else {
        for (int i = 0; i < 4; i++) out[i] = uniform_f32(&f, words[i]);
    }
}
