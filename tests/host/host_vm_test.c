// The machine: every instruction, loops, entries, errors with their places, and code that is
// refused.
#include <sys/wait.h>

#include "runtime/base/interrupt.h"
#include "tests/host/machine.h"

// ---- one command, one result -----------------------------------------------------------------

static void expect(const char *locals, const char *code, const char *expected) {
    assembly a = {0};
    machine m;
    add_command(&a, "main", 0, NULL, locals, code);
    machine_begin(&m, &a, (dn_run_options){0});
    char *got = result_of_command(&m, 0);
    CHECK(strcmp(got, expected) == 0, "got %s, expected %s, of\n%s", got, expected, code);
    free(got);
    machine_end(&m);
    assembly_free(&a);
}

static void test_constants_and_locals(void) {
    expect("", "const 3\n return", "3");
    expect("", "none\n return", "none");
    expect("x", "const \"hi\"\n store x\n load x\n load x\n list 2\n return", "[\"hi\", \"hi\"]");
    expect("x", "load x\n return", "none");
    expect("", "const 1\n const 2\n pop\n return", "1");
    expect("", "const 4\n dup\n binary mul\n return", "16");
}

static void test_operators(void) {
    static const struct {
        const char *a, *op, *b, *expected;
    } cases[] = {
        {"2", "add", "3", "5"},
        {"2", "add", "0.5", "2.5"},
        {"2", "sub", "3", "-1"},
        {"4", "mul", "2.5", "10"},
        {"7", "div", "2", "3.5"},
        {"6", "div", "2", "3"},
        {"7", "idiv", "2", "3"},
        {"-7", "idiv", "2", "-4"},
        {"-7", "rem", "2", "1"},
        {"7", "rem", "-2", "-1"},
        {"7.5", "idiv", "2", "3"},
        {"-7.5", "rem", "2", "0.5"},
        {"2", "pow", "10", "1024"},
        {"2", "pow", "-1", "0.5"},
        {"2", "pow", "0.5", "1.4142135623730951"},
        {"\"a\"", "add", "\"b\"", "ab"},
        {"1", "eq", "1.0", "true"},
        {"1", "ne", "2", "true"},
        {"none", "eq", "none", "true"},
        {"1", "eq", "none", "false"},
        {"\"a\"", "lt", "\"b\"", "true"},
        {"\"a\"", "eq", "\"a\"", "true"},
        {"1", "lt", "2", "true"},
        {"2", "le", "2", "true"},
        {"2", "gt", "2.5", "false"},
        {"3", "ge", "2.5", "true"},
        {"true", "and", "false", "false"},
        {"true", "or", "false", "true"},
        {"-9223372036854775808", "idiv", "-1",
         "error: test.dnet:3:1: -9223372036854775808 // -1 does not fit an int"},
        {"-9223372036854775808", "rem", "-1", "0"},
        {"9223372036854775807", "add", "1",
         "error: test.dnet:3:1: 9223372036854775807 + 1 does not fit an int"},
        {"10", "pow", "19", "error: test.dnet:3:1: 10 ** 19 does not fit an int"},
        {"1", "idiv", "0", "error: test.dnet:3:1: division by zero"},
        {"1", "rem", "0", "error: test.dnet:3:1: division by zero"},
        {"1", "div", "0", "inf"},
        {"1", "add", "\"b\"", "error: test.dnet:3:1: no + of an int and a string"},
        {"true", "add", "1", "error: test.dnet:3:1: no + of a bool and an int"},
        {"1", "eq", "\"b\"", "error: test.dnet:3:1: no == of an int and a string"},
        {"none", "lt", "1", "error: test.dnet:3:1: no < of none and an int"},
        {"1", "and", "true",
         "error: test.dnet:3:1: a condition should be true or false, not an int"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char code[300];
        snprintf(code, sizeof code, "const %s\n const %s\n binary %s\n return", cases[i].a,
                 cases[i].b, cases[i].op);
        expect("", code, cases[i].expected);
    }
    expect("", "const 3\n unary neg\n return", "-3");
    expect("", "const 0.5\n unary neg\n return", "-0.5");
    expect("", "const true\n unary not\n return", "false");
    expect("", "const \"a\"\n unary neg\n return", "error: test.dnet:2:1: no - of a string");
    expect("", "const 1\n list 1\n const 2\n list 1\n binary add\n return", "[1, 2]");
}

static void test_compounds(void) {
    expect("", "const 1\n const \"a\"\n record x,y\n return", "{x: 1, y: \"a\"}");
    expect("", "const 1\n const 2\n record x,y\n field y\n return", "2");
    expect("", "const 1\n record loss\n field los\n return",
           "error: test.dnet:3:1: there is no field `los` in {loss}");
    expect("", "const 1\n field x\n return", "error: test.dnet:2:1: an int has no field `x`");
    expect("", "list 0\n return", "[]");
    expect("", "list 0\n const 1\n append 1\n const 2\n append 1\n return", "[1, 2]");
    expect("", "const 0\n const 1\n append 1\n return", "error: test.dnet:3:1: an int cannot grow");
    expect("", "const 5\n const 6\n list 2\n const -1\n index\n return", "6");
    expect("", "const 5\n list 1\n const 1\n index\n return",
           "error: test.dnet:4:1: there is no element 1 in a list of 1");
    expect("", "const 5\n list 1\n const 0.5\n index\n return",
           "error: test.dnet:4:1: an index should be an int, not a float");
    expect("", "const 5\n const 0\n index\n return",
           "error: test.dnet:3:1: an int has no elements to index");
    expect("", "const \"a\"\n const 1\n const 2.5\n text 3\n return", "a12.5");
    expect("", "text 0\n return", "");
    expect("", "const 2.5\n format .2\n return", "2.50");
    expect("", "const 2.5\n format z\n return", "error: test.dnet:2:1: `z` is not a format");
    expect("", "const 1\n const 4\n range 0\n return", "1..4");
    expect("", "const 1\n const 4\n range 1\n return", "1..3");
    expect("", "const 4\n const 1\n range 0\n call_host count 1\n return", "0");
    expect("", "const -9223372036854775808\n const 1\n range 0\n return",
           "error: test.dnet:3:1: a range from -9223372036854775808 to 1 is too long");
    expect("", "const 1\n const 2.5\n range 0\n return",
           "error: test.dnet:3:1: a range is from an int to an int, not from an int to a float");
}

static void test_jumps(void) {
    expect("n",
           "const 0\n store n\n"
           "again:\n load n\n const 5\n binary lt\n jump_false out\n"
           "load n\n const 1\n binary add\n store n\n jump again\n"
           "out:\n load n\n return",
           "5");
    expect("", "const 1\n jump_false out\n out:\n none\n return",
           "error: test.dnet:2:1: a condition should be true or false, not an int");
}

// ---- loops -----------------------------------------------------------------------------------

// [x * 10 for x in ITEMS], as the front end writes it.
static void expect_loop(const char *items, const char *expected) {
    char code[600];
    snprintf(code, sizeof code,
             "list 0\n %s\n iterate e\n"
             "loop:\n next done\n const 10\n binary mul\n append 2\n jump loop\n"
             "done:\n return",
             items);
    expect("e", code, expected);
}

static void test_loops(void) {
    expect_loop("const 1\n const 3\n range 0", "[10, 20, 30]");
    expect_loop("const 1\n const 1\n range 1", "[]");
    expect_loop("const 1\n const 2.5\n list 2", "[10, 25]");
    expect_loop("const 4\n list 1\n const \"label\"\n call_host progress 2", "[40]");
    expect_loop("const 1", "error: test.dnet:3:1: there is nothing to go through in an int");
    // break, with a value above the iterator
    expect("e x",
           "const 1\n const 9\n range 0\n iterate e\n"
           "loop:\n next done\n store x\n load x\n const 3\n binary eq\n jump_false on\n"
           "const 77\n end_loop 1\n jump out\n on:\n jump loop\n done:\n const 0\n"
           "out:\n load x\n list 2\n return",
           "[77, 3]");
    // return out of two loops leaves their iterators to the frame
    expect("e f",
           "const 1\n const 3\n range 0\n iterate e\n"
           "a:\n next x\n pop\n const 1\n const 3\n range 0\n iterate f\n b:\n next y\n return\n"
           "y:\n jump a\n x:\n none\n return",
           "1");
}

// An idle iterator goes on to the next epoch; two loops over one dataset at a time are two.
static void test_datasets(void) {
    write_rows("rows.npy", 6, 1);
    const char *code =
        "const \"rows.npy\"\n const 1\n list 1\n const false\n call_host npy 3\n"
        "call_host shuffle 1\n const 2\n const false\n call_host batch 3\n store d\n"
        "list 0\n const 1\n const 3\n range 0\n iterate none\n"
        "epochs:\n next over\n pop\n load d\n iterate e\n"
        "batches:\n next done\n call_host numbers 1\n append 3\n jump batches\n"
        "done:\n jump epochs\n"
        "over:\n load e\n append 1\n return";
    assembly a = {0};
    machine m;
    add_command(&a, "main", 0, NULL, "d e none", code);
    machine_begin(&m, &a, (dn_run_options){.seed = 3});
    dn_value list;
    CHECK_OK(dn_run_command(m.run, 0, NULL, &list));
    CHECK(list.list->count == 10, "%d", list.list->count);
    CHECK(list.list->items[9].integer == 3);  // three epochs were begun
    bool seen[3][6] = {0}, same = true;
    for (int i = 0; i < 9; i++) {
        for (int k = 0; k < 2; k++) {
            int x = (int)list.list->items[i].list->items[k].number;
            seen[i / 3][x] = true;
            same = same && (i < 3 || list.list->items[i - 3].list->items[k].number == x);
        }
    }
    for (int e = 0; e < 3; e++)
        for (int x = 0; x < 6; x++) CHECK(seen[e][x]);
    CHECK(!same, "each epoch has an order of its own");
    dn_value_release(list);
    machine_end(&m);
    assembly_free(&a);
}

static void test_nested_datasets(void) {
    write_rows("rows.npy", 3, 1);
    expect("d d2 d3",
           "const \"rows.npy\"\n const 1\n list 1\n const false\n call_host npy 3\n store d\n"
           "list 0\n load d\n iterate d2\n a:\n next x\n pop\n load d\n iterate d3\n"
           "b:\n next y\n call_host number 1\n append 3\n jump b\n y:\n jump a\n x:\n return",
           "[0, 1, 2, 0, 1, 2, 0, 1, 2]");
}

// With weights an element is a record.
static void test_record_elements(void) {
    write_rows("rows.npy", 3, 1);
    expect("d e",
           "const \"rows.npy\"\n const 1\n list 1\n const false\n call_host npy 3\n"
           "const 2\n const true\n call_host batch 3\n store d\n"
           "list 0\n load d\n iterate e\n"
           "a:\n next x\n field weight\n call_host numbers 1\n append 2\n jump a\n x:\n return",
           "[[1, 1], [1, 0]]");
}

// ---- entries ---------------------------------------------------------------------------------

static dn_status init_w(dn_tensor *const *inputs, dn_tensor **vars, dn_tensor **outputs,
                        uint64_t seed, uint64_t step) {
    (void)inputs, (void)vars;
    CHECK(step == 0);
    outputs[0] = new_tensor(DN_F32, 1, (int64_t[]){2});
    for (int i = 0; i < 2; i++) dn_tensor_set(outputs[0], i, random_number(seed, step, i));
    return DN_SUCCESS;
}

// w = w + x; returns {sum, step}
static dn_status add_to_w(dn_tensor *const *inputs, dn_tensor **vars, dn_tensor **outputs,
                          uint64_t seed, uint64_t step) {
    (void)seed;
    dn_tensor *w = new_tensor(DN_F32, 1, (int64_t[]){2});
    double sum = 0;
    for (int i = 0; i < 2; i++) {
        double x = dn_tensor_get(vars[0], i) + dn_tensor_get(inputs[0], 0);
        dn_tensor_set(w, i, x);
        sum += x;
    }
    dn_tensor_release(vars[0]);
    vars[0] = w;
    outputs[0] = new_scalar(sum);
    outputs[1] = new_scalar((double)step);
    return DN_SUCCESS;
}

static dn_status echo(dn_tensor *const *inputs, dn_tensor **vars, dn_tensor **outputs,
                      uint64_t seed, uint64_t step) {
    (void)vars, (void)seed, (void)step;
    outputs[0] = dn_tensor_retain(inputs[0]);
    return DN_SUCCESS;
}

static dn_status fail(dn_tensor *const *inputs, dn_tensor **vars, dn_tensor **outputs,
                      uint64_t seed, uint64_t step) {
    (void)inputs, (void)vars, (void)outputs, (void)seed, (void)step;
    return dn_fail(DN_INVALID, "net.dnet:9:9: index 12 is out of range");
}

static dn_status interrupt(dn_tensor *const *inputs, dn_tensor **vars, dn_tensor **outputs,
                           uint64_t seed, uint64_t step) {
    (void)inputs, (void)vars, (void)outputs, (void)seed, (void)step;
    raise(SIGINT);
    return DN_SUCCESS;
}

#define CODE(function) ((const void *)(uintptr_t)(function))

static const dn_field scalar_f32 = {"x", DN_F32, {0}}, scalar_i32 = {"label", DN_I32, {0}},
                      scalar_bool = {"training", DN_BOOL, {0}}, scalar_i64 = {"n", DN_I64, {0}},
                      rows_f32 = {"x", DN_F32, {.rank = 2, .dims = {2, 3}}};
static const dn_field sums[] = {{"sum", DN_F32, {0}}, {"step", DN_F32, {0}}};
static const int w_alone[] = {0};
static const dn_variable variables[] = {
    {"w", DN_VARIABLE_PARAM, DN_F32, {.rank = 1, .dims = {2}}, .init = 0}};
static const dn_entry entries[] = {
    {.name = "init w", .n_outputs = 1, .code = CODE(init_w)},
    {.name = "add",
     .n_inputs = 1,
     .n_outputs = 2,
     .n_vars = 1,
     .inputs = &scalar_f32,
     .outputs = sums,
     .record = true,
     .is_step = true,
     .draws = true,
     .vars = w_alone,
     .code = CODE(add_to_w)},
    {.name = "echo_i32",
     .n_inputs = 1,
     .n_outputs = 1,
     .inputs = &scalar_i32,
     .outputs = sums,
     .code = CODE(echo)},
    {.name = "echo_bool",
     .n_inputs = 1,
     .n_outputs = 1,
     .inputs = &scalar_bool,
     .outputs = sums,
     .code = CODE(echo)},
    {.name = "echo_i64",
     .n_inputs = 1,
     .n_outputs = 1,
     .inputs = &scalar_i64,
     .outputs = sums,
     .code = CODE(echo)},
    {.name = "rows",
     .n_inputs = 1,
     .n_outputs = 1,
     .inputs = &rows_f32,
     .outputs = sums,
     .code = CODE(echo)},
    {.name = "fail", .code = CODE(fail)},
    {.name = "interrupt", .code = CODE(interrupt)},
};

static assembly with_entries(void) {
    assembly a = {0};
    a.program.variables = variables;
    a.program.n_variables = 1;
    a.program.entries = entries;
    a.program.n_entries = sizeof entries / sizeof *entries;
    return a;
}

static void expect_entry(const char *code, const char *expected) {
    assembly a = with_entries();
    machine m;
    add_command(&a, "main", 0, NULL, "x", code);
    machine_begin(&m, &a, (dn_run_options){.seed = 5});
    char *got = result_of_command(&m, 0);
    CHECK(strcmp(got, expected) == 0, "got %s, expected %s, of\n%s", got, expected, code);
    free(got);
    machine_end(&m);
    assembly_free(&a);
}

static void test_entries(void) {
    expect_entry("const 3\n call_entry echo_i32\n return", "3");
    expect_entry("const 3.0\n call_entry echo_i32\n return", "3");
    expect_entry("const true\n call_entry echo_bool\n return", "true");
    expect_entry("const 9007199254740993\n call_entry echo_i64\n return", "9007199254740993");
    expect_entry("const 2.5\n call_entry echo_i32\n return",
                 "error: test.dnet:2:1: `label` should be i32, not 2.5");
    expect_entry("const 3000000000\n call_entry echo_i32\n return",
                 "error: test.dnet:2:1: `label` should be i32, not 3000000000");
    expect_entry("const 1\n call_entry echo_bool\n return",
                 "error: test.dnet:2:1: `training` should be bool, not 1");
    expect_entry("const \"a\"\n call_entry add\n return",
                 "error: test.dnet:2:1: `x` should be f32, not a string");
    expect_entry("const 1\n call_entry rows\n return",
                 "error: test.dnet:2:1: `x` should be f32[2, 3], not an int");
    expect_entry("const 1\n call_entry echo_i32\n call_entry add\n return",
                 "error: test.dnet:3:1: `x` should be f32, not i32");
    expect_entry("call_entry fail\n return", "error: net.dnet:9:9: index 12 is out of range");
    // a tensor with one element is a number
    expect_entry("const 3\n call_entry echo_i32\n const 2\n binary mul\n return", "6");
    expect_entry(
        "const true\n call_entry echo_bool\n jump_false no\n const 1\n return\n"
        "no:\n const 0\n return",
        "1");
    // each run of an entry has its number
    expect_entry("const 0\n call_entry add\n pop\n const 0\n call_entry add\n field step\n return",
                 "1");
}

static void test_variables(void) {
    assembly a = with_entries();
    machine m;
    add_command(&a, "main", 0, NULL, "", "const 1\n call_entry add\n field sum\n return");
    machine_begin(&m, &a, (dn_run_options){.seed = 5});
    dn_tensor *w = dn_run_variable(m.run, "w");
    CHECK(w && dn_tensor_get(w, 1) == (float)random_number(5, 0, 1));
    double before = dn_tensor_get(w, 0);
    CHECK(dn_run_variable(m.run, "v") == NULL);
    free(result_of_command(&m, 0));
    CHECK_NEAR(dn_tensor_get(dn_run_variable(m.run, "w"), 0), before + 1, 1e-6);
    CHECK(m.run->steps == 1 && m.run->counters[1] == 1 && m.run->counters[0] == 0);
    machine_end(&m);
    assembly_free(&a);
}

// ---- logging ---------------------------------------------------------------------------------

static void test_log(void) {
    assembly a = with_entries();
    machine m;
    add_command(&a, "main", 0, NULL, "e",
                "const \"deep/er/log.csv\"\n call_host log_to 1\n pop\n"
                "const 0.5\n call_entry add\n log\n const 1\n const 0.25\n record a,b\n pop\n"
                "const 0\n const 1\n range 0\n const \"bar\"\n call_host progress 2\n iterate e\n"
                "loop:\n next done\n pop\n const 0.5\n call_entry add\n log\n jump loop\n"
                "done:\n none\n return");
    machine_begin(&m, &a, (dn_run_options){.seed = 5});
    char *got = result_of_command(&m, 0);
    CHECK(strcmp(got, "none") == 0, "%s", got);
    free(got);
    CHECK(strncmp(out_of(&m), "step 1  sum ", 12) == 0 && strstr(out_of(&m), "  step 0\n"), "%s",
          out_of(&m));
    CHECK(strstr(err_of(&m), "bar") && strstr(err_of(&m), "sum"), "%s", err_of(&m));
    char *log = file_text("deep/er/log.csv", NULL);
    int lines = 0;
    for (char *c = log; *c; c++) lines += *c == '\n';
    CHECK(lines == 4 && strncmp(log, "step,sum,step", 13) == 0, "%s", log);
    free(log);
    dn_run_print_written(m.run, m.out);
    CHECK(strstr(out_of(&m), "wrote deep/er/log.csv\n"), "%s", out_of(&m));
    machine_end(&m);
    assembly_free(&a);
    expect("", "const \"a\"\n record x\n log\n none\n return",
           "error: test.dnet:3:1: `x` in log should be one number, not a string");
    expect("", "const \"a\"\n log\n none\n return",
           "error: test.dnet:2:1: log takes a record of numbers, not a string");
}

// ---- calls -----------------------------------------------------------------------------------

static const dn_command_param one_param[] = {{.name = "n", .kind = DN_FLAG_INT, .required = true}};

static void test_calls(void) {
    assembly a = with_entries();
    machine m;
    // factorial(n)
    dn_command *self = add_command(&a, "factorial", 1, one_param, "n",
                                   "load n\n const 2\n binary lt\n jump_false more\n"
                                   "const 1\n return\n more:\n load n\n const 1\n binary sub\n"
                                   "call_command factorial\n load n\n binary mul\n return");
    add_command(&a, "main", 0, NULL, "", "const 10\n call_command factorial\n return");
    add_command(&a, "deep", 0, NULL, "", "call_command deep\n return");
    add_command(&a, "bad", 0, NULL, "", "const \"x\"\n call_command factorial\n return");
    machine_begin(&m, &a, (dn_run_options){0});
    char *got = result_of_command(&m, 1);
    CHECK(strcmp(got, "3628800") == 0, "%s", got);
    free(got);
    got = result_of_command(&m, 2);
    CHECK(strstr(got, "commands call each other more than 1000 deep"), "%s", got);
    free(got);
    dn_status status = dn_run_command(m.run, 3, NULL, NULL);
    CHECK(status &&
          strcmp(dn_status_message(status), "test.dnet:3:1: no < of a string and an int") == 0);
    CHECK(status && dn_status_note(status) &&
          strcmp(dn_status_note(status), "in `factorial`, called at test.dnet:2:1") == 0);
    dn_status_free(status);
    dn_value arg = dn_value_int(5), result;
    CHECK_OK(dn_run_command(m.run, 0, &arg, &result));
    CHECK(result.integer == 120 && self->n_locals == 1);
    machine_end(&m);
    assembly_free(&a);
}

// The prompt: locals outlast the line, and the program grows.
static void test_prompt(void) {
    assembly a = with_entries();
    machine m;
    add_command(&a, "line1", 0, NULL, "x", "const 7\n store x\n none\n return");
    machine_begin(&m, &a, (dn_run_options){0});
    dn_value locals[2] = {{0}};
    CHECK_OK(dn_run_command_with(m.run, 0, locals, NULL));
    CHECK(locals[0].kind == DN_VALUE_INT && locals[0].integer == 7);
    add_command(&a, "line2", 0, NULL, "x y",
                "const \"p.csv\"\n call_host log_to 1\n pop\n"
                "load x\n const \"s\"\n list 2\n store y\n load y\n return");
    dn_run_extend(m.run, &a.program);
    dn_value result;
    CHECK_OK(dn_run_command_with(m.run, 1, locals, &result));
    CHECK(locals[1].kind == DN_VALUE_LIST && result.list == locals[1].list);
    dn_value_release(result);
    add_command(&a, "line3", 0, NULL, "x y", "const 1\n record loss\n log\n none\n return");
    dn_run_extend(m.run, &a.program);
    CHECK_OK(dn_run_command_with(m.run, 2, locals, NULL));
    char *log = file_text("p.csv", NULL);
    CHECK(strcmp(log, "step,loss\n0,1\n") == 0, "%s", log);
    free(log);
    dn_value_release(locals[1]);
    machine_end(&m);
    assembly_free(&a);
}

// ---- Ctrl-C ----------------------------------------------------------------------------------

static void expect_interrupted(const char *code, const char *expected) {
    assembly a = with_entries();
    machine m;
    add_command(&a, "main", 0, NULL, "x", code);
    machine_begin(&m, &a, (dn_run_options){0});
    dn_status status = dn_run_command(m.run, 0, NULL, NULL);
    CHECK(status && dn_status_code(status) == DN_INTERRUPTED);
    CHECK(status && strcmp(dn_status_message(status), expected) == 0, "%s",
          status ? dn_status_message(status) : "");
    dn_status_free(status);
    dn_interrupt_clear();
    machine_end(&m);
    assembly_free(&a);
}

static void test_interrupts(void) {
    dn_interrupt_install();
    expect_interrupted("call_entry interrupt\n return", "interrupted at step 0; nothing was saved");
    expect_interrupted(
        "const \"i.ckpt\"\n const 0\n call_host checkpoint 2\n pop\n"
        "const 1\n call_entry add\n pop\n call_entry interrupt\n return",
        "interrupted: saved i.ckpt at step 1; go on with --resume i.ckpt");
    CHECK(file_exists("i.ckpt"));
    // endless loops stop at their jump
    raise(SIGTERM);
    expect_interrupted("again:\n jump again", "interrupted at step 0; nothing was saved");
    raise(SIGINT);
    expect_interrupted("const 1\n none\n none\n none\n none\n none\n call_host print 6\n return",
                       "interrupted at step 0; nothing was saved");
}

// The second Ctrl-C does not wait.
static void test_second_interrupt(void) {
    fflush(NULL);
    pid_t child = fork();
    if (child == 0) {
        raise(SIGINT);
        raise(SIGINT);
        _exit(1);
    }
    int code = 0;
    CHECK(waitpid(child, &code, 0) == child && WIFEXITED(code) && WEXITSTATUS(code) == 130);
}

// ---- code that is refused --------------------------------------------------------------------

static void expect_refused(const char *code, const char *message) {
    assembly a = with_entries();
    machine m;
    add_command(&a, "main", 0, NULL, "x", code);
    machine_begin(&m, &a, (dn_run_options){0});
    CHECK_FAILS(dn_run_command(m.run, 0, NULL, NULL), message);
    machine_end(&m);
    assembly_free(&a);
}

static void test_refused(void) {
    expect_refused("pop\n none\n return", "wrong at 0 (POP 0 0): the stack is too short");
    expect_refused("none", "control runs off the end");
    expect_refused("list -1\n return", "an operand is out of range");
    expect_refused("none\n call_host count 0\n return", "an operand is out of range");
    expect_refused("again:\n none\n jump again", "the stack's height depends on the way taken");
    expect_refused("none\n end_loop 1\n none\n return", "the stack is too short");
    expect_refused("none\n end_loop 0\n none\n return", "a loop over none that is not an iterator");
    expect_refused("const true\n append 0\n return", "an operand is out of range");
}

int main(void) {
    folder_begin();
    test_constants_and_locals();
    test_operators();
    test_compounds();
    test_jumps();
    test_loops();
    test_datasets();
    test_nested_datasets();
    test_record_elements();
    test_entries();
    test_variables();
    test_log();
    test_calls();
    test_prompt();
    test_interrupts();
    test_second_interrupt();
    test_refused();
    folder_end();
    return CHECK_RESULT();
}
