// What a machine can do at best, measured here and now or told: what reports compare with.
#ifndef DN_RUNTIME_NATIVE_LIMITS_H
#define DN_RUNTIME_NATIVE_LIMITS_H

#include "runtime/threads.h"

typedef struct dn_machine {  // its limits, with the threads that are used
    double flops, bytes;     // a second: multiply-adds count as two; bytes read and written
    double matrix;           // FLOP/s of what dn_cost.contracts; 0: no units of their own do that
    int threads;             // 0: not said
    const char *source;      // where the numbers are from, for people; NULL: measured
} dn_machine;

// Takes a tenth of a second. Arithmetic is measured with the instructions that dn_isa_here() names,
// memory by copying more than the caches hold.
dn_status dn_machine_measure(dn_pool *pool, dn_machine *out) DN_MUST_USE;
// Now, in seconds since some moment.
double dn_seconds(void);

#endif
