// The main program around a dn_program: reads the command line, runs the command, tells the
// outcome.
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "runtime/base/interrupt.h"
#include "runtime/host/cli.h"
#include "runtime/host/run.h"

enum { EXIT_RUN = 1, EXIT_USAGE = 2, EXIT_INTERRUPTED = 130 };

// "gan.dnet:12:5: error: ...", or "gan: error: ..." when there is no place; then the note and the
// hint.
static void print_failure(const char *name, dn_status status) {
    const char *message = dn_status_message(status);
    size_t place;
    if (dn_status_code(status) == DN_INTERRUPTED)
        fprintf(stderr, "%s\n", message);
    else if (dn_host_place(message, &place))
        fprintf(stderr, "%.*s: error: %s\n", (int)place, message, message + place + 2);
    else
        fprintf(stderr, "%s: error: %s\n", name, message);
    if (dn_status_note(status)) fprintf(stderr, "note: %s\n", dn_status_note(status));
    if (dn_status_hint(status)) fprintf(stderr, "hint: %s\n", dn_status_hint(status));
}

static int finish(const dn_cli *cli, dn_status status, int failed) {
    if (!status) return 0;
    int code = dn_status_code(status) == DN_INTERRUPTED ? EXIT_INTERRUPTED : failed;
    fflush(stdout);
    print_failure(cli->name, status);
    dn_status_free(status);
    return code;
}

// ---- going on from a checkpoint --------------------------------------------------------------

static dn_status differs(const char *name, const dn_value *saved, const dn_value *given) {
    char *flag = dn_cli_flag(name);
    dn_str was = {0}, is = {0};
    dn_cli_print_value(saved, &was);
    dn_cli_print_value(given, &is);
    dn_status status =
        dn_fail(DN_INVALID, "%s is %s in the checkpoint, not %s", flag, was.text, is.text);
    free(was.text);
    free(is.text);
    free(flag);
    return dn_with_hint(status, "a resumed run has the flags that it began with");
}

// Flags given with --resume have to be those that the run began with.
static dn_status check_flags(const dn_cli *cli, const dn_run *run) {
    const dn_command *command = &cli->program->commands[cli->command];
    if (run->frames[0].command != cli->command)
        return dn_fail(DN_INVALID, "%s was written by `%s`, not by `%s`", cli->options.resume,
                       cli->program->commands[run->frames[0].command].name, command->name);
    if (cli->given[DN_COMMON_SEED] && cli->options.seed != run->options.seed)
        return dn_with_hint(
            dn_fail(DN_INVALID, "--seed is %llu in the checkpoint, not %llu",
                    (unsigned long long)run->options.seed, (unsigned long long)cli->options.seed),
            "a resumed run has the flags that it began with");
    for (int i = 0; i < command->n_params; i++)
        if (cli->args_given[i] && !dn_value_equal(cli->args[i], run->args[i]))
            return differs(command->params[i].name, &run->args[i], &cli->args[i]);
    return DN_SUCCESS;
}

static dn_status resume(const dn_cli *cli, dn_run *run) {
    DN_TRY(dn_host_load(run, cli->options.resume));
    DN_TRY(check_flags(cli, run));
    return dn_host_go_on(run, NULL);
}

// ---- running ---------------------------------------------------------------------------------

// The run takes the arguments.
static dn_status begin(dn_cli *cli, dn_run *run) {
    dn_value *args = cli->args;
    cli->args = NULL;
    dn_status status = dn_run_command(run, cli->command, args, NULL);
    free(args);
    return status;
}

static dn_status run_command(dn_cli *cli, const dn_executor *executor) {
    dn_run *run;
    if (executor->use) DN_TRY(executor->use(executor->context, cli->device));
    DN_TRY(dn_run_new(cli->program, executor, &cli->options, &run));
    dn_status status = cli->options.resume ? resume(cli, run) : begin(cli, run);
    bool finished = !status || dn_status_code(status) == DN_INTERRUPTED;
    if (finished) dn_run_print_written(run, stdout);
    dn_run_free(run);
    return status;
}

// Where standard output is closed, the next file opened would become it, and prints land there.
static void open_standard_streams(void) {
    for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++)
        if (fcntl(fd, F_GETFD) < 0 && errno == EBADF && open("/dev/null", O_RDWR) != fd) return;
}

// Output that was lost, to a full disk for instance, is a failure.
static int end_output(const dn_cli *cli, int code) {
    bool lost = fflush(stdout) != 0 || ferror(stdout);
    if (!lost || code != 0) return code;
    return finish(cli, dn_fail(DN_IO, "standard output could not be written"), EXIT_RUN);
}

int dn_program_main(const dn_program *program, const dn_executor *executor,
                    void (*threads)(void *context, int count), int argc, char **argv) {
    dn_cli cli;
    open_standard_streams();
    int code =
        finish(&cli, dn_cli_read(&cli, program, executor->use != NULL, argc, argv), EXIT_USAGE);
    if (code == 0 && cli.given[DN_COMMON_HELP]) {
        dn_cli_help(&cli, stdout);
    } else if (code == 0) {
        if (threads) threads(executor->context, cli.threads);
        dn_interrupt_install();
        code = finish(&cli, run_command(&cli, executor), EXIT_RUN);
    }
    code = end_output(&cli, code);
    dn_cli_free(&cli);
    return code;
}
