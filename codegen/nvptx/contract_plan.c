// Contractions as matrix products: from shapes to digits and strides.
#include <string.h>

#include "codegen/nvptx/contract.h"

static int64_t product(const int64_t *sizes, int from, int to) {
    int64_t result = 1;
    for (int i = from; i < to; i++) result *= sizes[i];
    return result;
}

static int64_t gcd(int64_t a, int64_t b) {
    while (b) {
        int64_t rest = a % b;
        a = b;
        b = rest;
    }
    return a;
}

static int64_t floor_rest(int64_t a, int64_t b) {
    int64_t rest = a % b;
    return rest < 0 ? rest + b : rest;
}

static dn_gdigit *add_digit(dn_gdigits *digits, int64_t size, int64_t stride) {
    dn_gdigit *digit = &digits->list[digits->n++];
    *digit = (dn_gdigit){.size = size, .stride = stride, .spatial = -1};
    return digit;
}

// A digit that moves the coordinate of spatial axis s by `step`, and the offset by as many pixels.
static dn_gdigit *add_spatial(dn_gdigits *digits, int64_t size, int s, int64_t step,
                              int64_t pixel) {
    dn_gdigit *digit = add_digit(digits, size, step * pixel);
    digit->spatial = s;
    digit->step = step;
    return digit;
}

static void add_row(dn_gplan *p, int64_t size, int axis) {
    p->rows[p->n_rows++] = (dn_grow){.size = size, .scale = 1, .axis = axis, .spatial = -1};
}

static void add_outer(dn_gplan *p, dn_gouter_kind kind, int axis, int64_t size, int64_t a,
                      int64_t b) {
    p->outer[p->n_outer++] = (dn_gouter){kind, axis, size, a, b};
}

// Elements of one step along spatial axis s of a tensor [sizes.., features].
static int64_t pixel_of(const dn_contract *c, const int64_t *sizes, int64_t features, int s) {
    return product(sizes, s + 1, c->spatial) * features;
}

// ---- products ----

static void plan_dot(const dn_contract *c, dn_gplan *p) {
    for (int i = 0; i < c->batches; i++)
        add_outer(p, DN_G_BATCH, i, c->batch[i], c->a_batch[i], c->b_batch[i]);
    p->m = c->m;
    p->n = c->n;
    p->k = c->k;
    add_row(p, c->m, c->batches);
    add_digit(&p->a.free, c->m, c->a_m);
    add_digit(&p->a.k, c->k, c->a_k);
    add_digit(&p->b.k, c->k, c->b_k);
    add_digit(&p->b.free, c->n, c->b_n);
}

// ---- convolutions ----

// A is x, whose coordinate is out * stride + tap * dilation - lo.
static void bound_x(const dn_contract *c, dn_gplan *p) {
    for (int s = 0; s < c->spatial; s++) {
        p->a.bounded[s] = true;
        p->a.origin[s] = -c->lo[s];
        p->a.limit[s] = c->image[s];
        p->a.offset -= c->lo[s] * pixel_of(c, c->image, c->channels, s);
    }
}

static void add_taps(const dn_contract *c, dn_gdigits *to) {
    for (int s = 0; s < c->spatial; s++)
        add_spatial(to, c->kernel[s], s, c->dilation[s], pixel_of(c, c->image, c->channels, s));
}

static void add_pixels(const dn_contract *c, dn_gdigits *to) {
    add_digit(to, c->images, product(c->image, 0, c->spatial) * c->channels);
    for (int s = 0; s < c->spatial; s++)
        add_spatial(to, c->out[s], s, c->stride[s], pixel_of(c, c->image, c->channels, s));
}

static void plan_conv(const dn_contract *c, dn_gplan *p) {
    int64_t channels = c->channels / c->groups, filters = c->filters / c->groups;
    add_outer(p, DN_G_GROUP, 0, c->groups, channels, filters);
    p->m = c->images * product(c->out, 0, c->spatial);
    p->n = filters;
    p->k = product(c->kernel, 0, c->spatial) * channels;
    bound_x(c, p);
    add_row(p, c->images, 0);
    for (int s = 0; s < c->spatial; s++) add_row(p, c->out[s], 1 + s);
    add_pixels(c, &p->a.free);
    add_taps(c, &p->a.k);
    add_digit(&p->a.k, channels, 1);
    add_digit(&p->b.k, p->k, c->filters);
    add_digit(&p->b.free, filters, 1);
}

static void plan_conv_weight(const dn_contract *c, dn_gplan *p) {
    int64_t channels = c->channels / c->groups, filters = c->filters / c->groups;
    add_outer(p, DN_G_GROUP, 0, c->groups, channels, filters);
    p->m = product(c->kernel, 0, c->spatial) * channels;
    p->n = filters;
    p->k = c->images * product(c->out, 0, c->spatial);
    bound_x(c, p);
    for (int s = 0; s < c->spatial; s++) add_row(p, c->kernel[s], s);
    add_row(p, channels, c->spatial);
    add_taps(c, &p->a.free);
    add_digit(&p->a.free, channels, 1);
    add_pixels(c, &p->a.k);
    add_digit(&p->b.k, p->k, c->filters);
    add_digit(&p->b.free, filters, 1);
}

// ---- CONV_INPUT ----

dn_gphase dn_gemm_phase(const dn_contract *c, int s, int64_t pixel) {
    int64_t common = gcd(c->stride[s], c->dilation[s]);
    int64_t apart = c->stride[s] / common, by = c->dilation[s] / common;
    int64_t place = pixel + c->lo[s];
    if (floor_rest(place, common)) return (dn_gphase){0};  // between those that taps reach
    int64_t shared = (place - floor_rest(place, common)) / common, tap = 0;
    while (floor_rest(shared - tap * by, apart)) tap++;
    if (tap >= c->kernel[s]) return (dn_gphase){0};
    return (dn_gphase){.taps = dn_gemm_ceil(c->kernel[s] - tap, apart),
                       .tap = tap,
                       .out = (shared - tap * by) / apart};
}

// Taps of spatial axis s: those of a phase are `apart` apart, and while the tap goes up the pixel
// of y goes down.
static void add_phase_taps(const dn_contract *c, dn_gplan *p, int s) {
    int64_t channels = c->channels / c->groups;
    int64_t common = gcd(c->stride[s], c->dilation[s]);
    int64_t apart = c->stride[s] / common, by = c->dilation[s] / common;
    int64_t phases = c->stride[s] < c->image[s] ? c->stride[s] : c->image[s];
    int64_t tap = pixel_of(c, c->kernel, channels * c->filters, s), most = 0, least = INT64_MAX;
    for (int64_t pixel = 0; pixel < phases; pixel++) {
        int64_t taps = dn_gemm_phase(c, s, pixel).taps;
        if (taps > most) most = taps;
        if (taps < least) least = taps;
    }
    add_outer(p, DN_G_PHASE, s, phases, 0, 0);
    dn_gdigit *a = add_spatial(&p->a.k, most, s, -by, pixel_of(c, c->out, c->filters, s));
    dn_gdigit *b = add_digit(&p->b.k, most, apart * tap);
    a->phased = b->phased = least != most;
    a->axis = b->axis = s;
    p->phased |= a->phased;
    p->k *= most;
    p->a.phase_offset[s] = pixel_of(c, c->out, c->filters, s);
    p->b.phase_offset[s] = tap;
    p->a.bounded[s] = true;
    p->a.limit[s] = c->out[s];
}

static void plan_conv_input(const dn_contract *c, dn_gplan *p) {
    int64_t channels = c->channels / c->groups, filters = c->filters / c->groups;
    add_outer(p, DN_G_GROUP, 0, c->groups, filters, filters);
    p->m = c->images;
    p->n = channels;
    p->k = filters;
    add_row(p, c->images, 0);
    add_digit(&p->a.free, c->images, product(c->out, 0, c->spatial) * c->filters);
    for (int s = 0; s < c->spatial; s++) {
        int64_t pixels = dn_gemm_ceil(c->image[s], c->stride[s]);
        p->m *= pixels;
        p->rows[p->n_rows++] =
            (dn_grow){.size = pixels, .scale = c->stride[s], .axis = 1 + s, .spatial = s};
        add_spatial(&p->a.free, pixels, s, 1, pixel_of(c, c->out, c->filters, s));
        add_phase_taps(c, p, s);
    }
    add_digit(&p->a.k, filters, 1);
    add_digit(&p->b.k, filters, 1);
    add_digit(&p->b.free, channels, c->filters);
}

// ---- the whole ----

static double reach_of(const dn_goperand *operand) {
    double reach = (double)(operand->offset < 0 ? -operand->offset : operand->offset);
    const dn_gdigits *both[] = {&operand->free, &operand->k};
    for (int i = 0; i < 2; i++)
        for (int d = 0; d < both[i]->n; d++) {
            double stride = (double)both[i]->list[d].stride;
            reach += (stride < 0 ? -stride : stride) * (double)both[i]->list[d].size;
        }
    return reach;
}

static double outer_reach(const dn_gplan *p) {
    double reach = 0;
    for (int i = 0; i < p->n_outer; i++) {
        double a = (double)p->outer[i].a, b = (double)p->outer[i].b;
        if (a < 0) a = -a;
        if (b < 0) b = -b;
        reach += (a > b ? a : b) * (double)p->outer[i].size;
    }
    return reach;
}

static dn_status check_sizes(const dn_kernel *kernel, const dn_gplan *p) {
    int64_t most = INT32_MAX / 2;
    if (p->m <= most && p->n <= most && p->k <= most && p->blocks <= INT32_MAX) return DN_SUCCESS;
    return dn_fail(DN_UNSUPPORTED,
                   "%s is too large for CUDA: %lld rows, %lld columns, %lld steps, %lld blocks",
                   kernel->name, (long long)p->m, (long long)p->n, (long long)p->k,
                   (long long)p->blocks);
}

// The parts of a sum are the outermost axis.
static void plan_parts(const dn_contract *c, dn_gplan *p) {
    if (!c->parts) return;
    for (int i = 0; i < p->n_rows; i++) p->rows[i].axis++;
    for (int i = 0; i < p->n_outer; i++)
        if (p->outer[i].kind == DN_G_BATCH) p->outer[i].axis++;
    add_outer(p, DN_G_PART, 0, c->parts, 0, 0);
}

void dn_gemm_lay_out(const dn_contract *c, const dn_nvptx *target, dn_gplan *p) {
    DN_ASSERT(!c->packed && !c->n_limits, "a packed operand, or limits, on CUDA");
    *p = (dn_gplan){.contract = c, .target = target, .b = {.arg = 1}};
    switch (c->op) {
        case DN_OP_DOT: plan_dot(c, p); break;
        case DN_OP_CONV: plan_conv(c, p); break;
        case DN_OP_CONV_INPUT: plan_conv_input(c, p); break;
        default: plan_conv_weight(c, p); break;
    }
    plan_parts(c, p);
    DN_ASSERT(c->narrow[0] == c->narrow[1], "one operand of bf16 on CUDA");
    p->memory = dn_operand_dtype(c, 0);
    if (c->dtype == DN_F32 && target->units != DN_MATRIX_F32) {
        bool bf16 = target->units == DN_MATRIX_BF16 || p->memory == DN_BF16;
        p->unit = bf16 ? DN_G_BF16 : DN_G_TF32;
    }
    int size = (int)dn_dtype_size(c->dtype);
    p->element = p->unit == DN_G_BF16 ? 2 : size < 4 ? 4 : size;
    dn_gemm_simplify(p, &p->a);
    dn_gemm_simplify(p, &p->b);
    p->wide = reach_of(&p->a) + reach_of(&p->b) + outer_reach(p) > INT32_MAX / 2;
    dn_gemm_shape(p);
}

dn_status dn_gemm_plan(const dn_kernel *kernel, const dn_nvptx *target, dn_gplan *p) {
    dn_gemm_lay_out(&kernel->contract, target, p);
    return check_sizes(kernel, p);
}
