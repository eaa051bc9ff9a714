#include "runtime/cuda/driver.h"

#include <dlfcn.h>
#include <stdlib.h>

static const char default_library[] = "libcuda.so.1";

static dn_status no_driver(const char *path) {
    const char *why = dlerror();
    return dn_with_note(dn_fail(DN_UNSUPPORTED, "there is no NVIDIA driver"), "%s",
                        why ? why : path);
}

static dn_status find(dn_cu *cu, const char *symbol, void *function) {
    void *found = dlsym(cu->library, symbol);
    if (!found)
        return dn_with_hint(dn_fail(DN_UNSUPPORTED, "the NVIDIA driver has no %s", symbol),
                            "a driver for CUDA 12.0 or later is needed");
    *(void **)function = found;
    return DN_SUCCESS;
}

static dn_status find_all(dn_cu *cu) {
#define FUNCTION(name, symbol, parameters) DN_TRY(find(cu, symbol, &cu->name));
    DN_CU_FUNCTIONS(FUNCTION)
#undef FUNCTION
    return DN_SUCCESS;
}

// It stays in the process: a driver has threads of its own.
dn_status dn_cu_open(dn_cu *cu) {
    const char *path = getenv("DNET_CUDA_DRIVER");
    if (!path || !*path) path = default_library;
    *cu = (dn_cu){.library = dlopen(path, RTLD_NOW | RTLD_LOCAL | RTLD_NODELETE)};
    if (!cu->library) return no_driver(path);
    dn_status status = find_all(cu);
    if (status) dn_cu_close(cu);
    return status;
}

void dn_cu_close(dn_cu *cu) {
    if (cu->library) dlclose(cu->library);
    *cu = (dn_cu){0};
}

bool dn_cu_is_kernel_failure(dn_cu_result result) {
    return result == DN_CU_ILLEGAL_ADDRESS || result == DN_CU_TIMEOUT || result == DN_CU_ASSERT ||
           (result >= DN_CU_STACK_ERROR && result <= DN_CU_LAUNCH_FAILED);
}

static dn_code code_of(dn_cu_result result) {
    if (result == DN_CU_OUT_OF_MEMORY) return DN_MEMORY;
    return dn_cu_is_kernel_failure(result) ? DN_INTERNAL : DN_IO;
}

dn_status dn_cu_check(const dn_cu *cu, dn_cu_result result, const char *what) {
    if (result == 0) return DN_SUCCESS;
    const char *name = NULL, *text = NULL;
    if (cu->error_name(result, &name) != 0 || !name)
        return dn_fail(code_of(result), "%s: CUDA error %d", what, result);
    if (cu->error_text(result, &text) != 0 || !text) text = "no more is known";
    return dn_fail(code_of(result), "%s: %s, %s", what, name, text);
}
