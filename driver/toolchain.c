#include "driver/toolchain.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "codegen/native.h"
#include "runtime/cuda/cuda_image.h"

extern char **environ;

// Archives that the runtime uses, and Debian's packages of them.
static const struct {
    const char *file, *package;
} archives[DN_ARCHIVES] = {
    [DN_ARCHIVE_PNG] = {"libpng16.a", "libpng-dev"},
    [DN_ARCHIVE_JPEG] = {"libjpeg.a", "libjpeg62-turbo-dev"},
    [DN_ARCHIVE_JSON] = {"libjansson.a", "libjansson-dev"},
    [DN_ARCHIVE_Z] = {"libz.a", "zlib1g-dev"},
};

// ---- files -----------------------------------------------------------------------------------

dn_status dn_workplace_open(dn_workplace *w, const char *output) {
    const char *base = getenv("TMPDIR");
    *w = (dn_workplace){.folder = dn_printf("%s/dnetc-XXXXXX", base && *base ? base : "/tmp")};
    if (!mkdtemp(w->folder)) {
        dn_status status = dn_fail_errno("cannot make the folder %s", w->folder);
        free(w->folder);
        w->folder = NULL;
        return status;
    }
    w->log = dn_printf("%s/log", w->folder);
    if (!output) return DN_SUCCESS;
    struct stat s;
    if (stat(output, &s) == 0 && !S_ISREG(s.st_mode))  // a rename would take its place away
        return dn_fail(DN_IO, "cannot write %s: it is not a file", output);
    w->beside = dn_printf("%s.tmp-%ld", output, (long)getpid());
    // Says at once, and better than the linker, that the output cannot be there.
    int fd = open(w->beside, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
    if (fd < 0) return dn_fail_errno("cannot write %s", output);
    close(fd);
    return DN_SUCCESS;
}

void dn_workplace_close(dn_workplace *w) {
    if (!w->folder) return;
    for (int i = 0; i < w->n_files; i++) {
        unlink(w->files[i]);
        free(w->files[i]);
    }
    for (int i = 0; i < w->n_inputs; i++) free(w->inputs[i]);
    unlink(w->log);
    if (w->beside) unlink(w->beside);
    rmdir(w->folder);
    free(w->files);
    free(w->inputs);
    free(w->log);
    free(w->beside);
    free(w->folder);
}

const char *dn_workplace_path(dn_workplace *w, const char *name) {
    char *path = dn_printf("%s/%s", w->folder, name);
    DN_PUSH(w->files, w->n_files, w->cap_files) = path;
    return path;
}

dn_status dn_workplace_write(dn_workplace *w, const char *name, const char *bytes, size_t size) {
    const char *path = dn_workplace_path(w, name);
    FILE *file = fopen(path, "wb");
    if (!file) return dn_fail_errno("cannot write %s", path);
    bool written = fwrite(bytes, 1, size, file) == size;
    bool closed = fclose(file) == 0;
    return written && closed ? DN_SUCCESS : dn_fail_errno("cannot write %s", path);
}

void dn_workplace_add_input(dn_workplace *w, const char *path) {
    DN_PUSH(w->inputs, w->n_inputs, w->cap_inputs) = dn_strdup(path);
}

static dn_status add_object(dn_workplace *w, const char *bytes, size_t size) {
    char *name = dn_printf("%d.o", w->n_inputs);
    dn_status status = dn_workplace_write(w, name, bytes, size);
    free(name);
    if (!status) dn_workplace_add_input(w, w->files[w->n_files - 1]);
    return status;
}

// Takes the bytes.
static dn_status add_data(dn_workplace *w, const char *name, char *bytes, size_t size) {
    char *object;
    size_t object_size;
    dn_status status = dn_data_object(name, bytes, size, &object, &object_size);
    free(bytes);
    DN_TRY(status);
    status = add_object(w, object, object_size);
    free(object);
    return status;
}

static dn_status add_image(dn_workplace *w, const dn_link *link) {
    char *bytes;
    size_t size;
    DN_TRY(dn_program_encode(link->image, &bytes, &size));
    DN_TRY(add_data(w, "dn_image", bytes, size));
    if (!link->cuda) return DN_SUCCESS;
    DN_TRY(dn_cuda_image_encode(link->cuda, &bytes, &size));
    return add_data(w, "dn_cuda_image", bytes, size);
}

dn_status dn_workplace_add_program(dn_workplace *w, const dn_link *link) {
    for (int i = 0; i < link->n_objects; i++)
        DN_TRY(add_object(w, link->objects[i].bytes, link->objects[i].size));
    return add_image(w, link);
}

// In the build tree the library lies beside the program, once installed in lib/dnet beside bin.
dn_status dn_find_runtime(const dn_link *link, char **out) {
    static const char *const places[] = {"libdn_runtime.a", "../lib/dnet/libdn_runtime.a"};
    char self[PATH_MAX] = "";
    if (link->runtime) {
        *out = dn_strdup(link->runtime);
        return access(*out, R_OK) == 0 ? DN_SUCCESS : dn_fail_errno("cannot read %s", *out);
    }
    if (readlink("/proc/self/exe", self, sizeof self - 1) < 0)
        return dn_fail_errno("cannot find out where this program is");
    char *slash = strrchr(self, '/');
    if (slash) *slash = 0;
    for (size_t i = 0; i < sizeof places / sizeof *places; i++) {
        *out = dn_printf("%s/%s", self, places[i]);
        if (access(*out, R_OK) == 0) return DN_SUCCESS;
        free(*out);
        *out = NULL;
    }
    return dn_with_hint(
        dn_fail(DN_NOT_FOUND, "there is no libdn_runtime.a, which programs are linked with"),
        "it belongs in %s or %s/../lib/dnet", self, self);
}

// ---- arguments -------------------------------------------------------------------------------

void dn_argument(dn_arguments *a, const char *fmt, ...) {
    va_list args;
    va_start(args, fmt);
    DN_PUSH(a->items, a->n, a->cap) = dn_vprintf(fmt, args);
    va_end(args);
}

// CC may have arguments of its own.
void dn_argument_compiler(dn_arguments *a) {
    const char *cc = getenv("CC");
    char *words = dn_strdup(cc && *cc ? cc : "cc"), *rest = words;
    for (char *word; (word = strsep(&rest, " "));)
        if (*word) dn_argument(a, "%s", word);
    if (a->n == 0) dn_argument(a, "cc");
    free(words);
}

void dn_argument_sanitizers(dn_arguments *a) {
#ifdef __SANITIZE_ADDRESS__
    dn_argument(a, "-fsanitize=address,undefined");
#else
    (void)a;
#endif
}

void dn_argument_inputs(dn_arguments *a, const dn_workplace *w) {
    for (int i = 0; i < w->n_inputs; i++) dn_argument(a, "%s", w->inputs[i]);
}

void dn_argument_archive(dn_arguments *a, dn_archive archive) {
    dn_argument(a, "-l:%s", archives[archive].file);
}

static void free_arguments(dn_arguments *a) {
    for (int i = 0; i < a->n; i++) free(a->items[i]);
    free(a->items);
    *a = (dn_arguments){0};
}

// ---- running ---------------------------------------------------------------------------------

static dn_status no_tool(const char *name, int error) {
    errno = error;
    if (strcmp(name, "ptxas") == 0)
        return dn_with_hint(dn_fail_errno("cannot run `ptxas`, which assembles PTX"),
                            "install NVIDIA's CUDA toolkit, or name its folder in CUDA_HOME; PTX "
                            "alone needs neither");
    dn_status status = dn_fail_errno("cannot run `%s`, which links programs", name);
    bool binutils = strcmp(name, "ar") == 0 || strcmp(name, "objcopy") == 0;
    return dn_with_hint(
        status, binutils ? "install binutils" : "install gcc or clang, or name a C compiler in CC");
}

// The packages of archives that the linker did not find, each with a space before it.
static char *missing_packages(const char *said) {
    dn_str packages = {0};
    for (int i = 0; i < DN_ARCHIVES; i++) {
        char *name = dn_printf("l:%s", archives[i].file);
        if (strstr(said, name)) dn_str_printf(&packages, " %s", archives[i].package);
        free(name);
    }
    return dn_str_take(&packages);
}

// The tool's own words become a note.
static dn_status tool_failure(const dn_workplace *w, const char *tool, const char *output) {
    char *log = NULL;
    size_t length = 0;
    dn_status_free(dn_read_file(w->log, &log, &length));
    const char *said = log ? log : "";
    dn_status status = dn_fail(DN_IO, "`%s` could not make %s", tool, output);
    if (*said) {
        size_t end = strlen(said);
        while (end && said[end - 1] == '\n') end--;
        status = dn_with_note(status, "%.*s", (int)end, said);
    }
    char *missing = missing_packages(said);
    if (*missing) status = dn_with_hint(status, "on Debian: apt install%s", missing);
    free(missing);
    free(log);
    return status;
}

static dn_status spawn(const dn_workplace *w, const dn_arguments *a, int *exit_status) {
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_addopen(&actions, STDERR_FILENO, w->log, O_WRONLY | O_CREAT | O_TRUNC,
                                     0600);
    posix_spawn_file_actions_adddup2(&actions, STDERR_FILENO, STDOUT_FILENO);
    pid_t pid;
    int error = posix_spawnp(&pid, a->items[0], &actions, NULL, a->items, environ);
    posix_spawn_file_actions_destroy(&actions);
    if (error) return no_tool(a->items[0], error);
    while (waitpid(pid, exit_status, 0) < 0)
        if (errno != EINTR) return dn_fail_errno("lost sight of `%s`", a->items[0]);
    return DN_SUCCESS;
}

dn_status dn_run_tool(const dn_workplace *w, dn_arguments *a, const char *output) {
    int exit_status = 0;
    DN_PUSH(a->items, a->n, a->cap) = NULL;
    dn_status status = spawn(w, a, &exit_status);
    if (!status && exit_status != 0) status = tool_failure(w, a->items[0], output);
    free_arguments(a);
    return status;
}

dn_status dn_workplace_deliver(const dn_workplace *w, const char *output) {
    return rename(w->beside, output) == 0 ? DN_SUCCESS : dn_fail_errno("cannot write %s", output);
}
