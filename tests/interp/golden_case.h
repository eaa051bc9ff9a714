// The golden cases of ops (golden/ops.txt, made by golden.py): reading and comparing, for the tests
// of every backend.
#ifndef DN_TESTS_INTERP_GOLDEN_CASE_H
#define DN_TESTS_INTERP_GOLDEN_CASE_H

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "runtime/tensor.h"
#include "tests/check.h"

enum { MOST_TENSORS = 16 };

typedef struct golden_case {
    char name[64];
    bool as_is;
    bool rounded;  // a dtype does not hold some operand: results that are no floats may differ
    int n_in, n_out;
    dn_tensor *in[MOST_TENSORS], *out[MOST_TENSORS];
    char *graph;
} golden_case;

// ---- Reading ----

// "f64[2, 3]: 1 2 3 4 5 6"
static inline dn_tensor *golden_tensor(const char *text, bool *rounded) {
    size_t length = strspn(text, "abcdefghijklmnopqrstuvwxyz0123456789");
    dn_dtype dtype;
    dn_shape shape = {0};
    dn_tensor *tensor = NULL;
    CHECK(dn_dtype_from_name(text, length, &dtype));
    text += length;
    while (*text != ':') {
        char *end;
        shape.dims[shape.rank] = strtoll(text + 1, &end, 10);
        if (end > text + 1) shape.rank++;
        text = end;
        if (*text == ']') text++;
    }
    CHECK_OK(dn_tensor_new(dtype, &shape, &tensor));
    text++;
    for (int64_t i = 0; i < dn_shape_elements(&shape); i++) {
        char *end;
        if (dtype == DN_I64) {
            ((int64_t *)tensor->data)[i] = strtoll(text, &end, 10);
        } else {
            double value = strtod(text, &end);
            dn_tensor_set(tensor, i, value);
            *rounded |= value == value && dn_tensor_get(tensor, i) != value;
        }
        CHECK(end > text);
        text = end;
    }
    return tensor;
}

// The text until `end` with `real` for every f64.
static inline char *golden_as(dn_dtype real, const char *text, const char *end) {
    dn_str copy = {0};
    while (text < end) {
        const char *found = strstr(text, "f64");
        if (!found || found >= end) found = end;
        dn_str_append(&copy, text, (size_t)(found - text));
        if (found < end) dn_str_puts(&copy, dn_dtype_name(real));
        text = found < end ? found + 3 : end;
    }
    return dn_str_take(&copy);
}

// Reads a case, advancing *text; false at the end. `real`: instead of f64.
static inline bool read_golden(const char **text, dn_dtype real, golden_case *c) {
    *c = (golden_case){0};
    char flag[16] = "";
    if (strncmp(*text, "case ", 5) != 0) return false;
    sscanf(*text, "case %63s%*[ ]%15[a-z-]", c->name, flag);
    c->as_is = strcmp(flag, "as-is") == 0;
    for (*text = strchr(*text, '\n') + 1; strncmp(*text, "graph", 5) != 0;) {
        const char *end = strchr(*text, '\n');
        bool in = strncmp(*text, "in ", 3) == 0;
        const char *from = *text + (in ? 3 : 4);
        char *line = golden_as(c->as_is ? DN_F64 : real, from, end);
        bool rounded = false;
        *(in ? &c->in[c->n_in++] : &c->out[c->n_out++]) = golden_tensor(line, &rounded);
        c->rounded |= in && rounded;
        free(line);
        *text = end + 1;
    }
    const char *end = strstr(*text, "\n}\n") + 3;
    c->graph = golden_as(c->as_is ? DN_F64 : real, *text, end);
    *text = end;
    return true;
}

static inline void free_golden(golden_case *c) {
    for (int i = 0; i < c->n_in; i++) dn_tensor_release(c->in[i]);
    for (int i = 0; i < c->n_out; i++) dn_tensor_release(c->out[i]);
    free(c->graph);
}

// ---- Comparing ----

static inline double golden_largest(const dn_tensor *tensor) {
    double most = 1;
    for (int64_t i = 0; i < dn_shape_elements(&tensor->shape); i++) {
        double v = fabs(dn_tensor_get(tensor, i));
        if (v < INFINITY && v > most) most = v;
    }
    return most;
}

static inline bool golden_near(double a, double b, double tolerance) {
    if (isnan(a) || isnan(b)) return isnan(a) && isnan(b);
    return a == b || fabs(a - b) <= tolerance;
}

static inline void compare_golden(const golden_case *c, const dn_tensor *have,
                                  const dn_tensor *want) {
    CHECK(have->dtype == want->dtype && dn_shape_equal(&have->shape, &want->shape), "%s", c->name);
    bool is_float = dn_dtype_is_float(want->dtype);
    if (!is_float && c->rounded) return;
    if (!is_float) {
        CHECK(memcmp(have->data, want->data, want->bytes) == 0, "%s", c->name);
        return;
    }
    // Sums are relative to the largest element; what is rounded once to bf16 is at most the next
    // number of it.
    double tolerance = (want->dtype == DN_F64 ? 1e-12 : 2e-6), most = golden_largest(want);
    for (int64_t i = 0; i < dn_shape_elements(&want->shape); i++) {
        double a = dn_tensor_get(have, i), b = dn_tensor_get(want, i);
        double away = want->dtype == DN_BF16 ? 0x1p-7 * fabs(b) : tolerance * most;
        CHECK(golden_near(a, b, away), "%s: element %lld: %.17g, not %.17g", c->name, (long long)i,
              a, b);
    }
}

#endif
