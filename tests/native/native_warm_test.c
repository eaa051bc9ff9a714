// Once warm, a run allocates its outputs and nothing else: every call of malloc and its like is
// counted.
#include <errno.h>
#include <stdlib.h>

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)

// A sanitizer has its own malloc.
int main(void) { return 0; }

#else

#include "runtime/native/native.h"
#include "tests/check.h"
#include "tests/count_malloc.h"

enum { TASKS = 64, PER_OUTPUT = 2 };  // a tensor and its elements

// args: scratch, variable, output
static void kernel(void *const *args, int64_t begin, int64_t end, dn_native_fault *fault) {
    float *scratch = args[0], *variable = args[1], *output = args[2];
    (void)fault;
    for (int64_t i = begin; i < end; i++) {
        scratch[i] = variable[i] + 1;
        variable[i] = scratch[i];
        if (i == 0) *output = scratch[i];
    }
}

int main(void) {
    static const dn_native_arg args[] = {
        {DN_PLACE_ARENA, 0, 0}, {DN_PLACE_VAR, 0, 0}, {DN_PLACE_OUTPUT, 0, 0}};
    static const dn_native_launch launches[] = {
        {.kind = DN_LAUNCH_RANDOM, .dtype = DN_F32, .normal = true, .n_args = 1, .tasks = TASKS},
        {.n_args = 3, .tasks = TASKS, .commits = true}};
    dn_native_entry code = {
        .arena_bytes = 1 << 20, .launches = launches, .n_launches = 2, .args = args, .n_args = 3};
    dn_field output = {.name = "y", .dtype = DN_F32};
    dn_entry entry = {.name = "e", .n_outputs = 1, .outputs = &output, .n_vars = 1};
    dn_native_kernel *kernels[] = {kernel};
    dn_shape shape = dn_shape_of(1, (int64_t[]){TASKS});
    dn_pool *pool;
    dn_native_runner *runner;
    dn_tensor *variable, *result;
    CHECK_OK(dn_pool_new(2, &pool));
    CHECK_OK(dn_native_runner_new(pool, &runner));
    CHECK_OK(dn_tensor_zeros(DN_F32, &shape, &variable));
    long before = 0;
    for (int i = 0; i < 11; i++) {
        if (i == 1) before = allocations;  // the first run makes room
        CHECK_OK(dn_native_run(runner, &code, kernels,
                               &(dn_native_call){&entry, NULL, &variable, &result, 0, 0}, NULL));
        dn_tensor_release(result);
    }
    CHECK(allocations - before == 10 * PER_OUTPUT, "%ld", allocations - before);
    CHECK(dn_tensor_get(variable, TASKS - 1) == 11);
    dn_tensor_release(variable);
    dn_native_runner_free(runner);
    dn_pool_free(pool);
    return CHECK_RESULT();
}

#endif
