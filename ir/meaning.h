// The E_ macros of ir/ops.def as C. Whoever expands them defines T, the C type; MATH(f), libm's f
// for it; and KIND, whose KIND_ADD(a, b), KIND_NEG(a), ... are the arithmetic: FLOAT is here.
#ifndef DN_IR_MEANING_H
#define DN_IR_MEANING_H

// ---- any dtype ----
#define E_CONST(c) ((T)(c))
#define E_FROM_BOOL(b) ((T)(b))
#define E_EQ(a, b) ((a) == (b))
#define E_NE(a, b) ((a) != (b))
#define E_LT(a, b) ((a) < (b))
#define E_LE(a, b) ((a) <= (b))
#define E_GT(a, b) ((a) > (b))
#define E_GE(a, b) ((a) >= (b))
#define E_NOT(a) (!(a))
#define E_AND(a, b) (((a) != 0) & ((b) != 0))
#define E_OR(a, b) (((a) != 0) | ((b) != 0))
#define E_SELECT(c, a, b) ((c) ? (a) : (b))

// ---- floats and integers: E_ADD is KIND's ADD ----
#define E_KIND_(kind, op) kind##_##op
#define E_KIND(kind, op) E_KIND_(kind, op)
#define E_NEG(a) E_KIND(KIND, NEG)(a)
#define E_ABS(a) E_KIND(KIND, ABS)(a)
#define E_ADD(a, b) E_KIND(KIND, ADD)(a, b)
#define E_SUB(a, b) E_KIND(KIND, SUB)(a, b)
#define E_MUL(a, b) E_KIND(KIND, MUL)(a, b)
#define E_DIV(a, b) E_KIND(KIND, DIV)(a, b)
#define E_REM(a, b) E_KIND(KIND, REM)(a, b)

#define FLOAT_NEG(a) (-(a))
#define FLOAT_ABS(a) MATH(fabs)(a)
#define FLOAT_ADD(a, b) ((a) + (b))
#define FLOAT_SUB(a, b) ((a) - (b))
#define FLOAT_MUL(a, b) ((a) * (b))
#define FLOAT_DIV(a, b) ((a) / (b))
#define FLOAT_REM(a, b) MATH(fmod)(a, b)

// ---- floats ----
#define E_EXP(a) MATH(exp)(a)
#define E_EXPM1(a) MATH(expm1)(a)
#define E_LOG(a) MATH(log)(a)
#define E_LOG1P(a) MATH(log1p)(a)
#define E_SQRT(a) MATH(sqrt)(a)
#define E_SIN(a) MATH(sin)(a)
#define E_COS(a) MATH(cos)(a)
#define E_TANH(a) MATH(tanh)(a)
#define E_ERF(a) MATH(erf)(a)
#define E_FLOOR(a) MATH(floor)(a)
#define E_CEIL(a) MATH(ceil)(a)
#define E_ROUND(a) MATH(rint)(a)  // the rounding mode is to nearest, ties to even
#define E_POW(a, b) MATH(pow)(a, b)

#endif
