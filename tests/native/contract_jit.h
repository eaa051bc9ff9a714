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

// A kernel of one contraction that stores its sums: arguments A, B and the result.
typedef struct contraction {
    dn_kernel kernel;
    dn_axis axes[DN_MAX_AXES];
    dn_kvalue value;
    dn_store store;
    int64_t a_count, b_count, b_plain, out_count;  // elements; b_plain: of B before packing
    LLVMOrcLLJITRef jit;
    dn_native_kernel *run;
    double compiled;  // seconds that it took, of this thread's time
} contraction;

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

static int64_t product_of(const int64_t *sizes, int n) {
    int64_t count = 1;
    for (int i = 0; i < n; i++) count *= sizes[i];
    return count;
}

// Axes and sizes of the operands, from k->kernel.contract.
static void contraction_shape(contraction *k) {
    const dn_contract *c = &k->kernel.contract;
    int64_t x = c->images * product_of(c->image, c->spatial) * c->channels;
    int64_t y = c->images * product_of(c->out, c->spatial) * c->filters;
    int64_t taps = product_of(c->kernel, c->spatial);
    int64_t groups = c->op == DN_OP_DOT ? 1 : c->groups;
    int64_t w = taps * (c->channels / groups) * c->filters, sizes[DN_MAX_AXES];
    int64_t columns = c->n, steps = c->k;
    int n = 0;
    if (c->op == DN_OP_DOT) {
        for (int i = 0; i < c->batches; i++) sizes[n++] = c->batch[i];
        groups = product_of(c->batch, c->batches);
        sizes[n++] = c->m, sizes[n++] = c->n;
        k->a_count = groups * c->m * c->k, k->b_plain = groups * c->k * c->n;
    } else if (c->op == DN_OP_CONV_WEIGHT) {
        for (int s = 0; s < c->spatial; s++) sizes[n++] = c->kernel[s];
        sizes[n++] = c->channels / c->groups, sizes[n++] = c->filters;
        k->a_count = x, k->b_plain = y;
    } else {
        bool conv = c->op == DN_OP_CONV;
        sizes[n++] = c->images;
        for (int s = 0; s < c->spatial; s++) sizes[n++] = conv ? c->out[s] : c->image[s];
        sizes[n++] = conv ? c->filters : c->channels;
        k->a_count = conv ? x : y, k->b_plain = w;
        columns = (conv ? c->filters : c->channels) / groups;
        steps = taps * (conv ? c->channels : c->filters) / groups;
    }
    k->b_count = k->b_plain;
    if (c->packed)
        k->b_count = groups * ((columns + c->packed - 1) / c->packed) * steps * c->packed;
    k->out_count = product_of(sizes, n);
    k->kernel.n_axes = n;
    int64_t stride = 1;
    for (int i = n - 1; i >= 0; i--) {
        k->axes[i] = (dn_axis){sizes[i], DN_AXIS_PARALLEL};
        k->store.access.stride[i] = stride;
        stride *= sizes[i];
    }
}

static void contraction_kernel(contraction *k, const dn_contract *contract) {
    *k =
        (contraction){.value = {.kind = DN_KV_RESULT, .dtype = contract->dtype, .in = {-1, -1, -1}},
                      .store = {.arg = 2, .row = -1}};
    k->kernel = (dn_kernel){.kind = DN_KERNEL_CONTRACT,
                            .name = "contract",
                            .axes = k->axes,
                            .n_args = 3,
                            .values = &k->value,
                            .n_values = 1,
                            .stores = &k->store,
                            .n_stores = 1,
                            .contract = *contract};
    contraction_shape(k);
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
static void contraction_compile(contraction *k, dn_isa isa, const char *object) {
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
    k->compiled = contraction_seconds() - start;
    FILE *file = object ? fopen(object, "wb") : NULL;
    if (file) {
        fwrite(LLVMGetBufferStart(code), 1, LLVMGetBufferSize(code), file);
        fclose(file);
    }
    contraction_error(LLVMOrcCreateLLJIT(&k->jit, NULL));
    contraction_error(LLVMOrcLLJITAddObjectFile(k->jit, LLVMOrcLLJITGetMainJITDylib(k->jit), code));
    LLVMOrcExecutorAddress address;
    contraction_error(LLVMOrcLLJITLookup(k->jit, &address, "run"));
    k->run = (dn_native_kernel *)address;
    LLVMDisposeTargetMachine(machine);
    dn_emit_close(&e);
}

static void contraction_free(contraction *k) { contraction_error(LLVMOrcDisposeLLJIT(k->jit)); }

#endif
