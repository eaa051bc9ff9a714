// A trace of a run in Chrome's format, for chrome://tracing and Perfetto: an array of events as
// JSON, written as they come. The array's end may be missing: then the program was killed.
#ifndef DN_RUNTIME_NATIVE_TRACE_H
#define DN_RUNTIME_NATIVE_TRACE_H

#include "runtime/base/status.h"

typedef struct dn_trace dn_trace;

typedef struct dn_trace_event {
    const char *name, *category;
    const char *line;     // "gan.dnet:31", or NULL
    double flops, bytes;  // with a line
    double begin, end;    // dn_seconds()
} dn_trace_event;

// Makes the file. Events are told in seconds since `begin`; `name` is the program's.
dn_status dn_trace_new(const char *path, const char *name, double begin,
                       dn_trace **out) DN_MUST_USE;
void dn_trace_add(dn_trace *trace, const dn_trace_event *event);
// Something to know, shown at a moment.
void dn_trace_note(dn_trace *trace, const char *text, double when);
// Closes the file and frees the trace. Fails if something could not be written.
dn_status dn_trace_end(dn_trace *trace) DN_MUST_USE;

#endif
