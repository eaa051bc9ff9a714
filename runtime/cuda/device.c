// Opening a device and closing it. Whatever a program needs of the device is had here, so that it
// fails when it starts or not at all.
#include <stdlib.h>
#include <string.h>

#include "runtime/cuda/inside.h"

dn_status dn_cuda_check(const dn_cuda *cuda, dn_cu_result result, const char *doing) {
    dn_status status = dn_cu_check(&cuda->cu, result, doing);
    if (!dn_cu_is_kernel_failure(result) || cuda->one_by_one) return status;
    return dn_with_hint(status,
                        "with DNET_CUDA_SYNC=1 in the environment the message names the kernel");
}

// ---- which device ----

static dn_status no_such_device(int device, int count) {
    dn_status status =
        dn_fail(DN_UNSUPPORTED, "there is no GPU number %d: CUDA shows %d, from 0", device, count);
    const char *visible = getenv("CUDA_VISIBLE_DEVICES");
    return visible ? dn_with_note(status, "CUDA_VISIBLE_DEVICES is \"%s\"", visible) : status;
}

static dn_status find_device(dn_cuda *cuda, int device) {
    const dn_cu *cu = &cuda->cu;
    int count = 0, major = 0, minor = 0;
    dn_cu_result result = cu->init(0);
    if (!result) result = cu->device_count(&count);
    if (result == DN_CU_NO_DEVICE || (!result && count == 0))
        return dn_fail(DN_UNSUPPORTED, "there is no GPU that CUDA can use");
    DN_TRY(dn_cuda_check(cuda, result, "CUDA does not start"));
    if (device < 0 || device >= count) return no_such_device(device, count);
    result = cu->device(&cuda->device, device);
    if (!result) result = cu->device_name(cuda->name, sizeof cuda->name, cuda->device);
    if (!result) result = cu->device_attribute(&major, DN_CU_CAPABILITY_MAJOR, cuda->device);
    if (!result) result = cu->device_attribute(&minor, DN_CU_CAPABILITY_MINOR, cuda->device);
    cuda->capability = 10 * major + minor;
    return dn_cuda_check(cuda, result, "the GPU cannot be asked what it is");
}

static dn_status use_device(dn_cuda *cuda) {
    DN_TRY(dn_cuda_check(cuda, cuda->cu.context_retain(&cuda->context, cuda->device),
                         "the GPU cannot be used"));
    return dn_cuda_enter(cuda);
}

dn_status dn_cuda_enter(dn_cuda *cuda) {
    DN_TRY(dn_cuda_check(cuda, cuda->cu.context_push(cuda->context), "the GPU cannot be used"));
    cuda->entered = true;
    return DN_SUCCESS;
}

void dn_cuda_leave(dn_cuda *cuda) {
    dn_cu_context left;
    if (cuda->entered) cuda->cu.context_pop(&left);
    cuda->entered = false;
}

bool dn_cuda_device_number(const char *name, int *number) {
    enum { MOST = 1 << 20 };
    char *end = "";
    long n = !name || strcmp(name, "cuda") == 0 ? 0 : strtol(name, &end, 10);
    *number = (int)n;
    return !*end && end != name && n >= 0 && n <= MOST;
}

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

// ---- streams and sets ----

static dn_status make_streams(dn_cuda *cuda) {
    const dn_cu *cu = &cuda->cu;
    dn_cu_result result = cu->stream_new(&cuda->compute, DN_CU_STREAM_NON_BLOCKING);
    if (!result) result = cu->stream_new(&cuda->copies, DN_CU_STREAM_NON_BLOCKING);
    for (int i = 0; i < DN_CUDA_SETS && !result; i++) {
        dn_cuda_set *s = &cuda->sets[i];
        s->source = dn_cuda_output_source();
        s->cuda = cuda;
        s->device = cuda->memory + (dn_cu_address)cuda->layout.sets[i];
        s->pinned = cuda->pinned + i * cuda->layout.set_bytes;
        result = cu->event_new(&s->uploaded, DN_CU_EVENT_NO_TIMING);
        if (!result) result = cu->event_new(&s->done, DN_CU_EVENT_NO_TIMING);
    }
    return dn_cuda_check(cuda, result, "the GPU's streams");
}

static void free_streams(dn_cuda *cuda) {
    const dn_cu *cu = &cuda->cu;
    for (int i = 0; i < cuda->n_times; i++) cu->event_free(cuda->times[i]);
    for (int i = 0; i < DN_CUDA_SETS; i++) {
        if (cuda->sets[i].uploaded) cu->event_free(cuda->sets[i].uploaded);
        if (cuda->sets[i].done) cu->event_free(cuda->sets[i].done);
    }
    if (cuda->compute) cu->stream_free(cuda->compute);
    if (cuda->copies) cu->stream_free(cuda->copies);
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

static void plan_entries(dn_cuda *cuda) {
    enum { MORE_PARAMS = 5 };
    int most = 1;
    dn_arena *memory = &cuda->layout.memory;
    cuda->entries = DN_NEW_ARRAY(memory, dn_cuda_entry, cuda->program->n_entries + 1);
    for (int i = 0; i < cuda->program->n_entries; i++) {
        dn_cuda_entry *e = &cuda->entries[i];
        const dn_entry *entry = &cuda->program->entries[i];
        *e = (dn_cuda_entry){.entry = entry, .code = &cuda->code->entries[i], .number = i};
        e->writes = DN_NEW_ARRAY(memory, bool, entry->n_vars + 1);
        e->shared = DN_NEW_ARRAY(memory, bool, entry->n_vars + 1);
        cut_entry(e);
        find_written(e);
        for (int k = 0; k < e->code->n_launches; k++)
            if (e->code->launches[k].n_args > most) most = e->code->launches[k].n_args;
    }
    cuda->params = DN_NEW_ARRAY(memory, void *, most + MORE_PARAMS);
    cuda->addresses = DN_NEW_ARRAY(memory, dn_cu_address, most);
}

static void plan_variables(dn_cuda *cuda) {
    int n = cuda->program->n_variables;
    cuda->variables = DN_NEW_ARRAY(&cuda->layout.memory, dn_cuda_variable, n + 1);
    for (int i = 0; i < n; i++)
        cuda->variables[i] =
            (dn_cuda_variable){.source = dn_cuda_variable_source(), .cuda = cuda, .index = i};
}

// ---- the whole ----

static dn_status open_all(dn_cuda *cuda, int device) {
    DN_TRY(dn_cu_open(&cuda->cu));
    DN_TRY(find_device(cuda, device));
    DN_TRY(use_device(cuda));
    DN_TRY(reserve_memory(cuda));
    DN_TRY(dn_cuda_load(cuda));
    return make_streams(cuda);
}

dn_status dn_cuda_open(const dn_program *program, const dn_cuda_code *code, int device,
                       dn_cuda **out) {
    dn_cuda *cuda = dn_xcalloc(1, sizeof *cuda);
    const char *sync = getenv("DNET_CUDA_SYNC");
    cuda->program = program;
    cuda->code = code;
    cuda->one_by_one = sync && *sync && *sync != '0';
    dn_cuda_layout_make(program, code, &cuda->layout);
    plan_entries(cuda);
    plan_variables(cuda);
    dn_status status = open_all(cuda, device);
    if (status)
        dn_cuda_close(cuda);
    else
        *out = cuda;
    return status;
}

// What the driver says here does not matter: after a failure everything fails.
void dn_cuda_close(dn_cuda *cuda) {
    if (!cuda) return;
    const dn_cu *cu = &cuda->cu;
    dn_cuda_let_go(cuda);
    if (cuda->compute) cu->stream_wait(cuda->compute);
    if (cuda->copies) cu->stream_wait(cuda->copies);
    dn_cuda_free_graphs(cuda);
    free_streams(cuda);
    if (cuda->module) cu->module_free(cuda->module);
    if (cuda->pinned) cu->host_free(cuda->pinned);
    if (cuda->memory) cu->memory_free(cuda->memory);
    dn_cuda_leave(cuda);
    if (cuda->context) cu->context_release(cuda->device);
    dn_cu_close(&cuda->cu);
    for (int i = 0; i < DN_CUDA_SETS; i++) free(cuda->sets[i].tensors);
    free(cuda->functions);
    free(cuda->times);
    dn_cuda_layout_free(&cuda->layout);
    free(cuda);
}
