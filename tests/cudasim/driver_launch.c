// Launches of kernels and what is checked before they are queued.
#include <stdlib.h>
#include <string.h>

#include "tests/cudasim/driver_queue.h"

static CUresult check_grid(const sim_kernel *kernel, const sim_launch *launch) {
    static const CUdevice_attribute grid[] = {CU_DEVICE_ATTRIBUTE_MAX_GRID_DIM_X,
                                              CU_DEVICE_ATTRIBUTE_MAX_GRID_DIM_Y,
                                              CU_DEVICE_ATTRIBUTE_MAX_GRID_DIM_Z};
    static const CUdevice_attribute block[] = {CU_DEVICE_ATTRIBUTE_MAX_BLOCK_DIM_X,
                                               CU_DEVICE_ATTRIBUTE_MAX_BLOCK_DIM_Y,
                                               CU_DEVICE_ATTRIBUTE_MAX_BLOCK_DIM_Z};
    uint64_t threads = 1;
    for (int i = 0; i < 3; i++) {
        unsigned most_grid = (unsigned)sim_device_limit(grid[i]);
        unsigned most_block = (unsigned)sim_device_limit(block[i]);
        if (launch->grid[i] == 0 || launch->grid[i] > most_grid) {
            return sim_refuse(CUDA_ERROR_INVALID_VALUE, "%s: %u blocks along axis %d, at most %u",
                              kernel->info.name, launch->grid[i], i, most_grid);
        }
        if (launch->block[i] == 0 || launch->block[i] > most_block) {
            return sim_refuse(CUDA_ERROR_INVALID_VALUE, "%s: %u threads along axis %d, at most %u",
                              kernel->info.name, launch->block[i], i, most_block);
        }
        threads *= launch->block[i];
    }
    if (threads > 1024 || threads > (uint64_t)kernel->info.most_threads) {
        return sim_refuse(CUDA_ERROR_INVALID_VALUE, "%s: %llu threads in a block, at most %d",
                          kernel->info.name, (unsigned long long)threads,
                          kernel->info.most_threads);
    }
    if (launch->shared > (unsigned)kernel->most_dynamic) {
        return sim_refuse(CUDA_ERROR_INVALID_VALUE,
                          "%s: %u bytes of dynamic shared memory, at most %d unless "
                          "MAX_DYNAMIC_SHARED_SIZE_BYTES is set",
                          kernel->info.name, launch->shared, kernel->most_dynamic);
    }
    return CUDA_SUCCESS;
}

static CUresult check_cluster(const sim_kernel *kernel, const sim_launch *launch) {
    const uint32_t *cluster = launch->cluster;
    uint64_t blocks = (uint64_t)cluster[0] * cluster[1] * cluster[2];
    if (blocks == 1) return CUDA_SUCCESS;
    if (sim_setting()->sm < 90) {
        return sim_refuse(CUDA_ERROR_NOT_SUPPORTED, "clusters need sm_90");
    }
    bool divides = blocks > 0;
    for (int i = 0; divides && i < 3; i++) divides = launch->grid[i] % cluster[i] == 0;
    if (divides && blocks <= (kernel->big_clusters ? 16u : 8u)) return CUDA_SUCCESS;
    return sim_refuse(CUDA_ERROR_INVALID_CLUSTER_SIZE, "%s: clusters of %llu blocks",
                      kernel->info.name, (unsigned long long)blocks);
}

// Parameters as one buffer: CU_LAUNCH_PARAM_BUFFER_POINTER, it, .._SIZE, &size,
// CU_LAUNCH_PARAM_END.
static CUresult from_extra(const sim_kernel *kernel, void **extra, void **params) {
    char *buffer = NULL;
    size_t bytes = 0;
    for (; *extra != CU_LAUNCH_PARAM_END; extra += 2) {
        if (*extra == CU_LAUNCH_PARAM_BUFFER_POINTER) buffer = extra[1];
        if (*extra == CU_LAUNCH_PARAM_BUFFER_SIZE) bytes = *(size_t *)extra[1];
    }
    const sim_function_info *info = &kernel->info;
    for (int i = 0; i < info->params; i++) {
        if (!buffer || (size_t)info->param_offsets[i] + (size_t)info->param_bytes[i] > bytes) {
            return sim_misuse(CUDA_ERROR_INVALID_VALUE, "%s: the buffer has no parameter %d",
                              info->name, i);
        }
        params[i] = buffer + info->param_offsets[i];
    }
    return CUDA_SUCCESS;
}

static CUresult find_params(const sim_kernel *kernel, void **given, void **extra, void **params) {
    if (given && extra) return sim_refuse(CUDA_ERROR_INVALID_VALUE, "parameters are given twice");
    if (extra) return from_extra(kernel, extra, params);
    for (int i = 0; i < kernel->info.params; i++) {
        if (!given || !given[i]) {
            return sim_misuse(CUDA_ERROR_INVALID_VALUE, "%s: the address of parameter %d is NULL",
                              kernel->info.name, i);
        }
        params[i] = given[i];
    }
    return CUDA_SUCCESS;
}

static CUresult submit(sim_kernel *kernel, sim_stream *stream, const sim_launch *launch,
                       void **given, void **extra) {
    sim_op op = {.kind = SIM_OP_KERNEL, .run = {kernel, *launch, NULL}};
    void **params = sim_must_allocate((size_t)kernel->info.params * sizeof *params);
    CUresult result = find_params(kernel, given, extra, params);
    if (!result) {
        op.run.params = params;
        sim_op own = sim_op_copy(&op);
        if (!stream->capture) sim_count.launches++;
        result = sim_submit(stream, own);
    }
    free(params);
    return result;
}

static CUresult launch(CUfunction function, CUstream handle, const sim_launch *launch,
                       void **params, void **extra) {
    sim_kernel *kernel;
    sim_stream *stream;
    SIM_TRY(sim_object_find(SIM_IS_FUNCTION, function, &kernel));
    SIM_TRY(sim_stream_find(handle, &stream));
    if (kernel->object.context != stream->object.context) {
        return sim_misuse(CUDA_ERROR_INVALID_HANDLE, "%s and the stream are of two contexts",
                          kernel->info.name);
    }
    SIM_TRY(check_grid(kernel, launch));
    SIM_TRY(check_cluster(kernel, launch));
    return submit(kernel, stream, launch, params, extra);
}

// NOLINTNEXTLINE(readability-function-size): the driver has so many parameters
CUresult cuLaunchKernel(CUfunction function, unsigned grid_x, unsigned grid_y, unsigned grid_z,
                        unsigned block_x, unsigned block_y, unsigned block_z, unsigned shared,
                        CUstream stream, void **params, void **extra) {
    sim_launch shape = {.grid = {grid_x, grid_y, grid_z},
                        .block = {block_x, block_y, block_z},
                        .cluster = {1, 1, 1},
                        .shared = shared};
    SIM_CALL(SIM_CONTEXT, launch(function, stream, &shape, params, extra));
}

// A programmatic launch may begin before the kernel in front of it has ended; it is run after it.
static CUresult read_attributes(const CUlaunchConfig *config, sim_launch *shape) {
    for (unsigned i = 0; i < config->numAttrs; i++) {
        const CUlaunchAttribute *attribute = &config->attrs[i];
        switch (attribute->id) {
            case CU_LAUNCH_ATTRIBUTE_IGNORE:
            case CU_LAUNCH_ATTRIBUTE_PROGRAMMATIC_STREAM_SERIALIZATION:
            case CU_LAUNCH_ATTRIBUTE_PRIORITY: break;
            case CU_LAUNCH_ATTRIBUTE_CLUSTER_DIMENSION:
                shape->cluster[0] = attribute->value.clusterDim.x;
                shape->cluster[1] = attribute->value.clusterDim.y;
                shape->cluster[2] = attribute->value.clusterDim.z;
                break;
            default:
                return sim_misuse(CUDA_ERROR_NOT_SUPPORTED, "launch attribute %d is not simulated",
                                  attribute->id);
        }
    }
    return CUDA_SUCCESS;
}

static CUresult launch_config(const CUlaunchConfig *config, CUfunction function, void **params,
                              void **extra) {
    if (!config || (config->numAttrs && !config->attrs)) return CUDA_ERROR_INVALID_VALUE;
    sim_launch shape = {.grid = {config->gridDimX, config->gridDimY, config->gridDimZ},
                        .block = {config->blockDimX, config->blockDimY, config->blockDimZ},
                        .cluster = {1, 1, 1},
                        .shared = config->sharedMemBytes};
    SIM_TRY(read_attributes(config, &shape));
    return launch(function, config->hStream, &shape, params, extra);
}
CUresult cuLaunchKernelEx(const CUlaunchConfig *config, CUfunction function, void **params,
                          void **extra) {
    SIM_CALL(SIM_CONTEXT, launch_config(config, function, params, extra));
}
