// Host functions that compute with values.
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "runtime/host/builtins.h"

static int64_t character_count(const dn_string *string) {
    int64_t count = 0;
    for (size_t i = 0; i < string->length; i++)
        count += ((unsigned char)string->text[i] & 0xC0) != 0x80;
    return count;
}

dn_status dn_builtin_count(const dn_call *call) {
    const dn_value *value = &call->args[0];
    int64_t size =
        value->kind == DN_VALUE_STRING ? character_count(value->string) : dn_host_size(value);
    if (size < 0) return dn_arg_wrong(call, 0, "a dataset, a list, a string or a tensor");
    *call->result = dn_value_int(size);
    return DN_SUCCESS;
}

// Whether b's rows can follow a's: the same dtype, and the same shape but for the first axis.
static bool rows_agree(const dn_tensor *a, const dn_tensor *b) {
    size_t tail = (size_t)(a->shape.rank - 1) * sizeof *a->shape.dims;
    return a->dtype == b->dtype && a->shape.rank == b->shape.rank &&
           memcmp(a->shape.dims + 1, b->shape.dims + 1, tail) == 0;
}

static dn_status concat_shape(const dn_call *call, const dn_list *items, dn_shape *shape) {
    if (items->count == 0) return dn_arg_wrong(call, 0, "one or more tensors");
    for (int i = 0; i < items->count; i++) {
        const dn_value *item = &items->items[i];
        if (item->kind != DN_VALUE_TENSOR || item->tensor->shape.rank == 0)
            return dn_arg_wrong(call, 0, "a list of tensors with one axis or more");
        if (i == 0) {
            *shape = item->tensor->shape;
            continue;
        }
        if (!rows_agree(items->items[0].tensor, item->tensor)) {
            dn_str first = {0}, other = {0};
            dn_value_describe(&items->items[0], &first);
            dn_value_describe(item, &other);
            dn_status status =
                dn_fail(DN_INVALID, "%s and %s cannot be joined along the first axis", first.text,
                        other.text);
            free(first.text);
            free(other.text);
            return status;
        }
        shape->dims[0] += item->tensor->shape.dims[0];
    }
    return DN_SUCCESS;
}

dn_status dn_builtin_concat(const dn_call *call) {
    const dn_list *items;
    dn_shape shape;
    dn_tensor *joined;
    DN_TRY(dn_arg_list(call, 0, &items));
    DN_TRY(concat_shape(call, items, &shape));
    DN_TRY(dn_tensor_new(items->items[0].tensor->dtype, &shape, &joined));
    char *to = joined->data;
    for (int i = 0; i < items->count; i++) {
        const dn_tensor *part = items->items[i].tensor;
        memcpy(to, part->data, part->bytes);
        to += part->bytes;
    }
    *call->result = dn_value_tensor(joined);
    return DN_SUCCESS;
}

dn_status dn_builtin_number(const dn_call *call) {
    double number;
    if (!dn_value_number(&call->args[0], &number))
        return dn_arg_wrong(call, 0, "a tensor with one element");
    *call->result = dn_value_float(number);
    return DN_SUCCESS;
}

dn_status dn_builtin_numbers(const dn_call *call) {
    dn_tensor *tensor;
    DN_TRY(dn_arg_tensor(call, 0, &tensor));
    int64_t count = dn_shape_elements(&tensor->shape);
    if (count > INT32_MAX / 2) return dn_arg_wrong(call, 0, "a smaller tensor");
    dn_value list = dn_value_list();
    for (int64_t i = 0; i < count; i++)
        dn_list_push(list.list, dn_value_float(dn_tensor_get(tensor, i)));
    *call->result = list;
    return DN_SUCCESS;
}

dn_status dn_builtin_to_int(const dn_call *call) {
    dn_value scalar = dn_value_scalar(call->args[0]);
    double number;
    if (scalar.kind == DN_VALUE_INT) {
        *call->result = scalar;
        return DN_SUCCESS;
    }
    DN_TRY(dn_arg_float(call, 0, &number));
    if (!(fabs(number) < 0x1p63)) return dn_fail(DN_INVALID, "%g does not fit an int", number);
    *call->result = dn_value_int((int64_t)number);
    return DN_SUCCESS;
}

dn_status dn_builtin_seconds(const dn_call *call) {
    *call->result = dn_value_float(dn_host_seconds(call->run));
    return DN_SUCCESS;
}

dn_status dn_builtin_check(const dn_call *call) {
    bool condition;
    const char *message;
    DN_TRY(dn_arg_bool(call, 0, &condition));
    DN_TRY(dn_arg_text(call, 1, &message));
    return condition ? DN_SUCCESS : dn_fail(DN_INVALID, "%s", message);
}
