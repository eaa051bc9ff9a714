// Tensors: one format for all elements that are shown, chosen so that the columns line up.
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "driver/prompt/show.h"
#include "runtime/host/number.h"

enum { MOST_LINES = 24, INLINE_ELEMENTS = 8, LONG_NUMBER = 64 };

// ---- statistics ------------------------------------------------------------------------------

dn_statistics dn_tensor_statistics(const dn_tensor *tensor) {
    dn_statistics s = {
        .count = dn_shape_elements(&tensor->shape), .min = INFINITY, .max = -INFINITY};
    double sum = 0, squares = 0;
    int64_t finite = 0;
    for (int64_t i = 0; i < s.count; i++) {
        double x = dn_tensor_get(tensor, i);
        if (isnan(x)) {
            s.nans++;
        } else if (isinf(x)) {
            s.infinities++;
        } else {
            s.min = fmin(s.min, x);
            s.max = fmax(s.max, x);
            sum += x;
            finite++;
        }
    }
    if (finite) s.mean = sum / (double)finite;
    for (int64_t i = 0; i < s.count; i++) {
        double x = dn_tensor_get(tensor, i);
        if (isfinite(x)) squares += (x - s.mean) * (x - s.mean);
    }
    if (finite) s.std = sqrt(squares / (double)finite);
    return s;
}

static void print_marks(const dn_style *style, const dn_statistics *s, dn_str *out) {
    if (!s->nans && !s->infinities) return;
    dn_str_puts(out, "  ");
    dn_str_puts(out, dn_style_begin(style, DN_COLOUR_BAD));
    if (s->nans) dn_str_printf(out, "%lld nan", (long long)s->nans);
    if (s->infinities)
        dn_str_printf(out, "%s%lld inf", s->nans ? ", " : "", (long long)s->infinities);
    dn_str_puts(out, dn_style_end(style));
}

static void print_statistics(const dn_style *style, const dn_statistics *s, dn_str *out) {
    if (s->count > s->nans + s->infinities)
        dn_str_printf(out, "  min %.4g  mean %.4g  max %.4g  std %.4g", s->min, s->mean, s->max,
                      s->std);
    print_marks(style, s, out);
}

// ---- the format of the elements --------------------------------------------------------------

typedef struct number_format {
    enum { WHOLE, FIXED, EXPONENT, TRUTH } kind;
    int decimals;
    int width;
} number_format;

typedef struct printer {
    const dn_style *style;
    const dn_tensor *tensor;
    number_format format;
    int64_t edge;  // elements shown at both ends of an axis; 0: all
    int column;    // where the line is
    dn_str *out;
} printer;

// Calls `see` for each element that is shown.
static void each_shown(printer *p, int axis, int64_t from, void (*see)(printer *p, int64_t i)) {
    const dn_shape *shape = &p->tensor->shape;
    if (axis == shape->rank) {
        see(p, from);
        return;
    }
    int64_t stride = 1, count = shape->dims[axis];
    for (int i = axis + 1; i < shape->rank; i++) stride *= shape->dims[i];
    for (int64_t i = 0; i < count; i++) {
        if (p->edge && i == p->edge && count > 2 * p->edge) i = count - p->edge;
        each_shown(p, axis + 1, from + i * stride, see);
    }
}

// Decimals that the shortest text of a number has; `limit` for one that is written 1e-07.
static int decimals_of(double x, bool single, int limit) {
    char text[DN_NUMBER_TEXT];
    dn_number_text(x, single, 0, text);
    if (strchr(text, 'e')) return x == floor(x) ? 0 : limit;
    const char *point = strchr(text, '.');
    int decimals = point ? (int)strlen(point + 1) : 0;
    return decimals < limit ? decimals : limit;
}

static void see_decimals(printer *p, int64_t i) {
    double x = dn_tensor_get(p->tensor, i);
    if (!isfinite(x)) return;
    int decimals = decimals_of(x, dn_number_single(p->tensor->dtype), p->style->precision);
    if (decimals > p->format.decimals) p->format.decimals = decimals;
    double size = fabs(x);
    if (size >= 1e8 || (size > 0 && size < 0.5 * pow(10, -p->style->precision)))
        p->format.kind = EXPONENT;
}

static void element_text(const printer *p, int64_t i, char text[LONG_NUMBER]) {
    double x = dn_tensor_get(p->tensor, i);
    if (p->format.kind == TRUTH)
        snprintf(text, LONG_NUMBER, "%s", x != 0 ? "true" : "false");
    else if (p->tensor->dtype == DN_I64)
        snprintf(text, LONG_NUMBER, "%lld", (long long)((const int64_t *)p->tensor->data)[i]);
    else if (isnan(x))
        snprintf(text, LONG_NUMBER, "nan");
    else if (isinf(x))
        snprintf(text, LONG_NUMBER, x < 0 ? "-inf" : "inf");
    else if (p->format.kind == EXPONENT)
        snprintf(text, LONG_NUMBER, "%.*e", p->style->precision, x);
    else
        snprintf(text, LONG_NUMBER, "%.*f", p->format.decimals, x);
}

static void see_width(printer *p, int64_t i) {
    char text[LONG_NUMBER];
    element_text(p, i, text);
    int width = (int)strlen(text);
    if (width > p->format.width) p->format.width = width;
}

static void choose_format(printer *p) {
    p->format = (number_format){.kind = WHOLE};
    if (p->tensor->dtype == DN_BOOL) {
        p->format.kind = TRUTH;
    } else if (dn_dtype_is_float(p->tensor->dtype)) {
        p->format.kind = FIXED;
        each_shown(p, 0, 0, see_decimals);
    }
    each_shown(p, 0, 0, see_width);
}

// ---- the elements ----------------------------------------------------------------------------

static void put(printer *p, const char *text) {
    dn_str_puts(p->out, text);
    p->column += (int)strlen(text);
}

static void new_line(printer *p, int indent) {
    dn_str_puts(p->out, "\n");
    p->column = 0;
    while (p->column < indent) put(p, " ");
}

static void print_element(printer *p, int64_t i) {
    char text[LONG_NUMBER];
    element_text(p, i, text);
    for (int pad = p->format.width - (int)strlen(text); pad > 0; pad--) put(p, " ");
    bool bad = !isfinite(dn_tensor_get(p->tensor, i));
    if (bad) dn_str_puts(p->out, dn_style_begin(p->style, DN_COLOUR_BAD));
    put(p, text);
    if (bad) dn_str_puts(p->out, dn_style_end(p->style));
}

// Between two elements of the last axis: on the same line if the next one fits.
static void separate_elements(printer *p, int indent) {
    put(p, ",");
    if (p->column + 1 + p->format.width + p->tensor->shape.rank > p->style->width)
        new_line(p, indent);
    else
        put(p, " ");
}

static void separate(printer *p, int axis) {
    int inner = p->tensor->shape.rank - 1 - axis;
    if (inner == 0) {
        separate_elements(p, p->tensor->shape.rank);
        return;
    }
    put(p, ",");
    for (int i = 1; i < inner; i++) new_line(p, 0);  // as NumPy sets blocks apart
    new_line(p, axis + 1);
}

static void print_axis(printer *p, int axis, int64_t from) {
    const dn_shape *shape = &p->tensor->shape;
    if (axis == shape->rank) {
        print_element(p, from);
        return;
    }
    int64_t stride = 1, count = shape->dims[axis];
    for (int i = axis + 1; i < shape->rank; i++) stride *= shape->dims[i];
    put(p, "[");
    for (int64_t i = 0; i < count; i++) {
        if (i) separate(p, axis);
        if (p->edge && i == p->edge && count > 2 * p->edge) {
            put(p, "...");
            separate(p, axis);
            i = count - p->edge;
        }
        print_axis(p, axis + 1, from + i * stride);
    }
    put(p, "]");
}

// ---- tensors ---------------------------------------------------------------------------------

static int64_t rows_shown(const dn_shape *shape, int64_t edge) {
    int64_t rows = 1;
    for (int i = 0; i + 1 < shape->rank; i++) {
        int64_t shown = shape->dims[i] > 2 * edge ? 2 * edge + 1 : shape->dims[i];
        if (rows > 10 * MOST_LINES) return rows;
        rows *= shown;
    }
    return rows;
}

// As many elements at the ends of each axis as make no more lines than a screen has.
static int64_t edge_of(const dn_style *style, const dn_shape *shape) {
    int64_t edge = style->edge > 0 ? style->edge : 1;
    while (edge > 1 && rows_shown(shape, edge) > MOST_LINES) edge--;
    return edge;
}

static void print_type(const dn_style *style, const dn_tensor *tensor, dn_str *out) {
    dn_str type = {0};
    dn_shape_print(&type, tensor->dtype, &tensor->shape);
    dn_style_puts(style, DN_COLOUR_TYPE, type.text, out);
    free(type.text);
}

static void print_scalar(const dn_tensor *tensor, dn_str *out) {
    dn_value value = {.kind = DN_VALUE_TENSOR, .tensor = (dn_tensor *)tensor};
    dn_str_puts(out, " ");
    dn_value_print(&value, out);
}

void dn_show_tensor(const dn_style *style, const dn_tensor *tensor, dn_str *out) {
    print_type(style, tensor, out);
    int rank = tensor->shape.rank;
    int64_t count = dn_shape_elements(&tensor->shape);
    if (rank == 0) print_scalar(tensor, out);
    if (rank > 0 && count > 0) {
        bool whole = count <= style->threshold;
        dn_statistics s = dn_tensor_statistics(tensor);
        printer p = {.style = style, .tensor = tensor, .out = out};
        if (!whole) p.edge = edge_of(style, &tensor->shape);
        choose_format(&p);
        int head = dn_text_columns(out->text) + 1;
        bool one_line = rank == 1 && whole && !s.nans && !s.infinities &&
                        head + (p.format.width + 2) * count <= style->width;
        if (!whole) print_statistics(style, &s, out);
        if (whole) print_marks(style, &s, out);
        dn_str_puts(out, one_line ? " " : "\n");
        print_axis(&p, 0, 0);
    }
    dn_str_puts(out, "\n");
}

void dn_show_tensor_line(const dn_style *style, const dn_tensor *tensor, dn_str *out) {
    print_type(style, tensor, out);
    int64_t count = dn_shape_elements(&tensor->shape);
    if (count == 0) return;
    if (tensor->shape.rank == 0) {
        print_scalar(tensor, out);
    } else if (tensor->shape.rank == 1 && count <= INLINE_ELEMENTS) {
        printer p = {.style = style, .tensor = tensor, .out = out};
        choose_format(&p);
        dn_str_puts(out, " ");
        print_axis(&p, 0, 0);
    } else {
        dn_statistics s = dn_tensor_statistics(tensor);
        print_statistics(style, &s, out);
    }
}
