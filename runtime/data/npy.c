// NumPy's .npy files: a magic, a version, a header that is a Python dict of three entries, and the
// elements.
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "runtime/base/replace.h"
#include "runtime/data/node.h"
#include "runtime/data/rows.h"

// ---- The header -------------------------------------------------------------------------------

typedef struct npy {
    char kind;  // b, u, i or f
    int size;   // bytes of an element
    bool fortran;
    dn_shape shape;
} npy;

// A reader of Python literals, of those that a header may have.
typedef struct literal {
    const char *at, *end;
} literal;

static bool eat(literal *l, char c) {
    while (l->at < l->end && (*l->at == ' ' || *l->at == '\n' || *l->at == '\t')) l->at++;
    if (l->at == l->end || *l->at != c) return false;
    l->at++;
    return true;
}

static bool eat_string(literal *l, char *out, size_t size) {
    char quote = eat(l, '\'') ? '\'' : eat(l, '"') ? '"' : 0;
    size_t n = 0;
    if (!quote) return false;
    while (l->at < l->end && *l->at != quote && n + 1 < size) out[n++] = *l->at++;
    out[n] = 0;
    return eat(l, quote);
}

static bool eat_word(literal *l, const char *word) {
    eat(l, ' ');
    size_t n = strlen(word);
    if ((size_t)(l->end - l->at) < n || memcmp(l->at, word, n) != 0) return false;
    l->at += n;
    return true;
}

static bool eat_number(literal *l, int64_t *out) {
    eat(l, ' ');
    const char *start = l->at;
    *out = 0;
    for (; l->at < l->end && *l->at >= '0' && *l->at <= '9'; l->at++)
        if (__builtin_mul_overflow(*out, 10, out) ||
            __builtin_add_overflow(*out, *l->at - '0', out))
            return false;
    return l->at > start;
}

static dn_status read_shape(literal *l, dn_shape *shape) {
    shape->rank = 0;
    if (!eat(l, '(')) return dn_fail(DN_CORRUPT, "its header's shape is no tuple");
    while (!eat(l, ')')) {
        if (shape->rank == DN_MAX_RANK)
            return dn_fail(DN_UNSUPPORTED, "it has more than %d dimensions", DN_MAX_RANK);
        if (!eat_number(l, &shape->dims[shape->rank]))
            return dn_fail(DN_CORRUPT, "its header's shape has a bad number");
        shape->rank++;
        if (!eat(l, ',') && (l->at == l->end || *l->at != ')'))
            return dn_fail(DN_CORRUPT, "its header's shape is not closed");
    }
    return DN_SUCCESS;
}

static dn_status read_descr(literal *l, npy *n) {
    char text[16];
    if (!eat_string(l, text, sizeof text))
        return dn_fail(DN_UNSUPPORTED, "its elements are records, not numbers");
    if (text[0] == '>') return dn_fail(DN_UNSUPPORTED, "its elements are big-endian (%s)", text);
    static const char *const known[] = {"b1", "u1", "u2", "u4", "u8", "i1",
                                        "i2", "i4", "i8", "f2", "f4", "f8"};
    for (size_t i = 0; (*text == '<' || *text == '|') && i < sizeof known / sizeof *known; i++) {
        if (strcmp(text + 1, known[i]) != 0) continue;
        n->kind = text[1];
        n->size = text[2] - '0';
        return DN_SUCCESS;
    }
    return dn_fail(DN_UNSUPPORTED, "its elements are of type %s", text);
}

static dn_status read_dict(literal *l, npy *n) {
    bool descr = false, order = false, shape = false;
    char key[32];
    if (!eat(l, '{')) return dn_fail(DN_CORRUPT, "its header is no dict");
    while (!eat(l, '}')) {
        if (!eat_string(l, key, sizeof key) || !eat(l, ':'))
            return dn_fail(DN_CORRUPT, "its header is no dict");
        if (strcmp(key, "descr") == 0) {
            DN_TRY(read_descr(l, n));
            descr = true;
        } else if (strcmp(key, "shape") == 0) {
            DN_TRY(read_shape(l, &n->shape));
            shape = true;
        } else if (strcmp(key, "fortran_order") == 0) {
            n->fortran = eat_word(l, "True");
            if (!n->fortran && !eat_word(l, "False"))
                return dn_fail(DN_CORRUPT, "its header's fortran_order is neither True nor False");
            order = true;
        } else {
            return dn_fail(DN_CORRUPT, "its header has an unknown key %s", key);
        }
        eat(l, ',');
    }
    if (descr && order && shape) return DN_SUCCESS;
    return dn_fail(DN_CORRUPT, "its header lacks %s",
                   !descr   ? "descr"
                   : !order ? "fortran_order"
                            : "shape");
}

static dn_status read_header(FILE *file, npy *n) {
    unsigned char head[12];
    if (fread(head, 1, 8, file) != 8 || memcmp(head, "\x93NUMPY", 6) != 0)
        return dn_fail(DN_CORRUPT, "not an NPY file");
    if (head[6] < 1 || head[6] > 3)
        return dn_fail(DN_UNSUPPORTED, "NPY version %d.%d", head[6], head[7]);
    size_t width = head[6] == 1 ? 2 : 4, length = 0;
    if (fread(head + 8, 1, width, file) != width)
        return dn_fail(DN_CORRUPT, "the file ends within its header");
    for (size_t i = width; i-- > 0;) length = length << 8 | head[8 + i];
    if (length > 1 << 16) return dn_fail(DN_CORRUPT, "a header of %zu bytes", length);
    char *text = dn_xmalloc(length);
    dn_status status = DN_SUCCESS;
    if (fread(text, 1, length, file) != length)
        status = dn_fail(DN_CORRUPT, "the file ends within its header");
    literal l = {.at = text, .end = text + length};
    if (!status) status = read_dict(&l, n);
    free(text);
    return status;
}

// ---- Elements ---------------------------------------------------------------------------------

static float half_to_float(uint16_t h) {
    uint32_t sign = (uint32_t)(h & 0x8000) << 16, exponent = h >> 10 & 31, mantissa = h & 1023;
    uint32_t bits;
    if (exponent == 31) {
        bits = sign | 0x7f800000 | mantissa << 13;
    } else if (exponent) {
        bits = sign | (exponent + 112) << 23 | mantissa << 13;
    } else {
        float value = (float)mantissa * 0x1p-24f;  // subnormal, or zero
        return sign ? -value : value;
    }
    float value;
    memcpy(&value, &bits, sizeof value);
    return value;
}

// Without `keep`, what dn_dataset_npy promises; with it, the type itself where dnet has it, else
// one that holds all its values.
static dn_dtype target_type(const npy *n, bool keep) {
    switch (n->kind) {
        case 'f': return keep && n->size == 8 ? DN_F64 : DN_F32;
        case 'b': return keep ? DN_BOOL : DN_I32;
        case 'u':
            if (n->size == 1 && keep) return DN_U8;
            if (n->size == 4 && keep) return DN_I64;
            break;
        default: break;
    }
    return n->size == 8 ? DN_I64 : DN_I32;
}

#define EACH(source, target, value)                          \
    do {                                                     \
        target *to = (target *)out->data + at;               \
        for (int64_t i = 0; i < count; i++) {                \
            source x;                                        \
            memcpy(&x, in + (size_t)i * sizeof x, sizeof x); \
            to[i] = (target)(value);                         \
        }                                                    \
        return DN_SUCCESS;                                   \
    } while (0)

// As EACH, for unsigned numbers that may not fit the signed type of the same width.
#define EACH_CHECKED(source, target, most)                                                 \
    do {                                                                                   \
        target *to = (target *)out->data + at;                                             \
        for (int64_t i = 0; i < count; i++) {                                              \
            source x;                                                                      \
            memcpy(&x, in + (size_t)i * sizeof x, sizeof x);                               \
            if (x > (most))                                                                \
                return dn_fail(DN_UNSUPPORTED, "element %lld is %llu, more than %s holds", \
                               (long long)(at + i), (unsigned long long)x,                 \
                               dn_dtype_name(out->dtype));                                 \
            to[i] = (target)x;                                                             \
        }                                                                                  \
        return DN_SUCCESS;                                                                 \
    } while (0)

// Elements [at, at + count) of the tensor from their bytes in the file.
static dn_status convert(const npy *n, const unsigned char *in, int64_t at, int64_t count,
                         dn_tensor *out) {
    switch (n->kind << 8 | n->size) {
        case 'b' << 8 | 1:
            if (out->dtype == DN_BOOL) EACH(uint8_t, uint8_t, x != 0);
            EACH(uint8_t, int32_t, x != 0);
        case 'u' << 8 | 1:
            if (out->dtype == DN_U8) EACH(uint8_t, uint8_t, x);
            EACH(uint8_t, int32_t, x);
        case 'i' << 8 | 1: EACH(int8_t, int32_t, x);
        case 'u' << 8 | 2: EACH(uint16_t, int32_t, x);
        case 'i' << 8 | 2: EACH(int16_t, int32_t, x);
        case 'u' << 8 | 4:
            if (out->dtype == DN_I64) EACH(uint32_t, int64_t, x);
            EACH_CHECKED(uint32_t, int32_t, INT32_MAX);
        case 'i' << 8 | 4: EACH(int32_t, int32_t, x);
        case 'u' << 8 | 8: EACH_CHECKED(uint64_t, int64_t, INT64_MAX);
        case 'i' << 8 | 8: EACH(int64_t, int64_t, x);
        case 'f' << 8 | 2: EACH(uint16_t, float, half_to_float(x));
        case 'f' << 8 | 4: EACH(float, float, x);
        default:
            if (out->dtype == DN_F64) EACH(double, double, x);
            EACH(double, float, x);
    }
}

static dn_status read_elements(FILE *file, const npy *n, dn_tensor *out) {
    enum { CHUNK = 8192 };
    unsigned char bytes[CHUNK * 8];
    int64_t total = dn_shape_elements(&n->shape);
    for (int64_t at = 0; at < total; at += CHUNK) {
        int64_t count = total - at < CHUNK ? total - at : CHUNK;
        if (fread(bytes, (size_t)n->size, (size_t)count, file) != (size_t)count)
            return dn_fail(DN_CORRUPT, "the file ends early");
        DN_TRY(convert(n, bytes, at, count, out));
    }
    return DN_SUCCESS;
}

// From Fortran's order, where the first index runs fastest, to C's.
static void transpose(const dn_tensor *from, dn_tensor *to) {
    const dn_shape *shape = &to->shape;
    size_t size = dn_dtype_size(to->dtype);
    int64_t stride[DN_MAX_RANK], index[DN_MAX_RANK] = {0}, total = dn_shape_elements(shape);
    for (int i = 0; i < shape->rank; i++) stride[i] = i ? stride[i - 1] * shape->dims[i - 1] : 1;
    for (int64_t i = 0, at = 0; i < total; i++) {
        memcpy((char *)to->data + (size_t)i * size, (const char *)from->data + (size_t)at * size,
               size);
        for (int axis = shape->rank - 1; axis >= 0; axis--) {
            at += stride[axis];
            if (++index[axis] < shape->dims[axis]) break;
            at -= stride[axis] * shape->dims[axis];
            index[axis] = 0;
        }
    }
}

// The header's size against the file's, before memory is taken for it.
static dn_status check_size(FILE *file, const npy *n) {
    size_t elements, bytes;
    struct stat info;
    long at = ftell(file);
    dn_status status = dn_shape_bytes(DN_U8, &n->shape, &elements);
    if (status || __builtin_mul_overflow(elements, (size_t)n->size, &bytes)) {
        dn_status_free(status);
        return dn_fail(DN_CORRUPT, "its shape overflows");
    }
    if (at < 0 || fstat(fileno(file), &info) != 0) return dn_fail_errno("cannot be read");
    if ((uint64_t)(info.st_size - at) != bytes)
        return dn_fail(DN_CORRUPT, "its shape asks for %zu bytes, but it has %lld", bytes,
                       (long long)(info.st_size - at));
    return DN_SUCCESS;
}

static dn_status read_array(FILE *file, bool keep, dn_tensor **out) {
    npy n = {0};
    DN_TRY(read_header(file, &n));
    DN_TRY(check_size(file, &n));
    dn_tensor *tensor, *turned;
    DN_TRY(dn_tensor_new(target_type(&n, keep), &n.shape, &tensor));
    dn_status status = read_elements(file, &n, tensor);
    if (!status && n.fortran && n.shape.rank > 1) {
        status = dn_tensor_new(tensor->dtype, &n.shape, &turned);
        if (!status) {
            transpose(tensor, turned);
            dn_tensor_release(tensor);
            tensor = turned;
        }
    }
    if (status)
        dn_tensor_release(tensor);
    else
        *out = tensor;
    return status;
}

static dn_status read_npy(const char *path, bool keep, dn_tensor **out) {
    FILE *file = fopen(path, "rb");
    if (!file) return dn_fail_errno("%s", path);
    dn_status status = read_array(file, keep, out);
    fclose(file);
    return status ? dn_annotate(status, "%s", path) : DN_SUCCESS;
}

// ---- Whole files ------------------------------------------------------------------------------

dn_status dn_npy_read(const char *path, dn_tensor **out) { return read_npy(path, true, out); }

static void write_header(FILE *file, const dn_tensor *tensor) {
    static const char *const types[DN_DTYPE_COUNT] = {
        [DN_BOOL] = "|b1", [DN_U8] = "|u1",  [DN_I32] = "<i4", [DN_I64] = "<i8",
        [DN_F32] = "<f4",  [DN_F64] = "<f8", [DN_BF16] = "<f4"};
    dn_str text = {0};
    dn_str_printf(&text, "{'descr': '%s', 'fortran_order': False, 'shape': (",
                  types[tensor->dtype]);
    for (int i = 0; i < tensor->shape.rank; i++)
        dn_str_printf(&text, "%s%lld%s", i ? " " : "", (long long)tensor->shape.dims[i],
                      i + 1 < tensor->shape.rank || tensor->shape.rank == 1 ? "," : "");
    dn_str_puts(&text, "), }");
    while ((10 + text.length + 1) % 64) dn_str_puts(&text, " ");  // so that the data is aligned
    dn_str_puts(&text, "\n");
    const unsigned char head[10] = {0x93,
                                    'N',
                                    'U',
                                    'M',
                                    'P',
                                    'Y',
                                    1,
                                    0,
                                    (unsigned char)(text.length & 255),
                                    (unsigned char)(text.length >> 8)};
    fwrite(head, 1, sizeof head, file);
    fwrite(text.text, 1, text.length, file);
    free(text.text);
}

// The format has no bf16: f32 holds all its numbers.
static void write_bf16(FILE *file, const dn_tensor *tensor) {
    const uint16_t *elements = tensor->data;
    for (int64_t i = 0; i < dn_shape_elements(&tensor->shape); i++) {
        float x = dn_bf16_to_f32(elements[i]);
        fwrite(&x, sizeof x, 1, file);
    }
}

dn_status dn_npy_write(const char *path, const dn_tensor *tensor) {
    dn_replace replace;
    DN_TRY(dn_replace_open(&replace, path));
    write_header(replace.file, tensor);
    if (tensor->dtype == DN_BF16)
        write_bf16(replace.file, tensor);
    else if (tensor->bytes)
        fwrite(tensor->data, 1, tensor->bytes, replace.file);
    return dn_replace_close(&replace, DN_SUCCESS, false);
}

// ---- The dataset ------------------------------------------------------------------------------

dn_status dn_dataset_npy(const char *path, dn_dataset **out) {
    static const char *const name[] = {"value"};
    dn_tensor *tensor;
    DN_TRY(read_npy(path, false, &tensor));
    dn_status status = dn_dataset_tensors(name, &tensor, 1, out);
    dn_tensor_release(tensor);
    return dn_annotate(status, "%s", path);
}
