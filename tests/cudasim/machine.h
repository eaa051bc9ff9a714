// The machine's inside: a kernel as it is executed, and the state of the blocks that run.
#ifndef CUDASIM_MACHINE_H
#define CUDASIM_MACHINE_H

#include <stdatomic.h>

#include "tests/cudasim/matrix.h"
#include "tests/cudasim/ptx.h"
#include "tests/cudasim/shadow.h"
#include "tests/cudasim/sim.h"

typedef struct sim_warp sim_warp;
typedef struct sim_cta sim_cta;
typedef struct sim_instr sim_instr;

// Generic addresses of what is not global memory: a window for each space.
#define SIM_SHARED_WINDOW (1ull << 56)
#define SIM_LOCAL_WINDOW (2ull << 56)
#define SIM_PARAM_WINDOW (3ull << 56)
#define SIM_WINDOW(address) ((address) >> 56)

// ---- code ----

// An operand: the offset of a register in a warp's registers, or ~offset among the constants. A
// register has a value for each lane: 4 bytes for types of up to 32 bits (zeros above a shorter
// one), 8 or 16 bytes for others; a predicate is one word with a bit for each lane.
typedef int32_t sim_slot;
enum { SIM_NONE = INT32_MIN };

// Executes an instruction for the lanes of `mask`, of which there is at least one.
typedef void (*sim_run_fn)(sim_warp *warp, const sim_instr *i, uint32_t mask);
// What most instructions are: a function of all lanes, whether active or not.
typedef void (*sim_lanes_fn)(const sim_instr *i, void *d, const void *a, const void *b,
                             const void *c);
typedef uint32_t (*sim_compare_fn)(const void *a, const void *b);

typedef enum sim_rounding { SIM_RN, SIM_RZ, SIM_RM, SIM_RP, SIM_RNA } sim_rounding;

// Registers that some path to an instruction does not write: they have a mask of the lanes that
// did. `copies`: what it does with an unwritten value is no use of it (mov).
typedef struct sim_tracked {
    bool copies;
    bool others;  // it also uses registers that are always written
    int n_uses, n_defs;
    int ids[];  // uses, then definitions
} sim_tracked;

struct sim_instr {
    sim_run_fn run;
    union {
        sim_lanes_fn lanes;
        sim_compare_fn compare;
        const void *extra;
    };
    const sim_tracked *tracked;  // NULL: all its registers are written on all paths
    const sim_slot *list;        // of vectors, and of whatever has more than three sources
    int64_t offset;              // of an address
    sim_slot d, e, a, b, c;      // e: a second destination
    sim_slot guard;              // SIM_NONE: always
    int32_t target;              // of a branch or call
    int32_t line;
    uint8_t n_list;
    bool guard_negated, negated;  // negated: of operand c
    uint8_t width;                // bytes of a lane of d: 4, 8, 16; 0: a predicate
    uint8_t type, from;           // ptx_type
    uint8_t bytes;                // of an access, each element
    uint8_t space;                // ptx_space
    uint8_t op, mode;             // as `run` understands them
    uint8_t rounding;
    bool ftz, sat, relu;
    bool second;    // e is a result, too
    bool indirect;  // the address is register a + offset, else offset alone
    bool wide;      // register a has 64 bits
    bool relaxed;   // an access that is ordered: volatile, relaxed, acquire, release
    bool leaves;    // leads to the end and nowhere else
};

// A call: what is copied within a thread's local memory, before it and, from n_in on, after it.
typedef struct sim_copy {
    int from, to, bytes;
} sim_copy;
typedef struct sim_call {
    sim_copy *copies;
    int n_in, n_copies;
} sim_call;

// Special registers are constant during a block, and set when it starts.
typedef struct sim_special {
    const char *name;
    sim_slot slot;
    bool wide;
} sim_special;

// A kernel and the functions that it calls, linked: callees first, each ordered so that of two
// diverged parts of a warp the one at the smaller index has to run first (flow.c).
typedef struct sim_program {
    const ptx_module *module;
    const ptx_function *kernel;
    sim_instr *code;
    int n_code, start;
    char *constants;
    int register_bytes;  // of a warp
    int n_tracked;
    sim_special *specials;
    int n_specials;
    int shared_bytes, local_bytes, param_bytes;
    int registers;
} sim_program;

struct sim_function {
    struct sim_function *next;
    sim_program program;
    sim_function_info info;
    _Atomic uint32_t *reported;  // for each instruction, a bit for each kind of problem
};

static inline const void *sim_source(const sim_warp *warp, sim_slot slot);

// ---- state ----

typedef enum sim_state {
    SIM_READY,
    SIM_GATHERS,   // until other lanes of the warp reach this instruction
    SIM_BARRIER,   // bar.sync number `barrier`
    SIM_MBARRIER,  // until the phase of its mbarriers ends
    SIM_WGMMA,     // until the other warps of its group have issued what it waits for
    SIM_STOPPED,   // the launch is
} sim_state;

enum { SIM_DEPTH = 16 };

// Lanes of a warp that are at the same place.
typedef struct sim_fragment {
    uint32_t mask;
    int pc, depth;
    int returns[SIM_DEPTH];
    sim_state state;
    int barrier;
    const sim_instr *waits;  // which instruction it waits in
    uint32_t expects;        // lanes for which it gathers and which may still come
    bool timed_out;          // of a wait for an mbarrier
} sim_fragment;

typedef struct sim_copies sim_copies;  // asynchronous ones (copy.c)

struct sim_warp {
    char *registers;
    const char *constants;
    // the fragment that runs
    uint32_t active;
    int pc, limit;  // the smallest pc of another ready fragment
    int current;
    sim_fragment fragments[SIM_LANES];
    int n_fragments;
    uint32_t live;      // not exited
    uint32_t carry;     // of add.cc and the like
    uint32_t *written;  // of tracked registers
    long fuel;          // instructions until others have a turn
    int turn;           // the fragment that has it; -1: the one that is furthest behind
    bool forced;        // a divergence was reported: what is here goes on alone
    int number;
    sim_cta *cta;
    // clocks
    uint32_t clock, seen[SIM_AGENTS];
    bool dirty;                       // accessed memory since the clock ticked
    uint32_t proxy_clock;             // of its last fence.proxy.async
    uint32_t proxy_seen[SIM_AGENTS];  // what it had seen then
    sim_copies *copies;
};

typedef struct sim_barrier {
    uint32_t arrived, expected;  // expected = 0: all threads that live
    uint32_t count, all, any;    // of bar.red
    bool in_use;
    uint32_t seen[SIM_AGENTS];
} sim_barrier;

enum { SIM_BARRIERS = 17, SIM_CLUSTER_BARRIER = 16, SIM_WARPS = 32 };

typedef struct sim_mbarriers sim_mbarriers;  // mbarrier.c
typedef struct sim_bulk sim_bulk;            // bulk.c
typedef struct sim_wgmmas sim_wgmmas;        // wgmma.c

// A launch, as all its blocks see it.
typedef struct sim_grid {
    sim_function *function;
    const sim_launch *launch;
    uint8_t *params;
    uint64_t where;  // the launch's part of a stamp
    _Atomic uint64_t next;
    uint64_t n_blocks;
    atomic_int error;  // a CUresult: blocks stop
} sim_grid;

struct sim_cta {
    sim_grid *grid;
    const sim_program *program;
    uint32_t index[3];
    uint64_t number;
    uint32_t threads;
    int n_warps;
    sim_warp *warps;
    uint8_t *shared, *shared_written;
    sim_cell *shared_cells;
    uint32_t shared_bytes;
    uint8_t *local, *local_written;  // local_bytes for each thread
    uint64_t shared_where, global_where;
    bool took;       // read memory by an atomic
    bool acquired;   // and had a fence: it may have waited for other blocks
    bool reverse;    // the order in which warps run
    uint64_t spins;  // instructions since a barrier ended, roughly
    uint32_t bulk_clock;
    const sim_block *last;  // that was accessed
    sim_barrier barriers[SIM_BARRIERS];
    sim_mbarriers *mbarriers;
    sim_bulk *bulk;
    sim_wgmmas *wgmmas;
};

static inline const void *sim_source(const sim_warp *warp, sim_slot slot) {
    return slot >= 0 ? warp->registers + slot : warp->constants + ~slot;
}

static inline uint32_t *sim_pred(const sim_warp *warp, sim_slot slot) {
    return (uint32_t *)(void *)(warp->registers + slot);
}

enum {  // of CUresult
    SIM_ERROR_ADDRESS = 700,
    SIM_ERROR_TIMEOUT = 702,
    SIM_ERROR_INSTRUCTION = 715,
    SIM_ERROR_MISALIGNED = 716,
    SIM_ERROR_LAUNCH_FAILED = 719,
};
// How many instructions a block's warps may execute before something happens that others wait for,
// and what it costs to wait in vain.
enum { SIM_MOST_SPINS = 1000000000, SIM_TIME_OUT = 200000 };

// ---- finding problems (report.c) ----
// A problem at an instruction, once for each instruction and kind: what, then where.
void sim_report(sim_warp *warp, const sim_instr *i, int lane, sim_problem_kind kind,
                const char *format, ...) __attribute__((format(printf, 5, 6)));
// Ends the launch with a CUresult.
void sim_stop(sim_warp *warp, int error);

// ---- linking (link.c) ----
// A kernel's program; false: `log` says why not.
bool sim_link(const ptx_module *module, const ptx_function *kernel, ptx_pool *pool,
              sim_program *out, char *log, size_t log_bytes);

// ---- special registers (special_register.c) ----
bool sim_special_known(const char *name);
void sim_special_set(sim_warp *warp);  // at the start of a block

// ---- running (warp.c, cta.c) ----
void sim_warp_run(sim_warp *warp);  // until nothing in it is ready
// Splits lanes that are not in `mask` off, so that the current fragment is `mask`.
void sim_warp_split(sim_warp *warp, uint32_t mask, int pc);
void sim_warp_exit(sim_warp *warp, uint32_t mask);
// Whether lanes `need`, as far as they live, are all here; if not, these wait for them.
bool sim_warp_gather(sim_warp *warp, const sim_instr *i, uint32_t mask, uint32_t need);
void sim_warp_block(sim_warp *warp, const sim_instr *i, sim_state state);
void sim_warp_tick(sim_warp *warp);  // what it does from now on is later than what it did
void sim_warp_release(sim_warp *warp, uint32_t *seen);  // tells what it did
void sim_warp_acquire(sim_warp *warp, const uint32_t *seen);
void sim_warp_start(sim_warp *warp, uint32_t lanes);
bool sim_barriers_complete(sim_cta *cta);  // whether any did
bool sim_is_warp_barrier(const sim_instr *i);
void sim_cta_run(sim_cta *cta);
bool sim_mbarriers_time_out(sim_cta *cta);  // wakes who tries to wait; whether any did
// An mbarrier of the block, as others use it: a copy that arrives, or bytes that have come. False:
// there is none at that address in shared memory.
bool sim_mbarrier_arrive(sim_cta *cta, uint64_t address, uint32_t count, const uint32_t *seen);
bool sim_mbarrier_known(sim_cta *cta, uint64_t address);
bool sim_mbarrier_bytes(sim_cta *cta, uint64_t address, int64_t bytes, const uint32_t *seen);
void sim_mbarriers_reset(sim_cta *cta);
void sim_mbarriers_free(sim_cta *cta);
void sim_copies_reset(sim_warp *warp);  // asynchronous copies that nobody waited for are dropped
void sim_copies_free(sim_warp *warp);
bool sim_bulk_progress(sim_cta *cta);  // does what was put off; whether there was any
void sim_bulk_reset(sim_cta *cta);
void sim_bulk_free(sim_cta *cta);
void sim_wgmmas_reset(sim_cta *cta);
void sim_wgmmas_free(sim_cta *cta);

void sim_run_branch(sim_warp *warp, const sim_instr *i, uint32_t mask);
void sim_run_branch_table(sim_warp *warp, const sim_instr *i, uint32_t mask);
void sim_run_return(sim_warp *warp, const sim_instr *i, uint32_t mask);
void sim_run_exit(sim_warp *warp, const sim_instr *i, uint32_t mask);

#endif
