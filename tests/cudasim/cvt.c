// cvt: integers and floats of all types to each other.
#include <fenv.h>
#include <string.h>

#include "tests/cudasim/alu.h"
#include "tests/cudasim/decode.h"
#include "tests/cudasim/lanes.h"

// ---- common ones ----

SIM_UNARY(u32_to_u64, uint64_t, uint32_t, x)
SIM_UNARY(s32_to_s64, int64_t, int32_t, x)
SIM_UNARY(u64_to_u32, uint32_t, uint64_t, x)
SIM_UNARY(s32_to_f32, float, int32_t, x)
SIM_UNARY(u32_to_f32, float, uint32_t, x)
SIM_UNARY(s32_to_f64, double, int32_t, x)
SIM_UNARY(u32_to_f64, double, uint32_t, x)
SIM_UNARY(f32_to_f64, double, float, x)
SIM_UNARY(f64_to_f32, float, double, x)
SIM_UNARY(f16_to_f32, float, uint32_t, sim_f16_value((uint16_t)x))
SIM_UNARY(bf16_to_f32, float, uint32_t, sim_bf16_value((uint16_t)x))
SIM_UNARY(f32_to_f16, uint32_t, float, sim_f16_round(x))
SIM_UNARY(f32_to_bf16, uint32_t, float, sim_bf16_round(x))
SIM_UNARY(f32_to_tf32, float, float, sim_tf32_round(x))

static const struct {
    ptx_type to, from;
    sim_lanes_fn lanes;
} common[] = {
    {PTX_U64, PTX_U32, u32_to_u64},   {PTX_S64, PTX_U32, u32_to_u64},
    {PTX_S64, PTX_S32, s32_to_s64},   {PTX_U64, PTX_S32, s32_to_s64},
    {PTX_U32, PTX_U64, u64_to_u32},   {PTX_S32, PTX_U64, u64_to_u32},
    {PTX_U32, PTX_S64, u64_to_u32},   {PTX_S32, PTX_S64, u64_to_u32},
    {PTX_F32, PTX_S32, s32_to_f32},   {PTX_F32, PTX_U32, u32_to_f32},
    {PTX_F64, PTX_S32, s32_to_f64},   {PTX_F64, PTX_U32, u32_to_f64},
    {PTX_F64, PTX_F32, f32_to_f64},   {PTX_F32, PTX_F64, f64_to_f32},
    {PTX_F32, PTX_F16, f16_to_f32},   {PTX_F32, PTX_BF16, bf16_to_f32},
    {PTX_F16, PTX_F32, f32_to_f16},   {PTX_BF16, PTX_F32, f32_to_bf16},
    {PTX_TF32, PTX_F32, f32_to_tf32},
};

// ---- one number ----

static bool is_signed(ptx_type type) {
    return type == PTX_S8 || type == PTX_S16 || type == PTX_S32 || type == PTX_S64;
}

static bool is_float(ptx_type type) {
    return type == PTX_F16 || type == PTX_BF16 || type == PTX_F32 || type == PTX_F64 ||
           type == PTX_TF32;
}

// The bits of an integer type, extended to 64.
static uint64_t extended(ptx_type type, uint64_t bits) {
    int unused = 64 - 8 * ptx_type_bytes(type);
    if (is_signed(type)) return (uint64_t)((int64_t)(bits << unused) >> unused);
    return bits << unused >> unused;
}

static uint64_t integer_limit(ptx_type type, bool least) {
    int bits = 8 * ptx_type_bytes(type);
    if (!is_signed(type)) return least ? 0 : ~0ull >> (64 - bits);
    return least ? ~0ull << (bits - 1) : ~0ull >> (65 - bits);
}

static uint64_t saturated(ptx_type to, ptx_type from, uint64_t v) {
    uint64_t least = integer_limit(to, true), most = integer_limit(to, false);
    bool negative = is_signed(from) && (int64_t)v < 0;
    if (negative) return !is_signed(to) || (int64_t)v < (int64_t)least ? least : v;
    return v > most ? most : v;
}

static double rounded(double v, int rounding) {
    switch (rounding) {
        case SIM_RZ: return trunc(v);
        case SIM_RM: return floor(v);
        case SIM_RP: return ceil(v);
        default: return rint(v);
    }
}

// Out of range: the nearest number; NaN: 0.
static uint64_t float_to_integer(ptx_type to, double v, int rounding) {
    v = rounded(v, rounding);
    if (isnan(v)) return 0;
    int bits = 8 * ptx_type_bytes(to) - is_signed(to);
    if (v >= ldexp(1, bits)) return integer_limit(to, false);
    if (v < (is_signed(to) ? -ldexp(1, bits) : 0)) return integer_limit(to, true);
    return v < 0 ? (uint64_t)(int64_t)v : (uint64_t)v;
}

static uint64_t integer_to_float(const sim_instr *i, uint64_t v) {
    ptx_type to = (ptx_type)i->type, from = (ptx_type)i->from;
    bool negative = is_signed(from) && (int64_t)v < 0;
    uint64_t size = negative ? 0 - v : v;
    double high = (double)(size >> 32) * 4294967296.0, low = (double)(uint32_t)size;
    if (negative) {
        high = -high;
        low = -low;
    }
    if (to != PTX_F64) return sim_float_bits(to, sim_add_odd(high, low), (sim_rounding)i->rounding);
    int before = fegetround();
    fesetround(sim_c_rounding((sim_rounding)i->rounding));
    volatile double sum = high;
    sum += low;
    fesetround(before);
    return sim_float_bits(to, size == 0 ? 0 : sum, SIM_RN);
}

static bool subnormal32(ptx_type type, double v) { return type == PTX_F32 && fabs(v) < 0x1p-126; }

static uint64_t float_to_float(const sim_instr *i, double v) {
    if (i->op) v = isfinite(v) ? copysign(rounded(v, i->rounding), v) : v;  // .rni and the like
    if (i->sat) v = v > 0 ? (v > 1 ? 1 : v) : 0;
    if (i->relu) v = v > 0 || isnan(v) ? v : 0;
    uint64_t bits = sim_float_bits((ptx_type)i->type, v, (sim_rounding)i->rounding);
    if (i->ftz && subnormal32((ptx_type)i->type, sim_float_value((ptx_type)i->type, bits)))
        bits &= 0x80000000u;
    return bits;
}

static uint64_t convert(const sim_instr *i, uint64_t bits) {
    ptx_type to = (ptx_type)i->type, from = (ptx_type)i->from;
    if (!is_float(from)) {
        uint64_t v = extended(from, bits);
        if (is_float(to)) return integer_to_float(i, v);
        return extended(to, i->sat ? saturated(to, from, v) : v);
    }
    double v = sim_float_value(from, bits);
    if (i->ftz && subnormal32(from, v)) v = copysign(0, v);
    return is_float(to) ? float_to_float(i, v) : float_to_integer(to, v, i->rounding);
}

// ---- all lanes ----

// mode: bytes of a source's lane; bytes: of the result's register.
static void any_to_any(SIM_LANES_ARGS) {
    SIM_UNUSED();
    for (int l = 0; l < SIM_LANES; l++) {
        uint64_t v = convert(i, sim_lane_value(ap, i->mode, l));
        if (i->bytes < 8) v &= (1ull << 8 * i->bytes) - 1;
        if (i->width == 8)
            ((uint64_t *)dp)[l] = v;
        else
            ((uint32_t *)dp)[l] = (uint32_t)v;
    }
}

// Two floats to a pair: the first goes to the upper half.
static void to_pair(SIM_LANES_ARGS) {
    SIM_UNUSED();
    const uint32_t *a = ap, *b = bp;
    for (int l = 0; l < SIM_LANES; l++)
        ((uint32_t *)dp)[l] = (uint32_t)(convert(i, a[l]) << 16 | convert(i, b[l]));
}

static void take_rounding(sim_decoder *d) {
    static const char *const names[] = {"rn",  "rz",  "rm",  "rp",  "rna",
                                        "rni", "rzi", "rmi", "rpi", NULL};
    sim_instr *i = d->i;
    int k = sim_take_one(d, names);
    i->op = k > SIM_RNA;  // to an integer
    i->rounding = (uint8_t)(k < 0 ? SIM_RN : k > SIM_RNA ? k - SIM_RNA - 1 : k);
    i->ftz = sim_take(d, "ftz");
    i->sat = sim_take(d, "sat");
    i->relu = sim_take(d, "relu");
}

static void decode_pair(sim_decoder *d, ptx_type to, ptx_type from) {
    sim_instr *i = d->i;
    if (from != PTX_F32) sim_decode_fail(d, "pairs are made of f32");
    i->type = to == PTX_F16X2 ? PTX_F16 : PTX_BF16;
    i->lanes = to_pair;
    i->width = 4;
    sim_define(d, &i->d, sim_operand(d, 0), to);
    sim_use(d, &i->a, sim_operand(d, 1), from);
    sim_use(d, &i->b, sim_operand(d, 2), from);
}

void sim_decode_convert(sim_decoder *d) {
    sim_instr *i = d->i;
    take_rounding(d);
    ptx_type to = sim_take_type(d), from = sim_take_type(d);
    i->run = sim_run_lanes;
    i->type = (uint8_t)to;
    i->from = (uint8_t)from;
    if (to == PTX_F16X2 || to == PTX_BF16X2) {
        decode_pair(d, to, from);
        return;
    }
    int to_bytes = sim_define_any(d, &i->d, sim_operand(d, 0));
    int from_bytes = sim_use_any(d, &i->a, sim_operand(d, 1), from);
    if (to_bytes < ptx_type_bytes(to)) sim_decode_fail(d, "the result's register is too small");
    i->bytes = (uint8_t)(to_bytes > 8 ? 8 : to_bytes);
    i->width = i->bytes == 8 ? 8 : 4;
    i->mode = from_bytes == 8 ? 8 : 4;
    i->lanes = any_to_any;
    sim_rounding usual = to == PTX_TF32 ? SIM_RNA : SIM_RN;
    bool plain = i->rounding == usual && !i->op && !i->ftz && !i->sat && !i->relu;
    if (!plain || to_bytes != ptx_type_bytes(to) || from_bytes != ptx_type_bytes(from)) return;
    for (int k = 0; k < (int)(sizeof common / sizeof *common); k++)
        if (common[k].to == to && common[k].from == from) i->lanes = common[k].lanes;
}
