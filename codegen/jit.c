// Kernels in memory. They are compiled to objects, on several threads, and ORC links those; its own
// compiler is not used, so that the code is that of a program that dnetc makes.
#include <llvm-c/LLJIT.h>
#include <llvm-c/LLJITUtils.h>
#include <stdlib.h>
#include <string.h>

#include "codegen/machine.h"
#include "runtime/threads.h"

struct dn_jit {
    LLVMOrcLLJITRef orc;
    dn_native_kernel *const *kernels;
    dn_status failure;  // the first error that ORC reported to its session
};

// ---- Compiling ----

// A module costs about as much as a few kernels; more of them than threads evens out the work.
enum { KERNELS_A_PART = 8, PARTS_A_THREAD = 4 };

typedef struct compilation {
    const dn_native_code *code;
    dn_native_options options;  // for one instruction set
    dn_isa isa;
    int parts;
    LLVMMemoryBufferRef *objects;
    dn_status *failures;
} compilation;

static void compile_part(void *arg, int64_t chunk, int64_t begin, int64_t end) {
    compilation *c = arg;
    (void)chunk;
    for (int64_t part = begin; part < end; part++)
        c->failures[part] = dn_module_compile(c->code, &c->options, c->isa, DN_FORM_OBJECT,
                                              (int)part, c->parts, &c->objects[part]);
}

static dn_status compile_parts(compilation *c) {
    dn_pool *pool = NULL;
    int wanted = 1 + (c->code->n_kernels - 1) / KERNELS_A_PART;
    if (wanted <= 1) {
        c->parts = 1;
    } else {
        DN_TRY(dn_pool_new(c->options.threads, &pool));
        int threads = dn_pool_threads(pool);
        int most = threads == 1 ? 1 : PARTS_A_THREAD * threads;
        c->parts = wanted < most ? wanted : most;
    }
    c->objects = dn_xcalloc((size_t)c->parts, sizeof *c->objects);
    c->failures = dn_xcalloc((size_t)c->parts, sizeof *c->failures);
    if (pool) {
        dn_parallel_for(pool, c->parts, 1, compile_part, c);
    } else {
        compile_part(c, 0, 0, 1);
    }
    dn_pool_free(pool);
    return DN_SUCCESS;
}

// ---- Linking ----

static void note_error(void *context, LLVMErrorRef error) {
    dn_jit *jit = context;
    dn_status status = dn_machine_status(error, "link kernels");
    if (jit->failure) {
        dn_status_free(status);
    } else {
        jit->failure = status;
    }
}

// What LLVM's code generator may call.
static LLVMErrorRef define_library(dn_jit *jit) {
    static const struct {
        const char *name;
        void *address;
    } functions[] = {
        {"memset", (void *)memset}, {"memcpy", (void *)memcpy}, {"memmove", (void *)memmove}};
    enum { COUNT = sizeof functions / sizeof *functions };
    LLVMOrcCSymbolMapPair pairs[COUNT];
    for (int i = 0; i < COUNT; i++) {
        pairs[i].Name = LLVMOrcLLJITMangleAndIntern(jit->orc, functions[i].name);
        pairs[i].Sym.Address = (LLVMOrcExecutorAddress)(uintptr_t)functions[i].address;
        pairs[i].Sym.Flags = (LLVMJITSymbolFlags){
            LLVMJITSymbolGenericFlagsExported | LLVMJITSymbolGenericFlagsCallable, 0};
    }
    LLVMOrcMaterializationUnitRef unit = LLVMOrcAbsoluteSymbols(pairs, COUNT);
    return LLVMOrcJITDylibDefine(LLVMOrcLLJITGetMainJITDylib(jit->orc), unit);
}

static dn_status make_orc(dn_jit *jit, const compilation *c) {
    LLVMTargetMachineRef machine;
    DN_TRY(dn_machine_new(c->isa, c->options.level, &machine));
    LLVMOrcLLJITBuilderRef builder = LLVMOrcCreateLLJITBuilder();
    LLVMOrcLLJITBuilderSetJITTargetMachineBuilder(
        builder, LLVMOrcJITTargetMachineBuilderCreateFromTargetMachine(machine));
    DN_TRY(dn_machine_status(LLVMOrcCreateLLJIT(&jit->orc, builder), "start its JIT"));
    LLVMOrcExecutionSessionSetErrorReporter(LLVMOrcLLJITGetExecutionSession(jit->orc), note_error,
                                            jit);
    if (c->options.lines)
        DN_TRY(dn_machine_status(LLVMOrcLLJITEnableDebugSupport(jit->orc), "tell gdb of its code"));
    return dn_machine_status(define_library(jit), "define symbols");
}

static dn_status link_parts(dn_jit *jit, compilation *c) {
    LLVMOrcExecutorAddress table = 0;
    DN_TRY(make_orc(jit, c));
    for (int i = 0; i < c->parts; i++) {
        LLVMMemoryBufferRef object = c->objects[i];
        c->objects[i] = NULL;  // ORC's from here
        LLVMErrorRef error =
            LLVMOrcLLJITAddObjectFile(jit->orc, LLVMOrcLLJITGetMainJITDylib(jit->orc), object);
        DN_TRY(dn_machine_status(error, "take an object"));
    }
    char *name = dn_printf("dn_kernels_%s", dn_isa_name(c->isa));
    dn_status status =
        dn_machine_status(LLVMOrcLLJITLookup(jit->orc, &table, name), "link kernels");
    free(name);
    jit->kernels = (dn_native_kernel *const *)(uintptr_t)table;
    return status;
}

static dn_status compile_and_link(dn_jit *jit, compilation *c) {
    DN_TRY(compile_parts(c));
    dn_status status = DN_SUCCESS;
    for (int i = 0; i < c->parts; i++) {
        if (status) {
            dn_status_free(c->failures[i]);
        } else {
            status = c->failures[i];
        }
    }
    return status ? status : link_parts(jit, c);
}

dn_status dn_jit_new(const dn_native_code *code, const dn_native_options *options, dn_jit **out) {
    compilation c = {.code = code, .options = *options, .isa = dn_isa_here()};
    for (int isa = 0; isa < DN_ISA_COUNT; isa++) c.options.isa[isa] = isa == (int)c.isa;
    dn_jit *jit = dn_xcalloc(1, sizeof *jit);
    dn_status status = code->n_kernels > 0 ? compile_and_link(jit, &c) : DN_SUCCESS;
    for (int i = 0; i < c.parts; i++) {
        if (c.objects[i]) LLVMDisposeMemoryBuffer(c.objects[i]);
    }
    free(c.objects);
    free(c.failures);
    if (status && jit->failure) {  // the reason, where ORC's answer is only that it failed
        dn_status_free(status);
        status = jit->failure;
        jit->failure = NULL;
    }
    if (status) {
        dn_jit_free(jit);
        return status;
    }
    *out = jit;
    return DN_SUCCESS;
}

void dn_jit_free(dn_jit *jit) {
    if (!jit) return;
    if (jit->orc) dn_status_free(dn_machine_status(LLVMOrcDisposeLLJIT(jit->orc), "end its JIT"));
    dn_status_free(jit->failure);
    free(jit);
}

dn_native_kernel *const *dn_jit_kernels(const dn_jit *jit) { return jit->kernels; }
