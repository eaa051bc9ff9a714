#include "runtime/base/memory.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

static void *checked(void *p) {
    if (p) return p;
    fputs("dnet: out of memory\n", stderr);
    exit(70);
}

void *dn_xmalloc(size_t size) { return checked(malloc(size ? size : 1)); }

void *dn_xcalloc(size_t count, size_t size) {
    return checked(calloc(count ? count : 1, size ? size : 1));
}

void *dn_xrealloc(void *p, size_t size) { return checked(realloc(p, size ? size : 1)); }

char *dn_strndup(const char *s, size_t n) {
    char *copy = dn_xmalloc(n + 1);
    memcpy(copy, s, n);
    copy[n] = 0;
    return copy;
}

char *dn_strdup(const char *s) { return dn_strndup(s, strlen(s)); }

char *dn_vprintf(const char *fmt, va_list args) {
    va_list again;
    va_copy(again, args);
    int length = vsnprintf(NULL, 0, fmt, args);
    DN_ASSERT(length >= 0, "bad format %s", fmt);
    char *text = dn_xmalloc((size_t)length + 1);
    vsnprintf(text, (size_t)length + 1, fmt, again);
    va_end(again);
    return text;
}

char *dn_printf(const char *fmt, ...) {
    va_list args;
    va_start(args, fmt);
    char *text = dn_vprintf(fmt, args);
    va_end(args);
    return text;
}

typedef struct dn_arena_block {
    struct dn_arena_block *next;
    size_t used, size;
    _Alignas(16) char data[];
} dn_arena_block;

void *dn_arena_alloc(dn_arena *arena, size_t size) {
    size = (size + 15) & ~(size_t)15;
    dn_arena_block *block = arena->head;
    if (!block || block->size - block->used < size) {
        size_t room = size > 1 << 16 ? size : 1 << 16;
        block = dn_xmalloc(sizeof *block + room);
        *block = (dn_arena_block){.next = arena->head, .size = room};
        arena->head = block;
    }
    void *p = block->data + block->used;
    block->used += size;
    arena->total += size;
    return memset(p, 0, size);
}

void *dn_arena_copy(dn_arena *arena, const void *data, size_t size) {
    void *p = dn_arena_alloc(arena, size);
    if (size) memcpy(p, data, size);
    return p;
}

char *dn_arena_strndup(dn_arena *arena, const char *s, size_t n) {
    char *copy = dn_arena_alloc(arena, n + 1);
    memcpy(copy, s, n);
    return copy;
}

char *dn_arena_strdup(dn_arena *arena, const char *s) {
    return dn_arena_strndup(arena, s, strlen(s));
}

char *dn_arena_printf(dn_arena *arena, const char *fmt, ...) {
    va_list args;
    va_start(args, fmt);
    char *text = dn_vprintf(fmt, args);
    va_end(args);
    char *copy = dn_arena_strdup(arena, text);
    free(text);
    return copy;
}

void dn_arena_free(dn_arena *arena) {
    for (dn_arena_block *b = arena->head, *next; b; b = next) {
        next = b->next;
        free(b);
    }
    *arena = (dn_arena){0};
}

void dn_str_append(dn_str *s, const char *text, size_t length) {
    if (s->length + length + 1 > s->capacity) {
        s->capacity = 2 * (s->length + length + 1);
        s->text = dn_xrealloc(s->text, s->capacity);
    }
    memcpy(s->text + s->length, text, length);
    s->length += length;
    s->text[s->length] = 0;
}

void dn_str_puts(dn_str *s, const char *text) { dn_str_append(s, text, strlen(text)); }

void dn_str_printf(dn_str *s, const char *fmt, ...) {
    va_list args;
    va_start(args, fmt);
    char *text = dn_vprintf(fmt, args);
    va_end(args);
    dn_str_puts(s, text);
    free(text);
}

char *dn_str_take(dn_str *s) {
    char *text = s->text ? s->text : dn_strdup("");
    *s = (dn_str){0};
    return text;
}

uint64_t dn_hash(const void *data, size_t size, uint64_t seed) {
    const unsigned char *p = data;
    for (size_t i = 0; i < size; i++) seed = (seed ^ p[i]) * UINT64_C(1099511628211);
    return seed;
}

// Damerau-Levenshtein distance (optimal string alignment); names longer than 63 never match.
static int edit_distance(const char *a, const char *b) {
    enum { LIMIT = 64 };
    int n = (int)strlen(a), m = (int)strlen(b);
    if (n >= LIMIT || m >= LIMIT) return LIMIT;
    int d[LIMIT][LIMIT];
    for (int i = 0; i <= n; i++) d[i][0] = i;
    for (int j = 0; j <= m; j++) d[0][j] = j;
    for (int i = 1; i <= n; i++) {
        for (int j = 1; j <= m; j++) {
            int best = d[i - 1][j - 1] + (a[i - 1] != b[j - 1]);
            if (d[i - 1][j] + 1 < best) best = d[i - 1][j] + 1;
            if (d[i][j - 1] + 1 < best) best = d[i][j - 1] + 1;
            if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] &&
                d[i - 2][j - 2] + 1 < best)
                best = d[i - 2][j - 2] + 1;
            d[i][j] = best;
        }
    }
    return d[n][m];
}

// Case and underscores are how one framework's names differ from another's: LeakyReLU, leaky_relu.
static void fold_name(const char *name, char out[64]) {
    size_t n = 0;
    for (; *name && n < 63; name++) {
        char c = *name;
        if (c >= 'A' && c <= 'Z') c = (char)(c - 'A' + 'a');
        if (c != '_') out[n++] = c;
    }
    out[n] = 0;
}

static const char *shortest_beginning(const char *folded, const char *const *names, int count) {
    char candidate[64];
    const char *best = NULL;
    size_t n = strlen(folded), shortest = 2 * n + 1;  // much longer is something else
    if (n < 3) return NULL;                           // and too many begin so
    for (int i = 0; i < count; i++) {
        fold_name(names[i], candidate);
        size_t length = strlen(candidate);
        if (length <= n || length >= shortest || strncmp(candidate, folded, n) != 0) continue;
        best = names[i];
        shortest = length;
    }
    return best;
}

const char *dn_closest_name(const char *name, const char *const *names, int count) {
    char folded[64], candidate[64];
    fold_name(name, folded);
    const char *best = NULL;
    int best_distance = 1 + (int)strlen(folded) / 3;
    for (int i = 0; i < count; i++) {
        fold_name(names[i], candidate);
        int distance = edit_distance(folded, candidate);
        if (distance < best_distance && strcmp(name, names[i]) != 0) {
            best = names[i];
            best_distance = distance;
        }
    }
    return best ? best : shortest_beginning(folded, names, count);
}

dn_status dn_read_file(const char *path, char **text, size_t *length) {
    FILE *file = fopen(path, "rb");
    if (!file) return dn_fail_errno("%s", path);
    struct stat info;
    if (fstat(fileno(file), &info) == 0 && S_ISDIR(info.st_mode)) {
        fclose(file);
        return dn_fail(DN_IO, "%s: is a directory", path);
    }
    dn_str s = {0};
    char chunk[1 << 16];
    size_t n;
    while ((n = fread(chunk, 1, sizeof chunk, file)) > 0) dn_str_append(&s, chunk, n);
    bool failed = ferror(file);
    if (failed) {
        dn_status status = dn_fail_errno("%s", path);
        fclose(file);
        free(s.text);
        return status;
    }
    fclose(file);
    *length = s.length;
    *text = dn_str_take(&s);
    return DN_SUCCESS;
}
