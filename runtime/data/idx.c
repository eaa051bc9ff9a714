// IDX files (the format of MNIST), plain or gzip.
//
//   0 0 <type> <rank>, then a big-endian u32 for each dimension, then the elements.
//
// The bytes stay bytes in memory and become floats when an element is asked for.
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include "runtime/data/files.h"
#include "runtime/data/node.h"

// ---- Reading, through gzip where there is one -------------------------------------------------

typedef struct reader {
    const char *path;
    dn_buffer file;
    size_t at;
    bool gzip, ended;
    z_stream stream;
} reader;

static dn_status reader_open(reader *r, const char *path) {
    *r = (reader){.path = path};
    dn_status status = dn_buffer_read(&r->file, path, (size_t)1 << 40);
    if (status) return dn_annotate(status, "%s", path);
    r->gzip = r->file.size >= 2 && r->file.data[0] == 0x1f && r->file.data[1] == 0x8b;
    if (!r->gzip) return DN_SUCCESS;
    r->stream.next_in = r->file.data;
    // zlib counts input in 32 bits; 4 GiB of gzip is more than any IDX file.
    if (r->file.size > UINT32_MAX)
        return dn_fail(DN_UNSUPPORTED, "%s: a gzip file of more than 4 GiB", path);
    r->stream.avail_in = (uInt)r->file.size;
    if (inflateInit2(&r->stream, 15 + 16) != Z_OK)
        return dn_fail(DN_MEMORY, "%s: no memory to unpack it", path);
    return DN_SUCCESS;
}

static void reader_close(reader *r) {
    if (r->gzip) inflateEnd(&r->stream);
    free(r->file.data);
}

static dn_status inflate_some(reader *r, uint8_t *out, size_t count, size_t *got) {
    while (*got < count && !r->ended) {
        size_t room = count - *got;
        r->stream.next_out = out + *got;
        r->stream.avail_out = room < UINT32_MAX ? (uInt)room : UINT32_MAX;
        uInt before = r->stream.avail_out;
        int result = inflate(&r->stream, Z_NO_FLUSH);
        *got += before - r->stream.avail_out;
        if (result == Z_STREAM_END)
            r->ended = true;
        else if (result == Z_BUF_ERROR ||
                 (result == Z_OK && r->stream.avail_in == 0 && r->stream.avail_out > 0))
            return dn_fail(DN_CORRUPT, "%s: the gzip data ends early", r->path);
        else if (result != Z_OK)
            return dn_fail(DN_CORRUPT, "%s: damaged gzip data: %s", r->path,
                           r->stream.msg ? r->stream.msg : "it needs a dictionary");
    }
    return DN_SUCCESS;
}

// Up to `count` bytes; fewer only at the end.
static dn_status reader_read(reader *r, uint8_t *out, size_t count, size_t *got) {
    *got = 0;
    if (r->gzip) return inflate_some(r, out, count, got);
    size_t left = r->file.size - r->at;
    *got = count < left ? count : left;
    if (*got) memcpy(out, r->file.data + r->at, *got);
    r->at += *got;
    return DN_SUCCESS;
}

// The most bytes that can still follow: deflate expands at most 1032 times.
static uint64_t reader_bound(const reader *r) {
    return r->gzip ? 1032 * (uint64_t)r->file.size : r->file.size - r->at;
}

// ---- The format -------------------------------------------------------------------------------

typedef struct idx {
    int rank;
    int64_t dims[4];
    uint64_t count;  // bytes
    uint8_t *bytes;
} idx;

static const char *type_name(uint8_t type) {
    switch (type) {
        case 0x09: return "signed bytes";
        case 0x0b: return "16-bit integers";
        case 0x0c: return "32-bit integers";
        case 0x0d: return "floats";
        case 0x0e: return "doubles";
        default: return NULL;
    }
}

static dn_status read_header(reader *r, idx *x) {
    uint8_t head[4], size[16];
    size_t got;
    DN_TRY(reader_read(r, head, sizeof head, &got));
    if (got < 4) return dn_fail(DN_CORRUPT, "%s: not an IDX file: it has %zu bytes", r->path, got);
    if (head[0] || head[1] || (head[2] != 0x08 && !type_name(head[2])))
        return dn_fail(DN_CORRUPT,
                       "%s: not an IDX file: it starts with %02x %02x %02x %02x, not 00 00 08 and "
                       "the number of dimensions",
                       r->path, head[0], head[1], head[2], head[3]);
    if (head[2] != 0x08)
        return dn_fail(DN_UNSUPPORTED, "%s: an IDX file of %s; only unsigned bytes are read",
                       r->path, type_name(head[2]));
    x->rank = head[3];
    if (x->rank < 1 || x->rank > 4)
        return dn_fail(DN_UNSUPPORTED, "%s: an IDX file of %d dimensions; from 1 to 4 are read",
                       r->path, x->rank);
    DN_TRY(reader_read(r, size, 4 * (size_t)x->rank, &got));
    if (got < 4 * (size_t)x->rank)
        return dn_fail(DN_CORRUPT, "%s: the file ends within its %d dimensions", r->path, x->rank);
    x->count = 1;
    for (int i = 0; i < x->rank; i++) {
        const uint8_t *s = size + 4 * i;
        x->dims[i] = (int64_t)s[0] << 24 | s[1] << 16 | s[2] << 8 | s[3];
        if (__builtin_mul_overflow(x->count, (uint64_t)x->dims[i], &x->count))
            return dn_fail(DN_CORRUPT, "%s: its dimensions overflow", r->path);
    }
    return DN_SUCCESS;
}

static dn_status too_short(const reader *r, const idx *x, uint64_t has) {
    return dn_fail(DN_CORRUPT, "%s: its dimensions ask for %llu bytes, but it has %llu", r->path,
                   (unsigned long long)x->count, (unsigned long long)has);
}

static dn_status read_content(reader *r, idx *x) {
    if (x->count > reader_bound(r)) return too_short(r, x, reader_bound(r));
    x->bytes = malloc(x->count + 1);
    if (!x->bytes)
        return dn_fail(DN_MEMORY, "%s: no memory for its %.1f MiB", r->path,
                       (double)x->count / (1 << 20));
    // One more is asked for: so the end is seen, and with it gzip's checksum is verified.
    size_t got;
    DN_TRY(reader_read(r, x->bytes, x->count + 1, &got));
    if (got < x->count) return too_short(r, x, got);
    if (got > x->count)
        return dn_fail(DN_CORRUPT, "%s: more bytes follow the %llu that its dimensions ask for",
                       r->path, (unsigned long long)x->count);
    return DN_SUCCESS;
}

static dn_status idx_read(const char *path, idx *x) {
    reader r;
    dn_status status = reader_open(&r, path);
    if (!status) status = read_header(&r, x);
    if (!status) status = read_content(&r, x);
    reader_close(&r);
    return status;
}

// ---- The dataset ------------------------------------------------------------------------------

typedef struct idx_state {
    uint8_t *images, *labels;  // malloc'ed; labels may be NULL
    size_t image_size;
    dn_report report;
} idx_state;

static dn_status produce(const dn_dataset *d, dn_work *work, int64_t index, int64_t part,
                         void *const *out) {
    (void)work, (void)part;
    const idx_state *state = d->state;
    const uint8_t *image = state->images + (size_t)index * state->image_size;
    float *pixels = out[0];
    for (size_t i = 0; i < state->image_size; i++) pixels[i] = image[i];
    if (state->labels) *(int32_t *)out[1] = state->labels[index];
    return DN_SUCCESS;
}

static void destroy(dn_dataset *d) {
    idx_state *state = d->state;
    free(state->images);
    free(state->labels);
}

static const dn_node_kind idx_kind = {.name = "idx", .produce = produce, .destroy = destroy};

static dn_status check_images(const char *path, const idx *images) {
    if (images->rank == 1)
        return dn_with_hint(
            dn_fail(DN_INVALID, "%s: one dimension: these are labels, not images", path),
            "the images come first, then the labels");
    if (images->rank == 2)
        return dn_fail(DN_INVALID, "%s: two dimensions; images have three or four", path);
    for (int i = 0; i < images->rank; i++)
        if (images->dims[i] == 0 || (i > 0 && images->dims[i] > 1 << 16))
            return dn_fail(DN_CORRUPT, "%s: dimension %d is %lld", path, i,
                           (long long)images->dims[i]);
    return DN_SUCCESS;
}

static dn_status check_labels(const char *images_path, const idx *images, const char *path,
                              const idx *labels) {
    if (labels->rank != 1)
        return dn_fail(DN_INVALID, "%s: %d dimensions; labels have one", path, labels->rank);
    if (labels->dims[0] != images->dims[0])
        return dn_fail(DN_INVALID, "%s has %lld images, but %s has %lld labels", images_path,
                       (long long)images->dims[0], path, (long long)labels->dims[0]);
    return DN_SUCCESS;
}

// Takes over the bytes of both.
static dn_dataset *idx_dataset(idx *images, idx *labels) {
    dn_dataset *d = dn_node_new(&idx_kind, NULL, sizeof(idx_state));
    idx_state *state = d->state;
    int64_t channels = images->rank == 4 ? images->dims[3] : 1;
    dn_node_add_field(d, "image", DN_F32, 3,
                      (int64_t[]){images->dims[1], images->dims[2], channels});
    if (labels->bytes) dn_node_add_field(d, "label", DN_I32, 0, NULL);
    d->size = images->dims[0];
    *state = (idx_state){.images = images->bytes,
                         .labels = labels->bytes,
                         .image_size = images->count / (uint64_t)d->size,
                         .report = {.unit = "images", .seen = d->size, .used = d->size}};
    d->report = &state->report;
    dn_node_hash(d, images->bytes, images->count);
    dn_node_hash(d, labels->bytes, labels->bytes ? labels->count : 0);
    images->bytes = labels->bytes = NULL;
    return d;
}

dn_status dn_dataset_idx(const char *images_path, const char *labels_path, dn_dataset **out) {
    idx images = {0}, labels = {0};
    dn_status status = idx_read(images_path, &images);
    if (!status) status = check_images(images_path, &images);
    if (!status && labels_path) status = idx_read(labels_path, &labels);
    if (!status && labels_path) status = check_labels(images_path, &images, labels_path, &labels);
    if (!status) *out = idx_dataset(&images, &labels);
    free(images.bytes);
    free(labels.bytes);
    return status;
}
