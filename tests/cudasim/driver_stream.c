// Streams.
#include <stdlib.h>

#include "tests/cudasim/driver_queue.h"

// Forgets those that are destroyed and have done their work.
static void prune(sim_context *context) {
    for (sim_stream **at = &context->streams; *at;) {
        sim_stream *stream = *at;
        if (!stream->object.destroyed || stream->done < stream->queued) {
            at = &stream->next;
            continue;
        }
        *at = stream->next;
        free(stream->ops);
        stream->ops = NULL;
        stream->room = 0;
    }
}

sim_stream *sim_stream_new(sim_context *context, unsigned flags, int priority) {
    prune(context);
    sim_stream *stream = sim_object_new(SIM_IS_STREAM, sizeof *stream, context);
    stream->flags = flags;
    stream->priority = priority;
    stream->next = context->streams;
    context->streams = stream;
    return stream;
}

CUresult sim_stream_find(CUstream handle, sim_stream **out) {
    *out = NULL;
    if (!handle || handle == CU_STREAM_LEGACY) {
        *out = sim_current()->legacy;
        return CUDA_SUCCESS;
    }
    if (handle == CU_STREAM_PER_THREAD) {
        return sim_misuse(CUDA_ERROR_NOT_SUPPORTED, "per-thread default streams are not simulated");
    }
    SIM_TRY(sim_object_find(SIM_IS_STREAM, handle, out));
    return sim_context_check((*out)->object.context);
}

static CUresult create(CUstream *out, unsigned flags, int priority) {
    if (!out || flags & ~(unsigned)CU_STREAM_NON_BLOCKING) {
        return sim_refuse(CUDA_ERROR_INVALID_VALUE, "flags are %u", flags);
    }
    *out = sim_stream_new(sim_current(), flags, priority)->object.handle;
    sim_count.streams++;
    return CUDA_SUCCESS;
}
CUresult cuStreamCreate(CUstream *stream, unsigned flags) {
    SIM_CALL(SIM_CONTEXT, create(stream, flags, 0));
}
CUresult cuStreamCreateWithPriority(CUstream *stream, unsigned flags, int priority) {
    SIM_CALL(SIM_CONTEXT, create(stream, flags, priority));
}

static CUresult destroy(CUstream handle) {
    sim_stream *stream;
    SIM_TRY(sim_object_find(SIM_IS_STREAM, handle, &stream));
    SIM_TRY(sim_capture_blocks(stream->object.context, stream));
    stream->object.destroyed = true;  // what is queued is still done
    return CUDA_SUCCESS;
}
CUresult cuStreamDestroy_v2(CUstream stream) { SIM_CALL(SIM_CONTEXT, destroy(stream)); }

static CUresult synchronize(CUstream handle) {
    sim_stream *stream;
    SIM_TRY(sim_stream_find(handle, &stream));
    SIM_TRY(sim_capture_blocks(stream->object.context, stream));
    sim_count.synchronizations++;
    return sim_run_until(stream, stream->queued);
}
CUresult cuStreamSynchronize(CUstream stream) { SIM_CALL(SIM_UNCAPTURED, synchronize(stream)); }

// Who asks about work that nobody has waited for is told once that it is under way.
static CUresult query(CUstream handle) {
    sim_stream *stream;
    SIM_TRY(sim_stream_find(handle, &stream));
    SIM_TRY(sim_capture_blocks(stream->object.context, stream));
    if (stream->done == stream->queued) return CUDA_SUCCESS;
    CUresult error = sim_run_until(stream, stream->queued);
    return error ? error : CUDA_ERROR_NOT_READY;
}
CUresult cuStreamQuery(CUstream stream) { SIM_CALL(SIM_UNCAPTURED, query(stream)); }

static CUresult wait_event(CUstream handle, CUevent event_handle) {
    sim_stream *stream;
    sim_event *event;
    SIM_TRY(sim_stream_find(handle, &stream));
    SIM_TRY(sim_object_find(SIM_IS_EVENT, event_handle, &event));
    if (stream->capture || event->captured) return sim_capture_wait(stream, event);
    if (sim_passed(event->at)) return CUDA_SUCCESS;
    return sim_submit(stream, (sim_op){.kind = SIM_OP_WAIT, .wait = event->at});
}
CUresult cuStreamWaitEvent(CUstream stream, CUevent event, unsigned flags) {
    SIM_CALL(SIM_CONTEXT, flags ? sim_misuse(CUDA_ERROR_NOT_SUPPORTED, "flags are not simulated")
                                : wait_event(stream, event));
}

static CUresult describe(CUstream handle, unsigned *flags, int *priority) {
    sim_stream *stream;
    if (!flags && !priority) return CUDA_ERROR_INVALID_VALUE;
    SIM_TRY(sim_stream_find(handle, &stream));
    if (flags) *flags = stream->flags;
    if (priority) *priority = stream->priority;
    return CUDA_SUCCESS;
}
CUresult cuStreamGetFlags(CUstream stream, unsigned *flags) {
    SIM_CALL(SIM_CONTEXT, describe(stream, flags, NULL));
}
CUresult cuStreamGetPriority(CUstream stream, int *priority) {
    SIM_CALL(SIM_CONTEXT, describe(stream, NULL, priority));
}
