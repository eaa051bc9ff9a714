// A kernel as a function: its parameters and attributes; the schedule of its kind fills it.
#include <stdlib.h>
#include <string.h>

#include "codegen/kernel/access.h"
#include "codegen/nvptx/nvptx.h"

enum { PTX_KERNEL = 71 };  // LLVM's number of the calling convention

// ---- attributes ----

static void function_attribute(dn_emit *e, const char *name) {
    unsigned kind = LLVMGetEnumAttributeKindForName(name, strlen(name));
    LLVMAddAttributeAtIndex(e->function, (LLVMAttributeIndex)LLVMAttributeFunctionIndex,
                            LLVMCreateEnumAttribute(e->context, kind, 0));
}

static void parameter_attribute(dn_emit *e, int parameter, const char *name, uint64_t value) {
    unsigned kind = LLVMGetEnumAttributeKindForName(name, strlen(name));
    LLVMAddAttributeAtIndex(e->function, (LLVMAttributeIndex)parameter + 1,
                            LLVMCreateEnumAttribute(e->context, kind, value));
}

void dn_nvptx_annotate(dn_emit *e, const char *name, int value) {
    LLVMMetadataRef operands[] = {
        LLVMValueAsMetadata(e->function),
        LLVMMDStringInContext2(e->context, name, strlen(name)),
        LLVMValueAsMetadata(LLVMConstInt(e->i32, (unsigned)value, false)),
    };
    LLVMMetadataRef node = LLVMMDNodeInContext2(e->context, operands, 3);
    LLVMAddNamedMetadataOperand(e->module, "nvvm.annotations",
                                LLVMMetadataAsValue(e->context, node));
}

void dn_nvptx_open(dn_emit *e, const char *symbol, LLVMTypeRef *parameters, int count) {
    LLVMTypeRef nothing = LLVMVoidTypeInContext(e->context);
    LLVMTypeRef type = LLVMFunctionType(nothing, parameters, (unsigned)count, false);
    e->function = LLVMAddFunction(e->module, symbol, type);
    LLVMSetFunctionCallConv(e->function, PTX_KERNEL);
    function_attribute(e, "nounwind");
    LLVMBasicBlockRef entry = LLVMAppendBasicBlockInContext(e->context, e->function, "entry");
    LLVMPositionBuilderAtEnd(e->builder, entry);
}

// ---- arguments ----

// What an argument's memory is to the others: so that loads may be moved across stores, and may go
// through the read-only cache.
static void describe_argument(dn_emit *e, int arg) {
    bool alone = true;
    for (int i = 0; i < e->kernel->n_args; i++)
        alone &= i == arg || !dn_kernel_overlap(e->kernels, e->kernel, arg, i);
    if (alone) parameter_attribute(e, arg, "noalias", 0);
    if (!dn_kernel_writes(e->kernel, arg)) parameter_attribute(e, arg, "readonly", 0);
    parameter_attribute(e, arg, "align", DN_NVPTX_ALIGN);
}

static void open_kernel(dn_emit *e, const char *symbol) {
    int n = e->kernel->n_args;
    LLVMTypeRef *parameters = dn_xcalloc((size_t)n + 2, sizeof *parameters);
    for (int i = 0; i <= n; i++) parameters[i] = e->ptr;
    parameters[n + 1] = e->i32;
    dn_nvptx_open(e, symbol, parameters, n + 2);
    free(parameters);
    for (int i = 0; i < n; i++) {
        e->args[i] = LLVMGetParam(e->function, (unsigned)i);
        describe_argument(e, i);
    }
    LLVMValueRef offset = dn_emit_i64(e, offsetof(dn_cuda_state, fault));
    parameter_attribute(e, n, "noalias", 0);
    e->fault = LLVMBuildInBoundsGEP2(e->builder, e->i8, LLVMGetParam(e->function, (unsigned)n),
                                     &offset, 1, "");
    e->launch = LLVMGetParam(e->function, (unsigned)n + 1);
}

// ---- the type of indices ----

// Whether every part of an access, and so every sum of some of them, fits in 31 bits.
static bool is_small(const dn_kernel *kernel, const dn_access *access, int64_t scale,
                     int64_t rows) {
    double reach = (double)llabs(access->offset);
    for (int a = 0; a < kernel->n_axes; a++)
        reach += (double)llabs(access->stride[a]) * (double)kernel->axes[a].size;
    if (rows > 0) reach += (double)scale * (double)rows;
    return reach <= INT32_MAX;
}

static bool all_small(const dn_kernels *kernels, const dn_kernel *kernel) {
    bool small = dn_kernel_points(kernel, true) < (1 << 30);  // also rounded up to whole blocks
    for (int i = 0; i < kernel->n_args; i++)
        small &= kernels->buffers[kernel->args[i]].count <= INT32_MAX;
    for (int i = 0; i < kernel->n_values; i++) {
        const dn_kvalue *v = &kernel->values[i];
        bool row = v->kind == DN_KV_LOAD && v->in[0] >= 0;
        if (v->kind == DN_KV_LOAD || v->kind == DN_KV_INDEX)
            small &= is_small(kernel, &v->access, v->scale, row ? v->rows : 0);
    }
    for (int i = 0; i < kernel->n_stores; i++) {
        const dn_store *s = &kernel->stores[i];
        small &= is_small(kernel, &s->access, s->scale, s->row >= 0 ? s->rows : 0);
    }
    return small;
}

// ---- a kernel ----

dn_status dn_nvptx_emit(dn_emit *e, const dn_nvptx *target, const dn_kernels *kernels,
                        const dn_kernel *kernel, const char *symbol, dn_cuda_kernel *launch) {
    if (kernel->kind == DN_KERNEL_RANDOM)
        return dn_fail(DN_INTERNAL, "%s: random numbers have kernels of their own", symbol);
    e->kernel = kernel;
    e->kernels = kernels;
    e->args = dn_xcalloc((size_t)kernel->n_args + 1, sizeof *e->args);
    e->index = all_small(kernels, kernel) ? e->i32 : e->i64;
    e->alignment = DN_NVPTX_ALIGN;
    open_kernel(e, symbol);
    *launch = (dn_cuda_kernel){.symbol = symbol};
    dn_status status = kernel->kind == DN_KERNEL_LOOP ? dn_nvptx_emit_loop(e, target, launch)
                                                      : dn_nvptx_emit_contract(e, target, launch);
    if (!status && launch->grid > INT32_MAX)
        status = dn_fail(DN_UNSUPPORTED, "%lld blocks are more than a GPU can launch",
                         (long long)launch->grid);
    if (!status) {
        LLVMBuildRetVoid(e->builder);
        dn_nvptx_annotate(e, "maxntidx", launch->block);
    }
    free(e->args);
    e->args = NULL;
    e->fault = e->launch = NULL;
    return dn_annotate(status, "%s", symbol);
}
