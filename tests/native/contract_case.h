// For tests of contractions on any target: data, what a contraction must give, and the cases: every
// form, odd shapes.
#ifndef DN_TESTS_CONTRACT_CASE_H
#define DN_TESTS_CONTRACT_CASE_H

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "tests/check.h"
#include "tests/native/contract_kernel.h"

static double *to_double(const void *data, dn_dtype dtype, int64_t count) {
    double *out = dn_xcalloc((size_t)count + 1, sizeof *out);
    for (int64_t i = 0; i < count; i++)
        out[i] = dtype == DN_F32    ? (double)((const float *)data)[i]
                 : dtype == DN_F64  ? ((const double *)data)[i]
                 : dtype == DN_I32  ? (double)((const int32_t *)data)[i]
                 : dtype == DN_I64  ? (double)((const int64_t *)data)[i]
                 : dtype == DN_BF16 ? (double)dn_bf16_to_f32(((const uint16_t *)data)[i])
                                    : (double)((const uint8_t *)data)[i];
    return out;
}

static uint32_t state = 1;
static double next_number(void) {
    state = state * 1664525 + 1013904223;
    return (double)(int32_t)(state >> 8 & 0xffff) / 32768 - 1;
}

static double bf16_scale = 1;  // of numbers

static void *new_data(dn_dtype dtype, int64_t count) {
    void *data = dn_xcalloc((size_t)count + 1, dn_dtype_size(dtype));
    for (int64_t i = 0; i < count; i++) {
        double number = next_number();
        switch (dtype) {
            case DN_F32: ((float *)data)[i] = (float)number; break;
            case DN_F64: ((double *)data)[i] = number; break;
            case DN_BF16:
                ((uint16_t *)data)[i] = dn_bf16_from_f32((float)(number * bf16_scale));
                break;
            case DN_I32: ((int32_t *)data)[i] = (int32_t)(number * 100); break;
            case DN_I64: ((int64_t *)data)[i] = (int64_t)(number * 100); break;
            default: ((uint8_t *)data)[i] = (uint8_t)(int)(number * 100); break;
        }
    }
    return data;
}

// ---- what is expected ----

// The rows that are needed and the steps that are taken of the matrix of the batch at `index`.
static void naive_limits(const dn_contract *c, const int64_t *index, int64_t *rows,
                         int64_t *steps) {
    *rows = c->m, *steps = c->k;
    for (int i = 0; i < c->n_limits; i++) {
        const dn_limit *l = &c->limits[i];
        int64_t *count = l->steps ? steps : rows;
        bool here = index[l->axis[0]] == l->index[0];
        if (l->axis[1] >= 0 && index[l->axis[1]] != l->index[1]) here = false;
        if (here && l->count < *count) *count = l->count;
    }
}

// NaN: not needed.
static void naive_dot(const dn_contract *c, const double *a, const double *b, double *out) {
    int64_t batches = product_of(c->batch, c->batches);
    for (int64_t i = 0; i < batches; i++) {
        int64_t rest = i, at_a = 0, at_b = 0, index[DN_MAX_RANK], rows, steps;
        for (int d = c->batches - 1; d >= 0; d--) {
            index[d] = rest % c->batch[d];
            at_a += index[d] * c->a_batch[d];
            at_b += index[d] * c->b_batch[d];
            rest /= c->batch[d];
        }
        naive_limits(c, index, &rows, &steps);
        for (int64_t m = 0; m < c->m; m++)
            for (int64_t n = 0; n < c->n; n++) {
                double *sum = &out[(i * c->m + m) * c->n + n];
                if (m >= rows) *sum = NAN;
                for (int64_t k = 0; k < steps && m < rows; k++)
                    *sum += a[at_a + m * c->a_m + k * c->a_k] * b[at_b + k * c->b_k + n * c->b_n];
            }
    }
}

// Row-major index of spatial coordinates.
static int64_t flat(const int64_t *at, const int64_t *sizes, int n) {
    int64_t index = 0;
    for (int s = 0; s < n; s++) index = index * sizes[s] + at[s];
    return index;
}

static void unflat(int64_t index, const int64_t *sizes, int n, int64_t *at) {
    for (int s = n - 1; s >= 0; s--) at[s] = index % sizes[s], index /= sizes[s];
}

// All terms (n, o, k, c, f) of one group, in whichever of the three tensors is the result.
static void naive_terms(const dn_contract *c, int64_t x, int64_t y, int64_t tap, const double *a,
                        const double *b, double *out) {
    int64_t channels = c->channels / c->groups, filters = c->filters / c->groups;
    for (int64_t g = 0; g < c->groups; g++)
        for (int64_t i = 0; i < channels; i++)
            for (int64_t j = 0; j < filters; j++) {
                int64_t at_x = x * c->channels + g * channels + i;
                int64_t at_y = y * c->filters + g * filters + j;
                int64_t at_w = (tap * channels + i) * c->filters + g * filters + j;
                if (c->op == DN_OP_CONV) out[at_y] += a[at_x] * b[at_w];
                if (c->op == DN_OP_CONV_INPUT) out[at_x] += a[at_y] * b[at_w];
                if (c->op == DN_OP_CONV_WEIGHT) out[at_w] += a[at_x] * b[at_y];
            }
}

static void naive_conv(const dn_contract *c, const double *a, const double *b, double *out) {
    int n = c->spatial;
    int64_t outs = product_of(c->out, n), taps = product_of(c->kernel, n);
    for (int64_t image = 0; image < c->images; image++)
        for (int64_t o = 0; o < outs; o++)
            for (int64_t k = 0; k < taps; k++) {
                int64_t at[DN_MAX_SPATIAL], tap[DN_MAX_SPATIAL];
                bool inside = true;
                unflat(o, c->out, n, at);
                unflat(k, c->kernel, n, tap);
                for (int s = 0; s < n; s++) {
                    at[s] = at[s] * c->stride[s] + tap[s] * c->dilation[s] - c->lo[s];
                    inside = inside && at[s] >= 0 && at[s] < c->image[s];
                }
                if (!inside) continue;
                int64_t x = image * product_of(c->image, n) + flat(at, c->image, n);
                naive_terms(c, x, image * outs + o, k, a, b, out);
            }
}

// The sums of the parts of what a kernel gave; free it.
static double *join_parts(const contraction *k, const void *got) {
    double *numbers = to_double(got, k->kernel.contract.dtype, k->out_count);
    int64_t parts = k->kernel.contract.parts ? k->kernel.contract.parts : 1;
    int64_t count = k->out_count / parts;
    for (int64_t p = 1; p < parts; p++)
        for (int64_t i = 0; i < count; i++) numbers[i] += numbers[p * count + i];
    return numbers;
}

// Of operands A and B; free it.
static double *expected(const contraction *k, const double *a, const double *b) {
    double *want = dn_xcalloc((size_t)k->out_count + 1, sizeof *want);
    const dn_contract *c = &k->kernel.contract;
    if (c->op == DN_OP_DOT)
        naive_dot(c, a, b, want);
    else
        naive_conv(c, a, b, want);
    return want;
}

// ---- comparing ----

// About how many terms a sum has.
static double terms_of(const dn_contract *c) {
    switch (c->op) {
        case DN_OP_DOT: return (double)c->k;
        case DN_OP_CONV_WEIGHT: return (double)(c->images * product_of(c->out, c->spatial));
        default: return (double)(product_of(c->kernel, c->spatial) * (c->channels + c->filters));
    }
}

static bool near(dn_dtype dtype, double got, double want, double terms) {
    switch (dtype) {
        case DN_F32: return fabs(got - want) <= 1e-6 * sqrt(terms + 1) + 1e-7 * terms;
        case DN_F64: return fabs(got - want) <= 1e-14 * (terms + 1);
        case DN_U8: return got == fmod(want, 256);
        default: return got == want;
    }
}

static char *describe(const dn_contract *c) {
    if (c->op == DN_OP_DOT)
        return dn_printf("dot %d batches m %ld n %ld k %ld packed %d narrow %d %d, %d limits",
                         c->batches, c->m, c->n, c->k, c->packed, c->narrow[0], c->narrow[1],
                         c->n_limits);
    return dn_printf(
        "%s %d spatial, %ld images %ldx%ld, %ld channels, %ld filters, %ld groups, out "
        "%ld, kernel %ld stride %ld dilation %ld lo %ld packed %d dtype %d narrow %d %d",
        dn_op_get(c->op)->name, c->spatial, c->images, c->image[0], c->image[1], c->channels,
        c->filters, c->groups, c->out[0], c->kernel[0], c->stride[0], c->dilation[0], c->lo[0],
        c->packed, c->dtype, c->narrow[0], c->narrow[1]);
}

static void check_values(const contraction *k, const void *got, const double *want,
                         const char *what) {
    const dn_contract *c = &k->kernel.contract;
    double *numbers = join_parts(k, got), terms = terms_of(c);
    int64_t count = k->out_count / (c->parts ? c->parts : 1);
    char *text = describe(c);
    int bad = 0;
    for (int64_t i = 0; i < count && bad < 3; i++) {
        bool good = isnan(want[i]) || near(c->dtype, numbers[i], want[i], terms);
        if (!good) bad++;
        CHECK(good, "%s %s: at %ld: %.9g, not %.9g", text, what, (long)i, numbers[i], want[i]);
    }
    free(text);
    free(numbers);
}

// ---- cases ----

typedef struct conv_case {
    int64_t images, channels, filters, groups;
    int spatial;
    int64_t image[3], kernel[3], stride[3], dilation[3], lo[3], hi[3];
} conv_case;

// All three convolutions of a case.
static void each_conv(const conv_case *t, dn_dtype dtype, void (*check)(dn_contract)) {
    dn_contract c = {.dtype = dtype,
                     .spatial = t->spatial,
                     .images = t->images,
                     .channels = t->channels,
                     .filters = t->filters,
                     .groups = t->groups ? t->groups : 1};
    for (int s = 0; s < t->spatial; s++) {
        c.image[s] = t->image[s], c.kernel[s] = t->kernel[s], c.lo[s] = t->lo[s];
        c.stride[s] = t->stride[s] ? t->stride[s] : 1;
        c.dilation[s] = t->dilation[s] ? t->dilation[s] : 1;
        int64_t room = t->image[s] + t->lo[s] + t->hi[s] - c.dilation[s] * (c.kernel[s] - 1) - 1;
        c.out[s] = room < 0 ? 0 : room / c.stride[s] + 1;
    }
    c.op = DN_OP_CONV, check(c);
    c.op = DN_OP_CONV_INPUT, check(c);
    c.op = DN_OP_CONV_WEIGHT, check(c);
}

static const conv_case conv_cases[] = {
    // images, channels, filters, groups; spatial: image, kernel, stride, dilation, lo, hi
    {8, 3, 33, 1, 2, {7, 6}, {3, 3}, {1, 1}, {1, 1}, {1, 1}, {1, 1}},
    {17, 5, 32, 1, 2, {8, 8}, {4, 4}, {2, 2}, {1, 1}, {1, 1}, {1, 1}},
    {3, 4, 40, 1, 2, {9, 30}, {5, 5}, {2, 2}, {1, 1}, {1, 1}, {2, 2}},
    {1, 16, 64, 1, 2, {11, 37}, {3, 3}, {1, 1}, {1, 1}, {1, 1}, {1, 1}},
    {1, 8, 20, 1, 2, {9, 40}, {3, 3}, {3, 3}, {1, 1}, {1, 1}, {1, 1}},
    {2, 3, 7, 1, 2, {12, 50}, {3, 3}, {1, 2}, {2, 2}, {2, 3}, {1, 0}},
    {2, 3, 7, 1, 2, {12, 50}, {4, 3}, {2, 4}, {4, 2}, {2, 3}, {5, 0}},
    {9, 2, 3, 1, 2, {6, 5}, {3, 2}, {3, 3}, {2, 1}, {4, 0}, {0, 4}},
    {8, 1, 1, 1, 2, {5, 5}, {5, 5}, {2, 2}, {1, 1}, {1, 1}, {2, 2}},
    {64, 1, 8, 1, 2, {6, 6}, {5, 5}, {2, 2}, {1, 1}, {1, 1}, {2, 2}},
    {64, 20, 1, 1, 2, {4, 4}, {4, 4}, {1, 1}, {1, 1}, {0, 0}, {0, 0}},
    {9, 40, 2, 1, 2, {4, 4}, {4, 4}, {1, 1}, {1, 1}, {3, 3}, {3, 3}},
    {8, 7, 9, 1, 2, {2, 2}, {5, 5}, {1, 1}, {1, 1}, {2, 2}, {2, 2}},
    {8, 7, 9, 1, 2, {3, 3}, {1, 1}, {2, 2}, {1, 1}, {0, 0}, {0, 0}},
    {8, 7, 9, 1, 2, {5, 5}, {2, 2}, {1, 1}, {1, 1}, {-1, -2}, {1, -1}},
    {5, 8, 12, 4, 2, {6, 6}, {3, 3}, {2, 1}, {1, 1}, {1, 1}, {1, 1}},
    {9, 70, 140, 2, 2, {3, 3}, {2, 2}, {1, 1}, {1, 1}, {1, 0}, {0, 1}},
    {8, 20, 20, 20, 2, {6, 6}, {3, 3}, {1, 2}, {1, 1}, {1, 1}, {1, 1}},
    {3, 37, 37, 37, 2, {6, 20}, {3, 3}, {1, 1}, {1, 2}, {1, 2}, {1, 2}},
    {3, 4, 8, 4, 2, {6, 6}, {3, 3}, {1, 1}, {1, 1}, {1, 1}, {1, 1}},
    {8, 3, 5, 1, 1, {30}, {7}, {2}, {3}, {4}, {9}},
    {2, 6, 50, 1, 1, {100}, {5}, {3}, {1}, {2}, {2}},
    {2, 6, 35, 1, 3, {4, 5, 6}, {3, 2, 3}, {2, 1, 2}, {1, 2, 1}, {1, 0, 1}, {1, 2, 1}},
    {9, 3, 4, 1, 3, {4, 3, 5}, {2, 3, 3}, {1, 2, 3}, {1, 1, 2}, {0, 1, 2}, {1, 1, 2}},
    {70, 24, 48, 1, 2, {8, 8}, {4, 4}, {2, 2}, {1, 1}, {1, 1}, {1, 1}},
    {20, 64, 64, 1, 2, {12, 12}, {3, 3}, {1, 1}, {1, 1}, {1, 1}, {1, 1}},
    {0, 3, 5, 1, 2, {6, 6}, {3, 3}, {1, 1}, {1, 1}, {1, 1}, {1, 1}},
    {4, 3, 0, 1, 2, {6, 6}, {3, 3}, {1, 1}, {1, 1}, {1, 1}, {1, 1}},
    {4, 0, 5, 1, 2, {6, 6}, {3, 3}, {1, 1}, {1, 1}, {1, 1}, {1, 1}},
    {2, 3, 40, 1, 2, {0, 6}, {3, 3}, {1, 1}, {1, 1}, {2, 1}, {2, 1}},
    {4, 3, 5, 1, 2, {6, 6}, {0, 3}, {1, 1}, {1, 1}, {1, 1}, {1, 1}},
    {4, 3, 5, 1, 2, {2, 2}, {5, 5}, {1, 1}, {1, 1}, {0, 0}, {0, 0}},
};

typedef struct dot_case {
    int64_t batch, m, n, k;
    bool a_transposed, b_transposed;
} dot_case;

static const dot_case dot_cases[] = {
    {0, 1, 1, 1, false, false},    {0, 8, 32, 16, false, false},     {0, 13, 45, 17, false, true},
    {0, 100, 70, 33, true, false}, {0, 100, 70, 33, true, true},     {3, 9, 20, 31, false, false},
    {3, 9, 20, 31, false, true},   {2, 50, 3, 40, false, false},     {2, 50, 3, 40, false, true},
    {0, 64, 1, 300, false, false}, {0, 1, 64, 300, false, false},    {0, 5, 5, 0, false, false},
    {0, 0, 5, 5, false, false},    {0, 5, 0, 5, false, false},       {0, 64, 10, 128, true, false},
    {0, 3, 200, 1, false, true},   {0, 130, 96, 1500, false, false}, {0, 64, 2, 300, true, true},
    {0, 2, 33, 100, true, true},
};

static void each_dot(const dot_case *t, dn_dtype dtype, void (*check)(dn_contract)) {
    dn_contract c = {.op = DN_OP_DOT, .dtype = dtype, .m = t->m, .n = t->n, .k = t->k};
    if (t->batch) {
        c.batches = 1;
        c.batch[0] = t->batch, c.a_batch[0] = t->m * t->k, c.b_batch[0] = t->k * t->n;
    }
    c.a_m = t->a_transposed ? 1 : t->k, c.a_k = t->a_transposed ? t->m : 1;
    c.b_k = t->b_transposed ? 1 : t->n, c.b_n = t->b_transposed ? t->k : 1;
    check(c);
}

#endif
