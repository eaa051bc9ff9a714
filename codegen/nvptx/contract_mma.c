// Sums by matrix units: each warp has tiles of 16 x 8 sums, whose fragments are laid out as the PTX
// ISA says. Lane 4 * g + t has rows g and g + 8 of A, column g of B, of both the steps t (of 16-bit
// elements: 2t and 2t + 1) and those half a tile on; of the sums of its rows columns 2t and 2t + 1.
#include "codegen/nvptx/contract.h"

enum {
    STEP_BYTES = 32,  // of the steps of one mma: two chunks
    BLOCK_ROWS = 16,  // of sums
};

typedef struct warp {
    LLVMValueRef lane, row, column;  // where its part of the tile begins
} warp;

static warp warp_of(dn_gemm *g) {
    dn_emit *e = g->e;
    const dn_gtile *tile = &g->plan->tile;
    LLVMValueRef number = dn_gemm_divide(e, g->thread, 32);
    int along = tile->rows / tile->part_rows, rows = g->plan->wgmma ? BLOCK_ROWS : tile->part_rows;
    return (warp){.lane = dn_gemm_rest(e, g->thread, 32),
                  .row = dn_gemm_scale(e, dn_gemm_rest(e, number, along), rows),
                  .column = dn_gemm_scale(e, dn_gemm_divide(e, number, along), tile->part_columns)};
}

// ---- fragments ----

// Where a warp reads fragments of an operand: `chunk` (already exchanged) of line `line`. Chunk c
// on from there is chunk ^ c, since c has only bits that the first one has not.
typedef struct reader {
    const dn_goperand *operand;
    LLVMValueRef tile, line, chunk, rest;  // line, rest: bytes
    int pitch;
} reader;

static LLVMValueRef read_at(dn_gemm *g, const reader *r, int lines, int chunk) {
    dn_emit *e = g->e;
    LLVMValueRef at = r->chunk;
    if (chunk & 7) at = LLVMBuildXor(e->builder, at, dn_gemm_i32(e, chunk & 7), "");
    at = dn_gemm_add(e, dn_gemm_scale(e, at, DN_G_CHUNK), dn_gemm_add(e, r->line, r->rest));
    LLVMValueRef base = dn_gemm_at(e, e->i8, r->tile, at);
    return dn_gemm_at(e, e->i8, base, dn_gemm_i32(e, lines * r->pitch + (chunk & ~7) * DN_G_CHUNK));
}

static LLVMValueRef bit_of(dn_gemm *g, LLVMValueRef lane, int bit) {
    return dn_gemm_rest(g->e, dn_gemm_divide(g->e, lane, bit), 2);
}

static void set_place(dn_gemm *g, reader *r, LLVMValueRef line, LLVMValueRef chunk) {
    r->chunk = dn_gemm_swizzle(g, r->operand, r->pitch, line, chunk);
    r->line = dn_gemm_scale(g->e, line, r->pitch);
}

// For ldmatrix: the line and chunk whose address the lane gives. Matrices are, for A, rows 0 to 7
// and 8 to 15 of the first half of the steps, then of the second; for B, both halves of the steps
// for columns 0 to 7, then for 8 to 15.
static void read_matrices(dn_gemm *g, reader *r, const warp *w, bool b) {
    dn_emit *e = g->e;
    LLVMValueRef low = dn_gemm_rest(e, w->lane, 8);
    LLVMValueRef middle = bit_of(g, w->lane, 8), high = bit_of(g, w->lane, 16);
    LLVMValueRef free = b ? high : middle, half = b ? middle : high;
    LLVMValueRef origin = b ? w->column : w->row;
    if (r->operand->k_major) {
        LLVMValueRef line = dn_gemm_add(e, origin, dn_gemm_scale(e, free, 8));
        set_place(g, r, dn_gemm_add(e, line, low), half);
    } else {
        int in_chunk = DN_G_CHUNK / g->plan->element;
        LLVMValueRef chunk = dn_gemm_add(e, dn_gemm_divide(e, origin, in_chunk), free);
        set_place(g, r, dn_gemm_add(e, dn_gemm_scale(e, half, 8), low), chunk);
    }
}

// For single elements: step t, row or column g.
static void read_elements(dn_gemm *g, reader *r, const warp *w, bool b) {
    dn_emit *e = g->e;
    LLVMValueRef group = dn_gemm_divide(e, w->lane, 4), step = dn_gemm_rest(e, w->lane, 4);
    LLVMValueRef free = dn_gemm_add(e, b ? w->column : w->row, group);
    set_place(g, r, step, dn_gemm_divide(e, free, 4));
    r->rest = dn_gemm_scale(e, dn_gemm_rest(e, group, 4), g->plan->element);
}

static bool by_element(const dn_gemm *g, const dn_goperand *operand) {
    return g->plan->unit == DN_G_TF32 && !operand->k_major;
}

static reader reader_of(dn_gemm *g, const dn_goperand *operand, LLVMValueRef tile, const warp *w,
                        bool b) {
    const dn_gtile *shape = &g->plan->tile;
    reader r = {.operand = operand, .tile = tile, .rest = dn_gemm_i32(g->e, 0)};
    r.pitch = dn_gemm_pitch(g->plan, operand, b ? shape->columns : shape->rows);
    if (by_element(g, operand))
        read_elements(g, &r, w, b);
    else
        read_matrices(g, &r, w, b);
    return r;
}

// Registers of one mma's steps, for each 8 rows or columns of the warp.
typedef struct fragments {
    LLVMValueRef of[8][2];  // [rows / 8][half of the steps]
} fragments;

static void read_singly(dn_gemm *g, const reader *r, int step, int eights, fragments *out) {
    for (int i = 0; i < eights; i++)
        for (int half = 0; half < 2; half++) {
            LLVMValueRef at = read_at(g, r, step * 8 + half * 4, i * 8 / 4);
            out->of[i][half] = LLVMBuildLoad2(g->e->builder, g->e->i32, at, "");
            LLVMSetAlignment(out->of[i][half], 4);
        }
}

// Steps number `step` of `eights` times 8 rows or columns.
static void read_fragments(dn_gemm *g, const reader *r, bool b, int step, int eights,
                           fragments *out) {
    if (by_element(g, r->operand)) {
        read_singly(g, r, step, eights, out);
        return;
    }
    const dn_gplan *p = g->plan;
    bool k_major = r->operand->k_major;
    for (int first = 0; first < eights; first += 2) {
        LLVMValueRef four[4];
        int lines = k_major ? first * 8 : step * STEP_BYTES / p->element;
        int chunk = k_major ? step * 2 : first * 8 * p->element / DN_G_CHUNK;
        dn_gemm_ldmatrix(g->e, read_at(g, r, lines, chunk), !k_major, four);
        for (int i = 0; i < 4; i++)
            out->of[first + (b ? i / 2 : i % 2)][b ? i % 2 : i / 2] = four[i];
    }
}

// ---- sums ----

void dn_gemm_mma_steps(dn_gemm *g, LLVMValueRef a, LLVMValueRef b, LLVMValueRef next) {
    const dn_gplan *p = g->plan;
    const dn_gtile *tile = &p->tile;
    warp w = warp_of(g);
    reader of_a = reader_of(g, &p->a, a, &w, false), of_b = reader_of(g, &p->b, b, &w, true);
    int rows = tile->part_rows / 8, columns = tile->part_columns / 8;
    int steps = tile->steps * p->element / STEP_BYTES;
    for (int step = 0; step < steps; step++) {
        fragments fa, fb;
        read_fragments(g, &of_a, false, step, rows, &fa);
        read_fragments(g, &of_b, true, step, columns, &fb);
        for (int i = 0; i < rows; i += 2) {
            LLVMValueRef four[] = {fa.of[i][0], fa.of[i + 1][0], fa.of[i][1], fa.of[i + 1][1]};
            for (int j = 0; j < columns; j++)
                dn_gemm_mma(g->e, p->unit, four, fb.of[j], &g->sum[(i / 2 * columns + j) * 4]);
        }
        if (p->unit == DN_G_TF32) dn_gemm_round(g, next, step, steps);
    }
}

// ---- their places ----

static void store_pair(dn_gemm *g, LLVMValueRef const sums[2], LLVMValueRef at) {
    dn_emit *e = g->e;
    LLVMTypeRef type = dn_emit_type(e, DN_F32, 2);
    LLVMValueRef pair = LLVMGetPoison(type);
    for (int i = 0; i < 2; i++)
        pair = LLVMBuildInsertElement(e->builder, pair, sums[i], dn_emit_i64(e, i), "");
    LLVMValueRef to = dn_gemm_at(e, dn_emit_scalar(e, DN_F32), g->shared, at);
    LLVMSetAlignment(LLVMBuildStore(e->builder, pair, to), 8);
}

void dn_gemm_mma_store(dn_gemm *g, int64_t pitch) {
    dn_emit *e = g->e;
    const dn_gtile *tile = &g->plan->tile;
    warp w = warp_of(g);
    int rows = tile->part_rows / 8, columns = tile->part_columns / 8;
    int apart = g->plan->wgmma ? BLOCK_ROWS * tile->threads / 32 : BLOCK_ROWS;
    LLVMValueRef row = dn_gemm_add(e, w.row, dn_gemm_divide(e, w.lane, 4));
    LLVMValueRef two = dn_gemm_scale(e, dn_gemm_rest(e, w.lane, 4), 2);
    LLVMValueRef first =
        dn_gemm_add(e, dn_gemm_scale(e, row, pitch), dn_gemm_add(e, w.column, two));
    for (int i = 0; i < rows; i++)
        for (int j = 0; j < columns; j++)
            store_pair(g, &g->sum[(i / 2 * columns + j) * 4 + i % 2 * 2],
                       dn_gemm_plus(e, first, (i / 2 * apart + i % 2 * 8) * pitch + j * 8));
}
