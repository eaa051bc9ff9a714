// Elementwise maps of the image field, in place: rescale and normalize.
#include <math.h>
#include <string.h>

#include "runtime/data/node.h"

// ---- Rescale ----------------------------------------------------------------------------------

typedef struct rescale_state {
    int field;
    float scale, offset;
} rescale_state;

static dn_status rescale_produce(const dn_dataset *d, dn_work *work, int64_t index, int64_t part,
                                 void *const *out) {
    DN_TRY(dn_node_produce(d->input, work, index, part, out));
    const rescale_state *state = d->state;
    float *x = out[state->field], scale = state->scale, offset = state->offset;
    int64_t n = dn_node_part_elements(d, state->field);
    for (int64_t i = 0; i < n; i++) x[i] = x[i] * scale + offset;
    return DN_SUCCESS;
}

static const dn_node_kind rescale_kind = {.name = "rescale", .produce = rescale_produce};

dn_status dn_dataset_rescale(dn_dataset *dataset, double scale, double offset, dn_dataset **out) {
    int field;
    DN_TRY(dn_node_image_field(dataset, "rescale", &field));
    dn_dataset *d = dn_node_new(&rescale_kind, dataset, sizeof(rescale_state));
    rescale_state *state = d->state;
    *state = (rescale_state){.field = field, .scale = (float)scale, .offset = (float)offset};
    dn_node_hash(d, state, sizeof *state);
    *out = d;
    return DN_SUCCESS;
}

// ---- Normalize --------------------------------------------------------------------------------

typedef struct normalize_state {
    int field;
    int64_t channels;
    float *mean, *deviation;  // one for each channel
} normalize_state;

static dn_status normalize_produce(const dn_dataset *d, dn_work *work, int64_t index, int64_t part,
                                   void *const *out) {
    DN_TRY(dn_node_produce(d->input, work, index, part, out));
    const normalize_state *state = d->state;
    float *x = out[state->field];
    int64_t n = dn_node_part_elements(d, state->field);
    for (int64_t i = 0; i < n; i += state->channels)
        for (int64_t c = 0; c < state->channels; c++)
            x[i + c] = (x[i + c] - state->mean[c]) / state->deviation[c];
    return DN_SUCCESS;
}

static const dn_node_kind normalize_kind = {.name = "normalize", .produce = normalize_produce};

static int64_t last_dimension(const dn_dataset *d, int field) {
    const dn_shape *shape = &d->fields[field].shape;
    return shape->rank > d->batch_rank ? shape->dims[shape->rank - 1] : 1;
}

dn_status dn_dataset_normalize(dn_dataset *dataset, const double *mean, const double *deviation,
                               int count, dn_dataset **out) {
    int field;
    DN_TRY(dn_node_image_field(dataset, "normalize", &field));
    int64_t channels = last_dimension(dataset, field);
    if (count != 1 && count != channels)
        return dn_fail(DN_INVALID, "normalize has %d means, but %s has %lld channels", count,
                       dataset->fields[field].name, (long long)channels);
    for (int i = 0; i < count; i++)
        if (!(deviation[i] > 0) || !isfinite(deviation[i]) || !isfinite(mean[i]))
            return dn_fail(DN_INVALID, "normalize by mean %g and deviation %g of channel %d",
                           mean[i], deviation[i], i);
    dn_dataset *d = dn_node_new(&normalize_kind, dataset, sizeof(normalize_state));
    normalize_state *state = d->state;
    *state = (normalize_state){.field = field,
                               .channels = channels,
                               .mean = DN_NEW_ARRAY(&d->arena, float, channels),
                               .deviation = DN_NEW_ARRAY(&d->arena, float, channels)};
    for (int64_t c = 0; c < channels; c++) {
        state->mean[c] = (float)mean[count == 1 ? 0 : c];
        state->deviation[c] = (float)deviation[count == 1 ? 0 : c];
    }
    dn_node_hash(d, state->mean, (size_t)channels * sizeof *state->mean);
    dn_node_hash(d, state->deviation, (size_t)channels * sizeof *state->deviation);
    *out = d;
    return DN_SUCCESS;
}
