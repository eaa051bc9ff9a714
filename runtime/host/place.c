// Where in the program's source a failure happened.
#include <string.h>

#include "runtime/host/run.h"

bool dn_host_place(const char *message, size_t *length) {
    const char *end = strstr(message, ": ");
    if (!end) return false;
    const char *c = end;
    for (int part = 0; part < 2; part++) {
        const char *digits_end = c;
        while (c > message && c[-1] >= '0' && c[-1] <= '9') c--;
        if (c == digits_end || c == message || c[-1] != ':') return false;
        c--;
    }
    *length = (size_t)(end - message);
    return c > message;
}

// Whether a message begins with a place in the source already, as an executor's may. (A place in a
// data file is another matter.)
static bool names_source(const char *message, const dn_location *place) {
    size_t length;
    if (!dn_host_place(message, &length)) return false;
    size_t path = strcspn(message, ":");
    if (path == strlen(place->path) && memcmp(message, place->path, path) == 0) return true;
    return path > 5 && memcmp(message + path - 5, ".dnet", 5) == 0;
}

static const dn_location *place_of(const dn_run *run, int frame) {
    const dn_command *command = &run->program->commands[run->frames[frame].command];
    int pc = run->frames[frame].pc - 1;
    return command->places && pc >= 0 ? &command->places[pc] : NULL;
}

// The innermost command's place first, its caller's in a note.
dn_status dn_host_locate(const dn_run *run, dn_status status) {
    if (dn_status_code(status) == DN_INTERRUPTED || run->n_frames == 0) return status;
    const dn_location *place = place_of(run, run->n_frames - 1);
    if (place && place->path && !names_source(dn_status_message(status), place))
        status = dn_annotate(status, "%s:%d:%d", place->path, place->line, place->column);
    if (run->n_frames < 2 || dn_status_note(status)) return status;
    const dn_command *command = &run->program->commands[run->frames[run->n_frames - 1].command];
    place = place_of(run, run->n_frames - 2);
    if (!place || !place->path) return status;
    return dn_with_note(status, "in `%s`, called at %s:%d:%d", command->name, place->path,
                        place->line, place->column);
}
