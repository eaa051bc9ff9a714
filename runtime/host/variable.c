#include "runtime/host/variable.h"

#include <stdlib.h>

// ---- stored values ---------------------------------------------------------------------------

static dn_status wrong_type(const dn_variable *variable, const dn_tensor *stored) {
    dn_str declared = {0}, found = {0};
    dn_shape_print(&declared, variable->dtype, &variable->shape);
    dn_shape_print(&found, stored->dtype, &stored->shape);
    dn_status status = dn_fail(DN_INVALID, "%s is %s in the file, but %s in the program",
                               variable->name, found.text, declared.text);
    free(declared.text);
    free(found.text);
    return status;
}

dn_status dn_variable_convert(const dn_variable *variable, const dn_tensor *stored,
                              dn_tensor **out) {
    bool floats = dn_dtype_is_float(stored->dtype) && dn_dtype_is_float(variable->dtype);
    if (!dn_shape_equal(&stored->shape, &variable->shape) ||
        (stored->dtype != variable->dtype && !floats))
        return wrong_type(variable, stored);
    if (stored->dtype == variable->dtype) return dn_tensor_copy(stored, out);
    DN_TRY(dn_tensor_new(variable->dtype, &variable->shape, out));
    int64_t count = dn_shape_elements(&stored->shape);
    for (int64_t i = 0; i < count; i++) dn_tensor_set(*out, i, dn_tensor_get(stored, i));
    return DN_SUCCESS;
}

// ---- first values ----------------------------------------------------------------------------

static dn_status check_first_value(const dn_variable *variable, const dn_tensor *tensor) {
    if (tensor->dtype == variable->dtype && dn_shape_equal(&tensor->shape, &variable->shape))
        return DN_SUCCESS;
    dn_str declared = {0}, made = {0};
    dn_shape_print(&declared, variable->dtype, &variable->shape);
    dn_shape_print(&made, tensor->dtype, &tensor->shape);
    dn_status status = dn_fail(DN_INTERNAL, "%s is %s, but its first value is %s", variable->name,
                               declared.text, made.text);
    free(declared.text);
    free(made.text);
    return status;
}

dn_status dn_variable_first(const dn_program *program, int index, const dn_executor *executor,
                            uint64_t seed, dn_tensor **out) {
    const dn_variable *variable = &program->variables[index];
    const dn_entry *init = &program->entries[variable->init];
    if (init->n_inputs || init->n_vars || init->n_outputs != 1)
        return dn_fail(DN_INTERNAL, "%s cannot make the first value of %s", init->name,
                       variable->name);
    dn_tensor *value = NULL;
    DN_TRY(executor->run(executor->context, init, NULL, NULL, &value, seed, 0));
    dn_status status = check_first_value(variable, value);
    if (status)
        dn_tensor_release(value);
    else
        *out = value;
    return status;
}
