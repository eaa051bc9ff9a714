// The graph: nodes and their hash-consing, inputs, variables, outputs and updates.
#include "ir/graph.h"

#include <stdlib.h>
#include <string.h>

#include "ir/graph_internal.h"
#include "ir/infer.h"

// Open addressing with linear probing; at most half full; a power of two.
typedef struct dn_graph_table {
    dn_node **slots;
    size_t capacity;
} dn_graph_table;

dn_graph *dn_graph_new(dn_dims *dims, const char *name) {
    dn_graph *graph = dn_xcalloc(1, sizeof *graph);
    graph->dims = dims;
    graph->name = dn_arena_strdup(&graph->arena, name);
    graph->table = dn_xcalloc(1, sizeof *graph->table);
    graph->table->capacity = 64;
    graph->table->slots = dn_xcalloc(graph->table->capacity, sizeof(dn_node *));
    return graph;
}

void dn_graph_free(dn_graph *graph) {
    if (!graph) return;
    free(graph->table->slots);
    free(graph->table);
    free(graph->nodes);
    free(graph->inputs);
    free(graph->vars);
    free(graph->outputs);
    free(graph->updates);
    dn_arena_free(&graph->arena);
    free(graph);
}

// ---- attributes -----------------------------------------------------------------------------

// Numbers are compared by their bits: -0 is not 0, and NaN (made the same bits everywhere) is NaN.
static uint64_t number_bits(double number) {
    uint64_t bits;
    double canonical = number != number ? (double)__builtin_nanf("") : number;
    memcpy(&bits, &canonical, sizeof bits);
    return bits;
}

bool dn_attr_value_equal(const dn_attr_value *a, const dn_attr_value *b) {
    if (a->attr != b->attr) return false;
    switch (dn_attr_kind_of(a->attr)) {
        case DN_ATTR_INT: return a->i == b->i;
        case DN_ATTR_NUMBER: return number_bits(a->number) == number_bits(b->number);
        case DN_ATTR_STRING: return strcmp(a->string, b->string) == 0;
        case DN_ATTR_DIMS:
            if (a->count != b->count) return false;
            for (int i = 0; i < a->count; i++)
                if (a->dims[i] != b->dims[i]) return false;
            return true;
    }
    return false;
}

static uint64_t attr_hash(const dn_attr_value *value, uint64_t hash) {
    hash = dn_hash(&value->attr, sizeof value->attr, hash);
    switch (dn_attr_kind_of(value->attr)) {
        case DN_ATTR_INT: return dn_hash(&value->i, sizeof value->i, hash);
        case DN_ATTR_STRING: return dn_hash(value->string, strlen(value->string), hash);
        case DN_ATTR_DIMS:
            return value->count == 0
                       ? hash
                       : dn_hash(value->dims, (size_t)value->count * sizeof(dn_dim), hash);
        case DN_ATTR_NUMBER: {
            uint64_t bits = number_bits(value->number);
            return dn_hash(&bits, sizeof bits, hash);
        }
    }
    return hash;
}

static dn_attr_value attr_copy(dn_arena *arena, dn_attr_value value) {
    switch (dn_attr_kind_of(value.attr)) {
        case DN_ATTR_STRING: value.string = dn_arena_strdup(arena, value.string); break;
        case DN_ATTR_DIMS:
            value.dims = dn_arena_copy(arena, value.dims, (size_t)value.count * sizeof(dn_dim));
            break;
        default: break;
    }
    return value;
}

const dn_attr_value *dn_node_attr(const dn_node *node, dn_attr attr) {
    for (int i = 0; i < node->n_attrs; i++)
        if (node->attrs[i].attr == attr) return &node->attrs[i];
    return NULL;
}

static const dn_attr_value *must_have(const dn_node *node, dn_attr attr, dn_attr_kind kind) {
    const dn_attr_value *value = dn_node_attr(node, attr);
    DN_ASSERT(value && dn_attr_kind_of(attr) == kind, "%s has no such attribute %s",
              dn_op_get(node->op)->name, dn_attr_name(attr));
    return value;
}

int64_t dn_node_int(const dn_node *node, dn_attr attr) {
    return must_have(node, attr, DN_ATTR_INT)->i;
}

double dn_node_number(const dn_node *node, dn_attr attr) {
    return must_have(node, attr, DN_ATTR_NUMBER)->number;
}

const dn_dim *dn_node_dims(const dn_node *node, dn_attr attr, int *count) {
    const dn_attr_value *value = must_have(node, attr, DN_ATTR_DIMS);
    if (count) *count = value->count;
    return value->dims;
}

// ---- hash-consing ---------------------------------------------------------------------------

static uint64_t node_hash(const dn_node *node) {
    uint64_t hash = dn_hash(&node->op, sizeof node->op, DN_HASH_SEED);
    for (int i = 0; i < node->n_in; i++)
        hash = dn_hash(&node->in[i]->id, sizeof node->in[i]->id, hash);
    for (int i = 0; i < node->n_attrs; i++) hash = attr_hash(&node->attrs[i], hash);
    hash = dn_hash(&node->type.dtype, sizeof node->type.dtype, hash);
    return dn_hash(node->type.dims, (size_t)node->type.rank * sizeof(dn_dim), hash);
}

static bool node_equal(const dn_node *a, const dn_node *b) {
    if (a->op != b->op || a->n_in != b->n_in || a->n_attrs != b->n_attrs) return false;
    if (!dn_type_equal(&a->type, &b->type)) return false;
    for (int i = 0; i < a->n_in; i++)
        if (a->in[i] != b->in[i]) return false;
    for (int i = 0; i < a->n_attrs; i++)
        if (!dn_attr_value_equal(&a->attrs[i], &b->attrs[i])) return false;
    return true;
}

// Where `node` is, or the empty slot where it would be.
static dn_node **table_slot(dn_graph_table *table, const dn_node *node) {
    size_t mask = table->capacity - 1, i = node_hash(node) & mask;
    while (table->slots[i] && !node_equal(table->slots[i], node)) i = (i + 1) & mask;
    return &table->slots[i];
}

static void table_grow(dn_graph_table *table) {
    dn_graph_table old = *table;
    table->capacity *= 2;
    table->slots = dn_xcalloc(table->capacity, sizeof(dn_node *));
    for (size_t i = 0; i < old.capacity; i++)
        if (old.slots[i]) *table_slot(table, old.slots[i]) = old.slots[i];
    free(old.slots);
}

static void list_input(dn_graph *graph, dn_node *node) {
    int64_t index = dn_node_int(node, DN_ATTR_INDEX);
    while (graph->n_inputs <= index)
        DN_PUSH(graph->inputs, graph->n_inputs, graph->cap_inputs) = (dn_graph_value){0};
    graph->inputs[index] = (dn_graph_value){node->attrs[1].string, node};
}

static void list_var(dn_graph *graph, const dn_node *node) {
    int64_t index = dn_node_int(node, DN_ATTR_INDEX);
    while (graph->n_vars <= index)
        DN_PUSH(graph->vars, graph->n_vars, graph->cap_vars) = (dn_graph_var){0};
    graph->vars[index] = (dn_graph_var){node->attrs[1].string, node->type};
}

static dn_node *node_add(dn_graph *graph, const dn_node *proto) {
    dn_node *node = dn_arena_copy(&graph->arena, proto, sizeof *proto);
    node->id = graph->n_nodes;
    node->in = dn_arena_copy(&graph->arena, proto->in, (size_t)proto->n_in * sizeof(dn_node *));
    node->attrs = DN_NEW_ARRAY(&graph->arena, dn_attr_value, proto->n_attrs);
    for (int i = 0; i < proto->n_attrs; i++)
        node->attrs[i] = attr_copy(&graph->arena, proto->attrs[i]);
    DN_PUSH(graph->nodes, graph->n_nodes, graph->cap_nodes) = node;
    if (node->op == DN_OP_INPUT) list_input(graph, node);
    if (node->op == DN_OP_VAR) list_var(graph, node);
    return node;
}

const dn_node *dn_graph_find(const dn_graph *graph, const dn_node *proto) {
    return *table_slot(graph->table, proto);
}

dn_node *dn_graph_intern(dn_graph *graph, const dn_node *proto) {
    dn_node **slot = table_slot(graph->table, proto);
    if (*slot) return *slot;
    dn_node *node = node_add(graph, proto);
    *slot = node;
    if (2 * (size_t)graph->n_nodes > graph->table->capacity) table_grow(graph->table);
    return node;
}

// ---- building -------------------------------------------------------------------------------

// An index stands for one input (or variable), a variable's name for one index.
static dn_status check_leaf(const dn_graph *graph, dn_op op, const dn_attr_value *attrs,
                            const dn_type *type) {
    const char *name = attrs[1].string;
    int64_t index = attrs[0].i;
    if (op == DN_OP_INPUT) {
        if (index >= graph->n_inputs || !graph->inputs[index].node) return DN_SUCCESS;
        const dn_graph_value *input = &graph->inputs[index];
        if (strcmp(input->name, name) == 0 && dn_type_equal(&input->node->type, type))
            return DN_SUCCESS;
        return dn_fail(DN_INVALID, "input %d exists already: \"%s\"", (int)index, input->name);
    }
    for (int i = 0; i < graph->n_vars; i++) {
        const dn_graph_var *var = &graph->vars[i];
        if (!var->name || (i != index && strcmp(var->name, name) != 0)) continue;
        if (i == index && strcmp(var->name, name) == 0 && dn_type_equal(&var->type, type)) continue;
        return dn_fail(DN_INVALID, "variable %d exists already: \"%s\"", i, var->name);
    }
    return DN_SUCCESS;
}

dn_status dn_graph_op(dn_graph *graph, dn_op op, dn_node *const *in, int n_in,
                      const dn_attr_value *attrs, int n_attrs, const dn_type *type, dn_node **out) {
    dn_node proto = {.op = op, .n_in = n_in, .n_attrs = n_attrs, .span = graph->span};
    for (int i = 0; i < n_in; i++)
        DN_ASSERT(in[i]->id < graph->n_nodes && graph->nodes[in[i]->id] == in[i],
                  "operand %d of %s belongs to another graph", i, dn_op_get(op)->name);
    DN_TRY(dn_infer(graph->dims, op, in, n_in, attrs, n_attrs, type, &proto.type));
    if (op == DN_OP_INPUT || op == DN_OP_VAR) DN_TRY(check_leaf(graph, op, attrs, &proto.type));
    // Only read through: node_add copies them.
    proto.in = (dn_node **)(uintptr_t)in;
    proto.attrs = (dn_attr_value *)(uintptr_t)attrs;
    *out = dn_graph_intern(graph, &proto);
    return DN_SUCCESS;
}

static dn_node *leaf(dn_graph *graph, dn_op op, int index, const char *name, const dn_type *type) {
    dn_attr_value attrs[] = {dn_attr_int(DN_ATTR_INDEX, index),
                             {.attr = DN_ATTR_NAME, .string = name}};
    dn_node *node;
    dn_status status = dn_graph_op(graph, op, NULL, 0, attrs, 2, type, &node);
    DN_ASSERT(!status, "%s %s: %s", dn_op_get(op)->name, name, dn_status_message(status));
    return node;
}

dn_node *dn_graph_input(dn_graph *graph, const char *name, dn_type type) {
    return leaf(graph, DN_OP_INPUT, graph->n_inputs, name, &type);
}

dn_node *dn_graph_variable(dn_graph *graph, const char *name, dn_type type) {
    int index = 0;
    while (index < graph->n_vars &&
           !(graph->vars[index].name && strcmp(graph->vars[index].name, name) == 0))
        index++;
    if (index < graph->n_vars) type = graph->vars[index].type;
    return leaf(graph, DN_OP_VAR, index, name, &type);
}

void dn_graph_output(dn_graph *graph, const char *name, dn_node *node) {
    DN_PUSH(graph->outputs, graph->n_outputs, graph->cap_outputs) =
        (dn_graph_value){dn_arena_strdup(&graph->arena, name), node};
}

void dn_graph_update_var(dn_graph *graph, int var, dn_node *node) {
    for (int i = 0; i < graph->n_updates; i++) {
        if (graph->updates[i].var != var) continue;
        graph->updates[i].node = node;
        return;
    }
    DN_PUSH(graph->updates, graph->n_updates, graph->cap_updates) = (dn_graph_update){var, node};
}
