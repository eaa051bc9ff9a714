// The system's C compiler and binutils: files for them in a folder of our own, and running them.
#ifndef DN_DRIVER_TOOLCHAIN_H
#define DN_DRIVER_TOOLCHAIN_H

#include "driver/link.h"

typedef struct dn_workplace {
    char *folder;
    char **files;  // all that is in it, to be removed
    int n_files, cap_files;
    char **inputs;  // those of them that the linker reads
    int n_inputs, cap_inputs;
    char *log;     // what the tools say
    char *beside;  // the output until it is done
} dn_workplace;

// Fails if the output (NULL: there is none) cannot be written. Close it in any case.
dn_status dn_workplace_open(dn_workplace *w, const char *output) DN_MUST_USE;
void dn_workplace_close(dn_workplace *w);
// The path of a file in the folder, which need not be there yet; it lives as long as the folder.
const char *dn_workplace_path(dn_workplace *w, const char *name);
dn_status dn_workplace_write(dn_workplace *w, const char *name, const char *bytes,
                             size_t size) DN_MUST_USE;
void dn_workplace_add_input(dn_workplace *w, const char *path);
// The kernels and the program as inputs.
dn_status dn_workplace_add_program(dn_workplace *w, const dn_link *link) DN_MUST_USE;
// libdn_runtime.a; free() *out.
dn_status dn_find_runtime(const dn_link *link, char **out) DN_MUST_USE;

typedef struct dn_arguments {
    char **items;
    int n, cap;
} dn_arguments;

void dn_argument(dn_arguments *a, const char *fmt, ...) DN_PRINTF(2, 3);
void dn_argument_compiler(dn_arguments *a);    // CC
void dn_argument_sanitizers(dn_arguments *a);  // those that the runtime was compiled with
void dn_argument_inputs(dn_arguments *a, const dn_workplace *w);
// The runtime's own archive and, with -l, its system's archive `i` of DN_ARCHIVES.
typedef enum dn_archive {
    DN_ARCHIVE_PNG,
    DN_ARCHIVE_JPEG,
    DN_ARCHIVE_JSON,
    DN_ARCHIVE_Z,
    DN_ARCHIVES
} dn_archive;
void dn_argument_archive(dn_arguments *a, dn_archive archive);

// Runs a tool and frees its arguments. What it says when it fails becomes a note.
dn_status dn_run_tool(const dn_workplace *w, dn_arguments *a, const char *output) DN_MUST_USE;
// The output takes its place.
dn_status dn_workplace_deliver(const dn_workplace *w, const char *output) DN_MUST_USE;

#endif
