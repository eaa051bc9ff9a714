// cuGetProcAddress: functions by the name without the version.
#include <string.h>

#include "tests/cudasim/driver_state.h"

// Those that a name means, the newest first; `since` is the driver version that brought it.
static const struct symbol {
    const char *name;
    void *function;
    int since;
} symbols[] = {
    {"cuCtxCreate", (void *)cuCtxCreate_v4, 13000},
    {"cuCtxCreate", (void *)cuCtxCreate_v2, 0},
    {"cuCtxDestroy", (void *)cuCtxDestroy_v2, 0},
    {"cuCtxGetApiVersion", (void *)cuCtxGetApiVersion, 0},
    {"cuCtxGetCurrent", (void *)cuCtxGetCurrent, 0},
    {"cuCtxGetDevice", (void *)cuCtxGetDevice, 0},
    {"cuCtxGetStreamPriorityRange", (void *)cuCtxGetStreamPriorityRange, 0},
    {"cuCtxPopCurrent", (void *)cuCtxPopCurrent_v2, 0},
    {"cuCtxPushCurrent", (void *)cuCtxPushCurrent_v2, 0},
    {"cuCtxSetCurrent", (void *)cuCtxSetCurrent, 0},
    {"cuCtxSynchronize", (void *)cuCtxSynchronize, 0},
    {"cuDeviceGet", (void *)cuDeviceGet, 0},
    {"cuDeviceGetAttribute", (void *)cuDeviceGetAttribute, 0},
    {"cuDeviceGetCount", (void *)cuDeviceGetCount, 0},
    {"cuDeviceGetName", (void *)cuDeviceGetName, 0},
    {"cuDeviceGetPCIBusId", (void *)cuDeviceGetPCIBusId, 0},
    {"cuDeviceGetUuid", (void *)cuDeviceGetUuid_v2, 0},
    {"cuDevicePrimaryCtxGetState", (void *)cuDevicePrimaryCtxGetState, 0},
    {"cuDevicePrimaryCtxRelease", (void *)cuDevicePrimaryCtxRelease_v2, 0},
    {"cuDevicePrimaryCtxReset", (void *)cuDevicePrimaryCtxReset_v2, 0},
    {"cuDevicePrimaryCtxRetain", (void *)cuDevicePrimaryCtxRetain, 0},
    {"cuDevicePrimaryCtxSetFlags", (void *)cuDevicePrimaryCtxSetFlags_v2, 0},
    {"cuDeviceTotalMem", (void *)cuDeviceTotalMem_v2, 0},
    {"cuDriverGetVersion", (void *)cuDriverGetVersion, 0},
    {"cuEventCreate", (void *)cuEventCreate, 0},
    {"cuEventDestroy", (void *)cuEventDestroy_v2, 0},
    {"cuEventElapsedTime", (void *)cuEventElapsedTime_v2, 0},
    {"cuEventQuery", (void *)cuEventQuery, 0},
    {"cuEventRecord", (void *)cuEventRecord, 0},
    {"cuEventRecordWithFlags", (void *)cuEventRecordWithFlags, 0},
    {"cuEventSynchronize", (void *)cuEventSynchronize, 0},
    {"cuFuncGetAttribute", (void *)cuFuncGetAttribute, 0},
    {"cuFuncSetAttribute", (void *)cuFuncSetAttribute, 0},
    {"cuGetErrorName", (void *)cuGetErrorName, 0},
    {"cuGetErrorString", (void *)cuGetErrorString, 0},
    {"cuGetProcAddress", (void *)cuGetProcAddress_v2, 12000},
    {"cuGetProcAddress", (void *)cuGetProcAddress, 0},
    {"cuGraphDestroy", (void *)cuGraphDestroy, 0},
    {"cuGraphExecDestroy", (void *)cuGraphExecDestroy, 0},
    {"cuGraphGetNodes", (void *)cuGraphGetNodes, 0},
    {"cuGraphInstantiate", (void *)cuGraphInstantiate_v2, 0},
    {"cuGraphInstantiateWithFlags", (void *)cuGraphInstantiateWithFlags, 0},
    {"cuGraphLaunch", (void *)cuGraphLaunch, 0},
    {"cuGraphNodeGetType", (void *)cuGraphNodeGetType, 0},
    {"cuGraphUpload", (void *)cuGraphUpload, 0},
    {"cuInit", (void *)cuInit, 0},
    {"cuLaunchKernel", (void *)cuLaunchKernel, 0},
    {"cuLaunchKernelEx", (void *)cuLaunchKernelEx, 0},
    {"cuMemAlloc", (void *)cuMemAlloc_v2, 0},
    {"cuMemAllocHost", (void *)cuMemAllocHost_v2, 0},
    {"cuMemFree", (void *)cuMemFree_v2, 0},
    {"cuMemFreeHost", (void *)cuMemFreeHost, 0},
    {"cuMemGetAddressRange", (void *)cuMemGetAddressRange_v2, 0},
    {"cuMemGetInfo", (void *)cuMemGetInfo_v2, 0},
    {"cuMemHostAlloc", (void *)cuMemHostAlloc, 0},
    {"cuMemHostGetDevicePointer", (void *)cuMemHostGetDevicePointer_v2, 0},
    {"cuMemcpy", (void *)cuMemcpy, 0},
    {"cuMemcpyAsync", (void *)cuMemcpyAsync, 0},
    {"cuMemcpyDtoD", (void *)cuMemcpyDtoD_v2, 0},
    {"cuMemcpyDtoDAsync", (void *)cuMemcpyDtoDAsync_v2, 0},
    {"cuMemcpyDtoH", (void *)cuMemcpyDtoH_v2, 0},
    {"cuMemcpyDtoHAsync", (void *)cuMemcpyDtoHAsync_v2, 0},
    {"cuMemcpyHtoD", (void *)cuMemcpyHtoD_v2, 0},
    {"cuMemcpyHtoDAsync", (void *)cuMemcpyHtoDAsync_v2, 0},
    {"cuMemsetD32", (void *)cuMemsetD32_v2, 0},
    {"cuMemsetD32Async", (void *)cuMemsetD32Async, 0},
    {"cuMemsetD8", (void *)cuMemsetD8_v2, 0},
    {"cuMemsetD8Async", (void *)cuMemsetD8Async, 0},
    {"cuModuleGetFunction", (void *)cuModuleGetFunction, 0},
    {"cuModuleGetGlobal", (void *)cuModuleGetGlobal_v2, 0},
    {"cuModuleLoadData", (void *)cuModuleLoadData, 0},
    {"cuModuleLoadDataEx", (void *)cuModuleLoadDataEx, 0},
    {"cuModuleUnload", (void *)cuModuleUnload, 0},
    {"cuOccupancyMaxActiveBlocksPerMultiprocessor",
     (void *)cuOccupancyMaxActiveBlocksPerMultiprocessor, 0},
    {"cuPointerGetAttribute", (void *)cuPointerGetAttribute, 0},
    {"cuPointerGetAttributes", (void *)cuPointerGetAttributes, 0},
    {"cuProfilerStart", (void *)cuProfilerStart, 0},
    {"cuProfilerStop", (void *)cuProfilerStop, 0},
    {"cuStreamBeginCapture", (void *)cuStreamBeginCapture_v2, 0},
    {"cuStreamCreate", (void *)cuStreamCreate, 0},
    {"cuStreamCreateWithPriority", (void *)cuStreamCreateWithPriority, 0},
    {"cuStreamDestroy", (void *)cuStreamDestroy_v2, 0},
    {"cuStreamEndCapture", (void *)cuStreamEndCapture, 0},
    {"cuStreamGetFlags", (void *)cuStreamGetFlags, 0},
    {"cuStreamGetPriority", (void *)cuStreamGetPriority, 0},
    {"cuStreamIsCapturing", (void *)cuStreamIsCapturing, 0},
    {"cuStreamQuery", (void *)cuStreamQuery, 0},
    {"cuStreamSynchronize", (void *)cuStreamSynchronize, 0},
    {"cuStreamWaitEvent", (void *)cuStreamWaitEvent, 0},
    {"cuTensorMapEncodeTiled", (void *)cuTensorMapEncodeTiled, 0},
    {"cuThreadExchangeStreamCaptureMode", (void *)cuThreadExchangeStreamCaptureMode, 0},
};

static CUresult find(const char *name, void **function, int version, int *status) {
    if (!name || !function) return CUDA_ERROR_INVALID_VALUE;
    *function = NULL;
    for (size_t i = 0; i < sizeof symbols / sizeof *symbols && !*function; i++) {
        if (strcmp(symbols[i].name, name) == 0 && version >= symbols[i].since) {
            *function = symbols[i].function;
        }
    }
    if (status) {
        *status = *function ? CU_GET_PROC_ADDRESS_SUCCESS : CU_GET_PROC_ADDRESS_SYMBOL_NOT_FOUND;
    }
    if (*function) return CUDA_SUCCESS;
    return sim_refuse(CUDA_ERROR_NOT_FOUND, "%s is not simulated", name);
}
CUresult cuGetProcAddress_v2(const char *symbol, void **function, int version, uint64_t flags,
                             int *status) {
    (void)flags;
    SIM_CALL(SIM_NOTHING, find(symbol, function, version, status));
}
CUresult cuGetProcAddress(const char *symbol, void **function, int version, uint64_t flags) {
    (void)flags;
    SIM_CALL(SIM_NOTHING, find(symbol, function, version, NULL));
}
