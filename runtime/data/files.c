#include "runtime/data/files.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

// ---- Reading ----------------------------------------------------------------------------------

bool dn_buffer_reserve(dn_buffer *buffer, size_t capacity) {
    if (capacity <= buffer->capacity) return true;
    uint8_t *data = realloc(buffer->data, capacity);
    if (!data) return false;
    buffer->data = data;
    buffer->capacity = capacity;
    return true;
}

static dn_status no_memory(size_t size) {
    return dn_fail(DN_MEMORY, "no memory for its %.1f MiB", (double)size / (1 << 20));
}

static dn_status read_open(dn_buffer *buffer, int fd, size_t limit) {
    struct stat info;
    if (fstat(fd, &info) != 0) return dn_fail_errno("cannot be read");
    if (!S_ISREG(info.st_mode)) return dn_fail(DN_IO, "is not a regular file");
    size_t size = (size_t)info.st_size;
    if (size > limit)
        return dn_fail(DN_UNSUPPORTED, "is larger than %.0f MiB", (double)limit / (1 << 20));
    if (!dn_buffer_reserve(buffer, size)) return no_memory(size);
    buffer->size = 0;
    while (buffer->size < size) {
        ssize_t n = read(fd, buffer->data + buffer->size, size - buffer->size);
        if (n < 0 && errno == EINTR) continue;
        if (n < 0) return dn_fail_errno("cannot be read");
        if (n == 0) break;  // it shrank while being read
        buffer->size += (size_t)n;
    }
    return DN_SUCCESS;
}

dn_status dn_buffer_read(dn_buffer *buffer, const char *path, size_t limit) {
    // Not to hang on a pipe that nobody writes.
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0) return dn_fail_errno("cannot be opened");
    dn_status status = read_open(buffer, fd, limit);
    close(fd);
    return status;
}

// ---- Finding ----------------------------------------------------------------------------------

enum { MAX_DEPTH = 32 };

typedef struct walk {
    const char *const *extensions;
    int n_extensions;
    dn_arena *arena;
    dn_names *out;
    struct {
        char *name;
        int64_t count;
    } * others;
    int n_others, other_capacity;
    struct {
        dev_t device;
        ino_t inode;
    } above[MAX_DEPTH];  // the folders that we are in: a link back to one is not followed
} walk;

static int compare_names(const void *a, const void *b) {
    return strcmp(*(char *const *)a, *(char *const *)b);
}

void dn_names_sort(dn_names *names) {
    if (names->count)
        qsort(names->names, (size_t)names->count, sizeof *names->names, compare_names);
}

static bool has_extension(const walk *w, const char *name) {
    const char *dot = strrchr(name, '.');
    for (int i = 0; dot && i < w->n_extensions; i++)
        if (strcasecmp(dot, w->extensions[i]) == 0) return true;
    return false;
}

static void count_other(walk *w, const char *name) {
    const char *dot = strrchr(name, '.');
    if (!dot) dot = "without extension";
    for (int i = 0; i < w->n_others; i++) {
        if (strcasecmp(w->others[i].name, dot) == 0) {
            w->others[i].count++;
            return;
        }
    }
    if (w->n_others == 16) return;
    DN_PUSH(w->others, w->n_others, w->other_capacity).name = dn_strdup(dot);
    w->others[w->n_others - 1].count = 1;
}

static dn_status walk_folder(walk *w, const char *root, const char *relative, int depth);

static dn_status walk_entry(walk *w, const char *root, const char *relative, const char *name,
                            int depth) {
    char *path = dn_printf("%s%s%s", relative, *relative ? "/" : "", name);
    char *full = dn_printf("%s/%s", root, path);
    struct stat info;
    bool is_folder = stat(full, &info) == 0 && S_ISDIR(info.st_mode);
    dn_status status = DN_SUCCESS;
    if (is_folder)
        status = walk_folder(w, root, path, depth + 1);
    else if (has_extension(w, name))
        DN_PUSH(w->out->names, w->out->count, w->out->capacity) = dn_arena_strdup(w->arena, path);
    else
        count_other(w, name);
    free(path);
    free(full);
    return status;
}

// True when this folder is one of those that we are in.
static bool visited(walk *w, int fd, int depth) {
    struct stat info;
    if (depth >= MAX_DEPTH || fstat(fd, &info) != 0) return true;
    for (int i = 0; i < depth; i++)
        if (w->above[i].device == info.st_dev && w->above[i].inode == info.st_ino) return true;
    w->above[depth].device = info.st_dev;
    w->above[depth].inode = info.st_ino;
    return false;
}

static dn_status walk_folder(walk *w, const char *root, const char *relative, int depth) {
    char *full = *relative ? dn_printf("%s/%s", root, relative) : dn_strdup(root);
    DIR *folder = opendir(full);
    if (!folder) {
        dn_status status = dn_fail_errno("%s", full);
        free(full);
        return status;
    }
    free(full);
    dn_status status = DN_SUCCESS;
    if (!visited(w, dirfd(folder), depth)) {
        for (struct dirent *entry; !status && (entry = readdir(folder));)
            if (entry->d_name[0] != '.')
                status = walk_entry(w, root, relative, entry->d_name, depth);
    }
    closedir(folder);
    return status;
}

static void print_others(walk *w, dn_str *out) {
    for (int i = 0; i < w->n_others; i++) {
        if (out)
            dn_str_printf(out, "%s%lld %s", i ? ", " : "", (long long)w->others[i].count,
                          w->others[i].name);
        free(w->others[i].name);
    }
    free(w->others);
}

dn_status dn_find_files(const char *root, const char *const *extensions, int n_extensions,
                        dn_arena *arena, dn_names *out, dn_str *others) {
    walk w = {.extensions = extensions, .n_extensions = n_extensions, .arena = arena, .out = out};
    dn_status status = walk_folder(&w, root, "", 0);
    print_others(&w, others);
    dn_names_sort(out);
    return status;
}

dn_status dn_find_folders(const char *root, dn_arena *arena, dn_names *out) {
    DIR *folder = opendir(root);
    if (!folder) return dn_fail_errno("%s", root);
    for (struct dirent *entry; (entry = readdir(folder));) {
        struct stat info;
        if (entry->d_name[0] == '.' || fstatat(dirfd(folder), entry->d_name, &info, 0) != 0 ||
            !S_ISDIR(info.st_mode))
            continue;
        DN_PUSH(out->names, out->count, out->capacity) = dn_arena_strdup(arena, entry->d_name);
    }
    closedir(folder);
    dn_names_sort(out);
    return DN_SUCCESS;
}
