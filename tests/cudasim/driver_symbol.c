// cuGetProcAddress: functions by the name without the version.
#include <string.h>

#include "tests/cudasim/driver_state.h"

// Those that a name means, the newest first; `since` is the driver version that brought it.
static const struct symbol {
    const char *name;
    void *function;
    int since;
} symbols[] = {
#define SIM_FUNCTION(name, function, since) {#name, (void *)function, since},
#include "tests/cudasim/driver_functions.def"
#undef SIM_FUNCTION
};

static CUresult find(const char *name, void **function, int version, int *status) {
    if (!name || !function) return CUDA_ERROR_INVALID_VALUE;
    *function = NULL;
    for (size_t i = 0; i < sizeof symbols / sizeof *symbols && !*function; i++) {
        if (strcmp(symbols[i].name, name) == 0 && version >= symbols[i].since) {
            *function = symbols[i].function;
        }
    }
    if (status) {
        *status = *function ? CU_GET_PROC_ADDRESS_SUCCESS : CU_GET_PROC_ADDRESS_SYMBOL_NOT_FOUND;
    }
    if (*function) return CUDA_SUCCESS;
    return sim_refuse(CUDA_ERROR_NOT_FOUND, "%s is not simulated", name);
}
CUresult cuGetProcAddress_v2(const char *symbol, void **function, int version, uint64_t flags,
                             int *status) {
    (void)flags;
    SIM_CALL(SIM_NOTHING, find(symbol, function, version, status));
}
CUresult cuGetProcAddress(const char *symbol, void **function, int version, uint64_t flags) {
    (void)flags;
    SIM_CALL(SIM_NOTHING, find(symbol, function, version, NULL));
}
