// Random graphs on native code against the interpreter: odd shapes, poisoned memory, 1 to 3
// threads, AVX2 and AVX-512. What fails is made small and printed.
//
// By hand, for longer: random_test --graphs 100000 --seconds 0 --seed 1
#include <stdlib.h>
#include <time.h>

#include "tests/check.h"
#include "tests/native/faulty.h"
#include "tests/native/shrink.h"

#if defined(__SANITIZE_ADDRESS__)
enum { SECONDS = 10 };
#else
enum { SECONDS = 15 };
#endif

enum { GRAPHS = 4000, TRIES = 400, BATCH = 32 };

typedef struct options {
    uint64_t seed;
    int64_t graphs;
    double seconds;  // 0: no limit
    int level;       // -1: all, one after another
    int failures;    // stop after so many
    int tries;       // to make a case smaller; 0: only say what is wrong
    const backend *backend;
} options;

static dn_dims *dims;
static batch_result *result;  // in memory that children share

static double now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

// Compiling takes most of the time: of three rounds, one is for all instruction sets.
static trial trial_of(const backend *b, int level, int round) {
    trial t = {.backend = b, .level = level};
    dn_isa best = dn_isa_here();
    for (int isa = 0; isa <= (int)best; isa++) t.isa[isa] = round % 3 == 0;
    if (round % 3 > 0) t.isa[round % 3 == 1 ? DN_ISA_AVX2 : best] = true;
    return t;
}

// ---- reports --------------------------------------------------------------------------------

static void print_values(const char *name, const dn_tensor *t) {
    dn_str type = {0};
    enum { MOST = 64 };
    int64_t count = dn_shape_elements(&t->shape);
    dn_shape_print(&type, t->dtype, &t->shape);
    fprintf(stderr, "  %s %s:", name, type.text);
    for (int64_t i = 0; i < count && i < MOST; i++) fprintf(stderr, " %.9g", dn_tensor_get(t, i));
    fprintf(stderr, count > MOST ? " ...\n" : "\n");
    free(type.text);
}

static void print_case(const run_case *c) {
    dn_str text = {0};
    dn_graph_print(c->graph, &text);
    fprintf(stderr, "%s", text.text);
    for (int i = 0; i < c->graph->n_inputs; i++)
        print_values(c->graph->inputs[i].name, c->inputs[i]);
    for (int i = 0; i < c->graph->n_vars; i++) print_values(c->graph->vars[i].name, c->vars[i]);
    free(text.text);
}

static void fail_seed(const trial *t, uint64_t seed, int tries) {
    fprintf(stderr, "---- --seed %llu --graphs 1 --level %d ----\n", (unsigned long long)seed,
            t->level);
    run_case c = shrink(t, random_case(dims, seed), tries, &result->said);
    if (tries > 0) print_case(&c);
    bool right = try_apart(t, &c, &result->said) == RIGHT;
    fprintf(stderr, "%s\n", right ? "right by itself: look at its batch" : result->said.text);
    free_case(&c);
    CHECK(false, "seed %llu", (unsigned long long)seed);
}

// ---- the test of the test -------------------------------------------------------------------

static int computed_nodes(const dn_graph *g) {
    int n = 0;
    for (int i = 0; i < g->n_nodes; i++) n += g->nodes[i]->n_in > 0;
    return n;
}

static void test_finds_faults(void) {
    trial t = trial_of(&faulty_backend, 0, 0);
    bool found[DN_OP_COUNT] = {false};
    for (uint64_t seed = 1; seed < 200 && !(found[DN_OP_REDUCE_MAX] && found[DN_OP_ARGMIN]);
         seed++) {
        run_case c = random_case(dims, seed);
        verdict v = try_apart(&t, &c, &result->said);
        if (v == RIGHT) {
            free_case(&c);
            continue;
        }
        c = shrink(&t, c, TRIES, &result->said);
        const dn_node *last = c.graph->nodes[c.graph->n_nodes - 1];
        CHECK(computed_nodes(c.graph) == 1, "seed %d", (int)seed);
        CHECK(last->op == (v == WRONG ? DN_OP_REDUCE_MAX : DN_OP_ARGMIN), "seed %d", (int)seed);
        found[last->op] = true;
        free_case(&c);
    }
    CHECK(found[DN_OP_REDUCE_MAX] && found[DN_OP_ARGMIN]);
}

static void test_allows_rounding(void) {
    trial t = trial_of(&shaken_backend, 0, 0);
    for (uint64_t seed = 1; seed < 200; seed += BATCH) {
        try_batch(&t, dims, seed, BATCH, result);
        for (int i = 0; i < BATCH; i++) CHECK(!result->failed[i], "seed %d", (int)seed + i);
    }
}

// ---- the test -------------------------------------------------------------------------------

static void test_random(const options *o) {
    double start = now();
    int64_t at = 0, nodes = 0;
    int failures = 0;
    for (int round = 0; at < o->graphs && failures < o->failures; round++) {
        if (o->seconds > 0 && now() - start > o->seconds) break;
        int n = o->graphs - at < BATCH ? (int)(o->graphs - at) : BATCH;
        trial t = trial_of(o->backend, o->level >= 0 ? o->level : round % 4, round);
        try_batch(&t, dims, o->seed + (uint64_t)at, n, result);
        nodes += result->nodes;
        for (int i = 0; i < n && failures < o->failures; i++) {
            CHECK(true);
            if (!result->failed[i]) continue;
            fail_seed(&t, o->seed + (uint64_t)(at + i), o->tries);
            failures++;
        }
        at += n;
    }
    printf("%lld graphs, %lld nodes, %.1f s\n", (long long)at, (long long)nodes, now() - start);
    CHECK(at > 0);
}

static const backend *const backends[] = {&native_backend, &faulty_backend, &shaken_backend};

static options read_options(int argc, char **argv) {
    options o = {.seed = 1,
                 .graphs = GRAPHS,
                 .seconds = SECONDS,
                 .level = -1,
                 .failures = 5,
                 .tries = TRIES,
                 .backend = &native_backend};
    for (int i = 1; i + 1 < argc; i += 2) {
        if (strcmp(argv[i], "--seed") == 0) o.seed = strtoull(argv[i + 1], NULL, 10);
        if (strcmp(argv[i], "--graphs") == 0) o.graphs = atoll(argv[i + 1]);
        if (strcmp(argv[i], "--seconds") == 0) o.seconds = atof(argv[i + 1]);
        if (strcmp(argv[i], "--level") == 0) o.level = atoi(argv[i + 1]);
        if (strcmp(argv[i], "--tries") == 0) o.tries = atoi(argv[i + 1]);
        if (strcmp(argv[i], "--failures") == 0) o.failures = atoi(argv[i + 1]);
        for (int k = 0; k < 3 && strcmp(argv[i], "--backend") == 0; k++)
            if (strcmp(argv[i + 1], backends[k]->name) == 0) o.backend = backends[k];
    }
    return o;
}

int main(int argc, char **argv) {
    options o = read_options(argc, argv);
    dims = dn_dims_new();
    result = mmap(NULL, sizeof *result, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    DN_ASSERT(result != MAP_FAILED, "no memory");
    if (argc == 1) test_finds_faults();
    if (argc == 1) test_allows_rounding();
    test_random(&o);
    munmap(result, sizeof *result);
    dn_dims_free(dims);
    return CHECK_RESULT();
}
