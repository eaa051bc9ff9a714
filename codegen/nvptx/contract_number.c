// Numbers of a kernel under construction.
#include "codegen/nvptx/contract.h"

static LLVMValueRef like_of(LLVMValueRef like, int64_t value) {
    return LLVMConstInt(LLVMTypeOf(like), (unsigned long long)value, true);
}

LLVMValueRef dn_gemm_i32(dn_emit *e, int64_t value) {
    return LLVMConstInt(e->i32, (unsigned long long)value, true);
}

static bool is(LLVMValueRef a, int64_t value) {
    return LLVMIsAConstantInt(a) && LLVMConstIntGetSExtValue(a) == value;
}

LLVMValueRef dn_gemm_add(dn_emit *e, LLVMValueRef a, LLVMValueRef b) {
    if (is(a, 0)) return b;
    if (is(b, 0)) return a;
    return LLVMBuildNSWAdd(e->builder, a, b, "");
}

LLVMValueRef dn_gemm_plus(dn_emit *e, LLVMValueRef a, int64_t b) {
    return dn_gemm_add(e, a, like_of(a, b));
}

LLVMValueRef dn_gemm_scale(dn_emit *e, LLVMValueRef a, int64_t by) {
    if (by == 1) return a;
    if (by == 0) return like_of(a, 0);
    return LLVMBuildNSWMul(e->builder, a, like_of(a, by), "");
}

LLVMValueRef dn_gemm_divide(dn_emit *e, LLVMValueRef a, int64_t by) {
    return by == 1 ? a : LLVMBuildUDiv(e->builder, a, like_of(a, by), "");
}

LLVMValueRef dn_gemm_rest(dn_emit *e, LLVMValueRef a, int64_t by) {
    return LLVMBuildURem(e->builder, a, like_of(a, by), "");
}

LLVMValueRef dn_gemm_below(dn_emit *e, LLVMValueRef a, LLVMValueRef b) {
    return LLVMBuildICmp(e->builder, LLVMIntULT, a, b, "");
}

LLVMValueRef dn_gemm_and(dn_emit *e, LLVMValueRef a, LLVMValueRef b) {
    if (!a) return b;
    return b ? LLVMBuildAnd(e->builder, a, b, "") : a;
}

LLVMValueRef dn_gemm_wide(dn_emit *e, LLVMValueRef a) {
    return LLVMTypeOf(a) == e->i64 ? a : LLVMBuildZExt(e->builder, a, e->i64, "");
}

LLVMValueRef dn_gemm_at(dn_emit *e, LLVMTypeRef element, LLVMValueRef base, LLVMValueRef count) {
    return LLVMBuildInBoundsGEP2(e->builder, element, base, &count, 1, "");
}
