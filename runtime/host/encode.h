// Values as JSON and back, for checkpoints.
//
// Tensors go into the file's tensors as "host.N", and datasets into a table, since a dataset is
// usually referred to more than once and costs a scan of its files to make again:
//   null  true  1                  none, a bool, an int
//   {"float": "0.1"}               the shortest text that reads back; nan with its bits
//   "text"  {"bytes": "ff00"}      a string; one that is not UTF-8
//   [...]  {"record": [[name, value], ...]}  {"range": [first, last]}
//   {"tensor": 3}  {"dataset": 0}  {"progress": [items, label]}
//   {"iterator": {"items", "epoch", "position", "label"}}
#ifndef DN_RUNTIME_HOST_ENCODE_H
#define DN_RUNTIME_HOST_ENCODE_H

#include <jansson.h>

#include "runtime/host/run.h"
#include "runtime/store/safetensors.h"

typedef struct dn_encoder {
    json_t *datasets;               // the table
    const dn_host_dataset **known;  // the datasets in it
    int n_known, known_capacity;
    dn_tensor **tensors;  // borrowed: host.0, host.1, ...
    int n_tensors, tensors_capacity;
} dn_encoder;

void dn_encoder_begin(dn_encoder *encoder);
void dn_encoder_free(dn_encoder *encoder);
json_t *dn_encode_value(dn_encoder *encoder, const dn_value *value);
json_t *dn_encode_values(dn_encoder *encoder, const dn_value *values, int count);
json_t *dn_encode_text(const char *text, size_t length);
json_t *dn_encode_hex64(uint64_t number);  // "00000000000000ff"

typedef struct dn_decoder {
    dn_run *run;
    const dn_safetensors *file;
    dn_value *datasets;  // the table's, made so far
    int n_datasets;
} dn_decoder;

// Everything is checked; a failure is DN_CORRUPT and says what is wrong, or comes from making a
// dataset again.
dn_status dn_decode_datasets(dn_decoder *decoder, const json_t *table) DN_MUST_USE;
void dn_decoder_free(dn_decoder *decoder);
// Iterators are found on the stack only.
dn_status dn_decode_value(dn_decoder *decoder, const json_t *json, bool on_stack,
                          dn_value *out) DN_MUST_USE;
// An array of `count` values into `out`, all owned by the caller, also on failure (the rest are
// none).
dn_status dn_decode_values(dn_decoder *decoder, const json_t *json, const char *what, int count,
                           dn_value *out) DN_MUST_USE;
dn_status dn_decode_text(const json_t *json, dn_value *out) DN_MUST_USE;
bool dn_decode_hex64(const json_t *json, uint64_t *out);
bool dn_decode_count(const json_t *json, int64_t *out);  // an int of 0 or more

#endif
