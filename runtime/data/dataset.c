// What all datasets have in common.
#include <stdlib.h>
#include <string.h>

#include "runtime/data/node.h"

dn_dataset *dn_node_new(const dn_node_kind *kind, dn_dataset *input, size_t state_size) {
    static const dn_report nothing;
    dn_dataset *d = dn_xcalloc(1, sizeof *d);
    d->references = 1;
    d->kind = kind;
    d->parts = 1;
    d->report = &nothing;
    d->fingerprint = DN_HASH_SEED;
    if (input) {
        d->input = dn_dataset_retain(input);
        d->depth = input->depth + 1;
        d->n_fields = input->n_fields;
        memcpy(d->fields, input->fields, sizeof d->fields);
        d->size = input->size;
        d->parts = input->parts;
        d->batch_rank = input->batch_rank;
        d->ahead = input->ahead;
        d->report = input->report;
        d->classes = input->classes;
        d->n_classes = input->n_classes;
        d->fingerprint = input->fingerprint;
    }
    dn_node_hash(d, kind->name, strlen(kind->name));
    if (state_size) d->state = dn_arena_alloc(&d->arena, state_size);
    return d;
}

void dn_node_add_field(dn_dataset *d, const char *name, dn_dtype dtype, int rank,
                       const int64_t *dims) {
    DN_ASSERT(d->n_fields < DN_MAX_FIELDS, "too many fields");
    dn_field *field = &d->fields[d->n_fields++];
    *field = (dn_field){
        .name = dn_arena_strdup(&d->arena, name), .dtype = dtype, .shape = dn_shape_of(rank, dims)};
    dn_node_hash(d, name, strlen(name));
    dn_node_hash(d, &dtype, sizeof dtype);
    dn_node_hash(d, dims, (size_t)rank * sizeof *dims);
}

void dn_node_hash(dn_dataset *d, const void *data, size_t size) {
    if (size) d->fingerprint = dn_hash(data, size, d->fingerprint);
}

dn_dataset *dn_dataset_retain(dn_dataset *dataset) {
    __atomic_add_fetch(&dataset->references, 1, __ATOMIC_RELAXED);
    return dataset;
}

void dn_dataset_release(dn_dataset *dataset) {
    while (dataset && __atomic_sub_fetch(&dataset->references, 1, __ATOMIC_ACQ_REL) == 0) {
        dn_dataset *input = dataset->input;
        if (dataset->kind->destroy) dataset->kind->destroy(dataset);
        dn_arena_free(&dataset->arena);
        free(dataset);
        dataset = input;
    }
}

int dn_dataset_fields(const dn_dataset *dataset, const dn_field **fields) {
    *fields = dataset->fields;
    return dataset->n_fields;
}

int64_t dn_dataset_size(const dn_dataset *dataset) { return dataset->size; }

uint64_t dn_dataset_fingerprint(const dn_dataset *dataset) { return dataset->fingerprint; }

const dn_report *dn_dataset_report(const dn_dataset *dataset) { return dataset->report; }

int dn_dataset_classes(const dn_dataset *dataset, const char *const **names) {
    *names = dataset->classes;
    return dataset->n_classes;
}

int64_t dn_node_part_elements(const dn_dataset *d, int field) {
    return dn_shape_elements(&d->fields[field].shape) / d->parts;
}

size_t dn_node_part_bytes(const dn_dataset *d, int field) {
    return (size_t)dn_node_part_elements(d, field) * dn_dtype_size(d->fields[field].dtype);
}

dn_status dn_node_image_field(const dn_dataset *d, const char *what, int *field) {
    int found = -1, floats = 0;
    for (int f = 0; f < d->n_fields; f++) {
        if (strcmp(d->fields[f].name, "image") == 0) {
            if (d->fields[f].dtype != DN_F32)
                return dn_fail(DN_INVALID, "%s works on f32, but field image is %s", what,
                               dn_dtype_name(d->fields[f].dtype));
            *field = f;
            return DN_SUCCESS;
        }
        if (d->fields[f].dtype == DN_F32 && strcmp(d->fields[f].name, "weight") != 0)
            found = f, floats++;
    }
    if (floats == 1) {
        *field = found;
        return DN_SUCCESS;
    }
    return dn_fail(DN_INVALID, "%s needs a field image, or exactly one f32 field; this data has %d",
                   what, floats);
}

dn_status dn_node_image_shape(const dn_dataset *d, const char *what, int *field, int *height,
                              int *width, int *channels) {
    DN_TRY(dn_node_image_field(d, what, field));
    const dn_field *f = &d->fields[*field];
    const int64_t *last = f->shape.dims + f->shape.rank;
    if (f->shape.rank - d->batch_rank < 3 || last[-1] < 1 || last[-2] < 1 || last[-3] < 1 ||
        last[-1] > 1 << 16 || last[-2] > 1 << 16 || last[-3] > 1 << 16) {
        dn_str text = {0};
        dn_shape_print(&text, f->dtype, &f->shape);
        dn_status status = dn_fail(
            DN_INVALID, "%s needs images [height, width, channels], but an element's %s is %s",
            what, f->name, text.text);
        free(text.text);
        return status;
    }
    *height = (int)last[-3];
    *width = (int)last[-2];
    *channels = (int)last[-1];
    return DN_SUCCESS;
}

dn_rng_stream dn_node_stream(const dn_dataset *d, uint64_t seed, uint64_t epoch) {
    return (dn_rng_stream){
        .seed = seed, .step = epoch, .site = UINT32_C(0x80000000) | (uint32_t)d->depth};
}
