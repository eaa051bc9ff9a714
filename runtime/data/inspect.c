// Only decoding shows whether a file is complete, so each is decoded once, without making pixels
// (dn_image_check), in parallel: some 10,000 faces a second on one core.
#include "runtime/data/inspect.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "runtime/data/files.h"
#include "runtime/data/report.h"
#include "runtime/image/image.h"
#include "runtime/threads.h"

enum { NO_DEFECT = -1 };

typedef struct finding {
    int defect;    // a dn_defect, or NO_DEFECT
    char *reason;  // malloc'ed, or NULL
    int64_t size;
    uint64_t hash;  // of the content
    int first;      // for a duplicate: the file that it repeats
} finding;

typedef struct inspection {
    const char *root;
    char *const *names;
    int count;
    finding *findings;
} inspection;

static void found(finding *f, dn_defect defect, dn_status status) {
    f->defect = defect;
    if (status) f->reason = dn_strdup(dn_status_message(status));
    dn_status_free(status);
}

// A file that is read under another name than its format's still decodes.
static bool misnamed(const char *name, dn_image_format format) {
    const char *dot = strrchr(name, '.');
    if (!dot) return false;
    bool png = strcasecmp(dot, ".png") == 0;
    bool jpeg = strcasecmp(dot, ".jpg") == 0 || strcasecmp(dot, ".jpeg") == 0;
    return (format == DN_IMAGE_PNG && jpeg) || (format == DN_IMAGE_JPEG && png);
}

static void inspect_bytes(finding *f, const char *name, dn_image_scratch *scratch,
                          const uint8_t *bytes, size_t size) {
    if (size == 0) {
        found(f, DN_DEFECT_EMPTY, DN_SUCCESS);
        return;
    }
    f->hash = dn_hash(bytes, size, DN_HASH_SEED);
    dn_image_format format = dn_image_sniff(bytes, size);
    int height, width;
    dn_status status = dn_image_check(scratch, bytes, size, &height, &width);
    if (status) {
        found(f, format == DN_IMAGE_UNKNOWN ? DN_DEFECT_NOT_IMAGE : DN_DEFECT_TRUNCATED, status);
    } else if (misnamed(name, format)) {
        f->defect = DN_DEFECT_MISNAMED;
        f->reason = dn_printf("is a %s", format == DN_IMAGE_PNG ? "PNG" : "JPEG");
    }
}

static void inspect_range(void *arg, int64_t chunk, int64_t begin, int64_t end) {
    (void)chunk;
    inspection *in = arg;
    dn_image_scratch *scratch = dn_image_scratch_new();
    dn_buffer bytes = {0};
    for (int64_t i = begin; i < end; i++) {
        finding *f = &in->findings[i];
        *f = (finding){.defect = NO_DEFECT, .first = -1};
        char *path = dn_printf("%s/%s", in->root, in->names[i]);
        dn_status status = dn_buffer_read(&bytes, path, DN_IMAGE_FILE_LIMIT);
        if (status) {
            found(f, DN_DEFECT_UNREADABLE, status);
        } else {
            f->size = (int64_t)bytes.size;
            inspect_bytes(f, in->names[i], scratch, bytes.data, bytes.size);
        }
        free(path);
    }
    free(bytes.data);
    dn_image_scratch_free(scratch);
}

// ---- Duplicates -------------------------------------------------------------------------------

typedef struct candidate {
    int64_t size;
    uint64_t hash;
    int index;
} candidate;

static int compare_candidates(const void *a, const void *b) {
    const candidate *x = a, *y = b;
    if (x->size != y->size) return x->size < y->size ? -1 : 1;
    if (x->hash != y->hash) return x->hash < y->hash ? -1 : 1;
    return x->index - y->index;
}

// Equal hashes are not proof: the bytes are compared too.
static bool same_bytes(const inspection *in, int a, int b) {
    dn_buffer bytes[2] = {{0}, {0}};
    bool same = true;
    for (int i = 0; i < 2; i++) {
        char *path = dn_printf("%s/%s", in->root, in->names[i ? b : a]);
        dn_status status = dn_buffer_read(&bytes[i], path, DN_IMAGE_FILE_LIMIT);
        if (status) same = false;
        dn_status_free(status);
        free(path);
    }
    same = same && bytes[0].size == bytes[1].size &&
           memcmp(bytes[0].data, bytes[1].data, bytes[0].size) == 0;
    free(bytes[0].data);
    free(bytes[1].data);
    return same;
}

static void mark_duplicates(inspection *in) {
    candidate *all = dn_xmalloc((size_t)in->count * sizeof *all);
    int n = 0;
    for (int i = 0; i < in->count; i++) {
        const finding *f = &in->findings[i];
        if (f->defect == NO_DEFECT || f->defect == DN_DEFECT_MISNAMED)
            all[n++] = (candidate){.size = f->size, .hash = f->hash, .index = i};
    }
    if (n) qsort(all, (size_t)n, sizeof *all, compare_candidates);
    for (int first = 0, i = 1; i < n; i++) {
        if (all[i].size != all[first].size || all[i].hash != all[first].hash) {
            first = i;
        } else if (same_bytes(in, all[first].index, all[i].index)) {
            finding *f = &in->findings[all[i].index];
            free(f->reason);
            f->defect = DN_DEFECT_DUPLICATE;
            f->first = all[first].index;
            f->reason = dn_printf("the same bytes as %s", in->names[f->first]);
        }
    }
    free(all);
}

// ---- The result -------------------------------------------------------------------------------

static dn_status report_one(inspection *in, int i, bool strict, dn_arena *arena, dn_report *report,
                            bool *used, uint64_t *hash) {
    const finding *f = &in->findings[i];
    if (f->defect != NO_DEFECT) {
        dn_defect defect = (dn_defect)f->defect;
        if (strict)
            return dn_with_hint(
                dn_fail(DN_CORRUPT, "%s/%s: %s%s%s", in->root, in->names[i], dn_defect_name(defect),
                        f->reason ? ": " : "", f->reason ? f->reason : ""),
                "without strict such files are skipped and reported");
        dn_report_add(report, arena, defect, in->names[i], f->reason);
    }
    report->seen++;
    used[i] = f->defect == NO_DEFECT || f->defect == DN_DEFECT_MISNAMED;
    if (used[i]) {
        report->used++;
        *hash = dn_hash(in->names[i], strlen(in->names[i]) + 1, *hash);
        *hash = dn_hash(&f->size, sizeof f->size, *hash);
        *hash = dn_hash(&f->hash, sizeof f->hash, *hash);
    }
    return DN_SUCCESS;
}

dn_status dn_inspect_images(const char *root, char *const *names, int count, bool strict,
                            dn_arena *arena, dn_report *report, bool *used, uint64_t *hash) {
    dn_pool *pool;
    DN_TRY(dn_pool_new(0, &pool));
    inspection in = {.root = root,
                     .names = names,
                     .count = count,
                     .findings = dn_xcalloc((size_t)count, sizeof(finding))};
    dn_parallel_for(pool, count, 64, inspect_range, &in);
    dn_pool_free(pool);
    mark_duplicates(&in);
    report->unit = "images";
    dn_status status = DN_SUCCESS;
    for (int i = 0; i < count && !status; i++)
        status = report_one(&in, i, strict, arena, report, used, hash);
    for (int i = 0; i < count; i++) free(in.findings[i].reason);
    free(in.findings);
    return status;
}
