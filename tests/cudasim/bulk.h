// Copies that the block's copy unit makes.
#ifndef CUDASIM_BULK_H
#define CUDASIM_BULK_H

#include "tests/cudasim/decode.h"

void sim_decode_bulk(sim_decoder *d);  // cp.async.bulk

#endif
