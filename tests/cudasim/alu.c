// Plain functions of lanes: how they are decoded and run.
#include "tests/cudasim/alu.h"

#include <string.h>

#include "tests/cudasim/decode.h"
#include "tests/cudasim/lanes.h"

// ---- running ----

static void blend32(uint32_t *d, const uint32_t *result, uint32_t mask) {
    SIM_EACH_LANE {
        uint32_t use = 0 - (mask >> l & 1);
        d[l] = (result[l] & use) | (d[l] & ~use);
    }
}

static void blend64(uint64_t *d, const uint64_t *result, uint32_t mask) {
    SIM_EACH_LANE {
        uint64_t use = 0 - (uint64_t)(mask >> l & 1);
        d[l] = (result[l] & use) | (d[l] & ~use);
    }
}

void sim_blend(void *d, const void *result, uint32_t mask, int lane_bytes) {
    if (lane_bytes == 4) {
        blend32(d, result, mask);
    } else if (lane_bytes == 8) {
        blend64(d, result, mask);
    } else {
        for (int l = 0; l < SIM_LANES; l++)
            if (mask >> l & 1) memcpy((char *)d + 16 * l, (const char *)result + 16 * l, 16);
    }
}

void sim_run_lanes(sim_warp *warp, const sim_instr *i, uint32_t mask) {
    void *d = warp->registers + i->d;
    const void *a = sim_source(warp, i->a), *b = sim_source(warp, i->b);
    const void *c = sim_source(warp, i->c);
    if (mask == UINT32_MAX) {
        i->lanes(i, d, a, b, c);
        return;
    }
    uint64_t result[2 * SIM_LANES];
    i->lanes(i, result, a, b, c);
    sim_blend(d, result, mask, i->width);
}

// bfi has a fourth source; its position and length go to one lane together.
static void run_insert(sim_warp *warp, const sim_instr *i, uint32_t mask) {
    uint32_t field[SIM_LANES];
    const uint32_t *position = sim_source(warp, i->c), *length = sim_source(warp, i->list[0]);
    for (int l = 0; l < SIM_LANES; l++) field[l] = (position[l] & 0xff) | (length[l] & 0xff) << 16;
    uint64_t result[2 * SIM_LANES];
    i->lanes(i, result, sim_source(warp, i->a), sim_source(warp, i->b), field);
    sim_blend(warp->registers + i->d, result, mask, i->width);
}

// ---- sums with carry ----

enum { CARRY_IN = 1, CARRY_OUT = 2, SUBTRACT = 4 };

static uint64_t masked(uint64_t v, int bytes) { return bytes == 8 ? v : (uint32_t)v; }

// a + b with the carry of each lane; a difference is a + ~b + 1, its borrow the carry's opposite.
static void run_carry(sim_warp *warp, const sim_instr *i, uint32_t mask) {
    const void *a = sim_source(warp, i->a), *b = sim_source(warp, i->b);
    uint64_t result[SIM_LANES];
    uint32_t carries = 0, *narrow = (uint32_t *)(void *)result;
    bool subtract = i->mode & SUBTRACT;
    for (int l = 0; l < SIM_LANES; l++) {
        uint64_t x = sim_lane_value(a, i->width, l), y = sim_lane_value(b, i->width, l);
        bool in = i->mode & CARRY_IN ? warp->carry >> l & 1 : false;
        if (subtract) y = masked(~y, i->width);
        unsigned __int128 sum = (unsigned __int128)x + y + (subtract ? !in : in);
        bool out = (sum >> (8 * i->width)) & 1;
        carries |= (uint32_t)(subtract ? !out : out) << l;
        if (i->width == 8)
            result[l] = (uint64_t)sum;
        else
            narrow[l] = (uint32_t)sum;
    }
    sim_blend(warp->registers + i->d, result, mask, i->width);
    if (i->mode & CARRY_OUT) warp->carry = (warp->carry & ~mask) | (carries & mask);
}

// A product's half first, into a place of its own, then the sum.
static void run_multiply_carry(sim_warp *warp, const sim_instr *i, uint32_t mask) {
    const void *a = sim_source(warp, i->a), *b = sim_source(warp, i->b);
    const void *c = sim_source(warp, i->c);
    uint64_t result[SIM_LANES];
    uint32_t carries = 0, *narrow = (uint32_t *)(void *)result;
    int bits = 8 * i->width;
    for (int l = 0; l < SIM_LANES; l++) {
        uint64_t x = sim_lane_value(a, i->width, l), y = sim_lane_value(b, i->width, l);
        unsigned __int128 product = (unsigned __int128)x * y;
        if (i->sat && i->type == PTX_S32)
            product = (unsigned __int128)((__int128)(int32_t)x * (int32_t)y);
        if (i->sat && i->type == PTX_S64)
            product = (unsigned __int128)((__int128)(int64_t)x * (int64_t)y);
        uint64_t part = masked((uint64_t)(i->sat ? product >> bits : product), i->width);
        unsigned __int128 sum = (unsigned __int128)part + sim_lane_value(c, i->width, l);
        if (i->mode & CARRY_IN) sum += warp->carry >> l & 1;
        carries |= (uint32_t)(sum >> bits & 1) << l;
        if (i->width == 8)
            result[l] = (uint64_t)sum;
        else
            narrow[l] = (uint32_t)sum;
    }
    sim_blend(warp->registers + i->d, result, mask, i->width);
    if (i->mode & CARRY_OUT) warp->carry = (warp->carry & ~mask) | (carries & mask);
}

static bool decode_carry(sim_decoder *d) {
    const char *op = d->statement->parts[0];
    bool out = false;
    for (int k = 1; k < d->statement->n_parts; k++) out |= !strcmp(d->statement->parts[k], "cc");
    bool in = !strcmp(op, "addc") || !strcmp(op, "subc") || !strcmp(op, "madc");
    if (!in && !out) return false;
    sim_instr *i = d->i;
    bool multiply = op[0] == 'm';
    sim_take(d, "cc");
    // .sat stands for the high half of a product here; sums with carry do not saturate.
    if (multiply && !sim_take(d, "lo")) i->sat = sim_take(d, "hi");
    ptx_type type = sim_take_type(d);
    i->type = (uint8_t)type;
    i->width = (uint8_t)sim_lane_bytes(type);
    i->mode =
        (uint8_t)((in ? CARRY_IN : 0) | (out ? CARRY_OUT : 0) | (op[0] == 's' ? SUBTRACT : 0));
    i->run = multiply ? run_multiply_carry : run_carry;
    sim_define(d, &i->d, sim_operand(d, 0), type);
    sim_use(d, &i->a, sim_operand(d, 1), type);
    sim_use(d, &i->b, sim_operand(d, 2), type);
    if (multiply) sim_use(d, &i->c, sim_operand(d, 3), type);
    return true;
}

// ---- decoding ----

static bool has_part(const sim_decoder *d, const char *part) {
    for (int k = 1; k < d->statement->n_parts; k++)
        if (strcmp(d->statement->parts[k], part) == 0) return true;
    return false;
}

// A variant may have several parts: "l.wrap".
static bool has_variant(sim_decoder *d, const char *variant, bool take) {
    char part[16];
    for (const char *p = variant; p && *p;) {
        size_t length = strcspn(p, ".");
        memcpy(part, p, length);
        part[length] = 0;
        if (!(take ? sim_take(d, part) : has_part(d, part))) return false;
        p += length + (p[length] == '.');
    }
    return true;
}

static const sim_alu *find_row(sim_decoder *d) {
    static const sim_alu *const tables[] = {sim_alu_float, sim_alu_integer, sim_alu_wide,
                                            sim_alu_bits,  sim_alu_special, sim_alu_half};
    for (int t = 0; t < (int)(sizeof tables / sizeof *tables); t++)
        for (const sim_alu *row = tables[t]; row->op; row++)
            if (strcmp(row->op, d->statement->parts[0]) == 0 &&
                has_part(d, ptx_type_name(row->type)) && has_variant(d, row->variant, false))
                return row;
    return NULL;
}

static bool take_modifiers(sim_decoder *d) {
    static const char *const roundings[] = {"rn", "rz", "rm", "rp", NULL};
    sim_instr *i = d->i;
    int rounding = sim_take_one(d, roundings);
    i->rounding = rounding < 0 ? SIM_RN : (uint8_t)rounding;
    i->ftz = sim_take(d, "ftz");
    i->sat = sim_take(d, "sat");
    i->relu = sim_take(d, "relu");
    return i->rounding != SIM_RN || i->ftz || i->sat || i->relu;
}

static void take_table(sim_decoder *d, int k) {
    const ptx_operand *operand = sim_operand(d, k);
    if (operand->kind != PTX_INTEGER) sim_decode_fail(d, "the table has to be a number");
    d->i->mode = (uint8_t)operand->bits;
}

bool sim_decode_alu(sim_decoder *d) {
    if (decode_carry(d)) return true;
    const sim_alu *row = find_row(d);
    if (!row) return false;
    sim_instr *i = d->i;
    has_variant(d, row->variant, true);
    sim_take(d, ptx_type_name(row->type));
    if (strcmp(row->op, "dp4a") == 0) sim_take_optional_type(d);
    bool general = take_modifiers(d);
    if (general && !row->general) sim_decode_fail(d, "these modifiers do not go together");
    ptx_type result = row->result ? row->result : row->type;
    i->run = sim_run_lanes;
    i->lanes = general ? row->general : row->lanes;
    i->mode = row->mode;
    i->type = (uint8_t)row->type;
    i->width = (uint8_t)sim_lane_bytes(result);
    sim_define(d, &i->d, sim_operand(d, 0), result);
    sim_use(d, &i->a, sim_operand(d, 1), row->type);
    if (row->sources > 1) sim_use(d, &i->b, sim_operand(d, 2), row->b ? row->b : row->type);
    if (row->sources > 2) sim_use(d, &i->c, sim_operand(d, 3), row->c ? row->c : row->type);
    if (strcmp(row->op, "lop3") == 0) take_table(d, 4);
    if (strcmp(row->op, "bfi") == 0) {
        i->run = run_insert;
        sim_use(d, sim_slots(d, 1), sim_operand(d, 4), PTX_U32);
    }
    return true;
}
