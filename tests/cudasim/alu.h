// Running functions of lanes under a mask.
#ifndef CUDASIM_ALU_H
#define CUDASIM_ALU_H

#include "tests/cudasim/machine.h"

// Copies the lanes of `mask` of a result to a register.
void sim_blend(void *d, const void *result, uint32_t mask, int lane_bytes);
// d = lanes(a, b, c) for the lanes of `mask`.
void sim_run_lanes(sim_warp *warp, const sim_instr *i, uint32_t mask);

static inline void sim_set_pred(sim_warp *warp, sim_slot slot, uint32_t mask, uint32_t value) {
    uint32_t *pred = sim_pred(warp, slot);
    *pred = (*pred & ~mask) | (value & mask);
}

static inline uint32_t sim_get_pred(const sim_warp *warp, sim_slot slot) {
    const uint32_t *pred = sim_source(warp, slot);
    return *pred;
}

// The value of a register in one lane; `bytes` as it is in registers: 4 or 8.
static inline uint64_t sim_lane_value(const void *lanes, int bytes, int lane) {
    return bytes == 8 ? ((const uint64_t *)lanes)[lane] : ((const uint32_t *)lanes)[lane];
}

#endif
