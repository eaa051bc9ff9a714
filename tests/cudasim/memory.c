// Device memory: blocks in one reserved range of addresses, never handed out twice, so that the
// table of blocks is sorted as it grows and a freed block can still be named.
#include <pthread.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/mman.h>

#include "tests/cudasim/shadow.h"
#include "tests/cudasim/sim.h"

#define RANGE_BYTES (4ull << 40)
enum { GAP = 4096, PAGE = 4096, MOST_BLOCKS = 1 << 24 };

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;  // of writers
static uint64_t range_base, range_next;
static sim_block *blocks;  // by address
static atomic_int n_blocks;
static size_t used[SIM_MODULE + 1];

static void *reserve(size_t bytes, int protection) {
    void *p = mmap(NULL, bytes, protection, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    return p == MAP_FAILED ? NULL : p;
}

static size_t whole_pages(size_t bytes) { return (bytes + PAGE - 1) / PAGE * PAGE; }

static bool start(void) {
    if (range_base) return true;
    blocks = reserve(MOST_BLOCKS * sizeof *blocks, PROT_READ | PROT_WRITE);
    range_base = (uint64_t)(uintptr_t)reserve(RANGE_BYTES, PROT_NONE);
    range_next = range_base + GAP;
    return blocks && range_base;
}

static size_t shadow_bytes(size_t bytes) {
    return whole_pages((bytes / SIM_CELL_BYTES + 1) * sizeof(sim_cell));
}

static uint64_t new_block(size_t bytes, sim_memory_kind kind) {
    int n = atomic_load(&n_blocks);
    if (!start() || n == MOST_BLOCKS || bytes > RANGE_BYTES) return 0;
    size_t pages = whole_pages(bytes);
    if (range_next + pages + GAP > range_base + RANGE_BYTES) return 0;
    void *memory = (void *)(uintptr_t)range_next;
    if (mprotect(memory, pages, PROT_READ | PROT_WRITE) != 0) return 0;
    uint8_t *written = reserve(pages, PROT_READ | PROT_WRITE);
    sim_cell *cells = reserve(shadow_bytes(bytes), PROT_READ | PROT_WRITE);
    if (!written || !cells) return 0;
    // Whoever wrote pinned memory did so as the host does, unseen.
    if (kind == SIM_PINNED) memset(written, 1, bytes);
    blocks[n] = (sim_block){range_next, bytes, kind, false, written, cells};
    range_next += pages + GAP;
    used[kind] += bytes;
    atomic_store(&n_blocks, n + 1);
    return blocks[n].base;
}

uint64_t sim_memory_new(size_t bytes, sim_memory_kind kind) {
    pthread_mutex_lock(&lock);
    uint64_t base = new_block(bytes, kind);
    pthread_mutex_unlock(&lock);
    return base;
}

static sim_block *find(uint64_t address) {
    int low = 0, high = atomic_load(&n_blocks);
    while (low < high) {
        int middle = low + (high - low) / 2;
        if (blocks[middle].base <= address)
            low = middle + 1;
        else
            high = middle;
    }
    return low > 0 ? &blocks[low - 1] : NULL;
}

bool sim_memory_free(uint64_t base) {
    pthread_mutex_lock(&lock);
    sim_block *block = find(base);
    bool found = block && block->base == base && !block->freed;
    if (found) {
        void *memory = (void *)(uintptr_t)base;
        block->freed = true;
        used[block->kind] -= block->bytes;
        madvise(memory, whole_pages(block->bytes), MADV_DONTNEED);
        mprotect(memory, whole_pages(block->bytes), PROT_NONE);
        munmap(block->written, whole_pages(block->bytes));
        munmap(block->cells, shadow_bytes(block->bytes));
        block->written = NULL;
        block->cells = NULL;
    }
    pthread_mutex_unlock(&lock);
    return found;
}

const sim_block *sim_memory_find(uint64_t address) {
    sim_block *block = find(address);
    return block && address < block->base + block->bytes ? block : NULL;
}

const sim_block *sim_memory_near(uint64_t address) {
    sim_block *before = find(address);
    int next = before ? (int)(before - blocks) + 1 : 0;
    if (next >= atomic_load(&n_blocks)) return before;
    if (!before) return &blocks[next];
    uint64_t past = address - (before->base + before->bytes);
    return past <= blocks[next].base - address ? before : &blocks[next];
}

size_t sim_memory_used(sim_memory_kind kind) {
    pthread_mutex_lock(&lock);
    size_t bytes = used[kind];
    pthread_mutex_unlock(&lock);
    return bytes;
}

void sim_memory_mark(uint64_t address, size_t bytes) {
    const sim_block *block = sim_memory_find(address);
    if (block && !block->freed) memset(block->written + (address - block->base), 1, bytes);
}

void sim_memory_forget_accesses(void) {
    pthread_mutex_lock(&lock);
    for (int k = 0; k < atomic_load(&n_blocks); k++)
        if (!blocks[k].freed)
            madvise(blocks[k].cells, shadow_bytes(blocks[k].bytes), MADV_DONTNEED);
    pthread_mutex_unlock(&lock);
}
