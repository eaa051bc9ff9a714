// NaN and infinities in tensors: how many, where, and how that is said.
#ifndef DN_RUNTIME_HOST_NONFINITE_H
#define DN_RUNTIME_HOST_NONFINITE_H

#include "runtime/tensor.h"

typedef struct dn_nonfinite {
    int64_t count;  // elements that are NaN or infinite; 0: none
    int64_t first;  // the first of them
    bool nan, infinity;
} dn_nonfinite;

// Of a tensor whose data are here; one of another type than float has none.
dn_nonfinite dn_nonfinite_in(const dn_tensor *tensor);
// "[0, 3]", where element i is; nothing for a scalar.
void dn_nonfinite_position(const dn_shape *shape, int64_t i, dn_str *out);
// "nan", an element as it is printed.
void dn_nonfinite_element(const dn_tensor *tensor, int64_t i, dn_str *out);

#endif
