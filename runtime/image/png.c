// PNG by libpng.
//
// Errors leave libpng by longjmp from `failed` to the setjmp in `guarded`. Everything that changes
// between the two lies in a png_job, which the setjmp's frame does not own, so no variable is lost.
// libpng's and zlib's memory comes from the scratch's dn_bump and is dropped whole by the next
// decode: the read struct is therefore never destroyed.
#include <png.h>
#include <setjmp.h>
#include <stdio.h>
#include <string.h>

#include "runtime/base/replace.h"
#include "runtime/image/codec.h"

typedef struct png_job {
    jmp_buf jump;
    dn_code code;
    char message[160];
    // Reading.
    dn_bump *memory;
    const uint8_t *bytes;
    size_t size, at;
    int channels;
    dn_image *out;
    int height, width;
    // Writing.
    FILE *file;
    const dn_image *image;
    png_structp writer;
    png_infop writer_info;
} png_job;

static _Noreturn void fail(png_job *job, dn_code code, const char *message) {
    job->code = code;
    snprintf(job->message, sizeof job->message, "%s", message);
    longjmp(job->jump, 1);
}

static void failed(png_structp png, png_const_charp message) {
    fail(png_get_error_ptr(png), DN_CORRUPT, message);
}

// Warnings are about chunks that do not matter to the pixels; damage to those that do is an error.
static void warned(png_structp png, png_const_charp message) { (void)png, (void)message; }

static bool guarded(png_job *job, void (*body)(png_job *)) {
    if (setjmp(job->jump)) return false;
    body(job);
    return true;
}

// ---- Reading ----------------------------------------------------------------------------------

static png_voidp allocate(png_structp png, png_alloc_size_t size) {
    return dn_bump_alloc(png_get_mem_ptr(png), size);
}

static void release(png_structp png, png_voidp p) { (void)png, (void)p; }

static void read_bytes(png_structp png, png_bytep out, size_t count) {
    png_job *job = png_get_io_ptr(png);
    if (count > job->size - job->at) fail(job, DN_CORRUPT, "the file ends early");
    memcpy(out, job->bytes + job->at, count);
    job->at += count;
}

// Colour profiles, texts and the like are skipped: they do not change the pixels and could be
// large.
static void skip_what_is_not_pixels(png_structp png) {
    static const png_byte chunks[] =
        "bKGD\0cHRM\0eXIf\0gAMA\0hIST\0iCCP\0iTXt\0oFFs\0pCAL\0sBIT\0sCAL\0sPLT\0sRGB\0tEXt\0tIME\0"
        "zTXt";
    png_set_keep_unknown_chunks(png, PNG_HANDLE_CHUNK_NEVER, chunks, sizeof chunks / 5);
}

static png_structp open_reader(png_job *job, png_infop *info) {
    png_structp png = png_create_read_struct_2(PNG_LIBPNG_VER_STRING, job, failed, warned,
                                               job->memory, allocate, release);
    if (png) *info = png_create_info_struct(png);
    if (!png || !*info) fail(job, DN_MEMORY, "no memory to decode");
    png_set_read_fn(png, job, read_bytes);
    skip_what_is_not_pixels(png);
    png_read_info(png, *info);
    return png;
}

// Deflate expands at most 1032 times, so a short file cannot hold a large image: this refuses a
// damaged size before memory is taken for it.
static void check_size(png_job *job, png_structp png, png_infop info) {
    uint64_t height = png_get_image_height(png, info), width = png_get_image_width(png, info);
    if (height * width > DN_IMAGE_MAX_PIXELS)
        fail(job, DN_UNSUPPORTED, "an image of more than 2^28 pixels");
    if (height * png_get_rowbytes(png, info) > 1032 * (uint64_t)job->size)
        fail(job, DN_CORRUPT, "its size is more than its bytes can hold");
    job->height = (int)height;
    job->width = (int)width;
}

// Asks for 8 bits a channel and 1, 3 or 4 channels.
static void choose_layout(png_job *job, png_structp png, png_infop info) {
    int color = png_get_color_type(png, info);
    bool alpha = (color & PNG_COLOR_MASK_ALPHA) || png_get_valid(png, info, PNG_INFO_tRNS);
    bool drop = job->channels == 1 || job->channels == 3;
    png_set_expand(png);
    png_set_scale_16(png);
    if (alpha && drop) png_set_strip_alpha(png);
    if (alpha && !drop && !(color & PNG_COLOR_MASK_COLOR)) png_set_gray_to_rgb(png);
}

static void read_rows(png_job *job, png_structp png, png_infop info) {
    int passes = png_set_interlace_handling(png);
    png_read_update_info(png, info);
    size_t stride = png_get_rowbytes(png, info);
    uint8_t *rows = NULL, *row = NULL;
    if (job->out) {
        int channels = png_get_channels(png, info);
        if (!dn_image_reserve(job->out, job->height, job->width, channels))
            fail(job, DN_MEMORY, "no memory for its pixels");
        rows = job->out->pixels;
    } else {
        row = dn_bump_alloc(job->memory, stride);
        if (!row) fail(job, DN_MEMORY, "no memory for its pixels");
        memset(row, 0, stride);  // interlacing combines a row with what is there
    }
    for (int pass = 0; pass < passes; pass++)
        for (int y = 0; y < job->height; y++)
            png_read_row(png, rows ? rows + (size_t)y * stride : row, NULL);
}

static void decode(png_job *job) {
    png_infop info = NULL;
    png_structp png = open_reader(job, &info);
    check_size(job, png, info);
    if (job->out) choose_layout(job, png, info);
    read_rows(job, png, info);
    png_read_end(png, NULL);
}

dn_status dn_png_decode(dn_image_scratch *scratch, const uint8_t *bytes, size_t size, int channels,
                        dn_image *out, int *height, int *width) {
    png_job job = {
        .memory = &scratch->memory, .bytes = bytes, .size = size, .channels = channels, .out = out};
    if (!guarded(&job, decode)) return dn_fail(job.code, "damaged PNG: %s", job.message);
    *height = job.height;
    *width = job.width;
    return DN_SUCCESS;
}

// ---- Writing ----------------------------------------------------------------------------------

static void write_bytes(png_structp png, png_bytep bytes, size_t count) {
    png_job *job = png_get_io_ptr(png);
    if (fwrite(bytes, 1, count, job->file) != count) fail(job, DN_IO, "the file cannot be written");
}

static void flush_bytes(png_structp png) { (void)png; }

static void encode(png_job *job) {
    static const int colors[] = {0, PNG_COLOR_TYPE_GRAY, 0, PNG_COLOR_TYPE_RGB,
                                 PNG_COLOR_TYPE_RGB_ALPHA};
    const dn_image *image = job->image;
    job->writer = png_create_write_struct(PNG_LIBPNG_VER_STRING, job, failed, warned);
    if (job->writer) job->writer_info = png_create_info_struct(job->writer);
    if (!job->writer || !job->writer_info) fail(job, DN_MEMORY, "no memory to encode");
    png_set_write_fn(job->writer, job, write_bytes, flush_bytes);
    png_set_IHDR(job->writer, job->writer_info, (png_uint_32)image->width,
                 (png_uint_32)image->height, 8, colors[image->channels], PNG_INTERLACE_NONE,
                 PNG_COMPRESSION_TYPE_DEFAULT, PNG_FILTER_TYPE_DEFAULT);
    png_write_info(job->writer, job->writer_info);
    size_t stride = (size_t)image->width * (size_t)image->channels;
    for (int y = 0; y < image->height; y++)
        png_write_row(job->writer, image->pixels + (size_t)y * stride);
    png_write_end(job->writer, NULL);
}

dn_status dn_image_write_png(const char *path, const dn_image *image) {
    if (image->height < 1 || image->width < 1 || image->channels < 1 || image->channels > 4 ||
        image->channels == 2)
        return dn_fail(DN_INVALID, "%s: no PNG can hold an image of %d x %d with %d channels", path,
                       image->height, image->width, image->channels);
    dn_replace replace;
    DN_TRY(dn_replace_open(&replace, path));
    png_job job = {.file = replace.file, .image = image};
    dn_status status = DN_SUCCESS;
    if (!guarded(&job, encode)) status = dn_fail(job.code, "%s: %s", path, job.message);
    png_destroy_write_struct(&job.writer, &job.writer_info);
    return dn_replace_close(&replace, status, false);
}
