// Progress: plain lines in a file, one redrawn line on a (pseudo) terminal. The clock is this
// test's own, so that times, rates and redraws are known.
#include "runtime/log/progress.h"

#include <fcntl.h>
#include <locale.h>
#include <pty.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

#include "runtime/base/memory.h"
#include "tests/check.h"

// In place of the C library's.
static double fake_time = 1000;
static const double TICK = 1e-6;  // added to every step, so that no limit is met by a rounding

int clock_gettime(clockid_t clock, struct timespec *t) {
    (void)clock;
    t->tv_sec = (time_t)fake_time;
    t->tv_nsec = (long)((fake_time - (double)t->tv_sec) * 1e9);
    return 0;
}

// Does `steps` steps of `seconds` each, with a loss that falls.
static void work(dn_progress *progress, int steps, double seconds) {
    for (int i = 0; i < steps; i++) {
        fake_time += seconds + TICK;
        dn_logged values[] = {{"loss", 1.0 / (1 + i)}, {"accuracy", 0.5}, {"grad norm", 1e-7 * i}};
        dn_progress_values(progress, values, 3);
        dn_progress_advance(progress, 1);
    }
}

// --- a file ---

static char *content(FILE *file) {
    long size = ftell(file);
    char *text = dn_xcalloc((size_t)size + 1, 1);
    rewind(file);
    CHECK(fread(text, 1, (size_t)size, file) == (size_t)size, "read back");
    fclose(file);
    return text;
}

static int count_of(const char *text, const char *what) {
    int n = 0;
    for (; (text = strstr(text, what)); text += strlen(what)) n++;
    return n;
}

static void check_plain(const char *text, int lines, const char *begins) {
    CHECK(count_of(text, "\n") == lines, "%d lines:\n%s", lines, text);
    CHECK(strncmp(text, begins, strlen(begins)) == 0, "%s", text);
    CHECK(!strpbrk(text, "\r\033\b"), "no control characters: %s", text);
}

// 100 steps of `seconds`.
static char *plain(const char *label, int64_t total, double seconds) {
    FILE *file = tmpfile();
    dn_progress *progress = dn_progress_new(file, label, total, 0);
    work(progress, 100, seconds);
    dn_progress_end(progress);
    return content(file);
}

static void test_plain(void) {
    char *text = plain("epoch 1/2", 100, 0.01);  // one second: the end alone
    check_plain(text, 1, "epoch 1/2  100/100  100.0 it/s  in 0:01  mean loss 0.0519");
    CHECK(strstr(text, "accuracy 0.5000  grad norm 4.95e-06\n"), "%s", text);
    free(text);
    text = plain("", 100, 1);  // a line every tenth
    check_plain(text, 10, " 10/100  1.00 it/s  ETA 1:30  loss 0.1000");
    free(text);
    text = plain("slow", 100, 30);  // a line every minute
    check_plain(text, 50, "slow    2/100  30 s/it  ETA 49:00  loss 0.5000");
    CHECK(strstr(text, "\nslow  100/100  30 s/it  in 50:00  mean loss "), "%s", text);
    free(text);
    text = plain("unknown", -1, 1);  // a line every 5 seconds
    check_plain(text, 21, "unknown  5  1.00 it/s  loss 0.2000");
    free(text);
    text = plain("two\nlines\r\033[31m", 100, 0.01);
    check_plain(text, 1, "two?lines??[31m  100/100");
    free(text);
}

static void test_plain_edges(void) {
    FILE *file = tmpfile();
    dn_progress *progress = dn_progress_new(file, "resumed", 100, 60);
    fake_time += 1;
    dn_progress_advance(progress, 1);
    dn_progress_hide(progress);
    dn_progress_end(progress);
    progress = dn_progress_new(file, "nothing", 0, 0);
    dn_progress_end(progress);
    progress = dn_progress_new(file, "odd", 5, 0);
    fake_time += 100000;
    dn_logged odd[] = {{"a", NAN}, {"b", INFINITY}, {"c", -INFINITY}, {"d", 123456.7}, {"e", -3}};
    dn_progress_values(progress, odd, 5);
    dn_progress_advance(progress, 2);
    dn_progress_end(progress);
    char *text = content(file);
    CHECK(strstr(text, "resumed   61/100  1.00 it/s  in 0:01\n"), "%s", text);
    CHECK(strstr(text, "nothing  0/0  in 0:00\n"), "%s", text);
    CHECK(strstr(text, "odd  2/5  5e+04 s/it  ETA 41:40:00  a nan  b inf"), "%s", text);
    CHECK(strstr(text, "in 27:46:40  a nan  b inf  c -inf  d 1.23e+05  e -3\n"), "%s", text);
    free(text);
    dn_progress_values(NULL, odd, 5);
    dn_progress_advance(NULL, 1);
    dn_progress_hide(NULL);
    dn_progress_end(NULL);
}

// --- a terminal ---

typedef struct terminal {
    int master;
    FILE *out;
} terminal;

static terminal open_terminal(int columns) {
    int master = -1, slave = -1;
    struct winsize size = {.ws_row = 24, .ws_col = (unsigned short)columns};
    CHECK(openpty(&master, &slave, NULL, NULL, &size) == 0, "openpty");
    struct termios raw;
    tcgetattr(slave, &raw);
    cfmakeraw(&raw);  // or \n becomes \r\n
    tcsetattr(slave, TCSANOW, &raw);
    fcntl(master, F_SETFL, O_NONBLOCK);
    return (terminal){master, fdopen(slave, "w")};
}

// What was written since the last call.
static void drain(const terminal *t, dn_str *out) {
    char buffer[4096];
    ssize_t n;
    while ((n = read(t->master, buffer, sizeof buffer)) > 0) dn_str_append(out, buffer, (size_t)n);
}

static void close_terminal(terminal *t) {
    fclose(t->out);
    close(t->master);
}

// Columns of a line: a character each, escape sequences none.
static int shown_columns(const char *s, size_t length) {
    int columns = 0;
    for (size_t i = 0; i < length; i++) {
        if (s[i] == '\033') {
            while (i < length && !strchr("mK", s[i])) i++;
        } else {
            columns += ((unsigned char)s[i] & 0xc0) != 0x80;
        }
    }
    return columns;
}

static void check_width(const char *text, int width) {
    int longest = 0;
    for (const char *line = text; *line;) {
        size_t length = strcspn(line, "\r\n");
        int columns = shown_columns(line, length);
        if (columns > longest) longest = columns;
        line += length + (line[length] != 0);
    }
    CHECK(longest < width, "%d columns on a terminal of %d:\n%s", longest, width, text);
}

// The last line that was drawn.
static const char *last_line(char *text) {
    size_t length = strlen(text);
    while (length && strchr("\r\n", text[length - 1])) text[--length] = 0;
    char *r = strrchr(text, '\r');
    return r ? r + 1 : text;
}

static char *draw(int columns, const char *label, int64_t total, int steps) {
    terminal t = open_terminal(columns);
    dn_progress *progress = dn_progress_new(t.out, label, total, 0);
    dn_str text = {0};
    for (int i = 0; i < steps; i += 20) {
        work(progress, steps - i < 20 ? steps - i : 20, 0.05);
        drain(&t, &text);
    }
    dn_progress_end(progress);
    drain(&t, &text);
    close_terminal(&t);
    return dn_str_take(&text);
}

static void test_terminal_width(int columns) {
    char *text = draw(columns, "epoch 3/50", 400, 400);
    check_width(text, columns);
    CHECK(count_of(text, "\n") == 1, "one line stays");
    int draws = count_of(text, "\r");  // in 20 seconds
    CHECK(draws > 100 && draws <= 201, "%d draws", draws);
    CHECK(count_of(text, "\r") == count_of(text, "\033[K"), "each clears what was longer");
    CHECK(strstr(last_line(text), "400/400"), "%s", text);
    if (columns >= 40) CHECK(strstr(text, "▕"), "a bar at %d", columns);
    if (columns >= 40) CHECK(strstr(text, "200/400"), "the count at %d", columns);
    if (columns >= 60) CHECK(strstr(text, "ETA 0:10"), "an ETA at %d", columns);
    if (columns >= 60) CHECK(strstr(text, "loss "), "a value at %d", columns);
    if (columns >= 120) CHECK(strstr(text, "20.0 it/s"), "a rate at %d", columns);
    if (columns >= 120) CHECK(strstr(text, "grad norm "), "all values at %d", columns);
    free(text);
}

static void test_long_labels(void) {
    for (int columns = 1; columns <= 200; columns += 9) {
        char *text = draw(columns, "a label that is much longer than the terminal ümläut", 10, 30);
        check_width(text, columns);
        free(text);
        text = draw(columns, "unknown", -1, 25);
        check_width(text, columns);
        free(text);
    }
}

static void test_ascii_and_colour(void) {
    char *text = draw(80, "x", 40, 40);
    CHECK(strstr(text, "█") && strstr(text, "\033[36m"), "%s", text);
    free(text);
    setenv("NO_COLOR", "1", 1);
    text = draw(80, "x", 40, 40);
    CHECK(strstr(text, "█") && !strstr(text, "\033[36m"), "%s", text);
    free(text);
    setenv("LC_ALL", "C", 1);
    text = draw(80, "\303\274", 40, 40);
    CHECK(strstr(text, "[####") && strstr(text, "\r?  "), "%s", text);
    for (char *c = text; *c; c++) CHECK((unsigned char)*c < 0x80, "ASCII");
    check_width(text, 80);
    free(text);
    setenv("LC_ALL", "C.UTF-8", 1);
    unsetenv("NO_COLOR");
    setenv("TERM", "dumb", 1);
    text = draw(80, "x", 40, 40);
    check_plain(text, 1, "x  40/40");
    free(text);
    setenv("TERM", "xterm", 1);
}

static void test_columns_variable(void) {
    setenv("COLUMNS", "50", 1);  // when the terminal does not know
    char *text = draw(0, "a label", 100, 100);
    check_width(text, 50);
    free(text);
    setenv("COLUMNS", "rubbish", 1);
    text = draw(0, "a label", 100, 100);
    check_width(text, 80);
    free(text);
    unsetenv("COLUMNS");
}

static void test_hide(void) {
    terminal t = open_terminal(80);
    dn_progress *progress = dn_progress_new(t.out, "h", 100, 0);
    dn_progress_hide(progress);
    dn_str text = {0};
    drain(&t, &text);
    CHECK(text.length == 0, "nothing was drawn, nothing is cleared");
    work(progress, 1, 1);
    dn_progress_hide(progress);
    dn_progress_hide(progress);
    drain(&t, &text);
    CHECK(text.length > 4 && strcmp(text.text + text.length - 4, "\r\033[K") == 0, "cleared");
    CHECK(count_of(text.text, "\r") == 2, "once");
    work(progress, 1, 1);
    text.length = 0;
    drain(&t, &text);
    CHECK(text.length && strstr(text.text, "2/100"), "drawn again");
    dn_progress_end(progress);
    free(text.text);
    close_terminal(&t);
}

int main(void) {
    setenv("LC_ALL", "C.UTF-8", 1);
    setenv("TERM", "xterm", 1);
    unsetenv("NO_COLOR");
    unsetenv("COLUMNS");
    test_plain();
    test_plain_edges();
    static const int widths[] = {20, 40, 60, 80, 120, 200};
    for (int i = 0; i < 6; i++) test_terminal_width(widths[i]);
    test_long_labels();
    test_ascii_and_colour();
    test_columns_variable();
    test_hide();
    return CHECK_RESULT();
}
