// LOOP kernels and random numbers on a GPU: ptxas takes their PTX, and on the simulated device it
// does what x86 code does. Where nothing is summed, to the bit.
#include "codegen/nvptx/nvptx.h"

#include "codegen/kernel/access.h"
#include "runtime/rng.h"
#include "tests/native/device.h"
#include "tests/native/loop_cases.h"
#include "tests/native/loop_x86.h"
#include "tests/native/ptx.h"

enum { MOST_TRIALS = 512, LAUNCH = 5 };

// ---- loops ----

// What x86 code makes of a trial: t->want and t->fault.
static void run_on_x86(trial *t) {
    memory m;
    memory_open(t, &m);
    trial_run(t, DN_ISA_AVX2, 0, &m, &t->fault);
    for (int i = 0; i < t->kernel.n_args; i++) {
        CHECK_OK(dn_tensor_copy(t->data[i], &t->want[i]));
        memcpy(t->want[i]->data, m.args[i], t->data[i]->bytes);
    }
    CHECK(memory_close(t, &m), "%s: wrote before a buffer", t->name);
}

static void check_fault(const trial *t, const dn_native_fault *fault) {
    CHECK(fault->rows == t->fault.rows, "%s: a fault of %lld rows", t->name,
          (long long)fault->rows);
    if (!fault->rows) return;
    CHECK(fault->index == t->fault.index && fault->launch == LAUNCH,
          "%s: a fault at %lld of launch %lld", t->name, (long long)fault->index,
          (long long)fault->launch);
}

// Whether sums may be taken in another order. What is added to rows is added in order.
static bool adds(const dn_kernel *k) {
    bool any = k->n_reductions > 0;
    for (int i = 0; i < k->n_stores; i++) any |= k->stores[i].add && k->stores[i].row < 0;
    return any;
}

static void check_trial(trial *t, sim_module *module, const dn_cuda_kernel *kernel) {
    void *args[MOST_ENTRIES];
    const void *params[MOST_ENTRIES + 2];
    int n = t->kernel.n_args;
    dn_cuda_state none = {0}, *shared = device_copy(&none, sizeof none);
    int32_t launch = LAUNCH;
    run_on_x86(t);
    for (int i = 0; i < n; i++) {
        size_t bytes = t->data[i]->bytes;
        args[i] = dn_kernel_reads(&t->kernel, i) ? device_copy(t->data[i]->data, bytes)
                                                 : device_new(bytes);
        if (!dn_kernel_reads(&t->kernel, i)) memcpy(args[i], t->data[i]->data, bytes);
        params[i] = &args[i];
    }
    params[n] = &shared;
    params[n + 1] = &launch;
    device_run(module, kernel, params);
    if (!adds(&t->kernel)) t->tolerance = 0;
    trial_compare(t, args, "cuda");
    check_fault(t, &shared->fault);
    for (int i = 0; i < n; i++) device_free(args[i]);
    device_free(shared);
}

// Trials [first, last) in one module. Kernels made at random need more predicates than there are.
static void check_loops(const dn_nvptx *target, int first, int last, bool spills) {
    static char symbols[MOST_TRIALS][24];
    static dn_cuda_kernel kernels[MOST_TRIALS];
    dn_emit e;
    dn_emit_open(&e, "trials");
    for (int i = first; i < last; i++) {
        snprintf(symbols[i], sizeof symbols[i], "k%d", i);
        CHECK_OK(dn_nvptx_emit(&e, target, &trials[i]->kernels, &trials[i]->kernel, symbols[i],
                               &kernels[i]));
    }
    char *ptx = ptx_of(&e, target);
    ptx_check(ptx, dn_nvptx_processor(target), spills);
    sim_module *module = device_load(ptx);
    for (int i = first; i < last; i++) check_trial(trials[i], module, &kernels[i]);
    sim_module_free(module);
    free(ptx);
    dn_emit_close(&e);
}

// ---- random numbers ----

static void fill_on_x86(dn_dtype dtype, bool normal, const dn_rng_stream *s, int64_t n, void *out) {
    if (dtype == DN_F64)
        (normal ? dn_rng_normal_f64 : dn_rng_uniform_f64)(s, 0, n, out);
    else
        (normal ? dn_rng_normal_f32 : dn_rng_uniform_f32)(s, 0, n, out);
}

static void check_draw(sim_module *module, const dn_cuda_kernel *kernel, dn_dtype dtype,
                       bool normal, bool keyed, int64_t count) {
    dn_rng_stream stream = {.seed = keyed ? 77 : UINT64_C(0x123456789abcdef),
                            .step = keyed ? 0 : UINT64_C(0x500000003),
                            .site = 0xfedcba98};
    dn_cuda_state start = {.seed = UINT64_C(0x123456789abcdef), .step = UINT64_C(0x500000003)};
    size_t bytes = (size_t)count * dn_dtype_size(dtype);
    void *want = dn_xcalloc(bytes, 1), *out = device_new(bytes);
    void *shared = device_copy(&start, sizeof start);
    int64_t seed = 77;
    int32_t key = keyed;
    const void *params[] = {&out, &shared, &seed, &stream.site, &key, &count};
    device_run(module, kernel, params);
    fill_on_x86(dtype, normal, &stream, count, want);
    CHECK(memcmp(out, want, bytes) == 0, "%s, keyed %d, %lld", kernel->symbol, keyed,
          (long long)count);
    free(want);
    device_free(out);
    device_free(shared);
}

static void check_random(const dn_nvptx *target) {
    static const char *const names[] = {"uniform_f32", "normal_f32", "uniform_f64", "normal_f64"};
    dn_cuda_kernel kernels[DN_CUDA_RANDOMS];
    dn_emit e;
    dn_emit_open(&e, "random");
    for (int i = 0; i < DN_CUDA_RANDOMS; i++)
        CHECK_OK(dn_nvptx_emit_random(&e, target, i < 2 ? DN_F32 : DN_F64, i % 2, names[i],
                                      &kernels[i]));
    char *ptx = ptx_of(&e, target);
    ptx_check(ptx, dn_nvptx_processor(target), false);
    sim_module *module = device_load(ptx);
    for (int i = 0; i < DN_CUDA_RANDOMS; i++) {
        kernels[i].grid = 3;  // so that threads go round
        for (int64_t count = 4093; count <= 4096; count++)
            check_draw(module, &kernels[i], i < 2 ? DN_F32 : DN_F64, i % 2, count % 2, count);
    }
    sim_module_free(module);
    free(ptx);
    dn_emit_close(&e);
}

// ---- targets ----

static void check_targets(void) {
    dn_nvptx target;
    CHECK_OK(dn_nvptx_parse("cuda", &target));
    CHECK(target.sm == 80 && !target.specific && target.units == DN_MATRIX_F32);
    CHECK_OK(dn_nvptx_parse("cuda:sm_90a", &target));
    CHECK(target.sm == 90 && target.specific);
    CHECK(strcmp(dn_nvptx_processor(&target), "sm_90a") == 0);
    CHECK_FAILS(dn_nvptx_parse("cuda:sm_70", &target), "sm_70");
    CHECK_FAILS(dn_nvptx_parse("x86", &target), "`x86` is no GPU");
    // The best for a device.
    static const struct {
        int capability;
        const char *name;
    } bests[] = {{80, "sm_80"}, {86, "sm_86"}, {88, "sm_87"}, {90, "sm_90a"}, {120, "sm_90"}};
    for (size_t i = 0; i < sizeof bests / sizeof *bests; i++) {
        CHECK_OK(dn_nvptx_for(bests[i].capability, &target));
        CHECK(strcmp(dn_nvptx_processor(&target), bests[i].name) == 0, "%d: %s",
              bests[i].capability, dn_nvptx_processor(&target));
    }
    CHECK_FAILS(dn_nvptx_for(75, &target), "the GPU is sm_75");
}

int main(void) {
    dn_nvptx target;
    check_targets();
    CHECK_OK(dn_nvptx_parse("cuda", &target));
    make_trials();
    int by_hand = n_trials - RANDOM_TRIALS;
    LLVMOrcLLJITRef jit = trial_compile(trials, n_trials, DN_ISA_AVX2, TRIAL_PASSES, NULL);
    check_loops(&target, 0, by_hand, false);
    CHECK_OK(dn_nvptx_parse("cuda:sm_90a", &target));
    check_loops(&target, by_hand, n_trials, true);
    check_random(&target);
    for (int i = 0; i < n_trials; i++) trial_free(trials[i]);
    trial_llvm(LLVMOrcDisposeLLJIT(jit));
    for (int i = 0; i < SIM_PROBLEM_KINDS; i++) CHECK(sim_problems((sim_problem_kind)i) == 0);
    return CHECK_RESULT();
}
