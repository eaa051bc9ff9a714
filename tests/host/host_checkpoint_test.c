// Checkpoints: a run that is killed after any step and resumed ends with the same files, bit for
// bit; damaged checkpoints are refused, whatever the damage.
#include "runtime/base/interrupt.h"
#include "runtime/store/safetensors.h"
#include "tests/host/machine.h"

// ---- a small training program ----------------------------------------------------------------

static int64_t steps_to_live;  // the step that fails, as if the process had been killed; -1: none
static int64_t step_to_signal = -1;
static bool stops_inside;  // the signalled step is given up, as backends do before they write

static dn_status init_w(dn_tensor *const *inputs, dn_tensor **vars, dn_tensor **outputs,
                        uint64_t seed, uint64_t step) {
    (void)inputs, (void)vars;
    outputs[0] = new_tensor(DN_F32, 1, (int64_t[]){4});
    for (int i = 0; i < 4; i++) dn_tensor_set(outputs[0], i, random_number(seed, step, i));
    return DN_SUCCESS;
}

static dn_status init_m(dn_tensor *const *inputs, dn_tensor **vars, dn_tensor **outputs,
                        uint64_t seed, uint64_t step) {
    (void)inputs, (void)vars, (void)seed, (void)step;
    outputs[0] = new_tensor(DN_F64, 0, NULL);
    return DN_SUCCESS;
}

// w = 0.9 w + mean(x) + noise; m = m + |w|; returns {loss, momentum}. It depends on all that a
// checkpoint has to keep: the data's order, the variables, the seed and the counter.
static dn_status train_step(dn_tensor *const *inputs, dn_tensor **vars, dn_tensor **outputs,
                            uint64_t seed, uint64_t step) {
    if (steps_to_live == 0) return dn_fail(DN_INTERNAL, "killed");
    if (steps_to_live > 0) steps_to_live--;
    if (step_to_signal >= 0 && step_to_signal-- == 0) {
        raise(SIGINT);
        if (stops_inside) return dn_fail(DN_INTERRUPTED, "interrupted");
    }
    double mean = 0, total = 0;
    for (int i = 0; i < 6; i++) mean += dn_tensor_get(inputs[0], i) * (i + 1) / 6;
    dn_tensor *w = new_tensor(DN_F32, 1, (int64_t[]){4}), *m = new_tensor(DN_F64, 0, NULL);
    for (int i = 0; i < 4; i++) {
        double x = 0.9 * dn_tensor_get(vars[0], i) + 0.01 * mean + random_number(seed, step, i);
        dn_tensor_set(w, i, x);
        total += fabs(x);
    }
    dn_tensor_set(m, 0, dn_tensor_get(vars[1], 0) + total);
    outputs[0] = new_scalar(total);
    outputs[1] = new_scalar(dn_tensor_get(m, 0));
    dn_tensor_release(vars[0]);
    dn_tensor_release(vars[1]);
    vars[0] = w;
    vars[1] = m;
    return DN_SUCCESS;
}

// Not a step: random numbers that host code keeps.
static dn_status draw(dn_tensor *const *inputs, dn_tensor **vars, dn_tensor **outputs,
                      uint64_t seed, uint64_t step) {
    (void)inputs, (void)vars;
    outputs[0] = new_tensor(DN_F32, 1, (int64_t[]){3});
    for (int i = 0; i < 3; i++) dn_tensor_set(outputs[0], i, random_number(seed + 1, step, i));
    return DN_SUCCESS;
}

#define CODE(function) ((const void *)(uintptr_t)(function))
static const dn_field batch_input = {"x", DN_F32, {.rank = 2, .dims = {3, 2}}};
static const dn_field step_outputs[] = {{"loss", DN_F32, {0}}, {"momentum", DN_F32, {0}}};
static const dn_field draw_output = {"value", DN_F32, {.rank = 1, .dims = {3}}};
static const int both[] = {0, 1};
static const dn_variable variables[] = {
    {"w", DN_VARIABLE_PARAM, DN_F32, {.rank = 1, .dims = {4}}, .init = 0},
    {"w/adam.m", DN_VARIABLE_SLOT, DN_F64, {0}, .init = 1},
};
static const dn_entry entries[] = {
    {.name = "init w", .n_outputs = 1, .code = CODE(init_w)},
    {.name = "init m", .n_outputs = 1, .code = CODE(init_m)},
    {.name = "train_step",
     .n_inputs = 1,
     .n_outputs = 2,
     .n_vars = 2,
     .inputs = &batch_input,
     .outputs = step_outputs,
     .record = true,
     .is_step = true,
     .draws = true,
     .vars = both,
     .code = CODE(train_step)},
    {.name = "draw", .n_outputs = 1, .outputs = &draw_output, .draws = true, .code = CODE(draw)},
};

// data = npy("rows.npy", shape: [2]) |> shuffle |> batch(3)
#define MAKE_DATA                                                             \
    "const \"rows.npy\"\n const 2\n list 1\n const false\n call_host npy 3\n" \
    "call_host shuffle 1\n const 3\n const false\n call_host batch 3\n store data\n"

// for x in data { log train_step(x) }, with a drawn tensor under the loop, so that it has to be
// saved
static const char epoch_code[] =
    "call_entry draw\n load data\n load label\n call_host progress 2\n iterate e\n"
    "loop:\n next done\n call_entry train_step\n dup\n log\n field loss\n store last\n jump loop\n"
    "done:\n load last\n call_host number 1\n list 2\n return";

static const char train_code[] = MAKE_DATA
    "const \"log.csv\"\n call_host log_to 1\n pop\n"
    "const \"out/a.ckpt\"\n load every\n call_host checkpoint 2\n pop\n"
    "list 0\n store kept\n"
    "const 1\n load epochs\n range 0\n iterate none\n"
    "epochs:\n next over\n store epoch\n"
    "load kept\n load data\n const \"epoch \"\n load epoch\n text 2\n call_command epoch\n"
    "list 1\n binary add\n store kept\n"
    "load data\n iterate f\n"  // a loop in the outer frame, broken off at its second step
    "more:\n next enough\n call_entry train_step\n field loss\n store last\n"
    "load data\n iterate g\n inner:\n next end\n pop\n end_loop 0\n end:\n"
    "call_entry draw\n pop\n end_loop 0\n jump enough\n"
    "enough:\n const \"out/a.ckpt\"\n load every\n call_host checkpoint 2\n pop\n"
    "jump epochs\n"
    "over:\n const \"result\"\n load kept\n load last\n none\n none\n none\n call_host print 6\n"
    "return";

static const dn_command_param epoch_params[] = {
    {.name = "data", .kind = DN_FLAG_PATH, .required = true},
    {.name = "label", .kind = DN_FLAG_STRING, .required = true}};
static const dn_command_param train_params[] = {
    {.name = "epochs", .kind = DN_FLAG_INT, .required = true},
    {.name = "every", .kind = DN_FLAG_INT, .required = true}};

static void build(assembly *a) {
    *a = (assembly){0};
    a->program = (dn_program){.name = "small",
                              .source = "small.dnet",
                              .fingerprint = 77,
                              .variables = variables,
                              .n_variables = 2,
                              .entries = entries,
                              .n_entries = 4};
    add_command(a, "epoch", 2, epoch_params, "data label e last", epoch_code);
    add_command(a, "train", 2, train_params, "epochs every data kept epoch last e f g none",
                train_code);
}

static void clean(void) {
    unlink("out/a.ckpt");
    unlink("log.csv");
}

typedef struct outcome {
    char *file, *log, *printed;
    size_t file_size;
    int64_t steps;
} outcome;

static void outcome_free(outcome *o) {
    free(o->file);
    free(o->log);
    free(o->printed);
}

static outcome outcome_of(machine *m) {
    outcome o = {.log = file_text("log.csv", NULL), .printed = dn_strdup(out_of(m))};
    o.file = file_text("out/a.ckpt", &o.file_size);
    o.steps = m->run->steps;
    return o;
}

static void expect_same(const outcome *a, const outcome *b, const char *what, int64_t at) {
    CHECK(a->file_size == b->file_size && memcmp(a->file, b->file, a->file_size) == 0,
          "%s at %lld: the checkpoint differs", what, (long long)at);
    CHECK(strcmp(a->log, b->log) == 0, "%s at %lld: the log differs", what, (long long)at);
    CHECK(strcmp(a->printed, b->printed) == 0, "%s at %lld:\n%s%s", what, (long long)at, a->printed,
          b->printed);
    CHECK(a->steps == b->steps);
}

static dn_status start(machine *m, const assembly *a, int64_t epochs, int64_t every) {
    machine_begin(m, a, (dn_run_options){.seed = 11});
    dn_value args[] = {dn_value_int(epochs), dn_value_int(every)};
    return dn_run_command(m->run, command_index(a, "train"), args, NULL);
}

static dn_status go_on(machine *m, const assembly *a) {
    // The seed of the options does not matter: the checkpoint has its own.
    machine_begin(m, a, (dn_run_options){.seed = 99});
    int command = -1;
    dn_status status = dn_run_resume(m->run, "out/a.ckpt", &command, NULL);
    CHECK(status || command == command_index(a, "train"));
    return status;
}

enum { EPOCHS = 3, STEPS = EPOCHS * 5 };  // 13 rows: 4 batches of 3, and one more step an epoch

static outcome uninterrupted(const assembly *a, int64_t every) {
    machine m;
    clean();
    steps_to_live = -1;
    CHECK_OK(start(&m, a, EPOCHS, every));
    outcome o = outcome_of(&m);
    CHECK(o.steps == STEPS, "%lld steps", (long long)o.steps);
    machine_end(&m);
    return o;
}

// Killed at each step; what was saved last is gone on with.
static void test_killed(void) {
    assembly a;
    build(&a);
    for (int64_t every = 1; every <= 2; every++) {
        outcome whole = uninterrupted(&a, every);
        for (int64_t kill = 0; kill < STEPS; kill++) {
            machine m;
            clean();
            steps_to_live = kill;
            CHECK_FAILS(start(&m, &a, EPOCHS, every), "killed");
            machine_end(&m);
            steps_to_live = -1;
            CHECK_OK(go_on(&m, &a));
            outcome resumed = outcome_of(&m);
            expect_same(&whole, &resumed, "killed", kill);
            outcome_free(&resumed);
            machine_end(&m);
        }
        outcome_free(&whole);
    }
    assembly_free(&a);
}

// Killed again and again: each life makes a few steps.
static void test_many_lives(void) {
    assembly a;
    build(&a);
    outcome whole = uninterrupted(&a, 1);
    machine m;
    clean();
    steps_to_live = 2;
    CHECK_FAILS(start(&m, &a, EPOCHS, 1), "killed");
    for (int life = 0; life < 20; life++) {
        machine_end(&m);
        steps_to_live = 2;
        dn_status status = go_on(&m, &a);
        if (!status) break;
        CHECK(strstr(dn_status_message(status), "killed"), "%s", dn_status_message(status));
        dn_status_free(status);
    }
    outcome resumed = outcome_of(&m);
    expect_same(&whole, &resumed, "many lives", 0);
    machine_end(&m);
    outcome_free(&whole);
    outcome_free(&resumed);
    assembly_free(&a);
}

// Ctrl-C during each step, without autosave in between: the file is written then, before a step
// that was given up.
static void test_interrupted(bool inside) {
    stops_inside = inside;
    assembly a;
    build(&a);
    outcome whole = uninterrupted(&a, 0);
    dn_interrupt_install();
    for (int64_t at = 0; at < STEPS; at++) {
        machine m;
        clean();
        steps_to_live = -1;
        step_to_signal = at;
        dn_status status = start(&m, &a, EPOCHS, 0);
        char expected[200];
        snprintf(expected, sizeof expected,
                 "interrupted: saved out/a.ckpt at step %lld; go on with --resume out/a.ckpt",
                 (long long)at + !inside);
        CHECK(status && dn_status_code(status) == DN_INTERRUPTED &&
                  strcmp(dn_status_message(status), expected) == 0,
              "%s", status ? dn_status_message(status) : "");
        dn_status_free(status);
        dn_interrupt_clear();
        machine_end(&m);
        step_to_signal = -1;
        CHECK_OK(go_on(&m, &a));
        outcome resumed = outcome_of(&m);
        expect_same(&whole, &resumed, "interrupted", at);
        outcome_free(&resumed);
        machine_end(&m);
    }
    outcome_free(&whole);
    assembly_free(&a);
}

// Values of every kind, in locals, come back as they were.
static void test_all_kinds(void) {
    static const char code[] =
        "const 0.1\n const -0.0\n const nan\n const inf\n const 9223372036854775807\n const true\n"
        "none\n const \"caf\xc3\xa9 \xff\"\n const \"\"\n list 9\n store x\n"
        "const 2\n const 5\n range 0\n const \"bar\"\n call_host progress 2\n store y\n"
        "call_entry draw\n load x\n record numbers,rest\n store z\n" MAKE_DATA
        "load data\n const 1\n call_host take 2\n const \"some\"\n call_host progress 2\n store w\n"
        "const \"out/k.ckpt\"\n const 0\n call_host checkpoint 2\n pop\n"
        "load x\n load y\n load z\n load data\n load w\n none\n call_host print 6\n pop\n"
        "const \"out/k.ckpt\"\n const 0\n call_host checkpoint 2\n return";
    assembly a;
    build(&a);
    int kinds = a.n_commands;
    add_command(&a, "kinds", 0, NULL, "x y z data w", code);
    machine m, again;
    machine_begin(&m, &a, (dn_run_options){.seed = 3});
    CHECK_OK(dn_run_command(m.run, kinds, NULL, NULL));
    size_t size, size_again;
    char *file = file_text("out/k.ckpt", &size);
    for (int i = 0; i < 2; i++) {
        // what the first call saved differs from the last by the place alone; go on with that twice
        machine_begin(&again, &a, (dn_run_options){0});
        int command;
        CHECK_OK(dn_run_resume(again.run, "out/k.ckpt", &command, NULL));
        CHECK(command == kinds);
        machine_end(&again);
        char *file_again = file_text("out/k.ckpt", &size_again);
        CHECK(size == size_again && memcmp(file, file_again, size) == 0);
        free(file_again);
    }
    CHECK(strstr(out_of(&m), "[0.1, -0, nan, inf, 9223372036854775807, true, none, \"caf"), "%s",
          out_of(&m));
    CHECK(strstr(out_of(&m), "progress over 2..5 {numbers: f32[3] ["), "%s", out_of(&m));
    free(file);
    machine_end(&m);
    assembly_free(&a);
}

// The same, from the first of its two checkpoints: the values are printed once more.
static void test_all_kinds_printed(void) {
    static const char code[] =
        "const -0.0\n const nan\n const \"\xff\"\n list 3\n store x\n"
        "const 2\n const 5\n range 0\n const \"bar\"\n call_host progress 2\n store y\n"
        "call_entry draw\n load x\n record numbers,rest\n store z\n" MAKE_DATA
        "load data\n iterate e\n next none\n"
        "const \"out/p.ckpt\"\n const 0\n call_host checkpoint 2\n pop\n"
        "load x\n load y\n load z\n load data\n none\n none\n call_host print 6\n pop\n"
        "call_entry train_step\n pop\n end_loop 0\n none:\n none\n return";
    assembly a;
    build(&a);
    int kinds = a.n_commands;
    add_command(&a, "kinds", 0, NULL, "x y z data e", code);
    machine m, again;
    steps_to_live = 0;
    machine_begin(&m, &a, (dn_run_options){.seed = 3});
    CHECK_FAILS(dn_run_command(m.run, kinds, NULL, NULL), "killed");
    steps_to_live = -1;
    machine_begin(&again, &a, (dn_run_options){0});
    int command;
    CHECK_OK(dn_run_resume(again.run, "out/p.ckpt", &command, NULL));
    CHECK(strcmp(out_of(&m), out_of(&again)) == 0, "%s%s", out_of(&m), out_of(&again));
    CHECK(strstr(out_of(&m), "[-0, nan, \"\xff\"] progress over 2..5"), "%s", out_of(&m));
    machine_end(&m);
    machine_end(&again);
    assembly_free(&a);
}

// ---- what is refused -------------------------------------------------------------------------

static void expect_refused(const assembly *a, const char *message, const char *hint) {
    machine m;
    dn_status status = go_on(&m, a);
    CHECK(status && strstr(dn_status_message(status), message), "got %s",
          status ? dn_status_message(status) : "success");
    const char *got = status ? dn_status_hint(status) : NULL;
    CHECK(!hint || (got && strstr(got, hint)), "hint: %s", got ? got : "none");
    dn_status_free(status);
    machine_end(&m);
}

static void kill_at(const assembly *a, int64_t step) {
    machine m;
    clean();
    steps_to_live = step;
    CHECK_FAILS(start(&m, a, EPOCHS, 1), "killed");
    steps_to_live = -1;
    machine_end(&m);
}

static void test_refused(void) {
    assembly a;
    build(&a);
    kill_at(&a, 7);
    // an existing file is not replaced
    machine m;
    dn_status status = start(&m, &a, EPOCHS, 1);
    CHECK(status && strstr(dn_status_message(status), ": out/a.ckpt exists"), "%s",
          status ? dn_status_message(status) : "");
    CHECK(status && strcmp(dn_status_hint(status),
                           "--resume out/a.ckpt goes on with it; "
                           "--overwrite starts anew") == 0);
    dn_status_free(status);
    machine_end(&m);
    // another program
    a.program.fingerprint = 78;
    expect_refused(&a, "out/a.ckpt: small.dnet has changed since the checkpoint was written",
                   "restore(...)");
    a.program.fingerprint = 77;
    // other data
    kill_at(&a, 7);
    write_rows("rows.npy", 14, 2);
    expect_refused(&a,
                   "the data have changed since the checkpoint was written: 13 elements then, "
                   "14 now",
                   NULL);
    unlink("rows.npy");
    expect_refused(&a, "rows.npy", NULL);
    write_rows("rows.npy", 13, 2);
    // a log that is too short, or gone
    char *log = file_text("log.csv", NULL);
    write_file("log.csv", log, 10);
    expect_refused(&a, "the log cannot be gone on with: log.csv: 10 bytes", NULL);
    unlink("log.csv");
    expect_refused(&a, "the log cannot be gone on with: log.csv", NULL);
    free(log);
    // no checkpoint at all
    CHECK_OK(dn_safetensors_write("out/a.ckpt", NULL, 0, NULL, 0));
    expect_refused(&a, "out/a.ckpt: no checkpoint, only tensors", "restore");
    unlink("out/a.ckpt");
    expect_refused(&a, "out/a.ckpt", NULL);
    assembly_free(&a);
}

// A resume that is refused leaves the log as it is, rows after the checkpoint included.
static void test_log_kept(void) {
    assembly a;
    build(&a);
    kill_at(&a, 7);
    char *before = file_text("log.csv", NULL);
    a.program.fingerprint = 78;
    expect_refused(&a, "changed", NULL);
    char *after = file_text("log.csv", NULL);
    CHECK(strcmp(before, after) == 0);
    free(before);
    free(after);
    assembly_free(&a);
}

static void test_overwrite(void) {
    assembly a;
    build(&a);
    outcome whole = uninterrupted(&a, 1);
    machine m;
    machine_begin(&m, &a, (dn_run_options){.seed = 11, .overwrite = true});
    dn_value args[] = {dn_value_int(EPOCHS), dn_value_int(1)};
    CHECK_OK(dn_run_command(m.run, command_index(&a, "train"), args, NULL));
    outcome again = outcome_of(&m);
    expect_same(&whole, &again, "overwrite", 0);
    machine_end(&m);
    outcome_free(&whole);
    outcome_free(&again);
    assembly_free(&a);
}

// ---- damage ----------------------------------------------------------------------------------

static uint64_t random_state = 12345;
static uint64_t next_random(void) {
    random_state = random_state * 6364136223846793005u + 1442695040888963407u;
    return random_state >> 33;
}

// Whatever happens, it is no crash; a run that still succeeds is fine (a damaged weight is a
// weight).
static void resume_damaged(const assembly *a) {
    machine m;
    steps_to_live = 40;  // a damaged range can ask for very many
    dn_status status = go_on(&m, a);
    CHECK(!status || *dn_status_message(status));
    dn_status_free(status);
    steps_to_live = -1;
    machine_end(&m);
}

static void test_damaged_bytes(void) {
    assembly a;
    build(&a);
    kill_at(&a, 7);
    size_t size;
    char *good = file_text("out/a.ckpt", &size), *log = file_text("log.csv", NULL);
    char *bad = dn_xmalloc(size);
    for (int i = 0; i < 600; i++) {
        memcpy(bad, good, size);
        size_t length = size;
        int changes = 1 + (int)(next_random() % 3);
        while (changes-- > 0) {
            size_t at = next_random() % size;
            bad[at] =
                next_random() % 2 ? (char)next_random() : "0123456789[]{},\"n"[next_random() % 17];
        }
        if (i % 20 == 0) length = next_random() % size;
        write_file("out/a.ckpt", bad, length);
        write_file("log.csv", log, strlen(log));
        resume_damaged(&a);
    }
    free(bad);
    free(good);
    free(log);
    assembly_free(&a);
}

// Writes the checkpoint with its state's text replaced.
static void rewrite_state(const dn_safetensors *file, const char *state) {
    enum { MOST = 32 };
    dn_named_tensor tensors[MOST];
    int count = dn_safetensors_count(file);
    for (int i = 0; i < count && i < MOST; i++)
        tensors[i] = (dn_named_tensor){dn_safetensors_name(file, i),
                                       (dn_tensor *)(uintptr_t)dn_safetensors_tensor(file, i)};
    dn_metadata metadata = {"dnet.checkpoint", state};
    CHECK_OK(dn_safetensors_write("out/a.ckpt", tensors, count, &metadata, 1));
}

// Replaces the one occurrence of `from` in the state; expects the resume to fail with `message`.
static void expect_edited(const assembly *a, const dn_safetensors *file, const char *state,
                          const char *from, const char *to, const char *message) {
    const char *at = strstr(state, from);
    CHECK(at, "no %s in %s", from, state);
    if (!at) return;
    dn_str edited = {0};
    dn_str_append(&edited, state, (size_t)(at - state));
    dn_str_puts(&edited, to);
    dn_str_puts(&edited, at + strlen(from));
    rewrite_state(file, edited.text);
    free(edited.text);
    expect_refused(a, message, NULL);
}

static void test_edited_state(void) {
    assembly a;
    build(&a);
    kill_at(&a, 7);
    dn_safetensors *file;
    CHECK_OK(dn_safetensors_read("out/a.ckpt", &file));
    const char *state = dn_safetensors_metadata(file, "dnet.checkpoint");
    static const char *const edits[][3] = {
        {"\"format\":1", "\"format\":2", "a checkpoint of format 2"},
        {"\"format\":1", "\"form\":1", "damaged: its format"},
        {"\"seed\":\"11\"", "\"seed\":11", "damaged: the seed"},
        {"\"seed\":\"11\"", "\"seed\":\"99999999999999999999999\"", "damaged: the seed"},
        {"\"steps\":7", "\"steps\":-7", "damaged: the number of steps"},
        {"\"steps\":7", "\"steps\":\"7\"", "damaged: the number of steps"},
        {"\"counters\":[", "\"counters\":[1,", "damaged: the counters"},
        {"\"counters\":[0", "\"counters\":[0.5", "damaged: a counter"},
        {"\"variables\":2", "\"variables\":3", "damaged: the number of variables"},
        {"\"every\":1", "\"every\":null", "damaged: `every`"},
        {"\"offset\":", "\"off\":", "damaged: the log"},
        {"\"log\":{", "\"log\":7,\"gol\":{", "damaged: the log"},
        {"\"path\":\"log.csv\"", "\"path\":\"\"", "damaged: a path"},
        {"\"args\":[3,1]", "\"args\":[3]", "damaged: the flags"},
        {"\"command\":\"train\"", "\"command\":\"rain\"", "damaged: the name of a command"},
        {"\"command\":\"epoch\"", "\"command\":\"train\"", "damaged: "},
        {"\"make\":\"npy\"", "\"make\":\"save_npy\"", "damaged: how a dataset was made"},
        {"\"make\":\"npy\"", "\"make\":\"take\"", "damaged: a dataset's arguments"},
        {"\"make\":\"shuffle\"", "\"make\":\"shuffled\"", "damaged: how a dataset was made"},
        {"\"size\":13", "\"size\":12", "12 elements then, 13 now"},
        {"\"dataset\":0", "\"dataset\":1", "damaged: a dataset's number"},
        {"\"tensor\":", "\"tensor\":1", "damaged: there is no tensor host.1"},
        {"\"position\":", "\"position\":9", "damaged: the position of a loop"},
        {"\"position\":", "\"position\":-", "damaged: the position of a loop"},
        {"\"epoch\":0", "\"epoch\":-1", "damaged: the position of a loop"},
        {"\"pc\":", "\"pc\":9", "damaged: where a command stood"},
        {"\"pc\":", "\"pc\":-", "damaged: where a command stood"},
        {"\"stack\":[", "\"stack\":[0,", "damaged: where a command stood"},
        {"\"stack\":[", "\"stuck\":[", "damaged: where a command stood"},
        {"\"frames\":[{", "\"frames\":[],\"x\":[{", "damaged: the commands under way"},
        {"\"locals\":[", "\"locals\":[0,", "damaged: the locals"},
        {"{\"range\":[1,3]}", "{\"range\":[1]}", "damaged: a range"},
        {"{\"range\":[1,3]}", "{\"range\":[-9223372036854775808,3]}", "damaged: a range"},
        {"{\"range\":[1,3]}", "{\"rang\":[1,3]}", "damaged: a value"},
        {"{\"range\":[1,3]}", "7", "damaged: what a loop goes through"},
        {"{", "[", "damaged: its state"},
    };
    for (size_t i = 0; i < sizeof edits / sizeof *edits; i++)
        expect_edited(&a, file, state, edits[i][0], edits[i][1], edits[i][2]);
    dn_safetensors_free(file);
    assembly_free(&a);
}

// Small changes of the state's text, which leave the file around it whole: these get far.
static void test_damaged_state(void) {
    static const char *const pieces[] = {"0",  "-1",   "9999999999", "null",           "true", "[]",
                                         "{}", "\"\"", "1.5",        "{\"tensor\":0}", "[1]",  "7"};
    assembly a;
    build(&a);
    kill_at(&a, 7);
    char *log = file_text("log.csv", NULL);
    dn_safetensors *file;
    CHECK_OK(dn_safetensors_read("out/a.ckpt", &file));
    const char *state = dn_safetensors_metadata(file, "dnet.checkpoint");
    size_t length = strlen(state);
    for (int i = 0; i < 800; i++) {
        // a number, string or literal of the text is replaced by something else
        size_t from = next_random() % length;
        while (from > 0 && !strchr(":,[", state[from - 1])) from--;
        size_t to = from + strcspn(state + from, ",]}");
        dn_str edited = {0};
        dn_str_append(&edited, state, from);
        dn_str_puts(&edited, pieces[next_random() % (sizeof pieces / sizeof *pieces)]);
        dn_str_puts(&edited, state + to);
        rewrite_state(file, edited.text);
        free(edited.text);
        write_file("log.csv", log, strlen(log));
        resume_damaged(&a);
    }
    free(log);
    dn_safetensors_free(file);
    assembly_free(&a);
}

int main(void) {
    folder_begin();
    write_rows("rows.npy", 13, 2);
    test_killed();
    test_many_lives();
    test_interrupted(false);
    test_interrupted(true);
    test_all_kinds();
    test_all_kinds_printed();
    test_refused();
    test_log_kept();
    test_overwrite();
    test_edited_state();
    test_damaged_bytes();
    test_damaged_state();
    folder_end();
    return CHECK_RESULT();
}
