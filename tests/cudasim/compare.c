// setp, set and testp: comparisons and properties.
#include <string.h>

#include "tests/cudasim/alu.h"
#include "tests/cudasim/decode.h"
#include "tests/cudasim/lanes.h"

// A bit for each lane. Unordered comparisons are the negations of ordered ones.
#define COMPARE(name, T, test)                             \
    static uint32_t name(const void *ap, const void *bp) { \
        const T *a = ap, *b = bp;                          \
        uint32_t bits = 0;                                 \
        for (int l = 0; l < SIM_LANES; l++) {              \
            T x = a[l], y = b[l];                          \
            bits |= (uint32_t)(test) << l;                 \
        }                                                  \
        return bits;                                       \
    }
#define ALL(suffix, T)              \
    COMPARE(eq_##suffix, T, x == y) \
    COMPARE(lt_##suffix, T, x < y)  \
    COMPARE(le_##suffix, T, x <= y)
ALL(s32, int32_t)
ALL(u32, uint32_t)
ALL(s64, int64_t)
ALL(u64, uint64_t)
ALL(f32, float)
ALL(f64, double)
COMPARE(ordered_f32, float, x == x && y == y)
COMPARE(ordered_f64, double, x == x && y == y)

typedef enum test { EQ, LT, LE, ORDERED, TESTS } test;
typedef enum kind { SIGNED32, UNSIGNED32, SIGNED64, UNSIGNED64, FLOAT32, FLOAT64, KINDS } kind;

static const sim_compare_fn functions[KINDS][TESTS] = {
    {eq_s32, lt_s32, le_s32, NULL},        {eq_u32, lt_u32, le_u32, NULL},
    {eq_s64, lt_s64, le_s64, NULL},        {eq_u64, lt_u64, le_u64, NULL},
    {eq_f32, lt_f32, le_f32, ordered_f32}, {eq_f64, lt_f64, le_f64, ordered_f64},
};

// How a comparison is made of a test: operands exchanged, result negated.
typedef struct comparison {
    const char *name;
    uint8_t test;
    bool exchanged, negated;
} comparison;

static const comparison of_integers[] = {
    {"eq", EQ, false, false}, {"ne", EQ, false, true},  {"lt", LT, false, false},
    {"le", LE, false, false}, {"gt", LT, true, false},  {"ge", LE, true, false},
    {"lo", LT, false, false}, {"ls", LE, false, false}, {"hi", LT, true, false},
    {"hs", LE, true, false},
};

// x < y or unordered is not (y <= x); ne is ordered and not equal, made of two tests.
static const comparison of_floats[] = {
    {"eq", EQ, false, false},       {"ne", EQ, false, true},       {"lt", LT, false, false},
    {"le", LE, false, false},       {"gt", LT, true, false},       {"ge", LE, true, false},
    {"equ", EQ, false, false},      {"neu", EQ, false, true},      {"ltu", LE, true, true},
    {"leu", LT, true, true},        {"gtu", LE, false, true},      {"geu", LT, false, true},
    {"num", ORDERED, false, false}, {"nan", ORDERED, false, true},
};

enum { COMBINE_NONE, COMBINE_AND, COMBINE_OR, COMBINE_XOR };
enum { NEEDS_ORDERED = 1, TAKES_UNORDERED = 2 };

static kind kind_of(ptx_type type) {
    switch (type) {
        case PTX_F16:
        case PTX_BF16:
        case PTX_F32: return FLOAT32;
        case PTX_F64: return FLOAT64;
        case PTX_S16:
        case PTX_S32: return SIGNED32;
        case PTX_S64: return SIGNED64;
        case PTX_U64:
        case PTX_B64: return UNSIGNED64;
        default: return UNSIGNED32;
    }
}

// ---- running ----

// Values of 16 bits as the type that is compared; f32 as it is after .ftz.
static const void *widened(const sim_instr *i, const void *source, uint32_t *room) {
    const uint32_t *from = source;
    float *floats = (float *)(void *)room;
    for (int l = 0; l < SIM_LANES; l++) {
        if (i->type == PTX_S16) {
            room[l] = (uint32_t)(int32_t)(int16_t)from[l];
        } else if (i->type == PTX_F16 || i->type == PTX_BF16) {
            floats[l] = (float)sim_float_value((ptx_type)i->type, from[l] & 0xffff);
        } else {  // f32.ftz
            bool flushed = (from[l] & 0x7f800000) == 0;
            room[l] = flushed ? from[l] & 0x80000000u : from[l];
        }
    }
    return room;
}

static uint32_t compare(sim_warp *warp, const sim_instr *i) {
    const void *a = sim_source(warp, i->a), *b = sim_source(warp, i->b);
    uint32_t room_a[SIM_LANES], room_b[SIM_LANES];
    if (i->ftz || i->type == PTX_S16 || i->type == PTX_F16 || i->type == PTX_BF16) {
        a = widened(i, a, room_a);
        b = widened(i, b, room_b);
    }
    uint32_t bits = i->compare(a, b) ^ (i->negated ? UINT32_MAX : 0);
    if (i->op) {
        uint32_t ordered = functions[kind_of((ptx_type)i->type)][ORDERED](a, b);
        bits = i->op == NEEDS_ORDERED ? bits & ordered : bits | ~ordered;
    }
    return bits;
}

static uint32_t combine(int mode, uint32_t bits, uint32_t with) {
    switch (mode) {
        case COMBINE_AND: return bits & with;
        case COMBINE_OR: return bits | with;
        case COMBINE_XOR: return bits ^ with;
        default: return bits;
    }
}

static uint32_t third(sim_warp *warp, const sim_instr *i) {
    if (i->mode == COMBINE_NONE) return 0;
    return sim_get_pred(warp, i->c) ^ (i->sat ? UINT32_MAX : 0);  // sat: !c
}

static void run_setp(sim_warp *warp, const sim_instr *i, uint32_t mask) {
    uint32_t bits = compare(warp, i), with = third(warp, i);
    sim_set_pred(warp, i->d, mask, combine(i->mode, bits, with));
    if (i->second) sim_set_pred(warp, i->e, mask, combine(i->mode, ~bits, with));
}

static void run_set(sim_warp *warp, const sim_instr *i, uint32_t mask) {
    uint32_t bits = combine(i->mode, compare(warp, i), third(warp, i)), result[SIM_LANES];
    uint32_t yes = i->from == PTX_F32    ? 0x3f800000
                   : i->from == PTX_F16  ? 0x3c00
                   : i->from == PTX_BF16 ? 0x3f80
                                         : UINT32_MAX;
    for (int l = 0; l < SIM_LANES; l++) result[l] = bits >> l & 1 ? yes : 0;
    sim_blend(warp->registers + i->d, result, mask, 4);
}

// ---- testp ----

typedef enum property { FINITE, INFINITE, NUMBER, NOT_A_NUMBER, NORMAL, SUBNORMAL } property;

static bool has_property(property p, int class) {
    switch (p) {
        case FINITE: return class != FP_NAN && class != FP_INFINITE;
        case INFINITE: return class == FP_INFINITE;
        case NUMBER: return class != FP_NAN;
        case NOT_A_NUMBER: return class == FP_NAN;
        case NORMAL: return class == FP_NORMAL;
        default: return class == FP_SUBNORMAL;
    }
}

static void run_testp(sim_warp *warp, const sim_instr *i, uint32_t mask) {
    const void *a = sim_source(warp, i->a);
    uint32_t bits = 0;
    for (int l = 0; l < SIM_LANES; l++) {
        int class = i->type == PTX_F64 ? fpclassify(((const double *)a)[l])
                                       : fpclassify(((const float *)a)[l]);
        bits |= (uint32_t)has_property((property)i->mode, class) << l;
    }
    sim_set_pred(warp, i->d, mask, bits);
}

void sim_decode_testp(sim_decoder *d) {
    static const char *const names[] = {"finite", "infinite",  "number", "notanumber",
                                        "normal", "subnormal", NULL};
    sim_instr *i = d->i;
    int tested = sim_take_one(d, names);
    if (tested < 0) sim_decode_fail(d, "what to test is missing");
    i->mode = (uint8_t)tested;
    i->type = (uint8_t)sim_take_type(d);
    i->run = run_testp;
    sim_define(d, &i->d, sim_operand(d, 0), PTX_PRED);
    sim_use(d, &i->a, sim_operand(d, 1), (ptx_type)i->type);
}

// ---- decoding ----

static void choose(sim_decoder *d, ptx_type type) {
    sim_instr *i = d->i;
    kind k = kind_of(type);
    bool floats = k == FLOAT32 || k == FLOAT64;
    const comparison *table = floats ? of_floats : of_integers;
    int n = floats ? (int)(sizeof of_floats / sizeof *of_floats)
                   : (int)(sizeof of_integers / sizeof *of_integers);
    for (int c = 0; c < n; c++) {
        if (!sim_take(d, table[c].name)) continue;
        i->compare = functions[k][table[c].test];
        i->negated = table[c].negated;
        i->wide = table[c].exchanged;
        if (floats && strcmp(table[c].name, "ne") == 0) i->op = NEEDS_ORDERED;
        if (strcmp(table[c].name, "equ") == 0) i->op = TAKES_UNORDERED;
        return;
    }
    sim_decode_fail(d, "there is no such comparison");
}

static void decode_results(sim_decoder *d, ptx_type result) {
    const ptx_operand *to = sim_operand(d, 0);
    if (to->kind != PTX_PAIR) {
        sim_define(d, &d->i->d, to, result);
        return;
    }
    sim_define(d, &d->i->d, &to->items[0], PTX_PRED);
    sim_define(d, &d->i->e, &to->items[1], PTX_PRED);
    d->i->second = true;
}

void sim_decode_compare(sim_decoder *d) {
    static const char *const combinations[] = {"and", "or", "xor", NULL};
    sim_instr *i = d->i;
    bool set = d->statement->parts[0][3] == 0;
    i->mode = (uint8_t)(sim_take_one(d, combinations) + 1);
    i->ftz = sim_take(d, "ftz");
    ptx_type result = set ? sim_take_type(d) : PTX_PRED;
    ptx_type type = sim_take_type(d);
    i->from = (uint8_t)result;
    i->type = (uint8_t)type;
    choose(d, type);
    if (i->ftz && type != PTX_F32) i->ftz = false;
    i->run = set ? run_set : run_setp;
    decode_results(d, result);
    sim_use(d, i->wide ? &i->b : &i->a, sim_operand(d, 1), type);
    sim_use(d, i->wide ? &i->a : &i->b, sim_operand(d, 2), type);
    if (i->mode != COMBINE_NONE) {
        sim_use(d, &i->c, sim_operand(d, 3), PTX_PRED);
        i->sat = sim_operand(d, 3)->negated;
    }
}
