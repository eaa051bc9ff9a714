// Log files: both formats, numbers, resuming, and what is refused.
#include "runtime/log/logfile.h"

#include <float.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "runtime/base/memory.h"
#include "runtime/rng.h"
#include "tests/check.h"

static char folder[64];

static const char *in_folder(const char *name) {
    static char path[512];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    return path;
}

static void check_content(const char *path, const char *want) {
    char *text = NULL;
    size_t length = 0;
    CHECK_OK(dn_read_file(path, &text, &length));
    CHECK(text && strcmp(text, want) == 0, "%s:\n%s", path, text);
    free(text);
}

static dn_logfile *open_log(const char *path, int64_t offset) {
    dn_logfile *file = NULL;
    CHECK_OK(dn_logfile_open(path, offset, &file));
    return file;
}

static const dn_logged rows[][2] = {
    {{"loss", 0.1}, {"acc \"%\", 1", 1}},
    {{"loss", 1.0 / 3}, {"acc \"%\", 1", NAN}},
    {{"loss", INFINITY}, {"acc \"%\", 1", -INFINITY}},
};

static void test_formats(void) {
    static const struct {
        const char *name, *want;
    } cases[] = {
        {"a.csv",
         "step,loss,\"acc \"\"%\"\", 1\"\n1,0.1,1\n2,0.3333333333333333,nan\n3,inf,-inf\n"},
        {"a.jsonl",
         "{\"step\":1,\"loss\":0.1,\"acc \\\"%\\\", 1\":1}\n"
         "{\"step\":2,\"loss\":0.3333333333333333,\"acc \\\"%\\\", 1\":null}\n"
         "{\"step\":3,\"loss\":null,\"acc \\\"%\\\", 1\":null}\n"},
    };
    for (int i = 0; i < 2; i++) {
        const char *path = in_folder(cases[i].name);
        dn_logfile *file = open_log(path, 0);
        for (int r = 0; r < 3; r++) CHECK_OK(dn_logfile_row(file, r + 1, rows[r], 2));
        check_content(path, cases[i].want);  // before it is closed
        CHECK(dn_logfile_offset(file) == (int64_t)strlen(cases[i].want), "the offset");
        dn_logfile_close(file);
    }
}

// Rows after the checkpoint are dropped, and the resumed run writes what the first one would have.
static void test_resume(const char *name) {
    const char *path = in_folder(name);
    dn_logfile *file = open_log(path, 0);
    CHECK_OK(dn_logfile_row(file, 1, rows[0], 2));
    int64_t offset = dn_logfile_offset(file);
    CHECK_OK(dn_logfile_row(file, 2, rows[1], 2));
    CHECK_OK(dn_logfile_row(file, 3, rows[2], 2));
    dn_logfile_close(file);
    char *whole = NULL, *resumed = NULL;
    size_t length = 0;
    CHECK_OK(dn_read_file(path, &whole, &length));

    FILE *partial = fopen(path, "a");  // what a killed run may leave
    fputs("4,0.1", partial);
    fclose(partial);
    file = open_log(path, offset);
    CHECK(dn_logfile_offset(file) == offset, "%lld", (long long)dn_logfile_offset(file));
    CHECK_OK(dn_read_file(path, &resumed, &length));
    CHECK(length == (size_t)offset, "cut to %zu", length);
    free(resumed);
    CHECK_OK(dn_logfile_row(file, 2, rows[1], 2));
    CHECK_OK(dn_logfile_row(file, 3, rows[2], 2));
    dn_logfile_close(file);
    check_content(path, whole);

    dn_logfile *none = NULL;
    CHECK_FAILS(dn_logfile_open(path, (int64_t)strlen(whole) + 1, &none), "a checkpoint was made");
    check_content(path, whole);
    file = open_log(path, 0);
    check_content(path, "");
    dn_logfile_close(file);
    free(whole);
}

static void test_columns(void) {
    const char *path = in_folder("c.csv");
    dn_logfile *file = open_log(path, 0);
    dn_logged a[] = {{"x", 1}, {"y", 2}}, b[] = {{"y", 1}, {"x", 2}};
    CHECK_OK(dn_logfile_row(file, 1, a, 2));
    CHECK_FAILS(dn_logfile_row(file, 2, b, 2), "the columns are step,x,y, and a row has step,y,x");
    CHECK_FAILS(dn_logfile_row(file, 2, a, 1), "a row has step,x");
    CHECK_OK(dn_logfile_row(file, 2, a, 2));
    int64_t offset = dn_logfile_offset(file);
    dn_logfile_close(file);
    file = open_log(path, offset);  // the columns are remembered
    CHECK_FAILS(dn_logfile_row(file, 3, b, 2), "the columns are step,x,y");
    CHECK_OK(dn_logfile_row(file, 3, a, 2));
    dn_logfile_close(file);
    check_content(path, "step,x,y\n1,1,2\n2,1,2\n3,1,2\n");

    const char *json = in_folder("c.jsonl");  // each row is its own
    file = open_log(json, 0);
    CHECK_OK(dn_logfile_row(file, 1, a, 1));
    CHECK_OK(dn_logfile_row(file, 2, b, 2));
    CHECK_OK(dn_logfile_row(file, -3, NULL, 0));
    dn_logfile_close(file);
    check_content(json, "{\"step\":1,\"x\":1}\n{\"step\":2,\"y\":1,\"x\":2}\n{\"step\":-3}\n");
}

// Numbers read back as the same double, and simple ones are short.
static void test_numbers(void) {
    static const struct {
        double x;
        const char *want;
    } known[] = {{0.1, "0.1"},
                 {-0.0, "-0"},
                 {1e21, "1e+21"},
                 {1e-5, "1e-05"},
                 {123456789, "123456789"},
                 {0.1 + 0.2, "0.30000000000000004"},
                 {DBL_MAX, "1.7976931348623157e+308"},
                 {5e-324, "4.94065645841247e-324"},
                 {(double)0.1f, "0.10000000149011612"}};
    const char *path = in_folder("n.csv");
    dn_rng_stream rng = {.seed = 3};
    dn_logfile *file = open_log(path, 0);
    for (uint64_t i = 0; i < 500; i++) {
        uint64_t bits = dn_rng_u64(&rng, i);
        double x;
        memcpy(&x, &bits, sizeof x);
        if (i < sizeof known / sizeof *known) x = known[i].x;
        CHECK_OK(dn_logfile_row(file, 0, &(dn_logged){"x", x}, 1));
    }
    dn_logfile_close(file);
    char *text = NULL, *line;
    size_t length = 0;
    CHECK_OK(dn_read_file(path, &text, &length));
    line = text + strlen("step,x\n");
    for (uint64_t i = 0; i < 500; i++, line = strchr(line, '\n') + 1) {
        uint64_t bits = dn_rng_u64(&rng, i);
        double x, got = strtod(line + 2, NULL);
        memcpy(&x, &bits, sizeof x);
        if (i < sizeof known / sizeof *known) {
            x = known[i].x;
            size_t n = strlen(known[i].want);
            CHECK(strncmp(line + 2, known[i].want, n) == 0 && line[2 + n] == '\n', "%.30s", line);
        }
        CHECK(got == x || (isnan(got) && isnan(x)), "%.17g and %.17g", got, x);
    }
    free(text);
}

static void test_refused(void) {
    dn_logfile *file = NULL;
    CHECK_FAILS(dn_logfile_open(in_folder("a.txt"), 0, &file), "ends in .csv or .jsonl");
    CHECK_FAILS(dn_logfile_open("csv", 0, &file), "ends in .csv or .jsonl");
    CHECK_FAILS(dn_logfile_open(in_folder("a.csv"), -1, &file), "offset -1");
    CHECK_FAILS(dn_logfile_open(in_folder("absent/a.csv"), 0, &file), "No such file");
    CHECK_FAILS(dn_logfile_open(in_folder("absent.csv"), 10, &file), "No such file");
    FILE *damaged = fopen(in_folder("d.csv"), "w");
    fputs("step,\"lo\nss,1,2,3", damaged);
    fclose(damaged);
    CHECK_FAILS(dn_logfile_open(in_folder("d.csv"), 12, &file), "the first line has no end");
    dn_logfile_close(NULL);
}

// A limit on the file's size stands for a full disk: the row is taken back whole.
static void test_full_disk(void) {
    const char *path = in_folder("full.jsonl");
    dn_logfile *file = open_log(path, 0);
    dn_logged value = {"loss", 0.25};
    CHECK_OK(dn_logfile_row(file, 1, &value, 1));
    struct rlimit old;
    getrlimit(RLIMIT_FSIZE, &old);
    signal(SIGXFSZ, SIG_IGN);
    setrlimit(RLIMIT_FSIZE, &(struct rlimit){.rlim_cur = 30, .rlim_max = old.rlim_max});
    CHECK_FAILS(dn_logfile_row(file, 2, &value, 1), "File too large");
    setrlimit(RLIMIT_FSIZE, &old);
    check_content(path, "{\"step\":1,\"loss\":0.25}\n");
    CHECK_OK(dn_logfile_row(file, 2, &value, 1));
    check_content(path, "{\"step\":1,\"loss\":0.25}\n{\"step\":2,\"loss\":0.25}\n");
    dn_logfile_close(file);
}

int main(void) {
    snprintf(folder, sizeof folder, "/tmp/dnet_logfile_%ld", (long)getpid());
    CHECK(mkdir(folder, 0777) == 0, "%s", folder);
    test_formats();
    test_resume("r.csv");
    test_resume("r.jsonl");
    test_columns();
    test_numbers();
    test_refused();
    test_full_disk();
    char *remove = dn_printf("rm -rf %s", folder);
    CHECK(system(remove) == 0, "%s", remove);
    free(remove);
    return CHECK_RESULT();
}
