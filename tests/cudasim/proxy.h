// Shared memory as the asynchronous proxy accesses it: bulk copies and tensor cores, which read and
// write later than the instruction that starts them.
#ifndef CUDASIM_PROXY_H
#define CUDASIM_PROXY_H

#include "tests/cudasim/machine.h"

// [at, + bytes) of shared memory, whole words. What starts is checked against what others did: it
// has to be ordered behind it, and behind a fence.proxy.async if a thread wrote there. Until it is
// done, an access by anyone is a race. `agent`: the warp whose tensor cores read, or
// SIM_AGENT_BULK. Reads of one instruction are at one time: the caller then sets warp->dirty.
void sim_proxy_read(sim_warp *warp, const sim_instr *i, int lane, uint32_t at, uint32_t bytes,
                    unsigned agent);
void sim_proxy_write(sim_warp *warp, const sim_instr *i, int lane, uint32_t at, uint32_t bytes);
void sim_proxy_read_done(sim_cta *cta, uint32_t at, uint32_t bytes, unsigned agent, uint32_t clock);
void sim_proxy_write_done(sim_cta *cta, uint32_t at, uint32_t bytes, uint32_t clock);

#endif
