// The command line: flags of every kind, what is said when they are wrong, the texts of --help,
// exit codes, resuming.
#include "runtime/base/interrupt.h"
#include "tests/host/machine.h"

// ---- a program -------------------------------------------------------------------------------

static bool raises;  // SIGINT in the next step

static dn_status step(dn_tensor *const *inputs, dn_tensor **vars, dn_tensor **outputs,
                      uint64_t seed, uint64_t count) {
    (void)inputs, (void)vars;
    if (raises) raise(SIGINT);
    raises = false;
    outputs[0] = new_scalar((double)(seed * 100 + count));
    return DN_SUCCESS;
}

static const dn_field output = {"loss", DN_F32, {0}};
static const dn_entry entries[] = {{.name = "step",
                                    .n_outputs = 1,
                                    .outputs = &output,
                                    .is_step = true,
                                    .draws = true,
                                    .code = (const void *)(uintptr_t)step}};

static dn_command_param train_params[] = {
    {.name = "images", .doc = "A folder of images.", .kind = DN_FLAG_PATH, .required = true},
    {.name = "epochs", .doc = "Times through the data.\nMore is slower.", .kind = DN_FLAG_INT},
    {.name = "learning_rate", .kind = DN_FLAG_FLOAT},
    {.name = "title", .doc = "What to call it.", .kind = DN_FLAG_STRING},
    {.name = "flip", .doc = "Mirror images.", .kind = DN_FLAG_BOOL},
};
static dn_command_param sample_params[] = {{.name = "n", .kind = DN_FLAG_INT, .required = true},
                                           {.name = "out", .kind = DN_FLAG_PATH, .required = true}};

static void build(assembly *a) {
    *a = (assembly){0};
    a->program = (dn_program){
        .name = "gan", .source = "gan.dnet", .fingerprint = 5, .entries = entries, .n_entries = 1};
    train_params[1].init = dn_value_int(50);
    train_params[2].init = dn_value_float(1e-4);
    train_params[3].init = dn_value_string("", 0);
    train_params[4].init = dn_value_bool(true);
    dn_command *c =
        add_command(a, "train", 5, train_params, "images epochs learning_rate title flip e",
                    "load images\n load epochs\n load learning_rate\n load title\n"
                    "load flip\n none\n call_host print 6\n pop\n"
                    "const 1\n load epochs\n range 0\n iterate e\n"
                    "loop:\n next done\n pop\n call_entry step\n pop\n"
                    "const \"o/t.ckpt\"\n const 0\n call_host checkpoint 2\n pop\n"
                    "call_entry step\n none\n none\n none\n none\n none\n"
                    "call_host print 6\n pop\n jump loop\n"
                    "done:\n none\n return");
    c->doc = "Trains both networks.\nIt takes a while.";
    c->checkpoints = true;
    c = add_command(a, "sample", 2, sample_params, "n out",
                    "load n\n const 10\n binary lt\n const \"n is too large\"\n call_host check 2\n"
                    "return");
    c->doc = "Writes samples.";
    c = add_command(a, "write_log", 0, NULL, "",
                    "const \"keep.csv\"\n call_host log_to 1\n pop\n none\n return");
    c->checkpoints = true;
    add_command(a, "dump_all", 0, NULL, "", "none\n return");
}

// ---- calling it ------------------------------------------------------------------------------

typedef struct outcome {
    int code;
    char *out, *err;
} outcome;

static int told_threads;
static void threads(void *context, int count) {
    (void)context;
    told_threads = count;
}

// Sends stdout or stderr to a file; returns what it was.
static int redirect(int fd, const char *path) {
    int saved = dup(fd);
    FILE *file = fopen(path, "w");
    if (!file || dup2(fileno(file), fd) < 0) perror(path), exit(1);
    fclose(file);
    return saved;
}

static void put_back(int fd, int saved) {
    dup2(saved, fd);
    close(saved);
}

// Calls the program with a command line, split at spaces ('' is an empty argument).
static outcome call(const assembly *a, const char *line) {
    char *copy = dn_strdup(line), *arguments[32] = {"gan"};
    int count = 1;
    for (char *word = strtok(copy, " "); word; word = strtok(NULL, " "))
        arguments[count++] = strcmp(word, "''") == 0 ? (char *)"" : word;
    fflush(NULL);
    int out = redirect(1, "stdout.txt"), err = redirect(2, "stderr.txt");
    outcome o = {0};
    o.code = dn_program_main(&a->program, &test_executor, threads, count, arguments);
    fflush(NULL);
    put_back(1, out);
    put_back(2, err);
    o.out = file_text("stdout.txt", NULL);
    o.err = file_text("stderr.txt", NULL);
    free(copy);
    return o;
}

static void expect(const assembly *a, const char *line, int code, const char *out,
                   const char *err) {
    unlink("o/t.ckpt");
    outcome o = call(a, line);
    CHECK(o.code == code, "%s: exit code %d, expected %d", line, o.code, code);
    CHECK(strcmp(o.out, out) == 0, "%s: printed\n%s--- expected\n%s", line, o.out, out);
    CHECK(strcmp(o.err, err) == 0, "%s: said\n%s--- expected\n%s", line, o.err, err);
    free(o.out);
    free(o.err);
}

// ---- flags -----------------------------------------------------------------------------------

static void test_flags(const assembly *a) {
    expect(a, "train --images d --epochs 0", 0, "d 0 0.0001  true\n", "");
    expect(a, "train --images=d --epochs=0 --learning-rate 0.5 --title x --no-flip", 0,
           "d 0 0.5 x false\n", "");
    expect(a, "train --images d --epochs 0 --learning_rate=-2e3 --flip=false", 0,
           "d 0 -2000  false\n", "");
    expect(a, "train --images d --epochs 0 --flip --title=a=b", 0, "d 0 0.0001 a=b true\n", "");
    expect(a, "train --images d --epochs 0 --learning-rate 1 --title ''", 0, "d 0 1  true\n", "");
    expect(a, "train --images d --epochs -1", 0, "d -1 0.0001  true\n", "");
    expect(a, "train --images d --epochs 1 --seed 7", 0, "d 1 0.0001  true\n701\nwrote o/t.ckpt\n",
           "");
    expect(a, "--seed 7 train --images d --epochs 1", 0, "d 1 0.0001  true\n701\nwrote o/t.ckpt\n",
           "");
    expect(a, "dump-all --threads 3", 0, "", "");
    CHECK(told_threads == 3);
    expect(a, "dump_all", 0, "", "");
    CHECK(told_threads == 0);
}

static void test_wrong_flags(const assembly *a) {
    static const char *const cases[][2] = {
        {"trian", "gan: error: there is no command `trian`\nhint: did you mean `train`?\n"},
        {"xyzzy",
         "gan: error: there is no command `xyzzy`\nhint: `gan --help` lists the commands\n"},
        {"--seed 3", "gan: error: there is no command\nhint: `gan --help` lists the commands\n"},
        {"--images d train",
         "gan: error: there is no flag --images before the command\n"
         "hint: `gan --help` lists the flags\n"},
        {"train",
         "gan: error: `train` needs --images PATH\n"
         "hint: `gan train --help` lists the flags\n"},
        {"sample",
         "gan: error: `sample` needs --n INT, --out PATH\n"
         "hint: `gan sample --help` lists the flags\n"},
        {"train --images", "gan: error: --images needs a value\nhint: --images PATH\n"},
        {"train --images --epochs 3", "gan: error: --images needs a value\nhint: --images PATH\n"},
        {"train --images ''",
         "gan: error: --images should be the name of a file or folder, not ``\n"},
        {"train --images d --epoch 3",
         "gan: error: `train` has no flag --epoch\nhint: did you mean --epochs?\n"},
        {"train --images d --learn-rate=3",
         "gan: error: `train` has no flag --learn-rate\nhint: did you mean --learning-rate?\n"},
        {"train --images d --zzz",
         "gan: error: `train` has no flag --zzz\n"
         "hint: `gan train --help` lists the flags\n"},
        {"train --images d --no-epochs",
         "gan: error: `train` has no flag --no-epochs\n"
         "hint: did you mean --epochs?\n"},
        {"train --images d --epochs ten",
         "gan: error: --epochs should be a whole number, not `ten`\n"},
        {"train --images d --epochs 1.5",
         "gan: error: --epochs should be a whole number, not `1.5`\n"},
        {"train --images d --epochs 99999999999999999999",
         "gan: error: --epochs should be a number that fits 64 bits, not `99999999999999999999`\n"},
        {"train --images d --learning-rate fast",
         "gan: error: --learning-rate should be a number, not `fast`\n"},
        {"train --images d --flip=yes", "gan: error: --flip should be true or false, not `yes`\n"},
        {"train --images d --no-flip=true", "gan: error: --no-flip takes no value\n"},
        {"train --images d --overwrite=1", "gan: error: --overwrite takes no value\n"},
        {"train --images d --seed -1",
         "gan: error: --seed should be a whole number from 0 to 2^64 - 1, not `-1`\n"},
        {"train --images d --workers -1",
         "gan: error: --workers should be a number of threads (0: one a core), not `-1`\n"},
        {"train d",
         "gan: error: `d` is not a flag of `train`\n"
         "hint: values follow their flag: --images d\n"},
        {"train --images d 7",
         "gan: error: `7` is not a flag of `train`\n"
         "hint: values follow their flag: --epochs 7\n"},
        {"train -images d",
         "gan: error: `-images` is not a flag of `train`\n"
         "hint: flags begin with two dashes: --images\n"},
        {"dump_all x",
         "gan: error: `x` is not a flag of `dump_all`\n"
         "hint: `dump_all` takes no values\n"},
        {"sample --resume x",
         "gan: error: `sample` writes no checkpoints, so there is nothing to resume\n"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        expect(a, cases[i][0], 2, "", cases[i][1]);
}

// ---- help ------------------------------------------------------------------------------------

static void test_help(const assembly *a) {
    static const char program[] =
        "gan: the commands of gan.dnet\n"
        "\n"
        "usage: gan COMMAND [--flag value ...]\n"
        "\n"
        "commands:\n"
        "  train      Trains both networks.\n"
        "  sample     Writes samples.\n"
        "  write_log\n"
        "  dump_all\n"
        "\n"
        "`gan COMMAND --help` lists the flags of a command.\n";
    static const char train[] =
        "usage: gan train --images PATH [--epochs INT] [--learning-rate NUMBER] [--title TEXT] "
        "[--flip]\n"
        "\n"
        "Trains both networks.\n"
        "It takes a while.\n"
        "\n"
        "flags:\n"
        "  --images PATH           A folder of images. (required)\n"
        "  --epochs INT            Times through the data. More is slower. (default: 50)\n"
        "  --learning-rate NUMBER  (default: 0.0001)\n"
        "  --title TEXT            What to call it. (default: \"\")\n"
        "  --[no-]flip             Mirror images. (default: true)\n"
        "\n"
        "common flags:\n"
        "  --seed INT     seed of all random numbers (default: 0)\n"
        "  --threads INT  threads that compute (default: one a core)\n"
        "  --workers INT  threads that load data (default: one a core)\n"
        "  --resume FILE  go on from a checkpoint; its flags are used\n"
        "  --overwrite    let checkpoints replace those of earlier runs\n"
        "  --help         show this text\n";
    static const char dump[] =
        "usage: gan dump_all\n"
        "\n"
        "common flags:\n"
        "  --seed INT     seed of all random numbers (default: 0)\n"
        "  --threads INT  threads that compute (default: one a core)\n"
        "  --workers INT  threads that load data (default: one a core)\n"
        "  --help         show this text\n";
    expect(a, "", 0, program, "");
    expect(a, "--help", 0, program, "");
    expect(a, "-h", 0, program, "");
    expect(a, "train --help", 0, train, "");
    expect(a, "train --epochs 3 --help", 0, train, "");
    expect(a, "dump_all --help", 0, dump, "");
}

// ---- running ---------------------------------------------------------------------------------

static void test_failure(const assembly *a) {
    expect(a, "sample --n 12 --out o", 1, "", "test.dnet:5:1: error: n is too large\n");
    expect(a, "sample --n 2 --out o", 0, "", "");
}

static void expect_again(const assembly *a, const char *line, int code, const char *out,
                         const char *err) {
    outcome o = call(a, line);
    CHECK(o.code == code, "%s: exit code %d, expected %d", line, o.code, code);
    CHECK(strcmp(o.out, out) == 0, "%s: printed\n%s--- expected\n%s", line, o.out, out);
    CHECK(strcmp(o.err, err) == 0, "%s: said\n%s--- expected\n%s", line, o.err, err);
    free(o.out);
    free(o.err);
}

static void test_resume(const assembly *a) {
    raises = true;
    expect(a, "train --images d --epochs 2 --seed 4", 130, "d 2 0.0001  true\n",
           "interrupted at step 1; nothing was saved\n");
    dn_interrupt_clear();
    // once there is a checkpoint, Ctrl-C saves
    expect(a, "train --images d --epochs 1 --seed 4", 0, "d 1 0.0001  true\n401\nwrote o/t.ckpt\n",
           "");
    expect_again(a, "train --images d --epochs 1 --seed 4", 1, "d 1 0.0001  true\n",
                 "test.dnet:19:1: error: o/t.ckpt exists\n"
                 "hint: --resume o/t.ckpt goes on with it; --overwrite starts anew\n");
    expect_again(a, "train --images d --epochs 1 --seed 4 --overwrite", 0,
                 "d 1 0.0001  true\n401\nwrote o/t.ckpt\n", "");
    raises = true;
    expect_again(a, "train --resume o/t.ckpt", 130, "wrote o/t.ckpt\n",
                 "interrupted: saved o/t.ckpt at step 2; go on with --resume o/t.ckpt\n");
    dn_interrupt_clear();
    expect_again(a, "train --resume o/t.ckpt --images d --epochs 1 --seed 4 --flip", 0, "401\n",
                 "");
    expect_again(a, "train --resume o/t.ckpt --images e", 1, "",
                 "gan: error: --images is d in the checkpoint, not e\n"
                 "hint: a resumed run has the flags that it began with\n");
    expect_again(a, "train --resume o/t.ckpt --title x", 1, "",
                 "gan: error: --title is \"\" in the checkpoint, not x\n"
                 "hint: a resumed run has the flags that it began with\n");
    expect_again(a, "train --resume o/t.ckpt --seed 5", 1, "",
                 "gan: error: --seed is 4 in the checkpoint, not 5\n"
                 "hint: a resumed run has the flags that it began with\n");
    expect_again(a, "train --resume none.ckpt", 1, "",
                 "gan: error: none.ckpt: No such file or directory\n");
}

// The log belongs to the run: starting anew by mistake leaves it alone.
static void test_log_guarded(const assembly *a) {
    write_file("keep.csv", "rows", 4);
    expect(a, "write_log", 1, "",
           "test.dnet:2:1: error: keep.csv exists\n"
           "hint: --resume CHECKPOINT goes on with its run; --overwrite starts anew\n");
    char *kept = file_text("keep.csv", NULL);
    CHECK(strcmp(kept, "rows") == 0, "%s", kept);
    free(kept);
    expect(a, "write_log --overwrite", 0, "wrote keep.csv\n", "");
}

int main(void) {
    folder_begin();
    assembly a;
    build(&a);
    test_flags(&a);
    test_wrong_flags(&a);
    test_help(&a);
    test_failure(&a);
    test_resume(&a);
    test_log_guarded(&a);
    // (the inits belong to the params, and are released with the assembly)
    assembly_free(&a);
    folder_end();
    return CHECK_RESULT();
}
