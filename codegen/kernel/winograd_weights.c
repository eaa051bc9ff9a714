// Winograd's algorithm: weights to points, and points to gradients of weights.
#include "codegen/kernel/winograd_parts.h"

static int64_t floor_mod(int64_t a, int64_t b) { return (a % b + b) % b; }

// One phase of the image and one of the result.
typedef struct phase {
    const dn_wino_part *part;
    int64_t in_y, in_x, out_y, out_x;
} phase;

// The tap of a phase (of the image or of the result) that is number j of a stride-1 convolution.
static int64_t tap_of(const dn_winograd *p, const dn_wino_axis *x, int64_t in, int64_t out, int j) {
    if (p->contract.op != DN_OP_CONV_INPUT) return x->stride - 1 - in - x->missing + x->stride * j;
    return dn_wino_phase_tap(x, out) + x->stride * (x->taps - 1 - j);
}

static int64_t tap_y(const phase *f, int j) {
    return tap_of(f->part->plan, f->part->y, f->in_y, f->out_y, j);
}

static int64_t tap_x(const phase *f, int j) {
    return tap_of(f->part->plan, f->part->x, f->in_x, f->out_x, j);
}

// The first tap of the kernel that the phase has.
static int64_t first_y(const phase *f) { return floor_mod(tap_y(f, 0), f->part->y->stride); }

static int64_t first_x(const phase *f) { return floor_mod(tap_x(f, 0), f->part->x->stride); }

static int64_t offset_in_w(const dn_wino_part *m, int64_t y, int64_t x) {
    return (y * m->x->kernel + x) * m->plan->k * m->plan->n;
}

// ---- weights ----

// The taps of the part's columns: [tap y][tap x][k], `row` elements apart, of columns.
typedef struct weights {
    int buffer;
    int64_t column, row, tap;  // the first column; elements from row to row, from tap to tap
} weights;

// CONV_INPUT's w is [tap][column][k]: a copy with its columns side by side. Transposing while
// loading for the transform would make code for all taps at once.
static weights transposed(const dn_wino_part *m, int w) {
    const dn_winograd *p = m->plan;
    int64_t taps = m->y->kernel * m->x->kernel, matrix = p->k * m->n;
    dn_wino_loop l = {0};
    dn_wino_axis_add(&l, taps), dn_wino_axis_add(&l, p->k), dn_wino_axis_add(&l, m->n);
    dn_wino_open(&l, m->out, m->arena, "winograd weights", m->kernel->span);
    int to = dn_wino_buffer(m, taps * matrix), a = dn_wino_arg(&l, w, m->column * p->k);
    int value = dn_wino_load(&l, a, &(dn_access){0, {p->k * p->n, 1, p->k}});
    dn_wino_store(&l, dn_wino_arg(&l, to, 0), value, &(dn_access){0, {matrix, m->n, 1}});
    dn_wino_close(&l);
    return (weights){to, 0, m->n, matrix};
}

// The axes (panel, k, lane) or (k, column), and the accesses to w's and U's first elements.
static void weight_axes(const dn_wino_part *m, const weights *w, dn_wino_loop *l, dn_access *from,
                        dn_access *to) {
    int64_t lanes = dn_wino_panels(m) ? m->width : m->n;
    int panel = dn_wino_axis_add(l, m->n / lanes);
    int k = dn_wino_axis_add(l, m->plan->k), lane = dn_wino_axis_add(l, lanes);
    from->stride[panel] = lanes;
    to->stride[panel] = m->plan->in_phases * m->plan->k * lanes;
    from->stride[k] = w->row;
    from->stride[lane] = to->stride[lane] = 1;
    to->stride[k] = lanes;
}

static bool is_tap(const dn_wino_part *m, int64_t y, int64_t x) {
    return y >= 0 && y < m->y->kernel && x >= 0 && x < m->x->kernel;
}

static void load_taps(const phase *f, dn_wino_loop *l, const weights *w, const dn_access *from,
                      dn_wino_square *taps) {
    const dn_wino_part *m = f->part;
    int64_t base = first_y(f) * m->x->kernel + first_x(f);
    int arg = dn_wino_arg(l, w->buffer, base * w->tap + w->column);
    *taps = (dn_wino_square){m->y->taps, m->x->taps, {0}};
    for (int i = 0; i < taps->rows * taps->columns; i++) {
        int64_t y = tap_y(f, i / taps->columns), x = tap_x(f, i % taps->columns);
        dn_access at = *from;
        at.offset = (y * m->x->kernel + x - base) * w->tap;
        taps->value[i] = is_tap(m, y, x) ? dn_wino_load(l, arg, &at) : -1;
    }
}

static void push_weights(const phase *f, const weights *w, int to) {
    const dn_wino_part *m = f->part;
    const dn_winograd *p = m->plan;
    const dn_wino_axis *y = m->y, *x = m->x;
    dn_wino_loop l = {0};
    dn_access from = {0}, at = {0};
    weight_axes(m, w, &l, &from, &at);
    dn_wino_open(&l, m->out, m->arena, "winograd weights", m->kernel->span);
    dn_wino_square taps, points;
    load_taps(f, &l, w, &from, &taps);
    int64_t lanes = dn_wino_panels(m) ? m->width : m->n, matrix = p->in_phases * p->k * m->n;
    int64_t out = f->out_y * x->out_phases + f->out_x;
    int arg = dn_wino_arg(&l, to, out * p->points * matrix);
    dn_wino_transform(&l, y->g[0], y->points, x->g[0], x->points, false, &taps, &points);
    for (int i = 0; i < p->points; i++) {
        at.offset = i * matrix + dn_wino_phase(p, i, f->in_y, f->in_x) * p->k * lanes;
        dn_wino_store(&l, arg, points.value[i], &at);
    }
    dn_wino_close(&l);
}

int dn_wino_weights(const dn_wino_part *m) {
    const dn_winograd *p = m->plan;
    int from = m->kernel->args[1];
    weights w = {from, m->column, p->n, p->k * p->n};
    if (p->contract.op == DN_OP_CONV_INPUT) w = transposed(m, from);
    int to = dn_wino_buffer(m, p->out_phases * p->points * p->in_phases * p->k * m->n);
    for (int64_t i = 0; i < p->out_phases; i++)
        for (int64_t k = 0; k < p->in_phases; k++) {
            phase f = {m, k / m->x->in_phases, k % m->x->in_phases, i / m->x->out_phases,
                       i % m->x->out_phases};
            push_weights(&f, &w, to);
        }
    return to;
}

// ---- the gradient ---------------------------------------------------------------------------

static void push_taps(const phase *f, int products, int to) {
    const dn_wino_part *m = f->part;
    const dn_winograd *p = m->plan;
    const dn_wino_axis *y = m->y, *x = m->x;
    int64_t matrix = p->k * m->n;
    dn_wino_loop l = {0};
    dn_access from = {0}, at = {0};
    int k = dn_wino_axis_add(&l, p->k), column = dn_wino_axis_add(&l, m->n);
    from.stride[k] = m->n;
    at.stride[k] = p->n;
    from.stride[column] = at.stride[column] = 1;
    dn_wino_open(&l, m->out, m->arena, "winograd taps", m->kernel->span);
    int source = dn_wino_arg(&l, products, 0);
    int target = dn_wino_arg(&l, to, offset_in_w(m, first_y(f), first_x(f)) + m->column);
    dn_wino_square points = {y->points, x->points, {0}}, taps;
    for (int i = 0; i < p->points; i++) {
        from.offset = (i * p->in_phases + dn_wino_phase(p, i, f->in_y, f->in_x)) * matrix;
        points.value[i] = dn_wino_load(&l, source, &from);
    }
    dn_wino_transform(&l, y->g[0], y->taps, x->g[0], x->taps, true, &points, &taps);
    for (int i = 0; i < y->taps * x->taps; i++) {
        int64_t down = tap_y(f, i / x->taps), right = tap_x(f, i % x->taps);
        if (!is_tap(m, down, right)) continue;
        at.offset = offset_in_w(m, down - first_y(f), right - first_x(f));
        dn_wino_store(&l, target, taps.value[i], &at);
    }
    dn_wino_close(&l);
}

void dn_wino_taps(const dn_wino_part *m, int products, int to) {
    for (int64_t i = 0; i < m->plan->in_phases; i++) {
        phase f = {m, i / m->x->in_phases, i % m->x->in_phases, 0, 0};
        push_taps(&f, products, to);
    }
}
