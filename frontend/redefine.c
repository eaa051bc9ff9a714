// What a new definition of an old name means for the rest of the session.
//
// Definitions are looked up by name whenever code is evaluated, so they need no relinking: what
// used the old one forgets what was made of it (the value of a const or model, the entries of a
// step, the bytecode of a command) and is evaluated again when it is used next. Which ones these
// are is read off their text: a word that is the name counts, whatever it stands for there.
//
// Variables of a model among them become loose: the next use settles their types, and those whose
// type stays keep their values.
#include <stdlib.h>
#include <string.h>

#include "frontend/host.h"
#include "frontend/prompt.h"

// ---- which ones ------------------------------------------------------------------------------

static bool is_name_char(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
}

static bool mentions(const dn_compiler *c, const dn_decl *decl, const char *name) {
    size_t length, n = strlen(name);
    const char *text = dn_sources_text(&c->sources, decl->span, &length), *end = text + length;
    for (const char *at = text; (at = memmem(at, (size_t)(end - at), name, n)); at += n) {
        bool begins = at == text || !is_name_char(at[-1]);
        if (begins && (at + n == end || !is_name_char(at[n]))) return true;
    }
    return false;
}

// Whether definition `i` hides one.
static bool replaces(dn_compiler *c, int i) {
    const dn_def *def = c->defs[i];
    bool callable = dn_compiler_is_callable(def->decl->kind);
    for (int k = 0; k < i; k++)
        if (strcmp(c->defs[k]->name, def->name) == 0 &&
            dn_compiler_is_callable(c->defs[k]->decl->kind) == callable)
            return true;
    return false;
}

static bool uses_any(const dn_compiler *c, const dn_decl *decl, const bool *changed) {
    for (int i = 0; i < c->n_defs; i++)
        if (changed[i] && mentions(c, decl, c->defs[i]->name)) return true;
    return false;
}

// changed[i]: definition i replaces another, or uses one that does.
static void find_changed(dn_compiler *c, int first, bool *changed) {
    bool more = false;
    for (int i = first; i < c->n_defs; i++) more |= changed[i] = replaces(c, i);
    while (more) {
        more = false;
        for (int i = 0; i < c->n_defs; i++) {
            const dn_def *def = c->defs[i];
            if (changed[i] || def->is_library || !dn_def_is_visible(c, def)) continue;
            more |= changed[i] = uses_any(c, def->decl, changed);
        }
    }
}

// ---- forgetting ------------------------------------------------------------------------------

static bool begins_with(const char *text, const char *name, char then) {
    size_t n = strlen(name);
    return strncmp(text, name, n) == 0 && text[n] == then;
}

static bool is_slot_of(const dn_var *var, const char *optimizer) {
    const char *slash = strrchr(var->name, '/');
    return slash && begins_with(slash + 1, optimizer, '.');
}

static void loosen(dn_compiler *c, const dn_def *def) {
    dn_decl_kind kind = def->decl->kind;
    for (int i = 0; i < c->n_vars; i++) {
        dn_var *var = c->vars[i];
        if ((kind == DN_DECL_MODEL && begins_with(var->name, def->name, '.')) ||
            (kind == DN_DECL_OPTIMIZER && is_slot_of(var, def->name)))
            var->loose = true;
    }
}

static void forget(dn_compiler *c, dn_def *def) {
    def->state = DN_DEF_NEW;
    def->value = (dn_term){0};
    def->index = -1;
    def->used = false;
    def->result = NULL;
    int kept = 0;
    for (int i = 0; i < c->n_instances; i++)
        if (c->instances[i].def != def) c->instances[kept++] = c->instances[i];
    c->n_instances = kept;
}

void dn_redefine(dn_compiler *c, int first, dn_input *out) {
    bool *changed = dn_xcalloc((size_t)c->n_defs + 1, sizeof *changed);
    find_changed(c, first, changed);
    for (int i = 0; i < c->n_defs; i++) {
        if (!changed[i]) continue;
        loosen(c, c->defs[i]);
        if (i >= first) continue;
        forget(c, c->defs[i]);
        DN_PUSH(out->rebuilt.items, out->rebuilt.count, out->rebuilt.capacity) = c->defs[i]->name;
    }
    free(changed);
}

// ---- whether the others still fit ------------------------------------------------------------

static void check_value(dn_compiler *c, const dn_def *def) {
    dn_build b;
    dn_build_init(&b, c, "const", false);
    dn_lookup(&b, def->name, def->decl->name.span);
    dn_graph_free(b.graph);
    dn_build_free(&b);
}

void dn_prompt_check(dn_compiler *c, dn_def *def) {
    switch (def->decl->kind) {
        case DN_DECL_CONST:
        case DN_DECL_MODEL: check_value(c, def); break;
        case DN_DECL_STEP: dn_host_check_step(c, def); break;
        case DN_DECL_COMMAND: dn_host_compile_command(c, def); break;
        case DN_DECL_NET:
        case DN_DECL_FN: dn_check_alone(c, def); break;
        default: break;
    }
}

// A failure leaves the definition to be evaluated again, so that its next use says why, too.
static bool still_fits(dn_compiler *c, dn_def *def) {
    int errors = c->diags.errors, n_instances = c->n_instances;
    c->diags.errors = 0;  // what was wrong with another must not count here
    dn_prompt_check(c, def);
    bool fits = c->diags.errors == 0;
    c->diags.errors += errors;
    if (fits) return true;
    c->n_instances = n_instances;
    def->state = DN_DEF_NEW;
    def->value = (dn_term){0};
    def->index = -1;
    return false;
}

void dn_redefine_check(dn_compiler *c, dn_input *out) {
    int kept = 0;
    for (int i = 0; i < out->rebuilt.count; i++) {
        const char *name = out->rebuilt.items[i];
        dn_def *def = dn_compiler_find(c, name, true, false);
        if (!def) def = dn_compiler_find(c, name, false, false);
        if (!def || def->is_library || still_fits(c, def))
            out->rebuilt.items[kept++] = name;
        else
            DN_PUSH(out->broken.items, out->broken.count, out->broken.capacity) = name;
    }
    out->rebuilt.count = kept;
}

// ---- variables that are no part of their model any more --------------------------------------

// The name of the model that a variable belongs to: what stands before the first point.
static bool same_model(const dn_var *a, const dn_var *b) {
    size_t n = strcspn(a->name, ".");
    return strncmp(a->name, b->name, n + 1) == 0;
}

static bool model_was_settled(const dn_compiler *c, const dn_var *var) {
    for (int i = 0; i < c->n_vars; i++)
        if (c->vars[i]->settled == dn_prompt_input(c) && c->vars[i]->settled &&
            c->vars[i]->kind != DN_VARIABLE_SLOT && same_model(c->vars[i], var))
            return true;
    return false;
}

static const dn_var *parameter_of(const dn_compiler *c, const dn_var *slot) {
    size_t n = strcspn(slot->name, "/");
    for (int i = 0; i < c->n_vars; i++)
        if (strlen(c->vars[i]->name) == n && strncmp(c->vars[i]->name, slot->name, n) == 0)
            return c->vars[i];
    return NULL;
}

// A net uses all its parameters wherever it is used; an optimizer's slots are used by steps alone,
// so they go with their parameter.
void dn_prompt_find_unused(dn_compiler *c) {
    for (int i = 0; i < c->n_vars; i++) {
        dn_var *var = c->vars[i];
        if (!var->loose || var->kind == DN_VARIABLE_SLOT || !model_was_settled(c, var)) continue;
        var->renewed = true;
    }
    for (int i = 0; i < c->n_vars; i++) {
        dn_var *var = c->vars[i];
        if (!var->loose || var->kind != DN_VARIABLE_SLOT) continue;
        const dn_var *parameter = parameter_of(c, var);
        if (parameter && parameter->renewed) var->renewed = true;
    }
}

void dn_prompt_note_renewed(dn_compiler *c) {
    for (int i = 0; i < c->n_vars; i++) c->vars[i]->renewed = false;
}
