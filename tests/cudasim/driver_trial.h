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

static struct driver {
#define SIM_FUNCTION(name, function, since) __typeof__(function) *function;
#include "tests/cudasim/driver_functions.def"
#undef SIM_FUNCTION
    __typeof__(cudasim_count) *cudasim_count;
    __typeof__(cudasim_forgive) *cudasim_forgive;
} cu;

static const struct entry {
    const char *name;
    size_t offset;  // in a driver
} entries[] = {
#define SIM_FUNCTION(name, function, since) {#function, offsetof(struct driver, function)},
#include "tests/cudasim/driver_functions.def"
#undef SIM_FUNCTION
    {"cudasim_count", offsetof(struct driver, cudasim_count)},
    {"cudasim_forgive", offsetof(struct driver, cudasim_forgive)},
};

static bool open_driver(void) {
    void *library = dlopen(BUILD_DIR "/tests/cudasim/libcuda.so.1", RTLD_NOW);
    CHECK(library, "%s", library ? "" : dlerror());
    bool all = library != NULL;
    for (size_t i = 0; library && i < sizeof entries / sizeof *entries; i++) {
        void *function = dlsym(library, entries[i].name);
        CHECK(function, "there is no %s", entries[i].name);
        memcpy((char *)&cu + entries[i].offset, &function, sizeof function);
        all = all && function;
    }
    if (library) dlclose(library);  // it stays
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
