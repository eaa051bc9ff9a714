// Running a graph: the order of its nodes, what each value is kept in and for how long.
//
// A value is a tensor and a period: element i is the tensor's element i % period. Constants and
// most broadcasts stay that small; elementwise kernels read them so, others get them laid out. A
// value's tensor may have another shape than its node (RESHAPE shares it): inside, the node's type
// counts.
//
// A value is dropped after its last use, and an elementwise op then writes over it. Blocks of
// memory go round through `buffers`, from node to node and from run to run.
#include "codegen/interp/interp.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "codegen/interp/kernel.h"
#include "runtime/base/interrupt.h"

typedef struct value {
    dn_tensor *tensor;  // NULL: none yet, or no more
    int64_t period;     // at least 1; dense if not below the number of elements
} value;

struct dn_interp {
    const dn_graph *graph;
    dn_arena arena;
    dn_node **order;  // live nodes
    int n_order;
    int *last_use;  // by node id: position in order; KEPT to the end; UNUSED
    value *values;  // by node id
    int most_in;    // operands of any node
    dn_buffers buffers;
};

enum { UNUSED = -1, KEPT = INT_MAX };

// ---- Preparation ----

static void find_last_uses(dn_interp *interp) {
    const dn_graph *graph = interp->graph;
    interp->last_use = DN_NEW_ARRAY(&interp->arena, int, graph->n_nodes + 1);
    for (int i = 0; i < graph->n_nodes; i++) interp->last_use[i] = UNUSED;
    for (int p = 0; p < interp->n_order; p++) {
        const dn_node *node = interp->order[p];
        for (int k = 0; k < node->n_in; k++) interp->last_use[node->in[k]->id] = p;
        if (node->n_in > interp->most_in) interp->most_in = node->n_in;
    }
    for (int i = 0; i < graph->n_outputs; i++) interp->last_use[graph->outputs[i].node->id] = KEPT;
    for (int i = 0; i < graph->n_updates; i++) interp->last_use[graph->updates[i].node->id] = KEPT;
}

static void find_order(dn_interp *interp) {
    const dn_graph *graph = interp->graph;
    bool *live = dn_xcalloc((size_t)graph->n_nodes + 1, sizeof *live);
    dn_graph_live(graph, live);
    interp->order = DN_NEW_ARRAY(&interp->arena, dn_node *, graph->n_nodes + 1);
    for (int i = 0; i < graph->n_nodes; i++) {
        if (live[i]) interp->order[interp->n_order++] = graph->nodes[i];
    }
    free(live);
}

dn_status dn_interp_new(const dn_graph *graph, dn_interp **out) {
    DN_TRY(dn_graph_verify(graph, true));
    dn_interp *interp = dn_xcalloc(1, sizeof *interp);
    interp->graph = graph;
    find_order(interp);
    find_last_uses(interp);
    interp->values = DN_NEW_ARRAY(&interp->arena, value, graph->n_nodes + 1);
    *out = interp;
    return DN_SUCCESS;
}

void dn_interp_free(dn_interp *interp) {
    if (!interp) return;
    dn_buffers_free(&interp->buffers);
    dn_arena_free(&interp->arena);
    free(interp);
}

void dn_interp_poison(dn_interp *interp) { interp->buffers.poison = true; }

// ---- Values ----

typedef struct run {
    dn_interp *interp;
    dn_pool *pool;
    const dn_interp_args *args;
    const dn_node *node;  // under evaluation
    int position;
    const void **in;  // of it
    int64_t *period;
} run;

static value *value_of(const run *r, const dn_node *node) { return &r->interp->values[node->id]; }

static bool is_dense(const value *v, const dn_node *node) {
    return v->period >= dn_type_count(&node->type);
}

static void set(const run *r, const dn_node *node, dn_tensor *tensor, int64_t period) {
    *value_of(r, node) = (value){tensor, dn_max(1, period)};
}

static void drop(dn_interp *interp, value *v) {
    dn_buffers_release(&interp->buffers, v->tensor);
    v->tensor = NULL;
}

static void drop_all(dn_interp *interp) {
    for (int p = 0; p < interp->n_order; p++) drop(interp, &interp->values[interp->order[p]->id]);
}

// A tensor for `period` elements of a node's dtype; of the node's shape if that is all of them.
static dn_status allocate(const run *r, const dn_node *node, int64_t period, dn_tensor **out) {
    dn_shape shape = dn_type_shape(&node->type);
    if (period < dn_type_count(&node->type)) shape = dn_shape_of(1, &period);
    return dn_buffers_tensor(&r->interp->buffers, node->type.dtype, &shape, out);
}

// Lays out a value that repeats.
static dn_status make_dense(const run *r, const dn_node *node) {
    value *v = value_of(r, node);
    dn_tensor *tensor;
    if (is_dense(v, node)) return DN_SUCCESS;
    int64_t count = dn_type_count(&node->type);
    DN_TRY(allocate(r, node, count, &tensor));
    dn_eval e = {.pool = r->pool};
    dn_copy copy = {
        .rank = 2, .dims = {count / v->period, v->period}, .to = {v->period, 1}, .from = {0, 1}};
    dn_copy_run(&e, copy, dn_dtype_size(node->type.dtype), tensor->data, v->tensor->data);
    drop(r->interp, v);
    set(r, node, tensor, count);
    return DN_SUCCESS;
}

// ---- One node ----

static dn_status call_kernel(const run *r, void *out, int64_t count) {
    const dn_node *node = r->node;
    for (int k = 0; k < node->n_in; k++) {
        const value *v = value_of(r, node->in[k]);
        r->in[k] = v->tensor->data;
        r->period[k] = v->period;
    }
    dn_eval e = {.node = node,
                 .pool = r->pool,
                 .buffers = &r->interp->buffers,
                 .in = r->in,
                 .period = r->period,
                 .out = out,
                 .count = count,
                 .seed = r->args->seed,
                 .step = r->args->step};
    return dn_evaluate(&e);
}

// The same elements as the operand's, under the node's type.
static void forward(const run *r, int64_t period) {
    set(r, r->node, dn_tensor_retain(value_of(r, r->node->in[0])->tensor), period);
}

// After how many elements the result of an elementwise op repeats: as its operands do, if they
// agree.
static int64_t elementwise_period(const run *r) {
    int64_t longest = 1, count = dn_type_count(&r->node->type);
    for (int k = 0; k < r->node->n_in; k++)
        longest = dn_max(longest, dn_min(count, value_of(r, r->node->in[k])->period));
    for (int k = 0; k < r->node->n_in; k++) {
        int64_t period = value_of(r, r->node->in[k])->period;
        if (period < longest && longest % period != 0) return count;
    }
    return dn_min(longest, count);
}

// An operand whose memory the result may take: it is dense, of the same size, used here for the
// last time and held by nobody else.
static value *find_reusable(const run *r) {
    const dn_node *node = r->node;
    for (int k = 0; k < node->n_in; k++) {
        value *v = value_of(r, node->in[k]);
        if (r->interp->last_use[node->in[k]->id] == r->position && is_dense(v, node->in[k]) &&
            __atomic_load_n(&v->tensor->references, __ATOMIC_ACQUIRE) == 1 &&
            dn_dtype_size(node->in[k]->type.dtype) == dn_dtype_size(node->type.dtype))
            return v;
    }
    return NULL;
}

static dn_status run_elementwise(const run *r) {
    const dn_node *node = r->node;
    int64_t period = elementwise_period(r), count = dn_type_count(&node->type);
    value *reused = period == count ? find_reusable(r) : NULL;
    dn_tensor *tensor;
    if (reused) {
        DN_TRY(call_kernel(r, reused->tensor->data, count));
        tensor = reused->tensor;
        reused->tensor = NULL;
        tensor->dtype = node->type.dtype;
        tensor->shape = dn_type_shape(&node->type);
    } else {
        DN_TRY(allocate(r, node, period, &tensor));
        dn_status status = call_kernel(r, tensor->data, period);
        if (status) dn_buffers_release(&r->interp->buffers, tensor);
        DN_TRY(status);
    }
    set(r, node, tensor, period);
    return DN_SUCCESS;
}

static dn_status run_general(const run *r) {
    const dn_node *node = r->node;
    int64_t count = dn_type_count(&node->type);
    int64_t period = node->op == DN_OP_CONST && count ? 1 : count;
    dn_tensor *tensor;
    for (int k = 0; k < node->n_in; k++) DN_TRY(make_dense(r, node->in[k]));
    DN_TRY(allocate(r, node, period, &tensor));
    dn_status status = call_kernel(r, tensor->data, period);
    if (status) {
        dn_buffers_release(&r->interp->buffers, tensor);
        return status;
    }
    set(r, node, tensor, period);
    return DN_SUCCESS;
}

static dn_status run_broadcast(const run *r) {
    const dn_node *node = r->node;
    int64_t count = dn_type_count(&node->type);
    if (count == 0) return run_general(r);
    int64_t period = dn_broadcast_period(node, value_of(r, node->in[0])->period);
    if (period == count && dn_type_count(&node->in[0]->type) != count) return run_general(r);
    forward(r, period);
    return DN_SUCCESS;
}

static void run_leaf(const run *r, dn_tensor *tensor) {
    set(r, r->node, dn_tensor_retain(tensor), dn_type_count(&r->node->type));
}

static dn_status run_node(const run *r) {
    const dn_node *node = r->node;
    switch (node->op) {
        case DN_OP_INPUT:
            run_leaf(r, r->args->inputs[dn_node_int(node, DN_ATTR_INDEX)]);
            return DN_SUCCESS;
        case DN_OP_VAR:
            run_leaf(r, r->args->vars[dn_node_int(node, DN_ATTR_INDEX)]);
            return DN_SUCCESS;
        case DN_OP_RESHAPE:
        case DN_OP_STOP_GRADIENT: forward(r, value_of(r, node->in[0])->period); return DN_SUCCESS;
        case DN_OP_BROADCAST: return run_broadcast(r);
        case DN_OP_CAST:
        case DN_OP_SELECT:
        case DN_OP_IS_FINITE: return run_elementwise(r);
        default:
            return dn_op_get(node->op)->class == DN_CLASS_OTHER ? run_general(r)
                                                                : run_elementwise(r);
    }
}

static void drop_dead(const run *r) {
    for (int k = 0; k < r->node->n_in; k++) {
        if (r->interp->last_use[r->node->in[k]->id] == r->position)
            drop(r->interp, value_of(r, r->node->in[k]));
    }
}

static dn_status run_nodes(run *r) {
    dn_interp *interp = r->interp;
    for (r->position = 0; r->position < interp->n_order; r->position++) {
        r->node = NULL;
        if (dn_interrupt_requested()) return dn_fail(DN_INTERRUPTED, "interrupted");
        r->node = interp->order[r->position];
        DN_TRY(run_node(r));
        drop_dead(r);
    }
    r->node = NULL;
    return DN_SUCCESS;
}

// ---- Arguments and results ----

static dn_status check_arg(const char *what, const char *name, const dn_tensor *tensor,
                           const dn_type *type) {
    dn_shape shape = dn_type_shape(type);
    if (tensor && tensor->dtype == type->dtype && dn_shape_equal(&tensor->shape, &shape))
        return DN_SUCCESS;
    dn_str want = {0}, have = {0};
    dn_shape_print(&want, type->dtype, &shape);
    if (tensor) dn_shape_print(&have, tensor->dtype, &tensor->shape);
    dn_status status = dn_fail(DN_INVALID, "%s %s is %s and has to be %s", what, name,
                               tensor ? have.text : "missing", want.text);
    free(want.text);
    free(have.text);
    return status;
}

static dn_status check_args(const dn_interp *interp, const dn_interp_args *args) {
    const dn_graph *graph = interp->graph;
    for (int i = 0; i < graph->n_inputs; i++)
        DN_TRY(check_arg("input", graph->inputs[i].name, args->inputs[i],
                         &graph->inputs[i].node->type));
    for (int i = 0; i < graph->n_vars; i++)
        DN_TRY(check_arg("variable", graph->vars[i].name, args->vars[i], &graph->vars[i].type));
    return DN_SUCCESS;
}

// A reference to a value as a tensor of its own type.
static dn_status take_result(const run *r, const dn_node *node, dn_tensor **out) {
    DN_TRY(make_dense(r, node));
    dn_tensor *tensor = value_of(r, node)->tensor;
    dn_shape shape = dn_type_shape(&node->type);
    if (!dn_shape_equal(&tensor->shape, &shape)) {
        if (__atomic_load_n(&tensor->references, __ATOMIC_ACQUIRE) == 1) {
            tensor->shape = shape;
        } else {
            DN_TRY(allocate(r, node, dn_type_count(&node->type), out));
            memcpy((*out)->data, tensor->data, (*out)->bytes);
            return DN_SUCCESS;
        }
    }
    *out = dn_tensor_retain(tensor);
    return DN_SUCCESS;
}

// All results, outputs first, then updates; `results` holds what was taken also on failure.
static dn_status take_results(run *r, dn_tensor **results) {
    const dn_graph *graph = r->interp->graph;
    int n = 0;
    for (int i = 0; i < graph->n_outputs; i++) {
        r->node = graph->outputs[i].node;
        DN_TRY(take_result(r, r->node, &results[n++]));
    }
    for (int i = 0; i < graph->n_updates; i++) {
        r->node = graph->updates[i].node;
        DN_TRY(take_result(r, r->node, &results[n++]));
    }
    return DN_SUCCESS;
}

// Nothing can fail any more.
static void commit(dn_interp *interp, dn_interp_args *args, dn_tensor **results) {
    const dn_graph *graph = interp->graph;
    for (int i = 0; i < graph->n_outputs; i++) args->outputs[i] = results[i];
    for (int i = 0; i < graph->n_updates; i++) {
        dn_tensor **var = &args->vars[graph->updates[i].var];
        dn_buffers_release(&interp->buffers, *var);
        *var = results[graph->n_outputs + i];
    }
}

dn_status dn_interp_run(dn_interp *interp, dn_pool *pool, dn_interp_args *args,
                        const dn_node **culprit) {
    if (culprit) *culprit = NULL;
    DN_TRY(check_args(interp, args));
    int n = interp->graph->n_outputs + interp->graph->n_updates;
    dn_tensor **results = dn_xcalloc((size_t)n + 1, sizeof *results);
    run r = {.interp = interp, .pool = pool, .args = args};
    r.in = dn_xcalloc((size_t)interp->most_in + 1, sizeof *r.in);
    r.period = dn_xcalloc((size_t)interp->most_in + 1, sizeof *r.period);
    dn_status status = run_nodes(&r);
    if (!status) status = take_results(&r, results);
    drop_all(interp);
    if (!status) {
        commit(interp, args, results);
    } else {
        if (culprit) *culprit = r.node;
        for (int i = 0; i < n; i++) dn_buffers_release(&interp->buffers, results[i]);
    }
    free(results);
    free(r.in);
    free(r.period);
    return status;
}
