// Elementwise ops: kernels over contiguous elements, made from the op table's expressions, and the
// loop that feeds them.
//
// An operand may repeat after a number of elements (a constant, a bias): its elements are laid out
// in a block that stays in L1 instead of in a tensor of the full size.
#include <math.h>
#include <string.h>

#include "codegen/interp/kernel.h"
#include "codegen/interp/kernels.h"
#include "codegen/interp/meaning.h"

// The loops below have to become vector code at the project's -O2. No operation changes its result.
#pragma GCC optimize("O3")
// Expressions are written for every dtype: u8 is never below 0.
#pragma GCC diagnostic ignored "-Wtype-limits"

enum { MAX_OPERANDS = 3, BLOCK = 1024 };

// out[i] = f(in[0][i], ...) for i below n. out may be one of the operands: every element is read
// before it is written, which is what IVDEP tells the compiler.
typedef void block_kernel(int64_t n, const void *const *in, void *out);
#define IVDEP _Pragma("GCC ivdep")

// ---- Rows of the op table ----

#define T float
#define SUFFIX f32
#define KIND FLOAT
#define MATH(name) name##f
#include "codegen/interp/elementwise.inc"
#undef T
#undef SUFFIX
#undef MATH

#define T double
#define SUFFIX f64
#define MATH(name) name
#include "codegen/interp/elementwise.inc"
#undef T
#undef SUFFIX
#undef KIND
#undef MATH

#define KIND INT
#define T uint8_t
#define U uint32_t
#define SUFFIX u8
#include "codegen/interp/elementwise.inc"
#undef T
#undef SUFFIX

#define T int32_t
#define SUFFIX i32
#include "codegen/interp/elementwise.inc"
#undef T
#undef U
#undef SUFFIX

#define T int64_t
#define U uint64_t
#define SUFFIX i64
#include "codegen/interp/elementwise.inc"
#undef T
#undef U
#undef SUFFIX
#undef KIND

#define KIND BOOL
#define T uint8_t
#define SUFFIX b8
#include "codegen/interp/elementwise.inc"
#undef T
#undef SUFFIX
#undef KIND

static block_kernel *const *const kernels[DN_DTYPE_COUNT] = {
    [DN_BOOL] = kernels_b8, [DN_U8] = kernels_u8,   [DN_I32] = kernels_i32,
    [DN_I64] = kernels_i64, [DN_F32] = kernels_f32, [DN_F64] = kernels_f64,
};

// ---- Select, by the size of an element ----

// With a mask instead of a branch.
#define SELECT(bits)                                                                   \
    static void select_##bits(int64_t n, const void *const *in, void *out) {           \
        const uint8_t *c = in[0];                                                      \
        const uint##bits##_t *a = in[1], *b = in[2];                                   \
        uint##bits##_t *to = out;                                                      \
        IVDEP for (int64_t i = 0; i < n; i++) {                                        \
            const uint##bits##_t mask = (uint##bits##_t) - (int##bits##_t)c[i];        \
            to[i] = (uint##bits##_t)((a[i] & mask) | (b[i] & (uint##bits##_t) ~mask)); \
        }                                                                              \
    }
SELECT(8)
SELECT(16)
SELECT(32)
SELECT(64)

// ---- Cast ----
// Floats to integers truncate toward 0 and saturate, NaN is 0; between integers the value wraps.

#define SATURATE(S, x, D, lowest, highest, above) \
    ((x) != (x) ? (D)0 : (x) >= (S)(above) ? (highest) : (x) <= (S)(lowest) ? (lowest) : (D)(x))
#define FLOAT_TO_b8(S, x) ((x) != 0)
#define FLOAT_TO_u8(S, x) SATURATE(S, x, uint8_t, 0, UINT8_MAX, 256.0)
#define FLOAT_TO_i32(S, x) SATURATE(S, x, int32_t, INT32_MIN, INT32_MAX, 2147483648.0)
#define FLOAT_TO_i64(S, x) SATURATE(S, x, int64_t, INT64_MIN, INT64_MAX, 9223372036854775808.0)
#define FLOAT_TO_f32(S, x) (x)
#define FLOAT_TO_f64(S, x) (x)
#define INT_TO_b8(S, x) ((x) != 0)
#define INT_TO_u8(S, x) (x)
#define INT_TO_i32(S, x) (x)
#define INT_TO_i64(S, x) (x)
#define INT_TO_f32(S, x) (x)
#define INT_TO_f64(S, x) (x)

#define CAST(S, from, kind, D, name)                                                   \
    static void cast_##from##_##name(int64_t n, const void *const *in, void *out) {    \
        const S *xs = in[0];                                                           \
        D *to = out;                                                                   \
        IVDEP for (int64_t i = 0; i < n; i++) to[i] = (D)(kind##_TO_##name(S, xs[i])); \
    }
#define CASTS(S, from, kind)          \
    CAST(S, from, kind, uint8_t, b8)  \
    CAST(S, from, kind, uint8_t, u8)  \
    CAST(S, from, kind, int32_t, i32) \
    CAST(S, from, kind, int64_t, i64) \
    CAST(S, from, kind, float, f32)   \
    CAST(S, from, kind, double, f64)
CASTS(uint8_t, u8, INT)
CASTS(int32_t, i32, INT)
CASTS(int64_t, i64, INT)
CASTS(float, f32, FLOAT)
CASTS(double, f64, FLOAT)

#define CAST_ROW(from)                                                                           \
    {                                                                                            \
        [DN_BOOL] = cast_##from##_b8, [DN_U8] = cast_##from##_u8, [DN_I32] = cast_##from##_i32,  \
        [DN_I64] = cast_##from##_i64, [DN_F32] = cast_##from##_f32, [DN_F64] = cast_##from##_f64 \
    }
static block_kernel *const casts[DN_DTYPE_COUNT][DN_DTYPE_COUNT] = {
    [DN_BOOL] = CAST_ROW(u8), [DN_U8] = CAST_ROW(u8),   [DN_I32] = CAST_ROW(i32),
    [DN_I64] = CAST_ROW(i64), [DN_F32] = CAST_ROW(f32), [DN_F64] = CAST_ROW(f64),
};

void dn_store_number(dn_dtype dtype, double value, void *out) {
    if (dtype == DN_BF16) {
        *(uint16_t *)out = dn_bf16_from_f32((float)value);
        return;
    }
    casts[DN_F64][dtype](1, (const void *[]){&value}, out);
}

// ---- Is finite ----

static void finite_f32(int64_t n, const void *const *in, void *out) {
    const float *xs = in[0];
    uint8_t *to = out;
    for (int64_t i = 0; i < n; i++) to[i] = isfinite(xs[i]) != 0;
}

static void finite_f64(int64_t n, const void *const *in, void *out) {
    const double *xs = in[0];
    uint8_t *to = out;
    for (int64_t i = 0; i < n; i++) to[i] = isfinite(xs[i]) != 0;
}

static void finite_integer(int64_t n, const void *const *in, void *out) {
    (void)in;
    memset(out, 1, (size_t)n);
}

// ---- The loop ----

typedef struct job {
    const dn_eval *e;
    block_kernel *kernel;
    int n_in;
    size_t size[MAX_OPERANDS], out_size;
} job;

// The elements of an operand from `begin` on, for one call of a kernel.
typedef struct feed {
    const char *at;  // its own elements, or `fill`
    int64_t period;
    bool refill;  // `fill` has to be made again for each block
    _Alignas(64) char fill[BLOCK * sizeof(double)];
} feed;

static bool repeats(const dn_eval *e, int operand) { return e->period[operand] < e->count; }

// Lays out n elements of an operand that repeats, beginning with element `begin`.
static void fill_block(feed *f, const char *in, size_t size, int64_t begin, int64_t n) {
    int64_t done = dn_min(f->period - begin % f->period, n);
    memcpy(f->fill, in + (size_t)(begin % f->period) * size, (size_t)done * size);
    if (done < n) {
        int64_t more = dn_min(f->period, n - done);
        memcpy(f->fill + (size_t)done * size, in, (size_t)more * size);
        done += more;
    }
    while (done < n) {  // at least one whole period is there: double it
        int64_t whole = done / f->period * f->period, more = dn_min(whole, n - done);
        memcpy(f->fill + (size_t)done * size, f->fill + (size_t)(done - whole) * size,
               (size_t)more * size);
        done += more;
    }
}

// Elements [begin, begin + n) of operand k.
static const void *operand_block(const job *j, feed *f, int k, int64_t begin, int64_t n) {
    const char *in = j->e->in[k];
    size_t size = j->size[k];
    if (!repeats(j->e, k)) return in + (size_t)begin * size;
    if (!f->refill) return f->fill;
    int64_t phase = begin % f->period;
    if (phase + n <= f->period) return in + (size_t)phase * size;
    fill_block(f, in, size, begin, n);
    return f->fill;
}

// The largest block that holds whole periods of the longest period that fits: then one fill lasts.
static int64_t block_length(const job *j, bool *any) {
    int64_t longest = 1;
    *any = false;
    for (int k = 0; k < j->n_in; k++) {
        if (!repeats(j->e, k)) continue;
        *any = true;
        if (j->e->period[k] <= BLOCK) longest = dn_max(longest, j->e->period[k]);
    }
    return BLOCK - BLOCK % longest;
}

static void elementwise_body(void *arg, int64_t chunk, int64_t begin, int64_t end) {
    const job *j = arg;
    (void)chunk;
    feed feeds[MAX_OPERANDS];
    bool any;
    int64_t block = block_length(j, &any);
    if (!any) block = end - begin;
    for (int k = 0; k < j->n_in; k++) {
        feeds[k].period = j->e->period[k];
        feeds[k].refill = block % feeds[k].period != 0;
        if (repeats(j->e, k) && !feeds[k].refill)
            fill_block(&feeds[k], j->e->in[k], j->size[k], begin, dn_min(block, end - begin));
    }
    for (; begin < end; begin += block) {
        int64_t n = dn_min(block, end - begin);
        const void *in[MAX_OPERANDS];
        for (int k = 0; k < j->n_in; k++) in[k] = operand_block(j, &feeds[k], k, begin, n);
        j->kernel(n, in, (char *)j->e->out + (size_t)begin * j->out_size);
    }
}

static dn_status run(const dn_eval *e, block_kernel *kernel) {
    job j = {.e = e, .kernel = kernel, .n_in = e->node->n_in};
    if (!kernel)
        return dn_fail(DN_INTERNAL, "%s has no kernel for %s", dn_op_get(e->node->op)->name,
                       dn_dtype_name(e->node->in[0]->type.dtype));
    for (int k = 0; k < j.n_in; k++) j.size[k] = dn_dtype_size(e->node->in[k]->type.dtype);
    j.out_size = dn_dtype_size(e->node->type.dtype);
    dn_eval_for(e, e->count, DN_GRAIN, elementwise_body, &j);
    return DN_SUCCESS;
}

dn_status dn_eval_elementwise(const dn_eval *e) {
    return run(e, kernels[e->node->in[0]->type.dtype][e->node->op]);
}

dn_status dn_eval_CAST(const dn_eval *e) {
    return run(e, casts[e->node->in[0]->type.dtype][e->node->type.dtype]);
}

dn_status dn_eval_IS_FINITE(const dn_eval *e) {
    dn_dtype dtype = e->node->in[0]->type.dtype;
    return run(e, dtype == DN_F32 ? finite_f32 : dtype == DN_F64 ? finite_f64 : finite_integer);
}

dn_status dn_eval_SELECT(const dn_eval *e) {
    size_t size = dn_dtype_size(e->node->type.dtype);
    return run(e, size == 1 ? select_8 : size == 2 ? select_16 : size == 4 ? select_32 : select_64);
}
