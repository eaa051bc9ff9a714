#include "frontend/source.h"

#include <stdlib.h>
#include <string.h>

enum { MAX_SOURCE = 16 << 20 };

void dn_sources_init(dn_sources *sources) {
    *sources = (dn_sources){0};
    uint32_t *lines = DN_NEW(&sources->arena, uint32_t);
    DN_PUSH(sources->files, sources->count, sources->capacity) =
        (dn_source){.path = "", .text = "", .lines = lines, .n_lines = 1};
}

void dn_sources_free(dn_sources *sources) {
    dn_arena_free(&sources->arena);
    free(sources->files);
    *sources = (dn_sources){0};
}

// ---- Adding ---------------------------------------------------------------------------------

// The length of the UTF-8 sequence at s (of n bytes), or 0 if there is none: overlong forms,
// surrogates and numbers past 10FFFF are none.
static size_t utf8_sequence(const unsigned char *s, size_t n) {
    if (s[0] < 0x80) return 1;
    size_t length = s[0] < 0xC2 ? 0 : s[0] < 0xE0 ? 2 : s[0] < 0xF0 ? 3 : s[0] < 0xF5 ? 4 : 0;
    if (!length || length > n) return 0;
    for (size_t i = 1; i < length; i++)
        if ((s[i] & 0xC0) != 0x80) return 0;
    if ((s[0] == 0xE0 && s[1] < 0xA0) || (s[0] == 0xED && s[1] >= 0xA0)) return 0;
    if ((s[0] == 0xF0 && s[1] < 0x90) || (s[0] == 0xF4 && s[1] >= 0x90)) return 0;
    return length;
}

static dn_status check_text(const char *path, const char *text, size_t length) {
    if (length > MAX_SOURCE) return dn_fail(DN_INVALID, "%s: the file is longer than 16 MiB", path);
    int line = 1;
    for (size_t i = 0; i < length;) {
        if (!text[i])
            return dn_fail(DN_INVALID, "%s:%d: there is a zero byte in the text", path, line);
        size_t step = utf8_sequence((const unsigned char *)text + i, length - i);
        if (!step) {
            dn_status status = dn_fail(DN_INVALID, "%s:%d: the text is not UTF-8", path, line);
            return dn_with_hint(status, "byte 0x%02x at offset %zu", (unsigned char)text[i], i);
        }
        if (text[i] == '\n') line++;
        i += step;
    }
    return DN_SUCCESS;
}

static void find_lines(dn_sources *sources, dn_source *source) {
    int count = 1;
    for (uint32_t i = 0; i < source->length; i++) count += source->text[i] == '\n';
    source->lines = DN_NEW_ARRAY(&sources->arena, uint32_t, count);
    source->n_lines = 1;
    for (uint32_t i = 0; i < source->length; i++)
        if (source->text[i] == '\n') source->lines[source->n_lines++] = i + 1;
}

dn_status dn_sources_add(dn_sources *sources, const char *path, const char *text, size_t length,
                         bool is_library, uint32_t *file) {
    DN_TRY(check_text(path, text, length));
    dn_source source = {.path = dn_arena_strdup(&sources->arena, path),
                        .text = dn_arena_strndup(&sources->arena, text, length),
                        .length = (uint32_t)length,
                        .is_library = is_library};
    find_lines(sources, &source);
    *file = (uint32_t)sources->count;
    DN_PUSH(sources->files, sources->count, sources->capacity) = source;
    return DN_SUCCESS;
}

dn_status dn_sources_read(dn_sources *sources, const char *path, uint32_t *file) {
    char *text;
    size_t length;
    DN_TRY(dn_read_file(path, &text, &length));
    dn_status status = dn_sources_add(sources, path, text, length, false, file);
    free(text);
    return status;
}

// ---- Looking up -----------------------------------------------------------------------------

static const dn_source *source_of(const dn_sources *sources, dn_span span) {
    return &sources->files[span.file < (uint32_t)sources->count ? span.file : 0];
}

// The index of the line that holds `offset`.
static int line_of(const dn_source *source, uint32_t offset) {
    int low = 0, high = source->n_lines;
    while (high - low > 1) {
        int middle = (low + high) / 2;
        if (source->lines[middle] <= offset)
            low = middle;
        else
            high = middle;
    }
    return low;
}

dn_place dn_sources_place(const dn_sources *sources, dn_span span) {
    const dn_source *source = source_of(sources, span);
    uint32_t offset = span.begin < source->length ? span.begin : source->length;
    int line = line_of(source, offset), column = 1;
    for (uint32_t i = source->lines[line]; i < offset; i++)
        column += ((unsigned char)source->text[i] & 0xC0) != 0x80;
    return (dn_place){source->path, line + 1, column};
}

const char *dn_sources_text(const dn_sources *sources, dn_span span, size_t *length) {
    const dn_source *source = source_of(sources, span);
    uint32_t begin = span.begin < source->length ? span.begin : source->length;
    uint32_t end = span.end < source->length ? span.end : source->length;
    *length = end > begin ? end - begin : 0;
    return source->text + begin;
}
