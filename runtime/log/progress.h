// Progress of long work. On a terminal: one line redrawn (a bar, count, rate, ETA, the last logged
// values); elsewhere: a plain line now and then and at the end. Never more than ten redraws a
// second. Every function accepts a NULL progress and then does nothing.
#ifndef DN_RUNTIME_PROGRESS_H
#define DN_RUNTIME_PROGRESS_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

typedef struct dn_progress dn_progress;

typedef struct dn_logged {
    const char *name;
    double value;
} dn_logged;

// `label` ("epoch 3/50") may be ""; total < 0: unknown. `out`: usually stderr. Colours only on a
// terminal without NO_COLOR; the width is the terminal's.
dn_progress *dn_progress_new(FILE *out, const char *label, int64_t total, int64_t done);
void dn_progress_values(dn_progress *progress, const dn_logged *values, int count);
void dn_progress_advance(dn_progress *progress, int64_t by);
// Ends the line, with the time taken and the mean of each value since the start; frees.
void dn_progress_end(dn_progress *progress);
// Clears the drawn line so that something else can be printed; the next advance draws it again.
void dn_progress_hide(dn_progress *progress);

#endif
