// Memory for one decode: allocated in passing, dropped all at once, kept for the next decode.
//
// libpng and libjpeg allocate some tens of small blocks for each image. Here they get them from a
// block that is reused, so that a loader that is warm never calls malloc; a failed decode that
// leaves by longjmp leaks nothing either, because nobody has to free.
#ifndef DN_RUNTIME_BUMP_H
#define DN_RUNTIME_BUMP_H

#include <stddef.h>

typedef struct dn_bump {
    struct dn_bump_block *head;  // the block that is allocated from; earlier ones follow
    size_t total;                // bytes in all blocks
    size_t limit;                // never more than this (a damaged file may ask for anything)
} dn_bump;                       // zero-initialise but for `limit`

// Aligned to 64 bytes (libjpeg's vector code wants 32), content undefined. NULL: no memory, or
// beyond the limit.
void *dn_bump_alloc(dn_bump *bump, size_t size);
// Drops everything allocated. What was spread over several blocks becomes one, so that the next
// decode of the same size allocates nothing; more than `keep` bytes are given back.
void dn_bump_reset(dn_bump *bump, size_t keep);
void dn_bump_free(dn_bump *bump);

#endif
