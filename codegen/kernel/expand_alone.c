// Nodes that are kernels of their own: random numbers, and what writes to places instead of reading
// from them (PAD, CONCAT, WINDOW_SUM, SCATTER_ADD). Copies and packed operands too.
#include <string.h>

#include "codegen/kernel/expand.h"
#include "codegen/kernel/space.h"

typedef struct alone {
    const dn_fusion *fusion;
    const dn_group *group;
    dn_arena *arena;
    dn_kernel_sink *sink;
    void *context;
} alone;

static int number(dn_builder *b, dn_dtype dtype, double value) {
    return dn_builder_push(
        b, &(dn_kvalue){.kind = DN_KV_CONST, .dtype = dtype, .in = {-1, -1, -1}, .number = value});
}

static void fill(const alone *a, const char *name, dn_span span, int id, dn_dtype dtype,
                 int64_t count, double value) {
    dn_building j = {0};
    dn_space_add(&j.space, count, DN_AXIS_PARALLEL, 1, 1);
    dn_building_open(&j, a->arena, DN_KERNEL_LOOP, name, span);
    dn_access at = dn_space_linear(&j.space, j.space.first, 0);
    dn_building_store(&j, id, number(&j.b, dtype, value), &at);
    j.b.kernel->n_body = j.b.kernel->n_values;
    dn_building_close(&j);
    a->sink(a->context, j.b.kernel);
}

static void fill_node(const alone *a, const dn_node *node, double value) {
    fill(a, dn_op_get(node->op)->name, node->span, node->id, node->type.dtype, dn_elements(node),
         value);
}

// ---- random numbers ----

static void random_numbers(const alone *a, const dn_node *node) {
    dn_building j = {0};
    const dn_attr_value *seed = dn_node_attr(node, DN_ATTR_SEED);
    dn_building_open(&j, a->arena, DN_KERNEL_RANDOM, dn_op_get(node->op)->name, node->span);
    dn_builder_arg(&j.b, node->id);
    dn_kernel *k = j.b.kernel;
    k->normal = node->op == DN_OP_NORMAL;
    k->keyed = seed != NULL;
    k->seed = seed ? (uint64_t)seed->i : 0;
    k->site = (uint32_t)dn_node_int(node, DN_ATTR_SITE);
    dn_building_close(&j);
    a->sink(a->context, k);
}

// ---- writing an operand to places of the result ----
// `space`: first = strides in the operand, second = strides in the result.

typedef struct spread {
    const dn_node *node, *operand;
    dn_space space;
    int64_t from, to;     // offsets in the operand and in the result
    const dn_node *rows;  // SCATTER_ADD's indices: their strides are first / row
    int64_t row;
    bool add;
} spread;

static int row_value(dn_building *j, const spread *s) {
    dn_access at = dn_space_linear(&j->space, j->space.first, 0);
    dn_index index;
    dn_split split;
    for (int i = 0; i < j->space.n; i++)
        at.stride[i] = j->space.axes[i].kind == DN_AXIS_SEQUENTIAL ? at.stride[i] / s->row : 0;
    if (!dn_index_of(&at, j->space.axes, j->space.n, &s->rows->type, &index, &split)) {
        j->b.failed = true;
        j->b.split = split;
        return -1;
    }
    return dn_builder_value(&j->b, s->rows, &index);
}

static void build_spread(dn_building *j, const spread *s) {
    dn_building_open(j, j->b.arena, DN_KERNEL_LOOP, dn_op_get(s->node->op)->name, s->node->span);
    j->b.linear = dn_space_linear(&j->space, j->space.first, s->from);
    dn_access to = dn_space_linear(&j->space, j->space.second, s->to);
    int value = dn_builder_here(&j->b, s->operand);
    int row = s->rows && value >= 0 ? row_value(j, s) : -1;
    dn_kernel *k = j->b.kernel;
    if (!j->b.failed) {
        dn_building_store(j, s->node->id, value, &to);
        k->stores[0].add = s->add;
        k->stores[0].row = row;
        k->stores[0].scale = s->row;
        k->stores[0].rows = s->rows ? s->node->type.dims[0] : 0;
        k->n_body = k->n_values;
    }
    dn_building_close(j);
}

// NULL, or a node that has to be a root for this to be possible.
static const dn_node *run_spread(const alone *a, const spread *s) {
    dn_building j = {.space = s->space};
    for (;;) {
        j.b = (dn_builder){
            .arena = a->arena, .fusion = a->fusion, .group = a->group, .split = {.axis = -1}};
        j.cap_stores = 0;
        build_spread(&j, s);
        if (!j.b.failed) break;
        if (!dn_space_split(&j.space, j.b.split)) return j.b.obstacle ? j.b.obstacle : s->operand;
    }
    a->sink(a->context, j.b.kernel);
    return NULL;
}

static int64_t clip(int64_t x, int64_t low, int64_t high) {
    return x < low ? low : x > high ? high : x;
}

// The operand's elements that are inside: element i goes to lo + i * (interior + 1).
static const dn_node *pad(const alone *a, const dn_node *node) {
    const dn_node *x = node->in[0];
    spread s = {.node = node, .operand = x};
    const dn_dim *lo = dn_node_dims(node, DN_ATTR_LO, NULL);
    const dn_dim *interior = dn_node_dims(node, DN_ATTR_INTERIOR, NULL);
    int64_t from[DN_MAX_RANK], to[DN_MAX_RANK];
    dn_strides_of(&x->type, from);
    dn_strides_of(&node->type, to);
    fill_node(a, node, dn_node_number(node, DN_ATTR_VALUE));
    for (int d = 0; d < x->type.rank; d++) {
        int64_t step = interior[d] + 1, size = x->type.dims[d];
        int64_t begin = lo[d] < 0 ? clip((-lo[d] + step - 1) / step, 0, size) : 0;
        int64_t last = node->type.dims[d] - 1 - lo[d];
        int64_t end = last < 0 ? begin : clip(last / step + 1, begin, size);
        if (end == begin) return NULL;
        s.from += begin * from[d];
        s.to += (lo[d] + begin * step) * to[d];
        dn_space_add(&s.space, end - begin, DN_AXIS_PARALLEL, from[d], step * to[d]);
    }
    return run_spread(a, &s);
}

static const dn_node *concat(const alone *a, const dn_node *node) {
    int axis = (int)dn_node_int(node, DN_ATTR_AXIS);
    int64_t from[DN_MAX_RANK], to[DN_MAX_RANK], offset = 0;
    dn_strides_of(&node->type, to);
    for (int k = 0; k < node->n_in; k++) {
        const dn_node *x = node->in[k];
        spread s = {.node = node, .operand = x, .to = offset};
        dn_strides_of(&x->type, from);
        for (int d = 0; d < x->type.rank; d++)
            dn_space_add(&s.space, x->type.dims[d], DN_AXIS_PARALLEL, from[d], to[d]);
        offset += x->type.dims[axis] * to[axis];
        const dn_node *obstacle = dn_elements(x) ? run_spread(a, &s) : NULL;
        if (obstacle) return obstacle;
    }
    return NULL;
}

// [N, O..., K..., C] added to [N, S..., C] at s = o * stride + k * dilation
static const dn_node *window_sum(const alone *a, const dn_node *node) {
    const dn_node *x = node->in[0];
    spread s = {.node = node, .operand = x, .add = true};
    int n;
    const dn_dim *stride = dn_node_dims(node, DN_ATTR_STRIDE, &n);
    const dn_dim *dilation = dn_node_dims(node, DN_ATTR_DILATION, NULL);
    int64_t from[DN_MAX_RANK], to[DN_MAX_RANK];
    int last = x->type.rank - 1;
    dn_strides_of(&x->type, from);
    dn_strides_of(&node->type, to);
    fill_node(a, node, 0);
    dn_space_add(&s.space, x->type.dims[0], DN_AXIS_PARALLEL, from[0], to[0]);
    dn_space_add(&s.space, x->type.dims[last], DN_AXIS_PARALLEL, 1, 1);
    for (int i = 1; i <= n; i++)
        dn_space_add(&s.space, x->type.dims[i], DN_AXIS_SEQUENTIAL, from[i], stride[i - 1] * to[i]);
    for (int i = 1; i <= n; i++)
        dn_space_add(&s.space, x->type.dims[n + i], DN_AXIS_SEQUENTIAL, from[n + i],
                     dilation[i - 1] * to[i]);
    return dn_elements(x) ? run_spread(a, &s) : NULL;
}

static const dn_node *scatter_add(const alone *a, const dn_node *node) {
    const dn_node *rows = node->in[0], *u = node->in[1];
    spread s = {.node = node, .operand = u, .rows = rows, .row = 1, .add = true};
    int64_t from[DN_MAX_RANK];
    int n = rows->type.rank;
    dn_strides_of(&u->type, from);
    fill_node(a, node, 0);
    for (int d = n; d < u->type.rank; d++) {
        dn_space_add(&s.space, u->type.dims[d], DN_AXIS_PARALLEL, from[d], from[d]);
        s.row *= u->type.dims[d];
    }
    for (int d = 0; d < n; d++)
        dn_space_add(&s.space, u->type.dims[d], DN_AXIS_SEQUENTIAL, from[d], 0);
    return dn_elements(u) ? run_spread(a, &s) : NULL;
}

const dn_node *dn_expand_alone(const dn_fusion *fusion, const dn_group *group, dn_arena *arena,
                               dn_kernel_sink *sink, void *context) {
    alone a = {fusion, group, arena, sink, context};
    const dn_node *node = group->lead;
    if (dn_elements(node) == 0) return NULL;
    switch (node->op) {
        case DN_OP_PAD: return pad(&a, node);
        case DN_OP_CONCAT: return concat(&a, node);
        case DN_OP_WINDOW_SUM: return window_sum(&a, node);
        case DN_OP_SCATTER_ADD: return scatter_add(&a, node);
        default: random_numbers(&a, node); return NULL;
    }
}

// ---- copies ----

typedef struct copying {
    const char *name;
    dn_span span;
    dn_dtype dtype, to_dtype;
    int from, to;  // arguments
    int64_t from_offset, to_offset;
} copying;

static dn_kernel *copy_kernel(dn_arena *arena, const dn_space *space, const copying *c) {
    dn_building j = {.space = *space};
    dn_building_open(&j, arena, DN_KERNEL_LOOP, c->name, c->span);
    dn_kvalue value = {.kind = DN_KV_LOAD,
                       .dtype = c->dtype,
                       .in = {-1, -1, -1},
                       .arg = dn_builder_arg(&j.b, c->from),
                       .access = dn_space_linear(space, space->first, c->from_offset)};
    dn_access at = dn_space_linear(space, space->second, c->to_offset);
    dn_building_store(&j, c->to, dn_builder_widened(&j.b, &value, c->to_dtype), &at);
    j.b.kernel->n_body = j.b.kernel->n_values;
    dn_building_close(&j);
    return j.b.kernel;
}

dn_kernel *dn_expand_copy(dn_arena *arena, const dn_node *node, dn_dtype dtype, int from, int to) {
    dn_space space = {0};
    copying c = {"copy", node->span, node->type.dtype, dtype, from, to, 0, 0};
    dn_space_add(&space, dn_elements(node), DN_AXIS_PARALLEL, 1, 1);
    return copy_kernel(arena, &space, &c);
}

// ---- packing ----

// The second operand as [batch][reduction][column], with strides in elements.
typedef struct matrix {
    int batches;
    int64_t batch[DN_MAX_RANK], batch_stride[DN_MAX_RANK];
    int64_t outer, inner, outer_stride, inner_stride;  // the reduction: (tap, channel), or k
    int64_t columns, column_stride;
} matrix;

static matrix matrix_of(const dn_contract *c) {
    matrix m;
    memset(&m, 0, sizeof m);  // compared as bytes
    m.batches = 1;
    m.batch[0] = c->groups;
    m.outer = 1;
    int64_t channels = c->channels / (c->groups ? c->groups : 1);
    int64_t filters = c->filters / (c->groups ? c->groups : 1);
    if (c->op == DN_OP_DOT) {
        m.batches = c->batches;
        for (int i = 0; i < c->batches; i++) {
            m.batch[i] = c->batch[i];
            m.batch_stride[i] = c->b_batch[i];
        }
        m.inner = c->k;
        m.inner_stride = c->b_k;
        m.columns = c->n;
        m.column_stride = c->b_n;
        return m;
    }
    bool forward = c->op == DN_OP_CONV;
    m.batch_stride[0] = filters;
    for (int i = 0; i < c->spatial; i++) m.outer *= c->kernel[i];
    m.outer_stride = channels * c->filters;
    m.inner = forward ? channels : filters;
    m.inner_stride = forward ? c->filters : 1;
    m.columns = forward ? filters : channels;
    m.column_stride = forward ? 1 : c->filters;
    return m;
}

static int64_t panels_of(const matrix *m, int64_t width) {
    return (m->columns + width - 1) / width;
}

static int64_t batches_of(const matrix *m) {
    int64_t n = 1;
    for (int i = 0; i < m->batches; i++) n *= m->batch[i];
    return n;
}

bool dn_same_pack(const dn_contract *a, const dn_contract *b) {
    matrix x = matrix_of(a), y = matrix_of(b);
    return memcmp(&x, &y, sizeof x) == 0;
}

int64_t dn_packed_elements(const dn_contract *contract, dn_pack pack) {
    matrix m = matrix_of(contract);
    return batches_of(&m) * panels_of(&m, pack.width) * m.outer * m.inner * pack.width;
}

// `panels` panels from number `first` on, of `lanes` columns each.
static void pack_part(const alone *a, const matrix *m, dn_pack pack, const copying *whole,
                      int64_t first, int64_t panels, int64_t lanes) {
    dn_space s = {0};
    int64_t width = pack.width, together = pack.pairs ? 2 : 1;
    int64_t steps = m->outer * m->inner, panel = steps * width;
    int64_t stride = panel * panels_of(m, width) * batches_of(m);
    for (int i = 0; i < m->batches; i++) {
        stride /= m->batch[i];
        dn_space_add(&s, m->batch[i], DN_AXIS_PARALLEL, m->batch_stride[i], stride);
    }
    // Rows of columns side by side are read whole, not a panel's part from each page in turn.
    bool rows = m->column_stride == 1;
    if (!rows) dn_space_add(&s, panels, DN_AXIS_PARALLEL, m->column_stride * width, panel);
    dn_space_add(&s, m->outer, DN_AXIS_PARALLEL, m->outer_stride, m->inner * width);
    dn_space_add(&s, m->inner / together, DN_AXIS_PARALLEL, together * m->inner_stride,
                 together * width);
    if (rows) dn_space_add(&s, panels, DN_AXIS_PARALLEL, width, panel);
    dn_space_add(&s, lanes, DN_AXIS_PARALLEL, m->column_stride, together);
    dn_space_add(&s, together, DN_AXIS_PARALLEL, m->inner_stride, 1);
    copying part = *whole;
    part.from_offset = first * width * m->column_stride;
    part.to_offset = first * panel;
    a->sink(a->context, copy_kernel(a->arena, &s, &part));
}

void dn_expand_pack(const dn_contract *contract, dn_dtype dtype, int source, int packed,
                    dn_pack pack, dn_span span, dn_arena *arena, dn_kernel_sink *sink,
                    void *context) {
    alone a = {.arena = arena, .sink = sink, .context = context};
    dn_dtype to = pack.pairs ? DN_BF16 : contract->dtype;
    copying c = {"pack", span, dtype, to, source, packed, 0, 0};
    matrix m = matrix_of(contract);
    int64_t whole = m.columns / pack.width, rest = m.columns % pack.width;
    int64_t count = dn_packed_elements(contract, pack);
    if (count == 0) return;
    if (rest) fill(&a, "pack", span, packed, to, count, 0);
    if (whole) pack_part(&a, &m, pack, &c, 0, whole, pack.width);
    if (rest) pack_part(&a, &m, pack, &c, whole, 1, rest);
}

dn_kernel *dn_expand_rows(dn_contract *c, dn_dtype dtype, int source, int copy, dn_span span,
                          dn_arena *arena) {
    copying rows = {"pack", span, dtype, dtype, source, copy, 0, 0};
    dn_space s = {0};
    int64_t stride = c->m * c->k;
    for (int i = 0; i < c->batches; i++) stride *= c->batch[i];
    for (int i = 0; i < c->batches; i++) {
        stride /= c->batch[i];
        dn_space_add(&s, c->batch[i], DN_AXIS_PARALLEL, c->a_batch[i], stride);
        c->a_batch[i] = stride;
    }
    dn_space_add(&s, c->m, DN_AXIS_PARALLEL, c->a_m, c->k);
    dn_space_add(&s, c->k, DN_AXIS_PARALLEL, c->a_k, 1);
    c->a_m = c->k;
    c->a_k = 1;
    return copy_kernel(arena, &s, &rows);
}
