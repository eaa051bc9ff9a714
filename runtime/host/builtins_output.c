// Host functions that show and save.
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "runtime/host/builtins.h"
#include "runtime/image/grid.h"

dn_status dn_builtin_progress(const dn_call *call) {
    const char *label;
    DN_TRY(dn_arg_text(call, 1, &label));
    return dn_host_progress_new(dn_value_retain(call->args[0]), dn_value_retain(call->args[1]),
                                call->result);
}

dn_status dn_builtin_print(const dn_call *call) {
    int count = dn_builtin_arity(call->builtin);
    while (count > 0 && call->args[count - 1].kind == DN_VALUE_NONE) count--;
    dn_str text = {0};
    for (int i = 0; i < count; i++) {
        if (i) dn_str_puts(&text, " ");
        dn_value_print(&call->args[i], &text);
    }
    dn_str_puts(&text, "\n");
    FILE *out = call->run->options.out;
    dn_host_hide_bar(call->run);
    fwrite(text.text, 1, text.length, out);
    fflush(out);
    free(text.text);
    return DN_SUCCESS;
}

dn_status dn_builtin_log_to(const dn_call *call) {
    const char *path;
    DN_TRY(dn_arg_text(call, 0, &path));
    return dn_host_log_to(call->run, path);
}

// ---- images ----------------------------------------------------------------------------------

// Bounds of pixel values: arguments i and i + 1.
static dn_status arg_bounds(const dn_call *call, int i, double *low, double *high) {
    DN_TRY(dn_arg_float(call, i, low));
    return dn_arg_float(call, i + 1, high);
}

dn_status dn_builtin_grid(const dn_call *call) {
    dn_tensor *images, *sheet;
    int64_t columns, gap;
    double low, high;
    DN_TRY(dn_arg_tensor(call, 0, &images));
    DN_TRY(dn_arg_int(call, 1, 0, INT_MAX, &columns));
    DN_TRY(dn_arg_int(call, 2, 0, INT_MAX, &gap));
    DN_TRY(arg_bounds(call, 3, &low, &high));
    dn_image image = {0};
    dn_status status = dn_image_grid(images, low, high, (int)columns, (int)gap, &image);
    if (!status) {
        int64_t dims[] = {image.height, image.width, image.channels};
        dn_shape shape = dn_shape_of(3, dims);
        status = dn_tensor_new(DN_U8, &shape, &sheet);
    }
    if (!status) {
        memcpy(sheet->data, image.pixels, sheet->bytes);
        *call->result = dn_value_tensor(sheet);
    }
    dn_image_free(&image);
    return status;
}

// One image in the form of a batch of one: [H, W] and [H, W, C] become [1, H, W, C].
static dn_shape batch_shape(const dn_shape *shape) {
    if (shape->rank == 3)
        return dn_shape_of(4, (int64_t[]){1, shape->dims[0], shape->dims[1], shape->dims[2]});
    if (shape->rank == 2) return dn_shape_of(4, (int64_t[]){1, shape->dims[0], shape->dims[1], 1});
    return *shape;
}

// Bytes [H, W, C] are pixels as they are: what grid() makes.
static dn_status write_bytes(const dn_tensor *tensor, const char *path) {
    const int64_t *dims = tensor->shape.dims;
    for (int i = 0; i < 2; i++)
        if (dims[i] < 1 || dims[i] > INT_MAX)
            return dn_fail(DN_INVALID, "an image of %lld x %lld pixels cannot be written",
                           (long long)dims[0], (long long)dims[1]);
    if (dims[2] != 1 && dims[2] != 3 && dims[2] != 4)
        return dn_fail(DN_INVALID, "an image has 1, 3 or 4 channels, not %lld", (long long)dims[2]);
    dn_image image = {.height = (int)dims[0],
                      .width = (int)dims[1],
                      .channels = (int)dims[2],
                      .pixels = tensor->data};
    return dn_image_write_png(path, &image);
}

static dn_status write_floats(const dn_tensor *tensor, double low, double high, const char *path) {
    dn_tensor view = *tensor;  // shares the data, with another shape
    view.shape = batch_shape(&tensor->shape);
    dn_image image = {0};
    dn_status status = dn_image_grid(&view, low, high, 0, 2, &image);
    if (!status) status = dn_image_write_png(path, &image);
    dn_image_free(&image);
    return status;
}

dn_status dn_builtin_save_image(const dn_call *call) {
    dn_tensor *tensor;
    const char *path;
    double low, high;
    DN_TRY(dn_arg_tensor(call, 0, &tensor));
    DN_TRY(dn_arg_text(call, 1, &path));
    DN_TRY(arg_bounds(call, 2, &low, &high));
    DN_TRY(dn_host_make_parents(path));
    if (tensor->dtype == DN_U8 && tensor->shape.rank == 3)
        DN_TRY(write_bytes(tensor, path));
    else
        DN_TRY(write_floats(tensor, low, high, path));
    dn_host_wrote(call->run, DN_OUTPUT_IMAGE, path);
    return DN_SUCCESS;
}

// ---- arrays and state ------------------------------------------------------------------------

// A number counts as a tensor of rank 0.
static dn_status arg_array(const dn_call *call, int i, dn_tensor **out) {
    const dn_value *value = &call->args[i];
    if (value->kind == DN_VALUE_TENSOR) {
        *out = dn_tensor_retain(value->tensor);
        return DN_SUCCESS;
    }
    double number;
    if (!dn_value_number(value, &number)) return dn_arg_wrong(call, i, "a tensor");
    dn_dtype dtype = value->kind == DN_VALUE_BOOL  ? DN_BOOL
                     : value->kind == DN_VALUE_INT ? DN_I64
                                                   : DN_F64;
    dn_shape scalar = {0};
    DN_TRY(dn_tensor_new(dtype, &scalar, out));
    dn_tensor_set(*out, 0, number);
    return DN_SUCCESS;
}

dn_status dn_builtin_save_npy(const dn_call *call) {
    const char *path;
    dn_tensor *tensor;
    DN_TRY(dn_arg_text(call, 1, &path));
    DN_TRY(dn_host_make_parents(path));
    DN_TRY(arg_array(call, 0, &tensor));
    dn_status status = dn_npy_write(path, tensor);
    dn_tensor_release(tensor);
    if (!status) dn_host_wrote(call->run, DN_OUTPUT_ARRAY, path);
    return status;
}

dn_status dn_builtin_checkpoint(const dn_call *call) {
    const char *path;
    int64_t every;
    DN_TRY(dn_arg_text(call, 0, &path));
    DN_TRY(dn_arg_int(call, 1, 0, INT64_MAX, &every));
    return dn_host_checkpoint(call->run, path, every);
}

dn_status dn_builtin_restore(const dn_call *call) {
    const char *path;
    DN_TRY(dn_arg_text(call, 0, &path));
    return dn_host_restore(call->run, path);
}

dn_status dn_builtin_save_weights(const dn_call *call) {
    const char *path;
    DN_TRY(dn_arg_text(call, 0, &path));
    return dn_host_save_weights(call->run, path);
}
