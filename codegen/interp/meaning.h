// The E_ macros of ir/ops.def as C, for a type T. Floats compute in T; integers wrap (they compute
// in the unsigned type U); what IEEE or C leaves open for integers is closed here.
#ifndef DN_CODEGEN_INTERP_MEANING_H
#define DN_CODEGEN_INTERP_MEANING_H

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
#define E_AND(a, b) ((a) & (b))
#define E_OR(a, b) ((a) | (b))
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

#define INT_NEG(a) ((T)((U)0 - (U)(a)))
#define INT_ABS(a) ((a) < 0 ? INT_NEG(a) : (a))
#define INT_ADD(a, b) ((T)((U)(a) + (U)(b)))
#define INT_SUB(a, b) ((T)((U)(a) - (U)(b)))
#define INT_MUL(a, b) ((T)((U)(a) * (U)(b)))
// x / 0 is 0; the smallest number / -1 wraps to itself.
#define INT_DIV(a, b) ((b) == 0 ? (T)0 : (b) == (T)-1 && (T)-1 < 0 ? INT_NEG(a) : (T)((a) / (b)))
#define INT_REM(a, b) ((b) == 0 || ((b) == (T)-1 && (T)-1 < 0) ? (T)0 : (T)((a) % (b)))

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

// ---- which domains include which kinds of dtype ----
// <domain>_HAS_<kind>(MACRO)(args) is MACRO(args), or nothing.
#define KEEP(MACRO) MACRO
#define DROP(MACRO) NOTHING
#define NOTHING(...)
#define FLOAT_HAS_FLOAT KEEP
#define FLOAT_HAS_INT DROP
#define FLOAT_HAS_BOOL DROP
#define NUMERIC_HAS_FLOAT KEEP
#define NUMERIC_HAS_INT KEEP
#define NUMERIC_HAS_BOOL DROP
#define BOOLEAN_HAS_FLOAT DROP
#define BOOLEAN_HAS_INT DROP
#define BOOLEAN_HAS_BOOL KEEP
#define ANY_HAS_FLOAT KEEP
#define ANY_HAS_INT KEEP
#define ANY_HAS_BOOL KEEP

#endif
