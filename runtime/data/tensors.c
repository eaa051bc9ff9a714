// Rows of tensors in memory; also what CSV and NPY sources become once read.
#include <string.h>

#include "runtime/data/rows.h"

typedef struct rows_state {
    dn_tensor *tensors[DN_MAX_FIELDS];
    dn_report report;
} rows_state;

static dn_status produce(const dn_dataset *d, dn_work *work, int64_t index, int64_t part,
                         void *const *out) {
    (void)work, (void)part;
    const rows_state *state = d->state;
    for (int f = 0; f < d->n_fields; f++) {
        size_t bytes = dn_node_part_bytes(d, f);
        if (bytes)
            memcpy(out[f], (const char *)state->tensors[f]->data + (size_t)index * bytes, bytes);
    }
    return DN_SUCCESS;
}

static void destroy(dn_dataset *d) {
    rows_state *state = d->state;
    for (int f = 0; f < d->n_fields; f++) dn_tensor_release(state->tensors[f]);
}

static const dn_node_kind rows_kind = {.name = "rows", .produce = produce, .destroy = destroy};

dn_report *dn_rows_report(dn_dataset *d) { return &((rows_state *)d->state)->report; }

static dn_status check(const char *const *names, dn_tensor *const *tensors, int count) {
    if (count < 1 || count > DN_MAX_FIELDS)
        return dn_fail(DN_INVALID, "data of %d tensors: from 1 to %d", count, DN_MAX_FIELDS);
    for (int i = 0; i < count; i++) {
        if (tensors[i]->shape.rank < 1)
            return dn_fail(DN_INVALID, "%s is a single number: it has no rows", names[i]);
        if (tensors[i]->shape.dims[0] != tensors[0]->shape.dims[0])
            return dn_fail(DN_INVALID, "%s has %lld rows, but %s has %lld", names[0],
                           (long long)tensors[0]->shape.dims[0], names[i],
                           (long long)tensors[i]->shape.dims[0]);
        for (int j = 0; j < i; j++)
            if (strcmp(names[i], names[j]) == 0)
                return dn_fail(DN_INVALID, "two tensors are named %s", names[i]);
    }
    return DN_SUCCESS;
}

dn_status dn_dataset_tensors(const char *const *names, dn_tensor *const *tensors, int count,
                             dn_dataset **out) {
    DN_TRY(check(names, tensors, count));
    dn_dataset *d = dn_node_new(&rows_kind, NULL, sizeof(rows_state));
    rows_state *state = d->state;
    for (int i = 0; i < count; i++) {
        const dn_shape *shape = &tensors[i]->shape;
        dn_node_add_field(d, names[i], tensors[i]->dtype, shape->rank - 1, shape->dims + 1);
        dn_node_hash(d, tensors[i]->data, tensors[i]->bytes);
        state->tensors[i] = dn_tensor_retain(tensors[i]);
    }
    d->size = tensors[0]->shape.dims[0];
    state->report = (dn_report){.unit = "rows", .seen = d->size, .used = d->size};
    d->report = &state->report;
    *out = d;
    return DN_SUCCESS;
}
