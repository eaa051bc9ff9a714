// Work of the simulated driver: operations, the streams that queue them, events, captures, graphs.
//
// A stream runs its operations in order; one that waits is not run before another stream has come
// as far as the event was recorded. Nothing runs until somebody waits for it (sim_run_until) or the
// queue is full, and then in the order that CUDASIM_ORDER chooses.
#ifndef CUDASIM_DRIVER_QUEUE_H
#define CUDASIM_DRIVER_QUEUE_H

#include <pthread.h>

#include "tests/cudasim/driver_state.h"

typedef enum sim_op_kind {
    SIM_OP_KERNEL,
    SIM_OP_COPY,
    SIM_OP_FILL,
    SIM_OP_GRAPH,
    SIM_OP_RECORD,  // of an event
    SIM_OP_WAIT,    // until another stream has come to a position
} sim_op_kind;

typedef enum sim_copy_kind { SIM_TO_DEVICE, SIM_TO_HOST, SIM_ON_DEVICE, SIM_ON_HOST } sim_copy_kind;

typedef struct sim_event sim_event;
typedef struct sim_exec sim_exec;
typedef struct sim_capture sim_capture;

// A place in a stream: behind as many operations as were ever queued in it.
typedef struct sim_marker {
    sim_stream *stream;
    uint64_t position;
} sim_marker;

typedef struct sim_op {
    sim_op_kind kind;
    union {
        struct {
            sim_kernel *kernel;
            sim_launch launch;
            void **params;  // owned, with the values behind it; launch.params is this
        } run;
        struct {
            sim_copy_kind kind;
            uint64_t to, from;
            size_t bytes;
            void *staged;  // owned; NULL: the bytes are read when the copy is run
        } copy;
        struct {
            uint64_t to;
            size_t count;
            uint32_t value;
            int width;  // 1 or 4
        } fill;
        sim_exec *exec;
        sim_event *event;
        sim_marker wait;
    };
} sim_op;

// ---- operations (driver_op.c, driver_run.c) ----
sim_op sim_op_copy(const sim_op *op);  // with what it owns
void sim_op_free(sim_op *op);
// Whether it reads or writes some of these bytes; a kernel does if a parameter points into them.
bool sim_op_uses(const sim_op *op, uint64_t base, size_t bytes);
// Whether it will read some of these bytes of the host.
bool sim_op_reads_host(const sim_op *op, uint64_t base, size_t bytes);
bool sim_op_has_code(const sim_op *op, const sim_loaded *module);
// Runs it. An error is what the context fails with.
CUresult sim_op_run(const sim_op *op);
// Runs an executable graph's nodes, each after those that it depends on.
CUresult sim_exec_run(const sim_exec *exec);
// What a graph that is launched will copy to the host is not there yet. (driver_copy.c)
void sim_exec_poison(sim_context *context, sim_exec *exec);

// ---- sets of nodes of a capture, which is what the next one depends on (driver_capture.c) ----
typedef struct sim_set {
    int *items;
    int count;
} sim_set;
void sim_set_add(sim_set *set, int item);
void sim_set_unite(sim_set *set, const sim_set *other);
void sim_set_assign(sim_set *set, const sim_set *other);
void sim_set_clear(sim_set *set);

// ---- streams and events (driver_queue.c, driver_stream.c, driver_event.c) ----
struct sim_stream {
    sim_object object;
    sim_stream *next;  // of the context; destroyed ones while they have work
    unsigned flags;
    int priority;
    sim_op *ops;  // those that are queued: `queued - done` from `begin`
    size_t begin, room;
    uint64_t queued, done;  // operations, ever
    sim_capture *capture;   // NULL: none
    sim_set tail;           // in a capture
};

struct sim_event {
    sim_object object;
    unsigned flags;
    sim_marker at;         // stream NULL: never recorded
    int64_t time;          // nanoseconds, when it was passed
    bool captured;         // the last record was in a capture
    sim_capture *capture;  // which; NULL: it has ended
    sim_set tail;
};

sim_stream *sim_stream_new(sim_context *context, unsigned flags, int priority);
// The stream of a handle, which may be the legacy one.
CUresult sim_stream_find(CUstream handle, sim_stream **out);
// Queues or captures an operation, which it takes in any case.
CUresult sim_submit(sim_stream *stream, sim_op op);
// Runs until the stream has come to a position. Returns what the context failed with, if it did.
CUresult sim_run_until(sim_stream *stream, uint64_t position);
CUresult sim_run_all(sim_context *context);
bool sim_passed(sim_marker marker);
uint64_t sim_random(uint64_t below);
bool sim_queued_host_read(sim_context *context, uint64_t base, size_t bytes);
// An operation that is queued and uses these bytes of memory, or code of a module; NULL: none.
const sim_op *sim_queued_use(sim_context *context, uint64_t base, size_t bytes);
const sim_op *sim_queued_code(const sim_loaded *module);
const char *sim_op_name(const sim_op *op);

// ---- captures (driver_capture.c) ----
void sim_capture_invalidate(sim_capture *capture);
CUresult sim_capture_forbids(void);  // what is potentially unsafe, in the calling thread
// What is not allowed while the context has a capture (stream NULL), or that stream is capturing:
// the capture is then invalid.
CUresult sim_capture_blocks(sim_context *context, sim_stream *stream);
CUresult sim_capture_add(sim_stream *stream, sim_op op);  // takes op
CUresult sim_capture_record(sim_event *event, sim_stream *stream);
CUresult sim_capture_wait(sim_stream *stream, sim_event *event);
// Work in the legacy stream while a stream that it waits for is capturing.
CUresult sim_capture_legacy(sim_context *context);

// ---- graphs (driver_graph.c) ----
typedef struct sim_node {
    sim_object object;
    sim_op op;
    sim_set after;  // nodes that it depends on
} sim_node;
typedef struct sim_graph {
    sim_object object;
    sim_node **nodes;
    int count;
} sim_graph;
struct sim_exec {
    sim_object object;
    sim_op *ops;
    sim_set *after;
    int count;
    sim_set host_readers;  // the nodes that read pinned memory
    sim_marker last;       // launch: the next one comes behind it
};
sim_graph *sim_graph_new(sim_context *context);
void sim_graph_release(sim_graph *graph);
int sim_graph_add(sim_graph *graph, sim_op op, const sim_set *after);  // its number

#endif
