// Shape inference: the frame around the rules, elementwise ops, and what rules share.
// The rules of movement are in infer_move.c, of convolutions and windows in infer_conv.c, of
// leaves, reductions and contractions in infer_reduce.c.
#include "ir/infer.h"

#include <stdlib.h>

// ---- attributes -----------------------------------------------------------------------------

static const dn_attr_value *attr_of(const dn_call *call, dn_attr attr) {
    for (int i = 0; i < call->n_attrs; i++)
        if (call->attrs[i].attr == attr) return &call->attrs[i];
    dn_panic(__FILE__, __LINE__, "the rule of %s reads %s", call->name, dn_attr_name(attr));
}

int64_t dn_call_int(const dn_call *call, dn_attr attr) { return attr_of(call, attr)->i; }

double dn_call_number(const dn_call *call, dn_attr attr) { return attr_of(call, attr)->number; }

const dn_dim *dn_call_dims(const dn_call *call, dn_attr attr, int *count) {
    const dn_attr_value *value = attr_of(call, attr);
    if (count) *count = value->count;
    return value->dims;
}

static dn_status check_attr_value(const dn_call *call, const dn_attr_value *value) {
    const char *name = dn_attr_name(value->attr);
    if (dn_attr_kind_of(value->attr) == DN_ATTR_STRING && !value->string)
        return dn_fail(DN_INTERNAL, "%s: %s is missing", call->name, name);
    if (dn_attr_kind_of(value->attr) != DN_ATTR_DIMS) return DN_SUCCESS;
    if (value->count < 0 || value->count > DN_MAX_RANK)
        return dn_fail(DN_INVALID, "%s: %s has %d entries; the limit is %d", call->name, name,
                       value->count, DN_MAX_RANK);
    for (int i = 0; i < value->count; i++)
        if (dn_dim_overflowed(value->dims[i]))
            return dn_fail(DN_INVALID, "%s: %s has a number that is too large", call->name, name);
    return DN_SUCCESS;
}

// Those of the op's row, in its order; optional ones may be left out.
static dn_status check_attrs(const dn_call *call) {
    dn_attr row[DN_MAX_ATTRS];
    int n_row = dn_op_attrs(call->op, row), given = 0;
    for (int i = 0; i < n_row; i++) {
        if (given < call->n_attrs && call->attrs[given].attr == row[i]) {
            DN_TRY(check_attr_value(call, &call->attrs[given++]));
        } else if (!dn_attr_optional(row[i])) {
            given = -1;
            break;
        }
    }
    if (given == call->n_attrs) return DN_SUCCESS;
    const char *names = dn_op_get(call->op)->attrs;
    return dn_fail(DN_INVALID, "%s wants the attributes (%s), in this order", call->name, names);
}

// ---- text for messages ----------------------------------------------------------------------

static const char *keep(dn_call *call, dn_str *text) {
    char *taken = dn_str_take(text);
    const char *kept = dn_arena_strdup(&call->scratch, taken);
    free(taken);
    return kept;
}

const char *dn_call_type(dn_call *call, const dn_type *type) {
    dn_str text = {0};
    dn_type_print(call->dims, type, &text);
    return keep(call, &text);
}

const char *dn_call_dim(dn_call *call, dn_dim d) {
    dn_str text = {0};
    dn_dim_print(call->dims, d, &text);
    return keep(call, &text);
}

const char *dn_call_list(dn_call *call, int count, const dn_dim *dims) {
    dn_str text = {0};
    dn_str_puts(&text, "[");
    for (int i = 0; i < count; i++) {
        if (i) dn_str_puts(&text, ", ");
        dn_dim_print(call->dims, dims[i], &text);
    }
    dn_str_puts(&text, "]");
    return keep(call, &text);
}

// ---- shared checks --------------------------------------------------------------------------

dn_status dn_check_domain(const dn_call *call, dn_domain domain, dn_dtype dtype) {
    const char *name = dn_dtype_name(dtype);
    switch (domain) {
        case DN_DOMAIN_FLOAT:
            if (dn_dtype_is_float(dtype)) return DN_SUCCESS;
            return dn_with_hint(dn_fail(DN_INVALID, "%s needs floats, not %s", call->name, name),
                                "cast to f32 first");
        case DN_DOMAIN_NUMERIC:
            if (dtype != DN_BOOL) return DN_SUCCESS;
            return dn_with_hint(dn_fail(DN_INVALID, "%s needs numbers, not bool", call->name),
                                "cast to f32 or i32 first");
        case DN_DOMAIN_BOOLEAN:
            if (dtype == DN_BOOL) return DN_SUCCESS;
            return dn_with_hint(dn_fail(DN_INVALID, "%s needs bool, not %s", call->name, name),
                                "compare it with something, or cast to bool");
        case DN_DOMAIN_ANY: return DN_SUCCESS;
    }
    return DN_SUCCESS;
}

dn_status dn_check_same_dtype(dn_call *call, const dn_type *a, const dn_type *b) {
    if (a->dtype == b->dtype) return DN_SUCCESS;
    dn_status status = dn_fail(DN_INVALID, "%s needs operands of one dtype: %s and %s", call->name,
                               dn_call_type(call, a), dn_call_type(call, b));
    return dn_with_hint(status, "cast one of them");
}

// "axis 1: 14 against 128, axis 3: 1 against 3"
static const char *differences(dn_call *call, const dn_type *a, const dn_type *b) {
    dn_str text = {0};
    if (a->rank != b->rank) dn_str_printf(&text, "ranks %d and %d", a->rank, b->rank);
    for (int i = 0; a->rank == b->rank && i < a->rank; i++) {
        if (a->dims[i] == b->dims[i]) continue;
        dn_str_printf(&text, "%saxis %d: %s against %s", text.length ? ", " : "", i,
                      dn_call_dim(call, a->dims[i]), dn_call_dim(call, b->dims[i]));
    }
    return keep(call, &text);
}

dn_status dn_check_same_dims(dn_call *call, const dn_type *a, const dn_type *b) {
    if (dn_type_same_dims(a, b)) return DN_SUCCESS;
    dn_status status = dn_fail(DN_INVALID, "%s needs operands of one shape: %s and %s", call->name,
                               dn_call_type(call, a), dn_call_type(call, b));
    return dn_with_note(status, "%s", differences(call, a, b));
}

dn_status dn_check_rank(dn_call *call, int rank) {
    if (rank <= DN_MAX_RANK) return DN_SUCCESS;
    return dn_fail(DN_INVALID, "%s: the result would have %d axes; the limit is %d", call->name,
                   rank, DN_MAX_RANK);
}

dn_status dn_check_axis(dn_call *call, const dn_type *x, dn_dim axis) {
    if (dn_dim_known(axis) && axis >= 0 && axis < x->rank) return DN_SUCCESS;
    dn_status status = dn_fail(DN_INVALID, "%s: %s has no axis %s", call->name,
                               dn_call_type(call, x), dn_call_dim(call, axis));
    if (x->rank == 0) return dn_with_note(status, "it is a scalar");
    return dn_with_note(status, "its axes are 0 to %d", x->rank - 1);
}

dn_status dn_check_axes(dn_call *call, const dn_type *x, int count, const dn_dim *axes) {
    bool seen[DN_MAX_RANK] = {false};
    for (int i = 0; i < count; i++) {
        DN_TRY(dn_check_axis(call, x, axes[i]));
        if (seen[axes[i]])
            return dn_fail(DN_INVALID, "%s: axis %d is named twice in %s", call->name, (int)axes[i],
                           dn_call_list(call, count, axes));
        seen[axes[i]] = true;
    }
    return DN_SUCCESS;
}

dn_status dn_check_increasing(dn_call *call, const dn_type *x, int count, const dn_dim *axes) {
    DN_TRY(dn_check_axes(call, x, count, axes));
    for (int i = 1; i < count; i++)
        if (axes[i] < axes[i - 1])
            return dn_fail(DN_INVALID, "%s: axes must increase, unlike %s", call->name,
                           dn_call_list(call, count, axes));
    return DN_SUCCESS;
}

dn_status dn_check_entries(dn_call *call, dn_attr attr, int count, int64_t least) {
    int given;
    const dn_dim *dims = dn_call_dims(call, attr, &given);
    if (given != count)
        return dn_fail(DN_INVALID, "%s: %s needs %d entries, one an axis, and has %s", call->name,
                       dn_attr_name(attr), count, dn_call_list(call, given, dims));
    for (int i = 0; i < count; i++)
        if (dn_dim_below(dims[i], least))
            return dn_fail(DN_INVALID, "%s: %s must be at least %d, and is %s", call->name,
                           dn_attr_name(attr), (int)least, dn_call_list(call, count, dims));
    return DN_SUCCESS;
}

dn_status dn_check_value(const dn_call *call, dn_dtype dtype, double value) {
    static const double limits[DN_DTYPE_COUNT][2] = {
        // least, and the first beyond the greatest
        [DN_BOOL] = {0, 2},
        [DN_U8] = {0, 256},
        [DN_I32] = {-0x1p31, 0x1p31},
        [DN_I64] = {-0x1p63, 0x1p63},
    };
    if (dn_dtype_is_float(dtype)) return DN_SUCCESS;
    if (value >= limits[dtype][0] && value < limits[dtype][1] && value == __builtin_trunc(value))
        return DN_SUCCESS;
    return dn_fail(DN_INVALID, "%s: %.17g is not a number that %s can hold", call->name, value,
                   dn_dtype_name(dtype));
}

// ---- elementwise ----------------------------------------------------------------------------

static dn_status infer_elementwise(dn_call *call, dn_type *out) {
    const dn_op_info *info = dn_op_get(call->op);
    const dn_type *x = dn_call_in(call, 0);
    DN_TRY(dn_check_domain(call, info->domain, x->dtype));
    if (info->class == DN_CLASS_BINARY) {
        const dn_type *y = dn_call_in(call, 1);
        DN_TRY(dn_check_domain(call, info->domain, y->dtype));
        DN_TRY(dn_check_same_dtype(call, x, y));
        DN_TRY(dn_check_same_dims(call, x, y));
    }
    *out = *x;
    if (info->to_bool) out->dtype = DN_BOOL;
    return DN_SUCCESS;
}

dn_status dn_infer_CAST(dn_call *call, dn_type *out) {
    if (!dn_type_same_dims(dn_call_in(call, 0), call->type)) {
        dn_status status =
            dn_fail(DN_INVALID, "cast keeps the shape: %s to %s",
                    dn_call_type(call, dn_call_in(call, 0)), dn_call_type(call, call->type));
        return dn_with_note(status, "%s", differences(call, dn_call_in(call, 0), call->type));
    }
    *out = *call->type;
    return DN_SUCCESS;
}

dn_status dn_infer_IS_FINITE(dn_call *call, dn_type *out) {
    DN_TRY(dn_check_domain(call, DN_DOMAIN_FLOAT, dn_call_in(call, 0)->dtype));
    *out = *dn_call_in(call, 0);
    out->dtype = DN_BOOL;
    return DN_SUCCESS;
}

dn_status dn_infer_SELECT(dn_call *call, dn_type *out) {
    const dn_type *c = dn_call_in(call, 0), *a = dn_call_in(call, 1), *b = dn_call_in(call, 2);
    if (c->dtype != DN_BOOL)
        return dn_with_hint(
            dn_fail(DN_INVALID, "select needs a bool condition, not %s", dn_call_type(call, c)),
            "compare it with something, or cast to bool");
    DN_TRY(dn_check_same_dtype(call, a, b));
    DN_TRY(dn_check_same_dims(call, a, b));
    DN_TRY(dn_check_same_dims(call, c, a));
    *out = *a;
    return DN_SUCCESS;
}

// ---- the frame ------------------------------------------------------------------------------

static dn_status run_rule(dn_call *call, dn_type *out) {
    switch (call->op) {
#define OP(ENUM, name, arity, attrs, grad, doc) \
    case DN_OP_##ENUM:                          \
        return dn_infer_##ENUM(call, out);
#define UNARY(ENUM, name, domain, expr, grad, doc) \
    case DN_OP_##ENUM:                             \
        return infer_elementwise(call, out);
#define BINARY(ENUM, name, domain, result, expr, grad, doc) \
    case DN_OP_##ENUM:                                      \
        return infer_elementwise(call, out);
#include "ir/ops.def"
#undef OP
#undef UNARY
#undef BINARY
        case DN_OP_COUNT: break;
    }
    return dn_fail(DN_INTERNAL, "no op %d", (int)call->op);
}

static dn_status check_operands(const dn_call *call) {
    int arity = dn_op_get(call->op)->arity;
    if (arity < 0 && call->n_in > 0) return DN_SUCCESS;
    if (arity == call->n_in) return DN_SUCCESS;
    if (arity < 0) return dn_fail(DN_INVALID, "%s needs at least one operand", call->name);
    return dn_fail(DN_INVALID, "%s takes %d operand%s, not %d", call->name, arity,
                   arity == 1 ? "" : "s", call->n_in);
}

// A tensor that may exist: sizes not negative, and all numbers small enough.
static dn_status check_type(dn_call *call, const dn_type *type) {
    if ((unsigned)type->dtype >= DN_DTYPE_COUNT || type->rank < 0 || type->rank > DN_MAX_RANK)
        return dn_fail(DN_INTERNAL, "%s: a type of dtype %d and rank %d", call->name,
                       (int)type->dtype, type->rank);
    for (int i = 0; i < type->rank; i++)
        if (dn_dim_below(type->dims[i], 0))
            return dn_fail(DN_INVALID, "%s: a size of %s is negative", call->name,
                           dn_call_type(call, type));
    if (dn_dim_overflowed(dn_type_elements(call->dims, type)))
        return dn_fail(DN_INVALID, "%s: a tensor %s is too large", call->name,
                       dn_call_type(call, type));
    return DN_SUCCESS;
}

static dn_status infer(dn_call *call, dn_type *out) {
    DN_TRY(check_operands(call));
    DN_TRY(check_attrs(call));
    if (call->type) DN_TRY(check_type(call, call->type));
    if (!call->type && dn_op_takes_type(call->op))
        return dn_fail(DN_INTERNAL, "%s needs its result's type", call->name);
    dn_type type = {0};
    DN_TRY(run_rule(call, &type));
    DN_TRY(check_type(call, &type));
    if (call->type && !dn_type_equal(call->type, &type))
        return dn_fail(DN_INVALID, "%s gives %s, not %s", call->name, dn_call_type(call, &type),
                       dn_call_type(call, call->type));
    *out = dn_type_of(type.dtype, type.rank, type.dims);  // unused sizes are 0
    return DN_SUCCESS;
}

dn_status dn_infer(dn_dims *dims, dn_op op, dn_node *const *in, int n_in,
                   const dn_attr_value *attrs, int n_attrs, const dn_type *type, dn_type *out) {
    dn_call call = {.dims = dims,
                    .op = op,
                    .name = dn_op_get(op)->name,
                    .in = in,
                    .n_in = n_in,
                    .attrs = attrs,
                    .n_attrs = n_attrs,
                    .type = type};
    dn_status status = infer(&call, out);
    dn_arena_free(&call.scratch);
    return status;
}
