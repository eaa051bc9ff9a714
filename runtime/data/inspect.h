// Looks at every image file of a source: which can be used, and what is wrong with the others.
#ifndef DN_RUNTIME_INSPECT_H
#define DN_RUNTIME_INSPECT_H

#include "runtime/base/memory.h"
#include "runtime/data/dataset.h"

// No image file is that large; a larger one is a mistake.
#define DN_IMAGE_FILE_LIMIT ((size_t)1 << 30)

// Reads and decodes each of `names` (relative to `root`), on all cores, and sets used[i]. The
// result and the report do not depend on the order in which threads finish. A later file with the
// same bytes as an earlier one is a duplicate. With `strict` the first defect, by position, is an
// error. `hash` is chained over names, sizes and contents of the used files.
dn_status dn_inspect_images(const char *root, char *const *names, int count, bool strict,
                            dn_arena *arena, dn_report *report, bool *used,
                            uint64_t *hash) DN_MUST_USE;

#endif
