#include "driver/prompt/complete.h"

#include <dirent.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "driver/prompt/questions.h"

enum { LONGEST_DETAIL = 60 };

static bool is_word(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
}

// Takes both texts.
static void add(dn_candidates *out, const char *prefix, char *text, char *detail) {
    if (strncmp(text, prefix, strlen(prefix)) != 0) {
        free(text);
        free(detail);
        return;
    }
    DN_PUSH(out->items, out->n, out->capacity) = (dn_candidate){text, detail};
}

// ---- names -----------------------------------------------------------------------------------

static char *signature_of(dn_session *s, const dn_def *def) {
    dn_style plain = s->style;
    s->style.colour = false;
    dn_str text = {0};
    dn_show_signature(s, def, &text);
    s->style = plain;
    char *line_end = strchr(text.text, '\n');
    if (line_end) *line_end = 0;
    if (strlen(text.text) > LONGEST_DETAIL) strcpy(text.text + LONGEST_DETAIL - 3, "...");
    return text.text;
}

static void add_variables(dn_session *s, const char *prefix, dn_candidates *out) {
    dn_names names = {0};
    dn_prompt_variables(s->compiler, &names);
    for (int i = 0; i < names.count; i++) {
        int local;
        dn_str type = {0};
        dn_host_type_print(dn_prompt_variable(s->compiler, names.items[i], &local), &type);
        add(out, prefix, dn_strdup(names.items[i]), dn_str_take(&type));
    }
    free(names.items);
}

static void add_definitions(dn_session *s, const char *prefix, dn_candidates *out) {
    dn_compiler *c = s->compiler;
    for (int i = 0; i < c->n_defs; i++) {
        const dn_def *def = c->defs[i];
        if (strncmp(def->name, prefix, strlen(prefix)) == 0 && dn_def_is_visible(c, def))
            add(out, prefix, dn_strdup(def->name), signature_of(s, def));
    }
}

static void add_words(const char *prefix, dn_candidates *out) {
    static const char *const words[] = {
        "let",  "return", "for",   "in",    "while",     "break",   "if",     "else",
        "and",  "or",     "not",   "div",   "true",      "false",   "import", "const",
        "fn",   "net",    "model", "step",  "optimizer", "command", "log",    "minimize",
        "over", "with",   "param", "state", "continue"};
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        add(out, prefix, dn_strdup(words[i]), dn_strdup(""));
    for (int op = 0; op < DN_OP_COUNT; op++)
        if (dn_op_get((dn_op)op)->class == DN_CLASS_UNARY)
            add(out, prefix, dn_strdup(dn_op_get((dn_op)op)->name), dn_strdup("elementwise"));
}

// ---- fields ----------------------------------------------------------------------------------

// "r." and "r.a.": the fields of the prompt's variable, by its type.
static void add_record_fields(dn_session *s, const char *path, const char *prefix,
                              dn_candidates *out) {
    char *copy = dn_strdup(path), *rest = copy, *name = strsep(&rest, ".");
    int local;
    const dn_host_type *type = dn_prompt_variable(s->compiler, name, &local);
    while (type && type->kind == DN_HOST_RECORD && (name = strsep(&rest, ".")) && *name)
        type = dn_host_field(type, name);
    for (int i = 0; type && type->kind == DN_HOST_RECORD && i < type->count; i++) {
        dn_str text = {0};
        dn_host_type_print(type->fields[i], &text);
        add(out, prefix, dn_strdup(type->names[i]), dn_str_take(&text));
    }
    free(copy);
}

// "M." and "M.dense.": what the names of parameters go on with.
static void add_parameters(dn_session *s, const char *path, const char *prefix,
                           dn_candidates *out) {
    const dn_compiler *c = s->compiler;
    size_t n = strlen(path);
    for (int i = 0; i < c->n_vars; i++) {
        const dn_var *var = c->vars[i];
        if (var->kind == DN_VARIABLE_SLOT || strncmp(var->name, path, n) != 0) continue;
        if (var->name[n] != '.') continue;
        const char *part = var->name + n + 1;
        size_t length = strcspn(part, ".");
        dn_str type = {0};
        if (!part[length]) dn_type_print(c->dims, &var->type, &type);
        add(out, prefix, dn_strndup(part, length), type.text ? dn_str_take(&type) : dn_strdup(""));
    }
}

static void add_fields(dn_session *s, const char *before, size_t length, const char *prefix,
                       dn_candidates *out) {
    char *path = dn_strndup(before, length);
    add_record_fields(s, path, prefix, out);
    if (!out->n) add_parameters(s, path, prefix, out);
    free(path);
}

// ---- flags: named arguments of the call around the cursor ------------------------------------

static void add_arguments(dn_session *s, const char *before, size_t end, const char *prefix,
                          dn_candidates *out) {
    int depth = 0;
    size_t at = end;
    for (; at > 0; at--) {
        char c = before[at - 1];
        if (c == ')' || c == ']' || c == '}') depth++;
        if ((c == '(' || c == '[' || c == '{') && depth-- == 0) break;
    }
    if (at == 0 || before[at - 1] != '(') return;
    size_t last = at - 1, first = last;
    while (first > 0 && is_word(before[first - 1])) first--;
    char *name = dn_strndup(before + first, last - first);
    dn_def *def = *name ? dn_compiler_find(s->compiler, name, true, false) : NULL;
    free(name);
    for (int i = 0; def && i < def->decl->n_params; i++) {
        const dn_param *p = &def->decl->params[i];
        size_t length = 0;
        const char *type =
            p->type ? dn_sources_text(&s->compiler->sources, p->type->span, &length) : "";
        add(out, prefix, dn_printf("%s:", p->name.text), dn_strndup(type, length));
    }
}

// ---- files -----------------------------------------------------------------------------------

static void add_files(const char *path, dn_candidates *out) {
    const char *slash = strrchr(path, '/'), *name = slash ? slash + 1 : path;
    char *folder = slash ? dn_strndup(path, (size_t)(slash - path) + 1) : dn_strdup("");
    DIR *dir = opendir(*folder ? folder : ".");
    for (struct dirent *entry; dir && (entry = readdir(dir));) {
        if (entry->d_name[0] == '.' && name[0] != '.') continue;
        struct stat info;
        char *whole = dn_printf("%s%s", folder, entry->d_name);
        bool is_folder = stat(whole, &info) == 0 && S_ISDIR(info.st_mode);
        add(out, path, dn_printf("%s%s", whole, is_folder ? "/" : ""), dn_strdup(""));
        free(whole);
    }
    if (dir) closedir(dir);
    free(folder);
}

// Where the string begins that the cursor is in; -1 if it is in none.
static long open_string(const char *before) {
    long begin = -1;
    for (long i = 0; before[i]; i++) {
        if (begin >= 0 && before[i] == '\\' && before[i + 1])
            i++;
        else if (before[i] == '"')
            begin = begin >= 0 ? -1 : i + 1;
    }
    return begin;
}

// ---- questions -------------------------------------------------------------------------------

// The word is behind the colon or an argument that is a file.
static bool add_for_question(dn_session *s, const char *before, const char *word,
                             dn_candidates *out) {
    const char *colon = before + strspn(before, " \t");
    if (*colon != ':') return false;
    if (!strpbrk(colon, " \t")) {
        for (int i = 0; i < dn_n_questions; i++)
            add(out, word, dn_strdup(dn_questions[i].name), dn_strdup(dn_questions[i].help));
        return true;
    }
    static const char *const with_files[] = {":load ", ":reload ", ":save "};
    for (size_t i = 0; i < sizeof with_files / sizeof *with_files; i++) {
        size_t length = strlen(with_files[i]);
        if (strncmp(colon, with_files[i], length) != 0) continue;
        out->word = strlen(colon + length);
        add_files(colon + length, out);
        return true;
    }
    if (strncmp(colon, ":help ", 6) == 0)
        for (int i = 0; i < dn_n_questions; i++)
            add(out, word, dn_strdup(dn_questions[i].name), dn_strdup(dn_questions[i].help));
    (void)s;
    return false;
}

// ---- all of them -----------------------------------------------------------------------------

static int by_text(const void *a, const void *b) {
    return strcmp(((const dn_candidate *)a)->text, ((const dn_candidate *)b)->text);
}

static void sort_once_each(dn_candidates *c) {
    int kept = 0;
    if (c->n) qsort(c->items, (size_t)c->n, sizeof *c->items, by_text);
    for (int i = 0; i < c->n; i++) {
        if (kept && strcmp(c->items[kept - 1].text, c->items[i].text) == 0) {
            free(c->items[i].text);
            free(c->items[i].detail);
        } else {
            c->items[kept++] = c->items[i];
        }
    }
    c->n = kept;
}

static void collect(dn_session *s, const char *before, dn_candidates *out) {
    size_t end = strlen(before), begin = end;
    long string = open_string(before);
    if (string >= 0) {
        out->word = end - (size_t)string;
        add_files(before + string, out);
        return;
    }
    while (begin > 0 && is_word(before[begin - 1])) begin--;
    const char *word = before + begin;
    out->word = end - begin;
    if (add_for_question(s, before, word, out)) return;
    if (begin > 0 && before[begin - 1] == '.') {
        size_t path = begin - 1;
        while (path > 0 && (is_word(before[path - 1]) || before[path - 1] == '.')) path--;
        add_fields(s, before + path, begin - 1 - path, word, out);
        return;
    }
    add_arguments(s, before, begin, word, out);
    if (!*word && out->n) return;
    add_variables(s, word, out);
    add_definitions(s, word, out);
    add_words(word, out);
}

dn_candidates dn_complete(dn_session *s, const char *before) {
    dn_candidates out = {0};
    collect(s, before, &out);
    sort_once_each(&out);
    return out;
}

void dn_candidates_free(dn_candidates *c) {
    for (int i = 0; i < c->n; i++) {
        free(c->items[i].text);
        free(c->items[i].detail);
    }
    free(c->items);
}

size_t dn_candidates_common(const dn_candidates *c) {
    size_t common = c->n ? strlen(c->items[0].text) : 0;
    for (int i = 1; i < c->n; i++) {
        size_t k = 0;
        while (k < common && c->items[0].text[k] == c->items[i].text[k]) k++;
        common = k;
    }
    return common;
}
