// What mma and wgmma share: where the elements of fragments are, their values, and the product of a
// 16 x K and a K x 8 tile.
//
// PTX ISA, "Matrix Fragments for mma.*": with groupID = lane / 4, threadID_in_group = lane % 4 and
// `per` elements in a register of 32 bits, all shapes that are simulated follow one rule:
//   A: element e of register r is at row groupID + 8 * (r % 2)
//      and column per * threadID_in_group + e + 4 * per * (r / 2);
//   B: at row per * threadID_in_group + e + 4 * per * r and column groupID;
//   C and D: element i is at row groupID + 8 * (i / 2), column 2 * threadID_in_group + i % 2.
#ifndef CUDASIM_MATRIX_TILE_H
#define CUDASIM_MATRIX_TILE_H

#include <string.h>

#include "tests/cudasim/matrix.h"

enum { SIM_TILE_M = 16, SIM_TILE_N = 8, SIM_TILE_K = 16 };

typedef float sim_tile_a[SIM_TILE_M][SIM_TILE_K];
typedef float sim_tile_b[SIM_TILE_K][SIM_TILE_N];
typedef float sim_tile_d[SIM_TILE_M][SIM_TILE_N];

// Elements of a 32-bit register.
static inline int sim_per_register(sim_matrix_type type) {
    return type == SIM_F16 || type == SIM_BF16 ? 2 : type == SIM_S8 || type == SIM_U8 ? 4 : 1;
}

static inline int sim_a_row(int lane, int r) { return lane / 4 + 8 * (r % 2); }
static inline int sim_a_column(int per, int lane, int r) {
    return per * (lane % 4) + 4 * per * (r / 2);
}
static inline int sim_b_row(int per, int lane, int r) { return per * (lane % 4) + 4 * per * r; }
static inline int sim_d_row(int lane, int i) { return lane / 4 + 8 * (i / 2); }
static inline int sim_d_column(int lane, int i) { return 2 * (lane % 4) + i % 2; }

static inline float sim_float_of(uint32_t bits) {
    float x;
    memcpy(&x, &bits, 4);
    return x;
}

static inline uint32_t sim_bits_of(float x) {
    uint32_t bits;
    memcpy(&bits, &x, 4);
    return bits;
}

// Element e of a register of f16, bf16 or tf32. The ISA, "wgmma.mma_async", Precision and rounding:
// the lower 13 bits of a tf32 operand are not looked at.
static inline float sim_element(sim_matrix_type type, uint32_t bits, int e) {
    switch (type) {
        case SIM_F16: return sim_f16_value((uint16_t)(bits >> (16 * e)));
        case SIM_BF16: return sim_float_of(bits >> (16 * e) << 16);
        default: return sim_float_of(bits & 0xffffe000);
    }
}

// d += a * b, columns and rows 0 to k - 1 of a and b.
void sim_tile_multiply(int k, const sim_tile_a a, const sim_tile_b b, sim_tile_d d);

#endif
