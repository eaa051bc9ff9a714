// Winograd's algorithm: images to points.
#include "codegen/kernel/winograd_parts.h"

// An operand, and its tiles on both axes: `length` pixels of each phase, overlapping or not.
typedef struct operand {
    int arg;
    int64_t channels;
    int64_t size[2];    // of the image
    int64_t before[2];  // zeros in front of it, < 0: pixels that are left out
    int64_t extent[2];  // with them and those behind
    int64_t phases[2], length[2];
    bool shifted;  // patches begin at more than one place
} operand;

// x, or CONV_INPUT's y, of which patches are taken.
static operand patched(const dn_wino_part *m) {
    operand o = {.channels = m->plan->k, .shifted = m->plan->shifts > 1};
    for (int d = 0; d < 2; d++) {
        const dn_wino_axis *x = &m->plan->axis[d];
        o.size[d] = x->size, o.before[d] = x->before, o.extent[d] = x->extent;
        o.phases[d] = x->in_phases, o.length[d] = x->points;
    }
    return o;
}

// CONV_WEIGHT's y, whose tiles do not overlap.
static operand tiled(const dn_wino_part *m) {
    operand o = {.arg = 1, .channels = m->plan->n};
    for (int d = 0; d < 2; d++) {
        const dn_wino_axis *x = &m->plan->axis[d];
        o.size[d] = x->out, o.extent[d] = x->tiles * x->tile;
        o.phases[d] = 1, o.length[d] = x->tile;
    }
    return o;
}

// ---- kinds of tiles -------------------------------------------------------------------------

// Tiles of an axis that follow each other, and of whose pixels the same are outside the image.
typedef struct kind {
    int64_t first, count;
    int64_t front, behind;  // pixels of a phase that are outside
} kind;

// A kernel is compiled for each kind on both axes. Where they are more, they are tiles of a copy
// with zeros around it, which are all of one kind.
enum { MOST_KINDS = 4 };

typedef struct kinds {
    kind list[MOST_KINDS];
    int n;  // 0: too many, or phases differ in them
} kinds;

static int64_t between(int64_t x, int64_t most) { return x < 0 ? 0 : x > most ? most : x; }

static kinds kinds_of(const dn_wino_part *m, const operand *o, int d) {
    const dn_wino_axis *x = &m->plan->axis[d];
    int64_t before = o->before[d] / o->phases[d], size = o->size[d] / o->phases[d];
    kinds k = {.n = 0};
    if (o->shifted || o->before[d] % o->phases[d] || o->size[d] % o->phases[d]) return k;
    for (int64_t t = 0; t < x->tiles; t++) {
        int64_t begin = t * x->tile - before, end = begin + o->length[d];
        kind of = {t, 1, between(-begin, o->length[d]), between(end - size, o->length[d])};
        kind *last = k.n ? &k.list[k.n - 1] : &of;
        if (k.n && last->front == of.front && last->behind == of.behind) {
            last->count++;
            continue;
        }
        if (k.n == MOST_KINDS) return (kinds){.n = 0};
        k.list[k.n++] = of;
    }
    return k;
}

// What tiles are cut from.
typedef struct cutting {
    dn_wino_image from;
    kinds y, x;
} cutting;

static cutting cut(const dn_wino_part *m, const operand *o) {
    cutting c = {.y = kinds_of(m, o, 0), .x = kinds_of(m, o, 1)};
    int buffer = m->kernel->args[o->arg], n = c.y.n * c.x.n;
    c.from = dn_wino_plain(m, buffer, o->size, o->before, o->channels);
    if (n > 0 && n <= MOST_KINDS) return c;
    c.y = (kinds){{{0, m->y->tiles, 0, 0}}, 1};
    c.x = (kinds){{{0, m->x->tiles, 0, 0}}, 1};
    c.from = dn_wino_padded(m, &c.from, o->before, o->extent);
    return c;
}

// ---- points ---------------------------------------------------------------------------------

// A kernel for tiles of one kind on each axis.
typedef struct tiles {
    const dn_wino_part *part;
    const operand *of;
    const dn_wino_image *from;
    const kind *y, *x;
} tiles;

// Adds the axes of images and tiles; `at`: a tile's first pixel.
static void tile_axes(const tiles *t, dn_wino_loop *l, dn_access *at) {
    const dn_wino_part *m = t->part;
    const dn_wino_image *from = t->from;
    int64_t pixel[] = {from->columns * from->channels, from->channels};
    const kind *of[] = {t->y, t->x};
    at->offset = from->offset;
    at->stride[dn_wino_axis_add(l, m->images)] = from->rows * pixel[0];
    for (int d = 0; d < 2; d++) {
        int64_t step = t->of->phases[d] * m->plan->axis[d].tile * pixel[d];
        at->stride[dn_wino_axis_add(l, of[d]->count)] = step;
        at->offset += of[d]->first * step;
    }
}

// The pixels of a tile; `at`: the first.
static dn_wino_square load_pixels(const tiles *t, dn_wino_loop *l, const dn_access *at) {
    const dn_wino_image *from = t->from;
    const operand *o = t->of;
    dn_wino_square pixels = {(int)o->length[0], (int)o->length[1], {0}};
    int arg = dn_wino_arg(l, from->buffer, from->begin + (o->arg ? t->part->column : 0));
    for (int i = 0; i < pixels.rows * pixels.columns; i++) {
        int64_t down = i / pixels.columns, right = i % pixels.columns;
        bool inside = down >= t->y->front && down < pixels.rows - t->y->behind &&
                      right >= t->x->front && right < pixels.columns - t->x->behind;
        dn_access to = *at;
        to.offset += (down * o->phases[0] * from->columns + right * o->phases[1]) * from->channels;
        pixels.value[i] = inside ? dn_wino_load(l, arg, &to) : -1;
    }
    return pixels;
}

// Stores a tile's value at a point whose matrix begins at at->offset.
static void store_point(const tiles *t, dn_wino_loop *l, int arg, int point, int value,
                        int64_t tile, const dn_access *at) {
    dn_access to = *at;
    if (!dn_wino_needs(t->part->plan, point, t->y->first, t->x->first)) return;
    dn_wino_tile_strides(t->part, point, tile, &to);
    to.offset += t->y->first * to.stride[1] + t->x->first * to.stride[2];
    dn_wino_store(l, arg, value, &to);
}

enum { PHASE_Y = 5, PHASE_X = 6 };  // axes of the patches' loop

static void push_patches(const tiles *t, int to) {
    const dn_wino_part *m = t->part;
    const dn_winograd *p = m->plan;
    const dn_wino_axis *y = m->y, *x = m->x;
    dn_wino_loop l = {0};
    dn_access source = {0}, target = {0};
    int64_t row = t->from->columns * t->from->channels, column = t->from->channels;
    int64_t depth = p->in_phases * p->k, point = dn_wino_apart(m->images * p->tiles * depth);
    int64_t square = p->points * point;
    tile_axes(t, &l, &source);
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
    dn_wino_square patch = load_pixels(t, &l, &source), points;
    dn_wino_transform(&l, y->b[0], y->points, x->b[0], x->points, false, &patch, &points);
    int arg = dn_wino_arg(&l, to, 0);
    for (int i = 0; i < p->points; i++, target.offset += point) {
        target.stride[PHASE_Y] = dn_wino_phase(p, i, 1, 0) * p->k;
        target.stride[PHASE_X] = dn_wino_phase(p, i, 0, 1) * p->k;
        store_point(t, &l, arg, i, points.value[i], depth, &target);
    }
    dn_wino_close(&l);
}

// Into [point][panel][tile][lane], or [point][tile][n].
static void push_tiles(const tiles *t, int to) {
    const dn_wino_part *m = t->part;
    const dn_wino_axis *y = m->y, *x = m->x;
    bool panels = dn_wino_panels(m);
    int64_t lanes = panels ? m->width : m->n, rows = m->images * m->plan->tiles;
    dn_wino_loop l = {0};
    dn_access source = {0}, target = {0};
    tile_axes(t, &l, &source);
    int panel = dn_wino_axis_add(&l, m->n / lanes), lane = dn_wino_axis_add(&l, lanes);
    source.stride[panel] = lanes;
    source.stride[lane] = target.stride[lane] = 1;
    target.stride[panel] = panels ? rows * lanes : 0;
    dn_wino_open(&l, m->out, m->arena, "winograd tiles", m->kernel->span);
    dn_wino_square tile = load_pixels(t, &l, &source), points;
    dn_wino_transform(&l, y->a[0], y->points, x->a[0], x->points, true, &tile, &points);
    int arg = dn_wino_arg(&l, to, 0);
    for (int i = 0; i < m->plan->points; i++, target.offset += rows * m->n)
        store_point(t, &l, arg, i, points.value[i], lanes, &target);
    dn_wino_close(&l);
}

static void push_kinds(const dn_wino_part *m, const operand *o, int to,
                       void (*push)(const tiles *, int)) {
    cutting c = cut(m, o);
    for (int y = 0; y < c.y.n; y++)
        for (int x = 0; x < c.x.n; x++)
            push(&(tiles){m, o, &c.from, &c.y.list[y], &c.x.list[x]}, to);
}

int dn_wino_patches(const dn_wino_part *m) {
    const dn_winograd *p = m->plan;
    int64_t point = dn_wino_apart(m->images * p->tiles * p->in_phases * p->k);
    int to = dn_wino_buffer(m, p->shifts * p->points * point);
    operand of = patched(m);
    push_kinds(m, &of, to, push_patches);
    return to;
}

int dn_wino_tiles(const dn_wino_part *m) {
    int to = dn_wino_buffer(m, m->plan->points * m->images * m->plan->tiles * m->n);
    operand of = tiled(m);
    push_kinds(m, &of, to, push_tiles);
    return to;
}
