#include "runtime/base/status.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "runtime/base/memory.h"

struct dn_failure {
    dn_code code;
    char *message;
    char *hint;
    char *note;
};

static dn_status failure_new(dn_code code, char *message) {
    dn_status status = dn_xmalloc(sizeof *status);
    *status = (struct dn_failure){.code = code, .message = message};
    return status;
}

dn_status dn_fail(dn_code code, const char *fmt, ...) {
    va_list args;
    va_start(args, fmt);
    char *message = dn_vprintf(fmt, args);
    va_end(args);
    return failure_new(code, message);
}

dn_status dn_fail_errno(const char *fmt, ...) {
    int error = errno;
    va_list args;
    va_start(args, fmt);
    char *context = dn_vprintf(fmt, args);
    va_end(args);
    char *message = dn_printf("%s: %s", context, strerror(error));
    free(context);
    return failure_new(error == ENOENT ? DN_NOT_FOUND : DN_IO, message);
}

dn_status dn_annotate(dn_status status, const char *fmt, ...) {
    if (!status) return status;
    va_list args;
    va_start(args, fmt);
    char *context = dn_vprintf(fmt, args);
    va_end(args);
    char *message = dn_printf("%s: %s", context, status->message);
    free(context);
    free(status->message);
    status->message = message;
    return status;
}

dn_status dn_with_hint(dn_status status, const char *fmt, ...) {
    if (!status) return status;
    va_list args;
    va_start(args, fmt);
    free(status->hint);
    status->hint = dn_vprintf(fmt, args);
    va_end(args);
    return status;
}

dn_status dn_with_note(dn_status status, const char *fmt, ...) {
    if (!status) return status;
    va_list args;
    va_start(args, fmt);
    char *note = dn_vprintf(fmt, args);  // which may have the old one in it
    va_end(args);
    free(status->note);
    status->note = note;
    return status;
}

dn_code dn_status_code(dn_status status) { return status->code; }

const char *dn_status_message(dn_status status) { return status->message; }

const char *dn_status_hint(dn_status status) { return status->hint; }

const char *dn_status_note(dn_status status) { return status->note; }

void dn_status_free(dn_status status) {
    if (!status) return;
    free(status->message);
    free(status->hint);
    free(status->note);
    free(status);
}

void dn_panic(const char *file, int line, const char *fmt, ...) {
    va_list args;
    va_start(args, fmt);
    fprintf(stderr, "dnet: internal error at %s:%d: ", file, line);
    vfprintf(stderr, fmt, args);
    fputs("\n", stderr);
    va_end(args);
    _Exit(70);  // the exit code of internal errors, also in programs that embed the runtime
}
