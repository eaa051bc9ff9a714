// The plan of a program on a device: its memory, and what its entries do there. Whatever a compiled
// program needs of the device is had here, so that it fails when it starts or not at all. When a
// program grows, what is on the device comes home and everything is planned again: that happens
// once for each piece of code, which takes much longer to make.
#include <stdlib.h>

#include "runtime/cuda/inside.h"

// ---- memory ----

static double mebibytes(int64_t bytes) { return (double)bytes / (1 << 20); }

static dn_status too_little_memory(const dn_cuda *cuda) {
    const dn_cuda_memory *m = &cuda->layout.sizes;
    size_t available = 0, all = 0;
    if (cuda->cu.memory_info(&available, &all) != 0) available = all = 0;
    dn_status status = dn_fail(
        DN_MEMORY,
        "the program needs %.1f MiB of the GPU's memory: %s has %.1f MiB, %.1f of them free",
        mebibytes(m->device), cuda->name, mebibytes((int64_t)all), mebibytes((int64_t)available));
    status = dn_with_note(
        status, "variables %.1f MiB, intermediate values %.1f MiB, inputs and results %.1f MiB",
        mebibytes(m->variables), mebibytes(m->arena), mebibytes(m->pinned));
    size_t room = available >> 20;
    if (room == 0) return status;
    return dn_with_hint(
        status, "compiled with --max-memory=%zuM it computes values again that do not fit", room);
}

static dn_status reserve_memory(dn_cuda *cuda) {
    const dn_cuda_memory *m = &cuda->layout.sizes;
    dn_cu_result result = cuda->cu.memory_new(&cuda->memory, (size_t)m->device);
    if (result == DN_CU_OUT_OF_MEMORY) return too_little_memory(cuda);
    DN_TRY(dn_cuda_check(cuda, result, "the GPU's memory"));
    void *pinned;
    result = cuda->cu.host_new(&pinned, (size_t)m->pinned, 0);
    if (result == DN_CU_OUT_OF_MEMORY)
        return dn_fail(DN_MEMORY,
                       "the program needs %.1f MiB of pinned host memory for inputs and results, "
                       "and there is not so much",
                       mebibytes(m->pinned));
    DN_TRY(dn_cuda_check(cuda, result, "pinned host memory"));
    cuda->pinned = pinned;
    return DN_SUCCESS;
}

// ---- entries ----

static void add_part(dn_cuda_entry *e, int begin, int end, bool checks) {
    e->parts[e->n_parts++] = (dn_cuda_part){.begin = begin, .end = end, .checks = checks};
}

// An entry that can fail is cut before the first launch that writes a variable.
static void cut_entry(dn_cuda_entry *e) {
    int n = e->code->n_launches, cut = n;
    bool can_fail = false;
    for (int i = n; i-- > 0;) {
        if (e->code->launches[i].commits) cut = i;
        can_fail = can_fail || e->code->launches[i].can_fail;
    }
    if (can_fail) add_part(e, 0, cut, true);
    add_part(e, can_fail ? cut : 0, n, false);
}

// Which of its variables a launch writes is not said.
static void find_written(dn_cuda_entry *e) {
    for (int i = 0; i < e->code->n_launches; i++) {
        const dn_native_launch *launch = &e->code->launches[i];
        for (int k = 0; launch->commits && k < launch->n_args; k++) {
            const dn_native_arg *arg = &e->code->args[launch->arg + k];
            if (arg->place == DN_PLACE_VAR) e->writes[arg->index] = true;
        }
    }
}

static void plan_entry(dn_cuda *cuda, int number, const dn_cuda_loaded *in,
                       const dn_native_entry *code) {
    dn_arena *memory = &cuda->layout.memory;
    dn_cuda_entry *e = &cuda->entries[number];
    const dn_entry *entry = &cuda->program->entries[number];
    *e = (dn_cuda_entry){.entry = entry, .code = code, .in = in, .number = number};
    e->writes = DN_NEW_ARRAY(memory, bool, entry->n_vars + 1);
    e->shared = DN_NEW_ARRAY(memory, bool, entry->n_vars + 1);
    cut_entry(e);
    find_written(e);
}

static void reserve_params(dn_cuda *cuda) {
    enum { MORE_PARAMS = 5 };
    int most = 1;
    for (int i = 0; i < cuda->n_entries; i++) {
        const dn_native_entry *code = cuda->entries[i].code;
        for (int k = 0; k < code->n_launches; k++)
            if (code->launches[k].n_args > most) most = code->launches[k].n_args;
    }
    cuda->params = DN_NEW_ARRAY(&cuda->layout.memory, void *, most + MORE_PARAMS);
    cuda->addresses = DN_NEW_ARRAY(&cuda->layout.memory, dn_cu_address, most);
}

static void plan_entries(dn_cuda *cuda) {
    cuda->entries = DN_NEW_ARRAY(&cuda->layout.memory, dn_cuda_entry, cuda->program->n_entries + 1);
    for (int i = 0; i < cuda->n_loaded; i++) {
        const dn_cuda_loaded *in = &cuda->loaded[i];
        for (int k = 0; k < in->code->n_entries; k++)
            plan_entry(cuda, cuda->n_entries++, in, &in->code->entries[k]);
    }
    reserve_params(cuda);
}

static void plan_variables(dn_cuda *cuda) {
    int n = cuda->program->n_variables;
    cuda->variables = DN_NEW_ARRAY(&cuda->layout.memory, dn_cuda_variable, n + 1);
    for (int i = 0; i < n; i++)
        cuda->variables[i] =
            (dn_cuda_variable){.source = dn_cuda_variable_source(), .cuda = cuda, .index = i};
    cuda->n_variables = n;
}

// ---- the whole ----

static int64_t largest_arena(const dn_cuda *cuda) {
    int64_t most = 0;
    for (int i = 0; i < cuda->n_loaded; i++) {
        int64_t bytes = dn_cuda_largest_arena(cuda->loaded[i].code);
        if (bytes > most) most = bytes;
    }
    return most;
}

static void place_sets(dn_cuda *cuda) {
    for (int i = 0; i < DN_CUDA_SETS; i++) {
        cuda->sets[i].device = cuda->memory + (dn_cu_address)cuda->layout.sets[i];
        cuda->sets[i].pinned = cuda->pinned + i * cuda->layout.set_bytes;
    }
}

static dn_status make_plan(dn_cuda *cuda) {
    dn_cuda_layout_make(cuda->program, largest_arena(cuda), &cuda->layout);
    plan_entries(cuda);
    plan_variables(cuda);
    DN_TRY(reserve_memory(cuda));
    place_sets(cuda);
    return DN_SUCCESS;
}

void dn_cuda_free_plan(dn_cuda *cuda) {
    dn_cuda_free_graphs(cuda);
    if (cuda->pinned) cuda->cu.host_free(cuda->pinned);
    if (cuda->memory) cuda->cu.memory_free(cuda->memory);
    dn_cuda_layout_free(&cuda->layout);
    cuda->layout = (dn_cuda_layout){0};
    cuda->pinned = NULL;
    cuda->memory = 0;
    cuda->n_variables = cuda->n_entries = 0;
}

dn_status dn_cuda_extend(dn_cuda *cuda, const dn_program *program, const dn_cuda_code *code) {
    dn_cuda_free_plan(cuda);
    cuda->program = program;
    if (code)
        DN_PUSH(cuda->loaded, cuda->n_loaded, cuda->cap_loaded) = (dn_cuda_loaded){.code = code};
    DN_TRY(make_plan(cuda));
    return code ? dn_cuda_load(cuda, &cuda->loaded[cuda->n_loaded - 1]) : DN_SUCCESS;
}
