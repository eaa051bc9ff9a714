#include "tests/cudasim/shadow.h"

#define FIELD(bit, bits) (((1ull << (bits)) - 1) << (bit))
#define LANE FIELD(SIM_LANE_BIT, SIM_LANE_BITS)
#define CLOCK FIELD(SIM_CLOCK_BIT, SIM_CLOCK_BITS)
#define ATOMIC (1ull << SIM_ATOMIC_BIT)
#define BYTES ((uint64_t)SIM_ALL_BYTES)

// Cells of global memory are shared by blocks that run at the same time: whole words, no order.
static uint64_t get(const uint64_t *word) { return __atomic_load_n(word, __ATOMIC_RELAXED); }
static void set(uint64_t *word, uint64_t value) { __atomic_store_n(word, value, __ATOMIC_RELAXED); }

static uint64_t with_lane(uint64_t stamp, unsigned lane) {
    return (stamp & ~LANE) | (uint64_t)lane << SIM_LANE_BIT;
}

static bool same_block(uint64_t a, uint64_t b) { return (a ^ b) >> SIM_BLOCK_BIT == 0; }
static bool same_agent(uint64_t a, uint64_t b) { return (a ^ b) >> SIM_AGENT_BIT == 0; }

static bool conflicts(uint64_t before, uint64_t me, const sim_order *order) {
    if ((before & me & BYTES) == 0 || (before & me & ATOMIC)) return false;
    if (!same_block(before, me)) return order->global && (before ^ me) >> SIM_LAUNCH_BIT == 0;
    unsigned lane = sim_stamp_lane(before);
    if (lane == SIM_LANE_PENDING) return true;
    if (!same_agent(before, me))
        return sim_stamp_clock(before) > order->seen[sim_stamp_agent(before)];
    return ((before ^ me) & CLOCK) == 0 && ((before ^ me) & LANE) != 0 && lane != SIM_LANE_MIXED;
}

// Two accesses of one agent in one interval.
static uint64_t merge(uint64_t before, uint64_t me) {
    uint64_t merged = me | (before & BYTES);
    if ((before & ATOMIC) == 0) merged &= ~ATOMIC;
    if (((before ^ me) & LANE) == 0) return merged;
    bool several = ((before ^ me) & BYTES) == 0 && sim_stamp_lane(before) != SIM_LANE_MIXED;
    return with_lane(merged, several ? SIM_LANE_SEVERAL : SIM_LANE_MIXED);
}

uint64_t sim_shadow_read(sim_cell *cell, uint64_t me, const sim_order *order) {
    uint64_t write = get(&cell->write), read = get(&cell->read);
    uint64_t race = write != 0 && conflicts(write, me, order) ? write : 0;
    if (same_agent(read, me)) {
        bool same_interval = ((read ^ me) & CLOCK) == 0;
        uint64_t now = same_interval ? merge(read, me) : me;
        if (now != read) set(&cell->read, now);
    } else {
        set(&cell->other, read);
        set(&cell->read, me);
    }
    return race;
}

uint64_t sim_shadow_write(sim_cell *cell, uint64_t me, const sim_order *order, bool same) {
    uint64_t write = get(&cell->write), read = get(&cell->read), other = get(&cell->other);
    uint64_t race = 0;
    if (read != 0 && conflicts(read, me, order)) race = read;
    if (other != 0 && conflicts(other, me, order)) race = other;
    if (!same && write != 0 && conflicts(write, me, order)) race = write;
    bool same_interval = same_agent(write, me) && ((write ^ me) & CLOCK) == 0;
    if (same_interval && (write & BYTES) != (me & BYTES) && ((write ^ me) & LANE) != 0)
        me = with_lane(me | (write & BYTES), SIM_LANE_MIXED);
    set(&cell->write, me);
    if ((me & BYTES) == BYTES && read != 0) {
        set(&cell->read, 0);
        set(&cell->other, 0);
    }
    return race;
}
