// For loop_test.c: kernels made by hand, compiled, run, and compared with the interpreter.
#ifndef DN_TESTS_LOOP_TRIAL_H
#define DN_TESTS_LOOP_TRIAL_H

#include <llvm-c/Analysis.h>
#include <llvm-c/LLJIT.h>
#include <llvm-c/Target.h>
#include <llvm-c/TargetMachine.h>
#include <llvm-c/Transforms/PassBuilder.h>
#include <stdlib.h>
#include <sys/mman.h>

#include "codegen/x86/x86.h"
#include "tests/check.h"

enum { MOST_ENTRIES = 128 };  // values, stores, arguments of a trial

typedef struct trial {
    char name[80];
    dn_kernels kernels;  // its buffers; their contents before are `data`
    dn_kernel kernel;
    dn_axis axes[DN_MAX_AXES];
    dn_kvalue values[MOST_ENTRIES];
    dn_store stores[MOST_ENTRIES];
    dn_reduction reductions[8];
    dn_buffer buffers[MOST_ENTRIES];
    int args[MOST_ENTRIES];
    dn_tensor *data[MOST_ENTRIES], *want[MOST_ENTRIES];
    double tolerance;  // relative, of floats
    dn_native_kernel *run[DN_ISA_COUNT];
    dn_native_fault fault;  // expected
} trial;

static inline trial *trial_new(const char *name) {
    trial *t = dn_xcalloc(1, sizeof *t);
    snprintf(t->name, sizeof t->name, "%s", name);
    t->kernel = (dn_kernel){.kind = DN_KERNEL_LOOP,
                            .name = t->name,
                            .axes = t->axes,
                            .args = t->args,
                            .values = t->values,
                            .reductions = t->reductions,
                            .stores = t->stores};
    t->kernels.buffers = t->buffers;
    t->tolerance = 2e-6;
    return t;
}

static inline void trial_free(trial *t) {
    for (int i = 0; i < t->kernel.n_args; i++) {
        dn_tensor_release(t->data[i]);
        dn_tensor_release(t->want[i]);
    }
    free(t);
}

static inline void trial_axis(trial *t, int64_t size, dn_axis_kind kind) {
    t->axes[t->kernel.n_axes++] = (dn_axis){size, kind};
}

// An argument of zeros.
static inline int trial_arg(trial *t, dn_dtype dtype, int64_t count) {
    int arg = t->kernel.n_args++;
    dn_shape shape = dn_shape_of(1, &count);
    t->args[arg] = arg;
    t->buffers[arg] = (dn_buffer){.dtype = dtype, .count = count};
    CHECK_OK(dn_tensor_zeros(dtype, &shape, &t->data[arg]));
    return arg;
}

static inline int trial_value(trial *t, dn_kvalue value) {
    t->values[t->kernel.n_values] = value;
    return t->kernel.n_values++;
}

static inline int trial_load(trial *t, int arg, dn_access access) {
    return trial_value(t, (dn_kvalue){.kind = DN_KV_LOAD,
                                      .dtype = t->buffers[arg].dtype,
                                      .in = {-1, -1, -1},
                                      .arg = arg,
                                      .access = access});
}

static inline int trial_const(trial *t, dn_dtype dtype, double number) {
    return trial_value(
        t, (dn_kvalue){.kind = DN_KV_CONST, .dtype = dtype, .in = {-1, -1, -1}, .number = number});
}

static inline int trial_op(trial *t, dn_op op, dn_dtype dtype, int x, int y, int z) {
    return trial_value(
        t, (dn_kvalue){.kind = DN_KV_ELEMENTWISE, .op = op, .dtype = dtype, .in = {x, y, z}});
}

// A reduction and its result, which follows the body.
static inline int trial_result(trial *t, int reduction) {
    return trial_value(t, (dn_kvalue){.kind = DN_KV_RESULT,
                                      .dtype = t->reductions[reduction].dtype,
                                      .in = {-1, -1, -1},
                                      .arg = reduction});
}

static inline void trial_reduce(trial *t, dn_op op, int value) {
    bool arg = op == DN_OP_ARGMAX || op == DN_OP_ARGMIN;
    t->reductions[t->kernel.n_reductions++] =
        (dn_reduction){op, value, arg ? DN_I32 : t->values[value].dtype};
}

static inline dn_store *trial_store(trial *t, int arg, dn_access access, int value) {
    dn_store *s = &t->stores[t->kernel.n_stores++];
    *s = (dn_store){.arg = arg, .value = value, .access = access, .row = -1};
    return s;
}

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
static inline LLVMOrcLLJITRef trial_compile(trial **trials, int n, dn_isa isa, const char *passes,
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
        CHECK_OK(dn_x86_emit(&e, &target, &trials[i]->kernels, &trials[i]->kernel, symbol));
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
        trials[i]->run[isa] = (dn_native_kernel *)address;
    }
    LLVMDisposeTargetData(layout);
    LLVMDisposeTargetMachine(machine);
    dn_emit_close(&e);
    return jit;
}

// ---- running ----

// Copies of a trial's data, each right before a page without access and behind zeros.
typedef struct memory {
    char *base[MOST_ENTRIES];
    size_t bytes[MOST_ENTRIES];
    void *args[MOST_ENTRIES];
} memory;

static inline void memory_open(const trial *t, memory *m) {
    for (int i = 0; i < t->kernel.n_args; i++) {
        size_t used = t->data[i]->bytes, whole = (used + 64 + 4095) / 4096 * 4096;
        m->bytes[i] = whole + 4096;
        m->base[i] =
            mmap(NULL, m->bytes[i], PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        CHECK(m->base[i] != MAP_FAILED);
        CHECK(mprotect(m->base[i] + whole, 4096, PROT_NONE) == 0);
        m->args[i] = m->base[i] + whole - used;
        memcpy(m->args[i], t->data[i]->data, used);
    }
}

// Closes; false if something before a buffer was written.
static inline bool memory_close(const trial *t, memory *m) {
    static const char zeros[64];
    bool clean = true;
    for (int i = 0; i < t->kernel.n_args; i++) {
        clean &= memcmp((char *)m->args[i] - 64, zeros, 64) == 0;
        munmap(m->base[i], m->bytes[i]);
    }
    return clean;
}

static inline bool same_number(double got, double want, double tolerance) {
    if (got != got || want != want) return got != got && want != want;
    if (isinf(got) || isinf(want)) return got == want;
    return fabs(got - want) <= tolerance * (fabs(want) + 1e-3);
}

static inline void trial_compare(const trial *t, const memory *m, const char *isa) {
    for (int i = 0; i < t->kernel.n_args; i++) {
        dn_tensor got = *t->want[i];
        got.data = m->args[i];
        int64_t n = dn_shape_elements(&got.shape), wrong = 0, first = 0;
        double tolerance = dn_dtype_is_float(got.dtype) ? t->tolerance : 0;
        if (got.dtype == DN_F64) tolerance *= 1e-6;
        for (int64_t k = n - 1; k >= 0; k--) {
            if (same_number(dn_tensor_get(&got, k), dn_tensor_get(t->want[i], k), tolerance))
                continue;
            wrong++;
            first = k;
        }
        CHECK(!wrong, "%s, %s: argument %d: %lld wrong, [%lld] is %.9g instead of %.9g", t->name,
              isa, i, (long long)wrong, (long long)first, dn_tensor_get(&got, first),
              dn_tensor_get(t->want[i], first));
    }
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

// Runs on all instruction sets, cut in several ways: the wanted numbers, and the same bits always.
static inline void trial_check(const trial *t, bool wide) {
    memory first;
    for (int isa = 0; isa <= (wide ? DN_ISA_AVX512 : DN_ISA_AVX2); isa++) {
        for (int order = 0; order < 4; order++) {
            memory m;
            dn_native_fault fault = {.launch = -1};
            memory_open(t, &m);
            trial_run(t, (dn_isa)isa, order, &m, &fault);
            CHECK(fault.rows == t->fault.rows && (order || fault.index == t->fault.index),
                  "%s: fault at %lld of %lld", t->name, (long long)fault.index,
                  (long long)fault.rows);
            if (isa == 0 && order == 0) {
                first = m;
                trial_compare(t, &m, "avx2");
                continue;
            }
            for (int i = 0; i < t->kernel.n_args; i++)
                CHECK(memcmp(m.args[i], first.args[i], t->data[i]->bytes) == 0,
                      "%s: argument %d: other bits, isa %d, order %d", t->name, i, isa, order);
            CHECK(memory_close(t, &m), "%s: wrote before a buffer", t->name);
        }
    }
    CHECK(memory_close(t, &first), "%s: wrote before a buffer", t->name);
}

#endif
