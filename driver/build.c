#include "driver/build.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "codegen/x86/x86.h"
#include "driver/build_cuda.h"
#include "driver/c_library.h"
#include "driver/link.h"
#include "driver/lower.h"
#include "runtime/base/replace.h"

// ---- machine code ----

// One instruction set's kernels, made in a thread of its own.
typedef struct emission {
    const dn_native_code *code;
    const dn_native_options *options;
    dn_isa isa;
    dn_native_form form;
    char *bytes;
    size_t size;
    dn_status status;
} emission;

static void *emit(void *arg) {
    emission *e = arg;
    e->status = dn_native_emit(e->code, e->options, e->isa, e->form, &e->bytes, &e->size);
    return NULL;
}

// All instruction sets that the options ask for; returns how many. The bytes are the caller's.
static dn_status emit_all(const dn_native_code *code, const dn_native_options *options,
                          dn_native_form form, emission out[DN_ISA_COUNT], int *n) {
    pthread_t threads[DN_ISA_COUNT];
    bool started[DN_ISA_COUNT] = {false};
    *n = 0;
    for (int isa = 0; isa < DN_ISA_COUNT; isa++)
        if (dn_native_makes(code, options, (dn_isa)isa))
            out[(*n)++] =
                (emission){.code = code, .options = options, .isa = (dn_isa)isa, .form = form};
    for (int i = 1; i < *n; i++) started[i] = pthread_create(&threads[i], NULL, emit, &out[i]) == 0;
    for (int i = 0; i < *n; i++)
        if (!started[i]) emit(&out[i]);
    dn_status status = DN_SUCCESS;
    for (int i = 0; i < *n; i++) {
        if (started[i]) pthread_join(threads[i], NULL);
        if (!status)
            status = out[i].status;
        else if (out[i].status)
            dn_status_free(out[i].status);
    }
    return status;
}

static dn_native_options native_options(const dn_options *options) {
    dn_native_options o = {.level = options->level, .lines = options->lines};
    for (int isa = 0; isa < DN_ISA_COUNT; isa++)
        o.isa[isa] = !options->march || options->isa == (dn_isa)isa;
    return o;
}

// ---- text ----

static void print_kernels(dn_compiler *c, const dn_lowered *lowered) {
    dn_places places = dn_compiler_places(c);
    for (int i = 0; i < lowered->n; i++) {
        if (c->units[i].is_init) continue;
        dn_str text = {0};
        dn_kernels_print_at(lowered->kernels[i], &places, &text);
        printf("%s\n", text.text);
        free(text.text);
    }
}

static dn_status print_code(const dn_lowered *lowered, const dn_native_options *o,
                            dn_native_form form, FILE *to) {
    emission made[DN_ISA_COUNT];
    int n;
    dn_status status = emit_all(lowered->code, o, form, made, &n);
    for (int i = 0; i < n; i++) {
        if (!status) fwrite(made[i].bytes, 1, made[i].size, to);
        free(made[i].bytes);
    }
    return status;
}

// The text forms of what x86 and GPUs share, kernels and LLVM's, are shown for x86 if both are
// asked for.
static dn_status emit_x86(dn_compiler *c, const dn_options *options) {
    dn_native_options o = native_options(options);
    dn_lowered lowered = {0};
    dn_status status = dn_lower_all(c, &dn_x86_target, &o, &lowered);
    if (!status && strcmp(options->emit, "kernel") == 0)
        print_kernels(c, &lowered);
    else if (!status)
        status = print_code(&lowered, &o,
                            strcmp(options->emit, "llvm") == 0 ? DN_FORM_LLVM : DN_FORM_ASSEMBLY,
                            stdout);
    dn_lowered_free(&lowered);
    return status;
}

static dn_status print_cubin(dn_compiler *c, const dn_options *options, dn_cuda_build *build) {
    char *cubin;
    size_t size;
    DN_TRY(dn_cuda_build_code(c, options, build));
    DN_TRY(dn_cuda_build_cubin(build, 0, options, &cubin, &size));
    fwrite(cubin, 1, size, stdout);
    free(cubin);
    return DN_SUCCESS;
}

static dn_status emit_cuda(dn_compiler *c, const dn_options *options) {
    dn_cuda_build build;
    dn_status status = dn_cuda_build_lower(c, options, NULL, &build);
    if (!status && strcmp(options->emit, "kernel") == 0)
        print_kernels(c, &build.lowered);
    else if (!status && strcmp(options->emit, "cubin") == 0)
        status = print_cubin(c, options, &build);
    else if (!status)
        status = dn_cuda_build_print(
            c, &build, options,
            strcmp(options->emit, "llvm") == 0 ? DN_FORM_LLVM : DN_FORM_ASSEMBLY, stdout);
    dn_cuda_build_free(&build);
    return status;
}

dn_status dn_build_emit(dn_compiler *c, const dn_options *options) {
    bool is_cuda = strcmp(options->emit, "ptx") == 0 || strcmp(options->emit, "cubin") == 0;
    return is_cuda || !options->x86 ? emit_cuda(c, options) : emit_x86(c, options);
}

// ---- files ----

// What was asked for, for --version: the options that change the program. Definitions come last:
// what --check-nan of the program says to call dnet with is from there on.
static char *flags_of(const dn_options *options) {
    dn_str flags = {0};
    dn_str_printf(&flags, "-O%d", options->level);
    if (options->lines) dn_str_puts(&flags, " -g");
    if (options->march) dn_str_printf(&flags, " -march=%s", options->march);
    if (options->target) dn_str_printf(&flags, " -target %s", options->target);
    if (options->precision) dn_str_printf(&flags, " --precision=%s", options->precision);
    if (options->max_memory) dn_str_printf(&flags, " --max-memory=%s", options->max_memory);
    for (int i = 0; i < options->n_defines; i++)
        dn_str_printf(&flags, " -D %s", options->defines[i]);
    return dn_str_take(&flags);
}

// The program's own files, the main one first; what -D defines is among the flags.
static dn_program_source *sources_of(const dn_compiler *c, int *n) {
    dn_program_source *list = dn_xcalloc((size_t)c->sources.count + 1, sizeof *list);
    *n = 0;
    for (int pass = 0; pass < 2; pass++)
        for (int i = 1; i < c->sources.count; i++) {
            const dn_source *file = &c->sources.files[i];
            bool is_main = (uint32_t)i == c->main_file;
            bool own = !file->is_library && strcmp(file->path, "-D") != 0;
            if (own && is_main == (pass == 0))
                list[(*n)++] = (dn_program_source){file->path, file->text};
        }
    return list;
}

static dn_status write_assembly(dn_compiler *c, const dn_options *options) {
    dn_replace replace;
    DN_TRY(dn_replace_open(&replace, options->output));
    dn_native_options o = native_options(options);
    dn_lowered x86 = {0};
    dn_cuda_build cuda = {0};
    dn_status status = DN_SUCCESS;
    if (options->x86) {
        status = dn_lower_all(c, &dn_x86_target, &o, &x86);
        if (!status) status = print_code(&x86, &o, DN_FORM_ASSEMBLY, replace.file);
    }
    if (options->n_cuda && !status) {
        status = dn_cuda_build_lower(c, options, NULL, &cuda);
        if (!status)
            status = dn_cuda_build_print(c, &cuda, options, DN_FORM_ASSEMBLY, replace.file);
    }
    dn_lowered_free(&x86);
    dn_cuda_build_free(&cuda);
    return dn_replace_close(&replace, status, false);
}

// ---- code for all targets ----

// What was made of entries: for x86, as many objects as there are instruction sets, for GPUs, or
// for both.
typedef struct compiled {
    dn_lowered x86;
    emission made[DN_ISA_COUNT];
    dn_object objects[DN_ISA_COUNT];
    int n;
    dn_native_entry *none;  // the entries' x86 code where there is none
    dn_cuda_build cuda;
    bool has_cuda;
} compiled;

// Of a library's exports; NULL: of the whole program.
static dn_status make_x86(dn_compiler *c, const dn_options *options, const dn_exports *exports,
                          compiled *out) {
    dn_native_options o = native_options(options);
    o.keep_constants = exports != NULL;
    if (exports)
        DN_TRY(dn_lower_units(c, &dn_x86_target, exports->units, exports->program.n_entries, &o,
                              &out->x86));
    else
        DN_TRY(dn_lower_all(c, &dn_x86_target, &o, &out->x86));
    return emit_all(out->x86.code, &o, DN_FORM_OBJECT, out->made, &out->n);
}

static dn_status make_code(dn_compiler *c, const dn_options *options, const dn_exports *exports,
                           compiled *out) {
    *out = (compiled){.has_cuda = options->n_cuda > 0};
    if (options->x86) DN_TRY(make_x86(c, options, exports, out));
    if (!out->has_cuda) return DN_SUCCESS;
    DN_TRY(dn_cuda_build_lower(c, options, exports, &out->cuda));
    return dn_cuda_build_code(c, options, &out->cuda);
}

static void free_code(compiled *made) {
    for (int i = 0; i < made->n; i++) free(made->made[i].bytes);
    free(made->none);
    dn_lowered_free(&made->x86);
    dn_cuda_build_free(&made->cuda);
}

// What goes into a program or library. It refers to all of its arguments.
static dn_link link_of(const dn_options *options, compiled *made, dn_program_image *image) {
    int n = image->program.n_entries;
    made->none = dn_xcalloc((size_t)n + 1, sizeof *made->none);
    for (int i = 0; i < n; i++) made->none[i].names = "";
    image->code = options->x86 ? made->x86.code->entries : made->none;
    image->n_kernels = options->x86 ? made->x86.code->n_kernels : 0;
    for (int i = 0; i < made->n; i++)
        made->objects[i] = (dn_object){made->made[i].bytes, made->made[i].size};
    return (dn_link){.output = options->output,
                     .image = image,
                     .objects = made->objects,
                     .n_objects = made->n,
                     .cuda = made->has_cuda ? &made->cuda.code : NULL,
                     .symbols = options->lines};
}

// ---- programs ----

static dn_status link_program(dn_compiler *c, const dn_options *options, compiled *made) {
    dn_program_image image = {.program = *dn_compiler_program(c), .compiler = "dnet " DN_VERSION};
    dn_program_source *sources = sources_of(c, &image.n_sources);
    char *flags = flags_of(options);
    image.sources = sources;
    image.flags = flags;
    dn_link link = link_of(options, made, &image);
    dn_status status =
        options->form == DN_OUTPUT_OBJECT ? dn_link_object(&link) : dn_link_executable(&link);
    free(sources);
    free(flags);
    return status;
}

static dn_status build_program(dn_compiler *c, const dn_options *options) {
    compiled made;
    dn_status status = make_code(c, options, NULL, &made);
    if (!status) status = link_program(c, options, &made);
    free_code(&made);
    return status;
}

// ---- libraries ----

static dn_status link_library(const dn_link *link, dn_c_library *library, bool shared) {
    char **symbols = dn_c_symbols(library);
    char *header = dn_c_header(library), *code = dn_c_code(library);
    char *pkg_config = dn_c_pkg_config(library);
    dn_library l = {.shared = shared,
                    .name = library->name,
                    .header = header,
                    .code = code,
                    .pkg_config = pkg_config,
                    .symbols = symbols};
    dn_status status = dn_link_library(link, &l);
    for (int i = 0; symbols[i]; i++) free(symbols[i]);
    free(symbols);
    free(header);
    free(code);
    free(pkg_config);
    return status;
}

// The exported functions' kernels and entries; the source stays here.
static dn_status make_library(const dn_options *options, compiled *made, dn_c_library *library) {
    const dn_program *program = &library->exports->program;
    dn_program_source source = {program->source, ""};
    char *flags = flags_of(options);
    dn_program_image image = {.program = *program,
                              .sources = &source,
                              .n_sources = 1,
                              .compiler = "dnet " DN_VERSION,
                              .flags = flags};
    dn_link link = link_of(options, made, &image);
    library->version =
        dn_printf("%s, compiled by %s with %s", program->source, image.compiler, flags);
    dn_status status = link_library(&link, library, options->form == DN_OUTPUT_SHARED);
    free(library->version);
    free(flags);
    return status;
}

static dn_status build_exports(dn_compiler *c, const dn_options *options, dn_c_library *library) {
    compiled made;
    dn_status status = make_code(c, options, library->exports, &made);
    if (!status) status = make_library(options, &made, library);
    free_code(&made);
    return status;
}

static dn_status build_library(dn_compiler *c, const dn_options *options) {
    dn_exports exports;
    dn_c_library library = {.exports = &exports, .x86 = options->x86, .cuda = options->n_cuda > 0};
    DN_TRY(dn_c_library_name(options->output, &library.name));
    dn_status status = dn_exports_of(c, &exports);
    if (!status) status = build_exports(c, options, &library);
    dn_exports_free(&exports);
    free(library.name);
    return status;
}

// ---- the whole ----

dn_status dn_build_output(dn_compiler *c, const dn_options *options) {
    switch (options->form) {
        case DN_OUTPUT_SHARED:
        case DN_OUTPUT_STATIC: return build_library(c, options);
        case DN_OUTPUT_ASSEMBLY: return write_assembly(c, options);
        default: return build_program(c, options);
    }
}
