#include "frontend/prompt.h"

#include <stdlib.h>
#include <string.h>

#include "frontend/host.h"

// What an input may change, as it was before.
typedef struct mark {
    int n_defs, n_locals, n_vars, n_instances, n_commands;
    dn_host_local *locals;
    dn_var *vars;
    dn_def **defs;
    dn_instance *instances;
} mark;

struct dn_prompt {
    dn_host host;  // its locals live from input to input
    int inputs;
    int first_local;  // of the last input
    mark before;      // of the input that dn_prompt_try compiled
};

void dn_input_free(dn_input *input) {
    free(input->rebuilt.items);
    free(input->broken.items);
    free(input->gone.items);
}

// ---- all or nothing --------------------------------------------------------------------------

static mark take_mark(const dn_compiler *c) {
    const dn_host *h = &c->prompt->host;
    mark m = {.n_defs = c->n_defs,
              .n_locals = h->n_locals,
              .n_vars = c->n_vars,
              .n_instances = c->n_instances,
              .n_commands = c->n_commands};
    m.locals = dn_xcalloc((size_t)m.n_locals + 1, sizeof *m.locals);
    m.vars = dn_xcalloc((size_t)m.n_vars + 1, sizeof *m.vars);
    m.defs = dn_xcalloc((size_t)m.n_defs + 1, sizeof(dn_def *));
    m.instances = dn_xcalloc((size_t)m.n_instances + 1, sizeof *m.instances);
    for (int i = 0; i < m.n_locals; i++) m.locals[i] = h->locals[i];
    for (int i = 0; i < m.n_vars; i++) m.vars[i] = *c->vars[i];
    for (int i = 0; i < m.n_defs; i++) m.defs[i] = c->defs[i];
    for (int i = 0; i < m.n_instances; i++) m.instances[i] = c->instances[i];
    return m;
}

static void free_mark(mark *m) {
    free(m->locals);
    free(m->vars);
    free(m->defs);
    free(m->instances);
    *m = (mark){0};
}

// What was evaluated to an error is evaluated again when it is used next, so that it is told.
static void forget_results(dn_compiler *c, int n_commands) {
    for (int i = 0; i < c->n_defs; i++) {
        dn_def *def = c->defs[i];
        if (def->is_library) continue;
        bool command = def->decl->kind == DN_DECL_COMMAND;
        bool failed =
            command ? def->index < 0 || def->index >= n_commands : dn_term_is_error(def->value);
        if (!failed) continue;
        def->state = DN_DEF_NEW;
        def->index = -1;
    }
}

// Variables that the input made stay in the list, to be used by a better one.
static void restore(dn_compiler *c, mark *m) {
    dn_host *h = &c->prompt->host;
    for (int i = 0; i < m->n_defs; i++) c->defs[i] = m->defs[i];
    c->n_defs = m->n_defs;
    h->n_locals = m->n_locals;
    for (int i = 0; i < m->n_locals; i++) h->locals[i] = m->locals[i];
    for (int i = 0; i < m->n_vars; i++) *c->vars[i] = m->vars[i];
    for (int i = m->n_vars; i < c->n_vars; i++) c->vars[i]->loose = true;
    c->n_instances = m->n_instances;  // there were never fewer, so there is room
    for (int i = 0; i < m->n_instances; i++) c->instances[i] = m->instances[i];
    forget_results(c, m->n_commands);
    free_mark(m);
}

// ---- one input -------------------------------------------------------------------------------

void dn_prompt_free(struct dn_prompt *prompt) {
    if (!prompt) return;
    dn_host_free(&prompt->host);
    free_mark(&prompt->before);
    free(prompt);
}

static void begin(dn_compiler *c, dn_input *out) {
    if (!c->prompt) {
        c->prompt = dn_xcalloc(1, sizeof *c->prompt);
        c->prompt->host.c = c;
    }
    c->prompt->inputs++;
    c->prompt->first_local = c->prompt->host.n_locals;
    *out = (dn_input){.command = -1, .n_units = c->n_units};
}

// The names that a `let` outside of any block introduces are the prompt's, and stay.
static void keep_names(dn_host *h, const dn_block *block, int first) {
    for (int k = 0; k < block->count; k++) {
        const dn_stmt *stmt = block->stmts[k];
        if (stmt->kind != DN_STMT_LET) continue;
        for (int i = first; i < h->n_locals; i++)
            for (int n = 0; n < stmt->bind.pattern.count; n++)
                if (h->locals[i].span.begin == stmt->bind.pattern.names[n].span.begin)
                    h->locals[i].out_of_scope = false;
    }
}

// Returns whether there were no errors.
static bool compile_statements(dn_compiler *c, dn_file *tree, dn_input *out) {
    dn_host *h = &c->prompt->host;
    dn_block block = {.stmts = DN_NEW_ARRAY(&c->arena, dn_stmt *, tree->count)};
    for (int i = 0; i < tree->count; i++)
        if (tree->decls[i]->kind == DN_DECL_STMT) block.stmts[block.count++] = tree->decls[i]->stmt;
    if (block.count == 0) return true;
    out->is_expression = tree->count == 1 && block.stmts[0]->kind == DN_STMT_EXPR;
    h->code = NULL;
    h->places = NULL;
    h->loop = NULL;
    h->result = NULL;
    h->n_code = h->cap_code = h->cap_places = 0;
    h->name = dn_arena_printf(&c->arena, "prompt%d", c->prompt->inputs);
    h->thunks = 0;
    int errors = c->diags.errors, first = h->n_locals;
    out->type = dn_host_block(h, &block, true);
    keep_names(h, &block, first);
    dn_host_emit(h, DN_VM_RETURN, 0, 0);
    if (c->diags.errors > errors) {
        free(h->code);
        free(h->places);
        return false;
    }
    out->command = dn_host_add_command(h, "", NULL, 0);
    return true;
}

static void check_new(dn_compiler *c, int first) {
    for (int i = first; i < c->n_defs; i++) dn_prompt_check(c, c->defs[i]);
}

static bool compile(dn_compiler *c, const char *text, dn_input *out) {
    uint32_t file;
    dn_status status = dn_sources_add(&c->sources, "input", text, strlen(text), false, &file);
    if (status) {
        dn_diag_status(&c->diags, (dn_span){0}, status);
        return false;
    }
    int first = c->n_defs;
    dn_file *tree = dn_parse(&c->arena, &c->sources, file, &c->diags);
    out->incomplete = tree->incomplete;
    if (c->diags.errors > 0) return false;
    dn_compiler_declare(c, tree);
    out->n_defs = c->n_defs - first;
    // What uses the old definitions has to go first: the new ones may use it.
    if (c->diags.errors == 0) dn_redefine(c, first, out);
    if (c->diags.errors == 0) check_new(c, first);
    return c->diags.errors == 0 && compile_statements(c, tree, out) && c->diags.errors == 0;
}

static bool finish(dn_compiler *c, bool ok, mark *before, dn_input *out) {
    if (ok) {
        dn_redefine_check(c, out);
        dn_prompt_find_unused(c);
        free_mark(before);
    } else {
        restore(c, before);
    }
    return ok;
}

bool dn_prompt_compile(dn_compiler *c, const char *text, dn_input *out) {
    begin(c, out);
    mark before = take_mark(c);
    return finish(c, compile(c, text, out), &before, out);
}

// ---- files -----------------------------------------------------------------------------------

// Whether a definition of the same name and kind of name is among those from `first` on.
static bool is_replaced(const dn_compiler *c, const dn_def *old, int first) {
    for (int i = first; i < c->n_defs; i++) {
        const dn_def *def = c->defs[i];
        if (strcmp(def->name, old->name) == 0 &&
            dn_compiler_is_callable(def->decl->kind) == dn_compiler_is_callable(old->decl->kind))
            return true;
    }
    return false;
}

static bool is_of_new_file(const dn_compiler *c, const dn_def *def, int first_file) {
    const char *path = c->sources.files[def->decl->span.file].path;
    for (int i = first_file; i < c->sources.count; i++)
        if (strcmp(c->sources.files[i].path, path) == 0) return true;
    return false;
}

// Definitions that are in the files no more. They are hidden from here on: taken out of the list.
static void remove_gone(dn_compiler *c, int first, int first_file, dn_input *out) {
    int kept = 0;
    for (int i = 0; i < c->n_defs; i++) {
        dn_def *def = c->defs[i];
        bool gone = i < first && !def->is_library && is_of_new_file(c, def, first_file) &&
                    !is_replaced(c, def, first);
        if (gone)
            DN_PUSH(out->gone.items, out->gone.count, out->gone.capacity) = def->name;
        else
            c->defs[kept++] = def;
    }
    c->n_defs = kept;
}

bool dn_prompt_load(dn_compiler *c, const char *path, dn_input *out) {
    begin(c, out);
    mark before = take_mark(c);
    int first = c->n_defs, first_file = c->sources.count;
    for (int i = 0; i < c->n_imported; i++) c->imported[i] = "";  // all is read again
    c->unreadable = false;
    bool ok = dn_compiler_load(c, path, NULL) && c->diags.errors == 0;
    out->n_defs = c->n_defs - first;
    if (ok) {
        remove_gone(c, first, first_file, out);
        first -= out->gone.count;
        dn_redefine(c, first, out);
        check_new(c, first);
        ok = c->diags.errors == 0;
    }
    return finish(c, ok, &before, out);
}

// ---- on trial --------------------------------------------------------------------------------

bool dn_prompt_try(dn_compiler *c, const char *text, dn_input *out) {
    begin(c, out);
    mark before = take_mark(c);
    bool ok = compile(c, text, out);
    if (ok)
        c->prompt->before = before;
    else
        restore(c, &before);
    return ok;
}

void dn_prompt_forget(dn_compiler *c) { restore(c, &c->prompt->before); }

void dn_prompt_failed(dn_compiler *c, const dn_value *locals) {
    dn_host *h = &c->prompt->host;
    for (int i = c->prompt->first_local; i < h->n_locals; i++)
        if (locals[i].kind == DN_VALUE_NONE) h->locals[i].out_of_scope = true;
}

// ---- what is there ---------------------------------------------------------------------------

int dn_prompt_input(const dn_compiler *c) { return c->prompt ? c->prompt->inputs : 0; }

const dn_host_type *dn_prompt_variable(const dn_compiler *c, const char *name, int *local) {
    if (!c->prompt) return NULL;
    *local = dn_host_find_local(&c->prompt->host, name);
    return *local < 0 ? NULL : c->prompt->host.locals[*local].type;
}

bool dn_prompt_is_visible(const dn_compiler *c, int i) {
    const dn_host *h = &c->prompt->host;
    const char *name = i < h->n_locals ? h->locals[i].name : NULL;
    return name && dn_host_find_local(h, name) == i;
}

void dn_prompt_variables(const dn_compiler *c, dn_names *out) {
    for (int i = 0; c->prompt && i < c->prompt->host.n_locals; i++)
        if (dn_prompt_is_visible(c, i))
            DN_PUSH(out->items, out->count, out->capacity) = c->prompt->host.locals[i].name;
}

int dn_prompt_step_entry(const dn_compiler *c, const dn_def *def, int i) {
    for (int k = 0; k < c->n_instances; k++)
        if (c->instances[k].def == def && c->instances[k].entry >= 0 && i-- == 0)
            return c->instances[k].entry;
    return -1;
}

// Of a step that counts, for one of the shapes it is called with.
static bool is_current(dn_compiler *c, int entry) {
    for (int i = 0; i < c->n_instances; i++)
        if (c->instances[i].entry == entry) return dn_def_is_visible(c, c->instances[i].def);
    return false;
}

bool dn_prompt_takes_place(dn_compiler *c, int a, int b) {
    return strcmp(c->units[a].entry.name, c->units[b].entry.name) == 0 && !is_current(c, a);
}

bool dn_def_is_visible(dn_compiler *c, const dn_def *def) {
    bool callable = dn_compiler_is_callable(def->decl->kind);
    return dn_compiler_find(c, def->name, callable, false) == def;
}
