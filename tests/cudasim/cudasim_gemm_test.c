// Whole kernels on tensor cores through the machine: the products of cases/gemm_*.ptx, and the same
// with defects planted, each of which the machine or the comparison must find.
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "tests/check.h"
#include "tests/cudasim/sim.h"

enum { SIDE = 64, MOST_K = 64, WRONG_RESULT = -1 };

static int count_problems(void) {
    int n = 0;
    for (int kind = 0; kind < SIM_PROBLEM_KINDS; kind++) n += sim_problems((sim_problem_kind)kind);
    return n;
}

// --- text ---

static char *read_case(const char *name) {
    char path[512];
    snprintf(path, sizeof path, "%s/cudasim/cases/%s.ptx", TEST_DIR, name);
    FILE *file = fopen(path, "r");
    if (!file) {
        perror(path);
        exit(1);
    }
    char *text = calloc(1, 65536);
    size_t length = fread(text, 1, 65535, file);
    fclose(file);
    CHECK(length > 0 && length < 65535);
    return text;
}

// A copy with the first `old` replaced.
static char *replaced(const char *text, const char *old, const char *new) {
    const char *at = strstr(text, old);
    CHECK(at, "%s", old);
    if (!at) exit(1);
    char *out = calloc(1, strlen(text) + strlen(new) + 1);
    sprintf(out, "%.*s%s%s", (int)(at - text), text, new, at + strlen(old));
    return out;
}

// --- products ---

typedef struct gemm {
    const char *name;
    bool bf16;
    int tile_k;
} gemm;

static const gemm bf16 = {"gemm_bf16", true, 16}, tf32 = {"gemm_tf32", false, 8};

static float a[SIDE][MOST_K], b[MOST_K][SIDE];

// Of few bits, so that bf16 has them and sums are exact.
static float any_value(void) { return (float)(rand() % 65 - 32) / 32; }

// An operand in device memory, all but the last `unwritten` bytes of it. f32 ones are off by what
// rounding to tf32 removes.
static uint64_t upload(const gemm *g, const float *from, int rows, int columns, int pitch,
                       size_t unwritten) {
    size_t bytes = (size_t)(rows * columns) * (g->bf16 ? 2 : 4);
    uint64_t address = sim_memory_new(bytes, SIM_DEVICE);
    uint8_t *to = (uint8_t *)(uintptr_t)address;  // device addresses are host addresses
    for (int i = 0; i < rows * columns; i++) {
        float x = from[i / columns * pitch + i % columns];
        uint32_t bits;
        if (!g->bf16) x = nextafterf(nextafterf(x, 2), 2);
        memcpy(&bits, &x, 4);
        if (g->bf16) bits >>= 16;
        memcpy(to + i * (g->bf16 ? 2 : 4), &bits, g->bf16 ? 2 : 4);
    }
    sim_memory_mark(address, bytes - unwritten);
    return address;
}

static int count_wrong(const float *c, int k) {
    int wrong = 0;
    for (int i = 0; i < SIDE * SIDE; i++) {
        double want = 0;
        for (int p = 0; p < k; p++) want += (double)a[i / SIDE][p] * (double)b[p][i % SIDE];
        wrong += (double)c[i] != want;
    }
    return wrong;
}

// How many elements are wrong; -1: it was stopped.
static int run(const gemm *g, const char *ptx, int steps, size_t unwritten) {
    char log[512] = "";
    int k = steps * g->tile_k, error = 0;
    for (int i = 0; i < SIDE * k; i++) {
        a[i / k][i % k] = any_value();
        b[i / SIDE][i % SIDE] = any_value();
    }
    sim_module *module = sim_module_load(ptx, log, sizeof log);
    CHECK(module, "%s", log);
    sim_function *function = module ? sim_module_function(module, "gemm") : NULL;
    CHECK(function);
    if (!function) exit(1);
    uint64_t at_a = upload(g, a[0], SIDE, k, MOST_K, unwritten);
    uint64_t at_b = upload(g, b[0], k, SIDE, SIDE, 0);
    uint64_t at_c = sim_memory_new(SIDE * SIDE * sizeof(float), SIM_DEVICE);
    uint32_t n = (uint32_t)steps;
    const void *params[] = {&at_a, &at_b, &at_c, &n};
    const sim_launch launch = {{1, 1, 1}, {128, 1, 1}, {1, 1, 1}, 0, params};
    bool finished = sim_run(function, &launch, &error);
    int wrong = finished ? count_wrong((const float *)(uintptr_t)at_c, k) : -1;
    CHECK(sim_memory_free(at_a) && sim_memory_free(at_b) && sim_memory_free(at_c));
    sim_module_free(module);
    return wrong;
}

static void test_product(const gemm *g, int steps) {
    char *ptx = read_case(g->name);
    int wrong = run(g, ptx, steps, 0);
    CHECK(wrong == 0, "%s, %d steps: %d", g->name, steps, wrong);
    CHECK(count_problems() == 0, "%s, %d steps", g->name, steps);
    free(ptx);
}

// --- defects ---

typedef struct planted {
    const gemm *gemm;
    const char *old, *new;
    int finds, or_finds;  // a kind of problem, or WRONG_RESULT
    size_t unwritten;
} planted;

static const planted defects[] = {
    // a missing barrier
    {&bf16, "bar.sync 0;  // the", "  //", SIM_RACE, SIM_UNWRITTEN, 0},
    {&bf16, "bar.sync 0;  // before", "  //", SIM_RACE, SIM_RACE, 0},
    {&tf32, "bar.sync 0;  // before", "  //", SIM_RACE, SIM_RACE, 0},
    // a copy that is not waited for
    {&bf16, "cp.async.wait_group 1;", "cp.async.wait_group 2;", SIM_RACE, SIM_UNWRITTEN, 0},
    {&tf32, "cp.async.wait_group 1;", "", SIM_RACE, SIM_UNWRITTEN, 0},
    // an index one too far
    {&bf16, "[%c+2272]", "[%c+2280]", SIM_OUT_OF_BOUNDS, SIM_OUT_OF_BOUNDS, 0},
    {&bf16, "[%at_b+2144]", "[%at_b+6240]", SIM_OUT_OF_BOUNDS, SIM_OUT_OF_BOUNDS, 0},
    {&tf32, "add.u64 %b, %b, 2048;", "add.u64 %b, %b, 4096;", SIM_OUT_OF_BOUNDS, SIM_OUT_OF_BOUNDS,
     0},
    {&bf16, "[%at_b+2080]", "[%at_b+2088]", SIM_MISALIGNED, SIM_MISALIGNED, 0},
    // an unwritten read: of shared memory, of global memory, of a register
    {&bf16, "cp.async.cg.shared.global [%copy+2048], [%b], 16;", "", SIM_UNWRITTEN, SIM_UNWRITTEN,
     0},
    {&tf32, "cp.async.cg.shared.global [%copy+2048], [%b], 16;", "", SIM_UNWRITTEN, SIM_UNWRITTEN,
     0},
    {&tf32, "", "", SIM_UNWRITTEN, SIM_UNWRITTEN, 4},
    {&bf16, "mov.f32 %f5, %f0;", "", SIM_UNWRITTEN, SIM_UNWRITTEN, 0},
    // a barrier, a multiplication that not all threads reach
    {&bf16, "bar.sync 0;  // before", "setp.ne.u32 %last, %lane, 5;\n@%last bar.sync 0;  //",
     SIM_DIVERGENT_BARRIER, SIM_DIVERGENT_BARRIER, 0},
    {&bf16, "ldmatrix", "setp.ne.u32 %last, %thread, 70;\n@%last ldmatrix", SIM_DIVERGENT_BARRIER,
     SIM_DIVERGENT_BARRIER, 0},
    // a wrong fragment: halves of A exchanged, B not transposed, rows of the result exchanged
    {&bf16, "{%a0, %a1, %a2, %a3}, {%b2", "{%a0, %a2, %a1, %a3}, {%b2", WRONG_RESULT, WRONG_RESULT,
     0},
    {&bf16, "x4.trans", "x4", WRONG_RESULT, WRONG_RESULT, 0},
    {&tf32, "{%a0, %a1, %a2, %a3}, {%b0", "{%a0, %a2, %a1, %a3}, {%b0", WRONG_RESULT, WRONG_RESULT,
     0},
    {&tf32, "{%b0, %b1}", "{%b1, %b0}", WRONG_RESULT, WRONG_RESULT, 0},
    {&bf16, "[%c], {%f0, %f1}", "[%c], {%f2, %f3}", WRONG_RESULT, WRONG_RESULT, 0},
    // operands that are not rounded: hardware cuts the low bits off
    {&tf32, "cvt.rna.tf32.f32 %a1, %a1;", "", WRONG_RESULT, WRONG_RESULT, 0},
};

static bool found(int kind, int wrong) {
    return kind == WRONG_RESULT ? wrong != 0 && count_problems() == 0
                                : sim_problems((sim_problem_kind)kind) > 0;
}

// What the machine prints is shown only if the defect is not found.
static void test_defect(const planted *p) {
    char *text = read_case(p->gemm->name), *ptx = replaced(text, p->old, p->new);
    FILE *printed = tmpfile();
    int failures = check_failures, errors = dup(STDERR_FILENO);
    if (!printed || errors < 0 || dup2(fileno(printed), STDERR_FILENO) < 0) exit(1);
    int wrong = run(p->gemm, ptx, 4, p->unwritten);
    CHECK(found(p->finds, wrong) || found(p->or_finds, wrong), "%s: %s -> %s", p->gemm->name,
          p->old, p->new);
    dup2(errors, STDERR_FILENO);
    close(errors);
    rewind(printed);
    for (int c; check_failures > failures && (c = getc(printed)) != EOF;) fputc(c, stderr);
    fclose(printed);
    sim_problems_forget();
    free(ptx);
    free(text);
}

int main(void) {
    srand(3);
    for (int steps = 1; steps < 4; steps++) {
        test_product(&bf16, steps);
        test_product(&tf32, 2 * steps);
    }
    for (size_t i = 0; i < sizeof defects / sizeof *defects; i++) test_defect(&defects[i]);
    return CHECK_RESULT();
}
