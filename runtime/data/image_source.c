#include "runtime/data/image_source.h"

#include <stdlib.h>
#include <string.h>

#include "runtime/data/fit.h"
#include "runtime/data/inspect.h"
#include "runtime/data/report.h"
#include "runtime/image/image.h"

typedef struct image_source {
    const char *root;
    dn_image_options options;
    char **names;
    uint8_t *extra;  // extra_size bytes for each name
    size_t extra_size;
    dn_report report;
} image_source;

typedef struct image_scratch {
    dn_image_scratch *decoder;
    dn_resize_scratch *resizer;
    dn_image image;
    dn_buffer path, file, pixels;
} image_scratch;

static void scratch_free(void *p) {
    image_scratch *s = p;
    dn_image_scratch_free(s->decoder);
    dn_resize_scratch_free(s->resizer);
    dn_image_free(&s->image);
    free(s->path.data);
    free(s->file.data);
    free(s->pixels.data);
    free(s);
}

static dn_status scratch_new(const dn_dataset *d, void **out) {
    (void)d;
    image_scratch *s = dn_xcalloc(1, sizeof *s);
    s->decoder = dn_image_scratch_new();
    s->resizer = dn_resize_scratch_new();
    *out = s;
    return DN_SUCCESS;
}

// ---- Making an element ------------------------------------------------------------------------

// The bytes of a box of `image` as floats.
static void to_floats(const dn_image *image, dn_box box, float *out) {
    size_t channels = (size_t)image->channels, row = (size_t)box.width * channels;
    for (int y = 0; y < box.height; y++) {
        size_t at = ((size_t)(box.y + y) * (size_t)image->width + (size_t)box.x) * channels;
        const uint8_t *source = image->pixels + at;
        for (size_t i = 0; i < row; i++) *out++ = source[i];
    }
}

static dn_status fit(const image_source *source, image_scratch *s, float *out) {
    const dn_image_options *o = &source->options;
    dn_box box = dn_fit_box(s->image.height, s->image.width, o->height, o->width, o->crop);
    if (box.height == o->height && box.width == o->width) {
        to_floats(&s->image, box, out);
        return DN_SUCCESS;
    }
    size_t need = (size_t)box.height * (size_t)box.width * (size_t)o->channels * sizeof(float);
    if (!dn_buffer_reserve(&s->pixels, need)) return dn_fail(DN_MEMORY, "no memory to resize it");
    float *pixels = (float *)s->pixels.data;
    to_floats(&s->image, box, pixels);
    return dn_image_resize(s->resizer, pixels, box.height, box.width, o->channels, out, o->height,
                           o->width);
}

static dn_status load(const image_source *source, image_scratch *s, const char *name, float *out) {
    size_t root = strlen(source->root), length = strlen(name);
    if (!dn_buffer_reserve(&s->path, root + length + 2)) return dn_fail(DN_MEMORY, "no memory");
    char *path = (char *)s->path.data;
    memcpy(path, source->root, root);
    path[root] = '/';
    memcpy(path + root + 1, name, length + 1);
    DN_TRY(dn_buffer_read(&s->file, path, DN_IMAGE_FILE_LIMIT));
    DN_TRY(dn_image_decode(s->decoder, s->file.data, s->file.size, source->options.channels,
                           &s->image));
    return fit(source, s, out);
}

static dn_status produce(const dn_dataset *d, dn_work *work, int64_t index, int64_t part,
                         void *const *out) {
    (void)part;
    const image_source *source = d->state;
    dn_status status = load(source, work->scratch[d->depth], source->names[index], out[0]);
    if (status) return dn_annotate(status, "%s/%s", source->root, source->names[index]);
    if (source->extra_size)
        memcpy(out[1], source->extra + (size_t)index * source->extra_size, source->extra_size);
    return DN_SUCCESS;
}

static const char *name_of(const dn_dataset *d, int64_t index) {
    const image_source *source = d->state;
    return source->names[index];
}

static const dn_node_kind images_kind = {.name = "images",
                                         .produce = produce,
                                         .name_of = name_of,
                                         .scratch_new = scratch_new,
                                         .scratch_free = scratch_free,
                                         .heavy = true};

// ---- Opening ----------------------------------------------------------------------------------

dn_status dn_image_options_check(const dn_image_options *o) {
    if (o->height < 1 || o->width < 1 || o->height > 1 << 14 || o->width > 1 << 14)
        return dn_fail(DN_INVALID, "images of %d x %d: each side is from 1 to 16384", o->height,
                       o->width);
    if (o->channels != 1 && o->channels != 3 && o->channels != 4)
        return dn_fail(DN_INVALID, "images of %d channels: 1 (grey), 3 (RGB) or 4 (RGBA)",
                       o->channels);
    return DN_SUCCESS;
}

dn_dataset *dn_image_source_new(const char *root, const dn_image_options *options) {
    dn_dataset *d = dn_node_new(&images_kind, NULL, sizeof(image_source));
    image_source *source = d->state;
    char *copy = dn_arena_strdup(&d->arena, root);
    for (size_t n = strlen(copy); n > 1 && copy[n - 1] == '/'; n--) copy[n - 1] = 0;
    source->root = copy;
    source->options = *options;
    d->report = &source->report;
    dn_node_add_field(d, "image", DN_F32, 3,
                      (int64_t[]){options->height, options->width, options->channels});
    dn_node_hash(d, &options->crop, sizeof options->crop);
    return d;
}

static dn_status nothing_usable(const image_source *source) {
    dn_str text = {0};
    dn_report_print(&source->report, &text);
    for (char *c = text.text; *c; c++)
        if (*c == '\n') *c = c[1] ? ',' : 0;
    dn_status status = dn_fail(DN_CORRUPT, "no usable image in %s: %s", source->root, text.text);
    free(text.text);
    return status;
}

dn_status dn_image_source_fill(dn_dataset *d, const dn_names *names, const void *extra,
                               size_t extra_size) {
    image_source *source = d->state;
    size_t count = (size_t)names->count;
    bool *used = dn_xcalloc(count, sizeof *used);
    dn_status status =
        dn_inspect_images(source->root, names->names, names->count, source->options.strict,
                          &d->arena, &source->report, used, &d->fingerprint);
    if (!status && source->report.used == 0) status = nothing_usable(source);
    if (!status) {
        source->names = DN_NEW_ARRAY(&d->arena, char *, source->report.used);
        source->extra = dn_arena_alloc(&d->arena, (size_t)source->report.used * extra_size);
        source->extra_size = extra_size;
        for (size_t i = 0; i < count; i++) {
            if (!used[i]) continue;
            size_t at = (size_t)d->size++;
            source->names[at] = names->names[i];
            if (extra_size)
                memcpy(source->extra + at * extra_size, (const char *)extra + i * extra_size,
                       extra_size);
        }
        dn_node_hash(d, source->extra, (size_t)d->size * extra_size);
    }
    free(used);
    return status;
}
