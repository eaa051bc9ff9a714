// Kernel IR: what stands between the graph and machine code, the same for every target.
//
// An entry becomes a list of buffers and a list of kernels that run one after another. A kernel is
// a perfect loop nest over `axes` with an expression at each point. All accesses are affine in the
// axes, so shapes, strides, transpositions, slices and broadcasts are numbers in an access, not
// code. A schedule (x86, nvptx) decides which axes become tasks, lanes and registers, never what is
// computed or in which order a sum is taken.
//
// Three kinds:
//   LOOP      for each point of the outer axes: [for each point of the REDUCE axes: body values,
//             body stores, combine reductions]; then the values after them, and their stores.
//   CONTRACT  a matrix product or convolution (`contract`): its sum is the value RESULT at each
//             point of the axes; then values and stores: the epilogue.
//   RANDOM    fills one buffer with Philox numbers (the runtime does it: see runtime/rng.h).
#ifndef DN_CODEGEN_KERNEL_H
#define DN_CODEGEN_KERNEL_H

#include "ir/graph.h"

typedef enum dn_buffer_kind {
    DN_BUFFER_TEMP,    // in the arena, at `offset`
    DN_BUFFER_INPUT,   // the entry's argument `index`
    DN_BUFFER_VAR,     // variable `index`; kernels may write it (the update)
    DN_BUFFER_OUTPUT,  // result `index`
} dn_buffer_kind;

typedef struct dn_buffer {
    dn_buffer_kind kind;
    int index;
    dn_dtype dtype;
    int64_t count;        // elements
    int64_t offset;       // bytes into the arena: TEMP, set by the memory plan
    int first, last;      // TEMP: kernels that write it first and use it last, set by the plan
    const dn_node *node;  // what it holds, or a packed copy holds; for reports
} dn_buffer;

typedef enum dn_axis_kind {
    DN_AXIS_PARALLEL,    // points are independent
    DN_AXIS_SEQUENTIAL,  // points must run in order (stores that add); inside the parallel ones
    DN_AXIS_REDUCE,      // summed over, in order; inside all others
} dn_axis_kind;

enum { DN_MAX_AXES = 16 };

typedef struct dn_axis {
    int64_t size;
    dn_axis_kind kind;
} dn_axis;

// offset + sum over axes of stride[a] * index[a], in elements.
typedef struct dn_access {
    int64_t offset;
    int64_t stride[DN_MAX_AXES];
} dn_access;

typedef enum dn_value_op {
    DN_KV_ELEMENTWISE,  // `op` of in[0..]: a UNARY or BINARY row of ops.def, SELECT, CAST,
                        // IS_FINITE
    DN_KV_LOAD,         // arg at `access` (plus in[0] * scale if in[0] >= 0: a gathered row)
    DN_KV_CONST,        // `number` as dtype
    DN_KV_INDEX,        // the affine number `access` itself, as dtype
    DN_KV_RESULT,       // reduction number `arg` of a LOOP; the sum of a CONTRACT
} dn_value_op;

typedef struct dn_kvalue {
    dn_value_op kind;
    dn_op op;
    dn_dtype dtype;  // of the result; bool is one byte in memory, i1 in code
    int in[3];       // earlier values, -1 where there is none
    int arg;
    dn_access access;
    // A gathered LOAD: in[0] is an integer row index; rows outside [0, rows) are read as row 0 and
    // reported (dn_native_fail).
    int64_t scale, rows;
    double number;
} dn_kvalue;

typedef struct dn_reduction {
    dn_op op;   // REDUCE_SUM, _MAX, _MIN, _PROD; ARGMAX and ARGMIN: the row-major number of the
                // first best point of the REDUCE axes
    int value;  // what is reduced: a body value
    dn_dtype dtype;
} dn_reduction;

typedef struct dn_store {
    int arg, value;
    dn_access access;
    bool add;             // adds to what is there
    int row;              // a value that chooses the row (scatter), or -1
    int64_t scale, rows;  // as in a gathered LOAD; a row outside is reported and not stored
} dn_store;

// ---- contractions ----
// A convolution relates three indices on each spatial axis: image i = out o * stride + tap k *
// dilation - lo. All three convolutions run over (n, o, k, c, f) and differ in what they sum over:
//   CONV         out[n, o, f] = sum over k, c of x[n, i, c] * w[k, c, f]
//   CONV_INPUT   out[n, i, c] = sum over k, f of y[n, o, f] * w[k, c, f]
//   CONV_WEIGHT  out[k, c, f] = sum over n, o of x[n, i, c] * y[n, o, f]
// where i (or o) is outside, the term is left out. Tensors are row-major as in ops.def. c and f are
// within a group; `groups` of them are side by side. No operand is empty: lowering makes such sums
// 0.
//   DOT          out[b.., m, n] = sum over k of a[b, m, k] * b[b, k, n], any strides
enum { DN_MAX_SPATIAL = DN_MAX_RANK - 2 };

// Where one or two batch axes of a DOT have given indices, only the first `count` steps of the sum
// are taken, or only the first `count` rows are needed: the others may be anything.
typedef struct dn_limit {
    bool steps;   // else rows
    int axis[2];  // of the batch; the second may be -1
    int64_t index[2], count;
} dn_limit;
enum { DN_MOST_LIMITS = 4 };

typedef struct dn_contract {
    dn_op op;        // DOT, CONV, CONV_INPUT, CONV_WEIGHT
    dn_dtype dtype;  // of the sums and, but for `narrow`, of the operands
    bool narrow[2];  // operand a, b is bf16 in memory, and `dtype` is f32: see dn_operand_dtype
    // convolutions
    int spatial;
    int64_t images, channels, filters, groups;  // channels and filters of all groups
    int64_t image[DN_MAX_SPATIAL], out[DN_MAX_SPATIAL], kernel[DN_MAX_SPATIAL];
    int64_t stride[DN_MAX_SPATIAL], dilation[DN_MAX_SPATIAL], lo[DN_MAX_SPATIAL];
    // DOT: the kernel's axes are `batches` batch axes, then one m, then one n (sizes below). The
    // strides of a and b are in elements.
    int batches;
    int64_t batch[DN_MAX_RANK], a_batch[DN_MAX_RANK], b_batch[DN_MAX_RANK];
    int64_t m, n, k;
    int64_t a_m, a_k, b_k, b_n;
    dn_limit limits[DN_MOST_LIMITS];  // all those that apply
    int n_limits;
    int packed;  // b (w) is a packed copy with panels of so many lanes (see dn_pack); 0: as above
    bool pairs;  // the copy is of pairs of steps, which are summed the odd one first
    // The sum is cut, in the order of its terms, into so many parts, about equal (the schedule says
    // where): each is a result, and they are the outermost axis. 0: it is not cut.
    int parts;
} dn_contract;

// Of an operand (0: a, 1: b) in memory.
static inline dn_dtype dn_operand_dtype(const dn_contract *contract, int operand) {
    return contract->narrow[operand] ? DN_BF16 : contract->dtype;
}

typedef enum dn_kernel_kind { DN_KERNEL_LOOP, DN_KERNEL_CONTRACT, DN_KERNEL_RANDOM } dn_kernel_kind;

// An argument: a buffer seen through a kernel. `args` index the entry's buffers.
typedef struct dn_kernel {
    dn_kernel_kind kind;
    dn_span span;      // the line it is reported under
    const char *name;  // "conv2d", for reports and symbols
    // outer to inner; for a CONTRACT: the result's axes, all parallel: CONV n, out.., f;
    // CONV_INPUT n, image.., c; CONV_WEIGHT kernel.., c in its group, f; DOT batch.., m, n.
    // Row-major strides of the result's tensor.
    dn_axis *axes;
    int n_axes;
    int *args;  // buffer of each argument
    int n_args;
    int64_t *begins;       // the elements at which arguments begin in their buffers; NULL: all 0
    dn_kvalue *values;     // operands before uses
    int n_values, n_body;  // values[0..n_body) are computed at each point of the REDUCE axes
    dn_reduction *reductions;
    int n_reductions;
    dn_store *stores;  // of a body value: at each point of the REDUCE axes; else after them
    int n_stores;
    dn_contract contract;  // operands are args 0 and 1
    // A contraction that several kernels do (winograd.h); NULL: none do. Their buffers are the
    // arguments of this one in order, and then TEMPs that are inside its last one.
    struct dn_kernels *inner;
    // RANDOM: fills args[0]
    bool normal, keyed;  // keyed: by `seed` and step 0 instead of the run's
    uint64_t seed;
    uint32_t site;
    double flops, bytes;  // of one run, counted from its values and accesses
} dn_kernel;

typedef struct dn_target dn_target;

typedef struct dn_kernels {  // an entry
    dn_arena arena;
    const dn_target *target;  // that it was lowered for
    dn_graph *graph;          // owned: the graph as it was lowered; buffers and spans point into it
    dn_buffer *buffers;
    int n_buffers, cap_buffers;
    dn_kernel **list;
    int n, cap;
    int n_constant;       // the first ones' results stay in the arena from run to run
    int64_t arena_bytes;  // set by the memory plan
} dn_kernels;

void dn_kernels_free(dn_kernels *kernels);

// constant.c: puts first what depends on variables alone, and has the memory plan, which comes
// after this, keep its results. The arena must then be this entry's own.
void dn_kernels_keep_constants(dn_kernels *kernels);

// Whether arguments a and b may be the same memory: one buffer, or one in the place of another
// (which the memory plan does where each point reads before it writes). All others never overlap.
bool dn_kernel_overlap(const dn_kernels *kernels, const dn_kernel *kernel, int a, int b);

// ---- packing ----
// What lanes run over must be contiguous. Where the second operand of a contraction (weights, a
// matrix) is not as the target's micro-kernel wants it, lowering makes a packed copy by a LOOP
// kernel first, and contractions with the same operand share it:
//   packed[group or batch][panel][reduction index][lane]
// panel * width + lane is the column (the result's last axis, within its group); columns beyond the
// last are 0. The reduction index is (tap, channel) for CONV, (tap, filter) for CONV_INPUT, k for
// DOT; taps in row-major order. Of operands of bf16 a copy is of f32, or, where channels (filters,
// k) are even, again of bf16, by pairs of steps, for instructions that multiply and add two:
//   packed[group or batch][panel][reduction index / 2][lane][reduction index % 2]
// Where the steps of the first operand of a DOT are apart, it may be copied, too: [batch][m][k].
typedef struct dn_pack {
    bool needed, pairs;
    bool rows;  // the first operand is copied
    int width;  // lanes of a panel
} dn_pack;

// How a convolution is done by Winograd's algorithm (winograd.h).
typedef struct dn_winograd_choice {
    int points[2];        // on each axis, 3 to 6
    int64_t cache_bytes;  // so much of what is between its kernels is fetched fast
} dn_winograd_choice;

// What lowering has to know about a target.
struct dn_target {
    const char *name;
    // How many independent tasks a launch of a kernel has; NULL: the target has its own way.
    int64_t (*tasks)(const dn_kernels *kernels, const dn_kernel *kernel);
    dn_pack (*pack)(const dn_contract *contract);
    // Into how many parts a sum is worth cutting, for lack of other tasks: 1 for not at all. NULL:
    // never. From shapes alone, so that the order of sums does not depend on the machine.
    int (*parts)(const dn_contract *contract);
    // Whether an operand that is bf16 in memory (`narrow`) is read as it is; else lowering makes a
    // copy of f32 for the contraction. NULL: none is.
    bool (*reads_narrow)(const dn_contract *contract, int operand);
    // Whether a convolution should be done by Winograd's algorithm; NULL: none should.
    bool (*winograd)(const dn_contract *contract, dn_winograd_choice *choice);
};

// Fuses a graph with known sizes (after dn_passes_run) into kernels: codegen/kernel/lower.c.
dn_status dn_kernels_lower(const dn_graph *graph, const dn_target *target,
                           dn_kernels **out) DN_MUST_USE;

// Gives every TEMP buffer its place in the arena: greedy by size over lifetimes, aligned to 64;
// sets first, last, offset and arena_bytes: codegen/kernel/plan.c.
void dn_kernels_plan(dn_kernels *kernels);

// Sets flops and bytes of every kernel: 1 for each elementwise op, reduction and addition in
// memory, 2 for each multiply-add of a contraction (padding taps included); each element that is
// touched once for reading and once for writing: codegen/kernel/count.c.
void dn_kernels_count(dn_kernels *kernels);
// About how many simple instructions an elementwise op takes, for choosing; not what is counted.
int dn_op_cost(dn_op op);
// Of a DOT, what its limits leave of it.
double dn_dot_multiply_adds(const dn_contract *contract);
void dn_kernel_count(const dn_kernels *kernels, dn_kernel *kernel);
// Whether it sums products of f32: what matrix units do, on targets that have them.
static inline bool dn_kernel_contracts_f32(const dn_kernel *kernel) {
    return kernel->kind == DN_KERNEL_CONTRACT && kernel->contract.dtype == DN_F32;
}

// Where spans are in source text: path, line and column. False: nowhere.
typedef struct dn_places {
    bool (*place)(void *context, dn_span span, const char **path, int *line, int *column);
    void *context;
} dn_places;

// The text of one kernel (docs/kernel.md): `names` with buffer numbers and lines for people;
// without, the canonical form in which two kernels that need the same code are equal.
void dn_kernel_print(const dn_kernels *kernels, const dn_kernel *kernel, bool names, dn_str *out);
void dn_kernels_print(const dn_kernels *kernels, dn_str *out);
void dn_kernels_print_at(const dn_kernels *kernels, const dn_places *places, dn_str *out);
// Every invariant above.
dn_status dn_kernels_verify(const dn_kernels *kernels) DN_MUST_USE;

#endif
