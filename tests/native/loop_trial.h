// LOOP kernels made by hand, and comparing what they did with what they should.
#ifndef DN_TESTS_LOOP_TRIAL_H
#define DN_TESTS_LOOP_TRIAL_H

#include <stdlib.h>

#include "codegen/kernel/kernel.h"
#include "runtime/native/native.h"
#include "tests/check.h"

enum { MOST_ENTRIES = 128 };  // values, stores, arguments of a trial

typedef struct trial {
    char name[80];
    dn_kernels kernels;  // its buffers; their contents before are `data`
    dn_kernel kernel;
    dn_axis axes[DN_MAX_AXES];
    dn_kvalue values[MOST_ENTRIES];
    dn_store stores[MOST_ENTRIES];
    dn_reduction reductions[8];
    dn_buffer buffers[MOST_ENTRIES];
    int args[MOST_ENTRIES];
    dn_tensor *data[MOST_ENTRIES], *want[MOST_ENTRIES];
    double tolerance;  // relative, of floats
    dn_native_kernel *run[DN_ISA_COUNT];
    dn_native_fault fault;  // expected
} trial;

static inline trial *trial_new(const char *name) {
    trial *t = dn_xcalloc(1, sizeof *t);
    snprintf(t->name, sizeof t->name, "%s", name);
    t->kernel = (dn_kernel){.kind = DN_KERNEL_LOOP,
                            .name = t->name,
                            .axes = t->axes,
                            .args = t->args,
                            .values = t->values,
                            .reductions = t->reductions,
                            .stores = t->stores};
    t->kernels.buffers = t->buffers;
    t->tolerance = 2e-6;
    return t;
}

static inline void trial_free(trial *t) {
    for (int i = 0; i < t->kernel.n_args; i++) {
        dn_tensor_release(t->data[i]);
        dn_tensor_release(t->want[i]);
    }
    free(t);
}

static inline void trial_axis(trial *t, int64_t size, dn_axis_kind kind) {
    t->axes[t->kernel.n_axes++] = (dn_axis){size, kind};
}

// An argument of zeros.
static inline int trial_arg(trial *t, dn_dtype dtype, int64_t count) {
    int arg = t->kernel.n_args++;
    dn_shape shape = dn_shape_of(1, &count);
    t->args[arg] = arg;
    t->buffers[arg] = (dn_buffer){.dtype = dtype, .count = count};
    CHECK_OK(dn_tensor_zeros(dtype, &shape, &t->data[arg]));
    return arg;
}

static inline int trial_value(trial *t, dn_kvalue value) {
    t->values[t->kernel.n_values] = value;
    return t->kernel.n_values++;
}

static inline int trial_load(trial *t, int arg, dn_access access) {
    return trial_value(t, (dn_kvalue){.kind = DN_KV_LOAD,
                                      .dtype = t->buffers[arg].dtype,
                                      .in = {-1, -1, -1},
                                      .arg = arg,
                                      .access = access});
}

static inline int trial_const(trial *t, dn_dtype dtype, double number) {
    return trial_value(
        t, (dn_kvalue){.kind = DN_KV_CONST, .dtype = dtype, .in = {-1, -1, -1}, .number = number});
}

static inline int trial_op(trial *t, dn_op op, dn_dtype dtype, int x, int y, int z) {
    return trial_value(
        t, (dn_kvalue){.kind = DN_KV_ELEMENTWISE, .op = op, .dtype = dtype, .in = {x, y, z}});
}

// A reduction and its result, which follows the body.
static inline int trial_result(trial *t, int reduction) {
    return trial_value(t, (dn_kvalue){.kind = DN_KV_RESULT,
                                      .dtype = t->reductions[reduction].dtype,
                                      .in = {-1, -1, -1},
                                      .arg = reduction});
}

static inline void trial_reduce(trial *t, dn_op op, int value) {
    bool arg = op == DN_OP_ARGMAX || op == DN_OP_ARGMIN;
    t->reductions[t->kernel.n_reductions++] =
        (dn_reduction){op, value, arg ? DN_I32 : t->values[value].dtype};
}

static inline dn_store *trial_store(trial *t, int arg, dn_access access, int value) {
    dn_store *s = &t->stores[t->kernel.n_stores++];
    *s = (dn_store){.arg = arg, .value = value, .access = access, .row = -1};
    return s;
}

// ---- comparing ----

static inline bool same_number(double got, double want, double tolerance) {
    if (got != got || want != want) return got != got && want != want;
    if (isinf(got) || isinf(want)) return got == want;
    return fabs(got - want) <= tolerance * (fabs(want) + 1e-3);
}

// args: where the arguments are after a run.
static inline void trial_compare(const trial *t, void *const *args, const char *isa) {
    for (int i = 0; i < t->kernel.n_args; i++) {
        dn_tensor got = *t->want[i];
        got.data = args[i];
        int64_t n = dn_shape_elements(&got.shape), wrong = 0, first = 0;
        double tolerance = dn_dtype_is_float(got.dtype) ? t->tolerance : 0;
        if (got.dtype == DN_F64) tolerance *= 1e-6;
        for (int64_t k = n - 1; k >= 0; k--) {
            if (same_number(dn_tensor_get(&got, k), dn_tensor_get(t->want[i], k), tolerance))
                continue;
            wrong++;
            first = k;
        }
        CHECK(!wrong, "%s, %s: argument %d: %lld wrong, [%lld] is %.9g instead of %.9g", t->name,
              isa, i, (long long)wrong, (long long)first, dn_tensor_get(&got, first),
              dn_tensor_get(t->want[i], first));
    }
}

#endif
