// The kernel of every op, and the evaluation of one node on its own.
#include <stdlib.h>

#include "codegen/interp/kernels.h"

dn_kernel *dn_kernel_of(dn_op op) {
    static dn_kernel *const kernels[DN_OP_COUNT] = {
#define OP(ENUM, name, arity, attrs, grad, doc) [DN_OP_##ENUM] = dn_eval_##ENUM,
#define UNARY(ENUM, name, domain, expr, grad, doc) [DN_OP_##ENUM] = dn_eval_elementwise,
#define BINARY(ENUM, name, domain, result, expr, grad, doc) [DN_OP_##ENUM] = dn_eval_elementwise,
#include "ir/ops.def"
#undef OP
#undef UNARY
#undef BINARY
    };
    return kernels[op];
}

dn_status dn_evaluate(const dn_eval *e) {
    return dn_is_narrow(e->node) ? dn_eval_narrow(e) : dn_kernel_of(e->node->op)(e);
}

static dn_status run_node(const dn_eval *template, dn_tensor *const *in, dn_tensor *out) {
    dn_eval e = *template;
    int n = e.node->n_in;
    const void **data = dn_xcalloc((size_t)n + 1, sizeof *data);
    int64_t *period = dn_xcalloc((size_t)n + 1, sizeof *period);
    for (int i = 0; i < n; i++) {
        data[i] = in[i]->data;
        period[i] = dn_shape_elements(&in[i]->shape);
    }
    e.in = data;
    e.period = period;
    e.out = out->data;
    e.count = dn_shape_elements(&out->shape);
    dn_status status = dn_evaluate(&e);
    free(data);
    free(period);
    return status;
}

dn_status dn_interp_node(dn_pool *pool, const dn_node *node, dn_tensor *const *in, uint64_t seed,
                         uint64_t step, dn_tensor **out) {
    dn_buffers buffers = {0};
    dn_eval e = {.node = node, .pool = pool, .buffers = &buffers, .seed = seed, .step = step};
    dn_shape shape = dn_type_shape(&node->type);
    DN_TRY(dn_tensor_new(node->type.dtype, &shape, out));
    dn_status status = run_node(&e, in, *out);
    if (status) {
        dn_tensor_release(*out);
        *out = NULL;
    }
    dn_buffers_free(&buffers);
    return status;
}
