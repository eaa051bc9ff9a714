// The host functions: that the table agrees with stdlib/host.dnet, what each does, and what it says
// when its arguments are wrong.
#include "runtime/host/builtins.h"
#include "runtime/image/image.h"
#include "runtime/store/safetensors.h"
#include "tests/host/machine.h"

// ---- the table -------------------------------------------------------------------------------

// The parameters' names of a declaration "extern command NAME(a: T, b: U = [0, 0])", with spaces
// between; commas inside brackets separate nothing.
static char *declared_parameters(const char *list) {
    dn_str names = {0};
    int depth = 1;
    bool name = true;
    for (const char *c = strchr(list, '(') + 1; depth > 0; c++) {
        if (*c == '(' || *c == '[') depth++;
        if (*c == ')' || *c == ']') depth--;
        if (*c == ',' && depth == 1) {
            name = true;
            dn_str_puts(&names, " ");
        } else if (*c == ':') {
            name = false;
        } else if (name && depth > 0 && *c != ' ') {
            dn_str_append(&names, c, 1);
        }
    }
    return dn_str_take(&names);
}

static void test_declarations(void) {
    static const struct {
        const char *name, *parameters;
    } table[] = {
#define BUILTIN(name, kind, parameters) {#name, parameters},
#include "runtime/host/builtins.def"
#undef BUILTIN
    };
    char *text = file_text(SOURCE_DIR "/stdlib/host.dnet", NULL);
    size_t count = 0;
    static const char prefix[] = "extern command ";
    for (const char *at = text; (at = strstr(at, prefix)); count++) {
        at += strlen(prefix);
        if (count >= sizeof table / sizeof *table) continue;
        size_t length = strcspn(at, "(");
        CHECK(strlen(table[count].name) == length && memcmp(table[count].name, at, length) == 0,
              "%.*s is %s in the table", (int)length, at, table[count].name);
        char *parameters = declared_parameters(at);
        CHECK(strcmp(parameters, table[count].parameters) == 0, "%s: %s, but %s in the table",
              table[count].name, parameters, table[count].parameters);
        free(parameters);
        CHECK(dn_builtin_find(table[count].name) == (int)count);
    }
    CHECK(count == sizeof table / sizeof *table, "%zu declarations", count);
    CHECK(dn_builtin_find("nothing") == -1 && dn_builtin_arity(-1) == -1);
    free(text);
}

// ---- calls -----------------------------------------------------------------------------------

static void expect_in(const assembly *base, const char *code, const char *expected) {
    assembly a = *base;
    machine m;
    add_command(&a, "main", 0, NULL, "e x y", code);
    machine_begin(&m, &a, (dn_run_options){.seed = 1});
    char *got = result_of_command(&m, 0);
    CHECK(strcmp(got, expected) == 0, "got %s, expected %s, of\n%s", got, expected, code);
    free(got);
    machine_end(&m);
    assembly_free(&a);
}

static void expect(const char *code, const char *expected) {
    assembly none = {0};
    expect_in(&none, code, expected);
}

// npy("rows.npy", shape: [2]): 7 rows of 2
#define ROWS "const \"rows.npy\"\n const 2\n list 1\n const false\n call_host npy 3\n"
// [e for e in DATA] where elements are tensors
#define COLLECT                                                                         \
    "store x\n list 0\n load x\n iterate e\n loop:\n next done\n call_host numbers 1\n" \
    "append 2\n jump loop\n done:\n return"
// The tensor [[0, 1], [2, 3], ...]: one batch of all rows
#define TENSOR                                                              \
    ROWS "const 7\n const false\n call_host batch 3\n iterate e\n next x\n" \
         "store y\n end_loop 0\n x:\n load y\n"

static void test_pipeline(void) {
    expect(ROWS "return", "dataset of 7 elements {value: f32[2]}");
    expect(ROWS "call_host count 1\n return", "7");
    expect(ROWS "const 2\n call_host take 2\n const 10\n const 1.5\n call_host rescale 3\n" COLLECT,
           "[[1.5, 11.5], [21.5, 31.5]]");
    expect(ROWS "const 5\n call_host skip 2\n" COLLECT, "[[10, 11], [12, 13]]");
    expect(ROWS "const 3\n const false\n call_host batch 3\n call_host count 1\n return", "2");
    expect(ROWS "const 3\n const true\n call_host batch 3\n call_host count 1\n return", "3");
    expect(ROWS "const 4\n call_host prefetch 2\n call_host shuffle 1\n call_host count 1\n return",
           "7");
    expect(ROWS "const 0\n const false\n call_host batch 3\n return",
           "error: test.dnet:8:1: `size` of batch should be at least 1, not 0");
    expect(ROWS "const 0.5\n const false\n call_host batch 3\n return",
           "error: test.dnet:8:1: `size` of batch should be an int, not a float");
    expect("const 3\n call_host shuffle 1\n return",
           "error: test.dnet:2:1: `data` of shuffle should be a dataset, not an int");
}

static void expect_hint(const char *code, const char *message, const char *hint) {
    assembly a = {0};
    machine m;
    add_command(&a, "main", 0, NULL, "", code);
    machine_begin(&m, &a, (dn_run_options){0});
    dn_status status = dn_run_command(m.run, 0, NULL, NULL);
    CHECK(status && strcmp(dn_status_message(status), message) == 0, "got %s",
          status ? dn_status_message(status) : "success");
    const char *got = status ? dn_status_hint(status) : NULL;
    CHECK(got && strcmp(got, hint) == 0, "got the hint %s", got ? got : "(none)");
    dn_status_free(status);
    machine_end(&m);
    assembly_free(&a);
}

static void test_declared_elements(void) {
    expect_hint(
        "const \"rows.npy\"\n const 2\n const 1\n list 2\n const false\n call_host npy 3\n return",
        "test.dnet:6:1: the elements of rows.npy are f32[2], not f32[2, 1]", "shape: [2] reads it");
    expect_hint("const \"rows.npy\"\n const 2\n list 1\n const true\n call_host npy 3\n return",
                "test.dnet:5:1: the elements of rows.npy are f32[2], not i32[2]",
                "integers: false reads it");
    dn_tensor *labels = new_tensor(DN_I32, 1, (int64_t[]){3});
    CHECK_OK(dn_npy_write("labels.npy", labels));
    dn_tensor_release(labels);
    expect_hint("const \"labels.npy\"\n list 0\n const false\n call_host npy 3\n return",
                "test.dnet:4:1: the elements of labels.npy are i32, not f32",
                "integers: true reads it");
    static const unsigned char idx[] = {0, 0, 8, 3, 0, 0, 0, 2, 0, 0, 0, 1, 0, 0, 0, 2, 1, 2, 3, 4};
    write_file("images.idx", idx, sizeof idx);
    expect_hint(
        "const \"images.idx\"\n none\n const 28\n const 28\n const 1\n list 3\n"
        "call_host idx 3\n return",
        "test.dnet:7:1: the elements of images.idx are f32[1, 2, 1], not f32[28, 28, 1]",
        "shape: [1, 2, 1] reads it");
    expect(
        "const \"images.idx\"\n none\n const 1\n const 2\n const 1\n list 3\n"
        "call_host idx 3\n" COLLECT,
        "[[1, 2], [3, 4]]");
}

static void test_csv(void) {
    static const char text[] = "a,b,y\n1,2,0\n3,x,1\n5,6,1\n";
    write_file("t.csv", text, strlen(text));
    assembly a = {0};
    machine m;
    add_command(&a, "main", 0, NULL, "x e",
                "const \"t.csv\"\n const \"b\"\n const \"a\"\n list 2\n none\n const false\n"
                "call_host csv 4\n" COLLECT);
    machine_begin(&m, &a, (dn_run_options){0});
    char *got = result_of_command(&m, 0);
    CHECK(strcmp(got, "[[2, 1], [6, 5]]") == 0, "%s", got);
    CHECK(strstr(err_of(&m), "2 of 3"), "the report: %s", err_of(&m));
    free(got);
    machine_end(&m);
    assembly_free(&a);
    expect(
        "const \"t.csv\"\n const \"b\"\n list 1\n const \"y\"\n const true\n call_host csv 4\n "
        "return",
        "error: test.dnet:6:1: t.csv:3: column 2 (b): \"x\" is not a number");
    expect(
        "const \"t.csv\"\n const 1\n list 1\n const \"y\"\n const true\n call_host csv 4\n return",
        "error: test.dnet:6:1: `columns` of csv should be a list of strings, not a list");
}

static void write_image(const char *path, int height, int width) {
    dn_image image = {.height = height, .width = width, .channels = 3};
    image.pixels = dn_xcalloc((size_t)(height * width), 3);
    for (int i = 0; i < height * width * 3; i++) image.pixels[i] = (uint8_t)(i * 7);
    CHECK_OK(dn_image_write_png(path, &image));
    free(image.pixels);
}

static void test_images(void) {
    mkdir("faces", 0777);
    write_image("faces/1.png", 4, 4);
    write_image("faces/2.png", 8, 6);
    write_file("faces/3.png", "no image", 8);
    static const char folder[] =
        "const \"faces\"\n const 4\n const 4\n list 2\n const 3\n const false\n const false\n"
        "const false\n call_host image_folder 6\n";
    char code[900];
    snprintf(code, sizeof code, "%s return", folder);
    expect(code, "dataset of 2 elements {image: f32[4, 4, 3]}");
    snprintf(
        code, sizeof code,
        "%s const 2\n const 2\n list 2\n const true\n call_host resize 3\n"
        "const 127.5\n list 1\n const 127.5\n list 1\n call_host normalize 3\n"
        "const 20\n const 0.1\n const 0.1\n const 0\n const 0\n const 0\n const 0\n const 0\n"
        "list 2\n const true\n const false\n const \"reflect\"\n const 0\n call_host augment 12\n"
        "return",
        folder);
    expect(code, "dataset of 2 elements {image: f32[2, 2, 3]}");
    snprintf(
        code, sizeof code,
        "%s const 20\n const 0\n const 0\n const 0\n const 0\n const 0\n const 0\n const 0\n"
        "list 2\n const true\n const false\n const \"round\"\n const 0\n call_host augment 12\n"
        "return",
        folder);
    expect(code,
           "error: test.dnet:23:1: `fill` of augment should be nearest, constant, reflect or "
           "wrap, not a string");
    expect(
        "const \"faces\"\n const 4\n list 1\n const 3\n const false\n const false\n const false\n"
        "call_host image_folder 6\n return",
        "error: test.dnet:8:1: `size` of image_folder should be [height, width], not a list");
    expect(
        "const \"faces\"\n const 4\n const 4\n list 2\n const 2\n const false\n const false\n"
        "const false\n call_host image_folder 6\n return",
        "error: test.dnet:9:1: `channels` of image_folder should be 1, 3 or 4, not an int");
}

static void test_output(void) {
    assembly a = {0};
    machine m;
    add_command(&a, "main", 0, NULL, "e x y",
                "const 1\n none\n const \"b\"\n none\n none\n none\n call_host print 6\n pop\n"
                "none\n none\n none\n none\n none\n none\n call_host print 6\n pop\n" TENSOR
                "const \"new/dir/t.npy\"\n call_host save_npy 2\n pop\n"
                "const 2.5\n const \"new/s.npy\"\n call_host save_npy 2\n return");
    machine_begin(&m, &a, (dn_run_options){0});
    char *got = result_of_command(&m, 0);
    CHECK(strcmp(got, "none") == 0, "%s", got);
    free(got);
    CHECK(strcmp(out_of(&m), "1 none b\n\n") == 0, "%s", out_of(&m));
    dn_run_print_written(m.run, m.out);
    dn_run_print_written(m.run, m.out);
    CHECK(strcmp(out_of(&m), "1 none b\n\nwrote 2 arrays (last new/s.npy)\n") == 0, "%s",
          out_of(&m));
    machine_end(&m);
    assembly_free(&a);
    dn_tensor *t;
    CHECK_OK(dn_npy_read("new/dir/t.npy", &t));
    CHECK(t->shape.rank == 2 && t->shape.dims[0] == 7 && dn_tensor_get(t, 13) == 13);
    dn_tensor_release(t);
    CHECK_OK(dn_npy_read("new/s.npy", &t));
    CHECK(t->shape.rank == 0 && dn_tensor_get(t, 0) == 2.5);
    dn_tensor_release(t);
    write_file("blocked", "", 0);
    expect("const 1\n const \"blocked/x.npy\"\n call_host save_npy 2\n return",
           "error: test.dnet:3:1: blocked/x.npy: cannot write: Not a directory");
}

static void expect_png(const char *path, int height, int width, int channels) {
    size_t size;
    char *bytes = file_text(path, &size);
    dn_image_scratch *scratch = dn_image_scratch_new();
    dn_image image = {0};
    CHECK_OK(dn_image_decode(scratch, (uint8_t *)bytes, size, 0, &image));
    CHECK(image.height == height && image.width == width && image.channels == channels,
          "%s: %d x %d x %d", path, image.height, image.width, image.channels);
    dn_image_free(&image);
    dn_image_scratch_free(scratch);
    free(bytes);
}

// Images [4, 3, 2, 1] as rows of an NPY file in one batch.
static void test_pictures(void) {
    dn_tensor *t = new_tensor(DN_F32, 4, (int64_t[]){4, 3, 2, 1});
    for (int i = 0; i < 24; i++) dn_tensor_set(t, i, i / 12.0 - 1);
    CHECK_OK(dn_npy_write("pics.npy", t));
    dn_tensor_release(t);
#define PICTURES                                                                         \
    "const \"pics.npy\"\n const 3\n const 2\n const 1\n list 3\n const false\n"          \
    "call_host npy 3\n const 4\n const false\n call_host batch 3\n iterate e\n next x\n" \
    "store y\n end_loop 0\n x:\n"
    expect(PICTURES
           "load y\n const \"p/grid.png\"\n const -1\n const 1\n call_host save_image 4\n"
           "return",
           "none");
    expect_png("p/grid.png", 8, 6, 1);
    expect(PICTURES
           "load y\n const 0\n index\n const \"p/one.png\"\n const -1\n const 1\n"
           "call_host save_image 4\n return",
           "none");
    expect_png("p/one.png", 3, 2, 1);
    expect(PICTURES
           "load y\n const 4\n const 1\n const -1\n const 1\n call_host grid 5\n store x\n"
           "load x\n const \"p/row.png\"\n const -1\n const 1\n call_host save_image 4\n pop\n"
           "load x\n call_host count 1\n return",
           "3");
    expect_png("p/row.png", 3, 11, 1);
    expect("const 1\n const \"p/x.png\"\n const -1\n const 1\n call_host save_image 4\n return",
           "error: test.dnet:5:1: `image` of save_image should be a tensor, not an int");
    expect(PICTURES
           "load y\n const \"p/shown.png\"\n none\n none\n const false\n call_host show 5\n return",
           "none");
    expect_png("p/shown.png", 8, 6, 1);
}

static void test_plots(void) {
#define NUMBERS "const 3\n const 1\n const 2\n list 3\n"
    expect(NUMBERS "const \"p/plot.png\"\n const false\n call_host plot 3\n return", "none");
    expect_png("p/plot.png", 400, 640, 3);
    expect(NUMBERS "const \"p/hist.png\"\n const 3\n const false\n call_host hist 4\n return",
           "none");
    expect_png("p/hist.png", 400, 640, 3);
    expect("const true\n none\n const false\n call_host plot 3\n return",
           "error: test.dnet:4:1: `values` of plot should be numbers over time, not a bool");
    expect("const true\n none\n const 3\n const false\n call_host hist 4\n return",
           "error: test.dnet:5:1: `values` of hist should be a tensor or a list of numbers, not a "
           "bool");
}

static void test_values(void) {
    expect("const \"h\xc3\xa9!\"\n call_host count 1\n return", "3");
    expect("const 1\n call_host count 1\n return",
           "error: test.dnet:2:1: `value` of count should be a dataset, a list, a string or a "
           "tensor, not an int");
    expect(TENSOR
           "const 2\n call_host take 2\n load y\n const 5\n call_host skip 2\n list 2\n"
           "call_host concat 1\n return",
           "f32[4, 2]\n[[0, 1],\n [2, 3],\n [10, 11],\n [12, 13]]");
    expect("const 1\n const 2\n const 3\n list 3\n const 2\n call_host take 2\n return", "[1, 2]");
    expect("const 1\n const 2\n const 3\n list 3\n const 9\n call_host skip 2\n return", "[]");
    expect("const 1\n const 1\n call_host take 2\n return",
           "error: test.dnet:3:1: `data` of take should be a dataset, a list or a tensor, not an "
           "int");
    expect("list 0\n call_host concat 1\n return",
           "error: test.dnet:2:1: `items` of concat should be one or more tensors, not a list");
    expect(TENSOR "load y\n const 0\n index\n list 2\n call_host concat 1\n return",
           "error: test.dnet:18:1: f32[7, 2] and f32[2] cannot be joined along the first axis");
    expect(TENSOR "const 1\n index\n call_host numbers 1\n return", "[2, 3]");
    expect(TENSOR "const 9\n index\n return",
           "error: test.dnet:15:1: there is no element 9 in a tensor of 7");
    expect("const 3\n call_host number 1\n return", "3");
    expect(TENSOR "call_host number 1\n return",
           "error: test.dnet:14:1: `value` of number should be a tensor with one element, not "
           "f32[7, 2]");
    expect("const -2.9\n call_host to_int 1\n return", "-2");
    expect("const 5\n call_host to_int 1\n return", "5");
    expect("const 1e30\n call_host to_int 1\n return",
           "error: test.dnet:2:1: 1e+30 does not fit an int");
    expect("call_host seconds 0\n const 60\n binary lt\n return", "true");
    expect("const true\n const \"no\"\n call_host check 2\n return", "none");
    expect("const false\n const \"no good\"\n call_host check 2\n return",
           "error: test.dnet:3:1: no good");
    expect(
        "const 1\n const 3\n range 0\n const \"\"\n call_host progress 2\n const \"\"\n"
        "call_host progress 2\n return",
        "error: test.dnet:7:1: progress(...) of a progress");
}

// ---- weights ---------------------------------------------------------------------------------

static dn_status make_ones(void *context, const dn_entry *entry, dn_tensor *const *inputs,
                           dn_tensor **vars, dn_tensor **outputs, uint64_t seed, uint64_t step) {
    (void)context, (void)entry, (void)inputs, (void)vars, (void)seed, (void)step;
    outputs[0] = new_tensor(DN_F32, 1, (int64_t[]){2});
    dn_tensor_set(outputs[0], 0, 1);
    dn_tensor_set(outputs[0], 1, 1);
    return DN_SUCCESS;
}

static const dn_variable variables[] = {
    {"G.w", DN_VARIABLE_PARAM, DN_F32, {.rank = 1, .dims = {2}}, .init = 0},
    {"G.mean", DN_VARIABLE_STATE, DN_F32, {.rank = 1, .dims = {2}}, .init = 0},
    {"G.w/m", DN_VARIABLE_SLOT, DN_F32, {.rank = 1, .dims = {2}}, .init = 0},
};
static const dn_entry ones = {.name = "init", .n_outputs = 1};

typedef struct weights {
    assembly a;
    machine m;
    dn_executor executor;
} weights;

static void weights_begin(weights *w, const char *code) {
    *w = (weights){.executor = {.run = make_ones}};
    w->a.program = (dn_program){
        .name = "gan", .variables = variables, .n_variables = 3, .entries = &ones, .n_entries = 1};
    add_command(&w->a, "main", 0, NULL, "", code);
    machine_begin(&w->m, &w->a, (dn_run_options){0});
    w->m.run->executor = &w->executor;
}

static void weights_end(weights *w) {
    machine_end(&w->m);
    assembly_free(&w->a);
}

static void write_tensor(const char *path, const char *name, dn_dtype dtype, int64_t size) {
    dn_tensor *t = new_tensor(dtype, 1, &size);
    for (int64_t i = 0; i < size; i++) dn_tensor_set(t, i, (double)i + 0.5);
    dn_named_tensor named = {name, t};
    CHECK_OK(dn_safetensors_write(path, &named, 1, NULL, 0));
    dn_tensor_release(t);
}

static void test_weights(void) {
    weights w;
    weights_begin(&w, "const \"w/all.safetensors\"\n call_host save_weights 1\n return");
    CHECK_OK(dn_run_command(w.m.run, 0, NULL, NULL));
    weights_end(&w);
    dn_safetensors *file;
    CHECK_OK(dn_safetensors_read("w/all.safetensors", &file));
    CHECK(dn_safetensors_count(file) == 2 && dn_safetensors_find(file, "G.mean"));
    dn_safetensors_free(file);

    write_tensor("part.safetensors", "G.w", DN_F64, 2);
    weights_begin(&w, "const \"part.safetensors\"\n call_host restore 1\n return");
    CHECK_OK(dn_run_command(w.m.run, 0, NULL, NULL));
    CHECK(dn_tensor_get(dn_run_variable(w.m.run, "G.w"), 1) == 1.5);
    CHECK(strcmp(err_of(&w.m), "part.safetensors: not there, so unchanged: G.mean\n") == 0, "%s",
          err_of(&w.m));
    weights_end(&w);

    write_tensor("long.safetensors", "G.w", DN_F32, 3);
    weights_begin(&w, "const \"long.safetensors\"\n call_host restore 1\n return");
    CHECK_FAILS(dn_run_command(w.m.run, 0, NULL, NULL),
                "test.dnet:2:1: long.safetensors: G.w is f32[3] in the file, but f32[2] in the "
                "program");
    weights_end(&w);

    write_tensor("int.safetensors", "G.w", DN_I32, 2);
    weights_begin(&w, "const \"int.safetensors\"\n call_host restore 1\n return");
    CHECK_FAILS(dn_run_command(w.m.run, 0, NULL, NULL), "G.w is i32[2] in the file");
    weights_end(&w);

    write_tensor("other.safetensors", "H.w", DN_F32, 2);
    weights_begin(&w, "const \"other.safetensors\"\n call_host restore 1\n return");
    dn_status status = dn_run_command(w.m.run, 0, NULL, NULL);
    CHECK(status &&
          strstr(dn_status_message(status), "none of its 1 tensors is a variable of gan"));
    CHECK(status && strcmp(dn_status_note(status), "it has H.w") == 0);
    dn_status_free(status);
    weights_end(&w);
}

int main(void) {
    folder_begin();
    write_rows("rows.npy", 7, 2);
    test_declarations();
    test_pipeline();
    test_declared_elements();
    test_csv();
    test_images();
    test_output();
    test_pictures();
    test_plots();
    test_values();
    test_weights();
    folder_end();
    return CHECK_RESULT();
}
