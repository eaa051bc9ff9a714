// Lays a batch of images out on one black sheet.
#include "runtime/image/grid.h"

#include <limits.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

typedef struct layout {
    int64_t n, h, w, c;
    int64_t columns, rows, gap;
    double low, scale;  // a byte is (x - low) * scale
} layout;

static dn_status describe_bad(const dn_tensor *images, const char *what) {
    dn_str text = {0};
    dn_shape_print(&text, images->dtype, &images->shape);
    dn_status status = dn_fail(DN_INVALID, "an image grid of %s: %s", text.text, what);
    free(text.text);
    return status;
}

static dn_status check_images(const dn_tensor *images) {
    const dn_shape *shape = &images->shape;
    if (!dn_dtype_is_float(images->dtype)) return describe_bad(images, "expected f32 or f64");
    if (shape->rank != 4) return describe_bad(images, "expected [N, H, W, C]");
    if (shape->dims[3] != 1 && shape->dims[3] != 3 && shape->dims[3] != 4)
        return describe_bad(images, "expected 1, 3 or 4 channels");
    if (dn_shape_elements(shape) == 0) return describe_bad(images, "there are no pixels");
    return DN_SUCCESS;
}

static int64_t smallest_square(int64_t n) {
    int64_t side = (int64_t)sqrt((double)n);
    while (side * side < n) side++;
    return side;
}

// The number of pixels across `count` cells of `size`, or -1 if an image cannot be so large.
static int64_t extent(int64_t count, int64_t size, int64_t gap) {
    int64_t total;
    if (__builtin_mul_overflow(count, size + gap, &total)) return -1;
    total -= gap;
    return total > INT_MAX ? -1 : total;
}

static dn_status size_sheet(const layout *l, dn_image *out) {
    int64_t height = extent(l->rows, l->h, l->gap), width = extent(l->columns, l->w, l->gap);
    int64_t bytes;
    if (height < 0 || width < 0 || __builtin_mul_overflow(height * width, l->c, &bytes))
        return dn_fail(DN_INVALID, "an image grid of %lld images in %lld columns is too large",
                       (long long)l->n, (long long)l->columns);
    if ((size_t)bytes > out->capacity) {
        uint8_t *pixels = realloc(out->pixels, (size_t)bytes);
        if (!pixels)
            return dn_fail(DN_MEMORY, "no memory for an image grid of %lld x %lld pixels",
                           (long long)height, (long long)width);
        out->pixels = pixels;
        out->capacity = (size_t)bytes;
    }
    out->height = (int)height;
    out->width = (int)width;
    out->channels = (int)l->c;
    return DN_SUCCESS;
}

static void paint_black(dn_image *out) {
    size_t pixels = (size_t)out->height * (size_t)out->width;
    memset(out->pixels, 0, pixels * (size_t)out->channels);
    if (out->channels != 4) return;
    for (size_t i = 0; i < pixels; i++) out->pixels[4 * i + 3] = 255;
}

// Rounds to nearest; the comparisons are false for NaN, which so becomes 0.
static uint8_t to_byte(const layout *l, double x) {
    double scaled = (x - l->low) * l->scale + 0.5;
    return scaled >= 255 ? 255 : scaled >= 1 ? (uint8_t)scaled : 0;
}

static void paint_row(const layout *l, const dn_tensor *images, int64_t from, uint8_t *to) {
    int64_t count = l->w * l->c;
    if (images->dtype == DN_F32) {
        const float *x = (const float *)images->data + from;
        for (int64_t i = 0; i < count; i++) to[i] = to_byte(l, (double)x[i]);
    } else {
        const double *x = (const double *)images->data + from;
        for (int64_t i = 0; i < count; i++) to[i] = to_byte(l, x[i]);
    }
}

static void paint_images(const layout *l, const dn_tensor *images, dn_image *out) {
    for (int64_t i = 0; i < l->n; i++) {
        int64_t top = i / l->columns * (l->h + l->gap), left = i % l->columns * (l->w + l->gap);
        for (int64_t y = 0; y < l->h; y++) {
            int64_t to = ((top + y) * out->width + left) * l->c;
            paint_row(l, images, (i * l->h + y) * l->w * l->c, out->pixels + to);
        }
    }
}

dn_status dn_image_grid(const dn_tensor *images, double low, double high, int columns, int gap,
                        dn_image *out) {
    DN_TRY(check_images(images));
    if (!(low < high) || !isfinite(low) || !isfinite(high))
        return dn_fail(DN_INVALID, "an image grid of values from %g to %g", low, high);
    if (columns < 0 || gap < 0)
        return dn_fail(DN_INVALID, "an image grid of %d columns with a gap of %d", columns, gap);
    const int64_t *dims = images->shape.dims;
    layout l = {.n = dims[0], .h = dims[1], .w = dims[2], .c = dims[3], .gap = gap};
    l.columns = columns ? columns : smallest_square(l.n);
    l.rows = (l.n + l.columns - 1) / l.columns;
    l.low = low;
    l.scale = 255 / (high - low);
    DN_TRY(size_sheet(&l, out));
    paint_black(out);
    paint_images(&l, images, out);
    return DN_SUCCESS;
}
