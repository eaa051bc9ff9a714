// cp.async: copies of a thread, which it has to wait for. The bytes are taken when the copy starts
// and put when somebody waits, as late as may be.
#include <stdlib.h>
#include <string.h>

#include "tests/cudasim/access.h"
#include "tests/cudasim/alu.h"
#include "tests/cudasim/bulk.h"
#include "tests/cudasim/decode.h"

// What the lanes of a warp started by one instruction.
typedef struct copy {
    uint32_t mask;  // of those that are not done
    uint8_t bytes;
    uint32_t to[SIM_LANES], group[SIM_LANES];
    uint8_t data[SIM_LANES][SIM_MOST_ACCESS];
} copy;

struct sim_copies {
    int n, cap;
    copy *list;
    uint32_t group[SIM_LANES];  // the one that is open
};

void sim_copies_reset(sim_warp *warp) {
    if (!warp->copies) return;
    warp->copies->n = 0;
    memset(warp->copies->group, 0, sizeof warp->copies->group);
}

void sim_copies_free(sim_warp *warp) {
    if (warp->copies) free(warp->copies->list);
    free(warp->copies);
}

static sim_copies *copies_of(sim_warp *warp) {
    if (!warp->copies) warp->copies = calloc(1, sizeof *warp->copies);
    if (!warp->copies) abort();
    return warp->copies;
}

static copy *add(sim_copies *copies) {
    if (copies->n == copies->cap) {
        copies->cap = copies->cap ? 2 * copies->cap : 32;
        copies->list = realloc(copies->list, (size_t)copies->cap * sizeof *copies->list);
        if (!copies->list) abort();
    }
    return &copies->list[copies->n++];
}

static void put(sim_warp *warp, const copy *c, int lane) {
    sim_cta *cta = warp->cta;
    memcpy(cta->shared + c->to[lane], c->data[lane], c->bytes);
    uint64_t stamp = cta->shared_where | (uint64_t)warp->number << SIM_AGENT_BIT |
                     (uint64_t)lane << SIM_LANE_BIT | (uint64_t)warp->clock << SIM_CLOCK_BIT |
                     SIM_ALL_BYTES;
    for (int k = 0; k < c->bytes / SIM_CELL_BYTES; k++)
        cta->shared_cells[c->to[lane] / SIM_CELL_BYTES + (uint32_t)k].write = stamp;
    warp->dirty = true;
}

// Ends the copies of these lanes but for the `left` groups that were closed last.
static void finish(sim_warp *warp, uint32_t mask, uint32_t left, bool all) {
    sim_copies *copies = copies_of(warp);
    int kept = 0;
    for (int k = 0; k < copies->n; k++) {
        copy *c = &copies->list[k];
        for (int l = 0; l < SIM_LANES; l++) {
            bool ends = (mask & c->mask) >> l & 1 && (all || c->group[l] + left < copies->group[l]);
            if (!ends) continue;
            put(warp, c, l);
            c->mask &= ~(1u << l);
        }
        if (c->mask && kept != k) copies->list[kept] = *c;
        kept += c->mask != 0;
    }
    copies->n = kept;
}

// ---- running ----

static uint32_t source_bytes(const sim_warp *warp, const sim_instr *i, int lane) {
    if (i->mode == 0) return i->bytes;
    if (i->mode == 2) {  // a predicate: nothing is read
        bool ignores = (sim_get_pred(warp, i->c) >> lane & 1) != i->negated;
        return ignores ? 0 : i->bytes;
    }
    const uint32_t *bytes = sim_source(warp, i->c);
    return bytes[lane];
}

static bool stop(sim_warp *warp, int error) {
    sim_stop(warp, error);
    return false;
}

// Fewer bytes than there is room for; the others are zeros.
static bool take_part(sim_warp *warp, const sim_instr *i, int lane, uint64_t source, uint32_t bytes,
                      uint8_t *to) {
    sim_span from;
    memset(to, 0, i->bytes);
    if (bytes > i->bytes) {
        sim_report(warp, i, lane, SIM_BAD_INSTRUCTION, "reads %u of %d bytes", bytes, i->bytes);
        return stop(warp, SIM_ERROR_INSTRUCTION);
    }
    if (source % i->bytes != 0) {
        sim_report(warp, i, lane, SIM_MISALIGNED, "copies %d bytes from 0x%llx", i->bytes,
                   (unsigned long long)source);
        return stop(warp, SIM_ERROR_MISALIGNED);
    }
    if (bytes == 0) return true;
    if (!sim_find_unaligned(warp, i, lane, PTX_GLOBAL, source, (int)bytes, &from)) return false;
    sim_read(warp, i, lane, &from, (int)bytes, to);
    return true;
}

static bool take(sim_warp *warp, const sim_instr *i, uint32_t mask, copy *c) {
    const uint64_t *b = sim_source(warp, i->b);
    uint64_t sources[SIM_LANES];
    uint32_t whole = 0;
    for (int l = 0; l < SIM_LANES; l++) {
        if (!(mask >> l & 1)) continue;
        sources[l] = b[l] + (uint64_t)(int64_t)i->target;
        uint32_t bytes = source_bytes(warp, i, l);
        if (bytes == i->bytes)
            whole |= 1u << l;
        else if (!take_part(warp, i, l, sources[l], bytes, c->data[l]))
            return false;
    }
    return !whole || sim_read_lanes(warp, i, whole, PTX_GLOBAL, sources, i->bytes, c->data);
}

static void run_copy(sim_warp *warp, const sim_instr *i, uint32_t mask) {
    sim_copies *copies = copies_of(warp);
    copy *c = add(copies);
    uint64_t addresses[SIM_LANES];
    c->mask = mask;
    c->bytes = i->bytes;
    memcpy(c->group, copies->group, sizeof c->group);
    sim_lane_addresses(warp, i, addresses);
    for (int l = 0; l < SIM_LANES; l++) {
        c->to[l] = (uint32_t)addresses[l];
        addresses[l] = c->to[l];
    }
    if (!take(warp, i, mask, c)) return;
    sim_write_lanes(warp, i, mask, PTX_SHARED, addresses, i->bytes, NULL);
}

static void run_commit(sim_warp *warp, const sim_instr *i, uint32_t mask) {
    (void)i;
    sim_copies *copies = copies_of(warp);
    for (int l = 0; l < SIM_LANES; l++) copies->group[l] += mask >> l & 1;
}

static void run_wait(sim_warp *warp, const sim_instr *i, uint32_t mask) {
    finish(warp, mask, (uint32_t)i->target, i->mode);
}

static void run_arrive(sim_warp *warp, const sim_instr *i, uint32_t mask) {
    finish(warp, mask, 0, true);
    uint32_t seen[SIM_AGENTS] = {0};
    sim_warp_release(warp, seen);
    for (int l = 0; l < SIM_LANES; l++) {
        if (!(mask >> l & 1) || !i->mode) continue;  // without .noinc it takes back what it adds
        uint64_t address = sim_lane_address(warp, i, l);
        if (i->space == PTX_GENERIC) sim_generic(&address);
        if (sim_mbarrier_arrive(warp->cta, address, 1, seen)) continue;
        sim_report(warp, i, l, SIM_BAD_INSTRUCTION, "there is no mbarrier that expects it");
        sim_stop(warp, SIM_ERROR_INSTRUCTION);
        return;
    }
}

// ---- decoding ----

static void take_hints(sim_decoder *d) {
    static const char *const hints[] = {"ca",       "cg",       "L2::cache_hint", "L2::64B",
                                        "L2::128B", "L2::256B", "shared",         "shared::cta",
                                        "global",   NULL};
    while (sim_take_one(d, hints) >= 0) continue;
}

static void decode_start(sim_decoder *d) {
    sim_instr *i = d->i;
    take_hints(d);
    i->run = run_copy;
    i->space = PTX_GLOBAL;
    sim_instr from = *i;
    d->i = &from;
    sim_address(d, sim_operand(d, 1));
    d->i = i;
    i->target = (int32_t)from.offset;
    if (from.indirect && from.wide) {
        d->references[d->n_references - 1].slot = &i->b;
    } else {
        i->b = sim_constant(d, 8, (uint64_t)from.offset, 0);
        i->target = 0;
    }
    i->space = PTX_SHARED;
    sim_address(d, sim_operand(d, 0));
    const ptx_operand *bytes = sim_operand(d, 2);
    i->bytes = (uint8_t)bytes->bits;
    if (bytes->kind != PTX_INTEGER || (bytes->bits != 4 && bytes->bits != 8 && bytes->bits != 16))
        sim_decode_fail(d, "4, 8 or 16 bytes");
    if (d->statement->n_operands < 4) return;
    const ptx_operand *read = sim_operand(d, 3);
    bool pred = read->kind == PTX_REGISTER && read->reg->type == PTX_PRED;
    bool policy = read->kind == PTX_REGISTER && ptx_type_bytes(read->reg->type) == 8;
    if (policy) return;
    i->mode = pred ? 2 : 1;
    i->negated = read->negated;
    sim_use(d, &i->c, read, pred ? PTX_PRED : PTX_U32);
}

void sim_decode_copy(sim_decoder *d) {
    sim_instr *i = d->i;
    if (!sim_take(d, "async")) sim_decode_fail(d, "this instruction is not known");
    if (sim_take(d, "bulk")) {
        sim_decode_bulk(d);
    } else if (sim_take(d, "commit_group")) {
        i->run = run_commit;
    } else if (sim_take(d, "wait_all")) {
        i->run = run_wait;
        i->mode = true;
    } else if (sim_take(d, "wait_group")) {
        i->run = run_wait;
        i->target = (int32_t)sim_operand(d, 0)->bits;
    } else if (sim_take(d, "mbarrier")) {
        sim_take(d, "arrive");
        i->mode = sim_take(d, "noinc");
        sim_take(d, "b64");
        i->space = (uint8_t)sim_take_space(d);
        i->run = run_arrive;
        sim_address(d, sim_operand(d, 0));
    } else {
        decode_start(d);
    }
}
