// dnet: runs the commands of a program, or reads from the terminal.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "driver/execute.h"
#include "driver/nan.h"
#include "driver/options.h"
#include "driver/prompt/prompt.h"

static void help(void) {
    printf(
        "usage: dnet [options] FILE.dnet COMMAND [--flag value ...]\n"
        "       dnet FILE.dnet --help       the commands of a program\n"
        "       dnet                        the prompt: reads definitions and expressions\n"
        "       dnet -c EXPRESSION [FILE]   shows a value\n"
        "       dnet -i FILE.dnet           the prompt, with the definitions of a file\n\n"
        "Options, before the file:\n%s"
        "  --backend x86|interp|cuda  machine code (the default), the interpreter, or a GPU\n"
        "  --profile                prints at the end what took time, and which kernels\n"
        "  --trace FILE.json        writes a trace for chrome://tracing or Perfetto\n"
        "  --check-nan              stops at the first NaN or infinity, and says which operation "
        "made it\n"
        "  --replay nan.safetensors repeats the run that --check-nan stopped at; takes no "
        "command\n"
        "  -e                       without a file: stops at the first error\n\n"
        "Exit codes: 0 fine, 1 an error in the program or while it ran, 2 wrong use,\n"
        "70 a bug in dnet, 130 interrupted.\n",
        dn_options_help);
}

static int run_prompt(const dn_options *options) {
    dn_compiler *c = dn_options_compiler(options);
    if (!c) return DN_EXIT_USAGE;
    int code = dn_prompt_run(c, options);
    dn_compiler_free(c);
    return code;
}

static int complain(dn_status status, int code) {
    if (!status) return code;
    fprintf(stderr, "dnet: error: %s\n", dn_status_message(status));
    if (dn_status_note(status)) fprintf(stderr, "note: %s\n", dn_status_note(status));
    if (dn_status_hint(status)) fprintf(stderr, "hint: %s\n", dn_status_hint(status));
    dn_status_free(status);
    return code ? code : DN_EXIT_ERRORS;
}

static void checked_threads(void *context, int count) {
    const dn_checker *checker = context;
    dn_backend_threads(checker->inner.context, count);
}

// argv of the program: its own name for messages, then the command and its flags.
static int run_command(const dn_program *program, dn_backend *backend, const dn_options *options,
                       int argc, char **argv) {
    dn_executor executor = dn_backend_executor(backend);
    dn_checker checker = {
        .inner = executor, .compiler = backend->compiler, .replay = "nan.safetensors"};
    if (options->check_nan) executor = dn_checker_executor(&checker);
    char *name = dn_printf("%s %s", argv[0], options->file);
    char **rest = dn_xcalloc((size_t)(argc - options->rest + 2), sizeof *rest);
    rest[0] = name;
    for (int i = options->rest; i < argc; i++) rest[i - options->rest + 1] = argv[i];
    int code = dn_program_main(program, &executor,
                               options->check_nan ? checked_threads : dn_backend_threads,
                               argc - options->rest + 1, rest);
    free(rest);
    free(name);
    dn_checker_free(&checker);
    return code;
}

static dn_backend backend_of(dn_compiler *c, const dn_options *options) {
    return (dn_backend){
        .compiler = c, .kind = options->backend, .level = options->level, .units = options->units};
}

static int print_profile(dn_backend *backend, int code) {
    if (backend->kind != DN_BACKEND_CUDA)
        return complain(dn_profile_print(backend->profile, backend->pool, backend->runner, stderr),
                        code);
    if (backend->gpu) dn_gpu_print_profile(backend->gpu, backend->profile, stderr);
    return code;
}

static int run_program(dn_compiler *c, const dn_options *options, int argc, char **argv) {
    const dn_program *program = dn_compiler_program(c);
    dn_backend backend = backend_of(c, options);
    if (options->profile || options->trace) {
        dn_status status = dn_profile_new(program, options->trace, &backend.profile);
        if (status) return complain(status, DN_EXIT_ERRORS);
    }
    int code = run_command(program, &backend, options, argc, argv);
    if (options->profile) code = print_profile(&backend, code);
    if (options->trace) code = complain(dn_profile_end_trace(backend.profile), code);
    dn_profile_free(backend.profile);
    dn_backend_free(&backend);
    return code;
}

static int replay(dn_compiler *c, const dn_options *options) {
    dn_backend backend = backend_of(c, options);
    dn_checker checker = {.inner = dn_backend_executor(&backend), .compiler = c};
    int code = complain(dn_checker_replay(&checker, options->replay), DN_EXIT_OK);
    dn_checker_free(&checker);
    dn_backend_free(&backend);
    return code;
}

static int run_file(const dn_options *options, int argc, char **argv) {
    dn_compiler *c = dn_options_compiler(options);
    if (!c) return DN_EXIT_USAGE;
    bool ok = dn_compiler_load(c, options->file, NULL);
    ok = dn_compiler_check(c) && ok;
    dn_diags_flush(&c->diags, stderr);
    int code = DN_EXIT_ERRORS;
    if (ok) code = options->replay ? replay(c, options) : run_program(c, options, argc, argv);
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
    bool prompt = !options.file || options.expression || options.interactive;
    int code = prompt ? run_prompt(&options) : run_file(&options, argc, argv);
    dn_options_free(&options);
    return code;
}
