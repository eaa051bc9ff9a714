// A kernel as a function: its frame and attributes; the schedule of its kind fills it.
#include <stdlib.h>
#include <string.h>

#include "codegen/x86/x86.h"

static void attribute(dn_emit *e, const char *key, const char *value) {
    LLVMAttributeRef a = LLVMCreateStringAttribute(e->context, key, (unsigned)strlen(key), value,
                                                   (unsigned)strlen(value));
    LLVMAddAttributeAtIndex(e->function, (LLVMAttributeIndex)LLVMAttributeFunctionIndex, a);
}

// Without these LLVM would split 64-byte vectors, whatever the processor.
static void set_attributes(dn_emit *e, const dn_x86 *target) {
    bool wide = target->vector_bytes == 64;
    attribute(e, "target-cpu", wide ? "x86-64-v4" : "x86-64-v3");
    if (target->dot_pairs) attribute(e, "target-features", "+avx512bf16");
    attribute(e, "prefer-vector-width", wide ? "512" : "256");
    attribute(e, "min-legal-vector-width", wide ? "512" : "256");
    unsigned kind = LLVMGetEnumAttributeKindForName("nounwind", strlen("nounwind"));
    LLVMAddAttributeAtIndex(e->function, (LLVMAttributeIndex)LLVMAttributeFunctionIndex,
                            LLVMCreateEnumAttribute(e->context, kind, 0));
}

// void(ptr args, i64 begin, i64 end, ptr fault)
static void open_function(dn_emit *e, const dn_x86 *target, const char *symbol) {
    LLVMTypeRef parameters[] = {e->ptr, e->i64, e->i64, e->ptr};
    LLVMTypeRef type = LLVMFunctionType(LLVMVoidTypeInContext(e->context), parameters, 4, false);
    e->function = LLVMAddFunction(e->module, symbol, type);
    set_attributes(e, target);
    LLVMBasicBlockRef entry = LLVMAppendBasicBlockInContext(e->context, e->function, "entry");
    LLVMPositionBuilderAtEnd(e->builder, entry);
    e->fault = LLVMGetParam(e->function, 3);
    for (int i = 0; i < e->kernel->n_args; i++) {
        LLVMValueRef at = dn_emit_i64(e, i);
        at = LLVMBuildInBoundsGEP2(e->builder, e->ptr, LLVMGetParam(e->function, 0), &at, 1, "");
        e->args[i] = LLVMBuildLoad2(e->builder, e->ptr, at, "arg");
    }
}

dn_status dn_x86_emit(dn_emit *e, const dn_x86 *target, const dn_kernels *kernels,
                      const dn_kernel *kernel, const char *symbol) {
    if (kernel->kind == DN_KERNEL_RANDOM)
        return dn_fail(DN_INTERNAL, "%s: random numbers are no kernel", symbol);
    e->kernel = kernel;
    e->kernels = kernels;
    e->args = dn_xcalloc((size_t)kernel->n_args + 1, sizeof *e->args);
    open_function(e, target, symbol);
    dn_status status = kernel->kind == DN_KERNEL_LOOP ? dn_x86_emit_loop(e, target)
                                                      : dn_x86_emit_contract(e, target);
    if (!status) LLVMBuildRetVoid(e->builder);
    free(e->args);
    e->args = NULL;
    return dn_annotate(status, "%s", symbol);
}

int64_t dn_x86_tasks(const dn_kernels *kernels, const dn_kernel *kernel) {
    switch (kernel->kind) {
        case DN_KERNEL_LOOP: return dn_x86_loop_tasks(kernel);
        case DN_KERNEL_CONTRACT: return dn_x86_contract_tasks(kernel);
        case DN_KERNEL_RANDOM: break;
    }
    return kernels->buffers[kernel->args[0]].count;
}
