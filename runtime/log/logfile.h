// Logged values as CSV or JSON lines, a row a call.
#ifndef DN_RUNTIME_LOGFILE_H
#define DN_RUNTIME_LOGFILE_H

#include "runtime/base/status.h"
#include "runtime/log/progress.h"

typedef struct dn_logfile dn_logfile;

// The format is the extension's: .csv or .jsonl (another is DN_INVALID). `offset` is where writing
// starts: 0 makes a new file (an old one is replaced), else the file is cut to that many bytes,
// which a resumed run does to drop rows written after its checkpoint.
dn_status dn_logfile_open(const char *path, int64_t offset, dn_logfile **out) DN_MUST_USE;
// A row "step, name...". CSV's columns are those of the first row; a later row with other names
// is DN_INVALID. Rows are flushed to the system at once. Numbers print shortest round-trip.
// NaN and infinities are null in JSON, which has no other name for them, and nan, inf, -inf in CSV.
// After a failed write (a full disk) the file is cut back to its whole rows.
dn_status dn_logfile_row(dn_logfile *file, int64_t step, const dn_logged *values,
                         int count) DN_MUST_USE;
int64_t dn_logfile_offset(const dn_logfile *file);
void dn_logfile_close(dn_logfile *file);  // accepts NULL

#endif
