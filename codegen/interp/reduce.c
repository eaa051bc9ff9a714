// Reductions.
//
// Every reduction is x [outer, rows, width] over `rows`: neighbouring axes of one kind are joined,
// and an operand whose kept and reduced axes alternate more often is transposed first.
//
// The order: the rows are cut into parts; a part is summed in `lanes` accumulators for each result,
// row r into lane r % lanes; lane i + half is then added to lane i for half = lanes / 2, lanes / 4,
// ..., 1; parts are added in order. Lanes and parts depend on the three sizes alone. Sums and
// products of f32 and f64 accumulate in f64, those of integers wrap. Maximum and minimum do not
// depend on the order.
#include <math.h>
#include <string.h>

#include "codegen/interp/kernels.h"

#pragma GCC optimize("O3")  // vector code

enum { WIDTH = 512, LANES = 64, MOST_PARTS = 64, ENOUGH_TASKS = 32 };

typedef struct reduction {
    size_t accumulator;  // bytes
    void (*start)(void *acc, int64_t width);
    void (*accumulate)(void *acc, int64_t width, const void *from, int64_t rows, int64_t stride);
    void (*join)(void *acc, int64_t width, const void *from);
    void (*finish)(const void *acc, int64_t width, void *out);
} reduction;

#define T uint8_t
#define S uint64_t
#define SUFFIX u8
#define LEAST 0
#define GREATEST UINT8_MAX
#include "codegen/interp/reduce.inc"
#undef T
#undef SUFFIX
#undef LEAST
#undef GREATEST

#define T int32_t
#define SUFFIX i32
#define LEAST INT32_MIN
#define GREATEST INT32_MAX
#include "codegen/interp/reduce.inc"
#undef T
#undef SUFFIX
#undef LEAST
#undef GREATEST

#define T int64_t
#define SUFFIX i64
#define LEAST INT64_MIN
#define GREATEST INT64_MAX
#include "codegen/interp/reduce.inc"
#undef T
#undef S
#undef SUFFIX
#undef LEAST
#undef GREATEST

#define T float
#define S double
#define SUFFIX f32
#define LEAST -HUGE_VALF
#define GREATEST HUGE_VALF
#include "codegen/interp/reduce.inc"
#undef T
#undef SUFFIX
#undef LEAST
#undef GREATEST

#define T double
#define SUFFIX f64
#define LEAST -HUGE_VAL
#define GREATEST HUGE_VAL
#include "codegen/interp/reduce.inc"
#undef T
#undef S
#undef SUFFIX
#undef LEAST
#undef GREATEST

#define ROW(op)                                                                               \
    {                                                                                         \
        [DN_U8] = &op##_u8, [DN_I32] = &op##_i32, [DN_I64] = &op##_i64, [DN_F32] = &op##_f32, \
        [DN_F64] = &op##_f64                                                                  \
    }
static const reduction *const sums[DN_DTYPE_COUNT] = ROW(sum);
static const reduction *const prods[DN_DTYPE_COUNT] = ROW(prod);
static const reduction *const maxima[DN_DTYPE_COUNT] = ROW(max);
static const reduction *const minima[DN_DTYPE_COUNT] = ROW(min);

// ---- The three sizes ----

typedef struct view {
    int64_t outer, rows, width;
    const char *x;
    void *copy;  // x transposed, or NULL
    size_t copy_bytes;
} view;

// False if kept and reduced axes alternate more often than kept, reduced, kept.
static bool join_axes(const dn_type *type, const bool *reduced, view *v) {
    int64_t sizes[3] = {1, 1, 1};
    int at = 0;
    for (int i = 0; i < type->rank; i++) {
        if (type->dims[i] == 1) continue;
        if (reduced[i] != (at == 1)) at++;
        if (at > 2) return false;
        sizes[at] *= type->dims[i];
    }
    v->outer = sizes[0];
    v->rows = sizes[1];
    v->width = sizes[2];
    return true;
}

// Kept axes first, then the reduced ones.
static dn_status transpose(const dn_eval *e, const dn_type *type, const bool *reduced, view *v) {
    dn_copy copy = {.rank = type->rank};
    int64_t strides[DN_MAX_RANK];
    int n = 0;
    size_t element = dn_dtype_size(type->dtype);
    dn_row_major(type->rank, type->dims, strides);
    v->outer = v->rows = v->width = 1;
    for (int kind = 0; kind < 2; kind++) {
        for (int i = 0; i < type->rank; i++) {
            if (reduced[i] != (kind == 1)) continue;
            copy.dims[n] = type->dims[i];
            copy.from[n++] = strides[i];
            *(kind ? &v->rows : &v->outer) *= type->dims[i];
        }
    }
    dn_row_major(copy.rank, copy.dims, copy.to);
    v->copy_bytes = (size_t)(v->outer * v->rows) * element;
    DN_TRY(dn_buffers_take(e->buffers, v->copy_bytes, &v->copy));
    dn_copy_run(e, copy, element, v->copy, e->in[0]);
    v->x = v->copy;
    return DN_SUCCESS;
}

static dn_status open_view(const dn_eval *e, int n_axes, const dn_dim *axes, view *v) {
    const dn_type *type = &e->node->in[0]->type;
    bool reduced[DN_MAX_RANK] = {false};
    for (int i = 0; i < n_axes; i++) reduced[axes[i]] = true;
    *v = (view){.x = e->in[0]};
    return join_axes(type, reduced, v) ? DN_SUCCESS : transpose(e, type, reduced, v);
}

static void close_view(const dn_eval *e, view *v) {
    dn_buffers_give(e->buffers, v->copy, v->copy_bytes);
}

// ---- Reductions ----

typedef struct job {
    const reduction *r;
    view v;
    size_t element;
    int64_t block, blocks;  // columns of a task
    int64_t part, parts;    // rows of a task
    int64_t lanes;
    char *partial;  // [outer, parts, width] accumulators; unused if there is one part
    char *out;
} job;

// Columns [column, column + width) of rows [begin, end), into acc[0..width).
static void reduce_part(const job *j, int64_t outer, int64_t begin, int64_t end, int64_t column,
                        int64_t width, void *acc) {
    const view *v = &j->v;
    const char *x = v->x + (size_t)((outer * v->rows + begin) * v->width + column) * j->element;
    int64_t rows = end - begin, lanes = j->lanes, bytes = (int64_t)j->r->accumulator * width;
    j->r->start(acc, width * lanes);
    if (lanes > 1) {  // then a task has all columns, and its rows are one run
        int64_t all = rows / lanes, rest = rows % lanes;
        j->r->accumulate(acc, width * lanes, x, all, width * lanes);
        x += (size_t)(all * lanes * width) * j->element;
        j->r->accumulate(acc, width * rest, x, rest > 0, 0);
        for (int64_t half = lanes / 2; half; half /= 2)
            j->r->join(acc, width * half, (char *)acc + half * bytes);
    } else {
        j->r->accumulate(acc, width, x, rows, v->width);
    }
}

static void reduce_body(void *arg, int64_t chunk, int64_t first, int64_t last) {
    const job *j = arg;
    (void)chunk;
    double acc[WIDTH];  // 8 bytes are enough for any accumulator
    for (int64_t task = first; task < last; task++) {
        int64_t block = task % j->blocks, part = task / j->blocks % j->parts;
        int64_t outer = task / j->blocks / j->parts, column = block * j->block;
        int64_t width = dn_min(j->block, j->v.width - column), begin = part * j->part;
        reduce_part(j, outer, begin, dn_min(begin + j->part, j->v.rows), column, width, acc);
        if (j->parts == 1) {
            j->r->finish(acc, width, j->out + (size_t)(outer * j->v.width + column) * j->element);
        } else {
            int64_t at = (outer * j->parts + part) * j->v.width + column;
            memcpy(j->partial + (size_t)at * j->r->accumulator, acc,
                   (size_t)width * j->r->accumulator);
        }
    }
}

static void join_parts(const job *j) {
    size_t row = (size_t)j->v.width * j->r->accumulator;
    for (int64_t outer = 0; outer < j->v.outer; outer++) {
        char *parts = j->partial + (size_t)(outer * j->parts) * row;
        for (int64_t i = 1; i < j->parts; i++)
            j->r->join(parts, j->v.width, parts + (size_t)i * row);
        j->r->finish(parts, j->v.width, j->out + (size_t)(outer * j->v.width) * j->element);
    }
}

// How the work is cut: columns first, rows only if that leaves too few tasks.
static void plan(job *j) {
    const view *v = &j->v;
    j->block = dn_max(1, dn_min(v->width, WIDTH));
    j->blocks = dn_ceil_div(v->width, j->block);
    j->part = dn_max(1, v->rows);
    if (v->outer * j->blocks < ENOUGH_TASKS)
        j->part = dn_min(j->part,
                         dn_max(dn_ceil_div(DN_GRAIN, j->block), dn_ceil_div(v->rows, MOST_PARTS)));
    j->parts = dn_max(1, dn_ceil_div(v->rows, j->part));
    j->lanes = 1;
    while (j->blocks == 1 && 2 * j->lanes * j->block <= LANES && 8 * j->lanes <= j->part)
        j->lanes *= 2;
}

static dn_status run(const dn_eval *e, const reduction *r, view v) {
    job j = {.r = r, .v = v, .element = dn_dtype_size(e->node->type.dtype), .out = e->out};
    if (e->count == 0) return DN_SUCCESS;
    plan(&j);
    size_t bytes = 0;
    if (j.parts > 1) {
        void *partial;
        bytes = (size_t)(v.outer * j.parts * v.width) * r->accumulator;
        DN_TRY(dn_buffers_take(e->buffers, bytes, &partial));
        j.partial = partial;
    }
    int64_t work = dn_max(1, j.part * j.block);
    dn_eval_for(e, v.outer * j.parts * j.blocks, dn_max(1, DN_GRAIN / work), reduce_body, &j);
    if (j.parts > 1) join_parts(&j);
    dn_buffers_give(e->buffers, j.partial, bytes);
    return DN_SUCCESS;
}

static dn_status reduce(const dn_eval *e, const reduction *const *reductions) {
    int n_axes;
    const dn_dim *axes = dn_node_dims(e->node, DN_ATTR_AXES, &n_axes);
    view v;
    DN_TRY(open_view(e, n_axes, axes, &v));
    dn_status status = run(e, reductions[e->node->type.dtype], v);
    close_view(e, &v);
    return status;
}

dn_status dn_eval_REDUCE_SUM(const dn_eval *e) { return reduce(e, sums); }

dn_status dn_eval_REDUCE_PROD(const dn_eval *e) { return reduce(e, prods); }

dn_status dn_eval_REDUCE_MAX(const dn_eval *e) { return reduce(e, maxima); }

dn_status dn_eval_REDUCE_MIN(const dn_eval *e) { return reduce(e, minima); }

// ---- Index of the maximum or minimum ----

typedef void arg_kernel(const void *from, int64_t rows, int64_t width, int32_t *out);

typedef struct arg_job {
    view v;
    size_t element;
    arg_kernel *kernel;
    int32_t *out;
} arg_job;

static void arg_body(void *arg, int64_t chunk, int64_t begin, int64_t end) {
    const arg_job *j = arg;
    (void)chunk;
    for (int64_t outer = begin; outer < end; outer++)
        j->kernel(j->v.x + (size_t)(outer * j->v.rows * j->v.width) * j->element, j->v.rows,
                  j->v.width, j->out + outer * j->v.width);
}

static dn_status arg_reduce(const dn_eval *e, arg_kernel *const *kernels) {
    dn_dim axis = dn_node_int(e->node, DN_ATTR_AXIS);
    dn_dtype dtype = e->node->in[0]->type.dtype;
    arg_job j = {.element = dn_dtype_size(dtype), .kernel = kernels[dtype], .out = e->out};
    DN_TRY(open_view(e, 1, &axis, &j.v));
    int64_t work = dn_max(1, j.v.rows * j.v.width);
    dn_eval_for(e, j.v.outer, dn_max(1, DN_GRAIN / work), arg_body, &j);
    close_view(e, &j.v);
    return DN_SUCCESS;
}

dn_status dn_eval_ARGMAX(const dn_eval *e) {
    static arg_kernel *const kernels[DN_DTYPE_COUNT] = {[DN_U8] = argmax_u8,
                                                        [DN_I32] = argmax_i32,
                                                        [DN_I64] = argmax_i64,
                                                        [DN_F32] = argmax_f32,
                                                        [DN_F64] = argmax_f64};
    return arg_reduce(e, kernels);
}

dn_status dn_eval_ARGMIN(const dn_eval *e) {
    static arg_kernel *const kernels[DN_DTYPE_COUNT] = {[DN_U8] = argmin_u8,
                                                        [DN_I32] = argmin_i32,
                                                        [DN_I64] = argmin_i64,
                                                        [DN_F32] = argmin_f32,
                                                        [DN_F64] = argmin_f64};
    return arg_reduce(e, kernels);
}
