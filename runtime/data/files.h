// Reading files into memory that is kept, and finding files.
#ifndef DN_RUNTIME_FILES_H
#define DN_RUNTIME_FILES_H

#include <stddef.h>
#include <stdint.h>

#include "runtime/base/memory.h"
#include "runtime/base/status.h"

typedef struct dn_buffer {
    uint8_t *data;
    size_t size, capacity;
} dn_buffer;  // zero-initialise; free(data)

// Makes room for `capacity` bytes; what was there is kept. False: no memory.
bool dn_buffer_reserve(dn_buffer *buffer, size_t capacity);
// Reads a regular file of at most `limit` bytes. Messages do not name it.
dn_status dn_buffer_read(dn_buffer *buffer, const char *path, size_t limit) DN_MUST_USE;

typedef struct dn_names {
    char **names;  // in the arena given
    int count, capacity;
} dn_names;  // free(names)

// The files below `root` whose names end in one of `extensions` (lower case, with the dot; any case
// matches), as paths relative to it, sorted bytewise. Names that start with a dot are left out, as
// are folders reached again through a link. `others`, if not NULL, is told every other extension's
// count, as text such as "3 .webp, 1 .txt".
dn_status dn_find_files(const char *root, const char *const *extensions, int n_extensions,
                        dn_arena *arena, dn_names *out, dn_str *others) DN_MUST_USE;
// The folders directly in `root`, sorted bytewise; names that start with a dot are left out.
dn_status dn_find_folders(const char *root, dn_arena *arena, dn_names *out) DN_MUST_USE;
void dn_names_sort(dn_names *names);

#endif
