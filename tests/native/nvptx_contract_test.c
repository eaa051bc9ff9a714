// Contractions on a GPU, executed by the simulated device: every form, odd shapes, all dtypes, on
// matrix units and without, with an epilogue, in parts; ptxas takes what the main shapes become.
#include "codegen/nvptx/contract.h"
#include "tests/cudasim/matrix.h"
#include "tests/native/contract_case.h"
#include "tests/native/device.h"
#include "tests/native/ptx.h"

enum { MOST_JOBS = 256, MOST_ARGS = 6, LAUNCH = 3 };

static dn_nvptx target = {.sm = 80};

// ---- kernels that are compiled together ----

typedef struct job {
    contraction k;
    dn_buffer buffers[MOST_ARGS];
    int args[MOST_ARGS];
    dn_kernels kernels;
    char symbol[16];
    dn_cuda_kernel launch;
} job;

static job jobs[MOST_JOBS];
static int n_jobs;

static void add_buffer_of(job *j, int64_t count) {
    dn_kernel *kernel = &j->k.kernel;
    int arg = kernel->n_args++;
    dn_dtype dtype = arg < 2 ? dn_operand_dtype(&kernel->contract, arg) : kernel->contract.dtype;
    j->args[arg] = arg;
    j->buffers[arg] = (dn_buffer){.dtype = dtype, .count = count};
    j->kernels.n_buffers = kernel->n_args;
}

static job *add_job(const dn_contract *contract) {
    job *j = &jobs[n_jobs++];
    *j = (job){0};
    contraction_kernel(&j->k, contract);
    j->k.kernel.args = j->args;
    j->kernels.buffers = j->buffers;
    j->k.kernel.n_args = 0;
    add_buffer_of(j, j->k.a_count);
    add_buffer_of(j, j->k.b_count);
    add_buffer_of(j, j->k.out_count);
    snprintf(j->symbol, sizeof j->symbol, "k%d", n_jobs);
    return j;
}

// The simulated device takes its time: of large cases a few images. Lowering makes no empty sums.
static double most_work = 2e5;

static void add_case(dn_contract c) {
    job *j = add_job(&c);
    while ((double)j->k.out_count * terms_of(&c) > most_work && c.images > 1) {
        c.images /= 2;
        n_jobs--;
        j = add_job(&c);
    }
    bool empty = !j->k.out_count || !j->k.a_count || !j->k.b_count;
    if (empty || (double)j->k.out_count * terms_of(&c) > most_work * 4) n_jobs--;
}

static char *emit_jobs(void) {
    dn_emit e;
    dn_emit_open(&e, "contractions");
    for (int i = 0; i < n_jobs; i++)
        CHECK_OK(dn_nvptx_emit(&e, &target, &jobs[i].kernels, &jobs[i].k.kernel, jobs[i].symbol,
                               &jobs[i].launch));
    char *ptx = ptx_of(&e, &target);
    dn_emit_close(&e);
    return ptx;
}

// ---- running ----

// What the matrix units make of an operand.
static void round_operand(double *x, int64_t count, bool narrow) {
    for (int64_t i = 0; i < count; i++) {
        bool bf16 = narrow || target.units == DN_MATRIX_BF16;
        if (bf16) x[i] = sim_bf16_value(sim_bf16_round((float)x[i]));
        if (!bf16 && target.units == DN_MATRIX_TF32) x[i] = sim_tf32_round((float)x[i]);
    }
}

// As bf16; behind them are NaN, as behind all operands. Free it.
static uint16_t *narrowed(const double *x, int64_t count) {
    uint16_t *out = dn_xcalloc((size_t)count + 1, sizeof *out);
    for (int64_t i = 0; i < count; i++) out[i] = sim_bf16_round((float)x[i]);
    return out;
}

// args: of the kernel's buffers.
static void launch(const dn_kernel *kernel, const dn_cuda_kernel *how, sim_module *module,
                   void **args) {
    const void *params[MOST_ARGS + 2];
    dn_cuda_state none = {0}, *shared = device_copy(&none, sizeof none);
    int32_t number = LAUNCH;
    int n = kernel->n_args;
    for (int i = 0; i < n; i++) params[i] = &args[kernel->args[i]];
    params[n] = &shared;
    params[n + 1] = &number;
    device_run(module, how, params);
    device_free(shared);
}

static void run_job(const job *j, sim_module *module) {
    const contraction *k = &j->k;
    dn_dtype dtype = k->kernel.contract.dtype;
    bool narrow = k->kernel.contract.narrow[0];
    size_t size = dn_dtype_size(dn_operand_dtype(&k->kernel.contract, 0));
    void *a = new_data(dtype, k->a_count), *b = new_data(dtype, k->b_count);
    double *da = to_double(a, dtype, k->a_count), *db = to_double(b, dtype, k->b_count);
    if (dtype == DN_F32) {
        round_operand(da, k->a_count, narrow);
        round_operand(db, k->b_count, narrow);
    }
    if (narrow) {
        free(a), free(b);
        a = narrowed(da, k->a_count), b = narrowed(db, k->b_count);
    }
    double *want = expected(k, da, db);
    void *args[] = {device_copy(a, (size_t)k->a_count * size),
                    device_copy(b, (size_t)k->b_count * size),
                    device_new((size_t)k->out_count * dn_dtype_size(dtype))};
    launch(&k->kernel, &j->launch, module, args);
    static const char *const units[] = {"f32", "tf32", "bf16"};
    check_values(k, args[2], want, narrow ? "of bf16" : units[target.units]);
    for (int i = 0; i < 3; i++) device_free(args[i]);
    free(want), free(da), free(db), free(a), free(b);
}

static void run_jobs(void) {
    char *ptx = emit_jobs();
    sim_module *module = device_load(ptx);
    for (int i = 0; i < n_jobs; i++) run_job(&jobs[i], module);
    sim_module_free(module);
    free(ptx);
    n_jobs = 0;
}

static int parts;

static void add_parts(dn_contract c) {
    c.parts = parts;
    add_case(c);
}

// Every so many-th case from the first one on.
static void check_cases(dn_matrix_units units, int first, int every) {
    int n_convs = sizeof conv_cases / sizeof *conv_cases;
    int n_dots = sizeof dot_cases / sizeof *dot_cases;
    target.units = units;
    for (int i = first; i < n_convs; i += every) each_conv(&conv_cases[i], DN_F32, add_case);
    for (int i = first; i < n_dots; i += every) each_dot(&dot_cases[i], DN_F32, add_case);
    parts = 2 + (int)units;
    for (int i = first; i < n_convs; i += 6) each_conv(&conv_cases[i], DN_F32, add_parts);
    for (int i = first; i < n_dots; i += 6) each_dot(&dot_cases[i], DN_F32, add_parts);
    run_jobs();
}

static void add_narrow(dn_contract c) {
    c.narrow[0] = c.narrow[1] = true;
    add_case(c);
}

// Operands that are bf16 in memory.
static void check_narrow(dn_matrix_units units, int first, int every) {
    target.units = units;
    for (int i = first; i < (int)(sizeof conv_cases / sizeof *conv_cases); i += every)
        each_conv(&conv_cases[i], DN_F32, add_narrow);
    for (int i = first; i < (int)(sizeof dot_cases / sizeof *dot_cases); i += every)
        each_dot(&dot_cases[i], DN_F32, add_narrow);
    run_jobs();
}

static void check_dtypes(void) {
    int n_dots = sizeof dot_cases / sizeof *dot_cases;
    dn_dtype dtypes[] = {DN_F64, DN_I32, DN_I64, DN_U8};
    target.units = DN_MATRIX_TF32;  // of no use to them
    for (int i = 0; i < 4; i++) {
        each_conv(&conv_cases[7 + i], dtypes[i], add_case);
        for (int j = 0; j < n_dots; j += 5) each_dot(&dot_cases[j + i % 3], dtypes[i], add_case);
    }
    run_jobs();
}

// Large tiles, which small cases get where there is nobody to share them with.
static const conv_case large_convs[] = {
    {3, 8, 132, 1, 2, {9, 9}, {3, 3}, {2, 2}, {1, 1}, {1, 1}, {1, 1}},
    {2, 132, 8, 1, 2, {9, 8}, {3, 2}, {2, 2}, {1, 1}, {1, 1}, {1, 0}},
    {2, 20, 130, 1, 2, {5, 5}, {3, 3}, {1, 1}, {1, 1}, {1, 1}, {1, 1}},
};
static const dot_case large_dots[] = {
    {0, 129, 65, 33, false, true},  {2, 120, 60, 36, true, false}, {0, 126, 250, 36, false, true},
    {0, 250, 126, 40, true, false}, {0, 126, 122, 40, true, true}, {0, 250, 126, 36, false, false},
};
static const dot_case largest_dot = {0, 252, 124, 1308, true, true};

// The last job's tile has so many rows.
static void check_rows(int rows) {
    dn_gplan plan;
    CHECK_OK(dn_gemm_plan(&jobs[n_jobs - 1].k.kernel, &target, &plan));
    CHECK(plan.tile.rows == rows, "units %d: %d x %d", target.units, plan.tile.rows,
          plan.tile.columns);
}

static void check_large(dn_matrix_units units) {
    target.units = units;
    target.processors = 1;
    most_work = 2e6;
    for (int i = 0; i < (int)(sizeof large_convs / sizeof *large_convs); i++)
        each_conv(&large_convs[i], DN_F32, add_case);
    if (units == DN_MATRIX_F32) each_dot(&large_dots[0], DN_F64, add_case);
    for (int i = 0; i < (int)(sizeof large_dots / sizeof *large_dots); i++)
        each_dot(&large_dots[i], DN_F32, add_case);
    check_rows(128);
    most_work = 4e7;
    run_jobs();
    if (units == DN_MATRIX_TF32) {  // takes more shared memory than every GPU has
        CHECK_OK(dn_nvptx_parse("cuda:sm_90a", &target));
        target.units = units;
        target.processors = 1;
        each_dot(&largest_dot, DN_F32, add_case);
        check_rows(256);
    }
    run_jobs();
    CHECK_OK(dn_nvptx_parse("cuda", &target));
}

// ---- wgmma ----

// Every order of the operands, rows and columns and steps that are no whole tiles.
static const dot_case wgmma_dots[] = {
    {0, 250, 122, 648, false, true}, {0, 256, 128, 1024, true, false},
    {0, 122, 250, 648, true, true},  {0, 122, 250, 648, false, false},
    {2, 120, 128, 648, false, true}, {0, 60, 120, 640, true, false},
    {0, 128, 50, 648, false, true},
};
static const conv_case wgmma_convs[] = {
    {2, 40, 128, 1, 2, {10, 13}, {5, 5}, {1, 1}, {1, 1}, {2, 2}, {2, 2}},
    {6, 64, 72, 1, 2, {9, 8}, {3, 4}, {2, 2}, {1, 1}, {1, 1}, {1, 2}},
    {1, 264, 128, 1, 2, {8, 8}, {2, 2}, {1, 1}, {1, 1}, {0, 1}, {1, 0}},
    {14, 16, 64, 1, 2, {8, 8}, {2, 4}, {1, 1}, {1, 1}, {0, 1}, {1, 2}},
};

static int of_wgmma;

static void add_wgmma(dn_contract c) {
    dn_gplan plan;
    int before = n_jobs;
    add_case(c);
    if (n_jobs == before) return;
    CHECK_OK(dn_gemm_plan(&jobs[n_jobs - 1].k.kernel, &target, &plan));
    if (plan.wgmma) of_wgmma++;
}

static void add_wgmma_narrow(dn_contract c) {
    c.narrow[0] = c.narrow[1] = true;
    add_wgmma(c);
}

static void check_wgmma(dn_matrix_units units, bool narrow, int least) {
    void (*add)(dn_contract) = narrow ? add_wgmma_narrow : add_wgmma;
    CHECK_OK(dn_nvptx_parse("cuda:sm_90a", &target));
    target.units = units;
    target.processors = 1;
    most_work = 4e7;
    of_wgmma = 0;
    for (int i = 0; i < (int)(sizeof wgmma_dots / sizeof *wgmma_dots); i++)
        each_dot(&wgmma_dots[i], DN_F32, add);
    for (int i = 0; i < (int)(sizeof wgmma_convs / sizeof *wgmma_convs); i++)
        each_conv(&wgmma_convs[i], DN_F32, add);
    CHECK(of_wgmma >= least, "units %d, narrow %d: %d", units, narrow, of_wgmma);
    run_jobs();
    CHECK_OK(dn_nvptx_parse("cuda", &target));
}

// ---- an epilogue ----

// out = (a * b + bias) * scale, and the sums themselves transposed: axes i, j.
typedef struct epilogue {
    dn_kvalue values[5];
    dn_store stores[2];
    float *data[MOST_ARGS];
    void *args[MOST_ARGS];  // on the device
} epilogue;

static dn_kvalue load_value(int arg, int64_t i, int64_t j) {
    return (dn_kvalue){
        .kind = DN_KV_LOAD, .dtype = DN_F32, .in = {-1, -1, -1}, .arg = arg, .access = {0, {i, j}}};
}

static dn_kvalue binary_value(dn_op op, int a, int b) {
    return (dn_kvalue){.kind = DN_KV_ELEMENTWISE, .op = op, .dtype = DN_F32, .in = {a, b, -1}};
}

static job *add_epilogue(epilogue *e, int64_t m, int64_t n, int64_t k) {
    dn_contract c = {.op = DN_OP_DOT, .dtype = DN_F32, .m = m, .n = n, .k = k};
    c.a_m = k, c.a_k = 1, c.b_k = n, c.b_n = 1;
    job *j = add_job(&c);
    int64_t counts[] = {m * n, n, m * n};
    for (int i = 0; i < 3; i++) add_buffer_of(j, counts[i]);
    *e = (epilogue){
        .values = {j->k.value, load_value(4, 0, 1), load_value(5, n, 1),
                   binary_value(DN_OP_ADD, 0, 1), binary_value(DN_OP_MUL, 3, 2)},
        .stores = {{.arg = 2, .value = 4, .access = {0, {n, 1}}, .row = -1},
                   {.arg = 3, .value = 0, .access = {0, {1, m}}, .row = -1}},
    };
    j->k.kernel.values = e->values;
    j->k.kernel.n_values = 5;
    j->k.kernel.stores = e->stores;
    j->k.kernel.n_stores = 2;
    return j;
}

static void open_epilogue(epilogue *e, const job *j) {
    for (int i = 0; i < j->kernels.n_buffers; i++) {
        size_t bytes = (size_t)j->buffers[i].count * sizeof(float);
        bool written = i == 2 || i == 3;
        e->data[i] = new_data(DN_F32, j->buffers[i].count);
        e->args[i] = written ? device_new(bytes) : device_copy(e->data[i], bytes);
    }
}

static void check_epilogue(epilogue *e, const job *j) {
    const contraction *k = &j->k;
    int64_t m = k->kernel.contract.m, n = k->kernel.contract.n;
    double *a = to_double(e->data[0], DN_F32, k->a_count);
    double *b = to_double(e->data[1], DN_F32, k->b_count);
    double *want = expected(k, a, b);
    const float *out = e->args[2], *sums = e->args[3];
    for (int64_t i = 0; i < m; i++)
        for (int64_t c = 0; c < n; c++) {
            double sum = want[i * n + c], scale = e->data[5][i * n + c];
            CHECK(near(DN_F32, sums[c * m + i], sum, 100), "%ld x %ld at %ld, %ld: %g, not %g",
                  (long)m, (long)n, (long)i, (long)c, sums[c * m + i], sum);
            sum = (sum + e->data[4][c]) * scale;
            CHECK(near(DN_F32, out[i * n + c], sum, 100), "%g, not %g", out[i * n + c], sum);
        }
    free(want), free(a), free(b);
    for (int i = 0; i < j->kernels.n_buffers; i++) {
        free(e->data[i]);
        device_free(e->args[i]);
    }
}

static void check_epilogues(void) {
    epilogue e[3];
    target.units = DN_MATRIX_F32;
    add_epilogue(&e[0], 40, 64, 20);
    add_epilogue(&e[1], 33, 50, 20);
    add_epilogue(&e[2], 17, 7, 20);
    char *ptx = emit_jobs();
    sim_module *module = device_load(ptx);
    for (int i = 0; i < n_jobs; i++) {
        open_epilogue(&e[i], &jobs[i]);
        launch(&jobs[i].k.kernel, &jobs[i].launch, module, e[i].args);
        check_epilogue(&e[i], &jobs[i]);
    }
    sim_module_free(module);
    free(ptx);
    n_jobs = 0;
}

// ---- sums in parts ----

static int64_t parts_of_conv(dn_op op, int64_t images, int64_t size, int64_t channels,
                             int64_t filters) {
    dn_contract c = {.op = op, .dtype = DN_F32, .spatial = 2, .images = images, .groups = 1};
    c.channels = channels, c.filters = filters;
    for (int s = 0; s < 2; s++) {
        c.image[s] = size, c.out[s] = size / 2;
        c.kernel[s] = 4, c.stride[s] = 2, c.dilation[s] = 1, c.lo[s] = 1;
    }
    return dn_nvptx_parts(&c);
}

// Where a few results are sums of very many terms, and nowhere else.
static void check_parts(void) {
    CHECK(parts_of_conv(DN_OP_CONV_WEIGHT, 128, 32, 64, 128) > 8);
    CHECK(parts_of_conv(DN_OP_CONV_WEIGHT, 128, 64, 3, 64) > 8);
    CHECK(parts_of_conv(DN_OP_CONV, 128, 32, 64, 128) == 1);
    CHECK(parts_of_conv(DN_OP_CONV_INPUT, 128, 32, 64, 128) == 1);
    CHECK(parts_of_conv(DN_OP_CONV_WEIGHT, 4, 8, 16, 16) == 1);
}

// The gradient of a convolution's weights and what is done with it, in parts.
static const char step[] =
    "graph @step {\n"
    "  %0 = input {index=0, name=\"x\"} : f32[5, 7, 7, 3]\n"
    "  %1 = input {index=1, name=\"y\"} : f32[5, 4, 4, 6]\n"
    "  %2 = var {index=0, name=\"w\"} : f32[3, 3, 3, 6]\n"
    "  %3 = conv_weight %0, %1 {stride=[2, 2], lo=[1, 1], hi=[1, 1], dilation=[1, 1], groups=1} "
    ": f32[3, 3, 3, 6]\n"
    "  %4 = sub %2, %3 : f32[3, 3, 3, 6]\n"
    "  return gradient=%3\n"
    "  update \"w\"=%4\n"
    "}\n";

static int three(const dn_contract *contract) {
    (void)contract;
    return 3;
}

static dn_kernels *lower(dn_dims *dims, const char *text, const dn_target *for_target) {
    dn_graph *graph = NULL;
    dn_kernels *kernels = NULL;
    CHECK_OK(dn_graph_parse(dims, text, &graph));
    CHECK_OK(dn_kernels_lower(graph, for_target, &kernels));
    dn_kernels_plan(kernels);
    CHECK_OK(dn_kernels_verify(kernels));
    dn_graph_free(graph);
    return kernels;
}

// Runs the kernels on buffers in device memory.
static void run_step(const dn_kernels *kernels, void **args) {
    static char symbols[MOST_ARGS][16];
    dn_cuda_kernel launches[MOST_ARGS];
    dn_emit e;
    dn_emit_open(&e, "step");
    for (int i = 0; i < kernels->n; i++) {
        snprintf(symbols[i], sizeof symbols[i], "k%d", i);
        CHECK_OK(dn_nvptx_emit(&e, &target, kernels, kernels->list[i], symbols[i], &launches[i]));
    }
    char *ptx = ptx_of(&e, &target);
    sim_module *module = device_load(ptx);
    for (int i = 0; i < kernels->n; i++) launch(kernels->list[i], &launches[i], module, args);
    sim_module_free(module);
    free(ptx);
    dn_emit_close(&e);
}

static void check_step(const dn_kernels *kernels, float **data, void **args) {
    contraction k;
    dn_contract whole = kernels->list[0]->contract;
    whole.parts = 0;
    contraction_kernel(&k, &whole);
    double *x = NULL, *y = NULL, *want = NULL;
    const float *before = NULL, *after = NULL, *gradient = NULL;
    for (int i = 0; i < kernels->n_buffers; i++) {
        const dn_buffer *b = &kernels->buffers[i];
        if (b->kind == DN_BUFFER_OUTPUT) gradient = args[i];
        if (b->kind == DN_BUFFER_VAR) before = data[i], after = args[i];
        if (b->kind == DN_BUFFER_INPUT)
            *(b->index ? &y : &x) = to_double(data[i], DN_F32, b->count);
    }
    want = expected(&k, x, y);
    for (int64_t i = 0; i < k.out_count; i++) {
        CHECK(near(DN_F32, gradient[i], want[i], 80), "%g, not %g", gradient[i], want[i]);
        CHECK(near(DN_F32, after[i], before[i] - want[i], 80), "%g", after[i]);
    }
    free(want), free(x), free(y);
}

static void check_split(void) {
    dn_dims *dims = dn_dims_new();
    dn_target in_three = dn_nvptx_target;
    in_three.parts = three;
    dn_kernels *kernels = lower(dims, step, &in_three);
    float *data[MOST_ARGS];
    void *args[MOST_ARGS];
    target.units = DN_MATRIX_F32;
    CHECK(kernels->n == 2 && kernels->n_buffers <= MOST_ARGS, "%d kernels", kernels->n);
    CHECK(kernels->list[0]->contract.parts == 3 && kernels->list[1]->kind == DN_KERNEL_LOOP);
    for (int i = 0; i < kernels->n_buffers; i++) {
        const dn_buffer *b = &kernels->buffers[i];
        size_t bytes = (size_t)b->count * sizeof(float);
        bool given = b->kind == DN_BUFFER_INPUT || b->kind == DN_BUFFER_VAR;
        data[i] = new_data(DN_F32, b->count);
        args[i] = given ? device_copy(data[i], bytes) : device_new(bytes);
    }
    run_step(kernels, args);
    check_step(kernels, data, args);
    for (int i = 0; i < kernels->n_buffers; i++) {
        free(data[i]);
        device_free(args[i]);
    }
    dn_kernels_free(kernels);
    dn_dims_free(dims);
}

// ---- operands of bf16 ----

// They are read as they are if both are bf16. One alone is copied to f32.
static void check_lowering(const char *other, bool narrow) {
    char *text = dn_printf(
        "graph @products {\n"
        "  %%0 = input {index=0, name=\"a\"} : bf16[40, 50]\n"
        "  %%1 = input {index=1, name=\"b\"} : %s[50, 60]\n"
        "  %%2 = cast %%0 : f32[40, 50]\n"
        "  %%3 = %s %%1 : f32[50, 60]\n"
        "  %%4 = dot %%2, %%3 {lhs_batch=[], rhs_batch=[], lhs_contract=[1], rhs_contract=[0]} : "
        "f32[40, 60]\n"
        "  return c=%%4\n"
        "}\n",
        other, narrow ? "cast" : "neg");
    dn_dims *dims = dn_dims_new();
    dn_kernels *kernels = lower(dims, text, &dn_nvptx_target);
    int copies = 0;
    for (int i = 0; i < kernels->n; i++) copies += strcmp(kernels->list[i]->name, "copy") == 0;
    const dn_contract *c = &kernels->list[kernels->n - 1]->contract;
    CHECK(copies == !narrow && c->narrow[0] == narrow && c->narrow[1] == narrow, "%s: %d copies",
          other, copies);
    dn_kernels_free(kernels);
    dn_dims_free(dims);
    free(text);
}

// ---- ptxas ----

static bool narrow_shapes;

static void add_shape(dn_op op, int64_t images, int64_t size, int64_t channels, int64_t filters,
                      int64_t kernel) {
    dn_contract c = {.op = op, .dtype = DN_F32, .spatial = 2, .images = images, .groups = 1};
    c.narrow[0] = c.narrow[1] = narrow_shapes;
    c.channels = channels, c.filters = filters;
    for (int s = 0; s < 2; s++) {
        c.image[s] = size, c.kernel[s] = kernel, c.stride[s] = 2, c.dilation[s] = 1;
        c.lo[s] = (kernel - 1) / 2, c.out[s] = size / 2;
    }
    add_job(&c);
}

static int count(const char *text, const char *what) {
    int n = 0;
    for (const char *at = text; (at = strstr(at, what)) != NULL; at++) n++;
    return n;
}

// Registers are enough, without local memory, and ptxas has nothing to warn of: neither does it
// wait for each wgmma. So many kernels use that.
static void check_registers(const char *name, dn_matrix_units units, bool narrow, int wgmma) {
    CHECK_OK(dn_nvptx_parse(name, &target));
    target.units = units;
    narrow_shapes = narrow;
    add_shape(DN_OP_CONV, 128, 32, 64, 128, 4);
    add_shape(DN_OP_CONV_INPUT, 128, 32, 64, 128, 4);
    add_shape(DN_OP_CONV_WEIGHT, 128, 8, 256, 512, 4);
    add_shape(DN_OP_CONV, 128, 64, 3, 64, 4);
    add_shape(DN_OP_CONV_INPUT, 64, 14, 64, 128, 5);
    add_shape(DN_OP_CONV_WEIGHT, 64, 28, 1, 64, 5);
    add_shape(DN_OP_CONV, 128, 64, 512, 1024, 4);
    add_shape(DN_OP_CONV_INPUT, 128, 64, 512, 1024, 5);
    add_shape(DN_OP_CONV_WEIGHT, 128, 16, 512, 1024, 4);
    dn_contract product = {.op = DN_OP_DOT, .dtype = DN_F32, .m = 4096, .n = 4096, .k = 4096};
    product.a_m = product.b_k = 4096, product.a_k = product.b_n = 1;
    product.narrow[0] = product.narrow[1] = narrow;
    add_job(&product);
    product.b_k = 1, product.b_n = 4096;
    add_job(&product);
    char *ptx = emit_jobs();
    int by_wgmma = count(ptx, "// wgmma");
    CHECK(by_wgmma == wgmma, "%s, units %d, narrow %d: %d by wgmma", name, units, narrow, by_wgmma);
    ptx_check(ptx, dn_nvptx_processor(&target), false);
    free(ptx);
    n_jobs = 0;
}

int main(void) {
    check_cases(DN_MATRIX_F32, 0, 1);
    check_cases(DN_MATRIX_TF32, 0, 2);
    check_cases(DN_MATRIX_BF16, 1, 2);
    check_narrow(DN_MATRIX_F32, 2, 3);
    check_narrow(DN_MATRIX_TF32, 0, 2);
    check_dtypes();
    check_large(DN_MATRIX_F32);
    check_large(DN_MATRIX_TF32);
    check_large(DN_MATRIX_BF16);
    check_wgmma(DN_MATRIX_BF16, false, 7);
    check_wgmma(DN_MATRIX_TF32, true, 10);
    check_wgmma(DN_MATRIX_TF32, false, 10);
    check_epilogues();
    check_parts();
    check_split();
    check_lowering("bf16", true);
    check_lowering("f32", false);
    check_registers("cuda", DN_MATRIX_F32, false, 0);
    check_registers("cuda", DN_MATRIX_TF32, false, 0);
    check_registers("cuda", DN_MATRIX_TF32, true, 0);
    check_registers("cuda:sm_90a", DN_MATRIX_TF32, false, 9);
    check_registers("cuda:sm_90a", DN_MATRIX_BF16, false, 9);
    check_registers("cuda:sm_90a", DN_MATRIX_TF32, true, 9);
    for (int i = 0; i < SIM_PROBLEM_KINDS; i++) CHECK(sim_problems((sim_problem_kind)i) == 0);
    return CHECK_RESULT();
}
