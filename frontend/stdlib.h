// The standard library, stdlib/*.dnet, embedded in the binaries (made by cmake/embed.cmake).
#ifndef DN_FRONTEND_STDLIB_H
#define DN_FRONTEND_STDLIB_H

typedef struct dn_stdlib_file {
    const char *name;  // "layers.dnet"
    const char *text;  // zero-terminated
    unsigned length;
} dn_stdlib_file;

extern const dn_stdlib_file dn_stdlib_files[];  // by name; ended by one without a name
extern const int dn_stdlib_count;

#endif
