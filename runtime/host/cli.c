// Reads the command line: COMMAND [--flag value | --flag=value | --flag | --no-flag ...].
#include "runtime/host/cli.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_THREADS = 4096 };

// A flag as typed: --name=value, or --name with the next argument to come.
typedef struct typed_flag {
    const char *text;  // the whole argument
    const char *name;
    size_t name_length;
    const char *value;  // NULL: none after '='
} typed_flag;

bool dn_cli_same_name(const char *typed, size_t length, const char *name) {
    if (strlen(name) != length) return false;
    for (size_t i = 0; i < length; i++) {
        char a = typed[i] == '-' ? '_' : typed[i], b = name[i] == '-' ? '_' : name[i];
        if (a != b) return false;
    }
    return true;
}

char *dn_cli_flag(const char *name) {
    char *flag = dn_printf("--%s", name);
    for (char *c = flag; *c; c++)
        if (*c == '_') *c = '-';
    return flag;
}

const char *dn_cli_kind_word(dn_flag_kind kind) {
    static const char *const words[] = {
        [DN_FLAG_BOOL] = NULL,     [DN_FLAG_INT] = "INT",   [DN_FLAG_FLOAT] = "NUMBER",
        [DN_FLAG_STRING] = "TEXT", [DN_FLAG_PATH] = "PATH",
    };
    return words[kind];
}

void dn_cli_print_value(const dn_value *value, dn_str *out) {
    if (value->kind == DN_VALUE_STRING && value->string->length == 0)
        dn_str_puts(out, "\"\"");
    else
        dn_value_print(value, out);
}

// ---- values ----------------------------------------------------------------------------------

static dn_status bad_value(const char *name, const char *expected, const char *value) {
    char *flag = dn_cli_flag(name);
    dn_status status = dn_fail(DN_INVALID, "%s should be %s, not `%s`", flag, expected, value);
    free(flag);
    return status;
}

static dn_status read_bool(const char *name, const char *value, dn_value *out) {
    bool yes = strcmp(value, "true") == 0;
    if (!yes && strcmp(value, "false") != 0) return bad_value(name, "true or false", value);
    *out = dn_value_bool(yes);
    return DN_SUCCESS;
}

static dn_status read_int(const char *name, const char *value, dn_value *out) {
    char *end;
    errno = 0;
    long long number = strtoll(value, &end, 10);
    if (end == value || *end || isspace((unsigned char)*value))
        return bad_value(name, "a whole number", value);
    if (errno == ERANGE) return bad_value(name, "a number that fits 64 bits", value);
    *out = dn_value_int(number);
    return DN_SUCCESS;
}

static dn_status read_float(const char *name, const char *value, dn_value *out) {
    char *end;
    double number = strtod(value, &end);
    if (end == value || *end || isspace((unsigned char)*value))
        return bad_value(name, "a number", value);
    *out = dn_value_float(number);
    return DN_SUCCESS;
}

static dn_status read_value(const dn_command_param *param, const char *value, dn_value *out) {
    switch (param->kind) {
        case DN_FLAG_BOOL: return read_bool(param->name, value, out);
        case DN_FLAG_INT: return read_int(param->name, value, out);
        case DN_FLAG_FLOAT: return read_float(param->name, value, out);
        default:
            if (param->kind == DN_FLAG_PATH && !*value)
                return bad_value(param->name, "the name of a file or folder", value);
            *out = dn_value_string(value, strlen(value));
            return DN_SUCCESS;
    }
}

static dn_status read_seed(const char *value, uint64_t *out) {
    char *end;
    errno = 0;
    unsigned long long number = strtoull(value, &end, 10);
    if (!isdigit((unsigned char)*value) || *end || errno == ERANGE)
        return bad_value("seed", "a whole number from 0 to 2^64 - 1", value);
    *out = number;
    return DN_SUCCESS;
}

static dn_status read_count(const char *name, const char *value, int *out) {
    dn_value number;
    DN_TRY(read_int(name, value, &number));
    if (number.integer < 0 || number.integer > MAX_THREADS)
        return bad_value(name, "a number of threads (0: one a core)", value);
    *out = (int)number.integer;
    return DN_SUCCESS;
}

// ---- common flags ----------------------------------------------------------------------------

static const struct {
    const char *name, *what;
} common[] = {
#define COMMON_FLAG(ENUM, name, what, doc) {name, what},
    DN_COMMON_FLAGS(COMMON_FLAG)
#undef COMMON_FLAG
};

static bool has_common(const dn_cli *cli, int which) {
    return which != DN_COMMON_DEVICE || cli->devices;
}

static int find_common(const dn_cli *cli, const typed_flag *flag) {
    for (int i = 0; i < DN_COMMON_COUNT; i++)
        if (has_common(cli, i) && dn_cli_same_name(flag->name, flag->name_length, common[i].name))
            return i;
    return -1;
}

static dn_status set_common(dn_cli *cli, int which, const char *value) {
    cli->given[which] = true;
    switch ((dn_common_flag)which) {
        case DN_COMMON_SEED: return read_seed(value, &cli->options.seed);
        case DN_COMMON_THREADS: return read_count("threads", value, &cli->threads);
        case DN_COMMON_DEVICE: cli->device = value; break;
        case DN_COMMON_WORKERS: return read_count("workers", value, &cli->options.workers);
        case DN_COMMON_RESUME: cli->options.resume = value; break;
        case DN_COMMON_OVERWRITE: cli->options.overwrite = true; break;
        default: break;
    }
    return DN_SUCCESS;
}

// ---- flags of the command --------------------------------------------------------------------

static const dn_command *command_of(const dn_cli *cli) {
    return cli->command < 0 ? NULL : &cli->program->commands[cli->command];
}

// The param that a flag means; *negated for --no-NAME of a bool. -1: none.
static int find_param(const dn_cli *cli, const typed_flag *flag, bool *negated) {
    const dn_command *command = command_of(cli);
    *negated = false;
    for (int i = 0; command && i < command->n_params; i++)
        if (dn_cli_same_name(flag->name, flag->name_length, command->params[i].name)) return i;
    if (!command || flag->name_length < 4 || !dn_cli_same_name(flag->name, 3, "no-")) return -1;
    *negated = true;
    for (int i = 0; i < command->n_params; i++)
        if (command->params[i].kind == DN_FLAG_BOOL &&
            dn_cli_same_name(flag->name + 3, flag->name_length - 3, command->params[i].name))
            return i;
    return -1;
}

static dn_status set_param(dn_cli *cli, int index, const char *value) {
    dn_value read;
    DN_TRY(read_value(&command_of(cli)->params[index], value, &read));
    dn_value_release(cli->args[index]);
    cli->args[index] = read;
    cli->args_given[index] = true;
    return DN_SUCCESS;
}

static dn_status unknown_flag(const dn_cli *cli, const typed_flag *flag) {
    const dn_command *command = command_of(cli);
    int n_params = command ? command->n_params : 0, count = 0;
    const char **names = dn_xcalloc((size_t)n_params + DN_COMMON_COUNT, sizeof *names);
    for (int i = 0; i < n_params; i++) names[count++] = command->params[i].name;
    for (int i = 0; i < DN_COMMON_COUNT; i++)
        if (has_common(cli, i)) names[count++] = common[i].name;
    char *typed = dn_strndup(flag->name, flag->name_length);
    for (char *c = typed; *c; c++)
        if (*c == '-') *c = '_';
    const char *close = dn_closest_name(typed, names, count);
    dn_status status =
        command ? dn_fail(DN_INVALID, "`%s` has no flag %.*s", command->name,
                          (int)(flag->name + flag->name_length - flag->text), flag->text)
                : dn_fail(DN_INVALID, "there is no flag %s before the command", flag->text);
    char *suggestion = close ? dn_cli_flag(close) : NULL;
    if (suggestion)
        status = dn_with_hint(status, "did you mean %s?", suggestion);
    else
        status = dn_with_hint(status, "`%s%s%s --help` lists the flags", cli->name,
                              command ? " " : "", command ? command->name : "");
    free(suggestion);
    free(typed);
    free(names);
    return status;
}

// ---- arguments in turn -----------------------------------------------------------------------

typedef struct arguments {
    int count, next;
    char **items;
} arguments;

static typed_flag split_flag(const char *text) {
    typed_flag flag = {.text = text, .name = text + 2};
    const char *equals = strchr(text, '=');
    flag.name_length = equals ? (size_t)(equals - flag.name) : strlen(flag.name);
    flag.value = equals ? equals + 1 : NULL;
    return flag;
}

// The flag's value: after '=', or the next argument.
static dn_status take_value(const typed_flag *flag, arguments *rest, const char *what,
                            const char **value) {
    *value = flag->value;
    if (*value) return DN_SUCCESS;
    bool missing = rest->next == rest->count || strncmp(rest->items[rest->next], "--", 2) == 0;
    if (missing)
        return dn_with_hint(dn_fail(DN_INVALID, "%s needs a value", flag->text), "%s %s",
                            flag->text, what);
    *value = rest->items[rest->next++];
    return DN_SUCCESS;
}

static dn_status takes_no_value(const typed_flag *flag) {
    return dn_fail(DN_INVALID, "%.*s takes no value",
                   (int)(flag->name + flag->name_length - flag->text), flag->text);
}

static dn_status read_common(dn_cli *cli, int which, const typed_flag *flag, arguments *rest) {
    const char *value = "";
    if (common[which].what)
        DN_TRY(take_value(flag, rest, common[which].what, &value));
    else if (flag->value)
        return takes_no_value(flag);
    return set_common(cli, which, value);
}

static dn_status read_flag(dn_cli *cli, const char *text, arguments *rest) {
    typed_flag flag = split_flag(text);
    bool negated;
    int which = find_common(cli, &flag);
    if (which >= 0) return read_common(cli, which, &flag, rest);
    int index = find_param(cli, &flag, &negated);
    if (index < 0) return unknown_flag(cli, &flag);
    const dn_command_param *param = &command_of(cli)->params[index];
    if (negated && flag.value) return takes_no_value(&flag);
    if (param->kind == DN_FLAG_BOOL)
        return set_param(cli, index, negated ? "false" : flag.value ? flag.value : "true");
    const char *value;
    DN_TRY(take_value(&flag, rest, dn_cli_kind_word(param->kind), &value));
    return set_param(cli, index, value);
}

// The flag that a stray value is most likely meant for: a required one that is missing, else the
// first that takes a value.
static const dn_command_param *likely_param(const dn_cli *cli) {
    const dn_command *command = command_of(cli);
    const dn_command_param *likely = NULL;
    for (int i = 0; i < command->n_params; i++) {
        const dn_command_param *param = &command->params[i];
        if (param->kind == DN_FLAG_BOOL || cli->args_given[i]) continue;
        if (param->required) return param;
        if (!likely) likely = param;
    }
    return likely;
}

static dn_status stray_value(const dn_cli *cli, const char *text) {
    const dn_command *command = command_of(cli);
    dn_status status = dn_fail(DN_INVALID, "`%s` is not a flag of `%s`", text, command->name);
    if (text[0] == '-' && text[1] && text[1] != '-')
        return dn_with_hint(status, "flags begin with two dashes: -%s", text);
    const dn_command_param *param = likely_param(cli);
    if (!param) return dn_with_hint(status, "`%s` takes no values", command->name);
    char *flag = dn_cli_flag(param->name);
    status = dn_with_hint(status, "values follow their flag: %s %s", flag, text);
    free(flag);
    return status;
}

static void begin_command(dn_cli *cli, int index) {
    const dn_command *command = &cli->program->commands[index];
    cli->command = index;
    cli->args = dn_xcalloc((size_t)command->n_params, sizeof *cli->args);
    cli->args_given = dn_xcalloc((size_t)command->n_params, sizeof *cli->args_given);
    for (int i = 0; i < command->n_params; i++)
        if (!command->params[i].required) cli->args[i] = dn_value_retain(command->params[i].init);
}

static dn_status read_command(dn_cli *cli, const char *text) {
    int count = cli->program->n_commands;
    for (int i = 0; i < count; i++) {
        const char *name = cli->program->commands[i].name;
        if (!dn_cli_same_name(text, strlen(text), name)) continue;
        begin_command(cli, i);
        return DN_SUCCESS;
    }
    const char **names = dn_xcalloc((size_t)count, sizeof *names);
    for (int i = 0; i < count; i++) names[i] = cli->program->commands[i].name;
    const char *close = dn_closest_name(text, names, count);
    free(names);
    dn_status status = dn_fail(DN_INVALID, "there is no command `%s`", text);
    if (close) return dn_with_hint(status, "did you mean `%s`?", close);
    return dn_with_hint(status, "`%s --help` lists the commands", cli->name);
}

static dn_status read_arguments(dn_cli *cli, arguments *rest) {
    while (rest->next < rest->count) {
        const char *text = rest->items[rest->next++];
        if (strcmp(text, "-h") == 0)
            cli->given[DN_COMMON_HELP] = true;
        else if (strncmp(text, "--", 2) == 0 && text[2])
            DN_TRY(read_flag(cli, text, rest));
        else if (cli->command < 0)
            DN_TRY(read_command(cli, text));
        else
            return stray_value(cli, text);
    }
    return DN_SUCCESS;
}

// ---- the whole -------------------------------------------------------------------------------

static dn_status check_required(const dn_cli *cli) {
    const dn_command *command = command_of(cli);
    dn_str missing = {0};
    for (int i = 0; i < command->n_params; i++) {
        const dn_command_param *param = &command->params[i];
        if (!param->required || cli->args_given[i]) continue;
        char *flag = dn_cli_flag(param->name);
        const char *word = dn_cli_kind_word(param->kind);
        dn_str_printf(&missing, "%s%s%s%s", missing.length ? ", " : "", flag, word ? " " : "",
                      word ? word : "");
        free(flag);
    }
    if (!missing.length) return DN_SUCCESS;
    dn_status status = dn_fail(DN_INVALID, "`%s` needs %s", command->name, missing.text);
    free(missing.text);
    return dn_with_hint(status, "`%s %s --help` lists the flags", cli->name, command->name);
}

// A checkpoint brings its own flags, so that none are required.
static dn_status check_command(const dn_cli *cli) {
    const dn_command *command = command_of(cli);
    if (!command)
        return dn_with_hint(dn_fail(DN_INVALID, "there is no command"),
                            "`%s --help` lists the commands", cli->name);
    if (!command->checkpoints && cli->options.resume)
        return dn_fail(DN_INVALID, "`%s` writes no checkpoints, so there is nothing to resume",
                       command->name);
    return cli->options.resume ? DN_SUCCESS : check_required(cli);
}

dn_status dn_cli_read(dn_cli *cli, const dn_program *program, bool devices, int argc, char **argv) {
    *cli = (dn_cli){.program = program,
                    .name = argc > 0 ? argv[0] : program->name,
                    .devices = devices,
                    .command = -1};
    cli->options.out = stdout;
    cli->options.err = stderr;
    arguments rest = {.count = argc, .next = 1, .items = argv};
    if (argc < 2) cli->given[DN_COMMON_HELP] = true;
    DN_TRY(read_arguments(cli, &rest));
    return cli->given[DN_COMMON_HELP] ? DN_SUCCESS : check_command(cli);
}

void dn_cli_free(dn_cli *cli) {
    int count = cli->command < 0 ? 0 : cli->program->commands[cli->command].n_params;
    for (int i = 0; cli->args && i < count; i++) dn_value_release(cli->args[i]);
    free(cli->args);
    free(cli->args_given);
}
