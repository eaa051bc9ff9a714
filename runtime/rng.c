// Philox4x32-10 and what is drawn from it.
//
// Which words make which element (w[i] is word i of the stream):
//   uniform f32, element i: w[i] >> 8, times 2^-24
//   uniform f64, element i: (w[2i] + w[2i+1] * 2^32) >> 11, times 2^-53
//   normal f32, elements 2i and 2i+1: radius from w[2i], angle from w[2i+1]; cosine, then sine
//   normal f64, elements 2i and 2i+1: radius from w[4i] + w[4i+1] * 2^32, angle from w[4i+2] +
//     w[4i+3] * 2^32; cosine, then sine
//   u64, index i: w[2i] + w[2i+1] * 2^32
// A block counter has 32 bits, so a stream has 2^34 words; asking for more is a bug.
//
// Box-Muller (Box and Muller, 1958): with u1 in (0, 1] and an angle a, sqrt(-2 log u1) times cos a
// and sin a are two independent normals. From b bits, u1 = (bits >> 1, converted, plus 1) /
// 2^(b-1), so the largest normal is 6.55 (f32) or 9.35 (f64). The angle is the bits as a
// fixed-point part of a turn: the nearest quarter turn comes off exactly, in integers, and what is
// left lies in
// [-pi/4, pi/4), where short polynomials do. log is fdlibm's (e_logf.c, e_log.c), sine and cosine
// are Cephes' (sinf.c, f32) and fdlibm's (k_sin.c, k_cos.c, f64), each without its special cases.
// Nothing but IEEE +, -, *, / and square root: the bits are the same wherever those are. The error
// against exact arithmetic from the same bits is below 4 ulp for f32 and for f64
// (tests/runtime/rng_test.c measures it).
//
// A tile of blocks is made at a time, each step a loop over the tile that the compiler vectorises;
// on x86 every tile function exists for three vector widths, chosen when called.
#include "runtime/rng.h"

#include <math.h>
#include <string.h>

#include "runtime/base/status.h"

#define INLINE static inline __attribute__((always_inline))

enum { TILE = 32 };  // blocks

// One word of a tile's blocks; a tile is four of them.
typedef struct tile {
    uint32_t words[4][TILE];
} tile;

// --- the generator ---

#define PHILOX_M0 UINT64_C(0xD2511F53)
#define PHILOX_M1 UINT64_C(0xCD9E8D57)
#define PHILOX_W0 UINT32_C(0x9E3779B9)  // golden ratio
#define PHILOX_W1 UINT32_C(0xBB67AE85)  // sqrt(3) - 1

INLINE void philox_rounds(uint64_t key, uint32_t c[4]) {
    uint32_t k0 = (uint32_t)key, k1 = (uint32_t)(key >> 32);
    for (int round = 0; round < 10; round++) {
        uint64_t p0 = PHILOX_M0 * c[0], p1 = PHILOX_M1 * c[2];
        c[0] = (uint32_t)(p1 >> 32) ^ c[1] ^ k0;
        c[1] = (uint32_t)p1;
        c[2] = (uint32_t)(p0 >> 32) ^ c[3] ^ k1;
        c[3] = (uint32_t)p0;
        k0 += PHILOX_W0;
        k1 += PHILOX_W1;
    }
}

void dn_philox(const dn_rng_stream *stream, uint32_t block, uint32_t out[4]) {
    uint32_t c[4] = {block, stream->site, (uint32_t)stream->step, (uint32_t)(stream->step >> 32)};
    philox_rounds(stream->seed, c);
    memcpy(out, c, sizeof c);
}

// The same for blocks first..first+TILE-1, a round of all blocks at a time.
INLINE void philox_tile(const dn_rng_stream *stream, uint32_t first, tile *t) {
    uint32_t *c0 = t->words[0], *c1 = t->words[1], *c2 = t->words[2], *c3 = t->words[3];
    uint32_t k0 = (uint32_t)stream->seed, k1 = (uint32_t)(stream->seed >> 32);
    for (uint32_t i = 0; i < TILE; i++) {
        c0[i] = first + i;
        c1[i] = stream->site;
        c2[i] = (uint32_t)stream->step;
        c3[i] = (uint32_t)(stream->step >> 32);
    }
    for (int round = 0; round < 10; round++) {
        for (int i = 0; i < TILE; i++) {
            uint64_t p0 = PHILOX_M0 * c0[i], p1 = PHILOX_M1 * c2[i];
            c0[i] = (uint32_t)(p1 >> 32) ^ c1[i] ^ k0;
            c1[i] = (uint32_t)p1;
            c2[i] = (uint32_t)(p0 >> 32) ^ c3[i] ^ k1;
            c3[i] = (uint32_t)p0;
        }
        k0 += PHILOX_W0;
        k1 += PHILOX_W1;
    }
}

// --- words to numbers ---

// Exact; written so because older x86 converts only signed integers in vectors.
INLINE double double_of_u32(uint32_t w) {
    return (double)(int32_t)(w ^ UINT32_C(0x80000000)) + 0x1p31;
}

INLINE float uniform_f32(uint32_t w) { return (float)(int32_t)(w >> 8) * 0x1p-24f; }

INLINE double uniform_f64(uint32_t low, uint32_t high) {
    return (double_of_u32(high) * 0x1p21 + (double)(int32_t)(low >> 11)) * 0x1p-53;
}

INLINE float float_of_bits(uint32_t bits) {
    float x;
    memcpy(&x, &bits, sizeof x);
    return x;
}

INLINE double double_of_bits(uint64_t bits) {
    double x;
    memcpy(&x, &bits, sizeof x);
    return x;
}

// sqrt(-2 log u), u a normal number in (0, 1]: u = 2^k (1 + f) with 1 + f in [sqrt(1/2), sqrt(2)),
// log(1 + f) = 2 atanh(s), s = f / (2 + f).
INLINE float radius_f32(float u) {
    uint32_t bits;
    memcpy(&bits, &u, sizeof bits);
    int32_t k = (int32_t)(bits - UINT32_C(0x3F3504F3)) >> 23;
    float f = float_of_bits(bits - ((uint32_t)k << 23)) - 1.0f, e = (float)k;
    float s = f / (2.0f + f), z = s * s, w = z * z;
    float odd = z * (0xaaaaaap-24f + w * 0x91e9eep-25f);
    float even = w * (0xccce13p-25f + w * 0xf89e26p-26f);
    float half = 0.5f * f * f;
    float small = s * (half + (odd + even)) + e * 9.0580006145e-06f;
    float log = e * 6.9313812256e-01f - ((half - small) - f);
    return sqrtf(-2.0f * log);
}

INLINE double radius_f64(double u) {
    uint64_t bits;
    memcpy(&bits, &u, sizeof bits);
    // Only the high half takes part, so that 32-bit vector shifts do.
    int32_t k = (int32_t)((uint32_t)(bits >> 32) - UINT32_C(0x3FE6A09E)) >> 20;
    double f = double_of_bits(bits - ((uint64_t)(uint32_t)k << 52)) - 1.0, e = (double)k;
    double s = f / (2.0 + f), z = s * s, w = z * z;
    double odd = z * (6.666666666666735130e-01 +
                      w * (2.857142874366239149e-01 +
                           w * (1.818357216161805012e-01 + w * 1.479819860511658591e-01)));
    double even = w * (3.999999999940941908e-01 +
                       w * (2.222219843214978396e-01 + w * 1.531383769920937332e-01));
    double half = 0.5 * f * f;
    double small = s * (half + (odd + even)) + e * 1.90821492927058770002e-10;
    double log = e * 6.93147180369123816490e-01 - ((half - small) - f);
    return sqrt(-2.0 * log);
}

// Sine and cosine for |x| <= pi/4.
INLINE float sine_f32(float x) {
    float z = x * x;
    return ((-1.9515295891e-4f * z + 8.3321608736e-3f) * z - 1.6666654611e-1f) * z * x + x;
}

INLINE float cosine_f32(float x) {
    float z = x * x;
    float tail = (2.443315711809948e-5f * z - 1.388731625493765e-3f) * z + 4.166664568298827e-2f;
    return tail * z * z - 0.5f * z + 1.0f;
}

INLINE double sine_f64(double x) {
    double z = x * x;
    double r = 8.33333333332248946124e-03 +
               z * (-1.98412698298579493134e-04 +
                    z * (2.75573137070700676789e-06 +
                         z * (-2.50507602534068634195e-08 + z * 1.58969099521155010221e-10)));
    return x + z * x * (-1.66666666666666324348e-01 + z * r);
}

INLINE double cosine_f64(double x) {
    double z = x * x;
    double r =
        z * (4.16666666666666019037e-02 +
             z * (-1.38888888888741095749e-03 +
                  z * (2.48015872894767294178e-05 +
                       z * (-2.75573143513906633035e-07 +
                            z * (2.08757232129817482790e-09 + z * -1.13596475577881948265e-11)))));
    double half = 0.5 * z, w = 1.0 - half;
    return w + (((1.0 - w) - half) + z * r);
}

// The nearest quarter turn of an angle whose highest word is `w` (a whole turn is 2^32), and what
// is left of that word, in [-2^29, 2^29).
INLINE uint32_t quarter_of(uint32_t w) { return (w + (UINT32_C(1) << 29)) >> 30; }

INLINE int32_t rest_of(uint32_t w) {
    return (int32_t)((w + (UINT32_C(1) << 29)) & ((UINT32_C(1) << 30) - 1)) - (1 << 29);
}

INLINE void normal_f32(uint32_t w0, uint32_t w1, float out[2]) {
    float u = ((float)(int32_t)(w0 >> 1) + 1.0f) * 0x1p-31f;
    float r = radius_f32(u);
    uint32_t quarter = quarter_of(w1);
    float x = (float)rest_of(w1) * (6.2831853071795864769e0f * 0x1p-32f);
    float sine = sine_f32(x), cosine = cosine_f32(x);
    float c = quarter & 1 ? sine : cosine, s = quarter & 1 ? cosine : sine;
    out[0] = r * ((quarter + 1) & 2 ? -c : c);
    out[1] = r * (quarter & 2 ? -s : s);
}

INLINE void normal_f64(const uint32_t w[4], double out[2]) {
    uint32_t high = w[1] >> 1, low = w[0] >> 1 | w[1] << 31;
    double u = (((double)(int32_t)high * 0x1p32 + double_of_u32(low)) + 1.0) * 0x1p-63;
    double r = radius_f64(u);
    uint32_t quarter = quarter_of(w[3]);
    double turn = (double)rest_of(w[3]) * 0x1p32 + double_of_u32(w[2]);
    double x = turn * (6.2831853071795864769e0 * 0x1p-64);
    double sine = sine_f64(x), cosine = cosine_f64(x);
    double c = quarter & 1 ? sine : cosine, s = quarter & 1 ? cosine : sine;
    out[0] = r * ((quarter + 1) & 2 ? -c : c);
    out[1] = r * (quarter & 2 ? -s : s);
}

// --- tiles of numbers: TILE blocks from `first`, to TILE * (16 bytes or 4 f32) of `out` ---

INLINE void uniform_f32_body(const dn_rng_stream *stream, uint32_t first, void *out) {
    tile t;
    philox_tile(stream, first, &t);
    float *x = out;
    for (int i = 0; i < TILE; i++) {
        for (int j = 0; j < 4; j++) x[4 * i + j] = uniform_f32(t.words[j][i]);
    }
}

INLINE void uniform_f64_body(const dn_rng_stream *stream, uint32_t first, void *out) {
    tile t;
    philox_tile(stream, first, &t);
    double *x = out;
    for (int i = 0; i < TILE; i++) {
        x[2 * i] = uniform_f64(t.words[0][i], t.words[1][i]);
        x[2 * i + 1] = uniform_f64(t.words[2][i], t.words[3][i]);
    }
}

INLINE void normal_f32_body(const dn_rng_stream *stream, uint32_t first, void *out) {
    tile t;
    philox_tile(stream, first, &t);
    float *x = out;
    for (int i = 0; i < TILE; i++) {
        normal_f32(t.words[0][i], t.words[1][i], x + 4 * i);
        normal_f32(t.words[2][i], t.words[3][i], x + 4 * i + 2);
    }
}

INLINE void normal_f64_body(const dn_rng_stream *stream, uint32_t first, void *out) {
    tile t;
    philox_tile(stream, first, &t);
    double *x = out;
    for (int i = 0; i < TILE; i++) {
        uint32_t w[4] = {t.words[0][i], t.words[1][i], t.words[2][i], t.words[3][i]};
        normal_f64(w, x + 2 * i);
    }
}

typedef void tile_function(const dn_rng_stream *stream, uint32_t first, void *out);

// NAME_tile: NAME_body compiled for the widest vectors that the machine has. The numbers do not
// depend on which, because every operation is IEEE and none is fused (-ffp-contract=off).
#if defined(__x86_64__)
#define VARIANT(name, suffix, isa)                                                               \
    __attribute__((target(isa))) static void name##_##suffix(const dn_rng_stream *s, uint32_t b, \
                                                             void *out) {                        \
        name##_body(s, b, out);                                                                  \
    }
#define TILE_FUNCTION(name)                                                           \
    VARIANT(name, sse2, "sse2")                                                       \
    VARIANT(name, avx2, "avx2")                                                       \
    VARIANT(name, avx512, "avx512f,avx512dq,avx512vl")                                \
    static tile_function *name##_tile(void) {                                         \
        if (__builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl")) \
            return name##_avx512;                                                     \
        return __builtin_cpu_supports("avx2") ? name##_avx2 : name##_sse2;            \
    }
#else
#define TILE_FUNCTION(name)                                                 \
    static void name##_any(const dn_rng_stream *s, uint32_t b, void *out) { \
        name##_body(s, b, out);                                             \
    }                                                                       \
    static tile_function *name##_tile(void) { return name##_any; }
#endif

TILE_FUNCTION(uniform_f32)
TILE_FUNCTION(uniform_f64)
TILE_FUNCTION(normal_f32)
TILE_FUNCTION(normal_f64)

// Elements [begin, end), `per_block` of them to a block, each 16 / per_block bytes. Whole tiles go
// straight to `out`; the ends go through a buffer.
static void fill(const dn_rng_stream *stream, int64_t begin, int64_t end, int per_block,
                 tile_function *make, void *out) {
    DN_ASSERT(begin >= 0 && end <= ((int64_t)per_block << 32), "range beyond the stream");
    _Alignas(64) unsigned char buffer[TILE * 16];
    unsigned char *to = out;
    size_t size = 16 / (size_t)per_block;
    while (begin < end) {
        int64_t block = begin / per_block, skip = begin % per_block;
        int64_t count = (int64_t)TILE * per_block - skip;
        if (count > end - begin) count = end - begin;
        bool whole = count == (int64_t)TILE * per_block;
        make(stream, (uint32_t)block, whole ? to : buffer);
        if (!whole) memcpy(to, buffer + (size_t)skip * size, (size_t)count * size);
        to += (size_t)count * size;
        begin += count;
    }
}

void dn_rng_uniform_f32(const dn_rng_stream *stream, int64_t begin, int64_t end, float *out) {
    fill(stream, begin, end, 4, uniform_f32_tile(), out);
}

void dn_rng_uniform_f64(const dn_rng_stream *stream, int64_t begin, int64_t end, double *out) {
    fill(stream, begin, end, 2, uniform_f64_tile(), out);
}

void dn_rng_normal_f32(const dn_rng_stream *stream, int64_t begin, int64_t end, float *out) {
    fill(stream, begin, end, 4, normal_f32_tile(), out);
}

void dn_rng_normal_f64(const dn_rng_stream *stream, int64_t begin, int64_t end, double *out) {
    fill(stream, begin, end, 2, normal_f64_tile(), out);
}

// --- single draws ---

static uint64_t half_of(const uint32_t words[4], uint64_t index) {
    const uint32_t *w = words + 2 * (index & 1);
    return w[0] | (uint64_t)w[1] << 32;
}

uint64_t dn_rng_u64(const dn_rng_stream *stream, uint64_t index) {
    DN_ASSERT(index >> 33 == 0, "index beyond the stream");
    uint32_t words[4];
    dn_philox(stream, (uint32_t)(index >> 1), words);
    return half_of(words, index);
}

// Lemire's method ("Fast random integer generation in an interval", 2019): the high half of
// bits * n, rejecting the few low halves that would favour some results. A rejected draw
// enciphers its own block again, so that index i needs no words of other indices.
uint64_t dn_rng_below(const dn_rng_stream *stream, uint64_t index, uint64_t n) {
    DN_ASSERT(index >> 33 == 0 && n > 0, "index beyond the stream, or n = 0");
    uint32_t words[4];
    dn_philox(stream, (uint32_t)(index >> 1), words);
    for (;;) {
        unsigned __int128 product = (unsigned __int128)half_of(words, index) * n;
        uint64_t low = (uint64_t)product;
        if (low >= n || low >= (0 - n) % n) return (uint64_t)(product >> 64);
        philox_rounds(stream->seed, words);
    }
}

double dn_rng_double(const dn_rng_stream *stream, uint64_t index) {
    return (double)(dn_rng_u64(stream, index) >> 11) * 0x1p-53;
}
