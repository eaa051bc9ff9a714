#include "runtime/native/embed.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "runtime/host/variable.h"
#include "runtime/native/linked.h"
#include "runtime/store/safetensors.h"

// A runner for each, because what depends on the weights alone stays in its arena.
typedef struct function {
    dn_native_runner *runner;  // NULL before the first call
    bool prepared;             // the runner has run it with the variables as they are
    uint64_t calls;            // with the seed, the key of its random numbers
} function;

// The entries of the image are the exported functions, then those that make first values.
struct dn_embedded {
    dn_arena arena;
    dn_program_image image;
    dn_native_kernel *const *kernels;
    dn_pool *pool;
    dn_native_runner *runner;  // of first values
    dn_tensor **variables;
    function *functions;  // of each entry, though only exported ones are called
    uint64_t seed;
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
    return dn_native_run(e->runner, entry->code, e->kernels,
                         &(dn_native_call){entry, inputs, vars, outputs, seed, step}, NULL);
}

static dn_status first_values(dn_embedded *e) {
    dn_executor executor = {.context = e, .run = run_entry};
    DN_TRY(dn_native_runner_new(e->pool, &e->runner));
    for (int i = 0; i < e->image.program.n_variables; i++)
        DN_TRY(dn_variable_first(&e->image.program, i, &executor, e->seed, &e->variables[i]));
    dn_native_runner_free(e->runner);
    e->runner = NULL;
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

static dn_status start(dn_embedded *e, int threads) {
    DN_TRY(dn_linked_program(&e->arena, &e->image));
    DN_TRY(dn_linked_kernels(&e->kernels));
    DN_TRY(dn_pool_new(threads, &e->pool));
    const dn_program *program = &e->image.program;
    e->variables = dn_xcalloc((size_t)program->n_variables + 1, sizeof *e->variables);
    e->functions = dn_xcalloc((size_t)program->n_entries + 1, sizeof *e->functions);
    return DN_SUCCESS;
}

// What a constructor came to.
static dn_embedded *finish(dn_embedded *e, dn_status status, dn_embed_error error) {
    if (!status) return e;
    dn_embed_free(e);
    tell(status, error);
    return NULL;
}

dn_embedded *dn_embed_new(const char *weights_path, int threads, dn_embed_error error) {
    dn_embedded *e = dn_xcalloc(1, sizeof *e);
    dn_status status = start(e, threads);
    if (!status) status = weights_path ? values_from_file(e, weights_path) : first_values(e);
    return finish(e, status, error);
}

dn_embedded *dn_embed_new_from_memory(const void *weights, size_t size, int threads,
                                      dn_embed_error error) {
    dn_embedded *e = dn_xcalloc(1, sizeof *e);
    dn_status status = start(e, threads);
    if (!status) status = values_from_memory(e, weights, size);
    return finish(e, status, error);
}

void dn_embed_free(dn_embedded *e) {
    if (!e) return;
    for (int i = 0; e->variables && i < e->image.program.n_variables; i++)
        dn_tensor_release(e->variables[i]);
    free(e->variables);
    for (int i = 0; e->functions && i < e->image.program.n_entries; i++)
        dn_native_runner_free(e->functions[i].runner);
    free(e->functions);
    dn_native_runner_free(e->runner);
    dn_pool_free(e->pool);
    dn_arena_free(&e->arena);
    free(e);
}

void dn_embed_seed(dn_embedded *e, uint64_t seed) {
    if (!e) return;
    e->seed = seed;
    for (int i = 0; i < e->image.program.n_entries; i++) e->functions[i].calls = 0;
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

static void hand_over(dn_embedded *e, call *c, void *const *outputs) {
    for (int i = 0; i < c->entry->n_vars; i++) e->variables[c->entry->vars[i]] = c->vars[i];
    for (int i = 0; i < c->entry->n_outputs; i++)
        if (c->outputs[i]->bytes) memcpy(outputs[i], c->outputs[i]->data, c->outputs[i]->bytes);
}

static bool writes_variables(const dn_native_entry *code) {
    for (int i = 0; i < code->n_launches; i++)
        if (code->launches[i].commits) return true;
    return false;
}

static dn_status run_function(dn_embedded *e, function *f, call *c) {
    const dn_native_entry *code = c->entry->code;
    dn_native_call native = {.entry = c->entry,
                             .inputs = c->inputs,
                             .vars = c->vars,
                             .outputs = c->outputs,
                             .seed = e->seed,
                             .step = f->calls};
    if (!f->runner) DN_TRY(dn_native_runner_new(e->pool, &f->runner));
    dn_native_runner_prepared(f->runner, f->prepared);
    DN_TRY(dn_native_run(f->runner, code, e->kernels, &native, NULL));
    f->calls++;
    f->prepared = true;
    for (int i = 0; i < e->image.program.n_entries && writes_variables(code); i++)
        e->functions[i].prepared = false;
    return DN_SUCCESS;
}

int dn_embed_call(dn_embedded *e, int index, const void *const *inputs, void *const *outputs,
                  dn_embed_error error) {
    if (!e) return tell(dn_fail(DN_INVALID, "the object is NULL"), error), 1;
    call c = open_call(&e->image.program.entries[index]);
    dn_status status = prepare(e, &c, inputs, outputs);
    if (!status) status = run_function(e, &e->functions[index], &c);
    if (!status) hand_over(e, &c, outputs);
    close_call(&c);
    if (!status) return 0;
    tell(status, error);
    return 1;
}
