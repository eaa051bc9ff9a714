// A warp: its fragments (lanes that are at the same place), which of them runs, where they meet.
#include <limits.h>
#include <string.h>

#include "tests/cudasim/alu.h"

// Instructions after which another warp has its turn; another fragment, of a warp that diverged.
enum { SLICE = 10000, FRAGMENT_SLICE = 4000 };

static void save(sim_warp *warp) {
    sim_fragment *f = &warp->fragments[warp->current];
    f->mask = warp->active;
    f->pc = warp->pc;
}

static bool same_place(const sim_fragment *a, const sim_fragment *b) {
    return a->pc == b->pc && a->depth == b->depth &&
           memcmp(a->returns, b->returns, (size_t)a->depth * sizeof *a->returns) == 0;
}

static void drop(sim_warp *warp, int k) {
    warp->n_fragments--;
    warp->fragments[k] = warp->fragments[warp->n_fragments];
    if (warp->current == warp->n_fragments) warp->current = k;
}

// Ready fragments at one place become one.
static void merge(sim_warp *warp) {
    for (int a = 0; a < warp->n_fragments; a++) {
        for (int b = warp->n_fragments - 1; b > a; b--) {
            sim_fragment *fa = &warp->fragments[a], *fb = &warp->fragments[b];
            if (fa->state != SIM_READY || fb->state != SIM_READY || !same_place(fa, fb)) continue;
            fa->mask |= fb->mask;
            drop(warp, b);
        }
    }
}

static void set_limit(sim_warp *warp) {
    warp->limit = INT_MAX;
    for (int k = 0; k < warp->n_fragments; k++) {
        const sim_fragment *f = &warp->fragments[k];
        if (k != warp->current && f->state == SIM_READY && f->pc < warp->limit) warp->limit = f->pc;
    }
}

static void enter(sim_warp *warp, int k) {
    warp->current = k;
    warp->active = warp->fragments[k].mask;
    warp->pc = warp->fragments[k].pc;
    set_limit(warp);
}

// The ready fragment that is furthest behind; false: none is.
static bool choose(sim_warp *warp) {
    merge(warp);
    int best = -1;
    for (int k = 0; k < warp->n_fragments; k++) {
        const sim_fragment *f = &warp->fragments[k];
        if (f->state == SIM_READY && (best < 0 || f->pc < warp->fragments[best].pc)) best = k;
    }
    if (best < 0) return false;
    enter(warp, best);
    return true;
}

// A fragment that runs on and on may wait for another one, or for another warp.
static void take_turns(sim_warp *warp) {
    save(warp);
    merge(warp);
    warp->fuel = warp->n_fragments > 1 ? FRAGMENT_SLICE : SLICE;
    warp->cta->spins += (uint64_t)warp->fuel;
    for (int k = 1; k < warp->n_fragments && warp->turn < 0; k++) {
        int next = (warp->current + k) % warp->n_fragments;
        if (warp->fragments[next].state == SIM_READY) warp->turn = next;
    }
}

static bool begin(sim_warp *warp) {
    int turn = warp->turn;
    warp->turn = -1;
    if (turn < 0 || turn >= warp->n_fragments || warp->fragments[turn].state != SIM_READY)
        return choose(warp);
    enter(warp, turn);
    warp->limit = INT_MAX;
    return true;
}

// ---- registers that were never written ----

static void track(sim_warp *warp, const sim_instr *i, uint32_t mask) {
    const sim_tracked *t = i->tracked;
    uint32_t all = UINT32_MAX, any = t->others || !t->n_uses ? UINT32_MAX : 0;
    for (int k = 0; k < t->n_uses; k++) {
        all &= warp->written[t->ids[k]];
        any |= warp->written[t->ids[k]];
    }
    if (!t->copies && (mask & ~all))
        sim_report(warp, i, __builtin_ctz(mask & ~all), SIM_UNWRITTEN,
                   "reads a register that nothing wrote");
    uint32_t value = t->copies ? any : UINT32_MAX;
    for (int k = 0; k < t->n_defs; k++) {
        uint32_t *written = &warp->written[t->ids[t->n_uses + k]];
        *written = (*written & ~mask) | (value & mask);
    }
}

// ---- the loop ----

void sim_warp_run(sim_warp *warp) {
    const sim_program *program = warp->cta->program;
    const sim_instr *code = program->code;
    if (!begin(warp)) return;
    for (;;) {
        if (warp->pc >= warp->limit) {
            save(warp);
            if (!choose(warp)) return;
        }
        const sim_instr *i = &code[warp->pc];
        uint32_t mask = warp->active;
        if (i->guard != SIM_NONE) {
            uint32_t guard = sim_get_pred(warp, i->guard);
            mask &= i->guard_negated ? ~guard : guard;
        }
        warp->pc++;
        if (mask) {
            if (i->tracked) track(warp, i, mask);
            i->run(warp, i, mask);
        }
        if (--warp->fuel > 0) continue;
        take_turns(warp);
        return;
    }
}

void sim_warp_start(sim_warp *warp, uint32_t lanes) {
    const sim_program *program = warp->cta->program;
    warp->live = lanes;
    warp->n_fragments = 1;
    warp->current = 0;
    warp->fragments[0] = (sim_fragment){.mask = lanes, .pc = program->start, .state = SIM_READY};
    warp->fuel = SLICE;
    warp->turn = -1;
    warp->forced = false;
    warp->carry = 0;
    warp->clock = 1;
    warp->dirty = false;
    memset(warp->seen, 0, sizeof warp->seen);
    warp->proxy_clock = 0;
    memset(warp->proxy_seen, 0, sizeof warp->proxy_seen);
    if (program->n_tracked)
        memset(warp->written, 0, (size_t)program->n_tracked * sizeof *warp->written);
}

void sim_warp_tick(sim_warp *warp) {
    if (warp->dirty && warp->clock < SIM_MOST_CLOCK) warp->clock++;
    warp->dirty = false;
}

// After this the loop goes on with another fragment, or ends.
static void leave(sim_warp *warp) { warp->limit = INT_MIN; }

void sim_warp_block(sim_warp *warp, const sim_instr *i, sim_state state) {
    sim_fragment *f = &warp->fragments[warp->current];
    f->state = state;
    f->waits = i;
    leave(warp);
}

void sim_warp_split(sim_warp *warp, uint32_t mask, int pc) {
    if (mask == warp->active) return;
    sim_fragment *rest = &warp->fragments[warp->n_fragments++];
    *rest = warp->fragments[warp->current];
    rest->mask = warp->active & ~mask;
    rest->pc = pc;
    rest->state = SIM_READY;
    warp->active = mask;
    if (pc < warp->limit) warp->limit = pc;
}

void sim_warp_exit(sim_warp *warp, uint32_t mask) {
    warp->live &= ~mask;
    warp->active &= ~mask;
    for (int k = 0; k < warp->n_fragments; k++) {
        sim_fragment *f = &warp->fragments[k];
        if (f->state != SIM_GATHERS) continue;
        f->state = SIM_READY;
        if (f->expects & mask)
            sim_report(warp, f->waits, __builtin_ctz(f->mask), SIM_DIVERGENT_BARRIER,
                       "threads 0x%x of the warp end and do not come here", f->expects & mask);
    }
    if (warp->active) {
        save(warp);
        set_limit(warp);
        return;
    }
    // The last fragment takes the place of this one; the loop chooses anew.
    sim_fragment *f = &warp->fragments[warp->current];
    *f = warp->fragments[--warp->n_fragments];
    if (warp->current == warp->n_fragments) warp->current = 0;
    warp->active = warp->fragments[warp->current].mask;
    warp->pc = warp->fragments[warp->current].pc;
    leave(warp);
}

// Lanes that are not just about to end.
static uint32_t staying(const sim_warp *warp, uint32_t lanes) {
    const sim_instr *code = warp->cta->program->code;
    for (int k = 0; k < warp->n_fragments; k++) {
        const sim_fragment *f = &warp->fragments[k];
        if (k != warp->current && f->depth == 0 && code[f->pc].leaves) lanes &= ~f->mask;
    }
    return lanes;
}

bool sim_warp_gather(sim_warp *warp, const sim_instr *i, uint32_t mask, uint32_t need) {
    need &= warp->live;
    if ((mask & need) == need || warp->forced) return true;
    sim_warp_split(warp, mask, warp->pc);
    int here = warp->pc - 1;
    sim_fragment *own = &warp->fragments[warp->current];
    own->pc = here;
    for (int k = 0; k < warp->n_fragments; k++) {
        sim_fragment *f = &warp->fragments[k];
        if (k == warp->current || f->state != SIM_GATHERS || !(f->mask & need) ||
            !same_place(f, own))
            continue;
        f->state = SIM_READY;  // they meet here, and try again together
        warp->pc = here;
        leave(warp);
        return false;
    }
    warp->pc = here;
    own->expects = staying(warp, need & ~mask);
    sim_warp_block(warp, i, SIM_GATHERS);
    return false;
}
