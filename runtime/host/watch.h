// --check-nan and :nan: runs of entries, watched for NaN and infinity.
//
// A run gets copies of the variables, which take their place once all that it made is known to be
// finite. So a run that made a NaN has changed nothing, and what it was given is still there, to be
// looked at and to be written (replay.h). Everything is waited for and brought to the host, so a
// GPU is slow.
#ifndef DN_RUNTIME_HOST_WATCH_H
#define DN_RUNTIME_HOST_WATCH_H

#include "runtime/native/native.h"

typedef struct dn_watch {
    dn_executor inner;  // what runs entries
    void *context;
    // The failure that a NaN or infinity is: `given` has the variables as they were before the run,
    // `made` the results and the variables after it. All are on the host.
    dn_status (*explain)(void *context, const dn_native_call *given, const dn_native_call *made);
} dn_watch;

// As an executor's `run`.
dn_status dn_watch_run(const dn_watch *watch, const dn_native_call *call) DN_MUST_USE;
// The failure of a run as far as its results tell it: which are not finite, how much of them, and
// where; in the note the others.
dn_status dn_watch_tell(const dn_program *program, const dn_native_call *made) DN_MUST_USE;

#endif
