// ld and st.
#include <string.h>

#include "tests/cudasim/access.h"
#include "tests/cudasim/alu.h"
#include "tests/cudasim/decode.h"

// ---- running ----

// Elements of one lane each, extended as their type says, to a register.
static void put_element(sim_warp *warp, const sim_instr *i, uint32_t mask, int k,
                        uint8_t (*data)[SIM_MOST_ACCESS]) {
    char *d = warp->registers + i->list[k];
    int at = k * i->bytes, unused = 64 - 8 * i->bytes;
    for (int l = 0; l < SIM_LANES; l++) {
        if (!(mask >> l & 1)) continue;
        uint64_t v = 0;
        if (i->bytes == 4 && i->width == 4) {
            memcpy(d + 4 * l, data[l] + at, 4);
            continue;
        }
        if (i->bytes == 16) {
            memcpy(d + 16 * l, data[l] + at, 16);
            continue;
        }
        memcpy(&v, data[l] + at, i->bytes);
        if (i->negated) v = (uint64_t)((int64_t)(v << unused) >> unused);  // of a signed type
        if (i->width == 8)
            memcpy(d + 8 * l, &v, 8);
        else
            ((uint32_t *)(void *)d)[l] = (uint32_t)(i->width == 2 ? v & 0xffff : v);
    }
}

static void run_load(sim_warp *warp, const sim_instr *i, uint32_t mask) {
    uint64_t addresses[SIM_LANES];
    uint8_t data[SIM_LANES][SIM_MOST_ACCESS];
    sim_lane_addresses(warp, i, addresses);  // first: a result may take their register
    if (!sim_read_lanes(warp, i, mask, (ptx_space)i->space, addresses, i->bytes * i->n_list, data))
        return;
    for (int k = 0; k < i->n_list; k++) put_element(warp, i, mask, k, data);
}

static void run_store(sim_warp *warp, const sim_instr *i, uint32_t mask) {
    int lane_bytes = i->bytes == 16 ? 16 : i->width == 8 ? 8 : 4;
    uint64_t addresses[SIM_LANES];
    uint8_t data[SIM_LANES][SIM_MOST_ACCESS];
    sim_lane_addresses(warp, i, addresses);
    for (int k = 0; k < i->n_list; k++) {
        const char *from = sim_source(warp, i->list[k]);
        if (i->bytes == 4 && lane_bytes == 4) {
            for (int l = 0; l < SIM_LANES; l++) memcpy(data[l] + 4 * k, from + 4 * l, 4);
        } else {
            for (int l = 0; l < SIM_LANES; l++)
                memcpy(data[l] + k * i->bytes, from + l * lane_bytes, i->bytes);
        }
    }
    sim_write_lanes(warp, i, mask, (ptx_space)i->space, addresses, i->bytes * i->n_list, data);
}

// ---- decoding ----

// Hints to caches, which are none here.
static void take_hints(sim_decoder *d) {
    static const char *const hints[] = {"ca",
                                        "cg",
                                        "cs",
                                        "cv",
                                        "lu",
                                        "wb",
                                        "wt",
                                        "nc",
                                        "L1::evict_normal",
                                        "L1::evict_last",
                                        "L1::evict_first",
                                        "L1::evict_unchanged",
                                        "L1::no_allocate",
                                        "L2::64B",
                                        "L2::128B",
                                        "L2::256B",
                                        "L2::cache_hint",
                                        "L2::evict_last",
                                        "L2::evict_normal",
                                        "L2::evict_first",
                                        "weak",
                                        "cta",
                                        "cluster",
                                        "gpu",
                                        "sys",
                                        NULL};
    while (sim_take_one(d, hints) >= 0) continue;
}

static void take_order(sim_decoder *d) {
    static const char *const orders[] = {"volatile", "relaxed", "acquire", "release", "mmio", NULL};
    d->i->relaxed = sim_take_one(d, orders) >= 0;
    if (sim_take(d, "mmio")) d->i->relaxed = true;
}

static int take_count(sim_decoder *d) {
    static const char *const counts[] = {"v2", "v4", "v8", NULL};
    int k = sim_take_one(d, counts);
    return k < 0 ? 1 : 2 << k;
}

static void decode_elements(sim_decoder *d, const ptx_operand *operand, ptx_type type, int count,
                            bool load) {
    sim_instr *i = d->i;
    const ptx_operand *first;
    if (sim_elements(operand, &first) != count)
        sim_decode_fail(d, "there have to be %d elements", count);
    sim_slot *list = sim_slots(d, count);
    for (int k = 0; k < count; k++) {
        int bytes = load ? sim_define_any(d, &list[k], &first[k])
                         : sim_use_any(d, &list[k], &first[k], type);
        if (bytes < i->bytes) sim_decode_fail(d, "a register is too small");
        if (first[k].kind != PTX_SINK || i->width == 0) i->width = (uint8_t)bytes;
    }
    if (i->bytes * count > SIM_MOST_ACCESS) sim_decode_fail(d, "too many bytes");
}

static ptx_type decode_access(sim_decoder *d, int *count) {
    sim_instr *i = d->i;
    take_order(d);
    i->space = (uint8_t)sim_take_space(d);
    take_hints(d);
    *count = take_count(d);
    ptx_type type = sim_take_type(d);
    if (i->space == PTX_CONST) i->space = PTX_GLOBAL;
    i->type = (uint8_t)type;
    i->bytes = (uint8_t)ptx_type_bytes(type);
    i->negated = type == PTX_S8 || type == PTX_S16 || type == PTX_S32;
    return type;
}

void sim_decode_load(sim_decoder *d) {
    int count;
    ptx_type type = decode_access(d, &count);
    d->i->run = run_load;
    decode_elements(d, sim_operand(d, 0), type, count, true);
    sim_address(d, sim_operand(d, 1));
}

void sim_decode_store(sim_decoder *d) {
    int count;
    ptx_type type = decode_access(d, &count);
    d->i->run = run_store;
    sim_address(d, sim_operand(d, 0));
    decode_elements(d, sim_operand(d, 1), type, count, false);
}
