// LOOP kernels made by hand, compiled for x86 and run.
#ifndef DN_TESTS_LOOP_X86_H
#define DN_TESTS_LOOP_X86_H

#include <llvm-c/Analysis.h>
#include <llvm-c/LLJIT.h>
#include <llvm-c/Target.h>
#include <llvm-c/TargetMachine.h>
#include <llvm-c/Transforms/PassBuilder.h>

#include "codegen/x86/x86.h"
#include "tests/native/guard.h"
#include "tests/native/loop_trial.h"

// LLVM's passes that are run on them.
#define TRIAL_PASSES "function(early-cse,instcombine<no-verify-fixpoint>,simplifycfg)"

// ---- compiling ----

static inline void trial_llvm(LLVMErrorRef error) {
    if (!error) return;
    char *text = LLVMGetErrorMessage(error);
    CHECK(false, "LLVM: %s", text);
    LLVMDisposeErrorMessage(text);
    exit(1);
}

static inline LLVMTargetMachineRef trial_machine(dn_isa isa) {
    LLVMTargetRef target;
    const char *triple = "x86_64-unknown-linux-gnu";
    LLVMInitializeX86TargetInfo();
    LLVMInitializeX86Target();
    LLVMInitializeX86TargetMC();
    LLVMInitializeX86AsmPrinter();
    CHECK(!LLVMGetTargetFromTriple(triple, &target, NULL));
    return LLVMCreateTargetMachine(target, triple, isa == DN_ISA_AVX512 ? "x86-64-v4" : "x86-64-v3",
                                   "", LLVMCodeGenLevelDefault, LLVMRelocPIC, LLVMCodeModelDefault);
}

// The kernels of all trials in one module, by LLVM's `passes`; `file` is where to write the object
// code, or NULL.
static inline LLVMOrcLLJITRef trial_compile(trial **list, int n, dn_isa isa, const char *passes,
                                            const char *file) {
    LLVMTargetMachineRef machine = trial_machine(isa);
    LLVMTargetDataRef layout = LLVMCreateTargetDataLayout(machine);
    dn_emit e;
    dn_emit_open(&e, "trials");
    LLVMSetModuleDataLayout(e.module, layout);
    LLVMSetTarget(e.module, "x86_64-unknown-linux-gnu");
    dn_x86 target = dn_x86_of(isa);
    char symbol[24], *text = NULL;
    for (int i = 0; i < n; i++) {
        snprintf(symbol, sizeof symbol, "k%d", i);
        CHECK_OK(dn_x86_emit(&e, &target, &list[i]->kernels, &list[i]->kernel, symbol));
    }
    LLVMVerifyModule(e.module, LLVMAbortProcessAction, NULL);
    LLVMPassBuilderOptionsRef options = LLVMCreatePassBuilderOptions();
    trial_llvm(LLVMRunPasses(e.module, passes, machine, options));
    LLVMDisposePassBuilderOptions(options);
    LLVMMemoryBufferRef code;
    if (file) LLVMTargetMachineEmitToFile(machine, e.module, (char *)file, LLVMObjectFile, &text);
    CHECK(!LLVMTargetMachineEmitToMemoryBuffer(machine, e.module, LLVMObjectFile, &text, &code));
    LLVMOrcLLJITRef jit;
    trial_llvm(LLVMOrcCreateLLJIT(&jit, NULL));
    trial_llvm(LLVMOrcLLJITAddObjectFile(jit, LLVMOrcLLJITGetMainJITDylib(jit), code));
    for (int i = 0; i < n; i++) {
        LLVMOrcExecutorAddress address;
        snprintf(symbol, sizeof symbol, "k%d", i);
        trial_llvm(LLVMOrcLLJITLookup(jit, &address, symbol));
        list[i]->run[isa] = (dn_native_kernel *)address;
    }
    LLVMDisposeTargetData(layout);
    LLVMDisposeTargetMachine(machine);
    dn_emit_close(&e);
    return jit;
}

// ---- running ----

// Copies of a trial's data in guarded memory.
typedef struct memory {
    void *args[MOST_ENTRIES];
} memory;

static inline void memory_open(const trial *t, memory *m) {
    for (int i = 0; i < t->kernel.n_args; i++) {
        m->args[i] = guarded_new(t->data[i]->bytes, 1);
        memcpy(m->args[i], t->data[i]->data, t->data[i]->bytes);
    }
}

// Closes; false if something before a buffer was written.
static inline bool memory_close(const trial *t, memory *m) {
    bool clean = true;
    for (int i = 0; i < t->kernel.n_args; i++)
        clean &= guarded_end(m->args[i], t->data[i]->bytes, 1);
    return clean;
}

// Runs the tasks in some pieces and some order: whole (0), one by one backwards (1), or pieces.
static inline void trial_run(const trial *t, dn_isa isa, int order, memory *m,
                             dn_native_fault *fault) {
    int64_t tasks = dn_x86_loop_tasks(&t->kernel);
    if (order == 0 && tasks) t->run[isa](m->args, 0, tasks, fault);
    if (order == 1)
        for (int64_t i = tasks - 1; i >= 0; i--) t->run[isa](m->args, i, i + 1, fault);
    if (order > 1)
        for (int64_t i = 0; i < tasks; i += order)
            t->run[isa](m->args, i, i + order < tasks ? i + order : tasks, fault);
}

#endif
