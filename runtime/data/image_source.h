// The source behind dn_dataset_image_folder and dn_dataset_celeba: files that are decoded when
// asked for, each with some bytes of its own (a label, attributes).
#ifndef DN_RUNTIME_IMAGE_SOURCE_H
#define DN_RUNTIME_IMAGE_SOURCE_H

#include "runtime/data/files.h"
#include "runtime/data/node.h"

dn_status dn_image_options_check(const dn_image_options *options) DN_MUST_USE;

// A dataset that owns its arena and has no files yet; field "image" is there.
dn_dataset *dn_image_source_new(const char *root, const dn_image_options *options);
// Gives it the files that dn_inspect_images finds usable. `names` live in the dataset's arena;
// `extra` holds `extra_size` bytes for each name, which become the second field (added by the
// caller). Fails when nothing is left.
dn_status dn_image_source_fill(dn_dataset *d, const dn_names *names, const void *extra,
                               size_t extra_size) DN_MUST_USE;

#endif
