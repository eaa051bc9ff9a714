// What the linker put together with the runtime: a compiled program has exactly one image and the
// kernels of one or both instruction sets (see driver/link.c).
#ifndef DN_RUNTIME_LINKED_H
#define DN_RUNTIME_LINKED_H

#include "runtime/host/program_image.h"

// dn_program_decode of the image.
dn_status dn_linked_program(dn_arena *arena, dn_program_image *out) DN_MUST_USE;
// Whether kernels were compiled for it.
bool dn_linked_has(dn_isa isa);
// The best kernels that the processor can run and that there are.
dn_status dn_linked_kernels(dn_native_kernel *const **out) DN_MUST_USE;

#endif
