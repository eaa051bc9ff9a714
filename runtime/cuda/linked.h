// The CUDA code that the linker put together with the runtime, if the program was compiled for CUDA
// (see driver/link.c; runtime/native/linked.h is about the rest).
#ifndef DN_RUNTIME_CUDA_LINKED_H
#define DN_RUNTIME_CUDA_LINKED_H

#include "runtime/cuda/cuda.h"

bool dn_linked_has_cuda(void);
// dn_cuda_image_decode of it.
dn_status dn_linked_cuda(dn_arena *arena, const dn_program *program, dn_cuda_code *out) DN_MUST_USE;

#endif
