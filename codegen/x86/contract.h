// Private to contract*.c: how a contraction is cut up.
//
// All contractions are one nest. A point of the result has indices (`dims`) and a column; the
// reduction runs over `levels`. An element of A, the operand that is broadcast, and of B, the one
// whose lanes are columns, is at a sum of index times stride over dims, column and levels. What is
// particular to a convolution is `spatial`: the index of the result on a spatial axis decides which
// steps of the level of the same axis lie inside the image.
//
// Order of a sum, the same for every instruction set and number of threads: levels are cut into
// chunks; within a chunk terms are added by fma to 0 in the order of the levels, the last one
// fastest; the sums of the chunks are added in order. Where there are too few columns for lanes
// (`inner`), lane l of dn_x86_lanes sums every so many-th step of the last level from the l-th on,
// and then lanes are added in halves: l and l + n / 2, until one is left. Of pairs of steps (bf16)
// the odd one comes first, and numbers below the least normal one are 0, as vdpbf16ps has it, or
// two fma where there is no such instruction.
#ifndef DN_CODEGEN_X86_CONTRACT_H
#define DN_CODEGEN_X86_CONTRACT_H

#include "codegen/x86/x86.h"

enum { DN_C_LEVELS = DN_MAX_SPATIAL + 1, DN_C_ROWS = 16, DN_C_VECTORS = 4 };

// An axis of the result that is not the columns.
typedef struct dn_cdim {
    int64_t size;
    int64_t a, b;   // strides
    int64_t block;  // how much of it is in a task
    int axis;       // of the kernel
    int64_t fold;   // if not 0: index / fold is of `axis`, index % fold of the next one
    int spatial;    // spatial axis whose steps it decides, or -1
} dn_cdim;

// A level of the reduction.
typedef struct dn_clevel {
    int64_t size;  // steps at most
    int64_t chunk;
    int64_t a, b;  // strides
    int axis;      // spatial axis whose pixels or taps are its steps, or -1
    int spatial;   // its steps are the range that the dim of the same `spatial` has; -1: all
} dn_clevel;

typedef struct dn_cplan {
    const dn_contract *contract;
    dn_dtype dtype;             // of sums and of copies
    dn_dtype a_dtype, b_dtype;  // of A and B in memory
    int a_arg, b_arg;           // which arguments A and B are
    dn_cdim dims[DN_MAX_AXES];
    int n_dims;
    int row;          // the dim of which several are in registers; innermost
    int64_t spacing;  // of the rows of a tile, along the row dim
    int64_t row_a;    // stride of A from row to row
    dn_clevel levels[DN_C_LEVELS];
    int n_levels;
    // columns
    int lane_axis;  // of the kernel
    int64_t groups, group_a, group_b, columns, column_block;
    int64_t b_lane;  // stride of B from column to column
    int64_t a_lane;  // of A: 0, or 1 if each column has a channel of its own (depthwise)
    int64_t width;   // columns of a panel
    int64_t panel;   // stride of B from panel to panel
    bool packed;     // B has columns beyond the last
    bool pairs;      // steps of the last level are two each, side by side in A and in B
    bool swapped;    // A is y, B is x
    bool inner;      // lanes run over the last level
    // Copies of a chunk, on the stack: B's columns of a tile side by side; A with its padding, so
    // that the taps of all pixels are there.
    bool copy_b, copy_a;
    bool prefetch;  // A's elements of the next chunk: too much for the last-level cache
    int64_t extent[DN_MAX_SPATIAL];  // of A's copy
    int64_t tasks;
} dn_cplan;

void dn_x86_contract_plan(const dn_contract *contract, dn_cplan *plan);
// Smaller blocks until there are tasks enough: contract_block.c.
void dn_contract_blocks(dn_cplan *plan);
int64_t dn_contract_chunks(const dn_cplan *plan);

static inline int64_t dn_ceil_div(int64_t a, int64_t b) { return (a + b - 1) / b; }
static inline int64_t dn_gcd(int64_t a, int64_t b) {
    while (b) {
        int64_t rest = a % b;
        a = b;
        b = rest;
    }
    return a;
}

// ---- instructions (contract_tile.c) ----
LLVMValueRef dn_c_add(dn_emit *e, LLVMValueRef a, LLVMValueRef b);
LLVMValueRef dn_c_scale(dn_emit *e, LLVMValueRef x, int64_t by);
LLVMValueRef dn_c_min(dn_emit *e, LLVMValueRef a, LLVMValueRef b);
LLVMValueRef dn_c_max(dn_emit *e, LLVMValueRef a, LLVMValueRef b);
// `lanes` elements that are `stride` apart; 0 in lanes that the mask (NULL: none) leaves out.
// Of bf16: as f32.
LLVMValueRef dn_c_load(dn_emit *e, dn_dtype dtype, int lanes, LLVMValueRef address, int64_t stride,
                       LLVMValueRef mask);
// sum + a * b.
LLVMValueRef dn_c_multiply_add(dn_emit *e, dn_dtype dtype, LLVMValueRef a, LLVMValueRef b,
                               LLVMValueRef sum);

// ---- spatial axes (contract_range.c) ----
// The steps [begin, end) of a level, and the offsets of A and B at step 0 (which need not exist).
typedef struct dn_crange {
    LLVMValueRef begin, end, a, b;
} dn_crange;
dn_crange dn_contract_range(dn_emit *e, const dn_cplan *plan, int spatial, LLVMValueRef index);

// Addresses of modes of the processor; NULL: there is only one.
typedef struct dn_cmodes {
    LLVMValueRef plain, flush;
} dn_cmodes;

// ---- the tile in registers (contract_nest.c, contract_tile.c) ----
typedef struct dn_ctile {
    int rows, vectors, lanes;       // `inner`: rows, columns, lanes over the last level
    bool dot_pairs;                 // there is vdpbf16ps
    dn_cmodes modes;                // else, for pairs
    dn_dtype a_dtype, b_dtype;      // of the elements at a and b
    LLVMValueRef mask;              // of the last vector; NULL: all lanes exist
    bool whole;                     // B can be read in lanes that do not exist
    LLVMValueRef a, b;              // addresses
    LLVMValueRef a_first, b_first;  // offsets of row 0, column 0 where all steps are 0
    int64_t b_lane, column_b;       // strides of B from lane to lane, from vector to vector
    LLVMValueRef begin[DN_C_LEVELS], end[DN_C_LEVELS];
    int64_t a_step[DN_C_LEVELS], b_step[DN_C_LEVELS];
    LLVMValueRef sum[DN_C_ROWS][DN_C_VECTORS];  // the result
} dn_ctile;
// Sums over all levels.
void dn_contract_reduce(dn_emit *e, const dn_cplan *plan, dn_ctile *tile);
// One step (or, `inner`, `lanes` steps of which the mask says which exist) at addresses a and b.
void dn_contract_step(dn_emit *e, const dn_cplan *plan, dn_ctile *tile, LLVMValueRef a,
                      LLVMValueRef b, LLVMValueRef mask);
// In a step: the addresses of column vector v, of row m.
LLVMValueRef dn_c_column(dn_emit *e, const dn_ctile *tile, LLVMValueRef b, int v);
LLVMValueRef dn_c_row(dn_emit *e, const dn_cplan *plan, const dn_ctile *tile, LLVMValueRef a,
                      int m);
// The sum of the lanes of each of `rows` vectors (a power of two): a vector, or a number.
LLVMValueRef dn_contract_fold(dn_emit *e, dn_dtype dtype, LLVMValueRef *rows, int n);

// ---- pairs of steps (contract_pairs.c) ----
void dn_contract_pair_step(dn_emit *e, const dn_cplan *plan, dn_ctile *tile, LLVMValueRef a,
                           LLVMValueRef b);
// Where fma are in place of vdpbf16ps: the mode of the processor (MXCSR) as it was, and the one in
// which they, too, take small numbers for 0. Makes memory on the stack: once for a kernel.
void dn_contract_modes(dn_emit *e, dn_cmodes *modes);
// Sets the mode that is in memory at `from`. The tile's sums go through it, so that what is before
// and behind it stays there.
void dn_contract_set_mode(dn_emit *e, dn_ctile *tile, LLVMValueRef from);

// ---- copies (contract_copy.c) ----
// Elements of A or B from a chunk to the next; 0: there is none.
int64_t dn_contract_next(const dn_cplan *plan, bool of_a);
// Asks for the line at an address that will be read during the next chunk.
void dn_contract_prefetch(dn_emit *e, LLVMValueRef address);
typedef struct dn_ccopy {
    const dn_cplan *plan;
    LLVMValueRef from[DN_C_LEVELS], to[DN_C_LEVELS];  // the steps of the chunk
    LLVMValueRef source, first;                       // address; offset of step 0
    LLVMValueRef buffer;
    int vectors, lanes;  // of B's tile
    LLVMValueRef mask;   // of the last vector, or NULL
} dn_ccopy;
// Elements of A's copy; rows of B's.
int64_t dn_contract_a_elements(const dn_cplan *plan);
int64_t dn_contract_b_steps(const dn_cplan *plan);
int64_t dn_contract_b_step(const dn_cplan *plan, int level);  // from step to step, in rows
void dn_contract_copy_a(dn_emit *e, const dn_ccopy *copy);
void dn_contract_copy_b(dn_emit *e, const dn_ccopy *copy);

#endif
