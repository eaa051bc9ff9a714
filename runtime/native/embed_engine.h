// How a library's entries run: on the processor (embed_x86.c) or on a GPU (embed_cuda.c).
#ifndef DN_RUNTIME_EMBED_ENGINE_H
#define DN_RUNTIME_EMBED_ENGINE_H

#include "runtime/host/program_image.h"
#include "runtime/native/embed.h"
#include "runtime/native/native.h"

struct dn_embed_engine {
    bool is_device;  // it is not "cpu"
    // What runs the entries of `image`, which outlives it. `other`: the library has an engine of
    // the other kind, for hints.
    dn_status (*open)(const dn_program_image *image, const dn_embed_on *on, bool other, void **out);
    void (*close)(void *engine);
    // As dn_native_run; the data of variables may then be elsewhere, those of results as well.
    dn_status (*run)(void *engine, const dn_native_call *call);
    // Around everything between `open` and `close`, because each call may be from another thread:
    // after `open` it is entered, before `close` it has to be. NULL: there is nothing to do.
    dn_status (*enter)(void *engine);
    void (*leave)(void *engine);
};

#endif
