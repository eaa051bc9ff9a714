#include "driver/nan.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "codegen/interp/interp.h"
#include "driver/replay.h"
#include "runtime/host/number.h"

enum { HAS_NAN = 1, HAS_INFINITY = 2 };

static int marks_of(const dn_tensor *tensor) {
    int marks = 0;
    if (!dn_dtype_is_float(tensor->dtype)) return 0;
    int64_t count = dn_shape_elements(&tensor->shape);
    for (int64_t i = 0; i < count && marks != (HAS_NAN | HAS_INFINITY); i++) {
        double x = dn_tensor_get(tensor, i);
        if (isnan(x)) marks |= HAS_NAN;
        if (isinf(x)) marks |= HAS_INFINITY;
    }
    return marks;
}

// ---- op by op --------------------------------------------------------------------------------

typedef struct trace {
    const dn_graph *graph;
    dn_pool *pool;
    dn_tensor *const *inputs, *const *vars;
    uint64_t seed, step;
    dn_tensor **values;  // by node; NULL where it is not needed any more
    int *uses;           // that are still to come
    int *marks;          // by node
} trace;

static dn_status evaluate(trace *t, const dn_node *node) {
    if (node->op == DN_OP_INPUT || node->op == DN_OP_VAR) {
        dn_tensor *const *from = node->op == DN_OP_INPUT ? t->inputs : t->vars;
        t->values[node->id] = dn_tensor_retain(from[dn_node_int(node, DN_ATTR_INDEX)]);
        return DN_SUCCESS;
    }
    dn_tensor **operands = dn_xcalloc((size_t)node->n_in + 1, sizeof(dn_tensor *));
    for (int k = 0; k < node->n_in; k++) operands[k] = t->values[node->in[k]->id];
    dn_status status =
        dn_interp_node(t->pool, node, operands, t->seed, t->step, &t->values[node->id]);
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
        if (!status) t->marks[i] = marks_of(t->values[i]);
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
            if (t->marks[node->in[k]->id] & HAS_INFINITY) next = node->in[k];
        for (int k = 0; k < node->n_in; k++)
            if (t->marks[node->in[k]->id] & HAS_NAN) next = node->in[k];
        // The padding of a maximum is infinite on purpose, and so is a constant `inf`.
        if (!next || (next->op == DN_OP_CONST && !(t->marks[next->id] & HAS_NAN))) return node;
        node = next;
    }
}

static const dn_node *find_bad_result(const trace *t) {
    const dn_graph *graph = t->graph;
    for (int i = 0; i < graph->n_outputs; i++)
        if (t->marks[graph->outputs[i].node->id]) return graph->outputs[i].node;
    for (int i = 0; i < graph->n_updates; i++)
        if (t->marks[graph->updates[i].node->id]) return graph->updates[i].node;
    return NULL;
}

// ---- saying it -------------------------------------------------------------------------------

static int64_t first_bad(const dn_tensor *tensor) {
    int64_t count = dn_shape_elements(&tensor->shape);
    for (int64_t i = 0; i < count; i++)
        if (!isfinite(dn_tensor_get(tensor, i))) return i;
    return -1;
}

// "[0, 3]", where element i is.
static void print_position(const dn_shape *shape, int64_t i, dn_str *out) {
    int64_t at[DN_MAX_RANK];
    for (int k = shape->rank - 1; k >= 0; k--) {
        at[k] = i % shape->dims[k];
        i /= shape->dims[k];
    }
    for (int k = 0; k < shape->rank; k++)
        dn_str_printf(out, "%s%lld", k ? ", " : "[", (long long)at[k]);
    dn_str_puts(out, shape->rank ? "]" : "");
}

static void print_number(const dn_tensor *tensor, int64_t i, dn_str *out) {
    char text[DN_NUMBER_TEXT];
    dn_number_text(dn_tensor_get(tensor, i), dn_number_single(tensor->dtype), 0, text);
    dn_str_puts(out, text);
}

// An operand: its type and, at the place of the bad element, its value; else its bounds.
static void print_operand(const dn_tensor *in, const dn_tensor *made, int64_t bad, dn_str *out) {
    int64_t count = dn_shape_elements(&in->shape);
    dn_shape_print(out, in->dtype, &in->shape);
    dn_str_puts(out, " ");
    if (count == 1 || (bad >= 0 && dn_shape_equal(&in->shape, &made->shape))) {
        print_number(in, count == 1 ? 0 : bad, out);
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

static dn_status tell_origin(const trace *t, const dn_compiler *c, const dn_node *node,
                             const dn_entry *entry) {
    const dn_tensor *made = t->values[node->id];
    int64_t bad = first_bad(made);
    dn_str what = {0}, where = {0}, in = {0};
    print_number(made, bad < 0 ? 0 : bad, &what);
    print_position(&made->shape, bad < 0 ? 0 : bad, &where);
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
        dn_str_printf(&run, ", in run %llu of %s", (unsigned long long)t->step + 1, entry->name);
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

static dn_status find(dn_checker *checker, trace *t, const dn_entry *entry) {
    int n = t->graph->n_nodes;
    DN_TRY(evaluate_to(t, n, NULL));
    const dn_node *bad = find_bad_result(t);
    drop_values(t);
    if (!bad)
        return dn_fail(DN_INVALID,
                       "%s made a NaN or infinity, but not when the interpreter repeats it",
                       entry->name);
    const dn_node *origin = find_origin(t, bad);
    DN_TRY(evaluate_to(t, origin->id, origin));
    DN_TRY(evaluate(t, origin));
    return tell_origin(t, checker->compiler, origin, entry);
}

// A file with what the run was given, which dn_replay_run reads.
static dn_status with_replay(const dn_checker *checker, const trace *t, const dn_entry *entry,
                             dn_status status) {
    dn_replay replay = {.entry = (int)(entry - checker->compiler->entries),
                        .inputs = (dn_tensor **)t->inputs,
                        .vars = (dn_tensor **)t->vars,
                        .seed = t->seed,
                        .step = t->step};
    dn_status written = dn_replay_write(checker->compiler, &replay, checker->replay);
    if (written)
        status = dn_with_hint(status, "it cannot be repeated: %s", dn_status_message(written));
    else
        status = dn_with_hint(status,
                              "%s has what this run was given; `dnet --replay %s FILE.dnet` or, at "
                              "the prompt, `:nan replay %s` repeats it",
                              checker->replay, checker->replay, checker->replay);
    dn_status_free(written);
    return status;
}

static dn_status explain(dn_checker *checker, const dn_entry *entry, dn_tensor *const *inputs,
                         dn_tensor *const *vars, uint64_t seed, uint64_t step) {
    const dn_graph *graph = checker->compiler->units[entry - checker->compiler->entries].graph;
    if (!checker->pool) DN_TRY(dn_pool_new(0, &checker->pool));
    size_t n = (size_t)graph->n_nodes + 1;
    trace t = {.graph = graph,
               .pool = checker->pool,
               .inputs = inputs,
               .vars = vars,
               .seed = seed,
               .step = step,
               .values = dn_xcalloc(n, sizeof(dn_tensor *)),
               .uses = dn_xcalloc(n, sizeof(int)),
               .marks = dn_xcalloc(n, sizeof(int))};
    dn_status status = find(checker, &t, entry);
    if (status && checker->replay) status = with_replay(checker, &t, entry, status);
    drop_values(&t);
    free(t.values);
    free(t.uses);
    free(t.marks);
    return status;
}

// ---- around the backend ----------------------------------------------------------------------

static dn_status settle(dn_tensor *const *tensors, int n) {
    for (int i = 0; i < n; i++) DN_TRY(dn_tensor_settle(tensors[i]));
    return DN_SUCCESS;
}

static bool all_finite(dn_tensor *const *tensors, int n) {
    for (int i = 0; i < n; i++)
        if (marks_of(tensors[i])) return false;
    return true;
}

// Looks at what a run gave; `before` are the variables that it was given.
static dn_status judge(dn_checker *checker, const dn_entry *entry, dn_tensor *const *inputs,
                       dn_tensor *const *vars, dn_tensor *const *outputs, dn_tensor *const *before,
                       uint64_t seed, uint64_t step) {
    DN_TRY(settle(outputs, entry->n_outputs));
    DN_TRY(settle(vars, entry->n_vars));
    if (all_finite(outputs, entry->n_outputs) && all_finite(vars, entry->n_vars)) return DN_SUCCESS;
    return explain(checker, entry, inputs, before, seed, step);
}

// The results were bad: they go, and the caller has `before` again.
static void undo(const dn_entry *entry, dn_tensor **vars, dn_tensor *const *outputs,
                 dn_tensor *const *before) {
    for (int i = 0; i < entry->n_outputs; i++) dn_tensor_release(outputs[i]);
    for (int i = 0; i < entry->n_vars; i++) {
        dn_tensor_release(vars[i]);
        vars[i] = dn_tensor_retain(before[i]);
    }
}

// Whoever runs the entry leaves a variable alone that somebody else holds, and gives another
// tensor for it; so holding them keeps what was before.
dn_status dn_checker_run(dn_checker *checker, const dn_entry *entry, dn_tensor *const *inputs,
                         dn_tensor **vars, dn_tensor **outputs, uint64_t seed, uint64_t step) {
    int n = entry->n_vars;
    DN_TRY(settle(inputs, entry->n_inputs));
    DN_TRY(settle(vars, n));
    dn_tensor **before = dn_xcalloc((size_t)n + 1, sizeof(dn_tensor *));
    for (int i = 0; i < n; i++) before[i] = dn_tensor_retain(vars[i]);
    dn_status status =
        checker->inner.run(checker->inner.context, entry, inputs, vars, outputs, seed, step);
    if (!status) {
        status = judge(checker, entry, inputs, vars, outputs, before, seed, step);
        if (status) undo(entry, vars, outputs, before);
    }
    for (int i = 0; i < n; i++) dn_tensor_release(before[i]);
    free(before);
    return status;
}

static dn_status run(void *context, const dn_entry *entry, dn_tensor *const *inputs,
                     dn_tensor **vars, dn_tensor **outputs, uint64_t seed, uint64_t step) {
    return dn_checker_run(context, entry, inputs, vars, outputs, seed, step);
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
