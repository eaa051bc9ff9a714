#include "runtime/native/embed.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "runtime/host/variable.h"
#include "runtime/native/embed_engine.h"
#include "runtime/native/linked.h"
#include "runtime/store/safetensors.h"

// The entries of the image are the exported functions, then those that make first values.
struct dn_embedded {
    dn_arena arena;
    dn_program_image image;
    const dn_embed_engine *engine;
    void *runs;  // the engine's own; NULL: it was not opened
    dn_tensor **variables;
    uint64_t seed;
    uint64_t *calls;  // of each entry: with the seed, the key of its random numbers
};

// ---- failures --------------------------------------------------------------------------------

// "gan.ckpt has no tensor G.dense.w; it has D.dense.w"
static void tell(dn_status status, dn_embed_error error) {
    const char *note = dn_status_note(status), *hint = dn_status_hint(status);
    if (error.text && error.size)
        snprintf(error.text, error.size, "%s%s%s%s%s", dn_status_message(status), note ? "; " : "",
                 note ? note : "", hint ? "; " : "", hint ? hint : "");
    dn_status_free(status);
}

// ---- variables -------------------------------------------------------------------------------

static dn_status run_entry(void *context, const dn_entry *entry, dn_tensor *const *inputs,
                           dn_tensor **vars, dn_tensor **outputs, uint64_t seed, uint64_t step) {
    dn_embedded *e = context;
    return e->engine->run(e->runs, &(dn_native_call){entry, inputs, vars, outputs, seed, step});
}

static dn_status first_values(dn_embedded *e) {
    dn_executor executor = {.context = e, .run = run_entry};
    for (int i = 0; i < e->image.program.n_variables; i++)
        DN_TRY(dn_variable_first(&e->image.program, i, &executor, e->seed, &e->variables[i]));
    return DN_SUCCESS;
}

static dn_status missing(const dn_variable *variable, const dn_safetensors *file) {
    int count = dn_safetensors_count(file);
    dn_status status = dn_fail(DN_INVALID, "there is no tensor %s", variable->name);
    if (count == 0) return dn_with_note(status, "there is none at all");
    return dn_with_note(status, "there are %d others, the first is %s", count,
                        dn_safetensors_name(file, 0));
}

static dn_status stored_values(dn_embedded *e, const dn_safetensors *file) {
    for (int i = 0; i < e->image.program.n_variables; i++) {
        const dn_variable *variable = &e->image.program.variables[i];
        const dn_tensor *stored = dn_safetensors_find(file, variable->name);
        if (!stored) return missing(variable, file);
        DN_TRY(dn_variable_convert(variable, stored, &e->variables[i]));
    }
    return DN_SUCCESS;
}

static dn_status values_from_file(dn_embedded *e, const char *path) {
    dn_safetensors *file;
    DN_TRY(dn_safetensors_read(path, &file));
    dn_status status = dn_annotate(stored_values(e, file), "%s", path);
    dn_safetensors_free(file);
    return status;
}

static dn_status values_from_memory(dn_embedded *e, const void *bytes, size_t size) {
    dn_safetensors *file;
    if (!bytes) return dn_fail(DN_INVALID, "the weights are NULL");
    DN_TRY(dn_annotate(dn_safetensors_decode(bytes, size, &file), "the weights"));
    dn_status status = dn_annotate(stored_values(e, file), "the weights");
    dn_safetensors_free(file);
    return status;
}

// ---- objects ---------------------------------------------------------------------------------

// The engine for the device; NULL: the library was not compiled for it.
static const dn_embed_engine *engine_for(const dn_embed_on *on) {
    const dn_embed_engine *const *engine = on->engines;
    bool wants_device = on->device && strcmp(on->device, "cpu") != 0;
    while (on->device && *engine && (*engine)->is_device != wants_device) engine++;
    return *engine;
}

static dn_status no_engine(void) {
    return dn_with_hint(dn_fail(DN_UNSUPPORTED, "the library was compiled for CUDA alone"),
                        "compile it with `-target x86,cuda`");
}

static dn_status start(dn_embedded *e, const dn_embed_on *on) {
    DN_TRY(dn_linked_program(&e->arena, &e->image));
    const dn_program *program = &e->image.program;
    e->variables = dn_xcalloc((size_t)program->n_variables + 1, sizeof *e->variables);
    e->calls = dn_xcalloc((size_t)program->n_entries + 1, sizeof *e->calls);
    e->engine = engine_for(on);
    if (!e->engine) return no_engine();
    return e->engine->open(&e->image, on, on->engines[1] != NULL, &e->runs);
}

static dn_status enter(dn_embedded *e) {
    return e->engine->enter ? e->engine->enter(e->runs) : DN_SUCCESS;
}

static void leave(dn_embedded *e) {
    if (e->engine->leave) e->engine->leave(e->runs);
}

static void free_entered(dn_embedded *e) {
    for (int i = 0; e->variables && i < e->image.program.n_variables; i++)
        dn_tensor_release(e->variables[i]);
    if (e->runs) e->engine->close(e->runs);
    free(e->variables);
    free(e->calls);
    dn_arena_free(&e->arena);
    free(e);
}

// What a constructor came to.
static dn_embedded *finish(dn_embedded *e, dn_status status, dn_embed_error error) {
    if (!status) return leave(e), e;
    free_entered(e);
    tell(status, error);
    return NULL;
}

dn_embedded *dn_embed_new(dn_embed_on on, const char *weights_path, dn_embed_error error) {
    dn_embedded *e = dn_xcalloc(1, sizeof *e);
    dn_status status = start(e, &on);
    if (!status) status = weights_path ? values_from_file(e, weights_path) : first_values(e);
    return finish(e, status, error);
}

dn_embedded *dn_embed_new_from_memory(dn_embed_on on, const void *weights, size_t size,
                                      dn_embed_error error) {
    dn_embedded *e = dn_xcalloc(1, sizeof *e);
    dn_status status = start(e, &on);
    if (!status) status = values_from_memory(e, weights, size);
    return finish(e, status, error);
}

// Where it cannot be entered, nothing that the device has can be had back.
void dn_embed_free(dn_embedded *e) {
    if (!e) return;
    dn_status_free(enter(e));
    free_entered(e);
}

void dn_embed_seed(dn_embedded *e, uint64_t seed) {
    if (!e) return;
    e->seed = seed;
    for (int i = 0; i < e->image.program.n_entries; i++) e->calls[i] = 0;
}

// ---- calls -----------------------------------------------------------------------------------

typedef struct call {
    const dn_entry *entry;
    dn_tensor **inputs, **vars, **outputs;
} call;

static call open_call(const dn_entry *entry) {
    return (call){.entry = entry,
                  .inputs = dn_xcalloc((size_t)entry->n_inputs + 1, sizeof(dn_tensor *)),
                  .vars = dn_xcalloc((size_t)entry->n_vars + 1, sizeof(dn_tensor *)),
                  .outputs = dn_xcalloc((size_t)entry->n_outputs + 1, sizeof(dn_tensor *))};
}

static void close_call(call *c) {
    for (int i = 0; i < c->entry->n_inputs; i++) dn_tensor_release(c->inputs[i]);
    for (int i = 0; i < c->entry->n_outputs; i++) dn_tensor_release(c->outputs[i]);
    free(c->inputs);
    free(c->vars);  // the tensors are the object's
    free(c->outputs);
}

static dn_status null_pointer(const dn_field *field, const char *otherwise) {
    return dn_fail(DN_INVALID, "%s is NULL", *field->name ? field->name : otherwise);
}

// A copy: kernels want their data aligned and a bool to be 0 or 1.
static dn_status input_of(const dn_field *field, const void *elements, dn_tensor **out) {
    if (!elements) return null_pointer(field, "an input");
    DN_TRY(dn_tensor_new(field->dtype, &field->shape, out));
    if ((*out)->bytes) memcpy((*out)->data, elements, (*out)->bytes);
    uint8_t *flags = (*out)->data;
    for (size_t i = 0; field->dtype == DN_BOOL && i < (*out)->bytes; i++) flags[i] = flags[i] != 0;
    return DN_SUCCESS;
}

static dn_status prepare(dn_embedded *e, call *c, const void *const *inputs, void *const *outputs) {
    for (int i = 0; i < c->entry->n_inputs; i++)
        DN_TRY(input_of(&c->entry->inputs[i], inputs[i], &c->inputs[i]));
    for (int i = 0; i < c->entry->n_outputs; i++)
        if (!outputs[i]) return null_pointer(&c->entry->outputs[i], "the result");
    for (int i = 0; i < c->entry->n_vars; i++) c->vars[i] = e->variables[c->entry->vars[i]];
    return DN_SUCCESS;
}

static dn_status hand_over(const call *c, void *const *outputs) {
    for (int i = 0; i < c->entry->n_outputs; i++) {
        DN_TRY(dn_tensor_settle(c->outputs[i]));
        if (c->outputs[i]->bytes) memcpy(outputs[i], c->outputs[i]->data, c->outputs[i]->bytes);
    }
    return DN_SUCCESS;
}

static dn_status run_function(dn_embedded *e, int index, call *c, void *const *outputs) {
    DN_TRY(run_entry(e, c->entry, c->inputs, c->vars, c->outputs, e->seed, e->calls[index]));
    e->calls[index]++;
    for (int i = 0; i < c->entry->n_vars; i++) e->variables[c->entry->vars[i]] = c->vars[i];
    return hand_over(c, outputs);
}

static dn_status call_entered(dn_embedded *e, int index, const void *const *inputs,
                              void *const *outputs) {
    call c = open_call(&e->image.program.entries[index]);
    dn_status status = prepare(e, &c, inputs, outputs);
    if (!status) status = run_function(e, index, &c, outputs);
    close_call(&c);
    return status;
}

int dn_embed_call(dn_embedded *e, int index, const void *const *inputs, void *const *outputs,
                  dn_embed_error error) {
    if (!e) return tell(dn_fail(DN_INVALID, "the object is NULL"), error), 1;
    dn_status status = enter(e);
    if (!status) {
        status = call_entered(e, index, inputs, outputs);
        leave(e);
    }
    if (!status) return 0;
    tell(status, error);
    return 1;
}
