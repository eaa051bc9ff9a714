// Movement ops: each says which strided copies it is.
#include <string.h>

#include "codegen/interp/kernels.h"

static size_t element_of(const dn_eval *e) { return dn_dtype_size(e->node->type.dtype); }

static void *out_at(const dn_eval *e, int64_t offset) {
    return (char *)e->out + offset * (int64_t)element_of(e);
}

static const void *in_at(const dn_eval *e, int operand, int64_t offset) {
    return (const char *)e->in[operand] + offset * (int64_t)element_of(e);
}

// A copy that writes all of `out` in order; from: strides into the operand.
static dn_copy into_result(const dn_eval *e) {
    const dn_type *type = &e->node->type;
    dn_copy copy = {.rank = type->rank};
    memcpy(copy.dims, type->dims, sizeof copy.dims);
    dn_row_major(copy.rank, copy.dims, copy.to);
    return copy;
}

dn_status dn_eval_RESHAPE(const dn_eval *e) {
    memcpy(e->out, e->in[0], (size_t)e->count * element_of(e));
    return DN_SUCCESS;
}

// Strides into x along the result's axes; 0 where x is repeated.
static void broadcast_strides(const dn_node *node, int64_t *from) {
    const dn_type *x = &node->in[0]->type;
    const dn_dim *axes = dn_node_dims(node, DN_ATTR_AXES, NULL);
    int64_t strides[DN_MAX_RANK];
    dn_row_major(x->rank, x->dims, strides);
    for (int i = 0; i < node->type.rank; i++) from[i] = 0;
    for (int i = 0; i < x->rank; i++) {
        if (x->dims[i] != 1) from[axes[i]] = strides[i];
    }
}

dn_status dn_eval_BROADCAST(const dn_eval *e) {
    dn_copy copy = into_result(e);
    broadcast_strides(e->node, copy.from);
    dn_copy_run(e, copy, element_of(e), e->out, e->in[0]);
    return DN_SUCCESS;
}

int64_t dn_broadcast_period(const dn_node *node, int64_t period) {
    const dn_type *type = &node->type;
    int64_t from[DN_MAX_RANK], run = 1;
    broadcast_strides(node, from);
    int axis = type->rank - 1;
    for (; axis >= 0 && (type->dims[axis] == 1 || from[axis] == run); axis--)
        run *= type->dims[axis];
    for (; axis >= 0; axis--) {
        if (type->dims[axis] != 1 && from[axis] != 0) return dn_type_count(type);
    }
    // run is now the number of x's elements, which are in order, and repeat.
    return period < run ? period : run;
}

dn_status dn_eval_TRANSPOSE(const dn_eval *e) {
    const dn_type *x = &e->node->in[0]->type;
    const dn_dim *axes = dn_node_dims(e->node, DN_ATTR_AXES, NULL);
    dn_copy copy = into_result(e);
    int64_t strides[DN_MAX_RANK];
    dn_row_major(x->rank, x->dims, strides);
    for (int i = 0; i < copy.rank; i++) copy.from[i] = strides[axes[i]];
    dn_copy_run(e, copy, element_of(e), e->out, e->in[0]);
    return DN_SUCCESS;
}

dn_status dn_eval_SLICE(const dn_eval *e) {
    const dn_type *x = &e->node->in[0]->type;
    const dn_dim *start = dn_node_dims(e->node, DN_ATTR_START, NULL);
    const dn_dim *stride = dn_node_dims(e->node, DN_ATTR_STRIDE, NULL);
    dn_copy copy = into_result(e);
    int64_t strides[DN_MAX_RANK], offset = 0;
    if (e->count == 0) return DN_SUCCESS;
    dn_row_major(x->rank, x->dims, strides);
    for (int i = 0; i < copy.rank; i++) {
        offset += start[i] * strides[i];
        copy.from[i] = stride[i] * strides[i];
    }
    dn_copy_run(e, copy, element_of(e), e->out, in_at(e, 0, offset));
    return DN_SUCCESS;
}

dn_status dn_eval_PAD(const dn_eval *e) {
    const dn_type *x = &e->node->in[0]->type, *type = &e->node->type;
    const dn_dim *lo = dn_node_dims(e->node, DN_ATTR_LO, NULL);
    const dn_dim *interior = dn_node_dims(e->node, DN_ATTR_INTERIOR, NULL);
    char value[8];
    dn_store_number(type->dtype, dn_node_number(e->node, DN_ATTR_VALUE), value);
    dn_fill(e, element_of(e), value, e->out, e->count);
    dn_copy copy = {.rank = x->rank};
    int64_t offset = 0;
    memcpy(copy.dims, x->dims, sizeof copy.dims);
    dn_row_major(x->rank, x->dims, copy.from);
    dn_row_major(x->rank, type->dims, copy.to);
    for (int i = 0; i < x->rank; i++) {  // element i of an axis goes to lo + i * (interior + 1)
        offset += lo[i] * copy.to[i];
        copy.to[i] *= interior[i] + 1;
    }
    if (dn_type_count(x)) dn_copy_run(e, copy, element_of(e), out_at(e, offset), e->in[0]);
    return DN_SUCCESS;
}

dn_status dn_eval_CONCAT(const dn_eval *e) {
    const dn_node *node = e->node;
    int64_t axis = dn_node_int(node, DN_ATTR_AXIS), offset = 0;
    dn_copy copy = into_result(e);
    for (int k = 0; k < node->n_in; k++) {
        const dn_type *x = &node->in[k]->type;
        memcpy(copy.dims, x->dims, sizeof copy.dims);
        dn_row_major(x->rank, x->dims, copy.from);
        dn_copy_run(e, copy, element_of(e), out_at(e, offset), e->in[k]);
        offset += x->dims[axis] * copy.to[axis];
    }
    return DN_SUCCESS;
}

dn_status dn_eval_REVERSE(const dn_eval *e) {
    const dn_type *x = &e->node->in[0]->type;
    int n_axes;
    const dn_dim *axes = dn_node_dims(e->node, DN_ATTR_AXES, &n_axes);
    dn_copy copy = into_result(e);
    int64_t offset = 0;
    if (e->count == 0) return DN_SUCCESS;
    dn_row_major(x->rank, x->dims, copy.from);
    for (int i = 0; i < n_axes; i++) {
        offset += (x->dims[axes[i]] - 1) * copy.from[axes[i]];
        copy.from[axes[i]] = -copy.from[axes[i]];
    }
    dn_copy_run(e, copy, element_of(e), e->out, in_at(e, 0, offset));
    return DN_SUCCESS;
}
