#include "runtime/host/operate.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static const char *operator_name(dn_host_operator op) {
    static const char *const names[] = {
        [DN_HOST_NEG] = "-",  [DN_HOST_NOT] = "not", [DN_HOST_ADD] = "+",   [DN_HOST_SUB] = "-",
        [DN_HOST_MUL] = "*",  [DN_HOST_DIV] = "/",   [DN_HOST_IDIV] = "//", [DN_HOST_REM] = "%",
        [DN_HOST_POW] = "**", [DN_HOST_EQ] = "==",   [DN_HOST_NE] = "!=",   [DN_HOST_LT] = "<",
        [DN_HOST_LE] = "<=",  [DN_HOST_GT] = ">",    [DN_HOST_GE] = ">=",   [DN_HOST_AND] = "and",
        [DN_HOST_OR] = "or",
    };
    return names[op];
}

static dn_status no_operation(dn_host_operator op, dn_value a, dn_value b) {
    dn_str left = {0}, right = {0};
    dn_value_describe(&a, &left);
    dn_value_describe(&b, &right);
    dn_status status =
        dn_fail(DN_INVALID, "no %s of %s and %s", operator_name(op), left.text, right.text);
    free(left.text);
    free(right.text);
    return status;
}

static dn_status overflow(dn_host_operator op, int64_t a, int64_t b) {
    return dn_with_hint(dn_fail(DN_INVALID, "%lld %s %lld does not fit an int", (long long)a,
                                operator_name(op), (long long)b),
                        "a float holds larger numbers: %lld.0", (long long)a);
}

// ---- ints ------------------------------------------------------------------------------------

// By squaring; false on overflow.
static bool int_power(int64_t base, int64_t exponent, int64_t *out) {
    int64_t result = 1;
    while (exponent > 0) {
        if ((exponent & 1) && __builtin_mul_overflow(result, base, &result)) return false;
        exponent >>= 1;
        if (exponent > 0 && __builtin_mul_overflow(base, base, &base)) return false;
    }
    *out = result;
    return true;
}

// Division that rounds down, and its remainder, which has the sign of b. b is not 0, and a / b does
// not overflow.
static int64_t floor_divide(int64_t a, int64_t b) {
    int64_t quotient = a / b;
    return a % b != 0 && (a < 0) != (b < 0) ? quotient - 1 : quotient;
}

static dn_status int_division(dn_host_operator op, int64_t a, int64_t b, dn_value *out) {
    if (b == 0) return dn_fail(DN_INVALID, "division by zero");
    if (b == -1) {  // INT64_MIN / -1 traps
        int64_t negated = 0;
        if (op == DN_HOST_IDIV && __builtin_sub_overflow(0, a, &negated)) return overflow(op, a, b);
        *out = dn_value_int(op == DN_HOST_IDIV ? negated : 0);
        return DN_SUCCESS;
    }
    int64_t quotient = floor_divide(a, b);
    *out = dn_value_int(op == DN_HOST_IDIV ? quotient : a - quotient * b);
    return DN_SUCCESS;
}

static dn_status int_arithmetic(dn_host_operator op, int64_t a, int64_t b, dn_value *out) {
    int64_t result = 0;
    bool fits = true;
    switch (op) {
        case DN_HOST_ADD: fits = !__builtin_add_overflow(a, b, &result); break;
        case DN_HOST_SUB: fits = !__builtin_sub_overflow(a, b, &result); break;
        case DN_HOST_MUL: fits = !__builtin_mul_overflow(a, b, &result); break;
        case DN_HOST_POW: fits = int_power(a, b, &result); break;
        default: return int_division(op, a, b, out);
    }
    if (!fits) return overflow(op, a, b);
    *out = dn_value_int(result);
    return DN_SUCCESS;
}

// ---- numbers ---------------------------------------------------------------------------------

static double floor_remainder(double a, double b) {
    double remainder = fmod(a, b);
    return remainder != 0 && (remainder < 0) != (b < 0) ? remainder + b : remainder;
}

static double float_arithmetic(dn_host_operator op, double a, double b) {
    switch (op) {
        case DN_HOST_ADD: return a + b;
        case DN_HOST_SUB: return a - b;
        case DN_HOST_MUL: return a * b;
        case DN_HOST_DIV: return a / b;
        case DN_HOST_IDIV: return floor(a / b);
        case DN_HOST_REM: return floor_remainder(a, b);
        default: return pow(a, b);
    }
}

static bool is_number(dn_value value) {
    return value.kind == DN_VALUE_INT || value.kind == DN_VALUE_FLOAT;
}

static dn_value join_strings(const dn_string *a, const dn_string *b) {
    dn_str text = {0};
    dn_str_append(&text, a->text, a->length);
    dn_str_append(&text, b->text, b->length);
    dn_value joined = dn_value_string(text.text, text.length);
    free(text.text);
    return joined;
}

static dn_value join_lists(const dn_list *a, const dn_list *b) {
    dn_value joined = dn_value_list();
    for (int i = 0; i < a->count; i++) dn_list_push(joined.list, dn_value_retain(a->items[i]));
    for (int i = 0; i < b->count; i++) dn_list_push(joined.list, dn_value_retain(b->items[i]));
    return joined;
}

static dn_status arithmetic(dn_host_operator op, dn_value a, dn_value b, dn_value *out) {
    if (op == DN_HOST_ADD && a.kind == DN_VALUE_STRING && b.kind == DN_VALUE_STRING) {
        *out = join_strings(a.string, b.string);
        return DN_SUCCESS;
    }
    if (op == DN_HOST_ADD && a.kind == DN_VALUE_LIST && b.kind == DN_VALUE_LIST) {
        *out = join_lists(a.list, b.list);
        return DN_SUCCESS;
    }
    dn_value x = dn_value_scalar(a), y = dn_value_scalar(b);
    if (!is_number(x) || !is_number(y)) return no_operation(op, a, b);
    bool ints = x.kind == DN_VALUE_INT && y.kind == DN_VALUE_INT && op != DN_HOST_DIV;
    if (ints && !(op == DN_HOST_POW && y.integer < 0))
        return int_arithmetic(op, x.integer, y.integer, out);
    double p = 0, q = 0;
    dn_value_number(&x, &p);
    dn_value_number(&y, &q);
    *out = dn_value_float(float_arithmetic(op, p, q));
    return DN_SUCCESS;
}

// ---- comparisons -----------------------------------------------------------------------------

static bool equal_numbers(dn_value a, dn_value b) {
    if (a.kind == DN_VALUE_INT && b.kind == DN_VALUE_INT) return a.integer == b.integer;
    double x = 0, y = 0;
    dn_value_number(&a, &x);
    dn_value_number(&b, &y);
    return x == y;
}

static bool equal_tensors(const dn_tensor *a, const dn_tensor *b) {
    if (a->dtype != b->dtype || !dn_shape_equal(&a->shape, &b->shape)) return false;
    int64_t count = dn_shape_elements(&a->shape);
    if (!dn_dtype_is_float(a->dtype)) return count == 0 || memcmp(a->data, b->data, a->bytes) == 0;
    for (int64_t i = 0; i < count; i++)
        if (dn_tensor_get(a, i) != dn_tensor_get(b, i)) return false;
    return true;
}

static bool equal_lists(const dn_list *a, const dn_list *b) {
    if (a->count != b->count) return false;
    for (int i = 0; i < a->count; i++)
        if (!dn_value_equal(a->items[i], b->items[i])) return false;
    return true;
}

static bool equal_records(const dn_record *a, const dn_record *b) {
    if (a->count != b->count) return false;
    for (int i = 0; i < a->count; i++) {
        const dn_value *other = dn_record_find(b, a->names[i]);
        if (!other || !dn_value_equal(a->values[i], *other)) return false;
    }
    return true;
}

bool dn_value_equal(dn_value a, dn_value b) {
    if (a.kind == DN_VALUE_TENSOR && b.kind == DN_VALUE_TENSOR)
        return equal_tensors(a.tensor, b.tensor);
    a = dn_value_scalar(a);
    b = dn_value_scalar(b);
    if (is_number(a) && is_number(b)) return equal_numbers(a, b);
    if (a.kind != b.kind) return false;
    switch (a.kind) {
        case DN_VALUE_NONE: return true;
        case DN_VALUE_BOOL: return a.boolean == b.boolean;
        case DN_VALUE_STRING:
            return a.string->length == b.string->length &&
                   memcmp(a.string->text, b.string->text, a.string->length) == 0;
        case DN_VALUE_LIST: return equal_lists(a.list, b.list);
        case DN_VALUE_RECORD: return equal_records(a.record, b.record);
        case DN_VALUE_RANGE:
            return a.range->first == b.range->first && a.range->last == b.range->last;
        case DN_VALUE_DATASET: return a.dataset == b.dataset;
        default: return false;
    }
}

static int compare_strings(const dn_string *a, const dn_string *b) {
    size_t shorter = a->length < b->length ? a->length : b->length;
    int order = memcmp(a->text, b->text, shorter);
    if (order) return order;
    return (a->length > b->length) - (a->length < b->length);
}

static bool holds(dn_host_operator op, bool less, bool equal, bool greater) {
    switch (op) {
        case DN_HOST_LT: return less;
        case DN_HOST_LE: return less || equal;
        case DN_HOST_GT: return greater;
        default: return greater || equal;
    }
}

static dn_status order(dn_host_operator op, dn_value a, dn_value b, dn_value *out) {
    if (a.kind == DN_VALUE_STRING && b.kind == DN_VALUE_STRING) {
        int c = compare_strings(a.string, b.string);
        *out = dn_value_bool(holds(op, c<0, c == 0, c> 0));
        return DN_SUCCESS;
    }
    dn_value x = dn_value_scalar(a), y = dn_value_scalar(b);
    if (!is_number(x) || !is_number(y)) return no_operation(op, a, b);
    if (x.kind == DN_VALUE_INT && y.kind == DN_VALUE_INT) {
        int64_t i = x.integer, j = y.integer;
        *out = dn_value_bool(holds(op, i<j, i == j, i> j));
        return DN_SUCCESS;
    }
    double p = 0, q = 0;
    dn_value_number(&x, &p);
    dn_value_number(&y, &q);
    *out = dn_value_bool(holds(op, p<q, p == q, p> q));
    return DN_SUCCESS;
}

// Values of two kinds are most likely a mistake; only `none` may be compared with anything.
static dn_status equality(dn_host_operator op, dn_value a, dn_value b, dn_value *out) {
    dn_value x = dn_value_scalar(a), y = dn_value_scalar(b);
    bool comparable = x.kind == y.kind || x.kind == DN_VALUE_NONE || y.kind == DN_VALUE_NONE ||
                      (is_number(x) && is_number(y)) ||
                      (a.kind == DN_VALUE_TENSOR && b.kind == DN_VALUE_TENSOR);
    if (!comparable) return no_operation(op, a, b);
    *out = dn_value_bool(dn_value_equal(a, b) == (op == DN_HOST_EQ));
    return DN_SUCCESS;
}

static dn_status logic(dn_host_operator op, dn_value a, dn_value b, dn_value *out) {
    bool x, y;
    DN_TRY(dn_host_condition(a, &x));
    DN_TRY(dn_host_condition(b, &y));
    *out = dn_value_bool(op == DN_HOST_AND ? x && y : x || y);
    return DN_SUCCESS;
}

// ---- entry points ----------------------------------------------------------------------------

dn_status dn_host_condition(dn_value value, bool *out) {
    dn_value scalar = dn_value_scalar(value);
    if (scalar.kind == DN_VALUE_BOOL) {
        *out = scalar.boolean;
        return DN_SUCCESS;
    }
    dn_str text = {0};
    dn_value_describe(&value, &text);
    dn_status status =
        dn_fail(DN_INVALID, "a condition should be true or false, not %s", text.text);
    free(text.text);
    return status;
}

dn_status dn_host_unary(dn_host_operator op, dn_value value, dn_value *out) {
    if (op == DN_HOST_NOT) {
        bool condition;
        DN_TRY(dn_host_condition(value, &condition));
        *out = dn_value_bool(!condition);
        return DN_SUCCESS;
    }
    dn_value scalar = dn_value_scalar(value);
    if (scalar.kind == DN_VALUE_INT) return int_arithmetic(DN_HOST_SUB, 0, scalar.integer, out);
    if (scalar.kind == DN_VALUE_FLOAT) {
        *out = dn_value_float(-scalar.number);
        return DN_SUCCESS;
    }
    return dn_fail(DN_INVALID, "no - of %s", dn_value_kind_name(value.kind));
}

dn_status dn_host_binary(dn_host_operator op, dn_value a, dn_value b, dn_value *out) {
    switch (op) {
        case DN_HOST_EQ:
        case DN_HOST_NE: return equality(op, a, b, out);
        case DN_HOST_LT:
        case DN_HOST_LE:
        case DN_HOST_GT:
        case DN_HOST_GE: return order(op, a, b, out);
        case DN_HOST_AND:
        case DN_HOST_OR: return logic(op, a, b, out);
        default: return arithmetic(op, a, b, out);
    }
}

dn_status dn_host_rows(const dn_tensor *tensor, int64_t first, int64_t count, dn_value *out) {
    DN_ASSERT(tensor->shape.rank > 0 && first >= 0 && count >= 0, "rows of a scalar");
    dn_shape shape = tensor->shape;
    size_t row = shape.dims[0] ? tensor->bytes / (size_t)shape.dims[0] : 0;
    shape.dims[0] = count;
    dn_tensor *rows;
    DN_TRY(dn_tensor_new(tensor->dtype, &shape, &rows));
    memcpy(rows->data, (const char *)tensor->data + (size_t)first * row, (size_t)count * row);
    *out = dn_value_tensor(rows);
    return DN_SUCCESS;
}

dn_status dn_host_row(const dn_tensor *tensor, int64_t i, dn_value *out) {
    DN_TRY(dn_host_rows(tensor, i, 1, out));
    dn_shape *shape = &out->tensor->shape;
    *shape = dn_shape_of(shape->rank - 1, shape->dims + 1);
    return DN_SUCCESS;
}

static dn_status position_of(int64_t index, int64_t size, const char *what, int64_t *out) {
    *out = index < 0 ? index + size : index;
    if (*out >= 0 && *out < size) return DN_SUCCESS;
    return dn_fail(DN_INVALID, "there is no element %lld in a %s of %lld", (long long)index, what,
                   (long long)size);
}

dn_status dn_host_index(dn_value items, dn_value index, dn_value *out) {
    dn_value scalar = dn_value_scalar(index);
    if (scalar.kind != DN_VALUE_INT)
        return dn_fail(DN_INVALID, "an index should be an int, not %s",
                       dn_value_kind_name(index.kind));
    int64_t i;
    if (items.kind == DN_VALUE_LIST) {
        DN_TRY(position_of(scalar.integer, items.list->count, "list", &i));
        *out = dn_value_retain(items.list->items[i]);
        return DN_SUCCESS;
    }
    if (items.kind == DN_VALUE_TENSOR && items.tensor->shape.rank > 0) {
        DN_TRY(position_of(scalar.integer, items.tensor->shape.dims[0], "tensor", &i));
        return dn_host_row(items.tensor, i, out);
    }
    dn_str text = {0};
    dn_value_describe(&items, &text);
    dn_status status = dn_fail(DN_INVALID, "%s has no elements to index", text.text);
    free(text.text);
    return status;
}
