// The invariants of kernels (kernel.h). A failure is a bug of whoever made them.
#include "codegen/kernel/verify.h"

#include <stdlib.h>
#include <string.h>

#include "codegen/kernel/access.h"

static bool is_int(dn_dtype dtype) { return dtype != DN_BOOL && !dn_dtype_is_float(dtype); }

static const dn_buffer *buffer_of(const dn_kernels *kernels, const dn_kernel *kernel, int arg) {
    return &kernels->buffers[kernel->args[arg]];
}

static bool has_reduce_axis(const dn_kernel *kernel) {
    return kernel->n_axes && kernel->axes[kernel->n_axes - 1].kind == DN_AXIS_REDUCE;
}

// ---- shape: what must hold before a kernel can be printed -----------------------------------

static dn_status check_axes(const dn_kernel *kernel) {
    if (kernel->n_axes < 0 || kernel->n_axes > DN_MAX_AXES)
        return dn_fail(DN_INTERNAL, "%d axes", kernel->n_axes);
    for (int a = 0; a < kernel->n_axes; a++) {
        dn_axis_kind kind = kernel->axes[a].kind;
        if (kernel->axes[a].size < 0 || (unsigned)kind > DN_AXIS_REDUCE)
            return dn_fail(DN_INTERNAL, "axis %d is no axis", a);
        if (a && kind < kernel->axes[a - 1].kind)
            return dn_fail(DN_INTERNAL, "axis %d: order is parallel, sequential, reduce", a);
        if (kernel->kind == DN_KERNEL_CONTRACT && kind != DN_AXIS_PARALLEL)
            return dn_fail(DN_INTERNAL, "axis %d of a contraction is not parallel", a);
    }
    return DN_SUCCESS;
}

static dn_status check_references(const dn_kernels *kernels, const dn_kernel *kernel) {
    for (int i = 0; i < kernel->n_args; i++)
        if (kernel->args[i] < 0 || kernel->args[i] >= kernels->n_buffers)
            return dn_fail(DN_INTERNAL, "argument %d is no buffer", i);
    for (int i = 0; i < kernel->n_values; i++) {
        const dn_kvalue *value = &kernel->values[i];
        bool known = (unsigned)value->kind <= DN_KV_RESULT &&
                     (unsigned)value->dtype < DN_DTYPE_COUNT && (unsigned)value->op < DN_OP_COUNT;
        if (!known) return dn_fail(DN_INTERNAL, "%%%d is no value", i);
        if (value->kind == DN_KV_LOAD && (value->arg < 0 || value->arg >= kernel->n_args))
            return dn_fail(DN_INTERNAL, "%%%d loads from no argument", i);
    }
    for (int i = 0; i < kernel->n_reductions; i++)
        if ((unsigned)kernel->reductions[i].op >= DN_OP_COUNT ||
            (unsigned)kernel->reductions[i].dtype >= DN_DTYPE_COUNT)
            return dn_fail(DN_INTERNAL, "r%d is no reduction", i);
    for (int i = 0; i < kernel->n_stores; i++)
        if (kernel->stores[i].arg < 0 || kernel->stores[i].arg >= kernel->n_args)
            return dn_fail(DN_INTERNAL, "store %d is to no argument", i);
    return DN_SUCCESS;
}

static dn_status check_shape(const dn_kernels *kernels, const dn_kernel *kernel) {
    if ((unsigned)kernel->kind > DN_KERNEL_RANDOM) return dn_fail(DN_INTERNAL, "no kernel");
    if (kernel->n_body < 0 || kernel->n_body > kernel->n_values)
        return dn_fail(DN_INTERNAL, "%d of %d values are the body's", kernel->n_body,
                       kernel->n_values);
    const dn_contract *c = &kernel->contract;
    bool bad =
        kernel->kind == DN_KERNEL_CONTRACT &&
        ((unsigned)c->op >= DN_OP_COUNT || (unsigned)c->dtype >= DN_DTYPE_COUNT || c->spatial < 0 ||
         c->spatial > DN_MAX_SPATIAL || c->batches < 0 || c->batches > DN_MAX_RANK);
    if (bad) return dn_fail(DN_INTERNAL, "no contraction");
    DN_TRY(check_axes(kernel));
    return check_references(kernels, kernel);
}

// ---- accesses -------------------------------------------------------------------------------

// rows > 1: `scale` times a row is added. `body`: at each point of the REDUCE axes.
static dn_status check_access(const dn_kernels *kernels, const dn_kernel *kernel, int arg,
                              const dn_access *access, int64_t scale, int64_t rows, bool body) {
    for (int a = 0; a < kernel->n_axes && !body; a++)
        if (access->stride[a] && kernel->axes[a].kind == DN_AXIS_REDUCE)
            return dn_fail(DN_INTERNAL, "depends on a reduce axis and is behind it");
    if (dn_kernel_empty(kernel, body)) return DN_SUCCESS;
    int64_t low, high, reach;
    if (!dn_access_range(kernel, access, &low, &high))
        return dn_fail(DN_INTERNAL, "indices overflow");
    if (rows > 1) {
        if (__builtin_mul_overflow(scale, rows - 1, &reach) || scale < 0 ||
            __builtin_add_overflow(high, reach, &high))
            return dn_fail(DN_INTERNAL, "rows overflow");
    }
    int64_t count = buffer_of(kernels, kernel, arg)->count;
    int64_t begin = dn_kernel_begin(kernel, arg);
    if (begin < 0 || begin > count || low < -begin || high >= count - begin)
        return dn_fail(DN_INTERNAL, "elements %lld to %lld of a%d, which has %lld", (long long)low,
                       (long long)high, arg, (long long)(count - begin));
    return DN_SUCCESS;
}

static dn_status check_plan(const dn_kernels *kernels);

// ---- values ---------------------------------------------------------------------------------

static bool in_domain(dn_domain domain, dn_dtype dtype) {
    switch (domain) {
        case DN_DOMAIN_FLOAT: return dn_dtype_is_float(dtype);
        case DN_DOMAIN_NUMERIC: return dtype != DN_BOOL;
        case DN_DOMAIN_BOOLEAN: return dtype == DN_BOOL;
        case DN_DOMAIN_ANY: return true;
    }
    return false;
}

static dn_status check_elementwise(const dn_kernel *kernel, const dn_kvalue *value) {
    const dn_op_info *info = dn_op_get(value->op);
    dn_dtype in[3] = {0};
    for (int i = 0; i < 3; i++) {
        if ((value->in[i] >= 0) != (i < info->arity))
            return dn_fail(DN_INTERNAL, "takes %d operands", info->arity);
        if (value->in[i] >= 0) in[i] = kernel->values[value->in[i]].dtype;
    }
    bool fits = false;
    if (info->class == DN_CLASS_UNARY) {
        fits = in_domain(info->domain, in[0]) && value->dtype == in[0];
    } else if (info->class == DN_CLASS_BINARY) {
        fits = in_domain(info->domain, in[0]) && in[1] == in[0] &&
               value->dtype == (info->to_bool ? DN_BOOL : in[0]);
    } else if (value->op == DN_OP_SELECT) {
        fits = in[0] == DN_BOOL && in[1] == in[2] && value->dtype == in[1];
    } else if (value->op == DN_OP_IS_FINITE) {
        fits = dn_dtype_is_float(in[0]) && value->dtype == DN_BOOL;
    } else {
        fits = value->op == DN_OP_CAST;
    }
    return fits ? DN_SUCCESS : dn_fail(DN_INTERNAL, "%s of such types", info->name);
}

static dn_status check_load(const dn_kernels *kernels, const dn_kernel *kernel,
                            const dn_kvalue *value, bool body) {
    if (value->dtype != buffer_of(kernels, kernel, value->arg)->dtype)
        return dn_fail(DN_INTERNAL, "a%d has another dtype", value->arg);
    bool gathered = value->in[0] >= 0;
    if (gathered && !is_int(kernel->values[value->in[0]].dtype))
        return dn_fail(DN_INTERNAL, "a row's number is an integer");
    if (gathered && value->rows < 1) return dn_fail(DN_INTERNAL, "gathers from no rows");
    return check_access(kernels, kernel, value->arg, &value->access, value->scale,
                        gathered ? value->rows : 1, body);
}

static dn_status check_result(const dn_kernel *kernel, const dn_kvalue *value, bool body) {
    if (body) return dn_fail(DN_INTERNAL, "a result inside the body");
    bool contract = kernel->kind == DN_KERNEL_CONTRACT;
    if (value->arg < 0 || value->arg >= (contract ? 1 : kernel->n_reductions))
        return dn_fail(DN_INTERNAL, "no result r%d", value->arg);
    dn_dtype dtype = contract ? kernel->contract.dtype : kernel->reductions[value->arg].dtype;
    if (value->dtype != dtype) return dn_fail(DN_INTERNAL, "r%d has another dtype", value->arg);
    return DN_SUCCESS;
}

// A value may be used in the body, or behind it (at < 0: by a store behind).
static bool is_visible(const dn_kernel *kernel, int value, int at, bool body) {
    if (value < 0 || value >= (at < 0 ? kernel->n_values : at)) return false;
    return body ? value < kernel->n_body : value >= kernel->n_body || !has_reduce_axis(kernel);
}

static dn_status check_value(const dn_kernels *kernels, const dn_kernel *kernel, int index) {
    const dn_kvalue *value = &kernel->values[index];
    bool body = index < kernel->n_body;
    int operands = value->kind == DN_KV_ELEMENTWISE ? 3 : value->kind == DN_KV_LOAD ? 1 : 0;
    for (int i = 0; i < 3; i++) {
        if (value->in[i] < 0 && i >= operands) continue;
        if (i >= operands) return dn_fail(DN_INTERNAL, "operands that it cannot have");
        if (value->in[i] >= 0 && !is_visible(kernel, value->in[i], index, body))
            return dn_fail(DN_INTERNAL, "%%%d is not known there", value->in[i]);
    }
    switch (value->kind) {
        case DN_KV_ELEMENTWISE: return check_elementwise(kernel, value);
        case DN_KV_LOAD: return check_load(kernels, kernel, value, body);
        case DN_KV_RESULT: return check_result(kernel, value, body);
        case DN_KV_CONST: return DN_SUCCESS;
        case DN_KV_INDEX: break;
    }
    for (int a = 0; a < kernel->n_axes && !body; a++)
        if (value->access.stride[a] && kernel->axes[a].kind == DN_AXIS_REDUCE)
            return dn_fail(DN_INTERNAL, "depends on a reduce axis and is behind it");
    return value->dtype == DN_BOOL ? dn_fail(DN_INTERNAL, "an index is a number") : DN_SUCCESS;
}

static dn_status check_values(const dn_kernels *kernels, const dn_kernel *kernel) {
    for (int i = 0; i < kernel->n_values; i++) {
        dn_status status = check_value(kernels, kernel, i);
        if (status) return dn_annotate(status, "%%%d", i);
    }
    return DN_SUCCESS;
}

// ---- reductions and stores ------------------------------------------------------------------

static dn_status check_reduction(const dn_kernel *kernel, const dn_reduction *r) {
    if (r->value < 0 || r->value >= kernel->n_body)
        return dn_fail(DN_INTERNAL, "reduces no value of the body");
    dn_dtype dtype = kernel->values[r->value].dtype;
    switch (r->op) {
        case DN_OP_REDUCE_SUM:
        case DN_OP_REDUCE_MAX:
        case DN_OP_REDUCE_MIN:
        case DN_OP_REDUCE_PROD: break;
        case DN_OP_ARGMAX:
        case DN_OP_ARGMIN: dtype = DN_I32; break;
        default: return dn_fail(DN_INTERNAL, "%s is no reduction", dn_op_get(r->op)->name);
    }
    if (kernel->values[r->value].dtype == DN_BOOL) return dn_fail(DN_INTERNAL, "reduces bool");
    if (dtype == DN_BF16 && (r->op == DN_OP_REDUCE_SUM || r->op == DN_OP_REDUCE_PROD))
        return dn_fail(DN_INTERNAL, "sums in bf16");
    return r->dtype == dtype ? DN_SUCCESS : dn_fail(DN_INTERNAL, "has a wrong dtype");
}

static dn_status check_store(const dn_kernels *kernels, const dn_kernel *kernel,
                             const dn_store *store) {
    const dn_buffer *buffer = buffer_of(kernels, kernel, store->arg);
    bool body = store->value < kernel->n_body;
    if (buffer->kind == DN_BUFFER_INPUT) return dn_fail(DN_INTERNAL, "an input is not written");
    if (!is_visible(kernel, store->value, -1, body))
        return dn_fail(DN_INTERNAL, "%%%d is not known there", store->value);
    if (kernel->values[store->value].dtype != buffer->dtype)
        return dn_fail(DN_INTERNAL, "a%d has another dtype", store->arg);
    if (store->add && buffer->dtype == DN_BOOL) return dn_fail(DN_INTERNAL, "adds bool");
    if (store->add && buffer->dtype == DN_BF16) return dn_fail(DN_INTERNAL, "sums in bf16");
    if (store->row >= 0) {
        if (!is_visible(kernel, store->row, -1, body) || !is_int(kernel->values[store->row].dtype))
            return dn_fail(DN_INTERNAL, "its row %%%d is no integer there", store->row);
        if (store->rows < 1) return DN_SUCCESS;  // nothing is stored
    }
    DN_TRY(check_access(kernels, kernel, store->arg, &store->access, store->scale,
                        store->row >= 0 ? store->rows : 1, body));
    if (!dn_store_independent(kernel, store))
        return dn_fail(DN_INTERNAL, "two points of the parallel axes meet in one place");
    return DN_SUCCESS;
}

// What is read and written in one kernel is read and written at the same point, or apart.
static dn_status check_own_reads(const dn_kernel *kernel, const dn_store *store) {
    if (kernel->kind == DN_KERNEL_CONTRACT)
        for (int i = 0; i < 2; i++)
            if (kernel->args[i] == kernel->args[store->arg])
                return dn_fail(DN_INTERNAL, "writes the operand a%d", i);
    for (int i = 0; i < kernel->n_values; i++) {
        const dn_kvalue *value = &kernel->values[i];
        if (value->kind != DN_KV_LOAD || kernel->args[value->arg] != kernel->args[store->arg] ||
            dn_kernel_in_place(kernel, value->arg, store->arg))
            continue;
        int64_t low, high, from, to;
        bool known = value->in[0] < 0 && store->row < 0 &&
                     dn_access_range(kernel, &value->access, &low, &high) &&
                     dn_access_range(kernel, &store->access, &from, &to);
        int64_t apart = dn_kernel_begin(kernel, store->arg) - dn_kernel_begin(kernel, value->arg);
        if (!known || (low <= to + apart && from + apart <= high))
            return dn_fail(DN_INTERNAL, "%%%d reads what other points write", i);
    }
    return DN_SUCCESS;
}

static dn_status check_parts(const dn_kernels *kernels, const dn_kernel *kernel) {
    DN_TRY(check_values(kernels, kernel));
    if (kernel->kind != DN_KERNEL_LOOP && (kernel->n_reductions || kernel->n_body))
        return dn_fail(DN_INTERNAL, "reductions and a body are a loop's");
    for (int i = 0; i < kernel->n_reductions; i++) {
        dn_status status = check_reduction(kernel, &kernel->reductions[i]);
        if (status) return dn_annotate(status, "r%d", i);
    }
    for (int i = 0; i < kernel->n_stores; i++) {
        dn_status status = check_store(kernels, kernel, &kernel->stores[i]);
        if (!status) status = check_own_reads(kernel, &kernel->stores[i]);
        if (status) return dn_annotate(status, "store %d", i);
    }
    if (kernel->kind == DN_KERNEL_CONTRACT) return dn_contract_verify(kernels, kernel);
    if (kernel->kind != DN_KERNEL_RANDOM) return DN_SUCCESS;
    if (kernel->n_args != 1 || kernel->n_values || kernel->n_stores || kernel->n_axes)
        return dn_fail(DN_INTERNAL, "random numbers fill one buffer and nothing else");
    return dn_dtype_is_float(buffer_of(kernels, kernel, 0)->dtype)
               ? DN_SUCCESS
               : dn_fail(DN_INTERNAL, "random numbers are floats");
}

static dn_status check_kernel(const dn_kernels *kernels, int index);

// The kernels that do a contraction: their first buffers are its arguments, the others are inside
// its last one.
static dn_status check_own_kernels(const dn_kernels *kernels, const dn_kernel *kernel) {
    const dn_kernels *inner = kernel->inner;
    int n = kernel->n_args - 1;
    if (inner->n_buffers < n) return dn_fail(DN_INTERNAL, "its kernels miss arguments");
    for (int i = 0; i < n; i++)
        if (inner->buffers[i].count != buffer_of(kernels, kernel, i)->count ||
            inner->buffers[i].dtype != buffer_of(kernels, kernel, i)->dtype)
            return dn_fail(DN_INTERNAL, "a%d is another buffer for its kernels", i);
    if (dn_buffer_bytes(buffer_of(kernels, kernel, n)) < inner->arena_bytes)
        return dn_fail(DN_INTERNAL, "a%d has no room for its kernels", n);
    dn_status status = check_plan(inner);
    for (int i = 0; i < inner->n && !status; i++) status = check_kernel(inner, i);
    return status;
}

static dn_status check_kernel(const dn_kernels *kernels, int index) {
    const dn_kernel *kernel = kernels->list[index];
    dn_status status = check_shape(kernels, kernel);
    if (status) return dn_annotate(status, "kernel %d (%s)", index, kernel->name);
    status = check_parts(kernels, kernel);
    if (!status && kernel->inner) status = check_own_kernels(kernels, kernel);
    if (!status) return DN_SUCCESS;
    dn_str text = {0};
    dn_kernel_print(kernels, kernel, true, &text);
    status = dn_with_note(status, "%s", text.text);
    free(text.text);
    return dn_annotate(status, "kernel %d (%s)", index, kernel->name);
}

// ---- buffers --------------------------------------------------------------------------------

static dn_status check_type(const dn_type *type, const dn_buffer *buffer) {
    dn_shape shape = dn_type_shape(type);
    if (type->dtype != buffer->dtype || dn_shape_elements(&shape) != buffer->count)
        return dn_fail(DN_INTERNAL, "not of its type");
    return DN_SUCCESS;
}

static dn_status check_buffer(const dn_graph *graph, const dn_buffer *buffer) {
    int i = buffer->index;
    bool known = (unsigned)buffer->kind <= DN_BUFFER_OUTPUT && buffer->count >= 0 &&
                 (unsigned)buffer->dtype < DN_DTYPE_COUNT;
    if (!known) return dn_fail(DN_INTERNAL, "no buffer");
    switch (buffer->kind) {
        case DN_BUFFER_TEMP: return DN_SUCCESS;
        case DN_BUFFER_INPUT:
            if (i >= 0 && i < graph->n_inputs)
                return check_type(&graph->inputs[i].node->type, buffer);
            break;
        case DN_BUFFER_VAR:
            if (i >= 0 && i < graph->n_vars) return check_type(&graph->vars[i].type, buffer);
            break;
        case DN_BUFFER_OUTPUT:
            if (i >= 0 && i < graph->n_outputs)
                return check_type(&graph->outputs[i].node->type, buffer);
            break;
    }
    return dn_fail(DN_INTERNAL, "the entry has no such argument, variable or result");
}

static dn_status check_buffers(const dn_kernels *kernels) {
    for (int i = 0; i < kernels->n_buffers; i++) {
        const dn_buffer *buffer = &kernels->buffers[i];
        dn_status status = check_buffer(kernels->graph, buffer);
        for (int k = 0; k < i && !status && buffer->kind != DN_BUFFER_TEMP; k++)
            if (kernels->buffers[k].kind == buffer->kind &&
                kernels->buffers[k].index == buffer->index)
                status = dn_fail(DN_INTERNAL, "the same as buffer %d", k);
        if (status) return dn_annotate(status, "buffer %d", i);
    }
    return DN_SUCCESS;
}

// ---- order ----------------------------------------------------------------------------------

// One kernel: what it reads was written; what may fail comes before all that is final.
static dn_status check_step(const dn_kernels *kernels, const dn_kernel *kernel, bool *written,
                            bool *committed) {
    for (int i = 0; i < kernel->n_args; i++) {
        const dn_buffer *buffer = buffer_of(kernels, kernel, i);
        bool here = buffer->kind == DN_BUFFER_INPUT || buffer->kind == DN_BUFFER_VAR ||
                    buffer->count == 0 || written[kernel->args[i]];
        if (dn_kernel_reads(kernel, i) && !here)
            return dn_fail(DN_INTERNAL, "reads b%d, which is not written yet", kernel->args[i]);
    }
    for (int i = 0; i < kernel->n_args; i++) {
        if (!dn_kernel_writes(kernel, i)) continue;
        written[kernel->args[i]] = true;
        *committed |= buffer_of(kernels, kernel, i)->kind == DN_BUFFER_VAR;
    }
    if (*committed && dn_kernel_can_fail(kernel))
        return dn_fail(DN_INTERNAL, "may fail when a variable has been written");
    return DN_SUCCESS;
}

static dn_status check_order(const dn_kernels *kernels) {
    bool *written = dn_xcalloc((size_t)kernels->n_buffers, sizeof *written), committed = false;
    dn_status status = DN_SUCCESS;
    for (int i = 0; i < kernels->n && !status; i++)
        status = dn_annotate(check_step(kernels, kernels->list[i], written, &committed),
                             "kernel %d (%s)", i, kernels->list[i]->name);
    for (int i = 0; i < kernels->n_buffers && !status; i++) {
        const dn_buffer *buffer = &kernels->buffers[i];
        if (buffer->kind == DN_BUFFER_OUTPUT && buffer->count && !written[i])
            status = dn_fail(DN_INTERNAL, "result %d is not written", buffer->index);
    }
    free(written);
    return status;
}

// ---- memory plan ----------------------------------------------------------------------------

// Both hold something, and one has not taken the other's place.
static bool collide(const dn_kernels *kernels, const dn_buffer *a, const dn_buffer *b) {
    if (a->first > b->first) return collide(kernels, b, a);
    bool apart = a->last < b->first || a->offset + dn_buffer_bytes(a) <= b->offset ||
                 b->offset + dn_buffer_bytes(b) <= a->offset;
    if (apart) return false;
    if (a->last > b->first || a->offset != b->offset) return true;
    const dn_kernel *kernel = kernels->list[b->first];
    for (int from = 0; from < kernel->n_args; from++)
        for (int to = 0; to < kernel->n_args; to++)
            if (buffer_of(kernels, kernel, from) == a && buffer_of(kernels, kernel, to) == b)
                return !dn_kernel_in_place(kernel, from, to);
    return true;
}

static bool is_placed(const dn_buffer *buffer) {
    return buffer->kind == DN_BUFFER_TEMP && buffer->first >= 0 && buffer->count > 0;
}

static dn_status check_plan(const dn_kernels *kernels) {
    for (int i = 0; i < kernels->n_buffers && kernels->arena_bytes; i++) {
        const dn_buffer *a = &kernels->buffers[i];
        if (!is_placed(a)) continue;
        if (a->offset < 0 || a->offset % 64 ||
            a->offset > kernels->arena_bytes - dn_buffer_bytes(a))
            return dn_fail(DN_INTERNAL, "buffer %d is not in the arena", i);
        for (int k = 0; k < i; k++)
            if (is_placed(&kernels->buffers[k]) && collide(kernels, a, &kernels->buffers[k]))
                return dn_fail(DN_INTERNAL, "buffers %d and %d are in the same place", k, i);
    }
    return DN_SUCCESS;
}

dn_status dn_kernels_verify(const dn_kernels *kernels) {
    dn_status status = check_buffers(kernels);
    for (int i = 0; i < kernels->n && !status; i++) status = check_kernel(kernels, i);
    if (!status) status = check_order(kernels);
    if (!status) status = check_plan(kernels);
    return dn_annotate(status, "kernels of %s", kernels->graph->name);
}
