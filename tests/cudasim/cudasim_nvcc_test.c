// What nvcc makes of ordinary kernels (cases/nvcc_kernels.cu), where it is installed.
#include <unistd.h>

#include "tests/cudasim/machine_trial.h"

static const char nvcc[] = "/usr/local/cuda/bin/nvcc";

static sim_module *compile(const char *options) {
    static char text[1 << 20];
    char command[1024], path[512];
    snprintf(path, sizeof path, "%s/cudasim_nvcc_test.%d.ptx", BUILD_DIR, (int)getpid());
    snprintf(command, sizeof command,
             "%s -ptx -std=c++17 %s -o %s %s/cudasim/cases/nvcc_kernels.cu", nvcc, options, path,
             TEST_DIR);
    CHECK(system(command) == 0, "%s", command);
    FILE *file = fopen(path, "r");
    CHECK(file, "%s", path);
    size_t length = file ? fread(text, 1, sizeof text - 1, file) : 0;
    text[length] = 0;
    if (file) fclose(file);
    remove(path);
    return load_ptx(text);
}

static float *new_floats(int n) {
    float *x = device_memory((size_t)n * sizeof *x, true);
    for (int i = 0; i < n; i++) x[i] = (float)(i * 7 % 23) / 4 - 2;
    return x;
}

static void run(sim_module *module, const char *kernel, shape at, const void *const *params) {
    sim_problems_forget();
    CHECK(launch(module, kernel, at, params), "%s", kernel);
    CHECK(count_problems() == 0, "%s", kernel);
}

// --- the kernels, against C ---

static void sums(sim_module *module) {
    enum { N = 5000, BLOCKS = 6 };
    float *x = new_floats(N), *out = device_memory(4, true),
          *parts = device_memory(4 * BLOCKS, true);
    int n = N;
    double want = 0;
    for (int i = 0; i < N; i++) want += x[i];
    const void *params[] = {&x, &out, &n}, *with_parts[] = {&x, &parts, &out, &n};
    run(module, "sum", (shape){BLOCKS, 128, 0}, params);
    CHECK_NEAR(*out, want, 1e-2);
    *out = 0;
    run(module, "sum_last", (shape){BLOCKS, 128, 0}, with_parts);
    CHECK_NEAR(*out, want, 1e-2);
    free_memory(x);
    free_memory(out);
    free_memory(parts);
}

static bool launch_product(sim_module *module, float *a, float *b, float *c, int n) {
    sim_function *function = sim_module_function(module, "product");
    CHECK(function);
    uint32_t tiles = ((uint32_t)n + 15) / 16;
    const void *params[] = {&a, &b, &c, &n};
    sim_launch how = {{tiles, tiles, 1}, {16, 16, 1}, {1, 1, 1}, 0, params};
    int error;
    return function && sim_run(function, &how, &error);
}

static void products(sim_module *module, bool right) {
    enum { N = 45 };
    float *a = new_floats(N * N), *b = new_floats(N * N), *c = new_floats(N * N);
    sim_problems_forget();
    CHECK(launch_product(module, a, b, c, N));
    CHECK((sim_problems(SIM_RACE) > 0) == !right);
    for (int i = 0; right && i < N * N; i++) {
        double want = 0;
        for (int k = 0; k < N; k++) want += (double)a[i / N * N + k] * b[k * N + i % N];
        CHECK_NEAR(c[i], want, 1e-3);
    }
    sim_problems_forget();
    free_memory(a);
    free_memory(b);
    free_memory(c);
}

static void scans(sim_module *module) {
    enum { N = 250 };
    int *x = device_memory(4 * N, true), *out = device_memory(4 * N, true), n = N, want = 0;
    for (int i = 0; i < N; i++) x[i] = i * 37 % 11;
    const void *params[] = {&x, &out, &n};
    run(module, "scan", (shape){1, 256, 0}, params);
    for (int i = 0; i < N; i++) CHECK(out[i] == (want += x[i]), "%d", i);
    free_memory(x);
    free_memory(out);
}

static void histograms(sim_module *module) {
    enum { N = 3000 };
    unsigned char *x = device_memory(N, true);
    unsigned *out = device_memory(4 * 256, true), want[256] = {0};
    int n = N;
    for (int i = 0; i < N; i++) want[x[i] = (unsigned char)(i * i % 251)]++;
    const void *params[] = {&x, &out, &n};
    run(module, "histogram", (shape){3, 96, 0}, params);
    CHECK(memcmp(out, want, sizeof want) == 0);
    free_memory(x);
    free_memory(out);
}

static void tensors(sim_module *module) {
    enum { N = 48 };
    uint16_t *a = device_memory(2 * 16 * N, true), *b = device_memory(2 * 8 * N, true);
    float *c = new_floats(16 * 8), va[16 * N], vb[8 * N];
    int n = N;
    for (int i = 0; i < 16 * N; i++) {  // exact in bf16
        uint32_t bits;
        va[i] = (float)(i * 5 % 17 - 8);
        vb[i % (8 * N)] = (float)(i % (8 * N) % 13 - 6);
        memcpy(&bits, &va[i], 4);
        a[i] = (uint16_t)(bits >> 16);
        memcpy(&bits, &vb[i % (8 * N)], 4);
        b[i % (8 * N)] = (uint16_t)(bits >> 16);
    }
    const void *params[] = {&a, &b, &c, &n};
    run(module, "tensor", (shape){1, 32, 0}, params);
    for (int i = 0; i < 16 * 8; i++) {
        float want = 0;
        for (int k = 0; k < N; k++) want += va[i / 8 * N + k] * vb[i % 8 * N + k];
        CHECK(c[i] == want, "%d: %g, not %g", i, c[i], want);
    }
    free_memory(a);
    free_memory(b);
    free_memory(c);
}

static float mixed(float y, int t) {
    float v[8];
    for (int i = 0; i < 8; i++) v[(i * (t | 1)) & 7] = y + (float)i;
    for (int i = 0; i < 8; i++)
        if (i % 3 == t % 3) v[(i + t) & 7] = v[i];
    switch (t % 7) {
        case 0: return expf(y);
        case 1: return logf(fabsf(y) + 1);
        case 2: return sinf(y) + v[t & 7];
        case 3: return powf(y, (float)(t % 11));
        case 4: return y / (float)(t + 1);
        case 5: return (float)(t / 3 % 5 + t * 7 / (t + 2));
        default:
            while (y > 1) y *= 0.7f;
            return y;
    }
}

static void mixtures(sim_module *module) {
    enum { N = 1000 };
    float *x = new_floats(N), *out = new_floats(N);
    int n = N;
    const void *params[] = {&x, &out, &n};
    run(module, "mixture", (shape){8, 128, 0}, params);
    for (int t = 0; t < N; t++) {
        float want = mixed(x[t], t);
        CHECK(fabsf(out[t] - want) <= 1e-5f * (1 + fabsf(want)), "%d: %g, not %g", t, out[t], want);
    }
    free_memory(x);
    free_memory(out);
}

static void pipelines(sim_module *module) {
    enum { TILES = 7, N = TILES * 512 };
    float *x = new_floats(N), *out = new_floats(N);
    int tiles = TILES;
    const void *params[] = {&x, &out, &tiles};
    run(module, "pipeline", (shape){1, 128, 0}, params);
    for (int i = 0; i < N; i++) CHECK(out[i] == x[i / 512 * 512 + 511 - i % 512], "%d", i);
    free_memory(x);
    free_memory(out);
}

static void run_all(const char *options) {
    sim_module *module = compile(options);
    if (!module) return;
    sums(module);
    products(module, true);
    scans(module);
    histograms(module);
    tensors(module);
    mixtures(module);
    pipelines(module);
    sim_module_free(module);
}

int main(void) {
    if (access(nvcc, X_OK) != 0) {
        printf("skipped: there is no %s\n", nvcc);
        return 0;
    }
    run_all("-arch=sm_80");
    run_all("-arch=sm_90a -use_fast_math");
    sim_module *racy = compile("-arch=sm_80 -DMISSING_BARRIER");
    if (racy) products(racy, false);
    sim_module_free(racy);
    return CHECK_RESULT();
}
