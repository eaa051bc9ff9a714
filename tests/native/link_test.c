// Executables made from hand-written kernels: what they print, what they need, what is said when
// something is missing.
#include "driver/link.h"

#include <elf.h>

#include "tests/host/machine.h"

// Three kernels: y = 2 x + 1; v += x; rows of a table that has three.
static const char kernel_source[] =
    "#include <stdint.h>\n"
    "typedef struct { int64_t launch, index, rows; } fault;\n"
    "static void affine(void *const *a, int64_t b, int64_t e, fault *f) {\n"
    "    (void)b, (void)e, (void)f;\n"
    "    *(float *)a[1] = 2 * *(float *)a[0] + BIAS;\n"
    "}\n"
    "static void add(void *const *a, int64_t b, int64_t e, fault *f) {\n"
    "    (void)b, (void)e, (void)f;\n"
    "    *(float *)a[1] += *(float *)a[0];\n"
    "    *(float *)a[2] = *(float *)a[1];\n"
    "}\n"
    "static void rows(void *const *a, int64_t b, int64_t e, fault *f) {\n"
    "    (void)b, (void)e;\n"
    "    if (*(float *)a[0] > 2) f->index = (int64_t)*(float *)a[0], f->rows = 3;\n"
    "}\n"
    "void (*const TABLE[])(void *const *, int64_t, int64_t, fault *) = {affine, add, rows};\n";

// ---- the program ----

static const dn_field x_field[] = {{"x", DN_F32, {0, {0}}}};
static const dn_field y_field[] = {{NULL, DN_F32, {0, {0}}}};
static const int vars[] = {0};
static dn_entry entries[] = {
    {.name = "init v", .n_outputs = 1, .outputs = y_field},
    {.name = "affine", .n_inputs = 1, .inputs = x_field, .n_outputs = 1, .outputs = y_field},
    {.name = "add",
     .n_inputs = 1,
     .inputs = x_field,
     .n_outputs = 1,
     .outputs = y_field,
     .n_vars = 1,
     .vars = vars,
     .is_step = true},
};
static const dn_variable variables[] = {{"v", DN_VARIABLE_PARAM, DN_F32, {0, {0}}, .init = 0}};

static const char names[] = "\0`gather` from small.dnet:7:9\0f32[3]";
static const dn_native_arg init_args[] = {{DN_PLACE_OUTPUT, 0, 0}};
static const dn_native_launch init_launches[] = {
    {.kind = DN_LAUNCH_RANDOM, .dtype = DN_F32, .n_args = 1, .tasks = 1}};
static const dn_native_arg affine_args[] = {{DN_PLACE_INPUT, 0, 0}, {DN_PLACE_OUTPUT, 0, 0}};
static const dn_native_launch affine_launches[] = {{.n_args = 2, .tasks = 1}};
static const dn_native_arg add_args[] = {
    {DN_PLACE_INPUT, 0, 0}, {DN_PLACE_VAR, 0, 0}, {DN_PLACE_OUTPUT, 0, 0}};
static const dn_native_launch add_launches[] = {
    {.kernel = 2, .n_args = 1, .tasks = 1, .can_fail = true, .place = 1, .table = 30},
    {.kernel = 1, .n_args = 3, .tasks = 1, .commits = true}};
static const dn_native_entry codes[] = {
    {.launches = init_launches, .n_launches = 1, .args = init_args, .n_args = 1},
    {.arena_bytes = 64,
     .launches = affine_launches,
     .n_launches = 1,
     .args = affine_args,
     .n_args = 2},
    {.launches = add_launches,
     .n_launches = 2,
     .args = add_args,
     .n_args = 3,
     .names = names,
     .n_names = sizeof names}};

static dn_program_source sources[] = {{"small.dnet", "// the source\n"}, {"b.dnet", "// more\n"}};

static void make_program(assembly *a) {
    a->program = (dn_program){.name = "small",
                              .source = "small.dnet",
                              .fingerprint = 3,
                              .variables = variables,
                              .n_variables = 1,
                              .entries = entries,
                              .n_entries = 3};
    static const dn_command_param params[] = {{"x", "a number", DN_FLAG_FLOAT, true, {0}}};
    add_command(
        a, "affine", 1, params, "x",
        "load x\n call_entry affine\n call_host number 1\n none\n none\n none\n none\n none\n"
        "call_host print 6\n return");
    add_command(a, "add", 1, params, "x", "load x\n call_entry add\n pop\n none\n return");
}

// ---- building ----

static char *command_output(const char *format, ...) DN_PRINTF(1, 2);
static char *command_output(const char *format, ...) {
    va_list args;
    va_start(args, format);
    char *command = dn_vprintf(format, args);
    va_end(args);
    FILE *pipe = popen(command, "r");
    free(command);
    dn_str text = {0};
    char buffer[4096];
    for (size_t n; pipe && (n = fread(buffer, 1, sizeof buffer, pipe)) > 0;)
        dn_str_append(&text, buffer, n);
    int code = pipe ? pclose(pipe) : -1;
    dn_str_printf(&text, "[%d]", WIFEXITED(code) ? WEXITSTATUS(code) : -1);
    return dn_str_take(&text);
}

static dn_object compile(const char *table, const char *bias) {
    write_file("kernels.c", kernel_source, strlen(kernel_source));
    char *said = command_output("cc -c -fPIC -O1 -DTABLE=%s -DBIAS=%s kernels.c -o kernels.o 2>&1",
                                table, bias);
    CHECK(strcmp(said, "[0]") == 0, "%s", said);
    free(said);
    dn_object object;
    object.bytes = file_text("kernels.o", &object.size);
    return object;
}

typedef struct fixture {
    assembly assembly;
    dn_program_image image;
    dn_object objects[DN_ISA_COUNT];
    dn_link link;
} fixture;

static void begin(fixture *f) {
    *f = (fixture){0};
    make_program(&f->assembly);
    f->objects[0] = compile("dn_kernels_avx2", "1");
    f->objects[1] = compile("dn_kernels_avx512", "1.5");
    f->objects[2] = compile("dn_kernels_avx512bf16", "1.75");
    f->image = (dn_program_image){.program = f->assembly.program,
                                  .code = codes,
                                  .n_kernels = 3,
                                  .sources = sources,
                                  .n_sources = 2,
                                  .compiler = "dnet 9.9",
                                  .flags = "-O2"};
    f->link = (dn_link){.output = "small",
                        .image = &f->image,
                        .objects = f->objects,
                        .n_objects = 2,
                        .runtime = BUILD_DIR "/libdn_runtime.a"};
}

static void end(fixture *f) {
    for (int i = 0; i < DN_ISA_COUNT; i++) free((char *)f->objects[i].bytes);
    assembly_free(&f->assembly);
}

static void expect_output(const char *command, const char *expected) {
    char *got = command_output("%s 2>&1", command);
    CHECK(strcmp(got, expected) == 0, "%s: got %s", command, got);
    free(got);
}

static void expect_part(const char *command, const char *part) {
    char *got = command_output("%s 2>&1", command);
    CHECK(strstr(got, part), "%s: got %s", command, got);
    free(got);
}

// ---- tests ----

static void test_executable(fixture *f) {
    CHECK_OK(dn_link_executable(&f->link));
    bool wide = dn_isa_here() >= DN_ISA_AVX512;
    expect_output("DNET_ISA=avx2 ./small affine --x 3", "7\n[0]");
    expect_output("./small affine --x=3", wide ? "7.5\n[0]" : "7\n[0]");
    expect_output("DNET_ISA=sse ./small affine --x=3",
                  "./small: error: DNET_ISA should be avx2, avx512 or avx512bf16, not `sse`\n[1]");
    expect_output("./small add --x 2 --threads 2", "[0]");
    expect_part(
        "./small add --x 5",
        "`gather` from small.dnet:7:9: error: index 5 is outside 0..2 (rows of f32[3])\n[1]");
    expect_output(
        "./small --version",
        "small, compiled by dnet 9.9\n  flags: -O2\n  instruction sets: avx2 avx512\n[0]");
    expect_output("./small --source", "// the source\n\n// ---- b.dnet ----\n// more\n[0]");
    expect_part("./small --help", "small: the commands of small.dnet");
    expect_part("./small", "`./small --source` from what;");
    expect_part("./small affine", "`affine` needs --x NUMBER");
    expect_output("ls", "kernels.c\nkernels.o\nsmall\n[0]");
}

// Of three tables, the one of the best instruction set that is asked for and here.
static void test_bf16(fixture *f) {
    bool here = dn_isa_here() == DN_ISA_AVX512_BF16;
    f->link.n_objects = DN_ISA_COUNT;
    CHECK_OK(dn_link_executable(&f->link));
    expect_part("./small --version", "instruction sets: avx2 avx512 avx512bf16\n");
    expect_output("DNET_ISA=avx2 ./small affine --x 3", "7\n[0]");
    if (here) expect_output("./small affine --x 3", "7.75\n[0]");
    if (here) expect_output("DNET_ISA=avx512 ./small affine --x 3", "7.5\n[0]");
    f->link.objects = f->objects + 2;
    f->link.n_objects = 1;
    CHECK_OK(dn_link_executable(&f->link));
    expect_output("DNET_ISA=avx2 ./small affine --x 3",
                  "./small: error: the program was compiled for avx512bf16, which this processor "
                  "lacks\n[1]");
    f->link.objects = f->objects;
    f->link.n_objects = 2;
}

// Only one of the tables.
static void test_one_isa(fixture *f) {
    f->link.n_objects = 1;
    CHECK_OK(dn_link_executable(&f->link));
    expect_output("./small affine --x 3", "7\n[0]");
    expect_part("./small --version", "instruction sets: avx2\n");
    f->link.objects = f->objects + 1;
    CHECK_OK(dn_link_executable(&f->link));
    expect_output("DNET_ISA=avx2 ./small affine --x 3",
                  "./small: error: the program was compiled for avx512, which this processor "
                  "lacks\n[1]");
    f->link.objects = f->objects;
    f->link.n_objects = 2;
}

#ifndef __SANITIZE_ADDRESS__
static void test_needs(fixture *f) {
    size_t size;
    CHECK_OK(dn_link_executable(&f->link));
    expect_output("ldd small | sed 's/ (.*//; s/ => .*//; s/^[ \\t]*//' | sort | tr '\\n' ' '",
                  "/lib64/ld-linux-x86-64.so.2 libc.so.6 libm.so.6 linux-vdso.so.1 [0]");
    free(file_text("small", &size));
    CHECK(size < 2 << 20, "%zu bytes", size);
    expect_part("readelf -lW small | grep GNU_STACK", " RW ");
    f->link.symbols = true;
    CHECK_OK(dn_link_executable(&f->link));
    expect_part("nm small", "dn_image_bytes");
    f->link.symbols = false;
}

static void test_object(fixture *f) {
    f->link.output = "small.o";
    CHECK_OK(dn_link_object(&f->link));
    expect_output("cc small.o " BUILD_DIR
                  "/libdn_runtime.a -lpng -ljpeg -ljansson -lz -lm "
                  "-o by_hand && DNET_ISA=avx2 ./by_hand affine --x 4",
                  "9\n[0]");
    f->link.output = "small";
}
#endif

static void test_failures(fixture *f) {
    dn_link link = f->link;
    link.output = "no/such/folder/small";
    CHECK_FAILS(dn_link_executable(&link), "cannot write no/such/folder/small: No such file");
    link = f->link;
    link.output = "/dev/null";
    CHECK_FAILS(dn_link_executable(&link), "cannot write /dev/null: it is not a file");
    link = f->link;
    link.runtime = "no.a";
    CHECK_FAILS(dn_link_executable(&link), "cannot read no.a");
    link.runtime = NULL;  // nothing lies beside this test
    CHECK_FAILS(dn_link_executable(&link), "there is no libdn_runtime.a");
    setenv("CC", "no-such-compiler -v", 1);
    CHECK_FAILS(dn_link_executable(&f->link),
                "cannot run `no-such-compiler`, which links programs: No such file");
    static const char script[] = "#!/bin/sh\necho 'ld: cannot find -l:libz.a: No' >&2\nexit 1\n";
    write_file("cc-fails", script, sizeof script - 1);
    CHECK(chmod("cc-fails", 0755) == 0);
    setenv("CC", "./cc-fails", 1);
    dn_status status = dn_link_executable(&f->link);
    CHECK(status && strcmp(dn_status_message(status), "`./cc-fails` could not make small") == 0);
    CHECK(status && strstr(dn_status_note(status), "cannot find -l:libz.a"));
    CHECK(status && strcmp(dn_status_hint(status), "on Debian: apt install zlib1g-dev") == 0);
    dn_status_free(status);
    unsetenv("CC");
    expect_output("./small affine --x 3 >/dev/null; ls *.tmp* 2>/dev/null | wc -l", "0\n[0]");
}

int main(void) {
    fixture f;
    folder_begin();
    begin(&f);
    test_executable(&f);
    test_bf16(&f);
    test_one_isa(&f);
#ifndef __SANITIZE_ADDRESS__
    test_needs(&f);
    test_object(&f);
#endif
    test_failures(&f);
    end(&f);
    folder_end();
    return CHECK_RESULT();
}
