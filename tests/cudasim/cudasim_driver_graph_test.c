// Capture and graphs of the simulated driver: what is recorded, in which order it is run, and what
// is not allowed meanwhile.
#include <pthread.h>

#include "tests/cudasim/driver_trial.h"

static CUstream first, second;
static CUevent fork_event, join_event;
static CUdeviceptr data;
static unsigned *pinned;

static void begin_two_streams(void) {
    begin();
    CHECK_CU(cu.cuStreamCreate(&first, CU_STREAM_NON_BLOCKING));
    CHECK_CU(cu.cuStreamCreate(&second, CU_STREAM_NON_BLOCKING));
    CHECK_CU(cu.cuEventCreate(&fork_event, CU_EVENT_DISABLE_TIMING));
    CHECK_CU(cu.cuEventCreate(&join_event, CU_EVENT_DISABLE_TIMING));
    data = device_words(4);
    pinned = pinned_words(4);
    CHECK_CU(cu.cuMemsetD32_v2(data, 1, 4));
    CHECK_CU(cu.cuCtxSynchronize());
}

static void end_two_streams(void) {
    CHECK_CU(cu.cuMemFreeHost(pinned));
    CHECK_CU(cu.cuMemFree_v2(data));
    CHECK_CU(cu.cuEventDestroy_v2(fork_event));
    CHECK_CU(cu.cuEventDestroy_v2(join_event));
    CHECK_CU(cu.cuStreamDestroy_v2(first));
    CHECK_CU(cu.cuStreamDestroy_v2(second));
    end();
}

static CUresult begin_capture(CUstream stream) {
    return cu.cuStreamBeginCapture_v2(stream, CU_STREAM_CAPTURE_MODE_THREAD_LOCAL);
}

static CUstreamCaptureStatus status_of(CUstream stream) {
    CUstreamCaptureStatus status = CU_STREAM_CAPTURE_STATUS_INVALIDATED;
    CHECK_CU(cu.cuStreamIsCapturing(stream, &status));
    return status;
}

// --- a chain ---

static void check_nodes(CUgraph graph) {
    size_t count = 0;
    CUgraphNode nodes[8] = {NULL};
    CHECK_CU(cu.cuGraphGetNodes(graph, NULL, &count));
    CHECK(count == 4);
    count = 8;
    CHECK_CU(cu.cuGraphGetNodes(graph, nodes, &count));
    CHECK(count == 4 && !nodes[4]);
    CUgraphNodeType wanted[] = {CU_GRAPH_NODE_TYPE_MEMCPY, CU_GRAPH_NODE_TYPE_KERNEL,
                                CU_GRAPH_NODE_TYPE_MEMSET, CU_GRAPH_NODE_TYPE_MEMCPY};
    for (int i = 0; i < 4; i++) {
        CUgraphNodeType type = CU_GRAPH_NODE_TYPE_KERNEL;
        CHECK_CU(cu.cuGraphNodeGetType(nodes[i], &type));
        CHECK(type == wanted[i], "node %d: %d", i, type);
    }
}

static void chain(void) {
    begin_two_streams();
    CUgraph graph;
    CUgraphExec exec;
    CHECK_CU(begin_capture(first));
    CHECK(status_of(first) == CU_STREAM_CAPTURE_STATUS_ACTIVE);
    CHECK_CU(cu.cuMemcpyHtoDAsync_v2(data, pinned, 4, first));
    CHECK_CU(scale(data, 1, 3, 1, first));  // parameters are kept as they are now
    CHECK_CU(cu.cuMemsetD32Async(data + 4, 9, 1, first));
    CHECK_CU(cu.cuMemcpyDtoHAsync_v2(pinned + 1, data, 8, first));
    CHECK_CU(cu.cuStreamEndCapture(first, &graph));
    CHECK(status_of(first) == CU_STREAM_CAPTURE_STATUS_NONE);
    check_nodes(graph);
    CHECK_CU(cu.cuGraphInstantiateWithFlags(&exec, graph, 0));
    CHECK_CU(cu.cuGraphDestroy(graph));
    CHECK_CU(cu.cuGraphUpload(exec, first));
    CHECK(cu.cudasim_count("launches") == 0 && cu.cudasim_count("graph_kernels") == 0);
    for (unsigned i = 0; i < 3; i++) {
        pinned[0] = i;
        CHECK_CU(cu.cuGraphLaunch(exec, i == 2 ? second : first));
        CHECK(pinned[1] == 0xCDCDCDCD);
        CHECK_CU(cu.cuStreamSynchronize(i == 2 ? second : first));
        CHECK(pinned[1] == 3 * i + 1 && pinned[2] == 9, "%u, %u", pinned[1], pinned[2]);
    }
    CHECK(cu.cudasim_count("graph_launches") == 3 && cu.cudasim_count("graph_kernels") == 3);
    CHECK(cu.cudasim_count("instantiations") == 1 && cu.cudasim_count("captures") == 1);
    CHECK(cu.cudasim_count("bytes_to_host") == 24);
    // Launches of one graph come one after the other, in whatever streams.
    pinned[0] = 7;
    CHECK_CU(cu.cuGraphLaunch(exec, first));
    CHECK_CU(cu.cuGraphLaunch(exec, second));
    CHECK_CU(cu.cuStreamSynchronize(second));
    CHECK(cu.cudasim_count("graph_kernels") == 5);
    CHECK_CU(cu.cuGraphLaunch(exec, first));
    CHECK_CU(cu.cuGraphExecDestroy(exec));
    CHECK_CU(cu.cuStreamSynchronize(first));
    end_two_streams();
}

// --- branches ---

// Captures data = (data + 1) * 10 in one stream beside data * 2 in the other; without a fork event
// in between they are two branches.
static CUgraph capture_branches(bool ordered) {
    CUgraph graph = NULL;
    CHECK_CU(begin_capture(first));
    CHECK_CU(scale(data, 1, 1, 1, first));
    CHECK_CU(cu.cuEventRecord(fork_event, first));
    CHECK_CU(cu.cuStreamWaitEvent(second, fork_event, 0));
    CHECK(status_of(second) == CU_STREAM_CAPTURE_STATUS_ACTIVE);
    CHECK_CU(scale(data, 1, 2, 0, second));
    CHECK_CU(cu.cuEventRecord(join_event, second));
    if (ordered) CHECK_CU(cu.cuStreamWaitEvent(first, join_event, 0));
    CHECK_CU(scale(data, 1, 1, 5, first));
    if (!ordered) CHECK_CU(cu.cuStreamWaitEvent(first, join_event, 0));
    CHECK_CU(scale(data, 1, 10, 0, first));
    CHECK_CU(cu.cuStreamEndCapture(first, &graph));
    CHECK(status_of(second) == CU_STREAM_CAPTURE_STATUS_NONE);
    return graph;
}

static unsigned run_branches(bool ordered) {
    CUgraphExec exec;
    CUgraph graph = capture_branches(ordered);
    CHECK_CU(cu.cuMemsetD32Async(data, 1, 4, first));
    CHECK_CU(cu.cuGraphInstantiateWithFlags(&exec, graph, 0));
    CHECK_CU(cu.cuGraphLaunch(exec, first));
    CHECK_CU(cu.cuMemcpyDtoHAsync_v2(pinned, data, 4, first));
    CHECK_CU(cu.cuStreamSynchronize(first));
    CHECK_CU(cu.cuGraphExecDestroy(exec));
    CHECK_CU(cu.cuGraphDestroy(graph));
    return pinned[0];
}

enum { DOUBLED_FIRST = ((1 + 1) * 2 + 5) * 10, DOUBLED_LAST = (1 + 1 + 5) * 2 * 10 };

static void branches_late(void) {  // the branch that was captured last goes first
    begin_two_streams();
    CHECK(run_branches(true) == DOUBLED_FIRST);
    CHECK(run_branches(false) == DOUBLED_LAST);
    end_two_streams();
}
static void branches_early(void) {
    begin_two_streams();
    CHECK(run_branches(true) == DOUBLED_FIRST);
    CHECK(run_branches(false) == DOUBLED_FIRST);
    end_two_streams();
}
static void branches_random(void) {
    begin_two_streams();
    int seen[2] = {0, 0};
    for (int i = 0; i < 40; i++) {
        CHECK(run_branches(true) == DOUBLED_FIRST);
        unsigned word = run_branches(false);
        CHECK(word == DOUBLED_FIRST || word == DOUBLED_LAST);
        seen[word == DOUBLED_LAST]++;
    }
    CHECK(seen[0] > 0 && seen[1] > 0);
    end_two_streams();
}

// --- what breaks a capture ---

// Ends a capture that was broken.
static void check_broken(void) {
    CUgraph graph = NULL;
    CHECK(status_of(first) == CU_STREAM_CAPTURE_STATUS_INVALIDATED);
    CHECK_IS(scale(data, 1, 1, 1, first), CUDA_ERROR_STREAM_CAPTURE_INVALIDATED);
    CHECK_IS(cu.cuStreamEndCapture(first, &graph), CUDA_ERROR_STREAM_CAPTURE_INVALIDATED);
    CHECK(!graph && status_of(first) == CU_STREAM_CAPTURE_STATUS_NONE);
}

static void broken_by_waiting(void) {
    begin_two_streams();
    CHECK_CU(begin_capture(first));
    CHECK_IS(cu.cuStreamSynchronize(first), CUDA_ERROR_STREAM_CAPTURE_UNSUPPORTED);
    check_broken();
    CHECK_CU(begin_capture(first));
    CHECK_IS(cu.cuStreamQuery(first), CUDA_ERROR_STREAM_CAPTURE_UNSUPPORTED);
    check_broken();
    CHECK_CU(begin_capture(first));
    CHECK_IS(cu.cuCtxSynchronize(), CUDA_ERROR_STREAM_CAPTURE_UNSUPPORTED);
    check_broken();
    CHECK_CU(begin_capture(first));
    CHECK_CU(cu.cuEventRecord(fork_event, first));
    CHECK_IS(cu.cuEventSynchronize(fork_event), CUDA_ERROR_STREAM_CAPTURE_UNSUPPORTED);
    check_broken();
    CHECK_IS(cu.cuEventQuery(fork_event), CUDA_ERROR_CAPTURED_EVENT);
    end_two_streams();
}

static void broken_by_memory(void) {
    begin_two_streams();
    CUdeviceptr other = 0;
    unsigned pageable = 0;
    CHECK_CU(begin_capture(first));
    CHECK_IS(cu.cuMemAlloc_v2(&other, 4), CUDA_ERROR_STREAM_CAPTURE_UNSUPPORTED);
    check_broken();
    CHECK_CU(begin_capture(first));
    CHECK_IS(cu.cuMemFree_v2(data), CUDA_ERROR_STREAM_CAPTURE_UNSUPPORTED);
    check_broken();
    CHECK_CU(begin_capture(first));
    CHECK_IS(cu.cuMemcpyHtoDAsync_v2(data, &pageable, 4, first),
             CUDA_ERROR_STREAM_CAPTURE_UNSUPPORTED);
    check_broken();
    CHECK_CU(begin_capture(first));
    CHECK_IS(cu.cuMemcpyDtoH_v2(&pageable, data, 4), CUDA_ERROR_STREAM_CAPTURE_UNSUPPORTED);
    check_broken();
    // A relaxed capture allows what is potentially unsafe.
    CUgraph graph;
    CHECK_CU(cu.cuStreamBeginCapture_v2(first, CU_STREAM_CAPTURE_MODE_RELAXED));
    CHECK_CU(cu.cuMemAlloc_v2(&other, 4));
    CHECK_CU(cu.cuStreamEndCapture(first, &graph));
    CHECK_CU(cu.cuMemFree_v2(other));
    CHECK_CU(cu.cuGraphDestroy(graph));
    end_two_streams();
}

static void broken_by_streams(void) {
    begin_two_streams();
    CUgraph graph;
    CUstream blocking;
    CHECK_CU(cu.cuStreamCreate(&blocking, CU_STREAM_DEFAULT));
    CHECK_IS(begin_capture(NULL), CUDA_ERROR_STREAM_CAPTURE_UNSUPPORTED);
    CHECK_IS(cu.cuStreamEndCapture(first, &graph), CUDA_ERROR_ILLEGAL_STATE);
    // An event from outside.
    CHECK_CU(scale(data, 1, 1, 1, second));
    CHECK_CU(cu.cuEventRecord(fork_event, second));
    CHECK_CU(begin_capture(first));
    CHECK_IS(begin_capture(first), CUDA_ERROR_ILLEGAL_STATE);
    CHECK_IS(cu.cuStreamWaitEvent(first, fork_event, 0), CUDA_ERROR_STREAM_CAPTURE_ISOLATION);
    check_broken();
    // Two captures.
    CHECK_CU(begin_capture(first));
    CHECK_CU(begin_capture(second));
    CHECK_CU(cu.cuEventRecord(fork_event, first));
    CHECK_IS(cu.cuStreamWaitEvent(second, fork_event, 0), CUDA_ERROR_STREAM_CAPTURE_MERGE);
    CHECK_IS(cu.cuStreamEndCapture(second, &graph), CUDA_ERROR_STREAM_CAPTURE_INVALIDATED);
    check_broken();
    // The legacy stream waits for a stream that blocks, and not for others.
    CHECK_CU(begin_capture(first));
    CHECK_CU(scale(data, 1, 1, 1, NULL));
    CHECK_CU(cu.cuStreamEndCapture(first, &graph));
    CHECK_CU(cu.cuGraphDestroy(graph));
    CHECK_CU(begin_capture(blocking));
    CHECK_IS(scale(data, 1, 1, 1, NULL), CUDA_ERROR_STREAM_CAPTURE_IMPLICIT);
    CHECK_IS(cu.cuStreamEndCapture(blocking, &graph), CUDA_ERROR_STREAM_CAPTURE_INVALIDATED);
    CHECK_CU(cu.cuStreamDestroy_v2(blocking));
    end_two_streams();
}

static void not_joined(void) {
    begin_two_streams();
    CUgraph graph;
    CHECK_CU(begin_capture(first));
    CHECK_CU(cu.cuEventRecord(fork_event, first));
    CHECK_CU(cu.cuStreamWaitEvent(second, fork_event, 0));
    CHECK_CU(scale(data, 1, 1, 1, second));
    CHECK_IS(cu.cuStreamEndCapture(first, &graph), CUDA_ERROR_STREAM_CAPTURE_UNJOINED);
    CHECK(status_of(second) == CU_STREAM_CAPTURE_STATUS_NONE);
    // The wrong stream ends it.
    CHECK_CU(begin_capture(first));
    CHECK_CU(cu.cuEventRecord(fork_event, first));
    CHECK_CU(cu.cuStreamWaitEvent(second, fork_event, 0));
    CHECK_IS(cu.cuStreamEndCapture(second, &graph), CUDA_ERROR_STREAM_CAPTURE_UNMATCHED);
    check_broken();
    end_two_streams();
}

// --- threads ---

static CUresult in_thread[2];
static void *other_thread(void *unused) {
    (void)unused;
    CUgraph graph;
    CUdeviceptr memory = 0;
    CHECK_CU(cu.cuCtxSetCurrent(on.context));
    in_thread[0] = cu.cuStreamEndCapture(first, &graph);
    in_thread[1] = cu.cuMemAlloc_v2(&memory, 4);
    if (memory) CHECK_CU(cu.cuMemFree_v2(memory));
    return NULL;
}

static void run_thread(CUstreamCaptureMode mode) {
    pthread_t thread;
    CHECK_CU(cu.cuStreamBeginCapture_v2(first, mode));
    pthread_create(&thread, NULL, other_thread, NULL);
    pthread_join(thread, NULL);
    CHECK(in_thread[0] == CUDA_ERROR_STREAM_CAPTURE_WRONG_THREAD, "%d", in_thread[0]);
}

static void threads(void) {
    begin_two_streams();
    CUgraph graph;
    run_thread(CU_STREAM_CAPTURE_MODE_THREAD_LOCAL);
    CHECK(in_thread[1] == CUDA_SUCCESS);
    CHECK_CU(cu.cuStreamEndCapture(first, &graph));
    CHECK_CU(cu.cuGraphDestroy(graph));
    run_thread(CU_STREAM_CAPTURE_MODE_GLOBAL);
    CHECK(in_thread[1] == CUDA_ERROR_STREAM_CAPTURE_UNSUPPORTED);
    check_broken();
    end_two_streams();
}

// --- graphs whose memory or code is gone ---

static CUgraphExec capture_upload(CUgraph *graph) {
    CUgraphExec exec = NULL;
    CHECK_CU(begin_capture(first));
    CHECK_CU(scale(data, 1, 1, 1, first));
    CHECK_CU(cu.cuMemcpyHtoDAsync_v2(data, pinned, 4, first));
    CHECK_CU(cu.cuStreamEndCapture(first, graph));
    CHECK_CU(cu.cuGraphInstantiateWithFlags(&exec, *graph, 0));
    return exec;
}

static void code_gone(void) {
    begin_two_streams();
    CUgraph graph;
    CUgraphExec exec = capture_upload(&graph);
    CHECK_CU(cu.cuGraphLaunch(exec, first));
    CHECK_CU(cu.cuModuleUnload(on.module));
    CHECK(cu.cudasim_count("problems") == 1);
    CHECK_IS(cu.cuGraphLaunch(exec, first), CUDA_ERROR_INVALID_HANDLE);
    CHECK(cu.cudasim_count("problems") == 2);
    CHECK_CU(cu.cuGraphExecDestroy(exec));
    CHECK_CU(cu.cuGraphDestroy(graph));
    CHECK_IS(cu.cuGraphLaunch(exec, first), CUDA_ERROR_INVALID_HANDLE);
    CHECK_CU(cu.cuModuleLoadData(&on.module, trial_ptx));
    end_two_streams();
}

static void memory_gone(void) {
    begin_two_streams();
    CUgraph graph;
    CUgraphExec exec = capture_upload(&graph);
    CHECK_CU(cu.cuMemFreeHost(pinned));
    CHECK_CU(cu.cuGraphLaunch(exec, first));
    CHECK_CU(cu.cuStreamSynchronize(first));
    CHECK(cu.cudasim_count("problems") == 1);
    pinned = pinned_words(1);
    CHECK_CU(cu.cuGraphExecDestroy(exec));
    CHECK_CU(cu.cuGraphDestroy(graph));
    end_two_streams();
}

int main(void) {
    TRIAL(chain, "", CLEAN, NULL);
    TRIAL(chain, "CUDASIM_ORDER=overtake", CLEAN, NULL);
    TRIAL(branches_late, "", CLEAN, NULL);
    TRIAL(branches_early, "CUDASIM_ORDER=early", CLEAN, NULL);
    TRIAL(branches_random, "CUDASIM_ORDER=random:3", CLEAN, NULL);
    TRIAL(broken_by_waiting, "", CLEAN, NULL);
    TRIAL(broken_by_memory, "", CLEAN, NULL);
    TRIAL(broken_by_streams, "", CLEAN, NULL);
    TRIAL(not_joined, "", CLEAN, NULL);
    TRIAL(threads, "", CLEAN, NULL);
    TRIAL(code_gone, "", FOUND, "module 1 is unloaded while work that is queued uses it: a graph");
    TRIAL(memory_gone, "", FOUND, "a copy to the device runs when its memory");
    return trial_result();
}
