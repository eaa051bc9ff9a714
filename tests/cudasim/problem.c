// What was found is printed at once, and makes the process end with code 86.
#include <pthread.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "tests/cudasim/sim.h"

enum { EXIT_CODE = 86 };

static const char *const kind_names[SIM_PROBLEM_KINDS] = {
    [SIM_OUT_OF_BOUNDS] = "out of bounds",
    [SIM_MISALIGNED] = "misaligned",
    [SIM_UNWRITTEN] = "unwritten",
    [SIM_RACE] = "race",
    [SIM_DIVERGENT_BARRIER] = "divergent barrier",
    [SIM_DEADLOCK] = "deadlock",
    [SIM_BAD_INSTRUCTION] = "bad instruction",
    [SIM_LEAK] = "leak",
    [SIM_BAD_CALL] = "bad call",
};

static atomic_int counts[SIM_PROBLEM_KINDS];
static pthread_once_t once = PTHREAD_ONCE_INIT;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

static void end_process(void) {
    for (int i = 0; i < SIM_PROBLEM_KINDS; i++) {
        if (counts[i] == 0) continue;
        fflush(NULL);
        _exit(EXIT_CODE);
    }
}

static void register_end(void) { atexit(end_process); }

void sim_problem(sim_problem_kind kind, const char *format, ...) {
    pthread_once(&once, register_end);
    atomic_fetch_add(&counts[kind], 1);
    va_list args;
    va_start(args, format);
    pthread_mutex_lock(&lock);
    fprintf(stderr, "cudasim: error: %s: ", kind_names[kind]);
    vfprintf(stderr, format, args);
    fputc('\n', stderr);
    pthread_mutex_unlock(&lock);
    va_end(args);
}

int sim_problems(sim_problem_kind kind) { return atomic_load(&counts[kind]); }

void sim_problems_forget(void) {
    for (int i = 0; i < SIM_PROBLEM_KINDS; i++) atomic_store(&counts[i], 0);
}
