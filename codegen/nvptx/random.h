// From random words to numbers (random_number.c).
#ifndef DN_CODEGEN_NVPTX_RANDOM_H
#define DN_CODEGEN_NVPTX_RANDOM_H

#include "codegen/nvptx/nvptx.h"

// Four words of Philox's to out[4] (f32) or out[2] (f64): uniform in [0, 1), or normal.
void dn_nvptx_draw(dn_emit *e, dn_dtype dtype, bool normal, LLVMValueRef const *words,
                   LLVMValueRef *out);

#endif
