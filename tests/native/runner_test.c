// The runner on kernels written in C: where arguments are, variables that others hold, faults,
// random numbers, any number of threads, no allocation once warm.
#include <signal.h>
#include <stdlib.h>

#include "runtime/base/interrupt.h"
#include "runtime/native/native.h"
#include "runtime/rng.h"
#include "tests/check.h"

enum { COUNT = 1000, TASKS = 13, ROWS = 10 };

static dn_tensor *new_tensor(dn_dtype dtype, int64_t count, double first) {
    dn_shape shape = dn_shape_of(1, &count);
    dn_tensor *t;
    CHECK_OK(dn_tensor_new(dtype, &shape, &t));
    for (int64_t i = 0; i < count; i++) dn_tensor_set(t, i, first + (double)i);
    return t;
}

// ---- kernels: each task is a slice of COUNT elements ----

static int64_t slice(int64_t task) { return COUNT * task / TASKS; }

// args: x, out. out = 2 x
static void twice(void *const *args, int64_t begin, int64_t end, dn_native_fault *fault) {
    const float *x = args[0];
    float *out = args[1];
    (void)fault;
    for (int64_t i = slice(begin); i < slice(end); i++) out[i] = 2 * x[i];
}

// args: x, v. v += x
static void add_to(void *const *args, int64_t begin, int64_t end, dn_native_fault *fault) {
    const float *x = args[0];
    float *v = args[1];
    (void)fault;
    for (int64_t i = slice(begin); i < slice(end); i++) v[i] += x[i];
}

// args: x. Elements are rows of a table; the first that is none is told.
static void look_up(void *const *args, int64_t begin, int64_t end, dn_native_fault *fault) {
    const float *x = args[0];
    for (int64_t i = slice(begin); i < slice(end); i++)
        if (x[i] >= ROWS && !fault->rows)
            *fault = (dn_native_fault){.index = (int64_t)x[i], .rows = ROWS};
}

static void no_rows(void *const *args, int64_t begin, int64_t end, dn_native_fault *fault) {
    (void)args, (void)begin, (void)end;
    *fault = (dn_native_fault){.index = 4, .rows = -1};
}

static void press_ctrl_c(void *const *args, int64_t begin, int64_t end, dn_native_fault *fault) {
    (void)args, (void)begin, (void)end, (void)fault;
    raise(SIGINT);
}

static dn_native_kernel *const kernels[] = {twice, add_to, look_up, no_rows, press_ctrl_c};
enum { TWICE, ADD_TO, LOOK_UP, NO_ROWS, PRESS_CTRL_C };

// ---- an entry: out = 2 x by way of the arena; v += out ----

static const int64_t count_dims[] = {COUNT};
static const char names[] = "\0`gather` from a.dnet:3:5\0f32[10, 3]";
enum { PLACE = 1, TABLE = 26 };

static const dn_native_arg args[] = {
    {DN_PLACE_INPUT, 0, 0},  {DN_PLACE_ARENA, 0, 64},                           // twice
    {DN_PLACE_ARENA, 0, 64},                                                    // look_up
    {DN_PLACE_INPUT, 0, 0},  {DN_PLACE_OUTPUT, 0, 0},                           // twice
    {DN_PLACE_ARENA, 0, 64}, {DN_PLACE_VAR, 1, 0},    {DN_PLACE_OUTPUT, 0, 0},  // add_to
};
static const dn_native_launch launches[] = {
    {.kernel = TWICE, .arg = 0, .n_args = 2, .tasks = TASKS},
    {.kernel = LOOK_UP,
     .arg = 2,
     .n_args = 1,
     .tasks = TASKS,
     .can_fail = true,
     .place = PLACE,
     .table = TABLE},
    {.kernel = TWICE, .arg = 3, .n_args = 2, .tasks = TASKS},
    {.kernel = ADD_TO, .arg = 5, .n_args = 2, .tasks = TASKS, .commits = true},
};
static const dn_native_entry code = {.arena_bytes = 64 + COUNT * 4,
                                     .launches = launches,
                                     .n_launches = 4,
                                     .args = args,
                                     .n_args = 8,
                                     .names = names,
                                     .n_names = sizeof names};

typedef struct fixture {
    dn_pool *pool;
    dn_native_runner *runner;
    dn_field input, output;
    dn_entry entry;
    dn_tensor *x, *vars[2], *out;
} fixture;

// x = first, first + 1, ...; v = 0, 1, 2, ...
static void begin(fixture *f, int threads, double first) {
    *f = (fixture){0};
    CHECK_OK(dn_pool_new(threads, &f->pool));
    CHECK_OK(dn_native_runner_new(f->pool, &f->runner));
    f->input = (dn_field){.name = "x", .dtype = DN_F32, .shape = dn_shape_of(1, count_dims)};
    f->output = (dn_field){.name = "y", .dtype = DN_F32, .shape = dn_shape_of(1, count_dims)};
    f->entry = (dn_entry){.name = "e",
                          .n_inputs = 1,
                          .inputs = &f->input,
                          .n_outputs = 1,
                          .outputs = &f->output,
                          .n_vars = 2};
    f->x = new_tensor(DN_F32, COUNT, first);
    f->vars[0] = new_tensor(DN_F32, COUNT, 7);
    f->vars[1] = new_tensor(DN_F32, COUNT, 0);
}

static void end(fixture *f) {
    dn_tensor_release(f->x);
    dn_tensor_release(f->vars[0]);
    dn_tensor_release(f->vars[1]);
    dn_tensor_release(f->out);
    dn_native_runner_free(f->runner);
    dn_pool_free(f->pool);
}

static dn_status run_once(fixture *f, int *launch) {
    dn_tensor_release(f->out);
    return dn_native_run(f->runner, &code, kernels,
                         &(dn_native_call){&f->entry, &f->x, f->vars, &f->out, 0, 0}, launch);
}

// How many elements are not scale * (first + i) + add * i.
static int wrong(const dn_tensor *t, double first, double scale, double add) {
    int count = 0;
    for (int i = 0; i < COUNT; i++) count += dn_tensor_get(t, i) != scale * (first + i) + add * i;
    return count;
}

static void test_run(int threads) {
    fixture f;
    begin(&f, threads, -2000);
    int launch = 5;
    const dn_tensor *before = f.vars[1];
    dn_native_runner_poison(f.runner);
    CHECK_OK(run_once(&f, &launch));
    CHECK(launch == -1, "%d", launch);
    CHECK(f.out && wrong(f.out, -2000, 2, 0) == 0);
    CHECK(wrong(f.vars[1], -2000, 2, 1) == 0);
    CHECK(f.vars[1] == before, "written in place");
    CHECK(dn_native_runner_arena(f.runner) >= code.arena_bytes);
    int64_t arena = dn_native_runner_arena(f.runner);
    CHECK_OK(run_once(&f, NULL));
    CHECK(wrong(f.vars[1], -2000, 4, 1) == 0, "a second time");
    CHECK(dn_native_runner_arena(f.runner) == arena);
    end(&f);
}

// Somebody else's reference keeps the value that it had.
static void test_shared_variable(void) {
    fixture f;
    begin(&f, 2, -2000);
    dn_tensor *held = dn_tensor_retain(f.vars[1]), *untouched = dn_tensor_retain(f.vars[0]);
    CHECK_OK(run_once(&f, NULL));
    CHECK(f.vars[1] != held);
    CHECK(wrong(held, 0, 0, 1) == 0 && held->references == 1);
    CHECK(wrong(f.vars[1], -2000, 2, 1) == 0 && f.vars[1]->references == 1);
    CHECK(f.vars[0] == untouched, "no launch writes it");
    dn_tensor_release(held);
    dn_tensor_release(untouched);
    end(&f);
}

static void test_fault(int threads, bool shared) {
    fixture f;
    begin(&f, threads, -100);
    dn_tensor *before = f.vars[1], *held = shared ? dn_tensor_retain(before) : NULL;
    int launch;
    CHECK_FAILS(run_once(&f, &launch),
                "`gather` from a.dnet:3:5: index 10 is outside 0..9 (rows of f32[10, 3])");
    CHECK(launch == 1, "%d", launch);
    CHECK(f.vars[1] == before && wrong(before, 0, 0, 1) == 0, "nothing changed");
    CHECK(!f.out);
    dn_tensor_release(f.x);
    f.x = new_tensor(DN_F32, COUNT, -2000);  // the next run begins without a fault
    CHECK_OK(run_once(&f, &launch));
    dn_tensor_release(held);
    end(&f);
}

static void test_no_rows(void) {
    fixture f;
    begin(&f, 1, 0);
    static const dn_native_launch launch = {
        .kernel = NO_ROWS, .tasks = 1, .can_fail = true, .place = PLACE};
    dn_native_entry failing = {
        .launches = &launch, .n_launches = 1, .names = names, .n_names = sizeof names};
    CHECK_FAILS(dn_native_run(f.runner, &failing, kernels,
                              &(dn_native_call){&f.entry, &f.x, f.vars, &f.out, 0, 0}, NULL),
                "`gather` from a.dnet:3:5: index 4, but the table has no rows");
    end(&f);
}

// Ctrl-C during launch `at` of: out = 2 x by way of the arena; v += out, and again.
static void test_interrupt(int at, bool stops) {
    fixture f;
    begin(&f, 1, -2000);
    dn_native_launch with[] = {launches[0], launches[2], launches[3], launches[3]};
    with[2].commits = with[3].commits = true;
    dn_native_launch pressed[5];
    for (int i = 0, k = 0; i < 5; i++) {
        pressed[i] = i == at ? (dn_native_launch){.kernel = PRESS_CTRL_C, .tasks = 1} : with[k];
        k += i != at;
    }
    dn_native_entry interrupted = code;
    interrupted.launches = pressed;
    interrupted.n_launches = 5;
    dn_native_call call = {&f.entry, &f.x, f.vars, &f.out, 0, 0};
    dn_status status = dn_native_run(f.runner, &interrupted, kernels, &call, NULL);
    CHECK((status != NULL) == stops && (!status || dn_status_code(status) == DN_INTERRUPTED));
    CHECK(wrong(f.vars[1], -2000, stops ? 0 : 4, 1) == 0, "launch %d", at);
    CHECK(!f.out == stops);
    dn_status_free(status);
    dn_interrupt_clear();
    end(&f);
}

// Nothing is half written: a run that has begun to write ends.
static void test_interrupts(void) {
    dn_interrupt_install_patient();
    for (int at = 0; at < 5; at++) test_interrupt(at, at < 3);
}

static void test_wrong_input(void) {
    fixture f;
    begin(&f, 1, 0);
    dn_tensor_release(f.x);
    f.x = new_tensor(DN_F32, COUNT - 1, 0);
    CHECK_FAILS(run_once(&f, NULL), "input x is f32[999] and has to be f32[1000]");
    end(&f);
}

// ---- random numbers ----

typedef struct random_case {
    dn_dtype dtype;
    bool normal, keyed;
} random_case;

static void expected_numbers(const random_case *c, int64_t n, void *out) {
    dn_rng_stream stream = {.seed = c->keyed ? 99 : 5, .step = c->keyed ? 0 : 6, .site = 77};
    if (c->dtype == DN_F32)
        (c->normal ? dn_rng_normal_f32 : dn_rng_uniform_f32)(&stream, 0, n, out);
    else
        (c->normal ? dn_rng_normal_f64 : dn_rng_uniform_f64)(&stream, 0, n, out);
}

static void test_random(int threads, const random_case *c, int64_t n) {
    static const dn_native_arg out_arg = {DN_PLACE_OUTPUT, 0, 0};
    dn_native_launch launch = {.kind = DN_LAUNCH_RANDOM,
                               .dtype = (uint8_t)c->dtype,
                               .normal = c->normal,
                               .keyed = c->keyed,
                               .n_args = 1,
                               .tasks = n,
                               .seed = 99,
                               .site = 77};
    dn_native_entry random = {.launches = &launch, .n_launches = 1, .args = &out_arg, .n_args = 1};
    dn_field output = {.name = "r", .dtype = c->dtype, .shape = dn_shape_of(1, &n)};
    dn_entry entry = {.name = "e", .n_outputs = 1, .outputs = &output};
    fixture f;
    begin(&f, threads, 0);
    CHECK_OK(dn_native_run(f.runner, &random, kernels,
                           &(dn_native_call){&entry, NULL, NULL, &f.out, 5, 6}, NULL));
    dn_tensor *want = new_tensor(c->dtype, n, 0);
    expected_numbers(c, n, want->data);
    CHECK(f.out && memcmp(f.out->data, want->data, want->bytes) == 0, "%d threads, %lld", threads,
          (long long)n);
    dn_tensor_release(want);
    end(&f);
}

static void test_randoms(int threads) {
    static const random_case cases[] = {
        {DN_F32, false, false}, {DN_F32, true, true}, {DN_F64, false, true}, {DN_F64, true, false}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        test_random(threads, &cases[i], 0);
        test_random(threads, &cases[i], 1);
        test_random(threads, &cases[i], 4096);
        test_random(threads, &cases[i], 30001);
    }
}

// ---- measuring, arenas, instruction sets ----

static void add_time(void *times, int launch, double begin, double end) {
    dn_native_time *time = (dn_native_time *)times + launch;
    time->seconds += end - begin;
    time->runs++;
}

static void test_times(void) {
    fixture f;
    begin(&f, 2, -2000);
    dn_native_time times[4] = {0};
    dn_native_runner_watch(f.runner, &(dn_native_watcher){times, add_time});
    for (int i = 0; i < 3; i++) CHECK_OK(run_once(&f, NULL));
    dn_native_runner_watch(f.runner, NULL);
    CHECK_OK(run_once(&f, NULL));
    for (int i = 0; i < 4; i++)
        CHECK(times[i].runs == 3 && times[i].seconds > 0 && times[i].seconds < 60, "%g",
              times[i].seconds);
    end(&f);
}

static void test_arena_grows(void) {
    static const int64_t sizes[] = {0, 100, 5000, 3 << 20, 50, 9 << 20};
    fixture f;
    begin(&f, 1, 0);
    int64_t most = 0;
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        dn_native_entry empty = {.arena_bytes = sizes[i]};
        dn_native_runner_poison(f.runner);  // touches every byte
        dn_tensor_release(f.out);
        CHECK_OK(dn_native_run(f.runner, &empty, kernels,
                               &(dn_native_call){&f.entry, &f.x, f.vars, &f.out, 0, 0}, NULL));
        most = sizes[i] > most ? sizes[i] : most;
        int64_t have = dn_native_runner_arena(f.runner);
        CHECK(have >= most && have < most + 4096, "%lld for %lld", (long long)have,
              (long long)most);
    }
    dn_native_entry impossible = {.arena_bytes = INT64_MAX - 4096};
    dn_tensor_release(f.out);
    CHECK_FAILS(dn_native_run(f.runner, &impossible, kernels,
                              &(dn_native_call){&f.entry, &f.x, f.vars, &f.out, 0, 0}, NULL),
                "no memory for intermediate values");
    end(&f);
}

static void test_isa(void) {
    unsetenv("DNET_ISA");
    CHECK_OK(dn_isa_check());
    dn_isa best = dn_isa_here();
    CHECK(strcmp(dn_isa_name(DN_ISA_AVX2), "avx2") == 0);
    CHECK(strcmp(dn_isa_name(DN_ISA_AVX512), "avx512") == 0);
    CHECK(strcmp(dn_isa_name(DN_ISA_AVX512_BF16), "avx512bf16") == 0);
    setenv("DNET_ISA", "avx2", 1);
    CHECK_OK(dn_isa_check());
    CHECK(dn_isa_here() == DN_ISA_AVX2);
    setenv("DNET_ISA", "sse9", 1);
    CHECK_FAILS(dn_isa_check(), "DNET_ISA should be avx2, avx512 or avx512bf16, not `sse9`");
    for (int isa = DN_ISA_AVX512; isa < DN_ISA_COUNT; isa++) {
        setenv("DNET_ISA", dn_isa_name((dn_isa)isa), 1);
        if ((dn_isa)isa <= best)
            CHECK_OK(dn_isa_check());
        else
            CHECK_FAILS(dn_isa_check(), ", which this processor does not have");
        CHECK(dn_isa_here() == ((dn_isa)isa <= best ? (dn_isa)isa : best));
    }
    unsetenv("DNET_ISA");
}

int main(void) {
    for (int threads = 1; threads <= 5; threads++) {
        test_run(threads);
        test_fault(threads, false);
        test_fault(threads, true);
        test_randoms(threads);
    }
    test_shared_variable();
    test_no_rows();
    test_interrupts();
    test_wrong_input();
    test_times();
    test_arena_grows();
    test_isa();
    return CHECK_RESULT();
}
