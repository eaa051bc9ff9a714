// Which elements, in which order: shuffle, take and skip.
#include <stdlib.h>

#include "runtime/data/node.h"

// ---- Shuffle ----------------------------------------------------------------------------------

static void shuffle_origin(const dn_dataset *d, const void *shared, int64_t *index, int64_t *part) {
    (void)d;
    (void)part;
    *index = ((const int64_t *)shared)[*index];
}

// The permutation is made by the iterator, once an epoch, and shared by its workers.
static dn_status shuffle_produce(const dn_dataset *d, dn_work *work, int64_t index, int64_t part,
                                 void *const *out) {
    shuffle_origin(d, work->shared[d->depth], &index, &part);
    return dn_node_produce(d->input, work, index, part, out);
}

static dn_status shuffle_new(const dn_dataset *d, void **shared) {
    *shared = malloc(((size_t)d->size + 1) * sizeof(int64_t));
    if (!*shared)
        return dn_fail(DN_MEMORY, "no memory to shuffle %lld elements", (long long)d->size);
    return DN_SUCCESS;
}

// Fisher-Yates; the choice for place i is word i of the node's stream.
static void shuffle_fill(const dn_dataset *d, uint64_t seed, uint64_t epoch, void *shared) {
    int64_t *order = shared;
    dn_rng_stream stream = dn_node_stream(d, seed, epoch);
    for (int64_t i = 0; i < d->size; i++) order[i] = i;
    for (int64_t i = d->size - 1; i > 0; i--) {
        int64_t j = (int64_t)dn_rng_below(&stream, (uint64_t)i, (uint64_t)i + 1);
        int64_t swap = order[i];
        order[i] = order[j];
        order[j] = swap;
    }
}

static const dn_node_kind shuffle_kind = {.name = "shuffle",
                                          .produce = shuffle_produce,
                                          .shared_new = shuffle_new,
                                          .shared_fill = shuffle_fill,
                                          .origin = shuffle_origin};

dn_status dn_dataset_shuffle(dn_dataset *dataset, dn_dataset **out) {
    *out = dn_node_new(&shuffle_kind, dataset, 0);
    return DN_SUCCESS;
}

// ---- Take and skip ----------------------------------------------------------------------------

static void range_origin(const dn_dataset *d, const void *shared, int64_t *index, int64_t *part) {
    (void)shared;
    (void)part;
    *index += *(const int64_t *)d->state;
}

static dn_status range_produce(const dn_dataset *d, dn_work *work, int64_t index, int64_t part,
                               void *const *out) {
    range_origin(d, NULL, &index, &part);
    return dn_node_produce(d->input, work, index, part, out);
}

static const dn_node_kind range_kind = {
    .name = "range", .produce = range_produce, .origin = range_origin};

static dn_dataset *range_new(dn_dataset *dataset, int64_t first, int64_t size) {
    dn_dataset *d = dn_node_new(&range_kind, dataset, sizeof(int64_t));
    *(int64_t *)d->state = first;
    d->size = size;
    dn_node_hash(d, &first, sizeof first);
    dn_node_hash(d, &size, sizeof size);
    return d;
}

dn_status dn_dataset_take(dn_dataset *dataset, int64_t count, dn_dataset **out) {
    if (count < 0) return dn_fail(DN_INVALID, "take %lld elements", (long long)count);
    *out = range_new(dataset, 0, count < dataset->size ? count : dataset->size);
    return DN_SUCCESS;
}

dn_status dn_dataset_skip(dn_dataset *dataset, int64_t count, dn_dataset **out) {
    if (count < 0) return dn_fail(DN_INVALID, "skip %lld elements", (long long)count);
    int64_t first = count < dataset->size ? count : dataset->size;
    *out = range_new(dataset, first, dataset->size - first);
    return DN_SUCCESS;
}
