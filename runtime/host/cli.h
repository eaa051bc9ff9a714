// The command line of a program, read.
#ifndef DN_RUNTIME_HOST_CLI_H
#define DN_RUNTIME_HOST_CLI_H

#include "runtime/host/vm.h"

// The flags that every command takes: COMMON_FLAG(ENUM, name, what, doc). --device only where there
// is a choice.
#define DN_COMMON_FLAGS(COMMON_FLAG)                                                           \
    COMMON_FLAG(SEED, "seed", "INT", "seed of all random numbers (default: 0)")                \
    COMMON_FLAG(THREADS, "threads", "INT", "threads that compute (default: one a core)")       \
    COMMON_FLAG(DEVICE, "device", "DEVICE", "cpu, cuda or a GPU's number (default: cuda)")     \
    COMMON_FLAG(WORKERS, "workers", "INT", "threads that load data (default: one a core)")     \
    COMMON_FLAG(RESUME, "resume", "FILE", "go on from a checkpoint; its flags are used")       \
    COMMON_FLAG(OVERWRITE, "overwrite", NULL, "let checkpoints replace those of earlier runs") \
    COMMON_FLAG(HELP, "help", NULL, "show this text")

typedef enum dn_common_flag {
#define COMMON_FLAG(ENUM, name, what, doc) DN_COMMON_##ENUM,
    DN_COMMON_FLAGS(COMMON_FLAG)
#undef COMMON_FLAG
        DN_COMMON_COUNT
} dn_common_flag;

typedef struct dn_cli {
    const dn_program *program;
    const char *name;             // what the program is called as
    bool devices;                 // there is a flag --device
    int command;                  // -1: none
    bool given[DN_COMMON_COUNT];  // which common flags were
    dn_run_options options;
    int threads;
    const char *device;  // NULL: not given
    dn_value *args;      // of the command's params, the defaults filled in
    bool *args_given;
} dn_cli;

// Reads the command line. DN_INVALID with a hint for what makes no sense. dn_cli_free in any case.
dn_status dn_cli_read(dn_cli *cli, const dn_program *program, bool devices, int argc,
                      char **argv) DN_MUST_USE;
void dn_cli_free(dn_cli *cli);
// Whether a flag's name, as typed, means `name`: dashes and underscores are alike.
bool dn_cli_same_name(const char *typed, size_t length, const char *name);
// "--learning-rate" for learning_rate; free() it.
char *dn_cli_flag(const char *name);
// "INT" for a flag that takes one; NULL for a bool, which takes nothing.
const char *dn_cli_kind_word(dn_flag_kind kind);
// A flag's value as it would be typed.
void dn_cli_print_value(const dn_value *value, dn_str *out);

// The texts of --help: the program's, or that of the command.
void dn_cli_help(const dn_cli *cli, FILE *out);

#endif
