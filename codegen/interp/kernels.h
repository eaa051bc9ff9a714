// The kernels, one for each row of ir/ops.def; elementwise rows share one.
#ifndef DN_CODEGEN_INTERP_KERNELS_H
#define DN_CODEGEN_INTERP_KERNELS_H

#include "codegen/interp/kernel.h"

#define OP(ENUM, name, arity, attrs, grad, doc) dn_kernel dn_eval_##ENUM;
#define UNARY(ENUM, name, domain, expr, grad, doc)
#define BINARY(ENUM, name, domain, result, expr, grad, doc)
#include "ir/ops.def"
#undef OP
#undef UNARY
#undef BINARY

dn_kernel dn_eval_elementwise;

#endif
