// What lanes of a warp tell each other: shfl, vote, match, redux.
#include <string.h>

#include "tests/cudasim/alu.h"
#include "tests/cudasim/decode.h"

// The lanes that take part are in register c. All that live have to be here, and whoever is here
// has to be among them. Returns those that act now: 0: they wait.
static uint32_t meet(sim_warp *warp, const sim_instr *i, uint32_t mask) {
    const uint32_t *members = sim_source(warp, i->c);
    uint32_t need = members[__builtin_ctz(mask)], group = 0;
    for (int l = 0; l < SIM_LANES; l++)
        if ((mask >> l & 1) && members[l] == need) group |= 1u << l;
    // Groups of lanes with masks of their own act one after the other.
    if (group != mask) sim_warp_split(warp, group, warp->pc - 1);
    uint32_t strange = group & ~need;
    if (strange)
        sim_report(warp, i, __builtin_ctz(strange), SIM_BAD_INSTRUCTION,
                   "is executed by a thread that is not in its mask 0x%x", need);
    if (!sim_warp_gather(warp, i, group, need)) return 0;
    sim_warp_tick(warp);
    return group;
}

// ---- shfl.sync ----

enum { UP, DOWN, BFLY, IDX };

static int shuffle_from(int mode, int lane, uint32_t b, uint32_t c, bool *inside) {
    int clamp = (int)(c & 31), segment = (int)(c >> 8 & 31), by = (int)(b & 31), from = lane;
    int most = (lane & segment) | (clamp & ~segment), least = lane & segment;
    switch (mode) {
        case UP:
            from = lane - by;
            *inside = from >= most;
            break;
        case DOWN:
            from = lane + by;
            *inside = from <= most;
            break;
        case BFLY:
            from = lane ^ by;
            *inside = from <= most;
            break;
        default: from = least | (by & ~segment); *inside = from <= most;
    }
    return *inside ? from : lane;
}

static void run_shuffle(sim_warp *warp, const sim_instr *i, uint32_t mask) {
    mask = meet(warp, i, mask);
    if (!mask) return;
    const uint32_t *a = sim_source(warp, i->a), *b = sim_source(warp, i->b);
    const uint32_t *c = sim_source(warp, i->list[0]);
    uint32_t result[SIM_LANES] = {0}, insides = 0;
    for (int l = 0; l < SIM_LANES; l++) {
        if (!(mask >> l & 1)) continue;
        bool inside;
        int from = shuffle_from(i->mode, l, b[l], c[l], &inside);
        insides |= (uint32_t)inside << l;
        if (!(mask >> from & 1))
            sim_report(warp, i, l, SIM_UNWRITTEN, "reads from lane %d, which does not take part",
                       from);
        result[l] = a[from];
    }
    sim_blend(warp->registers + i->d, result, mask, 4);
    if (i->second) sim_set_pred(warp, i->e, mask, insides);
}

// ---- vote, match, redux ----

enum { ALL, ANY, UNI, BALLOT };

static void run_vote(sim_warp *warp, const sim_instr *i, uint32_t mask) {
    mask = meet(warp, i, mask);
    if (!mask) return;
    uint32_t bits = (sim_get_pred(warp, i->a) ^ (i->negated ? UINT32_MAX : 0)) & mask;
    if (i->mode == BALLOT) {
        uint32_t result[SIM_LANES];
        for (int l = 0; l < SIM_LANES; l++) result[l] = bits;
        sim_blend(warp->registers + i->d, result, mask, 4);
        return;
    }
    bool all = bits == mask, any = bits != 0;
    bool yes = i->mode == ALL ? all : i->mode == ANY ? any : all || !any;
    sim_set_pred(warp, i->d, mask, yes ? UINT32_MAX : 0);
}

static void run_match(sim_warp *warp, const sim_instr *i, uint32_t mask) {
    mask = meet(warp, i, mask);
    if (!mask) return;
    const void *a = sim_source(warp, i->a);
    uint32_t result[SIM_LANES] = {0}, equal = 0;
    for (int l = 0; l < SIM_LANES; l++) {
        for (int k = 0; k < SIM_LANES; k++)
            if ((mask >> k & 1) && sim_lane_value(a, i->bytes, l) == sim_lane_value(a, i->bytes, k))
                result[l] |= 1u << k;
        if (i->mode == ALL && result[l] != mask) result[l] = 0;
        equal |= (uint32_t)(result[l] == mask) << l;
    }
    sim_blend(warp->registers + i->d, result, mask, 4);
    if (i->second) sim_set_pred(warp, i->e, mask, equal);
}

enum { ADD, MIN, MAX, AND, OR, XOR };

static uint32_t reduce(const sim_instr *i, uint32_t x, uint32_t y) {
    bool is_signed = i->type == PTX_S32;
    bool less = is_signed ? (int32_t)x < (int32_t)y : x < y;
    switch (i->mode) {
        case ADD: return x + y;
        case MIN: return less ? x : y;
        case MAX: return less ? y : x;
        case AND: return x & y;
        case OR: return x | y;
        default: return x ^ y;
    }
}

static void run_redux(sim_warp *warp, const sim_instr *i, uint32_t mask) {
    mask = meet(warp, i, mask);
    if (!mask) return;
    const uint32_t *a = sim_source(warp, i->a);
    int first = __builtin_ctz(mask);
    uint32_t total = a[first], result[SIM_LANES];
    for (int l = first + 1; l < SIM_LANES; l++)
        if (mask >> l & 1) total = reduce(i, total, a[l]);
    for (int l = 0; l < SIM_LANES; l++) result[l] = total;
    sim_blend(warp->registers + i->d, result, mask, 4);
}

static void run_activemask(sim_warp *warp, const sim_instr *i, uint32_t mask) {
    uint32_t result[SIM_LANES];
    for (int l = 0; l < SIM_LANES; l++) result[l] = mask;
    sim_blend(warp->registers + i->d, result, mask, 4);
}

// elect.sync: the lowest lane.
static void run_elect(sim_warp *warp, const sim_instr *i, uint32_t mask) {
    mask = meet(warp, i, mask);
    if (!mask) return;
    uint32_t result[SIM_LANES];
    for (int l = 0; l < SIM_LANES; l++) result[l] = (uint32_t)__builtin_ctz(mask);
    sim_blend(warp->registers + i->d, result, mask, 4);
    sim_set_pred(warp, i->e, mask, mask & (0 - mask));
}

// ---- decoding ----

static void define_pair(sim_decoder *d, ptx_type type) {
    const ptx_operand *to = sim_operand(d, 0);
    d->i->second = to->kind == PTX_PAIR;
    sim_define(d, &d->i->d, d->i->second ? &to->items[0] : to, type);
    if (d->i->second) sim_define(d, &d->i->e, &to->items[1], PTX_PRED);
}

static void decode_mode(sim_decoder *d, const char *const *names) {
    int mode = sim_take_one(d, names);
    if (mode < 0) sim_decode_fail(d, "the mode is missing");
    d->i->mode = (uint8_t)mode;
    if (!sim_take(d, "sync")) sim_decode_fail(d, "only .sync is simulated");
}

static void decode_shuffle(sim_decoder *d) {
    static const char *const modes[] = {"up", "down", "bfly", "idx", NULL};
    decode_mode(d, modes);
    ptx_type type = sim_take_type(d);
    d->i->run = run_shuffle;
    define_pair(d, type);
    sim_use(d, &d->i->a, sim_operand(d, 1), type);
    sim_use(d, &d->i->b, sim_operand(d, 2), PTX_B32);
    sim_use(d, sim_slots(d, 1), sim_operand(d, 3), PTX_B32);
    sim_use(d, &d->i->c, sim_operand(d, 4), PTX_B32);
}

static void decode_vote(sim_decoder *d) {
    static const char *const modes[] = {"all", "any", "uni", "ballot", NULL};
    decode_mode(d, modes);
    ptx_type type = sim_take_type(d);
    d->i->run = run_vote;
    sim_define(d, &d->i->d, sim_operand(d, 0), type);
    sim_use(d, &d->i->a, sim_operand(d, 1), PTX_PRED);
    d->i->negated = sim_operand(d, 1)->negated;
    sim_use(d, &d->i->c, sim_operand(d, 2), PTX_B32);
}

static void decode_match(sim_decoder *d) {
    static const char *const modes[] = {"all", "any", NULL};
    decode_mode(d, modes);
    ptx_type type = sim_take_type(d);
    d->i->run = run_match;
    d->i->bytes = (uint8_t)ptx_type_bytes(type);
    define_pair(d, PTX_B32);
    sim_use(d, &d->i->a, sim_operand(d, 1), type);
    sim_use(d, &d->i->c, sim_operand(d, 2), PTX_B32);
}

static void decode_redux(sim_decoder *d) {
    static const char *const modes[] = {"add", "min", "max", "and", "or", "xor", NULL};
    decode_mode(d, modes);
    ptx_type type = sim_take_type(d);
    if (type == PTX_F32) sim_decode_fail(d, "redux of floats is not simulated");
    d->i->run = run_redux;
    d->i->type = (uint8_t)type;
    sim_define(d, &d->i->d, sim_operand(d, 0), type);
    sim_use(d, &d->i->a, sim_operand(d, 1), type);
    sim_use(d, &d->i->c, sim_operand(d, 2), PTX_B32);
}

void sim_decode_warp(sim_decoder *d) {
    const char *name = d->statement->parts[0];
    if (strcmp(name, "shfl") == 0) {
        decode_shuffle(d);
    } else if (strcmp(name, "vote") == 0) {
        decode_vote(d);
    } else if (strcmp(name, "match") == 0) {
        decode_match(d);
    } else if (strcmp(name, "redux") == 0) {
        decode_redux(d);
    } else if (strcmp(name, "elect") == 0) {
        sim_take(d, "sync");
        d->i->run = run_elect;
        define_pair(d, PTX_B32);
        sim_use(d, &d->i->c, sim_operand(d, 1), PTX_B32);
    } else {
        sim_take_type(d);
        d->i->run = run_activemask;
        sim_define(d, &d->i->d, sim_operand(d, 0), PTX_B32);
    }
}
