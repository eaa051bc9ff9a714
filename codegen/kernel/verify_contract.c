// The geometry of contractions: what the axes and the operands must be.
#include "codegen/kernel/access.h"
#include "codegen/kernel/verify.h"

typedef struct shape {  // of a result, outer to inner
    int64_t sizes[DN_MAX_AXES];
    int n;
} shape;

static void push(shape *s, int count, const int64_t *sizes) {
    for (int i = 0; i < count; i++) s->sizes[s->n++] = sizes[i];
}

static int64_t product(int count, const int64_t *sizes) {
    int64_t n = 1;
    for (int i = 0; i < count; i++) n *= sizes[i];
    return n;
}

static shape result_shape(const dn_contract *c) {
    shape s = {.n = 0};
    int64_t parts = c->parts;
    if (parts) push(&s, 1, &parts);
    if (c->op == DN_OP_DOT) {
        push(&s, c->batches, c->batch);
        push(&s, 2, (int64_t[]){c->m, c->n});
    } else if (c->op == DN_OP_CONV_WEIGHT) {
        push(&s, c->spatial, c->kernel);
        push(&s, 2, (int64_t[]){c->channels / c->groups, c->filters});
    } else {
        bool conv = c->op == DN_OP_CONV;
        push(&s, 1, &c->images);
        push(&s, c->spatial, conv ? c->out : c->image);
        push(&s, 1, conv ? &c->filters : &c->channels);
    }
    return s;
}

// Steps of a packed copy that are side by side in the other operand.
static int64_t inner_steps(const dn_contract *c) {
    if (c->op == DN_OP_DOT) return c->k;
    return (c->op == DN_OP_CONV ? c->channels : c->filters) / (c->groups ? c->groups : 1);
}

static dn_status check_limits(const dn_contract *c) {
    if (c->n_limits < 0 || c->n_limits > DN_MOST_LIMITS)
        return dn_fail(DN_INTERNAL, "%d limits", c->n_limits);
    if (c->n_limits && (c->op != DN_OP_DOT || c->pairs || c->parts))
        return dn_fail(DN_INTERNAL, "limits of what is no product, of pairs or of parts");
    for (int i = 0; i < c->n_limits; i++) {
        const dn_limit *l = &c->limits[i];
        bool fits = l->count >= 0 && l->count <= (l->steps ? c->k : c->m) && l->axis[0] >= 0;
        for (int j = 0; j < 2 && fits; j++)
            fits = l->axis[j] < 0 || (l->axis[j] < c->batches && l->index[j] >= 0 &&
                                      l->index[j] < c->batch[l->axis[j]]);
        if (!fits) return dn_fail(DN_INTERNAL, "limit %d is outside of the product", i);
    }
    return DN_SUCCESS;
}

static dn_status check_numbers(const dn_contract *c) {
    if (c->packed < 0) return dn_fail(DN_INTERNAL, "packed to %d lanes", c->packed);
    if ((c->narrow[0] || c->narrow[1]) && c->dtype != DN_F32)
        return dn_fail(DN_INTERNAL, "bf16 operands of a sum of %s", dn_dtype_name(c->dtype));
    if (c->pairs && (!c->packed || !c->narrow[0] || !c->narrow[1] || inner_steps(c) % 2))
        return dn_fail(DN_INTERNAL, "by pairs, of what has none");
    if (c->parts < 0 || c->parts == 1) return dn_fail(DN_INTERNAL, "%d parts", c->parts);
    DN_TRY(check_limits(c));
    if (c->op == DN_OP_DOT) {
        bool sizes = c->m >= 0 && c->n >= 0 && c->k >= 0;
        for (int i = 0; i < c->batches; i++) sizes = sizes && c->batch[i] >= 0;
        return sizes ? DN_SUCCESS : dn_fail(DN_INTERNAL, "a negative size");
    }
    bool sizes = c->images >= 0 && c->channels >= 0 && c->filters >= 0;
    for (int i = 0; i < c->spatial; i++) {
        sizes = sizes && c->image[i] >= 0 && c->out[i] >= 0 && c->kernel[i] >= 0;
        if (c->stride[i] < 1 || c->dilation[i] < 1)
            return dn_fail(DN_INTERNAL, "stride or dilation below 1");
    }
    if (!sizes) return dn_fail(DN_INTERNAL, "a negative size");
    if (c->groups < 1 || c->channels % c->groups || c->filters % c->groups)
        return dn_fail(DN_INTERNAL, "%lld groups do not divide channels and filters",
                       (long long)c->groups);
    if (c->packed && c->op == DN_OP_CONV_WEIGHT)
        return dn_fail(DN_INTERNAL, "operands of conv_weight are not packed");
    return DN_SUCCESS;
}

static dn_status check_count(const dn_kernels *kernels, const dn_kernel *kernel, int arg,
                             int64_t count) {
    const dn_buffer *buffer = &kernels->buffers[kernel->args[arg]];
    if (buffer->dtype != dn_operand_dtype(&kernel->contract, arg))
        return dn_fail(DN_INTERNAL, "operand a%d has another dtype", arg);
    if (buffer->count == count) return DN_SUCCESS;
    return dn_fail(DN_INTERNAL, "operand a%d has %lld elements, not %lld", arg,
                   (long long)buffer->count, (long long)count);
}

// Elements of packed[blocks][panel][reduction index][lane].
static int64_t packed_count(const dn_contract *c, int64_t blocks, int64_t columns, int64_t depth) {
    return blocks * ((columns + c->packed - 1) / c->packed) * depth * c->packed;
}

static dn_status check_conv(const dn_kernels *kernels, const dn_kernel *kernel) {
    const dn_contract *c = &kernel->contract;
    int64_t x = c->images * product(c->spatial, c->image) * c->channels;
    int64_t y = c->images * product(c->spatial, c->out) * c->filters;
    int64_t taps = product(c->spatial, c->kernel);
    int64_t channels = c->channels / c->groups, filters = c->filters / c->groups;
    int64_t w = taps * channels * c->filters;
    if (c->packed && c->op == DN_OP_CONV) w = packed_count(c, c->groups, filters, taps * channels);
    if (c->packed && c->op == DN_OP_CONV_INPUT)
        w = packed_count(c, c->groups, channels, taps * filters);
    DN_TRY(check_count(kernels, kernel, 0, c->op == DN_OP_CONV_INPUT ? y : x));
    if (kernel->inner) return DN_SUCCESS;  // weights may be transformed
    return check_count(kernels, kernel, 1, c->op == DN_OP_CONV_WEIGHT ? y : w);
}

// The elements of a strided operand are there.
static dn_status check_strided(const dn_kernels *kernels, const dn_kernel *kernel, int arg,
                               const int64_t *batch, const int64_t sizes[2],
                               const int64_t strides[2]) {
    const dn_contract *c = &kernel->contract;
    int64_t low = 0, high = 0;
    for (int i = 0; i < c->batches + 2; i++) {
        int64_t size = i < c->batches ? c->batch[i] : sizes[i - c->batches];
        int64_t reach, stride = i < c->batches ? batch[i] : strides[i - c->batches];
        if (size == 0) return DN_SUCCESS;
        int64_t *end = stride < 0 ? &low : &high;
        if (__builtin_mul_overflow(stride, size - 1, &reach) ||
            __builtin_add_overflow(*end, reach, end))
            return dn_fail(DN_INTERNAL, "strides of a%d overflow", arg);
    }
    int64_t count = kernels->buffers[kernel->args[arg]].count;
    if (low >= 0 && high < count) return check_count(kernels, kernel, arg, count);
    return dn_fail(DN_INTERNAL, "elements %lld to %lld of operand a%d, which has %lld",
                   (long long)low, (long long)high, arg, (long long)count);
}

static dn_status check_dot(const dn_kernels *kernels, const dn_kernel *kernel) {
    const dn_contract *c = &kernel->contract;
    DN_TRY(check_strided(kernels, kernel, 0, c->a_batch, (int64_t[]){c->m, c->k},
                         (int64_t[]){c->a_m, c->a_k}));
    if (c->packed)
        return check_count(kernels, kernel, 1,
                           packed_count(c, product(c->batches, c->batch), c->n, c->k));
    return check_strided(kernels, kernel, 1, c->b_batch, (int64_t[]){c->k, c->n},
                         (int64_t[]){c->b_k, c->b_n});
}

dn_status dn_contract_verify(const dn_kernels *kernels, const dn_kernel *kernel) {
    const dn_contract *c = &kernel->contract;
    if (c->op < DN_OP_DOT || c->op > DN_OP_CONV_WEIGHT)
        return dn_fail(DN_INTERNAL, "%s is no contraction", dn_op_get(c->op)->name);
    if (kernel->n_args < 2) return dn_fail(DN_INTERNAL, "a contraction has two operands");
    DN_TRY(check_numbers(c));
    shape want = result_shape(c);
    bool same = want.n == kernel->n_axes;
    for (int a = 0; a < want.n && same; a++) same = want.sizes[a] == kernel->axes[a].size;
    if (!same) return dn_fail(DN_INTERNAL, "the axes are not those of the result");
    for (int i = 0; i < 2; i++)
        if (kernels->buffers[kernel->args[i]].count == 0 && !dn_kernel_empty(kernel, false))
            return dn_fail(DN_INTERNAL, "operand a%d is empty", i);
    return c->op == DN_OP_DOT ? check_dot(kernels, kernel) : check_conv(kernels, kernel);
}
