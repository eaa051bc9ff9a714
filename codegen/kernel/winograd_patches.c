// Winograd's algorithm: images to points.
#include "codegen/kernel/winograd_parts.h"

// The images of an operand: [image][y][x][channel], from `begin` on; pixel (0, 0) is `offset`
// behind.
typedef struct image {
    int buffer;
    int64_t begin, offset, rows, columns, channels;
} image;

static void push_zeros(const dn_wino_part *m, int buffer, int64_t count) {
    dn_wino_loop l = {0};
    dn_access at = {0};
    at.stride[dn_wino_axis_add(&l, count)] = 1;
    dn_wino_open(&l, m->out, m->arena, "winograd pad", m->kernel->span);
    dn_wino_store(&l, dn_wino_arg(&l, buffer, 0), -1, &at);
    dn_wino_close(&l);
}

// The pixels of an axis that are inside the padded one: from `first` on, `count` of them.
static int64_t inside(int64_t size, int64_t before, int64_t extent, int64_t *count) {
    int64_t first = before < 0 ? -before : 0, end = extent - before < size ? extent - before : size;
    *count = end > first ? end - first : 0;
    return first;
}

static void push_copy(const dn_wino_part *m, const image *from, const image *to,
                      const int64_t before[2]) {
    int64_t rows, columns;
    int64_t first_row = inside(from->rows, before[0], to->rows, &rows);
    int64_t first_column = inside(from->columns, before[1], to->columns, &columns);
    if (rows * columns == 0) return;
    dn_wino_loop l = {0};
    dn_access source = {0}, target = {0};
    int64_t sizes[] = {m->images, rows, columns, from->channels}, a = 1, b = 1;
    for (int i = 0; i < 4; i++) dn_wino_axis_add(&l, sizes[i]);
    int64_t of_a[] = {from->rows, from->columns, from->channels};
    int64_t of_b[] = {to->rows, to->columns, to->channels};
    for (int i = 3; i >= 0; i--) {
        source.stride[i] = a;
        target.stride[i] = b;
        a *= i ? of_a[i - 1] : 1;
        b *= i ? of_b[i - 1] : 1;
    }
    source.offset = first_row * source.stride[1] + first_column * source.stride[2];
    target.offset =
        (first_row + before[0]) * target.stride[1] + (first_column + before[1]) * target.stride[2];
    dn_wino_open(&l, m->out, m->arena, "winograd pad", m->kernel->span);
    int value = dn_wino_load(&l, dn_wino_arg(&l, from->buffer, from->begin), &source);
    dn_wino_store(&l, dn_wino_arg(&l, to->buffer, 0), value, &target);
    dn_wino_close(&l);
}

// The operand where it has all pixels of [-before, -before + extent), else a padded copy.
static image padded(const dn_wino_part *m, int buffer, const int64_t size[2],
                    const int64_t before[2], const int64_t extent[2], int64_t channels) {
    image plain = {buffer, m->first * size[0] * size[1] * channels, 0, size[0], size[1], channels};
    bool whole = true;
    for (int d = 0; d < 2; d++) whole = whole && before[d] <= 0 && extent[d] - before[d] <= size[d];
    plain.offset = -(before[0] * size[1] + before[1]) * channels;
    if (whole) return plain;
    image copy = {-1, 0, 0, extent[0], extent[1], channels};
    int64_t count = m->images * extent[0] * extent[1] * channels;
    copy.buffer = dn_wino_buffer(m, count);
    push_zeros(m, copy.buffer, count);
    push_copy(m, &plain, &copy, before);
    return copy;
}

// The operand of which patches are taken.
static image patched(const dn_wino_part *m) {
    const dn_wino_axis *y = m->y, *x = m->x;
    return padded(m, m->kernel->args[0], (int64_t[]){y->size, x->size},
                  (int64_t[]){y->before, x->before}, (int64_t[]){y->extent, x->extent}, m->plan->k);
}

// y, whose tiles need no patches.
static image tiled(const dn_wino_part *m) {
    const dn_wino_axis *y = m->y, *x = m->x;
    return padded(m, m->kernel->args[1], (int64_t[]){y->out, x->out}, (int64_t[]){0, 0},
                  (int64_t[]){y->tiles * y->tile, x->tiles * x->tile}, m->plan->n);
}

// ---- points ---------------------------------------------------------------------------------

// Strides along images and tiles, which are `step` pixels apart.
static void pixel_strides(const image *from, int64_t step_y, int64_t step_x, dn_access *at) {
    at->offset = from->offset;
    at->stride[0] = from->rows * from->columns * from->channels;
    at->stride[1] = step_y * from->columns * from->channels;
    at->stride[2] = step_x * from->channels;
}

enum { PHASE_Y = 5, PHASE_X = 6 };  // axes of the patches' loop

int dn_wino_patches(const dn_wino_part *m) {
    image operand = patched(m), *from = &operand;
    const dn_winograd *p = m->plan;
    const dn_wino_axis *y = m->y, *x = m->x;
    dn_wino_loop l = {0};
    dn_access source = {0}, target = {0};
    int64_t row = from->columns * from->channels, column = from->channels;
    int64_t depth = p->in_phases * p->k, point = dn_wino_apart(m->images * p->tiles * depth);
    int64_t square = p->points * point;
    dn_wino_tile_axes(m, &l);
    pixel_strides(from, y->in_phases * y->tile, x->in_phases * x->tile, &source);
    int64_t sizes[] = {y->shifts, x->shifts, y->in_phases, x->in_phases, p->k};
    int64_t of_source[] = {row, column, -row, -column, 1};
    int64_t of_target[] = {x->shifts * square, square, 0, 0, 1};
    for (int i = 0; i < 5; i++) {
        int axis = dn_wino_axis_add(&l, sizes[i]);
        source.stride[axis] = of_source[i];
        target.stride[axis] = of_target[i];
    }
    source.offset += (y->in_phases - 1) * row + (x->in_phases - 1) * column;
    dn_wino_open(&l, m->out, m->arena, "winograd patches", m->kernel->span);
    int to = dn_wino_buffer(m, p->shifts * square);
    int a = dn_wino_arg(&l, from->buffer, from->begin), b = dn_wino_arg(&l, to, 0);
    dn_wino_square patch = {y->points, x->points, {0}}, points;
    for (int i = 0; i < p->points; i++) {
        dn_access at = source;
        at.offset += i / x->points * y->in_phases * row + i % x->points * x->in_phases * column;
        patch.value[i] = dn_wino_load(&l, a, &at);
    }
    dn_wino_transform(&l, y->b[0], y->points, x->b[0], x->points, false, &patch, &points);
    for (int i = 0; i < p->points; i++, target.offset += point) {
        dn_wino_tile_strides(m, i, depth, &target);
        target.stride[PHASE_Y] = dn_wino_phase(p, i, 1, 0) * p->k;
        target.stride[PHASE_X] = dn_wino_phase(p, i, 0, 1) * p->k;
        dn_wino_store(&l, b, points.value[i], &target);
    }
    dn_wino_close(&l);
    return to;
}

// [point][panel][tile][lane], or [point][tile][n].
int dn_wino_tiles(const dn_wino_part *m) {
    image operand = tiled(m), *from = &operand;
    const dn_winograd *p = m->plan;
    const dn_wino_axis *y = m->y, *x = m->x;
    bool panels = dn_wino_panels(m);
    int64_t lanes = panels ? m->width : m->n, tiles = m->images * p->tiles;
    dn_wino_loop l = {0};
    dn_access source = {0}, target = {0};
    dn_wino_tile_axes(m, &l);
    pixel_strides(from, y->tile, x->tile, &source);
    int panel = dn_wino_axis_add(&l, m->n / lanes), lane = dn_wino_axis_add(&l, lanes);
    source.stride[panel] = lanes;
    source.stride[lane] = target.stride[lane] = 1;
    target.stride[panel] = panels ? tiles * lanes : 0;
    dn_wino_open(&l, m->out, m->arena, "winograd tiles", m->kernel->span);
    int to = dn_wino_buffer(m, p->points * tiles * m->n);
    int a = dn_wino_arg(&l, from->buffer, from->begin + m->column), b = dn_wino_arg(&l, to, 0);
    dn_wino_square tile = {y->tile, x->tile, {0}}, points;
    for (int i = 0; i < y->tile * x->tile; i++) {
        dn_access at = source;
        at.offset += (i / x->tile * from->columns + i % x->tile) * from->channels;
        tile.value[i] = dn_wino_load(&l, a, &at);
    }
    dn_wino_transform(&l, y->a[0], y->points, x->a[0], x->points, true, &tile, &points);
    for (int i = 0; i < p->points; i++, target.offset += tiles * m->n) {
        dn_wino_tile_strides(m, i, lanes, &target);
        dn_wino_store(&l, b, points.value[i], &target);
    }
    dn_wino_close(&l);
    return to;
}
