// Questions about names: help, types, documentation, sources, what there is.
#include <stdlib.h>
#include <string.h>

#include "driver/prompt/questions.h"

// ---- types -----------------------------------------------------------------------------------

dn_status dn_ask_type(dn_session *s, const char *argument) {
    dn_str out = {0};
    dn_def *def = dn_compiler_find(s->compiler, argument, true, false);
    int local;
    if (def && !dn_prompt_variable(s->compiler, argument, &local)) {
        dn_show_signature(s, def, &out);
        dn_session_print(&out);
        return DN_SUCCESS;
    }
    dn_input input;
    if (!dn_try(s, argument, &input)) return DN_SUCCESS;
    dn_str type = {0};
    if (input.type) dn_host_type_print(input.type, &type);
    dn_style_puts(&s->style, DN_COLOUR_TYPE, type.text ? type.text : "none", &out);
    dn_str_puts(&out, "\n");
    free(type.text);
    dn_prompt_forget(s->compiler);
    dn_session_print(&out);
    return DN_SUCCESS;
}

dn_status dn_ask_shape(dn_session *s, const char *argument) {
    dn_input input;
    if (!dn_try(s, argument, &input)) return DN_SUCCESS;
    const dn_host_type *type = input.type;
    bool known = type && type->kind == DN_HOST_TENSOR && !type->open;
    if (known) {
        dn_str out = {0};
        dn_str_puts(&out, "[");
        for (int i = 0; i < type->tensor.rank; i++)
            dn_str_printf(&out, "%s%lld", i ? ", " : "", (long long)type->tensor.dims[i]);
        dn_str_puts(&out, "]\n");
        dn_session_print(&out);
    }
    dn_prompt_forget(s->compiler);
    return known ? DN_SUCCESS : dn_fail(DN_INVALID, "`%s` is no tensor of known shape", argument);
}

// ---- definitions -----------------------------------------------------------------------------

// The text of a declaration up to its body, in one line.
void dn_show_signature(dn_session *s, const dn_def *def, dn_str *out) {
    const dn_decl *decl = def->decl;
    size_t length;
    const char *text = dn_sources_text(&s->compiler->sources, decl->span, &length);
    if (decl->body) length = decl->body->span.begin - decl->span.begin;
    static const char provided[] = "extern ";  // who provides it is no matter here
    if (decl->is_extern && length > strlen(provided)) {
        text += strlen(provided);
        length -= strlen(provided);
    }
    dn_str line = {0};
    bool space = false;
    for (size_t i = 0; i < length; i++) {
        bool blank = text[i] == ' ' || text[i] == '\n';
        if (!blank && space && line.length) dn_str_puts(&line, " ");
        if (!blank) dn_str_append(&line, &text[i], 1);
        space = blank;
    }
    dn_style_puts(&s->style, DN_COLOUR_TYPE, line.text ? line.text : "", out);
    dn_str_puts(out, "\n");
    free(line.text);
}

void dn_show_doc(dn_session *s, const dn_def *def, dn_str *out) {
    (void)s;
    const char *doc = def->decl->doc;
    if (!doc || !*doc) return;
    dn_str_puts(out, "  ");
    for (; *doc; doc++) {
        dn_str_append(out, doc, 1);
        if (*doc == '\n') dn_str_puts(out, "  ");
    }
    dn_str_puts(out, "\n");
}

void dn_show_model(dn_session *s, dn_def *def) {
    dn_network network;
    bool ok = dn_network_describe(s->compiler, def, &network);
    dn_diags_clear(&s->compiler->diags);
    dn_str out = {0};
    if (ok)
        dn_show_network(&s->style, s->compiler->dims, def->name, &network, &out);
    else
        dn_show_signature(s, def, &out);
    dn_network_free(&network);
    dn_session_print(&out);
}

dn_status dn_ask_doc(dn_session *s, const char *argument) {
    if (!*argument) return dn_with_hint(dn_fail(DN_INVALID, ":doc takes a name"), ":doc conv2d");
    dn_def *def = dn_find_definition(s, argument);
    if (!def) return DN_SUCCESS;
    dn_str out = {0};
    dn_show_signature(s, def, &out);
    dn_show_doc(s, def, &out);
    dn_style_wrap(&s->style, &out);
    dn_session_print(&out);
    return DN_SUCCESS;
}

dn_status dn_ask_source(dn_session *s, const char *argument) {
    if (!*argument)
        return dn_with_hint(dn_fail(DN_INVALID, ":source takes a name"), ":source adam");
    dn_def *def = dn_find_definition(s, argument);
    if (!def) return DN_SUCCESS;
    size_t length;
    const char *text = dn_sources_text(&s->compiler->sources, def->decl->span, &length);
    dn_place place = dn_sources_place(&s->compiler->sources, def->decl->span);
    dn_str out = {0}, head = {0};
    dn_str_printf(&head, "// %s:%d\n", place.path, place.line);
    dn_style_puts(&s->style, DN_COLOUR_FAINT, head.text, &out);
    dn_str_append(&out, text, length);
    dn_str_puts(&out, "\n");
    free(head.text);
    dn_session_print(&out);
    return DN_SUCCESS;
}

// ---- what there is ---------------------------------------------------------------------------

static void list_variables(dn_session *s, dn_str *out) {
    dn_names names = {0};
    dn_prompt_variables(s->compiler, &names);
    dn_table table = {.n_columns = 2};
    for (int i = 0; i < names.count; i++) {
        int local;
        dn_str type = {0};
        dn_host_type_print(dn_prompt_variable(s->compiler, names.items[i], &local), &type);
        dn_table_printf(&table, "%s%s%s", dn_style_begin(&s->style, DN_COLOUR_NAME), names.items[i],
                        dn_style_end(&s->style));
        dn_table_add(&table, type.text);
        free(type.text);
    }
    dn_table_print(&table, &s->style, false, out);
    free(names.items);
}

static void list_definitions(dn_session *s, dn_str *out) {
    dn_compiler *c = s->compiler;
    for (int i = 0; i < c->n_defs; i++) {
        const dn_def *def = c->defs[i];
        if (def->is_library || !dn_def_is_visible(c, def)) continue;
        dn_str_puts(out, "  ");
        dn_show_signature(s, def, out);
    }
}

dn_status dn_ask_vars(dn_session *s, const char *argument) {
    (void)argument;
    dn_str out = {0};
    list_variables(s, &out);
    list_definitions(s, &out);
    if (!out.text) dn_str_puts(&out, "nothing yet\n");
    dn_session_print(&out);
    return DN_SUCCESS;
}

// ---- help ------------------------------------------------------------------------------------

static const char introduction[] =
    "Type an expression to see its value: 1 / 3, or x @ transpose(x) after\n"
    "let x = ones([2, 3]). Define fn, net, model, step, const or command as in a\n"
    "file; the name of a model shows its layers. What is not complete goes on on the\n"
    "next line. Tab completes names and files, Ctrl-R searches what was typed before,\n"
    "Ctrl-C stops, Ctrl-D ends.\n\n"
    "  let x = normal([64, 2])                         data\n"
    "  net Small(x: f32[N, 2]) -> f32[N, 1] { x |> dense(8) |> relu |> dense(1) }\n"
    "  model M = Small                                 a net with its parameters\n"
    "  M(x)                                            calls it\n"
    "  help train                                      a classifier, line by line\n"
    "  let images = idx(\"FILE\") |> batch(50)           data from a file\n"
    "  for image in images { ... }                     goes through them\n"
    "  :doc cross_entropy, :source adam                what the library has, and how\n"
    "  show(images), plot(losses), hist(w)             pictures\n\n";

static const char training[] =
    "A classifier, line by line; IMAGES and LABELS are files as MNIST has them.\n"
    "image_folder reads folders of images, csv and npy other data: :doc image_folder.\n\n"
    "let data = idx(\"IMAGES\", labels: \"LABELS\") |> rescale(1 / 255) |> shuffle |> batch(50)\n"
    "net Net(x: f32[N, 28, 28, 1]) -> f32[N, 10] {\n"
    "    x |> flatten |> dense(64) |> relu |> dense(10)\n"
    "}\n"
    "model M = Net\n"
    "step fit(image: f32[50, 28, 28, 1], label: i32[50]) {\n"
    "    scores = M(image)\n"
    "    loss = cross_entropy(scores, label)\n"
    "    minimize loss over M with adam(lr: 1e-3)\n"
    "    return {loss, accuracy: accuracy(scores, label)}\n"
    "}\n"
    "for {image, label} in progress(data) { log fit(image, label) }\n"
    "for {image, label} in data |> take(1) { print(accuracy(M(image), label)) }\n"
    "save_weights(\"net.safetensors\")\n";

dn_status dn_ask_help(dn_session *s, const char *argument) {
    if (*argument == ':') argument++;
    dn_str out = {0};
    if (strcmp(argument, "train") == 0 && !dn_compiler_find(s->compiler, argument, true, false)) {
        dn_str_puts(&out, training);
        dn_style_wrap(&s->style, &out);
        dn_session_print(&out);
        return DN_SUCCESS;
    }
    dn_table table = {.n_columns = 2};
    for (int i = 0; i < dn_n_questions; i++) {
        const dn_question *q = &dn_questions[i];
        if (*argument && strcmp(q->name, argument) != 0) continue;
        dn_table_printf(&table, "%s:%s%s %s", dn_style_begin(&s->style, DN_COLOUR_NAME), q->name,
                        dn_style_end(&s->style), q->argument);
        dn_table_add(&table, q->help);
        if (!*argument) continue;
        dn_table_print(&table, &s->style, false, &out);
        if (*q->topic) dn_str_printf(&out, "  %s\n", q->topic);
        dn_style_wrap(&s->style, &out);
        dn_session_print(&out);
        return DN_SUCCESS;
    }
    if (*argument) return dn_ask_doc(s, argument);
    dn_str_puts(&out, introduction);
    dn_table_print(&table, &s->style, false, &out);
    dn_style_wrap(&s->style, &out);
    dn_session_print(&out);
    return DN_SUCCESS;
}
