// Questions that change the session: settings, the backend, files.
#include <stdlib.h>
#include <string.h>

#include "driver/prompt/questions.h"

// ---- settings ---------------------------------------------------------------------------------------

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
        for (int i = 0; i < COUNT; i++) printf("  %-10s %d\n", settings[i].name, *settings[i].value);
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

dn_status dn_ask_backend(dn_session *s, const char *argument) {
    static const char *const names[] = {[DN_BACKEND_X86] = "x86", [DN_BACKEND_INTERP] = "interp"};
    enum { COUNT = sizeof names / sizeof *names };
    if (!*argument) {
        printf("%s\n", names[s->backend.kind]);
        return DN_SUCCESS;
    }
    for (int i = 0; i < COUNT; i++) {
        if (strcmp(names[i], argument) != 0) continue;
        s->backend.kind = (dn_backend_kind)i;
        return DN_SUCCESS;
    }
    dn_status status = dn_fail(DN_INVALID, "the prompt's backends are x86 and interp, not `%s`",
                               argument);
    if (strncmp(argument, "cuda", 4) != 0) return status;
    return dn_with_hint(status, "programs run on GPUs: dnetc FILE.dnet -target cuda");
}

dn_status dn_ask_quit(dn_session *s, const char *argument) {
    (void)argument;
    s->ended = true;
    return DN_SUCCESS;
}

// ---- loading --------------------------------------------------------------------------------------------

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

static dn_status load(dn_session *s, const char *path) {
    dn_input input;
    bool ok = dn_prompt_load(s->compiler, path, &input);
    dn_session_flush(s);
    s->failed = !ok;
    if (!ok) {
        dn_input_free(&input);
        return DN_SUCCESS;
    }
    if (s->run) DN_TRY(dn_session_extend(s));
    printf("%s: %d definitions\n", path, input.n_defs);
    dn_session_tell_changes(s, &input);
    if (s->file != path) {
        free(s->file);
        s->file = dn_strdup(path);
    }
    return replay(s, path);
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
    dn_status status = load(s, path);
    free(path);
    return status;
}

dn_status dn_ask_reload(dn_session *s, const char *argument) {
    if (*argument) return dn_ask_load(s, argument);
    if (!s->file)
        return dn_with_hint(dn_fail(DN_INVALID, "no file was loaded yet"), ":load FILE.dnet");
    return load(s, s->file);
}

// ---- saving ---------------------------------------------------------------------------------------------

static void write_definitions(dn_session *s, FILE *file) {
    dn_compiler *c = s->compiler;
    for (int i = 0; i < c->n_defs; i++) {
        const dn_def *def = c->defs[i];
        if (def->is_library || !dn_def_is_visible(c, def)) continue;
        if (def->decl->kind == DN_DECL_COMMAND && strcmp(def->name, "session") == 0) continue;
        size_t length;
        const char *text = dn_sources_text(&c->sources, def->decl->span, &length);
        fprintf(file, "%.*s\n\n", (int)length, text);
    }
}

// Inputs that only define something are in the definitions.
static bool has_statements(dn_session *s, const char *text) {
    dn_compiler *c = s->compiler;
    uint32_t source;
    dn_status status = dn_sources_add(&c->sources, "input", text, strlen(text), false, &source);
    dn_status_free(status);
    if (status) return false;
    dn_file *tree = dn_parse(&c->arena, &c->sources, source, &c->diags);
    dn_diags_clear(&c->diags);
    for (int i = 0; i < tree->count; i++)
        if (tree->decls[i]->kind == DN_DECL_STMT) return true;
    return false;
}

static void write_statements(dn_session *s, FILE *file) {
    fprintf(file, "command session() {\n");
    for (int i = 0; i < s->n_inputs; i++)
        if (has_statements(s, s->inputs[i])) fprintf(file, "%s\n", s->inputs[i]);
    fprintf(file, "}\n");
}

dn_status dn_ask_save(dn_session *s, const char *argument) {
    if (!*argument) return dn_fail(DN_INVALID, ":save takes a file");
    char *path = file_name(argument);
    FILE *file = fopen(path, "w");
    dn_status status = file ? DN_SUCCESS : dn_fail_errno("%s", path);
    if (file) {
        fprintf(file, "%s :load brings it back; `dnet %s session` runs it.\n\n", session_mark, path);
        write_definitions(s, file);
        write_statements(s, file);
        if (fclose(file) != 0) status = dn_fail_errno("%s", path);
    }
    if (!status) printf("wrote %s\n", path);
    free(path);
    return status;
}
