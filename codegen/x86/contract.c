// Contractions: the loops of a task around the tile, and what becomes of the sums.
#include "codegen/x86/contract.h"

#include <stdlib.h>

typedef struct generator {
    dn_emit *e;
    const dn_cplan *plan;
    int lanes;                                         // of a register
    int rows, vectors;                                 // of a full tile
    LLVMValueRef low[DN_MAX_AXES], high[DN_MAX_AXES];  // of the task, for each dim
    LLVMValueRef column_low, column_high, group;
    LLVMValueRef index[DN_MAX_AXES];  // of the point, for each dim
    LLVMValueRef column;
    LLVMValueRef chunk, last_chunk;  // number of the chunk; i1; NULL if there is only one
    LLVMValueRef scratch;            // the task's sums so far
    dn_crange range[DN_MAX_SPATIAL];
    int row_count, vector_count;  // of the tile being made
    LLVMValueRef mask;
} generator;

static LLVMValueRef add(generator *g, LLVMValueRef a, LLVMValueRef b) {
    return LLVMBuildNSWAdd(g->e->builder, a, b, "");
}

static LLVMValueRef scale(generator *g, LLVMValueRef x, int64_t by) {
    return LLVMBuildNSWMul(g->e->builder, x, dn_emit_i64(g->e, by), "");
}

static LLVMValueRef number(generator *g, int64_t x) { return dn_emit_i64(g->e, x); }

static LLVMValueRef smaller(generator *g, LLVMValueRef a, LLVMValueRef b) {
    return dn_emit_intrinsic(g->e, "llvm.smin", g->e->i64, (LLVMValueRef[]){a, b}, 2);
}

static LLVMValueRef larger(generator *g, LLVMValueRef a, LLVMValueRef b) {
    return dn_emit_intrinsic(g->e, "llvm.smax", g->e->i64, (LLVMValueRef[]){a, b}, 2);
}

// if (condition) { what the caller emits next }: returns the block behind, for end_if.
static LLVMBasicBlockRef begin_if(generator *g, LLVMValueRef condition) {
    dn_emit *e = g->e;
    LLVMBasicBlockRef then = LLVMAppendBasicBlockInContext(e->context, e->function, "then");
    LLVMBasicBlockRef after = LLVMAppendBasicBlockInContext(e->context, e->function, "after");
    LLVMBuildCondBr(e->builder, condition, then, after);
    LLVMPositionBuilderAtEnd(e->builder, then);
    return after;
}

static void end_if(generator *g, LLVMBasicBlockRef after) {
    LLVMBuildBr(g->e->builder, after);
    LLVMPositionBuilderAtEnd(g->e->builder, after);
}

// ---- what becomes of the sums ----

static LLVMValueRef row_index(generator *g, int row) {
    return add(g, g->index[g->plan->row], number(g, row * g->plan->spacing));
}

// Where the sum of a row and vector is in the scratch memory.
static LLVMValueRef scratch_address(generator *g, int row, int vector) {
    const dn_cplan *p = g->plan;
    LLVMValueRef offset = number(g, 0);
    for (int d = 0; d < p->n_dims; d++) {
        LLVMValueRef index = d == p->row ? row_index(g, row) : g->index[d];
        index = LLVMBuildNSWSub(g->e->builder, index, g->low[d], "");
        offset = add(g, scale(g, offset, p->dims[d].block), index);
    }
    LLVMValueRef column = LLVMBuildNSWSub(g->e->builder, g->column, g->column_low, "");
    column = add(g, column, number(g, vector * g->lanes));
    int64_t columns = dn_ceil_div(p->column_block, p->width) * p->width;
    return dn_emit_address(g->e, g->scratch, p->dtype, add(g, scale(g, offset, columns), column));
}

static void store_results(generator *g, int row, int vector, LLVMValueRef sum) {
    const dn_cplan *p = g->plan;
    const dn_kernel *kernel = g->e->kernel;
    dn_point at = {.axis = p->lane_axis, .lanes = g->lanes};
    for (int d = 0; d < p->n_dims; d++)
        at.index[p->dims[d].axis] = d == p->row ? row_index(g, row) : g->index[d];
    at.index[p->lane_axis] =
        add(g, add(g, scale(g, g->group, p->columns), g->column), number(g, vector * g->lanes));
    if (vector == g->vector_count - 1) at.mask = g->mask;
    LLVMValueRef *values = dn_xcalloc((size_t)kernel->n_values + 1, sizeof *values);
    for (int i = 0; i < kernel->n_values; i++)
        if (kernel->values[i].kind == DN_KV_RESULT) values[i] = sum;
    dn_emit_values(g->e, &at, 0, kernel->n_values, values);
    dn_emit_stores(g->e, &at, false, values);
    free(values);
}

// Adds the sum of a chunk to those before it.
static void add_chunk(generator *g, int row, int vector, LLVMValueRef *sum) {
    dn_emit *e = g->e;
    LLVMValueRef address = scratch_address(g, row, vector);
    LLVMValueRef before = LLVMBuildLoad2(e->builder, LLVMTypeOf(*sum), address, "");
    LLVMValueRef first = LLVMBuildICmp(e->builder, LLVMIntEQ, g->chunk, number(g, 0), "");
    before = LLVMBuildSelect(e->builder, first, LLVMConstNull(LLVMTypeOf(*sum)), before, "");
    *sum = dn_dtype_is_float(g->plan->dtype) ? LLVMBuildFAdd(e->builder, before, *sum, "")
                                             : LLVMBuildAdd(e->builder, before, *sum, "");
    LLVMBuildStore(e->builder, *sum, address);
}

static void finish_tile(generator *g, dn_ctile *tile) {
    LLVMBasicBlockRef after = NULL;
    if (g->last_chunk) {
        for (int m = 0; m < tile->rows; m++)
            for (int v = 0; v < tile->vectors; v++) add_chunk(g, m, v, &tile->sum[m][v]);
        after = begin_if(g, g->last_chunk);
    }
    for (int m = 0; m < tile->rows; m++)
        for (int v = 0; v < tile->vectors; v++) store_results(g, m, v, tile->sum[m][v]);
    if (after) end_if(g, after);
}

// ---- the tile ----

static void set_ranges(generator *g, dn_ctile *tile) {
    const dn_cplan *p = g->plan;
    for (int l = 0; l < p->n_levels; l++) {
        const dn_clevel *level = &p->levels[l];
        tile->begin[l] = number(g, 0);
        tile->end[l] = number(g, level->size);
        if (level->spatial >= 0) {
            const dn_crange *range = &g->range[level->spatial];
            tile->begin[l] = range->begin;
            tile->end[l] = range->end;
            tile->a_first = add(g, tile->a_first, range->a);
            tile->b_first = add(g, tile->b_first, range->b);
        }
        if (l == p->chunked && g->chunk) {
            LLVMValueRef from = scale(g, g->chunk, p->chunk);
            tile->begin[l] = larger(g, tile->begin[l], from);
            tile->end[l] = smaller(g, tile->end[l], add(g, from, number(g, p->chunk)));
        }
    }
}

// One tile of `rows` rows at the current point.
static void make_tile(generator *g, int rows) {
    const dn_cplan *p = g->plan;
    dn_emit *e = g->e;
    dn_ctile tile = {.rows = rows, .vectors = g->vector_count, .lanes = g->lanes, .mask = g->mask};
    tile.a = e->args[p->a_arg];
    tile.b = e->args[p->b_arg];
    tile.a_first = scale(g, g->group, p->group_a);
    tile.b_first = scale(g, g->group, p->group_b);
    for (int d = 0; d < p->n_dims; d++) {
        tile.a_first = add(g, tile.a_first, scale(g, g->index[d], p->dims[d].a));
        tile.b_first = add(g, tile.b_first, scale(g, g->index[d], p->dims[d].b));
    }
    LLVMValueRef width = number(g, p->width);
    LLVMValueRef panel = LLVMBuildUDiv(e->builder, g->column, width, "");
    LLVMValueRef lane = LLVMBuildURem(e->builder, g->column, width, "");
    tile.b_first = add(g, tile.b_first, scale(g, panel, p->panel));
    tile.b_first = add(g, tile.b_first, scale(g, lane, p->b_lane));
    tile.a_first = add(g, tile.a_first, scale(g, g->column, p->a_lane));
    set_ranges(g, &tile);
    dn_contract_reduce(e, p, &tile);
    finish_tile(g, &tile);
}

// ---- loops over rows ----

static void set_range(generator *g, int d) {
    const dn_cplan *p = g->plan;
    if (p->dims[d].spatial < 0) return;
    g->range[p->dims[d].spatial] = dn_contract_range(g->e, p, p->dims[d].spatial, g->index[d]);
}

// Rows that a task has beyond full tiles: that of most tasks, and that of the last one.
static void make_rest(generator *g, LLVMValueRef row) {
    const dn_cdim *dim = &g->plan->dims[g->plan->row];
    int64_t rest[2] = {dim->block % g->rows, dim->size % dim->block % g->rows};
    if (dim->size < dim->block) rest[0] = 0;
    LLVMValueRef left = LLVMBuildNSWSub(g->e->builder, g->high[g->plan->row], row, "");
    g->index[g->plan->row] = row;
    for (int i = 0; i < 2; i++) {
        if (rest[i] == 0 || (i == 1 && rest[1] == rest[0])) continue;
        LLVMBasicBlockRef after =
            begin_if(g, LLVMBuildICmp(g->e->builder, LLVMIntEQ, left, number(g, rest[i]), ""));
        make_tile(g, (int)rest[i]);
        end_if(g, after);
    }
}

// Rows are a free axis: images, channels, m.
static void plain_rows(generator *g) {
    int d = g->plan->row;
    LLVMValueRef row = g->low[d];
    if (g->plan->dims[d].size >= g->rows) {
        LLVMValueRef end = add(g, g->high[d], number(g, 1 - g->rows));
        dn_loop loop;
        dn_loop_begin(g->e, &loop, row, end, number(g, g->rows), NULL, 0);
        g->index[d] = loop.index;
        make_tile(g, g->rows);
        dn_loop_end(g->e, &loop);
        row = loop.index;
    }
    make_rest(g, row);
}

// i1: the last row of a tile lies inside the task and has the same steps as the first.
static LLVMValueRef alike(generator *g, LLVMValueRef row) {
    const dn_cplan *p = g->plan;
    LLVMBuilderRef builder = g->e->builder;
    int spatial = p->dims[p->row].spatial;
    LLVMValueRef last = add(g, row, number(g, (g->rows - 1) * p->spacing));
    dn_crange a = g->range[spatial], b = dn_contract_range(g->e, p, spatial, last);
    LLVMValueRef inside = LLVMBuildICmp(builder, LLVMIntSLT, last, g->high[p->row], "");
    LLVMValueRef begin = LLVMBuildICmp(builder, LLVMIntEQ, a.begin, b.begin, "");
    LLVMValueRef end = LLVMBuildICmp(builder, LLVMIntEQ, a.end, b.end, "");
    return LLVMBuildAnd(builder, inside, LLVMBuildAnd(builder, begin, end, ""), "");
}

// Rows are pixels of the last spatial axis: tiles where the same taps apply, else single pixels.
static void pixel_rows(generator *g) {
    const dn_cplan *p = g->plan;
    dn_emit *e = g->e;
    int d = p->row;
    dn_loop phase, loop;
    dn_loop_begin(e, &phase, number(g, 0), number(g, p->spacing), number(g, 1), NULL, 0);
    dn_loop_begin(e, &loop, add(g, g->low[d], phase.index), g->high[d], NULL, NULL, 0);
    g->index[d] = loop.index;
    set_range(g, d);
    LLVMValueRef full = alike(g, loop.index);
    LLVMBasicBlockRef after = begin_if(g, full);
    make_tile(g, g->rows);
    end_if(g, after);
    after = begin_if(g, LLVMBuildNot(e->builder, full, ""));
    make_tile(g, 1);
    end_if(g, after);
    loop.step = LLVMBuildSelect(e->builder, full, number(g, g->rows * p->spacing),
                                number(g, p->spacing), "");
    dn_loop_end(e, &loop);
    dn_loop_end(e, &phase);
}

// Dim d and those inside it; the rows are innermost.
static void make_dims(generator *g, int d) {
    const dn_cplan *p = g->plan;
    if (d == p->n_dims) {
        if (p->dims[p->row].spatial >= 0)
            pixel_rows(g);
        else
            plain_rows(g);
        return;
    }
    if (d == p->row) {
        make_dims(g, d + 1);
        return;
    }
    dn_loop loop;
    dn_loop_begin(g->e, &loop, g->low[d], g->high[d], number(g, 1), NULL, 0);
    g->index[d] = loop.index;
    set_range(g, d);
    make_dims(g, d + 1);
    dn_loop_end(g->e, &loop);
}

// ---- columns ----

// <lanes x i1>: the first `count` lanes.
static LLVMValueRef first_lanes(generator *g, int64_t count) {
    LLVMValueRef lanes[64];
    for (int i = 0; i < g->lanes; i++) lanes[i] = LLVMConstInt(g->e->i1, i < count, false);
    return LLVMConstVector(lanes, (unsigned)g->lanes);
}

static void make_columns(generator *g) {
    const dn_cplan *p = g->plan;
    dn_emit *e = g->e;
    int64_t tile = (int64_t)g->vectors * g->lanes, rest = p->columns % tile;
    LLVMValueRef column = g->column_low;
    if (p->columns >= tile) {
        LLVMValueRef end = add(g, g->column_high, number(g, 1 - tile));
        dn_loop loop;
        dn_loop_begin(e, &loop, column, end, number(g, tile), NULL, 0);
        g->column = loop.index;
        g->vector_count = g->vectors;
        g->mask = NULL;
        make_dims(g, 0);
        dn_loop_end(e, &loop);
        column = loop.index;
    }
    if (rest == 0) return;
    LLVMBasicBlockRef after =
        begin_if(g, LLVMBuildICmp(e->builder, LLVMIntSLT, column, g->column_high, ""));
    g->column = column;
    g->vector_count = (int)dn_ceil_div(rest, g->lanes);
    g->mask = rest % g->lanes ? first_lanes(g, rest % g->lanes) : NULL;
    make_dims(g, 0);
    end_if(g, after);
}

// ---- tasks ----

// Splits `task` into a block number along an axis (returned as its first index) and the rest.
static LLVMValueRef block_of(generator *g, LLVMValueRef *task, int64_t size, int64_t block,
                             LLVMValueRef *high) {
    LLVMBuilderRef builder = g->e->builder;
    LLVMValueRef blocks = number(g, size > block ? dn_ceil_div(size, block) : 1);
    LLVMValueRef low = scale(g, LLVMBuildURem(builder, *task, blocks, ""), block);
    *task = LLVMBuildUDiv(builder, *task, blocks, "");
    *high = smaller(g, add(g, low, number(g, block)), number(g, size));
    return low;
}

static void make_task(generator *g, LLVMValueRef task) {
    const dn_cplan *p = g->plan;
    dn_loop chunks;
    LLVMValueRef none;
    g->column_low = block_of(g, &task, p->columns, p->column_block, &g->column_high);
    g->group = block_of(g, &task, p->groups, 1, &none);
    for (int d = p->n_dims - 1; d >= 0; d--)
        g->low[d] = block_of(g, &task, p->dims[d].size, p->dims[d].block, &g->high[d]);
    int64_t count = dn_ceil_div(p->levels[p->chunked].size, p->chunk);
    if (count <= 1) {
        make_columns(g);
        return;
    }
    dn_loop_begin(g->e, &chunks, number(g, 0), number(g, count), number(g, 1), NULL, 0);
    g->chunk = chunks.index;
    g->last_chunk = LLVMBuildICmp(g->e->builder, LLVMIntEQ, g->chunk, number(g, count - 1), "");
    make_columns(g);
    dn_loop_end(g->e, &chunks);
}

static LLVMValueRef make_scratch(generator *g) {
    const dn_cplan *p = g->plan;
    if (dn_ceil_div(p->levels[p->chunked].size, p->chunk) <= 1) return NULL;
    int64_t count = dn_ceil_div(p->column_block, p->width) * p->width;
    for (int d = 0; d < p->n_dims; d++) count *= p->dims[d].block;
    LLVMTypeRef type = LLVMArrayType2(dn_emit_memory(g->e, p->dtype), (uint64_t)count);
    LLVMValueRef scratch = LLVMBuildAlloca(g->e->builder, type, "sums");
    LLVMSetAlignment(scratch, 64);
    return scratch;
}

// Rows of a full tile: what fits beside the vectors of B and one broadcast.
static int rows_of(const dn_x86 *target, int vectors) {
    return (target->registers - vectors - 1) / vectors;
}

dn_status dn_x86_emit_contract(dn_emit *e, const dn_x86 *target) {
    dn_cplan plan;
    dn_x86_contract_plan(&e->kernel->contract, &plan);
    generator g = {.e = e, .plan = &plan, .vectors = 2};
    g.lanes = target->vector_bytes / (int)dn_dtype_size(plan.dtype);
    g.rows = rows_of(target, g.vectors) < 8 ? rows_of(target, g.vectors) : 8;
    g.scratch = make_scratch(&g);
    dn_loop tasks;
    dn_loop_begin(e, &tasks, LLVMGetParam(e->function, 1), LLVMGetParam(e->function, 2),
                  number(&g, 1), NULL, 0);
    make_task(&g, tasks.index);
    dn_loop_end(e, &tasks);
    return NULL;
}
