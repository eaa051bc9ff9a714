// Trials of the driver library: each is a process of its own, with its environment, that opens the
// library, so that also how it ends can be checked.
#ifndef CUDASIM_DRIVER_TRIAL_H
#define CUDASIM_DRIVER_TRIAL_H

#include <dlfcn.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/check.h"
#include "tests/cudasim/driver.h"

#define DRIVER_FUNCTIONS(X)                                                                       \
    X(cuGetErrorName)                                                                             \
    X(cuGetErrorString)                                                                           \
    X(cuInit)                                                                                     \
    X(cuDriverGetVersion)                                                                         \
    X(cuDeviceGetCount) X(cuDeviceGet) X(cuDeviceGetName) X(cuDeviceGetAttribute) X(              \
        cuDeviceGetUuid_v2) X(cuDeviceTotalMem_v2) X(cuGetProcAddress_v2) X(cuCtxCreate_v2)       \
        X(cuCtxDestroy_v2) X(cuCtxGetCurrent) X(cuCtxSetCurrent) X(cuCtxPushCurrent_v2) X(        \
            cuCtxPopCurrent_v2) X(cuCtxSynchronize) X(cuCtxGetDevice) X(cuDevicePrimaryCtxRetain) \
            X(cuDevicePrimaryCtxRelease_v2) X(cuDevicePrimaryCtxGetState) X(cuMemAlloc_v2) X(     \
                cuMemFree_v2) X(cuMemHostAlloc) X(cuMemFreeHost) X(cuMemGetInfo_v2)               \
                X(cuMemHostGetDevicePointer_v2) X(cuPointerGetAttribute) X(cuMemcpy) X(           \
                    cuMemcpyAsync) X(cuMemcpyHtoD_v2) X(cuMemcpyDtoH_v2) X(cuMemcpyDtoD_v2)       \
                    X(cuMemcpyHtoDAsync_v2) X(cuMemcpyDtoHAsync_v2) X(cuMemcpyDtoDAsync_v2) X(    \
                        cuMemsetD8_v2) X(cuMemsetD32_v2) X(cuMemsetD8Async) X(cuMemsetD32Async)   \
                        X(cuModuleLoadData) X(cuModuleLoadDataEx) X(cuModuleUnload) X(            \
                            cuModuleGetFunction) X(cuModuleGetGlobal_v2) X(cuFuncGetAttribute)    \
                            X(cuFuncSetAttribute) X(cuOccupancyMaxActiveBlocksPerMultiprocessor)  \
                                X(cuLaunchKernel) X(cuLaunchKernelEx) X(cuStreamCreate) X(        \
                                    cuStreamDestroy_v2) X(cuStreamSynchronize) X(cuStreamQuery)   \
                                    X(cuStreamWaitEvent) X(cuEventCreate) X(cuEventDestroy_v2)    \
                                        X(cuEventRecord) X(cuEventSynchronize) X(cuEventQuery)    \
                                            X(cuEventElapsedTime) X(cuStreamBeginCapture_v2) X(   \
                                                cuStreamEndCapture) X(cuStreamIsCapturing)        \
                                                X(cuThreadExchangeStreamCaptureMode) X(           \
                                                    cuGraphInstantiateWithFlags) X(cuGraphLaunch) \
                                                    X(cuGraphUpload) X(cuGraphExecDestroy)        \
                                                        X(cuGraphDestroy) X(cuGraphGetNodes)      \
                                                            X(cuGraphNodeGetType)                 \
                                                                X(cuTensorMapEncodeTiled)         \
                                                                    X(cudasim_count)              \
                                                                        X(cudasim_forgive)

static struct {
#define DRIVER_FIELD(name) __typeof__(name) *name;
    DRIVER_FUNCTIONS(DRIVER_FIELD)
#undef DRIVER_FIELD
} cu;

static bool open_driver(void) {
    void *library = dlopen(BUILD_DIR "/tests/cudasim/libcuda.so.1", RTLD_NOW);
    CHECK(library, "%s", library ? "" : dlerror());
    if (!library) return false;
    bool all = true;
#define DRIVER_LOAD(name)                       \
    *(void **)&cu.name = dlsym(library, #name); \
    CHECK(cu.name, "there is no %s", #name);    \
    all = all && cu.name;
    DRIVER_FUNCTIONS(DRIVER_LOAD)
#undef DRIVER_LOAD
    dlclose(library);  // it stays
    return all;
}

// Checks the result of a call.
#define CHECK_IS(call, wanted)                                            \
    do {                                                                  \
        CUresult check_result = (call);                                   \
        CHECK(check_result == (wanted), "%s is %d", #call, check_result); \
    } while (0)
#define CHECK_CU(call) CHECK_IS(call, CUDA_SUCCESS)

// --- trials ---

enum { CLEAN = 0, FOUND = 86 };

// What the processes of trials add their checks to.
static struct tally { int checks, failures; } * tally;

static void set_environment(const char *settings) {
    static const char *const names[] = {
        "CUDASIM_ORDER",        "CUDASIM_SM",      "CUDASIM_SMS",
        "CUDASIM_MEMORY",       "CUDASIM_DEVICES", "CUDASIM_SUMMARY",
        "CUDASIM_SUMMARY_FILE", "CUDASIM_EXPLAIN", "CUDA_VISIBLE_DEVICES"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) unsetenv(names[i]);
    char text[512];
    snprintf(text, sizeof text, "%s", settings);
    for (char *word = strtok(text, " "); word; word = strtok(NULL, " ")) {
        char *equals = strchr(word, '=');
        *equals = 0;
        setenv(word, equals + 1, 1);
    }
}

static void child(const char *settings, void (*body)(void), int errors) {
    dup2(errors, STDERR_FILENO);
    set_environment(settings);
    check_count = check_failures = 0;
    if (open_driver()) body();
    tally->checks += check_count;
    tally->failures += check_failures;
    exit(0);
}

// Runs `body` in a process with the settings "NAME=value NAME=value". It has to end with `code`,
// and what it writes to stderr has to contain `text`, or be nothing where that is NULL.
static void trial(const char *name, const char *settings, void (*body)(void), int code,
                  const char *text) {
    if (!tally) {
        tally =
            mmap(NULL, sizeof *tally, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    }
    FILE *errors = tmpfile();
    int before = tally->failures, status = 0;
    fflush(NULL);
    pid_t process = fork();
    if (process == 0) child(settings, body, fileno(errors));
    waitpid(process, &status, 0);
    char said[8192];
    rewind(errors);
    said[fread(said, 1, sizeof said - 1, errors)] = 0;
    fclose(errors);
    int ended = WIFEXITED(status) ? WEXITSTATUS(status) : 1000 + WTERMSIG(status);
    bool fits = text ? strstr(said, text) != NULL : said[0] == 0;
    CHECK(ended == code && tally->failures == before && fits,
          "trial %s (%s): ended with %d, not %d; wanted \"%s\"; said:\n%s", name, settings, ended,
          code, text ? text : "", said);
}
#define TRIAL(body, settings, code, text) trial(#body, settings, body, code, text)

static int trial_result(void) {
    check_count += tally->checks;
    return CHECK_RESULT();
}

// --- what most trials need ---

// scale: data[i] = data[i] * k + c for all threads; fault: writes where there is nothing.
static const char trial_ptx[] =
    ".version 7.0\n"
    ".target sm_80\n"
    ".address_size 64\n"
    ".visible .global .align 4 .b8 table[16];\n"
    ".visible .entry scale(.param .u64 data, .param .u32 k, .param .u32 c)\n"
    "{\n"
    "  .reg .b64 %rd<4>;\n"
    "  .reg .b32 %r<8>;\n"
    "  ld.param.u64 %rd1, [data];\n"
    "  ld.param.u32 %r1, [k];\n"
    "  ld.param.u32 %r2, [c];\n"
    "  cvta.to.global.u64 %rd1, %rd1;\n"
    "  mov.u32 %r3, %ctaid.x;\n"
    "  mov.u32 %r4, %ntid.x;\n"
    "  mov.u32 %r5, %tid.x;\n"
    "  mad.lo.u32 %r3, %r3, %r4, %r5;\n"
    "  mul.wide.u32 %rd2, %r3, 4;\n"
    "  add.u64 %rd1, %rd1, %rd2;\n"
    "  ld.global.u32 %r6, [%rd1];\n"
    "  mad.lo.u32 %r6, %r6, %r1, %r2;\n"
    "  st.global.u32 [%rd1], %r6;\n"
    "  ret;\n"
    "}\n"
    ".visible .entry fault(.param .u64 data)\n"
    "{\n"
    "  .reg .b64 %rd<2>;\n"
    "  ld.param.u64 %rd1, [data];\n"
    "  add.u64 %rd1, %rd1, 1048576;\n"
    "  st.global.u32 [%rd1], 1;\n"
    "  ret;\n"
    "}\n"
    ".visible .entry narrow(.param .u64 data)\n"
    ".maxntid 64, 1, 1\n"
    "{\n"
    "  .shared .align 4 .b8 buffer[1024];\n"
    "  ret;\n"
    "}\n";

static struct {
    CUcontext context;
    CUmodule module;
    CUfunction scale, fault, narrow;
} on;

static inline void begin(void) {
    CHECK_CU(cu.cuInit(0));
    CHECK_CU(cu.cuCtxCreate_v2(&on.context, 0, 0));
    CHECK_CU(cu.cuModuleLoadData(&on.module, trial_ptx));
    CHECK_CU(cu.cuModuleGetFunction(&on.scale, on.module, "scale"));
    CHECK_CU(cu.cuModuleGetFunction(&on.fault, on.module, "fault"));
    CHECK_CU(cu.cuModuleGetFunction(&on.narrow, on.module, "narrow"));
}

static inline void end(void) {
    CHECK_CU(cu.cuModuleUnload(on.module));
    CHECK_CU(cu.cuCtxDestroy_v2(on.context));
}

static inline CUdeviceptr device_words(int count) {
    CUdeviceptr address = 0;
    CHECK_CU(cu.cuMemAlloc_v2(&address, (size_t)count * 4));
    return address;
}

static inline unsigned *pinned_words(int count) {
    void *address = NULL;
    CHECK_CU(cu.cuMemHostAlloc(&address, (size_t)count * 4, 0));
    return address;
}

// `count` words times k, plus c.
static inline CUresult scale(CUdeviceptr data, int count, unsigned k, unsigned c, CUstream stream) {
    void *params[] = {&data, &k, &c};
    return cu.cuLaunchKernel(on.scale, (unsigned)count, 1, 1, 1, 1, 1, 0, stream, params, NULL);
}

#endif
