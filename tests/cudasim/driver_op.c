// Operations as values: copying them, freeing them, and what memory they use.
#include <stdlib.h>
#include <string.h>

#include "tests/cudasim/driver_queue.h"

static size_t params_bytes(const sim_function_info *info) {
    size_t bytes = (size_t)info->params * sizeof(void *);
    for (int i = 0; i < info->params; i++) bytes += ((size_t)info->param_bytes[i] + 15) / 16 * 16;
    return bytes;
}

// The values of a kernel's parameters in one block, behind the pointers to them.
static void own_params(sim_op *op, void *const *params) {
    const sim_function_info *info = &op->run.kernel->info;
    void **own = sim_must_allocate(params_bytes(info));
    unsigned char *value = (unsigned char *)(own + info->params);
    for (int i = 0; i < info->params; i++) {
        own[i] = memcpy(value, params[i], (size_t)info->param_bytes[i]);
        value += (info->param_bytes[i] + 15) / 16 * 16;
    }
    op->run.params = own;
    op->run.launch.params = (const void *const *)own;
}

sim_op sim_op_copy(const sim_op *op) {
    sim_op copy = *op;
    if (op->kind == SIM_OP_KERNEL) own_params(&copy, op->run.params);
    if (op->kind == SIM_OP_COPY && op->copy.staged) {
        copy.copy.staged =
            memcpy(sim_must_allocate(op->copy.bytes), op->copy.staged, op->copy.bytes);
    }
    return copy;
}

void sim_op_free(sim_op *op) {
    if (op->kind == SIM_OP_KERNEL) free(op->run.params);
    if (op->kind == SIM_OP_COPY) free(op->copy.staged);
}

static bool overlap(uint64_t a, size_t a_bytes, uint64_t b, size_t b_bytes) {
    return a < b + b_bytes && b < a + a_bytes;
}

// Parameters are not typed: each 8 bytes where a pointer could be are taken for one, which may be
// used for all of the block that it points into.
static bool kernel_uses(const sim_op *op, uint64_t base, size_t bytes) {
    const sim_block *block = sim_memory_find(base);
    if (!block) return false;
    const sim_function_info *info = &op->run.kernel->info;
    for (int i = 0; i < info->params; i++) {
        for (int at = 0; at + 8 <= info->param_bytes[i]; at += 8) {
            uint64_t value;
            memcpy(&value, (const char *)op->run.params[i] + at, sizeof value);
            if (value >= block->base && value < base + bytes) return true;
        }
    }
    return false;
}

bool sim_op_uses(const sim_op *op, uint64_t base, size_t bytes) {
    switch (op->kind) {
        case SIM_OP_KERNEL: return kernel_uses(op, base, bytes);
        case SIM_OP_COPY:
            return overlap(op->copy.to, op->copy.bytes, base, bytes) ||
                   (!op->copy.staged && overlap(op->copy.from, op->copy.bytes, base, bytes));
        case SIM_OP_FILL:
            return overlap(op->fill.to, op->fill.count * (size_t)op->fill.width, base, bytes);
        case SIM_OP_GRAPH:
            for (int i = 0; i < op->exec->count; i++) {
                if (sim_op_uses(&op->exec->ops[i], base, bytes)) return true;
            }
            return false;
        case SIM_OP_RECORD:
        case SIM_OP_WAIT: return false;
    }
    return false;
}

bool sim_op_reads_host(const sim_op *op, uint64_t base, size_t bytes) {
    switch (op->kind) {
        case SIM_OP_KERNEL: return kernel_uses(op, base, bytes);
        case SIM_OP_COPY:
            return !op->copy.staged && overlap(op->copy.from, op->copy.bytes, base, bytes);
        case SIM_OP_GRAPH:
            for (int i = 0; i < op->exec->host_readers.count; i++) {
                const sim_op *reader = &op->exec->ops[op->exec->host_readers.items[i]];
                if (sim_op_reads_host(reader, base, bytes)) return true;
            }
            return false;
        case SIM_OP_FILL:
        case SIM_OP_RECORD:
        case SIM_OP_WAIT: return false;
    }
    return false;
}

bool sim_op_has_code(const sim_op *op, const sim_loaded *module) {
    if (op->kind == SIM_OP_KERNEL) return op->run.kernel->module == module;
    for (int i = 0; op->kind == SIM_OP_GRAPH && i < op->exec->count; i++) {
        if (sim_op_has_code(&op->exec->ops[i], module)) return true;
    }
    return false;
}

const char *sim_op_name(const sim_op *op) {
    static const char *const copies[] = {"a copy to the device", "a copy to the host",
                                         "a copy on the device", "a copy on the host"};
    switch (op->kind) {
        case SIM_OP_KERNEL: return op->run.kernel->info.name;
        case SIM_OP_COPY: return copies[op->copy.kind];
        case SIM_OP_FILL: return "a memset";
        case SIM_OP_GRAPH: return "a graph";
        case SIM_OP_RECORD: return "an event";
        case SIM_OP_WAIT: return "a wait";
    }
    return "work";
}
