// The geometry of contractions.
#include "codegen/kernel/expand.h"

static void copy_dims(const dn_node *node, dn_attr attr, int64_t *to) {
    int n;
    const dn_dim *from = dn_node_dims(node, attr, &n);
    for (int i = 0; i < n; i++) to[i] = from[i];
}

// The types of x [N, S..., C], w [K..., C / groups, F] and y [N, O..., F].
static void conv_types(const dn_node *node, const dn_type **x, const dn_type **w,
                       const dn_type **y) {
    const dn_type *a = &node->in[0]->type, *b = &node->in[1]->type, *c = &node->type;
    *x = node->op == DN_OP_CONV_INPUT ? c : a;
    *w = node->op == DN_OP_CONV_WEIGHT ? c : b;
    *y = node->op == DN_OP_CONV ? c : node->op == DN_OP_CONV_INPUT ? a : b;
}

static void convolution(const dn_node *node, dn_contract *c) {
    const dn_type *x, *w, *y;
    conv_types(node, &x, &w, &y);
    c->spatial = x->rank - 2;
    c->images = x->dims[0];
    c->channels = x->dims[x->rank - 1];
    c->filters = w->dims[w->rank - 1];
    c->groups = dn_node_int(node, DN_ATTR_GROUPS);
    for (int i = 0; i < c->spatial; i++) {
        c->image[i] = x->dims[1 + i];
        c->out[i] = y->dims[1 + i];
        c->kernel[i] = w->dims[i];
    }
    copy_dims(node, DN_ATTR_STRIDE, c->stride);
    copy_dims(node, DN_ATTR_DILATION, c->dilation);
    copy_dims(node, DN_ATTR_LO, c->lo);
}

// ---- dot ----

// One operand: its batch, free and contracted axes, with row-major strides.
typedef struct side {
    const dn_type *type;
    int64_t stride[DN_MAX_RANK];
    bool used[DN_MAX_RANK];
} side;

static side side_of(const dn_type *type) {
    side s = {.type = type};
    int64_t stride = 1;
    for (int i = type->rank - 1; i >= 0; i--) {
        s.stride[i] = stride;
        stride *= type->dims[i];
    }
    return s;
}

// Several axes in the given order as one: its size, and the stride if there is one.
static bool merge_axes(const side *s, int n, const int *axes, int64_t *size, int64_t *stride) {
    *size = 1;
    *stride = 1;
    bool first = true;
    for (int i = n - 1; i >= 0; i--) {
        int64_t dim = s->type->dims[axes[i]];
        if (dim == 1) continue;
        if (first)
            *stride = s->stride[axes[i]];
        else if (s->stride[axes[i]] != *stride * *size)
            return false;
        first = false;
        *size *= dim;
    }
    return true;
}

static int attr_axes(const dn_node *node, dn_attr attr, side *s, int *axes) {
    int n;
    const dn_dim *from = dn_node_dims(node, attr, &n);
    for (int i = 0; i < n; i++) {
        axes[i] = (int)from[i];
        s->used[axes[i]] = true;
    }
    return n;
}

static int free_axes(const side *s, int *axes) {
    int n = 0;
    for (int i = 0; i < s->type->rank; i++)
        if (!s->used[i]) axes[n++] = i;
    return n;
}

static bool dot(const dn_node *node, dn_contract *c) {
    side a = side_of(&node->in[0]->type), b = side_of(&node->in[1]->type);
    int batch_a[DN_MAX_RANK], batch_b[DN_MAX_RANK], k_a[DN_MAX_RANK], k_b[DN_MAX_RANK];
    int m[DN_MAX_RANK], n[DN_MAX_RANK];
    c->batches = attr_axes(node, DN_ATTR_LHS_BATCH, &a, batch_a);
    attr_axes(node, DN_ATTR_RHS_BATCH, &b, batch_b);
    int n_k = attr_axes(node, DN_ATTR_LHS_CONTRACT, &a, k_a);
    attr_axes(node, DN_ATTR_RHS_CONTRACT, &b, k_b);
    for (int i = 0; i < c->batches; i++) {
        c->batch[i] = a.type->dims[batch_a[i]];
        c->a_batch[i] = a.stride[batch_a[i]];
        c->b_batch[i] = b.stride[batch_b[i]];
    }
    return merge_axes(&a, free_axes(&a, m), m, &c->m, &c->a_m) &&
           merge_axes(&b, free_axes(&b, n), n, &c->n, &c->b_n) &&
           merge_axes(&a, n_k, k_a, &c->k, &c->a_k) && merge_axes(&b, n_k, k_b, &c->k, &c->b_k);
}

bool dn_contract_of(const dn_node *node, dn_contract *out) {
    *out = (dn_contract){.op = node->op, .dtype = node->type.dtype};
    for (int i = 0; i < 2; i++)
        out->narrow[i] = dn_contract_operand(node, i)->type.dtype != out->dtype;
    if (node->op == DN_OP_DOT) return dot(node, out);
    convolution(node, out);
    return true;
}
