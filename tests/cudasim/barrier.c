// Barriers of a block and of a warp, and fences.
#include <string.h>

#include "tests/cudasim/alu.h"
#include "tests/cudasim/decode.h"

enum { SYNC, ARRIVE, RED };
enum { POPC, AND, OR };

// ---- clocks ----

static void join(uint32_t *seen, const uint32_t *with) {
    for (int k = 0; k < SIM_AGENTS; k++)
        if (with[k] > seen[k]) seen[k] = with[k];
}

// What the warp did so far is known to whoever takes `seen` over.
void sim_warp_release(sim_warp *warp, uint32_t *seen) {
    warp->seen[warp->number] = warp->dirty ? warp->clock : warp->clock - 1;
    join(seen, warp->seen);
    sim_warp_tick(warp);
}

void sim_warp_acquire(sim_warp *warp, const uint32_t *seen) { join(warp->seen, seen); }

// ---- bar ----

static uint32_t live_threads(const sim_cta *cta) {
    uint32_t live = 0;
    for (int w = 0; w < cta->n_warps; w++) live += (uint32_t)__builtin_popcount(cta->warps[w].live);
    return live;
}

static bool waits_at(const sim_fragment *f, int barrier) {
    return f->state == SIM_BARRIER && f->barrier == barrier;
}

static void finish(sim_warp *warp, sim_fragment *f, const sim_barrier *barrier) {
    const sim_instr *i = f->waits;
    f->state = SIM_READY;
    sim_warp_acquire(warp, barrier->seen);
    if (i->op != RED) return;
    uint32_t result[SIM_LANES];
    for (int l = 0; l < SIM_LANES; l++) result[l] = barrier->count;
    if (i->mode == POPC)
        sim_blend(warp->registers + i->d, result, f->mask, 4);
    else
        sim_set_pred(warp, i->d, f->mask,
                     (i->mode == AND ? barrier->all : barrier->any) ? UINT32_MAX : 0);
}

// Lets everyone go on if all have come.
static bool complete(sim_cta *cta, int number) {
    sim_barrier *barrier = &cta->barriers[number];
    if (!barrier->in_use) return false;
    uint32_t expected = barrier->expected ? barrier->expected : live_threads(cta);
    if (barrier->arrived < expected) return false;
    for (int w = 0; w < cta->n_warps; w++) {
        sim_warp *warp = &cta->warps[w];
        for (int k = 0; k < warp->n_fragments; k++)
            if (waits_at(&warp->fragments[k], number)) finish(warp, &warp->fragments[k], barrier);
    }
    *barrier = (sim_barrier){0};
    cta->spins = 0;
    cta->reverse = !cta->reverse;
    return true;
}

bool sim_barriers_complete(sim_cta *cta) {
    bool any = false;
    for (int k = 0; k < SIM_BARRIERS; k++) any |= complete(cta, k);
    return any;
}

// Parts of the warp that are past this and still do something else.
static bool others_went_on(const sim_warp *warp) {
    for (int k = 0; k < warp->n_fragments; k++) {
        const sim_fragment *f = &warp->fragments[k];
        if (k == warp->current || f->state != SIM_READY || f->pc < warp->pc) continue;
        if (f->depth > 0 || !warp->cta->program->code[f->pc].leaves) return true;
    }
    return false;
}

// An aligned barrier is one for whole warps.
static bool align(sim_warp *warp, const sim_instr *i, uint32_t mask) {
    if (mask != warp->live && !warp->forced) {
        if (mask != warp->active || others_went_on(warp)) {
            sim_report(warp, i, __builtin_ctz(mask), SIM_DIVERGENT_BARRIER,
                       "only threads 0x%x of a warp come to this barrier, of 0x%x", mask,
                       warp->live);
            warp->forced = true;
        }
    }
    return sim_warp_gather(warp, i, mask, warp->live);
}

static uint32_t uniform(sim_warp *warp, const sim_instr *i, sim_slot slot, uint32_t mask) {
    const uint32_t *value = sim_source(warp, slot);
    uint32_t first = value[__builtin_ctz(mask)];
    for (int l = 0; l < SIM_LANES; l++)
        if ((mask >> l & 1) && value[l] != first) {
            sim_report(warp, i, l, SIM_BAD_INSTRUCTION,
                       "threads of a warp give different operands: %u and %u", first, value[l]);
            break;
        }
    return first;
}

static bool check_counts(sim_warp *warp, const sim_instr *i, uint32_t mask, uint32_t number,
                         uint32_t expected) {
    const char *wrong = NULL;
    if (number > SIM_CLUSTER_BARRIER)
        wrong = "there are 16 barriers";
    else if (expected % SIM_LANES)
        wrong = "the number of threads is no multiple of 32";
    else if (expected > (uint32_t)warp->cta->n_warps * SIM_LANES)
        wrong = "a block has fewer threads";
    else if (warp->cta->barriers[number].in_use && warp->cta->barriers[number].expected != expected)
        wrong = "others wait there for another number of threads";
    if (!wrong) return true;
    sim_report(warp, i, __builtin_ctz(mask), SIM_BAD_INSTRUCTION, "barrier %u, %u threads: %s",
               number, expected, wrong);
    sim_stop(warp, SIM_ERROR_INSTRUCTION);
    return false;
}

static void run_barrier(sim_warp *warp, const sim_instr *i, uint32_t mask) {
    if (i->sat && !align(warp, i, mask)) return;  // sat: .aligned
    uint32_t number = uniform(warp, i, i->a, mask);
    uint32_t expected = i->indirect ? uniform(warp, i, i->b, mask) : 0;
    if (!check_counts(warp, i, mask, number, expected)) return;
    sim_barrier *barrier = &warp->cta->barriers[number];
    if (!barrier->in_use) *barrier = (sim_barrier){.in_use = true, .all = 1, .expected = expected};
    // Counted explicitly, a warp has 32 threads, whatever became of some.
    barrier->arrived += expected && i->sat ? SIM_LANES : (uint32_t)__builtin_popcount(mask);
    sim_warp_release(warp, barrier->seen);
    if (i->op == RED) {
        uint32_t bits = (sim_get_pred(warp, i->c) ^ (i->negated ? UINT32_MAX : 0)) & mask;
        barrier->count += (uint32_t)__builtin_popcount(bits);
        barrier->all &= bits == mask;
        barrier->any |= bits != 0;
    }
    if (i->op == ARRIVE) return;
    sim_warp_split(warp, mask, warp->pc);
    warp->fragments[warp->current].barrier = (int)number;
    sim_warp_block(warp, i, SIM_BARRIER);
}

// bar.warp.sync
static void run_warp_barrier(sim_warp *warp, const sim_instr *i, uint32_t mask) {
    const uint32_t *members = sim_source(warp, i->a);
    uint32_t need = members[__builtin_ctz(mask)];
    if (mask & ~need)
        sim_report(warp, i, __builtin_ctz(mask & ~need), SIM_BAD_INSTRUCTION,
                   "is executed by a thread that is not in its mask 0x%x", need);
    if (sim_warp_gather(warp, i, mask, need)) sim_warp_tick(warp);
}

bool sim_is_warp_barrier(const sim_instr *i) { return i->run == run_warp_barrier; }

// ---- fences ----

static void run_fence(sim_warp *warp, const sim_instr *i, uint32_t mask) {
    (void)mask;
    if (i->mode) {  // fence.proxy.async
        sim_warp_tick(warp);
        warp->proxy_clock = warp->clock;
        memcpy(warp->proxy_seen, warp->seen, sizeof warp->proxy_seen);
    } else if (warp->cta->took) {
        warp->cta->acquired = true;
    }
}

void sim_decode_fence(sim_decoder *d) {
    bool proxy = sim_take(d, "proxy"), async = false;
    for (int k = 1; k < d->statement->n_parts; k++) {
        async |= strncmp(d->statement->parts[k], "async", 5) == 0;
        d->taken[k] = true;
    }
    d->i->mode = proxy && async;
    d->i->run = run_fence;
    if (d->statement->n_operands) d->i->mode = false;  // fence.proxy.tensormap [a], n
}

// ---- decoding ----

static void decode_warp_barrier(sim_decoder *d) {
    sim_take(d, "sync");
    d->i->run = run_warp_barrier;
    sim_use(d, &d->i->a, sim_operand(d, 0), PTX_B32);
}

static void decode_reduction(sim_decoder *d) {
    static const char *const names[] = {"popc", "and", "or", NULL};
    int mode = sim_take_one(d, names);
    if (mode < 0) sim_decode_fail(d, "the reduction is missing");
    d->i->op = RED;
    d->i->mode = (uint8_t)mode;
    ptx_type type = sim_take_type(d);
    int n = d->statement->n_operands;
    sim_define(d, &d->i->d, sim_operand(d, 0), type);
    sim_use(d, &d->i->a, sim_operand(d, 1), PTX_B32);
    d->i->indirect = n == 4;
    if (n == 4) sim_use(d, &d->i->b, sim_operand(d, 2), PTX_B32);
    sim_use(d, &d->i->c, sim_operand(d, n - 1), PTX_PRED);
    d->i->negated = sim_operand(d, n - 1)->negated;
}

static void run_nothing(sim_warp *warp, const sim_instr *i, uint32_t mask) {
    (void)i, (void)mask;
    sim_warp_tick(warp);
}

void sim_decode_barrier(sim_decoder *d) {
    sim_instr *i = d->i;
    bool aligned = strcmp(d->statement->parts[0], "bar") == 0;
    if (sim_take(d, "warp")) {
        decode_warp_barrier(d);
        return;
    }
    if (sim_take(d, "cluster")) {  // of one block: the barrier of the block, its first half nothing
        bool arrives = sim_take(d, "arrive");
        sim_take(d, "wait");
        sim_take(d, "release");
        sim_take(d, "relaxed");
        sim_take(d, "acquire");
        i->sat = sim_take(d, "aligned");
        i->run = arrives ? run_nothing : run_barrier;
        i->a = sim_constant(d, 4, SIM_CLUSTER_BARRIER, 0);
        return;
    }
    sim_take(d, "cta");
    bool reduces = sim_take(d, "red"), arrives = sim_take(d, "arrive");
    if (!reduces && !arrives) sim_take(d, "sync");
    i->sat = sim_take(d, "aligned") || aligned;
    i->run = run_barrier;
    if (reduces) {
        decode_reduction(d);
        return;
    }
    i->op = arrives ? ARRIVE : SYNC;
    i->indirect = d->statement->n_operands > 1;
    sim_use(d, &i->a, sim_operand(d, 0), PTX_B32);
    if (i->indirect) sim_use(d, &i->b, sim_operand(d, 1), PTX_B32);
}
