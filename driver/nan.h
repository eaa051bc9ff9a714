// --check-nan and :nan: which operation made the first NaN or infinity.
//
// The entry runs as it always does, and the variables that it was given are kept until its results
// are known to be finite. If they are not, the interpreter repeats the run op by op, and the way
// back from the result leads to the op whose operands were fine.
#ifndef DN_DRIVER_NAN_H
#define DN_DRIVER_NAN_H

#include "frontend/compiler.h"
#include "runtime/threads.h"

typedef struct dn_checker {
    dn_executor inner;  // what runs entries
    dn_compiler *compiler;
    const char *replay;  // where to write what the step was given; NULL: nowhere
    dn_pool *pool;       // made when first needed
} dn_checker;

// Runs an entry. A NaN or infinity among its results is a failure with the op, its line and what
// went into it; then nothing has changed.
dn_status dn_checker_run(dn_checker *checker, const dn_entry *entry, dn_tensor *const *inputs,
                         dn_tensor **vars, dn_tensor **outputs, uint64_t seed,
                         uint64_t step) DN_MUST_USE;
dn_executor dn_checker_executor(dn_checker *checker);
void dn_checker_free(dn_checker *checker);

#endif
