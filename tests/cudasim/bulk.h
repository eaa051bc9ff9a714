// Copies that the block's copy unit makes.
#ifndef CUDASIM_BULK_H
#define CUDASIM_BULK_H

#include "tests/cudasim/decode.h"

// An address operand.
typedef struct sim_place {
    sim_slot slot;
    int64_t offset;
    bool indirect, wide;
} sim_place;

typedef struct sim_bulk_code {
    bool store;
    int rank;  // of the tensor; 0: plain bytes
    sim_place shared, global, mbarrier;
} sim_bulk_code;

void sim_decode_bulk(sim_decoder *d);  // cp.async.bulk

#endif
