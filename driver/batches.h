// Entries are compiled when they are first run, in batches; for each target apart.
#ifndef DN_DRIVER_BATCHES_H
#define DN_DRIVER_BATCHES_H

#include "driver/lower.h"

// Entries that were compiled together.
typedef struct dn_batch {
    int *units, n;       // indices in compiler->units
    dn_lowered lowered;  // entry i of it is units[i]
    void *code;          // the target's own, made of it
} dn_batch;

typedef struct dn_ready {
    dn_batch *batch;  // NULL: not compiled yet
    int number;       // within the batch
} dn_ready;

typedef struct dn_batches {
    dn_batch **items;
    int n, cap;
    dn_ready *ready;  // by entry
    int n_ready;
} dn_batches;

// The entry's code, also where it was compiled for another entry; batch = NULL if there is none.
dn_ready dn_batches_find(dn_batches *batches, const dn_compiler *compiler, int index);
// Lowers the entry with what is compiled together with it: dn_batches_add it once it has code, or
// dn_batch_free it.
dn_status dn_batches_lower(const dn_batches *batches, dn_compiler *compiler,
                           const dn_target *target, const dn_native_options *options, int index,
                           dn_batch **out) DN_MUST_USE;
void dn_batches_add(dn_batches *batches, dn_batch *batch);
void dn_batch_free(dn_batch *batch);  // not its code
// All of them, but for their code.
void dn_batches_free(dn_batches *batches);

#endif
