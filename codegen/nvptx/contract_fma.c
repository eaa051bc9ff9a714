// Sums by FMA: each thread has a few rows and columns.
#include "codegen/nvptx/contract.h"

enum { SIDE = 16, WARP_ROWS = 4, WARP_COLUMNS = 8 };  // threads of a block and of a warp

// Row (of SIDE) and column of the thread: a warp is 4 x 8 of them.
static void place_thread(dn_gemm *g, LLVMValueRef *row, LLVMValueRef *column) {
    dn_emit *e = g->e;
    LLVMValueRef lane = dn_gemm_rest(e, g->thread, 32), warp = dn_gemm_divide(e, g->thread, 32);
    int warps = SIDE / WARP_COLUMNS;
    *row = dn_gemm_add(e, dn_gemm_scale(e, dn_gemm_divide(e, warp, warps), WARP_ROWS),
                       dn_gemm_divide(e, lane, WARP_COLUMNS));
    *column = dn_gemm_add(e, dn_gemm_scale(e, dn_gemm_rest(e, warp, warps), WARP_COLUMNS),
                          dn_gemm_rest(e, lane, WARP_COLUMNS));
}

static int chunk_elements(const dn_gemm *g) { return DN_G_CHUNK / g->plan->element; }

// How many of a thread's rows (or columns) are neighbours.
static int together(const dn_gemm *g, const dn_goperand *operand, int count) {
    int most = operand->k_major ? 1 : chunk_elements(g);
    return most < count ? most : count;
}

// The place in the tile of row (or column) number i of the thread whose place is `place`.
static LLVMValueRef index_of(dn_gemm *g, const dn_goperand *operand, int count, LLVMValueRef place,
                             int i) {
    int group = together(g, operand, count);
    LLVMValueRef first = dn_gemm_scale(g->e, place, group);
    return dn_gemm_plus(g->e, first, i / group * SIDE * group + i % group);
}

// ---- elements of a chunk of steps ----

typedef struct elements {  // [row or column][step]
    LLVMValueRef of[8][4];
} elements;

static LLVMValueRef load(dn_gemm *g, LLVMValueRef tile, LLVMValueRef bytes, int lanes) {
    dn_emit *e = g->e;
    LLVMTypeRef type = dn_emit_over(e, dn_gemm_sum_type(g), lanes);
    LLVMValueRef value = LLVMBuildLoad2(e->builder, type, dn_gemm_at(e, e->i8, tile, bytes), "");
    LLVMSetAlignment(value, (unsigned)(lanes * g->plan->element));
    return value;
}

static LLVMValueRef lane_of(dn_gemm *g, LLVMValueRef vector, int lane) {
    if (dn_emit_lanes(vector) == 1) return vector;
    return LLVMBuildExtractElement(g->e->builder, vector, dn_emit_i64(g->e, lane), "");
}

static void load_elements(dn_gemm *g, const dn_goperand *operand, LLVMValueRef tile, int free,
                          int count, LLVMValueRef place, int chunk, elements *out) {
    dn_emit *e = g->e;
    int steps = chunk_elements(g), pitch = dn_gemm_pitch(g->plan, operand, free);
    int group = together(g, operand, count);
    for (int i = 0; i < count && operand->k_major; i++) {
        LLVMValueRef row = index_of(g, operand, count, place, i);
        LLVMValueRef at = dn_gemm_swizzle(g, operand, pitch, place, dn_gemm_i32(e, chunk));
        at = dn_gemm_add(e, dn_gemm_scale(e, row, pitch), dn_gemm_scale(e, at, DN_G_CHUNK));
        LLVMValueRef value = load(g, tile, at, steps);
        for (int k = 0; k < steps; k++) out->of[i][k] = lane_of(g, value, k);
    }
    for (int k = 0; k < steps && !operand->k_major; k++)
        for (int i = 0; i < count; i += group) {
            LLVMValueRef at = index_of(g, operand, count, place, i);
            at = dn_gemm_plus(e, dn_gemm_scale(e, at, g->plan->element),
                              (int64_t)(chunk * steps + k) * pitch);
            LLVMValueRef value = load(g, tile, at, group);
            for (int l = 0; l < group; l++) out->of[i + l][k] = lane_of(g, value, l);
        }
}

// ---- sums ----

static LLVMValueRef multiply_add(dn_gemm *g, LLVMValueRef a, LLVMValueRef b, LLVMValueRef sum) {
    dn_emit *e = g->e;
    if (dn_dtype_is_float(g->plan->contract->dtype)) return dn_emit_fma(e, a, b, sum);
    return LLVMBuildAdd(e->builder, LLVMBuildMul(e->builder, a, b, ""), sum, "");
}

void dn_gemm_fma(dn_gemm *g, LLVMValueRef a, LLVMValueRef b) {
    const dn_gplan *p = g->plan;
    const dn_gtile *tile = &p->tile;
    int rows = tile->part_rows, columns = tile->part_columns, steps = chunk_elements(g);
    LLVMValueRef row, column;
    place_thread(g, &row, &column);
    for (int chunk = 0; chunk < tile->steps / steps; chunk++) {
        elements of_a, of_b;
        load_elements(g, &p->a, a, tile->rows, rows, row, chunk, &of_a);
        load_elements(g, &p->b, b, tile->columns, columns, column, chunk, &of_b);
        for (int k = 0; k < steps; k++)
            for (int i = 0; i < rows; i++)
                for (int j = 0; j < columns; j++) {
                    LLVMValueRef *sum = &g->sum[i * columns + j];
                    *sum = multiply_add(g, of_a.of[i][k], of_b.of[j][k], *sum);
                }
    }
}

void dn_gemm_fma_store(dn_gemm *g, int64_t pitch) {
    dn_emit *e = g->e;
    const dn_gplan *p = g->plan;
    int rows = p->tile.part_rows, columns = p->tile.part_columns;
    LLVMValueRef row, column;
    place_thread(g, &row, &column);
    for (int i = 0; i < rows; i++)
        for (int j = 0; j < columns; j++) {
            LLVMValueRef at = dn_gemm_scale(e, index_of(g, &p->a, rows, row, i), pitch);
            at = dn_gemm_add(e, at, index_of(g, &p->b, columns, column, j));
            LLVMBuildStore(e->builder, g->sum[i * columns + j],
                           dn_gemm_at(e, dn_gemm_sum_type(g), g->shared, at));
        }
}
