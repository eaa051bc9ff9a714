// atom and red.
#include <string.h>

#include "tests/cudasim/access.h"
#include "tests/cudasim/alu.h"
#include "tests/cudasim/decode.h"
#include "tests/cudasim/lanes.h"

typedef enum operation { ADD, MIN, MAX, INC, DEC, AND, OR, XOR, EXCH, CAS } operation;

// ---- one value ----

static uint64_t add(ptx_type type, uint64_t a, uint64_t b) {
    if (type == PTX_F16X2 || type == PTX_BF16X2) {
        ptx_type half = type == PTX_F16X2 ? PTX_F16 : PTX_BF16;
        return add(half, a & 0xffff, b & 0xffff) | add(half, a >> 16, b >> 16) << 16;
    }
    double x, y, sum;
    switch (type) {
        case PTX_F64:
            memcpy(&x, &a, 8);
            memcpy(&y, &b, 8);
            sum = x + y;
            memcpy(&a, &sum, 8);
            return a;
        case PTX_F32:
        case PTX_F16:
        case PTX_BF16:
            sum = sim_add_odd(sim_float_value(type, a), sim_float_value(type, b));
            return sim_float_bits(type, sum, SIM_RN);
        default: return a + b;
    }
}

static bool less(ptx_type type, uint64_t a, uint64_t b) {
    switch (type) {
        case PTX_S32: return (int32_t)a < (int32_t)b;
        case PTX_S64: return (int64_t)a < (int64_t)b;
        case PTX_F16:
        case PTX_BF16: return sim_float_value(type, a) < sim_float_value(type, b);
        default: return a < b;
    }
}

static uint64_t apply(const sim_instr *i, uint64_t old, uint64_t b, uint64_t c) {
    ptx_type type = (ptx_type)i->type;
    switch ((operation)i->op) {
        case ADD: return add(type, old, b);
        case MIN: return less(type, b, old) ? b : old;
        case MAX: return less(type, old, b) ? b : old;
        case INC: return old >= b ? 0 : old + 1;
        case DEC: return old == 0 || old > b ? b : old - 1;
        case AND: return old & b;
        case OR: return old | b;
        case XOR: return old ^ b;
        case EXCH: return b;
        default: return old == b ? c : old;
    }
}

// ---- running ----

// Other blocks run at the same time: what was read is replaced only if it is still there.
#define EXCHANGE(T)                                                                      \
    static uint64_t exchange_##T(const sim_instr *i, void *at, uint64_t b, uint64_t c) { \
        T old = __atomic_load_n((T *)at, __ATOMIC_SEQ_CST), new;                         \
        do new = (T)apply(i, old, b, c);                                                 \
        while (!__atomic_compare_exchange_n((T *)at, &old, new, false, __ATOMIC_SEQ_CST, \
                                            __ATOMIC_SEQ_CST));                          \
        return old;                                                                      \
    }
EXCHANGE(uint16_t)
EXCHANGE(uint32_t)
EXCHANGE(uint64_t)

static uint64_t exchange(const sim_instr *i, void *at, uint64_t b, uint64_t c) {
    if (i->bytes == 2) return exchange_uint16_t(i, at, b, c);
    return i->bytes == 4 ? exchange_uint32_t(i, at, b, c) : exchange_uint64_t(i, at, b, c);
}

static uint64_t operand(const sim_warp *warp, const sim_instr *i, sim_slot slot, int lane) {
    uint64_t v = sim_lane_value(sim_source(warp, slot), i->width, lane);
    return i->bytes == 2 ? v & 0xffff : v;
}

// One element of one lane.
static uint64_t run_one(sim_warp *warp, const sim_instr *i, int lane, sim_span *span, int k) {
    sim_check_written(warp, i, lane, span, i->bytes);
    sim_check_write(warp, i, lane, span, i->bytes, SIM_ATOMIC, NULL);
    uint64_t b = operand(warp, i, i->list[k], lane);
    uint64_t c = i->op == CAS ? operand(warp, i, i->c, lane) : 0;
    return exchange(i, span->data, b, c);
}

static void put_result(sim_warp *warp, const sim_instr *i, sim_slot slot, int lane, uint64_t v) {
    char *d = warp->registers + slot;
    if (i->width == 8)
        ((uint64_t *)(void *)d)[lane] = v;
    else
        ((uint32_t *)(void *)d)[lane] = (uint32_t)v;
}

// list: the operands, then the results if there are any (i->second).
static void run_atomic(sim_warp *warp, const sim_instr *i, uint32_t mask) {
    int n = i->second ? i->n_list / 2 : i->n_list;
    uint64_t addresses[SIM_LANES];
    for (int l = 0; l < SIM_LANES; l++)
        if (mask >> l & 1) addresses[l] = sim_lane_address(warp, i, l);
    for (int l = 0; l < SIM_LANES; l++) {
        if (!(mask >> l & 1)) continue;
        sim_span span;
        if (!sim_find(warp, i, l, (ptx_space)i->space, addresses[l], n * i->bytes, &span)) return;
        for (int k = 0; k < n; k++) {
            sim_span one = span;
            unsigned at = span.in_word + (unsigned)(k * i->bytes);
            one.data += k * i->bytes;
            if (one.written) one.written += k * i->bytes;
            if (one.cells) one.cells += at / SIM_CELL_BYTES;
            one.in_word = at % SIM_CELL_BYTES;
            uint64_t old = run_one(warp, i, l, &one, k);
            if (i->second) put_result(warp, i, i->list[n + k], l, old);
        }
        // With a fence before or after, this is how blocks wait for each other.
        sim_cta *cta = warp->cta;
        if (span.global && i->second) {
            cta->took = true;
            if (i->mode) cta->acquired = true;
        }
    }
}

// ---- decoding ----

static void take_hints(sim_decoder *d) {
    static const char *const hints[] = {"relaxed", "cta",   "cluster",        "gpu", "sys",
                                        "noftz",   "async", "L2::cache_hint", NULL};
    d->i->mode = sim_take(d, "acquire") || sim_take(d, "acq_rel");
    sim_take(d, "release");
    while (sim_take_one(d, hints) >= 0) continue;
}

static bool may_be(operation op, ptx_type type) {
    bool floats = type == PTX_F16 || type == PTX_BF16 || type == PTX_F16X2 || type == PTX_BF16X2 ||
                  type == PTX_F32 || type == PTX_F64;
    if (!floats) return true;
    bool small = type == PTX_F16 || type == PTX_BF16;
    return op == ADD || ((op == MIN || op == MAX) && small);
}

void sim_decode_atomic(sim_decoder *d) {
    static const char *const names[] = {"add", "min", "max",  "inc", "dec", "and",
                                        "or",  "xor", "exch", "cas", NULL};
    static const char *const counts[] = {"v2", "v4", "v8", NULL};
    sim_instr *i = d->i;
    bool atom = strcmp(d->statement->parts[0], "atom") == 0;
    i->space = (uint8_t)sim_take_space(d);
    take_hints(d);
    int op = sim_take_one(d, names), counted = sim_take_one(d, counts);
    if (op < 0) sim_decode_fail(d, "there is no such atomic operation");
    ptx_type type = sim_take_type(d);
    if (!may_be((operation)op, type) || ptx_type_bytes(type) > 8 || ptx_type_bytes(type) < 2)
        sim_decode_fail(d, "there is no such atomic operation on .%s", ptx_type_name(type));
    i->op = (uint8_t)op;
    i->type = (uint8_t)type;
    i->bytes = (uint8_t)ptx_type_bytes(type);
    i->width = i->bytes == 8 ? 8 : 4;
    i->run = run_atomic;
    i->second = atom;
    int n = counted < 0 ? 1 : 2 << counted, k = atom ? 1 : 0;
    const ptx_operand *value, *result;
    sim_address(d, sim_operand(d, k));
    if (sim_elements(sim_operand(d, k + 1), &value) != n) sim_decode_fail(d, "%d operands", n);
    if (atom && sim_elements(sim_operand(d, 0), &result) != n) sim_decode_fail(d, "%d results", n);
    sim_slot *list = sim_slots(d, atom ? 2 * n : n);
    for (int e = 0; e < n; e++) {
        sim_use(d, &list[e], &value[e], type);
        if (atom) sim_define(d, &list[n + e], &result[e], type);
    }
    if (op == CAS) sim_use(d, &i->c, sim_operand(d, k + 2), type);
}
