// CSV as RFC 4180 has it: cells between commas, records ended by LF or CRLF; a cell in double
// quotes may hold commas, line ends and, doubled, quotes. The first record names the columns. Lines
// without anything are passed over. A byte order mark is skipped.
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "runtime/data/report.h"
#include "runtime/data/rows.h"

// ---- Records ----------------------------------------------------------------------------------

typedef struct record {
    dn_str text;     // the cells, each with a zero after it
    size_t *starts;  // where each begins; one more for the end
    int count, capacity;
    int line;    // where it starts, from 1
    bool stray;  // text after a closing quote
} record;

typedef struct csv {
    const char *path;
    const char *at, *end;
    int line;
    record row;
} csv;

static void record_add(record *r, size_t start) {
    dn_str_append(&r->text, "", 1);
    DN_PUSH(r->starts, r->count, r->capacity) = start;
}

static const char *cell(const record *r, int column) { return r->text.text + r->starts[column]; }

static size_t cell_length(const record *r, int column) {
    size_t next = column + 1 < r->count ? r->starts[column + 1] : r->text.length;
    return next - r->starts[column] - 1;
}

// After the opening quote, up to and over the closing one. False: it never closes.
static bool read_quoted(csv *c) {
    for (;;) {
        const char *quote = memchr(c->at, '"', (size_t)(c->end - c->at));
        if (!quote) return false;
        for (const char *p = c->at; p < quote; p++) c->line += *p == '\n';
        dn_str_append(&c->row.text, c->at, (size_t)(quote - c->at));
        c->at = quote + 1;
        if (c->at == c->end || *c->at != '"') return true;
        dn_str_append(&c->row.text, c->at++, 1);
    }
}

static void read_plain(csv *c) {
    const char *start = c->at;
    while (c->at < c->end && *c->at != ',' && *c->at != '\n' &&
           !(*c->at == '\r' && c->at + 1 < c->end && c->at[1] == '\n'))
        c->at++;
    dn_str_append(&c->row.text, start, (size_t)(c->at - start));
}

static dn_status read_cell(csv *c) {
    size_t start = c->row.text.length;
    if (c->at < c->end && *c->at == '"') {
        int line = c->line;
        c->at++;
        if (!read_quoted(c))
            return dn_fail(DN_CORRUPT, "%s:%d: a quote is never closed", c->path, line);
        size_t closed = c->row.text.length;
        read_plain(c);
        if (c->row.text.length > closed) c->row.stray = true;
    } else {
        read_plain(c);
    }
    record_add(&c->row, start);
    return DN_SUCCESS;
}

// Ends a record: true over the line's end or at the file's, false at a comma (which is eaten).
static bool end_of_record(csv *c) {
    if (c->at == c->end) return true;
    bool comma = *c->at == ',';
    if (*c->at == '\r') c->at++;
    c->at++;
    if (!comma) c->line++;
    return !comma;
}

// The next record that is not an empty line. *done at the end of the file.
static dn_status read_record(csv *c, bool *done) {
    for (;;) {
        *done = c->at == c->end;
        if (*done) return DN_SUCCESS;
        c->row.text.length = 0;
        c->row.count = 0;
        c->row.stray = false;
        c->row.line = c->line;
        do DN_TRY(read_cell(c));
        while (!end_of_record(c));
        if (c->row.count > 1 || c->row.text.length > 1) return DN_SUCCESS;
    }
}

// ---- Columns ----------------------------------------------------------------------------------

typedef struct table {
    int n_columns;  // of the file
    char **header;  // its names
    int n_features;
    int *feature;  // the column of each feature
    int label;     // the label's column, or -1
    float *features, *labels;
    int64_t rows, capacity;
} table;

static dn_status unknown_column(const csv *c, const table *t, const char *name) {
    const char *near = dn_closest_name(name, (const char *const *)t->header, t->n_columns);
    dn_str text = {0};
    for (int i = 0; i < t->n_columns && i < 20; i++)
        dn_str_printf(&text, "%s%.60s", i ? ", " : "", t->header[i]);
    dn_status status = dn_fail(DN_NOT_FOUND, "%s has no column %s; it has %s%s", c->path, name,
                               text.text, t->n_columns > 20 ? ", ..." : "");
    free(text.text);
    return near ? dn_with_hint(status, "did you mean %s?", near) : status;
}

static dn_status find_column(const csv *c, const table *t, const char *name, int *column) {
    *column = -1;
    for (int i = 0; i < t->n_columns; i++) {
        if (strcmp(t->header[i], name) != 0) continue;
        if (*column >= 0) return dn_fail(DN_INVALID, "%s has two columns %s", c->path, name);
        *column = i;
    }
    return *column < 0 ? unknown_column(c, t, name) : DN_SUCCESS;
}

static dn_status read_header(csv *c, table *t) {
    bool done;
    if (c->end - c->at >= 3 && memcmp(c->at, "\xef\xbb\xbf", 3) == 0) c->at += 3;
    DN_TRY(read_record(c, &done));
    if (done) return dn_fail(DN_CORRUPT, "%s: an empty file has no header line", c->path);
    t->n_columns = c->row.count;
    t->header = dn_xcalloc((size_t)t->n_columns, sizeof *t->header);
    for (int i = 0; i < t->n_columns; i++) t->header[i] = dn_strdup(cell(&c->row, i));
    return DN_SUCCESS;
}

static dn_status find_columns(const csv *c, table *t, const char *const *columns, int n_columns,
                              const char *label) {
    t->label = -1;
    if (label) DN_TRY(find_column(c, t, label, &t->label));
    int most = n_columns ? n_columns : t->n_columns;
    t->feature = dn_xcalloc((size_t)most, sizeof *t->feature);
    for (int i = 0; i < n_columns; i++)
        DN_TRY(find_column(c, t, columns[i], &t->feature[t->n_features++]));
    for (int i = 0; !n_columns && i < t->n_columns; i++)
        if (i != t->label) t->feature[t->n_features++] = i;
    if (t->n_features == 0) return dn_fail(DN_INVALID, "%s has no column but the label", c->path);
    return DN_SUCCESS;
}

// ---- Rows -------------------------------------------------------------------------------------

// A decimal number, with blanks around. What strtod takes beyond that (nan, inf, hexadecimal) is no
// number here: it would come out of a training run as a loss of nan.
static bool parse_number(const char *text, size_t length, float *out) {
    while (length && (text[length - 1] == ' ' || text[length - 1] == '\t')) length--;
    while (length && (*text == ' ' || *text == '\t')) text++, length--;
    if (length == 0 || length > 400) return false;
    for (size_t i = 0; i < length; i++)
        if (!memchr("0123456789+-.eE", text[i], 15)) return false;
    char copy[401], *end;
    memcpy(copy, text, length);
    copy[length] = 0;
    *out = (float)strtod(copy, &end);
    return end == copy + length && isfinite(*out);
}

static dn_status read_number(const csv *c, const table *t, int column, float *out) {
    if (parse_number(cell(&c->row, column), cell_length(&c->row, column), out)) return DN_SUCCESS;
    return dn_fail(DN_CORRUPT, "column %d (%.60s): \"%.40s\" is not a number", column + 1,
                   t->header[column], cell(&c->row, column));
}

static dn_status read_row(const csv *c, const table *t, float *features, float *label) {
    if (c->row.count != t->n_columns)
        return dn_fail(DN_CORRUPT, "%d cells; the header has %d", c->row.count, t->n_columns);
    if (c->row.stray) return dn_fail(DN_CORRUPT, "text after a closing quote");
    for (int i = 0; i < t->n_features; i++) DN_TRY(read_number(c, t, t->feature[i], &features[i]));
    return t->label < 0 ? DN_SUCCESS : read_number(c, t, t->label, label);
}

static dn_status reserve_row(const csv *c, table *t) {
    if (t->rows < t->capacity) return DN_SUCCESS;
    int64_t capacity = t->capacity ? 2 * t->capacity : 256;
    float *features =
        realloc(t->features, (size_t)capacity * (size_t)t->n_features * sizeof *features);
    if (features) t->features = features;
    float *labels = realloc(t->labels, (size_t)capacity * sizeof *labels);
    if (labels) t->labels = labels;
    if (!features || !labels) return dn_fail(DN_MEMORY, "%s: no memory for its rows", c->path);
    t->capacity = capacity;
    return DN_SUCCESS;
}

// A row with a defect is an error with `strict`, else it is counted.
static dn_status skip_row(const csv *c, dn_status defect, bool strict, dn_arena *arena,
                          dn_report *report) {
    if (strict) return dn_annotate(defect, "%s:%d", c->path, c->row.line);
    char line[32];
    snprintf(line, sizeof line, "line %d", c->row.line);
    dn_report_add(report, arena, DN_DEFECT_BAD_ROW, line, dn_status_message(defect));
    dn_status_free(defect);
    return DN_SUCCESS;
}

static dn_status read_rows(csv *c, table *t, bool strict, dn_arena *arena, dn_report *report) {
    for (;;) {
        bool done;
        DN_TRY(read_record(c, &done));
        if (done) break;
        DN_TRY(reserve_row(c, t));
        report->seen++;
        dn_status defect =
            read_row(c, t, t->features + t->rows * t->n_features, &t->labels[t->rows]);
        if (defect)
            DN_TRY(skip_row(c, defect, strict, arena, report));
        else
            t->rows++;
    }
    report->used = t->rows;
    if (t->rows) return DN_SUCCESS;
    if (!report->seen) return dn_fail(DN_NOT_FOUND, "%s has a header, but no rows", c->path);
    return dn_fail(DN_CORRUPT, "%s: none of its %lld rows can be used: %s", c->path,
                   (long long)report->seen, report->names[DN_DEFECT_BAD_ROW][0]);
}

// ---- The dataset ------------------------------------------------------------------------------

static dn_status to_tensor(const float *data, int rank, const int64_t *dims, dn_tensor **out) {
    dn_shape shape = dn_shape_of(rank, dims);
    DN_TRY(dn_tensor_new(DN_F32, &shape, out));
    memcpy((*out)->data, data, (*out)->bytes);
    return DN_SUCCESS;
}

static dn_status table_dataset(const table *t, dn_dataset **out) {
    static const char *const names[] = {"features", "label"};
    dn_tensor *tensors[2] = {NULL, NULL};
    dn_status status = to_tensor(t->features, 2, (int64_t[]){t->rows, t->n_features}, &tensors[0]);
    if (!status) status = to_tensor(t->labels, 1, &t->rows, &tensors[1]);
    if (!status) status = dn_dataset_tensors(names, tensors, t->label >= 0 ? 2 : 1, out);
    dn_tensor_release(tensors[0]);
    dn_tensor_release(tensors[1]);
    return status;
}

// The report's names move from an arena of their own into the dataset's.
static dn_status open_csv(csv *c, table *t, const char *const *columns, int n_columns,
                          const char *label, bool strict, dn_dataset **out) {
    dn_arena arena = {0};
    dn_report report = {.unit = "rows"};
    dn_status status = read_header(c, t);
    if (!status) status = find_columns(c, t, columns, n_columns, label);
    if (!status) status = read_rows(c, t, strict, &arena, &report);
    if (!status) status = table_dataset(t, out);
    if (!status) {
        dn_report *kept = dn_rows_report(*out);
        *kept = (dn_report){.unit = report.unit, .seen = report.seen, .used = report.used};
        int64_t count = report.count[DN_DEFECT_BAD_ROW];
        for (int64_t i = 0; i < count && i < DN_REPORT_NAMES; i++)
            dn_report_add(kept, &(*out)->arena, DN_DEFECT_BAD_ROW,
                          report.names[DN_DEFECT_BAD_ROW][i], NULL);
        kept->count[DN_DEFECT_BAD_ROW] = count;
    }
    dn_arena_free(&arena);
    return status;
}

dn_status dn_dataset_csv(const char *path, const char *const *columns, int n_columns,
                         const char *label_column, bool strict, dn_dataset **out) {
    char *text;
    size_t length;
    DN_TRY(dn_read_file(path, &text, &length));
    csv c = {.path = path, .at = text, .end = text + length, .line = 1};
    table t = {0};
    dn_status status = open_csv(&c, &t, columns, n_columns, label_column, strict, out);
    for (int i = 0; i < t.n_columns; i++) free(t.header[i]);
    free(t.header);
    free(t.feature);
    free(t.features);
    free(t.labels);
    free(c.row.text.text);
    free(c.row.starts);
    free(text);
    return status;
}
