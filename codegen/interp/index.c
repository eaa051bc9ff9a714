// Rows picked and added by index.
#include <stdlib.h>
#include <string.h>

#include "codegen/interp/kernels.h"

static int64_t index_at(const void *indices, dn_dtype dtype, int64_t i) {
    return dtype == DN_I64 ? ((const int64_t *)indices)[i] : ((const int32_t *)indices)[i];
}

// Elements of a row: all axes of `table` but the first.
static int64_t row_length(const dn_type *table) {
    int64_t n = 1;
    for (int i = 1; i < table->rank; i++) n *= table->dims[i];
    return n;
}

static dn_status check_indices(const dn_eval *e, int operand, const dn_type *table) {
    const dn_type *type = &e->node->in[operand]->type;
    int64_t n = dn_type_count(type), rows = table->dims[0];
    for (int64_t i = 0; i < n; i++) {
        int64_t index = index_at(e->in[operand], type->dtype, i);
        if (index >= 0 && index < rows) continue;
        dn_str text = {0};
        dn_shape shape = dn_type_shape(table);
        dn_shape_print(&text, table->dtype, &shape);
        dn_status status = rows ? dn_fail(DN_INVALID, "index %lld is outside 0..%lld (rows of %s)",
                                          (long long)index, (long long)rows - 1, text.text)
                                : dn_fail(DN_INVALID, "index %lld, but %s has no rows",
                                          (long long)index, text.text);
        free(text.text);
        return status;
    }
    return DN_SUCCESS;
}

typedef struct job {
    const dn_eval *e;
    const void *indices;
    dn_dtype index_dtype, dtype;
    int64_t n_indices, rows, length;
} job;

static void gather_body(void *arg, int64_t chunk, int64_t begin, int64_t end) {
    const job *j = arg;
    size_t bytes = (size_t)j->length * dn_dtype_size(j->dtype);
    (void)chunk;
    for (int64_t i = begin; i < end; i++) {
        size_t row = (size_t)index_at(j->indices, j->index_dtype, i);
        memcpy((char *)j->e->out + (size_t)i * bytes, (const char *)j->e->in[0] + row * bytes,
               bytes);
    }
}

dn_status dn_eval_GATHER(const dn_eval *e) {
    const dn_type *table = &e->node->in[0]->type, *indices = &e->node->in[1]->type;
    DN_TRY(check_indices(e, 1, table));
    job j = {.e = e,
             .indices = e->in[1],
             .index_dtype = indices->dtype,
             .dtype = table->dtype,
             .length = row_length(table)};
    dn_eval_for(e, dn_type_count(indices), dn_max(1, DN_GRAIN / dn_max(1, j.length)), gather_body,
                &j);
    return DN_SUCCESS;
}

// Rows [begin, end) of the result: every body reads all indices and adds what is its own, so each
// row is summed in index order.
static void scatter_body(void *arg, int64_t chunk, int64_t begin, int64_t end) {
    const job *j = arg;
    dn_add_row *add = dn_add_row_of(j->dtype);
    size_t bytes = (size_t)j->length * dn_dtype_size(j->dtype);
    (void)chunk;
    memset((char *)j->e->out + (size_t)begin * bytes, 0, (size_t)(end - begin) * bytes);
    for (int64_t i = 0; i < j->n_indices; i++) {
        int64_t row = index_at(j->indices, j->index_dtype, i);
        if (row < begin || row >= end) continue;
        add((char *)j->e->out + (size_t)row * bytes, (const char *)j->e->in[1] + (size_t)i * bytes,
            j->length);
    }
}

dn_status dn_eval_SCATTER_ADD(const dn_eval *e) {
    enum { PARTS = 16 };  // each reads all indices
    const dn_type *table = &e->node->type, *indices = &e->node->in[0]->type;
    DN_TRY(check_indices(e, 0, table));
    job j = {.e = e,
             .indices = e->in[0],
             .index_dtype = indices->dtype,
             .dtype = table->dtype,
             .n_indices = dn_type_count(indices),
             .rows = table->dims[0],
             .length = row_length(table)};
    int64_t rows = dn_max(dn_ceil_div(j.rows, PARTS), DN_GRAIN / 4 / dn_max(1, j.length));
    dn_eval_for(e, j.rows, dn_max(1, rows), scatter_body, &j);
    return DN_SUCCESS;
}
