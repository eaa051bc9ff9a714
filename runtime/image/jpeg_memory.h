// A memory manager for libjpeg that takes everything from a dn_bump.
//
// libjpeg's own returns an image's memory to malloc after every image. It is reached through a
// table of functions, cinfo->mem, which the library documents and which can be another.
#ifndef DN_RUNTIME_JPEG_MEMORY_H
#define DN_RUNTIME_JPEG_MEMORY_H

// jpeglib.h needs stdio.h before it, and jerror.h needs jpeglib.h.
// clang-format off
#include <stdio.h>
#include <jpeglib.h>
#include <jerror.h>
// clang-format on

#include "runtime/image/bump.h"

typedef struct dn_jpeg_memory {
    struct jpeg_memory_mgr methods;    // first: cinfo->mem points here
    struct jpeg_memory_mgr *original;  // libjpeg's, for what lives as long as cinfo
    dn_bump *bump;
    struct jvirt_sarray_control *samples;  // virtual arrays that were asked for
    struct jvirt_barray_control *blocks;
} dn_jpeg_memory;

// Call after jpeg_create_decompress; from then on allocations last until the bump is reset.
void dn_jpeg_memory_install(dn_jpeg_memory *memory, j_decompress_ptr cinfo, dn_bump *bump);
// Call before jpeg_destroy_decompress.
void dn_jpeg_memory_remove(dn_jpeg_memory *memory, j_decompress_ptr cinfo);

#endif
