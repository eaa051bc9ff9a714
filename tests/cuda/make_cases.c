// Makes files of cases (case_file.h): the golden cases of every op, and random graphs with what the
// interpreter gives and how far it may be away.
//
// make_cases ops|random PRECISION FILE [SEED COUNT]
//   PRECISION: f64 (ops alone), f32, tf32, bf16
#include "codegen/cuda.h"
#include "runtime/cuda/cuda_image.h"
#include "runtime/host/program_image.h"
#include "tests/cuda/case_file.h"
#include "tests/native/cuda_cases.h"
#include "tests/native/golden_run.h"
#include "tests/native/random_graph.h"
#include "tests/native/verdict.h"

enum { BATCH = 64 };

static FILE *out;
static dn_dims *dims;

// ---- a batch ----

static void put_code(const cuda_cases *made) {
    char *bytes;
    size_t size;
    dn_native_entry *none = dn_xcalloc((size_t)made->n, sizeof *none);
    for (int i = 0; i < made->n; i++) none[i].names = "";
    const dn_program_source source = {made->program.source, ""};
    dn_program_image image = {.program = made->program,
                              .code = none,
                              .sources = &source,
                              .n_sources = 1,
                              .compiler = "make_cases",
                              .flags = ""};
    CHECK_OK(dn_program_encode(&image, &bytes, &size));
    put_block(out, bytes, size);
    free(bytes);
    free(none);
    CHECK_OK(dn_cuda_image_encode(&made->cuda, &bytes, &size));
    put_block(out, bytes, size);
    free(bytes);
}

static case_result result_of(const allowance *a, dn_tensor *want) {
    int64_t count = dn_shape_elements(&want->shape);
    case_result r = {want, dn_xcalloc((size_t)count + 1, sizeof *r.allowed)};
    double chaos = chaos_of(want);
    for (int64_t i = 0; i < count; i++) r.allowed[i] = margin(a, want, i, chaos);
    return r;
}

// Evaluations enough that an error which is allowed is not taken for a wrong result.
enum { EVALUATIONS = 40 };

static void put_run_case(const char *name, const run_case *c) {
    reference r = {0};
    CHECK_OK(reference_new(c, &r));
    allowances_widen(c, &r.want, RUNS, EVALUATIONS, r.a);
    dn_str text = {0};
    dn_graph_print(c->graph, &text);
    gpu_case g = {.name = (char *)name,
                  .text = text.text,
                  .seed = c->seed,
                  .step = c->step,
                  .n_inputs = c->graph->n_inputs,
                  .n_vars = c->graph->n_vars,
                  .n_outputs = c->graph->n_outputs,
                  .inputs = c->inputs,
                  .vars = c->vars,
                  .results = dn_xcalloc((size_t)r.want.n + 1, sizeof *g.results)};
    for (int i = 0; i < r.want.n; i++) g.results[i] = result_of(&r.a[i], r.want.tensors[i]);
    put_case(out, &g);
    for (int i = 0; i < r.want.n; i++) free(g.results[i].allowed);
    free(g.results);
    free(text.text);
    reference_free(&r);
}

static void put_batch(const run_case *cases, char *const *names, int n) {
    cuda_cases made;
    dn_status status = cuda_cases_make(&made, cases, n, 2);
    CHECK(!status, "%s", status ? dn_status_message(status) : "");
    if (!status) {
        put_code(&made);
        for (int i = 0; i < n; i++) put_run_case(names[i], &cases[i]);
    }
    dn_status_free(status);
    cuda_cases_free(&made);
}

// ---- golden cases ----

// The interpreter gives these values (tests/interp), so it is what cases are held against here,
// too.
static void make_ops(bool f32) {
    char *text = NULL, *names[BATCH];
    run_case cases[BATCH];
    golden_case g;
    size_t length;
    int n = 0;
    CHECK_OK(dn_read_file(TEST_DIR "/interp/golden/ops.txt", &text, &length));
    for (const char *at = text; *at;) {
        for (n = 0; n < BATCH && read_golden(&at, f32 ? DN_F32 : DN_F64, &g); n++) {
            cases[n] = golden_run(dims, &g);
            names[n] = dn_strdup(g.name);
            free_golden(&g);
        }
        put_batch(cases, names, n);
        for (int i = 0; i < n; i++) free_case(&cases[i]);
        for (int i = 0; i < n; i++) free(names[i]);
        if (n < BATCH) CHECK(!*at, "not a case: %.40s", at);
        if (n < BATCH) break;
    }
    free(text);
}

// ---- random graphs ----

static void make_random(uint64_t seed, int count) {
    for (int done = 0; done < count;) {
        char *names[BATCH];
        run_case cases[BATCH];
        int n = 0;
        for (; n < BATCH && done < count; n++, done++) {
            cases[n] = random_case(dims, seed + (uint64_t)done);
            names[n] = dn_printf("seed %llu", (unsigned long long)(seed + (uint64_t)done));
        }
        put_batch(cases, names, n);
        for (int i = 0; i < n; i++) free_case(&cases[i]);
        for (int i = 0; i < n; i++) free(names[i]);
    }
}

int main(int argc, char **argv) {
    if (argc < 4 || !(out = fopen(argv[3], "wb"))) {
        fprintf(stderr, "usage: make_cases ops|random f64|f32|tf32|bf16 FILE [SEED COUNT]\n");
        return 2;
    }
    dims = dn_dims_new();
    if (strcmp(argv[2], "tf32") == 0) cuda_target.units = DN_MATRIX_TF32;
    if (strcmp(argv[2], "bf16") == 0) cuda_target.units = DN_MATRIX_BF16;
    if (cuda_target.units == DN_MATRIX_TF32) contraction_epsilon = ldexp(1, -11);
    if (cuda_target.units == DN_MATRIX_BF16) contraction_epsilon = ldexp(1, -8);
    if (strcmp(argv[1], "ops") == 0)
        make_ops(strcmp(argv[2], "f64") != 0);
    else
        make_random(argc > 4 ? strtoull(argv[4], NULL, 10) : 1, argc > 5 ? atoi(argv[5]) : 64);
    dn_dims_free(dims);
    CHECK(fclose(out) == 0);
    return CHECK_RESULT();
}
