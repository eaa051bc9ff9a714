// Values: a node at an index is what its operands are at indices of theirs, down to loads.
#include "codegen/kernel/builder.h"

#include <stdlib.h>
#include <string.h>

// What stands in the way is a node that could be a root, but is not yet.
static bool could_be_root(const dn_builder *b, const dn_node *node) {
    return node && !dn_has_buffer(b->fusion, node) && node->op != DN_OP_RESHAPE;
}

static int fail(dn_builder *b, const dn_node *obstacle) {
    if (!b->failed) b->obstacle = could_be_root(b, obstacle) ? obstacle : b->suspect;
    b->failed = true;
    return -1;
}

// ---- the kernel's lists ----

int dn_builder_arg(dn_builder *b, int id) {
    dn_kernel *k = b->kernel;
    for (int i = 0; i < k->n_args; i++)
        if (k->args[i] == id) return i;
    DN_PUSH(k->args, k->n_args, b->cap_args) = id;
    return k->n_args - 1;
}

int dn_builder_push(dn_builder *b, const dn_kvalue *value) {
    dn_kernel *k = b->kernel;
    DN_PUSH(k->values, k->n_values, b->cap_values) = *value;
    return k->n_values - 1;
}

int dn_builder_widened(dn_builder *b, const dn_kvalue *load, dn_dtype dtype) {
    int value = dn_builder_push(b, load);
    if (load->dtype == dtype) return value;
    return dn_builder_push(
        b, &(dn_kvalue){
               .kind = DN_KV_ELEMENTWISE, .op = DN_OP_CAST, .dtype = dtype, .in = {value, -1, -1}});
}

void dn_builder_forget(dn_builder *b) { b->n_known = 0; }

void dn_builder_free(dn_builder *b) { free(b->known); }

// ---- what is known ----

static int find_known(const dn_builder *b, const dn_node *node, const dn_access *at) {
    for (int i = b->n_known - 1; i >= 0; i--)
        if (b->known[i].node == node && dn_access_equal(&b->known[i].at, at))
            return b->known[i].value;
    return -1;
}

void dn_builder_know(dn_builder *b, const dn_node *node, const dn_access *at, int value) {
    DN_PUSH(b->known, b->n_known, b->cap_known) = (dn_known){node, *at, value};
}

// ---- indices ----

static bool index_of(dn_builder *b, const dn_access *linear, const dn_node *node, dn_index *out) {
    dn_split split;
    const dn_kernel *k = b->kernel;
    if (dn_index_of(linear, k->axes, k->n_axes, &node->type, out, &split)) return true;
    if (b->fixed || split.axis < 0) return true;  // with unknown digits, which may not matter
    if (!b->failed) b->split = split;
    fail(b, NULL);
    return false;
}

bool dn_builder_index(dn_builder *b, const dn_node *node, dn_index *out) {
    return index_of(b, &b->linear, node, out);
}

static bool linear_of(const dn_index *index, const dn_node *node, dn_access *out) {
    return dn_index_linear(index, &node->type, out);
}

// ---- one node ----

// A member of this group at the point at hand is computed here; elsewhere it would have to be
// loaded while it is being written.
static const dn_member *own(const dn_builder *b, const dn_node *node) {
    for (int i = 0; i < b->group->n_members; i++)
        if (b->group->members[i].node == node) return &b->group->members[i];
    return NULL;
}

static int load(dn_builder *b, const dn_node *storage, const dn_access *at) {
    dn_kvalue value = {.kind = DN_KV_LOAD,
                       .dtype = storage->type.dtype,
                       .in = {-1, -1, -1},
                       .arg = dn_builder_arg(b, storage->id),
                       .access = *at};
    for (int i = 0; i < b->kernel->n_values; i++) {  // through another shape
        const dn_kvalue *v = &b->kernel->values[i];
        bool here = !b->after || i >= b->kernel->n_body;
        if (here && v->kind == DN_KV_LOAD && v->arg == value.arg && v->in[0] < 0 &&
            dn_access_equal(&v->access, at))
            return i;
    }
    return dn_builder_push(b, &value);
}

static int elementwise(dn_builder *b, const dn_node *node, const dn_index *index) {
    dn_kvalue value = {
        .kind = DN_KV_ELEMENTWISE, .op = node->op, .dtype = node->type.dtype, .in = {-1, -1, -1}};
    for (int i = 0; i < node->n_in; i++) {
        value.in[i] = dn_builder_value(b, node->in[i], index);
        if (value.in[i] < 0) return -1;
    }
    return dn_builder_push(b, &value);
}

// Indices beyond what u8 holds are its largest number, as the interpreter has it.
static int saturated(dn_builder *b, int index) {
    dn_kvalue most = {
        .kind = DN_KV_CONST, .dtype = DN_I32, .in = {-1, -1, -1}, .number = UINT8_MAX};
    dn_kvalue value = {.kind = DN_KV_ELEMENTWISE,
                       .op = DN_OP_MIN,
                       .dtype = DN_I32,
                       .in = {index, dn_builder_push(b, &most), -1}};
    value.in[0] = dn_builder_push(b, &value);
    value.in[1] = -1;
    value.op = DN_OP_CAST;
    value.dtype = DN_U8;
    return dn_builder_push(b, &value);
}

static int iota(dn_builder *b, const dn_node *node, const dn_index *index) {
    int axis = (int)dn_node_int(node, DN_ATTR_AXIS);
    bool small = node->type.dtype == DN_U8;
    if (index->unknown[axis]) return fail(b, node);
    dn_kvalue value = {.kind = DN_KV_INDEX,
                       .dtype = small ? DN_I32 : node->type.dtype,
                       .in = {-1, -1, -1},
                       .access = index->dim[axis]};
    int number = dn_builder_push(b, &value);
    return small ? saturated(b, number) : number;
}

static int constant(dn_builder *b, const dn_node *node) {
    dn_kvalue value = {.kind = DN_KV_CONST,
                       .dtype = node->type.dtype,
                       .in = {-1, -1, -1},
                       .number = dn_node_number(node, DN_ATTR_VALUE)};
    return dn_builder_push(b, &value);
}

// gather(x [V, D...], i [I...]) at [I..., D...]
static int gather(dn_builder *b, const dn_node *node, const dn_index *index) {
    const dn_node *x = node->in[0], *i = node->in[1];
    dn_index of_i = {.rank = i->type.rank}, of_x = {.rank = x->type.rank};
    for (int d = 0; d < of_i.rank; d++) {
        of_i.dim[d] = index->dim[d];
        of_i.unknown[d] = index->unknown[d];
    }
    for (int d = 1; d < of_x.rank; d++) {
        of_x.dim[d] = index->dim[of_i.rank + d - 1];
        of_x.unknown[d] = index->unknown[of_i.rank + d - 1];
    }
    int row = dn_builder_value(b, i, &of_i);
    dn_access at;
    if (row < 0) return -1;
    if (!linear_of(&of_x, x, &at)) return fail(b, node);
    int64_t rows = x->type.dims[0];
    const dn_node *table = dn_storage(x);
    dn_kvalue value = {.kind = DN_KV_LOAD,
                       .dtype = x->type.dtype,
                       .in = {row, -1, -1},
                       .arg = dn_builder_arg(b, table->id),
                       .access = at,
                       .scale = rows ? dn_elements(x) / rows : 0,
                       .rows = rows};
    return dn_builder_push(b, &value);
}

static int reshape(dn_builder *b, const dn_node *node, const dn_index *index) {
    const dn_node *storage = dn_storage(node);
    dn_access at;
    dn_index inner;
    if (!linear_of(index, node, &at)) return fail(b, node);
    if (dn_has_buffer(b->fusion, storage) && !own(b, storage)) return load(b, storage, &at);
    if (!index_of(b, &at, storage, &inner)) {
        b->obstacle = storage;
        return -1;
    }
    for (int d = 0; d < inner.rank; d++)
        if (inner.unknown[d]) b->suspect = storage;
    return dn_builder_value(b, storage, &inner);
}

static int compute(dn_builder *b, const dn_node *node, const dn_index *index) {
    dn_index operand;
    switch (node->op) {
        case DN_OP_CONST: return constant(b, node);
        case DN_OP_IOTA: return iota(b, node, index);
        case DN_OP_RESHAPE: return reshape(b, node, index);
        case DN_OP_GATHER: return gather(b, node, index);
        case DN_OP_STOP_GRADIENT: return dn_builder_value(b, node->in[0], index);
        default: break;
    }
    if (!dn_is_movement(node)) return elementwise(b, node, index);
    dn_index_move(node, index, &operand);
    return dn_builder_value(b, node->in[0], &operand);
}

int dn_builder_value(dn_builder *b, const dn_node *node, const dn_index *index) {
    if (b->failed) return -1;
    dn_access at;
    bool placed = linear_of(index, node, &at);
    int value = placed ? find_known(b, node, &at) : -1;
    if (value >= 0) return value;
    const dn_member *member = own(b, node);
    if (member || dn_has_buffer(b->fusion, node)) {
        if (!placed) return fail(b, node);
        if (!member) return load(b, node, &at);
        // A member that is not known yet is computed at its own point only, and once.
        if (!dn_access_equal(&at, &b->linear) || (member->body && b->after)) return fail(b, node);
    }
    if (!dn_is_inlineable(node) || b->kernel->n_values > DN_MOST_VALUES) return fail(b, node);
    value = compute(b, node, index);
    if (value < 0) {
        if (!b->obstacle && could_be_root(b, node)) b->obstacle = node;
        return -1;
    }
    if (placed) dn_builder_know(b, node, &at, value);
    return value;
}

int dn_builder_here(dn_builder *b, const dn_node *node) {
    dn_index index;
    if (!dn_builder_index(b, node, &index)) return -1;
    return dn_builder_value(b, node, &index);
}
