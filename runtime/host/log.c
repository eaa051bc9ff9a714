// `log`: a record of numbers goes to the innermost progress bar, or to a line of its own, and to
// the log file.
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "runtime/host/number.h"
#include "runtime/host/run.h"

enum { LINE_DIGITS = 5 };  // significant digits on a line for people

// A float's shortest text is what a reader expects to see: 0.1, not 0.10000000149.
static bool logged_number(const dn_value *value, double *out) {
    if (!dn_value_number(value, out)) return false;
    if (value->kind == DN_VALUE_TENSOR && dn_number_single(value->tensor->dtype))
        *out = dn_number_from_single((float)*out);
    return true;
}

static dn_status logged_values(const dn_record *record, dn_logged *out) {
    for (int i = 0; i < record->count; i++) {
        out[i].name = record->names[i];
        if (logged_number(&record->values[i], &out[i].value)) continue;
        dn_str text = {0};
        dn_value_describe(&record->values[i], &text);
        dn_status status =
            dn_fail(DN_INVALID, "`%s` in log should be one number, not %s", out[i].name, text.text);
        free(text.text);
        return dn_with_hint(status, "a mean makes one number of a tensor");
    }
    return DN_SUCCESS;
}

static void print_line(const dn_run *run, int64_t steps, const dn_logged *values, int count) {
    fprintf(run->options.out, "step %lld", (long long)steps);
    for (int i = 0; i < count; i++) {
        char text[DN_NUMBER_TEXT];
        dn_number_text(values[i].value, false, LINE_DIGITS, text);
        fprintf(run->options.out, "  %s %s", values[i].name, text);
    }
    fputc('\n', run->options.out);
    fflush(run->options.out);
}

static dn_status write_values(dn_run *run, int64_t steps, const dn_logged *values, int count) {
    dn_progress *bar = dn_host_active_bar(run);
    if (bar)
        dn_progress_values(bar, values, count);
    else
        print_line(run, steps, values, count);
    return run->log ? dn_logfile_row(run->log, steps, values, count) : DN_SUCCESS;
}

static dn_status log_now(dn_run *run, int64_t steps, const dn_value *value) {
    DN_TRY(dn_value_settle(*value));
    if (value->kind != DN_VALUE_RECORD) {
        dn_logged lone = {.name = "value"};
        if (logged_number(value, &lone.value)) return write_values(run, steps, &lone, 1);
        return dn_fail(DN_INVALID, "log takes a record of numbers, not %s",
                       dn_value_kind_name(value->kind));
    }
    int count = value->record->count;
    dn_logged *values = dn_xcalloc((size_t)count, sizeof *values);
    dn_status status = logged_values(value->record, values);
    if (!status) status = write_values(run, steps, values, count);
    free(values);
    return status;
}

// ---- values that are still being computed ----------------------------------------------------

dn_status dn_host_log_late(dn_run *run, int keep) {
    dn_status status = DN_SUCCESS;
    while (run->n_late > keep) {
        dn_log_row row = run->late[0];
        memmove(run->late, run->late + 1, (size_t)--run->n_late * sizeof *run->late);
        if (!status) status = log_now(run, row.steps, &row.values);
        dn_value_release(row.values);
    }
    return status;
}

// What is no number is told at once.
static bool may_be_late(const dn_value *value) {
    if (value->kind == DN_VALUE_TENSOR)
        return value->tensor->source && dn_shape_elements(&value->tensor->shape) == 1;
    bool late = false;
    double number;
    for (int i = 0; value->kind == DN_VALUE_RECORD && i < value->record->count; i++) {
        const dn_value *field = &value->record->values[i];
        if (field->kind == DN_VALUE_TENSOR && field->tensor->source) {
            if (!may_be_late(field)) return false;
            late = true;
        } else if (!dn_value_number(field, &number)) {
            return false;
        }
    }
    return late;
}

dn_status dn_host_log(dn_run *run, const dn_value *value) {
    if (!may_be_late(value)) {
        DN_TRY(dn_host_log_late(run, 0));
        return log_now(run, run->steps, value);
    }
    run->late[run->n_late++] = (dn_log_row){dn_value_retain(*value), run->steps};
    return dn_host_log_late(run, DN_LOG_LAG);
}

// ---- the log file ----------------------------------------------------------------------------

// What a run leaves that ended before its first row.
static bool is_empty(const char *path) {
    struct stat info;
    return stat(path, &info) == 0 && S_ISREG(info.st_mode) && info.st_size == 0;
}

// The log of a run that may be resumed is a part of its state: starting such a command once more
// must not destroy it. Logs of other commands are just replaced.
static dn_status check_unused(const dn_run *run, const char *path) {
    bool resumable = false;
    for (int i = 0; i < run->n_frames; i++)
        resumable = resumable || run->program->commands[run->frames[i].command].checkpoints;
    if (!resumable || dn_host_may_replace(run, path) || is_empty(path)) return DN_SUCCESS;
    return dn_with_hint(dn_fail(DN_INVALID, "%s exists", path),
                        "--resume CHECKPOINT goes on with its run; --overwrite starts anew");
}

dn_status dn_host_log_to(dn_run *run, const char *path) {
    dn_logfile *log;
    DN_TRY(check_unused(run, path));
    DN_TRY(dn_host_make_parents(path));
    DN_TRY(dn_logfile_open(path, 0, &log));
    dn_logfile_close(run->log);
    free(run->log_path);
    run->log = log;
    run->log_path = dn_strdup(path);
    // At the prompt a line is a command of its own, and its log serves the lines after it.
    run->log_lasts = run->n_frames == 1 && run->frames[0].lent;
    dn_host_wrote(run, DN_OUTPUT_LOG, path);
    return DN_SUCCESS;
}
