// Host functions that make datasets: sources and the pipeline.
#include <stdlib.h>
#include <string.h>

#include "runtime/host/builtins.h"
#include "runtime/host/operate.h"

enum { MAX_SIDE = 65536, MAX_CHANNELS = 16, MAX_AHEAD = 65536 };

// Wraps a dataset (takes the reference); dn_builtin_call adds how it was made.
static void return_dataset(const dn_call *call, dn_dataset *dataset) {
    dn_host_dataset *wrapped = dn_xcalloc(1, sizeof *wrapped);
    wrapped->references = 1;
    wrapped->dataset = dataset;
    *call->result = (dn_value){.kind = DN_VALUE_DATASET, .dataset = wrapped};
}

// A source says once, when it is opened, which of its files are no good.
static void return_source(const dn_call *call, dn_dataset *dataset) {
    const dn_report *report = dn_dataset_report(dataset);
    int64_t defects = 0;
    for (int i = 0; i < DN_DEFECT_COUNT; i++) defects += report->count[i];
    if (defects) {
        dn_str text = {0};
        dn_report_print(report, &text);
        dn_host_hide_bar(call->run);
        if (text.length) {
            bool ended = text.text[text.length - 1] == '\n';
            fprintf(call->run->options.err, ended ? "%s" : "%s\n", text.text);
        }
        free(text.text);
    }
    return_dataset(call, dataset);
}

// ---- sources ---------------------------------------------------------------------------------

static dn_status arg_size(const dn_call *call, int i, int *height, int *width) {
    int64_t size[2] = {0};
    int count;
    DN_TRY(dn_arg_ints(call, i, 2, size, &count));
    if (count != 2) return dn_arg_wrong(call, i, "[height, width]");
    for (int k = 0; k < 2; k++)
        if (size[k] < 1 || size[k] > MAX_SIDE)
            return dn_fail(DN_INVALID, "images of %lld x %lld pixels cannot be", (long long)size[0],
                           (long long)size[1]);
    *height = (int)size[0];
    *width = (int)size[1];
    return DN_SUCCESS;
}

// Arguments i and i + 1: size and channels.
static dn_status arg_images(const dn_call *call, int i, dn_image_options *options) {
    int64_t channels;
    DN_TRY(arg_size(call, i, &options->height, &options->width));
    DN_TRY(dn_arg_int(call, i + 1, 1, 4, &channels));
    if (channels == 2) return dn_arg_wrong(call, i + 1, "1, 3 or 4");
    options->channels = (int)channels;
    return DN_SUCCESS;
}

dn_status dn_builtin_image_folder(const dn_call *call) {
    const char *path;
    dn_image_options options;
    bool labels;
    dn_dataset *dataset;
    DN_TRY(dn_arg_text(call, 0, &path));
    DN_TRY(arg_images(call, 1, &options));
    DN_TRY(dn_arg_bool(call, 3, &options.crop));
    DN_TRY(dn_arg_bool(call, 4, &labels));
    DN_TRY(dn_arg_bool(call, 5, &options.strict));
    DN_TRY(dn_dataset_image_folder(path, &options, labels, &dataset));
    return_source(call, dataset);
    return DN_SUCCESS;
}

dn_status dn_builtin_celeba(const dn_call *call) {
    const char *path, *partition;
    dn_image_options options;
    dn_dataset *dataset;
    DN_TRY(dn_arg_text(call, 0, &path));
    DN_TRY(arg_images(call, 1, &options));
    DN_TRY(dn_arg_text(call, 3, &partition));
    DN_TRY(dn_arg_bool(call, 4, &options.crop));
    DN_TRY(dn_arg_bool(call, 5, &options.strict));
    DN_TRY(dn_dataset_celeba(path, partition, &options, &dataset));
    return_source(call, dataset);
    return DN_SUCCESS;
}

static dn_status arg_shape(const dn_call *call, int i, dn_shape *shape) {
    *shape = (dn_shape){0};
    return dn_arg_ints(call, i, DN_MAX_RANK, shape->dims, &shape->rank);
}

static void print_dims(dn_str *out, const dn_shape *shape) {
    dn_str_puts(out, "[");
    for (int i = 0; i < shape->rank; i++)
        dn_str_printf(out, "%s%lld", i ? ", " : "", (long long)shape->dims[i]);
    dn_str_puts(out, "]");
}

static dn_status hint_elements(dn_status status, const dn_field *field, dn_dtype dtype,
                               const dn_shape *shape) {
    if (!dn_shape_equal(&field->shape, shape)) {
        dn_str dims = {0};
        print_dims(&dims, &field->shape);
        status = dn_with_hint(status, "shape: %s reads it", dims.text);
        free(dims.text);
        return status;
    }
    if (field->dtype == DN_I32) return dn_with_hint(status, "integers: true reads it");
    if (dtype == DN_I32 && field->dtype == DN_F32)
        return dn_with_hint(status, "integers: false reads it");
    return status;
}

// The program was compiled for elements of this type: does the file agree? Releases the dataset if
// not.
static dn_status check_elements(dn_dataset *dataset, const char *path, dn_dtype dtype,
                                const dn_shape *shape) {
    const dn_field *field;
    dn_dataset_fields(dataset, &field);
    if (field->dtype == dtype && dn_shape_equal(&field->shape, shape)) return DN_SUCCESS;
    dn_str actual = {0}, expected = {0};
    dn_shape_print(&actual, field->dtype, &field->shape);
    dn_shape_print(&expected, dtype, shape);
    dn_status status =
        dn_fail(DN_INVALID, "the elements of %s are %s, not %s", path, actual.text, expected.text);
    status = hint_elements(status, field, dtype, shape);
    free(actual.text);
    free(expected.text);
    dn_dataset_release(dataset);
    return status;
}

dn_status dn_builtin_idx(const dn_call *call) {
    const char *images, *labels;
    dn_shape shape;
    dn_dataset *dataset;
    DN_TRY(dn_arg_text(call, 0, &images));
    DN_TRY(dn_arg_text_or_none(call, 1, &labels));
    DN_TRY(arg_shape(call, 2, &shape));
    DN_TRY(dn_dataset_idx(images, labels, &dataset));
    DN_TRY(check_elements(dataset, images, DN_F32, &shape));
    return_source(call, dataset);
    return DN_SUCCESS;
}

static dn_status read_csv(const dn_call *call, const dn_list *columns, const char **names) {
    const char *path, *label;
    bool strict;
    dn_dataset *dataset;
    for (int i = 0; i < columns->count; i++) {
        if (columns->items[i].kind != DN_VALUE_STRING)
            return dn_arg_wrong(call, 1, "a list of strings");
        names[i] = columns->items[i].string->text;
    }
    DN_TRY(dn_arg_text(call, 0, &path));
    DN_TRY(dn_arg_text_or_none(call, 2, &label));
    DN_TRY(dn_arg_bool(call, 3, &strict));
    DN_TRY(dn_dataset_csv(path, names, columns->count, label, strict, &dataset));
    return_source(call, dataset);
    return DN_SUCCESS;
}

dn_status dn_builtin_csv(const dn_call *call) {
    const dn_list *columns;
    DN_TRY(dn_arg_list(call, 1, &columns));
    if (columns->count == 0) return dn_arg_wrong(call, 1, "the names of one or more columns");
    const char **names = dn_xcalloc((size_t)columns->count, sizeof *names);
    dn_status status = read_csv(call, columns, names);
    free(names);
    return status;
}

dn_status dn_builtin_npy(const dn_call *call) {
    const char *path;
    dn_shape shape;
    bool integers;
    dn_dataset *dataset;
    DN_TRY(dn_arg_text(call, 0, &path));
    DN_TRY(arg_shape(call, 1, &shape));
    DN_TRY(dn_arg_bool(call, 2, &integers));
    DN_TRY(dn_dataset_npy(path, &dataset));
    DN_TRY(check_elements(dataset, path, integers ? DN_I32 : DN_F32, &shape));
    return_source(call, dataset);
    return DN_SUCCESS;
}

// ---- pipeline --------------------------------------------------------------------------------

dn_status dn_builtin_rescale(const dn_call *call) {
    dn_dataset *data, *out;
    double scale, offset;
    DN_TRY(dn_arg_dataset(call, 0, &data));
    DN_TRY(dn_arg_float(call, 1, &scale));
    DN_TRY(dn_arg_float(call, 2, &offset));
    DN_TRY(dn_dataset_rescale(data, scale, offset, &out));
    return_dataset(call, out);
    return DN_SUCCESS;
}

dn_status dn_builtin_normalize(const dn_call *call) {
    dn_dataset *data, *out;
    double mean[MAX_CHANNELS], deviation[MAX_CHANNELS];
    int n_means, n_deviations;
    DN_TRY(dn_arg_dataset(call, 0, &data));
    DN_TRY(dn_arg_floats(call, 1, MAX_CHANNELS, mean, &n_means));
    DN_TRY(dn_arg_floats(call, 2, MAX_CHANNELS, deviation, &n_deviations));
    if (n_means != n_deviations || n_means == 0)
        return dn_fail(DN_INVALID, "%d means and %d deviations", n_means, n_deviations);
    DN_TRY(dn_dataset_normalize(data, mean, deviation, n_means, &out));
    return_dataset(call, out);
    return DN_SUCCESS;
}

dn_status dn_builtin_resize(const dn_call *call) {
    dn_dataset *data, *out;
    int height, width;
    bool crop;
    DN_TRY(dn_arg_dataset(call, 0, &data));
    DN_TRY(arg_size(call, 1, &height, &width));
    DN_TRY(dn_arg_bool(call, 2, &crop));
    DN_TRY(dn_dataset_resize(data, height, width, crop, &out));
    return_dataset(call, out);
    return DN_SUCCESS;
}

static dn_status arg_fill(const dn_call *call, int i, dn_fill *out) {
    static const char *const names[] = {
        [DN_FILL_NEAREST] = "nearest",
        [DN_FILL_CONSTANT] = "constant",
        [DN_FILL_REFLECT] = "reflect",
        [DN_FILL_WRAP] = "wrap",
    };
    const char *name;
    DN_TRY(dn_arg_text(call, i, &name));
    for (int k = 0; k < (int)(sizeof names / sizeof *names); k++) {
        if (strcmp(names[k], name) != 0) continue;
        *out = (dn_fill)k;
        return DN_SUCCESS;
    }
    return dn_arg_wrong(call, i, "nearest, constant, reflect or wrap");
}

static dn_status arg_brightness(const dn_call *call, int i, dn_augment_options *options) {
    double brightness[2] = {0};
    int count;
    DN_TRY(dn_arg_floats(call, i, 2, brightness, &count));
    if (count != 2) return dn_arg_wrong(call, i, "[low, high]");
    options->brightness_low = brightness[0];
    options->brightness_high = brightness[1];
    return DN_SUCCESS;
}

dn_status dn_builtin_augment(const dn_call *call) {
    dn_dataset *data, *out;
    dn_augment_options options = {0};
    DN_TRY(dn_arg_dataset(call, 0, &data));
    DN_TRY(dn_arg_float(call, 1, &options.rotation));
    DN_TRY(dn_arg_float(call, 2, &options.width_shift));
    DN_TRY(dn_arg_float(call, 3, &options.height_shift));
    DN_TRY(dn_arg_float(call, 4, &options.shear));
    DN_TRY(dn_arg_float(call, 5, &options.zoom));
    DN_TRY(dn_arg_float(call, 6, &options.channel_shift));
    DN_TRY(arg_brightness(call, 7, &options));
    DN_TRY(dn_arg_bool(call, 8, &options.horizontal_flip));
    DN_TRY(dn_arg_bool(call, 9, &options.vertical_flip));
    DN_TRY(arg_fill(call, 10, &options.fill));
    DN_TRY(dn_arg_float(call, 11, &options.constant));
    DN_TRY(dn_dataset_augment(data, &options, &out));
    return_dataset(call, out);
    return DN_SUCCESS;
}

dn_status dn_builtin_shuffle(const dn_call *call) {
    dn_dataset *data, *out;
    DN_TRY(dn_arg_dataset(call, 0, &data));
    DN_TRY(dn_dataset_shuffle(data, &out));
    return_dataset(call, out);
    return DN_SUCCESS;
}

// Items first..last-1 of a list or rows of a tensor, as far as there are any.
static dn_status part_of(const dn_call *call, int64_t first, int64_t last) {
    const dn_value *data = &call->args[0];
    bool tensor = data->kind == DN_VALUE_TENSOR && data->tensor->shape.rank > 0;
    if (!tensor && data->kind != DN_VALUE_LIST)
        return dn_arg_wrong(call, 0, "a dataset, a list or a tensor");
    int64_t size = tensor ? data->tensor->shape.dims[0] : data->list->count;
    if (last > size) last = size;
    if (first > last) first = last;
    if (tensor) return dn_host_rows(data->tensor, first, last - first, call->result);
    *call->result = dn_value_list();
    for (int64_t i = first; i < last; i++)
        dn_list_push(call->result->list, dn_value_retain(data->list->items[i]));
    return DN_SUCCESS;
}

dn_status dn_builtin_take(const dn_call *call) {
    int64_t count;
    dn_dataset *out;
    DN_TRY(dn_arg_int(call, 1, 0, INT64_MAX, &count));
    if (call->args[0].kind != DN_VALUE_DATASET) return part_of(call, 0, count);
    DN_TRY(dn_dataset_take(call->args[0].dataset->dataset, count, &out));
    return_dataset(call, out);
    return DN_SUCCESS;
}

dn_status dn_builtin_skip(const dn_call *call) {
    int64_t count;
    dn_dataset *out;
    DN_TRY(dn_arg_int(call, 1, 0, INT64_MAX, &count));
    if (call->args[0].kind != DN_VALUE_DATASET) return part_of(call, count, INT64_MAX);
    DN_TRY(dn_dataset_skip(call->args[0].dataset->dataset, count, &out));
    return_dataset(call, out);
    return DN_SUCCESS;
}

dn_status dn_builtin_batch(const dn_call *call) {
    dn_dataset *data, *out;
    int64_t size;
    bool pad;
    DN_TRY(dn_arg_dataset(call, 0, &data));
    DN_TRY(dn_arg_int(call, 1, 1, INT64_MAX, &size));
    DN_TRY(dn_arg_bool(call, 2, &pad));
    DN_TRY(dn_dataset_batch(data, size, pad, &out));
    return_dataset(call, out);
    return DN_SUCCESS;
}

dn_status dn_builtin_prefetch(const dn_call *call) {
    dn_dataset *data, *out;
    int64_t count;
    DN_TRY(dn_arg_dataset(call, 0, &data));
    DN_TRY(dn_arg_int(call, 1, 1, MAX_AHEAD, &count));
    DN_TRY(dn_dataset_prefetch(data, (int)count, &out));
    return_dataset(call, out);
    return DN_SUCCESS;
}
