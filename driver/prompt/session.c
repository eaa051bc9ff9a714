#include "driver/prompt/session.h"

#include <stdlib.h>
#include <string.h>

#include "driver/prompt/questions.h"
#include "runtime/base/interrupt.h"

// ---- messages --------------------------------------------------------------------------------

void dn_session_report(dn_session *s, dn_status status) {
    const char *red = s->style.colour ? "\033[1;31m" : "", *end = dn_style_end(&s->style);
    dn_str text = {0};
    dn_str_printf(&text, "%serror:%s %s\n", red, end, dn_status_message(status));
    if (dn_status_note(status)) dn_str_printf(&text, "  note: %s\n", dn_status_note(status));
    if (dn_status_hint(status)) dn_str_printf(&text, "  hint: %s\n", dn_status_hint(status));
    dn_style_update(&s->style, stdout);
    dn_style_wrap(&s->style, &text);
    fflush(stdout);
    fputs(text.text, stderr);
    free(text.text);
    dn_status_free(status);
    s->failed = true;
}

void dn_session_flush(dn_session *s) {
    fflush(stdout);
    dn_diags_flush(&s->compiler->diags, stderr);
    dn_diags_clear(&s->compiler->diags);
}

void dn_session_print(dn_str *text) {
    if (text->text) fputs(text->text, stdout);
    fflush(stdout);
    free(text->text);
    *text = (dn_str){0};
}

// ---- beginning and ending --------------------------------------------------------------------

static dn_status copy_all(dn_tensor *const *from, int n, dn_tensor ***out) {
    *out = dn_xcalloc((size_t)n + 1, sizeof(dn_tensor *));
    for (int i = 0; i < n; i++) {
        DN_TRY(dn_tensor_settle(from[i]));
        DN_TRY(dn_tensor_copy(from[i], &(*out)[i]));
    }
    return DN_SUCCESS;
}

void dn_recorded_free(dn_recorded *r) {
    for (int i = 0; i < r->n_inputs && r->inputs; i++) dn_tensor_release(r->inputs[i]);
    for (int i = 0; i < r->n_vars && r->vars; i++) dn_tensor_release(r->vars[i]);
    free(r->inputs);
    free(r->vars);
    *r = (dn_recorded){.entry = -1};
}

static dn_status record_call(dn_recorded *r, int index, const dn_entry *entry,
                             dn_tensor *const *inputs, dn_tensor **vars, uint64_t seed,
                             uint64_t step) {
    dn_recorded_free(r);
    *r = (dn_recorded){.entry = index, .seed = seed, .step = step};
    r->n_inputs = entry->n_inputs;
    r->n_vars = entry->n_vars;
    DN_TRY(copy_all(inputs, r->n_inputs, &r->inputs));
    return copy_all(vars, r->n_vars, &r->vars);
}

static dn_status run_entry(void *context, const dn_entry *entry, dn_tensor *const *inputs,
                           dn_tensor **vars, dn_tensor **outputs, uint64_t seed, uint64_t step) {
    dn_session *s = context;
    int index = (int)(entry - s->compiler->entries);
    bool keep = s->record && !s->compiler->units[index].is_init;
    if (keep) DN_TRY(record_call(s->record, index, entry, inputs, vars, seed, step));
    dn_native_call call = {entry, inputs, vars, outputs, seed, step};
    dn_status status =
        s->check_nan ? dn_checker_run(&s->checker, &call)
                     : s->execute.run(s->execute.context, entry, inputs, vars, outputs, seed, step);
    if (keep && !status && entry->n_outputs) s->record->output = outputs[0];
    return status;
}

void dn_session_begin(dn_session *s, dn_compiler *compiler, const dn_options *options) {
    *s = (dn_session){.compiler = compiler,
                      .backend = {.compiler = compiler,
                                  .kind = options->backend,
                                  .level = options->level,
                                  .units = options->units},
                      .options = {.overwrite = true, .out = stdout, .err = stderr},
                      .style = dn_style_new(stdout),
                      .check_nan = options->check_nan};
    s->execute = dn_backend_executor(&s->backend);
    s->checker = (dn_checker){.inner = s->execute, .compiler = compiler};
    s->executor = (dn_executor){.context = s, .defers = true, .run = run_entry};
}

void dn_session_end(dn_session *s) {
    dn_run_free(s->run);
    for (int i = 0; i < s->n_locals; i++) dn_value_release(s->locals[i]);
    for (int i = 0; i < s->n_inputs; i++) free(s->inputs[i]);
    free(s->locals);
    free(s->inputs);
    free(s->file);
    free(s->replay);
    dn_checker_free(&s->checker);
    dn_backend_free(&s->backend);
}

// ---- running ---------------------------------------------------------------------------------

// Random numbers go on where those of the code before were.
static void carry_on(dn_session *s) {
    const dn_unit *units = s->compiler->units;
    for (; s->n_entries < s->compiler->n_units; s->n_entries++) {
        if (!units[s->n_entries].entry.draws) continue;
        for (int i = 0; i < s->n_entries; i++)
            if (dn_prompt_takes_place(s->compiler, i, s->n_entries))
                dn_run_carry_on(s->run, i, s->n_entries);
    }
}

dn_status dn_session_extend(dn_session *s) {
    const dn_program *program = dn_compiler_program(s->compiler);
    if (!s->run)
        DN_TRY(dn_run_new(program, &s->executor, &s->options, &s->run));
    else
        dn_run_extend(s->run, program);
    carry_on(s);
    return DN_SUCCESS;
}

static void grow_locals(dn_session *s, int count) {
    if (count <= s->n_locals) return;
    s->locals = dn_xrealloc(s->locals, (size_t)count * sizeof *s->locals);
    for (int i = s->n_locals; i < count; i++) s->locals[i] = (dn_value){.kind = DN_VALUE_NONE};
    s->n_locals = count;
}

// A GPU computes behind: an input ends when it has, with what it has to say.
static dn_status finish(dn_session *s, dn_value *result) {
    DN_TRY(dn_backend_wait(&s->backend));
    return dn_value_settle(*result);
}

dn_status dn_session_run(dn_session *s, int command, dn_value *result) {
    *result = dn_value_none();
    DN_TRY(dn_session_extend(s));
    grow_locals(s, s->compiler->commands[command].n_locals);
    DN_TRY(dn_run_command_with(s->run, command, s->locals, result));
    dn_status status = finish(s, result);
    if (!status) return DN_SUCCESS;
    dn_value_release(*result);
    *result = dn_value_none();
    return status;
}

dn_status dn_session_record(dn_session *s, int command, dn_recorded *out, dn_value *result) {
    *out = (dn_recorded){.entry = -1};
    s->record = out;
    dn_status status = dn_session_run(s, command, result);
    s->record = NULL;
    return status;
}

// Values that no name leads to any more, of hidden variables and of what the compiler needed.
static void drop_hidden(dn_session *s) {
    for (int i = 0; i < s->n_locals; i++) {
        if (s->locals[i].kind == DN_VALUE_NONE || dn_prompt_is_visible(s->compiler, i)) continue;
        dn_value_release(s->locals[i]);
        s->locals[i] = dn_value_none();
    }
}

// ---- what definitions changed ----------------------------------------------------------------

static void tell_names(const char *what, const dn_names *names, dn_str *out) {
    if (!names->count) return;
    dn_str_puts(out, what);
    for (int i = 0; i < names->count; i++)
        dn_str_printf(out, "%s%s", i ? ", " : " ", names->items[i]);
    dn_str_puts(out, "\n");
}

// Values of variables that are of another type now, or in no model any more.
static void drop_renewed(dn_session *s, dn_str *out) {
    const dn_compiler *c = s->compiler;
    for (int i = 0; i < c->n_vars; i++) {
        const dn_var *var = c->vars[i];
        if (!var->renewed || !dn_run_drop(s->run, i) || var->kind == DN_VARIABLE_SLOT) continue;
        dn_str now = {0}, before = {0};
        dn_type_print(c->dims, &var->type, &now);
        dn_type_print(c->dims, &var->before, &before);
        if (var->loose)
            dn_str_printf(out, "gone: %s %s\n", var->name, now.text);
        else
            dn_str_printf(out, "begins anew: %s %s, which was %s\n", var->name, now.text,
                          before.text);
        free(now.text);
        free(before.text);
    }
    dn_prompt_note_renewed(s->compiler);
}

void dn_session_tell_changes(dn_session *s, dn_input *input) {
    dn_str text = {0};
    tell_names("rebuilt:", &input->rebuilt, &text);
    tell_names("does not fit any more:", &input->broken, &text);
    tell_names("gone:", &input->gone, &text);
    if (s->run) drop_renewed(s, &text);
    if (text.text)
        printf("%s%s%s", dn_style_begin(&s->style, DN_COLOUR_FAINT), text.text,
               dn_style_end(&s->style));
    fflush(stdout);
    free(text.text);
    dn_input_free(input);
}

// ---- evaluating ------------------------------------------------------------------------------

bool dn_session_load(dn_session *s, const char *path) {
    dn_input input;
    bool ok = dn_prompt_load(s->compiler, path, &input);
    dn_session_flush(s);
    s->failed = !ok;
    dn_status status = ok && s->run ? dn_session_extend(s) : DN_SUCCESS;
    if (status) dn_session_report(s, status);
    if (!ok || status) {
        dn_input_free(&input);
        return false;
    }
    dn_session_tell_changes(s, &input);
    char *copy = dn_strdup(path);
    free(s->file);
    s->file = copy;
    return true;
}

void dn_session_keep_input(dn_session *s, const char *text) {
    DN_PUSH(s->inputs, s->n_inputs, s->cap_inputs) = dn_strdup(text);
}

static void show(dn_session *s, const dn_value *value) {
    dn_str text = {0};
    dn_style_update(&s->style, stdout);
    dn_show_value(&s->style, value, &text);
    dn_session_print(&text);
}

static bool run_input(dn_session *s, const dn_input *input) {
    dn_value result;
    dn_status status = dn_session_run(s, input->command, &result);
    if (status) {
        dn_prompt_failed(s->compiler, s->locals);
        dn_session_report(s, status);
        return false;
    }
    show(s, &result);
    dn_value_release(result);
    return true;
}

static bool compile_and_run(dn_session *s, const char *text, bool at_end) {
    dn_input input;
    bool ok = dn_prompt_compile(s->compiler, text, &input);
    if (!ok && input.incomplete && !at_end) {
        dn_diags_clear(&s->compiler->diags);
        return false;
    }
    s->failed = !ok;
    dn_session_flush(s);
    dn_status status = ok && s->run ? dn_session_extend(s) : DN_SUCCESS;
    if (status) dn_session_report(s, status);
    if (ok)
        dn_session_tell_changes(s, &input);
    else
        dn_input_free(&input);
    if (ok && (input.command < 0 || run_input(s, &input))) dn_session_keep_input(s, text);
    return true;
}

// The text without spaces at its ends and without a comment alone.
static char *trimmed(const char *text) {
    size_t begin = strspn(text, " \t\r\n"), end = strlen(text);
    while (end > begin && strchr(" \t\r\n", text[end - 1])) end--;
    return dn_strndup(text + begin, end - begin);
}

bool dn_session_evaluate(dn_session *s, const char *text, bool at_end) {
    char *bare = trimmed(text);
    bool taken = true;
    s->failed = false;
    dn_interrupt_clear();
    if (*bare == ':')
        dn_question_ask(s, bare + 1);
    else if (!dn_question_word(s, bare))
        taken = compile_and_run(s, text, at_end);
    // The places of hidden values are used again, and whoever gets one expects nothing there.
    if (s->n_locals) drop_hidden(s);
    free(bare);
    return taken;
}
