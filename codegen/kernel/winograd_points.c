// The matrices of Winograd's algorithm (Toom and Cook's, by its other name).
#include "codegen/kernel/winograd.h"

// Small errors in f32 (measured against others: -1, 1/2 and -2), and few digits.
static const double at[DN_MOST_POINTS - 1] = {0, 1, -1, 2, -0.5};

// Coefficients of the product of (x - at[j]) over the first n points but `except` (-1: all).
static void product_without(int n, int except, double *coefficients) {
    int degree = 0;
    coefficients[0] = 1;
    for (int j = 0; j < n; j++) {
        if (j == except) continue;
        coefficients[degree + 1] = 0;
        for (int k = ++degree; k >= 0; k--)
            coefficients[k] = (k ? coefficients[k - 1] : 0) - at[j] * coefficients[k];
    }
}

static double power(double x, int n) { return n ? x * power(x, n - 1) : 1; }

// The last point is infinity: the highest coefficient.
void dn_winograd_matrices(dn_wino_axis *x) {
    int last = x->points - 1;
    for (int p = 0; p < last; p++) {
        double scale = 1;
        for (int j = 0; j < last; j++)
            if (j != p) scale *= at[p] - at[j];
        for (int i = 0; i < x->tile; i++) x->a[i][p] = power(at[p], i);
        for (int k = 0; k < x->taps; k++) x->g[p][k] = power(at[p], k) / scale;
        product_without(last, p, x->b[p]);
    }
    x->a[x->tile - 1][last] = 1;
    x->g[last][x->taps - 1] = 1;
    product_without(last, -1, x->b[last]);
}
