// mma.sync: fragments are gathered into tiles, multiplied by plain loops and scattered.
#include <math.h>

#include "tests/cudasim/matrix_tile.h"

enum { MOST_K = 32 };  // of 8-bit types

// --- shapes ---

// PTX ISA, "Multiply-and-Accumulate Instruction: mma", its syntax.
static bool has_shape(const sim_mma *mma) {
    int m = mma->m, n = mma->n, k = mma->k;
    if (mma->a == SIM_F64) {
        return mma->b == SIM_F64 && mma->c == SIM_F64 && m == 8 && n == 8 && k == 4;
    }
    if (m != 16 || n != 8) return false;
    switch (mma->a) {
        case SIM_F16:
            return mma->b == SIM_F16 && (mma->c == SIM_F32 || mma->c == SIM_F16) &&
                   (k == 8 || k == 16);
        case SIM_BF16: return mma->b == SIM_BF16 && mma->c == SIM_F32 && (k == 8 || k == 16);
        case SIM_TF32: return mma->b == SIM_TF32 && mma->c == SIM_F32 && (k == 4 || k == 8);
        case SIM_S8:
        case SIM_U8:
            return (mma->b == SIM_S8 || mma->b == SIM_U8) && mma->c == SIM_S32 &&
                   (k == 16 || k == 32);
        default: return false;
    }
}

bool sim_mma_registers(const sim_mma *mma, int *a, int *b, int *c) {
    if (!has_shape(mma)) return false;
    if (mma->a == SIM_F64) {
        *a = *b = 2;
        *c = 4;
        return true;
    }
    int per = sim_per_register(mma->a);
    *a = mma->m * mma->k / SIM_LANES / per;
    *b = mma->k * mma->n / SIM_LANES / per;
    *c = mma->c == SIM_F16 ? 2 : 4;
    return true;
}

// --- f16, bf16, tf32 ---

typedef float four __attribute__((vector_size(16)));

// Two rows at a time: their sums, in four registers, do not wait for each other.
void sim_tile_multiply(int k, const sim_tile_a a, const sim_tile_b b, sim_tile_d d) {
    for (int i = 0; i < SIM_TILE_M; i += 2) {
        four left, right, sum0, sum1, sum2, sum3;
        memcpy(&sum0, &d[i][0], sizeof sum0);
        memcpy(&sum1, &d[i][4], sizeof sum1);
        memcpy(&sum2, &d[i + 1][0], sizeof sum2);
        memcpy(&sum3, &d[i + 1][4], sizeof sum3);
        for (int p = 0; p < k; p++) {
            memcpy(&left, &b[p][0], sizeof left);
            memcpy(&right, &b[p][4], sizeof right);
            sum0 += a[i][p] * left;
            sum1 += a[i][p] * right;
            sum2 += a[i + 1][p] * left;
            sum3 += a[i + 1][p] * right;
        }
        memcpy(&d[i][0], &sum0, sizeof sum0);
        memcpy(&d[i][4], &sum1, sizeof sum1);
        memcpy(&d[i + 1][0], &sum2, sizeof sum2);
        memcpy(&d[i + 1][4], &sum3, sizeof sum3);
    }
}

// The elements of a register in all lanes.
static void decode(sim_matrix_type type, const uint32_t bits[SIM_LANES],
                   float elements[2][SIM_LANES]) {
    if (type == SIM_BF16) {
        for (int lane = 0; lane < SIM_LANES; lane++) {
            elements[0][lane] = sim_element(SIM_BF16, bits[lane], 0);
            elements[1][lane] = sim_element(SIM_BF16, bits[lane], 1);
        }
    } else if (type == SIM_TF32) {
        for (int lane = 0; lane < SIM_LANES; lane++) {
            elements[0][lane] = sim_element(SIM_TF32, bits[lane], 0);
        }
    } else {
        for (int lane = 0; lane < SIM_LANES; lane++) {
            elements[0][lane] = sim_element(SIM_F16, bits[lane], 0);
            elements[1][lane] = sim_element(SIM_F16, bits[lane], 1);
        }
    }
}

static void gather_a(sim_matrix_type type, int registers, uint32_t (*a)[SIM_LANES], sim_tile_a to) {
    int per = sim_per_register(type);
    float elements[2][SIM_LANES];
    for (int r = 0; r < registers; r++) {
        decode(type, a[r], elements);
        for (int lane = 0; lane < SIM_LANES; lane++) {
            float *at = &to[sim_a_row(lane, r)][sim_a_column(per, lane, r)];
            at[0] = elements[0][lane];
            if (per == 2) at[1] = elements[1][lane];
        }
    }
}

static void gather_b(sim_matrix_type type, int registers, uint32_t (*b)[SIM_LANES], sim_tile_b to) {
    int per = sim_per_register(type);
    float elements[2][SIM_LANES];
    for (int r = 0; r < registers; r++) {
        decode(type, b[r], elements);
        for (int lane = 0; lane < SIM_LANES; lane++) {
            int row = sim_b_row(per, lane, r);
            to[row][lane / 4] = elements[0][lane];
            if (per == 2) to[row + 1][lane / 4] = elements[1][lane];
        }
    }
}

// The accumulators of a lane are neighbours in pairs; a pair of f16 is one register.
static void gather_c(bool half, uint32_t (*c)[SIM_LANES], sim_tile_d to) {
    for (int i = 0; i < 4; i += 2) {
        for (int lane = 0; lane < SIM_LANES; lane++) {
            float *at = &to[sim_d_row(lane, i)][sim_d_column(lane, i)];
            at[0] = half ? sim_element(SIM_F16, c[i / 2][lane], 0) : sim_float_of(c[i][lane]);
            at[1] = half ? sim_element(SIM_F16, c[i / 2][lane], 1) : sim_float_of(c[i + 1][lane]);
        }
    }
}

static void scatter_d(bool half, const sim_tile_d from, uint32_t (*d)[SIM_LANES]) {
    for (int i = 0; i < 4; i += 2) {
        for (int lane = 0; lane < SIM_LANES; lane++) {
            const float *at = &from[sim_d_row(lane, i)][sim_d_column(lane, i)];
            if (half) {
                d[i / 2][lane] = sim_f16_round(at[0]) | (uint32_t)sim_f16_round(at[1]) << 16;
            } else {
                d[i][lane] = sim_bits_of(at[0]);
                d[i + 1][lane] = sim_bits_of(at[1]);
            }
        }
    }
}

static void run_floats(const sim_mma *mma, int n_a, int n_b, uint32_t (*a)[SIM_LANES],
                       uint32_t (*b)[SIM_LANES], uint32_t (*c)[SIM_LANES],
                       uint32_t (*d)[SIM_LANES]) {
    sim_tile_a tile_a;
    sim_tile_b tile_b;
    sim_tile_d tile_d;
    gather_a(mma->a, n_a, a, tile_a);
    gather_b(mma->b, n_b, b, tile_b);
    gather_c(mma->c == SIM_F16, c, tile_d);
    sim_tile_multiply(mma->k, tile_a, tile_b, tile_d);
    scatter_d(mma->c == SIM_F16, tile_d, d);
}

// --- s8, u8 ---

static int32_t byte_element(sim_matrix_type type, uint32_t bits, int e) {
    uint8_t byte = (uint8_t)(bits >> (8 * e));
    return type == SIM_S8 ? (int8_t)byte : byte;
}

// Sums wrap around; .satfinite is not simulated.
static void run_bytes(const sim_mma *mma, int n_a, int n_b, uint32_t (*a)[SIM_LANES],
                      uint32_t (*b)[SIM_LANES], uint32_t (*c)[SIM_LANES],
                      uint32_t (*d)[SIM_LANES]) {
    int32_t tile_a[SIM_TILE_M][MOST_K], tile_b[MOST_K][SIM_TILE_N];
    for (int lane = 0; lane < SIM_LANES; lane++) {
        for (int i = 0; i < 4 * n_a; i++) {
            int r = i / 4, e = i % 4;
            tile_a[sim_a_row(lane, r)][sim_a_column(4, lane, r) + e] =
                byte_element(mma->a, a[r][lane], e);
        }
        for (int i = 0; i < 4 * n_b; i++) {
            int r = i / 4, e = i % 4;
            tile_b[sim_b_row(4, lane, r) + e][lane / 4] = byte_element(mma->b, b[r][lane], e);
        }
    }
    for (int i = 0; i < 4; i++) {
        for (int lane = 0; lane < SIM_LANES; lane++) {
            uint32_t sum = c[i][lane];
            for (int p = 0; p < mma->k; p++) {
                sum += (uint32_t)(tile_a[sim_d_row(lane, i)][p] * tile_b[p][sim_d_column(lane, i)]);
            }
            d[i][lane] = sum;
        }
    }
}

// --- f64 ---

static double double_of(uint32_t low, uint32_t high) {
    uint64_t bits = (uint64_t)high << 32 | low;
    double x;
    memcpy(&x, &bits, 8);
    return x;
}

// m8n8k4: a lane has one element of A (groupID, threadID_in_group), one of B (the other way round)
// and two of C. Multiply-adds round once.
static void run_doubles(uint32_t (*a)[SIM_LANES], uint32_t (*b)[SIM_LANES],
                        uint32_t (*c)[SIM_LANES], uint32_t (*d)[SIM_LANES]) {
    uint32_t result[4][SIM_LANES];
    for (int i = 0; i < 2; i++) {
        for (int lane = 0; lane < SIM_LANES; lane++) {
            double sum = double_of(c[2 * i][lane], c[2 * i + 1][lane]);
            for (int p = 0; p < 4; p++) {
                int at_a = 4 * (lane / 4) + p, at_b = 4 * sim_d_column(lane, i) + p;
                sum =
                    fma(double_of(a[0][at_a], a[1][at_a]), double_of(b[0][at_b], b[1][at_b]), sum);
            }
            uint64_t bits;
            memcpy(&bits, &sum, 8);
            result[2 * i][lane] = (uint32_t)bits;
            result[2 * i + 1][lane] = (uint32_t)(bits >> 32);
        }
    }
    memcpy(d, result, sizeof result);  // d may be a or b
}

bool sim_mma_run(const sim_mma *mma, uint32_t (*a)[SIM_LANES], uint32_t (*b)[SIM_LANES],
                 uint32_t (*c)[SIM_LANES], uint32_t (*d)[SIM_LANES]) {
    int n_a, n_b, n_c;
    if (!sim_mma_registers(mma, &n_a, &n_b, &n_c)) return false;
    if (mma->a == SIM_F64) {
        run_doubles(a, b, c, d);
    } else if (mma->c == SIM_S32) {
        run_bytes(mma, n_a, n_b, a, b, c, d);
    } else {
        run_floats(mma, n_a, n_b, a, b, c, d);
    }
    return true;
}
