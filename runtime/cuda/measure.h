// Profiles of what runs on a device (runtime/native/profile.h).
#ifndef DN_RUNTIME_CUDA_MEASURE_H
#define DN_RUNTIME_CUDA_MEASURE_H

#include "runtime/cuda/cuda.h"
#include "runtime/native/profile.h"

// dn_cuda_run, watched; `entry` is the call's as the profile's program has it.
dn_status dn_cuda_run_profiled(dn_cuda *cuda, dn_profile *profile, const dn_entry *entry,
                               const dn_native_call *call) DN_MUST_USE;
// At the end: time by entry, memory, and the kernels against what the device can do at best.
void dn_cuda_print_profile(const dn_cuda *cuda, dn_profile *profile, FILE *out);

#endif
