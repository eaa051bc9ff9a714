// What a LOOP kernel means, by the interpreter: each value is a tensor over all points.
#ifndef DN_TESTS_LOOP_ORACLE_H
#define DN_TESTS_LOOP_ORACLE_H

#include "codegen/interp/interp.h"
#include "tests/native/loop_trial.h"

typedef struct oracle {
    trial *t;
    int64_t points, rounds;  // of the outer axes; of the REDUCE axes at each
    dn_tensor *values[MOST_ENTRIES];
    dn_tensor *results[8];
} oracle;

// Points are numbered with the REDUCE axes, which are the last, fastest. `whole`: over all axes,
// else over the others.
static inline int64_t oracle_at(const oracle *o, const dn_access *access, bool whole, int64_t i) {
    int64_t at = access->offset;
    for (int a = o->t->kernel.n_axes - 1; a >= 0; a--) {
        if (!whole && o->t->axes[a].kind == DN_AXIS_REDUCE) continue;
        at += access->stride[a] * (i % o->t->axes[a].size);
        i /= o->t->axes[a].size;
    }
    return at;
}

static inline dn_tensor *oracle_tensor(dn_dtype dtype, int64_t count) {
    dn_tensor *tensor = NULL;
    dn_shape shape = dn_shape_of(1, &count);
    CHECK_OK(dn_tensor_zeros(dtype, &shape, &tensor));
    return tensor;
}

static inline void oracle_copy(dn_tensor *to, int64_t i, const dn_tensor *from, int64_t k) {
    size_t size = dn_dtype_size(to->dtype);
    memcpy((char *)to->data + (size_t)i * size, (char *)from->data + (size_t)k * size, size);
}

// An elementwise op on whole tensors, by the interpreter.
static inline dn_tensor *oracle_op(dn_op op, dn_dtype dtype, dn_tensor **in, int n) {
    dn_dims *dims = dn_dims_new();
    dn_graph *graph = dn_graph_new(dims, "op");
    dn_node *operands[3], *node = NULL;
    int64_t count = in[0]->shape.dims[0];
    for (int k = 0; k < n; k++)
        operands[k] = dn_graph_input(graph, "x", dn_type_of(in[k]->dtype, 1, &count));
    dn_type type = dn_type_of(dtype, 1, &count);
    CHECK_OK(dn_graph_op(graph, op, operands, n, NULL, 0, op == DN_OP_CAST ? &type : NULL, &node));
    dn_tensor *out = NULL;
    CHECK_OK(dn_interp_node(NULL, node, in, 0, 0, &out));
    dn_graph_free(graph);
    dn_dims_free(dims);
    return out;
}

// Operand `value` of something over `count` points: a body value, behind the body, is its first.
static inline dn_tensor *oracle_operand(const oracle *o, int value, int64_t count) {
    dn_tensor *v = o->values[value];
    if (v->shape.dims[0] == count) return dn_tensor_retain(v);
    dn_tensor *few = oracle_tensor(v->dtype, count);
    for (int64_t i = 0; i < count; i++) oracle_copy(few, i, v, i * o->rounds);
    return few;
}

static inline int64_t oracle_row(const dn_tensor *rows, int64_t i, int64_t most, trial *t) {
    if (!rows) return 0;
    int64_t row = (int64_t)dn_tensor_get(rows, i);
    if (row >= 0 && row < most) return row;
    if (!t->fault.rows) t->fault = (dn_native_fault){.index = row, .rows = most};
    return -1;
}

static inline void oracle_load(oracle *o, int i, dn_tensor *to, bool whole) {
    const dn_kvalue *v = &o->t->values[i];
    int64_t count = to->shape.dims[0];
    dn_tensor *rows = v->in[0] >= 0 ? oracle_operand(o, v->in[0], count) : NULL;
    for (int64_t p = 0; p < count; p++) {
        int64_t row = oracle_row(rows, p, v->rows, o->t);
        if (row < 0) row = 0;
        oracle_copy(to, p, o->t->want[v->arg], oracle_at(o, &v->access, whole, p) + row * v->scale);
    }
    dn_tensor_release(rows);
}

static inline void oracle_value(oracle *o, int i) {
    const dn_kvalue *v = &o->t->values[i];
    bool whole = i < o->t->kernel.n_body;
    int64_t count = whole ? o->points * o->rounds : o->points;
    dn_tensor *in[3] = {0};
    int n = v->op == DN_OP_SELECT ? 3 : dn_op_get(v->op)->arity;
    if (v->kind == DN_KV_ELEMENTWISE) {
        for (int k = 0; k < n; k++) in[k] = oracle_operand(o, v->in[k], count);
        o->values[i] = oracle_op(v->op, v->dtype, in, n);
        for (int k = 0; k < n; k++) dn_tensor_release(in[k]);
        return;
    }
    if (v->kind == DN_KV_RESULT) {
        o->values[i] = dn_tensor_retain(o->results[v->arg]);
        return;
    }
    o->values[i] = oracle_tensor(v->dtype, count);
    if (v->kind == DN_KV_LOAD) oracle_load(o, i, o->values[i], whole);
    for (int64_t p = 0; p < count && v->kind != DN_KV_LOAD; p++) {
        double index = (double)oracle_at(o, &v->access, whole, p);
        dn_tensor_set(o->values[i], p, v->kind == DN_KV_CONST ? v->number : index);
    }
}

static inline void oracle_stores(oracle *o, bool body) {
    int64_t count = body ? o->points * o->rounds : o->points;
    for (int64_t p = 0; p < count; p++) {
        for (int i = 0; i < o->t->kernel.n_stores; i++) {
            const dn_store *s = &o->t->stores[i];
            if ((s->value < o->t->kernel.n_body) != body) continue;
            dn_tensor *to = o->t->want[s->arg], *v = o->values[s->value];
            int64_t at = oracle_at(o, &s->access, body, p);
            int64_t row = oracle_row(s->row >= 0 ? o->values[s->row] : NULL, p, s->rows, o->t);
            if (row < 0) continue;
            at += row * s->scale;
            if (s->add)
                dn_tensor_set(to, at, dn_tensor_get(to, at) + dn_tensor_get(v, p));
            else
                oracle_copy(to, at, v, p);
        }
    }
}

// By the interpreter's reduction over axis 1 of [points, rounds].
static inline dn_tensor *oracle_reduce(const oracle *o, const dn_reduction *r) {
    dn_dims *dims = dn_dims_new();
    dn_graph *graph = dn_graph_new(dims, "reduce");
    dn_tensor matrix = *o->values[r->value], *in[] = {&matrix}, *out = NULL;
    matrix.shape = (dn_shape){2, {o->points, o->rounds}};
    dn_dim axis = 1;
    dn_node *x = dn_graph_input(graph, "x", dn_type_of(matrix.dtype, 2, matrix.shape.dims)), *node;
    bool arg = r->op == DN_OP_ARGMAX || r->op == DN_OP_ARGMIN;
    dn_attr_value attr = arg ? dn_attr_int(DN_ATTR_AXIS, 1) : dn_attr_dims(DN_ATTR_AXES, 1, &axis);
    CHECK_OK(dn_graph_op(graph, r->op, &x, 1, &attr, 1, NULL, &node));
    CHECK_OK(dn_interp_node(NULL, node, in, 0, 0, &out));
    dn_graph_free(graph);
    dn_dims_free(dims);
    return out;
}

// Sets t->want and t->fault.
static inline void oracle_run(trial *t) {
    oracle o = {.t = t, .points = 1, .rounds = 1};
    const dn_kernel *k = &t->kernel;
    for (int a = 0; a < k->n_axes; a++)
        *(t->axes[a].kind == DN_AXIS_REDUCE ? &o.rounds : &o.points) *= t->axes[a].size;
    for (int i = 0; i < k->n_args; i++) CHECK_OK(dn_tensor_copy(t->data[i], &t->want[i]));
    for (int i = 0; i < k->n_body; i++) oracle_value(&o, i);
    oracle_stores(&o, true);
    for (int i = 0; i < k->n_reductions; i++) o.results[i] = oracle_reduce(&o, &k->reductions[i]);
    for (int i = k->n_body; i < k->n_values; i++) oracle_value(&o, i);
    oracle_stores(&o, false);
    for (int i = 0; i < k->n_values; i++) dn_tensor_release(o.values[i]);
    for (int i = 0; i < k->n_reductions; i++) dn_tensor_release(o.results[i]);
}

#endif
