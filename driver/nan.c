#include "driver/nan.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "codegen/interp/interp.h"
#include "runtime/host/nonfinite.h"
#include "runtime/host/replay.h"

// ---- op by op --------------------------------------------------------------------------------

typedef struct trace {
    const dn_graph *graph;
    dn_pool *pool;
    const dn_native_call *given;
    dn_tensor **values;   // by node; NULL where it is not needed any more
    int *uses;            // that are still to come
    dn_nonfinite *found;  // by node
} trace;

static dn_status evaluate(trace *t, const dn_node *node) {
    if (node->op == DN_OP_INPUT || node->op == DN_OP_VAR) {
        dn_tensor *const *from = node->op == DN_OP_INPUT ? t->given->inputs : t->given->vars;
        t->values[node->id] = dn_tensor_retain(from[dn_node_int(node, DN_ATTR_INDEX)]);
        return DN_SUCCESS;
    }
    dn_tensor **operands = dn_xcalloc((size_t)node->n_in + 1, sizeof(dn_tensor *));
    for (int k = 0; k < node->n_in; k++) operands[k] = t->values[node->in[k]->id];
    dn_status status = dn_interp_node(t->pool, node, operands, t->given->seed, t->given->step,
                                      &t->values[node->id]);
    free(operands);
    return status;
}

static void release_used(trace *t, const dn_node *node) {
    for (int k = 0; k < node->n_in; k++) {
        int id = node->in[k]->id;
        if (--t->uses[id] > 0) continue;
        dn_tensor_release(t->values[id]);
        t->values[id] = NULL;
    }
}

static void count_uses(trace *t, const bool *live) {
    const dn_graph *graph = t->graph;
    for (int i = 0; i < graph->n_nodes; i++) {
        if (!live[i]) continue;
        for (int k = 0; k < graph->nodes[i]->n_in; k++) t->uses[graph->nodes[i]->in[k]->id]++;
    }
}

// Evaluates up to and without node `end`; the operands of `keep` stay.
static dn_status evaluate_to(trace *t, int end, const dn_node *keep) {
    const dn_graph *graph = t->graph;
    bool *live = dn_xcalloc((size_t)graph->n_nodes + 1, sizeof *live);
    dn_graph_live(graph, live);
    memset(t->uses, 0, (size_t)graph->n_nodes * sizeof *t->uses);
    count_uses(t, live);
    for (int k = 0; keep && k < keep->n_in; k++) t->uses[keep->in[k]->id]++;
    dn_status status = DN_SUCCESS;
    for (int i = 0; i < end && !status; i++) {
        if (!live[i]) continue;
        status = evaluate(t, graph->nodes[i]);
        if (!status) t->found[i] = dn_nonfinite_in(t->values[i]);
        if (!status) release_used(t, graph->nodes[i]);
    }
    free(live);
    return status;
}

static void drop_values(trace *t) {
    for (int i = 0; i < t->graph->n_nodes; i++) {
        dn_tensor_release(t->values[i]);
        t->values[i] = NULL;
    }
}

// From a result back to where it began: to an operand that is NaN, or else infinite.
static const dn_node *find_origin(const trace *t, const dn_node *node) {
    for (;;) {
        const dn_node *next = NULL;
        for (int k = 0; k < node->n_in; k++)
            if (t->found[node->in[k]->id].infinity) next = node->in[k];
        for (int k = 0; k < node->n_in; k++)
            if (t->found[node->in[k]->id].nan) next = node->in[k];
        // The padding of a maximum is infinite on purpose, and so is a constant `inf`.
        if (!next || (next->op == DN_OP_CONST && !t->found[next->id].nan)) return node;
        node = next;
    }
}

static const dn_node *find_bad_result(const trace *t) {
    const dn_graph *graph = t->graph;
    for (int i = 0; i < graph->n_outputs; i++)
        if (t->found[graph->outputs[i].node->id].count) return graph->outputs[i].node;
    for (int i = 0; i < graph->n_updates; i++)
        if (t->found[graph->updates[i].node->id].count) return graph->updates[i].node;
    return NULL;
}

// ---- saying it -------------------------------------------------------------------------------

// An operand: its type and, at the place of the bad element, its value; else its bounds.
static void print_operand(const dn_tensor *in, const dn_tensor *made, int64_t bad, dn_str *out) {
    int64_t count = dn_shape_elements(&in->shape);
    dn_shape_print(out, in->dtype, &in->shape);
    dn_str_puts(out, " ");
    if (count == 1 || dn_shape_equal(&in->shape, &made->shape)) {
        dn_nonfinite_element(in, count == 1 ? 0 : bad, out);
        return;
    }
    double low = INFINITY, high = -INFINITY;
    for (int64_t i = 0; i < count; i++) {
        low = fmin(low, dn_tensor_get(in, i));
        high = fmax(high, dn_tensor_get(in, i));
    }
    dn_str_printf(out, "from %.6g to %.6g", low, high);
}

static const char *variable_name(const trace *t, const dn_node *node) {
    return t->graph->vars[dn_node_int(node, DN_ATTR_INDEX)].name;
}

static dn_status tell_origin(const trace *t, const dn_compiler *c, const dn_node *node) {
    const dn_entry *entry = t->given->entry;
    const dn_tensor *made = t->values[node->id];
    int64_t bad = dn_nonfinite_in(made).first;
    dn_str what = {0}, where = {0}, in = {0};
    dn_nonfinite_element(made, bad, &what);
    dn_nonfinite_position(&made->shape, bad, &where);
    for (int k = 0; k < node->n_in; k++) {
        if (k) dn_str_puts(&in, ", ");
        if (node->in[k]->op == DN_OP_VAR) dn_str_printf(&in, "%s ", variable_name(t, node->in[k]));
        print_operand(t->values[node->in[k]->id], made, bad, &in);
    }
    dn_str place = {0};
    if (node->span.file) {
        dn_place p = dn_sources_place(&c->sources, node->span);
        dn_str_printf(&place, " of %s:%d:%d", p.path, p.line, p.column);
    }
    bool leaf = node->op == DN_OP_INPUT || node->op == DN_OP_VAR;
    const char *name = node->op == DN_OP_INPUT
                           ? t->graph->inputs[dn_node_int(node, DN_ATTR_INDEX)].name
                       : node->op == DN_OP_VAR ? variable_name(t, node)
                                               : dn_op_get(node->op)->name;
    dn_str run = {0};
    if (entry->is_step)
        dn_str_printf(&run, ", in run %llu of %s", (unsigned long long)t->given->step + 1,
                      entry->name);
    dn_status status = dn_fail(DN_INVALID, "`%s`%s %s %s%s%s%s", name, place.text ? place.text : "",
                               leaf ? "already has" : "made", what.text, where.length ? " at " : "",
                               where.length ? where.text : "", run.text ? run.text : "");
    if (in.length) status = dn_with_note(status, "what went in: %s", in.text);
    free(run.text);
    free(what.text);
    free(where.text);
    free(in.text);
    free(place.text);
    return status;
}

static dn_status find(dn_checker *checker, trace *t) {
    DN_TRY(evaluate_to(t, t->graph->n_nodes, NULL));
    const dn_node *bad = find_bad_result(t);
    drop_values(t);
    if (!bad)
        return dn_fail(DN_INVALID,
                       "%s made a NaN or infinity, but not when the interpreter repeats it",
                       t->given->entry->name);
    const dn_node *origin = find_origin(t, bad);
    DN_TRY(evaluate_to(t, origin->id, origin));
    DN_TRY(evaluate(t, origin));
    return tell_origin(t, checker->compiler, origin);
}

// A file with what the run was given, which dn_checker_replay reads.
static dn_status with_replay(const dn_checker *checker, const dn_native_call *given,
                             dn_status status) {
    const char *path = checker->replay;
    char *how = dn_printf(
        "`dnet --replay %s FILE.dnet` or, at the prompt, `:nan replay %s` repeats it", path, path);
    status = dn_replay_attach(status, &checker->compiler->program, given, path, how);
    free(how);
    return status;
}

static dn_status explain(void *context, const dn_native_call *given, const dn_native_call *made) {
    dn_checker *checker = context;
    const dn_compiler *c = checker->compiler;
    const dn_graph *graph = c->units[given->entry - c->entries].graph;
    (void)made;
    if (!checker->pool) DN_TRY(dn_pool_new(0, &checker->pool));
    size_t n = (size_t)graph->n_nodes + 1;
    trace t = {.graph = graph,
               .pool = checker->pool,
               .given = given,
               .values = dn_xcalloc(n, sizeof(dn_tensor *)),
               .uses = dn_xcalloc(n, sizeof(int)),
               .found = dn_xcalloc(n, sizeof *t.found)};
    dn_status status = find(checker, &t);
    if (checker->replay) status = with_replay(checker, given, status);
    drop_values(&t);
    free(t.values);
    free(t.uses);
    free(t.found);
    return status;
}

// ---- around the backend ----------------------------------------------------------------------

dn_status dn_checker_run(dn_checker *checker, const dn_native_call *call) {
    dn_watch watch = {.inner = checker->inner, .context = checker, .explain = explain};
    return dn_watch_run(&watch, call);
}

static dn_status run(void *context, const dn_entry *entry, dn_tensor *const *inputs,
                     dn_tensor **vars, dn_tensor **outputs, uint64_t seed, uint64_t step) {
    dn_native_call call = {entry, inputs, vars, outputs, seed, step};
    return dn_checker_run(context, &call);
}

static dn_status use(void *context, const char *device) {
    const dn_executor *inner = &((dn_checker *)context)->inner;
    return inner->use(inner->context, device);
}

dn_executor dn_checker_executor(dn_checker *checker) {
    const dn_executor *inner = &checker->inner;
    return (dn_executor){.context = checker, .run = run, .use = inner->use ? use : NULL};
}

void dn_checker_free(dn_checker *checker) { dn_pool_free(checker->pool); }

// ---- again -----------------------------------------------------------------------------------

static dn_status repeat(dn_checker *checker, const dn_replay *r) {
    const dn_entry *entry = r->entry;
    dn_tensor **outputs = dn_xcalloc((size_t)entry->n_outputs + 1, sizeof(dn_tensor *));
    dn_native_call call = {entry, r->inputs, r->vars, outputs, r->seed, r->step};
    dn_status status = dn_checker_run(checker, &call);
    for (int i = 0; i < entry->n_outputs; i++) dn_tensor_release(outputs[i]);
    free(outputs);
    if (!status) printf("run %" PRIu64 " of %s, repeated: all finite\n", r->step + 1, entry->name);
    return status;
}

dn_status dn_checker_replay(dn_checker *checker, const char *path) {
    dn_replay replay;
    DN_TRY(dn_replay_read(dn_compiler_program(checker->compiler), path, &replay));
    dn_status status = repeat(checker, &replay);
    dn_replay_free(&replay);
    return status;
}
