// What becomes of the sums of a tile: through shared memory, so that threads have neighbouring
// results, to the kernel's values and stores.
#include <stdlib.h>

#include "codegen/nvptx/contract.h"

enum { MOST_TOGETHER = 4, FEW_VALUES = 16 };

// Elements from row to row of the sums.
static int64_t sums_pitch(const dn_gplan *p) { return p->tile.columns + DN_G_GAP; }

// Columns of a point: as many as are neighbours in shared memory and exist together.
static int lanes_of(const dn_gplan *p) {
    int lanes = DN_G_CHUNK / dn_gemm_sum_bytes(p);
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

// What does not exist is computed for the last one that does, and not stored (or not computed
// either: see in_place).
static LLVMValueRef at_most(dn_emit *e, LLVMValueRef number, int64_t most) {
    LLVMValueRef operands[] = {number, dn_gemm_i32(e, most)};
    return dn_emit_intrinsic(e, "llvm.umin", e->i32, operands, 2);
}

// Returns whether the columns exist; NULL: yes.
static LLVMValueRef set_columns(dn_gemm *g, dn_point *at, LLVMValueRef column) {
    const dn_gplan *p = g->plan;
    dn_emit *e = g->e;
    LLVMValueRef exists = NULL;
    if (p->n % p->tile.columns) {
        exists = dn_gemm_below(e, column, dn_gemm_i32(e, p->n));
        column = at_most(e, column, p->n - at->lanes);
    }
    for (int i = 0; i < p->n_outer; i++)
        if (p->outer[i].kind == DN_G_GROUP)
            column = dn_gemm_add(e, column, dn_gemm_scale(e, g->outer[i], p->n));
    at->index[e->kernel->n_axes - 1] = index_of(e, column);
    return exists;
}

// Returns whether the row exists; NULL: yes.
static LLVMValueRef set_rows(dn_gemm *g, dn_point *at, LLVMValueRef row) {
    const dn_gplan *p = g->plan;
    dn_emit *e = g->e;
    LLVMValueRef radix[DN_G_DIGITS], digits[DN_G_DIGITS], exists = NULL;
    if (p->m % p->tile.rows) {
        exists = dn_gemm_below(e, row, dn_gemm_i32(e, p->m));
        row = at_most(e, row, p->m - 1);
    }
    for (int d = 0; d < p->n_rows; d++) radix[d] = dn_gemm_i32(e, p->rows[d].size);
    dn_gemm_split(e, row, radix, p->n_rows, digits);
    for (int d = 0; d < p->n_rows; d++) {
        const dn_grow *axis = &p->rows[d];
        LLVMValueRef index = dn_gemm_scale(e, digits[d], axis->scale);
        int64_t size = e->kernel->axes[axis->axis].size;
        if (axis->spatial >= 0) index = dn_gemm_add(e, index, g->pixel[axis->spatial]);
        if (axis->spatial >= 0 && size % axis->scale) {
            exists = dn_gemm_and(e, exists, dn_gemm_below(e, index, dn_gemm_i32(e, size)));
            index = at_most(e, index, size - 1);
        }
        at->index[axis->axis] = index_of(e, index);
    }
    return exists;
}

static LLVMValueRef load_sum(dn_gemm *g, LLVMValueRef at, int lanes) {
    dn_emit *e = g->e;
    LLVMTypeRef type = dn_emit_over(e, dn_gemm_sum_type(g), lanes);
    LLVMValueRef from = dn_gemm_at(e, dn_gemm_sum_type(g), g->shared, at);
    LLVMValueRef sum = LLVMBuildLoad2(e->builder, type, from, "");
    LLVMSetAlignment(sum, (unsigned)(lanes * dn_gemm_sum_bytes(g->plan)));
    LLVMTypeRef code = dn_emit_type(e, g->plan->contract->dtype, lanes);
    return code == type ? sum : LLVMBuildTrunc(e->builder, sum, code, "");
}

// Points that are neighbours.
typedef struct points {
    dn_point at;
    LLVMValueRef exist;       // NULL: yes
    LLVMBasicBlockRef after;  // what they are computed before, if only those that exist are
    LLVMValueRef *values;     // the kernel's
} points;

// Points number `item` of the tile: their values.
static void compute(dn_gemm *g, LLVMValueRef item, bool down, bool alone, points *p) {
    dn_emit *e = g->e;
    const dn_gtile *tile = &g->plan->tile;
    const dn_kernel *kernel = e->kernel;
    int across = down ? tile->rows : tile->columns / p->at.lanes;
    LLVMValueRef fast = dn_gemm_rest(e, item, across), slow = dn_gemm_divide(e, item, across);
    LLVMValueRef row = down ? fast : slow;
    LLVMValueRef column = down ? slow : dn_gemm_scale(e, fast, p->at.lanes);
    set_outer(g, &p->at);
    p->exist = set_rows(g, &p->at, dn_gemm_add(e, g->row, row));
    p->exist = dn_gemm_and(e, p->exist, set_columns(g, &p->at, dn_gemm_add(e, g->column, column)));
    if (alone) {
        p->after = dn_emit_enter_if(e, p->exist);
        p->exist = NULL;
    }
    LLVMValueRef place = dn_gemm_add(e, dn_gemm_scale(e, row, sums_pitch(g->plan)), column);
    LLVMValueRef sum = load_sum(g, place, p->at.lanes);
    p->values = dn_xcalloc((size_t)kernel->n_values + 1, sizeof *p->values);
    for (int i = 0; i < kernel->n_values; i++)
        if (kernel->values[i].kind == DN_KV_RESULT) p->values[i] = sum;
    dn_emit_values(e, &p->at, 0, kernel->n_values, p->values);
}

static void store(dn_gemm *g, points *p) {
    LLVMBasicBlockRef after = dn_emit_enter_if(g->e, p->exist);
    dn_emit_stores(g->e, &p->at, false, p->values);
    dn_emit_leave(g->e, after);
    dn_emit_leave(g->e, p->after);
    free(p->values);
}

// Whether results take the place of what they are computed from. Then a thread must not read at the
// place of another's.
static bool in_place(const dn_emit *e) {
    const dn_kernel *kernel = e->kernel;
    for (int i = 0; i < kernel->n_values; i++)
        for (int k = 0; kernel->values[i].kind == DN_KV_LOAD && k < kernel->n_stores; k++)
            if (dn_kernel_overlap(e->kernels, kernel, kernel->values[i].arg, kernel->stores[k].arg))
                return true;
    return false;
}

// How many points a thread computes before it stores them: loads of one are then under way while
// others are waited for.
static int together(const dn_kernel *kernel, int64_t items) {
    int n = 1, most = kernel->n_values <= FEW_VALUES ? MOST_TOGETHER : MOST_TOGETHER / 2;
    for (int i = 0; i < kernel->n_values; i++)
        if (kernel->values[i].kind == DN_KV_LOAD) n = most;
    while (items % n) n /= 2;
    return n;
}

void dn_gemm_finish(dn_gemm *g) {
    dn_emit *e = g->e;
    const dn_gtile *tile = &g->plan->tile;
    bool down = down_rows(e->kernel);
    int lanes = down ? 1 : lanes_of(g->plan), threads = tile->threads;
    int64_t items = (int64_t)tile->rows * tile->columns / lanes;
    dn_nvptx_barrier(e);
    if (g->plan->unit == DN_G_FMA)
        dn_gemm_fma_store(g, sums_pitch(g->plan));
    else
        dn_gemm_mma_store(g, sums_pitch(g->plan));
    dn_nvptx_barrier(e);
    bool alone = in_place(e);
    int n = alone ? 1 : together(e->kernel, items / threads);
    points p[MOST_TOGETHER];
    dn_loop loop;
    dn_loop_begin(e, &loop, g->thread, dn_gemm_i32(e, items), dn_gemm_i32(e, n * threads), NULL, 0);
    for (int i = 0; i < n; i++) {
        p[i] = (points){.at = {.axis = e->kernel->n_axes - 1, .lanes = lanes, .multiple = lanes}};
        compute(g, dn_gemm_plus(e, loop.index, i * threads), down, alone, &p[i]);
    }
    for (int i = 0; i < n; i++) store(g, &p[i]);
    dn_loop_end(e, &loop);
}
