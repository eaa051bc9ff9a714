// Building the loops of Winograd's algorithm: arguments that begin inside a buffer, and products
// with small constant matrices.
#include "codegen/kernel/winograd_loop.h"

#include <math.h>
#include <stdlib.h>

// ---- kernels ----

int dn_wino_axis_add(dn_wino_loop *l, int64_t size) {
    bool added = dn_space_add(&l->j.space, size, DN_AXIS_PARALLEL, 0, 0);
    DN_ASSERT(added, "too many axes");
    return l->j.space.n - 1;
}

void dn_wino_open(dn_wino_loop *l, dn_kernels *out, dn_arena *arena, const char *name,
                  dn_span span) {
    l->out = out;
    l->arena = arena;
    dn_building_open(&l->j, arena, DN_KERNEL_LOOP, name, span);
}

void dn_wino_close(dn_wino_loop *l) {
    dn_kernel *k = l->j.b.kernel;
    k->begins = dn_arena_copy(l->arena, l->begins, (size_t)k->n_args * sizeof *l->begins);
    free(l->begins);
    k->n_body = k->n_values;
    dn_building_close(&l->j);
    DN_PUSH(l->out->list, l->out->n, l->out->cap) = k;
}

int dn_wino_arg(dn_wino_loop *l, int buffer, int64_t begin) {
    dn_kernel *k = l->j.b.kernel;
    for (int i = 0; i < k->n_args; i++)
        if (k->args[i] == buffer && l->begins[i] == begin) return i;
    int n = k->n_args;
    DN_PUSH(l->begins, n, l->cap_begins) = begin;
    DN_PUSH(k->args, k->n_args, l->j.b.cap_args) = buffer;
    return k->n_args - 1;
}

int dn_wino_load(dn_wino_loop *l, int arg, const dn_access *at) {
    dn_kernel *k = l->j.b.kernel;
    dn_kvalue value = {.kind = DN_KV_LOAD,
                       .dtype = l->out->buffers[k->args[arg]].dtype,
                       .in = {-1, -1, -1},
                       .arg = arg,
                       .access = *at};
    return dn_builder_widened(&l->j.b, &value, value.dtype == DN_BF16 ? DN_F32 : value.dtype);
}

void dn_wino_store(dn_wino_loop *l, int arg, int value, const dn_access *at) {
    dn_kernel *k = l->j.b.kernel;
    dn_kvalue zero = {
        .kind = DN_KV_CONST, .dtype = l->out->buffers[k->args[arg]].dtype, .in = {-1, -1, -1}};
    if (value < 0) value = dn_builder_push(&l->j.b, &zero);
    DN_PUSH(k->stores, k->n_stores, l->j.cap_stores) =
        (dn_store){.arg = arg, .value = value, .access = *at, .row = -1};
}

// ---- small matrices ----

static dn_dtype dtype_of(const dn_wino_loop *l, int value) {
    return l->j.b.kernel->values[value].dtype;
}

static int binary(dn_wino_loop *l, dn_op op, int a, int b) {
    dn_kvalue value = {
        .kind = DN_KV_ELEMENTWISE, .op = op, .dtype = dtype_of(l, a), .in = {a, b, -1}};
    return dn_builder_push(&l->j.b, &value);
}

static int times(dn_wino_loop *l, int value, double factor) {
    if (factor == 1) return value;
    dn_kvalue number = {
        .kind = DN_KV_CONST, .dtype = dtype_of(l, value), .in = {-1, -1, -1}, .number = factor};
    return binary(l, DN_OP_MUL, value, dn_builder_push(&l->j.b, &number));
}

// A sum under construction: `value` (-1: 0), or its negative.
typedef struct sum {
    int value;
    bool negative;
} sum;

static void add(dn_wino_loop *l, sum *s, int value, bool negative) {
    if (s->value < 0)
        *s = (sum){value, negative};
    else if (s->negative && !negative)
        *s = (sum){binary(l, DN_OP_SUB, value, s->value), false};
    else
        s->value = binary(l, s->negative == negative ? DN_OP_ADD : DN_OP_SUB, s->value, value);
}

// The sum of c[k * step] * x[k]. What has the same factor, but for its sign, is added up first.
static int combine(dn_wino_loop *l, const double *c, int step, int n, const int *x) {
    bool done[DN_MOST_POINTS] = {false};
    sum total = {-1, false};
    for (int k = 0; k < n; k++) {
        double factor = fabs(c[k * step]);
        sum group = {-1, false};
        for (int i = k; i < n; i++) {
            if (done[i] || x[i] < 0 || factor == 0 || fabs(c[i * step]) != factor) continue;
            add(l, &group, x[i], c[i * step] < 0);
            done[i] = true;
        }
        if (group.value >= 0) add(l, &total, times(l, group.value, factor), group.negative);
    }
    if (!total.negative) return total.value;
    dn_kvalue negative = {.kind = DN_KV_ELEMENTWISE,
                          .op = DN_OP_NEG,
                          .dtype = dtype_of(l, total.value),
                          .in = {total.value, -1, -1}};
    return dn_builder_push(&l->j.b, &negative);
}

void dn_wino_transform(dn_wino_loop *l, const double *m, int m_rows, const double *n, int n_rows,
                       bool transposed, const dn_wino_square *x, dn_wino_square *out) {
    int step = transposed ? DN_MOST_POINTS : 1, row = transposed ? 1 : DN_MOST_POINTS;
    dn_wino_square half = {x->rows, n_rows, {0}};
    for (int r = 0; r < x->rows; r++)
        for (int c = 0; c < n_rows; c++)
            half.value[r * n_rows + c] =
                combine(l, n + c * row, step, x->columns, x->value + r * x->columns);
    *out = (dn_wino_square){m_rows, n_rows, {0}};
    for (int c = 0; c < n_rows; c++) {
        int column[DN_MOST_POINTS];
        for (int r = 0; r < x->rows; r++) column[r] = half.value[r * n_rows + c];
        for (int r = 0; r < m_rows; r++)
            out->value[r * n_rows + c] = combine(l, m + r * row, step, x->rows, column);
    }
}
