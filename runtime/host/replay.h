// One run of an entry as a file: what it was given, so that it can be repeated.
//
// A safetensors file with the inputs as "input NAME" and the variables by their names; entry, seed
// and run are in its metadata.
#ifndef DN_RUNTIME_HOST_REPLAY_H
#define DN_RUNTIME_HOST_REPLAY_H

#include "runtime/native/native.h"

// The call's outputs do not matter.
dn_status dn_replay_write(const dn_program *program, const dn_native_call *call,
                          const char *path) DN_MUST_USE;
// The failure of a run with the file in its hint, behind which `how` says what repeats it. Takes
// the status. A file that cannot be written is told instead.
dn_status dn_replay_attach(dn_status status, const dn_program *program, const dn_native_call *call,
                           const char *path, const char *how) DN_MUST_USE;

// A run as it was read, of the newest entry of that name that takes what is in the file. The
// program may be another one by now, as long as the entry takes the same.
typedef struct dn_replay {
    const dn_entry *entry;
    dn_tensor **inputs, **vars;
    uint64_t seed, step;
} dn_replay;
dn_status dn_replay_read(const dn_program *program, const char *path, dn_replay *out) DN_MUST_USE;
void dn_replay_free(dn_replay *replay);

#endif
