// Which part of the result is a task: from shapes alone.
#include "codegen/x86/contract.h"

enum {
    L2_BYTES = 1 << 19,       // what a task may read again and again
    SCRATCH_BYTES = 1 << 17,  // sums of chunks, on the stack
    TASKS = 48,               // enough to share among 16 threads
    WEIGHT_TASKS = 4,         // each reads memory again
    SMALL_WEIGHT_TASKS = 2,   // and does little with it: few channels
    TILE_IMAGES = 8,          // of a convolution, in a task
    MATRIX_ROWS = 576,        // a block of a matrix product
    MATRIX_COLUMNS = 4,       // panels
    ROW_GRANULE = 24,         // divisible by the rows of either instruction set's tile
    CHANNEL_GRANULE = 16,     // a line of the cache
};
static const double TASK_WORK = 2e5;  // multiply-adds that are worth a task

int64_t dn_contract_chunks(const dn_cplan *p) {
    int64_t chunks = 1;
    for (int l = 0; l < p->n_levels; l++)
        if (p->levels[l].size > p->levels[l].chunk)
            chunks *= dn_ceil_div(p->levels[l].size, p->levels[l].chunk);
    return chunks;
}

static int64_t count_tasks(const dn_cplan *p) {
    int64_t tasks = p->groups * dn_ceil_div(p->columns, p->column_block);
    for (int d = 0; d < p->n_dims; d++) tasks *= dn_ceil_div(p->dims[d].size, p->dims[d].block);
    return tasks;
}

static bool halve(int64_t *block, int64_t granule) {
    int64_t half = dn_ceil_div(dn_ceil_div(*block, 2), granule) * granule;
    if (half >= *block) return false;
    *block = half;
    return true;
}

static bool halve_columns(dn_cplan *p) { return !p->inner && halve(&p->column_block, p->width); }

static bool halve_dim(dn_cplan *p, int d) {
    bool weight = p->contract->op == DN_OP_CONV_WEIGHT;
    if (d != p->row) return halve(&p->dims[d].block, 1);
    if (p->dims[d].fold) return false;
    return halve(&p->dims[d].block, weight ? CHANNEL_GRANULE : ROW_GRANULE * p->spacing);
}

static bool halve_others(dn_cplan *p) {
    for (int d = 0; d < p->n_dims; d++)
        if (d != p->row && halve_dim(p, d)) return true;
    return false;
}

// A weight gradient reads all of x and y for each block of its small result, so that blocks are few
// and read memory in long runs: a row of taps first, then columns and channels. For the others,
// blocks of different pixels come first.
static bool split(dn_cplan *p) {
    if (p->contract->op == DN_OP_CONV_WEIGHT)
        return (p->row != 0 && halve_dim(p, 0)) || halve_columns(p) || halve_dim(p, p->row) ||
               halve_others(p);
    return halve_others(p) || halve_dim(p, p->row) || halve_columns(p);
}

static int64_t tasks_wanted(const dn_cplan *p) {
    if (p->contract->op != DN_OP_CONV_WEIGHT) return TASKS;
    return p->copy_a ? SMALL_WEIGHT_TASKS : WEIGHT_TASKS;
}

static double block_results(const dn_cplan *p) {
    double results = (double)p->column_block;
    for (int d = 0; d < p->n_dims; d++) results *= (double)p->dims[d].block;
    return results;
}

static double block_work(const dn_cplan *p) {
    double work = block_results(p);
    for (int l = 0; l < p->n_levels; l++) work *= (double)p->levels[l].size;
    return work;
}

// Bytes of A that one block reads, roughly: the whole of it in proportion.
static double block_bytes(const dn_cplan *p) {
    const dn_contract *c = p->contract;
    if (c->op == DN_OP_CONV_WEIGHT) return 0;
    double bytes = (double)dn_dtype_size(p->dtype);
    bytes *= c->op == DN_OP_DOT ? (double)c->k
                                : (double)(c->op == DN_OP_CONV ? c->channels : c->filters);
    for (int d = 0; d < p->n_dims; d++) {
        int s = p->dims[d].spatial;
        bytes *= (double)p->dims[d].block;
        if (s < 0) continue;
        bytes *= (double)(c->op == DN_OP_CONV ? c->image[s] : c->out[s]);
        bytes /= (double)(p->dims[d].size > 0 ? p->dims[d].size : 1);
    }
    return bytes;
}

// A matrix product: the panel of B is what is read again and again; A streams by. Many rows, so
// that panels are fetched seldom.
static void set_matrix_blocks(dn_cplan *p) {
    for (int d = 0; d < p->n_dims; d++) {
        int64_t most = d == p->row ? MATRIX_ROWS : 1;
        if (p->dims[d].block > most) p->dims[d].block = most;
    }
    int64_t columns = MATRIX_COLUMNS * p->width;
    if (p->column_block > columns) p->column_block = columns;
}

void dn_contract_blocks(dn_cplan *p) {
    p->column_block = p->columns > 0 ? p->columns : 1;
    for (int d = 0; d < p->n_dims; d++)
        p->dims[d].block = p->dims[d].size > 0 ? p->dims[d].size : 1;
    // Images are often a power of two apart, and share a few lines of a cache: one tile at a time.
    dn_cdim *rows = &p->dims[p->row];
    bool images = p->contract->op == DN_OP_CONV || p->contract->op == DN_OP_CONV_INPUT;
    if (images && rows->spatial < 0 && rows->block > TILE_IMAGES) rows->block = TILE_IMAGES;
    if (p->contract->op == DN_OP_DOT) set_matrix_blocks(p);
    while (p->contract->op != DN_OP_DOT && block_bytes(p) > L2_BYTES &&
           (halve_dim(p, p->row) || halve_others(p))) {
    }
    while (count_tasks(p) < tasks_wanted(p) && block_work(p) > TASK_WORK && split(p)) {
    }
    if (dn_contract_chunks(p) > 1) {
        double most = SCRATCH_BYTES / (double)dn_dtype_size(p->dtype);
        while (block_results(p) > most && split(p)) {
        }
    }
    p->tasks = count_tasks(p);
}
