// The resize transform of the image field.
#include <stdlib.h>
#include <string.h>

#include "runtime/data/fit.h"
#include "runtime/data/node.h"

typedef struct resample_state {
    int field, height, width, channels;  // of the input
    int to_height, to_width;
    dn_box box;
} resample_state;

typedef struct resample_scratch {
    dn_resize_scratch *resizer;
    float *input, *cropped;
} resample_scratch;

static void scratch_free(void *p) {
    resample_scratch *s = p;
    dn_resize_scratch_free(s->resizer);
    free(s->input);
    free(s->cropped);
    free(s);
}

static dn_status scratch_new(const dn_dataset *d, void **out) {
    const resample_state *state = d->state;
    resample_scratch *s = dn_xcalloc(1, sizeof *s);
    *out = s;
    s->resizer = dn_resize_scratch_new();
    s->input = malloc(dn_node_part_bytes(d->input, state->field) + 1);
    s->cropped = malloc((size_t)state->height * (size_t)state->width * (size_t)state->channels *
                        sizeof *s->cropped);
    if (!s->input || !s->cropped) return dn_fail(DN_MEMORY, "no memory to resize images");
    return DN_SUCCESS;
}

// The box of an image of the input, as an image of its own.
static const float *crop(const resample_state *state, const float *image, float *out) {
    const dn_box *box = &state->box;
    if (box->height == state->height && box->width == state->width) return image;
    size_t channels = (size_t)state->channels, row = (size_t)box->width * channels;
    for (int y = 0; y < box->height; y++) {
        size_t at = ((size_t)(box->y + y) * (size_t)state->width + (size_t)box->x) * channels;
        memcpy(out + (size_t)y * row, image + at, row * sizeof *out);
    }
    return out;
}

static dn_status produce(const dn_dataset *d, dn_work *work, int64_t index, int64_t part,
                         void *const *out) {
    const resample_state *state = d->state;
    resample_scratch *s = work->scratch[d->depth];
    void *inner[DN_MAX_FIELDS];
    memcpy(inner, out, (size_t)d->n_fields * sizeof *inner);
    inner[state->field] = s->input;
    DN_TRY(dn_node_produce(d->input, work, index, part, inner));
    int64_t from = (int64_t)state->height * state->width * state->channels;
    int64_t to = (int64_t)state->to_height * state->to_width * state->channels;
    int64_t images = dn_node_part_elements(d, state->field) / to;
    for (int64_t i = 0; i < images; i++) {
        const float *image = crop(state, s->input + i * from, s->cropped);
        DN_TRY(dn_image_resize(s->resizer, image, state->box.height, state->box.width,
                               state->channels, (float *)out[state->field] + i * to,
                               state->to_height, state->to_width));
    }
    return DN_SUCCESS;
}

static const dn_node_kind resize_kind = {.name = "resize",
                                         .produce = produce,
                                         .scratch_new = scratch_new,
                                         .scratch_free = scratch_free,
                                         .heavy = true};

dn_status dn_dataset_resize(dn_dataset *dataset, int height, int width, bool crop_first,
                            dn_dataset **out) {
    resample_state found = {.to_height = height, .to_width = width};
    DN_TRY(dn_node_image_shape(dataset, "resize", &found.field, &found.height, &found.width,
                               &found.channels));
    if (height < 1 || width < 1 || height > 1 << 14 || width > 1 << 14)
        return dn_fail(DN_INVALID, "resize to %d x %d: each side is from 1 to 16384", height,
                       width);
    found.box = dn_fit_box(found.height, found.width, height, width, crop_first);
    dn_dataset *d = dn_node_new(&resize_kind, dataset, sizeof(resample_state));
    *(resample_state *)d->state = found;
    dn_shape *shape = &d->fields[found.field].shape;
    shape->dims[shape->rank - 3] = height;
    shape->dims[shape->rank - 2] = width;
    dn_node_hash(d, (int[]){height, width, crop_first}, 3 * sizeof(int));
    size_t bytes;
    dn_status status = dn_shape_bytes(DN_F32, shape, &bytes);
    if (status)
        dn_dataset_release(d);
    else
        *out = d;
    return status;
}
