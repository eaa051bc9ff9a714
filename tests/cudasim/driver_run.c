// Running operations, at last.
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "tests/cudasim/driver_queue.h"

// What was freed since the copy was queued must not be touched.
static bool still_there(const char *what, uint64_t address) {
    const sim_block *block = sim_memory_find(address);
    if (!block || !block->freed) return true;
    sim_problem(SIM_OUT_OF_BOUNDS, "%s runs when its memory at 0x%llx was freed already", what,
                (unsigned long long)address);
    return false;
}

static void check_written(const sim_op *op) {
    const sim_block *block = sim_memory_find(op->copy.from);
    size_t offset = op->copy.from - block->base;
    const uint8_t *written = block->written + offset;
    if (op->copy.bytes == 0 || !memchr(written, 0, op->copy.bytes)) return;
    size_t first = (size_t)((const uint8_t *)memchr(written, 0, op->copy.bytes) - written);
    sim_problem(SIM_UNWRITTEN,
                "a copy of %zu bytes to the host reads byte %zu of the copy, byte %zu of a block "
                "of %zu bytes, which nobody wrote",
                op->copy.bytes, first, offset + first, block->bytes);
}

// What nobody wrote is not written where it is copied to either.
static void copy_marks(const sim_op *op) {
    const sim_block *to = sim_memory_find(op->copy.to), *from = sim_memory_find(op->copy.from);
    memmove(to->written + (op->copy.to - to->base), from->written + (op->copy.from - from->base),
            op->copy.bytes);
}

static void run_copy(const sim_op *op) {
    const char *name = sim_op_name(op);
    if (!still_there(name, op->copy.to)) return;
    if (!op->copy.staged && !still_there(name, op->copy.from)) return;
    const void *from = op->copy.staged ? op->copy.staged : (const void *)op->copy.from;
    if (op->copy.kind == SIM_TO_HOST) check_written(op);
    memmove((void *)op->copy.to, from, op->copy.bytes);
    if (op->copy.kind == SIM_TO_DEVICE) sim_memory_mark(op->copy.to, op->copy.bytes);
    if (op->copy.kind == SIM_ON_DEVICE) copy_marks(op);
    long long *counts[][2] = {{&sim_count.copies_to_device, &sim_count.bytes_to_device},
                              {&sim_count.copies_to_host, &sim_count.bytes_to_host},
                              {&sim_count.copies_on_device, &sim_count.bytes_on_device},
                              {&sim_count.copies_on_host, &sim_count.bytes_on_host}};
    *counts[op->copy.kind][0] += 1;
    *counts[op->copy.kind][1] += (long long)op->copy.bytes;
}

static void run_fill(const sim_op *op) {
    if (!still_there("a memset", op->fill.to)) return;
    if (op->fill.width == 1) {
        memset((void *)op->fill.to, (int)op->fill.value, op->fill.count);
    } else {
        uint32_t *to = (uint32_t *)op->fill.to;
        for (size_t i = 0; i < op->fill.count; i++) to[i] = op->fill.value;
    }
    sim_memory_mark(op->fill.to, op->fill.count * (size_t)op->fill.width);
    sim_count.fills++;
}

static CUresult run_kernel(const sim_op *op) {
    int error = 0;
    if (sim_run(op->run.kernel->function, &op->run.launch, &error)) return CUDA_SUCCESS;
    return error ? (CUresult)error : CUDA_ERROR_LAUNCH_FAILED;
}

static void pass_event(sim_event *event) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    event->time = (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

CUresult sim_op_run(const sim_op *op) {
    switch (op->kind) {
        case SIM_OP_KERNEL: return run_kernel(op);
        case SIM_OP_COPY: run_copy(op); break;
        case SIM_OP_FILL: run_fill(op); break;
        case SIM_OP_GRAPH: return sim_exec_run(op->exec);
        case SIM_OP_RECORD: pass_event(op->event); break;
        case SIM_OP_WAIT: break;
    }
    return CUDA_SUCCESS;
}

// Which of n nodes that could be next, in the order of capture, is.
static int choose(int n) {
    switch (sim_setting()->order) {
        case SIM_EARLY: return 0;
        case SIM_RANDOM: return (int)sim_random((uint64_t)n);
        default: return n - 1;
    }
}

CUresult sim_exec_run(const sim_exec *exec) {
    int *ready = sim_must_allocate((size_t)exec->count * sizeof *ready);
    bool *done = sim_must_allocate((size_t)exec->count * sizeof *done);
    CUresult error = CUDA_SUCCESS;
    for (int left = exec->count; left > 0 && !error; left--) {
        int n = 0;
        for (int i = 0; i < exec->count; i++) {
            bool waits = done[i];
            for (int j = 0; j < exec->after[i].count; j++) waits |= !done[exec->after[i].items[j]];
            if (!waits) ready[n++] = i;
        }
        int next = ready[choose(n)];
        if (exec->ops[next].kind == SIM_OP_KERNEL) sim_count.graph_kernels++;
        error = sim_op_run(&exec->ops[next]);
        done[next] = true;
    }
    free(ready);
    free(done);
    return error;
}
