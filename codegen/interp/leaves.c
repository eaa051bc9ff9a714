// Values made from nothing: constants, indices, random numbers.
#include "codegen/interp/kernels.h"
#include "runtime/rng.h"

// Inputs and variables are not evaluated: the caller of the interpreter has them.
dn_status dn_eval_INPUT(const dn_eval *e) {
    return dn_fail(DN_INTERNAL, "node %d, an input, has no value", e->node->id);
}

dn_status dn_eval_VAR(const dn_eval *e) {
    return dn_fail(DN_INTERNAL, "node %d, a variable, has no value", e->node->id);
}

dn_status dn_eval_CONST(const dn_eval *e) {
    char value[8];
    dn_store_number(e->node->type.dtype, dn_node_number(e->node, DN_ATTR_VALUE), value);
    dn_fill(e, dn_dtype_size(e->node->type.dtype), value, e->out, e->count);
    return DN_SUCCESS;
}

typedef struct iota {
    char *out;
    dn_dtype dtype;
    int64_t size, inner;  // of the axis, and elements of the axes after it
} iota;

static void iota_body(void *arg, int64_t chunk, int64_t begin, int64_t end) {
    const iota *j = arg;
    size_t element = dn_dtype_size(j->dtype);
    (void)chunk;
    for (int64_t i = begin; i < end; i++)
        dn_store_number(j->dtype, (double)(i / j->inner % j->size), j->out + (size_t)i * element);
}

dn_status dn_eval_IOTA(const dn_eval *e) {
    const dn_type *type = &e->node->type;
    int64_t axis = dn_node_int(e->node, DN_ATTR_AXIS);
    iota j = {.out = e->out, .dtype = type->dtype, .size = type->dims[axis], .inner = 1};
    for (int i = (int)axis + 1; i < type->rank; i++) j.inner *= type->dims[i];
    dn_eval_for(e, e->count, DN_GRAIN, iota_body, &j);
    return DN_SUCCESS;
}

typedef struct randoms {
    dn_rng_stream stream;
    dn_dtype dtype;
    bool normal;
    void *out;
} randoms;

static void random_body(void *arg, int64_t chunk, int64_t begin, int64_t end) {
    const randoms *j = arg;
    (void)chunk;
    if (j->dtype == DN_F32) {
        float *out = (float *)j->out + begin;
        (j->normal ? dn_rng_normal_f32 : dn_rng_uniform_f32)(&j->stream, begin, end, out);
    } else {
        double *out = (double *)j->out + begin;
        (j->normal ? dn_rng_normal_f64 : dn_rng_uniform_f64)(&j->stream, begin, end, out);
    }
}

static dn_status random_numbers(const dn_eval *e, bool normal) {
    const dn_attr_value *seed = dn_node_attr(e->node, DN_ATTR_SEED);
    randoms j = {.dtype = e->node->type.dtype, .normal = normal, .out = e->out};
    j.stream.site = (uint32_t)dn_node_int(e->node, DN_ATTR_SITE);
    j.stream.seed = seed ? (uint64_t)seed->i : e->seed;
    j.stream.step = seed ? 0 : e->step;
    dn_eval_for(e, e->count, DN_GRAIN, random_body, &j);
    return DN_SUCCESS;
}

dn_status dn_eval_UNIFORM(const dn_eval *e) { return random_numbers(e, false); }

dn_status dn_eval_NORMAL(const dn_eval *e) { return random_numbers(e, true); }
