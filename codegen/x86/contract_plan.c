// How a contraction is cut up: from its shapes alone.
#include <string.h>

#include "codegen/x86/contract.h"

enum {
    FEW_IMAGES = 7,              // rows are pixels then
    FEW_COLUMNS = 3,             // lanes run over the last level then, or over rows
    MANY_ROWS = 48,              // worth a packed copy of the matrix on the right
    WORTH_ROWS = 128,            // columns: worth one of the matrix on the left, for pairs
    CHUNK_STEPS = 2048,          // of a matrix product: a panel fits in the second-level cache
    CHUNK_PIXELS = 128,          // of a weight gradient
    WORTH_COPY = 16,             // rows
    SMALL_CHANNELS = 8,          // fewer: taps and channels together are rows
    COPY_BYTES = 1 << 17,        // at most, on the stack
    LAST_LEVEL_BYTES = 1 << 25,  // of cache
};

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
    p->levels[p->n_levels++] = (dn_clevel){
        .size = size, .chunk = size, .a = a, .b = b, .axis = spatial, .spatial = spatial};
}

static void set_columns(dn_cplan *p, int64_t groups, int64_t columns, int64_t b_lane) {
    p->groups = groups;
    p->columns = columns;
    p->b_lane = b_lane;
    p->width = 2 * dn_x86_lanes(p->dtype);
    p->panel = p->width * b_lane;
}

// Columns are packed (see dn_pack): panels of `k` steps. A panel of one column has its steps side
// by side.
static void set_panels(dn_cplan *p, int64_t width, int64_t k) {
    if (width == 1) {
        set_columns(p, p->groups, p->columns, k);
        p->group_b = p->columns * k;
        return;
    }
    p->b_lane = 1;
    p->width = width;
    p->panel = k * width;
    p->packed = true;
    p->group_b = dn_ceil_div(p->columns, width) * p->panel;
}

static bool swapped_dot(const dn_contract *c) {
    return !c->packed && c->n <= FEW_COLUMNS && c->a_m == 1 && c->m > c->n;
}

// Lanes run over rows of a: the roles of the operands are exchanged.
static void plan_swapped_dot(const dn_contract *c, dn_cplan *p) {
    p->a_arg = 1;
    p->b_arg = 0;
    for (int i = 0; i < c->batches; i++) add_dim(p, c->batch[i], c->b_batch[i], c->a_batch[i], -1);
    p->lane_axis = p->n_dims;
    p->row = p->n_dims;
    add_dim(p, c->n, c->b_n, 0, -1)->axis++;
    set_columns(p, 1, c->m, c->a_m);
    add_level(p, c->k, c->b_k, c->a_k, -1);
    p->row_a = c->b_n;
}

static void plan_dot(const dn_contract *c, dn_cplan *p) {
    int64_t panels = c->packed ? dn_ceil_div(c->n, c->packed) * c->packed * c->k : 0;
    for (int i = 0; i < c->batches; i++)
        add_dim(p, c->batch[i], c->a_batch[i],
                c->packed ? panels * product(c->batch, i + 1, c->batches) : c->b_batch[i], -1);
    p->row = p->n_dims;
    add_dim(p, c->m, c->a_m, 0, -1);
    p->lane_axis = p->n_dims;
    set_columns(p, 1, c->n, c->b_n);
    if (c->packed) set_panels(p, c->packed, c->k);
    add_level(p, c->k, c->a_k, c->packed ? c->packed : c->b_k, -1);
    p->row_a = c->a_m;
    if (c->k > 2 * CHUNK_STEPS && c->n > FEW_COLUMNS) p->levels[0].chunk = CHUNK_STEPS;
}

// Rows are images at one pixel; where there are few images, pixels at the distance at which the
// same taps apply.
static void choose_rows(const dn_contract *c, int64_t pixels, int64_t spacing, int64_t pixel,
                        dn_cplan *p) {
    if (c->images > FEW_IMAGES || pixels < 2 * spacing) return;
    p->row = c->spatial;
    p->spacing = spacing;
    p->row_a = pixel;
}

static void plan_conv(const dn_contract *c, dn_cplan *p) {
    bool lanes = depthwise(c);
    int64_t channels = c->channels / c->groups, filters = c->filters / c->groups;
    int64_t k = product(c->kernel, 0, c->spatial) * channels;
    int64_t width = c->packed ? c->packed : c->filters;  // from step to step of B
    add_dim(p, c->images, product(c->image, 0, c->spatial) * c->channels, 0, -1);
    for (int s = 0; s < c->spatial; s++) add_dim(p, c->out[s], 0, 0, s);
    p->lane_axis = p->n_dims;
    set_columns(p, lanes ? 1 : c->groups, lanes ? c->filters : filters, 1);
    p->group_a = channels;
    p->group_b = filters;
    if (c->packed) set_panels(p, c->packed, k);
    for (int s = 0; s < c->spatial; s++)
        add_level(p, c->kernel[s],
                  c->dilation[s] * product(c->image, s + 1, c->spatial) * c->channels,
                  product(c->kernel, s + 1, c->spatial) * channels * width, s);
    if (channels != 1) add_level(p, channels, 1, width, -1);
    p->a_lane = lanes;
    int last = c->spatial - 1;
    p->row_a = p->dims[0].a;
    choose_rows(c, c->out[last], 1, c->stride[last] * c->channels, p);
}

// The taps of one pixel of the image are `stride / gcd` apart, and while the tap goes up the pixel
// of y goes down.
static void plan_conv_input(const dn_contract *c, dn_cplan *p) {
    bool lanes = depthwise(c);
    int64_t channels = c->channels / c->groups, filters = c->filters / c->groups;
    int64_t k = product(c->kernel, 0, c->spatial) * filters;
    add_dim(p, c->images, product(c->out, 0, c->spatial) * c->filters, 0, -1);
    for (int s = 0; s < c->spatial; s++) add_dim(p, c->image[s], 0, 0, s);
    p->lane_axis = p->n_dims;
    set_columns(p, lanes ? 1 : c->groups, lanes ? c->channels : channels, lanes ? 1 : c->filters);
    p->group_a = filters;
    p->group_b = filters;
    if (c->packed) set_panels(p, c->packed, k);
    int64_t tap = c->packed ? filters * c->packed : channels * c->filters;
    for (int s = 0; s < c->spatial; s++) {
        int64_t common = dn_gcd(c->stride[s], c->dilation[s]);
        add_level(p, dn_ceil_div(c->kernel[s], c->stride[s] / common),
                  -(c->dilation[s] / common) * product(c->out, s + 1, c->spatial) * c->filters,
                  c->stride[s] / common * product(c->kernel, s + 1, c->spatial) * tap, s);
    }
    if (filters != 1) add_level(p, filters, 1, c->packed ? c->packed : 1, -1);
    p->a_lane = lanes;
    int last = c->spatial - 1;
    p->row_a = p->dims[0].a;
    choose_rows(c, c->image[last], c->stride[last], c->filters, p);
}

// ---- weight gradients ----

// Images at a time, or rows of pixels of one image: what is copied stays in the first-level cache.
static void chunk_pixels(const dn_contract *c, dn_cplan *p) {
    int64_t row = product(c->out, 1, c->spatial), pixels = row * c->out[0];
    int64_t images = pixels > 0 ? CHUNK_PIXELS / pixels : c->images;
    int64_t rows = row > 0 ? CHUNK_PIXELS / row : c->out[0];
    for (int l = 0; l < p->n_levels; l++) {
        dn_clevel *level = &p->levels[l];
        bool whole = l > 1 || (l == 1 && images > 0);
        int64_t most = whole ? level->size : l == 0 ? images : rows;
        if (most < 1) most = 1;
        if (level->chunk > most) level->chunk = most;
    }
}

static int64_t b_bytes(const dn_cplan *p) {
    int64_t bytes = p->width * (int64_t)dn_dtype_size(p->dtype);
    for (int l = 0; l < p->n_levels; l++) bytes *= p->levels[l].chunk;
    return bytes;
}

static void plan_conv_weight(const dn_contract *c, dn_cplan *p) {
    bool lanes = depthwise(c);
    int64_t channels = c->channels / c->groups, filters = c->filters / c->groups;
    for (int s = 0; s < c->spatial; s++) add_dim(p, c->kernel[s], 0, 0, s);
    add_dim(p, channels, 1, 0, -1);
    p->row = c->spatial;
    p->row_a = 1;
    p->lane_axis = p->n_dims;
    set_columns(p, lanes ? 1 : c->groups, lanes ? c->filters : filters, 1);
    p->group_a = channels;
    p->group_b = filters;
    add_level(p, c->images, product(c->image, 0, c->spatial) * c->channels,
              product(c->out, 0, c->spatial) * c->filters, -1);
    for (int s = 0; s < c->spatial; s++)
        add_level(p, c->out[s], c->stride[s] * product(c->image, s + 1, c->spatial) * c->channels,
                  product(c->out, s + 1, c->spatial) * c->filters, s);
    p->a_lane = lanes;
    chunk_pixels(c, p);
    int64_t rows = channels * product(c->kernel, 0, c->spatial);
    p->copy_b = !lanes && rows >= WORTH_COPY && b_bytes(p) <= COPY_BYTES;
    double elements = (double)c->images * ((double)product(c->image, 0, c->spatial) * c->channels +
                                           (double)product(c->out, 0, c->spatial) * c->filters);
    p->prefetch = p->copy_b && elements * (double)dn_dtype_size(p->dtype) > LAST_LEVEL_BYTES;
}

// Few channels: a chunk of x is copied with its padding, so that the taps of the last axis and the
// channels are rows side by side, whatever the pixel. Padding is 0 and adds nothing (unless y is
// infinite there).
static void pad_channels(const dn_contract *c, dn_cplan *p) {
    int last = c->spatial - 1;
    if (!p->copy_b || c->groups > 1 || c->channels >= SMALL_CHANNELS) return;
    int64_t elements = c->channels * p->levels[0].chunk;
    for (int s = 0; s < c->spatial; s++) {
        p->extent[s] =
            (p->levels[s + 1].chunk - 1) * c->stride[s] + (c->kernel[s] - 1) * c->dilation[s] + 1;
        elements *= p->extent[s];
    }
    if (elements * (int64_t)dn_dtype_size(p->dtype) > COPY_BYTES || elements <= 0) return;
    p->copy_a = true;
    p->prefetch = false;
    if (c->filters <= 2 * p->width) p->copy_b = false;  // its rows are short and read once or twice
    p->levels[0].a = product(p->extent, 0, c->spatial) * c->channels;
    for (int s = 0; s < c->spatial; s++) {
        int64_t pixel = product(p->extent, s + 1, c->spatial) * c->channels;
        p->levels[s + 1].a = c->stride[s] * pixel;
        p->dims[s].a = c->dilation[s] * pixel;
        p->levels[s + 1].spatial = p->dims[s].spatial = -1;
    }
    if (c->dilation[last] > 1) return;
    dn_cdim *dim = &p->dims[last];
    *dim = (dn_cdim){.size = c->kernel[last] * c->channels, .a = 1, .axis = last, .spatial = -1};
    dim->fold = c->channels;
    p->n_dims--;
    p->row = last;
}

// Few filters: lanes run over channels of x, and rows are filters.
static bool swapped_conv_weight(const dn_contract *c) {
    return c->groups == 1 && c->filters <= FEW_COLUMNS && c->channels > c->filters;
}

static void plan_swapped_conv_weight(const dn_contract *c, dn_cplan *p) {
    plan_conv_weight(c, p);
    p->a_arg = 1;
    p->b_arg = 0;
    p->copy_b = false;
    p->swapped = true;
    p->dims[p->row].size = c->filters;
    p->dims[p->row].axis = p->lane_axis;
    p->lane_axis--;
    set_columns(p, 1, c->channels, 1);
    for (int l = 0; l < p->n_levels; l++) {
        int64_t a = p->levels[l].a;
        p->levels[l].a = p->levels[l].b;
        p->levels[l].b = a;
    }
}

// A level of at most one step does not change the order of the sum: it goes outside, so that the
// innermost loop is a long one.
static void order_levels(dn_cplan *p) {
    dn_clevel sorted[DN_C_LEVELS];
    int n = 0;
    for (int l = 0; l < p->n_levels; l++)
        if (p->levels[l].size <= 1) sorted[n++] = p->levels[l];
    for (int l = 0; l < p->n_levels; l++)
        if (p->levels[l].size > 1) sorted[n++] = p->levels[l];
    memcpy(p->levels, sorted, sizeof sorted);
}

// The steps of the last level in pairs.
static void pair_steps(dn_cplan *p) {
    dn_clevel *last = &p->levels[p->n_levels - 1];
    last->size /= 2;
    last->chunk /= 2;
    last->a *= 2;
    last->b *= 2;
    p->b_lane = 2;
    p->pairs = true;
}

// Lanes over the last level, where both operands are contiguous, if there are too few columns.
static bool inner_form(const dn_cplan *p) {
    const dn_clevel *last = &p->levels[p->n_levels - 1];
    return p->columns <= FEW_COLUMNS && !p->a_lane && !p->packed && last->a == 1 && last->b == 1 &&
           last->spatial < 0 && last->size >= dn_x86_lanes(p->dtype) / 2;
}

void dn_x86_contract_plan(const dn_contract *c, dn_cplan *plan) {
    *plan = (dn_cplan){.contract = c, .dtype = c->dtype, .b_arg = 1, .spacing = 1};
    if (c->op == DN_OP_CONV) plan_conv(c, plan);
    if (c->op == DN_OP_CONV_INPUT) plan_conv_input(c, plan);
    if (c->op == DN_OP_CONV_WEIGHT) {
        if (swapped_conv_weight(c)) {
            plan_swapped_conv_weight(c, plan);
        } else {
            plan_conv_weight(c, plan);
            pad_channels(c, plan);
        }
    }
    if (c->op == DN_OP_DOT && swapped_dot(c)) plan_swapped_dot(c, plan);
    if (c->op == DN_OP_DOT && !swapped_dot(c)) plan_dot(c, plan);
    order_levels(plan);
    if (c->op != DN_OP_CONV_WEIGHT) plan->inner = inner_form(plan);
    dn_contract_blocks(plan);
    plan->a_dtype = dn_operand_dtype(c, plan->a_arg);
    plan->b_dtype = dn_operand_dtype(c, plan->b_arg);
    if (c->pairs) pair_steps(plan);
}

// What is read as pairs, or as vectors of neighbours, which are widened as they are loaded.
// Elements that are broadcast would be widened one by one, and what many rows read, again and
// again.
bool dn_x86_reads_narrow(const dn_contract *c, int operand) {
    dn_cplan plan;
    dn_x86_contract_plan(c, &plan);
    if (plan.pairs || plan.inner) return true;
    if (operand == plan.a_arg) return plan.a_lane != 0;
    if (c->op == DN_OP_CONV_WEIGHT) return true;
    return c->op == DN_OP_DOT && plan.b_lane == 1 && plan.dims[plan.row].size <= MANY_ROWS;
}

int64_t dn_x86_contract_tasks(const dn_kernel *kernel) {
    dn_cplan plan;
    dn_x86_contract_plan(&kernel->contract, &plan);
    return plan.tasks;
}

// ---- packing ----

static dn_pack packed(bool needed, bool pairs, int width) {
    return (dn_pack){.needed = needed, .pairs = needed && pairs, .width = width};
}

static dn_pack pack_dot(const dn_contract *c, int width) {
    bool can = c->narrow[0] && c->narrow[1] && c->k % 2 == 0;
    bool rows = can && c->a_k != 1 && c->m > MANY_ROWS && c->n >= WORTH_ROWS;
    bool pairs = can && (c->a_k == 1 || rows);
    if (c->n > FEW_COLUMNS || c->k < width / 4) {
        dn_pack pack = packed(c->b_n != 1 || (c->m > MANY_ROWS && c->n > width), pairs, width);
        pack.rows = pack.needed && rows;
        return pack;
    }
    if (swapped_dot(c)) return packed(false, false, width);
    if (c->a_k == 1) return packed(c->b_k != 1, false, 1);
    return packed(c->b_n != 1, pairs, width);
}

dn_pack dn_x86_pack(const dn_contract *c) {
    int width = 2 * dn_x86_lanes(c->dtype);
    if (c->op == DN_OP_CONV_WEIGHT || depthwise(c)) return packed(false, false, width);
    if (c->op == DN_OP_DOT) return pack_dot(c, width);
    int64_t channels = c->channels / c->groups, filters = c->filters / c->groups;
    int64_t steps = c->op == DN_OP_CONV ? channels : filters;
    bool pairs = c->narrow[0] && c->narrow[1] && steps % 2 == 0;
    if (c->op == DN_OP_CONV_INPUT)
        return packed(channels > FEW_COLUMNS || filters < width / 4, pairs, width);
    if (filters <= FEW_COLUMNS && channels >= width / 4) return packed(c->filters > 1, false, 1);
    return packed(filters > width || pairs, pairs, width);
}
