// What the interpreter's kernels share: the description of one evaluation, and helpers.
//
// A kernel reads operands and writes `out` completely. It cuts its work into chunks whose bounds
// depend on shapes alone, so its bits do not depend on the pool.
#ifndef DN_CODEGEN_INTERP_KERNEL_H
#define DN_CODEGEN_INTERP_KERNEL_H

#include "codegen/interp/buffers.h"
#include "codegen/interp/interp.h"

// Elements of a chunk of cheap work: about 10 us of it, so that handing it out costs little.
enum { DN_GRAIN = 16384 };

typedef struct dn_eval {
    const dn_node *node;
    dn_pool *pool;          // NULL: this thread alone
    dn_buffers *buffers;    // for scratch
    const void *const *in;  // the operands' elements in row-major order
    const int64_t *period;  // operand k's element i is in[k][i % period[k]]; only elementwise
                            // kernels are given a period below the number of elements
    void *out;
    int64_t count;  // elements to write: all of the node's type, or one period of an elementwise op
    uint64_t seed, step;
} dn_eval;

typedef dn_status dn_kernel(const dn_eval *e);

// The kernel of an op; every op has one.
dn_kernel *dn_kernel_of(dn_op op);
// Evaluates, whatever the op.
dn_status dn_evaluate(const dn_eval *e) DN_MUST_USE;
// bf16 (narrow.c): whether a node computes with it, which it does in f32; and its evaluation by the
// op's kernel for f32.
bool dn_is_narrow(const dn_node *node);
dn_status dn_eval_narrow(const dn_eval *e) DN_MUST_USE;
// After how many elements the result of `node` (a BROADCAST) repeats, if that of x repeats after
// `period`; the number of its elements if it does not.
int64_t dn_broadcast_period(const dn_node *node, int64_t period);

// Every block that the interpreter hands out or takes back is filled with NaN from now on.
void dn_interp_poison(dn_interp *interp);

// dn_parallel_for, or a plain loop when there is no pool.
void dn_eval_for(const dn_eval *e, int64_t count, int64_t grain, dn_parallel_body *body, void *arg);

// ---- Scratch for the bodies of a parallel loop: one block for each thread ----
typedef struct dn_scratch {
    char *base;
    size_t each, total;
    int n;
    int *taken;  // atomic flags
    dn_buffers *buffers;
} dn_scratch;

dn_status dn_scratch_open(const dn_eval *e, size_t bytes, dn_scratch *out) DN_MUST_USE;
void *dn_scratch_acquire(dn_scratch *scratch);  // by a body, at its start
void dn_scratch_release(dn_scratch *scratch, void *block);
void dn_scratch_close(dn_scratch *scratch);

// ---- Shapes ----
int64_t dn_type_count(const dn_type *type);                          // elements of a known type
void dn_row_major(int rank, const int64_t *dims, int64_t *strides);  // strides in elements
static inline int64_t dn_ceil_div(int64_t a, int64_t b) { return (a + b - 1) / b; }
static inline int64_t dn_min(int64_t a, int64_t b) { return a < b ? a : b; }
static inline int64_t dn_max(int64_t a, int64_t b) { return a > b ? a : b; }

// ---- Strided copies (movement.c) ----
// out[sum i_k * to[k]] = in[sum i_k * from[k]] for all indices. No two indices share a place in
// out.
typedef struct dn_copy {
    int rank;
    int64_t dims[DN_MAX_RANK], to[DN_MAX_RANK], from[DN_MAX_RANK];  // strides in elements
} dn_copy;

void dn_copy_run(const dn_eval *e, dn_copy copy, size_t element, void *out, const void *in);
// `count` times the element at `value`.
void dn_fill(const dn_eval *e, size_t element, const void *value, void *out, int64_t count);
// A number as an element of a dtype: integers truncate toward 0 and saturate.
void dn_store_number(dn_dtype dtype, double value, void *out);

// ---- Rows (rows.c) ----
// to[i] += from[i] for i below n; integers wrap.
typedef void dn_add_row(void *to, const void *from, int64_t n);
dn_add_row *dn_add_row_of(dn_dtype dtype);  // of a numeric dtype
// out[i] = parts[0][i] + parts[1][i] + ..., in that order; parts are `count` elements each.
void dn_sum_parts(const dn_eval *e, dn_dtype dtype, const void *parts, int64_t n_parts,
                  int64_t count, void *out);

// ---- Matrix products (contract.c) ----
typedef struct dn_gemm {
    dn_dtype dtype;  // numeric
    int64_t m, n, k;
    const void *a;  // [m, k], or [k, m] if ta; rows lda elements apart
    const void *b;  // [k, n], or [n, k] if tb
    void *c;        // [m, n]
    int64_t lda, ldb, ldc;
    bool ta, tb;
    bool accumulate;  // c += a b, else c = a b
} dn_gemm;

void dn_gemm_run(const dn_gemm *gemm);  // on this thread
// Many products, a + batch's offset and so on, cut into tiles for the pool. accumulate must be
// false.
typedef struct dn_gemm_batch {
    int rank;
    int64_t dims[DN_MAX_RANK], a[DN_MAX_RANK], b[DN_MAX_RANK];  // strides of a and b
    int64_t c;                                                  // stride of c from one to the next
} dn_gemm_batch;
dn_status dn_gemm_parallel(const dn_eval *e, const dn_gemm *gemm,
                           const dn_gemm_batch *batch) DN_MUST_USE;

#endif
