// mbarriers: what they count is kept beside shared memory, not in it.
#include <stdlib.h>
#include <string.h>

#include "tests/cudasim/access.h"
#include "tests/cudasim/alu.h"
#include "tests/cudasim/decode.h"

enum { MBARRIER_BYTES = 8, MOST_COUNT = (1 << 20) - 1 };

typedef struct mbarrier {
    uint64_t address;
    uint32_t count, pending;
    int64_t bytes;  // that are still expected
    uint64_t phase;
    int warp, lane;  // who initialised it, and when
    uint32_t clock;
    uint32_t coming[SIM_AGENTS], done[SIM_AGENTS];  // what this phase, and the last one, tell
} mbarrier;

struct sim_mbarriers {
    int n, cap;
    mbarrier *list;
};

void sim_mbarriers_reset(sim_cta *cta) {
    if (!cta->mbarriers) cta->mbarriers = calloc(1, sizeof *cta->mbarriers);
    if (!cta->mbarriers) abort();
    cta->mbarriers->n = 0;
}

void sim_mbarriers_free(sim_cta *cta) {
    if (cta->mbarriers) free(cta->mbarriers->list);
    free(cta->mbarriers);
}

static mbarrier *find(sim_cta *cta, uint64_t address) {
    for (int k = 0; k < cta->mbarriers->n; k++)
        if (cta->mbarriers->list[k].address == address) return &cta->mbarriers->list[k];
    return NULL;
}

static mbarrier *add(sim_cta *cta, uint64_t address) {
    sim_mbarriers *all = cta->mbarriers;
    if (all->n == all->cap) {
        all->cap = all->cap ? 2 * all->cap : 16;
        all->list = realloc(all->list, (size_t)all->cap * sizeof *all->list);
        if (!all->list) abort();
    }
    all->list[all->n] = (mbarrier){.address = address};
    return &all->list[all->n++];
}

// ---- phases ----

static void wake(sim_cta *cta, bool timed_out) {
    for (int w = 0; w < cta->n_warps; w++) {
        sim_warp *warp = &cta->warps[w];
        for (int k = 0; k < warp->n_fragments; k++) {
            if (warp->fragments[k].state != SIM_MBARRIER) continue;
            warp->fragments[k].state = SIM_READY;
            warp->fragments[k].timed_out = timed_out;
        }
    }
}

static void complete(sim_cta *cta, mbarrier *b) {
    if (b->pending > 0 || b->bytes != 0) return;
    b->phase++;
    b->pending = b->count;
    memcpy(b->done, b->coming, sizeof b->done);
    cta->spins = 0;
    wake(cta, false);
}

static void join(uint32_t *seen, const uint32_t *with) {
    for (int k = 0; k < SIM_AGENTS; k++)
        if (with[k] > seen[k]) seen[k] = with[k];
}

bool sim_mbarrier_arrive(sim_cta *cta, uint64_t address, uint32_t count, const uint32_t *seen) {
    mbarrier *b = find(cta, address);
    if (!b || b->pending < count) return false;
    join(b->coming, seen);
    b->pending -= count;
    complete(cta, b);
    return true;
}

bool sim_mbarrier_bytes(sim_cta *cta, uint64_t address, int64_t bytes, const uint32_t *seen) {
    mbarrier *b = find(cta, address);
    if (!b) return false;
    join(b->coming, seen);
    b->bytes += bytes;
    complete(cta, b);
    return true;
}

bool sim_mbarrier_known(sim_cta *cta, uint64_t address) { return find(cta, address) != NULL; }

bool sim_mbarriers_time_out(sim_cta *cta) {
    bool any = false;
    for (int w = 0; w < cta->n_warps; w++)
        for (int k = 0; k < cta->warps[w].n_fragments; k++)
            any |= cta->warps[w].fragments[k].state == SIM_MBARRIER;
    cta->spins += SIM_TIME_OUT;
    wake(cta, true);
    return any;
}

// ---- instructions ----

typedef enum operation { INIT, INVAL, ARRIVE, EXPECT_TX, COMPLETE_TX, WAIT } operation;
enum { DROPS = 1, WITH_BYTES = 2, PARITY = 4 };

static bool wrong(sim_warp *warp, const sim_instr *i, int lane, const char *what) {
    sim_report(warp, i, lane, SIM_BAD_INSTRUCTION, "%s", what);
    sim_stop(warp, SIM_ERROR_INSTRUCTION);
    return false;
}

// The place of a lane's mbarrier in shared memory.
static bool locate(sim_warp *warp, const sim_instr *i, int lane, uint64_t *address) {
    ptx_space space = PTX_SHARED;
    sim_span span;
    *address = sim_lane_address(warp, i, lane);
    if (i->space == PTX_GENERIC) space = sim_generic(address);
    if (space != PTX_SHARED) return wrong(warp, i, lane, "the mbarrier is not in shared memory");
    if (!sim_find(warp, i, lane, space, *address, MBARRIER_BYTES, &span)) return false;
    if (i->op != INIT) sim_check_written(warp, i, lane, &span, MBARRIER_BYTES);
    sim_check_write(warp, i, lane, &span, MBARRIER_BYTES, i->op == INIT ? SIM_PLAIN : SIM_ATOMIC,
                    NULL);
    return true;
}

static uint32_t number(const sim_warp *warp, const sim_instr *i, int lane) {
    const uint32_t *b = sim_source(warp, i->b);
    return i->second ? b[lane] : 1;  // second: there is an operand
}

static bool init(sim_warp *warp, const sim_instr *i, int lane, uint64_t address) {
    mbarrier *b = find(warp->cta, address);
    if (!b) b = add(warp->cta, address);
    uint32_t count = number(warp, i, lane);
    if (count == 0 || count > MOST_COUNT) return wrong(warp, i, lane, "no such count");
    *b = (mbarrier){.address = address,
                    .count = count,
                    .pending = count,
                    .warp = warp->number,
                    .lane = lane,
                    .clock = warp->clock};
    return true;
}

// It has to be initialised before, with a barrier between. `clock`: when the instruction began.
static void check_order(sim_warp *warp, const sim_instr *i, int lane, const mbarrier *b,
                        uint32_t clock) {
    bool ordered = b->warp == warp->number ? lane == b->lane || b->clock != clock
                                           : b->clock <= warp->seen[b->warp];
    if (!ordered)
        sim_report(warp, i, lane, SIM_RACE,
                   "uses an mbarrier that another thread initialised, with no barrier between");
}

static bool arrive(sim_warp *warp, const sim_instr *i, int lane, mbarrier *b) {
    uint32_t count = i->mode & WITH_BYTES ? 1 : number(warp, i, lane);
    if (i->mode & WITH_BYTES) b->bytes += number(warp, i, lane);
    if (b->pending < count) return wrong(warp, i, lane, "more arrivals than the mbarrier counts");
    if (i->mode & DROPS) b->count -= count;
    sim_warp_release(warp, b->coming);
    b->pending -= count;
    complete(warp->cta, b);
    return true;
}

static bool run_one(sim_warp *warp, const sim_instr *i, int lane, uint32_t clock) {
    uint64_t address, state[SIM_LANES] = {0};
    if (!locate(warp, i, lane, &address)) return false;
    if (i->op == INIT) return init(warp, i, lane, address);
    mbarrier *b = find(warp->cta, address);
    if (!b) return wrong(warp, i, lane, "there is no mbarrier (mbarrier.init)");
    check_order(warp, i, lane, b, clock);
    state[lane] = b->phase + 1;
    switch ((operation)i->op) {
        case INVAL: *b = warp->cta->mbarriers->list[--warp->cta->mbarriers->n]; break;
        case ARRIVE:
            if (!arrive(warp, i, lane, b)) return false;
            sim_blend(warp->registers + i->d, state, 1u << lane, 8);
            break;
        case EXPECT_TX: b->bytes += number(warp, i, lane); break;
        default: b->bytes -= number(warp, i, lane); complete(warp->cta, b);
    }
    return true;
}

static void run_mbarrier(sim_warp *warp, const sim_instr *i, uint32_t mask) {
    uint32_t clock = warp->clock;
    for (int l = 0; l < SIM_LANES; l++)
        if ((mask >> l & 1) && !run_one(warp, i, l, clock)) return;
}

static bool phase_ended(const sim_warp *warp, const sim_instr *i, int lane, const mbarrier *b) {
    if (i->mode & PARITY) {
        const uint32_t *parity = sim_source(warp, i->b);
        return (b->phase & 1) != (parity[lane] & 1);
    }
    const uint64_t *state = sim_source(warp, i->b);
    return b->phase + 1 != state[lane];
}

// test_wait and try_wait both wait as long as somebody else can run.
static void run_wait(sim_warp *warp, const sim_instr *i, uint32_t mask) {
    sim_fragment *f = &warp->fragments[warp->current];
    uint32_t ended = 0;
    mbarrier *of[SIM_LANES];
    for (int l = 0; l < SIM_LANES; l++) {
        uint64_t address;
        if (!(mask >> l & 1)) continue;
        if (!locate(warp, i, l, &address)) return;
        of[l] = find(warp->cta, address);
        if (!of[l]) {
            wrong(warp, i, l, "there is no mbarrier (mbarrier.init)");
            return;
        }
        check_order(warp, i, l, of[l], warp->clock);
        ended |= (uint32_t)phase_ended(warp, i, l, of[l]) << l;
    }
    if (ended != mask && !f->timed_out) {
        warp->pc--;
        sim_warp_block(warp, i, SIM_MBARRIER);
        return;
    }
    f->timed_out = false;
    for (int l = 0; l < SIM_LANES; l++)
        if (ended >> l & 1) sim_warp_acquire(warp, of[l]->done);
    sim_set_pred(warp, i->d, mask, ended);
}

// ---- decoding ----

static void take_scope(sim_decoder *d) {
    static const char *const scopes[] = {"release", "acquire", "relaxed",    "cta",
                                         "cluster", "b64",     "noComplete", NULL};
    d->i->space = (uint8_t)sim_take_space(d);
    while (sim_take_one(d, scopes) >= 0) continue;
}

static void decode_wait(sim_decoder *d) {
    sim_instr *i = d->i;
    i->op = WAIT;
    i->mode = sim_take(d, "parity") ? PARITY : 0;
    take_scope(d);
    i->run = run_wait;
    sim_define(d, &i->d, sim_operand(d, 0), PTX_PRED);
    sim_address(d, sim_operand(d, 1));
    sim_use(d, &i->b, sim_operand(d, 2), i->mode & PARITY ? PTX_U32 : PTX_B64);
}

// What is left: [address], or state, [address], and perhaps a number.
static void decode_others(sim_decoder *d) {
    sim_instr *i = d->i;
    take_scope(d);
    i->run = run_mbarrier;
    int k = sim_operand(d, 0)->kind != PTX_ADDRESS;
    if (k) sim_define(d, &i->d, sim_operand(d, 0), PTX_B64);
    sim_address(d, sim_operand(d, k));
    i->second = k + 1 < d->statement->n_operands;
    if (i->second) sim_use(d, &i->b, sim_operand(d, k + 1), PTX_U32);
}

void sim_decode_mbarrier(sim_decoder *d) {
    sim_instr *i = d->i;
    if (sim_take(d, "test_wait") || sim_take(d, "try_wait")) {
        decode_wait(d);
    } else {
        bool bytes = false, drops = false;
        if (sim_take(d, "init")) {
            i->op = INIT;
        } else if (sim_take(d, "inval")) {
            i->op = INVAL;
        } else if (sim_take(d, "arrive") || (drops = sim_take(d, "arrive_drop"))) {
            i->op = ARRIVE;
            bytes = sim_take(d, "expect_tx");
        } else if (sim_take(d, "expect_tx")) {
            i->op = EXPECT_TX;
        } else if (sim_take(d, "complete_tx")) {
            i->op = COMPLETE_TX;
        } else {
            sim_decode_fail(d, "this operation on mbarriers is not simulated");
        }
        i->mode = (uint8_t)((bytes ? WITH_BYTES : 0) | (drops ? DROPS : 0));
        decode_others(d);
    }
}
