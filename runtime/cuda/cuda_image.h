// CUDA code as bytes, and back: what a compiled program has inside beside its image.
//
// The bytes are those of runtime/host/image_stream.h, of the kind "DNETCUD2". PTX is compressed.
#ifndef DN_RUNTIME_CUDA_IMAGE_H
#define DN_RUNTIME_CUDA_IMAGE_H

#include "runtime/cuda/cuda.h"

// *bytes: free() it.
dn_status dn_cuda_image_encode(const dn_cuda_code *code, char **bytes, size_t *size) DN_MUST_USE;
// `bytes` have to outlive what was decoded, `arena` owns the rest. DN_CORRUPT for everything that
// encoding does not make, and for what does not belong to `program`: code that was decoded can be
// run without more checks.
dn_status dn_cuda_image_decode(dn_arena *arena, const void *bytes, size_t size,
                               const dn_program *program, dn_cuda_code *out) DN_MUST_USE;

#endif
