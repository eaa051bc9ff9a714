// Types of host values: what is known at compile time about the values of a command.
#ifndef DN_FRONTEND_HOST_TYPE_H
#define DN_FRONTEND_HOST_TYPE_H

#include "ir/graph.h"

typedef enum dn_host_kind {
    DN_HOST_ERROR,  // already reported
    DN_HOST_ANY,    // not known
    DN_HOST_NONE,
    DN_HOST_BOOL,
    DN_HOST_INT,
    DN_HOST_FLOAT,
    DN_HOST_STRING,
    DN_HOST_TENSOR,  // of type `tensor`, unless `open`: then its shape is known only at run time
    DN_HOST_LIST,    // of `element`
    DN_HOST_RECORD,
    DN_HOST_RANGE,
    DN_HOST_DATASET,   // whose elements are `element`
    DN_HOST_PROGRESS,  // goes through what `element` is the element of
} dn_host_kind;

typedef struct dn_host_type {
    dn_host_kind kind;
    dn_type tensor;
    bool open;
    const struct dn_host_type *element;
    const char **names;  // RECORD
    const struct dn_host_type **fields;
    int count;
} dn_host_type;

const dn_host_type *dn_host_simple(dn_host_kind kind);
dn_host_type *dn_host_tensor(dn_arena *arena, const dn_type *type);
const dn_host_type *dn_host_open_tensor(void);
dn_host_type *dn_host_container(dn_arena *arena, dn_host_kind kind, const dn_host_type *element);
dn_host_type *dn_host_record(dn_arena *arena, int count, const char *const *names,
                             const dn_host_type *const *fields);
const dn_host_type *dn_host_field(const dn_host_type *record, const char *name);  // NULL if absent
// The type of both a and b: equal ones stay, ints and floats give float, else any.
const dn_host_type *dn_host_join(const dn_host_type *a, const dn_host_type *b);
bool dn_host_is_number(const dn_host_type *type);  // int, float, or a scalar tensor
void dn_host_type_print(const dn_host_type *type, dn_str *out);

#endif
