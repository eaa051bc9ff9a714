// A library's entries on a GPU.
#include <stdlib.h>

#include "runtime/cuda/linked.h"
#include "runtime/native/embed_engine.h"

typedef struct gpu {
    dn_arena arena;
    dn_cuda_code code;
    dn_cuda *cuda;
} gpu;

static void close_gpu(void *engine) {
    gpu *g = engine;
    dn_cuda_close(g->cuda);
    dn_arena_free(&g->arena);
    free(g);
}

static dn_status unknown_device(const char *name) {
    return dn_with_hint(
        dn_fail(DN_INVALID, "the device is cpu, cuda or the number of a GPU, not %s", name),
        "numbers are those that CUDA gives, from 0");
}

static dn_status start(gpu *g, const dn_program *program, const char *device) {
    int number;
    if (!dn_cuda_device_number(device, &number)) return unknown_device(device);
    DN_TRY(dn_linked_cuda(&g->arena, program, &g->code));
    return dn_cuda_open(program, &g->code, number, &g->cuda);
}

static dn_status open_gpu(const dn_program_image *image, const dn_embed_on *on, bool other,
                          void **out) {
    gpu *g = dn_xcalloc(1, sizeof *g);
    dn_status status = start(g, &image->program, on->device);
    if (!status) return *out = g, status;
    close_gpu(g);
    if (dn_status_hint(status)) return status;
    return dn_with_hint(status, other ? "on the device \"cpu\" the processor computes"
                                      : "compiled with `-target x86,cuda` it can run on the "
                                        "processor, the device \"cpu\"");
}

static dn_status run(void *engine, const dn_native_call *call) {
    return dn_cuda_run(((gpu *)engine)->cuda, call);
}

static dn_status enter(void *engine) { return dn_cuda_enter(((gpu *)engine)->cuda); }
static void leave(void *engine) { dn_cuda_leave(((gpu *)engine)->cuda); }

const dn_embed_engine dn_embed_cuda = {.is_device = true,
                                       .open = open_gpu,
                                       .close = close_gpu,
                                       .run = run,
                                       .enter = enter,
                                       .leave = leave};
