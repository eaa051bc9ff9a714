// What becomes of a tile's sums: they are added to those of earlier chunks, and after the last one
// the kernel's values are computed from them and stored.
#include <stdlib.h>

#include "codegen/x86/contract_task.h"

static LLVMValueRef row_index(dn_ctask *t, int row) {
    return dn_c_add(t->e, t->index[t->plan->row], dn_emit_i64(t->e, row * t->plan->spacing));
}

// ---- values and stores ----

// The point of a row, but for the column.
static dn_point point_of(dn_ctask *t, int row) {
    const dn_cplan *p = t->plan;
    dn_emit *e = t->e;
    dn_point at = {.axis = -1, .lanes = 1};
    for (int d = 0; d < p->n_dims; d++) {
        const dn_cdim *dim = &p->dims[d];
        LLVMValueRef index = d == p->row ? row_index(t, row) : t->index[d];
        at.index[dim->axis] = index;
        if (!dim->fold) continue;
        LLVMValueRef fold = dn_emit_i64(e, dim->fold);
        at.index[dim->axis] = LLVMBuildUDiv(e->builder, index, fold, "");
        at.index[dim->axis + 1] = LLVMBuildURem(e->builder, index, fold, "");
    }
    return at;
}

static void store_values(dn_ctask *t, const dn_point *at, LLVMValueRef sum) {
    const dn_kernel *kernel = t->e->kernel;
    LLVMValueRef *values = dn_xcalloc((size_t)kernel->n_values + 1, sizeof *values);
    for (int i = 0; i < kernel->n_values; i++)
        if (kernel->values[i].kind == DN_KV_RESULT) values[i] = sum;
    dn_emit_values(t->e, at, 0, kernel->n_values, values);
    dn_emit_stores(t->e, at, false, values);
    free(values);
}

static void store_vector(dn_ctask *t, int row, int vector, LLVMValueRef sum) {
    const dn_cplan *p = t->plan;
    dn_point at = point_of(t, row);
    LLVMValueRef column = dn_c_add(t->e, dn_c_scale(t->e, t->group, p->columns), t->column);
    at.index[p->lane_axis] = dn_c_add(t->e, column, dn_emit_i64(t->e, vector * t->lanes));
    at.axis = p->lane_axis;
    at.lanes = t->lanes;
    if (vector == t->vector_count - 1) at.exist = t->exist;
    store_values(t, &at, sum);
}

// `inner`: a column's sums of all rows are the lanes, where rows are neighbours.
static void store_column(dn_ctask *t, dn_ctile *tile, int column) {
    const dn_cplan *p = t->plan;
    dn_emit *e = t->e;
    LLVMValueRef sums[DN_C_ROWS];
    for (int m = 0; m < tile->rows; m++) sums[m] = tile->sum[m][column];
    LLVMValueRef sum = dn_contract_fold(e, p->dtype, sums, tile->rows);
    LLVMValueRef index = dn_c_scale(e, t->group, p->columns);
    index = dn_c_add(e, index, dn_emit_i64(e, column));
    bool together = p->spacing == 1;
    for (int m = 0; m < (together ? 1 : tile->rows); m++) {
        dn_point at = point_of(t, m);
        at.index[p->lane_axis] = index;
        LLVMValueRef one = sum;
        if (together && tile->rows > 1) {
            at.axis = p->dims[p->row].axis;
            at.lanes = tile->rows;
        } else if (tile->rows > 1) {
            one = LLVMBuildExtractElement(e->builder, sum, dn_emit_i64(e, m), "");
        }
        store_values(t, &at, one);
    }
}

// ---- chunks ----

// Where the sum of a row and vector is in the scratch memory.
static LLVMValueRef scratch_address(dn_ctask *t, int row, int vector) {
    const dn_cplan *p = t->plan;
    dn_emit *e = t->e;
    LLVMValueRef offset = dn_emit_i64(e, 0);
    for (int d = 0; d < p->n_dims; d++) {
        LLVMValueRef index = d == p->row ? row_index(t, row) : t->index[d];
        index = LLVMBuildNSWSub(e->builder, index, t->low[d], "");
        offset = dn_c_add(e, dn_c_scale(e, offset, p->dims[d].block), index);
    }
    LLVMValueRef column = LLVMBuildNSWSub(e->builder, t->column, t->column_low, "");
    column = dn_c_add(e, column, dn_emit_i64(e, vector * t->lanes));
    int64_t columns = dn_ceil_div(p->column_block, p->width) * p->width;
    return dn_emit_address(e, t->scratch, p->dtype,
                           dn_c_add(e, dn_c_scale(e, offset, columns), column));
}

static void add_chunk(dn_ctask *t, int row, int vector, LLVMValueRef *sum) {
    dn_emit *e = t->e;
    LLVMValueRef address = scratch_address(t, row, vector);
    LLVMValueRef before = LLVMBuildLoad2(e->builder, LLVMTypeOf(*sum), address, "");
    LLVMValueRef none = LLVMConstNull(LLVMTypeOf(*sum));
    before = LLVMBuildSelect(e->builder, t->first_chunk, none, before, "");
    *sum = dn_dtype_is_float(t->plan->dtype) ? LLVMBuildFAdd(e->builder, before, *sum, "")
                                             : LLVMBuildAdd(e->builder, before, *sum, "");
    LLVMBuildStore(e->builder, *sum, address);
}

void dn_contract_finish(dn_ctask *t, dn_ctile *tile) {
    LLVMBasicBlockRef after = NULL;
    if (t->last_chunk) {
        for (int m = 0; m < tile->rows; m++)
            for (int v = 0; v < tile->vectors; v++) add_chunk(t, m, v, &tile->sum[m][v]);
        after = dn_contract_if(t, t->last_chunk);
    }
    if (t->plan->inner)
        for (int v = 0; v < tile->vectors; v++) store_column(t, tile, v);
    else
        for (int m = 0; m < tile->rows; m++)
            for (int v = 0; v < tile->vectors; v++) store_vector(t, m, v, tile->sum[m][v]);
    if (after) dn_contract_end_if(t, after);
}
