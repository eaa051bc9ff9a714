// CelebA as it is distributed: img_align_celeba/000001.jpg ..., list_attr_celeba.txt (a count, a
// line of 40 names, then a line for each image: its name and 40 times 1 or -1) and
// list_eval_partition.txt (a line for each image: its name and 0 train, 1 valid, 2 test).
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "runtime/data/image_source.h"

enum { ATTRIBUTES = 40 };

static const char folder_name[] = "img_align_celeba";
static const char attributes_name[] = "list_attr_celeba.txt";
static const char partition_name[] = "list_eval_partition.txt";

// ---- Lists ------------------------------------------------------------------------------------

typedef struct list {
    char *path, *text, *at;
    int line;  // of the line read last, from 1
} list;

static dn_status list_open(list *l, const char *folder, const char *name) {
    size_t length;
    *l = (list){.path = dn_printf("%s/%s", folder, name)};
    DN_TRY(dn_read_file(l->path, &l->text, &length));
    l->at = l->text;
    return DN_SUCCESS;
}

static void list_close(list *l) {
    free(l->path);
    free(l->text);
}

// The next line that is not blank, ended in place; NULL at the end.
static char *list_line(list *l) {
    while (*l->at) {
        char *line = l->at, *end = line + strcspn(line, "\n");
        l->at = *end ? end + 1 : end;
        *end = 0;
        l->line++;
        if (line[strspn(line, " \t\r")]) return line;
    }
    return NULL;
}

// The next word of a line, ended in place; NULL at the end.
static char *word(char **at) {
    char *start = *at + strspn(*at, " \t\r");
    if (!*start) return NULL;
    char *end = start + strcspn(start, " \t\r");
    *at = *end ? end + 1 : end;
    *end = 0;
    return start;
}

static bool whole_number(const char *text, long *value) {
    char *end;
    *value = text ? strtol(text, &end, 10) : 0;
    return text && end != text && !*end;
}

// ---- What they say ----------------------------------------------------------------------------

typedef struct faces {
    dn_names names;       // of those in the partition that is wanted
    uint8_t *attributes;  // ATTRIBUTES for each
    int capacity;
    int partition;  // -1: all
} faces;

static dn_status read_attribute_names(dn_dataset *d, list *l, long *count) {
    char *line = list_line(l);
    char *text = line ? word(&line) : NULL;
    if (!whole_number(text, count) || *count < 0 || word(&line))
        return dn_fail(DN_CORRUPT, "%s: line 1 is not the number of images", l->path);
    const char **names = DN_NEW_ARRAY(&d->arena, const char *, ATTRIBUTES);
    int n = 0;
    line = list_line(l);
    for (char *name; line && (name = word(&line)); n++)
        if (n < ATTRIBUTES) names[n] = dn_arena_strdup(&d->arena, name);
    if (n != ATTRIBUTES)
        return dn_fail(DN_CORRUPT, "%s: line 2 names %d attributes; CelebA has %d", l->path, n,
                       ATTRIBUTES);
    d->classes = names;
    d->n_classes = ATTRIBUTES;
    return DN_SUCCESS;
}

static dn_status read_attributes(const list *l, char *line, uint8_t *out) {
    for (int i = 0; i < ATTRIBUTES; i++) {
        char *text = word(&line);
        long value;
        if (!text)
            return dn_fail(DN_CORRUPT, "%s:%d: %d attributes; there should be %d", l->path, l->line,
                           i, ATTRIBUTES);
        if (!whole_number(text, &value) || (value != 1 && value != -1))
            return dn_fail(DN_CORRUPT, "%s:%d: attribute %d is \"%.20s\", not 1 or -1", l->path,
                           l->line, i + 1, text);
        out[i] = value == 1;
    }
    if (word(&line))
        return dn_fail(DN_CORRUPT, "%s:%d: more than %d attributes", l->path, l->line, ATTRIBUTES);
    return DN_SUCCESS;
}

static dn_status read_partition(const list *l, char *line, const char *name, long *partition) {
    char *listed = word(&line);
    if (!whole_number(word(&line), partition) || *partition < 0 || *partition > 2)
        return dn_fail(DN_CORRUPT, "%s:%d: not a name and a partition (0, 1 or 2)", l->path,
                       l->line);
    if (strcmp(listed, name) != 0)
        return dn_fail(DN_CORRUPT, "%s:%d: %s stands where %s lists %s", l->path, l->line, listed,
                       attributes_name, name);
    return DN_SUCCESS;
}

static void add_face(dn_dataset *d, faces *f, const char *name, const uint8_t *attributes) {
    int n = f->names.count;
    if (n == f->capacity) {
        f->capacity = f->capacity ? 2 * f->capacity : 1024;
        f->attributes = dn_xrealloc(f->attributes, (size_t)f->capacity * ATTRIBUTES);
    }
    memcpy(f->attributes + (size_t)n * ATTRIBUTES, attributes, ATTRIBUTES);
    DN_PUSH(f->names.names, f->names.count, f->names.capacity) = dn_arena_strdup(&d->arena, name);
}

static int count_lines(list *l) {
    int n = 0;
    while (list_line(l)) n++;
    return n;
}

static dn_status read_faces(dn_dataset *d, list *attributes, list *partitions, faces *f) {
    long count;
    DN_TRY(read_attribute_names(d, attributes, &count));
    long seen = 0;
    for (char *line; (line = list_line(attributes)); seen++) {
        uint8_t values[ATTRIBUTES];
        long partition;
        char *name = word(&line), *other = list_line(partitions);
        DN_TRY(read_attributes(attributes, line, values));
        if (!other)
            return dn_fail(DN_CORRUPT, "%s lists %ld images, but %s lists %ld", partitions->path,
                           seen, attributes->path, seen + 1 + count_lines(attributes));
        DN_TRY(read_partition(partitions, other, name, &partition));
        if (f->partition < 0 || f->partition == partition) add_face(d, f, name, values);
    }
    int more = count_lines(partitions);
    if (more)
        return dn_fail(DN_CORRUPT, "%s lists %ld images, but %s lists %ld", partitions->path,
                       seen + more, attributes->path, seen);
    if (count != seen)
        return dn_fail(DN_CORRUPT, "%s says that it lists %ld images, but lists %ld",
                       attributes->path, count, seen);
    return DN_SUCCESS;
}

// ---- Opening ----------------------------------------------------------------------------------

static dn_status check_layout(const char *path) {
    struct stat info;
    const char *const names[] = {"", folder_name, attributes_name, partition_name};
    for (int i = 0; i < 4; i++) {
        char *full = *names[i] ? dn_printf("%s/%s", path, names[i]) : dn_strdup(path);
        dn_status status = DN_SUCCESS;
        if (stat(full, &info) != 0)
            status = dn_fail_errno("%s", full);
        else if (i < 2 && !S_ISDIR(info.st_mode))
            status = dn_fail(DN_INVALID, "%s: is not a folder", full);
        free(full);
        if (status)
            return dn_with_hint(status, "CelebA is a folder that holds %s/, %s and %s", folder_name,
                                attributes_name, partition_name);
    }
    return DN_SUCCESS;
}

static dn_status parse_partition(const char *name, int *partition) {
    static const char *const names[] = {"train", "valid", "test", "all"};
    for (int i = 0; i < 4; i++) {
        if (strcmp(name, names[i]) == 0) {
            *partition = i < 3 ? i : -1;
            return DN_SUCCESS;
        }
    }
    return dn_fail(DN_INVALID, "CelebA has no partition \"%s\": train, valid, test or all", name);
}

static dn_status open_celeba(const char *path, const char *partition, dn_dataset *d) {
    faces f = {0};
    list attributes = {0}, partitions = {0};
    dn_status status = parse_partition(partition, &f.partition);
    if (!status) status = check_layout(path);
    if (!status) status = list_open(&attributes, path, attributes_name);
    if (!status) status = list_open(&partitions, path, partition_name);
    if (!status) status = read_faces(d, &attributes, &partitions, &f);
    if (!status && f.names.count == 0)
        status = dn_fail(DN_NOT_FOUND, "%s: no image is in partition %s", path, partition);
    if (!status) {
        dn_node_add_field(d, "attributes", DN_U8, 1, (int64_t[]){ATTRIBUTES});
        status = dn_image_source_fill(d, &f.names, f.attributes, ATTRIBUTES);
    }
    list_close(&attributes);
    list_close(&partitions);
    free(f.names.names);
    free(f.attributes);
    return status;
}

dn_status dn_dataset_celeba(const char *path, const char *partition,
                            const dn_image_options *options, dn_dataset **out) {
    DN_TRY(dn_image_options_check(options));
    char *images = dn_printf("%s/%s", path, folder_name);
    dn_dataset *d = dn_image_source_new(images, options);
    free(images);
    dn_status status = open_celeba(path, partition, d);
    if (status)
        dn_dataset_release(d);
    else
        *out = d;
    return status;
}
