// Memory of the device and pinned memory of the host.
#include "tests/cudasim/driver_queue.h"

static size_t used[SIM_MOST_DEVICES];
static size_t pinned_used;

size_t sim_device_used(CUdevice device) { return used[device] + sim_memory_used(SIM_MODULE); }

static void note_peak(void) {
    size_t all = 0;
    for (int i = 0; i < SIM_MOST_DEVICES; i++) all += used[i];
    if ((long long)all > sim_count.peak) sim_count.peak = (long long)all;
    if ((long long)pinned_used > sim_count.host_peak) sim_count.host_peak = (long long)pinned_used;
}

static size_t *use_of(const sim_allocation *block) {
    return block->pinned ? &pinned_used : &used[block->object.context->device];
}

static CUresult allocate(uint64_t *address, size_t bytes, bool pinned) {
    if (!address || bytes == 0) {
        return sim_refuse(CUDA_ERROR_INVALID_VALUE, "%zu bytes are asked for", bytes);
    }
    sim_context *context = sim_current();
    size_t taken = sim_device_used(context->device), memory = sim_setting()->memory;
    if (!pinned && (taken > memory || bytes > memory - taken)) {
        return sim_refuse(CUDA_ERROR_OUT_OF_MEMORY, "%zu bytes are asked for, %zu of %zu are used",
                          bytes, taken, memory);
    }
    uint64_t base = sim_memory_new(bytes, pinned ? SIM_PINNED : SIM_DEVICE);
    if (!base) return sim_refuse(CUDA_ERROR_OUT_OF_MEMORY, "no room for %zu bytes", bytes);
    // What the host writes is not seen, so pinned memory counts as written from the begin.
    if (pinned) sim_memory_mark(base, bytes);
    sim_allocation *block = sim_object_new(SIM_IS_MEMORY, sizeof *block, context);
    block->base = base;
    block->bytes = bytes;
    block->pinned = pinned;
    *use_of(block) += bytes;
    note_peak();
    *(pinned ? &sim_count.host_allocations : &sim_count.allocations) += 1;
    *address = base;
    return CUDA_SUCCESS;
}

static CUresult allocate_device(CUdeviceptr *address, size_t bytes) {
    uint64_t base;
    SIM_TRY(allocate(address ? &base : NULL, bytes, false));
    *address = base;
    return CUDA_SUCCESS;
}
CUresult cuMemAlloc_v2(CUdeviceptr *address, size_t bytes) {
    SIM_CALL(SIM_UNCAPTURED, allocate_device(address, bytes));
}

static CUresult allocate_host(void **address, size_t bytes, unsigned flags) {
    uint64_t base;
    unsigned known =
        CU_MEMHOSTALLOC_PORTABLE | CU_MEMHOSTALLOC_DEVICEMAP | CU_MEMHOSTALLOC_WRITECOMBINED;
    if (flags & ~known) return sim_refuse(CUDA_ERROR_INVALID_VALUE, "flags are %u", flags);
    SIM_TRY(allocate(address ? &base : NULL, bytes, true));
    *address = (void *)base;
    return CUDA_SUCCESS;
}
CUresult cuMemHostAlloc(void **address, size_t bytes, unsigned flags) {
    SIM_CALL(SIM_UNCAPTURED, allocate_host(address, bytes, flags));
}
CUresult cuMemAllocHost_v2(void **address, size_t bytes) {
    SIM_CALL(SIM_UNCAPTURED, allocate_host(address, bytes, 0));
}

// --- freeing ---

sim_allocation *sim_allocation_find(uint64_t address) {
    for (sim_allocation *b = NULL; (b = sim_object_next(SIM_IS_MEMORY, b));) {
        if (address >= b->base && address - b->base < b->bytes) return b;
    }
    return NULL;
}

void sim_allocation_release(sim_allocation *block) {
    *use_of(block) -= block->bytes;
    sim_memory_free(block->base);
    block->object.destroyed = true;
}

static CUresult free_block(uint64_t base, bool pinned) {
    sim_allocation *block = sim_allocation_find(base);
    if (!block || block->base != base || block->pinned != pinned) {
        const sim_block *old = sim_memory_find(base);
        return sim_misuse(CUDA_ERROR_INVALID_VALUE, "no %s memory begins at 0x%llx%s",
                          pinned ? "pinned" : "device", (unsigned long long)base,
                          old && old->freed ? "; it was freed before" : "");
    }
    sim_context *context = block->object.context;
    const sim_op *user = sim_queued_use(context, base, block->bytes);
    if (user) {
        sim_misuse(CUDA_SUCCESS,
                   "%s memory %d of %zu bytes is freed while work that is queued "
                   "uses it: %s",
                   pinned ? "pinned" : "device", block->object.number, block->bytes,
                   sim_op_name(user));
    }
    sim_run_all(context);
    sim_allocation_release(block);
    sim_count.frees++;
    return context->error;
}

static CUresult free_device(CUdeviceptr address) {
    return address ? free_block(address, false) : CUDA_SUCCESS;
}
CUresult cuMemFree_v2(CUdeviceptr address) { SIM_CALL(SIM_UNCAPTURED, free_device(address)); }

static CUresult free_host(void *address) {
    if (!address) return sim_refuse(CUDA_ERROR_INVALID_VALUE, "the address is NULL");
    return free_block((uint64_t)address, true);
}
CUresult cuMemFreeHost(void *address) { SIM_CALL(SIM_UNCAPTURED, free_host(address)); }

// --- ranges ---

static CUresult block_range(const char *what, const sim_block *block, uint64_t address,
                            size_t bytes) {
    size_t offset = address - block->base;
    if (!block->freed && offset <= block->bytes && bytes <= block->bytes - offset) {
        return CUDA_SUCCESS;
    }
    sim_problem(SIM_OUT_OF_BOUNDS, "%s: %s of %zu bytes at byte %zu of a block of %zu bytes%s",
                sim_call_name(), what, bytes, offset, block->bytes,
                block->freed ? " that was freed" : "");
    return CUDA_ERROR_INVALID_VALUE;
}

CUresult sim_device_range(const char *what, uint64_t address, size_t bytes) {
    const sim_block *block = sim_memory_find(address);
    if (block) return block_range(what, block, address, bytes);
    sim_problem(SIM_OUT_OF_BOUNDS, "%s: %s of %zu bytes at 0x%llx, where the device has no memory",
                sim_call_name(), what, bytes, (unsigned long long)address);
    return CUDA_ERROR_INVALID_VALUE;
}

CUresult sim_host_range(const char *what, const void *address, size_t bytes) {
    if (!address) return sim_refuse(CUDA_ERROR_INVALID_VALUE, "%s is NULL", what);
    const sim_block *block = sim_memory_find((uint64_t)address);
    if (block && block->kind != SIM_PINNED) {
        return sim_misuse(CUDA_ERROR_INVALID_VALUE, "%s is memory of the device, not the host",
                          what);
    }
    return block ? block_range(what, block, (uint64_t)address, bytes) : CUDA_SUCCESS;
}

static CUresult get_info(size_t *available, size_t *total) {
    if (!available || !total) return CUDA_ERROR_INVALID_VALUE;
    size_t taken = sim_device_used(sim_current()->device);
    *total = sim_setting()->memory;
    *available = taken > *total ? 0 : *total - taken;
    return CUDA_SUCCESS;
}
CUresult cuMemGetInfo_v2(size_t *available, size_t *total) {
    SIM_CALL(SIM_CONTEXT, get_info(available, total));
}
