// Integer arithmetic. Values of 16 bits are in lanes of 32, with zeros above.
#include "tests/cudasim/lanes.h"

#define U16 uint32_t
#define S16(v) ((int32_t)(int16_t)(v))
#define LOW16(v) ((uint32_t)(v)&0xffff)

SIM_BINARY(add32, uint32_t, uint32_t, uint32_t, x + y)
SIM_BINARY(add64, uint64_t, uint64_t, uint64_t, x + y)
SIM_BINARY(add16, U16, U16, U16, LOW16(x + y))
SIM_BINARY(sub32, uint32_t, uint32_t, uint32_t, x - y)
SIM_BINARY(sub64, uint64_t, uint64_t, uint64_t, x - y)
SIM_BINARY(sub16, U16, U16, U16, LOW16(x - y))
SIM_BINARY(mul32, uint32_t, uint32_t, uint32_t, x *y)
SIM_BINARY(mul64, uint64_t, uint64_t, uint64_t, x *y)
SIM_BINARY(mul16, U16, U16, U16, LOW16(x *y))

static inline uint32_t saturate32(int64_t v) {
    if (v > INT32_MAX) return INT32_MAX;
    if (v < INT32_MIN) return (uint32_t)INT32_MIN;
    return (uint32_t)(int32_t)v;
}
SIM_BINARY(add_sat, uint32_t, int32_t, int32_t, saturate32((int64_t)x + y))
SIM_BINARY(sub_sat, uint32_t, int32_t, int32_t, saturate32((int64_t)x - y))

// Two halves of 16 bits.
#define HALVES(lo, hi) (LOW16(lo) | (uint32_t)(hi) << 16)
SIM_BINARY(add16x2, uint32_t, uint32_t, uint32_t, HALVES(x + y, (x >> 16) + (y >> 16)))
#define PICK16(cast, op) \
    HALVES((cast)x op(cast) y ? x : y, (cast)(x >> 16) op(cast)(y >> 16) ? x >> 16 : y >> 16)
SIM_BINARY(min_u16x2, uint32_t, uint32_t, uint32_t, PICK16(uint16_t, <))
SIM_BINARY(min_s16x2, uint32_t, uint32_t, uint32_t, PICK16(int16_t, <))
SIM_BINARY(max_u16x2, uint32_t, uint32_t, uint32_t, PICK16(uint16_t, >))
SIM_BINARY(max_s16x2, uint32_t, uint32_t, uint32_t, PICK16(int16_t, >))

SIM_BINARY(min_u32, uint32_t, uint32_t, uint32_t, x < y ? x : y)
SIM_BINARY(min_s32, int32_t, int32_t, int32_t, x < y ? x : y)
SIM_BINARY(min_u64, uint64_t, uint64_t, uint64_t, x < y ? x : y)
SIM_BINARY(min_s64, int64_t, int64_t, int64_t, x < y ? x : y)
SIM_BINARY(min_s16, U16, U16, U16, S16(x) < S16(y) ? x : y)
SIM_BINARY(max_u32, uint32_t, uint32_t, uint32_t, x > y ? x : y)
SIM_BINARY(max_s32, int32_t, int32_t, int32_t, x > y ? x : y)
SIM_BINARY(max_u64, uint64_t, uint64_t, uint64_t, x > y ? x : y)
SIM_BINARY(max_s64, int64_t, int64_t, int64_t, x > y ? x : y)
SIM_BINARY(max_s16, U16, U16, U16, S16(x) > S16(y) ? x : y)
#define ABOVE0(v) ((v) > 0 ? (v) : 0)
SIM_BINARY(min_s32_relu, int32_t, int32_t, int32_t, ABOVE0(x < y ? x : y))
SIM_BINARY(max_s32_relu, int32_t, int32_t, int32_t, ABOVE0(x > y ? x : y))

// Division by zero has a result that the ISA leaves open: all ones.
#define QUOTIENT(T, least) (y == 0 ? (T)~0ull : (least) && y == (T)-1 ? (T)(0 - x) : (T)(x / y))
#define REMAINDER(T, least) (y == 0 ? x : (least) && y == (T)-1 ? 0 : (T)(x % y))
SIM_BINARY(div_u32, uint32_t, uint32_t, uint32_t, QUOTIENT(uint32_t, false))
SIM_BINARY(div_s32, int32_t, int32_t, int32_t, QUOTIENT(int32_t, x == INT32_MIN))
SIM_BINARY(div_u64, uint64_t, uint64_t, uint64_t, QUOTIENT(uint64_t, false))
SIM_BINARY(div_s64, int64_t, int64_t, int64_t, QUOTIENT(int64_t, x == INT64_MIN))
SIM_BINARY(div_u16, U16, U16, U16, LOW16(QUOTIENT(uint32_t, false)))
SIM_BINARY(div_s16, U16, U16, U16, LOW16(S16(y) == 0 ? ~0 : S16(x) / S16(y)))
SIM_BINARY(rem_u32, uint32_t, uint32_t, uint32_t, REMAINDER(uint32_t, false))
SIM_BINARY(rem_s32, int32_t, int32_t, int32_t, REMAINDER(int32_t, x == INT32_MIN))
SIM_BINARY(rem_u64, uint64_t, uint64_t, uint64_t, REMAINDER(uint64_t, false))
SIM_BINARY(rem_s64, int64_t, int64_t, int64_t, REMAINDER(int64_t, x == INT64_MIN))
SIM_BINARY(rem_u16, U16, U16, U16, LOW16(REMAINDER(uint32_t, false)))
SIM_BINARY(rem_s16, U16, U16, U16, LOW16(S16(y) == 0 ? S16(x) : S16(x) % S16(y)))

SIM_UNARY(abs32, uint32_t, uint32_t, (x >> 31) ? 0 - x : x)
SIM_UNARY(abs64, uint64_t, uint64_t, (x >> 63) ? 0 - x : x)
SIM_UNARY(abs16, U16, U16, LOW16(S16(x) < 0 ? 0 - x : x))
SIM_UNARY(neg32, uint32_t, uint32_t, 0 - x)
SIM_UNARY(neg64, uint64_t, uint64_t, 0 - x)
SIM_UNARY(neg16, U16, U16, LOW16(0 - x))

#define DISTANCE(a, b) ((a) > (b) ? (a) - (b) : (b) - (a))
SIM_TERNARY(sad_u32, uint32_t, uint32_t, uint32_t, uint32_t, z + DISTANCE(x, y))
SIM_TERNARY(sad_s32, uint32_t, int32_t, int32_t, uint32_t,
            z + (uint32_t)(x > y ? (int64_t)x - y : (int64_t)y - x))
SIM_TERNARY(sad_u64, uint64_t, uint64_t, uint64_t, uint64_t, z + DISTANCE(x, y))
SIM_TERNARY(sad_s64, uint64_t, int64_t, int64_t, uint64_t,
            z + (x > y ? (uint64_t)x - (uint64_t)y : (uint64_t)y - (uint64_t)x))

const sim_alu sim_alu_integer[] = {
    {"add", "sat", PTX_S32, 2, .lanes = add_sat},
    {"sub", "sat", PTX_S32, 2, .lanes = sub_sat},
    {"add", NULL, PTX_S32, 2, .lanes = add32},
    {"add", NULL, PTX_U32, 2, .lanes = add32},
    {"add", NULL, PTX_S64, 2, .lanes = add64},
    {"add", NULL, PTX_U64, 2, .lanes = add64},
    {"add", NULL, PTX_S16, 2, .lanes = add16},
    {"add", NULL, PTX_U16, 2, .lanes = add16},
    {"add", NULL, PTX_U16X2, 2, .lanes = add16x2},
    {"add", NULL, PTX_S16X2, 2, .lanes = add16x2},
    {"sub", NULL, PTX_S32, 2, .lanes = sub32},
    {"sub", NULL, PTX_U32, 2, .lanes = sub32},
    {"sub", NULL, PTX_S64, 2, .lanes = sub64},
    {"sub", NULL, PTX_U64, 2, .lanes = sub64},
    {"sub", NULL, PTX_S16, 2, .lanes = sub16},
    {"sub", NULL, PTX_U16, 2, .lanes = sub16},
    {"mul", "lo", PTX_S32, 2, .lanes = mul32},
    {"mul", "lo", PTX_U32, 2, .lanes = mul32},
    {"mul", "lo", PTX_S64, 2, .lanes = mul64},
    {"mul", "lo", PTX_U64, 2, .lanes = mul64},
    {"mul", "lo", PTX_S16, 2, .lanes = mul16},
    {"mul", "lo", PTX_U16, 2, .lanes = mul16},
    {"min", NULL, PTX_U16, 2, .lanes = min_u32},
    {"min", NULL, PTX_S16, 2, .lanes = min_s16},
    {"min", NULL, PTX_U32, 2, .lanes = min_u32},
    {"min", "relu", PTX_S32, 2, .lanes = min_s32_relu},
    {"min", NULL, PTX_S32, 2, .lanes = min_s32},
    {"min", NULL, PTX_U64, 2, .lanes = min_u64},
    {"min", NULL, PTX_S64, 2, .lanes = min_s64},
    {"min", NULL, PTX_U16X2, 2, .lanes = min_u16x2},
    {"min", NULL, PTX_S16X2, 2, .lanes = min_s16x2},
    {"max", NULL, PTX_U16, 2, .lanes = max_u32},
    {"max", NULL, PTX_S16, 2, .lanes = max_s16},
    {"max", NULL, PTX_U32, 2, .lanes = max_u32},
    {"max", "relu", PTX_S32, 2, .lanes = max_s32_relu},
    {"max", NULL, PTX_S32, 2, .lanes = max_s32},
    {"max", NULL, PTX_U64, 2, .lanes = max_u64},
    {"max", NULL, PTX_S64, 2, .lanes = max_s64},
    {"max", NULL, PTX_U16X2, 2, .lanes = max_u16x2},
    {"max", NULL, PTX_S16X2, 2, .lanes = max_s16x2},
    {"div", NULL, PTX_U16, 2, .lanes = div_u16},
    {"div", NULL, PTX_S16, 2, .lanes = div_s16},
    {"div", NULL, PTX_U32, 2, .lanes = div_u32},
    {"div", NULL, PTX_S32, 2, .lanes = div_s32},
    {"div", NULL, PTX_U64, 2, .lanes = div_u64},
    {"div", NULL, PTX_S64, 2, .lanes = div_s64},
    {"rem", NULL, PTX_U16, 2, .lanes = rem_u16},
    {"rem", NULL, PTX_S16, 2, .lanes = rem_s16},
    {"rem", NULL, PTX_U32, 2, .lanes = rem_u32},
    {"rem", NULL, PTX_S32, 2, .lanes = rem_s32},
    {"rem", NULL, PTX_U64, 2, .lanes = rem_u64},
    {"rem", NULL, PTX_S64, 2, .lanes = rem_s64},
    {"abs", NULL, PTX_S16, 1, .lanes = abs16},
    {"abs", NULL, PTX_S32, 1, .lanes = abs32},
    {"abs", NULL, PTX_S64, 1, .lanes = abs64},
    {"neg", NULL, PTX_S16, 1, .lanes = neg16},
    {"neg", NULL, PTX_S32, 1, .lanes = neg32},
    {"neg", NULL, PTX_S64, 1, .lanes = neg64},
    {"sad", NULL, PTX_U32, 3, .lanes = sad_u32},
    {"sad", NULL, PTX_S32, 3, .lanes = sad_s32},
    {"sad", NULL, PTX_U64, 3, .lanes = sad_u64},
    {"sad", NULL, PTX_S64, 3, .lanes = sad_s64},
    {0},
};
