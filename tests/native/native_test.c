// From kernels made by hand to machine code: launches and what they say, equal kernels made once,
// the three forms, several threads and parts, and running from memory.
#include "codegen/native.h"

#include <pthread.h>
#include <stdlib.h>

#include "codegen/x86/x86.h"
#include "runtime/rng.h"
#include "tests/check.h"

enum { COUNT = 4096, MAIN_FILE = 2 };

// ---- entries ----

static int add_buffer(dn_kernels *entry, dn_buffer_kind kind, int index, int64_t offset) {
    DN_PUSH(entry->buffers, entry->n_buffers, entry->cap_buffers) = (dn_buffer){
        .kind = kind, .index = index, .dtype = DN_F32, .count = COUNT, .offset = offset};
    return entry->n_buffers - 1;
}

static dn_kernel *add_kernel(dn_kernels *entry, const char *name, unsigned line, int n_args,
                             const int *args) {
    dn_kernel *kernel = DN_NEW(&entry->arena, dn_kernel);
    kernel->name = name;
    kernel->span = (dn_span){MAIN_FILE, line, line + 1};
    kernel->args = dn_arena_copy(&entry->arena, args, (size_t)n_args * sizeof *args);
    kernel->n_args = n_args;
    DN_PUSH(entry->list, entry->n, entry->cap) = kernel;
    return kernel;
}

static dn_access along(void) { return (dn_access){.stride = {1}}; }

// out = (x + y) * factor
static dn_kernel *add_scaled(dn_kernels *entry, unsigned line, int x, int y, int out,
                             double factor) {
    dn_kernel *kernel = add_kernel(entry, "add mul", line, 3, (int[]){x, y, out});
    const dn_kvalue values[] = {
        {.kind = DN_KV_LOAD, .dtype = DN_F32, .in = {-1, -1, -1}, .arg = 0, .access = along()},
        {.kind = DN_KV_LOAD, .dtype = DN_F32, .in = {-1, -1, -1}, .arg = 1, .access = along()},
        {.kind = DN_KV_CONST, .dtype = DN_F32, .in = {-1, -1, -1}, .number = factor},
        {.kind = DN_KV_ELEMENTWISE, .op = DN_OP_ADD, .dtype = DN_F32, .in = {0, 1, -1}},
        {.kind = DN_KV_ELEMENTWISE, .op = DN_OP_MUL, .dtype = DN_F32, .in = {3, 2, -1}},
    };
    const dn_axis axis = {COUNT, DN_AXIS_PARALLEL};
    const dn_store store = {.arg = 2, .value = 4, .access = along(), .row = -1};
    kernel->axes = dn_arena_copy(&entry->arena, &axis, sizeof axis);
    kernel->n_axes = 1;
    kernel->values = dn_arena_copy(&entry->arena, values, sizeof values);
    kernel->n_values = kernel->n_body = 5;
    kernel->stores = dn_arena_copy(&entry->arena, &store, sizeof store);
    kernel->n_stores = 1;
    return kernel;
}

static void add_random(dn_kernels *entry, int out) {
    dn_kernel *kernel = add_kernel(entry, "normal", 5, 1, &out);
    kernel->kind = DN_KERNEL_RANDOM;
    kernel->normal = true;
    kernel->site = 77;
}

static void free_entry(dn_kernels *entry) {
    free(entry->buffers);
    free(entry->list);
    dn_arena_free(&entry->arena);
}

enum { X, V, MIDDLE, NOISE, OUT };

// middle = (x + v) * 3; noise = normal; out = (middle + noise) * 3; v = (v + middle) * 0.5
static void make_entry(dn_kernels *entry) {
    *entry =
        (dn_kernels){.target = &dn_x86_target, .arena_bytes = 64 + COUNT * (int64_t)sizeof(float)};
    add_buffer(entry, DN_BUFFER_INPUT, 0, 0);
    add_buffer(entry, DN_BUFFER_VAR, 0, 0);
    add_buffer(entry, DN_BUFFER_TEMP, 0, 64);
    add_buffer(entry, DN_BUFFER_OUTPUT, 0, 0);
    add_buffer(entry, DN_BUFFER_OUTPUT, 1, 0);
    add_scaled(entry, 3, X, V, MIDDLE, 3);
    add_random(entry, NOISE);
    add_scaled(entry, 7, MIDDLE, NOISE, OUT, 3);
    add_scaled(entry, 9, V, MIDDLE, V, 0.5);
}

static bool place(void *context, dn_span span, const char **path, int *line, int *column) {
    *path = context;
    *line = (int)span.begin;
    *column = 5;
    return true;
}

static char path[] = "model.dnet";
static const dn_native_options plain = {
    .level = 2, .place = place, .place_context = path, .main_file = MAIN_FILE};

static dn_native_code *code_of(const dn_kernels *entry, const dn_native_options *options) {
    dn_native_code *code = NULL;
    CHECK_OK(dn_native_code_new(&entry, 1, options, &code));
    return code;
}

// ---- launches ----

static void check_arg(const dn_native_entry *entry, const dn_native_launch *launch, int arg,
                      dn_native_place where, int64_t offset) {
    const dn_native_arg *got = &entry->args[launch->arg + arg];
    CHECK(got->place == where && got->offset == offset, "place %d, offset %lld", got->place,
          (long long)got->offset);
}

static void test_launches(void) {
    dn_kernels entry;
    make_entry(&entry);
    dn_native_code *code = code_of(&entry, &plain);
    const dn_native_entry *made = &code->entries[0];
    const dn_native_launch *launches = made->launches;
    CHECK(made->n_launches == 4 && made->n_args == 10 && made->arena_bytes == entry.arena_bytes);
    CHECK(launches[0].kind == DN_LAUNCH_KERNEL && launches[0].n_args == 3 && launches[0].tasks > 0);
    check_arg(made, &launches[0], 0, DN_PLACE_INPUT, 0);
    check_arg(made, &launches[0], 2, DN_PLACE_ARENA, 64);
    check_arg(made, &launches[3], 0, DN_PLACE_VAR, 0);
    CHECK(launches[1].kind == DN_LAUNCH_RANDOM && launches[1].normal && !launches[1].keyed);
    CHECK(launches[1].tasks == COUNT && launches[1].site == 77 && launches[1].dtype == DN_F32);
    CHECK(strcmp(made->names + launches[1].name, "normal") == 0);
    CHECK(strcmp(made->names + launches[2].name, "add mul") == 0);
    CHECK(launches[2].line == 7);
    CHECK(!launches[2].commits && launches[3].commits && !launches[3].can_fail);
    // Those with factor 3 are one kernel, although they are of different buffers.
    CHECK(code->n_kernels == 2, "%d kernels", code->n_kernels);
    CHECK(launches[0].kernel == launches[2].kernel && launches[0].kernel != launches[3].kernel);
    CHECK(strcmp(code->symbols[0], "dn_k0_add_mul") == 0, "%s", code->symbols[0]);
    dn_native_code_free(code);
    free_entry(&entry);
}

// A row chosen by a value can be missing; the launch says what to report.
static void test_faults(void) {
    dn_kernels entry;
    make_entry(&entry);
    dn_dims *dims = dn_dims_new();
    dn_graph *graph = dn_graph_new(dims, "step");
    dn_dim sizes[] = {COUNT / 4, 4};
    entry.graph = graph;
    entry.buffers[X].node = dn_graph_input(graph, "x", dn_type_of(DN_F32, 2, sizes));
    entry.list[0]->values[0].in[0] = 1;  // checked, not compiled
    dn_native_code *code = code_of(&entry, &plain);
    const dn_native_entry *made = &code->entries[0];
    CHECK(made->launches[0].can_fail && !made->launches[2].can_fail);
    CHECK(strcmp(made->names + made->launches[0].place, "`gather` from model.dnet:3:5") == 0);
    CHECK(strcmp(made->names + made->launches[0].table, "f32[1024, 4]") == 0);
    CHECK(made->launches[2].place == 0 && made->launches[2].table == 0);
    dn_native_code_free(code);
    dn_kernel *first = entry.list[0];
    entry.list[0] = entry.list[3];
    entry.list[3] = first;
    const dn_kernels *entries = &entry;
    CHECK_FAILS(dn_native_code_new(&entries, 1, &plain, &code),
                "`step`: kernel 3 can fail after kernel 0 wrote a variable");
    free_entry(&entry);
    dn_graph_free(graph);
    dn_dims_free(dims);
}

// ---- forms ----

static char *emit(const dn_native_code *code, const dn_native_options *options, dn_isa isa,
                  dn_native_form form, size_t *size) {
    char *bytes = NULL;
    CHECK_OK(dn_native_emit(code, options, isa, form, &bytes, size));
    return bytes ? bytes : dn_strdup("");
}

static void check_text(const dn_native_code *code, const dn_native_options *options, dn_isa isa,
                       dn_native_form form, const char *const *expected) {
    size_t size;
    char *text = emit(code, options, isa, form, &size);
    for (int i = 0; expected[i]; i++) {
        CHECK(strstr(text, expected[i]), "no `%s` in form %d for %s at -O%d", expected[i], form,
              dn_isa_name(isa), options->level);
    }
    free(text);
}

static void test_forms(void) {
    dn_kernels entry;
    make_entry(&entry);
    dn_native_options lines = plain;
    lines.lines = true;
    for (int level = 0; level <= 3; level++) {
        dn_native_options options = plain;
        options.level = level;
        dn_native_code *code = code_of(&entry, &options);
        size_t size = 0;
        char *object = emit(code, &options, DN_ISA_AVX2, DN_FORM_OBJECT, &size);
        CHECK(size > 100 && memcmp(object, "\177ELF", 4) == 0, "%zu bytes", size);
        free(object);
        check_text(code, &options, DN_ISA_AVX2, DN_FORM_ASSEMBLY,
                   (const char *[]){"dn_k0_add_mul_avx2:", "dn_kernels_avx2:", "%ymm", NULL});
        check_text(code, &options, DN_ISA_AVX512, DN_FORM_ASSEMBLY,
                   (const char *[]){"dn_k1_add_mul_avx512:", "dn_kernels_avx512:", "%zmm", NULL});
        check_text(code, &options, DN_ISA_AVX512, DN_FORM_LLVM,
                   (const char *[]){"define internal void @dn_k1_add_mul_avx512", NULL});
        check_text(code, &lines, DN_ISA_AVX2, DN_FORM_ASSEMBLY,
                   (const char *[]){".loc\t", " 3 5", " 9 5", "model.dnet", "add mul", NULL});
        dn_native_code_free(code);
    }
    free_entry(&entry);
}

// Kernels for AVX-512 with bf16 are made where they differ, that is, of contractions by pairs; the
// table has AVX-512's for the others.
static void test_pairs(void) {
    dn_dims *dims = dn_dims_new();
    dn_graph *graph = NULL;
    dn_kernels *entry = NULL;
    CHECK_OK(dn_graph_parse(
        dims,
        "graph @product {\n"
        "  %0 = input {index=0, name=\"x\"} : bf16[64, 32]\n"
        "  %1 = input {index=1, name=\"w\"} : bf16[32, 64]\n"
        "  %2 = dot %0, %1 {lhs_batch=[], rhs_batch=[], lhs_contract=[1], rhs_contract=[0]}"
        " : bf16[64, 64]\n"
        "  return y=%2\n"
        "}\n",
        &graph));
    CHECK_OK(dn_kernels_lower(graph, &dn_x86_target, &entry));
    dn_kernels_plan(entry);
    dn_native_options alone = plain, all = plain;
    for (int isa = 0; isa < DN_ISA_COUNT; isa++) {
        all.isa[isa] = true;
        alone.isa[isa] = isa == DN_ISA_AVX512_BF16;
    }
    dn_native_code *code = code_of(entry, &all);
    CHECK(dn_native_makes(code, &all, DN_ISA_AVX512_BF16));
    check_text(code, &all, DN_ISA_AVX512_BF16, DN_FORM_ASSEMBLY,
               (const char *[]){"vdpbf16ps", "dn_k1_dot_avx512bf16:", "dn_k0_pack_avx512\n", NULL});
    check_text(code, &alone, DN_ISA_AVX512_BF16, DN_FORM_ASSEMBLY,
               (const char *[]){"vdpbf16ps", "dn_k0_pack_avx512bf16:", NULL});
    check_text(code, &all, DN_ISA_AVX512, DN_FORM_ASSEMBLY,
               (const char *[]){"vfmadd", "dn_k0_pack_avx512:", ".globl\tdn_k0_pack_avx512", NULL});
    dn_native_code_free(code);
    dn_kernels_free(entry);
    dn_graph_free(graph);
    dn_dims_free(dims);
    dn_kernels plainly;
    make_entry(&plainly);
    code = code_of(&plainly, &all);
    CHECK(!dn_native_makes(code, &all, DN_ISA_AVX512_BF16), "nothing differs");
    CHECK(dn_native_makes(code, &alone, DN_ISA_AVX512_BF16), "there is no other");
    dn_native_code_free(code);
    free_entry(&plainly);
}

typedef struct job {
    const dn_native_code *code;
    dn_isa isa;
    char *bytes;
    size_t size;
} job;

static void *run_job(void *arg) {
    job *j = arg;
    j->bytes = emit(j->code, &plain, j->isa, DN_FORM_OBJECT, &j->size);
    return NULL;
}

// Both instruction sets at the same time give the bytes that each gives alone.
static void test_threads(void) {
    dn_kernels entry;
    make_entry(&entry);
    dn_native_code *code = code_of(&entry, &plain);
    job jobs[DN_ISA_COUNT], alone;
    pthread_t threads[DN_ISA_COUNT];
    for (int i = 0; i < DN_ISA_COUNT; i++) {
        jobs[i] = (job){.code = code, .isa = (dn_isa)i};
        CHECK(pthread_create(&threads[i], NULL, run_job, &jobs[i]) == 0);
    }
    for (int i = 0; i < DN_ISA_COUNT; i++) pthread_join(threads[i], NULL);
    for (int i = 0; i < DN_ISA_COUNT; i++) {
        alone = (job){.code = code, .isa = (dn_isa)i};
        run_job(&alone);
        CHECK(alone.size == jobs[i].size && memcmp(alone.bytes, jobs[i].bytes, alone.size) == 0);
        free(alone.bytes);
        free(jobs[i].bytes);
    }
    dn_native_code_free(code);
    free_entry(&entry);
}

// ---- running ----

static dn_tensor *new_tensor(double first, double step) {
    dn_shape shape = dn_shape_of(1, (int64_t[]){COUNT});
    dn_tensor *tensor = NULL;
    CHECK_OK(dn_tensor_new(DN_F32, &shape, &tensor));
    for (int64_t i = 0; i < COUNT; i++) dn_tensor_set(tensor, i, first + step * (double)i);
    return tensor;
}

static void check_results(dn_tensor *const *outputs, const dn_tensor *var) {
    static float noise[COUNT];
    dn_rng_stream stream = {.seed = 11, .step = 4, .site = 77};
    dn_rng_normal_f32(&stream, 0, COUNT, noise);
    int wrong = 0;
    for (int i = 0; i < COUNT; i++) {
        float middle = ((float)i + 1) * 3;
        wrong += ((float *)outputs[0]->data)[i] != noise[i];
        wrong += ((float *)outputs[1]->data)[i] != (middle + noise[i]) * 3;
        wrong += ((float *)var->data)[i] != (1 + middle) * 0.5f;
    }
    CHECK(wrong == 0, "%d results are wrong", wrong);
}

static void test_run(int level, bool lines, int threads) {
    dn_kernels entry;
    make_entry(&entry);
    dn_native_options options = plain;
    options.level = level;
    options.lines = lines;
    dn_native_code *code = code_of(&entry, &options);
    dn_jit *jit = NULL;
    dn_pool *pool = NULL;
    dn_native_runner *runner = NULL;
    CHECK_OK(dn_jit_new(code, &options, &jit));
    CHECK_OK(dn_pool_new(threads, &pool));
    CHECK_OK(dn_native_runner_new(pool, &runner));
    dn_field field = {.name = "y", .dtype = DN_F32, .shape = dn_shape_of(1, (int64_t[]){COUNT})};
    dn_field fields[] = {field, field};
    dn_entry what = {.name = "step",
                     .n_inputs = 1,
                     .inputs = fields,
                     .n_outputs = 2,
                     .outputs = fields,
                     .n_vars = 1};
    dn_tensor *x = new_tensor(0, 1), *var = new_tensor(1, 0), *outputs[2] = {NULL, NULL};
    int launch = -1;
    CHECK_OK(dn_native_run(runner, &code->entries[0], dn_jit_kernels(jit),
                           &(dn_native_call){&what, &x, &var, outputs, 11, 4}, &launch));
    check_results(outputs, var);
    dn_tensor_release(x);
    dn_tensor_release(var);
    for (int i = 0; i < 2; i++) dn_tensor_release(outputs[i]);
    dn_native_runner_free(runner);
    dn_pool_free(pool);
    dn_jit_free(jit);
    dn_native_code_free(code);
    free_entry(&entry);
}

// Many kernels are compiled in parts; the table is in their order all the same.
static void test_parts(int threads) {
    enum { KERNELS = 50 };
    dn_kernels entry;
    make_entry(&entry);
    for (int i = 0; i < KERNELS; i++) add_scaled(&entry, 1, X, MIDDLE, OUT, 100 + i);
    dn_native_options options = plain;
    options.threads = threads;
    dn_native_code *code = code_of(&entry, &options);
    dn_jit *jit = NULL;
    CHECK_OK(dn_jit_new(code, &options, &jit));
    CHECK(code->n_kernels == 2 + KERNELS);
    dn_tensor *x = new_tensor(0, 1), *y = new_tensor(5, 0), *out = new_tensor(0, 0);
    void *args[] = {x->data, y->data, out->data};
    int wrong = 0;
    for (int i = 0; i < KERNELS; i++) {
        const dn_native_launch *launch = &code->entries[0].launches[4 + i];
        dn_native_fault fault = {0};
        dn_jit_kernels(jit)[launch->kernel](args, 0, launch->tasks, &fault);
        for (int k = 0; k < COUNT; k++)
            wrong += ((float *)out->data)[k] != ((float)k + 5) * (float)(100 + i);
    }
    CHECK(wrong == 0, "%d results are wrong", wrong);
    dn_tensor_release(x);
    dn_tensor_release(y);
    dn_tensor_release(out);
    dn_jit_free(jit);
    dn_native_code_free(code);
    free_entry(&entry);
}

// What cannot be emitted is a failure, with all parts given back.
static void test_failure(void) {
    dn_kernels entry;
    make_entry(&entry);
    for (int i = 0; i < 30; i++) add_scaled(&entry, 1, X, MIDDLE, OUT, 100 + i);
    dn_native_options options = plain;
    options.threads = 2;
    options.lines = true;
    dn_native_code *code = code_of(&entry, &options);
    dn_jit *jit = NULL;
    char *bytes = NULL;
    size_t size = 0;
    entry.list[20]->kind = entry.list[21]->kind = DN_KERNEL_RANDOM;
    CHECK_FAILS(dn_jit_new(code, &options, &jit), "random numbers are no kernel");
    CHECK_FAILS(dn_native_emit(code, &options, DN_ISA_AVX2, DN_FORM_OBJECT, &bytes, &size),
                "random numbers are no kernel");
    CHECK(!jit && !bytes);
    dn_native_code_free(code);
    free_entry(&entry);
}

// An entry may have nothing to compute.
static void test_empty(void) {
    dn_kernels entry = {0};
    dn_native_code *code = code_of(&entry, &plain);
    dn_jit *jit = NULL;
    CHECK(code->n_kernels == 0 && code->entries[0].n_launches == 0);
    CHECK_OK(dn_jit_new(code, &plain, &jit));
    dn_jit_free(jit);
    dn_native_code_free(code);
}

int main(void) {
    test_launches();
    test_faults();
    test_forms();
    test_pairs();
    test_threads();
    for (int level = 0; level <= 3; level++) test_run(level, false, 1 + level % 3);
    test_run(2, true, 2);
    test_parts(1);
    test_parts(3);
    test_failure();
    test_empty();
    return CHECK_RESULT();
}
