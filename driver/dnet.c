// dnet: runs the commands of a program, or reads from the terminal.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "driver/execute.h"
#include "driver/options.h"
#include "driver/prompt.h"

static void help(void) {
    printf(
        "usage: dnet [options] FILE.dnet COMMAND [--flag value ...]\n"
        "       dnet FILE.dnet --help       the commands of a program\n"
        "       dnet                        reads definitions and expressions\n\n"
        "Options, before the file:\n%s"
        "  --backend x86|interp     machine code (the default), or the interpreter\n\n"
        "Exit codes: 0 fine, 1 an error in the program or while it ran, 2 wrong use,\n"
        "70 a bug in dnet, 130 interrupted.\n",
        dn_options_help);
}

static int run_prompt(const dn_options *options) {
    dn_compiler *c = dn_options_compiler(options);
    if (!c) return DN_EXIT_USAGE;
    int code = dn_prompt_run(c, options, stdin, isatty(STDIN_FILENO));
    dn_compiler_free(c);
    return code;
}

// argv of the program: its own name for messages, then the command and its flags.
static int run_file(const dn_options *options, int argc, char **argv) {
    dn_compiler *c = dn_options_compiler(options);
    if (!c) return DN_EXIT_USAGE;
    bool ok = dn_compiler_load(c, options->file, NULL);
    ok = dn_compiler_check(c) && ok;
    dn_diags_flush(&c->diags, stderr);
    int code = DN_EXIT_ERRORS;
    if (ok) {
        dn_backend backend = {.compiler = c, .kind = options->backend, .level = options->level};
        dn_executor executor = dn_backend_executor(&backend);
        char *name = dn_printf("%s %s", argv[0], options->file);
        char **rest = dn_xcalloc((size_t)(argc - options->rest + 2), sizeof *rest);
        rest[0] = name;
        for (int i = options->rest; i < argc; i++) rest[i - options->rest + 1] = argv[i];
        code = dn_program_main(dn_compiler_program(c), &executor, dn_backend_threads,
                               argc - options->rest + 1, rest);
        free(rest);
        free(name);
        dn_backend_free(&backend);
    }
    dn_compiler_free(c);
    return code;
}

int main(int argc, char **argv) {
    if (argc > 1 && (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0)) {
        help();
        return DN_EXIT_OK;
    }
    dn_options options;
    if (!dn_options_read(&options, argc, argv, false)) return DN_EXIT_USAGE;
    int code = options.file ? run_file(&options, argc, argv) : run_prompt(&options);
    dn_options_free(&options);
    return code;
}
