// Types, constants and small instructions.
#include <string.h>

#include "codegen/llvm/emit.h"

void dn_emit_open(dn_emit *e, const char *name) {
    LLVMContextRef context = LLVMContextCreate();
    *e = (dn_emit){.context = context,
                   .module = LLVMModuleCreateWithNameInContext(name, context),
                   .builder = LLVMCreateBuilderInContext(context),
                   .i1 = LLVMInt1TypeInContext(context),
                   .i8 = LLVMInt8TypeInContext(context),
                   .i32 = LLVMInt32TypeInContext(context),
                   .i64 = LLVMInt64TypeInContext(context),
                   .index = LLVMInt64TypeInContext(context),
                   .ptr = LLVMPointerTypeInContext(context, 0)};
}

void dn_emit_close(dn_emit *e) {
    LLVMDisposeBuilder(e->builder);
    LLVMDisposeModule(e->module);
    LLVMContextDispose(e->context);
}

LLVMTypeRef dn_emit_scalar(dn_emit *e, dn_dtype dtype) {
    switch (dtype) {
        case DN_BF16:
        case DN_F32: return LLVMFloatTypeInContext(e->context);
        case DN_F64: return LLVMDoubleTypeInContext(e->context);
        case DN_BOOL: return e->i1;
        default: return dn_emit_memory(e, dtype);
    }
}

LLVMTypeRef dn_emit_memory(dn_emit *e, dn_dtype dtype) {
    if (dtype == DN_F32 || dtype == DN_F64) return dn_emit_scalar(e, dtype);
    return LLVMIntTypeInContext(e->context, 8 * (unsigned)dn_dtype_size(dtype));
}

LLVMValueRef dn_emit_to_code(dn_emit *e, dn_dtype dtype, LLVMValueRef loaded) {
    LLVMTypeRef type = LLVMTypeOf(loaded), wide = dn_emit_over(e, e->i32, dn_emit_lanes(loaded));
    if (dtype == DN_BOOL)
        return LLVMBuildICmp(e->builder, LLVMIntNE, loaded, LLVMConstNull(type), "");
    if (dtype != DN_BF16) return loaded;
    LLVMValueRef bits = LLVMBuildZExt(e->builder, loaded, wide, "");
    bits = LLVMBuildShl(e->builder, bits, dn_emit_number(e, wide, 16), "");
    return LLVMBuildBitCast(e->builder, bits, dn_emit_type(e, dtype, dn_emit_lanes(loaded)), "");
}

LLVMValueRef dn_emit_to_memory(dn_emit *e, dn_dtype dtype, LLVMValueRef value) {
    int lanes = dn_emit_lanes(value);
    LLVMTypeRef type = dn_emit_over(e, dn_emit_memory(e, dtype), lanes);
    if (dtype == DN_BOOL) return LLVMBuildZExt(e->builder, value, type, "");
    if (dtype != DN_BF16) return value;
    LLVMTypeRef wide = dn_emit_over(e, e->i32, lanes);
    LLVMValueRef bits = LLVMBuildBitCast(e->builder, value, wide, "");
    bits = LLVMBuildLShr(e->builder, bits, dn_emit_number(e, wide, 16), "");
    return LLVMBuildTrunc(e->builder, bits, type, "");
}

LLVMTypeRef dn_emit_over(dn_emit *e, LLVMTypeRef scalar, int lanes) {
    (void)e;
    return lanes == 1 ? scalar : LLVMVectorType(scalar, (unsigned)lanes);
}

LLVMTypeRef dn_emit_type(dn_emit *e, dn_dtype dtype, int lanes) {
    return dn_emit_over(e, dn_emit_scalar(e, dtype), lanes);
}

int dn_emit_lanes(LLVMValueRef value) {
    LLVMTypeRef type = LLVMTypeOf(value);
    return LLVMGetTypeKind(type) == LLVMVectorTypeKind ? (int)LLVMGetVectorSize(type) : 1;
}

LLVMValueRef dn_emit_i64(dn_emit *e, int64_t value) {
    return LLVMConstInt(e->i64, (unsigned long long)value, true);
}

// The element type of a vector, or the scalar type itself.
static LLVMTypeRef element_of(LLVMTypeRef type) {
    return LLVMGetTypeKind(type) == LLVMVectorTypeKind ? LLVMGetElementType(type) : type;
}

LLVMValueRef dn_emit_number(dn_emit *e, LLVMTypeRef type, double value) {
    LLVMTypeRef scalar = element_of(type);
    LLVMValueRef one;
    if (LLVMGetTypeKind(scalar) == LLVMIntegerTypeKind) {
        unsigned bits = LLVMGetIntTypeWidth(scalar);
        one = bits == 1 ? LLVMConstInt(scalar, value != 0, false)
                        : LLVMConstInt(scalar, (unsigned long long)(int64_t)value, true);
    } else {
        one = LLVMConstReal(scalar, value);
    }
    if (scalar == type) return one;
    LLVMValueRef lanes[64];
    unsigned count = LLVMGetVectorSize(type);
    DN_ASSERT(count <= 64, "a vector of %u lanes", count);
    for (unsigned i = 0; i < count; i++) lanes[i] = one;
    (void)e;
    return LLVMConstVector(lanes, count);
}

LLVMValueRef dn_emit_splat(dn_emit *e, LLVMValueRef scalar, int lanes) {
    if (lanes == 1) return scalar;
    LLVMTypeRef type = LLVMVectorType(LLVMTypeOf(scalar), (unsigned)lanes);
    LLVMValueRef first =
        LLVMBuildInsertElement(e->builder, LLVMGetPoison(type), scalar, dn_emit_i64(e, 0), "");
    LLVMValueRef zeros = LLVMConstNull(LLVMVectorType(e->i32, (unsigned)lanes));
    return LLVMBuildShuffleVector(e->builder, first, LLVMGetPoison(type), zeros, "");
}

LLVMValueRef dn_emit_intrinsic(dn_emit *e, const char *name, LLVMTypeRef type,
                               LLVMValueRef const *operands, int count) {
    unsigned id = LLVMLookupIntrinsicID(name, strlen(name));
    DN_ASSERT(id != 0, "LLVM has no intrinsic %s", name);
    LLVMValueRef function = LLVMGetIntrinsicDeclaration(e->module, id, &type, 1);
    LLVMTypeRef signature = LLVMIntrinsicGetType(e->context, id, &type, 1);
    return LLVMBuildCall2(e->builder, signature, function, (LLVMValueRef *)operands,
                          (unsigned)count, "");
}

LLVMValueRef dn_emit_fma(dn_emit *e, LLVMValueRef a, LLVMValueRef b, LLVMValueRef c) {
    return dn_emit_intrinsic(e, "llvm.fma", LLVMTypeOf(a), (LLVMValueRef[]){a, b, c}, 3);
}

LLVMValueRef dn_emit_address(dn_emit *e, LLVMValueRef base, dn_dtype dtype, LLVMValueRef count) {
    return LLVMBuildInBoundsGEP2(e->builder, dn_emit_memory(e, dtype), base, &count, 1, "");
}
