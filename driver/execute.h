// Runs a compiler's program by the interpreter.
#ifndef DN_DRIVER_EXECUTE_H
#define DN_DRIVER_EXECUTE_H

#include "frontend/compiler.h"
#include "runtime/host/vm.h"
#include "runtime/threads.h"

typedef struct dn_backend {
    dn_compiler *compiler;  // for places in messages
    dn_pool *pool;
    struct dn_interp **interps;  // by entry, made when first run
    int n_interps;
    int threads;  // 0: as many as the process may use
} dn_backend;

// Makes an executor of graphs; `backend` is zeroed by the caller but for `compiler`, and must
// outlive it.
dn_executor dn_backend_executor(dn_backend *backend);
void dn_backend_threads(void *backend, int count);  // before anything runs
void dn_backend_free(dn_backend *backend);

#endif
