// Counts every call of malloc and its like in a test. Not with a sanitizer, which has its own.
#ifndef DN_TESTS_COUNT_MALLOC_H
#define DN_TESTS_COUNT_MALLOC_H

#include <errno.h>
#include <stdlib.h>

void *__libc_malloc(size_t size);
void *__libc_calloc(size_t count, size_t size);
void *__libc_realloc(void *p, size_t size);
void *__libc_memalign(size_t align, size_t size);
void __libc_free(void *p);

static long allocations;

static void count_one(void) { __atomic_add_fetch(&allocations, 1, __ATOMIC_RELAXED); }

void *malloc(size_t size) {
    count_one();
    return __libc_malloc(size);
}

void *calloc(size_t count, size_t size) {
    count_one();
    return __libc_calloc(count, size);
}

void *realloc(void *p, size_t size) {
    count_one();
    return __libc_realloc(p, size);
}

void *aligned_alloc(size_t align, size_t size) {
    count_one();
    return __libc_memalign(align, size);
}

int posix_memalign(void **out, size_t align, size_t size) {
    count_one();
    *out = __libc_memalign(align, size);
    return *out ? 0 : ENOMEM;
}

void free(void *p) { __libc_free(p); }

#endif
