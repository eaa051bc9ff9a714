// Progress lines.
//
// A line is a row of pieces (label, bar, count, rate, ETA, values) in a fixed order. Not all of
// them fit a narrow terminal: pieces are taken in order of importance while there is room, and the
// bar then grows into what is left. A line is one column shorter than the terminal, so that it
// never wraps, and goes out in one write.
//
// Elsewhere than on a terminal a line is written when 5 seconds have passed since the last and a
// tenth of the work is done, or a minute has passed: an epoch of 2 seconds writes only its end, a
// night's run does not fill a log.
#include "runtime/log/progress.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

#include "runtime/base/memory.h"

static const double REDRAW = 0.1, PLAIN = 5, PLAIN_LONG = 60;  // seconds
static const double RATE_MEMORY = 3;                           // seconds that the rate averages

enum { GAP = 2, BAR_MIN = 8, BAR_MAX = 32, MOST_COLUMNS = 1000 };

typedef struct logged_value {
    char *name;
    double last, sum;
    int64_t count;
} logged_value;

struct dn_progress {
    FILE *out;
    char *label;
    int64_t total, done, first;  // first: done at the start
    logged_value *values;
    int n_values, values_capacity;
    bool terminal, utf8, colour;
    bool drawn;          // a line stands on the terminal
    double start;        // when the work began
    double shown;        // when a line was last written, or `start`
    int64_t shown_done;  // and `done` then
    double rate;         // smoothed, per second; 0 when unknown
};

// --- the terminal ---

static double now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static bool is_set(const char *name) {
    const char *value = getenv(name);
    return value && *value;
}

static bool is_terminal(FILE *out) {
    const char *term = getenv("TERM");
    return isatty(fileno(out)) && !(term && strcmp(term, "dumb") == 0);
}

// What setlocale would find, without changing the process's locale.
static bool locale_is_utf8(void) {
    const char *name = is_set("LC_ALL")     ? getenv("LC_ALL")
                       : is_set("LC_CTYPE") ? getenv("LC_CTYPE")
                                            : getenv("LANG");
    return name && (strcasestr(name, "utf-8") || strcasestr(name, "utf8"));
}

static int terminal_columns(FILE *out) {
    struct winsize size;
    if (ioctl(fileno(out), TIOCGWINSZ, &size) == 0 && size.ws_col > 0) return size.ws_col;
    const char *columns = getenv("COLUMNS");
    int n = columns ? atoi(columns) : 0;
    return n > 0 && n < MOST_COLUMNS ? n : 80;
}

// --- text ---

// The length of the UTF-8 character at s (1 for a byte that begins none) and its columns.
static int character(const char *s, int *columns) {
    const unsigned char *p = (const unsigned char *)s;
    int length = p[0] >= 0xf0 ? 4 : p[0] >= 0xe0 ? 3 : p[0] >= 0xc0 ? 2 : 1;
    unsigned code = length == 1 ? p[0] : p[0] & (0x7fu >> length);
    *columns = 1;
    for (int i = 1; i < length; i++) {
        if ((p[i] & 0xc0) != 0x80) return 1;
        code = code << 6 | (p[i] & 0x3f);
    }
    if (code >= 0x300 && code < 0x370) *columns = 0;  // combining accents
    if (code >= 0x2e80) *columns = 2;                 // CJK and later: wide, or taken as wide
    return length;
}

static int columns_of(const char *s) {
    int total = 0;
    for (int columns; *s; total += columns) s += character(s, &columns);
    return total;
}

// A copy that keeps to one line and to what the terminal shows: no control characters, and nothing
// but ASCII if it is not UTF-8.
static char *printable(const char *text, bool utf8) {
    dn_str out = {0};
    for (int columns, length; *text; text += length) {
        length = character(text, &columns);
        unsigned char c = (unsigned char)*text;
        bool bad = c < 0x20 || c == 0x7f || (c >= 0x80 && (!utf8 || length == 1));
        dn_str_append(&out, bad ? "?" : text, bad ? 1 : (size_t)length);
    }
    return dn_str_take(&out);
}

// The beginning of `text`, in at most `limit` columns, marked if it was cut.
static char *cut_to(const char *text, int limit, bool utf8) {
    if (columns_of(text) <= limit) return dn_strdup(text);
    const char *mark = utf8 ? "\u2026" : "~";
    dn_str out = {0};
    int used = 1;
    for (int columns, length; *text; text += length, used += columns) {
        length = character(text, &columns);
        if (used + columns > limit) break;
        dn_str_append(&out, text, (size_t)length);
    }
    if (limit > 0) dn_str_puts(&out, mark);
    return dn_str_take(&out);
}

// Four digits or so.
static char *short_number(double x) {
    double a = fabs(x);
    if (isnan(x)) return dn_strdup("nan");
    if (isinf(x)) return dn_strdup(x < 0 ? "-inf" : "inf");
    if (a < 1e5 && x == rint(x)) return dn_printf("%.0f", x);
    if (a >= 1e5 || a < 1e-3) return dn_printf("%.3g", x);
    return dn_printf("%.*f", a < 1 ? 4 : a < 10 ? 3 : a < 100 ? 2 : 1, x);
}

static char *time_text(double seconds) {
    if (!(seconds < 1e9)) return dn_strdup("?");
    long long s = (long long)(seconds + 0.5), m = s / 60, h = m / 60;
    if (h >= 100) return dn_printf("%lldd%02lldh", h / 24, h % 24);
    if (h > 0) return dn_printf("%lld:%02lld:%02lld", h, m % 60, s % 60);
    return dn_printf("%lld:%02lld", m, s % 60);
}

static char *rate_text(double rate) {
    if (rate >= 1e6) return dn_printf("%.3gM it/s", rate / 1e6);
    if (rate >= 1e4) return dn_printf("%.3gk it/s", rate / 1e3);
    if (rate >= 0.995) return dn_printf("%.*f it/s", rate < 10 ? 2 : rate < 100 ? 1 : 0, rate);
    return dn_printf("%.3g s/it", 1 / rate);
}

// --- pieces ---

typedef struct piece {
    char *text;
    int columns;
    int rank;  // 0 is the most important
    bool kept;
} piece;

typedef struct row {
    piece *pieces;
    int count, capacity;
} row;

static void add_piece(row *r, int rank, char *text) {
    DN_PUSH(r->pieces, r->count, r->capacity) =
        (piece){.text = text, .columns = columns_of(text), .rank = rank};
}

static void free_row(row *r) {
    for (int i = 0; i < r->count; i++) free(r->pieces[i].text);
    free(r->pieces);
}

// Keeps pieces by rank while they fit; returns the columns that are left.
static int keep_fitting(row *r, int limit) {
    int left = limit + GAP, ranks = 0;
    for (int i = 0; i < r->count; i++) {
        if (r->pieces[i].rank >= ranks) ranks = r->pieces[i].rank + 1;
    }
    for (int rank = 0; rank < ranks; rank++) {
        for (int i = 0; i < r->count; i++) {
            piece *p = &r->pieces[i];
            if (p->rank != rank || p->columns == 0 || p->columns + GAP > left) continue;
            p->kept = true;
            left -= p->columns + GAP;
        }
    }
    return left;
}

// The bar's text: eighths of a character in Unicode, whole ones in ASCII.
static char *bar_text(const dn_progress *p, int columns) {
    static const char *const eighths[] = {"", "▏", "▎", "▍", "▌", "▋", "▊", "▉"};
    int inside = columns - 2;
    double part = p->total > 0 ? (double)p->done / (double)p->total : 1;
    int steps = (int)(fmin(fmax(part, 0), 1) * inside * 8), full = steps / 8, used = full;
    dn_str s = {0};
    dn_str_puts(&s, p->utf8 ? "▕" : "[");
    if (p->colour) dn_str_puts(&s, "\033[36m");
    for (int i = 0; i < full; i++) dn_str_puts(&s, p->utf8 ? "█" : "#");
    if (p->utf8 && steps % 8) {
        dn_str_puts(&s, eighths[steps % 8]);
        used++;
    }
    if (p->colour) dn_str_puts(&s, "\033[0m");
    for (int i = used; i < inside; i++) dn_str_puts(&s, p->utf8 ? " " : ".");
    dn_str_puts(&s, p->utf8 ? "▏" : "]");
    return dn_str_take(&s);
}

static char *count_text(const dn_progress *p) {
    if (p->total < 0) return dn_printf("%lld", (long long)p->done);
    char digits[24];
    int width = snprintf(digits, sizeof digits, "%lld", (long long)p->total);
    return dn_printf("%*lld/%lld", width, (long long)p->done, (long long)p->total);
}

static void add_values(row *r, const dn_progress *p, bool means) {
    for (int i = 0; i < p->n_values; i++) {
        const logged_value *v = &p->values[i];
        char *number = short_number(means ? v->sum / (double)v->count : v->last);
        const char *mean = means && i == 0 && v->count > 1 ? "mean " : "";
        // The first value comes before the times, the others after them.
        add_piece(r, i == 0 ? 3 : 5 + i, dn_printf("%s%s %s", mean, v->name, number));
        free(number);
    }
}

// A line of the work under way. `bar` is the index of a piece that stands for the bar, or -1.
static row running_row(const dn_progress *p, int limit, bool with_bar, int *bar) {
    row r = {0};
    add_piece(&r, 1, cut_to(p->label, limit / 3 > 12 ? limit / 3 : 12, p->utf8));
    *bar = with_bar && p->total > 0 ? r.count : -1;
    if (*bar >= 0) add_piece(&r, 2, dn_printf("%*s", BAR_MIN, ""));
    add_piece(&r, 0, count_text(p));
    if (p->rate > 0) add_piece(&r, 5, rate_text(p->rate));
    if (p->rate > 0 && p->total >= p->done) {
        char *time = time_text((double)(p->total - p->done) / p->rate);
        add_piece(&r, 4, dn_printf("ETA %s", time));
        free(time);
    }
    add_values(&r, p, false);
    return r;
}

static row final_row(const dn_progress *p, int limit, double elapsed) {
    row r = {0};
    add_piece(&r, 1, cut_to(p->label, limit / 3 > 12 ? limit / 3 : 12, p->utf8));
    add_piece(&r, 0, count_text(p));
    double rate = elapsed > 0 ? (double)(p->done - p->first) / elapsed : 0;
    if (rate > 0) add_piece(&r, 5, rate_text(rate));
    char *time = time_text(elapsed);
    add_piece(&r, 2, dn_printf("in %s", time));
    free(time);
    add_values(&r, p, true);
    return r;
}

static char *join(const row *r) {
    dn_str s = {0};
    for (int i = 0; i < r->count; i++) {
        if (!r->pieces[i].kept) continue;
        if (s.length) dn_str_printf(&s, "%*s", GAP, "");
        dn_str_puts(&s, r->pieces[i].text);
    }
    return dn_str_take(&s);
}

static char *running_line(const dn_progress *p, int limit) {
    int bar;
    row r = running_row(p, limit, p->terminal, &bar);
    int left = keep_fitting(&r, limit);
    if (bar >= 0 && r.pieces[bar].kept) {
        int columns = BAR_MIN + left < BAR_MAX ? BAR_MIN + left : BAR_MAX;
        free(r.pieces[bar].text);
        r.pieces[bar].text = bar_text(p, columns);
    }
    char *text = join(&r);
    free_row(&r);
    return text;
}

static char *final_line(const dn_progress *p, int limit, double elapsed) {
    row r = final_row(p, limit, elapsed);
    keep_fitting(&r, limit);
    char *text = join(&r);
    free_row(&r);
    return text;
}

// --- writing ---

static int line_limit(const dn_progress *p) {
    return p->terminal ? terminal_columns(p->out) - 1 : MOST_COLUMNS;
}

// Takes `text`.
static void put_line(dn_progress *p, char *text, bool stays) {
    char *line =
        p->terminal ? dn_printf("\r%s\033[K%s", text, stays ? "\n" : "") : dn_printf("%s\n", text);
    fwrite(line, 1, strlen(line), p->out);
    fflush(p->out);
    free(line);
    free(text);
    p->drawn = p->terminal && !stays;
}

static void update_rate(dn_progress *p, double time) {
    double passed = time - p->shown, sample = (double)(p->done - p->shown_done) / passed;
    double weight = fmin(1, passed / RATE_MEMORY);
    p->rate = p->rate > 0 ? p->rate + weight * (sample - p->rate) : sample;
}

static bool is_due(const dn_progress *p, double passed) {
    if (p->terminal) return passed >= REDRAW;
    if (p->total >= 0 && p->done >= p->total) return false;  // the end's line comes next
    bool enough = p->total < 0 || p->done - p->shown_done >= (p->total + 9) / 10;
    return passed >= PLAIN_LONG || (passed >= PLAIN && enough);
}

dn_progress *dn_progress_new(FILE *out, const char *label, int64_t total, int64_t done) {
    dn_progress *p = dn_xcalloc(1, sizeof *p);
    p->out = out;
    p->terminal = is_terminal(out);
    p->utf8 = locale_is_utf8();
    p->colour = p->terminal && !is_set("NO_COLOR");
    p->label = printable(label, p->utf8);
    p->total = total;
    p->done = p->first = p->shown_done = done;
    p->start = p->shown = now();
    return p;
}

static logged_value *value_named(dn_progress *p, const char *name) {
    char *shown = printable(name, p->utf8);
    for (int i = 0; i < p->n_values; i++) {
        if (strcmp(p->values[i].name, shown) == 0) {
            free(shown);
            return &p->values[i];
        }
    }
    logged_value *v = &DN_PUSH(p->values, p->n_values, p->values_capacity);
    *v = (logged_value){.name = shown};
    return v;
}

void dn_progress_values(dn_progress *p, const dn_logged *values, int count) {
    if (!p) return;
    for (int i = 0; i < count; i++) {
        logged_value *v = value_named(p, values[i].name);
        v->last = values[i].value;
        v->sum += values[i].value;
        v->count++;
    }
}

void dn_progress_advance(dn_progress *p, int64_t by) {
    if (!p) return;
    p->done += by;
    double time = now();
    if (!is_due(p, time - p->shown)) return;
    update_rate(p, time);
    p->shown = time;
    p->shown_done = p->done;
    put_line(p, running_line(p, line_limit(p)), false);
}

void dn_progress_hide(dn_progress *p) {
    if (!p || !p->drawn) return;
    fputs("\r\033[K", p->out);
    fflush(p->out);
    p->drawn = false;
}

void dn_progress_end(dn_progress *p) {
    if (!p) return;
    put_line(p, final_line(p, line_limit(p), now() - p->start), true);
    for (int i = 0; i < p->n_values; i++) free(p->values[i].name);
    free(p->values);
    free(p->label);
    free(p);
}
