// What the interpreter adds to the meaning of ops.def's expressions: integers wrap (they compute in
// the unsigned type U), what IEEE or C leaves open for them is closed here, and each domain has its
// dtypes.
#ifndef DN_CODEGEN_INTERP_MEANING_H
#define DN_CODEGEN_INTERP_MEANING_H

#include "ir/meaning.h"

#define INT_NEG(a) ((T)((U)0 - (U)(a)))
#define INT_ABS(a) ((a) < 0 ? INT_NEG(a) : (a))
#define INT_ADD(a, b) ((T)((U)(a) + (U)(b)))
#define INT_SUB(a, b) ((T)((U)(a) - (U)(b)))
#define INT_MUL(a, b) ((T)((U)(a) * (U)(b)))
// x / 0 is 0; the smallest number / -1 wraps to itself.
#define INT_DIV(a, b) ((b) == 0 ? (T)0 : (b) == (T)-1 && (T)-1 < 0 ? INT_NEG(a) : (T)((a) / (b)))
#define INT_REM(a, b) ((b) == 0 || ((b) == (T)-1 && (T)-1 < 0) ? (T)0 : (T)((a) % (b)))

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
