// What an entry computes of variables alone: packed weights, the factors of batch norm. Between two
// runs it only changes with the variables, so who runs an entry over and over with the same ones
// can keep it (dn_native_runner_prepared).
#include <stdlib.h>
#include <string.h>

#include "codegen/kernel/access.h"

typedef struct finder {
    const dn_kernels *kernels;
    bool *is_constant;  // each kernel: as far as is known
    bool *varies;       // each buffer: written by a kernel that is not constant
} finder;

// Leaving dependences aside. What can fail is told about in each run.
static bool may_be(const finder *f, const dn_kernel *kernel) {
    if (kernel->kind == DN_KERNEL_RANDOM || dn_kernel_can_fail(kernel)) return false;
    for (int i = 0; i < kernel->n_args; i++) {
        dn_buffer_kind kind = f->kernels->buffers[kernel->args[i]].kind;
        bool variable = kind == DN_BUFFER_VAR && !dn_kernel_writes(kernel, i);
        if (kind != DN_BUFFER_TEMP && !variable) return false;
    }
    return true;
}

static bool touches_varying(const finder *f, const dn_kernel *kernel) {
    for (int i = 0; i < kernel->n_args; i++)
        if (f->varies[kernel->args[i]]) return true;
    return false;
}

static void not_constant(finder *f, int k) {
    const dn_kernel *kernel = f->kernels->list[k];
    f->is_constant[k] = false;
    for (int i = 0; i < kernel->n_args; i++)
        if (dn_kernel_writes(kernel, i)) f->varies[kernel->args[i]] = true;
}

static void find(finder *f) {
    for (int k = 0; k < f->kernels->n; k++) {
        f->is_constant[k] = true;
        if (!may_be(f, f->kernels->list[k])) not_constant(f, k);
    }
    for (bool changed = true; changed;) {
        changed = false;
        for (int k = 0; k < f->kernels->n; k++) {
            if (!f->is_constant[k] || !touches_varying(f, f->kernels->list[k])) continue;
            not_constant(f, k);
            changed = true;
        }
    }
}

// They depend on nothing else, so they can be the first.
static void put_first(dn_kernels *kernels, const bool *is_constant) {
    dn_kernel **list = dn_xcalloc((size_t)kernels->n + 1, sizeof(dn_kernel *));
    int n = 0;
    for (int pass = 0; pass < 2; pass++) {
        for (int k = 0; k < kernels->n; k++)
            if (is_constant[k] == (pass == 0)) list[n++] = kernels->list[k];
        if (pass == 0) kernels->n_constant = n;
    }
    if (n) memcpy(kernels->list, list, (size_t)n * sizeof(dn_kernel *));
    free(list);
}

void dn_kernels_keep_constants(dn_kernels *kernels) {
    finder f = {.kernels = kernels,
                .is_constant = dn_xcalloc((size_t)kernels->n + 1, sizeof *f.is_constant),
                .varies = dn_xcalloc((size_t)kernels->n_buffers + 1, sizeof *f.varies)};
    find(&f);
    put_first(kernels, f.is_constant);
    free(f.is_constant);
    free(f.varies);
}
