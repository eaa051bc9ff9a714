// The CUDA runtime with hand-written kernels, on the simulated device (tests/cudasim): what is
// where, when data come to the host, what the host changes, what goes wrong. Each case runs in a
// process of its own, which is this program with the case's name: what device there is comes from
// the environment.
#include <stdlib.h>

#include "runtime/cuda/driver.h"
#include "runtime/cuda/layout.h"
#include "tests/check.h"
#include "tests/runtime/cuda_child.h"
#include "tests/runtime/cuda_program.h"

// ---- a machine that runs entries -------------------------------------------------------------

typedef struct machine {
    dn_cuda *cuda;
    dn_tensor *vars[2];
    uint64_t steps;
} machine;

static dn_status run(machine *m, int entry, dn_tensor *const *inputs, dn_tensor **outputs) {
    const dn_entry *e = &entries[entry];
    dn_tensor *vars[2] = {NULL};
    for (int i = 0; i < e->n_vars; i++) vars[i] = m->vars[e->vars[i]];
    dn_status status =
        dn_cuda_run(m->cuda, &(dn_native_call){e, inputs, vars, outputs, 40, m->steps++});
    for (int i = 0; i < e->n_vars && !status; i++) m->vars[e->vars[i]] = vars[i];
    return status;
}

static void begin(machine *m) {
    *m = (machine){0};
    CHECK_OK(dn_cuda_open(&program, &code, 0, &m->cuda));
    if (!m->cuda) exit(CHECK_RESULT());
    CHECK_OK(run(m, INIT_W, NULL, &m->vars[0]));
    CHECK_OK(run(m, INIT_V, NULL, &m->vars[1]));
}

static void end(machine *m) {
    dn_tensor_release(m->vars[0]);
    dn_tensor_release(m->vars[1]);
    dn_cuda_close(m->cuda);
}

static dn_tensor *new_tensor(dn_dtype dtype, int64_t count, double first, double step) {
    dn_shape shape = dn_shape_of(1, &count);
    dn_tensor *t;
    CHECK_OK(dn_tensor_new(dtype, &shape, &t));
    for (int64_t i = 0; i < count; i++) dn_tensor_set(t, i, first + step * (double)i);
    return t;
}

static dn_tensor *new_scalar(double value) {
    dn_tensor *t = new_tensor(DN_F32, 1, value, 0);
    t->shape = dn_shape_of(0, NULL);
    return t;
}

// Settles it and holds it against first + step * index.
static void expect(dn_tensor *t, double first, double step, const char *what) {
    CHECK_OK(dn_tensor_settle(t));
    int wrong = 0;
    for (int64_t i = 0; t->data && i < dn_shape_elements(&t->shape); i++)
        wrong += dn_tensor_get(t, i) != first + step * (double)i;
    CHECK(t->data && wrong == 0, "%s: %d elements are wrong, the first is %g and should be %g",
          what, wrong, t->data ? dn_tensor_get(t, 0) : 0, first);
}

// Runs step with x = value everywhere and s.
static void step(machine *m, double value, double s, dn_tensor *outputs[2]) {
    dn_tensor *inputs[] = {new_tensor(DN_F32, COUNT, value, 0), new_scalar(s)};
    CHECK_OK(run(m, STEP, inputs, outputs));
    dn_tensor_release(inputs[0]);
    dn_tensor_release(inputs[1]);
}

static void release(dn_tensor **tensors, int count) {
    for (int i = 0; i < count; i++) dn_tensor_release(tensors[i]);
}

// ---- cases that go well ----------------------------------------------------------------------

// Results are read a step late, in another order, never, or much later.
static void case_steps(void) {
    enum { STEPS = 12 };
    machine m;
    dn_tensor *outputs[STEPS][2];
    double w = 0;
    begin(&m);
    CHECK(!m.vars[0]->data && !m.vars[1]->data, "first values stay on the device");
    for (int i = 0; i < STEPS; i++, w += i) {
        step(&m, i + 1, 100 * i, outputs[i]);
        CHECK(!outputs[i][0]->data && !outputs[i][1]->data, "nothing was waited for");
        if (i == 4) expect(outputs[3][1], 2 * 4 + 6, 1, "y, a step later");
        if (i % 3 == 2) release(outputs[i], 2), outputs[i][0] = outputs[i][1] = NULL;
    }
    expect(m.vars[0], w, 1, "w at the end");
    w = 0;
    for (int i = 0; i < STEPS; i++, w += i) {
        if (!outputs[i][0]) continue;
        expect(outputs[i][1], 2 * (i + 1) + w, 1, "y at the end");
        expect(outputs[i][0], 999 + w + 100 * i, 0, "loss at the end");
        release(outputs[i], 2);
    }
    expect(m.vars[1], 41 + 7, 1, "v, of the seed and the second run");
    end(&m);
}

// The host's own values of a variable; a value of it that somebody keeps.
static void case_variables(void) {
    machine m;
    dn_tensor *outputs[2], *kept, *sum;
    begin(&m);
    step(&m, 1, 0, outputs);
    release(outputs, 2);
    dn_tensor_release(m.vars[0]);
    m.vars[0] = new_tensor(DN_F32, COUNT, 500, 2);  // as a checkpoint does
    CHECK_OK(run(&m, READ, NULL, &sum));
    expect(sum, 500 + 48, 3, "w + v");
    dn_tensor_release(sum);
    kept = dn_tensor_retain(m.vars[0]);
    step(&m, 3, 0, outputs);
    CHECK(m.vars[0] != kept, "a variable that somebody holds is replaced");
    expect(kept, 500, 2, "w as it was kept");
    dn_tensor_release(kept);
    release(outputs, 2);
    kept = dn_tensor_retain(m.vars[0]);
    CHECK(!kept->data, "the device has it");
    step(&m, 3, 0, outputs);
    expect(kept, 503, 2, "w as it was kept, on the device");
    expect(m.vars[0], 506, 2, "w");
    release(outputs, 2);
    // Settled, then stepped again: the host's copy is old.
    step(&m, 1, 0, outputs);
    CHECK(!m.vars[0]->data, "the host's copy is gone");
    expect(m.vars[0], 507, 2, "w");
    release(outputs, 2);
    dn_tensor_release(kept);
    end(&m);
}

// Results as inputs, of the run before or of the one whose place is about to be overwritten.
static void case_chain(void) {
    machine m;
    dn_tensor *y[2], *outputs[2];
    begin(&m);
    step(&m, 1, 0, outputs);  // y = 2 + i, w = 1 + i
    y[0] = outputs[1];
    dn_tensor *inputs[] = {y[0], outputs[0]};  // x = 2 + i, s = 999
    CHECK_OK(run(&m, STEP, inputs, y));
    CHECK(!inputs[0]->data && !inputs[1]->data, "results went from device to device");
    expect(y[0], 1000 + 999, 0, "loss of a result");
    expect(y[1], 5, 3, "y of a result");  // 2 x + w; w = 3 + 2 i
    release(y, 2);
    for (int i = 0; i < 2; i++) step(&m, 1, 0, outputs), release(outputs, 2);  // w = 5 + 2 i
    dn_tensor *older[] = {inputs[0], new_scalar(1)};
    CHECK(!older[0]->data);
    CHECK_OK(run(&m, STEP, older, y));
    CHECK(older[0]->data, "it was brought here in time");
    expect(y[1], 9, 4, "y of an older result");
    expect(inputs[0], 2, 1, "the older result");
    release(y, 2);
    dn_tensor_release(older[1]);
    release(inputs, 2);
    end(&m);
}

// A row outside its table: the run fails, nothing has changed, the next run is as ever.
static void case_faults(void) {
    machine m;
    begin(&m);
    dn_tensor *good = new_tensor(DN_I32, ROWS, 6, 1), *bad = new_tensor(DN_I32, ROWS, 7, 1);
    dn_tensor *x = new_tensor(DN_F32, COUNT, 2, 0), *wrong = new_tensor(DN_F32, ROWS, 0, 0);
    for (int i = 0; i < 4; i++) {
        CHECK_OK(run(&m, LOOK_UP, (dn_tensor *[]){good, x}, NULL));
        CHECK_FAILS(run(&m, LOOK_UP, (dn_tensor *[]){bad, x}, NULL),
                    "`gather` from test.dnet:3:5: index 10 is outside 0..9 (rows of f32[10, 3])");
    }
    CHECK_FAILS(run(&m, LOOK_UP, (dn_tensor *[]){wrong, x}, NULL),
                "input rows is f32[4] and has to be i32[4]");
    expect(m.vars[0], 8, 1, "w after four good runs");
    dn_tensor *inputs[] = {good, bad, x, wrong};
    release(inputs, 4);
    end(&m);
}

// What outlives the device: data that are needed have been brought here.
static void case_leftovers(void) {
    machine m;
    dn_tensor *outputs[2], *drawn;
    begin(&m);
    CHECK_OK(run(&m, DRAW_IT, NULL, &drawn));
    step(&m, 1, 0, outputs);
    CHECK_OK(dn_cuda_wait(m.cuda));
    dn_cuda_close(m.cuda);
    m.cuda = NULL;
    expect(m.vars[0], 1, 1, "w");
    expect(outputs[1], 2, 1, "y");
    expect(drawn, 5 + 1, 1, "numbers that are keyed");
    release(outputs, 2);
    dn_tensor_release(drawn);
    end(&m);
}

static void count_launches(void *context, int launch, double from, double until) {
    (void)launch;
    CHECK(until >= from, "%g to %g", from, until);
    ++*(int *)context;
}

static void case_watched(void) {
    machine m;
    dn_tensor *outputs[2];
    int count = 0;
    begin(&m);
    dn_native_watcher watcher = {&count, count_launches};
    dn_cuda_watch(m.cuda, &watcher);
    for (int i = 0; i < 3; i++) step(&m, 1, 0, outputs), release(outputs, 2);
    CHECK(count == 12, "%d launches", count);
    dn_cuda_watch(m.cuda, NULL);
    step(&m, 1, 0, outputs);
    CHECK(count == 12, "%d launches", count);
    expect(outputs[1], 5, 1, "y");
    release(outputs, 2);
    end(&m);
}

// ---- cases that fail -------------------------------------------------------------------------

// Prints what went wrong, for the parent.
static void tell(dn_status status) {
    if (!status) {
        puts("success");
        return;
    }
    printf("code %d: %s\n", (int)dn_status_code(status), dn_status_message(status));
    if (dn_status_note(status)) printf("note: %s\n", dn_status_note(status));
    if (dn_status_hint(status)) printf("hint: %s\n", dn_status_hint(status));
    dn_status_free(status);
}

static void open_with(const dn_cuda_code *c, int device) {
    dn_cuda *cuda = NULL;
    tell(dn_cuda_open(&program, c, device, &cuda));
    dn_cuda_close(cuda);
}

static void case_open(void) { open_with(&code, 0); }

// A program that grows: what was on the device comes home meanwhile, and goes on.
static void case_grows(void) {
    machine m = {0};
    dn_tensor *outputs[2], *later[2], *sum;
    dn_program part = program;
    dn_cuda_code begun = code, rest = code;
    begun.n_entries = part.n_entries = LOOK_UP;  // first values, step
    rest.entries += LOOK_UP;
    rest.n_entries -= LOOK_UP;
    CHECK_OK(dn_cuda_open(&part, NULL, 0, &m.cuda));
    if (!m.cuda) exit(CHECK_RESULT());
    CHECK(dn_cuda_capability(m.cuda) == 90 && *dn_cuda_name(m.cuda), "the device alone is open");
    CHECK_OK(dn_cuda_extend(m.cuda, &part, &begun));
    CHECK_OK(run(&m, INIT_W, NULL, &m.vars[0]));
    CHECK_OK(run(&m, INIT_V, NULL, &m.vars[1]));
    for (int i = 0; i < 3; i++) {  // the last ones as a graph
        step(&m, 1, 100, outputs);
        if (i < 2) release(outputs, 2);
    }
    CHECK(!m.vars[0]->data && !outputs[0]->data, "all is on the device");
    CHECK_OK(dn_cuda_bring_home(m.cuda));
    CHECK(m.vars[0]->data && outputs[0]->data, "all is at home");
    expect(outputs[0], 999 + 2 + 100, 0, "the loss that was held");
    release(outputs, 2);
    CHECK_OK(dn_cuda_extend(m.cuda, &program, &rest));
    CHECK_OK(run(&m, READ, NULL, &sum));
    expect(sum, 3 + 41 + 7, 2, "w + v");
    step(&m, 1, 100, later);
    CHECK_OK(dn_cuda_bring_home(m.cuda));
    CHECK_OK(dn_cuda_extend(m.cuda, &program, NULL));
    step(&m, 1, 100, outputs);
    expect(later[0], 999 + 3 + 100, 0, "the loss before it was planned anew");
    expect(outputs[0], 999 + 4 + 100, 0, "and after it");
    expect(m.vars[0], 5, 1, "w");
    release(outputs, 2);
    release(later, 2);
    dn_tensor_release(sum);
    end(&m);
}

// Of variables that nothing in the program uses the device has nothing.
static void test_unused(void) {
    dn_cuda_layout layout;
    dn_variable two[] = {variables[0], variables[1]};
    dn_program part = program;
    part.variables = two;
    part.n_entries = INIT_V;
    two[1].init = -1;
    dn_cuda_layout_make(&part, 0, &layout);
    CHECK(layout.sizes.variables == 4096 && layout.variables[0] == 0 && layout.variables[1] == -1,
          "%lld bytes of variables", (long long)layout.sizes.variables);
    dn_cuda_layout_free(&layout);
}

static void case_device_3(void) { open_with(&code, 3); }

static void case_only_new(void) {
    dn_cuda_code c = code;
    c.modules = &modules[1];
    c.n_modules = 1;
    open_with(&c, 0);
}

// Three modules, for sm_80, sm_90 and sm_90a, of which only one can be loaded.
static void open_one_of(int good, const void *cubin) {
    const dn_cuda_kernel *const tables[] = {kernel_table, kernel_table, kernel_table};
    dn_cuda_module three[] = {modules[0], modules[1], modules[1]};
    dn_cuda_code c = code;
    three[2].specific = true;
    for (int i = 0; i < 3; i++)
        if (i != good) three[i].ptx = "nonsense";
    three[0].cubin = cubin;
    three[0].cubin_bytes = cubin ? 8 : 0;
    c.modules = three;
    c.n_modules = 3;
    c.kernels = tables;
    open_with(&c, 0);
}

static void case_module_80(void) { open_one_of(0, NULL); }

static void case_module_90a(void) { open_one_of(2, NULL); }

// Machine code, if it is for the device's major version, comes before PTX.
static void case_cubin(void) { open_one_of(0, "nonsense"); }

static void case_bad_ptx(void) {
    dn_cuda_module bad = modules[0];
    dn_cuda_code c = code;
    bad.ptx =
        ".version 7.0\n.target sm_80\n.address_size 64\n.visible .entry fill() { nonsense; }\n";
    c.modules = &bad;
    c.n_modules = 1;
    open_with(&c, 0);
}

static void case_no_kernel(void) {
    dn_cuda_kernel changed[N_ALL];
    const dn_cuda_kernel *const tables[] = {changed, changed};
    dn_cuda_code c = code;
    memcpy(changed, kernel_table, sizeof changed);
    changed[K_ADD].symbol = "subtract";
    c.kernels = tables;
    open_with(&c, 0);
}

static void case_shared(void) {
    dn_cuda_kernel changed[N_ALL];
    const dn_cuda_kernel *const tables[] = {changed, changed};
    dn_cuda_code c = code;
    memcpy(changed, kernel_table, sizeof changed);
    changed[K_ADD].shared = 300000;
    c.kernels = tables;
    open_with(&c, 0);
}

static void case_wide(void) {
    machine m;
    dn_tensor *out = NULL;
    begin(&m);
    tell(run(&m, RUN_WIDE, NULL, &out));
    end(&m);
}

// A kernel that writes where nothing is: told when it is first seen, and by everything after it.
static void case_wild(void) {
    machine m;
    dn_tensor *out = NULL;
    begin(&m);
    dn_status status = run(&m, RUN_WILD, NULL, &out);
    if (!status) status = dn_tensor_settle(out);
    tell(status);
    tell(dn_cuda_wait(m.cuda));
    tell(dn_tensor_settle(m.vars[0]));
    dn_tensor_release(out);
    end(&m);
}

// ---- children --------------------------------------------------------------------------------

static const struct {
    const char *name;
    void (*function)(void);
} cases[] = {
    {"steps", case_steps},       {"variables", case_variables}, {"chain", case_chain},
    {"faults", case_faults},     {"leftovers", case_leftovers}, {"watched", case_watched},
    {"grows", case_grows},       {"open", case_open},           {"device 3", case_device_3},
    {"only new", case_only_new}, {"module 80", case_module_80}, {"module 90a", case_module_90a},
    {"cubin", case_cubin},       {"bad ptx", case_bad_ptx},     {"no kernel", case_no_kernel},
    {"shared", case_shared},     {"wide", case_wide},           {"wild", case_wild},
};

static int run_case(const char *name) {
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        if (strcmp(cases[i].name, name) == 0) return cases[i].function(), CHECK_RESULT();
    return 2;
}

// ---- what is expected of them ----------------------------------------------------------------

static void expect_success(const char *self, const char *name, const char *settings) {
    outcome o = child(self, name, settings);
    CHECK(o.code == 0, "%s with %s: %d\n%s", name, settings, o.code, o.text);
    free_outcome(&o);
}

static void expect_message(const char *self, const char *name, const char *settings,
                           const char *const *texts) {
    outcome o = child(self, name, settings);
    for (int i = 0; texts[i]; i++)
        CHECK(strstr(o.text, texts[i]), "%s with %s: \"%s\" expected\n%s", name, settings, texts[i],
              o.text);
    free_outcome(&o);
}

#define EXPECT(name, settings, ...) \
    expect_message(self, name, settings, (const char *const[]){__VA_ARGS__, NULL})

// In whichever order streams allow, the results are the same.
static void test_orders(const char *self) {
    static const char *const orders[] = {"late",     "early",    "overtake",
                                         "random:1", "random:2", "random:3"};
    static const char *const names_of[] = {"steps",     "variables", "chain", "faults",
                                           "leftovers", "watched",   "grows"};
    for (size_t i = 0; i < sizeof orders / sizeof *orders; i++)
        for (size_t k = 0; k < sizeof names_of / sizeof *names_of; k++) {
            char *settings = dn_printf("CUDASIM_ORDER=%s", orders[i]);
            expect_success(self, names_of[k], settings);
            free(settings);
        }
    for (size_t k = 0; k < sizeof names_of / sizeof *names_of; k++)
        expect_success(self, names_of[k], "DNET_CUDA_SYNC=1");
    expect_success(self, "steps", "CUDASIM_SM=80");
}

static void test_messages(const char *self) {
    EXPECT("open", "DNET_CUDA_DRIVER=/nowhere/libcuda.so.1", "code 5: there is no NVIDIA driver\n",
           "note: /nowhere/libcuda.so.1: cannot open");
    EXPECT("open", "CUDASIM_DEVICES=0", "code 5: there is no GPU that CUDA can use\n");
    EXPECT("open", "CUDASIM_DEVICES=2 CUDA_VISIBLE_DEVICES=1", "success");
    EXPECT("device 3", "CUDASIM_DEVICES=2",
           "code 5: there is no GPU number 3: CUDA shows 2, from 0\n");
    EXPECT("device 3", "CUDASIM_DEVICES=4 CUDA_VISIBLE_DEVICES=2", "CUDA shows 1, from 0\n",
           "note: CUDA_VISIBLE_DEVICES is \"2\"\n");
    EXPECT("open", "CUDASIM_MEMORY=20000", "code 4: the program needs 0.0 MiB of the GPU's memory",
           "free\n", "note: variables 0.0 MiB");
    EXPECT("only new", "CUDASIM_SM=80", "code 5: the program was compiled for sm_90, and ",
           " is sm_80\n", "hint: `-target cuda`");
    EXPECT("module 80", "CUDASIM_SM=80", "success");
    EXPECT("module 80", "CUDASIM_SM=89", "success");
    EXPECT("module 80", "CUDASIM_SM=90", "the NVIDIA driver cannot load");
    EXPECT("module 90a", "CUDASIM_SM=90", "success");
    EXPECT("module 90a", "CUDASIM_SM=89", "the NVIDIA driver cannot load");
    EXPECT("cubin", "CUDASIM_SM=86", "the NVIDIA driver cannot load");
    EXPECT("bad ptx", "CUDASIM_SM=80",
           "the NVIDIA driver cannot load the program's kernels: ", "CUDA_ERROR_INVALID_PTX",
           "note: ", "line 4");
    EXPECT("no kernel", "CUDASIM_SM=80", "subtract: CUDA_ERROR_NOT_FOUND");
    EXPECT("shared", "CUDASIM_SM=80", "add needs 300000 bytes of shared memory, and a block of ",
           " has at most 166912\n");
    EXPECT("wide", "CUDASIM_SM=80",
           "`sum` from test.dnet:12 (add: 4 blocks of 256 threads, 0 bytes of shared memory): "
           "CUDA_ERROR_INVALID_VALUE");
    EXPECT("wild", "CUDASIM_SM=80", "code 7: wild: CUDA_ERROR_ILLEGAL_ADDRESS",
           "hint: with DNET_CUDA_SYNC=1 in the environment the message names the kernel\n",
           "code 7: the GPU: CUDA_ERROR_ILLEGAL_ADDRESS", "code 7: w: CUDA_ERROR_ILLEGAL_ADDRESS");
    EXPECT("wild", "DNET_CUDA_SYNC=1",
           "code 7: `sum` from test.dnet:31 (wild: 1 block of 32 threads, 0 bytes of shared "
           "memory): CUDA_ERROR_ILLEGAL_ADDRESS");
}

// One block of each kind of memory, of the size that was foretold; graphs from the second run on.
static void test_summary(const char *self) {
    dn_cuda_memory memory;
    dn_cuda_memory_of(&program, &code, &memory);
    outcome o = child(self, "steps", "CUDASIM_ORDER=late");
    CHECK(counted(&o, "peak") == memory.device, "%s", o.summary);
    CHECK(counted(&o, "host_peak") == memory.pinned, "%s", o.summary);
    CHECK(counted(&o, "allocations") == 1 && counted(&o, "host_allocations") == 1, "%s", o.summary);
    CHECK(counted(&o, "graph_launches") == 11 && counted(&o, "graph_kernels") == 44, "%s",
          o.summary);
    CHECK(counted(&o, "instantiations") == 4, "one for each set: %s", o.summary);
    CHECK(counted(&o, "problems") == 0, "leaks are among them: %s", o.summary);
    free_outcome(&o);
}

int main(int argc, char **argv) {
    if (argc == 2) return run_case(argv[1]);
    test_orders(argv[0]);
    test_messages(argv[0]);
    test_summary(argv[0]);
    test_unused();
    return CHECK_RESULT();
}
