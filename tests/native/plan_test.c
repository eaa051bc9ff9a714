// The memory plan.
#include <stdlib.h>

#include "codegen/kernel/access.h"
#include "tests/native/handmade.h"

static dn_dims *dims;

static uint64_t random_state;

static int64_t draw(int64_t below) {
    random_state ^= random_state << 13;
    random_state ^= random_state >> 7;
    random_state ^= random_state << 17;
    return (int64_t)((random_state >> 11) % (uint64_t)below);
}

static dn_kernels *new_entry(void) { return new_kernels(dn_graph_new(dims, "plan")); }

// A kernel that copies `from` (-1: a constant) to `to`, 10 elements.
static dn_kernel *add_copy(dn_kernels *kernels, int from, int to) {
    dn_kernel *kernel = add_kernel(kernels, DN_KERNEL_LOOP, "copy");
    add_axis(kernel, 10, DN_AXIS_PARALLEL);
    int target = add_arg(kernel, to);
    int value =
        from < 0 ? add_const(kernel, 1) : add_load(kernel, add_arg(kernel, from), at(0, 1, 0, 0));
    add_store(kernel, target, at(0, 1, 0, 0), value);
    return kernel;
}

static const dn_buffer *planned(dn_kernels *kernels, int buffer) {
    dn_kernels_plan(kernels);
    return &kernels->buffers[buffer];
}

// ---- random lifetimes -----------------------------------------------------------------------

// Buffers that live for a while, some for long, of sizes of all magnitudes, and some empty.
static dn_kernels *random_entry(int n) {
    dn_kernels *kernels = new_entry();
    for (int i = 0; i < n; i++) {
        add_temp(kernels, draw(20) ? draw((int64_t)1 << (2 + draw(18))) : 0);
        dn_kernel *kernel = add_kernel(kernels, DN_KERNEL_LOOP, "random");
        add_store(kernel, add_arg(kernel, i), at(0, 0, 0, 0), add_const(kernel, 1));
    }
    for (int i = 0; i < n; i++) {
        int64_t last = i + (draw(8) ? draw(4) : draw(n));
        dn_kernel *kernel = kernels->list[last < n ? last : n - 1];
        if (kernel->n_args < MOST && kernel != kernels->list[i])
            add_load(kernel, add_arg(kernel, i), at(0, 0, 0, 0));
    }
    return kernels;
}

static bool overlap(const dn_buffer *a, const dn_buffer *b) {
    return a->first <= b->last && b->first <= a->last &&
           a->offset < b->offset + dn_buffer_bytes(b) && b->offset < a->offset + dn_buffer_bytes(a);
}

// The most bytes that are alive at once. Where one buffer takes over from another, both count.
static int64_t most_alive(const dn_kernels *kernels) {
    int64_t most = 0;
    for (int k = 0; k < kernels->n; k++) {
        int64_t bytes = 0;
        for (int i = 0; i < kernels->n_buffers; i++)
            if (kernels->buffers[i].first <= k && k <= kernels->buffers[i].last)
                bytes += dn_buffer_bytes(&kernels->buffers[i]);
        if (bytes > most) most = bytes;
    }
    return most;
}

static void check_plan(const dn_kernels *kernels) {
    for (int i = 0; i < kernels->n_buffers; i++) {
        const dn_buffer *a = &kernels->buffers[i];
        CHECK(a->first == i && a->last >= i, "lifetime");
        CHECK(a->offset >= 0 && a->offset % 64 == 0, "alignment");
        CHECK(a->offset + dn_buffer_bytes(a) <= kernels->arena_bytes, "inside");
        for (int k = 0; k < i; k++) {
            const dn_buffer *b = &kernels->buffers[k];
            // Kernel a->first reads one element of b, the one that it writes: a may take b's place.
            bool takes = b->last == a->first && a->offset == b->offset;
            CHECK(takes || !overlap(a, b), "%d and %d", i, k);
        }
    }
}

static void test_random(void) {
    double waste = 0, most = 0;
    enum { RUNS = 200 };
    random_state = 88172645463325252;
    for (int run = 0; run < RUNS; run++) {
        dn_kernels *kernels = random_entry(1 + (int)draw(80));
        dn_kernels_plan(kernels);
        check_plan(kernels);
        double ratio = (double)kernels->arena_bytes / ((double)most_alive(kernels) + 64);
        waste += ratio / RUNS;
        if (ratio > most) most = ratio;
        dn_kernels_free(kernels);
    }
    printf("arena / bytes alive: %.3f in the mean, %.3f at most\n", waste, most);
    CHECK(waste < 1.02, "%g", waste);
}

// ---- a place taken over ---------------------------------------------------------------------

typedef struct chain {  // a constant, kernel 1 makes b of a, kernel 2 uses b
    dn_kernels *kernels;
    int a, b, out;
    dn_kernel *kernel;
} chain;

static chain new_chain(void) {
    chain c = {.kernels = new_entry()};
    c.a = add_temp(c.kernels, 10);
    c.b = add_temp(c.kernels, 10);
    c.out = add_temp(c.kernels, 10);
    add_copy(c.kernels, -1, c.a);
    c.kernel = add_copy(c.kernels, c.a, c.b);
    add_axis(c.kernel, 1, DN_AXIS_PARALLEL);
    add_copy(c.kernels, c.b, c.out);
    return c;
}

// Ends the chain; whether b is in a's place.
static bool end_chain(chain c) {
    dn_kernels_plan(c.kernels);
    const dn_buffer *buffers = c.kernels->buffers;
    bool same = buffers[c.a].offset == buffers[c.b].offset;
    CHECK(same || !overlap(&buffers[c.a], &buffers[c.b]), "overlap");
    if (same) CHECK(dn_kernel_overlap(c.kernels, c.kernel, 0, 1), "known to code generation");
    dn_kernels_free(c.kernels);
    return same;
}

static void test_in_place(void) {
    chain c = new_chain();
    planned(c.kernels, c.a);
    CHECK(c.kernels->arena_bytes == 64, "all three: %lld", (long long)c.kernels->arena_bytes);
    CHECK(end_chain(c), "same access");

    c = new_chain();
    c.kernel->values[0].access.stride[1] = 5;
    CHECK(end_chain(c), "a stride on an axis of size 1");

    c = new_chain();
    add_op(c.kernel, DN_OP_NEG, add_load(c.kernel, 1, at(0, 1, 0, 0)), -1);
    CHECK(end_chain(c), "two loads, the same");
}

static void test_not_in_place(void) {
    chain c = new_chain();
    c.kernel->values[0].access = at(9, -1, 0, 0);
    CHECK(!end_chain(c), "reversed");

    c = new_chain();
    add_load(c.kernel, 1, at(0, 0, 0, 0));
    CHECK(!end_chain(c), "one load more, elsewhere");

    c = new_chain();
    add_copy(c.kernels, c.a, c.out);
    CHECK(!end_chain(c), "a is used later");

    c = new_chain();
    c.kernels->buffers[c.b].dtype = DN_F64;
    CHECK(!end_chain(c), "elements of another size");

    c = new_chain();
    c.kernel->axes[1] = (dn_axis){2, DN_AXIS_REDUCE};
    c.kernel->n_body = 1;
    CHECK(!end_chain(c), "stored again and again");

    c = new_chain();
    c.kernel->axes[1] = (dn_axis){2, DN_AXIS_SEQUENTIAL};
    CHECK(!end_chain(c), "later points read what earlier ones stored");

    c = new_chain();
    c.kernel->n_body = 1;
    add_load(c.kernel, 1, at(0, 1, 0, 0));
    CHECK(!end_chain(c), "a load behind the store");

    c = new_chain();
    add_store(c.kernel, 0, at(0, 1, 0, 0), 0);
    CHECK(!end_chain(c), "two stores");

    c = new_chain();
    c.kernel->stores[0].row = 0;
    CHECK(!end_chain(c), "rows that are not known");
}

// Of two results one takes the place.
static void test_one_place(void) {
    chain c = new_chain();
    int d = add_temp(c.kernels, 10);
    add_store(c.kernel, add_arg(c.kernel, d), at(0, 1, 0, 0), 0);
    add_copy(c.kernels, d, c.out);
    planned(c.kernels, d);
    const dn_buffer *b = c.kernels->buffers;
    CHECK(!overlap(&b[c.b], &b[d]) && c.kernels->arena_bytes == 128, "%lld",
          (long long)c.kernels->arena_bytes);
    CHECK_OK(dn_kernels_verify(c.kernels));
    end_chain(c);
}

// ---- more -----------------------------------------------------------------------------------

static void test_empty(void) {
    dn_kernels *kernels = new_entry();
    dn_kernels_plan(kernels);
    CHECK(kernels->arena_bytes == 0, "nothing");
    int unused = add_temp(kernels, 100), empty = add_temp(kernels, 0);
    add_copy(kernels, -1, empty);
    CHECK(planned(kernels, unused)->first == -1 && kernels->arena_bytes == 0, "unused");
    CHECK(planned(kernels, empty)->first == 0, "no elements");
    dn_kernels_free(kernels);
}

// Large buffers do not all begin at the same place of a page.
static void test_pages(void) {
    dn_kernels *kernels = new_entry();
    dn_kernel *kernel = add_kernel(kernels, DN_KERNEL_LOOP, "wide");
    for (int i = 0; i < 8; i++)
        add_store(kernel, add_arg(kernel, add_temp(kernels, 1 << 20)), at(0, 0, 0, 0),
                  add_const(kernel, 1));
    dn_kernels_plan(kernels);
    for (int i = 0; i < 8; i++)
        for (int k = 0; k < i; k++)
            CHECK((kernels->buffers[i].offset - kernels->buffers[k].offset) % 4096, "%d %d", i, k);
    CHECK(kernels->arena_bytes < ((int64_t)8 << 22) + 4096, "hardly larger");
    dn_kernels_free(kernels);
}

// Planning again gives the same.
static void test_again(void) {
    dn_kernels *kernels = random_entry(60);
    dn_kernels_plan(kernels);
    int64_t bytes = kernels->arena_bytes, offset = kernels->buffers[30].offset;
    dn_kernels_plan(kernels);
    CHECK(kernels->arena_bytes == bytes && kernels->buffers[30].offset == offset, "the same");
    dn_kernels_free(kernels);
}

int main(void) {
    dims = dn_dims_new();
    test_random();
    test_in_place();
    test_not_in_place();
    test_one_place();
    test_empty();
    test_pages();
    test_again();
    dn_dims_free(dims);
    return CHECK_RESULT();
}
