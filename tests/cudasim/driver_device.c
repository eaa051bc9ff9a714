// Devices: how many, what they are and what their limits are.
#include <stdio.h>
#include <string.h>

#include "tests/cudasim/driver_state.h"

static bool initialized;

bool sim_initialized(void) { return initialized; }

static CUresult initialize(unsigned flags) {
    if (flags) return sim_refuse(CUDA_ERROR_INVALID_VALUE, "flags are %u, not 0", flags);
    if (sim_setting()->n_devices == 0) return CUDA_ERROR_NO_DEVICE;
    initialized = true;
    return CUDA_SUCCESS;
}
CUresult cuInit(unsigned flags) { SIM_CALL(SIM_NOTHING, initialize(flags)); }

static CUresult version(int *out) {
    if (!out) return CUDA_ERROR_INVALID_VALUE;
    *out = SIM_DRIVER_VERSION;
    return CUDA_SUCCESS;
}
CUresult cuDriverGetVersion(int *out) { SIM_CALL(SIM_NOTHING, version(out)); }

static CUresult count_devices(int *count) {
    if (!count) return CUDA_ERROR_INVALID_VALUE;
    *count = sim_setting()->n_devices;
    return CUDA_SUCCESS;
}
CUresult cuDeviceGetCount(int *count) { SIM_CALL(SIM_INIT, count_devices(count)); }

CUresult sim_device_check(CUdevice device) {
    if (device >= 0 && device < sim_setting()->n_devices) return CUDA_SUCCESS;
    return sim_refuse(CUDA_ERROR_INVALID_DEVICE, "there is no device %d", device);
}

static CUresult get_device(CUdevice *device, int ordinal) {
    if (!device) return CUDA_ERROR_INVALID_VALUE;
    SIM_TRY(sim_device_check(ordinal));
    *device = ordinal;
    return CUDA_SUCCESS;
}
CUresult cuDeviceGet(CUdevice *device, int ordinal) {
    SIM_CALL(SIM_INIT, get_device(device, ordinal));
}

static CUresult get_text(char *out, int bytes, const char *text, CUdevice device) {
    if (!out || bytes <= 0) return CUDA_ERROR_INVALID_VALUE;
    SIM_TRY(sim_device_check(device));
    snprintf(out, (size_t)bytes, "%s", text);
    return CUDA_SUCCESS;
}

static CUresult get_name(char *out, int bytes, CUdevice device) {
    char text[64];
    snprintf(text, sizeof text, "Simulated GPU sm_%d", sim_setting()->sm);
    return get_text(out, bytes, text, device);
}
CUresult cuDeviceGetName(char *name, int bytes, CUdevice device) {
    SIM_CALL(SIM_INIT, get_name(name, bytes, device));
}

static CUresult get_bus(char *out, int bytes, CUdevice device) {
    SIM_TRY(sim_device_check(device));
    char text[16];
    snprintf(text, sizeof text, "0000:%02X:00.0", (sim_setting()->ordinal[device] + 1) & 0xff);
    return get_text(out, bytes, text, device);
}
CUresult cuDeviceGetPCIBusId(char *id, int bytes, CUdevice device) {
    SIM_CALL(SIM_INIT, get_bus(id, bytes, device));
}

static CUresult get_uuid(CUuuid *uuid, CUdevice device) {
    if (!uuid) return CUDA_ERROR_INVALID_VALUE;
    SIM_TRY(sim_device_check(device));
    memcpy(uuid->bytes, "cudasim device  ", sizeof uuid->bytes);
    uuid->bytes[15] = (char)sim_setting()->ordinal[device];
    return CUDA_SUCCESS;
}
CUresult cuDeviceGetUuid(CUuuid *uuid, CUdevice device) {
    SIM_CALL(SIM_INIT, get_uuid(uuid, device));
}
CUresult cuDeviceGetUuid_v2(CUuuid *uuid, CUdevice device) {
    SIM_CALL(SIM_INIT, get_uuid(uuid, device));
}

static CUresult total_memory(size_t *bytes, CUdevice device) {
    if (!bytes) return CUDA_ERROR_INVALID_VALUE;
    SIM_TRY(sim_device_check(device));
    *bytes = sim_setting()->memory;
    return CUDA_SUCCESS;
}
CUresult cuDeviceTotalMem_v2(size_t *bytes, CUdevice device) {
    SIM_CALL(SIM_INIT, total_memory(bytes, device));
}

// --- attributes ---

// What devices of one architecture have, of the CUDA programming guide's table of compute
// capabilities.
typedef struct architecture {
    int sm, threads, blocks, shared, shared_of_block;
} architecture;

static const architecture *of_sm(void) {
    static const architecture all[] = {{80, 2048, 32, 164 << 10, 163 << 10},
                                       {86, 1536, 16, 100 << 10, 99 << 10},
                                       {89, 1536, 24, 100 << 10, 99 << 10},
                                       {90, 2048, 32, 228 << 10, 227 << 10}};
    size_t i = 0;
    while (all[i].sm != sim_setting()->sm) i++;
    return &all[i];
}

static bool limit(CUdevice_attribute attribute, int *value) {
    const architecture *a = of_sm();
    switch (attribute) {
        case CU_DEVICE_ATTRIBUTE_MAX_THREADS_PER_BLOCK:
        case CU_DEVICE_ATTRIBUTE_MAX_BLOCK_DIM_X:
        case CU_DEVICE_ATTRIBUTE_MAX_BLOCK_DIM_Y: *value = 1024; break;
        case CU_DEVICE_ATTRIBUTE_MAX_BLOCK_DIM_Z: *value = 64; break;
        case CU_DEVICE_ATTRIBUTE_MAX_GRID_DIM_X: *value = INT32_MAX; break;
        case CU_DEVICE_ATTRIBUTE_MAX_GRID_DIM_Y:
        case CU_DEVICE_ATTRIBUTE_MAX_GRID_DIM_Z: *value = 65535; break;
        case CU_DEVICE_ATTRIBUTE_MAX_SHARED_MEMORY_PER_BLOCK: *value = 48 << 10; break;
        case CU_DEVICE_ATTRIBUTE_MAX_SHARED_MEMORY_PER_BLOCK_OPTIN:
            *value = a->shared_of_block;
            break;
        case CU_DEVICE_ATTRIBUTE_MAX_SHARED_MEMORY_PER_MULTIPROCESSOR: *value = a->shared; break;
        case CU_DEVICE_ATTRIBUTE_RESERVED_SHARED_MEMORY_PER_BLOCK: *value = 1024; break;
        case CU_DEVICE_ATTRIBUTE_TOTAL_CONSTANT_MEMORY: *value = 64 << 10; break;
        case CU_DEVICE_ATTRIBUTE_WARP_SIZE: *value = 32; break;
        case CU_DEVICE_ATTRIBUTE_MAX_REGISTERS_PER_BLOCK:
        case CU_DEVICE_ATTRIBUTE_MAX_REGISTERS_PER_MULTIPROCESSOR: *value = 65536; break;
        case CU_DEVICE_ATTRIBUTE_MAX_THREADS_PER_MULTIPROCESSOR: *value = a->threads; break;
        case CU_DEVICE_ATTRIBUTE_MAX_BLOCKS_PER_MULTIPROCESSOR: *value = a->blocks; break;
        case CU_DEVICE_ATTRIBUTE_MULTIPROCESSOR_COUNT: *value = sim_setting()->sms; break;
        default: return false;
    }
    return true;
}

static bool ability(CUdevice_attribute attribute, int *value) {
    int sm = sim_setting()->sm;
    switch (attribute) {
        case CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MAJOR: *value = sm / 10; break;
        case CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MINOR: *value = sm % 10; break;
        case CU_DEVICE_ATTRIBUTE_CLUSTER_LAUNCH:
        case CU_DEVICE_ATTRIBUTE_TENSOR_MAP_ACCESS_SUPPORTED: *value = sm >= 90; break;
        case CU_DEVICE_ATTRIBUTE_GPU_OVERLAP:
        case CU_DEVICE_ATTRIBUTE_CAN_MAP_HOST_MEMORY:
        case CU_DEVICE_ATTRIBUTE_CONCURRENT_KERNELS:
        case CU_DEVICE_ATTRIBUTE_UNIFIED_ADDRESSING:
        case CU_DEVICE_ATTRIBUTE_STREAM_PRIORITIES_SUPPORTED: *value = 1; break;
        case CU_DEVICE_ATTRIBUTE_ASYNC_ENGINE_COUNT: *value = 2; break;
        case CU_DEVICE_ATTRIBUTE_KERNEL_EXEC_TIMEOUT:
        case CU_DEVICE_ATTRIBUTE_INTEGRATED:
        case CU_DEVICE_ATTRIBUTE_COMPUTE_MODE:
        case CU_DEVICE_ATTRIBUTE_ECC_ENABLED:
        case CU_DEVICE_ATTRIBUTE_PCI_DEVICE_ID:
        case CU_DEVICE_ATTRIBUTE_MANAGED_MEMORY:
        case CU_DEVICE_ATTRIBUTE_COOPERATIVE_LAUNCH:
        case CU_DEVICE_ATTRIBUTE_MEMORY_POOLS_SUPPORTED: *value = 0; break;
        case CU_DEVICE_ATTRIBUTE_CLOCK_RATE:
        case CU_DEVICE_ATTRIBUTE_MEMORY_CLOCK_RATE: *value = 1000000; break;  // kHz
        case CU_DEVICE_ATTRIBUTE_GLOBAL_MEMORY_BUS_WIDTH: *value = 1024; break;
        case CU_DEVICE_ATTRIBUTE_L2_CACHE_SIZE: *value = 32 << 20; break;
        default: return false;
    }
    return true;
}

int sim_device_limit(CUdevice_attribute attribute) {
    int value = 0;
    limit(attribute, &value);
    return value;
}

static CUresult get_attribute(int *value, CUdevice_attribute attribute, CUdevice device) {
    if (!value) return CUDA_ERROR_INVALID_VALUE;
    SIM_TRY(sim_device_check(device));
    if (attribute == CU_DEVICE_ATTRIBUTE_PCI_BUS_ID) {
        *value = sim_setting()->ordinal[device] + 1;
    } else if (!limit(attribute, value) && !ability(attribute, value)) {
        return sim_misuse(CUDA_ERROR_INVALID_VALUE, "attribute %d is not simulated", attribute);
    }
    return CUDA_SUCCESS;
}
CUresult cuDeviceGetAttribute(int *value, CUdevice_attribute attribute, CUdevice device) {
    SIM_CALL(SIM_INIT, get_attribute(value, attribute, device));
}
