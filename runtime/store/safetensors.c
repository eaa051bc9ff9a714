// Reading and writing safetensors (https://github.com/huggingface/safetensors, "Format").
//
// The file is: the header's length N (8 bytes, little endian), N bytes of JSON, the data. The JSON
// is an object of "name": {"dtype", "shape", "data_offsets": [begin, end]}, offsets counted from
// the start of the data, and optionally "__metadata__": an object of strings. Sorted by offset, the
// tensors must cover the data without a gap or an overlap.
//
// The reader believes nothing: the whole header is checked against the size of the file before a
// byte of data is read, so memory is only asked for what the file really has. Then each tensor is
// read straight into its buffer.
//
// The writer pads the header with spaces so that the data starts at a multiple of 8, as the
// reference implementation does.
#include "runtime/store/safetensors.h"

#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "runtime/base/replace.h"

_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "the data is little endian");

#define METADATA_KEY "__metadata__"

enum { LENGTH_BYTES = 8, ALIGNMENT = 8, LONGEST_HEADER = 100000000 };  // the last: the reference's

// --- element types ---

typedef struct type_name {
    dn_dtype dtype;
    const char *name;
} type_name;

static const type_name type_names[] = {
    {DN_BOOL, "BOOL"}, {DN_U8, "U8"},   {DN_I32, "I32"},   {DN_I64, "I64"},
    {DN_F32, "F32"},   {DN_F64, "F64"}, {DN_BF16, "BF16"},
};

_Static_assert(sizeof type_names / sizeof *type_names == DN_DTYPE_COUNT, "a dtype has no name");

// Types of the format that dnet does not have.
static const char *const foreign_types[] = {
    "I8",      "I16",         "U16",         "U32", "U64",     "F16",     "F8_E4M3", "F8_E5M2",
    "F8_E8M0", "F8_E4M3FNUZ", "F8_E5M2FNUZ", "F4",  "F6_E2M3", "F6_E3M2", "C64",
};

static const char *name_of_type(dn_dtype dtype) {
    for (int i = 0; i < DN_DTYPE_COUNT; i++) {
        if (type_names[i].dtype == dtype) return type_names[i].name;
    }
    return NULL;
}

static dn_status type_of_name(const char *name, dn_dtype *dtype) {
    for (int i = 0; i < DN_DTYPE_COUNT; i++) {
        if (strcmp(type_names[i].name, name) == 0) {
            *dtype = type_names[i].dtype;
            return DN_SUCCESS;
        }
    }
    for (size_t i = 0; i < sizeof foreign_types / sizeof *foreign_types; i++) {
        if (strcmp(foreign_types[i], name) == 0)
            return dn_fail(DN_UNSUPPORTED, "dnet has no type for dtype %s", name);
    }
    return dn_fail(DN_CORRUPT, "unknown dtype \"%s\"", name);
}

// --- writing: the header ---

static dn_status add_metadata(json_t *root, const dn_metadata *metadata, int n_metadata) {
    if (n_metadata == 0) return DN_SUCCESS;
    json_t *object = json_object();
    json_object_set_new(root, METADATA_KEY, object);
    for (int i = 0; i < n_metadata; i++) {
        if (json_object_get(object, metadata[i].key))
            return dn_fail(DN_INVALID, "metadata \"%s\" is given twice", metadata[i].key);
        // Both calls refuse what is not UTF-8.
        if (json_object_set_new(object, metadata[i].key, json_string(metadata[i].value)) != 0)
            return dn_fail(DN_INVALID, "metadata %d is not UTF-8 text", i);
    }
    return DN_SUCCESS;
}

static json_t *tensor_entry(const dn_tensor *tensor, json_int_t begin) {
    json_t *shape = json_array(), *offsets = json_array(), *entry = json_object();
    for (int i = 0; i < tensor->shape.rank; i++)
        json_array_append_new(shape, json_integer(tensor->shape.dims[i]));
    json_array_append_new(offsets, json_integer(begin));
    json_array_append_new(offsets, json_integer(begin + (json_int_t)tensor->bytes));
    json_object_set_new(entry, "dtype", json_string(name_of_type(tensor->dtype)));
    json_object_set_new(entry, "shape", shape);
    json_object_set_new(entry, "data_offsets", offsets);
    return entry;
}

static dn_status add_tensors(json_t *root, const dn_named_tensor *tensors, int n_tensors) {
    json_int_t begin = 0;
    for (int i = 0; i < n_tensors; i++) {
        const char *name = tensors[i].name;
        if (strcmp(name, METADATA_KEY) == 0)
            return dn_fail(DN_INVALID, "a tensor cannot be named " METADATA_KEY);
        if (json_object_get(root, name))
            return dn_fail(DN_INVALID, "there are two tensors \"%s\"", name);
        if (json_object_set_new(root, name, tensor_entry(tensors[i].tensor, begin)) != 0)
            return dn_fail(DN_INVALID, "the name of tensor %d is not UTF-8 text", i);
        begin += (json_int_t)tensors[i].tensor->bytes;
    }
    return DN_SUCCESS;
}

// The length and the padded JSON, as they are in the file.
static dn_status make_header(const dn_named_tensor *tensors, int n_tensors,
                             const dn_metadata *metadata, int n_metadata, dn_str *out) {
    json_t *root = json_object();
    dn_status status = add_metadata(root, metadata, n_metadata);
    if (!status) status = add_tensors(root, tensors, n_tensors);
    char *text = status ? NULL : json_dumps(root, JSON_COMPACT);
    json_decref(root);
    if (status) return status;
    if (!text) return dn_fail(DN_MEMORY, "no memory for the header");
    size_t length = strlen(text);
    uint64_t padded = (length + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
    if (padded > LONGEST_HEADER) {
        status =
            dn_fail(DN_INVALID, "a header of %zu bytes is longer than the format allows", length);
    } else {
        dn_str_append(out, (const char *)&padded, LENGTH_BYTES);
        dn_str_append(out, text, length);
        while (out->length < LENGTH_BYTES + padded) dn_str_puts(out, " ");
    }
    free(text);
    return status;
}

// --- writing: the file ---

static dn_status write_content(FILE *file, const char *path, const dn_str *header,
                               const dn_named_tensor *tensors, int n_tensors) {
    bool ok = fwrite(header->text, 1, header->length, file) == header->length;
    for (int i = 0; i < n_tensors && ok; i++) {
        const dn_tensor *tensor = tensors[i].tensor;
        ok = fwrite(tensor->data, 1, tensor->bytes, file) == tensor->bytes;
    }
    return ok ? DN_SUCCESS : dn_fail_errno("%s: cannot write", path);
}

dn_status dn_safetensors_write(const char *path, const dn_named_tensor *tensors, int n_tensors,
                               const dn_metadata *metadata, int n_metadata) {
    dn_str header = {0};
    dn_replace replace;
    dn_status status =
        dn_annotate(make_header(tensors, n_tensors, metadata, n_metadata, &header), "%s", path);
    for (int i = 0; i < n_tensors && !status; i++) status = dn_tensor_settle(tensors[i].tensor);
    if (!status) status = dn_replace_open(&replace, path);
    if (!status) {
        status = write_content(replace.file, path, &header, tensors, n_tensors);
        status = dn_replace_close(&replace, status, true);
    }
    free(header.text);
    return status;
}

// --- reading ---

typedef struct entry {
    const char *name;
    int64_t begin, end;
    dn_dtype dtype;
    dn_shape shape;
    dn_tensor *tensor;
} entry;

struct dn_safetensors {
    json_t *root;  // owns the names and the metadata
    entry *entries;
    int count;
};

// A file that is open for reading, or its bytes, and what is known of it.
typedef struct source {
    int fd;
    const char *bytes;  // NULL: read the file
    int64_t size, header_length;
} source;

static int64_t data_start(const source *s) { return LENGTH_BYTES + s->header_length; }

static dn_status read_at(const source *s, int64_t offset, void *to, size_t size) {
    char *p = to;
    if (s->bytes) {  // within them: the size is known and checked
        if (size) memcpy(to, s->bytes + offset, size);
        return DN_SUCCESS;
    }
    while (size > 0) {
        ssize_t n = pread(s->fd, p, size, offset);
        if (n < 0 && errno == EINTR) continue;
        if (n < 0) return dn_fail_errno("cannot read");
        if (n == 0) return dn_fail(DN_CORRUPT, "the file ends at byte %lld", (long long)offset);
        p += n;
        offset += n;
        size -= (size_t)n;
    }
    return DN_SUCCESS;
}

static dn_status measure_file(source *s) {
    struct stat info;
    if (fstat(s->fd, &info) != 0) return dn_fail_errno("cannot stat");
    if (!S_ISREG(info.st_mode)) return dn_fail(DN_IO, "not a regular file");
    s->size = info.st_size;
    return DN_SUCCESS;
}

static dn_status measure_header(source *s) {
    if (s->size < LENGTH_BYTES)
        return dn_fail(DN_CORRUPT, "%lld bytes cannot be a safetensors file", (long long)s->size);
    uint64_t length;
    DN_TRY(read_at(s, 0, &length, LENGTH_BYTES));
    if (length > LONGEST_HEADER)
        return dn_fail(DN_CORRUPT, "a header of %llu bytes is longer than the format allows",
                       (unsigned long long)length);
    if (length > (uint64_t)(s->size - LENGTH_BYTES))
        return dn_fail(DN_CORRUPT, "a header of %llu bytes does not fit a file of %lld",
                       (unsigned long long)length, (long long)s->size);
    s->header_length = (int64_t)length;
    return DN_SUCCESS;
}

static dn_status parse_header(const source *s, json_t **root) {
    size_t length = (size_t)s->header_length;
    char *text = malloc(length + 1);
    if (!text) return dn_fail(DN_MEMORY, "no memory for a header of %zu bytes", length);
    dn_status status = read_at(s, LENGTH_BYTES, text, length);
    if (!status && (length == 0 || text[0] != '{'))
        status = dn_fail(DN_CORRUPT, "the header is not a JSON object");
    if (!status) {
        json_error_t error;
        *root = json_loadb(text, length, JSON_REJECT_DUPLICATES, &error);
        if (!*root)
            status = dn_fail(DN_CORRUPT, "the header at byte %lld: %s",
                             (long long)LENGTH_BYTES + error.position, error.text);
    }
    free(text);
    return status;
}

static dn_status check_metadata(const json_t *root) {
    json_t *metadata = json_object_get(root, METADATA_KEY);
    if (!metadata) return DN_SUCCESS;
    if (!json_is_object(metadata))
        return dn_fail(DN_CORRUPT, METADATA_KEY " is not an object of strings");
    const char *key;
    json_t *value;
    json_object_foreach(metadata, key, value) {
        if (!json_is_string(value))
            return dn_fail(DN_CORRUPT, METADATA_KEY ": \"%s\" is not a string", key);
    }
    return DN_SUCCESS;
}

static dn_status parse_shape(const json_t *shape, entry *e) {
    if (!json_is_array(shape)) return dn_fail(DN_CORRUPT, "shape is not an array");
    size_t rank = json_array_size(shape);
    if (rank > DN_MAX_RANK)
        return dn_fail(DN_UNSUPPORTED, "%zu dimensions; dnet has at most %d", rank, DN_MAX_RANK);
    e->shape.rank = (int)rank;
    for (size_t i = 0; i < rank; i++) {
        json_t *dim = json_array_get(shape, i);
        if (!json_is_integer(dim) || json_integer_value(dim) < 0)
            return dn_fail(DN_CORRUPT, "shape: element %zu is not a size", i);
        e->shape.dims[i] = json_integer_value(dim);
    }
    return DN_SUCCESS;
}

static dn_status parse_offsets(const source *s, const json_t *offsets, entry *e) {
    json_t *begin = json_array_get(offsets, 0), *end = json_array_get(offsets, 1);
    if (!json_is_array(offsets) || json_array_size(offsets) != 2 || !json_is_integer(begin) ||
        !json_is_integer(end))
        return dn_fail(DN_CORRUPT, "data_offsets are not two integers");
    e->begin = json_integer_value(begin);
    e->end = json_integer_value(end);
    int64_t size = s->size - data_start(s);
    if (e->begin < 0 || e->end < e->begin || e->end > size)
        return dn_fail(DN_CORRUPT, "data_offsets [%lld, %lld] are not a part of %lld bytes of data",
                       (long long)e->begin, (long long)e->end, (long long)size);
    return DN_SUCCESS;
}

// The shape's bytes must be those between the offsets.
static dn_status check_size(const entry *e) {
    size_t bytes;
    dn_status status = dn_shape_bytes(e->dtype, &e->shape, &bytes);
    if (!status && bytes == (size_t)(e->end - e->begin)) return DN_SUCCESS;
    dn_status_free(status);
    dn_str text = {0};
    dn_shape_print(&text, e->dtype, &e->shape);
    status = dn_fail(DN_CORRUPT, "data_offsets [%lld, %lld] are not the size of %s",
                     (long long)e->begin, (long long)e->end, text.text);
    free(text.text);
    return status;
}

static dn_status parse_entry(const source *s, const json_t *value, entry *e) {
    if (!json_is_object(value)) return dn_fail(DN_CORRUPT, "not an object");
    const char *dtype = json_string_value(json_object_get(value, "dtype"));
    if (!dtype) return dn_fail(DN_CORRUPT, "dtype is not a string");
    DN_TRY(type_of_name(dtype, &e->dtype));
    DN_TRY(parse_shape(json_object_get(value, "shape"), e));
    DN_TRY(parse_offsets(s, json_object_get(value, "data_offsets"), e));
    return check_size(e);
}

static dn_status parse_entries(const source *s, dn_safetensors *file) {
    const char *name;
    json_t *value;
    file->entries = dn_xcalloc(json_object_size(file->root), sizeof *file->entries);
    json_object_foreach(file->root, name, value) {
        if (strcmp(name, METADATA_KEY) == 0) continue;
        entry *e = &file->entries[file->count++];
        e->name = name;
        DN_TRY(dn_annotate(parse_entry(s, value, e), "tensor \"%s\"", name));
    }
    return DN_SUCCESS;
}

static int by_offset(const void *a, const void *b) {
    const entry *x = *(const entry *const *)a, *y = *(const entry *const *)b;
    if (x->begin != y->begin) return x->begin < y->begin ? -1 : 1;
    return (x->end > y->end) - (x->end < y->end);  // empty tensors before the one they touch
}

static dn_status check_coverage(const source *s, const dn_safetensors *file) {
    const entry **sorted = dn_xcalloc((size_t)file->count, sizeof *sorted);
    for (int i = 0; i < file->count; i++) sorted[i] = &file->entries[i];
    qsort(sorted, (size_t)file->count, sizeof *sorted, by_offset);
    int64_t at = 0, size = s->size - data_start(s);
    dn_status status = DN_SUCCESS;
    for (int i = 0; i < file->count && !status; at = sorted[i++]->end) {
        if (sorted[i]->begin < at)
            status = dn_fail(DN_CORRUPT, "tensors \"%s\" and \"%s\" overlap", sorted[i - 1]->name,
                             sorted[i]->name);
        else if (sorted[i]->begin > at)
            status = dn_fail(DN_CORRUPT, "bytes %lld to %lld of the data belong to no tensor",
                             (long long)at, (long long)sorted[i]->begin);
    }
    if (!status && at != size)
        status = dn_fail(DN_CORRUPT, "bytes %lld to %lld of the data belong to no tensor",
                         (long long)at, (long long)size);
    free(sorted);
    return status;
}

static dn_status check_bools(const dn_tensor *tensor) {
    const uint8_t *x = tensor->data;
    for (size_t i = 0; tensor->dtype == DN_BOOL && i < tensor->bytes; i++) {
        if (x[i] > 1) return dn_fail(DN_CORRUPT, "element %zu is a bool of value %d", i, (int)x[i]);
    }
    return DN_SUCCESS;
}

static dn_status read_tensor(const source *s, entry *e) {
    DN_TRY(dn_tensor_new(e->dtype, &e->shape, &e->tensor));
    DN_TRY(read_at(s, data_start(s) + e->begin, e->tensor->data, e->tensor->bytes));
    return check_bools(e->tensor);
}

static dn_status read_content(source *s, dn_safetensors *file) {
    DN_TRY(measure_header(s));
    DN_TRY(parse_header(s, &file->root));
    DN_TRY(check_metadata(file->root));
    DN_TRY(parse_entries(s, file));
    DN_TRY(check_coverage(s, file));
    for (int i = 0; i < file->count; i++) {
        entry *e = &file->entries[i];
        DN_TRY(dn_annotate(read_tensor(s, e), "tensor \"%s\"", e->name));
    }
    return DN_SUCCESS;
}

static dn_status read_source(source *s, dn_safetensors **out) {
    dn_safetensors *file = dn_xcalloc(1, sizeof *file);
    dn_status status = read_content(s, file);
    if (status)
        dn_safetensors_free(file);
    else
        *out = file;
    return status;
}

dn_status dn_safetensors_read(const char *path, dn_safetensors **out) {
    source s = {.fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)};
    if (s.fd < 0) return dn_fail_errno("%s", path);
    dn_status status = measure_file(&s);
    if (!status) status = read_source(&s, out);
    close(s.fd);
    return dn_annotate(status, "%s", path);
}

dn_status dn_safetensors_decode(const void *bytes, size_t size, dn_safetensors **out) {
    source s = {.fd = -1, .bytes = bytes, .size = (int64_t)size};
    if (size > INT64_MAX) return dn_fail(DN_CORRUPT, "%zu bytes cannot be in memory", size);
    return read_source(&s, out);
}

void dn_safetensors_free(dn_safetensors *file) {
    if (!file) return;
    for (int i = 0; i < file->count; i++) dn_tensor_release(file->entries[i].tensor);
    free(file->entries);
    json_decref(file->root);
    free(file);
}

int dn_safetensors_count(const dn_safetensors *file) { return file->count; }

const char *dn_safetensors_name(const dn_safetensors *file, int i) { return file->entries[i].name; }

const dn_tensor *dn_safetensors_tensor(const dn_safetensors *file, int i) {
    return file->entries[i].tensor;
}

const dn_tensor *dn_safetensors_find(const dn_safetensors *file, const char *name) {
    for (int i = 0; i < file->count; i++) {
        if (strcmp(file->entries[i].name, name) == 0) return file->entries[i].tensor;
    }
    return NULL;
}

const char *dn_safetensors_metadata(const dn_safetensors *file, const char *key) {
    return json_string_value(json_object_get(json_object_get(file->root, METADATA_KEY), key));
}
