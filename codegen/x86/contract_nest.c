// The loops of a reduction around the steps of a tile.
#include "codegen/x86/contract.h"

enum { UNROLL = 4 };

typedef struct nest {
    dn_emit *e;
    const dn_cplan *plan;
    dn_ctile *tile;
    // the levels after merging
    int n;
    LLVMValueRef begin[DN_C_LEVELS], end[DN_C_LEVELS];
    int64_t a_step[DN_C_LEVELS], b_step[DN_C_LEVELS];
    int64_t multiple[DN_C_LEVELS];  // divides the number of steps
} nest;

// What divides the number of steps of a whole level.
static int64_t multiple_of(const dn_cplan *p, const dn_clevel *level) {
    int64_t multiple = level->size;
    for (int i = 0; i < p->contract->n_limits; i++)
        if (p->contract->limits[i].steps)
            multiple = dn_gcd(multiple, p->contract->limits[i].count);
    return multiple;
}

// Levels that are contiguous in both operands are one: taps along the last axis and channels.
static void merge_levels(nest *t) {
    const dn_cplan *p = t->plan;
    const dn_ctile *tile = t->tile;
    for (int l = 0; l < p->n_levels; l++) {
        const dn_clevel *level = &p->levels[l];
        bool whole = level->spatial < 0 && level->chunk == level->size;
        int o = t->n - 1;
        if (l > 0 && whole && t->a_step[o] == level->size * tile->a_step[l] &&
            t->b_step[o] == level->size * tile->b_step[l]) {
            t->begin[o] = dn_c_scale(t->e, t->begin[o], level->size);
            t->end[o] = dn_c_scale(t->e, t->end[o], level->size);
            t->a_step[o] = tile->a_step[l];
            t->b_step[o] = tile->b_step[l];
            t->multiple[o] *= level->size;
            continue;
        }
        t->begin[t->n] = tile->begin[l];
        t->end[t->n] = tile->end[l];
        t->a_step[t->n] = tile->a_step[l];
        t->b_step[t->n] = tile->b_step[l];
        t->multiple[t->n++] = whole ? multiple_of(p, level) : 1;
    }
}

static LLVMValueRef step_address(nest *t, LLVMValueRef base, dn_dtype dtype, LLVMValueRef first,
                                 LLVMValueRef index, int64_t step) {
    LLVMValueRef offset = dn_c_add(t->e, first, dn_c_scale(t->e, index, step));
    return dn_emit_address(t->e, base, dtype, offset);
}

// Loops carry the tile's sums as one array.
typedef struct sums {
    LLVMValueRef list[DN_C_ROWS * DN_C_VECTORS];
} sums;

static int gather_sums(const dn_ctile *tile, sums *s) {
    int n = 0;
    for (int m = 0; m < tile->rows; m++)
        for (int v = 0; v < tile->vectors; v++) s->list[n++] = tile->sum[m][v];
    return n;
}

static void spread_sums(dn_ctile *tile, const sums *s) {
    int n = 0;
    for (int m = 0; m < tile->rows; m++)
        for (int v = 0; v < tile->vectors; v++) tile->sum[m][v] = s->list[n++];
}

// i1 for each lane: whether step index + lane is before end.
static LLVMValueRef steps_left(nest *t, LLVMValueRef index, LLVMValueRef end) {
    LLVMBuilderRef builder = t->e->builder;
    int lanes = t->tile->lanes;
    LLVMValueRef numbers[64];
    for (int i = 0; i < lanes; i++) numbers[i] = LLVMConstInt(t->e->i32, (unsigned)i, false);
    LLVMValueRef left = LLVMBuildNSWSub(builder, end, index, "");
    left = dn_emit_splat(t->e, LLVMBuildTrunc(builder, left, t->e->i32, ""), lanes);
    return LLVMBuildICmp(builder, LLVMIntSLT, LLVMConstVector(numbers, (unsigned)lanes), left, "");
}

// The innermost level's steps [begin, end), `unroll` times `advance` at a time. Returns where it
// stopped. masked: the last of a vector's steps may not exist.
static LLVMValueRef steps(nest *t, LLVMValueRef begin, LLVMValueRef end, int unroll, int advance,
                          bool masked, LLVMValueRef a, LLVMValueRef b) {
    dn_emit *e = t->e;
    int l = t->n - 1;
    sums carried;
    int n = gather_sums(t->tile, &carried);
    LLVMValueRef last = end;
    int ahead = unroll * advance - 1;
    if (ahead > 0 && !masked) last = dn_c_add(e, end, dn_emit_i64(e, -ahead));
    dn_loop loop;
    dn_loop_begin(e, &loop, begin, last, dn_emit_i64(e, unroll * advance), carried.list, n);
    spread_sums(t->tile, &carried);
    dn_dtype of_a = t->tile->a_dtype, of_b = t->tile->b_dtype;
    LLVMValueRef first = step_address(t, t->tile->a, of_a, a, loop.index, t->a_step[l]);
    LLVMValueRef second = step_address(t, t->tile->b, of_b, b, loop.index, t->b_step[l]);
    LLVMValueRef mask = masked ? steps_left(t, loop.index, end) : NULL;
    for (int u = 0; u < unroll; u++) {
        LLVMValueRef to_a = dn_emit_i64(e, u * advance * t->a_step[l]);
        LLVMValueRef to_b = dn_emit_i64(e, u * advance * t->b_step[l]);
        dn_contract_step(e, t->plan, t->tile, dn_emit_address(e, first, of_a, to_a),
                         dn_emit_address(e, second, of_b, to_b), mask);
    }
    gather_sums(t->tile, &carried);
    dn_loop_end(e, &loop);
    spread_sums(t->tile, &carried);
    return loop.index;
}

static void innermost(nest *t, LLVMValueRef a, LLVMValueRef b) {
    int l = t->n - 1;
    LLVMValueRef begin = t->begin[l], end = t->end[l];
    bool inner = t->plan->inner;
    int advance = inner ? t->tile->lanes : 1, unroll = inner ? 1 : UNROLL;
    begin = steps(t, begin, end, unroll, advance, false, a, b);
    if (t->multiple[l] % (unroll * advance)) steps(t, begin, end, 1, advance, inner, a, b);
}

// Level l and those inside it. a and b: offsets of the steps so far.
static void level_loop(nest *t, int l, LLVMValueRef a, LLVMValueRef b) {
    if (l == t->n - 1) {
        innermost(t, a, b);
        return;
    }
    dn_emit *e = t->e;
    sums carried;
    int n = gather_sums(t->tile, &carried);
    dn_loop loop;
    dn_loop_begin(e, &loop, t->begin[l], t->end[l], dn_emit_i64(e, 1), carried.list, n);
    spread_sums(t->tile, &carried);
    a = dn_c_add(e, a, dn_c_scale(e, loop.index, t->a_step[l]));
    b = dn_c_add(e, b, dn_c_scale(e, loop.index, t->b_step[l]));
    level_loop(t, l + 1, a, b);
    gather_sums(t->tile, &carried);
    dn_loop_end(e, &loop);
    spread_sums(t->tile, &carried);
}

void dn_contract_reduce(dn_emit *e, const dn_cplan *plan, dn_ctile *tile) {
    nest t = {.e = e, .plan = plan, .tile = tile};
    merge_levels(&t);
    LLVMValueRef zero = LLVMConstNull(dn_emit_type(e, plan->dtype, tile->lanes));
    for (int m = 0; m < tile->rows; m++)
        for (int v = 0; v < tile->vectors; v++) tile->sum[m][v] = zero;
    if (tile->modes.flush) dn_contract_set_mode(e, tile, tile->modes.flush);
    level_loop(&t, 0, tile->a_first, tile->b_first);
    if (tile->modes.flush) dn_contract_set_mode(e, tile, tile->modes.plain);
}
