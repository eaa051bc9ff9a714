// Code for GPUs: every entry lowered once, then PTX for each target that was asked for.
#ifndef DN_DRIVER_BUILD_CUDA_H
#define DN_DRIVER_BUILD_CUDA_H

#include "driver/exports.h"
#include "driver/lower.h"
#include "driver/options.h"

typedef struct dn_cuda_build {
    dn_lowered lowered;
    dn_cuda_module *modules;   // one for each of options->cuda
    dn_cuda_kernel **kernels;  // how those are launched
    int n;
    dn_cuda_code code;  // refers to all of it
} dn_cuda_build;

// Lowers, for reports and text forms; dn_cuda_build_code then makes the code. `exports`: what a
// library has; NULL: every entry. Free it also after a failure.
dn_status dn_cuda_build_lower(dn_compiler *compiler, const dn_options *options,
                              const dn_exports *exports, dn_cuda_build *out) DN_MUST_USE;
dn_status dn_cuda_build_code(dn_compiler *compiler, const dn_options *options,
                             dn_cuda_build *build) DN_MUST_USE;
void dn_cuda_build_free(dn_cuda_build *build);

// The code of options->cuda in one form, to `to`.
dn_status dn_cuda_build_print(dn_compiler *compiler, dn_cuda_build *build,
                              const dn_options *options, dn_native_form form, FILE *to) DN_MUST_USE;
// Assembles module `index` by ptxas. DN_UNSUPPORTED, with a hint, where it is not installed. Free
// *cubin.
dn_status dn_cuda_build_cubin(const dn_cuda_build *build, int index, const dn_options *options,
                              char **cubin, size_t *size) DN_MUST_USE;

#endif
