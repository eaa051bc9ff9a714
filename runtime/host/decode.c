// JSON back to values. The file may have been damaged or edited: nothing in it is believed before
// it was checked.
#include <stdlib.h>
#include <string.h>

#include "runtime/host/builtins.h"
#include "runtime/host/encode.h"

static dn_status corrupt(const char *what) { return dn_fail(DN_CORRUPT, "damaged: %s", what); }

void dn_decoder_free(dn_decoder *decoder) {
    for (int i = 0; i < decoder->n_datasets; i++) dn_value_release(decoder->datasets[i]);
    free(decoder->datasets);
}

bool dn_decode_count(const json_t *json, int64_t *out) {
    if (!json_is_integer(json)) return false;
    *out = json_integer_value(json);
    return *out >= 0;
}

bool dn_decode_hex64(const json_t *json, uint64_t *out) {
    const char *text = json_string_value(json);
    if (!text || strlen(text) != 16 || strspn(text, "0123456789abcdef") != 16) return false;
    *out = strtoull(text, NULL, 16);
    return true;
}

// ---- texts and numbers -----------------------------------------------------------------------

static dn_status decode_bytes(const json_t *json, dn_value *out) {
    const char *hex = json_string_value(json);
    size_t digits = hex ? strlen(hex) : 1;
    if (digits % 2 || strspn(hex, "0123456789abcdef") != digits)
        return corrupt("bytes of a string");
    *out = dn_value_string(hex, digits / 2);
    for (size_t i = 0; i < digits / 2; i++) {
        char pair[] = {hex[2 * i], hex[2 * i + 1], 0};
        out->string->text[i] = (char)strtol(pair, NULL, 16);
    }
    return DN_SUCCESS;
}

dn_status dn_decode_text(const json_t *json, dn_value *out) {
    if (json_is_string(json)) {
        *out = dn_value_string(json_string_value(json), json_string_length(json));
        return DN_SUCCESS;
    }
    const json_t *bytes = json_object_get(json, "bytes");
    return bytes ? decode_bytes(bytes, out) : corrupt("a string is expected");
}

static dn_status decode_float(const json_t *json, dn_value *out) {
    const char *text = json_string_value(json);
    if (!text || !*text) return corrupt("a float");
    double number;
    char *end;
    if (strncmp(text, "nan:", 4) == 0) {
        uint64_t bits = strtoull(text + 4, &end, 16);
        memcpy(&number, &bits, sizeof number);
    } else {
        number = strtod(text, &end);
    }
    if (*end) return corrupt("a float");
    *out = dn_value_float(number);
    return DN_SUCCESS;
}

// ---- compounds -------------------------------------------------------------------------------

static dn_status decode_tensor(dn_decoder *decoder, const json_t *json, dn_value *out) {
    int64_t index;
    char name[40];
    if (!dn_decode_count(json, &index)) return corrupt("a tensor's number");
    snprintf(name, sizeof name, "host.%lld", (long long)index);
    const dn_tensor *stored = dn_safetensors_find(decoder->file, name);
    dn_tensor *tensor;
    if (!stored) return dn_fail(DN_CORRUPT, "damaged: there is no tensor %s", name);
    DN_TRY(dn_tensor_copy(stored, &tensor));
    *out = dn_value_tensor(tensor);
    return DN_SUCCESS;
}

static dn_status decode_list(dn_decoder *decoder, const json_t *json, dn_value *out) {
    dn_value list = dn_value_list(), item;
    for (size_t i = 0; i < json_array_size(json); i++) {
        dn_status status = dn_decode_value(decoder, json_array_get(json, i), false, &item);
        if (status) {
            dn_value_release(list);
            return status;
        }
        dn_list_push(list.list, item);
    }
    *out = list;
    return DN_SUCCESS;
}

// A record grows field by field, so that a failure halfway leaves something to release.
static dn_status decode_field(dn_decoder *decoder, const json_t *json, dn_record *record) {
    const json_t *name = json_array_get(json, 0);
    dn_value value;
    if (json_array_size(json) != 2 || !json_is_string(name)) return corrupt("a field of a record");
    DN_TRY(dn_decode_value(decoder, json_array_get(json, 1), false, &value));
    record->names[record->count] = dn_strdup(json_string_value(name));
    record->values[record->count++] = value;
    return DN_SUCCESS;
}

static dn_status decode_record(dn_decoder *decoder, const json_t *json, dn_value *out) {
    if (!json_is_array(json)) return corrupt("a record");
    size_t count = json_array_size(json);
    dn_value record = dn_value_record(0, NULL, NULL);
    record.record->names = dn_xrealloc(record.record->names, (count + 1) * sizeof(char *));
    record.record->values = dn_xrealloc(record.record->values, (count + 1) * sizeof(dn_value));
    for (size_t i = 0; i < count; i++) {
        dn_status status = decode_field(decoder, json_array_get(json, i), record.record);
        if (status) {
            dn_value_release(record);
            return status;
        }
    }
    *out = record;
    return DN_SUCCESS;
}

static dn_status decode_range(const json_t *json, dn_value *out) {
    const json_t *first = json_array_get(json, 0), *last = json_array_get(json, 1);
    int64_t length;
    if (json_array_size(json) != 2 || !json_is_integer(first) || !json_is_integer(last))
        return corrupt("a range");
    int64_t from = json_integer_value(first), to = json_integer_value(last);
    if (to >= from && (__builtin_sub_overflow(to, from, &length) || length == INT64_MAX))
        return corrupt("a range that is too long");
    *out = dn_value_range(from, to);
    return DN_SUCCESS;
}

static dn_status decode_progress(dn_decoder *decoder, const json_t *json, dn_value *out) {
    dn_value items, label;
    if (json_array_size(json) != 2) return corrupt("a progress");
    DN_TRY(dn_decode_text(json_array_get(json, 1), &label));
    dn_status status = dn_decode_value(decoder, json_array_get(json, 0), false, &items);
    if (status) {
        dn_value_release(label);
        return status;
    }
    return dn_host_progress_new(items, label, out);
}

// ---- loops -----------------------------------------------------------------------------------

static dn_status decode_items(dn_decoder *decoder, const json_t *json, dn_value *items) {
    DN_TRY(dn_decode_value(decoder, json_object_get(json, "items"), false, items));
    if (items->kind != DN_VALUE_PROGRESS && dn_host_size(items) >= 0) return DN_SUCCESS;
    dn_value_release(*items);
    return corrupt("what a loop goes through");
}

static dn_status decode_iterator(dn_decoder *decoder, const json_t *json, dn_value *out) {
    const json_t *label = json_object_get(json, "label");
    int64_t epoch, position;
    dn_value items, text = dn_value_none(), iterator;
    if (!dn_decode_count(json_object_get(json, "epoch"), &epoch) ||
        !dn_decode_count(json_object_get(json, "position"), &position))
        return corrupt("the position of a loop");
    DN_TRY(decode_items(decoder, json, &items));
    dn_status status = position > dn_host_size(&items) ? corrupt("the position of a loop")
                       : json_is_null(label)           ? DN_SUCCESS
                                                       : dn_decode_text(label, &text);
    if (!status) status = dn_host_iterate(&items, (uint64_t)epoch, &iterator);
    dn_value_release(items);
    if (status) {
        dn_value_release(text);
        return status;
    }
    iterator.iterator->position = position;
    iterator.iterator->shows = text.kind == DN_VALUE_STRING;
    iterator.iterator->label = text;
    *out = iterator;
    return DN_SUCCESS;
}

// ---- datasets --------------------------------------------------------------------------------

static dn_status decode_dataset(dn_decoder *decoder, const json_t *json, dn_value *out) {
    int64_t index;
    if (!dn_decode_count(json, &index) || index >= decoder->n_datasets)
        return corrupt("a dataset's number");
    *out = dn_value_retain(decoder->datasets[index]);
    return DN_SUCCESS;
}

static dn_status changed_data(int64_t then, int64_t now) {
    if (then == now)
        return dn_fail(DN_INVALID,
                       "the data have changed since the checkpoint was written: %lld elements "
                       "still, but not the same",
                       (long long)now);
    return dn_fail(DN_INVALID,
                   "the data have changed since the checkpoint was written: %lld elements then, "
                   "%lld now",
                   (long long)then, (long long)now);
}

// Calls the function that made the dataset once more. It is one that only makes datasets, whatever
// the file says.
static dn_status make_again(dn_decoder *decoder, const char *name, const json_t *args,
                            dn_value *out) {
    int builtin = name ? dn_builtin_find(name) : -1;
    if (builtin < 0 || !dn_builtin_is_dataset(builtin)) return corrupt("how a dataset was made");
    int count = dn_builtin_arity(builtin);
    dn_value *values = dn_xcalloc((size_t)count, sizeof *values);
    dn_status status = dn_decode_values(decoder, args, "a dataset's arguments", count, values);
    if (!status) status = dn_builtin_call(decoder->run, builtin, values, out);
    for (int i = 0; i < count; i++) dn_value_release(values[i]);
    free(values);
    if (status || out->kind == DN_VALUE_DATASET) return status;
    dn_value_release(*out);
    return corrupt("what a dataset was made from");
}

static dn_status decode_table_entry(dn_decoder *decoder, const json_t *json, dn_value *out) {
    int64_t size;
    uint64_t fingerprint;
    if (!dn_decode_count(json_object_get(json, "size"), &size) ||
        !dn_decode_hex64(json_object_get(json, "fingerprint"), &fingerprint))
        return corrupt("a dataset");
    DN_TRY(make_again(decoder, json_string_value(json_object_get(json, "make")),
                      json_object_get(json, "args"), out));
    dn_dataset *dataset = out->dataset->dataset;
    if (dn_dataset_fingerprint(dataset) == fingerprint && dn_dataset_size(dataset) == size)
        return DN_SUCCESS;
    dn_status status = changed_data(size, dn_dataset_size(dataset));
    dn_value_release(*out);
    return status;
}

dn_status dn_decode_datasets(dn_decoder *decoder, const json_t *table) {
    if (!json_is_array(table)) return corrupt("the datasets");
    size_t count = json_array_size(table);
    decoder->datasets = dn_xcalloc(count, sizeof *decoder->datasets);
    for (size_t i = 0; i < count; i++) {
        dn_value *slot = &decoder->datasets[decoder->n_datasets];
        DN_TRY(decode_table_entry(decoder, json_array_get(table, i), slot));
        decoder->n_datasets++;
    }
    return DN_SUCCESS;
}

// ---- any value -------------------------------------------------------------------------------

static dn_status decode_object(dn_decoder *decoder, const json_t *json, bool on_stack,
                               dn_value *out) {
    const json_t *content;
    if (json_object_size(json) != 1) return corrupt("a value");
    if ((content = json_object_get(json, "float"))) return decode_float(content, out);
    if ((content = json_object_get(json, "bytes"))) return decode_bytes(content, out);
    if ((content = json_object_get(json, "tensor"))) return decode_tensor(decoder, content, out);
    if ((content = json_object_get(json, "record"))) return decode_record(decoder, content, out);
    if ((content = json_object_get(json, "range"))) return decode_range(content, out);
    if ((content = json_object_get(json, "dataset"))) return decode_dataset(decoder, content, out);
    if ((content = json_object_get(json, "progress")))
        return decode_progress(decoder, content, out);
    content = json_object_get(json, "iterator");
    return content && on_stack ? decode_iterator(decoder, content, out) : corrupt("a value");
}

dn_status dn_decode_value(dn_decoder *decoder, const json_t *json, bool on_stack, dn_value *out) {
    if (!json) return corrupt("a value is missing");
    switch (json_typeof(json)) {
        case JSON_NULL: *out = dn_value_none(); return DN_SUCCESS;
        case JSON_TRUE:
        case JSON_FALSE: *out = dn_value_bool(json_is_true(json)); return DN_SUCCESS;
        case JSON_INTEGER: *out = dn_value_int(json_integer_value(json)); return DN_SUCCESS;
        case JSON_STRING: return dn_decode_text(json, out);
        case JSON_ARRAY: return decode_list(decoder, json, out);
        case JSON_OBJECT: return decode_object(decoder, json, on_stack, out);
        default: return corrupt("a value");
    }
}

dn_status dn_decode_values(dn_decoder *decoder, const json_t *json, const char *what, int count,
                           dn_value *out) {
    if (!json_is_array(json) || json_array_size(json) != (size_t)count) return corrupt(what);
    for (int i = 0; i < count; i++)
        DN_TRY(dn_decode_value(decoder, json_array_get(json, (size_t)i), false, &out[i]));
    return DN_SUCCESS;
}
