// Data that an executor keeps elsewhere: each instruction that reads them brings them here first,
// and those that only pass values on do not. (The entries of all tests in this folder give such
// data: machine.h.)
#include "runtime/store/safetensors.h"
#include "tests/host/machine.h"

// ---- a program -------------------------------------------------------------------------------

static dn_status three(dn_tensor *const *inputs, dn_tensor **vars, dn_tensor **outputs,
                       uint64_t seed, uint64_t step) {
    (void)inputs, (void)vars, (void)seed, (void)step;
    outputs[0] = new_tensor(DN_I32, 0, NULL);
    dn_tensor_set(outputs[0], 0, 3);
    return DN_SUCCESS;
}

static dn_status yes(dn_tensor *const *inputs, dn_tensor **vars, dn_tensor **outputs, uint64_t seed,
                     uint64_t step) {
    (void)inputs, (void)vars, (void)seed, (void)step;
    outputs[0] = new_tensor(DN_BOOL, 0, NULL);
    dn_tensor_set(outputs[0], 0, 1);
    return DN_SUCCESS;
}

// [[0, 1], [2, 3], [4, 5]]
static dn_status rows(dn_tensor *const *inputs, dn_tensor **vars, dn_tensor **outputs,
                      uint64_t seed, uint64_t step) {
    (void)inputs, (void)vars, (void)seed, (void)step;
    outputs[0] = new_tensor(DN_F32, 2, (int64_t[]){3, 2});
    for (int i = 0; i < 6; i++) dn_tensor_set(outputs[0], i, i);
    return DN_SUCCESS;
}

static dn_status add_one(dn_tensor *const *inputs, dn_tensor **vars, dn_tensor **outputs,
                         uint64_t seed, uint64_t step) {
    (void)inputs, (void)outputs, (void)seed, (void)step;
    dn_tensor_set(vars[0], 0, dn_tensor_get(vars[0], 0) + 1);
    return DN_SUCCESS;
}

// Counts a step, gives its number, and notes how many tensors have come to the host until then.
static int fetched_before[10];

static dn_status count_step(dn_tensor *const *inputs, dn_tensor **vars, dn_tensor **results,
                            uint64_t seed, uint64_t step) {
    (void)inputs, (void)vars, (void)seed;
    fetched_before[step] = n_fetched;
    results[0] = new_tensor(DN_I32, 0, NULL);
    dn_tensor_set(results[0], 0, (double)step);
    return DN_SUCCESS;
}

static const dn_variable variables[] = {{.name = "w", .dtype = DN_I32}};
static const int vars_of_step[] = {0};
static const dn_field outputs[] = {{"x", DN_I32, {0, {0}}}};
static const dn_entry entries[] = {
    {.name = "three", .n_outputs = 1, .outputs = outputs, .code = (const void *)(uintptr_t)three},
    {.name = "yes", .n_outputs = 1, .outputs = outputs, .code = (const void *)(uintptr_t)yes},
    {.name = "rows", .n_outputs = 1, .outputs = outputs, .code = (const void *)(uintptr_t)rows},
    {.name = "step", .n_vars = 1, .vars = vars_of_step, .code = (const void *)(uintptr_t)add_one},
    {.name = "count",
     .n_outputs = 1,
     .outputs = outputs,
     .is_step = true,
     .code = (const void *)(uintptr_t)count_step}};

static void begin(assembly *a, machine *m, const char *locals, const char *code) {
    *a = (assembly){.program = {.name = "a",
                                .source = "a.dnet",
                                .variables = variables,
                                .n_variables = 1,
                                .entries = entries,
                                .n_entries = 5}};
    add_command(a, "main", 0, NULL, locals, code);
    machine_begin(m, a, (dn_run_options){0});
}

static void end(assembly *a, machine *m) {
    machine_end(m);
    assembly_free(a);
}

// ---- what is read ----------------------------------------------------------------------------

static void expect(const char *locals, const char *code, const char *expected, const char *out) {
    assembly a;
    machine m;
    begin(&a, &m, locals, code);
    char *got = result_of_command(&m, 0);
    CHECK(strcmp(got, expected) == 0, "got %s, expected %s, of\n%s", got, expected, code);
    CHECK(strcmp(out_of(&m), out) == 0, "printed %s, expected %s, by\n%s", out_of(&m), out, code);
    free(got);
    end(&a, &m);
}

static void test_reading(void) {
    expect("", "call_entry three\n return", "3", "");
    expect("", "call_entry three\n unary neg\n return", "-3", "");
    expect("", "const 2\n call_entry three\n binary add\n return", "5", "");
    expect("", "call_entry three\n const 2\n binary lt\n return", "false", "");
    expect("", "call_entry three\n list 1\n const 3\n list 1\n binary eq\n return", "true", "");
    expect("", "call_entry three\n record x\n const 4\n record x\n binary ne\n return", "true", "");
    expect("", "call_entry rows\n const 1\n index\n return", "f32[2] [2, 3]", "");
    expect("",
           "const 7\n const 8\n const 9\n const 10\n list 4\n call_entry three\n index\n return",
           "10", "");
    expect("", "call_entry three\n text 1\n return", "3", "");
    expect("", "call_entry three\n list 1\n text 1\n return", "[3]", "");
    expect("", "call_entry three\n format .2\n return", "3.00", "");
    expect("", "const 1\n call_entry three\n range 0\n return", "1..3", "");
    expect("", "call_entry yes\n jump_false no\n const 1\n return\n no:\n const 2\n return", "1",
           "");
    expect("", "call_entry yes\n unary not\n return", "false", "");
    expect("sum",
           "none\n store sum\n call_entry rows\n iterate sum\n"
           "loop:\n next done\n const 1\n index\n store sum\n jump loop\n"
           "done:\n load sum\n return",
           "5", "");
    expect("", "call_entry three\n call_host number 1\n return", "3", "");
    expect("", "call_entry rows\n call_host numbers 1\n return", "[0, 1, 2, 3, 4, 5]", "");
    expect("", "call_entry three\n record x\n log\n none\n return", "none", "step 0  x 3\n");
    expect("", "call_entry three\n log\n none\n return", "none", "step 0  value 3\n");
}

// ---- what is not -----------------------------------------------------------------------------

static void test_passing_on(void) {
    assembly a;
    machine m;
    begin(&a, &m, "x l",
          "call_entry three\n store x\n load x\n dup\n list 2\n load x\n append 1\n"
          "load x\n list 1\n binary add\n store l\n"
          "load l\n const 2\n index\n record x\n field x\n pop\n"
          "call_entry step\n pop\n call_entry step\n pop\n none\n return");
    n_fetched = 0;
    CHECK_OK(dn_run_command(m.run, 0, NULL, NULL));
    CHECK(n_fetched == 2, "the variable, twice, and no result; not %d", n_fetched);
    dn_tensor *w = dn_run_variable(m.run, "w");
    CHECK(w && dn_tensor_get(w, 0) == 5 && n_fetched == 3);
    end(&a, &m);
}

// ---- log -------------------------------------------------------------------------------------

// Rows come late, but before anything else is printed, and with the step that they are of.
static void test_late_log(void) {
    static const char *const step = "call_entry count\n record x\n log\n";
    assembly a;
    machine m;
    char *code = dn_printf(
        "%s%s%s%s%s const \"printed\"\n none\n none\n none\n none\n none\n call_host print 6\n"
        "pop\n %s%s const 7\n log\n const \"x\"\n log\n none\n return",
        step, step, step, step, step, step, step);
    begin(&a, &m, "", code);
    n_fetched = 0;
    CHECK_FAILS(dn_run_command(m.run, 0, NULL, NULL),
                "test.dnet:33:1: log takes a record of numbers, not a string");
    for (int i = 0; i < 5; i++)
        CHECK(fetched_before[i] == (i < 2 ? 0 : i - 2), "%d at step %d", fetched_before[i], i);
    CHECK(fetched_before[5] == 5 && fetched_before[6] == 5, "what is printed is in order");
    CHECK(strcmp(out_of(&m),
                 "step 1  x 0\nstep 2  x 1\nstep 3  x 2\nstep 4  x 3\nstep 5  x 4\nprinted\n"
                 "step 6  x 5\nstep 7  x 6\nstep 7  value 7\n") == 0,
          "%s", out_of(&m));
    free(code);
    end(&a, &m);
}

// A bar's line has the values of its last step, and the log file all of them.
static void test_late_bar(void) {
    assembly a;
    machine m;
    begin(&a, &m, "e",
          "const \"late.csv\"\n call_host log_to 1\n pop\n"
          "const 1\n const 4\n range 0\n const \"bar\"\n call_host progress 2\n iterate e\n"
          "loop:\n next done\n pop\n call_entry count\n record x\n log\n jump loop\n"
          "done:\n none\n return");
    CHECK_OK(dn_run_command(m.run, 0, NULL, NULL));
    CHECK(strstr(err_of(&m), "x 1.5"), "the mean of all four: %s", err_of(&m));
    char *text = file_text("late.csv", NULL);
    CHECK(strcmp(text, "step,x\n1,0\n2,1\n3,2\n4,3\n") == 0, "%s", text);
    free(text);
    end(&a, &m);
}

// What fails leaves the rows before it.
static void test_late_failure(void) {
    assembly a;
    machine m;
    begin(&a, &m, "",
          "call_entry count\n record x\n log\n const false\n const \"stop\"\n"
          "call_host check 2\n return");
    CHECK_FAILS(dn_run_command(m.run, 0, NULL, NULL), "test.dnet:6:1: stop");
    CHECK(strcmp(out_of(&m), "step 1  x 0\n") == 0, "%s", out_of(&m));
    end(&a, &m);
    begin(&a, &m, "", "call_entry rows\n record x\n log\n none\n return");
    CHECK_FAILS(dn_run_command(m.run, 0, NULL, NULL),
                "test.dnet:3:1: `x` in log should be one number, not f32[3, 2]");
    end(&a, &m);
}

// ---- files -----------------------------------------------------------------------------------

static void test_weights(void) {
    assembly a;
    machine m;
    dn_safetensors *file = NULL;
    begin(&a, &m, "",
          "call_entry step\n pop\n const \"w.safetensors\"\n call_host save_weights 1\n return");
    CHECK_OK(dn_run_command(m.run, 0, NULL, NULL));
    CHECK_OK(dn_safetensors_read("w.safetensors", &file));
    CHECK(file && dn_tensor_get(dn_safetensors_find(file, "w"), 0) == 4);
    dn_safetensors_free(file);
    end(&a, &m);
}

// ---- when they cannot be had -----------------------------------------------------------------

static void expect_failure(const char *code, const char *expected) {
    assembly a;
    machine m;
    begin(&a, &m, "", code);
    fetch_breaks = true;
    char *got = result_of_command(&m, 0);
    CHECK(strcmp(got, expected) == 0, "got %s, expected %s", got, expected);
    CHECK(dn_run_variable(m.run, "w") == NULL);
    fetch_breaks = false;
    free(got);
    end(&a, &m);
}

static void test_failures(void) {
    expect_failure("call_entry three\n const 1\n binary add\n return",
                   "error: test.dnet:3:1: the device is gone");
    expect_failure("call_entry three\n list 1\n call_host concat 1\n return",
                   "error: test.dnet:3:1: the device is gone");
    expect_failure("call_entry three\n return", "error: the device is gone");
    expect_failure("const \"w2.safetensors\"\n call_host save_weights 1\n return",
                   "error: test.dnet:2:1: the device is gone");
    CHECK(!file_exists("w2.safetensors"), "nothing was written");
}

int main(void) {
    folder_begin();
    test_reading();
    test_passing_on();
    test_late_log();
    test_late_bar();
    test_late_failure();
    test_weights();
    test_failures();
    folder_end();
    return CHECK_RESULT();
}
