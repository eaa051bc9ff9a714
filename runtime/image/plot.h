// Curves and histograms: as characters, and as images.
#ifndef DN_RUNTIME_PLOT_H
#define DN_RUNTIME_PLOT_H

#include "runtime/base/memory.h"
#include "runtime/image/screen.h"

enum { DN_MOST_CURVES = 6 };

typedef struct dn_curve {
    const char *name;  // "" for the only one
    const double *values;
    int64_t count;
} dn_curve;

typedef struct dn_histogram {
    double low, high;
    int64_t *counts;
    int n;
    int64_t left_out;  // NaN and infinities
} dn_histogram;

// Curves over 1, 2, 3, ...; values that are not finite are left out. Lines of text for a screen of
// this width, with Braille dots where it has UTF-8.
void dn_plot_text(const dn_screen *screen, const dn_curve *curves, int n, dn_str *out);
dn_status dn_plot_image(const dn_curve *curves, int n, dn_image *out) DN_MUST_USE;

dn_histogram dn_histogram_of(const double *values, int64_t count, int bins);
void dn_histogram_text(const dn_screen *screen, const dn_histogram *histogram, dn_str *out);
dn_status dn_histogram_image(const dn_histogram *histogram, dn_image *out) DN_MUST_USE;

#endif
