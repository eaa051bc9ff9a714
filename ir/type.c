// Types of nodes: a dtype and sizes.
#include <string.h>

#include "ir/graph.h"

dn_type dn_type_of(dn_dtype dtype, int rank, const dn_dim *dims) {
    DN_ASSERT(rank >= 0 && rank <= DN_MAX_RANK, "rank %d", rank);
    dn_type type = {.dtype = dtype, .rank = rank};
    if (rank) memcpy(type.dims, dims, (size_t)rank * sizeof *dims);
    return type;
}

dn_type dn_type_scalar(dn_dtype dtype) { return (dn_type){.dtype = dtype}; }

bool dn_type_same_dims(const dn_type *a, const dn_type *b) {
    if (a->rank != b->rank) return false;
    for (int i = 0; i < a->rank; i++)
        if (a->dims[i] != b->dims[i]) return false;
    return true;
}

bool dn_type_equal(const dn_type *a, const dn_type *b) {
    return a->dtype == b->dtype && dn_type_same_dims(a, b);
}

bool dn_type_known(const dn_type *type) {
    for (int i = 0; i < type->rank; i++)
        if (!dn_dim_known(type->dims[i])) return false;
    return true;
}

dn_shape dn_type_shape(const dn_type *type) {
    DN_ASSERT(dn_type_known(type), "the shape of a type with symbolic sizes");
    return dn_shape_of(type->rank, type->dims);
}

dn_dim dn_type_elements(dn_dims *dims, const dn_type *type) {
    dn_dim n = 1;
    for (int i = 0; i < type->rank; i++) n = dn_dim_mul(dims, n, type->dims[i]);
    return n;
}

void dn_type_print(const dn_dims *dims, const dn_type *type, dn_str *out) {
    dn_str_puts(out, dn_dtype_name(type->dtype));
    for (int i = 0; i < type->rank; i++) {
        dn_str_puts(out, i ? ", " : "[");
        dn_dim_print(dims, type->dims[i], out);
    }
    if (type->rank) dn_str_puts(out, "]");
}
