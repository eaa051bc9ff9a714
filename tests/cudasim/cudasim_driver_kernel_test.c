// The simulated driver: modules, functions, launches, and kernels that fail.
#include "tests/cudasim/driver_trial.h"

// --- modules ---

// Loads PTX and returns what the error log says.
static CUresult load(const char *ptx, char *log, unsigned bytes) {
    CUmodule module = NULL;
    char info[100];
    float milliseconds = -1;
    CUjit_option options[] = {CU_JIT_ERROR_LOG_BUFFER, CU_JIT_ERROR_LOG_BUFFER_SIZE_BYTES,
                              CU_JIT_INFO_LOG_BUFFER,  CU_JIT_INFO_LOG_BUFFER_SIZE_BYTES,
                              CU_JIT_LOG_VERBOSE,      CU_JIT_WALL_TIME};
    void *values[] = {log, (void *)(uintptr_t)bytes, info, (void *)sizeof info, (void *)1, NULL};
    memset(log, 'x', bytes);
    CUresult result = cu.cuModuleLoadDataEx(&module, ptx, 6, options, values);
    CHECK((size_t)values[1] == strlen(log), "%zu", (size_t)values[1]);
    memcpy(&milliseconds, &values[5], sizeof milliseconds);
    CHECK(milliseconds >= 0);
    if (!result) CHECK_CU(cu.cuModuleUnload(module));
    return result;
}

static CUresult load_head(const char *version, const char *target, char *log, unsigned bytes) {
    char ptx[200];
    snprintf(ptx, sizeof ptx,
             "// .target sm_99\n.version %s\n.target %s\n.address_size 64\n"
             ".visible .entry empty()\n{\n  ret;\n}\n",
             version, target);
    return load(ptx, log, bytes);
}

static void modules(void) {
    begin();
    char log[300];
    CUfunction function;
    CUdeviceptr table = 0;
    size_t bytes = 0;
    CHECK_IS(cu.cuModuleGetFunction(&function, on.module, "nothing"), CUDA_ERROR_NOT_FOUND);
    CHECK_CU(cu.cuModuleGetFunction(&function, on.module, "scale"));
    CHECK(function == on.scale);
    CHECK_CU(cu.cuModuleGetGlobal_v2(&table, &bytes, on.module, "table"));
    CHECK(table && bytes == 16);
    CHECK_IS(cu.cuModuleGetGlobal_v2(&table, &bytes, on.module, "chair"), CUDA_ERROR_NOT_FOUND);
    CHECK_CU(load_head("7.0", "sm_80", log, sizeof log));
    CHECK(log[0] == 0);
    CHECK_CU(load_head("7.8", "sm_89", log, sizeof log));
    CHECK_IS(load_head("99.1", "sm_80", log, sizeof log), CUDA_ERROR_UNSUPPORTED_PTX_VERSION);
    CHECK(strstr(log, "Unsupported .version 99.1"), "%s", log);
    CHECK_IS(load_head("8.6", "sm_100", log, sizeof log), CUDA_ERROR_INVALID_PTX);
    CHECK(strstr(log, "SM version specified by .target is higher"), "%s", log);
    CHECK_IS(load_head("8.6", "sm_100", log, 10), CUDA_ERROR_INVALID_PTX);
    CHECK(strlen(log) == 9);
    CHECK_IS(load(".version 7.0\n.target sm_80\n.address_size 64\n.visible .entry f()\n{\n"
                  "  bogus.u32 %r1;\n  ret;\n}\n",
                  log, sizeof log),
             CUDA_ERROR_INVALID_PTX);
    CHECK(strstr(log, "line 6; error"), "%s", log);
    CHECK_IS(cu.cuModuleLoadData(&on.module, "\177ELF\2\1\1"), CUDA_ERROR_NO_BINARY_FOR_GPU);
    end();
}

static void specific_90(void) {
    begin();
    char log[300];
    CHECK_CU(load_head("8.0", "sm_90a", log, sizeof log));
    end();
}
static void specific_89(void) {
    begin();
    char log[300];
    CHECK_IS(load_head("8.0", "sm_90a", log, sizeof log), CUDA_ERROR_INVALID_PTX);
    CHECK_IS(load_head("8.0", "sm_90", log, sizeof log), CUDA_ERROR_INVALID_PTX);
    CHECK_CU(load_head("8.0", "sm_89", log, sizeof log));
    end();
}

// --- launches ---

static int limit(CUdevice_attribute which) {
    int value = -1;
    CHECK_CU(cu.cuDeviceGetAttribute(&value, which, 0));
    return value;
}

static CUresult launch(CUfunction function, unsigned grid_y, unsigned threads, unsigned shared) {
    CUdeviceptr nothing = 0;
    void *params[] = {&nothing};
    return cu.cuLaunchKernel(function, 1, grid_y, 1, threads, 1, 1, shared, NULL, params, NULL);
}

static void limits(void) {
    begin();
    int value = 0, most = limit(CU_DEVICE_ATTRIBUTE_MAX_SHARED_MEMORY_PER_BLOCK_OPTIN);
    CHECK_CU(cu.cuFuncGetAttribute(&value, CU_FUNC_ATTRIBUTE_MAX_THREADS_PER_BLOCK, on.narrow));
    CHECK(value == 64);
    CHECK_CU(cu.cuFuncGetAttribute(&value, CU_FUNC_ATTRIBUTE_SHARED_SIZE_BYTES, on.narrow));
    CHECK(value == 1024);
    CHECK_CU(launch(on.narrow, 1, 64, 47 << 10));
    CHECK_IS(launch(on.narrow, 1, 65, 0), CUDA_ERROR_INVALID_VALUE);
    CHECK_IS(launch(on.narrow, 1, 0, 0), CUDA_ERROR_INVALID_VALUE);
    CHECK_IS(launch(on.scale, 1, 1025, 0), CUDA_ERROR_INVALID_VALUE);
    CHECK_IS(launch(on.narrow, 65536, 1, 0), CUDA_ERROR_INVALID_VALUE);
    CHECK_IS(launch(on.narrow, 1, 64, (47 << 10) + 1), CUDA_ERROR_INVALID_VALUE);
    CUfunction_attribute dynamic = CU_FUNC_ATTRIBUTE_MAX_DYNAMIC_SHARED_SIZE_BYTES;
    CHECK_IS(cu.cuFuncSetAttribute(on.narrow, dynamic, most - 1023), CUDA_ERROR_INVALID_VALUE);
    CHECK_CU(cu.cuFuncSetAttribute(on.narrow, dynamic, most - 1024));
    CHECK_CU(launch(on.narrow, 1, 64, (unsigned)most - 1024));
    CHECK_IS(launch(on.narrow, 1, 64, (unsigned)most - 1023), CUDA_ERROR_INVALID_VALUE);
    CHECK_CU(cu.cuOccupancyMaxActiveBlocksPerMultiprocessor(&value, on.narrow, 64, 0));
    CHECK(value == limit(CU_DEVICE_ATTRIBUTE_MAX_BLOCKS_PER_MULTIPROCESSOR), "%d", value);
    size_t whole = (size_t)most - 1024;
    CHECK_CU(cu.cuOccupancyMaxActiveBlocksPerMultiprocessor(&value, on.narrow, 64, whole));
    CHECK(value == 1, "%d", value);
    CHECK_CU(cu.cuCtxSynchronize());
    end();
}

static CUresult launch_cluster(unsigned blocks, unsigned cluster) {
    CUdeviceptr nothing = 0;
    void *params[] = {&nothing};
    CUlaunchAttribute attributes[2] = {
        {.id = CU_LAUNCH_ATTRIBUTE_CLUSTER_DIMENSION},
        {.id = CU_LAUNCH_ATTRIBUTE_PROGRAMMATIC_STREAM_SERIALIZATION}};
    attributes[0].value.clusterDim.x = cluster;
    attributes[0].value.clusterDim.y = attributes[0].value.clusterDim.z = 1;
    attributes[1].value.programmaticStreamSerializationAllowed = 1;
    CUlaunchConfig config = {blocks, 1, 1, 32, 1, 1, 0, NULL, attributes, 2};
    return cu.cuLaunchKernelEx(&config, on.narrow, params, NULL);
}

static void clusters_90(void) {
    begin();
    CHECK_CU(launch_cluster(8, 1));
    CHECK_IS(launch_cluster(8, 3), CUDA_ERROR_INVALID_CLUSTER_SIZE);
    CHECK_IS(launch_cluster(16, 16), CUDA_ERROR_INVALID_CLUSTER_SIZE);
    CHECK_CU(cu.cuCtxSynchronize());
    end();
}
// The driver takes clusters; the machine may say that it does not run them.
static void clusters_taken(void) {
    begin();
    CHECK_CU(launch_cluster(8, 4));
    CHECK_CU(cu.cuCtxDestroy_v2(on.context));
    cu.cudasim_forgive();
}
static void clusters_80(void) {
    begin();
    CHECK_CU(launch_cluster(8, 1));
    CHECK_IS(launch_cluster(8, 4), CUDA_ERROR_NOT_SUPPORTED);
    CHECK_CU(cu.cuCtxSynchronize());
    end();
}

static void params_in_buffer(void) {
    begin();
    struct {
        CUdeviceptr data;
        unsigned k, c;
    } params = {device_words(2), 3, 4};
    unsigned words[2] = {1, 2};
    size_t bytes = sizeof params;
    void *extra[] = {CU_LAUNCH_PARAM_BUFFER_POINTER, &params, CU_LAUNCH_PARAM_BUFFER_SIZE, &bytes,
                     CU_LAUNCH_PARAM_END};
    CHECK_CU(cu.cuMemcpyHtoD_v2(params.data, words, 8));
    CHECK_CU(cu.cuLaunchKernel(on.scale, 2, 1, 1, 1, 1, 1, 0, NULL, NULL, extra));
    CHECK_CU(cu.cuMemcpyDtoH_v2(words, params.data, 8));
    CHECK(words[0] == 7 && words[1] == 10);
    CHECK_CU(cu.cuMemFree_v2(params.data));
    end();
}

static void params_missing(void) {
    begin();
    CUdeviceptr data = 0;
    void *params[] = {&data, NULL, NULL};
    CHECK_IS(cu.cuLaunchKernel(on.scale, 1, 1, 1, 1, 1, 1, 0, NULL, params, NULL),
             CUDA_ERROR_INVALID_VALUE);
    end();
}

static void tensor_maps(void) {
    begin();
    CUtensorMap map, other;
    CUdeviceptr data = device_words(64 * 64);
    uint64_t size[] = {64, 64}, stride[] = {256};
    unsigned box[] = {32, 8}, steps[] = {1, 1};
    void *address = (void *)(uintptr_t)data;
    enum { F32 = 7, SWIZZLE_128 = 3 };
    CHECK_CU(cu.cuTensorMapEncodeTiled(&map, F32, 2, address, size, stride, box, steps, 0,
                                       SWIZZLE_128, 0, 0));
    box[1] = 16;
    CHECK_CU(cu.cuTensorMapEncodeTiled(&other, F32, 2, address, size, stride, box, steps, 0,
                                       SWIZZLE_128, 0, 0));
    CHECK(memcmp(&map, &other, sizeof map) != 0);
    stride[0] = 250;
    CHECK_IS(cu.cuTensorMapEncodeTiled(&map, F32, 2, address, size, stride, box, steps, 0,
                                       SWIZZLE_128, 0, 0),
             CUDA_ERROR_INVALID_VALUE);
    CHECK_CU(cu.cuMemFree_v2(data));
    end();
}

// --- a kernel that fails ---

static CUresult fault(CUdeviceptr data, CUstream stream) {
    void *params[] = {&data};
    return cu.cuLaunchKernel(on.fault, 1, 1, 1, 1, 1, 1, 0, stream, params, NULL);
}

static void sticky(void) {
    begin();
    CUstream stream;
    CUdeviceptr data = device_words(4);
    CHECK_CU(cu.cuStreamCreate(&stream, CU_STREAM_NON_BLOCKING));
    CHECK_CU(fault(data, stream));
    CHECK_CU(cu.cuMemsetD32Async(data, 1, 4, stream));  // nobody has noticed
    CHECK_IS(cu.cuStreamSynchronize(stream), CUDA_ERROR_ILLEGAL_ADDRESS);
    CHECK(cu.cudasim_count("fills") == 0);
    CHECK_IS(cu.cuStreamSynchronize(stream), CUDA_ERROR_ILLEGAL_ADDRESS);
    CHECK_IS(cu.cuMemFree_v2(data), CUDA_ERROR_ILLEGAL_ADDRESS);
    CHECK_IS(scale(data, 1, 1, 1, NULL), CUDA_ERROR_ILLEGAL_ADDRESS);
    CHECK(cu.cudasim_count("problems") == 1);
    // Another context is not hurt, and this one ends without a word about what is left in it.
    CUcontext other;
    CHECK_CU(cu.cuCtxDestroy_v2(on.context));
    CHECK_CU(cu.cuCtxCreate_v2(&other, 0, 0));
    CHECK_CU(cu.cuCtxSynchronize());
    CHECK_CU(cu.cuCtxDestroy_v2(other));
    CHECK(cu.cudasim_count("problems") == 1);
}

static void forgiven(void) {
    begin();
    CUdeviceptr data = device_words(4);
    CHECK_CU(fault(data, NULL));
    CHECK_IS(cu.cuCtxSynchronize(), CUDA_ERROR_ILLEGAL_ADDRESS);
    CHECK_CU(cu.cuCtxDestroy_v2(on.context));
    cu.cudasim_forgive();
}

int main(void) {
    TRIAL(modules, "", CLEAN, NULL);
    TRIAL(specific_90, "CUDASIM_SM=90", CLEAN, NULL);
    TRIAL(specific_89, "CUDASIM_SM=89", CLEAN, NULL);
    TRIAL(limits, "CUDASIM_SM=90", CLEAN, NULL);
    TRIAL(limits, "CUDASIM_SM=80", CLEAN, NULL);
    TRIAL(limits, "CUDASIM_SM=80 CUDASIM_EXPLAIN=1", CLEAN, "narrow: 65 threads in a block");
    TRIAL(clusters_90, "", CLEAN, NULL);
    TRIAL(clusters_taken, "", CLEAN, "");
    TRIAL(clusters_80, "CUDASIM_SM=80", CLEAN, NULL);
    TRIAL(params_in_buffer, "", CLEAN, NULL);
    TRIAL(params_missing, "", FOUND, "the address of parameter 1 is NULL");
    TRIAL(tensor_maps, "", CLEAN, NULL);
    TRIAL(sticky, "", FOUND, "");
    TRIAL(forgiven, "", CLEAN, "");
    return trial_result();
}
