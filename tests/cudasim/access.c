#include "tests/cudasim/access.h"

#include <stdio.h>
#include <string.h>

ptx_space sim_generic(uint64_t *address) {
    uint64_t window = SIM_WINDOW(*address);
    *address &= window ? (1ull << 56) - 1 : UINT64_MAX;
    switch (window) {
        case 0: return PTX_GLOBAL;
        case 1: return PTX_SHARED;
        case 2: return PTX_LOCAL;
        default: return PTX_PARAM;
    }
}

uint64_t sim_lane_address(const sim_warp *warp, const sim_instr *i, int lane) {
    if (!i->indirect) return (uint64_t)i->offset;
    const void *a = sim_source(warp, i->a);
    if (i->wide) return ((const uint64_t *)a)[lane] + (uint64_t)i->offset;
    return (uint32_t)(((const uint32_t *)a)[lane] + (uint32_t)i->offset);
}

// ---- finding ----

static bool misses(sim_warp *warp, const sim_instr *i, int lane, const char *space,
                   uint64_t address, int bytes, size_t size) {
    sim_report(warp, i, lane, SIM_OUT_OF_BOUNDS, "accesses %d bytes at %lld of %zu bytes of %s",
               bytes, (long long)address, size, space);
    sim_stop(warp, SIM_ERROR_ADDRESS);
    return false;
}

static bool find_global(sim_warp *warp, const sim_instr *i, int lane, uint64_t address, int bytes,
                        sim_span *out) {
    const sim_block *block = warp->cta->last;
    if (!block || address - block->base >= block->bytes) block = sim_memory_find(address);
    if (!block || block->freed || address - block->base + (uint64_t)bytes > block->bytes) {
        char text[160];
        sim_describe_address(address, text, sizeof text);
        sim_report(warp, i, lane, SIM_OUT_OF_BOUNDS, "accesses %d bytes at %s", bytes, text);
        sim_stop(warp, SIM_ERROR_ADDRESS);
        return false;
    }
    warp->cta->last = block;
    uint64_t at = address - block->base;
    *out = (sim_span){(uint8_t *)(uintptr_t)address, block->written + at,
                      block->cells + at / SIM_CELL_BYTES, (unsigned)at % SIM_CELL_BYTES, true};
    return true;
}

static bool find_local(sim_warp *warp, const sim_instr *i, int lane, uint64_t address, int bytes,
                       sim_span *out) {
    sim_cta *cta = warp->cta;
    size_t size = (size_t)cta->program->local_bytes;
    if (address > size || (size_t)bytes > size - address)
        return misses(warp, i, lane, "local memory", address, bytes, size);
    size_t at = ((size_t)warp->number * SIM_LANES + (size_t)lane) * size + address;
    *out = (sim_span){cta->local + at, cta->local_written + at, NULL, 0, false};
    return true;
}

static bool find_shared(sim_warp *warp, const sim_instr *i, int lane, uint64_t address, int bytes,
                        sim_span *out) {
    sim_cta *cta = warp->cta;
    if (address > cta->shared_bytes || (uint32_t)bytes > cta->shared_bytes - address)
        return misses(warp, i, lane, "shared memory", address, bytes, cta->shared_bytes);
    *out = (sim_span){cta->shared + address, cta->shared_written + address,
                      cta->shared_cells + address / SIM_CELL_BYTES,
                      (unsigned)address % SIM_CELL_BYTES, false};
    return true;
}

static bool find_param(sim_warp *warp, const sim_instr *i, int lane, uint64_t address, int bytes,
                       sim_span *out) {
    sim_cta *cta = warp->cta;
    size_t size = (size_t)cta->program->param_bytes;
    if (address > size || (size_t)bytes > size - address)
        return misses(warp, i, lane, "parameters", address, bytes, size);
    *out = (sim_span){cta->grid->params + address, NULL, NULL, 0, false};
    return true;
}

bool sim_find(sim_warp *warp, const sim_instr *i, int lane, ptx_space space, uint64_t address,
              int bytes, sim_span *out) {
    if (space == PTX_GENERIC) space = sim_generic(&address);
    if (address % (uint64_t)bytes != 0) {
        sim_report(warp, i, lane, SIM_MISALIGNED, "accesses %d bytes at 0x%llx", bytes,
                   (unsigned long long)address);
        sim_stop(warp, SIM_ERROR_MISALIGNED);
        return false;
    }
    return sim_find_unaligned(warp, i, lane, space, address, bytes, out);
}

bool sim_find_unaligned(sim_warp *warp, const sim_instr *i, int lane, ptx_space space,
                        uint64_t address, int bytes, sim_span *out) {
    if (space == PTX_GENERIC) space = sim_generic(&address);
    switch (space) {
        case PTX_SHARED: return find_shared(warp, i, lane, address, bytes, out);
        case PTX_LOCAL:
        case PTX_FRAME: return find_local(warp, i, lane, address, bytes, out);
        case PTX_PARAM: return find_param(warp, i, lane, address, bytes, out);
        default: return find_global(warp, i, lane, address, bytes, out);
    }
}

// ---- checking ----

static void describe(const sim_warp *warp, const sim_span *span, char *text, size_t bytes) {
    if (span->global)
        sim_describe_address((uint64_t)(uintptr_t)span->data, text, bytes);
    else
        snprintf(text, bytes, "byte %lld of shared memory",
                 (long long)(span->data - warp->cta->shared));
}

void sim_check_written(sim_warp *warp, const sim_instr *i, int lane, const sim_span *span,
                       int bytes) {
    if (!span->written) return;
    bool all = true;
    for (int k = 0; k < bytes; k++) all &= span->written[k] != 0;
    if (all) return;
    char text[160];
    if (span->cells)
        describe(warp, span, text, sizeof text);
    else
        snprintf(text, sizeof text, "local memory");
    sim_report(warp, i, lane, SIM_UNWRITTEN, "reads %d bytes that nothing wrote: %s", bytes, text);
}

static uint64_t stamp_of(const sim_warp *warp, const sim_span *span, int lane, sim_manner manner) {
    uint64_t where = span->global ? warp->cta->global_where : warp->cta->shared_where;
    uint64_t by = manner == SIM_PENDING ? SIM_LANE_PENDING : (uint64_t)lane;
    return where | (uint64_t)warp->number << SIM_AGENT_BIT | by << SIM_LANE_BIT |
           (uint64_t)(manner == SIM_ATOMIC) << SIM_ATOMIC_BIT |
           (uint64_t)warp->clock << SIM_CLOCK_BIT;
}

static void race(sim_warp *warp, const sim_instr *i, int lane, const sim_span *span, uint64_t with,
                 const char *verb) {
    char where[160], who[96];
    describe(warp, span, where, sizeof where);
    sim_describe_stamp(warp, with, who, sizeof who);
    sim_report(warp, i, lane, SIM_RACE, "%s what %s accessed, with no barrier between: %s", verb,
               who, where);
}

// The bytes of an access that are in its word number `k`.
static unsigned bytes_in(const sim_span *span, int bytes, int k) {
    unsigned first = k == 0 ? span->in_word : 0;
    int end = (int)span->in_word + bytes - SIM_CELL_BYTES * k;
    unsigned last = end >= SIM_CELL_BYTES ? SIM_CELL_BYTES : (unsigned)end;
    return (1u << last) - (1u << first);
}

static int words_of(const sim_span *span, int bytes) {
    return ((int)span->in_word + bytes + SIM_CELL_BYTES - 1) / SIM_CELL_BYTES;
}

static sim_order order_of(const sim_warp *warp, const sim_span *span) {
    return (sim_order){warp->seen, span->global && !warp->cta->acquired};
}

void sim_check_read(sim_warp *warp, const sim_instr *i, int lane, const sim_span *span, int bytes,
                    sim_manner manner) {
    if (!span->cells) return;
    warp->dirty = true;
    uint64_t stamp = stamp_of(warp, span, lane, manner);
    sim_order order = order_of(warp, span);
    for (int k = 0; k < words_of(span, bytes); k++) {
        uint64_t with = sim_shadow_read(span->cells + k, stamp | bytes_in(span, bytes, k), &order);
        if (with) race(warp, i, lane, span, with, "reads");
    }
}

void sim_check_write(sim_warp *warp, const sim_instr *i, int lane, const sim_span *span, int bytes,
                     sim_manner manner, const void *from) {
    if (span->written) memset(span->written, 1, (size_t)bytes);
    if (!span->cells) return;
    warp->dirty = true;
    uint64_t stamp = stamp_of(warp, span, lane, manner);
    sim_order order = order_of(warp, span);
    bool same = from && memcmp(span->data, from, (size_t)bytes) == 0;
    for (int k = 0; k < words_of(span, bytes); k++) {
        uint64_t with =
            sim_shadow_write(span->cells + k, stamp | bytes_in(span, bytes, k), &order, same);
        if (with) race(warp, i, lane, span, with, "writes");
    }
}

void sim_read(sim_warp *warp, const sim_instr *i, int lane, const sim_span *span, int bytes,
              void *to) {
    sim_check_written(warp, i, lane, span, bytes);
    sim_check_read(warp, i, lane, span, bytes, i->relaxed ? SIM_ATOMIC : SIM_PLAIN);
    memcpy(to, span->data, (size_t)bytes);
}

static void write_one(sim_warp *warp, const sim_instr *i, int lane, const sim_span *span, int bytes,
                      const void *from) {
    sim_check_write(warp, i, lane, span, bytes, i->relaxed ? SIM_ATOMIC : SIM_PLAIN, from);
    memcpy(span->data, from, (size_t)bytes);
}

// ---- whole warps ----

// The memory in which the lanes of an instruction usually all are.
typedef struct region {
    uint64_t base, size;
    uint8_t *data, *written;
    sim_cell *cells;
    uint64_t stamp;
    sim_order order;
} region;

// That of the first lane's address. False: the lanes are accessed one by one.
static bool find_region(const sim_warp *warp, ptx_space space, uint64_t address, sim_manner manner,
                        region *out) {
    sim_cta *cta = warp->cta;
    uint64_t generic = 0;
    if (space == PTX_GENERIC) {
        generic = address;
        space = sim_generic(&address);
        generic -= address;
    }
    sim_span span = {.global = space == PTX_GLOBAL};
    if (space == PTX_SHARED) {
        *out = (region){.base = generic,
                        .size = cta->shared_bytes,
                        .data = cta->shared,
                        .written = cta->shared_written,
                        .cells = cta->shared_cells};
    } else if (space == PTX_GLOBAL) {
        const sim_block *block = cta->last;
        if (!block || address - block->base >= block->bytes) block = sim_memory_find(address);
        if (!block || block->freed) return false;
        cta->last = block;
        *out = (region){.base = block->base,
                        .size = block->bytes,
                        .data = (uint8_t *)(uintptr_t)block->base,
                        .written = block->written,
                        .cells = block->cells};
    } else {
        return false;
    }
    out->stamp = stamp_of(warp, &span, 0, manner) | SIM_ALL_BYTES;
    out->order = order_of(warp, &span);
    return true;
}

// Whole words inside the region.
static inline bool is_usual(const region *r, uint64_t at, int bytes) {
    return at < r->size && (uint64_t)bytes <= r->size - at && (at & ((uint64_t)bytes - 1)) == 0 &&
           bytes % SIM_CELL_BYTES == 0;
}

static inline bool read_usual(const region *r, uint64_t at, int lane, int bytes, uint8_t *to) {
    uint64_t stamp = r->stamp | (uint64_t)lane << SIM_LANE_BIT, race = 0;
    uint32_t unwritten = 0;
    for (int k = 0; k < bytes; k += SIM_CELL_BYTES) {
        uint32_t written;
        memcpy(&written, r->written + at + k, sizeof written);
        unwritten |= written ^ 0x01010101;
        const sim_cell *cell = &r->cells[at / SIM_CELL_BYTES + (uint64_t)k / SIM_CELL_BYTES];
        uint64_t write = sim_stamp_get(&cell->write);
        if (write) race |= sim_stamp_conflicts(write, stamp, &r->order);
    }
    if (race || unwritten) return false;
    for (int k = 0; k < bytes; k += SIM_CELL_BYTES)
        sim_shadow_read(&r->cells[at / SIM_CELL_BYTES + (uint64_t)k / SIM_CELL_BYTES], stamp,
                        &r->order);
    memcpy(to, r->data + at, (size_t)bytes);
    return true;
}

// from = NULL: an asynchronous copy will write there.
static inline bool write_usual(const region *r, uint64_t at, int lane, int bytes,
                               const uint8_t *from) {
    static const uint8_t all[SIM_MOST_ACCESS] = {1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1,
                                                 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1};
    uint64_t stamp = from ? r->stamp | (uint64_t)lane << SIM_LANE_BIT : r->stamp;
    for (int k = 0; k < bytes; k += SIM_CELL_BYTES) {
        const sim_cell *cell = &r->cells[at / SIM_CELL_BYTES + (uint64_t)k / SIM_CELL_BYTES];
        uint64_t write = sim_stamp_get(&cell->write), read = sim_stamp_get(&cell->read);
        uint64_t other = sim_stamp_get(&cell->other);
        if ((write && sim_stamp_conflicts(write, stamp, &r->order)) ||
            (read && sim_stamp_conflicts(read, stamp, &r->order)) ||
            (other && sim_stamp_conflicts(other, stamp, &r->order)))
            return false;
    }
    for (int k = 0; k < bytes; k += SIM_CELL_BYTES)
        sim_shadow_write(&r->cells[at / SIM_CELL_BYTES + (uint64_t)k / SIM_CELL_BYTES], stamp,
                         &r->order, false);
    if (from) memcpy(r->data + at, from, (size_t)bytes);
    memcpy(r->written + at, all, (size_t)bytes);
    return true;
}

static inline __attribute__((always_inline)) bool read_lanes(sim_warp *warp, const sim_instr *i,
                                                             uint32_t mask, ptx_space space,
                                                             const uint64_t *addresses, int bytes,
                                                             uint8_t (*data)[SIM_MOST_ACCESS]) {
    region r;
    sim_manner manner = i->relaxed ? SIM_ATOMIC : SIM_PLAIN;
    bool usual = find_region(warp, space, addresses[__builtin_ctz(mask)], manner, &r);
    if (usual) warp->dirty = true;
    for (int l = 0; l < SIM_LANES; l++) {
        if (!(mask >> l & 1)) continue;
        uint64_t at = addresses[l] - r.base;
        if (usual && is_usual(&r, at, bytes) && read_usual(&r, at, l, bytes, data[l])) continue;
        sim_span span;
        if (!sim_find(warp, i, l, space, addresses[l], bytes, &span)) return false;
        sim_read(warp, i, l, &span, bytes, data[l]);
    }
    return true;
}

static inline __attribute__((always_inline)) bool write_lanes(sim_warp *warp, const sim_instr *i,
                                                              uint32_t mask, ptx_space space,
                                                              const uint64_t *addresses, int bytes,
                                                              uint8_t (*data)[SIM_MOST_ACCESS]) {
    region r;
    sim_manner manner = !data ? SIM_PENDING : i->relaxed ? SIM_ATOMIC : SIM_PLAIN;
    bool usual = find_region(warp, space, addresses[__builtin_ctz(mask)], manner, &r);
    if (usual) warp->dirty = true;
    for (int l = 0; l < SIM_LANES; l++) {
        if (!(mask >> l & 1)) continue;
        uint64_t at = addresses[l] - r.base;
        const uint8_t *from = data ? data[l] : NULL;
        if (usual && is_usual(&r, at, bytes) && write_usual(&r, at, l, bytes, from)) continue;
        sim_span span;
        if (!sim_find(warp, i, l, space, addresses[l], bytes, &span)) return false;
        if (data)
            write_one(warp, i, l, &span, bytes, from);
        else
            sim_check_write(warp, i, l, &span, bytes, SIM_PENDING, NULL);
    }
    return true;
}

// The compiler makes a version for each usual number of bytes.
bool sim_read_lanes(sim_warp *warp, const sim_instr *i, uint32_t mask, ptx_space space,
                    const uint64_t *addresses, int bytes, uint8_t (*data)[SIM_MOST_ACCESS]) {
    switch (bytes) {
        case 4: return read_lanes(warp, i, mask, space, addresses, 4, data);
        case 16: return read_lanes(warp, i, mask, space, addresses, 16, data);
        default: return read_lanes(warp, i, mask, space, addresses, bytes, data);
    }
}

bool sim_write_lanes(sim_warp *warp, const sim_instr *i, uint32_t mask, ptx_space space,
                     const uint64_t *addresses, int bytes, uint8_t (*data)[SIM_MOST_ACCESS]) {
    switch (bytes) {
        case 4: return write_lanes(warp, i, mask, space, addresses, 4, data);
        case 16: return write_lanes(warp, i, mask, space, addresses, 16, data);
        default: return write_lanes(warp, i, mask, space, addresses, bytes, data);
    }
}

void sim_lane_addresses(const sim_warp *warp, const sim_instr *i, uint64_t *addresses) {
    if (!i->indirect) {
        for (int l = 0; l < SIM_LANES; l++) addresses[l] = (uint64_t)i->offset;
    } else if (i->wide) {
        const uint64_t *a = sim_source(warp, i->a);
        for (int l = 0; l < SIM_LANES; l++) addresses[l] = a[l] + (uint64_t)i->offset;
    } else {
        const uint32_t *a = sim_source(warp, i->a);
        for (int l = 0; l < SIM_LANES; l++) addresses[l] = a[l] + (uint32_t)i->offset;
    }
}
