// A block: its warps, one after the other, each until it has to wait.
#include <string.h>

#include "tests/cudasim/machine.h"

static bool ready(const sim_warp *warp) {
    for (int k = 0; k < warp->n_fragments; k++)
        if (warp->fragments[k].state == SIM_READY) return true;
    return false;
}

static bool run_ready(sim_cta *cta) {
    bool any = false, reverse = cta->reverse;
    for (int k = 0; k < cta->n_warps; k++) {
        sim_warp *warp = &cta->warps[reverse ? cta->n_warps - 1 - k : k];
        if (!ready(warp)) continue;
        any = true;
        sim_warp_run(warp);
        if (atomic_load(&cta->grid->error)) return true;
    }
    return sim_barriers_complete(cta) || any;
}

static bool ended(const sim_cta *cta) {
    for (int w = 0; w < cta->n_warps; w++)
        if (cta->warps[w].live) return false;
    return true;
}

// All that live wait at bar.warp.sync, though not at the same one: that is as good.
static bool pass_warp_barriers(sim_warp *warp) {
    uint32_t here = 0;
    for (int k = 0; k < warp->n_fragments; k++) {
        const sim_fragment *f = &warp->fragments[k];
        if (f->state == SIM_GATHERS && sim_is_warp_barrier(f->waits)) here |= f->mask;
    }
    if (here != warp->live || !here) return false;
    for (int k = 0; k < warp->n_fragments; k++) {
        warp->fragments[k].state = SIM_READY;
        warp->fragments[k].pc++;
    }
    sim_warp_tick(warp);
    return true;
}

// Lanes that wait for others of their warp, which will not come.
static bool force_gatherings(sim_cta *cta) {
    bool any = false;
    for (int w = 0; w < cta->n_warps; w++) {
        sim_warp *warp = &cta->warps[w];
        any |= pass_warp_barriers(warp);
        for (int k = 0; k < warp->n_fragments; k++) {
            sim_fragment *f = &warp->fragments[k];
            if (f->state != SIM_GATHERS) continue;
            sim_report(warp, f->waits, __builtin_ctz(f->mask), SIM_DIVERGENT_BARRIER,
                       "only threads 0x%x of a warp come here; others wait elsewhere", f->mask);
            f->state = SIM_READY;
            warp->forced = any = true;
        }
    }
    return any;
}

static void report_deadlock(sim_cta *cta, const char *why) {
    for (int w = 0; w < cta->n_warps; w++) {
        sim_warp *warp = &cta->warps[w];
        if (!warp->live) continue;
        const sim_fragment *f = &warp->fragments[0];
        const sim_instr *i = f->state == SIM_READY ? &cta->program->code[f->pc] : f->waits;
        sim_report(warp, i, __builtin_ctz(f->mask), SIM_DEADLOCK, "%s", why);
        sim_stop(warp, SIM_ERROR_TIMEOUT);
        return;
    }
}

void sim_cta_run(sim_cta *cta) {
    while (!atomic_load(&cta->grid->error)) {
        if (cta->spins > SIM_MOST_SPINS) {
            report_deadlock(cta, "the block runs on and on, and nothing happens");
        } else if (run_ready(cta)) {
            continue;
        } else if (ended(cta)) {
            while (sim_bulk_progress(cta)) continue;
            return;
        } else if (!sim_bulk_progress(cta) && !force_gatherings(cta) &&
                   !sim_mbarriers_time_out(cta)) {
            report_deadlock(cta, "all threads of the block wait, and nothing can end it");
        }
    }
}
