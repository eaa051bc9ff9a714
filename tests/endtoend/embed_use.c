/* Uses libgan, which embed_test.py makes.
   use WEIGHTS NOISE OUT THREADS: the images made of NOISE, as raw numbers. WEIGHTS `-`: first values;
   `memory:FILE`: read here.
   use twice WEIGHTS NOISE OUT: two objects in two threads; fails unless both make the same. */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "gan.h"

enum { NOISE = 16 * 8, IMAGES = 16 * 28 * 28 };

static char error[300];

static void fail(const char *what) {
    printf("%s\n", what);
    exit(3);
}

static size_t read_all(const char *path, void *to, size_t most) {
    FILE *file = fopen(path, "rb");
    size_t size;
    if (!file) fail(path);
    size = fread(to, 1, most, file);
    fclose(file);
    return size;
}

static gan *open_gan(const char *weights, int threads) {
    static char bytes[1 << 20];
    gan *g;
    if (strncmp(weights, "memory:", 7) == 0)
        g = gan_new_from_memory(bytes, read_all(weights + 7, bytes, sizeof bytes), threads, error, sizeof error);
    else
        g = gan_new(strcmp(weights, "-") == 0 ? NULL : weights, threads, error, sizeof error);
    if (!g) fail(error);
    return g;
}

/* The other functions, and what a caller can do wrong. */
static void check_rest(gan *g, const float *noise, float *images) {
    float *x = images, logit[4], mean, a[2 * 28 * 28], b[2 * 28 * 28];
    char small[8] = "";
    if (gan_judge(g, x, 2, logit, &mean, error, sizeof error)) fail(error);
    if (!(mean > -1 && mean < 1)) fail("a mean out of range");
    if (gan_draw(g, a, NULL, 0) || gan_draw(g, b, NULL, 0)) fail("draw");
    if (memcmp(a, b, sizeof a) == 0) fail("the same twice");
    gan_seed(g, 0);
    if (gan_draw(g, b, NULL, 0) || memcmp(a, b, sizeof a) != 0) fail("not the same again");
    if (!gan_generate(g, NULL, images, error, sizeof error) || strcmp(error, "z is NULL") != 0) fail("NULL");
    if (!gan_generate(g, noise, NULL, small, sizeof small) || strcmp(small, "the res") != 0) fail(small);
    if (!gan_generate(NULL, noise, images, NULL, 0)) fail("no object");
    if (!strstr(gan_version(), "gan.dnet, compiled by dnet")) fail(gan_version());
    gan_free(NULL);
}

typedef struct job {
    gan *g;
    const float *noise;
    float *images;
    int failed;
} job;

static void *run(void *arg) {
    job *j = arg;
    int i;
    for (i = 0; i < 20 && !j->failed; i++) j->failed = gan_generate(j->g, j->noise, j->images, NULL, 0);
    return NULL;
}

static void generate_twice(const char *weights, const float *noise, float *images) {
    static float others[IMAGES];
    pthread_t thread;
    job a = {0}, b = {0};
    a.g = open_gan(weights, 1), b.g = open_gan(weights, 2);
    a.noise = b.noise = noise;
    a.images = images, b.images = others;
    if (pthread_create(&thread, NULL, run, &a) != 0) fail("no thread");
    run(&b);
    pthread_join(thread, NULL);
    if (a.failed || b.failed || memcmp(images, others, sizeof others) != 0) fail("they differ");
    gan_free(a.g);
    gan_free(b.g);
}

int main(int argc, char **argv) {
    static float noise[NOISE + 1], images[IMAGES];
    int twice = argc == 5 && strcmp(argv[1], "twice") == 0;
    FILE *out;
    if (argc != 5) return 2;
    /* One float in: no pointer of ours is aligned to more than its type. */
    if (read_all(argv[2 + twice], noise + 1, sizeof(float) * NOISE) != sizeof(float) * NOISE) fail("the noise");
    if (twice) {
        generate_twice(argv[2], noise + 1, images);
    } else {
        gan *g = open_gan(argv[1], atoi(argv[4]));
        if (gan_generate(g, noise + 1, images, error, sizeof error)) fail(error);
        check_rest(g, noise + 1, images);
        gan_free(g);
    }
    out = fopen(argv[3 + twice], "wb");
    if (!out || fwrite(images, 1, sizeof images, out) != sizeof images || fclose(out) != 0) fail("cannot write");
    return 0;
}
