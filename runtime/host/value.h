// Values of host code: what commands compute with.
//
// Values are immutable, except that a list grows by dn_list_push while its comprehension builds it.
// A dn_value owns a reference; dn_value_retain/release keep the counts (single-threaded). A count
// below zero is never changed: such a value lives as long as the program, in read-only memory if
// need be.
#ifndef DN_RUNTIME_VALUE_H
#define DN_RUNTIME_VALUE_H

#include "runtime/data/dataset.h"
#include "runtime/tensor.h"

typedef enum dn_value_kind {
    DN_VALUE_NONE,
    DN_VALUE_BOOL,
    DN_VALUE_INT,
    DN_VALUE_FLOAT,
    DN_VALUE_STRING,
    DN_VALUE_TENSOR,
    DN_VALUE_LIST,
    DN_VALUE_RECORD,
    DN_VALUE_RANGE,  // first..last, both included
    DN_VALUE_DATASET,
    DN_VALUE_PROGRESS,  // something to iterate over with a progress bar
    DN_VALUE_ITERATOR,  // on the stack only, while a loop runs
} dn_value_kind;

typedef struct dn_value {
    dn_value_kind kind;
    union {
        bool boolean;
        int64_t integer;
        double number;
        struct dn_string *string;
        dn_tensor *tensor;
        struct dn_list *list;
        struct dn_record *record;
        struct dn_range *range;
        struct dn_host_dataset *dataset;
        struct dn_host_progress *progress;
        struct dn_host_iterator *iterator;
    };
} dn_value;

typedef struct dn_string {
    int references;
    size_t length;
    char text[];
} dn_string;
typedef struct dn_range {
    int references;
    int64_t first, last;
} dn_range;
typedef struct dn_list {
    int references;
    int count, capacity;
    dn_value *items;
} dn_list;
typedef struct dn_record {
    int references, count;
    char **names;
    dn_value *values;
} dn_record;

// A dataset with how it was made (the host function and its arguments), so that a checkpoint can
// store it and a resumed run make it again; and an idle iterator kept warm between epochs.
typedef struct dn_host_dataset {
    int references;
    dn_dataset *dataset;
    int builtin;
    int n_args;
    dn_value *args;
    dn_iterator *idle;
} dn_host_dataset;

dn_value dn_value_retain(dn_value value);
void dn_value_release(dn_value value);
// Brings the data of all tensors in it here, so that they may be read (dn_tensor_settle).
dn_status dn_value_settle(dn_value value) DN_MUST_USE;
dn_value dn_value_none(void);
dn_value dn_value_bool(bool boolean);
dn_value dn_value_int(int64_t integer);
dn_value dn_value_float(double number);
dn_value dn_value_tensor(dn_tensor *tensor);  // takes the reference
dn_value dn_value_string(const char *text, size_t length);
dn_value dn_value_range(int64_t first, int64_t last);
dn_value dn_value_list(void);
void dn_list_push(dn_list *list, dn_value value);  // takes the reference
dn_value dn_value_record(int count, const char *const *names,
                         const dn_value *values);                           // takes references
const dn_value *dn_record_find(const dn_record *record, const char *name);  // NULL if absent
const char *dn_value_kind_name(dn_value_kind kind);                         // "an int", "a dataset"
// For messages: "f32[64, 10]" for a tensor, else the kind's name.
void dn_value_describe(const dn_value *value, dn_str *out);
// As `print` shows it: numbers shortest, tensors with their type and at most some of their
// elements, strings bare at the top and quoted inside lists and records.
void dn_value_print(const dn_value *value, dn_str *out);
// With the format of an interpolation {x:.3} {n:04}: [0][width][.precision]; DN_INVALID when bad.
dn_status dn_value_format(const dn_value *value, const char *format, dn_str *out) DN_MUST_USE;
// A number from an int, a float, a bool or a tensor with one element.
bool dn_value_number(const dn_value *value, double *out);
// The bool, int or float that a tensor with one element stands for; other values as they are (not
// retained).
dn_value dn_value_scalar(dn_value value);
// Whether two values are the same: numbers by value (1 is 1.0), the others within their kind,
// tensors by dtype, shape and elements.
bool dn_value_equal(dn_value a, dn_value b);

#endif
