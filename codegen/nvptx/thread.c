// Threads of a block: who they are, and how they exchange values.
#include <string.h>

#include "codegen/nvptx/nvptx.h"

LLVMValueRef dn_nvptx_call(dn_emit *e, const char *name, LLVMTypeRef type, LLVMValueRef *operands,
                           int count) {
    unsigned id = LLVMLookupIntrinsicID(name, strlen(name));
    DN_ASSERT(id != 0, "LLVM has no intrinsic %s", name);
    size_t types = type ? 1 : 0;
    LLVMValueRef function = LLVMGetIntrinsicDeclaration(e->module, id, &type, types);
    LLVMTypeRef signature = LLVMIntrinsicGetType(e->context, id, &type, types);
    return LLVMBuildCall2(e->builder, signature, function, operands, (unsigned)count, "");
}

// A special register whose value is in [0, limit).
static LLVMValueRef special(dn_emit *e, const char *name, unsigned limit) {
    LLVMValueRef value = dn_nvptx_call(e, name, NULL, NULL, 0);
    LLVMMetadataRef bounds[] = {
        LLVMValueAsMetadata(LLVMConstNull(e->i32)),
        LLVMValueAsMetadata(LLVMConstInt(e->i32, limit, false)),
    };
    LLVMMetadataRef range = LLVMMDNodeInContext2(e->context, bounds, 2);
    LLVMSetMetadata(value, LLVMGetMDKindIDInContext(e->context, "range", strlen("range")),
                    LLVMMetadataAsValue(e->context, range));
    return value;
}

LLVMValueRef dn_nvptx_thread(dn_emit *e) {
    return special(e, "llvm.nvvm.read.ptx.sreg.tid.x", 1024);
}

LLVMValueRef dn_nvptx_block(dn_emit *e) {
    return special(e, "llvm.nvvm.read.ptx.sreg.ctaid.x", INT32_MAX);
}

LLVMValueRef dn_nvptx_blocks(dn_emit *e) {
    return special(e, "llvm.nvvm.read.ptx.sreg.nctaid.x", (unsigned)INT32_MAX + 1);
}

void dn_nvptx_barrier(dn_emit *e) { dn_nvptx_call(e, "llvm.nvvm.barrier0", NULL, NULL, 0); }

// ---- shuffles ----

static LLVMValueRef shuffle_word(dn_emit *e, LLVMValueRef word, int mask) {
    LLVMValueRef operands[] = {LLVMConstAllOnes(e->i32), word,
                               LLVMConstInt(e->i32, (unsigned)mask, false),
                               LLVMConstInt(e->i32, 31, false)};
    return dn_nvptx_call(e, "llvm.nvvm.shfl.sync.bfly.i32", NULL, operands, 4);
}

// An integer of any width up to 64.
static LLVMValueRef shuffle_integer(dn_emit *e, LLVMValueRef value, int mask) {
    LLVMBuilderRef b = e->builder;
    LLVMTypeRef type = LLVMTypeOf(value);
    if (LLVMGetIntTypeWidth(type) <= 32) {
        LLVMValueRef word = LLVMBuildIntCast2(b, value, e->i32, false, "");
        return LLVMBuildIntCast2(b, shuffle_word(e, word, mask), type, false, "");
    }
    LLVMTypeRef pair = dn_emit_over(e, e->i32, 2);
    LLVMValueRef words = LLVMBuildBitCast(b, value, pair, "");
    for (int i = 0; i < 2; i++) {
        LLVMValueRef word = LLVMBuildExtractElement(b, words, dn_emit_i64(e, i), "");
        words =
            LLVMBuildInsertElement(b, words, shuffle_word(e, word, mask), dn_emit_i64(e, i), "");
    }
    return LLVMBuildBitCast(b, words, type, "");
}

LLVMValueRef dn_nvptx_shuffle_xor(dn_emit *e, LLVMValueRef value, int mask) {
    LLVMTypeRef type = LLVMTypeOf(value);
    LLVMTypeKind kind = LLVMGetTypeKind(type);
    if (kind == LLVMIntegerTypeKind) return shuffle_integer(e, value, mask);
    if (kind == LLVMVectorTypeKind) {
        LLVMValueRef all = LLVMGetPoison(type);
        for (int l = 0; l < dn_emit_lanes(value); l++) {
            LLVMValueRef one = LLVMBuildExtractElement(e->builder, value, dn_emit_i64(e, l), "");
            one = dn_nvptx_shuffle_xor(e, one, mask);
            all = LLVMBuildInsertElement(e->builder, all, one, dn_emit_i64(e, l), "");
        }
        return all;
    }
    LLVMTypeRef integer = kind == LLVMFloatTypeKind ? e->i32 : e->i64;
    LLVMValueRef bits = LLVMBuildBitCast(e->builder, value, integer, "");
    return LLVMBuildBitCast(e->builder, shuffle_integer(e, bits, mask), type, "");
}

// ---- shared memory ----

enum { SHARED = 3 };  // its address space

static LLVMValueRef shared_array(dn_emit *e, LLVMTypeRef type, int align, const char *name) {
    LLVMValueRef array = LLVMAddGlobalInAddressSpace(e->module, type, name, SHARED);
    LLVMSetAlignment(array, (unsigned)align);
    return array;
}

LLVMValueRef dn_nvptx_shared(dn_emit *e, LLVMTypeRef element, int64_t count, int align,
                             const char *name) {
    LLVMTypeRef type = LLVMArrayType2(element, (uint64_t)count);
    LLVMValueRef array = shared_array(e, type, align, name);
    LLVMSetLinkage(array, LLVMInternalLinkage);
    LLVMSetInitializer(array, LLVMGetUndef(type));
    return array;
}

LLVMValueRef dn_nvptx_dynamic_shared(dn_emit *e) {
    static const char name[] = "dn_dynamic_shared";
    LLVMValueRef array = LLVMGetNamedGlobal(e->module, name);
    return array ? array : shared_array(e, LLVMArrayType2(e->i8, 0), 1024, name);
}
