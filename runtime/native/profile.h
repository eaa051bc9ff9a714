// What a run takes: the time of its entries and kernels, the memory it holds, and a trace of it.
// For `dnet --profile` and compiled programs alike: everything is told by a dn_native_entry.
#ifndef DN_RUNTIME_NATIVE_PROFILE_H
#define DN_RUNTIME_NATIVE_PROFILE_H

#include <stdio.h>

#include "runtime/native/limits.h"
#include "runtime/native/native.h"

typedef struct dn_profile dn_profile;

// What else takes time; all the rest is the program's own.
typedef enum dn_profile_part {
    DN_PROFILE_DATA,     // waiting for data
    DN_PROFILE_COMPILE,  // making machine code
    DN_PROFILE_PARTS
} dn_profile_part;

// Time counts from now on. The program has all its entries and outlives the profile. `trace`: a
// file for the trace (trace.h), made at once, or NULL.
dn_status dn_profile_new(const dn_program *program, const char *trace,
                         dn_profile **out) DN_MUST_USE;
void dn_profile_free(dn_profile *profile);
// dn_native_run, watched.
dn_status dn_profile_run(dn_profile *profile, dn_native_runner *runner, const dn_native_entry *code,
                         dn_native_kernel *const *kernels, const dn_native_call *call,
                         int *launch) DN_MUST_USE;
// The same around a run elsewhere: who runs the entry tells the watcher of its launches.
dn_native_watcher dn_profile_begin_run(dn_profile *profile, const dn_entry *entry,
                                       const dn_native_entry *code);
void dn_profile_end_run(dn_profile *profile, const dn_native_call *call);
// Something begins, or ends.
void dn_profile_mark(dn_profile *profile, dn_profile_part part, bool begins);
// At the end, if anything ran: time by entry, memory, and the kernels of each entry against the
// machine's limits, which are measured now.
dn_status dn_profile_print(dn_profile *profile, dn_pool *pool, const dn_native_runner *runner,
                           FILE *out) DN_MUST_USE;
// The same for a device: its limits, and the memory that it uses besides variables.
typedef struct dn_profile_memory {
    const char *name;
    int64_t bytes;
} dn_profile_memory;
void dn_profile_print_device(dn_profile *profile, const dn_machine *limits,
                             const dn_profile_memory *memory, int n, FILE *out);
// Ends the trace, if there is one. Fails if it could not be written.
dn_status dn_profile_end_trace(dn_profile *profile) DN_MUST_USE;

#endif
