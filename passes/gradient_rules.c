// Gradient rules: dn_grad_<ENUM> for each row of ops.def that says RULE.
//
// A rule gets y = op(a, b, ...) and g = d loss / d y, and makes the cotangents of the operands that
// are wanted, from ops that have gradients themselves, so that a gradient can be differentiated
// again. Comments give each rule as an equation; da is the cotangent of operand a.
#include "passes/gradient_rules.h"

// ---- building ----

typedef dn_gradient grad;  // the rules below are full of it

static dn_node *a_of(const grad *d) { return d->y->in[0]; }
static dn_node *b_of(const grad *d) { return d->y->in[1]; }

static dn_node *make(grad *d, dn_op op, dn_node *const *in, int n_in, const dn_attr_value *attrs,
                     int n_attrs, const dn_type *type) {
    dn_node *out = NULL;
    dn_status status = dn_graph_op(d->graph, op, in, n_in, attrs, n_attrs, type, &out);
    DN_ASSERT(!status, "gradient of %s: %s", dn_op_get(d->y->op)->name, dn_status_message(status));
    return out;
}

static dn_node *neg(grad *d, dn_node *x) { return dn_build_unary(d->graph, DN_OP_NEG, x); }
static dn_node *exp_of(grad *d, dn_node *x) { return dn_build_unary(d->graph, DN_OP_EXP, x); }
static dn_node *add(grad *d, dn_node *x, dn_node *y) {
    return dn_build_binary(d->graph, DN_OP_ADD, x, y);
}
static dn_node *sub(grad *d, dn_node *x, dn_node *y) {
    return dn_build_binary(d->graph, DN_OP_SUB, x, y);
}
static dn_node *mul(grad *d, dn_node *x, dn_node *y) {
    return dn_build_binary(d->graph, DN_OP_MUL, x, y);
}
static dn_node *divide(grad *d, dn_node *x, dn_node *y) {
    return dn_build_binary(d->graph, DN_OP_DIV, x, y);
}
static dn_node *splat(grad *d, double value) { return dn_build_splat(d->graph, d->y, value); }
static dn_node *scale(grad *d, dn_node *x, double by) { return mul(d, x, splat(d, by)); }

// What flows to an operand chosen where c holds: g there, 0 elsewhere.
static dn_node *where(grad *d, dn_node *c) {
    return dn_build_select(d->graph, c, d->g, splat(d, 0));
}
static dn_node *where_not(grad *d, dn_node *c) {
    return dn_build_select(d->graph, c, splat(d, 0), d->g);
}

// ---- elementwise, one operand ----

static void dn_grad_NEG(grad *d) { d->to[0] = neg(d, d->g); }

// da = g sign(a)
static void dn_grad_ABS(grad *d) {
    d->to[0] = mul(d, d->g, dn_build_unary(d->graph, DN_OP_SIGN, a_of(d)));
}

static void dn_grad_EXP(grad *d) { d->to[0] = mul(d, d->g, d->y); }

// da = g e^a, not g (y + 1), which loses everything where y is near -1.
static void dn_grad_EXPM1(grad *d) { d->to[0] = mul(d, d->g, exp_of(d, a_of(d))); }

static void dn_grad_LOG(grad *d) { d->to[0] = divide(d, d->g, a_of(d)); }

static void dn_grad_LOG1P(grad *d) { d->to[0] = divide(d, d->g, add(d, a_of(d), splat(d, 1))); }

// da = g / (2 y)
static void dn_grad_SQRT(grad *d) { d->to[0] = divide(d, scale(d, d->g, 0.5), d->y); }

// da = -g y^3 / 2
static void dn_grad_RSQRT(grad *d) {
    dn_node *cube = mul(d, mul(d, d->y, d->y), d->y);
    d->to[0] = mul(d, scale(d, d->g, -0.5), cube);
}

static void dn_grad_SIN(grad *d) {
    d->to[0] = mul(d, d->g, dn_build_unary(d->graph, DN_OP_COS, a_of(d)));
}

static void dn_grad_COS(grad *d) {
    d->to[0] = neg(d, mul(d, d->g, dn_build_unary(d->graph, DN_OP_SIN, a_of(d))));
}

// da = g (1 - y^2)
static void dn_grad_TANH(grad *d) {
    d->to[0] = mul(d, d->g, sub(d, splat(d, 1), mul(d, d->y, d->y)));
}

// da = g y (1 - y)
static void dn_grad_SIGMOID(grad *d) {
    d->to[0] = mul(d, d->g, mul(d, d->y, sub(d, splat(d, 1), d->y)));
}

// da = g 2/sqrt(pi) e^(-a^2)
static void dn_grad_ERF(grad *d) {
    dn_node *bell = exp_of(d, neg(d, mul(d, a_of(d), a_of(d))));
    d->to[0] = mul(d, d->g, scale(d, bell, 1.1283791670955126));
}

// Only float to float gets here: integers and booleans take part in no gradient.
static void dn_grad_CAST(grad *d) { d->to[0] = dn_build_cast(d->graph, d->g, a_of(d)->type.dtype); }

// ---- elementwise, two and three operands ----

static void dn_grad_ADD(grad *d) { d->to[0] = d->to[1] = d->g; }

static void dn_grad_SUB(grad *d) {
    d->to[0] = d->g;
    if (d->wanted[1]) d->to[1] = neg(d, d->g);
}

static void dn_grad_MUL(grad *d) {
    if (d->wanted[0]) d->to[0] = mul(d, d->g, b_of(d));
    if (d->wanted[1]) d->to[1] = mul(d, d->g, a_of(d));
}

// da = g / b, db = -(g / b) y
static void dn_grad_DIV(grad *d) {
    dn_node *quotient = divide(d, d->g, b_of(d));
    d->to[0] = quotient;
    if (d->wanted[1]) d->to[1] = neg(d, mul(d, quotient, d->y));
}

// a rem b = a - b q with the integer q = (a - y) / b, so da = g, db = -g q.
static void dn_grad_REM(grad *d) {
    d->to[0] = d->g;
    if (!d->wanted[1]) return;
    dn_node *q = divide(d, sub(d, a_of(d), d->y), b_of(d));
    d->to[1] = neg(d, mul(d, d->g, dn_build_unary(d->graph, DN_OP_ROUND, q)));
}

// da = g b a^(b-1), and 0 where a and b are both 0 (a^0 is 1 for every a): there the base is
// replaced by 1, so that neither 0 * inf nor its derivatives make a NaN.
static dn_node *pow_base(grad *d) {
    dn_graph *graph = d->graph;
    dn_node *zero = splat(d, 0), *a = a_of(d), *b = b_of(d);
    dn_node *both = dn_build_binary(graph, DN_OP_AND, dn_build_binary(graph, DN_OP_EQ, b, zero),
                                    dn_build_binary(graph, DN_OP_EQ, a, zero));
    dn_node *base = dn_build_select(graph, both, splat(d, 1), a);
    dn_node *power = dn_build_binary(graph, DN_OP_POW, base, sub(d, b, splat(d, 1)));
    return mul(d, d->g, mul(d, b, power));
}

// db = g y log(a), taken as 0 where a is 0 (right for b > 0, and what trained exponents want at 0).
// Where a < 0 it is NaN: a^b is real only at isolated b.
static dn_node *pow_exponent(grad *d) {
    dn_graph *graph = d->graph;
    dn_node *at_zero = dn_build_binary(graph, DN_OP_EQ, a_of(d), splat(d, 0));
    dn_node *base = dn_build_select(graph, at_zero, splat(d, 1), a_of(d));
    dn_node *slope = mul(d, d->y, dn_build_unary(graph, DN_OP_LOG, base));
    return mul(d, d->g, slope);
}

static void dn_grad_POW(grad *d) {
    if (d->wanted[0]) d->to[0] = pow_base(d);
    if (d->wanted[1]) d->to[1] = pow_exponent(d);
}

// All of g to the operand that was chosen; on ties to b.
static void choose(grad *d, dn_op compare) {
    dn_node *first = dn_build_binary(d->graph, compare, a_of(d), b_of(d));
    if (d->wanted[0]) d->to[0] = where(d, first);
    if (d->wanted[1]) d->to[1] = where_not(d, first);
}

static void dn_grad_MAX(grad *d) { choose(d, DN_OP_GT); }
static void dn_grad_MIN(grad *d) { choose(d, DN_OP_LT); }

static void dn_grad_SELECT(grad *d) {
    if (d->wanted[1]) d->to[1] = where(d, d->y->in[0]);
    if (d->wanted[2]) d->to[2] = where_not(d, d->y->in[0]);
}

// ---- axes ----

typedef struct axes {
    int count;
    dn_dim at[DN_MAX_RANK];
} axes;

static bool has_axis(const axes *list, dn_dim axis) {
    for (int i = 0; i < list->count; i++)
        if (list->at[i] == axis) return true;
    return false;
}

static axes axes_attr(const dn_node *node, dn_attr attr) {
    axes list = {0};
    const dn_dim *at = dn_node_dims(node, attr, &list.count);
    for (int i = 0; i < list.count; i++) list.at[i] = at[i];
    return list;
}

// The axes of a tensor of this rank that are in neither list, in order.
static axes other_axes(int rank, const axes *a, const axes *b) {
    axes list = {0};
    for (int i = 0; i < rank; i++)
        if (!has_axis(a, i) && !has_axis(b, i)) list.at[list.count++] = i;
    return list;
}

static void append(axes *to, const axes *list) {
    for (int i = 0; i < list->count; i++) to->at[to->count++] = list->at[i];
}

static axes counting(int count, int from) {
    axes list = {.count = count};
    for (int i = 0; i < count; i++) list.at[i] = from + i;
    return list;
}

// perm's inverse, as a permutation of axes.
static axes inverse(const axes *perm) {
    axes list = {.count = perm->count};
    for (int i = 0; i < perm->count; i++) list.at[perm->at[i]] = i;
    return list;
}

static dn_node *transpose(grad *d, dn_node *x, const axes *perm) {
    bool identity = true;
    for (int i = 0; i < perm->count; i++) identity = identity && perm->at[i] == i;
    return identity ? x : dn_build_transpose(d->graph, x, perm->at);
}

static dn_node *reshape_like(grad *d, dn_node *x, const dn_type *type) {
    if (dn_type_same_dims(&x->type, type)) return x;
    return dn_build_reshape(d->graph, x, type->rank, type->dims);
}

// g, of y's type with `reduced` axes of a gone, repeated along them.
static dn_node *spread(grad *d, dn_node *x, const dn_type *to, const axes *reduced) {
    axes kept = other_axes(to->rank, reduced, &(axes){0});
    dn_type type = *to;
    type.dtype = x->type.dtype;
    return dn_build_broadcast(d->graph, x, &type, kept.at);
}

// ---- movement ----

// da = g summed over the axes that are new or were of size 1.
static void dn_grad_BROADCAST(grad *d) {
    const dn_type *from = &a_of(d)->type, *to = &d->y->type;
    axes at = axes_attr(d->y, DN_ATTR_AXES), repeated = {0};
    for (int axis = 0, i = 0; axis < to->rank; axis++) {
        bool mapped = i < at.count && at.at[i] == axis;
        bool same = mapped && from->dims[i] == to->dims[axis];
        if (!same) repeated.at[repeated.count++] = axis;
        if (mapped) i++;
    }
    dn_node *sum = d->g;
    if (repeated.count)
        sum = dn_build_reduce(d->graph, DN_OP_REDUCE_SUM, sum, repeated.count, repeated.at);
    d->to[0] = reshape_like(d, sum, from);
}

static void dn_grad_RESHAPE(grad *d) { d->to[0] = reshape_like(d, d->g, &a_of(d)->type); }

static void dn_grad_TRANSPOSE(grad *d) {
    axes perm = axes_attr(d->y, DN_ATTR_AXES), back = inverse(&perm);
    d->to[0] = transpose(d, d->g, &back);
}

// da = g put back to start + i stride, zeros elsewhere: a pad with stride - 1 zeros between.
static void dn_grad_SLICE(grad *d) {
    dn_dims *dims = d->graph->dims;
    const dn_type *from = &a_of(d)->type, *to = &d->y->type;
    axes start = axes_attr(d->y, DN_ATTR_START), stride = axes_attr(d->y, DN_ATTR_STRIDE);
    dn_dim hi[DN_MAX_RANK], interior[DN_MAX_RANK];
    for (int i = 0; i < from->rank; i++) {
        interior[i] = dn_dim_sub(dims, stride.at[i], 1);
        dn_dim steps = dn_dim_mul(dims, dn_dim_sub(dims, to->dims[i], 1), stride.at[i]);
        dn_dim end = dn_dim_add(dims, dn_dim_add(dims, start.at[i], steps), 1);
        hi[i] = dn_dim_sub(dims, from->dims[i], end);
        if (to->dims[i] == 0) {  // of an empty slice: nothing but zeros
            d->to[0] = dn_build_const(d->graph, from, 0);
            return;
        }
    }
    d->to[0] = make(d, DN_OP_PAD, &d->g, 1,
                    (dn_attr_value[]){dn_attr_dims(DN_ATTR_LO, start.count, start.at),
                                      dn_attr_dims(DN_ATTR_HI, start.count, hi),
                                      dn_attr_dims(DN_ATTR_INTERIOR, start.count, interior),
                                      dn_attr_number(DN_ATTR_VALUE, 0)},
                    4, NULL);
}

static dn_node *slice(grad *d, dn_node *x, const axes *start, const axes *limit,
                      const axes *stride) {
    return make(d, DN_OP_SLICE, &x, 1,
                (dn_attr_value[]){dn_attr_dims(DN_ATTR_START, start->count, start->at),
                                  dn_attr_dims(DN_ATTR_LIMIT, limit->count, limit->at),
                                  dn_attr_dims(DN_ATTR_STRIDE, stride->count, stride->at)},
                3, NULL);
}

// da = g[lo : hi end : interior + 1]
static void dn_grad_PAD(grad *d) {
    dn_dims *dims = d->graph->dims;
    const dn_type *from = &a_of(d)->type;
    axes lo = axes_attr(d->y, DN_ATTR_LO), interior = axes_attr(d->y, DN_ATTR_INTERIOR);
    axes limit = {.count = lo.count}, stride = {.count = lo.count};
    for (int i = 0; i < lo.count; i++) {
        stride.at[i] = dn_dim_add(dims, interior.at[i], 1);
        dn_dim steps = dn_dim_mul(dims, dn_dim_sub(dims, from->dims[i], 1), stride.at[i]);
        dn_dim span = from->dims[i] == 0 ? 0 : dn_dim_add(dims, steps, 1);
        limit.at[i] = dn_dim_add(dims, lo.at[i], span);
    }
    d->to[0] = slice(d, d->g, &lo, &limit, &stride);
}

// Each operand gets its part of g.
static void dn_grad_CONCAT(grad *d) {
    const dn_type *type = &d->y->type;
    int axis = (int)dn_node_int(d->y, DN_ATTR_AXIS);
    axes start = {.count = type->rank}, limit = {.count = type->rank},
         stride = {.count = type->rank};
    for (int i = 0; i < type->rank; i++) {
        limit.at[i] = type->dims[i];
        stride.at[i] = 1;
    }
    for (int i = 0; i < d->y->n_in; i++) {
        limit.at[axis] = dn_dim_add(d->graph->dims, start.at[axis], d->y->in[i]->type.dims[axis]);
        if (d->wanted[i]) d->to[i] = slice(d, d->g, &start, &limit, &stride);
        start.at[axis] = limit.at[axis];
    }
}

static void dn_grad_REVERSE(grad *d) {
    d->to[0] = make(d, DN_OP_REVERSE, &d->g, 1, d->y->attrs, d->y->n_attrs, NULL);
}

static void dn_grad_WINDOW(grad *d) {
    d->to[0] = make(d, DN_OP_WINDOW_SUM, &d->g, 1, d->y->attrs, d->y->n_attrs, &a_of(d)->type);
}

static void dn_grad_WINDOW_SUM(grad *d) {
    d->to[0] = make(d, DN_OP_WINDOW, &d->g, 1, d->y->attrs, d->y->n_attrs, NULL);
}

static void dn_grad_GATHER(grad *d) {
    d->to[0] = make(d, DN_OP_SCATTER_ADD, (dn_node *[]){b_of(d), d->g}, 2, NULL, 0, &a_of(d)->type);
}

static void dn_grad_SCATTER_ADD(grad *d) {
    d->to[1] = make(d, DN_OP_GATHER, (dn_node *[]){d->g, a_of(d)}, 2, NULL, 0, NULL);
}

// ---- reduction ----

static void dn_grad_REDUCE_SUM(grad *d) {
    axes reduced = axes_attr(d->y, DN_ATTR_AXES);
    d->to[0] = spread(d, d->g, &a_of(d)->type, &reduced);
}

// da = g at the index of the first extremum along one axis of x, 0 elsewhere.
static dn_node *to_first(grad *d, dn_op arg, dn_node *x, int axis) {
    dn_attr_value attr = dn_attr_int(DN_ATTR_AXIS, axis);
    axes reduced = {.count = 1, .at = {axis}};
    dn_type indices = x->type;
    indices.dtype = DN_I32;
    dn_node *first = spread(d, make(d, arg, &x, 1, &attr, 1, NULL), &indices, &reduced);
    dn_node *index = make(d, DN_OP_IOTA, NULL, 0, &attr, 1, &indices);
    dn_node *chosen = dn_build_binary(d->graph, DN_OP_EQ, index, first);
    return dn_build_select(d->graph, chosen, spread(d, d->g, &x->type, &reduced),
                           dn_build_splat(d->graph, x, 0));
}

// As to_first over several axes, which are moved to the end and made one.
static dn_node *to_first_of_many(grad *d, dn_op arg, dn_node *x, const axes *reduced) {
    axes perm = other_axes(x->type.rank, reduced, &(axes){0});
    axes ordered = other_axes(x->type.rank, &perm, &(axes){0});
    int kept = perm.count;
    append(&perm, &ordered);
    dn_node *moved = transpose(d, x, &perm);
    dn_type flat = dn_type_of(x->type.dtype, kept, moved->type.dims);
    flat.dims[flat.rank++] = 1;
    for (int i = kept; i < perm.count; i++)
        flat.dims[kept] = dn_dim_mul(d->graph->dims, flat.dims[kept], moved->type.dims[i]);
    dn_node *part = to_first(d, arg, reshape_like(d, moved, &flat), kept);
    axes back = inverse(&perm);
    return transpose(d, reshape_like(d, part, &moved->type), &back);
}

static void extremum(grad *d, dn_op arg) {
    axes reduced = axes_attr(d->y, DN_ATTR_AXES);
    if (reduced.count == 0)
        d->to[0] = d->g;
    else if (reduced.count == 1)
        d->to[0] = to_first(d, arg, a_of(d), (int)reduced.at[0]);
    else
        d->to[0] = to_first_of_many(d, arg, a_of(d), &reduced);
}

static void dn_grad_REDUCE_MAX(grad *d) { extremum(d, DN_OP_ARGMAX); }
static void dn_grad_REDUCE_MIN(grad *d) { extremum(d, DN_OP_ARGMIN); }

// da = g y / a, with g and y repeated along the reduced axes; NaN where a is 0.
static void dn_grad_REDUCE_PROD(grad *d) {
    axes reduced = axes_attr(d->y, DN_ATTR_AXES);
    dn_node *scaled = mul(d, d->g, d->y);
    d->to[0] = divide(d, spread(d, scaled, &a_of(d)->type, &reduced), a_of(d));
}

// ---- contraction ----

// The axes of one operand of a dot, by role. `free` ones are in the result, in order.
typedef struct dot_axes {
    axes batch, contract, free;
} dot_axes;

static dot_axes dot_axes_of(const dn_node *dot, int operand) {
    dot_axes s = {0};
    s.batch = axes_attr(dot, operand ? DN_ATTR_RHS_BATCH : DN_ATTR_LHS_BATCH);
    s.contract = axes_attr(dot, operand ? DN_ATTR_RHS_CONTRACT : DN_ATTR_LHS_CONTRACT);
    s.free = other_axes(dot->in[operand]->type.rank, &s.batch, &s.contract);
    return s;
}

static dn_node *dot(grad *d, dn_node *x, const axes *x_batch, const axes *x_contract, dn_node *y,
                    const axes *y_batch, const axes *y_contract) {
    return make(
        d, DN_OP_DOT, (dn_node *[]){x, y}, 2,
        (dn_attr_value[]){dn_attr_dims(DN_ATTR_LHS_BATCH, x_batch->count, x_batch->at),
                          dn_attr_dims(DN_ATTR_RHS_BATCH, y_batch->count, y_batch->at),
                          dn_attr_dims(DN_ATTR_LHS_CONTRACT, x_contract->count, x_contract->at),
                          dn_attr_dims(DN_ATTR_RHS_CONTRACT, y_contract->count, y_contract->at)},
        4, NULL);
}

// The contracted axes of `mine`, in the order in which their partners lie in the other operand.
static axes by_partner(const dot_axes *mine, const dot_axes *other, int other_rank) {
    axes list = {0};
    for (int axis = 0; axis < other_rank; axis++)
        for (int i = 0; i < other->contract.count; i++)
            if (other->contract.at[i] == axis) list.at[list.count++] = mine->contract.at[i];
    return list;
}

// y is [batch, a free, b free].
// da = dot(g, b) over b's free axes:  [batch, a free, b's contracted axes as they lie in b];
// db = dot(a, g) over a's free axes:  [batch, a's contracted axes as they lie in a, b free].
// Then the axes go where the operand has them. For x [M, K] times w [K, N] nothing is left to move.
static void dn_grad_DOT(grad *d) {
    dn_node *a = a_of(d), *b = b_of(d);
    dot_axes in_a = dot_axes_of(d->y, 0), in_b = dot_axes_of(d->y, 1);
    axes batch = counting(in_a.batch.count, 0);
    axes g_a = counting(in_a.free.count, batch.count);
    axes g_b = counting(in_b.free.count, batch.count + g_a.count);
    if (d->wanted[0]) {
        axes order = in_a.batch, partners = by_partner(&in_a, &in_b, b->type.rank);
        append(&order, &in_a.free);
        append(&order, &partners);
        axes perm = inverse(&order);
        dn_node *da = dot(d, d->g, &batch, &g_b, b, &in_b.batch, &in_b.free);
        d->to[0] = transpose(d, da, &perm);
    }
    if (d->wanted[1]) {
        axes order = in_b.batch, partners = by_partner(&in_b, &in_a, a->type.rank);
        append(&order, &partners);
        append(&order, &in_b.free);
        axes perm = inverse(&order);
        dn_node *db = dot(d, a, &in_a.batch, &in_a.free, d->g, &batch, &g_a);
        d->to[1] = transpose(d, db, &perm);
    }
}

// conv is bilinear in x and w; conv_input and conv_weight are its adjoints. With
// <y, conv(x, w)> = <x, conv_input(y, w)> = <w, conv_weight(x, y)>, the three are closed under
// differentiation, with the same stride, padding, dilation and groups everywhere.
static dn_node *conv_op(grad *d, dn_op op, dn_node *p, dn_node *q, const dn_type *type) {
    return make(d, op, (dn_node *[]){p, q}, 2, d->y->attrs, d->y->n_attrs, type);
}

static void dn_grad_CONV(grad *d) {
    dn_node *x = a_of(d), *w = b_of(d);
    if (d->wanted[0]) d->to[0] = conv_op(d, DN_OP_CONV_INPUT, d->g, w, &x->type);
    if (d->wanted[1]) d->to[1] = conv_op(d, DN_OP_CONV_WEIGHT, x, d->g, &w->type);
}

static void dn_grad_CONV_INPUT(grad *d) {
    dn_node *y = a_of(d), *w = b_of(d);
    if (d->wanted[0]) d->to[0] = conv_op(d, DN_OP_CONV, d->g, w, NULL);
    if (d->wanted[1]) d->to[1] = conv_op(d, DN_OP_CONV_WEIGHT, d->g, y, &w->type);
}

static void dn_grad_CONV_WEIGHT(grad *d) {
    dn_node *x = a_of(d), *y = b_of(d);
    if (d->wanted[0]) d->to[0] = conv_op(d, DN_OP_CONV_INPUT, y, d->g, &x->type);
    if (d->wanted[1]) d->to[1] = conv_op(d, DN_OP_CONV, x, d->g, NULL);
}

// ---- the table ----

#define RULE_OF_RULE(ENUM) dn_grad_##ENUM
#define RULE_OF_ZERO(ENUM) NULL
#define RULE_OF_STOP(ENUM) NULL
#define RULE_OF_MISSING(ENUM) NULL

// Complete: a row that says RULE and has no function above does not compile.
const dn_gradient_entry dn_gradient_table[DN_OP_COUNT] = {
#define OP(ENUM, name, arity, attrs, grad, doc) {DN_GRAD_##grad, RULE_OF_##grad(ENUM)},
#define UNARY(ENUM, name, domain, expr, grad, doc) {DN_GRAD_##grad, RULE_OF_##grad(ENUM)},
#define BINARY(ENUM, name, domain, result, expr, grad, doc) {DN_GRAD_##grad, RULE_OF_##grad(ENUM)},
#include "ir/ops.def"
#undef OP
#undef UNARY
#undef BINARY
};
