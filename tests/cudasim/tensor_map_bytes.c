// Tensor maps as the 128 bytes that programs pass around: all that the map says, in fewer bits.
#include <stddef.h>
#include <string.h>

#include "tests/cudasim/matrix.h"

typedef struct packed {
    uint64_t magic, address;
    uint64_t stride[4];         // of dimensions 1 to 4
    uint32_t size_less_one[5];  // a size may be 2^32
    uint16_t box[5];
    uint8_t element_stride[5];
    uint8_t type, rank, interleave, swizzle, promotion, fill;
    uint64_t sum;  // of the bytes before it, so that a damaged map is known
} packed;
_Static_assert(sizeof(packed) <= 128, "a tensor map has 128 bytes");

static const uint64_t magic = 0x70616d726f736e74;

static uint64_t sum_of(const packed *p) {
    unsigned char bytes[offsetof(packed, sum)];
    uint64_t sum = 0;
    memcpy(bytes, p, sizeof bytes);
    for (size_t i = 0; i < sizeof bytes; i++) sum = (sum ^ bytes[i]) * 0x100000001b3;
    return sum;
}

void sim_tensor_map_pack(const sim_tensor_map *map, void *bytes) {
    packed p;
    memset(&p, 0, sizeof p);
    p.magic = magic;
    p.address = map->address;
    p.type = (uint8_t)map->type;
    p.rank = (uint8_t)map->rank;
    p.interleave = (uint8_t)map->interleave;
    p.swizzle = (uint8_t)map->swizzle;
    p.promotion = (uint8_t)map->promotion;
    p.fill = (uint8_t)map->fill;
    for (uint32_t i = 0; i < map->rank; i++) {
        if (i > 0) p.stride[i - 1] = map->stride[i];
        p.size_less_one[i] = (uint32_t)(map->size[i] - 1);
        p.box[i] = (uint16_t)map->box[i];
        p.element_stride[i] = (uint8_t)map->element_stride[i];
    }
    p.sum = sum_of(&p);
    memset(bytes, 0, 128);
    memcpy(bytes, &p, sizeof p);
}

bool sim_tensor_map_unpack(const void *bytes, sim_tensor_map *map) {
    packed p;
    memcpy(&p, bytes, sizeof p);
    if (p.magic != magic || p.rank > 5 || p.sum != sum_of(&p)) return false;
    *map = (sim_tensor_map){.address = p.address,
                            .type = p.type,
                            .rank = p.rank,
                            .interleave = p.interleave,
                            .swizzle = p.swizzle,
                            .promotion = p.promotion,
                            .fill = p.fill};
    for (uint32_t i = 0; i < p.rank; i++) {
        if (i > 0) map->stride[i] = p.stride[i - 1];
        map->size[i] = (uint64_t)p.size_less_one[i] + 1;
        map->box[i] = p.box[i];
        map->element_stride[i] = p.element_stride[i];
    }
    return true;
}
