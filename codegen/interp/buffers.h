// Memory for values and scratch, kept between uses: a fresh large block costs page faults on every
// page, which takes longer than most kernels.
#ifndef DN_CODEGEN_INTERP_BUFFERS_H
#define DN_CODEGEN_INTERP_BUFFERS_H

#include "runtime/tensor.h"

// Free blocks, by exact size. Zero-initialise; used by one thread at a time.
typedef struct dn_buffers {
    struct dn_buffer_bin *bins;  // sorted by size
    int n_bins, cap_bins;
    bool poison;  // fill every block that is handed out or given back with 0xff (NaN), for tests
} dn_buffers;

// A block of at least `bytes` bytes, aligned to 64, from malloc's family: it may be freed.
dn_status dn_buffers_take(dn_buffers *buffers, size_t bytes, void **out) DN_MUST_USE;
// Gives back a block that has exactly `bytes` bytes to use.
void dn_buffers_give(dn_buffers *buffers, void *block, size_t bytes);
void dn_buffers_free(dn_buffers *buffers);

// A tensor whose block comes from here, with undefined content. One reference, the caller's.
dn_status dn_buffers_tensor(dn_buffers *buffers, dn_dtype dtype, const dn_shape *shape,
                            dn_tensor **out) DN_MUST_USE;
// Drops a reference; the last one gives the block back.
void dn_buffers_release(dn_buffers *buffers, dn_tensor *tensor);

#endif
