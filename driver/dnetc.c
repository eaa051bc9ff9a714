// dnetc: checks a program and shows what the compiler makes of it.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "driver/build.h"
#include "driver/report.h"

static void help(void) {
    printf(
        "usage: dnetc FILE.dnet [options]\n\n"
        "Checks a program (its syntax, names, types, shapes and training rules) and compiles "
        "it.\n\n"
        "  -o FILE                  makes an executable with the program's commands\n"
        "  -c, -S                   makes an object file, or assembly text, instead\n"
        "  -shared, -static         makes a library for C of what the file exports, instead\n"
        "  -target LIST             what to make code for: x86 (the default), cuda, or both as\n"
        "                           x86,cuda; cuda:sm_80 .. cuda:sm_90a are GPUs from there on\n"
        "  --cubin                  assembles code for GPUs by ptxas, too, so that it loads at "
        "once\n"
        "  -march=avx2|avx512|avx512bf16\n"
        "                           for one instruction set (default: all, chosen at the start)\n"
        "  -fsyntax-only            checks only (the default without -o, -c and -S)\n"
        "  --emit=ast               prints the syntax tree\n"
        "  --emit=graph             prints the graph of each step and expression\n"
        "  --emit=gradient          as graph, for entries that train, before the passes ran\n"
        "  --emit=kernel            prints the fused kernels of each step and expression\n"
        "  --emit=llvm, --emit=asm  prints their code\n"
        "  --emit=ptx, --emit=cubin for GPUs (ptxas makes the second)\n"
        "  --report=memory          prints what memory the program needs, and for what\n"
        "  --report=cost            prints each kernel's and line's work and time at best\n"
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

static bool is_graph(const char *emit) {
    return strcmp(emit, "graph") == 0 || strcmp(emit, "gradient") == 0;
}

// What was asked for, of a program without errors. False after printing why not.
static bool make(dn_compiler *c, const dn_options *options) {
    dn_status status = DN_SUCCESS;
    dn_diags_flush(&c->diags, stderr);
    if (options->emit && is_graph(options->emit))
        emit_graphs(c);
    else if (options->emit)
        status = dn_build_emit(c, options);
    else if (options->report)
        status = dn_report_program(c, options);
    else if (options->output)
        status = dn_build_output(c, options);
    if (!status) return true;
    fprintf(stderr, "dnetc: error: %s\n", dn_status_message(status));
    if (dn_status_note(status)) fprintf(stderr, "note: %s\n", dn_status_note(status));
    if (dn_status_hint(status)) fprintf(stderr, "hint: %s\n", dn_status_hint(status));
    dn_status_free(status);
    return false;
}

// -c, -S, -shared and -static without -o: gan.dnet becomes gan.o, gan.s, libgan.so and libgan.a
// here.
static char *default_output(const dn_options *options) {
    static const char *const extensions[] = {[DN_OUTPUT_OBJECT] = "o",
                                             [DN_OUTPUT_ASSEMBLY] = "s",
                                             [DN_OUTPUT_SHARED] = "so",
                                             [DN_OUTPUT_STATIC] = "a"};
    if (options->output || options->form == DN_OUTPUT_PROGRAM) return NULL;
    bool library = options->form == DN_OUTPUT_SHARED || options->form == DN_OUTPUT_STATIC;
    const char *slash = strrchr(options->file, '/'), *name = slash ? slash + 1 : options->file;
    const char *dot = strrchr(name, '.');
    int length = (int)(dot && dot > name ? (size_t)(dot - name) : strlen(name));
    return dn_printf("%s%.*s.%s", library ? "lib" : "", length, name, extensions[options->form]);
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
    char *output = default_output(&options);
    if (output) options.output = output;
    dn_compiler *c = dn_options_compiler(&options);
    if (!c) {
        free(output);
        dn_options_free(&options);
        return DN_EXIT_USAGE;
    }
    c->keep_gradients = options.emit && strcmp(options.emit, "gradient") == 0;
    dn_file *tree = NULL;
    bool loaded = dn_compiler_load(c, options.file, &tree);
    bool failed = false;
    if (options.emit && strcmp(options.emit, "ast") == 0) {
        if (tree) emit_ast(tree);
    } else if (dn_compiler_check(c) && loaded) {
        failed = !make(c, &options);
    }
    int code = summary(c);
    if (failed && code == DN_EXIT_OK) code = DN_EXIT_ERRORS;
    dn_compiler_free(c);
    free(output);
    dn_options_free(&options);
    return code;
}
