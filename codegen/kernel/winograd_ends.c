// Winograd's algorithm: what the first and the last point of an axis do not need.
//
// Where the taps do not divide among the phases of a stride, one phase lacks its first tap: its
// weights at the point 0 are 0. Where tiles go beyond the result, the last one lacks its last
// result, which is the only one that the point at infinity counts for (CONV_WEIGHT: which is 0, and
// is all that there is at that point). The products at these points take only the steps, or need
// only the rows, that are left. Those come first: so the order of phases, and of tiles, is the
// point's own.
#include "codegen/kernel/winograd_parts.h"

static bool is_last(const dn_wino_axis *x, int point) {
    return point == x->points - 1 && x->full < x->tiles;
}

static bool is_first(const dn_wino_axis *x, int point) { return point == 0 && x->missing > 0; }

int64_t dn_wino_phase(const dn_winograd *p, int point, int64_t in_y, int64_t in_x) {
    const dn_wino_axis *y = &p->axis[0], *x = &p->axis[1];
    bool by_columns = is_first(x, point % x->points) && !is_first(y, point / x->points);
    return by_columns ? in_x * y->in_phases + in_y : in_y * x->in_phases + in_x;
}

// At the corner, both limits leave what the longer axis needs if it is the inner one.
void dn_wino_tile_strides(const dn_wino_part *m, int point, int64_t tile, dn_access *at) {
    const dn_wino_axis *y = m->y, *x = m->x;
    bool rows = is_last(y, point / x->points), columns = is_last(x, point % x->points);
    if (rows && columns) rows = y->tiles <= x->tiles;
    int64_t *image = &at->stride[0], *down = &at->stride[1], *right = &at->stride[2];
    if (rows)
        *right = tile, *image = x->tiles * tile, *down = m->images * *image;
    else if (columns)
        *down = tile, *image = y->tiles * tile, *right = m->images * *image;
    else
        *right = tile, *down = x->tiles * tile, *image = y->tiles * *down;
}

// At the corner, the least of both limits may leave tiles that one of the axes has nothing of.
bool dn_wino_needs(const dn_winograd *p, int point, int64_t tile_y, int64_t tile_x) {
    const dn_wino_axis *y = &p->axis[0], *x = &p->axis[1];
    bool rows = is_last(y, point / x->points), columns = is_last(x, point % x->points);
    if (rows && columns) return true;
    return !(rows && tile_y >= y->full) && !(columns && tile_x >= x->full);
}

int64_t dn_wino_phase_tap(const dn_wino_axis *x, int64_t out) {
    int64_t tap = out + x->lo - x->stride * x->newest;
    return x->shifts > 1 && tap < 0 ? tap + x->stride : tap;
}

// The phase of the result that lacks a tap, the one of the newest y or of the oldest. Weights are
// in the order of y: the first is the oldest one's.
static dn_limit lacking(const dn_wino_axis *x, int axis, int d) {
    bool newest = dn_wino_phase_tap(x, 0) < 0;
    return (dn_limit){.steps = true,
                      .axis = {axis, d},
                      .index = {newest ? x->points - 1 : 0, newest ? 0 : x->stride - 1}};
}

static void push(dn_contract *dot, dn_limit limit) {
    DN_ASSERT(dot->n_limits < DN_MOST_LIMITS, "too many limits");
    dot->limits[dot->n_limits++] = limit;
}

// Axes 0 and 1 of the batch are phases of the result, 2 and 3 points; for CONV_WEIGHT, 0 and 1 are.
void dn_wino_limit(const dn_winograd *p, int64_t images, dn_contract *dot) {
    bool weight = p->contract.op == DN_OP_CONV_WEIGHT, input = p->contract.op == DN_OP_CONV_INPUT;
    for (int d = 0; d < 2; d++) {
        const dn_wino_axis *x = &p->axis[d], *other = &p->axis[1 - d];
        int axis = weight ? d : 2 + d;
        int64_t tiles = x->full * other->tiles * images, phases = other->in_phases * p->k;
        if (is_last(x, x->points - 1))
            push(dot, (dn_limit){weight, {axis, -1}, {x->points - 1, 0}, tiles});
        if (x->missing && input) push(dot, lacking(x, axis, d));
        if (x->missing && !input) push(dot, (dn_limit){!weight, {axis, -1}, {0, 0}, phases});
    }
}
