// Whether the points of parallel axes are independent.
#include <stdlib.h>

#include "codegen/kernel/access.h"
#include "codegen/kernel/verify.h"

typedef struct span {
    int64_t stride, size;
    bool parallel;
} span;

static int by_stride(const void *a, const void *b) {
    const span *x = a, *y = b;
    return (x->stride > y->stride) - (x->stride < y->stride);
}

// The axes that a store runs over, smallest stride first. Where it adds to a row of a table, the
// rows are an axis, too: any of them at any point.
static int spans_of(const dn_kernel *kernel, const dn_store *store, span *out) {
    int n = 0;
    for (int a = 0; a < kernel->n_axes; a++) {
        int64_t stride = store->access.stride[a];
        bool reduce = kernel->axes[a].kind == DN_AXIS_REDUCE;
        bool counts = kernel->axes[a].size > 1 && !(reduce && stride == 0);
        if (counts)
            out[n++] = (span){stride < 0 ? -stride : stride, kernel->axes[a].size,
                              kernel->axes[a].kind == DN_AXIS_PARALLEL};
    }
    if (store->row >= 0 && store->rows > 1) out[n++] = (span){store->scale, store->rows, false};
    qsort(out, (size_t)n, sizeof *out, by_stride);
    return n;
}

static int64_t gcd(int64_t a, int64_t b) { return b ? gcd(b, a % b) : a; }

// Each stride is larger than everything that those below it can reach: places are numbers in a
// mixed radix. Neighbours that are not parallel are one digit, in steps of what divides them all.
static bool dominate(const span *spans, int n) {
    int64_t reach = 0;
    bool any = false;  // a parallel axis so far
    for (int i = 0; i < n;) {
        int64_t step = 0, further = 0;
        bool parallel = spans[i].parallel;
        do {
            step = gcd(step, spans[i].stride);
            further += spans[i].stride * (spans[i].size - 1);
            i++;
        } while (!parallel && i < n && !spans[i].parallel);
        if (parallel ? step <= reach : any && step > 0 && step <= reach) return false;
        any |= parallel;
        reach += further;
    }
    return true;
}

enum { MOST_POINTS = 1 << 16, MOST_PLACES = 1 << 20 };

// Goes over all points and notes which parallel one stored to each place.
static bool enumerate(const span *spans, int n, int64_t points, int64_t places) {
    int *owner = dn_xcalloc((size_t)places, sizeof *owner);
    bool independent = true;
    for (int64_t p = 0; p < points && independent; p++) {
        int64_t rest = p, place = 0, id = 0;
        for (int i = 0; i < n; i++) {
            int64_t index = rest % spans[i].size;
            rest /= spans[i].size;
            place += index * spans[i].stride;
            if (spans[i].parallel) id = id * spans[i].size + index;
        }
        independent = !owner[place] || owner[place] == id + 1;
        owner[place] = (int)(id + 1);
    }
    free(owner);
    return independent;
}

bool dn_store_apart(const dn_kernel *kernel, const dn_store *store) {
    span spans[DN_MAX_AXES + 1];
    int n = spans_of(kernel, store, spans);
    return dn_kernel_empty(kernel, true) || dominate(spans, n);
}

bool dn_store_independent(const dn_kernel *kernel, const dn_store *store) {
    span spans[DN_MAX_AXES + 1];
    int n = spans_of(kernel, store, spans);
    if (dn_kernel_empty(kernel, true) || dominate(spans, n)) return true;
    int64_t points = 1, places = 1;
    for (int i = 0; i < n; i++) {
        if (spans[i].parallel && spans[i].stride == 0) return false;
        if (points <= MOST_POINTS) points *= spans[i].size;
        places += spans[i].stride * (spans[i].size - 1);
    }
    return points > MOST_POINTS || places > MOST_PLACES || enumerate(spans, n, points, places);
}
