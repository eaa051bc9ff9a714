// Tensors: a dtype, a shape and a contiguous row-major buffer, shared by reference count.
#ifndef DN_RUNTIME_TENSOR_H
#define DN_RUNTIME_TENSOR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "runtime/base/memory.h"
#include "runtime/base/status.h"

typedef enum dn_dtype {
#define DTYPE(ENUM, name, ctype, is_float) DN_##ENUM,
#include "runtime/dtypes.def"
#undef DTYPE
    DN_DTYPE_COUNT
} dn_dtype;

enum { DN_MAX_RANK = 8 };

typedef struct dn_shape {
    int rank;
    int64_t dims[DN_MAX_RANK];
} dn_shape;

typedef struct dn_tensor {
    int references;  // atomic
    dn_dtype dtype;
    dn_shape shape;
    size_t bytes;
    void *data;                       // aligned to 64 bytes; NULL while the source is not
    struct dn_tensor_source *source;  // where the data are, if not here: see dn_tensor_settle
} dn_tensor;

// A place outside the host's memory, where a device keeps data.
typedef struct dn_tensor_source {
    // Copies the tensor's bytes from there, waiting for them if need be.
    dn_status (*fetch)(struct dn_tensor_source *source, const dn_tensor *tensor, void *to);
} dn_tensor_source;

const char *dn_dtype_name(dn_dtype dtype);
size_t dn_dtype_size(dn_dtype dtype);
bool dn_dtype_is_float(dn_dtype dtype);
bool dn_dtype_from_name(const char *name, size_t length, dn_dtype *dtype);

dn_shape dn_shape_of(int rank, const int64_t *dims);
bool dn_shape_equal(const dn_shape *a, const dn_shape *b);
// Number of elements; 1 for rank 0.
int64_t dn_shape_elements(const dn_shape *shape);
// Bytes of the elements of what is known to fit in memory.
int64_t dn_elements_bytes(dn_dtype dtype, const dn_shape *shape);
// Number of bytes, or DN_INVALID when it does not fit in memory's address range.
dn_status dn_shape_bytes(dn_dtype dtype, const dn_shape *shape, size_t *bytes) DN_MUST_USE;
// Writes "f32[64, 28, 28, 1]", or "f32" for rank 0.
void dn_shape_print(dn_str *out, dn_dtype dtype, const dn_shape *shape);

// A tensor whose content is undefined (dn_tensor_zeros: zero). The caller owns one reference.
// DN_MEMORY when there is not enough memory, DN_INVALID when a size is negative or overflows.
dn_status dn_tensor_new(dn_dtype dtype, const dn_shape *shape, dn_tensor **out) DN_MUST_USE;
dn_status dn_tensor_zeros(dn_dtype dtype, const dn_shape *shape, dn_tensor **out) DN_MUST_USE;
dn_status dn_tensor_copy(const dn_tensor *tensor, dn_tensor **out) DN_MUST_USE;
// A tensor whose data are elsewhere.
dn_status dn_tensor_new_at(dn_dtype dtype, const dn_shape *shape, dn_tensor_source *source,
                           dn_tensor **out) DN_MUST_USE;
// Its data are elsewhere from now on; those here are freed.
void dn_tensor_leave(dn_tensor *tensor, dn_tensor_source *source);
// Brings the data here if they are elsewhere; only then they may be read. Who computes on the host
// with what an executor has made calls it first (vm.c, dn_safetensors_write); everything else is
// given tensors that are here.
dn_status dn_tensor_settle(dn_tensor *tensor) DN_MUST_USE;
dn_tensor *dn_tensor_retain(dn_tensor *tensor);
void dn_tensor_release(dn_tensor *tensor);  // accepts NULL

// The upper half of a float. From one: to nearest, ties to even; NaN stays a quiet NaN.
float dn_bf16_to_f32(uint16_t bits);
uint16_t dn_bf16_from_f32(float x);

// Element i in row-major order, converted (bool to 0 or 1; to bf16 by way of f32).
double dn_tensor_get(const dn_tensor *tensor, int64_t i);
void dn_tensor_set(dn_tensor *tensor, int64_t i, double value);

#endif
