// Every op's golden values (tests/interp/golden/ops.txt) on native code: f64, f32 and bf16, -O0 and
// -O3, each instruction set, 1 to 3 threads, poisoned memory.
#include "tests/native/golden_run.h"
#include "tests/native/verdict.h"

enum { MOST_CASES = 400 };

// `first` holds the results of the first run with these values; all others have the same bits.
static void check_case(void *compiled, int index, const golden_case *g, const run_case *c,
                       dn_isa isa, results *first) {
    for (int threads = 1; threads <= MOST_THREADS; threads++) {
        dn_str wrong = {0};
        results have;
        char how[100];
        snprintf(how, sizeof how, "has other bits with %s on %d threads", dn_isa_name(isa),
                 threads);
        bool ran = run_one(&native_backend, compiled, index, c, threads, &have, &wrong);
        if (ran && first->n == 0) {
            for (int i = 0; i < g->n_out; i++) compare_golden(g, have.tensors[i], g->out[i]);
            *first = have;
        } else if (ran) {
            ran = compare_bits(c, first, &have, how, &wrong);
            results_free(&have);
        }
        CHECK(ran, "%s: %s", g->name, wrong.text);
        free(wrong.text);
    }
}

static void check_all(const golden_case *golden, const run_case *cases, int n, int level) {
    results first[MOST_CASES] = {0};
    for (int isa = 0; isa <= (int)dn_isa_here(); isa++) {
        void *compiled = NULL;
        CHECK_OK(native_backend.compile(cases, n, (dn_isa)isa, level, &compiled));
        for (int i = 0; compiled && i < n; i++)
            check_case(compiled, i, &golden[i], &cases[i], (dn_isa)isa, &first[i]);
        if (compiled) native_backend.free(compiled);
    }
    for (int i = 0; i < n; i++) results_free(&first[i]);
}

static void test_dtype(const char *text, dn_dtype real) {
    static golden_case golden[MOST_CASES];
    static run_case cases[MOST_CASES];
    dn_dims *dims = dn_dims_new();
    int n = 0;
    for (; n < MOST_CASES && read_golden(&text, real, &golden[n]); n++)
        cases[n] = golden_run(dims, &golden[n]);
    CHECK(n > 200 && !*text, "%d cases, then: %.40s", n, text);
    check_all(golden, cases, n, 0);
    check_all(golden, cases, n, 3);
    for (int i = 0; i < n; i++) {
        free_case(&cases[i]);
        free_golden(&golden[i]);
    }
    dn_dims_free(dims);
}

int main(void) {
    char *text = NULL;
    size_t length;
    CHECK_OK(dn_read_file(TEST_DIR "/interp/golden/ops.txt", &text, &length));
    test_dtype(text, DN_F64);
    test_dtype(text, DN_F32);
    test_dtype(text, DN_BF16);
    free(text);
    return CHECK_RESULT();
}
