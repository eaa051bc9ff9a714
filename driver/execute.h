// Runs a compiler's program in memory: compiled to machine code, or by the interpreter.
#ifndef DN_DRIVER_EXECUTE_H
#define DN_DRIVER_EXECUTE_H

#include "frontend/compiler.h"
#include "runtime/host/vm.h"
#include "runtime/native/profile.h"
#include "runtime/threads.h"

typedef enum dn_backend_kind { DN_BACKEND_X86, DN_BACKEND_INTERP } dn_backend_kind;

typedef struct dn_backend {
    dn_compiler *compiler;  // for places in messages
    dn_backend_kind kind;
    int level;    // -O of machine code
    int threads;  // 0: as many as the process may use
    dn_pool *pool;
    struct dn_interp **interps;  // by entry, made when first run
    struct dn_ready *ready;      // by entry: its machine code
    int n_entries;               // of the two lists
    struct dn_batch **batches;   // entries that were compiled together
    int n_batches, cap_batches;
    struct dn_native_runner *runner;
    dn_profile *profile;  // the caller's; NULL: nothing is measured
} dn_backend;

// Makes an executor of graphs; `backend` is zeroed by the caller but for the first three fields
// and the profile, and must outlive it.
dn_executor dn_backend_executor(dn_backend *backend);
void dn_backend_threads(void *backend, int count);  // before anything runs
void dn_backend_free(dn_backend *backend);

#endif
