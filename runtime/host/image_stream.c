#include "runtime/host/image_stream.h"

#include <stdlib.h>
#include <string.h>

// ---- the whole ----

dn_stream dn_stream_write(void) {
    static const char room[DN_IMAGE_HEADER];
    dn_stream s = {.writes = true};
    dn_str_append(&s.out, room, sizeof room);
    return s;
}

static void write_header(const char *magic, char *bytes, size_t size) {
    uint64_t header[] = {size, dn_hash(bytes + DN_IMAGE_HEADER, size, DN_HASH_SEED)};
    memcpy(bytes, magic, DN_IMAGE_MAGIC);
    memcpy(bytes + DN_IMAGE_MAGIC, header, sizeof header);
}

dn_status dn_stream_end(dn_stream *s, const char magic[DN_IMAGE_MAGIC], char **bytes,
                        size_t *size) {
    if (s->wrong) {
        free(s->out.text);
        return dn_fail(DN_INTERNAL, "the program cannot be stored: %s", s->wrong);
    }
    write_header(magic, s->out.text, s->out.length - DN_IMAGE_HEADER);
    *size = s->out.length;
    *bytes = dn_str_take(&s->out);
    return DN_SUCCESS;
}

dn_status dn_image_damaged(const char *what, const char *wrong) {
    return dn_fail(DN_CORRUPT, "%s is damaged: %s", what, wrong);
}

static const char *wrong_header(const char *magic, const char *bytes, size_t size) {
    uint64_t header[2];
    if (size < DN_IMAGE_HEADER || memcmp(bytes, magic, DN_IMAGE_MAGIC) != 0)
        return "it does not begin as one";
    memcpy(header, bytes + DN_IMAGE_MAGIC, sizeof header);
    if (header[0] != size - DN_IMAGE_HEADER) return "its size";
    if (header[1] != dn_hash(bytes + DN_IMAGE_HEADER, size - DN_IMAGE_HEADER, DN_HASH_SEED))
        return "its checksum";
    return NULL;
}

dn_status dn_stream_read(dn_arena *arena, const char magic[DN_IMAGE_MAGIC], const char *what,
                         const void *bytes, size_t size, dn_stream *out) {
    const char *wrong = wrong_header(magic, bytes, size);
    if (wrong) return dn_image_damaged(what, wrong);
    const unsigned char *content = bytes;
    *out = (dn_stream){.arena = arena, .at = content + DN_IMAGE_HEADER, .end = content + size};
    return DN_SUCCESS;
}

dn_status dn_stream_done(dn_stream *s, const char *what) {
    dn_stream_expect(s, dn_stream_left(s) == 0, "more follows");
    return s->wrong ? dn_image_damaged(what, s->wrong) : DN_SUCCESS;
}

void dn_stream_expect(dn_stream *s, bool holds, const char *what) {
    if (holds || s->wrong) return;
    s->wrong = what;
    s->at = s->end;
}

size_t dn_stream_left(const dn_stream *s) { return (size_t)(s->end - s->at); }

// ---- numbers and texts -----------------------------------------------------------------------

void dn_stream_put(dn_stream *s, int64_t number) {
    uint64_t bits = (uint64_t)number << 1 ^ (number < 0 ? UINT64_MAX : 0);
    do {
        char byte = (char)((bits & 127) | (bits > 127 ? 128 : 0));
        dn_str_append(&s->out, &byte, 1);
    } while (bits >>= 7);
}

int64_t dn_stream_take(dn_stream *s) {
    uint64_t bits = 0;
    for (int shift = 0; shift < 64; shift += 7) {
        dn_stream_expect(s, dn_stream_left(s) > 0, "it ends early");
        if (s->wrong) return 0;
        unsigned char byte = *s->at++;
        bits |= (uint64_t)(byte & 127) << shift;
        if (byte < 128) return (int64_t)(bits >> 1 ^ (bits & 1 ? UINT64_MAX : 0));
    }
    dn_stream_expect(s, false, "a number");
    return 0;
}

void dn_move_double(dn_stream *s, double *number) {
    uint64_t bits;
    memcpy(&bits, number, sizeof bits);
    DN_MOVE(s, bits);
    if (!s->writes) memcpy(number, &bits, sizeof bits);
}

void dn_move_count(dn_stream *s, int *count) {
    DN_MOVE(s, *count);
    if (s->writes) return;
    dn_stream_expect(s, *count >= 0 && (size_t)*count <= dn_stream_left(s), "a count");
    if (s->wrong) *count = 0;
}

void dn_move_bytes(dn_stream *s, const char **bytes, int *count) {
    dn_move_count(s, count);
    if (s->writes) {
        if (*count) dn_str_append(&s->out, *bytes, (size_t)*count);
        dn_str_append(&s->out, "", 1);
        return;
    }
    dn_stream_expect(s, dn_stream_left(s) > (size_t)*count && s->at[*count] == 0, "a text");
    if (s->wrong) *count = 0;
    *bytes = s->wrong ? "" : (const char *)s->at;
    s->at += s->wrong ? 0 : *count + 1;
}

void dn_move_text(dn_stream *s, const char **text) {
    int length = s->writes ? (int)strlen(*text) : 0;
    dn_move_bytes(s, text, &length);
    dn_stream_expect(s, s->writes || strlen(*text) == (size_t)length, "a text");
}

void dn_move_optional(dn_stream *s, const char **text) {
    bool there = s->writes && *text;
    DN_MOVE(s, there);
    if (there)
        dn_move_text(s, text);
    else if (!s->writes)
        *text = NULL;
}

// ---- arrays ----

const void *dn_move_items(dn_stream *s, const void *items, int *count, size_t size,
                          dn_move_item *item) {
    dn_move_count(s, count);
    char *all = s->writes ? (char *)items : dn_arena_alloc(s->arena, (size_t)*count * size);
    for (int i = 0; i < *count && !s->wrong; i++) item(s, all + (size_t)i * size);
    return all;
}

// ---- compiled entries ------------------------------------------------------------------------

static void move_arg(dn_stream *s, void *item) {
    dn_native_arg *arg = item;
    DN_MOVE(s, arg->place);
    DN_MOVE(s, arg->index);
    DN_MOVE(s, arg->offset);
}

static void move_launch(dn_stream *s, void *item) {
    dn_native_launch *launch = item;
    DN_MOVE(s, launch->kind);
    DN_MOVE(s, launch->dtype);
    DN_MOVE(s, launch->normal);
    DN_MOVE(s, launch->keyed);
    DN_MOVE(s, launch->kernel);
    DN_MOVE(s, launch->arg);
    DN_MOVE(s, launch->n_args);
    DN_MOVE(s, launch->tasks);
    DN_MOVE(s, launch->seed);
    DN_MOVE(s, launch->site);
    DN_MOVE(s, launch->name);
    DN_MOVE(s, launch->line);
    dn_move_double(s, &launch->flops);
    dn_move_double(s, &launch->bytes);
    DN_MOVE(s, launch->can_fail);
    DN_MOVE(s, launch->commits);
    DN_MOVE(s, launch->contracts);
    DN_MOVE(s, launch->place);
    DN_MOVE(s, launch->table);
}

void dn_move_native_entry(dn_stream *s, void *item) {
    dn_native_entry *code = item;
    DN_MOVE(s, code->arena_bytes);
    DN_MOVE(s, code->n_constant);
    DN_MOVE_ARRAY(s, code->launches, code->n_launches, move_launch);
    DN_MOVE_ARRAY(s, code->args, code->n_args, move_arg);
    dn_move_bytes(s, &code->names, &code->n_names);
}
