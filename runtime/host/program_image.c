// Encoding and decoding are one walk, so that they cannot disagree: each move_* writes its
// argument, which it does not change then, or reads it.
#include "runtime/host/program_image.h"

#include <stdlib.h>
#include <string.h>

static const char magic[8] = {'D', 'N', 'E', 'T', 'I', 'M', 'G', '1'};

typedef struct stream {
    bool writes;
    dn_str out;
    const unsigned char *at, *end;
    dn_arena *arena;
    const char *wrong;      // the first thing that is; everything read after it is 0
    const char *last_path;  // of places, which mostly have the path of the one before
} stream;

static void expect(stream *s, bool holds, const char *what) {
    if (holds || s->wrong) return;
    s->wrong = what;
    s->at = s->end;
}

static size_t left(const stream *s) { return (size_t)(s->end - s->at); }

// ---- numbers and texts -----------------------------------------------------------------------

static void write_number(stream *s, int64_t number) {
    uint64_t bits = (uint64_t)number << 1 ^ (number < 0 ? UINT64_MAX : 0);
    do {
        char byte = (char)((bits & 127) | (bits > 127 ? 128 : 0));
        dn_str_append(&s->out, &byte, 1);
    } while (bits >>= 7);
}

static int64_t read_number(stream *s) {
    uint64_t bits = 0;
    for (int shift = 0; shift < 64; shift += 7) {
        expect(s, left(s) > 0, "it ends early");
        if (s->wrong) return 0;
        unsigned char byte = *s->at++;
        bits |= (uint64_t)(byte & 127) << shift;
        if (byte < 128) return (int64_t)(bits >> 1 ^ (bits & 1 ? UINT64_MAX : 0));
    }
    expect(s, false, "a number");
    return 0;
}

// Of any integer type, bool and enums included.
#define MOVE(s, number)                                                      \
    do {                                                                     \
        if ((s)->writes) {                                                   \
            write_number((s), (int64_t)(number));                            \
        } else {                                                             \
            int64_t move_read = read_number(s);                              \
            (number) = move_read;                                            \
            expect((s), (int64_t)(number) == move_read, "a number's range"); \
        }                                                                    \
    } while (0)

static void move_double(stream *s, double *number) {
    uint64_t bits;
    memcpy(&bits, number, sizeof bits);
    MOVE(s, bits);
    if (!s->writes) memcpy(number, &bits, sizeof bits);
}

// A number of things that take at least a byte each.
static void move_count(stream *s, int *count) {
    MOVE(s, *count);
    if (s->writes) return;
    expect(s, *count >= 0 && (size_t)*count <= left(s), "a count");
    if (s->wrong) *count = 0;
}

// Bytes with a zero behind them that does not count.
static void move_bytes(stream *s, const char **bytes, int *count) {
    move_count(s, count);
    if (s->writes) {
        if (*count) dn_str_append(&s->out, *bytes, (size_t)*count);
        dn_str_append(&s->out, "", 1);
        return;
    }
    expect(s, left(s) > (size_t)*count && s->at[*count] == 0, "a text");
    if (s->wrong) *count = 0;
    *bytes = s->wrong ? "" : (const char *)s->at;
    s->at += s->wrong ? 0 : *count + 1;
}

static void move_text(stream *s, const char **text) {
    int length = s->writes ? (int)strlen(*text) : 0;
    move_bytes(s, text, &length);
    expect(s, s->writes || strlen(*text) == (size_t)length, "a text");
}

// One that may be NULL.
static void move_optional(stream *s, const char **text) {
    bool there = s->writes && *text;
    MOVE(s, there);
    if (there)
        move_text(s, text);
    else if (!s->writes)
        *text = NULL;
}

// ---- arrays ----------------------------------------------------------------------------------

typedef void move_item(stream *s, void *item);

static const void *move_items(stream *s, const void *items, int *count, size_t size,
                              move_item *item) {
    move_count(s, count);
    char *all = s->writes ? (char *)items : dn_arena_alloc(s->arena, (size_t)*count * size);
    for (int i = 0; i < *count && !s->wrong; i++) item(s, all + (size_t)i * size);
    return all;
}

#define MOVE_ARRAY(s, array, count, item)                                                 \
    do {                                                                                  \
        const void *move_all = move_items((s), (array), &(count), sizeof *(array), item); \
        if (!(s)->writes) (array) = move_all;                                             \
    } while (0)

static void move_optional_text(stream *s, void *item) { move_optional(s, item); }

static void move_index(stream *s, void *item) { MOVE(s, *(int *)item); }

// ---- values ----------------------------------------------------------------------------------

static void move_string(stream *s, dn_value *value) {
    const char *text = s->writes ? value->string->text : NULL;
    int length = s->writes ? (int)value->string->length : 0;
    move_bytes(s, &text, &length);
    if (s->writes) return;
    dn_string *string = dn_arena_alloc(s->arena, sizeof *string + (size_t)length + 1);
    string->references = -1;  // it lives as long as the program
    string->length = (size_t)length;
    memcpy(string->text, text, (size_t)length);
    value->string = string;
}

static void move_value(stream *s, void *item) {
    dn_value *value = item;
    MOVE(s, value->kind);
    switch (value->kind) {
        case DN_VALUE_NONE: break;
        case DN_VALUE_BOOL: MOVE(s, value->boolean); break;
        case DN_VALUE_INT: MOVE(s, value->integer); break;
        case DN_VALUE_FLOAT: move_double(s, &value->number); break;
        case DN_VALUE_STRING: move_string(s, value); break;
        default: expect(s, false, "a constant that is not plain");
    }
}

// ---- variables and entries -------------------------------------------------------------------

// Also holds a type to what tensors can be.
static void move_type(stream *s, dn_dtype *dtype, dn_shape *shape) {
    MOVE(s, *dtype);
    MOVE(s, shape->rank);
    expect(s, (unsigned)*dtype < DN_DTYPE_COUNT, "a dtype");
    expect(s, shape->rank >= 0 && shape->rank <= DN_MAX_RANK, "a rank");
    for (int i = 0; i < shape->rank && !s->wrong; i++) MOVE(s, shape->dims[i]);
    size_t bytes;
    dn_status status = s->wrong ? DN_SUCCESS : dn_shape_bytes(*dtype, shape, &bytes);
    expect(s, !status, "a shape");
    dn_status_free(status);
}

static void move_field(stream *s, void *item) {
    dn_field *field = item;
    move_optional(s, &field->name);
    move_type(s, &field->dtype, &field->shape);
}

static void move_variable(stream *s, void *item) {
    dn_variable *variable = item;
    move_text(s, &variable->name);
    MOVE(s, variable->kind);
    move_type(s, &variable->dtype, &variable->shape);
    MOVE(s, variable->init);
}

static void move_entry(stream *s, void *item) {
    dn_entry *entry = item;
    move_text(s, &entry->name);
    MOVE_ARRAY(s, entry->inputs, entry->n_inputs, move_field);
    MOVE_ARRAY(s, entry->outputs, entry->n_outputs, move_field);
    MOVE_ARRAY(s, entry->vars, entry->n_vars, move_index);
    MOVE(s, entry->record);
    MOVE(s, entry->is_step);
    MOVE(s, entry->draws);
}

// ---- compiled entries ------------------------------------------------------------------------

static void move_arg(stream *s, void *item) {
    dn_native_arg *arg = item;
    MOVE(s, arg->place);
    MOVE(s, arg->index);
    MOVE(s, arg->offset);
}

static void move_launch(stream *s, void *item) {
    dn_native_launch *launch = item;
    MOVE(s, launch->kind);
    MOVE(s, launch->dtype);
    MOVE(s, launch->normal);
    MOVE(s, launch->keyed);
    MOVE(s, launch->kernel);
    MOVE(s, launch->arg);
    MOVE(s, launch->n_args);
    MOVE(s, launch->tasks);
    MOVE(s, launch->seed);
    MOVE(s, launch->site);
    MOVE(s, launch->name);
    MOVE(s, launch->line);
    move_double(s, &launch->flops);
    move_double(s, &launch->bytes);
    MOVE(s, launch->can_fail);
    MOVE(s, launch->commits);
    MOVE(s, launch->place);
    MOVE(s, launch->table);
}

static void move_code(stream *s, void *item) {
    dn_native_entry *code = item;
    MOVE(s, code->arena_bytes);
    MOVE(s, code->n_constant);
    MOVE_ARRAY(s, code->launches, code->n_launches, move_launch);
    MOVE_ARRAY(s, code->args, code->n_args, move_arg);
    move_bytes(s, &code->names, &code->n_names);
}

// ---- commands --------------------------------------------------------------------------------

static void move_param(stream *s, void *item) {
    dn_command_param *param = item;
    move_text(s, &param->name);
    move_optional(s, &param->doc);
    MOVE(s, param->kind);
    MOVE(s, param->required);
    move_value(s, &param->init);
}

static void move_instruction(stream *s, void *item) {
    dn_instruction *instruction = item;
    MOVE(s, instruction->op);
    MOVE(s, instruction->a);
    MOVE(s, instruction->b);
}

static void move_place(stream *s, void *item) {
    dn_location *place = item;
    bool same = s->writes && s->last_path && place->path && strcmp(s->last_path, place->path) == 0;
    MOVE(s, same);
    if (!same) move_optional(s, &place->path);
    if (same && !s->writes) place->path = s->last_path;
    s->last_path = place->path;
    MOVE(s, place->line);
    MOVE(s, place->column);
}

static void move_command(stream *s, void *item) {
    dn_command *command = item;
    int n_places = command->n_code, n_names = command->local_names ? command->n_locals : 0;
    move_text(s, &command->name);
    move_optional(s, &command->doc);
    MOVE_ARRAY(s, command->params, command->n_params, move_param);
    MOVE(s, command->n_locals);
    MOVE_ARRAY(s, command->local_names, n_names, move_optional_text);
    expect(s, s->writes || n_names == 0 || n_names == command->n_locals, "the names of locals");
    if (!s->writes && n_names == 0) command->local_names = NULL;
    MOVE_ARRAY(s, command->code, command->n_code, move_instruction);
    MOVE_ARRAY(s, command->places, n_places, move_place);
    expect(s, n_places == command->n_code, "the places of instructions");
    MOVE(s, command->checkpoints);
}

// ---- the whole -------------------------------------------------------------------------------

// A list of names that NULL ends.
static void move_names(stream *s, void *item) {
    const char *const **names = item;
    int count = 0;
    while (s->writes && (*names)[count]) count++;
    const char **all = (const char **)*names;
    move_count(s, &count);
    if (!s->writes) *names = all = DN_NEW_ARRAY(s->arena, const char *, count + 1);
    for (int i = 0; i < count && !s->wrong; i++) move_text(s, &all[i]);
}

static void move_source(stream *s, void *item) {
    dn_program_source *source = item;
    move_text(s, &source->path);
    move_text(s, &source->text);
}

static void move_program(stream *s, dn_program *program) {
    move_text(s, &program->name);
    move_text(s, &program->source);
    MOVE(s, program->fingerprint);
    MOVE_ARRAY(s, program->variables, program->n_variables, move_variable);
    MOVE_ARRAY(s, program->entries, program->n_entries, move_entry);
    MOVE_ARRAY(s, program->constants, program->n_constants, move_value);
    MOVE_ARRAY(s, program->record_names, program->n_record_names, move_names);
    MOVE_ARRAY(s, program->commands, program->n_commands, move_command);
}

static void move_image(stream *s, dn_program_image *image) {
    int n_code = image->program.n_entries;
    move_text(s, &image->compiler);
    move_text(s, &image->flags);
    MOVE_ARRAY(s, image->sources, image->n_sources, move_source);
    move_program(s, &image->program);
    MOVE(s, image->n_kernels);
    MOVE_ARRAY(s, image->code, n_code, move_code);
    expect(s, n_code == image->program.n_entries, "the code of entries");
}

static void write_header(char *bytes, size_t size) {
    uint64_t header[] = {size, dn_hash(bytes + DN_PROGRAM_HEADER, size, DN_HASH_SEED)};
    memcpy(bytes, magic, sizeof magic);
    memcpy(bytes + sizeof magic, header, sizeof header);
}

dn_status dn_program_encode(const dn_program_image *image, char **bytes, size_t *size) {
    static const char room[DN_PROGRAM_HEADER];
    stream s = {.writes = true};
    dn_program_image written = *image;
    dn_str_append(&s.out, room, sizeof room);
    move_image(&s, &written);
    if (s.wrong) {
        free(s.out.text);
        return dn_fail(DN_INTERNAL, "the program cannot be stored: %s", s.wrong);
    }
    write_header(s.out.text, s.out.length - DN_PROGRAM_HEADER);
    *size = s.out.length;
    *bytes = dn_str_take(&s.out);
    return DN_SUCCESS;
}

static dn_status damaged(const char *what) {
    return dn_fail(DN_CORRUPT, "the program's image is damaged: %s", what);
}

static dn_status check_header(const char *bytes, size_t size) {
    uint64_t header[2];
    if (size < DN_PROGRAM_HEADER || memcmp(bytes, magic, sizeof magic) != 0)
        return damaged("it does not begin as one");
    memcpy(header, bytes + sizeof magic, sizeof header);
    if (header[0] != size - DN_PROGRAM_HEADER) return damaged("its size");
    if (header[1] != dn_hash(bytes + DN_PROGRAM_HEADER, size - DN_PROGRAM_HEADER, DN_HASH_SEED))
        return damaged("its checksum");
    return DN_SUCCESS;
}

dn_status dn_program_decode(dn_arena *arena, const void *bytes, size_t size,
                            dn_program_image *out) {
    DN_TRY(check_header(bytes, size));
    const unsigned char *content = bytes;
    stream s = {.arena = arena, .at = content + DN_PROGRAM_HEADER, .end = content + size};
    *out = (dn_program_image){0};
    move_image(&s, out);
    expect(&s, left(&s) == 0, "more follows");
    if (s.wrong) return damaged(s.wrong);
    const char *wrong = dn_program_check(out);
    if (wrong) return damaged(wrong);
    dn_entry *entries = (dn_entry *)out->program.entries;  // the arena's
    for (int i = 0; i < out->program.n_entries; i++) entries[i].code = &out->code[i];
    return DN_SUCCESS;
}
