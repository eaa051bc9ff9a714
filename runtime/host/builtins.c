// The table of host functions, and reading their arguments.
#include "runtime/host/builtins.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

typedef enum builtin_kind { VALUE, ACTION, DATASET, EITHER } builtin_kind;

typedef struct builtin {
    const char *name;
    builtin_kind kind;
    const char *parameters;  // their names, with spaces between
    dn_builtin_function *function;
} builtin;

static const builtin builtins[] = {
#define BUILTIN(name, kind, parameters) {#name, kind, parameters, dn_builtin_##name},
#include "runtime/host/builtins.def"
#undef BUILTIN
};

enum { BUILTIN_COUNT = sizeof builtins / sizeof *builtins };

int dn_builtin_find(const char *name) {
    for (int i = 0; i < BUILTIN_COUNT; i++)
        if (strcmp(builtins[i].name, name) == 0) return i;
    return -1;
}

const char *dn_builtin_name(int index) { return builtins[index].name; }

bool dn_builtin_is_dataset(int index) {
    return builtins[index].kind == DATASET || builtins[index].kind == EITHER;
}

bool dn_builtin_acts(int index) { return builtins[index].kind != VALUE; }

int dn_builtin_arity(int index) {
    if (index < 0 || index >= BUILTIN_COUNT) return -1;
    const char *parameters = builtins[index].parameters;
    int count = *parameters ? 1 : 0;
    for (const char *c = parameters; *c; c++) count += *c == ' ';
    return count;
}

// A dataset remembers the call that made it.
static void remember_call(const dn_call *call, int count) {
    dn_host_dataset *dataset = call->result->dataset;
    dataset->builtin = call->builtin;
    dataset->n_args = count;
    dataset->args = dn_xcalloc((size_t)count, sizeof *dataset->args);
    for (int i = 0; i < count; i++) dataset->args[i] = dn_value_retain(call->args[i]);
}

dn_status dn_builtin_call(dn_run *run, int index, const dn_value *args, dn_value *result) {
    *result = dn_value_none();
    dn_call call = {.run = run, .builtin = index, .args = args, .result = result};
    DN_TRY(builtins[index].function(&call));
    if (result->kind == DN_VALUE_DATASET) remember_call(&call, dn_builtin_arity(index));
    return DN_SUCCESS;
}

// ---- arguments -------------------------------------------------------------------------------

static char *parameter_name(int index, int parameter) {
    const char *name = builtins[index].parameters;
    while (parameter-- > 0) name = strchr(name, ' ') + 1;
    return dn_strndup(name, strcspn(name, " "));
}

// What to write instead of a dataset: `for {image, label} in data |> take(1) { show(image) }`.
static dn_status with_loop_hint(dn_status status, const dn_dataset *dataset, const char *function) {
    const dn_field *fields;
    int count = dn_dataset_fields(dataset, &fields);
    dn_str names = {0};
    for (int i = 0; i < count; i++) dn_str_printf(&names, "%s%s", i ? ", " : "", fields[i].name);
    status = dn_with_hint(
        status, "a loop goes through a dataset: for %s%s%s in data |> take(1) { %s(%s) }",
        count > 1 ? "{" : "", names.text, count > 1 ? "}" : "", function, fields[0].name);
    free(names.text);
    return status;
}

dn_status dn_arg_wrong(const dn_call *call, int i, const char *expected) {
    char *name = parameter_name(call->builtin, i);
    dn_str actual = {0};
    dn_value_describe(&call->args[i], &actual);
    dn_status status = dn_fail(DN_INVALID, "`%s` of %s should be %s, not %s", name,
                               builtins[call->builtin].name, expected, actual.text);
    free(name);
    free(actual.text);
    if (call->args[i].kind != DN_VALUE_DATASET) return status;
    return with_loop_hint(status, call->args[i].dataset->dataset, builtins[call->builtin].name);
}

dn_status dn_arg_bool(const dn_call *call, int i, bool *out) {
    dn_value value = dn_value_scalar(call->args[i]);
    if (value.kind != DN_VALUE_BOOL) return dn_arg_wrong(call, i, "true or false");
    *out = value.boolean;
    return DN_SUCCESS;
}

static dn_status out_of_range(const dn_call *call, int i, int64_t value, int64_t low,
                              int64_t high) {
    char *name = parameter_name(call->builtin, i);
    const char *function = builtins[call->builtin].name;
    dn_status status =
        high == INT64_MAX
            ? dn_fail(DN_INVALID, "`%s` of %s should be at least %lld, not %lld", name, function,
                      (long long)low, (long long)value)
            : dn_fail(DN_INVALID, "`%s` of %s should be from %lld to %lld, not %lld", name,
                      function, (long long)low, (long long)high, (long long)value);
    free(name);
    return status;
}

dn_status dn_arg_int(const dn_call *call, int i, int64_t low, int64_t high, int64_t *out) {
    dn_value value = dn_value_scalar(call->args[i]);
    if (value.kind != DN_VALUE_INT) return dn_arg_wrong(call, i, "an int");
    if (value.integer < low || value.integer > high)
        return out_of_range(call, i, value.integer, low, high);
    *out = value.integer;
    return DN_SUCCESS;
}

dn_status dn_arg_float(const dn_call *call, int i, double *out) {
    if (call->args[i].kind == DN_VALUE_BOOL || !dn_value_number(&call->args[i], out))
        return dn_arg_wrong(call, i, "a number");
    return DN_SUCCESS;
}

dn_status dn_arg_text(const dn_call *call, int i, const char **out) {
    if (call->args[i].kind != DN_VALUE_STRING) return dn_arg_wrong(call, i, "a string");
    *out = call->args[i].string->text;
    return DN_SUCCESS;
}

dn_status dn_arg_text_or_none(const dn_call *call, int i, const char **out) {
    *out = NULL;
    return call->args[i].kind == DN_VALUE_NONE ? DN_SUCCESS : dn_arg_text(call, i, out);
}

dn_status dn_arg_dataset(const dn_call *call, int i, dn_dataset **out) {
    if (call->args[i].kind != DN_VALUE_DATASET) return dn_arg_wrong(call, i, "a dataset");
    *out = call->args[i].dataset->dataset;
    return DN_SUCCESS;
}

dn_status dn_arg_tensor(const dn_call *call, int i, dn_tensor **out) {
    if (call->args[i].kind != DN_VALUE_TENSOR) return dn_arg_wrong(call, i, "a tensor");
    *out = call->args[i].tensor;
    return DN_SUCCESS;
}

dn_status dn_arg_list(const dn_call *call, int i, const dn_list **out) {
    if (call->args[i].kind != DN_VALUE_LIST) return dn_arg_wrong(call, i, "a list");
    *out = call->args[i].list;
    return DN_SUCCESS;
}

dn_status dn_arg_ints(const dn_call *call, int i, int room, int64_t *out, int *count) {
    const dn_list *list = NULL;
    DN_TRY(dn_arg_list(call, i, &list));
    if (list->count > room) return dn_arg_wrong(call, i, "a shorter list");
    for (int k = 0; k < list->count; k++) {
        dn_value item = dn_value_scalar(list->items[k]);
        if (item.kind != DN_VALUE_INT) return dn_arg_wrong(call, i, "a list of ints");
        out[k] = item.integer;
    }
    *count = list->count;
    return DN_SUCCESS;
}

dn_status dn_arg_floats(const dn_call *call, int i, int room, double *out, int *count) {
    const dn_list *list = NULL;
    DN_TRY(dn_arg_list(call, i, &list));
    if (list->count > room) return dn_arg_wrong(call, i, "a shorter list");
    for (int k = 0; k < list->count; k++)
        if (!dn_value_number(&list->items[k], &out[k]))
            return dn_arg_wrong(call, i, "a list of numbers");
    *count = list->count;
    return DN_SUCCESS;
}
