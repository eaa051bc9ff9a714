// From kernels to an LLVM module and on to machine code; shared by the objects that dnetc writes
// and by the JIT. Every module has a context of its own, so that modules are made in several
// threads.
#ifndef DN_CODEGEN_MACHINE_H
#define DN_CODEGEN_MACHINE_H

#include <llvm-c/DebugInfo.h>
#include <llvm-c/Error.h>
#include <llvm-c/TargetMachine.h>

#include "codegen/llvm/emit.h"
#include "codegen/native.h"
#include "codegen/nvptx/nvptx.h"

// ---- the target machine (machine.c) ----
dn_status dn_machine_new(dn_isa isa, int level, LLVMTargetMachineRef *out) DN_MUST_USE;
dn_status dn_machine_new_nvptx(const dn_nvptx *target, int level,
                               LLVMTargetMachineRef *out) DN_MUST_USE;
// Gives the module the machine's triple and data layout.
void dn_machine_prepare(LLVMTargetMachineRef machine, LLVMModuleRef module);
// The first error that LLVM reports to the context becomes *failure.
void dn_machine_listen(LLVMContextRef context, dn_status *failure);
dn_status dn_machine_optimise(LLVMTargetMachineRef machine, LLVMModuleRef module,
                              int level) DN_MUST_USE;
dn_status dn_machine_write(LLVMTargetMachineRef machine, LLVMModuleRef module, dn_native_form form,
                           LLVMMemoryBufferRef *out) DN_MUST_USE;
// An LLVM error, which it takes, as a failure; success if there is none.
dn_status dn_machine_status(LLVMErrorRef error, const char *doing) DN_MUST_USE;

// ---- modules (module.c) ----
// The kernels number part, part + parts, part + 2 parts and so on. Part 0 has the table of all of
// them. With several parts, they find each other's kernels by name when they are linked.
dn_status dn_module_compile(const dn_native_code *code, const dn_native_options *options,
                            dn_isa isa, dn_native_form form, int part, int parts,
                            LLVMMemoryBufferRef *out) DN_MUST_USE;

// ---- -g (debug_info.c) ----
// A kernel is a subprogram at the place of its span, and all its instructions are on that line.
typedef struct dn_debug {
    LLVMDIBuilderRef builder;  // NULL: no -g
    LLVMMetadataRef unit, type;
    const dn_native_options *options;
} dn_debug;

void dn_debug_begin(dn_debug *debug, dn_emit *e, const dn_native_options *options);
// Around the emission of a kernel.
LLVMMetadataRef dn_debug_enter(dn_debug *debug, dn_emit *e, const dn_kernel *kernel,
                               const char *symbol);
void dn_debug_leave(dn_emit *e, LLVMMetadataRef subprogram, LLVMValueRef function);
void dn_debug_end(dn_debug *debug);

#endif
