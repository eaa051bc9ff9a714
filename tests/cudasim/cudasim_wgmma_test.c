// wgmma against plain products of operands that are laid out here once more, from the tables of the
// PTX ISA, "Swizzling Modes" and "Shared Memory Matrix Layout".
#include <stdlib.h>

#include "tests/check.h"
#include "tests/cudasim/matrix.h"

enum { M = 64, MOST_N = 256, MOST_K = 16, SHARED = 160 * 1024, B_BASE = 64 * 1024 };

static _Alignas(16) uint8_t shared[SHARED];

// --- the operands in shared memory ---

// Which chunk of 16 bytes is at each position of the lines of 128 bytes, for the modes of a
// descriptor (1: 128 bytes, 2: 64, 3: 32), and how many lines the pattern has.
static const uint8_t pattern_128[8][8] = {{0, 1, 2, 3, 4, 5, 6, 7}, {1, 0, 3, 2, 5, 4, 7, 6},
                                          {2, 3, 0, 1, 6, 7, 4, 5}, {3, 2, 1, 0, 7, 6, 5, 4},
                                          {4, 5, 6, 7, 0, 1, 2, 3}, {5, 4, 7, 6, 1, 0, 3, 2},
                                          {6, 7, 4, 5, 2, 3, 0, 1}, {7, 6, 5, 4, 3, 2, 1, 0}};
static const uint8_t pattern_64[4][8] = {{0, 1, 2, 3, 4, 5, 6, 7},
                                         {1, 0, 3, 2, 5, 4, 7, 6},
                                         {2, 3, 0, 1, 6, 7, 4, 5},
                                         {3, 2, 1, 0, 7, 6, 5, 4}};
static const uint8_t pattern_32[2][8] = {{0, 1, 2, 3, 4, 5, 6, 7}, {1, 0, 3, 2, 5, 4, 7, 6}};

static int swizzled(int mode, int byte) {
    int line = byte / 128, chunk = byte / 16 % 8;
    for (int position = 0; position < 8 && mode; position++) {
        int holds = mode == 1   ? pattern_128[line % 8][position]
                    : mode == 2 ? pattern_64[line % 4][position]
                                : pattern_32[line % 2][position];
        if (holds == chunk) return line * 128 + position * 16 + byte % 16;
    }
    return byte;
}

// An operand as a grid of swizzle atoms, each 8 lines of `width` chunks: lines are rows (of A,
// columns of B), chunks go along k; or, MN-major, the other way round.
typedef struct operand {
    int base, mode, width;  // of a line, in chunks
    int bytes;              // of an element
    bool mn_major;
    int mn_step, k_step;  // from atom to atom, in bytes
} operand;

static int place_of(const operand *o, int mn, int k) {
    int per_chunk = 16 / o->bytes, along = o->mn_major ? mn : k, line = o->mn_major ? k : mn;
    int in_atom =
        line % 8 * o->width * 16 + along / per_chunk % o->width * 16 + along % per_chunk * o->bytes;
    int lines = line / 8, chunks = along / (per_chunk * o->width);
    int mn_atom = o->mn_major ? chunks : lines, k_atom = o->mn_major ? lines : chunks;
    return swizzled(o->mode, o->base + mn_atom * o->mn_step + k_atom * o->k_step + in_atom);
}

static operand new_operand(int base, int mode, int bytes, bool mn_major, int mn) {
    static const int widths[] = {1, 8, 4, 2};
    operand o = {base, mode, widths[mode], bytes, mn_major, 0, 0};
    int atom = 128 * o.width;  // bytes
    // With gaps, so that the two steps are nothing that could be guessed.
    if (rand() % 2) {
        o.k_step = 2 * atom;
        o.mn_step = mn_major || !mode ? 4 * o.k_step : o.k_step;  // K-major swizzled: one along k
    } else {
        o.mn_step = 2 * atom;
        o.k_step = o.mn_step * (mn_major ? mn / 8 / o.width + 1 : mn / 8);
    }
    return o;
}

// "Leading Dimension Byte Offset" and "Stride Dimension Byte Offset": between atoms along mn and k,
// in an order that depends on the layout. Of K-major swizzled layouts the leading one is unused.
static uint64_t describe(const operand *o, int k) {
    int leading, stride;
    if (o->mn_major) {
        leading = o->mode ? o->mn_step : o->k_step;
        stride = o->mode ? o->k_step : o->mn_step;
    } else {
        leading = o->mode ? 16 * (rand() % 100) : o->k_step;
        stride = o->mn_step;
    }
    // A later k within an atom is a later start address, before swizzling.
    int per_chunk = 16 / o->bytes, first = k / per_chunk;
    int start = o->base + (o->mode ? first * 16 : first * o->k_step);
    if (o->mn_major) start = o->base + k / 8 * o->k_step;
    return (uint64_t)(start >> 4) | (uint64_t)(leading >> 4) << 16 | (uint64_t)(stride >> 4) << 32 |
           (uint64_t)o->mode << 62;
}

static void store(const operand *o, sim_matrix_type type, int mn, int k, float x) {
    uint16_t half = type == SIM_F16 ? sim_f16_round(x) : sim_bf16_round(x);
    int at = place_of(o, mn, k);
    if (at < 0 || at + 4 > SHARED) abort();
    memcpy(shared + at, type == SIM_TF32 ? (void *)&x : (void *)&half, (size_t)o->bytes);
}

// --- registers of a warpgroup ---

typedef struct problem {
    sim_wgmma w;
    float a[M][2 * MOST_K], b[MOST_N][2 * MOST_K], c[M][MOST_N];
    int first;  // of k
    uint32_t a_registers[4][128], d[128][128];
} problem;

static problem p;

// "Matrix Fragments for wgmma.mma_async": warp w has rows 16 w to 16 w + 15, in which threads have
// elements as in mma.m16n8k16 (k8 of tf32): by lane / 4 and lane % 4.
static void fill_registers(void) {
    bool tf32 = p.w.a == SIM_TF32;
    for (int thread = 0; thread < 128; thread++) {
        int warp = thread / 32, group = thread % 32 / 4, in_group = thread % 4;
        for (int i = 0; i < (tf32 ? 4 : 8); i++) {
            int row = (tf32 ? i : i / 2) % 2 ? group + 8 : group;
            int k = tf32 ? in_group + (i < 2 ? 0 : 4) : in_group * 2 + i % 2 + (i < 4 ? 0 : 8);
            float x = p.a[16 * warp + row][p.first + k];
            if (tf32) {
                memcpy(&p.a_registers[i][thread], &x, 4);
            } else {
                uint32_t half = p.w.a == SIM_F16 ? sim_f16_round(x) : sim_bf16_round(x);
                uint32_t *to = &p.a_registers[i / 2][thread];
                *to = i % 2 ? (*to & 0xffff) | half << 16 : half;
            }
        }
        for (int i = 0; i < p.w.n / 2; i++) {
            int row = 16 * warp + group + (i % 4 < 2 ? 0 : 8);
            memcpy(&p.d[i][thread], &p.c[row][i / 4 * 8 + in_group * 2 + i % 2], 4);
        }
    }
}

static void check_result(void) {
    for (int thread = 0; thread < 128; thread++) {
        for (int i = 0; i < p.w.n / 2; i++) {
            int row = 16 * (thread / 32) + thread % 32 / 4 + (i % 4 < 2 ? 0 : 8);
            int column = i / 4 * 8 + thread % 4 * 2 + i % 2;
            double want = 0;
            for (int k = p.first; k < p.first + p.w.k; k++) {
                want += (double)p.a[row][k] * (double)p.b[column][k];
            }
            want *= p.w.scale_a * p.w.scale_b;
            if (p.w.keep_d) want += (double)p.c[row][column];
            float is;
            memcpy(&is, &p.d[i][thread], 4);
            if ((double)is != want) {
                CHECK(false, "thread %d register %d: %g, not %g", thread, i, (double)is, want);
                return;
            }
        }
    }
    CHECK(true);
}

static float any_value(void) { return (float)(rand() % 33 - 16) / 8; }

static void start(sim_matrix_type type, int n) {
    p.w = (sim_wgmma){.n = n, .k = type == SIM_TF32 ? 8 : 16, .a = type, .c = SIM_F32};
    p.w.scale_a = rand() % 2 ? 1 : -1;
    p.w.scale_b = rand() % 2 ? 1 : -1;
    p.w.keep_d = rand() % 2;
    for (int i = 0; i < M * 2 * MOST_K; i++) p.a[i / 32][i % 32] = any_value();
    for (int i = 0; i < n * 2 * MOST_K; i++) p.b[i / 32][i % 32] = any_value();
    for (int i = 0; i < M * n; i++) p.c[i / n][i % n] = any_value();
    memset(shared, 0xff, SHARED);  // NaN in all types
}

// --- tests ---

static void test_product(sim_matrix_type type, int n, int mode, bool a_mn, bool b_mn,
                         bool registers) {
    start(type, n);
    int bytes = type == SIM_TF32 ? 4 : 2, b_mode = (mode + rand() % 4) % 4;
    operand a = new_operand(0, mode, bytes, a_mn, M);
    operand b = new_operand(B_BASE, b_mode, bytes, b_mn, n);
    // The second step along k where the operands have one: an atom is 32 bytes long at least.
    bool second = mode != 3 && b_mode != 3;
    p.first = second && rand() % 2 ? p.w.k : 0;
    for (int k = p.first; k < p.first + p.w.k; k++) {
        for (int m = 0; m < M; m++) store(&a, type, m, k, p.a[m][k]);
        for (int j = 0; j < n; j++) store(&b, type, j, k, p.b[j][k]);
    }
    p.w.a_in_registers = registers;
    p.w.transpose_a = a_mn;
    p.w.transpose_b = b_mn;
    p.w.a_descriptor = describe(&a, p.first);
    p.w.b_descriptor = describe(&b, p.first);
    fill_registers();
    CHECK(sim_wgmma_run(&p.w, shared, SHARED, p.a_registers, p.d));
    check_result();
    uint32_t at;
    CHECK(sim_wgmma_at(&p.w, true, n - 1, 5, &at) && (int)at == place_of(&b, n - 1, p.first + 5));
}

static void test_products(void) {
    static const sim_matrix_type types[] = {SIM_F16, SIM_BF16, SIM_TF32};
    static const int sizes[] = {8, 24, 64, 136};
    for (int i = 0; i < 3 * 4 * 4 * 4 * 2; i++) {
        sim_matrix_type type = types[i % 3];
        bool a_mn = i / 12 % 2 && type != SIM_TF32, b_mn = i / 24 % 2 && type != SIM_TF32;
        bool registers = i / 48 % 2 && !a_mn;
        test_product(type, sizes[rand() % 4], i / 3 % 4, a_mn, b_mn, registers);
    }
}

// The examples of "Canonical Layouts", whose exact layouts the ISA gives as
// ((mn0, mn1, mn2), (k0, k1)):(strides), in elements, with the encoded offsets.
typedef struct example {
    int bytes, mode, leading, stride;
    bool mn_major;
    int mn_shape[3], mn_strides[3], k_shape[2], k_strides[2];
} example;

static void test_examples(void) {
    static const example examples[] = {
        {4, 0, 16, 8, false, {8, 2, 1}, {4, 32, 0}, {4, 4}, {1, 64}},
        {4, 3, 1, 16, false, {8, 2, 1}, {8, 64, 0}, {4, 2}, {1, 4}},
        {2, 0, 16, 8, true, {8, 1, 2}, {1, 8, 64}, {8, 2}, {8, 128}},
        {2, 3, 16, 32, true, {8, 2, 2}, {1, 8, 128}, {8, 2}, {16, 256}},
        {2, 2, 32, 64, true, {8, 4, 2}, {1, 8, 256}, {8, 2}, {32, 512}},
    };
    for (int e = 0; e < 5; e++) {
        const example *x = &examples[e];
        const int *mn_shape = x->mn_shape, *k_shape = x->k_shape;
        sim_wgmma w = {.a = x->bytes == 4 ? SIM_TF32 : SIM_BF16, .transpose_b = x->mn_major};
        w.b_descriptor =
            (uint64_t)x->leading << 16 | (uint64_t)x->stride << 32 | (uint64_t)x->mode << 62;
        for (int mn = 0; mn < mn_shape[0] * mn_shape[1] * mn_shape[2]; mn++) {
            for (int k = 0; k < k_shape[0] * k_shape[1]; k++) {
                int want = mn % mn_shape[0] * x->mn_strides[0] +
                           mn / mn_shape[0] % mn_shape[1] * x->mn_strides[1] +
                           mn / mn_shape[0] / mn_shape[1] * x->mn_strides[2] +
                           k % k_shape[0] * x->k_strides[0] + k / k_shape[0] * x->k_strides[1];
                uint32_t at = 0;
                CHECK(sim_wgmma_at(&w, true, mn, k, &at));
                want = swizzled(x->mode, want * x->bytes);
                CHECK((int)at == want, "%d: %d %d: %u, not %d", e, mn, k, at, want);
            }
        }
    }
}

static void test_refused(void) {
    start(SIM_BF16, 16);
    p.w.a_descriptor = 8ull << 32 | 1ull << 62;
    p.w.b_descriptor = 8ull << 32 | 1ull << 62 | 0x400;
    const sim_wgmma good = p.w;
    CHECK(sim_wgmma_run(&p.w, shared, SHARED, NULL, p.d));
    // Columns 0 to 15 in two steps of 128 bytes, which overlap: the last byte that is read.
    uint32_t most = 0;
    for (int i = 0; i < 256; i++) {
        uint32_t at;
        CHECK(sim_wgmma_at(&good, true, i / 16, i % 16, &at));
        most = at + 2 > most ? at + 2 : most;
    }
    CHECK(sim_wgmma_run(&p.w, shared, most, NULL, p.d));
    CHECK(!sim_wgmma_run(&p.w, shared, most - 1, NULL, p.d), "outside");
#define REFUSED(change)                                                  \
    do {                                                                 \
        p.w = good;                                                      \
        p.w.change;                                                      \
        CHECK(!sim_wgmma_run(&p.w, shared, SHARED, NULL, p.d), #change); \
    } while (0)
    REFUSED(n = 12);
    REFUSED(n = 264);
    REFUSED(k = 8);
    REFUSED(a = SIM_S8);
    REFUSED(c = SIM_F16);
    REFUSED(scale_a = 0);
    REFUSED(a_descriptor |= 1ull << 46);
    REFUSED(b_descriptor |= 1ull << 52);
    REFUSED(b_descriptor |= 1ull << 49);
    p.w = good;
    p.w.a = SIM_TF32;
    p.w.k = 8;
    CHECK(sim_wgmma_run(&p.w, shared, SHARED, NULL, p.d));
    p.w.transpose_b = true;
    CHECK(!sim_wgmma_run(&p.w, shared, SHARED, NULL, p.d), "tf32 transposed");
}

// What a tensor map with a swizzle puts there is what a descriptor with the same one finds.
static void test_from_tensor_map(int mode) {
    static const uint32_t of_map[] = {0, 3, 2, 1};
    static const uint32_t inner[] = {0, 64, 32, 16};
    static uint16_t global[M][64];
    start(SIM_BF16, 64);
    p.w.keep_d = false;
    for (int i = 0; i < M * 64; i++) global[i / 64][i % 64] = sim_bf16_round(any_value());
    sim_tensor_map map = {.address = 0x10000, .type = 9, .rank = 2, .swizzle = of_map[mode]};
    map.size[0] = map.size[1] = 64;
    map.stride[1] = sizeof global[0];
    map.box[0] = inner[mode];
    map.box[1] = M;
    map.element_stride[0] = map.element_stride[1] = 1;
    CHECK(!sim_tensor_map_check(&map));
    const int32_t coordinate[5] = {16};
    if (mode == 1) map.size[0] = 80;  // the box may not go outside
    for (uint32_t i = 0; i < sim_tensor_map_box_bytes(&map); i++) {
        uint32_t to;
        uint64_t from = sim_tensor_map_byte(&map, coordinate, i, &to) - map.address;
        shared[to] = from < sizeof global ? ((const uint8_t *)global)[from] : 0;
    }
    for (int i = 0; i < M * 16; i++) {
        p.a[i / 16][i % 16] = p.b[i / 16][i % 16] = sim_bf16_value(global[i / 16][16 + i % 16]);
    }
    p.first = 0;
    p.w.a_descriptor = p.w.b_descriptor =
        (uint64_t)(inner[mode] * 2 * 8 >> 4) << 32 | (uint64_t)mode << 62;
    CHECK(sim_wgmma_run(&p.w, shared, SHARED, NULL, p.d));
    check_result();
}

int main(void) {
    srand(2);
    test_examples();
    test_products();
    test_product(SIM_BF16, 256, 1, false, true, false);
    test_product(SIM_TF32, 256, 1, false, false, true);
    test_refused();
    for (int mode = 1; mode < 4; mode++) test_from_tensor_map(mode);
    return CHECK_RESULT();
}
