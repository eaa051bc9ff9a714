// What becomes of the sums of a tile: through shared memory, so that threads have neighbouring
// results, to the kernel's values and stores.
#include <stdlib.h>

#include "codegen/nvptx/contract.h"

static LLVMTypeRef memory_type(dn_gemm *g) {
    dn_dtype dtype = g->plan->contract->dtype;
    return dn_dtype_size(dtype) < 4 ? g->e->i32 : dn_emit_memory(g->e, dtype);
}

static int sum_bytes(const dn_gplan *p) { return p->element < 4 ? 4 : p->element; }

// Columns of a point: as many as are neighbours in shared memory and exist together.
static int lanes_of(const dn_gplan *p) {
    int lanes = DN_G_CHUNK / sum_bytes(p);
    while (p->n % lanes) lanes /= 2;
    return lanes;
}

// Whether the results of neighbouring rows, not columns, are neighbours in memory.
static bool down_rows(const dn_kernel *kernel) {
    for (int i = 0; i < kernel->n_stores; i++)
        if (kernel->stores[i].access.stride[kernel->n_axes - 1] == 1) return false;
    return kernel->n_axes > 1;
}

static LLVMValueRef index_of(dn_emit *e, LLVMValueRef number) {
    return e->index == e->i64 ? dn_gemm_wide(e, number) : number;
}

static void set_outer(dn_gemm *g, dn_point *at) {
    for (int i = 0; i < g->plan->n_outer; i++) {
        const dn_gouter *outer = &g->plan->outer[i];
        if (outer->kind == DN_G_BATCH || outer->kind == DN_G_PART)
            at->index[outer->axis] = index_of(g->e, g->outer[i]);
    }
}

static LLVMValueRef set_columns(dn_gemm *g, dn_point *at, LLVMValueRef column) {
    const dn_gplan *p = g->plan;
    LLVMValueRef index = column;
    for (int i = 0; i < p->n_outer; i++)
        if (p->outer[i].kind == DN_G_GROUP)
            index = dn_gemm_add(g->e, index, dn_gemm_scale(g->e, g->outer[i], p->n));
    at->index[g->e->kernel->n_axes - 1] = index_of(g->e, index);
    if (p->n % p->tile.columns == 0) return NULL;
    return dn_gemm_below(g->e, column, dn_gemm_i32(g->e, p->n));
}

// Returns whether the row exists; NULL: yes.
static LLVMValueRef set_rows(dn_gemm *g, dn_point *at, LLVMValueRef row) {
    const dn_gplan *p = g->plan;
    dn_emit *e = g->e;
    LLVMValueRef radix[DN_G_DIGITS], digits[DN_G_DIGITS], exists = NULL;
    for (int d = 0; d < p->n_rows; d++) radix[d] = dn_gemm_i32(e, p->rows[d].size);
    dn_gemm_split(e, row, radix, p->n_rows, digits);
    if (p->m % p->tile.rows) exists = dn_gemm_below(e, row, dn_gemm_i32(e, p->m));
    for (int d = 0; d < p->n_rows; d++) {
        const dn_grow *axis = &p->rows[d];
        LLVMValueRef index = dn_gemm_scale(e, digits[d], axis->scale);
        if (axis->spatial >= 0) index = dn_gemm_add(e, index, g->pixel[axis->spatial]);
        at->index[axis->axis] = index_of(e, index);
        int64_t size = e->kernel->axes[axis->axis].size;
        if (axis->spatial < 0 || size % axis->scale == 0) continue;
        exists = dn_gemm_and(e, exists, dn_gemm_below(e, index, dn_gemm_i32(e, size)));
    }
    return exists;
}

// The values at a point, and their stores.
static void store_point(dn_gemm *g, const dn_point *at, LLVMValueRef sum) {
    const dn_kernel *kernel = g->e->kernel;
    LLVMValueRef *values = dn_xcalloc((size_t)kernel->n_values + 1, sizeof *values);
    for (int i = 0; i < kernel->n_values; i++)
        if (kernel->values[i].kind == DN_KV_RESULT) values[i] = sum;
    dn_emit_values(g->e, at, 0, kernel->n_values, values);
    dn_emit_stores(g->e, at, false, values);
    free(values);
}

static LLVMValueRef load_sum(dn_gemm *g, LLVMValueRef at, int lanes) {
    dn_emit *e = g->e;
    LLVMTypeRef type = dn_emit_over(e, memory_type(g), lanes);
    LLVMValueRef from = dn_gemm_at(e, memory_type(g), g->shared, at);
    LLVMValueRef sum = LLVMBuildLoad2(e->builder, type, from, "");
    LLVMSetAlignment(sum, (unsigned)(lanes * sum_bytes(g->plan)));
    LLVMTypeRef code = dn_emit_type(e, g->plan->contract->dtype, lanes);
    return code == type ? sum : LLVMBuildTrunc(e->builder, sum, code, "");
}

// Points number `item` of the tile.
static void finish_item(dn_gemm *g, LLVMValueRef item, int lanes, bool down, int64_t pitch) {
    dn_emit *e = g->e;
    const dn_gtile *tile = &g->plan->tile;
    int across = down ? tile->rows : tile->columns / lanes;
    LLVMValueRef fast = dn_gemm_rest(e, item, across), slow = dn_gemm_divide(e, item, across);
    LLVMValueRef row = down ? fast : slow;
    LLVMValueRef column = down ? slow : dn_gemm_scale(e, fast, lanes);
    dn_point at = {.axis = e->kernel->n_axes - 1, .lanes = lanes, .multiple = lanes};
    set_outer(g, &at);
    LLVMValueRef exists = set_rows(g, &at, dn_gemm_add(e, g->row, row));
    exists = dn_gemm_and(e, exists, set_columns(g, &at, dn_gemm_add(e, g->column, column)));
    LLVMBasicBlockRef after = dn_gemm_enter_if(e, exists);
    LLVMValueRef place = dn_gemm_add(e, dn_gemm_scale(e, row, pitch), column);
    store_point(g, &at, load_sum(g, place, lanes));
    dn_gemm_leave(e, after);
}

void dn_gemm_finish(dn_gemm *g) {
    dn_emit *e = g->e;
    const dn_gplan *p = g->plan;
    int64_t pitch = p->tile.columns + DN_G_GAP;
    bool down = down_rows(e->kernel);
    int lanes = down ? 1 : lanes_of(p);
    int64_t items = (int64_t)p->tile.rows * p->tile.columns / lanes;
    dn_nvptx_barrier(e);
    if (p->unit == DN_G_FMA)
        dn_gemm_fma_store(g, pitch);
    else
        dn_gemm_mma_store(g, pitch);
    dn_nvptx_barrier(e);
    dn_loop loop;
    dn_loop_begin(e, &loop, g->thread, dn_gemm_i32(e, items), dn_gemm_i32(e, p->tile.threads), NULL,
                  0);
    finish_item(g, loop.index, lanes, down, pitch);
    dn_loop_end(e, &loop);
}
