// Tensors that end where a page without access begins: code that reads or writes behind them, by
// more than the alignment of tensors hides, is killed.
#ifndef DN_TESTS_NATIVE_GUARD_H
#define DN_TESTS_NATIVE_GUARD_H

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "runtime/tensor.h"

// A copy with one reference. End it with guarded_free, not by releasing it.
static inline dn_tensor *guarded_copy(const dn_tensor *from) {
    size_t page = (size_t)sysconf(_SC_PAGESIZE), used = (from->bytes + 63) / 64 * 64;
    size_t whole = (used + page - 1) / page * page + page;
    char *base = mmap(NULL, whole, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    DN_ASSERT(base != MAP_FAILED, "no memory");
    DN_ASSERT(mprotect(base + whole - page, page, PROT_NONE) == 0, "no guard page");
    dn_tensor *t = dn_xmalloc(sizeof *t);
    *t = *from;
    t->references = 1;
    t->data = base + whole - page - used;
    memcpy(t->data, from->data, from->bytes);
    memset((char *)t->data + from->bytes, 0xff, used - from->bytes);
    return t;
}

static inline void guarded_free(dn_tensor *t) {
    size_t page = (size_t)sysconf(_SC_PAGESIZE);
    uintptr_t base = (uintptr_t)t->data / page * page;
    uintptr_t end = (uintptr_t)t->data + (t->bytes + 63) / 64 * 64 + page;
    munmap((void *)base, end - base);
    free(t);
}

#endif
