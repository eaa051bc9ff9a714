// One LLVM module for a GPU: the kernels of all entries and those of random numbers, as PTX.
#include "codegen/cuda.h"

#include <stdlib.h>
#include <string.h>

#include "codegen/machine.h"

typedef struct module {
    dn_emit e;
    dn_debug debug;
    dn_native_code *code;
    const dn_native_options *options;
    const dn_nvptx *target;
    dn_cuda_kernel *launches;
} module;

// "gan.dnet:31:5: ...", of a kernel that cannot be emitted.
static dn_status at_place(const dn_native_options *options, const dn_kernel *kernel,
                          dn_status status) {
    const char *path;
    int line, column;
    bool known = status && options->place &&
                 options->place(options->place_context, kernel->span, &path, &line, &column);
    return known ? dn_annotate(status, "%s:%d:%d", path, line, column) : status;
}

static dn_status add_kernel(module *m, int index) {
    const dn_kernel *kernel = m->code->kernels[index];
    const char *symbol = m->code->symbols[index];
    LLVMMetadataRef subprogram = dn_debug_enter(&m->debug, &m->e, kernel, symbol);
    dn_cuda_kernel *launch = &m->launches[index];
    *launch = (dn_cuda_kernel){.symbol = symbol};
    dn_status status =
        dn_nvptx_emit(&m->e, m->target, m->code->kernels_of[index], kernel, symbol, launch);
    dn_debug_leave(&m->e, subprogram, status ? NULL : LLVMGetNamedFunction(m->e.module, symbol));
    return at_place(m->options, kernel, status);
}

static dn_status add_random(module *m, dn_dtype dtype, bool normal) {
    int index = dn_cuda_random(dtype, normal);
    dn_cuda_kernel *launch = &m->launches[m->code->n_kernels + index];
    const char *symbol = dn_arena_printf(&m->code->arena, "dn_%s_%s", normal ? "normal" : "uniform",
                                         dn_dtype_name(dtype));
    *launch = (dn_cuda_kernel){.symbol = symbol};
    return dn_nvptx_emit_random(&m->e, m->target, dtype, normal, symbol, launch);
}

static dn_status fill(module *m) {
    for (int i = 0; i < m->code->n_kernels; i++) DN_TRY(add_kernel(m, i));
    for (int normal = 0; normal < 2; normal++) {
        DN_TRY(add_random(m, DN_F32, normal));
        DN_TRY(add_random(m, DN_F64, normal));
    }
    return DN_SUCCESS;
}

// Takes the machine, the module and the text out of `buffer`.
static dn_status write(module *m, LLVMTargetMachineRef machine, int level, dn_native_form form,
                       char **text, size_t *size) {
    LLVMMemoryBufferRef buffer;
    DN_TRY(dn_machine_optimise(machine, m->e.module, level));
    DN_TRY(dn_machine_write(machine, m->e.module, form, &buffer));
    *size = LLVMGetBufferSize(buffer);
    *text = dn_xmalloc(*size + 1);
    memcpy(*text, LLVMGetBufferStart(buffer), *size);
    (*text)[*size] = 0;
    LLVMDisposeMemoryBuffer(buffer);
    return DN_SUCCESS;
}

dn_status dn_cuda_emit(dn_native_code *code, const dn_native_options *options,
                       const dn_nvptx *target, dn_native_form form, dn_cuda_kernel *launches,
                       char **text, size_t *size) {
    LLVMTargetMachineRef machine;
    dn_status failure = DN_SUCCESS;
    size_t n_launches = (size_t)(code->n_kernels + DN_CUDA_RANDOMS);
    module m = {.code = code, .options = options, .target = target, .launches = launches};
    DN_TRY(dn_machine_new_nvptx(target, options->level, &machine));
    if (!launches) m.launches = dn_xcalloc(n_launches, sizeof *m.launches);
    dn_emit_open(&m.e, "kernels");
    dn_machine_listen(m.e.context, &failure);
    dn_machine_prepare(machine, m.e.module);
    dn_debug_begin(&m.debug, &m.e, options);
    *text = NULL;
    dn_status status = fill(&m);
    dn_debug_end(&m.debug);
    if (!status) status = write(&m, machine, options->level, form, text, size);
    dn_emit_close(&m.e);
    LLVMDisposeTargetMachine(machine);
    if (!launches) free(m.launches);
    if (status) {
        dn_status_free(failure);
        return status;
    }
    if (failure) free(*text);
    return failure;
}
