// A C test is a main() of CHECKs, ended by `return CHECK_RESULT();`.
#ifndef DN_TESTS_CHECK_H
#define DN_TESTS_CHECK_H

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "runtime/base/status.h"

static int check_count, check_failures;

#define CHECK(cond, ...)                                                       \
    do {                                                                       \
        check_count++;                                                         \
        if (!(cond)) {                                                         \
            check_failures++;                                                  \
            fprintf(stderr, "%s:%d: failed: %s  ", __FILE__, __LINE__, #cond); \
            fprintf(stderr, " " __VA_ARGS__);                                  \
            fputc('\n', stderr);                                               \
        }                                                                      \
    } while (0)

// Checks that an expression of type dn_status succeeded; prints its message if not.
#define CHECK_OK(expr)                                                                   \
    do {                                                                                 \
        dn_status check_status = (expr);                                                 \
        CHECK(!check_status, "%s", check_status ? dn_status_message(check_status) : ""); \
        dn_status_free(check_status);                                                    \
    } while (0)

// Checks that it failed with a message that contains `text`.
#define CHECK_FAILS(expr, text)                                                        \
    do {                                                                               \
        dn_status check_status = (expr);                                               \
        CHECK(check_status &&strstr(dn_status_message(check_status), text), "got: %s", \
              check_status ? dn_status_message(check_status) : "success");             \
        dn_status_free(check_status);                                                  \
    } while (0)

#define CHECK_NEAR(a, b, tolerance)                                                         \
    do {                                                                                    \
        double check_a = (a), check_b = (b);                                                \
        CHECK(fabs(check_a - check_b) <= (tolerance), "%.17g and %.17g", check_a, check_b); \
    } while (0)

#define CHECK_RESULT()                                                               \
    (printf("%d passed, %d failed\n", check_count - check_failures, check_failures), \
     check_failures ? 1 : 0)

#endif
