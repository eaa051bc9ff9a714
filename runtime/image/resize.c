// Bilinear resampling with the triangle filter, as Pillow's ImagingResample does it: each output
// pixel is a weighted mean of input pixels around its centre; when shrinking by a factor s the
// triangle is s times wider, so that every input pixel counts. The filter is separable: rows are
// resampled first, into `rows`, then columns.
//
// Weights are computed in double and used as floats; sums run in a fixed order.
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "runtime/base/memory.h"
#include "runtime/image/image.h"

// For one axis: output i is the sum over k < count[i] of weight[i * most + k] * in[first[i] + k].
typedef struct filter {
    int from, to;  // the sizes that the tables are for
    int most;
    int *first, *count;
    float *weight;
    size_t taps, tap_capacity, weight_capacity;
} filter;

struct dn_resize_scratch {
    filter horizontal, vertical;
    float *rows;
    size_t capacity;
};

dn_resize_scratch *dn_resize_scratch_new(void) { return dn_xcalloc(1, sizeof(dn_resize_scratch)); }

static void filter_free(filter *f) {
    free(f->first);
    free(f->count);
    free(f->weight);
}

void dn_resize_scratch_free(dn_resize_scratch *scratch) {
    if (!scratch) return;
    filter_free(&scratch->horizontal);
    filter_free(&scratch->vertical);
    free(scratch->rows);
    free(scratch);
}

static bool filter_reserve(filter *f, int most, int to) {
    if ((size_t)to > f->tap_capacity) {
        free(f->first);
        free(f->count);
        f->first = malloc((size_t)to * sizeof *f->first);
        f->count = malloc((size_t)to * sizeof *f->count);
        f->tap_capacity = f->first && f->count ? (size_t)to : 0;
        if (!f->tap_capacity) return false;
    }
    size_t weights = (size_t)to * (size_t)most;
    if (weights > f->weight_capacity) {
        free(f->weight);
        f->weight = malloc(weights * sizeof *f->weight);
        f->weight_capacity = f->weight ? weights : 0;
        if (!f->weight) return false;
    }
    return true;
}

static double triangle(double x) { return fabs(x) < 1 ? 1 - fabs(x) : 0; }

// The weights of output `i`, normalised.
static void filter_tap(filter *f, int i, double scale, double width) {
    double center = (i + 0.5) * scale;
    int first = (int)(center - width + 0.5), end = (int)(center + width + 0.5);
    if (first < 0) first = 0;
    if (end > f->from) end = f->from;
    double sum = 0;
    for (int k = first; k < end; k++) sum += triangle((k - center + 0.5) / width);
    float *weight = f->weight + (size_t)i * (size_t)f->most;
    for (int k = first; k < end; k++)
        weight[k - first] = (float)(triangle((k - center + 0.5) / width) / sum);
    f->first[i] = first;
    f->count[i] = end - first;
}

static bool filter_make(filter *f, int from, int to) {
    if (f->from == from && f->to == to) return true;
    f->from = f->to = 0;
    double scale = (double)from / to, width = scale < 1 ? 1 : scale;
    int most = 2 * (int)ceil(width) + 1;
    if (!filter_reserve(f, most, to)) return false;
    f->from = from;
    f->to = to;
    f->most = most;
    for (int i = 0; i < to; i++) filter_tap(f, i, scale, width);
    return true;
}

// Up to 4 channels of one output pixel. With a constant number of channels the sums stay in
// registers.
static inline __attribute__((always_inline)) void weigh(const float *weight, int count,
                                                        const float *in, int channels, float *out) {
    float a = 0, b = 0, c = 0, d = 0;
    for (int k = 0; k < count; k++, in += channels) {
        a += weight[k] * in[0];
        if (channels > 1) b += weight[k] * in[1];
        if (channels > 2) c += weight[k] * in[2];
        if (channels > 3) d += weight[k] * in[3];
    }
    out[0] = a;
    if (channels > 1) out[1] = b;
    if (channels > 2) out[2] = c;
    if (channels > 3) out[3] = d;
}

static void weigh_many(const float *weight, int count, const float *in, int channels, float *out) {
    for (int c = 0; c < channels; c++) {
        float sum = 0;
        for (int k = 0; k < count; k++)
            sum += weight[k] * in[(size_t)k * (size_t)channels + (size_t)c];
        out[c] = sum;
    }
}

// in: [height, from, channels], out: [height, to, channels]
static void resample_rows(const filter *f, const float *in, float *out, int height, int channels) {
    for (int y = 0; y < height; y++) {
        const float *row = in + (size_t)y * (size_t)f->from * (size_t)channels;
        for (int x = 0; x < f->to; x++, out += channels) {
            const float *weight = f->weight + (size_t)x * (size_t)f->most;
            const float *source = row + (size_t)f->first[x] * (size_t)channels;
            switch (channels) {
                case 1: weigh(weight, f->count[x], source, 1, out); break;
                case 3: weigh(weight, f->count[x], source, 3, out); break;
                case 4: weigh(weight, f->count[x], source, 4, out); break;
                default: weigh_many(weight, f->count[x], source, channels, out); break;
            }
        }
    }
}

// in: [from, size], out: [to, size]
static void resample_columns(const filter *f, const float *in, float *out, size_t size) {
    for (int y = 0; y < f->to; y++) {
        const float *weight = f->weight + (size_t)y * (size_t)f->most;
        float *target = out + (size_t)y * size;
        memset(target, 0, size * sizeof *target);
        for (int k = 0; k < f->count[y]; k++) {
            const float *row = in + (size_t)(f->first[y] + k) * size;
            for (size_t i = 0; i < size; i++) target[i] += weight[k] * row[i];
        }
    }
}

static bool reserve_rows(dn_resize_scratch *scratch, size_t need) {
    if (need <= scratch->capacity) return true;
    free(scratch->rows);
    scratch->rows = malloc(need * sizeof *scratch->rows);
    scratch->capacity = scratch->rows ? need : 0;
    return scratch->rows != NULL;
}

dn_status dn_image_resize(dn_resize_scratch *scratch, const float *src, int sh, int sw,
                          int channels, float *dst, int dh, int dw) {
    DN_ASSERT(sh > 0 && sw > 0 && dh > 0 && dw > 0 && channels > 0, "sizes");
    size_t row = (size_t)dw * (size_t)channels;
    if (sh == dh && sw == dw) {
        memcpy(dst, src, (size_t)dh * row * sizeof *dst);
        return DN_SUCCESS;
    }
    bool both = sh != dh && sw != dw;
    if (!filter_make(&scratch->horizontal, sw, dw) || !filter_make(&scratch->vertical, sh, dh) ||
        (both && !reserve_rows(scratch, (size_t)sh * row)))
        return dn_fail(DN_MEMORY, "no memory to resize an image of %d x %d to %d x %d", sh, sw, dh,
                       dw);
    float *rows = both ? scratch->rows : dst;
    if (sw != dw) resample_rows(&scratch->horizontal, src, rows, sh, channels);
    if (sh != dh) resample_columns(&scratch->vertical, sw != dw ? rows : src, dst, row);
    return DN_SUCCESS;
}
