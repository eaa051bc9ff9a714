// CUDA code as bytes: what comes back is what went in, and damage is told, never believed.
#include "runtime/cuda/cuda_image.h"

#include <stdlib.h>

#include "tests/runtime/image_damage.h"

// ---- a program with some of everything ----

static const dn_field fields[] = {{"x", DN_F32, {2, {4, 3}}}};
static const int vars[] = {0};
static const dn_entry entries[] = {
    {.name = "init w", .n_outputs = 1, .outputs = fields, .draws = true},
    {.name = "train",
     .n_inputs = 1,
     .inputs = fields,
     .n_outputs = 1,
     .outputs = fields,
     .n_vars = 1,
     .vars = vars},
};
static const dn_variable variables[] = {{.name = "w", .dtype = DN_F32, .shape = {2, {4, 3}}}};
static const dn_program program = {.name = "a",
                                   .source = "a.dnet",
                                   .variables = variables,
                                   .n_variables = 1,
                                   .entries = entries,
                                   .n_entries = 2};

static const dn_native_arg init_args[] = {{DN_PLACE_OUTPUT, 0, 0}};
static const dn_native_launch init_launches[] = {
    {.kind = DN_LAUNCH_RANDOM, .dtype = DN_F32, .normal = true, .n_args = 1, .tasks = 12}};
static const dn_native_arg train_args[] = {
    {DN_PLACE_INPUT, 0, 0}, {DN_PLACE_ARENA, 0, 128}, {DN_PLACE_VAR, 0, 0}};
static const char names[] = "\0dense";
static const dn_native_launch train_launches[] = {
    {.kernel = 1, .n_args = 2, .tasks = 1, .name = 1, .line = 3, .flops = 0.5, .contracts = true},
    {.kernel = 0, .arg = 1, .n_args = 2, .tasks = 1, .commits = true}};
static const dn_native_entry code[] = {
    {.launches = init_launches, .n_launches = 1, .args = init_args, .n_args = 1, .names = ""},
    {.arena_bytes = 4096,
     .launches = train_launches,
     .n_launches = 2,
     .args = train_args,
     .n_args = 3,
     .names = names,
     .n_names = sizeof names}};

// Numbers of floats are not drawn with a flat distribution, nor those of doubles with a normal one.
enum { N_KERNELS = 2, N_ALL = N_KERNELS + DN_CUDA_RANDOMS };
static const dn_cuda_kernel old[N_ALL] = {
    {"update", 1, 32, 0}, {"dense", 1000, 256, 65536}, {0}, {"normal", 132, 128, 0}, {0}, {0}};
static const dn_cuda_kernel new[N_ALL] = {
    {"update", 1, 32, 0}, {"dense", 250, 384, 200000}, {0}, {"normal", 132, 128, 0}, {0}, {0}};
static const dn_cuda_kernel *const kernels[] = {old, new};

static const char machine_code[] = "\177ELF\0\1\2";

// Of two modules.
static dn_cuda_code new_code(dn_cuda_module modules[2], char *ptx) {
    modules[0] = (dn_cuda_module){.sm = 80, .ptx = ptx, .ptx_bytes = strlen(ptx)};
    modules[1] = (dn_cuda_module){.sm = 90,
                                  .specific = true,
                                  .ptx = "",
                                  .cubin = machine_code,
                                  .cubin_bytes = sizeof machine_code};
    return (dn_cuda_code){.entries = code,
                          .n_entries = 2,
                          .modules = modules,
                          .n_modules = 2,
                          .kernels = kernels,
                          .n_kernels = N_KERNELS,
                          .units = DN_MATRIX_BF16};
}

// ---- round trip ----

static void check_contents(const dn_cuda_code *c, const char *ptx, const char *bytes, size_t size) {
    CHECK(c->n_entries == 2 && c->n_modules == 2 && c->n_kernels == N_KERNELS);
    CHECK(c->units == DN_MATRIX_BF16);
    CHECK(strcmp(c->modules[0].ptx, ptx) == 0 && c->modules[0].ptx_bytes == strlen(ptx));
    CHECK(!c->modules[0].cubin && c->modules[0].sm == 80 && !c->modules[0].specific);
    CHECK(c->modules[1].sm == 90 && c->modules[1].specific && !*c->modules[1].ptx);
    const char *cubin = c->modules[1].cubin;
    CHECK(c->modules[1].cubin_bytes == sizeof machine_code);
    CHECK(cubin > bytes && cubin < bytes + size, "machine code stays where it is");
    CHECK(memcmp(cubin, machine_code, sizeof machine_code) == 0);
    CHECK(strcmp(c->kernels[0][1].symbol, "dense") == 0 && c->kernels[0][1].grid == 1000);
    CHECK(c->kernels[1][1].block == 384 && c->kernels[1][1].shared == 200000);
    CHECK(!c->kernels[1][2].symbol && strcmp(c->kernels[1][3].symbol, "normal") == 0);
    CHECK(c->entries[1].launches[0].contracts && !c->entries[1].launches[1].contracts);
    CHECK(c->entries[1].launches[0].flops == 0.5 && c->entries[1].args[1].offset == 128);
    CHECK(strcmp(c->entries[1].names + c->entries[1].launches[0].name, "dense") == 0);
}

// What is decoded encodes to the same bytes, so that nothing is lost.
static void test_round_trip(const char *bytes, size_t size, const char *ptx) {
    dn_arena arena = {0};
    dn_cuda_code out;
    char *again = NULL;
    size_t again_size = 0;
    CHECK_OK(dn_cuda_image_decode(&arena, bytes, size, &program, &out));
    check_contents(&out, ptx, bytes, size);
    CHECK_OK(dn_cuda_image_encode(&out, &again, &again_size));
    CHECK(again_size == size && memcmp(again, bytes, size) == 0);
    free(again);
    dn_arena_free(&arena);
}

static void test_compression(void) {
    enum { LINES = 20000 };
    dn_str ptx = {0};
    dn_cuda_module modules[2];
    char *bytes;
    size_t size;
    for (int i = 0; i < LINES; i++) dn_str_puts(&ptx, "add.f32 %f1, %f2, %f3;\n");
    dn_cuda_code c = new_code(modules, ptx.text);
    CHECK_OK(dn_cuda_image_encode(&c, &bytes, &size));
    CHECK(size < ptx.length / 100, "%zu bytes of %zu", size, ptx.length);
    test_round_trip(bytes, size, ptx.text);
    free(bytes);
    free(ptx.text);
}

// ---- damage ----

// Whether it is refused; what is not can be used.
static bool refused(const char *bytes, size_t size) {
    char *copy = dn_xmalloc(size ? size : 1), *again;  // so that sanitizers see its end
    memcpy(copy, bytes, size);
    dn_arena arena = {0};
    dn_cuda_code out;
    dn_status status = dn_cuda_image_decode(&arena, copy, size, &program, &out);
    bool failed = status != NULL;
    if (failed) {
        CHECK(dn_status_code(status) == DN_CORRUPT, "%s", dn_status_message(status));
    } else {
        dn_cuda_memory memory;
        dn_cuda_memory_of(&program, &out, &memory);
        CHECK_OK(dn_cuda_image_encode(&out, &again, &size));
        free(again);
    }
    dn_status_free(status);
    dn_arena_free(&arena);
    free(copy);
    return failed;
}

// ---- what does not belong together ----

static void expect_refused(const dn_cuda_code *c, const dn_program *p, const char *what) {
    char *bytes;
    size_t size;
    CHECK_OK(dn_cuda_image_encode(c, &bytes, &size));
    dn_arena arena = {0};
    dn_cuda_code out;
    CHECK_FAILS(dn_cuda_image_decode(&arena, bytes, size, p, &out), what);
    dn_arena_free(&arena);
    free(bytes);
}

static void refuse_kernel(dn_cuda_code c, int index, dn_cuda_kernel kernel, const char *what) {
    dn_cuda_kernel changed[N_ALL];
    const dn_cuda_kernel *tables[] = {old, changed};
    memcpy(changed, new, sizeof changed);
    changed[index] = kernel;
    c.kernels = tables;
    expect_refused(&c, &program, what);
}

static void test_references(void) {
    dn_cuda_module modules[2];
    dn_cuda_code c = new_code(modules, "text"), other = c;
    dn_program small = program;
    small.n_entries = 1;
    expect_refused(&c, &small, "the code of entries");
    small = program;
    small.n_variables = 0;
    expect_refused(&c, &small, "an entry");
    other.n_kernels = 1;  // launches name kernel 1, and the table is as long as before
    expect_refused(&other, &program, "the code of an entry");
    other = c;
    other.n_modules = 0;
    expect_refused(&other, &program, "its modules");
    refuse_kernel(c, 1, (dn_cuda_kernel){0}, "a kernel");
    refuse_kernel(c, 3, (dn_cuda_kernel){0}, "a kernel");
    refuse_kernel(c, 1, (dn_cuda_kernel){"dense", 1, 0, 0}, "a kernel");
    char *bytes;
    size_t size;
    dn_cuda_kernel wide[N_ALL];
    const dn_cuda_kernel *tables[] = {old, wide};
    memcpy(wide, new, sizeof wide);
    other = c;
    other.kernels = tables;
    wide[1].block = 1025;
    CHECK_FAILS(dn_cuda_image_encode(&other, &bytes, &size), "a block");
    wide[1] = (dn_cuda_kernel){"dense", INT64_C(1) << 31, 32, 0};
    CHECK_FAILS(dn_cuda_image_encode(&other, &bytes, &size), "a grid");
}

// ---- memory ----

static void test_memory(void) {
    dn_cuda_module modules[2];
    dn_cuda_code c = new_code(modules, "text");
    dn_cuda_memory m;
    dn_cuda_memory_of(&program, &c, &m);
    CHECK(m.variables == 256 && m.arena == 4096, "48 bytes, aligned");
    CHECK(m.inputs == 4 * 256 && m.outputs == 4 * 256 && m.state == 4 * 256);
    CHECK(m.device == 256 + 4096 + 12 * 256 && m.pinned == 12 * 256);
}

int main(void) {
    dn_cuda_module modules[2];
    static char ptx[] = ".version 8.0\n.target sm_80\n";
    dn_cuda_code c = new_code(modules, ptx);
    char *bytes;
    size_t size;
    CHECK_OK(dn_cuda_image_encode(&c, &bytes, &size));
    test_round_trip(bytes, size, ptx);
    test_compression();
    damage_image(bytes, size, 500, refused);
    test_references();
    test_memory();
    free(bytes);
    return CHECK_RESULT();
}
