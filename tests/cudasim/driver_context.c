// Contexts: of devices, of a program's own making, and which one is current in a thread.
#include <stdlib.h>

#include "tests/cudasim/driver_queue.h"

enum { MOST_PUSHED = 64 };
static _Thread_local sim_context *pushed[MOST_PUSHED];
static _Thread_local int n_pushed;

static struct primary {
    sim_context *context;  // NULL: not active
    int retained;
    unsigned flags;
} primaries[SIM_MOST_DEVICES];

sim_context *sim_current(void) { return n_pushed ? pushed[n_pushed - 1] : NULL; }

CUresult sim_context_check(sim_context *context) {
    if (context->object.destroyed) {
        return sim_misuse(CUDA_ERROR_CONTEXT_IS_DESTROYED, "context %d was destroyed",
                          context->object.number);
    }
    if (!context->error) return CUDA_SUCCESS;
    return sim_refuse(context->error, "a kernel failed in context %d", context->object.number);
}

static CUresult push(sim_context *context) {
    if (n_pushed == MOST_PUSHED) {
        return sim_misuse(CUDA_ERROR_OUT_OF_MEMORY, "%d contexts are pushed", n_pushed);
    }
    pushed[n_pushed++] = context;
    return CUDA_SUCCESS;
}

static sim_context *new_context(CUdevice device, unsigned flags, bool primary) {
    sim_context *context = sim_object_new(SIM_IS_CONTEXT, sizeof *context, NULL);
    context->device = device;
    context->flags = flags;
    context->primary = primary;
    context->legacy = sim_stream_new(context, CU_STREAM_DEFAULT, 0);
    return context;
}

// What is queued is done first, so that what it does wrong is found.
static void end_context(sim_context *context) {
    sim_run_all(context);
    sim_object_leaks(context);
    context->object.destroyed = true;
    while (n_pushed && pushed[n_pushed - 1] == context) n_pushed--;
}

static CUresult create(CUcontext *out, unsigned flags, CUdevice device) {
    if (!out) return CUDA_ERROR_INVALID_VALUE;
    SIM_TRY(sim_device_check(device));
    sim_context *context = new_context(device, flags, false);
    SIM_TRY(push(context));
    *out = context->object.handle;
    return CUDA_SUCCESS;
}
CUresult cuCtxCreate_v2(CUcontext *context, unsigned flags, CUdevice device) {
    SIM_CALL(SIM_INIT, create(context, flags, device));
}
CUresult cuCtxCreate_v4(CUcontext *context, void *params, unsigned flags, CUdevice device) {
    SIM_CALL(SIM_INIT, params ? sim_misuse(CUDA_ERROR_NOT_SUPPORTED, "params are not simulated")
                              : create(context, flags, device));
}

static CUresult destroy(CUcontext handle) {
    sim_context *context;
    SIM_TRY(sim_object_find(SIM_IS_CONTEXT, handle, &context));
    if (context->primary) {
        return sim_misuse(CUDA_ERROR_INVALID_CONTEXT,
                          "context %d is a primary one, which is released", context->object.number);
    }
    end_context(context);
    return CUDA_SUCCESS;
}
CUresult cuCtxDestroy_v2(CUcontext context) { SIM_CALL(SIM_INIT, destroy(context)); }

// --- which is current ---

static CUresult get_current(CUcontext *out) {
    if (!out) return CUDA_ERROR_INVALID_VALUE;
    *out = sim_current() ? sim_current()->object.handle : NULL;
    return CUDA_SUCCESS;
}
CUresult cuCtxGetCurrent(CUcontext *context) { SIM_CALL(SIM_INIT, get_current(context)); }

static CUresult pop(CUcontext *out) {
    if (!n_pushed) return sim_misuse(CUDA_ERROR_INVALID_CONTEXT, "no context is current");
    sim_context *context = pushed[--n_pushed];
    if (out) *out = context->object.handle;
    return CUDA_SUCCESS;
}
CUresult cuCtxPopCurrent_v2(CUcontext *context) { SIM_CALL(SIM_INIT, pop(context)); }

static CUresult push_handle(CUcontext handle) {
    sim_context *context;
    SIM_TRY(sim_object_find(SIM_IS_CONTEXT, handle, &context));
    return push(context);
}
CUresult cuCtxPushCurrent_v2(CUcontext context) { SIM_CALL(SIM_INIT, push_handle(context)); }

static CUresult set_current(CUcontext handle) {
    sim_context *context = NULL;
    if (handle) SIM_TRY(sim_object_find(SIM_IS_CONTEXT, handle, &context));
    if (n_pushed) n_pushed--;
    return context ? push(context) : CUDA_SUCCESS;
}
CUresult cuCtxSetCurrent(CUcontext context) { SIM_CALL(SIM_INIT, set_current(context)); }

static CUresult get_device(CUdevice *device) {
    if (!device) return CUDA_ERROR_INVALID_VALUE;
    *device = sim_current()->device;
    return CUDA_SUCCESS;
}
CUresult cuCtxGetDevice(CUdevice *device) { SIM_CALL(SIM_CONTEXT, get_device(device)); }

static CUresult api_version(CUcontext handle, unsigned *version) {
    sim_context *context;
    if (!version) return CUDA_ERROR_INVALID_VALUE;
    if (handle) SIM_TRY(sim_object_find(SIM_IS_CONTEXT, handle, &context));
    *version = SIM_DRIVER_VERSION;
    return CUDA_SUCCESS;
}
CUresult cuCtxGetApiVersion(CUcontext context, unsigned *version) {
    SIM_CALL(SIM_INIT, api_version(context, version));
}

enum { LEAST_PRIORITY = 0, GREATEST_PRIORITY = -5 };
static CUresult priorities(int *least, int *greatest) {
    if (least) *least = LEAST_PRIORITY;
    if (greatest) *greatest = GREATEST_PRIORITY;
    return CUDA_SUCCESS;
}
CUresult cuCtxGetStreamPriorityRange(int *least, int *greatest) {
    SIM_CALL(SIM_CONTEXT, priorities(least, greatest));
}

static CUresult synchronize(void) {
    sim_context *context = sim_current();
    SIM_TRY(sim_capture_blocks(context, NULL));
    sim_count.synchronizations++;
    return sim_run_all(context);
}
CUresult cuCtxSynchronize(void) { SIM_CALL(SIM_CONTEXT, synchronize()); }

// Nothing profiles.
CUresult cuProfilerStart(void) { SIM_CALL(SIM_CONTEXT, CUDA_SUCCESS); }
CUresult cuProfilerStop(void) { SIM_CALL(SIM_CONTEXT, CUDA_SUCCESS); }

// --- primary contexts ---

static CUresult retain(CUcontext *out, CUdevice device) {
    if (!out) return CUDA_ERROR_INVALID_VALUE;
    SIM_TRY(sim_device_check(device));
    struct primary *primary = &primaries[device];
    if (primary->retained++ == 0) primary->context = new_context(device, primary->flags, true);
    *out = primary->context->object.handle;
    return CUDA_SUCCESS;
}
CUresult cuDevicePrimaryCtxRetain(CUcontext *context, CUdevice device) {
    SIM_CALL(SIM_INIT, retain(context, device));
}

static CUresult release(CUdevice device, bool at_once) {
    SIM_TRY(sim_device_check(device));
    struct primary *primary = &primaries[device];
    if (!primary->context) {
        return at_once ? CUDA_SUCCESS
                       : sim_misuse(CUDA_ERROR_INVALID_CONTEXT,
                                    "the primary context of device %d is not retained", device);
    }
    if (!at_once && --primary->retained > 0) return CUDA_SUCCESS;
    end_context(primary->context);
    primary->context = NULL;
    primary->retained = 0;
    return CUDA_SUCCESS;
}
CUresult cuDevicePrimaryCtxRelease_v2(CUdevice device) {
    SIM_CALL(SIM_INIT, release(device, false));
}
CUresult cuDevicePrimaryCtxReset_v2(CUdevice device) { SIM_CALL(SIM_INIT, release(device, true)); }

static CUresult set_flags(CUdevice device, unsigned flags) {
    SIM_TRY(sim_device_check(device));
    primaries[device].flags = flags;
    if (primaries[device].context) primaries[device].context->flags = flags;
    return CUDA_SUCCESS;
}
CUresult cuDevicePrimaryCtxSetFlags_v2(CUdevice device, unsigned flags) {
    SIM_CALL(SIM_INIT, set_flags(device, flags));
}

static CUresult get_state(CUdevice device, unsigned *flags, int *active) {
    SIM_TRY(sim_device_check(device));
    if (flags) *flags = primaries[device].flags;
    if (active) *active = primaries[device].context != NULL;
    return CUDA_SUCCESS;
}
CUresult cuDevicePrimaryCtxGetState(CUdevice device, unsigned *flags, int *active) {
    SIM_CALL(SIM_INIT, get_state(device, flags, active));
}
