#include "driver/prompt/gradient.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "codegen/interp/interp.h"
#include "passes/autodiff.h"

enum { ELEMENTS_CHECKED = 8 };  // of each leaf

// ---- the graph -------------------------------------------------------------------------------

static dn_type in_precision(dn_type type, bool exact) {
    if (exact && type.dtype == DN_F32) type.dtype = DN_F64;
    return type;
}

static int most_operands(const dn_graph *graph) {
    int most = 0;
    for (int i = 0; i < graph->n_nodes; i++)
        if (graph->nodes[i]->n_in > most) most = graph->nodes[i]->n_in;
    return most;
}

// A copy of the live part; with `exact` what is f32 becomes f64, the draws of random numbers too.
static dn_status copy_forward(const dn_graph *from, bool exact, dn_graph *to, dn_node **made) {
    bool *live = dn_xcalloc((size_t)from->n_nodes + 1, sizeof *live);
    dn_node **in = dn_xcalloc((size_t)most_operands(from) + 1, sizeof(dn_node *));
    dn_graph_live(from, live);
    dn_status status = DN_SUCCESS;
    for (int i = 0; i < from->n_vars; i++)
        dn_graph_variable(to, from->vars[i].name, in_precision(from->vars[i].type, exact));
    for (int i = 0; i < from->n_inputs; i++)
        dn_graph_input(to, from->inputs[i].name, in_precision(from->inputs[i].node->type, exact));
    for (int i = 0; i < from->n_nodes && !status; i++) {
        const dn_node *node = from->nodes[i];
        if (!live[i]) continue;
        dn_type type = in_precision(node->type, exact);
        for (int k = 0; k < node->n_in; k++) in[k] = made[node->in[k]->id];
        if (node->op == DN_OP_CAST)
            made[i] = dn_build_cast(to, in[0], type.dtype);
        else
            status = dn_graph_op(to, node->op, in, node->n_in, node->attrs, node->n_attrs, &type,
                                 &made[i]);
    }
    free(live);
    free(in);
    return status;
}

static int count_leaves(const dn_graph *graph) {
    int n = 0;
    for (int i = 0; i < graph->n_nodes; i++) {
        const dn_node *node = graph->nodes[i];
        bool leaf = node->op == DN_OP_INPUT || node->op == DN_OP_VAR;
        n += leaf && dn_dtype_is_float(node->type.dtype);
    }
    return n;
}

static void find_leaves(dn_gradients *g) {
    dn_graph *graph = g->graph;
    g->items = dn_xcalloc((size_t)count_leaves(graph) + 1, sizeof *g->items);
    for (int pass = 0; pass < 2; pass++) {
        dn_op op = pass ? DN_OP_INPUT : DN_OP_VAR;
        for (int i = 0; i < graph->n_nodes; i++) {
            dn_node *node = graph->nodes[i];
            if (node->op != op || !dn_dtype_is_float(node->type.dtype)) continue;
            int index = (int)dn_node_int(node, DN_ATTR_INDEX);
            g->items[g->n++] =
                (dn_gradient){.name = pass ? graph->inputs[index].name : graph->vars[index].name,
                              .is_input = pass,
                              .index = index,
                              .node = node};
        }
    }
}

// The loss and the gradients become the graph's outputs.
static dn_status differentiate(dn_gradients *g, dn_node *loss) {
    dn_node **wrt = dn_xcalloc((size_t)g->n + 1, sizeof(dn_node *));
    dn_node **grads = dn_xcalloc((size_t)g->n + 1, sizeof(dn_node *));
    for (int i = 0; i < g->n; i++) wrt[i] = g->items[i].node;
    const dn_node *culprit = NULL;
    dn_status status = dn_autodiff(g->graph, loss, wrt, g->n, grads, NULL, &culprit);
    dn_graph_output(g->graph, "loss", loss);
    for (int i = 0; i < g->n && !status; i++) dn_graph_output(g->graph, g->items[i].name, grads[i]);
    free(wrt);
    free(grads);
    return status;
}

// ---- values ----------------------------------------------------------------------------------

static dn_status convert(const dn_tensor *from, dn_dtype dtype, dn_tensor **out) {
    if (from->dtype == dtype) return dn_tensor_copy(from, out);
    DN_TRY(dn_tensor_new(dtype, &from->shape, out));
    int64_t n = dn_shape_elements(&from->shape);
    for (int64_t i = 0; i < n; i++) dn_tensor_set(*out, i, dn_tensor_get(from, i));
    return DN_SUCCESS;
}

typedef struct arguments {
    dn_tensor **inputs, **vars;
    int n_inputs, n_vars;
} arguments;

static void free_arguments(arguments *a) {
    for (int i = 0; i < a->n_inputs; i++) dn_tensor_release(a->inputs[i]);
    for (int i = 0; i < a->n_vars; i++) dn_tensor_release(a->vars[i]);
    free(a->inputs);
    free(a->vars);
}

static dn_status arguments_of(const dn_graph *graph, const dn_recorded *call, arguments *a) {
    *a = (arguments){.inputs = dn_xcalloc((size_t)call->n_inputs + 1, sizeof(dn_tensor *)),
                     .vars = dn_xcalloc((size_t)call->n_vars + 1, sizeof(dn_tensor *)),
                     .n_inputs = call->n_inputs,
                     .n_vars = call->n_vars};
    for (int i = 0; i < a->n_inputs; i++)
        DN_TRY(convert(call->inputs[i], graph->inputs[i].node->type.dtype, &a->inputs[i]));
    for (int i = 0; i < a->n_vars; i++)
        DN_TRY(convert(call->vars[i], graph->vars[i].type.dtype, &a->vars[i]));
    return DN_SUCCESS;
}

static dn_status run(dn_session *s, dn_interp *interp, const dn_recorded *call, arguments *a,
                     dn_tensor **outputs) {
    if (!s->backend.pool) DN_TRY(dn_pool_new(s->backend.threads, &s->backend.pool));
    dn_interp_args args = {.inputs = a->inputs,
                           .vars = a->vars,
                           .outputs = outputs,
                           .seed = call->seed,
                           .step = call->step};
    return dn_interp_run(interp, s->backend.pool, &args, NULL);
}

// ---- both together ---------------------------------------------------------------------------

static dn_status no_number(void) {
    return dn_with_hint(dn_fail(DN_INVALID, "a gradient is one of a single float"),
                        "a mean or a sum makes one number of a tensor: :grad mean(M(x))");
}

static dn_status build(const dn_graph *from, bool exact, dn_gradients *out) {
    *out = (dn_gradients){0};
    if (!from) return no_number();
    if (from->n_outputs != 1 || from->outputs[0].node->type.rank != 0 ||
        !dn_dtype_is_float(from->outputs[0].node->type.dtype))
        return no_number();
    out->graph = dn_graph_new(from->dims, from->name);
    dn_node **made = dn_xcalloc((size_t)from->n_nodes + 1, sizeof(dn_node *));
    dn_status status = copy_forward(from, exact, out->graph, made);
    dn_node *loss = made[from->outputs[0].node->id];
    free(made);
    find_leaves(out);
    if (!status) status = differentiate(out, loss);
    return status;
}

static dn_status compute(dn_session *s, const dn_recorded *call, dn_gradients *g) {
    dn_interp *interp;
    arguments a;
    dn_tensor **outputs = dn_xcalloc((size_t)g->n + 1, sizeof(dn_tensor *));
    DN_TRY(dn_interp_new(g->graph, &interp));
    dn_status status = arguments_of(g->graph, call, &a);
    if (!status) status = run(s, interp, call, &a, outputs);
    for (int i = 0; i < g->n; i++) g->items[i].value = outputs[i + 1];
    dn_tensor_release(outputs[0]);
    free(outputs);
    free_arguments(&a);
    dn_interp_free(interp);
    return status;
}

dn_status dn_gradients_new(dn_session *s, const dn_graph *graph, const dn_recorded *call,
                           bool exact, dn_gradients *out) {
    dn_status status = build(graph, exact, out);
    if (!status) status = compute(s, call, out);
    if (status) dn_gradients_free(out);
    return status;
}

void dn_gradients_free(dn_gradients *g) {
    for (int i = 0; i < g->n; i++) dn_tensor_release(g->items[i].value);
    free(g->items);
    if (g->graph) dn_graph_free(g->graph);
    *g = (dn_gradients){0};
}

// ---- finite differences ----------------------------------------------------------------------

typedef struct differences {
    dn_session *session;
    const dn_recorded *call;
    dn_interp *forward;
    arguments args;
} differences;

static dn_status loss_at(differences *d, dn_tensor *leaf, int64_t i, double x, double *loss) {
    dn_tensor *output = NULL;
    double before = dn_tensor_get(leaf, i);
    dn_tensor_set(leaf, i, x);
    dn_status status = run(d->session, d->forward, d->call, &d->args, &output);
    dn_tensor_set(leaf, i, before);
    if (status) return status;
    *loss = dn_tensor_get(output, 0);
    dn_tensor_release(output);
    return DN_SUCCESS;
}

// Central differences with two steps, extrapolated: the error falls with the fourth power.
static dn_status difference(differences *d, dn_tensor *leaf, int64_t i, double *out) {
    double x = dn_tensor_get(leaf, i), step = 1e-4 * fmax(1, fabs(x)), f[4];
    static const double at[] = {-2, -1, 1, 2};
    for (int k = 0; k < 4; k++) DN_TRY(loss_at(d, leaf, i, x + at[k] * step, &f[k]));
    *out = (f[0] - 8 * f[1] + 8 * f[2] - f[3]) / (12 * step);
    return DN_SUCCESS;
}

static dn_status check_leaf(differences *d, const dn_gradient *g, double *worst, int *checked,
                            dn_str *where) {
    dn_tensor *leaf = (g->is_input ? d->args.inputs : d->args.vars)[g->index];
    int64_t count = dn_shape_elements(&leaf->shape);
    double size = 1e-8;  // of the whole gradient: what is small beside it may be imprecise
    for (int64_t i = 0; i < count; i++) size = fmax(size, fabs(dn_tensor_get(g->value, i)));
    int64_t n = count < ELEMENTS_CHECKED ? count : ELEMENTS_CHECKED;
    for (int64_t k = 0; k < n; k++) {
        int64_t i = n == count ? k : k * (count - 1) / (n - 1);
        double found;
        DN_TRY(difference(d, leaf, i, &found));
        double error = fabs(found - dn_tensor_get(g->value, i)) / size;
        ++*checked;
        if (error <= *worst && where->text) continue;
        where->length = 0;
        dn_str_printf(where, "%s, element %lld: %.6g, by differences %.6g", g->name, (long long)i,
                      dn_tensor_get(g->value, i), found);
        *worst = error;
    }
    return DN_SUCCESS;
}

static dn_status check_all(differences *d, const dn_gradients *g, double *worst, int *checked,
                           dn_str *where) {
    for (int i = 0; i < g->n; i++) DN_TRY(check_leaf(d, &g->items[i], worst, checked, where));
    return DN_SUCCESS;
}

dn_status dn_gradients_check(dn_session *s, const dn_graph *from, const dn_recorded *call,
                             double *worst, int *checked, dn_str *where) {
    dn_gradients g;
    *worst = 0;
    *checked = 0;
    DN_TRY(dn_gradients_new(s, from, call, true, &g));
    dn_graph *forward = dn_graph_new(from->dims, from->name);
    dn_node **made = dn_xcalloc((size_t)from->n_nodes + 1, sizeof(dn_node *));
    dn_status status = copy_forward(from, true, forward, made);
    if (!status) dn_graph_output(forward, "loss", made[from->outputs[0].node->id]);
    differences d = {.session = s, .call = call};
    if (!status) status = arguments_of(forward, call, &d.args);
    if (!status) status = dn_interp_new(forward, &d.forward);
    if (!status) status = check_all(&d, &g, worst, checked, where);
    dn_interp_free(d.forward);
    free_arguments(&d.args);
    free(made);
    dn_graph_free(forward);
    dn_gradients_free(&g);
    return status;
}
