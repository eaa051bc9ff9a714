// A list of kernels under consideration, for the search that fits an arena into a budget.
//
// Drafts share kernels and do not change them; a change makes another draft.
#ifndef DN_CODEGEN_KERNEL_DRAFT_H
#define DN_CODEGEN_KERNEL_DRAFT_H

#include "codegen/kernel/kernel.h"

typedef struct dn_use {
    int at;  // kernel
    bool reads, writes;
} dn_use;

dn_use dn_kernel_use(const dn_kernel *kernel, int at, int buffer);

typedef struct dn_draft {
    dn_kernels kernels;  // list and buffers are the draft's own, the rest is borrowed
    int *group;          // by kernel: the first kernel of the group that it stands before, or is
    int *origin;         // by buffer: the one that had the same value in the beginning
    // Set by dn_draft_index:
    dn_use *uses;  // of buffer b: uses[first_use[b] .. first_use[b + 1]), in order
    int *first_use;
    int *written;  // by buffer: the last kernel that writes it, -1: none
    // Set by dn_draft_measure:
    int64_t *alive;  // by kernel: bytes of the arena
    int64_t peak;
} dn_draft;

dn_draft *dn_draft_new(const dn_kernels *kernels);
void dn_draft_free(dn_draft *draft);
void dn_draft_index(dn_draft *draft);
void dn_draft_measure(dn_draft *draft);

// A kernel that writes what `kernel` writes to buffer `only` (or, with `except`, all but that),
// and computes nothing else. NULL where the order of a sum might change, so that other bits might
// come out, and where nothing is left.
dn_kernel *dn_kernel_restrict(const dn_kernels *kernels, const dn_kernel *kernel, int buffer,
                              bool except, dn_arena *arena);

// How a value is made again: before kernel `at`, which uses it next. What that takes and is gone by
// then is made again, too, up to `depth` kernels deep; else it is kept for longer.
typedef struct dn_remake {
    int buffer, at, depth;
} dn_remake;

// A draft with that change; NULL if it cannot be done. New kernels belong to `arena`. *deeper: a
// greater depth would make another draft.
dn_draft *dn_draft_remake(const dn_draft *draft, dn_remake what, dn_arena *arena, bool *deeper);

#endif
