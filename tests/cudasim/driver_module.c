// Modules: what cuModuleLoadDataEx accepts and says.
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "tests/cudasim/driver_queue.h"

enum { LOG_BYTES = 4096, PTX_MAJOR = 9, PTX_MINOR = 0 };

// --- options ---

typedef struct jit {
    char *info, *error;  // NULL: not wanted
    size_t info_bytes, error_bytes;
    void **info_used, **error_used, **wall_time;
} jit;

static CUresult read_options(unsigned count, const CUjit_option *names, void **values, jit *out) {
    if (count && (!names || !values)) return CUDA_ERROR_INVALID_VALUE;
    for (unsigned i = 0; i < count; i++) {
        switch (names[i]) {
            case CU_JIT_INFO_LOG_BUFFER: out->info = values[i]; break;
            case CU_JIT_INFO_LOG_BUFFER_SIZE_BYTES:
                out->info_bytes = (unsigned)(uintptr_t)values[i];
                out->info_used = &values[i];
                break;
            case CU_JIT_ERROR_LOG_BUFFER: out->error = values[i]; break;
            case CU_JIT_ERROR_LOG_BUFFER_SIZE_BYTES:
                out->error_bytes = (unsigned)(uintptr_t)values[i];
                out->error_used = &values[i];
                break;
            case CU_JIT_WALL_TIME: out->wall_time = &values[i]; break;
            case CU_JIT_MAX_REGISTERS:
            case CU_JIT_OPTIMIZATION_LEVEL:
            case CU_JIT_TARGET_FROM_CUCONTEXT:
            case CU_JIT_TARGET:
            case CU_JIT_GENERATE_DEBUG_INFO:
            case CU_JIT_LOG_VERBOSE:
            case CU_JIT_GENERATE_LINE_INFO:
            case CU_JIT_CACHE_MODE: break;
            default:
                return sim_misuse(CUDA_ERROR_INVALID_VALUE, "JIT option %d is not simulated",
                                  names[i]);
        }
    }
    return CUDA_SUCCESS;
}

// Fills a log buffer, and tells how much of it was used in the place of its size.
static void fill_log(char *buffer, size_t bytes, void **used, const char *text) {
    size_t length = 0;
    if (buffer && bytes) {
        snprintf(buffer, bytes, "%s", text);
        length = strlen(buffer);
    }
    if (used) *used = (void *)(uintptr_t)length;
}

static void fill_time(void **value, clock_t begin) {
    float milliseconds = (float)(clock() - begin) * 1000.0f / CLOCKS_PER_SEC;
    *value = NULL;
    memcpy(value, &milliseconds, sizeof milliseconds);
}

// --- PTX ---

// Where a directive's operand begins, outside comments; NULL: there is none.
static const char *directive(const char *ptx, const char *name) {
    size_t length = strlen(name);
    while (*ptx) {
        if (strncmp(ptx, "//", 2) == 0) {
            ptx += strcspn(ptx, "\n");
        } else if (strncmp(ptx, "/*", 2) == 0) {
            const char *end = strstr(ptx + 2, "*/");
            ptx = end ? end + 2 : ptx + strlen(ptx);
        } else if (strncmp(ptx, name, length) == 0 && isspace((unsigned char)ptx[length])) {
            return ptx + length + strspn(ptx + length, " \t");
        } else {
            ptx++;
        }
    }
    return NULL;
}

// 90 of ".target sm_90a, debug". False: there is none.
static bool ptx_target(const char *ptx, int *sm) {
    const char *target = directive(ptx, ".target");
    return target && sscanf(target, "sm_%d", sm) == 1;
}

static CUresult check_version(const char *ptx, char *log) {
    int major = 0, minor = 0;
    const char *version = directive(ptx, ".version");
    if (!version || sscanf(version, "%d.%d", &major, &minor) != 2) {
        snprintf(log, LOG_BYTES,
                 "ptxas application ptx input, line 1; fatal   : Missing .version directive at "
                 "start of file '<string>'");
        return CUDA_ERROR_INVALID_PTX;
    }
    if (major < PTX_MAJOR || (major == PTX_MAJOR && minor <= PTX_MINOR)) return CUDA_SUCCESS;
    snprintf(log, LOG_BYTES,
             "ptxas application ptx input, line 1; fatal   : Unsupported .version %d.%d; current "
             "version is '%d.%d'",
             major, minor, PTX_MAJOR, PTX_MINOR);
    return CUDA_ERROR_UNSUPPORTED_PTX_VERSION;
}

// Code for sm_80 runs on all later devices. Code for sm_90a runs on 9.0 alone, which is the latest
// that is simulated.
static CUresult check_target(const char *ptx, char *log) {
    int sm, device = sim_setting()->sm;
    if (!ptx_target(ptx, &sm)) {
        snprintf(log, LOG_BYTES,
                 "ptxas application ptx input, line 1; fatal   : Missing .target directive");
        return CUDA_ERROR_INVALID_PTX;
    }
    if (sm > device) {
        snprintf(log, LOG_BYTES,
                 "ptxas fatal   : SM version specified by .target is higher than default SM "
                 "version assumed (sm_%d is, for sm_%d)",
                 sm, device);
        return CUDA_ERROR_INVALID_PTX;
    }
    return CUDA_SUCCESS;
}

static CUresult load_ptx(const char *ptx, sim_module **code, char *log) {
    SIM_TRY(check_version(ptx, log));
    SIM_TRY(check_target(ptx, log));
    char text[LOG_BYTES / 2] = "";
    *code = sim_module_load(ptx, text, sizeof text);
    if (*code) return CUDA_SUCCESS;
    int line = 0, length = 0;
    if (sscanf(text, "line %d: %n", &line, &length) == 1 && length > 0) {
        snprintf(log, LOG_BYTES, "ptxas application ptx input, line %d; error   : %s", line,
                 text + length);
    } else {
        snprintf(log, LOG_BYTES, "ptxas application ptx input; error   : %s", text);
    }
    return CUDA_ERROR_INVALID_PTX;
}

static bool is_binary(const char *image) {
    static const char elf[] = "\177ELF", fat[] = "\x50\xed\x55\xba";
    return strncmp(image, elf, 4) == 0 || strncmp(image, fat, 4) == 0;
}

// --- modules ---

static CUresult load(CUmodule *out, const char *image, unsigned count, const CUjit_option *names,
                     void **values) {
    jit jit_options = {0};
    char log[LOG_BYTES] = "";
    clock_t begin = clock();
    sim_module *code = NULL;
    if (!out || !image) return CUDA_ERROR_INVALID_VALUE;
    SIM_TRY(read_options(count, names, values, &jit_options));
    if (is_binary(image)) {
        return sim_refuse(CUDA_ERROR_NO_BINARY_FOR_GPU, "machine code is not simulated, PTX is");
    }
    CUresult result = load_ptx(image, &code, log);
    fill_log(jit_options.error, jit_options.error_bytes, jit_options.error_used, log);
    fill_log(jit_options.info, jit_options.info_bytes, jit_options.info_used,
             result ? "" : "ptxas info    : 0 bytes gmem");
    if (jit_options.wall_time) fill_time(jit_options.wall_time, begin);
    if (result) return sim_refuse(result, "%s", log);
    sim_loaded *module = sim_object_new(SIM_IS_MODULE, sizeof *module, sim_current());
    module->code = code;
    sim_count.modules++;
    *out = module->object.handle;
    return CUDA_SUCCESS;
}
CUresult cuModuleLoadData(CUmodule *module, const void *image) {
    SIM_CALL(SIM_UNCAPTURED, load(module, image, 0, NULL, NULL));
}
CUresult cuModuleLoadDataEx(CUmodule *module, const void *image, unsigned n_options,
                            CUjit_option *options, void **values) {
    SIM_CALL(SIM_UNCAPTURED, load(module, image, n_options, options, values));
}

void sim_loaded_release(sim_loaded *module) {
    for (sim_kernel *k = NULL; (k = sim_object_next(SIM_IS_FUNCTION, k));) {
        if (k->module == module) k->object.destroyed = true;
    }
    sim_module_free(module->code);
    module->object.destroyed = true;
}

static CUresult unload(CUmodule handle) {
    sim_loaded *module;
    SIM_TRY(sim_object_find(SIM_IS_MODULE, handle, &module));
    const sim_op *user = sim_queued_code(module);
    if (user) {
        sim_misuse(CUDA_SUCCESS, "module %d is unloaded while work that is queued uses it: %s",
                   module->object.number, sim_op_name(user));
        sim_run_all(module->object.context);
    }
    sim_loaded_release(module);
    return CUDA_SUCCESS;
}
CUresult cuModuleUnload(CUmodule module) { SIM_CALL(SIM_UNCAPTURED, unload(module)); }

static CUresult get_global(CUdeviceptr *address, size_t *bytes, CUmodule handle, const char *name) {
    sim_loaded *module;
    size_t size = 0;
    if (!name || (!address && !bytes)) return CUDA_ERROR_INVALID_VALUE;
    SIM_TRY(sim_object_find(SIM_IS_MODULE, handle, &module));
    uint64_t base = sim_module_global(module->code, name, &size);
    if (!base) return sim_refuse(CUDA_ERROR_NOT_FOUND, "there is no variable \"%s\"", name);
    if (address) *address = base;
    if (bytes) *bytes = size;
    return CUDA_SUCCESS;
}
CUresult cuModuleGetGlobal_v2(CUdeviceptr *address, size_t *bytes, CUmodule module,
                              const char *name) {
    SIM_CALL(SIM_CONTEXT, get_global(address, bytes, module, name));
}
