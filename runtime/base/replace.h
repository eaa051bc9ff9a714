// Files that are written beside their place and renamed into it, so that a reader never sees half
// of one and a failure leaves what was there before. Where a link points is replaced, not the link;
// what is no file (/dev/null, a pipe) is written to, as a rename would take its place away.
#ifndef DN_BASE_REPLACE_H
#define DN_BASE_REPLACE_H

#include <stdio.h>

#include "runtime/base/status.h"

typedef struct dn_replace {
    FILE *file;
    char *path, *target;  // what failures name; what is written
    char *beside;         // NULL: nothing is renamed
} dn_replace;

// Opens PATH.tmp-<thread id>, or what is no file itself. What processes that were killed while they
// wrote PATH have left beside it is removed. Failures name the path.
dn_status dn_replace_open(dn_replace *replace, const char *path) DN_MUST_USE;
// Ends a writing that came to `status`: renames on success, else removes the file. Returns `status`
// or what went wrong here. `durable`: the file survives a power cut as soon as this returns.
dn_status dn_replace_close(dn_replace *replace, dn_status status, bool durable) DN_MUST_USE;

#endif
