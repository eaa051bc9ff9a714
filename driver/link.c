#include "driver/link.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;

// Archives that the runtime uses, and Debian's packages of them.
static const struct {
    const char *file, *package;
} archives[] = {
    {"libpng16.a", "libpng-dev"},
    {"libjpeg.a", "libjpeg62-turbo-dev"},
    {"libjansson.a", "libjansson-dev"},
    {"libz.a", "zlib1g-dev"},
};
enum { N_ARCHIVES = sizeof archives / sizeof *archives };

// ---- files -----------------------------------------------------------------------------------

// A folder of our own for the linker's inputs, and what it says.
typedef struct workplace {
    char *folder;
    char **files;
    int n_files, cap_files;
    char *log;
    char *beside;  // the output until it is done
} workplace;

static dn_status open_workplace(workplace *w, const char *output) {
    const char *base = getenv("TMPDIR");
    *w = (workplace){.folder = dn_printf("%s/dnetc-XXXXXX", base && *base ? base : "/tmp")};
    if (!mkdtemp(w->folder)) {
        dn_status status = dn_fail_errno("cannot make the folder %s", w->folder);
        free(w->folder);
        w->folder = NULL;
        return status;
    }
    w->log = dn_printf("%s/log", w->folder);
    w->beside = dn_printf("%s.tmp-%ld", output, (long)getpid());
    // Says at once, and better than the linker, that the output cannot be there.
    int fd = open(w->beside, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
    if (fd < 0) return dn_fail_errno("cannot write %s", output);
    close(fd);
    return DN_SUCCESS;
}

static void close_workplace(workplace *w) {
    if (!w->folder) return;
    for (int i = 0; i < w->n_files; i++) {
        unlink(w->files[i]);
        free(w->files[i]);
    }
    unlink(w->log);
    if (w->beside) unlink(w->beside);
    rmdir(w->folder);
    free(w->files);
    free(w->log);
    free(w->beside);
    free(w->folder);
}

static dn_status add_object(workplace *w, const char *bytes, size_t size) {
    char *path = dn_printf("%s/%d.o", w->folder, w->n_files);
    DN_PUSH(w->files, w->n_files, w->cap_files) = path;
    FILE *file = fopen(path, "wb");
    if (!file) return dn_fail_errno("cannot write %s", path);
    bool written = fwrite(bytes, 1, size, file) == size;
    bool closed = fclose(file) == 0;
    return written && closed ? DN_SUCCESS : dn_fail_errno("cannot write %s", path);
}

static dn_status add_image(workplace *w, const dn_program_image *image) {
    char *bytes, *object;
    size_t size, object_size;
    DN_TRY(dn_program_encode(image, &bytes, &size));
    dn_object_of_image(bytes, size, &object, &object_size);
    free(bytes);
    dn_status status = add_object(w, object, object_size);
    free(object);
    return status;
}

static dn_status add_inputs(workplace *w, const dn_link *link) {
    for (int i = 0; i < link->n_objects; i++)
        DN_TRY(add_object(w, link->objects[i].bytes, link->objects[i].size));
    return add_image(w, link->image);
}

// In the build tree the library lies beside the program, once installed in lib/dnet beside bin.
static dn_status find_runtime(const dn_link *link, char **out) {
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

// ---- the linker ------------------------------------------------------------------------------

typedef struct arguments {
    char **items;
    int n, cap;
} arguments;

static void add(arguments *a, const char *text) {
    DN_PUSH(a->items, a->n, a->cap) = text ? dn_strdup(text) : NULL;
}

static void free_arguments(arguments *a) {
    for (int i = 0; i < a->n; i++) free(a->items[i]);
    free(a->items);
}

// CC may have arguments of its own.
static void add_compiler(arguments *a) {
    const char *cc = getenv("CC");
    char *words = dn_strdup(cc && *cc ? cc : "cc"), *rest = words;
    for (char *word; (word = strsep(&rest, " "));)
        if (*word) add(a, word);
    if (a->n == 0) add(a, "cc");
    free(words);
}

static void add_files(arguments *a, const workplace *w) {
    add(a, "-o");
    add(a, w->beside);
    for (int i = 0; i < w->n_files; i++) add(a, w->files[i]);
}

static arguments executable_arguments(const workplace *w, const char *runtime, bool symbols) {
    arguments a = {0};
    add_compiler(&a);
#ifdef __SANITIZE_ADDRESS__
    add(&a, "-fsanitize=address,undefined");  // the library was compiled so
#endif
    add_files(&a, w);
    add(&a, runtime);
    for (int i = 0; i < N_ARCHIVES; i++) {
        char *name = dn_printf("-l:%s", archives[i].file);
        add(&a, name);
        free(name);
    }
    add(&a, "-lm");
    add(&a, "-pthread");
    add(&a, "-Wl,--gc-sections");
    if (!symbols) add(&a, "-s");
    add(&a, NULL);
    return a;
}

static arguments object_arguments(const workplace *w) {
    arguments a = {0};
    add_compiler(&a);
    add(&a, "-r");
    add(&a, "-nostdlib");
    add_files(&a, w);
    add(&a, NULL);
    return a;
}

static dn_status no_compiler(const char *name, int error) {
    errno = error;
    dn_status status = dn_fail_errno("cannot run `%s`, which links programs", name);
    return dn_with_hint(status, "install gcc or clang, or name a C compiler in CC");
}

// The packages of archives that the linker did not find, each with a space before it.
static char *missing_packages(const char *said) {
    dn_str packages = {0};
    for (int i = 0; i < N_ARCHIVES; i++) {
        char *name = dn_printf("l:%s", archives[i].file);
        if (strstr(said, name)) dn_str_printf(&packages, " %s", archives[i].package);
        free(name);
    }
    return dn_str_take(&packages);
}

// The linker's own words become a note.
static dn_status link_failure(const workplace *w, const arguments *a, const char *output) {
    char *log = NULL;
    size_t length = 0;
    dn_status_free(dn_read_file(w->log, &log, &length));
    const char *said = log ? log : "";
    dn_status status = dn_fail(DN_IO, "`%s` could not link %s", a->items[0], output);
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

static dn_status spawn(const workplace *w, const arguments *a, int *exit_status) {
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_addopen(&actions, STDERR_FILENO, w->log, O_WRONLY | O_CREAT | O_TRUNC,
                                     0600);
    posix_spawn_file_actions_adddup2(&actions, STDERR_FILENO, STDOUT_FILENO);
    pid_t pid;
    int error = posix_spawnp(&pid, a->items[0], &actions, NULL, a->items, environ);
    posix_spawn_file_actions_destroy(&actions);
    if (error) return no_compiler(a->items[0], error);
    while (waitpid(pid, exit_status, 0) < 0)
        if (errno != EINTR) return dn_fail_errno("lost sight of `%s`", a->items[0]);
    return DN_SUCCESS;
}

static dn_status run_linker(const workplace *w, const arguments *a, const char *output) {
    int exit_status = 0;
    DN_TRY(spawn(w, a, &exit_status));
    if (exit_status != 0) return link_failure(w, a, output);
    if (rename(w->beside, output) != 0) return dn_fail_errno("cannot write %s", output);
    return DN_SUCCESS;
}

// ---- the whole -------------------------------------------------------------------------------

static dn_status link_in(workplace *w, const dn_link *link) {
    char *runtime = NULL;
    dn_status status = find_runtime(link, &runtime);
    if (!status) status = add_inputs(w, link);
    if (!status) {
        arguments a = executable_arguments(w, runtime, link->symbols);
        status = run_linker(w, &a, link->output);
        free_arguments(&a);
    }
    free(runtime);
    return status;
}

dn_status dn_link_executable(const dn_link *link) {
    workplace w;
    dn_status status = open_workplace(&w, link->output);
    if (!status) status = link_in(&w, link);
    close_workplace(&w);
    return status;
}

dn_status dn_link_object(const dn_link *link) {
    workplace w;
    dn_status status = open_workplace(&w, link->output);
    if (!status) status = add_inputs(&w, link);
    if (!status) {
        arguments a = object_arguments(&w);
        status = run_linker(&w, &a, link->output);
        free_arguments(&a);
    }
    close_workplace(&w);
    return status;
}
