// Trying cases in child processes, so that code that crashes or hangs ends the child alone.
#ifndef DN_TESTS_NATIVE_TRIAL_H
#define DN_TESTS_NATIVE_TRIAL_H

#include <fcntl.h>
#include <sys/wait.h>

#include "tests/native/random_graph.h"
#include "tests/native/verdict.h"

typedef struct trial {
    const backend *backend;
    bool isa[DN_ISA_COUNT];
    int level;
} trial;

typedef enum verdict { RIGHT, WRONG, REFUSED, CRASHED } verdict;

// What a child said, in memory that it shares; how a message ends tells what kind it is.
typedef struct complaint {
    char text[512];
} complaint;

// A child's exit code: FIRST_EXIT + verdict. A busy machine, or a stopped one, is no hang.
enum { CHILD_SECONDS = 200, FIRST_EXIT = 100 };

// In this process.
static inline verdict try_here(const trial *t, const run_case *c, dn_str *wrong) {
    reference r = {0};
    verdict v = RIGHT;
    dn_status status = reference_new(c, &r);
    for (int isa = 0; isa < DN_ISA_COUNT && !status && v == RIGHT; isa++) {
        void *compiled;
        if (!t->isa[isa]) continue;
        dn_status refusal = t->backend->compile(c, 1, (dn_isa)isa, t->level, &compiled);
        if (refusal) {
            dn_str_printf(wrong, "compiling it: %s", dn_status_message(refusal));
            dn_status_free(refusal);
            v = REFUSED;
            break;
        }
        if (!right_on(t->backend, compiled, 0, c, (dn_isa)isa, &r, wrong)) v = WRONG;
        t->backend->free(compiled);
    }
    dn_status_free(status);  // what the interpreter cannot run says nothing
    reference_free(&r);
    return v;
}

// In a child, silently.
static inline verdict try_apart(const trial *t, const run_case *c, complaint *said) {
    said->text[0] = 0;
    fflush(NULL);
    pid_t child = fork();
    DN_ASSERT(child >= 0, "no child process");
    if (child == 0) {
        dn_str wrong = {0};
        int null = open("/dev/null", O_WRONLY);
        if (null >= 0) dup2(null, STDERR_FILENO);
        alarm(CHILD_SECONDS);
        verdict v = try_here(t, c, &wrong);
        if (wrong.text) snprintf(said->text, sizeof said->text, "%s", wrong.text);
        _exit(FIRST_EXIT + (int)v);
    }
    int status;
    DN_ASSERT(waitpid(child, &status, 0) == child, "lost a child process");
    if (WIFEXITED(status) && WEXITSTATUS(status) >= FIRST_EXIT &&
        WEXITSTATUS(status) <= FIRST_EXIT + CRASHED)
        return (verdict)(WEXITSTATUS(status) - FIRST_EXIT);
    if (WIFSIGNALED(status))
        snprintf(said->text, sizeof said->text, "it was killed: %s", strsignal(WTERMSIG(status)));
    else
        snprintf(said->text, sizeof said->text, "it ended with exit code %d", WEXITSTATUS(status));
    return CRASHED;
}

// ---- many at a time -------------------------------------------------------------------------

enum { MOST_BATCH = 64 };

// What a child that tries a batch leaves behind, in shared memory.
typedef struct batch_result {
    int done;  // cases; -1: still compiling
    bool failed[MOST_BATCH];
    int64_t nodes;  // tried
    complaint said;
} batch_result;

static inline void run_batch(const trial *t, const run_case *cases, int n, batch_result *result) {
    reference references[MOST_BATCH] = {0};
    bool failed[MOST_BATCH] = {false};
    dn_str wrong = {0};
    for (int i = 0; i < n; i++) {
        dn_status status = reference_new(&cases[i], &references[i]);
        if (status) dn_panic(__FILE__, __LINE__, "%s", dn_status_message(status));
        result->nodes += cases[i].graph->n_nodes;
    }
    for (int isa = 0; isa < DN_ISA_COUNT; isa++) {
        void *compiled;
        if (!t->isa[isa]) continue;
        dn_status status = t->backend->compile(cases, n, (dn_isa)isa, t->level, &compiled);
        if (status) _exit(FIRST_EXIT + REFUSED);  // one of them: each is tried alone
        for (int i = 0; i < n; i++) {
            result->done = i;
            if (!failed[i])
                failed[i] = result->failed[i] = !right_on(t->backend, compiled, i, &cases[i],
                                                          (dn_isa)isa, &references[i], &wrong);
        }
        t->backend->free(compiled);
        result->done = -1;
    }
    free(wrong.text);
    for (int i = 0; i < n; i++) reference_free(&references[i]);
    result->done = n;
}

// Cases of `n` seeds from `first`; the seeds that fail are marked in result.
static inline void try_batch(const trial *t, dn_dims *dims, uint64_t first, int n,
                             batch_result *result) {
    *result = (batch_result){.done = -1};
    fflush(NULL);
    pid_t child = fork();
    DN_ASSERT(child >= 0, "no child process");
    if (child == 0) {
        run_case cases[MOST_BATCH];
        alarm(CHILD_SECONDS);
        for (int i = 0; i < n; i++) cases[i] = random_case(dims, first + (uint64_t)i);
        run_batch(t, cases, n, result);
        for (int i = 0; i < n; i++) free_case(&cases[i]);
        dn_dims_free(dims);
        exit(0);  // and not _exit: the leak checker looks at it
    }
    int status;
    DN_ASSERT(waitpid(child, &status, 0) == child, "lost a child process");
    if (WIFEXITED(status) && WEXITSTATUS(status) == 0) return;
    bool any = false;
    for (int i = 0; i < n; i++) {
        run_case c = random_case(dims, first + (uint64_t)i);
        result->failed[i] = try_apart(t, &c, &result->said) != RIGHT;
        any |= result->failed[i];
        free_case(&c);
    }
    result->failed[0] |= !any;  // of all of them together: a leak, perhaps
}

#endif
