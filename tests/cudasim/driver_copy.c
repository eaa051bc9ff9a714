// Copies and memsets, and when the host waits for them: the API reference's chapter "API
// synchronization behavior".
#include <string.h>

#include "tests/cudasim/driver_queue.h"

static bool is_host(uint64_t address) {
    const sim_block *block = sim_memory_find(address);
    return !block || block->kind == SIM_PINNED;
}

static bool is_pageable(uint64_t address) { return !sim_memory_find(address); }

static sim_copy_kind kind_of(uint64_t to, uint64_t from) {
    if (is_host(to)) return is_host(from) ? SIM_ON_HOST : SIM_TO_HOST;
    return is_host(from) ? SIM_TO_DEVICE : SIM_ON_DEVICE;
}

// The API's kind tells which end has to be the device's; others may be either (unified addresses).
typedef enum copy_ends { ANY, TO_DEVICE, TO_HOST, ON_DEVICE } copy_ends;

static CUresult check_ends(copy_ends ends, uint64_t to, uint64_t from, size_t bytes) {
    const char *writes = "the destination", *reads = "the source";
    bool to_device = ends == TO_DEVICE || ends == ON_DEVICE || (ends == ANY && !is_host(to));
    bool from_device = ends == TO_HOST || ends == ON_DEVICE || (ends == ANY && !is_host(from));
    SIM_TRY(to_device ? sim_device_range(writes, to, bytes)
                      : sim_host_range(writes, (void *)to, bytes));
    SIM_TRY(from_device ? sim_device_range(reads, from, bytes)
                        : sim_host_range(reads, (void *)from, bytes));
    if (to < from + bytes && from < to + bytes) {
        return sim_misuse(CUDA_ERROR_INVALID_VALUE, "the source overlaps the destination");
    }
    return CUDA_SUCCESS;
}

// What the host reads before the copy was waited for is not what will be there. Where queued work
// still reads the old bytes nothing can be done to show it.
static void poison(sim_context *context, uint64_t to, size_t bytes) {
    enum { POISON = 0xCD };
    if (!sim_queued_host_read(context, to, bytes)) memset((void *)to, POISON, bytes);
}

void sim_exec_poison(sim_context *context, sim_exec *exec) {
    sim_op launch = {.kind = SIM_OP_GRAPH, .exec = exec};
    for (int i = 0; i < exec->count; i++) {
        const sim_op *op = &exec->ops[i];
        if (op->kind != SIM_OP_COPY || op->copy.kind != SIM_TO_HOST) continue;
        if (sim_op_reads_host(&launch, op->copy.to, op->copy.bytes)) continue;
        poison(context, op->copy.to, op->copy.bytes);
    }
}

// Bytes of pageable memory are taken when the copy is called, as the driver stages them.
static sim_op copy_op(sim_copy_kind kind, uint64_t to, uint64_t from, size_t bytes) {
    sim_op op = {.kind = SIM_OP_COPY, .copy = {kind, to, from, bytes, NULL}};
    if (kind == SIM_TO_DEVICE && is_pageable(from)) {
        op.copy.staged = memcpy(sim_must_allocate(bytes), (const void *)from, bytes);
    }
    return op;
}

static CUresult copy_async(copy_ends ends, uint64_t to, uint64_t from, size_t bytes,
                           CUstream handle) {
    sim_stream *stream;
    SIM_TRY(sim_stream_find(handle, &stream));
    if (bytes == 0) return CUDA_SUCCESS;
    SIM_TRY(check_ends(ends, to, from, bytes));
    sim_copy_kind kind = kind_of(to, from);
    if (stream->capture && (is_pageable(to) || is_pageable(from))) {
        sim_refuse(CUDA_SUCCESS, "a copy of pageable memory has to wait, and the stream captures");
        return sim_capture_blocks(stream->object.context, stream);
    }
    if (!stream->capture && kind == SIM_TO_HOST) poison(stream->object.context, to, bytes);
    return sim_submit(stream, copy_op(kind, to, from, bytes));
}

// Waits until the legacy stream, and what it waits for, has done all that is queued.
static CUresult drain_legacy(sim_stream *legacy) {
    sim_op nothing = {.kind = SIM_OP_WAIT};
    SIM_TRY(sim_submit(legacy, nothing));
    return sim_run_until(legacy, legacy->queued);
}

// A copy in the legacy stream. The host waits for it, except for one on the device. From pageable
// memory it waits for what was queued, stages the bytes and returns: they may arrive later.
static CUresult copy_blocking(copy_ends ends, uint64_t to, uint64_t from, size_t bytes) {
    sim_context *context = sim_current();
    if (bytes == 0) return CUDA_SUCCESS;
    SIM_TRY(check_ends(ends, to, from, bytes));
    sim_stream *legacy = context->legacy;
    sim_copy_kind kind = kind_of(to, from);
    bool staged = kind == SIM_TO_DEVICE && is_pageable(from);
    if (kind != SIM_ON_DEVICE) sim_count.synchronizations++;
    if (staged) SIM_TRY(drain_legacy(legacy));
    SIM_TRY(sim_submit(legacy, copy_op(kind, to, from, bytes)));
    return staged || kind == SIM_ON_DEVICE ? CUDA_SUCCESS : sim_run_until(legacy, legacy->queued);
}

CUresult cuMemcpy(CUdeviceptr to, CUdeviceptr from, size_t bytes) {
    SIM_CALL(SIM_UNCAPTURED, copy_blocking(ANY, to, from, bytes));
}
CUresult cuMemcpyHtoD_v2(CUdeviceptr to, const void *from, size_t bytes) {
    SIM_CALL(SIM_UNCAPTURED, copy_blocking(TO_DEVICE, to, (uint64_t)from, bytes));
}
CUresult cuMemcpyDtoH_v2(void *to, CUdeviceptr from, size_t bytes) {
    SIM_CALL(SIM_UNCAPTURED, copy_blocking(TO_HOST, (uint64_t)to, from, bytes));
}
CUresult cuMemcpyDtoD_v2(CUdeviceptr to, CUdeviceptr from, size_t bytes) {
    SIM_CALL(SIM_UNCAPTURED, copy_blocking(ON_DEVICE, to, from, bytes));
}
CUresult cuMemcpyAsync(CUdeviceptr to, CUdeviceptr from, size_t bytes, CUstream stream) {
    SIM_CALL(SIM_CONTEXT, copy_async(ANY, to, from, bytes, stream));
}
CUresult cuMemcpyHtoDAsync_v2(CUdeviceptr to, const void *from, size_t bytes, CUstream stream) {
    SIM_CALL(SIM_CONTEXT, copy_async(TO_DEVICE, to, (uint64_t)from, bytes, stream));
}
CUresult cuMemcpyDtoHAsync_v2(void *to, CUdeviceptr from, size_t bytes, CUstream stream) {
    SIM_CALL(SIM_CONTEXT, copy_async(TO_HOST, (uint64_t)to, from, bytes, stream));
}
CUresult cuMemcpyDtoDAsync_v2(CUdeviceptr to, CUdeviceptr from, size_t bytes, CUstream stream) {
    SIM_CALL(SIM_CONTEXT, copy_async(ON_DEVICE, to, from, bytes, stream));
}

// --- memset ---

static CUresult fill(uint64_t to, uint32_t value, int width, size_t count, CUstream handle,
                     bool blocking) {
    sim_stream *stream;
    SIM_TRY(sim_stream_find(handle, &stream));
    if (count == 0) return CUDA_SUCCESS;
    if (to % (unsigned)width || count > SIZE_MAX / (unsigned)width) {
        return sim_refuse(CUDA_ERROR_INVALID_VALUE,
                          "the address or the size is not a multiple of %d", width);
    }
    SIM_TRY(sim_device_range("the destination", to, count * (size_t)width));
    sim_op op = {.kind = SIM_OP_FILL, .fill = {to, count, value, width}};
    SIM_TRY(sim_submit(stream, op));
    if (!blocking || !is_host(to)) return CUDA_SUCCESS;  // only pinned memory is waited for
    sim_count.synchronizations++;
    return sim_run_until(stream, stream->queued);
}
CUresult cuMemsetD8_v2(CUdeviceptr to, unsigned char value, size_t count) {
    SIM_CALL(SIM_UNCAPTURED, fill(to, value, 1, count, NULL, true));
}
CUresult cuMemsetD32_v2(CUdeviceptr to, unsigned value, size_t count) {
    SIM_CALL(SIM_UNCAPTURED, fill(to, value, 4, count, NULL, true));
}
CUresult cuMemsetD8Async(CUdeviceptr to, unsigned char value, size_t count, CUstream stream) {
    SIM_CALL(SIM_CONTEXT, fill(to, value, 1, count, stream, false));
}
CUresult cuMemsetD32Async(CUdeviceptr to, unsigned value, size_t count, CUstream stream) {
    SIM_CALL(SIM_CONTEXT, fill(to, value, 4, count, stream, false));
}
