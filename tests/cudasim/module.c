// Loaded modules: variables in memory, kernels linked.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/cudasim/machine.h"

enum { MOST_THREADS = 1024, MOST_REGISTERS = 255 };

struct sim_module {
    ptx_module *ptx;
    sim_function *functions;
};

static bool in_memory(const ptx_variable *variable) {
    return (variable->space == PTX_GLOBAL || variable->space == PTX_CONST) && !variable->external;
}

static const ptx_variable *find_variable(const sim_module *module, const char *name) {
    for (const ptx_variable *v = module->ptx->variables; v; v = v->next)
        if (in_memory(v) && strcmp(v->name, name) == 0) return v;
    return NULL;
}

static bool initialize(const sim_module *module, const ptx_variable *variable, char *log,
                       size_t log_bytes) {
    for (const ptx_initial *value = variable->initial; value; value = value->next) {
        uint64_t bits = value->bits;
        if (value->name) {
            const ptx_variable *of = find_variable(module, value->name);
            if (!of || value->bytes != 8) {
                snprintf(log, log_bytes, "line %d: the address of %s cannot be stored in %s",
                         variable->line, value->name, variable->name);
                return false;
            }
            bits += (uint64_t)of->address;
        }
        memcpy((char *)(uintptr_t)variable->address + value->offset, &bits, (size_t)value->bytes);
    }
    return true;
}

static bool place_variables(sim_module *module, char *log, size_t log_bytes) {
    for (ptx_variable *v = module->ptx->variables; v; v = v->next) {
        if (!in_memory(v)) continue;
        v->address = (int64_t)sim_memory_new(v->bytes ? (size_t)v->bytes : 1, SIM_MODULE);
        if (v->address == 0) {
            snprintf(log, log_bytes, "line %d: no memory for %s", v->line, v->name);
            return false;
        }
        sim_memory_mark((uint64_t)v->address, (size_t)v->bytes);  // zeros, or what it says
    }
    for (const ptx_variable *v = module->ptx->variables; v; v = v->next)
        if (in_memory(v) && !initialize(module, v, log, log_bytes)) return false;
    return true;
}

static void describe(ptx_pool *pool, sim_function *function) {
    const sim_program *program = &function->program;
    int n = 0;
    for (const ptx_variable *v = program->kernel->params; v; v = v->next) n++;
    int *sizes = ptx_pool_take(pool, ((size_t)n + 1) * sizeof *sizes);
    int *offsets = ptx_pool_take(pool, ((size_t)n + 1) * sizeof *offsets);
    n = 0;
    for (const ptx_variable *v = program->kernel->params; v; v = v->next) {
        sizes[n] = (int)v->bytes;
        offsets[n++] = (int)v->address;
    }
    int threads = program->kernel->most_threads;
    function->info = (sim_function_info){
        .name = program->kernel->name,
        .params = n,
        .param_bytes = sizes,
        .param_offsets = offsets,
        .shared_bytes = program->shared_bytes,
        .most_threads = threads && threads < MOST_THREADS ? threads : MOST_THREADS,
        .registers = program->registers < MOST_REGISTERS ? program->registers : MOST_REGISTERS,
        .target = program->module->target,
    };
}

static bool link_kernels(sim_module *module, char *log, size_t log_bytes) {
    ptx_pool *pool = module->ptx->pool;
    for (const ptx_function *f = module->ptx->functions; f; f = f->next) {
        if (!f->kernel || !f->defined) continue;
        sim_function *function = ptx_pool_take(pool, sizeof *function);
        if (!sim_link(module->ptx, f, pool, &function->program, log, log_bytes)) return false;
        size_t n = (size_t)function->program.n_code + 1;
        function->reported = ptx_pool_take(pool, n * sizeof *function->reported);
        describe(pool, function);
        function->next = module->functions;
        module->functions = function;
    }
    return true;
}

sim_module *sim_module_load(const char *ptx, char *log, size_t log_bytes) {
    if (log_bytes) log[0] = 0;
    ptx_module *parsed = ptx_parse(ptx, log, log_bytes);
    if (!parsed) return NULL;
    sim_module *module = calloc(1, sizeof *module);
    if (!module) abort();
    module->ptx = parsed;
    if (place_variables(module, log, log_bytes) && link_kernels(module, log, log_bytes))
        return module;
    sim_module_free(module);
    return NULL;
}

void sim_module_free(sim_module *module) {
    if (!module) return;
    for (const ptx_variable *v = module->ptx->variables; v; v = v->next)
        if (in_memory(v) && v->address) sim_memory_free((uint64_t)v->address);
    ptx_module_free(module->ptx);
    free(module);
}

sim_function *sim_module_function(sim_module *module, const char *name) {
    for (sim_function *f = module->functions; f; f = f->next)
        if (strcmp(f->info.name, name) == 0) return f;
    return NULL;
}

uint64_t sim_module_global(sim_module *module, const char *name, size_t *bytes) {
    const ptx_variable *variable = find_variable(module, name);
    if (!variable) return 0;
    *bytes = (size_t)variable->bytes;
    return (uint64_t)variable->address;
}

void sim_function_describe(const sim_function *function, sim_function_info *out) {
    *out = function->info;
}
