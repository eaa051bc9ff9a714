// Compiled entries on an NVIDIA GPU. Nothing of CUDA is linked: the driver, libcuda.so.1, is opened
// when a device is.
//
// The launches and arguments of entries are those of runtime/native/native.h; kernels are PTX, with
// a grid that was fixed when they were compiled. Device memory is one block, whose size is known at
// compile time (dn_cuda_memory_of): variables, then the arena (the largest of all entries), four
// sets of inputs, outputs, state (layout.h). A program may grow (dn_cuda_extend), as the prompt's.
//
// An entry runs as one CUDA graph, from its second run on; one that can fail as two, and the host
// looks at the fault between them. Calls for a dn_cuda are made by one thread at a time, in which
// its context is current: from dn_cuda_open or dn_cuda_enter on.
#ifndef DN_RUNTIME_CUDA_H
#define DN_RUNTIME_CUDA_H

#include "runtime/native/limits.h"
#include "runtime/native/native.h"

// What matrix units may round operands of f32 contractions to. Sums are f32 always.
typedef enum dn_matrix_units {
    DN_MATRIX_F32,   // no matrix units: FMA
    DN_MATRIX_TF32,  // 10 bits of mantissa
    DN_MATRIX_BF16,  // 7 bits
    DN_MATRIX_KINDS,
} dn_matrix_units;
const char *dn_matrix_units_name(dn_matrix_units units);  // "tf32" (limits.c)

// How a kernel is launched; the grid has one dimension.
typedef struct dn_cuda_kernel {
    const char *symbol;
    int64_t grid;    // blocks, at most 2^31 - 1
    int32_t block;   // threads
    int32_t shared;  // bytes of dynamic shared memory
} dn_cuda_kernel;

// What kernels of an entry share in device memory. Uploaded before each run.
typedef struct dn_cuda_state {
    uint64_t seed, step;
    dn_native_fault fault;  // rows = 0: none
} dn_cuda_state;

// Code for one architecture; the best one that the device can run is taken.
typedef struct dn_cuda_module {
    int sm;             // 80: for compute capability 8.0 and all later ones
    bool specific;      // sm_90a: for exactly 9.0
    const char *ptx;    // NUL-terminated
    const void *cubin;  // or NULL: for exactly `sm`'s major version, and at least its minor
    size_t ptx_bytes, cubin_bytes;
} dn_cuda_module;

// The four kernels of random numbers stand behind the others in `kernels`, which have the same
// numbers in all modules: n_kernels + dn_cuda_random(dtype, normal). Each thread of theirs makes
// DN_CUDA_RANDOM_BYTES at a time and goes on with those that come a whole grid later; so the grid
// is the largest that makes sense, and fewer blocks are launched for fewer numbers.
enum { DN_CUDA_RANDOMS = 4, DN_CUDA_RANDOM_BYTES = 16 };
static inline int dn_cuda_random(dn_dtype dtype, bool normal) {
    return (dtype == DN_F64 ? 2 : 0) + (normal ? 1 : 0);
}

typedef struct dn_cuda_code {
    const dn_native_entry *entries;  // of each of the program's entries
    int n_entries;
    const dn_cuda_module *modules;
    int n_modules;
    // of each module: n_kernels + DN_CUDA_RANDOMS
    const dn_cuda_kernel *const *kernels;
    int n_kernels;
    dn_matrix_units units;  // that the kernels use
} dn_cuda_code;

// Bytes: what a program allocates, exactly. Inputs, outputs and state are four sets of each.
typedef struct dn_cuda_memory {
    int64_t variables, arena, inputs, outputs, state;
    int64_t device;  // the sum
    int64_t pinned;  // host memory that the device reads and writes: inputs, outputs, state
} dn_cuda_memory;
void dn_cuda_memory_of(const dn_program *program, const dn_cuda_code *code, dn_cuda_memory *out);

typedef struct dn_cuda dn_cuda;  // a device with a program's variables

// Opens device number `device` of those that the driver shows (CUDA_VISIBLE_DEVICES is its). Fails
// with a message for people: no driver, no device, no such number, too old, too little memory (with
// the numbers), code that the driver cannot load (with its log). `program` and `code` outlive it;
// `code` may be NULL: then there is only the device.
dn_status dn_cuda_open(const dn_program *program, const dn_cuda_code *code, int device,
                       dn_cuda **out) DN_MUST_USE;
void dn_cuda_close(dn_cuda *cuda);  // accepts NULL; what others hold comes to the host
// What others hold comes to the host, and the device keeps nothing.
dn_status dn_cuda_bring_home(dn_cuda *cuda) DN_MUST_USE;
// After dn_cuda_bring_home: the program is `program` from now on. Its entries are those so far and,
// behind them, those of `code` (NULL: none); its variables may be of other types. The former
// description is needed until it returns. After a failure the device can only be closed; DN_MEMORY:
// there was too little.
dn_status dn_cuda_extend(dn_cuda *cuda, const dn_program *program,
                         const dn_cuda_code *code) DN_MUST_USE;
const char *dn_cuda_name(const dn_cuda *cuda);  // of the device: "NVIDIA H100 80GB HBM3"
int dn_cuda_capability(const dn_cuda *cuda);    // 90
// For libraries, whose callers have threads and perhaps CUDA contexts of their own: what was
// current before comes back.
void dn_cuda_leave(dn_cuda *cuda);
dn_status dn_cuda_enter(dn_cuda *cuda) DN_MUST_USE;
// The number that a device's name is: "cuda" (or NULL) is 0, "1" is 1. False for other names.
bool dn_cuda_device_number(const char *name, int *number);

// Runs an entry as dn_native_run does, but without waiting: the data of `outputs` and of variables
// are on the device until dn_tensor_settle (runtime/tensor.h). A variable is where the device keeps
// it; a tensor that the host made or changed is uploaded first.
dn_status dn_cuda_run(dn_cuda *cuda, const dn_native_call *call) DN_MUST_USE;
// Told about each launch that has ended, which takes waiting for each run. NULL: stop.
void dn_cuda_watch(dn_cuda *cuda, const dn_native_watcher *watcher);
// What the device can do at best, by its clocks, with the program's precision; 0 where the driver
// does not tell. (limits.c)
void dn_cuda_limits(const dn_cuda *cuda, dn_machine *out);
// Waits until the device has done all that it was given; tells what went wrong.
dn_status dn_cuda_wait(dn_cuda *cuda) DN_MUST_USE;

#endif
