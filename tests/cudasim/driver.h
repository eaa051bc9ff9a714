// The CUDA driver API as far as the simulated driver (libcuda.so.1) has it: types, constants and
// functions with the real driver's ABI. Nothing of NVIDIA's headers is needed to build or test it.
//
// Work that is queued runs as late as is allowed, on the thread that waits for it. What the
// environment chooses (driver_settings.c):
//   CUDASIM_ORDER=late|early|overtake|random:SEED  which of the orders that streams allow is taken
//   CUDASIM_SM, CUDASIM_SMS, CUDASIM_MEMORY, CUDASIM_DEVICES  what devices there are
//   CUDASIM_SUMMARY=1, CUDASIM_SUMMARY_FILE  counts, as JSON, when the process ends
//   CUDASIM_EXPLAIN=1  says why a call was refused
#ifndef CUDASIM_DRIVER_H
#define CUDASIM_DRIVER_H

#include <stddef.h>
#include <stdint.h>

#define SIM_API __attribute__((visibility("default")))

typedef int CUdevice;
typedef unsigned long long CUdeviceptr;
typedef struct CUctx_st *CUcontext;
typedef struct CUmod_st *CUmodule;
typedef struct CUfunc_st *CUfunction;
typedef struct CUstream_st *CUstream;
typedef struct CUevent_st *CUevent;
typedef struct CUgraph_st *CUgraph;
typedef struct CUgraphNode_st *CUgraphNode;
typedef struct CUgraphExec_st *CUgraphExec;

typedef enum CUresult {
#define SIM_ERROR(code, name, text) name = code,
#include "tests/cudasim/driver_error.def"
#undef SIM_ERROR
} CUresult;

typedef struct CUuuid {
    char bytes[16];
} CUuuid;

typedef struct CUtensorMap {
    _Alignas(128) uint64_t opaque[16];
} CUtensorMap;

#define CU_STREAM_LEGACY ((CUstream)0x1)
#define CU_STREAM_PER_THREAD ((CUstream)0x2)

enum { CU_STREAM_DEFAULT = 0, CU_STREAM_NON_BLOCKING = 1 };
enum {
    CU_EVENT_DEFAULT = 0,
    CU_EVENT_BLOCKING_SYNC = 1,
    CU_EVENT_DISABLE_TIMING = 2,
    CU_EVENT_INTERPROCESS = 4
};
enum {
    CU_MEMHOSTALLOC_PORTABLE = 1,
    CU_MEMHOSTALLOC_DEVICEMAP = 2,
    CU_MEMHOSTALLOC_WRITECOMBINED = 4
};

typedef enum CUstreamCaptureMode {
    CU_STREAM_CAPTURE_MODE_GLOBAL = 0,
    CU_STREAM_CAPTURE_MODE_THREAD_LOCAL = 1,
    CU_STREAM_CAPTURE_MODE_RELAXED = 2
} CUstreamCaptureMode;

typedef enum CUstreamCaptureStatus {
    CU_STREAM_CAPTURE_STATUS_NONE = 0,
    CU_STREAM_CAPTURE_STATUS_ACTIVE = 1,
    CU_STREAM_CAPTURE_STATUS_INVALIDATED = 2
} CUstreamCaptureStatus;

typedef enum CUgraphNodeType {
    CU_GRAPH_NODE_TYPE_KERNEL = 0,
    CU_GRAPH_NODE_TYPE_MEMCPY = 1,
    CU_GRAPH_NODE_TYPE_MEMSET = 2
} CUgraphNodeType;

enum {
    CUDA_GRAPH_INSTANTIATE_FLAG_AUTO_FREE_ON_LAUNCH = 1,
    CUDA_GRAPH_INSTANTIATE_FLAG_UPLOAD = 2,
    CUDA_GRAPH_INSTANTIATE_FLAG_USE_NODE_PRIORITY = 8
};

typedef enum CUdevice_attribute {
    CU_DEVICE_ATTRIBUTE_MAX_THREADS_PER_BLOCK = 1,
    CU_DEVICE_ATTRIBUTE_MAX_BLOCK_DIM_X = 2,
    CU_DEVICE_ATTRIBUTE_MAX_BLOCK_DIM_Y = 3,
    CU_DEVICE_ATTRIBUTE_MAX_BLOCK_DIM_Z = 4,
    CU_DEVICE_ATTRIBUTE_MAX_GRID_DIM_X = 5,
    CU_DEVICE_ATTRIBUTE_MAX_GRID_DIM_Y = 6,
    CU_DEVICE_ATTRIBUTE_MAX_GRID_DIM_Z = 7,
    CU_DEVICE_ATTRIBUTE_MAX_SHARED_MEMORY_PER_BLOCK = 8,
    CU_DEVICE_ATTRIBUTE_TOTAL_CONSTANT_MEMORY = 9,
    CU_DEVICE_ATTRIBUTE_WARP_SIZE = 10,
    CU_DEVICE_ATTRIBUTE_MAX_REGISTERS_PER_BLOCK = 12,
    CU_DEVICE_ATTRIBUTE_CLOCK_RATE = 13,
    CU_DEVICE_ATTRIBUTE_GPU_OVERLAP = 15,
    CU_DEVICE_ATTRIBUTE_MULTIPROCESSOR_COUNT = 16,
    CU_DEVICE_ATTRIBUTE_KERNEL_EXEC_TIMEOUT = 17,
    CU_DEVICE_ATTRIBUTE_INTEGRATED = 18,
    CU_DEVICE_ATTRIBUTE_CAN_MAP_HOST_MEMORY = 19,
    CU_DEVICE_ATTRIBUTE_COMPUTE_MODE = 20,
    CU_DEVICE_ATTRIBUTE_CONCURRENT_KERNELS = 31,
    CU_DEVICE_ATTRIBUTE_ECC_ENABLED = 32,
    CU_DEVICE_ATTRIBUTE_PCI_BUS_ID = 33,
    CU_DEVICE_ATTRIBUTE_PCI_DEVICE_ID = 34,
    CU_DEVICE_ATTRIBUTE_MEMORY_CLOCK_RATE = 36,
    CU_DEVICE_ATTRIBUTE_GLOBAL_MEMORY_BUS_WIDTH = 37,
    CU_DEVICE_ATTRIBUTE_L2_CACHE_SIZE = 38,
    CU_DEVICE_ATTRIBUTE_MAX_THREADS_PER_MULTIPROCESSOR = 39,
    CU_DEVICE_ATTRIBUTE_ASYNC_ENGINE_COUNT = 40,
    CU_DEVICE_ATTRIBUTE_UNIFIED_ADDRESSING = 41,
    CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MAJOR = 75,
    CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MINOR = 76,
    CU_DEVICE_ATTRIBUTE_STREAM_PRIORITIES_SUPPORTED = 78,
    CU_DEVICE_ATTRIBUTE_MAX_SHARED_MEMORY_PER_MULTIPROCESSOR = 81,
    CU_DEVICE_ATTRIBUTE_MAX_REGISTERS_PER_MULTIPROCESSOR = 82,
    CU_DEVICE_ATTRIBUTE_MANAGED_MEMORY = 83,
    CU_DEVICE_ATTRIBUTE_COOPERATIVE_LAUNCH = 95,
    CU_DEVICE_ATTRIBUTE_MAX_SHARED_MEMORY_PER_BLOCK_OPTIN = 97,
    CU_DEVICE_ATTRIBUTE_MAX_BLOCKS_PER_MULTIPROCESSOR = 106,
    CU_DEVICE_ATTRIBUTE_RESERVED_SHARED_MEMORY_PER_BLOCK = 111,
    CU_DEVICE_ATTRIBUTE_MEMORY_POOLS_SUPPORTED = 115,
    CU_DEVICE_ATTRIBUTE_CLUSTER_LAUNCH = 120,
    CU_DEVICE_ATTRIBUTE_TENSOR_MAP_ACCESS_SUPPORTED = 127
} CUdevice_attribute;

typedef enum CUfunction_attribute {
    CU_FUNC_ATTRIBUTE_MAX_THREADS_PER_BLOCK = 0,
    CU_FUNC_ATTRIBUTE_SHARED_SIZE_BYTES = 1,
    CU_FUNC_ATTRIBUTE_CONST_SIZE_BYTES = 2,
    CU_FUNC_ATTRIBUTE_LOCAL_SIZE_BYTES = 3,
    CU_FUNC_ATTRIBUTE_NUM_REGS = 4,
    CU_FUNC_ATTRIBUTE_PTX_VERSION = 5,
    CU_FUNC_ATTRIBUTE_BINARY_VERSION = 6,
    CU_FUNC_ATTRIBUTE_MAX_DYNAMIC_SHARED_SIZE_BYTES = 8,
    CU_FUNC_ATTRIBUTE_PREFERRED_SHARED_MEMORY_CARVEOUT = 9,
    CU_FUNC_ATTRIBUTE_NON_PORTABLE_CLUSTER_SIZE_ALLOWED = 14
} CUfunction_attribute;

typedef enum CUpointer_attribute {
    CU_POINTER_ATTRIBUTE_CONTEXT = 1,
    CU_POINTER_ATTRIBUTE_MEMORY_TYPE = 2,
    CU_POINTER_ATTRIBUTE_DEVICE_POINTER = 3,
    CU_POINTER_ATTRIBUTE_HOST_POINTER = 4,
    CU_POINTER_ATTRIBUTE_BUFFER_ID = 7,
    CU_POINTER_ATTRIBUTE_IS_MANAGED = 8,
    CU_POINTER_ATTRIBUTE_DEVICE_ORDINAL = 9,
    CU_POINTER_ATTRIBUTE_RANGE_START_ADDR = 11,
    CU_POINTER_ATTRIBUTE_RANGE_SIZE = 12,
    CU_POINTER_ATTRIBUTE_MAPPED = 13
} CUpointer_attribute;
enum { CU_MEMORYTYPE_HOST = 1, CU_MEMORYTYPE_DEVICE = 2 };

typedef enum CUjit_option {
    CU_JIT_MAX_REGISTERS = 0,
    CU_JIT_WALL_TIME = 2,
    CU_JIT_INFO_LOG_BUFFER = 3,
    CU_JIT_INFO_LOG_BUFFER_SIZE_BYTES = 4,
    CU_JIT_ERROR_LOG_BUFFER = 5,
    CU_JIT_ERROR_LOG_BUFFER_SIZE_BYTES = 6,
    CU_JIT_OPTIMIZATION_LEVEL = 7,
    CU_JIT_TARGET_FROM_CUCONTEXT = 8,
    CU_JIT_TARGET = 9,
    CU_JIT_GENERATE_DEBUG_INFO = 11,
    CU_JIT_LOG_VERBOSE = 12,
    CU_JIT_GENERATE_LINE_INFO = 13,
    CU_JIT_CACHE_MODE = 14
} CUjit_option;

typedef enum CUlaunchAttributeID {
    CU_LAUNCH_ATTRIBUTE_IGNORE = 0,
    CU_LAUNCH_ATTRIBUTE_CLUSTER_DIMENSION = 4,
    CU_LAUNCH_ATTRIBUTE_PROGRAMMATIC_STREAM_SERIALIZATION = 6,
    CU_LAUNCH_ATTRIBUTE_PRIORITY = 8
} CUlaunchAttributeID;

typedef union CUlaunchAttributeValue {
    char pad[64];
    struct {
        unsigned x, y, z;
    } clusterDim;
    int programmaticStreamSerializationAllowed;
    int priority;
    void *align;
} CUlaunchAttributeValue;

typedef struct CUlaunchAttribute {
    CUlaunchAttributeID id;
    char pad[4];
    CUlaunchAttributeValue value;
} CUlaunchAttribute;

typedef struct CUlaunchConfig {
    unsigned gridDimX, gridDimY, gridDimZ;
    unsigned blockDimX, blockDimY, blockDimZ;
    unsigned sharedMemBytes;
    CUstream hStream;
    CUlaunchAttribute *attrs;
    unsigned numAttrs;
} CUlaunchConfig;

// What cuLaunchKernel's `extra` holds.
#define CU_LAUNCH_PARAM_END ((void *)0)
#define CU_LAUNCH_PARAM_BUFFER_POINTER ((void *)1)
#define CU_LAUNCH_PARAM_BUFFER_SIZE ((void *)2)

// ---- errors, devices (driver_error.c, driver_device.c) ----
SIM_API CUresult cuGetErrorName(CUresult error, const char **name);
SIM_API CUresult cuGetErrorString(CUresult error, const char **text);
SIM_API CUresult cuInit(unsigned flags);
SIM_API CUresult cuDriverGetVersion(int *version);
SIM_API CUresult cuDeviceGetCount(int *count);
SIM_API CUresult cuDeviceGet(CUdevice *device, int ordinal);
SIM_API CUresult cuDeviceGetName(char *name, int bytes, CUdevice device);
SIM_API CUresult cuDeviceGetAttribute(int *value, CUdevice_attribute attribute, CUdevice device);
SIM_API CUresult cuDeviceGetUuid(CUuuid *uuid, CUdevice device);
SIM_API CUresult cuDeviceGetUuid_v2(CUuuid *uuid, CUdevice device);
SIM_API CUresult cuDeviceGetPCIBusId(char *id, int bytes, CUdevice device);
SIM_API CUresult cuDeviceTotalMem_v2(size_t *bytes, CUdevice device);

// ---- entry points (driver_symbol.c) ----
enum { CU_GET_PROC_ADDRESS_SUCCESS = 0, CU_GET_PROC_ADDRESS_SYMBOL_NOT_FOUND = 1 };
SIM_API CUresult cuGetProcAddress_v2(const char *symbol, void **function, int version,
                                     uint64_t flags, int *status);
SIM_API CUresult cuGetProcAddress(const char *symbol, void **function, int version, uint64_t flags);

// ---- contexts (driver_context.c) ----
SIM_API CUresult cuCtxCreate_v2(CUcontext *context, unsigned flags, CUdevice device);
SIM_API CUresult cuCtxCreate_v4(CUcontext *context, void *params, unsigned flags, CUdevice device);
SIM_API CUresult cuCtxDestroy_v2(CUcontext context);
SIM_API CUresult cuCtxGetCurrent(CUcontext *context);
SIM_API CUresult cuCtxSetCurrent(CUcontext context);
SIM_API CUresult cuCtxPushCurrent_v2(CUcontext context);
SIM_API CUresult cuCtxPopCurrent_v2(CUcontext *context);
SIM_API CUresult cuCtxSynchronize(void);
SIM_API CUresult cuProfilerStart(void);
SIM_API CUresult cuProfilerStop(void);
SIM_API CUresult cuCtxGetDevice(CUdevice *device);
SIM_API CUresult cuCtxGetApiVersion(CUcontext context, unsigned *version);
SIM_API CUresult cuCtxGetStreamPriorityRange(int *least, int *greatest);
SIM_API CUresult cuDevicePrimaryCtxRetain(CUcontext *context, CUdevice device);
SIM_API CUresult cuDevicePrimaryCtxRelease_v2(CUdevice device);
SIM_API CUresult cuDevicePrimaryCtxReset_v2(CUdevice device);
SIM_API CUresult cuDevicePrimaryCtxSetFlags_v2(CUdevice device, unsigned flags);
SIM_API CUresult cuDevicePrimaryCtxGetState(CUdevice device, unsigned *flags, int *active);

// ---- memory (driver_memory.c, driver_pointer.c) ----
SIM_API CUresult cuMemAlloc_v2(CUdeviceptr *address, size_t bytes);
SIM_API CUresult cuMemFree_v2(CUdeviceptr address);
SIM_API CUresult cuMemHostAlloc(void **address, size_t bytes, unsigned flags);
SIM_API CUresult cuMemAllocHost_v2(void **address, size_t bytes);
SIM_API CUresult cuMemFreeHost(void *address);
SIM_API CUresult cuMemGetInfo_v2(size_t *available, size_t *total);
SIM_API CUresult cuMemHostGetDevicePointer_v2(CUdeviceptr *device, void *address, unsigned flags);
SIM_API CUresult cuMemGetAddressRange_v2(CUdeviceptr *base, size_t *bytes, CUdeviceptr address);
SIM_API CUresult cuPointerGetAttribute(void *data, CUpointer_attribute attribute,
                                       CUdeviceptr address);
SIM_API CUresult cuPointerGetAttributes(unsigned count, CUpointer_attribute *attributes,
                                        void **data, CUdeviceptr address);

// ---- copies (driver_copy.c) ----
SIM_API CUresult cuMemcpy(CUdeviceptr to, CUdeviceptr from, size_t bytes);
SIM_API CUresult cuMemcpyAsync(CUdeviceptr to, CUdeviceptr from, size_t bytes, CUstream stream);
SIM_API CUresult cuMemcpyHtoD_v2(CUdeviceptr to, const void *from, size_t bytes);
SIM_API CUresult cuMemcpyDtoH_v2(void *to, CUdeviceptr from, size_t bytes);
SIM_API CUresult cuMemcpyDtoD_v2(CUdeviceptr to, CUdeviceptr from, size_t bytes);
SIM_API CUresult cuMemcpyHtoDAsync_v2(CUdeviceptr to, const void *from, size_t bytes,
                                      CUstream stream);
SIM_API CUresult cuMemcpyDtoHAsync_v2(void *to, CUdeviceptr from, size_t bytes, CUstream stream);
SIM_API CUresult cuMemcpyDtoDAsync_v2(CUdeviceptr to, CUdeviceptr from, size_t bytes,
                                      CUstream stream);
SIM_API CUresult cuMemsetD8_v2(CUdeviceptr to, unsigned char value, size_t count);
SIM_API CUresult cuMemsetD32_v2(CUdeviceptr to, unsigned value, size_t count);
SIM_API CUresult cuMemsetD8Async(CUdeviceptr to, unsigned char value, size_t count,
                                 CUstream stream);
SIM_API CUresult cuMemsetD32Async(CUdeviceptr to, unsigned value, size_t count, CUstream stream);

// ---- modules and functions (driver_module.c, driver_function.c) ----
SIM_API CUresult cuModuleLoadData(CUmodule *module, const void *image);
SIM_API CUresult cuModuleLoadDataEx(CUmodule *module, const void *image, unsigned n_options,
                                    CUjit_option *options, void **values);
SIM_API CUresult cuModuleUnload(CUmodule module);
SIM_API CUresult cuModuleGetFunction(CUfunction *function, CUmodule module, const char *name);
SIM_API CUresult cuModuleGetGlobal_v2(CUdeviceptr *address, size_t *bytes, CUmodule module,
                                      const char *name);
SIM_API CUresult cuFuncGetAttribute(int *value, CUfunction_attribute attribute,
                                    CUfunction function);
SIM_API CUresult cuFuncSetAttribute(CUfunction function, CUfunction_attribute attribute, int value);
SIM_API CUresult cuOccupancyMaxActiveBlocksPerMultiprocessor(int *blocks, CUfunction function,
                                                             int threads, size_t shared);

// ---- launches (driver_launch.c) ----
SIM_API CUresult cuLaunchKernel(CUfunction function, unsigned grid_x, unsigned grid_y,
                                unsigned grid_z, unsigned block_x, unsigned block_y,
                                unsigned block_z, unsigned shared, CUstream stream, void **params,
                                void **extra);
SIM_API CUresult cuLaunchKernelEx(const CUlaunchConfig *config, CUfunction function, void **params,
                                  void **extra);

// ---- streams and events (driver_stream.c, driver_event.c) ----
SIM_API CUresult cuStreamCreate(CUstream *stream, unsigned flags);
SIM_API CUresult cuStreamCreateWithPriority(CUstream *stream, unsigned flags, int priority);
SIM_API CUresult cuStreamDestroy_v2(CUstream stream);
SIM_API CUresult cuStreamSynchronize(CUstream stream);
SIM_API CUresult cuStreamQuery(CUstream stream);
SIM_API CUresult cuStreamWaitEvent(CUstream stream, CUevent event, unsigned flags);
SIM_API CUresult cuStreamGetFlags(CUstream stream, unsigned *flags);
SIM_API CUresult cuStreamGetPriority(CUstream stream, int *priority);
SIM_API CUresult cuEventCreate(CUevent *event, unsigned flags);
SIM_API CUresult cuEventDestroy_v2(CUevent event);
SIM_API CUresult cuEventRecord(CUevent event, CUstream stream);
SIM_API CUresult cuEventRecordWithFlags(CUevent event, CUstream stream, unsigned flags);
SIM_API CUresult cuEventSynchronize(CUevent event);
SIM_API CUresult cuEventQuery(CUevent event);
SIM_API CUresult cuEventElapsedTime(float *milliseconds, CUevent begin, CUevent end);
SIM_API CUresult cuEventElapsedTime_v2(float *milliseconds, CUevent begin, CUevent end);

// ---- capture and graphs (driver_capture.c, driver_graph.c) ----
SIM_API CUresult cuStreamBeginCapture_v2(CUstream stream, CUstreamCaptureMode mode);
SIM_API CUresult cuStreamEndCapture(CUstream stream, CUgraph *graph);
SIM_API CUresult cuStreamIsCapturing(CUstream stream, CUstreamCaptureStatus *status);
SIM_API CUresult cuThreadExchangeStreamCaptureMode(CUstreamCaptureMode *mode);
SIM_API CUresult cuGraphInstantiateWithFlags(CUgraphExec *exec, CUgraph graph,
                                             unsigned long long flags);
SIM_API CUresult cuGraphInstantiate_v2(CUgraphExec *exec, CUgraph graph, CUgraphNode *error_node,
                                       char *log, size_t log_bytes);
SIM_API CUresult cuGraphLaunch(CUgraphExec exec, CUstream stream);
SIM_API CUresult cuGraphUpload(CUgraphExec exec, CUstream stream);
SIM_API CUresult cuGraphExecDestroy(CUgraphExec exec);
SIM_API CUresult cuGraphDestroy(CUgraph graph);
SIM_API CUresult cuGraphGetNodes(CUgraph graph, CUgraphNode *nodes, size_t *count);
SIM_API CUresult cuGraphNodeGetType(CUgraphNode node, CUgraphNodeType *type);

// ---- tensor maps (driver_tensor.c); the enums are those of the driver ----
SIM_API CUresult cuTensorMapEncodeTiled(CUtensorMap *map, int type, unsigned rank, void *address,
                                        const uint64_t *size, const uint64_t *stride,
                                        const unsigned *box, const unsigned *element_stride,
                                        int interleave, int swizzle, int promotion, int fill);

// ---- not in the real driver: for tests in the same process (driver_end.c) ----
// How often something was done so far, by its name in the summary; -1: there is no such count.
SIM_API long long cudasim_count(const char *name);
// The problems so far are what the test wanted; they no longer make the process fail.
SIM_API void cudasim_forgive(void);

#endif
