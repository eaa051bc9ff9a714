// Random graphs: one maker for each family of ops.
#ifndef DN_TESTS_NATIVE_RANDOM_OPS_H
#define DN_TESTS_NATIVE_RANDOM_OPS_H

#include "tests/native/random_make.h"

// ---- elementwise ----------------------------------------------------------------------------

static inline void make_unary(maker *m) {
    dn_op op;
    do op = (dn_op)pick(&m->d, DN_OP_COUNT);
    while (dn_op_get(op)->class != DN_CLASS_UNARY);
    dn_node *x = any_in(m, dn_op_get(op)->domain);
    bool positive = op == DN_OP_LOG || op == DN_OP_LOG1P || op == DN_OP_SQRT || op == DN_OP_RSQRT;
    if (positive && !m->wild) x = try_op(m, DN_OP_ABS, &x, 1, NULL, 0, NULL);
    try_op(m, op, &x, 1, NULL, 0, NULL);
}

static inline void make_binary(maker *m) {
    dn_op op;
    do op = (dn_op)pick(&m->d, DN_OP_COUNT);
    while (dn_op_get(op)->class != DN_CLASS_BINARY);
    dn_node *in[] = {any_in(m, dn_op_get(op)->domain), NULL};
    if (op == DN_OP_POW && !m->wild) in[0] = try_op(m, DN_OP_ABS, in, 1, NULL, 0, NULL);
    if (!in[0]) return;
    in[1] = node_of(m, &in[0]->type);
    bool swap = chance(m, 2) && op != DN_OP_POW;
    try_op(m, op, (dn_node *[]){in[swap], in[!swap]}, 2, NULL, 0, NULL);
}

// Arithmetic on what was made last: long fused expressions.
static inline void make_chain(maker *m) {
    static const dn_op ops[] = {DN_OP_ADD, DN_OP_SUB, DN_OP_MUL, DN_OP_MAX, DN_OP_MIN};
    for (int i = 1 + pick(&m->d, 4); i > 0; i--) {
        dn_node *x = m->pool[m->n - 1];
        if (x->type.dtype == DN_BOOL || chance(m, 4)) {
            make_unary(m);
        } else {
            dn_node *y = node_of(m, &x->type);
            try_op(m, ops[pick(&m->d, 5)], (dn_node *[]){x, y}, 2, NULL, 0, NULL);
        }
    }
}

static inline void make_select(maker *m) {
    dn_node *x = any(m), *y = node_of(m, &x->type);
    dn_type type = x->type;
    type.dtype = DN_BOOL;
    dn_node *c = node_of(m, &type);
    try_op(m, DN_OP_SELECT, (dn_node *[]){c, x, y}, 3, NULL, 0, NULL);
}

static inline void make_cast(maker *m) {
    dn_node *x = any(m);
    dn_type type = x->type;
    type.dtype = some_dtype(m);
    if (chance(m, 8))
        try_op(m, DN_OP_IS_FINITE, &x, 1, NULL, 0, NULL);
    else
        try_op(m, DN_OP_CAST, &x, 1, NULL, 0, &type);
}

// ---- leaves ---------------------------------------------------------------------------------

static inline void make_leaf(maker *m) {
    dn_type type = chance(m, 2) ? any(m)->type : some_type(m);
    switch (pick(&m->d, 5)) {
        case 0: new_const(m, &type); break;
        case 1: new_iota(m, &type); break;
        case 2: new_random(m, &type); break;
        case 3: new_input(m, &type, 0); break;
        default: new_variable(m, &type);
    }
}

// ---- movement -------------------------------------------------------------------------------

static inline void make_broadcast(maker *m) {
    dn_node *x = any(m);
    dn_type to = {.dtype = x->type.dtype};
    dn_dim axes[DN_MAX_RANK] = {0};
    for (int i = 0; i <= x->type.rank && to.rank < 6; i++) {
        while (chance(m, 3) && to.rank < 6) to.dims[to.rank++] = size_of(m);
        if (i == x->type.rank) break;
        axes[i] = to.rank;
        dn_dim size = x->type.dims[i];
        to.dims[to.rank++] = size == 1 && chance(m, 2) ? size_of(m) : size;
    }
    dn_attr_value attr = dn_attr_dims(DN_ATTR_AXES, x->type.rank, axes);
    try_op(m, DN_OP_BROADCAST, &x, 1, &attr, 1, &to);
}

// Prime factors of the number of elements, dealt out to new axes; or two axes made one.
static inline void make_reshape(maker *m) {
    dn_node *x = any(m);
    dn_type to = {.dtype = x->type.dtype, .rank = pick(&m->d, 6)};
    int64_t left = elements_of(&x->type);
    if (to.rank == 0 && left != 1) to.rank = 1;
    for (int i = 0; i < to.rank; i++) to.dims[i] = 1;
    for (int64_t f = 2; left > 1; f++)
        for (; left % f == 0; left /= f) to.dims[pick(&m->d, to.rank)] *= f;
    if (left == 0) to.dims[pick(&m->d, to.rank)] = 0;
    if (chance(m, 3) && x->type.rank >= 2) {
        int at = pick(&m->d, x->type.rank - 1);
        to = x->type;
        to.dims[at] *= to.dims[at + 1];
        to.rank--;
        for (int i = at + 1; i < to.rank; i++) to.dims[i] = x->type.dims[i + 1];
    }
    try_op(m, DN_OP_RESHAPE, &x, 1, NULL, 0, &to);
}

static inline void shuffle(maker *m, int count, dn_dim *axes) {
    for (int i = count - 1; i > 0; i--) {
        int k = pick(&m->d, i + 1);
        dn_dim t = axes[i];
        axes[i] = axes[k];
        axes[k] = t;
    }
}

static inline void make_transpose(maker *m) {
    dn_node *x = any(m);
    dn_dim axes[DN_MAX_RANK];
    for (int i = 0; i < x->type.rank; i++) axes[i] = i;
    shuffle(m, x->type.rank, axes);
    dn_attr_value attr = dn_attr_dims(DN_ATTR_AXES, x->type.rank, axes);
    try_op(m, DN_OP_TRANSPOSE, &x, 1, &attr, 1, NULL);
}

static inline void make_slice(maker *m) {
    dn_node *x = any(m);
    int rank = x->type.rank;
    dn_dim start[DN_MAX_RANK], limit[DN_MAX_RANK], stride[DN_MAX_RANK];
    for (int i = 0; i < rank; i++) {
        int size = (int)x->type.dims[i];
        bool whole = chance(m, 2) || size == 0;
        start[i] = whole ? 0 : pick(&m->d, size);
        limit[i] = whole ? size : start[i] + 1 + pick(&m->d, size - (int)start[i]);
        if (chance(m, 60)) limit[i] = start[i];
        stride[i] = chance(m, 3) ? 2 + pick(&m->d, 2) : 1;
    }
    dn_attr_value attrs[] = {dn_attr_dims(DN_ATTR_START, rank, start),
                             dn_attr_dims(DN_ATTR_LIMIT, rank, limit),
                             dn_attr_dims(DN_ATTR_STRIDE, rank, stride)};
    try_op(m, DN_OP_SLICE, &x, 1, attrs, 3, NULL);
}

static inline void make_pad(maker *m) {
    dn_node *x = any(m);
    int rank = x->type.rank;
    dn_dim lo[DN_MAX_RANK], hi[DN_MAX_RANK], interior[DN_MAX_RANK];
    for (int i = 0; i < rank; i++) {
        lo[i] = chance(m, 2) ? 0 : pick(&m->d, 4);
        hi[i] = chance(m, 2) ? 0 : pick(&m->d, 4);
        interior[i] = chance(m, 4) ? 1 + pick(&m->d, 2) : 0;
    }
    double value = constant_for(m, x->type.dtype);
    dn_attr_value attrs[] = {dn_attr_dims(DN_ATTR_LO, rank, lo), dn_attr_dims(DN_ATTR_HI, rank, hi),
                             dn_attr_dims(DN_ATTR_INTERIOR, rank, interior),
                             dn_attr_number(DN_ATTR_VALUE, value)};
    try_op(m, DN_OP_PAD, &x, 1, attrs, 4, NULL);
}

static inline void make_concat(maker *m) {
    dn_node *x = any(m), *in[4] = {x};
    int n = 1 + pick(&m->d, 4);
    if (x->type.rank == 0) return;
    int axis = pick(&m->d, x->type.rank);
    for (int i = 1; i < n; i++) {
        dn_type type = x->type;
        if (chance(m, 2)) type.dims[axis] = size_of(m);
        in[i] = node_of(m, &type);
    }
    dn_attr_value attr = dn_attr_int(DN_ATTR_AXIS, axis);
    try_op(m, DN_OP_CONCAT, in, n, &attr, 1, NULL);
}

static inline int some_axes(maker *m, const dn_type *type, dn_dim *axes) {
    int count = 0;
    for (int i = 0; i < type->rank; i++)
        if (chance(m, 2)) axes[count++] = i;
    return count;
}

static inline void make_reverse(maker *m) {
    dn_node *x = any(m);
    dn_dim axes[DN_MAX_RANK];
    dn_attr_value attr = dn_attr_dims(DN_ATTR_AXES, some_axes(m, &x->type, axes), axes);
    try_op(m, DN_OP_REVERSE, &x, 1, &attr, 1, NULL);
}

// ---- rows -----------------------------------------------------------------------------------

// Indices below `rows`: new ones, or integers from the pool pressed into the range.
static inline dn_node *indices(maker *m, dn_dim rows) {
    dn_type type = {.dtype = chance(m, 3) ? DN_I64 : DN_I32, .rank = pick(&m->d, 3)};
    for (int i = 0; i < type.rank; i++) type.dims[i] = size_of(m);
    dn_node *x = any_in(m, DN_DOMAIN_NUMERIC);
    bool integer = x && (x->type.dtype == DN_I32 || x->type.dtype == DN_I64);
    if (!integer || x->type.rank > 3 || chance(m, 2)) return new_input(m, &type, rows);
    dn_attr_value zero = dn_attr_number(DN_ATTR_VALUE, 0);
    dn_attr_value last = dn_attr_number(DN_ATTR_VALUE, (double)rows - 1);
    dn_node *lo = try_op(m, DN_OP_CONST, NULL, 0, &zero, 1, &x->type);
    dn_node *hi = try_op(m, DN_OP_CONST, NULL, 0, &last, 1, &x->type);
    x = try_op(m, DN_OP_MAX, (dn_node *[]){x, lo}, 2, NULL, 0, NULL);
    return try_op(m, DN_OP_MIN, (dn_node *[]){x, hi}, 2, NULL, 0, NULL);
}

static inline void make_gather(maker *m) {
    dn_node *x = any(m);
    if (x->type.rank == 0 || x->type.dims[0] == 0) return;
    dn_node *in[] = {x, indices(m, x->type.dims[0])};
    try_op(m, DN_OP_GATHER, in, 2, NULL, 0, NULL);
}

static inline void make_scatter(maker *m) {
    dn_dim rows = 1 + pick(&m->d, 9);
    dn_node *i = indices(m, rows);
    if (!i) return;
    dn_type u = i->type, to = {.rank = 1, .dims = {rows}};
    u.dtype = to.dtype = any(m)->type.dtype;
    for (int k = pick(&m->d, 3); k > 0; k--) {
        dn_dim size = size_of(m);
        u.dims[u.rank++] = size;
        to.dims[to.rank++] = size;
    }
    dn_node *in[] = {i, node_of(m, &u)};
    try_op(m, DN_OP_SCATTER_ADD, in, 2, NULL, 0, &to);
}

// ---- reductions -----------------------------------------------------------------------------

// Whether the products stay far from the largest and the smallest numbers, in any order.
static inline bool products_safe(maker *m, dn_node *x, const dn_attr_value *axes) {
    dn_node *sum = NULL;
    dn_tensor *sizes = NULL, *sums = NULL;
    if (!dn_dtype_is_float(x->type.dtype)) return true;
    dn_status status = dn_graph_op(m->graph, DN_OP_REDUCE_SUM, &x, 1, axes, 1, NULL, &sum);
    if (!status) status = dn_tensor_copy(*value_of(m, x), &sizes);
    for (int64_t i = 0; !status && i < elements_of(&x->type); i++) {
        double v = fabs(dn_tensor_get(sizes, i));
        dn_tensor_set(sizes, i, v > 0 && v < INFINITY ? fabs(log2(v)) : 0);
    }
    if (!status) status = dn_interp_node(NULL, sum, &sizes, 0, 0, &sums);
    bool safe = !status;
    for (int64_t i = 0; safe && i < elements_of(&sum->type); i++)
        safe = dn_tensor_get(sums, i) < 100;
    dn_tensor_release(sizes);
    dn_tensor_release(sums);
    dn_status_free(status);
    return safe;
}

static inline void make_reduce(maker *m) {
    static const dn_op ops[] = {DN_OP_REDUCE_SUM, DN_OP_REDUCE_SUM, DN_OP_REDUCE_MAX,
                                DN_OP_REDUCE_MIN, DN_OP_REDUCE_PROD};
    dn_node *x = any_in(m, DN_DOMAIN_NUMERIC);
    if (!x) return;
    dn_dim axes[DN_MAX_RANK];
    dn_attr_value attr = dn_attr_dims(DN_ATTR_AXES, some_axes(m, &x->type, axes), axes);
    dn_op op = ops[pick(&m->d, 5)];
    if (op != DN_OP_REDUCE_PROD || products_safe(m, x, &attr)) try_op(m, op, &x, 1, &attr, 1, NULL);
}

static inline void make_argmax(maker *m) {
    dn_node *x = any_in(m, DN_DOMAIN_NUMERIC);
    if (!x || x->type.rank == 0) return;
    dn_attr_value attr = dn_attr_int(DN_ATTR_AXIS, pick(&m->d, x->type.rank));
    try_op(m, chance(m, 2) ? DN_OP_ARGMAX : DN_OP_ARGMIN, &x, 1, &attr, 1, NULL);
}

// ---- dot ------------------------------------------------------------------------------------

// Each axis of a is batch, contracted or free; b has its own order of them and its own free ones.
static inline void make_dot(maker *m) {
    dn_node *a = any_in(m, DN_DOMAIN_NUMERIC);
    if (!a) return;
    dn_dim role[2][DN_MAX_RANK], roles[2][DN_MAX_RANK], place[DN_MAX_RANK];
    int count[2] = {0};
    for (int i = 0; i < a->type.rank; i++) {
        int kind = pick(&m->d, 5);  // 0: batch; 1, 2: contracted
        if (kind < 3) role[kind > 0][count[kind > 0]++] = i;
    }
    dn_type b = {.dtype = a->type.dtype};
    int n = count[0] + count[1] + pick(&m->d, 3);
    if (n > DN_MAX_RANK) return;
    for (int k = 0; k < 2; k++) shuffle(m, count[k], role[k]);
    for (int i = 0; i < n; i++) place[i] = i;
    shuffle(m, n, place);
    b.rank = n;
    for (int i = 0; i < n; i++) b.dims[i] = size_of(m);
    for (int k = 0, at = 0; k < 2; k++) {
        for (int i = 0; i < count[k]; i++, at++) {
            roles[k][i] = place[at];
            b.dims[place[at]] = a->type.dims[role[k][i]];
        }
    }
    dn_attr_value attrs[] = {dn_attr_dims(DN_ATTR_LHS_BATCH, count[0], role[0]),
                             dn_attr_dims(DN_ATTR_RHS_BATCH, count[0], roles[0]),
                             dn_attr_dims(DN_ATTR_LHS_CONTRACT, count[1], role[1]),
                             dn_attr_dims(DN_ATTR_RHS_CONTRACT, count[1], roles[1])};
    dn_node *other = node_of(m, &b);
    try_op(m, DN_OP_DOT, (dn_node *[]){a, other}, 2, attrs, 4, NULL);
}

// ---- convolutions and windows ---------------------------------------------------------------

typedef struct sliding {
    int n;
    dn_type x, w, y;  // conv(x, w) is y
    dn_dim kernel[3], stride[3], lo[3], hi[3], dilation[3];
    int64_t groups;
} sliding;

static inline dn_dim some_padding(maker *m) {
    return chance(m, 12) ? -1 : chance(m, 2) ? 0 : pick(&m->d, 4);
}

// Sizes of one spatial axis; false if nothing is left of it.
static inline bool some_axis(maker *m, sliding *s, int i, bool padded) {
    s->kernel[i] = 1 + pick(&m->d, chance(m, 4) ? 5 : 3);
    s->stride[i] = chance(m, 2) ? 1 : 1 + pick(&m->d, 3);
    s->dilation[i] = chance(m, 3) ? 1 + pick(&m->d, 3) : 1;
    s->lo[i] = padded ? some_padding(m) : 0;
    s->hi[i] = padded ? some_padding(m) : 0;
    dn_dim room =
        s->x.dims[1 + i] + s->lo[i] + s->hi[i] - (s->dilation[i] * (s->kernel[i] - 1) + 1);
    s->w.dims[i] = s->kernel[i];
    s->y.dims[1 + i] = room / s->stride[i] + 1;
    return room >= 0;
}

// An image of the pool, or of any sizes.
static inline dn_type some_image(maker *m) {
    static const dn_dim channels[] = {1, 2, 3, 4, 6, 8, 12, 16, 17, 24, 32, 40};
    for (int i = 0; i < 2; i++) {
        dn_node *x = any_in(m, DN_DOMAIN_NUMERIC);
        if (x && x->type.rank >= 3 && x->type.rank <= 5) return x->type;
    }
    dn_type x = {.dtype = chance(m, 4) ? some_dtype(m) : DN_F32, .rank = 3 + pick(&m->d, 3)};
    if (x.dtype == DN_BOOL) x.dtype = DN_F32;
    x.dims[0] = 1 + pick(&m->d, 3);
    for (int i = 1; i < x.rank - 1; i++) x.dims[i] = chance(m, 3) ? size_of(m) : 1 + pick(&m->d, 8);
    x.dims[x.rank - 1] = channels[pick(&m->d, 12)];
    while (elements_of(&x) > m->most)
        for (int i = 0; i < x.rank; i++) x.dims[i] = (x.dims[i] + 1) / 2;
    return x;
}

static inline bool some_sliding(maker *m, sliding *s, bool padded) {
    *s = (sliding){.x = some_image(m), .groups = chance(m, 3) ? 2 + pick(&m->d, 3) : 1};
    s->n = s->x.rank - 2;
    dn_dim channels = s->x.dims[s->x.rank - 1];
    if (channels % s->groups) s->groups = chance(m, 2) && channels ? channels : 1;
    s->w = s->y = s->x;
    for (int i = 0; i < s->n; i++)
        if (!some_axis(m, s, i, padded)) return false;
    dn_dim filters = s->groups * (chance(m, 2) ? 1 + pick(&m->d, 4) : size_of(m));
    s->w.dims[s->n] = channels / s->groups;
    s->w.dims[s->n + 1] = s->y.dims[s->n + 1] = filters;
    // what it costs
    int64_t terms = elements_of(&s->y) * elements_of(&s->w);
    return terms <= filters * 1000 * m->most;
}

// A convolution that is padded may or may not multiply the padding, so its operands are finite.
static inline void try_conv(maker *m, dn_op op, dn_node *a, dn_node *b, const dn_attr_value *attrs,
                            const dn_type *type) {
    if (a && b && tame(*value_of(m, a)) && tame(*value_of(m, b)))
        try_op(m, op, (dn_node *[]){a, b}, 2, attrs, 5, type);
}

static inline void make_conv(maker *m) {
    sliding s;
    if (!some_sliding(m, &s, true)) return;
    dn_attr_value attrs[] = {
        dn_attr_dims(DN_ATTR_STRIDE, s.n, s.stride), dn_attr_dims(DN_ATTR_LO, s.n, s.lo),
        dn_attr_dims(DN_ATTR_HI, s.n, s.hi), dn_attr_dims(DN_ATTR_DILATION, s.n, s.dilation),
        dn_attr_int(DN_ATTR_GROUPS, s.groups)};
    int kind = pick(&m->d, 3);
    if (kind == 0) {
        dn_node *x = node_of(m, &s.x);
        try_conv(m, DN_OP_CONV, x, node_of(m, &s.w), attrs, NULL);
    } else if (kind == 1) {
        dn_node *y = node_of(m, &s.y);
        try_conv(m, DN_OP_CONV_INPUT, y, node_of(m, &s.w), attrs, &s.x);
    } else {
        dn_node *x = node_of(m, &s.x);
        try_conv(m, DN_OP_CONV_WEIGHT, x, node_of(m, &s.y), attrs, &s.w);
    }
}

static inline void make_window(maker *m) {
    sliding s;
    if (!some_sliding(m, &s, false)) return;
    dn_attr_value attrs[] = {dn_attr_dims(DN_ATTR_KERNEL, s.n, s.kernel),
                             dn_attr_dims(DN_ATTR_STRIDE, s.n, s.stride),
                             dn_attr_dims(DN_ATTR_DILATION, s.n, s.dilation)};
    dn_type patches = dn_type_of(s.x.dtype, 1 + s.n, s.y.dims);
    for (int i = 0; i < s.n; i++) patches.dims[patches.rank++] = s.kernel[i];
    patches.dims[patches.rank++] = s.x.dims[s.x.rank - 1];
    bool sum = chance(m, 2);
    dn_node *x = node_of(m, sum ? &patches : &s.x);
    try_op(m, sum ? DN_OP_WINDOW_SUM : DN_OP_WINDOW, &x, 1, attrs, 3, sum ? &s.x : NULL);
}

#endif
