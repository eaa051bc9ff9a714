// Files that commands write: their folders, and the account of them at the end.
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "runtime/host/run.h"

dn_status dn_host_make_parents(const char *path) {
    char *folder = dn_strdup(path);
    dn_status status = DN_SUCCESS;
    for (char *slash = strchr(folder + 1, '/'); slash && !status; slash = strchr(slash + 1, '/')) {
        *slash = 0;
        if (mkdir(folder, 0777) != 0 && errno != EEXIST)
            status = dn_fail_errno("the folder %s cannot be made", folder);
        *slash = '/';
    }
    free(folder);
    return status;
}

static bool is_own(const dn_run *run, const char *path) {
    for (int i = 0; i < run->n_own; i++)
        if (strcmp(run->own[i], path) == 0) return true;
    return false;
}

bool dn_host_may_replace(const dn_run *run, const char *path) {
    return run->resumed || run->options.overwrite || is_own(run, path) || access(path, F_OK) != 0;
}

void dn_host_wrote(dn_run *run, dn_output kind, const char *path) {
    dn_written *written = &run->written[kind];
    bool guarded = kind == DN_OUTPUT_CHECKPOINT || kind == DN_OUTPUT_LOG;
    if (guarded && !is_own(run, path))
        DN_PUSH(run->own, run->n_own, run->own_capacity) = dn_strdup(path);
    if (written->last && strcmp(written->last, path) == 0) return;
    written->count++;
    free(written->last);
    written->last = dn_strdup(path);
}

void dn_run_print_written(dn_run *run, FILE *out) {
    static const char *const plural[DN_OUTPUT_COUNT] = {
        [DN_OUTPUT_CHECKPOINT] = "checkpoints",
        [DN_OUTPUT_WEIGHTS] = "weight files",
        [DN_OUTPUT_LOG] = "logs",
        [DN_OUTPUT_IMAGE] = "images",
        [DN_OUTPUT_ARRAY] = "arrays",
    };
    const char *separator = "wrote ";
    for (int i = 0; i < DN_OUTPUT_COUNT; i++) {
        dn_written *written = &run->written[i];
        if (!written->last) continue;
        if (written->count == 1)
            fprintf(out, "%s%s", separator, written->last);
        else
            fprintf(out, "%s%lld %s (last %s)", separator, (long long)written->count, plural[i],
                    written->last);
        separator = ", ";
        free(written->last);
        *written = (dn_written){0};
    }
    if (separator[0] == ',') fputc('\n', out);
}
