// Capture: calls on streams become nodes of a graph. Another stream joins where it waits for an
// event of the capture, and has to be waited for by the first one before the capture ends.
#include <stdlib.h>
#include <string.h>

#include "tests/cudasim/driver_queue.h"

struct sim_capture {
    CUstreamCaptureMode mode;
    pthread_t thread;
    sim_stream *origin;
    sim_graph *graph;
    bool invalid;
    sim_capture *next;
};

static sim_capture *captures;  // those under way
static _Thread_local CUstreamCaptureMode thread_mode = CU_STREAM_CAPTURE_MODE_GLOBAL;

// --- sets ---

void sim_set_add(sim_set *set, int item) {
    for (int i = 0; i < set->count; i++) {
        if (set->items[i] == item) return;
    }
    set->items = sim_must_grow(set->items, (size_t)(set->count + 1) * sizeof *set->items);
    set->items[set->count++] = item;
}

void sim_set_unite(sim_set *set, const sim_set *other) {
    for (int i = 0; i < other->count; i++) sim_set_add(set, other->items[i]);
}

void sim_set_clear(sim_set *set) {
    free(set->items);
    *set = (sim_set){NULL, 0};
}

void sim_set_assign(sim_set *set, const sim_set *other) {
    sim_set_clear(set);
    sim_set_unite(set, other);
}

// --- what is not allowed meanwhile ---

void sim_capture_invalidate(sim_capture *capture) { capture->invalid = true; }

CUresult sim_capture_forbids(void) {
    CUresult result = CUDA_SUCCESS;
    if (thread_mode == CU_STREAM_CAPTURE_MODE_RELAXED) return result;
    for (sim_capture *c = captures; c; c = c->next) {
        bool own = pthread_equal(c->thread, pthread_self());
        bool forbids = own ? c->mode != CU_STREAM_CAPTURE_MODE_RELAXED
                           : c->mode == CU_STREAM_CAPTURE_MODE_GLOBAL &&
                                 thread_mode == CU_STREAM_CAPTURE_MODE_GLOBAL;
        if (!forbids) continue;
        c->invalid = true;
        result = sim_refuse(CUDA_ERROR_STREAM_CAPTURE_UNSUPPORTED,
                            "a capture is under way, which this call makes invalid");
    }
    return result;
}

CUresult sim_capture_blocks(sim_context *context, sim_stream *stream) {
    CUresult result = CUDA_SUCCESS;
    for (sim_stream *s = context->streams; s; s = s->next) {
        if (!s->capture || (stream && s != stream)) continue;
        s->capture->invalid = true;
        result = sim_refuse(CUDA_ERROR_STREAM_CAPTURE_UNSUPPORTED, "stream %d is capturing",
                            s->object.number);
    }
    return result;
}

CUresult sim_capture_legacy(sim_context *context) {
    CUresult result = CUDA_SUCCESS;
    for (sim_stream *s = context->streams; s; s = s->next) {
        if (!s->capture || s->flags & CU_STREAM_NON_BLOCKING) continue;
        s->capture->invalid = true;
        result = sim_refuse(CUDA_ERROR_STREAM_CAPTURE_IMPLICIT,
                            "the legacy stream would wait for stream %d, which is capturing",
                            s->object.number);
    }
    return result;
}

// --- what is captured ---

CUresult sim_capture_add(sim_stream *stream, sim_op op) {
    sim_capture *capture = stream->capture;
    if (capture->invalid) {
        sim_op_free(&op);
        return CUDA_ERROR_STREAM_CAPTURE_INVALIDATED;
    }
    int node = sim_graph_add(capture->graph, op, &stream->tail);
    sim_set_clear(&stream->tail);
    sim_set_add(&stream->tail, node);
    return CUDA_SUCCESS;
}

CUresult sim_capture_record(sim_event *event, sim_stream *stream) {
    if (stream->capture->invalid) return CUDA_ERROR_STREAM_CAPTURE_INVALIDATED;
    event->captured = true;
    event->capture = stream->capture;
    sim_set_assign(&event->tail, &stream->tail);
    return CUDA_SUCCESS;
}

// Waiting would tie the capture to something outside it, so it is not valid any more.
static CUresult break_capture(sim_stream *stream, sim_event *event, CUresult result,
                              const char *why) {
    if (stream->capture) stream->capture->invalid = true;
    if (event->captured && event->capture) event->capture->invalid = true;
    return sim_refuse(result, "stream %d, event %d: %s", stream->object.number,
                      event->object.number, why);
}

CUresult sim_capture_wait(sim_stream *stream, sim_event *event) {
    sim_capture *capture = event->capture;
    if (stream->capture && stream->capture->invalid) return CUDA_ERROR_STREAM_CAPTURE_INVALIDATED;
    if (!event->captured) {
        if (!event->at.stream) return CUDA_SUCCESS;
        return break_capture(stream, event, CUDA_ERROR_STREAM_CAPTURE_ISOLATION,
                             "it was recorded outside the capture");
    }
    if (!capture) {
        return break_capture(stream, event, CUDA_ERROR_CAPTURED_EVENT,
                             "it was recorded in a capture that has ended");
    }
    if (capture->invalid) return CUDA_ERROR_STREAM_CAPTURE_INVALIDATED;
    if (stream == stream->object.context->legacy) {
        return break_capture(stream, event, CUDA_ERROR_STREAM_CAPTURE_IMPLICIT,
                             "the legacy stream cannot join a capture");
    }
    if (stream->capture && stream->capture != capture) {
        return break_capture(stream, event, CUDA_ERROR_STREAM_CAPTURE_MERGE,
                             "they are of two captures");
    }
    stream->capture = capture;
    sim_set_unite(&stream->tail, &event->tail);
    return CUDA_SUCCESS;
}

// --- begin and end ---

static CUresult begin(CUstream handle, CUstreamCaptureMode mode) {
    sim_stream *stream;
    SIM_TRY(sim_stream_find(handle, &stream));
    if ((unsigned)mode > CU_STREAM_CAPTURE_MODE_RELAXED) return CUDA_ERROR_INVALID_VALUE;
    if (stream == stream->object.context->legacy) {
        return sim_refuse(CUDA_ERROR_STREAM_CAPTURE_UNSUPPORTED,
                          "the legacy stream cannot be captured");
    }
    if (stream->capture) {
        return sim_refuse(CUDA_ERROR_ILLEGAL_STATE, "stream %d is capturing already",
                          stream->object.number);
    }
    sim_capture *capture = sim_must_allocate(sizeof *capture);
    *capture = (sim_capture){mode,  pthread_self(), stream, sim_graph_new(stream->object.context),
                             false, captures};
    captures = capture;
    stream->capture = capture;
    sim_count.captures++;
    return CUDA_SUCCESS;
}
CUresult cuStreamBeginCapture_v2(CUstream stream, CUstreamCaptureMode mode) {
    SIM_CALL(SIM_CONTEXT, begin(stream, mode));
}

// Whether all that was captured comes before what the first stream would do next.
static bool joined(const sim_capture *capture) {
    const sim_graph *graph = capture->graph;
    bool *before = sim_must_allocate((size_t)graph->count * sizeof *before);
    const sim_set *tail = &capture->origin->tail;
    for (int i = 0; i < tail->count; i++) before[tail->items[i]] = true;
    bool all = true;
    for (int i = graph->count - 1; i >= 0; i--) {  // a node comes after those that it depends on
        const sim_set *after = &graph->nodes[i]->after;
        for (int j = 0; before[i] && j < after->count; j++) before[after->items[j]] = true;
        all = all && before[i];
    }
    free(before);
    return all;
}

static void end_capture(sim_capture *capture) {
    sim_context *context = capture->origin->object.context;
    for (sim_stream *s = context->streams; s; s = s->next) {
        if (s->capture != capture) continue;
        s->capture = NULL;
        sim_set_clear(&s->tail);
    }
    for (sim_event *e = NULL; (e = sim_object_next(SIM_IS_EVENT, e));) {
        if (e->capture == capture) e->capture = NULL;
    }
    sim_capture **at = &captures;
    while (*at != capture) at = &(*at)->next;
    *at = capture->next;
    free(capture);
}

static CUresult end(CUstream handle, CUgraph *out) {
    sim_stream *stream;
    if (!out) return CUDA_ERROR_INVALID_VALUE;
    *out = NULL;
    SIM_TRY(sim_stream_find(handle, &stream));
    sim_capture *capture = stream->capture;
    if (!capture) {
        return sim_refuse(CUDA_ERROR_ILLEGAL_STATE, "stream %d is not capturing",
                          stream->object.number);
    }
    CUresult result = CUDA_SUCCESS;
    if (capture->origin != stream) {
        capture->invalid = true;
        return sim_refuse(CUDA_ERROR_STREAM_CAPTURE_UNMATCHED, "stream %d began the capture",
                          capture->origin->object.number);
    }
    if (capture->mode != CU_STREAM_CAPTURE_MODE_RELAXED &&
        !pthread_equal(capture->thread, pthread_self())) {
        return sim_refuse(CUDA_ERROR_STREAM_CAPTURE_WRONG_THREAD, "another thread began it");
    }
    if (capture->invalid) {
        result = sim_refuse(CUDA_ERROR_STREAM_CAPTURE_INVALIDATED, "an earlier call broke it");
    } else if (!joined(capture)) {
        result = sim_refuse(CUDA_ERROR_STREAM_CAPTURE_UNJOINED,
                            "work of another stream was not waited for");
    }
    if (result) {
        sim_graph_release(capture->graph);
    } else {
        *out = capture->graph->object.handle;
    }
    end_capture(capture);
    return result;
}
CUresult cuStreamEndCapture(CUstream stream, CUgraph *graph) {
    SIM_CALL(SIM_CONTEXT, end(stream, graph));
}

static CUresult is_capturing(CUstream handle, CUstreamCaptureStatus *status) {
    sim_stream *stream;
    if (!status) return CUDA_ERROR_INVALID_VALUE;
    SIM_TRY(sim_stream_find(handle, &stream));
    *status = !stream->capture           ? CU_STREAM_CAPTURE_STATUS_NONE
              : stream->capture->invalid ? CU_STREAM_CAPTURE_STATUS_INVALIDATED
                                         : CU_STREAM_CAPTURE_STATUS_ACTIVE;
    return CUDA_SUCCESS;
}
CUresult cuStreamIsCapturing(CUstream stream, CUstreamCaptureStatus *status) {
    SIM_CALL(SIM_CONTEXT, is_capturing(stream, status));
}

static CUresult exchange_mode(CUstreamCaptureMode *mode) {
    if (!mode || (unsigned)*mode > CU_STREAM_CAPTURE_MODE_RELAXED) return CUDA_ERROR_INVALID_VALUE;
    CUstreamCaptureMode old = thread_mode;
    thread_mode = *mode;
    *mode = old;
    return CUDA_SUCCESS;
}
CUresult cuThreadExchangeStreamCaptureMode(CUstreamCaptureMode *mode) {
    SIM_CALL(SIM_NOTHING, exchange_mode(mode));
}
