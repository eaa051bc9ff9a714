// Vector math against libm in a wider type: special values, the greatest error in units of the last
// place, and the same bits at 16 lanes and at 1.
//
//     math_test                     two million arguments for each function
//     math_test all [FUNCTION]      every f32, ten million f64: minutes for each function
//     math_test time [FUNCTION]     elements per second
#include <float.h>
#include <llvm-c/LLJIT.h>
#include <llvm-c/Target.h>
#include <llvm-c/TargetMachine.h>
#include <llvm-c/Transforms/PassBuilder.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "codegen/llvm/emit.h"
#include "tests/check.h"

enum { BLOCK = 4096, WIDE = 16 };

static double sigmoid(double x) { return 1 / (1 + exp(-x)); }
static long double sigmoidl(long double x) { return 1 / (1 + expl(-x)); }

typedef struct function {
    const char *name;
    LLVMValueRef (*emit)(dn_emit *e, LLVMValueRef x);
    double (*libm)(double);
    long double (*libml)(long double);
    LLVMValueRef (*emit2)(dn_emit *e, LLVMValueRef x, LLVMValueRef y);
    double (*libm2)(double, double);
    long double (*libm2l)(long double, long double);
    double most_f32, most_f64;  // error in ulp
    double bound;               // of the result's magnitude
} function;

static const function functions[] = {
    {"exp", dn_emit_exp, exp, expl, NULL, NULL, NULL, 1.5, 1.5, INFINITY},
    {"expm1", dn_emit_expm1, expm1, expm1l, NULL, NULL, NULL, 1.5, 2, INFINITY},
    {"log", dn_emit_log, log, logl, NULL, NULL, NULL, 1, 1, 1000},
    {"log1p", dn_emit_log1p, log1p, log1pl, NULL, NULL, NULL, 1.5, 1.5, 1000},
    {"sin", dn_emit_sin, sin, sinl, NULL, NULL, NULL, 2, 2.5, 1},
    {"cos", dn_emit_cos, cos, cosl, NULL, NULL, NULL, 2, 2.5, 1},
    {"tanh", dn_emit_tanh, tanh, tanhl, NULL, NULL, NULL, 2.5, 2.5, 1},
    {"sigmoid", dn_emit_sigmoid, sigmoid, sigmoidl, NULL, NULL, NULL, 3, 3, 1},
    {"erf", dn_emit_erf, erf, erfl, NULL, NULL, NULL, 1.5, 1.5, 1},
    {"pow", NULL, NULL, NULL, dn_emit_pow, pow, powl, 1, 2, INFINITY},
    {"fmod", NULL, NULL, NULL, dn_emit_fmod, fmod, fmodl, 0, 0, INFINITY},
};
enum { FUNCTIONS = sizeof functions / sizeof *functions };

typedef void (*loop_fn)(const void *x, const void *y, void *out, int64_t count);

static loop_fn wide[FUNCTIONS][2], narrow[FUNCTIONS][2];  // [..][is f64]

// ---- compiling ----

static void check_error(LLVMErrorRef error) {
    if (!error) return;
    fprintf(stderr, "%s\n", LLVMGetErrorMessage(error));
    exit(1);
}

// for (i = 0; i < count; i += lanes) out[i] = f(x[i], y[i])
static void emit_loop(dn_emit *e, const function *f, const char *name, dn_dtype dtype, int lanes) {
    LLVMTypeRef takes[] = {e->ptr, e->ptr, e->ptr, e->i64};
    LLVMTypeRef type = LLVMFunctionType(LLVMVoidTypeInContext(e->context), takes, 4, false);
    e->function = LLVMAddFunction(e->module, name, type);
    LLVMBasicBlockRef entry = LLVMAppendBasicBlockInContext(e->context, e->function, "");
    LLVMPositionBuilderAtEnd(e->builder, entry);
    dn_loop loop;
    dn_loop_begin(e, &loop, dn_emit_i64(e, 0), LLVMGetParam(e->function, 3), dn_emit_i64(e, lanes),
                  NULL, 0);
    LLVMValueRef at[3], in[2];
    LLVMTypeRef values = dn_emit_type(e, dtype, lanes);
    for (unsigned i = 0; i < 3; i++) {
        at[i] = dn_emit_address(e, LLVMGetParam(e->function, i), dtype, loop.index);
        if (i == 2) break;
        in[i] = LLVMBuildLoad2(e->builder, values, at[i], "");
        LLVMSetAlignment(in[i], (unsigned)dn_dtype_size(dtype));
    }
    LLVMValueRef result = f->emit ? f->emit(e, in[0]) : f->emit2(e, in[0], in[1]);
    LLVMSetAlignment(LLVMBuildStore(e->builder, result, at[2]), (unsigned)dn_dtype_size(dtype));
    dn_loop_end(e, &loop);
    LLVMBuildRetVoid(e->builder);
}

static LLVMTargetMachineRef host_machine(void) {
    LLVMTargetRef target;
    char *triple = LLVMGetDefaultTargetTriple(), *message = NULL;
    char *cpu = LLVMGetHostCPUName(), *features = LLVMGetHostCPUFeatures();
    if (LLVMGetTargetFromTriple(triple, &target, &message)) {
        fprintf(stderr, "%s\n", message);
        exit(1);
    }
    LLVMTargetMachineRef machine = LLVMCreateTargetMachine(
        target, triple, cpu, features, LLVMCodeGenLevelDefault, LLVMRelocPIC, LLVMCodeModelDefault);
    LLVMDisposeMessage(triple);
    LLVMDisposeMessage(cpu);
    LLVMDisposeMessage(features);
    return machine;
}

static void function_name(char out[64], int f, int dtype, int lanes) {
    snprintf(out, 64, "%s_%s_%d", functions[f].name, dtype ? "f64" : "f32", lanes);
}

// All functions as an object file. No vectorizer runs: 1 lane stays 1 lane.
static LLVMMemoryBufferRef compile(LLVMTargetMachineRef machine) {
    dn_emit e;
    dn_emit_open(&e, "math");
    LLVMTargetDataRef layout = LLVMCreateTargetDataLayout(machine);
    LLVMSetModuleDataLayout(e.module, layout);
    LLVMDisposeTargetData(layout);
    for (int f = 0; f < FUNCTIONS; f++) {
        for (int dtype = 0; dtype < 2; dtype++) {
            for (int lanes = 1; lanes <= WIDE; lanes += WIDE - 1) {
                char name[64];
                function_name(name, f, dtype, lanes);
                emit_loop(&e, &functions[f], name, dtype ? DN_F64 : DN_F32, lanes);
            }
        }
    }
    LLVMPassBuilderOptionsRef options = LLVMCreatePassBuilderOptions();
    check_error(LLVMRunPasses(e.module, "verify,default<O1>", machine, options));
    LLVMDisposePassBuilderOptions(options);
    LLVMMemoryBufferRef object = NULL;
    char *message = NULL;
    if (LLVMTargetMachineEmitToMemoryBuffer(machine, e.module, LLVMObjectFile, &message, &object)) {
        fprintf(stderr, "%s\n", message);
        exit(1);
    }
    dn_emit_close(&e);
    return object;
}

static LLVMOrcLLJITRef load(void) {
    LLVMInitializeNativeTarget();
    LLVMInitializeNativeAsmPrinter();
    LLVMTargetMachineRef machine = host_machine();
    LLVMMemoryBufferRef object = compile(machine);
    LLVMDisposeTargetMachine(machine);
    LLVMOrcLLJITRef jit;
    check_error(LLVMOrcCreateLLJIT(&jit, NULL));
    check_error(LLVMOrcLLJITAddObjectFile(jit, LLVMOrcLLJITGetMainJITDylib(jit), object));
    for (int f = 0; f < FUNCTIONS; f++) {
        for (int dtype = 0; dtype < 2; dtype++) {
            for (int lanes = 1; lanes <= WIDE; lanes += WIDE - 1) {
                char name[64];
                LLVMOrcExecutorAddress address;
                function_name(name, f, dtype, lanes);
                check_error(LLVMOrcLLJITLookup(jit, &address, name));
                (lanes == 1 ? narrow : wide)[f][dtype] = (loop_fn)(uintptr_t)address;
            }
        }
    }
    return jit;
}

// ---- comparing ----

// A block of arguments and results of either dtype.
typedef union block {
    float f32[BLOCK];
    double f64[BLOCK];
    uint32_t u32[BLOCK];
    uint64_t u64[BLOCK];
} block;

static block x, y, out, out1;

static double value_at(const block *b, int dtype, int i) { return dtype ? b->f64[i] : b->f32[i]; }

// |got - right| in units of right's last place; infinite where one is NaN or infinite and the other
// is not, or where the signs of zeros differ.
static double error_in_ulp(int dtype, double got, long double right) {
    int mantissa = dtype ? 52 : 23, least = dtype ? -1022 : -126;
    long double limit = ldexpl(1, dtype ? 1024 : 128);
    if (isnan(got) || isnan(right)) return isnan(got) && isnan(right) ? 0 : INFINITY;
    if (isinf(right)) return got == right ? 0 : INFINITY;
    if (got == 0 && right == 0) return !signbit(got) == !signbit(right) ? 0 : INFINITY;
    long double value = isinf(got) ? copysignl(limit, got) : got;
    int exponent;
    frexpl(right, &exponent);
    exponent = exponent - 1 < least ? least : exponent - 1;
    if (fabsl(right) >= limit) {
        if (isinf(got)) return (got < 0) == (right < 0) ? 0 : INFINITY;
        exponent = 1 - least;
    }
    return (double)(fabsl(value - right) * ldexpl(1, mantissa - exponent));
}

static long double right_result(const function *f, int dtype, double a, double b) {
    if (dtype) {
        long double result = f->libml ? f->libml(a) : f->libm2l(a, b);
        if (result != 0) return result;  // of zeros libm's f64 has the sign: log1pl(-0) is +0
    }
    return f->libm ? f->libm(a) : f->libm2(a, b);
}

// Runs a block through both and compares; the greatest error so far goes through `worst`.
static void compare_block(int f, int dtype, double *worst, double at[2]) {
    if (check_failures > 20) return;
    wide[f][dtype](&x, &y, &out, BLOCK);
    narrow[f][dtype](&x, &y, &out1, BLOCK);
    for (int i = 0; i < BLOCK; i++) {
        double got = value_at(&out, dtype, i), got1 = value_at(&out1, dtype, i);
        double a = value_at(&x, dtype, i), b = value_at(&y, dtype, i);
        bool same = isnan(got) ? isnan(got1)
                    : dtype    ? out.u64[i] == out1.u64[i]
                               : out.u32[i] == out1.u32[i];
        if (!same) CHECK(false, "%s(%a, %a): %a and %a", functions[f].name, a, b, got, got1);
        bool beyond = fabs(got) > functions[f].bound && fabs(got) != INFINITY;
        if (beyond) CHECK(false, "%s(%a) is %a", functions[f].name, a, got);
        long double right = right_result(&functions[f], dtype, a, b);
        bool rounded = got != 0 && got == (dtype ? (double)right : (float)right);
        if (rounded && *worst >= 0.5) continue;  // saves time: no error above 0.5
        double error = error_in_ulp(dtype, got, right);
        if (error > *worst) {
            *worst = error;
            at[0] = a, at[1] = b;
        }
    }
}

static uint64_t noise(uint64_t i) {
    i = (i + 1) * UINT64_C(0x9e3779b97f4a7c15);
    i = (i ^ (i >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    i = (i ^ (i >> 27)) * UINT64_C(0x94d049bb133111eb);
    return i ^ (i >> 31);
}

// A number whose exponent is evenly spread over 2^-range .. 2^range.
static double spread(uint64_t bits, int range) {
    double mantissa = 1 + (double)(bits >> 12) * 0x1p-52;
    int exponent = (int)(noise(bits) % (uint64_t)(2 * range + 1)) - range;
    return ldexp(bits & 1 ? -mantissa : mantissa, exponent);
}

// Every `step`th f32, with any y.
static void sweep_f32(int f, uint32_t step) {
    double worst = 0, at[2] = {0, 0};
    uint64_t bits = 0;
    while (bits <= UINT32_MAX) {
        for (int i = 0; i < BLOCK; i++, bits += step) {
            x.u32[i] = (uint32_t)bits;
            y.f32[i] = (float)spread(noise(bits), bits & 2 ? 7 : 30);
        }
        compare_block(f, 0, &worst, at);
    }
    printf("%-8s f32 %.3f ulp at %a, %a\n", functions[f].name, worst, at[0], at[1]);
    CHECK(worst <= functions[f].most_f32, "%s: %f ulp", functions[f].name, worst);
}

// Half of the arguments are any bits, half are of a size that is common.
static void sweep_f64(int f, int64_t samples) {
    double worst = 0, at[2] = {0, 0};
    for (int64_t done = 0; done < samples; done += BLOCK) {
        for (int i = 0; i < BLOCK; i++) {
            uint64_t bits = noise((uint64_t)(done + i));
            x.u64[i] = bits;
            if (bits & 2) x.f64[i] = spread(bits, bits & 4 ? 11 : 40);
            if ((bits & 14) == 6) x.f64[i] = fabs(x.f64[i]);
            y.f64[i] = spread(noise(bits), bits & 16 ? 9 : 400);
        }
        compare_block(f, 1, &worst, at);
    }
    printf("%-8s f64 %.3f ulp at %a, %a\n", functions[f].name, worst, at[0], at[1]);
    CHECK(worst <= functions[f].most_f64, "%s: %f ulp", functions[f].name, worst);
}

// All pairs of special values.
static void check_special(int f, int dtype) {
    const double values[] = {0,
                             1,
                             2,
                             3,
                             0.5,
                             1.5,
                             2.5,
                             10,
                             88.72,
                             89,
                             104,
                             709.78,
                             746,
                             0x1p-149,
                             1e5,
                             1e9,
                             0x1p24,
                             0x1p53,
                             0x1p-126,
                             FLT_MAX,
                             0x1p-1074,
                             1e300,
                             DBL_MAX,
                             0x1p-1022,
                             0x1.fffffep-1,
                             0x1.921fb6p1,
                             INFINITY,
                             NAN};
    enum { VALUES = sizeof values / sizeof *values };
    const function *fn = &functions[f];
    int count = 0;
    for (int i = 0; i < (fn->emit ? 4 * VALUES : 4 * VALUES * VALUES); i++) {
        double a = values[i / 4 % VALUES], b = values[i / 4 / VALUES];
        a = i & 1 ? -a : a;
        b = i & 2 ? -b : b;
        if (dtype) {
            x.f64[count] = a, y.f64[count] = b;
        } else {
            x.f32[count] = (float)a, y.f32[count] = (float)b;
        }
        count++;
    }
    wide[f][dtype](&x, &y, &out, count);
    for (int i = 0; i < count; i++) {
        double a = value_at(&x, dtype, i), b = value_at(&y, dtype, i);
        double got = value_at(&out, dtype, i);
        double error = error_in_ulp(dtype, got, right_result(fn, dtype, a, b));
        CHECK(error <= (dtype ? fn->most_f64 : fn->most_f32), "%s(%a, %a) is %a", fn->name, a, b,
              got);
    }
}

// What must be exact, so that layers saturate as they should.
static void check_exact(void) {
    struct {
        const char *name;
        double x, right;
    } cases[] = {{"exp", 0, 1},      {"cos", 0, 1},      {"tanh", 20, 1},  {"tanh", -300, -1},
                 {"sigmoid", 0, .5}, {"sigmoid", 60, 1}, {"erf", 6, 1},    {"erf", -7, -1},
                 {"log", 1, 0},      {"expm1", -50, -1}, {"exp", -1e30, 0}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        int f = 0;
        while (strcmp(functions[f].name, cases[i].name) != 0) f++;
        for (int dtype = 0; dtype < 2; dtype++) {
            x.f64[0] = cases[i].x;
            if (!dtype) x.f32[0] = (float)cases[i].x;
            narrow[f][dtype](&x, &y, &out, 1);
            CHECK(value_at(&out, dtype, 0) == cases[i].right, "%s(%g)", cases[i].name, cases[i].x);
        }
    }
}

// ---- timing ----

static double seconds(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

static void libm_loop(const function *f, int dtype) {
    for (int i = 0; i < BLOCK; i++) {
        double a = value_at(&x, dtype, i), b = value_at(&y, dtype, i);
        out.f64[i] = f->libm ? f->libm(a) : f->libm2(a, b);
    }
}

static void time_function(int f, int dtype) {
    for (int i = 0; i < BLOCK; i++) {
        double a = 8 * ((double)noise((uint64_t)i) * 0x1p-64), b = a / 2 + 0.25;
        if (dtype) {
            x.f64[i] = a, y.f64[i] = b;
        } else {
            x.f32[i] = (float)a, y.f32[i] = (float)b;
        }
    }
    double best[3] = {1, 1, 1};
    for (int round = 0; round < 300; round++) {
        for (int way = 0; way < 3; way++) {
            double start = seconds();
            if (way == 0) wide[f][dtype](&x, &y, &out, BLOCK);
            if (way == 1) narrow[f][dtype](&x, &y, &out, BLOCK);
            if (way == 2) libm_loop(&functions[f], dtype);
            double took = seconds() - start;
            if (took < best[way]) best[way] = took;
        }
    }
    printf("%-8s %s: %6.0f M/s, 1 lane %6.0f, libm's f64 %6.0f\n", functions[f].name,
           dtype ? "f64" : "f32", BLOCK * 1e-6 / best[0], BLOCK * 1e-6 / best[1],
           BLOCK * 1e-6 / best[2]);
}

int main(int argc, char **argv) {
    bool all = argc > 1 && strcmp(argv[1], "all") == 0;
    bool timing = argc > 1 && strcmp(argv[1], "time") == 0;
    const char *only = argc > 2 ? argv[2] : NULL;
    LLVMOrcLLJITRef jit = load();
    check_exact();
    for (int f = 0; f < FUNCTIONS; f++) {
        if (only && strcmp(functions[f].name, only) != 0) continue;
        for (int dtype = 0; timing && dtype < 2; dtype++) time_function(f, dtype);
        if (timing) continue;
        check_special(f, 0);
        check_special(f, 1);
        sweep_f32(f, all ? 1 : 1999);
        sweep_f64(f, all ? 10000000 : 100000);
    }
    check_error(LLVMOrcDisposeLLJIT(jit));
    return CHECK_RESULT();
}
