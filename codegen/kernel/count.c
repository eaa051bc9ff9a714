// What a run of a kernel costs: arithmetic, and elements that go through memory.
#include "codegen/kernel/access.h"

// As dn_graph_flops counts.
static double value_flops(const dn_kvalue *value) {
    if (value->kind != DN_KV_ELEMENTWISE) return 0;
    return value->op != DN_OP_CAST && value->op != DN_OP_STOP_GRADIENT;
}

static bool applies(const dn_limit *limit, const int64_t *index) {
    return index[limit->axis[0]] == limit->index[0] &&
           (limit->axis[1] < 0 || index[limit->axis[1]] == limit->index[1]);
}

// Of one matrix of the batch, without its columns.
static double limited_work(const dn_contract *c, const int64_t *index) {
    int64_t rows = c->m, steps = c->k;
    for (int i = 0; i < c->n_limits; i++) {
        int64_t *least = c->limits[i].steps ? &steps : &rows;
        if (applies(&c->limits[i], index) && c->limits[i].count < *least)
            *least = c->limits[i].count;
    }
    return (double)rows * (double)steps;
}

double dn_dot_multiply_adds(const dn_contract *c) {
    double matrices = 1, work = 0;
    for (int i = 0; i < c->batches; i++) matrices *= (double)c->batch[i];
    if (c->n_limits == 0) return matrices * (double)c->m * (double)c->n * (double)c->k;
    int64_t index[DN_MAX_RANK] = {0};
    for (double i = 0; i < matrices; i++) {
        work += limited_work(c, index);
        for (int d = c->batches - 1; d >= 0 && ++index[d] == c->batch[d]; d--) index[d] = 0;
    }
    return work * (double)c->n;
}

static double contract_flops(const dn_contract *c) {
    double n = 2;
    if (c->op == DN_OP_DOT) return n * dn_dot_multiply_adds(c);
    for (int i = 0; i < c->spatial; i++) n *= (double)c->out[i] * (double)c->kernel[i];
    return n * (double)c->images * (double)c->filters * (double)(c->channels / c->groups);
}

static double count_flops(const dn_kernel *kernel) {
    double body = kernel->n_reductions, then = 0;
    for (int i = 0; i < kernel->n_values; i++)
        *(i < kernel->n_body ? &body : &then) += value_flops(&kernel->values[i]);
    for (int i = 0; i < kernel->n_stores; i++)
        *(kernel->stores[i].value < kernel->n_body ? &body : &then) += kernel->stores[i].add;
    double n = 0;
    if (body) n += body * dn_kernel_points(kernel, true);
    if (then) n += then * dn_kernel_points(kernel, false);
    return kernel->kind == DN_KERNEL_CONTRACT ? n + contract_flops(&kernel->contract) : n;
}

// ---- memory ---------------------------------------------------------------------------------

static double at_most(double n, const dn_buffer *buffer) {
    return n < (double)buffer->count ? n : (double)buffer->count;
}

// How many elements an access touches: different ones, as far as strides tell. With a row, any.
static double touched(const dn_kernel *kernel, const dn_access *access, bool row, bool body) {
    double n = 1;
    for (int a = 0; a < kernel->n_axes; a++)
        if (row ? body || kernel->axes[a].kind != DN_AXIS_REDUCE : access->stride[a] != 0)
            n *= (double)kernel->axes[a].size;
    return dn_kernel_empty(kernel, body) ? 0 : n;
}

// An earlier load of the same elements.
static bool is_repeated(const dn_kernel *kernel, int index) {
    const dn_kvalue *value = &kernel->values[index];
    for (int i = 0; i < index; i++) {
        const dn_kvalue *other = &kernel->values[i];
        if (other->kind == DN_KV_LOAD && kernel->args[other->arg] == kernel->args[value->arg] &&
            other->in[0] == value->in[0] && dn_access_same(kernel, &other->access, &value->access))
            return true;
    }
    return false;
}

static double operand_elements(const dn_contract *c, int arg, const dn_buffer *buffer) {
    if (c->op != DN_OP_DOT || (arg == 1 && c->packed)) return (double)buffer->count;
    double n = 1;
    for (int i = 0; i < c->batches; i++)
        if ((arg ? c->b_batch : c->a_batch)[i]) n *= (double)c->batch[i];
    return at_most(n * (double)c->k * (double)(arg ? c->n : c->m), buffer);
}

static double elements_read(const dn_kernels *kernels, const dn_kernel *kernel, int arg) {
    const dn_buffer *buffer = &kernels->buffers[kernel->args[arg]];
    double n = 0;
    if (kernel->kind == DN_KERNEL_CONTRACT && arg < 2)
        n += operand_elements(&kernel->contract, arg, buffer);
    for (int i = 0; i < kernel->n_values; i++) {
        const dn_kvalue *value = &kernel->values[i];
        if (value->kind == DN_KV_LOAD && value->arg == arg && !is_repeated(kernel, i))
            n += touched(kernel, &value->access, value->in[0] >= 0, i < kernel->n_body);
    }
    return at_most(n, buffer);
}

// A store that adds (only) reads what it writes.
static double elements_stored(const dn_kernels *kernels, const dn_kernel *kernel, int arg,
                              bool adds) {
    const dn_buffer *buffer = &kernels->buffers[kernel->args[arg]];
    double n = 0;
    for (int i = 0; i < kernel->n_stores; i++) {
        const dn_store *store = &kernel->stores[i];
        if (store->arg == arg && (store->add || !adds))
            n += touched(kernel, &store->access, store->row >= 0, store->value < kernel->n_body);
    }
    return at_most(kernel->kind == DN_KERNEL_RANDOM && !adds ? (double)buffer->count : n, buffer);
}

static double count_bytes(const dn_kernels *kernels, const dn_kernel *kernel) {
    double bytes = 0;
    for (int arg = 0; arg < kernel->n_args; arg++) {
        const dn_buffer *buffer = &kernels->buffers[kernel->args[arg]];
        double n = elements_read(kernels, kernel, arg) +
                   elements_stored(kernels, kernel, arg, true) +
                   elements_stored(kernels, kernel, arg, false);
        bytes += n * (double)dn_dtype_size(buffer->dtype);
    }
    return bytes;
}

// What the kernels that do this one cost.
static void count_parts(dn_kernel *kernel) {
    kernel->flops = kernel->bytes = 0;
    dn_kernels_count(kernel->inner);
    for (int i = 0; i < kernel->inner->n; i++) {
        kernel->flops += kernel->inner->list[i]->flops;
        kernel->bytes += kernel->inner->list[i]->bytes;
    }
}

void dn_kernel_count(const dn_kernels *kernels, dn_kernel *kernel) {
    if (kernel->inner) {
        count_parts(kernel);
        return;
    }
    kernel->flops = count_flops(kernel);
    kernel->bytes = count_bytes(kernels, kernel);
}

void dn_kernels_count(dn_kernels *kernels) {
    for (int i = 0; i < kernels->n; i++) dn_kernel_count(kernels, kernels->list[i]);
}

int dn_op_cost(dn_op op) {
    switch (op) {
        case DN_OP_DIV:
        case DN_OP_SQRT:
        case DN_OP_RSQRT: return 4;
        case DN_OP_EXP:
        case DN_OP_EXPM1:
        case DN_OP_LOG:
        case DN_OP_LOG1P:
        case DN_OP_SIN:
        case DN_OP_COS:
        case DN_OP_TANH:
        case DN_OP_SIGMOID:
        case DN_OP_ERF: return 16;
        case DN_OP_POW:
        case DN_OP_REM: return 40;
        default: return 1;
    }
}
