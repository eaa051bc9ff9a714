// Functions of modules: attributes, and how many blocks fit on a multiprocessor.
#include "tests/cudasim/driver_state.h"

static sim_kernel *known(const sim_function *function) {
    for (sim_kernel *k = NULL; (k = sim_object_next(SIM_IS_FUNCTION, k));) {
        if (k->function == function) return k;
    }
    return NULL;
}

static CUresult get_function(CUfunction *out, CUmodule handle, const char *name) {
    sim_loaded *module;
    if (!out || !name) return CUDA_ERROR_INVALID_VALUE;
    SIM_TRY(sim_object_find(SIM_IS_MODULE, handle, &module));
    sim_function *function = sim_module_function(module->code, name);
    if (!function) return sim_refuse(CUDA_ERROR_NOT_FOUND, "there is no kernel \"%s\"", name);
    sim_kernel *kernel = known(function);
    if (!kernel) {
        kernel = sim_object_new(SIM_IS_FUNCTION, sizeof *kernel, module->object.context);
        kernel->module = module;
        kernel->function = function;
        sim_function_describe(function, &kernel->info);
        kernel->most_dynamic = sim_device_limit(CU_DEVICE_ATTRIBUTE_MAX_SHARED_MEMORY_PER_BLOCK) -
                               kernel->info.shared_bytes;
    }
    *out = kernel->object.handle;
    return CUDA_SUCCESS;
}
CUresult cuModuleGetFunction(CUfunction *function, CUmodule module, const char *name) {
    SIM_CALL(SIM_CONTEXT, get_function(function, module, name));
}

static CUresult get_attribute(int *value, CUfunction_attribute attribute, CUfunction handle) {
    sim_kernel *kernel;
    if (!value) return CUDA_ERROR_INVALID_VALUE;
    SIM_TRY(sim_object_find(SIM_IS_FUNCTION, handle, &kernel));
    switch (attribute) {
        case CU_FUNC_ATTRIBUTE_MAX_THREADS_PER_BLOCK: *value = kernel->info.most_threads; break;
        case CU_FUNC_ATTRIBUTE_SHARED_SIZE_BYTES: *value = kernel->info.shared_bytes; break;
        case CU_FUNC_ATTRIBUTE_CONST_SIZE_BYTES:
        case CU_FUNC_ATTRIBUTE_LOCAL_SIZE_BYTES: *value = 0; break;
        case CU_FUNC_ATTRIBUTE_NUM_REGS: *value = kernel->info.registers; break;
        case CU_FUNC_ATTRIBUTE_PTX_VERSION: *value = kernel->info.target; break;
        case CU_FUNC_ATTRIBUTE_BINARY_VERSION: *value = sim_setting()->sm; break;
        case CU_FUNC_ATTRIBUTE_MAX_DYNAMIC_SHARED_SIZE_BYTES: *value = kernel->most_dynamic; break;
        case CU_FUNC_ATTRIBUTE_PREFERRED_SHARED_MEMORY_CARVEOUT: *value = -1; break;
        case CU_FUNC_ATTRIBUTE_NON_PORTABLE_CLUSTER_SIZE_ALLOWED:
            *value = kernel->big_clusters;
            break;
        default:
            return sim_misuse(CUDA_ERROR_INVALID_VALUE, "attribute %d is not simulated", attribute);
    }
    return CUDA_SUCCESS;
}
CUresult cuFuncGetAttribute(int *value, CUfunction_attribute attribute, CUfunction function) {
    SIM_CALL(SIM_CONTEXT, get_attribute(value, attribute, function));
}

static CUresult set_dynamic(sim_kernel *kernel, int bytes) {
    int most = sim_device_limit(CU_DEVICE_ATTRIBUTE_MAX_SHARED_MEMORY_PER_BLOCK_OPTIN) -
               kernel->info.shared_bytes;
    if (bytes < 0 || bytes > most) {
        return sim_refuse(CUDA_ERROR_INVALID_VALUE,
                          "%s: %d bytes of dynamic shared memory, %d is the most",
                          kernel->info.name, bytes, most);
    }
    kernel->most_dynamic = bytes;
    return CUDA_SUCCESS;
}

static CUresult set_attribute(CUfunction handle, CUfunction_attribute attribute, int value) {
    sim_kernel *kernel;
    SIM_TRY(sim_object_find(SIM_IS_FUNCTION, handle, &kernel));
    switch (attribute) {
        case CU_FUNC_ATTRIBUTE_MAX_DYNAMIC_SHARED_SIZE_BYTES: return set_dynamic(kernel, value);
        case CU_FUNC_ATTRIBUTE_PREFERRED_SHARED_MEMORY_CARVEOUT:
            return value >= -1 && value <= 100 ? CUDA_SUCCESS : CUDA_ERROR_INVALID_VALUE;
        case CU_FUNC_ATTRIBUTE_NON_PORTABLE_CLUSTER_SIZE_ALLOWED:
            kernel->big_clusters = value != 0;
            return CUDA_SUCCESS;
        default: return sim_refuse(CUDA_ERROR_INVALID_VALUE, "attribute %d is not set", attribute);
    }
}
CUresult cuFuncSetAttribute(CUfunction function, CUfunction_attribute attribute, int value) {
    SIM_CALL(SIM_CONTEXT, set_attribute(function, attribute, value));
}

static int least(int a, int b) { return a < b ? a : b; }

// Registers are not counted: what ptxas would use is not known.
static CUresult occupancy(int *blocks, CUfunction handle, int threads, size_t shared) {
    sim_kernel *kernel;
    if (!blocks || threads <= 0) return CUDA_ERROR_INVALID_VALUE;
    SIM_TRY(sim_object_find(SIM_IS_FUNCTION, handle, &kernel));
    *blocks = 0;
    if (threads > kernel->info.most_threads || shared > (size_t)kernel->most_dynamic) {
        return CUDA_SUCCESS;
    }
    int warps = (threads + 31) / 32;
    int bytes = (int)shared + kernel->info.shared_bytes +
                sim_device_limit(CU_DEVICE_ATTRIBUTE_RESERVED_SHARED_MEMORY_PER_BLOCK);
    int by_threads =
        sim_device_limit(CU_DEVICE_ATTRIBUTE_MAX_THREADS_PER_MULTIPROCESSOR) / 32 / warps;
    int by_shared =
        sim_device_limit(CU_DEVICE_ATTRIBUTE_MAX_SHARED_MEMORY_PER_MULTIPROCESSOR) / bytes;
    *blocks = least(sim_device_limit(CU_DEVICE_ATTRIBUTE_MAX_BLOCKS_PER_MULTIPROCESSOR),
                    least(by_threads, by_shared));
    return CUDA_SUCCESS;
}
CUresult cuOccupancyMaxActiveBlocksPerMultiprocessor(int *blocks, CUfunction function, int threads,
                                                     size_t shared) {
    SIM_CALL(SIM_CONTEXT, occupancy(blocks, function, threads, shared));
}
