// The GPU that `dnet` runs entries on: code is made for it and goes there when an entry is first
// run.
//
// The device has a program of its own (runtime/cuda/cuda.h): the entries that ran there, and the
// variables that they use. Variables stay on the device between runs, and come to the host when
// somebody looks at them, when another backend runs, and while the device's program grows.
#ifndef DN_DRIVER_GPU_H
#define DN_DRIVER_GPU_H

#include "codegen/nvptx/nvptx.h"
#include "driver/batches.h"
#include "runtime/native/profile.h"

typedef struct dn_gpu dn_gpu;

// Fails with a message for people where there is no such device. The compiler must outlive it.
// Contractions use `units`; `level` is -O.
dn_status dn_gpu_open(dn_compiler *compiler, int device, dn_matrix_units units, int level,
                      dn_gpu **out) DN_MUST_USE;
void dn_gpu_close(dn_gpu *gpu);  // accepts NULL; what was there comes to the host
// Runs an entry of the compiler's program, without waiting. `profile` may be NULL.
dn_status dn_gpu_run(dn_gpu *gpu, const dn_native_call *call, dn_profile *profile) DN_MUST_USE;
dn_status dn_gpu_wait(dn_gpu *gpu) DN_MUST_USE;  // until all has been done
const char *dn_gpu_name(const dn_gpu *gpu);
const dn_nvptx *dn_gpu_target(const dn_gpu *gpu);
void dn_gpu_print_profile(const dn_gpu *gpu, dn_profile *profile, FILE *out);

#endif
