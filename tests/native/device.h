// For tests of kernels for GPUs: memory and launches of the simulated device.
#ifndef DN_TESTS_DEVICE_H
#define DN_TESTS_DEVICE_H

#include <stdlib.h>
#include <string.h>

#include "runtime/cuda/cuda.h"
#include "tests/check.h"
#include "tests/cudasim/sim.h"

static inline void *device_new(size_t bytes) {
    void *at = (void *)sim_memory_new(bytes ? bytes : 1, SIM_DEVICE);
    CHECK(at, "no memory");
    if (!at) exit(1);
    return at;
}

static inline void *device_copy(const void *from, size_t bytes) {
    void *at = device_new(bytes);
    memcpy(at, from, bytes);
    sim_memory_mark((uint64_t)at, bytes);
    return at;
}

static inline void device_free(void *at) { CHECK(sim_memory_free((uint64_t)at)); }

static inline sim_module *device_load(const char *ptx) {
    char log[1000];
    sim_module *module = sim_module_load(ptx, log, sizeof log);
    CHECK(module, "%s", log);
    if (!module) exit(1);
    return module;
}

static inline void device_run(sim_module *module, const dn_cuda_kernel *kernel,
                              const void *const *params) {
    sim_function *function = sim_module_function(module, kernel->symbol);
    sim_launch launch = {.grid = {(uint32_t)kernel->grid, 1, 1},
                         .block = {(uint32_t)kernel->block, 1, 1},
                         .cluster = {1, 1, 1},
                         .shared = (uint32_t)kernel->shared,
                         .params = params};
    int error = 0;
    CHECK(function && sim_run(function, &launch, &error), "%s: error %d", kernel->symbol, error);
}

#endif
