// Opening a device and closing it.
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

// ---- streams and sets ----

static dn_status make_streams(dn_cuda *cuda) {
    const dn_cu *cu = &cuda->cu;
    dn_cu_result result = cu->stream_new(&cuda->compute, DN_CU_STREAM_NON_BLOCKING);
    if (!result) result = cu->stream_new(&cuda->copies, DN_CU_STREAM_NON_BLOCKING);
    for (int i = 0; i < DN_CUDA_SETS && !result; i++) {
        dn_cuda_set *s = &cuda->sets[i];
        s->source = dn_cuda_output_source();
        s->cuda = cuda;
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

// ---- the whole ----

static dn_status open_device(dn_cuda *cuda, int device) {
    DN_TRY(dn_cu_open(&cuda->cu));
    DN_TRY(find_device(cuda, device));
    DN_TRY(use_device(cuda));
    return make_streams(cuda);
}

dn_status dn_cuda_open(const dn_program *program, const dn_cuda_code *code, int device,
                       dn_cuda **out) {
    dn_cuda *cuda = dn_xcalloc(1, sizeof *cuda);
    const char *sync = getenv("DNET_CUDA_SYNC");
    cuda->program = program;
    cuda->one_by_one = sync && *sync && *sync != '0';
    dn_status status = open_device(cuda, device);
    if (!status && code) status = dn_cuda_extend(cuda, program, code);
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
    dn_cuda_free_plan(cuda);
    free_streams(cuda);
    for (int i = 0; i < cuda->n_loaded; i++) dn_cuda_unload(cuda, &cuda->loaded[i]);
    dn_cuda_leave(cuda);
    if (cuda->context) cu->context_release(cuda->device);
    dn_cu_close(&cuda->cu);
    for (int i = 0; i < DN_CUDA_SETS; i++) free(cuda->sets[i].tensors);
    free(cuda->loaded);
    free(cuda->times);
    free(cuda);
}

const char *dn_cuda_name(const dn_cuda *cuda) { return cuda->name; }
int dn_cuda_capability(const dn_cuda *cuda) { return cuda->capability; }
