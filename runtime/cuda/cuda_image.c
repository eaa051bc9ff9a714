#include "runtime/cuda/cuda_image.h"

#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include "runtime/host/image_stream.h"
#include "runtime/host/program_image.h"

static const char magic[DN_IMAGE_MAGIC] = {'D', 'N', 'E', 'T', 'C', 'U', 'D', '2'};
static const char what[] = "the program's CUDA code";
enum { MOST_RATIO = 1100, MOST_THREADS = 1024 };  // zlib's ratio is at most 1032

// ---- compressed text -------------------------------------------------------------------------

static void write_ptx(dn_stream *s, const char *ptx, size_t bytes) {
    uLongf room = compressBound(bytes);
    char *packed = dn_xmalloc(room);
    bool fits = compress2((Bytef *)packed, &room, (const Bytef *)ptx, bytes, Z_BEST_SPEED) == Z_OK;
    dn_stream_expect(s, fits && room <= INT32_MAX, "PTX that is too long");
    int count = s->wrong ? 0 : (int)room;
    const char *text = packed;
    dn_move_bytes(s, &text, &count);
    free(packed);
}

static char *read_ptx(dn_stream *s, size_t bytes) {
    const char *packed = "";
    int count = 0;
    dn_move_bytes(s, &packed, &count);
    dn_stream_expect(s, bytes / MOST_RATIO <= (size_t)count, "the length of PTX");
    if (s->wrong) return "";
    char *text = dn_arena_alloc(s->arena, bytes + 1);  // zeroed
    uLongf room = bytes;
    bool whole = uncompress((Bytef *)text, &room, (const Bytef *)packed, (uLong)count) == Z_OK;
    dn_stream_expect(s, whole && room == bytes && strlen(text) == bytes, "PTX");
    return text;
}

// ---- modules ---------------------------------------------------------------------------------

static void move_module(dn_stream *s, void *item) {
    dn_cuda_module *module = item;
    DN_MOVE(s, module->sm);
    DN_MOVE(s, module->specific);
    DN_MOVE(s, module->ptx_bytes);
    if (s->writes)
        write_ptx(s, module->ptx, module->ptx_bytes);
    else
        module->ptx = read_ptx(s, module->ptx_bytes);
    dn_stream_expect(s, module->cubin_bytes <= INT32_MAX, "a cubin that is too long");
    const char *cubin = s->writes && module->cubin ? module->cubin : "";
    int count = s->writes && module->cubin ? (int)module->cubin_bytes : 0;
    dn_move_bytes(s, &cubin, &count);
    if (s->writes) return;
    module->cubin = count ? cubin : NULL;
    module->cubin_bytes = (size_t)count;
}

static void move_kernel(dn_stream *s, void *item) {
    dn_cuda_kernel *kernel = item;
    dn_move_optional(s, &kernel->symbol);
    DN_MOVE(s, kernel->grid);
    DN_MOVE(s, kernel->block);
    DN_MOVE(s, kernel->shared);
    dn_stream_expect(s, kernel->grid >= 0 && kernel->grid <= INT32_MAX, "a grid");
    dn_stream_expect(s, kernel->block >= 0 && kernel->block <= MOST_THREADS, "a block");
    dn_stream_expect(s, kernel->shared >= 0, "shared memory");
}

// Of one module.
static void move_kernels(dn_stream *s, const dn_cuda_kernel **kernels, int n_kernels) {
    int count = n_kernels + DN_CUDA_RANDOMS;
    DN_MOVE_ARRAY(s, *kernels, count, move_kernel);
    dn_stream_expect(s, count == n_kernels + DN_CUDA_RANDOMS, "the kernels of a module");
}

static void move_code(dn_stream *s, dn_cuda_code *code) {
    DN_MOVE_ARRAY(s, code->entries, code->n_entries, dn_move_native_entry);
    DN_MOVE_ARRAY(s, code->modules, code->n_modules, move_module);
    DN_MOVE(s, code->n_kernels);
    DN_MOVE(s, code->units);
    dn_stream_expect(s, (unsigned)code->units < DN_MATRIX_KINDS, "a precision");
    dn_stream_expect(s, code->n_kernels >= 0 && code->n_kernels <= INT32_MAX - DN_CUDA_RANDOMS,
                     "the number of kernels");
    const dn_cuda_kernel **tables = (const dn_cuda_kernel **)code->kernels;
    if (!s->writes) tables = DN_NEW_ARRAY(s->arena, const dn_cuda_kernel *, code->n_modules + 1);
    for (int i = 0; i < code->n_modules && !s->wrong; i++)
        move_kernels(s, &tables[i], code->n_kernels);
    code->kernels = tables;
}

// ---- what was read ---------------------------------------------------------------------------

// Whether every launch of an entry has a kernel in every module.
static bool launches_hold(const dn_cuda_code *code, const dn_native_entry *entry) {
    for (int i = 0; i < entry->n_launches; i++) {
        const dn_native_launch *launch = &entry->launches[i];
        int kernel = launch->kind == DN_LAUNCH_RANDOM
                         ? code->n_kernels + dn_cuda_random(launch->dtype, launch->normal)
                         : launch->kernel;
        for (int m = 0; m < code->n_modules; m++) {
            const dn_cuda_kernel *k = &code->kernels[m][kernel];
            if (!k->symbol || k->block < 1) return false;
        }
    }
    return true;
}

static const char *wrong_code(const dn_program *program, const dn_cuda_code *code) {
    dn_program_image image = {
        .program = *program, .code = code->entries, .n_kernels = code->n_kernels, .n_sources = 1};
    if (code->n_entries != program->n_entries) return "the code of entries";
    const char *wrong = dn_program_check(&image);
    if (wrong) return wrong;
    for (int i = 0; i < code->n_entries; i++)
        if (!launches_hold(code, &code->entries[i])) return "a kernel";
    return code->n_modules >= 1 ? NULL : "its modules";
}

// ---- the whole -------------------------------------------------------------------------------

dn_status dn_cuda_image_encode(const dn_cuda_code *code, char **bytes, size_t *size) {
    dn_stream s = dn_stream_write();
    dn_cuda_code written = *code;
    move_code(&s, &written);
    return dn_stream_end(&s, magic, bytes, size);
}

dn_status dn_cuda_image_decode(dn_arena *arena, const void *bytes, size_t size,
                               const dn_program *program, dn_cuda_code *out) {
    dn_stream s;
    DN_TRY(dn_stream_read(arena, magic, what, bytes, size, &s));
    *out = (dn_cuda_code){0};
    move_code(&s, out);
    DN_TRY(dn_stream_done(&s, what));
    const char *wrong = wrong_code(program, out);
    return wrong ? dn_image_damaged(what, wrong) : DN_SUCCESS;
}
