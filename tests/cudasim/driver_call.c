// What all functions of the driver begin and end with.
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "tests/cudasim/driver_queue.h"

// One call at a time; work runs inside the call that waits for it.
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static const char *call_name = "cudasim";

static CUresult have_context(void) {
    sim_context *context = sim_current();
    if (!context) return sim_misuse(CUDA_ERROR_INVALID_CONTEXT, "no context is current");
    return sim_context_check(context);
}

CUresult sim_begin(const char *function, sim_need need) {
    pthread_mutex_lock(&lock);
    call_name = function;
    if (need == SIM_NOTHING) return CUDA_SUCCESS;
    if (!sim_initialized()) {
        return sim_misuse(CUDA_ERROR_NOT_INITIALIZED, "cuInit was not called, or failed");
    }
    if (need == SIM_INIT) return CUDA_SUCCESS;
    CUresult result = have_context();
    return result || need == SIM_CONTEXT ? result : sim_capture_forbids();
}

CUresult sim_end(CUresult result) {
    sim_take_problems();
    pthread_mutex_unlock(&lock);
    return result;
}

const char *sim_call_name(void) { return call_name; }

CUresult sim_refuse(CUresult result, const char *format, ...) {
    if (!sim_setting()->explain) return result;
    const char *name;
    va_list args;
    va_start(args, format);
    fprintf(stderr, "cudasim: %s: ", call_name);
    vfprintf(stderr, format, args);
    va_end(args);
    cuGetErrorName(result, &name);
    fprintf(stderr, " (%s)\n", name);
    return result;
}

CUresult sim_misuse(CUresult result, const char *format, ...) {
    char text[512];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    sim_problem(SIM_BAD_CALL, "%s: %s", call_name, text);
    return result;
}

void *sim_must_grow(void *items, size_t bytes) {
    void *grown = realloc(items, bytes ? bytes : 1);
    if (!grown) {
        fprintf(stderr, "cudasim: error: out of memory\n");
        _exit(2);
    }
    return grown;
}

void *sim_must_allocate(size_t bytes) {
    void *items = calloc(1, bytes ? bytes : 1);
    return items ? items : sim_must_grow(NULL, bytes);
}
