// Launches: blocks on as many threads as there are processors.
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "tests/cudasim/machine.h"

enum { SUCCESS = 0, INVALID_VALUE = 1, MOST_THREADS = 1024, MOST_WORKERS = 64 };

static void *map(size_t bytes) {
    void *p = mmap(NULL, bytes ? bytes : 1, PROT_READ | PROT_WRITE,
                   MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (p == MAP_FAILED) abort();
    return p;
}

static void unmap(void *p, size_t bytes) { munmap(p, bytes ? bytes : 1); }

typedef struct sizes {
    size_t registers, local, shared, cells;
} sizes;

static sizes sizes_of(const sim_cta *cta) {
    size_t warps = (size_t)cta->n_warps;
    return (sizes){warps * (size_t)cta->program->register_bytes,
                   warps * SIM_LANES * (size_t)cta->program->local_bytes, cta->shared_bytes + 1,
                   (cta->shared_bytes / SIM_CELL_BYTES + 2) * sizeof(sim_cell)};
}

static void open_cta(sim_cta *cta, sim_grid *grid) {
    const sim_launch *launch = grid->launch;
    *cta = (sim_cta){.grid = grid, .program = &grid->function->program};
    cta->threads = launch->block[0] * launch->block[1] * launch->block[2];
    cta->n_warps = (int)((cta->threads + SIM_LANES - 1) / SIM_LANES);
    cta->shared_bytes = (uint32_t)cta->program->shared_bytes + launch->shared;
    sizes size = sizes_of(cta);
    cta->warps = calloc((size_t)cta->n_warps, sizeof *cta->warps);
    char *registers = map(size.registers);
    cta->local = map(size.local);
    cta->local_written = map(size.local);
    cta->shared = map(size.shared);
    cta->shared_written = map(size.shared);
    cta->shared_cells = map(size.cells);
    if (!cta->warps) abort();
    for (int w = 0; w < cta->n_warps; w++) {
        sim_warp *warp = &cta->warps[w];
        warp->cta = cta;
        warp->number = w;
        warp->constants = cta->program->constants;
        warp->registers = registers + (size_t)w * (size_t)cta->program->register_bytes;
        warp->written = calloc((size_t)cta->program->n_tracked + 1, sizeof *warp->written);
        if (!warp->written) abort();
    }
}

static void close_cta(sim_cta *cta) {
    sizes size = sizes_of(cta);
    unmap(cta->warps[0].registers, size.registers);
    unmap(cta->local, size.local);
    unmap(cta->local_written, size.local);
    unmap(cta->shared, size.shared);
    unmap(cta->shared_written, size.shared);
    unmap(cta->shared_cells, size.cells);
    for (int w = 0; w < cta->n_warps; w++) {
        sim_copies_free(&cta->warps[w]);
        free(cta->warps[w].written);
    }
    sim_mbarriers_free(cta);
    sim_bulk_free(cta);
    sim_wgmmas_free(cta);
    free(cta->warps);
}

static void start_cta(sim_cta *cta, uint64_t number) {
    const sim_launch *launch = cta->grid->launch;
    uint64_t blocks = (1ull << SIM_BLOCK_BITS) - 1;
    cta->number = number;
    cta->index[0] = (uint32_t)(number % launch->grid[0]);
    cta->index[1] = (uint32_t)(number / launch->grid[0] % launch->grid[1]);
    cta->index[2] = (uint32_t)(number / launch->grid[0] / launch->grid[1]);
    cta->global_where = cta->grid->where | (number & blocks) << SIM_BLOCK_BIT;
    cta->shared_where += 1ull << SIM_BLOCK_BIT;  // stamps of the last block are of no account
    cta->took = cta->acquired = cta->reverse = false;
    cta->spins = 0;
    cta->bulk_clock = 1;
    memset(cta->barriers, 0, sizeof cta->barriers);
    // What nobody wrote is no number.
    memset(cta->shared, 0xff, cta->shared_bytes);
    memset(cta->shared_written, 0, cta->shared_bytes);
    memset(cta->local_written, 0, sizes_of(cta).local);
    sim_mbarriers_reset(cta);
    sim_bulk_reset(cta);
    sim_wgmmas_reset(cta);
    for (int w = 0; w < cta->n_warps; w++) {
        uint32_t threads = cta->threads - (uint32_t)w * SIM_LANES;
        sim_copies_reset(&cta->warps[w]);
        sim_special_set(&cta->warps[w]);
        sim_warp_start(&cta->warps[w], threads >= SIM_LANES ? UINT32_MAX : (1u << threads) - 1);
    }
}

static void *work(void *argument) {
    sim_grid *grid = argument;
    sim_cta cta;
    open_cta(&cta, grid);
    while (!atomic_load(&grid->error)) {
        uint64_t number = atomic_fetch_add(&grid->next, 1);
        if (number >= grid->n_blocks) break;
        start_cta(&cta, number);
        sim_cta_run(&cta);
    }
    close_cta(&cta);
    return NULL;
}

static void run_blocks(sim_grid *grid) {
    pthread_t threads[MOST_WORKERS];
    long processors = sysconf(_SC_NPROCESSORS_ONLN);
    uint64_t n = processors < 1 ? 1 : (uint64_t)processors;
    if (n > MOST_WORKERS) n = MOST_WORKERS;
    if (n > grid->n_blocks) n = grid->n_blocks;
    uint64_t started = 0;
    while (started + 1 < n && pthread_create(&threads[started], NULL, work, grid) == 0) started++;
    work(grid);
    for (uint64_t k = 0; k < started; k++) pthread_join(threads[k], NULL);
}

// A number for the launch, by which its accesses are told from those of others.
static uint64_t launch_stamp(void) {
    static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
    static uint64_t launches;
    pthread_mutex_lock(&lock);
    uint64_t number = launches % ((1ull << SIM_LAUNCH_BITS) - 1) + 1;
    if (launches > 0 && number == 1) sim_memory_forget_accesses();
    launches++;
    pthread_mutex_unlock(&lock);
    return number << SIM_LAUNCH_BIT;
}

static const char *wrong_launch(const sim_function *function, const sim_launch *launch) {
    uint64_t threads = 1;
    for (int k = 0; k < 3; k++) {
        if (launch->grid[k] == 0 || launch->block[k] == 0) return "a size is 0";
        if (launch->cluster[k] > 1) return "clusters of several blocks are not simulated";
        threads *= launch->block[k];
    }
    if (threads > MOST_THREADS) return "a block has at most 1024 threads";
    if (threads > (uint64_t)function->info.most_threads) return "more threads than .maxntid says";
    if (launch->grid[0] > INT32_MAX || launch->grid[1] > 65535 || launch->grid[2] > 65535)
        return "the grid is too large";
    return NULL;
}

bool sim_run(sim_function *function, const sim_launch *launch, int *error) {
    *error = SUCCESS;
    const char *wrong = wrong_launch(function, launch);
    if (wrong) {
        sim_problem(SIM_BAD_CALL, "launch of %s on %ux%ux%u blocks of %ux%ux%u threads: %s",
                    function->info.name, launch->grid[0], launch->grid[1], launch->grid[2],
                    launch->block[0], launch->block[1], launch->block[2], wrong);
        *error = INVALID_VALUE;
        return false;
    }
    sim_grid grid = {.function = function, .launch = launch, .where = launch_stamp()};
    grid.n_blocks = (uint64_t)launch->grid[0] * launch->grid[1] * launch->grid[2];
    grid.params = calloc((size_t)function->program.param_bytes + 1, 1);
    if (!grid.params) abort();
    for (int k = 0; k < function->info.params; k++)
        memcpy(grid.params + function->info.param_offsets[k], launch->params[k],
               (size_t)function->info.param_bytes[k]);
    run_blocks(&grid);
    free(grid.params);
    *error = atomic_load(&grid.error);
    return *error == SUCCESS;
}
