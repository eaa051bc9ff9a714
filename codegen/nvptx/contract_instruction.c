// Instructions of NVIDIA GPUs for contractions.
#include <string.h>

#include "codegen/nvptx/contract.h"

// An LLVM intrinsic of fixed type, or overloaded on `type`.
static LLVMValueRef call(dn_emit *e, const char *name, LLVMTypeRef type, LLVMValueRef *operands,
                         int count) {
    unsigned id = LLVMLookupIntrinsicID(name, strlen(name));
    DN_ASSERT(id != 0, "LLVM has no intrinsic %s", name);
    size_t types = type ? 1 : 0;
    LLVMValueRef function = LLVMGetIntrinsicDeclaration(e->module, id, &type, types);
    LLVMTypeRef signature = LLVMIntrinsicGetType(e->context, id, &type, types);
    return LLVMBuildCall2(e->builder, signature, function, operands, (unsigned)count, "");
}

void dn_gemm_copy_async(dn_emit *e, LLVMValueRef to, LLVMValueRef from, int bytes,
                        LLVMValueRef exists) {
    const char *name = bytes == 16  ? "llvm.nvvm.cp.async.cg.shared.global.16.s"
                       : bytes == 8 ? "llvm.nvvm.cp.async.ca.shared.global.8.s"
                                    : "llvm.nvvm.cp.async.ca.shared.global.4.s";
    LLVMValueRef size = dn_gemm_i32(e, bytes);
    if (exists) size = LLVMBuildSelect(e->builder, exists, size, dn_gemm_i32(e, 0), "");
    call(e, name, NULL, (LLVMValueRef[]){to, from, size}, 3);
}

void dn_gemm_commit(dn_emit *e) { call(e, "llvm.nvvm.cp.async.commit.group", NULL, NULL, 0); }

void dn_gemm_wait(dn_emit *e, int pending) {
    LLVMValueRef most = dn_gemm_i32(e, pending);
    call(e, "llvm.nvvm.cp.async.wait.group", NULL, &most, 1);
}

void dn_gemm_ldmatrix(dn_emit *e, LLVMValueRef address, bool transposed, LLVMValueRef out[4]) {
    const char *name = transposed ? "llvm.nvvm.ldmatrix.sync.aligned.m8n8.x4.trans.b16"
                                  : "llvm.nvvm.ldmatrix.sync.aligned.m8n8.x4.b16";
    LLVMValueRef all = call(e, name, LLVMTypeOf(address), &address, 1);
    for (unsigned i = 0; i < 4; i++) out[i] = LLVMBuildExtractValue(e->builder, all, i, "");
}

static LLVMValueRef round_tf32(dn_emit *e, LLVMValueRef bits) {
    LLVMValueRef number = LLVMBuildBitCast(e->builder, bits, dn_emit_scalar(e, DN_F32), "");
    return call(e, "llvm.nvvm.f2tf32.rna", NULL, &number, 1);
}

LLVMValueRef dn_gemm_tf32(dn_emit *e, LLVMValueRef bits) {
    int lanes = dn_emit_lanes(bits);
    if (lanes == 1) return round_tf32(e, bits);
    for (int i = 0; i < lanes; i++) {
        LLVMValueRef lane = dn_emit_i64(e, i);
        LLVMValueRef one = LLVMBuildExtractElement(e->builder, bits, lane, "");
        bits = LLVMBuildInsertElement(e->builder, bits, round_tf32(e, one), lane, "");
    }
    return bits;
}

void dn_gemm_mma(dn_emit *e, dn_gunit unit, LLVMValueRef const a[4], LLVMValueRef const b[2],
                 LLVMValueRef d[4]) {
    const char *name = unit == DN_G_TF32 ? "llvm.nvvm.mma.m16n8k8.row.col.tf32"
                                         : "llvm.nvvm.mma.m16n8k16.row.col.bf16";
    LLVMValueRef operands[] = {a[0], a[1], a[2], a[3], b[0], b[1], d[0], d[1], d[2], d[3]};
    LLVMValueRef all = call(e, name, NULL, operands, 10);
    for (unsigned i = 0; i < 4; i++) d[i] = LLVMBuildExtractValue(e->builder, all, i, "");
}
