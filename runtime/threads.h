// A pool of threads for data-parallel loops.
//
// Work is cut into chunks whose bounds depend only on (count, grain), never on the number of
// threads, so a kernel that sums inside a chunk gives the same bits for any pool.
#ifndef DN_RUNTIME_THREADS_H
#define DN_RUNTIME_THREADS_H

#include <stdint.h>

#include "runtime/base/status.h"

typedef struct dn_pool dn_pool;

// threads = 0: as many as the process may use. The calling thread is one of them.
dn_status dn_pool_new(int threads, dn_pool **out) DN_MUST_USE;
void dn_pool_free(dn_pool *pool);  // accepts NULL
int dn_pool_threads(const dn_pool *pool);

// Calls body(arg, chunk, begin, end) once for each chunk of `grain` consecutive indices of
// [0, count) (the last may be shorter), chunk = begin / grain, and returns when all are done.
// Bodies run at the same time on several threads and must not call dn_parallel_for on this pool.
typedef void dn_parallel_body(void *arg, int64_t chunk, int64_t begin, int64_t end);
void dn_parallel_for(dn_pool *pool, int64_t count, int64_t grain, dn_parallel_body *body,
                     void *arg);

// Calls body(arg, part, begin, end) for each of T = min(threads, count) parts: part t is
// [count * t / T, count * (t + 1) / T), and thread t takes it, so that the same data meet the same
// cache in loop after loop; the part of a thread that is late goes to one that has nothing to do.
// One part: nobody is woken. For bodies whose results do not depend on where the bounds are.
void dn_parallel_parts(dn_pool *pool, int64_t count, dn_parallel_body *body, void *arg);

#endif
