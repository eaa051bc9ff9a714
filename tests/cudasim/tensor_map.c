// Tensor maps: which byte of global memory goes where in a box in shared memory.
//
// The rules are those of cuTensorMapEncodeTiled (cuda.h); the swizzle patterns are those of the PTX
// ISA, "Swizzling Modes": within lines of 128 bytes, chunks of 16 bytes are permuted, chunk number
// (mod 2, 4 or 8) by exclusive or with the line number (mod 2, 4 or 8); that of 32 bytes has lines
// of 128 bytes, too.
#include <stddef.h>

#include "tests/cudasim/matrix.h"

enum {  // of the driver
    TYPE_U8 = 0,
    TYPE_BF16 = 9,
    INTERLEAVE_NONE = 0,
    SWIZZLE_NONE = 0,
    SWIZZLE_128B = 3,
    PROMOTION_256B = 3,
    FILL_ZERO = 0,
};

enum { MOST_RANK = 5, MOST_BOX = 256, MOST_STEP = 8, CHUNK = 16, LINE = 128 };

static uint32_t element_bytes(const sim_tensor_map *map) {
    static const uint8_t bytes[] = {1, 2, 4, 4, 8, 8, 2, 4, 8, 2};  // u8 to bf16
    return bytes[map->type];
}

// Bytes within which chunks are permuted.
static uint32_t span(const sim_tensor_map *map) { return CHUNK << map->swizzle; }

// Elements of the box along a dimension. Steps along dimension 0 are ignored unless interleaved.
static uint32_t extent(const sim_tensor_map *map, uint32_t dim) {
    uint32_t step = dim == 0 ? 1 : map->element_stride[dim];
    return (map->box[dim] + step - 1) / step;
}

static const char *check_modes(const sim_tensor_map *map) {
    if (map->type > TYPE_BF16) return "the data type is none, or one that is not simulated";
    if (map->rank < 1 || map->rank > MOST_RANK) return "the rank is not 1 to 5";
    if (map->interleave != INTERLEAVE_NONE) return "interleaved layouts are not simulated";
    if (map->swizzle > SWIZZLE_128B) return "the swizzle is none of sm_90";
    if (map->promotion > PROMOTION_256B) return "there is no such L2 promotion";
    if (map->fill != FILL_ZERO) return "filling with NaN is not simulated";
    if (map->address % CHUNK) return "the global address is not aligned to 16 bytes";
    return NULL;
}

const char *sim_tensor_map_check(const sim_tensor_map *map) {
    const char *wrong = check_modes(map);
    if (wrong) return wrong;
    for (uint32_t d = 0; d < map->rank; d++) {
        if (map->size[d] < 1 || map->size[d] > (uint64_t)1 << 32) {
            return "a size of the tensor is not 1 to 2^32";
        }
        if (d > 0 && map->stride[d] % CHUNK) return "a stride is not a multiple of 16 bytes";
        if (d > 0 && map->stride[d] >= (uint64_t)1 << 40) return "a stride is 2^40 bytes or more";
        if (map->box[d] < 1 || map->box[d] > MOST_BOX) return "a size of the box is not 1 to 256";
        if (map->element_stride[d] < 1 || map->element_stride[d] > MOST_STEP) {
            return "an element stride is not 1 to 8";
        }
    }
    uint32_t inner = map->box[0] * element_bytes(map);
    if (inner % CHUNK) return "the box's inner dimension is not a multiple of 16 bytes";
    if (map->swizzle != SWIZZLE_NONE) {
        if (inner > span(map)) return "the box's inner dimension is more than the swizzle's span";
        if (inner < span(map)) {
            return "the box's inner dimension is less than the swizzle's span, which is not "
                   "simulated";
        }
    }
    return NULL;
}

uint64_t sim_tensor_map_byte(const sim_tensor_map *map, const int32_t coordinate[5], uint32_t i,
                             uint32_t *to) {
    uint32_t bytes = element_bytes(map), element = i / bytes;
    uint32_t line = i / LINE, chunks = span(map) / CHUNK;
    *to = i ^ (line & (chunks - 1)) * CHUNK;
    uint64_t address = map->address + i % bytes;
    for (uint32_t d = 0; d < map->rank; d++) {
        uint32_t step = d == 0 ? 1 : map->element_stride[d];
        int64_t at = coordinate[d] + (int64_t)(element % extent(map, d) * step);
        if (at < 0 || (uint64_t)at >= map->size[d]) return 0;
        address += (uint64_t)at * (d == 0 ? bytes : map->stride[d]);
        element /= extent(map, d);
    }
    return address;
}

uint32_t sim_tensor_map_box_bytes(const sim_tensor_map *map) {
    uint32_t bytes = element_bytes(map);
    for (uint32_t d = 0; d < map->rank; d++) bytes *= extent(map, d);
    return bytes;
}

// PTX ISA, "Swizzling Modes": where the pattern begins; 128 bytes are what bulk tensor copies need.
uint32_t sim_tensor_map_alignment(const sim_tensor_map *map) {
    return map->swizzle == SWIZZLE_NONE ? LINE : LINE * span(map) / CHUNK;
}
