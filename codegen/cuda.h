// From the kernels of entries to PTX: what codegen/native.h does for x86.
#ifndef DN_CODEGEN_CUDA_H
#define DN_CODEGEN_CUDA_H

#include "codegen/native.h"
#include "codegen/nvptx/nvptx.h"

// The kernels and those of random numbers, for one target; entries have to be lowered for
// dn_nvptx_target. `form` is DN_FORM_ASSEMBLY (PTX) or DN_FORM_LLVM. `launches` gets, if it is not
// NULL, how each is launched: code->n_kernels + DN_CUDA_RANDOMS, whose symbols are code's. The
// caller frees *text, which ends with NUL.
dn_status dn_cuda_emit(dn_native_code *code, const dn_native_options *options,
                       const dn_nvptx *target, dn_native_form form, dn_cuda_kernel *launches,
                       char **text, size_t *size) DN_MUST_USE;

#endif
