// The LLVM target machine, the passes and what is written.
//
// Kernels come vectorised and unrolled by their schedules, so what is left for LLVM is to tidy up
// address arithmetic and to choose instructions and registers. `passes` is what pays for its time;
// LLVM's own -O pipelines take several times as long and their vectorisers could only undo the
// schedules. Loop strength reduction in the code generator is off: on kernels it takes three times
// as long as everything else together, makes larger code and none that is measurably faster.
#include "codegen/machine.h"

#include <llvm-c/Analysis.h>
#include <llvm-c/Support.h>
#include <llvm-c/Transforms/PassBuilder.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

static const char *const passes[] = {
    NULL,
    "function(early-cse,instcombine<no-verify-fixpoint>)",
    "function(early-cse<memssa>,loop-mssa(licm),instcombine<no-verify-fixpoint>,simplifycfg)",
    "function(early-cse<memssa>,loop-mssa(licm),instcombine<no-verify-fixpoint>,simplifycfg)",
};

// x86-64-v3 and -v4 rather than the processor's own name: the same code from every machine.
static const char *const processors[DN_ISA_COUNT] = {
    [DN_ISA_AVX2] = "x86-64-v3",
    [DN_ISA_AVX512] = "x86-64-v4",
    [DN_ISA_AVX512_BF16] = "x86-64-v4",
};

static void initialise(void) {
    static const char *const arguments[] = {"dnet", "-disable-lsr"};  // no other way to say it
    LLVMParseCommandLineOptions(2, arguments, NULL);
    LLVMInitializeX86TargetInfo();
    LLVMInitializeX86Target();
    LLVMInitializeX86TargetMC();
    LLVMInitializeX86AsmParser();  // contract_pairs.c sets a register
    LLVMInitializeX86AsmPrinter();
    LLVMInitializeNVPTXTargetInfo();
    LLVMInitializeNVPTXTarget();
    LLVMInitializeNVPTXTargetMC();
    LLVMInitializeNVPTXAsmPrinter();
}

dn_status dn_machine_status(LLVMErrorRef error, const char *doing) {
    if (!error) return DN_SUCCESS;
    char *message = LLVMGetErrorMessage(error);
    dn_status status = dn_fail(DN_INTERNAL, "LLVM cannot %s: %s", doing, message);
    LLVMDisposeErrorMessage(message);
    return status;
}

// The same for functions that give a message.
static dn_status message_status(bool failed, char *message, const char *doing) {
    dn_status status = DN_SUCCESS;
    if (failed) status = dn_fail(DN_INTERNAL, "LLVM cannot %s: %s", doing, message);
    LLVMDisposeMessage(message);
    return status;
}

static dn_status new_machine(const char *triple, const char *processor, const char *features,
                             int level, LLVMTargetMachineRef *out) {
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    static const LLVMCodeGenOptLevel levels[] = {LLVMCodeGenLevelNone, LLVMCodeGenLevelLess,
                                                 LLVMCodeGenLevelDefault,
                                                 LLVMCodeGenLevelAggressive};
    DN_ASSERT(level >= 0 && level <= 3, "-O%d", level);
    pthread_once(&once, initialise);
    LLVMTargetRef target;
    char *message = NULL;
    bool failed = LLVMGetTargetFromTriple(triple, &target, &message);
    DN_TRY(message_status(failed, message, "make code for this target"));
    *out = LLVMCreateTargetMachine(target, triple, processor, features, levels[level], LLVMRelocPIC,
                                   LLVMCodeModelDefault);
    return DN_SUCCESS;
}

dn_status dn_machine_new(dn_isa isa, int level, LLVMTargetMachineRef *out) {
    const char *features = isa == DN_ISA_AVX512_BF16 ? "+avx512bf16" : "";
    return new_machine("x86_64-unknown-linux-gnu", processors[isa], features, level, out);
}

// PTX 7.8 is the first that knows sm_90, 8.0 that with sm_90a; an older driver cannot load newer
// PTX than it knows.
dn_status dn_machine_new_nvptx(const dn_nvptx *target, int level, LLVMTargetMachineRef *out) {
    return new_machine("nvptx64-nvidia-cuda", dn_nvptx_processor(target),
                       target->specific ? "+ptx80" : "+ptx78", level, out);
}

void dn_machine_prepare(LLVMTargetMachineRef machine, LLVMModuleRef module) {
    LLVMTargetDataRef layout = LLVMCreateTargetDataLayout(machine);
    char *triple = LLVMGetTargetMachineTriple(machine);
    LLVMSetModuleDataLayout(module, layout);
    LLVMSetTarget(module, triple);
    LLVMDisposeMessage(triple);
    LLVMDisposeTargetData(layout);
}

// LLVM would print errors and end the process.
static void note_diagnostic(LLVMDiagnosticInfoRef info, void *context) {
    dn_status *failure = context;
    if (LLVMGetDiagInfoSeverity(info) != LLVMDSError || *failure) return;
    char *text = LLVMGetDiagInfoDescription(info);
    *failure = dn_fail(DN_INTERNAL, "LLVM: %s", text);
    LLVMDisposeMessage(text);
}

void dn_machine_listen(LLVMContextRef context, dn_status *failure) {
    LLVMContextSetDiagnosticHandler(context, note_diagnostic, failure);
}

dn_status dn_machine_optimise(LLVMTargetMachineRef machine, LLVMModuleRef module, int level) {
#ifndef NDEBUG
    char *message = NULL;
    bool broken = LLVMVerifyModule(module, LLVMReturnStatusAction, &message);
    DN_TRY(message_status(broken, message, "accept the code of a kernel"));
#endif
    if (!passes[level]) return DN_SUCCESS;
    LLVMPassBuilderOptionsRef options = LLVMCreatePassBuilderOptions();
    LLVMErrorRef error = LLVMRunPasses(module, passes[level], machine, options);
    LLVMDisposePassBuilderOptions(options);
    return dn_machine_status(error, "run its passes");
}

dn_status dn_machine_write(LLVMTargetMachineRef machine, LLVMModuleRef module, dn_native_form form,
                           LLVMMemoryBufferRef *out) {
    char *message = NULL;
    if (form == DN_FORM_LLVM) {
        char *text = LLVMPrintModuleToString(module);
        *out = LLVMCreateMemoryBufferWithMemoryRangeCopy(text, strlen(text), "kernels");
        LLVMDisposeMessage(text);
        return DN_SUCCESS;
    }
    LLVMCodeGenFileType type = form == DN_FORM_ASSEMBLY ? LLVMAssemblyFile : LLVMObjectFile;
    bool failed = LLVMTargetMachineEmitToMemoryBuffer(machine, module, type, &message, out);
    return message_status(failed, message, "make machine code");
}
