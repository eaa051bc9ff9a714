#include "runtime/host/program_image.h"

#include <stdlib.h>
#include <string.h>

#include "runtime/host/image_stream.h"

static const char magic[DN_IMAGE_MAGIC] = {'D', 'N', 'E', 'T', 'I', 'M', 'G', '1'};
static const char what[] = "the program's image";

static void move_optional_text(dn_stream *s, void *item) { dn_move_optional(s, item); }

static void move_place(dn_stream *s, void *item) {
    dn_location *place = item;
    bool same = s->writes && s->last_path && place->path && strcmp(s->last_path, place->path) == 0;
    DN_MOVE(s, same);
    if (!same) dn_move_optional(s, &place->path);
    if (same && !s->writes) place->path = s->last_path;
    s->last_path = place->path;
    DN_MOVE(s, place->line);
    DN_MOVE(s, place->column);
}

static void move_index(dn_stream *s, void *item) { DN_MOVE(s, *(int *)item); }

// ---- values ----------------------------------------------------------------------------------

static void move_string(dn_stream *s, dn_value *value) {
    const char *text = s->writes ? value->string->text : NULL;
    int length = s->writes ? (int)value->string->length : 0;
    dn_move_bytes(s, &text, &length);
    if (s->writes) return;
    dn_string *string = dn_arena_alloc(s->arena, sizeof *string + (size_t)length + 1);
    string->references = -1;  // it lives as long as the program
    string->length = (size_t)length;
    memcpy(string->text, text, (size_t)length);
    value->string = string;
}

static void move_value(dn_stream *s, void *item) {
    dn_value *value = item;
    DN_MOVE(s, value->kind);
    switch (value->kind) {
        case DN_VALUE_NONE: break;
        case DN_VALUE_BOOL: DN_MOVE(s, value->boolean); break;
        case DN_VALUE_INT: DN_MOVE(s, value->integer); break;
        case DN_VALUE_FLOAT: dn_move_double(s, &value->number); break;
        case DN_VALUE_STRING: move_string(s, value); break;
        default: dn_stream_expect(s, false, "a constant that is not plain");
    }
}

// ---- variables and entries -------------------------------------------------------------------

// Also holds a type to what tensors can be.
static void move_type(dn_stream *s, dn_dtype *dtype, dn_shape *shape) {
    DN_MOVE(s, *dtype);
    DN_MOVE(s, shape->rank);
    dn_stream_expect(s, (unsigned)*dtype < DN_DTYPE_COUNT, "a dtype");
    dn_stream_expect(s, shape->rank >= 0 && shape->rank <= DN_MAX_RANK, "a rank");
    for (int i = 0; i < shape->rank && !s->wrong; i++) DN_MOVE(s, shape->dims[i]);
    size_t bytes;
    dn_status status = s->wrong ? DN_SUCCESS : dn_shape_bytes(*dtype, shape, &bytes);
    dn_stream_expect(s, !status, "a shape");
    dn_status_free(status);
}

static void move_field(dn_stream *s, void *item) {
    dn_field *field = item;
    dn_move_optional(s, &field->name);
    move_type(s, &field->dtype, &field->shape);
}

static void move_variable(dn_stream *s, void *item) {
    dn_variable *variable = item;
    dn_move_text(s, &variable->name);
    DN_MOVE(s, variable->kind);
    move_type(s, &variable->dtype, &variable->shape);
    DN_MOVE(s, variable->init);
    move_place(s, &variable->place);
}

static void move_entry(dn_stream *s, void *item) {
    dn_entry *entry = item;
    dn_move_text(s, &entry->name);
    DN_MOVE_ARRAY(s, entry->inputs, entry->n_inputs, move_field);
    DN_MOVE_ARRAY(s, entry->outputs, entry->n_outputs, move_field);
    int n_places = entry->places ? entry->n_outputs : 0;
    DN_MOVE_ARRAY(s, entry->places, n_places, move_place);
    dn_stream_expect(s, s->writes || n_places == 0 || n_places == entry->n_outputs,
                     "the places of results");
    if (!s->writes && n_places == 0) entry->places = NULL;
    DN_MOVE_ARRAY(s, entry->vars, entry->n_vars, move_index);
    DN_MOVE(s, entry->record);
    DN_MOVE(s, entry->is_step);
    DN_MOVE(s, entry->draws);
}

// ---- commands --------------------------------------------------------------------------------

static void move_param(dn_stream *s, void *item) {
    dn_command_param *param = item;
    dn_move_text(s, &param->name);
    dn_move_optional(s, &param->doc);
    DN_MOVE(s, param->kind);
    DN_MOVE(s, param->required);
    move_value(s, &param->init);
}

static void move_instruction(dn_stream *s, void *item) {
    dn_instruction *instruction = item;
    DN_MOVE(s, instruction->op);
    DN_MOVE(s, instruction->a);
    DN_MOVE(s, instruction->b);
}

static void move_command(dn_stream *s, void *item) {
    dn_command *command = item;
    int n_places = command->n_code, n_names = command->local_names ? command->n_locals : 0;
    dn_move_text(s, &command->name);
    dn_move_optional(s, &command->doc);
    DN_MOVE_ARRAY(s, command->params, command->n_params, move_param);
    DN_MOVE(s, command->n_locals);
    DN_MOVE_ARRAY(s, command->local_names, n_names, move_optional_text);
    dn_stream_expect(s, s->writes || n_names == 0 || n_names == command->n_locals,
                     "the names of locals");
    if (!s->writes && n_names == 0) command->local_names = NULL;
    DN_MOVE_ARRAY(s, command->code, command->n_code, move_instruction);
    DN_MOVE_ARRAY(s, command->places, n_places, move_place);
    dn_stream_expect(s, n_places == command->n_code, "the places of instructions");
    DN_MOVE(s, command->checkpoints);
}

// ---- the whole -------------------------------------------------------------------------------

// A list of names that NULL ends.
static void move_names(dn_stream *s, void *item) {
    const char *const **names = item;
    int count = 0;
    while (s->writes && (*names)[count]) count++;
    const char **all = (const char **)*names;
    dn_move_count(s, &count);
    if (!s->writes) *names = all = DN_NEW_ARRAY(s->arena, const char *, count + 1);
    for (int i = 0; i < count && !s->wrong; i++) dn_move_text(s, &all[i]);
}

static void move_source(dn_stream *s, void *item) {
    dn_program_source *source = item;
    dn_move_text(s, &source->path);
    dn_move_text(s, &source->text);
}

static void move_program(dn_stream *s, dn_program *program) {
    dn_move_text(s, &program->name);
    dn_move_text(s, &program->source);
    DN_MOVE(s, program->fingerprint);
    DN_MOVE_ARRAY(s, program->variables, program->n_variables, move_variable);
    DN_MOVE_ARRAY(s, program->entries, program->n_entries, move_entry);
    DN_MOVE_ARRAY(s, program->constants, program->n_constants, move_value);
    DN_MOVE_ARRAY(s, program->record_names, program->n_record_names, move_names);
    DN_MOVE_ARRAY(s, program->commands, program->n_commands, move_command);
}

static void move_image(dn_stream *s, dn_program_image *image) {
    int n_code = image->program.n_entries;
    dn_move_text(s, &image->compiler);
    dn_move_text(s, &image->flags);
    DN_MOVE_ARRAY(s, image->sources, image->n_sources, move_source);
    move_program(s, &image->program);
    DN_MOVE(s, image->n_kernels);
    DN_MOVE_ARRAY(s, image->code, n_code, dn_move_native_entry);
    dn_stream_expect(s, n_code == image->program.n_entries, "the code of entries");
}

dn_status dn_program_encode(const dn_program_image *image, char **bytes, size_t *size) {
    dn_stream s = dn_stream_write();
    dn_program_image written = *image;
    move_image(&s, &written);
    return dn_stream_end(&s, magic, bytes, size);
}

dn_status dn_program_decode(dn_arena *arena, const void *bytes, size_t size,
                            dn_program_image *out) {
    dn_stream s;
    DN_TRY(dn_stream_read(arena, magic, what, bytes, size, &s));
    *out = (dn_program_image){0};
    move_image(&s, out);
    DN_TRY(dn_stream_done(&s, what));
    const char *wrong = dn_program_check(out);
    if (wrong) return dn_image_damaged(what, wrong);
    dn_entry *entries = (dn_entry *)out->program.entries;  // the arena's
    for (int i = 0; i < out->program.n_entries; i++) entries[i].code = &out->code[i];
    return DN_SUCCESS;
}
