// Adding rows of elements.
#include <string.h>

#include "codegen/interp/kernel.h"

#pragma GCC optimize("O3")  // vector code

#define ADD_ROW(type, U, name)                                            \
    static void add_row_##name(void *to, const void *from, int64_t n) {   \
        type *restrict t = to;                                            \
        const type *restrict f = from;                                    \
        for (int64_t i = 0; i < n; i++) t[i] = (type)((U)t[i] + (U)f[i]); \
    }
ADD_ROW(uint8_t, uint32_t, u8)
ADD_ROW(int32_t, uint32_t, i32)
ADD_ROW(int64_t, uint64_t, i64)
ADD_ROW(float, float, f32)
ADD_ROW(double, double, f64)

dn_add_row *dn_add_row_of(dn_dtype dtype) {
    switch (dtype) {
        case DN_U8: return add_row_u8;
        case DN_I32: return add_row_i32;
        case DN_I64: return add_row_i64;
        case DN_F32: return add_row_f32;
        case DN_F64: return add_row_f64;
        default: dn_panic(__FILE__, __LINE__, "%s is not numeric", dn_dtype_name(dtype));
    }
}

typedef struct job {
    dn_add_row *add;
    size_t element;
    const char *parts;
    char *out;
    int64_t n_parts, count;
} job;

static void sum_body(void *arg, int64_t chunk, int64_t begin, int64_t end) {
    const job *j = arg;
    size_t offset = (size_t)begin * j->element, stride = (size_t)j->count * j->element;
    (void)chunk;
    memcpy(j->out + offset, j->parts + offset, (size_t)(end - begin) * j->element);
    for (int64_t i = 1; i < j->n_parts; i++)
        j->add(j->out + offset, j->parts + (size_t)i * stride + offset, end - begin);
}

void dn_sum_parts(const dn_eval *e, dn_dtype dtype, const void *parts, int64_t n_parts,
                  int64_t count, void *out) {
    job j = {.add = dn_add_row_of(dtype),
             .element = dn_dtype_size(dtype),
             .parts = parts,
             .out = out,
             .n_parts = n_parts,
             .count = count};
    dn_eval_for(e, count, DN_GRAIN / 4, sum_body, &j);
}
