// Datasets: sources (folders of images, CelebA, IDX, CSV, NPY, tensors) and the pipelines built
// from them (map, augment, shuffle, batch, prefetch).
//
// A dataset is an immutable description, shared by reference count; each function below makes a new
// one that keeps a reference to its input. Opening a source scans it once (names, sizes, labels),
// which reports damaged files as `policy` says; contents are decoded later, by an iterator.
//
// An element is a record of named tensors with fixed dtype and shape ("image", "label", ...), known
// as soon as the dataset is made. After dn_dataset_batch every field has the batch size in front.
//
// Order and random numbers: element i of epoch e is a pure function of (dataset, seed, e, i).
// Decoding and augmentation run ahead on worker threads; the stream has the same bits for any
// number of workers. Once warm (after the first batches) an iterator allocates nothing.
#ifndef DN_RUNTIME_DATASET_H
#define DN_RUNTIME_DATASET_H

#include "runtime/tensor.h"

enum { DN_MAX_FIELDS = 8 };

typedef struct dn_field {
    const char *name;  // owned by the dataset
    dn_dtype dtype;
    dn_shape shape;
} dn_field;

typedef struct dn_dataset dn_dataset;

dn_dataset *dn_dataset_retain(dn_dataset *dataset);
void dn_dataset_release(dn_dataset *dataset);  // accepts NULL
int dn_dataset_fields(const dn_dataset *dataset, const dn_field **fields);
int64_t dn_dataset_size(const dn_dataset *dataset);  // elements in an epoch
// A hash over the source's names, sizes and options and over the pipeline: a checkpoint keeps it,
// so that a run is not resumed over other data.
uint64_t dn_dataset_fingerprint(const dn_dataset *dataset);

// The names of the classes of field "label" (a folder's subfolders) or of the columns of field
// "attributes" (CelebA), in order; 0 and NULL when the source has none. Owned by the dataset.
int dn_dataset_classes(const dn_dataset *dataset, const char *const **names);

// ---- Cleaning -------------------------------------------------------------------------------
// What was found while opening. Unreadable, truncated, empty, wrongly named (content is not an
// image, or another format than its extension; the latter is counted but used) and duplicate files
// (same bytes) are counted, named and skipped; with strict each is an error instead.
typedef enum dn_defect {
    DN_DEFECT_UNREADABLE,  // cannot be opened or read
    DN_DEFECT_EMPTY,       // no bytes
    DN_DEFECT_TRUNCATED,   // the content ends early or is damaged
    DN_DEFECT_NOT_IMAGE,   // an image's extension, another content
    DN_DEFECT_MISNAMED,    // an image, but not of its extension's format: used
    DN_DEFECT_DUPLICATE,   // same bytes as an earlier file
    DN_DEFECT_BAD_ROW,     // a CSV row with a missing or superfluous cell, or one that is no number
    DN_DEFECT_COUNT
} dn_defect;

typedef struct dn_report {
    const char *unit;  // what is counted: "images", "rows"
    int64_t seen, used;
    int64_t count[DN_DEFECT_COUNT];
    char **names[DN_DEFECT_COUNT];  // the first 100 of each, with the reason after ": "
} dn_report;

const dn_report *dn_dataset_report(const dn_dataset *dataset);  // of its source; never NULL
// "9998 of 10000 images used", then a line for each kind of defect found: "1 duplicate (a/2.png:
// the same bytes as a/1.png)", with the first three names.
void dn_report_print(const dn_report *report, dn_str *out);

// ---- Sources --------------------------------------------------------------------------------
typedef struct dn_image_options {
    int height, width;  // the size of every element
    int channels;       // 1, 3 or 4
    bool crop;          // true: centre crop to the target's aspect first; false: stretch
    bool strict;        // a defect is an error
} dn_image_options;

// Fields: "image" f32[height, width, channels] with values 0..255 (undecoded until iterated).
// Folder: PNG and JPEG files, found by extension in any case, also in subfolders, sorted by path
// (bytewise); names that start with a dot are passed over. A folder without images is DN_NOT_FOUND.
// `labels`: a class per subfolder (sorted), field "label" i32; files beside the subfolders have no
// class and are not looked at.
dn_status dn_dataset_image_folder(const char *path, const dn_image_options *options, bool labels,
                                  dn_dataset **out) DN_MUST_USE;
// CelebA: `path` holds img_align_celeba/, list_attr_celeba.txt and list_eval_partition.txt.
// Fields: "image", "attributes" u8[40] (1 where the list has 1, 0 for -1).
// partition: "train", "valid", "test" or "all".
dn_status dn_dataset_celeba(const char *path, const char *partition,
                            const dn_image_options *options, dn_dataset **out) DN_MUST_USE;
// IDX, plain or gzip, of unsigned bytes. `labels_path` may be NULL. Fields: "image"
// f32[height, width, 1] 0..255 (an IDX of rank 3, or rank 4 with channels), "label" i32 (rank 1).
dn_status dn_dataset_idx(const char *images_path, const char *labels_path,
                         dn_dataset **out) DN_MUST_USE;
// CSV (RFC 4180) with a header line. Fields: "features" f32[n_features] of the named columns, in
// that order (n_columns 0: all but the label), and, if label_column is not NULL, "label" f32. A
// cell that is not a finite decimal number is an error at its line and column (strict) or its row
// is counted (DN_DEFECT_BAD_ROW) and skipped, as is a row with too few or too many cells.
dn_status dn_dataset_csv(const char *path, const char *const *columns, int n_columns,
                         const char *label_column, bool strict, dn_dataset **out) DN_MUST_USE;
// NPY (format 1.0 to 3.0, little-endian, C or Fortran order; any numeric dtype, converted to f32
// from floats, i32 from signed and unsigned integers up to 32 bits, else i64). Rows are elements.
// Field: "value". bool becomes i32; a number that i32 or i64 cannot hold is an error.
dn_status dn_dataset_npy(const char *path, dn_dataset **out) DN_MUST_USE;
// Whole NPY files as tensors, with the file's own dtype where dnet has it, else one that holds all
// its values (f16 as f32, u32 as i64); dn_npy_write writes beside and renames,
// bf16 as f32.
dn_status dn_npy_read(const char *path, dn_tensor **out) DN_MUST_USE;
dn_status dn_npy_write(const char *path, const dn_tensor *tensor) DN_MUST_USE;
// Rows of tensors that have the same leading size.
dn_status dn_dataset_tensors(const char *const *names, dn_tensor *const *tensors, int count,
                             dn_dataset **out) DN_MUST_USE;

// ---- Pipeline -------------------------------------------------------------------------------
// x * scale + offset on field "image" (or the only f32 field), in f32.
dn_status dn_dataset_rescale(dn_dataset *dataset, double scale, double offset,
                             dn_dataset **out) DN_MUST_USE;
// (x - mean[c]) / deviation[c] for each of the image's channels; `count` is 1 or the channels.
dn_status dn_dataset_normalize(dn_dataset *dataset, const double *mean, const double *deviation,
                               int count, dn_dataset **out) DN_MUST_USE;
// Resizes "image" fields (antialiased bilinear; crop as in dn_image_options).
dn_status dn_dataset_resize(dn_dataset *dataset, int height, int width, bool crop,
                            dn_dataset **out) DN_MUST_USE;

typedef enum dn_fill { DN_FILL_NEAREST, DN_FILL_CONSTANT, DN_FILL_REFLECT, DN_FILL_WRAP } dn_fill;

// Keras's ImageDataGenerator (keras-preprocessing 1.1.2): one random affine map an element, in its
// order: rotation, shift, shear, zoom, about the centre (size / 2 - 0.5, as current Keras);
// bilinear; then flips, channel shift, brightness. Zero fields do nothing. Units as in Keras:
// rotation in degrees; shifts as a fraction of the size when < 1, else in pixels; shear in degrees
// (rotation-like angle, as Keras 2.4+ documents); zoom z draws from [1-z, 1+z] for each axis.
// Fill modes have SciPy's meaning (wrap has period size - 1). Brightness goes through bytes, as in
// Keras: values lose their fractions. Images of a batch are augmented one by one, each as it would
// be before the batch.
typedef struct dn_augment_options {
    double rotation, width_shift, height_shift, shear, zoom, channel_shift;
    double brightness_low, brightness_high;  // both 0: off
    bool horizontal_flip, vertical_flip;
    dn_fill fill;
    double constant;  // for DN_FILL_CONSTANT
} dn_augment_options;
dn_status dn_dataset_augment(dn_dataset *dataset, const dn_augment_options *options,
                             dn_dataset **out) DN_MUST_USE;

// A new order each epoch: a full permutation (Philox-keyed Fisher-Yates over indices).
dn_status dn_dataset_shuffle(dn_dataset *dataset, dn_dataset **out) DN_MUST_USE;
// The first `count` elements; all but the first `count`.
dn_status dn_dataset_take(dn_dataset *dataset, int64_t count, dn_dataset **out) DN_MUST_USE;
dn_status dn_dataset_skip(dn_dataset *dataset, int64_t count, dn_dataset **out) DN_MUST_USE;
// Batches of `size`. The last, smaller one is dropped; with `pad` it is filled up by repeating the
// last element, and a field "weight" f32[size] is 1 for real and 0 for repeated elements.
dn_status dn_dataset_batch(dn_dataset *dataset, int64_t size, bool pad,
                           dn_dataset **out) DN_MUST_USE;
// Tells how much is made ahead, in elements of this dataset (batches). Default: DN_DATA_AHEAD, and
// of single elements at least two for each worker. There is memory for one more.
enum { DN_DATA_AHEAD = 4 };
dn_status dn_dataset_prefetch(dn_dataset *dataset, int count, dn_dataset **out) DN_MUST_USE;

// ---- Iteration ------------------------------------------------------------------------------
typedef struct dn_iterator dn_iterator;

// Iterates over one epoch, from element `position`. workers = 0: as many as the process may use.
dn_status dn_iterator_new(dn_dataset *dataset, uint64_t seed, uint64_t epoch, int64_t position,
                          int workers, dn_iterator **out) DN_MUST_USE;
void dn_iterator_free(dn_iterator *iterator);  // stops the workers; accepts NULL
// Starts another epoch on the same threads and buffers (so a training loop stays warm).
dn_status dn_iterator_restart(dn_iterator *iterator, uint64_t epoch, int64_t position) DN_MUST_USE;
// The next element: one tensor a field, in field order; the tensors are owned by the iterator and
// stay valid until the next call, unless retained (then the iterator uses another buffer). *done is
// true at the end. An element that turns out damaged only now is an error that names its file; the
// call after it goes on with the next element.
dn_status dn_iterator_next(dn_iterator *iterator, dn_tensor **fields, bool *done) DN_MUST_USE;
int64_t dn_iterator_position(const dn_iterator *iterator);  // elements handed out so far
// What the element handed out last is made of, for messages: "cats/7.png, dogs/3.png" where the
// source has names, else "elements 17, 4", as the source counts them from 0.
void dn_iterator_describe(const dn_iterator *iterator, dn_str *out);

#endif
