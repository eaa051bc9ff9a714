// For tests of kernels for GPUs: modules to PTX, and what ptxas says of it.
#ifndef DN_TESTS_PTX_H
#define DN_TESTS_PTX_H

#include <ctype.h>
#include <llvm-c/Analysis.h>
#include <llvm-c/Target.h>
#include <llvm-c/TargetMachine.h>
#include <llvm-c/Transforms/PassBuilder.h>
#include <stdlib.h>
#include <unistd.h>

#include "codegen/nvptx/nvptx.h"
#include "tests/check.h"

#define PTX_TRIPLE "nvptx64-nvidia-cuda"

static inline LLVMTargetMachineRef ptx_machine(const dn_nvptx *target) {
    LLVMTargetRef llvm;
    LLVMInitializeNVPTXTargetInfo();
    LLVMInitializeNVPTXTarget();
    LLVMInitializeNVPTXTargetMC();
    LLVMInitializeNVPTXAsmPrinter();
    CHECK(!LLVMGetTargetFromTriple(PTX_TRIPLE, &llvm, NULL));
    return LLVMCreateTargetMachine(llvm, PTX_TRIPLE, dn_nvptx_processor(target),
                                   target->specific ? "+ptx80" : "+ptx78", LLVMCodeGenLevelDefault,
                                   LLVMRelocDefault, LLVMCodeModelDefault);
}

// The module's PTX, NUL-terminated; the caller frees it.
static inline char *ptx_of(dn_emit *e, const dn_nvptx *target) {
    LLVMTargetMachineRef machine = ptx_machine(target);
    LLVMTargetDataRef layout = LLVMCreateTargetDataLayout(machine);
    LLVMSetModuleDataLayout(e->module, layout);
    LLVMSetTarget(e->module, PTX_TRIPLE);
    LLVMVerifyModule(e->module, LLVMAbortProcessAction, NULL);
    LLVMPassBuilderOptionsRef options = LLVMCreatePassBuilderOptions();
    LLVMErrorRef error =
        LLVMRunPasses(e->module, "function(early-cse,instcombine<no-verify-fixpoint>,simplifycfg)",
                      machine, options);
    CHECK(!error, "LLVM's passes");
    LLVMConsumeError(error);
    LLVMDisposePassBuilderOptions(options);
    LLVMMemoryBufferRef code;
    char *message = NULL;
    bool failed =
        LLVMTargetMachineEmitToMemoryBuffer(machine, e->module, LLVMAssemblyFile, &message, &code);
    CHECK(!failed, "%s", message);
    if (failed) exit(1);
    size_t size = LLVMGetBufferSize(code);
    char *ptx = dn_xcalloc(size + 1, 1);
    memcpy(ptx, LLVMGetBufferStart(code), size);
    LLVMDisposeMemoryBuffer(code);
    LLVMDisposeTargetData(layout);
    LLVMDisposeTargetMachine(machine);
    return ptx;
}

// What ptxas says of each kernel; NULL where it is not installed. The caller frees it.
static inline char *ptx_assemble(const char *ptx, const char *processor) {
    static const char ptxas[] = "/usr/local/cuda/bin/ptxas";
    static bool said;
    if (access(ptxas, X_OK) != 0) {
        if (!said) printf("there is no %s: what it would say is not checked\n", ptxas);
        said = true;
        return NULL;
    }
    char path[] = "/tmp/dnet_ptx_XXXXXX", *text = NULL;
    int file = mkstemp(path);
    CHECK(file >= 0 && write(file, ptx, strlen(ptx)) == (ssize_t)strlen(ptx));
    close(file);
    char *command = dn_printf("%s -arch=%s -v -o /dev/null %s 2>&1", ptxas, processor, path);
    FILE *pipe = popen(command, "r");
    size_t size = 0;
    ssize_t length = getdelim(&text, &size, '\0', pipe);
    CHECK(pclose(pipe) == 0 && length > 0, "ptxas fails: %s", text);
    free(command);
    unlink(path);
    return text;
}

// The number before `what` where it first stands in text, or 0.
static inline int ptx_number(const char *text, const char *what) {
    const char *at = strstr(text, what);
    while (at && at > text && isdigit((unsigned char)at[-1])) at--;
    return at ? atoi(at) : 0;
}

// Checks that ptxas accepts it without warnings and, unless they may be, local memory or spills;
// the most registers that a kernel needs.
static inline int ptx_check(const char *ptx, const char *processor, bool spills) {
    char *text = ptx_assemble(ptx, processor);
    int most = 0;
    if (!text) return 0;
    CHECK(!strstr(text, "warning"), "%s: %s", processor, text);
    for (char *line = strtok(text, "\n"), *kernel = line; line; line = strtok(NULL, "\n")) {
        if (strstr(line, "Function properties")) kernel = line;
        if (strstr(line, "bytes stack frame") && !spills)
            CHECK(strstr(line, " 0 bytes stack frame, 0 bytes spill stores, 0 bytes spill loads"),
                  "%s: %s: %s", processor, kernel, line);
        int registers = ptx_number(line, " registers");
        if (registers > most) most = registers;
    }
    free(text);
    return most;
}

#endif
