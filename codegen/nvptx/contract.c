// A contraction as a kernel: which tile a block has, and its pipeline of copies and sums.
#include "codegen/nvptx/contract.h"

#include <stdlib.h>

// ---- where the block is ----

static LLVMValueRef take(dn_emit *e, LLVMValueRef *number, int64_t size) {
    LLVMValueRef digit = size > 1 ? dn_gemm_rest(e, *number, size) : dn_gemm_i32(e, 0);
    *number = dn_gemm_divide(e, *number, size);
    return digit;
}

// A number of each phase, of the one that begins at `pixel`.
static LLVMValueRef choose(dn_gemm *g, LLVMValueRef pixel, const int64_t *numbers, int64_t count) {
    dn_emit *e = g->e;
    LLVMValueRef chosen = dn_gemm_i32(e, numbers[0]);
    for (int64_t i = 1; i < count; i++) {
        if (numbers[i] == numbers[i - 1]) continue;
        LLVMValueRef later = LLVMBuildICmp(e->builder, LLVMIntUGE, pixel, dn_gemm_i32(e, i), "");
        chosen = LLVMBuildSelect(e->builder, later, dn_gemm_i32(e, numbers[i]), chosen, "");
    }
    return chosen;
}

static void set_phase(dn_gemm *g, int s, int64_t count, LLVMValueRef pixel) {
    int64_t *taps = dn_xcalloc((size_t)count * 3, sizeof *taps), *tap = taps + count;
    int64_t *out = tap + count;
    for (int64_t i = 0; i < count; i++) {
        dn_gphase phase = dn_gemm_phase(g->plan->contract, s, i);
        taps[i] = phase.taps, tap[i] = phase.tap, out[i] = phase.out;
    }
    g->pixel[s] = pixel;
    g->taps[s] = choose(g, pixel, taps, count);
    g->tap[s] = choose(g, pixel, tap, count);
    g->out[s] = choose(g, pixel, out, count);
    free(taps);
}

static LLVMValueRef at_most(dn_emit *e, LLVMValueRef a, LLVMValueRef most) {
    return dn_emit_intrinsic(e, "llvm.smin", e->i32, (LLVMValueRef[]){a, most}, 2);
}

// Steps first to end of k: all, or those of the part, which begins with a tile's first step.
static void set_steps(dn_gemm *g, LLVMValueRef part) {
    const dn_gplan *p = g->plan;
    dn_emit *e = g->e;
    g->first = dn_gemm_i32(e, 0);
    g->end = dn_gemm_i32(e, p->k);
    if (p->phased) {
        g->end = dn_gemm_i32(e, p->contract->filters / p->contract->groups);
        for (int s = 0; s < p->contract->spatial; s++)
            g->end = LLVMBuildNSWMul(e->builder, g->end, g->taps[s], "");
    }
    if (!part) return;
    int64_t unit = (int64_t)p->contract->parts * p->tile.steps;
    LLVMValueRef steps = dn_gemm_divide(e, dn_gemm_plus(e, g->end, unit - 1), unit);
    steps = dn_gemm_scale(e, steps, p->tile.steps);
    g->first = at_most(e, LLVMBuildNSWMul(e->builder, part, steps, ""), g->end);
    g->end = at_most(e, dn_gemm_add(e, g->first, steps), g->end);
}

static void place_block(dn_gemm *g) {
    dn_emit *e = g->e;
    const dn_gplan *p = g->plan;
    LLVMValueRef block = dn_nvptx_block(e);
    int64_t across = dn_gemm_ceil(p->n, p->tile.columns), down = dn_gemm_ceil(p->m, p->tile.rows);
    g->column = dn_gemm_scale(e, take(e, &block, across), p->tile.columns);
    g->row = dn_gemm_scale(e, take(e, &block, down), p->tile.rows);
    LLVMValueRef part = NULL;
    for (int i = p->n_outer - 1; i >= 0; i--) {
        const dn_gouter *outer = &p->outer[i];
        g->outer[i] = take(e, &block, outer->size);
        if (outer->kind == DN_G_PHASE) set_phase(g, outer->axis, outer->size, g->outer[i]);
        if (outer->kind == DN_G_PART) part = g->outer[i];
    }
    set_steps(g, part);
}

// ---- the pipeline ----

// A's tile of a stage, or B's.
static LLVMValueRef tile_of(dn_gemm *g, LLVMValueRef stage, bool b) {
    LLVMValueRef bytes = dn_gemm_scale(g->e, stage, g->plan->bytes);
    bytes = dn_gemm_plus(g->e, bytes, b ? g->plan->a_bytes : 0);
    return dn_gemm_at(g->e, g->e->i8, g->shared, bytes);
}

// Begins to copy both operands' tiles of a step to a stage; something, unless there is `more`.
static void load(dn_gemm *g, LLVMValueRef stage, LLVMValueRef more) {
    dn_gemm_copy_load(g, &g->a, tile_of(g, stage, false), more);
    dn_gemm_copy_load(g, &g->b, tile_of(g, stage, true), more);
    dn_gemm_copy_advance(g, &g->a);
    dn_gemm_copy_advance(g, &g->b);
}

static void store(dn_gemm *g, LLVMValueRef stage) {
    dn_gemm_copy_store(g, &g->a, tile_of(g, stage, false));
    dn_gemm_copy_store(g, &g->b, tile_of(g, stage, true));
}

void dn_gemm_round(dn_gemm *g, LLVMValueRef stage, int part, int parts) {
    dn_gemm_copy_round(g, &g->a, tile_of(g, stage, false), part, parts);
    dn_gemm_copy_round(g, &g->b, tile_of(g, stage, true), part, parts);
}

static void multiply(dn_gemm *g, LLVMValueRef stage, LLVMValueRef next) {
    LLVMValueRef a = tile_of(g, stage, false), b = tile_of(g, stage, true);
    if (g->plan->unit == DN_G_FMA)
        dn_gemm_fma(g, a, b);
    else if (g->plan->wgmma)
        dn_gemm_wgmma_begin(g, a, b);
    else
        dn_gemm_mma_steps(g, a, b, next);
}

static LLVMValueRef next_stage(dn_gemm *g, LLVMValueRef stage) {
    dn_emit *e = g->e;
    LLVMValueRef next = dn_gemm_plus(e, stage, 1), stages = dn_gemm_i32(e, g->plan->tile.stages);
    LLVMValueRef wraps = LLVMBuildICmp(e->builder, LLVMIntEQ, next, stages, "");
    return LLVMBuildSelect(e->builder, wraps, dn_gemm_i32(e, 0), next, "");
}

static LLVMValueRef before(dn_emit *e, LLVMValueRef number, int64_t ahead, LLVMValueRef end) {
    number = dn_gemm_plus(e, number, ahead);
    return LLVMBuildICmp(e->builder, LLVMIntSLT, number, end, "");
}

enum { CARRIED = DN_G_SUMS + 2 * DN_G_VECTORS * DN_G_DIGITS + 2 };

typedef struct carried {
    LLVMValueRef list[CARRIED];
    int n;
} carried;

// stages[0]: where the step is; stages[1]: where the one is copied to that is furthest ahead.
static void gather(const dn_gemm *g, LLVMValueRef const stages[2], carried *c) {
    c->n = 0;
    for (int i = 0; i < g->sums; i++) c->list[c->n++] = g->sum[i];
    c->list[c->n++] = stages[0];
    c->list[c->n++] = stages[1];
    c->n += dn_gemm_copy_gather(&g->a, c->list + c->n);
    c->n += dn_gemm_copy_gather(&g->b, c->list + c->n);
}

static void spread(dn_gemm *g, LLVMValueRef stages[2], carried *c) {
    int n = 0;
    for (int i = 0; i < g->sums; i++) g->sum[i] = c->list[n++];
    stages[0] = c->list[n++];
    stages[1] = c->list[n++];
    n += dn_gemm_copy_spread(&g->a, c->list + n);
    dn_gemm_copy_spread(&g->b, c->list + n);
}

// How many stages are filled ahead: all but the one that is multiplied, and for wgmma the one
// before it, which other warps may not have done with.
static int stages_ahead(const dn_gplan *p) {
    return p->tile.stages - (p->wgmma && dn_gemm_any_async(p) ? 2 : 1);
}

// What this thread copied to a stage is made ready for wgmma once it has come.
static void make_ready(dn_gemm *g, LLVMValueRef stage) {
    const dn_gplan *p = g->plan;
    if (dn_gemm_any_async(p)) dn_gemm_wait(g->e, stages_ahead(p) - 1);
    if (p->unit == DN_G_TF32) dn_gemm_round(g, stage, 0, 1);
    dn_gemm_wgmma_order(g->e);
}

// The stages ahead of the first step are on their way before it.
static void fill(dn_gemm *g, LLVMValueRef tiles) {
    dn_emit *e = g->e;
    bool async = dn_gemm_any_async(g->plan);
    for (int s = 0; s < stages_ahead(g->plan); s++) {
        LLVMValueRef stage = dn_gemm_i32(e, s);
        load(g, stage, before(e, stage, 0, tiles));
        if (async) dn_gemm_commit(e);
        store(g, stage);
    }
    if (g->plan->wgmma) make_ready(g, dn_gemm_i32(e, 0));
    if (g->plan->wgmma || g->plan->unit != DN_G_TF32) return;
    dn_gemm_wait(e, stages_ahead(g->plan) - 1);
    dn_gemm_round(g, dn_gemm_i32(e, 0), 0, 1);
}

// Stage stages[0] is multiplied, while stages[1] is filled. For tf32, what comes after stages[0]
// is there as well, so that each thread can round what it copied.
static void step(dn_gemm *g, LLVMValueRef number, LLVMValueRef tiles,
                 LLVMValueRef const stages[2]) {
    dn_emit *e = g->e;
    int ahead = stages_ahead(g->plan);
    bool async = dn_gemm_any_async(g->plan);
    if (async) dn_gemm_wait(e, g->plan->unit == DN_G_TF32 ? ahead - 2 : ahead - 1);
    dn_nvptx_barrier(e);
    load(g, stages[1], before(e, number, ahead, tiles));
    if (async) dn_gemm_commit(e);
    multiply(g, stages[0], next_stage(g, stages[0]));
    store(g, stages[1]);
}

// The same while the matrix units of four warps multiply: what comes next is made ready, and all
// but this step's products are waited for (all, where their stage is the next to be filled).
static void step_wgmma(dn_gemm *g, LLVMValueRef number, LLVMValueRef tiles,
                       LLVMValueRef const stages[2]) {
    dn_emit *e = g->e;
    bool async = dn_gemm_any_async(g->plan);
    dn_nvptx_barrier(e);
    multiply(g, stages[0], NULL);
    load(g, stages[1], before(e, number, stages_ahead(g->plan), tiles));
    if (async) dn_gemm_commit(e);
    store(g, stages[1]);
    make_ready(g, next_stage(g, stages[0]));
    dn_gemm_wgmma_wait(e, async ? 1 : 0);
}

static void sum_all(dn_gemm *g) {
    dn_emit *e = g->e;
    const dn_gplan *p = g->plan;
    LLVMValueRef left = LLVMBuildNSWSub(e->builder, g->end, g->first, "");
    LLVMValueRef tiles = dn_gemm_divide(e, dn_gemm_plus(e, left, p->tile.steps - 1), p->tile.steps);
    fill(g, tiles);
    LLVMValueRef stages[] = {dn_gemm_i32(e, 0), dn_gemm_i32(e, stages_ahead(p))};
    carried c;
    dn_loop loop;
    gather(g, stages, &c);
    dn_loop_begin(e, &loop, dn_gemm_i32(e, 0), tiles, dn_gemm_i32(e, 1), c.list, c.n);
    spread(g, stages, &c);
    (p->wgmma ? step_wgmma : step)(g, loop.index, tiles, stages);
    stages[0] = next_stage(g, stages[0]);
    stages[1] = next_stage(g, stages[1]);
    gather(g, stages, &c);
    dn_loop_end(e, &loop);
    spread(g, stages, &c);
    if (dn_gemm_any_async(p)) dn_gemm_wait(e, 0);
    if (p->wgmma) dn_gemm_wgmma_take(e, g->sum, g->sums);
}

// ---- the kernel ----

LLVMTypeRef dn_gemm_sum_type(dn_gemm *g) {
    dn_dtype dtype = g->plan->contract->dtype;
    return dn_dtype_size(dtype) < 4 ? g->e->i32 : dn_emit_memory(g->e, dtype);
}

static void begin_sums(dn_gemm *g) {
    const dn_gplan *p = g->plan;
    const dn_gtile *tile = &p->tile;
    g->sums = tile->rows * tile->columns / tile->threads;
    DN_ASSERT(g->sums <= DN_G_SUMS, "%d sums", g->sums);
    for (int i = 0; i < g->sums; i++) g->sum[i] = LLVMConstNull(dn_gemm_sum_type(g));
}

// How many blocks of a small tile a multiprocessor has registers for: ptxas alone would aim at one
// more, and spill.
static void annotate(dn_emit *e, const dn_gplan *plan) {
    const dn_gtile *tile = &plan->tile;
    bool small = tile->rows * tile->columns <= 64 * 64, few = tile->threads <= 128;
    if (small || few) dn_nvptx_annotate(e, "minctasm", small && few ? 4 : 2);
}

dn_status dn_nvptx_emit_contract(dn_emit *e, const dn_nvptx *target, dn_cuda_kernel *launch) {
    dn_gplan plan;
    DN_TRY(dn_gemm_plan(e->kernel, target, &plan));
    launch->grid = plan.blocks;
    launch->block = plan.tile.threads;
    launch->shared = (int32_t)plan.shared;
    if (plan.blocks == 0) return DN_SUCCESS;
    annotate(e, &plan);
    dn_gemm_comment(e, &plan);
    dn_gemm g = {.e = e, .plan = &plan};
    g.thread = dn_nvptx_thread(e);
    g.shared = dn_nvptx_dynamic_shared(e);
    place_block(&g);
    dn_gemm_copy_begin(&g, &g.a, &plan.a, false);
    dn_gemm_copy_begin(&g, &g.b, &plan.b, true);
    begin_sums(&g);
    sum_all(&g);
    dn_gemm_finish(&g);
    return DN_SUCCESS;
}
