// How a contraction is cut up: from its shapes alone.
#include <string.h>

#include "codegen/x86/contract.h"

enum {
    L2_BYTES = 1 << 19,       // what a task may read again and again
    SCRATCH_BYTES = 1 << 16,  // sums of chunks, on the stack
    TASKS = 48,               // enough to share among 16 threads
    ROW_GRANULE = 24,         // divisible by the rows of either instruction set's tile
    SMALL_IMAGES = 8,         // fewer: rows are pixels
};
static const double TASK_WORK = 2e5;  // multiply-adds that are worth a task

static int64_t product(const int64_t *sizes, int from, int to) {
    int64_t result = 1;
    for (int i = from; i < to; i++) result *= sizes[i];
    return result;
}

static bool depthwise(const dn_contract *c) {
    return c->op != DN_OP_DOT && !c->packed && c->groups > 1 && c->channels == c->groups &&
           c->filters == c->groups;
}

static dn_cdim *add_dim(dn_cplan *p, int64_t size, int64_t a, int64_t b, int spatial) {
    dn_cdim *dim = &p->dims[p->n_dims];
    *dim = (dn_cdim){.size = size, .a = a, .b = b, .axis = p->n_dims, .spatial = spatial};
    p->n_dims++;
    return dim;
}

static void add_level(dn_cplan *p, int64_t size, int64_t a, int64_t b, int spatial) {
    p->levels[p->n_levels++] = (dn_clevel){.size = size, .a = a, .b = b, .spatial = spatial};
}

// Columns are packed: panels of `k` steps.
static void set_panels(dn_cplan *p, int64_t width, int64_t k) {
    p->b_lane = 1;
    p->width = width;
    p->panel = k * width;
    p->packed = true;
    p->group_b = dn_ceil_div(p->columns, width) * p->panel;
}

static void set_columns(dn_cplan *p, int64_t groups, int64_t columns, int64_t b_lane) {
    p->lane_axis = p->n_dims;
    p->groups = groups;
    p->columns = columns;
    p->b_lane = b_lane;
    p->width = 2 * dn_x86_lanes(p->dtype);
    p->panel = p->width * b_lane;
}

static void plan_dot(const dn_contract *c, dn_cplan *p) {
    int64_t packed = c->packed ? dn_ceil_div(c->n, c->packed) * c->packed * c->k : 0;
    for (int i = 0; i < c->batches; i++)
        add_dim(p, c->batch[i], c->a_batch[i],
                c->packed ? packed * product(c->batch, i + 1, c->batches) : c->b_batch[i], -1);
    p->row = p->n_dims;
    add_dim(p, c->m, c->a_m, 0, -1);
    set_columns(p, 1, c->n, c->b_n);
    if (c->packed) set_panels(p, c->packed, c->k);
    add_level(p, c->k, c->a_k, c->packed ? c->packed : c->b_k, -1);
}

// Rows are images at one pixel; where there are few images, pixels at the distance at which the
// same taps apply.
static void choose_rows(const dn_contract *c, int64_t pixels, int64_t spacing, dn_cplan *p) {
    if (c->images >= SMALL_IMAGES || c->spatial == 0 || pixels < 2 * spacing) return;
    p->row = c->spatial;
    p->spacing = spacing;
}

static void plan_conv(const dn_contract *c, dn_cplan *p) {
    bool lanes = depthwise(c);
    int64_t channels = c->channels / c->groups, filters = c->filters / c->groups;
    int64_t k = product(c->kernel, 0, c->spatial) * channels;
    int64_t width = c->packed ? c->packed : c->filters;  // from step to step of B
    add_dim(p, c->images, product(c->image, 0, c->spatial) * c->channels, 0, -1);
    for (int s = 0; s < c->spatial; s++) add_dim(p, c->out[s], 0, 0, s);
    set_columns(p, lanes ? 1 : c->groups, lanes ? c->filters : filters, 1);
    p->group_a = channels;
    p->group_b = filters;
    if (c->packed) set_panels(p, c->packed, k);
    for (int s = 0; s < c->spatial; s++)
        add_level(p, c->kernel[s],
                  c->dilation[s] * product(c->image, s + 1, c->spatial) * c->channels,
                  product(c->kernel, s + 1, c->spatial) * channels * width, s);
    if (channels > 1) add_level(p, channels, 1, width, -1);
    p->a_lane = lanes;
    if (c->spatial) choose_rows(c, c->out[c->spatial - 1], 1, p);
}

static int64_t gcd(int64_t a, int64_t b) { return b ? gcd(b, a % b) : a; }

// The taps of one pixel of the image are `stride / gcd` apart, and while the tap goes up the pixel
// of y goes down.
static void plan_conv_input(const dn_contract *c, dn_cplan *p) {
    bool lanes = depthwise(c);
    int64_t channels = c->channels / c->groups, filters = c->filters / c->groups;
    int64_t k = product(c->kernel, 0, c->spatial) * filters;
    add_dim(p, c->images, product(c->out, 0, c->spatial) * c->filters, 0, -1);
    for (int s = 0; s < c->spatial; s++) add_dim(p, c->image[s], 0, 0, s);
    set_columns(p, lanes ? 1 : c->groups, lanes ? c->channels : channels, lanes ? 1 : c->filters);
    p->group_a = filters;
    p->group_b = filters;
    if (c->packed) set_panels(p, c->packed, k);
    int64_t tap = c->packed ? filters * c->packed : channels * c->filters;
    for (int s = 0; s < c->spatial; s++) {
        int64_t common = gcd(c->stride[s], c->dilation[s]);
        add_level(p, dn_ceil_div(c->kernel[s], c->stride[s] / common),
                  -(c->dilation[s] / common) * product(c->out, s + 1, c->spatial) * c->filters,
                  c->stride[s] / common * product(c->kernel, s + 1, c->spatial) * tap, s);
    }
    if (filters > 1) add_level(p, filters, 1, c->packed ? c->packed : 1, -1);
    p->a_lane = lanes;
    if (c->spatial) choose_rows(c, c->image[c->spatial - 1], c->stride[c->spatial - 1], p);
}

static void plan_conv_weight(const dn_contract *c, dn_cplan *p) {
    bool lanes = depthwise(c);
    int64_t channels = c->channels / c->groups, filters = c->filters / c->groups;
    for (int s = 0; s < c->spatial; s++) add_dim(p, c->kernel[s], 0, 0, s);
    add_dim(p, channels, 1, 0, -1);
    p->row = c->spatial;
    set_columns(p, lanes ? 1 : c->groups, lanes ? c->filters : filters, 1);
    p->group_a = channels;
    p->group_b = filters;
    add_level(p, c->images, product(c->image, 0, c->spatial) * c->channels,
              product(c->out, 0, c->spatial) * c->filters, -1);
    for (int s = 0; s < c->spatial; s++)
        add_level(p, c->out[s], c->stride[s] * product(c->image, s + 1, c->spatial) * c->channels,
                  product(c->out, s + 1, c->spatial) * c->filters, s);
    p->a_lane = lanes;
}

// A level of at most one step does not change the order of the sum: it goes outside, so that the
// innermost loop is a long one.
static void order_levels(dn_cplan *p) {
    dn_clevel sorted[DN_C_LEVELS];
    int n = 0;
    for (int l = 0; l < p->n_levels; l++)
        if (p->levels[l].size <= 1) sorted[n++] = p->levels[l];
    int chunked = p->chunked;
    for (int l = 0; l < p->n_levels; l++) {
        if (p->levels[l].size <= 1) continue;
        if (l == chunked) p->chunked = n;
        sorted[n++] = p->levels[l];
    }
    memcpy(p->levels, sorted, sizeof sorted);
}

// ---- blocks ----

static int64_t count_tasks(const dn_cplan *p) {
    int64_t tasks = p->groups * dn_ceil_div(p->columns, p->column_block);
    for (int d = 0; d < p->n_dims; d++) tasks *= dn_ceil_div(p->dims[d].size, p->dims[d].block);
    return tasks;
}

static bool halve(int64_t *block, int64_t granule) {
    int64_t half = dn_ceil_div(dn_ceil_div(*block, 2), granule) * granule;
    if (half >= *block) return false;
    *block = half;
    return true;
}

static bool halve_dim(dn_cplan *p, int d) {
    bool rows = d == p->row;
    return halve(&p->dims[d].block, rows ? ROW_GRANULE * p->spacing : 1);
}

static double block_terms(const dn_cplan *p) {
    double terms = (double)p->column_block;
    for (int d = 0; d < p->n_dims; d++) terms *= (double)p->dims[d].block;
    for (int l = 0; l < p->n_levels; l++) terms *= (double)p->levels[l].size;
    return terms;
}

// Elements of A that one block reads, roughly: those of the whole, in proportion.
static double block_bytes(const dn_cplan *p) {
    const dn_contract *c = p->contract;
    double elements = c->op == DN_OP_DOT          ? (double)c->k
                      : c->op == DN_OP_CONV       ? (double)product(c->image, 0, c->spatial)
                      : c->op == DN_OP_CONV_INPUT ? (double)product(c->out, 0, c->spatial)
                                                  : 0;
    if (c->op == DN_OP_CONV) elements *= (double)c->channels;
    if (c->op == DN_OP_CONV_INPUT) elements *= (double)c->filters;
    for (int d = 0; d < p->n_dims; d++)
        if (p->dims[d].spatial >= 0)
            elements *= (double)p->dims[d].block / (double)p->dims[d].size;
        else
            elements *= (double)p->dims[d].block;
    return elements * (double)dn_dtype_size(p->dtype);
}

static bool split_more(dn_cplan *p) {
    if (p->contract->op == DN_OP_CONV_WEIGHT) {
        for (int d = 0; d < p->n_dims; d++)
            if (halve_dim(p, d)) return true;
        return halve(&p->column_block, p->width);
    }
    for (int d = 0; d < p->n_dims; d++)
        if (d != p->row && halve_dim(p, d)) return true;
    return halve_dim(p, p->row) || halve(&p->column_block, p->width);
}

// Smaller blocks until A's share stays in the second-level cache and there are tasks enough.
static void set_blocks(dn_cplan *p) {
    p->column_block = p->columns > 0 ? p->columns : 1;
    for (int d = 0; d < p->n_dims; d++)
        p->dims[d].block = p->dims[d].size > 0 ? p->dims[d].size : 1;
    while (block_bytes(p) > L2_BYTES && (halve_dim(p, p->row) || split_more(p))) {
    }
    while (count_tasks(p) < TASKS && block_terms(p) > TASK_WORK && split_more(p)) {
    }
    p->tasks = count_tasks(p);
}

static int64_t block_results(const dn_cplan *p) {
    int64_t results = p->column_block;
    for (int d = 0; d < p->n_dims; d++) results *= p->dims[d].block;
    return results;
}

// A weight gradient sums over all images: as many at a time as the second-level cache holds.
static void set_chunks(dn_cplan *p) {
    const dn_contract *c = p->contract;
    p->chunk = p->levels[p->chunked].size > 0 ? p->levels[p->chunked].size : 1;
    if (c->op != DN_OP_CONV_WEIGHT) return;
    int64_t bytes =
        (int64_t)dn_dtype_size(p->dtype) * (product(c->image, 0, c->spatial) * c->channels +
                                            product(c->out, 0, c->spatial) * c->filters);
    int64_t images = bytes > 0 ? L2_BYTES / bytes : 1;
    if (images < 1) images = 1;
    if (images >= p->chunk) return;
    p->chunk = images;
    while (block_results(p) * (int64_t)dn_dtype_size(p->dtype) > SCRATCH_BYTES && split_more(p)) {
    }
    p->tasks = count_tasks(p);
}

void dn_x86_contract_plan(const dn_contract *c, dn_cplan *plan) {
    *plan = (dn_cplan){.contract = c, .dtype = c->dtype, .b_arg = 1, .spacing = 1};
    switch (c->op) {
        case DN_OP_CONV: plan_conv(c, plan); break;
        case DN_OP_CONV_INPUT: plan_conv_input(c, plan); break;
        case DN_OP_CONV_WEIGHT: plan_conv_weight(c, plan); break;
        default: plan_dot(c, plan); break;
    }
    order_levels(plan);
    set_blocks(plan);
    set_chunks(plan);
}

int64_t dn_x86_contract_tasks(const dn_kernel *kernel) {
    dn_cplan plan;
    dn_x86_contract_plan(&kernel->contract, &plan);
    return plan.tasks;
}

dn_pack dn_x86_pack(const dn_contract *c) {
    dn_pack pack = {.width = 2 * dn_x86_lanes(c->dtype)};
    if (c->op == DN_OP_CONV_WEIGHT || depthwise(c)) return pack;
    if (c->op == DN_OP_DOT) {
        pack.needed = c->b_n != 1 || (c->m > 2 * ROW_GRANULE && c->n > pack.width);
        return pack;
    }
    int64_t columns = (c->op == DN_OP_CONV ? c->filters : c->channels) / c->groups;
    pack.needed = c->op == DN_OP_CONV_INPUT || columns > pack.width;
    return pack;
}
