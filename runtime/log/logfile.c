// Logged values as CSV (RFC 4180) or JSON lines (https://jsonlines.org).
//
// A number is written in the fewest digits that read back as the same double. JSON has no NaN or
// infinity: they are null there, so that every line stays valid JSON; CSV has nan, inf and -inf.
// Each row goes out in one write(), so that a killed run leaves at most one partial row, which a
// resumed run cuts off with `offset`. A row that cannot be written whole is taken back.
#include "runtime/log/logfile.h"

#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "runtime/base/memory.h"

struct dn_logfile {
    int fd;
    char *path;
    bool json;
    int64_t offset;
    char *columns;  // CSV: the header line, once known
};

// --- text ---

static void put_number(dn_str *out, double x) {
    char text[40];
    for (int digits = 15; digits <= 17; digits++) {
        snprintf(text, sizeof text, "%.*g", digits, x);
        if (strtod(text, NULL) == x) break;
    }
    // A program that embeds this may have set a locale whose decimal point is a comma.
    char *comma = strchr(text, ',');
    if (comma) *comma = '.';
    dn_str_puts(out, text);
}

static void put_json_number(dn_str *out, double x) {
    if (isfinite(x))
        put_number(out, x);
    else
        dn_str_puts(out, "null");
}

static void put_csv_number(dn_str *out, double x) {
    if (isnan(x))
        dn_str_puts(out, "nan");
    else
        put_number(out, x);
}

static void put_json_name(dn_str *out, const char *name) {
    dn_str_puts(out, "\"");
    for (; *name; name++) {
        unsigned char c = (unsigned char)*name;
        if (c == '"' || c == '\\')
            dn_str_printf(out, "\\%c", c);
        else if (c < 0x20)
            dn_str_printf(out, "\\u%04x", c);
        else
            dn_str_append(out, name, 1);
    }
    dn_str_puts(out, "\"");
}

static void put_csv_name(dn_str *out, const char *name) {
    if (!strpbrk(name, ",\"\r\n")) {
        dn_str_puts(out, name);
        return;
    }
    dn_str_puts(out, "\"");
    for (; *name; name++) {
        if (*name == '"') dn_str_puts(out, "\"");
        dn_str_append(out, name, 1);
    }
    dn_str_puts(out, "\"");
}

static void put_json_row(dn_str *out, int64_t step, const dn_logged *values, int count) {
    dn_str_printf(out, "{\"step\":%lld", (long long)step);
    for (int i = 0; i < count; i++) {
        dn_str_puts(out, ",");
        put_json_name(out, values[i].name);
        dn_str_puts(out, ":");
        put_json_number(out, values[i].value);
    }
    dn_str_puts(out, "}\n");
}

static void put_csv_row(dn_str *out, int64_t step, const dn_logged *values, int count) {
    dn_str_printf(out, "%lld", (long long)step);
    for (int i = 0; i < count; i++) {
        dn_str_puts(out, ",");
        put_csv_number(out, values[i].value);
    }
    dn_str_puts(out, "\n");
}

static char *csv_columns(const dn_logged *values, int count) {
    dn_str out = {0};
    dn_str_puts(&out, "step");
    for (int i = 0; i < count; i++) {
        dn_str_puts(&out, ",");
        put_csv_name(&out, values[i].name);
    }
    dn_str_puts(&out, "\n");
    return dn_str_take(&out);
}

// --- the file ---

static dn_status format_of(const char *path, bool *json) {
    const char *dot = strrchr(path, '.');
    *json = dot && strcmp(dot, ".jsonl") == 0;
    if (*json || (dot && strcmp(dot, ".csv") == 0)) return DN_SUCCESS;
    return dn_fail(DN_INVALID, "%s: a log's name ends in .csv or .jsonl", path);
}

// The line that a kept CSV begins with: its columns.
static dn_status read_columns(dn_logfile *file) {
    char *text = NULL;
    size_t length = 0;
    DN_TRY(dn_read_file(file->path, &text, &length));
    bool quoted = false;
    size_t end = 0;
    for (; end < length && (quoted || text[end] != '\n'); end++) quoted ^= text[end] == '"';
    if (end < length) file->columns = dn_strndup(text, end + 1);
    free(text);
    if (!file->columns) return dn_fail(DN_CORRUPT, "%s: the first line has no end", file->path);
    return DN_SUCCESS;
}

static dn_status cut(dn_logfile *file, int64_t offset) {
    struct stat info;
    if (fstat(file->fd, &info) != 0) return dn_fail_errno("%s: cannot stat", file->path);
    if (info.st_size < offset)
        return dn_fail(DN_CORRUPT, "%s: %lld bytes, but a checkpoint was made after %lld",
                       file->path, (long long)info.st_size, (long long)offset);
    // Nothing to cut from a pipe or /dev/stdout.
    if (S_ISREG(info.st_mode) && ftruncate(file->fd, offset) != 0)
        return dn_fail_errno("%s: cannot truncate", file->path);
    if (offset > 0 && lseek(file->fd, offset, SEEK_SET) < 0)
        return dn_fail_errno("%s: cannot seek", file->path);
    file->offset = offset;
    return offset > 0 && !file->json ? read_columns(file) : DN_SUCCESS;
}

dn_status dn_logfile_open(const char *path, int64_t offset, dn_logfile **out) {
    bool json;
    DN_TRY(format_of(path, &json));
    if (offset < 0) return dn_fail(DN_INVALID, "%s: offset %lld", path, (long long)offset);
    int create = offset == 0 ? O_CREAT : 0;
    int fd = open(path, O_WRONLY | O_CLOEXEC | create, 0666);
    if (fd < 0) return dn_fail_errno("%s", path);
    dn_logfile *file = dn_xcalloc(1, sizeof *file);
    *file = (dn_logfile){.fd = fd, .path = dn_strdup(path), .json = json};
    dn_status status = cut(file, offset);
    if (status) {
        dn_logfile_close(file);
        return status;
    }
    *out = file;
    return DN_SUCCESS;
}

static dn_status append(dn_logfile *file, const dn_str *text) {
    size_t done = 0;
    while (done < text->length) {
        ssize_t n = write(file->fd, text->text + done, text->length - done);
        if (n < 0 && errno == EINTR) continue;
        if (n < 0) {
            dn_status status = dn_fail_errno("%s", file->path);
            // Best effort: the status already says that the log is at fault.
            if (ftruncate(file->fd, file->offset) == 0) lseek(file->fd, file->offset, SEEK_SET);
            return status;
        }
        done += (size_t)n;
    }
    file->offset += (int64_t)done;
    return DN_SUCCESS;
}

// Puts the header before the first row; later rows must have the same columns.
static dn_status match_columns(dn_logfile *file, const dn_logged *values, int count, dn_str *out) {
    char *columns = csv_columns(values, count);
    dn_status status = DN_SUCCESS;
    if (file->offset == 0) {
        free(file->columns);
        file->columns = dn_strdup(columns);
        dn_str_puts(out, columns);
    } else if (strcmp(columns, file->columns) != 0) {
        status = dn_fail(DN_INVALID, "%s: the columns are %.*s, and a row has %.*s", file->path,
                         (int)strlen(file->columns) - 1, file->columns, (int)strlen(columns) - 1,
                         columns);
    }
    free(columns);
    return status;
}

dn_status dn_logfile_row(dn_logfile *file, int64_t step, const dn_logged *values, int count) {
    dn_str row = {0};
    dn_status status = file->json ? DN_SUCCESS : match_columns(file, values, count, &row);
    if (!status) {
        (file->json ? put_json_row : put_csv_row)(&row, step, values, count);
        status = append(file, &row);
    }
    free(row.text);
    return status;
}

int64_t dn_logfile_offset(const dn_logfile *file) { return file->offset; }

void dn_logfile_close(dn_logfile *file) {
    if (!file) return;
    close(file->fd);
    free(file->path);
    free(file->columns);
    free(file);
}
