// The main function of a compiled program. The linker takes it from the runtime's library, where
// the program's image and kernels are what is missing: see driver/link.c.
#include <stdio.h>
#include <string.h>

#include "runtime/host/vm.h"
#include "runtime/native/linked.h"

enum { EXIT_START = 1 };

typedef struct machine {
    dn_native_kernel *const *kernels;
    dn_pool *pool;  // made when something is run
    dn_native_runner *runner;
    int threads;
} machine;

static dn_status start(machine *m) {
    if (!m->pool) DN_TRY(dn_pool_new(m->threads, &m->pool));
    return m->runner ? DN_SUCCESS : dn_native_runner_new(m->pool, &m->runner);
}

static dn_status run_entry(void *context, const dn_entry *entry, dn_tensor *const *inputs,
                           dn_tensor **vars, dn_tensor **outputs, uint64_t seed, uint64_t step) {
    machine *m = context;
    DN_TRY(start(m));
    return dn_native_run(m->runner, entry->code, m->kernels,
                         &(dn_native_call){entry, inputs, vars, outputs, seed, step}, NULL);
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

static int run_program(const dn_program_image *image, int argc, char **argv) {
    if (argc == 2 && strcmp(argv[1], "--version") == 0) return print_version(image), 0;
    if (argc == 2 && strcmp(argv[1], "--source") == 0) return print_source(image), 0;
    machine m = {0};
    dn_status status = dn_linked_kernels(&m.kernels);
    if (status) {
        fprintf(stderr, "%s: error: %s\n", argv[0], dn_status_message(status));
        if (dn_status_hint(status)) fprintf(stderr, "hint: %s\n", dn_status_hint(status));
        dn_status_free(status);
        return EXIT_START;
    }
    dn_executor executor = {.context = &m, .run = run_entry};
    int code = dn_program_main(&image->program, &executor, set_threads, argc, argv);
    if (asks_for_help(argc, argv))
        printf("`%s --version` tells how it was compiled, `%s --source` from what.\n", argv[0],
               argv[0]);
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
