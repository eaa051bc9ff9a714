// Events: positions in streams.
#include "tests/cudasim/driver_queue.h"

static CUresult create(CUevent *out, unsigned flags) {
    unsigned known = CU_EVENT_BLOCKING_SYNC | CU_EVENT_DISABLE_TIMING;
    if (!out || flags & ~known) return sim_refuse(CUDA_ERROR_INVALID_VALUE, "flags are %u", flags);
    sim_event *event = sim_object_new(SIM_IS_EVENT, sizeof *event, sim_current());
    event->flags = flags;
    sim_count.events++;
    *out = event->object.handle;
    return CUDA_SUCCESS;
}
CUresult cuEventCreate(CUevent *event, unsigned flags) {
    SIM_CALL(SIM_CONTEXT, create(event, flags));
}

static CUresult destroy(CUevent handle) {
    sim_event *event;
    SIM_TRY(sim_object_find(SIM_IS_EVENT, handle, &event));
    sim_set_clear(&event->tail);
    event->object.destroyed = true;
    return CUDA_SUCCESS;
}
CUresult cuEventDestroy_v2(CUevent event) { SIM_CALL(SIM_CONTEXT, destroy(event)); }

static CUresult record(CUevent handle, CUstream stream_handle) {
    sim_event *event;
    sim_stream *stream;
    SIM_TRY(sim_object_find(SIM_IS_EVENT, handle, &event));
    SIM_TRY(sim_stream_find(stream_handle, &stream));
    if (event->object.context != stream->object.context) {
        return sim_misuse(CUDA_ERROR_INVALID_HANDLE, "event and stream are of two contexts");
    }
    if (stream->capture) return sim_capture_record(event, stream);
    SIM_TRY(sim_submit(stream, (sim_op){.kind = SIM_OP_RECORD, .event = event}));
    event->captured = false;
    event->at = (sim_marker){stream, stream->queued};
    return CUDA_SUCCESS;
}
CUresult cuEventRecord(CUevent event, CUstream stream) {
    SIM_CALL(SIM_CONTEXT, record(event, stream));
}
CUresult cuEventRecordWithFlags(CUevent event, CUstream stream, unsigned flags) {
    SIM_CALL(SIM_CONTEXT, flags ? sim_misuse(CUDA_ERROR_NOT_SUPPORTED, "flags are not simulated")
                                : record(event, stream));
}

// An event of a capture stands for no work that could be waited for.
static CUresult find_recorded(CUevent handle, sim_event **out) {
    SIM_TRY(sim_object_find(SIM_IS_EVENT, handle, out));
    sim_event *event = *out;
    if (!event->captured) return sim_context_check(event->object.context);
    if (event->capture) sim_capture_invalidate(event->capture);
    return sim_refuse(CUDA_ERROR_CAPTURED_EVENT, "event %d was recorded in a capture",
                      event->object.number);
}

static CUresult synchronize(CUevent handle) {
    sim_event *event;
    SIM_TRY(find_recorded(handle, &event));
    sim_count.synchronizations++;
    return event->at.stream ? sim_run_until(event->at.stream, event->at.position) : CUDA_SUCCESS;
}
CUresult cuEventSynchronize(CUevent event) { SIM_CALL(SIM_UNCAPTURED, synchronize(event)); }

static CUresult query(CUevent handle) {
    sim_event *event;
    SIM_TRY(find_recorded(handle, &event));
    if (sim_passed(event->at)) return CUDA_SUCCESS;
    CUresult error = sim_run_until(event->at.stream, event->at.position);
    return error ? error : CUDA_ERROR_NOT_READY;
}
CUresult cuEventQuery(CUevent event) { SIM_CALL(SIM_UNCAPTURED, query(event)); }

static CUresult elapsed(float *milliseconds, CUevent begin_handle, CUevent end_handle) {
    sim_event *begin, *end;
    if (!milliseconds) return CUDA_ERROR_INVALID_VALUE;
    SIM_TRY(find_recorded(begin_handle, &begin));
    SIM_TRY(find_recorded(end_handle, &end));
    if ((begin->flags | end->flags) & CU_EVENT_DISABLE_TIMING || !begin->at.stream ||
        !end->at.stream) {
        return sim_refuse(CUDA_ERROR_INVALID_HANDLE, "an event has no time, or was not recorded");
    }
    if (!sim_passed(begin->at) || !sim_passed(end->at)) return CUDA_ERROR_NOT_READY;
    *milliseconds = (float)(end->time - begin->time) * 1e-6f;
    return CUDA_SUCCESS;
}
CUresult cuEventElapsedTime(float *milliseconds, CUevent begin, CUevent end) {
    SIM_CALL(SIM_CONTEXT, elapsed(milliseconds, begin, end));
}
CUresult cuEventElapsedTime_v2(float *milliseconds, CUevent begin, CUevent end) {
    SIM_CALL(SIM_CONTEXT, elapsed(milliseconds, begin, end));
}
