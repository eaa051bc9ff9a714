// Names and texts of what the driver answers. These two work before cuInit and take no lock.
#include "tests/cudasim/driver.h"

static const struct error {
    CUresult code;
    const char *name, *text;
} errors[] = {
#define SIM_ERROR(code, name, text) {name, #name, text},
#include "tests/cudasim/driver_error.def"
#undef SIM_ERROR
};

static const struct error *find(CUresult code) {
    for (size_t i = 0; i < sizeof errors / sizeof *errors; i++) {
        if (errors[i].code == code) return &errors[i];
    }
    return NULL;
}

CUresult cuGetErrorName(CUresult error, const char **name) {
    const struct error *found = find(error);
    if (name) *name = found ? found->name : NULL;
    return found && name ? CUDA_SUCCESS : CUDA_ERROR_INVALID_VALUE;
}

CUresult cuGetErrorString(CUresult error, const char **text) {
    const struct error *found = find(error);
    if (text) *text = found ? found->text : NULL;
    return found && text ? CUDA_SUCCESS : CUDA_ERROR_INVALID_VALUE;
}
