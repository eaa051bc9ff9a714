// PTX run by the machine, without a driver.
#ifndef CUDASIM_MACHINE_TRIAL_H
#define CUDASIM_MACHINE_TRIAL_H

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "tests/check.h"
#include "tests/cudasim/sim.h"

#define PTX_HEADER ".version 8.5\n.target sm_90a\n.address_size 64\n"

static inline sim_module *load_ptx(const char *ptx) {
    char log[512];
    sim_module *module = sim_module_load(ptx, log, sizeof log);
    CHECK(module, "%s", log);
    return module;
}

static inline int count_problems(void) {
    int n = 0;
    for (int kind = 0; kind < SIM_PROBLEM_KINDS; kind++) n += sim_problems((sim_problem_kind)kind);
    return n;
}

typedef struct shape {
    uint32_t grid, block, shared;
} shape;

// False: it was stopped.
static inline bool launch(sim_module *module, const char *kernel, shape at,
                          const void *const *params) {
    sim_function *function = module ? sim_module_function(module, kernel) : NULL;
    CHECK(function, "there is no kernel %s", kernel);
    if (!function) return false;
    sim_launch how = {{at.grid, 1, 1}, {at.block, 1, 1}, {1, 1, 1}, at.shared, params};
    int error = 0;
    return sim_run(function, &how, &error);
}

// Memory that the host may read and write.
static inline void *device_memory(size_t bytes, bool written) {
    uint64_t base = sim_memory_new(bytes, SIM_DEVICE);
    CHECK(base);
    if (written) {
        memset((void *)(uintptr_t)base, 0, bytes);
        sim_memory_mark(base, bytes);
    }
    return (void *)(uintptr_t)base;
}

static inline void free_memory(void *memory) { sim_memory_free((uint64_t)(uintptr_t)memory); }

// Runs a body in a kernel with two pointers, %in and %out, and checks that nothing is wrong.
static inline void run_body(const char *body, shape at, const void *in, void *out) {
    static char text[1 << 16];
    snprintf(text, sizeof text,
             PTX_HEADER
             ".visible .entry k(.param .u64 p_in, .param .u64 p_out)\n{\n"
             ".reg .b64 %%in, %%out, %%at;\n.reg .b32 %%t;\n"
             "ld.param.u64 %%in, [p_in];\nld.param.u64 %%out, [p_out];\nmov.u32 %%t, %%tid.x;\n"
             "%s\nret;\n}\n",
             body);
    sim_module *module = load_ptx(text);
    if (!module) {
        fprintf(stderr, "%s\n", body);
        return;
    }
    int before = count_problems();
    const void *params[] = {&in, &out};
    CHECK(launch(module, "k", at, params), "in %s", body);
    CHECK(count_problems() == before, "in %s", body);
    sim_module_free(module);
}

#endif
