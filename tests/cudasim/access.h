// Memory as instructions access it, with all checks.
#ifndef CUDASIM_ACCESS_H
#define CUDASIM_ACCESS_H

#include "tests/cudasim/machine.h"

// Bytes of one block of memory.
typedef struct sim_span {
    uint8_t *data, *written;  // written = NULL: all are
    sim_cell *cells;          // of the word with the first byte; NULL: nobody else is there
    unsigned in_word;         // the first byte's place in it
    bool global;
} sim_span;

// Finds them; false: they are not there, or misaligned, which was reported and ends the launch.
bool sim_find(sim_warp *warp, const sim_instr *i, int lane, ptx_space space, uint64_t address,
              int bytes, sim_span *out);
// The same for bytes that need not be aligned.
bool sim_find_unaligned(sim_warp *warp, const sim_instr *i, int lane, ptx_space space,
                        uint64_t address, int bytes, sim_span *out);
// Checks that they were written and not by a race, and copies them.
void sim_read(sim_warp *warp, const sim_instr *i, int lane, const sim_span *span, int bytes,
              void *to);
// The same for all lanes of `mask`, each with its own address: one element of `data` for each.
// False: the launch was stopped.
enum { SIM_MOST_ACCESS = 32 };
bool sim_read_lanes(sim_warp *warp, const sim_instr *i, uint32_t mask, ptx_space space,
                    const uint64_t *addresses, int bytes, uint8_t (*data)[SIM_MOST_ACCESS]);
// data = NULL: it is checked that an asynchronous copy may write there, which is not done yet.
bool sim_write_lanes(sim_warp *warp, const sim_instr *i, uint32_t mask, ptx_space space,
                     const uint64_t *addresses, int bytes, uint8_t (*data)[SIM_MOST_ACCESS]);
// The addresses of all lanes.
void sim_lane_addresses(const sim_warp *warp, const sim_instr *i, uint64_t *addresses);

// The checks of reading and writing alone.
void sim_check_written(sim_warp *warp, const sim_instr *i, int lane, const sim_span *span,
                       int bytes);
typedef enum sim_manner { SIM_PLAIN, SIM_ATOMIC, SIM_PENDING } sim_manner;
void sim_check_read(sim_warp *warp, const sim_instr *i, int lane, const sim_span *span, int bytes,
                    sim_manner manner);
void sim_check_write(sim_warp *warp, const sim_instr *i, int lane, const sim_span *span, int bytes,
                     sim_manner manner, const void *from);
// The address of a lane, as i says.
uint64_t sim_lane_address(const sim_warp *warp, const sim_instr *i, int lane);
// The space and address in it that a generic address stands for.
ptx_space sim_generic(uint64_t *address);

void sim_describe_address(uint64_t address, char *text, size_t bytes);
void sim_describe_stamp(const sim_warp *warp, uint64_t stamp, char *text, size_t bytes);

#endif
