// The elementwise ops as instructions: the op table's expressions with E_ macros that build LLVM
// IR. What IEEE or LLVM leave open is closed as in the interpreter (codegen/interp/meaning.h).
#include <math.h>
#include <string.h>

#include "codegen/llvm/emit.h"

// In which dtype the expressions compute.
typedef struct meaning {
    dn_emit *e;
    dn_dtype dtype;
    LLVMTypeRef type;  // with its lanes
    bool is_float, is_signed;
} meaning;

static LLVMValueRef number(const meaning *m, double value) {
    return dn_emit_number(m->e, m->type, value);
}

static LLVMValueRef call(const meaning *m, const char *intrinsic, LLVMValueRef x) {
    return dn_emit_intrinsic(m->e, intrinsic, m->type, &x, 1);
}

static LLVMValueRef compare(const meaning *m, LLVMRealPredicate real, LLVMIntPredicate with_sign,
                            LLVMIntPredicate without, LLVMValueRef a, LLVMValueRef b) {
    if (m->is_float) return LLVMBuildFCmp(m->e->builder, real, a, b, "");
    return LLVMBuildICmp(m->e->builder, m->is_signed ? with_sign : without, a, b, "");
}

static LLVMValueRef choose(const meaning *m, LLVMValueRef c, LLVMValueRef a, LLVMValueRef b) {
    return LLVMBuildSelect(m->e->builder, c, a, b, "");
}

#define E_CONST(c) number(m, c)
#define E_EQ(a, b) compare(m, LLVMRealOEQ, LLVMIntEQ, LLVMIntEQ, a, b)
#define E_NE(a, b) compare(m, LLVMRealUNE, LLVMIntNE, LLVMIntNE, a, b)
#define E_LT(a, b) compare(m, LLVMRealOLT, LLVMIntSLT, LLVMIntULT, a, b)
#define E_LE(a, b) compare(m, LLVMRealOLE, LLVMIntSLE, LLVMIntULE, a, b)
#define E_GT(a, b) compare(m, LLVMRealOGT, LLVMIntSGT, LLVMIntUGT, a, b)
#define E_GE(a, b) compare(m, LLVMRealOGE, LLVMIntSGE, LLVMIntUGE, a, b)
#define E_NOT(a) LLVMBuildNot(m->e->builder, a, "")
#define E_AND(a, b) LLVMBuildAnd(m->e->builder, a, b, "")
#define E_OR(a, b) LLVMBuildOr(m->e->builder, a, b, "")
#define E_SELECT(c, a, b) choose(m, c, a, b)

static LLVMValueRef from_bool(const meaning *m, LLVMValueRef b) {
    return m->is_float ? LLVMBuildUIToFP(m->e->builder, b, m->type, "")
                       : LLVMBuildZExt(m->e->builder, b, m->type, "");
}
#define E_FROM_BOOL(b) from_bool(m, b)

// ---- floats and integers, which wrap ----

#define ARITHMETIC(macro, name)                                                  \
    static LLVMValueRef name(const meaning *m, LLVMValueRef a, LLVMValueRef b) { \
        return m->is_float ? LLVMBuildF##macro(m->e->builder, a, b, "")          \
                           : LLVMBuild##macro(m->e->builder, a, b, "");          \
    }
ARITHMETIC(Add, add)
ARITHMETIC(Sub, subtract)
ARITHMETIC(Mul, multiply)
#define E_ADD(a, b) add(m, a, b)
#define E_SUB(a, b) subtract(m, a, b)
#define E_MUL(a, b) multiply(m, a, b)

static LLVMValueRef negate(const meaning *m, LLVMValueRef a) {
    return m->is_float ? LLVMBuildFNeg(m->e->builder, a, "") : LLVMBuildNeg(m->e->builder, a, "");
}
#define E_NEG(a) negate(m, a)

static LLVMValueRef absolute(const meaning *m, LLVMValueRef a) {
    if (m->is_float) return call(m, "llvm.fabs", a);
    return m->is_signed ? choose(m, E_LT(a, number(m, 0)), negate(m, a), a) : a;
}
#define E_ABS(a) absolute(m, a)

// A divisor with which dividing is defined: 1 instead of 0 and -1.
static LLVMValueRef safe_divisor(const meaning *m, LLVMValueRef b) {
    LLVMValueRef odd = E_EQ(b, number(m, 0));
    if (m->is_signed) odd = E_OR(odd, E_EQ(b, number(m, -1)));
    return choose(m, odd, number(m, 1), b);
}

// x / 0 is 0; the smallest number / -1 wraps to itself.
static LLVMValueRef divide(const meaning *m, LLVMValueRef a, LLVMValueRef b) {
    LLVMBuilderRef builder = m->e->builder;
    if (m->is_float) return LLVMBuildFDiv(builder, a, b, "");
    LLVMValueRef safe = safe_divisor(m, b), quotient;
    if (m->is_signed) {
        quotient = LLVMBuildSDiv(builder, a, safe, "");
        quotient = choose(m, E_EQ(b, number(m, -1)), negate(m, a), quotient);
    } else {
        quotient = LLVMBuildUDiv(builder, a, safe, "");
    }
    return choose(m, E_EQ(b, number(m, 0)), number(m, 0), quotient);
}
#define E_DIV(a, b) divide(m, a, b)

// x rem 0 is 0, which is what is left by 1.
static LLVMValueRef remainder_of(const meaning *m, LLVMValueRef a, LLVMValueRef b) {
    if (m->is_float) return dn_emit_fmod(m->e, a, b);
    LLVMValueRef safe = safe_divisor(m, b);
    return m->is_signed ? LLVMBuildSRem(m->e->builder, a, safe, "")
                        : LLVMBuildURem(m->e->builder, a, safe, "");
}
#define E_REM(a, b) remainder_of(m, a, b)

// ---- floats ----
#define E_SQRT(a) call(m, "llvm.sqrt", a)
#define E_FLOOR(a) call(m, "llvm.floor", a)
#define E_CEIL(a) call(m, "llvm.ceil", a)
#define E_ROUND(a) call(m, "llvm.roundeven", a)
#define E_EXP(a) dn_emit_exp(m->e, a)
#define E_EXPM1(a) dn_emit_expm1(m->e, a)
#define E_LOG(a) dn_emit_log(m->e, a)
#define E_LOG1P(a) dn_emit_log1p(m->e, a)
#define E_SIN(a) dn_emit_sin(m->e, a)
#define E_COS(a) dn_emit_cos(m->e, a)
#define E_TANH(a) dn_emit_tanh(m->e, a)
#define E_ERF(a) dn_emit_erf(m->e, a)
#define E_POW(a, b) dn_emit_pow(m->e, a, b)

// The rows of the op table.
static LLVMValueRef by_table(const meaning *m, dn_op op, LLVMValueRef x, LLVMValueRef y) {
#define OP(ENUM, name, arity, attrs, grad, doc)
#define UNARY(ENUM, name, domain, expr, grad, doc) \
    if (op == DN_OP_##ENUM) return expr;
#define BINARY(ENUM, name, domain, result, expr, grad, doc) \
    if (op == DN_OP_##ENUM) return expr;
#include "ir/ops.def"
#undef OP
#undef UNARY
#undef BINARY
    dn_panic(__FILE__, __LINE__, "%s is not elementwise", dn_op_get(op)->name);
}

// ---- the ops without an expression ----

static bool is_signed(dn_dtype dtype) { return dtype != DN_BOOL && dtype != DN_U8; }

// Saturates; NaN gives 0.
static LLVMValueRef float_to_integer(const meaning *m, dn_dtype to, LLVMTypeRef type,
                                     LLVMValueRef x) {
    const char *name = is_signed(to) ? "llvm.fptosi.sat" : "llvm.fptoui.sat";
    LLVMTypeRef types[] = {type, m->type};
    unsigned id = LLVMLookupIntrinsicID(name, strlen(name));
    LLVMValueRef function = LLVMGetIntrinsicDeclaration(m->e->module, id, types, 2);
    LLVMTypeRef signature = LLVMIntrinsicGetType(m->e->context, id, types, 2);
    return LLVMBuildCall2(m->e->builder, signature, function, &x, 1, "");
}

static LLVMValueRef cast(const meaning *m, dn_dtype to, LLVMValueRef x) {
    LLVMBuilderRef builder = m->e->builder;
    LLVMTypeRef type = dn_emit_type(m->e, to, dn_emit_lanes(x));
    if (to == m->dtype) return x;
    if (to == DN_BOOL) return E_NE(x, number(m, 0));
    if (m->is_float)
        return dn_dtype_is_float(to) ? LLVMBuildFPCast(builder, x, type, "")
                                     : float_to_integer(m, to, type, x);
    if (dn_dtype_is_float(to))
        return m->is_signed ? LLVMBuildSIToFP(builder, x, type, "")
                            : LLVMBuildUIToFP(builder, x, type, "");
    return LLVMBuildIntCast2(builder, x, type, m->is_signed, "");
}

static LLVMValueRef is_finite(const meaning *m, LLVMValueRef x) {
    if (m->is_float) return E_LT(absolute(m, x), number(m, INFINITY));
    LLVMTypeRef type = dn_emit_type(m->e, DN_BOOL, dn_emit_lanes(x));
    return dn_emit_number(m->e, type, 1);
}

// ---- bf16 ----

// What is exact on numbers of bf16 needs no rounding.
static bool is_exact(dn_op op, dn_dtype from) {
    switch (op) {
        case DN_OP_NEG:
        case DN_OP_ABS:
        case DN_OP_SIGN:
        case DN_OP_FLOOR:
        case DN_OP_CEIL:
        case DN_OP_ROUND:
        case DN_OP_STOP_GRADIENT:
        case DN_OP_MAX:
        case DN_OP_MIN:
        case DN_OP_SELECT: return true;
        case DN_OP_CAST: return from == DN_BF16 || from == DN_BOOL || from == DN_U8;
        default: return false;
    }
}

// Hides from LLVM what bits a float was made of, or what becomes of its bits, so that a choice
// between floats is not made one between bits, of which LLVM 19 makes wrong code for AVX-512
// (llvm-project issue 157929).
static LLVMValueRef fence(dn_emit *e, LLVMValueRef x) {
    return dn_emit_intrinsic(e, "llvm.arithmetic.fence", LLVMTypeOf(x), &x, 1);
}

// The nearest float that bf16 holds, ties to even, as dn_bf16_from_f32 has it.
static LLVMValueRef round_bf16(dn_emit *e, LLVMValueRef x) {
    LLVMBuilderRef b = e->builder;
    LLVMTypeRef type = dn_emit_over(e, e->i32, dn_emit_lanes(x));
    x = fence(e, x);
    LLVMValueRef bits = LLVMBuildBitCast(b, x, type, "");
    LLVMValueRef odd = LLVMBuildLShr(b, bits, dn_emit_number(e, type, 16), "");
    odd = LLVMBuildAnd(b, odd, dn_emit_number(e, type, 1), "");
    LLVMValueRef up = LLVMBuildAdd(b, odd, dn_emit_number(e, type, 0x7fff), "");
    up = LLVMBuildAdd(b, bits, up, "");
    LLVMValueRef quiet = LLVMBuildOr(b, bits, dn_emit_number(e, type, 0x400000), "");
    LLVMValueRef nan = LLVMBuildFCmp(b, LLVMRealUNO, x, x, "");
    bits = LLVMBuildSelect(b, nan, quiet, up, "");
    bits = LLVMBuildAnd(b, bits, dn_emit_number(e, type, -65536), "");
    return LLVMBuildBitCast(b, bits, LLVMTypeOf(x), "");
}

// ---- any op ----

static LLVMValueRef compute(const meaning *m, dn_op op, dn_dtype to, LLVMValueRef const *x) {
    switch (op) {
        case DN_OP_SELECT: return choose(m, x[0], x[1], x[2]);
        case DN_OP_CAST: return cast(m, to, x[0]);
        case DN_OP_IS_FINITE: return is_finite(m, x[0]);
        case DN_OP_SIGMOID: return dn_emit_sigmoid(m->e, x[0]);  // more exact than its expression
        default: return by_table(m, op, x[0], x[1]);
    }
}

LLVMValueRef dn_emit_op(dn_emit *e, dn_op op, dn_dtype from, dn_dtype to, LLVMValueRef const *in) {
    int n = op == DN_OP_SELECT ? 3 : dn_op_get(op)->arity, lanes = 1;
    LLVMValueRef x[3] = {0};
    for (int k = 0; k < n; k++)
        if (dn_emit_lanes(in[k]) > lanes) lanes = dn_emit_lanes(in[k]);
    for (int k = 0; k < n; k++)
        x[k] = dn_emit_lanes(in[k]) == lanes ? in[k] : dn_emit_splat(e, in[k], lanes);
    meaning m = {.e = e,
                 .dtype = from,
                 .type = dn_emit_type(e, from, lanes),
                 .is_float = dn_dtype_is_float(from),
                 .is_signed = is_signed(from)};
    bool rounds = to == DN_BF16 && !is_exact(op, from);
    for (int k = 0; rounds && from == DN_BF16 && k < n; k++) x[k] = fence(e, x[k]);
    LLVMValueRef result = compute(&m, op, to, x);
    return rounds ? round_bf16(e, result) : result;
}
