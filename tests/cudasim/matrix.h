// What single instructions of tensor cores, bulk copies and special functions do, on plain arrays:
// no state, no checks of memory. Fragments are [register][lane].
#ifndef CUDASIM_MATRIX_H
#define CUDASIM_MATRIX_H

#include <stdbool.h>
#include <stdint.h>

enum { SIM_LANES = 32 };

typedef enum sim_matrix_type {
    SIM_F16,
    SIM_BF16,
    SIM_TF32,
    SIM_F32,
    SIM_F64,
    SIM_S8,
    SIM_U8,
    SIM_S32
} sim_matrix_type;

// mma.sync.aligned.m{M}n{N}k{K}.row.col.{d}.{a}.{b}.{c}: f16, bf16 (m16n8k8, m16n8k16), tf32
// (m16n8k4, m16n8k8), f64 (m8n8k4), s8/u8 (m16n8k16, m16n8k32). Fragments are as the PTX ISA lays
// them out; f64 takes two 32-bit registers, low first. Products are exact. Sums begin with c and
// add the products of k = 0, 1, .. in this order, rounding each sum to nearest in f32. Hardware
// adds several products at once, aligned to the largest exponent with the bits below cut off, so
// its sums differ in the last bits and lean towards zero; f16 accumulators are rounded once, at the
// end. Sums of s32 wrap around. Operands of tf32 lose their low 13 bits. d may be c, a or b. False:
// there is no such shape.
typedef struct sim_mma {
    int m, n, k;
    sim_matrix_type a, b, c;  // d has c's type
} sim_mma;
bool sim_mma_registers(const sim_mma *mma, int *a, int *b, int *c);  // how many of each
bool sim_mma_run(const sim_mma *mma, uint32_t (*a)[SIM_LANES], uint32_t (*b)[SIM_LANES],
                 uint32_t (*c)[SIM_LANES], uint32_t (*d)[SIM_LANES]);

// ldmatrix.sync.aligned.m8n8.x{count}{.trans}.b16: rows[8 * count] of 16 bytes, row r of matrix i
// is from the address of lane 8 * i + r. stmatrix is the inverse.
void sim_ldmatrix(int count, bool transposed, uint8_t (*rows)[16], uint32_t (*d)[SIM_LANES]);
void sim_stmatrix(int count, bool transposed, uint32_t (*s)[SIM_LANES], uint8_t (*rows)[16]);

// wgmma.mma_async.sync.aligned.m64n{N}k{K}: the matrix descriptors' meaning (start, leading and
// stride byte offset, swizzle), both operands in shared memory or A in registers. `shared` is the
// block's shared memory window, `shared_bytes` its size, addresses count from its begin; d has n/2
// registers of 128 threads. f16, bf16 and tf32 with f32 sums, which are as mma's. False: there is
// no such shape, a reserved bit of a descriptor is set, its base offset is (the operand does not
// begin where the swizzle pattern does), or an operand is not within shared memory.
typedef struct sim_wgmma {
    int n, k;
    sim_matrix_type a, c;  // b has a's type
    bool a_in_registers;
    uint64_t a_descriptor, b_descriptor;
    bool transpose_a, transpose_b;  // 16-bit types alone
    int scale_a, scale_b;           // 1 or -1
    bool keep_d;                    // scale-d: false: d = a * b
} sim_wgmma;
bool sim_wgmma_run(const sim_wgmma *wgmma, const uint8_t *shared, uint32_t shared_bytes,
                   uint32_t (*a)[128], uint32_t (*d)[128]);
// Where element (row of A or column of B, k) lies, for checks of what is read: its first byte.
// False: a descriptor that cannot be understood, as above.
bool sim_wgmma_at(const sim_wgmma *wgmma, bool of_b, int mn, int k, uint32_t *at);

// cp.async.bulk.tensor: a tensor map is 128 opaque bytes; these are ours.
typedef struct sim_tensor_map {
    uint64_t address;
    uint32_t type, rank, interleave, swizzle, promotion, fill;  // the driver's enums
    uint64_t size[5], stride[5];                                // stride in bytes; [0] is unused
    uint32_t box[5], element_stride[5];
} sim_tensor_map;
// To and from the 128 bytes (tensor_map_bytes.c). False: the bytes are no tensor map of ours.
void sim_tensor_map_pack(const sim_tensor_map *map, void *bytes);
bool sim_tensor_map_unpack(const void *bytes, sim_tensor_map *map);
// What is wrong with it, or NULL: the rules of cuTensorMapEncodeTiled, and what is not simulated
// (interleaved layouts, packed and rounding types, filling with NaN, swizzles of sm_100, swizzled
// boxes whose rows do not fill the swizzle's span).
const char *sim_tensor_map_check(const sim_tensor_map *map);
// For byte `i` of a box in shared memory (before swizzling) at `coordinate`: its byte in global
// memory, or 0 where it is outside and filled; `to` is where it goes in the box (swizzled), if the
// box is aligned to sim_tensor_map_alignment: the pattern depends on addresses.
uint64_t sim_tensor_map_byte(const sim_tensor_map *map, const int32_t coordinate[5], uint32_t i,
                             uint32_t *to);
uint32_t sim_tensor_map_box_bytes(const sim_tensor_map *map);
uint32_t sim_tensor_map_alignment(const sim_tensor_map *map);  // of the box in shared memory

// Numbers.
float sim_tf32_round(float x);     // cvt.rna.tf32.f32
uint16_t sim_bf16_round(float x);  // cvt.rn.bf16.f32
float sim_bf16_value(uint16_t x);
uint16_t sim_f16_round(float x);  // cvt.rn.f16.f32
float sim_f16_value(uint16_t x);

// Special functions, as exact as the PTX ISA says that hardware is, and no more: results carry an
// error of about what it documents, so that code which relies on more is found out. The error is a
// function of the operands. Without .ftz: subnormal operands and results are kept.
float sim_ex2_approx(float x);
float sim_lg2_approx(float x);
float sim_rcp_approx(float x);
float sim_rsqrt_approx(float x);
float sim_sqrt_approx(float x);
float sim_sin_approx(float x);
float sim_cos_approx(float x);
float sim_tanh_approx(float x);
float sim_div_approx(float a, float b);
float sim_div_full(float a, float b);

#endif
