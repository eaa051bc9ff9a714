// The texts of --help.
#include <stdlib.h>
#include <string.h>

#include "runtime/host/cli.h"

enum { MAX_COLUMN = 28 };  // left columns wider than this get a line of their own

// A line of two columns.
typedef struct row {
    char *left, *right;
} row;

typedef struct table {
    row *rows;
    int count, capacity;
} table;

static void add_row(table *t, char *left, char *right) {
    DN_PUSH(t->rows, t->count, t->capacity) = (row){left, right};
}

static void print_row(const row *r, int width, FILE *out) {
    if (!*r->right)
        fprintf(out, "  %s\n", r->left);
    else if ((int)strlen(r->left) > width)
        fprintf(out, "  %s\n  %*s  %s\n", r->left, width, "", r->right);
    else
        fprintf(out, "  %-*s  %s\n", width, r->left, r->right);
}

// Prints the rows under one another, and frees them.
static void print_table(table *t, FILE *out) {
    int width = 0;
    for (int i = 0; i < t->count; i++) {
        int length = (int)strlen(t->rows[i].left);
        if (length > width && length <= MAX_COLUMN) width = length;
    }
    for (int i = 0; i < t->count; i++) {
        print_row(&t->rows[i], width, out);
        free(t->rows[i].left);
        free(t->rows[i].right);
    }
    free(t->rows);
    *t = (table){0};
}

static char *first_line(const char *doc) {
    return doc ? dn_strndup(doc, strcspn(doc, "\n")) : dn_strdup("");
}

// ---- the program -----------------------------------------------------------------------------

static void program_help(const dn_cli *cli, FILE *out) {
    const dn_program *program = cli->program;
    fprintf(out, "%s: the commands of %s\n\n", program->name, program->source);
    fprintf(out, "usage: %s COMMAND [--flag value ...]\n\ncommands:\n", cli->name);
    table t = {0};
    for (int i = 0; i < program->n_commands; i++)
        add_row(&t, dn_strdup(program->commands[i].name), first_line(program->commands[i].doc));
    print_table(&t, out);
    fprintf(out, "\n`%s COMMAND --help` lists the flags of a command.\n", cli->name);
}

// ---- a command -------------------------------------------------------------------------------

// "--epochs INT", "--[no-]flip".
static char *flag_form(const dn_command_param *param) {
    char *flag = dn_cli_flag(param->name);
    const char *word = dn_cli_kind_word(param->kind);
    char *form = word ? dn_printf("%s %s", flag, word) : dn_printf("--[no-]%s", flag + 2);
    free(flag);
    return form;
}

static void append_default(const dn_command_param *param, dn_str *out) {
    if (param->required) {
        dn_str_puts(out, "(required)");
        return;
    }
    if (param->init.kind == DN_VALUE_NONE) return;
    dn_str_puts(out, "(default: ");
    dn_cli_print_value(&param->init, out);
    dn_str_puts(out, ")");
}

// The doc's lines are joined into one, with the default at the end.
static char *flag_doc(const dn_command_param *param) {
    dn_str text = {0};
    if (param->doc) dn_str_puts(&text, param->doc);
    for (size_t i = 0; i < text.length; i++)
        if (text.text[i] == '\n') text.text[i] = ' ';
    dn_str end = {0};
    append_default(param, &end);
    if (end.length) dn_str_printf(&text, "%s%s", text.length ? " " : "", end.text);
    free(end.text);
    return dn_str_take(&text);
}

static void print_usage(const dn_cli *cli, const dn_command *command, FILE *out) {
    fprintf(out, "usage: %s %s", cli->name, command->name);
    for (int i = 0; i < command->n_params; i++) {
        const dn_command_param *param = &command->params[i];
        char *form = flag_form(param);
        if (param->kind == DN_FLAG_BOOL)
            fprintf(out, " [--%s]", form + strlen("--[no-]"));
        else
            fprintf(out, param->required ? " %s" : " [%s]", form);
        free(form);
    }
    fputc('\n', out);
}

static void add_common_rows(const dn_cli *cli, const dn_command *command, table *t) {
    static const struct {
        dn_common_flag flag;
        const char *name, *what, *doc;
    } flags[] = {
#define COMMON_FLAG(ENUM, name, what, doc) {DN_COMMON_##ENUM, name, what, doc},
        DN_COMMON_FLAGS(COMMON_FLAG)
#undef COMMON_FLAG
    };
    for (int i = 0; i < DN_COMMON_COUNT; i++) {
        bool of_checkpoints =
            flags[i].flag == DN_COMMON_RESUME || flags[i].flag == DN_COMMON_OVERWRITE;
        if (of_checkpoints && !command->checkpoints) continue;
        if (flags[i].flag == DN_COMMON_DEVICE && !cli->devices) continue;
        const char *what = flags[i].what;
        add_row(t, dn_printf("--%s%s%s", flags[i].name, what ? " " : "", what ? what : ""),
                dn_strdup(flags[i].doc));
    }
}

static void command_help(const dn_cli *cli, FILE *out) {
    const dn_command *command = &cli->program->commands[cli->command];
    table t = {0};
    print_usage(cli, command, out);
    if (command->doc && *command->doc) fprintf(out, "\n%s\n", command->doc);
    for (int i = 0; i < command->n_params; i++)
        add_row(&t, flag_form(&command->params[i]), flag_doc(&command->params[i]));
    if (command->n_params) fputs("\nflags:\n", out);
    print_table(&t, out);
    fputs("\ncommon flags:\n", out);
    add_common_rows(cli, command, &t);
    print_table(&t, out);
}

void dn_cli_help(const dn_cli *cli, FILE *out) {
    if (cli->command < 0)
        program_help(cli, out);
    else
        command_help(cli, out);
}
