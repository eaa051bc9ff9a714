// What an address is.
#include "tests/cudasim/driver_state.h"

static CUresult device_pointer(CUdeviceptr *device, void *address, unsigned flags) {
    if (!device || flags) return CUDA_ERROR_INVALID_VALUE;
    const sim_allocation *block = sim_allocation_find((uint64_t)address);
    if (!block || !block->pinned) {
        return sim_refuse(CUDA_ERROR_INVALID_VALUE, "%p is not pinned memory", address);
    }
    *device = (uint64_t)address;
    return CUDA_SUCCESS;
}
CUresult cuMemHostGetDevicePointer_v2(CUdeviceptr *device, void *address, unsigned flags) {
    SIM_CALL(SIM_CONTEXT, device_pointer(device, address, flags));
}

static CUresult address_range(CUdeviceptr *base, size_t *bytes, CUdeviceptr address) {
    const sim_allocation *block = sim_allocation_find(address);
    if (!block) {
        return sim_refuse(CUDA_ERROR_NOT_FOUND, "no memory at 0x%llx", (unsigned long long)address);
    }
    if (base) *base = block->base;
    if (bytes) *bytes = block->bytes;
    return CUDA_SUCCESS;
}
CUresult cuMemGetAddressRange_v2(CUdeviceptr *base, size_t *bytes, CUdeviceptr address) {
    SIM_CALL(SIM_CONTEXT, address_range(base, bytes, address));
}

static CUresult get(void *data, CUpointer_attribute attribute, const sim_allocation *block,
                    uint64_t address) {
    switch (attribute) {
        case CU_POINTER_ATTRIBUTE_CONTEXT:
            *(CUcontext *)data = block->object.context->object.handle;
            break;
        case CU_POINTER_ATTRIBUTE_MEMORY_TYPE:
            *(unsigned *)data = block->pinned ? CU_MEMORYTYPE_HOST : CU_MEMORYTYPE_DEVICE;
            break;
        case CU_POINTER_ATTRIBUTE_DEVICE_POINTER: *(CUdeviceptr *)data = address; break;
        case CU_POINTER_ATTRIBUTE_HOST_POINTER:
            if (!block->pinned) return CUDA_ERROR_INVALID_VALUE;
            *(void **)data = (void *)address;
            break;
        case CU_POINTER_ATTRIBUTE_BUFFER_ID:
            *(unsigned long long *)data = (unsigned long long)block->object.number;
            break;
        case CU_POINTER_ATTRIBUTE_IS_MANAGED: *(unsigned *)data = 0; break;
        case CU_POINTER_ATTRIBUTE_DEVICE_ORDINAL:
            *(int *)data = block->object.context->device;
            break;
        case CU_POINTER_ATTRIBUTE_RANGE_START_ADDR: *(CUdeviceptr *)data = block->base; break;
        case CU_POINTER_ATTRIBUTE_RANGE_SIZE: *(size_t *)data = block->bytes; break;
        case CU_POINTER_ATTRIBUTE_MAPPED: *(unsigned char *)data = 1; break;
        default:
            return sim_misuse(CUDA_ERROR_INVALID_VALUE, "attribute %d is not simulated", attribute);
    }
    return CUDA_SUCCESS;
}

static CUresult get_one(void *data, CUpointer_attribute attribute, uint64_t address) {
    const sim_allocation *block = sim_allocation_find(address);
    if (!data || !block) return CUDA_ERROR_INVALID_VALUE;
    return get(data, attribute, block, address);
}
CUresult cuPointerGetAttribute(void *data, CUpointer_attribute attribute, CUdeviceptr address) {
    SIM_CALL(SIM_CONTEXT, get_one(data, attribute, address));
}

// Of memory that the driver does not know it says nothing, and that is no error.
static CUresult get_all(unsigned count, const CUpointer_attribute *attributes, void **data,
                        uint64_t address) {
    if (!count || !attributes || !data) return CUDA_ERROR_INVALID_VALUE;
    const sim_allocation *block = sim_allocation_find(address);
    for (unsigned i = 0; i < count; i++) {
        if (block) {
            SIM_TRY(get(data[i], attributes[i], block, address));
        } else if (attributes[i] == CU_POINTER_ATTRIBUTE_MEMORY_TYPE) {
            *(unsigned *)data[i] = 0;
        } else {
            return sim_misuse(CUDA_ERROR_NOT_SUPPORTED,
                              "attribute %d of memory that is not the driver's is not simulated",
                              attributes[i]);
        }
    }
    return CUDA_SUCCESS;
}
CUresult cuPointerGetAttributes(unsigned count, CUpointer_attribute *attributes, void **data,
                                CUdeviceptr address) {
    SIM_CALL(SIM_CONTEXT, get_all(count, attributes, data, address));
}
