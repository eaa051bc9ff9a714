// NVPTX: kernels to PTX, for sm_80 and up.
//
// A kernel becomes one `ptx_kernel` function launched on a grid that is fixed when it is compiled:
//   void symbol(ptr arg 0, .., ptr arg n-1, ptr state, i32 launch)
// where `state` is a dn_cuda_state in device memory and `launch` the launch's number, which a fault
// is reported with. No float atomics: the bits do not depend on the order in which blocks run.
#ifndef DN_CODEGEN_NVPTX_H
#define DN_CODEGEN_NVPTX_H

#include "codegen/llvm/emit.h"
#include "runtime/cuda/cuda.h"

enum { DN_NVPTX_ALIGN = 16 };  // bytes: what loads and stores of vectors need; buffers have it

typedef struct dn_nvptx {
    int sm;         // 80, 86, 89, 90
    bool specific;  // sm_90a: wgmma and TMA
    dn_matrix_units units;
    int processors;  // multiprocessors that contractions should fill with tiles; 0: an H100's 132
} dn_nvptx;

// "cuda" (sm_80), "cuda:sm_90a"; units are DN_MATRIX_F32. DN_INVALID for what is none or too old.
dn_status dn_nvptx_parse(const char *target, dn_nvptx *out) DN_MUST_USE;
// The best one that a device of this compute capability runs (90: sm_90a). DN_UNSUPPORTED if none.
dn_status dn_nvptx_for(int capability, dn_nvptx *out) DN_MUST_USE;
const char *dn_nvptx_processor(const dn_nvptx *target);  // "sm_90a"

// Emits `kernel` as a function called `symbol` into e->module; `launch` gets its grid.
// DN_UNSUPPORTED, naming it, for what cannot be emitted. (emit.c)
dn_status dn_nvptx_emit(dn_emit *e, const dn_nvptx *target, const dn_kernels *kernels,
                        const dn_kernel *kernel, const char *symbol,
                        dn_cuda_kernel *launch) DN_MUST_USE;

// Each kind's schedule. e is inside the function already: e->kernel, e->kernels, e->args and
// e->fault are set. They fill in `launch` but for the symbol, and leave the builder at a block to
// which the caller adds the return.
dn_status dn_nvptx_emit_loop(dn_emit *e, const dn_nvptx *target,
                             dn_cuda_kernel *launch) DN_MUST_USE;
dn_status dn_nvptx_emit_contract(dn_emit *e, const dn_nvptx *target,
                                 dn_cuda_kernel *launch) DN_MUST_USE;

// Random numbers: a function void symbol(ptr out, ptr state, i64 seed, i32 site, i32 keyed, i64
// count) for each of f32 and f64, uniform and normal, whose numbers have the bits of runtime/rng.c.
// It may be launched with any grid: launch->grid is enough for every count. A thread makes 16 bytes
// at a time.
dn_status dn_nvptx_emit_random(dn_emit *e, const dn_nvptx *target, dn_dtype dtype, bool normal,
                               const char *symbol, dn_cuda_kernel *launch) DN_MUST_USE;

// ---- functions (emit.c) ----
// Begins a ptx_kernel function with these parameters; e->function and the builder are in it.
void dn_nvptx_open(dn_emit *e, const char *symbol, LLVMTypeRef *parameters, int count);
// What ptxas is told about e->function: "minctasm", ...; maxntidx is set from launch->block.
void dn_nvptx_annotate(dn_emit *e, const char *name, int value);

// ---- what schedules share (thread.c) ----
// A call of an LLVM intrinsic of fixed type (`type` is NULL), or one overloaded on `type`.
LLVMValueRef dn_nvptx_call(dn_emit *e, const char *name, LLVMTypeRef type, LLVMValueRef *operands,
                           int count);
LLVMValueRef dn_nvptx_thread(dn_emit *e);  // i32: %tid.x, with its range known to LLVM
LLVMValueRef dn_nvptx_block(dn_emit *e);   // i32: %ctaid.x
LLVMValueRef dn_nvptx_blocks(dn_emit *e);  // i32: %nctaid.x
void dn_nvptx_barrier(dn_emit *e);         // bar.sync 0: all threads of the block
// The value of lane (own lane ^ mask), for all 32 lanes; any dtype, and vectors of them.
LLVMValueRef dn_nvptx_shuffle_xor(dn_emit *e, LLVMValueRef value, int mask);
// A static shared array of the module: its address (addrspace 3).
LLVMValueRef dn_nvptx_shared(dn_emit *e, LLVMTypeRef element, int64_t count, int align,
                             const char *name);
// The dynamic shared memory (addrspace 3, aligned to 1024, as wgmma wants it), whose size goes into
// launch->shared.
LLVMValueRef dn_nvptx_dynamic_shared(dn_emit *e);

int dn_nvptx_parts(const dn_contract *contract);  // contract_shape.c
extern const dn_target dn_nvptx_target;           // for dn_kernels_lower: nothing is packed

#endif
