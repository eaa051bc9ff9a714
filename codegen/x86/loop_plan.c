// Choosing how a LOOP kernel runs: which axis the lanes go over, the order of the loops, the tasks.
// It depends on the kernel alone, not on the instruction set.
#include <float.h>
#include <math.h>

#include "codegen/x86/loop.h"

enum { TASK_WORK = 65536 };  // operations of a task

static int64_t ceil_div(int64_t a, int64_t b) { return (a + b - 1) / b; }

// ---- costs, in operations ----

static void narrow(int *width, dn_dtype dtype) {
    if (dn_x86_lanes(dtype) < *width) *width = dn_x86_lanes(dtype);
}

// How many lanes the dtypes of what depends on an axis allow.
static int width_on(const dn_loop_plan *p, int axis) {
    const dn_kernel *k = &p->kernel;
    int width = 64;
    for (int i = 0; i < k->n_values; i++)
        if (p->axes[i] >> axis & 1) narrow(&width, k->values[i].dtype);
    for (int i = 0; i < k->n_stores; i++) narrow(&width, k->values[k->stores[i].value].dtype);
    for (int i = 0; i < k->n_reductions; i++) narrow(&width, k->reductions[i].dtype);
    return width;
}

// Extra cost of the accesses that are not neighbours when lanes go over `axis`.
static double cost_of_strides(dn_loop_plan *p, int axis, bool body) {
    dn_kernel *k = &p->kernel;
    double cost = 0;
    for (int i = 0; i < k->n_values + k->n_stores; i++) {
        const dn_store *s = i < k->n_values ? NULL : &k->stores[i - k->n_values];
        if (!dn_kernel_access(k, i) || ((s ? s->value : i) < k->n_body) != body) continue;
        int64_t stride = dn_kernel_access(k, i)->stride[axis];
        int row = s ? s->row : k->values[i].in[0];
        bool own_rows = row >= 0 && p->axes[row] >> axis & 1;
        if (!s && k->values[i].kind == DN_KV_INDEX) continue;
        cost += own_rows ? 3 : stride < -1 || stride > 1 ? 1.5 : 0;
    }
    return cost;
}

static double points_of(const dn_kernel *k, dn_axis_kind kind) {
    double points = 1;
    for (int a = 0; a < k->n_axes; a++)
        if (k->axes[a].kind == kind) points *= (double)k->axes[a].size;
    return points;
}

// Vector operations for each result if lanes go over `axis`.
static double cost_with_lanes(dn_loop_plan *p, int axis) {
    int64_t size = p->kernel.axes[axis].size, vectors = ceil_div(size, width_on(p, axis));
    if (size == 0) return DBL_MAX;
    double lanes = (double)size / (double)vectors, rounds = points_of(&p->kernel, DN_AXIS_REDUCE);
    double body = p->body / lanes + cost_of_strides(p, axis, true);
    if (p->kernel.axes[axis].kind == DN_AXIS_REDUCE)
        return body * rounds + p->after +
               p->kernel.n_reductions * (4 + 3 * log2((double)width_on(p, axis)));
    return body * rounds + p->after / lanes + cost_of_strides(p, axis, false);
}

// ---- decisions ----

static void choose_lanes(dn_loop_plan *p) {
    double least = p->body * points_of(&p->kernel, DN_AXIS_REDUCE) + p->after;
    p->lane = -1;
    p->width = 1;
    for (int a = p->kernel.n_axes - 1; a >= 0; a--) {
        if (p->kernel.axes[a].kind == DN_AXIS_SEQUENTIAL) continue;
        double cost = cost_with_lanes(p, a);
        if (cost >= least) continue;
        least = cost;
        p->lane = a;
    }
    if (p->lane >= 0) p->width = width_on(p, p->lane);
    if (!dn_loop_lanes_reduce(p)) return;
    int64_t size = p->kernel.axes[p->lane].size;
    while (p->width / 2 >= size) p->width /= 2;
    p->accumulators = p->body <= 8 ? 4 : p->body <= 32 ? 2 : 1;
    while (p->accumulators > 1 && size < (int64_t)p->accumulators * p->width) p->accumulators /= 2;
}

static void append_axes(dn_loop_plan *p, dn_axis_kind kind, int *list, int *n) {
    for (int a = 0; a < p->kernel.n_axes; a++)
        if (p->kernel.axes[a].kind == kind && a != p->lane && a != p->tile) list[(*n)++] = a;
}

// Only where nothing is between the tile and the lanes.
static void choose_tile(dn_loop_plan *p) {
    const dn_kernel *k = &p->kernel;
    p->tile = -1;
    if (p->lane < 0 || k->n_reductions || p->width < DN_TILE) return;
    if (k->axes[p->lane].size < p->width) return;
    for (int a = 0; a < k->n_axes; a++)
        if (k->axes[a].kind != DN_AXIS_PARALLEL) return;
    for (int a = 0; a < k->n_axes; a++) {
        if (a == p->lane || k->axes[a].size < DN_TILE) continue;
        p->tile = a;
        for (int i = 0; i < k->n_values; i++)
            if (dn_loop_across(p, i)) return;
    }
    p->tile = -1;
}

static void order_loops(dn_loop_plan *p) {
    append_axes(p, DN_AXIS_PARALLEL, p->outer, &p->n_outer);
    if (p->tile >= 0) p->outer[p->n_outer++] = p->tile;
    append_axes(p, DN_AXIS_SEQUENTIAL, p->outer, &p->n_outer);
    append_axes(p, DN_AXIS_REDUCE, p->reduce, &p->n_reduce);
    if (dn_loop_lanes_reduce(p)) p->reduce[p->n_reduce++] = p->lane;
}

// Sums of floats that are long enough to lose digits.
static void choose_blocks(dn_loop_plan *p) {
    bool sums = false;
    for (int i = 0; i < p->kernel.n_reductions; i++) {
        const dn_reduction *r = &p->kernel.reductions[i];
        sums |= r->op == DN_OP_REDUCE_SUM && dn_dtype_is_float(r->dtype);
    }
    if (!sums || !p->n_reduce) return;
    int64_t rounds = p->kernel.axes[p->reduce[p->n_reduce - 1]].size;
    if (dn_loop_lanes_reduce(p)) rounds /= (int64_t)p->accumulators * p->width;
    p->blocks = rounds > 2 * DN_SUM_BLOCK || (p->n_reduce > 1 && rounds >= 8);
}

// Outer axes first; the lane axis, in whole vectors, last.
static void cut_tasks(dn_loop_plan *p) {
    int axes[DN_MAX_AXES], n = 0;
    append_axes(p, DN_AXIS_PARALLEL, axes, &n);
    if (p->tile >= 0) axes[n++] = p->tile;
    if (p->lane >= 0 && !dn_loop_lanes_reduce(p)) axes[n++] = p->lane;
    double work = (p->body * points_of(&p->kernel, DN_AXIS_REDUCE) + p->after) *
                  points_of(&p->kernel, DN_AXIS_SEQUENTIAL);
    for (int i = 0; i < n; i++) work *= (double)p->kernel.axes[axes[i]].size;
    p->cut = -1;
    p->chunks = p->tasks = n && points_of(&p->kernel, DN_AXIS_PARALLEL) == 0 ? 0 : 1;
    if (work < 1.5 * TASK_WORK) return;
    for (int i = 0; i < n && p->cut < 0; i++) {
        int64_t size = p->kernel.axes[axes[i]].size;
        work /= (double)size;
        if (work >= TASK_WORK && i + 1 < n && axes[i] != p->tile) {
            p->whole++;
            p->tasks *= size;
            continue;
        }
        int64_t unit = axes[i] == p->lane ? p->width : axes[i] == p->tile ? DN_TILE : 1;
        p->cut = axes[i];
        p->chunk = ceil_div((int64_t)ceil(TASK_WORK / work), unit) * unit;
        p->chunks = ceil_div(size, p->chunk);
        p->tasks *= p->chunks;
    }
    if (p->tasks == 1) p->cut = -1;
}

void dn_loop_plan_make(const dn_kernel *kernel, dn_loop_plan *p) {
    *p = (dn_loop_plan){0};
    dn_kernel_simplify(&p->arena, kernel, &p->kernel);
    p->axes = dn_kernel_dependences(&p->arena, &p->kernel);
    p->body = dn_kernel_cost(&p->kernel, true);
    p->after = dn_kernel_cost(&p->kernel, false);
    choose_lanes(p);
    choose_tile(p);
    order_loops(p);
    choose_blocks(p);
    cut_tasks(p);
}

void dn_loop_plan_free(dn_loop_plan *plan) { dn_arena_free(&plan->arena); }

int64_t dn_x86_loop_tasks(const dn_kernel *kernel) {
    dn_loop_plan plan;
    dn_loop_plan_make(kernel, &plan);
    dn_loop_plan_free(&plan);
    return plan.tasks;
}
