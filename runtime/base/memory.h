// Small allocations, growable arrays, strings and arenas.
//
// These are for the compiler's and the runtime's own bookkeeping, which is small: when the system
// has no memory left even for that, dn_x* stop the process with a message. Tensors and other
// buffers whose size the user chooses are allocated elsewhere and report DN_MEMORY.
#ifndef DN_BASE_MEMORY_H
#define DN_BASE_MEMORY_H

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include "runtime/base/status.h"

void *dn_xmalloc(size_t size);
void *dn_xcalloc(size_t count, size_t size);
void *dn_xrealloc(void *p, size_t size);
char *dn_strdup(const char *s);
char *dn_strndup(const char *s, size_t n);
char *dn_printf(const char *fmt, ...) DN_PRINTF(1, 2);  // free() the result
char *dn_vprintf(const char *fmt, va_list args);

// Growable array: `T *items; int count, capacity;` and DN_PUSH(items, count, capacity) = value;
#define DN_PUSH(items, count, capacity)                                             \
    (*((count) == (capacity)                                                        \
           ? ((capacity) = (capacity) ? 2 * (capacity) : 8,                         \
              (items) = dn_xrealloc((items), (size_t)(capacity) * sizeof *(items)), \
              &(items)[(count)++])                                                  \
           : &(items)[(count)++]))

// An arena owns everything allocated from it; dn_arena_free releases all at once. Zero-initialise.
typedef struct dn_arena {
    struct dn_arena_block *head;
    size_t total;  // bytes asked for, for reports
} dn_arena;

void *dn_arena_alloc(dn_arena *arena, size_t size);  // zeroed, aligned to 16
char *dn_arena_strdup(dn_arena *arena, const char *s);
char *dn_arena_strndup(dn_arena *arena, const char *s, size_t n);
char *dn_arena_printf(dn_arena *arena, const char *fmt, ...) DN_PRINTF(2, 3);
void *dn_arena_copy(dn_arena *arena, const void *data, size_t size);
void dn_arena_free(dn_arena *arena);
#define DN_NEW(arena, type) ((type *)dn_arena_alloc((arena), sizeof(type)))
#define DN_NEW_ARRAY(arena, type, n) ((type *)dn_arena_alloc((arena), (size_t)(n) * sizeof(type)))

// A growing string, always terminated once something was appended. Zero-initialise; free(text).
typedef struct dn_str {
    char *text;
    size_t length, capacity;
} dn_str;

void dn_str_append(dn_str *s, const char *text, size_t length);
void dn_str_puts(dn_str *s, const char *text);
void dn_str_printf(dn_str *s, const char *fmt, ...) DN_PRINTF(2, 3);
char *dn_str_take(dn_str *s);  // the text ("" if empty), owned by the caller; s is empty again

// FNV-1a over bytes, chained through `seed` (start with DN_HASH_SEED).
#define DN_HASH_SEED UINT64_C(14695981039346656037)
uint64_t dn_hash(const void *data, size_t size, uint64_t seed);

// The name in `names` (count of them) closest to `name` by edit distance; if none is near, the
// shortest that goes on where `name` ends (concat, concatenate) and is at
// most twice as long, or NULL.
const char *dn_closest_name(const char *name, const char *const *names, int count);

// Reads a whole file; the text is zero-terminated, free() it.
dn_status dn_read_file(const char *path, char **text, size_t *length) DN_MUST_USE;

#endif
