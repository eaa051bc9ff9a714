// How a convolution is done by Winograd's algorithm: sizes, and what it costs.
#include <string.h>

#include "codegen/kernel/winograd_parts.h"

static int64_t ceil_div(int64_t a, int64_t b) { return (a + b - 1) / b; }

static int64_t floor_div(int64_t a, int64_t b) { return a >= 0 ? a / b : -ceil_div(-a, b); }

// ---- axes ----

static void cut(dn_wino_axis *x, int64_t results) {
    x->tiles = ceil_div(results, x->tile);
    x->full = results / x->tile;
    x->extent = x->in_phases * (x->tile * x->tiles + x->taps - 1) + x->shifts - 1;
}

// CONV and CONV_WEIGHT: patches of the image.
static void plan_image(const dn_contract *c, int d, dn_wino_axis *x) {
    x->in_phases = c->stride[d];
    x->out_phases = x->shifts = 1;
    x->size = c->image[d];
    x->out = c->out[d];
    x->before = c->lo[d] + x->missing;
    cut(x, x->out);
}

// CONV_INPUT: patches of y. Result q of phase p is pixel q * stride + p of the image, to which y at
// q + floor((p + lo) / stride) and the taps - 1 before it contribute. The patches of one phase do
// for the others, if those lack a tap.
static void plan_input(const dn_contract *c, int d, dn_wino_axis *x) {
    int64_t first = floor_div(c->lo[d], c->stride[d]);
    int64_t last = floor_div(c->lo[d] + c->stride[d] - 1, c->stride[d]);
    if (x->missing) first = last;
    x->in_phases = 1;
    x->out_phases = c->stride[d];
    x->shifts = last - first + 1;
    x->newest = last;
    x->size = c->out[d];
    x->out = c->image[d];
    x->before = x->taps - 1 - first;
    cut(x, ceil_div(x->out, x->out_phases));
}

static bool plan_axis(const dn_contract *c, int d, int points, dn_wino_axis *x) {
    *x = (dn_wino_axis){
        .points = points, .kernel = c->kernel[d], .stride = c->stride[d], .lo = c->lo[d]};
    x->taps = (int)ceil_div(c->kernel[d], c->stride[d]);
    x->missing = x->taps * c->stride[d] - c->kernel[d];
    x->tile = points - x->taps + 1;
    bool can = points >= 3 && points <= DN_MOST_POINTS && c->stride[d] <= 2 &&
               c->dilation[d] == 1 && c->kernel[d] > c->stride[d] && x->tile >= 2;
    if (!can) return false;
    if (c->op == DN_OP_CONV_INPUT)
        plan_input(c, d, x);
    else
        plan_image(c, d, x);
    dn_winograd_matrices(x);
    return true;
}

// ---- the whole ----

// Elements that one image makes of what is between its kernels.
static int64_t patch_elements(const dn_winograd *p) {
    return p->tiles * p->points * p->shifts * p->in_phases * p->k;
}

static int64_t product_elements(const dn_winograd *p) {
    return p->tiles * p->points * p->out_phases * p->n;
}

static int64_t weight_elements(const dn_winograd *p) {
    return p->points * p->in_phases * p->out_phases * p->k * p->n;
}

enum { SLICE = 64 };  // columns: a multiple of the width of panels

// Columns whose weights fit.
static void choose_slice(dn_winograd *p, int64_t cache_bytes) {
    int64_t bytes = weight_elements(p) * (int64_t)dn_dtype_size(p->contract.dtype);
    p->slice = p->n;
    if (p->chunk < p->images || p->n % SLICE) return;
    for (int64_t parts = 1; parts <= p->n / SLICE; parts++) {
        if (p->n / SLICE % parts) continue;
        p->slice = p->n / parts;
        if (bytes / parts <= cache_bytes * 3 / 2) return;
    }
}

// As many images as fit, or as are worth reading the weights once more for; equally many each time
// where that goes.
static void choose_chunk(dn_winograd *p, int64_t cache_bytes) {
    int64_t size = (int64_t)dn_dtype_size(p->contract.dtype),
            most = weight_elements(p) * size * 3 / 2;
    int64_t bytes = p->images * (patch_elements(p) + product_elements(p)) * size;
    if (most < cache_bytes) most = cache_bytes;
    int64_t wanted = ceil_div(bytes, most), chunks = wanted;
    while (chunks < 2 * wanted && p->images % chunks) chunks++;
    if (p->images % chunks) chunks = wanted;
    p->chunk = ceil_div(p->images, chunks);
}

bool dn_winograd_plan(const dn_contract *c, const dn_winograd_choice *choice, dn_winograd *p) {
    *p = (dn_winograd){.contract = *c, .images = c->images};
    if (c->op == DN_OP_DOT || c->spatial != 2 || c->groups != 1 ||
        (c->dtype != DN_F32 && c->dtype != DN_F64))
        return false;
    for (int d = 0; d < 2; d++)
        if (!plan_axis(c, d, choice->points[d], &p->axis[d])) return false;
    const dn_wino_axis *y = &p->axis[0], *x = &p->axis[1];
    p->tiles = y->tiles * x->tiles;
    p->points = (int64_t)y->points * x->points;
    p->in_phases = y->in_phases * x->in_phases;
    p->out_phases = y->out_phases * x->out_phases;
    p->shifts = y->shifts * x->shifts;
    p->k = c->op == DN_OP_CONV_INPUT ? c->filters : c->channels;
    p->n = c->op == DN_OP_CONV_INPUT ? c->channels : c->filters;
    if (p->tiles * p->images * p->k * p->n == 0) return false;
    choose_chunk(p, choice->cache_bytes);
    choose_slice(p, choice->cache_bytes);
    return true;
}

void dn_winograd_cost(const dn_winograd *p, double *multiply_adds, double *bytes) {
    double size = (double)dn_dtype_size(p->contract.dtype);
    dn_contract product;
    dn_wino_product(p, p->images, p->n, &product);
    double weights = (double)(p->points * p->in_phases * p->out_phases * p->k * p->n);
    double chunks = (double)ceil_div(p->images, p->chunk);
    *multiply_adds = dn_dot_multiply_adds(&product);
    // Patches and products are written and read; weights are read for each chunk.
    *bytes = 2 * size * (double)p->images * (double)(patch_elements(p) + product_elements(p));
    *bytes += size * weights * (1 + chunks);
}

bool dn_winograd_has_weights(const dn_winograd *p) {
    return p->contract.op != DN_OP_CONV_WEIGHT && p->slice == p->n;
}

bool dn_winograd_same_weights(const dn_winograd *a, const dn_winograd *b) {
    bool same = a->contract.op == b->contract.op && a->k == b->k && a->n == b->n;
    for (int d = 0; d < 2; d++) {
        const dn_wino_axis *x = &a->axis[d], *y = &b->axis[d];
        same = same && x->points == y->points && x->kernel == y->kernel && x->stride == y->stride &&
               (a->contract.op == DN_OP_CONV || x->lo == y->lo);
    }
    return same;
}
