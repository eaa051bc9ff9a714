// Memory that ends where a page without access begins: code that reads or writes behind it is
// killed. Before it, and in what an alignment leaves behind it, all bits are 1: a number that is
// read there is NaN or -1, and one that is written there is seen.
#ifndef DN_TESTS_NATIVE_GUARD_H
#define DN_TESTS_NATIVE_GUARD_H

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "runtime/tensor.h"

enum { GUARD_BEFORE = 64, TENSOR_ALIGNMENT = 64 };  // bytes

// Where a block lies in its pages.
typedef struct guard_place {
    size_t at, bytes, end, pages;  // pages: of all but the page without access
} guard_place;

static inline size_t guard_round(size_t bytes, size_t to) { return (bytes + to - 1) / to * to; }

static inline guard_place guard_place_of(size_t bytes, size_t alignment) {
    size_t used = guard_round(bytes, alignment), page = (size_t)sysconf(_SC_PAGESIZE);
    size_t pages = guard_round(GUARD_BEFORE + used, page);
    return (guard_place){pages - used, bytes, pages - used + bytes, pages};
}

// Its contents are not set. End it with guarded_end and the same numbers.
static inline void *guarded_new(size_t bytes, size_t alignment) {
    guard_place g = guard_place_of(bytes, alignment);
    size_t page = (size_t)sysconf(_SC_PAGESIZE);
    char *base =
        mmap(NULL, g.pages + page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    DN_ASSERT(base != MAP_FAILED, "no memory");
    DN_ASSERT(mprotect(base + g.pages, page, PROT_NONE) == 0, "no guard page");
    memset(base, 0xff, g.at);
    memset(base + g.end, 0xff, g.pages - g.end);
    return base + g.at;
}

// False if something beside it was written.
static inline bool guarded_end(void *block, size_t bytes, size_t alignment) {
    guard_place g = guard_place_of(bytes, alignment);
    unsigned char *base = (unsigned char *)block - g.at;
    bool clean = true;
    for (size_t i = 0; i < g.pages; i++) clean &= base[i] == 0xff || (i >= g.at && i < g.end);
    munmap(base, g.pages + (size_t)sysconf(_SC_PAGESIZE));
    return clean;
}

// A copy with one reference. End it with guarded_free, not by releasing it.
static inline dn_tensor *guarded_copy(const dn_tensor *from) {
    dn_tensor *t = dn_xmalloc(sizeof *t);
    *t = *from;
    t->references = 1;
    t->data = guarded_new(from->bytes, TENSOR_ALIGNMENT);
    memcpy(t->data, from->data, from->bytes);
    return t;
}

// False if something beside its data was written.
static inline bool guarded_free(dn_tensor *t) {
    bool clean = guarded_end(t->data, t->bytes, TENSOR_ALIGNMENT);
    free(t);
    return clean;
}

#endif
