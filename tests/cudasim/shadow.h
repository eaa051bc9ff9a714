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

// ---- accesses: each instruction that touches memory runs these for each word ----

#define SIM_FIELD(bit, bits) (((1ull << (bits)) - 1) << (bit))
#define SIM_STAMP_LANE SIM_FIELD(SIM_LANE_BIT, SIM_LANE_BITS)
#define SIM_STAMP_CLOCK SIM_FIELD(SIM_CLOCK_BIT, SIM_CLOCK_BITS)
#define SIM_STAMP_ATOMIC (1ull << SIM_ATOMIC_BIT)
#define SIM_STAMP_BYTES ((uint64_t)SIM_ALL_BYTES)

// Cells of global memory are shared by blocks that run at the same time: whole words, no order.
static inline uint64_t sim_stamp_get(const uint64_t *word) {
    return __atomic_load_n(word, __ATOMIC_RELAXED);
}
static inline void sim_stamp_set(uint64_t *word, uint64_t value) {
    __atomic_store_n(word, value, __ATOMIC_RELAXED);
}

static inline uint64_t sim_stamp_with_lane(uint64_t stamp, unsigned lane) {
    return (stamp & ~SIM_STAMP_LANE) | (uint64_t)lane << SIM_LANE_BIT;
}

static inline bool sim_stamp_same_block(uint64_t a, uint64_t b) {
    return (a ^ b) >> SIM_BLOCK_BIT == 0;
}
static inline bool sim_stamp_same_agent(uint64_t a, uint64_t b) {
    return (a ^ b) >> SIM_AGENT_BIT == 0;
}

static inline bool sim_stamp_conflicts(uint64_t before, uint64_t me, const sim_order *order) {
    if ((before & me & SIM_STAMP_BYTES) == 0 || (before & me & SIM_STAMP_ATOMIC)) return false;
    if (!sim_stamp_same_block(before, me))
        return order->global && (before ^ me) >> SIM_LAUNCH_BIT == 0;
    unsigned lane = sim_stamp_lane(before);
    if (lane == SIM_LANE_PENDING) return true;
    if (!sim_stamp_same_agent(before, me))
        return sim_stamp_clock(before) > order->seen[sim_stamp_agent(before)];
    return ((before ^ me) & SIM_STAMP_CLOCK) == 0 && ((before ^ me) & SIM_STAMP_LANE) != 0 &&
           lane != SIM_LANE_MIXED;
}

// Two accesses of one agent in one interval.
static inline uint64_t sim_stamp_merge(uint64_t before, uint64_t me) {
    uint64_t merged = me | (before & SIM_STAMP_BYTES);
    if ((before & SIM_STAMP_ATOMIC) == 0) merged &= ~SIM_STAMP_ATOMIC;
    if (((before ^ me) & SIM_STAMP_LANE) == 0) return merged;
    if (sim_stamp_lane(before) == SIM_LANE_PENDING || sim_stamp_lane(me) == SIM_LANE_PENDING)
        return sim_stamp_with_lane(merged, SIM_LANE_PENDING);
    bool several =
        ((before ^ me) & SIM_STAMP_BYTES) == 0 && sim_stamp_lane(before) != SIM_LANE_MIXED;
    return sim_stamp_with_lane(merged, several ? SIM_LANE_SEVERAL : SIM_LANE_MIXED);
}

// Returns a stamp that `me` races with, or 0.
static inline uint64_t sim_shadow_read(sim_cell *cell, uint64_t me, const sim_order *order) {
    uint64_t write = sim_stamp_get(&cell->write), read = sim_stamp_get(&cell->read);
    uint64_t race = write != 0 && sim_stamp_conflicts(write, me, order) ? write : 0;
    if (sim_stamp_same_agent(read, me)) {
        bool same_interval = ((read ^ me) & SIM_STAMP_CLOCK) == 0;
        uint64_t now = same_interval ? sim_stamp_merge(read, me) : me;
        if (now != read) sim_stamp_set(&cell->read, now);
    } else {
        sim_stamp_set(&cell->other, read);
        sim_stamp_set(&cell->read, me);
    }
    return race;
}

// The same. A race of two writes of one value is none: `same` says that the bytes are there
// already.
static inline uint64_t sim_shadow_write(sim_cell *cell, uint64_t me, const sim_order *order,
                                        bool same) {
    uint64_t write = sim_stamp_get(&cell->write), read = sim_stamp_get(&cell->read),
             other = sim_stamp_get(&cell->other);
    uint64_t race = 0;
    if (read != 0 && sim_stamp_conflicts(read, me, order)) race = read;
    if (other != 0 && sim_stamp_conflicts(other, me, order)) race = other;
    if (!same && write != 0 && sim_stamp_conflicts(write, me, order)) race = write;
    bool same_interval = sim_stamp_same_agent(write, me) && ((write ^ me) & SIM_STAMP_CLOCK) == 0;
    if (same_interval && (write & SIM_STAMP_BYTES) != (me & SIM_STAMP_BYTES) &&
        ((write ^ me) & SIM_STAMP_LANE) != 0)
        me = sim_stamp_with_lane(me | (write & SIM_STAMP_BYTES), SIM_LANE_MIXED);
    sim_stamp_set(&cell->write, me);
    if ((me & SIM_STAMP_BYTES) == SIM_STAMP_BYTES && read != 0) {
        sim_stamp_set(&cell->read, 0);
        sim_stamp_set(&cell->other, 0);
    }
    return race;
}

#endif
