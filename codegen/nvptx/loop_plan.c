// Choosing how a LOOP kernel runs on a GPU: which axis neighbouring threads and lanes go over, how
// many threads share a result. It depends on the kernel alone.
#include <stdlib.h>

#include "codegen/kernel/verify.h"
#include "codegen/nvptx/loop.h"

enum {
    BLOCK = 256,         // threads of most blocks
    MOST_THREADS = 512,  // of any
    WARP = 32,
    MULTIPROCESSORS = 132,
    FULL = MULTIPROCESSORS * 1024,  // threads that keep the memory of an H100 busy
    SECTOR = 8,                     // elements that memory gives at once
    LONG_SUM = 256,                 // additions to one accumulator, beyond which a team grows
    MOST_OWNERS = 64,
};

static int64_t ceil_div(int64_t a, int64_t b) { return (a + b - 1) / b; }

// The least power of two that is `n` or more, at most `most`.
static int power_above(int64_t n, int most) {
    int power = 1;
    while (power < most && power < n) power *= 2;
    return power;
}

static int64_t points_of(const dn_kernel *k, dn_axis_kind kind) {
    int64_t points = 1;
    for (int a = 0; a < k->n_axes; a++)
        if (k->axes[a].kind == kind) points *= k->axes[a].size;
    return points;
}

// ---- accesses ----

typedef struct access_info {
    const dn_access *access;  // of memory; NULL: none
    int row;                  // the value that chooses its row, or -1
    int64_t scale;
    bool body;
} access_info;

// Of value i, or of store i - n_values.
static access_info info_of(const dn_unit_plan *p, int i) {
    const dn_kernel *k = &p->kernel;
    if (i < k->n_values) {
        const dn_kvalue *v = &k->values[i];
        return (access_info){v->kind == DN_KV_LOAD ? &v->access : NULL, v->in[0], v->scale,
                             i < k->n_body};
    }
    const dn_store *s = &k->stores[i - k->n_values];
    return (access_info){&s->access, s->row, s->scale, s->value < k->n_body};
}

// Sectors for each access of a thread, if neighbouring threads are neighbours on `axis`.
static double sectors(const dn_unit_plan *p, const access_info *info, int axis) {
    int64_t stride = llabs(info->access->stride[axis]);
    if (info->row >= 0 && p->axes[info->row] >> axis & 1) return SECTOR;
    return stride == 0 ? 0.1 : stride < SECTOR ? (double)stride : SECTOR;
}

// The same of all accesses, for each result.
static double traffic(const dn_unit_plan *p, int axis) {
    double sum = 0, rounds = (double)points_of(&p->kernel, DN_AXIS_REDUCE);
    bool reduce = p->kernel.axes[axis].kind == DN_AXIS_REDUCE;
    for (int i = 0; i < p->kernel.n_values + p->kernel.n_stores; i++) {
        access_info info = info_of(p, i);
        if (!info.access) continue;
        sum += info.body ? rounds * sectors(p, &info, axis)
               : reduce  ? SECTOR
                         : sectors(p, &info, axis);
    }
    return sum;
}

// ---- the axis of threads ----

// Whether points of the REDUCE axes must run in order: a store adds, or does not have a place for
// each of them.
static bool is_serial(const dn_unit_plan *p) {
    const dn_kernel *k = &p->kernel;
    for (int i = 0; i < k->n_stores; i++) {
        const dn_store *s = &k->stores[i];
        if (s->value >= k->n_body) continue;
        if (s->add || s->row >= 0) return true;
        for (int a = 0; a < k->n_axes; a++)
            if (k->axes[a].kind == DN_AXIS_REDUCE && !s->access.stride[a]) return true;
    }
    return false;
}

// The axis with the least traffic. A short REDUCE axis is left to one thread.
static int choose_neighbours(const dn_unit_plan *p, bool may_reduce) {
    const dn_kernel *k = &p->kernel;
    double least = 0;
    int best = -1;
    for (int a = k->n_axes - 1; a >= 0; a--) {
        bool reduce = k->axes[a].kind == DN_AXIS_REDUCE;
        if (k->axes[a].kind == DN_AXIS_SEQUENTIAL) continue;
        if (reduce && (!may_reduce || points_of(k, DN_AXIS_REDUCE) < WARP)) continue;
        double cost = traffic(p, a);
        if (best >= 0 && cost >= least) continue;
        least = cost;
        best = a;
    }
    return best;
}

// ---- vectors ----

// Whether an access to vectors of `width` lanes on `axis` is to aligned neighbours.
static bool is_aligned(const dn_unit_plan *p, const access_info *info, int axis, int width) {
    int64_t all = info->access->offset | info->access->stride[axis] * width;
    if (info->access->stride[axis] != 1) return false;
    for (int a = 0; a < p->kernel.n_axes; a++)
        if (a != axis) all |= info->access->stride[a];
    if (info->row >= 0) all |= info->scale;
    return all % width == 0 && !(info->row >= 0 && p->axes[info->row] >> axis & 1);
}

// Whether most accesses that depend on the axis gain by vectors.
static bool is_worth(const dn_unit_plan *p, int axis, int width) {
    int gain = 0, loss = 0;
    for (int i = 0; i < p->kernel.n_values + p->kernel.n_stores; i++) {
        access_info info = info_of(p, i);
        if (!info.access || !info.access->stride[axis]) continue;
        *(is_aligned(p, &info, axis, width) ? &gain : &loss) += 1;
    }
    return gain > loss;
}

// Lanes of 16 bytes at most.
static int most_lanes(const dn_unit_plan *p) {
    int lanes = 4;
    for (int i = 0; i < p->kernel.n_values; i++)
        if (dn_dtype_size(p->kernel.values[i].dtype) == 8) lanes = 2;
    return lanes;
}

// Of PARALLEL axes: where enough threads are left.
static int choose_width(const dn_unit_plan *p, int axis) {
    const dn_kernel *k = &p->kernel;
    double points = (double)points_of(k, DN_AXIS_PARALLEL) * (double)points_of(k, DN_AXIS_REDUCE);
    int width = most_lanes(p);
    while (width > 1 && (k->axes[axis].size % width || points < (double)FULL / 2 * width ||
                         !is_worth(p, axis, width)))
        width /= 2;
    return width;
}

// Of the last REDUCE axis: where a warp has enough to read.
static int choose_step(const dn_unit_plan *p, int axis) {
    int step = most_lanes(p);
    int64_t points = points_of(&p->kernel, DN_AXIS_REDUCE);
    while (step > 1 && (p->kernel.axes[axis].size % step || points < (int64_t)WARP * step ||
                        !is_worth(p, axis, step)))
        step /= 2;
    return step;
}

// ---- tiles ----

bool dn_unit_across(const dn_unit_plan *plan, int i) {
    const dn_kvalue *v = &plan->kernel.values[i];
    if (v->kind != DN_KV_LOAD || v->in[0] >= 0 || plan->tile < 0) return false;
    return llabs(v->access.stride[plan->lane]) > 1 && v->access.stride[plan->tile] == 1;
}

static int divisor(int64_t size, int most) {
    while (size % most) most /= 2;
    return most;
}

static void choose_tile(dn_unit_plan *p) {
    const dn_kernel *k = &p->kernel;
    if (p->lane < 0 || k->n_reductions || points_of(k, DN_AXIS_PARALLEL) < BLOCK) return;
    for (int a = 0; a < k->n_axes; a++)
        if (k->axes[a].kind != DN_AXIS_PARALLEL) return;
    for (int a = 0; a < k->n_axes; a++) {
        if (a == p->lane || k->axes[a].size < DN_TILE_HEIGHT) continue;
        p->tile = a;
        for (int i = 0; i < k->n_values; i++) {
            if (!dn_unit_across(p, i)) continue;
            p->height = divisor(k->axes[a].size, most_lanes(p));
            p->width = divisor(k->axes[p->lane].size, most_lanes(p));
            return;
        }
    }
    p->tile = -1;
}

// ---- threads ----

static int64_t units_of(const dn_unit_plan *p) {
    return points_of(&p->kernel, DN_AXIS_PARALLEL) / p->width / p->height;
}

// Units on the tile and lane axes are a rectangle; a warp has 8 on the lane axis, if there are.
static void choose_rectangle(dn_unit_plan *p) {
    int64_t wide = p->kernel.axes[p->lane].size / p->width;
    int64_t high = p->kernel.axes[p->tile].size / p->height;
    p->across = power_above(wide, 8);
    p->down = power_above(high, BLOCK / p->across);
    p->across = power_above(wide, BLOCK / p->down);
    if (p->across * p->down < WARP) p->across = WARP / p->down;
    p->grid = ceil_div(wide, p->across) * ceil_div(high, p->down);
    for (int i = 0; i < p->n_outer; i++) p->grid *= p->kernel.axes[p->outer[i]].size;
}

// Small kernels are spread over all multiprocessors.
static void choose_across(dn_unit_plan *p) {
    int64_t units = units_of(p) * p->owners;
    if (p->near && p->team > WARP) {
        p->across = 1;
    } else {
        p->across = p->team < BLOCK / 8 ? BLOCK / p->team : 8;
        while (p->across * p->team > 64 && p->across > 8 && units < MULTIPROCESSORS * p->across)
            p->across /= 2;
        p->across = power_above(units, p->across);
        if (p->across * p->team < WARP) p->across = WARP / p->team;
    }
    p->grid = ceil_div(units, p->across);
}

// A team grows while there are too few threads, or too many additions for each.
static bool team_grows(const dn_unit_plan *p, int64_t least_each) {
    if (p->vectors < least_each * 2 * p->team) return false;
    return (double)units_of(p) * p->team < FULL ||
           p->vectors / ((int64_t)p->team * p->unroll) > LONG_SUM;
}

static void grow_far_team(dn_unit_plan *p) {
    while (p->team < MOST_THREADS / 8 && team_grows(p, 4)) p->team *= 2;
}

static void choose_team(dn_unit_plan *p, bool serial) {
    double body = dn_kernel_cost(&p->kernel, true);
    int unroll = body <= 16 ? 4 : body <= 32 ? 2 : 1;
    p->team = p->unroll = 1;
    if (p->n_together) grow_far_team(p);
    if (p->n_together || serial) return;
    if (p->vectors <= DN_MOST_UNROLL && body * (double)p->vectors <= 128 && !p->near) {
        p->unroll = power_above(p->vectors, DN_MOST_UNROLL);
        return;
    }
    p->unroll = unroll;
    if (p->n_sequential) return;
    if (p->near) {
        p->team = power_above(p->vectors, WARP);
        while (p->team >= WARP && p->team < MOST_THREADS && team_grows(p, 1)) p->team *= 2;
    } else {
        grow_far_team(p);
    }
    while (p->unroll > 1 && p->vectors < (int64_t)p->team * p->unroll) p->unroll /= 2;
}

// ---- axes ----

static bool all_apart(const dn_kernel *k) {
    for (int i = 0; i < k->n_stores; i++)
        if (!dn_store_apart(k, &k->stores[i])) return false;
    return true;
}

// SEQUENTIAL axes on which no two points store to one place are as good as PARALLEL ones: those of
// windows that do not overlap.
static void free_axes(dn_arena *arena, const dn_kernel *from, dn_kernel *to) {
    *to = *from;
    to->axes = DN_NEW_ARRAY(arena, dn_axis, from->n_axes + 1);
    for (int a = 0; a < from->n_axes; a++) to->axes[a] = from->axes[a];
    for (int a = 0; a < from->n_axes; a++) {
        if (from->axes[a].kind != DN_AXIS_SEQUENTIAL) continue;
        to->axes[a].kind = DN_AXIS_PARALLEL;
        if (!all_apart(to)) to->axes[a].kind = DN_AXIS_SEQUENTIAL;
    }
}

// Takes as many SEQUENTIAL axes as it can from `sequential` to `together`, outer ones first.
static void choose_together(dn_unit_plan *p) {
    dn_axis axes[DN_MAX_AXES];
    dn_kernel still = p->kernel;  // the axes that are left stand still
    int n = 0;
    still.axes = axes;
    if (p->n_reduce || still.n_reductions) return;
    for (int a = 0; a < still.n_axes; a++) {
        axes[a] = p->kernel.axes[a];
        if (axes[a].kind == DN_AXIS_SEQUENTIAL) axes[a].size = 1;
    }
    for (int i = 0; i < p->n_sequential; i++) {
        int axis = p->sequential[i];
        axes[axis] = (dn_axis){p->kernel.axes[axis].size, DN_AXIS_PARALLEL};
        if (all_apart(&still)) {
            p->together[p->n_together++] = axis;
            continue;
        }
        axes[axis] = (dn_axis){1, DN_AXIS_SEQUENTIAL};
        p->sequential[n++] = axis;
    }
    p->n_sequential = n;
}

// Where all stores are to one row, which is the same for all lanes, threads can share the rows.
static bool can_own(const dn_unit_plan *p) {
    const dn_kernel *k = &p->kernel;
    if (!p->n_sequential || p->n_together || p->n_reduce || k->n_reductions) return false;
    int row = k->n_stores ? k->stores[0].row : -1;
    for (int i = 0; i < k->n_stores; i++)
        if (k->stores[i].row != row) return false;
    return row >= 0 && (p->lane < 0 || !(p->axes[row] >> p->lane & 1));
}

// Each owner goes through all points, to find its own.
static void choose_owners(dn_unit_plan *p) {
    int64_t points = points_of(&p->kernel, DN_AXIS_SEQUENTIAL);
    if (!can_own(p)) return;
    while (p->owners < MOST_OWNERS && points >= 16 * p->owners &&
           units_of(p) * p->owners < FULL / 4)
        p->owners *= 2;
}

static int64_t points_together(const dn_unit_plan *p) {
    int64_t points = 1;
    for (int i = 0; i < p->n_together; i++) points *= p->kernel.axes[p->together[i]].size;
    return points;
}

static void append_axes(const dn_unit_plan *p, dn_axis_kind kind, int *list, int *n) {
    for (int a = 0; a < p->kernel.n_axes; a++)
        if (p->kernel.axes[a].kind == kind && a != p->lane && a != p->tile) list[(*n)++] = a;
}

// Neighbouring threads of a team go over the last REDUCE axis.
static void make_last(dn_unit_plan *p, int axis) {
    int n = 0;
    for (int i = 0; i < p->n_reduce; i++)
        if (p->reduce[i] != axis) p->reduce[n++] = p->reduce[i];
    p->reduce[n] = axis;
}

void dn_unit_plan_make(const dn_kernel *kernel, dn_unit_plan *p) {
    *p = (dn_unit_plan){.lane = -1, .tile = -1, .width = 1, .height = 1, .step = 1, .owners = 1};
    dn_kernel freed;
    free_axes(&p->arena, kernel, &freed);
    dn_kernel_simplify(&p->arena, &freed, &p->kernel);
    p->axes = dn_kernel_dependences(&p->arena, &p->kernel);
    bool serial = is_serial(p);
    append_axes(p, DN_AXIS_REDUCE, p->reduce, &p->n_reduce);
    append_axes(p, DN_AXIS_SEQUENTIAL, p->sequential, &p->n_sequential);
    int axis = choose_neighbours(p, !serial && !p->n_sequential);
    choose_together(p);
    p->near = axis >= 0 && p->kernel.axes[axis].kind == DN_AXIS_REDUCE;
    if (p->near) {
        make_last(p, axis);
        p->step = choose_step(p, axis);
    } else if (axis >= 0) {
        p->lane = axis;
        p->width = choose_width(p, axis);
    }
    choose_tile(p);
    append_axes(p, DN_AXIS_PARALLEL, p->outer, &p->n_outer);
    p->vectors =
        p->n_together ? points_together(p) : points_of(&p->kernel, DN_AXIS_REDUCE) / p->step;
    choose_team(p, serial);
    choose_owners(p);
    if (p->tile >= 0)
        choose_rectangle(p);
    else
        choose_across(p);
}

void dn_unit_plan_free(dn_unit_plan *plan) { dn_arena_free(&plan->arena); }
