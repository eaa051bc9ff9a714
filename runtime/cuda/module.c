// The code for the device: which of the program's modules, loaded, its functions found.
#include <stdlib.h>

#include "runtime/cuda/inside.h"

enum { LOG_BYTES = 8192, SHARED_UNASKED = 48 << 10 };

// ---- which module ----

static bool can_run(const dn_cuda *cuda, const dn_cuda_module *module) {
    return module->specific ? module->sm == cuda->capability : module->sm <= cuda->capability;
}

// Machine code is for one major version, and for this minor one or a later one.
static bool has_cubin(const dn_cuda *cuda, const dn_cuda_module *module) {
    return module->cubin && module->sm / 10 == cuda->capability / 10;
}

static int best_module(const dn_cuda *cuda, const dn_cuda_code *code) {
    int best = -1;
    for (int i = 0; i < code->n_modules; i++) {
        const dn_cuda_module *module = &code->modules[i];
        const dn_cuda_module *other = best < 0 ? NULL : &code->modules[best];
        if (!can_run(cuda, module)) continue;
        if (!other || module->sm > other->sm || (module->sm == other->sm && module->specific))
            best = i;
    }
    return best;
}

static dn_status no_module(const dn_cuda *cuda, const dn_cuda_code *code) {
    dn_str have = {0};
    for (int i = 0; i < code->n_modules; i++)
        dn_str_printf(&have, "%ssm_%d%s", i ? ", " : "", code->modules[i].sm,
                      code->modules[i].specific ? "a" : "");
    dn_status status = dn_fail(DN_UNSUPPORTED, "the program was compiled for %s, and %s is sm_%d",
                               have.text, cuda->name, cuda->capability);
    free(have.text);
    if (cuda->capability < 80) return dn_with_hint(status, "sm_80 and later ones can be used");
    return dn_with_hint(status, "`-target cuda` compiles for all from sm_80 on");
}

// ---- loading ----

static dn_status cannot_load(const dn_cuda *cuda, dn_cu_result result, const char *log) {
    dn_status status =
        dn_cuda_check(cuda, result, "the NVIDIA driver cannot load the program's kernels");
    if (*log) status = dn_with_note(status, "%s", log);
    if (result == DN_CU_UNSUPPORTED_PTX)
        status = dn_with_hint(status, "the driver is older than the kernels' PTX: update it");
    return status;
}

static dn_status load(dn_cuda *cuda, const dn_cuda_module *module, dn_cu_module *out) {
    char *log = dn_xcalloc(1, LOG_BYTES);
    int options[] = {DN_CU_LOG, DN_CU_LOG_BYTES};
    void *values[] = {log, (void *)(uintptr_t)(LOG_BYTES - 1)};
    const void *image = has_cubin(cuda, module) ? module->cubin : module->ptx;
    dn_cu_result result = cuda->cu.module_load(out, image, 2, options, values);
    dn_status status = result ? cannot_load(cuda, result, log) : DN_SUCCESS;
    free(log);
    return status;
}

// ---- functions ----

// More shared memory than every device has is to be asked for.
static dn_status ask_shared(const dn_cuda *cuda, const dn_cuda_kernel *kernel,
                            dn_cu_function function) {
    int fixed, most;
    if (!kernel->shared) return DN_SUCCESS;
    DN_TRY(dn_cuda_check(cuda, cuda->cu.function_attribute(&fixed, DN_CU_STATIC_SHARED, function),
                         kernel->symbol));
    if (kernel->shared + fixed <= SHARED_UNASKED) return DN_SUCCESS;
    DN_TRY(dn_cuda_check(cuda, cuda->cu.device_attribute(&most, DN_CU_MOST_SHARED, cuda->device),
                         kernel->symbol));
    if (kernel->shared + fixed > most)
        return dn_fail(DN_UNSUPPORTED,
                       "%s needs %d bytes of shared memory, and a block of %s has at most %d",
                       kernel->symbol, kernel->shared + fixed, cuda->name, most);
    return dn_cuda_check(cuda,
                         cuda->cu.function_set(function, DN_CU_DYNAMIC_SHARED, kernel->shared),
                         kernel->symbol);
}

static dn_status find_functions(dn_cuda *cuda, dn_cuda_loaded *in) {
    int n = in->code->n_kernels + DN_CUDA_RANDOMS;
    in->functions = dn_xcalloc((size_t)n, sizeof *in->functions);
    for (int i = 0; i < n; i++) {
        const dn_cuda_kernel *kernel = &in->kernels[i];
        if (!kernel->symbol) continue;
        DN_TRY(dn_cuda_check(
            cuda, cuda->cu.module_function(&in->functions[i], in->module, kernel->symbol),
            kernel->symbol));
        DN_TRY(ask_shared(cuda, kernel, in->functions[i]));
    }
    return DN_SUCCESS;
}

dn_status dn_cuda_load(dn_cuda *cuda, dn_cuda_loaded *in) {
    int best = best_module(cuda, in->code);
    if (best < 0) return no_module(cuda, in->code);
    in->kernels = in->code->kernels[best];
    DN_TRY(load(cuda, &in->code->modules[best], &in->module));
    return find_functions(cuda, in);
}

void dn_cuda_unload(dn_cuda *cuda, dn_cuda_loaded *in) {
    if (in->module) cuda->cu.module_free(in->module);
    free(in->functions);
}
