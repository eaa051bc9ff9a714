#include "runtime/image/screen.h"

#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "runtime/base/memory.h"
#include "runtime/image/terminal_query.h"

// A cell is twice as high as wide.
enum { USUAL_COLUMNS = 80, USUAL_ROWS = 24, CELL_PIXELS = 8, KITTY_CHUNK = 4096 };

// ---- what the terminal can do ----------------------------------------------------------------

static bool contains(const char *variable, const char *text) {
    const char *value = getenv(variable);
    return value && strstr(value, text);
}

static bool is_utf8(void) {
    static const char *const variables[] = {"LC_ALL", "LC_CTYPE", "LANG"};
    for (int i = 0; i < 3; i++) {
        const char *value = getenv(variables[i]), *charset = value ? strchr(value, '.') : NULL;
        if (!value || !*value) continue;
        return !charset || strncasecmp(charset, ".utf", 4) == 0;
    }
    return true;
}

static bool choose(dn_screen *screen, const char *name) {
    static const struct {
        const char *name;
        dn_screen_kind kind;
    } kinds[] = {{"kitty", DN_SCREEN_KITTY},
                 {"sixel", DN_SCREEN_SIXEL},
                 {"rgb", DN_SCREEN_BLOCKS_RGB},
                 {"256", DN_SCREEN_BLOCKS_256},
                 {"text", DN_SCREEN_TEXT}};
    for (size_t i = 0; name && i < sizeof kinds / sizeof *kinds; i++) {
        if (strcmp(kinds[i].name, name) != 0) continue;
        screen->kind = kinds[i].kind;
        return true;
    }
    return false;
}

dn_screen dn_screen_of(FILE *out) {
    dn_screen screen = {.columns = USUAL_COLUMNS, .rows = USUAL_ROWS, .utf8 = is_utf8()};
    struct winsize size;
    const char *no_color = getenv("NO_COLOR"), *term = getenv("TERM");
    if (!isatty(fileno(out))) return screen;
    if (ioctl(fileno(out), TIOCGWINSZ, &size) == 0) {
        if (size.ws_col > 0) screen.columns = size.ws_col;
        if (size.ws_row > 0) screen.rows = size.ws_row;
    }
    bool plain = (no_color && *no_color) || !term || !*term || strcmp(term, "dumb") == 0;
    screen.colours = !plain;
    if (choose(&screen, getenv("DNET_PICTURES"))) return screen;
    if (plain || !screen.utf8)
        screen.kind = DN_SCREEN_TEXT;
    else if (getenv("KITTY_WINDOW_ID") || strstr(term, "kitty") ||
             contains("TERM_PROGRAM", "ghostty"))
        screen.kind = DN_SCREEN_KITTY;
    else if (contains("COLORTERM", "truecolor") || contains("COLORTERM", "24bit"))
        screen.kind = DN_SCREEN_BLOCKS_RGB;
    else
        screen.kind = DN_SCREEN_BLOCKS_256;
    return screen;
}

dn_screen dn_screen_for_pictures(FILE *out) {
    dn_screen screen = dn_screen_of(out);
    bool blocks = screen.kind == DN_SCREEN_BLOCKS_256 || screen.kind == DN_SCREEN_BLOCKS_RGB;
    if (blocks && !getenv("DNET_PICTURES") && dn_terminal_has_sixel(out))
        screen.kind = DN_SCREEN_SIXEL;
    return screen;
}

// ---- pixels ----------------------------------------------------------------------------------

typedef struct rgb {
    int r, g, b;
} rgb;

static rgb pixel(const dn_image *image, int y, int x) {
    const uint8_t *p =
        image->pixels + ((size_t)y * (size_t)image->width + (size_t)x) * (size_t)image->channels;
    return image->channels == 1 ? (rgb){p[0], p[0], p[0]} : (rgb){p[0], p[1], p[2]};
}

// Mean of the source's pixels [from, to) in both axes, at least one.
static void mean_pixel(const dn_image *image, int y0, int y1, int x0, int x1, uint8_t *out) {
    int n = (y1 - y0) * (x1 - x0);
    for (int c = 0; c < image->channels; c++) {
        int64_t sum = 0;
        for (int y = y0; y < y1; y++)
            for (int x = x0; x < x1; x++)
                sum += image->pixels[((size_t)y * (size_t)image->width + (size_t)x) *
                                         (size_t)image->channels +
                                     (size_t)c];
        out[c] = (uint8_t)((sum + n / 2) / n);
    }
}

static int part(int i, int from, int to) { return (int)((int64_t)i * from / to); }

dn_status dn_image_scale(const dn_image *image, int height, int width, dn_image *out) {
    size_t size = (size_t)height * (size_t)width * (size_t)image->channels;
    *out = (dn_image){.height = height, .width = width, .channels = image->channels};
    out->pixels = malloc(size ? size : 1);
    if (!out->pixels) return dn_fail(DN_MEMORY, "no memory for an image of %d x %d", height, width);
    out->capacity = size;
    uint8_t *to = out->pixels;
    for (int y = 0; y < height; y++) {
        int y0 = part(y, image->height, height), y1 = part(y + 1, image->height, height);
        for (int x = 0; x < width; x++, to += image->channels) {
            int x0 = part(x, image->width, width), x1 = part(x + 1, image->width, width);
            mean_pixel(image, y0, y1 > y0 ? y1 : y0 + 1, x0, x1 > x0 ? x1 : x0 + 1, to);
        }
    }
    return DN_SUCCESS;
}

// ---- blocks and characters -------------------------------------------------------------------

// The nearest of xterm's 6x6x6 colours and 24 greys.
static int nearest_256(rgb c) {
    int r = (c.r + 25) / 51, g = (c.g + 25) / 51, b = (c.b + 25) / 51;
    bool grey = abs(c.r - c.g) < 8 && abs(c.g - c.b) < 8;
    if (grey && c.r > 4 && c.r < 247) return 232 + (c.r - 3) * 23 / 243;
    return 16 + 36 * r + 6 * g + b;
}

static void put_colour(const dn_screen *screen, int layer, rgb c, FILE *out) {
    if (screen->kind == DN_SCREEN_BLOCKS_RGB)
        fprintf(out, "\033[%d;2;%d;%d;%dm", layer, c.r, c.g, c.b);
    else
        fprintf(out, "\033[%d;5;%dm", layer, nearest_256(c));
}

// Two pixels a character, one above the other.
static void show_blocks(const dn_screen *screen, const dn_image *image, FILE *out) {
    for (int y = 0; y < image->height; y += 2) {
        for (int x = 0; x < image->width; x++) {
            put_colour(screen, 38, pixel(image, y, x), out);
            if (y + 1 < image->height) put_colour(screen, 48, pixel(image, y + 1, x), out);
            fputs("\342\226\200", out);  // upper half block
        }
        fputs("\033[0m\n", out);
    }
}

static int brightness(const dn_image *image, int y, int x) {
    if (y >= image->height) y = image->height - 1;
    rgb c = pixel(image, y, x);
    return (299 * c.r + 587 * c.g + 114 * c.b) / 1000;
}

static void show_text(const dn_image *image, FILE *out) {
    static const char shades[] = " .:-=+*#%@";
    for (int y = 0; y < image->height; y += 2) {
        for (int x = 0; x < image->width; x++) {
            int mean = (brightness(image, y, x) + brightness(image, y + 1, x)) / 2;
            fputc(shades[mean * 9 / 255], out);
        }
        fputc('\n', out);
    }
}

// ---- kitty -----------------------------------------------------------------------------------

static char *base64(const uint8_t *bytes, size_t n) {
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    char *text = dn_xmalloc((n + 2) / 3 * 4 + 1), *at = text;
    for (size_t i = 0; i < n; i += 3) {
        uint32_t three = (uint32_t)bytes[i] << 16;
        if (i + 1 < n) three |= (uint32_t)bytes[i + 1] << 8;
        if (i + 2 < n) three |= bytes[i + 2];
        *at++ = digits[three >> 18];
        *at++ = digits[three >> 12 & 63];
        *at++ = i + 1 < n ? digits[three >> 6 & 63] : '=';
        *at++ = i + 2 < n ? digits[three & 63] : '=';
    }
    *at = 0;
    return text;
}

static void show_kitty(const dn_image *image, FILE *out) {
    size_t n = (size_t)image->height * (size_t)image->width * 3;
    uint8_t *bytes = dn_xmalloc(n + 1), *to = bytes;
    for (int y = 0; y < image->height; y++)
        for (int x = 0; x < image->width; x++) {
            rgb c = pixel(image, y, x);
            *to++ = (uint8_t)c.r;
            *to++ = (uint8_t)c.g;
            *to++ = (uint8_t)c.b;
        }
    char *text = base64(bytes, n);
    size_t length = strlen(text);
    for (size_t at = 0; at < length; at += KITTY_CHUNK) {
        size_t size = length - at < KITTY_CHUNK ? length - at : KITTY_CHUNK;
        fputs("\033_G", out);
        if (at == 0) fprintf(out, "a=T,f=24,s=%d,v=%d,", image->width, image->height);
        fprintf(out, "m=%d;%.*s\033\\", at + size < length, (int)size, text + at);
    }
    fputc('\n', out);
    free(text);
    free(bytes);
}

// ---- sixel -----------------------------------------------------------------------------------

static rgb colour_of(int index) {
    if (index >= 232)
        return (rgb){8 + 10 * (index - 232), 8 + 10 * (index - 232), 8 + 10 * (index - 232)};
    index -= 16;
    return (rgb){index / 36 * 51, index / 6 % 6 * 51, index % 6 * 51};
}

static void put_run(int count, int bits, FILE *out) {
    if (count > 3)
        fprintf(out, "!%d%c", count, 63 + bits);
    else
        while (count-- > 0) fputc(63 + bits, out);
}

// One colour of a band of six rows.
static void put_band(const uint8_t *colours, int width, int rows, int colour, FILE *out) {
    int run = 0, last = -1;
    fprintf(out, "#%d", colour);
    for (int x = 0; x < width; x++) {
        int bits = 0;
        for (int y = 0; y < rows; y++)
            if (colours[(size_t)y * (size_t)width + (size_t)x] == colour) bits |= 1 << y;
        if (bits != last && run) put_run(run, last, out);
        run = bits == last ? run + 1 : 1;
        last = bits;
    }
    put_run(run, last, out);
    fputc('$', out);
}

static void show_sixel(const dn_image *image, FILE *out) {
    uint8_t *colours = dn_xmalloc((size_t)image->width * 6);
    fprintf(out, "\033Pq\"1;1;%d;%d", image->width, image->height);
    for (int i = 16; i < 256; i++) {
        rgb c = colour_of(i);
        fprintf(out, "#%d;2;%d;%d;%d", i, c.r * 100 / 255, c.g * 100 / 255, c.b * 100 / 255);
    }
    for (int y0 = 0; y0 < image->height; y0 += 6) {
        int rows = image->height - y0 < 6 ? image->height - y0 : 6;
        bool used[256] = {false};
        for (int y = 0; y < rows; y++)
            for (int x = 0; x < image->width; x++) {
                int index = nearest_256(pixel(image, y0 + y, x));
                colours[(size_t)y * (size_t)image->width + (size_t)x] = (uint8_t)index;
                used[index] = true;
            }
        for (int i = 16; i < 256; i++)
            if (used[i]) put_band(colours, image->width, rows, i, out);
        fputc('-', out);
    }
    fputs("\033\\\n", out);
    free(colours);
}

// ---- showing ---------------------------------------------------------------------------------

typedef struct size {
    int height, width;
} size;

static int scaled(int side, int to, int from) {
    int64_t n = ((int64_t)side * to + from / 2) / from;
    return n < 1 ? 1 : (int)n;
}

// What fits on the terminal, with a line for the prompt. Graphics are made larger if they are
// small, so that a digit of 28 pixels can be seen.
static size shown_size(const dn_screen *screen, const dn_image *image) {
    bool graphics = screen->kind >= DN_SCREEN_SIXEL;
    int cell = graphics ? CELL_PIXELS : 1, lines = screen->rows > 1 ? screen->rows - 1 : 1;
    size most = {.height = lines * cell * 2, .width = screen->columns * cell};
    size s = {.height = image->height, .width = image->width};
    while (graphics && 2 * s.width <= 512 && 2 * s.width <= most.width &&
           2 * s.height <= most.height)
        s = (size){.height = 2 * s.height, .width = 2 * s.width};
    if (s.width > most.width)
        s = (size){.height = scaled(s.height, most.width, s.width), .width = most.width};
    if (s.height > most.height)
        s = (size){.height = most.height, .width = scaled(s.width, most.height, s.height)};
    return s;
}

dn_status dn_screen_show(const dn_screen *screen, const dn_image *image, int *lines, FILE *out) {
    *lines = 0;
    if (screen->kind == DN_SCREEN_NONE) return DN_SUCCESS;
    size shown = shown_size(screen, image);
    dn_image fitting;
    DN_TRY(dn_image_scale(image, shown.height, shown.width, &fitting));
    if (screen->kind == DN_SCREEN_KITTY)
        show_kitty(&fitting, out);
    else if (screen->kind == DN_SCREEN_SIXEL)
        show_sixel(&fitting, out);
    else if (screen->kind == DN_SCREEN_TEXT)
        show_text(&fitting, out);
    else
        show_blocks(screen, &fitting, out);
    if (screen->kind < DN_SCREEN_SIXEL) *lines = (fitting.height + 1) / 2;
    fflush(out);
    dn_image_free(&fitting);
    return DN_SUCCESS;
}
