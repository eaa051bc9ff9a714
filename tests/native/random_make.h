// Random graphs, the ground: a maker picks operands from a pool of nodes and adds what fits. Each
// node is evaluated as it is made, so that values stay tame and indices within their tables.
#ifndef DN_TESTS_NATIVE_RANDOM_MAKE_H
#define DN_TESTS_NATIVE_RANDOM_MAKE_H

#include "tests/passes/run_graph.h"

// A graph and what to run it on.
typedef struct run_case {
    dn_graph *graph;
    dn_tensor **inputs, **vars;  // one for each of the graph's
    uint64_t seed, step;
} run_case;

static inline void free_case(run_case *c) {
    for (int i = 0; i < c->graph->n_inputs; i++) dn_tensor_release(c->inputs[i]);
    for (int i = 0; i < c->graph->n_vars; i++) dn_tensor_release(c->vars[i]);
    free(c->inputs);
    free(c->vars);
    dn_graph_free(c->graph);
    *c = (run_case){0};
}

enum { MOST_NODES = 80, SIZES = 4 };

typedef struct maker {
    dn_graph *graph;
    dice d;
    dn_node *pool[MOST_NODES];  // what may be an operand or a result
    int n, computed;            // how many, and how many of them have operands
    dn_tensor **values;         // of each node of the graph, NULL for those that were refused
    int n_values;
    dn_dim sizes[SIZES];  // of axes; few, so that shapes meet
    int64_t most;         // elements of a tensor
    bool wild;            // infinite and NaN values are welcome
    uint64_t seed, step;
} maker;

static inline int64_t elements_of(const dn_type *type) {
    int64_t n = 1;
    for (int i = 0; i < type->rank; i++) n *= type->dims[i];
    return n;
}

static inline bool chance(maker *m, int one_in) { return pick(&m->d, one_in) == 0; }

static inline dn_dim size_of(maker *m) { return chance(m, 10) ? 1 : m->sizes[pick(&m->d, SIZES)]; }

// ---- values ---------------------------------------------------------------------------------

static inline double some_float(maker *m) {
    static const double plain[] = {0, 1, -1, 0.5, 2};
    static const double strange[] = {INFINITY, -INFINITY, NAN, -0.0, 1e30, -1e-40, 88.5, -104};
    if (m->wild && chance(m, 12)) return strange[pick(&m->d, 8)];
    return chance(m, 8) ? plain[pick(&m->d, 5)] : roll(&m->d, -2, 2);
}

static inline double some_integer(maker *m, dn_dtype dtype) {
    if (dtype == DN_U8) return pick(&m->d, 256);
    if (chance(m, 16)) return dtype == DN_I32 ? INT32_MIN : -0x1p63;
    if (chance(m, 16)) return dtype == DN_I32 ? INT32_MAX : 1e17;
    return pick(&m->d, 9) - 4;
}

// limit: indices in [0, limit); 0: any numbers.
static inline dn_tensor *some_values(maker *m, const dn_type *type, dn_dim limit) {
    dn_shape shape = dn_type_shape(type);
    dn_tensor *t = NULL;
    dn_status status = dn_tensor_new(type->dtype, &shape, &t);
    DN_ASSERT(!status, "%s", dn_status_message(status));
    for (int64_t i = 0; i < dn_shape_elements(&shape); i++) {
        double value;
        if (limit)
            value = pick(&m->d, (int)limit);
        else if (type->dtype == DN_BOOL)
            value = pick(&m->d, 2);
        else
            value = dn_dtype_is_float(type->dtype) ? some_float(m) : some_integer(m, type->dtype);
        dn_tensor_set(t, i, value);
    }
    return t;
}

static inline bool tame(const dn_tensor *t) {
    if (!dn_dtype_is_float(t->dtype)) return true;
    for (int64_t i = 0; i < dn_shape_elements(&t->shape); i++)
        if (!(fabs(dn_tensor_get(t, i)) <= 1e4)) return false;
    return true;
}

// Where node's value is, NULL if it has none yet.
static inline dn_tensor **value_of(maker *m, const dn_node *node) {
    if (node->id >= m->n_values) {
        int count = 2 * node->id + 16;
        m->values = dn_xrealloc(m->values, (size_t)count * sizeof *m->values);
        for (int i = m->n_values; i < count; i++) m->values[i] = NULL;
        m->n_values = count;
    }
    return &m->values[node->id];
}

// ---- nodes ----------------------------------------------------------------------------------

static inline dn_node *keep(maker *m, dn_node *node) {
    m->computed += node->n_in > 0;
    if (m->n < MOST_NODES) m->pool[m->n++] = node;
    return node;
}

// One of the pool, often a late one: chains grow.
static inline dn_node *any(maker *m) {
    if (m->n > 5 && chance(m, 2)) return m->pool[m->n - 1 - pick(&m->d, 4)];
    return m->pool[pick(&m->d, m->n)];
}

static inline bool in_domain(dn_domain domain, dn_dtype dtype) {
    if (domain == DN_DOMAIN_FLOAT) return dn_dtype_is_float(dtype);
    if (domain == DN_DOMAIN_ANY) return true;
    return (domain == DN_DOMAIN_BOOLEAN) == (dtype == DN_BOOL);
}

static inline dn_node *any_in(maker *m, dn_domain domain) {
    for (int i = 0; i < 12; i++) {
        dn_node *x = any(m);
        if (in_domain(domain, x->type.dtype)) return x;
    }
    return NULL;
}

// The node, if it fits, is small enough and its values are welcome; else NULL.
static inline dn_node *try_op(maker *m, dn_op op, dn_node *const *in, int n_in,
                              const dn_attr_value *attrs, int n_attrs, const dn_type *type) {
    dn_node *out = NULL;
    dn_tensor *operands[8];
    for (int i = 0; i < n_in; i++)
        if (!in[i]) return NULL;
    if (type && elements_of(type) > m->most) return NULL;
    dn_status status = dn_graph_op(m->graph, op, in, n_in, attrs, n_attrs, type, &out);
    bool fits = !status && elements_of(&out->type) <= m->most;
    dn_status_free(status);
    if (!fits) return NULL;
    dn_tensor **value = value_of(m, out);
    if (*value) return out;  // there already
    for (int i = 0; i < n_in; i++) operands[i] = *value_of(m, in[i]);
    status = dn_interp_node(NULL, out, operands, m->seed, m->step, value);
    if (!status && (m->wild || tame(*value))) return keep(m, out);
    if (!status) dn_tensor_release(*value);
    *value_of(m, out) = NULL;
    dn_status_free(status);
    return NULL;
}

static inline dn_node *new_input(maker *m, const dn_type *type, dn_dim limit) {
    char name[16];
    if (elements_of(type) > m->most) return NULL;
    snprintf(name, sizeof name, "x%d", m->graph->n_inputs);
    dn_node *node = dn_graph_input(m->graph, name, *type);
    *value_of(m, node) = some_values(m, type, limit);
    return keep(m, node);
}

static inline dn_node *new_variable(maker *m, const dn_type *type) {
    char name[16];
    if (elements_of(type) > m->most) return NULL;
    snprintf(name, sizeof name, "v%d", m->graph->n_vars);
    dn_node *node = dn_graph_variable(m->graph, name, *type);
    *value_of(m, node) = some_values(m, type, 0);
    return keep(m, node);
}

static inline double constant_for(maker *m, dn_dtype dtype) {
    if (dtype == DN_BOOL) return pick(&m->d, 2);
    if (dtype == DN_U8) return (double[]){0, 1, 2, 255}[pick(&m->d, 4)];
    if (!dn_dtype_is_float(dtype)) return (double[]){0, 1, -1, 2, 7, -3}[pick(&m->d, 6)];
    if (m->wild && chance(m, 8)) return (double[]){INFINITY, -INFINITY, NAN}[pick(&m->d, 3)];
    return (double[]){0, 1, -1, 0.5, 2, 0.1, -1.5}[pick(&m->d, 7)];
}

static inline dn_node *new_const(maker *m, const dn_type *type) {
    dn_attr_value attr = dn_attr_number(DN_ATTR_VALUE, constant_for(m, type->dtype));
    return try_op(m, DN_OP_CONST, NULL, 0, &attr, 1, type);
}

static inline dn_node *new_iota(maker *m, const dn_type *type) {
    if (type->rank == 0) return NULL;
    dn_attr_value attr = dn_attr_int(DN_ATTR_AXIS, pick(&m->d, type->rank));
    return try_op(m, DN_OP_IOTA, NULL, 0, &attr, 1, type);
}

static inline dn_node *new_random(maker *m, const dn_type *type) {
    dn_attr_value attrs[] = {dn_attr_int(DN_ATTR_SITE, pick(&m->d, 1000)),
                             dn_attr_int(DN_ATTR_SEED, pick(&m->d, 1000))};
    dn_op op = chance(m, 2) ? DN_OP_UNIFORM : DN_OP_NORMAL;
    return try_op(m, op, NULL, 0, attrs, 1 + chance(m, 3), type);
}

// Some axes of `type` are left out of a new input, or of size 1, and broadcast.
static inline dn_node *new_broadcast(maker *m, const dn_type *type) {
    dn_type small = {.dtype = type->dtype};
    dn_dim axes[DN_MAX_RANK] = {0};
    for (int i = 0; i < type->rank; i++) {
        if (chance(m, 2)) continue;
        axes[small.rank] = i;
        small.dims[small.rank++] = chance(m, 3) ? 1 : type->dims[i];
    }
    dn_node *x = NULL;
    for (int i = 0; i < 8 && !x; i++) {
        dn_node *y = any(m);
        if (dn_type_equal(&y->type, &small)) x = y;
    }
    if (!x) x = new_input(m, &small, 0);
    dn_attr_value attr = dn_attr_dims(DN_ATTR_AXES, small.rank, axes);
    return try_op(m, DN_OP_BROADCAST, &x, 1, &attr, 1, type);
}

// A node of this type: of the pool, or new.
static inline dn_node *node_of(maker *m, const dn_type *type) {
    for (int i = 0; i < 8; i++) {
        dn_node *x = any(m);
        if (dn_type_equal(&x->type, type)) return x;
    }
    switch (pick(&m->d, 8)) {
        case 0: return new_const(m, type);
        case 1: return new_variable(m, type);
        case 2:
        case 3:
        case 4: return new_broadcast(m, type);
        case 5:
            if (dn_dtype_is_float(type->dtype)) return new_random(m, type);
            if (type->dtype != DN_BOOL) return new_iota(m, type);
            return new_input(m, type, 0);
        default: return new_input(m, type, 0);
    }
}

static inline dn_dtype some_dtype(maker *m) {
    static const dn_dtype dtypes[] = {DN_F32,  DN_F32, DN_F32, DN_F32, DN_BF16, DN_BF16,
                                      DN_BF16, DN_F64, DN_I32, DN_I64, DN_U8,   DN_BOOL};
    return dtypes[pick(&m->d, 12)];
}

static inline dn_type some_type(maker *m) {
    int rank = chance(m, 8) ? pick(&m->d, 7) : pick(&m->d, 5);
    dn_type type = {.dtype = some_dtype(m), .rank = rank};
    for (int i = 0; i < rank; i++) type.dims[i] = size_of(m);
    for (int i = 0; i < rank && elements_of(&type) > m->most / 2; i++) type.dims[i] = 1;
    return type;
}

#endif
