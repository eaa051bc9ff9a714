// For contract_test.c and tests/bench/contract_bench.c: one contraction, compiled and run.
#ifndef DN_TESTS_CONTRACT_JIT_H
#define DN_TESTS_CONTRACT_JIT_H

#include <llvm-c/Analysis.h>
#include <llvm-c/LLJIT.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "codegen/machine.h"
#include "codegen/x86/x86.h"
#include "tests/native/contract_kernel.h"

typedef struct contraction_code {
    LLVMOrcLLJITRef jit;
    dn_native_kernel *run;
    double compiled;  // seconds that it took, of this thread's time
} contraction_code;

static double contraction_seconds(void) {
    struct timespec t;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static void contraction_error(LLVMErrorRef error) {
    if (!error) return;
    fprintf(stderr, "%s\n", LLVMGetErrorMessage(error));
    exit(1);
}

static void contraction_status(dn_status status) {
    if (!status) return;
    fprintf(stderr, "%s\n", dn_status_message(status));
    exit(1);
}

// The kernel as the function "run" of e->module.
static void contraction_emit(contraction *k, dn_emit *e, dn_isa isa) {
    dn_buffer buffers[3];
    for (int i = 0; i < 3; i++) buffers[i] = (dn_buffer){.dtype = k->kernel.contract.dtype};
    dn_kernels kernels = {.buffers = buffers, .n_buffers = 3};
    k->kernel.args = (int[]){0, 1, 2};
    LLVMTypeRef types[] = {e->ptr, e->i64, e->i64, e->ptr};
    LLVMTypeRef type = LLVMFunctionType(LLVMVoidTypeInContext(e->context), types, 4, false);
    e->function = LLVMAddFunction(e->module, "run", type);
    e->kernel = &k->kernel;
    e->kernels = &kernels;
    LLVMPositionBuilderAtEnd(e->builder,
                             LLVMAppendBasicBlockInContext(e->context, e->function, "entry"));
    LLVMValueRef args[3];
    for (int i = 0; i < 3; i++) {
        LLVMValueRef at = dn_emit_i64(e, i);
        LLVMValueRef where =
            LLVMBuildInBoundsGEP2(e->builder, e->ptr, LLVMGetParam(e->function, 0), &at, 1, "");
        args[i] = LLVMBuildLoad2(e->builder, e->ptr, where, "");
    }
    e->args = args;
    dn_x86 target = dn_x86_of(isa);
    contraction_status(dn_x86_emit_contract(e, &target));
    LLVMBuildRetVoid(e->builder);
    LLVMVerifyModule(e->module, LLVMAbortProcessAction, NULL);
}

// Compiles for an instruction set. object: a file for the machine code, or NULL.
static void contraction_compile(contraction *k, dn_isa isa, const char *object,
                                contraction_code *out) {
    double start = contraction_seconds();
    dn_emit e;
    dn_emit_open(&e, "m");
    LLVMTargetMachineRef machine;
    LLVMMemoryBufferRef code;
    contraction_status(dn_machine_new(isa, 3, &machine));
    dn_machine_prepare(machine, e.module);
    contraction_emit(k, &e, isa);
    contraction_status(dn_machine_optimise(machine, e.module, 3));
    contraction_status(dn_machine_write(machine, e.module, DN_FORM_OBJECT, &code));
    out->compiled = contraction_seconds() - start;
    FILE *file = object ? fopen(object, "wb") : NULL;
    if (file) {
        fwrite(LLVMGetBufferStart(code), 1, LLVMGetBufferSize(code), file);
        fclose(file);
    }
    contraction_error(LLVMOrcCreateLLJIT(&out->jit, NULL));
    contraction_error(
        LLVMOrcLLJITAddObjectFile(out->jit, LLVMOrcLLJITGetMainJITDylib(out->jit), code));
    LLVMOrcExecutorAddress address;
    contraction_error(LLVMOrcLLJITLookup(out->jit, &address, "run"));
    out->run = (dn_native_kernel *)address;
    LLVMDisposeTargetMachine(machine);
    dn_emit_close(&e);
}

static void contraction_free(contraction_code *code) {
    contraction_error(LLVMOrcDisposeLLJIT(code->jit));
}

#endif
