// Moves, selections, and logic of predicates.
#include <string.h>
#include <time.h>

#include "tests/cudasim/alu.h"
#include "tests/cudasim/decode.h"
#include "tests/cudasim/lanes.h"

// ---- mov ----

SIM_UNARY(copy32, uint32_t, uint32_t, x)
SIM_UNARY(copy64, uint64_t, uint64_t, x)
static void copy128(SIM_LANES_ARGS) {
    SIM_UNUSED();
    memcpy(dp, ap, 16 * SIM_LANES);
}

static void set_lanes(sim_instr *i, ptx_type type) {
    i->run = sim_run_lanes;
    i->width = (uint8_t)sim_lane_bytes(type);
    i->lanes = i->width == 4 ? copy32 : i->width == 8 ? copy64 : copy128;
}

static void run_move_pred(sim_warp *warp, const sim_instr *i, uint32_t mask) {
    sim_set_pred(warp, i->d, mask, sim_get_pred(warp, i->a));
}

// %clock and the like count what the warp may still execute; nothing may depend on them.
static void run_clock(sim_warp *warp, const sim_instr *i, uint32_t mask) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    uint64_t result[SIM_LANES], ticks = (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
    uint32_t *narrow = (uint32_t *)(void *)result;
    for (int l = 0; l < SIM_LANES; l++)
        if (i->width == 8)
            result[l] = ticks;
        else
            narrow[l] = (uint32_t)ticks;
    sim_blend(warp->registers + i->d, result, mask, i->width);
}

// A register's lanes as pieces of `piece` bytes, and back.
static void gather(const sim_warp *warp, const sim_instr *i, int l, char *bytes, int piece) {
    for (int k = 0; k < i->n_list; k++) {
        const char *from = sim_source(warp, i->list[k]);
        memcpy(bytes + k * piece, from + l * (piece < 4 ? 4 : piece), (size_t)piece);
    }
}

static void run_pack(sim_warp *warp, const sim_instr *i, uint32_t mask) {
    char result[16 * SIM_LANES] = {0};
    for (int l = 0; l < SIM_LANES; l++) gather(warp, i, l, result + l * i->width, i->bytes);
    sim_blend(warp->registers + i->d, result, mask, i->width);
}

static void run_unpack(sim_warp *warp, const sim_instr *i, uint32_t mask) {
    int piece = i->bytes, to = piece < 4 ? 4 : piece;
    char from[16 * SIM_LANES];  // a copy: the register may be one of the results
    memcpy(from, sim_source(warp, i->a), (size_t)i->width * SIM_LANES);
    for (int k = 0; k < i->n_list; k++) {
        char *d = warp->registers + i->list[k];
        for (int l = 0; l < SIM_LANES; l++) {
            if (!(mask >> l & 1)) continue;
            memset(d + l * to, 0, (size_t)to);
            memcpy(d + l * to, from + l * i->width + k * piece, (size_t)piece);
        }
    }
}

static void decode_pack(sim_decoder *d, ptx_type type, const ptx_operand *vector, bool pack) {
    static const ptx_type pieces[] = {[1] = PTX_B8, [2] = PTX_B16, [4] = PTX_B32, [8] = PTX_B64};
    sim_instr *i = d->i;
    int n = vector->n_items, bytes = ptx_type_bytes(type);
    if (n == 0 || bytes % n != 0 || bytes / n > 8) sim_decode_fail(d, "pieces do not fit");
    i->bytes = (uint8_t)(bytes / n);
    i->width = (uint8_t)sim_lane_bytes(type);
    i->run = pack ? run_pack : run_unpack;
    if (pack) sim_define(d, &i->d, sim_operand(d, 0), type);
    if (!pack) sim_use(d, &i->a, sim_operand(d, 1), type);
    sim_slot *list = sim_slots(d, n);
    for (int k = 0; k < n; k++) {
        if (pack)
            sim_use(d, &list[k], &vector->items[k], pieces[i->bytes]);
        else
            sim_define(d, &list[k], &vector->items[k], pieces[i->bytes]);
    }
}

static bool is_clock(const ptx_operand *operand) {
    return operand->kind == PTX_SPECIAL && (strncmp(operand->name, "%clock", 6) == 0 ||
                                            strncmp(operand->name, "%globaltimer", 12) == 0);
}

void sim_decode_move(sim_decoder *d) {
    sim_instr *i = d->i;
    ptx_type type = sim_take_type(d);
    const ptx_operand *to = sim_operand(d, 0), *from = sim_operand(d, 1);
    d->copies[d->statement - d->function->statements] = true;
    i->type = (uint8_t)type;
    if (to->kind == PTX_VECTOR || from->kind == PTX_VECTOR) {
        decode_pack(d, type, to->kind == PTX_VECTOR ? to : from, from->kind == PTX_VECTOR);
        return;
    }
    set_lanes(i, type);
    sim_define(d, &i->d, to, type);
    if (type == PTX_PRED) {
        i->run = run_move_pred;
        sim_use(d, &i->a, from, type);
    } else if (is_clock(from)) {
        i->run = run_clock;
    } else if (from->kind == PTX_VARIABLE) {
        i->a = sim_constant(d, i->width, (uint64_t)sim_variable_address(d, from), 0);
    } else {
        sim_use(d, &i->a, from, type);
    }
}

// ---- selp, slct ----

#define SELECT(name, T)                                                           \
    static void name(sim_warp *warp, const sim_instr *i, uint32_t mask) {         \
        const T *a = sim_source(warp, i->a), *b = sim_source(warp, i->b);         \
        T result[SIM_LANES];                                                      \
        uint32_t pred = sim_get_pred(warp, i->c) ^ (i->negated ? UINT32_MAX : 0); \
        SIM_EACH_LANE result[l] = pred >> l & 1 ? a[l] : b[l];                    \
        sim_blend(warp->registers + i->d, result, mask, sizeof(T));               \
    }
SELECT(run_select32, uint32_t)
SELECT(run_select64, uint64_t)

#define SLCT(name, T, test)                                               \
    static void name(sim_warp *warp, const sim_instr *i, uint32_t mask) { \
        const T *a = sim_source(warp, i->a), *b = sim_source(warp, i->b); \
        const test *c = sim_source(warp, i->c);                           \
        T result[SIM_LANES];                                              \
        SIM_EACH_LANE result[l] = c[l] >= 0 ? a[l] : b[l];                \
        sim_blend(warp->registers + i->d, result, mask, sizeof(T));       \
    }
SLCT(run_slct32_s32, uint32_t, int32_t)
SLCT(run_slct64_s32, uint64_t, int32_t)
SLCT(run_slct32_f32, uint32_t, float)
SLCT(run_slct64_f32, uint64_t, float)

void sim_decode_select(sim_decoder *d) {
    sim_instr *i = d->i;
    ptx_type type = sim_take_type(d), by = PTX_PRED;
    bool slct = d->statement->parts[0][1] == 'l';
    if (slct) {
        sim_take(d, "ftz");
        by = sim_take_type(d);
    }
    bool wide = ptx_type_bytes(type) == 8;
    if (!slct)
        i->run = wide ? run_select64 : run_select32;
    else if (by == PTX_F32)
        i->run = wide ? run_slct64_f32 : run_slct32_f32;
    else
        i->run = wide ? run_slct64_s32 : run_slct32_s32;
    d->copies[d->statement - d->function->statements] = true;
    i->width = wide ? 8 : 4;
    sim_define(d, &i->d, sim_operand(d, 0), type);
    sim_use(d, &i->a, sim_operand(d, 1), type);
    sim_use(d, &i->b, sim_operand(d, 2), type);
    sim_use(d, &i->c, sim_operand(d, 3), by);
    i->negated = sim_operand(d, 3)->negated;
}

// ---- and, or, xor, not of predicates ----

typedef enum logic { AND, OR, XOR, NOT } logic;

static void run_logic(sim_warp *warp, const sim_instr *i, uint32_t mask) {
    uint32_t a = sim_get_pred(warp, i->a), b = sim_get_pred(warp, i->b);
    uint32_t value = i->op == AND ? a & b : i->op == OR ? a | b : i->op == XOR ? a ^ b : ~a;
    sim_set_pred(warp, i->d, mask, value);
}

void sim_decode_logic(sim_decoder *d) {
    static const char *const names[] = {"and", "or", "xor", "not"};
    sim_instr *i = d->i;
    int op = 0;
    while (op < 4 && strcmp(names[op], d->statement->parts[0]) != 0) op++;
    if (op == 4) sim_decode_fail(d, "this is not done to predicates");
    i->op = (uint8_t)op;
    i->run = run_logic;
    sim_define(d, &i->d, sim_operand(d, 0), PTX_PRED);
    sim_use(d, &i->a, sim_operand(d, 1), PTX_PRED);
    if (i->op != NOT) sim_use(d, &i->b, sim_operand(d, 2), PTX_PRED);
}
