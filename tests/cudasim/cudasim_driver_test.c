// The simulated driver: devices, contexts, handles, memory, and how a process ends.
#include "tests/cudasim/driver_trial.h"

// --- devices ---

static int attribute(CUdevice_attribute which) {
    int value = -1;
    CHECK_CU(cu.cuDeviceGetAttribute(&value, which, 0));
    return value;
}

static void default_device(void) {
    int count = 0, version = 0;
    CUdevice device = -1;
    char name[64];
    size_t bytes = 0;
    CHECK_CU(cu.cuInit(0));
    CHECK_CU(cu.cuDriverGetVersion(&version));
    CHECK(version >= 12000);
    CHECK_CU(cu.cuDeviceGetCount(&count));
    CHECK(count == 1);
    CHECK_CU(cu.cuDeviceGet(&device, 0));
    CHECK_IS(cu.cuDeviceGet(&device, 1), CUDA_ERROR_INVALID_DEVICE);
    CHECK_CU(cu.cuDeviceGetName(name, sizeof name, device));
    CHECK(strcmp(name, "Simulated GPU sm_90") == 0);
    CHECK_CU(cu.cuDeviceTotalMem_v2(&bytes, device));
    CHECK(bytes == 1 << 30);
    CHECK(attribute(CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MAJOR) == 9);
    CHECK(attribute(CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MINOR) == 0);
    CHECK(attribute(CU_DEVICE_ATTRIBUTE_MULTIPROCESSOR_COUNT) == 4);
    CHECK(attribute(CU_DEVICE_ATTRIBUTE_MAX_SHARED_MEMORY_PER_BLOCK_OPTIN) == 227 * 1024);
}

static void other_device(void) {
    CUuuid a, b;
    size_t bytes = 0;
    int count = 0;
    CHECK_CU(cu.cuInit(0));
    CHECK_CU(cu.cuDeviceGetCount(&count));
    CHECK(count == 2);
    CHECK_CU(cu.cuDeviceGetUuid_v2(&a, 0));
    CHECK_CU(cu.cuDeviceGetUuid_v2(&b, 1));
    CHECK(a.bytes[15] == 2 && b.bytes[15] == 0);
    CHECK_CU(cu.cuDeviceTotalMem_v2(&bytes, 1));
    CHECK(bytes == 5000);
    CHECK(attribute(CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MAJOR) == 8);
    CHECK(attribute(CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MINOR) == 6);
    CHECK(attribute(CU_DEVICE_ATTRIBUTE_MULTIPROCESSOR_COUNT) == 9);
    CHECK(attribute(CU_DEVICE_ATTRIBUTE_MAX_SHARED_MEMORY_PER_BLOCK_OPTIN) == 99 * 1024);
}

static void no_device(void) { CHECK_IS(cu.cuInit(0), CUDA_ERROR_NO_DEVICE); }

static void not_initialized(void) {
    int count = 0;
    CHECK_IS(cu.cuDeviceGetCount(&count), CUDA_ERROR_NOT_INITIALIZED);
}

static void no_context(void) {
    CUdeviceptr data;
    CHECK_CU(cu.cuInit(0));
    CHECK_IS(cu.cuMemAlloc_v2(&data, 4), CUDA_ERROR_INVALID_CONTEXT);
}

static void errors_and_symbols(void) {
    const char *text = NULL;
    int status = -1;
    void *function = NULL;
    CHECK_CU(cu.cuGetErrorName(CUDA_ERROR_ILLEGAL_ADDRESS, &text));
    CHECK(text && strcmp(text, "CUDA_ERROR_ILLEGAL_ADDRESS") == 0);
    CHECK_CU(cu.cuGetErrorString(CUDA_ERROR_ILLEGAL_ADDRESS, &text));
    CHECK(text && strcmp(text, "an illegal memory access was encountered") == 0);
    CHECK_IS(cu.cuGetErrorName((CUresult)12345, &text), CUDA_ERROR_INVALID_VALUE);
    CHECK(!text);
    CHECK_CU(cu.cuGetProcAddress_v2("cuMemAlloc", &function, 12000, 0, &status));
    CHECK(function == (void *)cu.cuMemAlloc_v2 && status == CU_GET_PROC_ADDRESS_SUCCESS);
    CHECK_CU(cu.cuGetProcAddress_v2("cuCtxCreate", &function, 12000, 0, &status));
    CHECK(function == (void *)cu.cuCtxCreate_v2);
    CHECK_CU(cu.cuGetProcAddress_v2("cuCtxCreate", &function, 13000, 0, &status));
    CHECK(function && function != (void *)cu.cuCtxCreate_v2);
    CHECK_IS(cu.cuGetProcAddress_v2("cuNothing", &function, 12000, 0, &status),
             CUDA_ERROR_NOT_FOUND);
    CHECK(!function && status == CU_GET_PROC_ADDRESS_SYMBOL_NOT_FOUND);
}

// --- contexts ---

static void contexts(void) {
    CUcontext a, b, primary, same, current = NULL;
    CUdevice device = -1;
    int active = -1;
    CHECK_CU(cu.cuInit(0));
    CHECK_CU(cu.cuCtxCreate_v2(&a, 0, 0));
    CHECK_CU(cu.cuCtxCreate_v2(&b, 0, 1));
    CHECK_CU(cu.cuCtxGetDevice(&device));
    CHECK(device == 1);
    CHECK_CU(cu.cuCtxPopCurrent_v2(&current));
    CHECK(current == b);
    CHECK_CU(cu.cuCtxGetCurrent(&current));
    CHECK(current == a);
    CHECK_CU(cu.cuCtxPushCurrent_v2(b));
    CHECK_CU(cu.cuCtxDestroy_v2(b));
    CHECK_CU(cu.cuCtxGetCurrent(&current));
    CHECK(current == a);
    CHECK_CU(cu.cuCtxDestroy_v2(a));
    CHECK_CU(cu.cuDevicePrimaryCtxRetain(&primary, 0));
    CHECK_CU(cu.cuDevicePrimaryCtxRetain(&same, 0));
    CHECK(primary == same);
    CHECK_CU(cu.cuDevicePrimaryCtxRelease_v2(0));
    CHECK_CU(cu.cuDevicePrimaryCtxGetState(0, NULL, &active));
    CHECK(active == 1);
    CHECK_CU(cu.cuCtxSetCurrent(primary));
    CHECK_CU(cu.cuCtxSynchronize());
    CHECK_CU(cu.cuCtxSetCurrent(NULL));
    CHECK_CU(cu.cuDevicePrimaryCtxRelease_v2(0));
    CHECK_CU(cu.cuDevicePrimaryCtxGetState(0, NULL, &active));
    CHECK(active == 0);
}

static void destroyed_context(void) {
    CUcontext context;
    CHECK_CU(cu.cuInit(0));
    CHECK_CU(cu.cuCtxCreate_v2(&context, 0, 0));
    CHECK_CU(cu.cuCtxDestroy_v2(context));
    CHECK_IS(cu.cuCtxSetCurrent(context), CUDA_ERROR_CONTEXT_IS_DESTROYED);
}

static void destroyed_stream(void) {
    begin();
    CUstream stream;
    CHECK_CU(cu.cuStreamCreate(&stream, CU_STREAM_NON_BLOCKING));
    CHECK_CU(cu.cuStreamDestroy_v2(stream));
    CHECK_IS(cu.cuStreamSynchronize(stream), CUDA_ERROR_INVALID_HANDLE);
    end();
}

static void wrong_handle(void) {
    begin();
    CHECK_IS(cu.cuStreamSynchronize((CUstream)on.module), CUDA_ERROR_INVALID_HANDLE);
    CHECK_IS(cu.cuEventSynchronize((CUevent)(void *)&on), CUDA_ERROR_INVALID_HANDLE);
    CHECK(cu.cudasim_count("problems") == 2);
    cu.cudasim_forgive();
    end();
}

// --- memory ---

static void memory(void) {
    begin();
    size_t available = 0, before = 0, total = 0;
    CUdeviceptr a = 0, b = 0, mapped = 0;
    CHECK_CU(cu.cuMemGetInfo_v2(&before, &total));
    CHECK(total == 5000 && before <= total);
    CHECK_CU(cu.cuMemAlloc_v2(&a, 1000));
    CHECK(a % 256 == 0);
    CHECK_CU(cu.cuMemGetInfo_v2(&available, &total));
    CHECK(available == before - 1000);
    CHECK_IS(cu.cuMemAlloc_v2(&b, available + 1), CUDA_ERROR_OUT_OF_MEMORY);
    CHECK_CU(cu.cuMemAlloc_v2(&b, available));
    CHECK_IS(cu.cuMemAlloc_v2(&mapped, 1), CUDA_ERROR_OUT_OF_MEMORY);
    CHECK_IS(cu.cuMemAlloc_v2(&mapped, 0), CUDA_ERROR_INVALID_VALUE);
    CHECK(cu.cudasim_count("allocations") == 2);
    CHECK(cu.cudasim_count("peak") == (long long)before);
    unsigned *pinned = pinned_words(4), type = 0, words[4] = {1, 2, 3, 4}, got[4] = {0};
    CHECK_CU(cu.cuMemHostGetDevicePointer_v2(&mapped, pinned, 0));
    CHECK_CU(cu.cuPointerGetAttribute(&type, CU_POINTER_ATTRIBUTE_MEMORY_TYPE, a + 8));
    CHECK(type == CU_MEMORYTYPE_DEVICE);
    CHECK_CU(cu.cuPointerGetAttribute(&type, CU_POINTER_ATTRIBUTE_MEMORY_TYPE, mapped));
    CHECK(type == CU_MEMORYTYPE_HOST);
    CHECK_IS(cu.cuPointerGetAttribute(&type, CU_POINTER_ATTRIBUTE_MEMORY_TYPE,
                                      (CUdeviceptr)(uintptr_t)words),
             CUDA_ERROR_INVALID_VALUE);
    CHECK_CU(cu.cuMemcpyHtoD_v2(a, words, 16));
    CHECK_CU(cu.cuMemcpyDtoD_v2(b, a + 4, 12));
    CHECK_CU(cu.cuMemcpy((CUdeviceptr)(uintptr_t)pinned, b, 12));
    CHECK(pinned[0] == 2 && pinned[2] == 4);
    CHECK_CU(cu.cuMemsetD8_v2(b, 0xAB, 2));
    CHECK_CU(cu.cuMemsetD32_v2(b + 4, 77, 1));
    CHECK_CU(cu.cuMemcpyDtoH_v2(got, b, 12));
    CHECK(got[0] == 0xABAB && got[1] == 77 && got[2] == 4, "%x %u %u", got[0], got[1], got[2]);
    CHECK_IS(cu.cuMemsetD32_v2(b + 2, 0, 1), CUDA_ERROR_INVALID_VALUE);
    CHECK_CU(cu.cuMemFreeHost(pinned));
    CHECK_CU(cu.cuMemFree_v2(a));
    CHECK_CU(cu.cuMemFree_v2(b));
    CHECK_CU(cu.cuMemFree_v2(0));
    CHECK_CU(cu.cuMemGetInfo_v2(&available, &total));
    CHECK(available == before);
    end();
}

static void freed_twice(void) {
    begin();
    CUdeviceptr data = device_words(4);
    CHECK_CU(cu.cuMemFree_v2(data));
    CHECK_IS(cu.cuMemFree_v2(data), CUDA_ERROR_INVALID_VALUE);
    end();
}

static void copy_too_far(void) {
    begin();
    CUdeviceptr data = device_words(4);
    unsigned words[5] = {0}, *pinned = pinned_words(4);
    CHECK_IS(cu.cuMemcpyHtoD_v2(data, words, 20), CUDA_ERROR_INVALID_VALUE);
    CHECK_IS(cu.cuMemcpyHtoD_v2(data, pinned + 1, 16), CUDA_ERROR_INVALID_VALUE);
    CHECK_IS(cu.cuMemcpyHtoD_v2((CUdeviceptr)(uintptr_t)words, pinned, 16),
             CUDA_ERROR_INVALID_VALUE);
    CHECK_IS(cu.cuMemcpyDtoH_v2((void *)(uintptr_t)data, data, 4), CUDA_ERROR_INVALID_VALUE);
    CHECK(cu.cudasim_count("problems") == 4);
    CHECK_CU(cu.cuMemFreeHost(pinned));
    CHECK_CU(cu.cuMemFree_v2(data));
    end();
}

static void copy_unwritten(void) {
    begin();
    CUdeviceptr data = device_words(4), other = device_words(4);
    unsigned words[4] = {0};
    CHECK_CU(cu.cuMemcpyHtoD_v2(data, words, 12));
    CHECK_CU(cu.cuMemcpyDtoH_v2(words, data, 12));
    CHECK_CU(cu.cuMemcpyDtoD_v2(other, data, 16));
    CHECK_CU(cu.cuMemcpyDtoH_v2(words, other, 12));
    CHECK(cu.cudasim_count("problems") == 0);
    CHECK_CU(cu.cuMemcpyDtoH_v2(words, other, 16));
    CHECK(cu.cudasim_count("problems") == 1);
    CHECK_CU(cu.cuMemFree_v2(data));
    CHECK_CU(cu.cuMemFree_v2(other));
    end();
}

// --- the end of a process ---

static void leak_everything(void) {
    begin();
    CUstream stream;
    CUevent event;
    device_words(4);
    pinned_words(2);
    CHECK_CU(cu.cuStreamCreate(&stream, 0));
    CHECK_CU(cu.cuEventCreate(&event, 0));
}
static void leak_in_context(void) {
    begin();
    device_words(4);
    end();
}
static void leak_nothing(void) {
    begin();
    end();
}

static void summary(void) {
    begin();
    CUdeviceptr data = device_words(4);
    unsigned words[4] = {0};
    CHECK_CU(cu.cuMemcpyHtoD_v2(data, words, 16));
    CHECK_CU(scale(data, 4, 1, 1, NULL));
    CHECK_CU(cu.cuMemcpyDtoH_v2(words, data, 16));
    CHECK_CU(cu.cuMemFree_v2(data));
    end();
}

static void test_leaks(void) {
    static const char *const texts[] = {
        "leak: device memory 1 of 16 bytes was not freed",
        "leak: pinned host memory 2 of 8 bytes was not freed",
        "leak: stream 2 was not destroyed",
        "leak: event 1 was not destroyed",
        "leak: module 1 was not destroyed",
        "leak: context 1 was not destroyed",
        "cudasim: 6 problems\n",
    };
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        TRIAL(leak_everything, "", FOUND, texts[i]);
    }
    TRIAL(leak_in_context, "", FOUND, "cudasim: 1 problem\n");
    TRIAL(leak_nothing, "", CLEAN, NULL);
    TRIAL(summary, "CUDASIM_SUMMARY=1", CLEAN,
          "{\"launches\": 1, \"graph_launches\": 0, \"graph_kernels\": 0, \"copies_to_device\": 1, "
          "\"bytes_to_device\": 16, \"copies_to_host\": 1, \"bytes_to_host\": 16, ");
    TRIAL(summary, "CUDASIM_SUMMARY=1", CLEAN, "\"allocations\": 1, \"frees\": 1, \"peak\": 16, ");
    TRIAL(summary, "CUDASIM_SUMMARY=1", CLEAN, "\"problems\": 0}\n");
}

int main(void) {
    TRIAL(default_device, "", CLEAN, NULL);
    TRIAL(other_device,
          "CUDASIM_SM=86 CUDASIM_SMS=9 CUDASIM_MEMORY=5000 CUDASIM_DEVICES=3 "
          "CUDA_VISIBLE_DEVICES=2,0,7,1",
          CLEAN, NULL);
    TRIAL(no_device, "CUDASIM_DEVICES=0", CLEAN, NULL);
    TRIAL(no_device, "CUDA_VISIBLE_DEVICES=", CLEAN, NULL);
    TRIAL(no_device, "CUDA_VISIBLE_DEVICES=-1", CLEAN, NULL);
    TRIAL(no_device, "CUDASIM_SM=70", 2, "CUDASIM_SM=70: it is 80, 86, 89 or 90");
    TRIAL(no_device, "CUDASIM_ORDER=random", 2, "CUDASIM_ORDER=random: it is late, early");
    TRIAL(not_initialized, "", FOUND, "cuDeviceGetCount: cuInit was not called");
    TRIAL(no_context, "", FOUND, "cuMemAlloc_v2: no context is current");
    TRIAL(errors_and_symbols, "", CLEAN, NULL);
    TRIAL(contexts, "CUDASIM_DEVICES=2", CLEAN, NULL);
    TRIAL(destroyed_context, "", FOUND, "cuCtxSetCurrent: context 1 was destroyed");
    TRIAL(destroyed_stream, "", FOUND, "cuStreamSynchronize: stream 2 was destroyed");
    TRIAL(wrong_handle, "", CLEAN, "module 1 was given as stream");
    TRIAL(memory, "CUDASIM_MEMORY=5000", CLEAN, NULL);
    TRIAL(freed_twice, "", FOUND, "it was freed before");
    TRIAL(copy_too_far, "", FOUND, "of 20 bytes at byte 0 of a block of 16 bytes");
    TRIAL(copy_unwritten, "", FOUND, "reads byte 12 of the copy");
    test_leaks();
    return trial_result();
}
