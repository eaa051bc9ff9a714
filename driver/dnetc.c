// dnetc: checks a program and shows what the compiler makes of it.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "driver/options.h"

static void help(void) {
    printf(
        "usage: dnetc FILE.dnet [options]\n\n"
        "Checks a program: its syntax, names, types, shapes and training rules.\n\n"
        "  -fsyntax-only            checks only (the default)\n"
        "  --emit=ast               prints the syntax tree\n"
        "  --emit=graph             prints the graph of each step and expression\n"
        "  --emit=gradient          as graph, for entries that train, before the passes ran\n"
        "%s\n"
        "Exit codes: 0 fine, 1 errors in the program, 2 wrong use, 70 a bug in dnetc.\n",
        dn_options_help);
}

static void emit_graphs(dn_compiler *c) {
    for (int i = 0; i < c->n_units; i++) {
        if (c->units[i].is_init) continue;
        dn_str text = {0};
        dn_graph_print(c->units[i].graph, &text);
        fputs(text.text, stdout);
        free(text.text);
    }
}

static void emit_ast(const dn_file *tree) {
    dn_str text = {0};
    dn_ast_print(tree, &text);
    if (text.text) fputs(text.text, stdout);
    free(text.text);
}

static int summary(dn_compiler *c) {
    dn_diags_flush(&c->diags, stderr);
    if (c->diags.json || c->diags.errors + c->diags.warnings == 0)
        return c->diags.errors ? DN_EXIT_ERRORS : DN_EXIT_OK;
    fprintf(stderr, "%d error%s", c->diags.errors, c->diags.errors == 1 ? "" : "s");
    if (c->diags.warnings)
        fprintf(stderr, ", %d warning%s", c->diags.warnings, c->diags.warnings == 1 ? "" : "s");
    fputc('\n', stderr);
    return c->diags.errors ? DN_EXIT_ERRORS : DN_EXIT_OK;
}

int main(int argc, char **argv) {
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--help") != 0 && strcmp(argv[i], "-h") != 0) continue;
        help();
        return DN_EXIT_OK;
    }
    dn_options options;
    if (!dn_options_read(&options, argc, argv, true)) return DN_EXIT_USAGE;
    if (!options.file) {
        fprintf(stderr, "dnetc: no file given\n  hint: dnetc --help\n");
        dn_options_free(&options);
        return DN_EXIT_USAGE;
    }
    dn_compiler *c = dn_options_compiler(&options);
    if (!c) {
        dn_options_free(&options);
        return DN_EXIT_USAGE;
    }
    c->keep_gradients = options.emit && strcmp(options.emit, "gradient") == 0;
    dn_file *tree = NULL;
    bool loaded = dn_compiler_load(c, options.file, &tree);
    if (options.emit && strcmp(options.emit, "ast") == 0) {
        if (tree) emit_ast(tree);
    } else if ((dn_compiler_check(c) && loaded) && options.emit) {
        emit_graphs(c);
    }
    int code = summary(c);
    dn_compiler_free(c);
    dn_options_free(&options);
    return code;
}
