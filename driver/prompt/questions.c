#include "driver/prompt/questions.h"

#include <stdlib.h>
#include <string.h>

const dn_question dn_questions[] = {
#define QUESTION(name, argument, help, topic) {#name, argument, help, topic, dn_ask_##name},
#include "driver/prompt/questions.def"
#undef QUESTION
};
const int dn_n_questions = sizeof dn_questions / sizeof *dn_questions;

// ---- which question --------------------------------------------------------------------------

// A whole name, or the beginning of just one.
static const dn_question *find_question(const char *name, size_t length) {
    const dn_question *found = NULL;
    for (int i = 0; i < dn_n_questions; i++) {
        const dn_question *q = &dn_questions[i];
        if (strncmp(q->name, name, length) != 0) continue;
        if (strlen(q->name) == length) return q;
        if (found) return NULL;
        found = q;
    }
    return found;
}

static dn_status unknown_question(const char *name) {
    const char **names = dn_xcalloc((size_t)dn_n_questions, sizeof *names);
    for (int i = 0; i < dn_n_questions; i++) names[i] = dn_questions[i].name;
    const char *close = dn_closest_name(name, names, dn_n_questions);
    dn_status status = dn_fail(DN_NOT_FOUND, "there is no question :%s", name);
    free(names);
    if (close) return dn_with_hint(status, "did you mean :%s?", close);
    return dn_with_hint(status, ":help lists them");
}

void dn_question_ask(dn_session *s, const char *text) {
    size_t length = strcspn(text, " \t\n");
    const dn_question *q = length ? find_question(text, length) : NULL;
    const char *argument = text + length + strspn(text + length, " \t\n");
    dn_status status;
    if (q) {
        dn_style_update(&s->style, stdout);
        status = q->function(s, argument);
    } else {
        char *name = dn_strndup(text, length);
        status = unknown_question(name);
        free(name);
    }
    dn_session_flush(s);
    if (status) dn_session_report(s, status);
}

// ---- words -----------------------------------------------------------------------------------

static bool is_name(const char *text) {
    if (!*text || strspn(text, "0123456789") > 0) return false;
    return text[strspn(text, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_")] ==
           0;
}

static bool is_taken(const dn_session *s, const char *name) {
    int local;
    return dn_prompt_variable(s->compiler, name, &local) ||
           dn_compiler_find(s->compiler, name, false, false);
}

// "help relu", "help(relu)", "?" and "quit()", which other prompts have.
static bool asks_for_help(dn_session *s, const char *text) {
    size_t n = strspn(text, "abcdefghijklmnopqrstuvwxyz");
    char *word = dn_strndup(text, n), *rest = dn_strdup(text + n + strspn(text + n, " ("));
    rest[strcspn(rest, " )")] = 0;
    const char *question = NULL;
    bool quits = strcmp(word, "quit") == 0 || strcmp(word, "exit") == 0;
    if (strcmp(text, "?") == 0 || (strcmp(word, "help") == 0 && text[n] && !is_taken(s, word)))
        question = "help";
    else if (quits && strcmp(text + n, "()") == 0 && !is_taken(s, word))
        question = "quit";
    char *whole = dn_printf("%s %s", question ? question : "", *word ? rest : "");
    bool asks = question && (!*rest || !*word || is_name(rest) || *rest == ':');
    if (asks) dn_question_ask(s, whole);
    free(whole);
    free(rest);
    free(word);
    return asks;
}

bool dn_question_word(dn_session *s, const char *text) {
    static const struct {
        const char *word, *question;
    } words[] = {{"help", "help"}, {"quit", "quit"}, {"exit", "quit"}, {"reload", "reload"}};
    int local;
    if (asks_for_help(s, text)) return true;
    if (!is_name(text) || dn_prompt_variable(s->compiler, text, &local)) return false;
    for (size_t i = 0; i < sizeof words / sizeof *words && !is_taken(s, text); i++) {
        if (strcmp(words[i].word, text) != 0) continue;
        dn_question_ask(s, words[i].question);
        return true;
    }
    dn_def *def = dn_compiler_find(s->compiler, text, false, false);
    if (!def || def->decl->kind == DN_DECL_CONST) return false;
    dn_str out = {0};
    dn_style_update(&s->style, stdout);
    if (def->decl->kind == DN_DECL_MODEL) {
        dn_show_model(s, def);
    } else {
        dn_show_signature(s, def, &out);
        dn_show_doc(s, def, &out);
        dn_style_wrap(&s->style, &out);
    }
    dn_session_print(&out);
    return true;
}

// ---- what several questions need -------------------------------------------------------------

bool dn_try(dn_session *s, const char *text, dn_input *input) {
    if (!*text) {
        dn_session_report(s, dn_fail(DN_INVALID, "an expression is missing"));
        return false;
    }
    bool ok = dn_prompt_try(s->compiler, text, input);
    dn_session_flush(s);
    dn_input_free(input);
    if (!ok) s->failed = true;
    return ok;
}

dn_def *dn_find_definition(dn_session *s, const char *name) {
    dn_compiler *c = s->compiler;
    dn_def *def = dn_compiler_find(c, name, true, false);
    if (!def) def = dn_compiler_find(c, name, false, false);
    if (def) return def;
    const char **names = dn_xcalloc((size_t)c->n_defs + 1, sizeof *names);
    for (int i = 0; i < c->n_defs; i++) names[i] = c->defs[i]->name;
    const char *close = dn_closest_name(name, names, c->n_defs);
    free(names);
    dn_status status = dn_fail(DN_NOT_FOUND, "there is no definition of `%s`", name);
    if (close) status = dn_with_hint(status, "did you mean `%s`?", close);
    dn_session_report(s, status);
    return NULL;
}

// ---- the entries behind an expression --------------------------------------------------------

typedef struct entries {
    int *units;
    int n, capacity;
    bool *seen;  // commands
} entries;

static void add_unit(entries *e, int unit) {
    for (int i = 0; i < e->n; i++)
        if (e->units[i] == unit) return;
    DN_PUSH(e->units, e->n, e->capacity) = unit;
}

static void add_called(const dn_compiler *c, int command, entries *e) {
    if (e->seen[command]) return;
    e->seen[command] = true;
    const dn_command *code = &c->commands[command];
    for (int i = 0; i < code->n_code; i++) {
        if (code->code[i].op == DN_VM_CALL_ENTRY) add_unit(e, code->code[i].a);
        if (code->code[i].op == DN_VM_CALL_COMMAND) add_called(c, code->code[i].a, e);
    }
}

// A step or command by its name. Steps have an entry once their shapes are known.
static bool add_named(dn_session *s, const char *name, entries *e) {
    const dn_compiler *c = s->compiler;
    if (!is_name(name)) return false;
    dn_def *def = dn_compiler_find(s->compiler, name, true, false);
    if (!def) return false;
    if (def->decl->kind == DN_DECL_COMMAND && def->index >= 0) {
        add_called(c, def->index, e);
        return true;
    }
    for (int i = 0, entry; (entry = dn_prompt_step_entry(c, def, i)) >= 0; i++) add_unit(e, entry);
    return def->decl->kind == DN_DECL_STEP;
}

dn_def *dn_bare_function(dn_session *s, const char *text) {
    int local;
    if (!is_name(text) || dn_prompt_variable(s->compiler, text, &local)) return NULL;
    dn_def *def = dn_compiler_find(s->compiler, text, true, false);
    if (!def) return NULL;
    dn_decl_kind kind = def->decl->kind;
    return kind == DN_DECL_MODEL || kind == DN_DECL_NET || kind == DN_DECL_FN ? def : NULL;
}

// What can be asked instead of about a name: a call, with its parameters' types as arguments.
static dn_status needs_call(dn_session *s, dn_def *def) {
    dn_network network = {0};
    if (def->decl->kind == DN_DECL_MODEL) dn_network_describe(s->compiler, def, &network);
    dn_diags_clear(&s->compiler->diags);
    const dn_decl *decl = network.decl ? network.decl : def->decl;
    dn_network_free(&network);
    dn_str takes = {0}, call = {0};
    for (int i = 0; i < decl->n_params; i++) {
        size_t length;
        const dn_param *p = &decl->params[i];
        if (!p->type || p->init) continue;
        const char *type = dn_sources_text(&s->compiler->sources, p->type->span, &length);
        const char *sizes = memchr(type, '[', length);
        dn_str_printf(&takes, "%s%s: %.*s", takes.length ? ", " : "", p->name.text, (int)length,
                      type);
        if (call.length) dn_str_puts(&call, ", ");
        if (sizes)
            dn_str_printf(&call, "zeros(%.*s)", (int)(length - (size_t)(sizes - type)), sizes);
        else
            dn_str_puts(&call, p->name.text);
    }
    dn_status status = dn_fail(DN_INVALID, "`%s` has no sizes by itself: it takes %s", def->name,
                               takes.text ? takes.text : "nothing");
    status = dn_with_hint(status, "ask about a call with numbers for its sizes, as %s(%s)",
                          def->name, call.text ? call.text : "");
    free(takes.text);
    free(call.text);
    return status;
}

dn_status dn_entries_of(dn_session *s, const char *text, int **units, int *n) {
    const dn_compiler *c = s->compiler;
    dn_def *bare = dn_bare_function(s, text);
    if (bare) return needs_call(s, bare);
    entries e = {.seen = dn_xcalloc((size_t)c->n_commands + 2, sizeof *e.seen)};
    dn_input input;
    bool ok = true;
    if (!add_named(s, text, &e)) {
        ok = dn_try(s, text, &input);
        if (ok && input.command >= 0) {
            e.seen = dn_xrealloc(e.seen, (size_t)c->n_commands * sizeof *e.seen);
            memset(e.seen, 0, (size_t)c->n_commands * sizeof *e.seen);
            add_called(c, input.command, &e);
        }
        if (ok) dn_prompt_forget(s->compiler);
    }
    free(e.seen);
    *units = e.units;
    *n = e.n;
    if (!ok || e.n > 0) return DN_SUCCESS;
    dn_def *step = is_name(text) ? dn_compiler_find(s->compiler, text, true, false) : NULL;
    if (step && step->decl->kind == DN_DECL_STEP) return needs_call(s, step);
    return dn_with_hint(
        dn_fail(DN_INVALID, "nothing in `%s` is tensor code that is compiled", text),
        "ask about an expression on tensors, or about a step by its name");
}
