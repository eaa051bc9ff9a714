// mma, ldmatrix and stmatrix against plain products. Where elements are in fragments is written out
// here once more, from the tables of the PTX ISA ("Matrix Fragments for mma.*"), by element number.
#include <stdlib.h>

#include "tests/check.h"
#include "tests/cudasim/matrix.h"

enum { MOST_K = 32 };

typedef struct place {
    int row, column;
} place;
typedef place layout(int group, int thread, int i);

// --- fragments, by element a0, a1, .. of a lane; group = lane / 4, thread = lane % 4 ---

static place a_16bit_k8(int group, int thread, int i) {
    return (place){i < 2 ? group : group + 8, thread * 2 + (i & 1)};
}

static place a_16bit_k16(int group, int thread, int i) {
    return (place){(0 <= i && i < 2) || (4 <= i && i < 6) ? group : group + 8,
                   i < 4 ? thread * 2 + (i & 1) : thread * 2 + (i & 1) + 8};
}

static place a_tf32_k4(int group, int thread, int i) {
    return (place){i == 0 ? group : group + 8, thread};
}

static place a_tf32_k8(int group, int thread, int i) {
    return (place){i == 0 || i == 2 ? group : group + 8, i < 2 ? thread : thread + 4};
}

static place a_8bit_k16(int group, int thread, int i) {
    return (place){i < 4 ? group : group + 8, thread * 4 + (i & 3)};
}

static place a_8bit_k32(int group, int thread, int i) {
    return (place){(0 <= i && i < 4) || (8 <= i && i < 12) ? group : group + 8,
                   i < 8 ? thread * 4 + (i & 3) : thread * 4 + (i & 3) + 16};
}

static place a_f64(int group, int thread, int i) { return (place){group, thread + i}; }

static place b_16bit(int group, int thread, int i) {
    return (place){i < 2 ? thread * 2 + (i & 1) : thread * 2 + (i & 1) + 8, group};
}

static place b_tf32(int group, int thread, int i) {
    return (place){i == 0 ? thread : thread + 4, group};
}

static place b_8bit(int group, int thread, int i) {
    return (place){i < 4 ? thread * 4 + (i & 3) : thread * 4 + (i & 3) + 16, group};
}

static place b_f64(int group, int thread, int i) { return (place){thread + i, group}; }

static place c_any(int group, int thread, int i) {
    return (place){i < 2 ? group : group + 8, thread * 2 + (i & 1)};
}

typedef struct shape {
    sim_mma mma;
    int n_a, n_b, n_c;  // elements of a lane
    layout *a, *b;
} shape;

static const shape shapes[] = {
    {{16, 8, 8, SIM_F16, SIM_F16, SIM_F32}, 4, 2, 4, a_16bit_k8, b_16bit},
    {{16, 8, 16, SIM_F16, SIM_F16, SIM_F32}, 8, 4, 4, a_16bit_k16, b_16bit},
    {{16, 8, 8, SIM_F16, SIM_F16, SIM_F16}, 4, 2, 4, a_16bit_k8, b_16bit},
    {{16, 8, 16, SIM_F16, SIM_F16, SIM_F16}, 8, 4, 4, a_16bit_k16, b_16bit},
    {{16, 8, 8, SIM_BF16, SIM_BF16, SIM_F32}, 4, 2, 4, a_16bit_k8, b_16bit},
    {{16, 8, 16, SIM_BF16, SIM_BF16, SIM_F32}, 8, 4, 4, a_16bit_k16, b_16bit},
    {{16, 8, 4, SIM_TF32, SIM_TF32, SIM_F32}, 2, 1, 4, a_tf32_k4, b_tf32},
    {{16, 8, 8, SIM_TF32, SIM_TF32, SIM_F32}, 4, 2, 4, a_tf32_k8, b_tf32},
    {{16, 8, 16, SIM_S8, SIM_S8, SIM_S32}, 8, 4, 4, a_8bit_k16, b_8bit},
    {{16, 8, 16, SIM_U8, SIM_S8, SIM_S32}, 8, 4, 4, a_8bit_k16, b_8bit},
    {{16, 8, 32, SIM_S8, SIM_U8, SIM_S32}, 16, 8, 4, a_8bit_k32, b_8bit},
    {{16, 8, 32, SIM_U8, SIM_U8, SIM_S32}, 16, 8, 4, a_8bit_k32, b_8bit},
    {{8, 8, 4, SIM_F64, SIM_F64, SIM_F64}, 1, 1, 2, a_f64, b_f64},
};
enum { SHAPES = sizeof shapes / sizeof *shapes };

// --- elements of fragments ---

static int bits_of(sim_matrix_type type) {
    switch (type) {
        case SIM_F16:
        case SIM_BF16: return 16;
        case SIM_S8:
        case SIM_U8: return 8;
        case SIM_F64: return 64;
        default: return 32;
    }
}

static uint64_t encode(sim_matrix_type type, double x) {
    float f = (float)x;
    uint32_t word;
    uint64_t bits;
    switch (type) {
        case SIM_F16: return sim_f16_round(f);
        case SIM_BF16: return sim_bf16_round(f);
        case SIM_S8:
        case SIM_U8:
        case SIM_S32: return (uint64_t)(int64_t)x;
        case SIM_F64: memcpy(&bits, &x, 8); return bits;
        default: memcpy(&word, &f, 4); return word;
    }
}

static void put(sim_matrix_type type, uint32_t (*to)[SIM_LANES], int lane, int i, double x) {
    uint64_t value = encode(type, x);
    for (int bit = 0; bit < bits_of(type); bit++) {
        int at = i * bits_of(type) + bit;
        uint32_t one = 1u << at % 32;
        to[at / 32][lane] &= ~one;
        if (value >> bit & 1) to[at / 32][lane] |= one;
    }
}

static double get(sim_matrix_type type, uint32_t (*from)[SIM_LANES], int lane, int i) {
    float f;
    double x;
    uint64_t bits;
    switch (type) {
        case SIM_F16: return sim_f16_value((uint16_t)(from[i / 2][lane] >> (i % 2 * 16)));
        case SIM_S32: return (int32_t)from[i][lane];
        case SIM_F64:
            bits = from[2 * i][lane] | (uint64_t)from[2 * i + 1][lane] << 32;
            memcpy(&x, &bits, 8);
            return x;
        default: memcpy(&f, &from[i][lane], 4); return f;
    }
}

// Multiples of 1/8 that every type has, and whose sums of products are exact, in f16 too.
static double any_value(sim_matrix_type type) {
    if (type == SIM_S8) return rand() % 256 - 128;
    if (type == SIM_U8) return rand() % 256;
    return (rand() % 17 - 8) / 8.0;
}

typedef struct fragments {
    uint32_t a[4][SIM_LANES], b[4][SIM_LANES], c[4][SIM_LANES], d[4][SIM_LANES];
} fragments;

// --- tests ---

// Both with registers of its own for d and with d in the place of c, as compilers do.
static void test_shape(const shape *s) {
    static double a[16][MOST_K], b[MOST_K][8], c[16][8];
    const sim_mma *mma = &s->mma;
    fragments f = {0};
    for (int i = 0; i < mma->m * mma->k; i++) a[i / mma->k][i % mma->k] = any_value(mma->a);
    for (int i = 0; i < mma->k * 8; i++) b[i / 8][i % 8] = any_value(mma->b);
    for (int i = 0; i < mma->m * 8; i++) c[i / 8][i % 8] = rand() % 17 - 8;
    for (int lane = 0; lane < SIM_LANES; lane++) {
        for (int i = 0; i < s->n_a; i++) {
            place p = s->a(lane / 4, lane % 4, i);
            put(mma->a, f.a, lane, i, a[p.row][p.column]);
        }
        for (int i = 0; i < s->n_b; i++) {
            place p = s->b(lane / 4, lane % 4, i);
            put(mma->b, f.b, lane, i, b[p.row][p.column]);
        }
        for (int i = 0; i < s->n_c; i++) {
            place p = c_any(lane / 4, lane % 4, i);
            put(mma->c, f.c, lane, i, c[p.row][p.column]);
        }
    }
    CHECK(sim_mma_run(mma, f.a, f.b, f.c, f.d));
    CHECK(sim_mma_run(mma, f.a, f.b, f.c, f.c));
    CHECK(memcmp(f.c, f.d, sizeof f.c) == 0, "in place, k %d", mma->k);
    for (int lane = 0; lane < SIM_LANES; lane++) {
        for (int i = 0; i < s->n_c; i++) {
            place p = c_any(lane / 4, lane % 4, i);
            double want = c[p.row][p.column], is = get(mma->c, f.d, lane, i);
            for (int k = 0; k < mma->k; k++) want += a[p.row][k] * b[k][p.column];
            CHECK(is == want, "type %d k %d lane %d: %g and %g", mma->a, mma->k, lane, is, want);
        }
    }
}

static void test_registers(void) {
    for (int i = 0; i < SHAPES; i++) {
        const shape *s = &shapes[i];
        int a = 0, b = 0, c = 0;
        CHECK(sim_mma_registers(&s->mma, &a, &b, &c));
        CHECK(a * 32 == s->n_a * bits_of(s->mma.a), "%d: %d", i, a);
        CHECK(b * 32 == s->n_b * bits_of(s->mma.b), "%d: %d", i, b);
        CHECK(c * 32 == s->n_c * bits_of(s->mma.c), "%d: %d", i, c);
    }
    static const sim_mma none[] = {
        {16, 8, 16, SIM_TF32, SIM_TF32, SIM_F32}, {16, 8, 4, SIM_BF16, SIM_BF16, SIM_F32},
        {16, 8, 16, SIM_BF16, SIM_F16, SIM_F32},  {16, 8, 16, SIM_BF16, SIM_BF16, SIM_F16},
        {8, 8, 16, SIM_F16, SIM_F16, SIM_F32},    {16, 8, 8, SIM_S8, SIM_S8, SIM_S32},
        {16, 8, 16, SIM_S8, SIM_S8, SIM_F32},     {16, 16, 16, SIM_F16, SIM_F16, SIM_F32},
        {16, 8, 4, SIM_F64, SIM_F64, SIM_F64},    {16, 8, 8, SIM_F32, SIM_F32, SIM_F32},
    };
    for (size_t i = 0; i < sizeof none / sizeof *none; i++) {
        fragments f = {0};
        CHECK(!sim_mma_run(&none[i], f.a, f.b, f.c, f.d), "%zu", i);
    }
}

// An element of the product where all registers of A are `a`, all of B are `b`.
static float dot(const sim_mma *mma, uint32_t a, uint32_t b, float c) {
    fragments f = {0};
    for (int i = 0; i < 4 * SIM_LANES; i++) {
        f.a[i / SIM_LANES][i % SIM_LANES] = a;
        f.b[i / SIM_LANES][i % SIM_LANES] = b;
        put(SIM_F32, f.c, i % SIM_LANES, i / SIM_LANES, c);
    }
    CHECK(sim_mma_run(mma, f.a, f.b, f.c, f.d));
    return (float)get(SIM_F32, f.d, 7, 2);
}

static void test_rounding(void) {
    static const sim_mma tf32 = {16, 8, 8, SIM_TF32, SIM_TF32, SIM_F32},
                         bf16 = {16, 8, 16, SIM_BF16, SIM_BF16, SIM_F32};
    // The low 13 bits of tf32 operands are cut off, not rounded.
    CHECK(dot(&tf32, 0x3f801fff, 0x3fffffff, 0) == 8 * (2 - 0x1p-10f));
    // Products are exact: (1 + 2^-7)^2.
    CHECK(dot(&bf16, 0x3f813f81, 0x3f813f81, 0) == 16 * (1 + 0x1p-6f + 0x1p-14f));
    // Each sum is rounded: 1 + 2^-24, 16 times, stays 1; 2^-23 is added.
    CHECK(dot(&bf16, 0x39803980, 0x39803980, 1) == 1);
    CHECK(dot(&bf16, 0x39803980, 0x3a003a00, 1) == 1 + 0x1p-19f);
    CHECK(isnan(dot(&bf16, 0x7fc03f80, 0x3f803f80, 0)));
    CHECK(isinf(dot(&bf16, 0x7f803f80, 0x3f803f80, 0)));
}

// A row-major and B both ways, as they are in shared memory; 8 x 8 matrices of 16-bit halves serve
// for tf32 too (but not transposed).
static void test_load_and_multiply(bool b_by_rows) {
    uint16_t a[16][16], b[16][8], b_columns[8][16];
    double want[16][8] = {{0}};
    for (int i = 0; i < 256; i++) a[i / 16][i % 16] = sim_bf16_round((float)any_value(SIM_BF16));
    for (int i = 0; i < 128; i++) {
        b[i / 8][i % 8] = b_columns[i % 8][i / 8] = sim_bf16_round((float)any_value(SIM_BF16));
    }
    for (int i = 0; i < 16 * 8 * 16; i++) {
        int m = i / 128, n = i / 16 % 8, k = i % 16;
        want[m][n] += (double)sim_bf16_value(a[m][k]) * (double)sim_bf16_value(b[k][n]);
    }
    uint8_t rows[32][16];
    fragments f = {0};
    for (int lane = 0; lane < 32; lane++) {
        memcpy(rows[lane], &a[lane % 16][lane / 16 * 8], 16);
    }
    sim_ldmatrix(4, false, rows, f.a);
    for (int lane = 0; lane < 16; lane++) {
        memcpy(rows[lane], b_by_rows ? &b[lane][0] : &b_columns[lane % 8][lane / 8 * 8], 16);
    }
    sim_ldmatrix(2, b_by_rows, rows, f.b);
    static const sim_mma mma = {16, 8, 16, SIM_BF16, SIM_BF16, SIM_F32};
    CHECK(sim_mma_run(&mma, f.a, f.b, f.c, f.d));
    for (int i = 0; i < 128; i++) {
        place p = c_any(i / 4 / 4, i / 4 % 4, i % 4);
        double is = get(SIM_F32, f.d, i / 4, i % 4);
        CHECK(is == want[p.row][p.column], "%d %d: %g", p.row, p.column, is);
    }
}

static void test_load_tf32(void) {
    float a[16][8];
    uint8_t rows[32][16];
    uint32_t d[4][SIM_LANES];
    for (int i = 0; i < 128; i++) a[i / 8][i % 8] = (float)i;
    for (int lane = 0; lane < 32; lane++) {
        memcpy(rows[lane], &a[lane % 16][lane / 16 * 4], 16);
    }
    sim_ldmatrix(4, false, rows, d);
    for (int i = 0; i < 128; i++) {
        place p = a_tf32_k8(i / 4 / 4, i / 4 % 4, i % 4);
        CHECK(get(SIM_F32, d, i / 4, i % 4) == a[p.row][p.column], "%d", i);
    }
}

static void test_store(void) {
    for (int count = 1; count <= 4; count *= 2) {
        for (int transposed = 0; transposed < 2; transposed++) {
            uint8_t rows[32][16], back[33][16];
            uint32_t d[5][SIM_LANES];
            for (int i = 0; i < 512; i++) rows[i / 16][i % 16] = (uint8_t)rand();
            memset(back, 0xa5, sizeof back);
            memset(d, 0x5a, sizeof d);
            sim_ldmatrix(count, transposed, rows, d);
            sim_stmatrix(count, transposed, d, back);
            CHECK(memcmp(rows, back, (size_t)count * 8 * 16) == 0, "x%d", count);
            CHECK(d[count][0] == 0x5a5a5a5a && back[8 * count][0] == 0xa5, "x%d: too much", count);
        }
    }
}

// Lane 6 has row 1, columns 4 and 5 of each matrix; or column 1, rows 4 and 5.
static void test_load_place(void) {
    uint8_t rows[32][16];
    uint32_t d[4][SIM_LANES];
    for (int i = 0; i < 512; i++) rows[i / 16][i % 16] = (uint8_t)i;
    sim_ldmatrix(4, false, rows, d);
    CHECK(d[0][6] == 0x1b1a1918, "%x", d[0][6]);
    CHECK(d[3][6] == 0x9b9a9998, "%x", d[3][6]);
    sim_ldmatrix(4, true, rows, d);
    CHECK(d[0][6] == 0x53524342, "%x", d[0][6]);
}

int main(void) {
    srand(1);
    test_registers();
    for (int i = 0; i < SHAPES; i++) test_shape(&shapes[i]);
    test_rounding();
    test_load_and_multiply(false);
    test_load_and_multiply(true);
    test_load_tf32();
    test_store();
    test_load_place();
    return CHECK_RESULT();
}
