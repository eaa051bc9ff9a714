// LOOP kernels for tests of schedules: made by hand and at random.
#ifndef DN_TESTS_LOOP_CASES_H
#define DN_TESTS_LOOP_CASES_H

#include "tests/native/loop_oracle.h"

enum { RANDOM_TRIALS = 120 };  // the last ones

static trial *trials[512];
static int n_trials;

static trial *add_trial(const char *name) { return trials[n_trials++] = trial_new(name); }

static uint64_t state = 1;

static uint64_t next(void) {
    state = state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return state >> 33;
}

static int below(int n) { return (int)(next() % (uint64_t)n); }
static bool chance(int percent) { return below(100) < percent; }

// Small numbers, with many equal ones.
static void fill(dn_tensor *to) {
    for (int64_t i = 0; i < dn_shape_elements(&to->shape); i++) {
        double v = (double)next() / 1073741824.0 - 1;
        if (to->dtype == DN_BOOL) v = v > 0;
        if (to->dtype == DN_U8) v = floor(v * 100 + 100);
        if (to->dtype == DN_I32 || to->dtype == DN_I64) v = floor(v * 50);
        dn_tensor_set(to, i, chance(10) && dn_dtype_is_float(to->dtype) ? 0.5 : v);
    }
}

static dn_access at(int64_t offset, int64_t i, int64_t j, int64_t k) {
    return (dn_access){offset, {i, j, k}};
}

// ---- every elementwise op on every dtype ----

static const double special[] = {
    0,   -0.0,  1,     -1,   0.5,   -0.5, 2,   -2,           3.7,           -3.7,     2.5,
    10,  -10,   0.1,   1e-3, -1e-3, 80,   -80, 255,          256,           INFINITY, -INFINITY,
    NAN, 1e-20, 300.5, -129, 1e10,  7,    1e5, 2147483648.0, -2147483648.0, 9e18};

// Every pair of special values, and some more so that the last vector is not whole.
static void fill_pairs(trial *t, int x, int y) {
    int n = (int)(sizeof special / sizeof *special);
    for (int i = 0; i < n * n; i++) {
        dn_dtype dtype = t->buffers[x].dtype;
        double v[] = {special[i % n], special[i / n]};
        for (int k = 0; k < 2; k++) {
            if (dtype == DN_BOOL) v[k] = v[k] > 0;
            if (dtype == DN_U8) v[k] = fmod(isfinite(v[k]) ? fabs(floor(v[k])) : 0, 256);
            if (dtype == DN_I32)
                v[k] = v[k] > INT32_MAX ? INT32_MAX : v[k] < INT32_MIN ? INT32_MIN : v[k];
            if (dtype == DN_I64 && v[k] > 9e18) v[k] = 9e18;
            if (!dn_dtype_is_float(dtype) && v[k] != v[k]) v[k] = 3;
            if (dtype == DN_I64 && v[k] < -9e18) v[k] = -0x1p63;
        }
        dn_tensor_set(t->data[x], i, v[0]);
        dn_tensor_set(t->data[y], i, v[1]);
    }
}

static bool in_domain(dn_domain domain, dn_dtype dtype) {
    switch (domain) {
        case DN_DOMAIN_FLOAT: return dn_dtype_is_float(dtype);
        case DN_DOMAIN_NUMERIC: return dtype != DN_BOOL;
        case DN_DOMAIN_BOOLEAN: return dtype == DN_BOOL;
        default: return true;
    }
}

static void store_all(trial *t, int64_t count, int first) {
    for (int i = first; i < t->kernel.n_values; i++)
        trial_store(t, trial_arg(t, t->values[i].dtype, count), at(0, 1, 0, 0), i);
}

static void make_ops(dn_dtype dtype) {
    int64_t count = (int64_t)(sizeof special / sizeof *special);
    count = count * count + 7;
    trial *t = add_trial(dn_dtype_name(dtype));
    trial_axis(t, count, DN_AXIS_PARALLEL);
    int x = trial_arg(t, dtype, count), y = trial_arg(t, dtype, count);
    int c = trial_arg(t, DN_BOOL, count);
    fill_pairs(t, x, y);
    fill(t->data[c]);
    x = trial_load(t, x, at(0, 1, 0, 0));
    y = trial_load(t, y, at(0, 1, 0, 0));
    c = trial_load(t, c, at(0, 1, 0, 0));
    for (int op = 0; op < DN_OP_COUNT; op++) {
        const dn_op_info *info = dn_op_get((dn_op)op);
        if (info->class == DN_CLASS_OTHER || !in_domain(info->domain, dtype)) continue;
        trial_op(t, (dn_op)op, info->to_bool ? DN_BOOL : dtype, x,
                 info->class == DN_CLASS_BINARY ? y : -1, -1);
    }
    for (int to = 0; to < DN_DTYPE_COUNT; to++) trial_op(t, DN_OP_CAST, (dn_dtype)to, x, -1, -1);
    trial_op(t, DN_OP_SELECT, dtype, c, x, y);
    if (dn_dtype_is_float(dtype)) trial_op(t, DN_OP_IS_FINITE, DN_BOOL, x, -1, -1);
    store_all(t, count, 3);
}

// ---- by hand ----

static void make_rows(const char *name, int bad) {
    trial *t = add_trial(name);  // out[i, j] = table[index[i], j]; sum[index[i], j] += table[...]
    trial_axis(t, 40, DN_AXIS_PARALLEL);
    trial_axis(t, 21, DN_AXIS_SEQUENTIAL);
    int table = trial_arg(t, DN_F32, 10 * 40), index = trial_arg(t, DN_I32, 21);
    int out = trial_arg(t, DN_F32, 21 * 40), sum = trial_arg(t, DN_F32, 10 * 40);
    fill(t->data[table]);
    for (int i = 0; i < 21; i++) dn_tensor_set(t->data[index], i, i == bad ? 10 : i * 7 % 10);
    int row = trial_load(t, index, at(0, 0, 1, 0)), x = trial_load(t, table, at(0, 1, 0, 0));
    t->values[x].in[0] = row, t->values[x].scale = 40, t->values[x].rows = 10;
    trial_store(t, out, at(0, 1, 40, 0), x);
    dn_store *s = trial_store(t, sum, at(0, 1, 0, 0), x);
    s->add = true, s->row = row, s->scale = 40, s->rows = 10;
}

// table[index[i], :] += y[i, :], some rows often.
static void make_scatter(int64_t points, int64_t width, int64_t rows, int bad) {
    trial *t = add_trial("scatter");
    trial_axis(t, width, DN_AXIS_PARALLEL);
    trial_axis(t, points, DN_AXIS_SEQUENTIAL);
    int index = trial_arg(t, DN_I32, points), y = trial_arg(t, DN_F32, points * width);
    int table = trial_arg(t, DN_F32, rows * width);
    fill(t->data[y]);
    fill(t->data[table]);
    for (int i = 0; i < points; i++)
        dn_tensor_set(t->data[index], i, i == bad ? -1 : below((int)rows) / (1 + below(3)));
    int row = trial_load(t, index, at(0, 0, 1, 0));
    dn_store *s = trial_store(t, table, at(0, 1, 0, 0), trial_load(t, y, at(0, 1, width, 0)));
    s->add = true, s->row = row, s->scale = width, s->rows = rows;
}

// A row for each lane.
static void make_lane_rows(int bad) {
    trial *t = add_trial("a row for each lane");
    trial_axis(t, 37, DN_AXIS_PARALLEL);
    int table = trial_arg(t, DN_F64, 300), index = trial_arg(t, DN_I64, 37);
    int out = trial_arg(t, DN_F64, 37);
    fill(t->data[table]);
    for (int i = 0; i < 37; i++) dn_tensor_set(t->data[index], i, i == bad ? -3 : i * 7 % 100);
    int row = trial_load(t, index, at(0, 1, 0, 0)), x = trial_load(t, table, at(2, 0, 0, 0));
    t->values[x].in[0] = row, t->values[x].scale = 3, t->values[x].rows = 100;
    x = trial_op(t, DN_OP_SIN, DN_F64, x, -1, -1);  // so that lanes are worth it
    trial_store(t, out, at(0, 1, 0, 0), x);
}

// A long sum of one sign: it keeps its digits because blocks are summed first.
static void make_long_sum(int64_t rows, int64_t columns, bool transposed) {
    trial *t = add_trial(transposed ? "long sum of rows" : "long sum of columns");
    trial_axis(t, columns, DN_AXIS_PARALLEL);
    trial_axis(t, rows, DN_AXIS_REDUCE);
    int x = trial_arg(t, DN_F32, rows * columns), y = trial_arg(t, DN_F32, columns);
    for (int64_t i = 0; i < rows * columns; i++)
        dn_tensor_set(t->data[x], i, 0.1 + (double)next() / 1e12);
    x = trial_load(t, x, transposed ? at(0, rows, 1, 0) : at(0, 1, columns, 0));
    t->kernel.n_body = 1;
    trial_reduce(t, DN_OP_REDUCE_SUM, x);
    trial_store(t, y, at(0, 1, 0, 0), trial_result(t, 0));
}

// Nothing to reduce: the sum of nothing is 0, its product 1, the largest of nothing -inf.
static void make_empty(dn_dtype dtype) {
    static const dn_op ops[] = {DN_OP_REDUCE_SUM, DN_OP_REDUCE_PROD, DN_OP_REDUCE_MAX,
                                DN_OP_REDUCE_MIN};
    trial *t = add_trial("empty reduction");
    trial_axis(t, 20, DN_AXIS_PARALLEL);
    trial_axis(t, 0, DN_AXIS_REDUCE);
    int x = trial_load(t, trial_arg(t, dtype, 0), at(0, 0, 1, 0));
    t->kernel.n_body = 1;
    for (int i = 0; i < 4; i++) {
        trial_reduce(t, ops[i], x);
        trial_store(t, trial_arg(t, dtype, 20), at(0, 1, 0, 0), trial_result(t, i));
    }
}

// No points at all: nothing is written.
static void make_nothing(void) {
    trial *t = add_trial("no points");
    trial_axis(t, 0, DN_AXIS_PARALLEL);
    trial_axis(t, 20, DN_AXIS_PARALLEL);
    int x = trial_load(t, trial_arg(t, DN_F32, 20), at(0, 0, 1, 0));
    trial_store(t, trial_arg(t, DN_F32, 20), at(0, 0, 1, 0),
                trial_op(t, DN_OP_NEG, DN_F32, x, -1, -1));
}

// ARGMAX and its relatives with NaN and equal elements, along each axis.
static void make_first_best(dn_op op, int64_t rows, bool contiguous, double special_value) {
    trial *t = add_trial(dn_op_get(op)->name);
    trial_axis(t, 19, DN_AXIS_PARALLEL);
    trial_axis(t, rows, DN_AXIS_REDUCE);
    bool arg = op == DN_OP_ARGMAX || op == DN_OP_ARGMIN;
    int x = trial_arg(t, DN_F32, 19 * rows), y = trial_arg(t, arg ? DN_I32 : DN_F32, 19);
    for (int64_t i = 0; i < 19 * rows; i++)
        dn_tensor_set(t->data[x], i, chance(3) ? special_value : below(5));
    x = trial_load(t, x, contiguous ? at(0, rows, 1, 0) : at(0, 1, 19, 0));
    t->kernel.n_body = 1;
    trial_reduce(t, op, x);
    trial_store(t, y, at(0, 1, 0, 0), trial_result(t, 0));
}

// The same over two axes that are not one: x [5, 19, 30] over its first and last, in either order.
static void make_first_best_of_two(dn_op op, bool last_inside, double special_value) {
    trial *t = add_trial(dn_op_get(op)->name);
    trial_axis(t, 19, DN_AXIS_PARALLEL);
    trial_axis(t, last_inside ? 5 : 30, DN_AXIS_REDUCE);
    trial_axis(t, last_inside ? 30 : 5, DN_AXIS_REDUCE);
    int x = trial_arg(t, DN_F32, 5 * 19 * 30), y = trial_arg(t, DN_I32, 19);
    for (int64_t i = 0; i < 5 * 19 * 30; i++)
        dn_tensor_set(t->data[x], i, chance(3) ? special_value : below(5));
    x = trial_load(t, x, last_inside ? at(0, 30, 570, 1) : at(0, 30, 1, 570));
    t->kernel.n_body = 1;
    trial_reduce(t, op, x);
    trial_store(t, y, at(0, 1, 0, 0), trial_result(t, 0));
}

// y[i, j, k] = x[k, i, j] + z[j, i, k]: read across the lanes, in tiles.
static void make_transposed(dn_dtype dtype, int64_t i, int64_t j, int64_t k) {
    trial *t = add_trial("transposed");
    trial_axis(t, i, DN_AXIS_PARALLEL);
    trial_axis(t, j, DN_AXIS_PARALLEL);
    trial_axis(t, k, DN_AXIS_PARALLEL);
    int x = trial_arg(t, dtype, i * j * k), z = trial_arg(t, dtype, i * j * k);
    int y = trial_arg(t, dtype, i * j * k);
    fill(t->data[x]);
    fill(t->data[z]);
    x = trial_load(t, x, at(0, j, 1, i * j));
    z = trial_load(t, z, at(0, k, i * k, 1));
    dn_op op = dtype == DN_BOOL ? DN_OP_AND : DN_OP_ADD;
    trial_store(t, y, at(0, j * k, k, 1), trial_op(t, op, dtype, x, z, -1));
}

// m, v and w in place, with numbers from memory that all points share.
static trial *make_adam(int64_t count) {
    trial *t = add_trial("adam");
    int arg[7], v[16];
    trial_axis(t, count, DN_AXIS_PARALLEL);
    for (int i = 0; i < 7; i++) arg[i] = trial_arg(t, DN_F32, i < 4 ? count : 1);
    for (int i = 0; i < 7; i++) fill(t->data[arg[i]]);
    for (int64_t i = 0; i < count; i++)
        dn_tensor_set(t->data[arg[2]], i, fabs(dn_tensor_get(t->data[arg[2]], i)));
    for (int i = 4; i < 7; i++) dn_tensor_set(t->data[arg[i]], 0, 0.9 + 0.01 * i);
    for (int i = 0; i < 7; i++) v[i] = trial_load(t, arg[i], at(0, i < 4, 0, 0));
    int one = trial_const(t, DN_F32, 1), epsilon = trial_const(t, DN_F32, 1e-8);
    int g = v[3], b1 = v[4], b2 = v[5], rate = v[6];
    int c1 = trial_op(t, DN_OP_SUB, DN_F32, one, b1, -1);
    int c2 = trial_op(t, DN_OP_SUB, DN_F32, one, b2, -1);
    int m = trial_op(t, DN_OP_ADD, DN_F32, trial_op(t, DN_OP_MUL, DN_F32, v[1], b1, -1),
                     trial_op(t, DN_OP_MUL, DN_F32, g, c1, -1), -1);
    int gg = trial_op(t, DN_OP_MUL, DN_F32, g, g, -1);
    int s = trial_op(t, DN_OP_ADD, DN_F32, trial_op(t, DN_OP_MUL, DN_F32, v[2], b2, -1),
                     trial_op(t, DN_OP_MUL, DN_F32, gg, c2, -1), -1);
    int root =
        trial_op(t, DN_OP_ADD, DN_F32, trial_op(t, DN_OP_SQRT, DN_F32, s, -1, -1), epsilon, -1);
    int step =
        trial_op(t, DN_OP_DIV, DN_F32, trial_op(t, DN_OP_MUL, DN_F32, m, rate, -1), root, -1);
    int w = trial_op(t, DN_OP_SUB, DN_F32, v[0], step, -1);
    trial_store(t, arg[1], at(0, 1, 0, 0), m);
    trial_store(t, arg[2], at(0, 1, 0, 0), s);
    trial_store(t, arg[0], at(0, 1, 0, 0), w);
    return t;
}

// Sums, a maximum and where it is, of each column: x [outer, rows, columns] over the rows.
static void make_columns(dn_dtype dtype, int64_t outer, int64_t rows, int64_t columns) {
    trial *t = add_trial("columns");
    t->tolerance = 1e-4;
    trial_axis(t, outer, DN_AXIS_PARALLEL);
    trial_axis(t, columns, DN_AXIS_PARALLEL);
    trial_axis(t, rows, DN_AXIS_REDUCE);
    int x = trial_arg(t, dtype, outer * rows * columns), b = trial_arg(t, dtype, columns);
    fill(t->data[x]);
    fill(t->data[b]);
    x = trial_load(t, x, at(0, rows * columns, 1, columns));
    b = trial_load(t, b, at(0, 0, 1, 0));
    int y = trial_op(t, DN_OP_MUL, dtype, x, b, -1);
    t->kernel.n_body = 3;
    trial_reduce(t, DN_OP_REDUCE_SUM, y);
    trial_reduce(t, DN_OP_REDUCE_MAX, x);
    trial_reduce(t, DN_OP_ARGMAX, x);
    for (int i = 0; i < 3; i++) {
        int value = trial_result(t, i);
        int to = trial_arg(t, t->values[value].dtype, outer * columns);
        trial_store(t, to, at(0, columns, 1, 0), value);
    }
}

// The same of each row, from numbers that only 64 bits count.
static void make_far_rows(int64_t rows, int64_t columns) {
    trial *t = add_trial("rows, counted in 64 bits");
    trial_axis(t, rows, DN_AXIS_PARALLEL);
    trial_axis(t, columns, DN_AXIS_REDUCE);
    int x = trial_arg(t, DN_I64, rows * columns), y = trial_arg(t, DN_I64, rows);
    fill(t->data[x]);
    x = trial_load(t, x, at(0, columns, 1, 0));
    int far = trial_value(t, (dn_kvalue){.kind = DN_KV_INDEX,
                                         .dtype = DN_I64,
                                         .in = {-1, -1, -1},
                                         .access = at(INT64_C(1) << 40, 1, 1, 0)});
    far = trial_op(t, DN_OP_ADD, DN_I64, x, far, -1);
    t->kernel.n_body = 3;
    trial_reduce(t, DN_OP_REDUCE_SUM, far);
    trial_store(t, y, at(0, 1, 0, 0), trial_result(t, 0));
}

// out[i * stride + k, c] += y[i, k, c]: windows that overlap if they are wider than the stride.
static void make_windows(int64_t count, int64_t width, int64_t stride, int64_t channels) {
    trial *t = add_trial("windows");
    t->tolerance = 1e-4;
    trial_axis(t, channels, DN_AXIS_PARALLEL);
    trial_axis(t, count, DN_AXIS_SEQUENTIAL);
    trial_axis(t, width, DN_AXIS_SEQUENTIAL);
    int y = trial_arg(t, DN_F32, count * width * channels);
    int out = trial_arg(t, DN_F32, ((count - 1) * stride + width) * channels);
    fill(t->data[y]);
    fill(t->data[out]);
    y = trial_load(t, y, at(0, 1, width * channels, channels));
    trial_store(t, out, at(0, 1, stride * channels, channels), y)->add = true;
}

// ---- at random ----

static const int sizes[] = {1, 2, 3, 4, 5, 7, 8, 9, 15, 16, 17, 31, 33, 40, 64, 65, 100, 130, 700};

static void random_axes(trial *t) {
    int parallel = below(4), sequential = chance(20), reduce = chance(50) ? 1 + below(2) : 0;
    int64_t points = 1;
    for (int i = 0; i < parallel + sequential + reduce; i++) {
        int64_t size = sizes[below((int)(sizeof sizes / sizeof *sizes))];
        while (points * size > 60000) size = (size + 1) / 3;
        points *= size;
        trial_axis(t, size,
                   i < parallel                ? DN_AXIS_PARALLEL
                   : i < parallel + sequential ? DN_AXIS_SEQUENTIAL
                                               : DN_AXIS_REDUCE);
    }
}

// An access that has its own element for each index of the axes in `own` and none for the others;
// how many elements there are. Laid out in some order, perhaps with gaps or backwards.
static int64_t random_access(const trial *t, uint32_t own, bool plain, dn_access *access) {
    int order[DN_MAX_AXES], n = t->kernel.n_axes;
    int64_t count = !plain && chance(15) ? 2 : 1;
    *access = (dn_access){0};
    for (int i = 0; i < n; i++) order[i] = i;
    for (int i = n - 1; i > 0 && !plain && chance(40); i--) {
        int k = below(i + 1), swap = order[i];
        order[i] = order[k], order[k] = swap;
    }
    for (int i = n - 1; i >= 0; i--) {
        if (!(own >> order[i] & 1)) continue;
        int64_t size = t->axes[order[i]].size;
        bool backwards = !plain && chance(10);
        access->stride[order[i]] = backwards ? -count : count;
        if (backwards) access->offset += count * (size - 1);
        count *= size;
    }
    int64_t before = plain ? 0 : below(3);
    access->offset += before;
    return count + before;
}

static uint32_t axes_that(const trial *t, bool reduce) {
    uint32_t axes = 0;
    for (int a = 0; a < t->kernel.n_axes; a++)
        if (reduce || t->axes[a].kind != DN_AXIS_REDUCE) axes |= 1u << a;
    return axes;
}

static int random_load(trial *t, dn_dtype dtype, uint32_t axes) {
    dn_access access;
    if (chance(40)) axes &= (uint32_t)next();
    int64_t count = random_access(t, axes, chance(50), &access);
    int arg = trial_arg(t, dtype, count);
    fill(t->data[arg]);
    return trial_load(t, arg, access);
}

// Some of what has been computed, of a dtype; -1 if nothing is.
static int random_operand(const trial *t, dn_dtype dtype) {
    for (int tries = 0; tries < 40; tries++) {
        int i = below(t->kernel.n_values);
        if (t->values[i].dtype == dtype) return i;
    }
    return -1;
}

static void random_op(trial *t, dn_dtype dtype) {
    static const dn_op ops[] = {DN_OP_ADD, DN_OP_SUB, DN_OP_MUL, DN_OP_MAX, DN_OP_MIN};
    int x = random_operand(t, dtype), y = random_operand(t, dtype);
    int c = random_operand(t, DN_BOOL);
    if (x < 0 || y < 0) return;
    switch (below(5)) {
        case 0: trial_op(t, DN_OP_LT, DN_BOOL, x, y, -1); break;
        case 1:
            if (c >= 0) trial_op(t, DN_OP_SELECT, dtype, c, x, y);
            break;
        case 2: trial_op(t, DN_OP_CAST, (dn_dtype)below(DN_DTYPE_COUNT), x, -1, -1); break;
        default: trial_op(t, ops[below(5)], dtype, x, y, -1);
    }
}

static void random_index(trial *t, uint32_t axes) {
    dn_access access;
    random_access(t, axes, false, &access);
    trial_value(t, (dn_kvalue){.kind = DN_KV_INDEX,
                               .dtype = chance(50) ? DN_F32 : DN_I32,
                               .in = {-1, -1, -1},
                               .access = access});
}

static void random_body(trial *t, dn_dtype dtype) {
    uint32_t axes = axes_that(t, true);
    random_load(t, dtype, axes);
    for (int i = below(3); i > 0; i--) random_load(t, dtype, axes);
    if (chance(30)) random_load(t, (dn_dtype)below(DN_DTYPE_COUNT), axes);
    if (chance(30)) random_index(t, axes);
    trial_const(t, dtype, 0.75);
    for (int i = below(6); i > 0; i--) random_op(t, dtype);
}

static void random_reductions(trial *t, int reduce_axes) {
    static const dn_op ops[] = {DN_OP_REDUCE_SUM,  DN_OP_REDUCE_MAX, DN_OP_REDUCE_MIN,
                                DN_OP_REDUCE_PROD, DN_OP_ARGMAX,     DN_OP_ARGMIN};
    t->kernel.n_body = t->kernel.n_values;
    for (int i = 1 + below(3); i > 0; i--) {
        int value = below(t->kernel.n_body);
        dn_op op = ops[below(reduce_axes > 1 ? 3 : 6)];
        if (t->values[value].dtype == DN_BOOL) continue;
        if (op == DN_OP_REDUCE_PROD && dn_dtype_is_float(t->values[value].dtype)) continue;
        if (op == DN_OP_REDUCE_SUM && t->values[value].dtype == DN_BF16) continue;
        trial_reduce(t, op, value);
    }
    for (int i = 0; i < t->kernel.n_reductions; i++) trial_result(t, i);
}

// Of the last values, so that most of the others are used.
static void random_stores(trial *t, uint32_t outer) {
    dn_access access;
    bool sequential = false;
    for (int a = 0; a < t->kernel.n_axes; a++) sequential |= t->axes[a].kind == DN_AXIS_SEQUENTIAL;
    int last = t->kernel.n_values - 1;
    for (int i = last; i >= 0 && i > last - 4; i--) {
        dn_dtype dtype = t->values[i].dtype;
        uint32_t axes = i < t->kernel.n_body ? axes_that(t, true) : outer;
        bool sums = dtype != DN_BOOL && dtype != DN_BF16;
        bool add = sequential && sums && i >= t->kernel.n_body;
        if (add)
            for (int a = 0; a < t->kernel.n_axes; a++)
                if (t->axes[a].kind == DN_AXIS_SEQUENTIAL) axes &= ~(1u << a);
        int64_t count = random_access(t, axes, chance(70), &access);
        trial_store(t, trial_arg(t, dtype, count), access, i)->add = add;
    }
}

// In the place of something that is loaded.
static void random_in_place(trial *t) {
    const dn_kvalue *v = &t->values[0];
    int last = t->kernel.n_values - 1;
    if (t->kernel.n_reductions || t->values[last].dtype != v->dtype) return;
    for (int a = 0; a < t->kernel.n_axes; a++)
        if (!v->access.stride[a] && t->axes[a].size > 1) return;
    trial_store(t, v->arg, v->access, last);
}

static void make_random(int number) {
    static const dn_dtype dtypes[] = {DN_F32, DN_F32, DN_F32, DN_F64, DN_I32, DN_I64, DN_U8};
    char name[40];
    snprintf(name, sizeof name, "random %d", number);
    state = (uint64_t)number * 7919 + 17;
    for (int i = 0; i < 5; i++) next();
    trial *t = add_trial(name);
    dn_dtype dtype = dtypes[below(7)];
    int reduce = 0;
    random_axes(t);
    for (int a = 0; a < t->kernel.n_axes; a++) reduce += t->axes[a].kind == DN_AXIS_REDUCE;
    random_body(t, dtype);
    if (reduce) random_reductions(t, reduce);
    uint32_t outer = axes_that(t, false);
    if (reduce && chance(50)) random_load(t, dtype, outer);
    random_stores(t, outer);
    if (chance(30)) random_in_place(t);
    t->tolerance = 2e-5;
}

// ---- all of them ----

static void make_trials(void) {
    for (int dtype = 0; dtype < DN_DTYPE_COUNT; dtype++) make_ops((dn_dtype)dtype);
    make_rows("rows", -1);
    make_rows("a row outside", 12);
    make_lane_rows(-1);
    make_lane_rows(21);
    make_long_sum(100000, 3, false);
    make_long_sum(3000, 50, false);
    make_long_sum(70001, 2, true);
    static const dn_dtype dtypes[] = {DN_F32, DN_F64, DN_I32, DN_I64, DN_U8};
    for (int i = 0; i < 5; i++) make_empty(dtypes[i]);
    make_nothing();
    static const dn_op ops[] = {DN_OP_ARGMAX, DN_OP_ARGMIN, DN_OP_REDUCE_MAX, DN_OP_REDUCE_MIN};
    for (int i = 0; i < 16; i++)
        make_first_best(ops[i % 4], i < 8 ? 150 : 11, i / 4 % 2, i % 3 ? NAN : 6);
    for (int i = 0; i < 8; i++) make_first_best_of_two(ops[i % 2], i / 2 % 2, i < 4 ? NAN : 6);
    for (int dtype = 0; dtype < DN_DTYPE_COUNT; dtype++) {
        make_transposed((dn_dtype)dtype, 3, 19, 70);
        make_transposed((dn_dtype)dtype, 40, 48, 67);
    }
    make_adam(100003);
    make_adam(280000);
    make_columns(DN_F32, 3, 600, 160);
    make_columns(DN_F64, 2, 500, 290);
    make_columns(DN_U8, 1, 70, 19);
    make_far_rows(5, 200);
    make_far_rows(3, 21);
    make_scatter(300, 50, 20, -1);
    make_scatter(1001, 3, 200, 17);
    make_windows(20, 3, 3, 40);
    make_windows(20, 3, 2, 40);
    for (int i = 0; i < RANDOM_TRIALS; i++) make_random(i);
}

#endif
