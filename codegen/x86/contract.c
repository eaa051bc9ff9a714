// Contractions: the loops of a task around the tile.
#include "codegen/x86/contract_task.h"

// ---- the tile ----

// Where the levels begin and end for the current point, and what that does to the offsets.
static void set_levels(dn_ctask *t, dn_ctile *tile) {
    dn_emit *e = t->e;
    const dn_cplan *p = t->plan;
    for (int l = 0; l < p->n_levels; l++) {
        const dn_clevel *level = &p->levels[l];
        tile->begin[l] = t->from[l];
        tile->end[l] = t->to[l];
        tile->a_step[l] = level->a;
        tile->b_step[l] = level->b;
        if (p->copy_b) tile->b_step[l] = dn_contract_b_step(p, l) * t->vector_count * t->lanes;
        if (level->spatial >= 0) {
            const dn_crange *range = &t->range[level->spatial];
            bool chunked = level->chunk < level->size;
            tile->begin[l] = chunked ? dn_c_max(e, range->begin, t->from[l]) : range->begin;
            tile->end[l] = chunked ? dn_c_min(e, range->end, t->to[l]) : range->end;
            LLVMValueRef *x = p->swapped ? &tile->b_first : &tile->a_first;
            LLVMValueRef *other = p->swapped ? &tile->a_first : &tile->b_first;
            *x = dn_c_add(e, *x, range->a);
            *other = dn_c_add(e, *other, range->b);
        }
        if (t->steps_taken) tile->end[l] = dn_c_min(e, tile->end[l], t->steps_taken);
        if (p->copy_b)
            tile->b_first = dn_c_add(e, tile->b_first, dn_c_scale(e, t->from[l], -tile->b_step[l]));
        if (p->copy_a)
            tile->a_first = dn_c_add(e, tile->a_first, dn_c_scale(e, t->from[l], -tile->a_step[l]));
    }
}

// Offset of B at a column, all steps 0.
static LLVMValueRef column_offset(dn_ctask *t) {
    dn_emit *e = t->e;
    const dn_cplan *p = t->plan;
    LLVMValueRef width = dn_emit_i64(e, p->width);
    LLVMValueRef panel = LLVMBuildUDiv(e->builder, t->column, width, "");
    LLVMValueRef lane = LLVMBuildURem(e->builder, t->column, width, "");
    return dn_c_add(e, dn_c_scale(e, t->group, p->group_b),
                    dn_c_add(e, dn_c_scale(e, panel, p->panel), dn_c_scale(e, lane, p->b_lane)));
}

void dn_contract_tile(dn_ctask *t, int rows) {
    const dn_cplan *p = t->plan;
    dn_emit *e = t->e;
    dn_ctile tile = {.rows = rows, .vectors = t->vector_count, .lanes = t->lanes, .mask = t->mask};
    tile.dot_pairs = t->dot_pairs;
    tile.modes = t->modes;
    tile.a_dtype = p->copy_a ? p->dtype : p->a_dtype;
    tile.b_dtype = p->copy_b ? p->dtype : p->b_dtype;
    tile.whole = p->packed || p->copy_b;
    tile.b_lane = p->b_lane;
    tile.column_b = p->inner ? p->b_lane : p->b_lane * t->lanes;
    tile.a = p->copy_a ? t->a_copy : e->args[p->a_arg];
    tile.b = p->copy_b ? t->b_copy : e->args[p->b_arg];
    tile.a_first = dn_c_scale(e, t->group, p->copy_a ? 0 : p->group_a);
    tile.b_first = p->copy_b ? dn_emit_i64(e, 0) : column_offset(t);
    for (int d = 0; d < p->n_dims; d++) {
        tile.a_first = dn_c_add(e, tile.a_first, dn_c_scale(e, t->index[d], p->dims[d].a));
        tile.b_first = dn_c_add(e, tile.b_first, dn_c_scale(e, t->index[d], p->dims[d].b));
    }
    tile.a_first = dn_c_add(e, tile.a_first, dn_c_scale(e, t->column, p->a_lane));
    set_levels(t, &tile);
    dn_contract_reduce(e, p, &tile);
    dn_contract_finish(t, &tile);
}

// ---- columns ----

// <lanes x i1>: the first `count` lanes.
static LLVMValueRef first_lanes(dn_ctask *t, int64_t count) {
    LLVMValueRef lanes[64];
    for (int i = 0; i < t->lanes; i++) lanes[i] = LLVMConstInt(t->e->i1, i < count, false);
    return LLVMConstVector(lanes, (unsigned)t->lanes);
}

static dn_ccopy copy_of(dn_ctask *t, LLVMValueRef source, LLVMValueRef first, LLVMValueRef buffer) {
    dn_ccopy copy = {.plan = t->plan, .source = source, .first = first, .buffer = buffer};
    for (int l = 0; l < t->plan->n_levels; l++) {
        copy.from[l] = t->from[l];
        copy.to[l] = t->to[l];
    }
    copy.vectors = t->vector_count;
    copy.lanes = t->lanes;
    copy.mask = t->mask;
    return copy;
}

// The points of `count` columns from t->column on.
static void column_tile(dn_ctask *t, int64_t count) {
    t->vector_count = t->plan->inner ? (int)count : (int)dn_ceil_div(count, t->lanes);
    t->exist = t->plan->inner ? 0 : (int)(count % t->lanes);
    t->mask = t->exist ? first_lanes(t, t->exist) : NULL;
    if (t->plan->copy_b) {
        dn_ccopy copy = copy_of(t, t->e->args[t->plan->b_arg], column_offset(t), t->b_copy);
        dn_contract_copy_b(t->e, &copy);
    }
    dn_contract_rows(t);
}

static void all_columns(dn_ctask *t) {
    const dn_cplan *p = t->plan;
    dn_emit *e = t->e;
    int64_t tile = p->inner ? p->columns : (int64_t)t->vectors * t->lanes;
    int64_t rest = tile > 0 ? p->columns % tile : 0;
    LLVMValueRef column = t->column_low;
    if (p->columns >= tile) {
        LLVMValueRef end = dn_c_add(e, t->column_high, dn_emit_i64(e, 1 - tile));
        dn_loop loop;
        dn_loop_begin(e, &loop, column, end, dn_emit_i64(e, tile), NULL, 0);
        t->column = loop.index;
        column_tile(t, tile);
        dn_loop_end(e, &loop);
        column = loop.index;
    }
    if (rest == 0) return;
    LLVMValueRef more = LLVMBuildICmp(e->builder, LLVMIntSLT, column, t->column_high, "");
    LLVMBasicBlockRef after = dn_contract_if(t, more);
    t->column = column;
    column_tile(t, rest);
    dn_contract_end_if(t, after);
}

// ---- tasks ----

// Takes the number of a block along an axis from `task`: its first index and the one behind it.
static LLVMValueRef block_of(dn_ctask *t, LLVMValueRef *task, int64_t size, int64_t block,
                             LLVMValueRef *high) {
    dn_emit *e = t->e;
    int64_t count = size > block ? dn_ceil_div(size, block) : 1;
    LLVMValueRef low = dn_emit_i64(e, 0);
    if (count > 1) {
        LLVMValueRef blocks = dn_emit_i64(e, count);
        low = dn_c_scale(e, LLVMBuildURem(e->builder, *task, blocks, ""), block);
        *task = LLVMBuildUDiv(e->builder, *task, blocks, "");
    }
    *high = dn_emit_i64(e, size);
    if (count > 1) *high = dn_c_min(e, dn_c_add(e, low, dn_emit_i64(e, block)), *high);
    return low;
}

// The steps of chunk number `chunk`, or all.
static void set_chunk(dn_ctask *t, LLVMValueRef chunk) {
    for (int l = t->plan->n_levels - 1; l >= 0; l--) {
        const dn_clevel *level = &t->plan->levels[l];
        t->from[l] = block_of(t, &chunk, level->size, level->chunk, &t->to[l]);
    }
    if (!t->plan->copy_a) return;
    dn_ccopy copy = copy_of(t, t->e->args[t->plan->a_arg], dn_emit_i64(t->e, 0), t->a_copy);
    dn_contract_copy_a(t->e, &copy);
}

static void make_task(dn_ctask *t, LLVMValueRef task) {
    const dn_cplan *p = t->plan;
    dn_emit *e = t->e;
    LLVMValueRef none;
    t->column_low = block_of(t, &task, p->columns, p->column_block, &t->column_high);
    t->group = block_of(t, &task, p->groups, 1, &none);
    for (int d = p->n_dims - 1; d >= 0; d--)
        t->low[d] = block_of(t, &task, p->dims[d].size, p->dims[d].block, &t->high[d]);
    int64_t chunks = dn_contract_chunks(p);
    if (chunks == 1) {
        set_chunk(t, dn_emit_i64(e, 0));
        all_columns(t);
        return;
    }
    dn_loop loop;
    dn_loop_begin(e, &loop, dn_emit_i64(e, 0), dn_emit_i64(e, chunks), dn_emit_i64(e, 1), NULL, 0);
    t->first_chunk = LLVMBuildICmp(e->builder, LLVMIntEQ, loop.index, dn_emit_i64(e, 0), "");
    t->last_chunk =
        LLVMBuildICmp(e->builder, LLVMIntEQ, loop.index, dn_emit_i64(e, chunks - 1), "");
    set_chunk(t, loop.index);
    all_columns(t);
    dn_loop_end(e, &loop);
}

static LLVMValueRef on_stack(dn_ctask *t, int64_t elements, const char *name) {
    LLVMTypeRef type = LLVMArrayType2(dn_emit_memory(t->e, t->plan->dtype), (uint64_t)elements);
    LLVMValueRef memory = LLVMBuildAlloca(t->e->builder, type, name);
    LLVMSetAlignment(memory, 64);
    return memory;
}

static void make_memory(dn_ctask *t) {
    const dn_cplan *p = t->plan;
    if (p->copy_a) t->a_copy = on_stack(t, dn_contract_a_elements(p), "a");
    if (p->copy_b) t->b_copy = on_stack(t, dn_contract_b_steps(p) * t->vectors * t->lanes, "b");
    if (p->pairs && !t->dot_pairs) dn_contract_modes(t->e, &t->modes);
    if (dn_contract_chunks(p) == 1) return;
    int64_t count = dn_ceil_div(p->column_block, p->width) * p->width;
    for (int d = 0; d < p->n_dims; d++) count *= p->dims[d].block;
    t->scratch = on_stack(t, count, "sums");
}

dn_status dn_x86_emit_contract(dn_emit *e, const dn_x86 *target) {
    dn_cplan plan;
    dn_x86_contract_plan(&e->kernel->contract, &plan);
    dn_ctask t = {.e = e, .plan = &plan};
    dn_contract_shape(&t, target);
    make_memory(&t);
    dn_loop tasks;
    dn_loop_begin(e, &tasks, LLVMGetParam(e->function, 1), LLVMGetParam(e->function, 2),
                  dn_emit_i64(e, 1), NULL, 0);
    make_task(&t, tasks.index);
    dn_loop_end(e, &tasks);
    return NULL;
}
