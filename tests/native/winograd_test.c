// Convolutions by Winograd's algorithm, at odd sizes and whether they are worth it or not: against
// the interpreter, which convolves directly; the same bits on 1 to 3 threads, with either
// instruction set, and where values are made again.
#include "codegen/kernel/winograd.h"

#include "tests/check.h"
#include "tests/native/random_graph.h"
#include "tests/native/remake.h"
#include "tests/native/verdict.h"

enum { CASES = 48, EPILOGUES = 6 };

static dn_winograd_choice forced;
static int rewritten;  // contractions

static bool force(const dn_contract *contract, dn_winograd_choice *choice) {
    (void)contract;
    *choice = forced;
    return true;
}

// ---- cases ----

typedef struct sizes {
    int images, channels, filters;
    int image[2], out[2], kernel[2], stride[2], lo[2], hi[2];
} sizes;

static bool some_sizes(dice *d, sizes *s) {
    static const int channels[] = {1, 2, 3, 8, 16, 17, 32, 33, 48, 64, 128};
    s->images = pick(d, 16) ? 1 + pick(d, 4) : 0;
    s->channels = pick(d, 16) ? channels[pick(d, 11)] : 0;
    s->filters = pick(d, 16) ? channels[pick(d, 11)] : 0;
    for (int i = 0; i < 2; i++) {
        s->stride[i] = 1 + pick(d, 2);
        s->kernel[i] = s->stride[i] + 1 + pick(d, 5 - s->stride[i]);
        s->image[i] = 1 + pick(d, 14);
        s->lo[i] = pick(d, 5) - 1;
        s->hi[i] = pick(d, 5) - 1;
        int room = s->image[i] + s->lo[i] + s->hi[i] - s->kernel[i];
        if (room < 0) return false;
        s->out[i] = room / s->stride[i] + 1;
    }
    return true;
}

static char *type_text(const char *dtype, int a, int b, int c, int d) {
    return dn_printf("%s[%d, %d, %d, %d]", dtype, a, b, c, d);
}

// What follows the convolution %2, of type `type` and last size `last`.
static char *epilogue_text(int kind, const char *dtype, const char *type, int last) {
    switch (kind) {
        case 0: return dn_printf("return y=%%2");
        case 1:  // bias and a maximum
            return dn_printf(
                "%%3 = var {index=0, name=\"v\"} : %s[%d]\n"
                "%%4 = broadcast %%3 {axes=[3]} : %s\n%%5 = add %%2, %%4 : %s\n"
                "%%6 = const {value=0.25} : %s\n%%7 = max %%5, %%6 : %s\nreturn y=%%7",
                dtype, last, type, type, type, type);
        case 2:  // where a pixel is
            return dn_printf(
                "%%3 = iota {axis=0} : %s\n%%4 = iota {axis=2} : %s\n"
                "%%5 = mul %%2, %%4 : %s\n%%6 = add %%5, %%3 : %s\nreturn y=%%6",
                type, type, type, type);
        case 3:  // in place
            return dn_printf(
                "%%3 = var {index=0, name=\"v\"} : %s\n%%4 = const {value=0.5} : %s\n"
                "%%5 = mul %%3, %%4 : %s\n%%6 = add %%5, %%2 : %s\n"
                "return y=%%2\nupdate v=%%6",
                type, type, type, type);
        case 4:  // two results, one of them reduced
            return dn_printf(
                "%%3 = tanh %%2 : %s\n%%4 = reduce_sum %%2 {axes=[0, 1, 2]} : %s[%d]\n"
                "return y=%%3, z=%%4",
                type, dtype, last);
        default:  // backwards
            return dn_printf(
                "%%3 = input {index=2, name=\"c\"} : %s\n"
                "%%4 = reverse %%3 {axes=[0, 2, 3]} : %s\n"
                "%%5 = sub %%4, %%2 : %s\nreturn y=%%5",
                type, type, type);
    }
}

static char *graph_text(dice *d, const sizes *s) {
    const char *dtype = pick(d, 4) ? "f32" : "f64";
    char *x = type_text(dtype, s->images, s->image[0], s->image[1], s->channels);
    char *w = type_text(dtype, s->kernel[0], s->kernel[1], s->channels, s->filters);
    char *y = type_text(dtype, s->images, s->out[0], s->out[1], s->filters);
    int op = pick(d, 3), kind = pick(d, EPILOGUES);
    static const char *const names[] = {"conv", "conv_input", "conv_weight"};
    const char *a = op == 1 ? y : x, *b = op == 2 ? y : w, *r = op == 0 ? y : op == 1 ? x : w;
    char *rest = epilogue_text(kind, dtype, r, op == 1 ? s->channels : s->filters);
    char *text = dn_printf(
        "graph @winograd {\n%%0 = input {index=0, name=\"a\"} : %s\n"
        "%%1 = input {index=1, name=\"b\"} : %s\n%%2 = %s %%0, %%1 {stride=[%d, %d], "
        "lo=[%d, %d], hi=[%d, %d], dilation=[1, 1], groups=1} : %s\n%s\n}",
        a, b, names[op], s->stride[0], s->stride[1], s->lo[0], s->lo[1], s->hi[0], s->hi[1], r,
        rest);
    free(x), free(w), free(y), free(rest);
    return text;
}

// Points for at least two results at a time.
static int some_points(dice *d, int kernel, int stride) {
    int taps = (kernel + stride - 1) / stride, least = taps < 2 ? 3 : taps + 1;
    return least + pick(d, DN_MOST_POINTS - least + 1);
}

// Sets what is forced, too.
static run_case some_case(dn_dims *dims, uint64_t seed, char **text) {
    static const int64_t bytes[] = {1, 1 << 14, 1 << 20};
    dice d = {.stream = {.seed = seed, .site = 3}};
    run_case c = {.seed = seed};
    sizes s;
    while (!some_sizes(&d, &s)) {
    }
    *text = graph_text(&d, &s);
    forced.cache_bytes = bytes[seed % 3];
    for (int i = 0; i < 2; i++) forced.points[i] = some_points(&d, s.kernel[i], s.stride[i]);
    c.graph = parse_graph(dims, *text);
    c.inputs = dn_xcalloc((size_t)c.graph->n_inputs + 1, sizeof *c.inputs);
    c.vars = dn_xcalloc((size_t)c.graph->n_vars + 1, sizeof *c.vars);
    for (int i = 0; i < c.graph->n_inputs; i++)
        c.inputs[i] = random_tensor(&d, &c.graph->inputs[i].node->type, -1, 1, 0);
    for (int i = 0; i < c.graph->n_vars; i++)
        c.vars[i] = random_tensor(&d, &c.graph->vars[i].type, -1, 1, 0);
    return c;
}

// ---- trials ----

static void count_rewritten(dn_kernels *kernels) {
    for (int i = 0; i < kernels->n; i++) rewritten += kernels->list[i]->inner != NULL;
}

static void count_and_remake(dn_kernels *kernels) {
    count_rewritten(kernels);
    remake(kernels);
}

// A sum of nothing, or no sums: there is no contraction.
static bool is_empty(const run_case *c) {
    return !elements_of(&c->graph->inputs[0].node->type) ||
           !elements_of(&c->graph->inputs[1].node->type);
}

static void try_isa(const run_case *c, reference *r, dn_isa isa, bool again, const char *text) {
    void *compiled = NULL;
    dn_str wrong = {0};
    int before = rewritten;
    native_change = again ? count_and_remake : count_rewritten;
    dn_status status = native_compile(c, 1, isa, 1, &compiled);
    CHECK(!status, "%s\n%s\n%s", dn_status_message(status),
          dn_status_note(status) ? dn_status_note(status) : "", text);
    if (status) {
        dn_status_free(status);
        return;
    }
    CHECK(rewritten > before || is_empty(c), "not by Winograd:\n%s", text);
    bool right = right_on(&native_backend, compiled, 0, c, isa, r, &wrong);
    CHECK(right, "%d x %d points, %lld bytes: %s in\n%s", forced.points[0], forced.points[1],
          (long long)forced.cache_bytes, wrong.text, text);
    native_free(compiled);
    free(wrong.text);
}

// Errors are of the size of what is in a tile, not of one result, which may be 0: the contraction's
// largest sum of magnitudes counts everywhere, and a product that is none of its terms.
static void allow_tiles(const run_case *c, reference *r) {
    const dn_node *node = c->graph->nodes[2];
    dn_tensor *sums = magnitudes(c, node, c->inputs);
    double epsilon = node->type.dtype == DN_F32 ? FLT_EPSILON : DBL_EPSILON;
    double product = largest_of(c->inputs[0]) * largest_of(c->inputs[1]);
    double unit = 4 * UNITS * epsilon * fmax(largest_of(sums), product);
    for (int i = 0; i < r->want.n; i++) {
        int64_t count = dn_shape_elements(&r->want.tensors[i]->shape);
        double grown = unit * sqrt((double)elements_of(&node->type) / (double)count);
        for (int k = 0; k < c->graph->n_nodes; k++)  // it is multiplied by an index
            if (c->graph->nodes[k]->op == DN_OP_IOTA) grown = unit * (double)node->type.dims[2];
        for (int64_t k = 0; k < count; k++) r->a[i].spread[k] += grown;
    }
    dn_tensor_release(sums);
}

static void try_case(dn_dims *dims, uint64_t seed) {
    char *text;
    run_case c = some_case(dims, seed, &text);
    reference r = {0};
    dn_status status = reference_new(&c, &r);
    CHECK(!status, "%s", dn_status_message(status));
    dn_status_free(status);
    allow_tiles(&c, &r);
    try_isa(&c, &r, DN_ISA_AVX2, seed % 4 == 0, text);
    if (dn_isa_here() >= DN_ISA_AVX512) try_isa(&c, &r, DN_ISA_AVX512, false, text);
    if (seed % 4 == 1) try_isa(&c, &r, dn_isa_here(), true, text);
    reference_free(&r);
    free_case(&c);
    free(text);
}

int main(void) {
    static const dn_target target = {.name = "x86, all by Winograd",
                                     .tasks = dn_x86_tasks,
                                     .pack = dn_x86_pack,
                                     .winograd = force};
    dn_dims *dims = dn_dims_new();
    native_target = &target;
    for (uint64_t seed = 0; seed < CASES; seed++) try_case(dims, seed);
    printf("%d contractions, %d values made again\n", rewritten, remade);
    dn_dims_free(dims);
    return CHECK_RESULT();
}
