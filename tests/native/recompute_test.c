// Fitting kernels into less memory.
#include "codegen/kernel/recompute.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "codegen/kernel/access.h"
#include "codegen/kernel/draft.h"
#include "tests/native/handmade.h"

enum { X, W, V, Y, FIRST_TEMP, SIZE = 4096, BYTES = 4 * SIZE };

static dn_dims *dims;
static uint64_t random_state = 88172645463325252;

static int draw(int below) {
    random_state ^= random_state << 13;
    random_state ^= random_state >> 7;
    random_state ^= random_state << 17;
    return (int)((random_state >> 11) % (uint64_t)below);
}

// An entry with the argument X, the variables W and V, the result Y and nothing else yet.
static dn_kernels *new_entry(void) {
    static const char text[] =
        "graph @step {\n"
        "  %0 = input {index=0, name=\"x\"} : f32[4096]\n"
        "  %1 = var {index=0, name=\"w\"} : f32[4096]\n"
        "  %2 = var {index=1, name=\"v\"} : f32[4096]\n"
        "  %3 = add %0, %1 : f32[4096]\n"
        "  return y=%3\n"
        "  update \"w\"=%3\n"
        "}\n";
    dn_graph *graph;
    dn_status status = dn_graph_parse(dims, text, &graph);
    DN_ASSERT(!status, "%s", status ? dn_status_message(status) : "");
    dn_kernels *kernels = new_kernels(graph);
    static const dn_buffer_kind kinds[] = {DN_BUFFER_INPUT, DN_BUFFER_VAR, DN_BUFFER_VAR,
                                           DN_BUFFER_OUTPUT};
    for (int i = X; i <= Y; i++)
        add_buffer(kernels,
                   (dn_buffer){.kind = kinds[i], .index = i == V, .dtype = DN_F32, .count = SIZE});
    return kernels;
}

// A kernel that adds `a` and `b` (-1: a constant) to make `to`.
static dn_kernel *add_sum(dn_kernels *kernels, int a, int b, int to) {
    dn_kernel *kernel = add_kernel(kernels, DN_KERNEL_LOOP, "sum");
    add_axis(kernel, SIZE, DN_AXIS_PARALLEL);
    int x = add_load(kernel, add_arg(kernel, a), at(0, 1, 0, 0));
    int y = b < 0 ? add_const(kernel, 0.5) : add_load(kernel, add_arg(kernel, b), at(0, 1, 0, 0));
    add_store(kernel, add_arg(kernel, to), at(0, 1, 0, 0), add_op(kernel, DN_OP_ADD, x, y));
    return kernel;
}

static bool fit(dn_kernels *kernels, int64_t budget, dn_recompute *change) {
    dn_kernels_plan(kernels);
    dn_kernels_count(kernels);
    bool fits = dn_kernels_fit(kernels, budget, change);
    dn_status status = dn_kernels_verify(kernels);
    CHECK(!status, "%s\n%s", dn_status_message(status),
          dn_status_note(status) ? dn_status_note(status) : "");
    dn_status_free(status);
    CHECK(kernels->arena_bytes == change->after, "%lld", (long long)change->after);
    CHECK(!fits || change->after <= budget, "%lld", (long long)change->after);
    return fits;
}

// ---- one value over a peak of others --------------------------------------------------------

enum { WIDTH = 4 };

// `made` is used before and after several others are alive at once, which cannot be made again:
// they need W's old value.
typedef struct peak {
    dn_kernels *kernels;
    int made, others[WIDTH];
} peak;

static peak begin_peak(void) {
    peak p = {.kernels = new_entry()};
    p.made = add_temp(p.kernels, SIZE);
    for (int i = 0; i < WIDTH; i++) p.others[i] = add_temp(p.kernels, SIZE);
    return p;
}

// After the kernel that writes `made`.
static void end_peak(peak *p) {
    add_sum(p->kernels, p->made, W, p->others[0]);
    for (int i = 1; i < WIDTH; i++) add_sum(p->kernels, p->others[i - 1], W, p->others[i]);
    add_sum(p->kernels, X, -1, W);
    int sum = p->others[WIDTH - 1];
    for (int i = WIDTH - 2; i >= 0; i--) {
        int to = add_temp(p->kernels, SIZE);
        add_sum(p->kernels, sum, p->others[i], to);
        sum = to;
    }
    add_sum(p->kernels, sum, p->made, Y);
}

static int count_named(const dn_kernels *kernels, const char *name) {
    int n = 0;
    for (int k = 0; k < kernels->n; k++) n += strcmp(kernels->list[k]->name, name) == 0;
    return n;
}

// How often the kernel called "made" runs when there is room for one buffer less.
static int times_made(peak p, dn_recompute *change) {
    end_peak(&p);
    dn_kernels_plan(p.kernels);
    bool fits = fit(p.kernels, p.kernels->arena_bytes - BYTES, change);
    int n = count_named(p.kernels, "made");
    CHECK(fits == (n > 1), "fits %d, made %d times", fits, n);
    dn_kernels_free(p.kernels);
    return n;
}

static void test_remade(void) {
    dn_recompute change;
    peak p = begin_peak();
    add_sum(p.kernels, X, -1, p.made)->name = "made";
    CHECK(times_made(p, &change) == 2, "from an argument");
    CHECK(change.kernels == 1 && change.more == SIZE, "%d kernels, %g", change.kernels,
          change.more);
    CHECK(change.flops == SIZE * (2 * WIDTH + 2), "%g", change.flops);

    p = begin_peak();
    dn_kernel *random = add_kernel(p.kernels, DN_KERNEL_RANDOM, "made");
    random->site = 7;
    add_arg(random, p.made);
    CHECK(times_made(p, &change) == 2, "random numbers");
}

static void test_variables(void) {
    dn_recompute change;
    peak p = begin_peak();
    add_sum(p.kernels, V, -1, p.made)->name = "made";
    CHECK(times_made(p, &change) == 2, "from a variable");

    p = begin_peak();
    add_sum(p.kernels, V, -1, p.made)->name = "made";
    add_sum(p.kernels, V, X, V);
    CHECK(times_made(p, &change) == 1, "from a variable with a new value");

    p = begin_peak();
    dn_kernel *both = add_sum(p.kernels, X, -1, p.made);
    both->name = "made";
    add_store(both, add_arg(both, V), at(0, 1, 0, 0), 0);
    CHECK(times_made(p, &change) == 2, "the variable is written once");
}

static void test_chain(void) {
    dn_recompute change;
    peak p = begin_peak();
    int source = add_temp(p.kernels, SIZE);
    add_sum(p.kernels, X, -1, source)->name = "source";
    add_sum(p.kernels, source, -1, p.made)->name = "made";
    end_peak(&p);
    dn_kernels_plan(p.kernels);
    CHECK(fit(p.kernels, p.kernels->arena_bytes - BYTES, &change), "a chain");
    CHECK(count_named(p.kernels, "source") == 2 && count_named(p.kernels, "made") == 2, "both");
    dn_kernels_free(p.kernels);
}

static void test_impossible(void) {
    dn_recompute change;
    peak p = begin_peak();
    add_sum(p.kernels, X, -1, p.made);
    end_peak(&p);
    CHECK(!fit(p.kernels, 64, &change), "one buffer needs more");
    CHECK(change.after >= BYTES && change.after < change.before, "%lld of %lld",
          (long long)change.after, (long long)change.before);
    dn_recompute again;
    int64_t least = change.after;
    dn_kernels_free(p.kernels);
    p = begin_peak();
    add_sum(p.kernels, X, -1, p.made);
    end_peak(&p);
    CHECK(fit(p.kernels, least, &again), "what was said to be needed is enough");
    CHECK(again.after == least, "%lld", (long long)again.after);
    dn_kernels_free(p.kernels);
}

// ---- parts of kernels -----------------------------------------------------------------------

// r = sum over j of (x + 0.5), writing also x + 0.5 to `wide`, and r to `narrow`.
static dn_kernel *add_reduction(dn_kernels *kernels, int wide, int narrow) {
    dn_kernel *kernel = add_kernel(kernels, DN_KERNEL_LOOP, "reduce");
    add_axis(kernel, 64, DN_AXIS_PARALLEL);
    add_axis(kernel, 64, DN_AXIS_REDUCE);
    int x = add_load(kernel, add_arg(kernel, X), at(0, 64, 1, 0));
    int y = add_op(kernel, DN_OP_ADD, x, add_const(kernel, 0.5));
    kernel->n_body = 3;
    kernel->reductions[kernel->n_reductions++] = (dn_reduction){DN_OP_REDUCE_SUM, y, DN_F32};
    add_store(kernel, add_arg(kernel, wide), at(0, 64, 1, 0), y);
    add_store(kernel, add_arg(kernel, narrow), at(0, 1, 0, 0), add_result(kernel, 0));
    return kernel;
}

static void test_parts(void) {
    dn_kernels *kernels = new_entry();
    int wide = add_temp(kernels, SIZE), narrow = add_temp(kernels, 64);
    const dn_kernel *kernel = add_reduction(kernels, wide, narrow);
    dn_kernel *part = dn_kernel_restrict(kernels, kernel, wide, false, &kernels->arena);
    CHECK(part, "what is not summed");
    if (part) {
        CHECK(part->n_axes == 2 && part->axes[1].kind == DN_AXIS_PARALLEL, "all points apart");
        CHECK(part->n_reductions == 0 && part->n_body == 0 && part->n_values == 3, "no sum");
        CHECK(part->n_args == 2 && part->args[1] == wide && part->flops == SIZE, "%d arguments",
              part->n_args);
    }
    CHECK(!dn_kernel_restrict(kernels, kernel, narrow, false, &kernels->arena),
          "the order of the sum may depend on the other store");
    CHECK(dn_kernel_restrict(kernels, kernel, wide, true, &kernels->arena) == NULL,
          "the same, said in another way");
    CHECK(dn_kernel_restrict(kernels, kernel, X, false, &kernels->arena) == NULL, "not written");
    CHECK(dn_kernel_restrict(kernels, kernel, X, true, &kernels->arena) != NULL, "all of it");

    dn_kernel *adds = add_sum(kernels, X, -1, wide);
    adds->stores[0].add = true;
    CHECK(dn_kernel_restrict(kernels, adds, wide, false, &kernels->arena) != NULL, "the same sum");
    add_store(adds, add_arg(adds, Y), at(0, 1, 0, 0), 0);
    CHECK(!dn_kernel_restrict(kernels, adds, wide, false, &kernels->arena), "part of a sum");
    CHECK(dn_kernel_restrict(kernels, adds, Y, false, &kernels->arena) != NULL, "no sum");
    dn_kernels_free(kernels);
}

// ---- random lists, run ----------------------------------------------------------------------

// Buffers hold the same number everywhere, so one element of each says it all. A write makes what
// shares its memory unknown.
typedef struct memory {
    const dn_kernels *kernels;
    double *held;
} memory;

static void hold(memory *m, int buffer, double number) {
    const dn_buffer *b = &m->kernels->buffers[buffer];
    for (int i = 0; i < m->kernels->n_buffers && b->kind == DN_BUFFER_TEMP; i++) {
        const dn_buffer *other = &m->kernels->buffers[i];
        bool meets = other->kind == DN_BUFFER_TEMP &&
                     other->offset < b->offset + dn_buffer_bytes(b) &&
                     b->offset < other->offset + dn_buffer_bytes(other);
        if (meets) m->held[i] = NAN;
    }
    m->held[buffer] = number;
}

static void run_kernel(memory *m, const dn_kernel *kernel) {
    double values[MOST], old[MOST];
    if (kernel->kind == DN_KERNEL_RANDOM) {
        hold(m, kernel->args[0], kernel->site);
        return;
    }
    for (int i = 0; i < kernel->n_values; i++) {
        const dn_kvalue *v = &kernel->values[i];
        values[i] = v->kind == DN_KV_LOAD ? m->held[kernel->args[v->arg]]
                    : v->kind == DN_KV_CONST
                        ? v->number
                        : remainder(3 * values[v->in[0]] + values[v->in[1]], 1e6);
    }
    for (int i = 0; i < kernel->n_stores; i++) {
        const dn_store *store = &kernel->stores[i];
        old[i] = store->add ? m->held[kernel->args[store->arg]] : 0;
    }
    for (int i = 0; i < kernel->n_stores; i++) {
        const dn_store *store = &kernel->stores[i];
        hold(m, kernel->args[store->arg], old[i] + values[store->value]);
    }
}

// The result and the variables at the end.
static void run(const dn_kernels *kernels, double out[3]) {
    memory m = {kernels, dn_xcalloc((size_t)kernels->n_buffers, sizeof *m.held)};
    for (int i = 0; i < kernels->n_buffers; i++) m.held[i] = NAN;
    m.held[X] = 1;
    m.held[W] = 2;
    m.held[V] = 3;
    for (int k = 0; k < kernels->n; k++) run_kernel(&m, kernels->list[k]);
    out[0] = m.held[Y];
    out[1] = m.held[W];
    out[2] = m.held[V];
    free(m.held);
}

static dn_access all_of(const dn_kernels *kernels, int buffer, int64_t size) {
    return at(0, kernels->buffers[buffer].count == size, 0, 0);
}

// Makes a buffer or two from some before them; rarely by adding to it, or with the variable.
static void add_random_kernel(dn_kernels *kernels) {
    int n = kernels->n_buffers, to = add_temp(kernels, draw(4) ? SIZE : SIZE / 16);
    if (draw(10) == 0) {
        dn_kernel *random = add_kernel(kernels, DN_KERNEL_RANDOM, "random");
        random->site = (uint32_t)draw(1000);
        add_arg(random, to);
        return;
    }
    int64_t size = kernels->buffers[to].count;
    dn_kernel *kernel = add_kernel(kernels, DN_KERNEL_LOOP, "loop");
    add_axis(kernel, size, DN_AXIS_PARALLEL);
    int value = add_const(kernel, draw(100));
    for (int i = 1 + draw(3); i > 0; i--) {
        int from = draw(8) == 0 ? X + draw(3) : FIRST_TEMP + draw(n - FIRST_TEMP + 1);
        if (from == to || kernels->buffers[from].count < size) from = W;
        if (draw(3) && n > FIRST_TEMP && kernels->buffers[n - 1].count >= size) from = n - 1;
        int load = add_load(kernel, add_arg(kernel, from), all_of(kernels, from, size));
        value = add_op(kernel, DN_OP_ADD, load, value);
    }
    add_store(kernel, add_arg(kernel, to), at(0, 1, 0, 0), value);
    if (draw(3) == 0) {
        int second = add_temp(kernels, size);
        add_store(kernel, add_arg(kernel, second), at(0, 1, 0, 0), value - 1);
    }
    if (size == SIZE && draw(12) == 0) add_store(kernel, add_arg(kernel, W), at(0, 1, 0, 0), value);
    if (draw(4)) return;
    int also = FIRST_TEMP + draw(to - FIRST_TEMP + 1);  // it may have been read before
    dn_kernel *more = add_kernel(kernels, DN_KERNEL_LOOP, "more");
    add_axis(more, kernels->buffers[also].count, DN_AXIS_PARALLEL);
    int load = add_load(more, add_arg(more, X), at(0, 1, 0, 0));
    add_store(more, add_arg(more, also), at(0, 1, 0, 0), load)->add = true;
}

static dn_kernels *random_entry(int n) {
    dn_kernels *kernels = new_entry();
    for (int i = 0; i < n; i++) add_random_kernel(kernels);
    int sum = add_temp(kernels, SIZE);
    add_sum(kernels, X, -1, sum);
    for (int b = sum - 1; b >= FIRST_TEMP; b -= 1 + draw(3)) {
        if (kernels->buffers[b].count != SIZE) continue;
        int to = add_temp(kernels, SIZE);
        add_sum(kernels, sum, b, to);
        sum = to;
    }
    add_sum(kernels, sum, -1, Y);
    return kernels;
}

static void test_random(void) {
    enum { RUNS = 150 };
    int fitted = 0;
    for (int i = 0; i < RUNS; i++) {
        dn_kernels *kernels = random_entry(2 + draw(40));
        dn_recompute change;
        double want[3], got[3];
        dn_kernels_plan(kernels);
        run(kernels, want);
        CHECK(isfinite(want[0]) && isfinite(want[1]), "list %d", i);
        fitted +=
            fit(kernels, (int64_t)((double)kernels->arena_bytes * (0.4 + 0.1 * draw(6))), &change);
        CHECK(change.after <= change.before, "list %d", i);
        run(kernels, got);
        CHECK(got[0] == want[0] && got[1] == want[1] && got[2] == want[2],
              "list %d: %g %g, not %g %g", i, got[0], got[1], want[0], want[1]);
        dn_kernels_free(kernels);
    }
    printf("%d of %d lists fit\n", fitted, RUNS);
    CHECK(fitted > RUNS / 4, "%d", fitted);
}

int main(void) {
    dims = dn_dims_new();
    test_remade();
    test_variables();
    test_chain();
    test_impossible();
    test_parts();
    test_random();
    dn_dims_free(dims);
    return CHECK_RESULT();
}
