// The main function of a compiled program. The linker takes it from the runtime's library, where
// the program's image and kernels are what is missing: see driver/link.c.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "runtime/cuda/linked.h"
#include "runtime/cuda/measure.h"
#include "runtime/host/replay.h"
#include "runtime/host/vm.h"
#include "runtime/host/watch.h"
#include "runtime/native/linked.h"
#include "runtime/native/profile.h"

enum { EXIT_START = 1 };

typedef struct machine {
    const dn_program *program;
    int threads;
    dn_native_kernel *const *kernels;
    dn_pool *pool;  // made when something is run
    dn_native_runner *runner;
    dn_cuda_code code;
    dn_cuda *cuda;             // NULL: the processor computes
    dn_profile *profile;       // NULL: nobody asks
    const char *name, *flags;  // what the program is called, and was compiled with
} machine;

// What stands before the command.
typedef struct asked {
    bool profile;
    bool check_nan;
    const char *trace;  // a file, or NULL
} asked;

// ---- the processor ---------------------------------------------------------------------------

static dn_status start(machine *m) {
    if (!m->pool) DN_TRY(dn_pool_new(m->threads, &m->pool));
    return m->runner ? DN_SUCCESS : dn_native_runner_new(m->pool, &m->runner);
}

static dn_status run_here(machine *m, const dn_native_call *call) {
    const dn_native_entry *code = call->entry->code;
    DN_TRY(start(m));
    if (m->profile) return dn_profile_run(m->profile, m->runner, code, m->kernels, call, NULL);
    return dn_native_run(m->runner, code, m->kernels, call, NULL);
}

static void set_threads(void *context, int count) { ((machine *)context)->threads = count; }

// ---- a GPU -----------------------------------------------------------------------------------

static dn_status run_on_device(machine *m, const dn_native_call *call) {
    if (!m->profile) return dn_cuda_run(m->cuda, call);
    return dn_cuda_run_profiled(m->cuda, m->profile, call->entry, call);
}

static bool has_x86(void) {
    for (int isa = 0; isa < DN_ISA_COUNT; isa++)
        if (dn_linked_has((dn_isa)isa)) return true;
    return false;
}

// What to do about a GPU that cannot be used.
static dn_status without_device(dn_status status) {
    if (!status || dn_status_hint(status)) return status;
    if (has_x86()) return dn_with_hint(status, "--device=cpu runs it on the processor");
    return dn_with_hint(
        status, "compiled with `-target x86,cuda` it can run on the processor, by --device=cpu");
}

static dn_status unknown_device(const char *name) {
    return dn_with_hint(
        dn_fail(DN_INVALID, "--device is cpu, cuda or the number of a GPU, not %s", name),
        "numbers are those that CUDA gives, from 0");
}

static dn_status use_cpu(machine *m) {
    if (!has_x86())
        return dn_with_hint(dn_fail(DN_UNSUPPORTED, "the program was compiled for CUDA alone"),
                            "compile it with `-target x86,cuda`");
    return dn_linked_kernels(&m->kernels);
}

static dn_status use_device(void *context, const char *name) {
    machine *m = context;
    if (name && strcmp(name, "cpu") == 0) return use_cpu(m);
    int number;
    if (!dn_cuda_device_number(name, &number)) return unknown_device(name);
    return without_device(dn_cuda_open(m->program, &m->code, number, &m->cuda));
}

// ---- the executor ----------------------------------------------------------------------------

static dn_status run_entry(void *context, const dn_entry *entry, dn_tensor *const *inputs,
                           dn_tensor **vars, dn_tensor **outputs, uint64_t seed, uint64_t step) {
    machine *m = context;
    dn_native_call call = {entry, inputs, vars, outputs, seed, step};
    return m->cuda ? run_on_device(m, &call) : run_here(m, &call);
}

// Which results are not finite; dnet can tell the operation, because it has the interpreter.
static dn_status explain_nan(void *context, const dn_native_call *given,
                             const dn_native_call *made) {
    static const char file[] = "nan.safetensors";
    const machine *m = context;
    const char *source = m->program->source, *defines = strstr(m->flags, " -D ");
    char *how =
        dn_printf("`dnet --replay %s%s %s` names the operation (`%s --source` prints the program)",
                  file, defines ? defines : "", source, m->name);
    dn_status status =
        dn_replay_attach(dn_watch_tell(m->program, made), m->program, given, file, how);
    free(how);
    return status;
}

static dn_status run_checked(void *context, const dn_entry *entry, dn_tensor *const *inputs,
                             dn_tensor **vars, dn_tensor **outputs, uint64_t seed, uint64_t step) {
    dn_watch watch = {.inner = {.context = context, .run = run_entry},
                      .context = context,
                      .explain = explain_nan};
    dn_native_call call = {entry, inputs, vars, outputs, seed, step};
    return dn_watch_run(&watch, &call);
}

static void waits_for_data(void *context, bool begins) {
    machine *m = context;
    if (m->profile) dn_profile_mark(m->profile, DN_PROFILE_DATA, begins);
}

// ---- what the program tells about itself -----------------------------------------------------

static void print_version(const dn_program_image *image, const dn_cuda_code *cuda) {
    printf("%s, compiled by %s\n", image->program.name, image->compiler);
    printf("  flags: %s\n", *image->flags ? image->flags : "none");
    if (has_x86()) fputs("  instruction sets:", stdout);
    for (int isa = 0; isa < DN_ISA_COUNT; isa++)
        if (dn_linked_has((dn_isa)isa)) printf(" %s", dn_isa_name((dn_isa)isa));
    if (has_x86()) putchar('\n');
    if (cuda->n_modules) fputs("  CUDA:", stdout);
    for (int i = 0; i < cuda->n_modules; i++)
        printf(" sm_%d%s%s", cuda->modules[i].sm, cuda->modules[i].specific ? "a" : "",
               cuda->modules[i].cubin ? " (PTX and machine code)" : "");
    if (cuda->n_modules) putchar('\n');
}

// The main file, and those that it imports, each below its name.
static void print_source(const dn_program_image *image) {
    for (int i = 0; i < image->n_sources; i++) {
        if (i) printf("\n// ---- %s ----\n", image->sources[i].path);
        fputs(image->sources[i].text, stdout);
    }
}

static bool asks_for_help(int argc, char **argv) {
    return argc == 1 ||
           (argc == 2 && (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0));
}

static int complain(const char *name, dn_status status, int code) {
    if (!status) return code;
    fprintf(stderr, "%s: error: %s\n", name, dn_status_message(status));
    if (dn_status_hint(status)) fprintf(stderr, "hint: %s\n", dn_status_hint(status));
    dn_status_free(status);
    return code ? code : EXIT_START;
}

static int print_profile(machine *m, const char *name, int code) {
    if (!m->cuda)
        return complain(name, dn_profile_print(m->profile, m->pool, m->runner, stderr), code);
    dn_cuda_print_profile(m->cuda, m->profile, stderr);
    return code;
}

// ---- the whole -------------------------------------------------------------------------------

// Takes --profile, --trace=FILE and --check-nan out of the arguments before the command.
static asked read_asked(int *argc, char **argv) {
    asked a = {0};
    int taken = 0;
    for (int i = 1; i < *argc; i++, taken++) {
        if (strcmp(argv[i], "--profile") == 0)
            a.profile = true;
        else if (strcmp(argv[i], "--check-nan") == 0)
            a.check_nan = true;
        else if (strncmp(argv[i], "--trace=", 8) == 0)
            a.trace = argv[i] + 8;
        else
            break;
    }
    for (int i = 1 + taken; i <= *argc; i++) argv[i - taken] = argv[i];
    *argc -= taken;
    return a;
}

static int run_watched(machine *m, const asked *a, int argc, char **argv) {
    bool cuda = m->code.n_modules > 0;
    dn_executor executor = {.context = m,
                            .defers = cuda,
                            .run = a->check_nan ? run_checked : run_entry,
                            .use = cuda ? use_device : NULL,
                            .waits = waits_for_data};
    if (a->profile || a->trace) {
        dn_status status = dn_profile_new(m->program, a->trace, &m->profile);
        if (status) return complain(argv[0], status, EXIT_START);
    }
    int code = dn_program_main(m->program, &executor, set_threads, argc, argv);
    if (a->profile) code = print_profile(m, argv[0], code);
    if (a->trace) code = complain(argv[0], dn_profile_end_trace(m->profile), code);
    dn_profile_free(m->profile);
    return code;
}

static int run_program(const dn_program_image *image, const dn_cuda_code *cuda, int argc,
                       char **argv) {
    if (argc == 2 && strcmp(argv[1], "--version") == 0) return print_version(image, cuda), 0;
    if (argc == 2 && strcmp(argv[1], "--source") == 0) return print_source(image), 0;
    machine m = {.program = &image->program, .code = *cuda, .name = argv[0], .flags = image->flags};
    asked a = read_asked(&argc, argv);
    // A program with CUDA code is told later which device to use.
    dn_status status = cuda->n_modules ? DN_SUCCESS : dn_linked_kernels(&m.kernels);
    if (status) return complain(argv[0], status, EXIT_START);
    int code = run_watched(&m, &a, argc, argv);
    if (asks_for_help(argc, argv))
        printf(
            "`%s --version` tells how it was compiled, `%s --source` from what;\n"
            "`%s --profile COMMAND` where its time goes (--trace=FILE: as a Chrome trace),\n"
            "`%s --check-nan COMMAND` stops at the first NaN or infinity.\n",
            argv[0], argv[0], argv[0], argv[0]);
    dn_cuda_close(m.cuda);
    dn_native_runner_free(m.runner);
    dn_pool_free(m.pool);
    return code;
}

int main(int argc, char **argv) {
    dn_arena arena = {0};
    dn_program_image image;
    dn_cuda_code cuda = {0};
    dn_status status = dn_linked_program(&arena, &image);
    if (!status && dn_linked_has_cuda()) status = dn_linked_cuda(&arena, &image.program, &cuda);
    int code =
        status ? complain(argv[0], status, EXIT_START) : run_program(&image, &cuda, argc, argv);
    dn_arena_free(&arena);
    return code;
}
