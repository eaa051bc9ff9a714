#include "runtime/host/encode.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "runtime/host/builtins.h"
#include "runtime/host/number.h"

void dn_encoder_begin(dn_encoder *encoder) { *encoder = (dn_encoder){.datasets = json_array()}; }

void dn_encoder_free(dn_encoder *encoder) {
    json_decref(encoder->datasets);
    free(encoder->known);
    free(encoder->tensors);
}

static json_t *tagged(const char *tag, json_t *content) {
    json_t *object = json_object();
    json_object_set_new(object, tag, content);
    return object;
}

json_t *dn_encode_hex64(uint64_t number) {
    return json_sprintf("%016llx", (unsigned long long)number);
}

// JSON strings are UTF-8; other bytes (a path may have any) are written in hex.
json_t *dn_encode_text(const char *text, size_t length) {
    json_t *string = memchr(text, 0, length) ? NULL : json_stringn(text, length);
    if (string) return string;
    dn_str hex = {0};
    for (size_t i = 0; i < length; i++) dn_str_printf(&hex, "%02x", (unsigned char)text[i]);
    json_t *object = tagged("bytes", json_string(hex.text));
    free(hex.text);
    return object;
}

static json_t *encode_float(double number) {
    char text[DN_NUMBER_TEXT];
    dn_number_text(number, false, 0, text);
    if (isnan(number)) {
        uint64_t bits;
        memcpy(&bits, &number, sizeof bits);
        snprintf(text, sizeof text, "nan:%016llx", (unsigned long long)bits);
    }
    return tagged("float", json_string(text));
}

static json_t *encode_tensor(dn_encoder *encoder, dn_tensor *tensor) {
    int index = encoder->n_tensors;
    DN_PUSH(encoder->tensors, encoder->n_tensors, encoder->tensors_capacity) = tensor;
    return tagged("tensor", json_integer(index));
}

static json_t *encode_record(dn_encoder *encoder, const dn_record *record) {
    json_t *fields = json_array();
    for (int i = 0; i < record->count; i++) {
        json_t *field = json_array();
        json_array_append_new(field, dn_encode_text(record->names[i], strlen(record->names[i])));
        json_array_append_new(field, dn_encode_value(encoder, &record->values[i]));
        json_array_append_new(fields, field);
    }
    return tagged("record", fields);
}

static json_t *encode_range(const dn_range *range) {
    return tagged("range", json_pack("[I,I]", (json_int_t)range->first, (json_int_t)range->last));
}

// Arguments come before the datasets made from them, so that they can be made again in this order.
static void add_dataset(dn_encoder *encoder, const dn_host_dataset *dataset) {
    json_t *entry = json_object();
    const char *name = dn_builtin_name(dataset->builtin);
    json_object_set_new(entry, "make", json_string(name));
    json_object_set_new(entry, "args", dn_encode_values(encoder, dataset->args, dataset->n_args));
    json_object_set_new(entry, "size", json_integer(dn_dataset_size(dataset->dataset)));
    json_object_set_new(entry, "fingerprint",
                        dn_encode_hex64(dn_dataset_fingerprint(dataset->dataset)));
    json_array_append_new(encoder->datasets, entry);
    DN_PUSH(encoder->known, encoder->n_known, encoder->known_capacity) = dataset;
}

static json_t *encode_dataset(dn_encoder *encoder, const dn_host_dataset *dataset) {
    int i = 0;
    while (i < encoder->n_known && encoder->known[i] != dataset) i++;
    if (i == encoder->n_known) {
        add_dataset(encoder, dataset);
        i = encoder->n_known - 1;
    }
    return tagged("dataset", json_integer(i));
}

static json_t *encode_progress(dn_encoder *encoder, const dn_host_progress *progress) {
    json_t *pair = json_array();
    json_array_append_new(pair, dn_encode_value(encoder, &progress->items));
    json_array_append_new(pair, dn_encode_value(encoder, &progress->label));
    return tagged("progress", pair);
}

static json_t *encode_iterator(dn_encoder *encoder, const dn_host_iterator *iterator) {
    json_t *object = json_object();
    json_object_set_new(object, "items", dn_encode_value(encoder, &iterator->items));
    json_object_set_new(object, "label", dn_encode_value(encoder, &iterator->label));
    json_object_set_new(object, "epoch", json_integer((json_int_t)iterator->epoch));
    json_object_set_new(object, "position", json_integer(iterator->position));
    return tagged("iterator", object);
}

json_t *dn_encode_value(dn_encoder *encoder, const dn_value *value) {
    switch (value->kind) {
        case DN_VALUE_NONE: return json_null();
        case DN_VALUE_BOOL: return json_boolean(value->boolean);
        case DN_VALUE_INT: return json_integer(value->integer);
        case DN_VALUE_FLOAT: return encode_float(value->number);
        case DN_VALUE_STRING: return dn_encode_text(value->string->text, value->string->length);
        case DN_VALUE_TENSOR: return encode_tensor(encoder, value->tensor);
        case DN_VALUE_LIST:
            return dn_encode_values(encoder, value->list->items, value->list->count);
        case DN_VALUE_RECORD: return encode_record(encoder, value->record);
        case DN_VALUE_RANGE: return encode_range(value->range);
        case DN_VALUE_DATASET: return encode_dataset(encoder, value->dataset);
        case DN_VALUE_PROGRESS: return encode_progress(encoder, value->progress);
        case DN_VALUE_ITERATOR: return encode_iterator(encoder, value->iterator);
    }
    return json_null();
}

json_t *dn_encode_values(dn_encoder *encoder, const dn_value *values, int count) {
    json_t *array = json_array();
    for (int i = 0; i < count; i++)
        json_array_append_new(array, dn_encode_value(encoder, &values[i]));
    return array;
}
