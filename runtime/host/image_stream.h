// Bytes of images, written and read by one walk, so that the two cannot disagree: each dn_move_*
// writes its argument, which it does not change then, or reads it.
//
// An image is 8 bytes that name its kind, the number of bytes that follow, their hash (dn_hash),
// the content. Numbers in the content are as short as they can be (7 bits a byte, the sign in the
// lowest), texts have their length in front and a zero behind, so that what was decoded points into
// the bytes.
#ifndef DN_RUNTIME_IMAGE_STREAM_H
#define DN_RUNTIME_IMAGE_STREAM_H

#include "runtime/native/native.h"

enum { DN_IMAGE_MAGIC = 8, DN_IMAGE_HEADER = 24 };

typedef struct dn_stream {
    bool writes;
    dn_str out;
    const unsigned char *at, *end;
    dn_arena *arena;
    const char *wrong;      // the first thing that is; everything read after it is 0
    const char *last_path;  // of places, which mostly have the path of the one before
} dn_stream;

// Writing: begin, move what the content is, end. *bytes: free() it. DN_INTERNAL for what cannot be
// stored.
dn_stream dn_stream_write(void);
dn_status dn_stream_end(dn_stream *s, const char magic[DN_IMAGE_MAGIC], char **bytes,
                        size_t *size) DN_MUST_USE;
// Reading: the bytes outlive what is decoded. `what` is what messages call them: "the program's
// image". At the end all bytes have to be read; DN_CORRUPT says what was wrong.
dn_status dn_stream_read(dn_arena *arena, const char magic[DN_IMAGE_MAGIC], const char *what,
                         const void *bytes, size_t size, dn_stream *out) DN_MUST_USE;
dn_status dn_stream_done(dn_stream *s, const char *what) DN_MUST_USE;
dn_status dn_image_damaged(const char *what, const char *wrong) DN_MUST_USE;

void dn_stream_expect(dn_stream *s, bool holds, const char *what);
size_t dn_stream_left(const dn_stream *s);
void dn_stream_put(dn_stream *s, int64_t number);
int64_t dn_stream_take(dn_stream *s);

// A number of any integer type, bool and enums included.
#define DN_MOVE(s, number)                                                             \
    do {                                                                               \
        if ((s)->writes) {                                                             \
            dn_stream_put((s), (int64_t)(number));                                     \
        } else {                                                                       \
            int64_t move_read = dn_stream_take(s);                                     \
            (number) = move_read;                                                      \
            dn_stream_expect((s), (int64_t)(number) == move_read, "a number's range"); \
        }                                                                              \
    } while (0)
void dn_move_double(dn_stream *s, double *number);
void dn_move_count(dn_stream *s, int *count);  // a number of things that take at least a byte each
// Bytes with a zero behind them that does not count.
void dn_move_bytes(dn_stream *s, const char **bytes, int *count);
void dn_move_text(dn_stream *s, const char **text);
void dn_move_optional(dn_stream *s, const char **text);  // one that may be NULL

typedef void dn_move_item(dn_stream *s, void *item);
const void *dn_move_items(dn_stream *s, const void *items, int *count, size_t size,
                          dn_move_item *item);
#define DN_MOVE_ARRAY(s, array, count, item)                                                 \
    do {                                                                                     \
        const void *move_all = dn_move_items((s), (array), &(count), sizeof *(array), item); \
        if (!(s)->writes) (array) = move_all;                                                \
    } while (0)

void dn_move_native_entry(dn_stream *s, void *item);  // a dn_native_entry

#endif
