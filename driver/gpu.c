#include "driver/gpu.h"

#include <stdlib.h>

#include "codegen/cuda.h"
#include "runtime/cuda/measure.h"

// Code of a batch.
typedef struct gpu_code {
    dn_cuda_module module;
    dn_cuda_kernel *kernels;
    const dn_cuda_kernel *tables[1];  // of the one module
    dn_cuda_code code;                // refers to these
    int first;                        // the number of its first entry on the device; -1: not there
} gpu_code;

// What is on the device, as it knows it.
typedef struct gpu_program {
    dn_program program;
    dn_entry *entries;
    dn_variable *variables;
} gpu_program;

struct dn_gpu {
    dn_compiler *compiler;
    int device;  // its number
    int level;
    dn_nvptx target;
    char *name;
    dn_batches batches;
    dn_cuda *cuda;         // NULL: it failed, and is opened again when it is needed
    gpu_program *program;  // NULL: nothing is there
};

// ---- code ------------------------------------------------------------------------------------

static dn_native_options native_options(const dn_gpu *gpu) {
    dn_places places = dn_compiler_places(gpu->compiler);
    return (dn_native_options){.level = gpu->level,
                               .place = places.place,
                               .place_context = places.context,
                               .main_file = gpu->compiler->main_file};
}

static void free_code(gpu_code *made) {
    if (!made) return;
    free((char *)made->module.ptx);
    free(made->kernels);
    free(made);
}

static dn_status make_code(const dn_gpu *gpu, dn_batch *batch) {
    dn_native_code *code = batch->lowered.code;
    dn_native_options options = native_options(gpu);
    char *text;
    gpu_code *made = dn_xcalloc(1, sizeof *made);
    made->first = -1;
    made->kernels = dn_xcalloc((size_t)(code->n_kernels + DN_CUDA_RANDOMS), sizeof *made->kernels);
    made->tables[0] = made->kernels;
    made->module = (dn_cuda_module){.sm = gpu->target.sm, .specific = gpu->target.specific};
    made->code = (dn_cuda_code){.entries = code->entries,
                                .n_entries = code->n_entries,
                                .modules = &made->module,
                                .n_modules = 1,
                                .kernels = made->tables,
                                .n_kernels = code->n_kernels,
                                .units = gpu->target.units};
    dn_status status = dn_cuda_emit(code, &options, &gpu->target, DN_FORM_ASSEMBLY, made->kernels,
                                    &text, &made->module.ptx_bytes);
    if (!status) made->module.ptx = text;
    if (!status)
        batch->code = made;
    else
        free_code(made);
    return status;
}

static dn_status compile(dn_gpu *gpu, int index, dn_ready *out) {
    dn_batch *batch;
    dn_native_options options = native_options(gpu);
    DN_TRY(
        dn_batches_lower(&gpu->batches, gpu->compiler, &dn_nvptx_target, &options, index, &batch));
    dn_status status = make_code(gpu, batch);
    if (!status)
        dn_batches_add(&gpu->batches, batch);
    else
        dn_batch_free(batch);
    *out = gpu->batches.ready[index];
    return status;
}

// ---- the program on the device ---------------------------------------------------------------

static void free_program(gpu_program *p) {
    if (!p) return;
    free(p->entries);
    free(p->variables);
    free(p);
}

static int count_on_device(const dn_gpu *gpu) {
    return gpu->program ? gpu->program->program.n_entries : 0;
}

// The number that an entry of the compiler's has on the device, or -1.
static int number_of(const dn_gpu *gpu, int index) {
    if (index < 0 || index >= gpu->batches.n_ready || !gpu->batches.ready[index].batch) return -1;
    dn_ready ready = gpu->batches.ready[index];
    const gpu_code *code = ready.batch->code;
    return code->first < 0 ? -1 : code->first + ready.number;
}

// Every batch that is on the device, with variables as they are now.
static gpu_program *describe(dn_gpu *gpu, int n_entries) {
    gpu_program *p = dn_xcalloc(1, sizeof *p);
    const dn_compiler *c = gpu->compiler;
    p->entries = dn_xcalloc((size_t)n_entries + 1, sizeof *p->entries);
    p->variables = dn_xcalloc((size_t)c->program.n_variables + 1, sizeof *p->variables);
    for (int i = 0; i < gpu->batches.n; i++) {
        const dn_batch *batch = gpu->batches.items[i];
        const gpu_code *code = batch->code;
        for (int k = 0; k < batch->n && code->first >= 0; k++)
            p->entries[code->first + k] = c->units[batch->units[k]].entry;
    }
    for (int i = 0; i < c->program.n_variables; i++) {
        p->variables[i] = c->program.variables[i];
        p->variables[i].init = number_of(gpu, c->program.variables[i].init);
    }
    p->program = (dn_program){.name = c->program.name,
                              .source = c->program.source,
                              .variables = p->variables,
                              .n_variables = c->program.n_variables,
                              .entries = p->entries,
                              .n_entries = n_entries};
    return p;
}

// ---- the device ------------------------------------------------------------------------------

// Values come to the host; code stays here.
static void leave_device(dn_gpu *gpu) {
    dn_cuda_close(gpu->cuda);
    free_program(gpu->program);
    gpu->cuda = NULL;
    gpu->program = NULL;
    for (int i = 0; i < gpu->batches.n; i++) ((gpu_code *)gpu->batches.items[i]->code)->first = -1;
}

static const dn_program nothing = {.name = "", .source = ""};

static dn_status take_device(dn_gpu *gpu) {
    return gpu->cuda ? DN_SUCCESS : dn_cuda_open(&nothing, NULL, gpu->device, &gpu->cuda);
}

// A device that has failed fails always. A run that has failed may go on with another input.
static dn_status look_after(dn_gpu *gpu, dn_status status) {
    dn_status device = status ? dn_cuda_wait(gpu->cuda) : DN_SUCCESS;
    if (device) leave_device(gpu);
    dn_status_free(device);
    return status;
}

// Brings `code` there (NULL: none), beside what is there.
static dn_status extend(dn_gpu *gpu, gpu_code *code) {
    DN_TRY(take_device(gpu));
    DN_TRY(look_after(gpu, dn_cuda_bring_home(gpu->cuda)));
    int n = count_on_device(gpu);
    gpu_program *before = gpu->program;
    if (code) {
        code->first = n;
        n += code->code.n_entries;
    }
    gpu->program = describe(gpu, n);
    dn_status status = dn_cuda_extend(gpu->cuda, &gpu->program->program, code ? &code->code : NULL);
    if (status) leave_device(gpu);
    free_program(before);
    return status;
}

// A definition that changed may have given a variable another type since it was planned.
static bool is_outdated(const dn_gpu *gpu, const dn_native_call *call) {
    for (int i = 0; i < call->entry->n_vars; i++) {
        const dn_variable *planned = &gpu->program->variables[call->entry->vars[i]];
        const dn_tensor *tensor = call->vars[i];
        if (planned->dtype != tensor->dtype || !dn_shape_equal(&planned->shape, &tensor->shape))
            return true;
    }
    return false;
}

// Where not all fits that ever ran there, the device begins anew with what is run now.
static dn_status put_there(dn_gpu *gpu, gpu_code *code) {
    bool there = code->first >= 0;
    bool alone = count_on_device(gpu) == (there ? code->code.n_entries : 0);
    dn_status status = extend(gpu, there ? NULL : code);
    bool is_full = status && dn_status_code(status) == DN_MEMORY && !gpu->cuda;
    if (!is_full || alone) return status;
    dn_status_free(status);
    return extend(gpu, code);
}

// ---- for the backend -------------------------------------------------------------------------

static bool is_ready(const dn_gpu *gpu, const dn_ready *ready, const dn_native_call *call) {
    if (!ready->batch) return false;
    const gpu_code *code = ready->batch->code;
    return code->first >= 0 && !is_outdated(gpu, call);
}

static dn_status make_ready(dn_gpu *gpu, int index, dn_ready *ready) {
    if (!ready->batch) DN_TRY(compile(gpu, index, ready));
    return put_there(gpu, ready->batch->code);
}

static dn_status find_ready(dn_gpu *gpu, const dn_native_call *call, dn_profile *profile,
                            dn_ready *out) {
    int index = (int)(call->entry - gpu->compiler->entries);
    *out = dn_batches_find(&gpu->batches, gpu->compiler, index);
    if (is_ready(gpu, out, call)) return DN_SUCCESS;
    if (profile) dn_profile_mark(profile, DN_PROFILE_COMPILE, true);
    dn_status status = make_ready(gpu, index, out);
    if (profile) dn_profile_mark(profile, DN_PROFILE_COMPILE, false);
    return status;
}

dn_status dn_gpu_run(dn_gpu *gpu, const dn_native_call *call, dn_profile *profile) {
    dn_ready ready;
    DN_TRY(find_ready(gpu, call, profile, &ready));
    dn_native_call there = *call;
    const gpu_code *code = ready.batch->code;
    there.entry = &gpu->program->entries[code->first + ready.number];
    dn_status status = profile ? dn_cuda_run_profiled(gpu->cuda, profile, call->entry, &there)
                               : dn_cuda_run(gpu->cuda, &there);
    return look_after(gpu, status);
}

dn_status dn_gpu_wait(dn_gpu *gpu) {
    return gpu->cuda ? look_after(gpu, dn_cuda_wait(gpu->cuda)) : DN_SUCCESS;
}

dn_status dn_gpu_open(dn_compiler *compiler, int device, dn_matrix_units units, int level,
                      dn_gpu **out) {
    dn_gpu *gpu = dn_xcalloc(1, sizeof *gpu);
    gpu->compiler = compiler;
    gpu->device = device;
    gpu->level = level;
    dn_status status = take_device(gpu);
    if (!status) status = dn_nvptx_for(dn_cuda_capability(gpu->cuda), &gpu->target);
    if (status) {
        dn_gpu_close(gpu);
        return status;
    }
    gpu->target.units = units;
    gpu->name = dn_strdup(dn_cuda_name(gpu->cuda));
    *out = gpu;
    return DN_SUCCESS;
}

void dn_gpu_close(dn_gpu *gpu) {
    if (!gpu) return;
    leave_device(gpu);
    for (int i = 0; i < gpu->batches.n; i++) free_code(gpu->batches.items[i]->code);
    dn_batches_free(&gpu->batches);
    free(gpu->name);
    free(gpu);
}

const char *dn_gpu_name(const dn_gpu *gpu) { return gpu->name; }
const dn_nvptx *dn_gpu_target(const dn_gpu *gpu) { return &gpu->target; }

void dn_gpu_print_profile(const dn_gpu *gpu, dn_profile *profile, FILE *out) {
    if (gpu->cuda) dn_cuda_print_profile(gpu->cuda, profile, out);
}
