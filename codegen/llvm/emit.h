// Making LLVM IR from kernels: what all targets share.
//
// A value is computed for `lanes` consecutive points at once: LLVM type <lanes x T>, or T when
// lanes is 1. bool is i1 (<lanes x i1>) in code and one byte, 0 or 1, in memory. bf16 is float in
// code, always one that bf16 holds (what computes it rounds it), and i16 in memory.
#ifndef DN_CODEGEN_LLVM_EMIT_H
#define DN_CODEGEN_LLVM_EMIT_H

#include <llvm-c/Core.h>

#include "codegen/kernel/kernel.h"

typedef struct dn_emit {
    LLVMContextRef context;
    LLVMModuleRef module;
    LLVMBuilderRef builder;
    LLVMValueRef function;  // under construction
    LLVMTypeRef i1, i8, i32, i64, ptr;
    LLVMTypeRef index;  // of element numbers: i64; or i32, where they all fit and it is faster
    const dn_kernel *kernel;
    const dn_kernels *kernels;
    LLVMValueRef *args;   // addresses of the kernel's buffers
    int alignment;        // bytes that buffers are aligned to and vectors profit from; 0: none
    LLVMValueRef fault;   // dn_native_fault *, or NULL
    LLVMValueRef launch;  // integer: its `launch`; NULL: somebody else sets that
} dn_emit;

// ---- types and constants (types.c) ----
// An empty module in a context of its own, with a builder.
void dn_emit_open(dn_emit *e, const char *name);
void dn_emit_close(dn_emit *e);
LLVMTypeRef dn_emit_scalar(dn_emit *e, dn_dtype dtype);           // in code
LLVMTypeRef dn_emit_memory(dn_emit *e, dn_dtype dtype);           // in memory
LLVMTypeRef dn_emit_type(dn_emit *e, dn_dtype dtype, int lanes);  // <lanes x scalar>, or scalar
LLVMTypeRef dn_emit_over(dn_emit *e, LLVMTypeRef scalar, int lanes);
int dn_emit_lanes(LLVMValueRef value);  // 1 for a scalar
LLVMValueRef dn_emit_i64(dn_emit *e, int64_t value);
// `value` converted as C does, in every lane of `like`'s type (or of the given type).
LLVMValueRef dn_emit_number(dn_emit *e, LLVMTypeRef type, double value);
LLVMValueRef dn_emit_splat(dn_emit *e, LLVMValueRef scalar, int lanes);
// An LLVM intrinsic overloaded on `type`, e.g. "llvm.fma": operands and result of that type.
LLVMValueRef dn_emit_intrinsic(dn_emit *e, const char *name, LLVMTypeRef type,
                               LLVMValueRef const *operands, int count);
LLVMValueRef dn_emit_fma(dn_emit *e, LLVMValueRef a, LLVMValueRef b, LLVMValueRef c);
// The address `count` elements of a dtype behind `base`.
LLVMValueRef dn_emit_address(dn_emit *e, LLVMValueRef base, dn_dtype dtype, LLVMValueRef count);

// Between the two; scalars or vectors.
LLVMValueRef dn_emit_to_code(dn_emit *e, dn_dtype dtype, LLVMValueRef loaded);
LLVMValueRef dn_emit_to_memory(dn_emit *e, dn_dtype dtype, LLVMValueRef value);

// ---- vector math (math_*.c): f32 and f64, any number of lanes ----
// Right for every input, as C's functions are; the bits depend neither on the target nor on the
// number of lanes. docs/architecture.md has the errors. sin, cos and fmod contain a loop, so they
// leave the builder in another block.
LLVMValueRef dn_emit_exp(dn_emit *e, LLVMValueRef x);
LLVMValueRef dn_emit_expm1(dn_emit *e, LLVMValueRef x);
LLVMValueRef dn_emit_log(dn_emit *e, LLVMValueRef x);
LLVMValueRef dn_emit_log1p(dn_emit *e, LLVMValueRef x);
LLVMValueRef dn_emit_sin(dn_emit *e, LLVMValueRef x);
LLVMValueRef dn_emit_cos(dn_emit *e, LLVMValueRef x);
LLVMValueRef dn_emit_tanh(dn_emit *e, LLVMValueRef x);
LLVMValueRef dn_emit_sigmoid(dn_emit *e, LLVMValueRef x);  // 1 / (1 + e^-x)
LLVMValueRef dn_emit_erf(dn_emit *e, LLVMValueRef x);
LLVMValueRef dn_emit_pow(dn_emit *e, LLVMValueRef x, LLVMValueRef y);
LLVMValueRef dn_emit_fmod(dn_emit *e, LLVMValueRef x, LLVMValueRef y);

// ---- elementwise ops (scalar.c) ----
// An elementwise op (a UNARY or BINARY row of ops.def, SELECT, CAST, IS_FINITE) on values of
// dtype `from` (of the operands; for SELECT of the last two), giving dtype `to`. Scalars among
// vectors are spread over the lanes. bf16 is computed in f32 and rounded.
LLVMValueRef dn_emit_op(dn_emit *e, dn_op op, dn_dtype from, dn_dtype to, LLVMValueRef const *in);

// ---- points (point.c) ----
// Where values are computed: an index for each axis; lane l of the lane axis is at index + l.
typedef struct dn_point {
    LLVMValueRef index[DN_MAX_AXES];  // integers; NULL for an axis that no access there uses
    int axis;                         // over which the lanes go; -1: none
    int lanes;                        // 1: scalar
    int multiple;                     // which index[axis] is known to be one of; 0: unknown
    int exist;                        // only the first so many lanes are there; 0: all
    LLVMValueRef mask;                // <lanes x i1>: lanes that exist; NULL: all
} dn_point;

// offset + sum of stride * index, of the first lane, in elements: an e->index.
LLVMValueRef dn_emit_offset(dn_emit *e, const dn_access *access, const dn_point *at);
// Loads of one access: a splat where the lane axis has stride 0, a vector where it has 1, else a
// gather. Lanes that do not exist are not read (their value is 0). A mask is for lanes that are not
// known when the code is made; `exist` is cheaper.
LLVMValueRef dn_emit_load(dn_emit *e, int arg, const dn_access *access, const dn_point *at);
void dn_emit_store(dn_emit *e, int arg, const dn_access *access, const dn_point *at,
                   LLVMValueRef value);
// Computes kernel->values[first .. last) into values[]; RESULT values must be there already.
// An entry that is not NULL is left as it is. Entries that are the same in every lane (constants,
// loads with stride 0 on the lane axis, what is computed of them) are scalars; so may given ones.
void dn_emit_values(dn_emit *e, const dn_point *at, int first, int last, LLVMValueRef *values);
// Only those which depend on no axis but the known ones; axes: bits of those that each depends on.
void dn_emit_known(dn_emit *e, const uint32_t *axes, const dn_point *at, uint32_t known, int first,
                   int last, LLVMValueRef *values);
// The kernel's stores of body values (body) or of the others, from values[].
void dn_emit_stores(dn_emit *e, const dn_point *at, bool body, LLVMValueRef const *values);

// ---- conditions (control.c) ----
// What is emitted between the two runs only where `condition` (i1) holds; NULL: always.
LLVMBasicBlockRef dn_emit_enter_if(dn_emit *e, LLVMValueRef condition);
void dn_emit_leave(dn_emit *e, LLVMBasicBlockRef after);

// ---- loops (control.c) ----
// for (i = begin; i < end; i += step), integers of one type. dn_loop_begin leaves the builder in
// the body; loop.phi(...) values carried round are given to dn_loop_begin and, as they are at the
// body's end, to dn_loop_end, which leaves the builder behind the loop; carried[] then hold their
// last values. A loop that runs no times keeps the first values.
typedef struct dn_loop {
    LLVMValueRef index;
    LLVMBasicBlockRef head, body, exit;
    LLVMValueRef end, step;
    LLVMValueRef *carried;
    int n_carried;
} dn_loop;
// carried: n values, replaced by the phi nodes.
void dn_loop_begin(dn_emit *e, dn_loop *loop, LLVMValueRef begin, LLVMValueRef end,
                   LLVMValueRef step, LLVMValueRef *carried, int n);
void dn_loop_end(dn_emit *e, dn_loop *loop);  // carried[]: the values at the body's end

#endif
