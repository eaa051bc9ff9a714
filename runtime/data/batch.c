// Batches, and how far ahead elements are made.
#include <string.h>

#include "runtime/data/node.h"

typedef struct batch_state {
    int64_t size;
    int weight;  // the field that says which elements are real, or -1
} batch_state;

// Beyond the end there is the last element again.
static void batch_origin(const dn_dataset *d, const void *shared, int64_t *index, int64_t *part) {
    const batch_state *state = d->state;
    (void)shared;
    *index = *index * state->size + *part / d->input->parts;
    *part %= d->input->parts;
    if (*index >= d->input->size) *index = d->input->size - 1;
}

// A part of a batch is a part of one of its elements. Fields are laid out so that each part's piece
// follows the one before, so the caller's out[] is right as it is.
static dn_status batch_produce(const dn_dataset *d, dn_work *work, int64_t index, int64_t part,
                               void *const *out) {
    const batch_state *state = d->state;
    bool real = index * state->size + part / d->input->parts < d->input->size;
    if (state->weight >= 0) *(float *)out[state->weight] = real ? 1 : 0;
    batch_origin(d, NULL, &index, &part);
    return dn_node_produce(d->input, work, index, part, out);
}

static const dn_node_kind batch_kind = {
    .name = "batch", .produce = batch_produce, .origin = batch_origin};

static dn_status batch_shape(const dn_dataset *d, int64_t size, const dn_field *field) {
    size_t bytes;
    dn_shape shape = field->shape;
    (void)d;
    if (shape.rank == DN_MAX_RANK)
        return dn_fail(DN_INVALID, "batch: field %s already has %d dimensions", field->name,
                       DN_MAX_RANK);
    memmove(shape.dims + 1, shape.dims, (size_t)shape.rank++ * sizeof *shape.dims);
    shape.dims[0] = size;
    return dn_shape_bytes(field->dtype, &shape, &bytes);
}

static dn_status batch_check(const dn_dataset *input, int64_t size, bool pad) {
    if (size < 1) return dn_fail(DN_INVALID, "a batch of %lld elements", (long long)size);
    if (!pad && input->size > 0 && input->size < size)
        return dn_with_hint(
            dn_fail(DN_INVALID, "a batch of %lld from %lld elements: not one would be full",
                    (long long)size, (long long)input->size),
            "make the batch smaller, or fill up the last one with pad: true");
    for (int f = 0; f < input->n_fields; f++) {
        DN_TRY(batch_shape(input, size, &input->fields[f]));
        if (pad && strcmp(input->fields[f].name, "weight") == 0)
            return dn_fail(DN_INVALID,
                           "batch with pad adds a field weight, which is there already");
    }
    if (pad && input->batch_rank > 0)
        return dn_fail(DN_INVALID, "batch with pad works on elements, not on batches");
    if (pad && input->n_fields == DN_MAX_FIELDS)
        return dn_fail(DN_INVALID, "batch with pad adds a field, but there are %d already",
                       DN_MAX_FIELDS);
    return DN_SUCCESS;
}

dn_status dn_dataset_batch(dn_dataset *dataset, int64_t size, bool pad, dn_dataset **out) {
    DN_TRY(batch_check(dataset, size, pad));
    dn_dataset *d = dn_node_new(&batch_kind, dataset, sizeof(batch_state));
    batch_state *state = d->state;
    *state = (batch_state){.size = size, .weight = -1};
    for (int f = 0; f < d->n_fields; f++) {
        dn_shape *shape = &d->fields[f].shape;
        memmove(shape->dims + 1, shape->dims, (size_t)shape->rank++ * sizeof *shape->dims);
        shape->dims[0] = size;
    }
    if (pad) {
        state->weight = d->n_fields;
        dn_node_add_field(d, "weight", DN_F32, 1, &size);
    }
    d->parts = size * dataset->parts;
    d->batch_rank++;
    d->size = dataset->size / size + (pad && dataset->size % size != 0);
    // What was asked for in elements is so many batches.
    if (d->ahead) d->ahead = (int)((d->ahead + size - 1) / size);
    dn_node_hash(d, &size, sizeof size);
    dn_node_hash(d, &pad, sizeof pad);
    *out = d;
    return DN_SUCCESS;
}

// ---- Prefetch ---------------------------------------------------------------------------------

static dn_status prefetch_produce(const dn_dataset *d, dn_work *work, int64_t index, int64_t part,
                                  void *const *out) {
    return dn_node_produce(d->input, work, index, part, out);
}

static const dn_node_kind prefetch_kind = {.name = "prefetch", .produce = prefetch_produce};

dn_status dn_dataset_prefetch(dn_dataset *dataset, int count, dn_dataset **out) {
    if (count < 1 || count > 4096)
        return dn_fail(DN_INVALID, "prefetch %d elements: from 1 to 4096", count);
    dn_dataset *d = dn_node_new(&prefetch_kind, dataset, 0);
    d->ahead = count;
    // How far ahead changes no element: a run may be resumed with another number.
    d->fingerprint = dataset->fingerprint;
    *out = d;
    return DN_SUCCESS;
}
