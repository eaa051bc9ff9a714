// Which convolutions are done by Winograd's algorithm.
#include "codegen/kernel/winograd.h"

#include <math.h>

#include "codegen/x86/x86.h"

enum {
    FEWEST_POINTS = 3,
    CACHE_BYTES = 10 << 20,  // of the last-level cache: a third of it, where that is 32 MB
};

static const double BYTE_WORK = 1.25;     // multiply-adds in the time that moving a byte takes
static const double PRODUCT_WORK = 1.15;  // a product's multiply-adds, against a direct one's
static const double GAIN = 1.15;  // at least, and this much: a dozen kernels are compiled for it
static const double LEAST_SAVING = 5e7;  // multiply-adds: 0.4 ms of one thread

// Multiply-adds of the direct kernels, which leave out what is beyond the image.
static double direct_work(const dn_contract *c) {
    double work = (double)c->images * (double)c->channels * (double)c->filters;
    for (int d = 0; d < c->spatial; d++) {
        int64_t pairs = 0;
        for (int64_t o = 0; o < c->out[d]; o++)
            for (int64_t k = 0; k < c->kernel[d]; k++) {
                int64_t i = o * c->stride[d] + k * c->dilation[d] - c->lo[d];
                pairs += i >= 0 && i < c->image[d];
            }
        work *= (double)pairs;
    }
    return work;
}

bool dn_x86_winograd(const dn_contract *c, dn_winograd_choice *choice) {
    double direct = direct_work(c), least = fmin(direct / GAIN, direct - LEAST_SAVING);
    bool found = false;
    for (int n = FEWEST_POINTS; n <= DN_MOST_POINTS; n++) {
        dn_winograd_choice tried = {{n, n}, CACHE_BYTES};
        dn_winograd plan;
        double products, bytes;
        if (!dn_winograd_plan(c, &tried, &plan)) continue;
        if (plan.k < dn_x86_lanes(c->dtype) || plan.n < dn_x86_lanes(c->dtype)) return false;
        dn_winograd_cost(&plan, &products, &bytes);
        double work = PRODUCT_WORK * products + BYTE_WORK * bytes;
        if (work >= least) continue;
        least = work;
        *choice = tried;
        found = true;
    }
    return found;
}
