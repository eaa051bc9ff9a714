// Conversions between f32 and the types of matrix units. PTX ISA, "cvt": results that are NaN are
// the canonical one; what is too large becomes infinite.
#include "tests/cudasim/matrix_tile.h"

static bool is_nan(uint32_t bits) { return (bits & 0x7fffffff) > 0x7f800000; }

// Nearest, ties away from zero. An overflow of the mantissa carries into the exponent, and from the
// largest one to infinity.
float sim_tf32_round(float x) {
    uint32_t bits = sim_bits_of(x);
    if (is_nan(bits)) return sim_float_of(0x7fffffff);
    return sim_float_of((bits + 0x1000) & 0xffffe000);
}

// Nearest, ties to even.
uint16_t sim_bf16_round(float x) {
    uint32_t bits = sim_bits_of(x);
    if (is_nan(bits)) return 0x7fff;
    return (uint16_t)((bits + 0x7fff + (bits >> 16 & 1)) >> 16);
}

float sim_bf16_value(uint16_t x) { return sim_float_of((uint32_t)x << 16); }

// Nearest, ties to even, subnormal numbers too: those are multiples of 2^-24, and below 2^-14 a sum
// with 1/2, whose last bit is 2^-24, rounds to one.
uint16_t sim_f16_round(float x) {
    uint32_t bits = sim_bits_of(x), magnitude = bits & 0x7fffffff;
    uint16_t sign = (uint16_t)(bits >> 16 & 0x8000);
    if (is_nan(bits)) return 0x7fff;
    if (magnitude >= 0x477ff000) return sign | 0x7c00;  // 65520, half way to 65536
    if (magnitude < 0x38800000) {                       // 2^-14
        float sum = sim_float_of(magnitude) + 0.5f;
        return (uint16_t)(sign | (sim_bits_of(sum) - sim_bits_of(0.5f)));
    }
    magnitude -= (127 - 15) << 23;
    return (uint16_t)(sign | (magnitude + 0xfff + (magnitude >> 13 & 1)) >> 13);
}

float sim_f16_value(uint16_t x) {
    uint32_t sign = (uint32_t)(x & 0x8000) << 16, exponent = x >> 10 & 31, mantissa = x & 0x3ff;
    if (exponent == 0) return sim_float_of(sign | sim_bits_of((float)mantissa * 0x1p-24f));
    exponent = exponent == 31 ? 255 : exponent + (127 - 15);
    return sim_float_of(sign | exponent << 23 | mantissa << 13);
}
