// Plots as images: curves and bars on white, with numbers at the axes.
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "runtime/image/plot.h"

enum { WIDTH = 640, HEIGHT = 400, LEFT = 64, RIGHT = 16, TOP = 16, BOTTOM = 32, ZOOM = 2 };

typedef struct canvas {
    dn_image *image;
    double low, high;
} canvas;

static const uint8_t curve_colours[DN_MOST_CURVES][3] = {
    {31, 119, 180}, {255, 127, 14}, {148, 103, 189}, {44, 160, 44}, {214, 39, 40}, {23, 190, 207}};
static const uint8_t black[3] = {40, 40, 40}, grey[3] = {220, 220, 220};

static dn_status blank(dn_image *out) {
    size_t size = (size_t)WIDTH * HEIGHT * 3;
    *out = (dn_image){.height = HEIGHT, .width = WIDTH, .channels = 3, .capacity = size};
    out->pixels = malloc(size);
    if (!out->pixels) return dn_fail(DN_MEMORY, "no memory for a plot");
    memset(out->pixels, 255, size);
    return DN_SUCCESS;
}

static void fill(dn_image *image, int x, int y, int width, int height, const uint8_t colour[3]) {
    for (int row = y < 0 ? 0 : y; row < y + height && row < image->height; row++)
        for (int column = x < 0 ? 0 : x; column < x + width && column < image->width; column++)
            memcpy(image->pixels + ((size_t)row * WIDTH + (size_t)column) * 3, colour, 3);
}

// ---- digits ----------------------------------------------------------------------------------

// 3 x 5 points a character; each row is an octal digit, from the top.
static int glyph_of(char c) {
    static const char characters[] = "0123456789.-e+naif";
    static const int glyphs[] = {075557, 026227, 071747, 071717, 055711, 074717,
                                 074757, 071122, 075757, 075717, 000002, 000700,
                                 003747, 002720, 006555, 003557, 020222, 034644};
    const char *at = c ? strchr(characters, c) : NULL;
    return at ? glyphs[at - characters] : 0;
}

static void write_text(dn_image *image, int x, int y, const char *text) {
    for (; *text; text++, x += 4 * ZOOM) {
        int glyph = glyph_of(*text);
        for (int row = 0; row < 5; row++)
            for (int column = 0; column < 3; column++)
                if (glyph >> (3 * (4 - row) + 2 - column) & 1)
                    fill(image, x + column * ZOOM, y + row * ZOOM, ZOOM, ZOOM, black);
    }
}

static void write_number(dn_image *image, int right, int y, double value) {
    char text[32];
    snprintf(text, sizeof text, "%.4g", value);
    write_text(image, right - (int)strlen(text) * 4 * ZOOM, y, text);
}

// ---- axes ------------------------------------------------------------------------------------

static int plot_y(const canvas *c, double value) {
    return TOP + (int)lround((c->high - value) / (c->high - c->low) * (HEIGHT - TOP - BOTTOM));
}

static void draw_axes(const canvas *c, double first, double last) {
    for (int i = 0; i <= 4; i++) {
        double value = c->low + (c->high - c->low) * i / 4;
        int y = plot_y(c, value);
        fill(c->image, LEFT, y, WIDTH - LEFT - RIGHT, 1, grey);
        write_number(c->image, LEFT - 6, y - 5, value);
    }
    fill(c->image, LEFT, TOP, 1, HEIGHT - TOP - BOTTOM, black);
    fill(c->image, LEFT, HEIGHT - BOTTOM, WIDTH - LEFT - RIGHT, 1, black);
    char text[32];
    snprintf(text, sizeof text, "%.4g", first);
    write_text(c->image, LEFT, HEIGHT - BOTTOM + 8, text);
    write_number(c->image, WIDTH - RIGHT, HEIGHT - BOTTOM + 8, last);
}

// ---- curves ----------------------------------------------------------------------------------

static void draw_line(dn_image *image, int x0, int y0, int x1, int y1, const uint8_t colour[3]) {
    int steps = abs(x1 - x0) > abs(y1 - y0) ? abs(x1 - x0) : abs(y1 - y0);
    for (int i = 0; i <= steps; i++)
        fill(image, steps ? x0 + (x1 - x0) * i / steps : x0,
             steps ? y0 + (y1 - y0) * i / steps : y0, 2, 2, colour);
}

static void draw_curve(const canvas *c, const dn_curve *curve, int64_t longest, int number) {
    int last_x = -1, last_y = -1;
    for (int64_t i = 0; i < curve->count; i++) {
        if (!isfinite(curve->values[i])) {
            last_x = -1;
            continue;
        }
        double along = longest > 1 ? (double)i / (double)(longest - 1) : 0;
        int x = LEFT + (int)lround(along * (WIDTH - LEFT - RIGHT - 2));
        int y = plot_y(c, curve->values[i]);
        draw_line(c->image, last_x < 0 ? x : last_x, last_x < 0 ? y : last_y, x, y,
                  curve_colours[number]);
        last_x = x;
        last_y = y;
    }
}

dn_status dn_plot_image(const dn_curve *curves, int n, dn_image *out) {
    canvas c = {.image = out, .low = INFINITY, .high = -INFINITY};
    int64_t longest = 0;
    DN_TRY(blank(out));
    for (int k = 0; k < n; k++) {
        if (curves[k].count > longest) longest = curves[k].count;
        for (int64_t i = 0; i < curves[k].count; i++) {
            if (!isfinite(curves[k].values[i])) continue;
            c.low = fmin(c.low, curves[k].values[i]);
            c.high = fmax(c.high, curves[k].values[i]);
        }
    }
    if (c.low > c.high) c.low = c.high = 0;
    if (c.low == c.high) c.high = c.low + 1;
    draw_axes(&c, 1, (double)longest);
    for (int k = 0; k < n; k++) draw_curve(&c, &curves[k], longest, k);
    return DN_SUCCESS;
}

dn_status dn_histogram_image(const dn_histogram *h, dn_image *out) {
    canvas c = {.image = out, .low = 0, .high = 1};
    DN_TRY(blank(out));
    for (int i = 0; i < h->n; i++) c.high = fmax(c.high, (double)h->counts[i]);
    draw_axes(&c, h->low, h->high);
    int room = WIDTH - LEFT - RIGHT;
    for (int i = 0; i < h->n; i++) {
        int x0 = LEFT + room * i / h->n, x1 = LEFT + room * (i + 1) / h->n;
        int y = plot_y(&c, (double)h->counts[i]);
        fill(out, x0 + 1, y, x1 - x0 - 1, HEIGHT - BOTTOM - y, curve_colours[0]);
    }
    return DN_SUCCESS;
}
