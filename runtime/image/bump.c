#include "runtime/image/bump.h"

#include <stdint.h>
#include <stdlib.h>

enum { ALIGN = 64, FIRST = 1 << 17 };

typedef struct dn_bump_block {
    struct dn_bump_block *next;
    size_t used, size;
    _Alignas(ALIGN) char data[];
} dn_bump_block;

static dn_bump_block *block_new(dn_bump *bump, size_t size) {
    if (size > bump->limit - bump->total) return NULL;
    dn_bump_block *block = aligned_alloc(ALIGN, sizeof *block + size);
    if (!block) return NULL;
    *block = (dn_bump_block){.next = bump->head, .size = size};
    bump->head = block;
    bump->total += size;
    return block;
}

void *dn_bump_alloc(dn_bump *bump, size_t size) {
    if (size > bump->limit) return NULL;
    size = (size + ALIGN - 1) / ALIGN * ALIGN;
    dn_bump_block *block = bump->head;
    if (!block || block->size - block->used < size) {
        // Blocks double, so that a large image takes few of them; near the limit, what is asked
        // for.
        size_t room = bump->total > FIRST ? bump->total : FIRST;
        if (room < size || room > bump->limit - bump->total) room = size;
        block = block_new(bump, room);
        if (!block) return NULL;
    }
    void *p = block->data + block->used;
    block->used += size;
    return p;
}

void dn_bump_reset(dn_bump *bump, size_t keep) {
    dn_bump_block *head = bump->head;
    if (!head) return;
    head->used = 0;
    if (!head->next && head->size <= keep) return;
    size_t total = bump->total;
    dn_bump_free(bump);
    if (total <= keep) block_new(bump, total);
}

void dn_bump_free(dn_bump *bump) {
    for (dn_bump_block *b = bump->head, *next; b; b = next) {
        next = b->next;
        free(b);
    }
    bump->head = NULL;
    bump->total = 0;
}
