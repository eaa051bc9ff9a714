#include "tests/cudasim/bulk.h"

bool sim_bulk_progress(sim_cta *cta) {
    (void)cta;
    return false;
}
void sim_bulk_reset(sim_cta *cta) { (void)cta; }
void sim_bulk_free(sim_cta *cta) { (void)cta; }
void sim_decode_bulk(sim_decoder *d) { sim_decode_fail(d, "bulk copies are not simulated"); }
void sim_decode_wgmma(sim_decoder *d) { sim_decode_fail(d, "wgmma is not simulated"); }
