// Runs a compiler's program in memory: compiled to machine code, by the interpreter, or on a GPU.
#ifndef DN_DRIVER_EXECUTE_H
#define DN_DRIVER_EXECUTE_H

#include "driver/batches.h"
#include "driver/gpu.h"
#include "frontend/compiler.h"
#include "runtime/host/vm.h"
#include "runtime/native/profile.h"
#include "runtime/threads.h"

typedef enum dn_backend_kind {
    DN_BACKEND_X86,
    DN_BACKEND_INTERP,
    DN_BACKEND_CUDA,
    DN_BACKEND_KINDS
} dn_backend_kind;
const char *dn_backend_name(dn_backend_kind kind);  // "x86"
bool dn_backend_of(const char *name, dn_backend_kind *kind);

typedef struct dn_backend {
    dn_compiler *compiler;  // for places in messages
    dn_backend_kind kind;   // of what is run next; variables and results go with it
    int level;              // -O of machine code
    dn_matrix_units units;  // of a GPU
    int threads;            // 0: as many as the process may use
    dn_pool *pool;
    struct dn_interp **interps;  // by entry, made when first run
    int n_interps;
    dn_batches x86;
    dn_native_runner *runner;
    dn_gpu *gpu;          // opened when it is first needed
    dn_profile *profile;  // the caller's; NULL: nothing is measured
} dn_backend;

// Makes an executor of graphs; `backend` is zeroed by the caller but for the first four fields
// and the profile, and must outlive it.
dn_executor dn_backend_executor(dn_backend *backend);
void dn_backend_threads(void *backend, int count);  // before anything runs
// Opens a GPU, unless it is open. Fails with a message for people where there is none.
dn_status dn_backend_open_gpu(dn_backend *backend, int device) DN_MUST_USE;
// For `dnet --backend cuda`: the device is "cuda" or its number (NULL: 0), or "cpu".
dn_status dn_backend_use(void *backend, const char *device) DN_MUST_USE;
// Until a GPU has done what it was given; tells what went wrong there.
dn_status dn_backend_wait(dn_backend *backend) DN_MUST_USE;
void dn_backend_free(dn_backend *backend);

#endif
