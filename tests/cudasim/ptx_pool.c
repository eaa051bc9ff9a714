// Memory of a module's text and code, and names of types.
#include <stdlib.h>
#include <string.h>

#include "tests/cudasim/ptx.h"

enum { CHUNK = 1 << 16, ALIGN = 16 };

typedef struct chunk {
    struct chunk *next;
    size_t used, bytes;
    _Alignas(ALIGN) char data[];
} chunk;

struct ptx_pool {
    chunk *chunks;
};

ptx_pool *ptx_pool_new(void) {
    ptx_pool *pool = calloc(1, sizeof *pool);
    if (!pool) abort();
    return pool;
}

void ptx_pool_free(ptx_pool *pool) {
    if (!pool) return;
    for (chunk *c = pool->chunks; c;) {
        chunk *next = c->next;
        free(c);
        c = next;
    }
    free(pool);
}

void *ptx_pool_take(ptx_pool *pool, size_t bytes) {
    bytes = (bytes + ALIGN - 1) / ALIGN * ALIGN;
    chunk *c = pool->chunks;
    if (!c || c->bytes - c->used < bytes) {
        size_t size = bytes > CHUNK ? bytes : CHUNK;
        c = calloc(1, sizeof *c + size);
        if (!c) abort();
        c->bytes = size;
        c->next = pool->chunks;
        pool->chunks = c;
    }
    void *taken = c->data + c->used;
    c->used += bytes;
    return taken;
}

char *ptx_pool_text(ptx_pool *pool, const char *start, size_t length) {
    char *text = ptx_pool_take(pool, length + 1);
    memcpy(text, start, length);
    return text;
}

static const struct {
    const char *name;
    int bytes;
} types[] = {
    [PTX_NONE] = {"", 0},       [PTX_PRED] = {"pred", 0},     [PTX_B8] = {"b8", 1},
    [PTX_U8] = {"u8", 1},       [PTX_S8] = {"s8", 1},         [PTX_B16] = {"b16", 2},
    [PTX_U16] = {"u16", 2},     [PTX_S16] = {"s16", 2},       [PTX_F16] = {"f16", 2},
    [PTX_BF16] = {"bf16", 2},   [PTX_B32] = {"b32", 4},       [PTX_U32] = {"u32", 4},
    [PTX_S32] = {"s32", 4},     [PTX_F32] = {"f32", 4},       [PTX_TF32] = {"tf32", 4},
    [PTX_F16X2] = {"f16x2", 4}, [PTX_BF16X2] = {"bf16x2", 4}, [PTX_U16X2] = {"u16x2", 4},
    [PTX_S16X2] = {"s16x2", 4}, [PTX_B64] = {"b64", 8},       [PTX_U64] = {"u64", 8},
    [PTX_S64] = {"s64", 8},     [PTX_F64] = {"f64", 8},       [PTX_B128] = {"b128", 16},
};

ptx_type ptx_type_named(const char *name) {
    for (int i = 1; i < (int)(sizeof types / sizeof *types); i++)
        if (strcmp(types[i].name, name) == 0) return (ptx_type)i;
    return PTX_NONE;
}

const char *ptx_type_name(ptx_type type) { return types[type].name; }

int ptx_type_bytes(ptx_type type) { return types[type].bytes; }
