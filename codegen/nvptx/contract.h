// Private to contract*.c: a contraction as a matrix product.
//
// Every contraction is out[m, n] = sum over k of A[m, k] * B[k, n], for each of some outer indices.
// m, n and k are numbers of mixed radix, and an element of A or B is at a sum of digit times stride
// over the digits of m (or n) and of k: no patches are made in memory (implicit GEMM).
//   DOT          m, n, k are its own; outer: batches
//   CONV         m: image, pixel of y; n: filter; k: tap, channel
//   CONV_INPUT   m: image, pixel of one phase; n: channel; k: tap of the phase, filter
//   CONV_WEIGHT  m: tap, channel; n: filter; k: image, pixel of y
// Outer to all convolutions are the groups; to CONV_INPUT its phases: pixels of x that are `stride`
// apart have the same taps, which are a dense convolution.
//
// A digit may move a coordinate on a spatial axis; where that is outside, the element is 0.
//
// A block has a tile of rows and columns and goes over k in steps of a few; A's and B's tiles of a
// step are in shared memory, several steps (stages) at once. Each sum is taken in the order of k:
// by FMA one by one, by matrix units (mma, wgmma) in groups of 8 or 16. The sums then go through
// shared memory, so that the epilogue reads and writes rows.
#ifndef DN_CODEGEN_NVPTX_CONTRACT_H
#define DN_CODEGEN_NVPTX_CONTRACT_H

#include "codegen/nvptx/nvptx.h"

enum {
    DN_G_DIGITS = DN_MAX_SPATIAL + 2,
    DN_G_OUTER = DN_MAX_RANK + DN_MAX_SPATIAL + 2,
    DN_G_VECTORS = 32,  // that a thread copies
    DN_G_SUMS = 128,    // of a thread
    DN_G_CHUNK = 16,    // bytes: what is kept together in shared memory
    DN_G_SQUARE = 4,    // side of the squares in which an operand is turned
    DN_G_PANEL = 128,   // bytes: across a panel of a tile for wgmma
    DN_G_GAP = 8,       // elements between rows of sums in shared memory: other banks
};

// ---- the plan ----

typedef struct dn_gdigit {
    int64_t size;    // at most, where it is `phased`
    int64_t stride;  // elements
    int spatial;     // moves the coordinate there by `step`; -1: none
    int64_t step;
    bool phased;  // as many as the phase has taps on axis `axis`
    int axis;
} dn_gdigit;

typedef struct dn_gdigits {  // outermost first
    dn_gdigit list[DN_G_DIGITS];
    int n;
} dn_gdigits;

typedef struct dn_goperand {
    int arg;
    dn_gdigits free;  // of m or n
    dn_gdigits k;
    int64_t offset;                        // of the element at all digits 0
    int64_t phase_offset[DN_MAX_SPATIAL];  // times the phase's `out` (A) or `tap` (B)
    bool bounded[DN_MAX_SPATIAL];          // the coordinate may be outside
    int64_t origin[DN_MAX_SPATIAL];        // coordinate at all digits 0; plus the phase's `out`
    int64_t limit[DN_MAX_SPATIAL];         // inside: from 0 to before this
    bool k_major;                          // in shared memory: k is the fast index
    bool turned;                           // .. but in memory the free one is
    int vector;                            // elements that are copied at once
} dn_goperand;

// A phase of CONV_INPUT on one spatial axis: pixels pixel, pixel + stride, .. of x.
typedef struct dn_gphase {
    int64_t taps;  // tap, tap + apart, ..
    int64_t tap;   // the first
    int64_t out;   // pixel of y that it meets at the first pixel
} dn_gphase;

typedef enum dn_gouter_kind {
    DN_G_BATCH,  // index of axis `axis`
    DN_G_GROUP,  // of columns
    DN_G_PHASE,  // on spatial axis `axis`
    DN_G_PART,   // of k; index of axis 0
} dn_gouter_kind;

typedef struct dn_gouter {
    dn_gouter_kind kind;
    int axis;
    int64_t size, a, b;  // strides
} dn_gouter;

// What rows are in the result.
typedef struct dn_grow {
    int64_t size, scale;  // index = digit * scale (+ the phase)
    int axis;             // of the kernel
    int spatial;          // whose phase; -1: none
} dn_grow;

typedef enum dn_gunit { DN_G_FMA, DN_G_TF32, DN_G_BF16 } dn_gunit;

typedef struct dn_gtile {
    int rows, columns, steps;
    int threads, stages;
    int part_rows, part_columns;  // FMA: of a thread; mma: of a warp
} dn_gtile;

typedef struct dn_gplan {
    const dn_contract *contract;
    const dn_nvptx *target;
    dn_gunit unit;
    int64_t m, n, k;  // k: at most
    dn_grow rows[DN_G_DIGITS];
    int n_rows;
    dn_goperand a, b;
    dn_gouter outer[DN_G_OUTER];
    int n_outer;
    bool phased;
    bool whole_steps;  // k is a multiple of the tile's steps
    bool wide;         // offsets take 64 bits
    dn_gtile tile;
    bool wgmma;              // its warps multiply by wgmma: each has 16 rows of every 64 of four
    double cost;             // see choose_tile
    dn_dtype memory;         // of the operands in global memory
    int element;             // bytes of an element in shared memory
    int64_t a_bytes, bytes;  // of A's tile, of a stage
    int64_t shared, blocks;
} dn_gplan;

void dn_gemm_lay_out(const dn_contract *contract, const dn_nvptx *target, dn_gplan *plan);
// DN_UNSUPPORTED where numbers of rows, columns or steps do not fit.
dn_status dn_gemm_plan(const dn_kernel *kernel, const dn_nvptx *target, dn_gplan *plan) DN_MUST_USE;
dn_gphase dn_gemm_phase(const dn_contract *contract, int spatial, int64_t pixel);
// The tile, how operands are copied and how much shared memory that takes: contract_shape.c.
void dn_gemm_shape(dn_gplan *plan);
bool dn_gemm_async(const dn_gplan *plan, const dn_goperand *operand);  // by cp.async, not registers
bool dn_gemm_any_async(const dn_gplan *plan);
// Digits that are not there, or one with their neighbour: contract_digits.c.
void dn_gemm_simplify(const dn_gplan *plan, dn_goperand *operand);
// Elements that may be copied at once along k or along the free index.
int dn_gemm_vector(const dn_gplan *plan, const dn_goperand *operand, bool b, bool along_k);

static inline int64_t dn_gemm_ceil(int64_t a, int64_t b) { return (a + b - 1) / b; }
static inline int dn_gemm_sum_bytes(const dn_gplan *plan) {
    return plan->element < 4 ? 4 : plan->element;
}
static inline const dn_gdigit *dn_gemm_last(const dn_gdigits *digits) {
    return &digits->list[digits->n - 1];
}

// ---- numbers (contract_number.c): i32 or i64, as their operands are ----
LLVMValueRef dn_gemm_i32(dn_emit *e, int64_t value);
LLVMValueRef dn_gemm_add(dn_emit *e, LLVMValueRef a, LLVMValueRef b);
LLVMValueRef dn_gemm_plus(dn_emit *e, LLVMValueRef a, int64_t b);
LLVMValueRef dn_gemm_scale(dn_emit *e, LLVMValueRef a, int64_t by);
LLVMValueRef dn_gemm_divide(dn_emit *e, LLVMValueRef a, int64_t by);  // not negative
LLVMValueRef dn_gemm_rest(dn_emit *e, LLVMValueRef a, int64_t by);
LLVMValueRef dn_gemm_below(dn_emit *e, LLVMValueRef a, LLVMValueRef b);  // unsigned
// NULL: true.
LLVMValueRef dn_gemm_and(dn_emit *e, LLVMValueRef a, LLVMValueRef b);
LLVMValueRef dn_gemm_wide(dn_emit *e, LLVMValueRef a);  // as i64
// A shared or global address so many elements behind another.
LLVMValueRef dn_gemm_at(dn_emit *e, LLVMTypeRef element, LLVMValueRef base, LLVMValueRef count);

// ---- instructions (contract_instruction.c) ----
// Copies `bytes` from global to shared memory without waiting; zeros where `exists` does not hold.
void dn_gemm_copy_async(dn_emit *e, LLVMValueRef to, LLVMValueRef from, int bytes,
                        LLVMValueRef exists);
void dn_gemm_commit(dn_emit *e);
void dn_gemm_wait(dn_emit *e, int pending);  // until at most so many commits are under way
// Four 8x8 matrices of 16-bit elements, a row at each lane's address.
void dn_gemm_ldmatrix(dn_emit *e, LLVMValueRef address, bool transposed, LLVMValueRef out[4]);
LLVMValueRef dn_gemm_tf32(dn_emit *e, LLVMValueRef bits);  // i32, or a vector of them, rounded
// d += a * b for a tile of 16 x 8 sums; a: 4, b: 2 registers.
void dn_gemm_mma(dn_emit *e, dn_gunit unit, LLVMValueRef const a[4], LLVMValueRef const b[2],
                 LLVMValueRef d[4]);

// Says in the PTX by which instructions and tile the contraction is made.
void dn_gemm_comment(dn_emit *e, const dn_gplan *plan);

// wgmma, by groups of four warps. What the threads wrote to shared memory is there for it after
// dn_gemm_wgmma_order by each and a barrier. Between the fence and the wait for a commit its sums
// are the hardware's.
typedef struct dn_wgmma {
    dn_gunit unit;
    int columns;
    bool a_free_major, b_free_major;  // of 16-bit elements alone
} dn_wgmma;
void dn_gemm_wgmma_order(dn_emit *e);
void dn_gemm_wgmma_fence(dn_emit *e);
void dn_gemm_wgmma_commit(dn_emit *e);
void dn_gemm_wgmma_wait(dn_emit *e, int pending);
// Waits for all, and gives the sums back.
void dn_gemm_wgmma_take(dn_emit *e, LLVMValueRef *sums, int count);
// d += a * b for 64 rows: columns / 2 sums of each thread, laid out as those of mma; a, b: matrix
// descriptors of 32 bytes of steps.
void dn_gemm_wgmma(dn_emit *e, const dn_wgmma *shape, LLVMValueRef a, LLVMValueRef b,
                   LLVMValueRef *d);

// ---- a kernel under construction ----

// Copying one operand to shared memory.
typedef struct dn_gcopy {
    const dn_goperand *operand;
    int rows;             // of the free index, in a tile
    LLVMValueRef source;  // global
    int vectors;
    // The place of each vector: what its free index gives (all the same unless k_major), ..
    LLVMValueRef offset[DN_G_VECTORS], coordinate[DN_G_VECTORS][DN_MAX_SPATIAL];
    LLVMValueRef exists[DN_G_VECTORS];
    LLVMValueRef to[DN_G_VECTORS];  // bytes into the tile
    // .. and its digits of k: of walker number `walker[v]`, and `ahead[v]` steps more.
    int walkers, walker[DN_G_VECTORS];
    int64_t ahead[DN_G_VECTORS];
    LLVMValueRef digit[DN_G_VECTORS][DN_G_DIGITS];
    LLVMValueRef radix[DN_G_DIGITS], advance[DN_G_DIGITS];
    LLVMValueRef loaded[DN_G_VECTORS];  // on the way, where copies are not asynchronous
} dn_gcopy;

typedef struct dn_gemm {
    dn_emit *e;
    const dn_gplan *plan;
    LLVMValueRef thread;                 // i32, as all indices
    LLVMValueRef row, column;            // where the tile begins
    LLVMValueRef outer[DN_G_OUTER];      // index
    LLVMValueRef pixel[DN_MAX_SPATIAL];  // of the phase
    LLVMValueRef taps[DN_MAX_SPATIAL], tap[DN_MAX_SPATIAL], out[DN_MAX_SPATIAL];
    LLVMValueRef first, end;  // of k
    LLVMValueRef shared;      // address
    dn_gcopy a, b;
    LLVMValueRef sum[DN_G_SUMS];
    int sums;
} dn_gemm;

// ---- copies (contract_place.c, contract_copy.c) ----
void dn_gemm_copy_begin(dn_gemm *g, dn_gcopy *copy, const dn_goperand *operand, bool b);
// The values that change from step to step, for a loop: appended to, or taken from, a list.
int dn_gemm_copy_gather(const dn_gcopy *copy, LLVMValueRef *list);
int dn_gemm_copy_spread(dn_gcopy *copy, LLVMValueRef *list);
// Begins to copy the current steps (unless `more` holds: something) to a tile in shared memory, ..
void dn_gemm_copy_load(dn_gemm *g, dn_gcopy *copy, LLVMValueRef tile, LLVMValueRef more);
// .. writes there what came in registers, and goes to the next steps.
void dn_gemm_copy_store(dn_gemm *g, dn_gcopy *copy, LLVMValueRef tile);
void dn_gemm_copy_advance(dn_gemm *g, dn_gcopy *copy);
// Rounds to tf32 what this thread copied to a tile, once it is there: part number `part` of it.
void dn_gemm_copy_round(dn_gemm *g, dn_gcopy *copy, LLVMValueRef tile, int part, int parts);
// digit * stride in elements, as wide as offsets are.
LLVMValueRef dn_gemm_offset(dn_gemm *g, LLVMValueRef digit, int64_t stride);
LLVMValueRef dn_gemm_no_offset(dn_gemm *g);
// The mixed-radix digits of a number; the outermost is not reduced.
void dn_gemm_split(dn_emit *e, LLVMValueRef number, LLVMValueRef const *radix, int n,
                   LLVMValueRef *digits);

// ---- sums: contract_fma.c, contract_mma.c, contract_wgmma.c ----
// Bytes into a tile at which a chunk of a row of it is: chunks of neighbouring rows are exchanged,
// so that threads that read the same chunk of several rows do not meet in the same banks.
LLVMValueRef dn_gemm_swizzle(dn_gemm *g, const dn_goperand *operand, int pitch, LLVMValueRef row,
                             LLVMValueRef chunk);
int dn_gemm_pitch(const dn_gplan *plan, const dn_goperand *operand, int free);  // bytes of a row
void dn_gemm_round(dn_gemm *g, LLVMValueRef stage, int part, int parts);
void dn_gemm_fma(dn_gemm *g, LLVMValueRef a, LLVMValueRef b);
// next: the stage whose tiles are rounded meanwhile, for tf32.
void dn_gemm_mma_steps(dn_gemm *g, LLVMValueRef a, LLVMValueRef b, LLVMValueRef next);
// Begins the products of a stage and commits them.
void dn_gemm_wgmma_begin(dn_gemm *g, LLVMValueRef a, LLVMValueRef b);
LLVMTypeRef dn_gemm_sum_type(dn_gemm *g);  // of 32 bits at least
// The sums as rows of a matrix in shared memory, `pitch` elements apart.
void dn_gemm_fma_store(dn_gemm *g, int64_t pitch);
void dn_gemm_mma_store(dn_gemm *g, int64_t pitch);

// ---- what becomes of them (contract_finish.c) ----
void dn_gemm_finish(dn_gemm *g);

#endif
