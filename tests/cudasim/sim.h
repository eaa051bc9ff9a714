// A CUDA device in software: what the driver library (driver.c) asks of the machine that executes
// PTX (execute.c and the files beside it).
#ifndef CUDASIM_SIM_H
#define CUDASIM_SIM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

// ---- problems (problem.c) ----
// What hardware would not tell. Each is printed once for each place, as
//   cudasim: error: KIND: what, at `ptx line`: <line of PTX> (kernel K, block B, thread T)
// and counted; when the process ends after one, it ends with code 86.
typedef enum sim_problem_kind {
    SIM_OUT_OF_BOUNDS,  // no allocation there, or freed
    SIM_MISALIGNED,
    SIM_UNWRITTEN,          // reads memory (or shared memory, or a register) nobody wrote
    SIM_RACE,               // two threads, no barrier between, at least one writes
    SIM_DIVERGENT_BARRIER,  // not all threads of a block, or of a warp for a .sync instruction
    SIM_DEADLOCK,
    SIM_BAD_INSTRUCTION,  // operands that the ISA forbids at run time
    SIM_LEAK,
    SIM_BAD_CALL,  // a driver call in the wrong order or with wrong arguments
    SIM_PROBLEM_KINDS,
} sim_problem_kind;
void sim_problem(sim_problem_kind kind, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
int sim_problems(sim_problem_kind kind);  // so far
void sim_problems_forget(void);           // a test that planted them has seen them

// ---- memory (memory.c) ----
// Device addresses are host addresses inside one reserved range, so that kernels and copies access
// them directly; around each block is a gap that belongs to nobody. Every byte has a bit: written.
typedef enum sim_memory_kind { SIM_DEVICE, SIM_PINNED, SIM_MODULE } sim_memory_kind;
typedef struct sim_block {
    uint64_t base;
    size_t bytes;
    sim_memory_kind kind;
    bool freed;
    uint8_t *written;        // a byte for each byte of memory: 0 or 1
    struct sim_cell *cells;  // who accessed it last (shadow.h)
} sim_block;
uint64_t sim_memory_new(size_t bytes, sim_memory_kind kind);  // 0: no room; aligned to 256
bool sim_memory_free(uint64_t base);                          // false: no such block
// The block that an address is in, freed ones too; NULL: none. Safe beside other readers.
const sim_block *sim_memory_find(uint64_t address);
const sim_block *sim_memory_near(uint64_t address);  // the nearest one; NULL: there is none at all
size_t sim_memory_used(sim_memory_kind kind);
// memset and memcpy of the driver: [address, + bytes) was written.
void sim_memory_mark(uint64_t address, size_t bytes);
// Who accessed what, which races are found from.
void sim_memory_forget_accesses(void);

// ---- code (parse.c, module.c) ----
typedef struct sim_module sim_module;
typedef struct sim_function sim_function;
// Parses PTX. On failure NULL, and `log` says why, as "line 12: ...".
sim_module *sim_module_load(const char *ptx, char *log, size_t log_bytes);
void sim_module_free(sim_module *module);
sim_function *sim_module_function(sim_module *module, const char *name);          // NULL: none
uint64_t sim_module_global(sim_module *module, const char *name, size_t *bytes);  // 0: none
typedef struct sim_function_info {
    const char *name;
    int params;
    const int *param_bytes, *param_offsets;
    int shared_bytes;  // static
    int most_threads;  // .maxntid, or 1024
    int registers;     // 32-bit ones, a rough number
    int target;        // 80 of sm_80
} sim_function_info;
void sim_function_describe(const sim_function *function, sim_function_info *out);

// ---- execution (execute.c) ----
typedef struct sim_launch {
    uint32_t grid[3], block[3], cluster[3];
    uint32_t shared;            // dynamic bytes
    const void *const *params;  // the address of each parameter's value
} sim_launch;
// Runs it to the end, blocks on as many threads as there are processors. False: it was stopped (by
// a problem after which it cannot go on, which was reported); *error is then a CUresult.
bool sim_run(sim_function *function, const sim_launch *launch, int *error);

#endif
