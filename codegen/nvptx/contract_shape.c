// The tile of a contraction and the parts of its sums: from shapes alone.
#include <math.h>

#include "codegen/nvptx/contract.h"

enum {
    PROCESSORS = 132,
    MOST_SHARED = 99 << 10,  // bytes of a block, on every GPU from sm_80 on
    MOST_SHARED_90A = 227 << 10,
    STAGES = 3,
    STAGES_WGMMA = 4,
    MOST_COPIES = 12,        // vectors of a thread
    MOST_COPIES_FMA = 8,     // where sums have more registers
    MOST_COPIES_WGMMA = 16,  // where there are no fragments
};

// What a step of a sum costs, compared with one in a tile of 128 x 128: the smaller the tile, the
// more often an element is copied; and how many steps it takes to begin and end a tile, which other
// blocks on the same multiprocessor hide if there are any.
typedef struct choice {
    dn_gtile tile;
    double step, ends;
} choice;

// rows, columns; threads; part of a warp (mma) or a thread (FMA)
static const choice matrix_tiles[] = {
    {{256, 128, 0, 256, 0, 64, 64}, 0.85, 256}, {{128, 256, 0, 256, 0, 64, 64}, 0.85, 256},
    {{128, 128, 0, 256, 0, 64, 32}, 1.0, 64},   {{128, 64, 0, 128, 0, 64, 32}, 1.15, 64},
    {{64, 128, 0, 128, 0, 32, 64}, 1.15, 64},   {{64, 64, 0, 128, 0, 32, 32}, 1.4, 64},
    {{64, 32, 0, 128, 0, 32, 16}, 2.0, 64},     {{128, 16, 0, 128, 0, 32, 16}, 2.4, 64},
    {{64, 16, 0, 128, 0, 16, 16}, 3.0, 64},
};
// wgmma has all of the units' rate where mma.sync has 63% of it (docs/architecture.md), less what
// copies take: the smaller the tile, the more.
static const choice wgmma_tiles[] = {
    {{256, 128, 0, 256, 0, 32, 128}, 0.66, 256}, {{128, 256, 0, 256, 0, 16, 256}, 0.66, 256},
    {{128, 128, 0, 256, 0, 16, 128}, 0.75, 192}, {{128, 64, 0, 256, 0, 16, 64}, 1.0, 96},
    {{64, 128, 0, 128, 0, 16, 128}, 1.0, 96},
};
static const choice fma_tiles[] = {
    {{128, 128, 0, 256, 0, 8, 8}, 1.0, 32}, {{128, 64, 0, 256, 0, 8, 4}, 1.15, 32},
    {{64, 64, 0, 256, 0, 4, 4}, 1.4, 32},   {{64, 32, 0, 256, 0, 4, 2}, 2.0, 32},
    {{128, 16, 0, 256, 0, 8, 1}, 2.4, 32},  {{32, 32, 0, 256, 0, 2, 2}, 2.8, 32},
};

enum {
    N_MATRIX = sizeof matrix_tiles / sizeof *matrix_tiles,
    N_WGMMA = sizeof wgmma_tiles / sizeof *wgmma_tiles,
    N_FMA = sizeof fma_tiles / sizeof *fma_tiles,
};

static int64_t count_blocks(const dn_gplan *p, const dn_gtile *tile) {
    int64_t blocks = dn_gemm_ceil(p->m, tile->rows) * dn_gemm_ceil(p->n, tile->columns);
    for (int i = 0; i < p->n_outer; i++) blocks *= p->outer[i].size;
    return blocks;
}

// Vectors that a thread copies: each has a place of its own in registers.
static int64_t copies(const dn_gplan *p, const dn_gtile *tile, int steps) {
    int64_t a = tile->rows * steps / p->a.vector;
    int64_t b = tile->columns * steps / p->b.vector;
    return (a + b) / tile->threads;
}

static int stages_of(const dn_gplan *p) {
    if (!dn_gemm_any_async(p)) return 2;
    return p->wgmma ? STAGES_WGMMA : STAGES;
}

// Where an operand is turned, a thread copies squares of 4 x 4.
static bool shares_squares(const dn_goperand *operand, int free, int steps, int threads) {
    return !operand->turned || free * steps % (16 * threads) == 0;
}

// Whether a tile can be had: large ones leave no registers for anything else.
static bool possible(const dn_gplan *p, const dn_gtile *tile, int steps) {
    int64_t shared = (int64_t)(tile->rows + tile->columns) * steps * p->element * stages_of(p);
    if (shared > (p->target->specific ? MOST_SHARED_90A : MOST_SHARED)) return false;
    if (!shares_squares(&p->a, tile->rows, steps, tile->threads)) return false;
    if (!shares_squares(&p->b, tile->columns, steps, tile->threads)) return false;
    bool fma = p->unit == DN_G_FMA;
    bool async = dn_gemm_async(p, &p->a) && dn_gemm_async(p, &p->b);
    int64_t sums = (int64_t)tile->rows * tile->columns;
    bool room = p->wgmma || async;  // no fragments, or no copies on their way in registers
    if (sums > 128 * 128 && (!room || p->phased || steps < 32)) return false;
    if (sums > 64 * 64 && p->element == 8) return false;
    int most = fma ? MOST_COPIES_FMA : MOST_COPIES;
    if (p->wgmma && sums <= 128 * 128) most = MOST_COPIES_WGMMA;
    return copies(p, tile, steps) <= most;
}

// The best of some tiles, if it is better than the plan's.
static void try_tiles(dn_gplan *p, const choice *choices, int count, int steps) {
    int64_t parts = p->contract->parts ? p->contract->parts : 1;
    int processors = p->target->processors ? p->target->processors : PROCESSORS;
    double depth = (double)dn_gemm_ceil(p->k, parts * steps) * steps;
    for (int i = 0; i < count; i++) {
        const dn_gtile *tile = &choices[i].tile;
        if (!possible(p, tile, steps)) continue;
        double waves = (double)dn_gemm_ceil(count_blocks(p, tile), processors);
        double cost =
            waves * tile->rows * tile->columns * (depth * choices[i].step + choices[i].ends);
        if (cost >= p->cost) continue;
        p->cost = cost;
        p->tile = *tile;
        p->tile.steps = steps;
    }
}

// Of 32 bits, wgmma takes operands with k as the fast index alone.
static bool turn(dn_goperand *operand) {
    if (operand->k_major) return true;
    operand->turned = operand->k_major = operand->vector == 4;
    return operand->turned;
}

static void try_wgmma(dn_gplan *p) {
    dn_gplan by_wgmma = *p;
    by_wgmma.wgmma = true;
    if (p->unit == DN_G_TF32 && (!turn(&by_wgmma.a) || !turn(&by_wgmma.b))) return;
    try_tiles(&by_wgmma, wgmma_tiles, N_WGMMA, DN_G_PANEL / p->element);
    if (by_wgmma.cost < p->cost) *p = by_wgmma;
}

// Sets the tile and its cost: in steps of the sum of one result on one multiprocessor.
static void choose_tile(dn_gplan *p) {
    bool fma = p->unit == DN_G_FMA;
    int steps = fma || p->k <= 16 || p->a.vector == 1 || p->b.vector == 1 ? 16 : 32;
    p->cost = HUGE_VAL;
    if (fma)
        try_tiles(p, fma_tiles, N_FMA, steps);
    else
        try_tiles(p, matrix_tiles, N_MATRIX, steps);
    if (!fma && p->target->specific) try_wgmma(p);
}

static int64_t distance(int64_t stride) { return stride < 0 ? -stride : stride; }

static void choose_copies(const dn_gplan *p, dn_goperand *operand, bool b) {
    int along_k = dn_gemm_vector(p, operand, b, true);
    int along_free = dn_gemm_vector(p, operand, b, false);
    const dn_gdigit *k = dn_gemm_last(&operand->k), *free = dn_gemm_last(&operand->free);
    operand->k_major = along_k != along_free ? along_k > along_free
                                             : distance(k->stride) <= distance(free->stride);
    operand->vector = operand->k_major ? along_k : along_free;
}

bool dn_gemm_async(const dn_gplan *p, const dn_goperand *operand) {
    bool as_it_is = (int)dn_dtype_size(p->memory) == p->element && !operand->turned;
    return as_it_is && operand->vector * p->element >= 4;
}

bool dn_gemm_any_async(const dn_gplan *p) {
    return dn_gemm_async(p, &p->a) || dn_gemm_async(p, &p->b);
}

static int64_t steps_divide(const dn_gplan *p) {
    return p->phased ? dn_gemm_last(&p->a.k)->size : p->k;
}

// Each thread copies something.
static void share_copies(const dn_gtile *tile, dn_goperand *operand, int free) {
    while (free * tile->steps / operand->vector < tile->threads) operand->vector /= 2;
}

void dn_gemm_shape(dn_gplan *p) {
    choose_copies(p, &p->a, false);
    choose_copies(p, &p->b, true);
    choose_tile(p);
    dn_gtile *tile = &p->tile;
    share_copies(tile, &p->a, tile->rows);
    share_copies(tile, &p->b, tile->columns);
    tile->stages = stages_of(p);
    p->whole_steps = steps_divide(p) % tile->steps == 0;
    p->a_bytes = (int64_t)tile->rows * tile->steps * p->element;
    p->bytes = p->a_bytes + (int64_t)tile->columns * tile->steps * p->element;
    int64_t sums = (int64_t)tile->rows * (tile->columns + DN_G_GAP) * dn_gemm_sum_bytes(p);
    p->shared = p->bytes * tile->stages;
    if (p->shared < sums) p->shared = sums;
    p->blocks = count_blocks(p, tile);
}

// ---- parts ----

enum {
    MOST_PARTS = 64,
    LEAST_STEPS = 128,       // of a part
    MOST_BYTES = 1 << 26,    // of all parts' sums
    LAUNCH_CLOCKS = 3500,    // another kernel
    BYTES_PER_CLOCK = 1700,  // of all multiprocessors together
    STEPS_PER_CLOCK = 400,   // of one: matrix units; of bf16 operands twice as many
    STEPS_PER_CLOCK_F64 = 40,
};
static const double WORTH = 0.8;

static double results_of(const dn_gplan *p) {
    double results = (double)p->m * (double)p->n;
    for (int i = 0; i < p->n_outer; i++) results *= (double)p->outer[i].size;
    return results;
}

// Clocks that a contraction takes in so many parts, written and added up again.
static double clocks(const dn_contract *contract, int parts) {
    static const dn_nvptx target = {.sm = 80, .units = DN_MATRIX_TF32};
    dn_contract c = *contract;
    dn_gplan p;
    c.parts = parts > 1 ? parts : 0;
    dn_gemm_lay_out(&c, &target, &p);
    double rate = c.dtype == DN_F64 ? STEPS_PER_CLOCK_F64 : STEPS_PER_CLOCK;
    double time = p.cost / (p.unit == DN_G_BF16 ? 2 * rate : rate);
    if (parts == 1) return time;
    double bytes = results_of(&p) * (double)dn_dtype_size(c.dtype);
    if (bytes > MOST_BYTES || p.k / parts < LEAST_STEPS) return HUGE_VAL;
    return time + LAUNCH_CLOCKS + 2 * bytes / BYTES_PER_CLOCK;
}

int dn_nvptx_parts(const dn_contract *contract) {
    if (!dn_dtype_is_float(contract->dtype)) return 1;
    double best = WORTH * clocks(contract, 1);
    int parts = 1;
    for (int n = 2; n <= MOST_PARTS; n++) {
        double time = clocks(contract, n);
        if (time >= best) continue;
        best = time;
        parts = n;
    }
    return parts;
}
