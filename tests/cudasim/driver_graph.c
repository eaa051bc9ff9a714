// Graphs as captures make them, and executable ones.
#include <stdlib.h>
#include <string.h>

#include "tests/cudasim/driver_queue.h"

sim_graph *sim_graph_new(sim_context *context) {
    return sim_object_new(SIM_IS_GRAPH, sizeof(sim_graph), context);
}

int sim_graph_add(sim_graph *graph, sim_op op, const sim_set *after) {
    sim_node *node = sim_object_new(SIM_IS_NODE, sizeof *node, graph->object.context);
    node->op = op;
    sim_set_assign(&node->after, after);
    size_t bytes = (size_t)(graph->count + 1) * sizeof(sim_node *);
    graph->nodes = sim_must_grow(graph->nodes, bytes);
    graph->nodes[graph->count] = node;
    return graph->count++;
}

void sim_graph_release(sim_graph *graph) {
    for (int i = 0; i < graph->count; i++) {
        sim_op_free(&graph->nodes[i]->op);
        sim_set_clear(&graph->nodes[i]->after);
        graph->nodes[i]->object.destroyed = true;
    }
    free(graph->nodes);
    graph->nodes = NULL;
    graph->count = 0;
    graph->object.destroyed = true;
}

static CUresult destroy(CUgraph handle) {
    sim_graph *graph;
    SIM_TRY(sim_object_find(SIM_IS_GRAPH, handle, &graph));
    sim_graph_release(graph);
    return CUDA_SUCCESS;
}
CUresult cuGraphDestroy(CUgraph graph) { SIM_CALL(SIM_CONTEXT, destroy(graph)); }

static CUresult get_nodes(CUgraph handle, CUgraphNode *nodes, size_t *count) {
    sim_graph *graph;
    if (!count) return CUDA_ERROR_INVALID_VALUE;
    SIM_TRY(sim_object_find(SIM_IS_GRAPH, handle, &graph));
    size_t all = (size_t)graph->count;
    for (size_t i = 0; nodes && i < *count; i++) {
        nodes[i] = i < all ? graph->nodes[i]->object.handle : NULL;
    }
    if (!nodes || *count > all) *count = all;
    return CUDA_SUCCESS;
}
CUresult cuGraphGetNodes(CUgraph graph, CUgraphNode *nodes, size_t *count) {
    SIM_CALL(SIM_CONTEXT, get_nodes(graph, nodes, count));
}

static CUresult get_type(CUgraphNode handle, CUgraphNodeType *type) {
    sim_node *node;
    if (!type) return CUDA_ERROR_INVALID_VALUE;
    SIM_TRY(sim_object_find(SIM_IS_NODE, handle, &node));
    *type = node->op.kind == SIM_OP_KERNEL ? CU_GRAPH_NODE_TYPE_KERNEL
            : node->op.kind == SIM_OP_COPY ? CU_GRAPH_NODE_TYPE_MEMCPY
                                           : CU_GRAPH_NODE_TYPE_MEMSET;
    return CUDA_SUCCESS;
}
CUresult cuGraphNodeGetType(CUgraphNode node, CUgraphNodeType *type) {
    SIM_CALL(SIM_CONTEXT, get_type(node, type));
}

// --- executable graphs ---

static CUresult check_code(const sim_op *op) {
    if (op->kind != SIM_OP_KERNEL || !op->run.kernel->object.destroyed) return CUDA_SUCCESS;
    return sim_misuse(CUDA_ERROR_INVALID_HANDLE,
                      "the graph has a kernel whose module %d was unloaded",
                      op->run.kernel->module->object.number);
}

static bool reads_pinned(const sim_op *op) {
    for (sim_allocation *b = NULL; (b = sim_object_next(SIM_IS_MEMORY, b));) {
        if (b->pinned && sim_op_reads_host(op, b->base, b->bytes)) return true;
    }
    return false;
}

static CUresult instantiate(CUgraphExec *out, CUgraph handle, unsigned long long flags) {
    sim_graph *graph;
    unsigned long long known = CUDA_GRAPH_INSTANTIATE_FLAG_AUTO_FREE_ON_LAUNCH |
                               CUDA_GRAPH_INSTANTIATE_FLAG_USE_NODE_PRIORITY;
    if (!out || flags & ~known) return sim_refuse(CUDA_ERROR_INVALID_VALUE, "flags: %llu", flags);
    SIM_TRY(sim_object_find(SIM_IS_GRAPH, handle, &graph));
    for (int i = 0; i < graph->count; i++) SIM_TRY(check_code(&graph->nodes[i]->op));
    sim_exec *exec = sim_object_new(SIM_IS_EXEC, sizeof *exec, graph->object.context);
    exec->count = graph->count;
    exec->ops = sim_must_allocate((size_t)exec->count * sizeof *exec->ops);
    exec->after = sim_must_allocate((size_t)exec->count * sizeof *exec->after);
    for (int i = 0; i < exec->count; i++) {
        exec->ops[i] = sim_op_copy(&graph->nodes[i]->op);
        sim_set_assign(&exec->after[i], &graph->nodes[i]->after);
        if (reads_pinned(&exec->ops[i])) sim_set_add(&exec->host_readers, i);
    }
    sim_count.instantiations++;
    *out = exec->object.handle;
    return CUDA_SUCCESS;
}
CUresult cuGraphInstantiateWithFlags(CUgraphExec *exec, CUgraph graph, unsigned long long flags) {
    SIM_CALL(SIM_CONTEXT, instantiate(exec, graph, flags));
}
CUresult cuGraphInstantiate_v2(CUgraphExec *exec, CUgraph graph, CUgraphNode *error_node, char *log,
                               size_t log_bytes) {
    if (error_node) *error_node = NULL;
    if (log && log_bytes) *log = 0;
    SIM_CALL(SIM_CONTEXT, instantiate(exec, graph, 0));
}

static CUresult find(CUgraphExec handle, CUstream stream_handle, sim_exec **exec,
                     sim_stream **stream) {
    SIM_TRY(sim_object_find(SIM_IS_EXEC, handle, exec));
    SIM_TRY(sim_stream_find(stream_handle, stream));
    if ((*exec)->object.context != (*stream)->object.context) {
        return sim_misuse(CUDA_ERROR_INVALID_HANDLE, "graph and stream are of two contexts");
    }
    if (!(*stream)->capture) return CUDA_SUCCESS;
    return sim_misuse(CUDA_ERROR_NOT_SUPPORTED, "graphs inside graphs are not simulated");
}

// Launches of one executable graph run one after another, whatever their streams are.
static CUresult launch(CUgraphExec handle, CUstream stream_handle) {
    sim_exec *exec;
    sim_stream *stream;
    SIM_TRY(find(handle, stream_handle, &exec, &stream));
    for (int i = 0; i < exec->count; i++) SIM_TRY(check_code(&exec->ops[i]));
    if (!sim_passed(exec->last) && exec->last.stream != stream) {
        SIM_TRY(sim_submit(stream, (sim_op){.kind = SIM_OP_WAIT, .wait = exec->last}));
    }
    sim_exec_poison(stream->object.context, exec);
    sim_count.graph_launches++;
    SIM_TRY(sim_submit(stream, (sim_op){.kind = SIM_OP_GRAPH, .exec = exec}));
    exec->last = (sim_marker){stream, stream->queued};
    return CUDA_SUCCESS;
}
CUresult cuGraphLaunch(CUgraphExec exec, CUstream stream) {
    SIM_CALL(SIM_CONTEXT, launch(exec, stream));
}

static CUresult upload(CUgraphExec handle, CUstream stream_handle) {
    sim_exec *exec;
    sim_stream *stream;
    return find(handle, stream_handle, &exec, &stream);
}
CUresult cuGraphUpload(CUgraphExec exec, CUstream stream) {
    SIM_CALL(SIM_CONTEXT, upload(exec, stream));
}

// The driver keeps a graph that runs; here it is run first.
static CUresult destroy_exec(CUgraphExec handle) {
    sim_exec *exec;
    SIM_TRY(sim_object_find(SIM_IS_EXEC, handle, &exec));
    if (exec->last.stream) sim_run_until(exec->last.stream, exec->last.position);
    for (int i = 0; i < exec->count; i++) {
        sim_op_free(&exec->ops[i]);
        sim_set_clear(&exec->after[i]);
    }
    sim_set_clear(&exec->host_readers);
    free(exec->ops);
    free(exec->after);
    exec->count = 0;
    exec->object.destroyed = true;
    return CUDA_SUCCESS;
}
CUresult cuGraphExecDestroy(CUgraphExec exec) { SIM_CALL(SIM_CONTEXT, destroy_exec(exec)); }
