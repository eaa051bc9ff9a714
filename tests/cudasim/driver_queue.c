// The queues of streams, and which operation is run next.
#include "tests/cudasim/driver_queue.h"

#include <stdlib.h>
#include <string.h>

enum { MOST_QUEUED = 1024 };

uint64_t sim_random(uint64_t below) {
    static uint64_t state;
    if (state == 0) state = sim_setting()->seed * 2 + 1;
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    return (state >> 11) % below;
}

bool sim_passed(sim_marker marker) {
    return !marker.stream || marker.stream->done >= marker.position;
}

static sim_op *op_at(const sim_stream *stream, size_t i) {
    return &stream->ops[(stream->begin + i) % stream->room];
}

// The next operation, or NULL if there is none, or it has to wait.
static sim_op *runnable(const sim_stream *stream) {
    if (stream->done == stream->queued) return NULL;
    sim_op *op = op_at(stream, 0);
    return op->kind == SIM_OP_WAIT && !sim_passed(op->wait) ? NULL : op;
}

static void drop_all(sim_stream *stream) {
    while (stream->done < stream->queued) {
        sim_op_free(op_at(stream, 0));
        stream->begin = (stream->begin + 1) % stream->room;
        stream->done++;
    }
}

// After a failure nothing that is queued in the context is run.
static void fail(sim_context *context, CUresult error) {
    context->error = error;
    for (sim_stream *s = context->streams; s; s = s->next) drop_all(s);
}

static void run_one(sim_stream *stream) {
    sim_op op = *op_at(stream, 0);
    stream->begin = (stream->begin + 1) % stream->room;
    stream->done++;
    CUresult error = sim_op_run(&op);
    sim_op_free(&op);
    if (error) fail(stream->object.context, error);
}

// The stream that has to go on so that `stream` can.
static sim_stream *needed(sim_stream *stream) {
    while (!runnable(stream)) stream = op_at(stream, 0)->wait.stream;
    return stream;
}

// One of the streams of the context that can go on: a random one, or the first but `target`.
// NULL: there is none.
static sim_stream *other(sim_context *context, sim_stream *target, bool random) {
    sim_stream *found = NULL;
    uint64_t n = 0;
    for (sim_stream *s = context->streams; s; s = s->next) {
        if (s == target || !runnable(s)) continue;
        if (!random) return s;
        if (sim_random(++n) == 0) found = s;
    }
    return found;
}

static sim_stream *choose(sim_stream *target) {
    sim_context *context = target->object.context;
    sim_stream *chosen = NULL;
    if (sim_setting()->order == SIM_OVERTAKE) chosen = other(context, target, false);
    if (sim_setting()->order == SIM_RANDOM) chosen = other(context, NULL, true);
    return chosen ? chosen : needed(target);
}

CUresult sim_run_until(sim_stream *stream, uint64_t position) {
    while (stream->done < position) run_one(choose(stream));
    return stream->object.context->error;
}

CUresult sim_run_all(sim_context *context) {
    for (sim_stream *s = context->streams; s; s = s->next) sim_run_until(s, s->queued);
    return context->error;
}

static void append(sim_stream *stream, sim_op op) {
    size_t count = stream->queued - stream->done;
    if (count == stream->room) {
        size_t room = count ? 2 * count : 16;
        sim_op *ops = sim_must_allocate(room * sizeof *ops);
        for (size_t i = 0; i < count; i++) ops[i] = *op_at(stream, i);
        free(stream->ops);
        stream->ops = ops;
        stream->begin = 0;
        stream->room = room;
    }
    stream->queued++;
    *op_at(stream, count) = op;
}

static void append_wait(sim_stream *stream, sim_stream *on) {
    if (on == stream || on->done == on->queued) return;
    append(stream, (sim_op){.kind = SIM_OP_WAIT, .wait = {on, on->queued}});
}

// The legacy stream comes after all that was queued in streams which block, and they after it.
static void wait_for_legacy(sim_stream *stream) {
    sim_context *context = stream->object.context;
    if (stream->flags & CU_STREAM_NON_BLOCKING) return;
    if (stream != context->legacy) {
        append_wait(stream, context->legacy);
        return;
    }
    for (sim_stream *s = context->streams; s; s = s->next) {
        if (!(s->flags & CU_STREAM_NON_BLOCKING)) append_wait(stream, s);
    }
}

static void run_some(sim_stream *stream) {
    sim_context *context = stream->object.context;
    if (sim_setting()->order == SIM_EARLY) sim_run_until(stream, stream->queued);
    if (sim_setting()->order != SIM_RANDOM) return;
    sim_stream *next;
    while (sim_random(3) == 0 && (next = other(context, NULL, true))) run_one(next);
}

CUresult sim_submit(sim_stream *stream, sim_op op) {
    sim_context *context = stream->object.context;
    if (stream->capture) return sim_capture_add(stream, op);
    CUresult result = stream == context->legacy ? sim_capture_legacy(context) : CUDA_SUCCESS;
    if (result) {
        sim_op_free(&op);
        return result;
    }
    wait_for_legacy(stream);
    append(stream, op);
    if (stream->queued - stream->done > MOST_QUEUED) sim_run_until(stream, stream->done + 1);
    run_some(stream);
    return CUDA_SUCCESS;
}

bool sim_queued_host_read(sim_context *context, uint64_t base, size_t bytes) {
    for (sim_stream *s = context->streams; s; s = s->next) {
        for (size_t i = 0; i < s->queued - s->done; i++) {
            if (sim_op_reads_host(op_at(s, i), base, bytes)) return true;
        }
    }
    return false;
}

const sim_op *sim_queued_use(sim_context *context, uint64_t base, size_t bytes) {
    for (sim_stream *s = context->streams; s; s = s->next) {
        for (size_t i = 0; i < s->queued - s->done; i++) {
            if (sim_op_uses(op_at(s, i), base, bytes)) return op_at(s, i);
        }
    }
    return NULL;
}

const sim_op *sim_queued_code(const sim_loaded *module) {
    for (sim_stream *s = module->object.context->streams; s; s = s->next) {
        for (size_t i = 0; i < s->queued - s->done; i++) {
            if (sim_op_has_code(op_at(s, i), module)) return op_at(s, i);
        }
    }
    return NULL;
}
