#include "runtime/image/replace.h"

#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "runtime/base/memory.h"

dn_status dn_replace_open(dn_replace *replace, const char *path) {
    static int serial;  // two threads may write the same path at the same time
    char *beside = dn_printf("%s.%ld-%d.tmp", path, (long)getpid(),
                             __atomic_add_fetch(&serial, 1, __ATOMIC_RELAXED));
    int fd = open(beside, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
    FILE *file = fd < 0 ? NULL : fdopen(fd, "wb");
    if (!file) {
        dn_status status = dn_fail_errno("cannot write %s", path);
        if (fd >= 0) close(fd), unlink(beside);
        free(beside);
        return status;
    }
    *replace = (dn_replace){.file = file, .path = dn_strdup(path), .beside = beside};
    return DN_SUCCESS;
}

dn_status dn_replace_close(dn_replace *replace, dn_status status) {
    bool written = !ferror(replace->file);
    written = fclose(replace->file) == 0 && written;
    if (!status && !written) status = dn_fail_errno("cannot write %s", replace->path);
    if (!status && rename(replace->beside, replace->path) != 0)
        status = dn_fail_errno("cannot write %s", replace->path);
    if (status) unlink(replace->beside);
    free(replace->path);
    free(replace->beside);
    *replace = (dn_replace){0};
    return status;
}
