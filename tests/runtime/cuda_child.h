// Runs this program again, in a process of its own, with the simulated CUDA driver.
#ifndef DN_TESTS_CUDA_CHILD_H
#define DN_TESTS_CUDA_CHILD_H

#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "runtime/base/memory.h"

static const char driver[] = BUILD_DIR "/tests/cudasim/libcuda.so.1";

// What a child said, and its exit code.
typedef struct outcome {
    int code;
    char *text, *summary;
} outcome;

static char *take_file(const char *path) {
    char *text = NULL;
    size_t length;
    dn_status status = dn_read_file(path, &text, &length);
    bool there = !status;
    dn_status_free(status);
    unlink(path);
    return there ? text : dn_strdup("");
}

// "NAME=value" once or several times, separated by blanks.
static void set_environment(const char *settings) {
    char *copy = dn_strdup(settings);
    for (char *s = strtok(copy, " "); s; s = strtok(NULL, " ")) {
        char *equals = strchr(s, '=');
        *equals = 0;
        setenv(s, equals + 1, 1);
    }
    free(copy);
}

static outcome child(const char *self, const char *name, const char *settings) {
    char *log = dn_printf("/tmp/cuda_runtime_%d.log", (int)getpid());
    char *summary = dn_printf("/tmp/cuda_runtime_%d.json", (int)getpid());
    fflush(stdout);
    fflush(stderr);
    pid_t pid = fork();
    if (pid == 0) {
        setenv("DNET_CUDA_DRIVER", driver, 1);
        setenv("CUDASIM_SUMMARY", "1", 1);
        setenv("CUDASIM_SUMMARY_FILE", summary, 1);
        unsetenv("CUDA_VISIBLE_DEVICES");
        unsetenv("DNET_CUDA_SYNC");
        set_environment(settings);
        if (!freopen(log, "w", stdout) || dup2(fileno(stdout), fileno(stderr)) < 0) _exit(3);
        execl(self, self, name, (char *)NULL);
        _exit(4);
    }
    int wait_status = 0;
    waitpid(pid, &wait_status, 0);
    outcome o = {WIFEXITED(wait_status) ? WEXITSTATUS(wait_status) : -1, take_file(log),
                 take_file(summary)};
    free(log);
    free(summary);
    return o;
}

static void free_outcome(outcome *o) {
    free(o->text);
    free(o->summary);
}

// A number of the summary, or -1.
static long long counted(const outcome *o, const char *name) {
    char *key = dn_printf("\"%s\":", name);
    const char *found = strstr(o->summary, key);
    long long value = found ? atoll(found + strlen(key)) : -1;
    free(key);
    return value;
}

#endif
