#include "runtime/image/jpeg_memory.h"

#include <stdint.h>
#include <string.h>

// A "virtual" array is one that libjpeg would swap to disk where memory is short; here it is plain
// memory, allocated when all requests are known.
struct jvirt_sarray_control {
    JSAMPARRAY rows;
    JDIMENSION row_size, row_count;
    struct jvirt_sarray_control *next;
};

struct jvirt_barray_control {
    JBLOCKARRAY rows;
    JDIMENSION row_size, row_count;
    struct jvirt_barray_control *next;
};

static dn_jpeg_memory *of(j_common_ptr cinfo) { return (dn_jpeg_memory *)cinfo->mem; }

static void *alloc(j_common_ptr cinfo, int pool, size_t size) {
    (void)pool;
    void *p = dn_bump_alloc(of(cinfo)->bump, size);
    if (!p) ERREXIT1(cinfo, JERR_OUT_OF_MEMORY, 0);
    return p;
}

// Rows of `row_bytes` bytes. The vector code may read and write up to the next 64 bytes of a row.
static char **alloc_rows(j_common_ptr cinfo, uint64_t row_bytes, JDIMENSION count) {
    row_bytes = (row_bytes + 63) / 64 * 64;
    if (row_bytes > UINT32_MAX) ERREXIT1(cinfo, JERR_OUT_OF_MEMORY, 0);
    char **rows = alloc(cinfo, JPOOL_IMAGE, count * sizeof *rows);
    char *data = alloc(cinfo, JPOOL_IMAGE, row_bytes * count);
    for (JDIMENSION i = 0; i < count; i++) rows[i] = data + i * row_bytes;
    return rows;
}

static JSAMPARRAY alloc_sarray(j_common_ptr cinfo, int pool, JDIMENSION row, JDIMENSION count) {
    (void)pool;
    return (JSAMPARRAY)alloc_rows(cinfo, row, count);
}

static JBLOCKARRAY alloc_barray(j_common_ptr cinfo, int pool, JDIMENSION row, JDIMENSION count) {
    (void)pool;
    return (JBLOCKARRAY)alloc_rows(cinfo, (uint64_t)row * sizeof(JBLOCK), count);
}

static jvirt_sarray_ptr request_sarray(j_common_ptr cinfo, int pool, boolean zero, JDIMENSION row,
                                       JDIMENSION count, JDIMENSION most) {
    (void)zero, (void)most;
    dn_jpeg_memory *memory = of(cinfo);
    jvirt_sarray_ptr array = alloc(cinfo, pool, sizeof *array);
    *array =
        (struct jvirt_sarray_control){.row_size = row, .row_count = count, .next = memory->samples};
    return memory->samples = array;
}

static jvirt_barray_ptr request_barray(j_common_ptr cinfo, int pool, boolean zero, JDIMENSION row,
                                       JDIMENSION count, JDIMENSION most) {
    (void)zero, (void)most;
    dn_jpeg_memory *memory = of(cinfo);
    jvirt_barray_ptr array = alloc(cinfo, pool, sizeof *array);
    *array =
        (struct jvirt_barray_control){.row_size = row, .row_count = count, .next = memory->blocks};
    return memory->blocks = array;
}

// All start as zero: blocks that a damaged file leaves out must not show an earlier image.
static void realize(j_common_ptr cinfo) {
    dn_jpeg_memory *memory = of(cinfo);
    for (jvirt_sarray_ptr a = memory->samples; a; a = a->next) {
        if (a->rows) continue;
        a->rows = alloc_sarray(cinfo, JPOOL_IMAGE, a->row_size, a->row_count);
        for (JDIMENSION i = 0; i < a->row_count; i++) memset(a->rows[i], 0, a->row_size);
    }
    for (jvirt_barray_ptr a = memory->blocks; a; a = a->next) {
        if (a->rows) continue;
        a->rows = alloc_barray(cinfo, JPOOL_IMAGE, a->row_size, a->row_count);
        for (JDIMENSION i = 0; i < a->row_count; i++)
            memset(a->rows[i], 0, a->row_size * sizeof(JBLOCK));
    }
}

static JSAMPARRAY access_sarray(j_common_ptr cinfo, jvirt_sarray_ptr array, JDIMENSION start,
                                JDIMENSION count, boolean writable) {
    (void)writable;
    if (!array->rows || start > array->row_count || count > array->row_count - start)
        ERREXIT(cinfo, JERR_BAD_VIRTUAL_ACCESS);
    return array->rows + start;
}

static JBLOCKARRAY access_barray(j_common_ptr cinfo, jvirt_barray_ptr array, JDIMENSION start,
                                 JDIMENSION count, boolean writable) {
    (void)writable;
    if (!array->rows || start > array->row_count || count > array->row_count - start)
        ERREXIT(cinfo, JERR_BAD_VIRTUAL_ACCESS);
    return array->rows + start;
}

// The bump's reset frees; libjpeg only has to forget the arrays.
static void free_pool(j_common_ptr cinfo, int pool) {
    if (pool == JPOOL_IMAGE) of(cinfo)->samples = NULL, of(cinfo)->blocks = NULL;
}

static void self_destruct(j_common_ptr cinfo) { (void)cinfo; }

void dn_jpeg_memory_install(dn_jpeg_memory *memory, j_decompress_ptr cinfo, dn_bump *bump) {
    *memory = (dn_jpeg_memory){.methods = *cinfo->mem, .original = cinfo->mem, .bump = bump};
    memory->methods.alloc_small = alloc;
    memory->methods.alloc_large = alloc;
    memory->methods.alloc_sarray = alloc_sarray;
    memory->methods.alloc_barray = alloc_barray;
    memory->methods.request_virt_sarray = request_sarray;
    memory->methods.request_virt_barray = request_barray;
    memory->methods.realize_virt_arrays = realize;
    memory->methods.access_virt_sarray = access_sarray;
    memory->methods.access_virt_barray = access_barray;
    memory->methods.free_pool = free_pool;
    memory->methods.self_destruct = self_destruct;
    cinfo->mem = &memory->methods;
}

void dn_jpeg_memory_remove(dn_jpeg_memory *memory, j_decompress_ptr cinfo) {
    cinfo->mem = memory->original;
}
