// Random numbers: what runtime/rng.c does, as LLVM IR. Every operation is IEEE's and none is fused,
// so the bits are the same. A thread makes a block of Philox's at a time: four f32 or two f64.
#include "codegen/nvptx/random.h"

#include "codegen/nvptx/nvptx.h"

enum { BLOCK = 256, BLOCKS = 132 * 8 };  // threads; blocks that fill a large GPU

enum { OUT, STATE, SEED, SITE, KEYED, COUNT, PARAMETERS };

static LLVMValueRef word(dn_emit *e, uint32_t value) { return LLVMConstInt(e->i32, value, false); }

// ---- the generator ----

static LLVMValueRef low_of(dn_emit *e, LLVMValueRef wide) {
    return LLVMBuildTrunc(e->builder, wide, e->i32, "");
}

static LLVMValueRef high_of(dn_emit *e, LLVMValueRef wide) {
    return low_of(e, LLVMBuildLShr(e->builder, wide, dn_emit_i64(e, 32), ""));
}

// Both halves of a product.
static void multiply(dn_emit *e, uint32_t factor, LLVMValueRef x, LLVMValueRef *high,
                     LLVMValueRef *low) {
    LLVMValueRef wide = LLVMBuildZExt(e->builder, x, e->i64, "");
    wide = LLVMBuildMul(e->builder, wide, dn_emit_i64(e, factor), "");
    *high = high_of(e, wide);
    *low = low_of(e, wide);
}

static LLVMValueRef xor3(dn_emit *e, LLVMValueRef a, LLVMValueRef b, LLVMValueRef c) {
    return LLVMBuildXor(e->builder, LLVMBuildXor(e->builder, a, b, ""), c, "");
}

static void philox(dn_emit *e, LLVMValueRef key[2], LLVMValueRef c[4]) {
    LLVMValueRef k0 = key[0], k1 = key[1];
    for (int round = 0; round < 10; round++) {
        LLVMValueRef high[2], low[2];
        multiply(e, 0xD2511F53u, c[0], &high[0], &low[0]);
        multiply(e, 0xCD9E8D57u, c[2], &high[1], &low[1]);
        c[0] = xor3(e, high[1], c[1], k0);
        c[1] = low[1];
        c[2] = xor3(e, high[0], c[3], k1);
        c[3] = low[0];
        k0 = LLVMBuildAdd(e->builder, k0, word(e, 0x9E3779B9u), "");
        k1 = LLVMBuildAdd(e->builder, k1, word(e, 0xBB67AE85u), "");
    }
}

// ---- a kernel ----

typedef struct generator {
    dn_emit *e;
    dn_dtype dtype;
    bool normal;
    LLVMValueRef seed, step;  // i64
} generator;

// A 64-bit field of the state.
static LLVMValueRef field(dn_emit *e, size_t offset) {
    LLVMValueRef at = dn_emit_i64(e, (int64_t)offset), state = LLVMGetParam(e->function, STATE);
    at = LLVMBuildInBoundsGEP2(e->builder, e->i8, state, &at, 1, "");
    return LLVMBuildLoad2(e->builder, e->i64, at, "");
}

static LLVMValueRef parameter(dn_emit *e, int i) { return LLVMGetParam(e->function, (unsigned)i); }

// The numbers of Philox's block `block`, a vector.
static LLVMValueRef numbers(const generator *g, LLVMValueRef block) {
    dn_emit *e = g->e;
    LLVMValueRef key[] = {low_of(e, g->seed), high_of(e, g->seed)}, out[4];
    LLVMValueRef words[] = {low_of(e, block), parameter(e, SITE), low_of(e, g->step),
                            high_of(e, g->step)};
    philox(e, key, words);
    dn_nvptx_draw(e, g->dtype, g->normal, words, out);
    int count = 16 / (int)dn_dtype_size(g->dtype);
    LLVMValueRef all = LLVMGetPoison(dn_emit_type(e, g->dtype, count));
    for (int i = 0; i < count; i++)
        all = LLVMBuildInsertElement(e->builder, all, out[i], dn_emit_i64(e, i), "");
    return all;
}

static LLVMBasicBlockRef new_block(dn_emit *e, const char *name) {
    return LLVMAppendBasicBlockInContext(e->context, e->function, name);
}

// Stores the first `left` numbers, one by one.
static void store_some(const generator *g, LLVMValueRef all, LLVMValueRef first,
                       LLVMValueRef left) {
    dn_emit *e = g->e;
    for (int i = 0; i < dn_emit_lanes(all); i++) {
        LLVMBasicBlockRef then = new_block(e, "then"), after = new_block(e, "after");
        LLVMValueRef more = LLVMBuildICmp(e->builder, LLVMIntSGT, left, dn_emit_i64(e, i), "");
        LLVMBuildCondBr(e->builder, more, then, after);
        LLVMPositionBuilderAtEnd(e->builder, then);
        LLVMValueRef to = dn_emit_address(e, first, g->dtype, dn_emit_i64(e, i));
        LLVMValueRef one = LLVMBuildExtractElement(e->builder, all, dn_emit_i64(e, i), "");
        LLVMBuildStore(e->builder, one, to);
        LLVMBuildBr(e->builder, after);
        LLVMPositionBuilderAtEnd(e->builder, after);
    }
}

// Stores them all, or as many as there are.
static void store(const generator *g, LLVMValueRef all, LLVMValueRef block) {
    dn_emit *e = g->e;
    LLVMValueRef each = dn_emit_i64(e, dn_emit_lanes(all));
    LLVMValueRef begin = LLVMBuildNSWMul(e->builder, block, each, "");
    LLVMValueRef left = LLVMBuildNSWSub(e->builder, parameter(e, COUNT), begin, "");
    LLVMValueRef to = dn_emit_address(e, parameter(e, OUT), g->dtype, begin);
    LLVMBasicBlockRef whole = new_block(e, "whole"), some = new_block(e, "some");
    LLVMBasicBlockRef done = new_block(e, "done");
    LLVMValueRef fits = LLVMBuildICmp(e->builder, LLVMIntSGE, left, each, "");
    LLVMBuildCondBr(e->builder, fits, whole, some);
    LLVMPositionBuilderAtEnd(e->builder, whole);
    LLVMSetAlignment(LLVMBuildStore(e->builder, all, to), DN_NVPTX_ALIGN);
    LLVMBuildBr(e->builder, done);
    LLVMPositionBuilderAtEnd(e->builder, some);
    store_some(g, all, to, left);
    LLVMBuildBr(e->builder, done);
    LLVMPositionBuilderAtEnd(e->builder, done);
}

// Each thread takes every (threads of the grid)th block.
static void emit_thread(generator *g) {
    dn_emit *e = g->e;
    LLVMBuilderRef b = e->builder;
    LLVMValueRef keyed =
        LLVMBuildICmp(b, LLVMIntNE, parameter(e, KEYED), LLVMConstNull(e->i32), "");
    g->seed = field(e, offsetof(dn_cuda_state, seed));
    g->step = field(e, offsetof(dn_cuda_state, step));
    g->seed = LLVMBuildSelect(b, keyed, parameter(e, SEED), g->seed, "");
    g->step = LLVMBuildSelect(b, keyed, dn_emit_i64(e, 0), g->step, "");
    int each = 16 / (int)dn_dtype_size(g->dtype);
    LLVMValueRef end = LLVMBuildNSWAdd(b, parameter(e, COUNT), dn_emit_i64(e, each - 1), "");
    end = LLVMBuildSDiv(b, end, dn_emit_i64(e, each), "");
    LLVMValueRef threads = dn_emit_i64(e, BLOCK), first, step;
    first = LLVMBuildNSWMul(b, LLVMBuildZExt(b, dn_nvptx_block(e), e->i64, ""), threads, "");
    first = LLVMBuildNSWAdd(b, first, LLVMBuildZExt(b, dn_nvptx_thread(e), e->i64, ""), "");
    step = LLVMBuildNSWMul(b, LLVMBuildZExt(b, dn_nvptx_blocks(e), e->i64, ""), threads, "");
    dn_loop loop;
    dn_loop_begin(e, &loop, first, end, step, NULL, 0);
    store(g, numbers(g, loop.index), loop.index);
    dn_loop_end(e, &loop);
}

dn_status dn_nvptx_emit_random(dn_emit *e, const dn_nvptx *target, dn_dtype dtype, bool normal,
                               const char *symbol, dn_cuda_kernel *launch) {
    (void)target;  // the same for all
    if (!dn_dtype_is_float(dtype))
        return dn_fail(DN_UNSUPPORTED, "%s: random numbers are floats", symbol);
    LLVMTypeRef parameters[PARAMETERS] = {[OUT] = e->ptr,  [STATE] = e->ptr, [SEED] = e->i64,
                                          [SITE] = e->i32, [KEYED] = e->i32, [COUNT] = e->i64};
    dn_nvptx_open(e, symbol, parameters, PARAMETERS);
    generator g = {.e = e, .dtype = dtype, .normal = normal};
    emit_thread(&g);
    LLVMBuildRetVoid(e->builder);
    dn_nvptx_annotate(e, "maxntidx", BLOCK);
    *launch = (dn_cuda_kernel){.symbol = symbol, .grid = BLOCKS, .block = BLOCK};
    return DN_SUCCESS;
}
