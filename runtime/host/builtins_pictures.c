// Host functions that draw: show, plot, hist.
#include <limits.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "runtime/host/builtins.h"
#include "runtime/image/grid.h"
#include "runtime/image/plot.h"

enum { LARGEST_BINS = 1000 };

// Writes the image if a path is given; else, or besides, the screen shows it.
static dn_status write_image(const dn_call *call, const char *path, const dn_image *image) {
    DN_TRY(dn_host_make_parents(path));
    DN_TRY(dn_image_write_png(path, image));
    dn_host_wrote(call->run, DN_OUTPUT_IMAGE, path);
    return DN_SUCCESS;
}

// A live picture takes the place of the one before: the cursor goes up to where that began.
static dn_status begin_picture(const dn_call *call, int live_arg, bool on_terminal) {
    bool live;
    FILE *out = call->run->options.out;
    DN_TRY(dn_arg_bool(call, live_arg, &live));
    dn_host_hide_bar(call->run);
    if (live && on_terminal && call->run->live_lines)
        fprintf(out, "\033[%dA\033[J", call->run->live_lines);
    call->run->live_lines = 0;
    return DN_SUCCESS;
}

// ---- show ------------------------------------------------------------------------------------

// The bounds of usual images, 0 to 1, -1 to 1, 0 to 255, where the values are in one; else theirs.
static void guess_bounds(const dn_tensor *tensor, double *low, double *high) {
    double least = INFINITY, most = -INFINITY;
    int64_t count = dn_shape_elements(&tensor->shape);
    for (int64_t i = 0; i < count; i++) {
        double x = dn_tensor_get(tensor, i);
        if (!isfinite(x)) continue;
        least = fmin(least, x);
        most = fmax(most, x);
    }
    *low = least >= 0 ? 0 : least >= -1 && most <= 1 ? -1 : least;
    *high = most <= 1 && least >= -1 ? 1 : most <= 255 && least >= 0 ? 255 : most;
    if (!(*low < *high)) *high = *low + 1;
}

static dn_status arg_bound(const dn_call *call, int i, double guess, double *out) {
    *out = guess;
    if (call->args[i].kind == DN_VALUE_NONE) return DN_SUCCESS;
    return dn_arg_float(call, i, out);
}

// [H, W], [H, W, C] and [N, H, W, C] as a batch of images.
static dn_shape batch_shape(const dn_shape *shape) {
    const int64_t *d = shape->dims;
    if (shape->rank == 2) return dn_shape_of(4, (int64_t[]){1, d[0], d[1], 1});
    bool lone = shape->rank == 3 && (d[2] == 1 || d[2] == 3 || d[2] == 4);
    if (lone) return dn_shape_of(4, (int64_t[]){1, d[0], d[1], d[2]});
    if (shape->rank == 3) return dn_shape_of(4, (int64_t[]){d[0], d[1], d[2], 1});
    return *shape;
}

static dn_status image_of(const dn_call *call, const dn_tensor *tensor, dn_image *out) {
    double low, high;
    guess_bounds(tensor, &low, &high);
    DN_TRY(arg_bound(call, 2, low, &low));
    DN_TRY(arg_bound(call, 3, high, &high));
    dn_tensor *floats;
    dn_shape shape = batch_shape(&tensor->shape);
    DN_TRY(dn_tensor_new(DN_F32, &shape, &floats));
    int64_t count = dn_shape_elements(&shape);
    for (int64_t i = 0; i < count; i++) dn_tensor_set(floats, i, dn_tensor_get(tensor, i));
    dn_status status = dn_image_grid(floats, low, high, 0, 2, out);
    dn_tensor_release(floats);
    return status;
}

dn_status dn_builtin_show(const dn_call *call) {
    dn_tensor *tensor;
    const char *path;
    DN_TRY(dn_arg_tensor(call, 0, &tensor));
    DN_TRY(dn_arg_text_or_none(call, 1, &path));
    FILE *out = call->run->options.out;
    dn_screen screen = dn_screen_for_pictures(out);
    dn_image image = {0};
    dn_status status = image_of(call, tensor, &image);
    if (!status && path) status = write_image(call, path, &image);
    if (!status) status = begin_picture(call, 4, screen.kind != DN_SCREEN_NONE);
    if (!status && !path && screen.kind == DN_SCREEN_NONE)
        fprintf(out, "image of %d x %d pixels\n", image.width, image.height);
    if (!status) status = dn_screen_show(&screen, &image, &call->run->live_lines, out);
    dn_image_free(&image);
    return status;
}

// ---- plot ------------------------------------------------------------------------------------

typedef struct curves {
    dn_curve items[DN_MOST_CURVES];
    int n;
} curves;

static void free_curves(curves *c) {
    for (int k = 0; k < c->n; k++) free((double *)c->items[k].values);
}

static double *add_curve(curves *c, const char *name, int64_t count) {
    double *values = dn_xcalloc((size_t)count + 1, sizeof *values);
    c->items[c->n++] = (dn_curve){.name = name, .values = values, .count = count};
    return values;
}

static bool numbers_of_tensor(const dn_tensor *tensor, const char *name, curves *c) {
    int rank = tensor->shape.rank;
    if (rank != 1 && rank != 2) return false;
    int64_t rows = rank == 2 ? tensor->shape.dims[0] : 1, n = tensor->shape.dims[rank - 1];
    if (rows + c->n > DN_MOST_CURVES) return false;
    for (int64_t k = 0; k < rows; k++) {
        double *values = add_curve(c, name, n);
        for (int64_t i = 0; i < n; i++) values[i] = dn_tensor_get(tensor, k * n + i);
    }
    return true;
}

// A list of records, as steps give them: a curve for each field.
static bool numbers_of_records(const dn_list *list, curves *c) {
    const dn_record *first = list->items[0].record;
    if (first->count > DN_MOST_CURVES) return false;
    for (int k = 0; k < first->count; k++) {
        double *values = add_curve(c, first->names[k], list->count);
        for (int i = 0; i < list->count; i++) {
            const dn_value *field = list->items[i].kind == DN_VALUE_RECORD
                                        ? dn_record_find(list->items[i].record, first->names[k])
                                        : NULL;
            if (!field || !dn_value_number(field, &values[i])) return false;
        }
    }
    return true;
}

static bool numbers_of_list(const dn_list *list, const char *name, curves *c) {
    if (list->count && list->items[0].kind == DN_VALUE_RECORD) return numbers_of_records(list, c);
    if (c->n == DN_MOST_CURVES) return false;
    double *values = add_curve(c, name, list->count);
    for (int i = 0; i < list->count; i++)
        if (!dn_value_number(&list->items[i], &values[i])) return false;
    return true;
}

static bool curves_of(const dn_value *value, const char *name, curves *c) {
    if (value->kind == DN_VALUE_TENSOR) return numbers_of_tensor(value->tensor, name, c);
    if (value->kind == DN_VALUE_LIST) return numbers_of_list(value->list, name, c);
    if (value->kind != DN_VALUE_RECORD || *name) return false;
    for (int i = 0; i < value->record->count; i++)
        if (!curves_of(&value->record->values[i], value->record->names[i], c)) return false;
    return true;
}

static int count_lines(const dn_str *text) {
    int lines = 0;
    for (size_t i = 0; i < text->length; i++) lines += text->text[i] == '\n';
    return lines;
}

// `live_arg`: the argument that says whether it is live.
static dn_status draw(const dn_call *call, const char *path, int live_arg, const dn_screen *screen,
                      dn_str *text, dn_image *image) {
    dn_status status = path ? write_image(call, path, image) : DN_SUCCESS;
    FILE *out = call->run->options.out;
    if (!status) status = begin_picture(call, live_arg, screen->kind != DN_SCREEN_NONE);
    if (!status) call->run->live_lines = count_lines(text);
    if (!status && text->text) fwrite(text->text, 1, text->length, out);
    fflush(out);
    free(text->text);
    dn_image_free(image);
    return status;
}

dn_status dn_builtin_plot(const dn_call *call) {
    const char *path;
    curves c = {0};
    dn_image image = {0};
    dn_str text = {0};
    DN_TRY(dn_arg_text_or_none(call, 1, &path));
    dn_status status = DN_SUCCESS;
    if (!curves_of(&call->args[0], "", &c) || c.n == 0)
        status = dn_with_hint(dn_arg_wrong(call, 0, "numbers over time"),
                              "a list of numbers, a tensor [N], a list of records such as steps "
                              "give, or a record of lists: at most %d curves",
                              DN_MOST_CURVES);
    if (!status && path) status = dn_plot_image(c.items, c.n, &image);
    if (!status) {
        dn_screen screen = dn_screen_of(call->run->options.out);
        dn_plot_text(&screen, c.items, c.n, &text);
        status = draw(call, path, 2, &screen, &text, &image);
    }
    free_curves(&c);
    return status;
}

// ---- hist ------------------------------------------------------------------------------------

static dn_status all_numbers(const dn_call *call, double **out, int64_t *count) {
    const dn_value *value = &call->args[0];
    curves c = {0};
    if (value->kind == DN_VALUE_TENSOR) {
        *count = dn_shape_elements(&value->tensor->shape);
        *out = dn_xcalloc((size_t)*count + 1, sizeof **out);
        for (int64_t i = 0; i < *count; i++) (*out)[i] = dn_tensor_get(value->tensor, i);
        return DN_SUCCESS;
    }
    if (value->kind != DN_VALUE_LIST || !numbers_of_list(value->list, "", &c) || c.n != 1) {
        free_curves(&c);
        return dn_arg_wrong(call, 0, "a tensor or a list of numbers");
    }
    *out = (double *)c.items[0].values;
    *count = c.items[0].count;
    return DN_SUCCESS;
}

dn_status dn_builtin_hist(const dn_call *call) {
    const char *path;
    double *values = NULL;
    int64_t count = 0, bins;
    dn_image image = {0};
    dn_str text = {0};
    DN_TRY(dn_arg_text_or_none(call, 1, &path));
    DN_TRY(dn_arg_int(call, 2, 0, LARGEST_BINS, &bins));
    DN_TRY(all_numbers(call, &values, &count));
    dn_histogram h = dn_histogram_of(values, count, (int)bins);
    dn_status status = path ? dn_histogram_image(&h, &image) : DN_SUCCESS;
    if (!status) {
        dn_screen screen = dn_screen_of(call->run->options.out);
        dn_histogram_text(&screen, &h, &text);
        status = draw(call, path, 3, &screen, &text, &image);
    }
    free(h.counts);
    free(values);
    return status;
}
