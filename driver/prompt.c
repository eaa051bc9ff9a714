#include "driver/prompt.h"

#include <stdlib.h>
#include <string.h>

#include "driver/execute.h"
#include "driver/options.h"

typedef struct session {
    dn_compiler *compiler;
    dn_backend backend;
    dn_executor executor;
    dn_run_options options;
    dn_run *run;
    dn_value *locals;  // the prompt's variables
    int n_locals;
} session;

static void report(dn_status status) {
    fprintf(stderr, "error: %s\n", dn_status_message(status));
    if (dn_status_note(status)) fprintf(stderr, "  note: %s\n", dn_status_note(status));
    if (dn_status_hint(status)) fprintf(stderr, "  hint: %s\n", dn_status_hint(status));
    dn_status_free(status);
}

static const char *static_kind(const dn_value *value) {
    switch (value->kind) {
        case DN_VALUE_BOOL: return "bool";
        case DN_VALUE_INT: return "int";
        case DN_VALUE_FLOAT: return "float";
        case DN_VALUE_STRING: return "string";
        case DN_VALUE_LIST: return "list";
        case DN_VALUE_RECORD: return "record";
        case DN_VALUE_RANGE: return "range";
        case DN_VALUE_DATASET: return "dataset";
        case DN_VALUE_TENSOR:
            return value->tensor->shape.rank == 0 ? dn_dtype_name(value->tensor->dtype) : NULL;
        default: return NULL;  // other tensors print their own type
    }
}

static void print_value(const dn_value *value) {
    if (value->kind == DN_VALUE_NONE) return;
    dn_str text = {0};
    dn_value_print(value, &text);
    const char *kind = static_kind(value);
    printf("%s%s%s\n", text.text ? text.text : "", kind ? " : " : "", kind ? kind : "");
    fflush(stdout);
    free(text.text);
}

static void grow_locals(session *s, int count) {
    if (count <= s->n_locals) return;
    s->locals = dn_xrealloc(s->locals, (size_t)count * sizeof *s->locals);
    for (int i = s->n_locals; i < count; i++) s->locals[i] = (dn_value){.kind = DN_VALUE_NONE};
    s->n_locals = count;
}

static void run_command(session *s, int command) {
    const dn_program *program = dn_compiler_program(s->compiler);
    dn_status status = DN_SUCCESS;
    if (s->run) {
        dn_run_extend(s->run, program);
    } else {
        status = dn_run_new(program, &s->executor, &s->options, &s->run);
    }
    dn_value result = {.kind = DN_VALUE_NONE};
    grow_locals(s, program->commands[command].n_locals);
    if (!status) status = dn_run_command_with(s->run, command, s->locals, &result);
    if (status) {
        if (dn_status_code(status) == DN_INTERRUPTED) dn_interrupt_clear();
        report(status);
        return;
    }
    print_value(&result);
    dn_value_release(result);
}

// True when the text was taken; false to read on.
static bool evaluate(session *s, const char *text, bool at_end) {
    int command;
    bool incomplete;
    bool ok = dn_compiler_prompt(s->compiler, text, &command, &incomplete);
    if (!ok && incomplete && !at_end) {
        dn_diags_clear(&s->compiler->diags);
        return false;
    }
    dn_diags_flush(&s->compiler->diags, stderr);
    dn_diags_clear(&s->compiler->diags);
    if (ok && command >= 0) run_command(s, command);
    return true;
}

int dn_prompt_run(dn_compiler *compiler, const dn_options *options, FILE *in, bool interactive) {
    session s = {
        .compiler = compiler,
        .backend = {.compiler = compiler, .kind = options->backend, .level = options->level}};
    s.executor = dn_backend_executor(&s.backend);
    s.options = (dn_run_options){.overwrite = true, .out = stdout, .err = stderr};
    dn_interrupt_install();
    dn_str text = {0};
    char *line = NULL;
    size_t capacity = 0;
    if (interactive) printf("dnet: type an expression or a definition; Ctrl-D ends\n");
    for (;;) {
        if (interactive) {
            fputs(text.length ? "  ... " : "dnet> ", stdout);
            fflush(stdout);
        }
        bool at_end = getline(&line, &capacity, in) < 0;
        if (!at_end) dn_str_puts(&text, line);
        if (text.length && evaluate(&s, text.text, at_end)) text.length = 0;
        if (at_end) break;
    }
    if (interactive) putchar('\n');
    free(line);
    free(text.text);
    dn_run_free(s.run);
    for (int i = 0; i < s.n_locals; i++) dn_value_release(s.locals[i]);
    free(s.locals);
    dn_backend_free(&s.backend);
    return DN_EXIT_OK;
}
