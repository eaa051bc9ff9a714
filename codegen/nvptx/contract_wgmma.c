// Sums by the matrix units of Hopper (wgmma): four warps together multiply 64 rows by all columns
// of the tile, reading both operands from shared memory, while they do something else.
//
// A tile in shared memory has panels of 128 bytes across: [panel][line][128 bytes]. Of an operand
// that is k_major there is one panel, whose lines are rows (or columns); else lines are steps. In
// each line chunks are exchanged with the line's number modulo 8, which is the hardware's 128-byte
// swizzle. (PTX ISA: "Asynchronous Warpgroup Level Matrix Shared Memory Layout".)
#include "codegen/nvptx/contract.h"

enum {
    EIGHT_LINES = 8 * DN_G_PANEL,  // bytes: what a pattern of swizzling takes
    STEP_BYTES = 32,               // of the steps of one wgmma
    ROWS = 64,                     // of four warps
};

// Matrix descriptors count in chunks: start, from panel to panel, from eight lines to the next.
static LLVMValueRef descriptor(dn_gemm *g, const dn_goperand *operand, LLVMValueRef tile) {
    dn_emit *e = g->e;
    uint64_t swizzle_128 = UINT64_C(1) << 62, lines = EIGHT_LINES / DN_G_CHUNK;
    uint64_t panel = (uint64_t)g->plan->tile.steps * DN_G_PANEL / DN_G_CHUNK;
    if (operand->k_major) panel = 1;  // not used
    LLVMValueRef start = LLVMBuildPtrToInt(e->builder, tile, e->i32, "");
    start = dn_gemm_wide(e, dn_gemm_divide(e, start, DN_G_CHUNK));
    uint64_t rest = swizzle_128 | lines << 32 | panel << 16;
    return LLVMBuildOr(e->builder, start, LLVMConstInt(e->i64, rest, false), "");
}

// Chunks from the operand's place at one wgmma's steps to that at the next ones.
static int64_t step_chunks(const dn_gemm *g, const dn_goperand *operand) {
    int lines = STEP_BYTES / g->plan->element;
    return (operand->k_major ? STEP_BYTES : lines * DN_G_PANEL) / DN_G_CHUNK;
}

void dn_gemm_wgmma_begin(dn_gemm *g, LLVMValueRef a, LLVMValueRef b) {
    dn_emit *e = g->e;
    const dn_gplan *p = g->plan;
    const dn_gtile *tile = &p->tile;
    dn_wgmma shape = {p->unit, tile->columns, !p->a.k_major, !p->b.k_major};
    int groups = tile->threads / 128, blocks = tile->part_rows / 16;
    // 64 rows of A are 64 lines or one panel of 64 steps.
    LLVMValueRef group = dn_gemm_divide(e, g->thread, 128);
    group = dn_gemm_scale(e, group, ROWS * DN_G_PANEL);
    LLVMValueRef of_a = descriptor(g, &p->a, dn_gemm_at(e, e->i8, a, group));
    LLVMValueRef of_b = descriptor(g, &p->b, b);
    int64_t rows = (int64_t)groups * ROWS * DN_G_PANEL / DN_G_CHUNK;
    dn_gemm_wgmma_fence(e);
    for (int step = 0; step < DN_G_PANEL / STEP_BYTES; step++)
        for (int i = 0; i < blocks; i++) {
            LLVMValueRef at_a = dn_gemm_plus(e, of_a, step * step_chunks(g, &p->a) + i * rows);
            LLVMValueRef at_b = dn_gemm_plus(e, of_b, step * step_chunks(g, &p->b));
            dn_gemm_wgmma(e, &shape, at_a, at_b, &g->sum[i * tile->columns / 2]);
        }
    dn_gemm_wgmma_commit(e);
}
