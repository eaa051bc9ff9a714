// What the functions of a library do: the C that dnetc writes for it (driver/c_library.c) only
// calls these, so the prototypes there have to agree.
//
// Nothing is shared between objects but what is constant. Failures become a text in the caller's
// buffer, on one line, cut where it is full; the buffer may be NULL.
#ifndef DN_RUNTIME_EMBED_H
#define DN_RUNTIME_EMBED_H

#include <stddef.h>
#include <stdint.h>

typedef struct dn_embedded dn_embedded;

// How entries run. A library names those that it was compiled for, so that the linker takes no
// others.
typedef struct dn_embed_engine dn_embed_engine;
extern const dn_embed_engine dn_embed_x86, dn_embed_cuda;

typedef struct dn_embed_error {
    char *text;
    size_t size;
} dn_embed_error;

// What computes: `device` is "cpu", "cuda" or a GPU's number; NULL: what the first of `engines`
// (which end with NULL) takes by itself. `threads` are those of "cpu".
typedef struct dn_embed_on {
    const dn_embed_engine *const *engines;
    const char *device;
    int threads;
} dn_embed_on;

// Variables from a safetensors file, of which a checkpoint is one; NULL: their first values. NULL
// on failure.
dn_embedded *dn_embed_new(dn_embed_on on, const char *weights_path, dn_embed_error error);
dn_embedded *dn_embed_new_from_memory(dn_embed_on on, const void *weights, size_t size,
                                      dn_embed_error error);
void dn_embed_free(dn_embedded *object);  // accepts NULL
void dn_embed_seed(dn_embedded *object, uint64_t seed);
// Calls exported function number `function` with the elements of its inputs and for its outputs. 0
// if all is well.
int dn_embed_call(dn_embedded *object, int function, const void *const *inputs,
                  void *const *outputs, dn_embed_error error);

#endif
