// Rewrite rules of elementwise ops. Each is exact: the same bits for every operand, except the sign
// of a zero and which NaN. So no rule reassociates floats, or takes x * 0 for 0 (x may be infinite)
// or x - x for 0 (likewise); for integers, which wrap, both hold.
#include <math.h>
#include <stdlib.h>

#include "passes/fold.h"
#include "passes/simplify_rules.h"

// ---- what operands look like ----

static bool is_float(const dn_node *n) { return dn_dtype_is_float(n->type.dtype); }
static bool is_const(const dn_node *n) { return n->op == DN_OP_CONST; }

// x if n is op(x), else NULL.
static dn_node *inside(const dn_node *n, dn_op op) { return n->op == op ? n->in[0] : NULL; }

static dn_node *constant(dn_graph *graph, const dn_node *like, double value) {
    return dn_build_const(graph, &like->type, value);
}

static dn_node *unary(dn_graph *graph, dn_op op, dn_node *x) {
    return dn_simplified_unary(graph, op, x);
}

static dn_node *binary(dn_graph *graph, dn_op op, dn_node *x, dn_node *y) {
    return dn_simplified_binary(graph, op, x, y);
}

// ---- constants and order ----

// A constant that its dtype cannot hold: the number that it means.
static dn_node *const_rounded(dn_graph *graph, dn_node *n) {
    double value = dn_node_number(n, DN_ATTR_VALUE), rounded = dn_fold_round(n->type.dtype, value);
    return rounded == value || value != value ? NULL : constant(graph, n, rounded);
}

// x + y = y + x, and so on: the older operand first, constants last, so that equal sums meet.
static dn_node *commute(dn_graph *graph, dn_node *n) {
    dn_node *x = n->in[0], *y = n->in[1];
    bool ordered = is_const(x) == is_const(y) ? x->id <= y->id : is_const(y);
    return ordered ? NULL : binary(graph, n->op, y, x);
}

// ---- neg, abs, rounding ----

// --x = x
static dn_node *neg_of_neg(dn_graph *graph, dn_node *n) {
    (void)graph;
    return inside(n->in[0], DN_OP_NEG);
}

// -(x - y) = y - x
static dn_node *neg_of_sub(dn_graph *graph, dn_node *n) {
    const dn_node *sub = n->in[0];
    return sub->op == DN_OP_SUB ? binary(graph, DN_OP_SUB, sub->in[1], sub->in[0]) : NULL;
}

// -(x * c) = x * -c, floats
static dn_node *neg_of_scaled(dn_graph *graph, dn_node *n) {
    const dn_node *mul = n->in[0];
    double c;
    if (mul->op != DN_OP_MUL || !is_float(n) || !dn_number_of(mul->in[1], &c)) return NULL;
    return binary(graph, DN_OP_MUL, mul->in[0], constant(graph, n, -c));
}

// |-x| = |x| (not of u8, where -1 is 255), ||x|| = |x|
static dn_node *abs_of_sign(dn_graph *graph, dn_node *n) {
    dn_node *x = inside(n->in[0], DN_OP_NEG);
    if (x && n->type.dtype != DN_U8) return unary(graph, DN_OP_ABS, x);
    return n->in[0]->op == DN_OP_ABS ? n->in[0] : NULL;
}

// Rounding what is rounded already.
static dn_node *round_of_whole(dn_graph *graph, dn_node *n) {
    (void)graph;
    dn_op op = n->in[0]->op;
    return op == DN_OP_FLOOR || op == DN_OP_CEIL || op == DN_OP_ROUND ? n->in[0] : NULL;
}

// ---- add, sub ----

// x + 0 = x, x - 0 = x
static dn_node *plus_zero(dn_graph *graph, dn_node *n) {
    (void)graph;
    return dn_is_number(n->in[1], 0) ? n->in[0] : NULL;
}

// x + -y = x - y, -x + y = y - x
static dn_node *add_of_neg(dn_graph *graph, dn_node *n) {
    dn_node *x = inside(n->in[0], DN_OP_NEG), *y = inside(n->in[1], DN_OP_NEG);
    if (y) return binary(graph, DN_OP_SUB, n->in[0], y);
    return x ? binary(graph, DN_OP_SUB, n->in[1], x) : NULL;
}

// x - -y = x + y
static dn_node *sub_of_neg(dn_graph *graph, dn_node *n) {
    dn_node *y = inside(n->in[1], DN_OP_NEG);
    return y ? binary(graph, DN_OP_ADD, n->in[0], y) : NULL;
}

// 0 - x = -x
static dn_node *sub_from_zero(dn_graph *graph, dn_node *n) {
    return dn_is_number(n->in[0], 0) ? unary(graph, DN_OP_NEG, n->in[1]) : NULL;
}

// x - x = 0, integers
static dn_node *sub_of_same(dn_graph *graph, dn_node *n) {
    return n->in[0] == n->in[1] && !is_float(n) ? constant(graph, n, 0) : NULL;
}

// ---- mul, div, pow ----

// x * 1 = x, x / 1 = x, x ^ 1 = x
static dn_node *by_one(dn_graph *graph, dn_node *n) {
    (void)graph;
    return dn_is_number(n->in[1], 1) ? n->in[0] : NULL;
}

// x * -1 = -x, x / -1 = -x
static dn_node *by_minus_one(dn_graph *graph, dn_node *n) {
    return dn_is_number(n->in[1], -1) ? unary(graph, DN_OP_NEG, n->in[0]) : NULL;
}

// x * 0 = 0, integers
static dn_node *mul_by_zero(dn_graph *graph, dn_node *n) {
    return dn_is_number(n->in[1], 0) && !is_float(n) ? constant(graph, n, 0) : NULL;
}

// -x * -y = x * y; for floats -x / -y = x / y
static dn_node *product_of_negs(dn_graph *graph, dn_node *n) {
    dn_node *x = inside(n->in[0], DN_OP_NEG), *y = inside(n->in[1], DN_OP_NEG);
    return x && y && (n->op == DN_OP_MUL || is_float(n)) ? binary(graph, n->op, x, y) : NULL;
}

// -x * c = x * -c, -x / c = x / -c, floats
static dn_node *neg_by_const(dn_graph *graph, dn_node *n) {
    dn_node *x = inside(n->in[0], DN_OP_NEG);
    double c;
    if (!x || !is_float(n) || !dn_number_of(n->in[1], &c)) return NULL;
    return binary(graph, n->op, x, constant(graph, n, -c));
}

// -x * y = -(x * y), x * -y = -(x * y); / likewise, floats: the sign may meet an add outside.
static dn_node *neg_outside(dn_graph *graph, dn_node *n) {
    dn_node *x = inside(n->in[0], DN_OP_NEG), *y = inside(n->in[1], DN_OP_NEG);
    if (!x == !y || !is_float(n)) return NULL;
    dn_node *product = binary(graph, n->op, x ? x : n->in[0], y ? y : n->in[1]);
    return unary(graph, DN_OP_NEG, product);
}

// x / 2^k = x * 2^-k, floats: both round the same real number. 2^-k must be a normal number.
static dn_node *div_by_power_of_two(dn_graph *graph, dn_node *n) {
    double c;
    int exponent, range = n->type.dtype == DN_F64 ? 1021 : 125;
    if (!is_float(n) || !dn_number_of(n->in[1], &c)) return NULL;
    if (fabs(frexp(c, &exponent)) != 0.5 || abs(exponent) > range) return NULL;
    return binary(graph, DN_OP_MUL, n->in[0], constant(graph, n, 1 / c));
}

// x ^ 0 = 1, 1 ^ x = 1, also of NaN (IEEE 754-2019, 9.2.1)
static dn_node *pow_is_one(dn_graph *graph, dn_node *n) {
    return dn_is_number(n->in[1], 0) || dn_is_number(n->in[0], 1) ? constant(graph, n, 1) : NULL;
}

// ---- max, min, comparisons ----

// op(x, x) = x: max, min, and, or
static dn_node *of_same(dn_graph *graph, dn_node *n) {
    (void)graph;
    return n->in[0] == n->in[1] ? n->in[0] : NULL;
}

// max(x, -inf) = x, min(x, inf) = x
static dn_node *bound_at_infinity(dn_graph *graph, dn_node *n) {
    (void)graph;
    double far = n->op == DN_OP_MAX ? -INFINITY : INFINITY;
    return is_float(n) && dn_is_number(n->in[1], far) ? n->in[0] : NULL;
}

// x = x, x <= x, x >= x are true, x != x is false: not of floats, for NaN.
static dn_node *compare_same(dn_graph *graph, dn_node *n) {
    if (n->in[0] != n->in[1] || is_float(n->in[0])) return NULL;
    return constant(graph, n, n->op != DN_OP_NE);
}

// x < x, x > x are false.
static dn_node *below_itself(dn_graph *graph, dn_node *n) {
    return n->in[0] == n->in[1] ? constant(graph, n, 0) : NULL;
}

// Of bool x: (x = true) = x, (x = false) = not x, and the reverse for !=.
static dn_node *compare_bool(dn_graph *graph, dn_node *n) {
    double c;
    if (n->in[0]->type.dtype != DN_BOOL || !dn_number_of(n->in[1], &c)) return NULL;
    bool keeps = (c != 0) == (n->op == DN_OP_EQ);
    return keeps ? n->in[0] : unary(graph, DN_OP_NOT, n->in[0]);
}

// ---- logic ----

// not not x = x
static dn_node *not_of_not(dn_graph *graph, dn_node *n) {
    (void)graph;
    return inside(n->in[0], DN_OP_NOT);
}

// not (x = y) is x != y, not (x != y) is x = y. (not (x < y) is not x >= y, for NaN.)
static dn_node *not_of_equal(dn_graph *graph, dn_node *n) {
    const dn_node *c = n->in[0];
    if (c->op != DN_OP_EQ && c->op != DN_OP_NE) return NULL;
    return binary(graph, c->op == DN_OP_EQ ? DN_OP_NE : DN_OP_EQ, c->in[0], c->in[1]);
}

// x and true = x, x and false = false, x or false = x, x or true = true
static dn_node *logic_with_const(dn_graph *graph, dn_node *n) {
    (void)graph;
    double c;
    if (!dn_number_of(n->in[1], &c)) return NULL;
    return (c != 0) == (n->op == DN_OP_AND) ? n->in[0] : n->in[1];
}

// ---- select ----

// select(true, a, b) = a, select(false, a, b) = b
static dn_node *select_of_const(dn_graph *graph, dn_node *n) {
    (void)graph;
    double c;
    if (!dn_number_of(n->in[0], &c)) return NULL;
    return n->in[c != 0 ? 1 : 2];
}

// select(c, a, a) = a
static dn_node *select_of_same(dn_graph *graph, dn_node *n) {
    (void)graph;
    return n->in[1] == n->in[2] ? n->in[1] : NULL;
}

// select(not c, a, b) = select(c, b, a)
static dn_node *select_of_not(dn_graph *graph, dn_node *n) {
    dn_node *c = inside(n->in[0], DN_OP_NOT);
    if (!c) return NULL;
    return dn_simplified(graph, DN_OP_SELECT, (dn_node *[]){c, n->in[2], n->in[1]}, 3, NULL, 0,
                         NULL);
}

// select(c, select(c, a, b), d) = select(c, a, d), and likewise in the other arm
static dn_node *select_of_select(dn_graph *graph, dn_node *n) {
    dn_node *c = n->in[0], *a = n->in[1], *b = n->in[2];
    if (a->op == DN_OP_SELECT && a->in[0] == c) a = a->in[1];
    if (b->op == DN_OP_SELECT && b->in[0] == c) b = b->in[2];
    if (a == n->in[1] && b == n->in[2]) return NULL;
    return dn_simplified(graph, DN_OP_SELECT, (dn_node *[]){c, a, b}, 3, NULL, 0, NULL);
}

// select(c, true, false) = c, select(c, false, true) = not c
static dn_node *select_of_bools(dn_graph *graph, dn_node *n) {
    double a, b;
    if (n->type.dtype != DN_BOOL) return NULL;
    if (!dn_number_of(n->in[1], &a) || !dn_number_of(n->in[2], &b) || a == b) return NULL;
    return a != 0 ? n->in[0] : unary(graph, DN_OP_NOT, n->in[0]);
}

// ---- cast, stop_gradient, is_finite ----

// cast(constant) = a constant
static dn_node *cast_of_const(dn_graph *graph, dn_node *n) {
    double x, value;
    if (!dn_number_of(n->in[0], &x)) return NULL;
    if (!dn_fold_cast(n->in[0]->type.dtype, n->type.dtype, x, &value)) return NULL;
    return constant(graph, n, value);
}

// cast(x) = x to the dtype that it has
static dn_node *cast_to_same(dn_graph *graph, dn_node *n) {
    (void)graph;
    return n->type.dtype == n->in[0]->type.dtype ? n->in[0] : NULL;
}

// Every value of dtype `from` is one of `to`.
static bool widens(dn_dtype from, dn_dtype to) {
    switch (from) {
        case DN_BOOL: return true;
        case DN_U8: return to != DN_BOOL;
        case DN_I32: return to == DN_I32 || to == DN_I64 || to == DN_F64;
        case DN_BF16: return dn_dtype_is_float(to);
        case DN_F32: return to == DN_F32 || to == DN_F64;
        default: return from == to;
    }
}

// cast(cast(x)) = cast(x) where the inner one loses nothing. By way of a float an integer saturates
// where it would wrap, so then the outer one must lose nothing either.
static dn_node *cast_of_widened(dn_graph *graph, dn_node *n) {
    dn_node *x = inside(n->in[0], DN_OP_CAST);
    if (!x || !widens(x->type.dtype, n->in[0]->type.dtype)) return NULL;
    bool by_float = is_float(n->in[0]) && !is_float(x), to_integer = !is_float(n);
    if (by_float && to_integer && !widens(x->type.dtype, n->type.dtype)) return NULL;
    return dn_simplified(graph, DN_OP_CAST, &x, 1, NULL, 0, &n->type);
}

// stop_gradient(stop_gradient(x)) = stop_gradient(x); a constant needs none
static dn_node *stopped_already(dn_graph *graph, dn_node *n) {
    (void)graph;
    return is_const(n->in[0]) || n->in[0]->op == DN_OP_STOP_GRADIENT ? n->in[0] : NULL;
}

static dn_node *is_finite_const(dn_graph *graph, dn_node *n) {
    double x;
    return dn_number_of(n->in[0], &x) ? constant(graph, n, isfinite(x)) : NULL;
}

// ---- the table: the first rule that applies ends it ----

dn_simplify_rule *const dn_simplify_arithmetic[DN_OP_COUNT][DN_SIMPLIFY_MOST] = {
    [DN_OP_CONST] = {const_rounded},
    [DN_OP_NEG] = {neg_of_neg, neg_of_sub, neg_of_scaled},
    [DN_OP_ABS] = {abs_of_sign},
    [DN_OP_FLOOR] = {round_of_whole},
    [DN_OP_CEIL] = {round_of_whole},
    [DN_OP_ROUND] = {round_of_whole},
    [DN_OP_ADD] = {commute, plus_zero, add_of_neg},
    [DN_OP_SUB] = {plus_zero, sub_from_zero, sub_of_neg, sub_of_same},
    [DN_OP_MUL] = {commute, by_one, by_minus_one, mul_by_zero, product_of_negs, neg_by_const,
                   neg_outside},
    [DN_OP_DIV] = {by_one, by_minus_one, product_of_negs, neg_by_const, neg_outside,
                   div_by_power_of_two},
    [DN_OP_POW] = {by_one, pow_is_one},
    [DN_OP_MAX] = {of_same, bound_at_infinity},
    [DN_OP_MIN] = {of_same, bound_at_infinity},
    [DN_OP_EQ] = {commute, compare_same, compare_bool},
    [DN_OP_NE] = {commute, compare_same, compare_bool},
    [DN_OP_LE] = {compare_same},
    [DN_OP_GE] = {compare_same},
    [DN_OP_LT] = {below_itself},
    [DN_OP_GT] = {below_itself},
    [DN_OP_NOT] = {not_of_not, not_of_equal},
    [DN_OP_AND] = {commute, of_same, logic_with_const},
    [DN_OP_OR] = {commute, of_same, logic_with_const},
    [DN_OP_SELECT] = {select_of_const, select_of_same, select_of_not, select_of_select,
                      select_of_bools},
    [DN_OP_CAST] = {cast_to_same, cast_of_const, cast_of_widened},
    [DN_OP_STOP_GRADIENT] = {stopped_already},
    [DN_OP_IS_FINITE] = {is_finite_const},
};
