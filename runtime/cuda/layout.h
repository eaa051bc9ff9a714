// Where everything is in the device's one block of memory, and in the host's pinned one.
//
// The device's: variables that entries use, the arena, then some sets. Runs use them in turn, so
// that a run's inputs arrive while those before it compute; with two runs in an iteration of a
// loop, say a rate and a step, that takes four. A set is the state, which ends where the inputs
// begin, so that one copy brings both; inputs; outputs. Pinned memory is as many sets that look
// alike: what is copied to the device and back.
#ifndef DN_RUNTIME_CUDA_LAYOUT_H
#define DN_RUNTIME_CUDA_LAYOUT_H

#include "runtime/cuda/cuda.h"

enum { DN_CUDA_SETS = 4, DN_CUDA_ALIGN = 256 };

typedef struct dn_cuda_places {  // of an entry's inputs or outputs
    int64_t *offsets;            // in the set
    int64_t end;
} dn_cuda_places;

typedef struct dn_cuda_layout {
    dn_arena memory;
    int64_t *variables;  // of each variable of the program: its offset, or -1
    int64_t arena;
    int64_t sets[DN_CUDA_SETS];
    int64_t state;                     // in a set
    int64_t set_bytes;                 // pinned memory: set i is at i * set_bytes
    dn_cuda_places *inputs, *outputs;  // of each entry
    // Of each entry: the variable whose first value is its result, or -1. The result is then where
    // the variable is.
    int *first;
    dn_cuda_memory sizes;
} dn_cuda_layout;

// For entries of which none needs more than `arena` bytes of it.
void dn_cuda_layout_make(const dn_program *program, int64_t arena, dn_cuda_layout *out);
int64_t dn_cuda_largest_arena(const dn_cuda_code *code);
void dn_cuda_layout_free(dn_cuda_layout *layout);

#endif
