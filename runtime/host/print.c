// Values as text: what `print` shows and what {x:.3} inserts.
#include <stdlib.h>
#include <string.h>

#include "runtime/host/iterate.h"
#include "runtime/host/number.h"

enum {
    WHOLE_TENSOR = 64,  // elements up to which a tensor is shown whole
    TENSOR_DIGITS = 5,  // significant digits of a tensor's elements
    LIST_SHOWN = 100,   // items of a list
    MAX_WIDTH = 1000,   // of a format
    MAX_PRECISION = 100,
};

// ---- tensors ---------------------------------------------------------------------------------

static void print_element(const dn_tensor *tensor, int64_t i, int digits, dn_str *out) {
    if (tensor->dtype == DN_BOOL) {
        dn_str_puts(out, dn_tensor_get(tensor, i) != 0 ? "true" : "false");
    } else if (tensor->dtype == DN_I64) {
        dn_str_printf(out, "%lld", (long long)((const int64_t *)tensor->data)[i]);
    } else {
        char text[DN_NUMBER_TEXT];
        int limit = dn_dtype_is_float(tensor->dtype) ? digits : 0;
        dn_number_text(dn_tensor_get(tensor, i), dn_number_single(tensor->dtype), limit, text);
        dn_str_puts(out, text);
    }
}

typedef struct tensor_text {
    const dn_tensor *tensor;
    int64_t edge;  // elements shown at both ends of an axis; 0: all
    bool lines;    // a line for each row
    dn_str *out;
} tensor_text;

static void print_separator(const tensor_text *t, int axis) {
    if (!t->lines || axis == t->tensor->shape.rank - 1) {
        dn_str_puts(t->out, ", ");
        return;
    }
    dn_str_puts(t->out, ",\n");
    for (int i = 0; i <= axis; i++) dn_str_puts(t->out, " ");
}

// Prints the part of the tensor that starts at element `from`, over the axes from `axis` on.
static void print_axis(const tensor_text *t, int axis, int64_t from) {
    const dn_shape *shape = &t->tensor->shape;
    if (axis == shape->rank) {
        print_element(t->tensor, from, TENSOR_DIGITS, t->out);
        return;
    }
    int64_t stride = 1, count = shape->dims[axis];
    for (int i = axis + 1; i < shape->rank; i++) stride *= shape->dims[i];
    dn_str_puts(t->out, "[");
    for (int64_t i = 0; i < count; i++) {
        if (i) print_separator(t, axis);
        if (t->edge && i == t->edge && count > 2 * t->edge) {
            dn_str_puts(t->out, "...");
            print_separator(t, axis);
            i = count - t->edge;
        }
        print_axis(t, axis + 1, from + i * stride);
    }
    dn_str_puts(t->out, "]");
}

// A large tensor of many axes is told by its bounds and its mean.
static void print_summary(const dn_tensor *tensor, dn_str *out) {
    int64_t count = dn_shape_elements(&tensor->shape);
    double low = dn_tensor_get(tensor, 0), high = low, sum = 0;
    for (int64_t i = 0; i < count; i++) {
        double x = dn_tensor_get(tensor, i);
        if (x < low) low = x;
        if (x > high) high = x;
        sum += x;
    }
    char texts[3][DN_NUMBER_TEXT];
    dn_number_text(low, true, TENSOR_DIGITS, texts[0]);
    dn_number_text(high, true, TENSOR_DIGITS, texts[1]);
    dn_number_text(sum / (double)count, true, TENSOR_DIGITS, texts[2]);
    dn_str_printf(out, " from %s to %s, mean %s", texts[0], texts[1], texts[2]);
}

static void print_tensor(const dn_tensor *tensor, bool top, dn_str *out) {
    int rank = tensor->shape.rank;
    if (rank == 0) {
        print_element(tensor, 0, 0, out);
        return;
    }
    dn_shape_print(out, tensor->dtype, &tensor->shape);
    int64_t count = dn_shape_elements(&tensor->shape);
    if (count == 0) return;
    bool whole = count <= WHOLE_TENSOR;
    if (!whole && rank > 2) {
        print_summary(tensor, out);
        return;
    }
    tensor_text text = {.tensor = tensor,
                        .edge = whole       ? 0
                                : rank == 1 ? 4
                                            : 3,
                        .lines = top && rank > 1,
                        .out = out};
    dn_str_puts(out, text.lines ? "\n" : " ");
    print_axis(&text, 0, 0);
}

// ---- the other kinds -------------------------------------------------------------------------

static void print_inner(const dn_value *value, dn_str *out);

static void print_quoted(const dn_string *string, dn_str *out) {
    dn_str_puts(out, "\"");
    for (size_t i = 0; i < string->length; i++) {
        char c = string->text[i];
        if (c == '\n')
            dn_str_puts(out, "\\n");
        else if (c == '\t')
            dn_str_puts(out, "\\t");
        else if (c == '"' || c == '\\')
            dn_str_printf(out, "\\%c", c);
        else
            dn_str_append(out, &c, 1);
    }
    dn_str_puts(out, "\"");
}

static void print_list(const dn_list *list, dn_str *out) {
    dn_str_puts(out, "[");
    for (int i = 0; i < list->count && i < LIST_SHOWN; i++) {
        if (i) dn_str_puts(out, ", ");
        print_inner(&list->items[i], out);
    }
    if (list->count > LIST_SHOWN) dn_str_printf(out, ", ... %d more", list->count - LIST_SHOWN);
    dn_str_puts(out, "]");
}

static void print_record(const dn_record *record, dn_str *out) {
    dn_str_puts(out, "{");
    for (int i = 0; i < record->count; i++) {
        dn_str_printf(out, "%s%s: ", i ? ", " : "", record->names[i]);
        print_inner(&record->values[i], out);
    }
    dn_str_puts(out, "}");
}

static void print_dataset(dn_dataset *dataset, dn_str *out) {
    const dn_field *fields;
    int count = dn_dataset_fields(dataset, &fields);
    dn_str_printf(out, "dataset of %lld elements {", (long long)dn_dataset_size(dataset));
    for (int i = 0; i < count; i++) {
        dn_str_printf(out, "%s%s: ", i ? ", " : "", fields[i].name);
        dn_shape_print(out, fields[i].dtype, &fields[i].shape);
    }
    dn_str_puts(out, "}");
}

static void print_float(double number, dn_str *out) {
    char text[DN_NUMBER_TEXT];
    dn_number_text(number, false, 0, text);
    dn_str_puts(out, text);
}

static void print_any(const dn_value *value, bool top, dn_str *out) {
    switch (value->kind) {
        case DN_VALUE_NONE: dn_str_puts(out, "none"); break;
        case DN_VALUE_BOOL: dn_str_puts(out, value->boolean ? "true" : "false"); break;
        case DN_VALUE_INT: dn_str_printf(out, "%lld", (long long)value->integer); break;
        case DN_VALUE_FLOAT: print_float(value->number, out); break;
        case DN_VALUE_STRING:
            if (top)
                dn_str_append(out, value->string->text, value->string->length);
            else
                print_quoted(value->string, out);
            break;
        case DN_VALUE_TENSOR: print_tensor(value->tensor, top, out); break;
        case DN_VALUE_LIST: print_list(value->list, out); break;
        case DN_VALUE_RECORD: print_record(value->record, out); break;
        case DN_VALUE_RANGE:
            dn_str_printf(out, "%lld..%lld", (long long)value->range->first,
                          (long long)value->range->last);
            break;
        case DN_VALUE_DATASET: print_dataset(value->dataset->dataset, out); break;
        case DN_VALUE_PROGRESS:
            dn_str_puts(out, "progress over ");
            print_inner(&value->progress->items, out);
            break;
        case DN_VALUE_ITERATOR: dn_str_puts(out, "iterator"); break;
    }
}

static void print_inner(const dn_value *value, dn_str *out) { print_any(value, false, out); }

void dn_value_print(const dn_value *value, dn_str *out) { print_any(value, true, out); }

// ---- formats ---------------------------------------------------------------------------------

typedef struct format {
    bool zeros;
    int width;
    int precision;  // -1: not given
} format;

// Reads a number of at most `limit` at *text; false when there are no digits or too many.
static bool read_count(const char **text, int limit, int *out) {
    if (**text < '0' || **text > '9') return false;
    for (*out = 0; **text >= '0' && **text <= '9'; ++*text) {
        *out = *out * 10 + (**text - '0');
        if (*out > limit) return false;
    }
    return true;
}

static bool read_format(const char *text, format *out) {
    *out = (format){.precision = -1};
    if (*text == '0') {
        out->zeros = true;
        text++;
    }
    if (*text >= '1' && *text <= '9' && !read_count(&text, MAX_WIDTH, &out->width)) return false;
    if (*text == '.') {
        text++;
        if (!read_count(&text, MAX_PRECISION, &out->precision)) return false;
    }
    return *text == 0;
}

static size_t character_count(const char *text) {
    size_t count = 0;
    for (; *text; text++) count += ((unsigned char)*text & 0xC0) != 0x80;
    return count;
}

static void append_repeated(dn_str *out, const char *character, size_t count) {
    while (count-- > 0) dn_str_puts(out, character);
}

// Numbers are aligned to the right, text to the left; zeros go between the sign and the digits.
static void append_padded(const format *f, const char *text, bool number, dn_str *out) {
    size_t length = character_count(text), width = (size_t)f->width;
    size_t pad = length < width ? width - length : 0;
    if (number && f->zeros) {
        if (*text == '-') dn_str_puts(out, "-"), text++;
        append_repeated(out, "0", pad);
    } else if (number) {
        append_repeated(out, " ", pad);
    }
    dn_str_puts(out, text);
    if (!number) append_repeated(out, " ", pad);
}

static dn_status format_number(const format *f, const dn_value *value, dn_str *out) {
    double number = 0;
    dn_value_number(value, &number);
    dn_str text = {0};
    if (f->precision >= 0)
        dn_str_printf(&text, "%.*f", f->precision, number);
    else
        dn_value_print(value, &text);
    append_padded(f, text.text, true, out);
    free(text.text);
    return DN_SUCCESS;
}

static dn_status format_text(const format *f, const dn_value *value, dn_str *out) {
    dn_str text = {0};
    dn_value_print(value, &text);
    append_padded(f, text.text ? text.text : "", false, out);
    free(text.text);
    return DN_SUCCESS;
}

dn_status dn_value_format(const dn_value *value, const char *text, dn_str *out) {
    format f;
    if (!read_format(text, &f))
        return dn_with_hint(dn_fail(DN_INVALID, "`%s` is not a format", text),
                            "a format is [0][width][.decimals]: {x:.3} {n:04} {x:8.2}");
    dn_value scalar = dn_value_scalar(*value);
    bool number = scalar.kind == DN_VALUE_INT || scalar.kind == DN_VALUE_FLOAT;
    if (number) {
        bool single = value->kind == DN_VALUE_TENSOR && value->tensor->shape.rank == 0;
        return format_number(&f, single ? value : &scalar, out);
    }
    if (f.precision >= 0 || f.zeros)
        return dn_fail(DN_INVALID, "the format `%s` is for numbers, not for %s", text,
                       dn_value_kind_name(value->kind));
    return format_text(&f, value, out);
}
