// Where a problem occurred, and what it is near.
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "tests/cudasim/access.h"

void sim_stop(sim_warp *warp, int error) {
    int none = 0;
    atomic_compare_exchange_strong(&warp->cta->grid->error, &none, error);
    for (int k = 0; k < warp->n_fragments; k++) warp->fragments[k].state = SIM_STOPPED;
    warp->limit = -1;  // the loop looks for a fragment and finds none
}

static void name_thread(const sim_cta *cta, int warp, int lane, char *text, size_t bytes) {
    const uint32_t *block = cta->grid->launch->block;
    uint32_t t = (uint32_t)(warp * SIM_LANES + lane);
    snprintf(text, bytes, "(%u, %u, %u)", t % block[0], t / block[0] % block[1],
             t / block[0] / block[1]);
}

void sim_report(sim_warp *warp, const sim_instr *i, int lane, sim_problem_kind kind,
                const char *format, ...) {
    sim_cta *cta = warp->cta;
    const sim_program *program = cta->program;
    _Atomic uint32_t *reported = &cta->grid->function->reported[i - program->code];
    if (atomic_fetch_or(reported, 1u << kind) >> kind & 1) return;
    char what[512], thread[64];
    va_list args;
    va_start(args, format);
    vsnprintf(what, sizeof what, format, args);
    va_end(args);
    name_thread(cta, warp->number, lane, thread, sizeof thread);
    sim_problem(kind, "%s, at line %d: %s (kernel %s, block (%u, %u, %u), thread %s)", what,
                i->line, program->module->lines[i->line], program->kernel->name, cta->index[0],
                cta->index[1], cta->index[2], thread);
}

void sim_describe_address(uint64_t address, char *text, size_t bytes) {
    const sim_block *block = sim_memory_near(address);
    if (!block) {
        snprintf(text, bytes, "0x%llx; nothing is allocated", (unsigned long long)address);
        return;
    }
    uint64_t end = block->base + block->bytes;
    const char *where = address < block->base ? "before" : address >= end ? "behind" : "into";
    uint64_t distance = address < block->base ? block->base - address
                        : address >= end      ? address - end
                                              : address - block->base;
    snprintf(text, bytes, "0x%llx, %llu bytes %s the %s of %zu bytes at 0x%llx",
             (unsigned long long)address, (unsigned long long)distance, where,
             block->freed ? "freed block" : "block", block->bytes, (unsigned long long)block->base);
}

void sim_describe_stamp(const sim_warp *warp, uint64_t stamp, char *text, size_t bytes) {
    const sim_cta *cta = warp->cta;
    unsigned agent = sim_stamp_agent(stamp), lane = sim_stamp_lane(stamp);
    char thread[64];
    const char *own = (stamp ^ cta->global_where) >> SIM_BLOCK_BIT == 0 ||
                              (stamp ^ cta->shared_where) >> SIM_BLOCK_BIT == 0
                          ? ""
                          : " of another block";
    if (agent == SIM_AGENT_BULK) {
        snprintf(text, bytes, "a bulk copy%s", own);
    } else if (lane >= SIM_LANES) {
        snprintf(text, bytes, "%s of warp %u%s",
                 lane == SIM_LANE_PENDING ? "an asynchronous copy" : "threads", agent, own);
    } else {
        name_thread(cta, (int)agent, (int)lane, thread, sizeof thread);
        snprintf(text, bytes, "thread %s%s", thread, own);
    }
}
