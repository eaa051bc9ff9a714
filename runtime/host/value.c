// Making values, sharing them and letting them go.
#include <stdlib.h>
#include <string.h>

#include "runtime/host/iterate.h"

// The reference count behind a value, or NULL when it is a plain scalar or a tensor (which counts
// its own). A negative count is never changed: constants of compiled programs are in read-only
// memory.
static int *reference_count(dn_value value) {
    switch (value.kind) {
        case DN_VALUE_STRING: return &value.string->references;
        case DN_VALUE_LIST: return &value.list->references;
        case DN_VALUE_RECORD: return &value.record->references;
        case DN_VALUE_RANGE: return &value.range->references;
        case DN_VALUE_DATASET: return &value.dataset->references;
        case DN_VALUE_PROGRESS: return &value.progress->references;
        case DN_VALUE_ITERATOR: return &value.iterator->references;
        default: return NULL;
    }
}

dn_value dn_value_retain(dn_value value) {
    if (value.kind == DN_VALUE_TENSOR) {
        dn_tensor_retain(value.tensor);
        return value;
    }
    int *references = reference_count(value);
    if (references && *references >= 0) ++*references;
    return value;
}

static void free_list(dn_list *list) {
    for (int i = 0; i < list->count; i++) dn_value_release(list->items[i]);
    free(list->items);
    free(list);
}

static void free_record(dn_record *record) {
    for (int i = 0; i < record->count; i++) {
        dn_value_release(record->values[i]);
        free(record->names[i]);
    }
    free(record->names);
    free(record->values);
    free(record);
}

static void free_dataset(dn_host_dataset *dataset) {
    dn_iterator_free(dataset->idle);
    for (int i = 0; i < dataset->n_args; i++) dn_value_release(dataset->args[i]);
    free(dataset->args);
    dn_dataset_release(dataset->dataset);
    free(dataset);
}

void dn_value_release(dn_value value) {
    if (value.kind == DN_VALUE_TENSOR) {
        dn_tensor_release(value.tensor);
        return;
    }
    int *references = reference_count(value);
    if (!references || *references < 0 || --*references > 0) return;
    switch (value.kind) {
        case DN_VALUE_STRING: free(value.string); break;
        case DN_VALUE_LIST: free_list(value.list); break;
        case DN_VALUE_RECORD: free_record(value.record); break;
        case DN_VALUE_RANGE: free(value.range); break;
        case DN_VALUE_DATASET: free_dataset(value.dataset); break;
        case DN_VALUE_PROGRESS: dn_host_progress_free(value.progress); break;
        case DN_VALUE_ITERATOR: dn_host_iterator_free(value.iterator); break;
        default: break;
    }
}

static dn_status settle_all(const dn_value *values, int count) {
    for (int i = 0; i < count; i++) DN_TRY(dn_value_settle(values[i]));
    return DN_SUCCESS;
}

dn_status dn_value_settle(dn_value value) {
    switch (value.kind) {
        case DN_VALUE_TENSOR: return dn_tensor_settle(value.tensor);
        case DN_VALUE_LIST: return settle_all(value.list->items, value.list->count);
        case DN_VALUE_RECORD: return settle_all(value.record->values, value.record->count);
        case DN_VALUE_PROGRESS: return dn_value_settle(value.progress->items);
        default: return DN_SUCCESS;
    }
}

dn_value dn_value_none(void) { return (dn_value){.kind = DN_VALUE_NONE}; }

dn_value dn_value_bool(bool boolean) {
    return (dn_value){.kind = DN_VALUE_BOOL, .boolean = boolean};
}

dn_value dn_value_int(int64_t integer) {
    return (dn_value){.kind = DN_VALUE_INT, .integer = integer};
}

dn_value dn_value_float(double number) {
    return (dn_value){.kind = DN_VALUE_FLOAT, .number = number};
}

dn_value dn_value_tensor(dn_tensor *tensor) {
    return (dn_value){.kind = DN_VALUE_TENSOR, .tensor = tensor};
}

dn_value dn_value_string(const char *text, size_t length) {
    dn_string *string = dn_xmalloc(sizeof *string + length + 1);
    *string = (dn_string){.references = 1, .length = length};
    if (length) memcpy(string->text, text, length);
    string->text[length] = 0;
    return (dn_value){.kind = DN_VALUE_STRING, .string = string};
}

dn_value dn_value_range(int64_t first, int64_t last) {
    dn_range *range = dn_xmalloc(sizeof *range);
    *range = (dn_range){.references = 1, .first = first, .last = last};
    return (dn_value){.kind = DN_VALUE_RANGE, .range = range};
}

dn_value dn_value_list(void) {
    dn_list *list = dn_xcalloc(1, sizeof *list);
    list->references = 1;
    return (dn_value){.kind = DN_VALUE_LIST, .list = list};
}

void dn_list_push(dn_list *list, dn_value value) {
    DN_PUSH(list->items, list->count, list->capacity) = value;
}

dn_value dn_value_record(int count, const char *const *names, const dn_value *values) {
    dn_record *record = dn_xmalloc(sizeof *record);
    *record = (dn_record){.references = 1,
                          .count = count,
                          .names = dn_xcalloc((size_t)count, sizeof *record->names),
                          .values = dn_xcalloc((size_t)count, sizeof *record->values)};
    for (int i = 0; i < count; i++) {
        record->names[i] = dn_strdup(names[i]);
        record->values[i] = values[i];
    }
    return (dn_value){.kind = DN_VALUE_RECORD, .record = record};
}

const dn_value *dn_record_find(const dn_record *record, const char *name) {
    for (int i = 0; i < record->count; i++)
        if (strcmp(record->names[i], name) == 0) return &record->values[i];
    return NULL;
}

const char *dn_value_kind_name(dn_value_kind kind) {
    switch (kind) {
        case DN_VALUE_NONE: return "none";
        case DN_VALUE_BOOL: return "a bool";
        case DN_VALUE_INT: return "an int";
        case DN_VALUE_FLOAT: return "a float";
        case DN_VALUE_STRING: return "a string";
        case DN_VALUE_TENSOR: return "a tensor";
        case DN_VALUE_LIST: return "a list";
        case DN_VALUE_RECORD: return "a record";
        case DN_VALUE_RANGE: return "a range";
        case DN_VALUE_DATASET: return "a dataset";
        case DN_VALUE_PROGRESS: return "a progress";
        case DN_VALUE_ITERATOR: return "an iterator";
    }
    return "nothing";
}

bool dn_value_number(const dn_value *value, double *out) {
    switch (value->kind) {
        case DN_VALUE_BOOL: *out = value->boolean; return true;
        case DN_VALUE_INT: *out = (double)value->integer; return true;
        case DN_VALUE_FLOAT: *out = value->number; return true;
        case DN_VALUE_TENSOR:
            if (dn_shape_elements(&value->tensor->shape) != 1) return false;
            *out = dn_tensor_get(value->tensor, 0);
            return true;
        default: return false;
    }
}

// The scalar that a tensor with one element stands for. An i64 is read as it is: a double would
// lose its low bits.
static dn_value scalar_of(const dn_tensor *tensor) {
    double number = dn_tensor_get(tensor, 0);
    switch (tensor->dtype) {
        case DN_BOOL: return dn_value_bool(number != 0);
        case DN_I64: return dn_value_int(*(const int64_t *)tensor->data);
        case DN_U8:
        case DN_I32: return dn_value_int((int64_t)number);
        default: return dn_value_float(number);
    }
}

dn_value dn_value_scalar(dn_value value) {
    if (value.kind == DN_VALUE_TENSOR && dn_shape_elements(&value.tensor->shape) == 1)
        return scalar_of(value.tensor);
    return value;
}

void dn_value_describe(const dn_value *value, dn_str *out) {
    if (value->kind == DN_VALUE_TENSOR)
        dn_shape_print(out, value->tensor->dtype, &value->tensor->shape);
    else
        dn_str_puts(out, dn_value_kind_name(value->kind));
}
