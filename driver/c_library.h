// The C side of a library: its header, the code of its functions, which calls the runtime
// (runtime/native/embed.h), and its pkg-config file.
#ifndef DN_DRIVER_C_LIBRARY_H
#define DN_DRIVER_C_LIBRARY_H

#include "driver/exports.h"

typedef struct dn_c_library {
    char *name;     // "gan": the type's, and what the functions' names begin with
    char *version;  // "gan, compiled by dnet 0.1.0"
    const dn_exports *exports;
    bool x86, cuda;  // what it is compiled for
} dn_c_library;

// The name from that of the file: libgan.so, libgan.a. Fails where C cannot have it; free() *out.
dn_status dn_c_library_name(const char *path, char **out) DN_MUST_USE;
// The functions that others see; each text is the caller's, the list ends with NULL.
char **dn_c_symbols(const dn_c_library *library);
// Texts; free() them.
char *dn_c_header(const dn_c_library *library);
char *dn_c_code(const dn_c_library *library);
char *dn_c_pkg_config(const dn_c_library *library);

#endif
