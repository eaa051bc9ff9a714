// Bits: logic, shifts, fields, permutations.
#include "tests/cudasim/lanes.h"

SIM_BINARY(and32, uint32_t, uint32_t, uint32_t, x &y)
SIM_BINARY(and64, uint64_t, uint64_t, uint64_t, x &y)
SIM_BINARY(or32, uint32_t, uint32_t, uint32_t, x | y)
SIM_BINARY(or64, uint64_t, uint64_t, uint64_t, x | y)
SIM_BINARY(xor32, uint32_t, uint32_t, uint32_t, x ^ y)
SIM_BINARY(xor64, uint64_t, uint64_t, uint64_t, x ^ y)
SIM_UNARY(not16, uint32_t, uint32_t, ~x & 0xffff)
SIM_UNARY(not32, uint32_t, uint32_t, ~x)
SIM_UNARY(not64, uint64_t, uint64_t, ~x)
SIM_UNARY(cnot32, uint32_t, uint32_t, x == 0)
SIM_UNARY(cnot64, uint64_t, uint64_t, x == 0)

// Shifts by more than there are bits give what shifting one by one would.
SIM_BINARY(shl16, uint32_t, uint32_t, uint32_t, y > 15 ? 0 : (x << y) & 0xffff)
SIM_BINARY(shl32, uint32_t, uint32_t, uint32_t, y > 31 ? 0 : x << (y & 31))
SIM_BINARY(shl64, uint64_t, uint64_t, uint32_t, y > 63 ? 0 : x << (y & 63))
SIM_BINARY(shr_u16, uint32_t, uint32_t, uint32_t, y > 15 ? 0 : x >> y)
SIM_BINARY(shr_u32, uint32_t, uint32_t, uint32_t, y > 31 ? 0 : x >> (y & 31))
SIM_BINARY(shr_u64, uint64_t, uint64_t, uint32_t, y > 63 ? 0 : x >> (y & 63))
SIM_BINARY(shr_s16, uint32_t, uint32_t, uint32_t,
           (uint32_t)((int32_t)(int16_t)x >> (y > 15 ? 15 : y)) & 0xffff)
SIM_BINARY(shr_s32, int32_t, int32_t, uint32_t, x >> (y > 31 ? 31 : y))
SIM_BINARY(shr_s64, int64_t, int64_t, uint32_t, x >> (y > 63 ? 63 : y))

#define PAIR(high, low) ((uint64_t)(high) << 32 | (low))
SIM_TERNARY(shf_l_wrap, uint32_t, uint32_t, uint32_t, uint32_t, (PAIR(y, x) << (z & 31)) >> 32)
SIM_TERNARY(shf_r_wrap, uint32_t, uint32_t, uint32_t, uint32_t, PAIR(y, x) >> (z & 31))
SIM_TERNARY(shf_l_clamp, uint32_t, uint32_t, uint32_t, uint32_t,
            (PAIR(y, x) << (z > 32 ? 32 : z)) >> 32)
SIM_TERNARY(shf_r_clamp, uint32_t, uint32_t, uint32_t, uint32_t, PAIR(y, x) >> (z > 32 ? 32 : z))

SIM_UNARY(popc32, uint32_t, uint32_t, __builtin_popcount(x))
SIM_UNARY(popc64, uint32_t, uint64_t, __builtin_popcountll(x))
SIM_UNARY(clz32, uint32_t, uint32_t, x ? __builtin_clz(x) : 32)
SIM_UNARY(clz64, uint32_t, uint64_t, x ? __builtin_clzll(x) : 64)

static uint64_t reversed(uint64_t v, int bits) {
    uint64_t r = 0;
    for (int k = 0; k < bits; k++) r |= (v >> k & 1) << (bits - 1 - k);
    return r;
}
SIM_UNARY(brev32, uint32_t, uint32_t, reversed(x, 32))
SIM_UNARY(brev64, uint64_t, uint64_t, reversed(x, 64))

// The highest bit that differs from the sign; mode: as a distance from the top.
static uint32_t find_bit(uint64_t v, int bits, int mode) {
    if (v == 0) return UINT32_MAX;
    int at = 63 - __builtin_clzll(v);
    return (uint32_t)(mode ? bits - 1 - at : at);
}
#define SIGNLESS32(v) ((v) >> 31 ? ~(v) : (v))
#define SIGNLESS64(v) ((v) >> 63 ? ~(v) : (v))
SIM_UNARY(bfind_u32, uint32_t, uint32_t, find_bit(x, 32, i->mode))
SIM_UNARY(bfind_s32, uint32_t, uint32_t, find_bit(SIGNLESS32(x), 32, i->mode))
SIM_UNARY(bfind_u64, uint32_t, uint64_t, find_bit(x, 64, i->mode))
SIM_UNARY(bfind_s64, uint32_t, uint64_t, find_bit(SIGNLESS64(x), 64, i->mode))

// `length` bits from `position` on, filled with the sign of the field or, beyond it, the number.
static uint64_t extract(uint64_t v, uint32_t position, uint32_t length, int bits, bool is_signed) {
    uint32_t at = position & 0xff, n = length & 0xff;
    if (n == 0) return 0;
    uint32_t top = at + n - 1 < (uint32_t)bits - 1 ? at + n - 1 : (uint32_t)bits - 1;
    uint64_t field = at >= (uint32_t)bits ? 0 : v >> at;
    uint64_t fill = is_signed && (v >> top & 1) ? ~0ull : 0;
    uint32_t have = at >= (uint32_t)bits ? 0 : (uint32_t)bits - at;
    if (n > have) n = have;
    uint64_t mask = n >= 64 ? ~0ull : (1ull << n) - 1;
    return (field & mask) | (fill & ~mask);
}
SIM_TERNARY(bfe_u32, uint32_t, uint32_t, uint32_t, uint32_t, extract(x, y, z, 32, false))
SIM_TERNARY(bfe_s32, uint32_t, uint32_t, uint32_t, uint32_t, extract(x, y, z, 32, true))
SIM_TERNARY(bfe_u64, uint64_t, uint64_t, uint32_t, uint32_t, extract(x, y, z, 64, false))
SIM_TERNARY(bfe_s64, uint64_t, uint64_t, uint32_t, uint32_t, extract(x, y, z, 64, true))

static uint64_t insert(uint64_t from, uint64_t into, uint32_t position, uint32_t length, int bits) {
    uint32_t at = position & 0xff, n = length & 0xff;
    if (at >= (uint32_t)bits || n == 0) return into;
    uint64_t mask = (n >= 64 ? ~0ull : (1ull << n) - 1) << at;
    return (into & ~mask) | ((from << at) & mask);
}
// bfi d, a, b, position, length: the length is in list[0].
static void bfi32(SIM_LANES_ARGS) {
    SIM_UNUSED();
    uint32_t *d = dp;
    const uint32_t *a = ap, *b = bp, *c = cp;
    SIM_EACH_LANE d[l] = (uint32_t)insert(a[l], b[l], c[l] & 0xffff, c[l] >> 16, 32);
}
static void bfi64(SIM_LANES_ARGS) {
    SIM_UNUSED();
    uint64_t *d = dp;
    const uint64_t *a = ap, *b = bp;
    const uint32_t *c = cp;
    SIM_EACH_LANE d[l] = insert(a[l], b[l], c[l] & 0xffff, c[l] >> 16, 64);
}

// bmsk: bits from y on, z many; szext: from y bits.
SIM_BINARY(bmsk_clamp, uint32_t, uint32_t, uint32_t,
           (x > 31 ? 0 : (y > 31 ? ~0ull : (1ull << y) - 1) << x))
SIM_BINARY(bmsk_wrap, uint32_t, uint32_t, uint32_t, ((1ull << (y & 31)) - 1) << (x & 31))

// lop3: the bit of the table that three bits choose; the table is `mode`.
static void lop3(SIM_LANES_ARGS) {
    SIM_UNUSED();
    uint32_t *d = dp;
    const uint32_t *a = ap, *b = bp, *c = cp;
    uint32_t use[8];
    for (int k = 0; k < 8; k++) use[k] = (i->mode >> k & 1) ? UINT32_MAX : 0;
    SIM_EACH_LANE {
        uint32_t x = a[l], y = b[l], z = c[l];
        d[l] = (use[7] & x & y & z) | (use[6] & x & y & ~z) | (use[5] & x & ~y & z) |
               (use[4] & x & ~y & ~z) | (use[3] & ~x & y & z) | (use[2] & ~x & y & ~z) |
               (use[1] & ~x & ~y & z) | (use[0] & ~x & ~y & ~z);
    }
}

static uint32_t permuted(uint32_t a, uint32_t b, uint32_t selector) {
    uint64_t bytes = PAIR(b, a);
    uint32_t result = 0;
    for (int k = 0; k < 4; k++) {
        uint32_t pick = selector >> (4 * k);
        uint32_t byte = (uint32_t)(bytes >> (8 * (pick & 7))) & 0xff;
        if (pick & 8) byte = byte >> 7 ? 0xff : 0;
        result |= byte << (8 * k);
    }
    return result;
}
SIM_TERNARY(prmt, uint32_t, uint32_t, uint32_t, uint32_t, permuted(x, y, z))

// The other modes of prmt choose bytes by the two low bits of the selector.
static uint32_t mode_selector(int mode, uint32_t c) {
    static const uint16_t selectors[6][4] = {
        {0x3210, 0x4321, 0x5432, 0x6543},  // f4e
        {0x5670, 0x6701, 0x7012, 0x0123},  // b4e
        {0x0000, 0x1111, 0x2222, 0x3333},  // rc8
        {0x3210, 0x3211, 0x3222, 0x3333},  // ecl
        {0x0000, 0x1110, 0x2210, 0x3210},  // ecr
        {0x1010, 0x3232, 0x1010, 0x3232},  // rc16
    };
    return selectors[mode][c & 3];
}
SIM_TERNARY(prmt_mode, uint32_t, uint32_t, uint32_t, uint32_t,
            permuted(x, y, mode_selector(i->mode, z)))

#define LOGIC(op, f32, f64)                                                       \
    {op, NULL, PTX_B16, 2, .lanes = f32}, {op, NULL, PTX_B32, 2, .lanes = f32}, { \
        op, NULL, PTX_B64, 2, .lanes = f64                                        \
    }
#define SHIFT(op, type, fn) \
    { op, NULL, type, 2, .lanes = fn, .b = PTX_U32 }
#define FIELD(type, fn) \
    { "bfe", NULL, type, 3, .lanes = fn, .b = PTX_U32, .c = PTX_U32 }
#define FIND(type, fn)                                                           \
    {"bfind", "shiftamt", type, 1, .lanes = fn, .result = PTX_U32, .mode = 1}, { \
        "bfind", NULL, type, 1, .lanes = fn, .result = PTX_U32                   \
    }
const sim_alu sim_alu_bits[] = {
    LOGIC("and", and32, and64),
    LOGIC("or", or32, or64),
    LOGIC("xor", xor32, xor64),
    {"not", NULL, PTX_B16, 1, .lanes = not16},
    {"not", NULL, PTX_B32, 1, .lanes = not32},
    {"not", NULL, PTX_B64, 1, .lanes = not64},
    {"cnot", NULL, PTX_B16, 1, .lanes = cnot32},
    {"cnot", NULL, PTX_B32, 1, .lanes = cnot32},
    {"cnot", NULL, PTX_B64, 1, .lanes = cnot64},
    SHIFT("shl", PTX_B16, shl16),
    SHIFT("shl", PTX_B32, shl32),
    SHIFT("shl", PTX_B64, shl64),
    SHIFT("shr", PTX_B16, shr_u16),
    SHIFT("shr", PTX_U16, shr_u16),
    SHIFT("shr", PTX_S16, shr_s16),
    SHIFT("shr", PTX_B32, shr_u32),
    SHIFT("shr", PTX_U32, shr_u32),
    SHIFT("shr", PTX_S32, shr_s32),
    SHIFT("shr", PTX_B64, shr_u64),
    SHIFT("shr", PTX_U64, shr_u64),
    SHIFT("shr", PTX_S64, shr_s64),
    {"shf", "l.wrap", PTX_B32, 3, .lanes = shf_l_wrap},
    {"shf", "r.wrap", PTX_B32, 3, .lanes = shf_r_wrap},
    {"shf", "l.clamp", PTX_B32, 3, .lanes = shf_l_clamp},
    {"shf", "r.clamp", PTX_B32, 3, .lanes = shf_r_clamp},
    {"popc", NULL, PTX_B32, 1, .lanes = popc32, .result = PTX_U32},
    {"popc", NULL, PTX_B64, 1, .lanes = popc64, .result = PTX_U32},
    {"clz", NULL, PTX_B32, 1, .lanes = clz32, .result = PTX_U32},
    {"clz", NULL, PTX_B64, 1, .lanes = clz64, .result = PTX_U32},
    {"brev", NULL, PTX_B32, 1, .lanes = brev32},
    {"brev", NULL, PTX_B64, 1, .lanes = brev64},
    FIND(PTX_U32, bfind_u32),
    FIND(PTX_S32, bfind_s32),
    FIND(PTX_U64, bfind_u64),
    FIND(PTX_S64, bfind_s64),
    FIELD(PTX_U32, bfe_u32),
    FIELD(PTX_S32, bfe_s32),
    FIELD(PTX_U64, bfe_u64),
    FIELD(PTX_S64, bfe_s64),
    {"bmsk", "clamp", PTX_B32, 2, .lanes = bmsk_clamp},
    {"bmsk", "wrap", PTX_B32, 2, .lanes = bmsk_wrap},
    {"lop3", NULL, PTX_B32, 3, .lanes = lop3},
    {"prmt", "f4e", PTX_B32, 3, .lanes = prmt_mode, .mode = 0},
    {"prmt", "b4e", PTX_B32, 3, .lanes = prmt_mode, .mode = 1},
    {"prmt", "rc8", PTX_B32, 3, .lanes = prmt_mode, .mode = 2},
    {"prmt", "ecl", PTX_B32, 3, .lanes = prmt_mode, .mode = 3},
    {"prmt", "ecr", PTX_B32, 3, .lanes = prmt_mode, .mode = 4},
    {"prmt", "rc16", PTX_B32, 3, .lanes = prmt_mode, .mode = 5},
    {"prmt", NULL, PTX_B32, 3, .lanes = prmt},
    {"bfi", NULL, PTX_B32, 3, .lanes = bfi32, .c = PTX_U32},
    {"bfi", NULL, PTX_B64, 3, .lanes = bfi64, .c = PTX_U32},
    {0},
};
