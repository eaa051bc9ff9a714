#include "runtime/image/plot.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { ROWS = 12, LABEL = 9, WIDEST = 100, NARROWEST = 10, BAR_ROWS = 20 };

// ---- the range of the values -----------------------------------------------------------------

typedef struct range {
    double low, high;
    int64_t longest;
} range;

static range range_of(const dn_curve *curves, int n) {
    range r = {INFINITY, -INFINITY, 0};
    for (int k = 0; k < n; k++) {
        if (curves[k].count > r.longest) r.longest = curves[k].count;
        for (int64_t i = 0; i < curves[k].count; i++) {
            if (!isfinite(curves[k].values[i])) continue;
            r.low = fmin(r.low, curves[k].values[i]);
            r.high = fmax(r.high, curves[k].values[i]);
        }
    }
    if (r.low > r.high) r.low = r.high = 0;
    if (r.low == r.high) {
        double around = r.low == 0 ? 1 : fabs(r.low) / 2;
        r.low -= around;
        r.high += around;
    }
    return r;
}

// ---- dots ------------------------------------------------------------------------------------

// Points of `width` x `height`; dot[i] is the number of the curve there plus 1.
typedef struct dots {
    int width, height;
    uint8_t *dot;
} dots;

static void set(dots *d, int x, int y, int curve) {
    if (x < 0 || y < 0 || x >= d->width || y >= d->height) return;
    d->dot[(size_t)y * (size_t)d->width + (size_t)x] = (uint8_t)(curve + 1);
}

static void draw_line(dots *d, int x0, int y0, int x1, int y1, int curve) {
    int steps = abs(x1 - x0) > abs(y1 - y0) ? abs(x1 - x0) : abs(y1 - y0);
    for (int i = 0; i <= steps; i++)
        set(d, steps ? x0 + (x1 - x0) * i / steps : x0, steps ? y0 + (y1 - y0) * i / steps : y0,
            curve);
}

static void draw_curve(dots *d, const dn_curve *curve, const range *r, int number) {
    int last_x = -1, last_y = -1;
    for (int64_t i = 0; i < curve->count; i++) {
        double value = curve->values[i];
        if (!isfinite(value)) {
            last_x = -1;
            continue;
        }
        double along = r->longest > 1 ? (double)i / (double)(r->longest - 1) : 0;
        int x = (int)lround(along * (d->width - 1));
        int y = (int)lround((r->high - value) / (r->high - r->low) * (d->height - 1));
        if (last_x >= 0)
            draw_line(d, last_x, last_y, x, y, number);
        else
            set(d, x, y, number);
        last_x = x;
        last_y = y;
    }
}

// ---- as text ---------------------------------------------------------------------------------

static const int colours[DN_MOST_CURVES] = {36, 33, 35, 32, 31, 34};

static void begin_colour(const dn_screen *screen, int curve, dn_str *out) {
    if (screen->colours) dn_str_printf(out, "\033[%dm", colours[curve]);
}

static void end_colour(const dn_screen *screen, dn_str *out) {
    if (screen->colours) dn_str_puts(out, "\033[0m");
}

// The dots of one character: 2 x 4 in Braille's order, else 1 x 2.
static void put_cell(const dn_screen *screen, const dots *d, int column, int row, dn_str *out) {
    static const int bits[4][2] = {{1, 8}, {2, 16}, {4, 32}, {64, 128}};
    int wide = screen->utf8 ? 2 : 1, high = screen->utf8 ? 4 : 2, pattern = 0, curve = 0;
    for (int y = 0; y < high; y++)
        for (int x = 0; x < wide; x++) {
            int dot =
                d->dot[(size_t)(row * high + y) * (size_t)d->width + (size_t)(column * wide + x)];
            if (!dot) continue;
            pattern |= bits[y][x];
            curve = dot - 1;
        }
    if (!pattern) {
        dn_str_puts(out, " ");
        return;
    }
    begin_colour(screen, curve, out);
    if (screen->utf8)  // U+2800 and the pattern
        dn_str_printf(out, "\342%c%c", 0xA0 | pattern >> 6, 0x80 | (pattern & 63));
    else
        dn_str_puts(out, pattern == 1 ? "'" : pattern == 2 ? "." : ":");
    end_colour(screen, out);
}

static void put_label(int row, const range *r, dn_str *out) {
    double value = r->high - (r->high - r->low) * row / (ROWS - 1);
    if (row == 0 || row == ROWS - 1 || row == ROWS / 2)
        dn_str_printf(out, "%*.4g |", LABEL, value);
    else
        dn_str_printf(out, "%*s |", LABEL, "");
}

static void put_legend(const dn_screen *screen, const dn_curve *curves, int n, dn_str *out) {
    for (int k = 0; k < n; k++) {
        if (!*curves[k].name) continue;
        dn_str_puts(out, k ? "  " : "           ");
        begin_colour(screen, k, out);
        dn_str_printf(out, "%s", curves[k].name);
        end_colour(screen, out);
    }
    if (n && *curves[0].name) dn_str_puts(out, "\n");
}

static int plot_columns(const dn_screen *screen) {
    int columns = screen->columns - LABEL - 3;
    return columns > WIDEST ? WIDEST : columns < NARROWEST ? NARROWEST : columns;
}

void dn_plot_text(const dn_screen *screen, const dn_curve *curves, int n, dn_str *out) {
    int columns = plot_columns(screen);
    range r = range_of(curves, n);
    dots d = {.width = columns * (screen->utf8 ? 2 : 1), .height = ROWS * (screen->utf8 ? 4 : 2)};
    d.dot = dn_xcalloc((size_t)d.width * (size_t)d.height, 1);
    for (int k = 0; k < n; k++) draw_curve(&d, &curves[k], &r, k);
    for (int row = 0; row < ROWS; row++) {
        size_t end;
        put_label(row, &r, out);
        end = out->length;
        for (int column = 0; column < columns; column++) {
            put_cell(screen, &d, column, row, out);
            if (out->text[out->length - 1] != ' ') end = out->length;
        }
        out->length = end;  // without spaces at the end
        out->text[end] = 0;
        dn_str_puts(out, "\n");
    }
    dn_str_printf(out, "%*s +", LABEL, "");
    for (int i = 0; i < columns; i++) dn_str_puts(out, "-");
    dn_str_printf(out, "\n%*s 1%*lld\n", LABEL + 1, "", columns - 1, (long long)r.longest);
    put_legend(screen, curves, n, out);
    free(d.dot);
}

// ---- histograms ------------------------------------------------------------------------------

dn_histogram dn_histogram_of(const double *values, int64_t count, int bins) {
    dn_histogram h = {.low = INFINITY, .high = -INFINITY};
    for (int64_t i = 0; i < count; i++) {
        if (!isfinite(values[i])) {
            h.left_out++;
            continue;
        }
        h.low = fmin(h.low, values[i]);
        h.high = fmax(h.high, values[i]);
    }
    if (h.low > h.high) h.low = h.high = 0;
    h.n = bins > 0 ? bins : BAR_ROWS;
    if (h.low == h.high) h.n = 1;
    h.counts = dn_xcalloc((size_t)h.n, sizeof *h.counts);
    for (int64_t i = 0; i < count; i++) {
        if (!isfinite(values[i])) continue;
        double along = h.n == 1 ? 0 : (values[i] - h.low) / (h.high - h.low);
        int bin = (int)(along * h.n);
        h.counts[bin < h.n ? bin : h.n - 1]++;
    }
    return h;
}

static int64_t most_of(const dn_histogram *h) {
    int64_t most = 1;
    for (int i = 0; i < h->n; i++)
        if (h->counts[i] > most) most = h->counts[i];
    return most;
}

void dn_histogram_text(const dn_screen *screen, const dn_histogram *h, dn_str *out) {
    static const char *const eighths[] = {"",
                                          "\342\226\217",
                                          "\342\226\216",
                                          "\342\226\215",
                                          "\342\226\214",
                                          "\342\226\213",
                                          "\342\226\212",
                                          "\342\226\211"};
    int columns = plot_columns(screen) - LABEL;
    int64_t most = most_of(h);
    for (int i = 0; i < h->n; i++) {
        double begins = h->low + (h->high - h->low) * i / h->n;
        int64_t length = h->counts[i] * 8 * (columns > 1 ? columns : 1) / most;
        dn_str_printf(out, "%*.4g |", LABEL, begins);
        begin_colour(screen, 0, out);
        for (int64_t k = 0; k < length / 8; k++)
            dn_str_puts(out, screen->utf8 ? "\342\226\210" : "#");
        if (screen->utf8) dn_str_puts(out, eighths[length % 8]);
        end_colour(screen, out);
        dn_str_printf(out, " %lld\n", (long long)h->counts[i]);
    }
    dn_str_printf(out, "%*.4g |", LABEL, h->high);
    if (h->left_out) dn_str_printf(out, " %lld nan or inf left out", (long long)h->left_out);
    dn_str_puts(out, "\n");
}
