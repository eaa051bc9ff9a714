// One run of an entry as a file: what it was given, so that it can be repeated.
//
// A safetensors file with the inputs as "input NAME" and the variables by their names; entry, seed
// and run are in its metadata.
#ifndef DN_DRIVER_REPLAY_H
#define DN_DRIVER_REPLAY_H

#include "driver/nan.h"

typedef struct dn_replay {
    int entry;  // index in compiler->units
    dn_tensor **inputs, **vars;
    uint64_t seed, step;
} dn_replay;

dn_status dn_replay_write(const dn_compiler *compiler, const dn_replay *replay,
                          const char *path) DN_MUST_USE;
// Runs it again, watched: a NaN or infinity is a failure as of dn_checker_run. Else says that there
// is none. The program may be another one by now, as long as the entry takes the same.
dn_status dn_replay_run(dn_checker *checker, const char *path) DN_MUST_USE;

#endif
