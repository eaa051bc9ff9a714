#include "runtime/cuda/linked.h"

#include "runtime/cuda/cuda_image.h"

// Hidden: they are in the same program or library.
#pragma GCC visibility push(hidden)
extern const unsigned char dn_cuda_image_bytes[] __attribute__((weak));
extern const uint64_t dn_cuda_image_size __attribute__((weak));
#pragma GCC visibility pop

bool dn_linked_has_cuda(void) { return &dn_cuda_image_size != NULL; }

dn_status dn_linked_cuda(dn_arena *arena, const dn_program *program, dn_cuda_code *out) {
    return dn_cuda_image_decode(arena, dn_cuda_image_bytes, (size_t)dn_cuda_image_size, program,
                                out);
}
