#include "runtime/native/trace.h"

#include <stdio.h>
#include <stdlib.h>

#include "runtime/base/memory.h"

struct dn_trace {
    FILE *file;
    char *path;
    double begin;
};

static void write_text(FILE *file, const char *text) {
    fputc('"', file);
    for (const unsigned char *c = (const unsigned char *)text; *c; c++) {
        if (*c < ' ' || *c == '"' || *c == '\\')
            fprintf(file, "\\u%04x", *c);
        else
            fputc(*c, file);
    }
    fputc('"', file);
}

// All events of a file are of one process and one thread.
static void begin_event(const dn_trace *trace, const char *phase, const char *name) {
    fprintf(trace->file, ",\n{\"ph\":\"%s\",\"pid\":1,\"tid\":1,\"name\":", phase);
    write_text(trace->file, name);
}

static double microseconds(const dn_trace *trace, double when) {
    return (when - trace->begin) * 1e6;
}

dn_status dn_trace_new(const char *path, const char *name, double begin, dn_trace **out) {
    FILE *file = fopen(path, "w");
    if (!file) return dn_fail_errno("%s", path);
    dn_trace *trace = dn_xcalloc(1, sizeof *trace);
    *trace = (dn_trace){.file = file, .path = dn_strdup(path), .begin = begin};
    fputs("[\n{\"ph\":\"M\",\"pid\":1,\"name\":\"process_name\",\"args\":{\"name\":", file);
    write_text(file, name);
    fputs("}}", file);
    *out = trace;
    return DN_SUCCESS;
}

void dn_trace_add(dn_trace *trace, const dn_trace_event *event) {
    begin_event(trace, "X", event->name);
    fprintf(trace->file, ",\"cat\":\"%s\",\"ts\":%.3f,\"dur\":%.3f", event->category,
            microseconds(trace, event->begin), (event->end - event->begin) * 1e6);
    if (event->line) {
        fputs(",\"args\":{\"line\":", trace->file);
        write_text(trace->file, event->line);
        fprintf(trace->file, ",\"GFLOP\":%.6g,\"MB\":%.6g}", event->flops * 1e-9,
                event->bytes * 1e-6);
    }
    fputc('}', trace->file);
}

void dn_trace_note(dn_trace *trace, const char *text, double when) {
    begin_event(trace, "i", text);
    fprintf(trace->file, ",\"s\":\"p\",\"ts\":%.3f}", microseconds(trace, when));
}

dn_status dn_trace_end(dn_trace *trace) {
    dn_status status = DN_SUCCESS;
    fputs("\n]\n", trace->file);
    bool failed = ferror(trace->file) != 0;
    if (fclose(trace->file) != 0 || failed)
        status = dn_fail(DN_IO, "%s: it could not be written", trace->path);
    free(trace->path);
    free(trace);
    return status;
}
