// One LLVM module: the kernels of a part, the table of all, compiled.
#include <stdlib.h>
#include <string.h>

#include "codegen/machine.h"
#include "codegen/x86/x86.h"

typedef struct module {
    dn_emit e;
    dn_debug debug;
    LLVMTargetMachineRef machine;
    const dn_native_code *code;
    const dn_native_options *options;
    dn_x86 target;
    int part, parts;
    dn_status failure;  // the first error that LLVM reported to the context
} module;

static void open_module(module *m) {
    dn_emit_open(&m->e, "kernels");
    dn_machine_listen(m->e.context, &m->failure);
    dn_machine_prepare(m->machine, m->e.module);
    dn_debug_begin(&m->debug, &m->e, m->options);
}

static void close_module(module *m) {
    dn_emit_close(&m->e);
    LLVMDisposeTargetMachine(m->machine);
}

// Whose code of a kernel is taken: what would be the same is not made again.
static dn_isa isa_of(const module *m, int kernel) {
    bool differs = m->code->kernels[kernel]->contract.pairs;
    bool again = m->target.isa == DN_ISA_AVX512_BF16 && m->options->isa[DN_ISA_AVX512] && !differs;
    return again ? DN_ISA_AVX512 : m->target.isa;
}

// The same kernel is there for several instruction sets, so its symbol says which.
static char *symbol_of(const module *m, int kernel) {
    return dn_printf("%s_%s", m->code->symbols[kernel], dn_isa_name(isa_of(m, kernel)));
}

static void finish_kernel(const module *m, LLVMValueRef function) {
    bool shared =
        m->target.isa == DN_ISA_AVX512 && dn_native_makes(m->code, m->options, DN_ISA_AVX512_BF16);
    bool alone = m->parts == 1 && !shared;
    LLVMSetLinkage(function, alone ? LLVMInternalLinkage : LLVMExternalLinkage);
    if (!alone) LLVMSetVisibility(function, LLVMHiddenVisibility);
    if (!m->options->lines) return;
    // Unwind tables, by which gdb and perf find the caller.
    unsigned kind = LLVMGetEnumAttributeKindForName("uwtable", strlen("uwtable"));
    LLVMAddAttributeAtIndex(function, (LLVMAttributeIndex)LLVMAttributeFunctionIndex,
                            LLVMCreateEnumAttribute(m->e.context, kind, 2));
}

static dn_status add_kernel(module *m, int kernel) {
    char *symbol = symbol_of(m, kernel);
    const dn_kernel *what = m->code->kernels[kernel];
    LLVMMetadataRef subprogram = dn_debug_enter(&m->debug, &m->e, what, symbol);
    dn_status status = dn_x86_emit(&m->e, &m->target, m->code->kernels_of[kernel], what, symbol);
    LLVMValueRef function = status ? NULL : LLVMGetNamedFunction(m->e.module, symbol);
    dn_debug_leave(&m->e, subprogram, function);
    if (function) finish_kernel(m, function);
    free(symbol);
    return status;
}

static LLVMValueRef kernel_named(const module *m, int kernel) {
    char *symbol = symbol_of(m, kernel);
    LLVMValueRef function = LLVMGetNamedFunction(m->e.module, symbol);
    if (!function) {  // in another part, or another instruction set's object
        LLVMTypeRef type = LLVMFunctionType(LLVMVoidTypeInContext(m->e.context), NULL, 0, false);
        function = LLVMAddFunction(m->e.module, symbol, type);
        LLVMSetVisibility(function, LLVMHiddenVisibility);
    }
    free(symbol);
    return function;
}

static void add_table(const module *m) {
    unsigned count = (unsigned)m->code->n_kernels;
    LLVMValueRef *functions = dn_xcalloc(count, sizeof *functions);
    for (unsigned i = 0; i < count; i++) functions[i] = kernel_named(m, (int)i);
    LLVMValueRef table = LLVMConstArray2(m->e.ptr, functions, count);
    char *name = dn_printf("dn_kernels_%s", dn_isa_name(m->target.isa));
    LLVMValueRef global = LLVMAddGlobal(m->e.module, LLVMTypeOf(table), name);
    LLVMSetInitializer(global, table);
    LLVMSetGlobalConstant(global, true);
    LLVMSetVisibility(global, LLVMHiddenVisibility);
    free(name);
    free(functions);
}

static dn_status fill_module(module *m) {
    for (int i = m->part; i < m->code->n_kernels; i += m->parts)
        if (isa_of(m, i) == m->target.isa) DN_TRY(add_kernel(m, i));
    if (m->part == 0) add_table(m);
    return DN_SUCCESS;
}

dn_status dn_module_compile(const dn_native_code *code, const dn_native_options *options,
                            dn_isa isa, dn_native_form form, int part, int parts,
                            LLVMMemoryBufferRef *out) {
    module m = {
        .code = code, .options = options, .target = dn_x86_of(isa), .part = part, .parts = parts};
    LLVMMemoryBufferRef buffer = NULL;
    DN_TRY(dn_machine_new(isa, options->level, &m.machine));
    open_module(&m);
    dn_status status = fill_module(&m);
    dn_debug_end(&m.debug);
    if (!status) status = dn_machine_optimise(m.machine, m.e.module, options->level);
    if (!status) status = dn_machine_write(m.machine, m.e.module, form, &buffer);
    close_module(&m);
    if (!status) {
        status = m.failure;
    } else {
        dn_status_free(m.failure);
    }
    if (status && buffer) LLVMDisposeMemoryBuffer(buffer);
    if (!status) *out = buffer;
    return status;
}

dn_status dn_native_emit(const dn_native_code *code, const dn_native_options *options, dn_isa isa,
                         dn_native_form form, char **bytes, size_t *n_bytes) {
    LLVMMemoryBufferRef buffer;
    DN_TRY(dn_module_compile(code, options, isa, form, 0, 1, &buffer));
    size_t size = LLVMGetBufferSize(buffer);
    *bytes = dn_xmalloc(size + 1);
    memcpy(*bytes, LLVMGetBufferStart(buffer), size);
    (*bytes)[size] = 0;
    *n_bytes = size;
    LLVMDisposeMemoryBuffer(buffer);
    return DN_SUCCESS;
}
