// The CUDA driver, opened when it is needed: its functions by name, and what their results mean.
// Nothing of CUDA's headers is used; what is needed of them is here.
#ifndef DN_RUNTIME_CUDA_DRIVER_H
#define DN_RUNTIME_CUDA_DRIVER_H

#include <stddef.h>
#include <stdint.h>

#include "runtime/base/status.h"

typedef int dn_cu_result;  // 0: success
typedef int dn_cu_device;
typedef uint64_t dn_cu_address;
typedef struct dn_cu_context_ *dn_cu_context;
typedef struct dn_cu_module_ *dn_cu_module;
typedef struct dn_cu_function_ *dn_cu_function;
typedef struct dn_cu_stream_ *dn_cu_stream;
typedef struct dn_cu_event_ *dn_cu_event;
typedef struct dn_cu_graph_ *dn_cu_graph;
typedef struct dn_cu_graph_run_ *dn_cu_graph_run;

enum {
    // results
    DN_CU_OUT_OF_MEMORY = 2,
    DN_CU_NO_DEVICE = 100,
    DN_CU_UNSUPPORTED_PTX = 222,
    DN_CU_ILLEGAL_ADDRESS = 700,
    DN_CU_TIMEOUT = 702,
    DN_CU_ASSERT = 710,
    DN_CU_STACK_ERROR = 714,
    DN_CU_LAUNCH_FAILED = 719,  // and the ones between are failures of kernels, too
    // attributes of devices
    DN_CU_MULTIPROCESSORS = 16,
    DN_CU_CLOCK_KHZ = 13,
    DN_CU_MEMORY_CLOCK_KHZ = 36,
    DN_CU_MEMORY_BUS_BITS = 37,
    DN_CU_CAPABILITY_MAJOR = 75,
    DN_CU_CAPABILITY_MINOR = 76,
    DN_CU_MOST_SHARED = 97,  // bytes of a block, where a function asks for them
    // attributes of functions
    DN_CU_STATIC_SHARED = 1,
    DN_CU_DYNAMIC_SHARED = 8,
    // options of loading a module
    DN_CU_LOG = 5,
    DN_CU_LOG_BYTES = 6,
    // flags
    DN_CU_STREAM_NON_BLOCKING = 1,
    DN_CU_EVENT_NO_TIMING = 2,
    DN_CU_CAPTURE_THREAD = 1,
};

// FUNCTION(name here, name in the library, parameters)
#define DN_CU_FUNCTIONS(FUNCTION)                                                                 \
    FUNCTION(init, "cuInit", (unsigned flags))                                                    \
    FUNCTION(error_name, "cuGetErrorName", (dn_cu_result result, const char **out))               \
    FUNCTION(error_text, "cuGetErrorString", (dn_cu_result result, const char **out))             \
    FUNCTION(device_count, "cuDeviceGetCount", (int *out))                                        \
    FUNCTION(device, "cuDeviceGet", (dn_cu_device * out, int number))                             \
    FUNCTION(device_name, "cuDeviceGetName", (char *out, int size, dn_cu_device device))          \
    FUNCTION(device_attribute, "cuDeviceGetAttribute",                                            \
             (int *out, int attribute, dn_cu_device device))                                      \
    FUNCTION(context_retain, "cuDevicePrimaryCtxRetain",                                          \
             (dn_cu_context * out, dn_cu_device device))                                          \
    FUNCTION(context_release, "cuDevicePrimaryCtxRelease_v2", (dn_cu_device device))              \
    FUNCTION(context_push, "cuCtxPushCurrent_v2", (dn_cu_context context))                        \
    FUNCTION(context_pop, "cuCtxPopCurrent_v2", (dn_cu_context * out))                            \
    FUNCTION(memory_info, "cuMemGetInfo_v2", (size_t * free, size_t * total))                     \
    FUNCTION(memory_new, "cuMemAlloc_v2", (dn_cu_address * out, size_t bytes))                    \
    FUNCTION(memory_free, "cuMemFree_v2", (dn_cu_address address))                                \
    FUNCTION(host_new, "cuMemHostAlloc", (void **out, size_t bytes, unsigned flags))              \
    FUNCTION(host_free, "cuMemFreeHost", (void *memory))                                          \
    FUNCTION(upload, "cuMemcpyHtoDAsync_v2",                                                      \
             (dn_cu_address to, const void *from, size_t bytes, dn_cu_stream stream))             \
    FUNCTION(download, "cuMemcpyDtoHAsync_v2",                                                    \
             (void *to, dn_cu_address from, size_t bytes, dn_cu_stream stream))                   \
    FUNCTION(copy, "cuMemcpyDtoDAsync_v2",                                                        \
             (dn_cu_address to, dn_cu_address from, size_t bytes, dn_cu_stream stream))           \
    FUNCTION(stream_new, "cuStreamCreate", (dn_cu_stream * out, unsigned flags))                  \
    FUNCTION(stream_free, "cuStreamDestroy_v2", (dn_cu_stream stream))                            \
    FUNCTION(stream_wait, "cuStreamSynchronize", (dn_cu_stream stream))                           \
    FUNCTION(stream_after, "cuStreamWaitEvent",                                                   \
             (dn_cu_stream stream, dn_cu_event event, unsigned flags))                            \
    FUNCTION(capture_begin, "cuStreamBeginCapture_v2", (dn_cu_stream stream, int mode))           \
    FUNCTION(capture_end, "cuStreamEndCapture", (dn_cu_stream stream, dn_cu_graph * out))         \
    FUNCTION(event_new, "cuEventCreate", (dn_cu_event * out, unsigned flags))                     \
    FUNCTION(event_free, "cuEventDestroy_v2", (dn_cu_event event))                                \
    FUNCTION(event_record, "cuEventRecord", (dn_cu_event event, dn_cu_stream stream))             \
    FUNCTION(event_wait, "cuEventSynchronize", (dn_cu_event event))                               \
    FUNCTION(event_elapsed, "cuEventElapsedTime",                                                 \
             (float *milliseconds, dn_cu_event begin, dn_cu_event end))                           \
    FUNCTION(                                                                                     \
        module_load, "cuModuleLoadDataEx",                                                        \
        (dn_cu_module * out, const void *image, unsigned n_options, int *options, void **values)) \
    FUNCTION(module_free, "cuModuleUnload", (dn_cu_module module))                                \
    FUNCTION(module_function, "cuModuleGetFunction",                                              \
             (dn_cu_function * out, dn_cu_module module, const char *name))                       \
    FUNCTION(function_set, "cuFuncSetAttribute",                                                  \
             (dn_cu_function function, int attribute, int value))                                 \
    FUNCTION(function_attribute, "cuFuncGetAttribute",                                            \
             (int *out, int attribute, dn_cu_function function))                                  \
    FUNCTION(launch, "cuLaunchKernel",                                                            \
             (dn_cu_function function, unsigned grid_x, unsigned grid_y, unsigned grid_z,         \
              unsigned block_x, unsigned block_y, unsigned block_z, unsigned shared,              \
              dn_cu_stream stream, void **params, void **extra))                                  \
    FUNCTION(graph_instantiate, "cuGraphInstantiateWithFlags",                                    \
             (dn_cu_graph_run * out, dn_cu_graph graph, unsigned long long flags))                \
    FUNCTION(graph_free, "cuGraphDestroy", (dn_cu_graph graph))                                   \
    FUNCTION(graph_launch, "cuGraphLaunch", (dn_cu_graph_run run, dn_cu_stream stream))           \
    FUNCTION(graph_run_free, "cuGraphExecDestroy", (dn_cu_graph_run run))

typedef struct dn_cu {
    void *library;
#define FUNCTION(name, symbol, parameters) dn_cu_result(*name) parameters;
    DN_CU_FUNCTIONS(FUNCTION)
#undef FUNCTION
} dn_cu;

// Opens libcuda.so.1, or what the environment variable DNET_CUDA_DRIVER names (for tests).
// DN_UNSUPPORTED where there is none, or one that is too old.
dn_status dn_cu_open(dn_cu *cu) DN_MUST_USE;
void dn_cu_close(dn_cu *cu);

// Success, or "what: CUDA_ERROR_NAME, text".
dn_status dn_cu_check(const dn_cu *cu, dn_cu_result result, const char *what) DN_MUST_USE;
// Whether a kernel has failed: no call on the device succeeds after that.
bool dn_cu_is_kernel_failure(dn_cu_result result);

#endif
