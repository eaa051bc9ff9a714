// Checkpoints: the whole state of a run as a safetensors file.
//
// Variables are tensors under their own names; the rest of the state is JSON in the metadata, under
// "dnet.checkpoint". The file is a function of the state alone (no times, no counts of what this
// process did), so that a run which was interrupted and resumed ends with the same file, bit for
// bit, as one which was not.
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "runtime/host/encode.h"

static const char STATE_KEY[] = "dnet.checkpoint";
enum { FORMAT = 1 };

// ---- checkpoint() ----------------------------------------------------------------------------

// A run does not replace another's checkpoint unless it goes on from one, or was told to.
static dn_status check_unused(const dn_run *run, const char *path) {
    if (dn_host_may_replace(run, path)) return DN_SUCCESS;
    return dn_with_hint(dn_fail(DN_INVALID, "%s exists", path),
                        "--resume %s goes on with it; --overwrite starts anew", path);
}

dn_status dn_host_checkpoint(dn_run *run, const char *path, int64_t every) {
    DN_TRY(check_unused(run, path));
    DN_TRY(dn_host_make_parents(path));
    char *copy = dn_strdup(path);  // `path` may be run->checkpoint_path
    free(run->checkpoint_path);
    run->checkpoint_path = copy;
    run->checkpoint_every = every;
    run->save_asked = true;
    return DN_SUCCESS;
}

// ---- saving ----------------------------------------------------------------------------------

static json_t *encode_counters(const dn_run *run) {
    json_t *counters = json_array();
    for (int i = 0; i < run->n_entries; i++)
        json_array_append_new(counters, json_integer((json_int_t)run->counters[i]));
    return counters;
}

static int count_variables(const dn_run *run) {
    int count = 0;
    for (int i = 0; i < run->n_variables; i++) count += run->variables[i] != NULL;
    return count;
}

static json_t *encode_log(const dn_run *run) {
    if (!run->log) return json_null();
    json_t *log = json_object();
    json_object_set_new(log, "path", dn_encode_text(run->log_path, strlen(run->log_path)));
    json_object_set_new(log, "offset", json_integer(dn_logfile_offset(run->log)));
    return log;
}

static json_t *encode_frame(dn_encoder *encoder, const dn_run *run, int index) {
    const dn_frame *frame = &run->frames[index];
    const dn_command *command = &run->program->commands[frame->command];
    int end = index + 1 < run->n_frames ? run->frames[index + 1].base : run->n_stack;
    json_t *object = json_object();
    json_object_set_new(object, "command", dn_encode_text(command->name, strlen(command->name)));
    json_object_set_new(object, "pc", json_integer(frame->pc));
    json_object_set_new(object, "locals",
                        dn_encode_values(encoder, frame->locals, command->n_locals));
    json_object_set_new(object, "stack",
                        dn_encode_values(encoder, run->stack + frame->base, end - frame->base));
    return object;
}

static json_t *encode_frames(dn_encoder *encoder, const dn_run *run) {
    json_t *frames = json_array();
    for (int i = 0; i < run->n_frames; i++)
        json_array_append_new(frames, encode_frame(encoder, run, i));
    return frames;
}

static json_t *encode_state(dn_encoder *encoder, const dn_run *run) {
    const char *path = run->checkpoint_path;
    json_t *state = json_object();
    json_object_set_new(state, "format", json_integer(FORMAT));
    json_object_set_new(state, "program", dn_encode_hex64(run->program->fingerprint));
    json_object_set_new(state, "seed", json_sprintf("%llu", (unsigned long long)run->options.seed));
    json_object_set_new(state, "steps", json_integer(run->steps));
    json_object_set_new(state, "counters", encode_counters(run));
    json_object_set_new(state, "variables", json_integer(count_variables(run)));
    json_object_set_new(state, "path", dn_encode_text(path, strlen(path)));
    json_object_set_new(state, "every", json_integer(run->checkpoint_every));
    json_object_set_new(state, "log", encode_log(run));
    json_object_set_new(state, "args", dn_encode_values(encoder, run->args, run->n_args));
    json_object_set_new(state, "frames", encode_frames(encoder, run));
    json_object_set(state, "datasets", encoder->datasets);
    return state;
}

// The tensors of a checkpoint, with names for those of host values.
typedef struct tensor_list {
    dn_named_tensor *items;
    int count, capacity;
    dn_arena names;
} tensor_list;

static void list_tensors(const dn_run *run, const dn_encoder *encoder, tensor_list *list) {
    for (int i = 0; i < run->n_variables; i++)
        if (run->variables[i])
            DN_PUSH(list->items, list->count, list->capacity) =
                (dn_named_tensor){run->program->variables[i].name, run->variables[i]};
    for (int i = 0; i < encoder->n_tensors; i++)
        DN_PUSH(list->items, list->count, list->capacity) =
            (dn_named_tensor){dn_arena_printf(&list->names, "host.%d", i), encoder->tensors[i]};
}

static dn_status write_state(dn_run *run, const dn_encoder *encoder, const char *state) {
    tensor_list tensors = {0};
    list_tensors(run, encoder, &tensors);
    dn_metadata metadata = {STATE_KEY, state};
    dn_status status =
        dn_safetensors_write(run->checkpoint_path, tensors.items, tensors.count, &metadata, 1);
    free(tensors.items);
    dn_arena_free(&tensors.names);
    return status;
}

dn_status dn_host_save(dn_run *run) {
    dn_encoder encoder;
    DN_TRY(dn_host_log_late(run, 0));  // the state says how long the log is
    dn_encoder_begin(&encoder);
    json_t *state = encode_state(&encoder, run);
    char *text = json_dumps(state, JSON_COMPACT | JSON_SORT_KEYS);
    dn_status status = text ? write_state(run, &encoder, text)
                            : dn_fail(DN_INTERNAL, "the state of the run is no JSON");
    if (!status) dn_host_wrote(run, DN_OUTPUT_CHECKPOINT, run->checkpoint_path);
    free(text);
    json_decref(state);
    dn_encoder_free(&encoder);
    return status;
}

// ---- loading ---------------------------------------------------------------------------------

static dn_status corrupt(const char *what) { return dn_fail(DN_CORRUPT, "damaged: %s", what); }

static dn_status load_variables(dn_run *run, const dn_safetensors *file, const json_t *state) {
    for (int i = 0; i < run->n_variables; i++) {
        const dn_variable *variable = &run->program->variables[i];
        const dn_tensor *stored = dn_safetensors_find(file, variable->name);
        dn_tensor *copy;
        if (!stored) continue;  // it had not been made yet
        if (stored->dtype != variable->dtype || !dn_shape_equal(&stored->shape, &variable->shape))
            return dn_fail(DN_CORRUPT, "damaged: the type of %s", variable->name);
        DN_TRY(dn_tensor_copy(stored, &copy));
        dn_tensor_release(run->variables[i]);
        run->variables[i] = copy;
    }
    int64_t expected;
    bool whole = dn_decode_count(json_object_get(state, "variables"), &expected) &&
                 expected == count_variables(run);
    return whole ? DN_SUCCESS : corrupt("the number of variables");
}

static dn_status load_program(const dn_run *run, const json_t *state) {
    uint64_t fingerprint;
    if (!dn_decode_hex64(json_object_get(state, "program"), &fingerprint))
        return corrupt("the program");
    if (fingerprint == run->program->fingerprint) return DN_SUCCESS;
    return dn_with_hint(dn_fail(DN_INVALID, "%s has changed since the checkpoint was written",
                                run->program->source),
                        "restore(...) in a command loads the parameters alone");
}

static dn_status load_seed(dn_run *run, const json_t *state) {
    const char *text = json_string_value(json_object_get(state, "seed"));
    char *end;
    errno = 0;
    if (!text || !*text || strspn(text, "0123456789") != strlen(text)) return corrupt("the seed");
    run->options.seed = strtoull(text, &end, 10);
    return errno == ERANGE ? corrupt("the seed") : DN_SUCCESS;
}

static dn_status load_counters(dn_run *run, const json_t *state) {
    const json_t *counters = json_object_get(state, "counters");
    if (!dn_decode_count(json_object_get(state, "steps"), &run->steps))
        return corrupt("the number of steps");
    if (!json_is_array(counters) || json_array_size(counters) != (size_t)run->n_entries)
        return corrupt("the counters");
    for (int i = 0; i < run->n_entries; i++) {
        int64_t count;
        if (!dn_decode_count(json_array_get(counters, (size_t)i), &count))
            return corrupt("a counter");
        run->counters[i] = (uint64_t)count;
    }
    return DN_SUCCESS;
}

// Takes a string of the state for the run's own.
static dn_status load_path(const json_t *json, char **out) {
    dn_value text;
    DN_TRY(dn_decode_text(json, &text));
    bool usable = text.string->length > 0 && !memchr(text.string->text, 0, text.string->length);
    if (usable) {
        free(*out);
        *out = dn_strdup(text.string->text);
    }
    dn_value_release(text);
    return usable ? DN_SUCCESS : corrupt("a path");
}

static dn_status load_paths(dn_run *run, const json_t *state) {
    DN_TRY(load_path(json_object_get(state, "path"), &run->checkpoint_path));
    if (!dn_decode_count(json_object_get(state, "every"), &run->checkpoint_every))
        return corrupt("`every`");
    return DN_SUCCESS;
}

static dn_status load_log(dn_run *run, const json_t *state) {
    const json_t *log = json_object_get(state, "log");
    if (json_is_null(log)) return DN_SUCCESS;
    if (!dn_decode_count(json_object_get(log, "offset"), &run->log_offset))
        return corrupt("the log");
    return load_path(json_object_get(log, "path"), &run->log_path);
}

static dn_status load_args(dn_decoder *decoder, const json_t *state, int count) {
    dn_run *run = decoder->run;
    run->args = dn_xcalloc((size_t)count, sizeof *run->args);
    run->n_args = count;
    return dn_decode_values(decoder, json_object_get(state, "args"), "the flags", count, run->args);
}

static int find_command(const dn_program *program, const json_t *name) {
    const char *text = json_string_value(name);
    for (int i = 0; text && i < program->n_commands; i++)
        if (strcmp(program->commands[i].name, text) == 0) return i;
    return -1;
}

static dn_status load_locals(dn_decoder *decoder, const json_t *json, int command) {
    int count = decoder->run->program->commands[command].n_locals;
    dn_value *locals = dn_xcalloc((size_t)count, sizeof *locals);
    dn_status status =
        dn_decode_values(decoder, json_object_get(json, "locals"), "the locals", count, locals);
    if (!status) return dn_host_push_frame(decoder->run, command, locals, false);
    for (int i = 0; i < count; i++) dn_value_release(locals[i]);
    free(locals);
    return status;
}

// Whether a frame that waits for a call of `callee` (-1: the innermost, which waits for none) can
// stand at `pc` with `height` values: the call's result is still to come.
static bool can_stand(const dn_run *run, int command, int64_t pc, size_t height, int callee) {
    const dn_command *c = &run->program->commands[command];
    if (pc >= c->n_code || run->checked[command].depths[pc] < 0) return false;
    size_t expected = (size_t)run->checked[command].depths[pc];
    if (callee < 0) return height == expected;
    return pc > 0 && c->code[pc - 1].op == DN_VM_CALL_COMMAND && c->code[pc - 1].a == callee &&
           height + 1 == expected;
}

static dn_status load_stack(dn_decoder *decoder, const json_t *stack) {
    dn_run *run = decoder->run;
    for (size_t i = 0; i < json_array_size(stack); i++) {
        dn_value value;
        DN_TRY(dn_decode_value(decoder, json_array_get(stack, i), true, &value));
        run->stack[run->n_stack++] = value;
    }
    return DN_SUCCESS;
}

static dn_status load_frame(dn_decoder *decoder, const json_t *json, const json_t *next) {
    dn_run *run = decoder->run;
    const json_t *stack = json_object_get(json, "stack");
    int command = find_command(run->program, json_object_get(json, "command"));
    int callee = next ? find_command(run->program, json_object_get(next, "command")) : -1;
    int64_t pc;
    if (command < 0 || (next && callee < 0)) return corrupt("the name of a command");
    if (!dn_decode_count(json_object_get(json, "pc"), &pc) || !json_is_array(stack))
        return corrupt("where a command stood");
    DN_TRY(load_locals(decoder, json, command));
    if (!can_stand(run, command, pc, json_array_size(stack), callee))
        return corrupt("where a command stood");
    run->frames[run->n_frames - 1].pc = (int)pc;
    return load_stack(decoder, stack);
}

static dn_status load_frames(dn_decoder *decoder, const json_t *state) {
    const json_t *frames = json_object_get(state, "frames");
    size_t count = json_array_size(frames);
    if (count == 0) return corrupt("the commands under way");
    for (size_t i = 0; i < count; i++)
        DN_TRY(load_frame(decoder, json_array_get(frames, i), json_array_get(frames, i + 1)));
    int outermost = decoder->run->frames[0].command;
    return load_args(decoder, state, decoder->run->program->commands[outermost].n_params);
}

static dn_status load_state(dn_run *run, const dn_safetensors *file, const json_t *state) {
    int64_t format;
    if (!dn_decode_count(json_object_get(state, "format"), &format)) return corrupt("its format");
    if (format != FORMAT)
        return dn_fail(DN_UNSUPPORTED, "a checkpoint of format %lld; this program reads %d",
                       (long long)format, FORMAT);
    DN_TRY(load_program(run, state));
    DN_TRY(load_seed(run, state));
    DN_TRY(load_counters(run, state));
    DN_TRY(load_paths(run, state));
    DN_TRY(load_variables(run, file, state));
    dn_decoder decoder = {.run = run, .file = file};
    dn_status status = dn_decode_datasets(&decoder, json_object_get(state, "datasets"));
    if (!status) status = load_frames(&decoder, state);
    if (!status) status = load_log(run, state);
    dn_decoder_free(&decoder);
    return status;
}

static dn_status parse_state(dn_run *run, const dn_safetensors *file) {
    const char *text = dn_safetensors_metadata(file, STATE_KEY);
    if (!text)
        return dn_with_hint(dn_fail(DN_INVALID, "no checkpoint, only tensors"),
                            "restore(...) in a command loads them");
    json_error_t error;
    json_t *state = json_loads(text, JSON_REJECT_DUPLICATES, &error);
    if (!state) return dn_fail(DN_CORRUPT, "damaged: its state: %s", error.text);
    dn_status status = load_state(run, file, state);
    json_decref(state);
    return status;
}

dn_status dn_host_load(dn_run *run, const char *path) {
    dn_safetensors *file;
    DN_TRY(dn_safetensors_read(path, &file));
    dn_status status = dn_annotate(parse_state(run, file), "%s", path);
    dn_safetensors_free(file);
    run->resumed = true;
    if (status) {
        dn_host_clear_frames(run);
        dn_host_end_command(run);
    }
    return status;
}

// ---- going on --------------------------------------------------------------------------------

// Rows written after the checkpoint are cut off: they will be written again.
static dn_status reopen_log(dn_run *run) {
    if (!run->log_path) return DN_SUCCESS;
    DN_TRY(dn_host_make_parents(run->log_path));
    DN_TRY(dn_annotate(dn_logfile_open(run->log_path, run->log_offset, &run->log),
                       "the log cannot be gone on with"));
    dn_host_wrote(run, DN_OUTPUT_LOG, run->log_path);
    return DN_SUCCESS;
}

static void show_bars(dn_run *run) {
    for (int i = 0; i < run->n_stack; i++) {
        if (run->stack[i].kind != DN_VALUE_ITERATOR) continue;
        dn_host_hide_bar(run);
        dn_host_iterator_show(run->stack[i].iterator, run->options.err);
    }
}

dn_status dn_host_go_on(dn_run *run, dn_value *result) {
    dn_status status = reopen_log(run);
    if (status) {
        dn_host_clear_frames(run);
    } else {
        show_bars(run);
        status = dn_host_continue(run, result);
    }
    dn_host_end_command(run);
    return status;
}
