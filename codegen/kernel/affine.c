#include "codegen/kernel/affine.h"

#include <string.h>

bool dn_access_equal(const dn_access *a, const dn_access *b) {
    return memcmp(a, b, sizeof *a) == 0;
}

void dn_access_add(dn_access *a, const dn_access *b, int64_t factor) {
    a->offset += factor * b->offset;
    for (int i = 0; i < DN_MAX_AXES; i++) a->stride[i] += factor * b->stride[i];
}

bool dn_index_linear(const dn_index *index, const dn_type *type, dn_access *out) {
    int64_t stride = 1;
    *out = index->position;
    if (index->has_position) return true;
    *out = (dn_access){0};
    for (int d = type->rank - 1; d >= 0; d--) {
        if (type->dims[d] != 1 && index->unknown[d]) return false;
        if (type->dims[d] != 1) dn_access_add(out, &index->dim[d], stride);
        stride *= type->dims[d];
    }
    return true;
}

// ---- division ----

static int64_t floor_mod(int64_t a, int64_t m) { return ((a % m) + m) % m; }

// Whether the number is within 0 .. m - 1 for all indices.
static bool within(const dn_access *a, const dn_axis *axes, int n_axes, int64_t m) {
    int64_t low = a->offset, high = a->offset;
    for (int i = 0; i < n_axes; i++) {
        int64_t reach = a->stride[i] * (axes[i].size - 1);
        *(reach < 0 ? &low : &high) += reach;
    }
    return low >= 0 && high < m;
}

// linear = m * *quotient + *digit, where the digit has the terms that m does not divide.
static void divide(const dn_access *linear, int64_t m, dn_access *quotient, dn_access *digit) {
    *digit = (dn_access){.offset = floor_mod(linear->offset, m)};
    for (int i = 0; i < DN_MAX_AXES; i++)
        if (linear->stride[i] % m != 0) digit->stride[i] = linear->stride[i];
    *quotient = *linear;
    dn_access_add(quotient, digit, -1);
    quotient->offset /= m;
    for (int i = 0; i < DN_MAX_AXES; i++) quotient->stride[i] /= m;
}

// An axis that straddles the digit: its multiples reach beyond m, and m / stride of them make one.
static dn_split find_split(const dn_access *digit, const dn_axis *axes, int n_axes, int64_t m) {
    for (int i = 0; i < n_axes; i++) {
        int64_t s = digit->stride[i];
        if (s <= 0 || m % s != 0) continue;
        int64_t inner = m / s;
        if (inner > 1 && axes[i].size > inner && axes[i].size % inner == 0)
            return (dn_split){i, inner};
    }
    return (dn_split){-1, 0};
}

bool dn_index_of(const dn_access *linear, const dn_axis *axes, int n_axes, const dn_type *type,
                 dn_index *out, dn_split *split) {
    dn_access rest = *linear, quotient, digit;
    bool told = true;
    *out = (dn_index){.rank = type->rank, .has_position = true, .position = *linear};
    *split = (dn_split){-1, 0};
    int first = 0;  // takes what is left: the outermost axis that is longer than 1
    while (first < type->rank - 1 && type->dims[first] == 1) first++;
    for (int d = type->rank - 1; d > first; d--) {
        if (type->dims[d] <= 1) continue;
        if (!told) {
            out->unknown[d] = true;
            continue;
        }
        divide(&rest, type->dims[d], &quotient, &digit);
        if (!within(&digit, axes, n_axes, type->dims[d])) {
            *split = find_split(&digit, axes, n_axes, type->dims[d]);
            told = false;
            out->unknown[d] = true;
            continue;
        }
        out->dim[d] = digit;
        rest = quotient;
    }
    if (type->rank) out->unknown[first] = !told;
    if (type->rank && told) out->dim[first] = rest;
    return told;
}

// ---- movement ----

static void copy_dim(const dn_index *from, int i, dn_index *to, int k) {
    to->dim[k] = from->dim[i];
    to->unknown[k] = from->unknown[i];
}

static void move_broadcast(const dn_node *node, const dn_index *result, dn_index *operand) {
    const dn_type *x = &node->in[0]->type;
    const dn_dim *axes = dn_node_dims(node, DN_ATTR_AXES, NULL);
    for (int i = 0; i < x->rank; i++)
        if (x->dims[i] != 1) copy_dim(result, (int)axes[i], operand, i);
}

static void move_transpose(const dn_node *node, const dn_index *result, dn_index *operand) {
    const dn_dim *axes = dn_node_dims(node, DN_ATTR_AXES, NULL);
    for (int i = 0; i < result->rank; i++) copy_dim(result, i, operand, (int)axes[i]);
}

static void move_slice(const dn_node *node, const dn_index *result, dn_index *operand) {
    const dn_dim *start = dn_node_dims(node, DN_ATTR_START, NULL);
    const dn_dim *stride = dn_node_dims(node, DN_ATTR_STRIDE, NULL);
    for (int i = 0; i < result->rank; i++) {
        operand->dim[i] = (dn_access){.offset = start[i]};
        operand->unknown[i] = result->unknown[i];
        dn_access_add(&operand->dim[i], &result->dim[i], stride[i]);
    }
}

static void move_reverse(const dn_node *node, const dn_index *result, dn_index *operand) {
    int n;
    const dn_dim *axes = dn_node_dims(node, DN_ATTR_AXES, &n);
    for (int i = 0; i < result->rank; i++) copy_dim(result, i, operand, i);
    for (int i = 0; i < n; i++) {
        int d = (int)axes[i];
        operand->dim[d] = (dn_access){.offset = node->type.dims[d] - 1};
        dn_access_add(&operand->dim[d], &result->dim[d], -1);
    }
}

// [N, O..., K..., C] of x [N, S..., C]: s = o * stride + k * dilation
static void move_window(const dn_node *node, const dn_index *result, dn_index *operand) {
    int spatial;
    const dn_dim *stride = dn_node_dims(node, DN_ATTR_STRIDE, &spatial);
    const dn_dim *dilation = dn_node_dims(node, DN_ATTR_DILATION, NULL);
    copy_dim(result, 0, operand, 0);
    copy_dim(result, result->rank - 1, operand, operand->rank - 1);
    for (int i = 0; i < spatial; i++) {
        operand->dim[1 + i] = (dn_access){0};
        dn_access_add(&operand->dim[1 + i], &result->dim[1 + i], stride[i]);
        dn_access_add(&operand->dim[1 + i], &result->dim[1 + spatial + i], dilation[i]);
        operand->unknown[1 + i] = result->unknown[1 + i] || result->unknown[1 + spatial + i];
    }
}

void dn_index_move(const dn_node *node, const dn_index *result, dn_index *operand) {
    *operand = (dn_index){.rank = node->in[0]->type.rank};
    switch (node->op) {
        case DN_OP_BROADCAST: move_broadcast(node, result, operand); break;
        case DN_OP_TRANSPOSE: move_transpose(node, result, operand); break;
        case DN_OP_SLICE: move_slice(node, result, operand); break;
        case DN_OP_REVERSE: move_reverse(node, result, operand); break;
        case DN_OP_WINDOW: move_window(node, result, operand); break;
        default: DN_ASSERT(false, "%s is no movement", dn_op_get(node->op)->name);
    }
}
