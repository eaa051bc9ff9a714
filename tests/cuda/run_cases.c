// Runs cases (case_file.h) on the GPU that the driver shows, or on the simulated one that
// DNET_CUDA_DRIVER names, and compares: run_cases FILE ... Needs the runtime alone.
#include <math.h>
#include <string.h>

#include "runtime/cuda/cuda_image.h"
#include "runtime/host/program_image.h"
#include "tests/cuda/case_file.h"

enum { MOST_SHOWN = 5 };

typedef struct batch {
    dn_arena arena;
    char *program_bytes, *cuda_bytes;
    dn_program_image image;
    dn_cuda_code code;
    dn_cuda *device;
} batch;

static int passed, failed;

// Of what was right, what used most of what it may be away.
static struct {
    double share;
    char name[64];
} nearest;

static void complain(const gpu_case *c, const char *what) {
    fprintf(stderr, "FAILED %s: %s\n", c->name, what);
    if (failed++ < MOST_SHOWN) fprintf(stderr, "%s\n", c->text);
}

// ---- comparing ----

// Whether both are the same number, or both NaN.
static bool same(const dn_tensor *a, const dn_tensor *b, int64_t i) {
    double x = dn_tensor_get(a, i), y = dn_tensor_get(b, i);
    return x == y || (isnan(x) && isnan(y));
}

static bool close(const gpu_case *c, const case_result *r, const dn_tensor *have, int64_t i) {
    double away = fabs(dn_tensor_get(have, i) - dn_tensor_get(r->want, i));
    if (same(have, r->want, i) || isinf(r->allowed[i])) return true;
    if (!(away <= r->allowed[i])) return false;
    if (away / r->allowed[i] <= nearest.share) return true;
    nearest.share = away / r->allowed[i];
    snprintf(nearest.name, sizeof nearest.name, "%s", c->name);
    return true;
}

static bool check_result(const gpu_case *c, int index, const dn_tensor *have) {
    const case_result *r = &c->results[index];
    for (int64_t i = 0; i < dn_shape_elements(&have->shape); i++) {
        if (close(c, r, have, i)) continue;
        char *what = dn_printf("%s %d at element %lld: %.9g, and not %.9g (may be %.3g away)",
                               index < c->n_outputs ? "output" : "variable",
                               index < c->n_outputs ? index : index - c->n_outputs, (long long)i,
                               dn_tensor_get(have, i), dn_tensor_get(r->want, i), r->allowed[i]);
        complain(c, what);
        free(what);
        return false;
    }
    return true;
}

// ---- running ----

static dn_status settle(const gpu_case *c, dn_tensor **outputs) {
    for (int i = 0; i < c->n_outputs; i++) DN_TRY(dn_tensor_settle(outputs[i]));
    for (int i = 0; i < c->n_vars; i++) DN_TRY(dn_tensor_settle(c->vars[i]));
    return DN_SUCCESS;
}

static bool check_all(const gpu_case *c, dn_tensor **outputs) {
    bool right = true;
    for (int i = 0; i < c->n_outputs; i++) right = right && check_result(c, i, outputs[i]);
    for (int i = 0; i < c->n_vars; i++)
        right = right && check_result(c, c->n_outputs + i, c->vars[i]);
    return right;
}

static bool run_case(batch *b, const dn_entry *entry, gpu_case *c) {
    dn_tensor **outputs = dn_xcalloc((size_t)c->n_outputs + 1, sizeof *outputs);
    dn_native_call call = {entry, c->inputs, c->vars, outputs, c->seed, c->step};
    dn_status status = dn_cuda_run(b->device, &call);
    if (!status) status = settle(c, outputs);
    bool right = !status && check_all(c, outputs);
    if (status) complain(c, dn_status_message(status));
    dn_status_free(status);
    for (int i = 0; i < c->n_outputs; i++) dn_tensor_release(outputs[i]);
    free(outputs);
    return right;
}

static dn_status open_batch(batch *b, FILE *file) {
    size_t size;
    b->program_bytes = take_block(file, &size);
    DN_TRY(dn_program_decode(&b->arena, b->program_bytes, size, &b->image));
    b->cuda_bytes = take_block(file, &size);
    DN_TRY(dn_cuda_image_decode(&b->arena, b->cuda_bytes, size, &b->image.program, &b->code));
    return dn_cuda_open(&b->image.program, &b->code, 0, &b->device);
}

static dn_status run_batch(FILE *file) {
    batch b = {0};
    dn_status status = open_batch(&b, file);
    for (int i = 0; !status && i < b.image.program.n_entries; i++) {
        gpu_case c;
        take_case(file, &c);
        passed += run_case(&b, &b.image.program.entries[i], &c);
        free_gpu_case(&c);
    }
    dn_cuda_close(b.device);
    dn_arena_free(&b.arena);
    free(b.program_bytes);
    free(b.cuda_bytes);
    return status;
}

static void run_file(const char *path) {
    FILE *file = fopen(path, "rb");
    if (!file) {
        perror(path);
        exit(2);
    }
    for (int byte; (byte = getc(file)) != EOF;) {
        ungetc(byte, file);
        dn_status status = run_batch(file);
        if (!status) continue;
        fprintf(stderr, "%s: %s\n", path, dn_status_message(status));
        if (dn_status_note(status)) fprintf(stderr, "note: %s\n", dn_status_note(status));
        dn_status_free(status);
        exit(1);
    }
    fclose(file);
}

int main(int argc, char **argv) {
    for (int i = 1; i < argc; i++) run_file(argv[i]);
    printf("- found: %d cases passed, %d failed", passed, failed);
    if (nearest.share > 0)
        printf("; nearest to its limit is %s, at %.2f of it", nearest.name, nearest.share);
    putchar('\n');
    return failed || !passed;
}
