// The pool: threads - 1 workers and the calling thread take chunks until none is left.
//
// A chunk is claimed by counting `remaining` down with a compare-and-swap. Success means that the
// chunk had not been claimed, so its loop has not ended and the job's fields stay as they are until
// the chunk is done: a worker that comes late to one loop can only do good to the next. The thread
// whose chunk takes `pending` to 0 wakes the caller.
//
// A loop in parts works alike, but every part has a flag of its own that is taken instead, so that
// each thread can look for its own part first.
//
// Waiting threads spin for a few microseconds, which is what the pause between two kernels takes,
// and then sleep on a condition variable. They are not pinned to cores: that helps one program that
// owns a machine and harms two that share it.
#include "runtime/threads.h"

#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "runtime/base/memory.h"

enum { SPINS = 300, MOST_THREADS = 4096 };

typedef struct part {
    _Alignas(64) atomic_bool open;  // it is there to be taken
} part;

struct dn_pool {
    // The loop under way; written only while no chunk is claimed or left to claim.
    dn_parallel_body *body;
    void *arg;
    int64_t count, grain, chunks;

    _Alignas(64) _Atomic int64_t remaining;   // chunks that nobody has claimed
    _Alignas(64) _Atomic int64_t parts_left;  // parts that nobody has
    _Alignas(64) _Atomic int64_t pending;     // chunks or parts that are not done
    _Alignas(64) atomic_int sleeping;         // workers asleep on `work`
    atomic_int n_started;                     // workers that know their number
    atomic_bool stop;
    atomic_bool busy;  // a loop is under way, to catch one inside another
    int spins;
    int n_workers;
    pthread_t *workers;
    part *parts;  // one for each thread
    pthread_mutex_t lock;
    pthread_cond_t work, done;
};

// --- how many threads ---

// The CPUs that the quota in `folder` allows (cgroup v2), or `most` if it sets none.
static int quota_v2(const char *folder, int most) {
    char *path = dn_printf("/sys/fs/cgroup%s/cpu.max", folder);
    FILE *file = fopen(path, "r");
    free(path);
    if (!file) return most;
    long long quota, period;
    if (fscanf(file, "%lld %lld", &quota, &period) == 2 && quota > 0 && period > 0) {
        long long cpus = (quota + period - 1) / period;
        if (cpus < most) most = (int)cpus;
    }
    fclose(file);
    return most;
}

// The same for cgroup v1 as containers mount it.
static int quota_v1(int most) {
    FILE *quota_file = fopen("/sys/fs/cgroup/cpu/cpu.cfs_quota_us", "r");
    FILE *period_file = fopen("/sys/fs/cgroup/cpu/cpu.cfs_period_us", "r");
    long long quota, period;
    if (quota_file && period_file && fscanf(quota_file, "%lld", &quota) == 1 &&
        fscanf(period_file, "%lld", &period) == 1 && quota > 0 && period > 0) {
        long long cpus = (quota + period - 1) / period;
        if (cpus < most) most = (int)cpus;
    }
    if (quota_file) fclose(quota_file);
    if (period_file) fclose(period_file);
    return most;
}

// The process's group and every group around it limit.
static int apply_quota(int most) {
    char line[4096];
    char *folder = NULL;
    FILE *file = fopen("/proc/self/cgroup", "r");
    while (file && fgets(line, sizeof line, file)) {
        line[strcspn(line, "\n")] = 0;
        if (strncmp(line, "0::/", 4) == 0) folder = line + 3;
        if (folder) break;
    }
    if (file) fclose(file);
    for (char *slash; folder && (slash = strrchr(folder, '/')); *slash = 0) {
        most = quota_v2(strcmp(folder, "/") == 0 ? "" : folder, most);
    }
    return quota_v1(quota_v2("", most));
}

static int usable_cpus(void) {
    cpu_set_t set;
    if (sched_getaffinity(0, sizeof set, &set) == 0) return CPU_COUNT(&set);
    long online = sysconf(_SC_NPROCESSORS_ONLN);  // more CPUs than a cpu_set_t holds
    return online < 1 ? 1 : online > MOST_THREADS ? MOST_THREADS : (int)online;
}

// --- chunks ---

static void relax(void) {
#if defined(__x86_64__)
    __builtin_ia32_pause();
#endif
}

// Claims a chunk; false when none is left.
static bool claim(dn_pool *pool, int64_t *chunk) {
    int64_t left = atomic_load(&pool->remaining);
    while (left > 0) {
        if (atomic_compare_exchange_weak(&pool->remaining, &left, left - 1)) {
            *chunk = pool->chunks - left;
            return true;
        }
    }
    return false;
}

static void run_chunk(dn_pool *pool, int64_t chunk) {
    int64_t begin = chunk * pool->grain;
    int64_t end = pool->count - begin > pool->grain ? begin + pool->grain : pool->count;
    pool->body(pool->arg, chunk, begin, end);
}

static void wake_caller(dn_pool *pool) {
    pthread_mutex_lock(&pool->lock);
    pthread_cond_signal(&pool->done);
    pthread_mutex_unlock(&pool->lock);
}

static void run_chunks(dn_pool *pool, bool is_caller) {
    int64_t chunk;
    while (claim(pool, &chunk)) {
        run_chunk(pool, chunk);
        if (atomic_fetch_sub(&pool->pending, 1) == 1 && !is_caller) wake_caller(pool);
    }
}

// --- parts ---

// Takes part `first` or the next one that is open; false when none is.
static bool take_part(dn_pool *pool, int first, int *taken) {
    int threads = dn_pool_threads(pool);
    for (int i = 0; i < threads; i++) {
        int p = first + i < threads ? first + i : first + i - threads;
        if (!atomic_load(&pool->parts[p].open)) continue;
        if (!atomic_exchange(&pool->parts[p].open, false)) continue;
        atomic_fetch_sub(&pool->parts_left, 1);
        *taken = p;
        return true;
    }
    return false;
}

// count * p / n without overflow.
static int64_t part_begin(int64_t count, int64_t p, int64_t n) {
    return count / n * p + count % n * p / n;
}

static void run_parts(dn_pool *pool, int me) {
    int p;
    while (atomic_load(&pool->parts_left) > 0 && take_part(pool, me, &p)) {
        int64_t n = pool->chunks;
        pool->body(pool->arg, p, part_begin(pool->count, p, n), part_begin(pool->count, p + 1, n));
        if (atomic_fetch_sub(&pool->pending, 1) == 1 && me != 0) wake_caller(pool);
    }
}

// --- waiting ---

static bool has_news(dn_pool *pool) {
    return atomic_load(&pool->remaining) > 0 || atomic_load(&pool->parts_left) > 0 ||
           atomic_load(&pool->stop);
}

static void wait_for_work(dn_pool *pool) {
    for (int i = 0; i < pool->spins; i++) {
        if (has_news(pool)) return;
        relax();
    }
    pthread_mutex_lock(&pool->lock);
    // Counted before looking again: wake_workers looks at the count after it makes work.
    atomic_fetch_add(&pool->sleeping, 1);
    while (!has_news(pool)) pthread_cond_wait(&pool->work, &pool->lock);
    atomic_fetch_sub(&pool->sleeping, 1);
    pthread_mutex_unlock(&pool->lock);
}

static void *worker_main(void *arg) {
    dn_pool *pool = arg;
    int me = atomic_fetch_add(&pool->n_started, 1) + 1;
    for (;;) {
        wait_for_work(pool);
        if (atomic_load(&pool->stop)) return NULL;
        run_chunks(pool, false);
        run_parts(pool, me);
    }
}

static void wake_workers(dn_pool *pool, int64_t wanted) {
    int sleeping = atomic_load(&pool->sleeping);
    if (!sleeping) return;
    pthread_mutex_lock(&pool->lock);
    if (wanted >= sleeping) {
        pthread_cond_broadcast(&pool->work);
    } else {
        for (int64_t i = 0; i < wanted; i++) pthread_cond_signal(&pool->work);
    }
    pthread_mutex_unlock(&pool->lock);
}

static void wait_until_done(dn_pool *pool) {
    for (int i = 0; i < pool->spins; i++) {
        if (atomic_load(&pool->pending) == 0) return;
        relax();
    }
    pthread_mutex_lock(&pool->lock);
    while (atomic_load(&pool->pending) > 0) pthread_cond_wait(&pool->done, &pool->lock);
    pthread_mutex_unlock(&pool->lock);
}

static void begin_loop(dn_pool *pool, int64_t count, dn_parallel_body *body, void *arg) {
    bool was_busy = atomic_exchange(&pool->busy, true);
    DN_ASSERT(!was_busy, "a parallel loop inside another");
    pool->body = body;
    pool->arg = arg;
    pool->count = count;
}

void dn_parallel_for(dn_pool *pool, int64_t count, int64_t grain, dn_parallel_body *body,
                     void *arg) {
    DN_ASSERT(grain > 0, "dn_parallel_for with grain %lld", (long long)grain);
    if (count <= 0) return;
    begin_loop(pool, count, body, arg);
    pool->grain = grain;
    pool->chunks = count / grain + (count % grain != 0);
    if (pool->chunks == 1 || pool->n_workers == 0) {
        for (int64_t chunk = 0; chunk < pool->chunks; chunk++) run_chunk(pool, chunk);
    } else {
        atomic_store(&pool->pending, pool->chunks);
        atomic_store(&pool->remaining, pool->chunks);
        wake_workers(pool, pool->chunks - 1);
        run_chunks(pool, true);
        wait_until_done(pool);
    }
    atomic_store(&pool->busy, false);
}

void dn_parallel_parts(dn_pool *pool, int64_t count, dn_parallel_body *body, void *arg) {
    int threads = dn_pool_threads(pool);
    if (count <= 0) return;
    begin_loop(pool, count, body, arg);
    pool->chunks = count < threads ? count : threads;
    if (pool->chunks == 1) {
        body(arg, 0, 0, count);
    } else {
        // A worker may take a part as soon as its flag is set.
        atomic_store(&pool->pending, pool->chunks);
        atomic_store(&pool->parts_left, pool->chunks);
        for (int64_t p = 0; p < pool->chunks; p++) atomic_store(&pool->parts[p].open, true);
        wake_workers(pool, pool->chunks - 1);
        run_parts(pool, 0);
        wait_until_done(pool);
    }
    atomic_store(&pool->busy, false);
}

// --- starting and stopping ---

// Workers take no signals: Ctrl-C reaches the thread that the program watches it from.
static int start_workers(dn_pool *pool, int wanted) {
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    int error = 0;
    while (!error && pool->n_workers < wanted) {
        error = pthread_create(&pool->workers[pool->n_workers], NULL, worker_main, pool);
        if (!error) pool->n_workers++;
    }
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return error;
}

dn_status dn_pool_new(int threads, dn_pool **out) {
    if (threads < 0 || threads > MOST_THREADS)
        return dn_fail(DN_INVALID, "%d threads: expected 0 to %d", threads, MOST_THREADS);
    int cpus = apply_quota(usable_cpus());
    if (threads == 0) threads = cpus;
    dn_pool *pool = NULL;
    part *parts = NULL;
    if (posix_memalign((void **)&pool, 64, sizeof *pool) != 0 ||
        posix_memalign((void **)&parts, 64, (size_t)threads * sizeof *parts) != 0) {
        free(pool);
        return dn_fail(DN_MEMORY, "no memory for a pool of threads");
    }
    memset(pool, 0, sizeof *pool);
    memset(parts, 0, (size_t)threads * sizeof *parts);
    pool->parts = parts;
    pool->spins = threads <= cpus ? SPINS : 0;  // spinning would only keep others off a CPU
    pool->workers = dn_xcalloc((size_t)threads, sizeof *pool->workers);
    pthread_mutex_init(&pool->lock, NULL);
    pthread_cond_init(&pool->work, NULL);
    pthread_cond_init(&pool->done, NULL);
    int error = start_workers(pool, threads - 1);
    if (error) {
        dn_pool_free(pool);
        errno = error;
        return dn_fail_errno("cannot start %d threads", threads);
    }
    *out = pool;
    return DN_SUCCESS;
}

void dn_pool_free(dn_pool *pool) {
    if (!pool) return;
    atomic_store(&pool->stop, true);
    wake_workers(pool, INT64_MAX);
    for (int i = 0; i < pool->n_workers; i++) pthread_join(pool->workers[i], NULL);
    pthread_cond_destroy(&pool->done);
    pthread_cond_destroy(&pool->work);
    pthread_mutex_destroy(&pool->lock);
    free(pool->workers);
    free(pool->parts);
    free(pool);
}

int dn_pool_threads(const dn_pool *pool) { return pool->n_workers + 1; }
