// Calls of entries: variables made when first needed, arguments held against what the entry
// declares, results wrapped up.
#include <math.h>
#include <stdlib.h>

#include "runtime/host/number.h"
#include "runtime/host/run.h"
#include "runtime/host/variable.h"

// ---- variables -------------------------------------------------------------------------------

dn_status dn_host_variable(dn_run *run, int index, dn_tensor **out) {
    if (!run->variables[index])
        DN_TRY(dn_variable_first(run->program, index, run->executor, run->options.seed,
                                 &run->variables[index]));
    *out = run->variables[index];
    return DN_SUCCESS;
}

// ---- arguments -------------------------------------------------------------------------------

static dn_status wrong_input(const dn_field *input, const dn_value *value) {
    dn_str expected = {0}, actual = {0};
    dn_shape_print(&expected, input->dtype, &input->shape);
    dn_value_describe(value, &actual);
    dn_status status =
        dn_fail(DN_INVALID, "`%s` should be %s, not %s", input->name, expected.text, actual.text);
    free(expected.text);
    free(actual.text);
    return status;
}

// Whether the dtype can hold the number as it is (floats may round).
static bool holds(dn_dtype dtype, const dn_value *value) {
    if (dn_dtype_is_float(dtype)) return true;
    if (dtype == DN_BOOL) return value->kind == DN_VALUE_BOOL;
    int64_t i;
    if (value->kind == DN_VALUE_INT) {
        i = value->integer;
    } else if (value->kind == DN_VALUE_BOOL) {
        i = value->boolean;
    } else {
        if (value->number != floor(value->number) || fabs(value->number) >= 0x1p63) return false;
        i = (int64_t)value->number;
    }
    if (dtype == DN_U8) return i >= 0 && i <= UINT8_MAX;
    return dtype != DN_I32 || (i >= INT32_MIN && i <= INT32_MAX);
}

static dn_status scalar_input(const dn_field *input, const dn_value *value, dn_tensor **out) {
    double number;
    if (value->kind == DN_VALUE_TENSOR || input->shape.rank != 0 ||
        !dn_value_number(value, &number))
        return wrong_input(input, value);
    if (!holds(input->dtype, value)) {
        dn_str text = {0};
        dn_value_print(value, &text);
        dn_status status = dn_fail(DN_INVALID, "`%s` should be %s, not %s", input->name,
                                   dn_dtype_name(input->dtype), text.text);
        free(text.text);
        return status;
    }
    DN_TRY(dn_tensor_new(input->dtype, &input->shape, out));
    if (input->dtype == DN_I64 && value->kind == DN_VALUE_INT)
        *(int64_t *)(*out)->data = value->integer;  // a double would lose its low bits
    else
        dn_tensor_set(*out, 0, number);
    return DN_SUCCESS;
}

static dn_status input_of(const dn_field *input, const dn_value *value, dn_tensor **out) {
    if (value->kind != DN_VALUE_TENSOR) return scalar_input(input, value, out);
    dn_tensor *tensor = value->tensor;
    if (tensor->dtype != input->dtype || !dn_shape_equal(&tensor->shape, &input->shape))
        return wrong_input(input, value);
    *out = dn_tensor_retain(tensor);
    return DN_SUCCESS;
}

// ---- calls -----------------------------------------------------------------------------------

// What one call hands to the executor.
typedef struct call {
    dn_tensor **inputs, **vars, **outputs;
} call;

static void free_call(call *c, const dn_entry *entry) {
    for (int i = 0; i < entry->n_inputs; i++) dn_tensor_release(c->inputs[i]);
    free(c->inputs);
    free(c->vars);  // the tensors are the run's
    free(c->outputs);
}

static dn_status prepare_call(dn_run *run, const dn_entry *entry, const dn_value *args, call *c) {
    for (int i = 0; i < entry->n_inputs; i++)
        DN_TRY(input_of(&entry->inputs[i], &args[i], &c->inputs[i]));
    for (int i = 0; i < entry->n_vars; i++)
        DN_TRY(dn_host_variable(run, entry->vars[i], &c->vars[i]));
    return DN_SUCCESS;
}

static dn_status execute(dn_run *run, const dn_entry *entry, const call *c, uint64_t step) {
    const dn_executor *executor = run->executor;
    DN_TRY(executor->run(executor->context, entry, c->inputs, c->vars, c->outputs,
                         run->options.seed, step));
    for (int i = 0; i < entry->n_vars; i++) run->variables[entry->vars[i]] = c->vars[i];
    return DN_SUCCESS;
}

static dn_value result_of(const dn_entry *entry, dn_tensor **outputs) {
    if (!entry->record) return entry->n_outputs ? dn_value_tensor(outputs[0]) : dn_value_none();
    int count = entry->n_outputs;
    const char **names = dn_xcalloc((size_t)count, sizeof *names);
    dn_value *values = dn_xcalloc((size_t)count, sizeof *values);
    for (int i = 0; i < count; i++) {
        names[i] = entry->outputs[i].name;
        values[i] = dn_value_tensor(outputs[i]);
    }
    dn_value record = dn_value_record(count, names, values);
    free(names);
    free(values);
    return record;
}

dn_status dn_host_call_entry(dn_run *run, int index, const dn_value *args, dn_value *result) {
    const dn_entry *entry = &run->program->entries[index];
    if (!entry->record && entry->n_outputs > 1)
        return dn_fail(DN_INTERNAL, "%s has %d results without names", entry->name,
                       entry->n_outputs);
    call c = {.inputs = dn_xcalloc((size_t)entry->n_inputs, sizeof *c.inputs),
              .vars = dn_xcalloc((size_t)entry->n_vars, sizeof *c.vars),
              .outputs = dn_xcalloc((size_t)entry->n_outputs, sizeof *c.outputs)};
    dn_status status = prepare_call(run, entry, args, &c);
    if (!status) status = execute(run, entry, &c, run->counters[index]);
    if (!status) {
        *result = result_of(entry, c.outputs);
        run->counters[index]++;
        run->steps += entry->is_step;
    }
    free_call(&c, entry);
    return status;
}
