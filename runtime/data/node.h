// How datasets are made inside: a chain of nodes, the source first.
//
// A node's table of functions makes one part of one element, by asking its input for what it needs;
// there is no state between elements, so any worker may make any part at any time. An element's
// parts are what a batch is made of: part p of a batch is one element of the dataset before it.
// They let several workers fill one batch.
#ifndef DN_RUNTIME_NODE_H
#define DN_RUNTIME_NODE_H

#include "runtime/base/memory.h"
#include "runtime/data/dataset.h"
#include "runtime/rng.h"

// What a worker passes down the chain. The arrays have an entry for each node, by its depth.
typedef struct dn_work {
    uint64_t seed, epoch;
    void *const *shared;   // made once per iterator and filled per epoch (permutations)
    void *const *scratch;  // this worker's own
} dn_work;

typedef struct dn_node_kind {
    const char *name;
    // Writes part `part` of element `index`; out[f] is where that part of field f goes.
    dn_status (*produce)(const dn_dataset *d, dn_work *work, int64_t index, int64_t part,
                         void *const *out);
    void (*destroy)(dn_dataset *d);  // frees what the node has beyond its arena; may be NULL
    // A worker's scratch; both NULL when none is needed. DN_MEMORY.
    dn_status (*scratch_new)(const dn_dataset *d, void **scratch);
    void (*scratch_free)(void *scratch);
    // What all workers of an iterator share: allocated once, filled at each epoch. NULL: nothing.
    dn_status (*shared_new)(const dn_dataset *d, void **shared);
    void (*shared_fill)(const dn_dataset *d, uint64_t seed, uint64_t epoch, void *shared);
    // Which part of which element of the input a part is made of; NULL: of the same one.
    void (*origin)(const dn_dataset *d, const void *shared, int64_t *index, int64_t *part);
    // A source's element as a user knows it, "cats/7.png"; NULL: it has nothing but its number.
    const char *(*name_of)(const dn_dataset *d, int64_t index);
    bool heavy;  // a part takes tens of microseconds or more: workers take parts one by one
} dn_node_kind;

struct dn_dataset {
    int references;  // atomic
    const dn_node_kind *kind;
    dn_dataset *input;  // NULL for a source
    int depth;          // 0 for a source
    int n_fields;
    dn_field fields[DN_MAX_FIELDS];
    int64_t size;
    int64_t parts;   // of an element
    int batch_rank;  // leading dimensions of every field that batches put there
    int ahead;       // elements to make ahead; 0: not said
    uint64_t fingerprint;
    const dn_report *report;     // the source's
    const char *const *classes;  // the source's, or NULL
    int n_classes;
    dn_arena arena;  // owns names and the node's own state
    void *state;     // of the node's kind
};

// A source with no fields yet (dn_node_add_field), or a node over `input` (retained) with its
// fields, size and parts. The caller fills in the rest. `state` is zeroed memory of the arena.
dn_dataset *dn_node_new(const dn_node_kind *kind, dn_dataset *input, size_t state_size);
void dn_node_add_field(dn_dataset *d, const char *name, dn_dtype dtype, int rank,
                       const int64_t *dims);
// Chains a hash of the node's options into its fingerprint.
void dn_node_hash(dn_dataset *d, const void *data, size_t size);

static inline dn_status dn_node_produce(const dn_dataset *d, dn_work *work, int64_t index,
                                        int64_t part, void *const *out) {
    return d->kind->produce(d, work, index, part, out);
}

// The elements of a field in one part, and their bytes.
int64_t dn_node_part_elements(const dn_dataset *d, int field);
size_t dn_node_part_bytes(const dn_dataset *d, int field);

// The field that image transforms work on: "image", else the only f32 one. DN_INVALID names `what`.
dn_status dn_node_image_field(const dn_dataset *d, const char *what, int *field) DN_MUST_USE;
// As above, and its height, width and channels; a part may hold several such images.
dn_status dn_node_image_shape(const dn_dataset *d, const char *what, int *field, int *height,
                              int *width, int *channels) DN_MUST_USE;

// The random stream of a node: sites of the data's numbers have the top bit set, so that they are
// apart from a program's.
dn_rng_stream dn_node_stream(const dn_dataset *d, uint64_t seed, uint64_t epoch);

#endif
