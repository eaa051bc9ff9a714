// cp.async.bulk: copies between global and shared memory, also of boxes of tensors. What they start
// with is checked when they are issued; the bytes move when no warp can go on without them.
#include "tests/cudasim/bulk.h"

#include <stdlib.h>
#include <string.h>

#include "tests/cudasim/access.h"
#include "tests/cudasim/proxy.h"

enum { UNIT = 16, MOST_RANK = 5, MAP_BYTES = 128 };

typedef struct transfer {
    bool store, tensor;
    uint32_t shared, bytes;
    uint64_t global;    // of a plain one
    uint64_t mbarrier;  // of a load, in shared memory
    sim_tensor_map map;
    int32_t coordinate[MOST_RANK];
    int warp, lane;
    uint32_t group;
} transfer;

struct sim_bulk {
    transfer *list;  // in the order in which they were issued
    int n, cap;
    uint32_t group[SIM_WARPS * SIM_LANES];  // of each thread: the one that is open
};

void sim_bulk_reset(sim_cta *cta) {
    if (!cta->bulk) return;
    cta->bulk->n = 0;
    memset(cta->bulk->group, 0, sizeof cta->bulk->group);
}

void sim_bulk_free(sim_cta *cta) {
    if (cta->bulk) free(cta->bulk->list);
    free(cta->bulk);
}

static sim_bulk *bulk_of(sim_cta *cta) {
    if (!cta->bulk) cta->bulk = calloc(1, sizeof *cta->bulk);
    if (!cta->bulk) abort();
    return cta->bulk;
}

static uint32_t *group_of(sim_cta *cta, int warp, int lane) {
    return &bulk_of(cta)->group[warp * SIM_LANES + lane];
}

// ---- boxes ----

static uint32_t element_bytes(const sim_tensor_map *map) {
    uint32_t elements = 1;
    for (uint32_t k = 0; k < map->rank; k++) {
        uint32_t step = k == 0 ? 1 : map->element_stride[k];
        elements *= (map->box[k] + step - 1) / step;
    }
    return sim_tensor_map_box_bytes(map) / elements;
}

typedef void (*element_fn)(void *context, uint64_t global, uint32_t to, uint32_t bytes);

static void each_element(const transfer *t, element_fn use, void *context) {
    uint32_t step = element_bytes(&t->map), to;
    for (uint32_t b = 0; b < t->bytes; b += step) {
        uint64_t global = sim_tensor_map_byte(&t->map, t->coordinate, b, &to);
        use(context, global, t->shared + to, step);
    }
}

// ---- moving ----

typedef struct mover {
    sim_cta *cta;
    bool store;
} mover;

static void move_element(void *context, uint64_t global, uint32_t shared, uint32_t bytes) {
    const mover *m = context;
    uint8_t *place = m->cta->shared + shared;
    if (m->store && global) memcpy((void *)(uintptr_t)global, place, bytes);
    if (!m->store && global) memcpy(place, (const void *)(uintptr_t)global, bytes);
    if (!m->store && !global) memset(place, 0, bytes);
}

static void move(sim_cta *cta, const transfer *t) {
    mover m = {cta, t->store};
    if (t->tensor) {
        each_element(t, move_element, &m);
    } else {
        move_element(&m, t->global, t->shared, t->bytes);
    }
    if (t->store)
        sim_proxy_read_done(cta, t->shared, t->bytes, SIM_AGENT_BULK, cta->bulk_clock);
    else
        sim_proxy_write_done(cta, t->shared, t->bytes, cta->bulk_clock);
    uint32_t seen[SIM_AGENTS] = {[SIM_AGENT_BULK] = cta->bulk_clock++};
    if (!t->store) sim_mbarrier_bytes(cta, t->mbarrier, -(int64_t)t->bytes, seen);
}

static void take_out(sim_bulk *bulk, int k) {
    bulk->n--;
    memmove(&bulk->list[k], &bulk->list[k + 1], (size_t)(bulk->n - k) * sizeof *bulk->list);
}

bool sim_bulk_progress(sim_cta *cta) {
    if (!cta->bulk || cta->bulk->n == 0) return false;
    transfer first = cta->bulk->list[0];
    take_out(cta->bulk, 0);
    move(cta, &first);
    return true;
}

// ---- issuing ----

typedef struct checker {
    sim_warp *warp;
    const sim_instr *i;
    int lane;
    bool store, failed;
} checker;

static void check_element(void *context, uint64_t global, uint32_t shared, uint32_t bytes) {
    checker *c = context;
    sim_span span;
    (void)shared;
    if (!global || c->failed) return;
    if (!sim_find_unaligned(c->warp, c->i, c->lane, PTX_GLOBAL, global, (int)bytes, &span)) {
        c->failed = true;
    } else if (c->store) {
        sim_check_write(c->warp, c->i, c->lane, &span, (int)bytes, SIM_PLAIN, NULL);
    } else {
        sim_check_written(c->warp, c->i, c->lane, &span, (int)bytes);
        sim_check_read(c->warp, c->i, c->lane, &span, (int)bytes, SIM_PLAIN);
    }
}

static bool wrong(sim_warp *warp, const sim_instr *i, int lane, sim_problem_kind kind,
                  const char *what) {
    sim_report(warp, i, lane, kind, "%s", what);
    sim_stop(warp, kind == SIM_MISALIGNED ? SIM_ERROR_MISALIGNED : SIM_ERROR_INSTRUCTION);
    return false;
}

static bool check_sides(sim_warp *warp, const sim_instr *i, int lane, const transfer *t) {
    checker c = {warp, i, lane, t->store, false};
    sim_span span;
    uint32_t align = t->tensor ? sim_tensor_map_alignment(&t->map) : UNIT;
    if (!sim_find_unaligned(warp, i, lane, PTX_SHARED, t->shared, (int)t->bytes, &span))
        return false;
    if (t->shared % align)
        return wrong(warp, i, lane, SIM_MISALIGNED, "the place in shared memory is not aligned");
    if (!t->tensor && (t->global % UNIT || t->bytes % UNIT))
        return wrong(warp, i, lane, SIM_MISALIGNED, "addresses and sizes are multiples of 16");
    if (t->tensor)
        each_element(t, check_element, &c);
    else
        check_element(&c, t->global, t->shared, t->bytes);
    return !c.failed;
}

static void start(sim_warp *warp, const sim_instr *i, int lane, const transfer *t) {
    if (t->bytes == 0 || !check_sides(warp, i, lane, t)) return;
    if (t->store) {
        sim_proxy_read(warp, i, lane, t->shared, t->bytes, SIM_AGENT_BULK);
        warp->dirty = true;
    } else {
        sim_proxy_write(warp, i, lane, t->shared, t->bytes);
    }
    sim_bulk *bulk = bulk_of(warp->cta);
    if (bulk->n == bulk->cap) {
        bulk->cap = bulk->cap ? 2 * bulk->cap : 16;
        bulk->list = realloc(bulk->list, (size_t)bulk->cap * sizeof *bulk->list);
        if (!bulk->list) abort();
    }
    bulk->list[bulk->n++] = *t;
}

// ---- running: list: shared memory, global memory or the tensor map, then as the kind says ----

static uint64_t operand(const sim_warp *warp, const sim_place *place, int lane) {
    if (!place->indirect) return (uint64_t)place->offset;
    const void *lanes = sim_source(warp, place->slot);
    uint64_t base = place->wide ? ((const uint64_t *)lanes)[lane] : ((const uint32_t *)lanes)[lane];
    return base + (uint64_t)place->offset;
}

static uint32_t in_shared(uint64_t address) { return (uint32_t)(address & UINT32_MAX); }

static bool read_map(sim_warp *warp, const sim_instr *i, int lane, uint64_t address,
                     sim_tensor_map *map) {
    sim_span span;
    if (address % (MAP_BYTES / 2))
        return wrong(warp, i, lane, SIM_MISALIGNED, "the tensor map is not aligned to 64");
    if (!sim_find_unaligned(warp, i, lane, PTX_GENERIC, address, MAP_BYTES, &span)) return false;
    sim_check_written(warp, i, lane, &span, MAP_BYTES);
    if (!sim_tensor_map_unpack(span.data, map))
        return wrong(warp, i, lane, SIM_BAD_INSTRUCTION, "there is no tensor map");
    const char *problem = sim_tensor_map_check(map);
    return !problem || wrong(warp, i, lane, SIM_BAD_INSTRUCTION, problem);
}

static bool issue(sim_warp *warp, const sim_instr *i, int lane) {
    const sim_bulk_code *code = i->extra;
    transfer t = {
        .store = code->store, .tensor = code->rank > 0, .warp = warp->number, .lane = lane};
    t.shared = in_shared(operand(warp, &code->shared, lane));
    t.group = *group_of(warp->cta, warp->number, lane);
    if (!t.store) t.mbarrier = in_shared(operand(warp, &code->mbarrier, lane));
    uint64_t global = operand(warp, &code->global, lane);
    if (code->rank == 0) {
        const uint32_t *bytes = sim_source(warp, i->b);
        t.global = global;
        t.bytes = bytes[lane];
    } else {
        if (!read_map(warp, i, lane, global, &t.map)) return false;
        if ((int)t.map.rank != code->rank)
            return wrong(warp, i, lane, SIM_BAD_INSTRUCTION, "the tensor has another rank");
        for (int k = 0; k < code->rank; k++)
            t.coordinate[k] = ((const int32_t *)sim_source(warp, i->list[k]))[lane];
        t.bytes = sim_tensor_map_box_bytes(&t.map);
    }
    if (!t.store && !sim_mbarrier_known(warp->cta, t.mbarrier))
        return wrong(warp, i, lane, SIM_BAD_INSTRUCTION, "there is no mbarrier (mbarrier.init)");
    start(warp, i, lane, &t);
    return true;
}

static void run_bulk(sim_warp *warp, const sim_instr *i, uint32_t mask) {
    for (int l = 0; l < SIM_LANES; l++)
        if ((mask >> l & 1) && !issue(warp, i, l)) return;
}

static void run_commit(sim_warp *warp, const sim_instr *i, uint32_t mask) {
    (void)i;
    for (int l = 0; l < SIM_LANES; l++)
        if (mask >> l & 1) ++*group_of(warp->cta, warp->number, l);
}

static void run_wait(sim_warp *warp, const sim_instr *i, uint32_t mask) {
    sim_cta *cta = warp->cta;
    sim_bulk *bulk = bulk_of(cta);
    for (int k = 0; k < bulk->n;) {
        transfer t = bulk->list[k];
        bool waited = t.store && t.warp == warp->number && (mask >> t.lane & 1) &&
                      t.group + (uint32_t)i->offset < *group_of(cta, t.warp, t.lane);
        if (!waited) {
            k++;
            continue;
        }
        take_out(bulk, k);
        move(cta, &t);
    }
    uint32_t seen[SIM_AGENTS] = {[SIM_AGENT_BULK] = cta->bulk_clock - 1};
    sim_warp_acquire(warp, seen);
}

// ---- decoding ----

// An address as an operand of its own: sim_address() into a place.
static void take_place(sim_decoder *d, sim_place *place, const ptx_operand *from) {
    place->offset = from->offset;
    if (from->kind != PTX_ADDRESS || from->n_items == 0) sim_decode_fail(d, "expected [address]");
    const ptx_operand *base = &from->items[0];
    if (base->kind == PTX_VARIABLE) {
        place->offset += sim_variable_address(d, base);
        if (base->variable->space == PTX_PARAM) place->offset += (int64_t)SIM_PARAM_WINDOW;
        return;
    }
    if (base->kind != PTX_REGISTER) sim_decode_fail(d, "expected an address");
    place->indirect = true;
    place->wide = ptx_type_bytes(base->reg->type) == 8;
    sim_use(d, &place->slot, base, place->wide ? PTX_B64 : PTX_B32);
}

static void take_coordinates(sim_decoder *d, const ptx_operand *map, int rank) {
    if (map->n_items != 2 || map->items[1].kind != PTX_VECTOR || map->items[1].n_items != rank)
        sim_decode_fail(d, "expected [map, {coordinates}]");
    sim_slot *list = sim_slots(d, rank);
    for (int k = 0; k < rank; k++) sim_use(d, &list[k], &map->items[1].items[k], PTX_S32);
}

static void take_hints(sim_decoder *d) {
    static const char *const hints[] = {
        "shared::cluster", "shared::cta",    "global", "tile", "mbarrier::complete_tx::bytes",
        "bulk_group",      "L2::cache_hint", NULL};
    while (sim_take_one(d, hints) >= 0) continue;
}

static void decode_transfer(sim_decoder *d, int rank) {
    sim_instr *i = d->i;
    sim_bulk_code *code = ptx_pool_take(d->pool, sizeof *code);
    const char *to = d->statement->parts[rank ? 5 : 3];
    code->store = strcmp(to, "global") == 0;
    code->rank = rank;
    take_hints(d);
    i->extra = code;
    i->run = run_bulk;
    const ptx_operand *first = sim_operand(d, 0), *second = sim_operand(d, 1);
    take_place(d, &code->shared, code->store ? second : first);
    take_place(d, &code->global, code->store ? first : second);
    if (rank) take_coordinates(d, code->store ? first : second, rank);
    if (!rank) sim_use(d, &i->b, sim_operand(d, 2), PTX_U32);
    if (!code->store) take_place(d, &code->mbarrier, sim_operand(d, rank ? 2 : 3));
}

void sim_decode_bulk(sim_decoder *d) {
    static const char *const ranks[] = {"1d", "2d", "3d", "4d", "5d", NULL};
    sim_instr *i = d->i;
    if (sim_take(d, "commit_group")) {
        i->run = run_commit;
    } else if (sim_take(d, "wait_group")) {
        sim_take(d, "read");
        i->run = run_wait;
        i->offset = (int64_t)sim_operand(d, 0)->bits;
    } else if (sim_take(d, "prefetch")) {
        sim_decode_nothing(d);
    } else {
        bool tensor = sim_take(d, "tensor");
        int rank = tensor ? sim_take_one(d, ranks) + 1 : 0;
        if (tensor && rank == 0) sim_decode_fail(d, "the rank is missing");
        decode_transfer(d, rank);
    }
}
