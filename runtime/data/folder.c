// Folders of images, with or without a class for each subfolder.
#include <stdlib.h>
#include <string.h>

#include "runtime/data/image_source.h"

static const char *const extensions[] = {".png", ".jpg", ".jpeg"};
enum { N_EXTENSIONS = sizeof extensions / sizeof *extensions };

static dn_status nothing_found(const char *path, const char *others) {
    dn_status status =
        dn_fail(DN_NOT_FOUND, "no images in %s: expected .png, .jpg or .jpeg files%s%s", path,
                others && *others ? "; found " : "", others ? others : "");
    return status;
}

// Lists the images of each subfolder in turn, so that they are sorted by class, then by name.
static dn_status find_labelled(const char *path, dn_dataset *d, dn_names *files, int32_t **labels,
                               dn_str *others) {
    dn_names classes = {0};
    dn_status status = dn_find_folders(path, &d->arena, &classes);
    int capacity = 0;
    for (int c = 0; c < classes.count && !status; c++) {
        dn_names found = {0};
        char *folder = dn_printf("%s/%s", path, classes.names[c]);
        status = dn_find_files(folder, extensions, N_EXTENSIONS, &d->arena, &found, others);
        for (int i = 0; i < found.count; i++) {
            int n = files->count;
            DN_PUSH(files->names, files->count, files->capacity) =
                dn_arena_printf(&d->arena, "%s/%s", classes.names[c], found.names[i]);
            DN_PUSH(*labels, n, capacity) = c;
        }
        free(folder);
        free(found.names);
    }
    d->n_classes = classes.count;
    d->classes =
        dn_arena_copy(&d->arena, classes.names, (size_t)classes.count * sizeof *classes.names);
    free(classes.names);
    if (!status && d->n_classes == 0)
        status = dn_with_hint(
            dn_fail(DN_NOT_FOUND, "%s has no subfolders, so its images have no labels", path),
            "labels come from one subfolder for each class, such as %s/cat and %s/dog", path, path);
    return status;
}

static dn_status open_folder(const char *path, dn_dataset *d, bool labelled) {
    dn_names files = {0};
    int32_t *labels = NULL;
    dn_str others = {0};
    dn_status status =
        labelled ? find_labelled(path, d, &files, &labels, &others)
                 : dn_find_files(path, extensions, N_EXTENSIONS, &d->arena, &files, &others);
    if (!status && files.count == 0) status = nothing_found(path, others.text);
    if (!status && labelled) dn_node_add_field(d, "label", DN_I32, 0, NULL);
    if (!status) status = dn_image_source_fill(d, &files, labels, labelled ? sizeof *labels : 0);
    free(files.names);
    free(labels);
    free(others.text);
    return status;
}

dn_status dn_dataset_image_folder(const char *path, const dn_image_options *options, bool labels,
                                  dn_dataset **out) {
    DN_TRY(dn_image_options_check(options));
    dn_dataset *d = dn_image_source_new(path, options);
    dn_status status = open_folder(path, d, labels);
    if (status)
        dn_dataset_release(d);
    else
        *out = d;
    return status;
}
