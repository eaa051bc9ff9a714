// Counter-based random numbers: Philox4x32-10 (Salmon et al., "Parallel random numbers: as easy
// as 1, 2, 3", SC 2011).
//
// A number is a pure function of (seed, step, site, index), so it does not depend on threads,
// workers, vector width or order. Words 4i..4i+3 of a stream are the block with counter
// {i, site, low(step), high(step)} under the key {low(seed), high(seed)}.
#ifndef DN_RUNTIME_RNG_H
#define DN_RUNTIME_RNG_H

#include <stdint.h>

typedef struct dn_rng_stream {
    uint64_t seed;
    uint64_t step;
    uint32_t site;
} dn_rng_stream;

// The four words of block `block`.
void dn_philox(const dn_rng_stream *stream, uint32_t block, uint32_t out[4]);

// Elements [begin, end) of a stream, to out[0..end-begin). Uniform in [0, 1): f32 from one word
// (24 bits), f64 from two (53 bits). Normal by Box-Muller, with log, sin and cos as fixed sequences
// of IEEE additions, multiplications and divisions, so that every target gives the same bits: f32
// uses one block per 4 numbers, f64 one block per 2. rng.c says which words make which element, and
// how exact the normals are. A stream has 2^32 blocks; asking for more is a bug.
void dn_rng_uniform_f32(const dn_rng_stream *stream, int64_t begin, int64_t end, float *out);
void dn_rng_uniform_f64(const dn_rng_stream *stream, int64_t begin, int64_t end, double *out);
void dn_rng_normal_f32(const dn_rng_stream *stream, int64_t begin, int64_t end, float *out);
void dn_rng_normal_f64(const dn_rng_stream *stream, int64_t begin, int64_t end, double *out);

// A 64-bit word of the stream, and an unbiased integer in [0, n) for index i (n >= 1).
uint64_t dn_rng_u64(const dn_rng_stream *stream, uint64_t index);
uint64_t dn_rng_below(const dn_rng_stream *stream, uint64_t index, uint64_t n);
double dn_rng_double(const dn_rng_stream *stream, uint64_t index);  // uniform in [0, 1)

#endif
