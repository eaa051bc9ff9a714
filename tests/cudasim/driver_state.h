// What the files of the driver library share: its objects, calls and settings.
#ifndef CUDASIM_DRIVER_STATE_H
#define CUDASIM_DRIVER_STATE_H

#include <stdbool.h>

#include "tests/cudasim/driver.h"
#include "tests/cudasim/sim.h"

// ---- settings (driver_settings.c) ----
// Which of the orders that streams allow their work is run in. (CUDASIM_ORDER)
typedef enum sim_order {
    SIM_LATE,      // only what somebody waits for; the latest branch of a graph first (the default)
    SIM_EARLY,     // at once
    SIM_OVERTAKE,  // when somebody waits: what other streams can do goes first
    SIM_RANDOM,    // random:SEED: some at once, the rest in any order
} sim_order;

enum { SIM_MOST_DEVICES = 64, SIM_DRIVER_VERSION = 13000 };
typedef struct sim_settings {
    int sm;                         // CUDASIM_SM: 80, 86, 89 or 90
    int sms;                        // CUDASIM_SMS: multiprocessors
    size_t memory;                  // CUDASIM_MEMORY: bytes of each device
    int n_devices;                  // CUDASIM_DEVICES, of which CUDA_VISIBLE_DEVICES shows
    int ordinal[SIM_MOST_DEVICES];  // the number of a visible device among all
    sim_order order;
    uint64_t seed;
    bool explain;  // CUDASIM_EXPLAIN
} sim_settings;
// As the environment was at the first call. A setting that makes no sense ends the process.
const sim_settings *sim_setting(void);

// ---- counts (driver_end.c) ----
typedef struct sim_counts {
#define SIM_COUNT(name) long long name;
#include "tests/cudasim/driver_counts.def"
#undef SIM_COUNT
} sim_counts;
extern sim_counts sim_count;
void sim_take_problems(void);  // counts those that were found since the last time

// ---- objects (driver_object.c) ----
// A handle is a number that is never used again, so that one of an object which is gone is known.
typedef enum sim_object_kind {
    SIM_IS_CONTEXT,
    SIM_IS_STREAM,
    SIM_IS_EVENT,
    SIM_IS_MODULE,
    SIM_IS_FUNCTION,
    SIM_IS_GRAPH,
    SIM_IS_NODE,
    SIM_IS_EXEC,
    SIM_IS_MEMORY,
    SIM_OBJECT_KINDS,
} sim_object_kind;

typedef struct sim_context sim_context;
typedef struct sim_object {
    sim_object_kind kind;
    int number;  // of its kind, from 1 in the order of creation
    bool destroyed;
    sim_context *context;  // NULL: itself one
    void *handle;
} sim_object;

// A new one of `bytes` bytes that begin with a sim_object; its other bytes are 0.
void *sim_object_new(sim_object_kind kind, size_t bytes, sim_context *context);
// *out is the object of a handle. CUDA_ERROR_INVALID_HANDLE, and a problem unless the handle is
// NULL, if there is none.
CUresult sim_object_find(sim_object_kind kind, const void *handle, void *out);
// Each of a kind that lives, in the order of creation: NULL begins, NULL ends.
void *sim_object_next(sim_object_kind kind, const void *before);
const char *sim_object_kind_name(sim_object_kind kind);
// Reports each object of `context` that lives as a leak, and destroys its record.
void sim_object_leaks(sim_context *context);

// ---- calls (driver_call.c) ----
typedef enum sim_need {
    SIM_NOTHING,
    SIM_INIT,        // cuInit was called
    SIM_CONTEXT,     // and a context that has not failed is current
    SIM_UNCAPTURED,  // and no capture forbids what is potentially unsafe
} sim_need;
// Every function of the API is `SIM_CALL(what it needs, what it does);`: one at a time.
#define SIM_CALL(need, result)                             \
    do {                                                   \
        CUresult sim_result = sim_begin(__func__, (need)); \
        if (!sim_result) sim_result = (result);            \
        return sim_end(sim_result);                        \
    } while (0)
CUresult sim_begin(const char *function, sim_need need);
CUresult sim_end(CUresult result);
const char *sim_call_name(void);  // of the function under way, for messages
// Returns `result`; tells why if CUDASIM_EXPLAIN is set.
CUresult sim_refuse(CUresult result, const char *format, ...) __attribute__((format(printf, 2, 3)));
// The same, and it is a SIM_BAD_CALL: no correct program does it.
CUresult sim_misuse(CUresult result, const char *format, ...) __attribute__((format(printf, 2, 3)));
#define SIM_TRY(expr)                              \
    do {                                           \
        CUresult sim_try_result = (expr);          \
        if (sim_try_result) return sim_try_result; \
    } while (0)
void *sim_must_allocate(size_t bytes);  // zeroed; ends the process when there is no memory
void *sim_must_grow(void *items, size_t bytes);

// ---- devices and contexts (driver_device.c, driver_context.c) ----
bool sim_initialized(void);
CUresult sim_device_check(CUdevice device);
size_t sim_device_used(CUdevice device);
// A limit of the devices by the attribute's number.
int sim_device_limit(CUdevice_attribute attribute);

typedef struct sim_stream sim_stream;
struct sim_context {
    sim_object object;
    CUdevice device;
    unsigned flags;
    bool primary;
    CUresult error;  // of the kernel that failed in it; every later call returns it
    sim_stream *legacy, *streams;
};
sim_context *sim_current(void);                    // NULL: none
CUresult sim_context_check(sim_context *context);  // that it lives and has not failed

// ---- memory (driver_memory.c) ----
typedef struct sim_allocation {
    sim_object object;
    uint64_t base;
    size_t bytes;
    bool pinned;
} sim_allocation;
sim_allocation *sim_allocation_find(uint64_t address);  // NULL: in none that lives
void sim_allocation_release(sim_allocation *allocation);
// That [address, + bytes) is in one block of the device (or pinned) that lives; reports if not.
CUresult sim_device_range(const char *what, uint64_t address, size_t bytes);
// That it is not the device's, and that if it is pinned it is in one block.
CUresult sim_host_range(const char *what, const void *address, size_t bytes);

// ---- modules (driver_module.c, driver_function.c) ----
typedef struct sim_loaded {
    sim_object object;
    sim_module *code;
} sim_loaded;
typedef struct sim_kernel {
    sim_object object;
    sim_loaded *module;
    sim_function *function;
    sim_function_info info;
    int most_dynamic;  // bytes of dynamic shared memory that a launch may ask for
    bool big_clusters;
} sim_kernel;
void sim_loaded_release(sim_loaded *module);

#endif
