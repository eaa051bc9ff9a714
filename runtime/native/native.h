// Compiled tensor code and how it runs. The JIT fills these structures in; a compiled program has
// them in its data. Everything is constant once made.
//
// An entry is a list of launches. A launch is `tasks` independent tasks of one kernel, cut among
// the pool's threads; the next launch begins when all are done. Which tasks there are depends on
// shapes alone and a task computes its outputs whole, so results do not depend on the threads.
#ifndef DN_RUNTIME_NATIVE_H
#define DN_RUNTIME_NATIVE_H

#include "runtime/host/program.h"
#include "runtime/threads.h"

// Set by kernels that meet a row outside a table (GATHER, SCATTER_ADD): which launch, which index,
// how many rows (-1 for a table without any). The first one in time wins; zero `rows` means none.
// Each part of a launch has one of its own, so that which one is told does not depend on threads.
typedef struct dn_native_fault {
    int64_t launch, index, rows;
} dn_native_fault;

// A kernel's tasks [begin, end). args: the addresses of its buffers.
typedef void dn_native_kernel(void *const *args, int64_t begin, int64_t end,
                              dn_native_fault *fault);

typedef enum dn_native_place {
    DN_PLACE_ARENA,   // `offset` bytes into the arena; into the elements of the others
    DN_PLACE_INPUT,   // the argument's elements
    DN_PLACE_VAR,     // the variable's elements; kernels write updates there
    DN_PLACE_OUTPUT,  // the result's elements
} dn_native_place;

typedef struct dn_native_arg {
    uint8_t place;
    int32_t index;
    int64_t offset;
} dn_native_arg;

typedef enum dn_native_launch_kind { DN_LAUNCH_KERNEL, DN_LAUNCH_RANDOM } dn_native_launch_kind;

typedef struct dn_native_launch {
    uint8_t kind;
    uint8_t dtype;        // RANDOM: f32 or f64
    bool normal, keyed;   // RANDOM: keyed by `seed` (and step 0) instead of the run's
    int32_t kernel;       // index into the code's table
    int32_t arg, n_args;  // args[arg .. arg + n_args)
    int64_t tasks;        // RANDOM: elements
    uint64_t seed;
    uint32_t site;
    int32_t name, line;  // for reports: offset into `names`; line of the main file, 0: elsewhere
    double flops, bytes;
    bool can_fail;   // may set the fault
    bool commits;    // writes a variable
    bool contracts;  // sums products of f32, which matrix units do where there are any
    // For the message of a fault, offsets into `names` (which then begins with an empty string: 0
    // is nothing): "`gather` from gan.dnet:12:5", and the table's type, "f32[10, 3]".
    int32_t place, table;
} dn_native_launch;

typedef struct dn_native_entry {
    int64_t arena_bytes;  // what a run needs, aligned to 64
    const dn_native_launch *launches;
    int n_launches;
    const dn_native_arg *args;
    int n_args;
    const char *names;  // NUL-terminated strings
    int n_names;        // bytes
    // The first launches, which depend on variables alone. Their results stay in the arena.
    int n_constant;
} dn_native_entry;

// The kernels, once for each level of instruction set that they were compiled for.
typedef enum dn_isa {
    DN_ISA_AVX2,
    DN_ISA_AVX512,
    DN_ISA_AVX512_BF16,  // differs where kernels multiply bf16 by pairs (dn_contract)
    DN_ISA_COUNT
} dn_isa;
// What this processor and its operating system can run; at most what the environment variable
// DNET_ISA names, "avx2", "avx512" or "avx512bf16", for tests. AVX2 is taken for granted.
dn_isa dn_isa_here(void);
// Fails where not even AVX2 can be run, or DNET_ISA asks for what is unknown or not here: to be
// called once when a program starts.
dn_status dn_isa_check(void) DN_MUST_USE;
const char *dn_isa_name(dn_isa isa);

typedef struct dn_native_runner dn_native_runner;

// `pool` is the caller's and outlives the runner. One arena, as large as the largest entry that
// ran: grown before a run, so that a run allocates nothing but its outputs.
dn_status dn_native_runner_new(dn_pool *pool, dn_native_runner **out) DN_MUST_USE;
void dn_native_runner_free(dn_native_runner *runner);
// Every byte of the arena and of the outputs is NaN (0xff) before each run, for tests.
void dn_native_runner_poison(dn_native_runner *runner);
// Whether the next run is of the entry that ran last, with the same variables: what depends on them
// alone is then not computed again. Stays so until it is said otherwise.
void dn_native_runner_prepared(dn_native_runner *runner, bool prepared);
int64_t dn_native_runner_arena(const dn_native_runner *runner);  // bytes allocated

// Runs an entry. `vars` are written in place, or replaced by a copy if somebody else holds them;
// `outputs` are made (entry->outputs says their types). On failure no variable has changed and
// *launch (may be NULL) is the launch that failed, or -1. Launches that commit come after all that
// can fail; the runner stops in between if there was a fault, and before them, within a long
// launch, too, after Ctrl-C (DN_INTERRUPTED).
typedef struct dn_native_call {
    const dn_entry *entry;
    dn_tensor *const *inputs;
    dn_tensor **vars, **outputs;
    uint64_t seed, step;
} dn_native_call;

dn_status dn_native_run(dn_native_runner *runner, const dn_native_entry *code,
                        dn_native_kernel *const *kernels, const dn_native_call *call,
                        int *launch) DN_MUST_USE;

// Whether inputs are of the types that the entry declares.
dn_status dn_native_check_inputs(const dn_native_call *call) DN_MUST_USE;
// The failure that a fault of a launch is.
dn_status dn_native_describe_fault(const dn_native_entry *code, const dn_native_launch *launch,
                                   const dn_native_fault *fault) DN_MUST_USE;

// ---- measuring ----
typedef struct dn_native_time {
    double seconds;  // of all runs
    int64_t runs;
} dn_native_time;

// Told about each launch that has ended: its number, and when it began and ended, in seconds since
// some moment.
typedef struct dn_native_watcher {
    void *context;
    void (*launched)(void *context, int launch, double begin, double end);
} dn_native_watcher;
// From now on; NULL: stop.
void dn_native_runner_watch(dn_native_runner *runner, const dn_native_watcher *watcher);

#endif
