// Pictures in a terminal: kitty's or sixel's protocol where it has one, else half-blocks in 24-bit
// or 256 colours, else characters of different darkness.
#ifndef DN_RUNTIME_SCREEN_H
#define DN_RUNTIME_SCREEN_H

#include <stdbool.h>
#include <stdio.h>

#include "runtime/image/image.h"

typedef enum dn_screen_kind {
    DN_SCREEN_NONE,  // no terminal
    DN_SCREEN_TEXT,
    DN_SCREEN_BLOCKS_256,
    DN_SCREEN_BLOCKS_RGB,
    DN_SCREEN_SIXEL,
    DN_SCREEN_KITTY
} dn_screen_kind;

typedef struct dn_screen {
    dn_screen_kind kind;
    int columns, rows;
    bool utf8;
    bool colours;
} dn_screen;

// What is at the other end of `out`, by the environment. DNET_PICTURES=kitty|sixel|rgb|256|text
// overrides it.
dn_screen dn_screen_of(FILE *out);
// The same for pictures: a terminal that may have sixel is asked, once.
dn_screen dn_screen_for_pictures(FILE *out);
// Shows an image, made smaller if it is wider or higher than the terminal. Nothing without a
// terminal. *lines is how many it took, 0 where only the terminal knows.
dn_status dn_screen_show(const dn_screen *screen, const dn_image *image, int *lines,
                         FILE *out) DN_MUST_USE;

// The image in another size: means of the pixels that fall together, or pixels repeated.
dn_status dn_image_scale(const dn_image *image, int height, int width, dn_image *out) DN_MUST_USE;

#endif
