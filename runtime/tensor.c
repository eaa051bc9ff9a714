#include "runtime/tensor.h"

#include <stdlib.h>
#include <string.h>

static const struct {
    const char *name;
    size_t size;
    bool is_float;
} dtypes[] = {
#define DTYPE(ENUM, name, ctype, is_float) {name, sizeof(ctype), is_float},
#include "runtime/dtypes.def"
#undef DTYPE
};

const char *dn_dtype_name(dn_dtype dtype) { return dtypes[dtype].name; }

size_t dn_dtype_size(dn_dtype dtype) { return dtypes[dtype].size; }

bool dn_dtype_is_float(dn_dtype dtype) { return dtypes[dtype].is_float; }

bool dn_dtype_from_name(const char *name, size_t length, dn_dtype *dtype) {
    for (int i = 0; i < DN_DTYPE_COUNT; i++) {
        if (strlen(dtypes[i].name) == length && memcmp(dtypes[i].name, name, length) == 0) {
            *dtype = (dn_dtype)i;
            return true;
        }
    }
    return false;
}

dn_shape dn_shape_of(int rank, const int64_t *dims) {
    dn_shape shape = {.rank = rank};
    if (rank) memcpy(shape.dims, dims, (size_t)rank * sizeof *dims);
    return shape;
}

bool dn_shape_equal(const dn_shape *a, const dn_shape *b) {
    return a->rank == b->rank &&
           (a->rank == 0 || memcmp(a->dims, b->dims, (size_t)a->rank * sizeof *a->dims) == 0);
}

int64_t dn_shape_elements(const dn_shape *shape) {
    int64_t n = 1;
    for (int i = 0; i < shape->rank; i++) n *= shape->dims[i];
    return n;
}

int64_t dn_elements_bytes(dn_dtype dtype, const dn_shape *shape) {
    return dn_shape_elements(shape) * (int64_t)dn_dtype_size(dtype);
}

dn_status dn_shape_bytes(dn_dtype dtype, const dn_shape *shape, size_t *bytes) {
    int64_t n = (int64_t)dtypes[dtype].size;
    for (int i = 0; i < shape->rank; i++) {
        if (shape->dims[i] < 0 || __builtin_mul_overflow(n, shape->dims[i], &n)) {
            dn_str text = {0};
            dn_shape_print(&text, dtype, shape);
            dn_status status = dn_fail(DN_INVALID, "a tensor %s cannot exist", text.text);
            free(text.text);
            return status;
        }
    }
    *bytes = (size_t)n;
    return DN_SUCCESS;
}

void dn_shape_print(dn_str *out, dn_dtype dtype, const dn_shape *shape) {
    dn_str_puts(out, dtypes[dtype].name);
    if (shape->rank == 0) return;
    for (int i = 0; i < shape->rank; i++)
        dn_str_printf(out, "%s%lld", i ? ", " : "[", (long long)shape->dims[i]);
    dn_str_puts(out, "]");
}

static dn_status new_data(dn_dtype dtype, const dn_shape *shape, size_t bytes, void **out) {
    if (bytes <= SIZE_MAX - 64 && posix_memalign(out, 64, bytes ? bytes : 64) == 0)
        return DN_SUCCESS;
    dn_str text = {0};
    dn_shape_print(&text, dtype, shape);
    dn_status status = dn_fail(DN_MEMORY, "no memory for a tensor %s (%.1f MiB)", text.text,
                               (double)bytes / (1 << 20));
    free(text.text);
    return status;
}

dn_status dn_tensor_new(dn_dtype dtype, const dn_shape *shape, dn_tensor **out) {
    size_t bytes = 0;
    DN_TRY(dn_shape_bytes(dtype, shape, &bytes));
    void *data = NULL;
    DN_TRY(new_data(dtype, shape, bytes, &data));
    *out = dn_xmalloc(sizeof **out);
    **out =
        (dn_tensor){.references = 1, .dtype = dtype, .shape = *shape, .bytes = bytes, .data = data};
    return DN_SUCCESS;
}

dn_status dn_tensor_zeros(dn_dtype dtype, const dn_shape *shape, dn_tensor **out) {
    DN_TRY(dn_tensor_new(dtype, shape, out));
    memset((*out)->data, 0, (*out)->bytes);
    return DN_SUCCESS;
}

// ---- data that are elsewhere ----

dn_status dn_tensor_new_at(dn_dtype dtype, const dn_shape *shape, dn_tensor_source *source,
                           dn_tensor **out) {
    size_t bytes = 0;
    DN_TRY(dn_shape_bytes(dtype, shape, &bytes));
    *out = dn_xmalloc(sizeof **out);
    **out = (dn_tensor){
        .references = 1, .dtype = dtype, .shape = *shape, .bytes = bytes, .source = source};
    return DN_SUCCESS;
}

void dn_tensor_leave(dn_tensor *tensor, dn_tensor_source *source) {
    free(tensor->data);
    tensor->data = NULL;
    tensor->source = source;
}

dn_status dn_tensor_settle(dn_tensor *tensor) {
    if (!tensor->source) return DN_SUCCESS;
    void *data = NULL;
    DN_TRY(new_data(tensor->dtype, &tensor->shape, tensor->bytes, &data));
    dn_status status = tensor->source->fetch(tensor->source, tensor, data);
    if (status) {
        free(data);
        return status;
    }
    tensor->data = data;
    tensor->source = NULL;
    return DN_SUCCESS;
}

// ---- sharing ----

dn_status dn_tensor_copy(const dn_tensor *tensor, dn_tensor **out) {
    DN_ASSERT(!tensor->source, "the data of a tensor are read before they are here");
    DN_TRY(dn_tensor_new(tensor->dtype, &tensor->shape, out));
    memcpy((*out)->data, tensor->data, tensor->bytes);
    return DN_SUCCESS;
}

dn_tensor *dn_tensor_retain(dn_tensor *tensor) {
    __atomic_add_fetch(&tensor->references, 1, __ATOMIC_RELAXED);
    return tensor;
}

void dn_tensor_release(dn_tensor *tensor) {
    if (!tensor || __atomic_sub_fetch(&tensor->references, 1, __ATOMIC_ACQ_REL) > 0) return;
    free(tensor->data);
    free(tensor);
}

// ---- elements ----

float dn_bf16_to_f32(uint16_t bits) {
    uint32_t wide = (uint32_t)bits << 16;
    float x;
    memcpy(&x, &wide, sizeof x);
    return x;
}

uint16_t dn_bf16_from_f32(float x) {
    uint32_t bits;
    memcpy(&bits, &x, sizeof bits);
    if (x != x) return (uint16_t)(bits >> 16 | 0x40);
    return (uint16_t)((bits + 0x7fff + (bits >> 16 & 1)) >> 16);
}

double dn_tensor_get(const dn_tensor *tensor, int64_t i) {
    if (tensor->dtype == DN_BF16)
        return (double)dn_bf16_to_f32(((const uint16_t *)tensor->data)[i]);
    switch (tensor->dtype) {
#define DTYPE(ENUM, name, ctype, is_float) \
    case DN_##ENUM:                        \
        return (double)((const ctype *)tensor->data)[i];
#include "runtime/dtypes.def"
#undef DTYPE
        default: return 0;
    }
}

void dn_tensor_set(dn_tensor *tensor, int64_t i, double value) {
    if (tensor->dtype == DN_BF16) {
        ((uint16_t *)tensor->data)[i] = dn_bf16_from_f32((float)value);
        return;
    }
    if (tensor->dtype == DN_BOOL) value = value != 0;
    switch (tensor->dtype) {
#define DTYPE(ENUM, name, ctype, is_float)         \
    case DN_##ENUM:                                \
        ((ctype *)tensor->data)[i] = (ctype)value; \
        break;
#include "runtime/dtypes.def"
#undef DTYPE
        default: break;
    }
}
