// The memory for a run's values that are neither inputs nor results: one block.
#ifndef DN_RUNTIME_NATIVE_SCRATCH_H
#define DN_RUNTIME_NATIVE_SCRATCH_H

#include <stddef.h>

#include "runtime/base/status.h"

typedef struct dn_scratch {
    char *base;  // aligned to a page, and to 2 MiB if it is as large as that
    size_t bytes;
} dn_scratch;

// Makes it `bytes` large or more; what was in it is lost when it grows.
dn_status dn_scratch_reserve(dn_scratch *scratch, size_t bytes) DN_MUST_USE;
// What is allocated if so many bytes are needed: whole pages.
size_t dn_scratch_size(size_t bytes);
void dn_scratch_free(dn_scratch *scratch);

#endif
