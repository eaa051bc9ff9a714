// x86-64: kernels to machine code, for AVX2 and AVX-512.
#ifndef DN_CODEGEN_X86_H
#define DN_CODEGEN_X86_H

#include "codegen/llvm/emit.h"
#include "runtime/native/native.h"

typedef struct dn_x86 {
    dn_isa isa;
    int vector_bytes;  // 32 or 64
    int registers;     // vector registers: 16 or 32
    bool dot_pairs;    // vdpbf16ps
} dn_x86;

dn_x86 dn_x86_of(dn_isa isa);

// Logical lanes: the number of elements of a dtype that code treats at once, the same for every
// instruction set (64 bytes' worth: AVX2 uses two registers), so that sums have the same bits.
int dn_x86_lanes(dn_dtype dtype);

// The number of tasks of a kernel: of its shapes alone, the same for every instruction set.
int64_t dn_x86_tasks(const dn_kernels *kernels, const dn_kernel *kernel);

// Emits `kernel` as a function of type dn_native_kernel called `symbol` into e->module. Each
// kind's schedule: loop.c, contract.c. DN_UNSUPPORTED, naming it, for what cannot be emitted.
dn_status dn_x86_emit(dn_emit *e, const dn_x86 *target, const dn_kernels *kernels,
                      const dn_kernel *kernel, const char *symbol) DN_MUST_USE;
dn_status dn_x86_emit_loop(dn_emit *e, const dn_x86 *target) DN_MUST_USE;      // e is inside the
dn_status dn_x86_emit_contract(dn_emit *e, const dn_x86 *target) DN_MUST_USE;  // function already:
// parameters `begin` and `end` are its parameters 1 and 2; e->kernel, e->args and e->fault are set.
// They leave the builder at a block to which the caller adds the return.
int64_t dn_x86_loop_tasks(const dn_kernel *kernel);
int64_t dn_x86_contract_tasks(const dn_kernel *kernel);

// Whether and how the second operand of a contraction is packed (contract_plan.c).
dn_pack dn_x86_pack(const dn_contract *contract);
// Whether an operand of bf16 is read as it is.
bool dn_x86_reads_narrow(const dn_contract *contract, int operand);
// Whether a convolution is done by Winograd's algorithm (winograd.c).
bool dn_x86_winograd(const dn_contract *contract, dn_winograd_choice *choice);
extern const dn_target dn_x86_target;  // for dn_kernels_lower

#endif
