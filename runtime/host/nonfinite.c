#include "runtime/host/nonfinite.h"

#include <math.h>

#include "runtime/host/number.h"

dn_nonfinite dn_nonfinite_in(const dn_tensor *tensor) {
    dn_nonfinite found = {0};
    if (!dn_dtype_is_float(tensor->dtype)) return found;
    int64_t count = dn_shape_elements(&tensor->shape);
    for (int64_t i = 0; i < count; i++) {
        double x = dn_tensor_get(tensor, i);
        if (isfinite(x)) continue;
        if (found.count++ == 0) found.first = i;
        found.nan |= isnan(x);
        found.infinity |= isinf(x);
    }
    return found;
}

void dn_nonfinite_position(const dn_shape *shape, int64_t i, dn_str *out) {
    int64_t at[DN_MAX_RANK];
    for (int k = shape->rank - 1; k >= 0; k--) {
        at[k] = i % shape->dims[k];
        i /= shape->dims[k];
    }
    for (int k = 0; k < shape->rank; k++)
        dn_str_printf(out, "%s%lld", k ? ", " : "[", (long long)at[k]);
    dn_str_puts(out, shape->rank ? "]" : "");
}

void dn_nonfinite_element(const dn_tensor *tensor, int64_t i, dn_str *out) {
    char text[DN_NUMBER_TEXT];
    dn_number_text(dn_tensor_get(tensor, i), dn_number_single(tensor->dtype), 0, text);
    dn_str_puts(out, text);
}
