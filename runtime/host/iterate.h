// Going through ranges, lists, tensors and datasets, with or without a progress bar.
#ifndef DN_RUNTIME_HOST_ITERATE_H
#define DN_RUNTIME_HOST_ITERATE_H

#include "runtime/host/vm.h"

// What progress(items, label) makes.
typedef struct dn_host_progress {
    int references;
    dn_value items;
    dn_value label;  // a string
} dn_host_progress;

// A loop under way. Its state is (items, epoch, position): the rest is made again when needed, so
// that is all a checkpoint stores.
typedef struct dn_host_iterator {
    int references;
    dn_value items;     // a range, list, tensor or dataset
    bool shows;         // a progress bar
    dn_value label;     // of the bar, a string; none without one
    uint64_t epoch;     // of a dataset
    int64_t position;   // elements handed out
    dn_iterator *data;  // a dataset's, from the first element on
    dn_progress *bar;   // from the first element on
} dn_host_iterator;

void dn_host_progress_free(dn_host_progress *progress);
// Ends the loop first, if it was not.
void dn_host_iterator_free(dn_host_iterator *iterator);

// The number of elements to go through, or -1 when `items` has none.
int64_t dn_host_size(const dn_value *items);
// Wraps what can be gone through (takes both references); a progress of a progress is DN_INVALID.
dn_status dn_host_progress_new(dn_value items, dn_value label, dn_value *out) DN_MUST_USE;
// Starts a loop over `items` (not taken), which may be a progress.
dn_status dn_host_iterate(const dn_value *items, uint64_t epoch, dn_value *out) DN_MUST_USE;
// Draws the loop's bar, if it has one; the caller hides the one around it.
void dn_host_iterator_show(dn_host_iterator *iterator, FILE *out);
// The next element (owned by the caller); at the end *done, and the caller ends it.
dn_status dn_host_next(dn_host_iterator *iterator, const dn_run_options *options, dn_value *element,
                       bool *done) DN_MUST_USE;
// Ends the bar and leaves the dataset's threads and buffers to its next epoch.
void dn_host_iterator_end(dn_host_iterator *iterator);

#endif
