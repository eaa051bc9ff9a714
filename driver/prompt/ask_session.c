// Questions that change the session: settings, the backend, files.
#include <stdlib.h>
#include <string.h>

#include "driver/prompt/questions.h"
#include "runtime/base/replace.h"

// ---- settings --------------------------------------------------------------------------------

typedef struct setting {
    const char *name;
    int *value;
    int low, high;
} setting;

dn_status dn_ask_set(dn_session *s, const char *argument) {
    setting settings[] = {{"precision", &s->style.precision, 0, 16},
                          {"threshold", &s->style.threshold, 0, 1000000000},
                          {"edge", &s->style.edge, 1, 1000},
                          {"width", &s->style.width, 20, 10000}};
    enum { COUNT = sizeof settings / sizeof *settings };
    if (!*argument) {
        for (int i = 0; i < COUNT; i++)
            printf("  %-10s %d\n", settings[i].name, *settings[i].value);
        return DN_SUCCESS;
    }
    size_t length = strcspn(argument, " \t=");
    const char *text = argument + length + strspn(argument + length, " \t=");
    for (int i = 0; i < COUNT; i++) {
        if (strlen(settings[i].name) != length || strncmp(settings[i].name, argument, length) != 0)
            continue;
        char *end;
        long value = strtol(text, &end, 10);
        if (!*text || *end || value < settings[i].low || value > settings[i].high)
            return dn_fail(DN_INVALID, "%s is a number from %d to %d", settings[i].name,
                           settings[i].low, settings[i].high);
        *settings[i].value = (int)value;
        if (settings[i].value == &s->style.width) s->style.fixed_width = true;
        return DN_SUCCESS;
    }
    return dn_with_hint(dn_fail(DN_NOT_FOUND, "there is no setting `%.*s`", (int)length, argument),
                        "precision, threshold, edge, width");
}

// ---- backends --------------------------------------------------------------------------------

// "cuda, NVIDIA H100 80GB HBM3, tf32"
static void print_backend(const dn_backend *backend) {
    fputs(dn_backend_name(backend->kind), stdout);
    if (backend->kind == DN_BACKEND_CUDA && backend->gpu)
        printf(", %s, %s", dn_gpu_name(backend->gpu), dn_matrix_units_name(backend->units));
    putchar('\n');
}

static dn_status use_gpu(dn_backend *backend) {
    dn_status status = dn_backend_open_gpu(backend, 0);
    if (status)
        return dn_with_hint(status, "the session goes on with %s", dn_backend_name(backend->kind));
    backend->kind = DN_BACKEND_CUDA;
    print_backend(backend);
    return DN_SUCCESS;
}

dn_status dn_ask_backend(dn_session *s, const char *argument) {
    dn_backend_kind kind;
    if (!*argument) {
        print_backend(&s->backend);
        return DN_SUCCESS;
    }
    if (!dn_backend_of(argument, &kind))
        return dn_fail(DN_INVALID, "the backends are x86, interp and cuda, not `%s`", argument);
    if (kind == DN_BACKEND_CUDA) return use_gpu(&s->backend);
    s->backend.kind = kind;
    return DN_SUCCESS;
}

dn_status dn_ask_quit(dn_session *s, const char *argument) {
    (void)argument;
    s->ended = true;
    return DN_SUCCESS;
}

// ---- loading ---------------------------------------------------------------------------------

static const char session_mark[] = "// A session of dnet.";

// The statements of a saved session are run at the prompt, as when they were typed.
static dn_status replay(dn_session *s, const char *path) {
    char *text;
    size_t length;
    DN_TRY(dn_read_file(path, &text, &length));
    bool is_session = strncmp(text, session_mark, strlen(session_mark)) == 0;
    free(text);
    dn_def *def = is_session ? dn_compiler_find(s->compiler, "session", true, false) : NULL;
    if (!def || def->decl->kind != DN_DECL_COMMAND) return DN_SUCCESS;
    size_t n;
    const char *body = dn_sources_text(&s->compiler->sources, def->decl->body->span, &n);
    char *statements = dn_strndup(body + 1, n - 2);
    dn_session_evaluate(s, statements, true);
    free(statements);
    return DN_SUCCESS;
}

// A file that is read again brings its definitions alone: data and models stay.
static dn_status load(dn_session *s, const char *path, bool again) {
    if (!dn_session_load(s, path)) return DN_SUCCESS;
    printf("%s is loaded\n", path);
    return again ? DN_SUCCESS : replay(s, path);
}

// A file's name, with or without quotes.
static char *file_name(const char *argument) {
    size_t length = strlen(argument);
    if (length >= 2 && argument[0] == '"' && argument[length - 1] == '"')
        return dn_strndup(argument + 1, length - 2);
    return dn_strdup(argument);
}

dn_status dn_ask_load(dn_session *s, const char *argument) {
    if (!*argument) return dn_fail(DN_INVALID, ":load takes a file");
    char *path = file_name(argument);
    dn_status status = load(s, path, false);
    free(path);
    return status;
}

dn_status dn_ask_reload(dn_session *s, const char *argument) {
    if (!*argument && !s->file)
        return dn_with_hint(dn_fail(DN_INVALID, "no file was loaded yet"), ":load FILE.dnet");
    char *path = file_name(*argument ? argument : s->file);
    dn_status status = load(s, path, true);
    free(path);
    return status;
}

// ---- saving ----------------------------------------------------------------------------------

static void put_definitions(dn_session *s, dn_str *out) {
    dn_compiler *c = s->compiler;
    for (int i = 0; i < c->n_defs; i++) {
        const dn_def *def = c->defs[i];
        if (def->is_library || !dn_def_is_visible(c, def)) continue;
        if (def->decl->kind == DN_DECL_COMMAND && strcmp(def->name, "session") == 0) continue;
        size_t length;
        const char *text = dn_sources_text(&c->sources, def->decl->span, &length);
        dn_str_append(out, text, length);
        dn_str_puts(out, "\n\n");
    }
}

// A statement as it would be in the saved program: later definitions may not fit it any more.
static void put_statement(dn_compiler *fresh, const char *text, size_t length, dn_str *out) {
    char *statement = dn_strndup(text, length), *rest = statement, *line;
    dn_input input;
    bool fits = dn_prompt_compile(fresh, statement, &input);
    dn_input_free(&input);
    dn_diags_clear(&fresh->diags);
    if (!fits) dn_str_puts(out, "    // This does not fit the definitions above:\n");
    while ((line = strsep(&rest, "\n"))) dn_str_printf(out, "    %s%s\n", fits ? "" : "// ", line);
    free(statement);
}

static void put_statements(dn_session *s, dn_compiler *fresh, dn_str *out) {
    dn_compiler *c = s->compiler;
    for (int i = 0; i < s->n_inputs; i++) {
        uint32_t source;
        const char *text = s->inputs[i];
        dn_status status = dn_sources_add(&c->sources, "input", text, strlen(text), false, &source);
        dn_file *tree = status ? NULL : dn_parse(&c->arena, &c->sources, source, &c->diags);
        dn_status_free(status);
        dn_diags_clear(&c->diags);
        for (int k = 0; tree && k < tree->count; k++) {
            size_t length;
            if (tree->decls[k]->kind != DN_DECL_STMT) continue;
            const char *part = dn_sources_text(&c->sources, tree->decls[k]->span, &length);
            put_statement(fresh, part, length, out);
        }
    }
}

static void put_session(dn_session *s, const char *path, dn_str *out) {
    dn_compiler *fresh = dn_compiler_new(s->compiler->real);
    dn_input input;
    dn_str definitions = {0};
    put_definitions(s, &definitions);
    dn_prompt_compile(fresh, definitions.text ? definitions.text : "", &input);
    dn_input_free(&input);
    dn_diags_clear(&fresh->diags);
    dn_str_printf(out,
                  "%s :load brings it back; `dnet %s session` runs it.\n\n%scommand session() {\n",
                  session_mark, path, definitions.text ? definitions.text : "");
    put_statements(s, fresh, out);
    dn_str_puts(out, "}\n");
    free(definitions.text);
    dn_compiler_free(fresh);
}

dn_status dn_ask_save(dn_session *s, const char *argument) {
    if (!*argument) return dn_fail(DN_INVALID, ":save takes a file");
    char *path = file_name(argument);
    dn_replace replace;
    dn_status status = dn_replace_open(&replace, path);
    if (!status) {
        dn_str text = {0};
        put_session(s, path, &text);
        fwrite(text.text, 1, text.length, replace.file);
        free(text.text);
        status = dn_replace_close(&replace, DN_SUCCESS, false);
    }
    if (!status) printf("wrote %s\n", path);
    free(path);
    return status;
}
