// What the kernels of an entry cost, as a table: predicted, and measured if it was.
#ifndef DN_RUNTIME_NATIVE_COST_H
#define DN_RUNTIME_NATIVE_COST_H

#include "runtime/native/limits.h"
#include "runtime/native/native.h"

typedef struct dn_cost {   // of one kernel
    const char *name;      // "conv"
    const char *line;      // "gan.dnet:31", or "-"
    double flops, bytes;   // of a run
    bool contracts;        // f32 products and convolutions, which matrix units do
    dn_native_time taken;  // runs = 0: it did not run
} dn_cost;

// A line for each kernel in order, and one for each source line, longest first. Predicted: as long
// as arithmetic or memory alone would take at the machine's limit, whichever is longer. `head` is
// what the table's first line says: "cost of train_step".
void dn_cost_print(const char *head, const dn_machine *machine, const dn_cost *costs, int n,
                   bool measured, dn_str *out);

#endif
