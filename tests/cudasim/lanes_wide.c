// Products of more than one word, and sums with carry.
#include "tests/cudasim/lanes.h"

#define S16(v) ((int32_t)(int16_t)(v))
#define LOW16(v) ((uint32_t)(v)&0xffff)
#define U128(a, b) ((unsigned __int128)(a) * (b))
#define S128(a, b) ((__int128)(int64_t)(a) * (int64_t)(b))

SIM_BINARY(high_u32, uint32_t, uint32_t, uint32_t, ((uint64_t)x * y) >> 32)
SIM_BINARY(high_s32, uint32_t, int32_t, int32_t, (uint64_t)((int64_t)x *y) >> 32)
SIM_BINARY(high_u64, uint64_t, uint64_t, uint64_t, U128(x, y) >> 64)
SIM_BINARY(high_s64, uint64_t, uint64_t, uint64_t, (unsigned __int128)S128(x, y) >> 64)
SIM_BINARY(high_u16, uint32_t, uint32_t, uint32_t, (x * y) >> 16)
SIM_BINARY(high_s16, uint32_t, uint32_t, uint32_t, LOW16((S16(x) * S16(y)) >> 16))
SIM_BINARY(wide_u32, uint64_t, uint32_t, uint32_t, (uint64_t)x *y)
SIM_BINARY(wide_s32, int64_t, int32_t, int32_t, (int64_t)x *y)
SIM_BINARY(wide_u16, uint32_t, uint32_t, uint32_t, x *y)
SIM_BINARY(wide_s16, uint32_t, uint32_t, uint32_t, S16(x) * S16(y))

SIM_TERNARY(mad32, uint32_t, uint32_t, uint32_t, uint32_t, x *y + z)
SIM_TERNARY(mad64, uint64_t, uint64_t, uint64_t, uint64_t, x *y + z)
SIM_TERNARY(mad16, uint32_t, uint32_t, uint32_t, uint32_t, LOW16(x *y + z))
SIM_TERNARY(mad_high_u32, uint32_t, uint32_t, uint32_t, uint32_t, (((uint64_t)x * y) >> 32) + z)
SIM_TERNARY(mad_high_s32, uint32_t, int32_t, int32_t, uint32_t,
            ((uint64_t)((int64_t)x * y) >> 32) + z)
SIM_TERNARY(mad_high_u64, uint64_t, uint64_t, uint64_t, uint64_t, (uint64_t)(U128(x, y) >> 64) + z)
SIM_TERNARY(mad_high_s64, uint64_t, uint64_t, uint64_t, uint64_t,
            (uint64_t)((unsigned __int128)S128(x, y) >> 64) + z)
SIM_TERNARY(mad_wide_u32, uint64_t, uint32_t, uint32_t, uint64_t, (uint64_t)x *y + z)
SIM_TERNARY(mad_wide_s32, uint64_t, int32_t, int32_t, uint64_t, (uint64_t)((int64_t)x *y) + z)
SIM_TERNARY(mad_wide_u16, uint32_t, uint32_t, uint32_t, uint32_t, x *y + z)
SIM_TERNARY(mad_wide_s16, uint32_t, uint32_t, uint32_t, uint32_t, (uint32_t)(S16(x) * S16(y)) + z)

#define U24(v) ((v)&0xffffff)
#define S24(v) ((int32_t)((uint32_t)(v) << 8) >> 8)
SIM_BINARY(mul24_u, uint32_t, uint32_t, uint32_t, U24(x) * U24(y))
SIM_BINARY(mul24_s, uint32_t, uint32_t, uint32_t, (uint64_t)((int64_t)S24(x) * S24(y)))
SIM_BINARY(mul24_high_u, uint32_t, uint32_t, uint32_t, ((uint64_t)U24(x) * U24(y)) >> 16)
SIM_BINARY(mul24_high_s, uint32_t, uint32_t, uint32_t, (uint64_t)((int64_t)S24(x) * S24(y)) >> 16)
SIM_TERNARY(mad24_u, uint32_t, uint32_t, uint32_t, uint32_t, U24(x) * U24(y) + z)
SIM_TERNARY(mad24_s, uint32_t, uint32_t, uint32_t, uint32_t,
            (uint32_t)(uint64_t)((int64_t)S24(x) * S24(y)) + z)

// dp4a: sums of products of four bytes; mode: 1: a is signed, 2: b is.
static int32_t byte_of(uint32_t v, int k, bool is_signed) {
    uint32_t byte = v >> (8 * k) & 0xff;
    return is_signed ? (int32_t)(int8_t)byte : (int32_t)byte;
}
static uint32_t dot4(uint32_t a, uint32_t b, uint32_t c, int mode) {
    for (int k = 0; k < 4; k++)
        c += (uint32_t)(byte_of(a, k, mode & 1) * byte_of(b, k, (mode & 2) != 0));
    return c;
}
SIM_TERNARY(dp4a, uint32_t, uint32_t, uint32_t, uint32_t, dot4(x, y, z, i->mode))

#define MULTIPLY(op, variant, type, n, fn) \
    { op, variant, type, n, .lanes = fn }
#define WIDE(op, type, n, fn, to) \
    { op, "wide", type, n, .lanes = fn, .result = to, .c = to }
const sim_alu sim_alu_wide[] = {
    MULTIPLY("mul", "hi", PTX_U32, 2, high_u32),
    MULTIPLY("mul", "hi", PTX_S32, 2, high_s32),
    MULTIPLY("mul", "hi", PTX_U64, 2, high_u64),
    MULTIPLY("mul", "hi", PTX_S64, 2, high_s64),
    MULTIPLY("mul", "hi", PTX_U16, 2, high_u16),
    MULTIPLY("mul", "hi", PTX_S16, 2, high_s16),
    WIDE("mul", PTX_U32, 2, wide_u32, PTX_U64),
    WIDE("mul", PTX_S32, 2, wide_s32, PTX_S64),
    WIDE("mul", PTX_U16, 2, wide_u16, PTX_U32),
    WIDE("mul", PTX_S16, 2, wide_s16, PTX_S32),
    MULTIPLY("mad", "lo", PTX_U32, 3, mad32),
    MULTIPLY("mad", "lo", PTX_S32, 3, mad32),
    MULTIPLY("mad", "lo", PTX_U64, 3, mad64),
    MULTIPLY("mad", "lo", PTX_S64, 3, mad64),
    MULTIPLY("mad", "lo", PTX_U16, 3, mad16),
    MULTIPLY("mad", "lo", PTX_S16, 3, mad16),
    MULTIPLY("mad", "hi", PTX_U32, 3, mad_high_u32),
    MULTIPLY("mad", "hi", PTX_S32, 3, mad_high_s32),
    MULTIPLY("mad", "hi", PTX_U64, 3, mad_high_u64),
    MULTIPLY("mad", "hi", PTX_S64, 3, mad_high_s64),
    WIDE("mad", PTX_U32, 3, mad_wide_u32, PTX_U64),
    WIDE("mad", PTX_S32, 3, mad_wide_s32, PTX_S64),
    WIDE("mad", PTX_U16, 3, mad_wide_u16, PTX_U32),
    WIDE("mad", PTX_S16, 3, mad_wide_s16, PTX_S32),
    MULTIPLY("mul24", "lo", PTX_U32, 2, mul24_u),
    MULTIPLY("mul24", "lo", PTX_S32, 2, mul24_s),
    MULTIPLY("mul24", "hi", PTX_U32, 2, mul24_high_u),
    MULTIPLY("mul24", "hi", PTX_S32, 2, mul24_high_s),
    MULTIPLY("mad24", "lo", PTX_U32, 3, mad24_u),
    MULTIPLY("mad24", "lo", PTX_S32, 3, mad24_s),
    {"dp4a", "u32", PTX_U32, 3, .lanes = dp4a, .mode = 0},
    {"dp4a", "u32", PTX_S32, 3, .lanes = dp4a, .mode = 2},
    {"dp4a", "s32", PTX_S32, 3, .lanes = dp4a, .mode = 3},
    {0},
};
