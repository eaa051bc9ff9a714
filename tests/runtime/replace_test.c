// Files written beside their place: what a reader sees, and what is left.
#include "runtime/base/replace.h"

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
    free(nowhere);
    free(path);
    char *remove = dn_printf("rm -r %s", folder);
    CHECK(system(remove) == 0, "%s", remove);
    free(remove);
    return CHECK_RESULT();
}
