// The safetensors format: an 8-byte length, a JSON header, then the tensors' bytes.
#ifndef DN_RUNTIME_SAFETENSORS_H
#define DN_RUNTIME_SAFETENSORS_H

#include "runtime/tensor.h"

typedef struct dn_named_tensor {
    const char *name;
    dn_tensor *tensor;
} dn_named_tensor;

// Key/value strings of the header's __metadata__.
typedef struct dn_metadata {
    const char *key, *value;
} dn_metadata;

// Writes `path`.tmp-<pid> in the same folder, fsyncs, renames over `path` and fsyncs the folder, so
// that at every moment `path` is the old file or the new one, whole. The bytes are a pure function
// of the arguments (tensors in the order given, header keys in that order, 8-byte aligned data).
// Data that are elsewhere are brought here first (dn_tensor_settle).
dn_status dn_safetensors_write(const char *path, const dn_named_tensor *tensors, int n_tensors,
                               const dn_metadata *metadata, int n_metadata) DN_MUST_USE;

// A file read into memory. Everything about it is checked before it is believed: lengths, offsets,
// overlaps, dtype names, shapes against byte counts, JSON. DN_CORRUPT says what is wrong and where.
typedef struct dn_safetensors dn_safetensors;
dn_status dn_safetensors_read(const char *path, dn_safetensors **out) DN_MUST_USE;
// The same of a file's bytes, which are not needed afterwards.
dn_status dn_safetensors_decode(const void *bytes, size_t size, dn_safetensors **out) DN_MUST_USE;
void dn_safetensors_free(dn_safetensors *file);
int dn_safetensors_count(const dn_safetensors *file);
const char *dn_safetensors_name(const dn_safetensors *file, int i);
const dn_tensor *dn_safetensors_tensor(const dn_safetensors *file, int i);
const dn_tensor *dn_safetensors_find(const dn_safetensors *file,
                                     const char *name);                            // NULL if absent
const char *dn_safetensors_metadata(const dn_safetensors *file, const char *key);  // NULL if absent

#endif
