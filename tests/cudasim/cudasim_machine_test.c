// Instructions that compute, against C.
#include <fenv.h>

#include "tests/cudasim/machine_trial.h"

enum { THREADS = 1024, SOURCES = 4, DISTINCT = 10 };

static uint64_t *inputs, *results;

// ---- operands: all triples of a few values of each type ----

static const uint64_t integers[DISTINCT] = {0,          1,          2,      31,         33,
                                            0xffffffff, 0x80000000, 0x7fff, 0x8000ffff, 0x12345678};
static const uint64_t wide_integers[DISTINCT] = {0,
                                                 1,
                                                 40,
                                                 0xffffffffffffffff,
                                                 0x8000000000000000,
                                                 0x7fffffffffffffff,
                                                 0x100000000,
                                                 0x123456789abcdef0,
                                                 0xffffffff,
                                                 63};
static const float floats[DISTINCT] = {0,      -0.0f, 1,        -2.5f,      0x1.fffffep127f,
                                       1e-40f, 3.75f, INFINITY, -0x1p-126f, NAN};
static const double doubles[DISTINCT] = {0,      -0.0, 1,        -2.5,  1e300,
                                         1e-310, 3.75, INFINITY, -1e-5, NAN};
static const uint16_t halves[DISTINCT] = {0,      0x8000, 0x3c00, 0xc100, 0x7bff,
                                          0x0001, 0x4380, 0x7c00, 0x8400, 0x7e00};

typedef enum values { INTEGERS, WIDE, FLOATS, DOUBLES, HALVES } values;

static uint64_t value_of(values kind, int k) {
    uint64_t bits = 0;
    switch (kind) {
        case INTEGERS: return integers[k];
        case WIDE: return wide_integers[k];
        case FLOATS: memcpy(&bits, &floats[k], sizeof floats[k]); return bits;
        case DOUBLES: memcpy(&bits, &doubles[k], sizeof doubles[k]); return bits;
        default: return halves[k];
    }
}

static void set_inputs(values a, values b, values c) {
    for (int t = 0; t < THREADS; t++) {
        inputs[t * SOURCES] = value_of(a, t % DISTINCT);
        inputs[t * SOURCES + 1] = value_of(b, t / DISTINCT % DISTINCT);
        inputs[t * SOURCES + 2] = value_of(c, t / DISTINCT / DISTINCT % DISTINCT);
        inputs[t * SOURCES + 3] = (uint64_t)t;
    }
}

// d = op(a, b, c) of registers of so many bits.
static void run_op(const char *op, int d, int a, int b, int c) {
    char body[2048];
    snprintf(
        body, sizeof body,
        ".reg .b%d %%d;\n.reg .b%d %%a;\n.reg .b%d %%b;\n.reg .b%d %%c;\n.reg .pred %%p, %%q;\n"
        "mul.wide.u32 %%at, %%t, 32;\nadd.u64 %%in, %%in, %%at;\n"
        "mul.wide.u32 %%at, %%t, 8;\nadd.u64 %%out, %%out, %%at;\n"
        "ld.global.b%d %%a, [%%in];\nld.global.b%d %%b, [%%in+8];\n"
        "ld.global.b%d %%c, [%%in+16];\n%s\nst.global.b%d [%%out], %%d;\n",
        d, a, b, c, a, b, c, op, d);
    memset(results, 0, THREADS * sizeof *results);
    run_body(body, (shape){1, THREADS, 0}, inputs, results);
}

#define SOURCE(T, name, k) \
    T name;                \
    memcpy(&name, &inputs[t * SOURCES + (k)], sizeof name)

// The result has to have the bits of `value`, or both are NaN.
#define OP(text, D, A, B, C, value)                                                               \
    do {                                                                                          \
        run_op(text, 8 * (int)sizeof(D), 8 * (int)sizeof(A), 8 * (int)sizeof(B),                  \
               8 * (int)sizeof(C));                                                               \
        int wrong = 0;                                                                            \
        for (int t = 0; t < THREADS; t++) {                                                       \
            SOURCE(A, a, 0);                                                                      \
            SOURCE(B, b, 1);                                                                      \
            SOURCE(C, c, 2);                                                                      \
            (void)a, (void)b, (void)c;                                                            \
            D want = (D)(value), have;                                                            \
            memcpy(&have, &results[t], sizeof have);                                              \
            bool same = memcmp(&want, &have, sizeof want) == 0 || (want != want && have != have); \
            if (!same && wrong++ == 0)                                                            \
                fprintf(stderr, "%s: thread %d: 0x%llx\n", text, t,                               \
                        (unsigned long long)results[t]);                                          \
        }                                                                                         \
        CHECK(wrong == 0, "%s: %d threads", text, wrong);                                         \
    } while (0)

#define U32(text, value) OP(text, uint32_t, uint32_t, uint32_t, uint32_t, value)
#define S32(text, value) OP(text, int32_t, int32_t, int32_t, int32_t, value)
#define U64(text, value) OP(text, uint64_t, uint64_t, uint64_t, uint64_t, value)
#define U16(text, value) OP(text, uint16_t, uint16_t, uint16_t, uint16_t, value)
#define S16(text, value) OP(text, int16_t, int16_t, int16_t, int16_t, value)
#define F32(text, value) OP(text, float, float, float, float, value)
#define F64(text, value) OP(text, double, double, double, double, value)

static void integers32(void) {
    set_inputs(INTEGERS, INTEGERS, INTEGERS);
    U32("add.s32 %d, %a, %b;", a + b);
    U32("sub.u32 %d, %a, %b;", a - b);
    U32("mul.lo.s32 %d, %a, %b;", a * b);
    U32("mul.hi.u32 %d, %a, %b;", ((uint64_t)a * b) >> 32);
    S32("mul.hi.s32 %d, %a, %b;", ((int64_t)a * b) >> 32);
    U32("mad.lo.s32 %d, %a, %b, %c;", a * b + c);
    U32("mad.hi.u32 %d, %a, %b, %c;", (((uint64_t)a * b) >> 32) + c);
    OP("mul.wide.s32 %d, %a, %b;", int64_t, int32_t, int32_t, int32_t, (int64_t)a * b);
    OP("mad.wide.u32 %d, %a, %b, %c;", uint64_t, uint32_t, uint32_t, uint64_t, (uint64_t)a * b + c);
    U32("div.u32 %d, %a, %b;", b ? a / b : UINT32_MAX);
    U32("rem.u32 %d, %a, %b;", b ? a % b : a);
    S32("min.s32 %d, %a, %b;", a < b ? a : b);
    U32("max.u32 %d, %a, %b;", a > b ? a : b);
    U32("sad.u32 %d, %a, %b, %c;", c + (a > b ? a - b : b - a));
    U32("abs.s32 %d, %a;", a >> 31 ? 0 - a : a);
    U32("neg.s32 %d, %a;", 0 - a);
    S32("add.sat.s32 %d, %a, %b;", (int64_t)a + b > INT32_MAX   ? INT32_MAX
                                   : (int64_t)a + b < INT32_MIN ? INT32_MIN
                                                                : (int64_t)a + b);
    U32("mul24.lo.u32 %d, %a, %b;", (a & 0xffffff) * (b & 0xffffff));
    U16("add.u16 %d, %a, %b;", a + b);
    U16("mul.lo.u16 %d, %a, %b;", (uint32_t)a * b);
    S16("min.s16 %d, %a, %b;", a < b ? a : b);
    S16("shr.s16 %d, %a, 3;", a >> 3);
    OP("mul.wide.u16 %d, %a, %b;", uint32_t, uint16_t, uint16_t, uint16_t, (uint32_t)a * b);
    OP("dp4a.u32.u32 %d, %a, %b, %c;", uint32_t, uint32_t, uint32_t, uint32_t,
       (a & 255) * (b & 255) + (a >> 8 & 255) * (b >> 8 & 255) + (a >> 16 & 255) * (b >> 16 & 255) +
           (a >> 24) * (b >> 24) + c);
}

static uint32_t funnel_left(uint32_t low, uint32_t high, uint32_t by) {
    return (uint32_t)((((uint64_t)high << 32 | low) << by) >> 32);
}

static uint32_t reversed(uint32_t v) {
    uint32_t r = 0;
    for (int k = 0; k < 32; k++) r |= (v >> k & 1) << (31 - k);
    return r;
}

static uint32_t looked_up(uint32_t a, uint32_t b, uint32_t c, uint32_t table) {
    uint32_t r = 0;
    for (int k = 0; k < 32; k++)
        r |= (table >> ((a >> k & 1) << 2 | (b >> k & 1) << 1 | (c >> k & 1)) & 1) << k;
    return r;
}

static void bits32(void) {
    U32("and.b32 %d, %a, %b;", a & b);
    U32("or.b32 %d, %a, %b;", a | b);
    U32("xor.b32 %d, %a, %b;", a ^ b);
    U32("not.b32 %d, %a;", ~a);
    U32("cnot.b32 %d, %a;", a == 0);
    U32("shl.b32 %d, %a, %b;", b > 31 ? 0 : a << b);
    U32("shr.u32 %d, %a, %b;", b > 31 ? 0 : a >> b);
    OP("shr.s32 %d, %a, %b;", int32_t, int32_t, uint32_t, int32_t, a >> (b > 31 ? 31 : b));
    U32("shf.l.wrap.b32 %d, %a, %b, %c;", funnel_left(a, b, c & 31));
    U32("shf.l.clamp.b32 %d, %a, %b, %c;", funnel_left(a, b, c > 32 ? 32 : c));
    U32("shf.r.wrap.b32 %d, %a, %b, %c;", ((uint64_t)b << 32 | a) >> (c & 31));
    U32("popc.b32 %d, %a;", __builtin_popcount(a));
    U32("clz.b32 %d, %a;", a ? __builtin_clz(a) : 32);
    U32("brev.b32 %d, %a;", reversed(a));
    U32("bfind.u32 %d, %a;", a ? 31 - __builtin_clz(a) : -1);
    U32("bfind.shiftamt.u32 %d, %a;", a ? __builtin_clz(a) : -1);
    U32("bfe.u32 %d, %a, 4, 9;", a >> 4 & 0x1ff);
    S32("bfe.s32 %d, %a, 4, 9;", (int32_t)((uint32_t)a << 19) >> 23);
    U32("bfi.b32 %d, %a, %b, 8, 12;", (b & ~0xfff00u) | (a & 0xfff) << 8);
    U32("lop3.b32 %d, %a, %b, %c, 0xe2;", looked_up(a, b, c, 0xe2));
    U32("prmt.b32 %d, %a, %b, 0x7610;", (a & 0xffff) | (b >> 16 & 0xff) << 16 | (b >> 24) << 24);
    U32("prmt.b32.f4e %d, %a, %b, %c;", ((uint64_t)b << 32 | a) >> 8 * (c & 3));
    U32("{ .reg .b16 %l, %h; mov.b32 {%l, %h}, %a; mov.b32 %d, {%h, %l}; }", a << 16 | a >> 16);
    U32("setp.lt.s32 %p, %a, %b; selp.b32 %d, %a, %c, %p;", (int32_t)a < (int32_t)b ? a : c);
    U32("setp.hi.u32 %p|%q, %a, %b; selp.b32 %d, %a, %c, %q;", a > b ? c : a);
    U32("setp.eq.u32 %q, %b, %c; setp.ne.and.s32 %p, %a, %b, !%q; selp.b32 %d, 1, 0, %p;",
        a != b && b != c);
    U32("set.ge.u32.s32 %d, %a, %b;", (int32_t)a >= (int32_t)b ? -1 : 0);
    U32("setp.gt.u32 %p, %a, %b; mov.u32 %d, 7; @%p mov.u32 %d, %a; @!%p add.u32 %d, %d, 1;",
        a > b ? a : 8);
    OP("slct.b32.s32 %d, %a, %b, %c;", uint32_t, uint32_t, uint32_t, int32_t, c >= 0 ? a : b);
}

static void integers64(void) {
    set_inputs(WIDE, WIDE, WIDE);
    U64("add.s64 %d, %a, %b;", a + b);
    U64("mul.lo.u64 %d, %a, %b;", a * b);
    U64("mul.hi.u64 %d, %a, %b;", ((unsigned __int128)a * b) >> 64);
    U64("mad.lo.s64 %d, %a, %b, %c;", a * b + c);
    U64("div.u64 %d, %a, %b;", b ? a / b : UINT64_MAX);
    U64("max.s64 %d, %a, %b;", (int64_t)a > (int64_t)b ? a : b);
    OP("shl.b64 %d, %a, %b;", uint64_t, uint64_t, uint32_t, uint32_t, b > 63 ? 0 : a << b);
    OP("shr.s64 %d, %a, %b;", int64_t, int64_t, uint32_t, uint32_t, a >> (b > 63 ? 63 : b));
    OP("popc.b64 %d, %a;", uint32_t, uint64_t, uint64_t, uint64_t, __builtin_popcountll(a));
    OP("clz.b64 %d, %a;", uint32_t, uint64_t, uint64_t, uint64_t, a ? __builtin_clzll(a) : 64);
    U64("setp.lt.s64 %p, %a, %b; selp.b64 %d, %a, %b, %p;", (int64_t)a < (int64_t)b ? a : b);
    // The upper half of a sum of 128 bits.
    U64("{ .reg .b64 %l; add.cc.u64 %l, %a, %b; addc.u64 %d, %c, 0; }",
        c + (uint64_t)(((unsigned __int128)a + b) >> 64));
    U64("{ .reg .b64 %l; sub.cc.u64 %l, %a, %b; subc.u64 %d, %c, 0; }", c - (a < b));
    U64("{ .reg .b32 %l, %h; mov.b64 {%l, %h}, %a; mov.b64 %d, {%h, %l}; }", a << 32 | a >> 32);
    OP("cvt.u32.u64 %d, %a;", uint32_t, uint64_t, uint64_t, uint64_t, (uint32_t)a);
    OP("cvt.s64.s32 %d, %a;", int64_t, int32_t, uint64_t, uint64_t, a);
    OP("cvt.u64.u16 %d, %a;", uint64_t, uint16_t, uint64_t, uint64_t, a);
    OP("cvt.s32.s8 %d, %a;", int32_t, int32_t, uint64_t, uint64_t, (int8_t)a);
    OP("cvt.sat.u8.s32 %d, %a;", uint32_t, int32_t, uint64_t, uint64_t,
       a < 0     ? 0
       : a > 255 ? 255
                 : a);
    OP("cvt.rn.f32.u64 %d, %a;", float, uint64_t, uint64_t, uint64_t, (float)a);
    OP("cvt.rn.f64.s64 %d, %a;", double, int64_t, uint64_t, uint64_t, (double)a);
}

// In another rounding mode.
static float rounded(int mode, float a, float b, char op) {
    int before = fegetround();
    fesetround(mode);
    volatile float x = a, y = b;
    volatile float r = op == '+' ? x + y : op == '*' ? x * y : x / y;
    fesetround(before);
    return r;
}

static float flush(float v) { return fpclassify(v) == FP_SUBNORMAL ? copysignf(0, v) : v; }
static float least(float a, float b) { return a == b ? (signbit(a) ? a : b) : (a < b ? a : b); }
static float most(float a, float b) { return a == b ? (signbit(a) ? b : a) : (a > b ? a : b); }
static float unit(float v) { return v > 0 ? (v > 1 ? 1 : v) : 0; }

static void floats32(void) {
    set_inputs(FLOATS, FLOATS, FLOATS);
    F32("add.f32 %d, %a, %b;", a + b);
    F32("sub.rn.f32 %d, %a, %b;", a - b);
    F32("mul.f32 %d, %a, %b;", a * b);
    F32("fma.rn.f32 %d, %a, %b, %c;", fmaf(a, b, c));
    F32("div.rn.f32 %d, %a, %b;", a / b);
    F32("sqrt.rn.f32 %d, %a;", sqrtf(a));
    F32("rcp.rn.f32 %d, %a;", 1 / a);
    F32("add.rz.f32 %d, %a, %b;", rounded(FE_TOWARDZERO, a, b, '+'));
    F32("mul.rp.f32 %d, %a, %b;", rounded(FE_UPWARD, a, b, '*'));
    F32("div.rm.f32 %d, %a, %b;", rounded(FE_DOWNWARD, a, b, '/'));
    F32("add.ftz.f32 %d, %a, %b;", flush(flush(a) + flush(b)));
    F32("add.sat.f32 %d, %a, %b;", unit(a + b));
    F32("min.f32 %d, %a, %b;", a != a ? b : b != b ? a : least(a, b));
    F32("max.f32 %d, %a, %b;", a != a ? b : b != b ? a : most(a, b));
    F32("max.NaN.f32 %d, %a, %b;", a != a || b != b ? NAN : most(a, b));
    F32("abs.f32 %d, %a;", fabsf(a));
    F32("neg.f32 %d, %a;", -a);
    F32("copysign.f32 %d, %a, %b;", copysignf(b, a));
    F32("setp.ltu.f32 %p, %a, %b; selp.f32 %d, %a, %c, %p;", !(a >= b) ? a : c);
    F32("setp.ne.f32 %p, %a, %b; selp.f32 %d, %a, %c, %p;", a < b || a > b ? a : c);
    F32("setp.nan.f32 %p, %a, %b; selp.f32 %d, 0f3F800000, %c, %p;", a != a || b != b ? 1 : c);
    F32("testp.subnormal.f32 %p, %a; selp.f32 %d, %b, %c, %p;",
        fpclassify(a) == FP_SUBNORMAL ? b : c);
    F32("set.gt.f32.f32 %d, %a, %b;", a > b ? 1 : 0);
    OP("cvt.rzi.s32.f32 %d, %a;", int32_t, float, float, float,
       a != a         ? 0
       : a >= 0x1p31f ? INT32_MAX
       : a < -0x1p31f ? INT32_MIN
                      : (int32_t)a);
    OP("cvt.rni.u32.f32 %d, %a;", uint32_t, float, float, float,
       a != a || a < 0 ? 0
       : a >= 0x1p32f  ? UINT32_MAX
                       : (uint32_t)rintf(a));
    F32("cvt.rmi.f32.f32 %d, %a;", floorf(a));
    OP("cvt.f64.f32 %d, %a;", double, float, float, float, a);
    OP("cvt.rna.tf32.f32 %d, %a;", uint32_t, uint32_t, float, float,
       (a & 0x7f800000) == 0x7f800000 ? a & 0x7fffff ? 0x7fffffff : a : (a + 0x1000) & ~0x1fffu);
}

static void floats64(void) {
    set_inputs(DOUBLES, DOUBLES, DOUBLES);
    F64("add.f64 %d, %a, %b;", a + b);
    F64("mul.rn.f64 %d, %a, %b;", a * b);
    F64("fma.rn.f64 %d, %a, %b, %c;", fma(a, b, c));
    F64("div.rn.f64 %d, %a, %b;", a / b);
    F64("sqrt.rn.f64 %d, %a;", sqrt(a));
    F64("abs.f64 %d, %a;", fabs(a));
    F64("neg.f64 %d, %a;", -a);
    F64("setp.geu.f64 %p, %a, %b; selp.f64 %d, %a, %c, %p;", !(a < b) ? a : c);
    OP("cvt.rn.f32.f64 %d, %a;", float, double, double, double, (float)a);
    OP("cvt.rzi.s64.f64 %d, %a;", int64_t, double, double, double,
       a != a        ? 0
       : a >= 0x1p63 ? INT64_MAX
       : a < -0x1p63 ? INT64_MIN
                     : (int64_t)a);
}

// _Float16 is the compiler's own.
static uint32_t half_bits(float v) {
    _Float16 h = (_Float16)v;
    uint16_t bits;
    memcpy(&bits, &h, sizeof bits);
    return v != v ? 0x7fff : bits;
}

static float brain(float v) {
    uint32_t bits;
    memcpy(&bits, &v, sizeof bits);
    bits = (bits + 0x7fff + (bits >> 16 & 1)) & 0xffff0000u;
    float r;
    memcpy(&r, &bits, sizeof r);
    return v != v ? v : r;
}

static void halves16(void) {
    set_inputs(HALVES, HALVES, HALVES);
#define F16(text, value) OP(text, _Float16, _Float16, _Float16, _Float16, value)
    F16("add.f16 %d, %a, %b;", (_Float16)((float)a + (float)b));
    F16("mul.rn.f16 %d, %a, %b;", (_Float16)((float)a * (float)b));
    F16("neg.f16 %d, %a;", -a);
    F16("setp.gt.f16 %p, %a, %b; selp.b16 %d, %a, %c, %p;", (float)a > (float)b ? a : c);
    OP("cvt.f32.f16 %d, %a;", float, _Float16, _Float16, _Float16, (float)a);
    set_inputs(FLOATS, FLOATS, FLOATS);
    OP("cvt.rn.f16.f32 %d, %a;", _Float16, float, float, float, (_Float16)a);
    OP("{ .reg .b16 %l, %h; cvt.rn.f16x2.f32 %d, %a, %b; mov.b32 {%l, %h}, %d; "
       "cvt.u32.u16 %d, %h; }",
       uint32_t, float, float, float, half_bits(a));
    OP("{ .reg .b16 %l; cvt.rn.bf16.f32 %l, %a; cvt.f32.bf16 %d, %l; }", float, float, float, float,
       brain(a));
}

int main(void) {
    inputs = device_memory(THREADS * SOURCES * sizeof *inputs, true);
    results = device_memory(THREADS * sizeof *results, true);
    integers32();
    bits32();
    integers64();
    floats32();
    floats64();
    halves16();
    return CHECK_RESULT();
}
