#include "driver/exports.h"

static dn_status nothing(const dn_program *whole) {
    return dn_with_hint(
        dn_fail(DN_INVALID, "%s exports nothing, so there is nothing for a library", whole->source),
        "write `export` before a fn whose sizes are known: export fn generate(z: f32[16, 100]) { "
        "G(z) }");
}

static void add_entry(dn_exports *e, const dn_program *whole, dn_entry *entries, int unit) {
    int at = e->program.n_entries++;
    e->units[at] = unit;
    entries[at] = whole->entries[unit];
}

// A variable's number in the library; the first time it is met, it is added with its first value.
static int variable_of(dn_exports *e, const dn_program *whole, dn_entry *entries,
                       dn_variable *variables, int *numbers, int variable) {
    if (numbers[variable]) return numbers[variable] - 1;
    int at = e->program.n_variables++;
    variables[at] = whole->variables[variable];
    variables[at].init = e->program.n_entries;
    add_entry(e, whole, entries, whole->variables[variable].init);
    numbers[variable] = at + 1;
    return at;
}

static void add_variables(dn_exports *e, const dn_program *whole, dn_entry *entries,
                          dn_variable *variables) {
    int *numbers = DN_NEW_ARRAY(&e->arena, int, whole->n_variables + 1);  // 0: not met yet
    for (int i = 0; i < e->n_functions; i++) {
        int *vars = DN_NEW_ARRAY(&e->arena, int, entries[i].n_vars + 1);
        for (int k = 0; k < entries[i].n_vars; k++)
            vars[k] = variable_of(e, whole, entries, variables, numbers, entries[i].vars[k]);
        entries[i].vars = vars;
    }
}

dn_status dn_exports_of(dn_compiler *c, dn_exports *out) {
    const dn_program *whole = dn_compiler_program(c);
    *out = (dn_exports){.program = {.name = whole->name,
                                    .source = whole->source,
                                    .fingerprint = whole->fingerprint}};
    dn_entry *entries = DN_NEW_ARRAY(&out->arena, dn_entry, whole->n_entries + 1);
    dn_variable *variables = DN_NEW_ARRAY(&out->arena, dn_variable, whole->n_variables + 1);
    out->units = DN_NEW_ARRAY(&out->arena, int, whole->n_entries + 1);
    out->functions = DN_NEW_ARRAY(&out->arena, const dn_decl *, whole->n_entries + 1);
    out->program.entries = entries;
    out->program.variables = variables;
    for (int i = 0; i < c->n_units; i++) {
        if (!c->units[i].exported) continue;
        out->functions[out->n_functions++] = c->units[i].exported;
        add_entry(out, whole, entries, i);
    }
    if (out->n_functions == 0) return nothing(whole);
    add_variables(out, whole, entries, variables);
    return DN_SUCCESS;
}

void dn_exports_free(dn_exports *exports) { dn_arena_free(&exports->arena); }
