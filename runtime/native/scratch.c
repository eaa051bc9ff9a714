#include "runtime/native/scratch.h"

#include <stdint.h>
#include <sys/mman.h>

enum { PAGE = 4096, HUGE_PAGE = 2 << 20 };

static size_t round_up(size_t n, size_t unit) { return (n + unit - 1) / unit * unit; }

// Maps more than is wanted and gives back what is before and behind a block that begins at a
// multiple of a huge page: each of those covers what needs 512 entries of the TLB otherwise.
static void *map_huge(size_t bytes) {
    size_t all = bytes + HUGE_PAGE;
    char *mapped = mmap(NULL, all, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (mapped == MAP_FAILED) return MAP_FAILED;
    size_t before = round_up((uintptr_t)mapped, HUGE_PAGE) - (uintptr_t)mapped;
    char *base = mapped + before;
    if (before) munmap(mapped, before);
    munmap(base + bytes, all - before - bytes);
    madvise(base, bytes, MADV_HUGEPAGE);  // a wish: it works without
    return base;
}

size_t dn_scratch_size(size_t bytes) { return round_up(bytes, PAGE); }

dn_status dn_scratch_reserve(dn_scratch *scratch, size_t bytes) {
    if (bytes <= scratch->bytes) return DN_SUCCESS;
    dn_scratch_free(scratch);
    void *base = MAP_FAILED;
    if (bytes < HUGE_PAGE)
        base = mmap(NULL, round_up(bytes, PAGE), PROT_READ | PROT_WRITE,
                    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    else if (bytes < SIZE_MAX / 2)
        base = map_huge(round_up(bytes, PAGE));
    if (base == MAP_FAILED)
        return dn_fail(DN_MEMORY, "no memory for intermediate values (%.1f MiB)",
                       (double)bytes / (1 << 20));
    *scratch = (dn_scratch){base, round_up(bytes, PAGE)};
    return DN_SUCCESS;
}

void dn_scratch_free(dn_scratch *scratch) {
    if (scratch->base) munmap(scratch->base, scratch->bytes);
    *scratch = (dn_scratch){0};
}
