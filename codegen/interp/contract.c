// Matrix products: OpenBLAS on one thread for a tile, tiles over the pool; and DOT through them.
#include <cblas.h>
#include <limits.h>
#include <pthread.h>
#include <string.h>

#include "codegen/interp/kernels.h"

// ---- One product ----

// OpenBLAS has no integers; these wrap.
#define INTEGER_GEMM(type, U, name)                                        \
    static void gemm_##name(const dn_gemm *g) {                            \
        const type *a = g->a, *b = g->b;                                   \
        type *c = g->c;                                                    \
        for (int64_t i = 0; i < g->m; i++) {                               \
            for (int64_t j = 0; j < g->n; j++) {                           \
                U sum = g->accumulate ? (U)c[i * g->ldc + j] : 0;          \
                for (int64_t p = 0; p < g->k; p++)                         \
                    sum += (U)a[g->ta ? p * g->lda + i : i * g->lda + p] * \
                           (U)b[g->tb ? j * g->ldb + p : p * g->ldb + j];  \
                c[i * g->ldc + j] = (type)sum;                             \
            }                                                              \
        }                                                                  \
    }
INTEGER_GEMM(uint8_t, uint32_t, u8)
INTEGER_GEMM(int32_t, uint32_t, i32)
INTEGER_GEMM(int64_t, uint64_t, i64)

static void clear(const dn_gemm *g) {
    size_t element = dn_dtype_size(g->dtype);
    for (int64_t i = 0; i < g->m; i++)
        memset((char *)g->c + (size_t)(i * g->ldc) * element, 0, (size_t)g->n * element);
}

static int narrow(int64_t n) {
    DN_ASSERT(n <= INT_MAX, "a matrix of %lld rows or columns", (long long)n);
    return (int)n;
}

static void gemm_float(const dn_gemm *g) {
    int m = narrow(g->m), n = narrow(g->n), k = narrow(g->k);
    int lda = narrow(g->lda), ldb = narrow(g->ldb), ldc = narrow(g->ldc);
    CBLAS_TRANSPOSE ta = g->ta ? CblasTrans : CblasNoTrans, tb = g->tb ? CblasTrans : CblasNoTrans;
    if (g->dtype == DN_F32) {
        cblas_sgemm(CblasRowMajor, ta, tb, m, n, k, 1, g->a, lda, g->b, ldb, g->accumulate ? 1 : 0,
                    g->c, ldc);
    } else {
        cblas_dgemm(CblasRowMajor, ta, tb, m, n, k, 1, g->a, lda, g->b, ldb, g->accumulate ? 1 : 0,
                    g->c, ldc);
    }
}

static void one_blas_thread(void) { openblas_set_num_threads(1); }

void dn_gemm_run(const dn_gemm *g) {
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, one_blas_thread);
    if (g->m == 0 || g->n == 0) return;
    if (g->k == 0) {
        if (!g->accumulate) clear(g);
        return;
    }
    switch (g->dtype) {
        case DN_F32:
        case DN_F64: gemm_float(g); break;
        case DN_I64: gemm_i64(g); break;
        case DN_I32: gemm_i32(g); break;
        default: gemm_u8(g); break;
    }
}

// ---- Many tiles ----

// The result is cut into tiles until there are enough of them or they are too small to be worth it;
// a small result of long sums also cuts the sums, into parts that are added in order afterwards.
enum { ENOUGH_TILES = 32, LEAST_SIDE = 48, LEAST_DEPTH = 512 };
static const double least_work = 2e6;  // multiply-adds

typedef struct job {
    dn_gemm whole;
    dn_gemm_batch batch;
    int64_t n_batch;
    int64_t tile_m, tile_n, tile_k;
    int64_t tiles_m, tiles_n, tiles_k;
    char *parts;  // [tiles_k][n_batch, m, n], or NULL
} job;

static int64_t halve(int64_t side) { return dn_ceil_div(dn_ceil_div(side, 2), 16) * 16; }

static void cut(job *j) {
    const dn_gemm *g = &j->whole;
    j->tile_m = dn_max(1, g->m);
    j->tile_n = dn_max(1, g->n);
    j->tile_k = dn_max(1, g->k);
    for (;;) {
        j->tiles_m = dn_ceil_div(g->m, j->tile_m);
        j->tiles_n = dn_ceil_div(g->n, j->tile_n);
        int64_t longer = dn_max(j->tile_m, j->tile_n);
        double work = (double)j->tile_m * (double)j->tile_n * (double)g->k;
        if (j->n_batch * j->tiles_m * j->tiles_n >= ENOUGH_TILES || work < 2 * least_work ||
            longer < 2 * LEAST_SIDE)
            break;
        *(j->tile_m == longer ? &j->tile_m : &j->tile_n) = halve(longer);
    }
    int64_t tiles = dn_max(1, j->n_batch * j->tiles_m * j->tiles_n);
    if (tiles < ENOUGH_TILES / 4 && g->k >= 2 * LEAST_DEPTH)
        j->tile_k = dn_max(LEAST_DEPTH, dn_ceil_div(g->k, ENOUGH_TILES / 2 / tiles));
    j->tiles_k = dn_max(1, dn_ceil_div(g->k, j->tile_k));
}

// The part [i, i + m) x [jj, jj + n) of one product of the batch, summed over [p, p + k).
static dn_gemm tile_of(const job *j, int64_t batch, int64_t tm, int64_t tn, int64_t tk) {
    dn_gemm g = j->whole;
    int64_t element = (int64_t)dn_dtype_size(g.dtype), c = batch * j->batch.c;
    int64_t i = tm * j->tile_m, o = tn * j->tile_n, p = tk * j->tile_k;
    int64_t a = g.ta ? p * g.lda + i : i * g.lda + p, b = g.tb ? o * g.ldb + p : p * g.ldb + o;
    if (j->parts) {
        g.c = j->parts;
        g.ldc = g.n;
        c = (tk * j->n_batch + batch) * g.m * g.n;
    }
    c += i * g.ldc + o;
    for (int d = j->batch.rank - 1; d >= 0; d--) {
        a += batch % j->batch.dims[d] * j->batch.a[d];
        b += batch % j->batch.dims[d] * j->batch.b[d];
        batch /= j->batch.dims[d];
    }
    g.a = (const char *)g.a + a * element;
    g.b = (const char *)g.b + b * element;
    g.c = (char *)g.c + c * element;
    g.m = dn_min(j->tile_m, g.m - i);
    g.n = dn_min(j->tile_n, g.n - o);
    g.k = dn_max(0, dn_min(j->tile_k, g.k - p));
    return g;
}

static void tiles_body(void *arg, int64_t chunk, int64_t begin, int64_t end) {
    const job *j = arg;
    (void)chunk;
    for (int64_t at = begin; at < end; at++) {
        int64_t rest = at, tn = rest % j->tiles_n;
        rest /= j->tiles_n;
        int64_t tm = rest % j->tiles_m;
        rest /= j->tiles_m;
        dn_gemm g = tile_of(j, rest / j->tiles_k, tm, tn, rest % j->tiles_k);
        dn_gemm_run(&g);
    }
}

dn_status dn_gemm_parallel(const dn_eval *e, const dn_gemm *gemm, const dn_gemm_batch *batch) {
    job j = {.whole = *gemm, .n_batch = 1};
    if (batch) j.batch = *batch;
    for (int i = 0; i < j.batch.rank; i++) j.n_batch *= j.batch.dims[i];
    if (gemm->m == 0 || gemm->n == 0 || j.n_batch == 0) return DN_SUCCESS;
    cut(&j);
    bool dense = gemm->ldc == gemm->n && (!batch || batch->c == gemm->m * gemm->n);
    if (!dense) {
        j.tile_k = dn_max(1, gemm->k);
        j.tiles_k = 1;
    }
    size_t bytes = (size_t)(j.tiles_k * j.n_batch * gemm->m * gemm->n) * dn_dtype_size(gemm->dtype);
    if (j.tiles_k > 1) {
        void *parts;
        DN_TRY(dn_buffers_take(e->buffers, bytes, &parts));
        j.parts = parts;
    }
    double tile = (double)j.tile_m * (double)j.tile_n * (double)j.tile_k;
    int64_t grain = tile < least_work ? (int64_t)(least_work / dn_max(1, (int64_t)tile)) : 1;
    dn_eval_for(e, j.n_batch * j.tiles_k * j.tiles_m * j.tiles_n, dn_max(1, grain), tiles_body, &j);
    if (j.parts)
        dn_sum_parts(e, gemm->dtype, j.parts, j.tiles_k, j.n_batch * gemm->m * gemm->n, gemm->c);
    dn_buffers_give(e->buffers, j.parts, bytes);
    return DN_SUCCESS;
}

// ---- DOT ----

// Some axes of an operand, in an order that the operation gives.
typedef struct group {
    int n;
    int axes[DN_MAX_RANK];
    int64_t size, stride;  // as one axis, where `joins`
    bool joins;
} group;

typedef struct side {
    const dn_type *type;
    const void *data;
    int64_t strides[DN_MAX_RANK];
    group batch, free, contract;
    void *copy;
    size_t copy_bytes;
} side;

static void measure(const side *s, group *g) {
    g->size = 1;
    g->stride = 1;
    g->joins = true;
    for (int i = g->n - 1; i >= 0; i--) {
        int64_t dim = s->type->dims[g->axes[i]], stride = s->strides[g->axes[i]];
        if (dim == 1) continue;
        if (g->size == 1) {
            g->stride = stride;
        } else if (stride != g->stride * g->size) {
            g->joins = false;
        }
        g->size *= dim;
    }
}

static group group_of(const dn_node *node, dn_attr attr, bool *used) {
    group g = {0};
    const dn_dim *axes = dn_node_dims(node, attr, &g.n);
    for (int i = 0; i < g.n; i++) {
        g.axes[i] = (int)axes[i];
        used[axes[i]] = true;
    }
    return g;
}

static side side_of(const dn_eval *e, int operand, dn_attr batch, dn_attr contract) {
    side s = {.type = &e->node->in[operand]->type, .data = e->in[operand]};
    bool used[DN_MAX_RANK] = {false};
    dn_row_major(s.type->rank, s.type->dims, s.strides);
    s.batch = group_of(e->node, batch, used);
    s.contract = group_of(e->node, contract, used);
    for (int i = 0; i < s.type->rank; i++) {
        if (!used[i]) s.free.axes[s.free.n++] = i;
    }
    measure(&s, &s.free);
    measure(&s, &s.contract);
    return s;
}

// A matrix [rows, columns] that BLAS can read: one of the two is contiguous.
static bool is_matrix(const group *rows, const group *columns) {
    return rows->joins && columns->joins &&
           (columns->size == 1 || columns->stride == 1 || rows->size == 1 || rows->stride == 1);
}

static void append(dn_copy *copy, side *s, group *g) {
    for (int i = 0; i < g->n; i++) {
        int axis = g->axes[i];
        copy->dims[copy->rank] = s->type->dims[axis];
        copy->from[copy->rank++] = s->strides[axis];
    }
}

// Copies the operand to [batch, free, contract].
static dn_status pack(const dn_eval *e, side *s) {
    dn_copy copy = {0};
    size_t element = dn_dtype_size(s->type->dtype);
    append(&copy, s, &s->batch);
    append(&copy, s, &s->free);
    append(&copy, s, &s->contract);
    dn_row_major(copy.rank, copy.dims, copy.to);
    s->copy_bytes = (size_t)dn_type_count(s->type) * element;
    DN_TRY(dn_buffers_take(e->buffers, s->copy_bytes, &s->copy));
    dn_copy_run(e, copy, element, s->copy, s->data);
    s->data = s->copy;
    int next = 0;
    for (int i = 0; i < s->batch.n; i++) s->strides[s->batch.axes[i]] = copy.to[next++];
    for (int i = 0; i < s->free.n; i++) s->strides[s->free.axes[i]] = copy.to[next++];
    for (int i = 0; i < s->contract.n; i++) s->strides[s->contract.axes[i]] = copy.to[next++];
    measure(s, &s->free);
    measure(s, &s->contract);
    return DN_SUCCESS;
}

// How far apart the rows are, and whether the matrix [rows, columns] is stored transposed.
static int64_t leading(const group *rows, const group *columns, bool *transposed) {
    *transposed = !(columns->size == 1 || columns->stride == 1);
    const group *outer = *transposed ? columns : rows, *inner = *transposed ? rows : columns;
    return outer->size == 1 ? dn_max(1, inner->size)
                            : dn_max(outer->stride, dn_max(1, inner->size));
}

static dn_status multiply(const dn_eval *e, side *a, side *b) {
    if (!is_matrix(&a->free, &a->contract)) DN_TRY(pack(e, a));
    if (!is_matrix(&b->contract, &b->free)) DN_TRY(pack(e, b));
    dn_gemm_batch batch = {.rank = a->batch.n};
    for (int i = 0; i < batch.rank; i++) {
        batch.dims[i] = a->type->dims[a->batch.axes[i]];
        batch.a[i] = a->strides[a->batch.axes[i]];
        batch.b[i] = b->strides[b->batch.axes[i]];
    }
    dn_gemm g = {.dtype = e->node->type.dtype,
                 .m = a->free.size,
                 .n = b->free.size,
                 .k = a->contract.size,
                 .a = a->data,
                 .b = b->data,
                 .c = e->out,
                 .ldc = dn_max(1, b->free.size)};
    g.lda = leading(&a->free, &a->contract, &g.ta);
    g.ldb = leading(&b->contract, &b->free, &g.tb);
    batch.c = g.m * g.n;
    return dn_gemm_parallel(e, &g, &batch);
}

dn_status dn_eval_DOT(const dn_eval *e) {
    side a = side_of(e, 0, DN_ATTR_LHS_BATCH, DN_ATTR_LHS_CONTRACT);
    side b = side_of(e, 1, DN_ATTR_RHS_BATCH, DN_ATTR_RHS_CONTRACT);
    dn_status status = multiply(e, &a, &b);
    dn_buffers_give(e->buffers, a.copy, a.copy_bytes);
    dn_buffers_give(e->buffers, b.copy, b.copy_bytes);
    return status;
}
