// Random graphs of which values are made again, whether that saves memory or not: the results have
// the same bits.
#include <stdlib.h>
#include <time.h>

#include "tests/check.h"
#include "tests/native/random_graph.h"
#include "tests/native/remake.h"
#include "tests/native/verdict.h"

enum { BATCH = 16, SECONDS = 6, MOST_GRAPHS = 1600 };

static dn_dims *dims;

static void *compile(const run_case *cases, void (*change)(dn_kernels *)) {
    void *compiled = NULL;
    native_change = change;
    dn_status status = native_compile(cases, BATCH, dn_isa_here(), 1, &compiled);
    CHECK(!status, "%s\n%s", dn_status_message(status),
          dn_status_note(status) ? dn_status_note(status) : "");
    dn_status_free(status);
    return compiled;
}

// The second run is held against the first one's bits.
static void compare(const run_case *c, int index, void *plain, void *changed, uint64_t seed) {
    reference r = {0};
    dn_str wrong = {0};
    dn_status status = reference_new(c, &r);
    CHECK(!status, "%s", dn_status_message(status));
    if (!status) {
        bool right = right_on(&native_backend, plain, index, c, dn_isa_here(), &r, &wrong) &&
                     right_on(&native_backend, changed, index, c, dn_isa_here(), &r, &wrong);
        CHECK(right, "seed %llu: %s", (unsigned long long)seed, wrong.text);
    }
    free(wrong.text);
    dn_status_free(status);
    reference_free(&r);
}

static void try_batch(uint64_t first) {
    run_case cases[BATCH];
    for (int i = 0; i < BATCH; i++) cases[i] = random_case(dims, first + (uint64_t)i);
    void *plain = compile(cases, NULL), *changed = compile(cases, remake);
    for (int i = 0; i < BATCH && plain && changed; i++)
        compare(&cases[i], i, plain, changed, first + (uint64_t)i);
    if (plain) native_free(plain);
    if (changed) native_free(changed);
    for (int i = 0; i < BATCH; i++) free_case(&cases[i]);
}

int main(void) {
    time_t end = time(NULL) + SECONDS;
    int graphs = 0;
    dims = dn_dims_new();
    for (; graphs < MOST_GRAPHS && time(NULL) < end; graphs += BATCH)
        try_batch(9000 + (uint64_t)graphs);
    printf("%d graphs, %d values made again\n", graphs, remade);
    CHECK(remade > graphs, "%d values in %d graphs", remade, graphs);
    dn_dims_free(dims);
    return CHECK_RESULT();
}
