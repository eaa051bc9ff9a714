#include "tests/cudasim/proxy.h"

#include <string.h>

#include "tests/cudasim/access.h"

static uint64_t stamp_of(const sim_cta *cta, unsigned agent, unsigned lane, uint32_t clock) {
    return cta->shared_where | (uint64_t)agent << SIM_AGENT_BIT | (uint64_t)lane << SIM_LANE_BIT |
           (uint64_t)clock << SIM_CLOCK_BIT | SIM_ALL_BYTES;
}

static void report(sim_warp *warp, const sim_instr *i, int lane, uint32_t at, uint64_t with,
                   const char *how) {
    char who[96];
    sim_describe_stamp(warp, with, who, sizeof who);
    sim_report(warp, i, lane, SIM_RACE, "accesses byte %u of shared memory, which %s accessed, %s",
               at, who, how);
}

// Whether a thread's write was made known to the asynchronous proxy: by its warp or by this one.
static bool is_fenced(const sim_warp *warp, uint64_t write) {
    unsigned agent = sim_stamp_agent(write);
    uint32_t clock = sim_stamp_clock(write);
    if ((write ^ warp->cta->shared_where) >> SIM_BLOCK_BIT != 0 || agent >= SIM_AGENT_BULK)
        return true;
    return warp->cta->warps[agent].proxy_clock > clock || warp->proxy_seen[agent] >= clock;
}

// What happened before the instruction that starts it: also what its own warp did.
static void order_of(sim_warp *warp, uint32_t *seen) {
    sim_warp_tick(warp);
    memcpy(seen, warp->seen, sizeof warp->seen);
    seen[warp->number] = warp->clock - 1;
}

static uint32_t clock_of(const sim_warp *warp, unsigned agent) {
    return agent == SIM_AGENT_BULK ? warp->cta->bulk_clock : warp->clock;
}

void sim_proxy_read(sim_warp *warp, const sim_instr *i, int lane, uint32_t at, uint32_t bytes,
                    unsigned agent) {
    sim_cta *cta = warp->cta;
    uint32_t seen[SIM_AGENTS];
    order_of(warp, seen);
    sim_order order = {seen, false};
    uint64_t stamp = stamp_of(cta, agent, SIM_LANE_PENDING, clock_of(warp, agent));
    for (uint32_t b = at; b < at + bytes; b += SIM_CELL_BYTES) {
        sim_cell *cell = &cta->shared_cells[b / SIM_CELL_BYTES];
        uint64_t write = cell->write, with = sim_shadow_read(cell, stamp, &order);
        if (with)
            report(warp, i, lane, b, with, "with no barrier between");
        else if (!is_fenced(warp, write))
            report(warp, i, lane, b, write, "with no fence.proxy.async between");
        uint32_t written;
        memcpy(&written, cta->shared_written + b, sizeof written);
        if (written != 0x01010101)
            sim_report(warp, i, lane, SIM_UNWRITTEN,
                       "reads byte %u of shared memory, which nothing wrote", b);
    }
}

void sim_proxy_write(sim_warp *warp, const sim_instr *i, int lane, uint32_t at, uint32_t bytes) {
    sim_cta *cta = warp->cta;
    uint32_t seen[SIM_AGENTS];
    order_of(warp, seen);
    sim_order order = {seen, false};
    uint64_t stamp = stamp_of(cta, SIM_AGENT_BULK, SIM_LANE_PENDING, cta->bulk_clock);
    for (uint32_t b = at; b < at + bytes; b += SIM_CELL_BYTES) {
        uint64_t with =
            sim_shadow_write(&cta->shared_cells[b / SIM_CELL_BYTES], stamp, &order, false);
        if (with) report(warp, i, lane, b, with, "with no barrier between");
    }
    memset(cta->shared_written + at, 1, bytes);
}

static bool is_pending(uint64_t stamp, const sim_cta *cta, unsigned agent) {
    return (stamp ^ cta->shared_where) >> SIM_BLOCK_BIT == 0 && sim_stamp_agent(stamp) == agent &&
           sim_stamp_lane(stamp) == SIM_LANE_PENDING;
}

void sim_proxy_read_done(sim_cta *cta, uint32_t at, uint32_t bytes, unsigned agent,
                         uint32_t clock) {
    uint64_t stamp = stamp_of(cta, agent, SIM_LANE_SEVERAL, clock);
    for (uint32_t b = at; b < at + bytes; b += SIM_CELL_BYTES) {
        sim_cell *cell = &cta->shared_cells[b / SIM_CELL_BYTES];
        if (is_pending(cell->read, cta, agent)) cell->read = stamp;
        if (is_pending(cell->other, cta, agent)) cell->other = stamp;
    }
}

void sim_proxy_write_done(sim_cta *cta, uint32_t at, uint32_t bytes, uint32_t clock) {
    uint64_t stamp = stamp_of(cta, SIM_AGENT_BULK, 0, clock);
    for (uint32_t b = at; b < at + bytes; b += SIM_CELL_BYTES)
        cta->shared_cells[b / SIM_CELL_BYTES].write = stamp;
}
