// wgmma.mma_async with f32 accumulators: operands are gathered as matrix descriptors say into the
// tiles of mma.
//
// PTX ISA, "Matrix Descriptor Format": bits 0-13 start address, 16-29 leading dimension byte
// offset, 32-45 stride dimension byte offset, all in units of 16 bytes; 49-51 base offset; 62-63
// swizzling: 0 none, 1 of 128 bytes, 2 of 64, 3 of 32. The others are zero.
#include "tests/cudasim/matrix_tile.h"

enum { WARPS = 4, MOST_N = 256, CHUNK = 16 };  // bytes that swizzling keeps together

typedef struct layout {
    uint32_t start, leading, stride;  // bytes
    int chunks;                       // of a line within which swizzling permutes them; 1: none
} layout;

// Bits 14-15, 30-31, 46-48 and 52-61.
static const uint64_t reserved = 0x3ff1c000c000c000;

static uint32_t field(uint64_t descriptor, int bit) {
    return (uint32_t)(descriptor >> bit & 0x3fff) << 4;
}

// False: reserved bits are set, or the base offset is, whose meaning for a pattern that is not
// aligned the ISA leaves open.
static bool decode(uint64_t descriptor, layout *out) {
    static const int chunks[] = {1, 8, 4, 2};
    if (descriptor & (reserved | (uint64_t)7 << 49)) return false;
    *out = (layout){field(descriptor, 0), field(descriptor, 16), field(descriptor, 32),
                    chunks[descriptor >> 62]};
    return true;
}

// PTX ISA, "Canonical Layouts". There a layout is a function of (row or column, k) in elements, T
// of which are 16 bytes, in CuTe's notation (shape):(stride). W is `chunks`:
//   K-major:  none      ((8,m),(T,2k)):((1T,SBO),(1,LBO))
//             swizzled  ((8,m),(T,2k)):((WT,SBO),(1,T))
//   MN-major: none      ((T,1,m),(8,k)):((1,T,SBO),(1T,LBO))
//             swizzled  ((T,W,m),(8,k)):((1,T,LBO),(WT,SBO))
// and Swizzle<log2 W, 4, 3> of the address: bits 4 and up are combined by exclusive or with as many
// bits from bit 7.
static uint32_t element_at(const layout *l, bool mn_major, uint32_t bytes, uint32_t mn,
                           uint32_t k) {
    uint32_t width = (uint32_t)l->chunks, t = CHUNK / bytes, at = l->start;
    if (mn_major) {
        at += mn % t * bytes + k % 8 * CHUNK * width;
        uint32_t chunk = mn / t;
        if (width == 1) {
            at += chunk * l->stride + k / 8 * l->leading;
        } else {
            at += chunk % width * CHUNK + chunk / width * l->leading + k / 8 * l->stride;
        }
    } else {
        at += mn % 8 * CHUNK * width + mn / 8 * l->stride + k % t * bytes;
        at += k / t * (width == 1 ? l->leading : CHUNK);
    }
    return at ^ (at >> 3 & (width - 1) << 4);
}

static bool has_shape(const sim_wgmma *w) {
    bool half = w->a == SIM_F16 || w->a == SIM_BF16;
    if (w->c != SIM_F32 || (!half && w->a != SIM_TF32)) return false;
    if (w->k != (half ? 16 : 8) || w->n % 8 || w->n < 8 || w->n > MOST_N) return false;
    if ((w->transpose_a || w->transpose_b) && !half) return false;
    if (w->transpose_a && w->a_in_registers) return false;
    return (w->scale_a == 1 || w->scale_a == -1) && (w->scale_b == 1 || w->scale_b == -1);
}

bool sim_wgmma_at(const sim_wgmma *wgmma, bool of_b, int mn, int k, uint32_t *at) {
    layout l;
    if (!decode(of_b ? wgmma->b_descriptor : wgmma->a_descriptor, &l)) return false;
    uint32_t bytes = 4 / (uint32_t)sim_per_register(wgmma->a);
    bool mn_major = of_b ? wgmma->transpose_b : wgmma->transpose_a;
    *at = element_at(&l, mn_major, bytes, (uint32_t)mn, (uint32_t)k);
    return true;
}

// An element of A or B in shared memory; false: it is outside.
static bool load(const sim_wgmma *w, bool of_b, const uint8_t *shared, uint32_t shared_bytes,
                 int mn, int k, float *value) {
    uint32_t at, bits = 0, bytes = 4 / (uint32_t)sim_per_register(w->a);
    if (!sim_wgmma_at(w, of_b, mn, k, &at) || at > shared_bytes || bytes > shared_bytes - at) {
        return false;
    }
    memcpy(&bits, shared + at, bytes);
    *value = sim_element(w->a, bits, 0) * (float)(of_b ? w->scale_b : w->scale_a);
    return true;
}

static bool load_a(const sim_wgmma *w, const uint8_t *shared, uint32_t shared_bytes,
                   sim_tile_a tiles[WARPS]) {
    for (int row = 0; row < WARPS * SIM_TILE_M; row++) {
        for (int k = 0; k < w->k; k++) {
            float *to = &tiles[row / SIM_TILE_M][row % SIM_TILE_M][k];
            if (!load(w, false, shared, shared_bytes, row, k, to)) return false;
        }
    }
    return true;
}

// "Matrix Fragments for wgmma.mma_async.m64nNk16" and k8: each warp has 16 rows, as mma has them.
static void take_a(const sim_wgmma *w, uint32_t (*a)[128], sim_tile_a tiles[WARPS]) {
    int per = sim_per_register(w->a);
    for (int i = 0; i < 4 * per; i++) {
        int r = i / per, e = i % per;
        for (int thread = 0; thread < 128; thread++) {
            int lane = thread % SIM_LANES, column = sim_a_column(per, lane, r) + e;
            tiles[thread / SIM_LANES][sim_a_row(lane, r)][column] =
                sim_element(w->a, a[r][thread], e) * (float)w->scale_a;
        }
    }
}

// The accumulators of columns `first` and on: registers first / 2 to first / 2 + 3 of each thread,
// laid out as mma's.
static void multiply(const sim_wgmma *w, int first, sim_tile_a a[WARPS], const sim_tile_b b,
                     uint32_t (*d)[128]) {
    for (int warp = 0; warp < WARPS; warp++) {
        sim_tile_d sums = {{0}};
        for (int i = 0; i < 4 * SIM_LANES && w->keep_d; i++) {
            int r = i / SIM_LANES, lane = i % SIM_LANES;
            sums[sim_d_row(lane, r)][sim_d_column(lane, r)] =
                sim_float_of(d[first / 2 + r][SIM_LANES * warp + lane]);
        }
        sim_tile_multiply(w->k, a[warp], b, sums);
        for (int i = 0; i < 4 * SIM_LANES; i++) {
            int r = i / SIM_LANES, lane = i % SIM_LANES;
            d[first / 2 + r][SIM_LANES * warp + lane] =
                sim_bits_of(sums[sim_d_row(lane, r)][sim_d_column(lane, r)]);
        }
    }
}

bool sim_wgmma_run(const sim_wgmma *wgmma, const uint8_t *shared, uint32_t shared_bytes,
                   uint32_t (*a)[128], uint32_t (*d)[128]) {
    sim_tile_a tiles[WARPS];
    sim_tile_b columns[MOST_N / SIM_TILE_N];
    if (!has_shape(wgmma)) return false;
    for (int j = 0; j < wgmma->n; j++) {
        for (int k = 0; k < wgmma->k; k++) {
            float *to = &columns[j / SIM_TILE_N][k][j % SIM_TILE_N];
            if (!load(wgmma, true, shared, shared_bytes, j, k, to)) return false;
        }
    }
    if (wgmma->a_in_registers) {
        take_a(wgmma, a, tiles);
    } else if (!load_a(wgmma, shared, shared_bytes, tiles)) {
        return false;
    }
    for (int j = 0; j < wgmma->n; j += SIM_TILE_N) {
        multiply(wgmma, j, tiles, columns[j / SIM_TILE_N], d);
    }
    return true;
}
