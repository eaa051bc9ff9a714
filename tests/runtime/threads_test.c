// The pool: every index once, bounds that depend on (count, grain) alone, any number of threads.
#include "runtime/threads.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "runtime/base/memory.h"
#include "tests/check.h"

typedef struct visit {
    int64_t count, grain;
    atomic_int *seen;    // per index
    atomic_int *chunks;  // per chunk
    atomic_int wrong;
} visit;

static void visit_body(void *arg, int64_t chunk, int64_t begin, int64_t end) {
    visit *v = arg;
    bool last = begin + v->grain >= v->count;
    if (begin != chunk * v->grain || end != (last ? v->count : begin + v->grain)) v->wrong++;
    v->chunks[chunk]++;
    for (int64_t i = begin; i < end; i++) v->seen[i]++;
}

static void check_loop(dn_pool *pool, int64_t count, int64_t grain) {
    int64_t chunks = (count + grain - 1) / grain;
    visit v = {.count = count, .grain = grain};
    v.seen = dn_xcalloc((size_t)count, sizeof *v.seen);
    v.chunks = dn_xcalloc((size_t)chunks, sizeof *v.chunks);
    dn_parallel_for(pool, count, grain, visit_body, &v);
    int wrong = v.wrong;
    for (int64_t i = 0; i < count; i++) wrong += v.seen[i] != 1;
    for (int64_t i = 0; i < chunks; i++) wrong += v.chunks[i] != 1;
    CHECK(wrong == 0, "count %lld, grain %lld", (long long)count, (long long)grain);
    free(v.seen);
    free(v.chunks);
}

static void test_loops(int threads) {
    static const int64_t counts[] = {1, 2, 3, 7, 8, 9, 63, 64, 1000, 4097};
    static const int64_t grains[] = {1, 2, 7, 64, 1000, 5000, INT64_MAX / 2};
    dn_pool *pool = NULL;
    CHECK_OK(dn_pool_new(threads, &pool));
    CHECK(dn_pool_threads(pool) == threads, "%d", dn_pool_threads(pool));
    for (size_t c = 0; c < sizeof counts / sizeof *counts; c++) {
        for (size_t g = 0; g < sizeof grains / sizeof *grains; g++)
            check_loop(pool, counts[c], grains[g] > counts[c] ? counts[c] + 1 : grains[g]);
    }
    dn_pool_free(pool);
}

typedef struct part_visit {
    int64_t count, parts;
    atomic_int *seen;  // per index
    atomic_int wrong;
} part_visit;

static void part_body(void *arg, int64_t part, int64_t begin, int64_t end) {
    part_visit *v = arg;
    if (begin != v->count * part / v->parts || end != v->count * (part + 1) / v->parts) v->wrong++;
    for (int64_t i = begin; i < end; i++) v->seen[i]++;
}

static void check_parts(dn_pool *pool, int threads, int64_t count) {
    part_visit v = {.count = count, .parts = count < threads ? count : threads};
    v.seen = dn_xcalloc((size_t)count, sizeof *v.seen);
    dn_parallel_parts(pool, count, part_body, &v);
    int wrong = v.wrong;
    for (int64_t i = 0; i < count; i++) wrong += v.seen[i] != 1;
    CHECK(wrong == 0, "count %lld, %d threads", (long long)count, threads);
    free(v.seen);
}

// The two sorts of loop by turns, so that a worker late to one meets the other.
static void test_parts(int threads) {
    dn_pool *pool = NULL;
    CHECK_OK(dn_pool_new(threads, &pool));
    for (int64_t count = 0; count < 300; count++) {
        check_parts(pool, threads, count);
        if (count % 3 == 1) check_loop(pool, count, 5);
        if (count % 50 == 0) nanosleep(&(struct timespec){.tv_nsec = 2000000}, NULL);
    }
    dn_pool_free(pool);
}

static void big_part(void *arg, int64_t part, int64_t begin, int64_t end) {
    int64_t *bounds = arg;
    bounds[part] = begin;
    bounds[part + 1] = end;
}

static void test_big_parts(void) {
    dn_pool *pool = NULL;
    int64_t bounds[4];
    CHECK_OK(dn_pool_new(3, &pool));
    dn_parallel_parts(pool, INT64_MAX, big_part, bounds);
    CHECK(bounds[0] == 0 && bounds[1] == INT64_MAX / 3 && bounds[3] == INT64_MAX, "%lld",
          (long long)bounds[1]);
    dn_pool_free(pool);
}

static void fail_body(void *arg, int64_t chunk, int64_t begin, int64_t end) {
    (void)chunk, (void)begin, (void)end;
    *(bool *)arg = true;
}

static void one_body(void *arg, int64_t chunk, int64_t begin, int64_t end) {
    *(int64_t *)arg += chunk + 10 * begin + 100 * end;
}

static void test_edges(void) {
    dn_pool *pool = NULL;
    CHECK_OK(dn_pool_new(3, &pool));
    bool called = false;
    dn_parallel_for(pool, 0, 1, fail_body, &called);
    dn_parallel_for(pool, -5, 1, fail_body, &called);
    CHECK(!called, "nothing to do");
    int64_t got = 0;  // a grain that overflows when added to
    dn_parallel_for(pool, 5, INT64_MAX, one_body, &got);
    CHECK(got == 500, "%lld", (long long)got);
    dn_pool_free(pool);
    dn_pool_free(NULL);
    CHECK_FAILS(dn_pool_new(-1, &pool), "-1 threads");
    CHECK_FAILS(dn_pool_new(1000000, &pool), "1000000 threads");
    CHECK_OK(dn_pool_new(0, &pool));
    CHECK(dn_pool_threads(pool) >= 1, "%d", dn_pool_threads(pool));
    dn_pool_free(pool);
}

// Sums of floats in chunks: the same bits for every pool.
typedef struct sum {
    const float *x;
    float parts[64];
} sum;

static void sum_body(void *arg, int64_t chunk, int64_t begin, int64_t end) {
    sum *s = arg;
    float total = 0;
    for (int64_t i = begin; i < end; i++) total += s->x[i];
    s->parts[chunk] = total;
}

static void test_same_bits(void) {
    enum { N = 6000 };
    float x[N];
    for (int i = 0; i < N; i++) x[i] = (float)rand() / 1e6f;
    sum want = {.x = x};
    for (int threads = 1; threads <= 7; threads++) {
        dn_pool *pool = NULL;
        CHECK_OK(dn_pool_new(threads, &pool));
        sum got = {.x = x};
        dn_parallel_for(pool, N, 100, sum_body, &got);
        if (threads == 1) want = got;
        CHECK(memcmp(got.parts, want.parts, sizeof want.parts) == 0, "%d threads", threads);
        dn_pool_free(pool);
    }
}

// Many short loops, some with pauses so that workers fall asleep between: no lost wake-up, and a
// late worker never takes part in the wrong loop.
typedef struct tally {
    _Atomic int64_t total;
    int64_t loop;
} tally;

static void tally_body(void *arg, int64_t chunk, int64_t begin, int64_t end) {
    (void)chunk;
    tally *t = arg;
    t->total += (end - begin) * t->loop;
}

static void test_many_loops(void) {
    dn_pool *pool = NULL;
    CHECK_OK(dn_pool_new(7, &pool));
    int wrong = 0;
    for (int64_t loop = 1; loop <= 5000; loop++) {
        tally t = {.loop = loop};
        int64_t count = 1 + loop % 23;
        dn_parallel_for(pool, count, 1 + loop % 3, tally_body, &t);
        wrong += t.total != count * loop;
        if (loop % 500 == 0) nanosleep(&(struct timespec){.tv_nsec = 2000000}, NULL);
    }
    CHECK(wrong == 0, "%d loops went wrong", wrong);
    dn_pool_free(pool);
}

// Two pools may run one inside the other.
static void nested_body(void *arg, int64_t chunk, int64_t begin, int64_t end) {
    (void)begin, (void)end;
    dn_pool **inner = arg;
    check_loop(inner[chunk], 300, 7);
}

static void test_nested_pools(void) {
    dn_pool *outer = NULL, *inner[3] = {0};
    CHECK_OK(dn_pool_new(1, &outer));  // CHECK counts without locks
    for (int i = 0; i < 3; i++) CHECK_OK(dn_pool_new(i + 1, &inner[i]));
    dn_parallel_for(outer, 3, 1, nested_body, inner);
    for (int i = 0; i < 3; i++) dn_pool_free(inner[i]);
    dn_pool_free(outer);
}

static void again_body(void *arg, int64_t chunk, int64_t begin, int64_t end) {
    (void)chunk, (void)begin, (void)end;
    bool called;
    dn_parallel_for(arg, 1, 1, fail_body, &called);
}

// A loop inside a loop on one pool is a bug that stops the process instead of hanging it.
static void test_same_pool_inside(void) {
    pid_t child = fork();
    if (child == 0) {
        dn_pool *pool = NULL;
        CHECK_OK(dn_pool_new(2, &pool));
        freopen("/dev/null", "w", stderr);
        dn_parallel_for(pool, 1, 1, again_body, pool);
        _exit(0);
    }
    int status = 0;
    waitpid(child, &status, 0);
    CHECK(WIFSIGNALED(status) || WEXITSTATUS(status) != 0, "status %d", status);
}

int main(void) {
    test_same_pool_inside();
    test_loops(1);
    test_loops(2);
    test_loops(7);
    for (int threads = 1; threads <= 5; threads++) test_parts(threads);
    test_big_parts();
    test_edges();
    test_same_bits();
    test_many_loops();
    test_nested_pools();
    return CHECK_RESULT();
}
