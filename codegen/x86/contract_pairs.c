// Steps by pairs: operands of bf16, two multiply-adds at once. vdpbf16ps computes, in each lane,
//   fma(a even, b even, fma(a odd, b odd, sum))
// and takes operands and results below the least normal number for 0. Two fma give the same bits
// while the processor is told to do so, too.
#include <stdlib.h>
#include <string.h>

#include "codegen/x86/contract.h"

// ---- a step ----

static LLVMValueRef load_pairs(dn_emit *e, LLVMValueRef address, int lanes) {
    LLVMValueRef load = LLVMBuildLoad2(e->builder, dn_emit_over(e, e->i32, lanes), address, "");
    LLVMSetAlignment(load, (unsigned)dn_dtype_size(DN_BF16));
    return load;
}

// The odd or the even one of each pair, as f32.
static LLVMValueRef one_of(dn_emit *e, LLVMValueRef pairs, bool odd) {
    int lanes = dn_emit_lanes(pairs);
    LLVMValueRef upper = dn_emit_splat(e, LLVMConstInt(e->i32, 0xffff0000, false), lanes);
    LLVMValueRef half = dn_emit_number(e, LLVMTypeOf(pairs), 16);
    LLVMValueRef bits = odd ? LLVMBuildAnd(e->builder, pairs, upper, "")
                            : LLVMBuildShl(e->builder, pairs, half, "");
    return LLVMBuildBitCast(e->builder, bits, dn_emit_type(e, DN_F32, lanes), "");
}

static LLVMValueRef dot_pairs(dn_emit *e, LLVMValueRef a, LLVMValueRef b, LLVMValueRef sum) {
    static const char name[] = "llvm.x86.avx512bf16.dpbf16ps.512";
    unsigned id = LLVMLookupIntrinsicID(name, strlen(name));
    LLVMTypeRef halves =
        LLVMVectorType(LLVMBFloatTypeInContext(e->context), 2 * (unsigned)dn_emit_lanes(sum));
    LLVMValueRef operands[] = {sum, LLVMBuildBitCast(e->builder, a, halves, ""),
                               LLVMBuildBitCast(e->builder, b, halves, "")};
    return LLVMBuildCall2(e->builder, LLVMIntrinsicGetType(e->context, id, NULL, 0),
                          LLVMGetIntrinsicDeclaration(e->module, id, NULL, 0), operands, 3, "");
}

static LLVMValueRef multiply_add(dn_emit *e, const dn_ctile *tile, LLVMValueRef a, LLVMValueRef b,
                                 LLVMValueRef sum) {
    if (tile->dot_pairs) return dot_pairs(e, a, b, sum);
    sum = dn_emit_fma(e, one_of(e, a, true), one_of(e, b, true), sum);
    return dn_emit_fma(e, one_of(e, a, false), one_of(e, b, false), sum);
}

void dn_contract_pair_step(dn_emit *e, const dn_cplan *p, dn_ctile *tile, LLVMValueRef a,
                           LLVMValueRef b) {
    LLVMValueRef columns[DN_C_VECTORS];
    for (int v = 0; v < tile->vectors; v++)
        columns[v] = load_pairs(e, dn_c_column(e, tile, b, v), tile->lanes);
    for (int m = 0; m < tile->rows; m++) {
        LLVMValueRef pair = load_pairs(e, dn_c_row(e, p, tile, a, m), 1);
        pair = dn_emit_splat(e, pair, tile->lanes);
        for (int v = 0; v < tile->vectors; v++)
            tile->sum[m][v] = multiply_add(e, tile, pair, columns[v], tile->sum[m][v]);
    }
}

// ---- small numbers are 0 ----

enum { FLUSH_TO_ZERO = 1 << 15, DENORMALS_ARE_ZERO = 1 << 6 };  // of MXCSR

void dn_contract_set_mode(dn_emit *e, dn_ctile *tile, LLVMValueRef from) {
    enum { MOST = DN_C_ROWS * DN_C_VECTORS };
    int n = tile->rows * tile->vectors;
    LLVMTypeRef types[MOST + 1], one = LLVMTypeOf(tile->sum[0][0]);
    LLVMValueRef operands[MOST + 1];
    dn_str constraints = {0};
    for (int i = 0; i < n; i++) {
        types[i] = one;
        operands[i] = tile->sum[i / tile->vectors][i % tile->vectors];
        dn_str_puts(&constraints, "=v,");
    }
    for (int i = 0; i < n; i++) dn_str_printf(&constraints, "%d,", i);
    dn_str_puts(&constraints, "r,~{memory}");
    types[n] = e->ptr;
    operands[n] = from;
    char *text = dn_printf("ldmxcsr ($%d)", 2 * n);
    LLVMTypeRef results = LLVMStructTypeInContext(e->context, types, (unsigned)n, false);
    LLVMTypeRef type = LLVMFunctionType(results, types, (unsigned)n + 1, false);
    LLVMValueRef code =
        LLVMGetInlineAsm(type, text, strlen(text), constraints.text, constraints.length, true,
                         false, LLVMInlineAsmDialectATT, false);
    LLVMValueRef sums = LLVMBuildCall2(e->builder, type, code, operands, (unsigned)n + 1, "");
    for (int i = 0; i < n; i++)
        tile->sum[i / tile->vectors][i % tile->vectors] =
            LLVMBuildExtractValue(e->builder, sums, (unsigned)i, "");
    free(text);
    free(constraints.text);
}

void dn_contract_modes(dn_emit *e, dn_cmodes *modes) {
    static const char name[] = "llvm.x86.sse.stmxcsr";
    unsigned id = LLVMLookupIntrinsicID(name, strlen(name));
    modes->plain = LLVMBuildAlloca(e->builder, e->i32, "plain");
    modes->flush = LLVMBuildAlloca(e->builder, e->i32, "flush");
    LLVMBuildCall2(e->builder, LLVMIntrinsicGetType(e->context, id, NULL, 0),
                   LLVMGetIntrinsicDeclaration(e->module, id, NULL, 0), &modes->plain, 1, "");
    LLVMValueRef mode = LLVMBuildLoad2(e->builder, e->i32, modes->plain, "");
    LLVMValueRef bits = LLVMConstInt(e->i32, FLUSH_TO_ZERO | DENORMALS_ARE_ZERO, false);
    LLVMBuildStore(e->builder, LLVMBuildOr(e->builder, mode, bits, ""), modes->flush);
}
