#include "runtime/base/replace.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "runtime/base/memory.h"

static char *folder_of(const char *path) {
    const char *slash = strrchr(path, '/');
    if (!slash) return dn_strdup(".");
    return slash == path ? dn_strdup("/") : dn_strndup(path, (size_t)(slash - path));
}

// ---- what killed processes left
// ------------------------------------------------------------------

// "gan.ckpt.tmp-1234" beside gan.ckpt, where no process or thread 1234 exists any more.
static bool is_left_behind(const char *name, const char *base) {
    size_t length = strlen(base);
    if (strncmp(name, base, length) != 0 || strncmp(name + length, ".tmp-", 5) != 0) return false;
    char *end;
    long id = strtol(name + length + 5, &end, 10);
    return *end == 0 && id > 0 && kill((pid_t)id, 0) != 0 && errno == ESRCH;
}

static void remove_left_behind(const char *path) {
    char *folder = folder_of(path);
    const char *slash = strrchr(path, '/'), *base = slash ? slash + 1 : path;
    DIR *dir = opendir(folder);
    for (struct dirent *entry; dir && (entry = readdir(dir));)
        if (is_left_behind(entry->d_name, base)) unlinkat(dirfd(dir), entry->d_name, 0);
    if (dir) closedir(dir);
    free(folder);
}

// ---- writing
// ---------------------------------------------------------------------------------------

static dn_status failed(const char *path, const char *what) {
    return dn_fail_errno("%s: cannot %s", path, what);
}

// A device, a pipe or a folder.
static bool is_no_file(const char *path) {
    struct stat s;
    return stat(path, &s) == 0 && !S_ISREG(s.st_mode);
}

static void end(dn_replace *replace) {
    free(replace->path);
    free(replace->target);
    free(replace->beside);
    *replace = (dn_replace){0};
}

dn_status dn_replace_open(dn_replace *replace, const char *path) {
    char *linked = realpath(path, NULL);  // NULL: there is nothing yet
    *replace = (dn_replace){.path = dn_strdup(path), .target = linked ? linked : dn_strdup(path)};
    if (!is_no_file(replace->target)) {
        remove_left_behind(replace->target);
        replace->beside = dn_printf("%s.tmp-%ld", replace->target, (long)gettid());
    }
    const char *opened = replace->beside ? replace->beside : replace->target;
    int fd = open(opened, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
    replace->file = fd < 0 ? NULL : fdopen(fd, "wb");
    if (replace->file) return DN_SUCCESS;
    dn_status status = failed(path, "write");
    if (fd >= 0) close(fd);
    if (fd >= 0 && replace->beside) unlink(replace->beside);
    end(replace);
    return status;
}

// Makes a rename in the folder last through a power cut.
static dn_status sync_folder(const char *path) {
    char *folder = folder_of(path);
    dn_status status = DN_SUCCESS;
    int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    // Some file systems cannot sync a folder, and say so with EINVAL.
    if (fd < 0 || (fsync(fd) != 0 && errno != EINVAL)) status = failed(path, "sync its folder");
    if (fd >= 0) close(fd);
    free(folder);
    return status;
}

static dn_status finish_file(dn_replace *replace, bool durable) {
    bool written = !ferror(replace->file) && fflush(replace->file) == 0;
    if (written && durable && replace->beside) written = fsync(fileno(replace->file)) == 0;
    dn_status status = written ? DN_SUCCESS : failed(replace->path, "write");
    if (fclose(replace->file) != 0 && !status) status = failed(replace->path, "write");
    return status;
}

dn_status dn_replace_close(dn_replace *replace, dn_status status, bool durable) {
    if (status) {
        fclose(replace->file);
    } else {
        status = finish_file(replace, durable);
    }
    if (!status && replace->beside && rename(replace->beside, replace->target) != 0)
        status = failed(replace->path, "rename");
    if (status && replace->beside) unlink(replace->beside);
    if (!status && replace->beside && durable) status = sync_folder(replace->target);
    end(replace);
    return status;
}
