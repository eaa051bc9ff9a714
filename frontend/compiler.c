#include "frontend/compiler.h"

#include <libgen.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "frontend/build.h"
#include "frontend/host.h"
#include "frontend/stdlib.h"

// ---- definitions
// -------------------------------------------------------------------------------------------

bool dn_compiler_is_callable(dn_decl_kind kind) {
    return kind == DN_DECL_FN || kind == DN_DECL_NET || kind == DN_DECL_OPTIMIZER ||
           kind == DN_DECL_STEP || kind == DN_DECL_COMMAND || kind == DN_DECL_MODEL;
}

static bool is_value(dn_decl_kind kind) { return kind == DN_DECL_CONST || kind == DN_DECL_MODEL; }

static dn_def *find_kind(dn_compiler *c, const char *name, bool library_only,
                         bool (*fits)(dn_decl_kind)) {
    for (int i = c->n_defs - 1; i >= 0; i--) {
        dn_def *def = c->defs[i];
        if (library_only && !def->is_library) continue;
        if (fits(def->decl->kind) && strcmp(def->name, name) == 0) return def;
    }
    return NULL;
}

dn_def *dn_compiler_find(dn_compiler *c, const char *name, bool callable, bool library_only) {
    dn_def *def = find_kind(c, name, library_only, callable ? dn_compiler_is_callable : is_value);
    if (def || callable) return def;
    return find_kind(c, name, library_only, dn_compiler_is_callable);
}

static void suggest(dn_compiler *c, dn_diag *diag, const char *name, const char *const *more,
                    int n_more, bool (*can_be)(dn_decl_kind kind)) {
    const char **names = NULL;
    int n = 0, capacity = 0;
    for (int i = 0; i < n_more; i++) DN_PUSH(names, n, capacity) = more[i];
    for (int i = c->n_defs - 1; i >= 0; i--)
        if (!can_be || can_be(c->defs[i]->decl->kind))
            DN_PUSH(names, n, capacity) = c->defs[i]->name;
    for (int op = 0; op < DN_OP_COUNT; op++)
        if (dn_op_get((dn_op)op)->class == DN_CLASS_UNARY)
            DN_PUSH(names, n, capacity) = dn_op_get((dn_op)op)->name;
    dn_diag_did_you_mean(&c->diags, diag, name, names, n);
    free(names);
}

void dn_compiler_suggest(dn_compiler *c, dn_diag *diag, const char *name, const char *const *more,
                         int n_more) {
    suggest(c, diag, name, more, n_more, NULL);
}

static bool is_for_tensors(dn_decl_kind kind) { return kind == DN_DECL_FN || kind == DN_DECL_NET; }

void dn_compiler_suggest_for_tensors(dn_compiler *c, dn_diag *diag, const char *name) {
    suggest(c, diag, name, NULL, 0, is_for_tensors);
}

// A definition of the same name and the same namespace, from the same kind of source.
static dn_def *clash(dn_compiler *c, const dn_decl *decl, bool is_library) {
    dn_def *def =
        find_kind(c, decl->name.text, is_library,
                  dn_compiler_is_callable(decl->kind) ? dn_compiler_is_callable : is_value);
    return def;
}

static void check_params(dn_compiler *c, const dn_decl *decl) {
    for (int i = 0; i < decl->n_params; i++) {
        for (int k = 0; k < i; k++) {
            if (strcmp(decl->params[i].name.text, decl->params[k].name.text) != 0) continue;
            dn_diag *diag =
                dn_diag_error(&c->diags, decl->params[i].name.span,
                              "two parameters are called `%s`", decl->params[i].name.text);
            dn_diag_note(&c->diags, diag, decl->params[k].name.span, "the other one is here");
        }
    }
}

static void declare(dn_compiler *c, const dn_decl *decl, bool is_library) {
    check_params(c, decl);
    if (decl->is_extern && !is_library) {
        dn_diag_error(&c->diags, decl->name.span,
                      "`extern` is for the standard library: the compiler has no `%s` of yours",
                      decl->name.text);
        return;
    }
    if (decl->is_export && !dn_check_export(c, decl)) return;
    dn_def *old = clash(c, decl, is_library);
    bool prompt = c->prompt != NULL;
    if (old && old->is_library == is_library && !prompt) {
        dn_diag *diag =
            dn_diag_error(&c->diags, decl->name.span, "`%s` is defined twice", decl->name.text);
        dn_diag_note(&c->diags, diag, old->decl->name.span, "the other definition is here");
        return;
    }
    if (old && old->is_library && !is_library)
        dn_diag_warning(&c->diags, DN_W_SHADOW, decl->name.span,
                        "`%s` hides the standard library's %s", decl->name.text, decl->name.text);
    dn_def *def = DN_NEW(&c->arena, dn_def);
    *def = (dn_def){.name = decl->name.text, .decl = decl, .is_library = is_library, .index = -1};
    DN_PUSH(c->defs, c->n_defs, c->cap_defs) = def;
}

// ---- -D name=value
// --------------------------------------------------------------------------------------------

bool dn_compiler_define(dn_compiler *c, const char *definition) {
    const char *equals = strchr(definition, '=');
    if (!equals || equals == definition) return false;
    int unused = c->n_defines;
    DN_PUSH(c->defines, c->n_defines, c->cap_defines) = dn_arena_strdup(&c->arena, definition);
    c->define_used = dn_xrealloc(c->define_used, (size_t)c->n_defines * sizeof *c->define_used);
    c->define_used[unused] = false;
    return true;
}

// The value of a -D for this const: parsed as an expression, or taken as it is for a string.
static dn_expr *parse_define(dn_compiler *c, const dn_decl *decl, const char *value) {
    if (decl->value->kind == DN_EXPR_STRING) {
        dn_expr *expr = DN_NEW(&c->arena, dn_expr);
        *expr = (dn_expr){.kind = DN_EXPR_STRING, .span = decl->value->span};
        expr->string.parts = DN_NEW(&c->arena, dn_string_part);
        expr->string.parts[0].text = value;
        expr->string.count = 1;
        return expr;
    }
    char *text = dn_printf("const %s = %s\n", decl->name.text, value);
    uint32_t file;
    dn_status status = dn_sources_add(&c->sources, "-D", text, strlen(text), false, &file);
    free(text);
    if (status) {
        dn_diag_status(&c->diags, decl->name.span, status);
        return decl->value;
    }
    dn_file *tree = dn_parse(&c->arena, &c->sources, file, &c->diags);
    bool fits = tree->count == 1 && tree->decls[0]->kind == DN_DECL_CONST;
    return fits ? tree->decls[0]->value : decl->value;
}

static void apply_defines(dn_compiler *c, dn_decl *decl) {
    size_t length = strlen(decl->name.text);
    for (int i = 0; i < c->n_defines; i++) {
        if (strncmp(c->defines[i], decl->name.text, length) != 0 || c->defines[i][length] != '=')
            continue;
        c->define_used[i] = true;
        decl->value = parse_define(c, decl, c->defines[i] + length + 1);
    }
}

static void check_defines(dn_compiler *c) {
    for (int i = 0; i < c->n_defines; i++) {
        if (c->define_used[i]) continue;
        const char *equals = strchr(c->defines[i], '=');
        char *name = dn_strndup(c->defines[i], (size_t)(equals - c->defines[i]));
        dn_diag *diag = dn_diag_error(&c->diags, (dn_span){0},
                                      "-D %s: the program has no const `%s`", c->defines[i], name);
        dn_compiler_suggest(c, diag, name, NULL, 0);
        free(name);
    }
}

// ---- files
// ------------------------------------------------------------------------------------------------------

static bool load_file(dn_compiler *c, const char *path, dn_span from, dn_file **tree);

static void load_import(dn_compiler *c, const dn_decl *decl) {
    const char *importer = c->sources.files[decl->span.file].path;
    char *copy = dn_strdup(importer);
    bool beside = decl->path[0] == '/' || !strchr(importer, '/');
    char *path = beside ? dn_strdup(decl->path) : dn_printf("%s/%s", dirname(copy), decl->path);
    free(copy);
    load_file(c, path, decl->span, NULL);
    free(path);
}

static void declare_all(dn_compiler *c, dn_file *tree, bool is_library) {
    for (int i = 0; i < tree->count; i++) {
        dn_decl *decl = tree->decls[i];
        switch (decl->kind) {
            case DN_DECL_ERROR: break;
            case DN_DECL_IMPORT: load_import(c, decl); break;
            case DN_DECL_STMT: {
                if (c->prompt) break;
                dn_diag *diag =
                    dn_diag_error(&c->diags, decl->span, "a statement outside of any definition");
                dn_diag_hint(&c->diags, diag, "put it into a command: command main() { ... }");
                break;
            }
            default:
                if (decl->kind == DN_DECL_CONST && !is_library) apply_defines(c, decl);
                declare(c, decl, is_library);
        }
    }
}

static bool already_loaded(dn_compiler *c, const char *path) {
    char absolute[PATH_MAX];
    const char *name = realpath(path, absolute) ? absolute : path;
    for (int i = 0; i < c->n_imported; i++)
        if (strcmp(c->imported[i], name) == 0) return true;
    DN_PUSH(c->imported, c->n_imported, c->cap_imported) = dn_arena_strdup(&c->arena, name);
    return false;
}

static bool load_file(dn_compiler *c, const char *path, dn_span from, dn_file **tree) {
    if (already_loaded(c, path)) return true;
    uint32_t file;
    dn_status status = dn_sources_read(&c->sources, path, &file);
    if (status) {
        dn_diag_status(&c->diags, from, status);
        c->unreadable = true;
        return false;
    }
    if (from.file == 0) c->main_file = file;
    const dn_source *source = &c->sources.files[file];
    c->fingerprint = dn_hash(source->text, source->length, c->fingerprint);
    int errors = c->diags.errors;
    dn_file *parsed = dn_parse(&c->arena, &c->sources, file, &c->diags);
    c->unreadable |= c->diags.errors > errors;
    if (tree) *tree = parsed;
    declare_all(c, parsed, false);
    return c->diags.errors == 0;
}

static void load_library(dn_compiler *c) {
    for (int i = 0; i < dn_stdlib_count; i++) {
        uint32_t file;
        char *path = dn_printf("stdlib/%s", dn_stdlib_files[i].name);
        dn_status status = dn_sources_add(&c->sources, path, dn_stdlib_files[i].text,
                                          dn_stdlib_files[i].length, true, &file);
        DN_ASSERT(!status, "%s: %s", path, dn_status_message(status));
        free(path);
        declare_all(c, dn_parse(&c->arena, &c->sources, file, &c->diags), true);
    }
}

dn_compiler *dn_compiler_new(dn_dtype real) {
    dn_compiler *c = dn_xcalloc(1, sizeof *c);
    c->real = real;
    c->work_limit = 3 * 1000 * 1000;
    c->dims = dn_dims_new();
    c->fingerprint = dn_hash(&c->real, sizeof c->real, DN_HASH_SEED);
    dn_sources_init(&c->sources);
    dn_diags_init(&c->diags, &c->sources);
    load_library(c);
    return c;
}

void dn_compiler_free(dn_compiler *c) {
    if (!c) return;
    for (int i = 0; i < c->n_units; i++) dn_graph_free(c->units[i].graph);
    for (int i = 0; i < c->n_constants; i++) dn_value_release(c->constants[i]);
    dn_host_free_commands(c);
    free(c->units);
    free(c->vars);
    free(c->defs);
    free(c->defines);
    free(c->define_used);
    free(c->commands);
    free(c->constants);
    free(c->record_names);
    free(c->variables);
    free(c->entries);
    free(c->imported);
    free(c->instances);
    dn_prompt_free(c->prompt);
    dn_diags_free(&c->diags);
    dn_sources_free(&c->sources);
    dn_dims_free(c->dims);
    dn_arena_free(&c->arena);
    free(c);
}

void dn_compiler_declare(dn_compiler *c, dn_file *tree) { declare_all(c, tree, false); }

bool dn_compiler_load(dn_compiler *c, const char *path, dn_file **tree) {
    load_file(c, path, (dn_span){0}, tree);
    check_defines(c);
    for (int i = 0; i < c->n_defines; i++)
        c->fingerprint = dn_hash(c->defines[i], strlen(c->defines[i]) + 1, c->fingerprint);
    return c->diags.errors == 0;
}

// ---- checking everything
// --------------------------------------------------------------------------------------

static void check_values(dn_compiler *c) {
    dn_build b;
    dn_build_init(&b, c, "const", false);
    for (int i = 0; i < c->n_defs; i++)
        if (is_value(c->defs[i]->decl->kind) && !c->defs[i]->is_library)
            dn_lookup(&b, c->defs[i]->name, c->defs[i]->decl->name.span);
    dn_graph_free(b.graph);
    dn_build_free(&b);
}

static void for_each(dn_compiler *c, dn_decl_kind kind, void (*check)(dn_compiler *, dn_def *)) {
    for (int i = 0; i < c->n_defs; i++)
        if (!c->defs[i]->is_library && c->defs[i]->decl->kind == kind) check(c, c->defs[i]);
}

static void check_exported(dn_compiler *c, dn_def *def) {
    if (def->decl->is_export) dn_build_export(c, def);
}

static void check_unused(dn_compiler *c, dn_def *def) {
    if (!def->used) dn_check_alone(c, def);
}

bool dn_compiler_check(dn_compiler *c) {
    if (c->unreadable) return false;
    check_values(c);
    for_each(c, DN_DECL_STEP, dn_host_check_step);
    for_each(c, DN_DECL_COMMAND, dn_host_compile_command);
    for_each(c, DN_DECL_FN, check_exported);
    for_each(c, DN_DECL_NET, check_exported);
    for_each(c, DN_DECL_NET, check_unused);
    for_each(c, DN_DECL_FN, check_unused);
    for_each(c, DN_DECL_OPTIMIZER, check_unused);
    for_each(c, DN_DECL_STEP, check_unused);
    return c->diags.errors == 0;
}

// ---- the program
// ----------------------------------------------------------------------------------------------

dn_location dn_compiler_location(const dn_compiler *c, dn_span span) {
    if (span.file == 0) return (dn_location){0};
    dn_place place = dn_sources_place(&c->sources, span);
    return (dn_location){.path = place.path, .line = place.line, .column = place.column};
}

static void fill_variables(dn_compiler *c) {
    if (!c->variables || c->n_vars != c->program.n_variables)
        c->variables = dn_xrealloc(c->variables, (size_t)(c->n_vars + 1) * sizeof *c->variables);
    for (int i = 0; i < c->n_vars; i++) {
        const dn_var *var = c->vars[i];
        c->variables[i] = (dn_variable){.name = var->name,
                                        .kind = var->kind,
                                        .dtype = var->type.dtype,
                                        .shape = dn_type_shape(&var->type),
                                        .place = dn_compiler_location(c, var->span),
                                        .loose = var->loose,
                                        .init = var->init};
    }
}

static void fill_entries(dn_compiler *c) {
    if (!c->entries || c->n_units != c->program.n_entries)
        c->entries = dn_xrealloc(c->entries, (size_t)(c->n_units + 1) * sizeof *c->entries);
    for (int i = 0; i < c->n_units; i++) {
        c->entries[i] = c->units[i].entry;
        c->entries[i].code = c->units[i].graph;
    }
}

const dn_program *dn_compiler_program(dn_compiler *c) {
    fill_variables(c);
    fill_entries(c);
    const char *path = c->main_file ? c->sources.files[c->main_file].path : "prompt";
    const char *slash = strrchr(path, '/');
    const char *name = slash ? slash + 1 : path;
    size_t length = strlen(name);
    if (length > 5 && strcmp(name + length - 5, ".dnet") == 0) length -= 5;
    c->program = (dn_program){
        .name = dn_arena_strndup(&c->arena, name, length),
        .source = path,
        .fingerprint = c->fingerprint,
        .variables = c->variables,
        .n_variables = c->n_vars,
        .entries = c->entries,
        .n_entries = c->n_units,
        .commands = c->commands,
        .n_commands = c->n_commands,
        .constants = c->constants,
        .n_constants = c->n_constants,
        .record_names = (const char *const *const *)c->record_names,
        .n_record_names = c->n_record_names,
    };
    return &c->program;
}
