// Makes executables and libraries: compiled kernels, the program as bytes and the static runtime
// library, put together by the system's C compiler (cc, or what CC names).
//
// They need libc and libm alone. The archives of libpng, libjpeg, jansson and zlib come
// from the system.
#ifndef DN_DRIVER_LINK_H
#define DN_DRIVER_LINK_H

#include "runtime/cuda/cuda.h"
#include "runtime/host/program_image.h"

typedef struct dn_object {
    const char *bytes;  // ELF
    size_t size;
} dn_object;

typedef struct dn_link {
    const char *output;  // replaced at once when all is done
    const dn_program_image *image;
    const dn_object *objects;  // with dn_kernels_avx2, dn_kernels_avx512 or both
    int n_objects;
    const dn_cuda_code *cuda;  // NULL: none
    bool symbols;              // -g: names and lines are kept
    const char *runtime;       // libdn_runtime.a; NULL: where it lies from the running program
} dn_link;

dn_status dn_link_executable(const dn_link *link) DN_MUST_USE;
// One object of the kernels and the image, which needs the runtime library to become a program.
dn_status dn_link_object(const dn_link *link) DN_MUST_USE;

// link_library.c: what a library has besides (c_library.c makes these).
typedef struct dn_library {
    bool shared;                             // libNAME.so, else libNAME.a
    const char *name;                        // NAME.h and NAME.pc are written beside it
    const char *header, *code, *pkg_config;  // texts
    char *const *symbols;                    // that others see; NULL at the end
} dn_library;

dn_status dn_link_library(const dn_link *link, const dn_library *library) DN_MUST_USE;

#endif
