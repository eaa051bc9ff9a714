// Tensor maps.
#include "tests/cudasim/driver_state.h"
#include "tests/cudasim/matrix.h"

static CUresult encode(CUtensorMap *out, sim_tensor_map *map, const uint64_t *size,
                       const uint64_t *stride, const unsigned *box, const unsigned *step) {
    if (!out || (uintptr_t)out % 64 || !size || !box || !step || (map->rank > 1 && !stride)) {
        return sim_refuse(CUDA_ERROR_INVALID_VALUE, "an argument is NULL, or the map not aligned");
    }
    if (sim_setting()->sm < 90) {
        return sim_refuse(CUDA_ERROR_NOT_SUPPORTED, "tensor maps need sm_90");
    }
    for (uint32_t i = 0; i < map->rank && i < 5; i++) {
        map->size[i] = size[i];
        map->box[i] = box[i];
        map->element_stride[i] = step[i];
        if (i > 0) map->stride[i] = stride[i - 1];
    }
    const char *wrong = sim_tensor_map_check(map);
    if (wrong) return sim_refuse(CUDA_ERROR_INVALID_VALUE, "%s", wrong);
    sim_tensor_map_pack(map, out);
    return CUDA_SUCCESS;
}

// NOLINTNEXTLINE(readability-function-size): the driver has so many parameters
CUresult cuTensorMapEncodeTiled(CUtensorMap *out, int type, unsigned rank, void *address,
                                const uint64_t *size, const uint64_t *stride, const unsigned *box,
                                const unsigned *element_stride, int interleave, int swizzle,
                                int promotion, int fill) {
    sim_tensor_map map = {.address = (uint64_t)address,
                          .type = (uint32_t)type,
                          .rank = rank,
                          .interleave = (uint32_t)interleave,
                          .swizzle = (uint32_t)swizzle,
                          .promotion = (uint32_t)promotion,
                          .fill = (uint32_t)fill};
    SIM_CALL(SIM_INIT, encode(out, &map, size, stride, box, element_stride));
}
