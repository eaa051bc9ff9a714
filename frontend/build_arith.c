// Arithmetic on terms: numbers are folded, tensors become nodes with broadcasting.
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "frontend/build.h"

// ---- nodes ------------------------------------------------------------------------------------

static dn_node *number_node(dn_build *b, dn_term term, const dn_node *like, dn_span span) {
    bool whole = term.kind == DN_TERM_INT;
    double value = 0;
    if (term.kind == DN_TERM_BOOL) {
        value = term.boolean;
    } else if (!dn_term_number(&term, &value) && !b->abstract) {
        dn_build_fail(b, span, "a number is wanted, not %s", dn_describe(b, &term));
        return NULL;
    }
    dn_type type = like ? like->type
                        : dn_type_scalar(term.kind == DN_TERM_BOOL ? DN_BOOL
                                         : whole                   ? DN_I32
                                                                   : b->c->real);
    bool fits = dn_dtype_is_float(type.dtype) ? term.kind != DN_TERM_BOOL
                : type.dtype == DN_BOOL       ? term.kind == DN_TERM_BOOL
                                              : whole;
    if (!fits) {
        dn_diag *diag = dn_build_error(b, span, "%s does not fit the elements of a tensor of %s",
                                       dn_describe(b, &term), dn_dtype_name(type.dtype));
        dn_diag_hint(&b->c->diags, diag, "convert the tensor: cast(x, f32)");
        return NULL;
    }
    return dn_const_node(b, &type, value, span);
}

dn_node *dn_to_node(dn_build *b, dn_term term, const dn_node *like, dn_span span) {
    switch (term.kind) {
        case DN_TERM_ERROR: return NULL;
        case DN_TERM_TENSOR: return term.node;
        case DN_TERM_INT:
        case DN_TERM_FLOAT:
        case DN_TERM_BOOL: return number_node(b, term, like, span);
        case DN_TERM_HOST: return dn_host_capture(b, term, like, span);
        default:
            dn_build_fail(b, span, "a tensor is wanted here, not %s", dn_describe(b, &term));
            return NULL;
    }
}

// The sizes that x and y have together, by NumPy's rule; false if they do not fit.
static bool broadcast_dims(const dn_type *x, const dn_type *y, int *rank, dn_dim *dims) {
    *rank = x->rank > y->rank ? x->rank : y->rank;
    for (int i = 1; i <= *rank; i++) {
        dn_dim a = i <= x->rank ? x->dims[x->rank - i] : 1;
        dn_dim c = i <= y->rank ? y->dims[y->rank - i] : 1;
        if (a != c && a != 1 && c != 1) return false;
        dims[*rank - i] = a == 1 ? c : a;
    }
    return true;
}

dn_node *dn_broadcast_node(dn_build *b, dn_node *x, int rank, const dn_dim *dims, dn_span span) {
    dn_type to = dn_type_of(x->type.dtype, rank, dims);
    if (dn_type_equal(&to, &x->type)) return x;
    dn_dim axes[DN_MAX_RANK];
    int first = rank - x->type.rank;
    if (first < 0) {
        dn_term t = dn_term_tensor(x);
        dn_build_fail(b, span, "%s has more axes than the %d it is repeated to", dn_describe(b, &t),
                      rank);
        return NULL;
    }
    for (int i = 0; i < x->type.rank; i++) axes[i] = first + i;
    dn_attr_value attr = dn_attr_dims(DN_ATTR_AXES, x->type.rank, axes);
    return dn_op_node(b, DN_OP_BROADCAST, &x, 1, &attr, 1, &to, span);
}

static void report_broadcast(dn_build *b, const char *name, const dn_node *x, const dn_node *y,
                             dn_span span) {
    dn_term tx = dn_term_tensor((dn_node *)x), ty = dn_term_tensor((dn_node *)y);
    dn_diag *diag = dn_build_error(b, span, "`%s`: the shapes %s and %s do not fit", name,
                                   dn_describe(b, &tx), dn_describe(b, &ty));
    int shorter = x->type.rank < y->type.rank ? x->type.rank : y->type.rank;
    for (int i = 1; i <= shorter; i++) {
        dn_dim a = x->type.dims[x->type.rank - i], c = y->type.dims[y->type.rank - i];
        if (a == c || a == 1 || c == 1) continue;
        dn_str text = {0};
        dn_str_printf(&text, "axis -%d: ", i);
        dn_dim_print(b->c->dims, a, &text);
        dn_str_puts(&text, " against ");
        dn_dim_print(b->c->dims, c, &text);
        dn_str_puts(&text, "; sizes are compared from the last, and fit when equal or 1");
        dn_diag_note(&b->c->diags, diag, (dn_span){0}, "%s", text.text);
        free(text.text);
        break;
    }
}

// As it is written in a program: `+`, not add.
static const char *op_text(dn_op op) {
    static const struct {
        dn_op op;
        dn_operator oper;
    } operators[] = {
        {DN_OP_ADD, DN_OPER_ADD}, {DN_OP_SUB, DN_OPER_SUB}, {DN_OP_MUL, DN_OPER_MUL},
        {DN_OP_DIV, DN_OPER_DIV}, {DN_OP_REM, DN_OPER_REM}, {DN_OP_POW, DN_OPER_POW},
        {DN_OP_EQ, DN_OPER_EQ},   {DN_OP_NE, DN_OPER_NE},   {DN_OP_LT, DN_OPER_LT},
        {DN_OP_LE, DN_OPER_LE},   {DN_OP_GT, DN_OPER_GT},   {DN_OP_GE, DN_OPER_GE},
    };
    for (size_t i = 0; i < sizeof operators / sizeof *operators; i++)
        if (operators[i].op == op) return dn_operator_text(operators[i].oper);
    return op == DN_OP_SELECT ? "where" : dn_op_get(op)->name;
}

static bool all_numbers(const dn_term *args, int n) {
    for (int i = 0; i < n; i++)
        if (args[i].kind != DN_TERM_INT && args[i].kind != DN_TERM_FLOAT) return false;
    return true;
}

static double fold_unary(dn_op op, double x) {
    switch (op) {
        case DN_OP_NEG: return -x;
        case DN_OP_ABS: return fabs(x);
        case DN_OP_SIGN: return (x > 0) - (x < 0);
        case DN_OP_EXP: return exp(x);
        case DN_OP_EXPM1: return expm1(x);
        case DN_OP_LOG: return log(x);
        case DN_OP_LOG1P: return log1p(x);
        case DN_OP_SQRT: return sqrt(x);
        case DN_OP_RSQRT: return 1 / sqrt(x);
        case DN_OP_SIN: return sin(x);
        case DN_OP_COS: return cos(x);
        case DN_OP_TANH: return tanh(x);
        case DN_OP_SIGMOID: return 1 / (1 + exp(-x));
        case DN_OP_ERF: return erf(x);
        case DN_OP_FLOOR: return floor(x);
        case DN_OP_CEIL: return ceil(x);
        case DN_OP_ROUND: return nearbyint(x);
        default: return x;
    }
}

static bool keeps_integers(dn_op op) {
    return op == DN_OP_NEG || op == DN_OP_ABS || op == DN_OP_SIGN || op == DN_OP_MAX ||
           op == DN_OP_MIN || op == DN_OP_STOP_GRADIENT;
}

static dn_term fold(dn_build *b, dn_op op, const dn_term *args, int n) {
    double x = 0, y = 0;
    if (!dn_term_number(&args[0], &x) || (n == 2 && !dn_term_number(&args[1], &y)))
        return dn_build_give_up(b);
    if (op == DN_OP_IS_FINITE) return dn_term_bool(isfinite(x));
    double value = n == 1            ? fold_unary(op, x)
                   : op == DN_OP_POW ? pow(x, y)
                   : op == DN_OP_MAX ? fmax(x, y)
                                     : fmin(x, y);
    bool whole = args[0].kind == DN_TERM_INT && (n == 1 || args[1].kind == DN_TERM_INT);
    if (whole && keeps_integers(op)) return dn_term_int((dn_dim)value);
    if (op == DN_OP_FLOOR || op == DN_OP_CEIL || op == DN_OP_ROUND)
        if (fabs(value) < 1e15) return dn_term_int((dn_dim)value);
    return dn_term_float(value);
}

// Tensors of the command become nodes first, so that numbers beside them take their dtype.
static bool capture_tensors(dn_build *b, const dn_term *args, int n, dn_term *out, dn_span span) {
    for (int i = 0; i < n; i++) {
        out[i] = args[i];
        if (args[i].kind != DN_TERM_HOST || args[i].host.type->kind != DN_HOST_TENSOR) continue;
        dn_node *node = dn_host_capture(b, args[i], NULL, span);
        if (!node) return false;
        out[i] = dn_term_tensor(node);
    }
    return true;
}

dn_term dn_elementwise(dn_build *b, dn_op op, const dn_term *given, int n_args, dn_span span) {
    if (n_args <= 2 && all_numbers(given, n_args)) return fold(b, op, given, n_args);
    dn_term args[3];
    if (!capture_tensors(b, given, n_args, args, span)) return dn_term_of(DN_TERM_ERROR);
    dn_node *nodes[3], *like = NULL;
    for (int i = 0; i < n_args; i++)
        if (args[i].kind == DN_TERM_TENSOR && args[i].node->type.dtype != DN_BOOL)
            like = !like ? args[i].node : like;
    for (int i = 0; i < n_args && !like; i++)
        if (args[i].kind == DN_TERM_TENSOR && op != DN_OP_SELECT) like = args[i].node;
    dn_node real = {.type = dn_type_scalar(b->c->real)}, like_scalar;
    if (!like && dn_op_get(op)->domain == DN_DOMAIN_FLOAT) like = &real;
    if (like) like_scalar = (dn_node){.type = dn_type_scalar(like->type.dtype)};
    int rank = 0;
    dn_dim dims[DN_MAX_RANK];
    for (int i = 0; i < n_args; i++) {
        bool chooser = op == DN_OP_SELECT && i == 0;
        nodes[i] = dn_to_node(b, args[i], like && !chooser ? &like_scalar : NULL, span);
        if (!nodes[i]) return dn_term_of(DN_TERM_ERROR);
        if (!like && !chooser)
            like = nodes[i], like_scalar = (dn_node){.type = dn_type_scalar(like->type.dtype)};
        dn_type so_far = dn_type_of(DN_F32, rank, dims);
        if (!broadcast_dims(&so_far, &nodes[i]->type, &rank, dims)) {
            report_broadcast(b, op_text(op), nodes[i ? i - 1 : 0], nodes[i], span);
            return dn_term_of(DN_TERM_ERROR);
        }
    }
    for (int i = 0; i < n_args; i++) {
        nodes[i] = dn_broadcast_node(b, nodes[i], rank, dims, span);
        if (!nodes[i]) return dn_term_of(DN_TERM_ERROR);
    }
    dn_node *node = dn_op_node(b, op, nodes, n_args, NULL, 0, NULL, span);
    return node ? dn_term_tensor(node) : dn_term_of(DN_TERM_ERROR);
}

// ---- static arithmetic --------------------------------------------------------------------------

static dn_op tensor_op(dn_operator oper) {
    static const dn_op ops[] = {
        [DN_OPER_ADD] = DN_OP_ADD, [DN_OPER_SUB] = DN_OP_SUB,  [DN_OPER_MUL] = DN_OP_MUL,
        [DN_OPER_DIV] = DN_OP_DIV, [DN_OPER_IDIV] = DN_OP_DIV, [DN_OPER_REM] = DN_OP_REM,
        [DN_OPER_POW] = DN_OP_POW, [DN_OPER_EQ] = DN_OP_EQ,    [DN_OPER_NE] = DN_OP_NE,
        [DN_OPER_LT] = DN_OP_LT,   [DN_OPER_LE] = DN_OP_LE,    [DN_OPER_GT] = DN_OP_GT,
        [DN_OPER_GE] = DN_OP_GE,   [DN_OPER_AND] = DN_OP_AND,  [DN_OPER_OR] = DN_OP_OR,
    };
    return ops[oper];
}

static dn_term compare_ints(dn_build *b, dn_operator oper, dn_dim x, dn_dim y) {
    if (x == y) return dn_term_bool(oper == DN_OPER_EQ || oper == DN_OPER_LE || oper == DN_OPER_GE);
    if (!dn_dim_known(x) || !dn_dim_known(y)) return dn_build_give_up(b);
    switch (oper) {
        case DN_OPER_NE: return dn_term_bool(true);
        case DN_OPER_LT:
        case DN_OPER_LE: return dn_term_bool(x < y);
        case DN_OPER_GT:
        case DN_OPER_GE: return dn_term_bool(x > y);
        default: return dn_term_bool(false);
    }
}

static dn_term int_power(dn_dim x, dn_dim y) {
    dn_dim result = 1;
    for (dn_dim i = 0; i < y; i++)
        if (__builtin_mul_overflow(result, x, &result))
            return dn_term_float(pow((double)x, (double)y));
    return dn_term_int(result);
}

static bool overflows(dn_operator oper, dn_dim x, dn_dim y) {
    dn_dim r;
    if (!dn_dim_known(x) || !dn_dim_known(y)) return false;
    bool over = oper == DN_OPER_ADD   ? __builtin_add_overflow(x, y, &r)
                : oper == DN_OPER_SUB ? __builtin_sub_overflow(x, y, &r)
                : oper == DN_OPER_MUL ? __builtin_mul_overflow(x, y, &r)
                                      : (r = 0, false);
    return over || !dn_dim_known(r);
}

static dn_term int_arith(dn_build *b, dn_operator oper, dn_dim x, dn_dim y, dn_span span) {
    dn_dims *dims = b->c->dims;
    bool known = dn_dim_known(x) && dn_dim_known(y);
    if (overflows(oper, x, y)) return dn_build_fail(b, span, "this integer is too large");
    if ((oper == DN_OPER_IDIV || oper == DN_OPER_REM) && y == 0)
        return dn_build_fail(b, span, "division by zero");
    switch (oper) {
        case DN_OPER_ADD: return dn_term_int(dn_dim_add(dims, x, y));
        case DN_OPER_SUB: return dn_term_int(dn_dim_sub(dims, x, y));
        case DN_OPER_MUL: return dn_term_int(dn_dim_mul(dims, x, y));
        case DN_OPER_IDIV: return dn_term_int(dn_dim_div(dims, x, y));
        case DN_OPER_REM:
            return dn_term_int(dn_dim_sub(dims, x, dn_dim_mul(dims, y, dn_dim_div(dims, x, y))));
        case DN_OPER_DIV:
            // In an abstract build the value of a symbolic quotient does not matter.
            return dn_term_float(known ? (double)x / (double)y : 1);
        case DN_OPER_POW:
            if (!known) return dn_build_give_up(b);
            return y >= 0 && y < 64 ? int_power(x, y) : dn_term_float(pow((double)x, (double)y));
        default: return compare_ints(b, oper, x, y);
    }
}

static dn_term float_arith(dn_operator oper, double x, double y) {
    switch (oper) {
        case DN_OPER_ADD: return dn_term_float(x + y);
        case DN_OPER_SUB: return dn_term_float(x - y);
        case DN_OPER_MUL: return dn_term_float(x * y);
        case DN_OPER_DIV: return dn_term_float(x / y);
        case DN_OPER_IDIV: return dn_term_float(floor(x / y));
        case DN_OPER_REM: return dn_term_float(x - y * floor(x / y));
        case DN_OPER_POW: return dn_term_float(pow(x, y));
        case DN_OPER_EQ: return dn_term_bool(x == y);
        case DN_OPER_NE: return dn_term_bool(x != y);
        case DN_OPER_LT: return dn_term_bool(x < y);
        case DN_OPER_LE: return dn_term_bool(x <= y);
        case DN_OPER_GT: return dn_term_bool(x > y);
        default: return dn_term_bool(x >= y);
    }
}

static dn_term join_lists(dn_build *b, dn_term x, dn_term y, dn_span span) {
    dn_term list = {.kind = DN_TERM_LIST};
    list.list.count = x.list.count + y.list.count;
    if (!dn_build_spend(b, list.list.count, span)) return dn_term_of(DN_TERM_ERROR);
    list.list.items = DN_NEW_ARRAY(&b->c->arena, dn_term, list.list.count);
    for (int i = 0; i < x.list.count; i++) list.list.items[i] = x.list.items[i];
    for (int i = 0; i < y.list.count; i++) list.list.items[x.list.count + i] = y.list.items[i];
    return list;
}

static dn_term repeat_list(dn_build *b, dn_term x, dn_dim times, dn_span span) {
    enum { LIMIT = 1000000 };
    if (!dn_dim_known(times)) return dn_build_give_up(b);
    if (times < 0)
        return dn_build_fail(b, span, "a list cannot be repeated %lld times", (long long)times);
    if (x.list.count && times > LIMIT / x.list.count)
        return dn_build_fail(b, span,
                             "this list would have %lld times %d elements; at most %d are possible",
                             (long long)times, x.list.count, LIMIT);
    dn_term list = {.kind = DN_TERM_LIST};
    if (x.list.count == 0) return list;
    if (!dn_build_spend(b, times * x.list.count, span)) return dn_term_of(DN_TERM_ERROR);
    list.list.items = DN_NEW_ARRAY(&b->c->arena, dn_term, (int)times * x.list.count);
    for (dn_dim i = 0; i < times; i++)
        for (int k = 0; k < x.list.count; k++) list.list.items[list.list.count++] = x.list.items[k];
    return list;
}

static bool is_tensor_like(const dn_term *t) {
    return t->kind == DN_TERM_TENSOR || t->kind == DN_TERM_HOST;
}

static dn_term matmul(dn_build *b, dn_term x, dn_term y, dn_span span) {
    dn_node *in[2] = {dn_to_node(b, x, NULL, span), dn_to_node(b, y, NULL, span)};
    if (!in[0] || !in[1]) return dn_term_of(DN_TERM_ERROR);
    int rx = in[0]->type.rank, ry = in[1]->type.rank;
    dn_dim batch[DN_MAX_RANK], last = rx - 1, inner = ry == 1 ? 0 : ry - 2;
    int n_batch = ry > 2 ? ry - 2 : 0;
    if (rx == 0 || ry == 0 || (ry > 2 && rx != ry)) {
        return dn_build_fail(b, span, "`@` multiplies matrices: %s and %s do not fit",
                             dn_describe(b, &x), dn_describe(b, &y));
    }
    if (in[0]->type.dims[last] != in[1]->type.dims[inner]) {
        dn_diag *diag = dn_build_error(b, span, "`@`: the shapes %s and %s do not fit",
                                       dn_describe(b, &x), dn_describe(b, &y));
        dn_str text = {0};
        dn_str_puts(&text, "the left one's last axis is ");
        dn_dim_print(b->c->dims, in[0]->type.dims[last], &text);
        dn_str_printf(&text, ", the right one's %s axis is ", ry == 1 ? "only" : "last but one");
        dn_dim_print(b->c->dims, in[1]->type.dims[inner], &text);
        dn_diag_note(&b->c->diags, diag, (dn_span){0}, "%s", text.text);
        free(text.text);
        return dn_term_of(DN_TERM_ERROR);
    }
    for (int i = 0; i < n_batch; i++) batch[i] = i;
    dn_attr_value attrs[] = {dn_attr_dims(DN_ATTR_LHS_BATCH, n_batch, batch),
                             dn_attr_dims(DN_ATTR_RHS_BATCH, n_batch, batch),
                             dn_attr_dims(DN_ATTR_LHS_CONTRACT, 1, &last),
                             dn_attr_dims(DN_ATTR_RHS_CONTRACT, 1, &inner)};
    dn_node *node = dn_op_node(b, DN_OP_DOT, in, 2, attrs, 4, NULL, span);
    return node ? dn_term_tensor(node) : dn_term_of(DN_TERM_ERROR);
}

static dn_term misfit(dn_build *b, dn_operator oper, dn_term x, dn_term y, dn_span span) {
    return dn_build_fail(b, span, "`%s` does not work on %s and %s", dn_operator_text(oper),
                         dn_describe(b, &x), dn_describe(b, &y));
}

static dn_term static_arith(dn_build *b, dn_operator oper, dn_term x, dn_term y, dn_span span) {
    double p = 0, q = 0;
    if (x.kind == DN_TERM_INT && y.kind == DN_TERM_INT)
        return int_arith(b, oper, x.integer, y.integer, span);
    if (dn_term_number(&x, &p) && dn_term_number(&y, &q) && oper < DN_OPER_AND &&
        oper != DN_OPER_MATMUL)
        return float_arith(oper, p, q);
    if ((x.kind == DN_TERM_INT && y.kind == DN_TERM_FLOAT) ||
        (x.kind == DN_TERM_FLOAT && y.kind == DN_TERM_INT))
        return b->abstract ? dn_term_float(1) : misfit(b, oper, x, y, span);
    if (x.kind == DN_TERM_BOOL && y.kind == DN_TERM_BOOL && oper == DN_OPER_AND)
        return dn_term_bool(x.boolean && y.boolean);
    if (x.kind == DN_TERM_BOOL && y.kind == DN_TERM_BOOL && oper == DN_OPER_OR)
        return dn_term_bool(x.boolean || y.boolean);
    if (oper == DN_OPER_EQ) return dn_term_bool(dn_term_equal(&x, &y));
    if (oper == DN_OPER_NE) return dn_term_bool(!dn_term_equal(&x, &y));
    if (oper == DN_OPER_ADD && x.kind == DN_TERM_LIST && y.kind == DN_TERM_LIST)
        return join_lists(b, x, y, span);
    if (oper == DN_OPER_MUL && x.kind == DN_TERM_LIST && y.kind == DN_TERM_INT)
        return repeat_list(b, x, y.integer, span);
    if (oper == DN_OPER_ADD && x.kind == DN_TERM_STRING && y.kind == DN_TERM_STRING)
        return dn_term_string(dn_arena_printf(&b->c->arena, "%s%s", x.string, y.string));
    return misfit(b, oper, x, y, span);
}

static bool is_real_number(const dn_term *t) {
    return t->kind == DN_TERM_FLOAT ||
           (t->kind == DN_TERM_HOST && t->host.type->kind == DN_HOST_FLOAT);
}

dn_term dn_arith(dn_build *b, dn_operator oper, dn_term x, dn_term y, dn_span span) {
    if (dn_term_is_error(x)) return x;
    if (dn_term_is_error(y)) return y;
    bool compares_none = (x.kind == DN_TERM_NONE || y.kind == DN_TERM_NONE) &&
                         (oper == DN_OPER_EQ || oper == DN_OPER_NE);
    if (compares_none) return dn_term_bool((x.kind == y.kind) == (oper == DN_OPER_EQ));
    if (!is_tensor_like(&x) && !is_tensor_like(&y)) return static_arith(b, oper, x, y, span);
    if (oper == DN_OPER_MATMUL) return matmul(b, x, y, span);
    dn_term args[2] = {x, y};
    bool scalars = x.kind != DN_TERM_TENSOR && y.kind != DN_TERM_TENSOR;
    if (scalars && (oper == DN_OPER_DIV || is_real_number(&x) || is_real_number(&y))) {
        // As for numbers known at compile time: floats with ints are floats, and `/` gives one.
        dn_node like = {.type = dn_type_scalar(b->c->real)};
        for (int i = 0; i < 2; i++) {
            dn_node *node = dn_to_node(b, args[i], &like, span);
            if (!node) return dn_term_of(DN_TERM_ERROR);
            args[i] = dn_term_tensor(node);
        }
    }
    if (oper == DN_OPER_POW && y.kind == DN_TERM_INT && y.integer == 2)
        return dn_elementwise(b, DN_OP_MUL, (dn_term[]){x, x}, 2, span);
    return dn_elementwise(b, tensor_op(oper), args, 2, span);
}

static bool is_host_number(const dn_term *t) {
    return t->kind == DN_TERM_HOST &&
           (t->host.type->kind == DN_HOST_INT || t->host.type->kind == DN_HOST_FLOAT);
}

// Numbers of the command are combined by the command, as they are outside of tensor code.
static bool is_host_arith(dn_build *b, const dn_term *x, const dn_term *y) {
    double number;
    bool in_thunk = b->host && b->frame && !b->frame->decl;
    bool host_x = is_host_number(x), host_y = is_host_number(y);
    return in_thunk && (host_x || host_y) && (host_x || dn_term_number(x, &number)) &&
           (host_y || dn_term_number(y, &number));
}

// `and` and `or` on static values do not evaluate what they do not need.
dn_term dn_eval_binary(dn_build *b, const dn_expr *expr) {
    dn_operator oper = expr->operation.oper;
    dn_term x = dn_eval(b, expr->operation.left);
    if (x.kind == DN_TERM_BOOL && oper == DN_OPER_AND && !x.boolean) return x;
    if (x.kind == DN_TERM_BOOL && oper == DN_OPER_OR && x.boolean) return x;
    dn_term y = dn_eval(b, expr->operation.right);
    if (is_host_arith(b, &x, &y)) return dn_host_value(b, expr);
    return dn_arith(b, oper, x, y, expr->span);
}

static dn_term misfit_one(dn_build *b, const dn_expr *expr, dn_term x) {
    return dn_build_fail(b, expr->span, "`%s` does not work on %s",
                         dn_operator_text(expr->operation.oper), dn_describe(b, &x));
}

dn_term dn_eval_unary(dn_build *b, const dn_expr *expr) {
    dn_term x = dn_eval(b, expr->operation.left);
    if (dn_term_is_error(x)) return x;
    if (expr->operation.oper == DN_OPER_NOT) {
        if (x.kind == DN_TERM_BOOL) return dn_term_bool(!x.boolean);
        if (!is_tensor_like(&x)) return misfit_one(b, expr, x);
        return dn_elementwise(b, DN_OP_NOT, &x, 1, expr->span);
    }
    if (x.kind == DN_TERM_INT) return int_arith(b, DN_OPER_SUB, 0, x.integer, expr->span);
    if (x.kind == DN_TERM_FLOAT) return dn_term_float(-x.number);
    if (!is_tensor_like(&x)) return misfit_one(b, expr, x);
    return dn_elementwise(b, DN_OP_NEG, &x, 1, expr->span);
}

// ---- static values for settings
// -------------------------------------------------------------------

bool dn_has_host_value(const dn_term *term) {
    bool found = term->kind == DN_TERM_HOST;
    for (int i = 0; term->kind == DN_TERM_LIST && i < term->list.count; i++)
        found |= dn_has_host_value(&term->list.items[i]);
    return found;
}

void dn_build_not_static(dn_build *b, dn_span span, const char *what) {
    dn_diag *diag = dn_build_error(b, span, "%s must be known when the program is compiled", what);
    dn_diag_hint(&b->c->diags, diag,
                 "shapes and settings are fixed at compile time: use a `const`, which -D can set");
}

bool dn_to_int(dn_build *b, dn_term term, dn_span span, const char *what, dn_dim *out) {
    if (dn_term_is_error(term)) return false;
    if (term.kind == DN_TERM_INT) {
        *out = term.integer;
        return true;
    }
    if (dn_has_host_value(&term)) {
        dn_build_not_static(b, span, what);
        return false;
    }
    dn_diag *diag =
        dn_build_error(b, span, "%s should be an integer, not %s", what, dn_describe(b, &term));
    if (term.kind == DN_TERM_FLOAT)
        dn_diag_hint(&b->c->diags, diag, "`/` gives a float; integers are divided by `div`");
    return false;
}

bool dn_to_dims(dn_build *b, dn_term term, dn_span span, const char *what, int *count,
                dn_dim *out) {
    if (dn_term_is_error(term)) return false;
    if (term.kind != DN_TERM_LIST) {
        *count = 1;
        return dn_to_int(b, term, span, what, out);
    }
    if (term.list.count > DN_MAX_RANK) {
        dn_build_error(b, span, "%s has %d numbers; at most %d are possible", what, term.list.count,
                       DN_MAX_RANK);
        return false;
    }
    *count = term.list.count;
    for (int i = 0; i < *count; i++)
        if (!dn_to_int(b, term.list.items[i], span, what, &out[i])) return false;
    return true;
}
