// Source files, held in memory for as long as messages may point into them.
#ifndef DN_FRONTEND_SOURCE_H
#define DN_FRONTEND_SOURCE_H

#include "ir/graph.h"

typedef struct dn_source {
    const char *path;  // as messages name it
    const char *text;  // zero-terminated
    uint32_t length;
    uint32_t *lines;  // offset of each line's first byte
    int n_lines;
    bool is_library;  // part of the embedded standard library
} dn_source;

typedef struct dn_sources {
    dn_arena arena;
    dn_source *files;  // files[0] is "nowhere"
    int count, capacity;
} dn_sources;

typedef struct dn_place {
    const char *path;
    int line, column;  // from 1; column in characters (UTF-8), not bytes
} dn_place;

void dn_sources_init(dn_sources *sources);
void dn_sources_free(dn_sources *sources);
// Copies the text. DN_INVALID when it is not UTF-8, holds a zero byte, or is over 16 MiB.
dn_status dn_sources_add(dn_sources *sources, const char *path, const char *text, size_t length,
                         bool is_library, uint32_t *file) DN_MUST_USE;
dn_status dn_sources_read(dn_sources *sources, const char *path, uint32_t *file) DN_MUST_USE;
dn_place dn_sources_place(const dn_sources *sources, dn_span span);
// The bytes of a span (not terminated); *length is its size.
const char *dn_sources_text(const dn_sources *sources, dn_span span, size_t *length);

static inline dn_span dn_span_join(dn_span a, dn_span b) {
    return (dn_span){a.file, a.begin, b.end};
}

#endif
