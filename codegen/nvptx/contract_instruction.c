// Instructions of NVIDIA GPUs for contractions.
#include <stdio.h>
#include <string.h>

#include "codegen/nvptx/contract.h"

void dn_gemm_copy_async(dn_emit *e, LLVMValueRef to, LLVMValueRef from, int bytes,
                        LLVMValueRef exists) {
    const char *name = bytes == 16  ? "llvm.nvvm.cp.async.cg.shared.global.16.s"
                       : bytes == 8 ? "llvm.nvvm.cp.async.ca.shared.global.8.s"
                                    : "llvm.nvvm.cp.async.ca.shared.global.4.s";
    LLVMValueRef size = dn_gemm_i32(e, bytes);
    if (exists) size = LLVMBuildSelect(e->builder, exists, size, dn_gemm_i32(e, 0), "");
    dn_nvptx_call(e, name, NULL, (LLVMValueRef[]){to, from, size}, 3);
}

void dn_gemm_commit(dn_emit *e) {
    dn_nvptx_call(e, "llvm.nvvm.cp.async.commit.group", NULL, NULL, 0);
}

void dn_gemm_wait(dn_emit *e, int pending) {
    LLVMValueRef most = dn_gemm_i32(e, pending);
    dn_nvptx_call(e, "llvm.nvvm.cp.async.wait.group", NULL, &most, 1);
}

void dn_gemm_ldmatrix(dn_emit *e, LLVMValueRef address, bool transposed, LLVMValueRef out[4]) {
    const char *name = transposed ? "llvm.nvvm.ldmatrix.sync.aligned.m8n8.x4.trans.b16"
                                  : "llvm.nvvm.ldmatrix.sync.aligned.m8n8.x4.b16";
    LLVMValueRef all = dn_nvptx_call(e, name, LLVMTypeOf(address), &address, 1);
    for (unsigned i = 0; i < 4; i++) out[i] = LLVMBuildExtractValue(e->builder, all, i, "");
}

static LLVMValueRef round_tf32(dn_emit *e, LLVMValueRef bits) {
    LLVMValueRef number = LLVMBuildBitCast(e->builder, bits, dn_emit_scalar(e, DN_F32), "");
    return dn_nvptx_call(e, "llvm.nvvm.f2tf32.rna", NULL, &number, 1);
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

// ---- mma ----

void dn_gemm_mma(dn_emit *e, dn_gunit unit, LLVMValueRef const a[4], LLVMValueRef const b[2],
                 LLVMValueRef d[4]) {
    const char *name = unit == DN_G_TF32 ? "llvm.nvvm.mma.m16n8k8.row.col.tf32"
                                         : "llvm.nvvm.mma.m16n8k16.row.col.bf16";
    LLVMValueRef operands[] = {a[0], a[1], a[2], a[3], b[0], b[1], d[0], d[1], d[2], d[3]};
    LLVMValueRef all = dn_nvptx_call(e, name, NULL, operands, 10);
    for (unsigned i = 0; i < 4; i++) d[i] = LLVMBuildExtractValue(e->builder, all, i, "");
}

// ---- wgmma: LLVM has no intrinsics for it ----

enum { MOST_TEXT = 2048, MOST_OPERANDS = DN_G_SUMS + 2 };

// Text that fits, of instructions and constraints.
typedef struct text {
    char at[MOST_TEXT];
    size_t n;
} text;

static void add(text *t, const char *format, int number) {
    int n = snprintf(t->at + t->n, sizeof t->at - t->n, format, number);
    DN_ASSERT(n >= 0 && t->n + (size_t)n < sizeof t->at, "an instruction of more text");
    t->n += (size_t)n;
}

// An instruction that keeps its place among those that use memory. It may change the `sums`, which
// it calls $0, $1, ..; `operands`, of 64 bits, are numbered from twice as many on.
static void assemble(dn_emit *e, const text *code, LLVMValueRef *sums, int count,
                     LLVMValueRef const *operands, int n_operands) {
    LLVMValueRef in[MOST_OPERANDS];
    LLVMTypeRef types[MOST_OPERANDS];
    text constraints = {.n = 0};
    int n = count + n_operands;
    for (int i = 0; i < count; i++) add(&constraints, "=f,", 0);
    for (int i = 0; i < count; i++) add(&constraints, "%d,", i);
    for (int i = 0; i < n_operands; i++) add(&constraints, "l,", 0);
    add(&constraints, "~{memory}", 0);
    for (int i = 0; i < n; i++) {
        in[i] = i < count ? sums[i] : operands[i - count];
        types[i] = LLVMTypeOf(in[i]);
    }
    LLVMTypeRef result = count ? LLVMStructTypeInContext(e->context, types, (unsigned)count, false)
                               : LLVMVoidTypeInContext(e->context);
    LLVMTypeRef type = LLVMFunctionType(result, types, (unsigned)n, false);
    LLVMValueRef function = LLVMGetInlineAsm(type, code->at, code->n, constraints.at, constraints.n,
                                             true, false, LLVMInlineAsmDialectATT, false);
    LLVMValueRef call = LLVMBuildCall2(e->builder, type, function, in, (unsigned)n, "");
    unsigned kind = LLVMGetEnumAttributeKindForName("convergent", strlen("convergent"));
    LLVMAddCallSiteAttribute(call, (LLVMAttributeIndex)LLVMAttributeFunctionIndex,
                             LLVMCreateEnumAttribute(e->context, kind, 0));
    for (int i = 0; i < count; i++)
        sums[i] = LLVMBuildExtractValue(e->builder, call, (unsigned)i, "");
}

static void assemble_alone(dn_emit *e, const char *format, int number) {
    text code = {.n = 0};
    add(&code, format, number);
    assemble(e, &code, NULL, 0, NULL, 0);
}

void dn_gemm_comment(dn_emit *e, const dn_gplan *plan) {
    static const char *const units[] = {"fma", "tf32", "bf16"};
    const dn_gtile *tile = &plan->tile;
    text code;
    int n = snprintf(code.at, sizeof code.at, "// %s%s: tile %d x %d x %d, %d stages%s",
                     plan->wgmma              ? "wgmma "
                     : plan->unit == DN_G_FMA ? ""
                                              : "mma ",
                     units[plan->unit], tile->rows, tile->columns, tile->steps, tile->stages,
                     dn_gemm_any_async(plan) ? ", cp.async" : "");
    code.n = (size_t)n;
    assemble(e, &code, NULL, 0, NULL, 0);
}

void dn_gemm_wgmma_order(dn_emit *e) { assemble_alone(e, "fence.proxy.async.shared::cta;", 0); }
void dn_gemm_wgmma_fence(dn_emit *e) { assemble_alone(e, "wgmma.fence.sync.aligned;", 0); }
void dn_gemm_wgmma_commit(dn_emit *e) { assemble_alone(e, "wgmma.commit_group.sync.aligned;", 0); }

void dn_gemm_wgmma_wait(dn_emit *e, int pending) {
    assemble_alone(e, "wgmma.wait_group.sync.aligned %d;", pending);
}

void dn_gemm_wgmma_take(dn_emit *e, LLVMValueRef *sums, int count) {
    text code = {.n = 0};
    add(&code, "wgmma.wait_group.sync.aligned 0;", 0);
    assemble(e, &code, sums, count, NULL, 0);
}

void dn_gemm_wgmma(dn_emit *e, const dn_wgmma *shape, LLVMValueRef a, LLVMValueRef b,
                   LLVMValueRef *d) {
    bool bf16 = shape->unit == DN_G_BF16;
    int sums = shape->columns / 2;
    text code = {.n = 0};
    add(&code, "{ .reg .pred keep; setp.eq.u32 keep, 0, 0; ", 0);
    add(&code, "wgmma.mma_async.sync.aligned.m64n%d", shape->columns);
    add(&code, bf16 ? "k16.f32.bf16.bf16 " : "k8.f32.tf32.tf32 ", 0);
    for (int i = 0; i < sums; i++) add(&code, i ? ", $%d" : "{$%d", i);
    add(&code, "}, $%d, ", 2 * sums);
    add(&code, "$%d, keep, 1, 1", 2 * sums + 1);
    if (bf16) add(&code, ", %d", shape->a_free_major);
    if (bf16) add(&code, ", %d", shape->b_free_major);
    add(&code, "; }", 0);
    assemble(e, &code, d, sums, (LLVMValueRef[]){a, b}, 2);
}
