// Loops over the points of a task, the rows of a tile innermost.
#include "codegen/x86/contract_task.h"

// Rows are often a power of two apart, so that all share the same few lines of a cache; but not
// where they are neighbours.
enum { WAYS = 8, NEIGHBOURS = 12 };

LLVMBasicBlockRef dn_contract_if(dn_ctask *t, LLVMValueRef condition) {
    dn_emit *e = t->e;
    LLVMBasicBlockRef then = LLVMAppendBasicBlockInContext(e->context, e->function, "then");
    LLVMBasicBlockRef after = LLVMAppendBasicBlockInContext(e->context, e->function, "after");
    LLVMBuildCondBr(e->builder, condition, then, after);
    LLVMPositionBuilderAtEnd(e->builder, then);
    return after;
}

void dn_contract_end_if(dn_ctask *t, LLVMBasicBlockRef after) {
    LLVMBuildBr(t->e->builder, after);
    LLVMPositionBuilderAtEnd(t->e->builder, after);
}

// ---- shape ----

// `inner`: sums of dn_x86_lanes lanes, which are two registers in AVX2; a power of two of rows.
static void inner_shape(dn_ctask *t, const dn_x86 *target) {
    const dn_cplan *p = t->plan;
    t->lanes = dn_x86_lanes(p->dtype);
    t->vectors = (int)p->columns;
    int registers = t->lanes * (int)dn_dtype_size(p->dtype) / target->vector_bytes;
    int rows = target->registers * 3 / 4 / registers / (int)(p->columns > 0 ? p->columns : 1);
    for (t->rows = 1; t->rows * 2 <= rows && t->rows < 8; t->rows *= 2) {
    }
}

void dn_contract_shape(dn_ctask *t, const dn_x86 *target) {
    const dn_cplan *p = t->plan;
    const dn_cdim *dim = &p->dims[p->row];
    t->dot_pairs = target->dot_pairs;
    if (p->inner) {
        inner_shape(t, target);
        return;
    }
    t->lanes = target->vector_bytes / (int)dn_dtype_size(p->dtype);
    t->vectors = 2;
    // Few rows: more columns, so that there are sums enough to hide the latency.
    bool wide = !p->packed && p->column_block % (4 * t->lanes) == 0;
    bool few = dim->block * 4 + 4 < target->registers;
    if (wide && (few || (p->copy_a && target->registers > 16))) t->vectors = 4;
    // A row's element and the columns; of pairs both halves, and a zero.
    int others = p->pairs && !t->dot_pairs ? 2 * t->vectors + 3 : t->vectors + 1;
    int most = (target->registers - others) / t->vectors;
    int limit = p->row_a == 1 && p->contract->op == DN_OP_DOT ? NEIGHBOURS : WAYS;
    if (most > limit) most = limit;
    t->rows = (int)dn_ceil_div(dim->block, dn_ceil_div(dim->block, most));
}

// ---- loops ----

static void set_range(dn_ctask *t, int d) {
    int spatial = t->plan->dims[d].spatial;
    if (spatial >= 0) t->range[spatial] = dn_contract_range(t->e, t->plan, spatial, t->index[d]);
}

// i1: the point is where the limit applies.
static LLVMValueRef is_limited(dn_ctask *t, const dn_limit *limit) {
    LLVMBuilderRef builder = t->e->builder;
    LLVMValueRef at[2];
    for (int i = 0; i < 2; i++)
        at[i] = limit->axis[i] < 0 ? LLVMConstInt(t->e->i1, 1, false)
                                   : LLVMBuildICmp(builder, LLVMIntEQ, t->index[limit->axis[i]],
                                                   dn_emit_i64(t->e, limit->index[i]), "");
    return LLVMBuildAnd(builder, at[0], at[1], "");
}

// The least of the limits that apply, at most `all`; NULL if there are none.
static LLVMValueRef limited(dn_ctask *t, bool steps, int64_t all) {
    const dn_contract *c = t->plan->contract;
    dn_emit *e = t->e;
    LLVMValueRef least = NULL;
    for (int i = 0; i < c->n_limits; i++) {
        const dn_limit *limit = &c->limits[i];
        if (limit->steps != steps) continue;
        LLVMValueRef count = LLVMBuildSelect(e->builder, is_limited(t, limit),
                                             dn_emit_i64(e, limit->count), dn_emit_i64(e, all), "");
        least = least ? dn_c_min(e, least, count) : count;
    }
    return least;
}

// Of the matrix of the batch that the point is in. (Where lanes run over rows, all are computed.)
static void set_limits(dn_ctask *t) {
    const dn_contract *c = t->plan->contract;
    t->steps_taken = limited(t, true, c->k);
    t->rows_needed = t->plan->a_arg == 0 ? limited(t, false, c->m) : NULL;
}

// Rows beyond full tiles: as many as most tasks have, or as the last one has.
static void rest_rows(dn_ctask *t, LLVMValueRef row) {
    const dn_cdim *dim = &t->plan->dims[t->plan->row];
    dn_emit *e = t->e;
    int64_t rest[2] = {dim->block % t->rows, dim->size % dim->block % t->rows};
    LLVMValueRef left = LLVMBuildNSWSub(e->builder, t->high[t->plan->row], row, "");
    for (int i = 0; i < 2; i++) {
        if (rest[i] == 0 || (i == 1 && rest[1] == rest[0])) continue;
        t->index[t->plan->row] = row;
        LLVMBasicBlockRef after = dn_contract_if(
            t, LLVMBuildICmp(e->builder, LLVMIntEQ, left, dn_emit_i64(e, rest[i]), ""));
        dn_contract_tile(t, (int)rest[i]);
        dn_contract_end_if(t, after);
    }
}

// Tiles of `rows` rows from `row` on, while they are full and needed. Returns the first row that is
// left.
static LLVMValueRef row_tiles(dn_ctask *t, LLVMValueRef row, int rows) {
    dn_emit *e = t->e;
    int d = t->plan->row;
    LLVMValueRef end = t->high[d];
    if (rows > 1) end = dn_c_add(e, end, dn_emit_i64(e, 1 - rows));
    if (t->rows_needed) end = dn_c_min(e, end, t->rows_needed);
    dn_loop loop;
    dn_loop_begin(e, &loop, row, end, dn_emit_i64(e, rows), NULL, 0);
    t->index[d] = loop.index;
    dn_contract_tile(t, rows);
    dn_loop_end(e, &loop);
    return loop.index;
}

// Rows are a free axis: images, channels, m.
static void plain_rows(dn_ctask *t) {
    int d = t->plan->row;
    LLVMValueRef row = t->low[d];
    if (t->plan->dims[d].size >= t->rows) row = row_tiles(t, row, t->rows);
    if (!t->plan->inner)
        rest_rows(t, row);
    else if (t->plan->dims[d].size % t->rows || t->plan->dims[d].block % t->rows)
        row_tiles(t, row, 1);
}

// i1: the last row of a tile lies inside the task and has the same steps as the first.
static LLVMValueRef alike(dn_ctask *t, LLVMValueRef row) {
    const dn_cplan *p = t->plan;
    dn_emit *e = t->e;
    int spatial = p->dims[p->row].spatial;
    LLVMValueRef last = dn_c_add(e, row, dn_emit_i64(e, (t->rows - 1) * p->spacing));
    dn_crange a = t->range[spatial], b = dn_contract_range(e, p, spatial, last);
    LLVMValueRef inside = LLVMBuildICmp(e->builder, LLVMIntSLT, last, t->high[p->row], "");
    LLVMValueRef begin = LLVMBuildICmp(e->builder, LLVMIntEQ, a.begin, b.begin, "");
    LLVMValueRef end = LLVMBuildICmp(e->builder, LLVMIntEQ, a.end, b.end, "");
    return LLVMBuildAnd(e->builder, inside, LLVMBuildAnd(e->builder, begin, end, ""), "");
}

// Rows are pixels of the last spatial axis: tiles where the same taps apply, else single pixels.
static void pixel_rows(dn_ctask *t) {
    const dn_cplan *p = t->plan;
    dn_emit *e = t->e;
    int d = p->row;
    LLVMValueRef zero = dn_emit_i64(e, 0), one = dn_emit_i64(e, 1);
    dn_loop phase, loop;
    dn_loop_begin(e, &phase, zero, dn_emit_i64(e, p->spacing), one, NULL, 0);
    dn_loop_begin(e, &loop, dn_c_add(e, t->low[d], phase.index), t->high[d], NULL, NULL, 0);
    t->index[d] = loop.index;
    set_range(t, d);
    LLVMValueRef full = alike(t, loop.index);
    LLVMBasicBlockRef after = dn_contract_if(t, full);
    dn_contract_tile(t, t->rows);
    dn_contract_end_if(t, after);
    after = dn_contract_if(t, LLVMBuildNot(e->builder, full, ""));
    dn_contract_tile(t, 1);
    dn_contract_end_if(t, after);
    loop.step = LLVMBuildSelect(e->builder, full, dn_emit_i64(e, t->rows * p->spacing),
                                dn_emit_i64(e, p->spacing), "");
    dn_loop_end(e, &loop);
    dn_loop_end(e, &phase);
}

// Dim d and those inside it.
static void dim_loop(dn_ctask *t, int d) {
    const dn_cplan *p = t->plan;
    if (d == p->n_dims) {
        set_limits(t);
        if (p->dims[p->row].spatial >= 0)
            pixel_rows(t);
        else
            plain_rows(t);
        return;
    }
    if (d == p->row) {
        dim_loop(t, d + 1);
        return;
    }
    dn_loop loop;
    dn_loop_begin(t->e, &loop, t->low[d], t->high[d], dn_emit_i64(t->e, 1), NULL, 0);
    t->index[d] = loop.index;
    set_range(t, d);
    dim_loop(t, d + 1);
    dn_loop_end(t->e, &loop);
}

void dn_contract_rows(dn_ctask *t) { dim_loop(t, 0); }
