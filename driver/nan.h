// --check-nan and :nan: which operation made the first NaN or infinity.
//
// The entry runs as it always does, watched (runtime/host/watch.h). If a result is not finite, the
// interpreter repeats the run op by op, and the way back from the result leads to the op whose
// operands were fine.
#ifndef DN_DRIVER_NAN_H
#define DN_DRIVER_NAN_H

#include "frontend/compiler.h"
#include "runtime/host/watch.h"
#include "runtime/threads.h"

typedef struct dn_checker {
    dn_executor inner;  // what runs entries
    dn_compiler *compiler;
    const char *replay;  // where to write what the step was given; NULL: nowhere
    dn_pool *pool;       // made when first needed
} dn_checker;

// Runs an entry. A NaN or infinity among its results is a failure with the op, its line and what
// went into it; then nothing has changed.
dn_status dn_checker_run(dn_checker *checker, const dn_native_call *call) DN_MUST_USE;
dn_executor dn_checker_executor(dn_checker *checker);
// Does the run of a file (runtime/host/replay.h) again, watched. Says so if all is finite.
dn_status dn_checker_replay(dn_checker *checker, const char *path) DN_MUST_USE;
void dn_checker_free(dn_checker *checker);

#endif
