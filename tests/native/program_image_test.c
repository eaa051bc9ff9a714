// A program as bytes: what comes back is what went in, and damage is told, never believed.
#include "runtime/host/program_image.h"

#include <stdlib.h>

#include "runtime/host/run.h"
#include "tests/runtime/image_damage.h"

// ---- a program with some of everything ----

static const dn_field fields[] = {{"x", DN_F32, {2, {4, 3}}}, {"label", DN_I64, {0, {0}}}};
static const dn_field unnamed[] = {{NULL, DN_F32, {2, {4, 3}}}};
static const dn_location result_places[] = {{"lib/b.dnet", 7, 3}};
static const int vars[] = {1, 0};
static const dn_entry entries[] = {
    {.name = "init w", .n_outputs = 1, .outputs = unnamed, .draws = true},
    {.name = "train",
     .n_inputs = 2,
     .inputs = fields,
     .n_outputs = 1,
     .outputs = fields,
     .places = result_places,
     .n_vars = 2,
     .vars = vars,
     .record = true,
     .is_step = true},
};
static const dn_variable variables[] = {
    {"w", DN_VARIABLE_PARAM, DN_F32, {2, {4, 3}}, .init = 0, .place = {"a.dnet", 2, 5}},
    {"w/adam.m", DN_VARIABLE_SLOT, DN_F32, {2, {4, 3}}, .init = 0},
};

static const dn_native_arg init_args[] = {{DN_PLACE_OUTPUT, 0, 0}};
static const dn_native_launch init_launches[] = {{.kind = DN_LAUNCH_RANDOM,
                                                  .dtype = DN_F32,
                                                  .normal = true,
                                                  .n_args = 1,
                                                  .tasks = 12,
                                                  .seed = 1,
                                                  .site = 0xffffffff}};
static const dn_native_arg train_args[] = {{DN_PLACE_INPUT, 1, 0},
                                           {DN_PLACE_ARENA, 0, 128},
                                           {DN_PLACE_VAR, 1, 0},
                                           {DN_PLACE_OUTPUT, 0, 0}};
static const char names[] = "\0conv2d\0`gather` from a.dnet:3:5\0f32[4, 3]";
static const dn_native_launch train_launches[] = {
    {.kernel = 6,
     .n_args = 2,
     .tasks = 128,
     .name = 1,
     .line = 3,
     .flops = 1e9,
     .bytes = 0.5,
     .can_fail = true,
     .place = 8,
     .table = 33},
    {.kernel = 0, .arg = 1, .n_args = 3, .tasks = 1, .commits = true}};
static const dn_native_entry code[] = {
    {.launches = init_launches, .n_launches = 1, .args = init_args, .n_args = 1},
    {.arena_bytes = 4096,
     .launches = train_launches,
     .n_launches = 2,
     .args = train_args,
     .n_args = 4,
     .names = names,
     .n_names = sizeof names}};

static const dn_instruction run_code[] = {{DN_VM_CONST, 0, 3},
                                          {DN_VM_STORE, 0, 1},
                                          {DN_VM_LOAD, 0, 0},
                                          {DN_VM_RECORD, 0, 0},
                                          {DN_VM_RETURN, 0, 0}};
static const dn_location run_places[] = {
    {"a.dnet", 10, 2}, {"a.dnet", 10, 8}, {"lib/b.dnet", 1, 1}, {NULL, 0, 0}, {"a.dnet", 11, 2}};
static const char *const local_names[] = {"epochs", NULL};
static const char *const record[] = {"loss", NULL};
static const char *const *const records[] = {record};
static const dn_command_param params[] = {
    {"epochs", "How many.\nOften.", DN_FLAG_INT, false, {.kind = DN_VALUE_INT, .integer = 20}}};
static const dn_command commands[] = {{.name = "train",
                                       .doc = "Trains.",
                                       .params = params,
                                       .n_params = 1,
                                       .n_locals = 2,
                                       .local_names = local_names,
                                       .code = run_code,
                                       .places = run_places,
                                       .n_code = 5,
                                       .checkpoints = true}};

static dn_program_source sources[] = {{"a.dnet", "step train() {}\n"}, {"lib/b.dnet", ""}};

static dn_program_image new_image(dn_value constants[5]) {
    constants[0] = dn_value_none();
    constants[1] = dn_value_bool(true);
    constants[2] = dn_value_int(INT64_MIN);
    constants[3] = dn_value_float(-0.1);
    constants[4] = dn_value_string("a\0b", 3);
    return (dn_program_image){.program = {.name = "a",
                                          .source = "a.dnet",
                                          .fingerprint = UINT64_MAX - 4,
                                          .variables = variables,
                                          .n_variables = 2,
                                          .entries = entries,
                                          .n_entries = 2,
                                          .commands = commands,
                                          .n_commands = 1,
                                          .constants = constants,
                                          .n_constants = 5,
                                          .record_names = records,
                                          .n_record_names = 1},
                              .code = code,
                              .n_kernels = 7,
                              .sources = sources,
                              .n_sources = 2,
                              .compiler = "dnet 0.1.0",
                              .flags = "-O2"};
}

// ---- round trip ----

static void check_contents(const dn_program_image *image, const char *bytes, size_t size) {
    const dn_program *p = &image->program;
    const dn_native_launch *launch = &image->code[1].launches[0];
    CHECK(strcmp(p->name, "a") == 0 && strcmp(p->source, "a.dnet") == 0);
    CHECK(p->name > bytes && p->name < bytes + size, "texts stay where they are");
    CHECK(p->fingerprint == UINT64_MAX - 4);
    CHECK(p->entries[1].code == &image->code[1]);
    CHECK(strcmp(p->entries[1].inputs[1].name, "label") == 0);
    CHECK(p->entries[1].inputs[1].dtype == DN_I64 && p->entries[1].inputs[0].shape.dims[1] == 3);
    CHECK(!p->entries[0].outputs[0].name && p->entries[1].vars[0] == 1);
    CHECK(!p->entries[0].places && strcmp(p->entries[1].places[0].path, "lib/b.dnet") == 0);
    CHECK(p->entries[1].places[0].line == 7 && p->entries[1].places[0].column == 3);
    CHECK(strcmp(p->variables[0].place.path, "a.dnet") == 0 && p->variables[0].place.line == 2);
    CHECK(p->variables[0].place.column == 5 && !p->variables[1].place.path);
    CHECK(launch->flops == 1e9 && launch->bytes == 0.5 && launch->kernel == 6);
    CHECK(strcmp(image->code[1].names + launch->place, "`gather` from a.dnet:3:5") == 0);
    CHECK(strcmp(image->code[1].names + launch->table, "f32[4, 3]") == 0);
    CHECK(image->code[0].launches[0].site == 0xffffffff);
    CHECK(p->constants[2].integer == INT64_MIN && p->constants[3].number == -0.1);
    CHECK(p->constants[4].string->length == 3 && p->constants[4].string->references < 0);
    CHECK(memcmp(p->constants[4].string->text, "a\0b", 4) == 0);
    CHECK(strcmp(p->commands[0].params[0].doc, "How many.\nOften.") == 0);
    CHECK(p->commands[0].params[0].init.integer == 20 && !p->commands[0].local_names[1]);
    CHECK(strcmp(p->commands[0].places[1].path, "a.dnet") == 0 && !p->commands[0].places[3].path);
    CHECK(strcmp(p->commands[0].places[4].path, "a.dnet") == 0);
    CHECK(strcmp(p->record_names[0][0], "loss") == 0 && !p->record_names[0][1]);
    CHECK(strcmp(image->sources[0].text, "step train() {}\n") == 0);
}

// What is decoded encodes to the same bytes, so that nothing is lost.
static void test_round_trip(const char *bytes, size_t size) {
    dn_arena arena = {0};
    dn_program_image image;
    char *again = NULL;
    size_t again_size = 0;
    CHECK_OK(dn_program_decode(&arena, bytes, size, &image));
    check_contents(&image, bytes, size);
    CHECK_OK(dn_program_encode(&image, &again, &again_size));
    CHECK(again_size == size && memcmp(again, bytes, size) == 0);
    free(again);
    dn_arena_free(&arena);
}

static void test_unusual(void) {
    dn_value constants[5], list = dn_value_list();
    dn_program_image image = new_image(constants);
    char *bytes;
    size_t size;
    image.program.constants = &list;
    image.program.n_constants = 1;
    CHECK_FAILS(dn_program_encode(&image, &bytes, &size), "a constant that is not plain");
    dn_value_release(list);
    dn_value_release(constants[4]);
}

// ---- damage ----

// Goes through what a program does before it runs; sanitizers watch.
static void use(const dn_program_image *image) {
    dn_executor none = {0};
    dn_run_options options = {0};
    dn_run *run;
    CHECK_OK(dn_run_new(&image->program, &none, &options, &run));
    for (int i = 0; i < image->program.n_commands; i++) {
        const dn_checked_code *checked;
        dn_status_free(dn_host_check_command(run, i, &checked));
    }
    dn_run_free(run);
    char *again;
    size_t size;
    CHECK_OK(dn_program_encode(image, &again, &size));
    free(again);
}

// Whether it is refused.
static bool refused(const char *bytes, size_t size) {
    char *copy = dn_xmalloc(size ? size : 1);  // so that sanitizers see its end
    memcpy(copy, bytes, size);
    dn_arena arena = {0};
    dn_program_image image;
    dn_status status = dn_program_decode(&arena, copy, size, &image);
    bool failed = status != NULL;
    if (failed)
        CHECK(dn_status_code(status) == DN_CORRUPT, "%s", dn_status_message(status));
    else
        use(&image);
    dn_status_free(status);
    dn_arena_free(&arena);
    free(copy);
    return failed;
}

// Random bytes in place of some.
static void test_noise(const char *bytes, size_t size) {
    char *copy = dn_xmalloc(size);
    srand(1);
    for (int round = 0; round < 5000; round++) {
        memcpy(copy, bytes, size);
        for (int n = rand() % 4; n >= 0; n--)
            copy[DN_IMAGE_HEADER + (size_t)rand() % (size - DN_IMAGE_HEADER)] = (char)rand();
        image_checksum(copy, size);
        (void)refused(copy, size);
    }
    free(copy);
}

// ---- numbers that refer to what is not there ----

static void expect_refused(const dn_program_image *image, const char *what) {
    char *bytes;
    size_t size;
    CHECK_OK(dn_program_encode(image, &bytes, &size));
    dn_arena arena = {0};
    dn_program_image out;
    CHECK_FAILS(dn_program_decode(&arena, bytes, size, &out), what);
    dn_arena_free(&arena);
    free(bytes);
}

static void refuse_launch(dn_program_image image, dn_native_launch launch) {
    dn_native_entry codes[2] = {code[0], code[1]};
    codes[1].launches = &launch;
    codes[1].n_launches = 1;
    image.code = codes;
    expect_refused(&image, "the code of an entry");
}

static void refuse_arg(dn_program_image image, dn_native_arg arg) {
    dn_native_entry codes[2] = {code[0], code[1]};
    codes[1].n_launches = 0;
    codes[1].args = &arg;
    codes[1].n_args = 1;
    image.code = codes;
    expect_refused(&image, "the code of an entry");
}

static void test_references(void) {
    dn_value constants[5];
    dn_program_image image = new_image(constants), other = image;
    refuse_launch(image, (dn_native_launch){.kernel = 7});
    refuse_launch(image, (dn_native_launch){.kernel = -1});
    refuse_launch(image, (dn_native_launch){.arg = 3, .n_args = 2});
    refuse_launch(image, (dn_native_launch){.n_args = -1});
    refuse_launch(image, (dn_native_launch){.tasks = -1});
    refuse_launch(image, (dn_native_launch){.place = 1000});
    refuse_launch(image, (dn_native_launch){.name = -1});
    refuse_launch(image, (dn_native_launch){.kind = 2});
    refuse_launch(image, (dn_native_launch){.kind = 1, .arg = 1, .n_args = 1, .tasks = 993});
    refuse_launch(
        image, (dn_native_launch){.kind = 1, .arg = 1, .n_args = 1, .tasks = 1, .dtype = DN_I32});
    refuse_arg(image, (dn_native_arg){DN_PLACE_INPUT, 2, 0});
    refuse_arg(image, (dn_native_arg){DN_PLACE_VAR, 2, 0});
    refuse_arg(image, (dn_native_arg){DN_PLACE_OUTPUT, -1, 0});
    refuse_arg(image, (dn_native_arg){DN_PLACE_ARENA, 0, 4097});
    refuse_arg(image, (dn_native_arg){4, 0, 0});
    dn_variable variable = variables[0];
    variable.init = 2;
    other.program.variables = &variable;
    other.program.n_variables = 1;
    expect_refused(&other, "a variable");
    other = image;
    other.n_sources = 0;
    expect_refused(&other, "its source");
    dn_value_release(constants[4]);
}

int main(void) {
    dn_value constants[5];
    dn_program_image image = new_image(constants);
    char *bytes = NULL;
    size_t size = 0;
    CHECK_OK(dn_program_encode(&image, &bytes, &size));
    test_round_trip(bytes, size);
    test_unusual();
    damage_image(bytes, size, 1000, refused);
    test_noise(bytes, size);
    test_references();
    free(bytes);
    dn_value_release(constants[4]);
    return CHECK_RESULT();
}
