// Building a cleaning report.
#ifndef DN_RUNTIME_REPORT_H
#define DN_RUNTIME_REPORT_H

#include "runtime/base/memory.h"
#include "runtime/data/dataset.h"

enum { DN_REPORT_NAMES = 100 };

const char *dn_defect_name(dn_defect defect);
// Counts a defect and keeps its name and reason (may be NULL), both copied to the arena.
void dn_report_add(dn_report *report, dn_arena *arena, dn_defect defect, const char *name,
                   const char *reason);

#endif
