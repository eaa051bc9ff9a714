// The body of a net is evaluated twice, with symbols for sizes that the net leaves open, and with
// numbers: the first batch axis is 1, the others are solved from the shapes of the model's
// parameters. The first run says what the layers' types are called, the second what they cost.
#include "frontend/layers.h"

#include <stdlib.h>
#include <string.h>

#include "frontend/build.h"

// ---- what a body calls -----------------------------------------------------------------------

static const char *scope_of(dn_build *b, const dn_decl *decl, const char *fixed) {
    if (!decl || decl->kind != DN_DECL_NET) return NULL;
    if (fixed) return fixed;
    for (int i = 0; i < b->frame->n_children; i++) {
        if (strcmp(b->frame->children[i].name, decl->name.text) != 0) continue;
        int count = b->frame->children[i].count;
        return count == 1 ? decl->name.text
                          : dn_arena_printf(&b->c->arena, "%s_%d", decl->name.text, count);
    }
    return NULL;
}

static double known_bytes(const dn_type *type) {
    if (!dn_type_known(type)) return 0;
    dn_shape shape = dn_type_shape(type);
    return (double)dn_shape_elements(&shape) * (double)dn_dtype_size(type->dtype);
}

void dn_note_layer(dn_build *b, const char *name, const dn_decl *decl, const char *scope,
                   dn_term value, int first_node) {
    dn_network *net = b->network;
    if (!b->frame || b->frame->decl != net->decl || value.kind != DN_TERM_TENSOR) return;
    dn_layer layer = {.name = name,
                      .scope = scope_of(b, decl, scope),
                      .type = value.node->type,
                      .has_type = true,
                      .bytes = known_bytes(&value.node->type)};
    for (int i = first_node; i < b->graph->n_nodes; i++)
        layer.flops += dn_node_flops(b->graph->nodes[i]);
    DN_PUSH(net->layers, net->n, net->capacity) = layer;
}

static bool belongs(const char *variable, const char *prefix, const char *scope) {
    size_t n = strlen(prefix), k = strlen(scope);
    return strncmp(variable, prefix, n) == 0 && strncmp(variable + n, scope, k) == 0 &&
           variable[n + k] == '.';
}

static void count_variables(dn_build *b, dn_network *net) {
    for (int k = 0; k < net->n; k++) {
        dn_layer *layer = &net->layers[k];
        for (int i = 0; layer->scope && i < b->n_chains; i++) {
            const dn_var *var = b->chains[i].var;
            if (!belongs(var->name, net->prefix, layer->scope)) continue;
            dn_dim *sum = var->kind == DN_VARIABLE_STATE ? &layer->states : &layer->params;
            *sum = dn_dim_add(b->c->dims, *sum, dn_type_elements(b->c->dims, &var->type));
        }
    }
}

// ---- sizes that are left open ----------------------------------------------------------------

typedef struct solution {
    dn_dim symbol, value;
} solution;

typedef struct solutions {
    solution *items;
    int n, capacity;
} solutions;

static dn_dim solved(const solutions *s, dn_dim dim) {
    for (int i = 0; i < s->n; i++)
        if (s->items[i].symbol == dim) return s->items[i].value;
    return dim;
}

// A parameter whose size is a symbol, f32[Z, 100], and what the program's variable has there.
static void solve_variable(const dn_var *abstract, const dn_var *actual, solutions *s) {
    for (int i = 0; i < abstract->type.rank && i < actual->type.rank; i++) {
        dn_dim symbol = abstract->type.dims[i];
        if (dn_dim_known(symbol) || solved(s, symbol) != symbol) continue;
        DN_PUSH(s->items, s->n, s->capacity) = (solution){symbol, actual->type.dims[i]};
    }
}

static void solve(dn_build *b, solutions *s) {
    for (int i = 0; i < b->n_chains; i++)
        for (int k = 0; k < b->c->n_vars; k++)
            if (strcmp(b->chains[i].var->name, b->c->vars[k]->name) == 0)
                solve_variable(b->chains[i].var, b->c->vars[k], s);
}

// ---- evaluating ------------------------------------------------------------------------------

static bool bind_inputs(dn_build *b, const dn_function *f, const solutions *s, dn_network *net,
                        dn_term *args, int *n_args) {
    for (int i = 0; i < f->decl->n_params; i++) {
        const dn_param *p = &f->decl->params[i];
        dn_type type;
        if (f->is_bound[i] || (p->init && !(p->type && dn_type_is_tensor(p->type)))) continue;
        if (!p->type || !dn_type_is_tensor(p->type) || !dn_symbolic_type(b, p->type, &type))
            return false;
        bool first = s && *n_args == 0 && type.rank > 0 && !dn_dim_known(type.dims[0]);
        for (int k = 0; s && k < type.rank; k++) type.dims[k] = solved(s, type.dims[k]);
        if (first) type.dims[0] = 1;
        if (!s) {
            net->inputs = dn_xrealloc(net->inputs, ((size_t)*n_args + 1) * sizeof(dn_type));
            net->inputs[net->n_inputs++] = type;
        }
        args[(*n_args)++] = dn_term_tensor(dn_graph_input(b->graph, p->name.text, type));
    }
    return true;
}

// Evaluates the net on symbols (no solutions) or numbers. False where it cannot be decided. The
// graph is for the caller who asks for it.
static bool evaluate(dn_compiler *c, dn_term callee, solutions *s, bool numbers, dn_network *net,
                     dn_graph **graph) {
    dn_build b;
    dn_build_init(&b, c, net->net, true);
    b.network = net;
    bool is_model = callee.kind == DN_TERM_MODEL;
    const dn_function *f = is_model ? callee.model->net : callee.function;
    dn_frame frame = {.name = net->net, .path = is_model ? NULL : ""};
    b.frame = &frame;
    dn_term *args = DN_NEW_ARRAY(&c->arena, dn_term, f->decl->n_params);
    int n_args = 0;
    bool ok = bind_inputs(&b, f, numbers ? s : NULL, net, args, &n_args);
    dn_term result = {.kind = DN_TERM_NONE};
    if (ok) result = dn_apply(&b, &callee, args, n_args, f->decl->name.span);
    if (ok) ok = !dn_term_is_error(result);
    if (ok) count_variables(&b, net);
    if (ok && !numbers) solve(&b, s);
    bool kept = ok && graph && dn_add_outputs(&b, result, f->decl->name.span);
    free(frame.names);
    free(frame.children);
    if (kept)
        *graph = b.graph;
    else
        dn_graph_free(b.graph);
    dn_build_free(&b);
    return ok;
}

static dn_term callee_of(dn_compiler *c, dn_def *def) {
    dn_build b;
    dn_build_init(&b, c, def->name, true);
    dn_frame frame = {.name = def->name};
    b.frame = &frame;
    dn_term term = dn_lookup_callable(&b, def->name, def->decl->name.span);
    dn_graph_free(b.graph);
    dn_build_free(&b);
    return term;
}

// The types with symbols, the rest with numbers. Without numbers the first run has to do.
static void merge(dn_network *net, const dn_network *symbolic) {
    for (int i = 0; i < net->n; i++) {
        net->layers[i].has_type = symbolic->n == net->n;
        if (!net->layers[i].has_type) continue;
        net->layers[i].type = symbolic->layers[i].type;
    }
}

// Something to evaluate, or false.
static bool begin(dn_compiler *c, dn_def *def, dn_term *callee, dn_network *net) {
    *net = (dn_network){0};
    *callee = callee_of(c, def);
    bool is_model = callee->kind == DN_TERM_MODEL;
    if (!is_model && callee->kind != DN_TERM_FUNCTION) return false;
    const dn_function *f = is_model ? callee->model->net : callee->function;
    net->net = f->name;
    net->decl = f->decl;
    net->prefix =
        dn_arena_printf(&c->arena, is_model ? "%s." : ".%s.", is_model ? def->name : f->name);
    return true;
}

dn_graph *dn_network_graph(dn_compiler *c, dn_def *def) {
    dn_term callee;
    dn_network net;
    dn_graph *graph = NULL;
    solutions s = {0};
    if (begin(c, def, &callee, &net)) evaluate(c, callee, &s, false, &net, &graph);
    free(s.items);
    dn_network_free(&net);
    return graph;
}

bool dn_network_describe(dn_compiler *c, dn_def *def, dn_network *out) {
    dn_term callee;
    if (!begin(c, def, &callee, out)) return false;
    dn_network symbolic = *out;
    solutions s = {0};
    bool known = evaluate(c, callee, &s, false, &symbolic, NULL);
    bool ok = evaluate(c, callee, &s, true, out, NULL);
    free(out->inputs);
    if (ok && known) merge(out, &symbolic);
    out->inputs = symbolic.inputs;
    out->n_inputs = symbolic.n_inputs;
    free(symbolic.layers);
    free(s.items);
    return ok || known;
}

void dn_network_free(dn_network *network) {
    free(network->layers);
    free(network->inputs);
}
