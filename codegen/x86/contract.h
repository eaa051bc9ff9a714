// Private to contract*.c: how a contraction is cut up.
//
// All contractions are one nest. A point of the result has indices (`dims`) and a column; the
// reduction runs over `levels`. An element of A, the operand that is broadcast, and of B, the one
// whose lanes are columns, is at a sum of index times stride over dims, column and levels. What is
// particular to a convolution is `spatial`: the index of the result on a spatial axis decides which
// steps of the level of the same axis lie inside the image.
//
// Order of a sum (the same for every instruction set and number of threads): the range of one level
// is cut into chunks; within a chunk terms are added by fma to 0 in the order of the levels, the
// last one fastest; the sums of the chunks are added in order.
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
    int spatial;    // spatial axis whose steps it decides, or -1
} dn_cdim;

// A level of the reduction.
typedef struct dn_clevel {
    int64_t size;  // steps at most
    int64_t a, b;  // strides
    int spatial;   // its steps are the range that the dim of the same `spatial` has; -1: all
} dn_clevel;

typedef struct dn_cplan {
    const dn_contract *contract;
    dn_dtype dtype;
    int a_arg, b_arg;  // which arguments A and B are
    dn_cdim dims[DN_MAX_AXES];
    int n_dims, row;  // `row`: the dim of which several are in registers; innermost
    int64_t spacing;  // of the rows of a tile, along the row dim
    dn_clevel levels[DN_C_LEVELS];
    int n_levels;
    int chunked;    // the level that is cut into chunks
    int64_t chunk;  // of so many steps
    // columns
    int lane_axis;  // of the kernel
    int64_t groups, group_a, group_b, columns, column_block;
    int64_t b_lane;  // stride of B from column to column
    int64_t a_lane;  // of A: 0, or 1 if each column has a channel of its own (depthwise)
    int64_t width;   // columns of a panel
    int64_t panel;   // stride of B from panel to panel
    bool packed;     // B has columns beyond the last
    int64_t tasks;
} dn_cplan;

void dn_x86_contract_plan(const dn_contract *contract, dn_cplan *plan);

static inline int64_t dn_ceil_div(int64_t a, int64_t b) { return (a + b - 1) / b; }

// ---- spatial axes (contract_range.c) ----
// The steps [begin, end) of a level, and the offsets of A and B at step 0 (which need not exist).
typedef struct dn_crange {
    LLVMValueRef begin, end, a, b;
} dn_crange;
dn_crange dn_contract_range(dn_emit *e, const dn_cplan *plan, int spatial, LLVMValueRef index);

// ---- the tile in registers (contract_tile.c) ----
typedef struct dn_ctile {
    int rows, vectors, lanes;
    LLVMValueRef mask;              // of the last vector; NULL: all lanes exist
    LLVMValueRef a, b;              // addresses of row 0, column 0 where all steps are 0
    LLVMValueRef a_first, b_first;  // offsets to add
    LLVMValueRef begin[DN_C_LEVELS], end[DN_C_LEVELS];
    LLVMValueRef sum[DN_C_ROWS][DN_C_VECTORS];  // the result
} dn_ctile;
// Sums over all levels.
void dn_contract_reduce(dn_emit *e, const dn_cplan *plan, dn_ctile *tile);

#endif
