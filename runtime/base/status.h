// A dn_status is NULL on success, else an owned description of what went wrong.
//
// Ownership: whoever receives a non-NULL status must return it, or end it with dn_status_free.
// Library code reports user errors this way and never exits; abort is for broken invariants.
#ifndef DN_BASE_STATUS_H
#define DN_BASE_STATUS_H

#include <stdarg.h>
#include <stdbool.h>

typedef enum dn_code {
    DN_INVALID,      // the caller's values make no sense together
    DN_NOT_FOUND,    // a named thing does not exist
    DN_IO,           // the operating system refused
    DN_CORRUPT,      // a file's content is not what its format says
    DN_MEMORY,       // an allocation failed
    DN_UNSUPPORTED,  // valid, but this build or target cannot do it
    DN_INTERRUPTED,  // the user asked to stop
    DN_INTERNAL,     // a bug in dnet
} dn_code;

typedef struct dn_failure *dn_status;

#define DN_SUCCESS ((dn_status)0)
#define DN_MUST_USE __attribute__((warn_unused_result))
#define DN_NEVER_NULL __attribute__((returns_nonnull))
#define DN_PRINTF(fmt, args) __attribute__((format(printf, fmt, args)))

// Makes a failure with a formatted message (one line, no full stop, no newline).
dn_status dn_fail(dn_code code, const char *fmt, ...) DN_MUST_USE DN_NEVER_NULL DN_PRINTF(2, 3);
// As dn_fail(DN_IO or DN_NOT_FOUND), with ": " and strerror(errno) appended.
dn_status dn_fail_errno(const char *fmt, ...) DN_MUST_USE DN_NEVER_NULL DN_PRINTF(1, 2);
// Puts "context: " before the message of a failure; success stays success.
dn_status dn_annotate(dn_status status, const char *fmt, ...) DN_MUST_USE DN_PRINTF(2, 3);
// Adds a hint, shown on a line of its own; success stays success.
dn_status dn_with_hint(dn_status status, const char *fmt, ...) DN_MUST_USE DN_PRINTF(2, 3);

// Adds a note with the numbers behind the message; success stays success.
dn_status dn_with_note(dn_status status, const char *fmt, ...) DN_MUST_USE DN_PRINTF(2, 3);

dn_code dn_status_code(dn_status status);         // of a failure
const char *dn_status_message(dn_status status);  // of a failure; lives as long as it does
const char *dn_status_hint(dn_status status);     // NULL if there is none
const char *dn_status_note(dn_status status);     // NULL if there is none
void dn_status_free(dn_status status);            // accepts success

#define DN_TRY(expr)                             \
    do {                                         \
        dn_status dn_try_status = (expr);        \
        if (dn_try_status) return dn_try_status; \
    } while (0)

// Ends the process with a message and exit code 70: for broken invariants only.
_Noreturn void dn_panic(const char *file, int line, const char *fmt, ...) DN_PRINTF(3, 4);
#define DN_ASSERT(cond, ...)                                        \
    do {                                                            \
        if (!(cond)) dn_panic(__FILE__, __LINE__, " " __VA_ARGS__); \
    } while (0)

#endif
