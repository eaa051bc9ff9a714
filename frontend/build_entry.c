// Entries: graphs that the program runs, made from finished builds.
#include <stdlib.h>
#include <string.h>

#include "frontend/build.h"
#include "passes/pass.h"

// ---- results
// --------------------------------------------------------------------------------------------

static bool add_output(dn_build *b, const char *name, dn_term term, dn_span span) {
    if (dn_term_is_error(term)) return false;
    dn_node *node = dn_to_node(b, term, NULL, span);
    if (node) dn_graph_output(b->graph, dn_arena_strdup(&b->c->arena, name), node);
    return node != NULL;
}

bool dn_add_outputs(dn_build *b, dn_term result, dn_span span) {
    if (dn_term_is_error(result)) return false;
    if (result.kind == DN_TERM_NONE) return true;
    if (result.kind != DN_TERM_RECORD) return add_output(b, "", result, span);
    for (int i = 0; i < result.record.count; i++)
        if (!add_output(b, result.record.names[i], result.record.values[i], span)) return false;
    return true;
}

static void add_updates(dn_build *b) {
    for (int i = 0; i < b->n_chains; i++) {
        const dn_version_chain *chain = &b->chains[i];
        if (chain->count > 1)
            dn_graph_update_var(b->graph, chain->index, chain->versions[chain->count - 1]);
    }
}

// ---- the entry
// ---------------------------------------------------------------------------------------------

static dn_field *fields_of(dn_compiler *c, const dn_graph_value *values, int count) {
    dn_field *fields = DN_NEW_ARRAY(&c->arena, dn_field, count);
    for (int i = 0; i < count; i++) {
        fields[i].name = dn_arena_strdup(&c->arena, values[i].name);
        fields[i].dtype = values[i].node->type.dtype;
        fields[i].shape = dn_type_shape(&values[i].node->type);
    }
    return fields;
}

static dn_location *places_of(dn_compiler *c, const dn_graph_value *values, int count) {
    dn_location *places = DN_NEW_ARRAY(&c->arena, dn_location, count);
    for (int i = 0; i < count; i++) places[i] = dn_compiler_location(c, values[i].node->span);
    return places;
}

static int *vars_of(dn_compiler *c, const dn_graph *graph) {
    int *vars = DN_NEW_ARRAY(&c->arena, int, graph->n_vars);
    for (int i = 0; i < graph->n_vars; i++)
        for (int k = 0; k < c->n_vars; k++)
            if (strcmp(c->vars[k]->name, graph->vars[i].name) == 0) vars[i] = k;
    return vars;
}

static bool draws(const dn_graph *graph) {
    for (int i = 0; i < graph->n_nodes; i++) {
        const dn_node *node = graph->nodes[i];
        if ((node->op == DN_OP_UNIFORM || node->op == DN_OP_NORMAL) &&
            !dn_node_attr(node, DN_ATTR_SEED))
            return true;
    }
    return false;
}

int dn_finish_entry(dn_build *b, dn_term result, dn_span span, bool is_step, bool is_init) {
    dn_compiler *c = b->c;
    if (!dn_add_outputs(b, result, span)) {
        dn_graph_free(b->graph);
        return -1;
    }
    add_updates(b);
    bool keep = c->keep_graphs || (c->keep_gradients && b->n_objectives > 0);
    dn_pass_options options = c->pass_options;
    dn_status status = keep ? DN_SUCCESS : dn_passes_run(&b->graph, &options);
    if (status) {
        dn_build_status(b, span, status);
        dn_graph_free(b->graph);
        return -1;
    }
    dn_graph *graph = b->graph;
    dn_unit unit = {.graph = graph, .is_init = is_init};
    unit.entry = (dn_entry){
        .name = b->name,
        .n_inputs = graph->n_inputs,
        .n_outputs = graph->n_outputs,
        .n_vars = graph->n_vars,
        .inputs = fields_of(c, graph->inputs, graph->n_inputs),
        .outputs = fields_of(c, graph->outputs, graph->n_outputs),
        .places = places_of(c, graph->outputs, graph->n_outputs),
        .record = result.kind == DN_TERM_RECORD,
        .is_step = is_step,
        .draws = draws(graph),
        .vars = vars_of(c, graph),
    };
    DN_PUSH(c->units, c->n_units, c->cap_units) = unit;
    return c->n_units - 1;
}

// ---- steps
// ---------------------------------------------------------------------------------------------------

// Declares an input for a tensor argument of a step.
static dn_term step_input(dn_build *b, const char *name, const dn_type *type) {
    dn_node *node = dn_graph_input(b->graph, name, *type);
    // Data are f32 whatever the program's precision is.
    if (type->dtype == DN_F32) node = dn_build_cast(b->graph, node, b->c->real);
    return dn_term_tensor(node);
}

// A number of the command becomes a scalar of the declared dtype, where one is declared.
static dn_dtype number_dtype(dn_build *b, const dn_host_type *type, const dn_type_expr *declared) {
    dn_dtype dtype;
    if (type->kind == DN_HOST_BOOL) return DN_BOOL;
    bool is_float =
        declared && declared->kind == DN_TYPE_NAME && strcmp(declared->name.text, "float") == 0;
    if (is_float) return b->c->real;
    bool named = declared && dn_type_is_tensor(declared) &&
                 dn_dtype_named(b->c, declared->name.text, &dtype);
    if (named && (type->kind == DN_HOST_INT || dn_dtype_is_float(dtype))) return dtype;
    return type->kind == DN_HOST_INT ? DN_I64 : b->c->real;
}

static dn_term step_argument(dn_build *b, const char *name, const dn_host_type *type,
                             const dn_type_expr *declared) {
    if (type->kind == DN_HOST_TENSOR) return step_input(b, name, &type->tensor);
    if (type->kind != DN_HOST_RECORD) {
        dn_type scalar = dn_type_scalar(number_dtype(b, type, declared));
        return dn_term_tensor(dn_graph_input(b->graph, name, scalar));
    }
    dn_term record = {.kind = DN_TERM_RECORD};
    record.record.count = type->count;
    record.record.names = type->names;
    record.record.values = DN_NEW_ARRAY(&b->c->arena, dn_term, type->count);
    for (int i = 0; i < type->count; i++) {
        const char *field = dn_arena_printf(&b->c->arena, "%s.%s", name, type->names[i]);
        record.record.values[i] = step_argument(b, field, type->fields[i], NULL);
    }
    return record;
}

static const dn_host_type *result_type(dn_compiler *c, const dn_entry *entry) {
    if (entry->n_outputs == 0) return dn_host_simple(DN_HOST_NONE);
    const char **names = DN_NEW_ARRAY(&c->arena, const char *, entry->n_outputs);
    const dn_host_type **fields = DN_NEW_ARRAY(&c->arena, const dn_host_type *, entry->n_outputs);
    for (int i = 0; i < entry->n_outputs; i++) {
        const dn_field *out = &entry->outputs[i];
        dn_type type = dn_type_of(out->dtype, out->shape.rank, out->shape.dims);
        names[i] = out->name;
        fields[i] = dn_host_tensor(&c->arena, &type);
    }
    return entry->record ? dn_host_record(&c->arena, entry->n_outputs, names, fields) : fields[0];
}

const dn_host_type *dn_entry_type(dn_compiler *c, int entry) {
    return result_type(c, &c->units[entry].entry);
}

int dn_build_step(dn_compiler *c, dn_def *def, const dn_host_type *const *types,
                  const dn_span *spans, const char *name) {
    const dn_decl *decl = def->decl;
    dn_build b;
    dn_build_init(&b, c, name, false);
    dn_call call = {.name = decl->name.text, .decl = decl, .training = -1};
    call.args = DN_NEW_ARRAY(&c->arena, dn_term, decl->n_params);
    call.spans = DN_NEW_ARRAY(&c->arena, dn_span, decl->n_params);
    call.given = DN_NEW_ARRAY(&c->arena, bool, decl->n_params);
    for (int i = 0; i < decl->n_params; i++) {
        call.args[i] = step_argument(&b, decl->params[i].name.text, types[i], decl->params[i].type);
        call.spans[i] = spans ? spans[i] : decl->params[i].name.span;
        call.given[i] = true;
    }
    dn_frame like = {.training = true};
    dn_term result = dn_run_body(&b, &call, &like);
    int entry = -1;
    def->used = true;
    if (dn_term_is_error(result) || c->diags.errors > 0) {
        dn_graph_free(b.graph);
    } else {
        entry = dn_finish_entry(&b, result, decl->name.span, true, false);
    }
    dn_build_free(&b);
    return entry;
}

// ---- a definition by itself
// -------------------------------------------------------------------------------------

// An argument that stands for any: symbolic sizes for tensors, defaults for settings. False where
// there is nothing to stand for it.
bool dn_symbolic_type(dn_build *b, const dn_type_expr *type, dn_type *out) {
    if (type->kind != DN_TYPE_TENSOR && type->kind != DN_TYPE_NAME) return false;
    if (!dn_dtype_named(b->c, type->name.text, &out->dtype)) out->dtype = b->c->real;
    if (strcmp(type->name.text, "bool") == 0) out->dtype = DN_BOOL;
    out->rank = 0;
    for (int i = 0; i < type->count; i++) {
        const dn_dim_expr *dim = &type->dims[i];
        if (dim->ellipsis || out->rank == DN_MAX_RANK) return false;
        const char *name = dim->size->kind == DN_EXPR_NAME ? dim->size->name : NULL;
        dn_def *def = name ? dn_build_find(b, name, false) : NULL;
        bool is_const = def && def->decl->kind == DN_DECL_CONST;
        if (name && !is_const && !dn_frame_find(b->frame, name)) {
            out->dims[out->rank++] = dn_dim_symbol(b->c->dims, name);
        } else {
            if (!dn_eval_size(b, dim->size, &out->dims[out->rank++])) return false;
        }
    }
    return dn_check_elements(b, out, type->span);
}

void dn_check_alone(dn_compiler *c, dn_def *def) {
    const dn_decl *decl = def->decl;
    dn_build b;
    dn_build_init(&b, c, decl->name.text, true);
    dn_call call = {.name = decl->name.text, .decl = decl, .training = -1};
    call.args = DN_NEW_ARRAY(&c->arena, dn_term, decl->n_params);
    call.spans = DN_NEW_ARRAY(&c->arena, dn_span, decl->n_params);
    call.given = DN_NEW_ARRAY(&c->arena, bool, decl->n_params);
    bool possible = true;
    for (int i = 0; i < decl->n_params && possible; i++) {
        const dn_param *p = &decl->params[i];
        dn_type type;
        call.spans[i] = p->name.span;
        if (p->type && dn_type_is_tensor(p->type) && dn_symbolic_type(&b, p->type, &type)) {
            call.args[i] = dn_term_tensor(dn_graph_input(b.graph, p->name.text, type));
            call.given[i] = true;
        } else {
            possible = p->init != NULL;
        }
    }
    dn_frame like = {.training = true};
    if (decl->kind == DN_DECL_NET || decl->kind == DN_DECL_OPTIMIZER) like.path = decl->name.text;
    if (decl->kind == DN_DECL_OPTIMIZER) like.slot = "";
    if (possible) dn_run_body(&b, &call, &like);
    dn_graph_free(b.graph);
    dn_build_free(&b);
}
