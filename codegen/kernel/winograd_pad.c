// Winograd's algorithm: copies of images with zeros around them.
#include "codegen/kernel/winograd_parts.h"

static void push_zeros(const dn_wino_part *m, int buffer, int64_t count) {
    dn_wino_loop l = {0};
    dn_access at = {0};
    at.stride[dn_wino_axis_add(&l, count)] = 1;
    dn_wino_open(&l, m->out, m->arena, "winograd pad", m->kernel->span);
    dn_wino_store(&l, dn_wino_arg(&l, buffer, 0), -1, &at);
    dn_wino_close(&l);
}

// The pixels of an axis that are inside the padded one: from `first` on, `count` of them.
static int64_t inside(int64_t size, int64_t before, int64_t extent, int64_t *count) {
    int64_t first = before < 0 ? -before : 0, end = extent - before < size ? extent - before : size;
    *count = end > first ? end - first : 0;
    return first;
}

static void push_copy(const dn_wino_part *m, const dn_wino_image *from, const dn_wino_image *to,
                      const int64_t before[2]) {
    int64_t rows, columns;
    int64_t first_row = inside(from->rows, before[0], to->rows, &rows);
    int64_t first_column = inside(from->columns, before[1], to->columns, &columns);
    if (rows * columns == 0) return;
    dn_wino_loop l = {0};
    dn_access source = {0}, target = {0};
    int64_t sizes[] = {m->images, rows, columns, from->channels}, a = 1, b = 1;
    for (int i = 0; i < 4; i++) dn_wino_axis_add(&l, sizes[i]);
    int64_t of_a[] = {from->rows, from->columns, from->channels};
    int64_t of_b[] = {to->rows, to->columns, to->channels};
    for (int i = 3; i >= 0; i--) {
        source.stride[i] = a;
        target.stride[i] = b;
        a *= i ? of_a[i - 1] : 1;
        b *= i ? of_b[i - 1] : 1;
    }
    source.offset = first_row * source.stride[1] + first_column * source.stride[2];
    target.offset =
        (first_row + before[0]) * target.stride[1] + (first_column + before[1]) * target.stride[2];
    dn_wino_open(&l, m->out, m->arena, "winograd pad", m->kernel->span);
    int value = dn_wino_load(&l, dn_wino_arg(&l, from->buffer, from->begin), &source);
    dn_wino_store(&l, dn_wino_arg(&l, to->buffer, 0), value, &target);
    dn_wino_close(&l);
}

dn_wino_image dn_wino_plain(const dn_wino_part *m, int buffer, const int64_t size[2],
                            const int64_t before[2], int64_t channels) {
    return (dn_wino_image){.buffer = buffer,
                           .begin = m->first * size[0] * size[1] * channels,
                           .offset = -(before[0] * size[1] + before[1]) * channels,
                           .rows = size[0],
                           .columns = size[1],
                           .channels = channels};
}

dn_wino_image dn_wino_padded(const dn_wino_part *m, const dn_wino_image *plain,
                             const int64_t before[2], const int64_t extent[2]) {
    if (before[0] <= 0 && before[1] <= 0 && extent[0] - before[0] <= plain->rows &&
        extent[1] - before[1] <= plain->columns)
        return *plain;
    dn_wino_image copy = {-1, 0, 0, extent[0], extent[1], plain->channels};
    int64_t count = m->images * extent[0] * extent[1] * plain->channels;
    copy.buffer = dn_wino_buffer(m, count);
    push_zeros(m, copy.buffer, count);
    push_copy(m, plain, &copy, before);
    return copy;
}
