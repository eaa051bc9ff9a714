// The main function of a compiled program. The linker takes it from the runtime's library, where
// the program's image and kernels are what is missing: see driver/link.c.
#include <stdio.h>
#include <string.h>

#include "runtime/host/vm.h"
#include "runtime/native/linked.h"
#include "runtime/native/profile.h"

enum { EXIT_START = 1 };

typedef struct machine {
    dn_native_kernel *const *kernels;
    dn_pool *pool;  // made when something is run
    dn_native_runner *runner;
    int threads;
    dn_profile *profile;  // NULL: nobody asks
} machine;

// What stands before the command.
typedef struct asked {
    bool profile;
    const char *trace;  // a file, or NULL
} asked;

static dn_status start(machine *m) {
    if (!m->pool) DN_TRY(dn_pool_new(m->threads, &m->pool));
    return m->runner ? DN_SUCCESS : dn_native_runner_new(m->pool, &m->runner);
}

static dn_status run_entry(void *context, const dn_entry *entry, dn_tensor *const *inputs,
                           dn_tensor **vars, dn_tensor **outputs, uint64_t seed, uint64_t step) {
    machine *m = context;
    dn_native_call call = {entry, inputs, vars, outputs, seed, step};
    DN_TRY(start(m));
    if (m->profile)
        return dn_profile_run(m->profile, m->runner, entry->code, m->kernels, &call, NULL);
    return dn_native_run(m->runner, entry->code, m->kernels, &call, NULL);
}

static void waits_for_data(void *context, bool begins) {
    machine *m = context;
    if (m->profile) dn_profile_mark(m->profile, DN_PROFILE_DATA, begins);
}

static void set_threads(void *context, int count) { ((machine *)context)->threads = count; }

// ---- what the program tells about itself ----

static void print_version(const dn_program_image *image) {
    printf("%s, compiled by %s\n", image->program.name, image->compiler);
    printf("  flags: %s\n", *image->flags ? image->flags : "none");
    fputs("  instruction sets:", stdout);
    for (int isa = 0; isa < DN_ISA_COUNT; isa++)
        if (dn_linked_has((dn_isa)isa)) printf(" %s", dn_isa_name((dn_isa)isa));
    putchar('\n');
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

// Takes --profile and --trace=FILE out of the arguments before the command.
static asked read_asked(int *argc, char **argv) {
    asked a = {0};
    int taken = 0;
    for (int i = 1; i < *argc; i++, taken++) {
        if (strcmp(argv[i], "--profile") == 0)
            a.profile = true;
        else if (strncmp(argv[i], "--trace=", 8) == 0)
            a.trace = argv[i] + 8;
        else
            break;
    }
    for (int i = 1 + taken; i <= *argc; i++) argv[i - taken] = argv[i];
    *argc -= taken;
    return a;
}

static int run_watched(const dn_program_image *image, machine *m, const asked *a, int argc,
                       char **argv) {
    dn_executor executor = {.context = m, .run = run_entry, .waits = waits_for_data};
    if (a->profile || a->trace) {
        dn_status status = dn_profile_new(&image->program, a->trace, &m->profile);
        if (status) return complain(argv[0], status, EXIT_START);
    }
    int code = dn_program_main(&image->program, &executor, set_threads, argc, argv);
    if (a->profile)
        code = complain(argv[0], dn_profile_print(m->profile, m->pool, m->runner, stderr), code);
    if (a->trace) code = complain(argv[0], dn_profile_end_trace(m->profile), code);
    dn_profile_free(m->profile);
    return code;
}

static int run_program(const dn_program_image *image, int argc, char **argv) {
    if (argc == 2 && strcmp(argv[1], "--version") == 0) return print_version(image), 0;
    if (argc == 2 && strcmp(argv[1], "--source") == 0) return print_source(image), 0;
    machine m = {0};
    asked a = read_asked(&argc, argv);
    dn_status status = dn_linked_kernels(&m.kernels);
    if (status) return complain(argv[0], status, EXIT_START);
    int code = run_watched(image, &m, &a, argc, argv);
    if (asks_for_help(argc, argv))
        printf(
            "`%s --version` tells how it was compiled, `%s --source` from what;\n"
            "`%s --profile COMMAND` where its time goes (--trace=FILE: as a Chrome trace).\n",
            argv[0], argv[0], argv[0]);
    dn_native_runner_free(m.runner);
    dn_pool_free(m.pool);
    return code;
}

int main(int argc, char **argv) {
    dn_arena arena = {0};
    dn_program_image image;
    dn_status status = dn_linked_program(&arena, &image);
    int code = EXIT_START;
    if (status)
        fprintf(stderr, "%s: error: %s\n", argv[0], dn_status_message(status));
    else
        code = run_program(&image, argc, argv);
    dn_status_free(status);
    dn_arena_free(&arena);
    return code;
}
