// Keras's ImageDataGenerator: random affine maps, flips, channel shifts and brightness.
//
// The affine map is keras-preprocessing's apply_affine_transform: rotation . shift . shear . zoom,
// about the image's centre at (size / 2 - 0.5). It maps a pixel of the result, as (row, column), to
// the place in the source where its value is read, bilinearly, as scipy.ndimage.affine_transform
// does with order=1; outside the source the fill mode says what is read, with SciPy's meaning of
// each (map_coordinate in ni_interpolation.c).
#include "runtime/data/augment.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "runtime/data/node.h"

// ---- Drawing ----------------------------------------------------------------------------------

enum { DRAWS = 16 };  // numbers that an image may draw; each has its place

typedef enum draw {
    DRAW_THETA,
    DRAW_TX,
    DRAW_TY,
    DRAW_SHEAR,
    DRAW_ZX,
    DRAW_ZY,
    DRAW_FLIP_HORIZONTAL,
    DRAW_FLIP_VERTICAL,
    DRAW_CHANNEL,
    DRAW_BRIGHTNESS
} draw;

typedef struct dice {
    const dn_rng_stream *stream;
    uint64_t first;
} dice;

static double between(const dice *d, draw which, double low, double high) {
    return low + (high - low) * dn_rng_double(d->stream, d->first + which);
}

// A shift range below 1 is a fraction of the size.
static double shift(const dice *d, draw which, double range, int size) {
    double drawn = between(d, which, -range, range);
    return range < 1 ? drawn * size : drawn;
}

dn_augmentation dn_augmentation_draw(const dn_augment_options *o, int height, int width,
                                     const dn_rng_stream *stream, uint64_t image) {
    dice d = {.stream = stream, .first = image * DRAWS};
    dn_augmentation a = {.zx = 1, .zy = 1};
    if (o->rotation != 0) a.theta = between(&d, DRAW_THETA, -o->rotation, o->rotation);
    if (o->height_shift != 0) a.tx = shift(&d, DRAW_TX, o->height_shift, height);
    if (o->width_shift != 0) a.ty = shift(&d, DRAW_TY, o->width_shift, width);
    if (o->shear != 0) a.shear = between(&d, DRAW_SHEAR, -o->shear, o->shear);
    if (o->zoom != 0) {
        a.zx = between(&d, DRAW_ZX, 1 - o->zoom, 1 + o->zoom);
        a.zy = between(&d, DRAW_ZY, 1 - o->zoom, 1 + o->zoom);
    }
    a.flip_horizontal = o->horizontal_flip && between(&d, DRAW_FLIP_HORIZONTAL, 0, 1) < 0.5;
    a.flip_vertical = o->vertical_flip && between(&d, DRAW_FLIP_VERTICAL, 0, 1) < 0.5;
    if (o->channel_shift != 0)
        a.channel_shift = between(&d, DRAW_CHANNEL, -o->channel_shift, o->channel_shift);
    a.brighten = o->brightness_low != 0 || o->brightness_high != 0;
    if (a.brighten)
        a.brightness = between(&d, DRAW_BRIGHTNESS, o->brightness_low, o->brightness_high);
    return a;
}

// ---- The affine map ---------------------------------------------------------------------------

// The upper two rows of a 3 x 3 matrix whose third is 0 0 1.
typedef struct affine {
    double m[2][3];
} affine;

static affine multiply(affine a, affine b) {
    affine c;
    for (int i = 0; i < 2; i++) {
        for (int j = 0; j < 3; j++) {
            c.m[i][j] = a.m[i][0] * b.m[0][j] + a.m[i][1] * b.m[1][j];
            if (j == 2) c.m[i][j] += a.m[i][2];
        }
    }
    return c;
}

static bool moves_pixels(const dn_augmentation *a) {
    return a->theta != 0 || a->tx != 0 || a->ty != 0 || a->shear != 0 || a->zx != 1 || a->zy != 1;
}

static affine transform_of(const dn_augmentation *a, int height, int width) {
    double theta = a->theta * (M_PI / 180), shear = a->shear * (M_PI / 180);
    affine t = {{{cos(theta), -sin(theta), 0}, {sin(theta), cos(theta), 0}}};
    t = multiply(t, (affine){{{1, 0, a->tx}, {0, 1, a->ty}}});
    t = multiply(t, (affine){{{1, -sin(shear), 0}, {0, cos(shear), 0}}});
    t = multiply(t, (affine){{{a->zx, 0, 0}, {0, a->zy, 0}}});
    double y = height / 2.0 - 0.5, x = width / 2.0 - 0.5;
    return multiply(multiply((affine){{{1, 0, y}, {0, 1, x}}}, t),
                    (affine){{{1, 0, -y}, {0, 1, -x}}});
}

// The two pixels of an axis between which `at` lies, and how far from the first. False: outside,
// for DN_FILL_CONSTANT.
typedef struct place {
    int low, high;
    float fraction;
} place;

static inline __attribute__((always_inline)) bool locate(double at, int size, dn_fill fill,
                                                         place *p) {
    double last = size - 1;
    if (at < 0 || at > last) {
        switch (fill) {
            case DN_FILL_CONSTANT: return false;
            case DN_FILL_NEAREST: at = at < 0 ? 0 : last; break;
            case DN_FILL_WRAP:  // with period size - 1, as SciPy does
                if (size == 1)
                    at = 0;
                else if (at < 0)
                    at += last * (double)((int64_t)(-at / last) + 1);
                else
                    at -= last * (double)(int64_t)(at / last);
                break;
            case DN_FILL_REFLECT:  // d c b a | a b c d | d c b a
                at -= 2.0 * size * floor(at / (2.0 * size));
                if (at > size - 0.5) at = 2.0 * size - 1 - at;
                // Between a and its image the value is a's.
                at = at < 0 ? 0 : at > last ? last : at;
                break;
        }
    }
    p->low = (int)at;
    p->high = p->low + (p->low < size - 1);
    p->fraction = (float)(at - p->low);
    return true;
}

typedef struct warp {
    affine t;
    dn_fill fill;
    float constant;
    const float *src;
    int height, width, channels;
    bool flip_horizontal, flip_vertical;
} warp;

static inline __attribute__((always_inline)) void warp_pixel(const warp *w, dn_fill fill, int y,
                                                             int x, float *out) {
    const double(*m)[3] = w->t.m;
    place row, column;
    if (!locate(m[0][2] + m[0][0] * y + m[0][1] * x, w->height, fill, &row) ||
        !locate(m[1][2] + m[1][0] * y + m[1][1] * x, w->width, fill, &column)) {
        for (int c = 0; c < w->channels; c++) out[c] = w->constant;
        return;
    }
    size_t channels = (size_t)w->channels, stride = (size_t)w->width * channels;
    const float *upper = w->src + (size_t)row.low * stride;
    const float *lower = w->src + (size_t)row.high * stride;
    size_t left = (size_t)column.low * channels, right = (size_t)column.high * channels;
    for (size_t c = 0; c < channels; c++) {
        float top = upper[left + c] + column.fraction * (upper[right + c] - upper[left + c]);
        float bottom = lower[left + c] + column.fraction * (lower[right + c] - lower[left + c]);
        out[c] = top + row.fraction * (bottom - top);
    }
}

static inline __attribute__((always_inline)) void warp_image(const warp *w, dn_fill fill,
                                                             float *dst) {
    for (int y = 0; y < w->height; y++) {
        int to_y = w->flip_vertical ? w->height - 1 - y : y;
        for (int x = 0; x < w->width; x++) {
            int to_x = w->flip_horizontal ? w->width - 1 - x : x;
            size_t at = (size_t)to_y * (size_t)w->width + (size_t)to_x;
            warp_pixel(w, fill, y, x, dst + at * (size_t)w->channels);
        }
    }
}

// A loop for each fill mode, so that it is not asked for at each pixel.
static void warp_with(const warp *w, float *dst) {
    switch (w->fill) {
        case DN_FILL_NEAREST: warp_image(w, DN_FILL_NEAREST, dst); break;
        case DN_FILL_CONSTANT: warp_image(w, DN_FILL_CONSTANT, dst); break;
        case DN_FILL_REFLECT: warp_image(w, DN_FILL_REFLECT, dst); break;
        case DN_FILL_WRAP: warp_image(w, DN_FILL_WRAP, dst); break;
    }
}

static void flip(const dn_augmentation *a, const float *src, int height, int width, int channels,
                 float *dst) {
    size_t pixel = (size_t)channels, row = (size_t)width * pixel;
    for (int y = 0; y < height; y++) {
        const float *from = src + (size_t)(a->flip_vertical ? height - 1 - y : y) * row;
        float *to = dst + (size_t)y * row;
        if (!a->flip_horizontal) {
            memcpy(to, from, row * sizeof *to);
            continue;
        }
        for (int x = 0; x < width; x++)
            memcpy(to + (size_t)x * pixel, from + (size_t)(width - 1 - x) * pixel,
                   pixel * sizeof *to);
    }
}

// ---- Colour -----------------------------------------------------------------------------------

static void extremes(const float *x, size_t n, float *low, float *high) {
    *low = *high = x[0];
    for (size_t i = 1; i < n; i++) {
        *low = x[i] < *low ? x[i] : *low;
        *high = x[i] > *high ? x[i] : *high;
    }
}

static void shift_channels(float *x, size_t n, float by) {
    float low, high;
    extremes(x, n, &low, &high);
    for (size_t i = 0; i < n; i++) {
        float shifted = x[i] + by;
        x[i] = shifted < low ? low : shifted > high ? high : shifted;
    }
}

// The byte that PIL's ImageEnhance.Brightness makes of a byte.
static inline float brighten_byte(float value, float factor) {
    float whole = truncf(value), product = factor * whole;
    return product >= 255 ? 255 : truncf(product);
}

// Keras goes through a PIL image of bytes: values lose their fractions. What does not fit 0..255 is
// stretched over it and back. PIL leaves alpha alone.
static void brighten(float *x, size_t n, int channels, float factor) {
    float low, high;
    extremes(x, n, &low, &high);
    bool stretch = low < 0 || high > 255;
    float range = high - low;
    for (size_t i = 0; i < n; i++) {
        float value = x[i];
        if (stretch) value = range != 0 ? (value - low) / range * 255 : value - low;
        bool alpha = channels == 4 && i % 4 == 3;
        value = alpha ? truncf(value) : brighten_byte(value, factor);
        x[i] = stretch ? value / 255 * range + low : value;
    }
}

// ---- One image --------------------------------------------------------------------------------

void dn_augmentation_apply(const dn_augmentation *a, dn_fill fill, double constant,
                           const float *src, int height, int width, int channels, float *dst) {
    size_t n = (size_t)height * (size_t)width * (size_t)channels;
    if (moves_pixels(a)) {
        warp w = {.t = transform_of(a, height, width),
                  .fill = fill,
                  .constant = (float)constant,
                  .src = src,
                  .height = height,
                  .width = width,
                  .channels = channels,
                  .flip_horizontal = a->flip_horizontal,
                  .flip_vertical = a->flip_vertical};
        warp_with(&w, dst);
    } else {
        flip(a, src, height, width, channels, dst);
    }
    if (a->channel_shift != 0) shift_channels(dst, n, (float)a->channel_shift);
    if (a->brighten) brighten(dst, n, channels, (float)a->brightness);
}

// ---- The dataset ------------------------------------------------------------------------------

typedef struct augment_state {
    dn_augment_options options;
    int field, height, width, channels;
} augment_state;

static dn_status scratch_new(const dn_dataset *d, void **out) {
    const augment_state *state = d->state;
    *out = malloc(dn_node_part_bytes(d, state->field) + 1);
    if (!*out) return dn_fail(DN_MEMORY, "no memory to augment images");
    return DN_SUCCESS;
}

static dn_status produce(const dn_dataset *d, dn_work *work, int64_t index, int64_t part,
                         void *const *out) {
    const augment_state *state = d->state;
    void *inner[DN_MAX_FIELDS];
    memcpy(inner, out, (size_t)d->n_fields * sizeof *inner);
    inner[state->field] = work->scratch[d->depth];
    DN_TRY(dn_node_produce(d->input, work, index, part, inner));
    dn_rng_stream stream = dn_node_stream(d, work->seed, work->epoch);
    int64_t size = (int64_t)state->height * state->width * state->channels;
    int64_t images = dn_node_part_elements(d, state->field) / size;
    for (int64_t i = 0; i < images; i++) {
        uint64_t image = (uint64_t)((index * d->parts + part) * images + i);
        dn_augmentation a =
            dn_augmentation_draw(&state->options, state->height, state->width, &stream, image);
        dn_augmentation_apply(&a, state->options.fill, state->options.constant,
                              (const float *)inner[state->field] + i * size, state->height,
                              state->width, state->channels, (float *)out[state->field] + i * size);
    }
    return DN_SUCCESS;
}

static const dn_node_kind augment_kind = {.name = "augment",
                                          .produce = produce,
                                          .scratch_new = scratch_new,
                                          .scratch_free = free,
                                          .heavy = true};

static dn_status check(const dn_augment_options *o) {
    const struct {
        const char *name;
        double value, most;
    } ranges[] = {{"rotation", o->rotation, 360},
                  {"width_shift", o->width_shift, 1 << 14},
                  {"height_shift", o->height_shift, 1 << 14},
                  {"shear", o->shear, 360},
                  {"channel_shift", o->channel_shift, 1e9}};
    for (size_t i = 0; i < sizeof ranges / sizeof *ranges; i++)
        if (!(ranges[i].value >= 0 && ranges[i].value <= ranges[i].most))
            return dn_fail(DN_INVALID, "augment: %s %g is not from 0 to %g", ranges[i].name,
                           ranges[i].value, ranges[i].most);
    if (!(o->zoom >= 0 && o->zoom < 1))
        return dn_fail(DN_INVALID, "augment: zoom %g is not from 0 to below 1", o->zoom);
    if (!(o->brightness_low >= 0 && o->brightness_low <= o->brightness_high &&
          o->brightness_high <= 1e6))
        return dn_fail(DN_INVALID, "augment: brightness from %g to %g", o->brightness_low,
                       o->brightness_high);
    if (!isfinite(o->constant))
        return dn_fail(DN_INVALID, "augment: the fill value is not a number");
    return DN_SUCCESS;
}

static void hash_options(dn_dataset *d, const dn_augment_options *o) {
    const double numbers[] = {
        o->rotation, o->width_shift,     o->height_shift,   o->shear,
        o->zoom,     o->channel_shift,   o->brightness_low, o->brightness_high,
        o->constant, o->horizontal_flip, o->vertical_flip,  o->fill};
    dn_node_hash(d, numbers, sizeof numbers);
}

dn_status dn_dataset_augment(dn_dataset *dataset, const dn_augment_options *options,
                             dn_dataset **out) {
    augment_state found = {.options = *options};
    DN_TRY(check(options));
    DN_TRY(dn_node_image_shape(dataset, "augment", &found.field, &found.height, &found.width,
                               &found.channels));
    dn_dataset *d = dn_node_new(&augment_kind, dataset, sizeof(augment_state));
    *(augment_state *)d->state = found;
    hash_options(d, options);
    *out = d;
    return DN_SUCCESS;
}
