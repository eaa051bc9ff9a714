// What is counted, and the end of the process: leaks, the summary and the exit code.
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tests/cudasim/driver_state.h"

enum { EXIT_CODE = 86 };

sim_counts sim_count;
static int problems;  // that no test was meant to have

// Problems are counted here, because there is more to say at the end than problem.c has.
void sim_take_problems(void) {
    for (int i = 0; i < SIM_PROBLEM_KINDS; i++) problems += sim_problems((sim_problem_kind)i);
    sim_problems_forget();
}

static const struct count {
    const char *name;
    const long long *value;
} counts[] = {
#define SIM_COUNT(name) {#name, &sim_count.name},
#include "tests/cudasim/driver_counts.def"
#undef SIM_COUNT
};
enum { N_COUNTS = sizeof counts / sizeof *counts };

long long cudasim_count(const char *name) {
    if (strcmp(name, "problems") == 0) return problems;
    for (int i = 0; i < N_COUNTS; i++) {
        if (strcmp(counts[i].name, name) == 0) return *counts[i].value;
    }
    return -1;
}

void cudasim_forgive(void) { problems = 0; }

static void write_summary(void) {
    const char *wanted = getenv("CUDASIM_SUMMARY"), *path = getenv("CUDASIM_SUMMARY_FILE");
    if (!wanted || strcmp(wanted, "1") != 0) return;
    FILE *file = path ? fopen(path, "w") : stderr;
    if (!file) {
        fprintf(stderr, "cudasim: error: cannot write %s\n", path);
        problems++;
        return;
    }
    fprintf(file, "{");
    for (int i = 0; i < N_COUNTS; i++)
        fprintf(file, "\"%s\": %lld, ", counts[i].name, *counts[i].value);
    fprintf(file, "\"problems\": %d}\n", problems);
    if (path) fclose(file);
}

static void report_leaks(void) {
    for (sim_context *c = NULL; (c = sim_object_next(SIM_IS_CONTEXT, c));) {
        sim_object_leaks(c);
        if (!c->error) {
            sim_problem(SIM_LEAK, "context %d was not %s", c->object.number,
                        c->primary ? "released" : "destroyed");
        }
    }
}

// As the real library does, it stays when it is closed: there may be contexts.
__attribute__((constructor)) static void stay(void) {
    Dl_info info;
    if (dladdr((void *)stay, &info)) dlopen(info.dli_fname, RTLD_NOW | RTLD_NOLOAD | RTLD_NODELETE);
}

__attribute__((destructor)) static void at_end(void) {
    report_leaks();
    sim_take_problems();
    write_summary();
    if (!problems) return;
    fprintf(stderr, "cudasim: %d problem%s\n", problems, problems == 1 ? "" : "s");
    fflush(NULL);
    _exit(EXIT_CODE);
}
