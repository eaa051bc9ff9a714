// --max-memory: what the whole program may take, as --report=memory counts it: of the host, or, for
// kernels of GPUs, of the device.
#ifndef DN_DRIVER_FIT_H
#define DN_DRIVER_FIT_H

#include <stdio.h>

#include "codegen/kernel/recompute.h"
#include "frontend/compiler.h"

// "512M", "2G", "1000000": bytes. 0 if it is no size.
int64_t dn_read_size(const char *text);

typedef struct dn_fit {
    dn_recompute change;
    int64_t before, after;  // bytes of the whole program while the entry runs
    const char *where;      // that is: "" or " on the GPU"
} dn_fit;

// Makes an entry's kernels fit in compiler->max_memory. A failure says what holds the memory, and
// at which lines.
dn_status dn_fit_unit(dn_compiler *compiler, const dn_unit *unit, dn_kernels *kernels,
                      dn_fit *out) DN_MUST_USE;
// One line about what was done, if anything was.
void dn_fit_print(const char *name, const dn_fit *fit, FILE *to);

#endif
