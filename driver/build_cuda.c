#include "driver/build_cuda.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "codegen/cuda.h"
#include "driver/toolchain.h"

// ---- PTX ----

static dn_native_options native_options(const dn_options *options) {
    return (dn_native_options){.level = options->level, .lines = options->lines};
}

dn_status dn_cuda_build_lower(dn_compiler *compiler, const dn_options *options,
                              const dn_exports *exports, dn_cuda_build *out) {
    dn_native_options o = native_options(options);
    *out = (dn_cuda_build){0};
    if (exports)
        return dn_lower_units(compiler, &dn_nvptx_target, exports->units,
                              exports->program.n_entries, &o, &out->lowered);
    return dn_lower_all(compiler, &dn_nvptx_target, &o, &out->lowered);
}

// Places of kernels, for -g, are the compiler's.
static dn_native_options placed_options(dn_compiler *compiler, const dn_options *options,
                                        dn_places *places) {
    dn_native_options o = native_options(options);
    *places = dn_compiler_places(compiler);
    o.place = places->place;
    o.place_context = places->context;
    o.main_file = compiler->main_file;
    return o;
}

static dn_status add_module(dn_cuda_build *b, const dn_options *options,
                            const dn_native_options *o) {
    const dn_nvptx *target = &options->cuda[b->n];
    dn_native_code *code = b->lowered.code;
    char *text;
    size_t size;
    b->kernels[b->n] = dn_xcalloc((size_t)(code->n_kernels + DN_CUDA_RANDOMS), sizeof **b->kernels);
    dn_cuda_module *module = &b->modules[b->n++];
    *module = (dn_cuda_module){.sm = target->sm, .specific = target->specific};
    DN_TRY(dn_cuda_emit(code, o, target, DN_FORM_ASSEMBLY, b->kernels[b->n - 1], &text, &size));
    module->ptx = text;
    module->ptx_bytes = size;
    if (!options->cubin) return DN_SUCCESS;
    char *cubin;
    DN_TRY(dn_cuda_build_cubin(b, b->n - 1, options, &cubin, &module->cubin_bytes));
    module->cubin = cubin;
    return DN_SUCCESS;
}

dn_status dn_cuda_build_code(dn_compiler *compiler, const dn_options *options, dn_cuda_build *b) {
    dn_places places;
    dn_native_options o = placed_options(compiler, options, &places);
    b->modules = dn_xcalloc((size_t)options->n_cuda, sizeof *b->modules);
    b->kernels = dn_xcalloc((size_t)options->n_cuda, sizeof *b->kernels);
    for (int i = 0; i < options->n_cuda; i++) DN_TRY(add_module(b, options, &o));
    b->code = (dn_cuda_code){.entries = b->lowered.code->entries,
                             .n_entries = b->lowered.code->n_entries,
                             .modules = b->modules,
                             .n_modules = b->n,
                             .kernels = (const dn_cuda_kernel *const *)b->kernels,
                             .n_kernels = b->lowered.code->n_kernels,
                             .units = options->cuda[0].units};
    return DN_SUCCESS;
}

void dn_cuda_build_free(dn_cuda_build *b) {
    for (int i = 0; i < b->n; i++) {
        free((char *)b->modules[i].ptx);
        free((void *)b->modules[i].cubin);
        free(b->kernels[i]);
    }
    free(b->modules);
    free(b->kernels);
    dn_lowered_free(&b->lowered);
}

dn_status dn_cuda_build_print(dn_compiler *compiler, dn_cuda_build *b, const dn_options *options,
                              dn_native_form form, FILE *to) {
    dn_places places;
    dn_native_options o = placed_options(compiler, options, &places);
    for (int i = 0; i < options->n_cuda; i++) {
        char *text;
        size_t size;
        DN_TRY(dn_cuda_emit(b->lowered.code, &o, &options->cuda[i], form, NULL, &text, &size));
        fwrite(text, 1, size, to);
        free(text);
    }
    return DN_SUCCESS;
}

// ---- cubins ----

// ptxas as CUDA's installer puts it there, or in the PATH.
static char *find_ptxas(void) {
    const char *const homes[] = {getenv("CUDA_HOME"), getenv("CUDA_PATH"), "/usr/local/cuda"};
    for (size_t i = 0; i < sizeof homes / sizeof *homes; i++) {
        if (!homes[i] || !*homes[i]) continue;
        char *path = dn_printf("%s/bin/ptxas", homes[i]);
        if (access(path, X_OK) == 0) return path;
        free(path);
    }
    return dn_strdup("ptxas");
}

static dn_status assemble(dn_workplace *w, const dn_cuda_module *module, const char *arch,
                          const dn_options *options, char **cubin, size_t *size) {
    const char *out = dn_workplace_path(w, "kernels.cubin");
    dn_arguments a = {0};
    char *ptxas = find_ptxas();
    DN_TRY(dn_workplace_write(w, "kernels.ptx", module->ptx, module->ptx_bytes));
    dn_argument(&a, "%s", ptxas);
    free(ptxas);
    dn_argument(&a, "-arch=%s", arch);
    dn_argument(&a, "-O%d", options->level == 0 ? 0 : 3);
    dn_argument(&a, "%s", w->files[w->n_files - 1]);
    dn_argument(&a, "-o");
    dn_argument(&a, "%s", out);
    DN_TRY(dn_run_tool(w, &a, "the kernels"));
    return dn_read_file(out, cubin, size);
}

dn_status dn_cuda_build_cubin(const dn_cuda_build *b, int index, const dn_options *options,
                              char **cubin, size_t *size) {
    dn_workplace w;
    dn_status status = dn_workplace_open(&w, NULL);
    if (!status)
        status = assemble(&w, &b->modules[index], dn_nvptx_processor(&options->cuda[index]),
                          options, cubin, size);
    dn_workplace_close(&w);
    return status;
}
