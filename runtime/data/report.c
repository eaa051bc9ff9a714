#include "runtime/data/report.h"

static const struct {
    const char *name, *plain;
} defects[DN_DEFECT_COUNT] = {
    [DN_DEFECT_UNREADABLE] = {"unreadable", "unreadable"},
    [DN_DEFECT_EMPTY] = {"empty", "empty"},
    [DN_DEFECT_TRUNCATED] = {"truncated", "truncated or damaged"},
    [DN_DEFECT_NOT_IMAGE] = {"not an image", "not an image"},
    [DN_DEFECT_MISNAMED] = {"misnamed", "misnamed but used"},
    [DN_DEFECT_DUPLICATE] = {"duplicate", "duplicate"},
    [DN_DEFECT_BAD_ROW] = {"bad row", "with a missing or bad cell"},
};

const char *dn_defect_name(dn_defect defect) { return defects[defect].name; }

void dn_report_add(dn_report *report, dn_arena *arena, dn_defect defect, const char *name,
                   const char *reason) {
    int64_t at = report->count[defect]++;
    if (at >= DN_REPORT_NAMES) return;
    if (!report->names[defect])
        report->names[defect] = DN_NEW_ARRAY(arena, char *, DN_REPORT_NAMES);
    report->names[defect][at] =
        reason ? dn_arena_printf(arena, "%s: %s", name, reason) : dn_arena_strdup(arena, name);
}

static void print_kind(const dn_report *report, dn_defect defect, dn_str *out) {
    enum { SHOWN = 3 };
    int64_t count = report->count[defect];
    dn_str_printf(out, "%lld %s (", (long long)count, defects[defect].plain);
    for (int64_t i = 0; i < count && i < SHOWN; i++)
        dn_str_printf(out, "%s%s", i ? "; " : "", report->names[defect][i]);
    dn_str_printf(out, "%s)\n", count > SHOWN ? "; ..." : "");
}

void dn_report_print(const dn_report *report, dn_str *out) {
    dn_str_printf(out, "%lld of %lld %s used\n", (long long)report->used, (long long)report->seen,
                  report->unit ? report->unit : "elements");
    for (int i = 0; i < DN_DEFECT_COUNT; i++)
        if (report->count[i]) print_kind(report, (dn_defect)i, out);
}
