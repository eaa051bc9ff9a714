// Who accessed memory last: three stamps for each word of four bytes, from which races are found.
//
// A stamp says where (launch and block), who (agent and lane), when (the agent's clock), whether
// atomically, and which of the four bytes. An agent is a warp, or the block's unit for bulk copies.
// Its clock ticks where it synchronises with others; `seen` of a warp is, for each agent, the clock
// up to which everything happened before what the warp does now.
#ifndef CUDASIM_SHADOW_H
#define CUDASIM_SHADOW_H

#include <stdbool.h>
#include <stdint.h>

enum {
    SIM_CELL_BYTES = 4,
    SIM_ALL_BYTES = 15,
    SIM_CLOCK_BIT = 4,
    SIM_CLOCK_BITS = 18,
    SIM_ATOMIC_BIT = SIM_CLOCK_BIT + SIM_CLOCK_BITS,
    SIM_LANE_BIT = SIM_ATOMIC_BIT + 1,
    SIM_LANE_BITS = 6,
    SIM_AGENT_BIT = SIM_LANE_BIT + SIM_LANE_BITS,
    SIM_AGENT_BITS = 6,
    SIM_BLOCK_BIT = SIM_AGENT_BIT + SIM_AGENT_BITS,
    SIM_BLOCK_BITS = 15,
    SIM_LAUNCH_BIT = SIM_BLOCK_BIT + SIM_BLOCK_BITS,
    SIM_LAUNCH_BITS = 14,

    SIM_MOST_CLOCK = (1 << SIM_CLOCK_BITS) - 1,
    SIM_LANE_SEVERAL = 32,  // lanes read the same bytes
    SIM_LANE_MIXED = 33,    // lanes accessed different bytes
    SIM_LANE_PENDING = 34,  // an asynchronous copy that nobody waited for yet
    SIM_AGENT_BULK = 32,    // bulk copies
    SIM_AGENTS = 33,
};

typedef struct sim_cell {
    uint64_t write;
    uint64_t read, other;  // of two different agents, the later one first
} sim_cell;

static inline unsigned sim_stamp_lane(uint64_t stamp) {
    return (unsigned)(stamp >> SIM_LANE_BIT) & ((1u << SIM_LANE_BITS) - 1);
}
static inline unsigned sim_stamp_agent(uint64_t stamp) {
    return (unsigned)(stamp >> SIM_AGENT_BIT) & ((1u << SIM_AGENT_BITS) - 1);
}
static inline unsigned sim_stamp_clock(uint64_t stamp) {
    return (unsigned)(stamp >> SIM_CLOCK_BIT) & SIM_MOST_CLOCK;
}

// What `me` may not touch without being ordered behind it.
typedef struct sim_order {
    const uint32_t *seen;  // of each agent
    bool global;           // stamps of other blocks of this launch are conflicts
} sim_order;

// Each returns a stamp that `me` races with, or 0. A race of two writes of the same value is none:
// `same` says that the bytes are what is there already.
uint64_t sim_shadow_read(sim_cell *cell, uint64_t me, const sim_order *order);
uint64_t sim_shadow_write(sim_cell *cell, uint64_t me, const sim_order *order, bool same);

#endif
