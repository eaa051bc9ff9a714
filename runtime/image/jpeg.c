// JPEG by libjpeg-turbo.
//
// One decompressor is kept for all images. libjpeg reports errors by error_exit, which longjmps to
// the setjmp in `guarded`; everything that changes lies in struct dn_jpeg, on the heap. Where
// libjpeg repairs damage and warns, we refuse: a half-grey face is not training data.
#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "runtime/base/memory.h"
#include "runtime/image/codec.h"
#include "runtime/image/jpeg_memory.h"

typedef struct dn_jpeg {
    struct jpeg_decompress_struct cinfo;
    struct jpeg_error_mgr errors;
    struct jpeg_source_mgr source;
    struct jpeg_progress_mgr progress;
    dn_jpeg_memory memory;
    jmp_buf jump;
    dn_code code;
    char message[JMSG_LENGTH_MAX];
    size_t size;
    dn_image *out;
} dn_jpeg;

static dn_jpeg *of(j_common_ptr cinfo) { return cinfo->client_data; }

static _Noreturn void fail(dn_jpeg *jpeg, dn_code code, const char *message) {
    jpeg->code = code;
    snprintf(jpeg->message, sizeof jpeg->message, "%s", message);
    longjmp(jpeg->jump, 1);
}

// ---- What libjpeg calls -----------------------------------------------------------------------

static void error_exit(j_common_ptr cinfo) {
    char text[JMSG_LENGTH_MAX];
    cinfo->err->format_message(cinfo, text);
    int code = cinfo->err->msg_code;
    fail(of(cinfo),
         code == JERR_OUT_OF_MEMORY     ? DN_MEMORY
         : code == JERR_SOF_UNSUPPORTED ? DN_UNSUPPORTED
                                        : DN_CORRUPT,
         text);
}

// Level -1 is a warning: some are about odd but complete files, the others mean lost pixels.
static void emit_message(j_common_ptr cinfo, int level) {
    if (level >= 0) return;
    switch (cinfo->err->msg_code) {
        case JWRN_ADOBE_XFORM:
        case JWRN_EXTRANEOUS_DATA:
        case JWRN_JFIF_MAJOR: break;
        default: error_exit(cinfo);
    }
}

static void output_message(j_common_ptr cinfo) { (void)cinfo; }

static void init_source(j_decompress_ptr cinfo) { (void)cinfo; }

static boolean fill_input_buffer(j_decompress_ptr cinfo) {
    fail(of((j_common_ptr)cinfo), DN_CORRUPT, "the file ends early");
}

static void skip_input_data(j_decompress_ptr cinfo, long count) {
    if (count <= 0) return;
    struct jpeg_source_mgr *source = cinfo->src;
    if ((size_t)count > source->bytes_in_buffer) fill_input_buffer(cinfo);
    source->next_input_byte += count;
    source->bytes_in_buffer -= (size_t)count;
}

static void term_source(j_decompress_ptr cinfo) { (void)cinfo; }

// A progressive file may repeat its scans without end; real ones have about ten.
static void progress_monitor(j_common_ptr cinfo) {
    if (((j_decompress_ptr)cinfo)->input_scan_number > 200)
        fail(of(cinfo), DN_CORRUPT, "more than 200 scans");
}

// ---- The decompressor's life ------------------------------------------------------------------

static bool guarded(dn_jpeg *jpeg, void (*body)(dn_jpeg *)) {
    if (setjmp(jpeg->jump)) return false;
    body(jpeg);
    return true;
}

static void create(dn_jpeg *jpeg) {
    // jpeg_create_decompress clears the struct but for err and client_data.
    jpeg_create_decompress(&jpeg->cinfo);
    jpeg->cinfo.src = &jpeg->source;
    jpeg->cinfo.progress = &jpeg->progress;
}

static dn_jpeg *jpeg_new(dn_bump *bump) {
    dn_jpeg *jpeg = dn_xcalloc(1, sizeof *jpeg);
    jpeg->cinfo.err = jpeg_std_error(&jpeg->errors);
    jpeg->cinfo.client_data = jpeg;
    jpeg->errors.error_exit = error_exit;
    jpeg->errors.emit_message = emit_message;
    jpeg->errors.output_message = output_message;
    jpeg->source = (struct jpeg_source_mgr){.init_source = init_source,
                                            .fill_input_buffer = fill_input_buffer,
                                            .skip_input_data = skip_input_data,
                                            .resync_to_restart = jpeg_resync_to_restart,
                                            .term_source = term_source};
    jpeg->progress.progress_monitor = progress_monitor;
    if (!guarded(jpeg, create)) {
        jpeg_destroy_decompress(&jpeg->cinfo);
        free(jpeg);
        return NULL;
    }
    dn_jpeg_memory_install(&jpeg->memory, &jpeg->cinfo, bump);
    return jpeg;
}

void dn_jpeg_free(dn_jpeg *jpeg) {
    if (!jpeg) return;
    dn_jpeg_memory_remove(&jpeg->memory, &jpeg->cinfo);
    jpeg_destroy_decompress(&jpeg->cinfo);
    free(jpeg);
}

// Forgets the image before. libjpeg keeps tables from one image to the next, for streams that leave
// them out; here they would make a damaged file's pixels depend on which file came before it.
static void restart(dn_jpeg *jpeg, const uint8_t *bytes, size_t size) {
    struct jpeg_decompress_struct *c = &jpeg->cinfo;
    jpeg_abort_decompress(c);
    for (int i = 0; i < NUM_QUANT_TBLS; i++) c->quant_tbl_ptrs[i] = NULL;
    for (int i = 0; i < NUM_HUFF_TBLS; i++) c->dc_huff_tbl_ptrs[i] = c->ac_huff_tbl_ptrs[i] = NULL;
    jpeg->source.next_input_byte = bytes;
    jpeg->source.bytes_in_buffer = size;
    jpeg->size = size;
}

// ---- Decoding ---------------------------------------------------------------------------------

// One component has a block for each 8 x 8 pixels, and a block takes at least a bit: this refuses a
// damaged size before memory is taken for it. Arithmetic coding has no such bound, but a practical
// one.
static void check_size(dn_jpeg *jpeg) {
    struct jpeg_decompress_struct *c = &jpeg->cinfo;
    uint64_t pixels = (uint64_t)c->image_width * c->image_height;
    if (pixels > DN_IMAGE_MAX_PIXELS)
        fail(jpeg, DN_UNSUPPORTED, "an image of more than 2^28 pixels");
    if (pixels > (uint64_t)jpeg->size * (c->arith_code ? 1 << 14 : 512))
        fail(jpeg, DN_CORRUPT, "its size is more than its bytes can hold");
}

static void choose_layout(dn_jpeg *jpeg) {
    struct jpeg_decompress_struct *c = &jpeg->cinfo;
    if (c->jpeg_color_space == JCS_CMYK || c->jpeg_color_space == JCS_YCCK)
        c->out_color_space = JCS_CMYK;
    else
        c->out_color_space = c->num_components == 1 ? JCS_GRAYSCALE : JCS_RGB;
    if (!jpeg->out) c->scale_num = 1, c->scale_denom = 8;  // reads all, transforms next to nothing
}

// CMYK to RGB in place. Adobe's files hold the inks inverted, others do not.
static void convert_inks(dn_image *image, bool inverted) {
    size_t count = (size_t)image->height * (size_t)image->width;
    uint8_t *p = image->pixels;
    for (size_t i = 0; i < count; i++) {
        int k = p[4 * i + 3] ^ (inverted ? 0 : 255);
        for (size_t c = 0; c < 3; c++) {
            int product = (p[4 * i + c] ^ (inverted ? 0 : 255)) * k + 128;
            p[3 * i + c] = (uint8_t)((product + (product >> 8)) >> 8);  // product / 255, rounded
        }
    }
    image->channels = 3;
}

static void read_rows(dn_jpeg *jpeg) {
    struct jpeg_decompress_struct *c = &jpeg->cinfo;
    size_t stride = (size_t)c->output_width * (size_t)c->output_components;
    uint8_t *rows = NULL, *row = NULL;
    if (jpeg->out) {
        if (!dn_image_reserve(jpeg->out, (int)c->output_height, (int)c->output_width,
                              c->output_components))
            fail(jpeg, DN_MEMORY, "no memory for its pixels");
        rows = jpeg->out->pixels;
    } else {
        row = dn_bump_alloc(jpeg->memory.bump, stride);
        if (!row) fail(jpeg, DN_MEMORY, "no memory for its pixels");
    }
    while (c->output_scanline < c->output_height) {
        JSAMPROW target = rows ? rows + c->output_scanline * stride : row;
        jpeg_read_scanlines(c, &target, 1);
    }
}

static void decode(dn_jpeg *jpeg) {
    struct jpeg_decompress_struct *c = &jpeg->cinfo;
    jpeg_read_header(c, TRUE);
    check_size(jpeg);
    choose_layout(jpeg);
    jpeg_start_decompress(c);
    read_rows(jpeg);
    jpeg_finish_decompress(c);
    if (jpeg->out && c->out_color_space == JCS_CMYK) convert_inks(jpeg->out, c->saw_Adobe_marker);
}

dn_status dn_jpeg_decode(dn_image_scratch *scratch, const uint8_t *bytes, size_t size,
                         dn_image *out, int *height, int *width) {
    if (!scratch->jpeg && !(scratch->jpeg = jpeg_new(&scratch->memory)))
        return dn_fail(DN_MEMORY, "no memory to decode a JPEG");
    dn_jpeg *jpeg = scratch->jpeg;
    restart(jpeg, bytes, size);
    jpeg->out = out;
    if (!guarded(jpeg, decode)) return dn_fail(jpeg->code, "damaged JPEG: %s", jpeg->message);
    *height = (int)jpeg->cinfo.image_height;
    *width = (int)jpeg->cinfo.image_width;
    return DN_SUCCESS;
}
