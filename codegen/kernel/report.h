// What an entry needs: memory (--report=memory) and time (--report=cost), as tables of text.
#ifndef DN_CODEGEN_REPORT_H
#define DN_CODEGEN_REPORT_H

#include "codegen/kernel/kernel.h"
#include "runtime/native/limits.h"
#include "runtime/native/native.h"

typedef struct dn_kernel_report {
    const dn_kernels *kernels;      // planned and counted
    const dn_places *places;        // NULL: no lines
    const dn_variable_kind *kinds;  // of the graph's variables, in order
    dn_machine machine;             // for the cost
    const dn_native_time *times;    // measured, of each kernel; NULL: predicted only
} dn_kernel_report;

// The bytes of each kind, and which buffers are alive when the arena is fullest.
void dn_report_memory(const dn_kernel_report *report, dn_str *out);
// The buffers that are alive when the arena is fullest, largest first, into `out`, which has room
// for all; *fullest is the kernel, -1 if there is none.
int dn_report_fullest(const dn_kernels *kernels, const dn_buffer **out, int *fullest);
// "conv f32[64, 14, 14, 64]". A copy of a variable or argument is one that was packed.
const char *dn_report_describe(dn_arena *arena, const dn_kernels *kernels, const dn_buffer *buffer);
// Arithmetic, bytes and time of each kernel in order, and of each line, longest first. Predicted:
// as long as arithmetic or memory alone would take at the machine's limit, whichever is longer.
void dn_report_cost(const dn_kernel_report *report, dn_str *out);

#endif
