// Files written beside their place: what a reader sees, and what is left.
#include "runtime/base/replace.h"

#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "runtime/base/memory.h"
#include "tests/check.h"

static char folder[64];

static char *in_folder(const char *name) { return dn_printf("%s/%s", folder, name); }

static bool exists(const char *name) {
    char *path = in_folder(name);
    bool there = access(path, F_OK) == 0;
    free(path);
    return there;
}

static void write_text(const char *path, const char *text, dn_status outcome, bool durable) {
    dn_replace replace;
    CHECK_OK(dn_replace_open(&replace, path));
    fputs(text, replace.file);
    dn_status status = dn_replace_close(&replace, outcome, durable);
    dn_status_free(status);
}

static void check_text(const char *path, const char *wanted) {
    char *text;
    size_t length;
    dn_status status = dn_read_file(path, &text, &length);
    CHECK(!status && strcmp(text, wanted) == 0, "%s", path);
    if (!status) free(text);
    dn_status_free(status);
}

static void touch(const char *name) {
    char *path = in_folder(name);
    FILE *file = fopen(path, "wb");
    CHECK(file != NULL, "%s", path);
    if (file) fclose(file);
    free(path);
}

// The id of a process that has ended.
static long dead_process(void) {
    pid_t child = fork();
    if (child == 0) _exit(0);
    waitpid(child, NULL, 0);
    return (long)child;
}

static void check_left_behind(void) {
    char *path = in_folder("a.txt"), *dead = dn_printf("a.txt.tmp-%ld", dead_process());
    char *alive = dn_printf("a.txt.tmp-%ld", (long)getppid());
    touch(dead);
    touch(alive);
    touch("a.txt.tmp-notes");
    touch("b.txt.tmp-1");
    write_text(path, "three", DN_SUCCESS, true);
    CHECK(!exists(dead), "a dead process's file stays");
    CHECK(exists(alive), "a living process's file went");
    CHECK(exists("a.txt.tmp-notes") && exists("b.txt.tmp-1"), "another's file went");
    free(path);
    free(dead);
    free(alive);
}

// A link stays, and what it points at is replaced.
static void check_link(void) {
    char *file = in_folder("far.txt"), *link = in_folder("link.txt");
    write_text(file, "old", DN_SUCCESS, false);
    CHECK(symlink("far.txt", link) == 0);
    write_text(link, "new", DN_SUCCESS, true);
    struct stat s;
    CHECK(lstat(link, &s) == 0 && S_ISLNK(s.st_mode), "the link went");
    check_text(file, "new");
    free(file);
    free(link);
}

// What is no file is written to and stays what it is.
static void check_no_file(void) {
    struct stat s;
    dn_replace replace;
    write_text("/dev/null", "nothing", DN_SUCCESS, true);
    CHECK(stat("/dev/null", &s) == 0 && S_ISCHR(s.st_mode), "/dev/null went");
    char *pipe = in_folder("pipe"), text[8] = "";
    CHECK(mkfifo(pipe, 0600) == 0);
    int reader = open(pipe, O_RDONLY | O_NONBLOCK);
    write_text(pipe, "four", DN_SUCCESS, false);
    CHECK(read(reader, text, sizeof text - 1) == 4 && strcmp(text, "four") == 0, "%s", text);
    CHECK(stat(pipe, &s) == 0 && S_ISFIFO(s.st_mode), "the pipe went");
    close(reader);
    CHECK_OK(dn_replace_open(&replace, "/dev/full"));
    fputs("much", replace.file);
    CHECK_FAILS(dn_replace_close(&replace, DN_SUCCESS, false),
                "/dev/full: cannot write: No space left");
    CHECK_FAILS(dn_replace_open(&replace, folder), "cannot write: Is a directory");
    free(pipe);
}

int main(void) {
    snprintf(folder, sizeof folder, "/tmp/dnet_replace_XXXXXX");
    CHECK(mkdtemp(folder) != NULL, "%s", folder);
    char *path = in_folder("a.txt");
    write_text(path, "one", DN_SUCCESS, false);
    check_text(path, "one");
    write_text(path, "two", dn_fail(DN_CORRUPT, "no"), true);
    check_text(path, "one");
    char *nowhere = in_folder("none/a.txt");
    dn_replace replace;
    CHECK_FAILS(dn_replace_open(&replace, nowhere), "none/a.txt: cannot write: No such file");
    check_left_behind();
    check_text(path, "three");
    check_link();
    check_no_file();
    free(nowhere);
    free(path);
    char *remove = dn_printf("rm -r %s", folder);
    CHECK(system(remove) == 0, "%s", remove);
    free(remove);
    return CHECK_RESULT();
}
