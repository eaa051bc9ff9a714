// Sizes at which kernels cut their work into chunks, against plain loops, and the same bits on any
// number of threads.
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "codegen/interp/kernel.h"
#include "tests/check.h"

enum { MOST_IN = 3 };

static dn_pool *pools[4];  // by threads; 0: none

static double noise(uint64_t i) {  // in [-1, 1)
    i = (i + 1) * UINT64_C(0x9e3779b97f4a7c15);
    i = (i ^ (i >> 31)) * UINT64_C(0xbf58476d1ce4e5b9);
    return (double)(int32_t)(i >> 32) / 2147483648.0;
}

typedef struct fixture {
    dn_dims *dims;
    dn_graph *graph;
    dn_tensor *in[MOST_IN], *out;
} fixture;

// Runs a graph of one output on inputs of noise (i32: indices below `rows`) on all pools.
static void run(fixture *f, int64_t rows, const char *text) {
    *f = (fixture){.dims = dn_dims_new()};
    CHECK_OK(dn_graph_parse(f->dims, text, &f->graph));
    for (int i = 0; i < f->graph->n_inputs; i++) {
        const dn_type *type = &f->graph->inputs[i].node->type;
        dn_shape shape = dn_type_shape(type);
        CHECK_OK(dn_tensor_new(type->dtype, &shape, &f->in[i]));
        for (int64_t k = 0; k < dn_shape_elements(&shape); k++) {
            double v = noise((uint64_t)(k + i * 1000003));
            if (type->dtype == DN_U8) v = floor((v + 1) * 100);
            if (type->dtype == DN_I32) v = floor((v + 1) / 2 * (double)rows);
            dn_tensor_set(f->in[i], k, v);
        }
    }
    dn_interp *interp = NULL;
    CHECK_OK(dn_interp_new(f->graph, &interp));
    dn_interp_poison(interp);
    for (int threads = 0; threads < 4; threads++) {
        dn_tensor *out = NULL;
        dn_interp_args args = {.inputs = f->in, .outputs = &out};
        CHECK_OK(dn_interp_run(interp, pools[threads], &args, NULL));
        if (!threads) {
            f->out = out;
            continue;
        }
        CHECK(memcmp(f->out->data, out->data, out->bytes) == 0, "other bits on %d threads: %s",
              threads, text);
        dn_tensor_release(out);
    }
    dn_interp_free(interp);
}

static void done(fixture *f) {
    for (int i = 0; i < MOST_IN; i++) dn_tensor_release(f->in[i]);
    dn_tensor_release(f->out);
    dn_graph_free(f->graph);
    dn_dims_free(f->dims);
}

static double *as_doubles(const dn_tensor *tensor) {
    int64_t n = dn_shape_elements(&tensor->shape);
    double *values = dn_xmalloc((size_t)(n + 1) * sizeof *values);
    for (int64_t i = 0; i < n; i++) values[i] = dn_tensor_get(tensor, i);
    return values;
}

static void compare(const fixture *f, double *want, double tolerance, const char *what) {
    int64_t n = dn_shape_elements(&f->out->shape), wrong = 0;
    double worst = 0;
    for (int64_t i = 0; i < n; i++) {
        double error = fabs(dn_tensor_get(f->out, i) - want[i]);
        if (!(error <= tolerance)) wrong++;
        if (error > worst) worst = error;
    }
    CHECK(wrong == 0, "%s: %lld of %lld wrong, by %g", what, (long long)wrong, (long long)n, worst);
    free(want);
}

// ---- Convolutions ----

typedef struct conv_case {
    const char *dtype;
    int n, h, w, c, kh, kw, f;  // h = 1, kh = 1: still two spatial axes
    int sh, sw, lo, hi, dh, dw, groups;
} conv_case;

static int out_size(int in, int k, int stride, int lo, int hi, int dilation) {
    return (in + lo + hi - dilation * (k - 1) - 1) / stride + 1;
}

// For every pair of an element of x and an element of y that meet, with their weight: y += x w,
// x += y w or w += x y, whichever is `target` (0: y, 1: x, 2: w).
static void conv_loops(const conv_case *c, double *x, double *w, double *y, int target) {
    int oh = out_size(c->h, c->kh, c->sh, c->lo, c->hi, c->dh);
    int ow = out_size(c->w, c->kw, c->sw, c->lo, c->hi, c->dw);
    int cg = c->c / c->groups, fg = c->f / c->groups;
    for (int64_t p = 0; p < (int64_t)c->n * oh * ow; p++) {
        for (int k = 0; k < c->kh * c->kw; k++) {
            int64_t h = p / ow % oh * c->sh - c->lo + k / c->kw * c->dh;
            int64_t v = p % ow * c->sw - c->lo + k % c->kw * c->dw;
            if (h < 0 || h >= c->h || v < 0 || v >= c->w) continue;
            double *xs = x + ((p / ow / oh * c->h + h) * c->w + v) * c->c;
            for (int i = 0; i < cg * c->f; i++) {
                double *we = w + (int64_t)k * cg * c->f + i;
                double *xe = xs + i % c->f / fg * cg + i / c->f, *ye = y + p * c->f + i % c->f;
                if (target == 0) *ye += *xe * *we;
                if (target == 1) *xe += *ye * *we;
                if (target == 2) *we += *xe * *ye;
            }
        }
    }
}

static void test_conv(const conv_case *c, int target) {
    static const char *const ops[] = {"conv", "conv_input", "conv_weight"};
    int oh = out_size(c->h, c->kh, c->sh, c->lo, c->hi, c->dh);
    int ow = out_size(c->w, c->kw, c->sw, c->lo, c->hi, c->dw);
    char types[3][80];  // of y, x, w
    snprintf(types[0], 80, "%s[%d, %d, %d, %d]", c->dtype, c->n, oh, ow, c->f);
    snprintf(types[1], 80, "%s[%d, %d, %d, %d]", c->dtype, c->n, c->h, c->w, c->c);
    snprintf(types[2], 80, "%s[%d, %d, %d, %d]", c->dtype, c->kh, c->kw, c->c / c->groups, c->f);
    static const int operands[3][2] = {{1, 2}, {0, 2}, {1, 0}};
    char *text = dn_printf(
        "graph @g { %%0 = input {index=0, name=\"a\"} : %s %%1 = input {index=1, name=\"b\"} : %s "
        "%%2 = %s %%0, %%1 {stride=[%d, %d], lo=[%d, %d], hi=[%d, %d], dilation=[%d, %d], "
        "groups=%d} : %s return y=%%2 }",
        types[operands[target][0]], types[operands[target][1]], ops[target], c->sh, c->sw, c->lo,
        c->lo, c->hi, c->hi, c->dh, c->dw, c->groups, types[target]);
    fixture f;
    run(&f, 0, text);
    double *values[3] = {0};
    values[operands[target][0]] = as_doubles(f.in[0]);
    values[operands[target][1]] = as_doubles(f.in[1]);
    int64_t n = dn_shape_elements(&f.out->shape);
    values[target] = dn_xcalloc((size_t)n, sizeof(double));
    conv_loops(c, values[1], values[2], values[0], target);
    compare(&f, values[target], strcmp(c->dtype, "f64") == 0 ? 1e-10 : 2e-4, text);
    for (int i = 0; i < 3; i++) {
        if (i != target) free(values[i]);
    }
    free(text);
    done(&f);
}

static void test_convolutions(void) {
    static const conv_case cases[] = {
        {"f32", 7, 33, 29, 3, 5, 5, 20, 2, 2, 2, 2, 1, 1, 1},  // strips that end within lines
        {"f64", 7, 33, 29, 3, 5, 5, 20, 2, 2, 2, 2, 1, 1, 1},
        {"f32", 9, 12, 12, 16, 5, 5, 24, 1, 1, 2, 2, 1, 1, 1},  // weights by bands and spans
        {"f64", 40, 9, 9, 16, 3, 3, 8, 2, 1, 1, 1, 1, 2, 1},
        {"f32", 6, 14, 15, 8, 3, 3, 12, 1, 2, 1, 2, 2, 1, 4},  // groups
        {"f64", 2, 1, 3001, 2, 1, 7, 3, 1, 1, 0, 0, 1, 3, 1},  // one long line
        {"f32", 3, 16, 16, 64, 4, 4, 5, 2, 2, 1, 1, 1, 1, 1},  // rows of 4 KB
        {"f64", 1, 70, 70, 60, 3, 3, 2, 1, 1, 1, 1, 1, 1, 1},  // one image, more than a strip
        {"f32", 70, 7, 7, 10, 1, 1, 12, 1, 1, 0, 0, 1, 1, 1},  // x is the matrix of patches
        {"f32", 70, 5, 5, 12, 1, 1, 9, 1, 1, 0, 0, 1, 1, 3},
        {"f64", 300, 4, 4, 10, 4, 4, 6, 1, 1, 0, 0, 1, 1, 1},
        {"f32", 64, 28, 28, 1, 5, 5, 64, 2, 2, 1, 2, 1, 1, 1},  // seed28's first layer
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        for (int target = 0; target < 3; target++) test_conv(&cases[i], target);
    }
}

// ---- Products ----

// [batch, m, k] x [batch, k, n], either stored with its last axes swapped.
static void test_dot(const char *dtype, int batch, int m, int n, int k, bool ta, bool tb) {
    char *text = dn_printf(
        "graph @g { %%0 = input {index=0, name=\"a\"} : %s[%d, %d, %d] "
        "%%1 = input {index=1, name=\"b\"} : %s[%d, %d, %d] "
        "%%2 = dot %%0, %%1 {lhs_batch=[0], rhs_batch=[0], lhs_contract=[%d], rhs_contract=[%d]} "
        ": %s[%d, %d, %d] return y=%%2 }",
        dtype, batch, ta ? k : m, ta ? m : k, dtype, batch, tb ? n : k, tb ? k : n, ta ? 1 : 2,
        tb ? 2 : 1, dtype, batch, m, n);
    fixture f;
    run(&f, 0, text);
    double *a = as_doubles(f.in[0]), *b = as_doubles(f.in[1]);
    double *want = dn_xcalloc((size_t)batch * (size_t)m * (size_t)n, sizeof *want);
    for (int64_t at = 0; at < (int64_t)batch * m * n; at++) {
        int64_t s = at / n / m, i = at / n % m, j = at % n;
        const double *as = a + s * m * k, *bs = b + s * n * k;
        for (int64_t p = 0; p < k; p++)
            want[at] += as[ta ? p * m + i : i * k + p] * bs[tb ? j * k + p : p * n + j];
    }
    compare(&f, want, strcmp(dtype, "f64") == 0 ? 1e-10 : 1e-3, text);
    free(a);
    free(b);
    free(text);
    done(&f);
}

static void test_dots(void) {
    for (int flags = 0; flags < 4; flags++) {
        test_dot("f32", 1, 301, 203, 250, flags & 1, flags & 2);  // tiles
        test_dot("f64", 1, 33, 20, 5003, flags & 1, flags & 2);   // long sums
        test_dot("f32", 37, 13, 11, 17, flags & 1, flags & 2);    // many small products
        test_dot("f64", 3, 120, 110, 1100, flags & 1, flags & 2);
    }
    test_dot("f64", 3, 20, 21, 3000, false, false);
    test_dot("f32", 1, 1, 1, 100000, false, false);
    test_dot("f64", 5, 1, 3000, 700, false, true);
}

// ---- Reductions ----

// x [outer, rows, width] over rows, and as one of [rows, width, inner] over 0 and 2.
static void test_sum(const char *dtype, int outer, int rows, int width) {
    char *text = dn_printf(
        "graph @g { %%0 = input {index=0, name=\"x\"} : %s[%d, %d, %d] "
        "%%1 = reduce_sum %%0 {axes=[1]} : %s[%d, %d] return y=%%1 }",
        dtype, outer, rows, width, dtype, outer, width);
    fixture f;
    run(&f, 0, text);
    double *want = dn_xcalloc((size_t)outer * (size_t)width, sizeof *want);
    for (int64_t i = 0; i < (int64_t)outer * rows * width; i++)
        want[i / width / rows * width + i % width] += dn_tensor_get(f.in[0], i);
    double largest = 1;
    for (int64_t i = 0; i < (int64_t)outer * width; i++) largest = fmax(largest, fabs(want[i]));
    // f32 is summed in f64: only the result is rounded.
    compare(&f, want, largest * (strcmp(dtype, "f64") == 0 ? 1e-12 : 6.1e-8), text);
    free(text);
    done(&f);
}

static void test_extremes(int outer, int rows, int width) {
    char *text = dn_printf(
        "graph @g { %%0 = input {index=0, name=\"x\"} : f32[%d, %d, %d] "
        "%%1 = reduce_max %%0 {axes=[1]} : f32[%d, %d] "
        "%%2 = reduce_min %%0 {axes=[1]} : f32[%d, %d] "
        "%%3 = argmax %%0 {axis=1} : i32[%d, %d] "
        "%%4 = cast %%3 : f32[%d, %d] %%5 = sub %%1, %%2 : f32[%d, %d] "
        "%%6 = add %%5, %%4 : f32[%d, %d] return y=%%6 }",
        outer, rows, width, outer, width, outer, width, outer, width, outer, width, outer, width,
        outer, width);
    fixture f;
    run(&f, 0, text);
    double *want = dn_xcalloc((size_t)outer * (size_t)width, sizeof *want);
    for (int64_t o = 0; o < outer; o++) {
        for (int64_t i = 0; i < width; i++) {
            float most = -INFINITY, least = INFINITY;
            int64_t at = 0;
            for (int64_t r = 0; r < rows; r++) {
                float v = (float)dn_tensor_get(f.in[0], (o * rows + r) * width + i);
                if (v > most) at = r;
                most = fmaxf(most, v);
                least = fminf(least, v);
            }
            want[o * width + i] = (most - least) + (float)at;
        }
    }
    compare(&f, want, 0, text);
    free(text);
    done(&f);
}

static void test_reductions(void) {
    static const int sizes[][3] = {{1, 300007, 1}, {1, 4001, 64}, {3, 5000, 3},  {1, 70, 3000},
                                   {900, 10, 1},   {40, 777, 5},  {60, 49, 130}, {2, 1, 40000},
                                   {1, 2500, 513}, {1, 33, 1},    {5000, 3, 2}};
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        test_sum("f32", sizes[i][0], sizes[i][1], sizes[i][2]);
        test_sum("f64", sizes[i][0], sizes[i][1], sizes[i][2]);
        test_extremes(sizes[i][0], sizes[i][1], sizes[i][2]);
    }
}

// Reduced and kept axes that alternate.
static void test_alternating(void) {
    fixture f;
    run(&f, 0,
        "graph @g { %0 = input {index=0, name=\"x\"} : f64[30, 40, 50, 3] "
        "%1 = reduce_sum %0 {axes=[0, 2]} : f64[40, 3] return y=%1 }");
    double *want = dn_xcalloc(120, sizeof *want);
    for (int64_t i = 0; i < 180000; i++)
        want[i / 150 % 40 * 3 + i % 3] += dn_tensor_get(f.in[0], i);
    compare(&f, want, 1e-11, "alternating");
    done(&f);
}

// ---- Movement ----

static void test_transposes(void) {
    static const char *const dtypes[] = {"u8", "f32", "f64"};
    static const int dims[3] = {130, 71, 19};
    static const int orders[][3] = {{0, 2, 1}, {1, 0, 2}, {1, 2, 0}, {2, 0, 1}, {2, 1, 0}};
    for (int t = 0; t < 3; t++) {
        for (size_t i = 0; i < sizeof orders / sizeof *orders; i++) {
            const int *o = orders[i];
            char *text = dn_printf(
                "graph @g { %%0 = input {index=0, name=\"x\"} : %s[130, 71, 19] "
                "%%1 = transpose %%0 {axes=[%d, %d, %d]} : %s[%d, %d, %d] "
                "return y=%%1 }",
                dtypes[t], o[0], o[1], o[2], dtypes[t], dims[o[0]], dims[o[1]], dims[o[2]]);
            fixture f;
            run(&f, 0, text);
            double *want = dn_xcalloc(130 * 71 * 19, sizeof *want);
            for (int64_t at = 0; at < 130 * 71 * 19; at++) {
                int64_t index[3] = {at / 19 / 71, at / 19 % 71, at % 19};
                want[(index[o[0]] * dims[o[1]] + index[o[1]]) * dims[o[2]] + index[o[2]]] =
                    dn_tensor_get(f.in[0], at);
            }
            compare(&f, want, 0, text);
            free(text);
            done(&f);
        }
    }
}

// Slice, reverse, pad and concat put together to give back x.
static void test_round_trip(void) {
    fixture f;
    run(&f, 0,
        "graph @g { %0 = input {index=0, name=\"x\"} : f32[50, 60, 21] "
        "%1 = slice %0 {start=[0, 0, 0], limit=[50, 31, 21], stride=[1, 1, 1]} : f32[50, 31, 21] "
        "%2 = slice %0 {start=[0, 31, 0], limit=[50, 60, 21], stride=[1, 1, 1]} : f32[50, 29, 21] "
        "%3 = concat %1, %2 {axis=1} : f32[50, 60, 21] "
        "%4 = reverse %3 {axes=[0, 2]} : f32[50, 60, 21] "
        "%5 = pad %4 {lo=[1, 0, 2], hi=[0, 3, 1], interior=[1, 0, 2], value=7} : f32[100, 63, 64] "
        "%6 = slice %5 {start=[1, 0, 2], limit=[100, 60, 63], stride=[2, 1, 3]} : f32[50, 60, 21] "
        "%7 = reverse %6 {axes=[0, 2]} : f32[50, 60, 21] "
        "%8 = window %7 {kernel=[3], stride=[2], dilation=[2]} : f32[50, 28, 3, 21] "
        "%9 = sub %7, %0 : f32[50, 60, 21] return y=%9 }");
    compare(&f, dn_xcalloc(50 * 60 * 21, sizeof(double)), 0, "round trip");
    done(&f);
}

static void test_windows(void) {
    fixture f;
    run(&f, 0,
        "graph @g { %0 = input {index=0, name=\"x\"} : f64[9, 20, 21, 5] "
        "%1 = window %0 {kernel=[3, 2], stride=[2, 1], dilation=[1, 2]} : f64[9, 9, 19, 3, 2, 5] "
        "%2 = window_sum %1 {kernel=[3, 2], stride=[2, 1], dilation=[1, 2]} : f64[9, 20, 21, 5] "
        "return y=%2 }");
    double *want = as_doubles(f.in[0]);  // each pixel as often as windows cover it
    for (int64_t i = 0; i < 9 * 20 * 21 * 5; i++) {
        int64_t h = i / 5 / 21 % 20, w = i / 5 % 21, rows = 0, columns = 0;
        for (int64_t k = 0; k < 3; k++) rows += h >= k && (h - k) % 2 == 0 && (h - k) / 2 < 9;
        for (int64_t k = 0; k < 2; k++) columns += w >= 2 * k && w - 2 * k < 19;
        want[i] *= (double)(rows * columns);
    }
    compare(&f, want, 1e-13, "windows");
    done(&f);
}

static void test_scatter(void) {
    fixture f;
    run(&f, 700,
        "graph @g { %0 = input {index=0, name=\"i\"} : i32[5000] "
        "%1 = input {index=1, name=\"u\"} : f32[5000, 33] "
        "%2 = scatter_add %0, %1 : f32[700, 33] %3 = gather %2, %0 : f32[5000, 33] "
        "return y=%3 }");
    float *sums = dn_xcalloc(700 * 33, sizeof *sums);  // the same order, so the same bits
    double *want = dn_xcalloc(5000 * 33, sizeof *want);
    const int32_t *indices = f.in[0]->data;
    for (int64_t i = 0; i < 5000 * 33; i++)
        sums[indices[i / 33] * 33 + i % 33] += ((const float *)f.in[1]->data)[i];
    for (int64_t i = 0; i < 5000 * 33; i++) want[i] = sums[indices[i / 33] * 33 + i % 33];
    compare(&f, want, 0, "scatter");
    free(sums);
    done(&f);
}

int main(void) {
    for (int i = 1; i < 4; i++) CHECK_OK(dn_pool_new(i, &pools[i]));
    test_convolutions();
    test_dots();
    test_reductions();
    test_alternating();
    test_transposes();
    test_round_trip();
    test_windows();
    test_scatter();
    for (int i = 1; i < 4; i++) dn_pool_free(pools[i]);
    return CHECK_RESULT();
}
